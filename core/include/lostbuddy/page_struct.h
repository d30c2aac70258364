/*
 * struct page: one a frame, 64 bytes, laid out as in Linux 6.1 on x86-64 (facts 1; static
 * assertions below).
 *
 *   0        8        16       24       32       40       48       52       56       64
 *   | flags  | lru.next lru.prev | mapping | index | private | mapcount refcount | memcg |
 *            | compound_head|1 |  dtor order mapcount pincount     (tails; the order is in the first tail)
 *
 * What a page is follows from its words:
 *   buddy head     page_type is PAGE_TYPE_BUDDY, private = order, refcount 0, on a free list by lru
 *   on a pcp list  refcount 0, index = migratetype it was freed or taken with, on a pcp list by lru
 *   allocated      refcount > 0 on the first page of the block, 0 on the others
 *   compound       PG_HEAD on the first page, bit 0 of compound_head set on the others
 *   reserved       PG_RESERVED, refcount 1: never given to the buddy
 *   guard          page_type is PAGE_TYPE_GUARD, private = order, refcount 0, in no list
 *   pfmemalloc     bit 1 of lru.next, while the page is held: it came from the reserves
 *
 * Invariant S1: bit 0 of the word at offset 8 is set only in tails of compound pages (pointers are
 * aligned).
 */
#ifndef LB_PAGE_STRUCT_H
#define LB_PAGE_STRUCT_H

#include "lostbuddy/list.h"
#include "lostbuddy/types.h"

enum page_flag { /* bit numbers of page->flags, as facts 1 lists them */
		 PG_LOCKED,
		 PG_REFERENCED,
		 PG_UPTODATE,
		 PG_DIRTY,
		 PG_LRU,
		 PG_ACTIVE,
		 PG_WORKINGSET,
		 PG_WAITERS,
		 PG_ERROR,
		 PG_SLAB,
		 PG_OWNER_PRIV_1,
		 PG_ARCH_1,
		 PG_RESERVED,
		 PG_PRIVATE,
		 PG_PRIVATE_2,
		 PG_WRITEBACK,
		 PG_HEAD,
		 PG_MAPPEDTODISK,
		 PG_RECLAIM,
		 PG_SWAPBACKED,
		 PG_UNEVICTABLE,
		 PG_MLOCKED,
		 PG_UNCACHED,
		 PG_HWPOISON,
		 PG_YOUNG,
		 PG_IDLE,
		 PG_ARCH_2,
		 NR_PAGEFLAGS,
		 PG_REPORTED = PG_UPTODATE,  /* of free pages */
		 PG_SLOB_FREE = PG_PRIVATE,  /* of SLOB's pages */
		 ZONE_ID_SHIFT = 51, /* node << 3 | zone type, in the bits from here up */
		 ZONE_ID_ZONE_BITS = 3,
};

#define PAGE_FLAG(bit) (UINT64_C(1) << (bit))
#define PAGE_FLAGS_ALL (PAGE_FLAG(NR_PAGEFLAGS) - 1)

/* Flags that end when a page is freed: a frame whose memory is broken stays so. */
#define PAGE_FLAGS_CLEARED (PAGE_FLAGS_ALL & ~PAGE_FLAG(PG_HWPOISON))

/* Flags that nobody may have left set when a page is freed (facts 6). */
#define PAGE_FLAGS_BAD_AT_FREE                                                                     \
	(PAGE_FLAG(PG_LRU) | PAGE_FLAG(PG_LOCKED) | PAGE_FLAG(PG_PRIVATE) |                        \
	 PAGE_FLAG(PG_PRIVATE_2) | PAGE_FLAG(PG_WRITEBACK) | PAGE_FLAG(PG_RESERVED) |              \
	 PAGE_FLAG(PG_SLAB) | PAGE_FLAG(PG_ACTIVE) | PAGE_FLAG(PG_UNEVICTABLE) |                   \
	 PAGE_FLAG(PG_MLOCKED))

#define PAGE_TYPE_NONE UINT32_C(0xffffffff) /* mapcount -1 */
#define PAGE_TYPE_BUDDY UINT32_C(0xffffff7f)
#define PAGE_TYPE_GUARD UINT32_C(0xfffffbff)

/* What ends a compound page (facts 6): its number stands in the first tail. */
enum compound_dtor {
	NULL_COMPOUND_DTOR,
	COMPOUND_PAGE_DTOR,
	HUGETLB_PAGE_DTOR, /* nobody makes one here */
	TRANSHUGE_PAGE_DTOR,
	NR_COMPOUND_DTORS
};

/* mapping of a tail: a value no pointer has. */
#define TAIL_MAPPING ((void *)(uintptr_t)0xdead000000000400u)

struct page {
	uint64_t flags;
	union {
		struct {
			union {
				struct list_head lru; /* free list or pcp list */
				struct {
					uintptr_t compound_head; /* tails: head | 1 */
					uint8_t compound_dtor;	 /* first tail: enum compound_dtor */
					uint8_t compound_order;	 /* first tail */
					uint16_t unused;
					int32_t compound_mapcount; /* first tail: -1 */
				};
			};
			void *mapping;
			uint64_t index;	  /* on a pcp list: migratetype */
			uint64_t private; /* buddy head, guard: order */
		};
	};
	union {
		int32_t _mapcount; /* -1: not mapped */
		uint32_t page_type;
	};
	int32_t _refcount;
	uint64_t memcg_data;
};

_Static_assert(sizeof(struct page) == 64,
	       "memmap arithmetic and the memmap formula count on 64 bytes");
_Static_assert(offsetof(struct page, lru) == 8, "first union word");
_Static_assert(offsetof(struct page, mapping) == 24, "mapping");
_Static_assert(offsetof(struct page, private) == 40, "private");
_Static_assert(offsetof(struct page, _mapcount) == 48,
	       "mapcount and refcount share one aligned word");
_Static_assert(offsetof(struct page, _refcount) == 52, "refcount");

static inline bool PageBuddy(const struct page *page)
{
	return page->page_type == PAGE_TYPE_BUDDY;
}

static inline bool PageGuard(const struct page *page)
{
	return page->page_type == PAGE_TYPE_GUARD;
}

static inline bool PageHWPoison(const struct page *page)
{
	return page->flags & PAGE_FLAG(PG_HWPOISON);
}

static inline bool PageHead(const struct page *page)
{
	return page->flags & PAGE_FLAG(PG_HEAD);
}

static inline bool PageTail(const struct page *page)
{
	return page->compound_head & 1;
}

static inline bool PageReserved(const struct page *page)
{
	return page->flags & PAGE_FLAG(PG_RESERVED);
}

static inline struct page *compound_head(struct page *page)
{
	return PageTail(page) ? (struct page *)(page->compound_head - 1) : page;
}

static inline unsigned int compound_order(const struct page *head)
{
	return PageHead(head) ? head[1].compound_order : 0;
}

static inline unsigned int buddy_order(const struct page *page)
{
	return (unsigned int)page->private;
}

/* Held pages: bit 1 of a link that is none. Pointers are aligned, so a page that was on a list lacks it. */
static inline bool page_is_pfmemalloc(const struct page *page)
{
	return (uintptr_t)page->lru.next & 2;
}

static inline void set_page_pfmemalloc(struct page *page)
{
	page->lru.next = (struct list_head *)(uintptr_t)2;
}

static inline int page_count(const struct page *page)
{
	return page->_refcount;
}

static inline unsigned int page_zone_id(const struct page *page)
{
	return (unsigned int)(page->flags >> ZONE_ID_SHIFT);
}

/* The page that lies in this list by its lru field. */
static inline struct page *lru_to_page(const struct list_head *lru)
{
	return (struct page *)((uintptr_t)lru - offsetof(struct page, lru));
}

#endif
