/*
 * Tiny worlds, exhaustively: every sequence of moves up to a length, on a target under the judge.
 *
 *	layer 0    layer 1    layer 2          a layer: the states that need so many moves
 *	 boot ---+--> s1 ---+--> s4
 *	         +--> s2 ---+--> s5            from each state every move is tried; a state that was
 *	         +--> s3 ...    (s2 again)     seen before is not gone on from
 *
 * Each state is reached anew from boot (a reset costs less than two operations), in worker
 * processes, since the target may die. Twice over it is judged: where a move leads, both states
 * are compared; and once a state the program ends there: everything is given back, drained,
 * compared.
 * A sequence is not continued behind an operation that showed something wrong.
 *
 * A state is known by its digest (judge_reach() says what is in it). Two sequences that lead to
 * equal digests go on alike, so one stands for both: which, does not depend on time or on the number
 * of workers. Whoever does not believe that of a target makes it remember less:
 *
 *	states     digests alone; CPUs of one node may change places, if the moves allow it
 *	counts     digests, together with how often each move was made: for targets that may count calls
 *	nothing    every sequence is a state of its own
 *
 * Invariants:
 *   N1  layers are complete: a sequence of at most `depth' moves ends in a state that was visited,
 *       or goes through something wrong, or through a move that does nothing;
 *   N2  equal options give equal counts and findings, whatever the number of jobs;
 *   N3  this process never runs the target.
 *
 * Not here: sequences beyond the depth; other values than those of the moves; interleaved CPUs.
 */
#ifndef LOSTBUDDY_ENUMERATE_H
#define LOSTBUDDY_ENUMERATE_H

#include <signal.h>

#include "campaign/findings.h"
#include "enumerate/moves.h"

enum { ENUMERATE_MAX_DEPTH = 24, ENUMERATE_MAX_JOBS = 64 };

enum enumerate_memory { REMEMBER_STATES, REMEMBER_COUNTS, REMEMBER_NOTHING };

struct enumerate_options {
	const struct lb_target *target;
	const struct machine *machine;
	const struct moves *moves;
	unsigned int depth; /* moves; 1 .. ENUMERATE_MAX_DEPTH */
	unsigned int jobs;  /* processes; 1 .. ENUMERATE_MAX_JOBS */
	enum enumerate_memory memory;
	bool mirrors; /* CPUs of one node may change places, where the moves allow it */
	struct findings *findings;	   /* where findings go; NULL: they are counted only */
	const volatile sig_atomic_t *stop; /* set by a signal; may be NULL */
	/* Called for each state, layer by layer, in this process; may be NULL. */
	void (*visit)(void *context, uint64_t state, unsigned int depth);
	void (*finding)(void *context, const struct outcome *outcome, unsigned int depth);
	void *context;
};

enum enumerate_end {
	ENUMERATE_DONE,
	ENUMERATE_STOPPED, /* by a signal */
	ENUMERATE_DEATHS,  /* the target died or hung too often */
	ENUMERATE_SAVE,	   /* a finding could not be written, or there were too many; why says it */
	ENUMERATE_MEMORY,
	ENUMERATE_WORKER, /* no process could be started */
};

struct enumerate_summary {
	enum enumerate_end end;
	char why[1024];
	unsigned int depth;   /* layers that are complete */
	uint64_t sequences;   /* of 1 .. depth moves; UINT64_MAX: more than that */
	uint64_t states;      /* visited, that of boot among them */
	uint64_t transitions; /* moves made from a state, and judged */
	uint64_t again;	      /* of these: to a state that another one had led to */
	uint64_t mirrored;    /* of these: to the mirror image of the state that is visited for it */
	uint64_t idle;	      /* moves that do nothing where they stand: the same sequence without */
	uint64_t failed;      /* transitions and ends that showed a finding */
	uint64_t operations;  /* carried out by the target's side in all, replays among them */
	uint64_t outcomes[MOVES_MAX]; /* bits 1 << enum lb_outcome that a move had somewhere */
	uint64_t deaths;
	double seconds; /* of the wall */
	double cpu_seconds;
};

/* Fills the summary. Returns its end. */
enum enumerate_end enumerate(const struct enumerate_options *options,
			     struct enumerate_summary *summary);

/* n + n^2 + .. + n^depth; UINT64_MAX where that is more. */
uint64_t enumerate_sequences(unsigned int moves, unsigned int depth);

#endif
