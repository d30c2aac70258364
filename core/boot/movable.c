/*
 * Where the Movable zone of each node begins (facts 2, "Movable").
 *
 *   kernelcore=  so much for requests that cannot be moved, shared evenly among the nodes
 *   movablecore= so much for Movable: the rest is kernelcore
 *   kernelcore=mirror  what is not mirrored is Movable, whatever those two say
 *   movable_node hot-pluggable memory is Movable, whatever the others say
 *
 *   node 0  | DMA | DMA32: its share ====| Movable                |
 *   node 1  |       DMA32: its share =========| Movable           |
 *                   ^usable: lowest pfn of the highest zone, below it nothing becomes Movable
 */
#include "boot/boot.h"

/* The walk over the nodes: what is still to be placed. */
struct core_share {
	uint64_t required; /* pages that all nodes together still have to keep */
	pfn_t usable_start;
};

static pfn_t round_up_pages(pfn_t pages, unsigned int order)
{
	pfn_t block = UINT64_C(1) << order;

	return (pages + block - 1) & ~(block - 1);
}

static uint64_t percent_of(uint64_t pages, unsigned int percent)
{
	return pages * 100 * percent / 10000;
}

/* Pages kept from Movable. 0: no Movable zone. */
static uint64_t required_kernelcore(const struct mm_machine *m, uint64_t total)
{
	const struct mm_config *config = &m->config;
	uint64_t kernelcore = config->kernelcore_pages, movablecore = config->movablecore_pages;

	if (config->kernelcore_percent)
		kernelcore = percent_of(total, config->kernelcore_percent);
	if (config->movablecore_percent)
		movablecore = percent_of(total, config->movablecore_percent);
	if (movablecore) {
		movablecore = min_u64(round_up_pages(movablecore, m->top_order), total);
		kernelcore = max_u64(kernelcore, total - movablecore);
	}
	return kernelcore >= total ? 0 : kernelcore;
}

/* The lowest pfn of the highest zone that has any. */
static pfn_t usable_start(const struct mm_machine *m, const struct memblock *mb)
{
	for (unsigned int type = ZONE_MOVABLE; type-- > ZONE_DMA;) {
		struct mm_range limits = zone_limits(m, type, mb->memory.regions[0].start);

		if (limits.start < min_u64(limits.end, m->max_pfn))
			return limits.start;
	}
	return 0;
}

static uint64_t subtract(uint64_t *from, uint64_t pages)
{
	uint64_t taken = min_u64(*from, pages);

	*from -= taken;
	return taken;
}

/* One range of a node: what lies too low is the kernel's anyway, then up to `remaining` more. */
static void keep_of_range(struct core_share *share, struct pglist_data *pgdat, pfn_t start,
			  pfn_t end, uint64_t *remaining)
{
	if (start < share->usable_start) {
		uint64_t low = min_u64(end, share->usable_start) - start;

		subtract(remaining, low);
		subtract(&share->required, low);
		start += low;
	}
	uint64_t taken = subtract(remaining, end - start);

	subtract(&share->required, taken);
	pgdat->movable_start = start + taken;
}

static void keep_of_node(struct core_share *share, struct pglist_data *pgdat,
			 const struct memblock *mb, uint64_t remaining)
{
	for (unsigned int i = 0; i < mb->memory.cnt; i++) {
		const struct mm_range *memory = &mb->memory.regions[i];
		pfn_t start = max_u64(memory->start, pgdat->movable_start);

		if (memory->node != pgdat->node_id || start >= memory->end)
			continue;
		keep_of_range(share, pgdat, start, memory->end, &remaining);
		if (remaining == 0 && memory->end > share->usable_start)
			return;
	}
}

static bool has_memory(const struct mm_machine *m, unsigned int node)
{
	return m->nodes[node].end_pfn != 0;
}

/* Even shares; what small nodes cannot keep is shared anew among one node less, while it matters. */
static void share_kernelcore(struct mm_machine *m, const struct memblock *mb, uint64_t required)
{
	struct core_share share = { required, usable_start(m, mb) };
	uint64_t nodes = 0;

	for (unsigned int node = 0; node < m->nr_nodes; node++)
		nodes += has_memory(m, node);
	do {
		uint64_t each = share.required / nodes;

		for (unsigned int node = 0; node < m->nr_nodes; node++) {
			if (!has_memory(m, node))
				continue;
			if (share.required < each)
				each = share.required / nodes;
			keep_of_node(&share, &m->nodes[node], mb, each);
		}
		nodes--;
	} while (nodes && share.required > nodes);
}

/* The lowest hot-pluggable memory of each node. */
static void take_hotplug(struct mm_machine *m, const struct memblock *mb)
{
	for (unsigned int i = mb->memory.cnt; i-- > 0;) {
		const struct mm_range *memory = &mb->memory.regions[i];

		if (memory->hotplug)
			m->nodes[memory->node].movable_start = memory->start;
	}
}

/*
 * The lowest memory of each node that is not mirrored: what begins below dma32_end is the kernel's
 * all the same. Without any mirrored memory there is nothing to go by.
 */
static void take_not_mirrored(struct mm_machine *m, const struct memblock *mb)
{
	for (unsigned int i = mb->memory.cnt; mb->has_mirror && i-- > 0;) {
		const struct mm_range *memory = &mb->memory.regions[i];

		if (!memory->mirror && memory->start >= m->config.dma32_end)
			m->nodes[memory->node].movable_start = memory->start;
	}
}

void find_movable_starts(struct mm_machine *m, const struct memblock *mb)
{
	uint64_t required =
		required_kernelcore(m, memblock_memory_pages(mb, NUMA_NO_NODE, 0, m->max_pfn));

	for (unsigned int node = 0; node < m->nr_nodes; node++)
		m->nodes[node].movable_start = m->config.movable_start[node];
	if (m->config.movable_node)
		take_hotplug(m, mb);
	else if (m->config.kernelcore_mirror)
		take_not_mirrored(m, mb);
	else if (required)
		share_kernelcore(m, mb, required);
	else
		return;
	for (unsigned int node = 0; node < m->nr_nodes; node++) {
		struct pglist_data *pgdat = &m->nodes[node];

		pgdat->movable_start = round_up_pages(pgdat->movable_start, m->top_order);
		if (pgdat->movable_start >= pgdat->end_pfn)
			pgdat->movable_start = 0;
	}
}
