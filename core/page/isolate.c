/*
 * Pageblocks and frames taken from under the allocator (facts 12).
 *
 *   pageblock MOVABLE  --isolate-->  ISOLATE  --unisolate-->  MOVABLE
 *   its free blocks: on the MOVABLE list, counted | on the ISOLATE list, not counted | back, counted
 *
 * Invariants:
 *   I1  free blocks on ISOLATE lists are not in the zone's count of free pages;
 *   I2  nr_isolate_pageblock of a zone is the number of its pageblocks of type ISOLATE.
 *
 * Not here: moving pages that are in use out of the way (migration): a range in use stays as it is.
 */
#include "page/vmstat.h"

/* Somebody holds the frame, or it was never given to the buddy. */
static bool frame_is_unmovable(const struct zone *zone, const struct page *page)
{
	if (PageReserved(page))
		return true;
	return zone->type != ZONE_MOVABLE && (page_count(page) > 0 || PageTail(page));
}

static bool range_is_busy(const struct mm_machine *m, const struct zone *zone, pfn_t start,
			  pfn_t end)
{
	for (pfn_t pfn = start; pfn < end; pfn++)
		if (pageblock_type(m, pfn) == MIGRATE_ISOLATE ||
		    frame_is_unmovable(zone, &m->memmap[pfn]))
			return true;
	return false;
}

static void isolate_pageblock(struct zone *zone, pfn_t pfn)
{
	struct mm_machine *m = zone->machine;

	set_pageblock_type(m, pfn, MIGRATE_ISOLATE);
	zone->nr_isolate_pageblock++;
	uint64_t moved = move_freepages_block(zone, pfn, MIGRATE_ISOLATE);

	mod_zone_free_pages(zone, -(long)moved);
	mm_emit(m, MM_EVENT_ISOLATE, zone, pfn, m->pageblock_order, MIGRATE_ISOLATE, moved);
}

bool isolate_range(pfn_t start, pfn_t end)
{
	struct mm_machine *m = mm_current->machine;

	assert(is_aligned(start, m->top_order) && is_aligned(end, m->top_order));
	/* deferred: nothing in struct page says so much as the zone */
	if (mm_skip_deferred(m, start) != start)
		return false;
	struct zone *zone = page_zone(m, &m->memmap[start]);

	assert(zone_spans_pfn(zone, start) && zone_spans_pfn(zone, end - 1));
	if (end > zone->pgdat->first_deferred_pfn || range_is_busy(m, zone, start, end))
		return false;
	zone_lock(zone);
	for (pfn_t pfn = start; pfn < end; pfn += pageblock_pages(m))
		isolate_pageblock(zone, pfn);
	zone_unlock(zone);
	return true;
}

/*
 * A free block of a pageblock or more could not merge with a neighbour that was not isolated: it may
 * now. Its order, or 0.
 */
static unsigned int order_to_merge(const struct zone *zone, pfn_t pfn)
{
	const struct mm_machine *m = zone->machine;
	const struct page *page = &m->memmap[pfn];
	pfn_t buddy;

	if (!PageBuddy(page) || buddy_order(page) < m->pageblock_order ||
	    buddy_order(page) >= m->top_order)
		return 0;
	buddy = pfn ^ (UINT64_C(1) << buddy_order(page));
	if (m->config.profile->unisolate_needs_free_buddy &&
	    !free_buddy(m, zone, pfn, buddy_order(page)))
		return 0;
	if (buddy >= m->max_pfn || pageblock_type(m, buddy) == MIGRATE_ISOLATE)
		return 0;
	return buddy_order(page);
}

static void unisolate_pageblock(struct zone *zone, pfn_t pfn)
{
	struct mm_machine *m = zone->machine;
	unsigned int order = order_to_merge(zone, pfn);

	if (order) {
		take_free_block(zone, &m->memmap[pfn], order);
		set_pageblock_type(m, pfn, MIGRATE_MOVABLE);
		free_one_page(zone, pfn, order, MIGRATE_MOVABLE, true);
		mm_emit(m, MM_EVENT_UNISOLATE_MERGE, zone, pfn, order, MIGRATE_MOVABLE, 0);
	} else {
		mod_zone_free_pages(zone, (long)move_freepages_block(zone, pfn, MIGRATE_MOVABLE));
		set_pageblock_type(m, pfn, MIGRATE_MOVABLE);
	}
	zone->nr_isolate_pageblock--;
	mm_emit(m, MM_EVENT_UNISOLATE, zone, pfn, m->pageblock_order, MIGRATE_MOVABLE, 0);
}

bool unisolate_range(pfn_t start, pfn_t end)
{
	struct mm_machine *m = mm_current->machine;
	struct zone *zone = page_zone(m, &m->memmap[start]);
	bool any = false;

	assert(is_aligned(start, m->top_order) && is_aligned(end, m->top_order));
	zone_lock(zone);
	for (pfn_t pfn = start; pfn < end; pfn += pageblock_pages(m)) {
		if (pageblock_type(m, pfn) != MIGRATE_ISOLATE)
			continue;
		unisolate_pageblock(zone, pfn);
		any = true;
	}
	zone_unlock(zone);
	return any;
}

/*
 * Cuts the block that begins at pfn until only the target is left: the other halves go to the heads of the
 * lists, or become guards.
 */
static void cut_out(struct zone *zone, pfn_t pfn, pfn_t target, unsigned int order, int migratetype)
{
	struct mm_machine *m = zone->machine;

	while (order > 0) {
		order--;
		pfn_t upper = pfn + (UINT64_C(1) << order);
		pfn_t rest = target >= upper ? pfn : upper;

		put_half(zone, &m->memmap[rest], order, migratetype);
		if (target >= upper)
			pfn = upper;
	}
	assert(pfn == target);
}

bool take_page_off_buddy(struct page *page)
{
	struct mm_machine *m = mm_current->machine;
	struct zone *zone = page_zone(m, page);
	pfn_t pfn = (pfn_t)(page - m->memmap);
	struct page *head = free_block_of(m, pfn);

	if (!head || PageGuard(head))
		return false;
	zone_lock(zone);
	pfn_t start = (pfn_t)(head - m->memmap);
	unsigned int order = buddy_order(head);
	int migratetype = pageblock_type(m, start);

	take_free_block(zone, head, order);
	mm_emit(m, MM_EVENT_TAKE, zone, start, order, migratetype, 0);
	cut_out(zone, start, pfn, order, migratetype);
	if (migratetype != MIGRATE_ISOLATE)
		mod_zone_free_pages(zone, -1);
	page->_refcount = 1;
	zone_unlock(zone);
	if (m->poison_memory)
		mm_unpoison_block(m, pfn, 0);
	if (m->fills_pages)
		take_contents(m, pfn);
	return true;
}

void put_page_back_buddy(struct page *page)
{
	struct mm_machine *m = mm_current->machine;
	struct zone *zone = page_zone(m, page);
	pfn_t pfn = (pfn_t)(page - m->memmap);

	assert(page_count(page) == 1 && !PageHead(page) && !PageTail(page));
	page->_refcount = 0;
	if (m->fills_pages)
		put_back_contents(m, pfn);
	if (m->poison_memory)
		mm_poison_block(m, pfn, 0);
	zone_lock(zone);
	free_one_page(zone, pfn, 0, pageblock_type(m, pfn), false);
	zone_unlock(zone);
}
