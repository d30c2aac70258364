/*
 * Boot: the worked examples of the facts (section 20), on machines made in code. Every number below
 * is written from there.
 */
#include "common.h"

/* A PC's constants: P = 9, T = 10, 16 MiB and 4 GiB borders. */
static struct machine pc_machine(uint32_t cpus)
{
	struct machine m;

	machine_default(&m);
	m.pageblock_order = 9;
	m.top_order = 10;
	m.dma_end = 4096;
	m.dma32_end = 1048576;
	m.section_pages = 32768;
	m.nr_cpus = cpus;
	m.nr_memory = 0;
	return m;
}

static void add_memory(struct machine *m, uint64_t start, uint64_t end)
{
	m->memory[m->nr_memory++] = (struct machine_range){ .start = start, .end = end };
	m->max_pfn = end;
}

/*
 * Example 2: 128 MiB with the hole at 640K; so much is reserved that 3840 and 14370 pages are
 * managed.
 */
static struct shadow *boot_128m(void)
{
	static const struct machine_range reserved[] = { { .start = 1, .end = 159 },
							 { .start = 4096, .end = 18366 } };
	struct machine m = pc_machine(1);

	add_memory(&m, 1, 159);
	add_memory(&m, 256, 32736);
	m.pc = 1;
	return booted(&m, reserved, 2);
}

TEST(example_2_zones_of_128_mib)
{
	struct shadow *s = boot_128m();
	const struct zone *dma = zone_at(s, 0, ZONE_DMA), *dma32 = zone_at(s, 0, ZONE_DMA32);

	EXPECT_EQ(s->nr_zones, 2);
	EXPECT_EQ(dma->start, 1);
	EXPECT_EQ(dma->spanned, 4095);
	EXPECT_EQ(dma->present, 3998);
	EXPECT_EQ(dma->managed, 3840);
	EXPECT_EQ(dma32->start, 4096);
	EXPECT_EQ(dma32->spanned, 28640);
	EXPECT_EQ(dma32->present, 28640);
	EXPECT_EQ(dma32->managed, 14370);
	/* "Total pages": memmap 64 + 448 and dma_reserve 158 are off */
	EXPECT_EQ(s->initial_managed[0] + s->initial_managed[1], 31968);
	EXPECT_EQ(s->state->grouping_off, 0);
	shadow_destroy(s);
}

TEST(example_3_marks_of_128_mib)
{
	struct shadow *s = boot_128m();
	const struct zone *dma = zone_at(s, 0, ZONE_DMA), *dma32 = zone_at(s, 0, ZONE_DMA32);

	EXPECT_EQ(s->state->tunables[SYSCTL_MIN_FREE_KBYTES], 1079);
	EXPECT_EQ(dma->mark[WMARK_MIN], 56);
	EXPECT_EQ(dma->mark[WMARK_LOW], 70);
	EXPECT_EQ(dma->mark[WMARK_HIGH], 84);
	EXPECT_EQ(dma32->mark[WMARK_MIN], 212);
	EXPECT_EQ(dma32->mark[WMARK_LOW], 265);
	EXPECT_EQ(dma32->mark[WMARK_HIGH], 318);
	EXPECT_EQ(dma->reserve[ZONE_DMA], 0);
	EXPECT_EQ(dma->reserve[ZONE_DMA32], 56);
	EXPECT_EQ(dma->reserve[ZONE_NORMAL], 56);
	EXPECT_EQ(dma->reserve[ZONE_MOVABLE], 56);
	shadow_destroy(s);
}

TEST(example_4_page_lists_of_128_mib)
{
	struct shadow *s = boot_128m();

	EXPECT_EQ(s->pcp[0].high, 70);
	EXPECT_EQ(s->pcp[0].batch, 1);
	EXPECT_EQ(s->pcp[1].high, 265);
	EXPECT_EQ(s->pcp[1].batch, 3);
	shadow_destroy(s);
}

TEST(example_5_512_mib_and_two_cpus)
{
	struct machine m = pc_machine(2);

	add_memory(&m, 256, 4096 + 110950);

	struct shadow *s = booted(&m, NULL, 0);
	const struct zone *dma = zone_at(s, 0, ZONE_DMA), *dma32 = zone_at(s, 0, ZONE_DMA32);

	EXPECT_EQ(s->state->tunables[SYSCTL_MIN_FREE_KBYTES], 2710);
	EXPECT_EQ(dma->mark[WMARK_MIN], 22);
	EXPECT_EQ(dma->mark[WMARK_LOW], 27);
	EXPECT_EQ(dma->mark[WMARK_HIGH], 32);
	EXPECT_EQ(dma32->mark[WMARK_MIN], 654);
	EXPECT_EQ(dma32->mark[WMARK_LOW], 817);
	EXPECT_EQ(dma32->mark[WMARK_HIGH], 980);
	EXPECT_EQ(dma->reserve[ZONE_DMA32], 433);
	EXPECT_EQ(page_lists_of(s, dma, 1)->high, 13);
	EXPECT_EQ(page_lists_of(s, dma, 1)->batch, 1);
	EXPECT_EQ(page_lists_of(s, dma32, 1)->high, 408);
	EXPECT_EQ(page_lists_of(s, dma32, 1)->batch, 31);
	shadow_destroy(s);
}

TEST(example_6_6_gib_four_cpus_and_thp)
{
	struct machine m = pc_machine(4);

	m.thp = 1;
	add_memory(&m, 256, 4096 + 752332);
	add_memory(&m, 1048576, 1048576 + 758281);

	struct shadow *s = booted(&m, NULL, 0);
	const struct zone *dma = zone_at(s, 0, ZONE_DMA), *dma32 = zone_at(s, 0, ZONE_DMA32);
	const struct zone *normal = zone_at(s, 0, ZONE_NORMAL);

	EXPECT_EQ(s->state->tunables[SYSCTL_MIN_FREE_KBYTES], 67584);
	EXPECT_EQ(dma->mark[WMARK_MIN], 42);
	EXPECT_EQ(dma->mark[WMARK_LOW], 52);
	EXPECT_EQ(dma->mark[WMARK_HIGH], 62);
	EXPECT_EQ(dma32->mark[WMARK_MIN], 8393);
	EXPECT_EQ(dma32->mark[WMARK_LOW], 10491);
	EXPECT_EQ(dma32->mark[WMARK_HIGH], 12589);
	EXPECT_EQ(normal->mark[WMARK_MIN], 8459);
	EXPECT_EQ(normal->mark[WMARK_LOW], 10573);
	EXPECT_EQ(normal->mark[WMARK_HIGH], 12687);
	EXPECT_EQ(dma->reserve[ZONE_DMA32], 2938);
	EXPECT_EQ(dma->reserve[ZONE_NORMAL], 5900);
	EXPECT_EQ(dma->reserve[ZONE_MOVABLE], 5900);
	EXPECT_EQ(dma32->reserve[ZONE_DMA32], 0);
	EXPECT_EQ(dma32->reserve[ZONE_NORMAL], 2962);
	EXPECT_EQ(dma32->reserve[ZONE_MOVABLE], 2962);
	EXPECT_EQ(page_lists_of(s, dma32, 3)->high, 2622);
	EXPECT_EQ(page_lists_of(s, dma32, 3)->batch, 63);
	EXPECT_EQ(page_lists_of(s, normal, 0)->high, 2643);
	EXPECT_EQ(page_lists_of(s, normal, 0)->batch, 63);
	shadow_destroy(s);
}

/* A machine with three zones whose managed pages are then what the example says. */
static struct shadow *with_managed(uint64_t dma, uint64_t dma32, uint64_t normal)
{
	struct machine m = pc_machine(1);

	add_memory(&m, 256, 8192);
	add_memory(&m, 1048576, 1048576 + 1024);

	struct shadow *s = booted(&m, NULL, 0);

	zone_at(s, 0, ZONE_DMA)->managed = dma;
	zone_at(s, 0, ZONE_DMA32)->managed = dma32;
	zone_at(s, 0, ZONE_NORMAL)->managed = normal;
	for (unsigned int i = 0; i < 3; i++)
		memset(s->zones[i].mark, 0, sizeof(s->zones[i].mark));
	return s;
}

TEST(example_7_16_gib)
{
	struct shadow *s = with_managed(3840, 757760, 3317760);

	s->state->tunables[SYSCTL_MIN_FREE_KBYTES] = 67584;
	shadow_watermark_setup(s);
	shadow_reserves_setup(s);
	EXPECT_EQ(s->zones[0].mark[WMARK_MIN], 15);
	EXPECT_EQ(s->zones[0].mark[WMARK_LOW], 18);
	EXPECT_EQ(s->zones[0].mark[WMARK_HIGH], 21);
	EXPECT_EQ(s->zones[1].mark[WMARK_MIN], 3138);
	EXPECT_EQ(s->zones[1].mark[WMARK_LOW], 3922);
	EXPECT_EQ(s->zones[1].mark[WMARK_HIGH], 4706);
	EXPECT_EQ(s->zones[2].mark[WMARK_MIN], 13741);
	EXPECT_EQ(s->zones[2].mark[WMARK_LOW], 17176);
	EXPECT_EQ(s->zones[2].mark[WMARK_HIGH], 20611);
	EXPECT_EQ(s->zones[0].reserve[ZONE_DMA32], 2960);
	EXPECT_EQ(s->zones[0].reserve[ZONE_NORMAL], 15920);
	EXPECT_EQ(s->zones[1].reserve[ZONE_NORMAL], 12960);
	/* where min / 4 is less than a thousandth of the zone, that is the gap */
	s->state->tunables[SYSCTL_MIN_FREE_KBYTES] = 16157;
	shadow_watermark_setup(s);
	EXPECT_EQ(s->zones[2].mark[WMARK_MIN], 3284);
	EXPECT_EQ(s->zones[2].mark[WMARK_LOW], 6601);
	EXPECT_EQ(s->zones[2].mark[WMARK_HIGH], 9918);
	shadow_destroy(s);
}

TEST(example_1_square_roots)
{
	static const struct {
		uint64_t pages;
		int64_t kbytes;
	} rows[] = { { 4096, 512 },	 { 32768, 1448 },	 { 262144, 4096 },
		     { 4194304, 16384 }, { 1073741824, 262144 }, { 1, 128 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct shadow *s = with_managed(0, 0, rows[i].pages);

		EXPECT_EQ(shadow_min_free_by_formula(s), rows[i].kbytes);
		shadow_destroy(s);
	}
}

TEST(example_11_free_memory_is_cut_into_blocks)
{
	/*
	 * all but 0x12345..0x13001 is reserved, and so is the first MiB: 256..4096 is the whole DMA
	 * zone
	 */
	static const struct machine_range reserved[] = { { .start = 4096, .end = 0x12345 },
							 { .start = 0x13001, .end = 0x14000 } };
	struct machine m = pc_machine(1);

	add_memory(&m, 256, 0x14000);
	m.section_pages = 1u << 20;

	struct shadow *s = booted(&m, reserved, 2);

	EXPECT_STR(free_text(s, 0, 8, MT_UNMOVABLE), "256"); /* its pageblock starts in a hole */
	EXPECT_STR(free_text(s, 0, 9, MT_MOVABLE), "512");
	EXPECT_STR(free_text(s, 0, 10, MT_MOVABLE), "1024 2048 3072");
	EXPECT_STR(free_text(s, 1, 0, MT_MOVABLE), "74565 77824"); /* 0x12345 0x13000 */
	EXPECT_STR(free_text(s, 1, 1, MT_MOVABLE), "74566");
	EXPECT_STR(free_text(s, 1, 2, MT_MOVABLE), "");
	EXPECT_STR(free_text(s, 1, 3, MT_MOVABLE), "74568");
	EXPECT_STR(free_text(s, 1, 4, MT_MOVABLE), "74576");
	EXPECT_STR(free_text(s, 1, 5, MT_MOVABLE), "74592");
	EXPECT_STR(free_text(s, 1, 7, MT_MOVABLE), "74624");
	EXPECT_STR(free_text(s, 1, 10, MT_MOVABLE), "74752 75776 76800");
	EXPECT_EQ(zone_at(s, 0, ZONE_DMA32)->managed, 0x13001 - 0x12345);
	shadow_destroy(s);
}

TEST(a_block_that_starts_in_a_hole_is_unmovable)
{
	struct machine m = bare_machine(64);
	struct shadow *s = booted(&m, NULL, 0);

	EXPECT_EQ(shadow_pageblock_type(s, 1), MT_UNMOVABLE); /* pfn 0 is absent */
	EXPECT_EQ(shadow_pageblock_type(s, 16), MT_MOVABLE);
	EXPECT_EQ(shadow_pageblock_type(s, 48), MT_MOVABLE);
	/*  0    1 2..3 4..7 8..15 | 16..31 | 32..63 */
	EXPECT_STR(free_text(s, 0, 0, MT_UNMOVABLE), "1");
	EXPECT_STR(free_text(s, 0, 1, MT_UNMOVABLE), "2");
	EXPECT_STR(free_text(s, 0, 2, MT_UNMOVABLE), "4");
	EXPECT_STR(free_text(s, 0, 3, MT_UNMOVABLE), "8");
	EXPECT_STR(free_text(s, 0, 4, MT_MOVABLE), "16");
	EXPECT_STR(free_text(s, 0, 5, MT_MOVABLE), "32");
	shadow_destroy(s);
}

TEST(the_upper_part_of_the_highest_zone_is_deferred)
{
	/*
	 * Sections of 64, memory 1..256: 64 pages are seen at pfn 65, so 128 is the first deferred
	 * frame. 150 is reserved. Early: 1 2 4 8 16 32 64..128. Later: pageblocks of 16, or single
	 * pages around 150, joined as they come: 144..150 = 144..147, 148..149; 151..160 = 151,
	 * 152..159; 128..144 waits for its buddy.
	 */
	static const struct machine_range reserved[] = { { .start = 150, .end = 151 } };
	struct machine m = bare_machine(256);

	m.section_pages = 64;

	struct shadow *s = booted(&m, reserved, 1);

	EXPECT_STR(free_text(s, 0, 6, MT_MOVABLE), "64 192");
	EXPECT_STR(free_text(s, 0, 5, MT_MOVABLE), "32 160");
	EXPECT_STR(free_text(s, 0, 4, MT_MOVABLE), "16 128");
	EXPECT_STR(free_text(s, 0, 2, MT_MOVABLE), "144");
	EXPECT_STR(free_text(s, 0, 1, MT_MOVABLE), "148");
	EXPECT_STR(free_text(s, 0, 0, MT_MOVABLE), "151");
	EXPECT_STR(free_text(s, 0, 3, MT_MOVABLE), "152");
	shadow_destroy(s);
}

TEST(grouping_is_off_below_five_pageblocks)
{
	/*
	 * P = 4: 80 pages are the limit; memmap takes (pages * 64 + 4095) / 4096 of them first: 2
	 * of 82 and of 81
	 */
	struct machine m = bare_machine(83);
	struct shadow *s = booted(&m, NULL, 0);

	EXPECT_EQ(s->state->grouping_off, 0); /* 82 - 2 = 80 */
	shadow_destroy(s);
	m = bare_machine(82);
	s = booted(&m, NULL, 0);
	EXPECT_EQ(s->state->grouping_off, 1);
	shadow_destroy(s);
}

TEST_MAIN
