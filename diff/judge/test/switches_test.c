/*
 * Machines that clear or poison pages: what a judge looks for in a new block, and what it does not
 * hold against a target.
 *
 * The target is the reference allocator, with each new block filled once more as it ought to be: what
 * is tested is the judge, whatever the allocator can do.
 */
#include "judging.h"

/* What the target below does, beside what it should. */
static struct {
	bool dirties; /* the last page of each new block has a byte that it should not */
	bool leaves;  /* new blocks as they are */
	const struct machine *machine;
} lies;

static const struct lb_target *core(void)
{
	return given_target("core");
}

static void *remember_machine(const struct machine *m, char *error)
{
	lies.machine = m;
	return core()->create(m, error);
}

static uint8_t filling(void)
{
	return lies.machine->page_poison ? 0xaa : 0;
}

static void fill_block(void *instance, uint64_t pfn, unsigned int order, uint8_t value)
{
	for (uint64_t page = pfn; page < pfn + (UINT64_C(1) << order); page++)
		memset(core()->memory(instance, page), value, JUDGE_PAGE_BYTES);
}

static bool is_plain_allocation(const struct lb_call *call)
{
	return call->op == OP_ALLOC_PAGES || call->op == OP_ALLOC_PAGE;
}

static void exec_with_switches(void *instance, const struct lb_call *call, struct lb_result *result)
{
	core()->exec(instance, call, result);
	if (!is_plain_allocation(call) || result->outcome != LB_BLOCK)
		return;

	uint8_t *page = core()->memory(instance, result->pfn + (UINT64_C(1) << call->order) - 1);

	if (!(call->gfp & JUDGE_GFP_ZERO) && !lies.leaves)
		fill_block(instance, result->pfn, call->order, filling());
	if (lies.dirties)
		page[1001] ^= 0x40;
}

static struct outcome switches_judged(uint32_t flags_off, const char *machine, const char *lines)
{
	struct lb_target target = *core();
	char text[1024];

	target.create = remember_machine;
	target.exec = exec_with_switches;
	target.reset = NULL;
	target.flags &= ~flags_off;
	snprintf(text, sizeof(text), "lostbuddy 1\nmachine %s\n%s", machine, lines);
	return judged_with(&target, NULL, text);
}

static const struct {
	const char *machine, *id;
} switches[] = {
	{ "init_on_alloc=1", "contents.init-on-alloc" },
	{ "init_on_free=1", "contents.init-on-free" },
	{ "init_on_free=1 init_on_alloc=1", "contents.init-on-free" },
	{ "page_poison=1", "contents.page-poison" },
	{ "page_poison=1 init_on_alloc=1 init_on_free=1", "contents.page-poison" },
};

enum { NR_SWITCHES = sizeof(switches) / sizeof(switches[0]) };

#define SOME                                                                                       \
	"p0 = alloc_pages(order=2, gfp=KERNEL)\n"                                                  \
	"p1 = alloc_page(gfp=ATOMIC)\n"                                                            \
	"p2 = alloc_pages(order=5, gfp=HIGHUSER_MOVABLE)\n"

TEST(a_new_block_that_holds_what_it_should_is_clean)
{
	lies.dirties = false;
	for (unsigned int i = 0; i < NR_SWITCHES; i++) {
		struct outcome o = switches_judged(0, switches[i].machine, SOME);

		expect_finding(&o, "");
	}
}

TEST(a_new_block_that_holds_something_else_is_reported)
{
	static const char *const programs[] = {
		"p0 = alloc_page(gfp=KERNEL)\n",
		"p0 = alloc_pages(order=4, gfp=HIGHUSER_MOVABLE)\n",
		"p0 = alloc_pages(order=5, gfp=ATOMIC)\n",
	};

	lies.dirties = true;
	for (unsigned int i = 0; i < NR_SWITCHES; i++)
		for (unsigned int k = 0; k < 3; k++) {
			struct outcome o = switches_judged(0, switches[i].machine, programs[k]);

			expect_finding(&o, switches[i].id);
			EXPECT_EQ(o.op, 0);
		}
	lies.dirties = false;
}

/* Nothing is promised without a switch, nor by a target that does not claim Linux's policy. */
TEST(who_promises_nothing_is_not_asked)
{
	struct outcome o;

	lies.dirties = true;
	o = switches_judged(0, "", SOME);
	expect_finding(&o, "");
	for (unsigned int i = 0; i < NR_SWITCHES; i++) {
		o = switches_judged(LB_TARGET_LINUX, switches[i].machine, SOME);
		expect_finding(&o, "");
	}
	lies.dirties = false;
}

#define BLOCKS(gfp)                                                                                \
	"p1 = alloc_pages(order=6, gfp=" gfp ")\n"                                                 \
	"p2 = alloc_pages(order=6, gfp=" gfp ")\n"                                                 \
	"p3 = alloc_pages(order=6, gfp=" gfp ")\n"                                                 \
	"p4 = alloc_pages(order=6, gfp=" gfp ")\n"                                                 \
	"p5 = alloc_pages(order=6, gfp=" gfp ")\n"                                                 \
	"p6 = alloc_pages(order=6, gfp=" gfp ")\n"

/*
 * Frame 300 is put back with its holder's name in it, and comes again in one of the blocks. All other
 * frames are as they were at boot, zero: the target below clears nothing.
 */
TEST(a_page_that_was_put_back_may_hold_anything)
{
	static const char *const programs[] = {
		"p0 = take_page_off_buddy(value=300)\nput_page_back_buddy(p0)\n" BLOCKS("KERNEL"),
		"p0 = take_page_off_buddy(value=300)\nput_page_back_buddy(p0)\n" BLOCKS(
			"KERNEL|ZERO"),
		"p0 = take_page_off_buddy(value=300)\nfill(p0, value=0)\n"
		"put_page_back_buddy(p0)\n" BLOCKS("KERNEL"),
	};

	lies.leaves = true;
	for (unsigned int k = 0; k < 3; k++) {
		struct outcome o = switches_judged(0, "init_on_free=1", programs[k]);

		expect_finding(&o, "");
		EXPECT_EQ(o.no_ops, 0);
	}
	lies.leaves = false;
}

TEST(the_rules_are_exercised_and_belong_to_the_exact_level)
{
	static const enum rule rules[] = { RULE_CONTENTS_INIT_ON_ALLOC, RULE_CONTENTS_INIT_ON_FREE,
					   RULE_CONTENTS_PAGE_POISON };
	static const unsigned int machines[] = { 0, 1, 3 };
	struct lb_target target = *core();

	lies.dirties = false;
	target.create = remember_machine;
	target.exec = exec_with_switches;
	target.reset = NULL;
	for (unsigned int i = 0; i < 3; i++) {
		struct judge *j = judge_create(&target, NULL);
		struct program p;
		struct outcome o;
		char text[256];

		snprintf(text, sizeof(text), "lostbuddy 1\nmachine %s\n" SOME,
			 switches[machines[i]].machine);
		if (given_program(&p, text))
			judge_run(j, &p, &o);
		for (unsigned int k = 0; k < 3; k++)
			EXPECT_EQ(judge_exercised(j)[rules[k]], i == k ? 3 : 0);
		EXPECT_EQ(rule_info[rules[i]].level, LEVEL_EXACT);
		program_free(&p);
		judge_destroy(j);
	}
}

TEST_MAIN
