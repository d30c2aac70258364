/*
 * The part of the counters that allocations and frees run: a change of a CPU's delta, and a hit of
 * its own node. Inline; everything else is in vmstat.c.
 */
#ifndef LB_PAGE_VMSTAT_H
#define LB_PAGE_VMSTAT_H

#include "lostbuddy/vmstat.h"
#include "page/page_internal.h"

/* A delta that has grown beyond the threshold is added up. */
void fold_free_delta(struct zone *zone, long delta);

/* Any event but a local hit. @zone: in whose account; on the current CPU. */
void count_numa_event(struct zone *zone, enum numa_event event, unsigned int n);

/* n allocations that were not served where they were wanted, or not where they are made. */
void zone_statistics_elsewhere(struct zone *preferred, struct zone *zone, unsigned int n);

/* NR_FREE_PAGES of the zone changes, on the current CPU. Under zone->lock. */
static inline void mod_zone_free_pages(struct zone *zone, long pages)
{
	struct per_cpu_pages *pcp = &zone->pageset[mm_current->cpu];
	long delta = pcp->free_delta + pages, threshold = zone->stat_threshold;

	/* -threshold <= delta <= threshold, as one comparison */
	if ((unsigned long)(delta + threshold) <= 2 * (unsigned long)threshold) {
		pcp->free_delta = (int16_t)delta;
		return;
	}
	pcp->free_delta = 0;
	fold_free_delta(zone, delta);
}

/* The same, as if `times` changes by so many pages were made one after the other. */
static inline void mod_zone_free_pages_times(struct zone *zone, long pages, unsigned int times)
{
	struct per_cpu_pages *pcp = &zone->pageset[mm_current->cpu];
	unsigned int until_fold;

	assert(pages > 0);
	for (;;) {
		until_fold = (unsigned int)((zone->stat_threshold - pcp->free_delta) / pages) + 1;
		if (times < until_fold)
			break;
		fold_free_delta(zone, pcp->free_delta + (long)until_fold * pages);
		pcp->free_delta = 0;
		times -= until_fold;
	}
	pcp->free_delta = (int16_t)(pcp->free_delta + (long)times * pages);
}

/* n allocations of the current CPU were served by a zone. Facts: 3, "NUMA counters". */
static __always_inline void zone_statistics(struct mm_machine *m, struct zone *preferred,
					    struct zone *zone, unsigned int n)
{
	unsigned int cpu = mm_current->cpu;

	if (likely(zone->pgdat == preferred->pgdat && zone->pgdat == &m->nodes[m->cpu_node[cpu]]))
		zone->pageset[cpu].local_hits += n;
	else
		zone_statistics_elsewhere(preferred, zone, n);
}

#endif
