/* /proc/buddyinfo: a line a populated zone, a column an order (facts 17). */
#include "proc/proc_internal.h"

void proc_buddyinfo(const struct mm_machine *m, struct proc_text *text)
{
	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++) {
			const struct zone *zone = mm_zone(m, node, type);

			if (!populated_zone(zone))
				continue;
			proc_add(text, "Node %u, zone %8s ", node, proc_zone_names[type]);
			for (unsigned int order = 0; order <= m->top_order; order++)
				proc_add(text, "%6llu ",
					 (unsigned long long)zone->free_area[order].nr_free);
			proc_add(text, "\n");
		}
}
