/* Targets that die or hang: a finding each, at the operation that did it, and the judge goes on. */
#include "judging.h"

#include <stdlib.h>
#include <unistd.h>

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

static void *dies(const struct machine *machine, char *error)
{
	(void)machine, (void)error;
	abort();
}

static void *waits(const struct machine *machine, char *error)
{
	(void)machine, (void)error;
	while (getppid() > 0)
		pause();
	return NULL;
}

TEST(who_dies_while_it_is_created_has_not_begun_the_first_operation)
{
	const struct judge_options quick = { .timeout_ms = 300 };
	struct lb_target t = *given_target("broken:crashes");
	struct outcome o;

	t.create = dies;
	o = judged_with(&t, &quick, THREE);
	expect_finding(&o, "target.crash");
	EXPECT(o.at_boot);
	EXPECT_EQ(o.op, 0);
	EXPECT_STR(o.signature, "target.crash SIGABRT boot");
	t.create = waits;
	o = judged_with(&t, &quick, THREE);
	EXPECT(o.at_boot);
	EXPECT_STR(o.signature, "target.hang boot");
	t.create = given_target("broken:crashes")->create;
	o = judged_with(&t, &quick, THREE);
	EXPECT(!o.at_boot);
}

TEST(a_report_says_that_the_target_died_while_it_was_created)
{
	struct lb_target t = *given_target("broken:crashes");
	struct program p;
	char report[4096] = "";

	t.create = dies;

	struct judge *j = judge_create(&t, NULL);

	if (given_program(&p, THREE))
		judge_explain(j, &p, report, sizeof(report));
	EXPECT(strstr(report,
		      "target.crash when the target was created, before the first operation\n"));
	EXPECT(!strstr(report, "operation 0"));
	EXPECT(strstr(report, "!        machine "));
	program_free(&p);
	judge_destroy(j);
}

TEST_MAIN
