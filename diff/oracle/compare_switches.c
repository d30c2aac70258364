/*
 * Switches, fragments and page states of two exports, side by side. Sections that are rows, one a
 * frame and ascending, are walked together: a row that one side lacks breaks the rule of its first
 * field.
 */
#include "oracle/compare.h"

#include <stdio.h>

enum { MAX_FIELDS = 3 };

struct named_rule {
	enum rule rule;
	const char *name;
};

/* A section of rows: the number of a frame, then what is said of it. */
struct rows {
	enum lb_state_section type;
	unsigned int words;
	const char *name;
	struct named_rule fields[MAX_FIELDS];
};

static const struct rows guard_rows = {
	LB_STATE_GUARDS,
	2,
	"guards",
	{ { RULE_GUARD_MEMBERS, "pfn" }, { RULE_GUARD_ORDER, "order" } },
};

static const struct rows contents_rows = {
	LB_STATE_CONTENTS,
	2,
	"contents",
	{ { RULE_CONTENTS_DIRTY_FRAMES, "pfn" }, { RULE_CONTENTS_DIRTY_BYTE, "byte" } },
};

static const struct rows block_rows = {
	LB_STATE_FRAG_BLOCKS,
	3,
	"fragment blocks",
	{ { RULE_FRAG_BLOCKS, "pfn" },
	  { RULE_FRAG_ORDER, "order" },
	  { RULE_FRAG_REFERENCES, "references" } },
};

static const struct rows destructor_rows = {
	LB_STATE_DESTRUCTORS,
	1,
	"destructors",
	{ { RULE_DESTRUCTOR_KIND, "pfn" } },
};

static const struct named_rule cache_fields[] = {
	{ RULE_FRAG_CACHE, "pfn" },
	{ RULE_FRAG_SIZE, "size" },
	{ RULE_FRAG_LEFT, "offset" },
	{ RULE_FRAG_BIAS, "bias" },
	{ RULE_FRAG_PFMEMALLOC, "pfmemalloc" },
};

static const struct named_rule random_fields[] = {
	{ RULE_SHUFFLE_GENERATOR, "generator" },
	{ RULE_SHUFFLE_POOL, "pool" },
	{ RULE_SHUFFLE_BITS, "bits" },
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The sections of a type in both exports; absent and empty are the same. */
static void find_both(const struct comparison *c, enum lb_state_section type,
		      struct section *expect, struct section *actual)
{
	const uint64_t *ours = c->expect, *theirs = c->actual;

	section_find(&ours, type, expect);
	section_find(&theirs, type, actual);
	if (expect->type != type)
		expect->n = 0;
	if (actual->type != type)
		actual->n = 0;
}

static uint64_t word_at(const struct section *section, uint64_t at)
{
	return at < section->n ? section->words[at] : NO_PFN;
}

/* ---- Rows ---- */

static bool compare_row(struct comparison *c, const struct rows *rows, const uint64_t *expect,
			const uint64_t *actual)
{
	for (unsigned int i = 1; i < rows->words; i++) {
		if (expect[i] == actual[i])
			continue;
		comparison_differs(c, rows->fields[i].rule, expect[i], actual[i], "%s[%llu].%s",
				   rows->name, (unsigned long long)expect[0], rows->fields[i].name);
		c->verdict->pfn = expect[0];
		return false;
	}
	return true;
}

static bool compare_rows(struct comparison *c, const struct rows *rows)
{
	struct section expect, actual;

	find_both(c, rows->type, &expect, &actual);
	if (actual.n % rows->words)
		return comparison_misses(c, rows->name);
	for (uint64_t i = 0; i < expect.n || i < actual.n; i += rows->words) {
		uint64_t e = word_at(&expect, i), a = word_at(&actual, i);

		if (e != a || i >= expect.n || i >= actual.n) {
			comparison_differs(c, rows->fields[0].rule, e, a, "%s[%llu]", rows->name,
					   (unsigned long long)(i / rows->words));
			c->verdict->pfn = e < a ? e : a;
			return false;
		}
		if (!compare_row(c, rows, expect.words + i, actual.words + i))
			return false;
	}
	return true;
}

/* ---- Fields ---- */

static bool compare_numbers(struct comparison *c, const struct named_rule *fields, size_t nr,
			    const uint64_t *expect, const uint64_t *actual, const char *prefix)
{
	for (size_t i = 0; i < nr; i++)
		if (expect[i] != actual[i])
			return comparison_differs(c, fields[i].rule, expect[i], actual[i], "%s.%s",
						  prefix, fields[i].name);
	return true;
}

static bool compare_random(struct comparison *c)
{
	struct section expect, actual;

	find_both(c, LB_STATE_RANDOM, &expect, &actual);
	if (expect.n != actual.n)
		return comparison_misses(c, "random numbers");
	return !expect.n || compare_numbers(c, random_fields, COUNT_OF(random_fields), expect.words,
					    actual.words, "random");
}

static bool compare_caches(struct comparison *c)
{
	const size_t nr = COUNT_OF(cache_fields);
	struct section expect, actual;

	find_both(c, LB_STATE_FRAG_CACHES, &expect, &actual);
	if (expect.n != actual.n)
		return comparison_misses(c, "fragment caches");
	for (uint32_t cpu = 0; cpu < c->s->nr_cpus; cpu++) {
		char prefix[24];

		snprintf(prefix, sizeof(prefix), "frag[cpu%u]", cpu);
		if (!compare_numbers(c, cache_fields, nr, expect.words + nr * cpu,
				     actual.words + nr * cpu, prefix))
			return false;
	}
	return true;
}

/* ---- Marks: bits of a frame, each of which is a fact of its own ---- */

static enum rule rule_of_mark(const struct comparison *c, uint64_t pfn, uint64_t bits)
{
	if ((bits & (MARK_MAPCOUNT | MARK_MAPPING)) || pfn >= c->s->max_pfn)
		return RULE_PAGE_MARKED;
	return shadow_is_free_frame(c->s, pfn) ? RULE_FLAGS_CLEARED : RULE_FLAGS_SET;
}

bool comparison_of_marks(struct comparison *c)
{
	struct section expect, actual;
	uint64_t i = 0, k = 0;

	find_both(c, LB_STATE_BAD_PAGES, &expect, &actual);
	if (actual.n % 2)
		return comparison_misses(c, "bad pages");
	while (i < expect.n || k < actual.n) {
		uint64_t e = word_at(&expect, i), a = word_at(&actual, k), pfn = e < a ? e : a;
		uint64_t ours = e == pfn ? word_at(&expect, i + 1) : 0;
		uint64_t theirs = a == pfn ? word_at(&actual, k + 1) : 0;

		if (e != a || ours != theirs) {
			comparison_differs(c, rule_of_mark(c, pfn, ours ^ theirs), ours, theirs,
					   "bad_pages[%llu]", (unsigned long long)pfn);
			c->verdict->pfn = pfn;
			return false;
		}
		i += 2;
		k += 2;
	}
	return true;
}

/* ---- The whole ---- */

bool comparison_of_guards(struct comparison *c)
{
	return compare_rows(c, &guard_rows);
}

bool comparison_of_switches(struct comparison *c)
{
	return compare_random(c) && compare_rows(c, &contents_rows) && compare_caches(c) &&
	       compare_rows(c, &block_rows) && compare_rows(c, &destructor_rows);
}

static void count(struct shadow *s, const struct named_rule *fields, size_t nr, bool premise)
{
	for (size_t i = 0; i < nr; i++)
		s->exercised[fields[i].rule] += premise;
}

static bool any_cache(const struct shadow *s)
{
	for (uint32_t cpu = 0; cpu < s->nr_cpus; cpu++)
		if (s->state->frag_caches[cpu].pfn != NO_PFN)
			return true;
	return false;
}

static bool any_marked(const struct shadow *s, uint32_t marks, bool free)
{
	for (uint64_t pfn = 0; s->state->nr_marked && pfn < s->max_pfn; pfn++)
		if ((s->frames[pfn].mark & marks) && shadow_is_free_frame(s, pfn) == free)
			return true;
	return false;
}

static bool any_of_top_order(const struct shadow *s)
{
	for (uint32_t i = 0; i < s->nr_zones; i++)
		for (unsigned int type = 0; type < NR_LIST_TYPES; type++)
			if (s->zones[i].lists[s->top_order][type].n > 1)
				return true;
	return false;
}

void comparison_count_switches(struct shadow *s, bool at_boot)
{
	const uint32_t pages = MARK_MAPCOUNT | MARK_MAPPING;

	count(s, random_fields, COUNT_OF(random_fields), s->machine.shuffle);
	s->exercised[at_boot ? RULE_BOOT_SHUFFLE : RULE_SHUFFLE_TAIL] +=
		s->machine.shuffle && any_of_top_order(s);
	count(s, guard_rows.fields, guard_rows.words, s->state->nr_guards > 0);
	count(s, contents_rows.fields, contents_rows.words, s->state->nr_dirty > 0);
	count(s, block_rows.fields, block_rows.words, s->state->nr_frag_blocks > 0);
	count(s, destructor_rows.fields, destructor_rows.words, s->state->nr_thp > 0);
	count(s, cache_fields, COUNT_OF(cache_fields), any_cache(s));
	s->exercised[RULE_PAGE_MARKED] += any_marked(s, pages, false) || any_marked(s, pages, true);
	s->exercised[RULE_FLAGS_SET] += any_marked(s, ~pages, false);
	s->exercised[RULE_FLAGS_CLEARED] += any_marked(s, ~pages, true);
}
