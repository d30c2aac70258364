/*
 * Waking kswapd. It is woken here, and runs only when the program says so (mm_run_kswapd): reclaim
 * is a hook. Facts 11, "kswapd wake" and "balanced". Not here: kcompactd, kswapd's failures.
 */
#include "page/page_internal.h"

/*
 * Is there a zone up to this one that is well above its high mark? A node that manages nothing is
 * content.
 */
static bool pgdat_balanced(const struct pglist_data *pgdat, unsigned int order,
			   unsigned int highest_zoneidx)
{
	bool any_managed = false;

	for (unsigned int type = 0; type <= highest_zoneidx; type++) {
		const struct zone *zone = &pgdat->zones[type];

		if (!managed_zone(zone))
			continue;
		any_managed = true;
		if (zone_watermark_ok_safe(zone, order, wmark_pages(zone, WMARK_HIGH),
					   highest_zoneidx))
			return true;
	}
	return !any_managed;
}

static bool pgdat_watermark_boosted(const struct pglist_data *pgdat, unsigned int highest_zoneidx)
{
	for (unsigned int type = 0; type <= highest_zoneidx; type++)
		if (managed_zone(&pgdat->zones[type]) && pgdat->zones[type].watermark_boost)
			return true;
	return false;
}

void wakeup_kswapd(struct zone *zone, gfp_t gfp, unsigned int order, unsigned int highest_zoneidx)
{
	struct pglist_data *pgdat = zone->pgdat;

	if (!managed_zone(zone) || !cpuset_zone_allowed(zone, gfp))
		return;
	if (pgdat->kswapd_highest_zoneidx == MAX_NR_ZONES ||
	    pgdat->kswapd_highest_zoneidx < highest_zoneidx)
		pgdat->kswapd_highest_zoneidx = highest_zoneidx;
	if (pgdat->kswapd_order < order)
		pgdat->kswapd_order = order;
	if (pgdat->kswapd_awake)
		return;
	if (pgdat_balanced(pgdat, order, highest_zoneidx) &&
	    !pgdat_watermark_boosted(pgdat, highest_zoneidx))
		return;
	pgdat->kswapd_awake = true;
	mm_emit(zone->machine, MM_EVENT_KSWAPD_WAKE, zone, 0, order, 0, highest_zoneidx);
}

/* Once a node, at its first managed zone on the list. */
void wake_all_kswapds(const struct alloc_context *ac, gfp_t gfp, unsigned int order)
{
	const struct zoneref *ref = next_zoneref(ac->zonelist, ac->highest_zoneidx, ac->nodemask);
	const struct pglist_data *last = NULL;

	for (; ref->zone; ref = next_zoneref(ref + 1, ac->highest_zoneidx, ac->nodemask)) {
		if (!managed_zone(ref->zone) || ref->zone->pgdat == last)
			continue;
		wakeup_kswapd(ref->zone, gfp, order, ac->highest_zoneidx);
		last = ref->zone->pgdat;
	}
}

void mm_run_kswapd(struct mm_machine *m, unsigned int node)
{
	struct pglist_data *pgdat = &m->nodes[node];

	assert(node < m->nr_nodes);
	for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
		pgdat->zones[type].watermark_boost = 0;
	pgdat->kswapd_awake = false;
	pgdat->kswapd_order = 0;
	pgdat->kswapd_highest_zoneidx = MAX_NR_ZONES;
}
