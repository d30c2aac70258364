/*
 * Boot: from a memory map to pages on free lists, in Linux's order (facts 2).
 *
 *   configuration -> memblock -> zones -> memmap -> zonelists -> buddy -> watermarks, reserves,
 *   page list sizes
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

/* memmap.c: struct page of every frame, types of pageblocks. */
void memmap_init(struct mm_machine *m, const struct memblock *mb);

/* free_all.c: every free range, cut into blocks. */
void memblock_free_all(struct mm_machine *m, const struct memblock *mb);

/*
 * first_chunk.c: bytes a CPU's unit of the percpu first chunk takes, on average over the units of
 * an allocation.
 */
uint64_t percpu_unit_bytes(const struct mm_config *config);

#endif
