/*
 * __alloc_pages: the fast path, and the walk over the zonelist that every attempt makes (facts 5, 9).
 *
 *   __alloc_pages -> get_page_from_freelist (low mark) --page--> done
 *                                                      --NULL--> alloc_pages_slowpath
 *   walk:  zone passes its mark? -> rmqueue (page list, else buddy) -> prep_new_page
 */
#include <string.h>

#include "page/page_internal.h"

static __attribute__((noinline)) void prep_compound_page(struct page *page, unsigned int order)
{
	page->flags |= PAGE_FLAG(PG_HEAD);
	for (struct page *tail = page + 1; tail < page + (1UL << order); tail++) {
		tail->mapping = TAIL_MAPPING;
		tail->compound_head = (uintptr_t)page | 1;
	}
	page[1].compound_dtor = 1;
	page[1].compound_order = (uint8_t)order;
	page[1].compound_mapcount = -1;
}

static inline void prep_new_page(struct mm_machine *m, struct page *page, unsigned int order, gfp_t gfp)
{
	pfn_t pfn = (pfn_t)(page - m->memmap);

	page->private = 0;
	page->_refcount = 1;
	if (unlikely(m->poison_memory))
		mm_unpoison_block(m, pfn, order);
	if (gfp & __GFP_ZERO)
		memset(m->memory + (pfn << PAGE_SHIFT), 0, (size_t)PAGE_SIZE << order);
	if (order && (gfp & __GFP_COMP))
		prep_compound_page(page, order);
	m->vmstat.pgalloc += UINT64_C(1) << order;
	mm_emit(m, MM_EVENT_ALLOC, NULL, pfn, order, 0, gfp);
}

/* One block straight from the buddy, from the highatomic reserve first or last where the flags say so. */
static struct page *take_from_buddy(struct zone *zone, unsigned int order, int migratetype, unsigned int alloc_flags)
{
	struct page *page = NULL, *reserve = NULL;

	if (alloc_flags & ALLOC_HIGHATOMIC)
		reserve = take_smallest(zone, order, MIGRATE_HIGHATOMIC);
	if (!reserve)
		page = rmqueue_locked(zone, order, migratetype, alloc_flags);
	if (!page && !reserve && (alloc_flags & (ALLOC_OOM | ALLOC_NON_BLOCK)))
		reserve = take_smallest(zone, order, MIGRATE_HIGHATOMIC);
	if (reserve)
		mm_emit(zone->machine, MM_EVENT_HIGHATOMIC_TAKE, zone, (pfn_t)(reserve - zone->machine->memmap), order,
			MIGRATE_HIGHATOMIC, 0);
	return page ? page : reserve;
}

static __attribute__((noinline)) struct page *rmqueue_buddy(struct zone *zone, unsigned int order, int migratetype,
							    unsigned int alloc_flags)
{
	struct mm_machine *m = zone->machine;
	struct page *page;

	do {
		zone_lock(zone);
		page = take_from_buddy(zone, order, migratetype, alloc_flags);
		if (page)
			zone->nr_free_pages -= 1L << order;
		zone_unlock(zone);
	} while (page && m->checks != MM_CHECKS_OFF && new_pages_are_bad(m, page, order));
	return page;
}

static inline struct page *rmqueue(struct zone *zone, unsigned int order, int migratetype, unsigned int alloc_flags)
{
	struct page *page = NULL;

	if (likely(has_pcp_lists(zone->machine, order)))
		page = pcp_alloc(zone, order, migratetype, alloc_flags);
	if (unlikely(!page))
		page = rmqueue_buddy(zone, order, migratetype, alloc_flags);
	if (unlikely(zone->boosted)) {
		zone->boosted = false;
		wakeup_kswapd(zone, 0, zone->type);
	}
	return page;
}

static void tell_where(const struct alloc_context *ac, const struct zone *zone, unsigned int order,
		       const struct page *page)
{
	pfn_t pfn = (pfn_t)(page - ac->m->memmap);

	if (zone != ac->preferred->zone)
		mm_emit(ac->m, zone->pgdat == ac->preferred->zone->pgdat ? MM_EVENT_OTHER_ZONE : MM_EVENT_OTHER_NODE,
			zone, pfn, order, 0, 0);
	if (zone->nr_free_pages < (long)wmark_pages(zone, WMARK_MIN))
		mm_emit(ac->m, MM_EVENT_RESERVES, zone, pfn, order, 0, 0);
}

static inline bool zone_may_be_used(const struct zone *zone, unsigned int order, unsigned int alloc_flags, gfp_t gfp,
				    const struct alloc_context *ac)
{
	uint64_t mark = wmark_pages(zone, (enum zone_watermark)(alloc_flags & ALLOC_WMARK_MASK));

	return zone_watermark_fast(zone, order, mark, ac->highest_zoneidx, alloc_flags, gfp) ||
	       (alloc_flags & ALLOC_NO_WATERMARKS);
}

/* NOFRAGMENT would rather go to another node than mix types, but not when the next zone is on another node already. */
static inline bool nofragment_would_leave_node(const struct zone *zone, const struct alloc_context *ac)
{
	return ac->m->nr_nodes > 1 && zone->pgdat != ac->preferred->zone->pgdat;
}

/* One walk. *drop: NOFRAGMENT stood in the way of a local block; the walk is to be made again without it. */
static inline struct page *walk_zonelist(gfp_t gfp, unsigned int order, unsigned int alloc_flags,
					 struct alloc_context *ac, bool *drop)
{
	const struct zoneref *ref = ac->preferred;

	ac->failure = ref->zone ? MM_FAIL_WATERMARK : MM_FAIL_ZONE;
	for (; ref->zone; ref = next_zoneref(ref + 1, ac->highest_zoneidx, ac->nodemask)) {
		struct zone *zone = ref->zone;

		if (unlikely(alloc_flags & ALLOC_NOFRAGMENT) && nofragment_would_leave_node(zone, ac))
			break;
		if (!zone_may_be_used(zone, order, alloc_flags, gfp, ac))
			continue;
		struct page *page = rmqueue(zone, order, ac->migratetype, alloc_flags);

		if (likely(page)) {
			if (unlikely(ac->m->listener))
				tell_where(ac, zone, order, page);
			prep_new_page(ac->m, page, order, gfp);
			if (unlikely(alloc_flags & ALLOC_HIGHATOMIC))
				reserve_highatomic_pageblock(zone, page);
			return page;
		}
		ac->failure = MM_FAIL_BLOCK;
	}
	*drop = alloc_flags & ALLOC_NOFRAGMENT;
	return NULL;
}

struct page *get_page_from_freelist(gfp_t gfp, unsigned int order, unsigned int alloc_flags, struct alloc_context *ac)
{
	bool drop = false;
	struct page *page = walk_zonelist(gfp, order, alloc_flags, ac, &drop);

	if (likely(page) || !drop)
		return page;
	mm_emit(ac->m, MM_EVENT_NOFRAGMENT_RETRY, NULL, 0, order, ac->migratetype, 0);
	return walk_zonelist(gfp, order, alloc_flags & ~(unsigned int)ALLOC_NOFRAGMENT, ac, &drop);
}

/* What the scope of the running task takes away (facts 5, current_gfp_context and PF_MEMALLOC_PIN). */
static gfp_t current_gfp_context(gfp_t gfp)
{
	unsigned int scope = mm_current->scope;

	if (scope & MM_SCOPE_NOIO)
		gfp &= ~(__GFP_IO | __GFP_FS);
	else if (scope & MM_SCOPE_NOFS)
		gfp &= ~__GFP_FS;
	if (scope & MM_SCOPE_PIN)
		gfp &= ~__GFP_MOVABLE;
	return gfp;
}

/* fail_page_alloc with its defaults: order 0 and callers that wait, use HIGHMEM or may not fail are spared (facts 18). */
static bool injection_strikes(gfp_t gfp, unsigned int order)
{
	if (order == 0 || (gfp & (__GFP_DIRECT_RECLAIM | __GFP_HIGHMEM | __GFP_NOFAIL)))
		return false;
	return --mm_current->fail_nth == 0;
}

static __attribute__((cold, noinline)) struct page *fail(struct mm_machine *m, enum mm_failure why)
{
	mm_current->failure = why;
	mm_emit(m, MM_EVENT_FAIL, NULL, 0, 0, 0, why);
	return NULL;
}

static __attribute__((cold, noinline)) struct page *fail_order(struct mm_machine *m, gfp_t gfp)
{
	if (!(gfp & __GFP_NOWARN))
		mm_current->warnings |= MM_WARN_ORDER;
	return fail(m, MM_FAIL_ORDER);
}

/* DMA32 (or, on one node, anything) below Normal: rather use that than mix types in Normal (facts 5). */
static inline unsigned int alloc_flags_nofragment(const struct mm_machine *m, const struct zone *zone)
{
	if (!zone || zone->type != ZONE_NORMAL || !m->config.dma32_end)
		return 0;
	if (m->nr_nodes > 1 && !populated_zone(zone - 1))
		return 0;
	return ALLOC_NOFRAGMENT;
}

static inline int gfp_migratetype(const struct mm_machine *m, gfp_t gfp)
{
	if (unlikely(m->grouping_disabled))
		return MIGRATE_UNMOVABLE;
	return (int)((gfp & (__GFP_MOVABLE | __GFP_RECLAIMABLE)) >> 3);
}

static inline void prepare_zonelist(struct alloc_context *ac, struct mm_machine *m, gfp_t gfp, unsigned int nid,
				    uint64_t nodemask)
{
	enum zonelist_kind kind = gfp & __GFP_THISNODE ? ZONELIST_NOFALLBACK : ZONELIST_FALLBACK;

	ac->m = m;
	ac->zonelist = m->nodes[nid].zonelists[kind].zonerefs;
	ac->nodemask = nodemask;
	ac->highest_zoneidx = gfp_zone(m, gfp);
	ac->migratetype = gfp_migratetype(m, gfp);
	ac->preferred = next_zoneref(ac->zonelist, ac->highest_zoneidx, nodemask);
}

static inline struct page *alloc_pages_nodemask(gfp_t gfp, unsigned int order, unsigned int nid, uint64_t nodemask)
{
	struct mm_context *current = mm_current;
	struct mm_machine *m = current->machine;
	struct alloc_context ac;

	assert(nid < m->nr_nodes);
	if (unlikely(current->level == MM_NMI))
		return fail(m, MM_FAIL_CONTEXT);
	if (unlikely(order > m->top_order))
		return fail_order(m, gfp);
	if (unlikely(current->scope))
		gfp = current_gfp_context(gfp);
	if (unlikely((gfp & (__GFP_MOVABLE | __GFP_RECLAIMABLE)) == (__GFP_MOVABLE | __GFP_RECLAIMABLE)))
		return fail(m, MM_FAIL_TYPE);
	if (gfp & __GFP_DIRECT_RECLAIM)
		might_sleep();
	if (unlikely(current->fail_nth) && injection_strikes(gfp, order))
		return fail(m, MM_FAIL_INJECTED);
	prepare_zonelist(&ac, m, gfp, nid, nodemask);
	unsigned int alloc_flags = ALLOC_WMARK_LOW | (gfp & __GFP_KSWAPD_RECLAIM) |
				   alloc_flags_nofragment(m, ac.preferred->zone);
	struct page *page = get_page_from_freelist(gfp, order, alloc_flags, &ac);

	if (unlikely(!page))
		page = alloc_pages_slowpath(gfp, order, &ac);
	return likely(page) ? page : fail(m, ac.failure);
}

struct page *__alloc_pages(gfp_t gfp, unsigned int order, int preferred_nid, const nodemask_t *nodemask)
{
	return alloc_pages_nodemask(gfp, order, (unsigned int)preferred_nid, nodemask ? nodemask->bits : 0);
}

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	return alloc_pages_nodemask(gfp, order, mm_current->machine->cpu_node[mm_current->cpu], 0);
}

struct page *alloc_pages_node(int nid, gfp_t gfp, unsigned int order)
{
	return nid == NUMA_NO_NODE ? alloc_pages(gfp, order) : __alloc_pages(gfp, order, nid, NULL);
}

unsigned long __get_free_pages(gfp_t gfp, unsigned int order)
{
	const struct page *page = alloc_pages(gfp & ~__GFP_HIGHMEM, order);

	return page ? (unsigned long)page_address(page) : 0;
}

unsigned long get_zeroed_page(gfp_t gfp)
{
	return __get_free_pages(gfp | __GFP_ZERO, 0);
}
