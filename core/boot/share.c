/*
 * What a real kernel keeps for itself beside memmap and percpu: its image, page tables, hash tables,
 * and, until boot ends, the initial ramdisk and its own init code.
 *
 *   zone  [ kept for good | freed late | free ...                | memmap, percpu ]
 *           lowest pages first
 *
 * How much that is depends on the kernel and not on the allocator, so it is told: the machine says
 * what a zone manages in the end, and what of that came late (facts 21). Where exactly it lies is
 * not: the lowest free pages of the zone, as for an image loaded low.
 */
#include "boot/boot.h"

#include <stdio.h>

static bool next_free_in(const struct memblock *mb, const struct zone *zone, pfn_t from,
			 struct mm_range *free)
{
	while (memblock_next_free(mb, from, free) && free->start < zone_end_pfn(zone)) {
		from = free->end;
		free->start = max_u64(free->start, zone->zone_start_pfn);
		free->end = min_u64(free->end, zone_end_pfn(zone));
		if (free->node == zone->pgdat->node_id && free->start < free->end)
			return true;
	}
	return false;
}

static uint64_t free_pages_of(const struct memblock *mb, const struct zone *zone)
{
	struct mm_range free = { 0 };
	uint64_t pages = 0;

	while (next_free_in(mb, zone, free.end, &free))
		pages += free.end - free.start;
	return pages;
}

/* The zone's lowest free pages; a copy of what was taken goes to @also, unless it is NULL. */
static bool reserve_lowest(struct memblock *mb, struct memblock_type *also, const struct zone *zone,
			   uint64_t pages)
{
	struct mm_range free = { 0 };

	while (pages && next_free_in(mb, zone, free.end, &free)) {
		free.end = min_u64(free.end, free.start + pages);
		pages -= free.end - free.start;
		if (!memblock_add_range(&mb->reserved, free.start, free.end, NUMA_NO_NODE))
			return false;
		if (also && !memblock_add_range(also, free.start, free.end, free.node))
			return false;
	}
	return pages == 0;
}

static bool reserve_in_zone(const struct mm_machine *m, const struct zone *zone,
			    struct memblock *mb, char *error)
{
	unsigned int node = (unsigned int)zone->pgdat->node_id;
	uint64_t managed = m->config.managed_pages[node][zone->type];
	uint64_t late = m->config.late_pages[node][zone->type];
	uint64_t free = free_pages_of(mb, zone);

	if (managed == 0)
		managed = free;
	if (managed <= free && late <= managed && reserve_lowest(mb, NULL, zone, free - managed) &&
	    reserve_lowest(mb, &mb->late, zone, late))
		return true;
	snprintf(
		error, 256,
		"zone %u of node %u is to manage %llu pages, %llu of them late, but boot leaves it "
		"%llu; give it fewer",
		(unsigned int)zone->type, node, (unsigned long long)managed,
		(unsigned long long)late, (unsigned long long)free);
	return false;
}

bool reserve_kernel_share(const struct mm_machine *m, struct memblock *mb, char *error)
{
	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
			if (!reserve_in_zone(m, mm_zone(m, node, type), mb, error))
				return false;
	return true;
}
