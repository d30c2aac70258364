/*
 * What an exported state must look like, whatever the policy: every frame in exactly one place, and
 * counts that are the lengths of their lists.
 *
 *   usable frames  =  free areas  +  page lists  +  live blocks  +  lost
 *
 * A comparison walks the export once. It begins with a map of the frames that cannot be listed
 * (live, reserved, absent), marks each frame that is, and ends with a map that has to be full.
 */
#include "oracle/audit_internal.h"

#include <stdio.h>
#include <string.h>

enum {
	LIST_HEAD = 4, /* words before the blocks of a free list */
	PCP_HEAD = 8,  /* words before the lists of a page set */
	PCP_COUNT = 3,
	PCP_LIST_TYPES = 3,
	PCP_ORDER_LISTS = 12, /* facts 8: behind them two lists of blocks of a pageblock */
	PCP_LISTS = 14,
	PCP_TYPE_SHIFT = 56,
};

/* One section of an export, and where the next one begins. */
struct part {
	uint64_t type, n;
	const uint64_t *words;
};

static struct part part_at(const uint64_t *state)
{
	return (struct part){ .type = state[0], .n = state[1], .words = state + 2 };
}

static const uint64_t *next_part(const struct part *p)
{
	return p->words + p->n;
}

/* The target wrote it: nothing in it is taken on trust. */
static bool malformed(struct verdict *v, const char *field)
{
	return audit_broken(v, RULE_STATE_SECTIONS, UINT64_MAX, field);
}

bool audit_learn_reserved(struct audit *a, const uint64_t *state, struct verdict *v)
{
	for (struct part p = part_at(state); p.type != LB_STATE_END; p = part_at(next_part(&p))) {
		if (p.type != LB_STATE_RESERVED)
			continue;
		for (uint64_t i = 0; i + 1 < p.n; i += 2) {
			a->exercised[RULE_CONTRACT_FRAMES]++;
			if (p.words[i] >= p.words[i + 1] || p.words[i + 1] > a->max_pfn ||
			    !bits_all(a->present, p.words[i], p.words[i + 1]))
				return audit_broken(v, RULE_CONTRACT_FRAMES, p.words[i],
						    "reserved");
			bits_set(a->reserved, p.words[i], p.words[i + 1]);
		}
	}
	return true;
}

/* ---- places ---- */

/* Frames that are said to be free or lost: memory, and in no other place. */
static bool place_frames(struct audit *a, uint64_t pfn, uint64_t end, const char *field,
			 struct verdict *v)
{
	bool exist = pfn < a->max_pfn && end <= a->max_pfn;

	if (exist && !bits_any(a->taken, pfn, end)) {
		bits_set(a->taken, pfn, end);
		return true;
	}
	if (!exist || !bits_all(a->present, pfn, end))
		return audit_broken(v, RULE_BUDDY_ABSENT_LISTED, pfn, field);
	return audit_broken(v, RULE_BUDDY_FRAME_TWICE, pfn, field);
}

static bool lies_in_zone(const uint64_t *zone, uint64_t pfn, unsigned int order)
{
	uint64_t pages = UINT64_C(1) << order;

	return pfn % pages == 0 && pfn >= zone[LB_ZONE_START] &&
	       pfn - zone[LB_ZONE_START] + pages <= zone[LB_ZONE_SPANNED];
}

/* A free block of a zone, on a free list or on a page list. */
static bool place_block(struct audit *a, const uint64_t *zone, uint64_t pfn, unsigned int order,
			const char *field, struct verdict *v)
{
	if (!lies_in_zone(zone, pfn, order))
		return audit_broken(v, RULE_BUDDY_ALIGNMENT, pfn, field);
	a->free_now += UINT64_C(1) << order;
	return place_frames(a, pfn, pfn + (UINT64_C(1) << order), field, v);
}

/* ---- zones ---- */

/* The words node, zone index of a section as one number; AUDIT_ZONES: there is no such zone. */
static unsigned int zone_number(const struct audit *a, const uint64_t *words)
{
	if (words[0] >= a->machine->nr_nodes || words[1] >= MACHINE_NR_ZONES)
		return AUDIT_ZONES;
	return (unsigned int)(words[0] * MACHINE_NR_ZONES + words[1]);
}

static bool zone_section(struct audit *a, const struct part *p, struct verdict *v)
{
	unsigned int number = p->n < LB_ZONE_WORDS ? AUDIT_ZONES : zone_number(a, p->words);

	if (number == AUDIT_ZONES || a->zone[number])
		return malformed(v, "zone");
	a->zone[number] = p->words;
	return true;
}

/*
 * Lost frames that may still count as free: 5.10 does not take a bad block out of the count that it
 * meets in the buddy.
 */
static uint64_t lost_but_counted(const struct audit *a)
{
	bool may = (a->flags & LB_TARGET_LINUX) && a->machine->profile == PROFILE_LINUX_5_10;

	return may && a->state->marked ? a->lost_now : 0;
}

/* Free pages that each zone counts, against the blocks on its lists. */
static bool zones_count_their_lists(struct audit *a, struct verdict *v)
{
	uint64_t lost = lost_but_counted(a);

	for (unsigned int i = 0; i < AUDIT_ZONES; i++) {
		if (!a->zone[i])
			continue;
		a->exercised[RULE_BUDDY_ACCOUNTING]++;

		uint64_t listed = a->listed[i], counted = a->zone[i][LB_ZONE_FREE];

		if (counted < listed || counted - listed > lost)
			return audit_differs(v, RULE_BUDDY_ACCOUNTING, "zone.free", listed,
					     counted);
		lost -= counted - listed;
	}
	return true;
}

/* ---- free lists ---- */

/*
 * Types do not matter below the order of a pageblock: both halves lie in one. Zones do. Of two
 * buddies the one that is walked later finds the other.
 */
static bool has_listed_buddy(const struct audit *a, uint64_t pfn, unsigned int order,
			     unsigned int zone)
{
	uint64_t buddy = pfn ^ UINT64_C(1) << order;

	return buddy < a->max_pfn && a->listed_order[buddy] == order &&
	       a->listed_zone[buddy] == zone;
}

static bool walk_free_list(struct audit *a, const struct part *p, unsigned int number,
			   struct verdict *v)
{
	unsigned int order = (unsigned int)p->words[2];
	bool joins = (a->flags & (LB_TARGET_EAGER_MERGE | LB_TARGET_LINUX)) &&
		     order < a->machine->pageblock_order;

	a->exercised[RULE_BUDDY_ALIGNMENT]++;
	a->exercised[RULE_BUDDY_UNMERGED] += joins;
	for (uint64_t i = LIST_HEAD; i < p->n; i++) {
		uint64_t pfn = p->words[i];

		if (!place_block(a, a->zone[number], pfn, order, "list", v))
			return false;
		if (joins && has_listed_buddy(a, pfn, order, number))
			return audit_broken(v, RULE_BUDDY_UNMERGED, pfn, "buddy");
		a->listed_order[pfn] = (uint8_t)order;
		a->listed_zone[pfn] = (uint8_t)number;
	}
	a->listed[number] += (p->n - LIST_HEAD) << order;
	return true;
}

static bool free_list(struct audit *a, const struct part *p, struct verdict *v)
{
	unsigned int number = p->n < LIST_HEAD ? AUDIT_ZONES : zone_number(a, p->words);

	if (number == AUDIT_ZONES || !a->zone[number] || p->words[2] > a->machine->top_order)
		return malformed(v, "list");
	if (walk_free_list(a, p, number, v))
		return true;
	/* written only here: a comparison has many lists, and names one */
	if (strcmp(v->field, "list") == 0)
		snprintf(v->field, sizeof(v->field), "list[%u:%u:%u]", (unsigned int)p->words[0],
			 (unsigned int)p->words[1], (unsigned int)p->words[2]);
	return false;
}

/* ---- page lists ---- */

static unsigned int order_of_list(const struct audit *a, uint64_t index)
{
	return index < PCP_ORDER_LISTS ? (unsigned int)index / PCP_LIST_TYPES
				       : a->machine->pageblock_order;
}

static bool page_list(struct audit *a, const uint64_t *zone, const uint64_t *pfns, uint64_t nr,
		      unsigned int order, struct verdict *v)
{
	for (uint64_t i = 0; i < nr; i++) {
		uint64_t pfn = pfns[i] & ((UINT64_C(1) << PCP_TYPE_SHIFT) - 1);

		if (!place_block(a, zone, pfn, order, "page list", v))
			return false;
	}
	return true;
}

static bool page_set(struct audit *a, const struct part *p, struct verdict *v)
{
	unsigned int number = p->n < PCP_HEAD ? AUDIT_ZONES : zone_number(a, p->words);
	uint64_t pages = 0, nr;

	if (number == AUDIT_ZONES || !a->zone[number])
		return malformed(v, "page set");
	for (uint64_t i = PCP_HEAD; i < p->n; i += 2 + nr) {
		if (p->n - i < 2 || p->words[i] >= PCP_LISTS || p->words[i + 1] > p->n - i - 2)
			return malformed(v, "page set");
		nr = p->words[i + 1];

		unsigned int order = order_of_list(a, p->words[i]);

		if (!page_list(a, a->zone[number], p->words + i + 2, nr, order, v))
			return false;
		pages += nr << order;
	}
	a->exercised[RULE_BUDDY_PCP_COUNT]++;
	return pages == p->words[PCP_COUNT] ||
	       audit_differs(v, RULE_BUDDY_PCP_COUNT, "pcp.count", pages, p->words[PCP_COUNT]);
}

/* ---- lost frames ---- */

static bool lost_frames(struct audit *a, const struct part *p, struct verdict *v)
{
	for (uint64_t i = 0; i + 1 < p->n; i += 2) {
		uint64_t start = p->words[i], end = p->words[i + 1];

		if (start >= end)
			return malformed(v, "leaked");
		if (!place_frames(a, start, end, "leaked", v))
			return false;
		a->lost_now += end - start;
	}
	return true;
}

/* Asked after the walk, so that an export without a ledger has to answer too. */
static bool ledger_is_right(struct audit *a, struct verdict *v)
{
	a->exercised[RULE_BUDDY_LEDGER]++;
	return a->lost_now == a->state->declared_leaks ||
	       audit_differs(v, RULE_BUDDY_LEDGER, "leaked", a->state->declared_leaks, a->lost_now);
}

static bool nothing_lost(struct audit *a, struct verdict *v)
{
	a->exercised[RULE_BUDDY_FRAME_LOST]++;
	for (uint64_t i = 0; i < a->nr_words; i++) {
		uint64_t lost = ~a->taken[i];

		if (lost)
			return audit_broken(v, RULE_BUDDY_FRAME_LOST,
					    i * 64 + (unsigned int)__builtin_ctzll(lost), "frame");
	}
	return true;
}

/* ---- the whole ---- */

static bool one_part(struct audit *a, const struct part *p, struct verdict *v)
{
	switch (p->type) {
	case LB_STATE_ZONE:
		return zone_section(a, p, v);
	case LB_STATE_FREE_LIST:
		return free_list(a, p, v);
	case LB_STATE_PCP:
		return page_set(a, p, v);
	case LB_STATE_LEAKED:
		return lost_frames(a, p, v);
	default:
		return true;
	}
}

static void begin_walk(struct audit *a)
{
	for (uint64_t i = 0; i < a->nr_words; i++)
		a->taken[i] = a->live[i] | ~a->usable[i];
	memset(a->listed_order, AUDIT_NOT_LISTED, a->max_pfn);
	memset(a->listed, 0, sizeof(a->listed));
	memset(a->zone, 0, sizeof(a->zone));
	a->free_now = 0;
	a->lost_now = 0;
}

bool audit_compare(struct audit *a, const uint64_t *state, struct verdict *v)
{
	begin_walk(a);
	a->exercised[RULE_STATE_SECTIONS]++;
	a->exercised[RULE_BUDDY_FRAME_TWICE]++;
	a->exercised[RULE_BUDDY_ABSENT_LISTED]++;
	for (struct part p = part_at(state); p.type != LB_STATE_END; p = part_at(next_part(&p)))
		if (!one_part(a, &p, v))
			return false;
	return zones_count_their_lists(a, v) && ledger_is_right(a, v) && nothing_lost(a, v);
}

bool audit_finish(struct audit *a, const uint64_t *state, struct verdict *v)
{
	if (!state)
		return true; /* the judge's probe sees what is left */
	if (!audit_compare(a, state, v))
		return false;
	uint64_t expect = a->state->free_at_boot - a->state->declared_leaks;

	a->exercised[RULE_CONTRACT_LEAK]++;
	return a->free_now == expect ||
	       audit_differs(v, RULE_CONTRACT_LEAK, "free", expect, a->free_now);
}
