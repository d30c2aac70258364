/* What free and new pages hold (facts 18; READINGS, "Switches"). */
#include "test.h"
#include "test/world.h"

static bool holds(const struct page *page, unsigned int order, uint8_t byte)
{
	const uint8_t *memory = page_address(page);

	for (size_t i = 0; i < (size_t)PAGE_SIZE << order; i++)
		if (memory[i] != byte)
			return false;
	return true;
}

static void scribble(struct page *page, unsigned int order)
{
	memset(page_address(page), 0x5c, (size_t)PAGE_SIZE << order);
}

static unsigned int warnings_of(struct world *w)
{
	unsigned int warnings = w->context.warnings;

	w->context.warnings = 0;
	return warnings;
}

/* One CPU, whose page list gives back last what it got last. */
static struct shape with(bool poison, bool on_free, bool on_alloc)
{
	return (struct shape){ .pages = 256,
			       .high = 64,
			       .batch = 8,
			       .page_poison = poison,
			       .init_on_free = on_free,
			       .init_on_alloc = on_alloc };
}

TEST(new_pages_hold_what_the_first_switch_that_is_on_says)
{
	enum { ANYTHING = -1 };
	/* by poison, on free, on alloc; what a used block holds when it comes again, without and with ZERO */
	static const struct {
		bool poison, on_free, on_alloc;
		int plain, zeroed;
	} rows[] = {
		{ false, false, false, ANYTHING, 0 }, { false, false, true, 0, 0 },
		{ false, true, false, 0, 0 },	      { false, true, true, 0, 0 },
		{ true, false, false, 0xaa, 0 },      { true, false, true, 0xaa, 0 },
		{ true, true, false, 0xaa, 0 },	      { true, true, true, 0xaa, 0 },
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned int order = 0; order <= 5; order++) {
			struct world w;

			world_open(&w, with(rows[i].poison, rows[i].on_free, rows[i].on_alloc));
			for (int round = 0; round < 3; round++) {
				struct page *page = alloc_pages(GFP_KERNEL, order);

				EXPECT(rows[i].plain == ANYTHING ||
				       holds(page, order, (uint8_t)rows[i].plain));
				scribble(page, order);
				__free_pages(page, order);
				page = alloc_pages(GFP_KERNEL | __GFP_ZERO, order);
				EXPECT(holds(page, order, (uint8_t)rows[i].zeroed));
				scribble(page, order);
				__free_pages(page, order);
			}
			EXPECT_EQ(warnings_of(&w), 0);
			world_close(&w);
		}
}

TEST(after_a_reset_the_pages_of_boot_hold_it_again)
{
	struct world w;

	world_open(&w, with(true, false, false));
	for (int round = 0; round < 3; round++) {
		struct page *first = alloc_page(GFP_KERNEL), *second = alloc_pages(GFP_KERNEL, 3);

		EXPECT(holds(first, 0, 0xaa) && holds(second, 3, 0xaa));
		EXPECT_EQ(warnings_of(&w), 0);
		scribble(first, 0);
		scribble(second, 3);
		mm_machine_reset(w.machine);
	}
	world_close(&w);
}

/* What differs from 0xaa in the page, and what is said of it. */
static const struct {
	unsigned int at[2];
	uint8_t bits[2];
	unsigned int warnings;
} damages[] = {
	{ { 0, 0 }, { 0x01, 0 }, MM_WARN_POISON | MM_WARN_BIT_FLIP },
	{ { 4095, 0 }, { 0x80, 0 }, MM_WARN_POISON | MM_WARN_BIT_FLIP },
	{ { 2048, 0 }, { 0x10, 0 }, MM_WARN_POISON | MM_WARN_BIT_FLIP },
	{ { 0, 0 }, { 0x03, 0 }, MM_WARN_POISON },
	{ { 4095, 0 }, { 0xff, 0 }, MM_WARN_POISON },
	{ { 7, 8 }, { 0x01, 0x01 }, MM_WARN_POISON },
	{ { 0, 4095 }, { 0x40, 0x40 }, MM_WARN_POISON },
	{ { 100, 0 }, { 0, 0 }, 0 },
};

/* Put back as it is, and taken again: the way of a page that nobody fills. */
TEST(a_page_that_was_written_to_is_told_by_how_much)
{
	for (unsigned int i = 0; i < sizeof(damages) / sizeof(damages[0]); i++)
		for (unsigned int tail = 0; tail < 8; tail++) {
			struct world w;

			world_open(&w, with(true, false, false));
			struct page *page = pfn_to_page(64 + tail);

			EXPECT(take_page_off_buddy(page));
			EXPECT(holds(page, 0, 0xaa));
			uint8_t *memory = page_address(page);

			for (unsigned int n = 0; n < 2; n++)
				memory[damages[i].at[n]] ^= damages[i].bits[n];
			put_page_back_buddy(page);
			EXPECT_EQ(warnings_of(&w), 0);
			unsigned int seen = 0;

			for (struct page *taken;
			     (taken = alloc_pages(GFP_KERNEL | __GFP_NORETRY, 3));)
				if (page_to_pfn(taken) == 64)
					seen = warnings_of(&w);
				else
					EXPECT_EQ(warnings_of(&w) &
							  (MM_WARN_POISON | MM_WARN_BIT_FLIP),
						  0);
			EXPECT_EQ(seen, damages[i].warnings);
			/* as it is */
			EXPECT_EQ(memory[damages[i].at[0]] == 0xaa, damages[i].warnings == 0);
			world_close(&w);
		}
}

TEST(warnings_of_several_pages_add_up)
{
	struct world w;

	world_open(&w, with(true, false, false));
	struct page *page = alloc_pages(GFP_KERNEL, 1);

	__free_pages(page, 1);
	EXPECT(write_free_page(page, 0xab));
	EXPECT(write_free_page(page + 1, 0x00));
	EXPECT(alloc_pages(GFP_KERNEL | __GFP_ZERO, 1) == page);
	EXPECT_EQ(warnings_of(&w), MM_WARN_POISON | MM_WARN_BIT_FLIP);
	EXPECT(holds(page, 1, 0)); /* ZERO, after the look */
	world_close(&w);
}

TEST(a_write_to_a_free_page_is_known_until_it_is_handed_out)
{
	/* on a page list, in a free block, never handed out since boot */
	for (unsigned int where = 0; where < 3; where++)
		for (unsigned int poison = 0; poison < 2; poison++) {
			struct world w;

			world_open(&w, with(poison, !poison, false));
			struct page *page = where < 2 ? alloc_page(GFP_KERNEL) : pfn_to_page(101);
			pfn_t pfn = page_to_pfn(page);
			uint8_t left = poison ? 0xaa : 0;

			EXPECT_EQ(write_free_page(page, 1), where == 2);
			if (where < 2) {
				scribble(page, 0);
				__free_page(page);
			}
			if (where == 1)
				drain_all_pages();
			EXPECT(write_free_page(page, left));
			EXPECT_EQ(free_page_contents(w.machine, pfn), FREE_PAGE_AS_LEFT);
			EXPECT(write_free_page(page, 0x21));
			EXPECT_EQ(free_page_contents(w.machine, pfn), 0x21);
			EXPECT(write_free_page(page, left ^ 4));
			EXPECT_EQ(free_page_contents(w.machine, pfn), left ^ 4);
			EXPECT_EQ(free_page_contents(w.machine, pfn ^ 1), FREE_PAGE_AS_LEFT);
			while (alloc_page(GFP_KERNEL | __GFP_ZERO | __GFP_NORETRY) &&
			       page_count(page) == 0)
				EXPECT_EQ(warnings_of(&w), 0);
			EXPECT_EQ(warnings_of(&w), poison ? MM_WARN_POISON | MM_WARN_BIT_FLIP : 0u);
			/* without a look nothing is cleared either */
			EXPECT_EQ(*(uint8_t *)page_address(page), poison ? 0 : 4);
			EXPECT_EQ(free_page_contents(w.machine, pfn), FREE_PAGE_AS_LEFT);
			world_close(&w);
		}
}

TEST(what_is_put_back_is_the_last_holders)
{
	for (unsigned int poison = 0; poison < 2; poison++) {
		struct world w;

		world_open(&w, with(poison, !poison, false));
		struct page *page = pfn_to_page(77);

		EXPECT(take_page_off_buddy(page));
		scribble(page, 0);
		put_page_back_buddy(page);
		EXPECT_EQ(free_page_contents(w.machine, 77), FREE_PAGE_FOREIGN);
		EXPECT(write_free_page(page, poison ? 0xaa : 0));
		EXPECT_EQ(free_page_contents(w.machine, 77), FREE_PAGE_FOREIGN);
		EXPECT(take_page_off_buddy(page)); /* which looks at nothing */
		EXPECT_EQ(warnings_of(&w), 0);
		__free_page(page); /* and this fills it again */
		EXPECT_EQ(free_page_contents(w.machine, 77), FREE_PAGE_AS_LEFT);
		world_close(&w);
	}
}

TEST(who_holds_a_page_or_lost_it_is_not_written_to)
{
	struct world w;

	world_open(&w, with(true, false, false));
	struct page *page = alloc_pages(GFP_KERNEL, 4);

	EXPECT(!write_free_page(page, 1));
	EXPECT(!write_free_page(page + 5, 1));
	page[3].mapping = page;
	__free_pages(page, 4);
	EXPECT_EQ(warnings_of(&w), MM_WARN_BAD_PAGE);
	for (unsigned int i = 0; i < 16; i++)
		EXPECT(!write_free_page(page + i, 1));
	EXPECT_EQ(free_page_contents(w.machine, page_to_pfn(page)), FREE_PAGE_AS_LEFT);
	world_close(&w);
}

TEST(without_switches_a_write_is_just_a_write)
{
	struct world w;

	world_open(&w, with(false, false, false));
	struct page *page = alloc_page(GFP_KERNEL);

	__free_page(page);
	EXPECT(write_free_page(page, 0x77));
	EXPECT_EQ(free_page_contents(w.machine, page_to_pfn(page)), FREE_PAGE_AS_LEFT);
	EXPECT(alloc_page(GFP_KERNEL) == page);
	EXPECT_EQ(*(uint8_t *)page_address(page), 0x77);
	EXPECT_EQ(warnings_of(&w), 0);
	world_close(&w);
}

TEST(every_way_to_new_pages_looks_at_them)
{
	struct world w;
	struct page *pages[4] = { NULL };

	world_open(&w, with(true, false, false));
	struct page *page = alloc_page(GFP_KERNEL);

	__free_page(page);
	EXPECT(write_free_page(page, 1));
	EXPECT_EQ(__alloc_pages_bulk(GFP_KERNEL, 0, NULL, 4, NULL, pages), 4);
	EXPECT(pages[0] == page);
	EXPECT_EQ(warnings_of(&w), MM_WARN_POISON);
	page = alloc_pages(GFP_KERNEL, 2);
	__free_pages(page, 2);
	EXPECT(write_free_page(page + 2, 1));
	EXPECT(alloc_pages_exact(3, GFP_KERNEL) == page_address(page));
	EXPECT_EQ(warnings_of(&w), MM_WARN_POISON);
	world_close(&w);
}

TEST_MAIN
