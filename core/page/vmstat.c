/*
 * Counters of zones: folding deltas, thresholds, NUMA events, vmstat_update (facts 3, 4 "Drift", 8).
 *
 * Invariants (mm_machine_check() reports them as M3, M7):
 *   V1  nr_free_pages and all deltas together are the pages that are free and not isolated, and
 *       those of bad blocks that 5.10 goes on counting;
 *   V2  a delta is at most stat_threshold, which fits its 8 bits.
 *
 * Locking: deltas are their CPU's own; nr_free_pages changes under zone->lock.
 * Not here: kswapd's pressure threshold, which holds only while kswapd runs.
 */
#include "page/vmstat.h"

enum {
	STAT_THRESHOLD_MOST = 125,
	STAT_PAGES_SHIFT = 15, /* thresholds grow with the zone's size in 128 MiB */
	IDLE_TURNS = 3,	       /* of vmstat_update, until a remote zone's page lists go back */
};
_Static_assert(STAT_THRESHOLD_MOST <= INT8_MAX, "V2");

__noinline void fold_free_delta(struct zone *zone, long delta)
{
	zone->nr_free_pages += delta;
	mm_emit(zone->machine, MM_EVENT_STAT_FOLD, zone, 0, 0, 0, (uint64_t)delta);
}

uint64_t zone_free_pages_snapshot(const struct zone *zone)
{
	long pages = zone->nr_free_pages;

	for (unsigned int cpu = 0; cpu < zone->machine->nr_cpus; cpu++)
		pages += zone->pageset[cpu].free_delta;
	return pages > 0 ? (uint64_t)pages : 0;
}

/* The place of the highest bit that is set, from 1 on; 0 of 0. */
static unsigned int fls64(uint64_t value)
{
	return value ? 64 - (unsigned int)__builtin_clzll(value) : 0;
}

static int normal_threshold(const struct mm_machine *m, const struct zone *zone)
{
	uint64_t size = 1 + fls64(zone->managed_pages >> STAT_PAGES_SHIFT);

	return (int)min_u64(STAT_THRESHOLD_MOST, 2 * fls64(m->nr_cpus) * size);
}

/* Deltas may hide as much as lies between the marks: below the drift mark, they are looked at. */
void refresh_zone_stat_threshold(struct mm_machine *m, struct zone *zone)
{
	if (!populated_zone(zone))
		return;
	zone->stat_threshold = normal_threshold(m, zone);
	uint64_t drift = (uint64_t)zone->stat_threshold * m->nr_cpus;

	if (drift > wmark_pages(zone, WMARK_LOW) - wmark_pages(zone, WMARK_MIN))
		zone->percpu_drift_mark = wmark_pages(zone, WMARK_HIGH) + drift;
}

void count_numa_event(struct zone *zone, enum numa_event event, unsigned int n)
{
	zone->numa_events[event] += n;
	zone->pageset[mm_current->cpu].numa_event = true;
}

__noinline void zone_statistics_elsewhere(struct zone *preferred, struct zone *zone, unsigned int n)
{
	const struct mm_machine *m = zone->machine;

	if (zone->pgdat == preferred->pgdat) {
		count_numa_event(zone, NUMA_HIT, n);
	} else {
		count_numa_event(zone, NUMA_MISS, n);
		count_numa_event(preferred, NUMA_FOREIGN, n);
	}
	if (zone->pgdat == &m->nodes[m->cpu_node[mm_current->cpu]])
		count_numa_event(zone, NUMA_LOCAL, n);
	else
		count_numa_event(zone, NUMA_OTHER, n);
}

uint64_t zone_numa_events(const struct zone *zone, enum numa_event event)
{
	uint64_t events = zone->numa_events[event];

	if (event == NUMA_HIT || event == NUMA_LOCAL)
		for (unsigned int cpu = 0; cpu < zone->machine->nr_cpus; cpu++)
			events += zone->pageset[cpu].local_hits;
	return events;
}

/* The delta and the NUMA events of a CPU go to the zone. True iff that starts its turns anew. */
static bool tell_all(const struct mm_machine *m, struct zone *zone, struct per_cpu_pages *pcp)
{
	bool delta = pcp->free_delta != 0, numa = pcp->numa_event || pcp->local_hits;

	zone_lock(zone);
	zone->nr_free_pages += pcp->free_delta;
	zone_unlock(zone);
	zone->numa_events[NUMA_HIT] += pcp->local_hits;
	zone->numa_events[NUMA_LOCAL] += pcp->local_hits;
	pcp->free_delta = 0;
	pcp->local_hits = 0;
	pcp->numa_event = false;
	return delta || (numa && m->config.profile->numa_events_start_turns);
}

/* One turn less for page lists that lie idle. True: it was the last one, and they go back. */
static bool idle_for_too_long(const struct zone *zone, struct per_cpu_pages *pcp, unsigned int node)
{
	if (!pcp->turns || !pcp->count)
		return false;
	if ((unsigned int)zone->pgdat->node_id == node) {
		pcp->turns = 0;
		return false;
	}
	return --pcp->turns == 0;
}

static void update_zone(struct mm_machine *m, struct zone *zone, unsigned int cpu)
{
	struct per_cpu_pages *pcp = &zone->pageset[cpu];

	if (tell_all(m, zone, pcp))
		pcp->turns = IDLE_TURNS;
	if (idle_for_too_long(zone, pcp, m->cpu_node[cpu]))
		drain_idle_pages(zone, cpu);
}

void vmstat_update(void)
{
	struct mm_machine *m = mm_current->machine;

	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
			if (populated_zone(mm_zone(m, node, type)))
				update_zone(m, mm_zone(m, node, type), mm_current->cpu);
}
