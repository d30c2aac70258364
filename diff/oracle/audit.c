/*
 * The live blocks and what an operation may do to them. What an exported state must look like is in
 * audit_state.c.
 *
 *   pfn      0   4   8   12
 *   live     ....####..##....      a bit a frame
 *   head         2     1           order and references of a block, at its first frame
 *
 * Invariants:
 *   L1  a frame is live iff it lies in exactly one block whose references are above 0;
 *   L2  known holds every frame that was ever handed out since boot.
 */
#include "oracle/audit_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool audit_broken(struct verdict *v, enum rule rule, uint64_t pfn, const char *field)
{
	*v = (struct verdict){ .broken = true, .rule = rule, .pfn = pfn };
	snprintf(v->field, sizeof(v->field), "%s", field);
	snprintf(v->what, sizeof(v->what), "pfn %llu: not so: %s", (unsigned long long)pfn,
		 rule_info[rule].sentence);
	return false;
}

bool audit_differs(struct verdict *v, enum rule rule, const char *field, uint64_t expect,
		   uint64_t actual)
{
	*v = (struct verdict){
		.broken = true,
		.rule = rule,
		.pfn = UINT64_MAX,
		.expect = expect,
		.actual = actual,
		.has_values = true,
	};
	snprintf(v->field, sizeof(v->field), "%s", field);
	snprintf(v->what, sizeof(v->what), "%s is %llu, expected %llu: %s", field,
		 (unsigned long long)actual, (unsigned long long)expect, rule_info[rule].sentence);
	return false;
}

/* ---- frames as bits ---- */

static uint64_t word_mask(uint64_t pfn, uint64_t end)
{
	uint64_t in_word = end - pfn < 64 - pfn % 64 ? end - pfn : 64 - pfn % 64;

	return (in_word == 64 ? UINT64_MAX : (UINT64_C(1) << in_word) - 1) << pfn % 64;
}

static uint64_t next_word(uint64_t pfn)
{
	return (pfn / 64 + 1) * 64;
}

void bits_set(uint64_t *bits, uint64_t pfn, uint64_t end)
{
	for (; pfn < end; pfn = next_word(pfn))
		bits[pfn / 64] |= word_mask(pfn, end);
}

static void bits_clear(uint64_t *bits, uint64_t pfn, uint64_t end)
{
	for (; pfn < end; pfn = next_word(pfn))
		bits[pfn / 64] &= ~word_mask(pfn, end);
}

bool bits_any(const uint64_t *bits, uint64_t pfn, uint64_t end)
{
	for (; pfn < end; pfn = next_word(pfn))
		if (bits[pfn / 64] & word_mask(pfn, end))
			return true;
	return false;
}

bool bits_all(const uint64_t *bits, uint64_t pfn, uint64_t end)
{
	for (; pfn < end; pfn = next_word(pfn))
		if (~bits[pfn / 64] & word_mask(pfn, end))
			return false;
	return true;
}

/* ---- making one ---- */

/*
 * What changes stands in one piece, so that a rewind is one copy: counts, two bitmaps, three arrays
 * a frame.
 */
static void place_arrays(struct audit *a)
{
	uint64_t *words = (uint64_t *)(a->state + 1);

	a->live = words;
	a->known = words + a->nr_words;
	a->order = (uint8_t *)(words + 2 * a->nr_words);
	a->refs = a->order + a->max_pfn;
	a->compound = a->refs + a->max_pfn;
}

struct audit *audit_create(const struct machine *machine, uint32_t flags, uint64_t capabilities,
			   bool exports, uint64_t *exercised)
{
	struct audit *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->machine = machine;
	a->flags = flags;
	a->capabilities = capabilities;
	a->exports = exports;
	a->exercised = exercised;
	a->max_pfn = machine->max_pfn;
	a->nr_words = machine->max_pfn / 64 + 1;
	a->state_size = sizeof(*a->state) + 2 * a->nr_words * sizeof(uint64_t) + 3 * a->max_pfn;
	a->state = calloc(1, a->state_size);
	a->image = calloc(1, a->state_size);
	a->present = calloc(4 * a->nr_words, sizeof(uint64_t));
	a->listed_order = malloc(2 * a->max_pfn);
	if (!a->state || !a->image || !a->present || !a->listed_order) {
		audit_destroy(a);
		return NULL;
	}
	a->reserved = a->present + a->nr_words;
	a->usable = a->reserved + a->nr_words;
	a->seen = a->usable + a->nr_words;
	a->listed_zone = a->listed_order + a->max_pfn;
	place_arrays(a);
	return a;
}

void audit_destroy(struct audit *a)
{
	if (!a)
		return;
	free(a->state);
	free(a->image);
	free(a->present);
	free(a->listed_order);
	free(a);
}

void audit_rewind(struct audit *a)
{
	memcpy(a->state, a->image, a->state_size);
}

bool audit_boot(struct audit *a, const uint64_t *state, struct verdict *v)
{
	const struct machine *m = a->machine;

	memset(a->state, 0, a->state_size);
	memset(a->present, 0, 3 * a->nr_words * sizeof(uint64_t));
	for (uint32_t i = 0; i < m->nr_memory; i++)
		bits_set(a->present, m->memory[i].start, m->memory[i].end);
	for (uint32_t i = 0; i < m->nr_reserved; i++)
		if (m->reserved[i].end <= a->max_pfn)
			bits_set(a->reserved, m->reserved[i].start, m->reserved[i].end);
	if (state && !audit_learn_reserved(a, state, v))
		return false;
	for (uint64_t i = 0; i < a->nr_words; i++)
		a->usable[i] = a->present[i] & ~a->reserved[i];
	if (state) {
		if (!audit_compare(a, state, v))
			return false;
		a->state->free_at_boot = a->free_now;
	}
	memcpy(a->image, a->state, a->state_size);
	return true;
}

unsigned int audit_references(const struct audit *a, uint64_t pfn)
{
	return pfn < a->max_pfn ? a->refs[pfn] : 0;
}

/* ---- what operations do to blocks ---- */

static void block_born(struct audit *a, uint64_t pfn, unsigned int order, bool compound)
{
	uint64_t end = pfn + (UINT64_C(1) << order);

	bits_set(a->live, pfn, end);
	bits_set(a->known, pfn, end);
	a->order[pfn] = (uint8_t)order;
	a->refs[pfn] = 1;
	a->compound[pfn] = compound;
}

/*
 * One reference less. The last one ends the block; an earlier one leaves its first page, unless it
 * is compound.
 */
static void drop_reference(struct audit *a, uint64_t pfn, bool whole)
{
	uint64_t end = pfn + (UINT64_C(1) << a->order[pfn]);

	if (--a->refs[pfn] == 0) {
		bits_clear(a->live, pfn, end);
	} else if (whole && !a->compound[pfn]) {
		bits_clear(a->live, pfn + 1, end);
		a->order[pfn] = 0;
	}
}

static void split_block(struct audit *a, uint64_t pfn)
{
	uint64_t end = pfn + (UINT64_C(1) << a->order[pfn]);

	for (; pfn < end; pfn++) {
		a->order[pfn] = 0;
		a->refs[pfn] = 1;
		a->compound[pfn] = false;
	}
}

/* ---- one operation ---- */

static bool is_allocation(unsigned int op)
{
	return op >= OP_ALLOC_PAGES && op <= OP_GET_ZEROED_PAGE;
}

static bool judge_block(struct audit *a, const struct lb_call *call, uint64_t pfn,
			struct verdict *v)
{
	uint64_t pages = UINT64_C(1) << (call->order & 15), end = pfn + pages;

	a->exercised[RULE_CONTRACT_FRAMES]++;
	if (pfn >= a->max_pfn || end > a->max_pfn || !bits_all(a->usable, pfn, end))
		return audit_broken(v, RULE_CONTRACT_FRAMES, pfn, "pfn");
	if (a->flags & (LB_TARGET_BUDDY | LB_TARGET_LINUX)) {
		a->exercised[RULE_CONTRACT_ALIGN]++;
		if (pfn % pages)
			return audit_broken(v, RULE_CONTRACT_ALIGN, pfn, "pfn");
	}
	a->exercised[RULE_CONTRACT_OVERLAP]++;
	if (bits_any(a->live, pfn, end))
		return audit_broken(v, RULE_CONTRACT_OVERLAP, pfn, "pfn");
	return true;
}

/* A run that this target has handed out before, aligned, and none of it live. */
static bool free_run_exists(const struct audit *a, unsigned int order)
{
	uint64_t pages = UINT64_C(1) << order;

	for (uint64_t pfn = 0; pfn + pages <= a->max_pfn; pfn += pages)
		if (bits_all(a->known, pfn, pfn + pages) && !bits_any(a->live, pfn, pfn + pages))
			return true;
	return false;
}

/*
 * Of a target without Linux's policy and without caches: memory that it manages, merged at once,
 * has to be found.
 */
static bool judge_failure(struct audit *a, const struct lb_call *call, const struct lb_result *r,
			  struct verdict *v)
{
	const uint32_t eager = LB_TARGET_BUDDY | LB_TARGET_EAGER_MERGE;

	if (r->reason == LB_NO_INJECTED || call->order > a->machine->top_order)
		return true;
	if ((a->flags & (LB_TARGET_LINUX | LB_TARGET_CACHES)) || (a->flags & eager) != eager)
		return true;
	if (!free_run_exists(a, call->order))
		return true;
	a->exercised[RULE_CONTRACT_UNJUSTIFIED_FAILURE]++;
	return audit_broken(v, RULE_CONTRACT_UNJUSTIFIED_FAILURE, UINT64_MAX, "outcome");
}

static bool step_allocation(struct audit *a, const struct lb_call *call, const struct lb_result *r,
			    struct verdict *v)
{
	if (r->outcome == LB_NULL)
		return judge_failure(a, call, r, v);
	if (r->outcome != LB_BLOCK)
		return true;
	if (!judge_block(a, call, r->pfn, v))
		return false;
	/* a success is the other half of the failure rule: something was free, and it was found */
	if (!(a->flags & (LB_TARGET_LINUX | LB_TARGET_CACHES)))
		a->exercised[RULE_CONTRACT_UNJUSTIFIED_FAILURE]++;
	block_born(a, r->pfn, call->order, call->order && (call->gfp & AUDIT_GFP_COMP));
	return true;
}

static bool has_block(const struct audit *a, uint64_t pfn)
{
	return pfn < a->max_pfn && a->refs[pfn] > 0;
}

static bool step_free(struct audit *a, const struct lb_call *call, const struct lb_result *r,
		      struct verdict *v)
{
	bool refused = r->outcome == LB_REFUSED;

	if (call->level == LEVEL_NMI || !has_block(a, call->pfn))
		return true;
	a->exercised[RULE_CONTRACT_FREE_REFUSED]++;
	if (refused)
		return audit_broken(v, RULE_CONTRACT_FREE_REFUSED, call->pfn, "outcome");
	drop_reference(a, call->pfn, true);
	return true;
}

/*
 * The last put of a block of several pages that is not compound would lose its tails: refused, as
 * it should be.
 */
static bool step_put(struct audit *a, const struct lb_call *call, const struct lb_result *r,
		     struct verdict *v)
{
	if (call->level == LEVEL_NMI || !has_block(a, call->pfn))
		return true;
	bool loses = a->refs[call->pfn] == 1 && a->order[call->pfn] && !a->compound[call->pfn];

	a->exercised[loses ? RULE_CONTRACT_BAD_FREE : RULE_CONTRACT_FREE_REFUSED]++;
	if (loses && r->outcome != LB_REFUSED)
		return audit_broken(v, RULE_CONTRACT_BAD_FREE, call->pfn, "outcome");
	if (!loses && r->outcome == LB_REFUSED)
		return audit_broken(v, RULE_CONTRACT_FREE_REFUSED, call->pfn, "outcome");
	if (!loses)
		drop_reference(a, call->pfn, false);
	return true;
}

static bool step_wrong_order(struct audit *a, const struct lb_call *call, const struct lb_result *r,
			     struct verdict *v)
{
	if (!has_block(a, call->pfn) || r->outcome == LB_REFUSED)
		return true;
	a->exercised[RULE_CONTRACT_BAD_FREE]++;
	if (call->order >= a->order[call->pfn] || a->compound[call->pfn] || a->refs[call->pfn] != 1)
		return audit_broken(v, RULE_CONTRACT_BAD_FREE, call->pfn, "outcome");
	drop_reference(a, call->pfn,
		       true); /* all of it: what was not freed is among the declared leaks */
	return true;
}

static bool step_misuse(struct audit *a, const struct lb_call *call, const struct lb_result *r,
			struct verdict *v)
{
	enum rule rule =
		call->op == OP_DOUBLE_FREE ? RULE_CONTRACT_DOUBLE_FREE : RULE_CONTRACT_BAD_FREE;

	a->exercised[rule]++;
	return r->outcome == LB_REFUSED || audit_broken(v, rule, call->pfn, "outcome");
}

static bool step_block(struct audit *a, const struct lb_call *call, const struct lb_result *r,
		       struct verdict *v)
{
	switch (call->op) {
	case OP_FREE_PAGES_STRUCT:
	case OP_FREE_PAGES:
		return step_free(a, call, r, v);
	case OP_PUT_PAGE:
		return step_put(a, call, r, v);
	case OP_FREE_WRONG_ORDER:
		return step_wrong_order(a, call, r, v);
	case OP_FREE_TAIL:
	case OP_DOUBLE_FREE:
	case OP_FREE_PFN:
		return step_misuse(a, call, r, v);
	case OP_GET_PAGE:
		if (has_block(a, call->pfn) && r->outcome != LB_REFUSED)
			a->refs[call->pfn]++;
		return true;
	case OP_SPLIT_PAGE:
		if (has_block(a, call->pfn) && r->outcome != LB_REFUSED)
			split_block(a, call->pfn);
		return true;
	default:
		return true;
	}
}

bool audit_step(struct audit *a, const struct lb_call *call, const struct lb_result *actual,
		struct verdict *v)
{
	a->state->declared_leaks += actual->leaked;
	if (is_allocation(call->op))
		return step_allocation(a, call, actual, v);
	return step_block(a, call, actual, v);
}
