/*
 * When a type's own lists are empty: take from another type, and perhaps its pageblock with it
 * (facts 7).
 *
 *   wanted U:  R, then M        wanted M:  R, then U        wanted R:  U, then M
 *
 * The largest block is stolen, so that types mix in few pageblocks; a MOVABLE request that may not
 * claim a pageblock takes the smallest, so as to break nothing large. What is stolen goes to the
 * wanted type's list, and the request is tried again.
 *
 * Locking: zone->lock, held by the caller.
 * Not here: CMA (Debian amd64 has none), isolation.
 */
#include "page/page_internal.h"

enum { NR_FALLBACKS = 2 };

static const int fallbacks[MIGRATE_PCPTYPES][NR_FALLBACKS] = {
	[MIGRATE_UNMOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE },
	[MIGRATE_MOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE },
	[MIGRATE_RECLAIMABLE] = { MIGRATE_UNMOVABLE, MIGRATE_MOVABLE },
};

/* May a steal at this order take more than the block it needs? */
static bool can_steal_pageblock(const struct mm_machine *m, unsigned int order, int migratetype)
{
	return order >= m->pageblock_order / 2 || migratetype != MIGRATE_MOVABLE ||
	       m->grouping_disabled;
}

/* The first fallback type with a block of this order; -1 if none has. */
static int fallback_type(const struct free_area *area, int migratetype)
{
	if (area->nr_free == 0)
		return -1;
	for (unsigned int i = 0; i < NR_FALLBACKS; i++)
		if (!list_empty(&area->free_list[fallbacks[migratetype][i]]))
			return fallbacks[migratetype][i];
	return -1;
}

static void move_page_only(struct zone *zone, struct page *page, unsigned int order,
			   int migratetype, enum mm_event_kind event)
{
	move_to_free_list(zone, page, order, migratetype);
	mm_emit(zone->machine, event, zone, (pfn_t)(page - zone->machine->memmap), order,
		migratetype, 0);
}

static void retype_range(struct mm_machine *m, pfn_t pfn, unsigned int order, int migratetype)
{
	for (pfn_t at = pfn; at < pfn + (UINT64_C(1) << order); at += pageblock_pages(m))
		set_pageblock_type(m, at, migratetype);
}

/*
 * Moves the pageblock's free pages; claims it when half of it is free or of a like kind. False:
 * nothing was moved.
 */
static bool steal_pageblock(struct zone *zone, pfn_t pfn, int old_type, int migratetype)
{
	struct mm_machine *m = zone->machine;
	uint64_t moved = move_freepages_block(zone, pfn, migratetype), alike = 0;

	if (!moved)
		return false;
	/*
	 * nothing here is on an LRU, so a MOVABLE request sees no page that is alike (facts 7, step
	 * 6)
	 */
	if (migratetype != MIGRATE_MOVABLE && old_type == MIGRATE_MOVABLE)
		alike = pageblock_pages(m) - moved;
	bool claim = moved + alike >= pageblock_pages(m) / 2 || m->grouping_disabled;

	if (claim)
		set_pageblock_type(m, pfn, migratetype);
	mm_emit(m, claim ? MM_EVENT_STEAL_CLAIM : MM_EVENT_STEAL_MOVE, zone, pfn,
		m->pageblock_order, migratetype, moved);
	return true;
}

static void steal(struct zone *zone, struct page *page, unsigned int order, int migratetype,
		  unsigned int alloc_flags)
{
	struct mm_machine *m = zone->machine;
	pfn_t pfn = (pfn_t)(page - m->memmap);
	int old_type = pageblock_type(m, pfn);

	if (old_type == MIGRATE_HIGHATOMIC) {
		move_page_only(zone, page, order, migratetype, MM_EVENT_STEAL_PAGE);
		return;
	}
	if (order >= m->pageblock_order) {
		retype_range(m, pfn, order, migratetype);
		move_page_only(zone, page, order, migratetype, MM_EVENT_STEAL_WHOLE);
		return;
	}
	if (boost_watermark(zone) && (alloc_flags & ALLOC_KSWAPD))
		zone->boosted = true;
	if (!can_steal_pageblock(m, order, migratetype) ||
	    !steal_pageblock(zone, pfn, old_type, migratetype))
		move_page_only(zone, page, order, migratetype, MM_EVENT_STEAL_PAGE);
}

/*
 * The order to steal at for a MOVABLE request that may not claim a pageblock: the smallest there
 * is.
 */
static unsigned int smallest_fallback_order(const struct zone *zone, unsigned int order,
					    int migratetype)
{
	while (fallback_type(&zone->free_area[order], migratetype) < 0)
		order++;
	return order;
}

static bool steal_fallback(struct zone *zone, unsigned int order, int migratetype,
			   unsigned int alloc_flags)
{
	struct mm_machine *m = zone->machine;
	unsigned int min_order = order;

	/* in 5.10 a request above pageblock order may so steal blocks that are too small for it */
	if ((alloc_flags & ALLOC_NOFRAGMENT) &&
	    (order < m->pageblock_order || m->config.profile->nofragment_limits_all))
		min_order = m->pageblock_order;
	for (unsigned int current = m->top_order + 1; current-- > min_order;) {
		if (fallback_type(&zone->free_area[current], migratetype) < 0)
			continue;
		if (!can_steal_pageblock(m, current, migratetype) && current > order)
			current = smallest_fallback_order(zone, order, migratetype);
		struct free_area *area = &zone->free_area[current];
		struct page *page =
			lru_to_page(area->free_list[fallback_type(area, migratetype)].next);

		steal(zone, page, current, migratetype, alloc_flags);
		return true;
	}
	return false;
}

/*
 * A block of the wanted type; if there is none, after a steal; NULL iff nothing can be stolen
 * either.
 */
struct page *rmqueue_locked(struct zone *zone, unsigned int order, int migratetype,
			    unsigned int alloc_flags)
{
	struct page *page;

	assert(migratetype < MIGRATE_PCPTYPES);
	do
		page = take_smallest(zone, order, migratetype);
	while (!page && steal_fallback(zone, order, migratetype, alloc_flags));
	return page;
}
