/*
 * Laying out a machine on the host, resetting and unmaking it.
 *
 *   arena    | mm_machine | nodes | zones | page sets | zonelists | tasks | fragment caches | types | memmap | copy
 *   memory   | frame 0 | frame 1 | ... | (sparse, NORESERVE)
 *
 * All pointers inside the arena point into the arena (but to what the host gave and boot never
 * changes), so a copy of its bytes taken after boot is the whole boot state: reset is one copy. A
 * machine with deferred memory keeps, and copies, only what can change of what boot initialised;
 * what was initialised later is forgotten, down to the host's pages. Machines too large for either
 * keep no copy and boot again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "boot/boot.h"
#include "lostbuddy/page_frag.h"
#include "machine/machine_internal.h"

enum {
	/* bytes up to which a copy is kept: the struct pages of 4 GiB, and some */
	BOOT_IMAGE_MAX = 80 << 20,
	/* bytes of arena from which on it pays not to copy all */
	SPARSE_LEAST = 1 << 20,
	POISON_MAX_PAGES = 4096,
	ARENA_ALIGN = 256,
	HOST_PAGE = 4096,
};

/* Offsets of the parts of an arena; the last is its size. */
struct layout {
	size_t nodes, zones, pagesets, zonerefs, tasks, frag_caches, types, memmap, size;
};

static size_t take(size_t *offset, size_t bytes)
{
	size_t at = *offset;

	*offset = (at + bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	return at;
}

static size_t zonerefs_per_list(const struct mm_config *config)
{
	return (size_t)config->nr_nodes * MAX_NR_ZONES + 1;
}

static uint64_t nr_pageblocks(const struct mm_config *config)
{
	return (config->max_pfn >> config->pageblock_order) + 1;
}

static uint64_t round_up_pow2(uint64_t pages, unsigned int order)
{
	uint64_t block = UINT64_C(1) << order;

	return (pages + block - 1) & ~(block - 1);
}

static struct layout arena_layout(const struct mm_config *config)
{
	struct layout l = { 0 };
	size_t at = 0;

	take(&at, sizeof(struct mm_machine));
	l.nodes = take(&at, config->nr_nodes * sizeof(struct pglist_data));
	l.zones = take(&at, (size_t)config->nr_nodes * MAX_NR_ZONES * sizeof(struct zone));
	l.pagesets = take(&at, (size_t)config->nr_nodes * MAX_NR_ZONES * config->nr_cpus *
				       sizeof(struct per_cpu_pages));
	l.zonerefs = take(&at, config->nr_nodes * MAX_ZONELISTS * zonerefs_per_list(config) *
				       sizeof(struct zoneref));
	l.tasks = take(&at, config->nr_cpus * sizeof(struct mm_task));
	l.frag_caches = take(&at, config->nr_cpus * sizeof(struct page_frag_cache));
	l.types = take(&at, nr_pageblocks(config));
	/*
	 * whole blocks of the top order: the buddy of a last block has a struct page to be looked
	 * at
	 */
	l.memmap =
		take(&at, round_up_pow2(config->max_pfn, config->top_order) * sizeof(struct page));
	l.size = at;
	return l;
}

static size_t round_up_to(size_t size, size_t step)
{
	return (size + step - 1) / step * step;
}

static void *map_anonymous(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

static void connect_zone(struct mm_machine *m, struct pglist_data *pgdat, enum zone_type type,
			 struct per_cpu_pages *pagesets)
{
	struct zone *zone = &pgdat->zones[type];

	zone->machine = m;
	zone->pgdat = pgdat;
	zone->type = type;
	zone->id = ((unsigned int)pgdat->node_id << ZONE_ID_ZONE_BITS) | type;
	zone->pageset = pagesets;
	m->zone_of[zone->id] = zone;
}

/* Every pointer between the parts of the arena. */
static void connect_arena(struct mm_machine *m, const struct layout *l)
{
	struct zone *zones = (struct zone *)(m->arena + l->zones);
	struct per_cpu_pages *pagesets = (struct per_cpu_pages *)(m->arena + l->pagesets);
	struct zoneref *zonerefs = (struct zoneref *)(m->arena + l->zonerefs);

	m->nodes = (struct pglist_data *)(m->arena + l->nodes);
	m->tasks = (struct mm_task *)(m->arena + l->tasks);
	m->frag_caches = (struct page_frag_cache *)(m->arena + l->frag_caches);
	m->pageblock_type = (uint8_t *)(m->arena + l->types);
	m->memmap = (struct page *)(m->arena + l->memmap);
	for (unsigned int node = 0; node < m->nr_nodes; node++) {
		struct pglist_data *pgdat = &m->nodes[node];

		pgdat->node_id = (int)node;
		pgdat->zones = zones + node * MAX_NR_ZONES;
		pgdat->kswapd_highest_zoneidx = MAX_NR_ZONES;
		for (unsigned int list = 0; list < MAX_ZONELISTS;
		     list++, zonerefs += zonerefs_per_list(&m->config))
			pgdat->zonelists[list].zonerefs = zonerefs;
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++, pagesets += m->nr_cpus)
			connect_zone(m, pgdat, type, pagesets);
	}
}

/* When bad states are looked for (facts 6): debug_pagealloc looks at both ends. */
static void copy_switches(struct mm_machine *m)
{
	const struct mm_config *config = &m->config;
	bool looks = config->checks != MM_CHECKS_OFF;

	assert(!config->guard_order || config->debug_pagealloc);
	m->checks_at_user = looks && (config->checks == MM_CHECKS_DEBUG || config->debug_pagealloc);
	m->checks_at_buddy =
		looks && (config->checks == MM_CHECKS_LINUX || config->debug_pagealloc);
	m->guard_order = config->guard_order;
	m->fills_pages = config->init_on_alloc || config->init_on_free || config->page_poison;
	m->random.state = config->shuffle;
}

static void copy_constants(struct mm_machine *m)
{
	const struct mm_config *config = &m->config;

	m->top_order = config->top_order;
	m->pageblock_order = config->pageblock_order;
	m->nr_nodes = config->nr_nodes;
	m->nr_cpus = config->nr_cpus;
	m->checks = config->checks;
	m->locks = config->locks;
	m->max_pfn = config->max_pfn;
	m->nr_pageblocks = nr_pageblocks(config);
	m->pcp_max_order = config->profile->pcp_max_order;
	m->reserve_flags = config->profile->reserve_flags;
	m->pcp_thp = config->thp && config->profile->pcp_has_thp_lists;
	m->poison_memory = mm_can_poison() && config->max_pfn <= POISON_MAX_PAGES;
	m->hooks = mm_null_hooks;
	m->user_min_free_kbytes = -1;
	memcpy(m->cpu_node, config->cpu_node, sizeof(m->cpu_node));
	copy_switches(m);
}

/* From zeroed arena bytes to a booted machine. */
static bool boot_arena(struct mm_machine *m, const struct mm_config *config, char *error)
{
	struct layout l = arena_layout(config);

	m->config = *config;
	copy_constants(m);
	connect_arena(m, &l);
	return mm_boot(m, error);
}

/*
 * One mapping for the arena, room for its copy, and a byte a frame for poison.c and contents.c each:
 * sparse, like memory.
 */
static size_t mapping_size(size_t arena_size, pfn_t max_pfn)
{
	return 2 * arena_size + 2 * max_pfn;
}

static struct mm_machine *map_machine(const struct mm_config *config)
{
	struct layout l = arena_layout(config);
	char *arena = map_anonymous(mapping_size(l.size, config->max_pfn));
	size_t memory_size = config->max_pfn << PAGE_SHIFT;
	char *memory = arena ? map_anonymous(memory_size) : NULL;

	if (!memory) {
		if (arena)
			munmap(arena, mapping_size(l.size, config->max_pfn));
		return NULL;
	}
	struct mm_machine *m = (struct mm_machine *)arena;

	m->arena = arena;
	m->arena_size = l.size;
	m->handed_out = (uint8_t *)arena + mapping_size(l.size, 0);
	m->contents = m->handed_out + config->max_pfn;
	m->memory = memory;
	m->memory_size = memory_size;
	return m;
}

static bool is_sparse(const struct mm_machine *m)
{
	return m->config.deferred && m->arena_size >= SPARSE_LEAST;
}

static size_t arena_offset(const struct mm_machine *m, pfn_t pfn)
{
	return (size_t)((const char *)(m->memmap + pfn) - m->arena);
}

/* A part of the arena that boot initialised and that can change: [start, end), as offsets. */
struct part {
	size_t start, end;
};

/*
 * Part 0 .. nr_memory: all before the memmap, then struct pages by ranges of memory, as far as they
 * were not deferred. What boot reserved beyond that, and holes, stay as they are. A machine that is
 * not sparse has one part.
 */
static struct part boot_part(const struct mm_machine *m, unsigned int index)
{
	if (!is_sparse(m))
		return (struct part){ 0, m->arena_size };
	if (index == 0)
		return (struct part){ 0, arena_offset(m, 0) };
	const struct mm_range *memory = &m->config.memory[index - 1];
	pfn_t end = min_u64(memory->end, m->nodes[memory->node].first_deferred_pfn);

	return (struct part){ arena_offset(m, memory->start),
			      arena_offset(m, max_u64(memory->start, end)) };
}

static unsigned int nr_boot_parts(const struct mm_machine *m)
{
	return is_sparse(m) ? 1 + m->config.nr_memory : 1;
}

/* The copy stands behind the arena, each part in its own place, in the same mapping. */
static void keep_boot_image(struct mm_machine *m)
{
	size_t size = 0;

	for (unsigned int i = 0; i < nr_boot_parts(m); i++)
		size += boot_part(m, i).end - boot_part(m, i).start;
	if (size > BOOT_IMAGE_MAX)
		return;
	m->boot_image = m->arena + m->arena_size;
	for (unsigned int i = 0; i < nr_boot_parts(m); i++) {
		struct part part = boot_part(m, i);

		memcpy(m->boot_image + part.start, m->arena + part.start, part.end - part.start);
	}
}

static void say(char *error, const char *what)
{
	snprintf(error, 256, "%s", what);
}

struct mm_machine *mm_machine_create(const struct mm_config *config, char *error)
{
	assert(config->top_order <= MAX_TOP_ORDER);
	assert(config->pageblock_order <= config->top_order);
	assert(config->nr_nodes >= 1 && config->nr_nodes <= MM_MAX_NODES);
	assert(config->nr_cpus >= 1 && config->nr_cpus <= MM_MAX_CPUS);
	if (config->locks == MM_LOCKS_SCHEDULER) {
		say(error, "lock mode scheduler needs several interleaved CPUs, which this version "
			   "does not run");
		return NULL;
	}
	struct mm_machine *m = map_machine(config);

	if (!m) {
		snprintf(error, 256, "no memory on the host for %llu pages: %s",
			 (unsigned long long)config->max_pfn, strerror(errno));
		return NULL;
	}
	if (!boot_arena(m, config, error)) {
		mm_machine_destroy(m);
		return NULL;
	}
	keep_boot_image(m);
	return m;
}

void mm_machine_destroy(struct mm_machine *m)
{
	char *arena = m->arena;
	size_t arena_size = m->arena_size;
	pfn_t max_pfn = m->max_pfn;

	mm_unpoison_all(m);
	free(m->deferred_ranges);
	munmap(m->memory, m->memory_size);
	munmap(arena, mapping_size(arena_size, max_pfn));
}

/* Boots once more in place: what boot_arena needs is zeroed, what the host gave is kept. */
static void boot_again(struct mm_machine *m)
{
	const struct mm_config config = m->config;
	char *arena = m->arena, *memory = m->memory, why[256];
	uint8_t *handed_out = m->handed_out, *contents = m->contents;
	size_t arena_size = m->arena_size, memory_size = m->memory_size;

	free(m->deferred_ranges);
	madvise(arena, arena_size, MADV_DONTNEED);
	m->arena = arena;
	m->arena_size = arena_size;
	m->handed_out = handed_out;
	m->contents = contents;
	m->memory = memory;
	m->memory_size = memory_size;
	bool booted = boot_arena(m, &config, why);

	assert(booted);
	(void)booted;
}

/* Struct pages become zeros again; whole pages of the host go back to it. */
static void forget_frames(struct mm_machine *m, pfn_t start, pfn_t end)
{
	char *from = (char *)&m->memmap[start], *to = (char *)&m->memmap[end];
	char *first = m->arena + round_up_to((size_t)(from - m->arena), HOST_PAGE);
	char *last = m->arena + (size_t)(to - m->arena) / HOST_PAGE * HOST_PAGE;

	if (first >= last || madvise(first, (size_t)(last - first), MADV_DONTNEED)) {
		memset(from, 0, (size_t)(to - from));
		return;
	}
	memset(from, 0, (size_t)(first - from));
	memset(last, 0, (size_t)(to - last));
}

/* Of a sparse machine: what came from deferred memory since boot is deferred again. */
static void forget_deferred(struct mm_machine *m)
{
	for (unsigned int i = 0; i < m->nr_deferred_ranges; i++) {
		const struct mm_range *range = &m->deferred_ranges[i];
		pfn_t end = min_u64(range->end, m->nodes[range->node].first_deferred_pfn);

		if (range->start < end)
			forget_frames(m, range->start, end);
	}
}

static void restore_boot_image(struct mm_machine *m)
{
	const char *image = m->boot_image;

	if (is_sparse(m))
		forget_deferred(m);
	/* the first part says how far the others go */
	for (unsigned int i = 0; i < nr_boot_parts(m); i++) {
		struct part part = boot_part(m, i);

		memcpy(m->arena + part.start, image + part.start, part.end - part.start);
	}
}

void mm_machine_reset(struct mm_machine *m)
{
	mm_listener *listener = m->listener;
	void *listener_data = m->listener_data;

	if (m->boot_image) {
		restore_boot_image(m);
		mm_poison_handed_out(m);
	} else {
		boot_again(m);
	}
	mm_forget_contents(m);
	mm_listen(m, listener, listener_data);
}
