/*
 * Pieces of pages (lostbuddy/page_frag.h).
 *
 *   room left?  --yes-->  cut from the end
 *      no       -->  drop the cache's references  --somebody has others-->  a new block
 *                                                 --nobody-->  from reserves: freed, a new block
 *                                                              else: the same block from its end again
 */
#include "lostbuddy/page_frag.h"

#include "page/page_internal.h"

/* So many that no block runs out of them: a fragment has a byte at least. */
enum { BIAS = PAGE_FRAG_CACHE_MAX_SIZE + 1 };

static void begin_block(struct page_frag_cache *nc)
{
	nc->page->_refcount = BIAS;
	nc->pagecnt_bias = BIAS;
}

/* NULL: the last try's failure is the context's. */
static struct page *take_block(gfp_t gfp)
{
	gfp_t lightly = gfp | __GFP_COMP | __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC;
	struct page *page = alloc_pages_node(NUMA_NO_NODE, lightly, PAGE_FRAG_CACHE_MAX_ORDER);

	/* a kernel would not have come back from these */
	if (!page && (mm_current->failure == MM_FAIL_LOOP || mm_current->failure == MM_FAIL_OOM))
		return NULL;
	return page ? page : alloc_pages_node(NUMA_NO_NODE, gfp, 0);
}

static bool refill(struct page_frag_cache *nc, gfp_t gfp)
{
	struct mm_machine *m = mm_current->machine;
	struct page *page = take_block(gfp);

	*nc = (struct page_frag_cache){ .page = page };
	if (!page)
		return false;
	nc->size = (uint32_t)PAGE_SIZE << compound_order(page);
	nc->pfmemalloc = page_is_pfmemalloc(page);
	nc->offset = nc->size;
	begin_block(nc);
	mm_emit(m, MM_EVENT_FRAG_REFILL, page_zone(m, page), page_to_pfn(page),
		compound_order(page), 0, nc->pfmemalloc);
	return true;
}

/*
 * The block has no room left. True: it is nobody else's, and was begun anew; its offset stays where even
 * all of it would be too little.
 */
static bool reuse(struct page_frag_cache *nc, unsigned int fragsz)
{
	struct mm_machine *m = mm_current->machine;
	struct page *page = nc->page;

	assert(page_count(page) >= (int)nc->pagecnt_bias);
	page->_refcount -= (int)nc->pagecnt_bias;
	if (page_count(page))
		return false;
	if (nc->pfmemalloc) {
		free_block(m, page, compound_order(page));
		return false;
	}
	if (fragsz <= nc->size)
		nc->offset = nc->size;
	begin_block(nc);
	mm_emit(m, MM_EVENT_FRAG_REUSE, page_zone(m, page), page_to_pfn(page), compound_order(page),
		0, 0);
	return true;
}

void *page_frag_alloc(struct page_frag_cache *nc, unsigned int fragsz, gfp_t gfp_mask)
{
	assert(fragsz >= 1 && fragsz <= PAGE_FRAG_CACHE_MAX_SIZE);
	if (request_has_no_type(mm_current->machine, gfp_mask)) {
		mm_current->failure = MM_FAIL_TYPE;
		return NULL;
	}
	if (!nc->page || nc->offset < fragsz) {
		bool anew = nc->page && reuse(nc, fragsz);

		if (!anew && !refill(nc, gfp_mask))
			return NULL;
		if (nc->size < fragsz) {
			mm_current->failure = MM_FAIL_FRAGMENT;
			return NULL;
		}
	}
	nc->pagecnt_bias--;
	nc->offset -= fragsz;
	return (char *)page_address(nc->page) + nc->offset;
}

void __page_frag_cache_drain(struct page *page, unsigned int count)
{
	assert(!PageTail(page) && page_count(page) >= (int)count);
	page->_refcount -= (int)count;
	if (page_count(page) == 0)
		free_block(mm_current->machine, page, compound_order(page));
}

void page_frag_free(void *addr)
{
	__page_frag_cache_drain(compound_head(virt_to_page(addr)), 1);
}

void page_frag_cache_drain(struct page_frag_cache *nc)
{
	struct page *page = nc->page;
	uint32_t bias = nc->pagecnt_bias;

	*nc = (struct page_frag_cache){ 0 };
	if (page)
		__page_frag_cache_drain(page, bias);
}
