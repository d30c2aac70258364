/*
 * An exported state beside the shadow's own, word for word; where they differ, section by section.
 *
 * Equal states are equal words, so the usual comparison is one pass. Sections of unknown types, and
 * the order of sections, do not count: they only send us the long way, which names the first field
 * that differs, by the order of target.h; guards before the counts of free pages that hang on them.
 *
 * Not here: the lists (compare_lists.c); what only some machines have (compare_boot.c); switches, fragments, page
 * states (compare_switches.c).
 */
#include "oracle/compare.h"

#include <stdarg.h>
#include <stdio.h>

const char *shadow_zone_index_name(unsigned int index)
{
	static const char *const names[MACHINE_NR_ZONES] = { "DMA", "DMA32", "Normal", "Movable" };

	return index < MACHINE_NR_ZONES ? names[index] : "?";
}

/* ---- What is said ---- */

/* Of lists, the largest word stands for an end; of the user's min_free_kbytes it is -1. */
static void number_text(uint64_t number, char text[24])
{
	if (number == NO_PFN)
		snprintf(text, 24, "nothing (-1)");
	else
		snprintf(text, 24, "%lld", (long long)number);
}

bool comparison_differs(struct comparison *c, enum rule rule, uint64_t expect, uint64_t actual,
			const char *format, ...)
{
	struct verdict *v = c->verdict;
	char came[24], expected[24];
	va_list list;

	c->s->exercised[rule]++;
	*v = (struct verdict){ .broken = true,
			       .rule = rule,
			       .expect = expect,
			       .actual = actual,
			       .has_values = true,
			       .pfn = NO_PFN };
	va_start(list, format);
	vsnprintf(v->field, sizeof(v->field), format, list);
	va_end(list);
	number_text(actual, came);
	number_text(expect, expected);
	snprintf(v->what, sizeof(v->what), "%s is %s, expected %s: %s", v->field, came, expected,
		 rule_info[rule].sentence);
	return false;
}

bool comparison_misses(struct comparison *c, const char *what)
{
	struct verdict *v = c->verdict;

	c->s->exercised[RULE_STATE_SECTIONS]++;
	*v = (struct verdict){ .broken = true, .rule = RULE_STATE_SECTIONS, .pfn = NO_PFN };
	snprintf(v->field, sizeof(v->field), "%s", what);
	snprintf(v->what, sizeof(v->what), "the export has not the %s that the machine calls for",
		 what);
	return false;
}

/* ---- Sections of one kind that has one field a word ---- */

struct field {
	enum rule rule, at_boot;
	const char *name;
};

static bool compare_fields(struct comparison *c, const struct field *fields, size_t nr,
			   const uint64_t *expect, const uint64_t *actual, const char *prefix)
{
	for (size_t i = 0; i < nr; i++)
		if (expect[i] != actual[i])
			return comparison_differs(c,
						  c->at_boot ? fields[i].at_boot : fields[i].rule,
						  expect[i], actual[i], "%s%s", prefix,
						  fields[i].name);
	return true;
}

#define ALWAYS(rule) RULE_##rule, RULE_##rule
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct field header_fields[] = {
	{ ALWAYS(STATE_SECTIONS), "version" },
	{ ALWAYS(TIME_TICKS), "ticks" },
	{ ALWAYS(BOOT_GROUPING), "grouping_off" },
};

static const struct field tunable_fields[SYSCTL_COUNT + 1] = {
	{ RULE_TUNABLE_MIN_FREE_KBYTES, RULE_BOOT_MIN_FREE_KBYTES, "min_free_kbytes" },
	{ ALWAYS(TUNABLE_WATERMARK_SCALE_FACTOR), "watermark_scale_factor" },
	{ ALWAYS(TUNABLE_WATERMARK_BOOST_FACTOR), "watermark_boost_factor" },
	{ ALWAYS(TUNABLE_HIGH_FRACTION), "percpu_pagelist_high_fraction" },
	{ ALWAYS(TUNABLE_RESERVE_RATIO_DMA), "lowmem_reserve_ratio.dma" },
	{ ALWAYS(TUNABLE_RESERVE_RATIO_DMA32), "lowmem_reserve_ratio.dma32" },
	{ ALWAYS(TUNABLE_RESERVE_RATIO_NORMAL), "lowmem_reserve_ratio.normal" },
	{ ALWAYS(TUNABLE_USER_MIN_FREE_KBYTES), "user_min_free_kbytes" },
};

static const struct field node_fields[] = {
	{ ALWAYS(STATE_SECTIONS), "node" },
	{ ALWAYS(KSWAPD_AWAKE), "awake" },
	{ ALWAYS(KSWAPD_ORDER), "order" },
	{ ALWAYS(KSWAPD_ZONE_INDEX), "zone_index" },
};

static const struct field zone_fields[LB_ZONE_WORDS] = {
	[LB_ZONE_NODE] = { ALWAYS(STATE_SECTIONS), "node" },
	[LB_ZONE_INDEX] = { ALWAYS(STATE_SECTIONS), "index" },
	[LB_ZONE_START] = { ALWAYS(BOOT_ZONE_START), "start" },
	[LB_ZONE_SPANNED] = { ALWAYS(BOOT_ZONE_SPANNED), "spanned" },
	[LB_ZONE_PRESENT] = { ALWAYS(BOOT_ZONE_PRESENT), "present" },
	[LB_ZONE_MANAGED] = { RULE_ZONE_MANAGED, RULE_BOOT_ZONE_MANAGED, "managed" },
	[LB_ZONE_FREE] = { ALWAYS(ZONE_FREE), "free" },
	[LB_ZONE_MIN] = { RULE_ZONE_MIN, RULE_BOOT_MIN, "min" },
	[LB_ZONE_LOW] = { RULE_ZONE_LOW, RULE_BOOT_LOW, "low" },
	[LB_ZONE_HIGH] = { RULE_ZONE_HIGH, RULE_BOOT_HIGH, "high" },
	[LB_ZONE_BOOST] = { ALWAYS(ZONE_BOOST), "boost" },
	[LB_ZONE_BOOSTED_FLAG] = { ALWAYS(ZONE_BOOSTED_FLAG), "boosted" },
	[LB_ZONE_HIGHATOMIC] = { ALWAYS(ZONE_HIGHATOMIC), "highatomic" },
	[LB_ZONE_RESERVE] = { RULE_ZONE_LOWMEM_RESERVE, RULE_BOOT_LOWMEM_RESERVE, "reserve[0]" },
	[LB_ZONE_RESERVE + 1] = { RULE_ZONE_LOWMEM_RESERVE, RULE_BOOT_LOWMEM_RESERVE,
				  "reserve[1]" },
	[LB_ZONE_RESERVE + 2] = { RULE_ZONE_LOWMEM_RESERVE, RULE_BOOT_LOWMEM_RESERVE,
				  "reserve[2]" },
	[LB_ZONE_RESERVE + 3] = { RULE_ZONE_LOWMEM_RESERVE, RULE_BOOT_LOWMEM_RESERVE,
				  "reserve[3]" },
};

static const struct field counter_fields[LB_COUNT_COUNT] = {
	[LB_COUNT_PGALLOC] = { ALWAYS(COUNTER_PGALLOC), "pgalloc" },
	[LB_COUNT_PGFREE] = { ALWAYS(COUNTER_PGFREE), "pgfree" },
};

static const struct field stat_fields[LB_STAT_NUMA] = {
	[LB_STAT_NODE] = { ALWAYS(STATE_SECTIONS), "node" },
	[LB_STAT_INDEX] = { ALWAYS(STATE_SECTIONS), "index" },
	[LB_STAT_THRESHOLD] = { RULE_STAT_THRESHOLD, RULE_BOOT_STAT_THRESHOLD, "threshold" },
	[LB_STAT_DRIFT_MARK] = { RULE_STAT_DRIFT_MARK, RULE_BOOT_STAT_DRIFT_MARK, "drift_mark" },
	[LB_STAT_FREE] = { ALWAYS(STAT_FREE_SHARED), "free" },
	[LB_STAT_ISOLATED] = { ALWAYS(STAT_ISOLATED), "isolated" },
};

static const struct field numa_fields[LB_NUMA_COUNT] = {
	[LB_NUMA_HIT] = { ALWAYS(NUMA_HIT), "numa_hit" },
	[LB_NUMA_MISS] = { ALWAYS(NUMA_MISS), "numa_miss" },
	[LB_NUMA_FOREIGN] = { ALWAYS(NUMA_FOREIGN), "numa_foreign" },
	[LB_NUMA_INTERLEAVE_HIT] = { ALWAYS(NUMA_INTERLEAVE_HIT), "interleave_hit" },
	[LB_NUMA_LOCAL] = { ALWAYS(NUMA_LOCAL), "numa_local" },
	[LB_NUMA_OTHER] = { ALWAYS(NUMA_OTHER), "numa_other" },
};

/* The words of a CPU behind them. */
static const struct field cpu_stat_fields[] = {
	{ RULE_STAT_DELTA, RULE_BOOT_STAT_DELTA, "delta" },
	{ ALWAYS(STAT_TURNS), "turns" },
	{ ALWAYS(STAT_NUMA_EVENT), "numa_event" },
};

static const struct field tasks_fields[] = {
	{ ALWAYS(TASK_CPUSETS_ON), "cpusets_on" },
	{ ALWAYS(TASK_GFP_ALLOWED_MASK), "gfp_allowed_mask" },
};

/* The words of each CPU's task behind them. */
static const struct field task_fields[] = {
	{ ALWAYS(TASK_POLICY_MODE), "mode" },
	{ ALWAYS(TASK_POLICY_NODES), "nodes" },
	{ ALWAYS(TASK_IL_PREV), "il_prev" },
	{ ALWAYS(TASK_MEMS_ALLOWED), "mems_allowed" },
};

/* All sections of a type, the first beside the first, each with one word a field. */
static bool compare_plain(struct comparison *c, enum lb_state_section type,
			  const struct field *fields, size_t nr, const char *name)
{
	const uint64_t *ours = c->expect, *theirs = c->actual;
	struct section expect, actual;

	for (;;) {
		bool wanted = section_find(&ours, type, &expect),
		     there = section_find(&theirs, type, &actual);
		char prefix[32] = "";

		if (!wanted && !there)
			return true;
		if (!wanted || !there || expect.n != nr || actual.n != nr)
			return comparison_misses(c, name);
		if (type == LB_STATE_ZONE)
			snprintf(prefix, sizeof(prefix), "zone[%u:%s].",
				 (unsigned int)expect.words[LB_ZONE_NODE],
				 shadow_zone_index_name((unsigned int)expect.words[LB_ZONE_INDEX]));
		else if (type == LB_STATE_NODE)
			snprintf(prefix, sizeof(prefix), "kswapd[%u].",
				 (unsigned int)expect.words[0]);
		else if (type != LB_STATE_HEADER)
			snprintf(prefix, sizeof(prefix), "%s.", name);
		if (!compare_fields(c, fields, nr, expect.words, actual.words, prefix))
			return false;
	}
}

/* ---- Counters of a zone: its own, then so many of each CPU ---- */

static bool compare_zone_stat(struct comparison *c, const uint64_t *expect, const uint64_t *actual)
{
	unsigned int node = (unsigned int)expect[LB_STAT_NODE];
	const char *index = shadow_zone_index_name((unsigned int)expect[LB_STAT_INDEX]);
	char prefix[40];

	snprintf(prefix, sizeof(prefix), "stat[%u:%s].", node, index);
	if (!compare_fields(c, stat_fields, LB_STAT_NUMA, expect, actual, prefix) ||
	    !compare_fields(c, numa_fields, LB_NUMA_COUNT, expect + LB_STAT_NUMA,
			    actual + LB_STAT_NUMA, prefix))
		return false;
	for (uint32_t cpu = 0; cpu < c->s->nr_cpus; cpu++) {
		size_t nr = COUNT_OF(cpu_stat_fields), at = LB_STAT_CPU + nr * cpu;

		snprintf(prefix, sizeof(prefix), "stat[%u:%s:cpu%u].", node, index, cpu);
		if (!compare_fields(c, cpu_stat_fields, nr, expect + at, actual + at, prefix))
			return false;
	}
	return true;
}

static bool compare_zone_stats(struct comparison *c)
{
	const uint64_t *ours = c->expect, *theirs = c->actual;
	struct section expect, actual;

	for (;;) {
		bool wanted = section_find(&ours, LB_STATE_ZONE_STAT, &expect),
		     there = section_find(&theirs, LB_STATE_ZONE_STAT, &actual);

		if (!wanted && !there)
			return true;
		if (!wanted || !there || expect.n != actual.n)
			return comparison_misses(c, "zone counters");
		if (!compare_zone_stat(c, expect.words, actual.words))
			return false;
	}
}

/* ---- Tasks: what all share, then so many words each ---- */

static bool compare_tasks(struct comparison *c)
{
	const uint64_t *ours = c->expect, *theirs = c->actual;
	struct section expect, actual;

	section_find(&ours, LB_STATE_TASKS, &expect);
	section_find(&theirs, LB_STATE_TASKS, &actual);
	if (expect.n != actual.n)
		return comparison_misses(c, "tasks");
	if (!compare_fields(c, tasks_fields, COUNT_OF(tasks_fields), expect.words, actual.words,
			    "tasks."))
		return false;
	for (uint32_t cpu = 0; cpu < c->s->nr_cpus; cpu++) {
		size_t nr = COUNT_OF(task_fields), at = COUNT_OF(tasks_fields) + nr * cpu;
		char prefix[24];

		snprintf(prefix, sizeof(prefix), "task[cpu%u].", cpu);
		if (!compare_fields(c, task_fields, nr, expect.words + at, actual.words + at,
				    prefix))
			return false;
	}
	return true;
}

/* ---- Sections that are one sequence of words; absent and empty are the same ---- */

static bool compare_words(struct comparison *c, enum lb_state_section type, enum rule rule,
			  const char *name)
{
	const uint64_t *ours = c->expect, *theirs = c->actual;
	struct section expect, actual;

	section_find(&ours, type, &expect);
	section_find(&theirs, type, &actual);
	for (uint64_t i = 0; i < expect.n || i < actual.n; i++) {
		uint64_t e = i < expect.n ? expect.words[i] : NO_PFN,
			 a = i < actual.n ? actual.words[i] : NO_PFN;

		if (e == a)
			continue;
		comparison_differs(c, rule, e, a, "%s[%llu]", name, (unsigned long long)i);
		c->verdict->pfn = e < a ? e : a;
		return false;
	}
	return true;
}

static bool compare_pageblocks(struct comparison *c)
{
	const uint64_t *ours = c->expect, *theirs = c->actual;
	struct section expect, actual;
	enum rule rule = c->at_boot ? RULE_BOOT_PAGEBLOCK_TYPE : RULE_PAGEBLOCK_TYPE;

	section_find(&ours, LB_STATE_PAGEBLOCKS, &expect);
	section_find(&theirs, LB_STATE_PAGEBLOCKS, &actual);
	if (actual.n != expect.n || actual.words[0] != 0 || actual.words[1] != expect.words[1])
		return comparison_misses(c, "pageblocks");
	for (uint64_t b = 0; b < expect.words[1]; b++) {
		uint64_t e = expect.words[2 + b / 16] >> b % 16 * 4 & 15,
			 a = actual.words[2 + b / 16] >> b % 16 * 4 & 15;

		if (e == a)
			continue;
		if (comparison_was_deferred(c, b << c->s->pageblock_order))
			rule = RULE_DEFERRED_TYPES;
		comparison_differs(c, rule, e, a, "pageblock[%llu]", (unsigned long long)b);
		c->verdict->pfn = b << c->s->pageblock_order;
		return false;
	}
	return true;
}

/* ---- The whole ---- */

static bool compare_sections(struct comparison *c)
{
	return compare_plain(c, LB_STATE_HEADER, header_fields, COUNT_OF(header_fields),
			     "header") &&
	       compare_words(c, LB_STATE_RESERVED, RULE_BOOT_RESERVED_KEPT, "reserved") &&
	       compare_plain(c, LB_STATE_TUNABLES, tunable_fields, COUNT_OF(tunable_fields),
			     "tunables") &&
	       compare_plain(c, LB_STATE_NODE, node_fields, COUNT_OF(node_fields), "nodes") &&
	       comparison_of_movable(c) && comparison_of_deferred(c) && comparison_of_guards(c) &&
	       compare_plain(c, LB_STATE_ZONE, zone_fields, COUNT_OF(zone_fields), "zones") &&
	       comparison_of_free_lists(c) && comparison_of_page_lists(c) &&
	       compare_pageblocks(c) && comparison_of_marks(c) &&
	       compare_words(c, LB_STATE_LEAKED, RULE_PAGE_LEAKED, "leaked") &&
	       compare_plain(c, LB_STATE_COUNTERS, counter_fields, COUNT_OF(counter_fields),
			     "counters") &&
	       compare_zone_stats(c) && compare_tasks(c) && comparison_of_switches(c);
}

/*
 * Up to and with the section END, which ends both at the same place if all before it is the same.
 */
static bool words_are_equal(const uint64_t *expect, const uint64_t *actual)
{
	for (;;) {
		uint64_t type = expect[0], n = expect[1];

		if (actual[0] != type || actual[1] != n)
			return false;
		if (type == LB_STATE_END)
			return true;
		if (memcmp(expect + 2, actual + 2, n * sizeof(*expect)) != 0)
			return false;
		expect += 2 + n;
		actual += 2 + n;
	}
}

static void count_fields(struct shadow *s, const struct field *fields, size_t nr, bool at_boot)
{
	for (size_t i = 0; i < nr; i++)
		s->exercised[at_boot ? fields[i].at_boot : fields[i].rule]++;
}

/* Everything was equal: which rules had something to compare? */
static void count_exercised(struct shadow *s, bool at_boot)
{
	uint64_t free = 0, cached = 0;

	count_fields(s, header_fields, COUNT_OF(header_fields), at_boot);
	count_fields(s, tunable_fields, COUNT_OF(tunable_fields), at_boot);
	count_fields(s, node_fields, COUNT_OF(node_fields), at_boot);
	count_fields(s, zone_fields, LB_ZONE_RESERVE + 1, at_boot);
	count_fields(s, counter_fields, COUNT_OF(counter_fields), at_boot);
	count_fields(s, stat_fields, LB_STAT_NUMA, at_boot);
	count_fields(s, numa_fields, LB_NUMA_COUNT, at_boot);
	count_fields(s, cpu_stat_fields, COUNT_OF(cpu_stat_fields), at_boot);
	count_fields(s, tasks_fields, COUNT_OF(tasks_fields), at_boot);
	count_fields(s, task_fields, COUNT_OF(task_fields), at_boot);
	for (uint32_t i = 0; i < s->nr_zones; i++)
		free += (uint64_t)shadow_free_exact(s, &s->zones[i]);
	for (uint32_t i = 0; i < s->nr_zones * s->nr_cpus; i++)
		cached += (uint64_t)s->pcp[i].count;
	comparison_count_boot(s, at_boot);
	comparison_count_lists(s, at_boot, free > 0, cached > 0);
	s->exercised[RULE_BOOT_RESERVED_KEPT] += s->nr_reserved > 0;
	s->exercised[at_boot ? RULE_BOOT_PAGEBLOCK_TYPE : RULE_PAGEBLOCK_TYPE]++;
	s->exercised[RULE_PAGE_LEAKED] += s->state->nr_leaked > 0;
	comparison_count_switches(s, at_boot);
}

bool shadow_compare(struct shadow *s, const uint64_t *words, bool at_boot, struct verdict *v)
{
	struct comparison c = { .s = s, .actual = words, .at_boot = at_boot, .verdict = v };

	c.expect = shadow_words(s);
	if (!c.expect)
		return comparison_misses(&c, "memory for an export");
	if (words_are_equal(c.expect, words) || compare_sections(&c)) {
		count_exercised(s, at_boot);
		return true;
	}
	return false;
}
