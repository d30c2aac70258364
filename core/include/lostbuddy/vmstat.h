/*
 * Counters of a zone. NR_FREE_PAGES is kept in two parts, so that CPUs need not meet at it: a value
 * that all see (zone->nr_free_pages), and of each CPU a small delta, which is added to it when it
 * grows beyond zone->stat_threshold.
 *
 *   seen by all   1 000  |  delta of CPU 0  -12  |  CPU 1  +7  |  exact 995
 *
 * Watermark checks go by the first alone; who has to be sure asks for the exact count.
 */
#ifndef LB_VMSTAT_H
#define LB_VMSTAT_H

#include "lostbuddy/machine.h"

/*
 * zone_free_pages - NR_FREE_PAGES as everybody sees it; 0 where it is below that.
 * Off from the truth by at most stat_threshold a CPU. Facts: 4, "Drift".
 */
static inline uint64_t zone_free_pages(const struct zone *zone)
{
	return zone->nr_free_pages > 0 ? (uint64_t)zone->nr_free_pages : 0;
}

/* zone_free_pages_snapshot - the exact count: all deltas added. Looks at every CPU. Facts: 4. */
uint64_t zone_free_pages_snapshot(const struct zone *zone);

/* zone_numa_events - how often it happened since boot, on all CPUs together. Facts: 3. */
uint64_t zone_numa_events(const struct zone *zone, enum numa_event event);

/*
 * vmstat_update - the current CPU tells what it kept to itself, and gives idle page lists back.
 * Its deltas become 0. Its lists of another node's zone, if they hold pages: after three calls
 * without a change in its count of that zone, min(count, batch) pages go to the buddy.
 * Context: any but NMI. Facts: 8, "Drain".
 */
void vmstat_update(void);

#endif
