/*
 * Free lists: linking, merging, cutting (facts 6).
 *
 *   order 3  [0.......|........]      a block of 8 pages at pfn 0, the head of list[3][type]
 *   take 1   [0] 1  2..  4....       the upper halves go to the heads of their lists, 0 is taken
 *
 * Invariants:
 *   F1  a frame has kind FREE iff it is on the free list of its zone, order and type;
 *   F2  shared value and deltas of a zone's free pages together are the pages on its lists
 *       (shadow_vmstat.c), but for isolated ones, while a refill runs, and for bad blocks that 5.10
 *       met here;
 *   F3  a guard (shadow_switches.c) is on no list and is merged with as a free block is; it counts
 *       as one too where a free block is likely to be merged soon.
 *
 * Not here: which list may be taken from (shadow_fallback.c).
 */
#include "oracle/shadow.h"

void shadow_list_init(struct list *list)
{
	*list = (struct list){ .head = NIL, .tail = NIL };
}

void shadow_list_add_head(struct shadow *s, struct list *list, uint32_t pfn)
{
	struct frame *f = &s->frames[pfn];

	f->prev = NIL;
	f->next = list->head;
	if (list->head == NIL)
		list->tail = pfn;
	else
		s->frames[list->head].prev = pfn;
	list->head = pfn;
	list->n++;
	s->state->changes++;
}

void shadow_list_add_tail(struct shadow *s, struct list *list, uint32_t pfn)
{
	struct frame *f = &s->frames[pfn];

	f->next = NIL;
	f->prev = list->tail;
	if (list->tail == NIL)
		list->head = pfn;
	else
		s->frames[list->tail].next = pfn;
	list->tail = pfn;
	list->n++;
	s->state->changes++;
}

void shadow_list_del(struct shadow *s, struct list *list, uint32_t pfn)
{
	const struct frame *f = &s->frames[pfn];

	assert(list->n > 0);
	if (f->prev == NIL)
		list->head = f->next;
	else
		s->frames[f->prev].next = f->next;
	if (f->next == NIL)
		list->tail = f->prev;
	else
		s->frames[f->next].prev = f->prev;
	list->n--;
	s->state->changes++;
}

static void free_list_add(struct shadow *s, uint32_t pfn, unsigned int order, unsigned int type,
			  bool to_tail)
{
	struct frame *f = &s->frames[pfn];
	struct zone *z = zone_of(s, pfn);
	struct list *list = &z->lists[order][type];

	assert(f->kind == FRAME_PLAIN && pfn % (1u << order) == 0 && type < NR_LIST_TYPES);
	f->kind = FRAME_FREE;
	f->order = (uint8_t)order;
	f->type = (uint8_t)type;
	f->refs = 0;
	if (to_tail)
		shadow_list_add_tail(s, list, pfn);
	else
		shadow_list_add_head(s, list, pfn);
}

static void free_list_del(struct shadow *s, uint32_t pfn)
{
	struct frame *f = &s->frames[pfn];
	struct zone *z = zone_of(s, pfn);

	assert(f->kind == FRAME_FREE);
	shadow_list_del(s, &z->lists[f->order][f->type], pfn);
	f->kind = FRAME_PLAIN;
}

void shadow_free_list_take(struct shadow *s, uint32_t pfn)
{
	free_list_del(s, pfn);
}

void shadow_free_list_add_piece(struct shadow *s, uint32_t pfn, unsigned int order,
				unsigned int type)
{
	if (!shadow_guard_make(s, pfn, order, type))
		free_list_add(s, pfn, order, type, false);
}

void shadow_free_list_move(struct shadow *s, uint32_t pfn, unsigned int type)
{
	unsigned int order = s->frames[pfn].order;

	free_list_del(s, pfn);
	free_list_add(s, pfn, order, type, true);
}

bool shadow_is_free_block(const struct shadow *s, uint64_t pfn, unsigned int order, uint8_t zone)
{
	if (pfn >= s->max_pfn)
		return false;

	const struct frame *f = &s->frames[pfn];

	return f->kind == FRAME_FREE && f->order == order && f->zone == zone;
}

bool shadow_is_buddy(const struct shadow *s, uint64_t pfn, unsigned int order, uint8_t zone)
{
	if (pfn >= s->max_pfn)
		return false;

	const struct frame *f = &s->frames[pfn];

	return (f->kind == FRAME_FREE || f->kind == FRAME_GUARD) && f->order == order &&
	       f->zone == zone;
}

bool shadow_is_free_frame(const struct shadow *s, uint64_t pfn)
{
	for (unsigned int o = 0; o <= s->top_order; o++) {
		const struct frame *f = &s->frames[pfn & ~((UINT64_C(1) << o) - 1)];
		bool heads =
			f->kind == FRAME_FREE || f->kind == FRAME_PCP || f->kind == FRAME_GUARD;

		if (heads && f->order >= o)
			return true;
	}
	return false;
}

/*
 * From pageblock order up only types that fall back to each other mix, or equal ones. 5.10 keeps
 * nothing apart but isolated pageblocks, of which there are none in a zone that counts none.
 */
static bool types_may_mix(const struct shadow *s, unsigned int type, uint64_t buddy)
{
	unsigned int other = shadow_pageblock_type(s, buddy);

	if (is_5_10(s))
		return zone_of(s, buddy)->isolated == 0 || type == other ||
		       (type != MT_ISOLATE && other != MT_ISOLATE);
	return type == other || (type < NR_PCP_TYPES && other < NR_PCP_TYPES);
}

/* A block that is likely to be merged soon goes to the tail, where it is not taken at once. */
static bool is_likely_to_merge(const struct shadow *s, uint64_t pfn, unsigned int order)
{
	uint64_t parent = pfn & ~(UINT64_C(1) << order);
	uint8_t zone = s->frames[pfn].zone;

	if (order + 1 >= s->top_order)
		return false;
	return shadow_is_buddy(s, parent ^ UINT64_C(2) << order, order + 1, zone);
}

/* Chance decides for the largest blocks, where it is asked at all. */
static bool goes_to_tail(struct shadow *s, uint64_t pfn, unsigned int order)
{
	if (s->machine.shuffle && order == s->top_order)
		return shadow_shuffle_to_tail(s);
	return is_likely_to_merge(s, pfn, order);
}

void shadow_buddy_free(struct shadow *s, uint32_t pfn, unsigned int order, unsigned int type,
		       bool to_tail)
{
	uint8_t zone = s->frames[pfn].zone;

	assert(s->frames[pfn].kind == FRAME_PLAIN && order <= s->top_order);
	if (type != MT_ISOLATE)
		shadow_count_free(s, zone_of(s, pfn), INT64_C(1) << order);
	for (; order < s->top_order; order++) {
		uint64_t buddy = pfn ^ UINT64_C(1) << order;

		if (!shadow_is_buddy(s, buddy, order, zone))
			break;
		if (order >= s->pageblock_order && !types_may_mix(s, type, buddy))
			break;
		if (s->frames[buddy].kind == FRAME_GUARD)
			shadow_guard_join(s, (uint32_t)buddy, type);
		else
			free_list_del(s, (uint32_t)buddy);
		pfn &= (uint32_t)buddy;
	}
	free_list_add(s, pfn, order, type, to_tail || goes_to_tail(s, pfn, order));
}

uint32_t shadow_buddy_take_smallest(struct shadow *s, struct zone *z, unsigned int order,
				    unsigned int type)
{
	for (unsigned int o = order; o <= s->top_order; o++) {
		uint32_t pfn = z->lists[o][type].head;

		if (z->lists[o][type].n == 0)
			continue;
		free_list_del(s, pfn);
		while (o > order) {
			o--;
			shadow_free_list_add_piece(s, pfn + (1u << o), o, type);
		}
		s->frames[pfn].order = (uint8_t)order;
		s->frames[pfn].type = (uint8_t)type; /* page->index: the list it came from */
		return pfn;
	}
	return NIL;
}
