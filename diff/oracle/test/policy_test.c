/*
 * Policies, cpusets and the allowed mask, by the readings.
 *
 *   node 0  1..128      CPU 0          distances: 10 at home, 20 elsewhere
 *   node 1  128..256    CPU 1
 *   node 2  256..384
 *   node 3  no memory
 */
#include "common.h"

static struct machine four_nodes(void)
{
	struct machine m = bare_machine(384);

	m.nr_nodes = 4;
	m.nr_cpus = 2;
	m.cpu_node[1] = 1;
	m.nr_memory = 3;
	for (uint32_t i = 0; i < 3; i++)
		m.memory[i] = (struct machine_range){ .start = i ? 128 * i : 1,
						      .end = 128 * (i + 1),
						      .node = i };
	for (uint32_t i = 0; i < 4; i++)
		for (uint32_t k = 0; k < 4; k++)
			m.distance[i][k] = i == k ? 10 : 20;
	m.pcp_batch = 1;
	m.pcp_high = 100;
	return m;
}

static struct shadow *begin(void)
{
	struct machine m = four_nodes();

	return booted(&m, NULL, 0);
}

static struct lb_result set(struct shadow *s, enum policy_mode mode, uint32_t nodes)
{
	return run(s, (struct lb_call){
			      .op = OP_SET_MEMPOLICY, .name = (uint8_t)mode, .nodemask = nodes });
}

static struct lb_result allow(struct shadow *s, uint32_t nodes)
{
	return run(s, (struct lb_call){ .op = OP_SET_MEMS_ALLOWED, .nodemask = nodes });
}

static struct lb_call wish(uint32_t gfp, unsigned int order)
{
	struct lb_call call = alloc_call(gfp, order);

	call.op = OP_ALLOC_PAGES_POLICY;
	return call;
}

/* The node that a page came from; -1: none came. */
static int node_of(struct shadow *s, struct lb_call call)
{
	struct lb_result r = run(s, call);

	return r.outcome == LB_BLOCK ? zone_of(s, r.pfn)->node : -1;
}

static int node_for(struct shadow *s, uint32_t gfp)
{
	return node_of(s, wish(gfp, 0));
}

static void expect_refused(struct lb_result r, enum lb_reason reason)
{
	EXPECT_EQ(r.outcome, LB_REFUSED);
	EXPECT_EQ(r.reason, reason);
}

static void exhaust(struct shadow *s, uint32_t node)
{
	struct lb_call call = alloc_call(GFP_MEMALLOC | GFP_THISNODE, 0);

	call.node = (int32_t)node;
	while (run(s, call).outcome == LB_BLOCK)
		;
}

/* ---- Setting ---- */

TEST(masks_are_cut_to_what_is_there_and_allowed)
{
	struct shadow *s = begin();
	const struct task *task = &s->state->tasks[0];

	EXPECT_EQ(task->mems_allowed, 0x7);
	EXPECT_EQ(set(s, POLICY_BIND, 0xe).outcome, LB_DONE);
	EXPECT_EQ(task->nodes, 0x6);
	expect_refused(set(s, POLICY_BIND, 0x8), LB_BAD_RANGE);
	expect_refused(set(s, POLICY_INTERLEAVE, 0), LB_BAD_RANGE);
	EXPECT_EQ(task->mode, POLICY_BIND);
	EXPECT_EQ(allow(s, 0x9).outcome, LB_DONE);
	EXPECT_EQ(task->mems_allowed, 0x1);
	EXPECT_EQ(task->nodes, 0x6); /* stays as it is */
	expect_refused(set(s, POLICY_PREFERRED, 0x6), LB_BAD_RANGE);
	expect_refused(allow(s, 0x8), LB_BAD_RANGE);
	EXPECT_EQ(s->state->tasks[1].mems_allowed, 0x7);
	shadow_destroy(s);
}

TEST(who_prefers_nothing_is_local)
{
	struct shadow *s = begin();

	EXPECT_EQ(set(s, POLICY_PREFERRED, 0).outcome, LB_DONE);
	EXPECT_EQ(s->state->tasks[0].mode, POLICY_LOCAL);
	EXPECT_EQ(set(s, POLICY_DEFAULT, 0x6).outcome, LB_DONE);
	EXPECT_EQ(s->state->tasks[0].nodes, 0);
	shadow_destroy(s);
}

TEST(policies_are_set_by_tasks_only)
{
	struct shadow *s = begin();
	struct lb_call call = { .op = OP_SET_MEMPOLICY,
				.level = LEVEL_SOFTIRQ,
				.name = POLICY_PREFERRED_MANY,
				.nodemask = 0x2 };

	s->machine.profile = PROFILE_LINUX_5_10;
	expect_refused(run(s, call), LB_BAD_CONTEXT);
	call.level = LEVEL_TASK;
	expect_refused(run(s, call), LB_NO_PROFILE);
	call.nodemask = 0;
	expect_refused(run(s, call), LB_NO_PROFILE);
	shadow_destroy(s);
}

/* ---- Following ---- */

TEST(a_preferred_node_comes_first_and_others_after_it)
{
	struct shadow *s = begin();

	set(s, POLICY_PREFERRED, 0x6);
	EXPECT_EQ(node_for(s, GFP_KERNEL), 1);
	exhaust(s, 1);
	EXPECT_EQ(node_for(s, GFP_KERNEL), 2); /* as far as node 0, whose lower number costs 1 */
	shadow_destroy(s);
}

TEST(only_alloc_pages_and_its_kin_follow_the_policy)
{
	static const enum opcode followers[] = { OP_ALLOC_PAGE, OP_GET_FREE_PAGES, OP_GET_FREE_PAGE,
						 OP_GET_ZEROED_PAGE, OP_ALLOC_PAGES_POLICY };
	struct shadow *s = begin();
	struct lb_call call;

	set(s, POLICY_BIND, 0x4);
	for (size_t i = 0; i < sizeof(followers) / sizeof(followers[0]); i++) {
		call = alloc_call(GFP_KERNEL, 0);
		call.op = (uint8_t)followers[i];
		EXPECT_EQ(node_of(s, call), 2);
		call.level = LEVEL_IRQ;
		call.gfp = GFP_NOWAIT;
		EXPECT_EQ(node_of(s, call), 0);
		call.level = LEVEL_TASK;
		call.gfp = GFP_KERNEL | GFP_THISNODE;
		EXPECT_EQ(node_of(s, call), 0);
	}
	EXPECT_EQ(node_of(s, alloc_call(GFP_KERNEL, 0)), 0);
	call = (struct lb_call){ .op = OP_ALLOC_PAGES_EXACT, .gfp = GFP_KERNEL, .count = 3 };
	EXPECT_EQ(node_of(s, call), 2);
	call = wish(GFP_KERNEL, 0);
	call.cpu = 1; /* another task */
	EXPECT_EQ(node_of(s, call), 1);
	shadow_destroy(s);
}

TEST(a_bound_task_gets_nothing_elsewhere)
{
	struct shadow *s = begin();

	set(s, POLICY_BIND, 0x2);
	exhaust(s, 1);
	EXPECT_EQ(run(s, wish(GFP_KERNEL, 0)).outcome, LB_OOM);
	EXPECT_EQ(run(s, wish(GFP_KERNEL | GFP_NORETRY, 0)).outcome, LB_NULL);
	EXPECT_EQ(node_for(s, GFP_NOWAIT | GFP_HIGH),
		  0); /* the slow path drops the mask: no CPUSET */
	shadow_destroy(s);
}

/* Node 0 has DMA too: a request for it is below the policy zone, which is Normal. */
TEST(requests_for_low_zones_are_not_bound)
{
	struct machine m = four_nodes();
	struct shadow *s;

	m.dma_end = 64;
	s = booted(&m, NULL, 0);
	set(s, POLICY_BIND, 0x4);
	EXPECT_EQ(node_for(s, GFP_KERNEL), 2);
	EXPECT_EQ(node_for(s, GFP_KERNEL | GFP_DMA), 0);
	shadow_destroy(s);
}

/* Node 2 has Movable only: other requests are not bound to it. */
TEST(nodes_that_have_only_movable_bind_movable_requests)
{
	struct machine m = four_nodes();
	struct shadow *s;

	m.movable_start[2] = 256;
	s = booted(&m, NULL, 0);
	EXPECT_EQ(zone_at(s, 2, ZONE_MOVABLE)->start, 256);
	set(s, POLICY_BIND, 0x4);
	EXPECT_EQ(node_for(s, GFP_KERNEL), 0);
	EXPECT_EQ(node_for(s, GFP_HIGHUSER_MOVABLE), 2);
	shadow_destroy(s);
}

TEST(a_mask_outside_of_the_cpuset_does_not_bind)
{
	struct shadow *s = begin();

	set(s, POLICY_BIND, 0x4);
	allow(s, 0x1);
	EXPECT_EQ(node_for(s, GFP_KERNEL), 0);
	shadow_destroy(s);
}

TEST(interleaving_goes_round_and_counts_its_hits)
{
	struct shadow *s = begin();

	set(s, POLICY_INTERLEAVE, 0x5);
	EXPECT_EQ(node_for(s, GFP_KERNEL), 0);
	EXPECT_EQ(node_for(s, GFP_KERNEL), 2);
	EXPECT_EQ(node_for(s, GFP_KERNEL), 0);
	EXPECT_EQ(s->state->tasks[0].il_prev, 0);
	EXPECT_EQ(zone_at(s, 0, ZONE_NORMAL)->numa[LB_NUMA_INTERLEAVE_HIT], 2);
	EXPECT_EQ(zone_at(s, 2, ZONE_NORMAL)->numa[LB_NUMA_INTERLEAVE_HIT], 1);
	exhaust(s, 2);
	EXPECT_EQ(node_for(s, GFP_KERNEL), 0); /* was to be 2: no mask, and no hit */
	EXPECT_EQ(s->state->tasks[0].il_prev, 2);
	EXPECT_EQ(zone_at(s, 0, ZONE_NORMAL)->numa[LB_NUMA_INTERLEAVE_HIT], 2);
	EXPECT_EQ(run(s, wish(GFP_KERNEL, 9)).reason, LB_NO_ORDER); /* fails, and takes its turn */
	EXPECT_EQ(s->state->tasks[0].il_prev, 0);
	EXPECT_EQ(set(s, POLICY_INTERLEAVE, 0x5).outcome, LB_DONE);
	EXPECT_EQ(s->state->tasks[0].il_prev, LB_NO_NODE);
	shadow_destroy(s);
}

TEST(a_refused_request_takes_no_turn)
{
	struct shadow *s = begin();
	struct lb_call of_no_type = wish(GFP_KERNEL | GFP_MOVABLE | GFP_RECLAIMABLE, 0);

	set(s, POLICY_INTERLEAVE, 0x5);
	expect_refused(run(s, of_no_type), LB_BAD_TYPE);
	EXPECT_EQ(s->state->tasks[0].il_prev, LB_NO_NODE);
	EXPECT_EQ(node_for(s, GFP_KERNEL), 0);
	expect_refused(run(s, of_no_type), LB_BAD_TYPE);
	EXPECT_EQ(s->state->tasks[0].il_prev, 0);
	EXPECT_EQ(node_for(s, GFP_KERNEL), 2);
	shadow_destroy(s);
}

TEST(who_prefers_many_tries_them_gently_and_then_all)
{
	struct shadow *s = begin();
	struct lb_call call = wish(GFP_KERNEL, 0);

	set(s, POLICY_PREFERRED_MANY, 0x6);
	EXPECT_EQ(node_of(s, call), 1); /* of node 0's list without node 0 */
	exhaust(s, 1);
	exhaust(s, 2);
	EXPECT_EQ(node_of(s, call), 0);
	call.order = 7;
	EXPECT_EQ(run(s, call).warnings, LB_WARN_ORDER);
	shadow_destroy(s);
}

/* Each attempt that injection may touch counts; the second one is the request as given. */
TEST(injection_counts_both_attempts)
{
	struct shadow *s = begin();
	struct lb_call call = wish(GFP_NOWAIT, 1);

	set(s, POLICY_PREFERRED_MANY, 0x6);
	call.fail_nth = 1;
	EXPECT_EQ(node_of(s, call), 0); /* the second attempt has no mask */
	call.fail_nth = 2;
	EXPECT_EQ(node_of(s, call), 1);	    /* there was no second attempt */
	call.gfp = GFP_KERNEL | GFP_NOFAIL; /* of which the first attempt has nothing */
	call.fail_nth = 1;
	EXPECT_EQ(node_of(s, call), 0);
	call.gfp = GFP_NOWAIT;
	call.fail_nth = 2;
	exhaust(s, 1);
	exhaust(s, 2);
	EXPECT_EQ(run(s, call).reason, LB_NO_INJECTED);
	call.gfp = GFP_KERNEL;
	EXPECT_EQ(node_of(s, call), 0);
	shadow_destroy(s);
}

/* ---- Cpusets ---- */

enum { GFP_USER_REQUEST = GFP_KERNEL | GFP_HARDWALL };

TEST(a_cpuset_keeps_to_its_nodes_while_they_last)
{
	struct shadow *s = begin();
	struct lb_call irq = alloc_call(GFP_NOWAIT, 0);

	allow(s, 0x4);
	irq.level = LEVEL_IRQ;
	EXPECT_EQ(node_of(s, alloc_call(GFP_KERNEL, 0)), 2);
	EXPECT_EQ(node_of(s, irq), 0);
	exhaust(s, 2);
	EXPECT_EQ(node_of(s, alloc_call(GFP_KERNEL, 0)), 0); /* no hard wall of its own */
	EXPECT_EQ(run(s, alloc_call(GFP_USER_REQUEST, 0)).outcome, LB_OOM);
	EXPECT_EQ(run(s, alloc_call(GFP_USER_REQUEST | GFP_NORETRY, 0)).outcome, LB_NULL);
	shadow_destroy(s);
}

TEST(a_victim_may_leave_its_cpuset)
{
	struct shadow *s = begin();
	struct lb_call call = alloc_call(GFP_USER_REQUEST, 0);

	allow(s, 0x4);
	exhaust(s, 2);
	call.scope = SCOPE_VICTIM;
	call.gfp |= GFP_NOMEMALLOC; /* no reserves, for which cpusets are forgotten anyway */
	EXPECT_EQ(node_of(s, call), 0);
	shadow_destroy(s);
}

/* With a mask of its own the fast path looks zone by zone; what is kept out failed its mark. */
TEST(a_mask_of_its_own_is_tested_zone_by_zone)
{
	struct shadow *s = begin();
	struct lb_call call = alloc_call(GFP_USER_REQUEST | GFP_NORETRY, 0);

	allow(s, 0x4);
	call.nodemask = 0x6;
	EXPECT_EQ(node_of(s, call), 2);
	call.gfp = GFP_KERNEL; /* hard-walled in the fast path all the same */
	EXPECT_EQ(node_of(s, call), 2);
	call.gfp = GFP_USER_REQUEST | GFP_NORETRY;
	call.nodemask = 0x2;
	EXPECT_EQ(run(s, call).reason, LB_NO_WATERMARK);
	EXPECT_EQ(s->trail.kept_out, 0x2);
	shadow_destroy(s);
}

TEST(a_hard_wall_keeps_kswapd_of_other_nodes_asleep)
{
	struct shadow *s = begin();

	for (uint32_t i = 0; i < s->nr_zones; i++)
		s->zones[i].mark[WMARK_HIGH] = s->zones[i].mark[WMARK_LOW] = 1000;
	allow(s, 0x4);
	EXPECT_EQ(node_of(s, alloc_call(GFP_USER_REQUEST, 0)), 2);
	EXPECT_EQ(s->state->kswapd[0].awake, 0);
	EXPECT_EQ(s->state->kswapd[2].awake, 1);
	EXPECT_EQ(node_of(s, alloc_call(GFP_KERNEL, 0)), 0); /* min marks, and no wall */
	EXPECT_EQ(s->state->kswapd[0].awake, 1);
	shadow_destroy(s);
}

TEST(bulk_keeps_to_the_cpuset)
{
	struct shadow *s = begin();
	struct lb_call call = {
		.op = OP_ALLOC_PAGES_BULK_LIST, .gfp = GFP_KERNEL, .node = NODE_NONE, .count = 3
	};

	allow(s, 0x2);
	EXPECT_EQ(run(s, call).count, 3);
	for (uint32_t i = 0; i < 3; i++)
		EXPECT_EQ(zone_of(s, s->bulk[i])->node, 1);
	shadow_destroy(s);
}

/* ---- gfp_allowed_mask ---- */

TEST(what_is_not_allowed_is_taken_out_of_a_request)
{
	struct shadow *s = begin();
	struct lb_call mask = { .op = OP_SET_GFP_ALLOWED_MASK, .gfp = GFP_KSWAPD_RECLAIM },
		       call = alloc_call(GFP_KERNEL | GFP_MOVABLE | GFP_RECLAIMABLE, 0);

	EXPECT_EQ(s->state->gfp_allowed_mask, 0xffffffff);
	EXPECT_EQ(run(s, mask).outcome, LB_DONE);
	EXPECT_EQ(s->state->gfp_allowed_mask, GFP_KSWAPD_RECLAIM | GFP_ZERO | GFP_COMP);
	call.level = LEVEL_IRQ;
	EXPECT_EQ(run(s, call).warnings, 0); /* it does not sleep, and has one type */
	call.order = 7;
	call.gfp |= GFP_NOWARN;
	EXPECT_EQ(run(s, call).warnings, 0); /* of the mask as it was given */
	shadow_destroy(s);
}

TEST_MAIN
