/*
 * Taking and giving back pages: Linux's own names and signatures.
 *
 * All of it works on the machine, CPU and level of the current context (mm_current), which must be
 * set. Facts: 5 (flags), 6 (buddy, compound, free), 8 (page lists), 9 (order of steps).
 */
#ifndef LB_GFP_H
#define LB_GFP_H

#include "lostbuddy/machine.h"

#define __GFP_DMA 0x1u
#define __GFP_HIGHMEM 0x2u
#define __GFP_DMA32 0x4u
#define __GFP_MOVABLE 0x8u
#define __GFP_RECLAIMABLE 0x10u
#define __GFP_HIGH 0x20u
#define __GFP_IO 0x40u
#define __GFP_FS 0x80u
#define __GFP_ZERO 0x100u
#define __GFP_ATOMIC 0x200u
#define __GFP_DIRECT_RECLAIM 0x400u
#define __GFP_KSWAPD_RECLAIM 0x800u
#define __GFP_WRITE 0x1000u
#define __GFP_NOWARN 0x2000u
#define __GFP_RETRY_MAYFAIL 0x4000u
#define __GFP_NOFAIL 0x8000u
#define __GFP_NORETRY 0x10000u
#define __GFP_MEMALLOC 0x20000u
#define __GFP_COMP 0x40000u
#define __GFP_NOMEMALLOC 0x80000u
#define __GFP_HARDWALL 0x100000u
#define __GFP_THISNODE 0x200000u
#define __GFP_ACCOUNT 0x400000u
#define __GFP_RECLAIM (__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM)

#define GFP_ATOMIC (__GFP_HIGH | __GFP_ATOMIC | __GFP_KSWAPD_RECLAIM)
#define GFP_KERNEL (__GFP_RECLAIM | __GFP_IO | __GFP_FS)
#define GFP_NOWAIT __GFP_KSWAPD_RECLAIM
#define GFP_NOIO __GFP_RECLAIM
#define GFP_NOFS (__GFP_RECLAIM | __GFP_IO)
#define GFP_USER (GFP_KERNEL | __GFP_HARDWALL)
#define GFP_HIGHUSER (GFP_USER | __GFP_HIGHMEM)
#define GFP_HIGHUSER_MOVABLE (GFP_HIGHUSER | __GFP_MOVABLE)

/*
 * alloc_pages - take 2^order physically contiguous pages, naturally aligned, near the current CPU.
 * @gfp:   where from and how hard to try; zone bits select the highest zone
 * @order: 0 .. the machine's top order
 *
 * Returns the first page, refcount 1 on it; contents undefined unless __GFP_ZERO or a switch of the machine
 * says what new pages hold (READINGS, "Switches"). With page_poison a page that was written to while it was free
 * is handed out all the same, and complained of (MM_WARN_POISON).
 * Returns NULL iff order is too large, injection struck, both mobility bits are set, the level is
 * NMI, or no zone of the zonelist passes its mark for these flags with a block the request may
 * take, after everything the flags allow was tried. mm_current->failure then says which;
 * MM_FAIL_LOOP and MM_FAIL_OOM stand for a kernel that would not return. Context: any but NMI; with
 * __GFP_DIRECT_RECLAIM task level only (MM_WARN_SLEEP otherwise). Facts: 5, 9.
 */
struct page *alloc_pages(gfp_t gfp, unsigned int order);

/* The same with the page's home node given: NUMA_NO_NODE, or a node's id. */
struct page *alloc_pages_node(int nid, gfp_t gfp, unsigned int order);

/* The same, limited to the nodes of a mask; NULL: no limit. @preferred_nid is a node's id. */
struct page *__alloc_pages(gfp_t gfp, unsigned int order, int preferred_nid,
			   const nodemask_t *nodemask);

static inline struct page *alloc_page(gfp_t gfp)
{
	return alloc_pages(gfp, 0);
}

/* By address: 0 when there is no block. __GFP_HIGHMEM is stripped. */
unsigned long __get_free_pages(gfp_t gfp, unsigned int order);
unsigned long get_zeroed_page(gfp_t gfp);

static inline unsigned long __get_free_page(gfp_t gfp)
{
	return __get_free_pages(gfp, 0);
}

/*
 * __alloc_pages_bulk - take several single pages at once, mostly from one CPU's page list.
 * @nr_pages: entries of the array, or pages for the list
 * @page_list: pages are added at its head by lru; NULL: into the array
 * @page_array: entries that are not NULL stay as they are and are passed over
 * Returns the number of entries reached (array), filled ones included, or of pages added (list). Fewer
 * than asked for come when the zone runs low; then at least one is tried as __alloc_pages would.
 * mm_current->failure says why that try failed, if it was made and did. Context: as alloc_pages. Facts: 10, since 5.13.
 */
unsigned long __alloc_pages_bulk(gfp_t gfp, int preferred_nid, const nodemask_t *nodemask,
				 unsigned long nr_pages, struct list_head *page_list,
				 struct page **page_array);

/*
 * alloc_pages_exact - contiguous single pages, with no more than are asked for.
 * @pages: 1 ..; cut from the smallest block that has so many, the rest of which goes back
 * Returns the first page's address, a reference on each; NULL as __get_free_pages. COMP and HIGHMEM
 * are stripped. free_pages_exact gives back so many from there on, one by one. Facts: 6.
 */
void *alloc_pages_exact(unsigned long pages, gfp_t gfp);
void free_pages_exact(void *address, unsigned long pages);

/*
 * __free_pages - drop one reference of a block.
 * @page: first page of the block, refcount >= 1; @order: the order it was allocated with
 * The last reference frees the block. An earlier one, unless the block is compound, frees all but
 * the first page. A block whose pages are in a bad state is leaked when that is noticed (facts 6), a single
 * page whose memory is broken (PG_HWPOISON) always.
 * Context: any but NMI.
 */
void __free_pages(struct page *page, unsigned int order);
void free_pages(unsigned long address, unsigned int order); /* address 0: nothing */

static inline void __free_page(struct page *page)
{
	__free_pages(page, 0);
}

static inline void free_page(unsigned long address)
{
	free_pages(address, 0);
}

/*
 * One reference more, and one less; on compound pages, of the head. The last put_page frees a page
 * or compound page; of the latter it runs the destructor first.
 */
void get_page(struct page *page);
void put_page(struct page *page);

/* A held compound block of order 2 or more gets the destructor of a transparent huge page, until it is freed. */
void prep_transhuge_page(struct page *page);

/* A block of several pages, not compound, becomes single pages with a reference each. */
void split_page(struct page *page, unsigned int order);

/* This CPU's page lists go back to the buddy; every CPU's. */
void drain_local_pages(void);
void drain_all_pages(void);

/*
 * Frames taken from under the allocator (facts 12).
 *
 * isolate_range: the pageblocks of [start, end), whole blocks of the top order in one zone, become
 * MIGRATE_ISOLATE: nothing is handed out of them, what is freed into them stays. False, and unchanged,
 * iff one is isolated already or a frame is deferred, reserved or, outside of ZONE_MOVABLE, in use.
 * unisolate_range: those that are isolated become MOVABLE. False iff none is.
 * take_page_off_buddy: one frame is cut out of its free block and gets a reference. False iff it lies
 * in none. put_page_back_buddy: drops the last reference of a single page, past the page lists.
 */
bool isolate_range(pfn_t start, pfn_t end);
bool unisolate_range(pfn_t start, pfn_t end);
bool take_page_off_buddy(struct page *page);
void put_page_back_buddy(struct page *page);

/*
 * A write of somebody who has no right to any more: one byte at the start of a free page, in a free
 * block, a guard or a page list. False, and nothing was written, iff the page is not free.
 * free_page_contents - what a free page holds, where page_poison or init_on_free left something there:
 * FREE_PAGE_AS_LEFT; the byte that stands at its start, when that is all that differs; else
 * FREE_PAGE_FOREIGN.
 */
enum { FREE_PAGE_FOREIGN = 256, FREE_PAGE_AS_LEFT };
bool write_free_page(struct page *page, uint8_t value);
unsigned int free_page_contents(struct mm_machine *m, pfn_t pfn);

/* Bits that requests may have from now on. */
void set_gfp_allowed_mask(gfp_t mask);

static inline pfn_t page_to_pfn(const struct page *page)
{
	return (pfn_t)(page - mm_current->machine->memmap);
}

/*
 * A frame that struct page exists for: in a sparse memory map, of a section that holds memory.
 * Facts: 2.
 */
static inline bool pfn_valid(pfn_t pfn)
{
	return mm_frame_exists(mm_current->machine, pfn);
}

/* @pfn: valid */
static inline struct page *pfn_to_page(pfn_t pfn)
{
	assert(pfn_valid(pfn));
	return &mm_current->machine->memmap[pfn];
}

static inline void *page_address(const struct page *page)
{
	return mm_current->machine->memory + (page_to_pfn(page) << PAGE_SHIFT);
}

static inline struct page *virt_to_page(const void *address)
{
	return pfn_to_page((pfn_t)((const char *)address - mm_current->machine->memory) >>
			   PAGE_SHIFT);
}

#endif
