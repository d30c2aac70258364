/*
 * Free areas: cutting, joining, where blocks go. In all drawings: A allocated, . free, r kept by
 * boot.
 */
#include "test.h"
#include "test/world.h"

/*
 * Order 5 and up go straight to the buddy, so the pictures show no page lists. 64 pages, frame 63
 * holds the memmap:
 *
 *   0    8       16               32               48      56  60 62 63
 *   -A...        ................ ................ ........ ....  ..  r
 */
TEST(boot_cuts_memory_into_the_largest_aligned_blocks)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 64 });
	world_expect_free(&w, ZONE_NORMAL, "1:0 2:1 4:2 8:3 16:4 32:4 48:3 56:2 60:1 62:0");
	world_close(&w);
}

TEST(boot_puts_blocks_on_the_list_in_ascending_order)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .top_order = 5 });
	EXPECT_STR(world_list(&w, ZONE_NORMAL, 5, MIGRATE_MOVABLE), "32 64 96 128 160 192");
	world_close(&w);
}

TEST(a_pageblock_that_begins_in_a_hole_stays_unmovable)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	EXPECT_STR(world_list(&w, ZONE_NORMAL, 3, MIGRATE_UNMOVABLE), "8");
	EXPECT_EQ(w.machine->pageblock_type[0], MIGRATE_UNMOVABLE);
	EXPECT_EQ(w.machine->pageblock_type[1], MIGRATE_MOVABLE);
	world_close(&w);
}

TEST(taking_cuts_the_smallest_block_and_keeps_its_lowest_part)
{
	struct world w;

	/* top order 6, order 4 and 5 without page lists
	 * before   16:4 32:5 64:6 128:6 192:5 224:4 ...       after taking order 5 twice: 32, then 192
	 */
	world_open(&w, (struct shape){ .pages = 256, .top_order = 6 });
	EXPECT_EQ(page_to_pfn(alloc_pages(GFP_HIGHUSER_MOVABLE, 5)), 32);
	EXPECT_EQ(page_to_pfn(alloc_pages(GFP_HIGHUSER_MOVABLE, 5)), 192);
	EXPECT_EQ(page_to_pfn(alloc_pages(GFP_HIGHUSER_MOVABLE, 5)), 64);
	EXPECT_STR(world_list(&w, ZONE_NORMAL, 5, MIGRATE_MOVABLE), "96");
	EXPECT_STR(world_list(&w, ZONE_NORMAL, 6, MIGRATE_MOVABLE), "128");
	world_close(&w);
}

TEST(freeing_the_last_half_joins_everything)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .top_order = 6 });
	const char *before = world_free(&w, ZONE_NORMAL);
	struct page *low = alloc_pages(GFP_HIGHUSER_MOVABLE, 5),
		    *second = alloc_pages(GFP_HIGHUSER_MOVABLE, 5);
	struct page *cut = alloc_pages(GFP_HIGHUSER_MOVABLE, 5);

	__free_pages(cut, 5);
	EXPECT_STR(world_list(&w, ZONE_NORMAL, 6, MIGRATE_MOVABLE), "64 128");
	__free_pages(second, 5);
	__free_pages(low, 5);
	EXPECT_STR(world_free(&w, ZONE_NORMAL), before);
	world_close(&w);
}

TEST(a_block_whose_parent_will_merge_soon_goes_to_the_tail)
{
	struct world w;

	/* order 4: 64 A, 80 A; order 5: 96 free. Freeing 64 leaves 80 in use, but 64..95's buddy
	 * 96..127 is free: tail. The tail rule ends below top order - 1. */
	world_open(&w, (struct shape){ .pages = 512, .top_order = 8 });
	struct page *low = alloc_pages(GFP_HIGHUSER_MOVABLE, 4); /* 16: the first order 4 block */
	struct page *a = alloc_pages(GFP_HIGHUSER_MOVABLE, 4);

	EXPECT_EQ(page_to_pfn(low), 16);
	EXPECT_EQ(page_to_pfn(a), 480);
	struct page *b = alloc_pages(GFP_HIGHUSER_MOVABLE, 4); /* cuts 32:5 */
	struct page *c = alloc_pages(GFP_HIGHUSER_MOVABLE, 4);

	EXPECT_EQ(page_to_pfn(b), 32);
	EXPECT_EQ(page_to_pfn(c), 48);
	__free_pages(
		low,
		4); /* 0..15 is cut up at boot: its parent 0..31 has no free buddy 32..63: head */
	__free_pages(b, 4); /* parent 32..63; its buddy 0..31 is not one block: head */
	EXPECT_STR(world_list(&w, ZONE_NORMAL, 4, MIGRATE_MOVABLE), "32 16");
	struct page *d = alloc_pages(GFP_HIGHUSER_MOVABLE, 4); /* 32 again */
	struct page *e = alloc_pages(GFP_HIGHUSER_MOVABLE, 4); /* 16 */
	struct page *f = alloc_pages(GFP_HIGHUSER_MOVABLE, 4); /* 448:5 is cut: 448, leaves 464 */

	EXPECT_EQ(page_to_pfn(f), 448);
	struct page *g = alloc_pages(GFP_HIGHUSER_MOVABLE, 4); /* 464 */
	struct page *h =
		alloc_pages(GFP_HIGHUSER_MOVABLE, 4); /* 64:6 is cut: 64, leaves 80:4 and 96:5 */

	EXPECT_EQ(page_to_pfn(h), 64);
	struct page *i = alloc_pages(GFP_HIGHUSER_MOVABLE, 4); /* 80 */

	__free_pages(e, 4); /* list: 16 */
	__free_pages(h, 4); /* parent 64..95, its buddy 96..127 is free: to the tail */
	EXPECT_STR(world_list(&w, ZONE_NORMAL, 4, MIGRATE_MOVABLE), "16 64");
	__free_pages(i, 4);
	__free_pages(g, 4);
	__free_pages(f, 4);
	__free_pages(d, 4);
	__free_pages(c, 4);
	__free_pages(a, 4);
	world_close(&w);
}

TEST(unlike_types_stay_apart_from_pageblock_order_up_only_if_one_is_special)
{
	struct world w;

	/*
	 * pageblocks 2 and 3 (32..63) as UNMOVABLE and MOVABLE merge to order 5; HIGHATOMIC would
	 * not
	 */
	world_open(&w, (struct shape){ .pages = 256, .top_order = 6 });
	struct page *a = alloc_pages(GFP_HIGHUSER_MOVABLE, 5);

	EXPECT_EQ(page_to_pfn(a), 32);
	w.machine->pageblock_type[2] = MIGRATE_HIGHATOMIC;
	split_page(a, 5);
	for (pfn_t pfn = 32; pfn < 64; pfn++)
		__free_page(pfn_to_page(pfn));
	drain_all_pages();
	EXPECT_STR(world_list(&w, ZONE_NORMAL, 4, MIGRATE_HIGHATOMIC), "32");
	EXPECT_STR(world_list(&w, ZONE_NORMAL, 5, MIGRATE_MOVABLE), "192");
	world_close(&w);
}

TEST_MAIN
