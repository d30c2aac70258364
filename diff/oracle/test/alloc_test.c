/*
 * Allocations from the outside: order of checks, slow path, reserves, and how they end (facts 5, 9;
 * readings).
 */
#include "common.h"

static struct shadow *fresh(void)
{
	struct machine m = bare_machine(128);

	return booted(&m, NULL, 0);
}

/* Takes whole blocks until a request without waiting fails. */
static void exhaust(struct shadow *s)
{
	for (unsigned int order = s->top_order + 1; order-- > 0;)
		while (run(s, alloc_call(GFP_NOWAIT | GFP_NOWARN, order)).outcome == LB_BLOCK)
			;
}

static void expect_end(struct shadow *s, struct lb_call call, enum lb_outcome outcome,
		       enum lb_reason reason)
{
	struct lb_result r = run(s, call);

	EXPECT_EQ(r.outcome, outcome);
	EXPECT_EQ(r.reason, reason);
}

TEST(checks_come_in_the_agreed_order)
{
	struct shadow *s = fresh();
	struct lb_call call = alloc_call(GFP_KERNEL | GFP_MOVABLE | GFP_RECLAIMABLE, 7);
	struct lb_result r;

	call.level = LEVEL_NMI;
	expect_end(s, call, LB_REFUSED, LB_BAD_CONTEXT);
	call.level = LEVEL_IRQ;
	r = run(s, call);
	EXPECT_EQ(r.outcome, LB_NULL);
	EXPECT_EQ(r.reason, LB_NO_ORDER);
	EXPECT_EQ(r.warnings, LB_WARN_ORDER); /* nothing else happens: no word of sleeping */
	call.gfp |= GFP_NOWARN;
	EXPECT_EQ(run(s, call).warnings, 0);
	call.order = 1;
	expect_end(s, call, LB_REFUSED, LB_BAD_TYPE);
	call.scope = SCOPE_PIN; /* clears MOVABLE first */
	r = run(s, call);
	EXPECT_EQ(r.outcome, LB_BLOCK);
	EXPECT_EQ(r.warnings, LB_WARN_SLEEP);
	shadow_destroy(s);
}

TEST(injection_spares_single_pages_and_who_may_wait)
{
	struct shadow *s = fresh();
	struct lb_call call = alloc_call(GFP_NOWAIT, 1);

	call.fail_nth = 1;
	expect_end(s, call, LB_NULL, LB_NO_INJECTED);
	call.fail_nth = 2;
	expect_end(s, call, LB_BLOCK, LB_REASON_NONE);
	call.fail_nth = 1;
	call.order = 0;
	expect_end(s, call, LB_BLOCK, LB_REASON_NONE);
	call.order = 1;
	call.gfp = GFP_KERNEL;
	expect_end(s, call, LB_BLOCK, LB_REASON_NONE);
	call.gfp = GFP_NOWAIT | GFP_HIGHMEM;
	expect_end(s, call, LB_BLOCK, LB_REASON_NONE);
	call.op = OP_GET_FREE_PAGES; /* strips HIGHMEM */
	expect_end(s, call, LB_NULL, LB_NO_INJECTED);
	shadow_destroy(s);
}

TEST(an_empty_machine_ends_in_each_way)
{
	struct shadow *s = fresh();

	exhaust(s);
	EXPECT_EQ(shadow_free_exact(s, &s->zones[0]), 0);
	expect_end(s, alloc_call(GFP_NOWAIT, 0), LB_NULL, LB_NO_WATERMARK);
	expect_end(s, alloc_call(GFP_KERNEL, 0), LB_OOM, LB_REASON_NONE);
	expect_end(s, alloc_call(GFP_KERNEL | GFP_NORETRY, 0), LB_NULL, LB_NO_WATERMARK);
	expect_end(s, alloc_call(GFP_KERNEL | GFP_RETRY_MAYFAIL, 0), LB_NULL, LB_NO_WATERMARK);
	expect_end(s, alloc_call(GFP_KERNEL | GFP_THISNODE, 0), LB_NULL, LB_NO_WATERMARK);
	expect_end(s, alloc_call(GFP_KERNEL, 4), LB_NULL, LB_NO_WATERMARK);
	/* no FS: the OOM killer answers yes and kills nobody */
	expect_end(s, alloc_call(GFP_DIRECT_RECLAIM | GFP_IO, 0), LB_LOOP, LB_REASON_NONE);
	expect_end(s, alloc_call(GFP_KERNEL | GFP_NOFAIL | GFP_NORETRY, 0), LB_LOOP,
		   LB_REASON_NONE);
	expect_end(s, alloc_call(GFP_KERNEL | GFP_NOFAIL, 4), LB_LOOP, LB_REASON_NONE);
	/* NOFAIL without reclaim may fail */
	expect_end(s, alloc_call(GFP_NOFAIL, 0), LB_NULL, LB_NO_WATERMARK);
	/* marks do not count, but there is no block */
	expect_end(s, alloc_call(GFP_NOWAIT | GFP_MEMALLOC, 0), LB_NULL, LB_NO_BLOCK);
	shadow_destroy(s);
}

TEST(victims_are_helped_out_and_then_let_go)
{
	struct shadow *s = fresh();
	struct lb_call call = alloc_call(GFP_KERNEL, 0);

	exhaust(s);
	call.scope = SCOPE_VICTIM;
	expect_end(s, call, LB_NULL, LB_NO_WATERMARK);
	call.gfp |= GFP_NOMEMALLOC;
	expect_end(s, call, LB_NULL, LB_NO_WATERMARK);
	call.level =
		LEVEL_IRQ; /* no reserves there: alloc_flags lack OOM, but NOMEMALLOC lets it go */
	expect_end(s, call, LB_NULL, LB_NO_WATERMARK);
	call.gfp = GFP_KERNEL;
	expect_end(s, call, LB_LOOP, LB_REASON_NONE);
	shadow_destroy(s);
}

TEST(reserves_open_by_flags)
{
	struct shadow *s = fresh();
	struct zone *z = s->zones;
	struct lb_call call = alloc_call(GFP_KERNEL, 0);

	z->mark[WMARK_MIN] = z->mark[WMARK_LOW] = z->mark[WMARK_HIGH] =
		127; /* 127 are free: just not enough */
	expect_end(s, alloc_call(GFP_NOWAIT, 0), LB_NULL, LB_NO_WATERMARK);
	expect_end(s, alloc_call(GFP_ATOMIC_REQUEST, 0), LB_BLOCK, LB_REASON_NONE);
	call.scope = SCOPE_RT;
	expect_end(s, call, LB_BLOCK, LB_REASON_NONE);
	call.level = LEVEL_SOFTIRQ;
	expect_end(s, call, LB_OOM, LB_REASON_NONE); /* not in task level */
	call.scope = SCOPE_MEMALLOC;
	expect_end(s, call, LB_BLOCK, LB_REASON_NONE);
	call.level = LEVEL_IRQ;
	expect_end(s, call, LB_NULL,
		   LB_NO_WATERMARK); /* no reserves, and no reclaim within reclaim */
	call.level = LEVEL_TASK;
	call.scope = SCOPE_VICTIM;
	expect_end(s, call, LB_BLOCK, LB_REASON_NONE);
	shadow_destroy(s);
}

TEST(high_atomics_reserve_a_pageblock_and_use_it)
{
	struct shadow *s = fresh();
	struct zone *z = s->zones;
	struct lb_result r;

	z->mark[WMARK_LOW] = z->mark[WMARK_HIGH] = 127;
	z->mark[WMARK_MIN] = 60;
	r = run(s, alloc_call(GFP_ATOMIC_REQUEST, 2)); /* UNMOVABLE: 4..8 of pageblock 0 */
	EXPECT_EQ(r.pfn, 4);
	EXPECT_EQ(z->highatomic, 16);
	EXPECT_EQ(shadow_pageblock_type(s, 4), MT_HIGHATOMIC);
	EXPECT_STR(free_text(s, 0, 3, MT_HIGHATOMIC), "8");
	r = run(s, alloc_call(GFP_ATOMIC_REQUEST, 4)); /* no such block in the reserve: a steal */
	EXPECT(r.outcome == LB_BLOCK && r.pfn >= 16);
	EXPECT_EQ(z->highatomic, 32); /* 16 is below the limit, 127 / 100 + 16 */
	shadow_highatomic_reserve(s, z, 112);
	EXPECT_EQ(z->highatomic, 32);
	shadow_destroy(s);
}

TEST(nodemask_and_thisnode_leave_no_zone)
{
	struct machine m = bare_machine(256);
	struct lb_call call = alloc_call(GFP_KERNEL, 0);
	struct shadow *s;

	m.nr_nodes = 2;
	m.distance[0][1] = m.distance[1][0] = 20;
	m.distance[1][1] = 10;
	s = booted(&m, NULL, 0);
	call.node = 1;
	expect_end(s, call, LB_BLOCK, LB_REASON_NONE); /* node 0 stands in */
	call.gfp |= GFP_THISNODE;
	expect_end(s, call, LB_NULL, LB_NO_ZONE);
	call.gfp = GFP_NOWAIT;
	call.nodemask = 2;
	expect_end(s, call, LB_NULL, LB_NO_ZONE);
	/* HIGH without reclaim drops the mask in the slow path */
	call.gfp = GFP_ATOMIC_REQUEST;
	call.nodemask = 2;
	expect_end(s, call, LB_NULL, LB_NO_ZONE); /* no zone to begin with: it never gets there */
	shadow_destroy(s);
}

TEST(nofragment_prefers_dma32_to_a_steal)
{
	struct machine m = bare_machine(256);
	struct shadow *s;

	m.dma32_end = 128;
	s = booted(&m, NULL, 0);
	/* UNMOVABLE in Normal: all of it is MOVABLE, and whole pageblocks may be stolen */
	EXPECT_EQ(take(s, GFP_KERNEL, 4), 128);
	EXPECT_EQ(shadow_pageblock_type(s, 128), MT_UNMOVABLE);
	/* take the rest of Normal, and leave 8 pages of a MOVABLE pageblock: DMA32 serves */
	while (shadow_buddy_take_smallest(s, zone_at(s, 0, ZONE_NORMAL), 0, MT_MOVABLE) != NIL)
		;
	while (shadow_buddy_take_smallest(s, zone_at(s, 0, ZONE_NORMAL), 0, MT_UNMOVABLE) != NIL)
		;
	shadow_buddy_free(s, 240, 3, MT_MOVABLE, false);
	EXPECT_EQ(take(s, GFP_KERNEL, 2), 4);
	shadow_destroy(s);
}

TEST_MAIN
