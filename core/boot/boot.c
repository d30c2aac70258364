#include "boot/boot.h"

#include <stdio.h>
#include <string.h>

#include "page/page_internal.h"

enum { PC_LOW_PAGES = 256 }; /* 0..1 MiB, kept by the real-mode code (facts 2) */

static bool add_machine_ranges(const struct mm_config *config, struct memblock *mb)
{
	memset(mb, 0, sizeof(*mb));
	for (unsigned int i = 0; i < config->nr_memory; i++) {
		const struct mm_range *range = &config->memory[i];

		if (!memblock_add_range(&mb->memory, range->start, range->end, range->node))
			return false;
	}
	if (config->pc && !memblock_add_range(&mb->reserved, 0, PC_LOW_PAGES, NUMA_NO_NODE))
		return false;
	for (unsigned int i = 0; i < config->nr_reserved; i++) {
		const struct mm_range *range = &config->reserved[i];

		if (!memblock_add_range(&mb->reserved, range->start, range->end, NUMA_NO_NODE))
			return false;
	}
	return true;
}

static uint64_t node_memmap_pages(const struct mm_machine *m, unsigned int node)
{
	uint64_t pages = 0;

	for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
		pages += memmap_pages(mm_zone(m, node, type));
	return pages;
}

static uint64_t node_percpu_pages(const struct mm_machine *m, unsigned int node)
{
	uint64_t unit = m->config.percpu_unit_pages, cpus = 0;

	if (unit == MM_PERCPU_REAL)
		unit = percpu_unit_bytes(&m->config) / PAGE_SIZE;
	for (unsigned int cpu = 0; cpu < m->nr_cpus; cpu++)
		cpus += m->cpu_node[cpu] == node;
	return unit * cpus;
}

/* In one piece where there is room for one, else in as few as halving makes. */
static bool reserve_pages(struct memblock *mb, uint64_t pages, unsigned int node)
{
	if (pages == 0 || memblock_alloc_top_down(mb, pages, (int)node))
		return true;
	return pages > 1 && reserve_pages(mb, pages / 2, node) &&
	       reserve_pages(mb, pages - pages / 2, node);
}

static bool reserve_on_node(struct memblock *mb, uint64_t pages, unsigned int node,
			    const char *what, char *error)
{
	if (reserve_pages(mb, pages, node))
		return true;
	snprintf(error, 256,
		 "no room for the %s of node %u: %llu pages; give the machine more memory", what,
		 node, (unsigned long long)pages);
	return false;
}

/*
 * What Linux takes for itself before there is a page allocator: struct pages first, then percpu
 * units.
 */
static bool reserve_boot_metadata(const struct mm_machine *m, struct memblock *mb, char *error)
{
	for (unsigned int node = 0; node < m->nr_nodes; node++)
		if (!reserve_on_node(mb, node_memmap_pages(m, node), node, "memmap", error))
			return false;
	for (unsigned int node = 0; node < m->nr_nodes; node++)
		if (!reserve_on_node(mb, node_percpu_pages(m, node), node, "percpu units", error))
			return false;
	return true;
}

static bool boot_on_this_cpu(struct mm_machine *m, char *error)
{
	struct memblock mb;

	if (!add_machine_ranges(&m->config, &mb)) {
		snprintf(error, 256, "too many memory or reserved ranges; at most %d of each",
			 MM_MAX_RANGES);
		return false;
	}
	zones_init(m, &mb);
	if (!reserve_boot_metadata(m, &mb, error))
		return false;
	memmap_init(m, &mb);
	build_all_zonelists(m);
	mm_tasks_init(m);
	memblock_free_all(m, &mb);
	init_per_zone_wmark_min(m);
	khugepaged_raises_min_free(m);
	mm_update_plain(m);
	return true;
}

/* CPU 0 boots, whoever waits for it outside. */
bool mm_boot(struct mm_machine *m, char *error)
{
	struct mm_context boot = { .machine = m }, *outside = mm_current;

	mm_current = &boot;
	bool booted = boot_on_this_cpu(m, error);

	mm_current = outside;
	return booted;
}
