/*
 * Maps: what any state must come out as, then one world by hand, as text and as a picture.
 */
#include <stdlib.h>

#include "judge/judge.h"
#include "map/map.h"
#include "program/internal.h"
#include "test.h"

/* The core's state after a program, mapped. */
struct looked {
	struct map map;
	uint64_t *state;
	size_t size;
	bool good;
};

static void look(void *instance, void *data)
{
	struct looked *l = data;
	struct machine machine = l->map.machine;

	l->size = core_target.export_state(instance, NULL, 0);
	l->state = malloc(l->size * sizeof(*l->state));
	l->good = l->state && core_target.export_state(instance, l->state, l->size) == l->size &&
		  map_build(&l->map, &machine, l->state, l->size);
}

static bool look_at(struct judge *j, const struct program *p, struct looked *l)
{
	struct outcome outcome;

	memset(l, 0, sizeof(*l));
	l->map.machine = p->machine;
	return EXPECT(judge_look(j, p, look, l, &outcome)) && EXPECT(l->good);
}

static void forget(struct looked *l)
{
	map_free(&l->map);
	free(l->state);
}

static uint64_t blocks_of(const struct map_zone *zone)
{
	uint64_t blocks = 0;

	for (unsigned int order = 0; order < MAP_ORDERS; order++)
		for (unsigned int type = 0; type < MAP_TYPES; type++)
			blocks += zone->blocks[order][type];
	return blocks;
}

enum { TYPE_ISOLATE = 4 };

static uint64_t pages_of_type(const struct map_zone *zone, unsigned int type)
{
	uint64_t pages = 0;

	for (unsigned int order = 0; order < MAP_ORDERS; order++)
		pages += zone->blocks[order][type] << order;
	return pages;
}

/* The map's sums are those that the state itself gives; isolated pages are free and not counted. */
static void expect_sums(const struct map *map)
{
	for (unsigned int i = 0; i < map->nr_zones; i++) {
		const struct map_zone *zone = &map->zones[i];
		struct map_cell cell = map_cell(map, i, 0, map->machine.max_pfn);
		uint64_t heads = 0;

		for (uint64_t pfn = 0; pfn < map->machine.max_pfn; pfn++)
			heads += map->frames[pfn].zone == i && map->frames[pfn].head &&
				 map->frames[pfn].state == MAP_FREE;
		uint64_t isolated = pages_of_type(zone, TYPE_ISOLATE);

		/* 5.10 goes on counting what it lost */
		if (map->machine.profile == PROFILE_LINUX_5_10)
			EXPECT(cell.frames[MAP_FREE] <= zone->free + isolated);
		else
			EXPECT_EQ(cell.frames[MAP_FREE], zone->free + isolated);
		EXPECT_EQ(map_cell_present(&cell), zone->present);
		EXPECT_EQ(zone->present - cell.frames[MAP_RESERVED], zone->managed);
		EXPECT_EQ(heads, blocks_of(zone));
	}
}

static size_t widest_line(const char *text)
{
	size_t widest = 0;

	for (const char *line = text; *line;) {
		size_t length = strcspn(line, "\n");

		widest = length > widest ? length : widest;
		line += length + (line[length] == '\n');
	}
	return widest;
}

/* Text of a map; free it. Not inlined: gcc 12 would take what open_memstream() gave for a local. */
static __attribute__((noinline)) char *printed(const struct map *map, unsigned int width,
					       bool colours)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		exit(1);
	map_print(map, out, width, colours);
	fclose(out);
	return text;
}

static __attribute__((noinline)) char *drawn(const struct map *map)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		exit(1);
	EXPECT(map_draw(map, out));
	fclose(out);
	return text;
}

/* Every tag that begins ends; only the two that hold others stand open in between. */
static void expect_well_formed(const char *svg)
{
	unsigned int open = 0;

	for (const char *at = strchr(svg, '<'); at; at = strchr(at + 1, '<')) {
		const char *end = strchr(at, '>');

		if (!EXPECT(end != NULL))
			return;
		if (at[1] == '/')
			open--;
		else
			open += end[-1] != '/';
		EXPECT(open <= 3);
	}
	EXPECT_EQ(open, 0);
}

TEST(sums_and_widths_hold_whatever_a_program_leaves)
{
	const struct judge_options options = { .no_oracle = true };
	const struct generator_options random = { .seed = 5 };
	struct generator *g = generator_create(&random);
	struct judge *j = judge_create(&core_target, &options);
	struct program p;
	struct looked l;

	program_init(&p);
	for (unsigned int i = 0; i < 300 && EXPECT(generator_next(g, &p)); i++) {
		unsigned int width = 40 + i % 160;

		if (!look_at(j, &p, &l))
			break;
		expect_sums(&l.map);
		char *text = printed(&l.map, width, false), *svg = drawn(&l.map);

		EXPECT(widest_line(text) <= (width > 80 ? width : 80));
		EXPECT(strchr(text, '\033') == NULL);
		expect_well_formed(svg);
		EXPECT(strstr(svg, "nan") == NULL && strstr(svg, "inf") == NULL);
		free(text);
		free(svg);
		forget(&l);
	}
	program_free(&p);
	judge_destroy(j);
	generator_destroy(g);
}

/*
 * DMA has 1..31. Pageblock 0 begins in a hole and stays Unmovable: 1:0 2:1 4:2 8:3 (pfn:order). Four
 * pages go to the list of CPU 0, the smallest blocks first: 1, 2, 3 and 4. The first is handed out.
 *
 * Normal has 32..127, of which 125 and up are memmap; all of it Movable: 32:5 64:5 96:4 112:3 120:2
 * 124:0. An Unmovable block of 16 steals the first of the largest, with both its pageblocks.
 */
static const char world[] =
	"lostbuddy 1\n"
	"machine pages=128 dma_end=32 dma32_end=32 top_order=5 high=12 batch=4\n"
	"p0 = alloc_pages(order=4, gfp=KERNEL) @cpu0\n"
	"p1 = alloc_pages(order=0, gfp=DMA) @cpu0\n";

static const char *const rows[] = {
	"node 0, CPUs 0\n",
	"DMA       pfn 1 to 31, 124 KiB\n          27 of 31 managed pages free, marks ",
	"       0  U  #ppp01.3....... M 4...............\n",
	"          order      0    1    2    3    4    5\n"
	"          U free     1    1    -    1    -    -\n"
	"          M free     -    -    -    -    1    -\n",
	"Normal    pfn 32 to 127, 384 KiB\n          77 of 93 managed pages free, marks ",
	"      32  U ################ U 4............... M 5...............\n"
	"      80  M ................ M 4............... M 3.......2...0===\n",
	"          order      0    1    2    3    4    5\n"
	"          U free     -    -    -    -    1    -\n"
	"          M free     1    -    1    1    1    1\n",
};

static unsigned int count(const char *text, const char *word)
{
	unsigned int found = 0;

	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
		found++;
	return found;
}

static bool look_at_text(const char *text, struct looked *l)
{
	const struct judge_options options = { .no_oracle = true };
	struct judge *j = judge_create(&core_target, &options);
	struct text_error error;
	struct program p;

	program_init(&p);
	if (!EXPECT(program_parse(&p, text, strlen(text), &error)))
		fprintf(stderr, "%u:%u: %s\n", error.line, error.column, error.what);
	bool looked = look_at(j, &p, l);

	program_free(&p);
	judge_destroy(j);
	return looked;
}

TEST(a_small_machine_is_drawn_frame_by_frame)
{
	struct looked l;

	if (!look_at_text(world, &l))
		return;
	char *text = printed(&l.map, 80, false);
	const char *at = text;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && at; i++) {
		at = strstr(at, rows[i]);
		if (!EXPECT(at != NULL))
			fprintf(stderr, "there is no\n%sin\n%s", rows[i], text);
	}
	free(text);
	text = printed(&l.map, 80, true);
	EXPECT(strstr(text, "\033[31mU\033[0m ") != NULL);
	free(text);
	forget(&l);
}

/* Four free blocks of DMA and six of Normal: those of the table above. */
TEST(a_picture_has_a_number_for_each_free_block)
{
	struct looked l;

	if (!look_at_text(world, &l))
		return;
	char *svg = drawn(&l.map);

	EXPECT_EQ(count(svg, "class='order'"), 4 + 6);
	EXPECT_EQ(count(svg, "class='zone'"), 2);
	EXPECT_EQ(count(svg, "class='node'"), 1);
	free(svg);
	forget(&l);
}

/*
 * 16384 pages in pageblocks of 512: a column each. The first holds the hole and is Unmovable; one is
 * taken whole, and stays what it was; memmap takes half of the last but a little.
 */
TEST(a_large_machine_is_drawn_by_pageblocks)
{
	struct looked l;

	if (!look_at_text("lostbuddy 1\n"
			  "machine pages=16384 dma_end=0 dma32_end=0 pageblock_order=9 top_order=9 "
			  "section=16384\n"
			  "p0 = alloc_pages(order=9, gfp=HIGHUSER_MOVABLE) @cpu0\n",
			  &l))
		return;
	char *text = printed(&l.map, 80, false);

	EXPECT(strstr(text, "       0  UMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM\n"
			    "          .#.............................=\n") != NULL);
	EXPECT(strstr(text, "a cell is 2.0 MiB\n") != NULL);
	free(text);
	forget(&l);
}

TEST(a_state_that_cannot_be_read_makes_no_map)
{
	struct looked l;
	struct map map;

	if (!look_at_text(world, &l))
		return;
	uint64_t *pageblocks = l.state;

	while (*pageblocks != LB_STATE_PAGEBLOCKS)
		pageblocks += 2 + pageblocks[1];
	pageblocks[1] = UINT64_MAX; /* a length beyond the end */
	EXPECT(!map_build(&map, &l.map.machine, l.state, l.size));
	map_free(&map);
	pageblocks[1] = 1; /* no room for the types */
	EXPECT(!map_build(&map, &l.map.machine, l.state, l.size));
	map_free(&map);
	forget(&l);
}

TEST(cpus_are_listed_in_ranges)
{
	static struct map map;
	char text[256];

	map.machine.nr_cpus = 6;
	map.machine.cpu_node[1] = map.machine.cpu_node[5] = 1;
	EXPECT_STR(map_cpus(&map, 0, text), "0,2-4");
	EXPECT_STR(map_cpus(&map, 1, text), "1,5");
	EXPECT_STR(map_cpus(&map, 2, text), "none");
}

TEST_MAIN
