/*
 * Wrappers around the reference allocator that lie: faults which only mean something to a target
 * that claims Linux's policy, or that exports its state.
 *
 *	judge  --call-->  liar  --call, perhaps changed-->  core
 *	       <--result or state, perhaps falsified--
 *
 * The reference allocator itself is never touched: it does what it is told, and only what is told
 * of it is false. Lies about the state begin with the first free, so that boot is as it should be.
 */
#include "target/broken/broken.h"
#include "target/builtin.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GFP_ZONE_BITS = 0x1 | 0x4, GFP_ZERO = 0x100 }; /* DMA and DMA32 (facts 5) */

struct liar {
	void *core;
	uint64_t *words; /* the true state, before it is falsified */
	size_t capacity;
	const struct machine *machine;
	unsigned int allocations, frees;
	uint64_t isolated;	   /* first frame of the last range that was isolated; 0: none */
	struct lb_result fragment; /* the first one that was handed out; outcome LB_DONE: none */
	enum lie lie;
};

void *liar_create(const struct machine *machine, enum lie lie, char *error)
{
	struct liar *l = calloc(1, sizeof(*l));

	assert(lie < LIE_COUNT);
	if (!l) {
		snprintf(error, 256, "no memory for the wrapper");
		return NULL;
	}
	l->lie = lie;
	l->machine = machine;
	l->core = core_target.create(machine, error);
	if (l->core)
		return l;
	free(l);
	return NULL;
}

void liar_destroy(void *instance)
{
	struct liar *l = instance;

	core_target.destroy(l->core);
	free(l->words);
	free(l);
}

bool liar_reset(void *instance)
{
	struct liar *l = instance;

	l->allocations = 0;
	l->frees = 0;
	l->isolated = 0;
	l->fragment = (struct lb_result){ .outcome = LB_DONE };
	return core_target.reset && core_target.reset(l->core);
}

void *liar_memory(void *instance, uint64_t pfn)
{
	struct liar *l = instance;

	return core_target.memory ? core_target.memory(l->core, pfn) : NULL;
}

const uint64_t *liar_results(void *instance)
{
	struct liar *l = instance;

	return core_target.results(l->core);
}

static bool allocates(const struct lb_call *call)
{
	return call->op >= OP_ALLOC_PAGES && call->op <= OP_GET_ZEROED_PAGE;
}

static bool frees(const struct lb_call *call)
{
	return call->op == OP_FREE_PAGES_STRUCT || call->op == OP_FREE_PAGES;
}

static bool shares(const struct lb_call *call)
{
	return call->op == OP_GET_PAGE || call->op == OP_SPLIT_PAGE;
}

/* What is said to be done and is not even passed on. */
static bool is_kept_back(const struct liar *l, const struct lb_call *call)
{
	if (l->lie == LIE_SWALLOWS_FREES)
		return frees(call) && l->frees % 3 == 0;
	if (l->lie == LIE_FORGETS_POLICIES)
		return call->op == OP_SET_MEMPOLICY && call->level == LEVEL_TASK;
	return l->lie == LIE_FORGETS_ISOLATION && call->op == OP_ISOLATE;
}

static bool is_bulk(const struct lb_call *call)
{
	return call->op == OP_ALLOC_PAGES_BULK || call->op == OP_ALLOC_PAGES_BULK_LIST;
}

static void note_isolation(struct liar *l, const struct lb_call *call, const struct lb_result *r)
{
	uint64_t size = UINT64_C(1) << l->machine->top_order;
	uint64_t ranges = (l->machine->max_pfn + size - 1) / size;

	if (r->outcome != LB_DONE)
		return;
	if (call->op == OP_ISOLATE)
		l->isolated = call->value % ranges * size;
	if (call->op == OP_UNISOLATE)
		l->isolated = 0;
}

static bool has_to_be_filled(const struct liar *l, const struct lb_call *call)
{
	const struct machine *m = l->machine;

	return call->op == OP_GET_ZEROED_PAGE || call->gfp & GFP_ZERO || m->init_on_alloc ||
	       m->init_on_free || m->page_poison;
}

static void dirty(const struct liar *l, const struct lb_call *call, const struct lb_result *r)
{
	uint8_t *memory = r->outcome == LB_BLOCK ? core_target.memory(l->core, r->pfn) : NULL;

	if (memory && has_to_be_filled(l, call))
		*memory ^= 0x40;
}

static void overlap_fragments(struct liar *l, const struct lb_call *call, struct lb_result *r)
{
	if (call->op != OP_PAGE_FRAG_ALLOC || r->outcome != LB_BLOCK)
		return;
	if (l->fragment.outcome != LB_BLOCK)
		l->fragment = *r;
	r->pfn = l->fragment.pfn;
	r->offset = l->fragment.offset;
}

/* What is told of a result. */
static void falsify_result(struct liar *l, const struct lb_call *call, struct lb_result *result)
{
	note_isolation(l, call, result);
	if (l->lie == LIE_OVERLAPS_FRAGMENTS)
		overlap_fragments(l, call, result);
	if (l->lie == LIE_OVERCOUNTS && is_bulk(call) && result->outcome == LB_DONE)
		result->count++;
	if (l->lie == LIE_GIVES_ISOLATED && allocates(call) && result->outcome == LB_BLOCK &&
	    l->isolated)
		result->pfn = l->isolated;
	if (l->lie == LIE_DIRTIES && allocates(call))
		dirty(l, call, result);
}

void liar_exec(void *instance, const struct lb_call *call, struct lb_result *result)
{
	struct liar *l = instance;
	struct lb_call told = *call;

	l->allocations += allocates(call);
	l->frees += frees(call);
	if (l->lie == LIE_FAILS && allocates(call) && l->allocations % 3 == 0) {
		result->outcome = LB_NULL;
		result->reason = LB_NO_BLOCK;
		return;
	}
	if (is_kept_back(l, call)) {
		result->outcome = LB_DONE;
		return;
	}
	if (l->lie == LIE_REFUSES_SHARING && shares(call) && call->level != LEVEL_NMI) {
		result->outcome = LB_REFUSED;
		result->reason = LB_NOT_ALLOWED;
		return;
	}
	if (l->lie == LIE_CROSSES_ZONES && allocates(call))
		told.gfp &= ~(uint32_t)GFP_ZONE_BITS;
	core_target.exec(l->core, &told, result);
	falsify_result(l, call, result);
}

/* Sections are type, length, words: the next one. */
static size_t next_section(const uint64_t *words, size_t at)
{
	return at + 2 + words[at + 1];
}

/* Where the first section of a type begins; size: there is none. */
static size_t find_section(const uint64_t *words, size_t size, uint64_t type)
{
	size_t at = 0;

	while (at < size && words[at] != type && words[at] != LB_STATE_END)
		at = next_section(words, at);
	return at < size && words[at] == type ? at : size;
}

static size_t miscount(const struct machine *m, uint64_t *words, size_t size)
{
	size_t zone = find_section(words, size, LB_STATE_ZONE);

	(void)m;
	if (zone < size)
		words[zone + 2 + LB_ZONE_FREE]++;
	return size;
}

static size_t overmanage(const struct machine *m, uint64_t *words, size_t size)
{
	size_t zone = find_section(words, size, LB_STATE_ZONE);

	(void)m;
	if (zone < size)
		words[zone + 2 + LB_ZONE_MANAGED]++;
	return size;
}

enum { PAGE_SET_COUNT = 3 };

static size_t miscount_a_set(const struct machine *m, uint64_t *words, size_t size)
{
	size_t set = find_section(words, size, LB_STATE_PCP);

	(void)m;
	if (set < size)
		words[set + 2 + PAGE_SET_COUNT]++;
	return size;
}

/* Empties the first section of a type. */
static size_t hide_section(uint64_t *words, size_t size, uint64_t type)
{
	size_t hidden = find_section(words, size, type), next;

	if (hidden == size)
		return size;
	next = next_section(words, hidden);
	memmove(words + hidden + 2, words + next, (size - next) * sizeof(*words));
	size -= words[hidden + 1];
	words[hidden + 1] = 0;
	return size;
}

static size_t hide_losses(const struct machine *m, uint64_t *words, size_t size)
{
	(void)m;
	return hide_section(words, size, LB_STATE_LEAKED);
}

static size_t hide_fragments(const struct machine *m, uint64_t *words, size_t size)
{
	(void)m;
	return hide_section(words, size, LB_STATE_FRAG_BLOCKS);
}

enum { FRAGMENT_REFERENCES = 2 };

static size_t miscount_fragments(const struct machine *m, uint64_t *words, size_t size)
{
	size_t blocks = find_section(words, size, LB_STATE_FRAG_BLOCKS);

	(void)m;
	if (blocks < size && words[blocks + 1] > FRAGMENT_REFERENCES)
		words[blocks + 2 + FRAGMENT_REFERENCES]++;
	return size;
}

/* Section END is a type and a length. */
static size_t cut_the_end(const struct machine *m, uint64_t *words, size_t size)
{
	(void)m;
	(void)words;
	return size - 2;
}

/* Takes size words apart at at, so that there is room for so many more. */
static void make_room(uint64_t *words, size_t size, size_t at, size_t more)
{
	assert(at <= size);
	memmove(words + at + more, words + at, (size - at) * sizeof(*words));
}

/* A frame that no machine has joins the lost ones. */
static size_t lose_nothings(const struct machine *m, uint64_t *words, size_t size)
{
	size_t lost = find_section(words, size, LB_STATE_LEAKED), end;

	if (lost == size)
		return size;
	end = next_section(words, lost);
	make_room(words, size, end, 2);
	words[lost + 1] += 2;
	words[end] = m->max_pfn;
	words[end + 1] = m->max_pfn + 1;
	return size + 2;
}

enum { LIST_NODE, LIST_ZONE, LIST_ORDER, LIST_TYPE, LIST_PFNS };

static bool same_list(const uint64_t *words, size_t at, const uint64_t list[LIST_PFNS])
{
	return words[at] == LB_STATE_FREE_LIST &&
	       memcmp(words + at + 2, list, LIST_PFNS * sizeof(*list)) == 0;
}

static bool list_before(const uint64_t *words, size_t at, const uint64_t list[LIST_PFNS])
{
	if (words[at] != LB_STATE_FREE_LIST)
		return words[at] < LB_STATE_FREE_LIST;
	for (unsigned int i = 0; i < LIST_PFNS; i++)
		if (words[at + 2 + i] != list[i])
			return words[at + 2 + i] < list[i];
	return false;
}

/*
 * Puts two blocks at the end of the list that *list names, which is made if there is none. Grows by
 * at most 8 words.
 */
static size_t append_blocks(uint64_t *words, size_t size, const uint64_t list[LIST_PFNS],
			    const uint64_t pfn[2])
{
	size_t at = 0;

	while (list_before(words, at, list))
		at = next_section(words, at);
	if (!same_list(words, at, list)) {
		make_room(words, size, at, 2 + LIST_PFNS);
		size += 2 + LIST_PFNS;
		words[at] = LB_STATE_FREE_LIST;
		words[at + 1] = LIST_PFNS;
		memcpy(words + at + 2, list, LIST_PFNS * sizeof(*list));
	}

	size_t end = next_section(words, at);

	make_room(words, size, end, 2);
	words[at + 1] += 2;
	words[end] = pfn[0];
	words[end + 1] = pfn[1];
	return size + 2;
}

/*
 * The head of the first list whose blocks may be cut becomes two halves: buddies that lie free side
 * by side.
 */
static size_t split_a_block(const struct machine *m, uint64_t *words, size_t size)
{
	for (size_t at = 0; at < size && words[at] != LB_STATE_END; at = next_section(words, at)) {
		const uint64_t *list = words + at + 2;

		if (words[at] != LB_STATE_FREE_LIST || list[LIST_ORDER] < 1 ||
		    list[LIST_ORDER] > m->pageblock_order)
			continue;

		uint64_t half[LIST_PFNS] = { list[0], list[1], list[LIST_ORDER] - 1,
					     list[LIST_TYPE] };
		uint64_t pfn[2] = { list[LIST_PFNS],
				    list[LIST_PFNS] + (UINT64_C(1) << half[LIST_ORDER]) };
		size_t whole = words[at + 1] == LIST_PFNS + 1 ? at : at + 2 + LIST_PFNS;
		size_t words_gone = whole == at ? 2 + LIST_PFNS + 1 : 1;

		words[at + 1]--;
		memmove(words + whole, words + whole + words_gone,
			(size - whole - words_gone) * sizeof(*words));
		return append_blocks(words, size - words_gone, half, pfn);
	}
	return size;
}

/* The head of the first list stands at its tail too. */
static size_t list_twice(const struct machine *m, uint64_t *words, size_t size)
{
	size_t list = find_section(words, size, LB_STATE_FREE_LIST), end;

	(void)m;
	if (list == size)
		return size;
	end = next_section(words, list);
	make_room(words, size, end, 1);
	words[list + 1]++;
	words[end] = words[list + 2 + LIST_PFNS];
	return size + 1;
}

static size_t shift_a_block(const struct machine *m, uint64_t *words, size_t size)
{
	size_t at = 0;

	(void)m;
	while (words[at] != LB_STATE_END &&
	       (words[at] != LB_STATE_FREE_LIST || words[at + 2 + LIST_ORDER] == 0))
		at = next_section(words, at);
	if (words[at] != LB_STATE_END)
		words[at + 2 + LIST_PFNS]++;
	return size;
}

/* What a lie makes of a state; returns its size, at most 8 words more. NULL: it is about calls. */
static size_t (*const falsify[LIE_COUNT])(const struct machine *m, uint64_t *words, size_t size) = {
	[LIE_MISCOUNTS] = miscount,
	[LIE_MISCOUNTS_SETS] = miscount_a_set,
	[LIE_OVERMANAGES] = overmanage,
	[LIE_SPLITS] = split_a_block,
	[LIE_SHIFTS] = shift_a_block,
	[LIE_LISTS_TWICE] = list_twice,
	[LIE_LOSES_NOTHINGS] = lose_nothings,
	[LIE_HIDES_LOSSES] = hide_losses,
	[LIE_CUTS] = cut_the_end,
	[LIE_HIDES_FRAGMENTS] = hide_fragments,
	[LIE_MISCOUNTS_FRAGMENTS] = miscount_fragments,
};

/* The true state in l->words, with room to falsify it. Returns its size, 0 without memory. */
static size_t true_state(struct liar *l)
{
	size_t size = core_target.export_state(l->core, l->words, l->capacity);

	if (size + 8 <= l->capacity)
		return size;

	uint64_t *words = realloc(l->words, (2 * size + 8) * sizeof(*words));

	if (!words)
		return 0;
	l->words = words;
	l->capacity = 2 * size + 8;
	return core_target.export_state(l->core, l->words, l->capacity);
}

size_t liar_export_state(void *instance, uint64_t *words, size_t capacity)
{
	struct liar *l = instance;
	bool lies = l->frees > 0 && falsify[l->lie];
	size_t size = lies ? true_state(l) : 0;

	if (size == 0)
		return core_target.export_state(l->core, words, capacity);
	size = falsify[l->lie](l->machine, l->words, size);
	if (size <= capacity)
		memcpy(words, l->words, size * sizeof(*words));
	return size;
}
