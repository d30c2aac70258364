/*
 * Many single pages at once (facts 10).
 *
 *   array  [page NULL page NULL NULL]      entries that are filled stay, holes are filled in order
 *           `--- leading ---´
 *
 *   one zone near enough its low mark, with all the pages on top?  --yes-->  this CPU's page list, hole by hole
 *        no, or only one page wanted, or the list gave none        ------->  one page the usual way
 */
#include "page/new_page.h"
#include "page/pcp.h"
#include "page/vmstat.h"

/* One call, from its arguments to what came. */
struct bulk {
	struct mm_machine *m;
	gfp_t gfp;
	unsigned int nid;
	uint64_t nodemask; /* 0: no limit */
	unsigned long nr_pages;
	struct list_head *list;
	struct page **array;
	unsigned long populated; /* entries behind us, or pages on the list */
};

static bool entry_is_filled(const struct bulk *b)
{
	return b->array && b->array[b->populated];
}

static void add_page(struct bulk *b, struct page *page)
{
	if (b->list)
		list_add(&page->lru, b->list);
	else
		b->array[b->populated] = page;
	b->populated++;
}

static unsigned long take_single_page(struct bulk *b)
{
	nodemask_t mask = { b->nodemask };
	struct page *page = __alloc_pages(b->gfp, 0, (int)b->nid, b->nodemask ? &mask : NULL);

	mm_emit(b->m, MM_EVENT_BULK_SINGLE, NULL, 0, 0, 0, page != NULL);
	if (page)
		add_page(b, page);
	return b->populated;
}

/* The first zone of the preferred one's node that has so many pages to spare; NULL: none. */
static struct zone *find_zone(const struct bulk *b, gfp_t gfp, unsigned int alloc_flags,
			      const struct zoneref *preferred, uint64_t nodemask)
{
	unsigned int highest_zoneidx = gfp_zone(b->m, gfp);
	const struct zoneref *ref = preferred;

	for (; ref->zone; ref = next_zoneref(ref + 1, highest_zoneidx, nodemask)) {
		if ((alloc_flags & ALLOC_CPUSET) && !cpuset_zone_allowed(ref->zone, gfp))
			continue;
		if (b->m->nr_nodes > 1 && ref->zone->pgdat != preferred->zone->pgdat)
			return NULL;
		if (zone_watermark_fast(ref->zone, 0,
					wmark_pages(ref->zone, WMARK_LOW) + b->nr_pages,
					preferred->zone_idx, alloc_flags, gfp))
			return ref->zone;
	}
	return NULL;
}

/* Fills holes from this CPU's list of the zone until one does not come. Returns how many came. */
static unsigned long take_from_list(struct bulk *b, struct zone *preferred, struct zone *zone,
				    gfp_t gfp, unsigned int alloc_flags)
{
	struct per_cpu_pages *pcp = &zone->pageset[mm_current->cpu];
	int migratetype = gfp_migratetype(b->m, gfp);
	unsigned int index = pcp_list(b->m, 0, migratetype);
	unsigned long came = 0;

	pcp_lock(b->m, pcp);
	while (b->populated < b->nr_pages) {
		if (entry_is_filled(b)) {
			b->populated++;
			continue;
		}
		struct page *page = pcp_take(b->m, zone, pcp, index, 0, migratetype, alloc_flags);

		if (!page)
			break;
		prep_new_page(b->m, page, 0, gfp);
		add_page(b, page);
		came++;
	}
	pcp_unlock(b->m, pcp);
	if (came) {
		zone_statistics(b->m, preferred, zone, (unsigned int)came);
		mm_emit(b->m, MM_EVENT_BULK, zone, 0, 0, migratetype, came);
	}
	return came;
}

/* Many pages are wanted, by a mask that may have them: the fast way, and the single page where it fails. */
static unsigned long take_many_pages(struct bulk *b)
{
	gfp_t gfp = b->gfp & b->m->gfp_allowed_mask;
	unsigned int alloc_flags = ALLOC_WMARK_LOW;
	uint64_t nodemask = b->nodemask;

	if ((gfp & (__GFP_MOVABLE | __GFP_RECLAIMABLE)) == (__GFP_MOVABLE | __GFP_RECLAIMABLE)) {
		mm_current->failure = MM_FAIL_TYPE;
		return b->populated;
	}
	if (gfp & __GFP_DIRECT_RECLAIM)
		might_sleep();
	if (b->m->cpusets)
		heed_cpuset(b->m, &gfp, &alloc_flags, &nodemask);
	const struct zoneref *preferred =
		next_zoneref(gfp_zonelist(b->m, gfp, b->nid), gfp_zone(b->m, gfp), nodemask);

	struct zone *zone = NULL;

	if (preferred->zone)
		zone = find_zone(b, gfp, alloc_flags, preferred, nodemask);
	if (!zone || !take_from_list(b, preferred->zone, zone, gfp, alloc_flags))
		return take_single_page(b);
	return b->populated;
}

unsigned long __alloc_pages_bulk(gfp_t gfp, int preferred_nid, const nodemask_t *nodemask,
				 unsigned long nr_pages, struct list_head *page_list,
				 struct page **page_array)
{
	struct bulk b = {
		.m = mm_current->machine,
		.gfp = gfp,
		.nid = (unsigned int)preferred_nid,
		.nodemask = nodemask ? nodemask->bits : 0,
		.nr_pages = nr_pages,
		.list = page_list,
		.array = page_array,
	};

	assert(!page_list != !page_array);
	while (b.populated < nr_pages && entry_is_filled(&b))
		b.populated++;
	if (b.populated == nr_pages)
		return b.populated;
	if ((gfp & __GFP_ACCOUNT) || nr_pages - b.populated == 1)
		return take_single_page(&b);
	return take_many_pages(&b);
}
