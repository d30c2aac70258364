/*
 * The checker: a good recording, and for each rule that recording with one line changed.
 *
 *   the good one          frames 0x10 .. 0x17 as a block, 0x20 as a page, on two CPUs
 */
#include "trace/test/samples.h"

static void good_recording(struct sample *s)
{
	memset(s, 0, sizeof(*s));
	add_locked(s, 0, 0x10, 3);
	add_alloc(s, 0, 0x10, 3); /* line 2 */
	add_locked(s, 0, 0x20, 0);
	add_alloc(s, 0, 0x20, 0);
	add_free(s, 0, 0x20, 0); /* line 5 */
	add_batched(s, 0, 0x20);
	add_drain(s, 0, 0x20, 0); /* line 7 */
	add_locked(s, 1, 0x20, 0);
	add_alloc(s, 1, 0x20, 0);
	add_free(s, 1, 0x10, 3); /* line 10 */
	add_alloc(s, 1, 0x10, 3);
}

static bool check(struct trace *trace, bool complete, struct trace_checked *checked)
{
	const struct trace_check_options how = { .complete = complete };

	return EXPECT(trace_check(trace, &how, checked));
}

/* The good recording and these events behind it: exactly this finding. */
static void expect_finding(const struct sample *s, enum trace_rule rule, const char *sentence)
{
	struct trace trace = given(s->text);
	struct trace_checked checked;
	char words[TRACE_ERROR_SIZE] = "";

	if (check(&trace, false, &checked) && EXPECT_EQ(checked.nr_findings, 1)) {
		EXPECT_EQ(checked.by_rule[rule], 1);
		trace_finding_print(&trace, &checked.findings[0], words, sizeof(words));
		EXPECT_STR(words, sentence);
	}
	trace_free(&trace);
}

TEST(a_good_recording_has_no_findings_and_every_rule_was_asked)
{
	struct sample s;
	struct trace_checked checked;

	good_recording(&s);
	struct trace trace = given(s.text);

	if (check(&trace, true, &checked)) {
		EXPECT_EQ(checked.nr_findings, 0);
		EXPECT_EQ(checked.silent, 0);
		EXPECT_EQ(checked.unknown_frees, 0);
		EXPECT_EQ(checked.held, 9);
		for (unsigned int rule = 0; rule < TRACE_RULES; rule++)
			EXPECT(checked.asked[rule] > 0);
	}
	trace_free(&trace);
}

TEST(a_page_that_is_handed_out_twice)
{
	struct sample s;

	good_recording(&s);
	add_alloc(&s, 0, 0x14, 1);
	expect_finding(&s, TRACE_RULE_OVERLAP,
		       "t:12: contract.overlap: the block of order 1 at pfn 0x14 is handed out "
		       "while it is held: pfn 0x14 was "
		       "handed out at t:11, in a block of order 3");
}

TEST(a_block_over_a_held_page)
{
	struct sample s;

	good_recording(&s);
	add_alloc(&s, 0, 0x20, 2);
	expect_finding(&s, TRACE_RULE_OVERLAP,
		       "t:12: contract.overlap: the block of order 2 at pfn 0x20 is handed out "
		       "while it is held: pfn 0x20 was "
		       "handed out at t:9, in a block of order 0");
}

TEST(a_block_off_its_alignment)
{
	struct sample s;

	good_recording(&s);
	add_alloc(&s, 0, 0x32, 2);
	expect_finding(&s, TRACE_RULE_ALIGN,
		       "t:12: contract.align: the block of order 2 at pfn 0x32 does not lie at a "
		       "multiple of its size");
	good_recording(&s);
	add_free(&s, 0, 0x31, 1);
	expect_finding(&s, TRACE_RULE_ALIGN,
		       "t:12: contract.align: the block of order 1 at pfn 0x31 does not lie at a "
		       "multiple of its size");
}

TEST(a_block_that_is_given_back_twice)
{
	struct sample s;

	good_recording(&s);
	add_free(&s, 0, 0x10, 3);
	add_free(&s, 1, 0x10, 3);
	expect_finding(&s, TRACE_RULE_DOUBLE_FREE,
		       "t:13: contract.double-free: the block of order 3 at pfn 0x10 is given back "
		       "and is free: pfn 0x10 was "
		       "given back at t:12, in a block of order 3");
}

/* vmalloc's pages come without an event: a single page may come back again (trace.h). */
TEST(a_page_that_is_given_back_twice_is_wrong_in_complete_recordings)
{
	struct sample s;
	struct trace_checked checked;

	good_recording(&s);
	add_free(&s, 0, 0x20, 0);
	add_free(&s, 0, 0x20, 0);
	struct trace trace = given(s.text);

	if (check(&trace, false, &checked)) {
		EXPECT_EQ(checked.nr_findings, 0);
		EXPECT_EQ(checked.silent, 1);
	}
	if (check(&trace, true, &checked)) {
		EXPECT_EQ(checked.by_rule[TRACE_RULE_DOUBLE_FREE], 1);
		EXPECT_EQ(checked.silent, 0);
		EXPECT_EQ(checked.findings[0].event, 12);
		EXPECT_EQ(checked.findings[0].other, 11);
	}
	trace_free(&trace);
}

TEST(a_block_that_is_given_back_as_more_than_it_is)
{
	struct sample s;

	good_recording(&s);
	add_free(&s, 0, 0x20, 1);
	expect_finding(&s, TRACE_RULE_FREE_ORDER,
		       "t:12: contract.free-order: the block of order 1 at pfn 0x20 is given back "
		       "and is more than was handed "
		       "out: pfn 0x20 was handed out at t:9, in a block of order 0");
}

TEST(a_block_may_come_back_in_parts)
{
	struct sample s;
	struct trace_checked checked;

	good_recording(&s);
	add_free(&s, 0, 0x14, 2);
	add_free(&s, 0, 0x10, 0);
	struct trace trace = given(s.text);

	if (check(&trace, true, &checked)) {
		EXPECT_EQ(checked.nr_findings, 0);
		EXPECT_EQ(checked.held, 4);
	}
	trace_free(&trace);
}

TEST(a_batch_with_a_page_that_is_held)
{
	struct sample s;

	good_recording(&s);
	add_batched(&s, 1, 0x20);
	expect_finding(&s, TRACE_RULE_BATCHED,
		       "t:12: contract.batched: the block of order 0 at pfn 0x20 is in a batch of "
		       "frees and was not given back: "
		       "pfn 0x20 was handed out at t:9, in a block of order 0");
}

TEST(a_drain_of_a_page_that_is_held)
{
	struct sample s;

	good_recording(&s);
	add_drain(&s, 1, 0x20, 0);
	expect_finding(&s, TRACE_RULE_DRAIN,
		       "t:12: contract.drain: the block of order 0 at pfn 0x20 is drained and lies "
		       "on no page list: pfn 0x20 "
		       "was handed out at t:9, in a block of order 0");
}

TEST(a_drain_of_a_page_that_is_in_the_buddy)
{
	struct sample s;

	good_recording(&s);
	add_free(&s, 1, 0x20, 0);
	add_drain(&s, 1, 0x20, 0);
	add_drain(&s, 1, 0x20, 0);
	expect_finding(&s, TRACE_RULE_DRAIN,
		       "t:14: contract.drain: the block of order 0 at pfn 0x20 is drained and lies "
		       "on no page list: pfn 0x20 "
		       "was drained to the buddy at t:13, in a block of order 0");
}

TEST(another_cpu_may_drain_and_is_counted)
{
	struct sample s;
	struct trace_checked checked;

	good_recording(&s);
	add_free(&s, 1, 0x20, 0);
	add_drain(&s, 0, 0x20, 0);
	struct trace trace = given(s.text);

	if (check(&trace, true, &checked)) {
		EXPECT_EQ(checked.nr_findings, 0);
		EXPECT_EQ(checked.remote_drains, 1);
	}
	trace_free(&trace);
}

TEST(a_held_page_in_the_buddy)
{
	struct sample s;

	good_recording(&s);
	add_locked(&s, 0, 0x20, 0);
	expect_finding(&s, TRACE_RULE_TAKEN,
		       "t:12: contract.taken: the block of order 0 at pfn 0x20 is taken from the "
		       "buddy while it is held: pfn "
		       "0x20 was handed out at t:9, in a block of order 0");
}

TEST(a_held_page_in_a_block_that_is_stolen)
{
	struct sample s;

	good_recording(&s);
	add(&s, 0,
	    "mm_page_alloc_extfrag: page=00 pfn=0x20 alloc_order=0 fallback_order=5 "
	    "pageblock_order=9 "
	    "alloc_migratetype=0 fallback_migratetype=1 fragmenting=0 change_ownership=1");
	expect_finding(&s, TRACE_RULE_TAKEN,
		       "t:12: contract.taken: the block of order 5 at pfn 0x20 is stolen from the "
		       "buddy while it is held: pfn "
		       "0x20 was handed out at t:9, in a block of order 0");
}

TEST(what_is_not_known_is_not_wrong)
{
	struct sample s = { .size = 0 };
	struct trace_checked checked;

	add_free(&s, 0, 0x40, 2);
	add_drain(&s, 0, 0x50, 0);
	add_batched(&s, 0, 0x51);
	add_locked(&s, 0, 0x52, 0);
	add_free(&s, 0, 0x60, 0);
	struct trace trace = given(s.text);

	if (check(&trace, true, &checked)) {
		EXPECT_EQ(checked.nr_findings, 0);
		EXPECT_EQ(checked.unknown_frees, 2);
		EXPECT_EQ(checked.held, 0);
	}
	trace_free(&trace);
}

TEST(where_events_were_lost_nothing_is_known)
{
	struct sample s;
	struct trace_checked checked;

	good_recording(&s);
	add_words(&s, "CPU:1 [LOST 2 EVENTS]\n");
	add_alloc(&s, 0, 0x10, 3);
	add_free(&s, 0, 0x20, 1);
	add_alloc(&s, 0, 0x20, 0);
	struct trace trace = given(s.text);

	if (check(&trace, true, &checked)) {
		EXPECT_EQ(checked.nr_findings, 0);
		EXPECT_EQ(checked.unknown_frees, 1);
		EXPECT_EQ(checked.held, 9);
	}
	trace_free(&trace);
}

TEST(an_allocation_that_failed_holds_nothing)
{
	struct sample s;
	struct trace_checked checked;

	good_recording(&s);
	add_alloc(&s, 0, 0, 3);
	add_alloc(&s, 0, 0, 3);
	struct trace trace = given(s.text);

	if (check(&trace, true, &checked)) {
		EXPECT_EQ(checked.nr_findings, 0);
		EXPECT_EQ(checked.held, 9);
	}
	trace_free(&trace);
}

TEST(many_findings_are_counted_and_the_first_are_kept)
{
	struct sample s = { .size = 0 };
	struct trace_checked checked;

	for (unsigned int i = 0; i < 200; i++)
		add_alloc(&s, 0, 0x10, 0);
	struct trace trace = given(s.text);

	if (check(&trace, false, &checked)) {
		EXPECT_EQ(checked.nr_findings, 199);
		EXPECT_EQ(checked.findings[TRACE_MAX_FINDINGS - 1].event, 100);
	}
	trace_free(&trace);
}

#ifdef LOSTBUDDY_HAS_LZMA
/* A real kernel keeps the contract. Numbers: see import_test.c. */
TEST(the_recorded_boot_has_no_findings)
{
	struct trace trace;
	struct trace_checked checked;
	char error[TRACE_ERROR_SIZE] = "";

	if (EXPECT(trace_read(&trace, "corpus/traces/boot-pages/trace.txt.xz", error)) &&
	    check(&trace, false, &checked)) {
		EXPECT_EQ(checked.nr_findings, 0);
		for (unsigned int rule = 0; rule < TRACE_RULES; rule++)
			EXPECT(checked.asked[rule] > 0);
		/* one CPU, so all drains are its own */
		EXPECT_EQ(checked.remote_drains, 0);
	}
	trace_free(&trace);
}
#endif

TEST_MAIN
