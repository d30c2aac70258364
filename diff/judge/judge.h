/*
 * The judge: runs a program on a target and the oracle, compares, and returns an outcome. A
 * divergence is a value; nothing here aborts.
 *
 *	judge_run(judge, program)  --for each op-->  target->exec  -->  oracle_step  -->  contents
 *	                           --at 1, 2, 4, 8 .. ops, check(), dump(), the end-->  oracle_compare
 *	                           --when all was freed-->  oracle_finish
 *
 * A judge keeps booted pairs of target and oracle, keyed by the whole machine, so that a run on a
 * machine it has seen costs a reset. A target that is not trusted runs in a worker process, with
 * all of the judge beside it.
 *
 * Not here: finding programs and making them shorter (fuzz/).
 */
#ifndef LOSTBUDDY_JUDGE_H
#define LOSTBUDDY_JUDGE_H

#include "oracle/oracle.h"
#include "target/builtin.h" /* target_find */

enum finding_kind {
	FINDING_NONE,
	FINDING_RULE,	  /* a rule of the oracle is broken */
	FINDING_OBSERVED, /* replay: the text's observation differs ("replay.observed") */
	FINDING_CRASH,	  /* the target died: signal ("target.crash") */
	FINDING_HANG,	  /* the target did not come back ("target.hang") */
	FINDING_CREATE,	  /* the target would not start on this machine ("target.create") */
	FINDING_MISSED,	  /* a `!` line of the text was not reported ("replay.expected") */
};

/*
 * Why a run ended. signature is rule, operation, first differing field, layer, state class: equal
 * for one bug, and so without numbers of frames and operations, and with one word for all
 * operations of a kind.
 */
struct outcome {
	enum finding_kind kind;
	uint32_t op; /* index of the operation at which it was seen, of a difference of states the
					 * one after which they differed first; nr_ops: the end */
	bool at_boot; /* before the first operation, in the target's create() or reset(); op is 0 */
	struct verdict verdict;
	struct lb_call call;
	struct lb_result actual;
	char signature[192];
	/* what was run, findings or not */
	uint32_t executed; /* operations of the program carried out, by the target or the judge */
	uint32_t no_ops;   /* operations on dead handles, nop, or without capability */
	uint32_t comparisons; /* full comparisons of state */
	uint64_t digest; /* of all calls and results: equal in any process, with any compiler */
};

struct judge_options {
	bool compare_always;	      /* full comparison after every operation */
	bool no_oracle;		      /* only carry out (for benchmarks) */
	bool check_observed;	      /* compare program->observed */
	bool supervised;	      /* run the target in a worker process, with a watchdog */
	unsigned int timeout_ms;      /* of the worker for one program; 0: 2000 */
	unsigned int cached_machines; /* booted pairs kept; 0: 64 */
};

struct judge;

/*
 * options = NULL: none. Returns NULL without memory only. A target without LB_TARGET_TRUSTED is
 * supervised always.
 */
struct judge *judge_create(const struct lb_target *target, const struct judge_options *options);
void judge_destroy(struct judge *j);
const struct lb_target *judge_target(const struct judge *j);

/* Runs the program. Always fills *outcome; returns outcome->kind == FINDING_NONE. */
bool judge_run(struct judge *j, const struct program *p, struct outcome *outcome);

/* What judge_reach() looks at. */
struct reach {
	bool finish;	 /* go on to the end of the program, and judge that too */
	bool cpus_alike; /* CPUs of one node may change places: a state and its mirror digest alike */
	bool dead;	 /* it counts which handles may be freed a second time */
	bool contents;	 /* it counts which frames were written, and with what blocks are filled */
};

#define NO_HANDLE UINT32_MAX

/* Where a program led, before its end. */
struct reached {
	/*
	 * Of all that decides how the run goes on: the target's exported state but for its event
	 * counters (which nothing reads), what the oracle remembers beside it, and the program's
	 * live handles in binding order; what struct reach asks for. Not the numbers of handles. A
	 * target that exports nothing has a digest that says nothing of it.
	 */
	uint64_t digest;
	uint64_t unmirrored;   /* the same with every CPU in its own place */
	uint32_t first, last;  /* the blocks bound first and last of those live; NO_HANDLE */
	uint32_t first_fragment, last_fragment; /* the same of fragments */
	uint32_t dead;	       /* the one bound last of those that can be freed a second time */
	struct lb_result result; /* of the last operation; JUDGE_OP_SKIPPED: it was a no-op */
};

/* reached->result.outcome of an operation that was not carried out. */
enum { JUDGE_OP_SKIPPED = 0xff };

/*
 * judge_reach - carries out the operations of a program whose beginning was judged before: states
 * are compared after the last one only. *reached is filled unless something was wrong there.
 * Returns outcome->kind == FINDING_NONE. Runs in this process whatever the target, for callers that
 * are workers themselves.
 */
bool judge_reach(struct judge *j, const struct program *p, const struct reach *how,
		 struct reached *reached, struct outcome *outcome);

/*
 * judge_look - runs the program, and shows the target before anything is given back.
 * @look: called once with the target's instance, which stays the judge's; not called when the run
 *        ended earlier, with a finding
 * In this process: not for a judge that supervises. Returns as judge_run does.
 */
typedef void judge_looker(void *instance, void *data);
bool judge_look(struct judge *j, const struct program *p, judge_looker *look, void *data,
		struct outcome *outcome);

/* After judge_run: the program with what was observed filled in. Runs it once more. */
bool judge_observe(struct judge *j, struct program *p, struct outcome *outcome);

/*
 * judge_explain - a report for people: the program up to the first difference, both states side by
 * side there, the operation that planted the fault where that is earlier, the free lists drawn, the
 * rule's sentence. As snprintf.
 */
size_t judge_explain(struct judge *j, const struct program *p, char *buffer, size_t size);

/* Sums over all runs of this judge: rules exercised [RULE_COUNT], paths taken [LB_PATH_COUNT]. */
const uint64_t *judge_exercised(const struct judge *j);
const uint64_t *judge_paths(const struct judge *j);

/*
 * The probe for targets without exported state: exhausts from the top order down, compares with a
 * fresh instance.
 */
/* (part of judge_run's end for such targets; its rule is contract.leak or buddy.unmerged) */

#endif
