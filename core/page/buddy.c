/*
 * Free areas of a zone: blocks of 2^order pages, by order and migratetype.
 *
 *   order 3  [0.......|........]           a free block of 8 pages at pfn 0
 *   order 2  [....|....]                   its two halves, when split
 *   order 0  ^pfn 5                        buddy of 5 is 4 (5 xor 1), of 4..7 is 0..3 (4 xor 4)
 *
 * Invariants (mm_machine_check() reports them as M2, M3, M5):
 *   A1  a listed block lies in one zone and is aligned to its size;
 *   A2  only the head of a listed block is a buddy page; its order is in private, its refcount is
 *       0;
 *   A3  nr_free of an order is the length of all its lists; the zone's count of free pages is the
 *       pages of all blocks that are not ISOLATE (vmstat.c);
 *   A4  a block that was just freed has no buddy left that it may merge with (types that change
 *       later may leave mergeable neighbours apart: Linux does not look again);
 *   A5  with guard_order, smaller halves of a block that is cut are guards: in no list, counted nowhere;
 *       the other half merges with them as if they were free.
 *
 * Locking: zone->lock, held by the caller. A2 and A3 may be seen broken only under it.
 * Not here: who may take which list (fallback.c), watermarks (watermark.c), page lists (pcp.c).
 */
#include "page/badness.h"
#include "page/vmstat.h"

/* The only pfn that could ever be the buddy of [pfn, pfn + 2^order). */
static inline pfn_t buddy_of(pfn_t pfn, unsigned int order)
{
	return pfn ^ (UINT64_C(1) << order);
}

/*
 * The caller counts it as a change of the machine: one for all that it does under the lock will do.
 */
static __always_inline void add_to_free_list(struct free_area *area, struct page *page,
					     unsigned int order, int migratetype, bool tail)
{
	page->page_type = PAGE_TYPE_BUDDY;
	page->private = order;
	if (tail)
		list_add_tail(&page->lru, &area->free_list[migratetype]);
	else
		list_add(&page->lru, &area->free_list[migratetype]);
	area->nr_free++;
}

/* The same where the list is empty. */
static __always_inline void add_to_empty_list(struct free_area *area, struct page *page,
					      unsigned long order, int migratetype)
{
	assert(list_empty(&area->free_list[migratetype]));
	page->page_type = PAGE_TYPE_BUDDY;
	page->private = order;
	list_add_only(&page->lru, &area->free_list[migratetype]);
	area->nr_free++;
}

static __always_inline void del_from_free_list(struct free_area *area, struct page *page,
					       unsigned int order)
{
	assert(PageBuddy(page) && buddy_order(page) == order);
	(void)order;
	list_del(&page->lru);
	page->page_type = PAGE_TYPE_NONE;
	page->private = 0;
	area->nr_free--;
}

void take_free_block(struct zone *zone, struct page *page, unsigned int order)
{
	del_from_free_list(&zone->free_area[order], page, order);
	zone->machine->changes++;
}

static __cold void set_guard(struct zone *zone, struct page *page, unsigned int order,
			     int migratetype)
{
	page->page_type = PAGE_TYPE_GUARD;
	page->private = order;
	if (migratetype != MIGRATE_ISOLATE)
		mod_zone_free_pages(zone, -(1L << order));
	mm_emit(zone->machine, MM_EVENT_GUARD, zone, (pfn_t)(page - zone->machine->memmap), order,
		migratetype, 0);
}

/* @migratetype: of the block that it joins */
static __cold void clear_guard(struct zone *zone, struct page *page, unsigned int order,
			       int migratetype)
{
	assert(PageGuard(page) && buddy_order(page) == order);
	page->page_type = PAGE_TYPE_NONE;
	page->private = 0;
	if (migratetype != MIGRATE_ISOLATE)
		mod_zone_free_pages(zone, 1L << order);
	mm_emit(zone->machine, MM_EVENT_GUARD_MERGE, zone, (pfn_t)(page - zone->machine->memmap),
		order, migratetype, 0);
}

/* What is left of a block that was cut: to the head of its list, or, if it is small enough, on guard. */
void put_half(struct zone *zone, struct page *page, unsigned int order, int migratetype)
{
	struct mm_machine *m = zone->machine;

	m->changes++;
	if (order < m->guard_order) {
		set_guard(zone, page, order, migratetype);
		return;
	}
	add_to_free_list(&zone->free_area[order], page, order, migratetype, false);
	mm_emit(m, MM_EVENT_SPLIT, zone, (pfn_t)(page - m->memmap), order, migratetype, 0);
}

void move_to_free_list(struct zone *zone, struct page *page, unsigned int order, int migratetype)
{
	list_move_tail(&page->lru, &zone->free_area[order].free_list[migratetype]);
	zone->machine->changes++;
}

void set_pageblock_type(struct mm_machine *m, pfn_t pfn, int migratetype)
{
	if (unlikely(m->grouping_disabled && migratetype < MIGRATE_PCPTYPES))
		migratetype = MIGRATE_UNMOVABLE;
	/* the same type again is no change: a loop that does only that goes round for ever */
	m->changes += pageblock_type(m, pfn) != migratetype;
	m->pageblock_type[pfn >> m->pageblock_order] = (uint8_t)migratetype;
	mm_emit(m, MM_EVENT_RETYPE, NULL, pfn, m->pageblock_order, migratetype, 0);
}

/* A block of this order that a block beside it may join; plain machines have no guards. */
static inline bool is_joinable(const struct zone *zone, const struct page *page, unsigned int order,
			       bool plain)
{
	if (!PageBuddy(page) && (plain || !PageGuard(page)))
		return false;
	assert(page_count(page) == 0);
	return buddy_order(page) == order && page_zone_id(page) == zone->id;
}

/* The buddy if it is a free block, or a guard, of this order in this zone; NULL otherwise. */
struct page *free_buddy(const struct mm_machine *m, const struct zone *zone, pfn_t pfn,
			unsigned int order)
{
	struct page *buddy = &m->memmap[buddy_of(pfn, order)];

	return is_joinable(zone, buddy, order, false) ? buddy : NULL;
}

/*
 * From pageblock order up, types keep blocks apart: only U, M and R merge with each other. In 5.10
 * HIGHATOMIC does with them as well, so that a block may begin in a pageblock of another type than
 * its list's (facts 6).
 */
static inline bool unlike_types_may_merge(const struct zone *zone, int a, int b)
{
	if (zone->machine->config.profile->merges_unlike_types)
		return !zone->nr_isolate_pageblock ||
		       (a != MIGRATE_ISOLATE && b != MIGRATE_ISOLATE);
	return a < MIGRATE_PCPTYPES && b < MIGRATE_PCPTYPES;
}

static inline bool types_may_merge(const struct zone *zone, int a, int b)
{
	return likely(a == b) || unlike_types_may_merge(zone, a, b);
}

static __cold bool chance_says_tail(struct mm_machine *m, const struct zone *zone, pfn_t pfn)
{
	if (!shuffle_pick_tail(m))
		return false;
	mm_emit(m, MM_EVENT_SHUFFLE_TAIL, zone, pfn, m->top_order, 0, 0);
	return true;
}

/*
 * A block whose parent's buddy is free already will merge soon if it is left alone: it goes to the
 * tail. At the top order there is nothing to wait for, and a machine that shuffles leaves it to
 * chance.
 */
static __always_inline bool belongs_at_tail(struct mm_machine *m, const struct zone *zone,
					    pfn_t pfn, unsigned int order, bool plain)
{
	if (order >= m->top_order - 1)
		return !plain && order == m->top_order && unlikely(m->config.shuffle) &&
		       chance_says_tail(m, zone, pfn);
	return is_joinable(zone, &m->memmap[buddy_of(pfn & buddy_of(pfn, order), order + 1)],
			   order + 1, plain);
}

/* A buddy leaves its list, or its guard. */
static __always_inline void join_buddy(struct zone *zone, struct free_area *area,
				       struct page *buddy, unsigned int order, int migratetype,
				       bool plain)
{
	if (!plain && unlikely(PageGuard(buddy)))
		clear_guard(zone, buddy, order, migratetype);
	else
		del_from_free_list(area, buddy, order);
}

/*
 * A block joins its free buddies and goes to a list. The caller counts that, and its pages. @plain:
 * nobody listens, nothing is on guard or left to chance.
 */
static __always_inline void merge_and_put(struct zone *zone, pfn_t pfn, unsigned int order,
					  int migratetype, bool to_tail, bool plain)
{
	struct mm_machine *m = zone->machine;
	struct page *memmap = m->memmap;
	struct free_area *area = &zone->free_area[order];
	const unsigned int top_order = m->top_order, typed_order = m->pageblock_order;

	assert(is_aligned(pfn, order) && order <= top_order);
	assert(page_count(&m->memmap[pfn]) == 0);
	assert(!PageBuddy(&m->memmap[pfn]) && !PageGuard(&m->memmap[pfn]));
	assert(page_zone_id(&m->memmap[pfn]) == zone->id);
	for (uint64_t pages = UINT64_C(1) << order; order < top_order; area++, pages <<= 1) {
		pfn_t buddy_pfn = pfn ^ pages;
		struct page *buddy = &memmap[buddy_pfn];

		if (!is_joinable(zone, buddy, order, plain))
			break;
		if (unlikely(order >= typed_order) &&
		    !types_may_merge(zone, migratetype, pageblock_type(m, buddy_pfn)))
			break;
		join_buddy(zone, area, buddy, order, migratetype, plain);
		pfn &= buddy_pfn;
		order++;
		if (!plain)
			mm_emit(m, MM_EVENT_MERGE, zone, pfn, order, migratetype, 0);
	}
	add_to_free_list(area, &m->memmap[pfn], order, migratetype,
			 to_tail || belongs_at_tail(m, zone, pfn, order, plain));
	if (!plain)
		mm_emit(m, MM_EVENT_PUT, zone, pfn, order, migratetype, 0);
}

void free_one_page(struct zone *zone, pfn_t pfn, unsigned int order, int migratetype, bool to_tail)
{
	if (likely(migratetype != MIGRATE_ISOLATE))
		mod_zone_free_pages(zone, 1L << order);
	zone->machine->changes++;
	merge_and_put(zone, pfn, order, migratetype, to_tail, false);
}

/* Shortcut: the same on a plain machine, and not to the tail. */
void put_plain(struct zone *zone, pfn_t pfn, unsigned int order, int migratetype)
{
	assert(zone->machine->plain);
	zone->machine->changes++;
	merge_and_put(zone, pfn, order, migratetype, false, true);
	if (likely(migratetype != MIGRATE_ISOLATE))
		mod_zone_free_pages(zone, 1L << order);
}

/*
 * The order of the largest aligned block of at most so many pages on one side of pfn, in one
 * pageblock.
 */
static inline unsigned int largest_order_at(const struct mm_machine *m, pfn_t pfn, uint64_t pages)
{
	unsigned int aligned = (unsigned int)__builtin_ctzll(pfn | pageblock_pages(m));
	unsigned int fits = 63 - (unsigned int)__builtin_clzll(pages);

	return aligned < fits ? aligned : fits;
}

/*
 * Shortcut: frees `times` blocks that lie side by side, one after the other from the lowest or from
 * the highest on. The blocks that make up a larger aligned one meet no other buddies than each
 * other until the last of them comes, and leave no trace on the lists: freeing the larger one comes
 * to the same. Up to pageblock order, where types do not keep blocks apart. Not for ISOLATE.
 */
void free_neighbours(struct zone *zone, pfn_t pfn, unsigned int order, unsigned int times,
		     int migratetype, bool from_highest)
{
	struct mm_machine *m = zone->machine;
	uint64_t left = (uint64_t)times << order;

	assert(m->plain && migratetype != MIGRATE_ISOLATE && is_aligned(pfn, order));
	mod_zone_free_pages_times(zone, 1L << order, times);
	m->changes += times;
	while (left) {
		unsigned int whole = largest_order_at(m, from_highest ? pfn + left : pfn, left);

		left -= UINT64_C(1) << whole;
		merge_and_put(zone, from_highest ? pfn + left : pfn, whole, migratetype, false,
			      true);
		pfn += from_highest ? 0 : UINT64_C(1) << whole;
	}
}

/*
 * Cuts a block of order high down to low: upper halves go to the lists, the lowest part is kept.
 * The lists are empty: otherwise the block would have been taken from there.
 */
static __always_inline void expand(struct zone *zone, struct free_area *area, struct page *page,
				   unsigned int low, unsigned int high, int migratetype, bool plain)
{
	struct mm_machine *m = zone->machine;
	uint64_t pages = UINT64_C(1) << high;

	for (unsigned long order = high; order-- > low;) {
		area--;
		pages >>= 1;
		struct page *half = page + pages;

		add_to_empty_list(area, half, order, migratetype);
		if (!plain)
			mm_emit(m, MM_EVENT_SPLIT, zone, (pfn_t)(half - m->memmap),
				(unsigned int)order, migratetype, 0);
	}
}

/* The same where small halves become guards. */
static __noinline void expand_guarded(struct zone *zone, struct page *page, unsigned int low,
				      unsigned int high, int migratetype)
{
	while (high > low) {
		high--;
		put_half(zone, page + (UINT64_C(1) << high), high, migratetype);
	}
}

/* The smallest order from *order on of which the type has a block; NULL: none. */
static __always_inline struct free_area *smallest_area(struct zone *zone, unsigned int *order,
						       int migratetype)
{
	struct free_area *area = &zone->free_area[*order];

	for (; list_empty(&area->free_list[migratetype]); area++)
		if ((*order)++ == zone->machine->top_order)
			return NULL;
	return area;
}

/*
 * The first block of a list leaves it. NULL, and nothing changed: @only_sound, and something is
 * wrong with its first pages, which are wanted.
 */
static __always_inline struct page *del_first(const struct mm_machine *m, struct free_area *area,
					      unsigned int order, int migratetype, bool only_sound,
					      uint64_t pages)
{
	struct page *page = lru_to_page(area->free_list[migratetype].next);

	del_from_free_list(area, page, order);
	if (!only_sound || m->checks == MM_CHECKS_OFF ||
	    likely(!badness(page, page + pages, PAGE_FLAGS_ALL)))
		return page;
	add_to_free_list(area, page, order, migratetype, false);
	return NULL;
}

/*
 * The first block of the smallest order that will do, cut to size; NULL iff no list of the type has
 * one. @plain: nobody listens; NULL, too, and nothing changed, if something is wrong with it.
 */
static __always_inline struct page *take_first(struct zone *zone, unsigned int order,
					       int migratetype, bool plain)
{
	struct mm_machine *m = zone->machine;
	unsigned int found = order;
	struct free_area *area = smallest_area(zone, &found, migratetype);

	if (!area)
		return NULL;
	struct page *page = del_first(m, area, found, migratetype, plain, UINT64_C(1) << order);

	if (!page)
		return NULL;
	m->changes++;
	if (!plain)
		mm_emit(m, MM_EVENT_TAKE, zone, (pfn_t)(page - m->memmap), found, migratetype, 0);
	if (!plain && unlikely(m->guard_order))
		expand_guarded(zone, page, order, found, migratetype);
	else
		expand(zone, area, page, order, found, migratetype, plain);
	page->index = (uint64_t)migratetype;
	return page;
}

struct page *take_smallest(struct zone *zone, unsigned int order, int migratetype)
{
	return take_first(zone, order, migratetype, false);
}

/* Shortcut: a whole allocation of a block that goes past the page lists. NULL: nothing changed. */
struct page *take_plain(struct zone *zone, unsigned int order, int migratetype)
{
	struct page *page = take_first(zone, order, migratetype, true);

	if (unlikely(!page))
		return NULL;
	mod_zone_free_pages(zone, -(1L << order));
	zone->pageset[mm_current->cpu].local_hits++;
	page->_refcount = 1;
	zone->machine->vmstat.pgalloc += UINT64_C(1) << order;
	return page;
}

/* The part of a cut block from pfn to end goes to the lists, which are empty below its order. */
static void put_rest(struct zone *zone, pfn_t pfn, pfn_t end, int migratetype)
{
	struct mm_machine *m = zone->machine;

	while (pfn < end) {
		unsigned int order = (unsigned int)__builtin_ctzll(pfn);

		add_to_empty_list(&zone->free_area[order], &m->memmap[pfn], order, migratetype);
		pfn += UINT64_C(1) << order;
	}
}

/* The first `times` blocks of a block that left its list, to the tail of another list. */
static void cut_to_list(struct page *page, unsigned int order, unsigned int times, int migratetype,
			struct list_head *list)
{
	struct list_head *last = list->prev;

	for (const struct page *end = page + ((size_t)times << order); page < end;
	     page += UINT64_C(1) << order) {
		assert(page->private == 0 && page_count(page) == 0);
		page->page_type = PAGE_TYPE_NONE;
		page->index = (uint64_t)migratetype;
		page->lru.prev = last;
		last->next = &page->lru;
		last = &page->lru;
	}
	last->next = list;
	list->prev = last;
}

/*
 * Shortcut: takes up to n blocks off the first block of the smallest order that will do, to the
 * tail of a list, and says how many. take_smallest() would find the same ones one by one: what is
 * left of a block that was cut is smaller than any other of the type, and its lowest part the
 * smallest. 0, and nothing changed: the type has no block, or something is wrong with this one.
 */
unsigned int take_run(struct zone *zone, unsigned int order, unsigned int n, int migratetype,
		      struct list_head *list)
{
	struct mm_machine *m = zone->machine;
	unsigned int found = order;
	struct free_area *area = smallest_area(zone, &found, migratetype);

	assert(m->plain && n > 0);
	if (!area)
		return 0;
	unsigned int times = (unsigned int)min_u64(n, UINT64_C(1) << (found - order));
	uint64_t pages = (uint64_t)times << order;
	struct page *page = del_first(m, area, found, migratetype, true, pages);

	if (!page)
		return 0;
	pfn_t pfn = (pfn_t)(page - m->memmap);

	cut_to_list(page, order, times, migratetype, list);
	put_rest(zone, pfn + pages, pfn + (UINT64_C(1) << found), migratetype);
	m->changes += times;
	return times;
}

/* The head of the free block, or guard, that a frame lies in; NULL: it lies in none. */
struct page *free_block_of(struct mm_machine *m, pfn_t pfn)
{
	for (unsigned int order = 0; order <= m->top_order; order++) {
		struct page *head = &m->memmap[pfn & ~((UINT64_C(1) << order) - 1)];

		if ((PageBuddy(head) || PageGuard(head)) && buddy_order(head) >= order)
			return head;
		if (page_count(head) > 0)
			return NULL;
	}
	return NULL;
}

/*
 * All free blocks of the pageblock go to the tails of another type's lists, lowest pfn first.
 * Returns their pages; 0 without a look if the pageblock reaches beyond the zone's end. One that
 * begins before the zone is taken from pfn on.
 */
uint64_t move_freepages_block(struct zone *zone, pfn_t pfn, int migratetype)
{
	struct mm_machine *m = zone->machine;
	pfn_t start = pfn & ~(pageblock_pages(m) - 1), end = start + pageblock_pages(m);
	uint64_t moved = 0;

	if (!zone_spans_pfn(zone, start))
		start = pfn;
	if (!zone_spans_pfn(zone, end - 1))
		return 0;
	for (pfn_t at = start; at < end;) {
		struct page *page = &m->memmap[at];

		if (!PageBuddy(page) || page_zone_id(page) != zone->id) {
			at++;
			continue;
		}
		unsigned int order = buddy_order(page);

		move_to_free_list(zone, page, order, migratetype);
		moved += UINT64_C(1) << order;
		at += UINT64_C(1) << order;
	}
	return moved;
}
