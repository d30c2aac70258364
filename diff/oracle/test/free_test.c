/*
 * Giving back, sharing, splitting, bad pages, misuse (facts 6; ops.def). Blocks of order 4 and 5
 * bypass the page lists.
 */
#include "common.h"

static struct shadow *with_checks(enum machine_checks checks)
{
	struct machine m = bare_machine(256);

	m.checks = checks;
	m.pcp_high = 100;
	m.pcp_batch = 1;
	return booted(&m, NULL, 0);
}

static struct lb_call on_block(enum opcode op, int64_t pfn, unsigned int order)
{
	struct lb_call call = free_call((uint64_t)pfn, order);

	call.op = (uint8_t)op;
	return call;
}

static struct lb_result mark(struct shadow *s, int64_t pfn, unsigned int order, uint32_t page,
			     bool on)
{
	struct lb_call call = on_block(OP_SET_MAPCOUNT, pfn, order);

	call.page = page;
	call.value = on;
	return run(s, call);
}

TEST(a_shared_block_loses_its_upper_halves_and_keeps_a_page)
{
	struct shadow *s = with_checks(CHECKS_LINUX);
	int64_t p = take(s, GFP_KERNEL | GFP_MOVABLE, 6);

	EXPECT_EQ(p, 64);
	EXPECT_EQ(run(s, on_block(OP_GET_PAGE, p, 6)).outcome, LB_DONE);
	give(s, p, 6);
	/*
	 * [64 stays | 65 | 66..68 | 68..72 | 72..80] on page lists of orders 0..3, [80..96 |
	 * 96..128] in the buddy
	 */
	EXPECT_STR(pcp_text(s, 0, 0, MT_MOVABLE), "65");
	EXPECT_STR(pcp_text(s, 0, 0, 3 + MT_MOVABLE), "66");
	EXPECT_STR(pcp_text(s, 0, 0, 9 + MT_MOVABLE), "72");
	EXPECT_STR(free_text(s, 0, 4, MT_MOVABLE),
		   "16 80"); /* to the tail: 96 is free, 64..96 could join it */
	EXPECT_EQ(s->frames[64].refs, 1);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 63);
	give(s, p, 0);
	EXPECT_STR(pcp_text(s, 0, 0, MT_MOVABLE), "64 65");
	shadow_destroy(s);
}

TEST(a_shared_compound_block_loses_nothing)
{
	struct shadow *s = with_checks(CHECKS_LINUX);
	struct lb_call call = free_call((uint64_t)take(s, GFP_KERNEL | GFP_COMP, 5), 5);

	call.compound = 1;
	call.op = OP_GET_PAGE;
	run(s, call);
	call.op = OP_FREE_PAGES_STRUCT;
	EXPECT_EQ(run(s, call).outcome, LB_DONE);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 0);
	call.op = OP_PUT_PAGE;
	EXPECT_EQ(run(s, call).outcome, LB_DONE);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 32);
	shadow_destroy(s);
}

TEST(references_end_at_eight_and_the_last_one_of_a_plain_block_is_not_put)
{
	struct shadow *s = with_checks(CHECKS_LINUX);
	int64_t p = take(s, GFP_KERNEL, 1);

	EXPECT_EQ(run(s, on_block(OP_PUT_PAGE, p, 1)).outcome, LB_REFUSED);
	for (int i = 1; i < 8; i++)
		EXPECT_EQ(run(s, on_block(OP_GET_PAGE, p, 1)).outcome, LB_DONE);
	EXPECT_EQ(run(s, on_block(OP_GET_PAGE, p, 1)).outcome, LB_REFUSED);
	EXPECT_EQ(run(s, on_block(OP_SPLIT_PAGE, p, 1)).outcome, LB_REFUSED);
	EXPECT_EQ(run(s, on_block(OP_PUT_PAGE, p, 1)).outcome, LB_DONE);
	shadow_destroy(s);
}

TEST(a_split_block_is_given_back_page_by_page)
{
	struct shadow *s = with_checks(CHECKS_LINUX);
	int64_t p = take(s, GFP_KERNEL, 2);

	EXPECT_EQ(run(s, on_block(OP_SPLIT_PAGE, p, 2)).outcome, LB_DONE);
	for (int i = 0; i < 4; i++)
		give(s, p + i, 0);
	EXPECT_EQ(s->pcp[0].lists[MT_UNMOVABLE].n, 4);
	shadow_destroy(s);
}

TEST(a_bad_tail_is_noticed_when_the_block_is_freed)
{
	struct shadow *s = with_checks(CHECKS_LINUX);
	int64_t p = take(s, GFP_KERNEL, 2);
	struct lb_result r;

	EXPECT_EQ(mark(s, p, 2, 3, true).outcome, LB_DONE);
	r = run(s, free_call((uint64_t)p, 2));
	EXPECT_EQ(r.outcome, LB_DONE);
	EXPECT_EQ(r.warnings, LB_WARN_BAD_PAGE);
	EXPECT_EQ(r.leaked, 4);
	EXPECT_EQ(s->state->nr_leaked, 4);
	EXPECT_EQ(s->state->nr_marked, 0);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 0);
	shadow_destroy(s);
}

TEST(a_bad_head_on_a_page_list_is_noticed_when_it_leaves_for_the_buddy)
{
	struct shadow *s = with_checks(CHECKS_LINUX);
	int64_t p = take(s, GFP_KERNEL, 2);
	struct lb_result r;

	mark(s, p, 2, 0, true);
	r = run(s, free_call((uint64_t)p, 2));
	EXPECT_EQ(r.warnings, 0);
	EXPECT_EQ(take(s, GFP_KERNEL, 2), p); /* nobody looks at what comes from a page list */
	run(s, free_call((uint64_t)p, 2));
	r = run(s, (struct lb_call){ .op = OP_DRAIN_LOCAL_PAGES });
	EXPECT_EQ(r.warnings, LB_WARN_BAD_PAGE);
	EXPECT_EQ(r.leaked, 4);
	EXPECT_EQ(s->pcp[0].count, 0);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 8);
	shadow_destroy(s);
}

TEST(a_bad_head_that_goes_straight_to_the_buddy_is_noticed_at_once)
{
	struct shadow *s = with_checks(CHECKS_LINUX);
	int64_t p = take(s, GFP_KERNEL, 4);

	mark(s, p, 4, 0, true);
	EXPECT_EQ(run(s, free_call((uint64_t)p, 4)).leaked, 16);
	shadow_destroy(s);
}

TEST(debug_checks_look_at_the_head_too)
{
	struct shadow *s = with_checks(CHECKS_DEBUG);
	int64_t p = take(s, GFP_KERNEL, 0);

	mark(s, p, 0, 0, true);
	EXPECT_EQ(run(s, free_call((uint64_t)p, 0)).leaked, 1);
	EXPECT_EQ(s->pcp[0].count, 0);
	shadow_destroy(s);
}

TEST(a_mark_that_is_cleared_is_no_mark)
{
	struct shadow *s = with_checks(CHECKS_LINUX);
	int64_t p = take(s, GFP_KERNEL, 4);

	mark(s, p, 4, 7, true);
	EXPECT_EQ(s->state->nr_marked, 1);
	mark(s, p, 4, 7, false);
	EXPECT_EQ(s->state->nr_marked, 0);
	EXPECT_EQ(run(s, free_call((uint64_t)p, 4)).leaked, 0);
	shadow_destroy(s);
}

TEST(a_wrong_order_frees_the_front_and_loses_the_rest)
{
	struct shadow *s = with_checks(CHECKS_LINUX);
	int64_t p = take(s, GFP_KERNEL, 5);
	struct lb_call call = on_block(OP_FREE_WRONG_ORDER, p, 5);
	struct lb_result r;

	EXPECT_EQ(run(s, call).reason, LB_BAD_ORDER);
	call.order = 4;
	r = run(s, call);
	EXPECT_EQ(r.outcome, LB_DONE);
	EXPECT_EQ(r.leaked, 16);
	EXPECT_EQ(r.warnings, 0);
	EXPECT_EQ(s->frames[p].kind, FRAME_FREE);
	EXPECT_EQ(s->frames[p + 16].kind, FRAME_LEAKED);
	EXPECT_EQ(s->frames[p + 31].kind, FRAME_LEAKED);
	shadow_destroy(s);
}

TEST(what_would_corrupt_linux_is_refused)
{
	struct shadow *s = with_checks(CHECKS_OFF);
	int64_t p = take(s, GFP_KERNEL, 3);
	struct lb_call call = on_block(OP_FREE_TAIL, p, 3);

	EXPECT_EQ(run(s, call).reason, LB_NOT_ALLOWED);
	call.page = 2;
	EXPECT_EQ(run(s, call).reason, LB_NOT_HEAD);
	EXPECT_EQ(run(s, on_block(OP_DOUBLE_FREE, p, 3)).reason, LB_NOT_HELD);
	EXPECT_EQ(run(s, on_block(OP_FREE_PFN, 300, 0)).reason, LB_NOT_FRAME);
	EXPECT_EQ(mark(s, p, 3, 0, true).reason, LB_NOT_ALLOWED); /* nobody would ever look */
	call = (struct lb_call){ .op = OP_SYSCTL,
				 .name = SYSCTL_WATERMARK_SCALE_FACTOR,
				 .value = 3001 };
	EXPECT_EQ(run(s, call).reason, LB_BAD_RANGE);
	call = (struct lb_call){ .op = OP_RUN_KSWAPD, .node = NODE_NONE };
	EXPECT_EQ(run(s, call).reason, LB_BAD_RANGE);
	shadow_destroy(s);
}

TEST_MAIN
