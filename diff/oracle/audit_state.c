/*
 * What an exported state must look like, whatever the policy: every frame in exactly one place, and
 * counts that are the lengths of their lists.
 *
 *   usable frames  =  free areas  +  guards  +  page lists  +  live blocks  +  blocks of fragments
 *                     +  lost  +  deferred
 *
 * A comparison walks the export once. It begins with a map of the frames that cannot be listed
 * (live, reserved, absent), marks each frame that is, and ends with a map that has to be full.
 */
#include "oracle/audit_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	LIST_HEAD = 4, /* words before the blocks of a free list */
	PCP_HEAD = 8,  /* words before the lists of a page set */
	PCP_CPU = 2,
	PCP_COUNT = 3,
	PCP_LIST_TYPES = 3,
	PCP_ORDER_LISTS = 12, /* facts 8: behind them two lists of blocks of a pageblock */
	PCP_LISTS = 14,
	PCP_TYPE_SHIFT = 56,
	GUARD_WORDS = 2,
	BLOCK_WORDS = 3, /* of a block of fragments */
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

bool audit_well_formed(struct audit *a, const uint64_t *state, size_t size, struct verdict *v)
{
	size_t at = 0;

	a->exercised[RULE_STATE_SECTIONS]++;
	while (at + 2 <= size && state[at] != LB_STATE_END) {
		if (state[at + 1] > size - at - 2)
			return audit_malformed(
				v, "state",
				"the section of type %" PRIu64 " at word %zu is said to "
				"have %" PRIu64 " words, and %zu are left of the state",
				state[at], at, state[at + 1], size - at - 2);
		at += 2 + (size_t)state[at + 1];
	}
	if (at + 2 > size)
		return audit_malformed(
			v, "state",
			"the state has %zu words, and ends at word %zu without a section "
			"END",
			size, at);
	return (state[at + 1] == 0 && at + 2 == size) ||
	       audit_malformed(v, "state",
			       "section END at word %zu is said to have %" PRIu64
			       " words, and the state "
			       "%zu; END has 0 words and is last",
			       at, state[at + 1], size);
}

bool audit_learn_reserved(struct audit *a, const uint64_t *state, struct verdict *v)
{
	for (struct part p = part_at(state); p.type != LB_STATE_END; p = part_at(next_part(&p))) {
		if (p.type != LB_STATE_RESERVED)
			continue;
		for (uint64_t i = 0; i + 1 < p.n; i += 2) {
			uint64_t start = p.words[i], end = p.words[i + 1];

			a->exercised[RULE_CONTRACT_FRAMES]++;
			if (start >= end || end > a->max_pfn || !bits_all(a->present, start, end))
				return audit_broken(v, RULE_CONTRACT_FRAMES, start, "reserved",
						    "the reserved range from pfn %" PRIu64
						    " up to %" PRIu64
						    " is empty, or not all of it is memory",
						    start, end);
			bits_set(a->reserved, start, end);
		}
	}
	return true;
}

/* ---- places ---- */

/* The first frame that is taken already, and by whom. */
static bool frame_twice(const struct audit *a, uint64_t pfn, uint64_t end, const char *field,
			struct verdict *v)
{
	uint64_t twice = bits_first(a->taken, pfn, end);
	const char *other = "is in this state before";

	if (bits_any(a->live, twice, twice + 1))
		other = "is in a live block";
	else if (bits_any(a->reserved, twice, twice + 1))
		other = "is reserved";
	return audit_broken(v, RULE_BUDDY_FRAME_TWICE, twice, field,
			    "pfn %" PRIu64 ", of the %" PRIu64 " frames at pfn %" PRIu64
			    " in a %s, %s",
			    twice, end - pfn, pfn, field, other);
}

static bool frames_absent(const struct audit *a, uint64_t pfn, uint64_t end, const char *field,
			  struct verdict *v)
{
	uint64_t absent = pfn;

	while (absent < a->max_pfn && bits_any(a->present, absent, absent + 1))
		absent++;
	return audit_broken(v, RULE_BUDDY_ABSENT_LISTED, absent, field,
			    "pfn %" PRIu64 ", of the %" PRIu64 " frames at pfn %" PRIu64
			    " in a %s, is no memory of the machine",
			    absent, end - pfn, pfn, field);
}

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
		return frames_absent(a, pfn, end, field, v);
	return frame_twice(a, pfn, end, field, v);
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
		return audit_broken(v, RULE_BUDDY_ALIGNMENT, pfn, field,
				    "the block of order %u at pfn %" PRIu64 " in a %s is not "
				    "aligned to its size, or not in its zone of %" PRIu64
				    " frames from pfn %" PRIu64,
				    order, pfn, field, zone[LB_ZONE_SPANNED], zone[LB_ZONE_START]);
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

/* Of a section whose first two words should be node and zone index, and are not. */
static bool no_such_zone(const struct part *p, uint64_t least, const char *field, struct verdict *v)
{
	if (p->n < least)
		return audit_malformed(v, field,
				       "a %s has %" PRIu64 " words, at least %" PRIu64 " expected",
				       field, p->n, least);
	return audit_malformed(v, field,
			       "a %s is of node %" PRIu64 ", zone index %" PRIu64
			       ", of which the machine or this state up to here has no zone",
			       field, p->words[0], p->words[1]);
}

static bool zone_section(struct audit *a, const struct part *p, struct verdict *v)
{
	unsigned int number = p->n < LB_ZONE_WORDS ? AUDIT_ZONES : zone_number(a, p->words);

	if (number == AUDIT_ZONES)
		return no_such_zone(p, LB_ZONE_WORDS, "zone", v);
	if (a->zone[number])
		return audit_malformed(v, "zone",
				       "the zone of node %" PRIu64 ", index %" PRIu64 " "
				       "is in this state twice",
				       p->words[0], p->words[1]);
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
			return audit_differs(v, RULE_BUDDY_ACCOUNTING, "zone.free", listed, counted,
					     "free pages that zone %u of node %u counts, its lists "
					     "against it",
					     i % MACHINE_NR_ZONES, i / MACHINE_NR_ZONES);
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

/* In Linux a type decides where a block may be listed, and whether its pages count as free. */
static bool is_isolate_list(const struct audit *a, const struct part *p)
{
	return (a->flags & LB_TARGET_LINUX) && p->words[3] == AUDIT_TYPE_ISOLATE;
}

/* Isolated blocks, and no others, stand on the lists for isolated ones. */
static bool belongs_here(struct audit *a, uint64_t pfn, bool isolate, struct verdict *v)
{
	if (!(a->flags & LB_TARGET_LINUX) || (!isolate && !a->state->any_isolated))
		return true;
	a->exercised[RULE_BUDDY_ISOLATED_LISTED]++;
	return bits_any(a->isolated, pfn, pfn + 1) == isolate ||
	       audit_broken(
		       v, RULE_BUDDY_ISOLATED_LISTED, pfn, "list",
		       isolate ? "the block at pfn %" PRIu64 " is on a list of isolated blocks, "
				 "and its pageblock is not isolated"
			       : "the block at pfn %" PRIu64 " is in an isolated pageblock, and "
				 "on a list from which blocks are handed out",
		       pfn);
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

		if (!place_block(a, a->zone[number], pfn, order, "list", v) ||
		    !belongs_here(a, pfn, is_isolate_list(a, p), v))
			return false;
		if (joins && has_listed_buddy(a, pfn, order, number))
			return audit_broken(v, RULE_BUDDY_UNMERGED, pfn, "buddy",
					    "pfn %" PRIu64 " and its buddy %" PRIu64 ", both of "
					    "order %u, are listed as free and were not joined",
					    pfn, pfn ^ UINT64_C(1) << order, order);
		a->listed_order[pfn] = (uint8_t)order;
		a->listed_zone[pfn] = (uint8_t)number;
	}
	if (!is_isolate_list(a, p))
		a->listed[number] += (p->n - LIST_HEAD) << order;
	return true;
}

static bool free_list(struct audit *a, const struct part *p, struct verdict *v)
{
	unsigned int number = p->n < LIST_HEAD ? AUDIT_ZONES : zone_number(a, p->words);

	if (number == AUDIT_ZONES || !a->zone[number])
		return no_such_zone(p, LIST_HEAD, "list", v);
	if (p->words[2] > a->machine->top_order)
		return audit_malformed(v, "list",
				       "a list is of order %" PRIu64 ", the top order is %u",
				       p->words[2], a->machine->top_order);
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
		return no_such_zone(p, PCP_HEAD, "page set", v);
	for (uint64_t i = PCP_HEAD; i < p->n; i += 2 + nr) {
		if (p->n - i < 2 || p->words[i] >= PCP_LISTS || p->words[i + 1] > p->n - i - 2)
			return audit_malformed(v, "page set",
					       "the page set of cpu %" PRIu64 ", node %" PRIu64
					       ", zone index %" PRIu64
					       " has no sound list at its word "
					       "%" PRIu64 " of %" PRIu64,
					       p->words[PCP_CPU], p->words[0], p->words[1], i,
					       p->n);
		nr = p->words[i + 1];

		unsigned int order = order_of_list(a, p->words[i]);

		if (!page_list(a, a->zone[number], p->words + i + 2, nr, order, v))
			return false;
		pages += nr << order;
	}
	a->exercised[RULE_BUDDY_PCP_COUNT]++;
	return pages == p->words[PCP_COUNT] ||
	       audit_differs(v, RULE_BUDDY_PCP_COUNT, "pcp.count", pages, p->words[PCP_COUNT],
			     "pages that the set of cpu %" PRIu64 ", node %" PRIu64
			     ", zone index %" PRIu64 " counts, its lists against it",
			     p->words[PCP_CPU], p->words[0], p->words[1]);
}

/* ---- guards: free, on no list, counted by no zone ---- */

/* The zone that a block lies in; AUDIT_ZONES: in none of this state. */
static unsigned int zone_around(const struct audit *a, uint64_t pfn, unsigned int order)
{
	unsigned int i = 0;

	while (i < AUDIT_ZONES && !(a->zone[i] && lies_in_zone(a->zone[i], pfn, order)))
		i++;
	return i;
}

static bool guards(struct audit *a, const struct part *p, struct verdict *v)
{
	if (p->n % GUARD_WORDS)
		return audit_malformed(v, "guards",
				       "the section of guards has %" PRIu64
				       " words, an even number expected",
				       p->n);
	for (uint64_t i = 0; i < p->n; i += GUARD_WORDS) {
		uint64_t pfn = p->words[i], order = p->words[i + 1];
		unsigned int zone = order <= a->machine->top_order
					    ? zone_around(a, pfn, (unsigned int)order)
					    : AUDIT_ZONES;

		a->exercised[RULE_BUDDY_ALIGNMENT]++;
		if (zone == AUDIT_ZONES)
			return audit_broken(v, RULE_BUDDY_ALIGNMENT, pfn, "guard",
					    "the guard of order %" PRIu64 " at pfn %" PRIu64
					    " is not aligned to its size, or in no zone",
					    order, pfn);
		if (!place_block(a, a->zone[zone], pfn, (unsigned int)order, "guard", v))
			return false;
	}
	return true;
}

/* ---- blocks of fragments ---- */

static bool fragment_blocks(struct audit *a, const struct part *p, struct verdict *v)
{
	if (p->n % BLOCK_WORDS)
		return audit_malformed(v, "fragment blocks",
				       "the section of fragment blocks has %" PRIu64
				       " words, a multiple of %u expected",
				       p->n, BLOCK_WORDS);
	for (uint64_t i = 0; i < p->n; i += BLOCK_WORDS) {
		uint64_t pfn = p->words[i], order = p->words[i + 1];

		if (order > a->machine->top_order)
			return audit_malformed(v, "fragment blocks",
					       "a fragment block is of order %" PRIu64
					       ", the top order is %u",
					       order, a->machine->top_order);
		if (!place_frames(a, pfn, pfn + (UINT64_C(1) << order), "fragment block", v))
			return false;
	}
	a->block_words = p->words;
	a->nr_block_words = p->n;
	return true;
}

/* ---- lost frames ---- */

static bool lost_frames(struct audit *a, const struct part *p, struct verdict *v)
{
	for (uint64_t i = 0; i + 1 < p->n; i += 2) {
		uint64_t start = p->words[i], end = p->words[i + 1];

		if (start >= end)
			return audit_malformed(v, "leaked",
					       "the lost range from pfn %" PRIu64 " up to %" PRIu64
					       " is empty",
					       start, end);
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
	       audit_differs(v, RULE_BUDDY_LEDGER, "leaked", a->state->declared_leaks, a->lost_now,
			     "frames exported as lost, what operations declared against it");
}

static bool nothing_lost(struct audit *a, struct verdict *v)
{
	uint64_t first = UINT64_MAX, nr = 0;

	a->exercised[RULE_BUDDY_FRAME_LOST]++;
	for (uint64_t i = 0; i < a->nr_words; i++) {
		uint64_t lost = ~a->taken[i];

		if (lost && first == UINT64_MAX)
			first = i * 64 + (unsigned int)__builtin_ctzll(lost);
		nr += (unsigned int)__builtin_popcountll(lost);
	}
	return nr == 0 || audit_broken(v, RULE_BUDDY_FRAME_LOST, first, "frame",
				       "pfn %" PRIu64 " is neither free, live, reserved nor lost "
				       "for good; so are %" PRIu64 " frames in all, expected 0",
				       first, nr);
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
	case LB_STATE_DEFERRED: /* placed before the walk */
		return a->machine->deferred || p->n == 0 ||
		       audit_malformed(
			       v, "deferred",
			       "memory is said to be deferred, and the machine defers none");
	case LB_STATE_GUARDS:
		return guards(a, p, v);
	case LB_STATE_FRAG_BLOCKS:
		return fragment_blocks(a, p, v);
	case LB_STATE_FRAG_CACHES:
		a->cache_words = p->words;
		a->nr_cache_words = p->n;
		return true;
	default:
		return true;
	}
}

/* Before the walk: what is not there yet is nobody's. */
static bool place_deferred(struct audit *a, const uint64_t *state, struct verdict *v)
{
	for (struct part p = part_at(state); p.type != LB_STATE_END; p = part_at(next_part(&p)))
		if (p.type == LB_STATE_DEFERRED && !audit_place_deferred(a, p.words, p.n, v))
			return false;
	return true;
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
	a->deferred_now = 0;
	a->nr_cache_words = a->nr_block_words = 0;
}

bool audit_compare(struct audit *a, const uint64_t *state, struct verdict *v)
{
	begin_walk(a);
	a->exercised[RULE_STATE_SECTIONS]++;
	a->exercised[RULE_BUDDY_FRAME_TWICE]++;
	a->exercised[RULE_BUDDY_ABSENT_LISTED]++;
	if (a->machine->deferred && !place_deferred(a, state, v))
		return false;
	for (struct part p = part_at(state); p.type != LB_STATE_END; p = part_at(next_part(&p)))
		if (!one_part(a, &p, v))
			return false;
	return zones_count_their_lists(a, v) && ledger_is_right(a, v) &&
	       audit_judge_fragments(a, v) && nothing_lost(a, v);
}

bool audit_finish(struct audit *a, const uint64_t *state, struct verdict *v)
{
	if (!state)
		return true; /* the judge's probe sees what is left */
	if (!audit_compare(a, state, v))
		return false;
	/* what was deferred, and came since, is more than boot had */
	uint64_t came = a->state->deferred_at_boot - a->deferred_now;
	uint64_t expect = a->state->free_at_boot + came - a->state->declared_leaks;

	a->exercised[RULE_CONTRACT_LEAK]++;
	return a->free_now == expect ||
	       audit_differs(v, RULE_CONTRACT_LEAK, "free", expect, a->free_now,
			     "pages free when nothing is live, those of boot but the declared "
			     "losses against it");
}
