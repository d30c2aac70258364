/*
 * Starting from an exported state instead of our own: everything that an export holds is taken
 * over, so that the shadow predicts what follows. Zones, their borders and the zonelists stay: they
 * follow from the machine.
 *
 * An export does not say how many references blocks have: what the shadow knows of a frame that is
 * still nobody's list head stays known.
 */
#include <stdio.h>

#include "oracle/shadow.h"

enum { KEY_WORDS = 4, PCP_WORDS = 8, SAVED_TYPE_SHIFT = 56, CPU_WORDS = 3, TASK_WORDS = 4 };

/* What makes an export of this machine impossible is named and ends the adoption. */
static bool fail(struct verdict *v, const char *what)
{
	*v = (struct verdict){ .broken = true, .rule = RULE_STATE_SECTIONS, .pfn = NO_PFN };
	snprintf(v->field, sizeof(v->field), "adopt");
	snprintf(v->what, sizeof(v->what), "the export cannot be adopted: %s", what);
	return false;
}

static void forget(struct shadow *s)
{
	for (uint64_t pfn = 0; pfn < s->max_pfn; pfn++) {
		struct frame *f = &s->frames[pfn];

		if (f->kind != FRAME_ABSENT && f->kind != FRAME_RESERVED)
			f->kind = FRAME_PLAIN;
		f->mark = 0;
	}
	for (uint32_t i = 0; i < s->nr_zones; i++)
		for (unsigned int o = 0; o <= MAX_TOP_ORDER; o++)
			for (unsigned int type = 0; type < NR_LIST_TYPES; type++)
				shadow_list_init(&s->zones[i].lists[o][type]);
	for (uint32_t i = 0; i < s->nr_zones * s->nr_cpus; i++)
		for (unsigned int k = 0; k < MAX_PCP_LISTS; k++)
			shadow_list_init(&s->pcp[i].lists[k]);
	s->state->nr_marked = 0;
	s->state->nr_leaked = 0;
	shadow_forget_switches(s);
}

/*
 * What is still deferred is nobody's, so this comes before all that has an owner. A node that is not in
 * the section has nothing deferred.
 */
static bool adopt_deferred(struct shadow *s, const uint64_t *words)
{
	struct section section;

	for (uint32_t node = 0; node < s->nr_nodes; node++)
		s->state->first_deferred[node] = NO_PFN;
	if (!section_find(&words, LB_STATE_DEFERRED, &section))
		return true;
	if (section.n % 2 || !s->machine.deferred)
		return section.n == 0;
	for (uint64_t i = 0; i < section.n; i += 2) {
		uint64_t node = section.words[i], pfn = section.words[i + 1];

		if (node >= s->nr_nodes || (pfn != NO_PFN && pfn < s->deferred_at_boot[node]))
			return false;
		s->state->first_deferred[node] = pfn;
	}
	shadow_put_off(s);
	return true;
}

static struct zone *zone_named(struct shadow *s, uint64_t node, uint64_t index)
{
	if (node >= s->nr_nodes || index >= MACHINE_NR_ZONES ||
	    s->zone_number[node][index] == NO_ZONE)
		return NULL;
	return &s->zones[s->zone_number[node][index]];
}

/* A frame becomes the head of a block on a list. */
static bool place(struct shadow *s, struct list *list, uint64_t pfn, enum frame_kind kind,
		  uint64_t order, uint64_t type)
{
	if (pfn >= s->max_pfn || order > s->top_order || type >= NR_LIST_TYPES ||
	    pfn % (UINT64_C(1) << order))
		return false;

	struct frame *f = &s->frames[pfn];

	if (f->kind != FRAME_PLAIN)
		return false;
	f->kind = (uint8_t)kind;
	f->order = (uint8_t)order;
	f->type = (uint8_t)type;
	f->refs = 0;
	shadow_list_add_tail(s, list, (uint32_t)pfn);
	return true;
}

static bool adopt_zone(struct shadow *s, const struct section *section)
{
	const uint64_t *w = section->words;
	struct zone *z = section->n == LB_ZONE_WORDS
				 ? zone_named(s, w[LB_ZONE_NODE], w[LB_ZONE_INDEX])
				 : NULL;

	if (!z)
		return false;
	z->managed = w[LB_ZONE_MANAGED];
	for (unsigned int i = 0; i < 3; i++)
		z->mark[i] = (int64_t)w[LB_ZONE_MIN + i];
	z->boost = (int64_t)w[LB_ZONE_BOOST];
	z->boosted = w[LB_ZONE_BOOSTED_FLAG];
	z->highatomic = (int64_t)w[LB_ZONE_HIGHATOMIC];
	for (unsigned int i = 0; i < MACHINE_NR_ZONES; i++)
		z->reserve[i] = (int64_t)w[LB_ZONE_RESERVE + i];
	return true;
}

/* Of free pages the shared value and the deltas count: the exact number follows from them. */
static bool adopt_zone_stat(struct shadow *s, const struct section *section)
{
	const uint64_t *w = section->words;
	struct zone *z = section->n == LB_STAT_CPU + CPU_WORDS * (uint64_t)s->nr_cpus
				 ? zone_named(s, w[LB_STAT_NODE], w[LB_STAT_INDEX])
				 : NULL;

	if (!z)
		return false;
	z->threshold = (int64_t)w[LB_STAT_THRESHOLD];
	z->drift_mark = (int64_t)w[LB_STAT_DRIFT_MARK];
	z->free = (int64_t)w[LB_STAT_FREE];
	z->isolated = (int64_t)w[LB_STAT_ISOLATED];
	memcpy(z->numa, w + LB_STAT_NUMA, sizeof(z->numa));
	for (uint32_t cpu = 0; cpu < s->nr_cpus; cpu++) {
		const uint64_t *words = w + LB_STAT_CPU + CPU_WORDS * (uint64_t)cpu;

		*stat_of(s, z, cpu) = (struct cpu_stat){ .delta = (int64_t)words[0],
							 .turns = words[1],
							 .numa_event = words[2] };
	}
	return true;
}

static bool adopt_tasks(struct shadow *s, const struct section *section)
{
	const uint64_t *w = section->words;

	if (section->n != 2 + TASK_WORDS * (uint64_t)s->nr_cpus)
		return false;
	s->state->cpusets_on = w[0];
	s->state->gfp_allowed_mask = w[1];
	for (uint32_t cpu = 0; cpu < s->nr_cpus; cpu++) {
		const uint64_t *words = w + 2 + TASK_WORDS * (uint64_t)cpu;

		if (words[0] >= POLICY_COUNT)
			return false;
		s->state->tasks[cpu] = (struct task){ .mode = words[0],
						      .nodes = words[1],
						      .il_prev = words[2],
						      .mems_allowed = words[3] };
	}
	return true;
}

static bool adopt_free_list(struct shadow *s, const struct section *section)
{
	const uint64_t *w = section->words;
	struct zone *z = section->n > KEY_WORDS ? zone_named(s, w[0], w[1]) : NULL;

	if (!z || w[2] > s->top_order || w[3] >= NR_LIST_TYPES)
		return false;
	for (uint64_t i = KEY_WORDS; i < section->n; i++)
		if (!place(s, &z->lists[w[2]][w[3]], w[i], FRAME_FREE, w[2], w[3]))
			return false;
	return true;
}

static uint64_t order_of_list(const struct shadow *s, uint64_t index)
{
	return index < PCP_LOW_LISTS ? index / NR_PCP_TYPES : s->pageblock_order;
}

static bool adopt_page_lists(struct shadow *s, const struct section *section)
{
	const uint64_t *w = section->words;
	struct zone *z = section->n >= PCP_WORDS ? zone_named(s, w[0], w[1]) : NULL;
	struct page_lists *p;

	if (!z || w[2] >= s->nr_cpus)
		return false;
	p = page_lists_of(s, z, (unsigned int)w[2]);
	p->count = (int64_t)w[3];
	p->high = (int64_t)w[4];
	p->batch = (int64_t)w[5];
	p->free_factor = (int64_t)w[6];
	for (uint64_t i = PCP_WORDS; i < section->n; i += 2 + w[i + 1]) {
		if (i + 2 > section->n || w[i] >= s->nr_lists || w[i + 1] > section->n - i - 2)
			return false;
		for (uint64_t k = 0; k < w[i + 1]; k++) {
			uint64_t word = w[i + 2 + k],
				 pfn = word & ((UINT64_C(1) << SAVED_TYPE_SHIFT) - 1);

			if (!place(s, &p->lists[w[i]], pfn, FRAME_PCP, order_of_list(s, w[i]),
				   word >> SAVED_TYPE_SHIFT))
				return false;
		}
	}
	return true;
}

static bool adopt_pageblocks(struct shadow *s, const struct section *section)
{
	const uint64_t *w = section->words;

	if (section->n != 2 + (s->nr_pageblocks + 15) / 16 || w[0] != 0 || w[1] != s->nr_pageblocks)
		return false;
	for (uint64_t b = 0; b < s->nr_pageblocks; b++)
		s->types[b] = w[2 + b / 16] >> b % 16 * 4 & 15;
	return true;
}

static bool adopt_bad_pages(struct shadow *s, const struct section *section)
{
	for (uint64_t i = 0; i + 1 < section->n; i += 2) {
		uint64_t pfn = section->words[i];

		if (pfn >= s->max_pfn || s->frames[pfn].mark)
			return false;
		s->frames[pfn].mark = (uint32_t)section->words[i + 1];
		s->state->nr_marked++;
	}
	return true;
}

static bool adopt_leaked(struct shadow *s, const struct section *section)
{
	for (uint64_t i = 0; i + 1 < section->n; i += 2)
		for (uint64_t pfn = section->words[i]; pfn < section->words[i + 1]; pfn++) {
			if (pfn >= s->max_pfn || s->frames[pfn].kind != FRAME_PLAIN)
				return false;
			s->frames[pfn].kind = FRAME_LEAKED;
			s->state->nr_leaked++;
		}
	return true;
}

static bool adopt_numbers(struct shadow *s, const struct section *section)
{
	const uint64_t *w = section->words;

	switch (section->type) {
	case LB_STATE_HEADER:
		if (section->n < 3 || w[0] != LB_STATE_VERSION)
			return false;
		s->state->ticks = w[1];
		s->state->grouping_off = w[2];
		return true;
	case LB_STATE_TUNABLES:
		if (section->n < SYSCTL_COUNT + 1)
			return false;
		for (unsigned int i = 0; i < SYSCTL_COUNT; i++)
			s->state->tunables[i] = (int64_t)w[i];
		s->state->user_min_free_kbytes = (int64_t)w[SYSCTL_COUNT];
		return true;
	case LB_STATE_NODE:
		if (section->n < 4 || w[0] >= s->nr_nodes)
			return false;
		s->state->kswapd[w[0]] =
			(struct kswapd){ .awake = w[1], .order = w[2], .index = w[3] };
		return true;
	case LB_STATE_COUNTERS:
		if (section->n < LB_COUNT_COUNT)
			return false;
		memcpy(s->state->counters, w, sizeof(s->state->counters));
		return true;
	default: /* reserved ranges are of boot, and unknown sections of others */
		return true;
	}
}

static bool adopt_section(struct shadow *s, const struct section *section)
{
	switch (section->type) {
	case LB_STATE_ZONE:
		return adopt_zone(s, section);
	case LB_STATE_ZONE_STAT:
		return adopt_zone_stat(s, section);
	case LB_STATE_TASKS:
		return adopt_tasks(s, section);
	case LB_STATE_FREE_LIST:
		return adopt_free_list(s, section);
	case LB_STATE_PCP:
		return adopt_page_lists(s, section);
	case LB_STATE_PAGEBLOCKS:
		return adopt_pageblocks(s, section);
	case LB_STATE_BAD_PAGES:
		return adopt_bad_pages(s, section);
	case LB_STATE_LEAKED:
		return adopt_leaked(s, section);
	case LB_STATE_RANDOM:
	case LB_STATE_GUARDS:
	case LB_STATE_CONTENTS:
	case LB_STATE_FRAG_CACHES:
	case LB_STATE_FRAG_BLOCKS:
	case LB_STATE_DESTRUCTORS:
		return shadow_adopt_switch(s, section->words, section->n,
					   (enum lb_state_section)section->type);
	default:
		return adopt_numbers(s, section);
	}
}

bool shadow_adopt(struct shadow *s, const uint64_t *words, struct verdict *v)
{
	static const char *const names[] = {
		"end",	       "header",    "reserved",	     "tunables",	"node",
		"zone",	       "free list", "page lists",    "pageblocks",	"bad pages",
		"leaked",      "counters",  "zone counters", "tasks",		"random",
		"guards",      "deferred",  "contents",	     "fragment caches", "fragment blocks",
		"destructors",
	};
	struct section section;

	s->exercised[RULE_STATE_SECTIONS]++;
	forget(s);
	if (!adopt_deferred(s, words))
		return fail(v, "deferred");
	while (section_next(&words, &section))
		if (!adopt_section(s, &section))
			return fail(v, names[section.type]);
	return shadow_adopted_caches_fit(s) ||
	       fail(v, "fragment caches hold what their blocks have not");
}

void shadow_copy_references(struct shadow *to, const struct shadow *from)
{
	assert(to->max_pfn == from->max_pfn);
	for (uint64_t pfn = 0; pfn < to->max_pfn; pfn++)
		if (to->frames[pfn].kind == FRAME_PLAIN)
			to->frames[pfn].refs = from->frames[pfn].refs;
}
