/*
 * The audit on machines that defer memory, derive Movable, or have absent nodes: deferred frames are
 * nobody's, and not lost; what came of them since boot is free in the end.
 *
 *   pfn   1               256          512
 *         [ initialised   | deferred     )      sections of 128; 300..304 is reserved
 *
 * States are those of a shadow that carries out the same calls, and lie about one word.
 */
#include "common.h"

#include "oracle/audit.h"

enum { WORDS = 1 << 14, LINUX = LB_TARGET_BUDDY | LB_TARGET_LINUX };

static struct machine deferred_machine(void)
{
	struct machine m = bare_machine(512);

	m.deferred = 1;
	m.section_pages = 128;
	m.nr_reserved = 1;
	m.reserved[0] = (struct machine_range){ .start = 300, .end = 304 };
	return m;
}

struct scene {
	struct machine m;
	struct shadow *s; /* the target */
	struct audit *a;
	uint64_t exercised[RULE_COUNT];
	uint64_t words[WORDS];
	struct verdict v;
};

static const uint64_t *state_of(struct scene *c)
{
	if (!EXPECT(shadow_export(c->s, c->words, WORDS) < WORDS))
		exit(1);
	return c->words;
}

/* The first section of a type in the words of the last state. */
static uint64_t *section_of(struct scene *c, enum lb_state_section type)
{
	const uint64_t *at = c->words;
	struct section section;

	if (!EXPECT(section_find(&at, type, &section)))
		exit(1);
	return c->words + (section.words - c->words);
}

static void begin(struct scene *c)
{
	*c = (struct scene){ .m = deferred_machine() };
	c->s = booted(&c->m, c->m.reserved, 1);
	c->a = audit_create(&c->m, LINUX, c->exercised);
	if (!EXPECT(c->a && audit_boot(c->a, state_of(c), &c->v))) {
		fprintf(stderr, "  %s\n", c->v.what);
		exit(1);
	}
}

static void end(struct scene *c)
{
	audit_destroy(c->a);
	shadow_destroy(c->s);
}

static struct lb_result step(struct scene *c, struct lb_call call)
{
	struct lb_result r = run(c->s, call);

	EXPECT(audit_step(c->a, &call, &r, c->s->bulk, &c->v));
	return r;
}

static void expect_rule(struct scene *c, bool right, enum rule rule)
{
	if (!EXPECT(!right && c->v.rule == rule))
		fprintf(stderr, "  planted for %s: %s\n", rule_info[rule].id,
			right ? "nothing reported" : c->v.what);
}

TEST(deferred_frames_are_nobodys_and_not_lost)
{
	static struct scene c;

	begin(&c);
	EXPECT(audit_compare(c.a, state_of(&c), &c.v));
	EXPECT(c.exercised[RULE_BUDDY_FRAME_LOST] > 0);
	/* nothing is deferred, it says: 252 frames are in no place */
	section_of(&c, LB_STATE_DEFERRED)[1] = UINT64_MAX;
	expect_rule(&c, audit_compare(c.a, c.words, &c.v), RULE_BUDDY_FRAME_LOST);
	EXPECT_EQ(c.v.pfn, 256);
	end(&c);
}

TEST(a_deferred_frame_is_in_no_other_place)
{
	static struct scene c;
	uint64_t *list;

	begin(&c);
	/* 192..256 is free, and is deferred too */
	state_of(&c);
	section_of(&c, LB_STATE_DEFERRED)[1] = 224;
	expect_rule(&c, audit_compare(c.a, c.words, &c.v), RULE_BUDDY_FRAME_TWICE);
	/* a block of the list lies in deferred memory */
	state_of(&c);
	list = section_of(&c, LB_STATE_FREE_LIST);
	while (list[2] != 6)
		list += 2 + list[-1];
	list[4] = 448;
	expect_rule(&c, audit_compare(c.a, c.words, &c.v), RULE_BUDDY_FRAME_TWICE);
	end(&c);
}

TEST(a_live_frame_is_not_deferred)
{
	static struct scene c;
	struct lb_result r;

	begin(&c);
	r = step(&c, alloc_call(GFP_NOWAIT | GFP_MOVABLE, 6));
	EXPECT_EQ(r.pfn, 64);
	state_of(&c);
	section_of(&c, LB_STATE_DEFERRED)[1] = 64;
	expect_rule(&c, audit_compare(c.a, c.words, &c.v), RULE_BUDDY_FRAME_TWICE);
	EXPECT_EQ(c.v.pfn, 64);
	EXPECT_STR(c.v.field, "deferred");
	end(&c);
}

TEST(a_list_of_deferred_memory_is_well_formed)
{
	static struct scene c;

	begin(&c);
	state_of(&c);
	section_of(&c, LB_STATE_DEFERRED)[0] = 1; /* no such node */
	expect_rule(&c, audit_compare(c.a, c.words, &c.v), RULE_STATE_SECTIONS);
	c.m.deferred = 0; /* the audit's own machine */
	state_of(&c);
	expect_rule(&c, audit_compare(c.a, c.words, &c.v), RULE_STATE_SECTIONS);
	end(&c);
}

/* Three blocks of 64 are boot's; for the fourth the zone grows. In the end all of that is free. */
TEST(what_came_since_boot_is_free_in_the_end)
{
	static struct scene c;
	uint64_t pfn[4];

	begin(&c);
	for (unsigned int i = 0; i < 4; i++)
		pfn[i] = step(&c, alloc_call(GFP_NOWAIT | GFP_MOVABLE, 6)).pfn;
	EXPECT_EQ(pfn[3], 320);
	for (unsigned int i = 0; i < 4; i++)
		step(&c, free_call(pfn[i], 6));
	EXPECT(audit_finish(c.a, state_of(&c), &c.v));
	EXPECT(c.exercised[RULE_CONTRACT_LEAK] > 0);
	end(&c);
}

TEST(what_is_neither_there_nor_still_to_come_is_lost)
{
	static struct scene c;

	begin(&c);
	state_of(&c);
	section_of(&c, LB_STATE_DEFERRED)[1] = 257;
	expect_rule(&c, audit_finish(c.a, c.words, &c.v), RULE_BUDDY_FRAME_LOST);
	EXPECT_EQ(c.v.pfn, 256);
	end(&c);
}

TEST(a_rewound_audit_knows_what_boot_deferred)
{
	static struct scene c;

	begin(&c);
	step(&c, (struct lb_call){ .op = OP_DEFERRED_INIT });
	EXPECT_EQ(c.s->zones[0].managed, 507);
	EXPECT(audit_finish(c.a, state_of(&c), &c.v));
	audit_rewind(c.a);
	shadow_rewind(c.s);
	EXPECT(audit_finish(c.a, state_of(&c), &c.v));
	end(&c);
}

/* A mask may not bind where there is a Movable zone, however that came about. */
TEST(a_derived_movable_zone_binds_nobody_for_sure)
{
	for (unsigned int derived = 0; derived < 2; derived++) {
		struct machine m = bare_machine(512);
		uint64_t exercised[RULE_COUNT] = { 0 };
		struct lb_call bind = { .op = OP_SET_MEMPOLICY,
					.name = POLICY_BIND,
					.nodemask = 2 },
			       call = alloc_call(GFP_HIGHUSER_MOVABLE, 0);
		struct lb_result done = { .outcome = LB_DONE },
				 block = { .outcome = LB_BLOCK, .pfn = 17 };
		struct verdict v = { 0 };
		struct audit *a;

		m.nr_nodes = 2;
		m.nr_memory = 2;
		m.memory[0].end = 256;
		m.memory[1] = (struct machine_range){ .start = 256, .end = 512, .node = 1 };
		m.kernelcore_pages = derived ? 100 : 0;
		call.op = OP_ALLOC_PAGES_POLICY;
		a = audit_create(&m, LB_TARGET_BUDDY, exercised);
		EXPECT(audit_boot(a, NULL, &v));
		EXPECT(audit_step(a, &bind, &done, NULL, &v));
		EXPECT(audit_step(a, &call, &block, NULL, &v) == (derived > 0));
		audit_destroy(a);
	}
}

/* Of a node that is not there a foreign buddy may have nothing to give. */
TEST(a_request_of_an_absent_node_may_fail)
{
	for (unsigned int absent = 0; absent < 2; absent++) {
		struct machine m = bare_machine(512);
		uint64_t exercised[RULE_COUNT] = { 0 };
		struct lb_call call = alloc_call(GFP_KERNEL, 4), freed = free_call(16, 4);
		struct lb_result block = { .outcome = LB_BLOCK, .pfn = 16 },
				 done = { .outcome = LB_DONE },
				 refused = { .outcome = LB_REFUSED, .reason = LB_BAD_RANGE };
		struct verdict v = { 0 };
		struct audit *a;

		m.nr_nodes = 2;
		m.absent_nodes = absent ? 0x2 : 0;
		a = audit_create(&m, LB_TARGET_BUDDY | LB_TARGET_EAGER_MERGE, exercised);
		EXPECT(audit_boot(a, NULL, &v));
		EXPECT(audit_step(a, &call, &block, NULL, &v));
		EXPECT(audit_step(a, &freed, &done, NULL, &v));
		call.node = 1;
		EXPECT(audit_step(a, &call, &refused, NULL, &v) == (absent > 0));
		audit_destroy(a);
	}
}

TEST_MAIN
