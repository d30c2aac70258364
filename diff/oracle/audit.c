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

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool say(struct verdict *v, enum rule rule, uint64_t pfn, const char *field,
		const char *format, va_list list)
{
	*v = (struct verdict){ .broken = true, .rule = rule, .pfn = pfn };
	snprintf(v->field, sizeof(v->field), "%s", field);
	vsnprintf(v->what, sizeof(v->what), format, list);
	return false;
}

bool audit_broken(struct verdict *v, enum rule rule, uint64_t pfn, const char *field,
		  const char *format, ...)
{
	va_list list;

	va_start(list, format);
	say(v, rule, pfn, field, format, list);
	va_end(list);
	return false;
}

bool audit_malformed(struct verdict *v, const char *field, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	say(v, RULE_STATE_SECTIONS, UINT64_MAX, field, format, list);
	va_end(list);
	return false;
}

bool audit_differs(struct verdict *v, enum rule rule, const char *field, uint64_t expect,
		   uint64_t actual, const char *format, ...)
{
	size_t used;
	va_list list;

	va_start(list, format);
	say(v, rule, UINT64_MAX, field, format, list);
	va_end(list);
	used = strlen(v->what);
	snprintf(v->what + used, sizeof(v->what) - used, ": %" PRIu64 ", expected %" PRIu64, actual,
		 expect);
	v->expect = expect;
	v->actual = actual;
	v->has_values = true;
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

void bits_clear(uint64_t *bits, uint64_t pfn, uint64_t end)
{
	for (; pfn < end; pfn = next_word(pfn))
		bits[pfn / 64] &= ~word_mask(pfn, end);
}

uint64_t bits_first(const uint64_t *bits, uint64_t pfn, uint64_t end)
{
	while (pfn < end && !(bits[pfn / 64] >> pfn % 64 & 1))
		pfn++;
	return pfn;
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
 * What changes stands in one piece, so that a rewind is one copy: counts, four bitmaps, three arrays
 * a frame.
 */
static void place_arrays(struct audit *a)
{
	uint64_t *words = (uint64_t *)(a->state + 1);

	a->live = words;
	a->known = words + a->nr_words;
	a->isolated = words + 2 * a->nr_words;
	a->stuck = words + 3 * a->nr_words;
	a->order = (uint8_t *)(words + 4 * a->nr_words);
	a->refs = a->order + a->max_pfn;
	a->compound = a->refs + a->max_pfn;
}

struct audit *audit_create(const struct machine *machine, uint32_t flags, uint64_t *exercised)
{
	struct audit *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->machine = machine;
	a->flags = flags;
	a->exercised = exercised;
	a->max_pfn = machine->max_pfn;
	a->nr_words = machine->max_pfn / 64 + 1;
	a->state_size = sizeof(*a->state) + 4 * a->nr_words * sizeof(uint64_t) + 3 * a->max_pfn;
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
	a->taken = a->usable + a->nr_words;
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
	free(a->pieces);
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
		bits_set(a->reserved, m->reserved[i].start,
			 m->reserved[i].end < a->max_pfn ? m->reserved[i].end : a->max_pfn);
	if (state && !audit_learn_reserved(a, state, v))
		return false;
	for (uint64_t i = 0; i < a->nr_words; i++)
		a->usable[i] = a->present[i] & ~a->reserved[i];
	if (state) {
		if (!audit_compare(a, state, v))
			return false;
		a->state->free_at_boot = a->free_now;
		a->state->deferred_at_boot = a->deferred_now;
	}
	memcpy(a->image, a->state, a->state_size);
	return true;
}

unsigned int audit_references(const struct audit *a, uint64_t pfn)
{
	return pfn < a->max_pfn ? a->refs[pfn] : 0;
}

/* ---- what it remembers, for whoever compares states ---- */

static uint64_t block_word(const struct audit *a, uint64_t pfn)
{
	return pfn << 24 | (uint64_t)a->order[pfn] << 16 | (uint64_t)a->refs[pfn] << 8 |
	       a->compound[pfn];
}

static bool has_to_find(const struct audit *a);

/* Of a block that is gone only its first frame's references are 0: order and kind are left over. */
size_t audit_memory(const struct audit *a, uint64_t *words, size_t capacity)
{
	size_t n = 0;
	uint64_t facts[] = { a->state->declared_leaks, a->state->marked, a->state->unbound,
			     a->state->keeps_blocks, a->state->nr_pieces };

	for (unsigned int i = 0; i < sizeof(facts) / sizeof(facts[0]); i++, n++)
		if (n < capacity)
			words[n] = facts[i];
	for (uint32_t cpu = 0; cpu < a->machine->nr_cpus; cpu++, n++)
		if (n < capacity)
			words[n] = a->state->bound[cpu];
	for (uint64_t i = 0; a->state->any_isolated && i < 2 * a->nr_words; i++, n++)
		if (n < capacity)
			words[n] = a->isolated[i]; /* and the stuck ones behind them */
	for (uint64_t pfn = 0; pfn < a->max_pfn; pfn++) {
		if (!a->refs[pfn])
			continue;
		if (n < capacity)
			words[n] = block_word(a, pfn);
		n++;
	}
	for (uint64_t i = 0; has_to_find(a) && i < a->nr_words; i++, n++)
		if (n < capacity)
			words[n] = a->known[i];
	for (uint64_t i = 0; i < a->state->nr_pieces; i++, n++)
		if (n < capacity)
			words[n] = a->pieces[i].start << 16 | a->pieces[i].bytes;
	return n;
}

/* ---- what operations do to blocks ---- */

void audit_block_born(struct audit *a, uint64_t pfn, unsigned int order, bool compound)
{
	uint64_t end = pfn + (UINT64_C(1) << order);

	bits_set(a->live, pfn, end);
	bits_set(a->known, pfn, end);
	a->order[pfn] = (uint8_t)order;
	a->refs[pfn] = 1;
	a->compound[pfn] = compound;
}

void audit_frames_die(struct audit *a, uint64_t pfn, uint64_t end)
{
	bits_clear(a->live, pfn, end);
	for (; a->state->any_isolated && pfn < end; pfn++)
		if (bits_any(a->isolated, pfn, pfn + 1))
			bits_set(a->stuck, pfn, pfn + 1);
}

/*
 * One reference less. The last one ends the block; an earlier one leaves its first page, unless it
 * is compound.
 */
static void drop_reference(struct audit *a, uint64_t pfn, bool whole)
{
	uint64_t end = pfn + (UINT64_C(1) << a->order[pfn]);

	if (--a->refs[pfn] == 0) {
		audit_frames_die(a, pfn, end);
	} else if (whole && !a->compound[pfn]) {
		audit_frames_die(a, pfn + 1, end);
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
	return (op >= OP_ALLOC_PAGES && op <= OP_GET_ZEROED_PAGE) || op == OP_ALLOC_PAGES_POLICY;
}

static bool is_misuse(unsigned int op)
{
	return op == OP_FREE_TAIL || op == OP_DOUBLE_FREE || op == OP_FREE_PFN;
}

static const char *outcome_text(const struct lb_result *r)
{
	return r->outcome < LB_OUTCOME_COUNT ? lb_outcome_name((enum lb_outcome)r->outcome)
					     : "no outcome that exists";
}

static bool has_block(const struct audit *a, uint64_t pfn)
{
	return pfn < a->max_pfn && a->refs[pfn] > 0;
}

/* The first frame of a block that cannot be handed out, and why not. */
static bool frames_missing(const struct audit *a, uint64_t pfn, uint64_t end, unsigned int order,
			   struct verdict *v)
{
	const char *why = "reserved";
	uint64_t bad = pfn;

	while (bad < a->max_pfn && bad < end && bits_all(a->usable, bad, bad + 1))
		bad++;
	if (bad >= a->max_pfn)
		why = "behind the last frame of the machine";
	else if (!bits_all(a->present, bad, bad + 1))
		why = "no memory";
	return audit_broken(v, RULE_CONTRACT_FRAMES, pfn, "pfn",
			    "the block of order %u at pfn %" PRIu64
			    " cannot be handed out: pfn %" PRIu64 " is %s",
			    order, pfn, bad, why);
}

/* The live block that a live frame lies in begins at or below it (L1). */
static uint64_t live_head(const struct audit *a, uint64_t pfn)
{
	while (!a->refs[pfn])
		pfn--;
	return pfn;
}

static bool block_overlaps(const struct audit *a, uint64_t pfn, uint64_t end, unsigned int order,
			   struct verdict *v)
{
	uint64_t first = bits_first(a->live, pfn, end), head = live_head(a, first);

	audit_broken(v, RULE_CONTRACT_OVERLAP, pfn, "pfn",
		     "the new block of order %u at pfn %" PRIu64 " has pfn %" PRIu64
		     " in it, which the live block of order %u at pfn %" PRIu64 " holds",
		     order, pfn, first, a->order[head], head);
	v->other_pfn = head;
	return false;
}

bool audit_judge_frames(struct audit *a, uint64_t pfn, uint64_t pages, unsigned int order,
			struct verdict *v)
{
	uint64_t end = pfn + pages;

	a->exercised[RULE_CONTRACT_ORDER]++;
	if (order > a->machine->top_order)
		return audit_broken(v, RULE_CONTRACT_ORDER, pfn, "outcome",
				    "a request of order %u, above the top order %u, got a block at "
				    "pfn %" PRIu64,
				    order, a->machine->top_order, pfn);
	a->exercised[RULE_CONTRACT_FRAMES]++;
	if (pfn >= a->max_pfn || end > a->max_pfn || !bits_all(a->usable, pfn, end))
		return frames_missing(a, pfn, end, order, v);
	if (a->flags & (LB_TARGET_BUDDY | LB_TARGET_LINUX)) {
		a->exercised[RULE_CONTRACT_ALIGN]++;
		if (pfn % (UINT64_C(1) << order))
			return audit_broken(v, RULE_CONTRACT_ALIGN, pfn, "pfn",
					    "the block of order %u begins at pfn %" PRIu64
					    ", %" PRIu64 " frames after a multiple of its size",
					    order, pfn, pfn % (UINT64_C(1) << order));
	}
	a->exercised[RULE_CONTRACT_OVERLAP]++;
	if (bits_any(a->live, pfn, end))
		return block_overlaps(a, pfn, end, order, v);
	if (!audit_judge_pieces(a, pfn, end, v))
		return false;
	if (!a->state->any_isolated)
		return true;
	a->exercised[RULE_BUDDY_ISOLATED_GIVEN]++;
	return !bits_any(a->stuck, pfn, end) ||
	       audit_broken(v, RULE_BUDDY_ISOLATED_GIVEN, pfn, "pfn",
			    "the new block of order %u at pfn %" PRIu64 " has pfn %" PRIu64
			    " in it, which is isolated and on no page list",
			    order, pfn, bits_first(a->stuck, pfn, end));
}

/*
 * Memory from which a request may be served. A target without Linux's policy may still honour node
 * masks and zone bits: what it could not give by those does not count against it.
 */
static bool range_fits(const struct machine *m, const struct machine_range *range,
		       const struct lb_call *call)
{
	uint32_t node = call->node == NODE_NONE ? m->cpu_node[call->cpu] : (uint32_t)call->node;

	if (call->nodemask && !(call->nodemask >> range->node & 1))
		return false;
	return !(call->gfp & AUDIT_GFP_THISNODE) || range->node == node;
}

static uint64_t end_for(const struct machine *m, uint64_t end, uint32_t gfp)
{
	if (gfp & AUDIT_GFP_DMA && m->dma_end < end)
		return m->dma_end;
	return gfp & AUDIT_GFP_DMA32 && m->dma32_end < end ? m->dma32_end : end;
}

/*
 * A run that this target has handed out before, aligned, and none of it live. Ranges of memory that
 * touch are two pieces: nobody has to join across their border. Its first frame; UINT64_MAX: none.
 */
static uint64_t free_run(const struct audit *a, const struct lb_call *call)
{
	const struct machine *m = a->machine;
	uint64_t pages = UINT64_C(1) << call->order;

	for (uint32_t i = 0; i < m->nr_memory; i++) {
		uint64_t pfn = (m->memory[i].start + pages - 1) / pages * pages;
		uint64_t end = end_for(m, m->memory[i].end, call->gfp);

		if (!range_fits(m, &m->memory[i], call))
			continue;
		for (; pfn + pages <= end; pfn += pages)
			if (bits_all(a->known, pfn, pfn + pages) &&
			    !bits_any(a->live, pfn, pfn + pages))
				return pfn;
	}
	return UINT64_MAX;
}

/* Merges at once, keeps nothing in caches, and has no policy that would forbid it a free block. */
static bool has_to_find(const struct audit *a)
{
	const uint32_t eager = LB_TARGET_BUDDY | LB_TARGET_EAGER_MERGE;

	return (a->flags & eager) == eager && !(a->flags & (LB_TARGET_LINUX | LB_TARGET_CACHES));
}

static bool may_fail(const struct audit *a, const struct lb_call *call, const struct lb_result *r)
{
	bool both_types = (call->gfp & AUDIT_GFP_BOTH_TYPES) == AUDIT_GFP_BOTH_TYPES;
	bool absent = call->node >= 0 && (a->machine->absent_nodes >> call->node & 1);

	return absent || call->order > a->machine->top_order ||
	       (r->outcome == LB_REFUSED && both_types) ||
	       (r->reason == LB_NO_INJECTED && call->fail_nth);
}

/* Of lost frames only the number is known: from the first one on nothing is sure to be free. */
static bool judge_failure(struct audit *a, const struct lb_call *call, const struct lb_result *r,
			  struct verdict *v)
{
	if (!has_to_find(a) || may_fail(a, call, r) || a->state->declared_leaks ||
	    a->state->keeps_blocks)
		return true;

	uint64_t pfn = free_run(a, call);

	if (pfn == UINT64_MAX)
		return true;
	a->exercised[RULE_CONTRACT_UNJUSTIFIED_FAILURE]++;
	return audit_broken(v, RULE_CONTRACT_UNJUSTIFIED_FAILURE, pfn, "outcome",
			    "a request of order %u failed (%s) though all frames of an aligned "
			    "block of order %u at pfn %" PRIu64 " are free",
			    call->order, outcome_text(r), call->order, pfn);
}

static bool step_allocation(struct audit *a, const struct lb_call *call, const struct lb_result *r,
			    struct verdict *v)
{
	if (r->outcome != LB_BLOCK)
		return judge_failure(a, call, r, v);
	if (!audit_judge_frames(a, r->pfn, UINT64_C(1) << call->order, call->order, v) ||
	    !audit_judge_bound(a, call, r->pfn, v))
		return false;
	/* a success is the other half of the failure rule: something was free, and it was found */
	if (has_to_find(a))
		a->exercised[RULE_CONTRACT_UNJUSTIFIED_FAILURE]++;
	audit_block_born(a, r->pfn, call->order, call->order && (call->gfp & AUDIT_GFP_COMP));
	return true;
}

/* What is known of the block that a call is about, or of the one frame. */
static void describe_block(const struct audit *a, uint64_t pfn, char text[64])
{
	if (has_block(a, pfn))
		snprintf(text, 64, "a live block of order %u with %u reference%s%s", a->order[pfn],
			 a->refs[pfn], a->refs[pfn] == 1 ? "" : "s",
			 a->compound[pfn] ? ", compound" : "");
	else
		snprintf(text, 64, "no live block begins there");
}

bool audit_judge_refusal(struct audit *a, const struct lb_call *call, const struct lb_result *r,
			 bool should, enum rule too_kind, enum rule too_strict, struct verdict *v)
{
	enum rule rule = should ? too_kind : too_strict;
	char block[64];

	a->exercised[rule]++;
	if ((r->outcome == LB_REFUSED) == should)
		return true;
	if (is_allocation(call->op))
		return audit_broken(v, rule, UINT64_MAX, "outcome",
				    "%s in NMI ended as %s, expected refused",
				    op_info[call->op].name, outcome_text(r));
	describe_block(a, call->pfn, block);
	return audit_broken(v, rule, call->pfn, "outcome",
			    "%s of pfn %" PRIu64 "%s ended as %s, expected %s (%s)",
			    op_info[call->op].name, call->pfn,
			    call->level == LEVEL_NMI ? " in NMI" : "", outcome_text(r),
			    should ? "refused" : "ok", block);
}

static bool step_free(struct audit *a, const struct lb_call *call, const struct lb_result *r,
		      struct verdict *v)
{
	if (!audit_judge_refusal(a, call, r, false, RULE_CONTRACT_BAD_FREE,
				 RULE_CONTRACT_FREE_REFUSED, v))
		return false;
	drop_reference(a, call->pfn, true);
	return true;
}

/* The last put of several pages that are not compound would free the first and lose the others. */
static bool step_put(struct audit *a, const struct lb_call *call, const struct lb_result *r,
		     struct verdict *v)
{
	uint64_t pfn = call->pfn;
	bool loses = a->refs[pfn] == 1 && a->order[pfn] && !a->compound[pfn];

	if (!audit_judge_refusal(a, call, r, loses, RULE_CONTRACT_BAD_FREE,
				 RULE_CONTRACT_FREE_REFUSED, v))
		return false;
	if (!loses)
		drop_reference(a, pfn, false);
	return true;
}

static bool step_wrong_order(struct audit *a, const struct lb_call *call, const struct lb_result *r,
			     struct verdict *v)
{
	uint64_t pfn = call->pfn;
	bool wrong = call->order >= a->order[pfn] || a->compound[pfn] || a->refs[pfn] != 1;

	if (!audit_judge_refusal(a, call, r, wrong, RULE_CONTRACT_BAD_FREE,
				 RULE_CONTRACT_FREE_REFUSED, v))
		return false;
	/* nobody holds any of it: what was not freed is among the declared leaks */
	if (!wrong)
		drop_reference(a, pfn, true);
	return true;
}

static bool step_get(struct audit *a, const struct lb_call *call, const struct lb_result *r,
		     struct verdict *v)
{
	bool full = a->refs[call->pfn] >= PROGRAM_MAX_REFERENCES;

	if (!audit_judge_refusal(a, call, r, full, RULE_CONTRACT_SHARING, RULE_CONTRACT_SHARING, v))
		return false;
	a->refs[call->pfn] += !full;
	return true;
}

static bool step_split(struct audit *a, const struct lb_call *call, const struct lb_result *r,
		       struct verdict *v)
{
	uint64_t pfn = call->pfn;
	bool whole = !a->order[pfn] || a->compound[pfn] || a->refs[pfn] != 1;

	if (!audit_judge_refusal(a, call, r, whole, RULE_CONTRACT_SHARING, RULE_CONTRACT_SHARING,
				 v))
		return false;
	if (!whole)
		split_block(a, pfn);
	return true;
}

/* Misuse that is refused whatever it is about. */
static bool step_misuse(struct audit *a, const struct lb_call *call, const struct lb_result *r,
			struct verdict *v)
{
	enum rule rule =
		call->op == OP_DOUBLE_FREE ? RULE_CONTRACT_DOUBLE_FREE : RULE_CONTRACT_BAD_FREE;

	return audit_judge_refusal(a, call, r, true, rule, rule, v);
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
	case OP_GET_PAGE:
		return step_get(a, call, r, v);
	case OP_SPLIT_PAGE:
		return step_split(a, call, r, v);
	case OP_PUT_FRAME:
		return audit_step_put_back(a, call, r, v);
	case OP_SET_MAPCOUNT:
	case OP_SET_MAPPING:
	case OP_SET_PAGE_FLAG:
		a->state->marked |= r->outcome != LB_REFUSED;
		return true;
	default:
		return true;
	}
}

/*
 * What an operation may lose: a free of too low an order loses what it does not free; where pages
 * were marked as bad, which of them is noticed when is the shadow's business. Nothing else loses
 * anything, or every leak could be declared away.
 */
static bool judge_loss(struct audit *a, const struct lb_call *call, const struct lb_result *r,
		       struct verdict *v)
{
	uint64_t allowed = 0;

	if (call->op == OP_FREE_WRONG_ORDER && has_block(a, call->pfn) &&
	    call->order < a->order[call->pfn])
		allowed = (UINT64_C(1) << a->order[call->pfn]) - (UINT64_C(1) << call->order);
	a->state->declared_leaks += r->leaked;
	if (!r->leaked || a->state->marked)
		return true;
	a->exercised[RULE_CONTRACT_LEAK]++;
	return r->leaked <= allowed ||
	       audit_differs(v, RULE_CONTRACT_LEAK, "leaked", allowed, r->leaked,
			     "frames that %s says it lost for good", op_info[call->op].name);
}

static bool is_about_fragments(unsigned int op)
{
	return op >= OP_PAGE_FRAG_ALLOC && op <= OP_PAGE_FRAG_DRAIN;
}

/* What hands out, gives back or shares; the others are not about blocks, or change nothing. */
static bool is_about_blocks(unsigned int op)
{
	return is_allocation(op) || is_misuse(op) || op == OP_FREE_WRONG_ORDER ||
	       (op >= OP_FREE_PAGES_STRUCT && op <= OP_SPLIT_PAGE) ||
	       (op >= OP_ALLOC_PAGES_BULK && op <= OP_ALLOC_PAGES_EXACT) || op == OP_TAKE_FRAME ||
	       op == OP_PUT_FRAME || is_about_fragments(op);
}

/* What is no block's: ranges, page lists, tasks. */
static void step_machine(struct audit *a, const struct lb_call *call, const struct lb_result *r)
{
	if (r->outcome != LB_DONE)
		return;
	switch (call->op) {
	case OP_ISOLATE:
	case OP_UNISOLATE:
		audit_isolate(a, call, call->op == OP_ISOLATE);
		return;
	case OP_DRAIN_ALL_PAGES:
		audit_drained(a);
		return;
	case OP_SET_MEMPOLICY:
		audit_policy_set(a, call);
		return;
	case OP_SET_MEMS_ALLOWED:
	case OP_SET_GFP_ALLOWED_MASK:
		a->state->unbound = true;
		return;
	default:
		return;
	}
}

static bool step_call(struct audit *a, const struct lb_call *call, const struct lb_result *r,
		      const uint64_t *frames, struct verdict *v)
{
	if (call->level == LEVEL_NMI && is_about_blocks(call->op))
		return audit_judge_refusal(a, call, r, true, RULE_CONTRACT_CONTEXT,
					   RULE_CONTRACT_CONTEXT, v);
	if (is_allocation(call->op))
		return step_allocation(a, call, r, v);
	if (is_misuse(call->op))
		return step_misuse(a, call, r, v);
	if (is_about_fragments(call->op))
		return audit_step_frag(a, call, r, v);
	switch (call->op) {
	case OP_ALLOC_PAGES_BULK:
	case OP_ALLOC_PAGES_BULK_LIST:
		return audit_step_bulk(a, call, r, frames, v);
	case OP_ALLOC_PAGES_EXACT:
		return audit_step_exact(a, call, r, v);
	case OP_TAKE_FRAME:
		return audit_step_take(a, call, r, v);
	default:
		step_machine(a, call, r);
		return !has_block(a, call->pfn) || step_block(a, call, r, v);
	}
}

bool audit_step(struct audit *a, const struct lb_call *call, const struct lb_result *actual,
		const uint64_t *frames, struct verdict *v)
{
	return judge_loss(a, call, actual, v) && step_call(a, call, actual, frames, v);
}
