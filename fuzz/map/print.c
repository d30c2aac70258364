/*
 * A map for a terminal.
 *
 *   frame by frame     16  M 4...............  U ##0#1.2...p#====     a digit begins a free block of
 *                                                                     that order, dots go on with it
 *   by pageblock     4096  MMMMMMMMUUMMMMMMRM   types, and below them how much is in use: . nothing,
 *                          .......:##.....*.    : - = + * # more and more
 */
#include "map/map.h"

#include <ctype.h>
#include <string.h>

enum {
	LABEL = 10,	/* columns before the cells */
	MOST_ROWS = 24, /* of cells, all zones together, about */
	LEAST_WIDTH = 40,
};

static const char ramp[] = ".:-=+*#";

struct printer {
	const struct map *map;
	FILE *out;
	unsigned int width;
	bool colours;
};

/* Unmovable red, Movable green, Reclaimable blue, HighAtomic magenta, Isolate yellow. */
static const char *type_colour(const struct printer *p, unsigned int type)
{
	static const char *const codes[MAP_TYPES] = { "\033[31m", "\033[32m", "\033[34m",
						      "\033[35m", "\033[33m" };

	return p->colours ? codes[type] : "";
}

static const char *weight(const struct printer *p, bool bold)
{
	return !p->colours ? "" : bold ? "\033[1m" : "\033[2m";
}

static const char *plain(const struct printer *p)
{
	return p->colours ? "\033[0m" : "";
}

static char order_digit(unsigned int order)
{
	return (char)(order < 10 ? '0' + order : 'A' + order - 10);
}

/* ---- frame by frame ---- */

static char frame_letter(const struct map *map, unsigned int zone, uint64_t pfn)
{
	static const char letters[MAP_STATES] = {
		[MAP_HOLE] = ' ', [MAP_RESERVED] = '=', [MAP_USED] = '#',
		[MAP_LOST] = '!', [MAP_LISTED] = 'p',	[MAP_FREE] = '.',
	};

	if (pfn >= map->machine.max_pfn || map->frames[pfn].zone != zone)
		return ' ';
	const struct map_frame *frame = &map->frames[pfn];

	return frame->state == MAP_FREE && frame->head ? order_digit(frame->order)
						       : letters[frame->state];
}

static void print_pageblock(const struct printer *p, unsigned int zone, uint64_t pfn)
{
	const struct map *map = p->map;
	unsigned int type = map->types[pfn >> map->machine.pageblock_order];

	fprintf(p->out, " %s%c%s ", type_colour(p, type), map_type_letters[type], plain(p));
	for (uint64_t at = pfn; at < pfn + map_pageblock(map); at++) {
		char letter = frame_letter(map, zone, at);

		if (isalnum((unsigned char)letter) && letter != 'p')
			fprintf(p->out, "%s%s%c%s", weight(p, true), type_colour(p, type), letter,
				plain(p));
		else if (letter == '.')
			fprintf(p->out, "%s%c%s", type_colour(p, type), letter, plain(p));
		else
			fputc(letter, p->out);
	}
}

static void print_frames(const struct printer *p, unsigned int zone, unsigned int per_row)
{
	const struct map_zone *z = &p->map->zones[zone];
	uint64_t block = map_pageblock(p->map), row = per_row * block;
	uint64_t start = z->start / block * block, end = z->start + z->spanned;

	for (uint64_t pfn = start; pfn < end; pfn += row) {
		struct map_cell cell = map_cell(p->map, zone, pfn, row);

		if (!map_cell_present(&cell))
			continue;
		fprintf(p->out, "%*llu ", LABEL - 2, (unsigned long long)pfn);
		for (uint64_t at = pfn; at < pfn + row && at < end; at += block)
			print_pageblock(p, zone, at);
		fputc('\n', p->out);
	}
}

/* ---- by pageblock ---- */

static char type_letter(const struct map_cell *cell)
{
	char letter = map_type_letters[cell->type];

	if (!map_cell_present(cell))
		return ' ';
	return cell->mixed ? (char)tolower((unsigned char)letter) : letter;
}

/* Full only if nothing is free, empty only if all is. */
static char fill_letter(const struct map_cell *cell)
{
	uint64_t present = map_cell_present(cell), steps = sizeof(ramp) - 2;
	uint64_t free = cell->frames[MAP_FREE] + cell->frames[MAP_LISTED];

	if (present == 0)
		return ' ';
	if (cell->frames[MAP_RESERVED] == present)
		return 'R';
	if (free == present)
		return ramp[0];
	return ramp[1 + (present - free) * (steps - 1) / present];
}

static void print_cells(const struct printer *p, unsigned int zone, uint64_t pfn, uint64_t unit,
			uint64_t cells, char (*letter)(const struct map_cell *cell))
{
	for (uint64_t i = 0; i < cells; i++) {
		struct map_cell cell = map_cell(p->map, zone, pfn + i * unit, unit);

		fprintf(p->out, "%s%c%s", type_colour(p, cell.type), letter(&cell), plain(p));
	}
	fputc('\n', p->out);
}

static void print_pageblocks(const struct printer *p, unsigned int zone, uint64_t unit)
{
	const struct map_zone *z = &p->map->zones[zone];
	uint64_t row = unit * (p->width - LABEL), end = z->start + z->spanned;

	for (uint64_t pfn = z->start / unit * unit; pfn < end; pfn += row) {
		struct map_cell cell = map_cell(p->map, zone, pfn, row);
		uint64_t cells = (p->width - LABEL);

		if (!map_cell_present(&cell))
			continue;
		if (pfn + row > end)
			cells = (end - pfn + unit - 1) / unit;
		fprintf(p->out, "%*llu  ", LABEL - 2, (unsigned long long)pfn);
		print_cells(p, zone, pfn, unit, cells, type_letter);
		fprintf(p->out, "%*s", LABEL, "");
		print_cells(p, zone, pfn, unit, cells, fill_letter);
	}
}

/* Frames a cell: a pageblock, or as many as it takes to keep the map on a screen or two. */
static uint64_t cell_unit(const struct printer *p)
{
	uint64_t unit = map_pageblock(p->map), most = (uint64_t)(p->width - LABEL) * MOST_ROWS;

	while (p->map->machine.max_pfn / unit > most)
		unit *= 2;
	return unit;
}

/* ---- around the cells ---- */

static bool has_blocks(const struct map_zone *zone, unsigned int type)
{
	for (unsigned int order = 0; order < MAP_ORDERS; order++)
		if (zone->blocks[order][type])
			return true;
	return false;
}

/* A column an order, a row a type that has free blocks. */
static void print_blocks(const struct printer *p, const struct map_zone *zone)
{
	unsigned int orders = p->map->machine.top_order + 1;

	fprintf(p->out, "%*sorder  ", LABEL, "");
	for (unsigned int order = 0; order < orders; order++)
		fprintf(p->out, "%5u", order);
	fputc('\n', p->out);
	for (unsigned int type = 0; type < MAP_TYPES; type++) {
		if (!has_blocks(zone, type))
			continue;
		fprintf(p->out, "%*s%s%c%s free ", LABEL, "", type_colour(p, type),
			map_type_letters[type], plain(p));
		for (unsigned int order = 0; order < orders; order++)
			if (zone->blocks[order][type])
				fprintf(p->out, "%5llu",
					(unsigned long long)zone->blocks[order][type]);
			else
				fprintf(p->out, "%5s", "-");
		fputc('\n', p->out);
	}
}

static void print_zone(const struct printer *p, unsigned int zone, uint64_t unit,
		       unsigned int per_row)
{
	const struct map_zone *z = &p->map->zones[zone];
	char size[32];

	fprintf(p->out, "\n%s%-8s%s  pfn %llu to %llu, %s\n", weight(p, true),
		map_zone_names[z->index], plain(p), (unsigned long long)z->start,
		(unsigned long long)(z->start + z->spanned - 1), map_size(z->present, size));
	fprintf(p->out, "%*s%llu of %llu managed pages free, marks %llu %llu %llu\n", LABEL, "",
		(unsigned long long)z->free, (unsigned long long)z->managed,
		(unsigned long long)z->min, (unsigned long long)z->low,
		(unsigned long long)z->high);
	if (per_row)
		print_frames(p, zone, per_row);
	else
		print_pageblocks(p, zone, unit);
	print_blocks(p, z);
}

static void print_node(const struct printer *p, uint32_t node, uint64_t unit, unsigned int per_row)
{
	char cpus[256];
	bool any = false;

	fprintf(p->out, "%s%snode %u%s, CPUs %s", node ? "\n" : "", weight(p, true), node, plain(p),
		map_cpus(p->map, node, cpus));
	for (unsigned int zone = 0; zone < p->map->nr_zones; zone++)
		any = any || p->map->zones[zone].node == node;
	fprintf(p->out, "%s\n", any ? "" : ", no memory");
	for (unsigned int zone = 0; zone < p->map->nr_zones; zone++)
		if (p->map->zones[zone].node == node)
			print_zone(p, zone, unit, per_row);
}

static void print_legend(const struct printer *p, uint64_t unit, unsigned int per_row)
{
	char size[32];

	fprintf(p->out, "\n");
	for (unsigned int type = 0; type < MAP_TYPES; type++)
		fprintf(p->out, "%s%s%c %s%s", type ? "  " : "", type_colour(p, type),
			map_type_letters[type], map_type_names[type], plain(p));
	if (per_row) {
		fprintf(p->out, "\n2... free block and its order  p on a page list  # in use\n"
				"= reserved at boot  ! lost\n");
		return;
	}
	fprintf(p->out, "\n. free  : - = + * # more and more in use  R reserved at boot\n");
	fprintf(p->out, "a cell is %s", map_size(unit, size));
	if (unit > map_pageblock(p->map))
		fprintf(p->out, ", %llu pageblocks; a small letter: not all have that type",
			(unsigned long long)(unit / map_pageblock(p->map)));
	fprintf(p->out, "\n");
}

void map_print(const struct map *map, FILE *out, unsigned int width, bool colours)
{
	struct printer p = { map, out, width < LEAST_WIDTH ? LEAST_WIDTH : width, colours };
	uint64_t unit = cell_unit(&p);
	/* a pageblock takes its frames, its letter and two blanks */
	unsigned int per_row = (p.width - LABEL + 1) / ((unsigned int)map_pageblock(map) + 3);

	if (!map_is_small(map))
		per_row = 0;
	for (uint32_t node = 0; node < map->machine.nr_nodes; node++)
		print_node(&p, node, unit, per_row);
	print_legend(&p, unit, per_row);
}
