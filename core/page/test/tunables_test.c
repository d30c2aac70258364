/* Tunables: what each write changes, and what it leaves alone (facts 4, 8). */
#include "test.h"
#include "test/world.h"

/*
 * One zone of 2048 pages, less pfn 0 and 32 for the memmap: 2015 managed. Two CPUs.
 * Written 400 kB: min 100; gap = max(25, 2015 * scale / 10000).
 */
static struct zone *open_world(struct world *w)
{
	world_open(w, (struct shape){ .pages = 2048, .cpus = 2, .top_order = 6 });
	struct zone *zone = mm_zone(w->machine, 0, ZONE_NORMAL);

	EXPECT_EQ(zone->managed_pages, 2015);
	return zone;
}

static void expect_marks(const struct zone *zone, uint64_t min, uint64_t low, uint64_t high)
{
	EXPECT_EQ(zone->_watermark[WMARK_MIN], min);
	EXPECT_EQ(zone->_watermark[WMARK_LOW], low);
	EXPECT_EQ(zone->_watermark[WMARK_HIGH], high);
}

TEST(min_free_kbytes_sets_the_marks_and_the_page_lists_and_drops_boosts)
{
	struct world w;
	struct zone *zone = open_world(&w);

	zone->watermark_boost = 16;
	EXPECT(mm_sysctl_write(w.machine, MM_SYSCTL_MIN_FREE_KBYTES, 400));
	expect_marks(zone, 100, 125, 150);
	EXPECT_EQ(zone->watermark_boost, 0);
	EXPECT_EQ(zone->pageset[1].high, 62); /* low / 2 CPUs */
	EXPECT_EQ(zone->pageset[1].batch, 1);
	EXPECT_EQ(w.machine->user_min_free_kbytes, 400);
	world_close(&w);
}

TEST(the_scale_factor_widens_the_gaps)
{
	struct world w;
	struct zone *zone = open_world(&w);

	EXPECT(mm_sysctl_write(w.machine, MM_SYSCTL_MIN_FREE_KBYTES, 400));
	EXPECT(mm_sysctl_write(w.machine, MM_SYSCTL_WATERMARK_SCALE_FACTOR, 1000));
	expect_marks(zone, 100, 100 + 201, 100 + 402);
	EXPECT(!mm_sysctl_write(w.machine, MM_SYSCTL_WATERMARK_SCALE_FACTOR, 0));
	EXPECT(!mm_sysctl_write(w.machine, MM_SYSCTL_WATERMARK_SCALE_FACTOR, 3001));
	expect_marks(zone, 100, 301, 502);
	world_close(&w);
}

TEST(a_fraction_takes_the_place_of_the_low_mark_in_the_size_of_page_lists)
{
	struct world w;
	struct zone *zone = open_world(&w);

	EXPECT(!mm_sysctl_write(w.machine, MM_SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION, 7));
	EXPECT(mm_sysctl_write(w.machine, MM_SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION, 8));
	EXPECT_EQ(zone->pageset[0].high, 2015 / 8 / 2);
	EXPECT(mm_sysctl_write(w.machine, MM_SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION, 0));
	EXPECT_EQ(zone->pageset[0].high, 4); /* no mark to go by: four batches of 1 */
	world_close(&w);
}

/* A real 6.1 showed it: marks may have been boosted since sizes were computed, and a write of what is there computes none. */
TEST(the_fraction_in_force_computes_nothing_when_it_is_written_again)
{
	struct world w;
	struct zone *zone = open_world(&w);

	zone->watermark_boost = 512;
	EXPECT(mm_sysctl_write(w.machine, MM_SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION, 0));
	EXPECT_EQ(zone->pageset[0].high, 4);
	EXPECT(mm_sysctl_write(w.machine, MM_SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION, 8));
	EXPECT(mm_sysctl_write(w.machine, MM_SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION, 0));
	/* the low mark is a gap of 2015 * 10 / 10000 above nothing, and boosted */
	EXPECT_EQ(zone->pageset[0].high, (2 + 512) / 2);
	world_close(&w);
}

TEST(a_ratio_changes_the_reserve_of_its_zone_alone)
{
	struct world w;

	/* DMA 0..256, DMA32 256..1024, Normal 1024..2048 less the memmap of all three: 4 + 12 + 16 */
	world_open(&w, (struct shape){
			       .pages = 2048, .top_order = 6, .dma_end = 256, .dma32_end = 1024 });
	const struct zone *dma = mm_zone(w.machine, 0, ZONE_DMA),
			  *dma32 = mm_zone(w.machine, 0, ZONE_DMA32);

	EXPECT_EQ(dma->lowmem_reserve[ZONE_NORMAL], (768 + 992) / 256);
	EXPECT(mm_sysctl_write(w.machine, MM_SYSCTL_LOWMEM_RESERVE_RATIO_DMA, 10));
	EXPECT_EQ(dma->lowmem_reserve[ZONE_DMA32], 76);
	EXPECT_EQ(dma->lowmem_reserve[ZONE_NORMAL], 176);
	EXPECT_EQ(dma->lowmem_reserve[ZONE_DMA], 0);
	EXPECT_EQ(dma32->lowmem_reserve[ZONE_NORMAL], 992 / 256);
	EXPECT(mm_sysctl_write(w.machine, MM_SYSCTL_LOWMEM_RESERVE_RATIO_DMA32, 0));
	EXPECT_EQ(dma32->lowmem_reserve[ZONE_NORMAL], 0);
	EXPECT(mm_sysctl_write(w.machine, MM_SYSCTL_LOWMEM_RESERVE_RATIO_NORMAL, 1));
	EXPECT_EQ(mm_zone(w.machine, 0, ZONE_NORMAL)->lowmem_reserve[ZONE_MOVABLE], 0);
	world_close(&w);
}

TEST(values_beyond_31_bits_are_refused_everywhere)
{
	struct world w;

	open_world(&w);
	for (unsigned int name = 0; name < MM_SYSCTL_COUNT; name++)
		EXPECT(!mm_sysctl_write(w.machine, (enum mm_sysctl)name, UINT64_C(1) << 31));
	EXPECT(mm_sysctl_write(w.machine, MM_SYSCTL_WATERMARK_BOOST_FACTOR, 0));
	world_close(&w);
}

TEST(virtual_time_goes_on_when_told)
{
	struct world w;

	open_world(&w);
	mm_advance(w.machine, 5);
	mm_advance(w.machine, 7);
	EXPECT_EQ(w.machine->jiffies, 12);
	world_close(&w);
}

TEST_MAIN
