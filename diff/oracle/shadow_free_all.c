/*
 * memblock_free_all: free memory is cut into blocks and given to the buddy (facts 2).
 *
 *   pass 1   all nodes, ascending: the largest naturally aligned blocks
 *   pass 2   node by node, what was deferred: pageblocks that are wholly free, else single pages
 *
 * Deferred is the upper part of a node's highest zone, from the first section border behind one
 * section's worth of pages.
 */
#include "oracle/shadow.h"

static void give(struct shadow *s, uint64_t pfn, unsigned int order)
{
	zone_of(s, pfn)->managed += UINT64_C(1) << order;
	shadow_buddy_free(s, (uint32_t)pfn, order, shadow_pageblock_type(s, pfn), true);
}

static uint64_t round_up_to(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

/* The first frame of a node whose initialisation is deferred; NO_PFN: none. */
static uint64_t first_deferred(const struct shadow *s, uint32_t node)
{
	const struct machine *m = &s->machine;
	const struct zone *highest = NULL;
	uint64_t seen = 0;

	for (unsigned int index = 0; index < MACHINE_NR_ZONES; index++)
		if (s->zone_number[node][index] != NO_ZONE)
			highest = &s->zones[s->zone_number[node][index]];
	for (uint32_t i = 0; highest && i < m->nr_memory; i++) {
		uint64_t start = m->memory[i].start, end = m->memory[i].end, pfn;

		if (m->memory[i].node != node || end <= highest->start)
			continue;
		if (start < highest->start)
			start = highest->start;
		pfn = start + (seen < m->section_pages ? m->section_pages - seen : 0);
		pfn = round_up_to(pfn, m->section_pages);
		if (pfn < end)
			return pfn;
		seen += end - start;
	}
	return NO_PFN;
}

static void free_early(struct shadow *s, uint64_t start, uint64_t end)
{
	while (start < end) {
		unsigned int order = (unsigned int)__builtin_ctzll(start);

		if (order > s->top_order)
			order = s->top_order;
		while (start + (UINT64_C(1) << order) > end)
			order--;
		give(s, start, order);
		start += UINT64_C(1) << order;
	}
}

static void free_deferred(struct shadow *s, uint64_t start, uint64_t end)
{
	uint64_t size = UINT64_C(1) << s->pageblock_order;

	while (start < end) {
		if (start % size == 0 && start + size <= end) {
			give(s, start, s->pageblock_order);
			start += size;
		} else {
			give(s, start++, 0);
		}
	}
}

/* Runs of free frames in [start, end), which is memory of one node. */
static void free_runs(struct shadow *s, uint64_t start, uint64_t end,
		      void (*free_run)(struct shadow *s, uint64_t start, uint64_t end))
{
	uint64_t run = start;

	for (uint32_t i = 0; i < s->nr_reserved; i++) {
		const struct machine_range *r = &s->reserved[i];

		if (r->end <= run || r->start >= end)
			continue;
		if (r->start > run)
			free_run(s, run, r->start);
		run = r->end;
	}
	if (run < end)
		free_run(s, run, end);
}

/* The end of the memory that starts with range i: neighbours of one node are one range. */
static uint64_t joined_end(const struct machine *m, uint32_t *i)
{
	while (*i + 1 < m->nr_memory && m->memory[*i + 1].start == m->memory[*i].end &&
	       m->memory[*i + 1].node == m->memory[*i].node)
		++*i;
	return m->memory[*i].end;
}

static void free_range(struct shadow *s, uint32_t node, uint64_t start, uint64_t end,
		       uint64_t border, bool deferred)
{
	if (!deferred)
		end = border < end ? border : end;
	else
		start = border > start ? border : start;
	if (start >= end || s->machine.nr_nodes <= node)
		return;
	free_runs(s, start, end, deferred ? free_deferred : free_early);
}

void shadow_free_all(struct shadow *s)
{
	const struct machine *m = &s->machine;
	uint64_t border[MACHINE_MAX_NODES];

	for (uint32_t node = 0; node < s->nr_nodes; node++)
		border[node] = first_deferred(s, node);
	for (uint32_t i = 0; i < m->nr_memory; i++) {
		uint32_t node = m->memory[i].node;
		uint64_t start = m->memory[i].start;

		free_range(s, node, start, joined_end(m, &i), border[node], false);
	}
	for (uint32_t node = 0; node < s->nr_nodes; node++)
		for (uint32_t i = 0; i < m->nr_memory; i++) {
			uint32_t of = m->memory[i].node;
			uint64_t start = m->memory[i].start, end = joined_end(m, &i);

			if (of == node && border[node] != NO_PFN)
				free_range(s, node, start, end, border[node], true);
		}
}
