/* The built-in engine: random programs, one after another. See campaign.h. */
#include "campaign/campaign.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "campaign/runner.h"
#include "campaign/seed.h"
#include "judge/canary.h"

/* A batch is as long as signals and the clock may wait: between these. */
#define BATCH_SHORT_SECONDS 0.01
#define BATCH_LONG_SECONDS 0.05

enum { BATCH_MAX = 256 };

struct engine {
	const struct campaign_options *options;
	struct program_source source;
	struct runner *runner;
	struct round
		again; /* for programs that had findings: they are made once more on this side */
	uint64_t round;
	uint32_t index; /* of the next program in the round */
	uint32_t batch; /* programs a batch */
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

static bool stopped(const struct campaign_options *options)
{
	return options->stop && *options->stop;
}

static bool end(struct campaign_summary *summary, enum campaign_end why)
{
	summary->end = why;
	return false;
}

static bool engine_begin(struct engine *e, const struct campaign_options *options)
{
	*e = (struct engine){ .options = options, .batch = 1, .start = clock_wall() };
	e->source = (struct program_source){
		.target = options->target,
		.machine = options->machine,
		.seed = seed_of_word(options->seed),
		.misuse = campaign_misuses(options),
	};
	e->runner = runner_create(&e->source);
	progress_begin(&e->progress, options->notes, options->terminal);
	return e->runner;
}

static void take_counts(const struct engine *e, struct campaign_summary *summary)
{
	struct run_counts counts;

	runner_counts(e->runner, &counts);
	summary->programs = counts.programs;
	summary->executed = counts.executed;
	summary->no_ops = counts.no_ops;
	summary->comparisons = counts.comparisons;
	memcpy(summary->exercised, counts.exercised, sizeof(summary->exercised));
	memcpy(summary->paths, counts.paths, sizeof(summary->paths));
}

/* Shrinking is not the campaign's speed: its CPU time is taken out. */
static bool report(struct engine *e, struct findings *f, const struct program *p,
		   const struct batch *batch, struct campaign_summary *summary)
{
	double before = clock_cpu();
	bool kept;

	progress_clear(&e->progress);
	if (batch->end == BATCH_FINDING)
		kept = findings_report(f, p, &batch->outcome, summary->programs);
	else
		kept = findings_report_unsteady(f, p, summary->programs);
	summary->cpu_seconds -= clock_cpu() - before;
	if (kept)
		return true;
	snprintf(summary->why, sizeof(summary->why), "%s", f->why);
	return end(summary, f->why[0] ? END_SAVE : END_FULL);
}

/* The program that ended a batch is made once more, unless its finding is an old one. */
static bool report_last(struct engine *e, struct findings *f, const struct batch *batch,
			uint32_t index, struct campaign_summary *summary)
{
	struct program p;

	if (batch->end == BATCH_FINDING && findings_seen_again(f, batch->outcome.signature))
		return true;
	program_init(&p);
	bool going = round_program(&e->again, &e->source, e->round, index, &p)
			     ? report(e, f, &p, batch, summary)
			     : end(summary, END_MEMORY);

	program_free(&p);
	return going;
}

static uint32_t next_batch(const struct engine *e, const struct campaign_summary *summary)
{
	uint64_t runs = e->options->runs, count = round_length(e->round) - e->index;

	if (count > e->batch)
		count = e->batch;
	if (runs && count > runs - summary->programs)
		count = runs - summary->programs;
	return (uint32_t)count;
}

static void adapt_batch(struct engine *e, double seconds)
{
	if (seconds < BATCH_SHORT_SECONDS && e->batch < BATCH_MAX)
		e->batch *= 2;
	else if (seconds > BATCH_LONG_SECONDS && e->batch > 1)
		e->batch /= 2;
}

static void advance(struct engine *e, uint32_t done)
{
	e->index += done;
	assert(e->index <= round_length(e->round));
	if (e->index == round_length(e->round)) {
		e->index = 0;
		e->round++;
	}
}

/* One batch. False: the campaign ends, and summary->end says why. */
static bool run_batch(struct engine *e, struct findings *f, struct campaign_summary *summary)
{
	double before = clock_wall();
	struct batch batch;

	/* What is heard of a finding is the batch's own; and a target that prints fills no disk. */
	if (f->options.noise)
		noise_clear(f->options.noise);
	runner_run(e->runner, e->round, e->index, next_batch(e, summary), summary->programs + 1,
		   &batch);
	if (batch.end != BATCH_CLEAN && stopped(e->options))
		return end(summary, END_SIGNAL);
	take_counts(e, summary);
	if (batch.end == BATCH_MEMORY || batch.end == BATCH_NO_WORKER)
		return end(summary, END_MEMORY);
	if (batch.end != BATCH_CLEAN &&
	    !report_last(e, f, &batch, e->index + batch.done - 1, summary))
		return false;
	adapt_batch(e, clock_wall() - before);
	advance(e, batch.done);
	return true;
}

static bool go_on(struct engine *e, struct campaign_summary *summary)
{
	const struct campaign_options *options = e->options;
	double now = clock_wall() - e->start;

	if (stopped(options))
		return end(summary, END_SIGNAL);
	if (options->runs && summary->programs >= options->runs)
		return end(summary, END_RUNS);
	if (options->seconds > 0 && now >= options->seconds)
		return end(summary, END_TIME);
	progress_tick(&e->progress, now, summary);
	return true;
}

void campaign_run(const struct campaign_options *options, struct findings *f,
		  struct campaign_summary *summary)
{
	struct engine e;

	*summary = (struct campaign_summary){ .end = END_MEMORY };
	if (!campaign_canaries(summary))
		return;
	double cpu_before = clock_cpu();

	if (engine_begin(&e, options))
		while (go_on(&e, summary) && run_batch(&e, f, summary))
			;
	progress_clear(&e.progress);
	runner_destroy(e.runner);
	round_close(&e.again);
	summary->wall_seconds = clock_wall() - e.start;
	summary->cpu_seconds += clock_cpu() - cpu_before;
	summary->new_findings = findings_new(f);
	summary->known_findings = findings_known(f);
}
