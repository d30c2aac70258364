/* Kernel versions, as data. A new one is a new table, not an #ifdef. */
#include "lostbuddy/machine.h"

const struct mm_profile mm_profile_linux_6_1 = {
	.name = "linux-6.1",
	.pcp_max_order = PAGE_ALLOC_COSTLY_ORDER,
	.pcp_has_thp_lists = true,
	.pcp_free_factor_cap = 5,
	.has_bulk = true,
	.has_preferred_many = true,
	.has_put_back = true,
	.unisolate_needs_free_buddy = true,
	.node_load_unit = MAX_NUMNODES,
};
