/*
 * memblock: the boot allocator, two lists of ranges of frames.
 *
 *   memory    [1 ........ 512)@0        [768 ......... 1024)@1
 *   reserved          [400 .. 512)@-                [1000 .. 1024)@-
 *   free      [1 .. 400)@0              [768 .. 1000)@1                what memblock_next_free() walks
 *
 * Invariants:
 *   B1  each list ascends, its ranges are disjoint and not empty;
 *   B2  neighbours that touch differ in node or in a flag: hot-pluggable, mirrored (they would have
 *       been joined);
 *   B3  a list has room for MEMBLOCK_FIRST_REGIONS ranges, or for that doubled so often that no
 *       addition ever found less room than it could need.
 *
 * The unit is the page: alignments and sizes below one do not matter. The arrays are the host's, so
 * that frames do not depend on them. Facts: 2.
 * Locking: none; only boot is there yet.
 */
#ifndef LB_MEMBLOCK_H
#define LB_MEMBLOCK_H

#include "lostbuddy/machine.h"

enum { MEMBLOCK_FIRST_REGIONS = 128 };

struct memblock_type {
	unsigned int cnt, max; /* max 0: no array yet */
	struct mm_range *regions;
};

struct memblock {
	struct memblock_type memory, reserved;
	struct memblock_type late; /* reserved, but to be freed at the end of boot */
	bool bottom_up;		   /* allocations take the lowest place, not the highest */
	bool movable_node;	   /* allocations leave hot-pluggable memory alone */
	bool has_mirror;	   /* some memory is mirrored: allocations look there first */
	pfn_t current_limit;	   /* allocations end below it */
};

/* What an allocation asks for. */
struct memblock_request {
	uint64_t pages;	 /* at least 1 */
	uint64_t align;	 /* of the first frame, in pages: a power of two, or 0 for none */
	int node;	 /* wanted node; NUMA_NO_NODE: any */
	bool exact_node; /* no other node will do */
};

/* Empty, top-down, without a limit. */
void memblock_init(struct memblock *mb);

/* The arrays go back to the host: the end of memblock. */
void memblock_discard(struct memblock *mb);

/*
 * memblock_add - adds of a range what the list does not hold yet; joins what touches and is alike.
 * Returns false iff the host has no memory for a longer array.
 */
bool memblock_add(struct memblock_type *type, const struct mm_range *range);
bool memblock_add_range(struct memblock_type *type, pfn_t start, pfn_t end, int node);

/* Memory that the machine has, with its flags. */
bool memblock_add_memory(struct memblock *mb, const struct mm_range *range);

/*
 * memblock_alloc - reserve pages at the highest free place (bottom-up: the lowest).
 * Looks on the wanted node, then, unless it is exact, on any; with mirrored memory first there
 * only, and then once more everywhere. Never below pfn 1, at or above current_limit, across a
 * border between ranges of memory, or, with movable_node, in hot-pluggable memory.
 * Returns the first pfn; 0 iff nowhere is room, or the host has no memory.
 */
pfn_t memblock_alloc(struct memblock *mb, const struct memblock_request *want);

/* The same for who gives all but the first @kept pages back at once. */
pfn_t memblock_alloc_head(struct memblock *mb, const struct memblock_request *want, uint64_t kept);

/*
 * memblock_next_free - the next range that is memory and not reserved.
 * @from: where to look from; start with 0 and go on with the end of the last range.
 * Returns false when there is none.
 */
bool memblock_next_free(const struct memblock *mb, pfn_t from, struct mm_range *free);

/* Pages of memory of a node (NUMA_NO_NODE: of all) in [start, end). */
uint64_t memblock_memory_pages(const struct memblock *mb, int node, pfn_t start, pfn_t end);

#endif
