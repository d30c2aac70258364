/*
 * Isolated ranges and single frames, by the readings. Ranges are of 64 pages (T = 6), pageblocks of 16.
 */
#include "common.h"

static struct lb_result isolate(struct shadow *s, uint32_t range)
{
	return run(s, (struct lb_call){ .op = OP_ISOLATE, .value = range });
}

static struct lb_result unisolate(struct shadow *s, uint32_t range)
{
	return run(s, (struct lb_call){ .op = OP_UNISOLATE, .value = range });
}

static struct lb_result take_frame(struct shadow *s, uint64_t pfn)
{
	return run(s, (struct lb_call){ .op = OP_TAKE_FRAME, .pfn = pfn });
}

static struct lb_result put_frame(struct shadow *s, uint64_t pfn)
{
	struct lb_call call = free_call(pfn, 0);

	call.op = OP_PUT_FRAME;
	return run(s, call);
}

static struct shadow *plain(uint64_t pages)
{
	struct machine m = bare_machine(pages);

	m.pcp_batch = 1;
	m.pcp_high = 100;
	return booted(&m, NULL, 0);
}

static void expect_refused(struct lb_result r, enum lb_reason reason)
{
	EXPECT_EQ(r.outcome, LB_REFUSED);
	EXPECT_EQ(r.reason, reason);
}

/* ---- Isolation ---- */

TEST(isolated_blocks_are_listed_apart_and_not_counted)
{
	struct shadow *s = plain(256);
	struct zone *z = s->zones;

	EXPECT_EQ(isolate(s, 2).outcome, LB_DONE);
	EXPECT_STR(free_text(s, 0, 6, MT_ISOLATE), "128");
	EXPECT_STR(free_text(s, 0, 6, MT_MOVABLE), "64 192");
	EXPECT_EQ(shadow_free_exact(s, z), 255 - 64);
	EXPECT_EQ(z->isolated, 4);
	for (uint64_t pfn = 128; pfn < 192; pfn += 16)
		EXPECT_EQ(shadow_pageblock_type(s, pfn), MT_ISOLATE);
	EXPECT_EQ(take(s, GFP_KERNEL | GFP_MOVABLE, 6), 64);
	EXPECT_EQ(take(s, GFP_KERNEL | GFP_MOVABLE, 6), 192);
	EXPECT_EQ(take(s, GFP_NOWAIT | GFP_MOVABLE, 6), -1);
	shadow_destroy(s);
}

TEST(an_isolated_range_comes_back_as_it_was)
{
	struct shadow *s = plain(256);

	isolate(s, 2);
	EXPECT_EQ(unisolate(s, 2).outcome, LB_DONE);
	EXPECT_STR(free_text(s, 0, 6, MT_MOVABLE), "64 192 128");
	EXPECT_EQ(shadow_free_exact(s, s->zones), 255);
	EXPECT_EQ(s->zones[0].isolated, 0);
	EXPECT_EQ(shadow_pageblock_type(s, 128), MT_MOVABLE);
	shadow_destroy(s);
}

TEST(ranges_are_counted_round_and_refused_where_they_are_not_whole)
{
	struct shadow *s =
		plain(300); /* ranges 0 .. 4; the last one is cut off, the first lacks pfn 0 */

	expect_refused(isolate(s, 0), LB_BAD_RANGE);
	expect_refused(isolate(s, 4), LB_BAD_RANGE);
	expect_refused(unisolate(s, 4), LB_BAD_RANGE);
	expect_refused(unisolate(s, 2), LB_BUSY);
	EXPECT_EQ(isolate(s, 5 + 2).outcome, LB_DONE);
	expect_refused(isolate(s, 2), LB_BUSY);
	shadow_destroy(s);
}

/* A page of a range's middle that was held, and is on the page list now. */
static void put_on_page_list(struct shadow *s, uint64_t pfn)
{
	EXPECT_EQ(take_frame(s, pfn).outcome, LB_BLOCK);
	give(s, (int64_t)pfn, 0);
	EXPECT_STR(pcp_text(s, 0, 0, MT_MOVABLE), "70");
}

TEST(what_is_in_use_stands_in_the_way_and_page_lists_do_not)
{
	struct shadow *s = plain(256);
	int64_t held = take(s, GFP_KERNEL | GFP_MOVABLE, 6);

	EXPECT_EQ(held, 64);
	expect_refused(isolate(s, 1), LB_BUSY);
	give(s, held, 6);
	put_on_page_list(s, 70);
	EXPECT_EQ(isolate(s, 1).outcome, LB_DONE);
	EXPECT_EQ(s->pcp[0].count, 1); /* still there, and still to be had */
	EXPECT_EQ(take(s, GFP_KERNEL | GFP_MOVABLE, 0), 70);
	shadow_destroy(s);
}

TEST(a_range_of_two_zones_is_none)
{
	struct machine m = bare_machine(256);
	struct shadow *s;

	m.nr_nodes = m.nr_memory = 2;
	m.memory[0] = (struct machine_range){ .start = 1, .end = 96 };
	m.memory[1] = (struct machine_range){ .start = 96, .end = 256, .node = 1 };
	m.distance[0][1] = m.distance[1][0] = 20;
	m.distance[1][1] = 10;
	s = booted(&m, NULL, 0);
	expect_refused(isolate(s, 1), LB_BAD_RANGE);
	EXPECT_EQ(isolate(s, 2).outcome, LB_DONE);
	EXPECT_EQ(s->zones[1].isolated, 4);
	shadow_destroy(s);
}

/* Held pages of Movable could be moved; reserved ones could not, there or anywhere. */
TEST(only_reserved_pages_stand_in_the_way_in_movable)
{
	static const struct machine_range reserved[] = { { .start = 200, .end = 201 } };
	struct machine m = bare_machine(256);
	struct shadow *s;

	m.movable_start[0] = 128;
	s = booted(&m, reserved, 1);
	EXPECT_EQ(zone_at(s, 0, ZONE_MOVABLE)->start, 128);
	for (int i = 0; i < 3; i++) /* 208..224, 224..256 are smaller, and come first */
		take(s, GFP_HIGHUSER_MOVABLE, 4);
	EXPECT_EQ(take(s, GFP_HIGHUSER_MOVABLE, 6), 128);
	EXPECT_EQ(isolate(s, 2).outcome, LB_DONE);
	EXPECT_EQ(shadow_pageblock_type(s, 128), MT_ISOLATE);
	expect_refused(isolate(s, 3), LB_BUSY);
	give(s, 128, 6);
	EXPECT_STR(free_text(s, s->zone_number[0][ZONE_MOVABLE], 6, MT_ISOLATE), "128");
	shadow_destroy(s);
}

/* From a page list to the buddy too: the type of the pageblock counts, not the one that was saved. */
TEST(frees_into_an_isolated_range_stay_there)
{
	struct shadow *s = plain(256);
	int64_t before;

	put_on_page_list(s, 70);
	isolate(s, 1);
	before = shadow_free_exact(s, s->zones);
	run(s, (struct lb_call){ .op = OP_DRAIN_ALL_PAGES });
	EXPECT_EQ(s->pcp[0].count, 0);
	EXPECT_EQ(shadow_free_exact(s, s->zones), before);
	EXPECT_STR(free_text(s, 0, 6, MT_ISOLATE), "64");
	shadow_destroy(s);
}

TEST(a_page_of_an_isolated_pageblock_does_not_go_to_a_page_list)
{
	struct shadow *s = plain(256);
	uint64_t freed;

	put_on_page_list(s, 70);
	isolate(s, 1);
	EXPECT_EQ(take(s, GFP_KERNEL | GFP_MOVABLE, 0), 70);
	freed = s->state->counters[LB_COUNT_PGFREE];
	give(s, 70, 0);
	EXPECT_EQ(s->pcp[0].count, 0);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], freed + 1);
	EXPECT_STR(free_text(s, 0, 6, MT_ISOLATE), "64");
	shadow_destroy(s);
}

/*
 * 64..80 is free as HIGHATOMIC, 80..96 as MOVABLE: never joined. Isolated they stay two; but the second
 * one finds the first when it comes back, and is freed anew.
 *
 *   isolate     [64:4 I][80:4 I]
 *   unisolate   [64:4 M]            moved to the tail
 *               [64:5 M         ]   80 leaves its list, is freed again, and joins
 */
TEST(a_pageblock_joins_its_buddy_when_it_comes_back)
{
	struct shadow *s = plain(256);

	empty(s);
	shadow_pageblock_set_type(s, 64, MT_HIGHATOMIC);
	shadow_buddy_free(s, 64, 4, MT_HIGHATOMIC, false);
	shadow_buddy_free(s, 80, 4, MT_MOVABLE, false);
	shadow_buddy_free(s, 96, 5, MT_HIGHATOMIC, false); /* of the wrong list, to stay apart */
	shadow_pageblock_set_type(s, 96, MT_HIGHATOMIC);
	shadow_buddy_free(s, 128, 6, MT_MOVABLE, false);
	EXPECT_EQ(isolate(s, 1).outcome, LB_DONE);
	EXPECT_STR(free_text(s, 0, 4, MT_ISOLATE), "64 80");
	EXPECT_STR(free_text(s, 0, 5, MT_ISOLATE), "96");
	EXPECT_EQ(shadow_free_exact(s, s->zones), 64);
	EXPECT_EQ(unisolate(s, 1).outcome, LB_DONE);
	EXPECT_EQ(s->zones[0].isolated, 0);
	EXPECT_EQ(shadow_free_exact(s, s->zones), 128);
	/* 80 joined 64, and 96, whose buddy 64:5 was there by then, joined both */
	EXPECT_STR(free_text(s, 0, 6, MT_MOVABLE), "128 64");
	shadow_destroy(s);
}

/* 5.10 frees it anew all the same, which comes to the same. */
TEST(a_pageblock_whose_buddy_is_held_comes_back_as_it_is)
{
	struct machine m = bare_machine(256);
	struct zone *z;
	struct shadow *s;

	for (uint32_t profile = 0; profile < PROFILE_COUNT; profile++) {
		m.profile = profile;
		m.movable_start[0] = 128;
		s = booted(&m, NULL, 0);
		z = zone_at(s, 0, ZONE_MOVABLE);
		EXPECT_EQ(take(s, GFP_HIGHUSER_MOVABLE, 4), 128);
		EXPECT_EQ(isolate(s, 2).outcome, LB_DONE); /* 128..144 held, 144:4, 160:5 */
		unisolate(s, 2);
		EXPECT_STR(list_text(s, &z->lists[4][MT_MOVABLE]), "144");
		EXPECT_EQ(shadow_free_exact(s, z), 112);
		shadow_destroy(s);
	}
}

TEST(an_isolated_pageblock_is_not_reserved_for_high_atomics)
{
	struct shadow *s = plain(256);

	isolate(s, 1);
	shadow_highatomic_reserve(s, s->zones, 64);
	EXPECT_EQ(s->zones[0].highatomic, 0);
	EXPECT_EQ(shadow_pageblock_type(s, 64), MT_ISOLATE);
	shadow_destroy(s);
}

/* ---- Bad pages ---- */

struct bad_case {
	enum machine_profile profile;
	enum machine_checks checks;
	unsigned int order;
	uint32_t bad;	 /* which page of the block */
	uint64_t pgfree; /* how far the block got, in pages */
};

static void mark(struct shadow *s, uint64_t pfn, unsigned int order, uint32_t page)
{
	struct lb_call call = free_call(pfn, order);

	call.op = OP_SET_MAPCOUNT;
	call.page = page;
	call.value = 1;
	EXPECT_EQ(run(s, call).outcome, LB_DONE);
}

/* Movable, 128..256: a block of it that is held when its range is isolated. */
static struct shadow *with_movable(enum machine_profile profile, enum machine_checks checks)
{
	struct machine m = bare_machine(256);

	m.profile = profile;
	m.checks = checks;
	m.movable_start[0] = 128;
	m.pcp_batch = 1;
	m.pcp_high = 100;
	return booted(&m, NULL, 0);
}

/* What is lost never was in the buddy: nothing moves on its lists or in the count of free pages. */
static void expect_lost(const struct bad_case *c)
{
	struct shadow *s = with_movable(c->profile, c->checks);
	struct zone *movable = zone_at(s, 0, ZONE_MOVABLE);
	uint32_t pages = 1u << c->order;
	int64_t listed, counted;
	struct lb_result r;
	uint64_t freed;

	EXPECT_EQ(take(s, GFP_HIGHUSER_MOVABLE, c->order), 128);
	EXPECT_EQ(isolate(s, 2).outcome, LB_DONE);
	mark(s, 128, c->order, c->bad);
	listed = listed_pages(s, movable);
	counted = shadow_free_exact(s, movable);
	freed = s->state->counters[LB_COUNT_PGFREE];
	r = run(s, free_call(128, c->order));
	EXPECT_EQ(r.outcome, LB_DONE);
	EXPECT_EQ(r.warnings, LB_WARN_BAD_PAGE);
	EXPECT_EQ(r.leaked, pages);
	EXPECT_EQ(s->state->nr_leaked, pages);
	EXPECT_EQ(s->state->nr_marked, 0);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], freed + c->pgfree);
	EXPECT_EQ(listed_pages(s, movable), listed);
	EXPECT_EQ(shadow_free_exact(s, movable), counted);
	shadow_destroy(s);
}

/*
 * A first page that a page list would have taken unseen is noticed on the way past it, and was
 * counted by then. Tails, all pages for debug, and first pages of blocks that no page list takes
 * are noticed before that.
 */
TEST(a_bad_block_of_an_isolated_pageblock_does_not_come_to_the_buddy)
{
	static const struct bad_case cases[] = {
		{ PROFILE_LINUX_6_1, CHECKS_LINUX, .order = 0, .bad = 0, .pgfree = 1 },
		{ PROFILE_LINUX_6_1, CHECKS_LINUX, .order = 3, .bad = 0, .pgfree = 8 },
		{ PROFILE_LINUX_6_1, CHECKS_LINUX, .order = 3, .bad = 5, .pgfree = 0 },
		{ PROFILE_LINUX_6_1, CHECKS_LINUX, .order = 4, .bad = 0, .pgfree = 0 },
		{ PROFILE_LINUX_6_1, CHECKS_DEBUG, .order = 0, .bad = 0, .pgfree = 0 },
		{ PROFILE_LINUX_6_1, CHECKS_DEBUG, .order = 3, .bad = 0, .pgfree = 0 },
		{ PROFILE_LINUX_5_10, CHECKS_LINUX, .order = 0, .bad = 0, .pgfree = 1 },
		{ PROFILE_LINUX_5_10, CHECKS_LINUX, .order = 3, .bad = 0, .pgfree = 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_lost(&cases[i]);
}

/* A pageblock that came back is like any other: page lists take its bad pages unseen again. */
TEST(a_bad_page_is_not_noticed_early_when_its_pageblock_came_back)
{
	struct shadow *s = with_movable(PROFILE_LINUX_6_1, CHECKS_LINUX);

	EXPECT_EQ(take(s, GFP_HIGHUSER_MOVABLE, 0), 128);
	isolate(s, 2);
	mark(s, 128, 0, 0);
	unisolate(s, 2);
	EXPECT_EQ(run(s, free_call(128, 0)).leaked, 0);
	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_DRAIN_LOCAL_PAGES }).leaked, 1);
	shadow_destroy(s);
}

/* ---- Single frames ---- */

/*
 * 69 of 64..80:  [64..72 ......][72..80]   72:3, then 64:2, then 70:1, then 68:0 are cut off
 */
TEST(a_frame_is_cut_out_and_the_halves_go_to_the_heads)
{
	struct shadow *s = plain(256);
	struct lb_result r;

	empty(s);
	shadow_buddy_free(s, 64, 4, MT_MOVABLE, false);
	shadow_buddy_free(s, 96, 3, MT_MOVABLE, false);
	r = take_frame(s, 69);
	EXPECT_EQ(r.outcome, LB_BLOCK);
	EXPECT_EQ(r.pfn, 69);
	EXPECT_STR(free_text(s, 0, 3, MT_MOVABLE), "72 96");
	EXPECT_STR(free_text(s, 0, 2, MT_MOVABLE), "64");
	EXPECT_STR(free_text(s, 0, 1, MT_MOVABLE), "70");
	EXPECT_STR(free_text(s, 0, 0, MT_MOVABLE), "68");
	EXPECT_EQ(shadow_free_exact(s, s->zones), 23);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGALLOC], 0);
	EXPECT_EQ(s->zones[0].numa[LB_NUMA_HIT], 0);
	EXPECT_EQ(put_frame(s, 69).outcome, LB_DONE);
	EXPECT_STR(free_text(s, 0, 4, MT_MOVABLE), "64");
	EXPECT_EQ(shadow_free_exact(s, s->zones), 24);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 0);
	shadow_destroy(s);
}

/* The type is that of the pageblock in which the block begins, whatever list it stood on. */
TEST(halves_go_to_the_lists_of_the_pageblocks_type)
{
	struct shadow *s = plain(256);

	empty(s);
	shadow_buddy_free(s, 64, 1, MT_UNMOVABLE, false);
	take_frame(s, 65);
	EXPECT_STR(free_text(s, 0, 0, MT_MOVABLE), "64");
	shadow_destroy(s);
}

TEST(a_frame_of_an_isolated_range_was_not_counted)
{
	struct shadow *s = plain(256);

	isolate(s, 1);
	EXPECT_EQ(take_frame(s, 100).outcome, LB_BLOCK);
	EXPECT_EQ(shadow_free_exact(s, s->zones), 255 - 64);
	EXPECT_EQ(put_frame(s, 100).outcome, LB_DONE);
	EXPECT_EQ(shadow_free_exact(s, s->zones), 255 - 64);
	EXPECT_STR(free_text(s, 0, 6, MT_ISOLATE), "64");
	shadow_destroy(s);
}

TEST(frames_that_are_not_there_or_not_free_are_refused)
{
	struct shadow *s = plain(256);
	int64_t held = take(s, GFP_KERNEL, 1);
	struct lb_call shared = free_call(90, 0), pair = free_call((uint64_t)held, 1);

	expect_refused(take_frame(s, 0), LB_NOT_FRAME);
	expect_refused(take_frame(s, (uint64_t)held), LB_BUSY);
	expect_refused(take_frame(s, (uint64_t)held + 1), LB_BUSY);
	pair.op = OP_PUT_FRAME;
	expect_refused(run(s, pair), LB_NOT_ALLOWED);
	give(s, held, 1); /* now on a page list */
	expect_refused(take_frame(s, (uint64_t)held), LB_BUSY);
	EXPECT_EQ(take_frame(s, 90).outcome, LB_BLOCK);
	shared.op = OP_GET_PAGE;
	run(s, shared);
	expect_refused(put_frame(s, 90), LB_NOT_ALLOWED);
	shared.op = OP_PUT_PAGE;
	run(s, shared);
	shared.op = OP_SET_MAPCOUNT;
	shared.value = 1;
	run(s, shared);
	expect_refused(put_frame(s, 90), LB_NOT_ALLOWED); /* marked */
	s->machine.profile = PROFILE_LINUX_5_10;
	expect_refused(put_frame(s, 90), LB_NO_PROFILE);
	shadow_destroy(s);
}

TEST_MAIN
