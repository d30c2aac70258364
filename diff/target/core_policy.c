/* Policies and cpusets of the core's tasks, as calls. */
#include "target/core_exec.h"

/* Always allowed: what a handle of the language means depends on them. */
#define ALWAYS_ALLOWED (__GFP_ZERO | __GFP_COMP)

static void answer(struct lb_result *r, enum mm_policy_error error)
{
	if (error == MM_POLICY_NO_MODE)
		refuse(r, LB_NO_PROFILE);
	else if (error == MM_POLICY_NO_NODE)
		refuse(r, LB_BAD_RANGE);
}

void exec_policy(struct core_instance *t, const struct lb_call *call, struct lb_result *r)
{
	_Static_assert((int)POLICY_COUNT == (int)NR_MPOL_MODES &&
			       (int)POLICY_PREFERRED_MANY == (int)MPOL_PREFERRED_MANY,
		       "modes are numbered alike");
	(void)t;
	switch (call->op) {
	case OP_SET_MEMPOLICY:
		if (call->level != LEVEL_TASK)
			refuse(r, LB_BAD_CONTEXT);
		else
			answer(r, set_mempolicy((enum mm_policy_mode)call->name, call->nodemask));
		break;
	case OP_SET_MEMS_ALLOWED:
		answer(r, cpuset_set_mems_allowed(call->nodemask));
		break;
	default:
		assert(call->op == OP_SET_GFP_ALLOWED_MASK);
		set_gfp_allowed_mask(call->gfp | ALWAYS_ALLOWED);
	}
}
