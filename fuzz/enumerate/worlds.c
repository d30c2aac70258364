/* The tiny worlds, and the moves in them. See worlds.h. */
#include "enumerate/worlds.h"

#include <string.h>

#define TINY "min_free_kbytes=0 top_order=5 section=32 dma_end=0 dma32_end=0 percpu=0 "

/*
 * Two types in three sizes, a block of a pageblock, both ends of what lives, sharing, splitting,
 * draining.
 */
#define ONE_CPU                                                                                    \
	"alloc_pages(order=0, gfp=KERNEL);"                                                        \
	"alloc_pages(order=0, gfp=HIGHUSER_MOVABLE);"                                              \
	"alloc_pages(order=1, gfp=KERNEL);"                                                        \
	"alloc_pages(order=2, gfp=HIGHUSER_MOVABLE);"                                              \
	"alloc_pages(order=3, gfp=ATOMIC);"                                                        \
	"alloc_pages(order=4, gfp=KERNEL);"                                                        \
	"__free_pages(first);"                                                                     \
	"__free_pages(last);"                                                                      \
	"get_page(last);"                                                                          \
	"put_page(last);"                                                                          \
	"split_page(first);"                                                                       \
	"drain_local_pages()"

/* Two zones; zeroed pages, so that states are told apart by what was written; a second free. */
#define TWO_ZONES                                                                                  \
	"alloc_pages(order=0, gfp=KERNEL);"                                                        \
	"alloc_pages(order=0, gfp=KERNEL|DMA);"                                                    \
	"get_zeroed_page(gfp=KERNEL);"                                                             \
	"alloc_pages(order=2, gfp=HIGHUSER_MOVABLE);"                                              \
	"alloc_pages(order=3, gfp=ATOMIC);"                                                        \
	"alloc_pages(order=4, gfp=KERNEL);"                                                        \
	"__free_pages(first);"                                                                     \
	"__free_pages(last);"                                                                      \
	"double_free(dead);"                                                                       \
	"get_page(last);"                                                                          \
	"split_page(first);"                                                                       \
	"drain_local_pages()"

/* Each of them on either CPU. */
#define TWO_CPUS                                                                                   \
	"alloc_pages(order=0, gfp=KERNEL) @cpu0;"                                                  \
	"alloc_pages(order=0, gfp=KERNEL) @cpu1;"                                                  \
	"alloc_pages(order=0, gfp=HIGHUSER_MOVABLE) @cpu0;"                                        \
	"alloc_pages(order=0, gfp=HIGHUSER_MOVABLE) @cpu1;"                                        \
	"alloc_pages(order=2, gfp=KERNEL) @cpu0;"                                                  \
	"alloc_pages(order=2, gfp=KERNEL) @cpu1;"                                                  \
	"__free_pages(first) @cpu0;"                                                               \
	"__free_pages(first) @cpu1;"                                                               \
	"__free_pages(last) @cpu0;"                                                                \
	"__free_pages(last) @cpu1;"                                                                \
	"drain_local_pages() @cpu0;"                                                               \
	"drain_local_pages() @cpu1"

/* CPU 0 belongs to node 0, CPU 1 to node 1: from home, from abroad, from nowhere else. */
#define TWO_NODES                                                                                  \
	"alloc_pages(order=0, gfp=KERNEL) @cpu0;"                                                  \
	"alloc_pages(order=0, gfp=KERNEL) @cpu1;"                                                  \
	"alloc_pages(order=0, gfp=HIGHUSER_MOVABLE, node=1) @cpu0;"                                \
	"alloc_pages(order=2, gfp=KERNEL|THISNODE) @cpu0;"                                         \
	"alloc_pages(order=4, gfp=HIGHUSER_MOVABLE) @cpu1;"                                        \
	"alloc_pages(order=1, gfp=KERNEL, nodemask=0x2) @cpu0;"                                    \
	"__free_pages(first) @cpu0;"                                                               \
	"__free_pages(first) @cpu1;"                                                               \
	"__free_pages(last) @cpu0;"                                                                \
	"__free_pages(last) @cpu1;"                                                                \
	"drain_local_pages() @cpu0;"                                                               \
	"drain_all_pages() @cpu1"

/*
 * With pageblocks of 16 pages Linux keeps types apart from 84 pages on (facts 3);
 * no-lists is a world in which it does not.
 */
static const struct world worlds[] = {
	{ "plain", TINY "pages=88 high=6 batch=2", ONE_CPU, "1 CPU, 88 pages, short page lists" },
	{ "no-lists", TINY "pages=64 high=0 batch=1", ONE_CPU,
	  "1 CPU, 64 pages, page lists that hold nothing, types not kept apart" },
	{ "holes", TINY "memory=3-37@0,43-98@0 reserved=9-10,60-62 high=4 batch=3", ONE_CPU,
	  "1 CPU, memory with a hole, ends that are no borders of blocks, reserved pages" },
	{ "two-zones",
	  "min_free_kbytes=0 top_order=4 section=16 dma_end=16 dma32_end=16 percpu=0 pages=96 "
	  "high=2 batch=1",
	  TWO_ZONES, "1 CPU, zones DMA (16 pages) and Normal (80), zeroed pages, second frees" },
	{ "two-cpus", TINY "cpus=2 pages=88 high=4 batch=2", TWO_CPUS, "2 CPUs, 88 pages" },
	{ "two-nodes", TINY "nodes=2 cpus=2 pages=96 high=2 batch=1", TWO_NODES,
	  "2 nodes of 1 CPU and 48 pages each" },
};

enum { NR_WORLDS = sizeof(worlds) / sizeof(worlds[0]) };

const struct world *world_number(unsigned int number)
{
	return number < NR_WORLDS ? &worlds[number] : NULL;
}

const struct world *world_named(const char *name)
{
	for (unsigned int i = 0; i < NR_WORLDS; i++)
		if (strcmp(worlds[i].name, name) == 0)
			return &worlds[i];
	return NULL;
}

const char *moves_for(const struct machine *machine)
{
	if (machine->nr_nodes > 1 && machine->nr_cpus > 1)
		return TWO_NODES;
	if (machine->nr_cpus > 1)
		return TWO_CPUS;
	return machine->dma_end > 0 ? TWO_ZONES : ONE_CPU;
}
