/*
 * Shrinking by the judge: the predicate is "the same signature". Any other finding is told to
 * the caller.
 *
 * Not here: de-duplication of what is told; the caller knows what it has already.
 */
#include "shrink/shrink.h"

#include <assert.h>
#include <string.h>

struct judged {
	struct judge *judge;
	const char *signature;
	shrink_other_fn *other;
	void *arg;
};

static bool shows_signature(const struct program *p, void *arg)
{
	const struct judged *judged = arg;
	struct outcome outcome;

	if (judge_run(judged->judge, p, &outcome))
		return false;
	if (strcmp(outcome.signature, judged->signature) == 0)
		return true;
	if (judged->other)
		judged->other(p, &outcome, judged->arg);
	return false;
}

uint32_t judge_shrink(struct judge *j, struct program *p, const char *signature, uint32_t max_runs,
		      const volatile sig_atomic_t *stop, shrink_other_fn *other, void *arg)
{
	struct judged judged = { j, signature, other, arg };
	struct outcome outcome;

	assert(signature[0]);
	if (max_runs == 0 || judge_run(j, p, &outcome) || strcmp(outcome.signature, signature) != 0)
		return 0;
	struct shrink_task task = {
		.still = shows_signature,
		.arg = &judged,
		.failing = outcome.op,
		.max_runs = max_runs - 1,
		.stop = stop,
	};

	return 1 + shrink_program(p, &task);
}
