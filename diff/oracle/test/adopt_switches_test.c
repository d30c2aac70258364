/*
 * Sections of switches, fragments and page states: what an export says is taken over, and what it
 * cannot mean is not.
 */
#include "common.h"

enum { WORDS = 1 << 14 };

static uint64_t words[WORDS];

static struct machine machine(void)
{
	struct machine m = bare_machine(320);

	m.memory[0].start = 64;
	m.pcp_batch = 1;
	m.pcp_high = 100;
	m.shuffle = 5;
	m.page_poison = 1;
	return m;
}

/* A state with something in each section but guards. */
static struct shadow *with_everything(void)
{
	struct machine m = machine();
	struct shadow *s = booted(&m, NULL, 0);
	int64_t thp = take(s, GFP_NOWAIT | GFP_COMP, 4), freed = take(s, GFP_NOWAIT, 6);
	struct lb_call call = free_call((uint64_t)thp, 4);

	call.op = OP_PREP_TRANSHUGE;
	call.compound = 1;
	run(s, call);
	call.op = OP_SET_PAGE_FLAG;
	call.page = 3;
	call.value = 23 * 2 + 1;
	run(s, call);
	give(s, freed, 6); /* fills the pool */
	run(s, (struct lb_call){ .op = OP_WRITE_FREED, .pfn = (uint64_t)freed, .value = 9 });
	run(s, (struct lb_call){ .op = OP_PAGE_FRAG_ALLOC, .gfp = GFP_NOWAIT, .value = 77 });
	if (!EXPECT(shadow_export(s, words, WORDS) < WORDS))
		exit(1);
	return s;
}

static uint64_t *section_of(enum lb_state_section type)
{
	const uint64_t *from = words;
	struct section section;

	if (!EXPECT(section_find(&from, type, &section)))
		exit(1);
	return words + (section.words - words);
}

TEST(everything_is_taken_over)
{
	struct machine m = machine();
	struct shadow *s = with_everything(), *other = booted(&m, NULL, 0);
	struct verdict v;

	EXPECT(shadow_adopt(other, words, &v));
	EXPECT(shadow_compare(other, words, false, &v));
	EXPECT_EQ(other->state->nr_thp, 1);
	EXPECT_EQ(other->state->nr_dirty, 1);
	EXPECT_EQ(other->state->nr_frag_blocks, 1);
	EXPECT_EQ(other->state->nr_marked, 1);
	EXPECT_EQ(other->state->shuffle.bits, 63);
	EXPECT(shadow_adopt(other, words, &v)); /* again: nothing is left over, nothing twice */
	EXPECT(shadow_compare(other, words, false, &v));
	EXPECT_EQ(other->state->nr_frag_blocks, 1);
	shadow_destroy(s);
	shadow_destroy(other);
}

TEST(guards_are_taken_over)
{
	struct machine m = machine();
	struct shadow *s, *other;
	struct verdict v;

	m.shuffle = 0;
	m.debug_pagealloc = 1;
	m.guard_order = 3;
	s = booted(&m, NULL, 0);
	other = booted(&m, NULL, 0);
	take(s, GFP_NOWAIT, 0);
	EXPECT(shadow_export(s, words, WORDS) < WORDS);
	EXPECT(shadow_adopt(other, words, &v));
	EXPECT(shadow_compare(other, words, false, &v));
	EXPECT_EQ(other->state->nr_guards, 3);
	EXPECT_EQ(other->frames[66].kind, FRAME_GUARD);
	++section_of(LB_STATE_GUARDS)[2]; /* 66:1 to 67:1, off its alignment */
	EXPECT(!shadow_adopt(other, words, &v));
	shadow_destroy(s);
	shadow_destroy(other);
}

TEST(what_an_export_cannot_mean_is_not_adopted)
{
	static const struct {
		enum lb_state_section type;
		unsigned int at;
		uint64_t value;
	} rows[] = {
		{ LB_STATE_RANDOM, 2, 65 },
		{ LB_STATE_CONTENTS, 0, 320 },
		{ LB_STATE_CONTENTS, 1, 257 },
		{ LB_STATE_FRAG_CACHES, 0, 320 },
		{ LB_STATE_FRAG_CACHES, 0, 64 },
		{ LB_STATE_FRAG_CACHES, 1, 4096 },
		{ LB_STATE_FRAG_CACHES, 2, 32769 },
		{ LB_STATE_FRAG_CACHES, 3, 0 },
		{ LB_STATE_FRAG_CACHES, 3, 32770 },
		{ LB_STATE_FRAG_BLOCKS, 0, 81 },
		{ LB_STATE_FRAG_BLOCKS, 0, UINT64_MAX },
		{ LB_STATE_FRAG_BLOCKS, 1, 64 },
		{ LB_STATE_FRAG_BLOCKS, 2, 0 },
		{ LB_STATE_FRAG_BLOCKS, 2, UINT64_MAX },
		{ LB_STATE_DESTRUCTORS, 0, 320 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct shadow *s = with_everything();
		struct verdict v = { .broken = false };

		section_of(rows[i].type)[rows[i].at] = rows[i].value;
		if (!EXPECT(!shadow_adopt(s, words, &v) && v.rule == RULE_STATE_SECTIONS))
			fprintf(stderr, "  row %zu\n", i);
		shadow_destroy(s);
	}
}

/* Two caches hold more of a block than it has references, and each by itself does not. */
TEST(caches_that_share_a_block_are_not_adopted)
{
	struct machine m = bare_machine(320);
	struct shadow *s;
	uint64_t *caches;
	struct verdict v;

	m.nr_cpus = 2;
	s = booted(&m, NULL, 0);
	run(s, (struct lb_call){ .op = OP_PAGE_FRAG_ALLOC, .gfp = GFP_NOWAIT, .value = 77 });
	EXPECT(shadow_export(s, words, WORDS) < WORDS);
	caches = section_of(LB_STATE_FRAG_CACHES);
	memcpy(caches + 5, caches, 5 * sizeof(*caches));
	caches[8] = 1;
	EXPECT(shadow_adopt(s, words, &v));
	caches[8] = 2;
	EXPECT(!shadow_adopt(s, words, &v));
	shadow_destroy(s);
}

TEST_MAIN
