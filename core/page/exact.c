/*
 * Contiguous single pages, as many as asked for (facts 6, alloc_pages_exact).
 *
 *   5 pages   [0 1 2 3 4 . . .]   a block of eight; each of the first five gets a reference,
 *                        ^ ^ ^    the others go back, one by one, to the tails of their lists
 */
#include "page/page_internal.h"

static unsigned int order_of(unsigned long pages)
{
	unsigned int order = 0;

	while ((1UL << order) < pages)
		order++;
	return order;
}

/* 5.10: the surplus goes the way of any single page. */
static void give_surplus_as_pages(struct page *page, unsigned long pages, unsigned int order)
{
	split_page(page, order);
	for (unsigned long i = pages; i < 1UL << order; i++)
		__free_page(&page[i]);
}

/* 6.1: past the page lists, so that it merges soon, and is not handed out before. */
static void give_surplus_to_buddy(struct page *page, unsigned long pages, unsigned int order)
{
	for (unsigned long i = 1; i < pages; i++)
		page[i]._refcount = 1;
	for (unsigned long i = pages; i < 1UL << order; i++)
		free_to_buddy(mm_current->machine, &page[i], 0, true);
}

void *alloc_pages_exact(unsigned long pages, gfp_t gfp)
{
	unsigned int order = order_of(pages);
	unsigned long address = __get_free_pages(gfp & ~__GFP_COMP, order);

	if (!address)
		return NULL;
	if (mm_current->machine->config.profile->exact_splits)
		give_surplus_as_pages(virt_to_page((void *)address), pages, order);
	else
		give_surplus_to_buddy(virt_to_page((void *)address), pages, order);
	return (void *)address;
}

void free_pages_exact(void *address, unsigned long pages)
{
	for (unsigned long i = 0; i < pages; i++)
		free_page((unsigned long)address + i * PAGE_SIZE);
}
