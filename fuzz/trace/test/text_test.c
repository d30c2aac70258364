/* Readers of text: every form of a line, and everything that is no recording. */
#include <unistd.h>

#include "trace/test/samples.h"

#define ALLOC                                                                                      \
	"mm_page_alloc: page=ffffea0000182f00 pfn=0x60bc order=1 migratetype=0 "                   \
	"gfp_flags=GFP_KERNEL|__GFP_ZERO\n"
#define FREE "mm_page_free: page=ffffea0000182f00 pfn=0x60bc order=1\n"

/* ---- forms of a line ---- */

struct form {
	const char *line;
	unsigned int cpu, level;
	uint64_t time;
	enum trace_form form;
};

static const struct form forms[] = {
	/* 6.1: five flags; the third is the context */
	{ "            init-1       [000] .....     1.784332: " ALLOC, 0, LEVEL_TASK, 1784332000,
	  TRACE_FORM_TEXT },
	{ "          <idle>-0       [012] d.h1.     0.185321: " ALLOC, 12, LEVEL_IRQ, 185321000,
	  TRACE_FORM_TEXT },
	{ "          <idle>-0       [012] d.H1.     0.185321: " ALLOC, 12, LEVEL_IRQ, 185321000,
	  TRACE_FORM_TEXT },
	{ "            init-1       [000] ..s..     1.784332: " ALLOC, 0, LEVEL_SOFTIRQ, 1784332000,
	  TRACE_FORM_TEXT },
	{ "            init-1       [000] bNs2.     1.784332: " ALLOC, 0, LEVEL_SOFTIRQ, 1784332000,
	  TRACE_FORM_TEXT },
	{ "            init-1       [000] d.z..     1.784332: " ALLOC, 0, LEVEL_NMI, 1784332000,
	  TRACE_FORM_TEXT },
	{ "            init-1       [000] d.Z..     1.784332: " ALLOC, 0, LEVEL_NMI, 1784332000,
	  TRACE_FORM_TEXT },
	/* 5.10: four flags; without irq-info: none; with record-tgid: the group's number */
	{ "            bash-1977    [003] d..2  2310.000001: " ALLOC, 3, LEVEL_TASK, 2310000001000,
	  TRACE_FORM_TEXT },
	{ "            bash-1977    [003]  2310.000001: " ALLOC, 3, LEVEL_TASK, 2310000001000,
	  TRACE_FORM_TEXT },
	{ "            bash-1977    (   1977) [003] ..s1  2310.000001: " ALLOC, 3, LEVEL_SOFTIRQ,
	  2310000001000, TRACE_FORM_TEXT },
	{ "           <...>-77      (-------) [003] ....  2310.000001: " ALLOC, 3, LEVEL_TASK,
	  2310000001000, TRACE_FORM_TEXT },
	/* names of tasks may hold anything */
	{ "     tmux: server-55      [001] .....     1.784332: " ALLOC, 1, LEVEL_TASK, 1784332000,
	  TRACE_FORM_TEXT },
	{ "        a [9] b-55      [001] .....     1.784332: " ALLOC, 1, LEVEL_TASK, 1784332000,
	  TRACE_FORM_TEXT },
	{ "   x [009] y: z-55      [001] .....     1.784332: " ALLOC, 1, LEVEL_TASK, 1784332000,
	  TRACE_FORM_TEXT },
	{ "    kworker/u2:1-39      [000] .....     0.994527: " ALLOC, 0, LEVEL_TASK, 994527000,
	  TRACE_FORM_TEXT },
	/* clocks: nanoseconds of a recording by trace-cmd -t, and one that counts */
	{ "            init-1       [000] .....     1.784332001: " ALLOC, 0, LEVEL_TASK, 1784332001,
	  TRACE_FORM_TEXT },
	{ "            init-1       [000] .....     4711: " ALLOC, 0, LEVEL_TASK, 4711,
	  TRACE_FORM_TEXT },
	/* latency-format */
	{ "    init-1       0.....    12us : " ALLOC, 0, LEVEL_TASK, 12000, TRACE_FORM_TEXT },
	{ "    init-1       3d.h1.    12us+: " ALLOC, 3, LEVEL_IRQ, 12000, TRACE_FORM_TEXT },
	{ "  <...>-2       63d.s2    12us!: " ALLOC, 63, LEVEL_SOFTIRQ, 12000, TRACE_FORM_TEXT },
	/* trace-cmd report, with and without -l */
	{ "            init-1     [000]     5.109972: mm_page_alloc:        "
	  "page=0xffffffff8241b878 pfn=0x60bc order=1 "
	  "migratetype=0 gfp_flags=GFP_KERNEL|__GFP_ZERO\n",
	  0, LEVEL_TASK, 5109972000, TRACE_FORM_TEXT },
	{ "    init-1       0d.h..     5.109972: mm_page_alloc:        page=0xffffffff8241b878 "
	  "pfn=0x60bc order=1 "
	  "migratetype=0 gfp_flags=GFP_KERNEL|__GFP_ZERO\n",
	  0, LEVEL_IRQ, 5109972000, TRACE_FORM_TEXT },
	/* trace-cmd report -R: other order, numbers */
	{ "            init-1     [000]     5.109972: mm_page_alloc:         pfn=0x60bc order=1 "
	  "gfp_flags=0xdc0 "
	  "migratetype=0\n",
	  0, LEVEL_TASK, 5109972000, TRACE_FORM_TEXT },
	/* until 5.17 frames were written in decimal */
	{ "            init-1       [000] ....     1.784332: mm_page_alloc: page=00000000a1b2c3d4 "
	  "pfn=24764 order=1 "
	  "migratetype=0 gfp_flags=GFP_KERNEL|__GFP_ZERO\n",
	  0, LEVEL_TASK, 1784332000, TRACE_FORM_TEXT },
	/* perf script: pid or pid/tid, maybe a period */
	{ "init     1 [000]    12.345678: kmem:" ALLOC, 0, LEVEL_TASK, 12345678000,
	  TRACE_FORM_PERF },
	{ "  Web Content  1234/1235  [002]  1234.567890:          1 kmem:" ALLOC, 2, LEVEL_TASK,
	  1234567890000, TRACE_FORM_PERF },
	{ "swapper     0 [001]    12.345678901:  kmem:" ALLOC, 1, LEVEL_TASK, 12345678901,
	  TRACE_FORM_PERF },
};

static void expect_form(const struct form *form)
{
	struct trace trace = given(form->line);
	unsigned int before = test_failures;

	if (EXPECT_EQ(trace.nr_events, 1)) {
		const struct trace_event *event = trace.events;

		EXPECT_EQ(event->kind, TRACE_ALLOC);
		EXPECT_EQ(event->cpu, form->cpu);
		EXPECT_EQ(event->level, form->level);
		EXPECT_EQ(event->time, form->time);
		EXPECT_EQ(event->pfn, 0x60bc);
		EXPECT_EQ(event->order, 1);
		EXPECT_EQ(event->type, 0);
		EXPECT_EQ(event->gfp, 0xdc0);
		EXPECT_EQ(event->place, 1);
		EXPECT_EQ(trace.form, form->form);
	}
	if (test_failures > before)
		fprintf(stderr, "  %s", form->line);
	trace_free(&trace);
}

TEST(every_form_of_a_line_says_the_same)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		expect_form(&forms[i]);
}

TEST(every_event_has_its_fields)
{
	struct trace trace =
		given("i-1 [000] ..... 1.000001: mm_page_alloc: page=(nil) pfn=0x0 order=9 "
		      "migratetype=1 gfp_flags=GFP_TRANSHUGE\n"
		      "i-1 [000] ..... 1.000002: mm_page_free: page=00 pfn=0x200 order=9\n"
		      "i-1 [000] ..... 1.000003: mm_page_free_batched: page=00 pfn=0x201 order=0\n"
		      "i-1 [000] ..... 1.000004: mm_page_pcpu_drain: page=00 pfn=0x202 order=1 "
		      "migratetype=2\n"
		      "i-1 [000] ..... 1.000005: mm_page_alloc_zone_locked: page=00 pfn=0x204 "
		      "order=2 migratetype=1 "
		      "percpu_refill=1\n"
		      "i-1 [000] ..... 1.000006: mm_page_alloc_extfrag: page=00 pfn=0x8000 "
		      "alloc_order=1 fallback_order=10 "
		      "pageblock_order=9 alloc_migratetype=2 fallback_migratetype=1 fragmenting=0 "
		      "change_ownership=1\n");

	if (!EXPECT_EQ(trace.nr_events, 6))
		return;
	EXPECT(trace.events[0].pfn == TRACE_NO_PFN);
	EXPECT_EQ(trace.events[0].gfp, 0x1c24ca);
	EXPECT_EQ(trace.events[0].order, 9);
	EXPECT_EQ(trace.events[1].kind, TRACE_FREE);
	EXPECT_EQ(trace.events[1].order, 9);
	EXPECT_EQ(trace.events[2].kind, TRACE_BATCHED);
	EXPECT_EQ(trace.events[3].kind, TRACE_DRAIN);
	EXPECT_EQ(trace.events[3].type, 2);
	EXPECT_EQ(trace.events[4].kind, TRACE_LOCKED);
	EXPECT_EQ(trace.events[4].value, 1);
	EXPECT_EQ(trace.events[5].kind, TRACE_EXTFRAG);
	EXPECT_EQ(trace.events[5].order, 10);
	EXPECT_EQ(trace.events[5].type, 1);
	EXPECT_EQ(trace.max_pfn, 0x8400);
	trace_free(&trace);
}

TEST(what_is_no_event_of_ours_is_counted)
{
	struct trace trace = given(
		"# tracer: nop\n"
		"#\n"
		"# entries-in-buffer/entries-written: 5/5   #P:2\n"
		"            init-1       [000] .....     1.000001: " FREE
		"            init-1       [000] .....     1.000002: kfree: call_site=x ptr=y\n"
		" => __do_softirq\n"
		" => asm_sysvec\n"
		"            init-1       [000] .....     1.000003: kfree: call_site=x ptr=y\n"
		"            init-1       [000] .....     1.000004: schedule <-worker_thread\n"
		"            init-1       [000] .....     1.000005: sys_openat(dfd: 3, flags: 0)\n"
		"\n");

	EXPECT_EQ(trace.nr_events, 1);
	EXPECT_EQ(trace.nr_lines, 11);
	EXPECT_EQ(trace.nr_no_events, 6);
	EXPECT_EQ(trace.nr_others, 3);
	EXPECT_STR(trace.others[0].name, "kfree");
	EXPECT_EQ(trace.others[0].count, 2);
	EXPECT_STR(trace.others[1].name, "schedule");
	EXPECT_STR(trace.others[2].name, "sys_openat");
	trace_free(&trace);
}

TEST(call_chains_of_perf_are_passed_over)
{
	struct trace trace = given("# captured on : today\n"
				   "init     1 [000]    12.345678: kmem:" FREE
				   "\tffffffff81234567 free_unref_page+0x10 ([kernel.kallsyms])\n"
				   "\t          7f0123 main+0x1 (/bin/x)\n"
				   "\n"
				   "init     1 [000]    12.345679: kmem:" FREE);

	EXPECT_EQ(trace.nr_events, 2);
	EXPECT_EQ(trace.nr_no_events, 4);
	trace_free(&trace);
}

TEST(lost_events_are_events)
{
	struct trace trace = given("CPU:1 [LOST 23 EVENTS]\n"
				   "i-1 [001] ..... 1.000001: " FREE "CPU:0 [LOST EVENTS]\n"
				   "CPU:2 [7 EVENTS DROPPED]\n"
				   "##### CPU 3 buffer started ####\n"
				   "CPU 4 is empty\n");

	EXPECT_EQ(trace.nr_events, 5);
	EXPECT_EQ(trace.counts[TRACE_LOST], 4);
	EXPECT_EQ(trace.lost_events, 30);
	EXPECT_EQ(trace.events[0].cpu, 1);
	EXPECT_EQ(trace.events[0].value, 23);
	/* these lines have no time: at the beginning that of the first event, else of the one before */
	EXPECT_EQ(trace.events[0].time, 1000001000);
	EXPECT_EQ(trace.events[2].time, 1000001000);
	EXPECT_EQ(trace.events[2].value, 0);
	EXPECT_EQ(trace.events[4].cpu, 3);
	EXPECT_EQ(trace.nr_cpus, 4);
	trace_free(&trace);
}

TEST(lines_may_end_as_in_another_world)
{
	struct trace trace =
		given("i-1 [000] ..... 1.000001: mm_page_free: page=00 pfn=0x60bc order=1\r\n");

	EXPECT_EQ(trace.nr_events, 1);
	EXPECT_EQ(trace.events[0].order, 1);
	trace_free(&trace);
}

/* ---- gfp ---- */

TEST(gfp_names_are_the_numbers_of_the_facts)
{
	static const struct {
		const char *text;
		uint32_t gfp;
	} rows[] = {
		{ "none", 0 },
		{ "GFP_KERNEL", 0xcc0 },
		{ "GFP_KERNEL|__GFP_ZERO", 0xdc0 },
		{ "GFP_ATOMIC", 0xa20 },
		{ "__GFP_HIGH|__GFP_ATOMIC|__GFP_ZERO", 0x320 },
		{ "GFP_NOWAIT|__GFP_NOWARN", 0x2800 },
		{ "GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO", 0x140dca },
		{ "GFP_HIGHUSER|__GFP_ACCOUNT", 0x500cc2 },
		{ "GFP_KERNEL|GFP_DMA32|__GFP_NOWARN", 0x2cc4 },
		{ "__GFP_IO|__GFP_FS|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_NOMEMALLOC|__GFP_"
		  "RECLAIMABLE",
		  0xd20d0 },
		{ "GFP_KERNEL|0x80000000", 0x80000cc0 },
		{ "0x400dc0", 0x400dc0 },
	};
	const char *bad;
	size_t length;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t gfp = 1;

		EXPECT(trace_gfp(rows[i].text, strlen(rows[i].text), &gfp, &bad, &length));
		EXPECT_EQ(gfp, rows[i].gfp);
	}
}

TEST(what_is_no_gfp_is_shown)
{
	static const struct {
		const char *text, *bad;
	} rows[] = {
		{ "GFP_KERNEL|GFP_TEMPORARY", "GFP_TEMPORARY" },
		{ "__GFP_KERNEL", "__GFP_KERNEL" },
		{ "GFP_ZERO", "GFP_ZERO" },
		{ "GFP_KERNEL|", "" },
		{ "", "" },
		{ "0x", "0x" },
		{ "0x100000000", "0x100000000" },
		{ "0xG", "0xG" },
		{ "3264", "3264" },
	};
	uint32_t gfp;
	const char *bad;
	size_t length;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char word[64];

		EXPECT(!trace_gfp(rows[i].text, strlen(rows[i].text), &gfp, &bad, &length));
		snprintf(word, sizeof(word), "%.*s", (int)length, bad);
		EXPECT_STR(word, rows[i].bad);
	}
}

/* ---- what is no recording: file, line, what is wrong ---- */

#define GOOD "i-1 [000] ..... 1.000001: " FREE

TEST(foreign_files_are_told_at_their_first_line)
{
	const char *sentence =
		"t:1: this is no recording: expected lines as in the trace file "
		"(TASK-PID [CPU] FLAGS TIME: EVENT: ...), perf script, or a trace.dat";

	expect_error("buy milk\n", sentence);
	expect_error("lostbuddy 1\nmachine pages=64\n", sentence);
	expect_error("\177ELF\2\1\1\n", sentence);
	expect_error("{\"a\": [1]}\n", sentence);
	expect_error(" 0)   1.23 us    |  kfree();\n", sentence);
	/* no CPU: option nocontext-info */
	expect_error("mm_page_free: page=00 pfn=0x60bc order=1\n", sentence);
}

TEST(a_foreign_line_among_events_is_told)
{
	expect_error(GOOD GOOD "and so on\n" GOOD,
		     "t:3: expected an event: TASK-PID [CPU] FLAGS TIME: EVENT: ...");
	expect_error(GOOD "i-1 [000] ..... 1.0000x1: " FREE,
		     "t:2: expected an event: TASK-PID [CPU] FLAGS TIME: EVENT: ...");
	expect_error(GOOD "i-1 [000] ..... 1.1234567890: " FREE,
		     "t:2: expected an event: TASK-PID [CPU] FLAGS TIME: EVENT: ...");
}

TEST(a_recording_that_is_cut_off_is_told)
{
	expect_error(GOOD "i-1 [000] ..... 1.000002: mm_page_free: page=00 pfn=0x60bc order=1",
		     "t:2: the last line does not end: the recording is cut off");
	expect_error("# entries-in-buffer/entries-written: 3/3   #P:1\n" GOOD GOOD,
		     "t: the heading announces 3 events, and there are 2: the recording is cut off "
		     "(or, where lines were "
		     "left out on purpose, leave out the heading too)");
}

TEST(more_events_than_announced_come_while_recording_goes_on)
{
	struct trace trace = given("# entries-in-buffer/entries-written: 1/9   #P:1\n" GOOD GOOD);

	EXPECT_EQ(trace.nr_events, 2);
	trace_free(&trace);
}

TEST(without_events_there_is_nothing)
{
	expect_error(
		"# tracer: nop\n",
		"t: no events of page allocation; record kmem:mm_page_alloc and kmem:mm_page_free");
	expect_error(
		"i-1 [000] ..... 1.000001: kfree: call_site=x ptr=y\n",
		"t: no events of page allocation; record kmem:mm_page_alloc and kmem:mm_page_free");
	expect_error(
		"CPU:0 [LOST 5 EVENTS]\n",
		"t: no events of page allocation; record kmem:mm_page_alloc and kmem:mm_page_free");
}

TEST(events_of_another_version_are_told)
{
	expect_error("i-1 [000] .... 1.000001: mm_page_free: page=00 order=1\n",
		     "t:1: mm_page_free without pfn=: an event of another version of the kernel; "
		     "5.10 and 6.1 are known");
	expect_error(
		GOOD
		"i-1 [000] .... 1.000002: mm_page_alloc: page=00 pfn=0x1 order=0 migratetype=0\n",
		"t:2: mm_page_alloc without gfp_flags=: an event of another version of the kernel; "
		"5.10 and 6.1 are "
		"known");
	expect_error("i-1 [000] .... 1.000001: mm_page_alloc_zone_locked: page=00 pfn=0x1 order=0 "
		     "migratetype=0\n",
		     "t:1: mm_page_alloc_zone_locked without percpu_refill=: an event of another "
		     "version of the kernel; "
		     "5.10 and 6.1 are known");
	expect_error("i-1 [000] .... 1.000001: mm_page_pcpu_drain: page=00 pfn=0x1 order=0\n",
		     "t:1: mm_page_pcpu_drain without migratetype=: an event of another version of "
		     "the kernel; 5.10 and "
		     "6.1 are known");
	expect_error(
		"i-1 [000] .... 1.000001: mm_page_alloc_extfrag: page=00 pfn=0x1 alloc_order=1 "
		"alloc_migratetype=2 fallback_migratetype=1\n",
		"t:1: mm_page_alloc_extfrag without fallback_order=: an event of another version "
		"of the kernel; 5.10 "
		"and 6.1 are known");
	expect_error("i-1 [000] .... 1.000001: mm_page_free_batched: page=00\n",
		     "t:1: mm_page_free_batched without pfn=: an event of another version of the "
		     "kernel; 5.10 and 6.1 are "
		     "known");
	expect_error(
		"i-1 [000] .... 1.000001: mm_page_alloc: page=00 pfn=0x1 order=0 migratetype=0 "
		"gfp_flags=GFP_KERNEL|GFP_TEMPORARY\n",
		"t:1: gfp_flags: `GFP_TEMPORARY' is no name that 5.10 or 6.1 has");
	expect_error("i-1 [000] .... 1.000001: mm_page_free: a page of order 1\n",
		     "t:1: `a': expected NAME=VALUE, as 5.10 and 6.1 write it");
}

TEST(batches_before_4_15_come_before_the_free_and_are_no_evidence)
{
	struct trace trace = given(
		"i-1 [000] .... 1.000001: mm_page_free_batched: page=00 pfn=24764 order=0 cold=0\n"
		"i-1 [000] .... 1.000002: " FREE);

	EXPECT_EQ(trace.counts[TRACE_BATCHED], 0);
	EXPECT_STR(trace.others[0].name, "mm_page_free_batched (before 4.15)");
	trace_free(&trace);
}

TEST(values_out_of_range_are_told)
{
	expect_error("i-1 [000] .... 1.000001: mm_page_free: page=00 pfn=0x1 order=11\n",
		     "t:1: order=11: expected less than 11");
	expect_error("i-1 [000] .... 1.000001: mm_page_free: page=00 pfn=0x1 order=-1\n",
		     "t:1: order=18446744073709551615: expected less than 11");
	expect_error("i-1 [000] .... 1.000001: mm_page_free: page=00 pfn=0xg order=1\n",
		     "t:1: `pfn=0xg': expected a number in the field pfn");
	expect_error("i-1 [000] .... 1.000001: mm_page_free: page=00 pfn= order=1\n",
		     "t:1: `pfn=': expected a number in the field pfn");
	expect_error("i-1 [000] .... 1.000001: mm_page_free: page=00 pfn=0x0 order=1\n",
		     "t:1: mm_page_free of frame 0, which is never handed out");
	expect_error("i-1 [000] .... 1.000001: mm_page_free: page=00 pfn=0x10000000000 order=1\n",
		     "t:1: pfn 0x10000000000: no machine has so many frames");
	expect_error("i-1 [000] .... 1.000001: mm_page_pcpu_drain: page=00 pfn=0x1 order=0 "
		     "migratetype=8\n",
		     "t:1: migratetype=8: expected less than 8");
	expect_error("i-1 [70000] .... 1.000001: " FREE, "t:1: CPU 70000 is none");
}

/* Bytes that no name has, and that no terminal should see. */
TEST(words_of_any_bytes_are_told_in_letters)
{
	static const char text[] =
		"i-1 [000] .... 1.000001: mm_page_alloc: page=00 pfn=0x1 order=0 "
		"migratetype=0 gfp_flags=GFP_KERNEL\0\033[31mxyz\n";
	static const char name[] =
		"i-1 [000] .... 1.000001: a\0b\033: x=y\n"
		"i-1 [000] .... 1.000002: a\0b\033: x=y\n"
		"i-1 [000] .... 1.000003: mm_page_free: page=00 pfn=0x60bc order=1\n";
	struct trace trace;
	char error[TRACE_ERROR_SIZE] = "";

	EXPECT(!trace_read_text(&trace, "t", text, sizeof(text) - 1, error));
	EXPECT_STR(error, "t:1: gfp_flags: `GFP_KERNEL??[31mxyz' is no name that 5.10 or 6.1 has");
	trace_free(&trace);
	EXPECT(trace_read_text(&trace, "t", name, sizeof(name) - 1, error));
	EXPECT_EQ(trace.nr_others, 1);
	EXPECT_STR(trace.others[0].name, "a?b?");
	EXPECT_EQ(trace.others[0].count, 2);
	trace_free(&trace);
}

TEST(time_does_not_go_back_on_a_cpu)
{
	expect_error("i-1 [000] .... 1.000005: " FREE "i-1 [001] .... 1.000001: " FREE
		     "i-1 [000] .... 1.000004: " FREE,
		     "t:3: time goes back on CPU 0, from 1000005000 to 1000004000 ns: lines are "
		     "missing, moved, or of several "
		     "recordings");

	struct trace trace =
		given("i-1 [000] .... 1.000005: " FREE "i-1 [001] .... 1.000001: " FREE);

	EXPECT_EQ(trace.nr_events, 2);
	trace_free(&trace);
}

/* ---- files ---- */

static void expect_file_error(const char *path, const char *end)
{
	struct trace trace;
	char error[TRACE_ERROR_SIZE] = "";

	EXPECT(!trace_read(&trace, path, error));
	if (!EXPECT(strlen(error) >= strlen(end) &&
		    strcmp(error + strlen(error) - strlen(end), end) == 0))
		fprintf(stderr, "  %s\n  expected ... %s\n", error, end);
	EXPECT(strncmp(error, path, strlen(path)) == 0);
	trace_free(&trace);
}

/* Writes the first bytes of the recording in the corpus. */
static void write_beginning(const char *path, size_t size, bool damage)
{
	FILE *in = fopen("corpus/traces/boot-pages/trace.txt.xz", "rb"), *out = fopen(path, "wb");
	char *bytes = malloc(size);

	if (EXPECT(in && out && bytes) && EXPECT_EQ(fread(bytes, 1, size, in), size)) {
		if (damage)
			bytes[size / 2] ^= 0x55;
		fwrite(bytes, 1, size, out);
	}
	free(bytes);
	if (in)
		fclose(in);
	if (out)
		fclose(out);
}

TEST(files_that_cannot_be_read_are_told)
{
	char path[] = "/tmp/trace-test-XXXXXX";
	int file = mkstemp(path);

	if (!EXPECT(file >= 0))
		return;
	close(file);
	expect_file_error("/nowhere/at/all", "cannot be read: No such file or directory");
	expect_file_error("/tmp", "cannot be read: Is a directory");
	expect_file_error(path, "empty: a recording has at least one event");
#ifdef LOSTBUDDY_HAS_LZMA
	write_beginning(path, 40000, false);
	expect_file_error(path,
			  "offset 0x9c40: the packed data ends too early: the file is cut off");
	write_beginning(path, 40000, true);
	expect_file_error(path, "the packed data is damaged");
#else
	write_beginning(path, 40000, false);
	expect_file_error(
		path,
		"built without liblzma: install the package liblzma-dev and build anew (rm -r "
		"build/release), or unpack it (xz -d)");
#endif
	unlink(path);
}

/* ---- no text makes the reader fall over, or say nothing ---- */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Damages some bytes; a recording is read whole then, or refused in a sentence with a place. */
TEST(damaged_text_is_read_or_refused_in_a_sentence)
{
	struct sample *s = calloc(1, sizeof(*s));
	char *text = malloc(SAMPLE_SIZE), error[TRACE_ERROR_SIZE];
	uint64_t random = 0x1234567;
	unsigned int refused = 0;

	if (!EXPECT(s && text))
		return;
	add_words(s, "# entries-in-buffer/entries-written: 8/8   #P:1\n");
	for (unsigned int i = 0; i < 8; i++)
		add_alloc(s, i % 2, 0x100 + 16 * i, i % 4);
	add_words(s, "CPU:1 [LOST 5 EVENTS]\n");
	for (unsigned int run = 0; run < 20000; run++) {
		struct trace trace;

		memcpy(text, s->text, s->size);
		for (uint64_t n = next_random(&random) % 4 + 1; n > 0; n--)
			text[next_random(&random) % s->size] = (char)next_random(&random);
		size_t size = run % 3 ? s->size : next_random(&random) % s->size;

		error[0] = '\0';
		if (trace_read_text(&trace, "t", text, size, error)) {
			uint64_t others = 0;

			for (unsigned int i = 0; i < trace.nr_others; i++)
				others += trace.others[i].count;
			/* T3 */
			EXPECT_EQ(trace.nr_events + others + trace.nr_no_events, trace.nr_lines);
		} else {
			refused++;
			EXPECT(error[0] == 't' && error[1] == ':');
		}
		trace_free(&trace);
	}
	EXPECT(refused > 5000 && refused < 20000);
	free(text);
	free(s);
}

TEST_MAIN
