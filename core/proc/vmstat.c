/* /proc/vmstat: sums over all zones and nodes, then events (names and order as in 6.1). */
#include "proc/proc_internal.h"

static void print(struct proc_text *text, const char *name, uint64_t value)
{
	proc_add(text, "%s %llu\n", name, (unsigned long long)value);
}

static void print_zone_items(const struct mm_machine *m, const struct zone_item *items,
			     struct proc_text *text)
{
	for (const struct zone_item *item = items; item->name; item++) {
		uint64_t sum = 0;

		for (unsigned int node = 0; node < m->nr_nodes; node++)
			for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
				sum += proc_zone_value(item, mm_zone(m, node, type));
		print(text, item->name, sum);
	}
}

void proc_vmstat(const struct mm_machine *m, struct proc_text *text)
{
	print_zone_items(m, proc_zone_items, text);
	print_zone_items(m, proc_numa_items, text);
	for (const struct node_item *item = proc_node_items; item->name; item++) {
		uint64_t sum = 0;

		for (unsigned int node = 0; node < m->nr_nodes; node++)
			sum += proc_node_value(item, &m->nodes[node]);
		print(text, item->name, sum);
	}
	for (const struct event_item *item = proc_event_items; item->name; item++)
		print(text, item->name, item->value ? item->value(m) : 0);
}
