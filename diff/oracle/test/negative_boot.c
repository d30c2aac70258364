/*
 * Every rule of rules_boot.def is alive, as negative.c shows of the shadow's others: the shadow is driven
 * with its own predictions, and one word of an export, or one field of a result, lies.
 */
#include "negative.h"

/* ---- What boot derives, and keeps ---- */

TEST(movable_begins_a_block_late)
{
	static struct lie lie;
	struct machine m = bare_machine(512);
	struct shadow *s;

	m.kernelcore_pages = 200; /* 201, rounded up to 256 */
	s = booted(&m, NULL, 0);
	state_of(&lie, s);
	*word_of(&lie, LB_STATE_ZONE, 1, LB_ZONE_START) += 64;
	*word_of(&lie, LB_STATE_ZONE, 1, LB_ZONE_SPANNED) -= 64;
	*word_of(&lie, LB_STATE_ZONE, 0, LB_ZONE_SPANNED) += 64;
	expect_state(&lie, true, RULE_BOOT_MOVABLE_START);
	shadow_destroy(s);
}

/* Its zone is another kind of zone in the export: no Movable at all. */
TEST(movable_does_not_begin)
{
	static struct lie lie;
	struct machine m = bare_machine(512);
	struct shadow *s;

	m.movablecore_pages = 200;
	s = booted(&m, NULL, 0);
	state_of(&lie, s);
	*(word_of(&lie, LB_STATE_ZONE, 1, 0) - 2) = 99; /* a section that nobody knows */
	expect_state(&lie, true, RULE_BOOT_MOVABLE_START);
	shadow_destroy(s);
}

/* 255 pages, memmap 4, 200 managed, 51 kept, 10 late: 52 .. 62 (late_test.c). */
static struct machine late_machine(void)
{
	struct machine m = bare_machine(256);

	m.managed[0][ZONE_NORMAL] = 200;
	m.late[0][ZONE_NORMAL] = 10;
	return m;
}

static void expect_taken(const struct machine *m, struct machine_range *reserved, uint32_t nr,
			 enum rule rule)
{
	struct shadow *s = booted(m, reserved, nr);
	struct verdict v = { .broken = false };

	expect_rule(&v, shadow_compare_reserved_size(s, &v), rule);
	shadow_destroy(s);
}

TEST(a_zone_keeps_too_little_or_the_wrong_frames)
{
	struct machine m = late_machine();
	struct machine_range little[] = { { .start = 1, .end = 51 }, { .start = 252, .end = 256 } },
			     high[] = { { .start = 1, .end = 50 }, { .start = 250, .end = 256 } };

	expect_taken(&m, little, 2, RULE_BOOT_MANAGED);
	expect_taken(&m, high, 2, RULE_BOOT_KEPT_LOWEST);
}

TEST(boot_takes_what_may_be_unplugged)
{
	const struct machine_range high = { .start = 252, .end = 256 };
	struct machine m = bare_machine(256);
	struct verdict v = { .broken = false };
	struct shadow *s;

	m.movable_node = 1;
	m.nr_memory = 2;
	m.memory[0].end = 64;
	m.memory[1] = (struct machine_range){ .start = 64, .end = 256, .hotplug = 1 };
	s = booted(&m, &high, 1);
	expect_rule(&v, shadow_compare_hotplug(s, &v), RULE_BOOT_HOTPLUG);
	shadow_destroy(s);
}

/* The memmap of 255 pages is 4 of them; 1..128 is mirrored, and has room. */
TEST(boot_takes_what_is_not_mirrored)
{
	const struct machine_range high = { .start = 252, .end = 256 };
	struct machine m = bare_machine(256);
	struct verdict v = { .broken = false };
	struct shadow *s;

	m.nr_memory = 2;
	m.memory[0] = (struct machine_range){ .start = 1, .end = 128, .mirror = 1 };
	m.memory[1] = (struct machine_range){ .start = 128, .end = 256 };
	s = booted(&m, &high, 1);
	expect_rule(&v, shadow_compare_mirror(s, &v), RULE_BOOT_MIRROR);
	EXPECT_EQ(v.pfn, 252);
	shadow_destroy(s);
}

/* Order 2: "248 52", of which 52 came late; the target had it first. Order 3, of which no late one is last. */
TEST(late_pages_came_early)
{
	static const struct machine_range reserved[] = { { .start = 1, .end = 52 },
							 { .start = 252, .end = 256 } };
	static struct lie lie;
	struct machine m = late_machine();
	struct shadow *s = booted(&m, reserved, 2);
	uint64_t *list;
	unsigned int nth = 0;

	state_of(&lie, s);
	do {
		list = word_of(&lie, LB_STATE_FREE_LIST, nth++, 0);
	} while (list[2] != 2);
	EXPECT_EQ(list[4], 248);
	list[4] = 52;
	list[5] = 248;
	expect_state(&lie, true, RULE_BOOT_LATE);
	shadow_destroy(s);
}

/* ---- Deferred memory ---- */

/* 1023 pages with sections of 128: 256 is the first deferred pfn (deferred_test.c). */
static struct shadow *deferred(void)
{
	struct machine m = bare_machine(1024);

	m.deferred = 1;
	m.section_pages = 128;
	return booted(&m, NULL, 0);
}

TEST(deferred_memory_begins_elsewhere)
{
	static struct lie lie;
	struct shadow *s = deferred();

	state_of(&lie, s);
	*word_of(&lie, LB_STATE_DEFERRED, 0, 1) = 384;
	expect_state(&lie, true, RULE_DEFERRED_FIRST_PFN);
	*word_of(&lie, LB_STATE_DEFERRED, 0, 1) = UINT64_MAX;
	expect_state(&lie, true, RULE_DEFERRED_FIRST_PFN);
	shadow_destroy(s);
}

TEST(a_zone_grew_though_nobody_asked)
{
	static struct lie lie;
	struct shadow *s = deferred();

	state_of(&lie, s);
	*word_of(&lie, LB_STATE_DEFERRED, 0, 1) = 384;
	expect_state(&lie, false, RULE_DEFERRED_GROW);
	shadow_destroy(s);
}

TEST(an_export_without_deferred_memory)
{
	static struct lie lie;
	struct shadow *s = deferred();
	struct verdict v = { .broken = false };

	state_of(&lie, s);
	*(word_of(&lie, LB_STATE_DEFERRED, 0, 0) - 2) = 99;
	EXPECT(!shadow_compare(s, lie.words, false, &v));
	EXPECT_EQ(v.rule, RULE_STATE_SECTIONS);
	shadow_destroy(s);
}

/* Block 16 begins at 256: the first nibble of the second word of types. */
TEST(deferred_pageblocks_have_a_type_too_early_or_too_late)
{
	static struct lie lie;
	struct shadow *s = deferred();

	state_of(&lie, s);
	*word_of(&lie, LB_STATE_PAGEBLOCKS, 0, 3) |= MT_MOVABLE;
	expect_state(&lie, true, RULE_DEFERRED_TYPES);
	run(s, (struct lb_call){ .op = OP_DEFERRED_INIT });
	state_of(&lie, s);
	*word_of(&lie, LB_STATE_PAGEBLOCKS, 0, 3) &= ~(uint64_t)MT_MOVABLE;
	expect_state(&lie, false, RULE_DEFERRED_TYPES);
	shadow_destroy(s);
}

TEST(a_zone_manages_pages_that_did_not_come)
{
	static struct lie lie;
	struct shadow *s = deferred();

	state_of(&lie, s);
	++*word_of(&lie, LB_STATE_ZONE, 0, LB_ZONE_MANAGED);
	expect_state(&lie, false, RULE_ZONE_MANAGED);
	shadow_destroy(s);
}

/* ---- Absent nodes ---- */

/* From 1, 3 comes before 2 in 6.1, and behind it in 5.10 (absent_test.c). */
static struct shadow *with_absent_node(uint32_t profile)
{
	struct machine m = absent_machine(profile);

	return booted(&m, NULL, 0);
}

static struct lb_result a_block(uint64_t pfn)
{
	return (struct lb_result){ .outcome = LB_BLOCK, .pfn = pfn };
}

TEST(a_request_of_an_absent_node_is_served)
{
	struct shadow *s = with_absent_node(PROFILE_LINUX_6_1);
	struct lb_call call = alloc_call(GFP_KERNEL, 0);

	call.node = 0;
	expect_result(s, call, a_block(64), RULE_NODE_ABSENT);
	call.op = OP_DEFERRED_INIT;
	expect_result(s, call, (struct lb_result){ .outcome = LB_DONE }, RULE_NODE_ABSENT);
	shadow_destroy(s);
}

/* Node 1 is full; its neighbours are looked at in the order that the other version has. */
TEST(absent_nodes_count_as_in_the_other_version)
{
	for (uint32_t profile = 0; profile < PROFILE_COUNT; profile++) {
		struct shadow *s = with_absent_node(profile);
		bool is_6_1 = profile == PROFILE_LINUX_6_1;
		struct lb_call call = alloc_call(GFP_NOWAIT | GFP_MOVABLE, 6);

		EXPECT_EQ(run(s, call).pfn, 64);
		expect_result(s, call, a_block(is_6_1 ? 128 : 192), RULE_ZONELIST_ABSENT);
		shadow_destroy(s);
	}
}

/* ---- Is any rule left out? ---- */

TEST(every_rule_of_what_boot_derives_was_reported)
{
	static const enum rule rules[] = {
#define RULE(NAME, id, level, sentence, source) RULE_##NAME,
#include "oracle/rules_boot.def"
#undef RULE
	};

	expect_all_reported(rules, sizeof(rules) / sizeof(rules[0]));
}

TEST_MAIN
