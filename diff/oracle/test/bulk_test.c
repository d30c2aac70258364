/*
 * Several single pages at once, by the readings: which entries are filled, what is returned, and what
 * comes by the usual way.
 */
#include "common.h"

/* One zone, pfn 1..256. */
static struct shadow *with_batch(int64_t batch)
{
	struct machine m = bare_machine(256);

	m.pcp_batch = batch;
	m.pcp_high = 100;
	return booted(&m, NULL, 0);
}

static struct lb_call bulk(uint32_t n, uint32_t filled)
{
	return (struct lb_call){ .op = OP_ALLOC_PAGES_BULK,
				 .gfp = GFP_KERNEL | GFP_MOVABLE,
				 .node = NODE_NONE,
				 .count = n,
				 .value = filled };
}

static struct lb_call list_of(uint32_t n)
{
	struct lb_call call = bulk(n, 0);

	call.op = OP_ALLOC_PAGES_BULK_LIST;
	return call;
}

/* "192 193 - 194": the entries; what lies behind the last frame is left out. */
static const char *frames_text(const struct shadow *s)
{
	static char text[512];
	size_t at = 0;
	uint32_t end = PROGRAM_MAX_COUNT;

	text[0] = '\0';
	while (end > 0 && s->bulk[end - 1] == NO_PFN)
		end--;
	for (uint32_t i = 0; i < end; i++) {
		const char *gap = i ? " " : "";

		if (s->bulk[i] == NO_PFN)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s-", gap);
		else
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u", gap,
					       (unsigned int)s->bulk[i]);
	}
	return text;
}

static void expect_bulk(struct shadow *s, struct lb_call call, uint32_t count, const char *frames)
{
	struct lb_result r = run(s, call);

	EXPECT_EQ(r.outcome, LB_DONE);
	EXPECT_EQ(r.count, count);
	EXPECT_STR(frames_text(s), frames);
}

/*
 * pfn            0   16   32        64     128     192
 * MOVABLE        ....[ 4 ][   5    ][  6  ][  6   ][  6   ]     the first pageblock is UNMOVABLE
 * refill by 4    of order 0 takes 16, and then what was cut off behind it
 */
TEST(empty_entries_are_filled_in_order_from_the_page_list)
{
	struct shadow *s = with_batch(4);

	expect_bulk(s, bulk(3, 0), 3, "16 17 18");
	EXPECT_STR(pcp_text(s, 0, 0, MT_MOVABLE), "19");
	expect_bulk(s, bulk(3, 0), 3, "19 20 21");
	EXPECT_EQ(s->state->counters[LB_COUNT_PGALLOC], 6);
	EXPECT_EQ(s->zones[0].numa[LB_NUMA_HIT], 6);
	EXPECT_EQ(s->zones[0].numa[LB_NUMA_LOCAL], 6);
	shadow_destroy(s);
}

TEST(filled_entries_are_passed_over_and_counted)
{
	struct shadow *s = with_batch(4);

	expect_bulk(s, bulk(6, 0x1 | 0x8), 6, "- 16 17 - 18 19");
	EXPECT_EQ(s->state->counters[LB_COUNT_PGALLOC], 4);
	shadow_destroy(s);
}

TEST(a_full_array_is_returned_as_it_is)
{
	struct shadow *s = with_batch(4), *untouched = with_batch(4);
	struct verdict v;

	expect_bulk(s, bulk(3, 0x7), 3, "");
	expect_bulk(s, bulk(3, UINT32_MAX), 3, "");
	EXPECT(shadow_compare(s, shadow_words(untouched), false, &v));
	shadow_destroy(s);
	shadow_destroy(untouched);
}

/* The usual way halves free_factor, which the bulk leaves alone. */
TEST(one_page_that_is_missing_comes_the_usual_way)
{
	struct shadow *s = with_batch(4);

	s->pcp[0].free_factor = 4;
	expect_bulk(s, bulk(4, 0), 4, "16 17 18 19");
	EXPECT_EQ(s->pcp[0].free_factor, 4);
	expect_bulk(s, bulk(3, 0x3), 3, "- - 20");
	EXPECT_EQ(s->pcp[0].free_factor, 2);
	shadow_destroy(s);
}

/* 2 are missing beyond the leading one, though only one of them is empty: not the usual way. */
TEST(missing_pages_are_counted_from_the_leading_ones)
{
	struct shadow *s = with_batch(4);

	s->pcp[0].free_factor = 4;
	expect_bulk(s, bulk(3, 0x5), 3, "- 16");
	EXPECT_EQ(s->pcp[0].free_factor, 4);
	shadow_destroy(s);
}

TEST(accounted_pages_come_one_by_one)
{
	struct shadow *s = with_batch(4);
	struct lb_call call = bulk(5, 0x1);

	call.gfp |= GFP_ACCOUNT;
	expect_bulk(s, call, 2, "- 16");
	shadow_destroy(s);
}

TEST(a_list_gets_pages_in_the_order_in_which_they_come)
{
	struct shadow *s = with_batch(4);
	struct lb_call call = list_of(3);

	call.value = 0x7; /* means nothing here */
	expect_bulk(s, call, 3, "16 17 18");
	shadow_destroy(s);
}

/* 255 pages are free: more than 222 + 32, and not more than 223 + 32. */
TEST(a_zone_that_would_fall_below_its_low_mark_gives_one_page)
{
	struct shadow *s = with_batch(4);

	s->zones[0].mark[WMARK_LOW] = 255 - 33;
	expect_bulk(s, list_of(32), 32,
		    "16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 "
		    "42 43 44 45 46 47");
	shadow_rewind(s);
	s->zones[0].mark[WMARK_LOW] = 255 - 32;
	expect_bulk(s, list_of(32), 1, "16");
	shadow_destroy(s);
}

TEST(what_is_not_there_is_not_put)
{
	struct shadow *s = with_batch(4);

	empty(s);
	shadow_buddy_free(s, 64, 0, MT_MOVABLE, false);
	shadow_buddy_free(s, 66, 0, MT_MOVABLE, false);
	for (unsigned int i = 0; i < 3; i++)
		s->zones[0].mark[i] = -100; /* anything passes */
	expect_bulk(s, bulk(5, 0x1 | 0x8), 4, "- 66 64");
	shadow_destroy(s);
}

TEST(a_bulk_that_finds_nothing_at_all_is_not_a_failure)
{
	struct shadow *s = with_batch(4);
	struct lb_call call = bulk(5, 0x3);

	empty(s);
	call.gfp = GFP_NOWAIT;
	expect_bulk(s, call, 2, "");
	call.gfp = GFP_KERNEL;
	EXPECT_EQ(run(s, call).outcome, LB_OOM);
	call.gfp = GFP_KERNEL | GFP_MOVABLE | GFP_RECLAIMABLE;
	EXPECT_EQ(run(s, call).outcome, LB_REFUSED);
	shadow_destroy(s);
}

TEST(the_allowed_mask_is_looked_at_before_the_type)
{
	struct shadow *s = with_batch(4);
	struct lb_call call = bulk(2, 0);

	call.gfp |= GFP_RECLAIMABLE;
	EXPECT_EQ(run(s, call).reason, LB_BAD_TYPE);
	s->state->gfp_allowed_mask = ~(uint64_t)GFP_RECLAIMABLE;
	expect_bulk(s, call, 2, "16 17");
	shadow_destroy(s);
}

/* The preferred zone is Normal, and lowmem_reserve against Movable does not count. */
TEST(the_mark_is_that_of_a_request_for_the_preferred_zone)
{
	struct shadow *s = with_batch(4);
	struct lb_call call = bulk(2, 0);

	call.gfp = GFP_HIGHUSER_MOVABLE;
	s->zones[0].reserve[ZONE_MOVABLE] = 1000;
	expect_bulk(s, call, 2, "16 17");
	s->zones[0].boost = 250; /* a refill left 251: more than 250, and not more than 250 + 2 */
	s->zones[0].reserve[ZONE_MOVABLE] = 0;
	expect_bulk(s, call, 1, "18");
	shadow_destroy(s);
}

static struct shadow *with_two_nodes(void)
{
	struct machine m = bare_machine(256);

	m.nr_nodes = 2;
	m.nr_memory = 2;
	m.memory[0] = (struct machine_range){ .start = 1, .end = 128 };
	m.memory[1] = (struct machine_range){ .start = 128, .end = 256, .node = 1 };
	m.distance[0][1] = m.distance[1][0] = 20;
	m.distance[1][1] = 10;
	m.pcp_batch = 4;
	m.pcp_high = 100;
	return booted(&m, NULL, 0);
}

TEST(a_bulk_takes_from_no_other_node)
{
	struct shadow *s = with_two_nodes();

	s->zones[0].mark[WMARK_LOW] = 127 - 3; /* 127 are not more than 124 + 4 */
	expect_bulk(s, bulk(4, 0), 1, "16");
	s->zones[0].mark[WMARK_LOW] = 1000; /* the single page comes from the other node */
	expect_bulk(s, bulk(4, 0), 1, "128");
	shadow_destroy(s);
}

/* The first page does not come, whatever the mark says: one page from wherever there is one. */
TEST(an_empty_zone_that_passes_its_mark_gives_one_page_of_another)
{
	struct shadow *s = with_two_nodes();

	empty(s);
	s->zones[0].mark[WMARK_LOW] = s->zones[0].mark[WMARK_MIN] = -100;
	expect_bulk(s, bulk(4, 0x1), 2, "- 128");
	shadow_destroy(s);
}

/* The preferred zone is kept out, the next is of another node: the usual way, which finds that one. */
TEST(a_zone_outside_of_the_cpuset_is_passed_over)
{
	struct shadow *s = with_two_nodes();
	struct lb_call call = bulk(4, 0);

	run(s, (struct lb_call){ .op = OP_SET_MEMS_ALLOWED, .nodemask = 0x2 });
	call.nodemask = 0x3;
	expect_bulk(s, call, 1, "128");
	shadow_destroy(s);
}

/* Its own list has only node 1, and the nodemask only node 0. */
static struct lb_call nowhere(uint32_t gfp)
{
	struct lb_call call = bulk(4, 0x1);

	call.nodemask = 0x1;
	call.node = 1;
	call.gfp = gfp | GFP_THISNODE;
	return call;
}

/* The single request fails, too, and goes round for ever where it must not. */
TEST(where_no_zone_matches_one_page_is_asked_for_the_usual_way)
{
	struct shadow *s = with_two_nodes();

	expect_bulk(s, nowhere(GFP_KERNEL), 1, "");
	EXPECT_EQ(run(s, nowhere(GFP_KERNEL | GFP_NOFAIL)).outcome, LB_LOOP);
	shadow_destroy(s);
}

/*
 * The task's nodes become the mask of a request without one, and of node 1 alone it may use nothing.
 * The slow path begins with the mask as given, and its cpuset keeps out only who is hard-walled.
 */
TEST(where_the_cpuset_leaves_no_zone_one_page_may_come_from_outside_of_it)
{
	struct shadow *s = with_two_nodes();
	struct lb_call call = nowhere(GFP_KERNEL);

	run(s, (struct lb_call){ .op = OP_SET_MEMS_ALLOWED, .nodemask = 0x1 });
	call.nodemask = 0;
	expect_bulk(s, call, 2, "- 128");
	call.gfp |= GFP_HARDWALL;
	expect_bulk(s, call, 1, "");
	shadow_destroy(s);
}

TEST(linux_5_10_has_no_bulk)
{
	struct shadow *s = with_batch(4);
	struct lb_result r;

	s->machine.profile = PROFILE_LINUX_5_10;
	r = run(s, bulk(3, 0));
	EXPECT_EQ(r.outcome, LB_REFUSED);
	EXPECT_EQ(r.reason, LB_NO_PROFILE);
	shadow_destroy(s);
}

/* ---- alloc_pages_exact ---- */

static struct lb_call exact(uint32_t n)
{
	return (struct lb_call){ .op = OP_ALLOC_PAGES_EXACT, .gfp = GFP_KERNEL, .count = n };
}

/*
 * 5 of 64..72:  A A A A A . . .    69, then 70 and 71 joined: each goes to the tail as it comes, and
 *               64      68         what is left joins to 69:0 and 70:1
 */
TEST(what_is_left_of_an_exact_block_goes_to_the_tails)
{
	struct shadow *s = with_batch(4);
	struct lb_result r;

	empty(s);
	shadow_pageblock_set_type(s, 64, MT_UNMOVABLE);
	shadow_buddy_free(s, 64, 4, MT_UNMOVABLE, false);
	s->state->counters[LB_COUNT_PGFREE] = 0;
	r = run(s, exact(5));
	EXPECT_EQ(r.outcome, LB_BLOCK);
	EXPECT_EQ(r.pfn, 64);
	EXPECT_EQ(r.count, 0);
	EXPECT_STR(free_text(s, 0, 0, MT_UNMOVABLE), "69");
	EXPECT_STR(free_text(s, 0, 1, MT_UNMOVABLE), "70");
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 3);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGALLOC], 8);
	for (uint32_t pfn = 64; pfn < 69; pfn++)
		EXPECT_EQ(s->frames[pfn].refs, 1);
	shadow_destroy(s);
}

TEST(what_is_left_stands_behind_what_was_free)
{
	struct shadow *s = with_batch(4);

	empty(s);
	shadow_pageblock_set_type(s, 64, MT_UNMOVABLE);
	shadow_buddy_free(s, 64, 4, MT_UNMOVABLE, false);
	shadow_buddy_free(s, 100, 0, MT_UNMOVABLE, false);
	EXPECT_EQ(run(s, exact(7)).pfn, 64);
	EXPECT_STR(free_text(s, 0, 0, MT_UNMOVABLE), "100 71");
	shadow_destroy(s);
}

TEST(linux_5_10_puts_what_is_left_on_the_page_list)
{
	struct machine m = bare_machine(256);
	struct shadow *s;

	m.profile = PROFILE_LINUX_5_10;
	m.pcp_batch = 4;
	m.pcp_high = 100;
	s = booted(&m, NULL, 0);
	EXPECT_EQ(run(s, exact(5)).outcome, LB_BLOCK);
	EXPECT_EQ(s->pcp[0].count, 3);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 3);
	shadow_destroy(s);
}

TEST(exact_pages_are_not_compound_and_fail_like_any_block)
{
	struct machine m = bare_machine(256);
	struct shadow *s;
	struct lb_call call = exact(17), injected = exact(2);
	struct lb_result r;

	m.top_order = 4;
	s = booted(&m, NULL, 0);
	r = run(s, call); /* order 5 */
	EXPECT_EQ(r.outcome, LB_NULL);
	EXPECT_EQ(r.reason, LB_NO_ORDER);
	EXPECT_EQ(r.warnings, LB_WARN_ORDER);
	injected.gfp = GFP_NOWAIT | GFP_HIGHMEM; /* which is stripped: injection may touch it */
	injected.fail_nth = 1;
	EXPECT_EQ(run(s, injected).reason, LB_NO_INJECTED);
	injected.count = 1; /* order 0 */
	EXPECT_EQ(run(s, injected).outcome, LB_BLOCK);
	shadow_destroy(s);
}

TEST_MAIN
