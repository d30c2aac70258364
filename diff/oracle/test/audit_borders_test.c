/*
 * The audit at its borders: the least difference between what is wrong and what is right.
 *
 *   pfn   0      16      32              64              96
 *         |      | memory                                |
 *    hole ........########################################
 *
 * Pageblocks are of order 4, the top order is 6. What each rule is for is in audit_test.c; here a
 * rule that looked one order or one border too far, or not far enough, would be caught.
 */
#include "audit_scene.h"

#include <assert.h>

enum {
	DMA32 = 0x4,
	BOTH_TYPES = 0x18,
};

/* Sections of an export: a zone that has nothing but its place and its free pages; one list. */
#define ZONE(start, spanned, free)                                                                 \
	LB_STATE_ZONE, LB_ZONE_WORDS, 0, NORMAL, (start), (spanned), (spanned), (spanned), (free), \
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define BLOCK(pfn, order) LB_STATE_FREE_LIST, 5, 0, NORMAL, (order), 0, (pfn)
#define TWO_BLOCKS(pfn, next, order) LB_STATE_FREE_LIST, 6, 0, NORMAL, (order), 0, (pfn), (next)
#define END LB_STATE_END, 0

static_assert(LB_ZONE_WORDS == 17, "ZONE() writes each word of a zone");

static struct machine machine(void)
{
	struct machine m;

	machine_default(&m);
	m.dma_end = m.dma32_end = 0;
	m.max_pfn = 96;
	m.nr_memory = 1;
	m.memory[0] = (struct machine_range){ .start = 16, .end = 96 };
	return m;
}

/* Not started yet: the machine is still to be changed. */
static void prepare(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	s->m = machine();
}

static struct lb_call frees(enum opcode op, uint64_t pfn, unsigned int order)
{
	return (struct lb_call){
		.op = (uint8_t)op, .pfn = pfn, .order = (uint8_t)order, .node = NODE_NONE
	};
}

static const struct lb_result refused = { .outcome = LB_REFUSED, .reason = LB_BAD_TYPE };

static void take_and_give(struct scene *s, uint64_t pfn, unsigned int order)
{
	EXPECT(step(s, asks(order, 0), gives(pfn)));
	EXPECT(step(s, frees(OP_FREE_PAGES_STRUCT, pfn, order), done));
}

/* ---- Operations ---- */

TEST(a_wrong_order_is_wrong_below_the_right_one_only)
{
	struct scene s;

	prepare(&s);
	EXPECT(boots(&s, EAGER, NULL));
	EXPECT(step(&s, asks(1, 0), gives(32)));
	EXPECT(step(&s, frees(OP_FREE_WRONG_ORDER, 32, 1), refused));
	expect_rule(&s, step(&s, frees(OP_FREE_WRONG_ORDER, 32, 1), done), RULE_CONTRACT_BAD_FREE);
	end(&s);
}

/* DMA32 ends at 64: what is free above is no help to who asks for it, what is free below is. */
TEST(a_request_for_dma32_may_fail_when_only_higher_memory_is_free)
{
	struct scene s;

	prepare(&s);
	s.m.dma32_end = 64;
	EXPECT(boots(&s, EAGER, NULL));
	take_and_give(&s, 64, 0);
	EXPECT(step(&s, asks(0, DMA32), no_memory));
	take_and_give(&s, 63, 0);
	expect_rule(&s, step(&s, asks(0, DMA32), no_memory), RULE_CONTRACT_UNJUSTIFIED_FAILURE);
	end(&s);
}

TEST(a_request_of_two_types_may_be_refused_and_not_fail)
{
	struct scene s;

	prepare(&s);
	EXPECT(boots(&s, EAGER, NULL));
	take_and_give(&s, 32, 0);
	EXPECT(step(&s, asks(0, BOTH_TYPES), refused));
	expect_rule(&s, step(&s, asks(0, BOTH_TYPES), no_memory),
		    RULE_CONTRACT_UNJUSTIFIED_FAILURE);
	end(&s);
}

/* ---- Exports ---- */

/*   16      24      32               64               96
 *   [  o3   |  o3   |      o5        |      o5        )      order 3 is the last below a pageblock
 */
TEST(halves_of_a_pageblock_have_to_be_joined)
{
	static const uint64_t state[] = {
		ZONE(16, 80, 80), BLOCK(32, 5), BLOCK(64, 5), TWO_BLOCKS(16, 24, 3), END,
	};
	struct scene s;

	prepare(&s);
	expect_rule(&s, boots(&s, LINUX, state), RULE_BUDDY_UNMERGED);
	end(&s);
}

TEST_MAIN
