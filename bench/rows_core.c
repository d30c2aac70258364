/*
 * Rows about the reference allocator alone: alloc_pages and __free_pages, and the reset of a small
 * machine.
 *
 * Where a row does not say otherwise, its machine has 1 GiB and checks = linux. A pair of order 0
 * .. 3 goes through the page lists of its CPU, with transparent huge pages one of order 9 too.
 */
#include "bench/machines.h"
#include "bench/mix.h"
#include "bench/rows.h"

#include "lostbuddy/gfp.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH_MAX = 256 };

static const struct bench_machine one_gib = { .mib = 1024, .checks = MM_CHECKS_LINUX };

struct pages {
	struct mm_machine *machine;
	struct mm_context context;
	unsigned int order;
	unsigned int batch;
	struct page *held[BATCH_MAX];
};

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

static void *pair_on(const struct bench_machine *size, int order, char *why)
{
	struct pages *p = pages_create(boot_real(size, why), why);

	if (p)
		p->order = (unsigned int)order;
	return p;
}

static void *pair_create(int order, char *why)
{
	return pair_on(&one_gib, order, why);
}

static void *thp_pair_create(int order, char *why)
{
	const struct bench_machine with_thp = { .mib = 1024,
						.checks = MM_CHECKS_LINUX,
						.thp = true };

	return pair_on(&with_thp, order, why);
}

static void *unchecked_pair_create(int order, char *why)
{
	const struct bench_machine unchecked = { .mib = 1024, .checks = MM_CHECKS_OFF };

	return pair_on(&unchecked, order, why);
}

/* Order 0 on a machine of so many MiB. */
static void *sized_pair_create(int mib, char *why)
{
	const struct bench_machine size = { .mib = (uint64_t)mib, .checks = MM_CHECKS_LINUX };

	return pair_on(&size, 0, why);
}

static void *deferred_pair_create(int mib, char *why)
{
	const struct bench_machine size = { .mib = (uint64_t)mib,
					    .checks = MM_CHECKS_LINUX,
					    .deferred = true };

	return pair_on(&size, 0, why);
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
	struct pages *p = pages_create(boot_real(&one_gib, why), why);

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

static const char pair[] = "alloc_pages and __free_pages";

const struct bench_row core_rows[] = {
	{ .name = "page-pair-order-0",
	  .operation = pair,
	  .bar = 170,
	  .value = 0,
	  .create = pair_create,
	  .loop = pair_loop,
	  .destroy = pages_destroy },
	{ .name = "page-pair-order-1",
	  .operation = pair,
	  .bar = 300,
	  .value = 1,
	  .create = pair_create,
	  .loop = pair_loop,
	  .destroy = pages_destroy },
	{ .name = "page-pair-order-2",
	  .operation = pair,
	  .bar = 300,
	  .value = 2,
	  .create = pair_create,
	  .loop = pair_loop,
	  .destroy = pages_destroy },
	{ .name = "page-pair-order-3",
	  .operation = pair,
	  .bar = 300,
	  .value = 3,
	  .create = pair_create,
	  .loop = pair_loop,
	  .destroy = pages_destroy },
	{ .name = "page-pair-order-4",
	  .operation = pair,
	  .bar = 900,
	  .value = 4,
	  .create = pair_create,
	  .loop = pair_loop,
	  .destroy = pages_destroy },
	{ .name = "page-pair-order-5",
	  .operation = pair,
	  .value = 5,
	  .create = pair_create,
	  .loop = pair_loop,
	  .destroy = pages_destroy },
	{ .name = "page-pair-order-6",
	  .operation = pair,
	  .value = 6,
	  .create = pair_create,
	  .loop = pair_loop,
	  .destroy = pages_destroy },
	{ .name = "page-pair-order-7",
	  .operation = pair,
	  .value = 7,
	  .create = pair_create,
	  .loop = pair_loop,
	  .destroy = pages_destroy },
	{ .name = "page-pair-order-8",
	  .operation = pair,
	  .value = 8,
	  .create = pair_create,
	  .loop = pair_loop,
	  .destroy = pages_destroy },
	{ .name = "page-pair-order-9",
	  .operation = pair,
	  .bar = 8500,
	  .value = 9,
	  .create = pair_create,
	  .loop = pair_loop,
	  .destroy = pages_destroy },
	{ .name = "page-pair-order-10",
	  .operation = pair,
	  .bar = 28000,
	  .value = 10,
	  .create = pair_create,
	  .loop = pair_loop,
	  .destroy = pages_destroy },
	{ .name = "page-pair-order-9-thp",
	  .operation = "the same, with transparent huge pages",
	  .value = 9,
	  .create = thp_pair_create,
	  .loop = pair_loop,
	  .destroy = pages_destroy },
	{ .name = "page-pair-order-0-unchecked",
	  .operation = "the same, checks = off",
	  .value = 0,
	  .create = unchecked_pair_create,
	  .loop = pair_loop,
	  .destroy = pages_destroy },
	{ .name = "page-pair-order-10-unchecked",
	  .operation = "the same, checks = off",
	  .bar = 350,
	  .value = 10,
	  .create = unchecked_pair_create,
	  .loop = pair_loop,
	  .destroy = pages_destroy },
	{ .name = "page-pair-order-0-64mib",
	  .operation = "the same on a machine of 64 MiB",
	  .value = 64,
	  .create = sized_pair_create,
	  .loop = pair_loop,
	  .destroy = pages_destroy },
	{ .name = "page-pair-order-0-64gib",
	  .operation = "the same on a machine of 64 GiB; bar: 1.3 of 64 MiB",
	  .bar = 1.3,
	  .bar_of = "page-pair-order-0-64mib",
	  .value = 64 << 10,
	  .create = sized_pair_create,
	  .loop = pair_loop,
	  .destroy = pages_destroy },
	{ .name = "page-pair-order-0-1tib",
	  .operation = "the same on a machine of 1 TiB, deferred; bar: 1.3 of 64 MiB",
	  .bar = 1.3,
	  .bar_of = "page-pair-order-0-64mib",
	  .may_lack = true,
	  .value = 1 << 20,
	  .create = deferred_pair_create,
	  .loop = pair_loop,
	  .destroy = pages_destroy },
	{ .name = "page-batch-256",
	  .operation = "one page of 256 taken, then 256 given back",
	  .bar = 190,
	  .value = 256,
	  .create = batch_create,
	  .loop = batch_loop,
	  .destroy = pages_destroy },
	{ .name = "page-mix",
	  .operation = "an allocation or a free of a steady mix, beside the loop",
	  .sample = 200 * 1000,
	  .bar = 420,
	  .value = MM_CHECKS_LINUX,
	  .create = mix_create,
	  .loop = mix_loop,
	  .empty = mix_empty_loop,
	  .destroy = mix_destroy },
	{ .name = "page-mix-unchecked",
	  .operation = "the same, checks = off",
	  .sample = 200 * 1000,
	  .bar = 180,
	  .value = MM_CHECKS_OFF,
	  .create = mix_create,
	  .loop = mix_loop,
	  .empty = mix_empty_loop,
	  .destroy = mix_destroy },
	{ .name = "reset-fuzz-size",
	  .operation = "a machine of 2048 pages back to its boot",
	  .copies = true,
	  .create = small_create,
	  .loop = reset_loop,
	  .destroy = pages_destroy },
	{ .name = "arena-fuzz-size",
	  .operation = "boot metadata of that machine",
	  .create = small_create,
	  .destroy = pages_destroy,
	  .bytes = arena_bytes },
};
const size_t nr_core_rows = sizeof(core_rows) / sizeof(core_rows[0]);
