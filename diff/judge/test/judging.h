/*
 * What tests of targets and of the judge share: a program as text, run on a target by name.
 */
#ifndef LOSTBUDDY_JUDGE_TEST_JUDGING_H
#define LOSTBUDDY_JUDGE_TEST_JUDGING_H

#include "test.h"

#include "judge/judge_internal.h"

#include <stdlib.h>

#define MACHINE "lostbuddy 1\nmachine pages=512 dma_end=128\n"

/* False: the text is no program, which the test has been told. */
static inline bool given_program(struct program *p, const char *text)
{
	struct text_error error;

	program_init(p);
	if (EXPECT(program_parse(p, text, strlen(text), &error)))
		return true;
	fprintf(stderr, "  line %u, column %u: %s\n", error.line, error.column, error.what);
	return false;
}

static inline const struct lb_target *given_target(const char *name)
{
	char error[TARGET_ERROR_SIZE] = "";
	const struct lb_target *target = target_find(name, error);

	if (!EXPECT(target))
		fprintf(stderr, "  %s\n", error);
	return target;
}

/* The outcome of a program on a target, in a judge of its own. */
static inline struct outcome judged_with(const struct lb_target *target,
					 const struct judge_options *options, const char *text)
{
	struct outcome outcome = { .kind = FINDING_CREATE };
	struct judge *j = target ? judge_create(target, options) : NULL;
	struct program p;

	if (j && given_program(&p, text))
		judge_run(j, &p, &outcome);
	if (j)
		program_free(&p);
	judge_destroy(j);
	return outcome;
}

static inline struct outcome judged(const char *target, const char *text)
{
	return judged_with(given_target(target), NULL, text);
}

static inline void expect_finding(const struct outcome *outcome, const char *id)
{
	if (!EXPECT_STR(finding_id(outcome), id))
		fprintf(stderr, "  at operation %u: %s %s\n", outcome->op, outcome->verdict.field,
			outcome->verdict.what);
}

#endif
