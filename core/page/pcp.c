/*
 * Per-CPU page lists: a CPU's own small stock of each zone, by order and migratetype (facts 8,
 * 6.1).
 *
 *   list   0  1  2 | 3  4  5 | 6  7  8 | 9 10 11 | 12 13
 *   order     0    |    1    |    2    |    3    | pageblock order, with thp: not MOVABLE, MOVABLE
 *   type   U  M  R | U  M  R | ...
 *
 *   free -> head [newest ... oldest] tail -> trimmed to the buddy
 *   refilled at the tail, taken from the head
 *
 * Invariants (mm_machine_check() reports them as M4):
 *   P1  count is the number of pages on all lists;
 *   P2  every page on a list has refcount 0 and its saved migratetype in index.
 *
 * Locking: the page set's own lock, taken here; zone->lock inside it, for refills and trims.
 */
#include "page/pcp.h"

static inline unsigned int pcp_list_order(const struct mm_machine *m, unsigned int list)
{
	return list < NR_PCP_ORDER_LISTS ? list / MIGRATE_PCPTYPES : m->pageblock_order;
}

static inline unsigned int nr_pcp_lists(const struct mm_machine *m)
{
	return m->pcp_thp ? NR_PCP_LISTS : NR_PCP_ORDER_LISTS;
}

/*
 * Takes up to n blocks from the buddy to the tail of a list. Returns how many arrived; bad ones are
 * leaked.
 */
static int rmqueue_bulk(struct zone *zone, unsigned int order, int n, struct list_head *list,
			int migratetype, unsigned int alloc_flags)
{
	struct mm_machine *m = zone->machine;
	int arrived = 0;

	zone_lock(zone);
	for (int i = 0; i < n; i++) {
		struct page *page = rmqueue_locked(zone, order, migratetype, alloc_flags);

		if (!page)
			break;
		mod_zone_free_pages(zone, -(1L << order));
		if (m->checks == MM_CHECKS_LINUX && new_pages_are_bad(m, page, order))
			continue;
		list_add_tail(&page->lru, list);
		arrived++;
	}
	zone_unlock(zone);
	mm_emit(m, MM_EVENT_PCP_REFILL, zone, 0, order, migratetype, (uint64_t)arrived);
	return arrived;
}

__noinline bool pcp_refill(struct zone *zone, struct per_cpu_pages *pcp, unsigned int list,
			   int migratetype, unsigned int alloc_flags)
{
	unsigned int order = pcp_list_order(zone->machine, list);
	int batch = pcp->batch;

	if (batch > 1)
		batch = (int)max_long(batch >> order, 2);
	pcp->count += rmqueue_bulk(zone, order, batch, &pcp->lists[list], migratetype, alloc_flags)
		      << order;
	return !list_empty(&pcp->lists[list]);
}

/* The oldest block of a list goes to the buddy, unless it is bad. */
static void free_oldest(struct zone *zone, struct per_cpu_pages *pcp, struct list_head *list,
			unsigned int order)
{
	struct mm_machine *m = zone->machine;
	struct page *page = lru_to_page(list->prev);

	list_del(&page->lru);
	pcp->count -= 1 << order;
	if (m->checks == MM_CHECKS_LINUX && unlikely(page_is_bad(page, PAGE_FLAGS_BAD_AT_FREE))) {
		leak_bad_block(m, page, order);
		return;
	}
	pfn_t pfn = (pfn_t)(page - m->memmap);
	/* its pageblock may have been isolated while it lay here */
	int migratetype =
		unlikely(zone->nr_isolate_pageblock) ? pageblock_type(m, pfn) : (int)page->index;

	free_one_page(zone, pfn, order, migratetype, false);
}

/*
 * Frees at least n pages (there must be so many), beginning with list `first` and emptying it, then
 * the next ones round the ring. Empty lists at either end of the ring are left out from then on.
 */
static void free_pcppages_bulk(struct zone *zone, int n, struct per_cpu_pages *pcp,
			       unsigned int first)
{
	struct mm_machine *m = zone->machine;
	int at = (int)first - 1, min = 0, max = (int)nr_pcp_lists(m) - 1;

	n = (int)min_long(n, pcp->count);
	zone_lock(zone);
	while (n > 0) {
		for (;;) {
			if (++at > max)
				at = min;
			if (!list_empty(&pcp->lists[at]))
				break;
			if (at == max)
				max--;
			if (at == min)
				min++;
		}
		unsigned int order = pcp_list_order(m, (unsigned int)at);

		do {
			free_oldest(zone, pcp, &pcp->lists[at], order);
			n -= 1 << order;
		} while (n > 0 && !list_empty(&pcp->lists[at]));
	}
	zone_unlock(zone);
}

/* How many pages a trim frees, and by how much the next one of a run of frees will be larger. */
static int trim_size(const struct mm_machine *m, struct per_cpu_pages *pcp, int high, bool all)
{
	int min = pcp->batch, max = high - pcp->batch;

	if (unlikely(all))
		return pcp->count;
	if (unlikely(high < pcp->batch))
		return 1;
	long n = (long)pcp->batch << pcp->free_factor;

	if (n < max && pcp->free_factor < m->config.profile->pcp_free_factor_cap)
		pcp->free_factor++;
	return (int)min_long(max_long(n, min), max);
}

__noinline void pcp_trim(struct zone *zone, struct per_cpu_pages *pcp, int high, bool all,
			 unsigned int list)
{
	int n = trim_size(zone->machine, pcp, high, all);

	mm_emit(zone->machine, MM_EVENT_PCP_TRIM, zone, 0, 0, 0, (uint64_t)n);
	free_pcppages_bulk(zone, n, pcp, list);
}

/*
 * Pageblocks whose type has no page lists: isolated pages go straight back, others stand in for
 * MOVABLE.
 */
__noinline void pcp_free_untyped(struct zone *zone, struct page *page, pfn_t pfn,
				 unsigned int order)
{
	if (page->index != MIGRATE_ISOLATE) {
		pcp_free_typed(zone->machine, zone, page, order, MIGRATE_MOVABLE);
		return;
	}
	zone_lock(zone);
	free_one_page(zone, pfn, order, MIGRATE_ISOLATE, false);
	zone_unlock(zone);
}

/* Everything of one CPU and zone, in chunks that do not hold the lock for too long. */
void drain_zone_pages(struct zone *zone, unsigned int cpu)
{
	struct mm_machine *m = zone->machine;
	struct per_cpu_pages *pcp = &zone->pageset[cpu];

	while (pcp->count) {
		int n = (int)min_long(pcp->count,
				      (long)pcp->batch << m->config.profile->pcp_free_factor_cap);

		mm_emit(m, MM_EVENT_PCP_DRAIN, zone, 0, 0, 0, (uint64_t)n);
		pcp_lock(m, pcp);
		free_pcppages_bulk(zone, n, pcp, 0);
		pcp_unlock(m, pcp);
	}
}

static void drain_cpu(struct mm_machine *m, unsigned int cpu)
{
	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
			if (populated_zone(mm_zone(m, node, type)))
				drain_zone_pages(mm_zone(m, node, type), cpu);
}

void drain_local_pages(void)
{
	drain_cpu(mm_current->machine, mm_current->cpu);
}

void drain_all_pages(void)
{
	for (unsigned int cpu = 0; cpu < mm_current->machine->nr_cpus; cpu++)
		drain_cpu(mm_current->machine, cpu);
}
