/*
 * Whose lists a request may take from: fallback, stealing, and the reserve for high atomics (facts
 * 7).
 *
 *   UNMOVABLE    -> RECLAIMABLE, MOVABLE
 *   MOVABLE      -> RECLAIMABLE, UNMOVABLE
 *   RECLAIMABLE  -> UNMOVABLE, MOVABLE
 *
 * A free block's list type and its pageblock's type are two things: a steal may move one and leave
 * the other.
 */
#include "oracle/shadow.h"

static const unsigned int fallbacks[NR_PCP_TYPES][2] = {
	[MT_UNMOVABLE] = { MT_RECLAIMABLE, MT_MOVABLE },
	[MT_MOVABLE] = { MT_RECLAIMABLE, MT_UNMOVABLE },
	[MT_RECLAIMABLE] = { MT_UNMOVABLE, MT_MOVABLE },
};

unsigned int shadow_pageblock_type(const struct shadow *s, uint64_t pfn)
{
	return s->types[pfn >> s->pageblock_order];
}

void shadow_pageblock_set_type(struct shadow *s, uint64_t pfn, unsigned int type)
{
	uint8_t *at = &s->types[pfn >> s->pageblock_order];

	assert(type < NR_LIST_TYPES);
	if (s->state->grouping_off && type < NR_PCP_TYPES)
		type = MT_UNMOVABLE;
	if (*at != type)
		s->state->changes++;
	*at = (uint8_t)type;
}

/* Where the pageblock's start is not in the zone, from the given page on. */
int64_t shadow_move_free_pages(struct shadow *s, struct zone *z, uint32_t page, unsigned int type)
{
	uint64_t size = UINT64_C(1) << s->pageblock_order, zone_end = z->start + z->spanned;
	uint64_t start = page & ~(size - 1), end = start + size;
	int64_t moved = 0;

	if (start < z->start)
		start = page;
	if (end > zone_end)
		return 0;
	for (uint64_t pfn = start; pfn < end;) {
		const struct frame *f = &s->frames[pfn];

		if (f->kind != FRAME_FREE || f->zone != number_of(s, z)) {
			pfn++;
			continue;
		}
		unsigned int order = f->order;

		shadow_free_list_move(s, (uint32_t)pfn, type);
		moved += 1 << order;
		pfn += UINT64_C(1) << order;
	}
	return moved;
}

static bool may_steal_whole(const struct shadow *s, unsigned int order, unsigned int type)
{
	return order >= s->pageblock_order / 2 || type == MT_RECLAIMABLE || type == MT_UNMOVABLE ||
	       s->state->grouping_off;
}

/*
 * Nobody has movable pages in a machine without reclaim: what is not free counts as of the old
 * type.
 */
static bool is_worth_claiming(const struct shadow *s, int64_t free_pages, unsigned int type,
			      unsigned int old_type)
{
	int64_t size = INT64_C(1) << s->pageblock_order, alike = 0;

	if (type != MT_MOVABLE && old_type == MT_MOVABLE)
		alike = size - free_pages;
	return free_pages + alike >= size / 2 || s->state->grouping_off;
}

static void steal(struct shadow *s, struct zone *z, uint32_t page, unsigned int type, bool whole,
		  unsigned int alloc_flags)
{
	unsigned int order = s->frames[page].order, old_type = shadow_pageblock_type(s, page);
	int64_t free_pages;

	if (old_type == MT_HIGHATOMIC) {
		shadow_free_list_move(s, page, type);
		return;
	}
	if (order >= s->pageblock_order) {
		for (uint32_t n = 0; n < 1u << (order - s->pageblock_order); n++)
			shadow_pageblock_set_type(s, page + (n << s->pageblock_order), type);
		shadow_free_list_move(s, page, type);
		return;
	}
	shadow_watermark_boost(s, z, alloc_flags);
	free_pages = whole ? shadow_move_free_pages(s, z, page, type) : 0;
	if (free_pages == 0)
		shadow_free_list_move(s, page, type);
	else if (is_worth_claiming(s, free_pages, type, old_type))
		shadow_pageblock_set_type(s, page, type);
}

/* The first type of the table that has a block of the order; NR_LIST_TYPES: none has. */
static unsigned int find_fallback(const struct zone *z, unsigned int order, unsigned int type)
{
	for (unsigned int i = 0; i < 2; i++)
		if (z->lists[order][fallbacks[type][i]].n)
			return fallbacks[type][i];
	return NR_LIST_TYPES;
}

static bool find_smallest(const struct shadow *s, const struct zone *z, unsigned int *order,
			  unsigned int type, unsigned int *from)
{
	for (; *order <= s->top_order; (*order)++) {
		*from = find_fallback(z, *order, type);
		if (*from != NR_LIST_TYPES)
			return true;
	}
	return false;
}

static void steal_from(struct shadow *s, struct zone *z, unsigned int order, unsigned int from,
		       unsigned int type, unsigned int alloc_flags)
{
	s->trail.stolen = true;
	s->trail.taken_type = (uint8_t)from;
	steal(s, z, z->lists[order][from].head, type, may_steal_whole(s, order, type), alloc_flags);
}

static bool fall_back(struct shadow *s, struct zone *z, unsigned int order, unsigned int type,
		      unsigned int alloc_flags)
{
	unsigned int least = order, from;

	/* 5.10 does not look at the order: a larger request steals pageblocks, one after the other */
	if ((alloc_flags & ALLOC_NOFRAGMENT) && (order < s->pageblock_order || is_5_10(s)))
		least = s->pageblock_order;
	for (unsigned int o = s->top_order + 1; o-- > least;) {
		from = find_fallback(z, o, type);
		if (from == NR_LIST_TYPES)
			continue;
		if (!may_steal_whole(s, o, type) && type == MT_MOVABLE && o > order) {
			o = order;
			find_smallest(s, z, &o, type, &from);
		}
		steal_from(s, z, o, from, type, alloc_flags);
		return true;
	}
	return false;
}

uint32_t shadow_buddy_take(struct shadow *s, struct zone *z, unsigned int order, unsigned int type,
			   unsigned int alloc_flags)
{
	uint32_t pfn;

	assert(type < NR_PCP_TYPES);
	s->trail.stolen = false;
	s->trail.taken_type = (uint8_t)type;
	do
		pfn = shadow_buddy_take_smallest(s, z, order, type);
	while (pfn == NIL && fall_back(s, z, order, type, alloc_flags));
	return pfn;
}

void shadow_highatomic_reserve(struct shadow *s, struct zone *z, uint32_t pfn)
{
	int64_t size = INT64_C(1) << s->pageblock_order, limit = (int64_t)(z->managed / 100) + size;

	if (z->highatomic >= limit || shadow_pageblock_type(s, pfn) >= MT_HIGHATOMIC)
		return;
	z->highatomic += size;
	s->state->changes++;
	shadow_pageblock_set_type(s, pfn, MT_HIGHATOMIC);
	shadow_move_free_pages(s, z, pfn, MT_HIGHATOMIC);
}

static bool unreserve_zone(struct shadow *s, struct zone *z, unsigned int type)
{
	int64_t size = INT64_C(1) << s->pageblock_order;

	for (unsigned int o = 0; o <= s->top_order; o++) {
		uint32_t pfn = z->lists[o][MT_HIGHATOMIC].head;

		if (z->lists[o][MT_HIGHATOMIC].n == 0)
			continue;
		if (shadow_pageblock_type(s, pfn) == MT_HIGHATOMIC && z->highatomic > 0) {
			z->highatomic -= z->highatomic < size ? z->highatomic : size;
			s->state->changes++;
		}
		shadow_pageblock_set_type(s, pfn, type);
		if (shadow_move_free_pages(s, z, pfn, type) > 0)
			return true;
	}
	return false;
}

bool shadow_highatomic_unreserve(struct shadow *s, const struct zonelist *zl, uint32_t highest,
				 uint32_t nodemask, unsigned int type, bool force)
{
	for (uint32_t i = 0; i < zl->n; i++) {
		struct zone *z = &s->zones[zl->zones[i]];

		if (z->index > highest || (nodemask && !(nodemask >> z->node & 1)))
			continue;
		if (!force && z->highatomic <= INT64_C(1) << s->pageblock_order)
			continue;
		if (unreserve_zone(s, z, type))
			return true;
	}
	return false;
}
