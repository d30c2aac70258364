/* The built-in engine: random programs, one after another. See campaign.h. */
#include "campaign/campaign.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "campaign/seed.h"
#include "judge/canary.h"

enum {
	ROUND_PROGRAMS = 32,	/* programs on one random machine: its boot is paid once */
	TWICE_EVERY = 256,	/* each so many-th program runs twice, and must do the same */
};

/* What the campaign goes on with: one generator for machines, one for programs on the machine in hand. */
struct engine {
	const struct campaign_options *options;
	struct generator *machines, *programs;
	struct machine machine;
	uint64_t seed, round;
	uint32_t left;		/* programs of this round */
	struct judge *judge;
	double start;
	struct progress progress;
};

double clock_wall(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds_of(const struct rusage *usage)
{
	return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
	       (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

double clock_cpu(void)
{
	struct rusage self, children;

	getrusage(RUSAGE_SELF, &self);
	getrusage(RUSAGE_CHILDREN, &children);
	return seconds_of(&self) + seconds_of(&children);
}

/* The judge's own operations need no target, but contents need its memory. */
uint64_t campaign_capabilities(const struct lb_target *target)
{
	const uint64_t own = UINT64_C(1) << OP_NOP | UINT64_C(1) << OP_CHECK | UINT64_C(1) << OP_DUMP;
	const uint64_t contents = UINT64_C(1) << OP_FILL | UINT64_C(1) << OP_VERIFY;

	return target->capabilities | own | (target->memory ? contents : 0);
}

bool campaign_misuses(const struct campaign_options *options)
{
	if (options->misuse == MISUSE_BY_TARGET)
		return options->target->flags & LB_TARGET_MISUSE;
	return options->misuse == MISUSE_ON;
}

bool campaign_canaries(struct campaign_summary *summary)
{
	char report[sizeof(summary->why)];

	if (canary_run(report, sizeof(report)))
		return true;
	summary->end = END_CANARY;
	snprintf(summary->why, sizeof(summary->why), "%s", report);
	return false;
}

static struct generator *generator_for(const struct engine *e, const struct machine *machine, uint64_t n)
{
	struct generator_options options = {
		.seed = seed_derive(e->seed, n),
		.machine = machine,
		.capabilities = campaign_capabilities(e->options->target),
		.misuse = campaign_misuses(e->options),
	};

	return generator_create(&options);
}

/* A machine for the next round. The program that came with it is not used. */
static bool next_machine(struct engine *e)
{
	struct program p;

	program_init(&p);
	bool made = generator_next(e->machines, &p);

	if (made)
		e->machine = p.machine;
	program_free(&p);
	return made;
}

static bool next_round(struct engine *e)
{
	if (e->programs)
		generator_destroy(e->programs);
	e->programs = NULL;
	if (e->options->machine)
		e->machine = *e->options->machine;
	else if (!next_machine(e))
		return false;
	e->programs = generator_for(e, &e->machine, ++e->round);
	e->left = ROUND_PROGRAMS;
	return e->programs;
}

static bool next_program(struct engine *e, struct program *p)
{
	if (e->left == 0 && !next_round(e))
		return false;
	e->left--;
	return generator_next(e->programs, p);
}

static bool engine_begin(struct engine *e, const struct campaign_options *options)
{
	const struct judge_options judge_options = { 0 };

	*e = (struct engine){ .options = options, .seed = seed_of_word(options->seed), .start = clock_wall() };
	e->machines = generator_for(e, NULL, 0);
	e->judge = judge_create(options->target, &judge_options);
	progress_begin(&e->progress, options->notes, options->terminal);
	return e->machines && e->judge;
}

static void engine_end(struct engine *e)
{
	progress_clear(&e->progress);
	if (e->machines)
		generator_destroy(e->machines);
	if (e->programs)
		generator_destroy(e->programs);
	if (e->judge)
		judge_destroy(e->judge);
}

static bool stopped(const struct campaign_options *options)
{
	return options->stop && *options->stop;
}

static void count_outcome(struct campaign_summary *summary, const struct outcome *outcome)
{
	summary->programs++;
	summary->executed += outcome->executed;
	summary->no_ops += outcome->no_ops;
	summary->comparisons += outcome->comparisons;
}

/* The same program, the same digest: asked of every so many-th one. */
static bool run_again(struct engine *e, const struct program *p, struct campaign_summary *summary, uint64_t digest,
		      bool *steady)
{
	struct outcome again;

	judge_run(e->judge, p, &again);
	if (stopped(e->options))
		return false;
	count_outcome(summary, &again);
	summary->programs--;
	*steady = again.digest == digest;
	return true;
}

/* Shrinking is not the campaign's speed: its CPU time is taken out. */
static bool report(struct engine *e, struct findings *f, const struct program *p, const struct outcome *outcome,
		   struct campaign_summary *summary)
{
	double before = clock_cpu();
	bool kept;

	progress_clear(&e->progress);
	if (outcome)
		kept = findings_report(f, p, outcome, summary->programs);
	else
		kept = findings_report_unsteady(f, p, summary->programs);
	summary->cpu_seconds -= clock_cpu() - before;
	if (!kept) {
		summary->end = findings_full(f) && !f->why[0] ? END_FULL : END_SAVE;
		snprintf(summary->why, sizeof(summary->why), "%s", f->why);
	}
	return kept;
}

/* One program. False: the campaign ends, and summary->end says why. */
static bool run_one(struct engine *e, struct findings *f, struct campaign_summary *summary, const struct program *p)
{
	struct outcome outcome;
	bool steady = true;
	bool clean = judge_run(e->judge, p, &outcome);

	if (stopped(e->options))
		return summary->end = END_SIGNAL, false;
	count_outcome(summary, &outcome);
	if (!clean)
		return report(e, f, p, &outcome, summary);
	if (summary->programs % TWICE_EVERY == 0) {
		if (!run_again(e, p, summary, outcome.digest, &steady))
			return summary->end = END_SIGNAL, false;
		if (!steady)
			return report(e, f, p, NULL, summary);
	}
	return true;
}

static bool go_on(struct engine *e, struct campaign_summary *summary)
{
	const struct campaign_options *options = e->options;
	double now = clock_wall() - e->start;

	if (stopped(options))
		return summary->end = END_SIGNAL, false;
	if (options->runs && summary->programs >= options->runs)
		return summary->end = END_RUNS, false;
	if (options->seconds > 0 && now >= options->seconds)
		return summary->end = END_TIME, false;
	progress_tick(&e->progress, now, summary);
	return true;
}

static void run_all(struct engine *e, struct findings *f, struct campaign_summary *summary)
{
	struct program p;
	bool going = true;

	program_init(&p);
	while (going && go_on(e, summary)) {
		if (next_program(e, &p)) {
			going = run_one(e, f, summary, &p);
		} else {
			summary->end = END_MEMORY;
			going = false;
		}
	}
	program_free(&p);
}

void campaign_run(const struct campaign_options *options, struct findings *f, struct campaign_summary *summary)
{
	struct engine e;
	double cpu_before;

	*summary = (struct campaign_summary){ .end = END_MEMORY };
	if (!campaign_canaries(summary))
		return;
	cpu_before = clock_cpu();
	if (engine_begin(&e, options)) {
		run_all(&e, f, summary);
		memcpy(summary->exercised, judge_exercised(e.judge), sizeof(summary->exercised));
		memcpy(summary->paths, judge_paths(e.judge), sizeof(summary->paths));
	}
	summary->wall_seconds = clock_wall() - e.start;
	engine_end(&e);
	summary->cpu_seconds += clock_cpu() - cpu_before;
	summary->new_findings = findings_new(f);
	summary->known_findings = findings_known(f);
}
