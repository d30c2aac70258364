/*
 * What a zone keeps for managed=, and what it gets late: counted by hand.
 *
 *   1        52        62                                    252   256
 *   [ kept   |  late   |  free from the first                | memmap )
 */
#include "common.h"

/* 255 pages, of which memmap takes 4 (255 * 64 bytes); 200 are managed, so 51 are kept; 10 come late. */
static struct machine late_machine(void)
{
	struct machine m = bare_machine(256);

	m.watermark_scale_factor = 3000;
	m.managed[0][ZONE_NORMAL] = 200;
	m.late[0][ZONE_NORMAL] = 10;
	return m;
}

static const struct machine_range kept_and_memmap[] = { { .start = 1, .end = 52 },
							{ .start = 252, .end = 256 } };

TEST(late_pages_are_freed_block_by_block_to_the_tails)
{
	struct machine m = late_machine();
	struct shadow *s = booted(&m, kept_and_memmap, 2);

	/*
	 * first 62 (2), 64 (64), 128 (64), 192 (32), 224 (16), 240 (8), 248 (4); then 52 (4), 56 (4), 60 (2):
	 * 60 joins 62, and 60..63 joins 56
	 */
	EXPECT_STR(free_text(s, 0, 1, MT_MOVABLE), "");
	EXPECT_STR(free_text(s, 0, 2, MT_MOVABLE), "248 52");
	EXPECT_STR(free_text(s, 0, 3, MT_MOVABLE), "240 56");
	EXPECT_STR(free_text(s, 0, 4, MT_MOVABLE), "224");
	EXPECT_STR(free_text(s, 0, 5, MT_MOVABLE), "192");
	EXPECT_STR(free_text(s, 0, 6, MT_MOVABLE), "64 128");
	shadow_destroy(s);
}

TEST(marks_and_page_lists_know_nothing_of_late_pages)
{
	struct machine m = late_machine();
	struct shadow *s = booted(&m, kept_and_memmap, 2);

	EXPECT_EQ(s->zones[0].managed, 200);
	EXPECT_EQ(s->zones[0].mark[WMARK_LOW], 57); /* 190 * 3000 / 10000 */
	EXPECT_EQ(s->zones[0].mark[WMARK_HIGH], 114);
	EXPECT_EQ(s->pcp[0].high, 57);
	shadow_destroy(s);
}

/* One CPU: 2 * 1 * (1 + 0) = 2. Blocks of 4 go to the shared value, the last one, of 2, does not. */
TEST(late_pages_are_counted_as_any_that_are_freed)
{
	struct machine m = late_machine();
	struct shadow *s = booted(&m, kept_and_memmap, 2);

	EXPECT_EQ(s->zones[0].threshold, 2);
	EXPECT_EQ(s->zones[0].free, 198);
	EXPECT_EQ(s->stats[0].delta, 2);
	EXPECT_EQ(shadow_free_exact(s, s->zones), 200);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 0);
	shadow_destroy(s);
}

TEST(late_pages_are_the_lowest_that_nobody_keeps)
{
	/* a hole, and a range that is reserved, in the midst of them: 52..55, 58..59, 70..73 */
	static const struct machine_range reserved[] = { { .start = 1, .end = 52 },
							 { .start = 56, .end = 58 },
							 { .start = 252, .end = 256 } };
	struct machine m = late_machine();
	struct shadow *s;

	m.nr_memory = 2;
	m.memory[0].end = 60;
	m.memory[1] = (struct machine_range){ .start = 70, .end = 256 };
	s = booted(&m, reserved, 3);
	EXPECT_EQ(s->late_end[0], 74);
	/* first 74 (2), 76 (4), 80 (16), 96 (32), ...; then 52 (4), 58 (2), 70 (2), 72 (2) */
	EXPECT_STR(free_text(s, 0, 1, MT_MOVABLE), "58");
	EXPECT_STR(free_text(s, 0, 3, MT_MOVABLE), "240");
	/* the pageblock of 70 begins in the hole; 72 joined 74, 72..75 joined 76 */
	EXPECT_STR(free_text(s, 0, 1, MT_UNMOVABLE), "70");
	EXPECT_STR(free_text(s, 0, 3, MT_UNMOVABLE), "72");
	EXPECT_STR(free_text(s, 0, 2, MT_MOVABLE), "248 52");
	shadow_destroy(s);
}

/* ---- What was taken, and may be ---- */

static bool taken_is_right(const struct machine *m, const struct machine_range *reserved,
			   uint32_t nr, struct verdict *v)
{
	struct shadow *s = booted(m, reserved, nr);
	bool right = shadow_compare_reserved_size(s, v);

	shadow_destroy(s);
	return right;
}

TEST(managed_says_how_much_is_kept)
{
	struct machine m = late_machine();
	struct machine_range more[] = { { .start = 1, .end = 52 }, { .start = 251, .end = 256 } },
			     fewer[] = { { .start = 1, .end = 51 }, { .start = 252, .end = 256 } },
			     memmap[] = { { .start = 252, .end = 256 } };
	struct verdict v;

	EXPECT(taken_is_right(&m, kept_and_memmap, 2, &v));
	/* 199 managed: then nothing may have been kept */
	EXPECT(!taken_is_right(&m, more, 2, &v));
	EXPECT_EQ(v.rule, RULE_BOOT_RESERVED_SIZE);
	EXPECT_EQ(v.expect, 4);
	EXPECT_EQ(v.actual, 56);
	EXPECT(!taken_is_right(&m, fewer, 2, &v));
	EXPECT_EQ(v.rule, RULE_BOOT_MANAGED);
	EXPECT_EQ(v.expect, 200);
	EXPECT_EQ(v.actual, 201);
	/* what memmap and percpu leave is less than managed=: nothing is kept */
	m.managed[0][ZONE_NORMAL] = 252;
	EXPECT(taken_is_right(&m, memmap, 1, &v));
	m.managed[0][ZONE_NORMAL] = 251;
	EXPECT(taken_is_right(&m, memmap, 1, &v));
	m.managed[0][ZONE_NORMAL] = 250;
	EXPECT(!taken_is_right(&m, memmap, 1, &v));
	EXPECT_EQ(v.rule, RULE_BOOT_MANAGED);
}

TEST(memmap_has_to_lie_somewhere)
{
	struct machine m = bare_machine(256);
	struct machine_range three = { .start = 253, .end = 256 };
	struct verdict v;

	EXPECT(!taken_is_right(&m, &three, 1, &v));
	EXPECT_EQ(v.rule, RULE_BOOT_RESERVED_SIZE);
	EXPECT_EQ(v.expect, 4);
	EXPECT_EQ(v.actual, 3);
}

TEST(what_is_kept_lies_lowest)
{
	struct machine m = late_machine();
	struct machine_range apart[] = { { .start = 1, .end = 51 }, { .start = 251, .end = 256 } };
	struct verdict v;

	EXPECT(!taken_is_right(&m, apart, 2, &v));
	EXPECT_EQ(v.rule, RULE_BOOT_KEPT_LOWEST);
	EXPECT_EQ(v.expect, 4);
	EXPECT_EQ(v.actual, 5);
}

/* One zone has a share and the other one not: what that one keeps is memmap and percpu alone. */
TEST(only_zones_with_a_share_keep_anything)
{
	/* DMA 64 pages, of which 63 are there: memmap 1; Normal 192: memmap 3; percpu 2 */
	struct machine m = late_machine();
	struct machine_range right[] = { { .start = 64, .end = 74 }, { .start = 250, .end = 256 } },
			     in_dma[] = { { .start = 1, .end = 8 }, { .start = 64, .end = 74 } };
	struct verdict v;

	m.dma_end = 64;
	m.percpu_unit_pages = 2;
	m.managed[0][ZONE_NORMAL] = 176; /* of 192: 6 for memmap and percpu, 10 kept */
	EXPECT(taken_is_right(&m, right, 2, &v));
	m.managed[0][ZONE_NORMAL] = 182; /* 10 from Normal, 7 from DMA, which keeps nothing */
	EXPECT(!taken_is_right(&m, in_dma, 2, &v));
	EXPECT_EQ(v.rule, RULE_BOOT_RESERVED_SIZE);
	EXPECT_EQ(v.expect, 6);
	EXPECT_EQ(v.actual, 7);
}

TEST(with_movable_node_nothing_is_taken_from_what_may_be_unplugged)
{
	static const struct machine_range low = { .start = 60, .end = 64 },
					  high = { .start = 252, .end = 256 };
	struct machine m = bare_machine(256);
	struct shadow *s;
	struct verdict v;

	m.nr_memory = 2;
	m.memory[0].end = 64;
	m.memory[1] = (struct machine_range){ .start = 64, .end = 256, .hotplug = 1 };
	s = booted(&m, &high, 1);
	EXPECT(shadow_compare_hotplug(s, &v)); /* it is memory as any */
	shadow_destroy(s);
	m.movable_node = 1;
	s = booted(&m, &low, 1);
	EXPECT_EQ(zone_at(s, 0, ZONE_MOVABLE)->start, 64);
	EXPECT(shadow_compare_hotplug(s, &v));
	shadow_destroy(s);
	s = booted(&m, &high, 1);
	EXPECT(!shadow_compare_hotplug(s, &v));
	EXPECT_EQ(v.rule, RULE_BOOT_HOTPLUG);
	EXPECT_EQ(v.pfn, 252);
	shadow_destroy(s);
	m.reserved[0] = high; /* the machine wants it so */
	m.nr_reserved = 1;
	s = booted(&m, &high, 1);
	EXPECT(shadow_compare_hotplug(s, &v));
	shadow_destroy(s);
}

static bool mirror_is_used(const struct machine *m, const struct machine_range *reserved,
			   uint32_t nr)
{
	struct shadow *s = booted(m, reserved, nr);
	struct verdict v;
	bool right = shadow_compare_mirror(s, &v);

	EXPECT(right || v.rule == RULE_BOOT_MIRROR);
	shadow_destroy(s);
	return right;
}

/* Memmap: 4 pages, so 8 in a row are room enough. */
TEST(boot_takes_mirrored_memory_as_long_as_there_is_room)
{
	static const struct machine_range low = { .start = 124, .end = 128 },
					  high = { .start = 252, .end = 256 };
	static const struct machine_range full[] = { { .start = 8, .end = 128 },
						     { .start = 252, .end = 256 } };
	struct machine m = bare_machine(256), other;

	m.nr_memory = 2;
	m.memory[0] = (struct machine_range){ .start = 1, .end = 128, .mirror = 1 };
	m.memory[1] = (struct machine_range){ .start = 128, .end = 256 };
	EXPECT(mirror_is_used(&m, &low, 1));
	EXPECT(!mirror_is_used(&m, &high, 1));
	EXPECT(mirror_is_used(&m, full, 2)); /* seven pages are left of it */
	other = m;
	other.movable_node = 1;
	other.memory[0].hotplug = 1; /* where nobody looks */
	EXPECT(mirror_is_used(&other, &high, 1));
	other = m;
	other.managed[0][ZONE_NORMAL] = 100; /* kept frames lie where they lie */
	EXPECT(mirror_is_used(&other, &high, 1));
	other = m;
	other.reserved[0] = high; /* and so do listed ones */
	other.nr_reserved = 1;
	EXPECT(mirror_is_used(&other, &high, 1));
	other = m;
	other.nr_nodes = 2; /* a node without any */
	other.memory[1].node = 1;
	EXPECT(mirror_is_used(&other, &high, 1));
}

TEST_MAIN
