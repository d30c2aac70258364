/* Pageblocks and frames taken from under the allocator (facts 12). */
#include "lostbuddy/vmstat.h"
#include "page/page_internal.h"
#include "test.h"
#include "test/world.h"

static struct zone *normal(struct world *w)
{
	return &w->machine->nodes[0].zones[ZONE_NORMAL];
}

static int type_of(const struct world *w, pfn_t pfn)
{
	return w->machine->pageblock_type[pfn >> w->machine->pageblock_order];
}

/* pageblocks of 16, blocks of up to 32: a range is two pageblocks */
static void open_world(struct world *w)
{
	world_open(w, (struct shape){ .pages = 256 });
}

TEST(an_isolated_range_is_free_but_not_counted_and_not_given_out)
{
	struct world w;

	open_world(&w);
	long free_pages = normal(&w)->nr_free_pages;
	pfn_t pfn;

	EXPECT(isolate_range(64, 96));
	EXPECT_EQ(normal(&w)->nr_free_pages, free_pages - 32);
	EXPECT_EQ(normal(&w)->nr_isolate_pageblock, 2);
	EXPECT_EQ(type_of(&w, 64), MIGRATE_ISOLATE);
	EXPECT_EQ(type_of(&w, 80), MIGRATE_ISOLATE);
	EXPECT_STR(world_list(&w, ZONE_NORMAL, 5, MIGRATE_ISOLATE), "64");
	for (const struct page *page; (page = alloc_page(GFP_KERNEL | __GFP_NORETRY));) {
		pfn = page_to_pfn(page);
		EXPECT(pfn < 64 || pfn >= 96);
	}
	EXPECT(!isolate_range(64, 96));
	world_close(&w);
}

TEST(a_range_that_is_in_use_or_reserved_stays_as_it_is)
{
	struct world w;

	open_world(&w);
	pfn_t start = page_to_pfn(alloc_pages(GFP_KERNEL | __GFP_COMP, 5));
	const char *before = world_free(&w, ZONE_NORMAL);

	EXPECT(!isolate_range(start, start + 32));
	EXPECT(!isolate_range(224, 256)); /* the memmap's frames */
	EXPECT_STR(world_free(&w, ZONE_NORMAL), before);
	EXPECT_EQ(normal(&w)->nr_isolate_pageblock, 0);
	world_close(&w);
}

TEST(frees_into_an_isolated_range_stay_there)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .high = 64, .batch = 8 });
	struct page *page = alloc_pages(GFP_KERNEL, 5);
	pfn_t start = page_to_pfn(page);

	/* on a page list they are in nobody's way */
	split_page(page, 5);
	for (int i = 0; i < 32; i++)
		__free_page(page + i);
	EXPECT(isolate_range(start, start + 32));
	long free_pages = normal(&w)->nr_free_pages;

	drain_all_pages();
	EXPECT_EQ(normal(&w)->nr_free_pages, free_pages);
	EXPECT_EQ(buddy_order(page), 5);
	EXPECT(unisolate_range(start, start + 32));
	EXPECT_EQ(normal(&w)->nr_free_pages, free_pages + 32);
	EXPECT_EQ(type_of(&w, start), MIGRATE_MOVABLE);
	world_close(&w);
}

TEST(what_comes_back_is_counted_and_merges)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 512, .top_order = 6 });
	const char *before = world_free(&w, ZONE_NORMAL);
	long free_pages = normal(&w)->nr_free_pages;

	/* half of a block of 128 is not a block: the range is a block of 64, two of 32 after a split */
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, 5);
	pfn_t start = page_to_pfn(page) & ~(pfn_t)63;

	__free_pages(page, 5);
	EXPECT(isolate_range(start, start + 64));
	EXPECT(unisolate_range(start, start + 64));
	EXPECT(!unisolate_range(start, start + 64));
	EXPECT_EQ(normal(&w)->nr_free_pages, free_pages);
	EXPECT_EQ(normal(&w)->nr_isolate_pageblock, 0);
	EXPECT_STR(world_free(&w, ZONE_NORMAL), before);
	world_close(&w);
}

/* Any sequence of isolations, their undoing, allocations and frees: the count is right, all comes back. */
TEST(random_isolations_lose_nothing)
{
	struct page *held[64] = { NULL };
	struct world w;
	uint64_t seed = 1;
	char why[256];

	world_open(&w, (struct shape){ .pages = 512, .top_order = 6, .high = 8, .batch = 2 });
	drain_all_pages();
	const char *before = world_free(&w, ZONE_NORMAL);

	for (int i = 0; i < 20000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		unsigned int pick = (unsigned int)(seed >> 33), slot = pick / 8 % 64;
		pfn_t start = (pfn_t)(1 + pick / 8 % 7) * 64; /* frame 0 is no memory */

		if (pick % 8 == 0) {
			isolate_range(start, start + 64);
		} else if (pick % 8 < 3) {
			unisolate_range(start, start + 64);
		} else if (held[slot]) {
			__free_page(held[slot]);
			held[slot] = NULL;
		} else {
			held[slot] = alloc_page(GFP_KERNEL | __GFP_NORETRY |
						(pick % 16 < 8 ? 0 : __GFP_MOVABLE));
		}
		if (i % 64 == 0 && !EXPECT(mm_machine_check(w.machine, why)))
			fprintf(stderr, "%s\n", why);
	}
	for (int slot = 0; slot < 64; slot++)
		if (held[slot])
			__free_page(held[slot]);
	for (pfn_t start = 64; start < 512; start += 64)
		unisolate_range(start, start + 64);
	drain_all_pages();
	EXPECT_EQ(normal(&w)->nr_isolate_pageblock, 0);
	EXPECT_STR(world_free(&w, ZONE_NORMAL), before);
	world_close(&w);
}

TEST(a_frame_is_cut_out_of_its_block_and_joins_it_again)
{
	struct world w;

	open_world(&w);
	const char *before = world_free(&w, ZONE_NORMAL);
	uint64_t free_pages = zone_free_pages_snapshot(normal(&w));
	struct page *page = pfn_to_page(77);

	EXPECT(take_page_off_buddy(page));
	EXPECT_EQ(page_count(page), 1);
	EXPECT_EQ(zone_free_pages_snapshot(normal(&w)), free_pages - 1);
	/* 64..95 without 77: 64:3 72:2 76:0 | 78:1 80:4 */
	EXPECT(PageBuddy(pfn_to_page(64)) && buddy_order(pfn_to_page(64)) == 3);
	EXPECT(PageBuddy(pfn_to_page(72)) && buddy_order(pfn_to_page(72)) == 2);
	EXPECT(PageBuddy(pfn_to_page(76)) && buddy_order(pfn_to_page(76)) == 0);
	EXPECT(PageBuddy(pfn_to_page(78)) && buddy_order(pfn_to_page(78)) == 1);
	EXPECT(PageBuddy(pfn_to_page(80)) && buddy_order(pfn_to_page(80)) == 4);
	EXPECT(!take_page_off_buddy(page));
	put_page_back_buddy(page);
	EXPECT_STR(world_free(&w, ZONE_NORMAL), before);
	EXPECT_EQ(zone_free_pages_snapshot(normal(&w)), free_pages);
	world_close(&w);
}

TEST(a_frame_that_is_held_or_on_a_page_list_cannot_be_taken)
{
	struct world w;

	open_world(&w);
	struct page *page = alloc_pages(GFP_KERNEL, 1);

	EXPECT(!take_page_off_buddy(page + 1));
	__free_pages(page, 1);
	EXPECT(!take_page_off_buddy(page));
	EXPECT(!take_page_off_buddy(pfn_to_page(255)));
	world_close(&w);
}

/* Every frame of every free block, one at a time. */
TEST(any_free_frame_can_be_taken_and_put_back)
{
	struct world w;
	char why[256];

	open_world(&w);
	const char *before = world_free(&w, ZONE_NORMAL);

	for (pfn_t pfn = 1; pfn < 252; pfn++) {
		EXPECT(take_page_off_buddy(pfn_to_page(pfn)));
		if (!EXPECT(mm_machine_check(w.machine, why)))
			fprintf(stderr, "%s\n", why);
		put_page_back_buddy(pfn_to_page(pfn));
		EXPECT_STR(world_free(&w, ZONE_NORMAL), before);
	}
	world_close(&w);
}

/*
 * A highatomic pageblock and the movable one behind it, both free, do not merge, and isolation moves
 * them as they are. When they come back nothing keeps them apart.
 *
 *	before      HHHHHHHHHHHHHHHH|................
 *	isolated    IIIIIIIIIIIIIIII|IIIIIIIIIIIIIIII
 *	after       ................................
 */
TEST(what_could_not_merge_before_merges_when_it_comes_back)
{
	struct world w;
	struct page *page;
	char both[64];

	open_world(&w);
	do
		page = alloc_pages(GFP_KERNEL, 4);
	while (page_to_pfn(page) % 32 || !PageBuddy(page + 16));
	pfn_t start = page_to_pfn(page);

	reserve_highatomic_pageblock(normal(&w), page);
	__free_pages(page, 4);
	EXPECT_STR(world_list(&w, ZONE_NORMAL, 5, MIGRATE_HIGHATOMIC), "");
	long free_pages = normal(&w)->nr_free_pages;

	EXPECT(isolate_range(start, start + 32));
	snprintf(both, sizeof(both), "%llu %llu", (unsigned long long)start,
		 (unsigned long long)start + 16);
	EXPECT_STR(world_list(&w, ZONE_NORMAL, 4, MIGRATE_ISOLATE), both);
	EXPECT(unisolate_range(start, start + 32));
	EXPECT(PageBuddy(page));
	EXPECT_EQ(buddy_order(page), 5);
	EXPECT_EQ(type_of(&w, start), MIGRATE_MOVABLE);
	EXPECT_EQ(type_of(&w, start + 16), MIGRATE_MOVABLE);
	EXPECT_EQ(normal(&w)->nr_free_pages, free_pages);
	world_close(&w);
}

/* Frames on page lists: none of the blocks that could hold them is free, or it is too small. */
TEST(a_frame_on_a_page_list_is_not_taken_for_its_neighbours)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .high = 64, .batch = 1 });
	struct page *page = alloc_pages(GFP_KERNEL, 5);

	split_page(page, 5);
	for (int i = 0; i < 32; i++)
		__free_page(page + i);
	for (int i = 0; i < 32; i++)
		EXPECT(!take_page_off_buddy(page + i));
	drain_all_pages();
	struct page *pair = alloc_pages(GFP_KERNEL, 1);

	split_page(pair, 1);
	__free_page(pair);
	drain_all_pages();
	__free_page(pair + 1);
	EXPECT(PageBuddy(pair) && buddy_order(pair) == 0);
	EXPECT(!take_page_off_buddy(pair + 1));
	world_close(&w);
}

/* Frees into isolated pageblocks pass the page lists, where bad pages would be noticed. */
TEST(a_bad_page_is_noticed_on_its_way_into_an_isolated_pageblock)
{
	static const struct {
		enum mm_checks checks;
		unsigned int leaked;
	} kinds[] = { { MM_CHECKS_LINUX, 1 }, { MM_CHECKS_DEBUG, 1 }, { MM_CHECKS_OFF, 0 } };
	struct world w;

	for (unsigned int i = 0; i < 3; i++) {
		world_open(&w, (struct shape){ .pages = 512,
					       .movable_start = 256,
					       .checks = kinds[i].checks });
		struct page *page;

		do /* the last range has the memmap's frames */
			page = alloc_page(GFP_HIGHUSER_MOVABLE);
		while (page_to_pfn(page) >= 480);
		pfn_t start = page_to_pfn(page) & ~(pfn_t)31;

		EXPECT(isolate_range(start, start + 32));
		page->mapping = &w;
		__free_page(page);
		EXPECT_EQ(w.machine->vmstat.leaked, kinds[i].leaked);
		EXPECT_EQ(PageBuddy(page), !kinds[i].leaked);
		mm_machine_destroy(w.machine);
		mm_current = NULL;
	}
}

TEST_MAIN
