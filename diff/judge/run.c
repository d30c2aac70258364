/*
 * One program on one pair of target and oracle.
 *
 *	operation -> handle resolved to block -> contents looked at -> target->exec -> oracle_step
 *	          -> handle as it is now -> new blocks stamped -> states compared, when it is time
 *
 * Handles follow what was carried out: an operation that the target cannot do, or refused, changes
 * none; so a handle may live longer, or be gone earlier, than the program alone says. A no-op is an
 * operation whose handle has no block.
 *
 * At the end everything that lives is given back, one reference at a time, drained, compared, and
 * finished.
 *
 * Invariants:
 *   R1  heads[pfn] is handle + 1 of the live block that begins at pfn, 0 where none does;
 *       fragments are not in it;
 *   R2  a call is executed once, put into the digest once, and told to the oracle once;
 *   R3  a run that ends clean leaves no live block, no entry in heads, and memory that is zero.
 */
#include "judge/judge_internal.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct record {
	struct lb_call call;
	struct lb_result result;
};
static_assert(sizeof(struct lb_call) == 48 && sizeof(struct lb_result) == 24,
	      "a digest must not see padding");

enum { RECORDS = 64 };

struct run {
	struct judge *j;
	struct pair *pair;
	const struct program *p;
	const struct plan *plan;
	struct outcome *outcome;
	struct seen *seen;
	struct record *now; /* the call that is made, or was made last; &none: none */
	struct record none;
	struct verdict verdict;
	uint32_t index;		/* of the operation; nr_ops: the end */
	bool skipped;		/* the operation of index was a no-op */
	bool leaked;		/* an operation lost frames for good, as it should */
	bool has_caches;	/* CPUs may have caches of fragments, which are to be drained */
	const uint64_t *frames; /* of the last call, if that was a bulk allocation */
	uint64_t digest;
	unsigned int nr_records;
	struct record records[RECORDS];
};

/* ---- digest ---- */

static void digest_flush(struct run *r)
{
	r->digest =
		XXH3_64bits_withSeed(r->records, r->nr_records * sizeof(r->records[0]), r->digest);
	r->nr_records = 0;
}

/* A call is written where the digest will read it: copying what was just written would stall. */
static struct lb_call *begin_call(struct run *r)
{
	if (r->nr_records == RECORDS)
		digest_flush(r);
	r->now = &r->records[r->nr_records];
	r->now->result = (struct lb_result){ 0 };
	return &r->now->call;
}

/* It was executed, and counts. */
static void end_call(struct run *r)
{
	assert(r->now == &r->records[r->nr_records]);
	r->now->result.unused = 0;
	r->nr_records++;
}

/* ---- findings ---- */

/* Notes what r->verdict says. Always false, for callers to return. */
static bool broken(struct run *r, const char *state_class)
{
	struct outcome *o = r->outcome;

	assert(r->verdict.broken && r->verdict.rule < RULE_COUNT);
	o->kind = FINDING_RULE;
	o->op = r->index;
	o->verdict = r->verdict;
	o->call = r->now->call;
	o->actual = r->now->result;
	outcome_sign(o, state_class);
	return false;
}

/* At the end there is no call to blame. */
static bool broken_at_end(struct run *r)
{
	r->now = &r->none;
	return broken(r, "end");
}

/* The handle whose block the frame was in last; NO_HANDLE: it was in none. */
static uint32_t last_holder(const struct run *r, uint64_t pfn)
{
	for (uint32_t i = r->p->nr_handles; i-- > 0;) {
		const struct held *h = &r->j->held[i];

		if (h->born && pfn >= h->pfn && pfn - h->pfn < UINT64_C(1) << h->state.order)
			return i;
	}
	return NO_HANDLE;
}

/* A frame is missing when everything was given back: who had it? */
static bool missing_at_end(struct run *r)
{
	struct verdict *v = &r->verdict;
	struct text t = { .buffer = v->what, .size = sizeof(v->what), .used = strlen(v->what) };
	uint32_t holder = v->pfn == NOWHERE ? NO_HANDLE : last_holder(r, v->pfn);
	bool missing = v->rule == RULE_CONTRACT_LEAK || v->rule == RULE_BUDDY_FRAME_LOST;

	if (missing && holder != NO_HANDLE)
		text_add(&t, "; the last that had pfn %llu is p%u", (unsigned long long)v->pfn,
			 holder);
	return broken_at_end(r);
}

static bool broken_contents(struct run *r, enum rule rule, const struct contents_fault *fault)
{
	struct verdict *v = &r->verdict;

	*v = (struct verdict){ .broken = true,
			       .rule = rule,
			       .expect = fault->expect,
			       .actual = fault->actual,
			       .has_values = true,
			       .pfn = fault->pfn };
	snprintf(v->field, sizeof(v->field), "%s", fault->is_byte ? "byte" : "word");
	snprintf(v->what, sizeof(v->what), "%s byte %u of page %llu is 0x%llx, not 0x%llx",
		 fault->is_byte ? "a fragment's" : "the word at", fault->offset,
		 (unsigned long long)fault->pfn, (unsigned long long)fault->actual,
		 (unsigned long long)fault->expect);
	/* Where damage is noticed says nothing of who did it. */
	return broken(r, rule == RULE_CONTRACT_CONTENTS ? ANY_OPERATION : "memory");
}

/* ---- contents ---- */

static bool has_contents(const struct run *r)
{
	return r->pair->oracle && r->pair->contents.available;
}

static bool is_intact(const struct contents *c, const struct held *h, bool whole,
		      struct contents_fault *fault)
{
	if (h->state.kind == HANDLE_FRAGMENT)
		return contents_fragment_intact(c, h->pfn, h->offset, h->bytes, h->stamps.id,
						fault);
	return whole ? contents_intact_whole(c, h->pfn, h->state.order, &h->stamps, fault)
		     : contents_intact(c, h->pfn, h->state.order, &h->stamps, fault);
}

static bool check_intact(struct run *r, const struct held *h, bool whole)
{
	struct contents_fault fault;

	if (!h->stamps.id || !has_contents(r))
		return true;

	bool intact = is_intact(&r->pair->contents, h, whole, &fault);

	oracle_rule(r->pair->oracle, RULE_CONTRACT_CONTENTS, intact);
	return intact || broken_contents(r, RULE_CONTRACT_CONTENTS, &fault);
}

static bool check_all_intact(struct run *r, uint32_t handles)
{
	for (uint32_t i = 0; i < handles; i++)
		if (r->j->held[i].state.refs && !check_intact(r, &r->j->held[i], true))
			return false;
	return true;
}

static bool wants_zero(const struct lb_call *call)
{
	return call->op == OP_GET_ZEROED_PAGE || (call->gfp & JUDGE_GFP_ZERO);
}

/* With init_on_free alone nobody clears a page when it is handed out (READINGS "Switches"). */
static bool clears_on_free_only(const struct machine *m)
{
	return m->init_on_free && !m->page_poison;
}

static bool check_zeroed(struct run *r, const struct held *h)
{
	struct contents_fault fault;
	bool zeroed = contents_zeroed(&r->pair->contents, h->pfn, h->state.order,
				      clears_on_free_only(&r->pair->machine), &fault);

	oracle_rule(r->pair->oracle, RULE_CONTRACT_ZEROED, zeroed);
	return zeroed || broken_contents(r, RULE_CONTRACT_ZEROED, &fault);
}

/* What the machine's switches promise of a page that is new to somebody; false: nothing. */
static bool promise(const struct machine *m, enum rule *rule, uint8_t *value)
{
	enum { POISON = 0xaa };

	*value = m->page_poison ? POISON : 0;
	*rule = m->page_poison	  ? RULE_CONTENTS_PAGE_POISON
		: m->init_on_free ? RULE_CONTENTS_INIT_ON_FREE
				  : RULE_CONTENTS_INIT_ON_ALLOC;
	return m->page_poison || m->init_on_free || m->init_on_alloc;
}

/* A frame that was taken off is no new page: nobody has looked at it. */
static bool check_fresh(struct run *r, const struct held *h)
{
	const struct lb_call *call = &r->now->call;
	struct contents_fault fault;
	enum rule rule;
	uint8_t value;

	if (call->op == OP_TAKE_FRAME)
		return true;
	if (wants_zero(call))
		return check_zeroed(r, h);
	if (!(r->j->target->flags & LB_TARGET_LINUX) || !promise(&r->pair->machine, &rule, &value))
		return true;

	bool kept = contents_are(&r->pair->contents, h->pfn, h->state.order, value,
				 rule != RULE_CONTENTS_INIT_ON_ALLOC, &fault);

	oracle_rule(r->pair->oracle, rule, kept);
	return kept || broken_contents(r, rule, &fault);
}

/* ---- comparing states ---- */

static bool compare_states(struct run *r)
{
	struct pair *pair = r->pair;

	if (!pair->oracle || !r->j->target->export_state)
		return true;
	r->outcome->comparisons++;
	if (!judge_read_state(r->j, pair, &r->verdict) ||
	    !oracle_compare(pair->oracle, r->j->state.words, &r->verdict)) {
		r->seen->by_state = true;
		return broken(r, "state");
	}
	r->seen->equal_before = r->index < r->p->nr_ops ? r->index + 1 : r->index;
	return true;
}

/* After 1, 2, 4, 8 ... operations, and from where the plan says; on the way to a state only there. */
static bool is_time_to_compare(const struct run *r)
{
	uint32_t done = r->index + 1;

	if (r->plan->reach)
		return done == r->p->nr_ops;
	return (done & r->index) == 0 || r->index >= r->plan->compare_from;
}

/* check() and dump(): everything, now. */
static bool compare_everything(struct run *r, const struct op *op)
{
	struct pair *pair = r->pair;

	if (!check_all_intact(r, op->first_result) || !compare_states(r))
		return false;
	if (op->code != OP_DUMP || !pair->oracle || !r->j->target->export_state)
		return true;
	/* What was compared is in the judge's hands still. */
	return oracle_adopt(pair->oracle, r->j->state.words, &r->verdict) || broken(r, "state");
}

/* ---- one operation ---- */

static bool is_bulk(unsigned int code)
{
	return code == OP_ALLOC_PAGES_BULK || code == OP_ALLOC_PAGES_BULK_LIST;
}

/* The frames of a bulk allocation belong to its result: they count in the digest too. */
static const uint64_t *bulk_frames(struct run *r)
{
	const uint64_t *frames;

	if (!is_bulk(r->now->call.op) || r->now->result.outcome != LB_DONE)
		return NULL;
	frames = r->j->target->results(r->pair->instance);
	digest_flush(r);
	r->digest = XXH3_64bits_withSeed(frames, PROGRAM_MAX_COUNT * sizeof(*frames), r->digest);
	return frames;
}

/* The oracle knows blocks by frames; a reader of the program knows them by handles. */
static void name_holder(struct run *r)
{
	struct verdict *v = &r->verdict;
	size_t used = strlen(v->what);
	uint32_t holder = r->pair->heads[v->other_pfn];

	if (holder > 0)
		snprintf(v->what + used, sizeof(v->what) - used, ", as p%u", holder - 1);
}

static bool carry_out(struct run *r)
{
	struct record *now = r->now;

	r->j->target->exec(r->pair->instance, &now->call, &now->result);
	r->leaked |= now->result.leaked != 0;
	end_call(r);
	r->frames = bulk_frames(r);
	if (!r->pair->oracle ||
	    oracle_step(r->pair->oracle, &now->call, &now->result, r->frames, &r->verdict))
		return true;
	if (r->verdict.rule == RULE_CONTRACT_OVERLAP)
		name_holder(r);
	return broken(r, lb_outcome_name((enum lb_outcome)now->result.outcome));
}

static void resolve(struct run *r, const struct op *op, const struct held *h)
{
	struct lb_call *call = begin_call(r);

	*call = (struct lb_call){
		.op = op->code,
		.cpu = op->cpu,
		.level = op->level,
		.scope = op->scope,
		.order = op->order,
		.name = op->name,
		.node = op->node,
		.gfp = op->gfp,
		.nodemask = op->nodemask,
		.fail_nth = op->fail_nth,
		.page = op->page,
		.value = op->value,
		.count = op->count,
	};
	if (op->code == OP_FREE_PFN)
		call->pfn = r->p->machine.max_pfn + op->value;
	if (op->code == OP_TAKE_FRAME)
		call->pfn = op->value % r->p->machine.max_pfn;
	if (!h)
		return;
	call->pfn = h->pfn;
	call->offset = h->offset;
	call->block_order = h->state.order;
	call->compound = h->state.compound;
	call->page = op->page % (1u << h->state.order);
	if (!(op_info[op->code].arguments & ARG_ORDER))
		call->order = h->state.order;
}

/* From here on a handle has a block: its state is in *h already. */
static void bind(struct run *r, uint32_t number, uint64_t pfn)
{
	struct held *h = &r->j->held[number];

	assert(!h->born && h->state.refs > 0);
	h->pfn = pfn;
	h->born = true;
	if (pfn < r->pair->machine.max_pfn)
		r->pair->heads[pfn] = number + 1;
}

/* Who was promised something of what is in it looks, then everyone writes his name. */
static bool stamp_new_block(struct run *r, uint32_t number)
{
	struct held *h = &r->j->held[number];

	if (!has_contents(r) || !contents_exists(&r->pair->contents, h->pfn, h->state.order))
		return true;
	if (!check_fresh(r, h))
		return false;
	contents_hand_over(&r->pair->contents, h->pfn, h->state.order);
	h->stamps.id = number + 1;
	h->stamps.order = h->state.order;
	contents_stamp(&r->pair->contents, h->pfn, h->state.order, &h->stamps);
	return true;
}

/* A block was handed out. */
static bool bind_block(struct run *r, const struct op *op)
{
	struct held *h = &r->j->held[op->first_result];
	const struct lb_result *result = &r->now->result;

	if (result->outcome != LB_BLOCK || handle_after(op, NULL, &h->state) != 1)
		return true;
	if (h->state.order > r->pair->machine.top_order) {
		h->state.refs = 0; /* no such block, and nobody to say so (no_oracle) */
		return true;
	}
	/* From NMI it ought to have been refused; who was given a block has to give it back. */
	if (h->state.refs == 0)
		h->state.refs = 1;
	bind(r, op->first_result, result->pfn);
	return stamp_new_block(r, op->first_result);
}

/* The frame of the n-th handle of an operation that gives many; UINT64_MAX: none. */
static uint64_t nth_frame(const struct run *r, const struct op *op, uint32_t n)
{
	const struct lb_result *result = &r->now->result;

	if (is_bulk(op->code))
		return r->frames ? r->frames[bulk_entry(op, n)] : UINT64_MAX;
	return result->outcome == LB_BLOCK ? result->pfn + n : UINT64_MAX;
}

static bool bind_many(struct run *r, const struct op *op)
{
	for (uint32_t n = 0; n < op->nr_results; n++) {
		uint64_t pfn = nth_frame(r, op, n);
		uint32_t number = op->first_result + n;

		if (pfn == UINT64_MAX)
			continue;
		r->j->held[number].state = (struct handle_state){ .refs = 1 };
		bind(r, number, pfn);
		if (!stamp_new_block(r, number))
			return false;
	}
	return true;
}

static bool fragment_exists(const struct run *r, const struct held *h)
{
	uint64_t last = h->pfn + (h->offset + h->bytes - 1) / JUDGE_PAGE_BYTES;

	for (uint64_t pfn = h->pfn; pfn <= last; pfn++)
		if (!contents_exists(&r->pair->contents, pfn, 0))
			return false;
	return h->offset < JUDGE_PAGE_BYTES;
}

/* A piece of a page was handed out; that it is in nobody's way is the audit's to say. */
static bool bind_fragment(struct run *r, const struct op *op)
{
	struct held *h = &r->j->held[op->first_result];
	const struct lb_result *result = &r->now->result;

	r->has_caches |= result->outcome != LB_REFUSED;
	if (result->outcome != LB_BLOCK || op->value < 1 || op->value > PROGRAM_MAX_FRAGMENT)
		return true;
	handle_after(op, NULL, &h->state);
	h->state.refs = 1; /* from NMI too: who was given it has to give it back */
	h->pfn = result->pfn;
	h->offset = result->offset;
	h->bytes = op->value;
	h->born = true;
	if (!has_contents(r) || !fragment_exists(r, h))
		return true;
	h->stamps.id = op->first_result + 1;
	contents_stamp_fragment(&r->pair->contents, h->pfn, h->offset, h->bytes, h->stamps.id);
	return true;
}

static bool bind_results(struct run *r, const struct op *op)
{
	switch (op_info[op->code].yields) {
	case YIELDS_BLOCK:
		return bind_block(r, op);
	case YIELDS_MANY:
		return bind_many(r, op);
	case YIELDS_FRAGMENT:
		return bind_fragment(r, op);
	default:
		return true;
	}
}

/* What the operation made of its handle: fewer references, a smaller block, nothing, or many. */
static void follow_handle(struct run *r, const struct op *op, struct held *h)
{
	struct held before = *h;
	struct handle_state born; /* of each */
	uint32_t nr_born = handle_after(op, &h->state, &born);

	assert(nr_born <= op->nr_results);

	if (h->state.refs == 0 && before.pfn < r->pair->machine.max_pfn)
		r->pair->heads[before.pfn] = 0;
	for (uint32_t n = 0; n < nr_born; n++) {
		struct held *part = &r->j->held[op->first_result + n];

		part->state = born;
		part->stamps = before.stamps;
		part->stamps.first_page = (uint16_t)(before.stamps.first_page + n);
		bind(r, op->first_result + n, before.pfn + n);
	}
}

static bool gives_back(unsigned int code)
{
	return code == OP_FREE_PAGES_STRUCT || code == OP_FREE_PAGES || code == OP_PUT_PAGE ||
	       code == OP_FREE_WRONG_ORDER || code == OP_PUT_FRAME;
}

/*
 * A page that is put back is told from one that was freed by what is in it. So its holder writes
 * there once more: a program may have filled it with the very bytes that free pages hold.
 */
static void leave_a_mark(struct run *r, const struct op *op, struct held *h)
{
	if (op->code != OP_PUT_FRAME || op_is_refused(op, &h->state) || !h->stamps.id ||
	    !has_contents(r) || !r->pair->contents.every_page)
		return;
	h->stamps = (struct stamps){ .id = op->handle + 1 };
	contents_stamp(&r->pair->contents, h->pfn, 0, &h->stamps);
}

static bool run_on_block(struct run *r, const struct op *op, struct held *h)
{
	resolve(r, op, h);
	/* Before, because who frees a page may write into it. */
	if (gives_back(op->code) && !check_intact(r, h, false))
		return false;
	leave_a_mark(r, op, h);
	if (!carry_out(r))
		return false;
	if (r->now->result.outcome == LB_REFUSED)
		return true;
	follow_handle(r, op, h);
	if (op->code == OP_PUT_FRAME)
		contents_taint(&r->pair->contents, h->pfn);
	return true;
}

static bool run_on_fragment(struct run *r, const struct op *op, struct held *h)
{
	struct handle_state born;

	resolve(r, op, h);
	if (!check_intact(r, h, true) || !carry_out(r))
		return false;
	if (r->now->result.outcome != LB_REFUSED)
		handle_after(op, &h->state, &born);
	return true;
}

/* What is about a block that is gone. */
static bool run_on_dead(struct run *r, const struct op *op, struct held *h)
{
	resolve(r, op, h);
	if (!carry_out(r))
		return false;
	if (op->code == OP_WRITE_FREED && r->now->result.outcome == LB_DONE)
		contents_taint(&r->pair->contents, h->pfn + r->now->call.page);
	return true;
}

static bool fill_or_verify(struct run *r, const struct op *op, struct held *h)
{
	if (op->code == OP_VERIFY)
		return check_intact(r, h, true);
	contents_fill(&r->pair->contents, h->pfn, h->state.order, (uint8_t)op->value);
	h->stamps.filled = true;
	h->stamps.fill = (uint8_t)op->value;
	/*
	 * Parts of the block that go their own way are filled as a whole: which page they were does
	 * not count.
	 */
	return true;
}

static bool looks_into(unsigned int code)
{
	return code == OP_FILL || code == OP_VERIFY;
}

static bool is_the_judges(unsigned int code)
{
	return looks_into(code) || code == OP_CHECK || code == OP_DUMP;
}

/*
 * A program that believes in a reference which this target could not take sees a split refused
 * where the target would carry it out: then there are no handles for the parts.
 */
static bool can_name_parts(const struct op *op, const struct held *h)
{
	return op_is_refused(op, &h->state) || op->nr_results == 1u << h->state.order;
}

/* The block an operation is about, and whether there is anything to do for it. */
static bool find_block(const struct run *r, const struct op *op, struct held **found)
{
	unsigned int arguments = op_info[op->code].arguments;

	*found = NULL;
	if (op->code == OP_NOP)
		return false;
	if (!is_the_judges(op->code) && !(r->j->target->capabilities & JUDGE_BIT(op->code)))
		return false;
	if (!(arguments & ARGS_HANDLE))
		return true;

	struct held *h = &r->j->held[op->handle];

	*found = h;
	if (arguments & ARGS_LIVE) {
		if (h->state.refs == 0)
			return false;
		if (op->code == OP_SPLIT_PAGE)
			return can_name_parts(op, h);
		return !looks_into(op->code) || (h->stamps.id && has_contents(r));
	}
	/* A second free of a block that begins where a live one does is the first free of that. */
	return h->born && h->state.refs == 0 && h->pfn < r->pair->machine.max_pfn &&
	       !r->pair->heads[h->pfn];
}

static bool run_op(struct run *r, const struct op *op)
{
	struct held *h;

	r->skipped = !find_block(r, op, &h);
	if (r->skipped) {
		r->outcome->no_ops++;
		return true;
	}
	r->outcome->executed++;
	if (is_the_judges(op->code)) {
		return h ? fill_or_verify(r, op, h) : compare_everything(r, op);
	}
	switch (op_info[op->code].arguments & ARGS_HANDLE) {
	case ARG_HANDLE:
		return run_on_block(r, op, h);
	case ARG_FRAGMENT:
		return run_on_fragment(r, op, h);
	case ARG_DEAD_HANDLE:
		return run_on_dead(r, op, h);
	default:
		break;
	}
	resolve(r, op, NULL);
	if (!carry_out(r))
		return false;
	return bind_results(r, op);
}

/* For a trace: what the judge does itself is done. */
static struct lb_result result_of(const struct run *r, const struct op *op)
{
	if (is_the_judges(op->code))
		return (struct lb_result){ .outcome = LB_DONE };
	return r->now->result;
}

static bool run_ops(struct run *r)
{
	struct lb_result *trace = r->j->trace;

	for (r->index = 0; r->index < r->p->nr_ops; r->index++) {
		uint32_t no_ops = r->outcome->no_ops;

		*r->j->progress = r->index;

		bool right = run_op(r, &r->p->ops[r->index]);

		if (trace && r->outcome->no_ops == no_ops)
			trace[r->index] = result_of(r, &r->p->ops[r->index]);
		if (!right)
			return false;
		if (is_time_to_compare(r) && !compare_states(r))
			return false;
	}
	return true;
}

/* ---- the end ---- */

static bool compare_at_end(struct run *r)
{
	return r->plan->compare_from == COMPARE_AS_USUAL || compare_states(r);
}

static bool free_fragment(struct run *r, uint32_t number)
{
	struct held *h = &r->j->held[number];
	const struct op op = { .code = OP_PAGE_FRAG_FREE, .node = NODE_NONE, .handle = number };

	if (h->state.refs == 0 || !(r->j->target->capabilities & JUDGE_BIT(OP_PAGE_FRAG_FREE)))
		return true;
	return run_on_fragment(r, &op, h) && compare_at_end(r);
}

static bool free_one(struct run *r, uint32_t number, uint8_t code)
{
	struct held *h = &r->j->held[number];
	const struct op op = { .code = code, .node = NODE_NONE, .handle = number };
	unsigned int references = h->state.refs;

	if (h->state.kind == HANDLE_FRAGMENT)
		return free_fragment(r, number);
	while (h->state.refs > 0) {
		if (!run_on_block(r, &op, h) || !compare_at_end(r))
			return false;
		/*
		 * Refused without need, and nobody to say so (no_oracle): it cannot be given back.
		 */
		if (h->state.refs >= references)
			h->state.refs = 0;
		references = h->state.refs;
	}
	if (h->born && h->pfn < r->pair->machine.max_pfn)
		r->pair->heads[h->pfn] = 0;
	return true;
}

static bool free_everything(struct run *r)
{
	bool by_struct = r->j->target->capabilities & JUDGE_BIT(OP_FREE_PAGES_STRUCT);
	uint8_t code = by_struct ? OP_FREE_PAGES_STRUCT : OP_FREE_PAGES;

	for (uint32_t i = 0; i < r->p->nr_handles; i++)
		if (!free_one(r, i, code))
			return false;
	return true;
}

/* Caches of fragments, CPU by CPU; nobody has one where no fragment was asked for. */
static bool drain_caches(struct run *r)
{
	struct op op = { .code = OP_PAGE_FRAG_DRAIN };

	if (!r->has_caches || !(r->j->target->capabilities & JUDGE_BIT(OP_PAGE_FRAG_DRAIN)))
		return true;
	for (uint32_t cpu = 0; cpu < r->pair->machine.nr_cpus; cpu++) {
		op.cpu = (uint8_t)cpu;
		resolve(r, &op, NULL);
		if (!carry_out(r) || !compare_at_end(r))
			return false;
	}
	return true;
}

static bool drain_everything(struct run *r)
{
	const struct op op = { .code = OP_DRAIN_ALL_PAGES, .node = NODE_NONE };

	if (!(r->j->target->capabilities & JUDGE_BIT(OP_DRAIN_ALL_PAGES)))
		return true;
	resolve(r, &op, NULL);
	return carry_out(r);
}

/*
 * Frames that were lost for good by misuse are missing in a target that exports nothing, and
 * rightly so.
 */
static bool probe_end(struct run *r)
{
	if (!r->pair->oracle || r->j->target->export_state || r->leaked)
		return true;
	contents_wipe(&r->pair->contents);
	r->outcome->comparisons++;
	return probe_compare(r->j, r->pair, &r->verdict) || missing_at_end(r);
}

static bool run_end(struct run *r)
{
	struct pair *pair = r->pair;
	bool exports = r->j->target->export_state;

	r->index = r->p->nr_ops;
	*r->j->progress = r->index;
	if (r->seen->equal_before < r->index && !compare_states(r))
		return false;
	if (!free_everything(r) || !drain_caches(r) || !drain_everything(r) || !compare_states(r))
		return false;
	if (pair->oracle &&
	    !oracle_finish(pair->oracle, exports ? r->j->state.words : NULL, &r->verdict))
		return missing_at_end(r);
	return probe_end(r);
}

static bool no_memory(struct run *r, const char *what)
{
	r->outcome->kind = FINDING_CREATE;
	snprintf(r->outcome->verdict.what, sizeof(r->outcome->verdict.what), "no memory for %s",
		 what);
	outcome_sign(r->outcome, "boot");
	return false;
}

/* The run has come to where somebody wanted to go. */
static bool look_around(struct run *r)
{
	struct reached *reached = r->plan->reached;
	bool skipped = r->p->nr_ops == 0 || r->skipped;

	if (r->p->nr_ops == 0 && !compare_states(r))
		return false;
	if (skipped)
		reached->result = (struct lb_result){ .outcome = JUDGE_OP_SKIPPED };
	else
		reached->result = result_of(r, &r->p->ops[r->p->nr_ops - 1]);
	return reach_look(r->j, r->pair, r->p, r->plan) || no_memory(r, "a digest");
}

/* A run that ends here leaves what lives to the reset, and no trace in our own books. */
static void forget_blocks(struct run *r)
{
	for (uint32_t i = 0; i < r->p->nr_handles; i++) {
		const struct held *h = &r->j->held[i];

		if (h->born && h->state.kind == HANDLE_BLOCK && h->pfn < r->pair->machine.max_pfn)
			r->pair->heads[h->pfn] = 0;
	}
}

static bool reserve_handles(struct judge *j, uint32_t handles)
{
	if (handles > j->held_capacity) {
		size_t capacity = handles + (size_t)handles / 2;
		struct held *held = realloc(j->held, capacity * sizeof(*held));

		if (!held)
			return false;
		j->held = held;
		j->held_capacity = capacity;
	}
	if (handles > 0)
		memset(j->held, 0, handles * sizeof(*j->held));
	return true;
}

bool run_on_pair(struct judge *j, struct pair *pair, const struct program *p,
		 const struct plan *plan, struct outcome *outcome, struct seen *seen)
{
	struct run r;

	memset(&r, 0, offsetof(struct run, records));
	memset(seen, 0, sizeof(*seen));
	r.j = j;
	r.pair = pair;
	r.p = p;
	r.plan = plan;
	r.outcome = outcome;
	r.seen = seen;
	r.now = &r.none;
	if (!reserve_handles(j, p->nr_handles))
		return no_memory(&r, "the handles");

	bool clean = run_ops(&r);

	if (clean && j->look)
		j->look(pair->instance, j->look_data);
	if (plan->reach)
		clean = clean && look_around(&r);
	if (!plan->reach || plan->reach->finish)
		clean = clean && run_end(&r);
	else if (clean)
		forget_blocks(&r);

	digest_flush(&r);
	outcome->digest = r.digest;
	if (clean)
		contents_wipe(&pair->contents);
	return clean;
}
