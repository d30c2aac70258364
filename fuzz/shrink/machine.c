/*
 * Simpler machines: what the shrinker tries on the machine of a program.
 *
 * An edit changes plain data without care for what fits together. Whether the outcome can exist is left to
 * machine_check(): the edited machine is printed and read back, which also clears what the edit left in unused fields.
 *
 * Invariant: an edit, applied again and again, comes to an end (fewer CPUs, nodes, pages, ranges, or a constant that
 * already has its default).
 */
#include "shrink/shrink_internal.h"

#include <assert.h>
#include <string.h>

enum { LINE_SIZE = 16384 };

static uint64_t block_pages(const struct machine *m)
{
	assert(m->top_order < 32);
	return UINT64_C(1) << m->top_order;
}

static void remove_range(struct machine_range *ranges, uint32_t *nr, uint32_t index)
{
	assert(index < *nr && *nr <= MACHINE_MAX_RANGES);
	memmove(&ranges[index], &ranges[index + 1], (*nr - index - 1) * sizeof(*ranges));
	memset(&ranges[*nr - 1], 0, sizeof(*ranges));
	(*nr)--;
}

/* Reserved ranges outside of all memory make no difference; max_pfn follows the last range of memory. */
static void follow_memory(struct machine *m)
{
	m->max_pfn = m->nr_memory ? m->memory[m->nr_memory - 1].end : 0;
	while (m->nr_reserved && m->reserved[m->nr_reserved - 1].start >= m->max_pfn)
		remove_range(m->reserved, &m->nr_reserved, m->nr_reserved - 1);
	if (m->nr_reserved && m->reserved[m->nr_reserved - 1].end > m->max_pfn)
		m->reserved[m->nr_reserved - 1].end = m->max_pfn;
	if (m->dma_end > m->max_pfn)
		m->dma_end = 0;
	if (m->dma32_end > m->max_pfn)
		m->dma32_end = 0;
	for (uint32_t node = 0; node < MACHINE_MAX_NODES; node++)
		if (m->movable_start[node] >= m->max_pfn)
			m->movable_start[node] = 0;
}

static void everything_default(struct machine *m, unsigned int index)
{
	(void)index;
	machine_default(m);
}

static void one_cpu(struct machine *m, unsigned int index)
{
	(void)index;
	memset(m->cpu_node + 1, 0, sizeof(m->cpu_node) - 1);
	m->nr_cpus = 1;
}

static void one_cpu_less(struct machine *m, unsigned int index)
{
	(void)index;
	if (m->nr_cpus > 1)
		m->cpu_node[--m->nr_cpus] = 0;
}

static void forget_last_node(struct machine *m)
{
	m->nr_nodes--;
	m->movable_start[m->nr_nodes] = 0;
	for (uint32_t cpu = 0; cpu < m->nr_cpus; cpu++)
		if (m->cpu_node[cpu] >= m->nr_nodes)
			m->cpu_node[cpu] = 0;
	for (uint32_t node = 0; node < MACHINE_MAX_NODES; node++) {
		m->distance[m->nr_nodes][node] = 0;
		m->distance[node][m->nr_nodes] = 0;
	}
}

static void drop_last_node(struct machine *m, unsigned int index)
{
	(void)index;
	if (m->nr_nodes < 2)
		return;
	forget_last_node(m);
	for (uint32_t i = m->nr_memory; i-- > 0;)
		if (m->memory[i].node >= m->nr_nodes)
			remove_range(m->memory, &m->nr_memory, i);
	follow_memory(m);
}

/* The last node's memory goes to the node before it. */
static void join_last_node(struct machine *m, unsigned int index)
{
	(void)index;
	if (m->nr_nodes < 2)
		return;
	forget_last_node(m);
	for (uint32_t i = 0; i < m->nr_memory; i++)
		if (m->memory[i].node >= m->nr_nodes)
			m->memory[i].node = m->nr_nodes - 1;
}

static void plain_distances(struct machine *m, unsigned int index)
{
	(void)index;
	for (uint32_t from = 0; from < m->nr_nodes; from++)
		for (uint32_t to = 0; to < m->nr_nodes; to++)
			m->distance[from][to] = from == to ? 10 : 20;
}

static void drop_memory(struct machine *m, unsigned int index)
{
	if (index >= m->nr_memory || m->nr_memory == 1)
		return;
	remove_range(m->memory, &m->nr_memory, index);
	follow_memory(m);
}

static void halve_memory(struct machine *m, unsigned int index)
{
	if (index >= m->nr_memory)
		return;
	uint64_t block = block_pages(m), start = m->memory[index].start, end = m->memory[index].end;
	uint64_t middle = (start + (end - start) / 2 + block - 1) / block * block;

	if (middle <= start || middle >= end)
		return;
	m->memory[index].end = middle;
	follow_memory(m);
}

/* A hole before a range goes; the range comes down to where the one before it ends. */
static void close_hole(struct machine *m, unsigned int index)
{
	if (index == 0 || index >= m->nr_memory || m->memory[index].start == m->memory[index - 1].end)
		return;
	uint64_t hole = m->memory[index].start - m->memory[index - 1].end;

	for (uint32_t i = index; i < m->nr_memory; i++) {
		m->memory[i].start -= hole;
		m->memory[i].end -= hole;
	}
	follow_memory(m);
}

static void drop_reserved(struct machine *m, unsigned int index)
{
	if (index < m->nr_reserved)
		remove_range(m->reserved, &m->nr_reserved, index);
}

static void drop_all_reserved(struct machine *m, unsigned int index)
{
	(void)index;
	memset(m->reserved, 0, sizeof(m->reserved));
	m->nr_reserved = 0;
}

static void no_movable_zone(struct machine *m, unsigned int index)
{
	m->movable_start[index] = 0;
}

static void no_zone_border(struct machine *m, unsigned int index)
{
	if (index == 0)
		m->dma_end = 0;
	else
		m->dma32_end = 0;
}

static void default_ratio(struct machine *m, unsigned int index)
{
	struct machine plain;

	machine_default(&plain);
	m->lowmem_reserve_ratio[index] = plain.lowmem_reserve_ratio[index];
}

static void default_orders(struct machine *m, unsigned int index)
{
	struct machine plain;

	(void)index;
	machine_default(&plain);
	m->top_order = plain.top_order;
	m->pageblock_order = plain.pageblock_order;
	m->section_pages = plain.section_pages;
}

/* One constant gets its default. */
static void default_constant(struct machine *m, unsigned int index)
{
	struct machine plain;

	machine_default(&plain);
	switch (index) {
	case 0: m->checks = plain.checks; break;
	case 1: m->thp = plain.thp; break;
	case 2: m->pc = plain.pc; break;
	case 3: m->percpu_unit_pages = plain.percpu_unit_pages; break;
	case 4: m->min_free_kbytes = plain.min_free_kbytes; break;
	case 5: m->pcp_high = plain.pcp_high; break;
	case 6: m->pcp_batch = plain.pcp_batch; break;
	case 7: m->watermark_scale_factor = plain.watermark_scale_factor; break;
	case 8: m->watermark_boost_factor = plain.watermark_boost_factor; break;
	case 9: m->section_pages = plain.section_pages; break;
	case 10: m->pageblock_order = plain.pageblock_order; break;
	default: m->top_order = plain.top_order; break;
	}
}

/* Greatest simplifications first; each with as many indices as it has places to act on. */
static const struct {
	void (*edit)(struct machine *m, unsigned int index);
	unsigned int places;
} edits[] = {
	{ everything_default, 1 },
	{ one_cpu, 1 },
	{ drop_last_node, 1 },
	{ join_last_node, 1 },
	{ one_cpu_less, 1 },
	{ plain_distances, 1 },
	{ drop_memory, MACHINE_MAX_RANGES },
	{ halve_memory, MACHINE_MAX_RANGES },
	{ close_hole, MACHINE_MAX_RANGES },
	{ drop_all_reserved, 1 },
	{ drop_reserved, MACHINE_MAX_RANGES },
	{ no_movable_zone, MACHINE_MAX_NODES },
	{ no_zone_border, 2 },
	{ default_orders, 1 },
	{ default_constant, 12 },
	{ default_ratio, MACHINE_NR_ZONES },
};

enum { NR_EDITS = sizeof(edits) / sizeof(edits[0]) };

unsigned int machine_simplifications(void)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < NR_EDITS; i++)
		sum += edits[i].places;
	return sum;
}

/* What a text would keep of the machine, if it can exist at all. */
static bool through_text(struct machine *m)
{
	char line[LINE_SIZE];
	struct text_error error;
	struct machine back;

	if (!machine_check(m, &error) || machine_print_line(m, line, sizeof(line)) >= sizeof(line))
		return false;
	const char *keys = strncmp(line, "machine", 7) == 0 ? line + 7 : line;

	if (!machine_parse_line(&back, keys, &error))
		return false;
	*m = back;
	return true;
}

bool machine_simplify(struct machine *to, const struct machine *from, unsigned int which)
{
	unsigned int kind = 0;
	struct machine m = *from;

	assert(which < machine_simplifications());
	while (which >= edits[kind].places)
		which -= edits[kind++].places;
	edits[kind].edit(&m, which);
	if (machine_equal(&m, from) || !through_text(&m) || machine_equal(&m, from))
		return false;
	*to = m;
	return true;
}
