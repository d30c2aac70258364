/*
 * Booting: zones, the pages that are kept, how free ranges are cut (facts 2; worked examples 2 and
 * 11).
 */
#include <stdlib.h>

#include "lostbuddy/proc.h"
#include "test.h"
#include "test/world.h"

/*
 * A PC with one node and so many frames: DMA below 16 MiB, the 640K hole, the first megabyte kept.
 */
static struct mm_config pc_config(pfn_t max_pfn)
{
	struct mm_config c = {
		.profile = &mm_profile_linux_6_1,
		.pc = true,
		.nr_nodes = 1,
		.nr_cpus = 1,
		.top_order = 10,
		.pageblock_order = 9,
		.max_pfn = max_pfn,
		.dma_end = 4096,
		.dma32_end = 1048576,
		.section_pages = 32768,
		.min_free_kbytes = MM_BY_FORMULA,
		.pcp_high = MM_BY_FORMULA,
		.pcp_batch = MM_BY_FORMULA,
		.watermark_scale_factor = 10,
		.watermark_boost_factor = 15000,
		.lowmem_reserve_ratio = { 256, 256, 32, 0 },
		.distance = { { 10 } },
		.nr_memory = 2,
	};

	c.memory[0] = (struct mm_range){ 1, 159, 0, false, false };
	c.memory[1] = (struct mm_range){ 256, max_pfn, 0, false, false };
	return c;
}

TEST(zones_of_128_mib) /* example 2: 128 MiB less what the firmware keeps ends at 32736 */
{
	struct mm_config config = pc_config(32736);
	struct world w;

	world_open_config(&w, &config);
	const struct zone *dma = mm_zone(w.machine, 0, ZONE_DMA),
			  *dma32 = mm_zone(w.machine, 0, ZONE_DMA32);

	EXPECT_EQ(dma->zone_start_pfn, 1);
	EXPECT_EQ(dma->spanned_pages, 4095);
	EXPECT_EQ(dma->present_pages, 3998);
	EXPECT_EQ(dma32->zone_start_pfn, 4096);
	EXPECT_EQ(dma32->spanned_pages, 28640);
	EXPECT_EQ(dma32->present_pages, 28640);
	EXPECT_EQ(w.machine->nr_kernel_pages, 31968);
	EXPECT_EQ(dma->managed_pages, 3840);
	world_close(&w);
}

TEST(dma_is_cut_into_8_9_10_10_10) /* example 11 */
{
	struct mm_config config = pc_config(32736);
	struct world w;
	char text[1024];

	world_open_config(&w, &config);
	size_t length = mm_proc_print(w.machine, "buddyinfo", text, sizeof(text));

	EXPECT_EQ(length, strlen(text));
	*strchr(text, '\n') = 0;
	EXPECT_STR(text, "Node 0, zone      DMA      0      0      0      0      0      0      0   "
			 "   0      1      1      3 ");
	world_close(&w);
}

/* example 11: 0, 1, 3, 4, 5, 7, 10, 10, 10, 0 */
TEST(an_odd_range_is_cut_as_far_as_alignment_and_end_allow)
{
	static const struct {
		pfn_t pfn;
		unsigned int order;
	} cut[] = {
		{ 0x12345, 0 }, { 0x12346, 1 },	 { 0x12348, 3 },  { 0x12350, 4 },  { 0x12360, 5 },
		{ 0x12380, 7 }, { 0x12400, 10 }, { 0x12800, 10 }, { 0x12c00, 10 }, { 0x13000, 0 },
	};
	struct mm_config config = pc_config(0x18000);
	struct world w;

	config.nr_reserved = 2;
	config.reserved[0] = (struct mm_range){ 0x4000, 0x12345, 0, false, false };
	config.reserved[1] = (struct mm_range){ 0x13001, 0x14000, 0, false, false };
	world_open_config(&w, &config);
	for (unsigned int i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		EXPECT(PageBuddy(pfn_to_page(cut[i].pfn)));
		EXPECT_EQ(buddy_order(pfn_to_page(cut[i].pfn)), cut[i].order);
	}
	world_close(&w);
}

TEST(a_short_buffer_gets_as_much_of_buddyinfo_as_fits)
{
	struct world w;
	char whole[1024], part[20];

	world_open(&w, (struct shape){ .pages = 64 });
	size_t length = mm_proc_print(w.machine, "buddyinfo", whole, sizeof(whole));

	EXPECT_EQ(mm_proc_print(w.machine, "buddyinfo", part, sizeof(part)), length);
	EXPECT_EQ(mm_proc_print(w.machine, "buddyinfo", NULL, 0), length);
	EXPECT_EQ(strlen(part), 19);
	EXPECT(strncmp(part, whole, 19) == 0);
	world_close(&w);
}

TEST(holes_belong_to_nobody)
{
	struct world w;
	struct mm_config config = pc_config(32736);

	world_open_config(&w, &config);
	EXPECT(PageReserved(pfn_to_page(0)));
	EXPECT(PageReserved(pfn_to_page(200)));
	EXPECT(PageReserved(pfn_to_page(100))); /* memory, but of the first megabyte */
	EXPECT(!PageReserved(pfn_to_page(300)));
	world_close(&w);
}

/* Reads as a refutation: each corruption breaks the invariant whose number the check must name. */
static void expect_broken(struct world *w, const char *number)
{
	char why[256] = "";

	EXPECT(!mm_machine_check(w->machine, why));
	why[2] = 0;
	EXPECT_STR(why, number);
}

static void list_as_free(struct zone *zone, struct page *page, unsigned int order)
{
	page->page_type = PAGE_TYPE_BUDDY;
	page->private = order;
	list_add(&page->lru, &zone->free_area[order].free_list[MIGRATE_UNMOVABLE]);
	zone->free_area[order].nr_free++;
	zone->nr_free_pages += 1L << order;
}

TEST(the_check_names_the_invariant_that_is_broken)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .high = 8, .batch = 4 });
	struct zone *zone = mm_zone(w.machine, 0, ZONE_NORMAL);
	struct page *page = alloc_page(GFP_KERNEL);

	__free_page(page);
	page->_refcount = 1;
	expect_broken(&w, "M1");
	page->_refcount = 0;
	pfn_to_page(32)->private = 3;
	expect_broken(&w, "M2");
	pfn_to_page(32)->private = 5;
	zone->free_area[5].nr_free++;
	expect_broken(&w, "M3");
	zone->free_area[5].nr_free--;
	zone->nr_free_pages--;
	expect_broken(&w, "M3");
	zone->nr_free_pages++;
	zone->pageset[0].free_delta = 3; /* of 1 CPU, and below 128 MiB, the threshold is 2 */
	zone->nr_free_pages -= 3;
	expect_broken(&w, "M7");
	zone->nr_free_pages += 3;
	zone->pageset[0].free_delta = 0;
	zone->pageset[0].count++;
	expect_broken(&w, "M4");
	zone->pageset[0].count--;
	zone->managed_pages += 100;
	expect_broken(&w, "M6");
	zone->managed_pages -= 100;
	zone->spanned_pages -= 100;
	expect_broken(&w, "M6");
	zone->spanned_pages += 100;
	/* 1:0 alone; its buddy 0 made to look free as well */
	mm_machine_reset(w.machine);
	struct page *hole = pfn_to_page(0);

	hole->flags = pfn_to_page(1)->flags;
	hole->_refcount = 0;
	list_as_free(zone, hole, 0);
	expect_broken(&w, "M5");
	/* 33 is no place for a block of order 1; 34 lies in 32:5 already */
	mm_machine_reset(w.machine);
	list_as_free(zone, pfn_to_page(33), 1);
	expect_broken(&w, "M2");
	mm_machine_reset(w.machine);
	list_as_free(zone, pfn_to_page(34), 0);
	expect_broken(&w, "M1");
	mm_machine_destroy(w.machine);
}

static void expect_no_boot(const struct mm_config *config, const char *why)
{
	char error[256] = "";

	EXPECT(mm_machine_create(config, error) == NULL);
	EXPECT_STR(error, why);
}

static struct mm_config config_of(struct shape shape)
{
	struct world w;

	world_open(&w, shape);
	struct mm_config config = w.config;

	world_close(&w);
	return config;
}

/* Leaves so many frames of 256: 10, 20 .. */
static void reserve_all_but(struct mm_config *config, unsigned int frames)
{
	pfn_t start = 1;

	config->nr_reserved = 0;
	for (pfn_t frame = 10; frame <= 10 * frames; frame += 10) {
		config->reserved[config->nr_reserved++] =
			(struct mm_range){ start, frame, 0, false, false };
		start = frame + 1;
	}
	config->reserved[config->nr_reserved++] = (struct mm_range){ start, 256, 0, false, false };
}

TEST(boot_takes_its_pages_in_as_few_pieces_as_there_are)
{
	struct mm_config config = config_of((struct shape){ .pages = 256 });
	struct world w;

	reserve_all_but(&config, 6);
	world_open_config(&w, &config);
	EXPECT_STR(world_free(&w, ZONE_NORMAL), "10:0 20:0");
	world_close(&w);
	for (unsigned int frames = 0; frames < 4; frames++) {
		reserve_all_but(&config, frames);
		expect_no_boot(&config,
			       "no room for the memmap of node 0: 4 pages; give the machine "
			       "more memory");
	}
}

TEST(real_percpu_units_need_two_mib)
{
	struct mm_config config = config_of((struct shape){ .pages = 256 });

	config.percpu_unit_pages = MM_PERCPU_REAL;
	expect_no_boot(&config,
		       "no room for the percpu units of node 0: 512 pages; give the machine "
		       "more memory");
}

/* 251 pages are left after boot's own. */
TEST(a_zone_cannot_manage_more_than_there_is)
{
	struct mm_config config = config_of((struct shape){ .pages = 256 });

	config.managed_pages[0][ZONE_NORMAL] = 252;
	expect_no_boot(&config, "zone 2 of node 0 is to manage 252 pages, 0 of them late, but boot "
				"leaves it 251; give it fewer");
	config.managed_pages[0][ZONE_NORMAL] = 100;
	config.late_pages[0][ZONE_NORMAL] = 101;
	expect_no_boot(&config,
		       "zone 2 of node 0 is to manage 100 pages, 101 of them late, but boot "
		       "leaves it 251; give it fewer");
}

/* Of 2^44 pages the host has no room for the structs page, of 2^36 none for the pages. */
TEST(a_machine_too_large_for_the_host_is_refused)
{
	struct mm_config config = config_of((struct shape){ .pages = 256 });
	char error[256];

	for (unsigned int shift = 36; shift <= 44; shift += 8) {
		char start[64];

		config.max_pfn = config.memory[0].end = UINT64_C(1) << shift;
		snprintf(start, sizeof(start),
			 "no memory on the host for %llu pages: ", 1ULL << shift);
		EXPECT(mm_machine_create(&config, error) == NULL);
		EXPECT(strncmp(error, start, strlen(start)) == 0);
	}
}

TEST_MAIN
