/*
 * What the files of core/page tell each other.
 *
 *   alloc.c      __alloc_pages: fast path, walk over the zonelist
 *   slowpath.c   what comes after it
 *   zonelist.c   which zones, in which order
 *   watermark.c  may the zone be used
 *   pcp.c        per-CPU page lists
 *   buddy.c      free areas: take, split, put, merge
 *   fallback.c   stealing from another type
 *   highatomic.c reserved pageblocks
 *   free.c       giving back; bad pages
 *   vmstat.c     counters that CPUs keep in part to themselves
 *   kswapd.c     waking it
 *   tunables.c   marks, reserves, page list sizes
 *   bulk.c       many single pages at once
 *   exact.c      as many contiguous pages as asked for
 *   isolate.c    pageblocks and frames taken from under the allocator
 *   mempolicy.c  which node a task's pages come from
 *   shuffle.c    free lists in random order
 *   contents.c   what free and new pages hold
 *   page_frag.c  pieces of pages
 */
#ifndef LB_PAGE_INTERNAL_H
#define LB_PAGE_INTERNAL_H

#include "lostbuddy/gfp.h"
#include "machine/emit.h"
#include "machine/lock.h"
#include "machine/machine_internal.h"

/* How a walk over the zonelist is to be made (facts 4, "Other flag values"). */
enum alloc_flags {
	ALLOC_WMARK_MIN = WMARK_MIN,
	ALLOC_WMARK_LOW = WMARK_LOW,
	ALLOC_WMARK_HIGH = WMARK_HIGH,
	ALLOC_WMARK_MASK = 3,
	ALLOC_NO_WATERMARKS = 0x04,
	ALLOC_OOM = 0x08,
	ALLOC_NON_BLOCK = 0x10,
	ALLOC_HARDER = 0x10,	  /* what 5.10 has in its place */
	ALLOC_MIN_RESERVE = 0x20, /* the same bit as __GFP_HIGH; in 5.10: HIGH */
	ALLOC_CPUSET = 0x40,
	ALLOC_NOFRAGMENT = 0x100,
	ALLOC_HIGHATOMIC = 0x200, /* not in 5.10: stands for HARDER with an order above 0 there */
	ALLOC_KSWAPD = 0x800,	  /* the same bit as __GFP_KSWAPD_RECLAIM */
};
_Static_assert(ALLOC_MIN_RESERVE == __GFP_HIGH, "copied bit by bit");
_Static_assert(ALLOC_KSWAPD == __GFP_KSWAPD_RECLAIM, "copied bit by bit");

/* One request, from prepare to the end. */
struct alloc_context {
	struct mm_machine *m;
	const struct zoneref *zonelist;
	uint64_t nodemask;		 /* 0: no limit */
	const struct zoneref *preferred; /* first that matches; zone NULL: none */
	int migratetype;
	unsigned int highest_zoneidx;
	enum mm_failure failure; /* why the last walk gave nothing */
};

static inline uint64_t pageblock_pages(const struct mm_machine *m)
{
	return UINT64_C(1) << m->pageblock_order;
}

static inline int pageblock_type(const struct mm_machine *m, pfn_t pfn)
{
	return m->pageblock_type[pfn >> m->pageblock_order];
}

static inline bool has_pcp_lists(const struct mm_machine *m, unsigned int order)
{
	return order <= m->pcp_max_order || (m->pcp_thp && order == m->pageblock_order);
}

/* buddy.c. All but the first hold zone->lock. */
void set_pageblock_type(struct mm_machine *m, pfn_t pfn, int migratetype);
void free_one_page(struct zone *zone, pfn_t pfn, unsigned int order, int migratetype, bool to_tail);
void put_plain(struct zone *zone, pfn_t pfn, unsigned int order, int migratetype);
void free_neighbours(struct zone *zone, pfn_t pfn, unsigned int order, unsigned int times,
		     int migratetype, bool from_highest);
struct page *take_smallest(struct zone *zone, unsigned int order, int migratetype);
unsigned int take_run(struct zone *zone, unsigned int order, unsigned int n, int migratetype,
		      struct list_head *list);
struct page *take_plain(struct zone *zone, unsigned int order, int migratetype);
uint64_t move_freepages_block(struct zone *zone, pfn_t pfn, int migratetype);
void move_to_free_list(struct zone *zone, struct page *page, unsigned int order, int migratetype);
struct page *free_buddy(const struct mm_machine *m, const struct zone *zone, pfn_t pfn,
			unsigned int order);
void take_free_block(struct zone *zone, struct page *page, unsigned int order);
void put_half(struct zone *zone, struct page *page, unsigned int order, int migratetype);
struct page *free_block_of(struct mm_machine *m, pfn_t pfn);

/* shuffle.c: the first at the end of boot; the second under zone->lock. */
void shuffle_free_memory(struct mm_machine *m);
bool shuffle_pick_tail(struct mm_machine *m);

/*
 * contents.c, where fills_pages: a block is freed; it is handed out; a page is taken off as it is; it
 * is put back so; a block is lost.
 */
void fill_freed_block(struct mm_machine *m, pfn_t pfn, unsigned int order);
void prepare_new_block(struct mm_machine *m, pfn_t pfn, unsigned int order, gfp_t gfp);
void take_contents(struct mm_machine *m, pfn_t pfn);
void put_back_contents(const struct mm_machine *m, pfn_t pfn);
void lose_contents(const struct mm_machine *m, pfn_t pfn, unsigned int order);

/* fallback.c: under zone->lock. */
struct page *rmqueue_locked(struct zone *zone, unsigned int order, int migratetype,
			    unsigned int alloc_flags);

/* highatomic.c */
void reserve_highatomic_pageblock(struct zone *zone, const struct page *page);
bool unreserve_highatomic_pageblock(const struct alloc_context *ac, bool force);

/* pcp.c; its fast part is in pcp.h */
void drain_zone_pages(struct zone *zone, unsigned int cpu);
void drain_idle_pages(struct zone *zone, unsigned int cpu);
bool frame_is_listed(const struct zone *zone, pfn_t pfn);

/* vmstat.c; its fast part is in vmstat.h */
void refresh_zone_stat_threshold(struct mm_machine *m, struct zone *zone);

/* free.c */
void free_block(struct mm_machine *m, struct page *page, unsigned int order);
void free_to_buddy(struct mm_machine *m, struct page *page, unsigned int order, bool to_tail);
bool page_is_bad(const struct page *page, uint64_t bad_flags);
void leak_bad_block(struct mm_machine *m, struct page *page, unsigned int order);
bool new_pages_are_bad(struct mm_machine *m, struct page *page, unsigned int order);

/* mempolicy.c */
struct page *alloc_pages_by_policy(gfp_t gfp, unsigned int order);
bool cpuset_zone_allowed(const struct zone *zone, gfp_t gfp);
void heed_cpuset(const struct mm_machine *m, gfp_t *gfp, unsigned int *alloc_flags,
		 uint64_t *nodemask);

/* watermark.c */
bool has_fitting_block(const struct zone *zone, unsigned int order, unsigned int alloc_flags);
bool zone_watermark_ok(const struct zone *zone, unsigned int order, uint64_t mark,
		       unsigned int highest_zoneidx, unsigned int alloc_flags, long nr_free);
bool zone_watermark_ok_safe(const struct zone *zone, unsigned int order, uint64_t mark,
			    unsigned int highest_zoneidx);
bool zone_watermark_careful(const struct zone *zone, unsigned int order, uint64_t mark,
			    unsigned int highest_zoneidx, unsigned int alloc_flags, gfp_t gfp);
bool boost_watermark(struct zone *zone);

/*
 * Pages that the request cannot have, though they are free: most of its own block, and what is kept
 * for others.
 */
static inline long unusable_free(const struct zone *zone, unsigned int order,
				 unsigned int alloc_flags)
{
	long unusable = (1L << order) - 1;

	if (!(alloc_flags & zone->machine->reserve_flags))
		unusable += (long)zone->nr_reserved_highatomic;
	return unusable;
}

/* zone_watermark_ok for the walk: order 0 above the mark passes at once. */
static inline bool zone_watermark_fast(const struct zone *zone, unsigned int order, uint64_t mark,
				       unsigned int highest_zoneidx, unsigned int alloc_flags,
				       gfp_t gfp)
{
	long usable = zone->nr_free_pages - unusable_free(zone, 0, alloc_flags);

	if (likely(order == 0) &&
	    likely(usable > (long)mark + zone->lowmem_reserve[highest_zoneidx]))
		return true;
	return zone_watermark_careful(zone, order, mark, highest_zoneidx, alloc_flags, gfp);
}

/*
 * boot/deferred.c: more of the zone's memory, for a request that failed there. False: there is
 * none.
 */
bool deferred_grow_zone(struct zone *zone, unsigned int order);

/* zonelist.c */
void build_all_zonelists(struct mm_machine *m);

/* The highest zone a request may use. */
static inline unsigned int gfp_zone(const struct mm_machine *m, gfp_t gfp)
{
	return m->gfp_zone_table[gfp & (__GFP_DMA | __GFP_HIGHMEM | __GFP_DMA32 | __GFP_MOVABLE)];
}

static inline int gfp_migratetype(const struct mm_machine *m, gfp_t gfp)
{
	if (unlikely(m->grouping_disabled))
		return MIGRATE_UNMOVABLE;
	return (int)((gfp & (__GFP_MOVABLE | __GFP_RECLAIMABLE)) >> 3);
}

static inline const struct zoneref *gfp_zonelist(const struct mm_machine *m, gfp_t gfp,
						 unsigned int nid)
{
	enum zonelist_kind kind = gfp & __GFP_THISNODE ? ZONELIST_NOFALLBACK : ZONELIST_FALLBACK;

	return m->nodes[nid].zonelists[kind].zonerefs;
}

static inline const struct zoneref *next_zoneref(const struct zoneref *ref,
						 unsigned int highest_zoneidx, uint64_t nodemask)
{
	while (ref->zone && (ref->zone_idx > highest_zoneidx ||
			     (nodemask && !(nodemask >> ref->zone->pgdat->node_id & 1))))
		ref++;
	return ref;
}

/* alloc.c */
bool request_has_no_type(const struct mm_machine *m, gfp_t gfp);
struct page *alloc_pages_nodemask(gfp_t gfp, unsigned int order, unsigned int nid, uint64_t nodemask);
void prep_compound_page(struct page *page, unsigned int order);
void zero_block(struct mm_machine *m, pfn_t pfn, unsigned int order);
struct page *get_page_from_freelist(gfp_t gfp, unsigned int order, unsigned int alloc_flags,
				    struct alloc_context *ac);

/* slowpath.c */
struct page *alloc_pages_slowpath(gfp_t gfp, unsigned int order, struct alloc_context *ac);

/* kswapd.c */
void wakeup_kswapd(struct zone *zone, gfp_t gfp, unsigned int order, unsigned int highest_zoneidx);
void wake_all_kswapds(const struct alloc_context *ac, gfp_t gfp, unsigned int order);

/* tunables.c */
void init_per_zone_wmark_min(struct mm_machine *m);
void khugepaged_raises_min_free(struct mm_machine *m);

#endif
