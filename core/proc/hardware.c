/* numactl --hardware: nodes with their CPUs and sizes, and the table of distances (facts 17). */
#include "proc/proc_internal.h"

enum { PAGES_A_MEGABYTE = (1 << 20) / PAGE_SIZE };

static void print_node(const struct mm_machine *m, unsigned int node, struct proc_text *text)
{
	proc_add(text, "node %u cpus:", node);
	for (unsigned int cpu = 0; cpu < m->nr_cpus; cpu++)
		if (m->cpu_node[cpu] == node)
			proc_add(text, " %u", cpu);
	proc_add(text, "\nnode %u size: %llu MB\n", node,
		 (unsigned long long)(proc_node_managed(m, node) / PAGES_A_MEGABYTE));
	proc_add(text, "node %u free: %llu MB\n", node,
		 (unsigned long long)(proc_node_free(m, node) / PAGES_A_MEGABYTE));
}

static void print_distances(const struct mm_machine *m, struct proc_text *text)
{
	proc_add(text, "node distances:\nnode ");
	for (unsigned int to = 0; to < m->nr_nodes; to++)
		if (mm_node_online(m, to))
			proc_add(text, "%3u ", to);
	for (unsigned int from = 0; from < m->nr_nodes; from++) {
		if (!mm_node_online(m, from))
			continue;
		proc_add(text, "\n%3u: ", from);
		for (unsigned int to = 0; to < m->nr_nodes; to++)
			if (mm_node_online(m, to))
				proc_add(text, "%3u ", m->config.distance[from][to]);
	}
	proc_add(text, "\n");
}

/* "0-1,3": runs of nodes that are there. */
static void print_online_nodes(const struct mm_machine *m, struct proc_text *text)
{
	const char *comma = "";

	for (unsigned int node = 0; node < m->nr_nodes; node++) {
		unsigned int first = node;

		if (!mm_node_online(m, node))
			continue;
		while (node + 1 < m->nr_nodes && mm_node_online(m, node + 1))
			node++;
		proc_add(text, "%s%u", comma, first);
		if (node > first)
			proc_add(text, "-%u", node);
		comma = ",";
	}
}

void proc_hardware(const struct mm_machine *m, struct proc_text *text)
{
	proc_add(text, "available: %u nodes (", mm_nr_online_nodes(m));
	print_online_nodes(m, text);
	proc_add(text, ")\n");
	for (unsigned int node = 0; node < m->nr_nodes; node++)
		if (mm_node_online(m, node))
			print_node(m, node, text);
	print_distances(m, text);
}
