/*
 * The quick shrinker: the shortest, plainest program that still shows the same thing.
 *
 *	truncate -> drop no-ops -> keep what the failing operation depends on -> whole lifetimes
 *	   -> halves .. single operations -> pairs -> lower values -> simpler machine
 *	   ^                                                             |
 *	   +----------- again, as long as a round has gained anything ---+
 *
 * Whatever is tried is one candidate program, rebuilt so that it keeps the invariants of
 * program.h; it replaces the best one iff the predicate still holds for it. Handles follow: an
 * allocation that goes takes its uses along.
 *
 * Invariants:
 *   S1  the program that is left satisfies the predicate, if the one that came in did;
 *   S2  it has no more operations than the one that came in;
 *   S3  at most max_runs calls of the predicate are made;
 *   S4  no randomness, no clock: the same input gives the same output (unless it is stopped);
 *   S5  a machine that is left can exist (machine_check) and has a text form that reads back to
 *       itself.
 *
 * Not here: random edits, schedules, a normal form for all witnesses of one bug (the slow
 * shrinker's work).
 */
#ifndef LOSTBUDDY_SHRINK_H
#define LOSTBUDDY_SHRINK_H

#include <signal.h>

#include "judge/judge.h"

/* Does the program still show what is looked for? Called once a candidate. */
typedef bool shrink_still_fn(const struct program *p, void *arg);

struct shrink_task {
	shrink_still_fn *still;
	void *arg;
	uint32_t failing; /* the operation at which it was seen; nr_ops: at the end, or not known */
	uint32_t max_runs;
	bool keep_machine; /* leave the machine alone */
	const volatile sig_atomic_t *stop; /* once set, no more runs are made; may be NULL */
};

/*
 * shrink_program - shrink in place by a predicate. What was observed (p->observed) is dropped:
 * it is no longer true. Returns the number of calls of the predicate. Without memory it stops
 * early, with the best program so far.
 */
uint32_t shrink_program(struct program *p, const struct shrink_task *task);

/* Told of a finding with another signature that was met on the way. */
typedef void shrink_other_fn(const struct program *p, const struct outcome *outcome, void *arg);

/*
 * judge_shrink - the shortest program with the same signature that a bounded search finds.
 * @p: changed in place; @max_runs: bounds the search; @stop: ends it when set, with the best so far;
 * @stop and @other may be NULL.
 * Returns the number of runs made; 0 iff the first run does not show the signature (then *p is
 * as it was).
 */
uint32_t judge_shrink(struct judge *j, struct program *p, const char *signature, uint32_t max_runs,
		      const volatile sig_atomic_t *stop, shrink_other_fn *other, void *arg);

#endif
