/*
 * Where Movable begins: facts 2 ("Movable") and worked examples 23 and 24, then machines of all
 * kinds for what must hold whatever the shares come to. And what a kernel keeps for itself.
 */
#include "boot/boot.h"
#include "lostbuddy/vmstat.h"
#include "test.h"
#include "test/world.h"

/* Two nodes, as in the captured boots with 2 x 512 MiB: example 23. */
static struct mm_config two_nodes(void)
{
	struct mm_config c = {
		.profile = &mm_profile_linux_6_1,
		.pc = true,
		.nr_nodes = 2,
		.nr_cpus = 1,
		.top_order = 10,
		.pageblock_order = 9,
		.max_pfn = 262109,
		.dma_end = 4096,
		.dma32_end = 1048576,
		.section_pages = 32768,
		.min_free_kbytes = MM_BY_FORMULA,
		.pcp_high = MM_BY_FORMULA,
		.pcp_batch = MM_BY_FORMULA,
		.watermark_scale_factor = 10,
		.watermark_boost_factor = 15000,
		.lowmem_reserve_ratio = { 256, 256, 32, 0 },
		.distance = { { 10, 20 }, { 20, 10 } },
		.nr_memory = 3,
		.memory = { { 1, 159, 0, false, false },
			    { 256, 131072, 0, false, false },
			    { 131072, 262109, 1, false, false } },
	};

	return c;
}

/* The starts of two nodes. */
static void expect_starts(const struct mm_config *config, pfn_t node0, pfn_t node1)
{
	struct world w;

	world_open_config(&w, config);
	EXPECT_EQ(w.machine->nodes[0].movable_start, node0);
	if (config->nr_nodes > 1)
		EXPECT_EQ(w.machine->nodes[1].movable_start, node1);
	for (unsigned int node = 0; node < config->nr_nodes; node++) {
		const struct pglist_data *pgdat = &w.machine->nodes[node];
		const struct zone *zone = mm_zone(w.machine, node, ZONE_MOVABLE);

		EXPECT_EQ(zone->zone_start_pfn, pgdat->movable_start);
		EXPECT_EQ(zone->spanned_pages,
			  pgdat->movable_start ? pgdat->end_pfn - pgdat->movable_start : 0);
	}
	world_close(&w);
}

TEST(kernelcore_of_256_mib_is_shared_by_two_nodes) /* example 23: 32866 is rounded up */
{
	struct mm_config config = two_nodes();

	config.kernelcore_pages = (256 << 20) / PAGE_SIZE;
	expect_starts(&config, 33792, 163840);
}

TEST(movablecore_of_300_mib_leaves_the_rest_to_the_kernel) /* example 23 */
{
	struct mm_config config = two_nodes();

	config.movablecore_pages = (300 << 20) / PAGE_SIZE;
	expect_starts(&config, 93184, 224256);
}

/* Example 24: 393184 is rounded up to 393216, which is 0x60000000 in bytes. */
TEST(movablecore_of_512_mib_takes_the_top_of_two_gib)
{
	struct mm_config config = two_nodes();

	config.nr_nodes = 1;
	config.nr_memory = 2;
	config.max_pfn = config.memory[1].end = 524253; /* firmware keeps 35 pages below 2 GiB */
	config.movablecore_pages = (512 << 20) / PAGE_SIZE;
	expect_starts(&config, 393216, 0);
}

TEST(a_percentage_is_of_all_memory)
{
	struct mm_config config = two_nodes();

	/*
	 * 262011 * 25 / 100 = 65502, half of it 32751. Node 0: 3998 below the highest zone, 28753
	 * from 4096 on: 32849. Node 1: 131072 + 32751 = 163823.
	 */
	config.kernelcore_percent = 25;
	expect_starts(&config, 33792, 163840);
}

TEST(the_larger_of_both_demands_holds)
{
	struct mm_config config = two_nodes();

	config.kernelcore_pages = 65536;
	config.movablecore_pages = 76800; /* demands 185211 of the 262011 pages */
	expect_starts(&config, 93184, 224256);
	config.kernelcore_pages = 262011;
	expect_starts(&config, 0, 0);
}

/* A small world of one unit: borders at 64, blocks of 32 pages. */
static struct mm_config tiny(void)
{
	struct mm_config c = {
		.profile = &mm_profile_linux_6_1,
		.nr_nodes = 2,
		.nr_cpus = 1,
		.top_order = 5,
		.pageblock_order = 4,
		.max_pfn = 1024,
		.section_pages = 1024,
		.pcp_high = MM_BY_FORMULA,
		.pcp_batch = MM_BY_FORMULA,
		.watermark_scale_factor = 10,
		.watermark_boost_factor = 15000,
		.lowmem_reserve_ratio = { 256, 256, 32, 0 },
		.distance = { { 10, 20 }, { 20, 10 } },
		.nr_memory = 2,
		.memory = { { 1, 129, 0, false, false }, { 129, 1024, 1, false, false } },
	};

	return c;
}

TEST(what_a_small_node_cannot_keep_goes_to_the_others)
{
	struct mm_config config = tiny();

	/* 400: 200 each; node 0 has only 128, so node 1 keeps 72 more: 129 + 272 = 401 */
	config.kernelcore_pages = 400;
	expect_starts(&config, 0, 416);
}

TEST(memory_below_the_highest_zone_is_kept_and_counts)
{
	struct mm_config config = tiny();

	/* usable from 512: node 1 keeps 383 below it, more than its half of 400, and node 0 all */
	config.dma32_end = 512;
	config.kernelcore_pages = 400;
	expect_starts(&config, 0, 512);
	config.kernelcore_pages = 640; /* 129 short of that: 512 + 129 = 641 */
	expect_starts(&config, 0, 672);
}

TEST(movable_node_makes_hot_pluggable_memory_movable_and_nothing_else)
{
	struct mm_config config = tiny();
	struct world w;

	config.kernelcore_pages = 400; /* does not matter beside it */
	config.movable_node = true;
	config.memory[1].start = 160;
	config.memory[1].hotplug = true;
	config.percpu_unit_pages = 4;
	expect_starts(&config, 0, 160);
	world_open_config(&w, &config);
	/* memmap of node 1 would lie at its top: it went to node 0, as did all else */
	EXPECT_EQ(mm_zone(w.machine, 1, ZONE_MOVABLE)->managed_pages, 1024 - 160);
	EXPECT_EQ(mm_zone(w.machine, 0, ZONE_NORMAL)->managed_pages, 128 - 2 - 14 - 4);
	world_close(&w);
}

/* ---- kernelcore=mirror ---- */

/*
 *            0     1     129   160     512       600   700      1024
 * node 0           [ m   )
 * node 1                 [ m   | -     | -       | m   | -      )
 *                              dma32_end at 512: ^ 512 is the first that counts
 */
static struct mm_config mirrored(void)
{
	struct mm_config c = tiny();

	c.kernelcore_mirror = true;
	c.dma32_end = 512;
	c.nr_memory = 6;
	c.memory[0] = (struct mm_range){ 1, 129, 0, false, true };
	c.memory[1] = (struct mm_range){ 129, 160, 1, false, true };
	c.memory[2] = (struct mm_range){ 160, 300, 1, false, false };
	c.memory[3] = (struct mm_range){ 520, 600, 1, false, false };
	c.memory[4] = (struct mm_range){ 600, 700, 1, false, true };
	c.memory[5] = (struct mm_range){ 700, 1024, 1, false, false };
	return c;
}

TEST(what_is_not_mirrored_is_movable_from_dma32_end_on)
{
	struct mm_config config = mirrored();

	config.kernelcore_pages = 400;	/* does not matter beside it */
	expect_starts(&config, 0, 544); /* 520 rounded up to 32 */
	config.memory[3].mirror = true;
	expect_starts(&config, 0, 704); /* 700 */
	config.dma32_end = 96;		/* 160 is above it now */
	expect_starts(&config, 0, 160);
}

TEST(a_range_that_begins_below_dma32_end_is_the_kernels)
{
	struct mm_config config = mirrored();

	config.memory[2].end = 520; /* 160 .. 600, in one range: begins below 512 */
	expect_starts(&config, 0, 704);
}

TEST(without_mirrored_memory_kernelcore_mirror_does_nothing)
{
	struct mm_config config = mirrored();

	for (unsigned int i = 0; i < config.nr_memory; i++)
		config.memory[i].mirror = false;
	config.kernelcore_pages = 400;
	expect_starts(&config, 0, 0);
}

TEST(movable_node_goes_before_mirror)
{
	struct mm_config config = mirrored();

	config.movable_node = true;
	config.memory[5].hotplug = true;
	expect_starts(&config, 0, 704);
	config.memory[5].start = 736;
	expect_starts(&config, 0, 736);
}

TEST(boot_takes_its_own_memory_from_what_is_mirrored)
{
	struct mm_config config = mirrored();
	struct world w;

	/* node 1: 12 pages of struct pages, and all of them in 600 .. 700 */
	world_open_config(&w, &config);
	EXPECT(PageReserved(pfn_to_page(699)));
	EXPECT(!PageReserved(pfn_to_page(1023)));
	EXPECT(!PageReserved(pfn_to_page(299)));
	EXPECT(PageReserved(pfn_to_page(128))); /* node 0's two, in its own */
	EXPECT(PageReserved(pfn_to_page(127)));
	EXPECT(!PageReserved(pfn_to_page(126)));
	world_close(&w);
}

/* Pages below the Movable starts, of all nodes. */
static uint64_t kept_pages(const struct mm_machine *m)
{
	uint64_t pages = 0;

	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int type = 0; type < ZONE_MOVABLE; type++)
			pages += mm_zone(m, node, type)->present_pages;
	return pages;
}

static void expect_share_holds(const struct mm_config *config)
{
	struct world w;

	world_open_config(&w, config);
	/* shares are whole pages: one a node may be lost in dividing */
	EXPECT(kept_pages(w.machine) + config->nr_nodes > config->kernelcore_pages);
	for (unsigned int node = 0; node < config->nr_nodes; node++) {
		const struct pglist_data *pgdat = &w.machine->nodes[node];

		EXPECT(is_aligned(pgdat->movable_start, config->top_order));
		EXPECT(pgdat->movable_start == 0 || pgdat->movable_start < pgdat->end_pfn);
		EXPECT(pgdat->movable_start == 0 || pgdat->movable_start >= config->dma32_end);
	}
	world_close(&w);
}

/* Every demand on a few layouts: even, uneven, a node in two pieces, a border, a memoryless node. */
TEST(the_kernel_gets_what_it_demands_wherever_memory_lies)
{
	struct mm_config layouts[5];

	for (unsigned int i = 0; i < 5; i++)
		layouts[i] = tiny();
	layouts[1].memory[0].end = layouts[1].memory[1].start = 512;
	layouts[2].nr_memory = 3;
	layouts[2].memory[1] = (struct mm_range){ 160, 600, 1, false, false };
	layouts[2].memory[2] = (struct mm_range){ 601, 1024, 0, false, false };
	layouts[3].dma32_end = 256;
	layouts[4].nr_nodes = 3; /* node 2 has nothing */
	layouts[4].distance[2][2] = 10;
	for (unsigned int i = 0; i < 5; i++)
		for (uint64_t pages = 64; pages < 900; pages += 7) {
			layouts[i].kernelcore_pages = pages;
			expect_share_holds(&layouts[i]);
		}
}

/* ---- what a kernel keeps ---- */

TEST(a_zone_ends_with_the_pages_it_is_said_to_manage)
{
	struct mm_config config = tiny();
	struct world w;

	config.managed_pages[1][ZONE_NORMAL] = 700;
	world_open_config(&w, &config);
	EXPECT_EQ(mm_zone(w.machine, 1, ZONE_NORMAL)->managed_pages, 700);
	EXPECT_EQ(mm_zone(w.machine, 1, ZONE_NORMAL)->nr_free_pages, 700);
	/* 895 present, 14 of them memmap at the top: 181 kept, the lowest */
	EXPECT(PageReserved(pfn_to_page(129 + 180)));
	EXPECT(!PageReserved(pfn_to_page(129 + 181)));
	EXPECT_EQ(mm_zone(w.machine, 0, ZONE_NORMAL)->managed_pages, 128 - 2);
	world_close(&w);
}

/* The marks are those of a machine without the late pages; the pages are there all the same. */
TEST(late_pages_come_when_marks_are_made)
{
	struct mm_config config = tiny();
	uint64_t min_without, reserve_without;
	struct world w;

	config.min_free_kbytes = 128;
	config.dma32_end = 512;
	config.managed_pages[1][ZONE_NORMAL] = 400;
	config.managed_pages[1][ZONE_DMA32] = 300;
	world_open_config(&w, &config);
	min_without = mm_zone(w.machine, 1, ZONE_NORMAL)->_watermark[WMARK_MIN];
	reserve_without = (uint64_t)mm_zone(w.machine, 1, ZONE_DMA32)->lowmem_reserve[ZONE_NORMAL];
	world_close(&w);
	config.managed_pages[1][ZONE_NORMAL] = 450;
	config.late_pages[1][ZONE_NORMAL] = 50;
	world_open_config(&w, &config);
	const struct zone *normal = mm_zone(w.machine, 1, ZONE_NORMAL);

	EXPECT_EQ(normal->_watermark[WMARK_MIN], min_without);
	EXPECT_EQ(mm_zone(w.machine, 1, ZONE_DMA32)->lowmem_reserve[ZONE_NORMAL], reserve_without);
	EXPECT_EQ(normal->managed_pages, 450);
	EXPECT_EQ(zone_free_pages_snapshot(normal), 450);
	mm_machine_reset(w.machine);
	EXPECT_EQ(zone_free_pages_snapshot(normal), 450);
	world_close(&w);
}

TEST(a_zone_cannot_manage_more_than_boot_leaves)
{
	struct mm_config config = tiny();
	char error[256] = "";

	config.managed_pages[1][ZONE_NORMAL] = 882; /* 895 less 14 of memmap */
	EXPECT(mm_machine_create(&config, error) == NULL);
	EXPECT_STR(error,
		   "zone 2 of node 1 is to manage 882 pages, 0 of them late, but boot leaves "
		   "it 881; give it fewer");
}

TEST(a_real_percpu_unit_gives_back_what_it_does_not_use)
{
	struct mm_config config = two_nodes();
	struct world w;

	config.nr_cpus = 2;
	config.cpu_node[1] = 1;
	config.percpu_unit_pages = MM_PERCPU_REAL;
	world_open_config(&w, &config);
	/* memmap: 131037 * 64 bytes are 2048 pages; 62 pages a CPU: 217088 + 8192 + 28672 bytes */
	EXPECT_EQ(mm_zone(w.machine, 1, ZONE_DMA32)->managed_pages, 131037 - 2048 - 62);
	world_close(&w);
}

TEST(a_percentage_for_movable_is_of_all_memory_too)
{
	struct mm_config config = two_nodes();

	/*
	 * 262011 * 50 / 100 = 131005, rounded up 131072: 130939 are kept, half of it 65469. Node 0:
	 * 3998 below the highest zone, 61471 from 4096 on: 65567. Node 1: 131072 + 65469 = 196541.
	 */
	config.movablecore_percent = 50;
	expect_starts(&config, 66560, 196608);
}

TEST_MAIN
