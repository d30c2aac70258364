/* Reports for people: what has to be in them. */
#include "judging.h"

static char report[1 << 16];

static const char *explained(const char *target, const char *text)
{
	struct judge *j = judge_create(given_target(target), NULL);
	struct program p;

	report[0] = '\0';
	if (given_program(&p, text))
		judge_explain(j, &p, report, sizeof(report));
	program_free(&p);
	judge_destroy(j);
	return report;
}

static void expect_in_report(const char *part)
{
	if (!EXPECT(strstr(report, part)))
		fprintf(stderr, "  no \"%s\" in:\n%s\n", part, report);
}

#define OVERLAP                                                                                    \
	MACHINE                                                                                    \
	"p0 = alloc_page(gfp=KERNEL)\n"                                                            \
	"p1 = alloc_page(gfp=KERNEL)\n"                                                            \
	"p2 = alloc_page(gfp=KERNEL)\n"                                                            \
	"__free_pages(p0)\n"

TEST(a_report_has_rule_sentence_program_and_the_place)
{
	explained("broken:overlaps", OVERLAP);
	expect_in_report("contract.overlap at operation 2 (alloc_page)");
	expect_in_report(rule_info[RULE_CONTRACT_OVERLAP].sentence);
	expect_in_report("signature  contract.overlap alloc");
	expect_in_report("!     2  p2 = alloc_page(gfp=KERNEL)");
	expect_in_report("machine ");
	EXPECT(!strstr(report, "__free_pages")); /* nothing after the finding */
}

TEST(a_clean_program_is_said_to_be_clean)
{
	explained("broken:correct", OVERLAP);
	expect_in_report("Nothing was found: 4 operations carried out");
}

TEST(a_crash_is_explained_by_who_survived_it)
{
	explained("broken:crashes", OVERLAP "__free_pages(p1)\n__free_pages(p2)\n");
	expect_in_report("target.crash at operation 5 (__free_pages)");
	expect_in_report("SIGABRT");
	expect_in_report("!     5  __free_pages(p2)");
}

TEST(a_report_that_does_not_fit_is_cut_and_its_size_known)
{
	struct judge *j = judge_create(given_target("broken:overlaps"), NULL);
	struct program p;
	char small[32];

	if (given_program(&p, OVERLAP)) {
		size_t whole = judge_explain(j, &p, report, sizeof(report));

		EXPECT_EQ(whole, strlen(report));
		EXPECT_EQ(judge_explain(j, &p, small, sizeof(small)), whole);
		EXPECT_EQ(strlen(small), sizeof(small) - 1);
		EXPECT_EQ(judge_explain(j, &p, NULL, 0), whole);
	}
	program_free(&p);
	judge_destroy(j);
}

/*
 * target   order 1: 8     order 2: 32, 64
 * oracle   order 1: 8     order 2: 32, 96     order 3: 16
 */
TEST(states_stand_side_by_side_and_rows_that_differ_have_a_star)
{
	uint64_t target[] = { LB_STATE_FREE_LIST,
			      5,
			      0,
			      1,
			      1,
			      0,
			      8,
			      LB_STATE_FREE_LIST,
			      6,
			      0,
			      1,
			      2,
			      1,
			      32,
			      64,
			      0,
			      0 };
	uint64_t oracle[] = { LB_STATE_FREE_LIST,
			      5,
			      0,
			      1,
			      1,
			      0,
			      8,
			      LB_STATE_FREE_LIST,
			      6,
			      0,
			      1,
			      2,
			      1,
			      32,
			      96,
			      LB_STATE_FREE_LIST,
			      5,
			      0,
			      1,
			      3,
			      2,
			      16,
			      0,
			      0 };
	struct words actual = { .words = target, .size = 17 },
		     expect = { .words = oracle, .size = 24 };
	struct text t = { .buffer = report, .size = sizeof(report) };

	draw_states(&t, &actual, &expect);
	expect_in_report("  node 0 DMA32   order 1  U   8   ");
	expect_in_report("* node 0 DMA32   order 2  M   32 64   ");
	expect_in_report("first difference at word 1: 64, expected 96");
	expect_in_report("* node 0 DMA32   order 3  R   -   ");
}

TEST(guards_caches_and_deferred_pages_are_drawn_thing_by_thing)
{
	static uint64_t target[] = { LB_STATE_GUARDS,
				     4,
				     65,
				     0,
				     66,
				     1,
				     LB_STATE_DEFERRED,
				     4,
				     0,
				     UINT64_MAX,
				     1,
				     576,
				     LB_STATE_CONTENTS,
				     2,
				     300,
				     256,
				     LB_STATE_FRAG_CACHES,
				     10,
				     1032,
				     32768,
				     31268,
				     32768,
				     0,
				     UINT64_MAX,
				     0,
				     0,
				     0,
				     0,
				     LB_STATE_FRAG_BLOCKS,
				     3,
				     1032,
				     3,
				     32769,
				     LB_STATE_DESTRUCTORS,
				     2,
				     64,
				     128,
				     LB_STATE_END,
				     0 };
	static uint64_t oracle[] = { LB_STATE_GUARDS, 2, 65, 0, LB_STATE_END, 0 };
	struct words actual = { .words = target, .size = sizeof(target) / sizeof(target[0]) },
		     expect = { .words = oracle, .size = sizeof(oracle) / sizeof(oracle[0]) };
	struct text t = { .buffer = report, .size = sizeof(report) };

	draw_states(&t, &actual, &expect);
	expect_in_report("* guards                      65:0 66:1   ");
	expect_in_report("  65:0\n");
	expect_in_report("deferred                    0:- 1:576   ");
	expect_in_report("dirty free pages            300:256   ");
	expect_in_report("fragment caches             1032:32768:31268:32768:0 -   ");
	expect_in_report("fragment blocks             1032:3:32769   ");
	expect_in_report("huge pages                  64 128   ");
}

/*
 * The page lists of CPU 0 (node 0, Normal): 3 pages, high 16, batch 4; list 0 has 2 3 (UNMOVABLE), list 1
 * has 8 (MOVABLE) on the target and 9 with the oracle. Of CPU 1 nothing but the numbers, factor 2.
 */
TEST(page_lists_are_drawn_as_frames_with_their_types)
{
#define MOVABLE(pfn) ((UINT64_C(1) << 56) + (pfn))
#define PAGE_LISTS(last)                                                                           \
	LB_STATE_PCP, 15, 0, 2, 0, 3, 16, 4, 0, 12, 0, 2, 2, 3, 1, 1, MOVABLE(last), LB_STATE_PCP, \
		8, 0, 2, 1, 0, 16, 4, 2, 12, LB_STATE_END, 0
	uint64_t target[] = { PAGE_LISTS(8) }, oracle[] = { PAGE_LISTS(9) };
	struct words actual = { .words = target, .size = 29 },
		     expect = { .words = oracle, .size = 29 };
	struct text t = { .buffer = report, .size = sizeof(report) };

	draw_states(&t, &actual, &expect);
	expect_in_report(
		"* node 0 Normal  cpu 0        count 3 high 16 batch 4 | 0: 2U 3U | 1: 8M ");
	expect_in_report("first difference at word 11: 8M, expected 9M");
	expect_in_report("  node 0 Normal  cpu 1        count 0 high 16 batch 4 factor 2 ");
	/* a word of a list's head is no page: list 0 has one page less, so the first word to differ is its length */
	oracle[11] = 1;
	report[0] = '\0';
	t.used = 0;
	draw_states(&t, &actual, &expect);
	expect_in_report("first difference at word 6: 2, expected 1");
}

TEST(a_state_that_is_nonsense_is_drawn_as_far_as_it_can_be_read)
{
	uint64_t cut[] = { LB_STATE_COUNTERS, 2, 1, 2, LB_STATE_FREE_LIST, 1000, 1 };
	uint64_t odd[] = { 77, 1, 5, LB_STATE_ZONE, 1, 0 };
	struct words actual = { .words = cut, .size = 7 }, expect = { .words = odd, .size = 6 };
	struct text t = { .buffer = report, .size = sizeof(report) };

	draw_states(&t, &actual, &expect);
	expect_in_report("counters");
	expect_in_report("section");
}

TEST_MAIN
