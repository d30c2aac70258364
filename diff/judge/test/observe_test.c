/* What a text says was observed: written, checked, and expected divergences. */
#include "judging.h"

static const struct judge_options look = { .check_observed = true };

TEST(what_was_observed_is_confirmed_by_the_next_run)
{
	struct judge *j = judge_create(given_target("broken:correct"), &look);
	struct outcome o;
	struct program p;

	if (given_program(&p, MACHINE "p0 = alloc_pages(order=1, gfp=KERNEL)\n"
				      "p1 = alloc_pages(order=15, gfp=KERNEL)\n"
				      "__free_pages(p1)\n"
				      "__free_pages(p0)\n"
				      "double_free(p0)\n")) {
		EXPECT(judge_observe(j, &p, &o));
		EXPECT_EQ(p.observed[0].kind, OBSERVED_PFN);
		EXPECT_STR(p.observed[1].words, "ENOMEM order");
		EXPECT_EQ(p.observed[2].kind, OBSERVED_NOTHING); /* a no-op */
		EXPECT_STR(p.observed[3].words, "ok");
		EXPECT_STR(p.observed[4].words, "refused double-free");
		EXPECT(judge_run(j, &p, &o));
		p.observed[0].pfn++;
		EXPECT(!judge_run(j, &p, &o));
		expect_finding(&o, "replay.observed");
		EXPECT_EQ(o.op, 0);
	}
	program_free(&p);
	judge_destroy(j);
}

TEST(an_observation_is_checked_in_the_worker_too)
{
	const struct judge_options supervised = { .check_observed = true, .supervised = true };
	struct outcome o =
		judged_with(given_target("broken:correct"), &supervised,
			    MACHINE "p0 = alloc_page(gfp=KERNEL)\n"
				    "__free_pages(p0)                 -> refused tail\n");

	expect_finding(&o, "replay.observed");
	EXPECT_EQ(o.op, 1);
	EXPECT_STR(o.verdict.what, "the text says \"refused tail\", and it was \"ok\"");
}

#define OVERLAP                                                                                    \
	MACHINE                                                                                    \
	"p0 = alloc_page(gfp=KERNEL)\n"                                                            \
	"p1 = alloc_page(gfp=KERNEL)\n"                                                            \
	"p2 = alloc_page(gfp=KERNEL)"

TEST(an_expected_divergence_is_no_finding)
{
	struct outcome o = judged_with(given_target("broken:overlaps"), &look,
				       OVERLAP " -> ! contract.overlap pfn 1\n");

	expect_finding(&o, "");
	o = judged_with(given_target("broken:overlaps"), &look,
			OVERLAP "\ncheck() -> ! contract.overlap\n");
	expect_finding(&o, "");
}

TEST(another_divergence_than_the_expected_one_is_a_finding)
{
	struct outcome o = judged_with(given_target("broken:overlaps"), &look,
				       OVERLAP " -> ! contract.leak\n");

	expect_finding(&o, "contract.overlap");
}

TEST(an_expected_divergence_that_does_not_come_is_a_finding)
{
	struct outcome o = judged_with(given_target("broken:correct"), &look,
				       OVERLAP " -> ! contract.overlap\n");

	expect_finding(&o, "replay.expected");
	EXPECT_EQ(o.op, 2);
	EXPECT_STR(
		o.verdict.what,
		"the text expects \"contract.overlap\", and all was well: fixed? Take the `-> !` "
		"off this line, or replay with --no-observed");
}

/* Who misspells a rule is not told that it was fixed. */
TEST(an_expected_divergence_has_the_name_of_a_finding)
{
	struct outcome o = judged_with(given_target("broken:correct"), &look,
				       OVERLAP " -> ! contract.overlaps\n");

	expect_finding(&o, "replay.expected");
	EXPECT(strstr(o.verdict.what, "no finding has that name") != NULL);
	o = judged_with(given_target("broken:correct"), &look, OVERLAP " -> ! target.crash\n");
	EXPECT(strstr(o.verdict.what, "fixed?") != NULL);
}

/* What is found is written where it was found, and so found again by a replay. */
TEST(a_finding_is_observed_as_a_divergence)
{
	static const char *const targets[] = { "broken:overlaps", "broken:leaks",
					       "broken:crashes" };

	for (unsigned int i = 0; i < 3; i++) {
		struct judge *j = judge_create(given_target(targets[i]), &look);
		struct outcome o;
		struct program p;

		if (given_program(&p, OVERLAP
				  "\n__free_pages(p0)\n__free_pages(p1)\n__free_pages(p2)\n")) {
			EXPECT(!judge_observe(j, &p, &o));

			uint32_t line = o.op < p.nr_ops ? o.op : p.nr_ops - 1;

			EXPECT_EQ(p.observed[line].kind, OBSERVED_DIVERGENCE);
			EXPECT_STR(p.observed[line].words, finding_id(&o));
			EXPECT(judge_run(j, &p, &o));
		}
		program_free(&p);
		judge_destroy(j);
	}
}

TEST_MAIN
