/* Pieces of pages (READINGS, "Fragments"). */
#include "lostbuddy/page_frag.h"
#include "lostbuddy/vmstat.h"
#include "test.h"
#include "test/world.h"

static struct page_frag_cache *cache(const struct world *w, unsigned int cpu)
{
	return &w->machine->frag_caches[cpu];
}

static uint64_t free_pages_of(const struct world *w)
{
	return zone_free_pages_snapshot(mm_zone(w->machine, 0, ZONE_NORMAL));
}

static void *take(unsigned int bytes)
{
	return page_frag_alloc(this_cpu_frag_cache(), bytes, GFP_KERNEL);
}

TEST(fragments_come_from_the_end_downwards)
{
	static const unsigned int sizes[] = { 1, 4096, 100, 63, 20000, 7 };
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	char *first = take(1);
	struct page_frag_cache *nc = cache(&w, 0);
	char *block = page_address(nc->page);
	unsigned int below = 32768 - 1;

	EXPECT(first == block + below);
	EXPECT_EQ(nc->size, 32768);
	EXPECT_EQ(compound_order(nc->page), 3);
	EXPECT_EQ(page_count(nc->page), 32769);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		below -= sizes[i];
		EXPECT(take(sizes[i]) == block + below);
		EXPECT_EQ(nc->offset, below);
		EXPECT_EQ(nc->pagecnt_bias, 32769 - 2 - i);
		EXPECT_EQ(page_count(nc->page), 32769);
	}
	world_close(&w);
}

TEST(a_block_is_begun_anew_when_nobody_else_has_a_piece_of_it)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	char *first = take(20000);
	const struct page *block = cache(&w, 0)->page;

	page_frag_free(first + 19999); /* any byte of it */
	EXPECT_EQ(page_count(block), 32768);
	char *second = take(20000);

	EXPECT(second == first);
	EXPECT(cache(&w, 0)->page == block);
	EXPECT_EQ(page_count(block), 32769);
	EXPECT_EQ(cache(&w, 0)->pagecnt_bias, 32768);
	/* now somebody has: another block, and the old one lives as long as its piece */
	char *third = take(20000);

	EXPECT(cache(&w, 0)->page != block);
	EXPECT_EQ(page_count(block), 1);
	page_frag_free(second);
	EXPECT_EQ(page_count(block), 0);
	page_frag_free(third);
	world_close(&w);
}

/* Every reference is the cache's or a fragment's, whatever is done; in the end everything is there again. */
enum { MAX_HELD = 200 };

TEST(references_are_neither_lost_nor_made)
{
	static const struct mm_profile *const profiles[] = { &mm_profile_linux_6_1,
							     &mm_profile_linux_5_10 };

	for (unsigned int run = 0; run < 6; run++) {
		struct world w;
		char *held[MAX_HELD];
		unsigned int n = 0, in_block[1024];
		uint64_t random = run + 1;

		world_open(&w, (struct shape){
				       .pages = 1024, .cpus = 2, .profile = profiles[run & 1] });
		uint64_t before = free_pages_of(&w);

		for (unsigned int step = 0; step < 3000; step++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			unsigned int what = (unsigned int)(random >> 40);

			world_on(&w, what & 1, MM_TASK, 0);
			if (what % 64 == 0) {
				page_frag_cache_drain(this_cpu_frag_cache());
				EXPECT(!this_cpu_frag_cache()->page &&
				       !this_cpu_frag_cache()->pagecnt_bias);
			} else if (n < MAX_HELD && what % 3) {
				held[n] = take(1 + (what >> 8) % 9000);
				n += EXPECT(held[n] != NULL);
			} else if (n > 0) {
				unsigned int pick = what % n;

				page_frag_free(held[pick]);
				held[pick] = held[--n];
			}
			memset(in_block, 0, sizeof(in_block));
			for (unsigned int i = 0; i < n; i++)
				in_block[page_to_pfn(compound_head(virt_to_page(held[i])))]++;
			for (unsigned int cpu = 0; cpu < 2; cpu++)
				if (cache(&w, cpu)->page)
					in_block[page_to_pfn(cache(&w, cpu)->page)] +=
						cache(&w, cpu)->pagecnt_bias;
			for (pfn_t pfn = 0; pfn < 1024; pfn++)
				if (in_block[pfn] &&
				    !EXPECT_EQ(page_count(pfn_to_page(pfn)), in_block[pfn]))
					return;
		}
		while (n > 0)
			page_frag_free(held[--n]);
		for (unsigned int cpu = 0; cpu < 2; cpu++)
			page_frag_cache_drain(cache(&w, cpu));
		drain_all_pages();
		EXPECT_EQ(free_pages_of(&w), before);
		world_close(&w);
	}
}

TEST(order_0_is_the_last_resort_and_may_be_too_small)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	struct page_frag_cache *nc = cache(&w, 0);

	w.context.fail_nth = 1; /* strikes order 3, spares order 0 */
	EXPECT(page_frag_alloc(nc, 4097, GFP_ATOMIC) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_FRAGMENT);
	const struct page *block = nc->page;

	EXPECT(block && !PageHead(block));
	EXPECT_EQ(nc->size, 4096);
	EXPECT_EQ(nc->offset, 4096);
	EXPECT_EQ(nc->pagecnt_bias, 32769);
	EXPECT_EQ(page_count(block), 32769);
	/* the block stayed, and serves what fits */
	EXPECT(page_frag_alloc(nc, 4096, GFP_ATOMIC) == page_address(block));
	/* somebody has a piece: another block, this time of order 3 */
	EXPECT(page_frag_alloc(nc, 4097, GFP_ATOMIC) != NULL);
	EXPECT_EQ(nc->size, 32768);
	page_frag_free(page_address(block));
	EXPECT_EQ(page_count(block), 0);
	page_frag_cache_drain(nc);
	/* begun anew, and too small all the same: it stays, with its references, and its offset where it was */
	w.context.fail_nth = 1;
	char *piece = page_frag_alloc(nc, 10, GFP_ATOMIC);

	page_frag_free(piece);
	EXPECT(page_frag_alloc(nc, 5000, GFP_ATOMIC) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_FRAGMENT);
	EXPECT_EQ(nc->offset, 4096 - 10);
	EXPECT_EQ(nc->pagecnt_bias, 32769);
	EXPECT_EQ(page_count(nc->page), 32769);
	world_close(&w);
}

TEST(no_block_at_all_leaves_the_cache_empty)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .high = 4, .batch = 1 });
	char *piece = take(30000);
	struct page *block = cache(&w, 0)->page;

	while (alloc_page(GFP_KERNEL | __GFP_NORETRY))
		;
	EXPECT(page_frag_alloc(cache(&w, 0), 30000, GFP_NOWAIT) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_WATERMARK);
	EXPECT(cache(&w, 0)->page == NULL);
	EXPECT_EQ(cache(&w, 0)->pagecnt_bias + cache(&w, 0)->offset + cache(&w, 0)->size, 0);
	EXPECT_EQ(page_count(block), 1);
	page_frag_free(piece);
	EXPECT_EQ(page_count(block), 0);
	/* a kernel that would not come back does not try the second order either */
	while (alloc_page(GFP_KERNEL | __GFP_NORETRY))
		;
	EXPECT(page_frag_alloc(cache(&w, 0), 100, GFP_NOFS | __GFP_NOFAIL) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_LOOP);
	EXPECT(page_frag_alloc(cache(&w, 0), 100, GFP_KERNEL) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_OOM);
	page_frag_cache_drain(cache(&w, 0)); /* of nothing: nothing */
	world_close(&w);
}

TEST(a_kernel_that_loops_for_order_3_does_not_come_to_order_0)
{
	struct world w;
	struct page *pages[256];
	unsigned int n = 0;

	world_open(&w, (struct shape){ .pages = 256, .high = 4, .batch = 1 });
	while ((pages[n] = alloc_page(GFP_KERNEL | __GFP_NORETRY)))
		n++;
	/* every other page: single ones, and nothing else */
	for (unsigned int i = 0; i < n; i++)
		if (page_to_pfn(pages[i]) % 2)
			__free_page(pages[i]);
	EXPECT(page_frag_alloc(cache(&w, 0), 100, GFP_NOFS | __GFP_NOFAIL) == NULL);
	EXPECT_EQ(w.context.failure, MM_FAIL_LOOP);
	EXPECT(cache(&w, 0)->page == NULL);
	EXPECT(page_frag_alloc(cache(&w, 0), 100, GFP_NOFS) != NULL);
	EXPECT_EQ(cache(&w, 0)->size, 4096);
	world_close(&w);
}

TEST(a_block_from_reserves_is_not_begun_anew)
{
	struct world w;

	world_open(&w,
		   (struct shape){ .pages = 256, .min_free_kbytes = 100, .high = 4, .batch = 1 });
	struct page_frag_cache *nc = cache(&w, 0);

	while (alloc_page(GFP_KERNEL | __GFP_HIGH | __GFP_NORETRY))
		;
	/* order 3 does without reserves, order 0 as given */
	char *piece = page_frag_alloc(nc, 4000, GFP_ATOMIC | __GFP_MEMALLOC);
	struct page *block = nc->page;

	if (!EXPECT(block))
		return;
	/* ATOMIC gets below the mark by itself at first: on until the marks are passed by */
	while (!nc->pfmemalloc && piece)
		piece = page_frag_alloc(nc, 4000, GFP_ATOMIC | __GFP_MEMALLOC);
	EXPECT(nc->pfmemalloc);
	block = nc->page;
	page_frag_free(piece);
	EXPECT_EQ(page_count(block), 32768);
	uint64_t freed = w.machine->vmstat.pgfree;

	EXPECT(page_frag_alloc(nc, 4000, GFP_ATOMIC | __GFP_MEMALLOC) != NULL);
	EXPECT_EQ(w.machine->vmstat.pgfree - freed, 1);
	EXPECT_EQ(page_count(nc->page), 32769);
	world_close(&w);
}

TEST(pages_from_above_the_mark_are_not_marked)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	for (unsigned int order = 0; order <= 5; order++) {
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_MEMALLOC, order);

		EXPECT(!page_is_pfmemalloc(page));
		/* and the mark does not outlive a free */
		set_page_pfmemalloc(page);
		__free_pages(page, order);
		page = alloc_pages(GFP_KERNEL, order);
		EXPECT(!page_is_pfmemalloc(page));
		__free_pages(page, order);
	}
	world_close(&w);
}

TEST(both_mobilities_are_refused_and_change_nothing)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	take(30000);
	const struct page_frag_cache before = *cache(&w, 0);
	int references = page_count(before.page);

	for (unsigned int bytes = 100; bytes < 10000; bytes *= 10) {
		EXPECT(page_frag_alloc(cache(&w, 0), bytes,
				       GFP_KERNEL | __GFP_MOVABLE | __GFP_RECLAIMABLE) == NULL);
		EXPECT_EQ(w.context.failure, MM_FAIL_TYPE);
		EXPECT(memcmp(&before, cache(&w, 0), sizeof(before)) == 0);
		EXPECT_EQ(page_count(before.page), references);
	}
	world_on(&w, 0, MM_TASK, MM_SCOPE_PIN); /* which takes MOVABLE away first */
	EXPECT(page_frag_alloc(cache(&w, 0), 100, GFP_KERNEL | __GFP_MOVABLE | __GFP_RECLAIMABLE) !=
	       NULL);
	world_close(&w);
}

TEST(the_check_counts_what_a_cache_holds)
{
	struct world w;
	char why[256];

	world_open(&w, (struct shape){ .pages = 256 });
	take(1);
	cache(&w, 0)->page->_refcount = 32767;
	EXPECT(!mm_machine_check(w.machine, why));
	EXPECT_STR(why, "M9: cpu 0: fragment cache with bias 32768, block with 32767");
	cache(&w, 0)->page->_refcount = 32769;
	world_close(&w);
}

TEST_MAIN
