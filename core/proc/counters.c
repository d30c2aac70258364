/*
 * Where the numbers of /proc come from: a row a name, in the kernel's order (6.1), with one small
 * function where the virtual machine counts the thing, and none where it does not.
 *
 * Not counted, though it could be: the limits of dirty pages (nr_dirty_threshold), since nobody
 * dirties pages here.
 */
#include "lostbuddy/vmstat.h"
#include "proc/proc_internal.h"

/* ---- sums ---- */

static uint64_t sum_of_node(const struct mm_machine *m, unsigned int node,
			    uint64_t (*value)(const struct zone *zone))
{
	uint64_t sum = 0;

	for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
		sum += value(mm_zone(m, node, type));
	return sum;
}

static uint64_t sum_of_machine(const struct mm_machine *m,
			       uint64_t (*value)(const struct zone *zone))
{
	uint64_t sum = 0;

	for (unsigned int node = 0; node < m->nr_nodes; node++)
		sum += sum_of_node(m, node, value);
	return sum;
}

static uint64_t zone_present(const struct zone *zone)
{
	return zone->present_pages;
}

static uint64_t zone_managed(const struct zone *zone)
{
	return zone->managed_pages;
}

static uint64_t zone_free(const struct zone *zone)
{
	return zone_free_pages(zone);
}

/* The largest reserve and the high mark, as far as the zone has so much. */
static uint64_t zone_reserve(const struct zone *zone)
{
	long reserve = 0;

	for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
		reserve = max_long(reserve, zone->lowmem_reserve[type]);
	return min_u64(zone->managed_pages, (uint64_t)reserve + wmark_pages(zone, WMARK_HIGH));
}

uint64_t proc_node_present(const struct mm_machine *m, unsigned int node)
{
	return sum_of_node(m, node, zone_present);
}

uint64_t proc_node_managed(const struct mm_machine *m, unsigned int node)
{
	return sum_of_node(m, node, zone_managed);
}

uint64_t proc_node_free(const struct mm_machine *m, unsigned int node)
{
	return sum_of_node(m, node, zone_free);
}

uint64_t proc_free_pages(const struct mm_machine *m)
{
	return sum_of_machine(m, zone_free);
}

uint64_t proc_total_pages(const struct mm_machine *m)
{
	return sum_of_machine(m, zone_managed);
}

uint64_t proc_total_reserve(const struct mm_machine *m)
{
	return sum_of_machine(m, zone_reserve);
}

uint64_t proc_zone_value(const struct zone_item *item, const struct zone *zone)
{
	return item->value ? item->value(zone) : 0;
}

uint64_t proc_node_value(const struct node_item *item, const struct pglist_data *pgdat)
{
	return item->value ? item->value(pgdat) : 0;
}

static uint64_t pages_freed(const struct mm_machine *m)
{
	return m->vmstat.pgfree;
}

/* ---- the tables ---- */

const struct zone_item proc_zone_items[] = {
	{ "nr_free_pages", zone_free },
	{ "nr_zone_inactive_anon", NULL },
	{ "nr_zone_active_anon", NULL },
	{ "nr_zone_inactive_file", NULL },
	{ "nr_zone_active_file", NULL },
	{ "nr_zone_unevictable", NULL },
	{ "nr_zone_write_pending", NULL },
	{ "nr_mlock", NULL },
	{ "nr_bounce", NULL },
	{ "nr_zspages", NULL },
	{ "nr_free_cma", NULL },
	{ NULL, NULL },
};

static uint64_t numa_hit(const struct zone *zone)
{
	return zone_numa_events(zone, NUMA_HIT);
}

static uint64_t numa_miss(const struct zone *zone)
{
	return zone_numa_events(zone, NUMA_MISS);
}

static uint64_t numa_foreign(const struct zone *zone)
{
	return zone_numa_events(zone, NUMA_FOREIGN);
}

static uint64_t numa_interleave(const struct zone *zone)
{
	return zone_numa_events(zone, NUMA_INTERLEAVE_HIT);
}

static uint64_t numa_local(const struct zone *zone)
{
	return zone_numa_events(zone, NUMA_LOCAL);
}

static uint64_t numa_other(const struct zone *zone)
{
	return zone_numa_events(zone, NUMA_OTHER);
}

const struct zone_item proc_numa_items[] = {
	{ "numa_hit", numa_hit },
	{ "numa_miss", numa_miss },
	{ "numa_foreign", numa_foreign },
	{ "numa_interleave", numa_interleave },
	{ "numa_local", numa_local },
	{ "numa_other", numa_other },
	{ NULL, NULL },
};

const struct node_item proc_node_items[] = {
	{ "nr_inactive_anon", NULL },
	{ "nr_active_anon", NULL },
	{ "nr_inactive_file", NULL },
	{ "nr_active_file", NULL },
	{ "nr_unevictable", NULL },
	{ "nr_slab_reclaimable", NULL },
	{ "nr_slab_unreclaimable", NULL },
	{ "nr_isolated_anon", NULL },
	{ "nr_isolated_file", NULL },
	{ "workingset_nodes", NULL },
	{ "workingset_refault_anon", NULL },
	{ "workingset_refault_file", NULL },
	{ "workingset_activate_anon", NULL },
	{ "workingset_activate_file", NULL },
	{ "workingset_restore_anon", NULL },
	{ "workingset_restore_file", NULL },
	{ "workingset_nodereclaim", NULL },
	{ "nr_anon_pages", NULL },
	{ "nr_mapped", NULL },
	{ "nr_file_pages", NULL },
	{ "nr_dirty", NULL },
	{ "nr_writeback", NULL },
	{ "nr_writeback_temp", NULL },
	{ "nr_shmem", NULL },
	{ "nr_shmem_hugepages", NULL },
	{ "nr_shmem_pmdmapped", NULL },
	{ "nr_file_hugepages", NULL },
	{ "nr_file_pmdmapped", NULL },
	{ "nr_anon_transparent_hugepages", NULL },
	{ "nr_vmscan_write", NULL },
	{ "nr_vmscan_immediate_reclaim", NULL },
	{ "nr_dirtied", NULL },
	{ "nr_written", NULL },
	{ "nr_throttled_written", NULL },
	{ "nr_kernel_misc_reclaimable", NULL },
	{ "nr_foll_pin_acquired", NULL },
	{ "nr_foll_pin_released", NULL },
	{ "nr_kernel_stack", NULL },
	{ "nr_page_table_pages", NULL },
	{ "nr_sec_page_table_pages", NULL },
	{ "nr_swapcached", NULL },
	{ "pgpromote_success", NULL },
	{ "pgpromote_candidate", NULL },
	{ NULL, NULL },
};

const struct event_item proc_event_items[] = {
	{ "nr_dirty_threshold", NULL },
	{ "nr_dirty_background_threshold", NULL },
	{ "pgpgin", NULL },
	{ "pgpgout", NULL },
	{ "pswpin", NULL },
	{ "pswpout", NULL },
	{ "pgalloc_dma", NULL },
	{ "pgalloc_dma32", NULL },
	{ "pgalloc_normal", NULL },
	{ "pgalloc_movable", NULL },
	{ "pgalloc_device", NULL },
	{ "allocstall_dma", NULL },
	{ "allocstall_dma32", NULL },
	{ "allocstall_normal", NULL },
	{ "allocstall_movable", NULL },
	{ "allocstall_device", NULL },
	{ "pgskip_dma", NULL },
	{ "pgskip_dma32", NULL },
	{ "pgskip_normal", NULL },
	{ "pgskip_movable", NULL },
	{ "pgskip_device", NULL },
	{ "pgfree", pages_freed },
	{ "pgactivate", NULL },
	{ "pgdeactivate", NULL },
	{ "pglazyfree", NULL },
	{ "pgfault", NULL },
	{ "pgmajfault", NULL },
	{ "pglazyfreed", NULL },
	{ "pgrefill", NULL },
	{ "pgreuse", NULL },
	{ "pgsteal_kswapd", NULL },
	{ "pgsteal_direct", NULL },
	{ "pgdemote_kswapd", NULL },
	{ "pgdemote_direct", NULL },
	{ "pgscan_kswapd", NULL },
	{ "pgscan_direct", NULL },
	{ "pgscan_direct_throttle", NULL },
	{ "pgscan_anon", NULL },
	{ "pgscan_file", NULL },
	{ "pgsteal_anon", NULL },
	{ "pgsteal_file", NULL },
	{ "zone_reclaim_failed", NULL },
	{ "pginodesteal", NULL },
	{ "slabs_scanned", NULL },
	{ "kswapd_inodesteal", NULL },
	{ "kswapd_low_wmark_hit_quickly", NULL },
	{ "kswapd_high_wmark_hit_quickly", NULL },
	{ "pageoutrun", NULL },
	{ "pgrotated", NULL },
	{ "drop_pagecache", NULL },
	{ "drop_slab", NULL },
	{ "oom_kill", NULL },
	{ "numa_pte_updates", NULL },
	{ "numa_huge_pte_updates", NULL },
	{ "numa_hint_faults", NULL },
	{ "numa_hint_faults_local", NULL },
	{ "numa_pages_migrated", NULL },
	{ "pgmigrate_success", NULL },
	{ "pgmigrate_fail", NULL },
	{ "thp_migration_success", NULL },
	{ "thp_migration_fail", NULL },
	{ "thp_migration_split", NULL },
	{ "compact_migrate_scanned", NULL },
	{ "compact_free_scanned", NULL },
	{ "compact_isolated", NULL },
	{ "compact_stall", NULL },
	{ "compact_fail", NULL },
	{ "compact_success", NULL },
	{ "compact_daemon_wake", NULL },
	{ "compact_daemon_migrate_scanned", NULL },
	{ "compact_daemon_free_scanned", NULL },
	{ "htlb_buddy_alloc_success", NULL },
	{ "htlb_buddy_alloc_fail", NULL },
	{ "unevictable_pgs_culled", NULL },
	{ "unevictable_pgs_scanned", NULL },
	{ "unevictable_pgs_rescued", NULL },
	{ "unevictable_pgs_mlocked", NULL },
	{ "unevictable_pgs_munlocked", NULL },
	{ "unevictable_pgs_cleared", NULL },
	{ "unevictable_pgs_stranded", NULL },
	{ "thp_fault_alloc", NULL },
	{ "thp_fault_fallback", NULL },
	{ "thp_fault_fallback_charge", NULL },
	{ "thp_collapse_alloc", NULL },
	{ "thp_collapse_alloc_failed", NULL },
	{ "thp_file_alloc", NULL },
	{ "thp_file_fallback", NULL },
	{ "thp_file_fallback_charge", NULL },
	{ "thp_file_mapped", NULL },
	{ "thp_split_page", NULL },
	{ "thp_split_page_failed", NULL },
	{ "thp_deferred_split_page", NULL },
	{ "thp_split_pmd", NULL },
	{ "thp_scan_exceed_none_pte", NULL },
	{ "thp_scan_exceed_swap_pte", NULL },
	{ "thp_scan_exceed_share_pte", NULL },
	{ "thp_split_pud", NULL },
	{ "thp_zero_page_alloc", NULL },
	{ "thp_zero_page_alloc_failed", NULL },
	{ "thp_swpout", NULL },
	{ "thp_swpout_fallback", NULL },
	{ "balloon_inflate", NULL },
	{ "balloon_deflate", NULL },
	{ "balloon_migrate", NULL },
	{ "swap_ra", NULL },
	{ "swap_ra_hit", NULL },
	{ "ksm_swpin_copy", NULL },
	{ "cow_ksm", NULL },
	{ "zswpin", NULL },
	{ "zswpout", NULL },
	{ "direct_map_level2_splits", NULL },
	{ "direct_map_level3_splits", NULL },
	{ "nr_unstable", NULL },
	{ NULL, NULL },
};
