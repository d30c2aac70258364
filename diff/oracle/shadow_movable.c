/*
 * Where Movable begins on each node (facts 2 "Movable", 22; readings "Boot", "Nodes that are absent").
 *
 *   node   |== kernel's share ==|......................|
 *                               ^ rounded up to 2^T: Movable begins, and goes on to the node's end
 *
 * The machine says it outright, or says what it follows from. The first that is said decides:
 *
 *   movable_node        the lowest memory that may be unplugged
 *   kernelcore_mirror   the lowest memory, from the end of DMA32 on, that is not mirrored
 *   kernelcore and      the kernel's pages, in even shares of the nodes; what lies below the highest
 *   movablecore         zone is the kernel's in any case, and counts
 */
#include "oracle/shadow.h"

enum { PER_TEN_THOUSAND = 10000 };

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* ---- Ranges that cannot be the kernel's ---- */

static bool may_be_unplugged(const struct machine *m, const struct machine_range *range)
{
	(void)m;
	return range->hotplug;
}

static bool is_kept_once(const struct machine *m, const struct machine_range *range)
{
	return !range->mirror && range->start >= m->dma32_end;
}

/* Ranges ascend: the first of a node is its lowest. */
static void begin_at_first(const struct machine *m, uint64_t *starts,
			   bool (*is_one)(const struct machine *m,
					  const struct machine_range *range))
{
	for (uint32_t i = 0; i < m->nr_memory; i++) {
		const struct machine_range *range = &m->memory[i];

		if (starts[range->node] == 0 && is_one(m, range))
			starts[range->node] = range->start;
	}
}

static bool any_mirrored(const struct machine *m)
{
	for (uint32_t i = 0; i < m->nr_memory; i++)
		if (m->memory[i].mirror)
			return true;
	return false;
}

/* ---- Shares ---- */

struct core {
	const struct machine *m;
	uint64_t *starts;
	uint64_t required; /* pages that the kernel still has to get */
	uint64_t lowest;   /* of the highest zone: nothing below it becomes Movable */
	bool has_memory[MACHINE_MAX_NODES];
};

static uint64_t pages_or_percent(uint64_t pages, uint32_t percent, uint64_t total)
{
	return percent ? total * 100 * percent / PER_TEN_THOUSAND : pages;
}

static uint64_t total_pages(const struct machine *m)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < m->nr_memory; i++)
		total += m->memory[i].end - m->memory[i].start;
	return total;
}

/* The kernel's pages of all nodes together; 0: nothing is said. */
static uint64_t required_pages(const struct machine *m)
{
	uint64_t total = total_pages(m), block = UINT64_C(1) << m->top_order;
	uint64_t core = pages_or_percent(m->kernelcore_pages, m->kernelcore_percent, total);
	uint64_t movable = pages_or_percent(m->movablecore_pages, m->movablecore_percent, total);

	if (movable) {
		movable = (movable + block - 1) / block * block;
		core = most(core, total - least(movable, total));
	}
	return core < total ? core : 0;
}

/* Of the highest zone that has room between its borders. */
static uint64_t lowest_of_highest_zone(const struct machine *m)
{
	const uint64_t borders[] = { m->memory[0].start, m->dma_end, m->dma32_end };
	uint64_t lowest = 0;

	for (size_t i = 0; i < sizeof(borders) / sizeof(borders[0]); i++)
		if (borders[i] < m->max_pfn)
			lowest = most(lowest, borders[i]);
	return lowest;
}

static void take(uint64_t *from, uint64_t pages)
{
	*from -= least(*from, pages);
}

/* A range gives to the node's share, as long as that is not met. True: it is now. */
static bool walk_range(struct core *c, const struct machine_range *range, uint64_t *remaining)
{
	uint64_t start = most(range->start, c->starts[range->node]), pages;

	if (start >= range->end)
		return false;
	if (start < c->lowest) {
		pages = least(range->end, c->lowest) - start;
		take(remaining, pages);
		take(&c->required, pages);
		start += pages;
		if (start == range->end) {
			c->starts[range->node] = range->end;
			return false;
		}
	}
	pages = least(range->end - start, *remaining);
	c->starts[range->node] = start + pages;
	take(remaining, pages);
	take(&c->required, pages);
	return *remaining == 0;
}

/* One pass over the nodes, each giving an equal share. */
static void walk_nodes(struct core *c, uint64_t usable_nodes)
{
	uint64_t share = c->required / usable_nodes;

	for (uint32_t node = 0; node < c->m->nr_nodes; node++) {
		uint64_t remaining;

		if (!c->has_memory[node])
			continue;
		if (c->required < share)
			share = c->required / usable_nodes;
		remaining = share;
		for (uint32_t i = 0; i < c->m->nr_memory; i++)
			if (c->m->memory[i].node == node &&
			    walk_range(c, &c->m->memory[i], &remaining))
				break;
	}
}

static void share_out(const struct machine *m, uint64_t *starts)
{
	struct core c = { .m = m,
			  .starts = starts,
			  .required = required_pages(m),
			  .lowest = lowest_of_highest_zone(m) };
	uint64_t usable_nodes = 0;

	if (c.required == 0)
		return;
	for (uint32_t i = 0; i < m->nr_memory; i++)
		c.has_memory[m->memory[i].node] = true;
	for (uint32_t node = 0; node < m->nr_nodes; node++)
		usable_nodes += c.has_memory[node];
	do {
		walk_nodes(&c, usable_nodes);
		usable_nodes--;
	} while (usable_nodes && c.required > usable_nodes);
}

/* ---- All of it ---- */

/* On a block's border, and inside of its node, or nowhere. */
static void round_starts(const struct machine *m, uint64_t *starts)
{
	uint64_t block = UINT64_C(1) << m->top_order;

	for (uint32_t node = 0; node < m->nr_nodes; node++) {
		uint64_t end = 0;

		for (uint32_t i = 0; i < m->nr_memory; i++)
			if (m->memory[i].node == node)
				end = m->memory[i].end;
		starts[node] = (starts[node] + block - 1) / block * block;
		if (starts[node] >= end)
			starts[node] = 0;
	}
}

bool shadow_movable_is_derived(const struct machine *m)
{
	return m->movable_node || m->kernelcore_mirror || m->kernelcore_pages ||
	       m->kernelcore_percent || m->movablecore_pages || m->movablecore_percent;
}

void shadow_movable_starts(const struct machine *m, uint64_t starts[MACHINE_MAX_NODES])
{
	memcpy(starts, m->movable_start, sizeof(m->movable_start));
	if (!shadow_movable_is_derived(m))
		return;
	memset(starts, 0, sizeof(m->movable_start));
	if (m->movable_node)
		begin_at_first(m, starts, may_be_unplugged);
	else if (m->kernelcore_mirror && any_mirrored(m))
		begin_at_first(m, starts, is_kept_once);
	else if (!m->kernelcore_mirror)
		share_out(m, starts);
	round_starts(m, starts);
}
