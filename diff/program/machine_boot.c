/*
 * The machine of a real kernel's boot, from what was captured of it (facts 2, 21).
 *
 *   DIR/dmesg	"Movable zone start for each node"	  Node 0: 0x0000000008400000
 *		"Early memory node ranges"	  node   0: [mem 0x0000000000001000-0x000000000009efff]
 *   DIR/cmdline	transparent_hugepage=never switches thp off
 *		"ACPI: SRAT: Node"	  Node 1 PXM 1 [mem 0x20000000-0x3fffffff] hotplug
 *   DIR/node/nodeN/distance, DIR/node/nodeN/cpulist
 *
 * "Early memory node ranges" are the memory map as the kernel finally used it: after its updates of
 * e820, trimmed to whole pages, with the nodes of the SRAT. The kernel is Debian's 6.1 (transparent
 * huge pages on, pageblock order 9, top order 10); what it reserves for itself, beside the first
 * MiB, memmap and percpu, is no part of a machine, unless the whole boot is asked for
 * (machine_boot_whole.c).
 */
#include <stdio.h>
#include <stdlib.h>

#include "program/internal.h"

enum {
	PC_DMA_END = 4096,
	PC_DMA32_END = 1048576, /* 16 MiB, 4 GiB */
	PC_SECTION = 32768,
	PAGE_BYTES = 4096,
};

struct boot {
	struct machine *m;
	const char *dir;
	struct text_error *error;
	struct machine_range hotplug[MACHINE_MAX_RANGES]; /* as the firmware says */
	uint32_t nr_hotplug;
};

char *boot_read_part(const char *dir, const char *name, size_t *size, struct text_error *error)
{
	char path[4096];

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path)) {
		error_set(error, "the name of the boot's folder is too long");
		return NULL;
	}
	return text_read_file(path, size, error);
}

/* Behind the time stamp `[    0.000000] `, if there is one. */
const char *boot_skip_stamp(const char *line)
{
	const char *close = *line == '[' ? strchr(line, ']') : NULL;

	return close && close[1] == ' ' ? close + 2 : line;
}

static bool node_of(const struct boot *b, unsigned long long node, unsigned int line)
{
	if (node < MACHINE_MAX_NODES)
		return true;
	error_set(b->error, "dmesg:%u: node %llu: a machine has at most %d nodes", line, node,
		  MACHINE_MAX_NODES);
	b->error->line = line;
	b->error->column = 1;
	return false;
}

static bool add_memory(const struct boot *b, unsigned long long node, unsigned long long first,
		       unsigned long long last, unsigned int line)
{
	struct machine *m = b->m;
	struct machine_range range = { .start = first / PAGE_BYTES,
				       .end = (last + 1) / PAGE_BYTES };

	if (!node_of(b, node, line))
		return false;
	if (m->nr_memory == MACHINE_MAX_RANGES)
		return error_set(b->error, "the boot log has more than %d memory ranges",
				 MACHINE_MAX_RANGES);
	range.node = (uint32_t)node;
	for (uint32_t i = 0; i < b->nr_hotplug; i++)
		if (range.start >= b->hotplug[i].start && range.start < b->hotplug[i].end)
			range.hotplug = 1;
	m->memory[m->nr_memory++] = range;
	m->max_pfn = range.end;
	return true;
}

/* The kernel's ranges of memory begin and end where being hot-pluggable does. */
static void add_hotplug(struct boot *b, unsigned long long first, unsigned long long last)
{
	if (b->nr_hotplug < MACHINE_MAX_RANGES)
		b->hotplug[b->nr_hotplug++] =
			(struct machine_range){ .start = first / PAGE_BYTES,
						.end = (last + 1) / PAGE_BYTES };
}

static bool is_hotplug_line(const char *line, unsigned long long *first, unsigned long long *last)
{
	unsigned int node, domain;
	int used = 0;

	return sscanf(line, "ACPI: SRAT: Node %u PXM %u [mem 0x%llx-0x%llx]%n", &node, &domain,
		      first, last, &used) == 4 &&
	       used > 0 && strstr(line + used, "hotplug");
}

/* The log's lines come in sections: a line that fits neither form ends the one we are in. */
static bool read_log_line(struct boot *b, const char *line, bool *movable, unsigned int number)
{
	unsigned long long node, first, last;

	if (strncmp(line, "Movable zone start for each node", 32) == 0)
		*movable = true;
	else if (*movable && sscanf(line, " Node %llu: 0x%llx", &node, &first) == 2) {
		if (!node_of(b, node, number))
			return false;
		b->m->movable_start[node] = first / PAGE_BYTES;
	} else if (sscanf(line, " node %llu: [mem 0x%llx-0x%llx]", &node, &first, &last) == 3)
		return add_memory(b, node, first, last, number);
	else if (is_hotplug_line(line, &first, &last))
		add_hotplug(b, first, last);
	else
		*movable = false;
	return true;
}

static bool read_log(struct boot *b)
{
	size_t size;
	char *text = boot_read_part(b->dir, "dmesg", &size, b->error);
	bool good = text != NULL, movable = false;
	unsigned int number = 1;

	for (char *line = text; good && line; number++) {
		char *next = strchr(line, '\n');

		if (next)
			*next++ = '\0';
		good = read_log_line(b, boot_skip_stamp(line), &movable, number);
		line = next;
	}
	free(text);
	if (good && b->m->nr_memory == 0)
		return error_set(b->error,
				 "%.180s/dmesg has no lines under `Early memory node ranges`",
				 b->dir);
	return good;
}

/* `0-3,8` */
static bool read_cpulist(const struct boot *b, const char *text, uint32_t node, uint64_t *seen)
{
	unsigned int first, last;
	int used;

	for (const char *at = text; sscanf(at, "%u%n", &first, &used) == 1;) {
		at += used;
		last = first;
		if (*at == '-' && sscanf(at + 1, "%u%n", &last, &used) == 1)
			at += 1 + used;
		if (last < first || last >= MACHINE_MAX_CPUS)
			return error_set(b->error,
					 "the cpulist of node %u has CPUs %u-%u: a machine has at "
					 "most %d CPUs",
					 node, first, last, MACHINE_MAX_CPUS);
		for (unsigned int cpu = first; cpu <= last; cpu++) {
			b->m->cpu_node[cpu] = (uint8_t)node;
			*seen |= UINT64_C(1) << cpu;
		}
		if (*at == ',')
			at++;
	}
	return true;
}

static bool read_distances(const struct boot *b, const char *text, uint32_t node, uint32_t *columns)
{
	unsigned int distance;
	int used;

	for (*columns = 0; sscanf(text, "%u%n", &distance, &used) == 1; text += used) {
		if (*columns == MACHINE_MAX_NODES || distance > 255)
			return error_set(b->error,
					 "the distances of node %u are no row of a distance table",
					 node);
		b->m->distance[node][(*columns)++] = (uint8_t)distance;
	}
	return true;
}

/* Nodes are numbered without holes: the first one without a folder ends them. */
static bool read_node(const struct boot *b, uint32_t node, bool *there, uint32_t *columns,
		      uint64_t *cpus)
{
	char name[64];
	size_t size;
	struct text_error missing;

	snprintf(name, sizeof(name), "node/node%u/distance", node);
	char *text = boot_read_part(b->dir, name, &size, node ? &missing : b->error);

	*there = text != NULL;
	if (!text)
		return node > 0;
	bool good = read_distances(b, text, node, columns);

	free(text);
	snprintf(name, sizeof(name), "node/node%u/cpulist", node);
	text = good ? boot_read_part(b->dir, name, &size, b->error) : NULL;
	good = text && read_cpulist(b, text, node, cpus);
	free(text);
	return good;
}

static bool read_nodes(const struct boot *b)
{
	uint32_t columns[MACHINE_MAX_NODES], nodes = 0, nr_cpus = 0;
	uint64_t cpus = 0;
	bool there = true;

	memset(b->m->distance, 0, sizeof(b->m->distance));
	memset(b->m->cpu_node, 0, sizeof(b->m->cpu_node));
	for (; nodes < MACHINE_MAX_NODES; nodes++) {
		if (!read_node(b, nodes, &there, &columns[nodes], &cpus))
			return false;
		if (!there)
			break;
	}
	for (uint32_t n = 0; n < nodes; n++)
		if (columns[n] != nodes)
			return error_set(b->error,
					 "node %u has %u distances, but there are %u nodes", n,
					 columns[n], nodes);
	while (nr_cpus < MACHINE_MAX_CPUS && cpus >> nr_cpus & 1)
		nr_cpus++;
	if (nr_cpus == 0 || (nr_cpus < MACHINE_MAX_CPUS && cpus >> nr_cpus != 0))
		return error_set(b->error,
				 "the CPUs in the cpulists are not numbered from 0 without holes");
	b->m->nr_nodes = nodes;
	b->m->nr_cpus = nr_cpus;
	return true;
}

static bool read_command_line(const struct boot *b)
{
	size_t size;
	char *text = boot_read_part(b->dir, "cmdline", &size, b->error);

	if (!text)
		return false;
	b->m->thp = strstr(text, "transparent_hugepage=never") == NULL;
	free(text);
	return true;
}

void machine_pc(struct machine *m)
{
	machine_default(m);
	m->pc = 1;
	m->top_order = 10;
	m->pageblock_order = 9;
	m->dma_end = PC_DMA_END;
	m->dma32_end = PC_DMA32_END;
	m->section_pages = PC_SECTION;
	m->percpu_unit_pages = MACHINE_PERCPU_REAL;
	m->nr_memory = 0;
	m->max_pfn = 0;
	memset(m->memory, 0, sizeof(m->memory));
}

bool machine_from_boot(struct machine *m, const char *dir, struct text_error *error)
{
	struct boot b = { .m = m, .dir = dir, .error = error };

	machine_pc(m);
	return read_log(&b) && read_nodes(&b) && read_command_line(&b) && machine_check(m, error);
}
