/*
 * Counters of a zone (facts 3 "NUMA counters", 4 "Drift"; readings "Counters").
 *
 *   free pages, exactly   =   zone->free   +   delta of CPU 0   +   delta of CPU 1   + ...
 *                             [ shared ]       [ -threshold .. threshold, each ]
 *
 * A CPU keeps small changes to itself. Marks are compared with the shared value; who cannot afford to
 * be wrong asks for the exact one.
 *
 * Invariant: no delta is beyond its zone's threshold.
 */
#include "oracle/shadow.h"

enum { THRESHOLD_MOST = 125, PAGES_SHIFT_PER_STEP = 15, IDLE_TURNS = 3 };

/* ---- Free pages ---- */

void shadow_count_free(struct shadow *s, struct zone *z, int64_t pages)
{
	struct cpu_stat *stat = stat_of(s, z, s->cpu);
	int64_t x = stat->delta + pages;
	bool fold = x > z->threshold || x < -z->threshold;

	z->free += fold ? x : 0;
	stat->delta = fold ? 0 : x;
}

int64_t shadow_free_shared(const struct zone *z)
{
	return z->free > 0 ? z->free : 0;
}

int64_t shadow_free_exact(const struct shadow *s, const struct zone *z)
{
	int64_t pages = z->free;

	for (uint32_t cpu = 0; cpu < s->nr_cpus; cpu++)
		pages += stat_of(s, z, cpu)->delta;
	return pages;
}

int64_t shadow_free_safe(const struct shadow *s, const struct zone *z)
{
	int64_t free = shadow_free_shared(z);

	return z->drift_mark && free < z->drift_mark ? shadow_free_exact(s, z) : free;
}

/* The position of the highest bit, counted from 1. */
static int64_t bits_of(uint64_t value)
{
	int64_t bits = 0;

	for (; value; value >>= 1)
		bits++;
	return bits;
}

void shadow_stat_setup(struct shadow *s)
{
	for (uint32_t i = 0; i < s->nr_zones; i++) {
		struct zone *z = &s->zones[i];
		int64_t steps = 1 + bits_of(z->managed >> PAGES_SHIFT_PER_STEP), drift;

		if (z->present == 0)
			continue;
		z->threshold = 2 * bits_of(s->nr_cpus) * steps;
		if (z->threshold > THRESHOLD_MOST)
			z->threshold = THRESHOLD_MOST;
		drift = z->threshold * s->nr_cpus;
		if (drift > z->mark[WMARK_LOW] - z->mark[WMARK_MIN])
			z->drift_mark = z->mark[WMARK_HIGH] + drift;
	}
}

/* ---- NUMA events ---- */

static void count_event(struct shadow *s, struct zone *z, enum lb_numa_event event,
			unsigned int cpu)
{
	z->numa[event]++;
	if (is_5_10(s))
		stat_of(s, z, cpu)->numa_event = 1;
}

void shadow_count_numa(struct shadow *s, struct zone *z, struct zone *preferred, unsigned int cpu)
{
	bool local = z->node == s->machine.cpu_node[cpu], hit = z->node == preferred->node;

	count_event(s, z, hit ? LB_NUMA_HIT : LB_NUMA_MISS, cpu);
	if (!hit)
		count_event(s, preferred, LB_NUMA_FOREIGN, cpu);
	count_event(s, z, local ? LB_NUMA_LOCAL : LB_NUMA_OTHER, cpu);
}

void shadow_count_interleave_hit(struct shadow *s, struct zone *z, unsigned int cpu)
{
	count_event(s, z, LB_NUMA_INTERLEAVE_HIT, cpu);
}

/* ---- vmstat_update ---- */

/* What the CPU kept to itself is added up. Was there anything? */
static bool fold(struct zone *z, struct cpu_stat *stat)
{
	bool any = stat->delta != 0 || stat->numa_event;

	z->free += stat->delta;
	stat->delta = 0;
	stat->numa_event = 0;
	return any;
}

/* Page lists of another node's zone that nobody used for some turns go back. */
static void expire(struct shadow *s, struct zone *z, unsigned int cpu)
{
	struct cpu_stat *stat = stat_of(s, z, cpu);

	if (stat->turns == 0 || page_lists_of(s, z, cpu)->count == 0)
		return;
	if (z->node == s->machine.cpu_node[cpu]) {
		stat->turns = 0;
		return;
	}
	stat->turns--;
	if (stat->turns == 0)
		shadow_pcp_shrink(s, z, cpu);
}

void shadow_vmstat_update(struct shadow *s, unsigned int cpu)
{
	for (uint32_t i = 0; i < s->nr_zones; i++) {
		struct zone *z = &s->zones[i];
		struct cpu_stat *stat = stat_of(s, z, cpu);

		if (z->present == 0)
			continue;
		if (fold(z, stat))
			stat->turns = IDLE_TURNS;
		expire(s, z, cpu);
	}
}
