/*
 * What an exported state must look like, whatever the policy: every frame in exactly one place, and
 * counts that are the lengths of their lists.
 *
 *   usable frames  =  free areas  +  page lists  +  live blocks  +  lost
 */
#include "oracle/audit_internal.h"

#include <stdio.h>
#include <string.h>

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

/* A block that is said to be free: somewhere in memory, and nowhere else. */
static bool place_block(struct audit *a, uint64_t pfn, unsigned int order, const char *field,
			struct verdict *v)
{
	uint64_t end = pfn + (UINT64_C(1) << order);

	if (pfn >= a->max_pfn || end > a->max_pfn || !bits_all(a->present, pfn, end))
		return audit_broken(v, RULE_BUDDY_ABSENT_LISTED, pfn, field);
	if (bits_any(a->seen, pfn, end) || bits_any(a->live, pfn, end) ||
	    bits_any(a->reserved, pfn, end))
		return audit_broken(v, RULE_BUDDY_FRAME_TWICE, pfn, field);
	bits_set(a->seen, pfn, end);
	a->free_now += end - pfn;
	return true;
}

/* The zone section of a node and index; NULL: there is none. */
static const uint64_t *zone_words(const uint64_t *state, uint64_t node, uint64_t index)
{
	for (struct part p = part_at(state); p.type != LB_STATE_END; p = part_at(next_part(&p)))
		if (p.type == LB_STATE_ZONE && p.words[LB_ZONE_NODE] == node &&
		    p.words[LB_ZONE_INDEX] == index)
			return p.words;
	return NULL;
}

static uint8_t list_zone(const struct part *p)
{
	return (uint8_t)(p->words[0] * MACHINE_NR_ZONES + p->words[1]);
}

static bool free_list(struct audit *a, const uint64_t *state, const struct part *p,
		      struct verdict *v)
{
	const uint64_t *zone = zone_words(state, p->words[0], p->words[1]);
	unsigned int order = (unsigned int)p->words[2];
	uint64_t pages = UINT64_C(1) << order;
	char field[sizeof(v->field)];

	snprintf(field, sizeof(field), "list[%u:%u:%u]", (unsigned int)p->words[0],
		 (unsigned int)p->words[1], order);
	for (uint64_t i = 4; i < p->n; i++) {
		uint64_t pfn = p->words[i];

		if (!zone || pfn % pages || pfn < zone[LB_ZONE_START] ||
		    pfn + pages > zone[LB_ZONE_START] + zone[LB_ZONE_SPANNED])
			return audit_broken(v, RULE_BUDDY_ALIGNMENT, pfn, field);
		if (!place_block(a, pfn, order, field, v))
			return false;
		a->listed_order[pfn] = (uint8_t)order;
		a->listed_zone[pfn] = list_zone(p);
	}
	return true;
}

enum { PCP_HEAD = 8, PCP_LIST_TYPES = 3, PCP_ORDER_LISTS = 12 };

static bool page_lists(struct audit *a, const struct part *p, struct verdict *v)
{
	uint64_t pages = 0;

	for (uint64_t i = PCP_HEAD; i + 1 < p->n; i += 2 + p->words[i + 1]) {
		unsigned int order = p->words[i] < PCP_ORDER_LISTS
					     ? (unsigned int)p->words[i] / PCP_LIST_TYPES
					     : a->machine->pageblock_order;

		for (uint64_t n = 0; n < p->words[i + 1]; n++) {
			uint64_t pfn = p->words[i + 2 + n] & ((UINT64_C(1) << 56) - 1);

			if (!place_block(a, pfn, order, "page list", v))
				return false;
			pages += UINT64_C(1) << order;
		}
	}
	return pages == p->words[3] ||
	       audit_differs(v, RULE_BUDDY_PCP_COUNT, "pcp.count", pages, p->words[3]);
}

static bool lost_frames(struct audit *a, const struct part *p, struct verdict *v)
{
	uint64_t lost = 0;

	for (uint64_t i = 0; i + 1 < p->n; i += 2) {
		uint64_t start = p->words[i], end = p->words[i + 1];

		if (end > a->max_pfn || bits_any(a->seen, start, end) ||
		    bits_any(a->live, start, end))
			return audit_broken(v, RULE_BUDDY_FRAME_TWICE, start, "leaked");
		bits_set(a->seen, start, end);
		lost += end - start;
	}
	a->exercised[RULE_BUDDY_LEDGER]++;
	return lost == a->state->declared_leaks ||
	       audit_differs(v, RULE_BUDDY_LEDGER, "leaked", a->state->declared_leaks, lost);
}

/* Free pages that each zone counts, against the blocks on its lists. */
static bool zone_accounts(struct audit *a, const uint64_t *state, const uint64_t *zone,
			  struct verdict *v)
{
	uint64_t listed = 0;

	for (struct part p = part_at(state); p.type != LB_STATE_END; p = part_at(next_part(&p)))
		if (p.type == LB_STATE_FREE_LIST && p.words[0] == zone[LB_ZONE_NODE] &&
		    p.words[1] == zone[LB_ZONE_INDEX])
			listed += (p.n - 4) << p.words[2];
	a->exercised[RULE_BUDDY_ACCOUNTING]++;
	return listed == zone[LB_ZONE_FREE] ||
	       audit_differs(v, RULE_BUDDY_ACCOUNTING, "zone.free", listed, zone[LB_ZONE_FREE]);
}

/* Types do not matter below the order of a pageblock: both halves lie in one. Zones do. */
static bool list_is_merged(struct audit *a, const struct part *p, struct verdict *v)
{
	unsigned int order = (unsigned int)p->words[2];

	if (order >= a->machine->pageblock_order)
		return true;
	for (uint64_t i = 4; i < p->n; i++) {
		uint64_t buddy = p->words[i] ^ UINT64_C(1) << order;

		if (buddy < a->max_pfn && a->listed_order[buddy] == order &&
		    a->listed_zone[buddy] == list_zone(p))
			return audit_broken(v, RULE_BUDDY_UNMERGED, p->words[i], "buddy");
	}
	a->exercised[RULE_BUDDY_UNMERGED]++;
	return true;
}

static bool one_part(struct audit *a, const uint64_t *state, const struct part *p,
		     struct verdict *v)
{
	switch (p->type) {
	case LB_STATE_ZONE:
		return zone_accounts(a, state, p->words, v);
	case LB_STATE_FREE_LIST:
		a->exercised[RULE_BUDDY_ALIGNMENT]++;
		return free_list(a, state, p, v);
	case LB_STATE_PCP:
		a->exercised[RULE_BUDDY_PCP_COUNT]++;
		return page_lists(a, p, v);
	case LB_STATE_LEAKED:
		return lost_frames(a, p, v);
	default:
		return true;
	}
}

static bool all_merged(struct audit *a, const uint64_t *state, struct verdict *v)
{
	for (struct part p = part_at(state); p.type != LB_STATE_END; p = part_at(next_part(&p))) {
		if (p.type == LB_STATE_FREE_LIST && !list_is_merged(a, &p, v))
			return false;
	}
	return true;
}

static bool nothing_lost(struct audit *a, struct verdict *v)
{
	for (uint64_t i = 0; i < a->nr_words; i++) {
		uint64_t lost = a->usable[i] & ~a->seen[i] & ~a->live[i];

		if (lost)
			return audit_broken(v, RULE_BUDDY_FRAME_LOST,
					    i * 64 + (unsigned int)__builtin_ctzll(lost), "frame");
	}
	return true;
}

bool audit_compare(struct audit *a, const uint64_t *state, struct verdict *v)
{
	memset(a->seen, 0, a->nr_words * sizeof(uint64_t));
	memset(a->listed_order, AUDIT_NOT_LISTED, a->max_pfn);
	a->free_now = 0;
	a->exercised[RULE_BUDDY_FRAME_TWICE]++;
	a->exercised[RULE_BUDDY_ABSENT_LISTED]++;
	for (struct part p = part_at(state); p.type != LB_STATE_END; p = part_at(next_part(&p)))
		if (!one_part(a, state, &p, v))
			return false;
	a->exercised[RULE_BUDDY_FRAME_LOST]++;
	return nothing_lost(a, v) && all_merged(a, state, v);
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
