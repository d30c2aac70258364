/*
 * The judge's public face, and its cache of booted pairs.
 *
 * A pair is a target's instance and an oracle that were booted on the same machine. Booting costs
 * thousands of times what an operation does, so pairs are kept, by all bytes of the machine, least
 * recently used first out. A pair in which something was wrong is thrown away: its target may have
 * corrupted itself.
 *
 * Invariants:
 *   J1  a pair that is handed out is in the state right after boot, and its memory is zero, but for
 *       what the target itself writes into free pages (page_poison);
 *   J2  no two pairs have equal machines; a target with LB_TARGET_ONE_INSTANCE has one pair at
 *       most.
 */
#include "judge/judge_internal.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Frames of all pairs together: beyond this, big machines push each other out, so that memory stays
 * bounded.
 */
#define MAX_CACHED_FRAMES (UINT64_C(1) << 22)

/* Of an exported state, 2 GiB: a target that asks for room for more does not mean it. */
#define MAX_STATE_WORDS ((size_t)1 << 28)

struct judge *judge_create(const struct lb_target *target, const struct judge_options *options)
{
	assert(target && target->create && target->exec && target->destroy);

	struct judge *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->target = target;
	if (options)
		j->options = *options;
	j->max_pairs =
		j->options.cached_machines ? j->options.cached_machines : JUDGE_DEFAULT_MACHINES;
	if (target->flags & LB_TARGET_ONE_INSTANCE)
		j->max_pairs = 1;
	if (!j->options.timeout_ms)
		j->options.timeout_ms = JUDGE_DEFAULT_TIMEOUT_MS;
	if (!(target->flags & LB_TARGET_TRUSTED))
		j->options.supervised = true;
	j->progress = &j->own_progress;
	j->pairs = calloc(j->max_pairs, sizeof(*j->pairs));
	if (j->pairs && j->options.supervised)
		j->supervisor = supervisor_create(j);
	if (!j->pairs || (j->options.supervised && !j->supervisor)) {
		judge_destroy(j);
		return NULL;
	}
	return j;
}

static void destroy_pair(struct judge *j, struct pair *pair)
{
	if (pair->instance)
		j->target->destroy(pair->instance);
	if (pair->oracle)
		oracle_destroy(pair->oracle);
	contents_free(&pair->contents);
	free(pair->heads);
	free(pair->probed);
	free(pair);
}

void judge_destroy(struct judge *j)
{
	if (!j)
		return;
	assert(j->pairs || j->nr_pairs == 0);
	for (unsigned int i = 0; i < j->nr_pairs; i++)
		destroy_pair(j, j->pairs[i]);
	supervisor_destroy(j->supervisor);
	free(j->pairs);
	free(j->held);
	free(j->state.words);
	free(j->memory.words);
	free(j);
}

const struct lb_target *judge_target(const struct judge *j)
{
	return j->target;
}

const uint64_t *judge_exercised(const struct judge *j)
{
	return j->exercised;
}

const uint64_t *judge_paths(const struct judge *j)
{
	return j->paths;
}

bool judge_export(const struct lb_target *target, void *instance, struct words *to)
{
	if (!target->export_state)
		return false;
	to->size = target->export_state(instance, to->words, to->capacity);
	if (to->size <= to->capacity)
		return to->size > 0;
	if (to->size > MAX_STATE_WORDS)
		return false;

	size_t capacity = to->size + to->size / 2;
	uint64_t *words = realloc(to->words, capacity * sizeof(*words));

	if (!words)
		return false;
	to->words = words;
	to->capacity = capacity;
	to->size = target->export_state(instance, to->words, to->capacity);
	return to->size > 0 && to->size <= to->capacity;
}

bool judge_read_state(struct judge *j, const struct pair *pair, struct verdict *v)
{
	if (judge_export(j->target, pair->instance, &j->state))
		return oracle_well_formed(pair->oracle, j->state.words, j->state.size, v);
	oracle_rule(pair->oracle, RULE_STATE_SECTIONS, false);
	*v = (struct verdict){ .broken = true, .rule = RULE_STATE_SECTIONS, .pfn = NOWHERE };
	snprintf(v->field, sizeof(v->field), "state");
	snprintf(v->what, sizeof(v->what),
		 "the target says that its state has %zu words: none at all, more than it said the "
		 "first time, or more than there is room for",
		 j->state.size);
	return false;
}

static bool cannot_create(struct outcome *outcome, const char *why)
{
	outcome->kind = FINDING_CREATE;
	outcome->at_boot = true;
	outcome->verdict.pfn = NOWHERE;
	snprintf(outcome->verdict.what, sizeof(outcome->verdict.what), "%s", why);
	outcome_sign(outcome, "boot");
	return false;
}

bool judge_renew_instance(struct judge *j, struct pair *pair, char error[TARGET_ERROR_SIZE])
{
	snprintf(error, TARGET_ERROR_SIZE, "no reason given");
	if (pair->instance)
		j->target->destroy(pair->instance);
	pair->instance = j->target->create(&pair->machine, error);
	if (!pair->instance)
		return false;
	contents_attach(&pair->contents, pair->instance);
	return true;
}

static bool renew_instance(struct judge *j, struct pair *pair, struct outcome *outcome)
{
	char error[TARGET_ERROR_SIZE];

	return judge_renew_instance(j, pair, error) || cannot_create(outcome, error);
}

static bool reset_pair(struct judge *j, struct pair *pair, struct outcome *outcome)
{
	if (!pair->instance || !j->target->reset || !j->target->reset(pair->instance))
		if (!renew_instance(j, pair, outcome))
			return false;
	if (pair->oracle)
		oracle_rewind(pair->oracle);
	pair->used = false;
	return true;
}

static bool boot_oracle(struct judge *j, struct pair *pair, struct outcome *outcome)
{
	const struct lb_target *t = j->target;
	bool exports = t->export_state;

	pair->oracle = oracle_create(&pair->machine, t->flags, t->capabilities, exports);
	if (!pair->oracle)
		return cannot_create(outcome, "no memory for the oracle");
	if ((!exports || judge_read_state(j, pair, &outcome->verdict)) &&
	    oracle_boot(pair->oracle, exports ? j->state.words : NULL, &outcome->verdict)) {
		outcome->verdict = (struct verdict){ 0 };
		return true;
	}
	outcome->kind = FINDING_RULE;
	outcome->at_boot = true;
	outcome_sign(outcome, "boot");
	return false;
}

static bool boot_pair(struct judge *j, struct pair *pair, struct outcome *outcome)
{
	pair->heads = calloc(pair->machine.max_pfn, sizeof(*pair->heads));
	if (!pair->heads || !contents_init(&pair->contents, j->target, &pair->machine))
		return cannot_create(outcome, "no memory for the judge's books");
	if (!renew_instance(j, pair, outcome))
		return false;
	if (j->options.no_oracle)
		return true;
	return boot_oracle(j, pair, outcome);
}

static void drop_pair(struct judge *j, unsigned int index)
{
	assert(index < j->nr_pairs);
	destroy_pair(j, j->pairs[index]);
	j->pairs[index] = j->pairs[--j->nr_pairs];
}

static bool is_full(const struct judge *j, uint64_t more_frames)
{
	uint64_t frames = more_frames;

	for (unsigned int i = 0; i < j->nr_pairs; i++)
		frames += j->pairs[i]->machine.max_pfn;
	return j->nr_pairs == j->max_pairs || frames > MAX_CACHED_FRAMES;
}

static void make_room(struct judge *j, uint64_t more_frames)
{
	while (j->nr_pairs > 0 && is_full(j, more_frames)) {
		unsigned int oldest = 0;

		for (unsigned int i = 1; i < j->nr_pairs; i++)
			if (j->pairs[i]->last_used < j->pairs[oldest]->last_used)
				oldest = i;
		drop_pair(j, oldest);
	}
}

static struct pair *find_pair(const struct judge *j, const struct machine *machine, uint64_t hash)
{
	for (unsigned int i = 0; i < j->nr_pairs; i++)
		if (j->pairs[i]->hash == hash &&
		    memcmp(&j->pairs[i]->machine, machine, sizeof(*machine)) == 0)
			return j->pairs[i];
	return NULL;
}

static struct pair *make_pair(struct judge *j, const struct machine *machine, uint64_t hash,
			      struct outcome *outcome)
{
	make_room(j, machine->max_pfn);

	struct pair *pair = calloc(1, sizeof(*pair));

	if (!pair) {
		cannot_create(outcome, "no memory for a pair");
		return NULL;
	}
	pair->machine = *machine;
	pair->hash = hash;
	if (!boot_pair(j, pair, outcome)) {
		destroy_pair(j, pair);
		return NULL;
	}
	j->pairs[j->nr_pairs++] = pair;
	return pair;
}

struct pair *judge_take_pair(struct judge *j, const struct machine *machine,
			     struct outcome *outcome)
{
	uint64_t hash = XXH3_64bits(machine, sizeof(*machine));
	struct pair *pair = find_pair(j, machine, hash);

	assert(machine->max_pfn > 0 && machine->top_order <= JUDGE_MAX_ORDER);
	*j->progress = AT_BOOT;
	if (!pair)
		pair = make_pair(j, machine, hash, outcome);
	else if (pair->used && !reset_pair(j, pair, outcome)) {
		judge_give_pair(j, pair, false);
		return NULL;
	}
	if (pair) {
		pair->last_used = ++j->clock;
		pair->used = true;
	}
	return pair;
}

void judge_give_pair(struct judge *j, struct pair *pair, bool ok)
{
	const uint64_t *exercised = pair->oracle ? oracle_exercised(pair->oracle) : NULL;
	const uint64_t *paths =
		pair->instance && j->target->paths ? j->target->paths(pair->instance) : NULL;

	for (unsigned int rule = 0; exercised && rule < RULE_COUNT; rule++) {
		j->exercised[rule] += exercised[rule] - pair->exercised_seen[rule];
		pair->exercised_seen[rule] = exercised[rule];
	}
	for (unsigned int path = 0; paths && path < LB_PATH_COUNT; path++)
		j->paths[path] += paths[path];
	if (ok)
		return;

	unsigned int index = 0;

	while (index < j->nr_pairs && j->pairs[index] != pair)
		index++;
	drop_pair(j, index);
}

/*
 * States are compared now and then, so a difference is seen late. Once there is one, the same
 * program tells after which operation it began: that one is named, and its first differing field,
 * which later ones would only blur.
 */
static void localise(struct judge *j, const struct program *p, const struct seen *seen,
		     struct outcome *outcome)
{
	enum { MAX_COMPARISONS = 1 << 14 };
	const struct plan plan = { .compare_from = seen->equal_before };
	struct outcome first;

	if (!seen->by_state || outcome->op - seen->equal_before > MAX_COMPARISONS)
		return;
	memset(&first, 0, sizeof(first));

	struct pair *pair = judge_take_pair(j, &p->machine, &first);
	struct seen again;

	if (!pair)
		return;

	bool clean = run_on_pair(j, pair, p, &plan, &first, &again);

	judge_give_pair(j, pair, clean);
	if (clean) /* a target that does not do the same twice: what was seen stands */
		return;
	first.executed = outcome->executed;
	first.no_ops = outcome->no_ops;
	first.comparisons = outcome->comparisons;
	first.digest = outcome->digest;
	*outcome = first;
}

bool judge_run_here(struct judge *j, const struct program *p, struct outcome *outcome)
{
	const struct plan plan = { .compare_from =
					   j->options.compare_always ? 0 : COMPARE_AS_USUAL };
	struct seen seen = { 0 };

	memset(outcome, 0, sizeof(*outcome));

	struct pair *pair = judge_take_pair(j, &p->machine, outcome);

	if (!pair)
		return false;

	bool clean = run_on_pair(j, pair, p, &plan, outcome, &seen);

	judge_give_pair(j, pair, clean);
	if (!clean && !j->options.compare_always)
		localise(j, p, &seen, outcome);
	assert(clean == (outcome->kind == FINDING_NONE));
	return clean;
}

static void run_traced(struct judge *j, const struct program *p, struct lb_result *trace,
		       struct outcome *outcome)
{
	if (j->supervisor) {
		supervisor_run(j->supervisor, p, trace, outcome);
		return;
	}
	j->trace = trace;
	judge_run_here(j, p, outcome);
	j->trace = NULL;
}

bool judge_look(struct judge *j, const struct program *p, judge_looker *look, void *data,
		struct outcome *outcome)
{
	assert(!j->supervisor);

	j->look = look;
	j->look_data = data;
	bool clean = judge_run_here(j, p, outcome);

	j->look = NULL;
	return clean;
}

/* One more than there are operations: an empty program has a trace too. */
static struct lb_result *trace_create(const struct program *p)
{
	struct lb_result *trace = calloc((size_t)p->nr_ops + 1, sizeof(*trace));

	for (uint32_t i = 0; trace && i < p->nr_ops; i++)
		trace[i].outcome = JUDGE_OP_SKIPPED;
	return trace;
}

bool judge_run(struct judge *j, const struct program *p, struct outcome *outcome)
{
	bool look = j->options.check_observed && p->observed;
	struct lb_result *trace = look ? trace_create(p) : NULL;

	if (look && !trace) {
		memset(outcome, 0, sizeof(*outcome));
		return cannot_create(outcome, "no memory for a trace");
	}
	run_traced(j, p, trace, outcome);
	if (trace)
		observed_check(p, trace, outcome);
	free(trace);
	return outcome->kind == FINDING_NONE;
}

bool judge_observe(struct judge *j, struct program *p, struct outcome *outcome)
{
	struct lb_result *trace = trace_create(p);

	if (trace && !p->observed)
		p->observed = calloc((size_t)p->nr_ops + 1, sizeof(*p->observed));
	if (!trace || !p->observed) {
		free(trace);
		memset(outcome, 0, sizeof(*outcome));
		return cannot_create(outcome, "no memory for what is observed");
	}
	run_traced(j, p, trace, outcome);
	observed_fill(p, trace, outcome);
	free(trace);
	return outcome->kind == FINDING_NONE;
}

size_t judge_explain(struct judge *j, const struct program *p, char *buffer, size_t size)
{
	if (j->supervisor)
		return supervisor_explain(j->supervisor, p, buffer, size);
	return explain_here(j, p, buffer, size);
}
