/*
 * Where a task's pages come from: its memory policy and its cpuset (facts 10, 3).
 *
 *   policy  --chooses-->  node to start from, nodemask  -->  __alloc_pages
 *   cpuset  --keeps out-> zones of nodes that are not in mems_allowed
 *
 * Each CPU runs one task. Code at softirq, interrupt and NMI level is nobody's task: it has the
 * default policy, and no cpuset keeps it out.
 */
#ifndef LB_MEMPOLICY_H
#define LB_MEMPOLICY_H

#include "lostbuddy/types.h"

enum mm_policy_mode {
	MPOL_DEFAULT,
	MPOL_PREFERRED,	 /* the first node of the mask, then any */
	MPOL_BIND,	 /* the nodes of the mask only */
	MPOL_INTERLEAVE, /* the next node of the mask each time */
	MPOL_LOCAL,
	MPOL_PREFERRED_MANY, /* the nodes of the mask, then any */
	NR_MPOL_MODES
};

struct mm_task {
	enum mm_policy_mode mode;
	int il_prev;	/* node of the last interleaved page; NUMA_NO_NODE: none yet */
	uint64_t nodes; /* of the policy; 0 for modes without */
	uint64_t mems_allowed;
};

enum mm_policy_error { MM_POLICY_OK, MM_POLICY_NO_NODE, MM_POLICY_NO_MODE };

/*
 * set_mempolicy - give the current task (mm_current's CPU) a policy.
 * @nodes: nodes it is about, bit by node; those that the cpuset does not allow, or that have no
 *         memory, are taken out. Without meaning for MPOL_DEFAULT and MPOL_LOCAL.
 * Returns MM_POLICY_NO_MODE iff the kernel version has no such mode, MM_POLICY_NO_NODE iff the mode
 * needs nodes and none is left; the policy is unchanged then. Context: task. Facts: 10.
 */
enum mm_policy_error set_mempolicy(enum mm_policy_mode mode, uint64_t nodes);

/*
 * cpuset_set_mems_allowed - the nodes that the current task's cpuset allows; those without memory
 * are taken out. Returns MM_POLICY_NO_NODE iff none is left. From the first call on, every request of
 * the machine looks at cpusets. Facts: 3, "cpuset".
 */
enum mm_policy_error cpuset_set_mems_allowed(uint64_t nodes);

#endif
