/*
 * Pieces of pages, by the readings. A fragment of n bytes of a fresh block of 32768 bytes at frame
 * h begins at byte 32768 - n of it.
 */
#include "common.h"

static struct shadow *plain(void)
{
	struct machine m = bare_machine(256);

	m.pcp_high = 100;
	m.pcp_batch = 1;
	m.nr_cpus = 2;
	return booted(&m, NULL, 0);
}

static struct lb_call piece_call(uint32_t gfp, uint32_t bytes)
{
	return (struct lb_call){
		.op = OP_PAGE_FRAG_ALLOC, .gfp = gfp, .value = bytes, .node = NODE_NONE
	};
}

static struct lb_result piece(struct shadow *s, uint32_t gfp, uint32_t bytes)
{
	return run(s, piece_call(gfp, bytes));
}

static void give_piece(struct shadow *s, struct lb_result r)
{
	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_PAGE_FRAG_FREE,
					   .pfn = r.pfn,
					   .offset = r.offset,
					   .node = NODE_NONE })
			  .outcome,
		  LB_DONE);
}

static void drain_pieces(struct shadow *s)
{
	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_PAGE_FRAG_DRAIN }).outcome, LB_DONE);
}

static void expect_piece(struct lb_result r, uint64_t pfn, uint32_t offset)
{
	EXPECT_EQ(r.outcome, LB_BLOCK);
	EXPECT_EQ(r.pfn, pfn);
	EXPECT_EQ(r.offset, offset);
}

static void expect_cache(const struct shadow *s, uint64_t pfn, uint64_t size, uint64_t offset,
			 uint64_t bias)
{
	const struct frag_cache *cache = &s->state->frag_caches[0];

	EXPECT_EQ(cache->pfn, pfn);
	EXPECT_EQ(cache->size, size);
	EXPECT_EQ(cache->offset, offset);
	EXPECT_EQ(cache->bias, bias);
}

static void expect_empty(const struct shadow *s)
{
	EXPECT_EQ(s->state->frag_caches[0].pfn, NO_PFN);
	EXPECT_EQ(s->state->frag_caches[0].size, 0);
	EXPECT_EQ(s->state->frag_caches[0].bias, 0);
}

static void refuse_all_zones(struct shadow *s)
{
	for (unsigned int i = 0; i < 3; i++)
		s->zones[0].mark[i] = 10000;
}

/* The first pageblock begins with a hole, and so is unmovable: of order 3 it has 8..16. */
TEST(fragments_are_cut_from_the_end_of_a_block_of_order_three)
{
	struct shadow *s = plain();
	struct lb_result a, b;

	expect_empty(s);
	a = piece(s, GFP_KERNEL, 1000);
	expect_piece(a, 15, 4096 - 1000);
	expect_cache(s, 8, 32768, 31768, 32768);
	EXPECT_EQ(s->frames[8].pieces, 32769);
	b = piece(s, GFP_KERNEL, 5000);
	expect_piece(b, 14, 26768 - 6 * 4096);
	expect_cache(s, 8, 32768, 26768, 32767);
	EXPECT_EQ(s->frames[8].pieces, 32769);
	EXPECT_EQ(s->frames[8].refs, 0);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGALLOC], 8);
	EXPECT_EQ(s->state->nr_frag_blocks, 1);
	shadow_destroy(s);
}

TEST(the_last_reference_frees_the_block_to_the_page_lists)
{
	struct shadow *s = plain();
	struct lb_result a = piece(s, GFP_KERNEL, 1000), b = piece(s, GFP_KERNEL, 5000);

	give_piece(s, a);
	EXPECT_EQ(s->frames[8].pieces, 32768);
	drain_pieces(s);
	expect_empty(s);
	EXPECT_EQ(s->frames[8].pieces, 1);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 0);
	give_piece(s, b); /* by a frame that is not the first */
	EXPECT_EQ(s->frames[8].pieces, 0);
	EXPECT_EQ(s->state->nr_frag_blocks, 0);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 8);
	EXPECT_STR(pcp_text(s, 0, 0, 3 * 3 + MT_UNMOVABLE), "8");
	drain_pieces(s); /* of an empty cache: nothing */
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 8);
	shadow_destroy(s);
}

TEST(a_drain_frees_what_nobody_else_holds)
{
	struct shadow *s = plain();

	give_piece(s, piece(s, GFP_KERNEL, 1));
	drain_pieces(s);
	EXPECT_STR(pcp_text(s, 0, 0, 3 * 3 + MT_UNMOVABLE), "8");
	shadow_destroy(s);
}

TEST(linux_5_10_frees_blocks_of_order_three_straight_to_the_buddy)
{
	struct machine m = bare_machine(256);
	struct shadow *s;

	m.profile = PROFILE_LINUX_5_10;
	s = booted(&m, NULL, 0);
	expect_piece(piece(s, GFP_KERNEL, 32768), 8, 0);
	give_piece(s, (struct lb_result){ .pfn = 8 });
	drain_pieces(s);
	EXPECT_STR(free_text(s, 0, 3, MT_UNMOVABLE), "8");
	shadow_destroy(s);
}

TEST(a_block_that_nobody_else_is_in_is_begun_anew)
{
	struct shadow *s = plain();
	struct lb_result a = piece(s, GFP_KERNEL, 32768);

	expect_piece(a, 8, 0);
	expect_cache(s, 8, 32768, 0, 32768);
	give_piece(s, a);
	expect_piece(piece(s, GFP_KERNEL, 100), 15, 3996);
	expect_cache(s, 8, 32768, 32668, 32768);
	EXPECT_EQ(s->frames[8].pieces, 32769);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGALLOC], 8);
	shadow_destroy(s);
}

/* 30000 and 5000 do not fit together. */
TEST(a_block_that_others_hold_is_left_to_them)
{
	struct shadow *s = plain();
	struct lb_result a = piece(s, GFP_KERNEL, 30000), b = piece(s, GFP_KERNEL, 5000);

	EXPECT_EQ(a.pfn, 8);
	EXPECT_EQ(s->frames[8].pieces, 1);
	EXPECT_EQ(b.outcome, LB_BLOCK);
	EXPECT_EQ(s->state->frag_caches[0].pfn, b.pfn & ~UINT64_C(7));
	EXPECT_EQ(s->state->nr_frag_blocks, 2);
	give_piece(s, a);
	EXPECT_EQ(s->state->nr_frag_blocks, 1);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 8);
	shadow_destroy(s);
}

TEST(each_cpu_has_a_cache_of_its_own)
{
	struct shadow *s = plain();
	struct lb_call call = piece_call(GFP_KERNEL, 10);
	uint64_t first = run(s, call).pfn, second;

	call.cpu = 1;
	second = run(s, call).pfn;
	EXPECT(first / 8 != second / 8);
	EXPECT_EQ(s->state->frag_caches[0].offset, 32758);
	EXPECT_EQ(s->state->frag_caches[1].offset, 32758);
	drain_pieces(s);
	EXPECT_EQ(s->state->frag_caches[1].bias, 32768);
	shadow_destroy(s);
}

/* ---- A page where no block is to be had ---- */

/* Injection may hit order 3 where the caller does not wait: pfn 1 is the unmovable page. */
static struct lb_result piece_of_a_page(struct shadow *s, uint32_t bytes)
{
	struct lb_call call = piece_call(GFP_NOWAIT, bytes);

	call.fail_nth = 1;
	return run(s, call);
}

TEST(where_order_three_fails_a_page_will_do)
{
	struct shadow *s = plain();

	expect_piece(piece_of_a_page(s, 100), 1, 3996);
	expect_cache(s, 1, 4096, 3996, 32768);
	EXPECT_EQ(s->frames[1].pieces, 32769);
	drain_pieces(s);
	give_piece(s, (struct lb_result){ .pfn = 1, .offset = 3996 });
	EXPECT_STR(pcp_text(s, 0, 0, MT_UNMOVABLE), "1");
	shadow_destroy(s);
}

/* The first attempt makes no effort: who may wait does not wait for it, nor is anybody killed. */
TEST(a_page_is_taken_before_anything_is_done_for_order_three)
{
	struct shadow *s = plain();

	empty(s);
	for (uint32_t pfn = 64; pfn < 84; pfn += 2) /* more than a CPU keeps to itself */
		shadow_buddy_free(s, pfn, 0, MT_UNMOVABLE, false);
	expect_piece(piece(s, GFP_KERNEL, 4000), 82, 96);
	shadow_destroy(s);
}

TEST(a_fragment_larger_than_the_page_is_not_given_and_the_page_stays)
{
	struct shadow *s = plain();
	struct lb_result r = piece_of_a_page(s, 5000);

	EXPECT_EQ(r.outcome, LB_NULL);
	EXPECT_EQ(r.reason, LB_NO_MEMORY);
	expect_cache(s, 1, 4096, 4096, 32769);
	EXPECT_EQ(s->frames[1].pieces, 32769);
	expect_piece(piece(s, GFP_KERNEL, 96), 1, 4000);
	give_piece(s, (struct lb_result){ .pfn = 1, .offset = 4000 });
	r = piece(s, GFP_KERNEL, 5000); /* begun anew, and still too small: its offset stays */
	EXPECT_EQ(r.reason, LB_NO_MEMORY);
	expect_cache(s, 1, 4096, 4000, 32769);
	EXPECT_EQ(s->frames[1].pieces, 32769);
	shadow_destroy(s);
}

/* The first attempt may not touch the reserves, the second one may. */
TEST(a_page_from_the_reserves_is_not_begun_anew)
{
	struct shadow *s = plain();
	struct lb_result r;

	refuse_all_zones(s);
	r = piece(s, GFP_NOWAIT | GFP_MEMALLOC, 4096);
	expect_piece(r, 1, 0);
	EXPECT_EQ(s->state->frag_caches[0].pfmemalloc, 1);
	give_piece(s, r);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 0);
	s->zones[0].mark[0] = s->zones[0].mark[1] = s->zones[0].mark[2] = 0;
	expect_piece(piece(s, GFP_NOWAIT, 4096), 15, 0);
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 1);
	EXPECT_EQ(s->state->frag_caches[0].pfmemalloc, 0);
	EXPECT_STR(pcp_text(s, 0, 0, MT_UNMOVABLE), "1");
	shadow_destroy(s);
}

/* ---- Failures ---- */

TEST(what_fails_leaves_the_cache_empty)
{
	static const struct {
		uint32_t gfp;
		enum lb_outcome outcome;
		enum lb_reason reason;
	} rows[] = {
		{ GFP_NOWAIT, LB_NULL, LB_NO_WATERMARK },
		{ GFP_DIRECT_RECLAIM | GFP_IO, LB_LOOP, LB_REASON_NONE },
		{ GFP_KERNEL, LB_OOM, LB_REASON_NONE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct shadow *s = plain();
		struct lb_result r;

		piece(s, GFP_KERNEL, 32768);
		refuse_all_zones(s);
		r = piece(s, rows[i].gfp, 1);
		EXPECT_EQ(r.outcome, rows[i].outcome);
		EXPECT_EQ(r.reason, rows[i].reason);
		expect_empty(s);
		EXPECT_EQ(s->frames[8].pieces, 1); /* the one fragment that is live */
		shadow_destroy(s);
	}
}

TEST(who_may_not_sleep_is_told_so_when_memory_is_needed)
{
	struct shadow *s = plain();
	struct lb_call call = piece_call(GFP_KERNEL, 10);

	call.level = LEVEL_SOFTIRQ;
	EXPECT_EQ(run(s, call).warnings, LB_WARN_SLEEP);
	EXPECT_EQ(run(s, call).warnings, 0);
	shadow_destroy(s);
}

TEST(what_makes_no_sense_is_refused)
{
	struct shadow *s = plain();
	struct lb_call nmi = piece_call(GFP_KERNEL, 10);
	struct lb_result r;

	nmi.level = LEVEL_NMI;
	EXPECT_EQ(run(s, nmi).reason, LB_BAD_CONTEXT);
	nmi.op = OP_PAGE_FRAG_DRAIN;
	EXPECT_EQ(run(s, nmi).reason, LB_BAD_CONTEXT);
	EXPECT_EQ(piece(s, GFP_KERNEL, 0).reason, LB_BAD_RANGE);
	EXPECT_EQ(piece(s, GFP_KERNEL, 32769).reason, LB_BAD_RANGE);
	piece(s, GFP_KERNEL, 32768);
	r = piece(s, GFP_KERNEL | GFP_MOVABLE | GFP_RECLAIMABLE, 10);
	EXPECT_EQ(r.outcome, LB_REFUSED);
	EXPECT_EQ(r.reason, LB_BAD_TYPE);
	expect_cache(s, 8, 32768, 0, 32768); /* as it was */
	EXPECT_EQ(s->frames[8].pieces, 32769);
	shadow_destroy(s);
}

TEST(isolation_finds_a_block_of_fragments_in_use)
{
	struct machine m = bare_machine(320);
	struct shadow *s;
	struct lb_result r;

	m.memory[0].start = 64;
	s = booted(&m, NULL, 0);
	r = piece(s, GFP_KERNEL, 10);
	EXPECT_EQ(r.pfn / 64, 1);
	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_ISOLATE, .value = 1 }).reason, LB_BUSY);
	give_piece(s, r);
	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_ISOLATE, .value = 1 }).reason, LB_BUSY);
	drain_pieces(s);
	EXPECT_EQ(run(s, (struct lb_call){ .op = OP_ISOLATE, .value = 1 }).outcome, LB_DONE);
	shadow_destroy(s);
}

TEST_MAIN
