/*
 * /proc/zoneinfo: every zone of every node, the unpopulated ones in short (facts 17).
 *
 *   Node 0, zone   Normal
 *     per-node stats           the first populated zone of a node only
 *     pages free     94440     then boost, marks with boost, sizes, protection
 *         nr_free_pages ...    populated zones only, from here on
 *     pagesets                 one of each CPU
 *     start_pfn:     33792
 */
#include "lostbuddy/vmstat.h"
#include "proc/proc_internal.h"

static bool first_of_node(const struct zone *zone)
{
	for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
		if (populated_zone(&zone->pgdat->zones[type]))
			return type == zone->type;
	return false;
}

static void print_item(struct proc_text *text, const char *name, uint64_t value)
{
	proc_add(text, "\n      %-12s %llu", name, (unsigned long long)value);
}

static void print_node_stats(const struct zone *zone, struct proc_text *text)
{
	proc_add(text, "\n  per-node stats");
	for (const struct node_item *item = proc_node_items; item->name; item++)
		print_item(text, item->name, proc_node_value(item, zone->pgdat));
}

static void print_size(struct proc_text *text, const char *name, uint64_t pages)
{
	proc_add(text, "\n        %-9s%llu", name, (unsigned long long)pages);
}

/* Device is above all zones, and has nothing: what is kept from Movable is kept from it. */
static long reserve_from_device(const struct zone *zone)
{
	return zone->lowmem_reserve[ZONE_MOVABLE];
}

static void print_sizes(const struct zone *zone, struct proc_text *text)
{
	proc_add(text, "\n  pages free     %lu", zone_free_pages(zone));
	print_size(text, "boost", zone->watermark_boost);
	print_size(text, "min", wmark_pages(zone, WMARK_MIN));
	print_size(text, "low", wmark_pages(zone, WMARK_LOW));
	print_size(text, "high", wmark_pages(zone, WMARK_HIGH));
	print_size(text, "spanned", zone->spanned_pages);
	print_size(text, "present", zone->present_pages);
	print_size(text, "managed", zone->managed_pages);
	print_size(text, "cma", 0);
	proc_add(text, "\n        protection: (");
	for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
		proc_add(text, "%ld, ", zone->lowmem_reserve[type]);
	proc_add(text, "%ld)", reserve_from_device(zone));
}

static void print_pagesets(const struct mm_machine *m, const struct zone *zone,
			   struct proc_text *text)
{
	proc_add(text, "\n  pagesets");
	for (unsigned int cpu = 0; cpu < m->nr_cpus; cpu++) {
		const struct per_cpu_pages *pcp = &zone->pageset[cpu];

		proc_add(text, "\n    cpu: %u", cpu);
		proc_add(text, "\n              count: %d", pcp->count);
		proc_add(text, "\n              high:  %d", pcp->high);
		proc_add(text, "\n              batch: %d", pcp->batch);
		proc_add(text, "\n  vm stats threshold: %d", zone->stat_threshold);
	}
	proc_add(text, "\n  node_unreclaimable:  %u", 0u); /* counts failures of reclaim: a hook */
	proc_add(text, "\n  start_pfn:           %llu", (unsigned long long)zone->zone_start_pfn);
}

static void print_zone(const struct mm_machine *m, const struct zone *zone, struct proc_text *text)
{
	proc_add(text, "Node %d, zone %8s", zone->pgdat->node_id, proc_zone_names[zone->type]);
	if (first_of_node(zone))
		print_node_stats(zone, text);
	print_sizes(zone, text);
	if (populated_zone(zone)) {
		for (const struct zone_item *item = proc_zone_items; item->name; item++)
			print_item(text, item->name, proc_zone_value(item, zone));
		for (const struct zone_item *item = proc_numa_items; item->name; item++)
			print_item(text, item->name, proc_zone_value(item, zone));
		print_pagesets(m, zone, text);
	}
	proc_add(text, "\n");
}

static void print_device(unsigned int node, struct proc_text *text)
{
	static const struct zone nothing;

	proc_add(text, "Node %u, zone %8s", node, proc_zone_names[MAX_NR_ZONES]);
	print_sizes(&nothing, text);
	proc_add(text, "\n");
}

void proc_zoneinfo(const struct mm_machine *m, struct proc_text *text)
{
	for (unsigned int node = 0; node < m->nr_nodes; node++) {
		if (!mm_node_online(m, node))
			continue;
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
			print_zone(m, mm_zone(m, node, type), text);
		print_device(node, text);
	}
}
