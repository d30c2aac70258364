/*
 * The whole of a real kernel's boot: what machine_boot.c reads off the log as given is to be derived
 * again, from what the kernel derived it from (facts 2, 21).
 *
 *   DIR/cmdline	kernelcore=256M movablecore=25% movable_node
 *   DIR/zoneinfo	"managed" of each zone: all but what the kernel keeps for itself
 *   DIR/dmesg	RAMDISK: [mem 0x3feb0000-0x3ffcffff]
 *		Freeing initrd memory: 1152K
 *		Freeing unused kernel image (initmem) memory: 2824K
 *
 * Marks and reserves are computed before initrd, init code and the gaps of the image are given back,
 * and never again: those pages are the late ones. The image lies at 16 MiB, where it is linked;
 * with nokaslr it stays there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "program/internal.h"

enum {
	PAGE_BYTES = 4096,
	PAGE_KBYTES = 4,
	IMAGE_PFN = 4096, /* 16 MiB */
};

struct zone_line {
	uint64_t start, spanned, managed;
};

struct whole {
	struct machine *m;
	const char *dir;
	struct text_error *error;
	struct zone_line zones[MACHINE_MAX_NODES][MACHINE_NR_ZONES];
	uint64_t initrd_start, initrd_end; /* pfn; equal: none */
};

static const char *const zone_names[MACHINE_NR_ZONES] = { "DMA", "DMA32", "Normal", "Movable" };

/* Calls @take for each line of a text, which it cuts into lines; stops at the first false. */
static bool for_each_line(struct whole *w, char *text, bool (*take)(struct whole *w, char *line))
{
	for (char *line = text; line;) {
		char *next = strchr(line, '\n');

		if (next)
			*next++ = '\0';
		if (!take(w, line))
			return false;
		line = next;
	}
	return true;
}

static bool for_each_line_of(struct whole *w, const char *name,
			     bool (*take)(struct whole *w, char *line))
{
	size_t size;
	char *text = boot_read_part(w->dir, name, &size, w->error);
	bool good = text && for_each_line(w, text, take);

	free(text);
	return good;
}

/* ---- zoneinfo ---- */

static bool read_zoneinfo(struct whole *w)
{
	size_t size;
	char *text = boot_read_part(w->dir, "zoneinfo", &size, w->error), name[16];
	struct zone_line ignored, *zone = &ignored;
	unsigned int node, zones = 0;

	for (char *line = text, *next; line; line = next) {
		uint64_t value;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (sscanf(line, "Node %u, zone %15s", &node, name) == 2) {
			zone = &ignored;
			for (unsigned int i = 0; i < MACHINE_NR_ZONES; i++)
				if (node < w->m->nr_nodes && strcmp(name, zone_names[i]) == 0)
					zone = &w->zones[node][i];
		} else if (sscanf(line, " spanned %" SCNu64, &value) == 1) {
			zone->spanned = value;
		} else if (sscanf(line, " start_pfn: %" SCNu64, &value) == 1) {
			zone->start = value;
		} else if (sscanf(line, " managed %" SCNu64, &value) == 1) {
			zone->managed = value;
			zones++;
		}
	}
	free(text);
	if (text && zones == 0)
		return error_set(w->error, "%.180s/zoneinfo has no line `managed`", w->dir);
	return text != NULL;
}

static void set_managed(struct whole *w)
{
	for (uint32_t node = 0; node < w->m->nr_nodes; node++)
		for (uint32_t zone = 0; zone < MACHINE_NR_ZONES; zone++)
			w->m->managed[node][zone] = w->zones[node][zone].managed;
}

/* ---- late pages ---- */

/* The zone that has this frame: of the node whose memory it is. False: it is no memory. */
static bool zone_of(const struct whole *w, uint64_t pfn, uint32_t *node, uint32_t *zone)
{
	for (uint32_t i = 0; i < w->m->nr_memory; i++) {
		const struct machine_range *memory = &w->m->memory[i];

		if (pfn < memory->start || pfn >= memory->end)
			continue;
		*node = memory->node;
		for (*zone = 0; *zone < MACHINE_NR_ZONES; ++*zone) {
			const struct zone_line *line = &w->zones[*node][*zone];

			if (pfn >= line->start && pfn < line->start + line->spanned)
				return true;
		}
	}
	return false;
}

static bool add_late(struct whole *w, uint64_t pfn, uint64_t pages, const char *what)
{
	uint32_t node, zone;

	if (!zone_of(w, pfn, &node, &zone))
		return error_set(w->error,
				 "%.80s/dmesg frees %s at pfn %llu, which no zone of its zoneinfo "
				 "has",
				 w->dir, what, (unsigned long long)pfn);
	w->m->late[node][zone] += pages;
	return true;
}

/* What is freed lies in whole pages inside its range. */
static bool add_initrd(struct whole *w)
{
	for (uint64_t pfn = w->initrd_start; pfn < w->initrd_end; pfn++)
		if (!add_late(w, pfn, 1, "the initrd"))
			return false;
	return true;
}

static bool take_log_line(struct whole *w, char *line)
{
	const char *text = boot_skip_stamp(line);
	uint64_t first, last, kbytes;

	if (sscanf(text, "RAMDISK: [mem 0x%" SCNx64 "-0x%" SCNx64 "]", &first, &last) == 2) {
		w->initrd_start = first / PAGE_BYTES;
		w->initrd_end = (last + 1) / PAGE_BYTES;
	} else if (strncmp(text, "Freeing initrd memory: ", 23) == 0) {
		return add_initrd(w);
	} else if (strncmp(text, "Freeing unused ", 15) == 0) {
		const char *size = strstr(text, " memory: ");

		if (size && sscanf(size, " memory: %" SCNu64 "K", &kbytes) == 1)
			return add_late(w, IMAGE_PFN, kbytes / PAGE_KBYTES, "parts of its image");
	}
	return true;
}

/* ---- the command line ---- */

/* Bytes with a suffix, or a percentage. */
static bool take_core(const struct whole *w, const char *name, const char *value, uint64_t *pages,
		      uint32_t *percent)
{
	static const char suffixes[] = "KMGTPE";
	char *end;
	uint64_t bytes = strtoull(value, &end, 0);
	const char *suffix = *end ? strchr(suffixes, *end & ~0x20) : NULL;

	*pages = 0;
	*percent = 0;
	if (end != value && strcmp(end, "%") == 0) {
		*percent = (uint32_t)bytes;
		return true;
	}
	if (end == value || (*end && (!suffix || end[1])))
		return error_set(w->error,
				 "%.100s/cmdline has %s=%.40s: expected bytes or a percentage "
				 "(mirrored memory is not known here)",
				 w->dir, name, value);
	if (suffix)
		bytes <<= 10 * (suffix - suffixes + 1);
	*pages = bytes / PAGE_BYTES;
	return true;
}

static bool take_word(struct whole *w, const char *word)
{
	struct machine *m = w->m;

	if (strcmp(word, "movable_node") == 0)
		m->movable_node = 1;
	if (strncmp(word, "kernelcore=", 11) == 0)
		return take_core(w, "kernelcore", word + 11, &m->kernelcore_pages,
				 &m->kernelcore_percent);
	if (strncmp(word, "movablecore=", 12) == 0)
		return take_core(w, "movablecore", word + 12, &m->movablecore_pages,
				 &m->movablecore_percent);
	return true;
}

static bool take_command_line(struct whole *w, char *line)
{
	bool empty = line[0] == '\0', stays = false;

	for (char *state = NULL, *word = strtok_r(line, " \t", &state); word;
	     word = strtok_r(NULL, " \t", &state)) {
		stays = stays || strcmp(word, "nokaslr") == 0;
		if (!take_word(w, word))
			return false;
	}
	return stays || empty ||
	       error_set(w->error,
			 "%.180s/cmdline has no nokaslr: where the kernel lay cannot be told; boot "
			 "it with nokaslr",
			 w->dir);
}

bool machine_from_boot_whole(struct machine *m, const char *dir, struct text_error *error)
{
	struct whole w = { .m = m, .dir = dir, .error = error };

	if (!machine_from_boot(m, dir, error))
		return false;
	memset(m->movable_start, 0, sizeof(m->movable_start));
	if (!for_each_line_of(&w, "cmdline", take_command_line) || !read_zoneinfo(&w) ||
	    !for_each_line_of(&w, "dmesg", take_log_line))
		return false;
	set_managed(&w);
	return machine_check(m, error);
}
