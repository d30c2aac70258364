/* The steady mix; see mix.h. */
#include "bench/mix.h"

#include "bench/machines.h"
#include "lostbuddy/gfp.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	MIB = 1024,
	ALL_PAGES = MIB * PAGES_PER_MIB,
	/* where waves turn, with room for a few large blocks more */
	LOW_PAGES = ALL_PAGES / 100 * 52,
	HIGH_PAGES = ALL_PAGES / 100 * 78,
	HELD_MAX = 1 << 16,
	WARM_UP = 100 * 1000, /* operations: several waves */
	TOP_ORDER = 10,
};

struct held {
	struct page *page;
	unsigned int order;
};

struct mix {
	struct mm_machine *machine;
	struct mm_context context;
	uint64_t random;
	uint64_t pages; /* held, all together */
	bool rises;
	unsigned int nr_held;
	struct held held[HELD_MAX];
};

/* A number below n, from a sequence that is the same everywhere. */
static inline unsigned int draw(struct mix *mix, unsigned int n)
{
	mix->random = mix->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned int)((mix->random >> 32) * n >> 32);
}

static inline unsigned int draw_order(struct mix *mix)
{
	unsigned int pick = draw(mix, 100);

	return pick < 90 ? 0 : pick - 89;
}
_Static_assert(TOP_ORDER == 99 - 89, "ten in a hundred, one of each order");

static __attribute__((cold, noreturn)) void give_up(unsigned int order)
{
	fprintf(stderr, "bench: page-mix: an allocation of order %u failed\n", order);
	exit(1);
}

static inline __attribute__((always_inline)) void take_one(struct mix *mix, bool work)
{
	struct held *held = &mix->held[mix->nr_held++];
	unsigned int order = draw_order(mix);

	held->order = order;
	mix->pages += UINT64_C(1) << order;
	if (!work)
		return;
	held->page = alloc_pages(GFP_KERNEL, order);
	if (!held->page)
		give_up(order);
}

static inline __attribute__((always_inline)) void give_one_back(struct mix *mix, bool work)
{
	struct held *at = &mix->held[draw(mix, mix->nr_held)], held = *at;

	*at = mix->held[--mix->nr_held];
	mix->pages -= UINT64_C(1) << held.order;
	if (work)
		__free_pages(held.page, held.order);
}

static inline __attribute__((always_inline)) uint64_t run(struct mix *mix, uint64_t count,
							  bool work)
{
	for (uint64_t i = 0; i < count; i++) {
		bool usual = draw(mix, 4) < 3;

		if (mix->pages >= HIGH_PAGES || mix->nr_held == HELD_MAX)
			mix->rises = false;
		else if (mix->pages <= LOW_PAGES)
			mix->rises = true;
		if (usual == mix->rises)
			take_one(mix, work);
		else
			give_one_back(mix, work);
	}
	return count;
}

uint64_t mix_loop(void *subject, uint64_t count)
{
	return run(subject, count, true);
}

uint64_t mix_empty_loop(void *subject, uint64_t count)
{
	return run(subject, count, false);
}

double mix_occupancy(const void *subject)
{
	return (double)((const struct mix *)subject)->pages / (double)ALL_PAGES;
}

void *mix_create(int checks, char *why)
{
	const struct bench_machine size = { .mib = MIB, .checks = (enum mm_checks)checks };
	struct mix *mix = calloc(1, sizeof(*mix));

	if (!mix) {
		snprintf(why, 256, "no memory");
		return NULL;
	}
	mix->machine = boot_real(&size, why);
	if (!mix->machine) {
		free(mix);
		return NULL;
	}
	mix->context.machine = mix->machine;
	mix->random = 1;
	mix->rises = true;
	mm_current = &mix->context;
	mix_loop(mix, WARM_UP);
	return mix;
}

void mix_destroy(void *subject)
{
	struct mix *mix = subject;

	mm_current = NULL;
	mm_machine_destroy(mix->machine);
	free(mix);
}
