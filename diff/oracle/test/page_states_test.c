/*
 * Page flags, hwpoison, destructors (facts 1, 6; readings "Page states"). Blocks of order 4 and 5
 * bypass the page lists.
 */
#include "common.h"

enum { LOCKED = 0, DIRTY = 3, RESERVED = 12, MLOCKED = 21, HWPOISON = 23 };

/* What a free that looks finds bad: facts 6, by the numbers of facts 1. */
static const unsigned int bad_flags[] = { 0, 4, 5, 9, 12, 13, 14, 15, 20, 21 };

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

static struct lb_result set_flag(struct shadow *s, int64_t pfn, unsigned int order, uint32_t page,
				 unsigned int flag, bool on)
{
	struct lb_call call = on_block(OP_SET_PAGE_FLAG, pfn, order);

	call.page = page;
	call.value = flag * 2 + on;
	return run(s, call);
}

static void set_mapcount(struct shadow *s, int64_t pfn, unsigned int order, uint32_t page)
{
	struct lb_call call = on_block(OP_SET_MAPCOUNT, pfn, order);

	call.page = page;
	call.value = 1;
	run(s, call);
}

static struct lb_result freed(struct shadow *s, int64_t pfn, unsigned int order)
{
	return run(s, free_call((uint64_t)pfn, order));
}

static bool is_bad(unsigned int flag)
{
	for (size_t i = 0; i < sizeof(bad_flags) / sizeof(bad_flags[0]); i++)
		if (bad_flags[i] == flag)
			return true;
	return false;
}

/* ---- Flags ---- */

TEST(a_free_finds_the_flags_of_somebody_who_uses_the_page)
{
	for (unsigned int flag = 0; flag < PROGRAM_PAGE_FLAGS; flag++)
		for (uint32_t page = 0; page < 16; page += 3) {
			struct shadow *s = with_checks(CHECKS_LINUX);
			int64_t p = take(s, GFP_KERNEL, 4);
			bool bad = is_bad(flag) && !(flag == MLOCKED && page == 0);
			struct lb_result r;

			if (flag == PROGRAM_FLAG_HEAD) {
				shadow_destroy(s);
				continue;
			}
			EXPECT_EQ(set_flag(s, p, 4, page, flag, true).outcome, LB_DONE);
			EXPECT_EQ(s->frames[p + page].mark, 4u << flag);
			r = freed(s, p, 4);
			EXPECT_EQ(r.leaked, bad ? 16 : 0);
			EXPECT_EQ(r.warnings, bad ? LB_WARN_BAD_PAGE : 0);
			EXPECT_EQ(s->state->nr_marked, flag == HWPOISON);
			shadow_destroy(s);
		}
}

TEST(flags_are_cleared_by_hand_and_set_beside_each_other)
{
	struct shadow *s = with_checks(CHECKS_LINUX);
	int64_t p = take(s, GFP_KERNEL, 4);

	set_flag(s, p, 4, 5, LOCKED, true);
	set_flag(s, p, 4, 5, DIRTY, true);
	set_mapcount(s, p, 4, 5);
	EXPECT_EQ(s->frames[p + 5].mark, 4 << LOCKED | 4 << DIRTY | MARK_MAPCOUNT);
	set_flag(s, p, 4, 5, LOCKED, false);
	EXPECT_EQ(s->frames[p + 5].mark, 4 << DIRTY | MARK_MAPCOUNT);
	set_flag(s, p, 4, 5, PROGRAM_PAGE_FLAGS + DIRTY, false); /* counted round */
	EXPECT_EQ(s->frames[p + 5].mark, MARK_MAPCOUNT);
	EXPECT_EQ(s->state->nr_marked, 1);
	shadow_destroy(s);
}

/* Nobody looks before flags are cleared, and there is nothing left for whoever looks later. */
TEST(a_flag_of_the_first_page_of_a_listed_block_is_noticed_at_once_or_never)
{
	static const enum machine_checks checks[] = { CHECKS_LINUX, CHECKS_DEBUG };

	for (unsigned int i = 0; i < 2; i++) {
		struct shadow *s = with_checks(checks[i]);
		int64_t p = take(s, GFP_KERNEL, 0);
		bool looks = checks[i] == CHECKS_DEBUG;

		set_flag(s, p, 0, 0, LOCKED, true);
		EXPECT_EQ(freed(s, p, 0).leaked, looks);
		EXPECT_EQ(s->state->nr_marked, 0);
		EXPECT_EQ(run(s, (struct lb_call){ .op = OP_DRAIN_LOCAL_PAGES }).warnings, 0);
		EXPECT_EQ(s->state->nr_leaked, looks);
		shadow_destroy(s);
	}
}

TEST(a_mapped_page_keeps_its_mark_where_its_flags_go)
{
	struct shadow *s = with_checks(CHECKS_LINUX);
	int64_t p = take(s, GFP_KERNEL, 0);

	set_flag(s, p, 0, 0, DIRTY, true);
	set_mapcount(s, p, 0, 0);
	EXPECT_EQ(freed(s, p, 0).leaked, 0);
	EXPECT_EQ(s->frames[p].mark, MARK_MAPCOUNT);
	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_DRAIN_LOCAL_PAGES }).leaked, 1);
	shadow_destroy(s);
}

TEST(head_is_no_flag_to_set_and_none_is_where_nobody_looks)
{
	struct shadow *s = with_checks(CHECKS_LINUX);
	int64_t p = take(s, GFP_KERNEL, 0);

	EXPECT_EQ(set_flag(s, p, 0, 0, PROGRAM_FLAG_HEAD, true).reason, LB_NOT_ALLOWED);
	EXPECT_EQ(set_flag(s, p, 0, 0, PROGRAM_FLAG_HEAD, false).outcome, LB_REFUSED);
	s->machine.checks = CHECKS_OFF;
	EXPECT_EQ(set_flag(s, p, 0, 0, DIRTY, true).reason, LB_NOT_ALLOWED);
	EXPECT_EQ(s->state->nr_marked, 0);
	shadow_destroy(s);
}

TEST(a_page_with_any_flag_is_not_put_back)
{
	struct shadow *s = with_checks(CHECKS_LINUX);

	run(s, (struct lb_call){ .op = OP_TAKE_FRAME, .pfn = 70 });
	set_flag(s, 70, 0, 0, DIRTY, true);
	EXPECT_EQ(run(s, on_block(OP_PUT_FRAME, 70, 0)).reason, LB_NOT_ALLOWED);
	set_flag(s, 70, 0, 0, DIRTY, false);
	EXPECT_EQ(run(s, on_block(OP_PUT_FRAME, 70, 0)).outcome, LB_DONE);
	shadow_destroy(s);
}

/* A held page of Movable could be moved, unless it is Reserved. */
TEST(a_reserved_flag_stands_in_the_way_of_isolation)
{
	struct machine m = bare_machine(256);
	struct shadow *s;
	int64_t p;

	m.movable_start[0] = 128;
	s = booted(&m, NULL, 0);
	p = take(s, GFP_HIGHUSER_MOVABLE, 4);
	EXPECT_EQ(p, 128);
	set_flag(s, p, 4, 9, RESERVED, true);
	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_ISOLATE, .value = 2 }).reason, LB_BUSY);
	set_flag(s, p, 4, 9, RESERVED, false);
	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_ISOLATE, .value = 2 }).outcome, LB_DONE);
	shadow_destroy(s);
}

/* ---- hwpoison ---- */

TEST(a_poisoned_page_is_dropped_without_a_word)
{
	static const enum machine_checks checks[] = { CHECKS_LINUX, CHECKS_DEBUG };

	for (unsigned int i = 0; i < 2; i++) {
		struct shadow *s = with_checks(checks[i]);
		int64_t p = take(s, GFP_KERNEL, 0);
		struct lb_result r;

		set_flag(s, p, 0, 0, HWPOISON, true);
		set_flag(s, p, 0, 0, LOCKED, true); /* it is dropped before anybody looks */
		r = freed(s, p, 0);
		EXPECT_EQ(r.outcome, LB_DONE);
		EXPECT_EQ(r.leaked, 1);
		EXPECT_EQ(r.warnings, 0);
		EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 0);
		EXPECT_EQ(s->frames[p].kind, FRAME_LEAKED);
		EXPECT_EQ(s->state->nr_marked, 0);
		shadow_destroy(s);
	}
}

/* 64..96 with a poisoned page 70: it joins 96..128, and is skipped when it would be handed out. */
TEST(a_block_with_a_poisoned_page_is_freed_and_skipped_later)
{
	struct shadow *s = with_checks(CHECKS_LINUX);
	struct lb_result r;
	int64_t p;

	EXPECT_EQ(take(s, GFP_KERNEL | GFP_MOVABLE, 5), 32);
	p = take(s, GFP_KERNEL | GFP_MOVABLE, 5);
	EXPECT_EQ(p, 64);
	set_flag(s, p, 5, 6, HWPOISON, true);
	EXPECT_EQ(freed(s, p, 5).leaked, 0);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 32);
	EXPECT_STR(free_text(s, 0, 6, MT_MOVABLE), "64 128 192");
	EXPECT_EQ(s->frames[70].mark, 4 << HWPOISON);
	r = run(s, alloc_call(GFP_KERNEL | GFP_MOVABLE, 5));
	EXPECT_EQ(r.pfn, 96); /* 64..96 was looked at, and lost */
	EXPECT_EQ(r.leaked, 32);
	EXPECT_EQ(r.warnings, 0);
	shadow_destroy(s);
}

TEST(a_refill_skips_a_poisoned_page_alone)
{
	struct shadow *s = with_checks(CHECKS_LINUX);
	int64_t p = take(s, GFP_KERNEL | GFP_MOVABLE, 4);
	struct lb_result r;

	EXPECT_EQ(p, 16);
	set_flag(s, p, 4, 1, HWPOISON, true);
	freed(s, p, 4);
	s->pcp[0].batch = 4;
	r = run(s, alloc_call(GFP_KERNEL | GFP_MOVABLE, 0));
	EXPECT_EQ(r.pfn, 16);
	EXPECT_EQ(r.leaked, 1);
	EXPECT_EQ(r.warnings, 0);
	EXPECT_STR(pcp_text(s, 0, 0, MT_MOVABLE), "18 19");
	shadow_destroy(s);
}

/* By ascending page: what is found first decides whether anybody complains. */
TEST(of_a_poisoned_and_a_bad_page_the_first_one_counts)
{
	for (uint32_t bad = 2; bad <= 6; bad += 2) {
		struct shadow *s = with_checks(CHECKS_LINUX);
		int64_t p = take(s, GFP_KERNEL | GFP_MOVABLE, 4);
		struct lb_result r;

		set_flag(s, p, 4, 4, HWPOISON, true);
		EXPECT_EQ(freed(s, p, 4).leaked, 0);
		s->state->nr_marked += bad != 4; /* however it came there */
		s->frames[p + bad].mark |= MARK_MAPPING;
		r = run(s, alloc_call(GFP_KERNEL | GFP_MOVABLE, 4));
		EXPECT_EQ(r.leaked, 16);
		EXPECT_EQ(r.warnings, bad < 4 ? LB_WARN_BAD_PAGE : 0);
		shadow_destroy(s);
	}
}

TEST(pages_of_a_split_block_are_dropped_by_themselves)
{
	struct shadow *s = with_checks(CHECKS_LINUX);
	int64_t p = take(s, GFP_KERNEL, 2);

	set_flag(s, p, 2, 2, HWPOISON, true);
	run(s, on_block(OP_SPLIT_PAGE, p, 2));
	for (int64_t n = 0; n < 4; n++)
		EXPECT_EQ(freed(s, p + n, 0).leaked, n == 2);
	shadow_destroy(s);
}

/* ---- Destructors ---- */

static struct lb_call on_compound(enum opcode op, int64_t pfn, unsigned int order)
{
	struct lb_call call = on_block(op, pfn, order);

	call.compound = 1;
	return call;
}

TEST(only_compound_blocks_of_order_two_get_a_thp_destructor)
{
	struct shadow *s = with_checks(CHECKS_LINUX);
	int64_t plain = take(s, GFP_KERNEL, 2), small = take(s, GFP_KERNEL | GFP_COMP, 1),
		large = take(s, GFP_KERNEL | GFP_COMP, 2);

	EXPECT_EQ(run(s, on_block(OP_PREP_TRANSHUGE, plain, 2)).reason, LB_NOT_ALLOWED);
	EXPECT_EQ(run(s, on_compound(OP_PREP_TRANSHUGE, small, 1)).reason, LB_NOT_ALLOWED);
	EXPECT_EQ(run(s, on_compound(OP_PREP_TRANSHUGE, large, 2)).outcome, LB_DONE);
	EXPECT_EQ(run(s, on_compound(OP_PREP_TRANSHUGE, large, 2)).outcome, LB_DONE);
	EXPECT_EQ(s->state->nr_thp, 1);
	shadow_destroy(s);
}

TEST(the_destructor_goes_with_the_block_however_it_is_freed)
{
	static const enum opcode ways[] = { OP_PUT_PAGE, OP_FREE_PAGES_STRUCT };

	for (unsigned int i = 0; i < 2; i++) {
		struct shadow *s = with_checks(CHECKS_LINUX);
		int64_t p = take(s, GFP_KERNEL | GFP_COMP, 4);

		run(s, on_compound(OP_PREP_TRANSHUGE, p, 4));
		run(s, on_compound(OP_GET_PAGE, p, 4));
		run(s, on_compound(ways[i], p, 4));
		EXPECT_EQ(s->state->nr_thp, 1);
		run(s, on_compound(ways[i], p, 4));
		EXPECT_EQ(s->state->nr_thp, 0);
		EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 16);
		shadow_destroy(s);
	}
}

TEST(the_destructor_goes_with_a_block_that_is_lost)
{
	struct shadow *s = with_checks(CHECKS_LINUX);
	int64_t p = take(s, GFP_KERNEL | GFP_COMP, 4);

	run(s, on_compound(OP_PREP_TRANSHUGE, p, 4));
	set_flag(s, p, 4, 3, LOCKED, true);
	EXPECT_EQ(run(s, on_compound(OP_PUT_PAGE, p, 4)).leaked, 16);
	EXPECT_EQ(s->state->nr_thp, 0);
	shadow_destroy(s);
}

TEST_MAIN
