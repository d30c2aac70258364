/*
 * Giving pages back: references, the state a freed page must be in, and where it goes (facts 6).
 *
 *   __free_pages  --last reference-->  prepared?  --order has page lists-->  pcp_free
 *                                          |      --others--------------->  free_one_page
 *                                          +-- bad: the whole block is leaked
 *                                          +-- a single page of broken memory: dropped
 *
 * When pages are looked at depends on checks: as a kernel without DEBUG_VM, tails and blocks bound
 * for the buddy now, heads of page list blocks when they are trimmed; debug: all of them now;
 * debug_pagealloc: both; off: none.
 */
#include "page/badness.h"
#include "page/pcp.h"

bool page_is_bad(const struct page *page, uint64_t bad_flags)
{
	return badness(page, page + 1, bad_flags) != 0;
}

/* Nobody will ever get these frames again. */
static void lose_block(struct mm_machine *m, struct page *page, unsigned int order,
		       enum mm_event_kind why)
{
	pfn_t pfn = (pfn_t)(page - m->memmap);

	m->vmstat.leaked += UINT64_C(1) << order;
	for (unsigned long i = 0; i < 1UL << order; i++) {
		page[i].page_type = PAGE_TYPE_NONE;
		page[i].flags &= ~PAGE_FLAG(PG_RESERVED); /* READINGS: it stands in nobody's way */
	}
	if (m->fills_pages)
		lose_contents(m, pfn, order);
	mm_emit(m, why, NULL, pfn, order, 0, 0);
}

void leak_bad_block(struct mm_machine *m, struct page *page, unsigned int order)
{
	mm_current->warnings |= MM_WARN_BAD_PAGE;
	m->vmstat.bad_pages++;
	lose_block(m, page, order, MM_EVENT_BAD_PAGE);
}

/*
 * Pages that come from the buddy are looked at before they are handed out. True: leaked, take
 * another.
 */
bool new_pages_are_bad(struct mm_machine *m, struct page *page, unsigned int order)
{
	const struct page *first = page;

	if (likely(!badness(page, page + (1UL << order), PAGE_FLAGS_ALL)))
		return false;
	while (!page_is_bad(first, PAGE_FLAGS_ALL))
		first++;
	if (PageHWPoison(first)) /* that is known: no complaint */
		lose_block(m, page, order, MM_EVENT_HWPOISON);
	else
		leak_bad_block(m, page, order);
	return true;
}

static void take_tails_apart(struct page *page, unsigned int order)
{
	for (struct page *tail = page + 1; tail < page + (1UL << order); tail++) {
		tail->mapping = NULL;
		tail->compound_head = 0;
	}
}

/* Clears the flags of tails that nobody may complain of. Returns how many are bad. */
static __cold unsigned int look_at_tails(struct page *page, unsigned int order)
{
	unsigned int bad = 0;

	for (struct page *tail = page + 1; tail < page + (1UL << order); tail++) {
		if (page_is_bad(tail, PAGE_FLAGS_BAD_AT_FREE))
			bad++;
		else
			tail->flags &= ~PAGE_FLAGS_CLEARED;
	}
	return bad;
}

static void clear_tails(struct page *page, unsigned int order)
{
	for (struct page *tail = page + 1; tail < page + (1UL << order); tail++)
		tail->flags &= ~PAGE_FLAGS_CLEARED;
}

/* Takes tails apart and looks at them. Returns how many are bad. */
static __noinline unsigned int prepare_tails(struct mm_machine *m, struct page *page,
					     unsigned int order)
{
	const struct page *end = page + (1UL << order);

	if (unlikely(PageHead(page)))
		take_tails_apart(page, order);
	if (m->checks == MM_CHECKS_OFF) {
		clear_tails(page, order);
		return 0;
	}
	/* nothing wrong, and no flag to clear */
	if (likely(!badness(page + 1, end, PAGE_FLAGS_CLEARED)))
		return 0;
	return look_at_tails(page, order);
}

/*
 * False: the block is in a bad state, or its one page's memory is broken, and it is lost. @to_buddy: it does
 * not go through a page list.
 */
static __always_inline bool free_pages_prepare(struct mm_machine *m, struct page *page,
					       unsigned int order, bool to_buddy)
{
	unsigned int bad = 0;

	mm_emit(m, MM_EVENT_FREE, NULL, (pfn_t)(page - m->memmap), order, 0, 0);
	page->flags &= ~PAGE_FLAG(PG_MLOCKED);
	if (order) {
		bad = prepare_tails(m, page, order);
	} else if (unlikely(PageHWPoison(page))) {
		lose_block(m, page, 0, MM_EVENT_HWPOISON);
		return false;
	}
	if (m->checks_at_user || (to_buddy && m->checks_at_buddy))
		bad += page_is_bad(page, PAGE_FLAGS_BAD_AT_FREE);
	if (unlikely(bad)) {
		leak_bad_block(m, page, order);
		return false;
	}
	m->vmstat.pgfree += UINT64_C(1) << order;
	page->flags &= ~PAGE_FLAGS_CLEARED;
	page->private = 0;
	if (unlikely(m->fills_pages))
		fill_freed_block(m, (pfn_t)(page - m->memmap), order);
	if (unlikely(m->poison_memory))
		mm_poison_block(m, (pfn_t)(page - m->memmap), order);
	return true;
}

__noinline void free_to_buddy(struct mm_machine *m, struct page *page, unsigned int order,
			      bool to_tail)
{
	struct zone *zone = page_zone(m, page);
	pfn_t pfn = (pfn_t)(page - m->memmap);

	if (!free_pages_prepare(m, page, order, true))
		return;
	zone_lock(zone);
	free_one_page(zone, pfn, order, pageblock_type(m, pfn), to_tail);
	zone_unlock(zone);
}

/* A block whose last reference is gone. */
static __always_inline void free_the_page(struct mm_machine *m, struct page *page,
					  unsigned int order)
{
	assert(page_count(page) == 0);
	if (unlikely(!has_pcp_lists(m, order))) {
		free_to_buddy(m, page, order, false);
		return;
	}
	if (likely(free_pages_prepare(m, page, order, false)))
		pcp_free(m, page, order);
}

/* The same, not inline: for whoever is not in a hurry. */
__noinline void free_block(struct mm_machine *m, struct page *page, unsigned int order)
{
	free_the_page(m, page, order);
}

/* Frees all but the first page of a block that somebody else still holds. */
static __noinline void free_upper_halves(struct mm_machine *m, struct page *page,
					 unsigned int order)
{
	mm_emit(m, MM_EVENT_PARTIAL_FREE, NULL, (pfn_t)(page - m->memmap), order, 0, 0);
	while (order-- > 0)
		free_block(m, page + (1UL << order), order);
}

static __noinline void free_pages_general(struct page *page, unsigned int order)
{
	struct mm_machine *m = mm_current->machine;
	bool compound = PageHead(page);

	assert(page_count(page) > 0 && !PageTail(page));
	if (likely(--page->_refcount == 0))
		free_the_page(m, page, order);
	else if (!compound)
		free_upper_halves(m, page, order);
}

/*
 * The shortcut of nine frees in ten: the last reference of a block whose list has room, with nothing to
 * tell, lock or poison, and nothing wrong or left to clear in its tails. It does what
 * free_pages_general() would do; where it cannot, it has changed nothing and returns false.
 */
static __always_inline bool free_plain_block(struct mm_machine *m, struct page *page,
					     unsigned int order)
{
	pfn_t pfn = (pfn_t)(page - m->memmap);
	unsigned int migratetype = (unsigned int)pageblock_type(m, pfn);
	struct per_cpu_pages *pcp = &page_zone(m, page)->pageset[mm_current->cpu];

	if (unlikely(!m->plain || page_count(page) != 1 || migratetype >= MIGRATE_PCPTYPES ||
		     PageHWPoison(page)))
		return false;
	if (unlikely(pcp->count + (1 << order) >= pcp->high))
		return false;
	if (order && (pcp->free_factor || PageHead(page) ||
		      badness(page + 1, page + (1UL << order), PAGE_FLAGS_ALL)))
		return false;
	page->_refcount = 0;
	page->flags &= ~PAGE_FLAGS_CLEARED;
	page->private = 0;
	page->index = migratetype;
	pcp->count += 1 << order;
	list_add(&page->lru, &pcp->lists[order * MIGRATE_PCPTYPES + migratetype]);
	m->vmstat.pgfree += UINT64_C(1) << order;
	return true;
}

/*
 * The same for orders without page lists: a sound block straight to the buddy. With checks = off
 * flags of tails stay, for nobody looks.
 */
static __noinline void free_plain_to_buddy(struct mm_machine *m, struct page *page,
					   unsigned int order)
{
	pfn_t pfn = (pfn_t)(page - m->memmap);

	if (unlikely(!m->plain || page_count(page) != 1 || PageHead(page))) {
		free_pages_general(page, order);
		return;
	}
	page->_refcount = 0;
	if (m->checks != MM_CHECKS_OFF &&
	    unlikely(badness(page, page + (1UL << order), PAGE_FLAGS_ALL))) {
		page->_refcount = 1;
		free_pages_general(page, order);
		return;
	}
	page->flags &= ~PAGE_FLAGS_CLEARED;
	page->private = 0;
	m->vmstat.pgfree += UINT64_C(1) << order;
	put_plain(page_zone(m, page), pfn, order, pageblock_type(m, pfn));
}

static __noinline void free_larger(struct page *page, unsigned int order)
{
	struct mm_machine *m = mm_current->machine;

	if (unlikely(order > m->pcp_max_order) && likely(!has_pcp_lists(m, order)))
		free_plain_to_buddy(m, page, order);
	else if (unlikely(order > m->pcp_max_order || !free_plain_block(m, page, order)))
		free_pages_general(page, order);
}

void __free_pages(struct page *page, unsigned int order)
{
	if (unlikely(order))
		free_larger(page, order);
	else if (unlikely(!free_plain_block(mm_current->machine, page, 0)))
		free_pages_general(page, 0);
}

void free_pages(unsigned long address, unsigned int order)
{
	if (address)
		__free_pages(virt_to_page((const void *)address), order);
}

void get_page(struct page *page)
{
	page = compound_head(page);
	assert(page_count(page) > 0);
	page->_refcount++;
}

static void free_compound_page(struct mm_machine *m, struct page *page)
{
	mm_emit(m, MM_EVENT_DESTRUCTOR_COMPOUND, NULL, (pfn_t)(page - m->memmap),
		compound_order(page), 0, 0);
	free_block(m, page, compound_order(page));
}

/* Splitting is never put off here, so there is no queue that the page would have to leave. */
static void free_transhuge_page(struct mm_machine *m, struct page *page)
{
	mm_emit(m, MM_EVENT_DESTRUCTOR_THP, NULL, (pfn_t)(page - m->memmap), compound_order(page),
		0, 0);
	free_block(m, page, compound_order(page));
}

typedef void compound_destructor(struct mm_machine *m, struct page *page);

static compound_destructor *const compound_destructors[NR_COMPOUND_DTORS] = {
	[COMPOUND_PAGE_DTOR] = free_compound_page,
	[TRANSHUGE_PAGE_DTOR] = free_transhuge_page,
};

void put_page(struct page *page)
{
	struct mm_machine *m = mm_current->machine;

	page = compound_head(page);
	assert(page_count(page) > 0);
	if (--page->_refcount)
		return;
	if (!PageHead(page)) {
		free_block(m, page, 0);
		return;
	}
	assert(page[1].compound_dtor < NR_COMPOUND_DTORS &&
	       compound_destructors[page[1].compound_dtor]);
	compound_destructors[page[1].compound_dtor](m, page);
}

void prep_transhuge_page(struct page *page)
{
	assert(compound_order(page) >= 2 && page_count(page) > 0);
	page[1].compound_dtor = TRANSHUGE_PAGE_DTOR;
}

void split_page(struct page *page, unsigned int order)
{
	assert(!PageHead(page) && !PageTail(page) && page_count(page) > 0);
	for (unsigned long i = 1; i < 1UL << order; i++) {
		assert(page_count(&page[i]) == 0);
		page[i]._refcount = 1;
	}
}
