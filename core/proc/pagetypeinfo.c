/*
 * /proc/pagetypeinfo: for each node with memory the lengths of its free lists by type and order,
 * then how many pageblocks have each type (facts 17).
 */
#include "proc/proc_internal.h"

/* The kernel stops counting a list here, and says so with a `>`. */
enum { COUNT_MOST = 100000 };

static unsigned long list_length(const struct list_head *head, bool *more)
{
	unsigned long length = 0;

	for (const struct list_head *at = head->next; at != head; at = at->next)
		if (++length >= COUNT_MOST) {
			*more = true;
			break;
		}
	return length;
}

static void print_free_counts(const struct mm_machine *m, const struct zone *zone,
			      struct proc_text *text)
{
	for (unsigned int type = 0; type < MIGRATE_TYPES; type++) {
		proc_add(text, "Node %4d, zone %8s, type %12s ", zone->pgdat->node_id,
			 proc_zone_names[zone->type], proc_type_names[type]);
		for (unsigned int order = 0; order <= m->top_order; order++) {
			bool more = false;
			unsigned long length =
				list_length(&zone->free_area[order].free_list[type], &more);

			proc_add(text, "%s%6lu ", more ? ">" : "", length);
		}
		proc_add(text, "\n");
	}
}

/* Memory of this zone: a span may hold holes, and memory of other nodes. */
static bool zone_has_frame(const struct mm_machine *m, const struct zone *zone, pfn_t pfn)
{
	for (unsigned int i = 0; i < m->config.nr_memory; i++) {
		const struct mm_range *memory = &m->config.memory[i];

		if (pfn >= memory->start && pfn < memory->end)
			return memory->node == zone->pgdat->node_id;
	}
	return false;
}

/* In steps of a pageblock from the zone's first frame, aligned or not. */
static void print_block_counts(const struct mm_machine *m, const struct zone *zone,
			       struct proc_text *text)
{
	unsigned long counts[MIGRATE_TYPES] = { 0 };
	pfn_t step = UINT64_C(1) << m->pageblock_order;

	for (pfn_t pfn = zone->zone_start_pfn; pfn < zone_end_pfn(zone); pfn += step)
		if (zone_has_frame(m, zone, pfn))
			counts[m->pageblock_type[pfn >> m->pageblock_order]]++;
	proc_add(text, "Node %d, zone %8s ", zone->pgdat->node_id, proc_zone_names[zone->type]);
	for (unsigned int type = 0; type < MIGRATE_TYPES; type++)
		proc_add(text, "%12lu ", counts[type]);
	proc_add(text, "\n");
}

static void for_populated_zones(const struct mm_machine *m, unsigned int node,
				struct proc_text *text,
				void (*print)(const struct mm_machine *m, const struct zone *zone,
					      struct proc_text *text))
{
	for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
		if (populated_zone(mm_zone(m, node, type)))
			print(m, mm_zone(m, node, type), text);
}

static void print_node(const struct mm_machine *m, unsigned int node, struct proc_text *text)
{
	proc_add(text, "Page block order: %u\n", m->pageblock_order);
	proc_add(text, "Pages per block:  %lu\n\n", 1ul << m->pageblock_order);
	proc_add(text, "%-43s ", "Free pages count per migrate type at order");
	for (unsigned int order = 0; order <= m->top_order; order++)
		proc_add(text, "%6u ", order);
	proc_add(text, "\n");
	for_populated_zones(m, node, text, print_free_counts);
	proc_add(text, "\n%-23s", "Number of blocks type ");
	for (unsigned int type = 0; type < MIGRATE_TYPES; type++)
		proc_add(text, "%12s ", proc_type_names[type]);
	proc_add(text, "\n");
	for_populated_zones(m, node, text, print_block_counts);
}

void proc_pagetypeinfo(const struct mm_machine *m, struct proc_text *text)
{
	for (unsigned int node = 0; node < m->nr_nodes; node++)
		if (proc_node_present(m, node))
			print_node(m, node, text);
}
