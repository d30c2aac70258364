/*
 * The part of the per-CPU page lists that nearly every allocation and free runs: a list that has a
 * block, a page set that has room. Inline, because a call costs as much as the work. Everything
 * else is in pcp.c.
 */
#ifndef LB_PAGE_PCP_H
#define LB_PAGE_PCP_H

#include "page/page_internal.h"

/* Slow parts, under the page set's lock. */
bool pcp_refill(struct zone *zone, struct per_cpu_pages *pcp, unsigned int list, int migratetype,
		unsigned int alloc_flags);
void pcp_trim(struct zone *zone, struct per_cpu_pages *pcp, int high, bool all, unsigned int list);
void pcp_free_untyped(struct zone *zone, struct page *page, pfn_t pfn, unsigned int order);

static inline unsigned int pcp_list(const struct mm_machine *m, unsigned int order, int migratetype)
{
	if (unlikely(order > m->pcp_max_order)) {
		assert(m->pcp_thp && order == m->pageblock_order);
		return NR_PCP_ORDER_LISTS + (migratetype == MIGRATE_MOVABLE);
	}
	return order * MIGRATE_PCPTYPES + (unsigned int)migratetype;
}

static inline struct page *pcp_pop(struct per_cpu_pages *pcp, struct list_head *list,
				   unsigned int order)
{
	struct page *page = lru_to_page(list->next);

	list_del(&page->lru);
	pcp->count -= 1 << order;
	return page;
}

/* A block from a list, refilled if it is empty; under the page set's lock. */
static __always_inline struct page *pcp_take(struct mm_machine *m, struct zone *zone,
					     struct per_cpu_pages *pcp, unsigned int index,
					     unsigned int order, int migratetype,
					     unsigned int alloc_flags)
{
	struct list_head *list = &pcp->lists[index];
	struct page *page;

	do {
		if (unlikely(list_empty(list)) &&
		    !pcp_refill(zone, pcp, index, migratetype, alloc_flags))
			return NULL;
		page = pcp_pop(pcp, list, order);
	} while (unlikely(m->checks_at_user) && new_pages_are_bad(m, page, order));
	return page;
}

/* A block from this CPU's list; NULL iff the buddy has none for it. */
static __always_inline struct page *pcp_alloc(struct mm_machine *m, struct zone *zone,
					      unsigned int order, int migratetype,
					      unsigned int alloc_flags)
{
	struct per_cpu_pages *pcp = &zone->pageset[mm_current->cpu];
	unsigned int index = pcp_list(m, order, migratetype);

	pcp_lock(m, pcp);
	pcp->free_factor >>= 1;
	struct page *page = pcp_take(m, zone, pcp, index, order, migratetype, alloc_flags);

	pcp_unlock(m, pcp);
	return page;
}

/* A freed block goes to the head of its list; a page set that is full gives its oldest back. */
static __always_inline void pcp_free_typed(struct mm_machine *m, struct zone *zone,
					   struct page *page, unsigned int order, int migratetype)
{
	struct per_cpu_pages *pcp = &zone->pageset[mm_current->cpu];
	unsigned int list = pcp_list(m, order, migratetype);

	pcp_lock(m, pcp);
	list_add(&page->lru, &pcp->lists[list]);
	pcp->count += 1 << order;
	/* a run of frees of order 1 to 3 hands everything back: others may need the contiguity */
	bool all = order && pcp->free_factor && order <= PAGE_ALLOC_COSTLY_ORDER;
	int high = all ? 0 : pcp->high;

	if (unlikely(pcp->count >= high))
		pcp_trim(zone, pcp, high, all, list);
	pcp_unlock(m, pcp);
}

static __always_inline void pcp_free(struct mm_machine *m, struct page *page, unsigned int order)
{
	struct zone *zone = page_zone(m, page);
	pfn_t pfn = (pfn_t)(page - m->memmap);
	int migratetype = pageblock_type(m, pfn);

	page->index = (uint64_t)migratetype;
	if (likely(migratetype < MIGRATE_PCPTYPES))
		pcp_free_typed(m, zone, page, order, migratetype);
	else
		pcp_free_untyped(zone, page, pfn, order);
}

#endif
