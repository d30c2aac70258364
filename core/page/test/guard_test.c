/* Guard pages (facts 6; READINGS, "Switches"). */
#include "lostbuddy/vmstat.h"
#include "page/page_internal.h"
#include "test.h"
#include "test/world.h"

static struct zone *normal(struct world *w)
{
	return mm_zone(w->machine, 0, ZONE_NORMAL);
}

/* "pfn:order ..." of all guards, ascending */
static const char *guards(const struct world *w)
{
	static char text[2][1024];
	static unsigned int next;
	char *at = text[next++ % 2];
	size_t used = 0;

	at[0] = 0;
	for (pfn_t pfn = 0; pfn < w->machine->max_pfn; pfn++)
		if (PageGuard(&w->machine->memmap[pfn]))
			used += (size_t)snprintf(at + used, 1024 - used, "%s%llu:%u",
						 used ? " " : "", (unsigned long long)pfn,
						 buddy_order(&w->machine->memmap[pfn]));
	return at;
}

static void expect_sound(struct world *w)
{
	char why[256] = "";

	if (!EXPECT(mm_machine_check(w->machine, why)))
		fprintf(stderr, "%s\n", why);
}

/*
 * Two nodes of 64 pages, so that node 1 is two whole blocks of order 5 less one page for the memmap; page
 * lists that keep nothing: what is freed goes to the buddy.
 */
static struct shape tiny(unsigned int guard_order)
{
	return (struct shape){
		.pages = 128, .nodes = 2, .guard_order = guard_order, .high = 1, .batch = 1
	};
}

static struct page *take(unsigned int order)
{
	return alloc_pages_node(1, GFP_KERNEL | __GFP_THISNODE | __GFP_NORETRY, order);
}

TEST(small_halves_stand_guard_and_are_counted_nowhere)
{
	/*
	 *             64  66  68      72              80              96
	 * before      [...............................................]  one block of order 5
	 * after       A 0 1   2       3               4                  A allocated, digits: orders; 0, 1 guards
	 */
	struct world w;

	world_open(&w, tiny(2));
	const struct zone *zone = mm_zone(w.machine, 1, ZONE_NORMAL);
	uint64_t before = zone_free_pages_snapshot(zone);
	struct page *page = take(0); /* another type's largest block is stolen */

	EXPECT_EQ(page_to_pfn(page), 64);
	for (unsigned int order = 2; order < 5; order++)
		EXPECT(PageBuddy(&w.machine->memmap[64 + (1u << order)]));
	EXPECT(PageGuard(&w.machine->memmap[65]));
	EXPECT_EQ(buddy_order(&w.machine->memmap[65]), 0);
	EXPECT(PageGuard(&w.machine->memmap[66]));
	EXPECT_EQ(buddy_order(&w.machine->memmap[66]), 1);
	uint64_t guarded = 0;

	for (pfn_t pfn = 64; pfn < 128; pfn++)
		if (PageGuard(&w.machine->memmap[pfn]))
			guarded += UINT64_C(1) << buddy_order(&w.machine->memmap[pfn]);
	EXPECT_EQ(zone_free_pages_snapshot(zone), before - 1 - guarded);
	expect_sound(&w);
	__free_pages(page, 0);
	drain_all_pages();
	EXPECT_STR(guards(&w), "");
	EXPECT_EQ(zone_free_pages_snapshot(zone), before);
	world_close(&w);
}

/* All sequences of four allocations of orders 0..3, and all orders of giving them back. */
enum { DEPTH = 4, SEQUENCES = 256 };

static void give_back_in(struct world *w, struct page *const *pages, unsigned int code,
			 unsigned int permutation)
{
	unsigned int left[DEPTH] = { 0, 1, 2, 3 };

	for (unsigned int n = DEPTH; n > 0; n--) {
		unsigned int pick = permutation % n;

		permutation /= n;
		if (pages[left[pick]])
			__free_pages(pages[left[pick]], code >> 2 * left[pick] & 3);
		left[pick] = left[n - 1];
	}
	drain_all_pages();
	expect_sound(w);
}

TEST(guards_join_again_when_everything_is_given_back)
{
	static const struct mm_profile *const profiles[] = { &mm_profile_linux_6_1,
							     &mm_profile_linux_5_10 };
	unsigned int guarded = 0;

	for (unsigned int run = 0; run < 6; run++) {
		struct shape shape = tiny(1 + run % 3);
		struct world w;

		shape.profile = profiles[run / 3];
		world_open(&w, shape);
		uint64_t free_pages = zone_free_pages_snapshot(mm_zone(w.machine, 1, ZONE_NORMAL));
		char before[1024];

		snprintf(before, sizeof(before), "%s", world_free(&w, ZONE_NORMAL));
		for (unsigned int code = 0; code < SEQUENCES; code++)
			for (unsigned int permutation = 0; permutation < 24; permutation++) {
				struct page *pages[DEPTH];

				for (unsigned int i = 0; i < DEPTH; i++)
					pages[i] = take(code >> 2 * i & 3);
				guarded += guards(&w)[0] != 0;
				give_back_in(&w, pages, code, permutation);
				if (!EXPECT_STR(guards(&w), "") ||
				    !EXPECT_EQ(zone_free_pages_snapshot(
						       mm_zone(w.machine, 1, ZONE_NORMAL)),
					       free_pages))
					return;
			}
		EXPECT_STR(world_free(&w, ZONE_NORMAL), before);
		world_close(&w);
	}
	EXPECT(guarded > SEQUENCES * 24);
}

TEST(each_guard_is_a_change_of_the_count_before_the_block_is)
{
	/*
	 * of 1 CPU the threshold is 2; guards of orders 2, 1, 0, then the page:
	 *	-4 beyond: -4 shared, 0     -2 stays     -3 beyond: -7 shared, 0     -1 stays
	 * (the page first would give -8 shared and 0)
	 */
	struct world w;

	world_open(&w, (struct shape){
			       .pages = 128, .nodes = 2, .guard_order = 3, .high = 8, .batch = 1 });
	struct zone *zone = mm_zone(w.machine, 1, ZONE_NORMAL);

	EXPECT_EQ(zone->stat_threshold, 2);
	vmstat_update();
	long shared = zone->nr_free_pages;

	EXPECT_EQ(zone->pageset[0].free_delta, 0);
	EXPECT_EQ(page_to_pfn(take(0)), 64);
	EXPECT_EQ(zone->nr_free_pages - shared, -7);
	EXPECT_EQ(zone->pageset[0].free_delta, -1);
	world_close(&w);
}

TEST(a_frame_that_is_cut_out_leaves_guards_and_none_is_cut_out_of_one)
{
	struct world w;

	world_open(&w, tiny(3));
	uint64_t before = zone_free_pages_snapshot(mm_zone(w.machine, 1, ZONE_NORMAL));
	struct page *page = pfn_to_page(77);

	/* 64..95: [64 4 . 8][72 2 76 0 A 1 78]...: 16 at 80, 8 at 64; guards 72:2, 76:0, 78:1 */
	EXPECT(take_page_off_buddy(page));
	EXPECT_STR(guards(&w), "72:2 76:0 78:1");
	EXPECT_EQ(zone_free_pages_snapshot(mm_zone(w.machine, 1, ZONE_NORMAL)), before - 8);
	for (pfn_t pfn = 72; pfn < 80; pfn++)
		EXPECT(!take_page_off_buddy(pfn_to_page(pfn)));
	expect_sound(&w);
	put_page_back_buddy(page);
	EXPECT_STR(guards(&w), "");
	EXPECT_EQ(zone_free_pages_snapshot(mm_zone(w.machine, 1, ZONE_NORMAL)), before);
	world_close(&w);
}

TEST(isolation_neither_counts_guards_nor_minds_them)
{
	struct world w;

	world_open(&w, tiny(3));
	struct zone *zone = mm_zone(w.machine, 1, ZONE_NORMAL);
	uint64_t before = zone_free_pages_snapshot(zone);
	struct page *page = pfn_to_page(77);

	/* guards of a list that counts: their pages come back when the pageblocks are counted again */
	EXPECT(take_page_off_buddy(page));
	page->_refcount = 0; /* as if it lay on a page list */
	EXPECT(isolate_range(64, 96));
	EXPECT_EQ(zone_free_pages_snapshot(zone), before - 32);
	EXPECT_STR(guards(&w), "72:2 76:0 78:1");
	page->_refcount = 1;
	put_page_back_buddy(page);
	EXPECT_STR(guards(&w), "");
	EXPECT_EQ(zone_free_pages_snapshot(zone), before - 32);
	EXPECT(unisolate_range(64, 96));
	EXPECT_EQ(zone_free_pages_snapshot(zone), before);
	/* guards of a list that does not: they were not counted, and are when they join one that does */
	EXPECT(isolate_range(64, 96));
	EXPECT(take_page_off_buddy(page));
	EXPECT_EQ(zone_free_pages_snapshot(zone), before - 32);
	EXPECT(unisolate_range(64, 96));
	EXPECT_EQ(zone_free_pages_snapshot(zone), before - 8);
	put_page_back_buddy(page);
	EXPECT_EQ(zone_free_pages_snapshot(zone), before);
	world_close(&w);
}

TEST(stealing_a_pageblock_leaves_its_guards_where_they_are)
{
	struct world w;

	world_open(&w, tiny(3));
	EXPECT(take_page_off_buddy(pfn_to_page(77)));
	/* the pageblock 64..79 has 8 free pages at 64, a held one, and seven on guard */
	EXPECT_EQ(move_freepages_block(mm_zone(w.machine, 1, ZONE_NORMAL), 70, MIGRATE_RECLAIMABLE),
		  8);
	EXPECT_STR(guards(&w), "72:2 76:0 78:1");
	expect_sound(&w);
	world_close(&w);
}

TEST(the_check_tells_guards_that_are_none)
{
	struct world w;
	char why[256];

	world_open(&w, tiny(3));
	EXPECT(take_page_off_buddy(pfn_to_page(77)));
	struct page *guard = pfn_to_page(72);

	guard->private = 3;
	EXPECT(!mm_machine_check(w.machine, why));
	EXPECT_STR(why, "M8: guard at pfn 72 of order 3");
	guard->private = 2;
	guard[1]._refcount = 1;
	EXPECT(!mm_machine_check(w.machine, why));
	EXPECT_STR(why, "M1: pfn 73 is free, and held");
	guard[1]._refcount = 0;
	pfn_to_page(65)->page_type = PAGE_TYPE_GUARD;
	EXPECT(!mm_machine_check(w.machine, why));
	EXPECT_STR(why, "M1: pfn 65 is in two places");
	pfn_to_page(65)->page_type = PAGE_TYPE_NONE;
	guard[2].flags ^= UINT64_C(1) << ZONE_ID_SHIFT;
	EXPECT(!mm_machine_check(w.machine, why));
	EXPECT_STR(why, "M8: guard at pfn 72 reaches into another zone");
	guard[2].flags ^= UINT64_C(1) << ZONE_ID_SHIFT;
	world_close(&w);
}

TEST(without_the_switch_nobody_stands_guard)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 128, .debug_pagealloc = true });
	for (unsigned int order = 0; order < 4; order++)
		EXPECT(alloc_pages(GFP_KERNEL, order) != NULL);
	EXPECT_STR(guards(&w), "");
	EXPECT_EQ(normal(&w)->machine->guard_order, 0);
	world_close(&w);
}

TEST_MAIN
