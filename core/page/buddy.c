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
#include "page/vmstat.h"

/* The only pfn that could ever be the buddy of [pfn, pfn + 2^order). */
static inline pfn_t buddy_pfn(pfn_t pfn, unsigned int order)
{
	return pfn ^ (UINT64_C(1) << order);
}

/* The caller counts it as a change of the machine: one for all that it does under the lock will do. */
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

/* The buddy if it is a free block, or perhaps a guard, of this order in this zone; NULL otherwise. */
static __always_inline struct page *buddy_to_join(const struct mm_machine *m,
						  const struct zone *zone, pfn_t pfn,
						  unsigned int order, bool guards_too)
{
	struct page *buddy = &m->memmap[buddy_pfn(pfn, order)];

	if (!PageBuddy(buddy) && !(guards_too && PageGuard(buddy)))
		return NULL;
	if (buddy_order(buddy) != order || page_zone_id(buddy) != zone->id)
		return NULL;
	assert(page_count(buddy) == 0);
	return buddy;
}

struct page *free_buddy(const struct mm_machine *m, const struct zone *zone, pfn_t pfn,
			unsigned int order)
{
	return buddy_to_join(m, zone, pfn, order, true);
}

/*
 * From pageblock order up, types keep blocks apart: only U, M and R merge with each other. In 5.10
 * HIGHATOMIC does with them as well, so that a block may begin in a pageblock of another type than
 * its list's (facts 6).
 */
static __noinline bool types_may_merge(const struct zone *zone, int a, int b)
{
	if (zone->machine->config.profile->merges_unlike_types)
		return !zone->nr_isolate_pageblock || a == b ||
		       (a != MIGRATE_ISOLATE && b != MIGRATE_ISOLATE);
	return a == b || (a < MIGRATE_PCPTYPES && b < MIGRATE_PCPTYPES);
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
 * tail. At the top order there is nothing to wait for, and a machine that shuffles leaves it to chance.
 */
static __always_inline bool belongs_at_tail(struct mm_machine *m, const struct zone *zone,
					    pfn_t pfn, unsigned int order, bool guards_too)
{
	if (order >= m->top_order - 1)
		return order == m->top_order && unlikely(m->config.shuffle) &&
		       chance_says_tail(m, zone, pfn);
	return buddy_to_join(m, zone, pfn & buddy_pfn(pfn, order), order + 1, guards_too) != NULL;
}

/* @guards: the machine has some; those who have none pay nothing for them. */
static __always_inline void merge_and_put(struct zone *zone, pfn_t pfn, unsigned int order,
					  int migratetype, bool to_tail, bool guards)
{
	struct mm_machine *m = zone->machine;
	struct free_area *area = &zone->free_area[order];

	assert(is_aligned(pfn, order) && order <= m->top_order);
	assert(page_count(&m->memmap[pfn]) == 0);
	assert(!PageBuddy(&m->memmap[pfn]) && !PageGuard(&m->memmap[pfn]));
	assert(page_zone_id(&m->memmap[pfn]) == zone->id);
	if (likely(migratetype != MIGRATE_ISOLATE))
		mod_zone_free_pages(zone, 1L << order);
	for (; order < m->top_order; area++) {
		struct page *buddy = buddy_to_join(m, zone, pfn, order, guards);

		if (!buddy)
			break;
		if (unlikely(order >= m->pageblock_order) &&
		    !types_may_merge(zone, migratetype, pageblock_type(m, buddy_pfn(pfn, order))))
			break;
		if (guards && PageGuard(buddy))
			clear_guard(zone, buddy, order, migratetype);
		else
			del_from_free_list(area, buddy, order);
		pfn &= buddy_pfn(pfn, order);
		order++;
		mm_emit(m, MM_EVENT_MERGE, zone, pfn, order, migratetype, 0);
	}
	add_to_free_list(area, &m->memmap[pfn], order, migratetype,
			 to_tail || belongs_at_tail(m, zone, pfn, order, guards));
	m->changes++;
	mm_emit(m, MM_EVENT_PUT, zone, pfn, order, migratetype, 0);
}

static __noinline void free_among_guards(struct zone *zone, pfn_t pfn, unsigned int order,
					 int migratetype, bool to_tail)
{
	merge_and_put(zone, pfn, order, migratetype, to_tail, true);
}

void free_one_page(struct zone *zone, pfn_t pfn, unsigned int order, int migratetype, bool to_tail)
{
	if (unlikely(zone->machine->guard_order))
		free_among_guards(zone, pfn, order, migratetype, to_tail);
	else
		merge_and_put(zone, pfn, order, migratetype, to_tail, false);
}

/*
 * Cuts a block of order high down to low: upper halves go to the heads of the lists, the lowest
 * part is kept.
 */
static __always_inline void expand(struct zone *zone, struct page *page, unsigned int low,
				   unsigned int high, int migratetype)
{
	struct mm_machine *m = zone->machine;
	struct free_area *area = &zone->free_area[high];

	while (high > low) {
		high--;
		area--;
		struct page *half = page + (UINT64_C(1) << high);

		add_to_free_list(area, half, high, migratetype, false);
		mm_emit(m, MM_EVENT_SPLIT, zone, (pfn_t)(half - m->memmap), high, migratetype, 0);
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

/*
 * The first block of the smallest order that will do, cut to size; NULL iff no list of the type has
 * one. @only_sound: NULL, too, and nothing changed, if something is wrong with it.
 */
static __always_inline struct page *take_first(struct zone *zone, unsigned int order,
					       int migratetype, bool only_sound)
{
	struct mm_machine *m = zone->machine;
	struct free_area *area = &zone->free_area[order];

	for (unsigned int current = order; current <= m->top_order; current++, area++) {
		struct list_head *list = &area->free_list[migratetype];

		if (list_empty(list))
			continue;
		struct page *page = lru_to_page(list->next);

		if (only_sound && m->checks != MM_CHECKS_OFF && listed_pages_are_bad(page, order))
			return NULL;
		del_from_free_list(area, page, current);
		m->changes++;
		mm_emit(m, MM_EVENT_TAKE, zone, (pfn_t)(page - m->memmap), current, migratetype, 0);
		if (unlikely(m->guard_order))
			expand_guarded(zone, page, order, current, migratetype);
		else
			expand(zone, page, order, current, migratetype);
		page->index = (uint64_t)migratetype;
		return page;
	}
	return NULL;
}

struct page *take_smallest(struct zone *zone, unsigned int order, int migratetype)
{
	return take_first(zone, order, migratetype, false);
}

struct page *take_sound(struct zone *zone, unsigned int order, int migratetype)
{
	return take_first(zone, order, migratetype, true);
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
