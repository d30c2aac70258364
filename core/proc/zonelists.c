/*
 * What the boot log says of zonelists: the nodes each node falls back to, the lists of each zone
 * (as with mminit_loglevel=4), and how much they reach.
 *
 *   Fallback order for Node 0: 0 1
 *   mminit::zonelist general 0:DMA32 = 0:DMA32 0:DMA 1:DMA32
 *   Built 2 zonelists, mobility grouping on.  Total pages: 257757
 */
#include "proc/proc_internal.h"

/* The node itself comes first, with memory or without; then each node whose zones follow. */
static void print_fallback_order(const struct pglist_data *pgdat, struct proc_text *text)
{
	const struct zoneref *ref = pgdat->zonelists[ZONELIST_FALLBACK].zonerefs;
	int last = pgdat->node_id;

	proc_add(text, "Fallback order for Node %d: %d ", last, last);
	for (; ref->zone; ref++)
		if (ref->zone->pgdat->node_id != last) {
			last = ref->zone->pgdat->node_id;
			proc_add(text, "%d ", last);
		}
	proc_add(text, "\n");
}

static void print_zonelist(const struct zone *zone, enum zonelist_kind kind, struct proc_text *text)
{
	static const char *const names[MAX_ZONELISTS] = { "general", "thisnode" };

	proc_add(text, "mminit::zonelist %s %d:%s = ", names[kind], zone->pgdat->node_id,
		 proc_zone_names[zone->type]);
	for (const struct zoneref *ref = zone->pgdat->zonelists[kind].zonerefs; ref->zone; ref++)
		if (ref->zone_idx <= zone->type)
			proc_add(text, "%d:%s ", ref->zone->pgdat->node_id,
				 proc_zone_names[ref->zone_idx]);
	proc_add(text, "\n");
}

static void print_zonelists(const struct mm_machine *m, unsigned int node, struct proc_text *text)
{
	for (unsigned int kind = 0; kind < MAX_ZONELISTS; kind++)
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
			if (populated_zone(mm_zone(m, node, type)))
				print_zonelist(mm_zone(m, node, type), (enum zonelist_kind)kind,
					       text);
}

void proc_zonelists(const struct mm_machine *m, struct proc_text *text)
{
	/* of all nodes that lists were built for, there or not */
	for (unsigned int node = 0; node < m->nr_nodes; node++)
		if (mm_node_online(m, node) || m->config.profile->lists_of_absent_nodes)
			print_fallback_order(&m->nodes[node], text);
	for (unsigned int node = 0; node < m->nr_nodes; node++)
		print_zonelists(m, node, text);
	proc_add(text, "Built %u zonelists, mobility grouping %s.  Total pages: %llu\n",
		 mm_nr_online_nodes(m), m->grouping_disabled ? "off" : "on",
		 (unsigned long long)m->nr_kernel_pages);
}
