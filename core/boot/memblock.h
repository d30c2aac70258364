/*
 * memblock: the boot allocator, two lists of ranges of frames.
 *
 *   memory    [1 ........ 512)@0        [768 ......... 1024)@1
 *   reserved          [400 .. 512)@-                [1000 .. 1024)@-
 *   free      [1 .. 400)@0              [768 .. 1000)@1                what memblock_next_free() walks
 *
 * Invariants:
 *   B1  each list ascends, its ranges are disjoint and not empty;
 *   B2  neighbours that touch differ in node or in being hot-pluggable (they would have been joined).
 *
 * Not here: the flag mirror, bottom-up allocation (when memmap and percpu are allocated, the nodes
 * are known, and Linux is back at top-down).
 */
#ifndef LB_MEMBLOCK_H
#define LB_MEMBLOCK_H

#include "lostbuddy/machine.h"

enum { MEMBLOCK_MAX_REGIONS = 4 * MM_MAX_RANGES };

struct memblock_type {
	unsigned int cnt;
	struct mm_range regions[MEMBLOCK_MAX_REGIONS];
};

struct memblock {
	struct memblock_type memory, reserved;
	struct memblock_type late; /* reserved, but to be freed at the end of boot */
	bool movable_node;	   /* allocations leave hot-pluggable memory alone */
};

/*
 * Adds [start, end): only what the list does not hold yet; joins neighbours of one node. False: no
 * room in the list.
 */
bool memblock_add_range(struct memblock_type *type, pfn_t start, pfn_t end, int node);
bool memblock_add(struct memblock_type *type, const struct mm_range *range);

/*
 * memblock_alloc_top_down - reserve pages at the highest free place.
 * @node: wanted node; falls back to any. With movable_node, never hot-pluggable memory. Returns the
 * first pfn, 0 iff nowhere is room (pfn 0 is never memory).
 */
pfn_t memblock_alloc_top_down(struct memblock *mb, uint64_t pages, int node);

/* The same for who gives all but the first @kept pages back at once. */
pfn_t memblock_alloc_head_top_down(struct memblock *mb, uint64_t pages, uint64_t kept, int node);

/*
 * memblock_next_free - the next range that is memory and not reserved.
 * @from: where to look from; start with 0 and go on with the end of the last range.
 * Returns false when there is none.
 */
bool memblock_next_free(const struct memblock *mb, pfn_t from, struct mm_range *free);

/* Pages of memory of a node (NUMA_NO_NODE: of all) in [start, end). */
uint64_t memblock_memory_pages(const struct memblock *mb, int node, pfn_t start, pfn_t end);

#endif
