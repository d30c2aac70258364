#include "boot/boot.h"

#include <stdio.h>

#include "page/page_internal.h"

enum { PC_LOW_PAGES = 256 }; /* 0..1 MiB, kept by the real-mode code (facts 2) */

static bool add_machine_ranges(const struct mm_config *config, struct memblock *mb)
{
	memblock_init(mb);
	mb->movable_node = config->movable_node;
	for (unsigned int i = 0; i < config->nr_memory; i++)
		if (!memblock_add_memory(mb, &config->memory[i]))
			return false;
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

static uint64_t node_cpus(const struct mm_machine *m, unsigned int node)
{
	uint64_t cpus = 0;

	for (unsigned int cpu = 0; cpu < m->nr_cpus; cpu++)
		cpus += m->cpu_node[cpu] == node;
	return cpus;
}

/* In one piece where there is room for one, else in as few as halving makes. */
static bool reserve_pages(struct memblock *mb, uint64_t pages, unsigned int node)
{
	const struct memblock_request want = { .pages = pages, .node = (int)node };

	if (pages == 0 || memblock_alloc(mb, &want))
		return true;
	return pages > 1 && reserve_pages(mb, pages / 2, node) &&
	       reserve_pages(mb, pages - pages / 2, node);
}

static bool no_room(const char *what, unsigned int node, uint64_t pages, char *error)
{
	snprintf(error, 256,
		 "no room for the %s of node %u: %llu pages; give the machine more memory", what,
		 node, (unsigned long long)pages);
	return false;
}

/* Units of the size the machine says come in one piece, real ones are cut out one by one. */
static bool reserve_percpu(const struct mm_machine *m, struct memblock *mb, unsigned int node,
			   char *error)
{
	uint64_t cpus = node_cpus(m, node), unit = m->config.percpu_unit_pages;

	if (unit != MM_PERCPU_REAL)
		return reserve_pages(mb, unit * cpus, node) ||
		       no_room("percpu units", node, unit * cpus, error);
	unit = percpu_unit_bytes(&m->config) / PAGE_SIZE;
	const struct memblock_request want = { .pages = unit, .node = (int)node };

	for (uint64_t cpu = 0; cpu < cpus; cpu++)
		if (!memblock_alloc_head(mb, &want, percpu_used_bytes() / PAGE_SIZE))
			return no_room("percpu units", node, unit * cpus, error);
	return true;
}

/*
 * What Linux takes for itself before there is a page allocator: struct pages first, then percpu
 * units.
 */
static bool reserve_boot_metadata(const struct mm_machine *m, struct memblock *mb, char *error)
{
	for (unsigned int node = 0; node < m->nr_nodes; node++) {
		uint64_t pages = node_memmap_pages(m, node);

		if (!reserve_pages(mb, pages, node))
			return no_room("memmap", node, pages, error);
	}
	for (unsigned int node = 0; node < m->nr_nodes; node++)
		if (!reserve_percpu(m, mb, node, error))
			return false;
	return true;
}

static bool no_host_memory(char *error)
{
	snprintf(error, 256, "no memory on the host to boot with");
	return false;
}

static bool boot_with(struct mm_machine *m, struct memblock *mb, char *error)
{
	if (!add_machine_ranges(&m->config, mb))
		return no_host_memory(error);
	zones_init(m, mb);
	deferred_find(m, mb);
	if (!reserve_boot_metadata(m, mb, error) || !reserve_kernel_share(m, mb, error))
		return false;
	if (!deferred_keep_ranges(m, mb))
		return no_host_memory(error);
	memmap_init(m, mb);
	build_all_zonelists(m);
	mm_tasks_init(m);
	memblock_free_all(m, mb);
	shuffle_free_memory(m);
	/* marks and what follows from sizes is made for all that will be there */
	deferred_count(m, true);
	init_per_zone_wmark_min(m);
	khugepaged_raises_min_free(m);
	deferred_count(m, false);
	memblock_free_late(m, mb);
	mm_update_plain(m);
	return true;
}

static bool boot_on_this_cpu(struct mm_machine *m, char *error)
{
	struct memblock mb;
	bool booted = boot_with(m, &mb, error);

	memblock_discard(&mb);
	return booted;
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
