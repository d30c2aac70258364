/*
 * A campaign: random programs for a target until time, runs or patience are over; what was
 * found, kept and counted.
 *
 *	runner: generator --program--> judge_run    (a worker process, which may die)
 *	                        |
 *	                        +--finding--> findings: confirm, de-duplicate, shrink, save
 *	                        +--counts---> summary: operations, comparisons, rules, paths
 *
 * Invariants:
 *   C1  no campaign starts before the canaries have been found;
 *   C2  the same seed, machine, target and number of runs give the same programs and the same
 *       findings;
 *   C3  a finding is written before the next program runs, or its text is printed and the
 *       campaign ends;
 *   C4  programs that were cut short by a signal count for nothing.
 *
 * Not here: corpora and coverage (the engines of session.h have those), several processes.
 */
#ifndef LOSTBUDDY_CAMPAIGN_H
#define LOSTBUDDY_CAMPAIGN_H

#include <signal.h>
#include <stdio.h>

#include "campaign/findings.h"
#include "judge/judge.h"

/* Exit codes of the program; those from 70 on as libFuzzer uses them. */
enum exit_code {
	EXIT_CLEAN = 0,
	EXIT_USAGE = 1,
	EXIT_KNOWN = 3,
	EXIT_UNHEALTHY = 4,
	EXIT_INCONCLUSIVE = 5,
	EXIT_TIME = 70,
	EXIT_MEMORY = 71,
	EXIT_INTERRUPT = 72,
	EXIT_FINDING = 77,
};

enum {
	/* Percent. Above, a campaign says little and is called unhealthy. */
	CAMPAIGN_MAX_NO_OPS = 20,
	/* Operations from which on the share of no-ops is judged. */
	CAMPAIGN_MIN_JUDGED = 10000,
	/* A rule is well exercised from so many comparisons on. */
	CAMPAIGN_OFTEN = 1000,
};

enum campaign_misuse { MISUSE_BY_TARGET, MISUSE_ON, MISUSE_OFF };

struct campaign_options {
	const char *seed;	       /* a word */
	uint64_t runs;		       /* programs; 0: no bound */
	double seconds;		       /* 0: no bound */
	const struct machine *machine; /* NULL: random ones */
	const struct lb_target *target;
	enum campaign_misuse misuse;
	struct findings_options findings;
	FILE *notes;			   /* progress and findings, for people */
	bool terminal;			   /* notes is a terminal: one line, over and over */
	const volatile sig_atomic_t *stop; /* set by a signal; may be NULL */
	/* For engines that are children (session.h). NULL: not there. */
	const char *fuzz_pages; /* the target, as built for the engine */
	const char *afl_fuzz;
	const char *corpus; /* the folder with seeds/ and regressions/ */
};

enum campaign_end {
	END_RUNS,
	END_TIME,
	END_SIGNAL,
	END_CANARY, /* never started: a planted fault was not found */
	END_SAVE,   /* a finding could not be written; why says the reason */
	END_FULL,   /* more distinct findings than are kept */
	END_ENGINE, /* the engine could not be started; why says the reason */
	END_MEMORY,
};

struct campaign_summary {
	enum campaign_end end;
	char why[1024];
	uint64_t programs, executed, no_ops, comparisons;
	double cpu_seconds; /* spent in generating and judging; not in shrinking */
	double wall_seconds;
	size_t new_findings, known_findings;
	uint64_t exercised[RULE_COUNT];
	uint64_t paths[LB_PATH_COUNT];
};

/*
 * The built-in engine. Fills the summary; findings stay in *f (begun by the caller, who frees
 * it).
 */
void campaign_run(const struct campaign_options *options, struct findings *f,
		  struct campaign_summary *summary);

/*
 * libFuzzer and AFL++ as a child, restarted after each finding; corpus, artifacts and log lie under
 * the campaign's folder, and the corpus is one for both.
 */
void campaign_run_libfuzzer(const struct campaign_options *options, struct findings *f,
			    struct campaign_summary *summary);
void campaign_run_afl(const struct campaign_options *options, struct findings *f,
		      struct campaign_summary *summary);

/* Planted faults must be found: false with the report. All engines begin with it. */
bool campaign_canaries(struct campaign_summary *summary);

/* Whether the generator may misuse the target. */
bool campaign_misuses(const struct campaign_options *options);

/* Why a campaign proves little: a sentence, or NULL. */
const char *campaign_unhealthy(const struct campaign_summary *summary);
enum exit_code campaign_exit_code(const struct campaign_summary *summary);

/* Share of no-ops in percent; operations per second of CPU time. */
double campaign_no_ops(const struct campaign_summary *summary);
double campaign_speed(const struct campaign_summary *summary);

/* The summary for people, and as one JSON object. */
void report_text(FILE *out, const struct campaign_options *options, const struct findings *f,
		 const struct campaign_summary *summary);
bool report_json(FILE *out, const struct campaign_options *options, const struct findings *f,
		 const struct campaign_summary *summary);

/* Progress. */
struct progress {
	FILE *notes;
	bool terminal, line_open;
	double next, step; /* seconds since the start */
};
void progress_begin(struct progress *progress, FILE *notes, bool terminal);
void progress_tick(struct progress *progress, double now, const struct campaign_summary *summary);
void progress_clear(struct progress *progress);

/* Seconds: of the wall since some start, and of CPU time of this process and its dead children. */
double clock_wall(void);
double clock_cpu(void);

#endif
