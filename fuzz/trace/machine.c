/*
 * The machine of a recording, from the files that were captured beside it.
 *
 *   DIR/dmesg       "node   0: [mem 0x..-0x..]" (Early memory node ranges), "Movable zone start for
 *                   each node", "Linux version 6.1.0-..", "RAMDISK: [mem ..]",
 *                   "Freeing .. memory: 1152K", the command line
 *   DIR/zoneinfo    or zoneinfo.before: where zones begin, what they span, have and manage; CPUs
 *   DIR/node        as in a boot's folder (machine_from_boot_whole() reads it all then)
 *
 * With a log only: what the kernel kept for itself, beside the memory map, is not known, and free.
 * With zoneinfo only: a zone is one range, but for the hole below 1 MiB that every PC has. Neither
 * says which node a CPU is on: they are dealt out evenly.
 *
 * The image of the kernel is taken to lie at 16 MiB, where it is linked, as in
 * machine_boot_whole.c.
 */
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trace/internal.h"

enum {
	PAGE_BYTES = 4096,
	PAGE_KBYTES = 4,
	IMAGE_PFN = 4096,
	PC_LOW_END = 159, /* 640K less the BIOS's own page */
	PC_HIGH_START = 256,
};

static const char *const zone_words[MACHINE_NR_ZONES] = { "DMA", "DMA32", "Normal", "Movable" };

struct zone_info {
	uint64_t start, spanned, present, managed;
};

struct beside {
	struct machine *m;
	const char *dir;
	char *error;
	struct zone_info zones[MACHINE_MAX_NODES][MACHINE_NR_ZONES], *zone; /* the one being read */
	struct zone_info ignored;
	uint64_t initrd_start, initrd_end, initrd_freed, image_freed; /* pfn, pages */
	uint32_t nr_nodes, nr_cpus;
	bool has_zones, has_log, in_movable;
};

static char *read_beside(const struct beside *b, const char *name)
{
	char path[PATH_MAX], *text = NULL;
	size_t size = 0, n;
	FILE *in, *out;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", b->dir, name) >= sizeof(path))
		return NULL;
	in = fopen(path, "r");
	if (!in)
		return NULL;
	out = open_memstream(&text, &size);
	for (char chunk[4096]; out && (n = fread(chunk, 1, sizeof(chunk), in)) > 0;)
		fwrite(chunk, 1, n, out);
	fclose(in);
	if (out && fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* Calls @take for each line of a text; stops at the first false. */
static bool for_each_line(struct beside *b, char *text,
			  bool (*take)(struct beside *b, const char *line))
{
	bool good = true;

	for (char *line = text, *next; good && line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		good = take(b, line);
	}
	return good;
}

/* ---- zoneinfo ---- */

static struct zone_info *zone_named(struct beside *b, uint32_t node, const char *name)
{
	if (node >= MACHINE_MAX_NODES)
		return &b->ignored;
	if (node >= b->nr_nodes)
		b->nr_nodes = node + 1;
	for (unsigned int i = 0; i < MACHINE_NR_ZONES; i++)
		if (strcmp(name, zone_words[i]) == 0)
			return &b->zones[node][i];
	return &b->ignored;
}

static bool take_zone_line(struct beside *b, const char *line)
{
	uint64_t value;
	uint32_t node;
	char name[16];

	if (sscanf(line, "Node %" SCNu32 ", zone %15s", &node, name) == 2)
		b->zone = zone_named(b, node, name);
	else if (sscanf(line, " spanned %" SCNu64, &value) == 1)
		b->zone->spanned = value;
	else if (sscanf(line, " present %" SCNu64, &value) == 1)
		b->zone->present = value;
	else if (sscanf(line, " managed %" SCNu64, &value) == 1)
		b->zone->managed = value;
	else if (sscanf(line, " start_pfn: %" SCNu64, &value) == 1)
		b->zone->start = value;
	else if (sscanf(line, " cpu: %" SCNu64, &value) == 1 && value < MACHINE_MAX_CPUS &&
		 value >= b->nr_cpus)
		b->nr_cpus = (uint32_t)value + 1;
	b->has_zones |= b->zone->managed > 0;
	return true;
}

/* ---- the log ---- */

static const char *skip_stamp(const char *line)
{
	const char *close = *line == '[' ? strchr(line, ']') : NULL;

	return close && close[1] == ' ' ? close + 2 : line;
}

static bool add_memory(struct beside *b, uint64_t node, uint64_t start, uint64_t end)
{
	struct machine *m = b->m;

	if (node >= MACHINE_MAX_NODES || m->nr_memory == MACHINE_MAX_RANGES)
		return trace_error(b->error,
				   "%s: more nodes or ranges of memory than a machine has", b->dir);
	m->memory[m->nr_memory++] =
		(struct machine_range){ .start = start, .end = end, .node = (uint32_t)node };
	if (end > m->max_pfn)
		m->max_pfn = end;
	if (node >= b->nr_nodes)
		b->nr_nodes = (uint32_t)node + 1;
	return true;
}

static void take_command_line(struct beside *b, const char *line)
{
	if (strstr(line, "transparent_hugepage=never"))
		b->m->thp = 0;
}

static bool take_log_line(struct beside *b, const char *stamped)
{
	const char *line = skip_stamp(stamped), *size;
	uint64_t first, last, node, kbytes;
	uint32_t major, minor, cpus;

	if (sscanf(line, " node %" SCNu64 ": [mem 0x%" SCNx64 "-0x%" SCNx64 "]", &node, &first,
		   &last) == 3) {
		b->has_log = true;
		return add_memory(b, node, first / PAGE_BYTES, (last + 1) / PAGE_BYTES);
	}
	if (b->in_movable && sscanf(line, " Node %" SCNu64 ": 0x%" SCNx64, &node, &first) == 2 &&
	    node < MACHINE_MAX_NODES) {
		b->m->movable_start[node] = first / PAGE_BYTES;
		return true;
	}
	b->in_movable = strncmp(line, "Movable zone start", 18) == 0;
	if (sscanf(line, "Linux version %" SCNu32 ".%" SCNu32, &major, &minor) == 2)
		b->m->profile = major < 6 ? PROFILE_LINUX_5_10 : PROFILE_LINUX_6_1;
	else if (strncmp(line, "Command line:", 13) == 0)
		take_command_line(b, line);
	else if (sscanf(line, "smpboot: Allowing %" SCNu32 " CPUs", &cpus) == 1 && b->nr_cpus == 0)
		b->nr_cpus = cpus;
	else if (sscanf(line, "RAMDISK: [mem 0x%" SCNx64 "-0x%" SCNx64 "]", &first, &last) == 2) {
		b->initrd_start = first / PAGE_BYTES;
		b->initrd_end = (last + 1) / PAGE_BYTES;
	} else if (strncmp(line, "Freeing ", 8) == 0 && (size = strstr(line, " memory: ")) &&
		   sscanf(size, " memory: %" SCNu64 "K", &kbytes) == 1) {
		if (strncmp(line + 8, "initrd", 6) == 0)
			b->initrd_freed = b->initrd_end - b->initrd_start;
		else if (strncmp(line + 8, "unused", 6) == 0)
			b->image_freed += kbytes / PAGE_KBYTES;
	}
	return true;
}

/* ---- the machine ---- */

static void add_late(struct beside *b, uint64_t pfn, uint64_t pages)
{
	for (uint32_t node = 0; node < b->nr_nodes; node++)
		for (unsigned int i = 0; i < MACHINE_NR_ZONES; i++) {
			const struct zone_info *zone = &b->zones[node][i];

			if (pfn >= zone->start && pfn < zone->start + zone->spanned)
				b->m->late[node][i] += pages;
		}
}

/* What each zone manages in the end; what of it came too late for marks and reserves (facts 21). */
static void set_managed(struct beside *b)
{
	for (uint32_t node = 0; node < b->nr_nodes; node++)
		for (unsigned int i = 0; i < MACHINE_NR_ZONES; i++)
			b->m->managed[node][i] = b->zones[node][i].managed;
	if (b->initrd_freed)
		add_late(b, b->initrd_start, b->initrd_freed);
	if (b->image_freed)
		add_late(b, IMAGE_PFN, b->image_freed);
}

static bool add_zone_memory(struct beside *b, uint32_t node, const struct zone_info *zone)
{
	if (zone->present == 0)
		return true;
	if (zone->start >= PC_LOW_END || zone->present == zone->spanned)
		return add_memory(b, node, zone->start, zone->start + zone->present);
	return add_memory(b, node, zone->start, PC_LOW_END) &&
	       add_memory(b, node, PC_HIGH_START, zone->start + zone->spanned);
}

static bool memory_from_zones(struct beside *b)
{
	for (uint32_t node = 0; node < b->nr_nodes; node++)
		for (unsigned int i = 0; i < MACHINE_NR_ZONES; i++)
			if (!add_zone_memory(b, node, &b->zones[node][i]))
				return false;
	return true;
}

static void set_nodes(struct beside *b)
{
	struct machine *m = b->m;

	m->nr_nodes = b->nr_nodes;
	m->nr_cpus = b->nr_cpus ? b->nr_cpus : 1;
	machine_default_nodes(m);
}

static bool assemble(struct beside *b, char *log, char *zones)
{
	struct text_error why;

	machine_pc(b->m);
	b->m->thp = 1;
	if (zones)
		for_each_line(b, zones, take_zone_line);
	if (log && !for_each_line(b, log, take_log_line))
		return false;
	if (!b->has_log && !b->has_zones)
		return trace_error(b->error,
				   "%s: neither dmesg nor zoneinfo says what memory there is",
				   b->dir);
	if (b->has_zones && b->has_log)
		set_managed(b);
	else if (b->has_zones && !memory_from_zones(b))
		return false;
	set_nodes(b);
	return machine_check(b->m, &why) ||
	       trace_error(b->error, "%s: what dmesg and zoneinfo say makes no machine: %s", b->dir,
			   why.what);
}

static bool whole_boot(struct machine *m, const char *dir, char error[TRACE_ERROR_SIZE])
{
	struct text_error why;

	return machine_from_boot_whole(m, dir, &why) || trace_error(error, "%s", why.what);
}

static bool has_nodes(const char *dir)
{
	char path[PATH_MAX];

	return (size_t)snprintf(path, sizeof(path), "%s/node", dir) < sizeof(path) &&
	       access(path, F_OK) == 0;
}

bool trace_machine_beside(struct machine *m, const char *path, bool *found,
			  char error[TRACE_ERROR_SIZE])
{
	char copy[PATH_MAX];

	*found = false;
	if (strcmp(path, "-") == 0 ||
	    (size_t)snprintf(copy, sizeof(copy), "%s", path) >= sizeof(copy))
		return true;
	struct beside b = { .m = m, .dir = dirname(copy), .error = error };

	b.zone = &b.ignored;
	if (has_nodes(b.dir)) {
		*found = true;
		return whole_boot(m, b.dir, error);
	}
	char *log = read_beside(&b, "dmesg"), *zones = read_beside(&b, "zoneinfo.before");
	bool good = true;

	if (!zones)
		zones = read_beside(&b, "zoneinfo");
	*found = log || zones;
	if (*found)
		good = assemble(&b, log, zones);
	free(log);
	free(zones);
	return good;
}
