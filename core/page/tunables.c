/*
 * Watermarks, reserves and page list sizes: computed from how much there is, and again when
 * somebody writes a tunable. Facts 4 (marks, lowmem_reserve, THP raise), 8 (page lists). A value
 * the machine gives replaces its formula.
 */
#include "page/page_internal.h"

enum {
	MIN_FREE_KBYTES_LEAST = 128,
	MIN_FREE_KBYTES_MOST = 262144,
	KBYTES_PER_PAGE = PAGE_SIZE / 1024,
	PCP_FRACTION_BATCH_MOST = 96,		   /* 5.10 */
	THP_LEAST_PAGES = (512 << 20) / PAGE_SIZE, /* below it THP is off */
	PCP_BATCH_PAGES_MOST = (1 << 20) / PAGE_SIZE,
};

static uint64_t isqrt(uint64_t value)
{
	uint64_t root = 0;

	for (uint64_t bit = UINT64_C(1) << 31; bit; bit >>= 1)
		if ((root | bit) * (root | bit) <= value)
			root |= bit;
	return root;
}

/*
 * Pages above the high marks of the zones that kernel requests may use: Movable is not one of them.
 */
static uint64_t nr_free_buffer_pages(const struct mm_machine *m)
{
	uint64_t pages = 0;

	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int type = 0; type <= ZONE_NORMAL; type++) {
			const struct zone *zone = mm_zone(m, node, type);
			uint64_t high = wmark_pages(zone, WMARK_HIGH);

			if (zone->managed_pages > high)
				pages += zone->managed_pages - high;
		}
	return pages;
}

static uint64_t total_managed_pages(const struct mm_machine *m)
{
	uint64_t pages = 0;

	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
			pages += mm_zone(m, node, type)->managed_pages;
	return pages;
}

static void calculate_min_free_kbytes(struct mm_machine *m)
{
	uint64_t *min_free = &m->sysctl[MM_SYSCTL_MIN_FREE_KBYTES];

	if (m->config.min_free_kbytes != MM_BY_FORMULA) {
		*min_free = (uint64_t)m->config.min_free_kbytes;
		return;
	}
	uint64_t value = isqrt(nr_free_buffer_pages(m) * KBYTES_PER_PAGE * 16);

	if ((long)value > m->user_min_free_kbytes)
		*min_free = max_u64(MIN_FREE_KBYTES_LEAST, min_u64(value, MIN_FREE_KBYTES_MOST));
}

static void set_zone_wmarks(struct mm_machine *m, struct zone *zone, uint64_t total)
{
	uint64_t pages_min = m->sysctl[MM_SYSCTL_MIN_FREE_KBYTES] / KBYTES_PER_PAGE;
	uint64_t min = total ? pages_min * zone->managed_pages / total : 0;
	uint64_t gap =
		max_u64(min / 4, mult_frac(zone->managed_pages,
					   m->sysctl[MM_SYSCTL_WATERMARK_SCALE_FACTOR], 10000));

	zone->_watermark[WMARK_MIN] = min;
	zone->_watermark[WMARK_LOW] = min + gap;
	zone->_watermark[WMARK_HIGH] = min + 2 * gap;
	zone->watermark_boost = 0;
}

/* Online CPUs of the zone's node; of the machine if it has none. */
static unsigned int nr_split_cpus(const struct mm_machine *m, const struct zone *zone)
{
	unsigned int cpus = 0;

	for (unsigned int cpu = 0; cpu < m->nr_cpus; cpu++)
		cpus += m->cpu_node[cpu] == (unsigned int)zone->pgdat->node_id;
	return cpus ? cpus : m->nr_cpus;
}

/* May be 0. */
static uint64_t zone_batchsize(const struct zone *zone)
{
	uint64_t base = max_u64(min_u64(zone->managed_pages / 1024, PCP_BATCH_PAGES_MOST) / 4, 1);
	uint64_t power = 1;

	while (power * 2 <= base + base / 2)
		power *= 2;
	return power - 1;
}

static uint64_t value_or_formula(long value, uint64_t formula)
{
	return value == MM_BY_FORMULA ? formula : (uint64_t)value;
}

struct pageset_sizes {
	uint64_t high, batch;
};

/* All CPUs of the node together may keep what lies below the low mark. */
static struct pageset_sizes sizes_by_low_mark(const struct mm_machine *m, const struct zone *zone)
{
	uint64_t fraction = m->sysctl[MM_SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION];
	uint64_t pages = fraction ? zone->managed_pages / fraction : wmark_pages(zone, WMARK_LOW);
	struct pageset_sizes s;

	s.batch = value_or_formula(m->config.pcp_batch, max_u64(zone_batchsize(zone), 1));
	s.high = value_or_formula(m->config.pcp_high,
				  max_u64(pages / nr_split_cpus(m, zone), s.batch * 4));
	return s;
}

/* 5.10: each CPU keeps up to six batches, or its fraction of the zone. */
static struct pageset_sizes sizes_by_zone(const struct mm_machine *m, const struct zone *zone)
{
	uint64_t fraction = m->sysctl[MM_SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION];
	uint64_t batchsize = zone_batchsize(zone);
	struct pageset_sizes s;

	s.high = value_or_formula(m->config.pcp_high,
				  fraction ? zone->managed_pages / fraction : 6 * batchsize);
	if (fraction)
		batchsize = min_u64(s.high / 4, PCP_FRACTION_BATCH_MOST);
	s.batch = value_or_formula(m->config.pcp_batch, max_u64(batchsize, 1));
	return s;
}

static void zone_set_pageset_sizes(const struct mm_machine *m, struct zone *zone)
{
	struct pageset_sizes s = m->config.profile->pcp_high_of_low_mark
					 ? sizes_by_low_mark(m, zone)
					 : sizes_by_zone(m, zone);

	if (!populated_zone(zone))
		return;
	for (unsigned int cpu = 0; cpu < m->nr_cpus; cpu++) {
		zone->pageset[cpu].batch = (int)s.batch;
		zone->pageset[cpu].high = (int)s.high;
	}
}

static void for_each_zone(struct mm_machine *m,
			  void (*what)(struct mm_machine *m, struct zone *zone))
{
	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
			what(m, mm_zone(m, node, type));
}

static void zone_update_pagesets(struct mm_machine *m, struct zone *zone)
{
	zone_set_pageset_sizes(m, zone);
}

static void setup_per_zone_wmarks(struct mm_machine *m)
{
	uint64_t total = total_managed_pages(m);

	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
			set_zone_wmarks(m, mm_zone(m, node, type), total);
	for_each_zone(m, zone_update_pagesets);
}

/* What a zone keeps from requests that could have used the higher zones of its node. */
static void zone_set_lowmem_reserve(struct mm_machine *m, struct zone *zone)
{
	static const enum mm_sysctl ratio_of[MAX_NR_ZONES - 1] = {
		[ZONE_DMA] = MM_SYSCTL_LOWMEM_RESERVE_RATIO_DMA,
		[ZONE_DMA32] = MM_SYSCTL_LOWMEM_RESERVE_RATIO_DMA32,
		[ZONE_NORMAL] = MM_SYSCTL_LOWMEM_RESERVE_RATIO_NORMAL,
	};
	uint64_t ratio = zone->type == ZONE_MOVABLE ? m->config.lowmem_reserve_ratio[ZONE_MOVABLE]
						    : m->sysctl[ratio_of[zone->type]];
	uint64_t above = 0;

	for (unsigned int type = zone->type + 1; type < MAX_NR_ZONES; type++) {
		above += zone->pgdat->zones[type].managed_pages;
		zone->lowmem_reserve[type] =
			ratio && zone->managed_pages ? (long)(above / ratio) : 0;
	}
}

void init_per_zone_wmark_min(struct mm_machine *m)
{
	m->sysctl[MM_SYSCTL_WATERMARK_SCALE_FACTOR] = m->config.watermark_scale_factor;
	m->sysctl[MM_SYSCTL_WATERMARK_BOOST_FACTOR] = m->config.watermark_boost_factor;
	m->sysctl[MM_SYSCTL_LOWMEM_RESERVE_RATIO_DMA] = m->config.lowmem_reserve_ratio[ZONE_DMA];
	m->sysctl[MM_SYSCTL_LOWMEM_RESERVE_RATIO_DMA32] =
		m->config.lowmem_reserve_ratio[ZONE_DMA32];
	m->sysctl[MM_SYSCTL_LOWMEM_RESERVE_RATIO_NORMAL] =
		m->config.lowmem_reserve_ratio[ZONE_NORMAL];
	calculate_min_free_kbytes(m);
	setup_per_zone_wmarks(m);
	for_each_zone(m, refresh_zone_stat_threshold);
	for_each_zone(m, zone_set_lowmem_reserve);
}

static uint64_t nr_low_zones(const struct mm_machine *m)
{
	uint64_t zones = 0;

	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int type = 0; type <= ZONE_NORMAL; type++)
			zones += populated_zone(mm_zone(m, node, type));
	return zones;
}

/* khugepaged wants pageblocks of every type to spare: facts 4, "THP raise". */
void khugepaged_raises_min_free(struct mm_machine *m)
{
	uint64_t per_zone = pageblock_pages(m) * (2 + MIGRATE_PCPTYPES * MIGRATE_PCPTYPES);
	uint64_t pages = min_u64(per_zone * nr_low_zones(m), nr_free_buffer_pages(m) / 20);

	if (!m->config.thp || total_managed_pages(m) < THP_LEAST_PAGES ||
	    m->config.min_free_kbytes != MM_BY_FORMULA)
		return;
	if (pages * KBYTES_PER_PAGE > m->sysctl[MM_SYSCTL_MIN_FREE_KBYTES])
		m->sysctl[MM_SYSCTL_MIN_FREE_KBYTES] = pages * KBYTES_PER_PAGE;
	setup_per_zone_wmarks(m);
}

/* The values a tunable may have, as the kernel's own table limits them. */
static bool sysctl_in_range(enum mm_sysctl name, uint64_t value)
{
	if (value > INT32_MAX)
		return false;
	switch (name) {
	case MM_SYSCTL_WATERMARK_SCALE_FACTOR:
		return value >= 1 && value <= 3000;
	case MM_SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION:
		return value == 0 || value >= 8;
	default:
		return true;
	}
}

bool mm_sysctl_write(struct mm_machine *m, enum mm_sysctl name, uint64_t value)
{
	if (!sysctl_in_range(name, value))
		return false;
	bool is_new = m->sysctl[name] != value;

	m->sysctl[name] = value;
	switch (name) {
	case MM_SYSCTL_MIN_FREE_KBYTES:
		m->user_min_free_kbytes = (long)value;
		setup_per_zone_wmarks(m);
		break;
	case MM_SYSCTL_WATERMARK_SCALE_FACTOR:
		setup_per_zone_wmarks(m);
		break;
	case MM_SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION:
		/* the value in force computes nothing, though marks were boosted since (READINGS) */
		if (is_new)
			for_each_zone(m, zone_update_pagesets);
		break;
	case MM_SYSCTL_LOWMEM_RESERVE_RATIO_DMA:
	case MM_SYSCTL_LOWMEM_RESERVE_RATIO_DMA32:
	case MM_SYSCTL_LOWMEM_RESERVE_RATIO_NORMAL:
		for_each_zone(m, zone_set_lowmem_reserve);
		break;
	default:
		break;
	}
	return true;
}
