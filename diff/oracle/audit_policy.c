/*
 * What a bound task may count on, whatever else the policy says: a request that may wait gets memory
 * of the task's nodes or none.
 *
 * Not here: requests that may not wait or may use the reserves (they may go anywhere in the end), cpusets and
 * a smaller gfp_allowed_mask (from the first one on nothing is asked), machines with a Movable zone
 * (where a mask may not apply).
 */
#include "oracle/audit_internal.h"

#include <inttypes.h>

void audit_policy_set(struct audit *a, const struct lb_call *call)
{
	a->state->bound[call->cpu] = call->name == POLICY_BIND ? call->nodemask : 0;
}

static bool has_movable_zone(const struct machine *m)
{
	for (uint32_t node = 0; node < m->nr_nodes; node++)
		if (m->movable_start[node])
			return true;
	return m->kernelcore_pages || m->kernelcore_percent || m->movablecore_pages ||
	       m->movablecore_percent || m->movable_node || m->kernelcore_mirror;
}

static bool is_bound(const struct audit *a, const struct lb_call *call)
{
	const uint32_t elsewhere =
		AUDIT_GFP_DMA | AUDIT_GFP_DMA32 | AUDIT_GFP_MEMALLOC | AUDIT_GFP_THISNODE;
	const unsigned int reserves = SCOPE_MEMALLOC | SCOPE_VICTIM;

	return call->op != OP_ALLOC_PAGES && call->level == LEVEL_TASK && !a->state->unbound &&
	       (call->gfp & AUDIT_GFP_DIRECT_RECLAIM) && !(call->gfp & elsewhere) &&
	       !(call->scope & reserves) && !has_movable_zone(a->machine);
}

static uint32_t node_of(const struct machine *m, uint64_t pfn)
{
	for (uint32_t i = 0; i < m->nr_memory; i++)
		if (pfn >= m->memory[i].start && pfn < m->memory[i].end)
			return m->memory[i].node;
	return m->nr_nodes;
}

bool audit_judge_bound(struct audit *a, const struct lb_call *call, uint64_t pfn, struct verdict *v)
{
	uint32_t nodes = a->state->bound[call->cpu];

	if (!nodes || !is_bound(a, call))
		return true;
	a->exercised[RULE_CONTRACT_BOUND]++;
	return (nodes >> node_of(a->machine, pfn) & 1) ||
	       audit_broken(v, RULE_CONTRACT_BOUND, pfn, "node",
			    "pfn %" PRIu64 " of node %u went to a task that is bound to nodes 0x%x",
			    pfn, node_of(a->machine, pfn), nodes);
}
