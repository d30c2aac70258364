/*
 * Pieces of pages: many small allocations out of one block, handed out from its end downwards. Linux's
 * own names and signatures.
 *
 *   block of order 3 (or 0)   [........................|frag 2|fragment 1]
 *                              0                       ^ offset           ^ size
 *
 * Each fragment holds a reference of the block; the cache holds the others that the block was given
 * (pagecnt_bias), so that a fragment costs it no atomic. When the block has no room left, the cache drops
 * its references: if nobody else has one, it begins the block anew, else it takes another one, and the
 * last page_frag_free gives the old one back.
 *
 * Invariant (mm_machine_check() reports it as M9): the block's refcount is pagecnt_bias and the number of
 * fragments that live in it.
 *
 * Locking: a cache belongs to whoever runs on its CPU. Facts: 6, 10; READINGS, "Fragments".
 */
#ifndef LB_PAGE_FRAG_H
#define LB_PAGE_FRAG_H

#include "lostbuddy/gfp.h"

enum {
	PAGE_FRAG_CACHE_MAX_ORDER = 3,
	PAGE_FRAG_CACHE_MAX_SIZE = PAGE_SIZE << PAGE_FRAG_CACHE_MAX_ORDER, /* bytes */
};

struct page_frag_cache {
	struct page *page;     /* first of the block; NULL: none, and everything else is 0 */
	uint32_t size, offset; /* bytes; the next fragment ends at offset */
	uint32_t pagecnt_bias; /* references of the block that are the cache's */
	bool pfmemalloc;       /* the block came from reserves: it is not begun anew */
};

/*
 * page_frag_alloc - so many bytes, contiguous, from the cache's block.
 * @fragsz: 1 .. PAGE_FRAG_CACHE_MAX_SIZE bytes
 * @gfp_mask: for a block, when one is taken: order 3 lightly, then order 0 as given
 * Returns the first byte's address. NULL iff a block was needed and none came (mm_current->failure says
 * why the last try failed; the cache is then empty); or both mobility bits are set (MM_FAIL_TYPE, nothing
 * changed); or the block, taken or begun anew, is smaller than that (MM_FAIL_FRAGMENT; it stays).
 * Context: as alloc_pages.
 */
void *page_frag_alloc(struct page_frag_cache *nc, unsigned int fragsz, gfp_t gfp_mask);

/* Drops a fragment's reference; @addr: any byte of it. The last one frees the block. */
void page_frag_free(void *addr);

/* Drops count references of a block at once; the last one frees it. @page: its first */
void __page_frag_cache_drain(struct page *page, unsigned int count);

/* Drops what the cache holds; it is empty then. Of an empty one: nothing. */
void page_frag_cache_drain(struct page_frag_cache *nc);

/* The cache of the CPU that runs. */
static inline struct page_frag_cache *this_cpu_frag_cache(void)
{
	return &mm_current->machine->frag_caches[mm_current->cpu];
}

#endif
