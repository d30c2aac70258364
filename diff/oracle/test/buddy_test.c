/*
 * The buddy, small and drawn: cutting, merging, tails, steals. One zone of 128 pages (P = 4,
 * T = 6), pfn 0 is absent. After boot this is free:
 *
 *   0   1 2   4     8         16                  32                          64
 *   -   1 2.. 4.... 8........ 16................. 32......................... 64...
 */
#include "common.h"

static struct shadow *fresh(void)
{
	struct machine m = bare_machine(128);

	return booted(&m, NULL, 0);
}

TEST(the_lower_half_is_taken_and_upper_halves_go_to_heads)
{
	struct shadow *s = fresh();

	/*
	 * 64..128 of order 6 and 32..64, 16..32 are MOVABLE; one page cuts the smallest that is
	 * there: 16
	 */
	EXPECT_EQ(shadow_buddy_take(s, s->zones, 0, MT_MOVABLE, 0), 16);
	EXPECT_STR(free_text(s, 0, 0, MT_MOVABLE), "17");
	EXPECT_STR(free_text(s, 0, 1, MT_MOVABLE), "18");
	EXPECT_STR(free_text(s, 0, 2, MT_MOVABLE), "20");
	EXPECT_STR(free_text(s, 0, 3, MT_MOVABLE), "24");
	EXPECT_STR(free_text(s, 0, 4, MT_MOVABLE), "");
	EXPECT_EQ(listed_pages(s, &s->zones[0]), 126);
	shadow_destroy(s);
}

TEST(freeing_the_page_joins_everything_again)
{
	struct shadow *s = fresh();

	shadow_buddy_free(s, shadow_buddy_take(s, s->zones, 0, MT_MOVABLE, 0), 0, MT_MOVABLE,
			  false);
	EXPECT_STR(free_text(s, 0, 0, MT_MOVABLE), "");
	EXPECT_STR(free_text(s, 0, 3, MT_MOVABLE), "");
	EXPECT_STR(free_text(s, 0, 4, MT_MOVABLE), "16");
	EXPECT_EQ(listed_pages(s, &s->zones[0]), 127);
	shadow_destroy(s);
}

TEST(pageblocks_of_mixable_types_merge_and_others_do_not)
{
	struct shadow *s = fresh();
	uint32_t a = shadow_buddy_take(s, s->zones, 6, MT_MOVABLE, 0);

	EXPECT_EQ(a, 64);
	/* [64 U][80 M][96 H][112 M]: 64+80 join to 64..96; 96 stays apart from 112 */
	shadow_pageblock_set_type(s, 64, MT_UNMOVABLE);
	shadow_pageblock_set_type(s, 96, MT_HIGHATOMIC);
	shadow_buddy_free(s, 64, 4, MT_UNMOVABLE, false);
	shadow_buddy_free(s, 80, 4, MT_MOVABLE, false);
	EXPECT_STR(free_text(s, 0, 5, MT_MOVABLE),
		   "64 32"); /* to the head: order T - 1 knows no tail */
	shadow_buddy_free(s, 112, 4, MT_MOVABLE, false);
	shadow_buddy_free(s, 96, 4, MT_HIGHATOMIC, false);
	EXPECT_STR(free_text(s, 0, 4, MT_MOVABLE),
		   "16 112"); /* 112 to the tail: its parent's buddy 64..96 is free */
	EXPECT_STR(free_text(s, 0, 4, MT_HIGHATOMIC), "96");
	shadow_destroy(s);
}

TEST(a_block_whose_parent_could_merge_goes_to_the_tail)
{
	/*
	 * order 3 at 64, 72 and 88 of 64..96 held; 80..88 held too.
	 * Free 88: its parent 80..96 has the buddy 64..80, which is not a free order-4 block: head.
	 * Free 64, 72: join to 64..80 (order 4). Free 80 would join; instead free half of it: order
	 * 2 at 80, parent 80..88 (order 3) has the buddy 88 (free, order 3): tail.
	 */
	struct shadow *s = fresh();

	EXPECT_EQ(shadow_buddy_take(s, s->zones, 6, MT_MOVABLE, 0), 64);
	EXPECT_EQ(shadow_buddy_take(s, s->zones, 2, MT_MOVABLE, 0),
		  16); /* order 2: 20 on the list */
	shadow_buddy_free(s, 88, 3, MT_MOVABLE, false);
	EXPECT_STR(free_text(s, 0, 3, MT_MOVABLE), "88 24");
	shadow_buddy_free(s, 80, 2, MT_MOVABLE, false);
	EXPECT_STR(free_text(s, 0, 2, MT_MOVABLE), "20 80");
	/* 104 and its parent 96..112: nothing is free there: head */
	shadow_buddy_free(s, 104, 2, MT_MOVABLE, false);
	EXPECT_STR(free_text(s, 0, 2, MT_MOVABLE), "104 20 80");
	shadow_destroy(s);
}

TEST(below_the_top_there_is_no_tail)
{
	/* order 5 = T - 1: never to the tail, although nothing above is left to merge with */
	struct machine m = bare_machine(256);
	struct shadow *s = booted(&m, NULL, 0);

	EXPECT_EQ(shadow_buddy_take(s, s->zones, 6, MT_MOVABLE, 0), 64);
	shadow_buddy_free(s, 96, 5, MT_MOVABLE, false);
	EXPECT_STR(free_text(s, 0, 5, MT_MOVABLE), "96 32");
	shadow_destroy(s);
}

TEST(boot_and_deferred_frees_go_to_the_tail)
{
	struct shadow *s = fresh();

	EXPECT_EQ(shadow_buddy_take(s, s->zones, 6, MT_MOVABLE, 0), 64);
	shadow_buddy_free(s, 64, 4, MT_MOVABLE, true);
	EXPECT_STR(free_text(s, 0, 4, MT_MOVABLE), "16 64");
	shadow_destroy(s);
}

/* ---- Steals ---- */

TEST(reclaimable_is_the_first_fallback_of_unmovable)
{
	struct shadow *s = fresh();

	empty(s);
	shadow_pageblock_set_type(s, 64, MT_RECLAIMABLE);
	shadow_buddy_free(s, 16, 0, MT_MOVABLE, false);
	shadow_buddy_free(s, 64, 0, MT_RECLAIMABLE, false);
	EXPECT_EQ(shadow_buddy_take(s, s->zones, 0, MT_UNMOVABLE, 0), 64);
	EXPECT_EQ(s->trail.stolen, true);
	EXPECT_EQ(s->trail.taken_type, MT_RECLAIMABLE);
	EXPECT_EQ(shadow_buddy_take(s, s->zones, 0, MT_UNMOVABLE, 0), 16);
	EXPECT_EQ(s->trail.taken_type, MT_MOVABLE);
	shadow_destroy(s);
}

TEST(unmovable_steals_the_largest_block)
{
	struct shadow *s = fresh();

	empty(s);
	shadow_buddy_free(s, 16, 0, MT_MOVABLE, false);
	shadow_buddy_free(s, 64, 2, MT_MOVABLE, false);
	/*
	 * order 2 < P / 2 is stolen all the same: U and R always try the whole pageblock; 4 free +
	 * 12 alike >= 8
	 */
	EXPECT_EQ(shadow_buddy_take(s, s->zones, 0, MT_UNMOVABLE, 0), 64);
	EXPECT_EQ(shadow_pageblock_type(s, 64), MT_UNMOVABLE);
	EXPECT_STR(free_text(s, 0, 0, MT_UNMOVABLE), "65");
	EXPECT_STR(free_text(s, 0, 1, MT_UNMOVABLE), "66");
	EXPECT_STR(free_text(s, 0, 0, MT_MOVABLE), "16");
	shadow_destroy(s);
}

TEST(movable_steals_the_smallest_block_unless_the_largest_is_half_a_pageblock_order)
{
	struct shadow *s = fresh();

	empty(s);
	shadow_pageblock_set_type(s, 16, MT_UNMOVABLE);
	shadow_pageblock_set_type(s, 64, MT_UNMOVABLE);
	shadow_buddy_free(s, 64, 1, MT_UNMOVABLE, false);
	shadow_buddy_free(s, 16, 0, MT_UNMOVABLE, false);
	/* the largest is order 1 < P / 2 = 2: the smallest that fits, and only that page */
	EXPECT_EQ(shadow_buddy_take(s, s->zones, 0, MT_MOVABLE, 0), 16);
	EXPECT_EQ(shadow_pageblock_type(s, 16), MT_UNMOVABLE);
	shadow_buddy_free(s, 16, 0, MT_UNMOVABLE, false);
	shadow_buddy_free(s, 68, 2, MT_UNMOVABLE, false);
	/* order 2 = P / 2: whole, but 6 free pages are less than 8: lists move, the type stays */
	EXPECT_EQ(shadow_buddy_take(s, s->zones, 0, MT_MOVABLE, 0), 64);
	EXPECT_EQ(shadow_pageblock_type(s, 64), MT_UNMOVABLE);
	EXPECT_STR(free_text(s, 0, 0, MT_MOVABLE), "65");
	EXPECT_STR(free_text(s, 0, 2, MT_MOVABLE), "68");
	EXPECT_STR(free_text(s, 0, 0, MT_UNMOVABLE), "16");
	shadow_destroy(s);
}

TEST(a_pageblock_is_claimed_when_half_of_it_is_free)
{
	struct shadow *s = fresh();

	empty(s);
	shadow_pageblock_set_type(s, 64, MT_UNMOVABLE);
	shadow_buddy_free(s, 64, 3, MT_UNMOVABLE, false);
	EXPECT_EQ(shadow_buddy_take(s, s->zones, 0, MT_MOVABLE, 0), 64);
	EXPECT_EQ(shadow_pageblock_type(s, 64), MT_MOVABLE);
	shadow_destroy(s);
}

TEST(whole_pageblocks_change_their_types_without_boost)
{
	struct shadow *s = fresh();

	s->zones[0].mark[WMARK_HIGH] = 100;
	empty(s);
	shadow_buddy_free(s, 64, 5, MT_MOVABLE, false);
	EXPECT_EQ(shadow_buddy_take(s, s->zones, 5, MT_UNMOVABLE, 0), 64);
	EXPECT_EQ(shadow_pageblock_type(s, 64), MT_UNMOVABLE);
	EXPECT_EQ(shadow_pageblock_type(s, 80), MT_UNMOVABLE);
	EXPECT_EQ(s->zones[0].boost, 0);
	shadow_destroy(s);
}

TEST(nofragment_steals_nothing_below_a_pageblock)
{
	struct shadow *s = fresh();

	empty(s);
	shadow_buddy_free(s, 64, 3, MT_MOVABLE, false);
	EXPECT_EQ(shadow_buddy_take(s, s->zones, 0, MT_UNMOVABLE, ALLOC_NOFRAGMENT), NIL);
	shadow_buddy_free(s, 80, 4, MT_MOVABLE, false);
	EXPECT_EQ(shadow_buddy_take(s, s->zones, 0, MT_UNMOVABLE, ALLOC_NOFRAGMENT), 80);
	shadow_destroy(s);
}

TEST(a_block_of_a_highatomic_pageblock_is_moved_alone)
{
	struct shadow *s = fresh();

	empty(s);
	shadow_pageblock_set_type(s, 64, MT_HIGHATOMIC);
	shadow_buddy_free(s, 64, 2, MT_MOVABLE,
			  false); /* freed before the pageblock was reserved */
	shadow_buddy_free(s, 68, 2, MT_HIGHATOMIC, false);
	EXPECT_EQ(s->zones[0].lists[3][MT_HIGHATOMIC].n,
		  1); /* below P types do not keep buddies apart */
	shadow_buddy_take_smallest(s, s->zones, 0, MT_HIGHATOMIC);
	EXPECT_EQ(shadow_buddy_take(s, s->zones, 0, MT_UNMOVABLE, 0),
		  NIL); /* the rest is on lists that nobody falls back to */
	shadow_destroy(s);
}

TEST(example_10_the_reserve_for_high_atomics)
{
	/* managed 113202: limit 1132 + 512 = 1644, reached in steps of 512: 2048 */
	struct machine m = bare_machine(113203);

	m.pageblock_order = 9;
	m.top_order = 10;

	struct shadow *s = booted(&m, NULL, 0);

	EXPECT_EQ(s->zones[0].managed, 113202);
	for (uint32_t n = 1; n < 10; n++)
		shadow_highatomic_reserve(s, s->zones, 512 * n);
	EXPECT_EQ(s->zones[0].highatomic, 2048);
	EXPECT_EQ(shadow_pageblock_type(s, 512 * 4), MT_HIGHATOMIC);
	EXPECT_EQ(shadow_pageblock_type(s, 512 * 5), MT_MOVABLE);
	shadow_destroy(s);
}

TEST(unreserving_leaves_one_pageblock_unless_forced)
{
	struct shadow *s = fresh();
	const struct zonelist *zl = &s->fallback[0];

	shadow_highatomic_reserve(s, s->zones, 16);
	EXPECT_EQ(s->zones[0].highatomic, 16);
	EXPECT_STR(free_text(s, 0, 4, MT_HIGHATOMIC), "16");
	EXPECT(!shadow_highatomic_unreserve(s, zl, ZONE_NORMAL, 0, MT_UNMOVABLE, false));
	EXPECT(shadow_highatomic_unreserve(s, zl, ZONE_NORMAL, 0, MT_UNMOVABLE, true));
	EXPECT_EQ(s->zones[0].highatomic, 0);
	EXPECT_EQ(shadow_pageblock_type(s, 16), MT_UNMOVABLE);
	EXPECT_STR(free_text(s, 0, 4, MT_UNMOVABLE), "16");
	shadow_destroy(s);
}

TEST_MAIN
