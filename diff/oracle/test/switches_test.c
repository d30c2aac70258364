/*
 * Shuffled lists, guards, and contents of free pages, by the readings. Machines of P = 4, T = 6.
 */
#include "common.h"

static const uint64_t gamma_step = UINT64_C(0x9e3779b97f4a7c15);

static struct lb_call on_freed(int64_t pfn, uint32_t page, uint32_t byte)
{
	return (struct lb_call){ .op = OP_WRITE_FREED,
				 .pfn = (uint64_t)pfn,
				 .page = page,
				 .value = byte,
				 .node = NODE_NONE };
}

static struct lb_call on_frame(enum opcode op, uint64_t pfn)
{
	struct lb_call call = free_call(pfn, 0);

	call.op = (uint8_t)op;
	return call;
}

static void expect_refused(struct lb_result r, enum lb_reason reason)
{
	EXPECT_EQ(r.outcome, LB_REFUSED);
	EXPECT_EQ(r.reason, reason);
}

/* ---- Shuffling ---- */

enum { SEED = 1234567 };

/* Four blocks of the top order: 64, 128, 192, 256. */
static struct shadow *shuffled_by(uint32_t seed)
{
	struct machine m = bare_machine(320);

	m.memory[0].start = 64;
	m.shuffle = seed;
	return booted(&m, NULL, 0);
}

static struct shadow *shuffled(void)
{
	return shuffled_by(SEED);
}

/*
 * The generator's first numbers for this seed are published: 6457827717110365317,
 * 3203168211198807973, 9817491932198370423, 4593380528125082431. Modulo 256 pages and rounded down
 * to 64 they name
 *
 *   192 (for 64)    192 128  64... : 64 <-> 192:  192 128 64 256
 *   192 (for 128)                    128 <-> 192: 128 192 64 256
 *   128 (for 192)                    192 <-> 128: 192 128 64 256
 *   64  (for 256)                    256 <-> 64:  192 128 256 64
 */
TEST(boot_exchanges_blocks_by_the_numbers_of_the_seed)
{
	struct shadow *s = shuffled();

	EXPECT_STR(free_text(s, 0, 6, MT_MOVABLE), "192 128 256 64");
	EXPECT(s->state->shuffle.generator == SEED + 4 * gamma_step);
	EXPECT_EQ(s->state->shuffle.bits, 0);
	EXPECT_EQ(s->state->shuffle.pool, 0);
	shadow_destroy(s);
}

/*
 * Seed 6 names 64 (for 64: itself, again), 192, 128 (for 128: again), 192, 64 (for 192), 128 (for
 * 256): 192 128 64 256, 128 192 64 256, 128 64 192 256, 256 64 192 128.
 */
TEST(a_block_does_not_change_places_with_itself)
{
	struct shadow *s = shuffled_by(6);

	EXPECT_STR(free_text(s, 0, 6, MT_MOVABLE), "256 64 192 128");
	EXPECT(s->state->shuffle.generator == 6 + 6 * gamma_step);
	shadow_destroy(s);
}

/* The fifth number is 16408922859458223821: its lowest bits are, from the lowest, 1 0 1 1. */
TEST(a_freed_block_of_the_top_order_goes_where_the_pool_says)
{
	struct shadow *s = shuffled();

	give(s, take(s, GFP_KERNEL | GFP_MOVABLE, 6), 6);
	EXPECT_STR(free_text(s, 0, 6, MT_MOVABLE), "128 256 64 192");
	EXPECT_EQ(s->state->shuffle.bits, 63);
	EXPECT(s->state->shuffle.pool == UINT64_C(16408922859458223821) >> 1);
	EXPECT(s->state->shuffle.generator == SEED + 5 * gamma_step);
	give(s, take(s, GFP_KERNEL | GFP_MOVABLE, 6), 6);
	EXPECT_STR(free_text(s, 0, 6, MT_MOVABLE), "128 256 64 192");
	give(s, take(s, GFP_KERNEL | GFP_MOVABLE, 6), 6);
	EXPECT_STR(free_text(s, 0, 6, MT_MOVABLE), "256 64 192 128");
	EXPECT_EQ(s->state->shuffle.bits, 61);
	EXPECT(s->state->shuffle.generator == SEED + 5 * gamma_step);
	shadow_destroy(s);
}

TEST(a_pool_that_is_used_up_is_filled_again)
{
	struct shadow *s = shuffled();

	for (unsigned int i = 0; i < 64; i++)
		give(s, take(s, GFP_KERNEL | GFP_MOVABLE, 6), 6);
	EXPECT_EQ(s->state->shuffle.bits, 0);
	EXPECT_EQ(s->state->shuffle.pool, 0);
	give(s, take(s, GFP_KERNEL | GFP_MOVABLE, 6), 6);
	EXPECT_EQ(s->state->shuffle.bits, 63);
	EXPECT(s->state->shuffle.generator == SEED + 6 * gamma_step);
	shadow_destroy(s);
}

TEST(what_is_freed_to_the_tail_or_ends_smaller_asks_nobody)
{
	struct shadow *s = shuffled();
	int64_t a = take(s, GFP_KERNEL | GFP_MOVABLE, 5), b = take(s, GFP_KERNEL | GFP_MOVABLE, 4);

	EXPECT_EQ(a, 192);
	give(s, b, 4); /* 224..256 is whole again, and 192..224 is held */
	EXPECT_EQ(s->state->shuffle.bits, 0);
	give(s, a, 5);
	EXPECT_EQ(s->state->shuffle.bits, 63);
	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_ISOLATE, .value = 1 }).outcome, LB_DONE);
	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_UNISOLATE, .value = 1 }).outcome, LB_DONE);
	EXPECT_EQ(s->state->shuffle.bits, 63);
	shadow_destroy(s);
}

/*
 * Numbers are counted from the zone's start: from an odd one they name no block, ten times for
 * each.
 */
TEST(a_zone_that_starts_off_alignment_is_not_shuffled)
{
	struct machine m = bare_machine(256);
	struct shadow *s;

	m.shuffle = SEED;
	s = booted(&m, NULL, 0);
	EXPECT_STR(free_text(s, 0, 6, MT_MOVABLE), "64 128 192");
	EXPECT(s->state->shuffle.generator == SEED + 30 * gamma_step);
	shadow_destroy(s);
}

TEST(blocks_of_unlike_pageblocks_stay_where_they_are)
{
	struct shadow *s = shuffled();

	for (uint32_t i = 0; i < 4; i++)
		shadow_pageblock_set_type(s, 64 + 64 * i, i);
	shadow_shuffle_zones(s);
	EXPECT_STR(free_text(s, 0, 6, MT_MOVABLE), "192 128 256 64");
	EXPECT(s->state->shuffle.generator != SEED + 4 * gamma_step);
	shadow_destroy(s);
}

TEST(without_shuffle_nothing_is_drawn)
{
	struct machine m = bare_machine(256);
	struct shadow *s = booted(&m, NULL, 0);

	give(s, take(s, GFP_KERNEL | GFP_MOVABLE, 6), 6);
	EXPECT_EQ(s->state->shuffle.generator, 0);
	EXPECT_STR(free_text(s, 0, 6, MT_MOVABLE), "64 128 192");
	shadow_destroy(s);
}

/* ---- Guards ---- */

static struct shadow *guarded(uint32_t guard_order)
{
	struct machine m = bare_machine(256);

	m.pcp_batch = 1;
	m.pcp_high = 100;
	m.debug_pagealloc = 1;
	m.guard_order = guard_order;
	return booted(&m, NULL, 0);
}

/* Everything is taken, and what a test then frees is all there is. Nothing is a guard. */
static void empty_without_guards(struct shadow *s)
{
	uint32_t guard_order = s->machine.guard_order;

	s->machine.guard_order = 0;
	empty(s);
	s->machine.guard_order = guard_order;
}

static bool is_guard(const struct shadow *s, uint32_t pfn, unsigned int order)
{
	return s->frames[pfn].kind == FRAME_GUARD && s->frames[pfn].order == order;
}

/*
 *           64     65     66..68  68..72  72..80
 * cut for   taken  guard  guard   guard   free     with guard_order 3
 */
TEST(halves_below_the_guard_order_are_on_no_list)
{
	struct shadow *s = guarded(3);

	empty_without_guards(s);
	shadow_buddy_free(s, 64, 4, MT_MOVABLE, false);
	EXPECT_EQ(take(s, GFP_NOWAIT | GFP_MOVABLE, 0), 64);
	EXPECT(is_guard(s, 65, 0) && is_guard(s, 66, 1) && is_guard(s, 68, 2));
	EXPECT_STR(free_text(s, 0, 3, MT_MOVABLE), "72");
	EXPECT_EQ(listed_pages(s, s->zones), 8);
	EXPECT_EQ(shadow_free_exact(s, s->zones), 8);
	EXPECT_EQ(s->state->nr_guards, 3);
	shadow_destroy(s);
}

/*
 * A CPU keeps up to 2 pages to itself. From 16: guards -4 (12), -2 (kept), -1 (-3: 9), block -1
 * (kept). Back: block +1 (0), guards +1 (kept), +2 (3: 12), +4 (16).
 */
TEST(guards_leave_before_the_block_and_come_back_after_it)
{
	struct shadow *s = guarded(3);

	empty_without_guards(s);
	shadow_buddy_free(s, 64, 4, MT_MOVABLE, false);
	EXPECT_EQ(s->zones[0].threshold, 2);
	EXPECT_EQ(s->zones[0].free, 16);
	give(s, take(s, GFP_NOWAIT | GFP_MOVABLE, 0), 0);
	EXPECT_EQ(s->zones[0].free, 9);
	EXPECT_EQ(s->stats[0].delta, -1);
	run(s, (struct lb_call){ .op = OP_DRAIN_LOCAL_PAGES });
	EXPECT_STR(free_text(s, 0, 4, MT_MOVABLE), "64");
	EXPECT_EQ(s->zones[0].free, 16);
	EXPECT_EQ(s->stats[0].delta, 0);
	EXPECT_EQ(s->state->nr_guards, 0);
	shadow_destroy(s);
}

TEST(a_guard_makes_its_neighbour_likely_to_merge)
{
	struct shadow *s = guarded(2);

	empty_without_guards(s);
	shadow_buddy_free(s, 64, 2, MT_MOVABLE, false);
	EXPECT_EQ(shadow_buddy_take_smallest(s, s->zones, 1, MT_MOVABLE), 64);
	EXPECT(is_guard(s, 66, 1));
	shadow_buddy_free(s, 80, 0, MT_MOVABLE, false);
	shadow_buddy_free(s, 64, 0, MT_MOVABLE, false);
	EXPECT_STR(free_text(s, 0, 0, MT_MOVABLE), "80 64");
	shadow_buddy_free(s, 84, 0, MT_MOVABLE, false); /* nothing is free beside 84..86 */
	EXPECT_STR(free_text(s, 0, 0, MT_MOVABLE), "84 80 64");
	shadow_destroy(s);
}

TEST(a_guard_order_of_nought_guards_nothing)
{
	struct shadow *s = guarded(0);

	take(s, GFP_NOWAIT | GFP_MOVABLE, 0);
	EXPECT_EQ(s->state->nr_guards, 0);
	shadow_destroy(s);
}

/* [64 .. 72) cut for 70: 64..68 and 68..70 and 71 become guards, 72.., 80.., 96.. are listed. */
TEST(a_frame_that_is_taken_off_leaves_guards_which_nobody_takes)
{
	struct shadow *s = guarded(3);
	struct zone *z = s->zones;

	EXPECT_EQ(run(s, on_frame(OP_TAKE_FRAME, 70)).outcome, LB_BLOCK);
	EXPECT(is_guard(s, 64, 2) && is_guard(s, 68, 1) && is_guard(s, 71, 0));
	EXPECT_EQ(shadow_free_exact(s, z), 255 - 8);
	expect_refused(run(s, on_frame(OP_TAKE_FRAME, 69)), LB_BUSY);
	give(s, 70, 0); /* to a page list */
	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_ISOLATE, .value = 1 }).outcome, LB_DONE);
	EXPECT_EQ(shadow_free_exact(s, z), 255 - 64);
	EXPECT(is_guard(s, 64, 2));
	run(s, (struct lb_call){ .op = OP_DRAIN_LOCAL_PAGES });
	EXPECT_EQ(s->state->nr_guards, 0);
	EXPECT_STR(free_text(s, 0, 6, MT_ISOLATE), "64");
	EXPECT_EQ(shadow_free_exact(s, z), 255 - 64); /* isolated: neither frame nor guards count */
	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_UNISOLATE, .value = 1 }).outcome, LB_DONE);
	EXPECT_EQ(shadow_free_exact(s, z), 255);
	shadow_destroy(s);
}

TEST(guards_cut_from_isolated_blocks_were_not_counted)
{
	struct shadow *s = guarded(3);

	run(s, (struct lb_call){ .op = OP_ISOLATE, .value = 1 });
	EXPECT_EQ(run(s, on_frame(OP_TAKE_FRAME, 70)).outcome, LB_BLOCK);
	EXPECT(is_guard(s, 64, 2));
	EXPECT_EQ(shadow_free_exact(s, s->zones), 255 - 64);
	shadow_destroy(s);
}

/*
 * Guards of a pageblock: order 4 with P = 4, T = 9. 512..528 is one, 528..544 is free beside it since
 * their types did not mix. When the range is no longer isolated nothing keeps them apart.
 */
TEST(a_guard_of_a_pageblock_is_joined_when_its_range_comes_back)
{
	struct machine m = bare_machine(1024);
	struct shadow *s;

	m.memory[0].start = 512;
	m.top_order = 9;
	m.debug_pagealloc = 1;
	m.guard_order = 5;
	s = booted(&m, NULL, 0);
	run(s, on_frame(OP_TAKE_FRAME, 531));
	EXPECT(is_guard(s, 512, 4));
	shadow_pageblock_set_type(s, 512, MT_HIGHATOMIC);
	run(s, on_frame(OP_PUT_FRAME, 531));
	EXPECT_STR(free_text(s, 0, 4, MT_MOVABLE), "528");
	EXPECT_EQ(s->state->nr_guards, 1);
	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_ISOLATE, .value = 1 }).outcome, LB_DONE);
	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_UNISOLATE, .value = 1 }).outcome, LB_DONE);
	EXPECT_EQ(s->state->nr_guards, 0);
	EXPECT_STR(free_text(s, 0, 9, MT_MOVABLE), "512");
	EXPECT_EQ(shadow_free_exact(s, s->zones), 512);
	shadow_destroy(s);
}

/* ---- Who looks, with debug_pagealloc ---- */

static struct shadow *checking(enum machine_checks checks, bool debug_pagealloc)
{
	struct machine m = bare_machine(256);

	m.pcp_batch = 4;
	m.pcp_high = 100;
	m.checks = checks;
	m.debug_pagealloc = debug_pagealloc;
	return booted(&m, NULL, 0);
}

/* A bad page in a free block or on a page list, however it came there. */
static void plant(struct shadow *s, uint32_t pfn)
{
	s->frames[pfn].mark = MARK_MAPCOUNT;
	s->state->nr_marked++;
}

static struct lb_result freed_bad(struct shadow *s)
{
	struct lb_call call = free_call((uint64_t)take(s, GFP_NOWAIT, 0), 0);

	call.op = OP_SET_MAPCOUNT;
	call.value = 1;
	run(s, call);
	call.op = OP_FREE_PAGES;
	return run(s, call);
}

TEST(debug_pagealloc_looks_at_both_ends)
{
	static const struct {
		enum machine_checks checks;
		bool debug_pagealloc;
		uint32_t freed, refilled, handed_out, drained; /* frames lost there */
	} rows[] = {
		{ CHECKS_LINUX, false, 0, 1, 0, 1 }, { CHECKS_LINUX, true, 1, 1, 1, 1 },
		{ CHECKS_DEBUG, false, 1, 0, 1, 0 }, { CHECKS_DEBUG, true, 1, 1, 1, 1 },
		{ CHECKS_OFF, true, 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct shadow *s = checking(rows[i].checks, rows[i].debug_pagealloc);

		EXPECT_EQ(freed_bad(s).leaked, rows[i].freed);
		shadow_rewind(s);
		plant(s, 17); /* the second page of a refill from 16..32 */
		EXPECT_EQ(run(s, alloc_call(GFP_NOWAIT | GFP_MOVABLE, 0)).leaked, rows[i].refilled);
		shadow_rewind(s);
		take(s, GFP_NOWAIT | GFP_MOVABLE, 0);
		plant(s, 17); /* now the first one of the list */
		EXPECT_EQ(run(s, alloc_call(GFP_NOWAIT | GFP_MOVABLE, 0)).leaked,
			  rows[i].handed_out);
		shadow_rewind(s);
		take(s, GFP_NOWAIT | GFP_MOVABLE, 0);
		plant(s, 17);
		EXPECT_EQ(run(s, (struct lb_call){ .op = OP_DRAIN_LOCAL_PAGES }).leaked,
			  rows[i].drained);
		shadow_destroy(s);
	}
}

/* ---- Contents ---- */

static struct shadow *filling(bool poison, bool init_on_free)
{
	struct machine m = bare_machine(256);

	m.pcp_batch = 1;
	m.pcp_high = 100;
	m.page_poison = poison;
	m.init_on_free = init_on_free;
	return booted(&m, NULL, 0);
}

static unsigned int warnings_of_next(struct shadow *s, unsigned int order)
{
	return run(s, alloc_call(GFP_NOWAIT, order)).warnings;
}

TEST(a_write_to_a_poisoned_page_is_noticed_and_a_flip_is_named)
{
	enum { FLIP = LB_WARN_POISON | LB_WARN_BIT_FLIP };
	static const struct {
		int first, last; /* byte; -1: none */
		unsigned int warnings;
	} rows[] = {
		{ -1, 0xaa, 0 },
		{ -1, 0xab, FLIP },
		{ -1, 0x2a, FLIP },
		{ -1, 0xa8, FLIP },
		{ -1, 0xa9, LB_WARN_POISON },
		{ -1, 0x00, LB_WARN_POISON },
		{ -1, 0x55, LB_WARN_POISON },
		{ 0x00, 0xab, FLIP },
		{ 0xab, 0xaa, 0 },
		{ 0xab, 0x1ff, LB_WARN_POISON },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct shadow *s = filling(true, false);
		int64_t p = take(s, GFP_NOWAIT, 0);

		give(s, p, 0);
		if (rows[i].first >= 0)
			run(s, on_freed(p, 0, (uint32_t)rows[i].first));
		EXPECT_EQ(run(s, on_freed(p, 0, (uint32_t)rows[i].last)).outcome, LB_DONE);
		EXPECT_EQ(s->state->nr_dirty, rows[i].warnings != 0);
		EXPECT_EQ(warnings_of_next(s, 0), rows[i].warnings);
		EXPECT_EQ(s->state->nr_dirty, 0);
		shadow_destroy(s);
	}
}

TEST(a_written_page_is_noticed_with_whatever_block_it_is_in)
{
	struct shadow *s = filling(true, false);
	int64_t p = take(s, GFP_KERNEL | GFP_MOVABLE, 6);

	EXPECT_EQ(p, 64);
	give(s, p, 6);
	run(s, on_freed(p, 17, 0));
	run(s, on_freed(p, 40, 0xab));
	EXPECT_EQ(run(s, alloc_call(GFP_KERNEL | GFP_MOVABLE, 5)).warnings, 0); /* 32..64 */
	EXPECT_EQ(run(s, alloc_call(GFP_KERNEL | GFP_MOVABLE, 5)).warnings, LB_WARN_POISON);
	EXPECT_EQ(run(s, alloc_call(GFP_KERNEL | GFP_MOVABLE, 5)).warnings,
		  LB_WARN_POISON | LB_WARN_BIT_FLIP);
	shadow_destroy(s);
}

TEST(a_page_that_is_put_back_is_as_its_holder_left_it)
{
	struct shadow *s = filling(true, false);

	run(s, on_frame(OP_TAKE_FRAME, 1));
	EXPECT_EQ(run(s, on_frame(OP_PUT_FRAME, 1)).outcome, LB_DONE);
	EXPECT_EQ(s->frames[1].contents, CONTENTS_OF_HOLDER);
	run(s, on_freed(1, 0, 0xaa)); /* one byte of many */
	EXPECT_EQ(warnings_of_next(s, 0), LB_WARN_POISON);

	run(s, on_frame(OP_TAKE_FRAME, 2));
	run(s, on_frame(OP_PUT_FRAME, 2));
	run(s, on_frame(OP_TAKE_FRAME, 2)); /* nobody looks, and it is free no longer */
	EXPECT_EQ(s->state->nr_dirty, 0);
	give(s, 2, 0);
	EXPECT_EQ(s->state->nr_dirty, 0); /* a free as usual fills it */
	shadow_destroy(s);
}

TEST(init_on_free_complains_of_nothing_and_remembers_what_is_not_zero)
{
	struct shadow *s = filling(false, true);
	int64_t p = take(s, GFP_NOWAIT, 0);

	give(s, p, 0);
	run(s, on_freed(p, 0, 0));
	EXPECT_EQ(s->state->nr_dirty, 0);
	run(s, on_freed(p, 0, 0xaa));
	EXPECT_EQ(s->frames[p].contents, 0xaa + 1);
	EXPECT_EQ(warnings_of_next(s, 0), 0);
	EXPECT_EQ(s->state->nr_dirty, 0);
	shadow_destroy(s);
}

TEST(contents_that_nothing_fills_are_nobodys_business)
{
	struct shadow *s = filling(false, false);

	run(s, on_frame(OP_TAKE_FRAME, 1));
	run(s, on_frame(OP_PUT_FRAME, 1));
	EXPECT_EQ(run(s, on_freed(1, 0, 7)).outcome, LB_DONE);
	EXPECT_EQ(s->state->nr_dirty, 0);
	shadow_destroy(s);
}

/* A section of its own where there is something to be wrong. */
TEST(contents_are_exported_where_something_fills_free_pages)
{
	static uint64_t words[1 << 14];

	for (unsigned int i = 0; i < 4; i++) {
		struct shadow *s = filling(i & 1, i & 2);
		const uint64_t *at = words;
		struct section section;

		run(s, on_frame(OP_TAKE_FRAME, 70));
		run(s, on_frame(OP_PUT_FRAME, 70));
		EXPECT(shadow_export(s, words, 1 << 14) < 1 << 14);
		EXPECT_EQ(section_find(&at, LB_STATE_CONTENTS, &section), i > 0);
		EXPECT_EQ(section.n, i > 0 ? 2 : 0);
		EXPECT(i == 0 || (section.words[0] == 70 && section.words[1] == 256));
		shadow_destroy(s);
	}
}

TEST(bulk_and_exact_pages_are_looked_at_too)
{
	struct shadow *s = filling(true, false);
	int64_t p = take(s, GFP_NOWAIT, 0);
	struct lb_call bulk = { .op = OP_ALLOC_PAGES_BULK_LIST,
				.gfp = GFP_NOWAIT,
				.node = NODE_NONE,
				.count = 3 },
		       exact = { .op = OP_ALLOC_PAGES_EXACT,
				 .gfp = GFP_NOWAIT,
				 .node = NODE_NONE,
				 .count = 3 };

	give(s, p, 0);
	run(s, on_freed(p, 0, 0xab));
	EXPECT_EQ(run(s, bulk).warnings, LB_WARN_POISON | LB_WARN_BIT_FLIP);
	run(s, on_freed(8, 3, 0)); /* 8..16 is the unmovable block that is large enough */
	run(s, on_freed(4, 3, 0)); /* the page of 4..8 that is more than was asked for */
	EXPECT_EQ(run(s, exact).warnings, LB_WARN_POISON);
	EXPECT_EQ(s->state->nr_dirty, 1);
	shadow_destroy(s);
}

TEST(only_what_is_free_and_mapped_is_written_to)
{
	struct shadow *s = filling(true, false);
	struct lb_call call;
	int64_t p = take(s, GFP_NOWAIT, 2);

	expect_refused(run(s, on_freed(p, 3, 0)), LB_BUSY);
	call = free_call((uint64_t)p, 2);
	call.op = OP_FREE_WRONG_ORDER;
	call.order = 1;
	EXPECT_EQ(run(s, call).leaked, 2);
	expect_refused(run(s, on_freed(p, 3, 0)), LB_BUSY);
	EXPECT_EQ(run(s, on_freed(p, 1, 0)).outcome, LB_DONE);
	EXPECT_EQ(s->frames[p + 1].contents, 1);
	s->machine.debug_pagealloc = 1;
	expect_refused(run(s, on_freed(p, 3, 0)), LB_NOT_FRAME);
	expect_refused(run(s, on_freed(p, 1, 0)), LB_NOT_FRAME);
	shadow_destroy(s);
}

TEST_MAIN
