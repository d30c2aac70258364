/*
 * Which frames have a struct page, and what it says after boot: flat and sparse memory maps (facts
 * 2, "memmap init").
 *
 *   section  0          64         128        192        256        320
 *            |h|memory 1 .. 100|h h|- - - - - |- - - - - |h|300 .. |
 *   sparse    exists           yes |no        |no        |yes
 *   flat      exists                yes        yes        yes          up to max_pfn
 */
#include "lostbuddy/proc.h"
#include "test.h"
#include "test/world.h"

static struct mm_config with_hole(bool flat)
{
	struct mm_config c = {
		.profile = &mm_profile_linux_6_1,
		.flat = flat,
		.nr_nodes = 1,
		.nr_cpus = 1,
		.top_order = 5,
		.pageblock_order = 4,
		.max_pfn = 600,
		.section_pages = 64,
		.pcp_high = MM_BY_FORMULA,
		.pcp_batch = MM_BY_FORMULA,
		.watermark_scale_factor = 10,
		.watermark_boost_factor = 15000,
		.distance = { { 10 } },
		.nr_memory = 2,
		.memory = { { 1, 100, 0, false, false }, { 300, 600, 0, false, false } },
	};

	return c;
}

struct hole {
	pfn_t start, end;
	bool sparse, flat; /* has struct pages */
};

static const struct hole holes[] = {
	{ 0, 1, true, true },	   { 100, 128, true, true }, { 128, 192, false, true },
	{ 192, 256, false, true }, { 256, 300, true, true }, { 600, 700, false, false },
};

static bool is_hole_page(const struct page *page)
{
	return PageReserved(page) && page_count(page) == 1 && page->page_type == PAGE_TYPE_NONE;
}

static void expect_hole(const struct world *w, const struct hole *hole, bool exists)
{
	for (pfn_t pfn = hole->start; pfn < hole->end; pfn++) {
		EXPECT_EQ(pfn_valid(pfn), exists);
		if (exists)
			EXPECT(is_hole_page(pfn_to_page(pfn)));
		else if (pfn < w->machine->max_pfn)
			EXPECT_EQ(w->machine->memmap[pfn].flags, 0);
	}
}

TEST(frames_of_holes_are_reserved_where_they_exist)
{
	for (int flat = 0; flat < 2; flat++) {
		const struct mm_config config = with_hole(flat);
		struct world w;

		world_open_config(&w, &config);
		for (unsigned int i = 0; i < sizeof(holes) / sizeof(holes[0]); i++)
			expect_hole(&w, &holes[i], flat ? holes[i].flat : holes[i].sparse);
		for (pfn_t pfn = 1; pfn < 600; pfn++)
			if (pfn < 100 || pfn >= 300)
				EXPECT(pfn_valid(pfn));
		world_close(&w);
	}
}

/* What is handed out does not depend on it. */
TEST(a_flat_map_changes_nothing_but_the_map)
{
	static char texts[2][1 << 16];

	for (int flat = 0; flat < 2; flat++) {
		const struct mm_config config = with_hole(flat);
		struct world w;

		world_open_config(&w, &config);
		for (unsigned int i = 0; i < 50; i++)
			alloc_pages(GFP_KERNEL, i % 4);
		mm_proc_print(w.machine, "zoneinfo", texts[flat], sizeof(texts[flat]));
		world_close(&w);
	}
	EXPECT_STR(texts[0], texts[1]);
}

TEST(holes_are_initialised_even_where_memory_is_deferred)
{
	struct mm_config config = with_hole(true);
	struct world w;

	config.deferred = true; /* 99 pages, then 300 and more: from 320 on */
	world_open_config(&w, &config);
	EXPECT_EQ(w.machine->nodes[0].first_deferred_pfn, 320);
	expect_hole(&w, &holes[3], true);
	EXPECT(pfn_valid(400));
	EXPECT_EQ(pfn_to_page(400)->flags, 0);
	mm_deferred_init(w.machine, 0);
	EXPECT(!PageReserved(pfn_to_page(400)));
	world_close(&w);
}

TEST_MAIN
