/*
 * The size of a CPU's unit in the percpu first chunk (facts 16): as many units share an allocation
 * of 2 MiB as waste at most a third of the CPUs' units, over the groups of CPUs that are local to
 * each other.
 */
#include "boot/boot.h"

enum {
	STATIC_BYTES = 217088, /* static per-CPU data of Debian's 6.1, from its boot logs */
	RESERVED_BYTES = 8 << 10,
	DYNAMIC_BYTES = 28 << 10,
	UNIT_MIN_BYTES = 32 << 10,
	ATOM_BYTES = 2 << 20,
};

static uint64_t round_up(uint64_t value, uint64_t step)
{
	return (value + step - 1) / step * step;
}

/*
 * CPUs of each group; returns the number of groups. Two CPUs are of one group iff local both ways.
 */
static unsigned int group_cpus(const struct mm_config *config, unsigned int cpus[MM_MAX_CPUS])
{
	unsigned int groups = 0, first_node[MM_MAX_CPUS];

	for (unsigned int cpu = 0; cpu < config->nr_cpus; cpu++) {
		unsigned int node = config->cpu_node[cpu], group = 0;

		while (group < groups && first_node[group] != node)
			group++;
		if (group == groups) {
			first_node[groups] = node;
			cpus[groups++] = 0;
		}
		cpus[group]++;
	}
	return groups;
}

static bool divides_to_whole_pages(uint64_t bytes, uint64_t parts)
{
	return bytes % parts == 0 && (bytes / parts) % PAGE_SIZE == 0;
}

uint64_t percpu_used_bytes(void)
{
	return round_up(STATIC_BYTES + RESERVED_BYTES + DYNAMIC_BYTES, PAGE_SIZE);
}

uint64_t percpu_unit_bytes(const struct mm_config *config)
{
	uint64_t unit_min = max_u64(percpu_used_bytes(), UNIT_MIN_BYTES),
		 alloc = round_up(unit_min, ATOM_BYTES);
	unsigned int cpus[MM_MAX_CPUS], groups = group_cpus(config, cpus);
	uint64_t best = 1, last_allocs = UINT64_MAX;

	for (uint64_t upa = alloc / unit_min; upa >= 1; upa--) {
		uint64_t allocs = 0, wasted = 0;

		if (!divides_to_whole_pages(alloc, upa))
			continue;
		for (unsigned int group = 0; group < groups; group++) {
			uint64_t these = (cpus[group] + upa - 1) / upa;

			allocs += these;
			wasted += these * upa - cpus[group];
		}
		if (wasted > config->nr_cpus / 3)
			continue;
		if (allocs > last_allocs)
			break;
		last_allocs = allocs;
		best = upa;
	}
	return alloc / best;
}
