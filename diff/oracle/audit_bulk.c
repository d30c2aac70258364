/*
 * Several single pages at once: each is a block of its own from the start.
 *
 *   array   entries below the one that was reached hold a page, those that were filled before none of
 *           the target's; entries behind it, nothing
 *   list    so many frames, then nothing
 */
#include "oracle/audit_internal.h"

#include <inttypes.h>

static bool put_there(const struct lb_call *call, const struct lb_result *r, uint32_t entry)
{
	bool filled = call->op == OP_ALLOC_PAGES_BULK && (call->value >> entry & 1);

	return entry < r->count && !filled;
}

bool audit_step_bulk(struct audit *a, const struct lb_call *call, const struct lb_result *r,
		     const uint64_t *frames, struct verdict *v)
{
	if (r->outcome != LB_DONE)
		return true;
	a->exercised[RULE_CONTRACT_BULK]++;
	if (!frames || r->count > call->count)
		return audit_differs(v, RULE_CONTRACT_BULK, "count", call->count, r->count,
				     "entries that a bulk allocation says it reached");
	for (uint32_t entry = 0; entry < PROGRAM_MAX_COUNT; entry++) {
		uint64_t pfn = frames[entry];

		if (put_there(call, r, entry) != (pfn != UINT64_MAX))
			return audit_broken(v, RULE_CONTRACT_BULK, pfn, "entry",
					    "entry %u of a bulk allocation that returned %u %s",
					    entry, r->count,
					    pfn == UINT64_MAX ? "got no page" : "got a page");
		if (pfn == UINT64_MAX)
			continue;
		if (!audit_judge_frames(a, pfn, 1, 0, v))
			return false;
		audit_block_born(a, pfn, 0, false);
	}
	return true;
}

static unsigned int order_for(uint32_t pages)
{
	unsigned int order = 0;

	while (1u << order < pages)
		order++;
	return order;
}

bool audit_step_exact(struct audit *a, const struct lb_call *call, const struct lb_result *r,
		      struct verdict *v)
{
	if (r->outcome != LB_BLOCK)
		return true;
	if (!audit_judge_frames(a, r->pfn, call->count, order_for(call->count), v) ||
	    !audit_judge_bound(a, call, r->pfn, v))
		return false;
	for (uint32_t n = 0; n < call->count; n++)
		audit_block_born(a, r->pfn + n, 0, false);
	return true;
}
