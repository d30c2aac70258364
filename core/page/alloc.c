/*
 * __alloc_pages: the fast path, and the walk over the zonelist that every attempt makes (facts 5,
 * 9).
 *
 *   __alloc_pages -> get_page_from_freelist (low mark) --page--> done
 *                                                      --NULL--> alloc_pages_slowpath
 *   walk:  zone passes its mark? -> rmqueue (page list, else buddy) -> prep_new_page
 */
#include <string.h>

#include "page/new_page.h"
#include "page/pcp.h"
#include "page/vmstat.h"

#define BOTH_MOBILITIES (__GFP_MOVABLE | __GFP_RECLAIMABLE)

/* What a walk asks each zone for. */
struct alloc_request {
	gfp_t gfp;
	unsigned int order;
	unsigned int alloc_flags;
	int migratetype;
	unsigned int highest_zoneidx;
};

__noinline void prep_compound_page(struct page *page, unsigned int order)
{
	page->flags |= PAGE_FLAG(PG_HEAD);
	for (struct page *tail = page + 1; tail < page + (1UL << order); tail++) {
		tail->mapping = TAIL_MAPPING;
		tail->compound_head = (uintptr_t)page | 1;
	}
	page[1].compound_dtor = COMPOUND_PAGE_DTOR;
	page[1].compound_order = (uint8_t)order;
	page[1].compound_mapcount = -1;
}

__noinline void zero_block(struct mm_machine *m, pfn_t pfn, unsigned int order)
{
	memset(m->memory + (pfn << PAGE_SHIFT), 0, (size_t)PAGE_SIZE << order);
}

/*
 * One block straight from the buddy, from the highatomic reserve first or last where the flags say
 * so.
 */
static struct page *take_from_buddy(struct zone *zone, unsigned int order, int migratetype,
				    unsigned int alloc_flags)
{
	struct page *page = NULL, *reserve = NULL;

	if (alloc_flags & ALLOC_HIGHATOMIC)
		reserve = take_smallest(zone, order, MIGRATE_HIGHATOMIC);
	if (!reserve)
		page = rmqueue_locked(zone, order, migratetype, alloc_flags);
	if (!page && !reserve && (alloc_flags & zone->machine->config.profile->last_resort_flags))
		reserve = take_smallest(zone, order, MIGRATE_HIGHATOMIC);
	if (reserve)
		mm_emit(zone->machine, MM_EVENT_HIGHATOMIC_TAKE, zone,
			(pfn_t)(reserve - zone->machine->memmap), order, MIGRATE_HIGHATOMIC, 0);
	return page ? page : reserve;
}

/* 5.10 counts only the block it hands out: a bad one that it met before stays free on paper. */
static void count_taken(struct zone *zone, unsigned int order, bool bad)
{
	if (bad && zone->machine->config.profile->bad_blocks_stay_counted)
		zone->nr_bad_counted += UINT64_C(1) << order;
	else
		mod_zone_free_pages(zone, -(1L << order));
}

static __noinline struct page *rmqueue_buddy(struct zone *zone, unsigned int order, int migratetype,
					     unsigned int alloc_flags)
{
	struct mm_machine *m = zone->machine;
	struct page *page;
	bool bad;

	zone_lock(zone);
	do {
		page = take_from_buddy(zone, order, migratetype, alloc_flags);
		bad = page && m->checks != MM_CHECKS_OFF && new_pages_are_bad(m, page, order);
		if (page)
			count_taken(zone, order, bad);
	} while (bad);
	zone_unlock(zone);
	return page;
}

/* A steal has raised the zone's marks: kswapd is to know. */
static __noinline void tell_kswapd_of_boost(struct zone *zone)
{
	zone->boosted = false;
	wakeup_kswapd(zone, 0, 0, zone->type);
}

static __always_inline struct page *rmqueue(struct mm_machine *m, struct zone *zone,
					    const struct alloc_request *r)
{
	struct page *page = NULL;

	if (likely(has_pcp_lists(m, r->order)))
		page = pcp_alloc(m, zone, r->order, r->migratetype, r->alloc_flags);
	if (unlikely(!page))
		page = rmqueue_buddy(zone, r->order, r->migratetype, r->alloc_flags);
	if (unlikely(zone->boosted))
		tell_kswapd_of_boost(zone);
	return page;
}

/* The same, not inline: for whoever tries once more. */
static __cold struct page *rmqueue_again(struct mm_machine *m, struct zone *zone,
					 const struct alloc_request *r)
{
	return rmqueue(m, zone, r);
}

static __cold void tell_where(struct mm_machine *m, const struct zone *zone,
			      const struct zone *preferred, unsigned int order,
			      const struct page *page)
{
	pfn_t pfn = (pfn_t)(page - m->memmap);

	if (zone != preferred)
		mm_emit(m,
			zone->pgdat == preferred->pgdat ? MM_EVENT_OTHER_ZONE : MM_EVENT_OTHER_NODE,
			zone, pfn, order, 0, 0);
	if (zone_free_pages(zone) < wmark_pages(zone, WMARK_MIN))
		mm_emit(m, MM_EVENT_RESERVES, zone, pfn, order, 0, 0);
}

/* What the flags of a walk ask for when it has given a block. */
static __cold void heed_flags_afterwards(struct zone *zone, struct page *page,
					 unsigned int alloc_flags)
{
	if (alloc_flags & ALLOC_NO_WATERMARKS)
		set_page_pfmemalloc(page);
	if (alloc_flags & ALLOC_HIGHATOMIC)
		reserve_highatomic_pageblock(zone, page);
}

/*
 * The request failed in the zone, which may have memory that is not initialised yet (facts 2, 9).
 */
static inline bool zone_grows(const struct mm_machine *m, struct zone *zone, unsigned int order)
{
	return unlikely(m->nr_deferred_nodes) && deferred_grow_zone(zone, order);
}

/*
 * One zone's turn. *failure: MM_FAIL_BLOCK if the zone passed its mark and had no block all the
 * same.
 */
static __always_inline struct page *try_zone(struct mm_machine *m, struct zone *zone,
					     struct zone *preferred, const struct alloc_request *r,
					     enum mm_failure *failure)
{
	uint64_t mark = wmark_pages(zone, (enum zone_watermark)(r->alloc_flags & ALLOC_WMARK_MASK));

	if (!zone_watermark_fast(zone, r->order, mark, r->highest_zoneidx, r->alloc_flags,
				 r->gfp) &&
	    !zone_grows(m, zone, r->order) && !(r->alloc_flags & ALLOC_NO_WATERMARKS))
		return NULL;
	struct page *page = rmqueue(m, zone, r);

	while (unlikely(!page) && zone_grows(m, zone, r->order))
		page = rmqueue_again(m, zone, r);

	if (unlikely(!page)) {
		*failure = MM_FAIL_BLOCK;
		return NULL;
	}
	if (unlikely(m->listener))
		tell_where(m, zone, preferred, r->order, page);
	zone_statistics(m, preferred, zone, 1);
	prep_new_page(m, page, r->order, r->gfp);
	if (unlikely(r->alloc_flags & (ALLOC_HIGHATOMIC | ALLOC_NO_WATERMARKS)))
		heed_flags_afterwards(zone, page, r->alloc_flags);
	return page;
}

/* ALLOC_CPUSET: the task's cpuset may keep the zone from it. */
static inline bool cpuset_keeps_out(const struct zone *zone, const struct alloc_request *r)
{
	return unlikely(r->alloc_flags & ALLOC_CPUSET) && !cpuset_zone_allowed(zone, r->gfp);
}

/* NOFRAGMENT would rather mix types than leave the node. */
static inline bool nofragment_would_leave_node(const struct zone *zone,
					       const struct alloc_context *ac)
{
	return ac->m->nr_nodes > 1 && zone->pgdat != ac->preferred->zone->pgdat;
}

/*
 * The rest of a walk, from a place in the zonelist on. A walk that NOFRAGMENT limited is made again
 * without it.
 */
static struct page *walk_zonelist(const struct zoneref *ref, struct alloc_request *r,
				  struct alloc_context *ac)
{
	for (; ref->zone; ref = next_zoneref(ref + 1, r->highest_zoneidx, ac->nodemask)) {
		if (cpuset_keeps_out(ref->zone, r))
			continue;
		if ((r->alloc_flags & ALLOC_NOFRAGMENT) &&
		    nofragment_would_leave_node(ref->zone, ac))
			break;
		struct page *page =
			try_zone(ac->m, ref->zone, ac->preferred->zone, r, &ac->failure);

		if (page)
			return page;
	}
	if (!(r->alloc_flags & ALLOC_NOFRAGMENT))
		return NULL;
	mm_emit(ac->m, MM_EVENT_NOFRAGMENT_RETRY, NULL, 0, r->order, r->migratetype, 0);
	r->alloc_flags &= ~(unsigned int)ALLOC_NOFRAGMENT;
	ac->failure = MM_FAIL_WATERMARK;
	return walk_zonelist(ac->preferred, r, ac);
}

struct page *get_page_from_freelist(gfp_t gfp, unsigned int order, unsigned int alloc_flags,
				    struct alloc_context *ac)
{
	struct alloc_request r = { gfp, order, alloc_flags, ac->migratetype, ac->highest_zoneidx };

	ac->failure = ac->preferred->zone ? MM_FAIL_WATERMARK : MM_FAIL_ZONE;
	return walk_zonelist(ac->preferred, &r, ac);
}

/* What the scope of the running task takes away (facts 5). */
static gfp_t current_gfp_context(gfp_t gfp)
{
	unsigned int scope = mm_current->scope;

	if (scope & MM_SCOPE_NOIO)
		gfp &= ~(__GFP_IO | __GFP_FS);
	else if (scope & MM_SCOPE_NOFS)
		gfp &= ~__GFP_FS;
	return gfp;
}

/* The same, and pages that are to be pinned are not movable; 5.10 does nothing here yet. */
static gfp_t scope_at_entry(const struct mm_machine *m, gfp_t gfp)
{
	if (!m->config.profile->scope_at_entry)
		return gfp;
	if (mm_current->scope & MM_SCOPE_PIN)
		gfp &= ~__GFP_MOVABLE;
	return current_gfp_context(gfp);
}

/* Both mobility bits are left when everything was taken away that is: no allocation will take the mask. */
bool request_has_no_type(const struct mm_machine *m, gfp_t gfp)
{
	gfp = scope_at_entry(m, gfp & m->gfp_allowed_mask);
	return (gfp & BOTH_MOBILITIES) == BOTH_MOBILITIES;
}

/*
 * fail_page_alloc with its defaults: order 0 and callers that wait, use HIGHMEM or may not fail are
 * spared (facts 18).
 */
static bool injection_strikes(gfp_t gfp, unsigned int order)
{
	if (order == 0 || (gfp & (__GFP_DIRECT_RECLAIM | __GFP_HIGHMEM | __GFP_NOFAIL)))
		return false;
	return --mm_current->fail_nth == 0;
}

static __cold struct page *fail(struct mm_machine *m, enum mm_failure why)
{
	mm_current->failure = why;
	mm_emit(m, MM_EVENT_FAIL, NULL, 0, 0, 0, why);
	return NULL;
}

static __cold struct page *fail_order(struct mm_machine *m, gfp_t gfp)
{
	if (mm_current->level == MM_NMI)
		return fail(m, MM_FAIL_CONTEXT);
	if (!(gfp & __GFP_NOWARN))
		mm_current->warnings |= MM_WARN_ORDER;
	return fail(m, MM_FAIL_ORDER);
}

/*
 * The preferred zone did not serve: the other zones, then the slow path. What cpusets made of the request
 * (@r, @fast_mask) holds for the fast path; the slow path has it as it came (@gfp, @nodemask).
 */
static __noinline struct page *alloc_pages_elsewhere(struct mm_machine *m, gfp_t gfp,
						     struct alloc_request *r, unsigned int nid,
						     uint64_t fast_mask, uint64_t nodemask,
						     enum mm_failure failure)
{
	struct alloc_context ac = {
		.m = m,
		.zonelist = gfp_zonelist(m, r->gfp, nid),
		.nodemask = fast_mask,
		.migratetype = r->migratetype,
		.highest_zoneidx = r->highest_zoneidx,
		.failure = failure,
	};
	struct page *page = NULL;

	ac.preferred = next_zoneref(ac.zonelist, ac.highest_zoneidx, fast_mask);
	if (ac.preferred->zone)
		page = walk_zonelist(next_zoneref(ac.preferred + 1, ac.highest_zoneidx, fast_mask),
				     r, &ac);
	ac.nodemask = nodemask;
	/* where scope was looked at before, it takes nothing more away */
	if (!page)
		page = alloc_pages_slowpath(current_gfp_context(gfp), r->order, &ac);
	return page ? page : fail(m, ac.failure);
}

/* A context that is not a plain task: MM_FAIL_NONE, or why the allocation fails at once. */
static __noinline enum mm_failure unusual_context(const struct mm_machine *m, gfp_t *gfp,
						  unsigned int order)
{
	if (mm_current->level == MM_NMI)
		return MM_FAIL_CONTEXT;
	*gfp = scope_at_entry(m, *gfp);
	if ((*gfp & BOTH_MOBILITIES) == BOTH_MOBILITIES)
		return MM_FAIL_TYPE;
	if (*gfp & __GFP_DIRECT_RECLAIM)
		might_sleep();
	return mm_current->fail_nth && injection_strikes(*gfp, order) ? MM_FAIL_INJECTED
								      : MM_FAIL_NONE;
}

__noinline struct page *alloc_pages_nodemask(gfp_t gfp, unsigned int order, unsigned int nid,
					     uint64_t nodemask)
{
	struct mm_context *current = mm_current;
	struct mm_machine *m = current->machine;
	enum mm_failure failure = MM_FAIL_NONE;

	assert(nid < m->nr_nodes);
	if (unlikely(order > m->top_order))
		return fail_order(m, gfp);
	gfp &= m->gfp_allowed_mask;
	if (unlikely(current->level | current->scope | current->fail_nth))
		failure = unusual_context(m, &gfp, order);
	else if (unlikely((gfp & BOTH_MOBILITIES) == BOTH_MOBILITIES))
		failure = MM_FAIL_TYPE;
	if (unlikely(failure))
		return fail(m, failure);
	struct alloc_request r = { gfp, order, ALLOC_WMARK_LOW | (gfp & __GFP_KSWAPD_RECLAIM),
				   gfp_migratetype(m, gfp), gfp_zone(m, gfp) };
	uint64_t fast_mask = nodemask;

	if (unlikely(m->cpusets))
		heed_cpuset(m, &r.gfp, &r.alloc_flags, &fast_mask);
	const struct zoneref *preferred =
		next_zoneref(gfp_zonelist(m, gfp, nid), r.highest_zoneidx, fast_mask);

	failure = MM_FAIL_ZONE;
	if (likely(preferred->zone)) {
		if (preferred->zone->avoids_fragments)
			r.alloc_flags |= ALLOC_NOFRAGMENT;
		failure = MM_FAIL_WATERMARK;
		struct page *page =
			cpuset_keeps_out(preferred->zone, &r)
				? NULL
				: try_zone(m, preferred->zone, preferred->zone, &r, &failure);

		if (likely(page))
			return page;
	}
	struct alloc_request rest =
		r; /* whose address is taken, so that r need not live in memory */

	return alloc_pages_elsewhere(m, gfp, &rest, nid, fast_mask, nodemask, failure);
}

/* Near this CPU, whatever the task's policy says. */
static struct page *alloc_pages_here(gfp_t gfp, unsigned int order)
{
	return alloc_pages_nodemask(gfp, order, mm_current->machine->cpu_node[mm_current->cpu], 0);
}

/*
 * Where the shortcuts look: the preferred zone of a request without wishes, when that is above its low
 * mark and there is nothing to tell, lock or zero. NULL: it takes the general path.
 */
static __always_inline struct zone *plain_zone(const struct mm_machine *m, gfp_t gfp,
					       unsigned int order)
{
	const struct mm_context *current = mm_current;

	if (unlikely(!m->plain || (current->level | current->scope | current->fail_nth)))
		return NULL;
	if (unlikely((gfp & (__GFP_ZERO | __GFP_THISNODE)) || (order && (gfp & __GFP_COMP)) ||
		     (gfp & BOTH_MOBILITIES) == BOTH_MOBILITIES))
		return NULL;
	const struct zoneref *ref =
		m->nodes[m->cpu_node[current->cpu]].zonelists[ZONELIST_FALLBACK].zonerefs;
	unsigned int highest_zoneidx = gfp_zone(m, gfp);
	struct zone *zone = ref->zone;

	if (unlikely(!zone || ref->zone_idx > highest_zoneidx || zone->boosted))
		return NULL;
	if (unlikely(zone->nr_free_pages - unusable_free(zone, order, 0) <=
		     (long)wmark_pages(zone, WMARK_LOW) + zone->lowmem_reserve[highest_zoneidx]))
		return NULL;
	/* most of memory is movable: where there is plenty, the first look is enough */
	if (order && list_empty(&zone->free_area[m->top_order].free_list[MIGRATE_MOVABLE]) &&
	    !has_fitting_block(zone, order, 0))
		return NULL;
	return zone;
}

/*
 * The shortcut of nine requests in ten: a block from this CPU's list. It gives what
 * alloc_pages_nodemask() would give; where it cannot, it has changed nothing and returns NULL.
 */
static __always_inline struct page *alloc_plain_block(struct mm_machine *m, gfp_t gfp,
						      unsigned int order)
{
	struct zone *zone = plain_zone(m, gfp, order);

	if (unlikely(!zone))
		return NULL;
	struct per_cpu_pages *pcp = &zone->pageset[mm_current->cpu];
	struct list_head *list =
		&pcp->lists[order * MIGRATE_PCPTYPES + ((gfp & BOTH_MOBILITIES) >> 3)];

	if (unlikely(list_empty(list)))
		return NULL;
	struct page *page = pcp_pop(pcp, list, order);

	pcp->free_factor >>= 1;
	pcp->local_hits++;
	page->_refcount = 1;
	m->vmstat.pgalloc += UINT64_C(1) << order;
	return page;
}

struct page *__alloc_pages(gfp_t gfp, unsigned int order, int preferred_nid,
			   const nodemask_t *nodemask)
{
	return alloc_pages_nodemask(gfp, order, (unsigned int)preferred_nid,
				    nodemask ? nodemask->bits : 0);
}

static struct page *alloc_pages_general(const struct mm_machine *m, gfp_t gfp, unsigned int order)
{
	return m->plain_tasks ? alloc_pages_here(gfp, order) : alloc_pages_by_policy(gfp, order);
}

/* The shortcut for orders without page lists: a sound block of the type itself from the buddy. */
static __noinline struct page *alloc_pages_from_buddy(struct mm_machine *m, gfp_t gfp,
						      unsigned int order)
{
	struct zone *zone = NULL;
	struct page *page = NULL;

	if (order <= m->top_order && !has_pcp_lists(m, order))
		zone = plain_zone(m, gfp, order);
	if (likely(zone))
		page = take_plain(zone, order, (int)((gfp & BOTH_MOBILITIES) >> 3));
	return likely(page) ? page : alloc_pages_general(m, gfp, order);
}

static __noinline struct page *alloc_pages_usually(struct mm_machine *m, gfp_t gfp,
						   unsigned int order)
{
	struct page *page = alloc_plain_block(m, gfp, order);

	return likely(page) ? page : alloc_pages_general(m, gfp, order);
}

/* What is rarer than a single page lies behind calls in last place: the single page pays nothing for it. */
struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	struct mm_machine *m = mm_current->machine;
	struct page *page;

	if (unlikely(order))
		return order > m->pcp_max_order ? alloc_pages_from_buddy(m, gfp, order)
						: alloc_pages_usually(m, gfp, order);
	page = alloc_plain_block(m, gfp, 0);
	return likely(page) ? page : alloc_pages_usually(m, gfp, 0);
}

/* Policies are for alloc_pages. */
struct page *alloc_pages_node(int nid, gfp_t gfp, unsigned int order)
{
	return nid == NUMA_NO_NODE ? alloc_pages_here(gfp, order)
				   : __alloc_pages(gfp, order, nid, NULL);
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
