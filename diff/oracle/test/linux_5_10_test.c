/*
 * Profile linux-5.10: what it does otherwise than 6.1, each difference beside its counterpart (facts 3,
 * 4, 6 to 9, 20; readings "Profile linux-5.10").
 */
#include "common.h"

static struct machine of_5_10(uint64_t pages)
{
	struct machine m = bare_machine(pages);

	m.profile = PROFILE_LINUX_5_10;
	return m;
}

static struct machine with_sizes(uint64_t pages, int64_t high, int64_t batch)
{
	struct machine m = of_5_10(pages);

	m.pcp_high = high;
	m.pcp_batch = batch;
	return m;
}

static struct shadow *fresh(enum machine_profile profile)
{
	struct machine m = bare_machine(128);

	m.profile = profile;
	return booted(&m, NULL, 0);
}

static void set_marks(struct zone *z, int64_t pages)
{
	z->mark[WMARK_MIN] = z->mark[WMARK_LOW] = z->mark[WMARK_HIGH] = pages;
}

/* ---- Zonelists ---- */

static struct shadow *four_nodes(enum machine_profile profile, uint8_t distance_0_2)
{
	struct machine m = bare_machine(256);

	m.profile = profile;
	m.nr_nodes = m.nr_memory = 4;
	for (uint32_t n = 0; n < 4; n++) {
		m.memory[n] = (struct machine_range){ .start = n ? 64u * n : 1,
						      .end = 64u * (n + 1),
						      .node = n };
		for (uint32_t k = 0; k < 4; k++)
			m.distance[n][k] = n == k ? 10 : 20;
	}
	m.distance[0][2] = m.distance[2][0] = distance_0_2;
	return booted(&m, NULL, 0);
}

TEST(a_load_is_the_number_of_places_left)
{
	/*
	 * The machine of example 22 with one far pair. Loads after node 0: 1 has 3, 2 has 1. Node 1
	 * gives 3 a load of 3, node 2 gives 3 again 3, and 0 a load of 1. So node 3 sees 0 1, 1 3, 2 1,
	 * where 6.1 has 1 for each.
	 */
	struct shadow *s = four_nodes(PROFILE_LINUX_5_10, 30);

	EXPECT_STR(order_of(s, 0), "0 1 3 2");
	EXPECT_STR(order_of(s, 1), "1 3 2 0");
	EXPECT_STR(order_of(s, 2), "2 3 1 0");
	EXPECT_STR(order_of(s, 3), "3 0 2 1");
	shadow_destroy(s);
	s = four_nodes(PROFILE_LINUX_6_1, 30);
	EXPECT_STR(order_of(s, 3), "3 0 1 2");
	shadow_destroy(s);
}

TEST(uniform_distances_go_round)
{
	struct shadow *s = four_nodes(PROFILE_LINUX_5_10, 20);

	EXPECT_STR(order_of(s, 0), "0 1 2 3");
	EXPECT_STR(order_of(s, 1), "1 2 3 0");
	EXPECT_STR(order_of(s, 2), "2 3 0 1");
	EXPECT_STR(order_of(s, 3), "3 0 1 2");
	shadow_destroy(s);
}

/* ---- Marks ---- */

/* The most pages with which a single page is refused: the lowered mark. */
static int64_t lowered(struct shadow *s, int64_t mark, unsigned int alloc_flags)
{
	int64_t free = 0;

	while (!shadow_watermark_ok(s, s->zones, 0, mark, ZONE_NORMAL, alloc_flags, free + 1))
		free++;
	return free;
}

TEST(example_8_marks_are_lowered_by_high_and_harder)
{
	struct shadow *s = fresh(PROFILE_LINUX_5_10);

	s->zones[0].reserve[ZONE_NORMAL] = 2962;
	EXPECT_EQ(lowered(s, 8393, 0), 8393 + 2962);
	EXPECT_EQ(lowered(s, 8393, ALLOC_HIGH), 4197 + 2962);
	EXPECT_EQ(lowered(s, 8393, ALLOC_HIGH | ALLOC_HARDER), 3148 + 2962);
	EXPECT_EQ(lowered(s, 8393, ALLOC_HARDER), 8393 - 2098 + 2962);
	EXPECT_EQ(lowered(s, 8393, ALLOC_OOM), 4197 + 2962);
	EXPECT_EQ(lowered(s, 8393, ALLOC_HARDER | ALLOC_OOM), 4197 + 2962); /* one or the other */
	EXPECT_EQ(lowered(s, 8393, ALLOC_HIGH | ALLOC_OOM), 2099 + 2962);
	shadow_destroy(s);
}

TEST(the_reserve_is_open_to_harder_and_not_to_high)
{
	struct shadow *s = fresh(PROFILE_LINUX_5_10);
	struct zone *z = s->zones;

	z->highatomic = 32;
	EXPECT_EQ(lowered(s, 8, 0), 40);
	EXPECT_EQ(lowered(s, 8, ALLOC_HIGH), 36);
	EXPECT_EQ(lowered(s, 8, ALLOC_HARDER), 6);
	EXPECT_EQ(lowered(s, 8, ALLOC_OOM), 4);
	empty(s);
	shadow_buddy_free(s, 64, 3, MT_HIGHATOMIC, false);
	EXPECT(!shadow_watermark_ok(s, z, 3, 8, ZONE_NORMAL, 0, 200));
	EXPECT(!shadow_watermark_ok(s, z, 3, 8, ZONE_NORMAL, ALLOC_HIGH, 200));
	EXPECT(shadow_watermark_ok(s, z, 3, 8, ZONE_NORMAL, ALLOC_HARDER, 200));
	EXPECT(shadow_watermark_ok(s, z, 3, 8, ZONE_NORMAL, ALLOC_OOM, 200));
	shadow_destroy(s);
}

/* ---- Page lists: sizes ---- */

TEST(examples_4_and_12_page_list_sizes)
{
	static const struct {
		uint64_t managed;
		int64_t high, batch;
	} rows[] = {
		{ 3840, 0, 1 },	     { 14370, 18, 3 },	  { 8192, 6, 1 },
		{ 16384, 18, 3 },    { 32768, 42, 7 },	  { 65536, 90, 15 },
		{ 131072, 186, 31 }, { 262144, 378, 63 }, { 1u << 24, 378, 63 },
	};
	struct machine m = of_5_10(128);
	struct shadow *s = booted(&m, NULL, 0);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		s->zones[0].managed = rows[i].managed;
		shadow_pcp_set_sizes(s);
		EXPECT_EQ(s->pcp[0].high, rows[i].high);
		EXPECT_EQ(s->pcp[0].batch, rows[i].batch);
	}
	shadow_destroy(s);
}

static void expect_fraction(struct shadow *s, uint64_t managed, int64_t fraction, int64_t high,
			    int64_t batch)
{
	s->zones[0].managed = managed;
	run(s, (struct lb_call){ .op = OP_SYSCTL,
				 .name = SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION,
				 .value = (uint32_t)fraction });
	EXPECT_EQ(s->pcp[0].high, high);
	EXPECT_EQ(s->pcp[0].batch, batch);
}

TEST(a_fraction_of_the_zone_and_a_quarter_of_it_as_batch)
{
	struct machine m = of_5_10(128);
	struct shadow *s;

	m.nr_cpus = 2; /* nobody divides by them */
	s = booted(&m, NULL, 0);
	expect_fraction(s, 8192, 8, 1024, 96);
	expect_fraction(s, 8192, 100, 81, 20);
	expect_fraction(s, 8192, 3000, 2, 1);
	expect_fraction(s, 8192, 9000, 0, 1);
	expect_fraction(s, 8192, 0, 6, 1);
	shadow_destroy(s);
}

TEST(the_machines_own_sizes_stay)
{
	struct machine m = with_sizes(128, 50, 7);
	struct shadow *s = booted(&m, NULL, 0);

	expect_fraction(s, 8192, 8, 50, 7);
	s->machine.pcp_batch = MACHINE_BY_FORMULA;
	expect_fraction(s, 8192, 8, 50, 7); /* the value in force computes nothing */
	expect_fraction(s, 8192, 9, 50, 12);
	shadow_destroy(s);
}

TEST(marks_do_not_matter_to_page_lists)
{
	struct machine m = of_5_10(128);
	struct shadow *s = booted(&m, NULL, 0);

	run(s, (struct lb_call){ .op = OP_SYSCTL, .name = SYSCTL_MIN_FREE_KBYTES, .value = 400 });
	EXPECT(s->zones[0].mark[WMARK_LOW] > 0);
	EXPECT_EQ(s->pcp[0].high, 0);
	EXPECT_EQ(s->pcp[0].batch, 1);
	shadow_destroy(s);
}

/* ---- Page lists: taking and giving back ---- */

TEST(only_single_pages_have_lists_with_or_without_thp)
{
	struct machine m = with_sizes(128, 100, 4);
	struct shadow *s;

	m.thp = 1;
	s = booted(&m, NULL, 0);
	EXPECT_EQ(s->nr_lists, 3);
	for (unsigned int order = 1; order <= s->top_order; order++)
		EXPECT(!shadow_pcp_has_order(s, order));
	EXPECT_EQ(take(s, GFP_KERNEL | GFP_MOVABLE, 1), 16);
	EXPECT_EQ(s->pcp[0].count, 0);
	EXPECT_STR(free_text(s, 0, 1, MT_MOVABLE), "18");
	give(s, 16, 1);
	EXPECT_STR(free_text(s, 0, 4, MT_MOVABLE), "16");
	EXPECT_EQ(take(s, GFP_KERNEL | GFP_MOVABLE, 0), 16);
	EXPECT_STR(pcp_text(s, 0, 0, MT_MOVABLE), "17 18 19"); /* a refill asks for batch pages */
	shadow_destroy(s);
}

/*
 * Frames 1.. of UNMOVABLE, 16.. of MOVABLE and 32.. of RECLAIMABLE on the page lists, freed in this
 * order, so that the lowest of each is the oldest.
 */
static struct shadow *filled(int64_t unmovable, int64_t movable, int64_t reclaimable)
{
	struct machine m = with_sizes(128, 100, 1);
	struct shadow *s = booted(&m, NULL, 0);

	empty(s);
	shadow_pageblock_set_type(s, 32, MT_RECLAIMABLE);
	for (int64_t n = 0; n < unmovable; n++)
		give(s, 1 + n, 0);
	for (int64_t n = 0; n < movable; n++)
		give(s, 16 + n, 0);
	for (int64_t n = 0; n < reclaimable; n++)
		give(s, 32 + n, 0);
	return s;
}

static void expect_left(struct shadow *s, int64_t batch, const char *unmovable, const char *movable,
			const char *reclaimable)
{
	s->pcp[0].batch = batch;
	shadow_pcp_shrink(s, s->zones, 0);
	EXPECT_STR(pcp_text(s, 0, 0, MT_UNMOVABLE), unmovable);
	EXPECT_STR(pcp_text(s, 0, 0, MT_MOVABLE), movable);
	EXPECT_STR(pcp_text(s, 0, 0, MT_RECLAIMABLE), reclaimable);
	shadow_destroy(s);
}

TEST(a_bulk_free_goes_round_from_list_one_and_takes_the_oldest)
{
	expect_left(filled(2, 2, 2), 1, "2 1", "17", "33 32");
	expect_left(filled(2, 2, 2), 2, "2 1", "17", "33");
	expect_left(filled(2, 2, 2), 3, "2", "17", "33");
	expect_left(filled(2, 2, 2), 4, "2", "", "33");
	expect_left(filled(2, 2, 2), 9, "", "", "");
}

TEST(a_list_gives_as_many_pages_as_lists_were_passed_to_come_to_it)
{
	/* MOVABLE 1, then RECLAIMABLE is empty: UNMOVABLE 2, MOVABLE 1, UNMOVABLE 2 */
	expect_left(filled(5, 5, 0), 1, "5 4 3 2 1", "20 19 18 17", "");
	expect_left(filled(5, 5, 0), 2, "5 4 3 2", "20 19 18 17", "");
	expect_left(filled(5, 5, 0), 3, "5 4 3", "20 19 18 17", "");
	expect_left(filled(5, 5, 0), 4, "5 4 3", "20 19 18", "");
	expect_left(filled(5, 5, 0), 6, "5", "20 19 18", "");
	/* UNMOVABLE could give 1 of its 2: MOVABLE gives 2, then all that is asked for */
	expect_left(filled(1, 5, 0), 3, "", "20 19 18", "");
	expect_left(filled(1, 5, 0), 4, "", "20 19", "");
	expect_left(filled(1, 5, 0), 5, "", "20", "");
	/* alone: at once */
	expect_left(filled(5, 0, 0), 4, "5", "", "");
}

TEST(lists_that_are_full_give_a_batch_back)
{
	struct machine m = with_sizes(128, 4, 3);
	struct shadow *s = booted(&m, NULL, 0);

	empty(s);
	for (int64_t pfn = 16; pfn < 19; pfn++)
		give(s, pfn, 0);
	EXPECT_EQ(s->pcp[0].count, 3);
	give(s, 19, 0);
	EXPECT_STR(pcp_text(s, 0, 0, MT_MOVABLE), "19");
	EXPECT_STR(free_text(s, 0, 1, MT_MOVABLE), "16");
	EXPECT_EQ(s->pcp[0].free_factor, 0);
	shadow_destroy(s);
}

TEST(without_high_each_free_gives_a_batch_or_all_there_is)
{
	struct machine m = with_sizes(128, 0, 2);
	struct shadow *s = booted(&m, NULL, 0);
	int64_t p = take(s, GFP_KERNEL | GFP_MOVABLE, 0);

	EXPECT_EQ(s->pcp[0].count, 1);
	give(s, p, 0);
	EXPECT_EQ(s->pcp[0].count, 0);
	EXPECT_EQ(listed_pages(s, s->zones), 127);
	shadow_destroy(s);
}

static void give_as(struct shadow *s, unsigned int type, int64_t pfn)
{
	shadow_pageblock_set_type(s, (uint64_t)pfn, type);
	give(s, pfn, 0);
}

TEST(a_drain_is_one_bulk_free)
{
	/*
	 * MOVABLE 1, UNMOVABLE 2, and so on. Of 32 pages, the chunk of 6.1, 21 are UNMOVABLE and 11
	 * MOVABLE; the next is UNMOVABLE if the round goes on, MOVABLE if it begins again. These two
	 * are buddies, and stand where the later one is freed to.
	 */
	struct machine m = with_sizes(128, 100, 1);
	struct shadow *s = booted(&m, NULL, 0);

	empty(s);
	for (int64_t n = 1; n <= 21; n++)
		give_as(s, MT_UNMOVABLE, 2 * n);
	for (int64_t n = 1; n <= 11; n++)
		give_as(s, MT_MOVABLE, 44 + 2 * n);
	give_as(s, MT_UNMOVABLE, 96);
	give_as(s, MT_MOVABLE, 97);
	give_as(s, MT_UNMOVABLE, 100);
	run(s, (struct lb_call){ .op = OP_DRAIN_ALL_PAGES });
	EXPECT_EQ(s->pcp[0].count, 0);
	EXPECT_STR(free_text(s, 0, 1, MT_MOVABLE), "96");
	EXPECT_STR(free_text(s, 0, 1, MT_UNMOVABLE), "");
	shadow_destroy(s);
}

/* ---- Buddy and fallback ---- */

static const char *joined_with_highatomic(enum machine_profile profile)
{
	static char text[32];
	struct shadow *s = fresh(profile);

	empty(s);
	shadow_pageblock_set_type(s, 64, MT_HIGHATOMIC);
	shadow_buddy_free(s, 64, 4, MT_HIGHATOMIC, false);
	shadow_buddy_free(s, 80, 4, MT_MOVABLE, false);
	snprintf(text, sizeof(text), "%s", free_text(s, 0, 5, MT_MOVABLE));
	shadow_destroy(s);
	return text;
}

TEST(pageblocks_of_all_types_merge)
{
	EXPECT_STR(joined_with_highatomic(PROFILE_LINUX_5_10), "64");
	EXPECT_STR(joined_with_highatomic(PROFILE_LINUX_6_1), "");
}

/* UNMOVABLE of order 5, without mixing below pageblocks, where two MOVABLE ones of order 4 are free. */
static void steal_pageblocks(enum machine_profile profile, const char *unmovable,
			     const char *movable)
{
	struct shadow *s = fresh(profile);

	empty(s);
	shadow_buddy_free(s, 32, 4, MT_MOVABLE, false);
	shadow_buddy_free(s, 64, 4, MT_MOVABLE, false);
	EXPECT_EQ(shadow_buddy_take(s, s->zones, 5, MT_UNMOVABLE, ALLOC_NOFRAGMENT), NIL);
	EXPECT_STR(free_text(s, 0, 4, MT_UNMOVABLE), unmovable);
	EXPECT_STR(free_text(s, 0, 4, MT_MOVABLE), movable);
	shadow_destroy(s);
}

TEST(a_large_request_without_mixing_steals_pageblocks_for_nothing)
{
	steal_pageblocks(PROFILE_LINUX_5_10, "64 32", "");
	steal_pageblocks(PROFILE_LINUX_6_1, "", "64 32");
}

/* ---- High atomics ---- */

static struct shadow *only_highatomic(enum machine_profile profile)
{
	struct shadow *s = fresh(profile);

	empty(s);
	shadow_pageblock_set_type(s, 64, MT_HIGHATOMIC);
	shadow_buddy_free(s, 64, 4, MT_HIGHATOMIC, false);
	s->zones[0].highatomic = 16;
	return s;
}

TEST(the_reserve_serves_harder_requests_of_order_one_and_up)
{
	struct shadow *s = only_highatomic(PROFILE_LINUX_5_10);

	EXPECT_EQ(take(s, GFP_ATOMIC, 1), 64);
	EXPECT_EQ(s->zones[0].highatomic, 16); /* it has its pageblock already */
	EXPECT_EQ(take(s, GFP_ATOMIC | GFP_NOMEMALLOC, 1), -1);
	/* a single page passes the mark, and gets none: no last resort */
	EXPECT_EQ(run(s, alloc_call(GFP_ATOMIC, 0)).reason, LB_NO_BLOCK);
	shadow_destroy(s);
	s = only_highatomic(PROFILE_LINUX_6_1);
	EXPECT_EQ(run(s, alloc_call(GFP_ATOMIC, 0)).outcome, LB_BLOCK);
	shadow_destroy(s);
}

TEST(a_harder_request_reserves_a_pageblock)
{
	struct shadow *s = fresh(PROFILE_LINUX_5_10);
	struct zone *z = s->zones;

	set_marks(z, 127);
	EXPECT_EQ(take(s, GFP_ATOMIC, 2), 4); /* not HIGH: 127 - 31 */
	EXPECT_EQ(z->highatomic, 16);
	EXPECT_EQ(shadow_pageblock_type(s, 4), MT_HIGHATOMIC);
	EXPECT(take(s, GFP_ATOMIC, 0) > 0);
	EXPECT_EQ(z->highatomic, 16); /* single pages reserve nothing */
	shadow_destroy(s);
}

/* ---- The slow path ---- */

static void expect_end(struct shadow *s, struct lb_call call, enum lb_outcome outcome,
		       enum lb_reason reason)
{
	struct lb_result r = run(s, call);

	EXPECT_EQ(r.outcome, outcome);
	EXPECT_EQ(r.reason, reason);
}

/* So many pages are free, in blocks of one page. */
static struct shadow *with_free(enum machine_profile profile, int64_t pages, int64_t mark)
{
	struct shadow *s = fresh(profile);

	empty(s);
	for (int64_t n = 0; n < pages; n++)
		shadow_buddy_free(s, (uint32_t)(2 * n + 1), 0, MT_UNMOVABLE, false);
	shadow_vmstat_update(s, 0);
	set_marks(s->zones, mark);
	return s;
}

TEST(harder_comes_from_the_atomic_bit)
{
	/* of 40: HIGH leaves 20, HARDER 30, both 15 */
	struct lb_call call = alloc_call(GFP_KERNEL, 0);
	struct shadow *s = with_free(PROFILE_LINUX_5_10, 20, 40);

	expect_end(s, alloc_call(GFP_NOWAIT | GFP_HIGH, 0), LB_NULL, LB_NO_WATERMARK);
	expect_end(s, alloc_call(GFP_NOWAIT | GFP_HIGH | GFP_ATOMIC | GFP_NOMEMALLOC, 0), LB_NULL,
		   LB_NO_WATERMARK);
	expect_end(s, alloc_call(GFP_ATOMIC_REQUEST, 0), LB_BLOCK, LB_REASON_NONE);
	shadow_destroy(s);
	/* with DIRECT_RECLAIM the bit is dropped; a real-time task has it of its own */
	s = with_free(PROFILE_LINUX_5_10, 31, 40);
	expect_end(s, alloc_call(GFP_KERNEL | GFP_ATOMIC, 0), LB_OOM, LB_REASON_NONE);
	call.scope = SCOPE_RT;
	expect_end(s, call, LB_BLOCK, LB_REASON_NONE);
	shadow_destroy(s);
	s = with_free(PROFILE_LINUX_5_10, 31, 40);
	call.level = LEVEL_IRQ;
	expect_end(s, call, LB_OOM, LB_REASON_NONE);
	/* NOFAIL's last walk is a harder one, and no higher */
	expect_end(s, alloc_call(GFP_KERNEL | GFP_NOFAIL | GFP_NORETRY, 0), LB_BLOCK,
		   LB_REASON_NONE);
	shadow_destroy(s);
	s = with_free(PROFILE_LINUX_5_10, 30, 40);
	expect_end(s, alloc_call(GFP_KERNEL | GFP_NOFAIL | GFP_NORETRY, 0), LB_LOOP,
		   LB_REASON_NONE);
	shadow_destroy(s);
}

/*
 * A request of node 1, where nothing is left, is served from node 0 by the reserves, which drop its
 * nodemask. It steals there, and the boost wakes kswapd of node 0, for which nobody else asks: if the
 * request still may.
 */
static uint64_t kswapd_after_a_steal(enum machine_profile profile)
{
	struct machine m = bare_machine(512);
	struct lb_call call = alloc_call(GFP_NOWAIT | GFP_MEMALLOC, 0);
	struct shadow *s;
	uint64_t awake;

	m.profile = profile;
	m.nr_nodes = m.nr_memory = 2;
	m.memory[0] = (struct machine_range){ .start = 1, .end = 256 };
	m.memory[1] = (struct machine_range){ .start = 256, .end = 512, .node = 1 };
	m.distance[0][1] = m.distance[1][0] = 20;
	m.distance[1][1] = 10;
	s = booted(&m, NULL, 0);
	empty(s);
	shadow_buddy_free(s, 64, 3, MT_MOVABLE, false);
	set_marks(&s->zones[0], 5);
	set_marks(&s->zones[1], 1000);
	call.nodemask = 2;
	EXPECT_EQ(run(s, call).pfn, 64);
	EXPECT_EQ(s->zones[0].boost, 16);
	EXPECT_EQ(s->zones[0].boosted, 0);
	EXPECT_EQ(s->state->kswapd[1].awake, 1);
	awake = s->state->kswapd[0].awake;
	shadow_destroy(s);
	return awake;
}

TEST(reserves_do_not_wake_kswapd)
{
	EXPECT_EQ(kswapd_after_a_steal(PROFILE_LINUX_5_10), 0);
	EXPECT_EQ(kswapd_after_a_steal(PROFILE_LINUX_6_1), 1);
}

/*
 * A costly request that cannot compact, for want of IO. 32 pages are free, 16 of them reserved for
 * high atomics, and two are known to a CPU alone: every walk fails, every round is worth trying, until
 * the reserve is opened.
 */
static struct lb_result costly_without_io(enum machine_profile profile)
{
	struct shadow *s = fresh(profile);
	struct lb_result r;

	empty(s);
	shadow_pageblock_set_type(s, 64, MT_HIGHATOMIC);
	shadow_buddy_free(s, 64, 4, MT_HIGHATOMIC, false);
	shadow_buddy_free(s, 32, 4, MT_MOVABLE, false);
	s->zones[0].highatomic = 16;
	s->zones[0].free = 30;
	s->stats[0].delta = 2;
	r = run(s, alloc_call(GFP_DIRECT_RECLAIM | GFP_FS | GFP_RETRY_MAYFAIL, 4));
	shadow_destroy(s);
	return r;
}

TEST(a_costly_request_need_not_be_able_to_compact)
{
	EXPECT_EQ(costly_without_io(PROFILE_LINUX_5_10).outcome, LB_BLOCK);
	EXPECT_EQ(costly_without_io(PROFILE_LINUX_6_1).reason, LB_NO_WATERMARK);
}

TEST(scopes_are_applied_in_the_slow_path_and_pins_never)
{
	struct lb_call call = alloc_call(GFP_KERNEL | GFP_MOVABLE | GFP_RECLAIMABLE, 1);
	struct machine m = of_5_10(128);
	struct shadow *s;

	m.movable_start[0] = 64;
	s = booted(&m, NULL, 0);
	call.scope = SCOPE_PIN;
	expect_end(s, call, LB_REFUSED, LB_BAD_TYPE);
	call.gfp = GFP_HIGHUSER_MOVABLE;
	EXPECT_EQ(zone_of(s, run(s, call).pfn)->index, ZONE_MOVABLE);
	s->machine.profile = PROFILE_LINUX_6_1;
	EXPECT_EQ(zone_of(s, run(s, call).pfn)->index, ZONE_NORMAL);
	shadow_destroy(s);

	/* without FS the OOM killer answers yes and kills nobody */
	s = with_free(PROFILE_LINUX_5_10, 0, 10);
	call = alloc_call(GFP_KERNEL, 0);
	expect_end(s, call, LB_OOM, LB_REASON_NONE);
	call.scope = SCOPE_NOFS;
	expect_end(s, call, LB_LOOP, LB_REASON_NONE);
	shadow_destroy(s);
}

TEST(the_reserve_is_opened_after_sixteen_vain_rounds_only)
{
	struct lb_call call = alloc_call(GFP_KERNEL, 0);
	struct shadow *s = only_highatomic(PROFILE_LINUX_5_10);

	expect_end(s, call, LB_OOM, LB_REASON_NONE);
	EXPECT_EQ(s->zones[0].highatomic, 16);
	/* this one may not ask for a victim, and does not give up: it comes to the 17th round */
	call.gfp |= GFP_NOFAIL | GFP_THISNODE;
	expect_end(s, call, LB_BLOCK, LB_REASON_NONE);
	EXPECT_EQ(s->zones[0].highatomic, 0);
	shadow_destroy(s);

	s = only_highatomic(PROFILE_LINUX_6_1);
	expect_end(s, alloc_call(GFP_KERNEL, 0), LB_BLOCK, LB_REASON_NONE);
	EXPECT_EQ(s->zones[0].highatomic, 0);
	shadow_destroy(s);
}

TEST(nothing_to_open_is_a_loop)
{
	struct shadow *s = with_free(PROFILE_LINUX_5_10, 0, 10);

	expect_end(s, alloc_call(GFP_KERNEL | GFP_NOFAIL | GFP_THISNODE, 0), LB_LOOP,
		   LB_REASON_NONE);
	expect_end(s, alloc_call(GFP_KERNEL | GFP_NOFAIL, 4), LB_LOOP, LB_REASON_NONE);
	shadow_destroy(s);
}

/* ---- Bad pages ---- */

TEST(pairs_are_looked_at_when_they_are_freed)
{
	struct machine m = with_sizes(128, 100, 1);
	struct shadow *s = booted(&m, NULL, 0);
	struct lb_call mark = free_call((uint64_t)take(s, GFP_KERNEL, 1), 1);

	mark.op = OP_SET_MAPPING; /* the head: 6.1 would see it when the page list is drained */
	mark.value = 1;
	run(s, mark);
	EXPECT_EQ(run(s, free_call(mark.pfn, 1)).leaked, 2);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 0);
	shadow_destroy(s);
}

TEST_MAIN
