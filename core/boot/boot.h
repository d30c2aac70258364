/*
 * Boot: from a memory map to pages on free lists, in Linux's order (facts 2).
 *
 *   configuration -> memblock -> zones -> what is deferred -> memmap -> zonelists -> buddy ->
 *   watermarks, reserves, page list sizes -> what is freed late
 */
#ifndef LB_BOOT_H
#define LB_BOOT_H

#include "boot/memblock.h"

/*
 * All of it. False with a sentence in error (256 bytes) iff the boot metadata finds no room, or the
 * host has none.
 */
bool mm_boot(struct mm_machine *m, char *error);

/*
 * zones.c: spans, present pages, the first estimate of managed pages; needs memblock with the
 * machine's own ranges.
 */
void zones_init(struct mm_machine *m, const struct memblock *mb);
uint64_t memmap_pages(const struct zone *zone);
/* By address, before nodes cut it; empty (start >= end) where the machine has no such zone. */
struct mm_range zone_limits(const struct mm_machine *m, enum zone_type type, pfn_t dram_start);

/* movable.c: movable_start of every node; needs the nodes' spans. */
void find_movable_starts(struct mm_machine *m, const struct memblock *mb);

/*
 * share.c: reserves what a real kernel keeps beside memmap and percpu, as far as the machine says
 * what zones manage in the end. False with a sentence: a zone has not that much.
 */
bool reserve_kernel_share(const struct mm_machine *m, struct memblock *mb, char *error);

/* memmap.c: struct page of every frame that is not deferred, types of pageblocks. */
void memmap_init(struct mm_machine *m, const struct memblock *mb);
/* Frames of a zone: Reserved, refcount 1. */
void memmap_init_frames(struct mm_machine *m, const struct zone *zone, pfn_t start, pfn_t end);

/* free_all.c: every free range, cut into blocks; and, at the end of boot, what was kept so long. */
void memblock_free_all(struct mm_machine *m, const struct memblock *mb);
void memblock_free_late(struct mm_machine *m, const struct memblock *mb);
/*
 * A block that was never given to anybody comes to the buddy, to the tail; its frames are
 * initialised.
 */
void free_boot_block(struct mm_machine *m, pfn_t pfn, unsigned int order);

/*
 * deferred.c, in boot's order: where each node's deferred memory begins; what of it is free, false
 * iff the host has no memory to remember it; managed pages with it (true), or without it again.
 */
void deferred_find(struct mm_machine *m, const struct memblock *mb);
bool deferred_keep_ranges(struct mm_machine *m, const struct memblock *mb);
void deferred_count(struct mm_machine *m, bool in);

/*
 * first_chunk.c: bytes a CPU's unit of the percpu first chunk takes, on average over the units of
 * an allocation; and how many of them hold anything: the rest of each unit is given back at once.
 */
uint64_t percpu_unit_bytes(const struct mm_config *config);
uint64_t percpu_used_bytes(void);

#endif
