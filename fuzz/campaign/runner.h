/*
 * The runner: programs of a campaign, made and judged in a worker process, a batch at a time.
 *
 *	campaign                     shared memory                    worker
 *	round, from, count ------>  request            -------->  makes program after program,
 *	counts, outcome    <------  counts, outcome    <--------  judges it in its own process,
 *	                                                          stops at the first finding
 *
 * A program is known by its round and its index in it (and the campaign's seed): both sides
 * make the same. So nothing is sent but numbers, a batch costs one message, and whatever kills
 * the worker is known by the program that did it.
 *
 * Invariants:
 *   U1  what a program is depends on seed, machine, target and (round, index) alone, not on
 *       batches or time;
 *   U2  counts in shared memory hold every program that was judged, whatever happened after;
 *   U3  the campaign's process never runs the target.
 */
#ifndef LOSTBUDDY_CAMPAIGN_RUNNER_H
#define LOSTBUDDY_CAMPAIGN_RUNNER_H

#include "judge/judge.h"

enum {
	/* Each so many-th program of a campaign runs twice, and must do the same. */
	TWICE_EVERY = 256,
};

/* Where programs come from. */
struct program_source {
	const struct lb_target *target;
	const struct machine *machine; /* NULL: a random one for each round */
	uint64_t seed;
	bool misuse;
};

/* A round that is open for reading. Begin with zeros. */
struct round {
	bool open;
	uint64_t number;
	uint32_t next;
	struct machine machine;
	struct generator *programs;
};

/*
 * Programs of a round: all on one machine, whose boot and first touch of each page cost as much as
 * many programs. The first rounds are short, so that a short campaign sees many machines too.
 */
uint32_t round_length(uint64_t number);

/* Program index of a round. False: no memory. */
bool round_program(struct round *r, const struct program_source *source, uint64_t number,
		   uint32_t index, struct program *p);
void round_close(struct round *r);

/* The operations the generator may use for a target: what it can do, and the judge's own. */
uint64_t usable_operations(const struct lb_target *target);

/*
 * How long a program may take, in ms: the boot of a large machine takes its time. NULL: a
 * fuzz-size machine.
 */
unsigned int patience_ms(const struct machine *machine);

struct run_counts {
	uint64_t programs, executed, no_ops, comparisons;
	uint64_t exercised[RULE_COUNT];
	uint64_t paths[LB_PATH_COUNT];
};

enum batch_end {
	BATCH_CLEAN,
	BATCH_FINDING,	/* outcome says which */
	BATCH_UNSTEADY, /* two runs of one program differed */
	BATCH_MEMORY,
	BATCH_NO_WORKER,
};

struct batch {
	enum batch_end end;
	uint32_t done; /* programs that were run, the one at fault among them: it is the last one */
	struct outcome outcome;
};

struct runner;
struct runner *runner_create(const struct program_source *source);
void runner_destroy(struct runner *r);

/*
 * Programs [from, from + count) of a round; number is that of the first one in the campaign,
 * from 1.
 */
void runner_run(struct runner *r, uint64_t round, uint32_t from, uint32_t count, uint64_t number,
		struct batch *batch);

/* Of all programs so far. */
void runner_counts(const struct runner *r, struct run_counts *counts);

#endif
