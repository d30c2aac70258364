/*
 * The slow path where its helpers do something: reclaim, compaction and the OOM killer are the
 * test's own (facts 9).
 */
#include "lostbuddy/vmstat.h"
#include "page/page_internal.h"
#include "test.h"
#include "test/world.h"

/* What the helpers do: the nth call frees these pages, and says that it did; the others say so only. */
static struct {
	unsigned int calls, frees_at, cpu;
	unsigned int order, pages;
	struct page *page;
	uint64_t progress;
} helper;

static bool helps(const struct mm_machine *m)
{
	unsigned int cpu = mm_current->cpu;

	(void)m;
	if (++helper.calls != helper.frees_at)
		return false;
	mm_current->cpu = helper.cpu;
	for (unsigned int i = 0; i < helper.pages; i++)
		__free_pages(helper.page + (i << helper.order), helper.order);
	mm_current->cpu = cpu;
	return true;
}

static uint64_t reclaim(struct mm_machine *m, gfp_t gfp, unsigned int order)
{
	(void)gfp, (void)order;
	helps(m);
	return helper.progress;
}

static enum mm_compact_result compact(struct mm_machine *m, gfp_t gfp, unsigned int order)
{
	(void)gfp, (void)order;
	helps(m);
	return MM_COMPACT_COMPLETE;
}

static enum mm_oom_result kill_somebody(struct mm_machine *m, gfp_t gfp, unsigned int order)
{
	(void)gfp, (void)order;
	return helps(m) ? MM_OOM_KILLED : MM_OOM_NO_VICTIM;
}

/* Two CPUs; no marks, unless pages are to be kept. */
static void open_world(struct world *w, long min_free_kbytes)
{
	world_open(w, (struct shape){ .pages = 256,
				      .cpus = 2,
				      .min_free_kbytes = min_free_kbytes,
				      .high = 64,
				      .batch = 1 });
	memset(&helper, 0, sizeof(helper));
}

static void exhaust(gfp_t gfp)
{
	while (alloc_page(gfp | __GFP_NORETRY))
		;
}

/* Takes what there is, but for one block of the order, which the helpers will have. */
static void give_helper(unsigned int order, unsigned int frees_at)
{
	helper.page = alloc_pages(GFP_KERNEL | __GFP_COMP, order);
	helper.order = order;
	helper.pages = 1;
	helper.frees_at = frees_at;
	exhaust(GFP_KERNEL);
}

TEST(what_reclaim_frees_is_taken_at_once)
{
	struct world w;

	open_world(&w, 0);
	give_helper(0, 1);
	helper.progress = 1;
	w.machine->hooks.try_to_free_pages = reclaim;
	EXPECT(alloc_page(GFP_KERNEL) == helper.page);
	EXPECT_EQ(helper.calls, 1);
	world_close(&w);
}

/* The freed page lies on the other CPU's list, where the request does not look. */
TEST(page_lists_are_drained_after_reclaim_that_got_on)
{
	struct world w;

	open_world(&w, 0);
	give_helper(0, 1);
	helper.cpu = 1;
	w.machine->hooks.try_to_free_pages = reclaim;
	/* it did free the page, but says that it got nowhere: nobody looks again */
	EXPECT(alloc_page(GFP_KERNEL | __GFP_NORETRY) == NULL);
	EXPECT_EQ(mm_zone(w.machine, 0, ZONE_NORMAL)->pageset[1].count, 1);
	helper.progress = 1;
	EXPECT(alloc_page(GFP_KERNEL | __GFP_NORETRY) == helper.page);
	EXPECT_EQ(mm_zone(w.machine, 0, ZONE_NORMAL)->pageset[1].count, 0);
	world_close(&w);
}

/* Of two pageblocks one is given back, of one none: there must be one left. */
TEST(reclaim_that_got_on_gives_one_highatomic_pageblock_back_but_not_the_last)
{
	struct world w;

	open_world(&w, 0);
	struct zone *zone = mm_zone(w.machine, 0, ZONE_NORMAL);

	reserve_highatomic_pageblock(zone, pfn_to_page(64));
	reserve_highatomic_pageblock(zone, pfn_to_page(96));
	EXPECT_EQ(zone->nr_reserved_highatomic, 32);
	exhaust(GFP_KERNEL);
	w.machine->hooks.try_to_free_pages = reclaim;
	helper.progress = 1;
	EXPECT(alloc_page(GFP_KERNEL | __GFP_NORETRY) != NULL);
	EXPECT_EQ(zone->nr_reserved_highatomic, 16);
	exhaust(GFP_KERNEL);
	EXPECT(alloc_page(GFP_KERNEL | __GFP_NORETRY) == NULL);
	EXPECT_EQ(zone->nr_reserved_highatomic, 16);
	world_close(&w);
}

/*
 * 20 of 251 pages are left, below min 25: free twice over (there is no LRU) that is enough to hope
 * for, and reclaim is asked again as long as it gets on, 16 times if it does not.
 */
static unsigned int rounds_of(uint64_t progress, unsigned int frees_at)
{
	struct world w;

	open_world(&w, 100);
	give_helper(3, frees_at);
	helper.progress = progress;
	w.machine->hooks.try_to_free_pages = reclaim;
	while (zone_free_pages_snapshot(mm_zone(w.machine, 0, ZONE_NORMAL)) > 20)
		if (!alloc_page(GFP_KERNEL | __GFP_MEMALLOC | __GFP_NORETRY))
			break;
	unsigned int before = helper.calls;
	const struct page *page = alloc_page(GFP_KERNEL | __GFP_RETRY_MAYFAIL);

	EXPECT(!page == (frees_at == 0));
	world_close(&w);
	return helper.calls - before;
}

TEST(reclaim_is_asked_again_as_long_as_it_gets_on)
{
	EXPECT_EQ(rounds_of(1, 40), 40);
	/* after 16 rounds that got nowhere the 17th is the last */
	EXPECT_EQ(rounds_of(0, 0), 17);
}

TEST(a_costly_order_is_compacted_for_before_reclaim)
{
	struct world w;

	open_world(&w, 0);
	give_helper(4, 1);
	w.machine->hooks.try_to_compact_pages = compact;
	EXPECT(alloc_pages(GFP_KERNEL, 4) == helper.page);
	EXPECT_EQ(helper.calls, 1);
	/* and once more after it, whatever reclaim said */
	helper.calls = 0;
	helper.frees_at = 2;
	EXPECT(alloc_pages(GFP_KERNEL, 4) == helper.page);
	EXPECT_EQ(helper.calls, 2);
	/* not by who may not do I/O */
	helper.calls = 0;
	EXPECT(alloc_pages(GFP_NOIO, 4) == NULL);
	EXPECT_EQ(helper.calls, 0);
	world_close(&w);
}

TEST(what_the_victim_of_the_oom_killer_had_is_taken)
{
	struct world w;

	open_world(&w, 0);
	give_helper(0, 1);
	w.machine->hooks.out_of_memory = kill_somebody;
	EXPECT(alloc_page(GFP_KERNEL) == helper.page);
	EXPECT_EQ(helper.calls, 1);
	EXPECT(alloc_page(GFP_KERNEL) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_OOM);
	EXPECT_EQ(helper.calls, 2);
	world_close(&w);
}

/* A task that frees memory may use all of it: in a softirq too, but not in a hard interrupt. */
TEST(memalloc_holds_in_a_softirq_and_not_in_an_interrupt)
{
	static const struct {
		enum mm_level level;
		bool gets_more;
	} levels[] = { { MM_TASK, true }, { MM_SOFTIRQ, true }, { MM_IRQ, false } };
	struct world w;

	for (unsigned int i = 0; i < 3; i++) {
		open_world(&w, 100);
		world_on(&w, 0, levels[i].level, 0);
		while (alloc_page(GFP_ATOMIC))
			;
		world_on(&w, 0, levels[i].level, MM_SCOPE_MEMALLOC);
		EXPECT(!alloc_page(GFP_ATOMIC) != levels[i].gets_more);
		world_close(&w);
	}
}

/* The two flags contradict each other: such a request waits, and gets no more than others that do. */
TEST(an_atomic_request_that_may_wait_gets_no_reserve)
{
	static const struct mm_profile *const profiles[] = { &mm_profile_linux_6_1,
							     &mm_profile_linux_5_10 };
	struct world w;

	for (unsigned int i = 0; i < 2; i++) {
		world_open(&w, (struct shape){ .profile = profiles[i],
					       .pages = 256,
					       .min_free_kbytes = 100,
					       .high = 4,
					       .batch = 1 });
		exhaust(GFP_KERNEL);
		EXPECT(alloc_page(GFP_KERNEL | __GFP_ATOMIC | __GFP_NORETRY) == NULL);
		EXPECT(alloc_page(GFP_ATOMIC) != NULL);
		world_close(&w);
	}
}

/*
 * Node 0 has Normal above DMA32, so NOFRAGMENT holds: every second page of its MOVABLE pageblocks is
 * free, node 1 is empty.
 */
TEST(types_are_mixed_rather_than_a_node_left)
{
	static struct page *held[512];
	struct world w;
	unsigned int nr = 0;

	world_open(&w, (struct shape){ .pages = 1024, .nodes = 2, .cpus = 2, .dma32_end = 256 });
	while (nr < 512 &&
	       (held[nr] = alloc_page(GFP_HIGHUSER_MOVABLE | __GFP_THISNODE | __GFP_NORETRY)))
		nr++;
	EXPECT_EQ(nr, mm_zone(w.machine, 0, ZONE_DMA32)->managed_pages +
			      mm_zone(w.machine, 0, ZONE_NORMAL)->managed_pages);
	for (unsigned int i = 0; i < nr; i++)
		if (page_to_pfn(held[i]) % 2)
			__free_page(held[i]);
	drain_all_pages();
	EXPECT(page_to_pfn(alloc_page(GFP_KERNEL)) < 512);
	EXPECT(mm_zone(w.machine, 1, ZONE_NORMAL)->free_area[5].nr_free > 0);
	world_close(&w);
}

TEST_MAIN
