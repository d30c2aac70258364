/*
 * Per-CPU page lists: a CPU's own small stock of each zone, by order and migratetype (facts 8).
 * 5.10 has only the first three lists.
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
#include "page/badness.h"
#include "page/pcp.h"
#include "page/vmstat.h"

static inline unsigned int pcp_list_order(const struct mm_machine *m, unsigned int list)
{
	return list < NR_PCP_ORDER_LISTS ? list / MIGRATE_PCPTYPES : m->pageblock_order;
}

/*
 * Takes up to n blocks from the buddy to the tail of a list. Returns how many arrived; bad ones are
 * leaked. Free pages are counted once, for all that left the buddy.
 */
static int rmqueue_bulk(struct zone *zone, unsigned int order, int n, struct list_head *list,
			int migratetype, unsigned int alloc_flags)
{
	struct mm_machine *m = zone->machine;
	int arrived = 0;
	long taken = 0;

	zone_lock(zone);
	while (n > 0) {
		int run = m->plain ? (int)take_run(zone, order, (unsigned int)n, migratetype, list)
				   : 0;

		if (likely(run)) {
			taken += run;
			arrived += run;
			n -= run;
			continue;
		}
		struct page *page = rmqueue_locked(zone, order, migratetype, alloc_flags);

		if (!page)
			break;
		taken++;
		n--;
		if (m->checks_at_buddy && new_pages_are_bad(m, page, order))
			continue;
		list_add_tail(&page->lru, list);
		arrived++;
	}
	mod_zone_free_pages(zone, -(taken << order));
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

/* The oldest block of a list leaves it. NULL: it is bad, and was leaked. */
static struct page *take_oldest(struct mm_machine *m, struct per_cpu_pages *pcp,
				struct list_head *list, unsigned int order)
{
	struct page *page = lru_to_page(list->prev);

	list_del(&page->lru);
	pcp->count -= 1 << order;
	if (m->checks_at_buddy && unlikely(page_is_bad(page, PAGE_FLAGS_BAD_AT_FREE))) {
		leak_bad_block(m, page, order);
		return NULL;
	}
	return page;
}

/* Under the type it was freed with, unless its pageblock may have been isolated since. */
static void free_listed_page(struct zone *zone, const struct page *page, unsigned int order)
{
	const struct mm_machine *m = zone->machine;
	pfn_t pfn = (pfn_t)(page - m->memmap);
	int migratetype = (int)page->index;

	if (unlikely(zone->nr_isolate_pageblock))
		migratetype = pageblock_type(m, pfn);
	free_one_page(zone, pfn, order, migratetype, false);
}

/*
 * How many blocks of a list, from the oldest on, lie side by side, each `step` pages behind the one
 * before; at most `most`. *rest: the first that does not.
 */
static int count_neighbours(const struct list_head *list, long step, int most,
			    struct list_head **rest)
{
	struct list_head *at = list->prev;
	const struct page *page = lru_to_page(at);
	uint64_t index = page->index;
	int run = 0;

	for (; run < most && at == &page->lru && page->index == index; run++, at = at->prev)
		page += step;
	*rest = at;
	return run;
}

/*
 * Shortcut: the oldest blocks of a list, at most `most`, if several of them lie side by side, leave
 * it together and go to the buddy as one run. Returns how many; 0: they have to go one by one (as
 * they do when something is wrong with any).
 */
static int free_oldest_run(struct zone *zone, struct per_cpu_pages *pcp, struct list_head *list,
			   unsigned int order, int most)
{
	const struct mm_machine *m = zone->machine;
	const struct page *first = lru_to_page(list->prev);
	long size = (long)(sizeof(struct page) << order);
	long distance = (long)((uintptr_t)list->prev->prev - (uintptr_t)list->prev);
	bool from_highest = distance < 0;
	long step = from_highest ? -(1L << order) : 1L << order;
	struct list_head *rest;

	if ((distance != size && distance != -size) || !m->plain || zone->nr_isolate_pageblock)
		return 0;
	int run = count_neighbours(list, step, most, &rest);
	const struct page *lowest = from_highest ? first + step * (run - 1) : first;

	if (run < 2 || badness(lowest, lowest + ((long)run << order), PAGE_FLAGS_BAD_AT_FREE))
		return 0;
	list->prev = rest;
	rest->next = list;
	pcp->count -= run << order;
	free_neighbours(zone, (pfn_t)(lowest - m->memmap), order, (unsigned int)run,
			(int)first->index, from_highest);
	return run;
}

/*
 * 5.10: lists take turns, the second one first, and a list that comes after empty ones gives a page
 * for each of them too; what it could not give is left to the next. Once three lists went into one
 * turn, that turn has no end. All pages leave the lists before the first reaches the buddy.
 */
static void free_pcppages_in_turns(struct zone *zone, int n, struct per_cpu_pages *pcp)
{
	struct list_head taken, *list;
	unsigned int at = 0;
	int turn = 0;

	list_init(&taken);
	while (n > 0) {
		do {
			turn++;
			at = (at + 1) % MIGRATE_PCPTYPES;
			list = &pcp->lists[at];
		} while (list_empty(list));
		if (turn == MIGRATE_PCPTYPES)
			turn = n;
		do {
			struct page *page = take_oldest(zone->machine, pcp, list, 0);

			if (page)
				list_add_tail(&page->lru, &taken);
		} while (--n && --turn && !list_empty(list));
	}
	zone_lock(zone);
	while (!list_empty(&taken)) {
		struct page *page = lru_to_page(taken.next);

		list_del(&page->lru);
		free_listed_page(zone, page, 0);
	}
	zone_unlock(zone);
}

/* The oldest block of a list goes to the buddy, and what can go with it. Returns how many pages. */
static int free_oldest(struct zone *zone, struct per_cpu_pages *pcp, struct list_head *list,
		       unsigned int order, int n)
{
	int run = free_oldest_run(zone, pcp, list, order, ((n - 1) >> order) + 1);

	if (run)
		return run << order;
	const struct page *page = take_oldest(zone->machine, pcp, list, order);

	if (page)
		free_listed_page(zone, page, order);
	return 1 << order;
}

/*
 * 6.1: begins with list `first` and empties it, then the next ones round the ring. Empty lists at
 * either end of the ring are left out from then on. The last block may make it more than n pages.
 */
static void free_pcppages_list_by_list(struct zone *zone, int n, struct per_cpu_pages *pcp,
				       unsigned int first)
{
	struct mm_machine *m = zone->machine;
	int at = (int)first - 1, min = 0, max = (int)mm_nr_pcp_lists(m) - 1;

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
			n -= free_oldest(zone, pcp, &pcp->lists[at], order, n);
		} while (n > 0 && !list_empty(&pcp->lists[at]));
	}
	zone_unlock(zone);
}

/* Frees n pages, or all there are; the oldest of each list. */
static void free_pcppages_bulk(struct zone *zone, int n, struct per_cpu_pages *pcp,
			       unsigned int first)
{
	n = (int)min_long(n, pcp->count);
	if (zone->machine->config.profile->pcp_lists_take_turns)
		free_pcppages_in_turns(zone, n, pcp);
	else
		free_pcppages_list_by_list(zone, n, pcp, first);
}

/* How many pages a trim frees, and by how much the next one of a run of frees will be larger. */
static int trim_size(const struct mm_machine *m, struct per_cpu_pages *pcp, int high, bool all)
{
	int min = pcp->batch, max = high - pcp->batch;

	if (!m->config.profile->pcp_trims_grow)
		return pcp->batch;
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
 * MOVABLE. Linux does not look at a page on that way, and a mapcount that is left would spoil its
 * page type: here it is noticed (READINGS, "Isolation").
 */
__noinline void pcp_free_untyped(struct zone *zone, struct page *page, pfn_t pfn,
				 unsigned int order)
{
	if (page->index != MIGRATE_ISOLATE) {
		pcp_free_typed(zone->machine, zone, page, order, MIGRATE_MOVABLE);
		return;
	}
	if (zone->machine->checks != MM_CHECKS_OFF && page_is_bad(page, PAGE_FLAGS_BAD_AT_FREE)) {
		leak_bad_block(zone->machine, page, order);
		return;
	}
	zone_lock(zone);
	free_one_page(zone, pfn, order, MIGRATE_ISOLATE, false);
	zone_unlock(zone);
}

static void drain_some(struct zone *zone, struct per_cpu_pages *pcp, int n)
{
	pcp_lock(zone->machine, pcp);
	free_pcppages_bulk(zone, n, pcp, 0);
	pcp_unlock(zone->machine, pcp);
}

/*
 * Everything of one CPU and zone, in chunks that do not hold the lock for too long (5.10: at once).
 */
void drain_zone_pages(struct zone *zone, unsigned int cpu)
{
	struct per_cpu_pages *pcp = &zone->pageset[cpu];
	const struct mm_profile *profile = zone->machine->config.profile;

	while (pcp->count) {
		int n = pcp->count;

		if (!profile->pcp_drains_at_once)
			n = (int)min_long(n, (long)pcp->batch << profile->pcp_free_factor_cap);
		mm_emit(zone->machine, MM_EVENT_PCP_DRAIN, zone, 0, 0, 0, (uint64_t)n);
		drain_some(zone, pcp, n);
	}
}

/* Does the frame lie in a block on a page list of the zone? Slow. */
bool frame_is_listed(const struct zone *zone, pfn_t pfn)
{
	const struct mm_machine *m = zone->machine;

	for (unsigned int i = 0; i < m->nr_cpus * mm_nr_pcp_lists(m); i++) {
		unsigned int list = i % mm_nr_pcp_lists(m);
		const struct list_head *head = &zone->pageset[i / mm_nr_pcp_lists(m)].lists[list];

		for (const struct list_head *at = head->next; at != head; at = at->next) {
			pfn_t start = (pfn_t)(lru_to_page(at) - m->memmap);

			if (pfn >= start && pfn - start < UINT64_C(1) << pcp_list_order(m, list))
				return true;
		}
	}
	return false;
}

/* A batch of what a CPU has kept for too long of a zone that is not its node's (vmstat.c). */
void drain_idle_pages(struct zone *zone, unsigned int cpu)
{
	struct per_cpu_pages *pcp = &zone->pageset[cpu];
	int n = (int)min_long(pcp->count, pcp->batch);

	mm_emit(zone->machine, MM_EVENT_REMOTE_DRAIN, zone, 0, 0, 0, (uint64_t)n);
	drain_some(zone, pcp, n);
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
