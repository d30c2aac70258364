/*
 * Which node a task's pages come from (facts 10), and which it may not use (facts 3, "cpuset").
 *
 *   mode            start            nodemask
 *   default, local  the CPU's node   none
 *   preferred       first of nodes   none
 *   bind            the CPU's node   nodes, for zones that policies govern
 *   interleave      next of nodes    none
 *   preferred_many  the CPU's node   nodes, without trying hard; then none
 *
 * Invariant T1: plain_tasks is true iff no task has a policy that chooses, cpusets are off and all bits
 * are allowed.
 */
#include "page/vmstat.h"

static uint64_t nodes_with_zones_below(const struct mm_machine *m, unsigned int limit)
{
	uint64_t nodes = 0;

	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int type = 0; type < limit; type++)
			if (populated_zone(mm_zone(m, node, type)))
				nodes |= UINT64_C(1) << node;
	return nodes;
}

static uint64_t nodes_with_memory(const struct mm_machine *m)
{
	return nodes_with_zones_below(m, MAX_NR_ZONES);
}

void mm_tasks_init(struct mm_machine *m)
{
	for (unsigned int cpu = 0; cpu < m->nr_cpus; cpu++)
		m->tasks[cpu] = (struct mm_task){ .mode = MPOL_DEFAULT,
						  .il_prev = NUMA_NO_NODE,
						  .mems_allowed = nodes_with_memory(m) };
	m->gfp_allowed_mask = ~(gfp_t)0;
	m->plain_tasks = true;
}

static bool task_is_plain(const struct mm_task *task)
{
	return task->mode == MPOL_DEFAULT || task->mode == MPOL_LOCAL;
}

static void update_plain_tasks(struct mm_machine *m)
{
	m->plain_tasks = !m->cpusets && m->gfp_allowed_mask == ~(gfp_t)0;
	for (unsigned int cpu = 0; cpu < m->nr_cpus; cpu++)
		m->plain_tasks &= task_is_plain(&m->tasks[cpu]);
	mm_update_plain(m);
}

/* ---- setting ---- */

enum mm_policy_error set_mempolicy(enum mm_policy_mode mode, uint64_t nodes)
{
	struct mm_machine *m = mm_current->machine;
	struct mm_task *task = &m->tasks[mm_current->cpu];
	uint64_t left = nodes & task->mems_allowed & nodes_with_memory(m);

	assert(mode < NR_MPOL_MODES);
	if (mode == MPOL_PREFERRED_MANY && !m->config.profile->has_preferred_many)
		return MM_POLICY_NO_MODE;
	if (mode == MPOL_PREFERRED && !nodes)
		mode = MPOL_LOCAL;
	if (mode == MPOL_DEFAULT || mode == MPOL_LOCAL)
		left = 0;
	else if (!left)
		return MM_POLICY_NO_NODE;
	if (mode == MPOL_INTERLEAVE)
		task->il_prev = NUMA_NO_NODE;
	task->mode = mode;
	task->nodes = left;
	update_plain_tasks(m);
	return MM_POLICY_OK;
}

enum mm_policy_error cpuset_set_mems_allowed(uint64_t nodes)
{
	struct mm_machine *m = mm_current->machine;

	nodes &= nodes_with_memory(m);
	if (!nodes)
		return MM_POLICY_NO_NODE;
	m->tasks[mm_current->cpu].mems_allowed = nodes;
	m->cpusets = true;
	update_plain_tasks(m);
	return MM_POLICY_OK;
}

void set_gfp_allowed_mask(gfp_t mask)
{
	mm_current->machine->gfp_allowed_mask = mask;
	update_plain_tasks(mm_current->machine);
}

/* ---- cpusets ---- */

bool cpuset_zone_allowed(const struct zone *zone, gfp_t gfp)
{
	const struct mm_machine *m = zone->machine;
	const struct mm_task *task = &m->tasks[mm_current->cpu];

	if (!m->cpusets || mm_current->level != MM_TASK)
		return true;
	if (task->mems_allowed >> zone->pgdat->node_id & 1)
		return true;
	if (mm_current->scope & MM_SCOPE_VICTIM)
		return true;
	/* the task's cpuset lies right under the root, which allows everything */
	if (!(gfp & __GFP_HARDWALL))
		return true;
	mm_emit(zone->machine, MM_EVENT_CPUSET, zone, 0, 0, 0, task->mems_allowed);
	return false;
}

/*
 * Cpusets are on: the request is HARDWALL, and looks at its task's nodes first, by mask where it has none
 * of its own.
 */
void heed_cpuset(const struct mm_machine *m, gfp_t *gfp, unsigned int *alloc_flags,
		 uint64_t *nodemask)
{
	*gfp |= __GFP_HARDWALL;
	if (mm_current->level == MM_TASK && !*nodemask)
		*nodemask = m->tasks[mm_current->cpu].mems_allowed;
	else
		*alloc_flags |= ALLOC_CPUSET;
}

/* ---- choosing ---- */

/* The highest zone but Movable that there is anywhere: requests below it are not bound. */
static unsigned int policy_zone(const struct mm_machine *m)
{
	for (unsigned int type = ZONE_MOVABLE; type-- > 0;)
		for (unsigned int node = 0; node < m->nr_nodes; node++)
			if (populated_zone(mm_zone(m, node, type)))
				return type;
	return 0;
}

static bool bind_applies(const struct mm_machine *m, const struct mm_task *task, gfp_t gfp)
{
	unsigned int zone = policy_zone(m);

	if (!(task->nodes & nodes_with_zones_below(m, ZONE_MOVABLE)))
		zone = ZONE_MOVABLE;
	return gfp_zone(m, gfp) >= zone && (task->nodes & task->mems_allowed);
}

static unsigned int next_node(uint64_t nodes, int previous)
{
	uint64_t behind = previous < 0 ? nodes : nodes & (UINT64_MAX << previous << 1);

	return (unsigned int)__builtin_ctzll(behind ? behind : nodes);
}

static struct page *alloc_interleaved(struct mm_machine *m, struct mm_task *task, gfp_t gfp,
				      unsigned int order)
{
	int previous = task->il_prev;
	unsigned int nid = next_node(task->nodes, previous);

	task->il_prev = (int)nid;
	mm_emit(m, MM_EVENT_INTERLEAVE, NULL, 0, order, 0, nid);
	struct page *page = alloc_pages_nodemask(gfp, order, nid, 0);

	/* what was refused was no turn */
	if (!page && mm_current->failure == MM_FAIL_TYPE)
		task->il_prev = previous;
	if (page && page_zone(m, page)->pgdat->node_id == (int)nid)
		count_numa_event(page_zone(m, page), NUMA_INTERLEAVE_HIT, 1);
	return page;
}

static struct page *alloc_preferring_many(struct mm_machine *m, const struct mm_task *task,
					  gfp_t gfp, unsigned int order, unsigned int nid)
{
	gfp_t lightly = (gfp | __GFP_NOWARN) & ~(__GFP_DIRECT_RECLAIM | __GFP_NOFAIL);

	mm_emit(m, MM_EVENT_PREFERRED_MANY, NULL, 0, order, 0, task->nodes);
	struct page *page = alloc_pages_nodemask(lightly, order, nid, task->nodes);

	return page ? page : alloc_pages_nodemask(gfp, order, nid, 0);
}

struct page *alloc_pages_by_policy(gfp_t gfp, unsigned int order)
{
	struct mm_machine *m = mm_current->machine;
	struct mm_task *task = &m->tasks[mm_current->cpu];
	unsigned int nid = m->cpu_node[mm_current->cpu];

	if (mm_current->level != MM_TASK || (gfp & __GFP_THISNODE))
		return alloc_pages_nodemask(gfp, order, nid, 0);
	switch (task->mode) {
	case MPOL_INTERLEAVE:
		return alloc_interleaved(m, task, gfp, order);
	case MPOL_PREFERRED_MANY:
		return alloc_preferring_many(m, task, gfp, order, nid);
	case MPOL_PREFERRED:
		nid = (unsigned int)__builtin_ctzll(task->nodes);
		return alloc_pages_nodemask(gfp, order, nid, 0);
	case MPOL_BIND:
		if (!bind_applies(m, task, gfp))
			break;
		mm_emit(m, MM_EVENT_BIND, NULL, 0, order, 0, task->nodes);
		return alloc_pages_nodemask(gfp, order, nid, task->nodes);
	default:
		break;
	}
	return alloc_pages_nodemask(gfp, order, nid, 0);
}
