/* Kernel versions, as data. A new one is a new table, not an #ifdef. */
#include "page/page_internal.h"

const struct mm_profile mm_profile_linux_6_1 = {
	.name = "linux-6.1",
	.lists_of_absent_nodes = true,
	.reserve_flags = ALLOC_NON_BLOCK | ALLOC_MIN_RESERVE | ALLOC_HIGHATOMIC | ALLOC_OOM,
	.last_resort_flags = ALLOC_NON_BLOCK | ALLOC_OOM,
	.pcp_max_order = PAGE_ALLOC_COSTLY_ORDER,
	.pcp_has_thp_lists = true,
	.pcp_high_of_low_mark = true,
	.pcp_trims_grow = true,
	.pcp_free_factor_cap = 5,
	.has_bulk = true,
	.has_preferred_many = true,
	.has_put_back = true,
	.unisolate_needs_free_buddy = true,
	.scope_at_entry = true,
	.reserves_keep_kswapd = true,
	.costly_retry_needs_compact = true,
	.free_counts_as_reclaimable = true,
	.unreserves_when_hopeless = true,
};

const struct mm_profile mm_profile_linux_5_10 = {
	.name = "linux-5.10",
	.node_load_is_rank = true,
	.has_alloc_harder = true,
	.reserve_flags = ALLOC_HARDER | ALLOC_OOM,
	.last_resort_flags = 0,
	.merges_unlike_types = true,
	.bad_blocks_stay_counted = true,
	.nofragment_limits_all = true,
	.pcp_max_order = 0,
	.pcp_lists_take_turns = true,
	.pcp_drains_at_once = true,
	.exact_splits = true,
	.numa_events_start_turns = true,
};
