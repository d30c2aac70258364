/* From an exported state to a map. See map.h. */
#include "map/map.h"

#include <stdlib.h>
#include <string.h>

enum {
	LIST_HEAD = 4,	      /* words before the blocks of a free list */
	PCP_HEAD = 8,	      /* words before the lists of a page set */
	PCP_ORDER_LISTS = 12, /* three types of orders 0 to 3 (facts 8) */
	PCP_TYPES = 3,
	TYPES_A_WORD = 16,
};

#define PCP_PFN ((UINT64_C(1) << 56) - 1)

const char *const map_zone_names[MACHINE_NR_ZONES] = { "DMA", "DMA32", "Normal", "Movable" };
const char *const map_type_names[MAP_TYPES] = { "Unmovable", "Movable", "Reclaimable", "HighAtomic",
						"Isolate" };
const char map_type_letters[MAP_TYPES + 1] = "UMRHI";

uint64_t map_pageblock(const struct map *map)
{
	return UINT64_C(1) << map->machine.pageblock_order;
}

bool map_is_small(const struct map *map)
{
	return map->machine.max_pfn <= MAP_SMALL_PAGES && map_pageblock(map) <= MAP_SMALL_PAGEBLOCK;
}

/* ---- reading ---- */

static void set_frames(struct map *map, uint64_t start, uint64_t end, enum map_state state)
{
	for (uint64_t pfn = start; pfn < end && pfn < map->machine.max_pfn; pfn++)
		map->frames[pfn].state = (uint8_t)state;
}

static void set_ranges(struct map *map, const uint64_t *words, uint64_t n, enum map_state state)
{
	for (uint64_t i = 0; i + 1 < n; i += 2)
		set_frames(map, words[i], words[i + 1], state);
}

static void set_block(struct map *map, uint64_t pfn, unsigned int order, enum map_state state)
{
	uint64_t end = pfn + (UINT64_C(1) << order);

	if (pfn >= map->machine.max_pfn || end > map->machine.max_pfn)
		return;
	set_frames(map, pfn, end, state);
	for (uint64_t at = pfn; at < end; at++)
		map->frames[at].order = (uint8_t)order;
	map->frames[pfn].head = 1;
}

static struct map_zone *zone_of(struct map *map, uint64_t node, uint64_t index)
{
	for (unsigned int i = 0; i < map->nr_zones; i++)
		if (map->zones[i].node == node && map->zones[i].index == index)
			return &map->zones[i];
	return NULL;
}

/* The frames of its span that are memory of its node. */
static void claim_frames(struct map *map, const struct map_zone *zone)
{
	uint64_t end = zone->start + zone->spanned;

	for (uint32_t i = 0; i < map->machine.nr_memory; i++) {
		const struct machine_range *memory = &map->machine.memory[i];
		uint64_t pfn = memory->start > zone->start ? memory->start : zone->start;

		for (; memory->node == zone->node && pfn < memory->end && pfn < end; pfn++)
			map->frames[pfn].zone = (uint8_t)(zone - map->zones);
	}
}

static bool read_zone(struct map *map, const uint64_t *words, uint64_t n)
{
	struct map_zone *zone = &map->zones[map->nr_zones];

	if (n < LB_ZONE_WORDS || map->nr_zones == MAP_ZONES ||
	    words[LB_ZONE_INDEX] >= MACHINE_NR_ZONES)
		return false;
	*zone = (struct map_zone){
		.node = (uint32_t)words[LB_ZONE_NODE],
		.index = (uint32_t)words[LB_ZONE_INDEX],
		.start = words[LB_ZONE_START],
		.spanned = words[LB_ZONE_SPANNED],
		.present = words[LB_ZONE_PRESENT],
		.managed = words[LB_ZONE_MANAGED],
		.free = words[LB_ZONE_FREE],
		.min = words[LB_ZONE_MIN] + words[LB_ZONE_BOOST],
		.low = words[LB_ZONE_LOW] + words[LB_ZONE_BOOST],
		.high = words[LB_ZONE_HIGH] + words[LB_ZONE_BOOST],
	};
	map->nr_zones++;
	claim_frames(map, zone);
	return true;
}

static bool read_free_list(struct map *map, const uint64_t *words, uint64_t n)
{
	if (n < LIST_HEAD || words[2] >= MAP_ORDERS || words[3] >= MAP_TYPES)
		return false;
	struct map_zone *zone = zone_of(map, words[0], words[1]);

	for (uint64_t i = LIST_HEAD; i < n; i++)
		set_block(map, words[i], (unsigned int)words[2], MAP_FREE);
	if (zone)
		zone->blocks[words[2]][words[3]] = n - LIST_HEAD;
	return true;
}

static bool read_page_set(struct map *map, const uint64_t *words, uint64_t n)
{
	for (uint64_t at = PCP_HEAD; at + 1 < n;) {
		uint64_t index = words[at], count = words[at + 1];
		unsigned int order = index < PCP_ORDER_LISTS ? (unsigned int)index / PCP_TYPES
							     : map->machine.pageblock_order;

		at += 2;
		if (count > n - at)
			return false;
		for (uint64_t end = at + count; at < end; at++)
			set_block(map, words[at] & PCP_PFN, order, MAP_LISTED);
	}
	return n >= PCP_HEAD;
}

static bool read_pageblocks(struct map *map, const uint64_t *words, uint64_t n)
{
	if (n < 2 || (n - 2) * TYPES_A_WORD < map->nr_pageblocks)
		return false;
	for (uint64_t i = 0; i < map->nr_pageblocks; i++) {
		unsigned int shift = 4 * (unsigned int)(i % TYPES_A_WORD);
		uint64_t type = words[2 + i / TYPES_A_WORD] >> shift & 15;

		map->types[i] = (uint8_t)(type < MAP_TYPES ? type : 0);
	}
	return true;
}

static bool read_section(struct map *map, uint64_t type, const uint64_t *words, uint64_t n)
{
	switch (type) {
	case LB_STATE_RESERVED:
		set_ranges(map, words, n, MAP_RESERVED);
		return true;
	case LB_STATE_LEAKED:
		set_ranges(map, words, n, MAP_LOST);
		return true;
	case LB_STATE_ZONE:
		return read_zone(map, words, n);
	case LB_STATE_FREE_LIST:
		return read_free_list(map, words, n);
	case LB_STATE_PCP:
		return read_page_set(map, words, n);
	case LB_STATE_PAGEBLOCKS:
		return read_pageblocks(map, words, n);
	default:
		return true;
	}
}

bool map_build(struct map *map, const struct machine *machine, const uint64_t *state, size_t size)
{
	memset(map, 0, sizeof(*map));
	map->machine = *machine;
	map->nr_pageblocks = (machine->max_pfn + map_pageblock(map) - 1) / map_pageblock(map);
	map->frames = calloc(machine->max_pfn, sizeof(*map->frames));
	map->types = calloc(map->nr_pageblocks, 1);
	if (!map->frames || !map->types)
		return false;
	for (uint64_t pfn = 0; pfn < machine->max_pfn; pfn++)
		map->frames[pfn].zone = MAP_NO_ZONE;
	for (uint32_t i = 0; i < machine->nr_memory; i++)
		set_frames(map, machine->memory[i].start, machine->memory[i].end, MAP_USED);
	for (size_t at = 0; at + 2 <= size && state[at] != LB_STATE_END;) {
		uint64_t n = state[at + 1];

		if (n > size - at - 2 || !read_section(map, state[at], state + at + 2, n))
			return false;
		at += 2 + (size_t)n;
	}
	return true;
}

void map_free(struct map *map)
{
	free(map->frames);
	free(map->types);
}

/* ---- asking ---- */

static unsigned int most_frequent(const uint64_t counts[MAP_TYPES], bool *others)
{
	unsigned int most = 0, seen = 0;

	for (unsigned int type = 0; type < MAP_TYPES; type++) {
		seen += counts[type] != 0;
		if (counts[type] > counts[most])
			most = type;
	}
	*others = seen > 1;
	return most;
}

struct map_cell map_cell(const struct map *map, unsigned int zone, uint64_t pfn, uint64_t frames)
{
	struct map_cell cell = { 0 };
	uint64_t types[MAP_TYPES] = { 0 };

	for (uint64_t at = pfn; at < pfn + frames; at++) {
		if (at >= map->machine.max_pfn || map->frames[at].zone != zone) {
			cell.frames[MAP_HOLE]++;
			continue;
		}
		cell.frames[map->frames[at].state]++;
		types[map->types[at >> map->machine.pageblock_order]]++;
	}
	cell.type = most_frequent(types, &cell.mixed);
	return cell;
}

uint64_t map_cell_present(const struct map_cell *cell)
{
	uint64_t present = 0;

	for (unsigned int state = MAP_HOLE + 1; state < MAP_STATES; state++)
		present += cell->frames[state];
	return present;
}

const char *map_size(uint64_t pages, char text[32])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double size = (double)pages * 4;
	unsigned int unit = 0;

	for (; size >= 1023.5 && unit < 3; unit++) /* which would read 1024 */
		size /= 1024;
	snprintf(text, 32, size < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", size, units[unit]);
	return text;
}

const char *map_cpus(const struct map *map, uint32_t node, char text[256])
{
	const struct machine *m = &map->machine;
	size_t length = 0;

	snprintf(text, 256, "none");
	for (uint32_t cpu = 0, last; cpu < m->nr_cpus && length < 240; cpu = last + 1) {
		last = cpu;
		if (m->cpu_node[cpu] != node)
			continue;
		while (last + 1 < m->nr_cpus && m->cpu_node[last + 1] == node)
			last++;
		length += (size_t)snprintf(text + length, 256 - length, "%s%u", length ? "," : "",
					   cpu);
		if (last > cpu)
			length += (size_t)snprintf(text + length, 256 - length, "-%u", last);
	}
	return text;
}
