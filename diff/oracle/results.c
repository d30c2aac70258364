/*
 * A result beside the prediction, and the rule that a difference breaks.
 *
 *   outcome differs   -> why ours is what it is: refused, order, injected, loop, OOM, a block
 *   frame differs     -> a zone that is not allowed, whose mark fails, that comes too late;
 *                        another type's list; or just another frame
 *   then reason, warnings, frames that were lost
 */
#include <stdio.h>

#include "oracle/shadow.h"

struct judgement {
	struct shadow *s;
	const struct lb_call *call;
	const struct lb_result *expect, *actual;
	const uint64_t *frames; /* of a bulk allocation */
	struct verdict *verdict;
};

static uint64_t pfn_of(const struct judgement *j)
{
	return j->actual->outcome == LB_BLOCK	? j->actual->pfn
	       : j->expect->outcome == LB_BLOCK ? j->expect->pfn
						: NO_PFN;
}

/* Counts the rule; where it does not hold, the verdict says what came instead, in these words. */
static bool judge_words(const struct judgement *j, enum rule rule, bool holds, const char *field,
			const char *expect, const char *actual)
{
	struct verdict *v = j->verdict;

	if (rule_holds(j->s, rule, holds))
		return true;
	*v = (struct verdict){ .broken = true, .rule = rule, .pfn = pfn_of(j) };
	snprintf(v->field, sizeof(v->field), "%s", field);
	snprintf(v->what, sizeof(v->what), "%s is %s, expected %s: %s", field, actual, expect,
		 rule_info[rule].sentence);
	return false;
}

/* The same of numbers. */
static bool judge(const struct judgement *j, enum rule rule, bool holds, const char *field,
		  uint64_t expect, uint64_t actual)
{
	char expected[24], came[24];

	if (holds)
		return rule_holds(j->s, rule, true);
	snprintf(expected, sizeof(expected), "%llu", (unsigned long long)expect);
	snprintf(came, sizeof(came), "%llu", (unsigned long long)actual);
	judge_words(j, rule, false, field, expected, came);
	j->verdict->expect = expect;
	j->verdict->actual = actual;
	j->verdict->has_values = true;
	return false;
}

/* "ENOMEM watermark", "block at pfn 17" */
static void result_text(const struct lb_result *r, char text[48])
{
	const char *outcome = "unknown", *reason = "unknown";

	if (r->outcome < LB_OUTCOME_COUNT)
		outcome = lb_outcome_name((enum lb_outcome)r->outcome);
	if (r->reason < LB_REASON_COUNT)
		reason = lb_reason_name((enum lb_reason)r->reason);
	if (r->outcome == LB_BLOCK)
		snprintf(text, 48, "block at pfn %llu", (unsigned long long)r->pfn);
	else
		snprintf(text, 48, "%s%s%s", outcome, reason[0] ? " " : "", reason);
}

static bool judge_result(const struct judgement *j, enum rule rule, bool holds, const char *field)
{
	char expect[48], actual[48];

	if (holds)
		return rule_holds(j->s, rule, true);
	result_text(j->expect, expect);
	result_text(j->actual, actual);
	return judge_words(j, rule, false, field, expect, actual);
}

static bool judge_outcome(const struct judgement *j, enum rule rule)
{
	return judge_result(j, rule, j->expect->outcome == j->actual->outcome, "outcome");
}

static bool judge_reason(const struct judgement *j, enum rule rule)
{
	return judge_result(j, rule, j->expect->reason == j->actual->reason, "reason");
}

static bool judge_outcome_and_reason(const struct judgement *j, enum rule rule)
{
	return judge_outcome(j, rule) && judge_reason(j, rule);
}

/* ---- Which frame ---- */

/* The position of a zone in the zonelist of the last walk; n: not in it. */
static uint32_t position_of(const struct trail *t, uint32_t number)
{
	uint32_t i = 0;

	while (i < t->zonelist->n && t->zonelist->zones[i] != number)
		i++;
	return i;
}

static bool is_frame(const struct shadow *s, uint64_t pfn)
{
	return pfn < s->max_pfn && s->frames[pfn].kind != FRAME_ABSENT;
}

static void zone_text(const struct zone *z, char text[32])
{
	snprintf(text, 32, "%s of node %u", shadow_zone_index_name(z->index), z->node);
}

/* A block of the target comes from a zone that the last walk could use. */
static bool judge_zone(const struct judgement *j)
{
	const struct shadow *s = j->s;
	const struct trail *t = &s->trail;
	uint64_t pfn = j->actual->pfn;
	const struct zone *z;
	char expect[32], actual[32];
	uint32_t number;

	if (!is_frame(s, pfn) || t->walks == 0)
		return judge(j, RULE_EXACT_FRAME, false, "pfn", j->expect->pfn, pfn);
	z = zone_of(s, pfn);
	number = number_of(s, z);
	zone_text(z, actual);
	snprintf(expect, sizeof(expect), "at most %s", shadow_zone_index_name(t->highest));
	if (!judge_words(j, RULE_ZONE_LIMIT, z->index <= t->highest, "zone", expect, actual))
		return false;
	snprintf(expect, sizeof(expect), "a node of mask 0x%x", t->nodemask);
	if (!judge_words(j, RULE_ZONE_LIMIT, !t->nodemask || t->nodemask >> z->node & 1, "node",
			 expect, actual))
		return false;
	if (!judge_words(j, RULE_ZONE_LIMIT, position_of(t, number) < t->zonelist->n, "zone",
			 "one of the request's zonelist", actual))
		return false;
	if (t->kept_out && !judge_words(j, RULE_ZONE_CPUSET, !(t->kept_out >> number & 1), "node",
					"one that the task's cpuset allows", actual))
		return false;
	return t->failed == 0 || judge_words(j, RULE_ZONE_WATERMARK, !(t->failed >> number & 1),
					     "mark", "another zone, whose mark passes", actual);
}

/* The type of the list a frame is on as we see it; NR_LIST_TYPES: on none. */
static unsigned int list_type_of(const struct shadow *s, uint64_t pfn)
{
	for (unsigned int o = 0; o <= s->top_order; o++) {
		const struct frame *f = &s->frames[pfn & ~((UINT64_C(1) << o) - 1)];

		if (f->kind == FRAME_FREE && f->order >= o)
			return f->type;
	}
	return NR_LIST_TYPES;
}

static const char *const type_names[NR_LIST_TYPES] = { "UNMOVABLE", "MOVABLE", "RECLAIMABLE",
						       "HIGHATOMIC" };

/* It looked at zones in another order, and absent nodes are why. */
static bool judge_absent_nodes(const struct judgement *j, const char *our_zone,
			       const char *their_zone)
{
	const struct shadow *s = j->s;
	uint32_t ours = number_of(s, zone_of(s, j->expect->pfn)),
		 theirs = number_of(s, zone_of(s, j->actual->pfn));

	return !s->machine.absent_nodes ||
	       judge_words(j, RULE_ZONELIST_ABSENT,
			   !shadow_absent_nodes_decide(s, s->trail.zonelist, ours, theirs), "zone",
			   our_zone, their_zone);
}

/* Both gave a block, and not the same one. */
static bool judge_frame(const struct judgement *j)
{
	const struct shadow *s = j->s;
	const struct trail *t = &s->trail;
	uint64_t expect = j->expect->pfn, actual = j->actual->pfn;
	char our_zone[32], their_zone[32];
	uint32_t ours, theirs;
	unsigned int type;

	if (!judge_zone(j))
		return false;
	ours = position_of(t, number_of(s, zone_of(s, expect)));
	theirs = position_of(t, number_of(s, zone_of(s, actual)));
	zone_text(zone_of(s, expect), our_zone);
	zone_text(zone_of(s, actual), their_zone);
	if (!judge_absent_nodes(j, our_zone, their_zone))
		return false;
	if (!judge_words(j, RULE_NUMA_ORDER, theirs <= ours, "zone", our_zone, their_zone))
		return false;
	type = list_type_of(s, actual);
	if (theirs == ours && type != NR_LIST_TYPES && type != t->taken_type &&
	    type != t->asked_type &&
	    !judge_words(j, RULE_TYPE_FALLBACK_ORDER, false, "type", type_names[t->taken_type],
			 type_names[type]))
		return false;
	return judge(j, RULE_EXACT_FRAME, false, "pfn", expect, actual);
}

/* It is the very frame: which rules has that looked at? */
static bool count_frame(const struct judgement *j)
{
	struct shadow *s = j->s;
	const struct trail *t = &s->trail;

	s->exercised[RULE_EXACT_FRAME]++;
	s->exercised[RULE_ZONE_LIMIT]++;
	s->exercised[RULE_ZONE_WATERMARK] += t->failed != 0;
	s->exercised[RULE_ZONE_CPUSET] += t->kept_out != 0;
	s->exercised[RULE_NUMA_ORDER] += t->zonelist->n > 1;
	s->exercised[RULE_ZONELIST_ABSENT] += s->machine.absent_nodes && t->zonelist->n > 1;
	s->exercised[RULE_TYPE_FALLBACK_ORDER] += t->stolen;
	return true;
}

/* ---- Which outcome ---- */

static enum rule rule_of_refusal(const struct judgement *j)
{
	switch (j->call->op) {
	case OP_ISOLATE:
	case OP_UNISOLATE:
		return RULE_ISOLATE_REFUSED;
	case OP_TAKE_FRAME:
	case OP_PUT_FRAME:
		return RULE_FRAME_REFUSED;
	case OP_SET_MEMPOLICY:
	case OP_SET_MEMS_ALLOWED:
		return RULE_POLICY_REFUSED;
	case OP_WRITE_FREED:
		return RULE_WRITE_FREED_REFUSED;
	case OP_PAGE_FRAG_ALLOC:
		return RULE_FRAG_REFUSED;
	case OP_SET_PAGE_FLAG:
		return RULE_FLAGS_REFUSED;
	case OP_PREP_TRANSHUGE:
		return RULE_DESTRUCTOR_REFUSED;
	default:
		return RULE_MISUSE_REFUSED;
	}
}

static bool judge_refusal(const struct judgement *j)
{
	if (j->expect->reason == LB_NO_PROFILE)
		return judge_outcome_and_reason(j, RULE_PROFILE_REFUSED);
	if (j->call->level == LEVEL_NMI)
		return judge_outcome_and_reason(j, RULE_CONTEXT_NMI);
	if (names_absent_node(&j->s->machine, j->call))
		return judge_outcome_and_reason(j, RULE_NODE_ABSENT);
	if (j->expect->reason == LB_BAD_TYPE)
		return judge_outcome_and_reason(j, RULE_TYPE_REFUSED);
	return judge_outcome(j, rule_of_refusal(j)) && judge_reason(j, RULE_RESULT_REASON);
}

/* We have no block. */
static bool judge_failure(const struct judgement *j)
{
	if (j->expect->reason == LB_NO_MEMORY)
		return judge_outcome_and_reason(j, RULE_FRAG_TOO_LARGE);
	if (j->expect->reason == LB_NO_ORDER)
		return judge_outcome_and_reason(j, RULE_ALLOC_ORDER_LIMIT);
	if (j->expect->reason == LB_NO_INJECTED)
		return judge_outcome_and_reason(j, RULE_ALLOC_INJECTION);
	if (j->actual->outcome == LB_BLOCK && !judge_zone(j))
		return false;
	if (j->expect->outcome == LB_LOOP || j->actual->outcome == LB_LOOP)
		return judge_outcome(j, RULE_SLOWPATH_LOOP);
	if (j->expect->outcome == LB_OOM || j->actual->outcome == LB_OOM)
		return judge_outcome(j, RULE_SLOWPATH_OOM);
	return judge_outcome(j, RULE_RESULT_OUTCOME) && judge_reason(j, RULE_RESULT_REASON);
}

static bool is_failure(unsigned int outcome)
{
	return outcome == LB_NULL || outcome == LB_LOOP || outcome == LB_OOM;
}

static bool judge_block(const struct judgement *j)
{
	if (j->actual->reason == LB_NO_INJECTED && j->actual->outcome == LB_NULL)
		return judge_outcome(j, RULE_ALLOC_INJECTION);
	if (is_failure(j->actual->outcome))
		return judge_outcome(j, RULE_ZONE_UNJUSTIFIED_FAILURE);
	if (!judge_outcome(j, RULE_RESULT_OUTCOME))
		return false;
	j->s->exercised[RULE_ZONE_UNJUSTIFIED_FAILURE]++;
	return j->expect->pfn == j->actual->pfn ? count_frame(j) : judge_frame(j);
}

/* take_page_off_buddy walks no zonelist: it takes the frame that it is told. */
static bool judge_taken(const struct judgement *j)
{
	return judge_outcome(j, RULE_RESULT_OUTCOME) &&
	       judge(j, RULE_FRAME_TAKEN, j->expect->pfn == j->actual->pfn, "pfn", j->expect->pfn,
		     j->actual->pfn);
}

/* Came it from the right block, and from the right place in it? */
static bool judge_fragment(const struct judgement *j)
{
	const struct shadow *s = j->s;
	const struct lb_result *e = j->expect, *a = j->actual;
	uint32_t ours = shadow_frag_head(s, e->pfn);
	bool refilled = s->trail.walks > 0;
	bool inside = a->pfn >= ours && a->pfn < ours + (UINT64_C(1) << s->frames[ours].order);
	enum rule rule = refilled && !inside ? RULE_EXACT_FRAME : RULE_FRAG_OFFSET;

	if (refilled && is_failure(a->outcome))
		return judge_outcome(j, RULE_ZONE_UNJUSTIFIED_FAILURE);
	return judge_outcome(j, RULE_RESULT_OUTCOME) &&
	       judge(j, rule, e->pfn == a->pfn, "pfn", e->pfn, a->pfn);
}

static bool is_bulk(const struct lb_call *call)
{
	return call->op == OP_ALLOC_PAGES_BULK || call->op == OP_ALLOC_PAGES_BULK_LIST;
}

/* Entry by entry; the first that differs is named. */
static bool judge_bulk_frames(const struct judgement *j)
{
	for (uint32_t i = 0; i < PROGRAM_MAX_COUNT; i++) {
		uint64_t expect = j->s->bulk[i], actual = j->frames[i];
		char field[16];

		if (expect == actual)
			continue;
		snprintf(field, sizeof(field), "frame[%u]", i);
		judge(j, RULE_BULK_FRAMES, false, field, expect, actual);
		j->verdict->pfn = actual != NO_PFN ? actual : expect;
		return false;
	}
	return judge(j, RULE_BULK_FRAMES, true, "frames", 0, 0);
}

static bool judge_bulk(const struct judgement *j)
{
	if (j->actual->outcome == LB_LOOP)
		return judge_outcome(j, RULE_SLOWPATH_LOOP);
	if (j->actual->outcome == LB_OOM)
		return judge_outcome(j, RULE_SLOWPATH_OOM);
	return judge_outcome(j, RULE_RESULT_OUTCOME) && judge_bulk_frames(j);
}

/* What was returned: of a bulk allocation alone a number. */
static bool judge_count(const struct judgement *j)
{
	if (!is_bulk(j->call) && j->expect->count == 0 && j->actual->count == 0)
		return true;
	return judge(j, RULE_BULK_COUNT, j->expect->count == j->actual->count, "count",
		     j->expect->count, j->actual->count);
}

/* Where in its frame a result begins: of a fragment alone a number. */
static bool judge_offset(const struct judgement *j)
{
	bool fragment = j->call->op == OP_PAGE_FRAG_ALLOC && j->expect->outcome == LB_BLOCK;

	if (!fragment && j->expect->offset == 0 && j->actual->offset == 0)
		return true;
	return judge(j, RULE_FRAG_OFFSET, j->expect->offset == j->actual->offset, "offset",
		     j->expect->offset, j->actual->offset);
}

static bool judge_warning(const struct judgement *j, enum rule rule, unsigned int bit,
			  const char *field)
{
	unsigned int expect = j->expect->warnings & bit, actual = j->actual->warnings & bit;

	return (!expect && !actual) ||
	       judge_words(j, rule, expect == actual, field, expect ? "given" : "not given",
			   actual ? "given" : "not given");
}

/* What was looked at, and not found: the premise of a complaint that did not come. */
static void count_silence(const struct judgement *j)
{
	struct shadow *s = j->s;

	s->exercised[RULE_HWPOISON_SILENT] += s->dropped > 0;
	s->exercised[RULE_POISON_NOTICED] += s->checked;
}

static enum rule rule_of_bad_page(const struct judgement *j)
{
	const struct shadow *s = j->s;

	if (s->dropped && !(j->expect->warnings & LB_WARN_BAD_PAGE))
		return RULE_HWPOISON_SILENT;
	return s->flag_is_bad ? RULE_FLAGS_BAD : RULE_PAGE_BAD_NOTICED;
}

static bool judge_warnings(const struct judgement *j)
{
	count_silence(j);
	if (!(j->expect->warnings | j->actual->warnings))
		return true;
	return judge_warning(j, RULE_CONTEXT_SLEEP, LB_WARN_SLEEP, "warning.sleep") &&
	       judge_warning(j, RULE_ALLOC_ORDER_WARNING, LB_WARN_ORDER, "warning.order") &&
	       judge_warning(j, rule_of_bad_page(j), LB_WARN_BAD_PAGE, "warning.bad-page") &&
	       judge_warning(j, RULE_POISON_NOTICED, LB_WARN_POISON, "warning.poison") &&
	       judge_warning(j, RULE_POISON_BIT_FLIP, LB_WARN_BIT_FLIP, "warning.bit-flip");
}

static bool judge_side_effects(const struct judgement *j)
{
	if (!judge_warnings(j))
		return false;
	if (j->expect->leaked == 0 && j->actual->leaked == 0)
		return true;
	return judge(j, j->s->dropped ? RULE_HWPOISON_DROPPED : RULE_PAGE_LEAKED_COUNT,
		     j->expect->leaked == j->actual->leaked, "leaked", j->expect->leaked,
		     j->actual->leaked);
}

bool shadow_judge(struct shadow *s, const struct lb_call *call, const struct lb_result *expect,
		  const struct lb_result *actual, const uint64_t *frames, struct verdict *v)
{
	const struct judgement j = { .s = s,
				     .call = call,
				     .expect = expect,
				     .actual = actual,
				     .frames = frames,
				     .verdict = v };
	bool right;

	if (expect->outcome == LB_REFUSED)
		right = judge_refusal(&j);
	else if (is_failure(expect->outcome))
		right = judge_failure(&j);
	else if (call->op == OP_TAKE_FRAME)
		right = judge_taken(&j);
	else if (call->op == OP_PAGE_FRAG_ALLOC)
		right = judge_fragment(&j);
	else if (expect->outcome == LB_BLOCK)
		right = judge_block(&j);
	else if (is_bulk(call))
		right = judge_bulk(&j);
	else
		right = judge_outcome(&j, RULE_RESULT_OUTCOME);
	return right && judge_count(&j) && judge_offset(&j) && judge_side_effects(&j);
}

bool shadow_step(struct shadow *s, const struct lb_call *call, const struct lb_result *actual,
		 const uint64_t *frames, struct verdict *v)
{
	struct lb_result expect;

	shadow_exec(s, call, &expect);
	return shadow_judge(s, call, &expect, actual, frames, v);
}
