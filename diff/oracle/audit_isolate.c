/*
 * Ranges that are isolated, and single frames that go from hand to hand past the page lists.
 *
 *   isolate [####....]    nothing is known of the free frames: a page list may have some of them
 *   free    [##ss....]    s: stuck; it came back to an isolated range, and stays until that ends
 *   drain   [##ssssss]    no page list has anything: all that is not live is stuck
 */
#include "oracle/audit_internal.h"

void audit_isolate(struct audit *a, const struct lb_call *call, bool isolated)
{
	uint64_t size = UINT64_C(1) << a->machine->top_order;
	uint64_t start = call->value % ((a->max_pfn + size - 1) / size) * size, end = start + size;

	end = end < a->max_pfn ? end : a->max_pfn;
	if (isolated) {
		bits_set(a->isolated, start, end);
		a->state->any_isolated = true;
		return;
	}
	bits_clear(a->isolated, start, end);
	bits_clear(a->stuck, start, end);
	a->state->any_isolated = bits_any(a->isolated, 0, a->max_pfn);
}

void audit_drained(struct audit *a)
{
	for (uint64_t i = 0; a->state->any_isolated && i < a->nr_words; i++)
		a->stuck[i] |= a->isolated[i] & ~a->live[i];
}

/* A frame that is asked for by its number may be stuck: that is what it is taken out of. */
bool audit_step_take(struct audit *a, const struct lb_call *call, const struct lb_result *r,
		     struct verdict *v)
{
	if (r->outcome != LB_BLOCK)
		return true;
	if (call->pfn == r->pfn && r->pfn < a->max_pfn)
		bits_clear(a->stuck, r->pfn, r->pfn + 1);
	if (!audit_judge_frames(a, r->pfn, 1, 0, v))
		return false;
	audit_block_born(a, r->pfn, 0, false);
	return true;
}

/* A kernel that has no such call refuses it whatever it is about, and a marked page is refused. */
bool audit_step_put_back(struct audit *a, const struct lb_call *call, const struct lb_result *r,
			 struct verdict *v)
{
	uint64_t pfn = call->pfn;
	bool wrong = a->order[pfn] || a->refs[pfn] != 1;

	if (r->outcome == LB_REFUSED && (r->reason == LB_NO_PROFILE || a->state->marked))
		return true;
	if (!audit_judge_refusal(a, call, r, wrong, RULE_CONTRACT_BAD_FREE,
				 RULE_CONTRACT_FREE_REFUSED, v))
		return false;
	if (wrong)
		return true;
	a->refs[pfn] = 0;
	audit_frames_die(a, pfn, pfn + 1);
	return true;
}
