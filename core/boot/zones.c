/*
 * Zones of each node: where they lie, what of them is there, how much the boot code expects to be
 * able to give out.
 */
#include "boot/boot.h"

/* [from, to) of each zone by address, before nodes cut it. Movable has no address of its own. */
struct mm_range zone_limits(const struct mm_machine *m, enum zone_type type, pfn_t dram_start)
{
	const struct mm_config *config = &m->config;
	pfn_t dma_end = config->dma_end ? config->dma_end : dram_start;
	pfn_t dma32_end = config->dma32_end ? config->dma32_end : dma_end;

	switch (type) {
	case ZONE_DMA:
		return (struct mm_range){ .start = dram_start, .end = dma_end };
	case ZONE_DMA32:
		return (struct mm_range){ .start = max_u64(dma_end, dram_start), .end = dma32_end };
	default:
		return (struct mm_range){ .start = max_u64(dma32_end, dram_start),
					  .end = config->max_pfn };
	}
}

/* The node's part of a zone: Movable takes all from its start upwards, the others end there. */
static struct mm_range zone_range(const struct mm_machine *m, const struct pglist_data *pgdat,
				  enum zone_type type, pfn_t dram_start)
{
	pfn_t movable = pgdat->movable_start;
	struct mm_range range = { pgdat->start_pfn, pgdat->end_pfn, pgdat->node_id, false, false };

	if (type == ZONE_MOVABLE) {
		range.start = max_u64(range.start, movable ? movable : range.end);
	} else {
		struct mm_range limits = zone_limits(m, type, dram_start);

		range.start = max_u64(range.start, limits.start);
		range.end = min_u64(range.end, limits.end);
		if (movable)
			range.end = min_u64(range.end, movable);
	}
	if (range.start > range.end)
		range.start = range.end;
	return range;
}

/* Pages of struct page for the zone; sparse zones count what is there (facts 2, memmap_pages). */
uint64_t memmap_pages(const struct zone *zone)
{
	uint64_t pages = zone->spanned_pages;

	if (zone->spanned_pages > zone->present_pages + zone->present_pages / 16)
		pages = zone->present_pages;
	return (pages * sizeof(struct page) + PAGE_SIZE - 1) / PAGE_SIZE;
}

/* Pages below dma_end that are memory but reserved already. */
static uint64_t dma_reserve(const struct mm_machine *m, const struct memblock *mb)
{
	uint64_t reserved = memblock_memory_pages(mb, NUMA_NO_NODE, 0, m->config.dma_end);
	struct mm_range free = { 0 };

	while (memblock_next_free(mb, free.end, &free) && free.start < m->config.dma_end)
		reserved -= min_u64(free.end, m->config.dma_end) - free.start;
	return reserved;
}

static uint64_t first_managed_pages(const struct mm_machine *m, const struct zone *zone,
				    const struct memblock *mb)
{
	uint64_t pages = zone->present_pages, memmap = memmap_pages(zone);

	if (pages >= memmap)
		pages -= memmap;
	if (zone->type == ZONE_DMA && pages > dma_reserve(m, mb))
		pages -= dma_reserve(m, mb);
	return pages;
}

static void zone_init(struct mm_machine *m, struct zone *zone, struct mm_range range,
		      const struct memblock *mb)
{
	zone->zone_start_pfn = range.start == range.end ? 0 : range.start;
	zone->spanned_pages = range.end - range.start;
	zone->present_pages =
		memblock_memory_pages(mb, zone->pgdat->node_id, range.start, range.end);
	zone->managed_pages = first_managed_pages(m, zone, mb);
	for (unsigned int order = 0; order <= MAX_TOP_ORDER; order++)
		for (unsigned int type = 0; type < MIGRATE_TYPES; type++)
			list_init(&zone->free_area[order].free_list[type]);
	for (unsigned int cpu = 0; cpu < m->nr_cpus; cpu++)
		for (unsigned int list = 0; list < NR_PCP_LISTS; list++)
			list_init(&zone->pageset[cpu].lists[list]);
}

static void node_span(struct pglist_data *pgdat, const struct memblock *mb)
{
	pgdat->start_pfn = 0;
	pgdat->end_pfn = 0;
	for (unsigned int i = 0; i < mb->memory.cnt; i++) {
		const struct mm_range *memory = &mb->memory.regions[i];

		if (memory->node != pgdat->node_id)
			continue;
		if (pgdat->end_pfn == 0)
			pgdat->start_pfn = memory->start;
		pgdat->end_pfn = memory->end;
	}
}

void zones_init(struct mm_machine *m, const struct memblock *mb)
{
	for (unsigned int node = 0; node < m->nr_nodes; node++)
		node_span(&m->nodes[node], mb);
	find_movable_starts(m, mb);
	for (unsigned int node = 0; node < m->nr_nodes; node++) {
		struct pglist_data *pgdat = &m->nodes[node];

		for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
			zone_init(m, &pgdat->zones[type],
				  zone_range(m, pgdat, type, mb->memory.regions[0].start), mb);
	}
}
