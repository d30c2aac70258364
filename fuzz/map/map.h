/*
 * A map of physical memory: what every frame is, from a target's exported state; drawn for a
 * terminal, or as a picture.
 *
 *   exported state  --map_build-->  struct map  --map_print-->  text
 *                                               --map_draw--->  SVG
 *
 * Small machines are drawn frame by frame, with each free block; larger ones pageblock by
 * pageblock, the largest with several pageblocks in a cell. What is drawn is what the state says:
 * a map judges nothing.
 */
#ifndef LOSTBUDDY_MAP_H
#define LOSTBUDDY_MAP_H

#include <stdio.h>

#include "target/target.h"

enum {
	MAP_ORDERS = 11,
	MAP_TYPES = 5, /* Unmovable, Movable, Reclaimable, HighAtomic, Isolate (facts 7) */
	MAP_ZONES = MACHINE_MAX_NODES * MACHINE_NR_ZONES,
	MAP_NO_ZONE = 0xff,
	MAP_SMALL_PAGES = 4096, /* machines up to this are drawn frame by frame ... */
	MAP_SMALL_PAGEBLOCK = 64, /* ... if a pageblock of theirs fits into a line */
};

enum map_state {
	MAP_HOLE,     /* no memory */
	MAP_RESERVED, /* since boot */
	MAP_USED,     /* handed out */
	MAP_LOST,     /* for good: bad pages, wrong frees */
	MAP_LISTED,   /* free, on a CPU's page list */
	MAP_FREE,     /* free, in a free area */
	MAP_STATES
};

struct map_frame {
	uint8_t state; /* enum map_state */
	uint8_t order; /* of the block it is part of: MAP_FREE, MAP_LISTED */
	uint8_t head;  /* it begins that block */
	uint8_t zone;  /* index in map.zones, or MAP_NO_ZONE */
};

struct map_zone {
	uint32_t node, index;
	uint64_t start, spanned, present, managed, free;
	uint64_t min, low, high; /* marks with their boost */
	uint64_t blocks[MAP_ORDERS][MAP_TYPES];
};

struct map {
	struct machine machine;
	struct map_frame *frames; /* [max_pfn] */
	uint8_t *types;		  /* [pageblock] */
	uint64_t nr_pageblocks;
	unsigned int nr_zones;
	struct map_zone zones[MAP_ZONES];
};

/* So many frames of a zone together. */
struct map_cell {
	uint64_t frames[MAP_STATES]; /* how many are what; MAP_HOLE: of no zone, or of another */
	unsigned int type; /* that most of its pageblocks have */
	bool mixed;	   /* others have another */
};

extern const char *const map_zone_names[MACHINE_NR_ZONES];
extern const char *const map_type_names[MAP_TYPES];
extern const char map_type_letters[MAP_TYPES + 1];

/* @state, @size: as export_state wrote it. False: no memory, or a state that cannot be read. */
bool map_build(struct map *map, const struct machine *machine, const uint64_t *state, size_t size);
void map_free(struct map *map);

struct map_cell map_cell(const struct map *map, unsigned int zone, uint64_t pfn, uint64_t frames);
uint64_t map_cell_present(const struct map_cell *cell);
uint64_t map_pageblock(const struct map *map); /* frames of one */
bool map_is_small(const struct map *map);

/* Pages as a person reads them: "512 pages", "3.9 MiB". */
const char *map_size(uint64_t pages, char text[32]);
/* The CPUs of a node: "0-3,8", or "none". */
const char *map_cpus(const struct map *map, uint32_t node, char text[256]);

/*
 * For a terminal of @width columns, at least 40; colours: escape sequences. Rows of cells keep to the
 * width, lines of words to 80 columns.
 */
void map_print(const struct map *map, FILE *out, unsigned int width, bool colours);
bool map_draw(const struct map *map, FILE *out); /* false: no memory */

#endif
