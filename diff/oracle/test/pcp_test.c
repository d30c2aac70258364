/*
 * Page lists: refill, trim, factor, drain (facts 8, example 25).
 */
#include "common.h"

static struct machine with_sizes(uint64_t pages, int64_t high, int64_t batch)
{
	struct machine m = bare_machine(pages);

	m.pcp_high = high;
	m.pcp_batch = batch;
	return m;
}

TEST(a_refill_brings_batch_pages_and_the_first_is_taken)
{
	struct machine m = with_sizes(128, 12, 3);
	struct shadow *s = booted(&m, NULL, 0);

	/* 16..32 is cut for the first; then 17, then the head of order 1: 18 of 18..20 */
	EXPECT_EQ(take(s, GFP_KERNEL | GFP_MOVABLE, 0), 16);
	EXPECT_STR(pcp_text(s, 0, 0, MT_MOVABLE), "17 18");
	EXPECT_EQ(s->pcp[0].count, 2);
	EXPECT_STR(free_text(s, 0, 0, MT_MOVABLE), "19");
	EXPECT_EQ(take(s, GFP_KERNEL | GFP_MOVABLE, 0), 17);
	EXPECT_EQ(shadow_free_exact(s, &s->zones[0]), 127 - 3);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGALLOC], 2);
	shadow_destroy(s);
}

TEST(higher_orders_refill_less_but_at_least_two)
{
	struct machine m = with_sizes(128, 40, 10);
	struct shadow *s = booted(&m, NULL, 0);

	/* order 1: 10 >> 1 = 5 blocks; order 3: max(1, 2) = 2 */
	EXPECT_EQ(take(s, GFP_KERNEL | GFP_MOVABLE, 1), 16);
	EXPECT_STR(pcp_text(s, 0, 0, 3 + MT_MOVABLE), "18 20 22 24");
	EXPECT_EQ(take(s, GFP_KERNEL | GFP_MOVABLE, 3), 32);
	EXPECT_STR(pcp_text(s, 0, 0, 9 + MT_MOVABLE), "40");
	EXPECT_EQ(s->pcp[0].count, 8 + 8);
	shadow_destroy(s);
}

TEST(batch_one_keeps_nothing)
{
	struct machine m = with_sizes(128, 4, 1);
	struct shadow *s = booted(&m, NULL, 0);

	take(s, GFP_KERNEL, 2);
	EXPECT_EQ(s->pcp[0].count, 0);
	shadow_destroy(s);
}

TEST(order_four_has_no_page_list_and_a_pageblock_has_one_with_thp)
{
	struct machine m = with_sizes(256, 400, 10);
	struct shadow *s;

	m.pageblock_order = 5;
	s = booted(&m, NULL, 0);
	EXPECT(!shadow_pcp_has_order(s, 4) && !shadow_pcp_has_order(s, 5) &&
	       shadow_pcp_has_order(s, 3));
	EXPECT_EQ(s->nr_lists, 12);
	shadow_destroy(s);
	m.thp = 1;
	s = booted(&m, NULL, 0);
	EXPECT(!shadow_pcp_has_order(s, 4) && shadow_pcp_has_order(s, 5));
	EXPECT_EQ(s->nr_lists, 14);
	EXPECT_EQ(take(s, GFP_KERNEL | GFP_MOVABLE, 5), 32); /* 10 >> 5 is 0: two blocks */
	EXPECT_STR(pcp_text(s, 0, 0, 13), "64");
	shadow_destroy(s);
}

TEST(frees_go_to_the_head_and_trims_take_the_tail)
{
	struct machine m = with_sizes(128, 4, 2);
	struct shadow *s = booted(&m, NULL, 0);
	int64_t p[4];

	for (int i = 0; i < 4; i++)
		p[i] = take(s, GFP_KERNEL | GFP_MOVABLE, 0);
	EXPECT_EQ(s->pcp[0].count, 0); /* two refills of 2 */
	for (int i = 0; i < 3; i++)
		give(s, p[i], 0);
	EXPECT_STR(pcp_text(s, 0, 0, MT_MOVABLE), "18 17 16");
	/*
	 * the fourth reaches high: batch << 0 = 2 of at most 4 - 2 go, oldest first: 16 and 17 join
	 */
	give(s, p[3], 0);
	EXPECT_STR(pcp_text(s, 0, 0, MT_MOVABLE), "19 18");
	EXPECT_STR(free_text(s, 0, 1, MT_MOVABLE), "16");
	EXPECT_EQ(s->pcp[0].free_factor, 0); /* 2 is not less than 2 */
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 4);
	shadow_destroy(s);
}

/* How many pages the free that fills the lists trims, and the factor after it. */
static int64_t trimmed(struct shadow *s, int64_t *next)
{
	int64_t before;

	do {
		before = s->pcp[0].count;
		give(s, (*next)++, 0);
	} while (s->pcp[0].count > before);
	return before + 1 - s->pcp[0].count;
}

TEST(example_25_trims_double_up_to_the_cap)
{
	/* high 408, batch 31: 31, 62, 124, 248, then 408 - 31 */
	struct machine m = with_sizes(8192, 408, 31);
	struct shadow *s;
	int64_t next = 4096;

	m.top_order = 10;
	m.pageblock_order = 9;
	s = booted(&m, NULL, 0);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(shadow_buddy_take(s, s->zones, 10, MT_MOVABLE, 0), 1024 * (i + 1));
	while (s->zones[0].lists[10][MT_MOVABLE].n) /* 4096 and up */
		shadow_buddy_take(s, s->zones, 10, MT_MOVABLE, 0);
	EXPECT_EQ(trimmed(s, &next), 31);
	EXPECT_EQ(s->pcp[0].free_factor, 1);
	EXPECT_EQ(trimmed(s, &next), 62);
	EXPECT_EQ(trimmed(s, &next), 124);
	EXPECT_EQ(trimmed(s, &next), 248);
	EXPECT_EQ(s->pcp[0].free_factor, 4);
	EXPECT_EQ(trimmed(s, &next), 377);
	EXPECT_EQ(s->pcp[0].free_factor, 4); /* 496 is not less than 377 */
	take(s, GFP_KERNEL | GFP_MOVABLE, 0);
	EXPECT_EQ(s->pcp[0].free_factor, 2);
	shadow_destroy(s);
}

TEST(the_factor_stops_at_five)
{
	struct machine m = with_sizes(8192, 4000, 1);
	struct shadow *s;
	int64_t next = 1024;

	m.top_order = 10;
	m.pageblock_order = 9;
	s = booted(&m, NULL, 0);
	for (int i = 0; i < 7; i++)
		shadow_buddy_take(s, s->zones, 10, MT_MOVABLE, 0);
	EXPECT_EQ(trimmed(s, &next), 1);
	EXPECT_EQ(trimmed(s, &next), 2);
	EXPECT_EQ(trimmed(s, &next), 4);
	EXPECT_EQ(trimmed(s, &next), 8);
	EXPECT_EQ(trimmed(s, &next), 16);
	EXPECT_EQ(trimmed(s, &next), 32);
	EXPECT_EQ(s->pcp[0].free_factor, 5);
	EXPECT_EQ(trimmed(s, &next), 32);
	shadow_destroy(s);
}

TEST(orders_one_to_three_empty_the_lists_once_a_factor_is_set)
{
	struct machine m = with_sizes(128, 8, 1);
	struct shadow *s = booted(&m, NULL, 0);
	int64_t pair = take(s, GFP_KERNEL | GFP_MOVABLE, 1),
		single = take(s, GFP_KERNEL | GFP_MOVABLE, 0);

	s->pcp[0].free_factor = 1;
	give(s, single, 0);
	EXPECT_EQ(s->pcp[0].count, 1);
	give(s, pair, 1);
	EXPECT_EQ(s->pcp[0].count, 0);
	EXPECT_EQ(s->pcp[0].free_factor, 1);
	shadow_destroy(s);
}

TEST(without_high_one_page_goes_at_each_free)
{
	struct machine m = with_sizes(128, 0, 3);
	struct shadow *s = booted(&m, NULL, 0);
	int64_t p = take(s, GFP_KERNEL | GFP_MOVABLE, 0);

	EXPECT_EQ(s->pcp[0].count, 2);
	give(s, p, 0);
	EXPECT_EQ(s->pcp[0].count, 2);
	EXPECT_STR(pcp_text(s, 0, 0, MT_MOVABLE), "16 17"); /* 18, the oldest, went */
	shadow_destroy(s);
}

TEST(a_drain_goes_through_the_lists_from_the_first)
{
	struct machine m = with_sizes(128, 100, 1);
	struct shadow *s = booted(&m, NULL, 0);
	int64_t a = take(s, GFP_KERNEL, 0), b = take(s, GFP_KERNEL, 0),
		c = take(s, GFP_KERNEL | GFP_MOVABLE, 0);

	EXPECT_EQ(a, 1); /* UNMOVABLE: 1, then 2 of 2..4 */
	EXPECT_EQ(b, 2);
	give(s, c, 0);
	give(s, a, 0);
	give(s, b, 0);
	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_DRAIN_LOCAL_PAGES }).outcome, LB_DONE);
	EXPECT_EQ(s->pcp[0].count, 0);
	EXPECT_EQ(shadow_free_exact(s, &s->zones[0]), 127);
	/* UNMOVABLE first, oldest first: 1, then 2, which joins 3 */
	EXPECT_STR(free_text(s, 0, 0, MT_UNMOVABLE), "1");
	EXPECT_STR(free_text(s, 0, 1, MT_UNMOVABLE), "2");
	shadow_destroy(s);
}

TEST(a_page_keeps_the_type_that_was_saved_with_it)
{
	struct machine m = with_sizes(128, 100, 1);
	struct shadow *s = booted(&m, NULL, 0);
	int64_t p = take(s, GFP_KERNEL | GFP_MOVABLE, 0);

	shadow_pageblock_set_type(s, (uint64_t)p, MT_HIGHATOMIC);
	give(s, p, 0);
	EXPECT_STR(pcp_text(s, 0, 0, MT_MOVABLE),
		   "16"); /* on MOVABLE's list, remembered as HIGHATOMIC */
	EXPECT_EQ(s->frames[p].type, MT_HIGHATOMIC);
	shadow_pageblock_set_type(s, (uint64_t)p, MT_UNMOVABLE);
	run(s, (struct lb_call){ .op = OP_DRAIN_ALL_PAGES });
	EXPECT_STR(free_text(s, 0, 4, MT_HIGHATOMIC),
		   "16"); /* joined with the rest of 16..32, on its own type's list */
	shadow_destroy(s);
}

TEST(other_cpus_lists_are_left_alone_by_a_local_drain)
{
	struct machine m = with_sizes(128, 100, 4);
	struct lb_call call = alloc_call(GFP_KERNEL | GFP_MOVABLE, 0);
	struct shadow *s;

	m.nr_cpus = 2;
	s = booted(&m, NULL, 0);
	run(s, call);
	call.cpu = 1;
	run(s, call);
	EXPECT_EQ(s->pcp[0].count, 3);
	EXPECT_EQ(s->pcp[1].count, 3);
	run(s, (struct lb_call){ .op = OP_DRAIN_LOCAL_PAGES, .cpu = 1 });
	EXPECT_EQ(s->pcp[0].count, 3);
	EXPECT_EQ(s->pcp[1].count, 0);
	run(s, (struct lb_call){ .op = OP_DRAIN_ALL_PAGES, .cpu = 1 });
	EXPECT_EQ(s->pcp[0].count, 0);
	shadow_destroy(s);
}

TEST(sizes_follow_the_low_mark_or_the_fraction)
{
	struct machine m = bare_machine(2049);
	struct lb_call call = { .op = OP_SYSCTL, .name = SYSCTL_MIN_FREE_KBYTES, .value = 400 };
	struct shadow *s;

	m.nr_cpus = 2;
	s = booted(&m, NULL, 0);
	/*
	 * 2048 managed: min 0, gap 2: low 2, high = max(2 / 2, 4 * 1); batch of 2 MiB: max(1, 1 -
	 * 1)
	 */
	EXPECT_EQ(s->pcp[0].high, 4);
	EXPECT_EQ(s->pcp[0].batch, 1);
	run(s, call); /* min 100, low 125 */
	EXPECT_EQ(s->pcp[1].high, 62);
	call = (struct lb_call){ .op = OP_SYSCTL,
				 .name = SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION,
				 .value = 8 };
	run(s, call);
	EXPECT_EQ(s->pcp[1].high, 2048 / 8 / 2);
	call.value = 7;
	EXPECT_EQ(run(s, call).outcome, LB_REFUSED);
	call.value = 0;
	run(s, call);
	EXPECT_EQ(s->pcp[1].high, 62);
	shadow_destroy(s);
}

TEST_MAIN
