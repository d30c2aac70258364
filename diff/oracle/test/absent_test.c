/*
 * Nodes that are possible and not there (readings): zonelists by hand, and refusals.
 * The machine: absent_machine() of common.h.
 */
#include "common.h"

/*
 * 0 takes 2 (15 is not 10: load 1), then 1 (20 is not 15: load 1), then 3. So from 1, where 2 and 3 are
 * as far, 3 is cheaper (and gets load 1). From 2: 1 costs 21, 3 costs 20. From 3: 1 and 2 have load 1 each.
 */
TEST(in_6_1_an_absent_node_has_a_list_whose_load_carries_over)
{
	struct machine m = absent_machine(PROFILE_LINUX_6_1);
	struct shadow *s = booted(&m, NULL, 0);

	EXPECT_STR(order_of(s, 0), "2 1 3");
	EXPECT_STR(order_of(s, 1), "1 3 2");
	EXPECT_STR(order_of(s, 2), "2 3 1");
	EXPECT_STR(order_of(s, 3), "3 1 2");
	EXPECT_EQ(s->own[0].n, 0);
	shadow_destroy(s);
}

/* From 1: 2 and 3 are alike, the lower id wins. From 2: 3 (20), then 1 (21). From 3: 2 has a load. */
TEST(in_5_10_an_absent_node_has_none)
{
	struct machine m = absent_machine(PROFILE_LINUX_5_10);
	struct shadow *s = booted(&m, NULL, 0);

	EXPECT_STR(order_of(s, 0), "");
	EXPECT_STR(order_of(s, 1), "1 2 3");
	EXPECT_STR(order_of(s, 2), "2 3 1");
	EXPECT_STR(order_of(s, 3), "3 1 2");
	shadow_destroy(s);
}

/* The same node without memory is there: then 5.10 counts it too, and its list makes loads. */
TEST(a_node_without_memory_is_not_absent)
{
	struct machine m = absent_machine(PROFILE_LINUX_5_10);
	struct shadow *s;

	m.absent_nodes = 0;
	s = booted(&m, NULL, 0);
	EXPECT_STR(order_of(s, 0), "2 1 3");
	/* 0 gave load 3 to 2, and 2 to 1, of four nodes: from 1, 3 has none */
	EXPECT_STR(order_of(s, 1), "1 3 2");
	shadow_destroy(s);
}

static void expect_refused(struct shadow *s, struct lb_call call, enum lb_reason reason)
{
	struct lb_result r = run(s, call);

	EXPECT_EQ(r.outcome, LB_REFUSED);
	EXPECT_EQ(r.reason, reason);
	EXPECT_EQ(r.warnings, 0);
}

TEST(what_names_an_absent_node_is_refused_before_anything_else)
{
	for (uint32_t profile = 0; profile < PROFILE_COUNT; profile++) {
		struct machine m = absent_machine(profile);
		struct shadow *s = booted(&m, NULL, 0);
		struct lb_call call = alloc_call(GFP_KERNEL, 15);

		call.node = 0;
		expect_refused(s, call, LB_BAD_RANGE); /* no word of the order */
		call.order = 0;
		call.gfp |= GFP_MOVABLE | GFP_RECLAIMABLE;
		expect_refused(s, call, LB_BAD_RANGE);
		call.level = LEVEL_NMI;
		expect_refused(s, call, LB_BAD_CONTEXT);
		call = (struct lb_call){ .op = OP_ALLOC_PAGES_BULK, .gfp = GFP_KERNEL, .count = 3 };
		expect_refused(s, call, LB_BAD_RANGE); /* in 5.10 too */
		call.op = OP_ALLOC_PAGES_BULK_LIST;
		expect_refused(s, call, LB_BAD_RANGE);
		call.op = OP_RUN_KSWAPD;
		expect_refused(s, call, LB_BAD_RANGE);
		call.op = OP_DEFERRED_INIT;
		expect_refused(s, call, LB_BAD_RANGE);
		call.node = 1;
		EXPECT_EQ(run(s, call).outcome, LB_DONE);
		call.op = OP_RUN_KSWAPD;
		EXPECT_EQ(run(s, call).outcome, LB_DONE);
		shadow_destroy(s);
	}
}

/* What has no node of its own is not about node 0. */
TEST(what_names_no_node_is_carried_out)
{
	struct machine m = absent_machine(PROFILE_LINUX_6_1);
	struct shadow *s = booted(&m, NULL, 0);

	EXPECT(take(s, GFP_KERNEL, 0) >= 64);
	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_DRAIN_ALL_PAGES }).outcome, LB_DONE);
	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_SET_MEMPOLICY,
					   .name = POLICY_PREFERRED,
					   .nodemask = 0x5 })
			  .outcome,
		  LB_DONE);
	EXPECT_EQ(s->state->tasks[0].nodes, 0x4); /* nodes with memory */
	shadow_destroy(s);
}

TEST_MAIN
