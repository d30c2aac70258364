/*
 * Small worlds for tests: a machine of few pages, a context on it, and its state as readable text.
 *
 *	struct world w;
 *	world_open(&w, (struct shape){ .pages = 64 });
 *	world_expect_free(&w, ZONE_NORMAL, "1:0 2:1 4:2 8:3 16:4 32:4");	pfn:order, ascending
 *
 * Shapes not said otherwise: one node, one CPU, only zone Normal, pageblock order 4, top order 5,
 * nothing kept by watermarks. Boot keeps the last frames for the memmap: one frame for every 64.
 */
#ifndef LB_TEST_WORLD_H
#define LB_TEST_WORLD_H

#include "lostbuddy/gfp.h"

struct shape {
	const struct mm_profile *profile;	 /* linux-6.1 */
	pfn_t pages;				 /* 64 */
	unsigned int cpus, nodes;		 /* 1, 1; nodes share the pages evenly */
	unsigned int top_order, pageblock_order; /* 5, 4 */
	pfn_t dma_end, dma32_end;		 /* 0: no such zone */
	pfn_t movable_start;			 /* of the last node */
	long min_free_kbytes;			 /* 0 */
	long high, batch;			 /* 0: by formula */
	enum mm_checks checks;
	bool thp;
	unsigned int shuffle, guard_order; /* 0: off; a guard_order brings debug_pagealloc with it */
	bool debug_pagealloc, init_on_alloc, init_on_free, page_poison;
};

struct world {
	struct mm_config config;
	struct mm_machine *machine;
	struct mm_context context;
};

void world_open(struct world *w, struct shape shape);
void world_open_config(struct world *w, const struct mm_config *config);
void world_close(struct world *w);

/* Context: CPU, level and scope of what follows. */
void world_on(struct world *w, unsigned int cpu, enum mm_level level, unsigned int scope);

/*
 * "pfn:order pfn:order ..." of all free blocks of node 0's zone, ascending; in list order of one
 * list.
 */
const char *world_free(const struct world *w, enum zone_type type);
const char *world_list(const struct world *w, enum zone_type type, unsigned int order,
		       enum migratetype migratetype);
const char *world_pcp(const struct world *w, enum zone_type type, unsigned int cpu,
		      unsigned int list);

#define world_expect_free(w, type, expect) EXPECT_STR(world_free(w, type), expect)

#endif
