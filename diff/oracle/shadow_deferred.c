/*
 * Memory that boot leaves for later (facts 2; readings "Deferred").
 *
 *   node's last zone   |== initialised ==|. . . . . . . . . . . .)
 *                                        ^ first deferred pfn
 *   grow               |== initialised ======= steps of 2^T ==|..)    up to a section more, or to the end
 *
 * Frames that will be the buddy's are DEFERRED until then: on no list, in no count. Reserved ones among
 * them are initialised all the same, and stay reserved.
 */
#include "oracle/shadow.h"

static uint64_t round_up_to(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

/* ---- Where it begins ---- */

/* The zone of a node that ends where the node ends; NULL: no memory. */
static const struct zone *last_zone(const struct shadow *s, uint32_t node)
{
	const struct zone *last = NULL;

	for (unsigned int index = 0; index < MACHINE_NR_ZONES; index++)
		if (s->zone_number[node][index] != NO_ZONE)
			last = &s->zones[s->zone_number[node][index]];
	return last;
}

uint64_t shadow_first_deferred(const struct shadow *s, uint32_t node)
{
	const struct machine *m = &s->machine;
	const struct zone *last = last_zone(s, node);
	uint64_t seen = 0;

	for (uint32_t i = 0; last && i < m->nr_memory; i++) {
		uint64_t start = m->memory[i].start, end = m->memory[i].end, pfn;

		if (m->memory[i].node != node || end <= last->start)
			continue;
		if (start < last->start)
			start = last->start;
		pfn = start + (seen < m->section_pages ? m->section_pages - seen : 0);
		pfn = round_up_to(pfn, m->section_pages);
		if (pfn < end)
			return pfn;
		seen += end - start;
	}
	return NO_PFN;
}

void shadow_deferred_init(struct shadow *s)
{
	for (uint32_t node = 0; node < MACHINE_MAX_NODES; node++) {
		bool deferred = s->machine.deferred && node < s->nr_nodes;

		s->deferred_at_boot[node] = deferred ? shadow_first_deferred(s, node) : NO_PFN;
		s->state->first_deferred[node] = s->deferred_at_boot[node];
	}
}

bool shadow_is_behind_deferred(const struct shadow *s, uint64_t pfn)
{
	const struct frame *f = &s->frames[pfn];

	return f->kind != FRAME_ABSENT && pfn >= s->state->first_deferred[s->zones[f->zone].node];
}

void shadow_put_off(struct shadow *s)
{
	for (uint64_t pfn = 0; s->machine.deferred && pfn < s->max_pfn; pfn++)
		if (s->frames[pfn].kind == FRAME_PLAIN && shadow_is_behind_deferred(s, pfn))
			s->frames[pfn].kind = FRAME_DEFERRED;
}

/* ---- How it is freed ---- */

static bool is_deferred(const struct shadow *s, const struct zone *z, uint64_t pfn)
{
	return s->frames[pfn].kind == FRAME_DEFERRED && s->frames[pfn].zone == number_of(s, z);
}

/* The first frame from here on that is still to be freed; NO_PFN: none. */
static uint64_t next_deferred(const struct shadow *s, const struct zone *z, uint64_t pfn)
{
	for (; pfn < z->start + z->spanned; pfn++)
		if (is_deferred(s, z, pfn))
			return pfn;
	return NO_PFN;
}

/* Mirrored memory is no range with other memory. */
static bool is_whole_pageblock(const struct shadow *s, const struct zone *z, uint64_t pfn)
{
	uint64_t size = UINT64_C(1) << s->pageblock_order;

	for (uint64_t i = 0; i < size; i++)
		if (pfn + i >= z->start + z->spanned || !is_deferred(s, z, pfn + i) ||
		    s->frames[pfn + i].mirrored != s->frames[pfn].mirrored)
			return false;
	return true;
}

static void give(struct shadow *s, struct zone *z, uint64_t pfn, unsigned int order)
{
	for (uint64_t i = 0; i < UINT64_C(1) << order; i++)
		s->frames[pfn + i].kind = FRAME_PLAIN;
	z->managed += UINT64_C(1) << order;
	shadow_buddy_free(s, (uint32_t)pfn, order, shadow_pageblock_type(s, pfn), true);
}

/* From a frame up to the next border of 2^T. Returns the pages that were freed. */
static uint64_t step(struct shadow *s, struct zone *z, uint64_t pfn)
{
	uint64_t end = round_up_to(pfn + 1, UINT64_C(1) << s->top_order), pages = 0;

	if (end > z->start + z->spanned)
		end = z->start + z->spanned;
	while (pfn < end) {
		bool begins = pfn % (UINT64_C(1) << s->pageblock_order) == 0;
		unsigned int order =
			begins && is_whole_pageblock(s, z, pfn) ? s->pageblock_order : 0;

		if (is_deferred(s, z, pfn)) {
			if (begins)
				shadow_pageblock_set_type(s, pfn, MT_MOVABLE);
			give(s, z, pfn, order);
			pages += UINT64_C(1) << order;
		}
		pfn += UINT64_C(1) << order;
	}
	return pages;
}

/* As many steps as make a section at least, and end in another one; or all. Returns the pages. */
static uint64_t run_steps(struct shadow *s, struct zone *z, uint64_t *first, uint64_t wanted)
{
	uint64_t section = s->machine.section_pages, pages = 0, from, next = *first;

	do {
		from = next;
		pages += step(s, z, from);
		next = next_deferred(s, z, from);
	} while (next != NO_PFN && (next / section == from / section || pages < wanted));
	*first = next;
	return pages;
}

bool shadow_deferred_grow(struct shadow *s, struct zone *z, unsigned int order)
{
	uint64_t *first = &s->state->first_deferred[z->node];
	uint64_t wanted = round_up_to(UINT64_C(1) << order, s->machine.section_pages);

	if (*first == NO_PFN || last_zone(s, z->node) != z)
		return false;
	*first = next_deferred(s, z, *first);
	if (*first == NO_PFN)
		return true; /* which is said once: there is no first one any more */
	return run_steps(s, z, first, wanted) > 0;
}

void shadow_deferred_init_node(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	uint64_t *first;

	if (call->node < 0 || (uint32_t)call->node >= s->nr_nodes) {
		r->outcome = LB_REFUSED;
		r->reason = LB_BAD_RANGE;
		return;
	}
	r->outcome = LB_DONE;
	first = &s->state->first_deferred[call->node];
	if (*first == NO_PFN)
		return;

	struct zone *z = &s->zones[number_of(s, last_zone(s, (uint32_t)call->node))];

	*first = next_deferred(s, z, *first);
	if (*first != NO_PFN)
		run_steps(s, z, first, UINT64_MAX);
}
