/*
 * Free lists and page lists of two exports, side by side.
 *
 * Where two lists differ, the rule says how: a block that is on another type's list, free buddies
 * that were not joined, a different set of blocks, or the same set in another order.
 */
#include "oracle/compare.h"

#include <stdio.h>

/* ---- Free lists ---- */

enum { KEY_NODE, KEY_INDEX, KEY_ORDER, KEY_TYPE, KEY_WORDS };

static int compare_keys(const struct section *a, const struct section *b)
{
	for (unsigned int i = 0; i < KEY_WORDS; i++)
		if (a->words[i] != b->words[i])
			return a->words[i] < b->words[i] ? -1 : 1;
	return 0;
}

static bool holds(const uint64_t *pfns, uint64_t n, uint64_t pfn)
{
	for (uint64_t i = 0; i < n; i++)
		if (pfns[i] == pfn)
			return true;
	return false;
}

/* The list of the given order that a block is on in an export; false: none. */
static bool list_of(const uint64_t *words, uint64_t pfn, uint64_t order, struct section *list)
{
	while (section_find(&words, LB_STATE_FREE_LIST, list))
		if (list->n >= KEY_WORDS && list->words[KEY_ORDER] == order &&
		    holds(list->words + KEY_WORDS, list->n - KEY_WORDS, pfn))
			return true;
	return false;
}

/* Two free buddies in the actual state whose union is inside of one free block in ours. */
static bool is_unmerged(struct comparison *c, uint64_t pfn, uint64_t order)
{
	struct section list;

	if (order >= c->s->top_order ||
	    !list_of(c->actual, pfn ^ UINT64_C(1) << order, order, &list))
		return false;
	for (uint64_t o = order + 1; o <= c->s->top_order; o++)
		if (list_of(c->expect, pfn & ~((UINT64_C(1) << o) - 1), o, &list))
			return true;
	return false;
}

static enum rule rule_of_boot(const struct comparison *c, uint64_t pfn, uint64_t order)
{
	return comparison_is_late(c, pfn, UINT64_C(1) << order) ? RULE_BOOT_LATE
								: RULE_BOOT_FREE_LISTS;
}

/* A block that is on one list and not on the other. */
static enum rule rule_of_member(struct comparison *c, uint64_t pfn, uint64_t order, bool is_actual)
{
	struct section list;

	if (c->at_boot)
		return rule_of_boot(c, pfn, order);
	if (is_actual && order >= c->s->pageblock_order && is_unmerged(c, pfn, order))
		return RULE_BUDDY_UNMERGED_TYPES;
	return list_of(is_actual ? c->expect : c->actual, pfn, order, &list) ? RULE_LIST_TYPE
									     : RULE_LIST_MEMBERS;
}

static bool free_list_differs(struct comparison *c, enum rule rule, const uint64_t *key,
			      uint64_t at, uint64_t expect, uint64_t actual)
{
	comparison_differs(c, rule, expect, actual, "list[%u:%s:%u:%c][%llu]",
			   (unsigned int)key[KEY_NODE],
			   shadow_zone_index_name((unsigned int)key[KEY_INDEX]),
			   (unsigned int)key[KEY_ORDER],
			   "UMRHI?"[key[KEY_TYPE] < NR_LIST_TYPES ? key[KEY_TYPE] : NR_LIST_TYPES],
			   (unsigned long long)at);
	c->verdict->pfn = actual != NO_PFN ? actual : expect;
	return false;
}

/* The same blocks in another order. */
static enum rule rule_of_order(const struct comparison *c, uint64_t pfn, uint64_t order)
{
	if (c->s->machine.shuffle && order == c->s->top_order)
		return c->at_boot ? RULE_BOOT_SHUFFLE : RULE_SHUFFLE_TAIL;
	return c->at_boot ? rule_of_boot(c, pfn, order) : RULE_LIST_ORDER;
}

/* Two lists with one key; NULL and 0 where one of them has none. */
static bool compare_list(struct comparison *c, const uint64_t *key, const uint64_t *expect,
			 uint64_t ne, const uint64_t *actual, uint64_t na)
{
	uint64_t order = key[KEY_ORDER];

	for (uint64_t i = 0; i < na; i++)
		if (!holds(expect, ne, actual[i]))
			return free_list_differs(c, rule_of_member(c, actual[i], order, true), key,
						 i, i < ne ? expect[i] : NO_PFN, actual[i]);
	for (uint64_t i = 0; i < ne; i++)
		if (!holds(actual, na, expect[i]))
			return free_list_differs(c, rule_of_member(c, expect[i], order, false), key,
						 i, expect[i], i < na ? actual[i] : NO_PFN);
	for (uint64_t i = 0; i < ne; i++)
		if (expect[i] != actual[i])
			return free_list_differs(c, rule_of_order(c, actual[i], order), key, i,
						 expect[i], actual[i]);
	return ne == na || comparison_misses(c, "free lists");
}

static bool same_words(const struct section *a, const struct section *b)
{
	return a->n == b->n && memcmp(a->words, b->words, a->n * sizeof(*a->words)) == 0;
}

bool comparison_of_free_lists(struct comparison *c)
{
	const uint64_t *ours = c->expect, *theirs = c->actual;
	struct section expect, actual;
	bool more_ours = section_find(&ours, LB_STATE_FREE_LIST, &expect);
	bool more_theirs = section_find(&theirs, LB_STATE_FREE_LIST, &actual);

	while (more_ours || more_theirs) {
		int order;

		if (more_theirs && actual.n <= KEY_WORDS)
			return comparison_misses(c, "free lists");
		order = !more_ours ? 1 : !more_theirs ? -1 : compare_keys(&expect, &actual);
		if (order == 0 && !same_words(&expect, &actual) &&
		    !compare_list(c, expect.words, expect.words + KEY_WORDS, expect.n - KEY_WORDS,
				  actual.words + KEY_WORDS, actual.n - KEY_WORDS))
			return false;
		if (order < 0)
			return compare_list(c, expect.words, expect.words + KEY_WORDS,
					    expect.n - KEY_WORDS, NULL, 0);
		if (order > 0)
			return compare_list(c, actual.words, NULL, 0, actual.words + KEY_WORDS,
					    actual.n - KEY_WORDS);
		more_ours = section_find(&ours, LB_STATE_FREE_LIST, &expect);
		more_theirs = section_find(&theirs, LB_STATE_FREE_LIST, &actual);
	}
	return true;
}

/* ---- Page lists ---- */

enum {
	PCP_NODE,
	PCP_INDEX,
	PCP_CPU,
	PCP_COUNT,
	PCP_HIGH,
	PCP_BATCH,
	PCP_FACTOR,
	PCP_NR_LISTS,
	PCP_WORDS
};

#define SAVED_TYPE_SHIFT 56
#define PFN_MASK ((UINT64_C(1) << SAVED_TYPE_SHIFT) - 1)

static bool page_lists_differ(struct comparison *c, enum rule rule, const uint64_t *key,
			      uint64_t expect, uint64_t actual, const char *name)
{
	return comparison_differs(c, rule, expect, actual, "pcp[%u:%s:cpu%u].%s",
				  (unsigned int)key[PCP_NODE],
				  shadow_zone_index_name((unsigned int)key[PCP_INDEX]),
				  (unsigned int)key[PCP_CPU], name);
}

static bool compare_sizes(struct comparison *c, const uint64_t *e, const uint64_t *a)
{
	const struct {
		unsigned int at;
		enum rule rule;
		const char *name;
	} fields[] = {
		{ PCP_COUNT, RULE_PCP_COUNT, "count" },
		{ PCP_HIGH, c->at_boot ? RULE_BOOT_PCP_HIGH : RULE_PCP_HIGH, "high" },
		{ PCP_BATCH, c->at_boot ? RULE_BOOT_PCP_BATCH : RULE_PCP_BATCH, "batch" },
		{ PCP_FACTOR, RULE_PCP_FREE_FACTOR, "free_factor" },
		{ PCP_NR_LISTS, RULE_PCP_LISTS, "lists" },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		unsigned int at = fields[i].at;

		if (e[at] != a[at])
			return page_lists_differ(c, fields[i].rule, e, e[at], a[at],
						 fields[i].name);
	}
	return true;
}

/* Everything behind the sizes of one section: does it have this page anywhere? */
static bool has_page(const struct section *section, uint64_t pfn)
{
	for (uint64_t i = PCP_WORDS; i + 1 < section->n; i += 2 + section->words[i + 1])
		for (uint64_t k = 0; k < section->words[i + 1] && i + 2 + k < section->n; k++)
			if ((section->words[i + 2 + k] & PFN_MASK) == pfn)
				return true;
	return false;
}

/* The first list of index at least `from`, as (index, n, pages); false: none. */
static bool next_list(const struct section *section, uint64_t *at, uint64_t *index, uint64_t *n,
		      const uint64_t **pages)
{
	if (*at + 1 >= section->n || section->words[*at + 1] == 0 ||
	    section->words[*at + 1] > section->n - *at - 2)
		return false;
	*index = section->words[*at];
	*n = section->words[*at + 1];
	*pages = section->words + *at + 2;
	*at += 2 + *n;
	return true;
}

static bool page_list_differs(struct comparison *c, enum rule rule, const uint64_t *key,
			      uint64_t index, uint64_t expect, uint64_t actual)
{
	char name[24];

	snprintf(name, sizeof(name), "list[%u]", (unsigned int)index);
	page_lists_differ(c, rule, key, expect, actual, name);
	c->verdict->pfn = actual != NO_PFN ? actual & PFN_MASK : expect & PFN_MASK;
	return false;
}

static bool compare_pages(struct comparison *c, const struct section *expect,
			  const struct section *actual)
{
	uint64_t at_e = PCP_WORDS, at_a = PCP_WORDS, ie = 0, ia = 0, ne = 0, na = 0;
	const uint64_t *e = NULL, *a = NULL;

	for (;;) {
		bool more_e = next_list(expect, &at_e, &ie, &ne, &e),
		     more_a = next_list(actual, &at_a, &ia, &na, &a);

		if (!more_e && !more_a)
			return true;
		if (!more_e || (more_a && ia < ie))
			return page_list_differs(c, RULE_PCP_MEMBERS, expect->words, ia, NO_PFN,
						 a[0]);
		if (!more_a || ie < ia)
			return page_list_differs(c, RULE_PCP_MEMBERS, expect->words, ie, e[0],
						 NO_PFN);
		for (uint64_t k = 0; k < ne || k < na; k++) {
			uint64_t we = k < ne ? e[k] : NO_PFN, wa = k < na ? a[k] : NO_PFN;
			enum rule rule = RULE_PCP_MEMBERS;

			if (we == wa)
				continue;
			if (k < ne && k < na && (we & PFN_MASK) == (wa & PFN_MASK))
				rule = RULE_PCP_SAVED_TYPE;
			else if (k < ne && k < na && ne == na && has_page(expect, wa & PFN_MASK))
				rule = RULE_PCP_ORDER;
			return page_list_differs(c, rule, expect->words, ie, we, wa);
		}
	}
}

bool comparison_of_page_lists(struct comparison *c)
{
	const uint64_t *ours = c->expect, *theirs = c->actual;
	struct section expect, actual;

	while (section_find(&ours, LB_STATE_PCP, &expect)) {
		if (!section_find(&theirs, LB_STATE_PCP, &actual) || actual.n < PCP_WORDS ||
		    memcmp(expect.words, actual.words, PCP_COUNT * sizeof(*expect.words)) != 0)
			return comparison_misses(c, "page lists");
		if (same_words(&expect, &actual))
			continue;
		if (!compare_sizes(c, expect.words, actual.words) ||
		    !compare_pages(c, &expect, &actual))
			return false;
		return comparison_misses(c, "page lists");
	}
	return !section_find(&theirs, LB_STATE_PCP, &actual) || comparison_misses(c, "page lists");
}

/* ---- What was compared ---- */

void comparison_count_lists(struct shadow *s, bool at_boot, bool any_free, bool any_cached)
{
	s->exercised[RULE_PCP_COUNT]++;
	s->exercised[RULE_PCP_LISTS]++;
	s->exercised[RULE_PCP_FREE_FACTOR]++;
	s->exercised[at_boot ? RULE_BOOT_PCP_HIGH : RULE_PCP_HIGH]++;
	s->exercised[at_boot ? RULE_BOOT_PCP_BATCH : RULE_PCP_BATCH]++;
	s->exercised[RULE_PCP_MEMBERS] += any_cached;
	s->exercised[RULE_PCP_ORDER] += any_cached;
	s->exercised[RULE_PCP_SAVED_TYPE] += any_cached;
	if (!any_free)
		return;
	if (at_boot) {
		s->exercised[RULE_BOOT_FREE_LISTS]++;
		return;
	}
	s->exercised[RULE_LIST_MEMBERS]++;
	s->exercised[RULE_LIST_TYPE]++;
	s->exercised[RULE_LIST_ORDER]++;
	s->exercised[RULE_BUDDY_UNMERGED_TYPES] += s->top_order > s->pageblock_order;
}
