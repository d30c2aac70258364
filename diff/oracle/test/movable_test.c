/*
 * Where Movable begins: the worked examples of the facts (section 20: 23, 24), and small machines counted
 * by hand.
 */
#include "common.h"

/* ---- The worked examples ---- */

static struct machine pc_machine(void)
{
	struct machine m;

	machine_default(&m);
	m.pc = 1;
	m.pageblock_order = 9;
	m.top_order = 10;
	m.dma_end = 4096;
	m.dma32_end = 1048576;
	m.section_pages = 32768;
	m.nr_memory = 2;
	m.memory[0] = (struct machine_range){ .start = 1, .end = 159 };
	return m;
}

/* 2 x 512 MiB, the last 32 pages of which the firmware keeps. */
static struct machine two_nodes_of_512_mib(void)
{
	struct machine m = pc_machine();

	m.nr_nodes = 2;
	m.nr_memory = 3;
	m.memory[1] = (struct machine_range){ .start = 256, .end = 131072 };
	m.memory[2] = (struct machine_range){ .start = 131072, .end = 262112, .node = 1 };
	m.max_pfn = 262112;
	return m;
}

TEST(example_23_kernelcore_of_256_mib)
{
	struct machine m = two_nodes_of_512_mib();
	uint64_t starts[MACHINE_MAX_NODES];

	m.kernelcore_pages = 65536;
	shadow_movable_starts(&m, starts);
	EXPECT_EQ(starts[0], 33792);
	EXPECT_EQ(starts[1], 163840);
}

TEST(example_23_movablecore_of_300_mib)
{
	struct machine m = two_nodes_of_512_mib();
	uint64_t starts[MACHINE_MAX_NODES];

	m.movablecore_pages = 76800;
	shadow_movable_starts(&m, starts);
	EXPECT_EQ(starts[0], 93184);
	EXPECT_EQ(starts[1], 224256);
}

TEST(example_24_movablecore_of_512_mib_in_2_gib)
{
	struct machine m = pc_machine();
	uint64_t starts[MACHINE_MAX_NODES];

	m.memory[1] = (struct machine_range){ .start = 256, .end = 524256 };
	m.max_pfn = 524256;
	m.movablecore_pages = 131072;
	shadow_movable_starts(&m, starts);
	EXPECT_EQ(starts[0], 0x60000000 >> 12);
}

/* ---- One small node ---- */

/* 511 pages, blocks of 64; DMA to 64, DMA32 to 256, Normal to 512. */
static struct machine small(void)
{
	struct machine m;

	machine_default(&m);
	m.dma_end = 64;
	m.dma32_end = 256;
	return m;
}

TEST(what_one_small_node_keeps_for_the_kernel)
{
	static const struct {
		uint64_t kernelcore, movablecore;
		uint32_t kernelcore_percent, movablecore_percent;
		uint64_t start;
		const char *why;
	} rows[] = {
		{ 300, 0, 0, 0, 320, "255 below Normal, then 45: 301, rounded up" },
		{ 100, 0, 0, 0, 256, "all of it lies below Normal" },
		{ 447, 0, 0, 0, 448, "255 and 192: on a block's border" },
		{ 448, 0, 0, 0, 0, "449 becomes 512, the node's end" },
		{ 511, 0, 0, 0, 0, "all there is" },
		{ 9999, 0, 0, 0, 0, "more than there is" },
		{ 0, 0, 30, 0, 256, "153 pages" },
		{ 0, 0, 80, 0, 448, "408 pages: 255 and 153: 409" },
		{ 0, 0, 100, 0, 0, "all there is" },
		{ 0, 300, 0, 0, 256, "320, which leaves 191 for the kernel" },
		{ 0, 1, 0, 0, 448, "a whole block, which leaves 447" },
		{ 0, 600, 0, 0, 0, "no more than there is: nothing is left for the kernel" },
		{ 0, 0, 0, 10, 448, "51 pages are a block" },
		{ 320, 300, 0, 0, 384, "320 are more than 191: 255 and 65: 321" },
		{ 100, 64, 0, 0, 448, "447 are more than 100" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct machine m = small();
		uint64_t starts[MACHINE_MAX_NODES];

		m.kernelcore_pages = rows[i].kernelcore;
		m.movablecore_pages = rows[i].movablecore;
		m.kernelcore_percent = rows[i].kernelcore_percent;
		m.movablecore_percent = rows[i].movablecore_percent;
		shadow_movable_starts(&m, starts);
		if (!EXPECT_EQ(starts[0], rows[i].start))
			fprintf(stderr, "  row %zu: %s\n", i, rows[i].why);
	}
}

TEST(what_is_said_outright_stays)
{
	struct machine m = small();
	uint64_t starts[MACHINE_MAX_NODES];

	m.movable_start[0] = 384;
	EXPECT(!shadow_movable_is_derived(&m));
	shadow_movable_starts(&m, starts);
	EXPECT_EQ(starts[0], 384);
}

TEST(movable_cuts_the_zone_below_it)
{
	struct machine m = small();
	struct shadow *s;

	m.kernelcore_pages = 300;
	s = booted(&m, NULL, 0);
	EXPECT_EQ(zone_at(s, 0, ZONE_NORMAL)->start, 256);
	EXPECT_EQ(zone_at(s, 0, ZONE_NORMAL)->spanned, 64);
	EXPECT_EQ(zone_at(s, 0, ZONE_MOVABLE)->start, 320);
	EXPECT_EQ(zone_at(s, 0, ZONE_MOVABLE)->spanned, 192);
	EXPECT_EQ(zone_of(s, (uint64_t)take(s, GFP_HIGHUSER_MOVABLE, 4))->index, ZONE_MOVABLE);
	shadow_destroy(s);
}

/* ---- Nodes and holes; no borders, so that the only zone begins with memory ---- */

static struct machine ranges_machine(const char *text)
{
	struct machine m;

	machine_default(&m);
	m.dma_end = m.dma32_end = 0;
	m.nr_memory = 0;
	m.nr_nodes = 1;
	for (const char *at = text; *at;) {
		struct machine_range *range = &m.memory[m.nr_memory++];
		unsigned long long start, end;
		int used = 0;

		if (!EXPECT(sscanf(at, "%llu-%llu@%u %n", &start, &end, &range->node, &used) == 3))
			exit(1);
		range->start = start;
		range->end = end;
		if (m.nr_nodes <= range->node)
			m.nr_nodes = range->node + 1;
		m.max_pfn = end;
		at += used;
	}
	return m;
}

TEST(nodes_that_are_too_small_for_their_share_leave_it_to_others)
{
	/* 511 pages, 100 each: node 0 has 63, and node 1 then gives 37 more: 164 + 37 = 201 */
	struct machine m = ranges_machine("1-64@0 64-512@1");
	uint64_t starts[MACHINE_MAX_NODES];

	m.kernelcore_pages = 200;
	shadow_movable_starts(&m, starts);
	EXPECT_EQ(starts[0], 0);
	EXPECT_EQ(starts[1], 256);
}

TEST(shares_shrink_when_memory_below_the_highest_zone_gives_more_than_its_own)
{
	/*
	 * 100 each: node 0 gives 255 below Normal, 45 are left, which is less than a share; 15 each: 271,
	 * 399, 15 left. Once more with two nodes, 7 each: 278, 406, and 1 left, not more than one node.
	 */
	struct machine m = ranges_machine("1-256@0 256-384@1 384-512@2");
	uint64_t starts[MACHINE_MAX_NODES];

	m.dma32_end = 256;
	m.kernelcore_pages = 300;
	shadow_movable_starts(&m, starts);
	EXPECT_EQ(starts[0], 0);
	EXPECT_EQ(starts[1], 320);
	EXPECT_EQ(starts[2], 448);
}

TEST(what_a_pass_gave_counts_once_and_a_rest_of_a_page_a_node_is_left)
{
	/*
	 * Blocks of 16. 117 each: node 0 gives 255, 97 are left: 32 each, 33 left. Two nodes, 16 each: 304
	 * and 432, on borders; 1 is left, and no third pass is made for it.
	 */
	struct machine m = ranges_machine("1-256@0 256-384@1 384-512@2");
	uint64_t starts[MACHINE_MAX_NODES];

	m.top_order = 4;
	m.dma32_end = 256;
	m.kernelcore_pages = 352;
	shadow_movable_starts(&m, starts);
	EXPECT_EQ(starts[0], 0);
	EXPECT_EQ(starts[1], 304);
	EXPECT_EQ(starts[2], 432);
}

TEST(a_share_goes_on_behind_a_hole)
{
	struct machine m = ranges_machine("1-100@0 200-512@0");
	uint64_t starts[MACHINE_MAX_NODES];

	m.kernelcore_pages = 120; /* 99, and 21 from 200 on */
	shadow_movable_starts(&m, starts);
	EXPECT_EQ(starts[0], 256);
	m.kernelcore_pages = 99; /* met in front of the hole: 100 */
	shadow_movable_starts(&m, starts);
	EXPECT_EQ(starts[0], 128);
}

/* ---- Memory that may be unplugged, memory that is kept twice ---- */

TEST(with_movable_node_the_lowest_hot_pluggable_memory_is_where_it_begins)
{
	struct machine m = ranges_machine("1-200@0 200-512@0 512-640@1 640-700@1");
	uint64_t starts[MACHINE_MAX_NODES];

	m.movable_node = 1;
	m.kernelcore_pages = 64; /* not asked */
	m.memory[1].hotplug = 1;
	shadow_movable_starts(&m, starts);
	EXPECT_EQ(starts[0], 256);
	EXPECT_EQ(starts[1], 0);
	m.memory[2].hotplug = m.memory[3].hotplug = 1;
	m.memory[1].hotplug = 0;
	shadow_movable_starts(&m, starts);
	EXPECT_EQ(starts[0], 0);
	EXPECT_EQ(starts[1], 512);
	m.memory[2].hotplug =
		0; /* 640 is on a block's border, and its rounded neighbour would not be there */
	m.memory[3].start = 650;
	shadow_movable_starts(&m, starts);
	EXPECT_EQ(starts[1], 0);
}

TEST(with_mirrored_memory_the_lowest_other_above_dma32_is_where_it_begins)
{
	struct machine m = ranges_machine("1-128@0 128-250@0 250-512@0 512-640@1");
	uint64_t starts[MACHINE_MAX_NODES];

	m.dma32_end = 128;
	m.kernelcore_mirror = 1;
	m.kernelcore_pages = 200; /* not asked */
	shadow_movable_starts(&m, starts);
	EXPECT_EQ(starts[0], 0); /* nothing is mirrored */
	m.memory[1].mirror = 1;
	shadow_movable_starts(&m, starts);
	EXPECT_EQ(starts[0], 256);
	EXPECT_EQ(starts[1], 512);
	m.movable_node = 1; /* goes first, and there is nothing to unplug */
	shadow_movable_starts(&m, starts);
	EXPECT_EQ(starts[0], 0);
}

TEST_MAIN
