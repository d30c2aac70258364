/*
 * Tiny worlds, exhaustively. See enumerate.h.
 *
 *	this process                      shared                  workers, one a job
 *	layer: go on a while  -------->   next state     ------>  takes some states, and for each:
 *	                                  visited table  <------    step 0: the end of the program there
 *	counts, findings      <--------   answer         <------    step 1..: each move
 *	next layer: states of the table whose rank says that this layer led to them first
 *
 * rank = layer, place of the state in it, step: the order of everything that is tried.
 *
 * A worker that dies is started again behind the step that killed it.
 */
#include "enumerate/enumerate.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "campaign/campaign.h"
#include "campaign/runner.h"
#include "enumerate/visited.h"
#include "target/worker.h"

enum {
	NO_SHORT_HANDLE = UINT16_MAX,
	MAX_FOUND = 32, /* different findings that one worker keeps for a layer */
	MAX_DEATHS = 12,
	PIECE = 16,   /* states that a worker takes at a time */
	TURN_MS = 50, /* a worker works, before it answers */
	LAYER_SHIFT = 56,
	STEP_BITS = 8,
};

/* How a state was first reached: a move from a state of the layer before. */
struct node {
	uint32_t parent;
	uint16_t move;
	uint16_t handle; /* that the move was about; NO_SHORT_HANDLE: none */
};

struct layer {
	struct node *nodes;
	uint32_t nr;
};

/*
 * The handles at the two ends of what lives in a state, blocks and fragments, and the dead one: what
 * moves are about.
 */
struct ends {
	uint16_t first, last, first_fragment, last_fragment, dead;
};

/* What all processes share of a layer. */
struct shared {
	_Atomic uint32_t next; /* state that nobody has taken */
	struct ends ends[];    /* of its states */
};

struct found {
	uint64_t rank;
	struct outcome outcome;
};

struct counts {
	uint64_t transitions, mirrored, idle, failed, failed_moves, operations;
	uint64_t outcomes[MOVES_MAX];
};

struct exchange {		/* between this process and a worker */
	uint32_t at, step, end; /* begun last; the states before end are this worker's */
	bool full;		/* there is no room for more states */
	bool died;		/* the worker before this one, of what was begun last */
	struct counts counts;
	uint32_t nr_found;
	struct found found[MAX_FOUND];
};

struct job {
	struct enumeration *e;
	struct worker *worker;
	struct exchange *exchange;
	bool busy;
	/* in the worker only */
	struct judge *judge;
	struct program program;
};

struct enumeration {
	const struct enumerate_options *options;
	struct enumerate_summary *summary;
	struct lb_target trusted; /* the target, as one that may run in the worker's process */
	struct visited *visited;
	struct layer layers[ENUMERATE_MAX_DEPTH + 1];
	unsigned int layer; /* the one that is being worked on */
	struct shared *shared;
	size_t shared_size;
	struct job jobs[ENUMERATE_MAX_JOBS];
	struct counts counts;
	uint64_t new_states; /* that transitions have led to */
	struct found *found; /* of this layer */
	size_t nr_found;
	struct reach how; /* states are told apart */
	bool has_hung;
};

uint64_t enumerate_sequences(unsigned int moves, unsigned int depth)
{
	uint64_t sum = 0, power = 1;

	for (unsigned int i = 0; i < depth; i++) {
		if (__builtin_mul_overflow(power, moves, &power) ||
		    __builtin_add_overflow(sum, power, &sum))
			return UINT64_MAX;
	}
	return sum;
}

/* ---- ranks and ways ---- */

static uint64_t rank_of(unsigned int layer, uint32_t at, unsigned int step)
{
	return (uint64_t)layer << LAYER_SHIFT | (uint64_t)at << STEP_BITS | step;
}

static unsigned int layer_of(uint64_t rank)
{
	return (unsigned int)(rank >> LAYER_SHIFT);
}

static uint32_t place_of(uint64_t rank)
{
	return (uint32_t)(rank >> STEP_BITS);
}

static unsigned int step_of(uint64_t rank)
{
	return rank & ((1u << STEP_BITS) - 1);
}

static uint32_t long_handle(uint16_t handle)
{
	return handle == NO_SHORT_HANDLE ? NO_HANDLE : handle;
}

/* No move binds more than 1,024 handles, no sequence has more than 24 moves. */
static uint16_t short_handle(uint32_t handle)
{
	assert(handle == NO_HANDLE || handle < NO_SHORT_HANDLE);
	return handle == NO_HANDLE ? NO_SHORT_HANDLE : (uint16_t)handle;
}

static struct reached reached_of(const struct ends *ends)
{
	return (struct reached){ .first = long_handle(ends->first),
				 .last = long_handle(ends->last),
				 .first_fragment = long_handle(ends->first_fragment),
				 .last_fragment = long_handle(ends->last_fragment),
				 .dead = long_handle(ends->dead) };
}

/* The nodes from boot to a state. */
static void way_to(const struct enumeration *e, unsigned int layer, uint32_t at,
		   const struct node *way[ENUMERATE_MAX_DEPTH])
{
	for (; layer > 0; layer--) {
		way[layer - 1] = &e->layers[layer].nodes[at];
		at = way[layer - 1]->parent;
	}
}

/* The program that leads to a state. False: no memory. */
static bool program_to(const struct enumeration *e, unsigned int layer, uint32_t at,
		       struct program *p)
{
	const struct node *way[ENUMERATE_MAX_DEPTH];

	way_to(e, layer, at, way);
	p->machine = *e->options->machine;
	program_clear(p);
	for (unsigned int i = 0; i < layer; i++)
		if (!move_append(p, &e->options->moves->moves[way[i]->move],
				 long_handle(way[i]->handle)))
			return false;
	return true;
}

/* ---- the worker's side ---- */

/* What a state is known by, after what the options say is to be remembered. */
static uint64_t key_of(const struct job *job, const struct reached *reached, uint32_t at,
		       unsigned int move)
{
	const struct enumeration *e = job->e;
	const struct node *way[ENUMERATE_MAX_DEPTH];
	uint64_t sum = 0, hash = 0;

	if (e->options->memory == REMEMBER_STATES)
		return e->how.cpus_alike ? reached->digest : reached->unmirrored;
	way_to(e, e->layer, at, way);
	for (unsigned int i = 0; i <= e->layer; i++) {
		const uint64_t made = i < e->layer ? way[i]->move : move;

		sum += XXH3_64bits(&made, sizeof(made));
		hash = XXH3_64bits_withSeed(&made, sizeof(made), hash + 1);
	}
	if (e->options->memory == REMEMBER_NOTHING)
		return hash;
	return XXH3_64bits_withSeed(&sum, sizeof(sum), reached->unmirrored);
}

static void note_finding(struct job *job, const struct outcome *outcome, uint64_t rank)
{
	struct exchange *x = job->exchange;

	x->counts.failed++;
	for (uint32_t i = 0; i < x->nr_found; i++)
		if (strcmp(x->found[i].outcome.signature, outcome->signature) == 0)
			return;
	if (x->nr_found < MAX_FOUND)
		x->found[x->nr_found++] = (struct found){ rank, *outcome };
}

static bool reach(struct job *job, bool finish, struct reached *reached, struct outcome *outcome)
{
	const struct enumeration *e = job->e;
	struct reach how = e->how;

	how.finish = finish;

	bool right = judge_reach(job->judge, &job->program, &how, reached, outcome);

	job->exchange->counts.operations += outcome->executed;
	return right;
}

/* One move from the state at, to which job->program leads. */
static void make_move(struct job *job, uint32_t at, unsigned int move)
{
	const struct enumeration *e = job->e;
	struct exchange *x = job->exchange;
	const uint64_t rank = rank_of(e->layer, at, move + 1);
	struct reached reached;
	struct outcome outcome;

	x->counts.transitions++;
	if (!reach(job, false, &reached, &outcome)) {
		note_finding(job, &outcome, rank);
		x->counts.failed_moves++;
		return;
	}
	if (reached.result.outcome == JUDGE_OP_SKIPPED) {
		x->counts.transitions--;
		x->counts.idle++;
		return;
	}
	x->counts.outcomes[move] |= UINT64_C(1) << reached.result.outcome;

	x->full = !visited_add(e->visited, key_of(job, &reached, at, move), rank);
	x->counts.mirrored += e->how.cpus_alike && reached.digest != reached.unmirrored;
}

static bool try_moves(struct job *job, uint32_t at, unsigned int from)
{
	const struct moves *moves = job->e->options->moves;
	const struct reached reached = reached_of(&job->e->shared->ends[at]);

	for (unsigned int i = from; i < moves->nr && !job->exchange->full; i++) {
		const struct move *move = &moves->moves[i];

		job->exchange->step = i + 1;
		if (move_is_idle(move, &reached)) {
			job->exchange->counts.idle++;
			continue;
		}
		if (!program_to(job->e, job->e->layer, at, &job->program) ||
		    !move_append(&job->program, move, move_handle(move, &reached)))
			return false;
		make_move(job, at, i);
	}
	return true;
}

/*
 * Step 0: does the program end well here? Where it does not, it is gone on all the same: what is
 * wrong at an end may be another thing than what is wrong further on.
 */
static void end_here(struct job *job, uint32_t at, bool judged_before)
{
	struct reached reached = { .first = NO_HANDLE,
				   .last = NO_HANDLE,
				   .first_fragment = NO_HANDLE,
				   .last_fragment = NO_HANDLE,
				   .dead = NO_HANDLE };
	struct outcome outcome;

	if (!reach(job, !judged_before, &reached, &outcome))
		note_finding(job, &outcome, rank_of(job->e->layer, at, 0));
	if (job->e->layer == 0 && job->e->options->memory == REMEMBER_STATES)
		visited_add(job->e->visited, reached.digest, rank_of(0, 0, 0));
	job->e->shared->ends[at] =
		(struct ends){ .first = short_handle(reached.first),
			       .last = short_handle(reached.last),
			       .first_fragment = short_handle(reached.first_fragment),
			       .last_fragment = short_handle(reached.last_fragment),
			       .dead = short_handle(reached.dead) };
}

/* A state from a step on; the ones before it were begun by a worker that has died of the last. */
static bool visit(struct job *job, unsigned int from_step)
{
	const struct enumeration *e = job->e;
	const uint32_t at = job->exchange->at;

	if (!program_to(e, e->layer, at, &job->program))
		return false;
	end_here(job, at, from_step > 0);
	if (e->layer == e->options->depth)
		return true;
	return try_moves(job, at, from_step > 0 ? from_step - 1 : 0);
}

/* The next state of this worker, of which exchange->at is done. False: there are no more. */
static bool next_state(struct job *job)
{
	const struct enumeration *e = job->e;
	const uint32_t nr = e->layers[e->layer].nr;
	struct exchange *x = job->exchange;

	x->step = 0;
	if (x->at + 1 < x->end) {
		x->at++;
		return true;
	}

	uint32_t from = atomic_load(&e->shared->next);

	while (from < nr && !atomic_compare_exchange_weak(&e->shared->next, &from, from + PIECE))
		;
	if (from >= nr)
		return false;
	x->at = from;
	x->end = nr - from < PIECE ? nr : from + PIECE;
	return true;
}

/* One turn. Where the last worker died of a step, this one begins behind it. */
static void serve(void *context, void *shared)
{
	const struct judge_options options = { 0 };
	const double end = clock_wall() + (double)TURN_MS / 1000;
	struct job *job = context;
	struct exchange *x = shared;

	if (!job->judge)
		job->judge = judge_create(&job->e->trusted, &options);
	/* No memory: there is nobody to say it to but whoever waits. */
	if (!job->judge || (x->died && !visit(job, x->step + 1)))
		abort();
	x->died = false;
	while (!x->full && clock_wall() < end && next_state(job))
		if (!visit(job, 0))
			abort();
}

/* ---- this process: one layer ---- */

static bool stopped(const struct enumeration *e)
{
	return e->options->stop && *e->options->stop;
}

static bool end_with(struct enumeration *e, enum enumerate_end end, const char *why)
{
	e->summary->end = end;
	snprintf(e->summary->why, sizeof(e->summary->why), "%s", why);
	return false;
}

static void add_counts(struct counts *sum, const struct counts *more)
{
	sum->transitions += more->transitions;
	sum->mirrored += more->mirrored;
	sum->idle += more->idle;
	sum->failed += more->failed;
	sum->failed_moves += more->failed_moves;
	sum->operations += more->operations;
	for (unsigned int i = 0; i < MOVES_MAX; i++)
		sum->outcomes[i] |= more->outcomes[i];
}

/* Everything that a job has said since it was asked last. */
static void take_answer(struct enumeration *e, struct job *job)
{
	struct exchange *x = job->exchange;

	add_counts(&e->counts, &x->counts);
	memset(&x->counts, 0, sizeof(x->counts));
}

static void keep_found(struct enumeration *e, const struct found *found)
{
	for (size_t i = 0; i < e->nr_found; i++) {
		struct found *kept = &e->found[i];

		if (strcmp(kept->outcome.signature, found->outcome.signature) != 0)
			continue;
		if (kept->rank > found->rank)
			*kept = *found;
		return;
	}
	if (e->nr_found < FINDINGS_MAX)
		e->found[e->nr_found++] = *found;
}

/* The target died of what was begun last; the next worker goes on behind it. */
static bool bury(struct enumeration *e, struct job *job, const struct worker_report *report)
{
	struct exchange *x = job->exchange;
	struct found found = { .rank = rank_of(e->layer, x->at, x->step) };
	char how[64];

	if (report->end == WORKER_NONE)
		return end_with(e, ENUMERATE_WORKER, "no worker process could be started");
	worker_report_print(report, how, sizeof(how));
	e->has_hung |= report->end == WORKER_HUNG;
	found.outcome.kind = report->end == WORKER_HUNG ? FINDING_HANG : FINDING_CRASH;
	found.outcome.verdict.pfn = UINT64_MAX;
	snprintf(found.outcome.verdict.what, sizeof(found.outcome.verdict.what),
		 "the target's process ended: %s", how);
	snprintf(found.outcome.signature, sizeof(found.outcome.signature), "%s %s enumeration",
		 report->end == WORKER_HUNG ? "target.hang" : "target.crash", how);
	keep_found(e, &found);
	e->counts.failed++;
	e->counts.failed_moves += x->step > 0;
	x->died = true;
	if (++e->summary->deaths > MAX_DEATHS)
		return end_with(e, ENUMERATE_DEATHS,
				"the target died or hung so often that there is no going on");
	return true;
}

static unsigned int patience(const struct enumeration *e)
{
	unsigned int one = patience_ms(e->options->machine);

	return e->has_hung ? one / 4 : 2 * one;
}

static bool layer_is_done(const struct enumeration *e)
{
	for (unsigned int i = 0; i < e->options->jobs; i++) {
		const struct exchange *x = e->jobs[i].exchange;

		if (x->full)
			return true;
		if (e->jobs[i].busy || x->at + 1 < x->end)
			return false;
	}
	return atomic_load(&e->shared->next) >= e->layers[e->layer].nr;
}

/* All workers work for a while, side by side. */
static bool take_turn(struct enumeration *e)
{
	bool right = true;

	for (unsigned int i = 0; i < e->options->jobs; i++)
		worker_begin(e->jobs[i].worker);
	for (unsigned int i = 0; i < e->options->jobs; i++) {
		struct job *job = &e->jobs[i];
		struct worker_report report = worker_wait(job->worker, patience(e));

		take_answer(e, job);
		job->busy = report.end != WORKER_ANSWERED;
		if (job->busy)
			right = bury(e, job, &report) && right;
	}
	return right;
}

static bool take_turns(struct enumeration *e)
{
	do {
		if (stopped(e))
			return end_with(e, ENUMERATE_STOPPED, "stopped by a signal");
		if (!take_turn(e))
			return false;
	} while (!layer_is_done(e));
	return true;
}

static bool start_jobs(struct enumeration *e)
{
	for (unsigned int i = 0; i < e->options->jobs; i++) {
		struct job *job = &e->jobs[i];

		*job = (struct job){ .e = e };
		program_init(&job->program);
		job->worker = worker_create(sizeof(struct exchange), serve, job);
		if (!job->worker)
			return end_with(e, ENUMERATE_MEMORY, "no memory for a worker");
		job->exchange = worker_shared(job->worker);
	}
	return true;
}

static void stop_jobs(struct enumeration *e)
{
	for (unsigned int i = 0; i < e->options->jobs; i++) {
		struct job *job = &e->jobs[i];

		for (uint32_t k = 0; job->worker && k < job->exchange->nr_found; k++)
			keep_found(e, &job->exchange->found[k]);
		worker_destroy(job->worker);
		job->worker = NULL;
	}
}

static bool is_full(const struct enumeration *e)
{
	for (unsigned int i = 0; i < e->options->jobs; i++)
		if (e->jobs[i].worker && e->jobs[i].exchange->full)
			return true;
	return false;
}

/* What workers share of the layer. */
static bool map_shared(struct enumeration *e)
{
	e->shared_size = sizeof(*e->shared) + (size_t)e->layers[e->layer].nr * sizeof(struct ends);
	e->shared = mmap(NULL, e->shared_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			 -1, 0);
	if (e->shared != MAP_FAILED)
		return true;
	e->shared = NULL;
	return end_with(e, ENUMERATE_MEMORY, "no memory for the states of a layer");
}

static void unmap_shared(struct enumeration *e)
{
	if (e->shared)
		munmap(e->shared, e->shared_size);
	e->shared = NULL;
}

/* As many states as are to be expected if the next layer grows as this one did, and half as many. */
static bool make_room(struct enumeration *e)
{
	const uint64_t nr = e->layers[e->layer].nr;
	const uint64_t before = e->layer ? e->layers[e->layer - 1].nr : nr;
	const uint64_t more = nr * (nr / before + 1) + nr * (nr / before + 1) / 2;

	if (e->layer == e->options->depth)
		return true;
	return visited_grow(e->visited, visited_states(e->visited) + more) ||
	       end_with(e, ENUMERATE_MEMORY, "no memory for more states");
}

/*
 * All of a layer. Should the table of states turn out too small on the way, it grows, and the layer
 * is done again; what stands in the table already keeps its place.
 */
static bool run_layer(struct enumeration *e)
{
	const struct counts before = e->counts;

	if (!make_room(e))
		return false;
	for (;;) {
		atomic_store(&e->shared->next, 0);

		bool right = start_jobs(e) && take_turns(e);
		bool full = is_full(e);

		stop_jobs(e);
		if (!right || !full)
			return right;
		e->counts = before;
		e->nr_found = 0;
		if (!visited_grow(e->visited, 2 * visited_room(e->visited)))
			return end_with(e, ENUMERATE_MEMORY, "no memory for more states");
	}
}

/* ---- from layer to layer ---- */

static int by_rank(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The ranks of the states that this layer led to first, ascending. NULL: no memory. */
static uint64_t *new_ranks(struct enumeration *e, uint32_t *nr)
{
	uint64_t state, rank, most = visited_states(e->visited);
	uint64_t *ranks = malloc((most ? most : 1) * sizeof(*ranks));

	*nr = 0;
	for (size_t at = 0; ranks && visited_next(e->visited, &at, &state, &rank);) {
		if (layer_of(rank) != e->layer || step_of(rank) == 0)
			continue;
		assert(*nr < UINT32_MAX);
		ranks[(*nr)++] = rank;
		if (e->options->visit)
			e->options->visit(e->options->context, state, e->layer + 1);
	}
	if (ranks)
		qsort(ranks, *nr, sizeof(*ranks), by_rank);
	return ranks;
}

static bool make_next_layer(struct enumeration *e)
{
	struct layer *next = &e->layers[e->layer + 1];
	uint64_t *ranks = new_ranks(e, &next->nr);

	next->nodes = ranks ? malloc(((size_t)next->nr + 1) * sizeof(*next->nodes)) : NULL;
	for (uint32_t i = 0; e->shared && next->nodes && i < next->nr; i++) {
		const unsigned int move = step_of(ranks[i]) - 1;
		const struct reached from = reached_of(&e->shared->ends[place_of(ranks[i])]);
		const uint32_t handle = move_handle(&e->options->moves->moves[move], &from);

		next->nodes[i] =
			(struct node){ place_of(ranks[i]), (uint16_t)move, short_handle(handle) };
	}
	free(ranks);
	e->new_states += next->nr;
	return next->nodes || end_with(e, ENUMERATE_MEMORY, "no memory for the next layer");
}

static int found_by_rank(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* A finding with the program that leads to it: to the end in a state, or through one more move. */
static bool report(struct enumeration *e, const struct found *found)
{
	const struct enumerate_options *o = e->options;
	const uint32_t at = place_of(found->rank);
	const unsigned int step = step_of(found->rank);
	const struct reached from = reached_of(&e->shared->ends[at]);
	struct program p;

	program_init(&p);
	bool made = program_to(e, e->layer, at, &p);

	if (made && step > 0)
		made = move_append(&p, &o->moves->moves[step - 1],
				   move_handle(&o->moves->moves[step - 1], &from));
	if (o->finding)
		o->finding(o->context, &found->outcome, e->layer + (step > 0));
	bool kept = !made || !o->findings ||
		    findings_report(o->findings, &p, &found->outcome, e->counts.transitions);

	program_free(&p);
	if (!made)
		return end_with(e, ENUMERATE_MEMORY, "no memory for a finding");
	return kept || end_with(e, ENUMERATE_SAVE, o->findings->why);
}

static bool report_found(struct enumeration *e)
{
	bool kept = true;

	qsort(e->found, e->nr_found, sizeof(*e->found), found_by_rank);
	for (size_t i = 0; kept && i < e->nr_found; i++)
		kept = report(e, &e->found[i]);
	e->nr_found = 0;
	return kept;
}

static bool begin(struct enumeration *e)
{
	const struct enumerate_options *o = e->options;

	assert(o->depth >= 1 && o->depth <= ENUMERATE_MAX_DEPTH);
	assert(o->jobs >= 1 && o->jobs <= ENUMERATE_MAX_JOBS && o->moves->nr <= MOVES_MAX);
	e->trusted = *o->target;
	e->trusted.flags |= LB_TARGET_TRUSTED;
	e->how = moves_tell_apart(o->moves, o->machine, o->mirrors && o->memory == REMEMBER_STATES);
	e->visited = visited_create(1 << 16);
	e->found = calloc(FINDINGS_MAX, sizeof(*e->found));
	e->layers[0].nodes = calloc(1, sizeof(*e->layers[0].nodes));
	e->layers[0].nr = 1;
	return (e->visited && e->found && e->layers[0].nodes) ||
	       end_with(e, ENUMERATE_MEMORY, "no memory to begin with");
}

static void release(struct enumeration *e)
{
	visited_destroy(e->visited);
	for (unsigned int i = 0; i <= ENUMERATE_MAX_DEPTH; i++)
		free(e->layers[i].nodes);
	free(e->found);
}

/* A layer, what was found in it, and the next one's states. False: that was the last. */
static bool step(struct enumeration *e)
{
	const bool last = e->layer == e->options->depth;
	bool right = map_shared(e) && run_layer(e);

	if (e->shared)
		right = report_found(e) && right;
	if (right && !last)
		right = make_next_layer(e);
	unmap_shared(e);
	if (!right)
		return false;
	e->summary->depth = e->layer;
	e->summary->states += e->layers[e->layer].nr;
	if (!last && e->layers[++e->layer].nr > 0)
		return true;
	e->summary->depth =
		e->options->depth; /* where nothing is left to go on from, all is done */
	return false;
}

enum enumerate_end enumerate(const struct enumerate_options *options,
			     struct enumerate_summary *summary)
{
	struct enumeration *e = calloc(1, sizeof(*e));
	const double wall = clock_wall(), cpu = clock_cpu();

	*summary = (struct enumerate_summary){ .end = ENUMERATE_MEMORY };
	if (!e)
		return summary->end;
	e->options = options;
	e->summary = summary;
	summary->end = ENUMERATE_DONE;
	if (begin(e))
		while (step(e))
			;
	summary->transitions = e->counts.transitions;
	summary->again = e->counts.transitions - e->counts.failed_moves - e->new_states;
	summary->mirrored = e->counts.mirrored;
	summary->idle = e->counts.idle;
	summary->failed = e->counts.failed;
	summary->operations = e->counts.operations;
	memcpy(summary->outcomes, e->counts.outcomes, sizeof(summary->outcomes));
	summary->sequences = enumerate_sequences(options->moves->nr, options->depth);
	summary->seconds = clock_wall() - wall;
	summary->cpu_seconds = clock_cpu() - cpu;
	release(e);
	free(e);
	return summary->end;
}
