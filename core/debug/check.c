/*
 * The machine's invariants, looked at one by one: slow, for tests and audits. They are listed in
 * machine.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lostbuddy/page_frag.h"
#include "lostbuddy/vmstat.h"

struct checker {
	const struct mm_machine *m;
	uint64_t *seen; /* a bit a frame: already in a free block or on a page list */
	char *why;
};

static __attribute__((format(printf, 2, 3))) bool broken(struct checker *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->why, 256, format, args);
	va_end(args);
	return false;
}

static unsigned long long pfn_of(const struct checker *c, const struct page *page)
{
	return (unsigned long long)(page - c->m->memmap);
}

/* True iff it was seen before. */
static bool mark_seen(struct checker *c, uint64_t pfn)
{
	uint64_t bit = UINT64_C(1) << pfn % 64, before = c->seen[pfn / 64];

	c->seen[pfn / 64] |= bit;
	return before & bit;
}

static bool see(struct checker *c, const struct page *page, unsigned int order)
{
	uint64_t pfn = pfn_of(c, page);

	if (pfn + (UINT64_C(1) << order) > c->m->max_pfn)
		return broken(c, "M2: block at pfn %llu reaches beyond memory",
			      (unsigned long long)pfn);
	if (pfn + (UINT64_C(1) << order) > page_zone(c->m, page)->pgdat->first_deferred_pfn)
		return broken(c, "M10: pfn %llu is free, and deferred", (unsigned long long)pfn);
	for (uint64_t p = pfn; p < pfn + (UINT64_C(1) << order); p++) {
		if (mark_seen(c, p))
			return broken(c, "M1: pfn %llu is in two places", (unsigned long long)p);
		if (c->m->memmap[p]._refcount != 0)
			return broken(c, "M1: pfn %llu is free, and held", (unsigned long long)p);
	}
	return true;
}

static bool free_block_holds(struct checker *c, const struct zone *zone, const struct page *page,
			     unsigned int order)
{
	unsigned long long pfn = pfn_of(c, page);

	if (!PageBuddy(page) || buddy_order(page) != order)
		return broken(c, "M2: pfn %llu on a list of order %u is no buddy of it", pfn,
			      order);
	if (!is_aligned(pfn, order) || page_zone_id(page) != zone->id)
		return broken(c, "M2: pfn %llu is misplaced on a list of order %u", pfn, order);
	return see(c, page, order);
}

/* *counted: pages of blocks that count as free; isolated ones do not. */
static bool free_area_holds(struct checker *c, const struct zone *zone, unsigned int order,
			    uint64_t *counted)
{
	uint64_t blocks = 0;

	for (unsigned int type = 0; type < MIGRATE_TYPES; type++) {
		const struct list_head *head = &zone->free_area[order].free_list[type];

		for (const struct list_head *at = head->next; at != head; at = at->next, blocks++) {
			if (!free_block_holds(c, zone, lru_to_page(at), order))
				return false;
			*counted += type == MIGRATE_ISOLATE ? 0 : UINT64_C(1) << order;
		}
	}
	if (blocks != zone->free_area[order].nr_free)
		return broken(c, "M3: node %d zone %u order %u: nr_free %llu, blocks %llu",
			      zone->pgdat->node_id, zone->type, order,
			      (unsigned long long)zone->free_area[order].nr_free,
			      (unsigned long long)blocks);
	return true;
}

static bool counters_hold(struct checker *c, const struct zone *zone, uint64_t counted)
{
	uint64_t exact = zone_free_pages_snapshot(zone);

	if (exact != counted + zone->nr_bad_counted)
		return broken(c, "M3: node %d zone %u: %llu free pages counted, %llu listed",
			      zone->pgdat->node_id, zone->type, (unsigned long long)exact,
			      (unsigned long long)(counted + zone->nr_bad_counted));
	for (unsigned int cpu = 0; cpu < c->m->nr_cpus; cpu++) {
		int delta = zone->pageset[cpu].free_delta;

		if (abs(delta) > zone->stat_threshold)
			return broken(c, "M7: node %d zone %u cpu %u: delta %d, threshold %d",
				      zone->pgdat->node_id, zone->type, cpu, delta,
				      zone->stat_threshold);
	}
	return true;
}

static bool page_set_holds(struct checker *c, const struct zone *zone, unsigned int cpu)
{
	const struct per_cpu_pages *pcp = &zone->pageset[cpu];
	int count = 0;

	for (unsigned int list = 0; list < NR_PCP_LISTS; list++) {
		unsigned int order =
			list < NR_PCP_ORDER_LISTS ? list / MIGRATE_PCPTYPES : c->m->pageblock_order;
		const struct list_head *head = &pcp->lists[list];

		for (const struct list_head *at = head->next; at != head; at = at->next) {
			count += 1 << order;
			if (!see(c, lru_to_page(at), order))
				return false;
		}
	}
	if (count != pcp->count)
		return broken(c, "M4: node %d zone %u cpu %u: count %d, pages %d",
			      zone->pgdat->node_id, zone->type, cpu, pcp->count, count);
	return true;
}

/*
 * Below pageblock order no two free buddies of one zone stay apart: types do not matter there. Guards are
 * no free buddies: nothing but a free of their other half looks for them.
 */
static bool all_merged(struct checker *c, const struct zone *zone)
{
	for (unsigned int order = 0; order < c->m->pageblock_order; order++)
		for (unsigned int type = 0; type < MIGRATE_TYPES; type++) {
			const struct list_head *head = &zone->free_area[order].free_list[type];

			for (const struct list_head *at = head->next; at != head; at = at->next) {
				uint64_t pfn = pfn_of(c, lru_to_page(at));
				const struct page *buddy =
					&c->m->memmap[pfn ^ (UINT64_C(1) << order)];

				if (PageBuddy(buddy) && buddy_order(buddy) == order &&
				    page_zone_id(buddy) == zone->id)
					return broken(
						c,
						"M5: pfn %llu order %u and its buddy are both free",
						(unsigned long long)pfn, order);
			}
		}
	return true;
}

static bool zone_holds(struct checker *c, const struct zone *zone)
{
	uint64_t counted = 0;

	if (zone->present_pages < zone->managed_pages || zone->spanned_pages < zone->present_pages)
		return broken(c, "M6: node %d zone %u: spanned %llu present %llu managed %llu",
			      zone->pgdat->node_id, zone->type,
			      (unsigned long long)zone->spanned_pages,
			      (unsigned long long)zone->present_pages,
			      (unsigned long long)zone->managed_pages);
	for (unsigned int order = 0; order <= c->m->top_order; order++)
		if (!free_area_holds(c, zone, order, &counted))
			return false;
	if (!counters_hold(c, zone, counted))
		return false;
	for (unsigned int cpu = 0; cpu < c->m->nr_cpus; cpu++)
		if (!page_set_holds(c, zone, cpu))
			return false;
	return all_merged(c, zone);
}

/* After the zones: see() knows then what lies in a list. */
static bool guards_hold(struct checker *c)
{
	if (!c->m->guard_order)
		return true;
	for (uint64_t pfn = 0; pfn < c->m->max_pfn; pfn++) {
		const struct page *page = &c->m->memmap[pfn];
		unsigned int order = buddy_order(page);

		if (!PageGuard(page))
			continue;
		if (order >= c->m->guard_order || !is_aligned(pfn, order))
			return broken(c, "M8: guard at pfn %llu of order %u", pfn_of(c, page),
				      order);
		for (uint64_t p = pfn; p < pfn + (UINT64_C(1) << order); p++)
			if (page_zone_id(&c->m->memmap[p]) != page_zone_id(page))
				return broken(c, "M8: guard at pfn %llu reaches into another zone",
					      pfn_of(c, page));
		if (!see(c, page, order))
			return false;
	}
	return true;
}

static bool frag_caches_hold(struct checker *c)
{
	for (unsigned int cpu = 0; cpu < c->m->nr_cpus; cpu++) {
		const struct page_frag_cache *nc = &c->m->frag_caches[cpu];

		if (nc->page && (page_count(nc->page) < (int)nc->pagecnt_bias ||
				 nc->pagecnt_bias == 0 || nc->offset > nc->size))
			return broken(c, "M9: cpu %u: fragment cache with bias %u, block with %d",
				      cpu, nc->pagecnt_bias, page_count(nc->page));
	}
	return true;
}

/* What is to come from deferred memory is still there. */
static bool deferred_holds(struct checker *c, const struct pglist_data *pgdat)
{
	uint64_t pages = 0;

	for (unsigned int i = 0; i < c->m->nr_deferred_ranges; i++) {
		const struct mm_range *range = &c->m->deferred_ranges[i];
		pfn_t start = max_u64(range->start, pgdat->first_deferred_pfn);

		if (range->node == pgdat->node_id && start < range->end)
			pages += range->end - start;
	}
	if (pages != pgdat->deferred_pages)
		return broken(c, "M10: node %d: %llu deferred pages counted, %llu there",
			      pgdat->node_id, (unsigned long long)pgdat->deferred_pages,
			      (unsigned long long)pages);
	return true;
}

bool mm_machine_check(struct mm_machine *m, char *why)
{
	struct checker c = { .m = m, .seen = calloc(m->max_pfn / 64 + 1, 8), .why = why };
	bool holds = c.seen != NULL;

	if (!holds)
		snprintf(why, 256, "no memory on the host to check with");
	for (unsigned int node = 0; node < m->nr_nodes && holds; node++)
		holds = deferred_holds(&c, &m->nodes[node]);
	for (unsigned int node = 0; node < m->nr_nodes && holds; node++)
		for (unsigned int type = 0; type < MAX_NR_ZONES && holds; type++)
			holds = zone_holds(&c, mm_zone(m, node, type));
	holds = holds && guards_hold(&c) && frag_caches_hold(&c);
	free(c.seen);
	return holds;
}
