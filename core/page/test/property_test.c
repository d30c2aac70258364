/*
 * Properties that hold after every operation of any sequence: random long ones, and all short ones
 * in a tiny world. What is right is stated by the invariants of machine.h and by conservation
 * alone; no expected frame is written here.
 */
#include <stdlib.h>

#include "test.h"
#include "page/badness.h"
#include "page/vmstat.h"
#include "test/world.h"

enum { MAX_HELD = 512 };

struct held {
	struct page *page;
	unsigned int order;
};

struct run {
	struct world *w;
	struct held held[MAX_HELD];
	unsigned int nr_held;
	uint64_t random;
	uint64_t served; /* allocations */
};

static unsigned int draw(struct run *run, unsigned int n)
{
	run->random = run->random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(run->random >> 33) % n;
}

/* Guards are counted nowhere, and are there all the same. */
static uint64_t guard_pages(const struct mm_machine *m)
{
	uint64_t pages = 0;

	for (pfn_t pfn = 0; m->guard_order && pfn < m->max_pfn; pfn++)
		if (PageGuard(&m->memmap[pfn]))
			pages += UINT64_C(1) << buddy_order(&m->memmap[pfn]);
	return pages;
}

static uint64_t free_and_listed(const struct mm_machine *m)
{
	uint64_t pages = guard_pages(m);

	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++) {
			const struct zone *zone = mm_zone(m, node, type);

			pages += zone_free_pages_snapshot(zone);
			for (unsigned int cpu = 0; cpu < m->nr_cpus; cpu++)
				pages += (uint64_t)zone->pageset[cpu].count;
		}
	return pages;
}

static uint64_t held_pages(const struct run *run)
{
	uint64_t pages = 0;

	for (unsigned int i = 0; i < run->nr_held; i++)
		pages += UINT64_C(1) << run->held[i].order;
	return pages;
}

static void hold(struct run *run, struct page *page, unsigned int order)
{
	if (!page)
		return;
	run->served++;
	run->held[run->nr_held++] = (struct held){ page, order };
}

static void release(struct run *run, unsigned int index)
{
	struct held held = run->held[index];

	run->held[index] = run->held[--run->nr_held];
	__free_pages(held.page, held.order);
}

static const gfp_t kinds[] = {
	GFP_KERNEL | __GFP_NORETRY,
	GFP_ATOMIC,
	GFP_NOWAIT,
	GFP_HIGHUSER_MOVABLE | __GFP_NORETRY,
	GFP_KERNEL | __GFP_RECLAIMABLE,
	GFP_KERNEL | __GFP_COMP,
	GFP_NOFS,
	GFP_KERNEL | __GFP_DMA,
	GFP_NOIO | __GFP_NOFAIL,
	GFP_ATOMIC | __GFP_DMA32,
	GFP_KERNEL | __GFP_MEMALLOC,
	GFP_KERNEL | __GFP_THISNODE | __GFP_RETRY_MAYFAIL,
};

static void step(struct run *run)
{
	struct mm_machine *m = run->w->machine;
	unsigned int what = draw(run, 100),
		     order = draw(run, 3) ? draw(run, 3) : draw(run, m->top_order + 1);

	world_on(run->w, draw(run, m->nr_cpus), draw(run, 8) ? MM_TASK : MM_IRQ,
		 draw(run, 8) ? 0 : draw(run, 64));
	if (what < 50 && run->nr_held < MAX_HELD)
		hold(run, alloc_pages(kinds[draw(run, sizeof(kinds) / sizeof(kinds[0]))], order),
		     order);
	else if (what < 94 && run->nr_held)
		release(run, draw(run, run->nr_held));
	else if (what < 96)
		vmstat_update();
	else if (what < 97)
		drain_local_pages();
	else if (what < 98)
		drain_all_pages();
	else if (what < 99)
		mm_run_kswapd(m, draw(run, m->nr_nodes));
	else
		EXPECT(mm_sysctl_write(m, MM_SYSCTL_MIN_FREE_KBYTES, draw(run, 400)));
}

static uint64_t numa_events(const struct mm_machine *m, enum numa_event event)
{
	uint64_t events = 0;

	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
			events += zone_numa_events(mm_zone(m, node, type), event);
	return events;
}

/* Every allocation is a hit or a miss, and local or not; every miss is foreign to another zone. */
static void expect_every_allocation_counted(const struct run *run)
{
	const struct mm_machine *m = run->w->machine;

	EXPECT_EQ(numa_events(m, NUMA_HIT) + numa_events(m, NUMA_MISS), run->served);
	EXPECT_EQ(numa_events(m, NUMA_LOCAL) + numa_events(m, NUMA_OTHER), run->served);
	EXPECT_EQ(numa_events(m, NUMA_MISS), numa_events(m, NUMA_FOREIGN));
}

/* When every CPU has told all, what everybody sees is the truth. */
static void expect_no_delta_left(struct world *w)
{
	const struct mm_machine *m = w->machine;

	for (unsigned int cpu = 0; cpu < m->nr_cpus; cpu++) {
		world_on(w, cpu, MM_TASK, 0);
		for (unsigned int turn = 0; turn < 2; turn++)
			vmstat_update();
	}
	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
			EXPECT_EQ(zone_free_pages(mm_zone(m, node, type)),
				  zone_free_pages_snapshot(mm_zone(m, node, type)));
}

static void random_run(struct shape shape, uint64_t seed, unsigned int steps)
{
	struct world w;

	world_open(&w, shape);
	struct run run = { .w = &w, .random = seed };
	uint64_t managed = free_and_listed(w.machine);
	char why[256] = "";

	for (unsigned int i = 0; i < steps; i++) {
		step(&run);
		if (!EXPECT(free_and_listed(w.machine) + held_pages(&run) == managed))
			break;
		if (i % 16 == 0 && !EXPECT(mm_machine_check(w.machine, why))) {
			fprintf(stderr, "%s\n", why);
			break;
		}
	}
	while (run.nr_held)
		release(&run, 0);
	drain_all_pages();
	EXPECT_EQ(free_and_listed(w.machine), managed);
	/* from pageblock order up types may keep a guard from its other half for good */
	if (w.machine->guard_order <= w.machine->pageblock_order)
		EXPECT_EQ(guard_pages(w.machine), 0);
	EXPECT_EQ(w.context.warnings & ~(unsigned int)(MM_WARN_SLEEP | MM_WARN_ORDER), 0);
	expect_every_allocation_counted(&run);
	expect_no_delta_left(&w);
	world_close(&w);
}

TEST(no_page_is_lost_or_doubled_on_any_shape)
{
	const struct shape shapes[] = {
		{ .pages = 64 },
		{ .pages = 256, .min_free_kbytes = 64 },
		{ .pages = 512, .cpus = 4, .thp = true, .min_free_kbytes = 80 },
		{ .pages = 1024,
		  .cpus = 4,
		  .nodes = 2,
		  .min_free_kbytes = 128,
		  .high = 8,
		  .batch = 2 },
		{ .pages = 1024,
		  .top_order = 7,
		  .dma_end = 128,
		  .dma32_end = 512,
		  .min_free_kbytes = 64 },
		{ .pages = 768, .top_order = 6, .dma32_end = 256, .movable_start = 512, .cpus = 2 },
		{ .pages = 2048,
		  .top_order = 10,
		  .pageblock_order = 7,
		  .cpus = 8,
		  .nodes = 4,
		  .thp = true },
		{ .pages = 512, .checks = MM_CHECKS_DEBUG, .min_free_kbytes = 40 },
		{ .pages = 512, .checks = MM_CHECKS_OFF, .min_free_kbytes = 40 },
		{ .pages = 512, .cpus = 2, .nodes = 2, .shuffle = 3, .page_poison = true },
		{ .pages = 512, .guard_order = 3, .min_free_kbytes = 40, .cpus = 2 },
		{ .pages = 1024,
		  .guard_order = 5,
		  .top_order = 10,
		  .pageblock_order = 4,
		  .shuffle = 9,
		  .init_on_free = true },
	};

	for (unsigned int i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		for (uint64_t seed = 1; seed <= 8; seed++) {
			struct shape shape = shapes[i];

			shape.profile = seed % 2 ? &mm_profile_linux_6_1 : &mm_profile_linux_5_10;
			random_run(shape, seed, 4000);
		}
}

/*
 * Every sequence of six operations in a tiny world: allocate order 0, 1, 2, 4; free the oldest, the
 * newest; drain. After it, the invariants hold; after all, everything can be given back and is one
 * again.
 */
enum { TINY_DEPTH = 6, TINY_OPERATIONS = 7 };

static void tiny_step(struct run *run, unsigned int what)
{
	static const unsigned int orders[] = { 0, 1, 2, 4 };

	if (what < 4)
		hold(run,
		     alloc_pages(what % 2 ? GFP_ATOMIC : GFP_HIGHUSER_MOVABLE | __GFP_NORETRY,
				 orders[what]),
		     orders[what]);
	else if (what == 4 && run->nr_held)
		release(run, 0);
	else if (what == 5 && run->nr_held)
		release(run, run->nr_held - 1);
	else if (what == 6)
		drain_all_pages();
}

static void tiny_sequence(struct world *w, unsigned int sequence, const char *boot)
{
	struct run run = { .w = w };
	char why[256] = "";

	mm_machine_reset(w->machine);
	for (unsigned int i = 0; i < TINY_DEPTH; i++, sequence /= TINY_OPERATIONS)
		tiny_step(&run, sequence % TINY_OPERATIONS);
	if (!mm_machine_check(w->machine, why))
		EXPECT_STR(why, "");
	while (run.nr_held)
		release(&run, 0);
	drain_all_pages();
	EXPECT_STR(world_free(w, ZONE_NORMAL), boot);
}

TEST(every_short_sequence_keeps_the_invariants)
{
	struct world w;
	unsigned int sequences = 1;
	char boot[4096];

	for (unsigned int i = 0; i < TINY_DEPTH; i++)
		sequences *= TINY_OPERATIONS;
	world_open(&w, (struct shape){ .pages = 64, .high = 4, .batch = 2 });
	snprintf(boot, sizeof(boot), "%s", world_free(&w, ZONE_NORMAL));
	for (unsigned int i = 0; i < sequences && !test_failures; i++)
		tiny_sequence(&w, i, boot);
	world_close(&w);
}

/* ---- the shortcuts ---- */

static void hear_nothing(void *data, const struct mm_event *event)
{
	(void)data;
	(void)event;
}

/* One of two machines that are given the same; a listener keeps it off the shortcuts. */
struct twin {
	struct world w;
	struct page *held[96];
	unsigned int order[96];
};

static const gfp_t twin_masks[] = { GFP_KERNEL,
				    GFP_HIGHUSER_MOVABLE,
				    GFP_NOWAIT | __GFP_RECLAIMABLE,
				    GFP_KERNEL | __GFP_COMP,
				    GFP_ATOMIC,
				    GFP_KERNEL | __GFP_NORETRY };

/*
 * A mapcount on the first page, or a flag on any; with checks = off on the first: nobody could set
 * one on a tail there, and shortcuts rely on it.
 */
static void plant(const struct mm_machine *m, struct page *page, unsigned int order, uint64_t pick)
{
	unsigned int flag = (unsigned int)(pick % NR_PAGEFLAGS);
	unsigned int pages = m->checks == MM_CHECKS_OFF ? 1 : 1u << order;

	if (pick >> 8 & 1)
		page->_mapcount = 0;
	else if (flag != PG_HEAD)
		page[(pick >> 9) % pages].flags |= PAGE_FLAG(flag);
}

/* Takes or gives back one block; something is left on one in 64. Returns the frame it was about. */
static pfn_t twin_step(struct twin *t, uint64_t pick)
{
	unsigned int slot = (unsigned int)(pick % 96), order = (unsigned int)(pick >> 8 & 7) % 6;
	pfn_t pfn = 0;

	world_on(&t->w, (unsigned int)(pick >> 16 & 1), MM_TASK, 0);
	if (t->held[slot]) {
		pfn = page_to_pfn(t->held[slot]);
		if ((pick >> 20) % 64 == 0)
			plant(t->w.machine, t->held[slot], t->order[slot], pick >> 26);
		__free_pages(t->held[slot], t->order[slot]);
		t->held[slot] = NULL;
	} else {
		order = pick >> 32 & 1 ? 0 : order;
		t->held[slot] = alloc_pages(twin_masks[(pick >> 40) % 6] | __GFP_NORETRY, order);
		t->order[slot] = order;
		pfn = t->held[slot] ? page_to_pfn(t->held[slot]) : 0;
	}
	return pfn;
}

/*
 * Takes or gives back the blocks of several neighbouring slots, upwards or downwards: runs of
 * neighbours.
 */
static pfn_t twin_burst(struct twin *t, uint64_t pick)
{
	unsigned int first = (unsigned int)(pick % 96), nr = (unsigned int)(pick >> 8 & 63);
	pfn_t sum = 0;

	for (unsigned int i = 0; i < nr; i++) {
		unsigned int slot = (first + (pick >> 14 & 1 ? i : nr - i)) % 96;

		sum = sum * 31 + twin_step(t, (pick & ~UINT64_C(0x70ffff)) | slot |
						      (pick >> 15 & 3) << 8 | UINT64_C(1) << 20);
	}
	return sum;
}

/*
 * One of the calls that move whole page lists, or make the general path of some blocks the only
 * one.
 */
static void twin_rarity(struct twin *t, uint64_t pick)
{
	pfn_t size = UINT64_C(1) << t->w.machine->top_order;
	/* not the first one, which has frame 0, and not the last, where boot keeps pages */
	pfn_t block = (1 + (pick >> 8) % (t->w.machine->max_pfn / size - 2)) * size;

	world_on(&t->w, (unsigned int)(pick & 1), MM_TASK, 0);
	switch (pick >> 1 & 7) {
	case 0:
		drain_local_pages();
		break;
	case 1:
		drain_all_pages();
		break;
	case 2:
		vmstat_update();
		break;
	case 3:
		isolate_range(block, block + size);
		break;
	case 4:
		/*
		 * somebody writes where nothing is theirs; pages are found bad at their next turn
		 */
		t->w.machine->memmap[block + (pick >> 24) % size].memcg_data = 1;
		break;
	default:
		unisolate_range(block, block + size);
	}
}

static pfn_t twin_turn(struct twin *t, uint64_t pick)
{
	mm_current = &t->w.context;
	if (pick >> 48 & 15)
		return twin_step(t, pick);
	if (pick >> 52 & 7)
		return twin_burst(t, pick);
	twin_rarity(t, pick);
	return 0;
}

/*
 * The same frames in the same order; each of the same type, as they left their pageblock or came
 * from it.
 */
static bool same_list(const struct mm_machine *a, const struct list_head *in_a,
		      const struct mm_machine *b, const struct list_head *in_b)
{
	const struct list_head *at = in_a->next, *bt = in_b->next;

	for (; at != in_a && bt != in_b; at = at->next, bt = bt->next) {
		const struct page *page = lru_to_page(at), *other = lru_to_page(bt);

		if (page - a->memmap != other - b->memmap || page->index != other->index ||
		    at->next->prev != at || bt->next->prev != bt)
			return false;
	}
	return at == in_a && bt == in_b;
}

static bool same_page(const struct page *page, const struct page *other)
{
	return page->flags == other->flags && page->page_type == other->page_type &&
	       page->_refcount == other->_refcount && page->private == other->private &&
	       page->mapping == other->mapping && page->memcg_data == other->memcg_data;
}

static bool same_page_set(const struct mm_machine *a, const struct per_cpu_pages *in_a,
			  const struct mm_machine *b, const struct per_cpu_pages *in_b)
{
	bool same = in_a->count == in_b->count && in_a->free_factor == in_b->free_factor &&
		    in_a->free_delta == in_b->free_delta && in_a->turns == in_b->turns;

	for (unsigned int list = 0; list < NR_PCP_LISTS; list++)
		same = same && same_list(a, &in_a->lists[list], b, &in_b->lists[list]);
	return same;
}

static void expect_same_zone(const struct mm_machine *a, const struct mm_machine *b)
{
	const struct zone *in_a = mm_zone(a, 0, ZONE_NORMAL), *in_b = mm_zone(b, 0, ZONE_NORMAL);

	EXPECT_EQ(in_a->nr_free_pages, in_b->nr_free_pages);
	for (unsigned int order = 0; order <= a->top_order; order++) {
		EXPECT_EQ(in_a->free_area[order].nr_free, in_b->free_area[order].nr_free);
		for (unsigned int type = 0; type < MIGRATE_TYPES; type++)
			EXPECT(same_list(a, &in_a->free_area[order].free_list[type], b,
					 &in_b->free_area[order].free_list[type]));
	}
	for (unsigned int cpu = 0; cpu < a->nr_cpus; cpu++)
		EXPECT(same_page_set(a, &in_a->pageset[cpu], b, &in_b->pageset[cpu]));
	for (enum numa_event event = 0; event < NR_NUMA_EVENTS; event++)
		EXPECT_EQ(zone_numa_events(in_a, event), zone_numa_events(in_b, event));
}

/* All that a later operation could see. */
static void expect_same_state(const struct mm_machine *a, const struct mm_machine *b)
{
	expect_same_zone(a, b);
	for (pfn_t pfn = 0; pfn < a->max_pfn; pfn++)
		if (!EXPECT(same_page(&a->memmap[pfn], &b->memmap[pfn])))
			break;
	EXPECT(memcmp(a->pageblock_type, b->pageblock_type, a->nr_pageblocks) == 0);
	EXPECT_EQ(a->changes, b->changes);
	EXPECT_EQ(a->vmstat.pgfree, b->vmstat.pgfree);
	EXPECT_EQ(a->vmstat.pgalloc, b->vmstat.pgalloc);
	EXPECT_EQ(a->vmstat.leaked, b->vmstat.leaked);
	EXPECT_EQ(a->vmstat.bad_pages, b->vmstat.bad_pages);
}

/*
 * Shapes differ in what decides how long runs are: page list sizes, thresholds, orders and checks.
 */
static struct shape twin_shape(unsigned int seed)
{
	static const struct mm_profile *const profiles[] = { &mm_profile_linux_6_1,
							     &mm_profile_linux_5_10 };

	return (struct shape){
		/* the largest are too large to be poisoned, so that sanitizers see shortcuts */
		.pages = seed % 2   ? 512
			 : seed % 4 ? 8192
				    : 2048,
		.cpus = 2,
		.top_order = seed % 5 ? 0 : 7,
		.pageblock_order = seed % 5 ? 0 : 6,
		.high = seed % 3 ? 12 + 40 * (seed % 4) : 0,
		.batch = seed % 3 ? (seed % 2 ? 2 : 31) : 0,
		.checks = seed % 4 == 3 ? MM_CHECKS_OFF : MM_CHECKS_LINUX,
		.thp = seed & 1,
		.profile = profiles[seed % 4 == 2]
	};
}

/* Same frames, same lists, same counts, with shortcuts and without, after every few steps. */
TEST(shortcuts_do_what_the_general_path_does)
{
	for (unsigned int seed = 0; seed < 24 && !test_failures; seed++) {
		struct twin quick = { 0 }, general = { 0 };
		uint64_t random = seed + 1;

		world_open(&quick.w, twin_shape(seed));
		world_open(&general.w, twin_shape(seed));
		mm_listen(general.w.machine, hear_nothing, NULL);
		/* builds that poison memory have no shortcuts */
		EXPECT(quick.w.machine->plain != quick.w.machine->poison_memory);
		EXPECT(!general.w.machine->plain);
		for (int i = 0; i < 10000 && !test_failures; i++) {
			random = random * UINT64_C(6364136223846793005) +
				 UINT64_C(1442695040888963407);
			pfn_t here = twin_turn(&quick, random >> 8),
			      there = twin_turn(&general, random >> 8);

			EXPECT_EQ(here, there);
			if (i % 32 == 0)
				expect_same_state(quick.w.machine, general.w.machine);
		}
		if (test_failures)
			fprintf(stderr, "with seed %u\n", seed);
		EXPECT(quick.w.machine->vmstat.pgalloc > 1000);
		world_close(&quick.w);
		world_close(&general.w);
	}
}

/* A count that changes in many small steps folds where the steps fold, not where their sum does. */
TEST(a_run_of_changes_is_counted_like_single_ones)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 64 });
	struct zone *zone = mm_zone(w.machine, 0, ZONE_NORMAL);
	struct per_cpu_pages *pcp = &zone->pageset[0];
	const struct zone before = *zone;

	zone->stat_threshold = 5;
	for (int16_t delta = -5; delta <= 5; delta++)
		for (long pages = 1; pages <= 8; pages *= 2)
			for (unsigned int times = 0; times < 20; times++) {
				zone->nr_free_pages = 100;
				pcp->free_delta = delta;
				for (unsigned int i = 0; i < times; i++)
					mod_zone_free_pages(zone, pages);
				long shared = zone->nr_free_pages, rest = pcp->free_delta;

				zone->nr_free_pages = 100;
				pcp->free_delta = delta;
				mod_zone_free_pages_times(zone, pages, times);
				EXPECT_EQ(zone->nr_free_pages, shared);
				EXPECT_EQ(pcp->free_delta, rest);
			}
	*zone = before;
	pcp->free_delta = 0;
	world_close(&w);
}

/*
 * One bad page at each place of a small block in turn, for each of the fields that make one bad:
 * found at every length that begins at the block.
 */
TEST(one_bad_page_among_many_is_found)
{
	enum { NR = 9, KINDS = 6 };
	struct page pages[NR] __attribute__((aligned(64)));

	for (unsigned int kind = 0; kind < KINDS; kind++)
		for (unsigned int bad = 0; bad < NR; bad++) {
			for (unsigned int i = 0; i < NR; i++)
				pages[i] = (struct page){ .flags = UINT64_C(1) << ZONE_ID_SHIFT,
							  .page_type = PAGE_TYPE_NONE };
			pages[bad].flags |= kind == 0 ? PAGE_FLAG(PG_LOCKED) : 0;
			pages[bad].mapping = kind == 1 ? &pages[0] : NULL;
			pages[bad]._mapcount += kind == 2;
			pages[bad]._refcount = kind == 3 ? 1 : kind == 4 ? -1 : 0;
			pages[bad].memcg_data = kind == 5;
			for (unsigned int nr = 1; nr <= NR; nr++)
				EXPECT_EQ(badness(pages, pages + nr, PAGE_FLAGS_ALL) != 0,
					  bad < nr);
		}
}

/* What pages hold decides nothing but what is said of it. */
TEST(contents_change_no_frame)
{
	for (unsigned int on = 1; on < 8 && !test_failures; on++) {
		struct shape shape = { .pages = 512, .cpus = 2, .high = 12, .batch = 3 };
		struct twin quick = { 0 }, filling = { 0 };
		uint64_t random = on;

		world_open(&quick.w, shape);
		shape.page_poison = on & 1;
		shape.init_on_free = on >> 1 & 1;
		shape.init_on_alloc = on >> 2;
		world_open(&filling.w, shape);
		EXPECT(!filling.w.machine->plain);
		for (int i = 0; i < 4000; i++) {
			random = random * UINT64_C(6364136223846793005) +
				 UINT64_C(1442695040888963407);
			pfn_t here = twin_turn(&quick, random >> 8),
			      there = twin_turn(&filling, random >> 8);

			if (!EXPECT_EQ(here, there) ||
			    !EXPECT_EQ(quick.w.context.warnings, filling.w.context.warnings))
				break;
		}
		EXPECT(quick.w.machine->vmstat.leaked > 0);
		EXPECT_STR(world_free(&quick.w, ZONE_NORMAL), world_free(&filling.w, ZONE_NORMAL));
		world_close(&quick.w);
		world_close(&filling.w);
	}
}

TEST_MAIN
