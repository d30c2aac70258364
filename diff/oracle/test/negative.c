/*
 * Every rule of the shadow is alive: for each there is a planted fault that it, by its id, reports.
 *
 * The fault is planted on the target's side: the shadow is driven with its own predictions, and one
 * word of an export, or one field of a result, lies. The last test asks whether any rule was left
 * out. Rules of rules_boot.def: negative_boot.c.
 */
#include "negative.h"

/* Two nodes with DMA, Normal (2 CPUs, marks by hand); zones 0 0:DMA, 1 0:Normal, 2 1:Normal. */
static struct shadow *fresh(void)
{
	struct machine m = bare_machine(512);

	m.nr_nodes = 2;
	m.nr_cpus = 2;
	m.nr_memory = 2;
	m.memory[0] = (struct machine_range){ .start = 1, .end = 256 };
	m.memory[1] = (struct machine_range){ .start = 256, .end = 512, .node = 1 };
	m.distance[0][1] = m.distance[1][0] = 20;
	m.distance[1][1] = 10;
	m.cpu_node[1] = 1;
	m.dma_end = 64;
	m.pcp_high = 40;
	m.pcp_batch = 4;
	m.reserved[0] = (struct machine_range){ .start = 500, .end = 504 };
	m.nr_reserved = 1;
	return booted(&m, m.reserved, 1);
}

/* ---- Lies in an export ---- */

/* One word more by one, in a state with something everywhere. */
static void expect_word(struct shadow *s, enum lb_state_section type, unsigned int at, bool at_boot,
			enum rule rule)
{
	static struct lie lie;

	state_of(&lie, s);
	++*word_of(&lie, type, 0, at);
	expect_state(&lie, at_boot, rule);
}

TEST(numbers_of_the_state)
{
	static const struct {
		enum lb_state_section type;
		unsigned int at;
		enum rule rule;
	} rows[] = {
		{ LB_STATE_HEADER, 0, RULE_STATE_SECTIONS },
		{ LB_STATE_HEADER, 1, RULE_TIME_TICKS },
		{ LB_STATE_HEADER, 2, RULE_BOOT_GROUPING },
		{ LB_STATE_RESERVED, 1, RULE_BOOT_RESERVED_KEPT },
		{ LB_STATE_TUNABLES, SYSCTL_MIN_FREE_KBYTES, RULE_TUNABLE_MIN_FREE_KBYTES },
		{ LB_STATE_TUNABLES, SYSCTL_WATERMARK_SCALE_FACTOR,
		  RULE_TUNABLE_WATERMARK_SCALE_FACTOR },
		{ LB_STATE_TUNABLES, SYSCTL_WATERMARK_BOOST_FACTOR,
		  RULE_TUNABLE_WATERMARK_BOOST_FACTOR },
		{ LB_STATE_TUNABLES, SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION,
		  RULE_TUNABLE_HIGH_FRACTION },
		{ LB_STATE_TUNABLES, SYSCTL_LOWMEM_RESERVE_RATIO_DMA,
		  RULE_TUNABLE_RESERVE_RATIO_DMA },
		{ LB_STATE_TUNABLES, SYSCTL_LOWMEM_RESERVE_RATIO_DMA32,
		  RULE_TUNABLE_RESERVE_RATIO_DMA32 },
		{ LB_STATE_TUNABLES, SYSCTL_LOWMEM_RESERVE_RATIO_NORMAL,
		  RULE_TUNABLE_RESERVE_RATIO_NORMAL },
		{ LB_STATE_TUNABLES, SYSCTL_COUNT, RULE_TUNABLE_USER_MIN_FREE_KBYTES },
		{ LB_STATE_NODE, 1, RULE_KSWAPD_AWAKE },
		{ LB_STATE_NODE, 2, RULE_KSWAPD_ORDER },
		{ LB_STATE_NODE, 3, RULE_KSWAPD_ZONE_INDEX },
		{ LB_STATE_ZONE, LB_ZONE_START, RULE_BOOT_ZONE_START },
		{ LB_STATE_ZONE, LB_ZONE_SPANNED, RULE_BOOT_ZONE_SPANNED },
		{ LB_STATE_ZONE, LB_ZONE_PRESENT, RULE_BOOT_ZONE_PRESENT },
		{ LB_STATE_ZONE, LB_ZONE_MANAGED, RULE_ZONE_MANAGED },
		{ LB_STATE_ZONE, LB_ZONE_FREE, RULE_ZONE_FREE },
		{ LB_STATE_ZONE, LB_ZONE_MIN, RULE_ZONE_MIN },
		{ LB_STATE_ZONE, LB_ZONE_LOW, RULE_ZONE_LOW },
		{ LB_STATE_ZONE, LB_ZONE_HIGH, RULE_ZONE_HIGH },
		{ LB_STATE_ZONE, LB_ZONE_BOOST, RULE_ZONE_BOOST },
		{ LB_STATE_ZONE, LB_ZONE_BOOSTED_FLAG, RULE_ZONE_BOOSTED_FLAG },
		{ LB_STATE_ZONE, LB_ZONE_HIGHATOMIC, RULE_ZONE_HIGHATOMIC },
		{ LB_STATE_ZONE, LB_ZONE_RESERVE + 2, RULE_ZONE_LOWMEM_RESERVE },
		{ LB_STATE_PCP, 3, RULE_PCP_COUNT },
		{ LB_STATE_PCP, 4, RULE_PCP_HIGH },
		{ LB_STATE_PCP, 5, RULE_PCP_BATCH },
		{ LB_STATE_PCP, 6, RULE_PCP_FREE_FACTOR },
		{ LB_STATE_PCP, 7, RULE_PCP_LISTS },
		{ LB_STATE_PAGEBLOCKS, 2, RULE_PAGEBLOCK_TYPE },
		{ LB_STATE_COUNTERS, LB_COUNT_PGALLOC, RULE_COUNTER_PGALLOC },
		{ LB_STATE_COUNTERS, LB_COUNT_PGFREE, RULE_COUNTER_PGFREE },
		{ LB_STATE_ZONE_STAT, LB_STAT_THRESHOLD, RULE_STAT_THRESHOLD },
		{ LB_STATE_ZONE_STAT, LB_STAT_DRIFT_MARK, RULE_STAT_DRIFT_MARK },
		{ LB_STATE_ZONE_STAT, LB_STAT_FREE, RULE_STAT_FREE_SHARED },
		{ LB_STATE_ZONE_STAT, LB_STAT_ISOLATED, RULE_STAT_ISOLATED },
		{ LB_STATE_ZONE_STAT, LB_STAT_CPU + 0, RULE_STAT_DELTA },
		{ LB_STATE_ZONE_STAT, LB_STAT_CPU + 1, RULE_STAT_TURNS },
		{ LB_STATE_ZONE_STAT, LB_STAT_CPU + 2, RULE_STAT_NUMA_EVENT },
		{ LB_STATE_TASKS, 0, RULE_TASK_CPUSETS_ON },
		{ LB_STATE_TASKS, 1, RULE_TASK_GFP_ALLOWED_MASK },
		{ LB_STATE_TASKS, 2 + 4 + 0, RULE_TASK_POLICY_MODE },
		{ LB_STATE_TASKS, 2 + 4 + 1, RULE_TASK_POLICY_NODES },
		{ LB_STATE_TASKS, 2 + 4 + 2, RULE_TASK_IL_PREV },
		{ LB_STATE_TASKS, 2 + 4 + 3, RULE_TASK_MEMS_ALLOWED },
	};
	struct shadow *s = fresh();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_word(s, rows[i].type, rows[i].at, false, rows[i].rule);
	shadow_destroy(s);
}

TEST(numa_events_of_a_zone)
{
	static const enum rule rules[LB_NUMA_COUNT] = {
		[LB_NUMA_HIT] = RULE_NUMA_HIT,
		[LB_NUMA_MISS] = RULE_NUMA_MISS,
		[LB_NUMA_FOREIGN] = RULE_NUMA_FOREIGN,
		[LB_NUMA_INTERLEAVE_HIT] = RULE_NUMA_INTERLEAVE_HIT,
		[LB_NUMA_LOCAL] = RULE_NUMA_LOCAL,
		[LB_NUMA_OTHER] = RULE_NUMA_OTHER,
	};
	struct shadow *s = fresh();

	for (unsigned int event = 0; event < LB_NUMA_COUNT; event++)
		expect_word(s, LB_STATE_ZONE_STAT, LB_STAT_NUMA + event, false, rules[event]);
	shadow_destroy(s);
}

TEST(numbers_of_boot)
{
	static const struct {
		enum lb_state_section type;
		unsigned int at;
		enum rule rule;
	} rows[] = {
		{ LB_STATE_TUNABLES, SYSCTL_MIN_FREE_KBYTES, RULE_BOOT_MIN_FREE_KBYTES },
		{ LB_STATE_ZONE, LB_ZONE_MANAGED, RULE_BOOT_ZONE_MANAGED },
		{ LB_STATE_ZONE, LB_ZONE_MIN, RULE_BOOT_MIN },
		{ LB_STATE_ZONE, LB_ZONE_LOW, RULE_BOOT_LOW },
		{ LB_STATE_ZONE, LB_ZONE_HIGH, RULE_BOOT_HIGH },
		{ LB_STATE_ZONE, LB_ZONE_RESERVE + 2, RULE_BOOT_LOWMEM_RESERVE },
		{ LB_STATE_PCP, 4, RULE_BOOT_PCP_HIGH },
		{ LB_STATE_PCP, 5, RULE_BOOT_PCP_BATCH },
		{ LB_STATE_PAGEBLOCKS, 2, RULE_BOOT_PAGEBLOCK_TYPE },
		{ LB_STATE_FREE_LIST, 4, RULE_BOOT_FREE_LISTS },
		{ LB_STATE_ZONE_STAT, LB_STAT_THRESHOLD, RULE_BOOT_STAT_THRESHOLD },
		{ LB_STATE_ZONE_STAT, LB_STAT_DRIFT_MARK, RULE_BOOT_STAT_DRIFT_MARK },
		{ LB_STATE_ZONE_STAT, LB_STAT_CPU + 0, RULE_BOOT_STAT_DELTA },
	};
	struct shadow *s = fresh();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_word(s, rows[i].type, rows[i].at, true, rows[i].rule);
	shadow_destroy(s);
}

TEST(a_listed_range_that_boot_gave_away)
{
	struct shadow *s = fresh();
	struct verdict v;

	EXPECT(shadow_compare_listed(s, &v));
	s->frames[502].kind = FRAME_PLAIN; /* as if the target's export had not had it */
	expect_rule(&v, shadow_compare_listed(s, &v), RULE_BOOT_RESERVED_LISTED);
	shadow_destroy(s);
}

TEST(frames_that_boot_kept_for_no_reason)
{
	/*
	 * one zone of 127 pages: memmap 127 * 64 bytes are 2 pages, no percpu: [126, 128) is right,
	 * a page more is not
	 */
	const struct machine_range right = { .start = 126, .end = 128 },
				   more = { .start = 125, .end = 128 };
	struct machine m = bare_machine(128);
	struct shadow *s = booted(&m, &right, 1);
	struct verdict v;

	EXPECT(shadow_compare_reserved_size(s, &v));
	shadow_destroy(s);
	s = booted(&m, &more, 1);
	expect_rule(&v, shadow_compare_reserved_size(s, &v), RULE_BOOT_RESERVED_SIZE);
	EXPECT_EQ(v.expect, 2);
	EXPECT_EQ(v.actual, 3);
	shadow_destroy(s);
}

/* The words of one CPU are named by zone and CPU: here of the last CPU in the last zone. */
TEST(the_counters_of_another_cpu)
{
	static struct lie lie;
	struct verdict v = { .broken = false };
	struct shadow *s = fresh();

	state_of(&lie, s);
	--*word_of(&lie, LB_STATE_ZONE_STAT, 2, LB_STAT_CPU + 3);
	expect_rule(&v, shadow_compare(s, lie.words, false, &v), RULE_STAT_DELTA);
	EXPECT_STR(v.field, "stat[1:Normal:cpu1].delta");
	EXPECT_EQ((int64_t)v.actual, -1);
	shadow_destroy(s);
}

TEST(an_export_without_counters_of_a_zone)
{
	static struct lie lie;
	struct shadow *s = fresh();

	state_of(&lie, s);
	*(word_of(&lie, LB_STATE_ZONE_STAT, 2, 0) - 2) = 99; /* a section that nobody knows */
	expect_state(&lie, false, RULE_STATE_SECTIONS);
	shadow_destroy(s);
}

/* ---- Lies about lists ---- */

/* The section of a free list. */
static uint64_t *list_in(struct lie *lie, uint64_t node, uint64_t index, uint64_t order,
			 uint64_t type)
{
	for (unsigned int nth = 0;; nth++) {
		uint64_t *w = word_of(lie, LB_STATE_FREE_LIST, nth, 0);

		if (w[0] == node && w[1] == index && w[2] == order && w[3] == type)
			return w;
	}
}

static void swap(uint64_t *a, uint64_t *b)
{
	uint64_t was = *a;

	*a = *b;
	*b = was;
}

TEST(another_order_of_a_free_list)
{
	static struct lie lie;
	struct shadow *s = fresh();

	state_of(&lie, s); /* 1:Normal order 6: 256 320 384 */

	uint64_t *w = list_in(&lie, 1, ZONE_NORMAL, 6, MT_MOVABLE);

	swap(&w[4], &w[6]);
	expect_state(&lie, false, RULE_LIST_ORDER);
	shadow_destroy(s);
}

TEST(another_block_on_a_free_list)
{
	static struct lie lie;
	struct shadow *s = fresh();

	state_of(&lie, s);
	list_in(&lie, 1, ZONE_NORMAL, 6, MT_MOVABLE)[4] = 448;
	expect_state(&lie, false, RULE_LIST_MEMBERS);
	shadow_destroy(s);
}

TEST(a_block_on_another_types_list)
{
	static struct lie lie;
	struct shadow *s = fresh();

	state_of(&lie, s);
	list_in(&lie, 0, ZONE_DMA, 0, MT_UNMOVABLE)[3] = MT_RECLAIMABLE;
	expect_state(&lie, false, RULE_LIST_TYPE);
	shadow_destroy(s);
}

TEST(pageblocks_that_were_not_joined)
{
	/*
	 * the target has 256..272 and 272..288 apart, where both may mix: its list of order 4 has
	 * both, ours has order 5
	 */
	static struct lie lie;
	struct shadow *s = fresh(), *other = fresh();

	for (unsigned int i = 0; i < 2; i++) {
		struct shadow *both[] = { s, other };

		EXPECT_EQ(shadow_buddy_take(both[i], &both[i]->zones[2], 6, MT_MOVABLE, 0), 256);
		shadow_buddy_free(both[i], 256, 4, MT_MOVABLE, false);
	}
	/* the fault: a type that may not mix, set while 272 is freed, and taken back */
	shadow_pageblock_set_type(other, 256, MT_HIGHATOMIC);
	shadow_buddy_free(other, 272, 4, MT_MOVABLE, false);
	shadow_pageblock_set_type(other, 256, MT_MOVABLE);
	shadow_buddy_free(s, 272, 4, MT_MOVABLE, false);
	state_of(&lie, other);
	lie.s = s;
	expect_state(&lie, false, RULE_BUDDY_UNMERGED_TYPES);
	shadow_destroy(s);
	shadow_destroy(other);
}

/*
 * A page list in the export: the first list of the first CPU in 0:Normal is (index, n, pages...).
 */
static struct shadow *with_page_list(struct lie *lie, uint64_t **list)
{
	struct shadow *s = fresh();

	take(s, GFP_KERNEL, 0);
	state_of(lie, s);
	*list = word_of(lie, LB_STATE_PCP, 2, 8); /* behind both CPUs of 0:DMA */
	EXPECT_EQ((*list)[0], MT_UNMOVABLE);
	EXPECT_EQ((*list)[1], 3);
	return s;
}

TEST(lies_about_a_page_list)
{
	static struct lie lie;
	uint64_t *list;
	struct shadow *s = with_page_list(&lie, &list);

	swap(&list[2], &list[4]);
	expect_state(&lie, false, RULE_PCP_ORDER);
	shadow_destroy(s);

	s = with_page_list(&lie, &list);
	list[3] += 1000;
	expect_state(&lie, false, RULE_PCP_MEMBERS);
	shadow_destroy(s);

	s = with_page_list(&lie, &list);
	list[3] ^= (uint64_t)MT_RECLAIMABLE << 56;
	expect_state(&lie, false, RULE_PCP_SAVED_TYPE);
	shadow_destroy(s);
}

TEST(lies_about_bad_and_lost_pages)
{
	static struct lie lie;
	struct shadow *s = fresh();
	struct lb_call call = free_call((uint64_t)take(s, GFP_KERNEL, 2), 2);

	call.op = OP_SET_MAPPING;
	call.value = 1;
	run(s, call);
	state_of(&lie, s);
	*word_of(&lie, LB_STATE_BAD_PAGES, 0, 1) = MARK_MAPCOUNT;
	expect_state(&lie, false, RULE_PAGE_MARKED);

	call.op = OP_FREE_WRONG_ORDER;
	call.order = 1;
	EXPECT_EQ(run(s, call).leaked, 2);
	state_of(&lie, s);
	++*word_of(&lie, LB_STATE_LEAKED, 0, 1);
	expect_state(&lie, false, RULE_PAGE_LEAKED);
	shadow_destroy(s);
}

/* ---- Lies in a result ---- */

/* The call is carried out as predicted, and then this is said instead of what came of it. */
static struct lb_result a_block(uint64_t pfn)
{
	return (struct lb_result){ .outcome = LB_BLOCK, .pfn = pfn };
}

static struct lb_result no_block(enum lb_reason reason)
{
	return (struct lb_result){ .outcome = LB_NULL, .reason = (uint8_t)reason };
}

static const struct lb_result nothing_special = { .outcome = LB_DONE };

TEST(what_has_to_be_refused_is_carried_out)
{
	struct shadow *s = fresh();
	struct lb_call nmi = alloc_call(GFP_NOWAIT, 0), injected = alloc_call(GFP_NOWAIT, 1);

	nmi.level = LEVEL_NMI;
	injected.fail_nth = 1;
	expect_result(s, nmi, a_block(128), RULE_CONTEXT_NMI);
	expect_result(s, alloc_call(GFP_KERNEL, 7), a_block(128), RULE_ALLOC_ORDER_LIMIT);
	expect_result(s, alloc_call(GFP_KERNEL, 7), no_block(LB_NO_ORDER),
		      RULE_ALLOC_ORDER_WARNING);
	expect_result(s, alloc_call(GFP_KERNEL | GFP_MOVABLE | GFP_RECLAIMABLE, 0), a_block(128),
		      RULE_TYPE_REFUSED);
	expect_result(s, injected, a_block(128), RULE_ALLOC_INJECTION);
	expect_result(s, alloc_call(GFP_NOWAIT, 1), no_block(LB_NO_INJECTED), RULE_ALLOC_INJECTION);
	expect_result(s, (struct lb_call){ .op = OP_DOUBLE_FREE, .pfn = 128 }, nothing_special,
		      RULE_MISUSE_REFUSED);
	expect_result(s, (struct lb_call){ .op = OP_DRAIN_ALL_PAGES }, no_block(LB_NO_BLOCK),
		      RULE_RESULT_OUTCOME);
	shadow_destroy(s);
}

TEST(sleeping_where_one_must_not_goes_unsaid)
{
	struct shadow *s = fresh();
	struct lb_call call = alloc_call(GFP_KERNEL, 5);

	call.level = LEVEL_IRQ;
	expect_result(s, call, a_block(64),
		      RULE_CONTEXT_SLEEP); /* the largest of node 0, stolen: 64..128, cut */
	shadow_destroy(s);
}

TEST(a_failure_without_need)
{
	struct shadow *s = fresh();

	expect_result(s, alloc_call(GFP_KERNEL, 2), no_block(LB_NO_WATERMARK),
		      RULE_ZONE_UNJUSTIFIED_FAILURE);
	shadow_destroy(s);
}

TEST(a_block_from_the_wrong_zone)
{
	struct shadow *s = fresh();
	struct lb_call masked = alloc_call(GFP_KERNEL, 4);

	expect_result(s, alloc_call(GFP_KERNEL | GFP_DMA, 4), a_block(128), RULE_ZONE_LIMIT);
	masked.nodemask = 1;
	expect_result(s, masked, a_block(320), RULE_ZONE_LIMIT);
	expect_result(s, alloc_call(GFP_KERNEL | GFP_THISNODE, 4), a_block(320), RULE_ZONE_LIMIT);
	expect_result(s, alloc_call(GFP_KERNEL, 4), a_block(320), RULE_NUMA_ORDER);
	for (unsigned int i = 0; i < 3; i++)
		s->zones[1].mark[i] = 1000;
	expect_result(s, alloc_call(GFP_KERNEL, 4), a_block(160), RULE_ZONE_WATERMARK);
	shadow_destroy(s);
}

TEST(another_frame_of_the_right_zone)
{
	struct shadow *s = fresh();

	expect_result(s, alloc_call(GFP_KERNEL | GFP_MOVABLE, 6), a_block(192), RULE_EXACT_FRAME);
	shadow_destroy(s);
}

TEST(a_steal_from_the_wrong_type)
{
	struct shadow *s = fresh();
	struct lb_call call = alloc_call(GFP_KERNEL, 4);

	call.node = 1;
	for (unsigned int type = 0; type < NR_LIST_TYPES; type++)
		while (shadow_buddy_take_smallest(s, &s->zones[2], 0, type) != NIL)
			;
	shadow_pageblock_set_type(s, 256, MT_RECLAIMABLE);
	shadow_buddy_free(s, 256, 4, MT_RECLAIMABLE, false);
	shadow_buddy_free(s, 288, 4, MT_MOVABLE, false);
	expect_result(s, call, a_block(288), RULE_TYPE_FALLBACK_ORDER);
	shadow_destroy(s);
}

TEST(other_ends_of_the_slow_path)
{
	struct shadow *s = fresh();

	for (unsigned int i = 0; i < 3; i++)
		s->zones[i].mark[WMARK_MIN] = s->zones[i].mark[WMARK_LOW] =
			s->zones[i].mark[WMARK_HIGH] = 10000;
	expect_result(s, alloc_call(GFP_DIRECT_RECLAIM | GFP_IO, 0), no_block(LB_NO_WATERMARK),
		      RULE_SLOWPATH_LOOP);
	expect_result(s, alloc_call(GFP_KERNEL, 0), no_block(LB_NO_WATERMARK), RULE_SLOWPATH_OOM);
	expect_result(s, alloc_call(GFP_NOWAIT, 0), no_block(LB_NO_BLOCK), RULE_RESULT_REASON);
	shadow_destroy(s);
}

TEST(bad_pages_unsaid_and_miscounted)
{
	struct shadow *s = fresh();
	struct lb_call call;

	for (int i = 0; i < 2; i++) {
		call = free_call((uint64_t)take(s, GFP_KERNEL, 2), 2);
		call.op = OP_SET_MAPCOUNT;
		call.page = 1;
		call.value = 1;
		run(s, call);
		call.op = OP_FREE_PAGES;
		if (i == 0)
			expect_result(s, call,
				      (struct lb_result){ .outcome = LB_DONE, .leaked = 4 },
				      RULE_PAGE_BAD_NOTICED);
		else
			expect_result(s, call,
				      (struct lb_result){ .outcome = LB_DONE,
							  .warnings = LB_WARN_BAD_PAGE },
				      RULE_PAGE_LEAKED_COUNT);
	}
	shadow_destroy(s);
}

/* ---- Several pages, single frames, policies ---- */

static struct lb_call bulk_call(uint32_t n, uint32_t filled)
{
	return (struct lb_call){ .op = OP_ALLOC_PAGES_BULK,
				 .gfp = GFP_KERNEL,
				 .node = NODE_NONE,
				 .count = n,
				 .value = filled };
}

static struct lb_result filled_up_to(uint32_t count)
{
	return (struct lb_result){ .outcome = LB_DONE, .count = count };
}

TEST(lies_about_a_bulk_allocation)
{
	struct shadow *s = fresh();
	struct lb_call call = bulk_call(5, 0x2);
	uint64_t frames[PROGRAM_MAX_COUNT];
	struct lb_result expect;
	struct verdict v = { .broken = false };

	expect_result(s, call, filled_up_to(4), RULE_BULK_COUNT);
	expect_result(s, call, (struct lb_result){ .outcome = LB_LOOP }, RULE_SLOWPATH_LOOP);
	shadow_exec(s, &call, &expect);
	memcpy(frames, s->bulk, sizeof(frames));
	EXPECT_EQ(frames[1], NO_PFN);
	swap(&frames[2], &frames[3]);
	expect_rule(&v, shadow_judge(s, &call, &expect, &expect, frames, &v), RULE_BULK_FRAMES);
	EXPECT_STR(v.field, "frame[2]");
	shadow_destroy(s);
}

TEST(single_frames_and_ranges_that_ought_to_be_refused)
{
	struct shadow *s = fresh();
	struct lb_call take_it = { .op = OP_TAKE_FRAME, .pfn = 501 }, /* reserved */
		put_it = free_call((uint64_t)take(s, GFP_KERNEL, 2), 2),
		       isolate = { .op = OP_ISOLATE, .value = 0 }; /* pfn 0 is not there */

	put_it.op = OP_PUT_FRAME;
	expect_result(s, take_it, a_block(501), RULE_FRAME_REFUSED);
	expect_result(s, put_it, nothing_special, RULE_FRAME_REFUSED);
	expect_result(s, isolate, nothing_special, RULE_ISOLATE_REFUSED);
	take_it.pfn = 300;
	expect_result(s, take_it, a_block(301), RULE_FRAME_TAKEN);
	shadow_destroy(s);
}

TEST(policies_that_ought_to_be_refused)
{
	struct shadow *s = fresh();
	struct lb_call empty_bind = { .op = OP_SET_MEMPOLICY, .name = POLICY_BIND },
		       from_irq = { .op = OP_SET_MEMPOLICY, .level = LEVEL_IRQ },
		       nowhere = { .op = OP_SET_MEMS_ALLOWED, .nodemask = 0x4 };

	expect_result(s, empty_bind, nothing_special, RULE_POLICY_REFUSED);
	expect_result(s, from_irq, nothing_special, RULE_POLICY_REFUSED);
	expect_result(s, nowhere, nothing_special, RULE_POLICY_REFUSED);
	s->machine.profile = PROFILE_LINUX_5_10;
	expect_result(s, bulk_call(4, 0), filled_up_to(4), RULE_PROFILE_REFUSED);
	shadow_destroy(s);
}

TEST(a_block_from_outside_of_the_cpuset)
{
	struct shadow *s = fresh();
	struct lb_call call = alloc_call(GFP_KERNEL, 4);

	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_SET_MEMS_ALLOWED, .nodemask = 0x2 }).outcome,
		  LB_DONE);
	call.nodemask = 0x3; /* a mask of its own: zone by zone */
	expect_result(s, call, a_block(128), RULE_ZONE_CPUSET);
	shadow_destroy(s);
}

/* ---- Is any rule left out? ---- */

TEST(every_rule_of_the_shadow_was_reported)
{
	static const enum rule rules[] = {
#define RULE(NAME, id, level, sentence, source) RULE_##NAME,
#include "oracle/rules_shadow.def"
#undef RULE
	};

	expect_all_reported(rules, sizeof(rules) / sizeof(rules[0]));
}

TEST_MAIN
