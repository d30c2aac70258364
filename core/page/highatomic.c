/*
 * Pageblocks kept for high-order requests that may not wait (facts 7, "Highatomic reserve").
 *
 * Invariant H1: nr_reserved_highatomic is the pages of pageblocks that were reserved and not given
 * back; it exceeds managed / 100 + a pageblock by less than a pageblock.
 */
#include "page/page_internal.h"

void reserve_highatomic_pageblock(struct zone *zone, const struct page *page)
{
	struct mm_machine *m = zone->machine;
	pfn_t pfn = (pfn_t)(page - m->memmap);
	uint64_t limit = zone->managed_pages / 100 + pageblock_pages(m);

	zone_lock(zone);
	if (zone->nr_reserved_highatomic < limit && pageblock_type(m, pfn) < MIGRATE_PCPTYPES) {
		zone->nr_reserved_highatomic += pageblock_pages(m);
		set_pageblock_type(m, pfn, MIGRATE_HIGHATOMIC);
		move_freepages_block(zone, pfn, MIGRATE_HIGHATOMIC);
		mm_emit(m, MM_EVENT_HIGHATOMIC_RESERVE, zone, pfn, m->pageblock_order,
			MIGRATE_HIGHATOMIC, 0);
	}
	zone_unlock(zone);
}

/* Gives one pageblock of a zone back, as the request's type. True iff that moved free pages. */
static bool unreserve_zone(struct zone *zone, int migratetype)
{
	struct mm_machine *m = zone->machine;
	bool moved = false;

	zone_lock(zone);
	for (unsigned int order = 0; order <= m->top_order && !moved; order++) {
		struct list_head *list = &zone->free_area[order].free_list[MIGRATE_HIGHATOMIC];

		if (list_empty(list))
			continue;
		pfn_t pfn = (pfn_t)(lru_to_page(list->next) - m->memmap);

		/* a block that merged may lie on this list without its pageblock being reserved */
		if (pageblock_type(m, pfn) == MIGRATE_HIGHATOMIC)
			zone->nr_reserved_highatomic -=
				min_u64(pageblock_pages(m), zone->nr_reserved_highatomic);
		set_pageblock_type(m, pfn, migratetype);
		moved = move_freepages_block(zone, pfn, migratetype) > 0;
		mm_emit(m, MM_EVENT_HIGHATOMIC_UNRESERVE, zone, pfn, m->pageblock_order,
			migratetype, moved);
	}
	zone_unlock(zone);
	return moved;
}

bool unreserve_highatomic_pageblock(const struct alloc_context *ac, bool force)
{
	const struct zoneref *ref = next_zoneref(ac->zonelist, ac->highest_zoneidx, ac->nodemask);

	for (; ref->zone; ref = next_zoneref(ref + 1, ac->highest_zoneidx, ac->nodemask)) {
		if (!force && ref->zone->nr_reserved_highatomic <= pageblock_pages(ac->m))
			continue;
		if (unreserve_zone(ref->zone, ac->migratetype))
			return true;
	}
	return false;
}
