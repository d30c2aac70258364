/* Programs made and judged in a worker. See runner.h. */
#include "campaign/runner.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/seed.h"
#include "target/worker.h"

enum {
	PATIENCE_MS = 2000,
	BATCH_PATIENCE = 2, /* times that of one program; a batch takes some 50 ms */
	SHORT_ROUNDS = 64,
	SHORT_ROUND = 16, /* programs */
	LONG_ROUND = 256,
	PAGES_A_MS = 100, /* of a machine's pages, booted and compared by a slow model */
};

/* ---- rounds ---- */

uint64_t usable_operations(const struct lb_target *target)
{
	const uint64_t own =
		UINT64_C(1) << OP_NOP | UINT64_C(1) << OP_CHECK | UINT64_C(1) << OP_DUMP;
	const uint64_t contents = UINT64_C(1) << OP_FILL | UINT64_C(1) << OP_VERIFY;

	return target->capabilities | own | (target->memory ? contents : 0);
}

unsigned int patience_ms(const struct machine *machine)
{
	uint64_t pages = machine ? machine->max_pfn : 0;

	return PATIENCE_MS + (unsigned int)(pages / PAGES_A_MS % (1u << 20));
}

static struct generator *generator_for(const struct program_source *source,
				       const struct machine *machine, uint64_t seed)
{
	const struct generator_options options = {
		.seed = seed,
		.machine = machine,
		.capabilities = usable_operations(source->target),
		.misuse = source->misuse,
	};

	return generator_create(&options);
}

/* The machine that comes with a random program; the program is not used. */
static bool draw_machine(const struct program_source *source, uint64_t seed,
			 struct machine *machine)
{
	struct generator *g = generator_for(source, NULL, seed);
	struct program p;

	program_init(&p);
	bool drawn = g && generator_next(g, &p);

	if (drawn)
		*machine = p.machine;
	program_free(&p);
	if (g)
		generator_destroy(g);
	return drawn;
}

uint32_t round_length(uint64_t number)
{
	return number < SHORT_ROUNDS ? SHORT_ROUND : LONG_ROUND;
}

static bool round_open(struct round *r, const struct program_source *source, uint64_t number)
{
	round_close(r);
	if (source->machine)
		r->machine = *source->machine;
	else if (!draw_machine(source, seed_derive(source->seed, 2 * number), &r->machine))
		return false;
	r->programs = generator_for(source, &r->machine, seed_derive(source->seed, 2 * number + 1));
	r->number = number;
	r->open = r->programs;
	return r->open;
}

void round_close(struct round *r)
{
	if (r->programs)
		generator_destroy(r->programs);
	r->programs = NULL;
	r->open = false;
	r->next = 0;
}

bool round_program(struct round *r, const struct program_source *source, uint64_t number,
		   uint32_t index, struct program *p)
{
	assert(index < round_length(number));
	if (!r->open || r->number != number || r->next > index)
		if (!round_open(r, source, number))
			return false;
	do {
		if (!generator_next(r->programs, p))
			return false;
	} while (r->next++ < index);
	return true;
}

/* ---- the worker's side ---- */

struct shared {
	/* the request */
	uint64_t round, number;
	uint32_t from, count;
	/* the answer */
	uint32_t progress; /* programs of this request that were begun */
	enum batch_end end;
	struct outcome outcome;
	struct run_counts counts; /* of this worker, since it was started */
};

struct runner {
	struct program_source source;
	struct lb_target trusted; /* the target, as one that may run in the worker's process */
	struct worker *worker;
	struct shared *shared;
	struct run_counts before; /* of workers that have died */
	bool has_hung;		  /* before: less patience is enough to know it again */
	/* in the worker only */
	struct judge *judge;
	struct round round;
	struct program program;
};

static void count_outcome(struct runner *r, const struct outcome *outcome)
{
	struct run_counts *counts = &r->shared->counts;

	counts->executed += outcome->executed;
	counts->no_ops += outcome->no_ops;
	counts->comparisons += outcome->comparisons;
	memcpy(counts->exercised, judge_exercised(r->judge), sizeof(counts->exercised));
	memcpy(counts->paths, judge_paths(r->judge), sizeof(counts->paths));
}

/* The same program, the same digest: asked of every so many-th one. */
static bool is_steady(struct runner *r, const struct outcome *outcome)
{
	struct outcome again;

	judge_run(r->judge, &r->program, &again);
	count_outcome(r, &again);
	return again.digest == outcome->digest;
}

static enum batch_end run_program(struct runner *r, uint32_t index, uint64_t number)
{
	struct shared *s = r->shared;

	if (!round_program(&r->round, &r->source, s->round, index, &r->program))
		return BATCH_MEMORY;
	bool clean = judge_run(r->judge, &r->program, &s->outcome);

	s->counts.programs++;
	count_outcome(r, &s->outcome);
	if (!clean)
		return BATCH_FINDING;
	if (number % TWICE_EVERY == 0 && !is_steady(r, &s->outcome))
		return BATCH_UNSTEADY;
	return BATCH_CLEAN;
}

static void serve(void *context, void *memory)
{
	const struct judge_options options = { 0 };
	struct runner *r = context;
	struct shared *s = memory;

	assert(s == r->shared && s->from + s->count <= round_length(s->round));
	if (!r->judge)
		r->judge = judge_create(&r->trusted, &options);
	s->end = r->judge ? BATCH_CLEAN : BATCH_MEMORY;
	while (s->end == BATCH_CLEAN && s->progress < s->count) {
		uint32_t i = s->progress++;

		s->end = run_program(r, s->from + i, s->number + i);
	}
}

/* ---- the campaign's side ---- */

struct runner *runner_create(const struct program_source *source)
{
	struct runner *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->source = *source;
	r->trusted = *source->target;
	r->trusted.flags |= LB_TARGET_TRUSTED;
	program_init(&r->program);
	r->worker = worker_create(sizeof(struct shared), serve, r);
	if (!r->worker) {
		free(r);
		return NULL;
	}
	r->shared = worker_shared(r->worker);
	return r;
}

void runner_destroy(struct runner *r)
{
	if (!r)
		return;
	worker_destroy(r->worker);
	free(r);
}

static void add_counts(struct run_counts *sum, const struct run_counts *more)
{
	sum->programs += more->programs;
	sum->executed += more->executed;
	sum->no_ops += more->no_ops;
	sum->comparisons += more->comparisons;
	for (unsigned int rule = 0; rule < RULE_COUNT; rule++)
		sum->exercised[rule] += more->exercised[rule];
	for (unsigned int path = 0; path < LB_PATH_COUNT; path++)
		sum->paths[path] += more->paths[path];
}

void runner_counts(const struct runner *r, struct run_counts *counts)
{
	*counts = r->before;
	add_counts(counts, &r->shared->counts);
}

/*
 * The worker died over the program it had begun: that program is the finding. The next one
 * starts from zero.
 */
static void bury(struct runner *r, const struct worker_report *report, struct batch *batch)
{
	struct outcome *o = &batch->outcome;
	char how[64];

	r->shared->counts.programs++;
	add_counts(&r->before, &r->shared->counts);
	memset(&r->shared->counts, 0, sizeof(r->shared->counts));
	worker_report_print(report, how, sizeof(how));
	*o = (struct outcome){ .kind = report->end == WORKER_HUNG ? FINDING_HANG : FINDING_CRASH };
	o->verdict.pfn = UINT64_MAX;
	snprintf(o->verdict.what, sizeof(o->verdict.what), "the target's process ended: %s", how);
	snprintf(o->signature, sizeof(o->signature), "%s %s campaign",
		 report->end == WORKER_HUNG ? "target.hang" : "target.crash", how);
	r->has_hung |= report->end == WORKER_HUNG;
	batch->end = report->end == WORKER_NONE ? BATCH_NO_WORKER : BATCH_FINDING;
}

static unsigned int patience_with(const struct runner *r)
{
	unsigned int one = patience_ms(r->source.machine);

	return r->has_hung ? one / 4 : BATCH_PATIENCE * one;
}

void runner_run(struct runner *r, uint64_t round, uint32_t from, uint32_t count, uint64_t number,
		struct batch *batch)
{
	struct shared *s = r->shared;

	assert(count > 0 && from + count <= round_length(round));
	s->round = round;
	s->number = number;
	s->from = from;
	s->count = count;
	s->progress = 0;
	struct worker_report report = worker_call(r->worker, patience_with(r));

	batch->done = s->progress;
	batch->end = s->end;
	batch->outcome = s->outcome;
	if (report.end != WORKER_ANSWERED)
		bury(r, &report, batch);
}
