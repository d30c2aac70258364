/*
 * Targets that lack something each: WRONG_ABI, NO_ALLOC, NO_FREE, NO_EXEC. Nothing of them is ever
 * run.
 */
#include "target/target.h"

#define ALLOC (UINT64_C(1) << OP_ALLOC_PAGES)
#define FREE (UINT64_C(1) << OP_FREE_PAGES)

static void *create(const struct machine *machine, char *error)
{
	(void)machine;
	(void)error;
	return NULL;
}

static void destroy(void *instance)
{
	(void)instance;
}

__attribute__((unused)) static void exec(void *instance, const struct lb_call *call,
					 struct lb_result *result)
{
	(void)instance;
	(void)call;
	(void)result;
}

extern const struct lb_target lostbuddy_target;
const struct lb_target lostbuddy_target = {
#ifdef WRONG_ABI
	.abi = LB_TARGET_ABI + 1,
#else
	.abi = LB_TARGET_ABI,
#endif
	.name = "wrong",
	.create = create,
	.destroy = destroy,
#if defined(NO_ALLOC)
	.capabilities = FREE,
#elif defined(NO_FREE)
	.capabilities = ALLOC,
#elif defined(NO_RESULTS)
	.capabilities = ALLOC | FREE | UINT64_C(1) << OP_ALLOC_PAGES_BULK,
#else
	.capabilities = ALLOC | FREE,
#endif
#ifdef NO_EXEC
	.exec = NULL,
#else
	.exec = exec,
#endif
};
