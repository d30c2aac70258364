/* Stamps: what they see, what they cannot see, and that nothing of them stays. */
#include "judging.h"

enum { FRAMES = 64, WORDS = JUDGE_PAGE_BYTES / 8 };

static uint64_t memory[FRAMES][WORDS];

static void *in_one_stretch(void *instance, uint64_t pfn)
{
	(void)instance;
	return memory[pfn];
}

/* Frames the other way round: no stretch. */
static void *reversed(void *instance, uint64_t pfn)
{
	(void)instance;
	return memory[FRAMES - 1 - pfn];
}

static const struct lb_target stretch_target = { .memory = in_one_stretch };
static const struct lb_target reversed_target = { .memory = reversed };

static void given_contents(struct contents *c, const struct lb_target *target)
{
	struct machine m = { .max_pfn = FRAMES,
			     .nr_memory = 1,
			     .memory = { { .start = 1, .end = FRAMES } } };

	memset(memory, 0, sizeof(memory));
	EXPECT(contents_init(c, target, &m));
	contents_attach(c, NULL);
}

static bool all_zero(void)
{
	for (unsigned int pfn = 0; pfn < FRAMES; pfn++)
		for (unsigned int i = 0; i < WORDS; i++)
			if (memory[pfn][i])
				return false;
	return true;
}

static uint64_t *stamp_in(uint64_t *page)
{
	for (unsigned int i = 0; i < WORDS; i++)
		if (page[i])
			return &page[i];
	return NULL;
}

TEST(a_stamped_block_is_intact_until_a_stamp_is_damaged)
{
	static const struct lb_target *const targets[] = { &stretch_target, &reversed_target };

	for (unsigned int i = 0; i < 2; i++) {
		struct stamps stamps = { .id = 7, .order = 2 };
		struct contents_fault fault;
		struct contents c;

		given_contents(&c, targets[i]);
		contents_stamp(&c, 8, 2, &stamps);
		EXPECT(contents_intact(&c, 8, 2, &stamps, &fault));

		uint64_t *stamp = stamp_in(targets[i]->memory(NULL, 10));

		if (EXPECT(stamp))
			*stamp ^= 1;
		EXPECT(!contents_intact(&c, 8, 2, &stamps, &fault));
		EXPECT_EQ(fault.pfn, 10);
		EXPECT_EQ(fault.expect ^ fault.actual, 1);
		contents_free(&c);
	}
}

/* Two owners of one page write different words, mostly in different places. */
TEST(each_of_8_owners_writes_in_a_place_of_his_own)
{
	struct contents c;

	given_contents(&c, &stretch_target);
	for (uint32_t id = 1; id <= 8; id++)
		contents_stamp(&c, 5, 0, &(struct stamps){ .id = id });

	unsigned int words = 0;

	for (unsigned int i = 0; i < WORDS; i++)
		words += memory[5][i] != 0;
	EXPECT_EQ(words, 8);
	EXPECT(memory[5][0] && memory[5][WORDS - 1]);
	contents_free(&c);
}

TEST(what_a_former_owner_left_is_no_zeroed_memory)
{
	struct contents_fault fault;
	struct contents c;

	given_contents(&c, &stretch_target);
	EXPECT(contents_zeroed(&c, 8, 1, false, &fault));
	contents_stamp(&c, 9, 0, &(struct stamps){ .id = 3 });
	EXPECT(!contents_zeroed(&c, 8, 1, false, &fault));
	EXPECT_EQ(fault.pfn, 9);
	memset(memory[9], 0, sizeof(memory[9]));
	EXPECT(contents_zeroed(&c, 8, 1, false, &fault));
	memory[8][WORDS - 1] = 1; /* not by us: the target's own poison */
	EXPECT(!contents_zeroed(&c, 8, 1, false, &fault));
	contents_free(&c);
}

/* Who is asked for what free pages hold looks at every byte; of tainted ones nobody knows. */
TEST(a_page_is_the_same_byte_everywhere_or_tainted)
{
	struct contents_fault fault;
	struct contents c;

	given_contents(&c, &reversed_target);
	memset(memory[FRAMES - 1 - 8], 0xaa, 2 * JUDGE_PAGE_BYTES); /* frames 8 and 7 */
	EXPECT(contents_are(&c, 8, 0, 0xaa, true, &fault));
	EXPECT(contents_are(&c, 7, 0, 0xaa, true, &fault));
	EXPECT(!contents_are(&c, 8, 1, 0xaa, true, &fault));
	EXPECT_EQ(fault.pfn, 9);
	for (unsigned int at = 0; at < JUDGE_PAGE_BYTES; at++) {
		uint8_t *byte = (uint8_t *)memory[FRAMES - 1 - 8] + at;

		*byte ^= 1;
		EXPECT(!contents_are(&c, 8, 0, 0xaa, true, &fault));
		EXPECT_EQ(fault.offset, at / 8 * 8);
		*byte ^= 1;
	}
	contents_taint(&c, 9);
	EXPECT(contents_are(&c, 8, 1, 0xaa, true, &fault));
	EXPECT(!contents_are(&c, 8, 1, 0xaa, false, &fault));
	contents_hand_over(&c, 8, 1);
	EXPECT(!contents_are(&c, 8, 1, 0xaa, true, &fault));
	contents_taint(&c, 9);
	contents_wipe(&c);
	EXPECT(!contents_are(&c, 9, 0, 0xaa, true, &fault));
	contents_free(&c);
}

TEST(tainted_pages_are_not_asked_for_zeroes_where_nobody_clears_them)
{
	struct contents_fault fault;
	struct contents c;

	given_contents(&c, &stretch_target);
	contents_stamp(&c, 8, 0, &(struct stamps){ .id = 3 });
	contents_taint(&c, 8);
	EXPECT(contents_zeroed(&c, 8, 0, true, &fault));
	EXPECT(contents_zeroed(&c, 8, 2, true, &fault));
	EXPECT(!contents_zeroed(&c, 8, 2, false, &fault));
	contents_stamp(&c, 10, 0, &(struct stamps){ .id = 4 });
	EXPECT(!contents_zeroed(&c, 8, 2, true, &fault));
	EXPECT_EQ(fault.pfn, 10);
	contents_wipe(&c);
	contents_free(&c);
}

/* Where it counts what a holder leaves, he leaves something in every page. */
TEST(every_page_is_stamped_where_free_pages_hold_something)
{
	static const struct {
		bool on_alloc, on_free, poison, every;
	} cases[] = { { false, false, false, false },
		      { true, false, false, false },
		      { false, true, false, true },
		      { false, false, true, true } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct machine m = { .max_pfn = FRAMES,
				     .nr_memory = 1,
				     .init_on_alloc = cases[i].on_alloc,
				     .init_on_free = cases[i].on_free,
				     .page_poison = cases[i].poison,
				     .memory = { { .start = 1, .end = FRAMES } } };
		struct stamps part = { .id = 1, .order = 5, .first_page = 5 };
		struct contents_fault fault;
		struct contents c;

		memset(memory, 0, sizeof(memory));
		EXPECT(contents_init(&c, &stretch_target, &m));
		contents_attach(&c, NULL);
		contents_stamp(&c, 32, 5, &(struct stamps){ .id = 1, .order = 5 });
		EXPECT_EQ(stamp_in(memory[32 + 5]) != NULL, cases[i].every);
		EXPECT(contents_intact(&c, 37, 0, &part, &fault));
		memset(memory[32 + 5], 0xff, JUDGE_PAGE_BYTES);
		EXPECT_EQ(!contents_intact(&c, 37, 0, &part, &fault), cases[i].every);
		contents_free(&c);
	}
}

TEST(after_a_wipe_everything_is_zero)
{
	struct contents c;

	given_contents(&c, &reversed_target);
	contents_stamp(&c, 8, 3, &(struct stamps){ .id = 1, .order = 3 });
	contents_stamp(&c, 8, 0, &(struct stamps){ .id = 2 });
	contents_fill(&c, 32, 1, 0xee);
	EXPECT(!all_zero());
	contents_wipe(&c);
	EXPECT(all_zero());
	EXPECT_EQ(c.nr_dirty, 0);
	contents_free(&c);
}

/*
 * page       0    1 .. 15   16   17 .. 30   31
 * stamped    x              x               x
 */
TEST(large_blocks_are_stamped_at_their_ends_and_every_16_pages)
{
	struct contents_fault fault;
	struct stamps stamps = { .id = 1, .order = 5 };
	struct contents c;

	given_contents(&c, &stretch_target);
	contents_stamp(&c, 32, 5, &stamps);
	for (unsigned int page = 0; page < 32; page++)
		EXPECT((stamp_in(memory[32 + page]) != NULL) ==
		       (page == 0 || page == 16 || page == 31));
	memset(memory[32 + 5], 0xff, JUDGE_PAGE_BYTES);
	EXPECT(contents_intact(&c, 32, 5, &stamps, &fault)); /* what that cannot see */

	/* A fill sees it. */
	contents_fill(&c, 32, 5, 0x11);
	stamps.filled = true;
	stamps.fill = 0x11;
	EXPECT(contents_intact_whole(&c, 32, 5, &stamps, &fault));
	memory[32 + 5][9] = 0;
	EXPECT(contents_intact(&c, 32, 5, &stamps, &fault));
	EXPECT(!contents_intact_whole(&c, 32, 5, &stamps, &fault));
	EXPECT_EQ(fault.pfn, 32 + 5);
	EXPECT_EQ(fault.offset, 72);
	contents_free(&c);
}

TEST(a_part_of_a_block_keeps_its_stamps)
{
	struct stamps whole = { .id = 9, .order = 5 },
		      part = { .id = 9, .order = 5, .first_page = 16 };
	struct contents_fault fault;
	struct contents c;

	given_contents(&c, &stretch_target);
	contents_stamp(&c, 32, 5, &whole);
	EXPECT(contents_intact(&c, 48, 0, &part, &fault));
	memset(memory[48], 0, JUDGE_PAGE_BYTES);
	EXPECT(!contents_intact(&c, 48, 0, &part, &fault));
	part.first_page = 17; /* was never stamped */
	EXPECT(contents_intact(&c, 49, 0, &part, &fault));
	contents_free(&c);
}

TEST(frames_that_are_no_memory_do_not_exist)
{
	struct contents c;

	given_contents(&c, &stretch_target);
	EXPECT(!contents_exists(&c, 0, 0));
	EXPECT(contents_exists(&c, 1, 0));
	EXPECT(!contents_exists(&c, 0, 1));
	EXPECT(contents_exists(&c, 32, 5));
	EXPECT(!contents_exists(&c, 48, 5));
	EXPECT(!contents_exists(&c, UINT64_MAX, 0));
	contents_free(&c);
}

TEST_MAIN
