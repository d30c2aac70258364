/*
 * Policies and cpusets of tasks (facts 3, 10; readings "Policies").
 *
 *   set_mempolicy  -->  mode, nodes, il_prev     where alloc_pages(gfp, order) begins, and its nodemask
 *   set_mems_allowed -> cpusets on, mems_allowed which zones a walk may look at
 *
 * One task a CPU. What runs at another level than the task's follows neither.
 */
#include "oracle/shadow.h"

const struct task *shadow_task(const struct shadow *s)
{
	return &s->state->tasks[s->cpu];
}

static bool node_has_zone(const struct shadow *s, uint32_t node, unsigned int lowest,
			  unsigned int highest)
{
	for (unsigned int index = lowest; index <= highest; index++) {
		uint8_t number = s->zone_number[node][index];

		if (number != NO_ZONE && s->zones[number].present)
			return true;
	}
	return false;
}

static uint64_t nodes_with_memory(const struct shadow *s)
{
	uint64_t nodes = 0;

	for (uint32_t node = 0; node < s->nr_nodes; node++)
		if (node_has_zone(s, node, ZONE_DMA, ZONE_MOVABLE))
			nodes |= UINT64_C(1) << node;
	return nodes;
}

void shadow_tasks_init(struct shadow *s)
{
	s->state->gfp_allowed_mask = UINT32_MAX;
	for (uint32_t cpu = 0; cpu < s->nr_cpus; cpu++)
		s->state->tasks[cpu] = (struct task){ .mode = POLICY_DEFAULT,
						      .il_prev = LB_NO_NODE,
						      .mems_allowed = nodes_with_memory(s) };
}

/* ---- Cpusets ---- */

/* The task's cpuset lies right under the root, which allows all: only a hard wall keeps it inside. */
bool shadow_cpuset_allows(const struct shadow *s, const struct zone *z, uint32_t gfp)
{
	if (!s->state->cpusets_on || s->call->level != LEVEL_TASK)
		return true;
	if (shadow_task(s)->mems_allowed >> z->node & 1)
		return true;
	return (s->call->scope & SCOPE_VICTIM) || !(gfp & GFP_HARDWALL);
}

void shadow_set_mems_allowed(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	uint64_t nodes = call->nodemask & nodes_with_memory(s);

	if (nodes == 0) {
		r->outcome = LB_REFUSED;
		r->reason = LB_BAD_RANGE;
		return;
	}
	s->state->cpusets_on = 1;
	s->state->tasks[call->cpu].mems_allowed = nodes;
	r->outcome = LB_DONE;
}

/* ---- Setting a policy ---- */

static enum lb_reason why_not(const struct shadow *s, const struct lb_call *call, unsigned int mode,
			      uint64_t nodes)
{
	if (call->level != LEVEL_TASK)
		return LB_BAD_CONTEXT;
	if (mode == POLICY_PREFERRED_MANY && is_5_10(s))
		return LB_NO_PROFILE;
	if (mode >= POLICY_COUNT)
		return LB_BAD_RANGE;
	if (mode == POLICY_DEFAULT || mode == POLICY_LOCAL)
		return LB_REASON_NONE;
	return nodes ? LB_REASON_NONE : LB_BAD_RANGE;
}

void shadow_set_mempolicy(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	struct task *task = &s->state->tasks[call->cpu];
	uint64_t nodes = call->nodemask & task->mems_allowed & nodes_with_memory(s);
	unsigned int mode = call->name;
	enum lb_reason reason;

	if (mode == POLICY_PREFERRED && call->nodemask == 0)
		mode = POLICY_LOCAL;
	reason = why_not(s, call, mode, nodes);
	if (reason != LB_REASON_NONE) {
		r->outcome = LB_REFUSED;
		r->reason = (uint8_t)reason;
		return;
	}
	task->mode = mode;
	task->nodes = mode == POLICY_DEFAULT || mode == POLICY_LOCAL ? 0 : nodes;
	if (mode == POLICY_INTERLEAVE)
		task->il_prev = LB_NO_NODE;
	r->outcome = LB_DONE;
}

/* ---- Following it ---- */

static uint32_t first_node(uint64_t nodes)
{
	uint32_t node = 0;

	assert(nodes);
	while (!(nodes >> node & 1))
		node++;
	return node;
}

static uint32_t next_node(uint64_t nodes, uint64_t previous)
{
	if (previous != LB_NO_NODE)
		for (uint32_t node = (uint32_t)previous + 1; node < MACHINE_MAX_NODES; node++)
			if (nodes >> node & 1)
				return node;
	return first_node(nodes);
}

/* The highest zone but Movable that any node has. */
static unsigned int policy_zone(const struct shadow *s)
{
	for (unsigned int index = ZONE_MOVABLE; index-- > 0;)
		for (uint32_t node = 0; node < s->nr_nodes; node++)
			if (node_has_zone(s, node, index, index))
				return index;
	return ZONE_DMA;
}

/* Requests for zones below the policy's are not bound; where the nodes have only Movable, no other is. */
static bool binds(const struct shadow *s, const struct task *task, uint32_t gfp)
{
	unsigned int least = ZONE_MOVABLE;

	if (!(task->nodes & task->mems_allowed))
		return false;
	for (uint32_t node = 0; node < s->nr_nodes; node++)
		if ((task->nodes >> node & 1) && node_has_zone(s, node, ZONE_DMA, ZONE_NORMAL))
			least = policy_zone(s);
	return shadow_gfp_zone(s, gfp) >= least;
}

/* The next node of the circle, whatever then comes of it. */
static void alloc_interleaved(struct shadow *s, struct wish *w, struct lb_result *r)
{
	struct task *task = &s->state->tasks[s->cpu];
	uint64_t il_prev = task->il_prev;

	w->node = next_node(task->nodes, il_prev);
	task->il_prev = w->node;
	shadow_alloc_pages(s, w, r);
	if (r->outcome == LB_REFUSED) /* which changes nothing */
		task->il_prev = il_prev;
	if (r->outcome == LB_BLOCK && zone_of(s, r->pfn)->node == w->node)
		shadow_count_interleave_hit(s, zone_of(s, r->pfn), s->cpu);
}

/* Its nodes without great effort, then any as usual. */
static void alloc_preferring_many(struct shadow *s, struct wish *w, struct lb_result *r)
{
	struct wish first = *w;

	first.gfp = (w->gfp | GFP_NOWARN) & ~(uint32_t)(GFP_DIRECT_RECLAIM | GFP_NOFAIL);
	first.nodemask = (uint32_t)shadow_task(s)->nodes;
	shadow_alloc_pages(s, &first, r);
	if (r->outcome == LB_BLOCK || r->outcome == LB_REFUSED)
		return;
	w->attempt = 2;
	shadow_alloc_pages(s, w, r);
}

void shadow_policy_alloc(struct shadow *s, uint32_t gfp, unsigned int order, struct lb_result *r)
{
	const struct task *task = shadow_task(s);
	struct wish w = {
		.gfp = gfp, .order = order, .node = s->machine.cpu_node[s->cpu], .attempt = 1
	};
	uint64_t mode = task->mode;

	if (s->call->level != LEVEL_TASK || (gfp & GFP_THISNODE))
		mode = POLICY_DEFAULT;
	switch (mode) {
	case POLICY_INTERLEAVE:
		alloc_interleaved(s, &w, r);
		return;
	case POLICY_PREFERRED_MANY:
		alloc_preferring_many(s, &w, r);
		return;
	case POLICY_PREFERRED:
		w.node = first_node(task->nodes);
		break;
	case POLICY_BIND:
		if (binds(s, task, gfp))
			w.nodemask = (uint32_t)task->nodes;
		break;
	default:
		break;
	}
	shadow_alloc_pages(s, &w, r);
}
