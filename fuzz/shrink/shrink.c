/*
 * The search of the quick shrinker. See shrink.h for the order of passes and the invariants.
 *
 * Everything goes through try_candidate(): it alone calls the predicate, counts runs and
 * replaces the best program.
 */
#include "shrink/shrink.h"
#include "shrink/shrink_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	PAIRS_MAX_OPS = 24, /* pair deletions are tried below: at most 276 runs a round */
	NR_GFP_BITS = 32,
};

struct search {
	const struct shrink_task *task;
	struct program *best;
	uint32_t runs;
	bool stuck; /* no memory: stop with what there is */
};

static bool search_over(const struct search *s)
{
	const volatile sig_atomic_t *stop = s->task->stop;

	return s->stuck || (stop && *stop) || s->runs >= s->task->max_runs;
}

/* A copy of the best program to be changed. The caller hands it to try_candidate() or frees it. */
static bool candidate_begin(struct search *s, struct program *candidate)
{
	program_init(candidate);
	if (search_over(s))
		return false;
	if (program_copy(candidate, s->best))
		return true;
	program_free(candidate);
	s->stuck = true;
	return false;
}

/*
 * Takes the candidate: it becomes the best program iff it differs, is no longer, and still
 * shows the same.
 */
static bool try_candidate(struct search *s, struct program *candidate)
{
	bool better = false;

	if (candidate->nr_ops <= s->best->nr_ops && !program_equal(candidate, s->best)) {
		assert(s->runs < s->task->max_runs);
		s->runs++;
		better = s->task->still(candidate, s->task->arg);
	}
	if (better) {
		struct program old = *s->best;

		*s->best = *candidate;
		*candidate = old;
	}
	program_free(candidate);
	return better;
}

static bool try_keeping(struct search *s, const bool *keep)
{
	struct program candidate;

	if (!candidate_begin(s, &candidate))
		return false;
	program_rebuild(&candidate, keep);
	return try_candidate(s, &candidate);
}

static bool *keep_all(struct search *s)
{
	bool *keep = malloc(s->best->nr_ops + 1);

	if (keep)
		memset(keep, true, s->best->nr_ops + 1);
	else
		s->stuck = true;
	return keep;
}

/* Delete the operations [start, start + count). */
static bool try_without(struct search *s, uint32_t start, uint32_t count)
{
	bool *keep = keep_all(s);

	if (!keep)
		return false;
	assert(start + count <= s->best->nr_ops);
	memset(keep + start, false, count);
	bool better = try_keeping(s, keep);

	free(keep);
	return better;
}

/* What comes after the failing operation cannot matter. */
static bool truncate_after_failing(struct search *s)
{
	uint32_t failing = s->task->failing;

	if (failing + 1 >= s->best->nr_ops)
		return false;
	return try_without(s, failing + 1, s->best->nr_ops - failing - 1);
}

static bool drop_no_ops(struct search *s)
{
	bool *keep = keep_all(s);

	if (!keep)
		return false;
	for (uint32_t i = 0; i < s->best->nr_ops; i++)
		keep[i] = s->best->ops[i].code != OP_NOP;
	bool better = try_keeping(s, keep);

	free(keep);
	return better;
}

static bool has_handle(const struct op *op)
{
	return op_info[op->code].arguments & ARGS_HANDLE;
}

/* True iff the operation binds one of the wanted handles. */
static bool binds_wanted(const struct op *op, const bool *wanted)
{
	for (uint32_t i = 0; i < op->nr_results; i++)
		if (wanted[op->first_result + i])
			return true;
	return false;
}

/* Backwards from the last operation: keep what binds or uses the handles it came from. */
static void mark_dependencies(const struct program *p, bool *keep, bool *wanted)
{
	for (uint32_t i = p->nr_ops; i-- > 0;) {
		const struct op *op = &p->ops[i];
		bool uses = has_handle(op);

		keep[i] = i + 1 == p->nr_ops || binds_wanted(op, wanted) ||
			  (uses && wanted[op->handle]);
		if (keep[i] && uses)
			wanted[op->handle] = true;
	}
}

/*
 * The failing operation is the last one, once truncated: without handle it depends on nothing
 * by name.
 */
static bool keep_dependencies(struct search *s)
{
	if (s->best->nr_ops == 0)
		return false;
	bool *keep = keep_all(s), *wanted = calloc(s->best->nr_handles + 1, sizeof(*wanted));
	bool better = false;

	if (keep && wanted) {
		mark_dependencies(s->best, keep, wanted);
		better = try_keeping(s, keep);
	}
	s->stuck |= !keep || !wanted;
	free(wanted);
	free(keep);
	return better;
}

/* Halves, quarters .. single operations, from the end: what was done last is freed last. */
static bool delete_chunks(struct search *s)
{
	bool gained = false;

	for (uint32_t chunk = (s->best->nr_ops + 1) / 2; chunk > 0; chunk /= 2) {
		uint32_t end = s->best->nr_ops;

		while (end > 0 && !search_over(s)) {
			uint32_t start = end > chunk ? end - chunk : 0;

			gained |= try_without(s, start, end - start);
			end = start < s->best->nr_ops ? start : s->best->nr_ops;
		}
	}
	return gained;
}

/* An allocation that goes takes its uses and its free along (program_rebuild). */
static bool delete_lifetimes(struct search *s)
{
	bool gained = false;

	for (uint32_t i = s->best->nr_ops; i-- > 0 && !search_over(s);) {
		if (i >= s->best->nr_ops || s->best->ops[i].nr_results == 0)
			continue;
		gained |= try_without(s, i, 1);
	}
	return gained;
}

static bool try_without_pair(struct search *s, uint32_t first, uint32_t second)
{
	bool *keep = keep_all(s);

	if (!keep)
		return false;
	assert(first < second && second < s->best->nr_ops);
	keep[first] = keep[second] = false;
	bool better = try_keeping(s, keep);

	free(keep);
	return better;
}

static bool delete_pairs(struct search *s)
{
	bool gained = false;

	if (s->best->nr_ops > PAIRS_MAX_OPS)
		return false;
	for (uint32_t second = s->best->nr_ops; second-- > 1;)
		for (uint32_t first = second; first-- > 0;)
			if (!search_over(s) && second < s->best->nr_ops)
				gained |= try_without_pair(s, first, second);
	return gained;
}

static uint32_t plain_gfp(void)
{
	const struct gfp_name *name = gfp_names;

	while (name->name && strcmp(name->name, "KERNEL") != 0)
		name++;
	assert(name->name);
	return name->bits;
}

static void plain_code(struct op *op)
{
	const unsigned int arguments = op_info[op->code].arguments;

	if (op_info[op->code].yields == YIELDS_BLOCK) {
		if (!(arguments & ARG_NODE))
			op->node = NODE_NONE;
		op->code = OP_ALLOC_PAGES;
	} else if (op->code == OP_FREE_PAGES) {
		op->code = OP_FREE_PAGES_STRUCT;
	}
}

/*
 * One step towards the plainest operation. Steps with a number are tried for all operations at
 * once, then one by one. A step of gfp moves one bit towards KERNEL.
 */
enum lower_step {
	LOWER_TASK,
	LOWER_SCOPE,
	LOWER_CPU,
	LOWER_FAIL_NTH,
	LOWER_GFP,
	LOWER_NODE,
	LOWER_NODEMASK,
	LOWER_ORDER,
	LOWER_PAGE,
	LOWER_VALUE,
	LOWER_COUNT,
	LOWER_MODE,
	LOWER_CODE,
	LOWER_ORDER_BY_ONE,
	LOWER_VALUE_TO_ONE,
	LOWER_COUNT_BY_ONE,
	LOWER_VALUE_BY_HALF,
	LOWER_GFP_BIT,
	LOWER_STEPS = LOWER_GFP_BIT + NR_GFP_BITS,
};

static void lower_gfp_bit(struct op *op, unsigned int bit)
{
	uint32_t mask = UINT32_C(1) << bit;

	op->gfp = (op->gfp & ~mask) | (plain_gfp() & mask);
}

static void lower_argument(struct op *op, unsigned int step)
{
	switch (step) {
	case LOWER_GFP:
		op->gfp = plain_gfp();
		break;
	case LOWER_NODE:
		op->node = NODE_NONE;
		break;
	case LOWER_NODEMASK:
		op->nodemask = 0;
		break;
	case LOWER_ORDER:
		op->order = 0;
		break;
	case LOWER_ORDER_BY_ONE:
		op->order = (uint8_t)(op->order - (op->order > 0));
		break;
	case LOWER_PAGE:
		op->page = 0;
		break;
	case LOWER_VALUE:
		op->value = 0;
		break;
	case LOWER_COUNT:
		op->count = 1;
		break;
	case LOWER_COUNT_BY_ONE:
		op->count -= op->count > 1;
		break;
	case LOWER_MODE:
		op->name = 0;
		break;
	case LOWER_VALUE_TO_ONE:
		op->value = op->value > 1 ? 1 : op->value;
		break;
	case LOWER_VALUE_BY_HALF:
		op->value /= 2;
		break;
	default:
		lower_gfp_bit(op, step - LOWER_GFP_BIT);
		break;
	}
}

/*
 * What an argument must be part of an operation for, so that it may be lowered; 0: every
 * operation has it.
 */
static unsigned int argument_of(unsigned int step)
{
	switch (step) {
	case LOWER_NODE:
		return ARG_NODE;
	case LOWER_NODEMASK:
		return ARG_NODEMASK;
	case LOWER_ORDER:
	case LOWER_ORDER_BY_ONE:
		return ARG_ORDER;
	case LOWER_PAGE:
		return ARG_PAGE;
	case LOWER_COUNT:
	case LOWER_COUNT_BY_ONE:
		return ARG_COUNT;
	case LOWER_MODE:
		return ARG_MODE;
	case LOWER_VALUE:
	case LOWER_VALUE_TO_ONE:
	case LOWER_VALUE_BY_HALF:
		return ARG_VALUE;
	default:
		return ARG_GFP;
	}
}

static void lower(struct op *op, unsigned int step)
{
	switch (step) {
	case LOWER_TASK:
		op->level = LEVEL_TASK;
		return;
	case LOWER_SCOPE:
		op->scope = 0;
		return;
	case LOWER_CPU:
		op->cpu = 0;
		return;
	case LOWER_FAIL_NTH:
		op->fail_nth = 0;
		return;
	case LOWER_CODE:
		plain_code(op);
		return;
	default:
		break;
	}
	if (op_info[op->code].arguments & argument_of(step))
		lower_argument(op, step);
}

/* Lower the operations [start, end) of the best program by one step. */
static bool try_lower(struct search *s, uint32_t start, uint32_t end, unsigned int step)
{
	struct program candidate;

	if (!candidate_begin(s, &candidate))
		return false;
	for (uint32_t i = start; i < end; i++)
		lower(&candidate.ops[i], step);
	program_rebuild(&candidate, NULL);
	return try_candidate(s, &candidate);
}

static bool lower_values(struct search *s)
{
	bool gained = false;

	for (unsigned int step = 0; step < LOWER_STEPS && !search_over(s); step++) {
		if (try_lower(s, 0, s->best->nr_ops, step)) {
			gained = true;
			continue;
		}
		for (uint32_t i = 0; i < s->best->nr_ops; i++)
			while (i < s->best->nr_ops && try_lower(s, i, i + 1, step))
				gained = true;
	}
	return gained;
}

static bool try_machine(struct search *s, unsigned int which)
{
	struct program candidate;
	struct machine simpler;

	if (!machine_simplify(&simpler, &s->best->machine, which) ||
	    !candidate_begin(s, &candidate))
		return false;
	candidate.machine = simpler;
	program_rebuild(&candidate, NULL);
	return try_candidate(s, &candidate);
}

static bool simplify_machine(struct search *s)
{
	bool gained = false;

	if (s->task->keep_machine)
		return false;
	for (unsigned int which = 0; which < machine_simplifications() && !search_over(s); which++)
		while (try_machine(s, which))
			gained = true;
	return gained;
}

static void forget_observations(struct program *p)
{
	if (p->observed)
		memset(p->observed, 0, p->nr_ops * sizeof(*p->observed));
}

uint32_t shrink_program(struct program *p, const struct shrink_task *task)
{
	struct search s = { .task = task, .best = p };
	bool gained = true;

	assert(task->still);
	forget_observations(p);
	truncate_after_failing(&s);
	drop_no_ops(&s);
	keep_dependencies(&s);
	delete_lifetimes(&s);
	while (gained && !search_over(&s)) {
		gained = delete_chunks(&s);
		gained |= delete_pairs(&s);
		gained |= lower_values(&s);
		gained |= simplify_machine(&s);
	}
	return s.runs;
}
