/* Linux 5.10 where it differs from 6.1; most tests run the same in both, side by side. */
#include "page/pcp.h"
#include "page/vmstat.h"
#include "test.h"
#include "test/world.h"

static struct zone *normal(const struct world *w)
{
	return mm_zone(w->machine, 0, ZONE_NORMAL);
}

static void open_5_10(struct world *w, struct shape shape)
{
	shape.profile = &mm_profile_linux_5_10;
	world_open(w, shape);
}

/* Takes pages with these flags until none comes. Returns how many came. */
static unsigned int exhaust(gfp_t gfp)
{
	unsigned int pages = 0;

	while (alloc_page(gfp))
		pages++;
	return pages;
}

/* The pageblocks that are free blocks alone: 16..31, and the last one before the memmap's. */
static void take_single_pageblocks(const struct world *w)
{
	while (!list_empty(&normal(w)->free_area[4].free_list[MIGRATE_MOVABLE]))
		alloc_pages(GFP_HIGHUSER_MOVABLE, 4);
}

/* The first half of 32..63. */
static struct page *take_pageblock_32(const struct world *w)
{
	take_single_pageblocks(w);
	struct page *block = alloc_pages(GFP_HIGHUSER_MOVABLE, 4);

	EXPECT_EQ(page_to_pfn(block), 32);
	return block;
}

static void expect_sizes(struct world *w, uint64_t managed, int high, int batch)
{
	normal(w)->managed_pages = managed;
	EXPECT(mm_sysctl_write(w->machine, MM_SYSCTL_MIN_FREE_KBYTES, 0));
	EXPECT_EQ(normal(w)->pageset[0].high, high);
	EXPECT_EQ(normal(w)->pageset[0].batch, batch);
}

TEST(page_lists_are_as_long_as_the_zone_is_large) /* examples 4, 12 */
{
	struct world w;

	open_5_10(&w, (struct shape){ .pages = 256 });
	expect_sizes(&w, 3840, 0, 1);
	expect_sizes(&w, 8192, 6, 1);
	expect_sizes(&w, 14370, 18, 3);
	expect_sizes(&w, 16384, 18, 3);
	expect_sizes(&w, 32768, 42, 7);
	expect_sizes(&w, 65536, 90, 15);
	expect_sizes(&w, 131072, 186, 31);
	expect_sizes(&w, 262144, 378, 63);
	expect_sizes(&w, 1048576, 378, 63);
	/* a fraction: high = managed / f, batch a quarter of it, 1 .. 96 */
	EXPECT(mm_sysctl_write(w.machine, MM_SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION, 100));
	expect_sizes(&w, 32768, 327, 81);
	expect_sizes(&w, 65536, 655, 96);
	expect_sizes(&w, 300, 3, 1);
	mm_machine_destroy(w.machine);
}

TEST(what_the_machine_says_of_page_lists_stays)
{
	struct world w;

	open_5_10(&w, (struct shape){ .pages = 256, .high = 40, .batch = 5 });
	expect_sizes(&w, 32768, 40, 5);
	EXPECT(mm_sysctl_write(w.machine, MM_SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION, 100));
	expect_sizes(&w, 32768, 40, 5);
	mm_machine_destroy(w.machine);
}

static bool passes(const struct zone *zone, unsigned int flags, long free_pages)
{
	return zone_watermark_ok(zone, 0, 8393, ZONE_NORMAL, flags, free_pages);
}

TEST(urgent_requests_may_go_deeper) /* example 8: min 8393, reserve 2962 */
{
	struct world w;

	open_5_10(&w, (struct shape){ .pages = 256 });
	struct zone *zone = normal(&w);

	zone->lowmem_reserve[ZONE_NORMAL] = 2962;
	EXPECT(!passes(zone, ALLOC_MIN_RESERVE, 4197 + 2962));
	EXPECT(passes(zone, ALLOC_MIN_RESERVE, 4197 + 2963));
	EXPECT(!passes(zone, ALLOC_MIN_RESERVE | ALLOC_HARDER, 3148 + 2962));
	EXPECT(passes(zone, ALLOC_MIN_RESERVE | ALLOC_HARDER, 3148 + 2963));
	/* HARDER alone: 8393 - 2098; beside OOM it counts for nothing: 8393 - 4196 */
	EXPECT(!passes(zone, ALLOC_HARDER, 6295 + 2962));
	EXPECT(passes(zone, ALLOC_HARDER, 6295 + 2963));
	EXPECT(!passes(zone, ALLOC_HARDER | ALLOC_OOM, 4197 + 2962));
	EXPECT(passes(zone, ALLOC_HARDER | ALLOC_OOM, 4197 + 2963));
	/* HIGH leaves the highatomic reserve alone, HARDER does not */
	zone->nr_reserved_highatomic = 16;
	EXPECT(!passes(zone, ALLOC_MIN_RESERVE, 4197 + 2962 + 16));
	EXPECT(passes(zone, ALLOC_HARDER, 6295 + 2963));
	world_close(&w);
}

TEST(each_flag_stops_where_the_facts_say)
{
	struct world w;

	/*
	 * 251 pages, min 25, told to the zone by threes: .. 26 23 20 17 14 11 8. An rt task 25 - 6 =
	 * 19; HIGH 25 - 12 = 13; ATOMIC, which has both, 13 - 3 = 10. Not waiting lowers nothing.
	 */
	open_5_10(&w,
		  (struct shape){ .pages = 256, .min_free_kbytes = 100, .high = 4, .batch = 1 });
	EXPECT_EQ(exhaust(GFP_KERNEL | __GFP_NORETRY), 251 - 23);
	EXPECT_EQ(exhaust(GFP_NOWAIT), 0);
	world_on(&w, 0, MM_TASK, MM_SCOPE_RT);
	EXPECT_EQ(exhaust(GFP_KERNEL | __GFP_NORETRY), 23 - 17);
	world_on(&w, 0, MM_TASK, 0);
	EXPECT_EQ(exhaust(GFP_NOWAIT | __GFP_HIGH), 17 - 11);
	EXPECT_EQ(exhaust(GFP_ATOMIC | __GFP_NOMEMALLOC), 0);
	EXPECT_EQ(exhaust(GFP_ATOMIC), 11 - 8);
	EXPECT_EQ(exhaust(GFP_KERNEL | __GFP_MEMALLOC | __GFP_NORETRY), 8);
	EXPECT_EQ(w.context.failure, MM_FAIL_BLOCK);
	world_close(&w);
}

TEST(nofail_goes_as_deep_as_harder_when_all_else_failed)
{
	struct world w;

	/* a costly order, for which nobody is killed: left to itself NOFAIL stops at 25 - 6 */
	open_5_10(&w,
		  (struct shape){ .pages = 256, .min_free_kbytes = 100, .high = 4, .batch = 1 });
	exhaust(GFP_KERNEL | __GFP_NORETRY);
	EXPECT(alloc_pages(GFP_KERNEL | __GFP_NOFAIL, 4) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_LOOP);
	unsigned int pages = 0;

	while (alloc_page(GFP_KERNEL | __GFP_NOFAIL | __GFP_THISNODE))
		pages++;
	EXPECT_EQ(pages, 23 - 17);
	EXPECT_EQ(w.context.failure, MM_FAIL_LOOP);
	world_close(&w);
}

/* A pageblock is reserved; atomic requests of single pages take what they may. What is left of it. */
static uint64_t highatomic_left(const struct mm_profile *profile)
{
	struct world w;
	uint64_t left = 0;

	world_open(&w, (struct shape){ .profile = profile, .pages = 256 });
	reserve_highatomic_pageblock(normal(&w), alloc_page(GFP_KERNEL));
	exhaust(GFP_ATOMIC);
	for (unsigned int order = 0; order <= w.machine->top_order; order++)
		left += normal(&w)->free_area[order].nr_free << order;
	world_close(&w);
	return left;
}

TEST(single_atomic_pages_do_not_touch_the_highatomic_reserve)
{
	/* pages 1 .. 15 of the first pageblock, less page 1: 14; one page list entry may hold one */
	EXPECT_EQ(highatomic_left(&mm_profile_linux_5_10), 14);
	EXPECT_EQ(highatomic_left(&mm_profile_linux_6_1), 0);
}

TEST(an_atomic_pair_reserves_its_pageblock_and_an_rt_task_s_too)
{
	struct world w;

	for (unsigned int rt = 0; rt < 2; rt++) {
		open_5_10(&w, (struct shape){ .pages = 256, .min_free_kbytes = 200 });
		exhaust(GFP_HIGHUSER_MOVABLE | __GFP_NORETRY);
		EXPECT_EQ(normal(&w)->nr_reserved_highatomic, 0);
		world_on(&w, 0, MM_TASK, rt ? MM_SCOPE_RT : 0);
		EXPECT(alloc_pages(rt ? GFP_KERNEL | __GFP_NORETRY : GFP_ATOMIC, 1) != NULL);
		EXPECT_EQ(normal(&w)->nr_reserved_highatomic, 16);
		world_close(&w);
	}
}

static void given_lists(const struct world *w, const char *pages[MIGRATE_PCPTYPES])
{
	struct per_cpu_pages *pcp = &normal(w)->pageset[0];

	drain_local_pages();
	for (unsigned int list = 0; list < MIGRATE_PCPTYPES; list++) {
		const char *at = pages[list];
		int used;
		unsigned int pfn;

		for (; sscanf(at, "%u%n", &pfn, &used) == 1; at += used) {
			struct page *page = pfn_to_page(pfn);

			EXPECT(take_page_off_buddy(page));
			page->_refcount = 0;
			page->index = list;
			list_add_tail(&page->lru, &pcp->lists[list]);
			pcp->count++;
		}
	}
}

static void expect_lists(const struct world *w, const char *unmovable, const char *movable,
			 const char *reclaimable)
{
	EXPECT_STR(world_pcp(w, ZONE_NORMAL, 0, MIGRATE_UNMOVABLE), unmovable);
	EXPECT_STR(world_pcp(w, ZONE_NORMAL, 0, MIGRATE_MOVABLE), movable);
	EXPECT_STR(world_pcp(w, ZONE_NORMAL, 0, MIGRATE_RECLAIMABLE), reclaimable);
}

/* A batch of 4; lists from head to tail, the oldest last. */
TEST(lists_take_turns_when_a_batch_goes_back)
{
	static const struct {
		const char *before[MIGRATE_PCPTYPES], *after[MIGRATE_PCPTYPES];
	} tables[] = {
		/* one each, the second list first, then it again */
		{ { "40 41 42", "43 44 45", "46 47" }, { "40 41", "43", "46" } },
		/* M; R is empty, so U gives two; M */
		{ { "40 41 42 43", "44 45", "" }, { "40 41", "", "" } },
		/* M; U two, one of them for R; M and R are empty: U all that is left */
		{ { "40 41 42 43", "44", "" }, { "40", "", "" } },
		/* M; U, the one it has; what it could not give M does: two */
		{ { "40", "41 42 43 44", "" }, { "", "41", "" } },
		/* one list alone */
		{ { "", "", "40 41 42 43 44" }, { "", "", "40" } },
		{ { "40 41", "", "" }, { "", "", "" } },
	};
	struct world w;

	for (unsigned int i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		open_5_10(&w, (struct shape){ .pages = 256, .high = 64, .batch = 4 });
		given_lists(&w, (const char **)(uintptr_t)tables[i].before);
		pcp_trim(normal(&w), &normal(&w)->pageset[0], 64, false, 0);
		expect_lists(&w, tables[i].after[0], tables[i].after[1], tables[i].after[2]);
		world_close(&w);
	}
}

TEST(a_bad_page_uses_up_its_turn)
{
	const char *before[MIGRATE_PCPTYPES] = { "40 41", "42 43 44", "45" };
	struct world w;

	open_5_10(&w, (struct shape){ .pages = 256, .high = 64, .batch = 4 });
	given_lists(&w, before);
	pfn_to_page(44)->mapping = &w;
	pcp_trim(normal(&w), &normal(&w)->pageset[0], 64, false, 0);
	expect_lists(&w, "40", "42", "");
	EXPECT_EQ(w.machine->vmstat.leaked, 1);
	world_close(&w);
}

static unsigned int drains;

static void count_drains(void *data, const struct mm_event *event)
{
	(void)data;
	drains += event->kind == MM_EVENT_PCP_DRAIN;
}

TEST(a_full_list_gives_one_batch_each_time_and_a_drain_gives_all_at_once)
{
	struct world w;
	struct page *pages[80];

	/* a drain of 6.1 would take two chunks of 1 << 5 for 40 pages */
	open_5_10(&w, (struct shape){ .pages = 256, .high = 41, .batch = 1 });
	struct per_cpu_pages *pcp = &normal(&w)->pageset[0];

	for (unsigned int i = 0; i < 80; i++)
		pages[i] = alloc_page(GFP_KERNEL);
	drain_local_pages();
	for (unsigned int i = 0; i < 80; i++) {
		__free_page(pages[i]);
		EXPECT_EQ(pcp->count, i < 40 ? (int)i + 1 : 40);
	}
	EXPECT_EQ(pcp->free_factor, 0);
	mm_listen(w.machine, count_drains, NULL);
	drains = 0;
	drain_local_pages();
	EXPECT_EQ(pcp->count, 0);
	EXPECT_EQ(drains, 1);
	world_close(&w);
}

TEST(a_list_of_no_length_keeps_nothing)
{
	struct world w;

	open_5_10(&w, (struct shape){ .pages = 256 });
	EXPECT_EQ(normal(&w)->pageset[0].high, 0);
	const char *before = world_free(&w, ZONE_NORMAL);

	__free_page(alloc_page(GFP_KERNEL));
	EXPECT_EQ(normal(&w)->pageset[0].count, 0);
	EXPECT_STR(world_free(&w, ZONE_NORMAL), before);
	world_close(&w);
}

TEST(only_single_pages_have_lists_whatever_thp_says)
{
	struct world w;

	open_5_10(&w, (struct shape){ .pages = 256, .thp = true, .high = 16, .batch = 4 });
	EXPECT_EQ(mm_nr_pcp_lists(w.machine), 3);
	const char *before = world_free(&w, ZONE_NORMAL);

	for (unsigned int order = 1; order <= w.machine->top_order; order++) {
		__free_pages(alloc_pages(GFP_KERNEL, order), order);
		EXPECT_EQ(normal(&w)->pageset[0].count, 0);
	}
	EXPECT(strcmp(before, "") != 0);
	EXPECT_STR(world_free(&w, ZONE_NORMAL), before);
	world_close(&w);
}

/*
 *           32              48
 * before    HHHHHHHHHHHHHHHH................      H = a highatomic pageblock, allocated
 * 5.10      ................................      one block of order 5
 * 6.1       ................|...............      two of order 4
 */
static const char *merged_with_highatomic(struct world *w, const struct mm_profile *profile)
{
	world_open(w, (struct shape){ .profile = profile, .pages = 128 });
	struct page *block = take_pageblock_32(w);

	reserve_highatomic_pageblock(normal(w), block);
	__free_pages(block, 4);
	return world_free(w, ZONE_NORMAL);
}

TEST(highatomic_and_movable_blocks_merge)
{
	struct world w;

	EXPECT(strstr(merged_with_highatomic(&w, &mm_profile_linux_5_10), " 32:5 ") != NULL);
	EXPECT_STR(world_list(&w, ZONE_NORMAL, 5, MIGRATE_HIGHATOMIC), "32");
	world_close(&w);
	EXPECT(strstr(merged_with_highatomic(&w, &mm_profile_linux_6_1), " 32:4 48:4 ") != NULL);
	world_close(&w);
}

/* The upper pageblock of 32..63 is isolated while the lower one is in use. */
TEST(only_isolation_parts_them)
{
	struct world w;

	open_5_10(&w, (struct shape){ .pages = 128 });
	struct page *block = take_pageblock_32(&w);

	set_pageblock_type(w.machine, 48, MIGRATE_ISOLATE);
	normal(&w)->nr_isolate_pageblock++;
	__free_pages(block, 4);
	EXPECT(strstr(world_free(&w, ZONE_NORMAL), " 32:4 48:4 ") != NULL);
	block = alloc_pages(GFP_HIGHUSER_MOVABLE, 4);
	set_pageblock_type(w.machine, 48, MIGRATE_RECLAIMABLE);
	__free_pages(block, 4);
	EXPECT(strstr(world_free(&w, ZONE_NORMAL), " 32:5 ") != NULL);
	normal(&w)->nr_isolate_pageblock--;
	world_close(&w);
}

/* Every second block of order 4 is held: nothing of order 5 can come of a steal. */
static int type_after_vain_steal(const struct mm_profile *profile)
{
	struct world w;
	struct page *held[16], *block;
	unsigned int n = 0;

	world_open(&w, (struct shape){ .profile = profile, .pages = 256 });
	while (n < 16 && (block = alloc_pages(GFP_HIGHUSER_MOVABLE, 4)))
		held[n++] = block;
	EXPECT(n >= 14);
	for (unsigned int i = 0; i < n; i++)
		if (page_to_pfn(held[i]) & 16)
			__free_pages(held[i], 4);
	drain_all_pages();
	EXPECT(rmqueue_locked(normal(&w), 5, MIGRATE_UNMOVABLE, ALLOC_NOFRAGMENT) == NULL);
	int type = pageblock_type(w.machine, 48);

	world_close(&w);
	return type;
}

TEST(a_request_above_pageblock_order_steals_pageblocks_in_vain)
{
	EXPECT_EQ(type_after_vain_steal(&mm_profile_linux_5_10), MIGRATE_UNMOVABLE);
	EXPECT_EQ(type_after_vain_steal(&mm_profile_linux_6_1), MIGRATE_MOVABLE);
}

/* A bad page lies in the first of two free pageblocks, the second one is handed out. */
static uint64_t counted_as_lost(const struct mm_profile *profile)
{
	struct world w;

	world_open(&w, (struct shape){ .profile = profile, .pages = 256 });
	take_single_pageblocks(&w);
	uint64_t before = zone_free_pages_snapshot(normal(&w));

	pfn_to_page(33)->mapping = &w;
	EXPECT_EQ(page_to_pfn(alloc_pages(GFP_HIGHUSER_MOVABLE, 4)), 48);
	EXPECT_EQ(w.machine->vmstat.leaked, 16);
	uint64_t lost = before - zone_free_pages_snapshot(normal(&w));

	world_close(&w); /* M3 knows of them */
	return lost;
}

TEST(bad_blocks_straight_from_the_buddy_stay_counted)
{
	EXPECT_EQ(counted_as_lost(&mm_profile_linux_5_10), 16);
	EXPECT_EQ(counted_as_lost(&mm_profile_linux_6_1), 32);
}

TEST(scopes_count_from_the_slow_path_on_and_pin_does_nothing)
{
	struct world w;

	open_5_10(&w,
		  (struct shape){ .pages = 256, .min_free_kbytes = 100, .high = 4, .batch = 1 });
	world_on(&w, 0, MM_TASK, MM_SCOPE_PIN);
	EXPECT(alloc_page(GFP_KERNEL | __GFP_MOVABLE | __GFP_RECLAIMABLE) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_TYPE);
	exhaust(GFP_KERNEL | __GFP_NORETRY);
	/* without __GFP_FS the OOM killer is not asked, and the allocation goes round for ever */
	world_on(&w, 0, MM_TASK, MM_SCOPE_NOFS);
	EXPECT(alloc_page(GFP_KERNEL) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_LOOP);
	world_on(&w, 0, MM_TASK, 0);
	EXPECT(alloc_page(GFP_KERNEL) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_OOM);
	world_close(&w);
}

/*
 * Everybody sees 20 free pages, below min 25. Where CPU 1 knows of 100 more, reclaim seems worth a
 * retry: 16 times. Then, or where there is no hope, a highatomic pageblock may be given back.
 */
static uint64_t reserve_after_retries(const struct mm_profile *profile, int delta)
{
	struct world w;

	world_open(&w,
		   (struct shape){
			   .profile = profile, .pages = 256, .cpus = 2, .min_free_kbytes = 100 });
	struct zone *zone = normal(&w);

	reserve_highatomic_pageblock(zone, alloc_page(GFP_KERNEL));
	zone->nr_free_pages = 20;
	zone->pageset[1].free_delta = (int8_t)delta;
	alloc_pages(GFP_KERNEL | __GFP_RETRY_MAYFAIL, 0);
	uint64_t reserve = zone->nr_reserved_highatomic;

	mm_machine_destroy(w.machine);
	return reserve;
}

TEST(the_highatomic_reserve_is_given_back_after_sixteen_retries)
{
	EXPECT_EQ(reserve_after_retries(&mm_profile_linux_5_10, 100), 0);
	/* nothing to hope for: 6.1 gives it back at once, 5.10 does not */
	EXPECT_EQ(reserve_after_retries(&mm_profile_linux_5_10, 0), 16);
	EXPECT_EQ(reserve_after_retries(&mm_profile_linux_6_1, -10), 0);
}

TEST(a_costly_order_may_retry_where_compaction_cannot_help)
{
	struct world w;

	open_5_10(&w,
		  (struct shape){ .pages = 256, .min_free_kbytes = 100, .high = 4, .batch = 1 });
	exhaust(GFP_KERNEL | __GFP_NORETRY);
	EXPECT(alloc_pages(GFP_NOIO | __GFP_RETRY_MAYFAIL, 4) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_WATERMARK);
	EXPECT(alloc_pages(GFP_KERNEL, 4) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_WATERMARK);
	world_close(&w);
}

TEST_MAIN
