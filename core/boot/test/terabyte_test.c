/*
 * A machine of 1 TiB with deferred memory: what of the host it takes, and that it works as a small
 * one.
 *
 *   DMA, DMA32: 4 GiB, initialised | Normal: a section, initialised | deferred ... | memmap: 16 GiB
 *
 * Struct pages of the first and the last, 64 + 2 + 256 MiB, are what boot must touch; the limit is
 * 512 MiB.
 */
#define _GNU_SOURCE
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lostbuddy/vmstat.h"
#include "test.h"
#include "test/world.h"

enum {
	LIMIT_KBYTES = 512 << 10,
	SECTION = 32768,
	DMA_END = 4096,
	DMA32_END = 1 << 20,
	TERABYTE = 1 << 28, /* pages */
	PC_HOLE = 3 << 18,  /* 3 GiB: a quarter of it is not memory */
	SECTIONS_WANTED = 12,
	BLOCKS = SECTIONS_WANTED * SECTION >> 10,
};

static struct mm_config terabyte(bool flat)
{
	struct mm_config c = {
		.profile = &mm_profile_linux_6_1,
		.nr_nodes = 1,
		.nr_cpus = 4,
		.deferred = true,
		.flat = flat,
		.top_order = 10,
		.pageblock_order = 9,
		.max_pfn = TERABYTE,
		.dma_end = DMA_END,
		.dma32_end = DMA32_END,
		.section_pages = SECTION,
		.percpu_unit_pages = 64,
		.min_free_kbytes = MM_BY_FORMULA,
		.pcp_high = MM_BY_FORMULA,
		.pcp_batch = MM_BY_FORMULA,
		.watermark_scale_factor = 10,
		.watermark_boost_factor = 15000,
		.lowmem_reserve_ratio = { 256, 256, 32, 0 },
		.distance = { { 10 } },
		.nr_memory = 2,
		.memory = { { 1, PC_HOLE, 0, false, false },
			    { DMA32_END, TERABYTE, 0, false, false } },
	};

	return c;
}

/*
 * Blocks of the top order from Normal: each of its own place, writable, of a zone that grows for
 * them.
 */
static void take_sections(struct world *w, struct page *blocks[BLOCKS])
{
	const struct zone *normal = mm_zone(w->machine, 0, ZONE_NORMAL);
	uint64_t managed = normal->managed_pages;
	unsigned int grew = 0;

	for (unsigned int i = 0; i < BLOCKS; i++) {
		blocks[i] = alloc_pages(GFP_KERNEL, 10);
		if (!EXPECT(blocks[i] != NULL))
			return;
		EXPECT(page_zone(w->machine, blocks[i]) == normal);
		EXPECT(is_aligned(page_to_pfn(blocks[i]), 10));
		EXPECT_EQ(page_count(blocks[i]), 1);
		EXPECT(page_to_pfn(blocks[i]) + 1024 <= w->machine->nodes[0].first_deferred_pfn);
		*(pfn_t *)page_address(blocks[i]) = page_to_pfn(blocks[i]);
		grew += normal->managed_pages != managed;
		managed = normal->managed_pages;
	}
	EXPECT(grew >= SECTIONS_WANTED - 2);
	for (unsigned int i = 0; i < BLOCKS; i++)
		EXPECT_EQ(*(const pfn_t *)page_address(blocks[i]), page_to_pfn(blocks[i]));
}

static void expect_as_booted(const struct world *w)
{
	const struct zone *normal = mm_zone(w->machine, 0, ZONE_NORMAL);

	/*
	 * Node 0's highest zone begins at 2^20, a multiple of the section: its 32769th page is more
	 * than a section has, and begins the next.
	 */
	EXPECT_EQ(w->machine->nodes[0].first_deferred_pfn, DMA32_END + SECTION);
	EXPECT_EQ(normal->managed_pages, SECTION);
	EXPECT_EQ(zone_free_pages_snapshot(normal), SECTION);
	/*
	 * 64 bytes a page, zone by zone, of DMA32 without its hole, and 4 percpu units, all from
	 * the top
	 */
	uint64_t memmap = 64 + (PC_HOLE - DMA_END) / 64 + (TERABYTE - DMA32_END) / 64;

	EXPECT_EQ(SECTION + w->machine->nodes[0].deferred_pages + memmap + 4 * 64,
		  TERABYTE - DMA32_END);
	EXPECT(PageReserved(pfn_to_page(TERABYTE - 1)));
	EXPECT_EQ(page_count(pfn_to_page(TERABYTE - 1)), 1);
	EXPECT(PageBuddy(pfn_to_page(DMA32_END)));
	/* deferred: zeros */
	EXPECT_EQ(pfn_to_page(DMA32_END + SECTION)->flags, 0);
}

static void run_it(bool flat)
{
	static struct page *blocks[BLOCKS];
	const struct mm_config config = terabyte(flat);
	struct world w;
	char why[256];

	world_open_config(&w, &config);
	expect_as_booted(&w);
	take_sections(&w, blocks);
	if (!EXPECT(mm_machine_check(w.machine, why)))
		fprintf(stderr, "%s\n", why);
	for (unsigned int i = 0; i < BLOCKS; i++)
		__free_pages(blocks[i], 10);
	mm_machine_reset(w.machine);
	expect_as_booted(&w);
	take_sections(&w, blocks); /* and all over again */
	mm_machine_reset(w.machine);
	world_close(&w);
}

/* In a process of its own, whose peak is known when it has ended. */
static void expect_within_limit(bool flat)
{
	struct rusage usage;
	int status = -1;

	fflush(NULL);
	pid_t child = fork();

	if (child == 0) {
		test_failures = 0;
		run_it(flat);
		fflush(NULL);
		_exit(test_failures != 0);
	}
	EXPECT(child > 0 && wait4(child, &status, 0, &usage) == child);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	printf("       %ld MiB at most\n", usage.ru_maxrss >> 10);
	EXPECT(usage.ru_maxrss > 0 && usage.ru_maxrss < LIMIT_KBYTES);
}

TEST(a_terabyte_boots_and_grows_within_512_mib)
{
	expect_within_limit(false);
}

TEST(a_flat_memory_map_of_it_does_too)
{
	expect_within_limit(true);
}

TEST(frames_of_the_hole_exist_in_a_flat_map_only)
{
	for (int flat = 0; flat < 2; flat++) {
		const struct mm_config config = terabyte(flat);
		struct world w;

		world_open_config(&w, &config);
		EXPECT_EQ(pfn_valid(PC_HOLE), flat);
		EXPECT_EQ(pfn_valid(DMA32_END - 1), flat);
		EXPECT(pfn_valid(DMA32_END) && pfn_valid(PC_HOLE - 1) && !pfn_valid(TERABYTE));
		if (flat)
			EXPECT(PageReserved(pfn_to_page(PC_HOLE)) &&
			       page_count(pfn_to_page(PC_HOLE)) == 1);
		world_close(&w);
	}
}

TEST_MAIN
