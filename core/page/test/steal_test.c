/* Fallback and stealing: what a request takes when its own type has nothing (facts 7). */
#include "test.h"
#include "test/world.h"

static unsigned int type_of(const struct world *w, pfn_t pfn)
{
	return w->machine->pageblock_type[pfn >> w->machine->pageblock_order];
}

TEST(an_unmovable_request_claims_the_largest_movable_block)
{
	struct world w;

	/* all pageblocks but the first are MOVABLE; the first's few pages do not hold order 4
	 * order 5: 32 64 96 ... the head of the largest order's list is taken, both its pageblocks
	 * become UNMOVABLE */
	world_open(&w, (struct shape){ .pages = 256, .top_order = 5 });
	struct page *page = alloc_pages(GFP_KERNEL, 4);

	EXPECT_EQ(page_to_pfn(page), 32);
	EXPECT_EQ(type_of(&w, 32), MIGRATE_UNMOVABLE);
	EXPECT_EQ(type_of(&w, 48), MIGRATE_UNMOVABLE);
	EXPECT_EQ(type_of(&w, 64), MIGRATE_MOVABLE);
	EXPECT_STR(world_list(&w, ZONE_NORMAL, 4, MIGRATE_UNMOVABLE), "48");
	world_close(&w);
}

TEST(a_reclaimable_request_prefers_unmovable_to_movable_blocks_of_one_order)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .top_order = 5 });
	struct page *unmovable = alloc_pages(GFP_KERNEL, 5); /* 32 and 48 become UNMOVABLE */

	EXPECT_EQ(page_to_pfn(unmovable), 32);
	__free_pages(unmovable, 5);
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_RECLAIMABLE, 5);

	EXPECT_EQ(page_to_pfn(page), 32);
	EXPECT_EQ(type_of(&w, 32), MIGRATE_RECLAIMABLE);
	world_close(&w);
}

TEST(a_steal_below_pageblock_order_boosts_the_watermark)
{
	struct world w;

	/*
	 * 256 managed pages or less: 4 pageblocks of 16 are 64, so a boost may happen; high must
	 * not be 0
	 */
	world_open(&w, (struct shape){ .pages = 256, .top_order = 5, .min_free_kbytes = 64 });
	struct zone *zone = mm_zone(w.machine, 0, ZONE_NORMAL);

	/* take everything of order 4 and up, so that only small blocks are left to steal */
	while (alloc_pages(GFP_HIGHUSER_MOVABLE | __GFP_NOMEMALLOC | __GFP_NORETRY, 4))
		;
	EXPECT_EQ(zone->watermark_boost, 0);
	while (zone->watermark_boost == 0 && alloc_pages(GFP_ATOMIC, 2))
		;
	EXPECT(zone->watermark_boost >= 16);
	mm_run_kswapd(w.machine, 0);
	EXPECT_EQ(zone->watermark_boost, 0);
	world_close(&w);
}

TEST(with_too_few_pageblocks_types_are_not_used)
{
	struct world w;

	/* 63 present pages, less the memmap, are fewer than 16 * 5: grouping by mobility is off */
	world_open(&w, (struct shape){ .pages = 64 });
	EXPECT(w.machine->grouping_disabled);
	EXPECT_EQ(page_to_pfn(alloc_pages(GFP_HIGHUSER_MOVABLE, 4)), 16);
	EXPECT_EQ(type_of(&w, 16), MIGRATE_UNMOVABLE);
	world_close(&w);
}

TEST(a_high_order_atomic_request_reserves_its_pageblock)
{
	struct world w;

	/* min is 50 of 254 managed pages: atomic requests get below it, and the first of an order >
	 * 0 that does so in the slow path keeps its pageblock */
	world_open(&w, (struct shape){ .pages = 256, .top_order = 5, .min_free_kbytes = 200 });
	struct zone *zone = mm_zone(w.machine, 0, ZONE_NORMAL);

	while (alloc_pages(GFP_HIGHUSER_MOVABLE | __GFP_NORETRY, 0))
		;
	EXPECT_EQ(zone->nr_reserved_highatomic, 0);
	struct page *page = alloc_pages(GFP_ATOMIC, 1);

	EXPECT(page != NULL);
	EXPECT_EQ(zone->nr_reserved_highatomic, 16);
	EXPECT_EQ(type_of(&w, page_to_pfn(page)), MIGRATE_HIGHATOMIC);
	world_close(&w);
}

TEST_MAIN
