/*
 * Counters of a zone: free pages by CPU, NUMA events, vmstat_update (facts 3, 4, 20; readings
 * "Counters").
 */
#include "common.h"

/* ---- What always holds ---- */

static bool deltas_are_small(const struct shadow *s, const struct zone *z)
{
	for (uint32_t cpu = 0; cpu < s->nr_cpus; cpu++) {
		int64_t delta = stat_of(s, z, cpu)->delta;

		if (delta > z->threshold || delta < -z->threshold)
			return false;
	}
	return true;
}

static bool counters_are_right(const struct shadow *s)
{
	for (uint32_t i = 0; i < s->nr_zones; i++)
		if (!EXPECT(deltas_are_small(s, &s->zones[i])) ||
		    !EXPECT_EQ(shadow_free_exact(s, &s->zones[i]), listed_pages(s, &s->zones[i])))
			return false;
	return true;
}

/* Hits and misses are allocations, and so are local and other ones; what one zone missed another got. */
static bool events_add_up(const struct shadow *s, uint64_t allocations)
{
	uint64_t sum[LB_NUMA_COUNT] = { 0 };

	for (uint32_t i = 0; i < s->nr_zones; i++)
		for (unsigned int event = 0; event < LB_NUMA_COUNT; event++)
			sum[event] += s->zones[i].numa[event];
	return EXPECT_EQ(sum[LB_NUMA_HIT] + sum[LB_NUMA_MISS], allocations) &&
	       EXPECT_EQ(sum[LB_NUMA_LOCAL] + sum[LB_NUMA_OTHER], allocations) &&
	       EXPECT_EQ(sum[LB_NUMA_MISS], sum[LB_NUMA_FOREIGN]);
}

static bool run_program(const struct program *program)
{
	struct shadow *s = booted(&program->machine, NULL, 0);
	struct held *held = nothing_held(program);
	uint64_t allocations = 0;
	struct lb_call call;
	bool right = counters_are_right(s);

	for (uint32_t i = 0; i < program->nr_ops && right; i++) {
		if (!resolve(program, &program->ops[i], held, &call))
			continue;

		struct lb_result r = run(s, call);

		allocations += r.outcome == LB_BLOCK;
		follow(&program->ops[i], &r, s->bulk, held);
		right = counters_are_right(s);
	}
	right = right && events_add_up(s, allocations);
	free(held);
	shadow_destroy(s);
	return right;
}

TEST(shared_value_and_deltas_are_what_is_on_the_lists)
{
	const struct generator_options options = {
		.seed = 7, .nr_ops = 100, .misuse = true, .capabilities = predicted_operations
	};
	struct generator *g = generator_create(&options);
	struct program program;

	program_init(&program);
	for (uint32_t i = 0; i < 300; i++) {
		if (!EXPECT(generator_next(g, &program)))
			break;
		program.machine.profile = i % PROFILE_COUNT;
		if (!run_program(&program))
			break;
	}
	program_free(&program);
	generator_destroy(g);
}

TEST(after_boot_everything_is_shared)
{
	struct machine m = bare_machine(256);
	struct shadow *s;

	m.nr_cpus = 3;
	s = booted(&m, NULL, 0);
	EXPECT_EQ(s->zones[0].free, 255);
	for (uint32_t cpu = 0; cpu < 3; cpu++)
		EXPECT_EQ(s->stats[cpu].delta, 0);
	shadow_destroy(s);
}

/* ---- Thresholds and drift marks ---- */

/* One zone of so many managed pages, with marks by hand. */
static struct shadow *set_up(struct shadow *s, uint64_t managed, uint32_t cpus, int64_t min,
			     int64_t low, int64_t high)
{
	struct zone *z = s->zones;

	s->nr_cpus = cpus;
	z->managed = managed;
	z->mark[WMARK_MIN] = min;
	z->mark[WMARK_LOW] = low;
	z->mark[WMARK_HIGH] = high;
	z->drift_mark = 0;
	shadow_stat_setup(s);
	return s;
}

TEST(examples_4_to_6_thresholds)
{
	static const struct {
		uint64_t managed;
		uint32_t cpus;
		int64_t threshold;
	} rows[] = {
		{ 3840, 1, 2 },	 { 14370, 1, 2 },	{ 3840, 2, 4 },	   { 119857, 2, 12 },
		{ 3840, 4, 6 },	 { 752332, 4, 36 },	{ 758281, 4, 36 }, { 32767, 1, 2 },
		{ 32768, 1, 4 }, { 1u << 30, 64, 125 },
	};
	struct machine m = bare_machine(256);
	struct shadow *s = booted(&m, NULL, 0);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_up(s, rows[i].managed, rows[i].cpus, 0, 0, 0);
		EXPECT_EQ(s->zones[0].threshold, rows[i].threshold);
	}
	s->nr_cpus = 1;
	shadow_destroy(s);
}

TEST(there_is_a_drift_mark_only_where_deltas_could_hide_the_way_from_low_to_min)
{
	struct machine m = bare_machine(256);
	struct shadow *s = booted(&m, NULL, 0);

	/* 2 CPUs may hide 4 each */
	EXPECT_EQ(set_up(s, 3840, 2, 22, 29, 36)->zones[0].drift_mark, 36 + 8);
	EXPECT_EQ(set_up(s, 3840, 2, 22, 30, 38)->zones[0].drift_mark, 0);
	s->nr_cpus = 1;
	shadow_destroy(s);
}

TEST(tunables_leave_threshold_and_drift_mark)
{
	struct machine m = bare_machine(256);
	struct shadow *s = booted(&m, NULL, 0);

	EXPECT_EQ(s->zones[0].drift_mark, 2); /* all marks 0: one CPU may hide 2 */
	run(s, (struct lb_call){ .op = OP_SYSCTL, .name = SYSCTL_MIN_FREE_KBYTES, .value = 400 });
	EXPECT(s->zones[0].mark[WMARK_LOW] - s->zones[0].mark[WMARK_MIN] > 2);
	EXPECT_EQ(s->zones[0].drift_mark, 2);
	EXPECT_EQ(s->zones[0].threshold, 2);
	shadow_destroy(s);
}

/* ---- Changes ---- */

TEST(a_delta_goes_to_the_shared_value_when_it_is_beyond_the_threshold)
{
	struct machine m = bare_machine(256);
	struct shadow *s = booted(&m, NULL, 0);
	struct zone *z = s->zones; /* threshold 2 */

	shadow_count_free(s, z, -1);
	shadow_count_free(s, z, -1);
	EXPECT_EQ(z->free, 255);
	EXPECT_EQ(s->stats[0].delta, -2);
	shadow_count_free(s, z, -1);
	EXPECT_EQ(z->free, 252);
	EXPECT_EQ(s->stats[0].delta, 0);
	shadow_count_free(s, z, 2);
	EXPECT_EQ(s->stats[0].delta, 2);
	shadow_count_free(s, z, 64);
	EXPECT_EQ(z->free, 318);
	shadow_destroy(s);
}

TEST(a_refill_counts_once_and_a_drain_each_page)
{
	struct machine m = bare_machine(256);
	struct shadow *s;

	m.pcp_high = 40;
	m.pcp_batch = 4;
	s = booted(&m, NULL, 0);
	take(s, GFP_KERNEL | GFP_MOVABLE, 0);
	EXPECT_EQ(s->zones[0].free, 255 - 4); /* -4 at once is beyond 2 */
	EXPECT_EQ(s->stats[0].delta, 0);
	run(s, (struct lb_call){ .op = OP_DRAIN_LOCAL_PAGES });
	EXPECT_EQ(s->zones[0].free, 254); /* +1 +1 +1 */
	EXPECT_EQ(s->stats[0].delta, 0);
	EXPECT_EQ(take(s, GFP_KERNEL | GFP_MOVABLE, 4), 32);
	EXPECT_EQ(s->zones[0].free, 254 - 16);
	shadow_destroy(s);
}

TEST(whoever_carries_it_out_counts_it)
{
	struct machine m = bare_machine(256);
	struct lb_call call = alloc_call(GFP_KERNEL | GFP_MOVABLE, 0);
	struct shadow *s;

	m.nr_cpus = 2;
	m.pcp_high = 40;
	m.pcp_batch = 3; /* the threshold is 4 */
	s = booted(&m, NULL, 0);
	run(s, call);
	EXPECT_EQ(s->stats[0].delta, -3);
	run(s, (struct lb_call){ .op = OP_DRAIN_ALL_PAGES, .cpu = 1 });
	EXPECT_EQ(s->pcp[0].count, 0);
	EXPECT_EQ(s->stats[0].delta, -3);
	EXPECT_EQ(s->stats[1].delta, 2);
	EXPECT_EQ(s->zones[0].free, 255);
	EXPECT_EQ(shadow_free_exact(s, s->zones), 254);
	shadow_destroy(s);
}

/* ---- Who sees which value ---- */

TEST(marks_see_the_shared_value_and_kswapd_the_exact_one_below_the_drift_mark)
{
	struct machine m = bare_machine(256);
	struct shadow *s = booted(&m, NULL, 0);
	struct zone *z = s->zones;

	for (unsigned int i = 0; i < 3; i++)
		z->mark[i] = 100;
	z->free = 100;
	s->stats[0].delta = 2;
	EXPECT(!shadow_watermark_fast(s, z, 0, ZONE_NORMAL, WMARK_LOW, 0));
	z->free = 101;
	s->stats[0].delta = -2;
	EXPECT(shadow_watermark_fast(s, z, 0, ZONE_NORMAL, WMARK_LOW, 0));
	z->drift_mark = 0;
	EXPECT_EQ(shadow_free_safe(s, z), 101);
	z->drift_mark = 101;
	EXPECT_EQ(shadow_free_safe(s, z), 101); /* not below it */
	z->drift_mark = 102;
	EXPECT_EQ(shadow_free_safe(s, z), 99);
	shadow_kswapd_wake(s, z, 0, ZONE_NORMAL, GFP_KERNEL);
	EXPECT_EQ(s->state->kswapd[0].awake, 1);
	shadow_destroy(s);
}

TEST(a_negative_shared_value_reads_as_none)
{
	struct machine m = bare_machine(256);
	struct shadow *s = booted(&m, NULL, 0);

	s->zones[0].free = -2;
	s->stats[0].delta = 2;
	EXPECT_EQ(shadow_free_shared(s->zones), 0);
	EXPECT_EQ(shadow_free_exact(s, s->zones), 0);
	shadow_destroy(s);
}

/*
 * Two pages more than min are free, of which nobody knows but a CPU: every walk fails, and a round is
 * worth trying. 5.10 counts them once, and 6.1 twice; neither opens the reserve for high atomics before
 * its rounds are used up.
 */
static struct shadow *hidden_pages(enum machine_profile profile, int64_t hidden)
{
	struct machine m = bare_machine(256);
	struct shadow *s;
	struct zone *z;

	m.profile = profile;
	s = booted(&m, NULL, 0);
	z = s->zones;
	empty(s);
	shadow_buddy_free(s, 64, 4, MT_HIGHATOMIC, false);
	shadow_pageblock_set_type(s, 64, MT_HIGHATOMIC);
	shadow_buddy_free(s, 32, 3, MT_MOVABLE, false);
	z->highatomic = 16;
	for (unsigned int i = 0; i < 3; i++)
		z->mark[i] = 9; /* of 24 pages free, less the reserve: 8 */
	z->free = 24 - hidden;
	s->stats[0].delta = hidden;
	return s;
}

TEST(the_exact_count_decides_whether_a_round_is_worth_trying)
{
	struct shadow *s = hidden_pages(PROFILE_LINUX_5_10, 2);

	/* 8 > 9 is not so: no round, the reserve stays shut */
	EXPECT_EQ(run(s, alloc_call(GFP_KERNEL, 0)).outcome, LB_OOM);
	EXPECT_EQ(s->zones[0].highatomic, 16);
	for (unsigned int i = 0; i < 3; i++)
		s->zones[0].mark[i] = 7;
	/* 22 - 16 fails 7, and 24 - 16 passes it: 16 rounds in vain, then the reserve is opened */
	EXPECT_EQ(run(s, alloc_call(GFP_KERNEL, 0)).outcome, LB_BLOCK);
	EXPECT_EQ(s->zones[0].highatomic, 0);
	shadow_destroy(s);

	/* 6.1 opens it whenever no round is worth trying, and here after 16 of them */
	s = hidden_pages(PROFILE_LINUX_6_1, 2);
	EXPECT_EQ(run(s, alloc_call(GFP_KERNEL, 0)).outcome, LB_BLOCK);
	EXPECT_EQ(s->zones[0].highatomic, 0);
	shadow_destroy(s);
}

/* ---- NUMA events ---- */

/* Two nodes of one zone each, a CPU on each. */
static struct shadow *two_nodes(enum machine_profile profile, int64_t high, int64_t batch)
{
	struct machine m = bare_machine(512);

	m.profile = profile;
	m.nr_nodes = m.nr_cpus = m.nr_memory = 2;
	m.memory[0] = (struct machine_range){ .start = 1, .end = 256 };
	m.memory[1] = (struct machine_range){ .start = 256, .end = 512, .node = 1 };
	m.distance[0][1] = m.distance[1][0] = 20;
	m.distance[1][1] = 10;
	m.cpu_node[1] = 1;
	m.pcp_high = high;
	m.pcp_batch = batch;
	return booted(&m, NULL, 0);
}

static void expect_events(const struct shadow *s, unsigned int zone, const char *expect)
{
	static const char *const names[] = { "hit ",	    "miss ",  "foreign ",
					     "interleave ", "local ", "other " };
	char text[128] = "";

	for (unsigned int event = 0; event < LB_NUMA_COUNT; event++)
		for (uint64_t n = 0; n < s->zones[zone].numa[event]; n++)
			strcat(text, names[event]);
	EXPECT_STR(text, expect);
}

TEST(an_allocation_is_a_hit_or_a_miss_and_local_or_not)
{
	struct shadow *s = two_nodes(PROFILE_LINUX_6_1, 40, 1);
	struct lb_call call = alloc_call(GFP_KERNEL, 3);

	run(s, call);
	expect_events(s, 0, "hit local ");
	call.node = 1; /* as wished, but far */
	run(s, call);
	expect_events(s, 1, "hit other ");
	for (unsigned int i = 0; i < 3; i++)
		s->zones[1].mark[i] = 10000;
	call.cpu = 1; /* at home nothing is left for it */
	run(s, call);
	expect_events(s, 1, "hit foreign other ");
	expect_events(s, 0, "hit miss local other ");
	shadow_destroy(s);
}

/* CPU 1 is served by zone 0, since its own zone 1 fails every mark. */
static void expect_remembered(enum machine_profile profile, uint64_t zone_0, uint64_t zone_1)
{
	struct shadow *s = two_nodes(profile, 40, 1);
	struct lb_call call = alloc_call(GFP_KERNEL, 3);

	for (unsigned int i = 0; i < 3; i++)
		s->zones[1].mark[i] = 10000;
	call.cpu = 1;
	run(s, call);
	EXPECT_EQ(s->stats[1].numa_event, zone_0);
	EXPECT_EQ(s->stats[3].numa_event, zone_1);
	EXPECT_EQ(s->stats[0].numa_event + s->stats[2].numa_event, 0);
	shadow_destroy(s);
}

TEST(five_ten_remembers_events_of_both_zones_by_cpu)
{
	expect_remembered(PROFILE_LINUX_5_10, 1, 1);
	expect_remembered(PROFILE_LINUX_6_1, 0, 0);
}

TEST(a_nodemask_chooses_the_preferred_zone)
{
	struct shadow *s = two_nodes(PROFILE_LINUX_6_1, 40, 1);
	struct lb_call call = alloc_call(GFP_KERNEL, 3);

	call.nodemask = 2;
	run(s, call);
	expect_events(s, 1, "hit other ");
	expect_events(s, 0, "");
	shadow_destroy(s);
}

/* ---- vmstat_update ---- */

static void update(struct shadow *s, uint8_t cpu)
{
	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_VMSTAT_UPDATE, .cpu = cpu }).outcome, LB_DONE);
}

TEST(an_update_adds_the_cpus_own_deltas_up)
{
	struct shadow *s = two_nodes(PROFILE_LINUX_6_1, 40, 1);

	s->stats[0].delta = -3; /* zone 0, CPU 0 */
	s->stats[1].delta = 2;	/* zone 0, CPU 1 */
	update(s, 0);
	EXPECT_EQ(s->stats[0].delta, 0);
	EXPECT_EQ(s->stats[1].delta, 2);
	EXPECT_EQ(s->zones[0].free, 255 - 3);
	EXPECT_EQ(s->stats[0].turns, 3);
	EXPECT_EQ(s->stats[1].turns, 0);
	shadow_destroy(s);
}

/* CPU 0 holds 5 pages of node 1 on its lists, and one itself. */
static struct shadow *with_far_pages(enum machine_profile profile)
{
	struct shadow *s = two_nodes(profile, 40, 3);
	struct lb_call call = alloc_call(GFP_KERNEL | GFP_MOVABLE, 0);

	call.node = 1;
	run(s, call);
	call.gfp = GFP_KERNEL;
	run(s, call);
	run(s, call);
	run(s, call);
	run(s, call); /* one MOVABLE and four UNMOVABLE of 3 and 6 */
	EXPECT_EQ(s->pcp[2].count, 4);
	return s;
}

TEST(idle_lists_of_another_node_go_back_after_three_turns)
{
	struct shadow *s = with_far_pages(PROFILE_LINUX_6_1);
	struct cpu_stat *stat = &s->stats[2];

	stat->delta = 1;
	update(s, 0); /* finds the change: three turns, of which it takes one at once */
	EXPECT_EQ(stat->turns, 2);
	update(s, 0);
	EXPECT_EQ(stat->turns, 1);
	EXPECT_EQ(s->pcp[2].count, 4);
	update(s, 0); /* a batch goes: two UNMOVABLE from list 0, one MOVABLE */
	EXPECT_EQ(stat->turns, 0);
	EXPECT_EQ(s->pcp[2].count, 1);
	EXPECT_EQ(s->pcp[2].lists[MT_UNMOVABLE].n, 0);
	EXPECT_EQ(stat->delta, 3); /* of 4, which the next update finds */
	update(s, 0);
	EXPECT_EQ(stat->turns, 2);
	update(s, 0);
	update(s, 0);
	EXPECT_EQ(s->pcp[2].count, 0);
	shadow_destroy(s);
}

TEST(five_ten_gives_idle_lists_back_from_list_one_on)
{
	struct shadow *s = with_far_pages(PROFILE_LINUX_5_10);

	EXPECT_EQ(s->stats[2].numa_event, 1);
	EXPECT_EQ(s->stats[0].numa_event, 0);
	s->stats[2].delta = 0; /* the event alone gives three turns */
	for (int i = 0; i < 3; i++)
		update(s, 0);
	/* MOVABLE 1; UNMOVABLE comes two lists later: 2 */
	EXPECT_EQ(s->pcp[2].lists[MT_MOVABLE].n, 1);
	EXPECT_EQ(s->pcp[2].lists[MT_UNMOVABLE].n, 0);
	shadow_destroy(s);
}

TEST(lists_at_home_stay_and_empty_ones_take_no_turn)
{
	struct shadow *s = two_nodes(PROFILE_LINUX_6_1, 40, 3);

	take(s, GFP_KERNEL, 0);
	EXPECT_EQ(s->pcp[0].count, 2);
	s->stats[0].turns = s->stats[2].turns = 2;
	s->stats[0].delta = s->stats[2].delta = 0;
	update(s, 0);
	EXPECT_EQ(s->stats[0].turns, 0); /* at home: for nothing */
	EXPECT_EQ(s->pcp[0].count, 2);
	EXPECT_EQ(s->stats[2].turns, 2); /* nothing to give back */
	shadow_destroy(s);
}

/* ---- Bad pages in the buddy ---- */

/* The only free block begins with a bad page, 64, at which nobody looked when it came there. */
static struct shadow *with_bad_block(enum machine_profile profile, unsigned int order)
{
	struct machine m = bare_machine(256);
	struct shadow *s;

	m.profile = profile;
	s = booted(&m, NULL, 0);
	empty(s);
	shadow_buddy_free(s, 64, order, MT_MOVABLE, false);
	s->frames[64].mark = MARK_MAPPING;
	s->state->nr_marked = 1;
	return s;
}

TEST(a_bad_block_that_is_met_in_the_buddy_stays_counted_in_5_10)
{
	struct shadow *s = with_bad_block(PROFILE_LINUX_6_1, 4);
	struct lb_result r = run(s, alloc_call(GFP_NOWAIT, 4));

	EXPECT_EQ(r.outcome, LB_NULL);
	EXPECT_EQ(r.leaked, 16);
	EXPECT_EQ(r.warnings, LB_WARN_BAD_PAGE);
	EXPECT_EQ(shadow_free_exact(s, s->zones), 0);
	shadow_destroy(s);
	s = with_bad_block(PROFILE_LINUX_5_10, 4);
	EXPECT_EQ(run(s, alloc_call(GFP_NOWAIT, 4)).leaked, 16);
	EXPECT_EQ(listed_pages(s, s->zones), 0);
	EXPECT_EQ(shadow_free_exact(s, s->zones), 16);
	shadow_destroy(s);
}

TEST(a_refill_loses_bad_pages_and_counts_them_out)
{
	for (uint32_t profile = 0; profile < PROFILE_COUNT; profile++) {
		struct shadow *s = with_bad_block(profile, 2);
		struct lb_result r;

		s->pcp[0].batch = 4;
		r = run(s, alloc_call(GFP_NOWAIT | GFP_MOVABLE, 0));
		EXPECT_EQ(r.pfn, 65);
		EXPECT_EQ(r.leaked, 1);
		EXPECT_STR(pcp_text(s, 0, 0, MT_MOVABLE), "66 67");
		EXPECT_EQ(shadow_free_exact(s, s->zones), 0);
		EXPECT_EQ(s->state->counters[LB_COUNT_PGALLOC], 1);
		shadow_destroy(s);
	}
}

TEST(a_machine_that_checks_at_the_users_end_finds_them_there)
{
	struct shadow *s = with_bad_block(PROFILE_LINUX_6_1, 2);

	s->machine.checks = CHECKS_DEBUG;
	s->pcp[0].batch = 4;
	EXPECT_EQ(run(s, alloc_call(GFP_NOWAIT | GFP_MOVABLE, 0)).pfn, 65);
	EXPECT_EQ(s->state->nr_leaked, 1);
	EXPECT_EQ(s->pcp[0].count, 2);
	shadow_destroy(s);
}

TEST_MAIN
