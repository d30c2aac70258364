/* The table of broken targets: broken.def made into one lb_target a row. */
#include "target/broken/broken.h"
#include "target/builtin.h"

#include <assert.h>
#include <string.h>

#define BIT(op) (UINT64_C(1) << (op))

/* What the small buddy carries out: whole blocks, and misuse that it can tell. */
#define BUDDY_CAPABILITIES                                                                         \
	(BIT(OP_ALLOC_PAGES) | BIT(OP_ALLOC_PAGE) | BIT(OP_GET_FREE_PAGES) |                       \
	 BIT(OP_GET_FREE_PAGE) | BIT(OP_GET_ZEROED_PAGE) | BIT(OP_FREE_PAGES_STRUCT) |             \
	 BIT(OP_FREE_PAGES) | BIT(OP_FREE_TAIL) | BIT(OP_DOUBLE_FREE) | BIT(OP_FREE_PFN))
#define BUDDY_FLAGS (LB_TARGET_BUDDY | LB_TARGET_EAGER_MERGE | LB_TARGET_MISUSE)

/* A liar claims all that the reference allocator does; the test compares both. */
#define LIAR_CAPABILITIES CORE_CAPABILITIES
#define LIAR_FLAGS                                                                                 \
	(LB_TARGET_BUDDY | LB_TARGET_LINUX | LB_TARGET_CACHES | LB_TARGET_MISUSE |                 \
	 LB_TARGET_TRUSTED)

#define BROKEN(FAULT, name, trusted, sentence)                                                     \
	static void *create_fault_##FAULT(const struct machine *machine, char *error)              \
	{                                                                                          \
		return buddy_create(machine, FAULT_##FAULT, error);                                \
	}
#define LIAR(LIE, name, sentence)                                                                  \
	static void *create_lie_##LIE(const struct machine *machine, char *error)                  \
	{                                                                                          \
		return liar_create(machine, LIE_##LIE, error);                                     \
	}
#include "target/broken/broken.def"
#undef BROKEN
#undef LIAR

static const struct {
	struct lb_target target;
	const char *sentence;
} family[] = {
#define BROKEN(FAULT, name_, trusted, sentence_)                                                   \
	{ { .abi = LB_TARGET_ABI,                                                                  \
	    .flags = BUDDY_FLAGS | (trusted),                                                      \
	    .name = "broken:" name_,                                                               \
	    .capabilities = BUDDY_CAPABILITIES,                                                    \
	    .create = create_fault_##FAULT,                                                        \
	    .destroy = buddy_destroy,                                                              \
	    .exec = buddy_exec,                                                                    \
	    .reset = buddy_reset,                                                                  \
	    .memory = buddy_memory },                                                              \
	  sentence_ },
#define LIAR(LIE, name_, sentence_)                                                                \
	{ { .abi = LB_TARGET_ABI,                                                                  \
	    .flags = LIAR_FLAGS,                                                                   \
	    .name = "broken:" name_,                                                               \
	    .capabilities = LIAR_CAPABILITIES,                                                     \
	    .create = create_lie_##LIE,                                                            \
	    .destroy = liar_destroy,                                                               \
	    .exec = liar_exec,                                                                     \
	    .reset = liar_reset,                                                                   \
	    .export_state = liar_export_state,                                                     \
	    .memory = liar_memory,                                                                 \
	    .results = liar_results },                                                             \
	  sentence_ },
#include "target/broken/broken.def"
#undef BROKEN
#undef LIAR
};

enum { FAMILY_COUNT = sizeof(family) / sizeof(family[0]) };
static_assert(FAMILY_COUNT == (int)FAULT_COUNT + (int)LIE_COUNT, "one target a row");

const struct lb_target *broken_target(unsigned int number, const char **sentence)
{
	if (number >= FAMILY_COUNT)
		return NULL;
	if (sentence)
		*sentence = family[number].sentence;
	return &family[number].target;
}

const struct lb_target *broken_find(const char *name)
{
	assert(name);
	for (unsigned int i = 0; i < FAMILY_COUNT; i++)
		if (strcmp(family[i].target.name + strlen("broken:"), name) == 0)
			return &family[i].target;
	return NULL;
}
