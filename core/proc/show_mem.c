/*
 * The lines of free blocks that a kernel prints when it is out of memory (facts 17): for each order
 * the number of blocks, and behind it a letter for each type that has any.
 *
 *   Node 0 DMA: 0*4kB 0*8kB 0*16kB 1*32kB (U) ... 3*4096kB (M) = 15232kB
 */
#include "proc/proc_internal.h"

static void print_types(const struct free_area *area, struct proc_text *text)
{
	char letters[MIGRATE_TYPES + 1], *at = letters;

	for (unsigned int type = 0; type < MIGRATE_TYPES; type++)
		if (!list_empty(&area->free_list[type]))
			*at++ = proc_type_letters[type];
	*at = 0;
	proc_add(text, "(%s) ", letters);
}

static void print_zone(const struct mm_machine *m, const struct zone *zone, struct proc_text *text)
{
	unsigned long long kbytes = 0;

	proc_add(text, "Node %d %s: ", zone->pgdat->node_id, proc_zone_names[zone->type]);
	for (unsigned int order = 0; order <= m->top_order; order++) {
		const struct free_area *area = &zone->free_area[order];
		unsigned long block = (unsigned long)KBYTES_A_PAGE << order;

		proc_add(text, "%llu*%lukB ", (unsigned long long)area->nr_free, block);
		if (area->nr_free)
			print_types(area, text);
		kbytes += area->nr_free * block;
	}
	proc_add(text, "= %llukB\n", kbytes);
}

void proc_show_mem(const struct mm_machine *m, struct proc_text *text)
{
	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
			if (populated_zone(mm_zone(m, node, type)))
				print_zone(m, mm_zone(m, node, type), text);
}
