/* Targets that die or hang: a finding each, at the operation that did it, and the judge goes on. */
#include "judging.h"

#define THREE                                                                                      \
	MACHINE                                                                                    \
	"p0 = alloc_page(gfp=KERNEL)\n"                                                            \
	"p1 = alloc_page(gfp=KERNEL)\n"                                                            \
	"p2 = alloc_page(gfp=KERNEL)\n"                                                            \
	"__free_pages(p0)\n"                                                                       \
	"__free_pages(p1)\n"                                                                       \
	"nop()\n"                                                                                  \
	"__free_pages(p2)\n"                                                                       \
	"p3 = alloc_page(gfp=KERNEL)\n"

static struct outcome judged_quickly(const char *target, const char *text)
{
	const struct judge_options quick = { .timeout_ms = 300 };

	return judged_with(given_target(target), &quick, text);
}

TEST(a_crash_is_attributed_to_its_operation)
{
	struct outcome o = judged_quickly("broken:crashes", THREE);

	expect_finding(&o, "target.crash");
	EXPECT_EQ(o.op, 6);
	EXPECT_STR(o.signature, "target.crash SIGABRT free");
}

TEST(a_hang_is_told_from_a_crash)
{
	struct outcome o = judged_quickly("broken:hangs", THREE);

	expect_finding(&o, "target.hang");
	EXPECT_EQ(o.op, 2);
	EXPECT_STR(o.signature, "target.hang alloc");
}

TEST(corruption_shows_where_it_is_stepped_on)
{
	struct outcome o = judged_quickly("broken:corrupts-itself", THREE);

	expect_finding(&o, "target.crash");
	EXPECT_EQ(o.op, 6); /* planted by operation 4; the third free follows the link */
	EXPECT_STR(o.signature, "target.crash SIGSEGV free");
}

TEST(one_judge_lives_through_many_deaths)
{
	struct judge *j = judge_create(given_target("broken:crashes"), NULL);
	struct program bad, good;
	struct outcome o;

	if (given_program(&bad, THREE) &&
	    given_program(&good, MACHINE "p0 = alloc_page(gfp=KERNEL)\n")) {
		for (unsigned int i = 0; i < 5; i++) {
			judge_run(j, &bad, &o);
			expect_finding(&o, "target.crash");
			/*
			 * the probe of a fresh instance frees three blocks: a crash again, but at
			 * the end
			 */
			judge_run(j, &good, &o);
			EXPECT_EQ(o.op, 1);
		}
	}
	program_free(&bad);
	program_free(&good);
	judge_destroy(j);
}

TEST(what_was_exercised_in_a_worker_is_counted_here)
{
	const struct judge_options supervised = { .supervised = true };
	struct judge *j = judge_create(given_target("broken:correct"), &supervised);
	struct judge *here = judge_create(given_target("broken:correct"), NULL);
	struct program p;
	struct outcome o;

	if (given_program(&p, MACHINE "p0 = get_zeroed_page(gfp=KERNEL)\n__free_pages(p0)\n")) {
		EXPECT(judge_run(j, &p, &o) && judge_run(j, &p, &o));
		EXPECT(judge_run(here, &p, &o) && judge_run(here, &p, &o));
		EXPECT_EQ(judge_exercised(j)[RULE_CONTRACT_ZEROED], 2);
		EXPECT_EQ(judge_exercised(j)[RULE_CONTRACT_CONTENTS], 2);
		EXPECT(memcmp(judge_exercised(j), judge_exercised(here),
			      RULE_COUNT * sizeof(uint64_t)) == 0);
	}
	program_free(&p);
	judge_destroy(j);
	judge_destroy(here);
}

TEST_MAIN
