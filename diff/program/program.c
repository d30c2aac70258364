/*
 * Programs as data: building, checking, copying, and putting in order after a change.
 *
 * A program knows the state of every handle after its last operation, so that appending costs the
 * same however long it is. Arrays are kept from one use to the next: program_clear in decode and
 * parse frees nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "program/internal.h"

_Static_assert(sizeof(struct op) == 44, "an operation has no padding: it is compared by its bytes");

void program_init(struct program *p)
{
	*p = (struct program){ 0 };
	machine_default(&p->machine);
}

void program_clear(struct program *p)
{
	p->nr_ops = p->nr_handles = 0;
}

void program_free(struct program *p)
{
	free(p->ops);
	free(p->observed);
	free(p->handles);
	program_init(p);
}

static bool grow(void **array, uint32_t *capacity, uint32_t wanted, size_t item)
{
	uint32_t larger = *capacity < 64 ? 64 : *capacity;

	while (larger < wanted)
		larger *= 2;
	void *grown = realloc(*array, larger * item);

	if (!grown)
		return false;
	*array = grown;
	*capacity = larger;
	return true;
}

bool program_reserve(struct program *p, uint32_t ops, uint32_t results)
{
	if (ops > PROGRAM_MAX_OPS - p->nr_ops || results > PROGRAM_MAX_HANDLES - p->nr_handles)
		return false;
	if (p->nr_ops + ops > p->ops_capacity) {
		void *array = p->ops;

		if (!grow(&array, &p->ops_capacity, p->nr_ops + ops, sizeof(*p->ops)))
			return false;
		p->ops = array;
	}
	if (p->nr_handles + results > p->handles_capacity) {
		void *array = p->handles;

		if (!grow(&array, &p->handles_capacity, p->nr_handles + results,
			  sizeof(*p->handles)))
			return false;
		p->handles = array;
	}
	return true;
}

static bool copy_observed(struct program *to, const struct program *from)
{
	free(to->observed);
	to->observed = NULL;
	if (!from->observed || from->nr_ops == 0)
		return true;
	to->observed = malloc(from->nr_ops * sizeof(*to->observed));
	if (!to->observed)
		return false;
	memcpy(to->observed, from->observed, from->nr_ops * sizeof(*to->observed));
	return true;
}

bool program_copy(struct program *to, const struct program *from)
{
	assert(to != from);

	to->nr_ops = to->nr_handles = 0;
	if (!program_reserve(to, from->nr_ops, from->nr_handles) || !copy_observed(to, from))
		return false;
	to->machine = from->machine;
	to->nr_ops = from->nr_ops;
	to->nr_handles = from->nr_handles;
	if (from->nr_ops)
		memcpy(to->ops, from->ops, from->nr_ops * sizeof(*to->ops));
	if (from->nr_handles)
		memcpy(to->handles, from->handles, from->nr_handles * sizeof(*to->handles));
	return true;
}

bool program_equal(const struct program *a, const struct program *b)
{
	if (a->nr_ops != b->nr_ops || a->nr_handles != b->nr_handles ||
	    !machine_equal(&a->machine, &b->machine))
		return false;
	return a->nr_ops == 0 || memcmp(a->ops, b->ops, a->nr_ops * sizeof(*a->ops)) == 0;
}

bool program_add(struct program *p, const struct op *op)
{
	unsigned int arguments = op_info[op->code].arguments;
	struct handle_state state = { 0 }, born;

	if (arguments & ARGS_HANDLE)
		state = p->handles[op->handle];
	uint32_t results = handle_after(op, &state, &born);

	if (!program_reserve(p, 1, results))
		return false;
	if (arguments & ARGS_LIVE)
		p->handles[op->handle] = state;
	for (uint32_t i = 0; i < results; i++)
		p->handles[p->nr_handles + i] = born;

	struct op *added = &p->ops[p->nr_ops++];

	*added = *op;
	added->first_result = p->nr_handles;
	added->nr_results = results;
	p->nr_handles += results;
	return true;
}

void op_fold(struct op *op, const struct machine *m)
{
	unsigned int arguments = op_info[op->code].arguments;
	uint32_t nodes = (1u << m->nr_nodes) - 1;

	op->cpu = (uint8_t)(op->cpu % m->nr_cpus);
	op->level = (uint8_t)(op->level % LEVEL_COUNT);
	op->scope &= SCOPE_ALL;
	op->order = arguments & ARG_ORDER ? op->order % ORDER_COUNT : 0;
	if (arguments & ARG_MODE)
		op->name = op->name % POLICY_COUNT;
	else
		op->name = arguments & ARG_NAME ? op->name % SYSCTL_COUNT : 0;
	op->count = arguments & ARG_COUNT
			    ? (op->count + PROGRAM_MAX_COUNT - 1) % PROGRAM_MAX_COUNT + 1
			    : 0;
	op->gfp = arguments & ARG_GFP ? op->gfp : 0;
	op->page = arguments & ARG_PAGE ? op->page & 0xffff : 0;
	op->value = arguments & ARG_VALUE ? op->value : 0;
	op->nodemask = arguments & ARG_NODEMASK ? op->nodemask & nodes : 0;
	if (!(arguments & ARGS_HANDLE))
		op->handle = 0;
	if (!(arguments & ARG_NODE))
		op->node = 0;
	else if (op->node < 0)
		op->node = NODE_NONE;
	else
		op->node = (int16_t)((uint32_t)op->node % m->nr_nodes);
}

/* P3: folding changes nothing. */
static bool arguments_in_range(const struct op *op, const struct machine *m)
{
	struct op folded = *op;

	op_fold(&folded, m);
	return memcmp(&folded, op, sizeof(folded)) == 0;
}

/* P2: the handle is there, of the kind that the operation takes, alive or dead as it wants it. */
static bool handle_fits(const struct op *op, const struct handle_state *handles,
			uint32_t nr_handles)
{
	if (!(op_info[op->code].arguments & ARGS_HANDLE))
		return true;
	return op->handle < nr_handles && handle_serves(op, &handles[op->handle]);
}

/* One slot of observations more, empty: there are always as many as operations. */
static bool append_observed(struct program *p)
{
	if (!p->observed)
		return true;
	struct observed *grown = realloc(p->observed, (p->nr_ops + 1) * sizeof(*grown));

	if (!grown)
		return false;
	p->observed = grown;
	p->observed[p->nr_ops] = (struct observed){ 0 };
	return true;
}

bool program_append(struct program *p, const struct op *op)
{
	if (op->code >= OP_COUNT || !arguments_in_range(op, &p->machine))
		return false;
	if (!handle_fits(op, p->handles, p->nr_handles) || !append_observed(p))
		return false;
	return program_add(p, op);
}

static bool broken(char why[256], const char *invariant, uint32_t index, const char *what)
{
	snprintf(why, 256, "%s: operation %u %s", invariant, index, what);
	return false;
}

static bool check_op(const struct program *p, uint32_t i, struct handle_state *handles,
		     uint32_t *nr, char why[256])
{
	const struct op *op = &p->ops[i];
	struct handle_state none = { 0 }, born;

	if (op->code >= OP_COUNT)
		return broken(why, "P3", i, "has no row in the table");
	if (!arguments_in_range(op, &p->machine))
		return broken(why, "P3", i, "has an argument out of its range");
	if (!handle_fits(op, handles, *nr))
		return broken(why, "P2", i, "uses a handle that is not in the state it needs");
	bool has_handle = op_info[op->code].arguments & ARGS_HANDLE;
	uint32_t results = handle_after(op, has_handle ? &handles[op->handle] : &none, &born);

	if (op->first_result != *nr || op->nr_results != results)
		return broken(why, "P1", i, "does not number its results in binding order");
	if (results > p->nr_handles - *nr)
		return broken(why, "P1", i, "binds more handles than the program has");
	for (uint32_t k = 0; k < results; k++)
		handles[(*nr)++] = born;
	return true;
}

static bool check_ops(const struct program *p, struct handle_state *handles, char why[256])
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < p->nr_ops; i++)
		if (!check_op(p, i, handles, &nr, why))
			return false;
	if (nr != p->nr_handles)
		return broken(why, "P1", p->nr_ops,
			      "(the end) is reached with fewer handles than the program has");
	for (uint32_t i = 0; i < nr; i++)
		if (memcmp(&handles[i], &p->handles[i], sizeof(handles[i])) != 0)
			return broken(why, "P2", p->nr_ops,
				      "(the end) is reached with a handle in another state");
	return true;
}

bool program_check(const struct program *p, char why[256])
{
	struct text_error error;

	if (!machine_check(&p->machine, &error)) {
		snprintf(why, 256, "machine: %.240s", error.what);
		return false;
	}
	if (p->nr_ops > PROGRAM_MAX_OPS || p->nr_handles > PROGRAM_MAX_HANDLES)
		return broken(why, "P4", p->nr_ops, "(the end) lies behind the limits");
	struct handle_state *handles = malloc((p->nr_handles + 1) * sizeof(*handles));

	if (!handles) {
		snprintf(why, 256, "there is no memory to check %u handles", p->nr_handles);
		return false;
	}
	bool good = check_ops(p, handles, why);

	free(handles);
	return good;
}

/* ---- Putting in order ---- */

enum { HANDLE_GONE = UINT32_MAX };

/* Another live handle of the operation's kind, among the youngest ones, or HANDLE_GONE. */
static uint32_t live_handle_near(const struct program *p, const struct op *op, struct random *r)
{
	uint32_t window = p->nr_handles < 48 ? p->nr_handles : 48;

	for (int attempt = 0; window && attempt < 8; attempt++) {
		uint32_t handle = p->nr_handles - 1 - random_below(r, window);

		if (handle_serves(op, &p->handles[handle]))
			return handle;
	}
	return HANDLE_GONE;
}

/* The operation with its handle in the new numbers; false: it can no longer be carried out. */
static bool renumber_handle(const struct program *p, struct op *op, const uint32_t *map,
			    uint32_t bound, struct random *repoint)
{
	unsigned int arguments = op_info[op->code].arguments;

	if (!(arguments & ARGS_HANDLE))
		return true;
	op->handle = op->handle < bound ? map[op->handle] : HANDLE_GONE;
	if (handle_fits(op, p->handles, p->nr_handles))
		return true;
	if (!repoint || !(arguments & ARGS_LIVE))
		return false;
	op->handle = live_handle_near(p, op, repoint);
	return op->handle != HANDLE_GONE;
}

/*
 * Appends to p, which is being rebuilt in its own array: the write position never passes the read
 * position.
 */
static bool renumber_op(struct program *p, struct op op, uint32_t *map, uint32_t bound,
			struct random *repoint)
{
	uint32_t old_first = op.first_result, old_results = op.nr_results;

	if (op.code >= OP_COUNT)
		return false;
	op_fold(&op, &p->machine);
	if (!renumber_handle(p, &op, map, bound, repoint) || !program_add(p, &op))
		return false;
	const struct op *added = &p->ops[p->nr_ops - 1];

	for (uint32_t i = 0; i < old_results && i < added->nr_results && old_first + i < bound; i++)
		map[old_first + i] = added->first_result + i;
	return true;
}

uint32_t program_renumber(struct program *p, const bool *keep, uint32_t bound,
			  struct random *repoint)
{
	uint32_t nr_ops = p->nr_ops, dropped = 0;
	uint32_t *map = malloc(((size_t)bound + 1) * sizeof(*map));

	p->nr_ops = p->nr_handles = 0;
	if (!map)
		return nr_ops;
	memset(map, 0xff, ((size_t)bound + 1) * sizeof(*map));
	for (uint32_t i = 0; i < nr_ops; i++) {
		if (keep && !keep[i])
			continue;
		if (!renumber_op(p, p->ops[i], map, bound, repoint)) {
			dropped++;
			continue;
		}
		if (p->observed)
			p->observed[p->nr_ops - 1] = p->observed[i];
	}
	free(map);
	return dropped;
}

uint32_t program_rebuild(struct program *p, const bool *keep)
{
	uint32_t bound = 0;

	for (uint32_t i = 0; i < p->nr_ops; i++) {
		uint32_t end = p->ops[i].first_result + p->ops[i].nr_results;

		if (end > bound && end <= 2u * PROGRAM_MAX_HANDLES)
			bound = end;
	}
	return program_renumber(p, keep, bound, NULL);
}
