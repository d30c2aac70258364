/*
 * memblock_free_all: free memory is cut into blocks and given to the buddy (facts 2; readings "Boot").
 *
 *   pass 1   all nodes, ascending: the largest naturally aligned blocks
 *   pass 2   node by node, what a kernel defers: pageblocks that are wholly free, else single pages;
 *            with deferred=1 that is left for later (shadow_deferred.c)
 *   late     when marks are done: the lowest frames of zones that get some late, as in pass 1
 *
 * Deferred is the upper part of a node's last zone, from the first section border behind one section's
 * worth of pages.
 */
#include "oracle/shadow.h"

static void give(struct shadow *s, uint64_t pfn, unsigned int order)
{
	zone_of(s, pfn)->managed += UINT64_C(1) << order;
	shadow_buddy_free(s, (uint32_t)pfn, order, shadow_pageblock_type(s, pfn), true);
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

/* Runs of frames that are nobody's in [start, end), which is memory of one node, and not freed yet. */
static void free_runs(struct shadow *s, uint64_t start, uint64_t end,
		      void (*free_run)(struct shadow *s, uint64_t start, uint64_t end))
{
	while (start < end) {
		uint64_t run = start;

		while (run < end && s->frames[run].kind == FRAME_PLAIN)
			run++;
		if (run > start)
			free_run(s, start, run);
		start = run + 1;
	}
}

/* The end of the memory that starts with range i: neighbours of one node and kind are one range. */
static uint64_t joined_end(const struct machine *m, uint32_t *i)
{
	while (*i + 1 < m->nr_memory && m->memory[*i + 1].start == m->memory[*i].end &&
	       m->memory[*i + 1].node == m->memory[*i].node &&
	       m->memory[*i + 1].mirror == m->memory[*i].mirror)
		++*i;
	return m->memory[*i].end;
}

static void free_range(struct shadow *s, uint64_t start, uint64_t end, uint64_t border,
		       bool deferred)
{
	if (!deferred)
		end = border < end ? border : end;
	else
		start = border > start ? border : start;
	free_runs(s, start, end, deferred ? free_deferred : free_early);
}

void shadow_free_all(struct shadow *s)
{
	const struct machine *m = &s->machine;
	uint64_t border[MACHINE_MAX_NODES];

	for (uint32_t node = 0; node < s->nr_nodes; node++)
		border[node] = shadow_first_deferred(s, node);
	for (uint32_t i = 0; i < m->nr_memory; i++) {
		uint32_t node = m->memory[i].node;
		uint64_t start = m->memory[i].start;

		free_range(s, start, joined_end(m, &i), border[node], false);
	}
	for (uint32_t node = 0; !m->deferred && node < s->nr_nodes; node++)
		for (uint32_t i = 0; i < m->nr_memory; i++) {
			uint32_t of = m->memory[i].node;
			uint64_t start = m->memory[i].start, end = joined_end(m, &i);

			if (of == node && border[node] != NO_PFN)
				free_range(s, start, end, border[node], true);
		}
}

/* ---- What comes late ---- */

static bool is_of_zone(const struct shadow *s, uint64_t pfn, uint32_t number, enum frame_kind kind)
{
	return s->frames[pfn].kind == kind && s->frames[pfn].zone == number;
}

void shadow_hold_back_late(struct shadow *s)
{
	for (uint32_t i = 0; i < s->nr_zones; i++) {
		const struct zone *z = &s->zones[i];
		uint64_t late = s->machine.late[z->node][z->index], end = z->start + z->spanned;

		for (uint64_t pfn = z->start; late > 0 && pfn < end; pfn++) {
			if (!is_of_zone(s, pfn, i, FRAME_PLAIN))
				continue;
			s->frames[pfn].kind = FRAME_LATE;
			s->late_end[i] = pfn + 1;
			late--;
		}
	}
}

static void free_late_run(struct shadow *s, uint64_t start, uint64_t end)
{
	for (uint64_t pfn = start; pfn < end; pfn++)
		s->frames[pfn].kind = FRAME_PLAIN;
	free_early(s, start, end);
}

void shadow_free_late(struct shadow *s)
{
	for (uint32_t i = 0; i < s->nr_zones; i++)
		for (uint64_t pfn = s->zones[i].start; pfn < s->late_end[i]; pfn++) {
			uint64_t run = pfn;

			while (run < s->late_end[i] && is_of_zone(s, run, i, FRAME_LATE))
				run++;
			if (run > pfn)
				free_late_run(s, pfn, run);
			pfn = run;
		}
}
