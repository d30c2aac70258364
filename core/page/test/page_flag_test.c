/* Page flags and destructors: what a free and an allocation make of them (facts 1, 6; READINGS, "Page states"). */
#include "test.h"
#include "test/world.h"

enum fate {
	CLEARED, /* the block is free, the flag gone */
	STAYS,	 /* the block is free, the flag is still there */
	BAD,	 /* complained of, lost */
	DROPPED, /* lost without a word */
};

/* What a free that looks finds bad. */
static bool is_bad_name(enum page_flag flag)
{
	static const enum page_flag bad[] = { PG_LOCKED,    PG_LRU,	  PG_ACTIVE,
					      PG_SLAB,	    PG_RESERVED,  PG_PRIVATE,
					      PG_PRIVATE_2, PG_WRITEBACK, PG_UNEVICTABLE,
					      PG_MLOCKED };

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (bad[i] == flag)
			return true;
	return false;
}

/* When: tails and blocks for the buddy always, first pages of page list blocks under debug alone. */
static enum fate expected(enum page_flag flag, unsigned int order, unsigned int n,
			  enum mm_checks checks, bool debug_pagealloc)
{
	bool has_list = order <= 3;
	bool looked_at = checks == MM_CHECKS_DEBUG ||
			 (checks == MM_CHECKS_LINUX && (n > 0 || !has_list || debug_pagealloc));

	if (flag == PG_HWPOISON)
		return order == 0 ? DROPPED : STAYS;
	if (flag == PG_MLOCKED && n == 0)
		return CLEARED;
	return looked_at && is_bad_name(flag) ? BAD : CLEARED;
}

static uint64_t told; /* events of lost blocks, by kind */

static void count_lost(void *data, const struct mm_event *event)
{
	(void)data;
	told += event->kind == MM_EVENT_BAD_PAGE;
	told += event->kind == MM_EVENT_HWPOISON ? 1000 : 0;
}

static enum fate fate_of(struct world *w, enum page_flag flag, unsigned int order, unsigned int n)
{
	struct page *page = alloc_pages(GFP_KERNEL, order);
	uint64_t freed = w->machine->vmstat.pgfree;

	told = 0;
	page[n].flags |= PAGE_FLAG(flag);
	__free_pages(page, order);
	drain_all_pages();
	freed = w->machine->vmstat.pgfree - freed;
	EXPECT_EQ(w->context.warnings, told == 1 ? MM_WARN_BAD_PAGE : 0);
	EXPECT_EQ(w->machine->vmstat.leaked, told ? UINT64_C(1) << order : 0);
	EXPECT_EQ(freed, told ? 0 : UINT64_C(1) << order);
	if (told)
		return told == 1 ? BAD : DROPPED;
	return page[n].flags & PAGE_FLAG(flag) ? STAYS : CLEARED;
}

TEST(each_flag_on_each_page_ends_as_it_should_when_the_block_is_freed)
{
	static const unsigned int orders[] = { 0, 2, 4 };

	for (unsigned int i = 0; i < NR_PAGEFLAGS * 3 * 6; i++) {
		enum page_flag flag = i % NR_PAGEFLAGS;
		unsigned int order = orders[i / NR_PAGEFLAGS % 3];
		enum mm_checks checks = i / NR_PAGEFLAGS / 3 % 3;
		bool debug_pagealloc = i / NR_PAGEFLAGS / 9;

		for (unsigned int n = 0; n < 1u << order && flag != PG_HEAD;
		     n += order == 4 ? 5 : 1) {
			struct world w;

			world_open(&w, (struct shape){ .pages = 256,
						       .checks = checks,
						       .debug_pagealloc = debug_pagealloc });
			mm_listen(w.machine, count_lost, NULL);
			if (!EXPECT_EQ(fate_of(&w, flag, order, n),
				       expected(flag, order, n, checks, debug_pagealloc)))
				fprintf(stderr, "  flag %u order %u page %u checks %u\n", flag,
					order, n, checks);
			if (expected(flag, order, n, checks, debug_pagealloc) < BAD)
				world_close(&w);
			else
				mm_machine_destroy(w.machine); /* flags of the lost stay */
		}
	}
}

/* ---- who looks, and when ---- */

static uint64_t arrived; /* blocks that refills brought to page lists */

static void note_refill(void *data, const struct mm_event *event)
{
	(void)data;
	if (event->kind == MM_EVENT_PCP_REFILL)
		arrived += event->value;
}

static void plant_everywhere(struct world *w)
{
	for (pfn_t pfn = 0; pfn < w->machine->max_pfn; pfn++)
		if (!PageReserved(pfn_to_page(pfn)) && page_count(pfn_to_page(pfn)) == 0)
			pfn_to_page(pfn)->mapping = w;
}

/* A page in a bad state on its way: from its holder, to the buddy, from the buddy, to a new holder. */
enum way { FREED, TRIMMED, REFILLED, TAKEN, NR_WAYS };

static bool is_noticed(enum way way, enum mm_checks checks, bool debug_pagealloc)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256,
				       .high = 64,
				       .batch = 8,
				       .checks = checks,
				       .debug_pagealloc = debug_pagealloc });
	mm_listen(w.machine, note_refill, NULL);
	struct page *page = alloc_page(GFP_KERNEL);
	bool noticed;

	if (way == FREED)
		page->mapping = &w;
	if (way != REFILLED)
		__free_page(page);
	else
		drain_all_pages();
	noticed = w.context.warnings;
	if (way == TRIMMED || way == TAKEN)
		page->mapping = &w;
	arrived = 0;
	if (way == REFILLED)
		plant_everywhere(&w);
	if (way == TRIMMED)
		drain_all_pages();
	else if (way != FREED)
		alloc_page(GFP_KERNEL | __GFP_NORETRY);
	noticed |= way == REFILLED ? arrived == 0 : w.context.warnings != 0;
	mm_machine_destroy(w.machine);
	mm_current = NULL;
	return noticed;
}

TEST(each_end_looks_when_it_is_told_to)
{
	static const struct {
		enum mm_checks checks;
		bool debug_pagealloc, looks[NR_WAYS];
	} rows[] = {
		{ MM_CHECKS_LINUX, false, { [TRIMMED] = true, [REFILLED] = true } },
		{ MM_CHECKS_DEBUG, false, { [FREED] = true, [TAKEN] = true } },
		{ MM_CHECKS_OFF, false, { false } },
		{ MM_CHECKS_LINUX, true, { true, true, true, true } },
		{ MM_CHECKS_DEBUG, true, { true, true, true, true } },
		{ MM_CHECKS_OFF, true, { false } },
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (enum way way = 0; way < NR_WAYS; way++)
			if (!EXPECT_EQ(is_noticed(way, rows[i].checks, rows[i].debug_pagealloc),
				       rows[i].looks[way]))
				fprintf(stderr, "  row %u way %u\n", i, way);
}

/* The shortcuts, which have no listener, come to the same. */
TEST(shortcuts_see_flags_too)
{
	for (unsigned int i = 0; i < NR_PAGEFLAGS * 4 * 2; i++) {
		enum page_flag flag = i % NR_PAGEFLAGS;
		static const unsigned int orders[] = { 0, 1, 3, 4 };
		unsigned int order = orders[i / NR_PAGEFLAGS % 4], n = (1u << order) - 1;
		enum mm_checks checks = i / NR_PAGEFLAGS / 4 ? MM_CHECKS_OFF : MM_CHECKS_LINUX;
		struct world w;

		/* with checks = off nobody looks at tails of order 4 and up, nor clears them */
		if (flag == PG_HEAD || (checks == MM_CHECKS_OFF && order == 4))
			continue;
		world_open(&w, (struct shape){
				       .pages = 256, .checks = checks, .high = 64, .batch = 8 });
		struct page *page = alloc_pages(GFP_KERNEL, order);
		enum fate fate = expected(flag, order, n, checks, false);

		page[n].flags |= PAGE_FLAG(flag);
		__free_pages(page, order);
		EXPECT_EQ(w.context.warnings, fate == BAD ? MM_WARN_BAD_PAGE : 0);
		EXPECT_EQ(w.machine->vmstat.leaked, fate >= BAD ? UINT64_C(1) << order : 0);
		if (fate < BAD)
			EXPECT_EQ(page[n].flags >> flag & 1, fate == STAYS);
		mm_machine_destroy(w.machine);
	}
	mm_current = NULL;
}

TEST(a_new_block_with_any_flag_is_lost_and_broken_memory_is_no_complaint)
{
	for (unsigned int i = 0; i < NR_PAGEFLAGS * 3; i++) {
		enum page_flag flag = i % NR_PAGEFLAGS;
		enum mm_checks checks = i / NR_PAGEFLAGS;
		struct world w;

		if (flag == PG_HEAD)
			continue;
		world_open(&w, (struct shape){ .pages = 256, .checks = checks });
		/* the block that comes next is the one that has just come back */
		struct page *page = alloc_pages(GFP_KERNEL, 4), *other;

		__free_pages(page, 4);
		page[3].flags |= PAGE_FLAG(flag);
		other = alloc_pages(GFP_KERNEL, 4);
		bool lost = checks != MM_CHECKS_OFF;

		EXPECT_EQ(other != page, lost);
		EXPECT_EQ(w.context.warnings, lost && flag != PG_HWPOISON ? MM_WARN_BAD_PAGE : 0);
		EXPECT_EQ(w.machine->vmstat.leaked, lost ? 16 : 0);
		EXPECT_EQ(w.machine->vmstat.bad_pages, lost && flag != PG_HWPOISON);
		mm_machine_destroy(w.machine);
	}
	mm_current = NULL;
}

TEST(the_first_bad_page_of_a_block_says_what_is_said)
{
	/* pages with broken memory, pages with a mapping; is there a complaint? */
	static const struct {
		int broken, mapped;
		bool complaint;
	} rows[] = {
		{ 3, 5, false }, { 5, 3, true }, { 4, 4, false }, { 0, 15, false }, { 15, 0, true }
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;

		world_open(&w, (struct shape){ .pages = 256 });
		struct page *page = alloc_pages(GFP_KERNEL, 4);

		__free_pages(page, 4);
		page[rows[i].broken].flags |= PAGE_FLAG(PG_HWPOISON);
		page[rows[i].mapped].mapping = page;
		EXPECT(alloc_pages(GFP_KERNEL, 4) != page);
		EXPECT_EQ(w.context.warnings, rows[i].complaint ? MM_WARN_BAD_PAGE : 0);
		EXPECT_EQ(w.machine->vmstat.leaked, 16);
		mm_machine_destroy(w.machine);
	}
	mm_current = NULL;
}

TEST(broken_memory_comes_back_with_its_block_and_goes_alone)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .high = 64, .batch = 8 });
	struct page *page = alloc_pages(GFP_KERNEL, 2);

	/* nobody looks where a page list takes and gives */
	page[1].flags |= PAGE_FLAG(PG_HWPOISON);
	__free_pages(page, 2);
	EXPECT(alloc_pages(GFP_KERNEL, 2) == page);
	EXPECT_EQ(w.machine->vmstat.leaked, 0);
	split_page(page, 2);
	for (unsigned int i = 0; i < 4; i++)
		__free_page(page + i);
	EXPECT_EQ(w.machine->vmstat.leaked, 1);
	EXPECT_EQ(w.machine->vmstat.bad_pages, 0);
	EXPECT_EQ(w.context.warnings, 0);
	world_close(&w);
}

/* ---- destructors ---- */

static unsigned int ran[MM_EVENT_COUNT];

static void count_events(void *data, const struct mm_event *event)
{
	(void)data;
	ran[event->kind]++;
}

TEST(the_last_put_page_runs_the_destructor_and_a_free_does_not)
{
	for (unsigned int order = 0; order <= 5; order++)
		for (unsigned int thp = 0; thp <= (order >= 2); thp++) {
			struct world w;

			world_open(&w, (struct shape){ .pages = 256 });
			mm_listen(w.machine, count_events, NULL);
			for (unsigned int by_free = 0; by_free < 2; by_free++) {
				struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, order);
				unsigned int runs = order && !by_free;

				memset(ran, 0, sizeof(ran));
				if (thp)
					prep_transhuge_page(page);
				if (by_free) {
					__free_pages(page, order);
				} else {
					get_page(page + (1u << order) - 1);
					put_page(page);
					EXPECT_EQ(ran[MM_EVENT_FREE], 0);
					put_page(page + (1u << order) - 1);
				}
				EXPECT_EQ(ran[MM_EVENT_DESTRUCTOR_COMPOUND], runs && !thp);
				EXPECT_EQ(ran[MM_EVENT_DESTRUCTOR_THP], runs && thp);
				EXPECT_EQ(ran[MM_EVENT_FREE], 1);
				/* the next holder's block is an ordinary one again */
				page = alloc_pages(GFP_KERNEL | __GFP_COMP, order);
				EXPECT(!order || page[1].compound_dtor == COMPOUND_PAGE_DTOR);
				put_page(page);
			}
			world_close(&w);
		}
}

TEST_MAIN
