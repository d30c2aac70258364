/*
 * May this zone be used? (facts 4, "Check")
 *
 *   free pages   |#########|=====================|...........................|
 *                 reserves  min (lowered for       low      high
 *                 for higher  urgent requests)
 *                 zones
 *
 * Not here: where the marks come from (tunables.c), and the count of free pages (vmstat.c).
 */
#include "page/vmstat.h"

/*
 * NON_BLOCK counts only within MIN_RESERVE. In 5.10 it is HARDER, and counts by itself, but not
 * beside OOM.
 */
static bool lowers_by_a_quarter(const struct mm_profile *profile, unsigned int alloc_flags)
{
	if (!(alloc_flags & ALLOC_NON_BLOCK))
		return false;
	return profile->has_alloc_harder ? !(alloc_flags & ALLOC_OOM)
					 : (alloc_flags & ALLOC_MIN_RESERVE) != 0;
}

static long lowered(const struct zone *zone, long min, unsigned int alloc_flags)
{
	if (likely(!(alloc_flags & (ALLOC_MIN_RESERVE | ALLOC_NON_BLOCK | ALLOC_OOM))))
		return min;
	if (alloc_flags & ALLOC_MIN_RESERVE)
		min -= min / 2;
	if (lowers_by_a_quarter(zone->machine->config.profile, alloc_flags))
		min -= min / 4;
	if (alloc_flags & ALLOC_OOM)
		min -= min / 2;
	return min;
}

static bool area_fits(const struct free_area *area, unsigned int alloc_flags)
{
	if (area->nr_free == 0)
		return false;
	for (unsigned int type = 0; type < MIGRATE_PCPTYPES; type++)
		if (!list_empty(&area->free_list[type]))
			return true;
	return (alloc_flags & (ALLOC_HIGHATOMIC | ALLOC_OOM)) &&
	       !list_empty(&area->free_list[MIGRATE_HIGHATOMIC]);
}

/* The largest order first: where memory is plenty, all of it is there. */
bool has_fitting_block(const struct zone *zone, unsigned int order, unsigned int alloc_flags)
{
	if (likely(area_fits(&zone->free_area[zone->machine->top_order], alloc_flags)))
		return true;
	for (unsigned int o = order; o < zone->machine->top_order; o++)
		if (area_fits(&zone->free_area[o], alloc_flags))
			return true;
	return false;
}

bool zone_watermark_ok(const struct zone *zone, unsigned int order, uint64_t mark,
		       unsigned int highest_zoneidx, unsigned int alloc_flags, long nr_free)
{
	long min = lowered(zone, (long)mark, alloc_flags);

	nr_free -= unusable_free(zone, order, alloc_flags);
	if (nr_free <= min + zone->lowmem_reserve[highest_zoneidx])
		return false;
	return order == 0 || has_fitting_block(zone, order, alloc_flags);
}

/* For kswapd, who would sleep on an error: near the marks what CPUs keep to themselves counts. */
bool zone_watermark_ok_safe(const struct zone *zone, unsigned int order, uint64_t mark,
			    unsigned int highest_zoneidx)
{
	uint64_t nr_free = zone_free_pages(zone);

	if (nr_free < zone->percpu_drift_mark) {
		nr_free = zone_free_pages_snapshot(zone);
		mm_emit(zone->machine, MM_EVENT_DRIFT, zone, 0, order, 0, nr_free);
	}
	return zone_watermark_ok(zone, order, mark, highest_zoneidx, 0, (long)nr_free);
}

/* The whole check; a boost does not stop an atomic page. */
bool zone_watermark_careful(const struct zone *zone, unsigned int order, uint64_t mark,
			    unsigned int highest_zoneidx, unsigned int alloc_flags, gfp_t gfp)
{
	long nr_free = (long)zone_free_pages(zone);

	if (zone_watermark_ok(zone, order, mark, highest_zoneidx, alloc_flags, nr_free))
		return true;
	if (order == 0 && (gfp & __GFP_ATOMIC) && zone->watermark_boost &&
	    (alloc_flags & ALLOC_WMARK_MASK) == ALLOC_WMARK_MIN)
		return zone_watermark_ok(zone, order, zone->_watermark[WMARK_MIN], highest_zoneidx,
					 alloc_flags, nr_free);
	return false;
}

/*
 * A steal below pageblock order raises the marks for a while, so that kswapd frees more. True iff
 * it did.
 */
bool boost_watermark(struct zone *zone)
{
	struct mm_machine *m = zone->machine;
	uint64_t factor = m->sysctl[MM_SYSCTL_WATERMARK_BOOST_FACTOR];

	if (!factor || 4 * pageblock_pages(m) > zone->managed_pages)
		return false;
	uint64_t max = mult_frac(zone->_watermark[WMARK_HIGH], factor, 10000);

	if (!max)
		return false;
	max = max_u64(max, pageblock_pages(m));
	zone->watermark_boost = min_u64(zone->watermark_boost + pageblock_pages(m), max);
	mm_emit(m, MM_EVENT_BOOST, zone, 0, 0, 0, zone->watermark_boost);
	return true;
}
