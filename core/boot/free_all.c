/*
 * The end of the boot allocator: every free range goes to the buddy, cut as far as alignment and
 * its end allow.
 */
#include "boot/boot.h"
#include "page/page_internal.h"

/* The largest block that starts here: facts 2, min(T, ffs(start)), and inside the range. */
static unsigned int block_order(const struct mm_machine *m, pfn_t start, pfn_t end)
{
	unsigned int order = m->top_order;

	while (!is_aligned(start, order) || start + (UINT64_C(1) << order) > end)
		order--;
	return order;
}

/* No longer reserved, managed by its zone from now on. */
void free_boot_block(struct mm_machine *m, pfn_t pfn, unsigned int order)
{
	struct zone *zone = page_zone(m, &m->memmap[pfn]);
	uint64_t pages = UINT64_C(1) << order;

	for (struct page *page = &m->memmap[pfn]; page < &m->memmap[pfn + pages]; page++) {
		assert(PageReserved(page) && page->_refcount == 1);
		page->flags &= ~PAGE_FLAG(PG_RESERVED);
		page->_refcount = 0;
	}
	zone->managed_pages += pages;
	if (m->poison_memory)
		mm_poison_block(m, pfn, order);
	zone_lock(zone);
	free_one_page(zone, pfn, order, pageblock_type(m, pfn), true);
	zone_unlock(zone);
}

/* All of it that is not deferred. */
static void free_range(struct mm_machine *m, const struct mm_range *range)
{
	pfn_t end = min_u64(range->end, m->nodes[range->node].first_deferred_pfn);

	for (pfn_t pfn = range->start; pfn < end;) {
		unsigned int order = block_order(m, pfn, end);

		free_boot_block(m, pfn, order);
		pfn += UINT64_C(1) << order;
	}
}

void memblock_free_all(struct mm_machine *m, const struct memblock *mb)
{
	struct mm_range free = { 0 };

	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
			mm_zone(m, node, type)->managed_pages = 0;
	while (memblock_next_free(mb, free.end, &free))
		free_range(m, &free);
}

/* Nobody looks at marks and reserves again: they keep the sizes of before (facts 2, end). */
void memblock_free_late(struct mm_machine *m, const struct memblock *mb)
{
	for (unsigned int i = 0; i < mb->late.cnt; i++)
		free_range(m, &mb->late.regions[i]);
}
