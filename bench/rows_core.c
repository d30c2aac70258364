/*
 * Rows about the reference allocator alone: alloc_pages and __free_pages, and the reset of a small machine.
 *
 * The machine of the page rows is as a small real one: 1 GiB, DMA, DMA32 and Normal, 4 CPUs, top order 10, profile
 * linux-6.1, checks = linux, nobody listening. A pair of order 0 .. 3 goes through the page lists of its CPU, with
 * transparent huge pages one of order 9 too.
 */
#include "bench/rows.h"

#include "lostbuddy/gfp.h"
#include "lostbuddy/machine.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH_MAX = 256 };

struct pages {
	struct mm_machine *machine;
	struct mm_context context;
	unsigned int order;
	unsigned int batch;
	struct page *held[BATCH_MAX];
};

static void config_common(struct mm_config *c, unsigned int nr_cpus)
{
	c->profile = &mm_profile_linux_6_1;
	c->checks = MM_CHECKS_LINUX;
	c->locks = MM_LOCKS_NOTHING;
	c->nr_nodes = 1;
	c->nr_cpus = nr_cpus;
	c->min_free_kbytes = MM_BY_FORMULA;
	c->pcp_high = MM_BY_FORMULA;
	c->pcp_batch = MM_BY_FORMULA;
	c->watermark_scale_factor = 10;
	c->watermark_boost_factor = 15000;
	c->lowmem_reserve_ratio[ZONE_DMA] = 256;
	c->lowmem_reserve_ratio[ZONE_DMA32] = 256;
	c->lowmem_reserve_ratio[ZONE_NORMAL] = 32;
	c->distance[0][0] = 10;
	c->nr_memory = 1;
}

static struct mm_machine *boot_real_size(enum mm_checks checks, bool thp, char *why)
{
	struct mm_config c = { 0 };

	config_common(&c, 4);
	c.checks = checks;
	c.thp = thp;
	c.top_order = 10;
	c.pageblock_order = 9;
	c.max_pfn = 262144;
	c.dma_end = 4096;
	c.dma32_end = 65536;
	c.section_pages = 32768;
	c.percpu_unit_pages = 64;
	c.memory[0] = (struct mm_range){ .start = 1, .end = c.max_pfn };
	return mm_machine_create(&c, why);
}

/* As large as a machine for fuzzing may be. */
static struct mm_machine *boot_fuzz_size(char *why)
{
	struct mm_config c = { 0 };

	config_common(&c, 4);
	c.top_order = 6;
	c.pageblock_order = 4;
	c.max_pfn = 2048;
	c.dma_end = 256;
	c.dma32_end = 1024;
	c.section_pages = 64;
	c.percpu_unit_pages = 1;
	c.memory[0] = (struct mm_range){ .start = 1, .end = c.max_pfn };
	return mm_machine_create(&c, why);
}

static void *pages_create(struct mm_machine *machine, char *why)
{
	struct pages *p = calloc(1, sizeof(*p));

	if (p && machine) {
		p->machine = machine;
		p->context.machine = machine;
		mm_current = &p->context;
		return p;
	}
	if (machine) {
		snprintf(why, 256, "no memory");
		mm_machine_destroy(machine);
	}
	free(p);
	return NULL;
}

static void pages_destroy(void *subject)
{
	struct pages *p = subject;

	mm_current = NULL;
	mm_machine_destroy(p->machine);
	free(p);
}

static void *pair_on(struct mm_machine *machine, int order, char *why)
{
	struct pages *p = pages_create(machine, why);

	if (p)
		p->order = (unsigned int)order;
	return p;
}

static void *pair_create(int order, char *why)
{
	return pair_on(boot_real_size(MM_CHECKS_LINUX, false, why), order, why);
}

static void *thp_pair_create(int order, char *why)
{
	return pair_on(boot_real_size(MM_CHECKS_LINUX, true, why), order, why);
}

static void *unchecked_pair_create(int order, char *why)
{
	return pair_on(boot_real_size(MM_CHECKS_OFF, false, why), order, why);
}

static uint64_t pair_loop(void *subject, uint64_t count)
{
	unsigned int order = ((struct pages *)subject)->order;

	for (uint64_t i = 0; i < count; i++)
		__free_pages(alloc_pages(GFP_KERNEL, order), order);
	return count;
}

static void *batch_create(int batch, char *why)
{
	struct pages *p = pages_create(boot_real_size(MM_CHECKS_LINUX, false, why), why);

	assert(batch <= BATCH_MAX);
	if (p)
		p->batch = (unsigned int)batch;
	return p;
}

static uint64_t batch_loop(void *subject, uint64_t count)
{
	struct pages *p = subject;
	uint64_t done;

	for (done = 0; done < count; done += p->batch) {
		for (unsigned int i = 0; i < p->batch; i++)
			p->held[i] = alloc_pages(GFP_KERNEL, 0);
		for (unsigned int i = 0; i < p->batch; i++)
			__free_pages(p->held[i], 0);
	}
	return done;
}

static void *small_create(int value, char *why)
{
	(void)value;
	return pages_create(boot_fuzz_size(why), why);
}

static uint64_t reset_loop(void *subject, uint64_t count)
{
	struct pages *p = subject;

	for (uint64_t i = 0; i < count; i++)
		mm_machine_reset(p->machine);
	return count;
}

static uint64_t arena_bytes(void *subject)
{
	return ((struct pages *)subject)->machine->arena_size;
}

#define PAIR(order)                                                                                \
	{ "page-pair-order-" #order,                                                               \
	  "alloc_pages and __free_pages",                                                          \
	  true,                                                                                    \
	  order,                                                                                   \
	  pair_create,                                                                             \
	  pair_loop,                                                                               \
	  pages_destroy,                                                                           \
	  NULL }

const struct bench_row core_rows[] = {
	PAIR(0),
	PAIR(1),
	PAIR(2),
	PAIR(3),
	PAIR(4),
	PAIR(5),
	PAIR(6),
	PAIR(7),
	PAIR(8),
	PAIR(9),
	PAIR(10),
	{ "page-pair-order-9-thp", "the same, with transparent huge pages", true, 9,
	  thp_pair_create, pair_loop, pages_destroy, NULL },
	{ "page-pair-order-0-unchecked", "the same, checks = off", true, 0, unchecked_pair_create,
	  pair_loop, pages_destroy, NULL },
	{ "page-pair-order-10-unchecked", "the same, checks = off", true, 10, unchecked_pair_create,
	  pair_loop, pages_destroy, NULL },
	{ "page-batch-256", "one page of 256 taken, then 256 given back", true, 256, batch_create,
	  batch_loop, pages_destroy, NULL },
	{ "reset-fuzz-size", "a machine of 2048 pages back to its boot", true, 0, small_create,
	  reset_loop, pages_destroy, NULL },
	{ "arena-fuzz-size", "boot metadata of that machine", true, 0, small_create, NULL,
	  pages_destroy, arena_bytes },
};
const size_t nr_core_rows = sizeof(core_rows) / sizeof(core_rows[0]);
