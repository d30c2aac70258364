/*
 * A map as a picture (SVG).
 *
 *   node 0  CPUs 0 1
 *   DMA32  pfn 4096 to 33791 ...
 *   [====reserved====|==in use==|......free......!!!]      marks of min, low, high, from the right
 *   +--------------------------------+  +-----------+
 *   | frames and blocks, or a square |  | free      |
 *   | a pageblock, filled as far as  |  | blocks by |
 *   | it is in use                   |  | order     |
 *   +--------------------------------+  +-----------+
 *
 * Colours are the types of pageblocks: strong for what is in use, pale for what is free. Every text
 * that is drawn is ours: nothing needs escaping.
 */
#include "map/map.h"

#include <math.h>
#include <stdlib.h>

enum {
	SMALL_FRAMES_A_ROW = 64,
	CELLS_A_ROW = 56,
	MOST_CELLS = 4096,
};

/* Pixels. */
static const double margin = 28, picture_width = 1252;
static const double cells_left = 84, cells_width = 860; /* width: from the margin */
static const double chart_left = 924, chart_width = 300, chart_height = 96;
static const double small_height = 15, small_step = 21; /* a row of frames, and to the next one */
static const double small_gap = 6;			/* between pageblocks */
static const double cell_side = 11, cell_step = 13;	/* a square that stands for pageblocks */
static const double bar_height = 8;

static const char *const strong[MAP_TYPES] = { "#c8553d", "#3f8f5f", "#3a78b5", "#8a5aa8",
					       "#b08a2e" };
static const char *const pale[MAP_TYPES] = { "#f6ddd6", "#dcefe2", "#d9e7f5", "#eadff1",
					     "#f3ead0" };
static const char reserved_fill[] = "#9aa1ab", lost_fill[] = "#1d1f23";

struct drawing {
	const struct map *map;
	FILE *out;
	double y; /* where the next thing begins */
};

static void rect(const struct drawing *d, double x, double y, double width, double height,
		 const char *fill)
{
	fprintf(d->out, "<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' fill='%s'/>\n", x, y,
		width, height, fill);
}

static void label(const struct drawing *d, double x, double y, const char *class, const char *text)
{
	fprintf(d->out, "<text x='%.1f' y='%.1f' class='%s'>%s</text>\n", x, y, class, text);
}

/* ---- frame by frame ---- */

struct grid {
	double frame;	     /* width of one */
	uint64_t start, end; /* of the zone; start: of its first pageblock */
	uint64_t row;	     /* frames */
};

static double frame_x(const struct drawing *d, const struct grid *g, uint64_t offset)
{
	uint64_t gaps = offset >> d->map->machine.pageblock_order;

	return cells_left + (double)offset * g->frame + (double)gaps * small_gap;
}

/* Frames [from, to) of one row. */
static void draw_run(const struct drawing *d, const struct grid *g, uint64_t row, uint64_t from,
		     uint64_t to, unsigned int type)
{
	const struct map_frame *frame = &d->map->frames[from];
	double x = frame_x(d, g, from - row);
	double width = frame_x(d, g, to - 1 - row) + g->frame - x - 1;

	switch (frame->state) {
	case MAP_FREE:
		fprintf(d->out,
			"<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' rx='2' fill='%s' "
			"stroke='%s'/>\n",
			x + 0.5, d->y + 0.5, width - 1, small_height - 1, pale[type], strong[type]);
		if (frame->head)
			fprintf(d->out,
				"<text x='%.1f' y='%.1f' class='order' fill='%s'>%u</text>\n",
				x + g->frame / 2, d->y + 11, strong[type], frame->order);
		break;
	case MAP_LISTED:
		rect(d, x, d->y, width, small_height, strong[type]);
		rect(d, x, d->y, width, small_height, "url(#stripes)");
		break;
	case MAP_USED:
		rect(d, x, d->y, width, small_height, strong[type]);
		break;
	default:
		rect(d, x, d->y, width, small_height,
		     frame->state == MAP_LOST ? lost_fill : reserved_fill);
	}
}

/* What is drawn as one: the frames of a block, or frames alike in one pageblock. */
static bool goes_on(const struct map *map, uint64_t pfn)
{
	const struct map_frame *last = &map->frames[pfn - 1], *frame = &map->frames[pfn];

	if (frame->state != last->state || frame->zone != last->zone || frame->head)
		return false;
	return frame->state == MAP_FREE || frame->state == MAP_LISTED ||
	       (pfn & (map_pageblock(map) - 1)) != 0;
}

static void draw_row(const struct drawing *d, const struct grid *g, unsigned int zone, uint64_t row)
{
	const struct map *map = d->map;
	uint64_t end = row + g->row < g->end ? row + g->row : g->end;

	for (uint64_t from = row, to; from < end; from = to) {
		for (to = from + 1; to < end && goes_on(map, to);)
			to++;
		if (map->frames[from].zone == zone)
			draw_run(d, g, row, from, to,
				 map->types[from >> map->machine.pageblock_order]);
	}
}

/* A line below each pageblock, in its type's colour. */
static void draw_pageblock_lines(const struct drawing *d, const struct grid *g, unsigned int zone,
				 uint64_t row)
{
	uint64_t block = map_pageblock(d->map);

	for (uint64_t pfn = row; pfn < row + g->row && pfn < g->end; pfn += block) {
		struct map_cell cell = map_cell(d->map, zone, pfn, block);

		if (map_cell_present(&cell))
			rect(d, frame_x(d, g, pfn - row), d->y + small_height + 1,
			     (double)block * g->frame - 1, 2, strong[cell.type]);
	}
}

static void draw_frames(struct drawing *d, unsigned int zone)
{
	const struct map_zone *z = &d->map->zones[zone];
	uint64_t block = map_pageblock(d->map);
	uint64_t blocks = SMALL_FRAMES_A_ROW / block;
	double width = margin + cells_width - cells_left - (double)(blocks - 1) * small_gap;
	struct grid g = { .frame = width / (double)SMALL_FRAMES_A_ROW,
			  .start = z->start / block * block,
			  .end = z->start + z->spanned,
			  .row = SMALL_FRAMES_A_ROW };

	for (uint64_t row = g.start; row < g.end; row += g.row) {
		struct map_cell cell = map_cell(d->map, zone, row, g.row);
		char pfn[24];

		if (!map_cell_present(&cell))
			continue;
		snprintf(pfn, sizeof(pfn), "%llu", (unsigned long long)row);
		label(d, cells_left - 10, d->y + 11, "pfn", pfn);
		draw_row(d, &g, zone, row);
		draw_pageblock_lines(d, &g, zone, row);
		d->y += small_step;
	}
}

/* ---- by pageblock ---- */

/* From the bottom up: reserved, lost, in use, on page lists; what is left is free. */
static void draw_cell(const struct drawing *d, const struct map_cell *cell, double x, double y)
{
	static const enum map_state order[] = { MAP_RESERVED, MAP_LOST, MAP_USED, MAP_LISTED };
	const char *const fills[] = { reserved_fill, lost_fill, strong[cell->type],
				      strong[cell->type] };
	double present = (double)map_cell_present(cell), bottom = y + cell_side;

	rect(d, x, y, cell_side, cell_side, pale[cell->type]);
	for (unsigned int i = 0; i < 4; i++) {
		double height = cell_side * (double)cell->frames[order[i]] / present;

		if (height <= 0)
			continue;
		bottom -= height;
		rect(d, x, bottom, cell_side, height, fills[i]);
		if (order[i] == MAP_LISTED)
			rect(d, x, bottom, cell_side, height, "url(#stripes)");
	}
	if (cell->mixed)
		fprintf(d->out, "<circle cx='%.1f' cy='%.1f' r='1.6' fill='%s'/>\n",
			x + cell_side - 2.5, y + 2.5, lost_fill);
}

static uint64_t cell_unit(const struct map *map)
{
	uint64_t unit = map_pageblock(map);

	while (map->machine.max_pfn / unit > MOST_CELLS)
		unit *= 2;
	return unit;
}

static void draw_pageblocks(struct drawing *d, unsigned int zone)
{
	const struct map_zone *z = &d->map->zones[zone];
	uint64_t unit = cell_unit(d->map);
	uint64_t end = z->start + z->spanned;

	for (uint64_t row = z->start / unit * unit; row < end; row += CELLS_A_ROW * unit) {
		struct map_cell whole = map_cell(d->map, zone, row, CELLS_A_ROW * unit);
		char pfn[24];

		if (!map_cell_present(&whole))
			continue;
		snprintf(pfn, sizeof(pfn), "%llu", (unsigned long long)row);
		label(d, cells_left - 10, d->y + 10, "pfn", pfn);
		for (uint64_t i = 0; i < CELLS_A_ROW && row + i * unit < end; i++) {
			struct map_cell cell = map_cell(d->map, zone, row + i * unit, unit);

			if (map_cell_present(&cell))
				draw_cell(d, &cell, cells_left + (double)i * cell_step, d->y);
		}
		d->y += cell_step;
	}
}

/* ---- beside and above the cells ---- */

static uint64_t blocks_of(const struct map_zone *z, unsigned int order)
{
	uint64_t blocks = 0;

	for (unsigned int type = 0; type < MAP_TYPES; type++)
		blocks += z->blocks[order][type];
	return blocks;
}

/* Logarithmic, since there may be one block of an order and ten thousand of another. */
static void draw_bar(const struct drawing *d, const struct map_zone *z, unsigned int order,
		     double most, double x, double width)
{
	double blocks = (double)blocks_of(z, order), base = d->y + chart_height;
	double height = most > 0 ? log2(1 + blocks) / log2(1 + most) * (chart_height - 16) : 0;
	char text[24];

	snprintf(text, sizeof(text), "%u", order);
	label(d, x + width / 2, base + 13, "axis", text);
	if (blocks == 0)
		return;
	snprintf(text, sizeof(text), "%.0f", blocks);
	label(d, x + width / 2, base - height - 4, "count", text);
	for (unsigned int type = 0; type < MAP_TYPES; type++) {
		double part = height * (double)z->blocks[order][type] / blocks;

		if (part <= 0)
			continue;
		base -= part;
		rect(d, x, base, width, part, strong[type]);
	}
}

static void draw_chart(const struct drawing *d, const struct map_zone *z)
{
	unsigned int orders = d->map->machine.top_order + 1;
	double step = chart_width / orders, most = 0;

	for (unsigned int order = 0; order < orders; order++)
		most = fmax(most, (double)blocks_of(z, order));
	rect(d, chart_left, d->y + chart_height, chart_width, 1, "#c9ccd1");
	for (unsigned int order = 0; order < orders; order++)
		draw_bar(d, z, order, most, chart_left + order * step + 3, step - 6);
	label(d, chart_left, d->y + chart_height + 28, "note",
	      "free blocks by order (logarithmic)");
}

/* What of the zone is what; and from the right, how much must stay free at each mark. */
static void draw_shares(struct drawing *d, unsigned int zone)
{
	static const enum map_state order[] = { MAP_RESERVED, MAP_LOST, MAP_USED, MAP_LISTED };
	static const char *const fills[] = { reserved_fill, lost_fill, "#4b5563", "#9db0c4" };
	const struct map_zone *z = &d->map->zones[zone];
	struct map_cell cell = map_cell(d->map, zone, z->start, z->spanned);
	double present = (double)map_cell_present(&cell), x = margin;
	const uint64_t marks[] = { z->min, z->low, z->high };

	rect(d, margin, d->y, cells_width, bar_height, "#e6e8eb");
	for (unsigned int i = 0; i < 4; i++) {
		double width = cells_width * (double)cell.frames[order[i]] / present;

		if (width > 0)
			rect(d, x, d->y, width, bar_height, fills[i]);
		x += width;
	}
	for (unsigned int i = 0; i < 3; i++)
		if ((double)marks[i] < present)
			rect(d, margin + cells_width * (1 - (double)marks[i] / present) - 1,
			     d->y - 3, 1.5, bar_height + 6, "#d02f2f");
	d->y += bar_height + 12;
}

static void draw_zone(struct drawing *d, unsigned int zone)
{
	const struct map_zone *z = &d->map->zones[zone];
	char text[256], size[32];
	double top;

	if (z->present == 0)
		return;
	label(d, margin, d->y + 14, "zone", map_zone_names[z->index]);
	snprintf(text, sizeof(text),
		 "pfn %llu to %llu, %s; %llu of %llu managed pages free; marks %llu %llu %llu",
		 (unsigned long long)z->start, (unsigned long long)(z->start + z->spanned - 1),
		 map_size(z->present, size), (unsigned long long)z->free,
		 (unsigned long long)z->managed, (unsigned long long)z->min,
		 (unsigned long long)z->low, (unsigned long long)z->high);
	label(d, margin + 76, d->y + 14, "fact", text);
	d->y += 24;
	draw_shares(d, zone);
	draw_chart(d, z);
	top = d->y;
	if (map_is_small(d->map))
		draw_frames(d, zone);
	else
		draw_pageblocks(d, zone);
	d->y = fmax(d->y, top + chart_height + 34) + 14;
}

static void draw_node(struct drawing *d, uint32_t node)
{
	char text[300], cpus[256];
	bool any = false;

	snprintf(text, sizeof(text), "node %u", node);
	label(d, margin, d->y + 18, "node", text);
	for (unsigned int zone = 0; zone < d->map->nr_zones; zone++)
		any = any || d->map->zones[zone].node == node;
	snprintf(text, sizeof(text), "CPUs %s%s", map_cpus(d->map, node, cpus),
		 any ? "" : ", no memory");
	label(d, margin + 76, d->y + 18, "fact", text);
	rect(d, margin, d->y + 26, picture_width - 2 * margin, 1, "#c9ccd1");
	d->y += 40;
	for (unsigned int zone = 0; zone < d->map->nr_zones; zone++)
		if (d->map->zones[zone].node == node)
			draw_zone(d, zone);
}

static void draw_swatch(struct drawing *d, double *x, const char *fill, const char *over,
			const char *text, double width)
{
	rect(d, *x, d->y, 12, 12, fill);
	if (over)
		rect(d, *x, d->y, 12, 12, over);
	label(d, *x + 18, d->y + 10, "fact", text);
	*x += width;
}

static void draw_legend(struct drawing *d)
{
	char text[128], size[32];
	double x = margin;

	d->y += 8;
	for (unsigned int type = 0; type < MAP_TYPES; type++)
		draw_swatch(d, &x, strong[type], NULL, map_type_names[type], 110);
	d->y += 22;
	x = margin;
	draw_swatch(d, &x, strong[1], NULL, "in use", 110);
	draw_swatch(d, &x, pale[1], NULL, "free", 110);
	draw_swatch(d, &x, strong[1], "url(#stripes)", "on a page list", 130);
	draw_swatch(d, &x, reserved_fill, NULL, "reserved at boot", 150);
	draw_swatch(d, &x, lost_fill, NULL, "lost", 80);
	draw_swatch(d, &x, "#d02f2f", NULL, "marks: min, low, high", 170);
	if (map_is_small(d->map))
		snprintf(text, sizeof(text), "a number is the order of the free block");
	else
		snprintf(text, sizeof(text), "a square is %s; a dot: of several types",
			 map_size(cell_unit(d->map), size));
	label(d, x, d->y + 10, "fact", text);
	d->y += 12 + margin;
}

static void write_head(FILE *out, double height)
{
	fprintf(out,
		"<svg xmlns='http://www.w3.org/2000/svg' width='%.0f' height='%.0f' "
		"viewBox='0 0 %.0f %.0f' font-family='DejaVu Sans, Helvetica, Arial, sans-serif'>\n"
		"<style>.node{font-size:17px;font-weight:bold;fill:#1d1f23}"
		".zone{font-size:14px;font-weight:bold;fill:#1d1f23}"
		".fact{font-size:12px;fill:#4b5563}.note{font-size:11px;fill:#7b828c}"
		".pfn{font-size:10px;fill:#7b828c;text-anchor:end}"
		".order{font-size:10px;text-anchor:middle}"
		".axis{font-size:10px;fill:#4b5563;text-anchor:middle}"
		".count{font-size:9px;fill:#4b5563;text-anchor:middle}</style>\n"
		"<defs><pattern id='stripes' width='4' height='4' patternUnits='userSpaceOnUse' "
		"patternTransform='rotate(45)'><rect width='2' height='4' fill='#ffffff' "
		"fill-opacity='0.75'/></pattern></defs>\n"
		"<rect width='%.0f' height='%.0f' fill='#ffffff'/>\n",
		picture_width, height, picture_width, height, picture_width, height);
}

bool map_draw(const struct map *map, FILE *out)
{
	char *body = NULL;
	size_t size = 0;
	struct drawing d = { map, open_memstream(&body, &size), margin };

	if (!d.out)
		return false;
	for (uint32_t node = 0; node < map->machine.nr_nodes; node++)
		draw_node(&d, node);
	draw_legend(&d);
	if (fclose(d.out) != 0) {
		free(body);
		return false;
	}
	write_head(out, d.y);
	fwrite(body, 1, size, out);
	fprintf(out, "</svg>\n");
	free(body);
	return true;
}
