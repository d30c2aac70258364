/* The last step of every allocation: a free block becomes somebody's (facts 6, prep_new_page). */
#ifndef LB_PAGE_NEW_PAGE_H
#define LB_PAGE_NEW_PAGE_H

#include "page/page_internal.h"

/* private is 0 already: frees and the free lists see to it. */
static __always_inline void prep_new_page(struct mm_machine *m, struct page *page,
					  unsigned int order, gfp_t gfp)
{
	assert(page->private == 0 && page_count(page) == 0);
	page->_refcount = 1;
	if (unlikely(m->poison_memory))
		mm_unpoison_block(m, (pfn_t)(page - m->memmap), order);
	if (unlikely(m->fills_pages))
		prepare_new_block(m, (pfn_t)(page - m->memmap), order, gfp);
	else if (unlikely(gfp & __GFP_ZERO))
		zero_block(m, (pfn_t)(page - m->memmap), order);
	if (order && (gfp & __GFP_COMP))
		prep_compound_page(page, order);
	m->vmstat.pgalloc += UINT64_C(1) << order;
	mm_emit(m, MM_EVENT_ALLOC, NULL, (pfn_t)(page - m->memmap), order, 0, gfp);
}

#endif
