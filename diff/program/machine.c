/*
 * Machines as data: defaults, what can exist, and folding anything into something that can.
 *
 * Rules (machine_check() gives the reason; machine_fold() makes them true):
 *   M1  counts and constants lie in their ranges; fields that are not used are 0;
 *   M2  memory and reserved ranges ascend, are disjoint, not empty, and leave out pfn 0; max_pfn
 *       ends the last one;
 *   M3  zone borders are multiples of 2^T, so that no block crosses one; a section holds whole
 *       pageblocks and a block;
 *   M4  at least 32 pages are present, and what boot takes (reserved ranges, memmap, percpu) leaves
 *       a quarter of them;
 *   M5  a Movable border lies in the highest zone and in its node, and 16 present pages lie below
 *       all of them; or no border is given, and what it follows from may be;
 *   M6  managed and late pages fit into their zones (boot has the last word: it knows what is left);
 *   M7  a node that is absent has no memory and no CPU, and one at least is there; guards need
 *       debug_pagealloc.
 *
 * Not here: the text (machine_text.c), the wire form (wire_machine.c), boot logs (machine_boot.c).
 */
#include <stdio.h>

#include "program/internal.h"

enum { LEAST_UNMOVABLE = 16 };

static uint64_t round_down_to(uint64_t value, uint64_t unit)
{
	return value - value % unit;
}

static uint64_t round_up_to(uint64_t value, uint64_t unit)
{
	return round_down_to(value + unit - 1, unit);
}

/* ---- Defaults ---- */

bool machine_node_is_there(const struct machine *m, uint32_t node)
{
	return node < m->nr_nodes && !(m->absent_nodes >> node & 1);
}

uint32_t machine_nodes_there(const struct machine *m)
{
	uint32_t nodes = 0;

	for (uint32_t n = 0; n < m->nr_nodes; n++)
		nodes += machine_node_is_there(m, n);
	return nodes;
}

/* The @index-th node that is there. */
static uint32_t node_there(const struct machine *m, uint64_t index)
{
	uint32_t node = 0;

	assert(index < machine_nodes_there(m));
	while (!machine_node_is_there(m, node) || index-- > 0)
		node++;
	return node;
}

/* The node itself, or the next one that is there. */
static uint32_t nearest_node_there(const struct machine *m, uint32_t node)
{
	assert(machine_nodes_there(m) > 0);
	node %= m->nr_nodes;
	while (!machine_node_is_there(m, node))
		node = (node + 1) % m->nr_nodes;
	return node;
}

/*
 * The nodes that are there share @pages evenly; a border is on a pageblock if every node gets
 * something that way.
 */
void machine_divide(struct machine *m, uint64_t pages)
{
	uint64_t nodes = machine_nodes_there(m), unit = 1u << m->pageblock_order;

	assert(nodes > 0);
	if (pages / nodes < unit)
		unit = 1;
	memset(m->memory, 0, sizeof(m->memory));
	m->nr_memory = (uint32_t)nodes;
	for (uint32_t n = 0; n < nodes; n++) {
		uint64_t start = round_down_to(pages * n / nodes, unit);
		uint64_t end =
			n + 1 == nodes ? pages : round_down_to(pages * (n + 1) / nodes, unit);

		m->memory[n] = (struct machine_range){ .start = n ? start : 1,
						       .end = end,
						       .node = node_there(m, n) };
	}
	m->max_pfn = pages;
}

/* DMA is the lowest eighth, DMA32 goes up to the half: three zones where whole blocks fit. */
void machine_default_borders(struct machine *m)
{
	uint64_t block = UINT64_C(1) << m->top_order;

	m->dma_end = round_down_to(m->max_pfn / 8, block);
	m->dma32_end = round_down_to(m->max_pfn / 2, block);
}

void machine_default_nodes(struct machine *m)
{
	uint32_t there = machine_nodes_there(m);

	memset(m->distance, 0, sizeof(m->distance));
	memset(m->cpu_node, 0, sizeof(m->cpu_node));
	for (uint32_t a = 0; a < m->nr_nodes; a++)
		for (uint32_t b = 0; b < m->nr_nodes; b++)
			m->distance[a][b] = a == b ? 10 : 20;
	for (uint32_t cpu = 0; cpu < m->nr_cpus; cpu++)
		m->cpu_node[cpu] = (uint8_t)node_there(m, cpu * there / m->nr_cpus);
}

uint64_t machine_default_section(const struct machine *m)
{
	return m->top_order > 8 ? UINT64_C(1) << m->top_order : 256;
}

void machine_default(struct machine *m)
{
	memset(m, 0, sizeof(*m));
	m->profile = PROFILE_LINUX_6_1;
	m->checks = CHECKS_LINUX;
	m->nr_nodes = m->nr_cpus = 1;
	m->pageblock_order = 4;
	m->top_order = 6;
	m->min_free_kbytes = m->pcp_high = m->pcp_batch = MACHINE_BY_FORMULA;
	m->watermark_scale_factor = 10;
	m->watermark_boost_factor = 15000;
	m->lowmem_reserve_ratio[0] = m->lowmem_reserve_ratio[1] = 256;
	m->lowmem_reserve_ratio[2] = 32;
	m->section_pages = machine_default_section(m);
	machine_divide(m, MACHINE_DEFAULT_PAGES);
	machine_default_borders(m);
	machine_default_nodes(m);
}

bool machine_equal(const struct machine *a, const struct machine *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* ---- Sums over ranges ---- */

uint64_t machine_present(const struct machine *m)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < m->nr_memory; i++)
		pages += m->memory[i].end - m->memory[i].start;
	return pages;
}

static uint64_t overlap(uint64_t start, uint64_t end, const struct machine_range *range)
{
	uint64_t from = start > range->start ? start : range->start;
	uint64_t to = end < range->end ? end : range->end;

	return from < to ? to - from : 0;
}

/*
 * Present pages that are reserved; on a PC the first MiB is, whether it is listed or not (facts 2).
 */
static uint64_t reserved_present(const struct machine *m)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < m->nr_memory; i++) {
		if (m->pc)
			pages += overlap(0, 256, &m->memory[i]);
		for (uint32_t k = 0; k < m->nr_reserved; k++)
			pages += overlap(m->reserved[k].start, m->reserved[k].end, &m->memory[i]);
	}
	return pages;
}

/* An upper bound of the unit that facts 16 give: the 2 MiB atom. */
static uint64_t percpu_pages(const struct machine *m)
{
	uint64_t unit = m->percpu_unit_pages == MACHINE_PERCPU_REAL ? 512 : m->percpu_unit_pages;

	return unit * m->nr_cpus;
}

/* M4. memmap takes at most a 64th of what is spanned, and a page more in each zone of each node. */
static bool leaves_room(const struct machine *m)
{
	uint64_t taken =
		reserved_present(m) + percpu_pages(m) + m->max_pfn / 64 + 2ul * m->nr_memory;

	return taken <= machine_present(m) - machine_present(m) / 4;
}

/*
 * The highest zone is the highest border below max_pfn; its lowest pfn is where ZONE_MOVABLE may
 * begin (facts 2).
 */
uint64_t machine_movable_base(const struct machine *m)
{
	if (m->dma32_end && m->max_pfn > m->dma32_end)
		return m->dma32_end;
	if (m->dma_end && m->max_pfn > m->dma_end)
		return m->dma_end;
	return 0;
}

static bool node_range(const struct machine *m, uint32_t node, uint64_t *start, uint64_t *end)
{
	bool found = false;

	for (uint32_t i = 0; i < m->nr_memory; i++) {
		if (m->memory[i].node != node)
			continue;
		if (!found)
			*start = m->memory[i].start;
		*end = m->memory[i].end;
		found = true;
	}
	return found;
}

/* M5 for one node. */
static bool movable_fits(const struct machine *m, uint32_t node)
{
	uint64_t border = m->movable_start[node], start = 0, end = 0;

	if (border == 0)
		return true;
	if (border % (1u << m->top_order) != 0 || border < machine_movable_base(m))
		return false;
	return node_range(m, node, &start, &end) && border >= start && border < end;
}

static uint64_t unmovable_present(const struct machine *m)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < m->nr_memory; i++) {
		uint64_t border = m->movable_start[m->memory[i].node];

		pages += overlap(0, border ? border : UINT64_MAX, &m->memory[i]);
	}
	return pages;
}

static bool derives_movable(const struct machine *m)
{
	return m->kernelcore_pages || m->kernelcore_percent || m->movablecore_pages ||
	       m->movablecore_percent || m->movable_node || m->kernelcore_mirror;
}

static bool has_movable(const struct machine *m)
{
	for (uint32_t n = 0; n < m->nr_nodes; n++)
		if (m->movable_start[n])
			return true;
	return false;
}

/* ---- What can exist ---- */

static bool check_range(uint64_t value, uint64_t low, uint64_t high, const char *name,
			struct text_error *error)
{
	if (value >= low && value <= high)
		return true;
	return error_set(error, "%s is %llu, and must be %llu to %llu", name,
			 (unsigned long long)value, (unsigned long long)low,
			 (unsigned long long)high);
}

/* A value that may be left to the formula. */
static bool check_formula(int64_t value, int64_t low, int64_t high, const char *name,
			  struct text_error *error)
{
	if (value == MACHINE_BY_FORMULA || (value >= low && value <= high))
		return true;
	return error_set(error, "%s is %lld, and must be %lld to %lld, or left out for the formula",
			 name, (long long)value, (long long)low, (long long)high);
}

uint32_t machine_highest_guard(const struct machine *m)
{
	return (m->top_order + 1) / 2;
}

static bool check_switches(const struct machine *m, struct text_error *e)
{
	if (!check_range(m->debug_pagealloc, 0, 1, "debug_pagealloc", e) ||
	    !check_range(m->init_on_alloc, 0, 1, "init_on_alloc", e) ||
	    !check_range(m->init_on_free, 0, 1, "init_on_free", e) ||
	    !check_range(m->page_poison, 0, 1, "page_poison", e) ||
	    !check_range(m->deferred, 0, 1, "deferred", e) ||
	    !check_range(m->flat, 0, 1, "memmap", e) ||
	    !check_range(m->guard_order, 0, machine_highest_guard(m),
			 "guard_order, up to (top_order + 1) / 2,", e))
		return false;
	return m->guard_order == 0 || m->debug_pagealloc ||
	       error_set(e, "guard_order is %u without debug_pagealloc=1: expected both",
			 m->guard_order);
}

static bool check_constants(const struct machine *m, struct text_error *e)
{
	uint64_t order = MACHINE_HIGHEST_ORDER, greatest = MACHINE_GREATEST_TUNABLE;

	return check_range(m->profile, 0, PROFILE_COUNT - 1, "profile", e) &&
	       check_range(m->checks, 0, CHECKS_OFF, "checks", e) &&
	       check_range(m->thp, 0, 1, "thp", e) && check_range(m->pc, 0, 1, "pc", e) &&
	       check_range(m->nr_nodes, 1, MACHINE_MAX_NODES, "the number of nodes", e) &&
	       check_range(m->nr_cpus, 1, MACHINE_MAX_CPUS, "the number of CPUs", e) &&
	       check_range(m->top_order, MACHINE_LOWEST_ORDER, order, "top_order", e) &&
	       check_range(m->pageblock_order, MACHINE_LOWEST_ORDER, m->top_order,
			   "pageblock_order", e) &&
	       check_range(m->watermark_scale_factor, 1, 3000, "scale", e) &&
	       check_range(m->watermark_boost_factor, 0, 100000, "boost_factor", e) &&
	       check_range(m->lowmem_reserve_ratio[0], 0, greatest, "the reserve ratio of DMA",
			   e) &&
	       check_range(m->lowmem_reserve_ratio[1], 0, greatest, "the reserve ratio of DMA32",
			   e) &&
	       check_range(m->lowmem_reserve_ratio[2], 0, greatest, "the reserve ratio of Normal",
			   e) &&
	       check_range(m->lowmem_reserve_ratio[3], 0, greatest, "the reserve ratio of Movable",
			   e) &&
	       check_formula(m->min_free_kbytes, 0, MACHINE_GREATEST_TUNABLE, "min_free_kbytes",
			     e) &&
	       check_formula(m->pcp_high, 0, MACHINE_GREATEST_PAGE_LIST, "high", e) &&
	       check_formula(m->pcp_batch, 1, MACHINE_GREATEST_PAGE_LIST, "batch", e) &&
	       (m->percpu_unit_pages == MACHINE_PERCPU_REAL ||
		check_range(m->percpu_unit_pages, 0, 1u << 20, "percpu", e));
}

/* M1: what is not used is 0, so that equal machines have equal bytes. */
static bool check_unused(const struct machine *m, struct text_error *error)
{
	struct machine clean = *m;

	for (uint32_t i = 0; i < MACHINE_MAX_RANGES; i++) {
		if (i >= m->nr_memory)
			memset(&clean.memory[i], 0, sizeof(clean.memory[i]));
		if (i >= m->nr_reserved)
			memset(&clean.reserved[i], 0, sizeof(clean.reserved[i]));
		clean.reserved[i].hotplug = clean.reserved[i].mirror = 0;
		clean.reserved[i].node = 0;
	}
	for (uint32_t cpu = m->nr_cpus; cpu < MACHINE_MAX_CPUS; cpu++)
		clean.cpu_node[cpu] = 0;
	for (uint32_t a = 0; a < MACHINE_MAX_NODES; a++) {
		if (a >= m->nr_nodes) {
			clean.movable_start[a] = 0;
			memset(clean.managed[a], 0, sizeof(clean.managed[a]));
			memset(clean.late[a], 0, sizeof(clean.late[a]));
		}
		for (uint32_t b = 0; b < MACHINE_MAX_NODES; b++)
			if (a >= m->nr_nodes || b >= m->nr_nodes)
				clean.distance[a][b] = 0;
	}
	return machine_equal(m, &clean) ||
	       error_set(error, "a field of the machine that is not used is not 0");
}

static bool check_ranges(const struct machine_range *ranges, uint32_t nr, uint64_t least,
			 const char *name, struct text_error *error)
{
	for (uint32_t i = 0; i < nr; i++) {
		unsigned long long start = ranges[i].start, end = ranges[i].end;

		if (start >= end || end > MACHINE_GREATEST_PFN)
			return error_set(
				error,
				"%s range %llu-%llu is empty, backwards or too far up: expected "
				"START-END with START below END",
				name, start, end);
		if (ranges[i].hotplug > 1 || ranges[i].mirror > 1)
			return error_set(error,
					 "%s range %llu-%llu: hotplug or mirror is neither 0 nor 1",
					 name, start, end);
		if (start < least)
			return error_set(error,
					 "%s range %llu-%llu has pfn 0, which is never memory",
					 name, start, end);
		if (i > 0 && start < ranges[i - 1].end)
			return error_set(
				error,
				"%s range %llu-%llu overlaps %llu-%llu or comes before it: ranges "
				"must ascend and be disjoint",
				name, start, end, (unsigned long long)ranges[i - 1].start,
				(unsigned long long)ranges[i - 1].end);
	}
	return true;
}

bool machine_check_absent(const struct machine *m, struct text_error *error)
{
	uint32_t all = (1u << m->nr_nodes) - 1;

	if (m->absent_nodes & ~all)
		return error_set(
			error,
			"absent_nodes 0x%x names a node that is not there: expected bits of "
			"0x%x",
			m->absent_nodes, all);
	return m->absent_nodes != all ||
	       error_set(error, "all %u nodes are absent: expected one at least that is there",
			 m->nr_nodes);
}

static bool check_memory(const struct machine *m, struct text_error *error)
{
	if (m->nr_memory == 0)
		return error_set(error, "the machine has no memory");
	if (!check_range(m->nr_memory, 1, MACHINE_MAX_RANGES, "the number of memory ranges",
			 error) ||
	    !check_range(m->nr_reserved, 0, MACHINE_MAX_RANGES, "the number of reserved ranges",
			 error) ||
	    !check_ranges(m->memory, m->nr_memory, 1, "memory", error) ||
	    !check_ranges(m->reserved, m->nr_reserved, 0, "reserved", error))
		return false;
	for (uint32_t i = 0; i < m->nr_memory; i++)
		if (m->memory[i].node >= m->nr_nodes)
			return error_set(
				error,
				"memory range %llu-%llu is on node %u, but there are only %u nodes",
				(unsigned long long)m->memory[i].start,
				(unsigned long long)m->memory[i].end, m->memory[i].node,
				m->nr_nodes);
	for (uint32_t i = 0; i < m->nr_memory; i++)
		if (!machine_node_is_there(m, m->memory[i].node))
			return error_set(error,
					 "memory range %llu-%llu is on node %u, which is absent",
					 (unsigned long long)m->memory[i].start,
					 (unsigned long long)m->memory[i].end, m->memory[i].node);
	if (m->max_pfn != m->memory[m->nr_memory - 1].end)
		return error_set(error, "max_pfn is not the end of the last memory range");
	return true;
}

static bool check_room(const struct machine *m, struct text_error *error)
{
	if (machine_present(m) < MACHINE_LEAST_PAGES)
		return error_set(error, "the machine has %llu pages of memory, and needs %d",
				 (unsigned long long)machine_present(m), MACHINE_LEAST_PAGES);
	if (leaves_room(m))
		return true;
	return error_set(error,
			 "reserved ranges, memmap and %llu pages for percpu leave less than a "
			 "quarter of %llu "
			 "pages",
			 (unsigned long long)percpu_pages(m),
			 (unsigned long long)machine_present(m));
}

static bool check_borders(const struct machine *m, struct text_error *error)
{
	uint64_t block = UINT64_C(1) << m->top_order, pageblock = UINT64_C(1) << m->pageblock_order;

	if (m->dma_end % block || m->dma32_end % block)
		return error_set(
			error,
			"dma_end %llu and dma32_end %llu must be multiples of 2^top_order = %llu",
			(unsigned long long)m->dma_end, (unsigned long long)m->dma32_end,
			(unsigned long long)block);
	if (m->dma32_end && m->dma32_end < m->dma_end)
		return error_set(error, "dma32_end %llu lies below dma_end %llu",
				 (unsigned long long)m->dma32_end, (unsigned long long)m->dma_end);
	if (!check_range(m->dma_end, 0, MACHINE_GREATEST_PFN, "dma_end", error) ||
	    !check_range(m->dma32_end, 0, MACHINE_GREATEST_PFN, "dma32_end", error) ||
	    !check_range(m->section_pages, block, UINT64_C(1) << 30, "section", error))
		return false;
	return m->section_pages % pageblock == 0 ||
	       error_set(error,
			 "section is %llu pages, and must be a multiple of the pageblock, %llu",
			 (unsigned long long)m->section_pages, (unsigned long long)pageblock);
}

static bool check_nodes(const struct machine *m, struct text_error *error)
{
	for (uint32_t a = 0; a < m->nr_nodes; a++) {
		if (m->distance[a][a] != 10)
			return error_set(error,
					 "the distance of node %u to itself is %u, and must be 10",
					 a, m->distance[a][a]);
		for (uint32_t b = 0; b < m->nr_nodes; b++)
			if (m->distance[a][b] < 10 || m->distance[a][b] > MACHINE_FARTHEST)
				return error_set(error,
						 "the distance from node %u to node %u is %u, and "
						 "must be 10 "
						 "to %d",
						 a, b, m->distance[a][b], MACHINE_FARTHEST);
	}
	for (uint32_t cpu = 0; cpu < m->nr_cpus; cpu++) {
		if (m->cpu_node[cpu] >= m->nr_nodes)
			return error_set(error, "CPU %u is on node %u, but there are only %u nodes",
					 cpu, m->cpu_node[cpu], m->nr_nodes);
		if (!machine_node_is_there(m, m->cpu_node[cpu]))
			return error_set(error, "CPU %u is on node %u, which is absent", cpu,
					 m->cpu_node[cpu]);
	}
	return true;
}

/* Borders may be said, or derived, not both. */
static bool check_derived_movable(const struct machine *m, struct text_error *error)
{
	if (!check_range(m->movable_node, 0, 1, "movable_node", error) ||
	    !check_range(m->kernelcore_mirror, 0, 1, "kernelcore=mirror", error) ||
	    !check_range(m->kernelcore_percent, 0, 100, "the percentage of kernelcore", error) ||
	    !check_range(m->movablecore_percent, 0, 100, "the percentage of movablecore", error) ||
	    !check_range(m->kernelcore_pages, 0, UINT64_C(1) << 40, "kernelcore", error) ||
	    !check_range(m->movablecore_pages, 0, UINT64_C(1) << 40, "movablecore", error))
		return false;
	if ((m->kernelcore_pages && m->kernelcore_percent) ||
	    (m->movablecore_pages && m->movablecore_percent))
		return error_set(error, "kernelcore or movablecore is given twice: in pages and in "
					"percent");
	if (m->kernelcore_mirror && (m->kernelcore_pages || m->kernelcore_percent))
		return error_set(error, "kernelcore is given twice: as mirror, and in pages or "
					"percent");
	if (has_movable(m) && derives_movable(m))
		return error_set(error, "movable borders and kernelcore, movablecore or "
					"movable_node are both given: expected one of them");
	return true;
}

/* M6. */
static bool check_shares(const struct machine *m, struct text_error *error)
{
	for (uint32_t n = 0; n < m->nr_nodes; n++)
		for (uint32_t zone = 0; zone < MACHINE_NR_ZONES; zone++) {
			if (m->managed[n][zone] > m->max_pfn || m->late[n][zone] > m->max_pfn)
				return error_set(error,
						 "zone %u of node %u is to manage more pages than "
						 "the machine has",
						 zone, n);
			if (m->late[n][zone] && m->deferred)
				return error_set(
					error,
					"late pages of node %u cannot be had with deferred=1: what "
					"is freed late was reserved, and deferred memory is not",
					n);
			if (m->late[n][zone] && m->late[n][zone] >= m->managed[n][zone])
				return error_set(error,
						 "all of the %llu managed pages of zone %u of node "
						 "%u are late: expected fewer than managed",
						 (unsigned long long)m->managed[n][zone], zone, n);
		}
	return true;
}

static bool check_movable(const struct machine *m, struct text_error *error)
{
	if (!check_derived_movable(m, error))
		return false;
	for (uint32_t n = 0; n < m->nr_nodes; n++)
		if (!movable_fits(m, n))
			return error_set(error,
					 "the Movable border %llu of node %u must be a multiple of "
					 "2^top_order inside the node's memory and the highest "
					 "zone (from %llu)",
					 (unsigned long long)m->movable_start[n], n,
					 (unsigned long long)machine_movable_base(m));
	if (unmovable_present(m) < LEAST_UNMOVABLE)
		return error_set(error,
				 "Movable borders leave less than %d pages for everything else",
				 LEAST_UNMOVABLE);
	return true;
}

bool machine_check(const struct machine *m, struct text_error *error)
{
	error->line = error->column = 0;
	error->what[0] = '\0';
	return check_constants(m, error) && check_switches(m, error) &&
	       machine_check_absent(m, error) && check_memory(m, error) && check_unused(m, error) &&
	       check_borders(m, error) && check_nodes(m, error) && check_room(m, error) &&
	       check_movable(m, error) && check_shares(m, error);
}

static bool is_all_zero(const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	while (size > 0 && at[size - 1] == 0)
		size--;
	return size == 0;
}

/* What has no place in the wire form: it takes a kernel's command line, or its log, to mean something. */
static bool is_of_a_kernel(const struct machine *m)
{
	for (uint32_t i = 0; i < m->nr_memory; i++)
		if (m->memory[i].hotplug || m->memory[i].mirror)
			return true;
	return derives_movable(m) || m->kernelcore_mirror || m->flat ||
	       !is_all_zero(m->managed, sizeof(m->managed)) ||
	       !is_all_zero(m->late, sizeof(m->late));
}

bool machine_has_wire_form(const struct machine *m)
{
	return !is_of_a_kernel(m) && m->nr_nodes <= WIRE_NODES && m->nr_cpus <= WIRE_CPUS &&
	       m->nr_memory <= WIRE_RANGES && m->nr_reserved <= WIRE_RANGES &&
	       m->max_pfn <= MACHINE_FUZZ_PAGES && !m->pc && m->dma_end <= WIRE_GREATEST_BORDER &&
	       m->dma32_end <= WIRE_GREATEST_BORDER && m->section_pages <= WIRE_GREATEST_SECTION &&
	       m->percpu_unit_pages <= WIRE_GREATEST_PERCPU &&
	       (m->nr_reserved == 0 || m->reserved[m->nr_reserved - 1].end <= MACHINE_FUZZ_PAGES);
}

/* ---- Folding ---- */

static uint32_t clamp32(uint32_t value, uint32_t low, uint32_t high)
{
	return value < low ? low : value > high ? high : value;
}

static int64_t clamp_formula(int64_t value, int64_t low, int64_t high)
{
	if (value < 0)
		return MACHINE_BY_FORMULA;
	return value < low ? low : value > high ? high : value;
}

void machine_fold_absent(struct machine *m)
{
	m->absent_nodes &= (1u << m->nr_nodes) - 1;
	if (machine_nodes_there(m) == 0)
		m->absent_nodes = 0;
}

static void fold_switches(struct machine *m)
{
	m->debug_pagealloc &= 1;
	m->init_on_alloc &= 1;
	m->init_on_free &= 1;
	m->page_poison &= 1;
	m->deferred &= 1;
	m->flat = 0;
	m->guard_order = clamp32(m->guard_order, 0, machine_highest_guard(m));
	if (!m->debug_pagealloc)
		m->guard_order = 0;
}

static void fold_constants(struct machine *m)
{
	m->profile %= PROFILE_COUNT;
	m->checks %= CHECKS_OFF + 1;
	m->thp &= 1;
	m->pc = m->movable_node = m->kernelcore_mirror = 0;
	m->kernelcore_pages = m->movablecore_pages = 0;
	m->kernelcore_percent = m->movablecore_percent = 0;
	memset(m->managed, 0, sizeof(m->managed));
	memset(m->late, 0, sizeof(m->late));
	m->nr_nodes = clamp32(m->nr_nodes, 1, WIRE_NODES);
	m->nr_cpus = clamp32(m->nr_cpus, 1, WIRE_CPUS);
	m->top_order = clamp32(m->top_order, MACHINE_LOWEST_ORDER, MACHINE_HIGHEST_ORDER);
	m->pageblock_order = clamp32(m->pageblock_order, MACHINE_LOWEST_ORDER, m->top_order);
	if (m->percpu_unit_pages > WIRE_GREATEST_PERCPU)
		m->percpu_unit_pages = 0;
	m->min_free_kbytes = clamp_formula(m->min_free_kbytes, 0, MACHINE_GREATEST_TUNABLE);
	m->pcp_high = clamp_formula(m->pcp_high, 0, MACHINE_GREATEST_PAGE_LIST);
	m->pcp_batch = clamp_formula(m->pcp_batch, 1, MACHINE_GREATEST_PAGE_LIST);
	m->watermark_scale_factor = clamp32(m->watermark_scale_factor, 1, 3000);
	m->watermark_boost_factor = clamp32(m->watermark_boost_factor, 0, 100000);
	for (uint32_t i = 0; i < MACHINE_NR_ZONES; i++)
		m->lowmem_reserve_ratio[i] =
			clamp32(m->lowmem_reserve_ratio[i], 0, MACHINE_GREATEST_TUNABLE);
}

static void sort_ranges(struct machine_range *ranges, uint32_t nr)
{
	for (uint32_t i = 1; i < nr; i++)
		for (uint32_t k = i; k > 0 && ranges[k].start < ranges[k - 1].start; k--) {
			struct machine_range swap = ranges[k];

			ranges[k] = ranges[k - 1];
			ranges[k - 1] = swap;
		}
}

/*
 * Ascending, cut where they overlap, empty ones dropped. Returns how many are left; the rest is 0.
 * @m: whose nodes they lie on; NULL: on none
 */
static uint32_t fold_ranges(struct machine_range *ranges, uint32_t nr, uint64_t least,
			    const struct machine *m)
{
	uint32_t left = 0;
	uint64_t floor = least;

	nr = nr > WIRE_RANGES ? WIRE_RANGES : nr;
	sort_ranges(ranges, nr);
	for (uint32_t i = 0; i < nr; i++) {
		struct machine_range range = { .start = ranges[i].start, .end = ranges[i].end };

		range.node = m ? nearest_node_there(m, ranges[i].node) : 0;
		range.start = range.start < floor ? floor : range.start;
		range.end = range.end > MACHINE_FUZZ_PAGES ? MACHINE_FUZZ_PAGES : range.end;
		if (range.start >= range.end)
			continue;
		floor = range.end;
		ranges[left++] = range;
	}
	memset(&ranges[left], 0, (MACHINE_MAX_RANGES - left) * sizeof(*ranges));
	return left;
}

static void fold_memory(struct machine *m)
{
	m->nr_memory = fold_ranges(m->memory, m->nr_memory, 1, m);
	m->nr_reserved = fold_ranges(m->reserved, m->nr_reserved, 0, NULL);
	if (m->nr_memory == 0 || machine_present(m) < MACHINE_LEAST_PAGES)
		machine_divide(m, MACHINE_DEFAULT_PAGES);
	m->max_pfn = m->memory[m->nr_memory - 1].end;
	if (!leaves_room(m))
		m->percpu_unit_pages = 0;
	if (!leaves_room(m)) {
		memset(m->reserved, 0, sizeof(m->reserved));
		m->nr_reserved = 0;
	}
	if (!leaves_room(m))
		machine_divide(m, MACHINE_DEFAULT_PAGES);
}

static void fold_borders(struct machine *m)
{
	uint64_t block = UINT64_C(1) << m->top_order, pageblock = UINT64_C(1) << m->pageblock_order;
	uint64_t *borders[2] = { &m->dma_end, &m->dma32_end };

	for (int i = 0; i < 2; i++) {
		*borders[i] =
			*borders[i] > WIRE_GREATEST_BORDER ? WIRE_GREATEST_BORDER : *borders[i];
		*borders[i] = round_down_to(*borders[i], block);
	}
	if (m->dma32_end && m->dma32_end < m->dma_end)
		m->dma32_end = m->dma_end;
	if (m->section_pages > WIRE_GREATEST_SECTION)
		m->section_pages = WIRE_GREATEST_SECTION;
	m->section_pages =
		round_up_to(m->section_pages < block ? block : m->section_pages, pageblock);
}

static void fold_nodes(struct machine *m)
{
	for (uint32_t a = 0; a < MACHINE_MAX_NODES; a++)
		for (uint32_t b = 0; b < MACHINE_MAX_NODES; b++)
			if (a >= m->nr_nodes || b >= m->nr_nodes)
				m->distance[a][b] = 0;
			else if (a == b)
				m->distance[a][b] = 10;
			else
				m->distance[a][b] =
					(uint8_t)clamp32(m->distance[a][b], 10, MACHINE_FARTHEST);
	for (uint32_t cpu = 0; cpu < MACHINE_MAX_CPUS; cpu++)
		m->cpu_node[cpu] =
			cpu < m->nr_cpus ? (uint8_t)nearest_node_there(m, m->cpu_node[cpu]) : 0;
}

static void fold_movable(struct machine *m)
{
	for (uint32_t n = 0; n < MACHINE_MAX_NODES; n++) {
		if (n >= m->nr_nodes)
			m->movable_start[n] = 0;
		m->movable_start[n] = round_down_to(m->movable_start[n], 1u << m->top_order);
		if (m->movable_start[n] && !movable_fits(m, n))
			m->movable_start[n] = 0;
	}
	if (has_movable(m) && unmovable_present(m) < LEAST_UNMOVABLE)
		memset(m->movable_start, 0, sizeof(m->movable_start));
}

void machine_fold(struct machine *m)
{
	fold_constants(m);
	fold_switches(m);
	machine_fold_absent(m);
	fold_memory(m);
	fold_borders(m);
	fold_nodes(m);
	fold_movable(m);
}
