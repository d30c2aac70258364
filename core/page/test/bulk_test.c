/* Many single pages at once, and as many contiguous ones as asked for (facts 10, 6). */
#include "test.h"
#include "test/world.h"

static struct page *array[32];

static unsigned long fill_array(gfp_t gfp, unsigned long entries)
{
	return __alloc_pages_bulk(gfp, 0, NULL, entries, NULL, array);
}

static void empty_array(void)
{
	memset(array, 0, sizeof(array));
}

TEST(holes_are_filled_in_order_and_what_is_there_stays)
{
	struct page there;
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	empty_array();
	array[0] = array[2] = &there;
	EXPECT_EQ(fill_array(GFP_KERNEL, 6), 6);
	EXPECT(array[0] == &there && array[2] == &there);
	for (int i = 0; i < 6; i++)
		if (array[i] != &there)
			EXPECT_EQ(page_count(array[i]), 1);
	EXPECT(array[1] != array[3] && array[3] != array[4]);
	EXPECT_EQ(w.machine->vmstat.pgalloc, 4);
	world_close(&w);
}

TEST(an_array_that_is_full_asks_for_nothing)
{
	struct page there;
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	for (int i = 0; i < 4; i++)
		array[i] = &there;
	EXPECT_EQ(fill_array(GFP_KERNEL, 4), 4);
	EXPECT_EQ(w.machine->vmstat.pgalloc, 0);
	EXPECT_EQ(w.machine->nodes[0].zones[ZONE_NORMAL].pageset[0].count, 0);
	world_close(&w);
}

TEST(a_list_has_the_newest_page_first)
{
	struct list_head list;
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .high = 64, .batch = 8 });
	list_init(&list);
	EXPECT_EQ(__alloc_pages_bulk(GFP_KERNEL, 0, NULL, 3, &list, NULL), 3);
	/* the page list is refilled from a block of eight, lowest frame first */
	pfn_t newest = page_to_pfn(lru_to_page(list.next)),
	      oldest = page_to_pfn(lru_to_page(list.prev));

	EXPECT_EQ(newest, oldest + 2);
	EXPECT_EQ(w.machine->nodes[0].zones[ZONE_NORMAL].pageset[0].count, 5);
	world_close(&w);
}

/* A zone without so many pages above its low mark gives one page, the usual way. */
TEST(a_zone_that_runs_low_gives_one_page)
{
	struct world w;
	struct page *page;

	world_open(&w, (struct shape){ .pages = 64 });
	struct zone *zone = &w.machine->nodes[0].zones[ZONE_NORMAL];

	empty_array();
	zone->_watermark[WMARK_LOW] = (uint64_t)zone->nr_free_pages - 8;
	EXPECT_EQ(fill_array(GFP_KERNEL, 8), 1);
	page = array[0];
	EXPECT(page != NULL && array[1] == NULL);
	empty_array();
	EXPECT_EQ(fill_array(GFP_KERNEL, 4), 4);
	world_close(&w);
}

TEST(one_page_or_an_accounted_one_goes_the_usual_way)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	empty_array();
	struct per_cpu_pages *pcp = w.machine->nodes[0].zones[ZONE_NORMAL].pageset;

	pcp->free_factor = 4;
	EXPECT_EQ(fill_array(GFP_KERNEL | __GFP_ACCOUNT, 8), 1);
	EXPECT_EQ(pcp->free_factor, 2); /* the usual way halves it, bulk does not */
	EXPECT_EQ(fill_array(GFP_KERNEL, 2), 2);
	EXPECT_EQ(pcp->free_factor, 1);
	EXPECT_EQ(fill_array(GFP_KERNEL, 6), 6);
	EXPECT_EQ(pcp->free_factor, 1);
	world_close(&w);
}

TEST(both_mobilities_are_refused_and_no_zone_gives_nothing)
{
	const nodemask_t nowhere = { 0x2 };
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	empty_array();
	EXPECT_EQ(fill_array(GFP_KERNEL | __GFP_MOVABLE | __GFP_RECLAIMABLE, 4), 0);
	EXPECT_EQ(mm_current->failure, MM_FAIL_TYPE);
	EXPECT_EQ(__alloc_pages_bulk(GFP_KERNEL, 0, &nowhere, 4, NULL, array), 0);
	EXPECT(array[0] == NULL);
	world_close(&w);
}

TEST(a_zone_that_has_no_page_left_gives_none)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 64 });
	while (alloc_page(GFP_KERNEL | __GFP_NORETRY))
		;
	empty_array();
	EXPECT_EQ(fill_array(GFP_KERNEL | __GFP_NORETRY, 4), 0);
	/* of 62 pages the CPU told the zone three by three: it seems to have 2 left, above its mark */
	EXPECT_EQ(mm_current->failure, MM_FAIL_BLOCK);
	world_close(&w);
}

/* Every number of pages up to a block of 32: so many references, and all comes back. */
TEST(exact_allocations_of_every_size_keep_what_was_asked_for)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	for (unsigned long n = 1; n <= 32; n++) {
		const char *before = world_free(&w, ZONE_NORMAL);
		void *address = alloc_pages_exact(n, GFP_KERNEL | __GFP_COMP);
		const struct page *page = virt_to_page(address);
		unsigned long block = 1;

		while (block < n)
			block *= 2;
		for (unsigned long i = 0; i < block; i++)
			EXPECT_EQ(page_count(page + i), i < n);
		EXPECT(!PageHead(page));
		free_pages_exact(address, n);
		drain_all_pages();
		EXPECT_STR(world_free(&w, ZONE_NORMAL), before);
	}
	world_close(&w);
}

TEST(the_surplus_of_an_exact_allocation_is_free_at_once)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 64 });
	uint64_t pgfree = w.machine->vmstat.pgfree;
	const struct page *page = virt_to_page(alloc_pages_exact(5, GFP_KERNEL));
	pfn_t pfn = page_to_pfn(page);

	EXPECT_EQ(w.machine->vmstat.pgfree - pgfree, 3);
	EXPECT(PageBuddy(page + 5) && buddy_order(page + 5) == 0);
	EXPECT(PageBuddy(page + 6) && buddy_order(page + 6) == 1);
	EXPECT_EQ(pfn % 8, 0);
	world_close(&w);
}

TEST(an_exact_allocation_fails_as_its_block_does)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 64 });
	EXPECT(!alloc_pages_exact(33, GFP_KERNEL | __GFP_NORETRY)); /* order 6: above the top */
	EXPECT_EQ(mm_current->failure, MM_FAIL_ORDER);
	EXPECT(!alloc_pages_exact(32, GFP_NOWAIT | __GFP_MOVABLE | __GFP_RECLAIMABLE));
	world_close(&w);
}

/* 5.10 splits the block and frees what is too much like any page: it comes to lie on the page list. */
TEST(in_5_10_the_surplus_goes_to_the_page_list)
{
	struct world w;
	char list[64];

	world_open(&w, (struct shape){ .profile = &mm_profile_linux_5_10,
				       .pages = 64,
				       .high = 32,
				       .batch = 4 });
	const struct page *page = virt_to_page(alloc_pages_exact(5, GFP_KERNEL));
	unsigned long long pfn = page_to_pfn(page);

	snprintf(list, sizeof(list), "%llu %llu %llu", pfn + 7, pfn + 6, pfn + 5);
	EXPECT_STR(world_pcp(&w, ZONE_NORMAL, 0, 0), list);
	for (int i = 0; i < 8; i++)
		EXPECT_EQ(page_count(page + i), i < 5);
	world_close(&w);
}

/* Node 0 comes first and is forbidden, and no other node is looked at: one page, the single way. */
TEST(where_the_cpuset_forbids_the_first_node_one_page_comes)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 512, .nodes = 2, .cpus = 2 });
	EXPECT_EQ(cpuset_set_mems_allowed(0x2), MM_POLICY_OK);
	empty_array();
	EXPECT_EQ(__alloc_pages_bulk(GFP_USER, 0, &(nodemask_t){ 0x3 }, 4, NULL, array), 1);
	EXPECT(array[0] && page_to_pfn(array[0]) >= 256);
	world_close(&w);
}

TEST_MAIN
