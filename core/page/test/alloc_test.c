/* The API: references, contexts, and how allocations that cannot succeed end (facts 5, 6, 9). */
#include "test.h"
#include "test/world.h"

/* Takes pages with these flags until none comes. Returns how many came. */
static unsigned int exhaust(gfp_t gfp)
{
	unsigned int pages = 0;

	while (alloc_page(gfp))
		pages++;
	return pages;
}

TEST(the_last_reference_frees_the_block)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	const char *before = world_free(&w, ZONE_NORMAL);
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, 2);

	get_page(page + 3); /* a tail's reference is its head's */
	EXPECT_EQ(page_count(page), 2);
	__free_pages(page, 2);
	EXPECT_EQ(page_count(page), 1);
	put_page(page + 1);
	drain_all_pages();
	EXPECT_STR(world_free(&w, ZONE_NORMAL), before);
	world_close(&w);
}

TEST(a_shared_block_that_is_not_compound_keeps_only_its_first_page)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	struct page *page = alloc_pages(GFP_KERNEL, 2);
	uint64_t freed = w.machine->vmstat.pgfree;

	get_page(page);
	__free_pages(page, 2);
	EXPECT_EQ(w.machine->vmstat.pgfree - freed, 3);
	EXPECT_EQ(page_count(page), 1);
	put_page(page);
	EXPECT_EQ(w.machine->vmstat.pgfree - freed, 4);
	world_close(&w);
}

TEST(split_pages_are_freed_one_by_one_and_join_again)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	const char *before = world_free(&w, ZONE_NORMAL);
	struct page *page = alloc_pages(GFP_KERNEL, 3);

	split_page(page, 3);
	for (int i = 7; i >= 0; i--)
		__free_page(page + i);
	drain_all_pages();
	EXPECT_STR(world_free(&w, ZONE_NORMAL), before);
	world_close(&w);
}

TEST(zeroed_pages_are_zero_and_addresses_lead_back)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	unsigned long address = __get_free_pages(GFP_KERNEL, 1);

	memset((void *)address, 0xa5, 2 * PAGE_SIZE);
	EXPECT(page_address(virt_to_page((void *)(address + 100))) == (void *)address);
	EXPECT_EQ(page_to_pfn(virt_to_page((void *)(address + PAGE_SIZE))),
		  page_to_pfn(virt_to_page((void *)address)) + 1);
	free_pages(address, 1);
	for (int i = 0; i < 64; i++) {
		const char *zeroed = (const char *)get_zeroed_page(GFP_KERNEL);

		EXPECT(zeroed[0] == 0 && memcmp(zeroed, zeroed + 1, PAGE_SIZE - 1) == 0);
	}
	free_pages(0, 3); /* address 0 is nothing */
	world_close(&w);
}

TEST(an_order_above_the_top_is_refused_with_a_warning)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	EXPECT(alloc_pages(GFP_KERNEL, 6) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_ORDER);
	EXPECT_EQ(w.context.warnings, MM_WARN_ORDER);
	world_on(&w, 0, MM_TASK, 0);
	EXPECT(alloc_pages(GFP_KERNEL | __GFP_NOWARN, 6) == NULL);
	EXPECT_EQ(w.context.warnings, 0);
	world_close(&w);
}

TEST(sleeping_in_an_interrupt_is_reported_and_nmi_gets_nothing)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	world_on(&w, 0, MM_IRQ, 0);
	EXPECT(alloc_page(GFP_KERNEL) != NULL);
	EXPECT_EQ(w.context.warnings, MM_WARN_SLEEP);
	world_on(&w, 0, MM_NMI, 0);
	EXPECT(alloc_page(GFP_ATOMIC) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_CONTEXT);
	EXPECT(alloc_pages(GFP_ATOMIC, 9) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_CONTEXT);
	world_close(&w);
}

TEST(injection_strikes_once_and_spares_those_who_wait)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	w.context.fail_nth = 1;
	EXPECT(alloc_pages(GFP_KERNEL, 1) != NULL);
	EXPECT(alloc_page(GFP_ATOMIC) != NULL);
	EXPECT(alloc_pages(GFP_ATOMIC, 1) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_INJECTED);
	EXPECT(alloc_pages(GFP_ATOMIC, 1) != NULL);
	world_close(&w);
}

TEST(movable_and_reclaimable_together_mean_nothing)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	EXPECT(alloc_page(GFP_KERNEL | __GFP_MOVABLE | __GFP_RECLAIMABLE) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_TYPE);
	world_on(&w, 0, MM_TASK, MM_SCOPE_PIN); /* which takes MOVABLE away first */
	EXPECT(alloc_page(GFP_KERNEL | __GFP_MOVABLE | __GFP_RECLAIMABLE) != NULL);
	world_close(&w);
}

TEST(each_flag_stops_where_the_facts_say)
{
	struct world w;

	/* 251 managed pages (256 less pfn 0 and 4 for the memmap); min 25, low 31 */
	world_open(&w,
		   (struct shape){ .pages = 256, .min_free_kbytes = 100, .high = 4, .batch = 1 });
	const struct zone *zone = mm_zone(w.machine, 0, ZONE_NORMAL);

	EXPECT_EQ(zone->managed_pages, 251);
	EXPECT_EQ(zone->_watermark[WMARK_MIN], 25);
	/*
	 * no page is taken at or below the mark, as far as it is known: of 1 CPU the threshold is 2,
	 * so that the count falls by 3 with every third page: 251 248 .. 26 23; NOWAIT lowers
	 * nothing without HIGH
	 */
	EXPECT_EQ(exhaust(GFP_KERNEL | __GFP_NORETRY), 251 - 23);
	EXPECT_EQ(w.context.failure, MM_FAIL_WATERMARK);
	EXPECT_EQ(exhaust(GFP_NOWAIT), 0);
	/* HIGH: 25 - 12 = 13, so 14 11; for those who cannot wait 13 - 3 = 10, so 11 8 */
	EXPECT_EQ(exhaust(GFP_KERNEL | __GFP_HIGH | __GFP_NORETRY), 23 - 11);
	EXPECT_EQ(exhaust(GFP_ATOMIC), 11 - 8);
	/* MEMALLOC: no mark at all */
	EXPECT_EQ(exhaust(GFP_KERNEL | __GFP_MEMALLOC | __GFP_NORETRY), 8);
	EXPECT_EQ(w.context.failure, MM_FAIL_BLOCK);
	world_close(&w);
}

TEST(an_allocation_that_cannot_end_says_so)
{
	struct world w;

	world_open(&w,
		   (struct shape){ .pages = 256, .min_free_kbytes = 100, .high = 4, .batch = 1 });
	exhaust(GFP_KERNEL | __GFP_NORETRY);
	/* the OOM killer would have nobody to kill */
	EXPECT(alloc_page(GFP_KERNEL) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_OOM);
	/* without __GFP_FS it is not asked, and the allocation goes round for ever */
	EXPECT(alloc_page(GFP_NOFS) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_LOOP);
	/* nobody is killed for a costly order */
	EXPECT(alloc_pages(GFP_KERNEL, 4) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_WATERMARK);
	/* NOFAIL takes what the marks keep, and when that is gone there is no end */
	EXPECT_EQ(exhaust(GFP_NOFS | __GFP_NOFAIL), 23);
	EXPECT_EQ(w.context.failure, MM_FAIL_LOOP);
	EXPECT(alloc_pages(GFP_KERNEL | __GFP_NOFAIL | __GFP_NORETRY, 0) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_LOOP);
	/* a caller that the killer has chosen gets out by NOMEMALLOC */
	world_on(&w, 0, MM_TASK, MM_SCOPE_VICTIM);
	EXPECT(alloc_page(GFP_KERNEL | __GFP_NOMEMALLOC) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_WATERMARK);
	world_close(&w);
}

TEST(a_nodemask_limits_and_thisnode_does_not_leave)
{
	struct world w;
	const nodemask_t only_1 = { 2 }, nowhere = { 4 };

	world_open(&w,
		   (struct shape){ .pages = 512, .nodes = 2, .cpus = 2, .high = 4, .batch = 1 });
	EXPECT(page_to_pfn(__alloc_pages(GFP_KERNEL, 0, 0, &only_1)) >= 256);
	EXPECT(__alloc_pages(GFP_KERNEL | __GFP_NORETRY, 0, 0, &nowhere) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_ZONE);
	unsigned int local = exhaust(GFP_KERNEL | __GFP_THISNODE | __GFP_NORETRY);

	EXPECT_EQ(local, mm_zone(w.machine, 0, ZONE_NORMAL)->managed_pages);
	EXPECT(page_to_pfn(alloc_page(GFP_KERNEL)) >= 256);
	EXPECT(page_to_pfn(alloc_pages_node(1, GFP_KERNEL, 0)) >= 256);
	world_close(&w);
}

TEST(movable_requests_alone_use_the_movable_zone)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 512, .movable_start = 256 });
	EXPECT(page_to_pfn(alloc_page(GFP_HIGHUSER_MOVABLE)) >= 256);
	EXPECT(page_to_pfn(alloc_page(GFP_HIGHUSER)) < 256);
	EXPECT(page_to_pfn(alloc_page(GFP_KERNEL | __GFP_MOVABLE)) < 256);
	world_close(&w);
}

TEST(a_reset_brings_back_the_boot_state)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	const char *before = world_free(&w, ZONE_NORMAL);

	exhaust(GFP_KERNEL | __GFP_NORETRY);
	mm_machine_reset(w.machine);
	EXPECT_STR(world_free(&w, ZONE_NORMAL), before);
	EXPECT_EQ(w.machine->vmstat.pgalloc, 0);
	world_close(&w);
}

TEST(a_large_machine_boots_again_instead)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 1 << 20, .top_order = 10, .pageblock_order = 9 });
	struct page *page = alloc_page(GFP_KERNEL);
	pfn_t pfn = page_to_pfn(page);

	mm_machine_reset(w.machine);
	EXPECT_EQ(page_to_pfn(alloc_page(GFP_KERNEL)), pfn);
	world_close(&w);
}

TEST(real_locks_change_nothing)
{
	struct world plain, locked;

	world_open(&plain, (struct shape){ .pages = 256, .min_free_kbytes = 16 });
	unsigned int pages = exhaust(GFP_ATOMIC);
	struct mm_config config = plain.config;

	world_close(&plain);
	config.locks = MM_LOCKS_REAL;
	world_open_config(&locked, &config);
	EXPECT_EQ(exhaust(GFP_ATOMIC), pages);
	drain_all_pages();
	world_close(&locked);
	config.locks = MM_LOCKS_SCHEDULER;
	char error[256];

	EXPECT(mm_machine_create(&config, error) == NULL);
	EXPECT(strstr(error, "scheduler") != NULL);
}

TEST(a_machine_without_room_for_its_metadata_does_not_boot)
{
	struct world w;
	char error[256] = "";

	world_open(&w, (struct shape){ .pages = 64 });
	struct mm_config config = w.config;

	world_close(&w);
	config.percpu_unit_pages = 64;
	EXPECT(mm_machine_create(&config, error) == NULL);
	EXPECT_STR(error, "no room for the percpu units of node 0: 64 pages; give the "
			  "machine more memory");
}

/* What may be wrong with a free block: its head's mapping, memcg data and flags, and its tails. */
static void spoil(struct page *head, unsigned int kind)
{
	switch (kind) {
	case 0:
		head->mapping = head;
		break;
	case 1:
		head->memcg_data = 1;
		break;
	case 2:
		head->flags |= PAGE_FLAG(PG_LOCKED);
		break;
	default:
		head[15].mapping = head;
	}
}

/* Of another type's list, and of the request's own, which there is a shorter way to. */
TEST(every_page_of_a_block_from_the_buddy_is_looked_at)
{
	static const gfp_t gfps[] = { GFP_KERNEL, GFP_HIGHUSER_MOVABLE };
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	for (unsigned int i = 0; i < 8; i++) {
		mm_machine_reset(w.machine);
		pfn_t first = page_to_pfn(alloc_pages(gfps[i / 4], 4));

		mm_machine_reset(w.machine);
		world_on(&w, 0, MM_TASK, 0);
		spoil(pfn_to_page(first), i % 4);
		EXPECT(page_to_pfn(alloc_pages(gfps[i / 4], 4)) != first);
		EXPECT_EQ(w.machine->vmstat.leaked, 16);
		EXPECT_EQ(w.context.warnings, MM_WARN_BAD_PAGE);
	}
	mm_machine_destroy(w.machine);
}

TEST_MAIN
