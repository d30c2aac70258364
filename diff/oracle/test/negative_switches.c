/*
 * Every rule about switches, fragments and page states is alive: for each there is a planted fault
 * that it, by its id, reports. As in negative.c, the shadow is driven with its own predictions,
 * and one word of an export, or one field of a result, lies. The last test asks whether any rule
 * was left out.
 */
#include "negative.h"

enum { DIRTY = 3, LOCKED = 0, HWPOISON = 23 };

/* Four blocks of the top order, unless somebody wants guards or fragments. */
static struct machine machine(void)
{
	struct machine m = bare_machine(320);

	m.memory[0].start = 64;
	m.pcp_batch = 1;
	m.pcp_high = 100;
	return m;
}

static struct shadow *fresh(void)
{
	struct machine m = machine();

	return booted(&m, NULL, 0);
}

static struct shadow *shuffled(void)
{
	struct machine m = machine();

	m.shuffle = 1234567;
	return booted(&m, NULL, 0);
}

static struct shadow *guarded(void)
{
	struct machine m = machine();

	m.debug_pagealloc = 1;
	m.guard_order = 2;
	return booted(&m, NULL, 0);
}

static struct shadow *poisoned(void)
{
	struct machine m = machine();

	m.page_poison = 1;
	return booted(&m, NULL, 0);
}

/* ---- Lies in an export ---- */

/*
 * Word @at of the first section of a type, plus or minus something. The rest is true, and
 * accepted.
 */
static void expect_word(struct shadow *s, enum lb_state_section type, unsigned int at,
			uint64_t change, bool at_boot, enum rule rule)
{
	static struct lie lie;

	state_of(&lie, s);
	*word_of(&lie, type, 0, at) += change;
	expect_state(&lie, at_boot, rule);
}

/* The first two blocks of the list of the top order in each other's place. */
static void expect_exchanged(struct shadow *s, bool at_boot, enum rule rule)
{
	enum { ORDER = 2, BLOCKS = 4 };
	static struct lie lie;
	unsigned int list = 0;

	state_of(&lie, s);
	while (*word_of(&lie, LB_STATE_FREE_LIST, list, ORDER) != s->top_order)
		list++;
	uint64_t *blocks = word_of(&lie, LB_STATE_FREE_LIST, list, BLOCKS), first = blocks[0];

	blocks[0] = blocks[1];
	blocks[1] = first;
	expect_state(&lie, at_boot, rule);
}

TEST(lies_about_shuffling)
{
	struct shadow *s = shuffled();

	expect_exchanged(s, true, RULE_BOOT_SHUFFLE);
	expect_exchanged(s, false, RULE_SHUFFLE_TAIL);
	expect_word(s, LB_STATE_RANDOM, 0, 1, false, RULE_SHUFFLE_GENERATOR);
	expect_word(s, LB_STATE_RANDOM, 1, 1, false, RULE_SHUFFLE_POOL);
	expect_word(s, LB_STATE_RANDOM, 2, 1, false, RULE_SHUFFLE_BITS);
	shadow_destroy(s);
}

/* Without a switch there is nothing to be wrong about: lists are as without it. */
TEST(without_shuffling_an_exchange_is_an_order_of_a_list)
{
	struct shadow *s = fresh();

	expect_exchanged(s, true, RULE_BOOT_FREE_LISTS);
	expect_exchanged(s, false, RULE_LIST_ORDER);
	shadow_destroy(s);
}

TEST(lies_about_guards)
{
	struct shadow *s = guarded();

	take(s, GFP_NOWAIT | GFP_MOVABLE, 0);
	EXPECT_EQ(s->state->nr_guards, 2); /* 65:0, 66:1 */
	expect_word(s, LB_STATE_GUARDS, 0, 1, false, RULE_GUARD_MEMBERS);
	expect_word(s, LB_STATE_GUARDS, 3, (uint64_t)-1, false, RULE_GUARD_ORDER);
	shadow_destroy(s);
}

static void write_freed(struct shadow *s, int64_t pfn, uint32_t byte)
{
	EXPECT_EQ(run(s,
		      (struct lb_call){ .op = OP_WRITE_FREED, .pfn = (uint64_t)pfn, .value = byte })
			  .outcome,
		  LB_DONE);
}

TEST(lies_about_contents)
{
	struct shadow *s = poisoned();
	int64_t p = take(s, GFP_NOWAIT, 0);

	give(s, p, 0);
	write_freed(s, p, 3);
	expect_word(s, LB_STATE_CONTENTS, 0, 1, false, RULE_CONTENTS_DIRTY_FRAMES);
	expect_word(s, LB_STATE_CONTENTS, 1, 1, false, RULE_CONTENTS_DIRTY_BYTE);
	shadow_destroy(s);
}

static struct lb_call piece_call(uint32_t bytes)
{
	return (struct lb_call){
		.op = OP_PAGE_FRAG_ALLOC, .gfp = GFP_NOWAIT, .value = bytes, .node = NODE_NONE
	};
}

TEST(lies_about_caches_and_blocks_of_fragments)
{
	static const enum rule cache[] = { RULE_FRAG_CACHE, RULE_FRAG_SIZE, RULE_FRAG_LEFT,
					   RULE_FRAG_BIAS, RULE_FRAG_PFMEMALLOC },
			       block[] = { RULE_FRAG_BLOCKS, RULE_FRAG_ORDER,
					   RULE_FRAG_REFERENCES };
	struct shadow *s = fresh();

	run(s, piece_call(10));
	for (unsigned int i = 0; i < sizeof(cache) / sizeof(cache[0]); i++)
		expect_word(s, LB_STATE_FRAG_CACHES, i, 1, false, cache[i]);
	for (unsigned int i = 0; i < sizeof(block) / sizeof(block[0]); i++)
		expect_word(s, LB_STATE_FRAG_BLOCKS, i, 1, false, block[i]);
	shadow_destroy(s);
}

static struct lb_call on_block(enum opcode op, int64_t pfn, unsigned int order, uint32_t value)
{
	struct lb_call call = free_call((uint64_t)pfn, order);

	call.op = (uint8_t)op;
	call.value = value;
	return call;
}

TEST(lies_about_flags_and_destructors)
{
	struct shadow *s = fresh();
	int64_t held = take(s, GFP_NOWAIT | GFP_COMP, 4), freed = take(s, GFP_NOWAIT, 4);
	struct lb_call thp = on_block(OP_PREP_TRANSHUGE, held, 4, 0);

	thp.compound = 1;
	run(s, thp);
	expect_word(s, LB_STATE_DESTRUCTORS, 0, 1, false, RULE_DESTRUCTOR_KIND);
	run(s, on_block(OP_SET_PAGE_FLAG, held, 4, DIRTY * 2 + 1));
	expect_word(s, LB_STATE_BAD_PAGES, 1, MARK_LOCKED, false, RULE_FLAGS_SET);
	run(s, on_block(OP_SET_PAGE_FLAG, held, 4, DIRTY * 2));
	run(s, on_block(OP_SET_PAGE_FLAG, freed, 4, HWPOISON * 2 + 1));
	give(s, freed, 4);
	expect_word(s, LB_STATE_BAD_PAGES, 1, MARK_LOCKED, false, RULE_FLAGS_CLEARED);
	expect_word(s, LB_STATE_BAD_PAGES, 1, (uint64_t)-MARK_HWPOISON, false, RULE_FLAGS_CLEARED);
	shadow_destroy(s);
}

/* A row too many that looks like none. */
TEST(a_row_of_no_frame_is_a_row)
{
	static struct lie lie;
	struct shadow *s = fresh();
	int64_t held = take(s, GFP_NOWAIT | GFP_COMP, 4);
	struct lb_call thp = on_block(OP_PREP_TRANSHUGE, held, 4, 0);
	struct verdict v = { .broken = false };

	thp.compound = 1;
	run(s, thp);
	state_of(&lie, s);
	*word_of(&lie, LB_STATE_DESTRUCTORS, 0, 0) = NO_PFN;
	s->frames[held].thp = 0;
	s->state->nr_thp = 0;
	expect_rule(&v, shadow_compare(s, lie.words, false, &v), RULE_DESTRUCTOR_KIND);
	shadow_destroy(s);
}

/* ---- Lies in a result ---- */

static const struct lb_result done = { .outcome = LB_DONE };

static struct lb_result warns(uint64_t pfn, uint8_t warnings)
{
	return (struct lb_result){ .outcome = LB_BLOCK, .pfn = pfn, .warnings = warnings };
}

/* Frees the page, writes the byte over it, and is told so of the next allocation. */
static void expect_complaint(uint32_t byte, uint8_t warnings, enum rule rule)
{
	struct shadow *s = poisoned();
	int64_t p = take(s, GFP_NOWAIT, 0);

	give(s, p, 0);
	write_freed(s, p, byte);
	expect_result(s, alloc_call(GFP_NOWAIT, 0), warns((uint64_t)p, warnings), rule);
	shadow_destroy(s);
}

TEST(writes_to_free_pages_that_are_told_of_wrongly)
{
	expect_complaint(0x00, 0, RULE_POISON_NOTICED);
	expect_complaint(0xaa, LB_WARN_POISON, RULE_POISON_NOTICED);
	expect_complaint(0xab, LB_WARN_POISON, RULE_POISON_BIT_FLIP);
	expect_complaint(0x00, LB_WARN_POISON | LB_WARN_BIT_FLIP, RULE_POISON_BIT_FLIP);
}

TEST(a_write_to_what_is_held_is_done)
{
	struct shadow *s = fresh();
	int64_t p = take(s, GFP_NOWAIT, 0);

	expect_result(s, (struct lb_call){ .op = OP_WRITE_FREED, .pfn = (uint64_t)p }, done,
		      RULE_WRITE_FREED_REFUSED);
	shadow_destroy(s);
}

static struct lb_result a_piece(uint64_t pfn, uint32_t offset)
{
	return (struct lb_result){ .outcome = LB_BLOCK, .pfn = pfn, .offset = offset };
}

TEST(lies_about_a_fragment)
{
	struct shadow *s = fresh();
	struct lb_call too_large = piece_call(5000);

	expect_result(s, piece_call(40000), a_piece(64, 0), RULE_FRAG_REFUSED);
	expect_result(s, piece_call(16), a_piece(79, 4080), RULE_EXACT_FRAME); /* of 64..72 */
	expect_result(s, piece_call(16), a_piece(71, 4080), RULE_FRAG_OFFSET);
	expect_result(s, piece_call(16), a_piece(70, 4048), RULE_FRAG_OFFSET);
	expect_result(s, alloc_call(GFP_NOWAIT, 4), a_piece(80, 8), RULE_FRAG_OFFSET);
	expect_result(s, piece_call(16), (struct lb_result){ .outcome = LB_NULL },
		      RULE_RESULT_OUTCOME);
	run(s, (struct lb_call){ .op = OP_PAGE_FRAG_DRAIN });
	too_large.fail_nth = 1;
	expect_result(s, too_large, a_piece(73, 0), RULE_FRAG_TOO_LARGE);
	run(s, (struct lb_call){ .op = OP_PAGE_FRAG_DRAIN });
	expect_result(s, piece_call(16), (struct lb_result){ .outcome = LB_NULL },
		      RULE_ZONE_UNJUSTIFIED_FAILURE);
	shadow_destroy(s);
}

TEST(flags_that_ought_to_be_refused_or_complained_of)
{
	struct shadow *s = fresh();
	int64_t p = take(s, GFP_NOWAIT, 4);

	expect_result(s, on_block(OP_SET_PAGE_FLAG, p, 4, PROGRAM_FLAG_HEAD * 2 + 1), done,
		      RULE_FLAGS_REFUSED);
	expect_result(s, on_block(OP_PREP_TRANSHUGE, p, 4, 0), done, RULE_DESTRUCTOR_REFUSED);
	run(s, on_block(OP_SET_PAGE_FLAG, p, 4, LOCKED * 2 + 1));
	expect_result(s, free_call((uint64_t)p, 4),
		      (struct lb_result){ .outcome = LB_DONE, .leaked = 16 }, RULE_FLAGS_BAD);
	shadow_destroy(s);
}

static struct shadow *with_poisoned_page(int64_t *p)
{
	struct shadow *s = fresh();

	*p = take(s, GFP_NOWAIT, 0);
	run(s, on_block(OP_SET_PAGE_FLAG, *p, 0, HWPOISON * 2 + 1));
	return s;
}

TEST(a_poisoned_page_that_is_kept_or_complained_of)
{
	int64_t p;
	struct shadow *s = with_poisoned_page(&p);

	expect_result(s, free_call((uint64_t)p, 0), done, RULE_HWPOISON_DROPPED);
	shadow_destroy(s);
	s = with_poisoned_page(&p);
	expect_result(
		s, free_call((uint64_t)p, 0),
		(struct lb_result){ .outcome = LB_DONE, .leaked = 1, .warnings = LB_WARN_BAD_PAGE },
		RULE_HWPOISON_SILENT);
	shadow_destroy(s);
}

/* ---- Is any rule left out? ---- */

TEST(every_rule_of_switches_was_reported)
{
	static const enum rule rules[] = {
#define RULE(NAME, id, level, sentence, source) RULE_##NAME,
#include "oracle/rules_switches.def"
#undef RULE
	};

	expect_all_reported(rules, sizeof(rules) / sizeof(rules[0]));
}

TEST_MAIN
