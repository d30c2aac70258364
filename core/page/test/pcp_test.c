/* Per-CPU page lists: refill, order, trim, drain (facts 8, worked example 25). */
#include "test.h"
#include "test/world.h"

TEST(a_refill_brings_a_batch_and_the_lowest_page_goes_out_first)
{
	struct world w;

	/*
	 * 4:2 8:3 are the UNMOVABLE blocks of the first pageblock; batch 4 takes 1 (a single), 2 3
	 * (a pair), 4
	 */
	world_open(&w, (struct shape){ .pages = 256, .high = 16, .batch = 4 });
	EXPECT_EQ(page_to_pfn(alloc_page(GFP_KERNEL)), 1);
	EXPECT_STR(world_pcp(&w, ZONE_NORMAL, 0, 0), "2 3 4");
	world_close(&w);
}

TEST(freed_pages_come_back_last_in_first_out)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .high = 16, .batch = 4 });
	struct page *a = alloc_page(GFP_KERNEL), *b = alloc_page(GFP_KERNEL);

	__free_page(a);
	__free_page(b);
	EXPECT_STR(world_pcp(&w, ZONE_NORMAL, 0, 0), "2 1 3 4");
	EXPECT(alloc_page(GFP_KERNEL) == b);
	world_close(&w);
}

TEST(trims_double_until_the_list_is_short_and_an_allocation_halves_the_factor)
{
	struct world w;
	struct page *pages[4096];
	const int trims[] = { 31, 62, 124, 248, 377 };

	/*
	 * worked example 25: high 408, batch 31: 31, 62, 124, 248, then 408 - 31; every trim but
	 * the last raises the factor
	 */
	world_open(&w, (struct shape){ .pages = 8192,
				       .top_order = 10,
				       .pageblock_order = 9,
				       .high = 408,
				       .batch = 31 });
	struct per_cpu_pages *pcp = &mm_zone(w.machine, 0, ZONE_NORMAL)->pageset[0];

	for (int i = 0; i < 4096; i++)
		pages[i] = alloc_page(GFP_KERNEL);
	drain_local_pages();
	int freed = 0;

	for (unsigned int trim = 0; trim < 5; trim++) {
		int before;

		do {
			before = pcp->count;
			__free_page(pages[freed++]);
		} while (pcp->count == before + 1);
		EXPECT_EQ(before + 1 - pcp->count, trims[trim]);
		EXPECT_EQ(pcp->free_factor, trim < 4 ? trim + 1 : 4);
	}
	alloc_page(GFP_KERNEL);
	EXPECT_EQ(pcp->free_factor, 2);
	world_close(&w);
}

TEST(a_run_of_frees_of_order_1_to_3_hands_everything_back)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 1024, .high = 8, .batch = 2 });
	struct per_cpu_pages *pcp = &mm_zone(w.machine, 0, ZONE_NORMAL)->pageset[0];
	struct page *pair = alloc_pages(GFP_KERNEL, 1), *pages[16];

	for (int i = 0; i < 16; i++)
		pages[i] = alloc_page(GFP_KERNEL);
	drain_local_pages();
	for (int i = 0; i < 8; i++)
		__free_page(pages[i]);
	EXPECT_EQ(pcp->free_factor, 1);
	__free_pages(pair, 1);
	EXPECT_EQ(pcp->count, 0);
	world_close(&w);
}

TEST(a_drain_empties_every_cpu_and_order)
{
	struct world w;

	world_open(&w,
		   (struct shape){ .pages = 256, .cpus = 2, .thp = true, .high = 64, .batch = 4 });
	const char *before = world_free(&w, ZONE_NORMAL);
	struct page *held[10];

	for (unsigned int order = 0; order <= 4; order++) {
		world_on(&w, order % 2, MM_TASK, 0);
		held[order] = alloc_pages(GFP_KERNEL, order);
		EXPECT(held[order] != NULL);
	}
	for (unsigned int order = 0; order <= 4; order++)
		__free_pages(held[order], order);
	EXPECT(strcmp(world_free(&w, ZONE_NORMAL), before) != 0);
	drain_all_pages();
	EXPECT_STR(world_free(&w, ZONE_NORMAL), before);
	world_close(&w);
}

TEST(a_bad_head_is_found_when_it_is_trimmed_a_bad_tail_at_once)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .high = 64, .batch = 4 });
	struct page *single = alloc_page(GFP_KERNEL), *pair = alloc_pages(GFP_KERNEL, 1);

	single->_mapcount = 0;
	__free_page(single);
	EXPECT_EQ(w.machine->vmstat.leaked, 0);
	drain_local_pages();
	EXPECT_EQ(w.machine->vmstat.leaked, 1);
	pair[1].mapping = pair;
	__free_pages(pair, 1);
	EXPECT_EQ(w.machine->vmstat.leaked, 3);
	EXPECT_EQ(w.context.warnings, MM_WARN_BAD_PAGE);
	world_close(&w);
}

TEST(where_the_list_may_hold_less_than_a_batch_a_trim_frees_one_page)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .high = 2, .batch = 8 });
	const struct per_cpu_pages *pcp = &mm_zone(w.machine, 0, ZONE_NORMAL)->pageset[0];
	struct page *page = alloc_page(GFP_KERNEL);

	EXPECT_EQ(pcp->count, 7);
	__free_page(page);
	EXPECT_EQ(pcp->count, 7);
	world_close(&w);
}

/* The refill of the first test, 1 | 2 3 | 4: a bad page among them uses up its place. */
TEST(a_refill_leaves_bad_pages_out)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .high = 16, .batch = 4 });
	pfn_to_page(3)->mapping = &w;
	EXPECT_EQ(page_to_pfn(alloc_page(GFP_KERNEL)), 1);
	EXPECT_STR(world_pcp(&w, ZONE_NORMAL, 0, 0), "2 4");
	EXPECT_EQ(w.machine->vmstat.leaked, 1);
	EXPECT_EQ(w.context.warnings, MM_WARN_BAD_PAGE);
	world_close(&w);
}

/* With checks=debug a page is looked at when it leaves the list, too; else only behind the buddy. */
TEST(a_page_that_goes_bad_on_the_list_is_noticed_with_debug_checks_only)
{
	static const enum mm_checks kinds[] = { MM_CHECKS_LINUX, MM_CHECKS_DEBUG };
	struct world w;

	for (unsigned int i = 0; i < 2; i++) {
		world_open(&w, (struct shape){
				       .pages = 256, .high = 16, .batch = 4, .checks = kinds[i] });
		EXPECT_EQ(page_to_pfn(alloc_page(GFP_KERNEL)), 1);
		pfn_to_page(2)->mapping = &w;
		EXPECT_EQ(page_to_pfn(alloc_page(GFP_KERNEL)), i ? 3 : 2);
		EXPECT_EQ(w.machine->vmstat.leaked, i);
		mm_machine_destroy(w.machine);
		mm_current = NULL;
	}
}

TEST_MAIN
