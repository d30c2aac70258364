/*
 * Marks and boosts (facts 4, examples 8 and 9), and who wakes kswapd.
 */
#include "common.h"

static struct shadow *fresh(void)
{
	struct machine m = bare_machine(256);

	return booted(&m, NULL, 0);
}

TEST(order_zero_needs_more_than_mark_and_reserve)
{
	struct shadow *s = fresh();
	struct zone *z = s->zones;

	z->reserve[ZONE_NORMAL] = 2962;
	/* as in example 8: 8393 whole, 4197 with HIGH, 3148 with HIGH and no reclaim */
	EXPECT(!shadow_watermark_ok(s, z, 0, 8393, ZONE_NORMAL, 0, 8393 + 2962));
	EXPECT(shadow_watermark_ok(s, z, 0, 8393, ZONE_NORMAL, 0, 8393 + 2962 + 1));
	EXPECT(!shadow_watermark_ok(s, z, 0, 8393, ZONE_NORMAL, ALLOC_MIN_RESERVE, 4197 + 2962));
	EXPECT(shadow_watermark_ok(s, z, 0, 8393, ZONE_NORMAL, ALLOC_MIN_RESERVE, 4197 + 2962 + 1));
	EXPECT(!shadow_watermark_ok(s, z, 0, 8393, ZONE_NORMAL, ALLOC_MIN_RESERVE | ALLOC_NON_BLOCK,
				    3148 + 2962));
	EXPECT(shadow_watermark_ok(s, z, 0, 8393, ZONE_NORMAL, ALLOC_MIN_RESERVE | ALLOC_NON_BLOCK,
				   3148 + 2962 + 1));
	/* NON_BLOCK alone lowers nothing; OOM halves what is left */
	EXPECT(!shadow_watermark_ok(s, z, 0, 8393, ZONE_NORMAL, ALLOC_NON_BLOCK, 8393 + 2962));
	EXPECT(!shadow_watermark_ok(s, z, 0, 8393, ZONE_NORMAL, ALLOC_OOM, 4197 + 2962));
	EXPECT(shadow_watermark_ok(s, z, 0, 8393, ZONE_NORMAL, ALLOC_OOM, 4197 + 2962 + 1));
	EXPECT(!shadow_watermark_ok(s, z, 0, 8393, ZONE_NORMAL, ALLOC_OOM | ALLOC_MIN_RESERVE,
				    2099 + 2962));
	EXPECT(shadow_watermark_ok(s, z, 0, 8393, ZONE_NORMAL, ALLOC_OOM | ALLOC_MIN_RESERVE,
				   2099 + 2962 + 1));
	shadow_destroy(s);
}

TEST(the_reserve_for_high_atomics_counts_for_those_who_may_not_use_it)
{
	struct shadow *s = fresh();
	struct zone *z = s->zones;

	z->highatomic = 32;
	EXPECT(!shadow_watermark_ok(s, z, 0, 10, ZONE_NORMAL, 0, 42));
	EXPECT(shadow_watermark_ok(s, z, 0, 10, ZONE_NORMAL, 0, 43));
	EXPECT(shadow_watermark_ok(s, z, 0, 10, ZONE_NORMAL, ALLOC_NON_BLOCK, 11));
	EXPECT(shadow_watermark_ok(s, z, 0, 10, ZONE_NORMAL, ALLOC_HIGHATOMIC, 11));
	EXPECT(shadow_watermark_ok(s, z, 0, 10, ZONE_NORMAL, ALLOC_MIN_RESERVE, 6)); /* 10 - 5 */
	shadow_destroy(s);
}

TEST(higher_orders_need_a_block_and_the_pages_around_it)
{
	struct shadow *s = fresh();
	struct zone *z = s->zones;

	EXPECT(!shadow_watermark_ok(s, z, 3, 10, ZONE_NORMAL, 0, 17)); /* 17 - 7 = 10 */
	EXPECT(shadow_watermark_ok(s, z, 3, 10, ZONE_NORMAL, 0, 18));
	for (unsigned int type = 0; type < NR_LIST_TYPES; type++)
		while (shadow_buddy_take_smallest(s, z, 0, type) != NIL)
			;
	EXPECT(!shadow_watermark_ok(s, z, 3, 10, ZONE_NORMAL, 0, 200));
	EXPECT(shadow_watermark_ok(s, z, 0, 10, ZONE_NORMAL, 0, 200));
	shadow_buddy_free(s, 64, 3, MT_HIGHATOMIC, false);
	EXPECT(!shadow_watermark_ok(s, z, 3, 10, ZONE_NORMAL, ALLOC_NON_BLOCK, 200));
	EXPECT(shadow_watermark_ok(s, z, 3, 10, ZONE_NORMAL, ALLOC_HIGHATOMIC, 200));
	EXPECT(shadow_watermark_ok(s, z, 3, 10, ZONE_NORMAL, ALLOC_OOM, 200));
	shadow_destroy(s);
}

TEST(atomic_single_pages_ignore_the_boost_of_the_min_mark)
{
	struct shadow *s = fresh();
	struct zone *z = s->zones;

	z->mark[WMARK_MIN] = 100;
	z->boost = 200;
	z->free = 150;
	EXPECT(!shadow_watermark_fast(s, z, 0, ZONE_NORMAL, WMARK_MIN, 0));
	EXPECT(shadow_watermark_fast(s, z, 0, ZONE_NORMAL, WMARK_MIN, GFP_ATOMIC));
	EXPECT(!shadow_watermark_fast(s, z, 1, ZONE_NORMAL, WMARK_MIN, GFP_ATOMIC));
	EXPECT(!shadow_watermark_fast(s, z, 0, ZONE_NORMAL, WMARK_LOW, GFP_ATOMIC));
	shadow_destroy(s);
}

TEST(example_9_boost)
{
	struct machine m = bare_machine(4097);
	struct shadow *s;
	struct zone *z;

	m.pageblock_order = 9;
	m.top_order = 10;
	s = booted(&m, NULL, 0);
	z = s->zones;
	z->mark[WMARK_HIGH] = 980;
	for (int64_t expect = 512; expect <= 1024; expect += 512) {
		shadow_watermark_boost(s, z, 0);
		EXPECT_EQ(z->boost, expect);
	}
	shadow_watermark_boost(s, z, 0);
	EXPECT_EQ(z->boost, 1470);
	EXPECT_EQ(z->boosted, 0);
	shadow_watermark_boost(s, z, ALLOC_KSWAPD);
	EXPECT_EQ(z->boost, 1470);
	EXPECT_EQ(z->boosted, 1);
	z->mark[WMARK_HIGH] = 16628;
	z->boost = 24800;
	shadow_watermark_boost(s, z, 0);
	EXPECT_EQ(z->boost, 24942);
	z->boost = 0;
	z->managed = 2000; /* 2048 > 2000 */
	shadow_watermark_boost(s, z, 0);
	EXPECT_EQ(z->boost, 0);
	shadow_destroy(s);
}

TEST(kswapd_is_woken_for_imbalance_and_for_boosts)
{
	struct shadow *s = fresh();
	struct zone *z = s->zones;
	struct kswapd *k = &s->state->kswapd[0];

	z->mark[WMARK_HIGH] = 10;
	shadow_kswapd_wake(s, z, 3, ZONE_NORMAL, GFP_KERNEL);
	EXPECT_EQ(k->awake, 0); /* balanced: only the wishes stay */
	EXPECT_EQ(k->order, 3);
	EXPECT_EQ(k->index, ZONE_NORMAL);
	z->boost = 1;
	shadow_kswapd_wake(s, z, 0, ZONE_NORMAL, GFP_KERNEL);
	EXPECT_EQ(k->awake, 1);
	EXPECT_EQ(k->order, 3);
	run(s, (struct lb_call){ .op = OP_RUN_KSWAPD, .node = 0 });
	EXPECT_EQ(k->awake, 0);
	EXPECT_EQ(k->order, 0);
	EXPECT_EQ((int64_t)k->index, -1);
	EXPECT_EQ(z->boost, 0);
	z->mark[WMARK_HIGH] = 1000;
	shadow_kswapd_wake(s, z, 0, ZONE_MOVABLE, GFP_KERNEL);
	EXPECT_EQ(k->awake, 1);
	EXPECT_EQ(k->index, ZONE_MOVABLE);
	shadow_destroy(s);
}

TEST_MAIN
