/*
 * What an operation does to its handle, by the program's rules alone (ops.def, program.h).
 *
 * Everything that must not depend on a target is decided here: which operations are refused whoever
 * carries them out, how many handles are bound, and the order, references and kind of each. A block
 * whose allocation fails when it is executed is still live in this sense; the one exception is an
 * allocation from NMI, which everybody refuses, so that its handle is born dead.
 */
#include "program/internal.h"

enum { GFP_COMP = 0x40000 };

/* From NMI only what neither allocates nor frees. */
static bool level_refuses(const struct op *op)
{
	if (op->level != LEVEL_NMI)
		return false;
	switch (op->code) {
	case OP_NOP:
	case OP_FILL:
	case OP_VERIFY:
	case OP_TRANSLATE:
	case OP_ADVANCE:
	case OP_CHECK:
	case OP_DUMP:
		return false;
	default:
		return true;
	}
}

static bool sysctl_refuses(const struct op *op)
{
	if (op->value > MACHINE_GREATEST_TUNABLE)
		return true;
	switch (op->name) {
	case SYSCTL_WATERMARK_SCALE_FACTOR:
		return op->value < 1 || op->value > 3000;
	case SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION:
		return op->value > 0 && op->value < 8;
	default:
		return false;
	}
}

/* Several pages that are not compound: a free of the first page alone would lose the others. */
static bool is_plain_block(const struct handle_state *state)
{
	return state->order > 0 && !state->compound;
}

/*
 * A block of more pages than any machine's largest one was never handed out: there is nothing to
 * split.
 */
static bool split_refuses(const struct handle_state *state)
{
	return !is_plain_block(state) || state->refs > 1 || state->order > MACHINE_HIGHEST_ORDER;
}

static bool wrong_order_refuses(const struct op *op, const struct handle_state *state)
{
	return op->order >= state->order || state->compound || state->refs > 1;
}

static bool fragment_refuses(const struct op *op)
{
	return op->value < 1 || op->value > PROGRAM_MAX_FRAGMENT;
}

static bool tail_of_compound(const struct op *op, const struct handle_state *state)
{
	return state->compound && op->page % (1u << state->order) != 0;
}

bool op_is_refused(const struct op *op, const struct handle_state *state)
{
	assert(op->code < OP_COUNT);
	assert(state || !(op_info[op->code].arguments & ARGS_LIVE));

	if (level_refuses(op))
		return true;
	switch (op->code) {
	case OP_GET_PAGE:
		return state->refs >= PROGRAM_MAX_REFERENCES;
	case OP_PUT_PAGE:
		return state->refs == 1 && is_plain_block(state);
	case OP_SPLIT_PAGE:
		return split_refuses(state);
	case OP_SYSCTL:
		return sysctl_refuses(op);
	case OP_RUN_KSWAPD:
		return op->node == NODE_NONE;
	case OP_FREE_WRONG_ORDER:
		return wrong_order_refuses(op, state);
	case OP_FREE_TAIL:
	case OP_DOUBLE_FREE:
	case OP_FREE_PFN:
	case OP_SCHED_SWITCH:
	case OP_SCHED_INTERRUPT:
		return true;
	case OP_SET_MAPPING:
		return tail_of_compound(op, state);
	case OP_PUT_FRAME:
		return state->order > 0 || state->refs > 1;
	case OP_SET_MEMPOLICY:
		return op->level != LEVEL_TASK;
	case OP_PAGE_FRAG_ALLOC:
		return fragment_refuses(op);
	case OP_SET_PAGE_FLAG:
		return op->value / 2 % PROGRAM_PAGE_FLAGS == PROGRAM_FLAG_HEAD;
	case OP_PREP_TRANSHUGE:
		return !state->compound || state->order < 2;
	case OP_DEFERRED_INIT:
		return op->node == NODE_NONE;
	default:
		return false;
	}
}

bool op_is_misuse(uint8_t code)
{
	return (code >= OP_FREE_WRONG_ORDER && code <= OP_SCHED_INTERRUPT) ||
	       code == OP_WRITE_FREED || code == OP_SET_PAGE_FLAG;
}

bool handle_serves(const struct op *op, const struct handle_state *state)
{
	switch (op_info[op->code].arguments & ARGS_HANDLE) {
	case ARG_HANDLE:
		return state->kind == HANDLE_BLOCK && state->refs > 0;
	case ARG_DEAD_HANDLE:
		return state->kind == HANDLE_BLOCK && state->refs == 0;
	case ARG_FRAGMENT:
		return state->kind == HANDLE_FRAGMENT && state->refs > 0;
	default:
		return false;
	}
}

static uint8_t born_order(const struct op *op)
{
	return op_info[op->code].arguments & ARG_ORDER ? op->order : 0;
}

static uint32_t after_allocation(const struct op *op, struct handle_state *born)
{
	uint8_t order = born_order(op);

	*born = (struct handle_state){
		.order = order,
		.compound = order > 0 && op->gfp & GFP_COMP,
		.refs = level_refuses(op) ? 0 : 1,
	};
	return 1;
}

/* A handle for each entry that is to be filled: single pages, each with a reference of its own. */
static uint32_t after_many(const struct op *op, struct handle_state *born)
{
	uint32_t entries = (uint32_t)((UINT64_C(1) << op->count) - 1);

	*born = (struct handle_state){ .refs = level_refuses(op) ? 0 : 1 };
	if (op->code == OP_ALLOC_PAGES_BULK)
		return (uint32_t)__builtin_popcount(entries & ~op->value);
	return op->count;
}

uint32_t bulk_entry(const struct op *op, uint32_t n)
{
	uint32_t filled = op->code == OP_ALLOC_PAGES_BULK ? op->value : 0, entry = 0;

	assert(n < op->count);
	for (;; entry++)
		if (!(filled >> entry & 1) && n-- == 0)
			return entry;
}

/* A fragment that was refused for its size is dead from the start, as anything from NMI is. */
static uint32_t after_fragment(const struct op *op, struct handle_state *born)
{
	*born = (struct handle_state){
		.kind = HANDLE_FRAGMENT,
		.refs = level_refuses(op) || fragment_refuses(op) ? 0 : 1,
	};
	return 1;
}

/*
 * The last reference frees everything; an earlier one leaves only the first page of a plain block
 * (facts 6).
 */
static void after_free(struct handle_state *state)
{
	assert(state->refs > 0);
	state->refs--;
	if (state->refs > 0 && !state->compound)
		state->order = 0;
}

uint32_t handle_after(const struct op *op, struct handle_state *state, struct handle_state *born)
{
	assert(op->code < OP_COUNT);

	if (op_info[op->code].yields == YIELDS_BLOCK)
		return after_allocation(op, born);
	if (op_info[op->code].yields == YIELDS_MANY)
		return after_many(op, born);
	if (op_info[op->code].yields == YIELDS_FRAGMENT)
		return after_fragment(op, born);
	if (op_is_refused(op, state))
		return 0;
	switch (op->code) {
	case OP_FREE_PAGES_STRUCT:
	case OP_FREE_PAGES:
		after_free(state);
		return 0;
	case OP_GET_PAGE:
		state->refs++;
		return 0;
	case OP_PUT_PAGE:
	case OP_PUT_FRAME:
	case OP_PAGE_FRAG_FREE:
		state->refs--;
		return 0;
	case OP_SPLIT_PAGE:
		state->refs = 0;
		*born = (struct handle_state){ .order = 0, .compound = 0, .refs = 1 };
		return 1u << state->order;
	case OP_FREE_WRONG_ORDER:
		state->refs = 0;
		return 0;
	default:
		return 0;
	}
}
