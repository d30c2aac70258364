/*
 * The round: a program -> the core -> its events as text -> imported again -> the same operations,
 * and, on the same machine, the same frames. And samples of a replay.
 */
#include "trace/internal.h"
#include "trace/test/samples.h"

static struct machine small_machine(const char *keys)
{
	struct machine m;
	struct text_error error;

	if (!EXPECT(machine_parse_line(&m, keys, &error)))
		abort();
	return m;
}

static char *exported(const struct program *p)
{
	char *text = NULL, error[TRACE_ERROR_SIZE] = "";
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out || !EXPECT(trace_export(p, out, error)) || fclose(out) != 0) {
		fprintf(stderr, "  %s\n", error);
		abort();
	}
	return text;
}

/* Without the lines of some event. */
static char *without(const char *text, const char *event)
{
	char *rest = calloc(1, strlen(text) + 1), *to = rest;

	if (!rest)
		abort();
	for (const char *line = text, *next; *line; line = next) {
		const char *word = strstr(line, event);

		next = strchr(line, '\n') + 1;
		if (word && word < next)
			continue;
		memcpy(to, line, (size_t)(next - line));
		to += next - line;
	}
	return rest;
}

/* The text, imported on the program's own machine. */
static void import_again(const char *text, const struct machine *m, struct program *again,
			 struct trace_imported *report)
{
	const struct trace_import_options how = { .machine = m };
	struct trace trace = given(text);
	char error[TRACE_ERROR_SIZE] = "";

	if (!EXPECT(trace_import(&trace, &how, again, report, error)))
		fprintf(stderr, "  %s\n", error);
	trace_free(&trace);
}

static uint64_t random_state;

static uint32_t draw(uint32_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(random_state >> 33) % limit;
}

/*
 * Blocks are asked for and freed at random; none fails: a quarter of the machine is held at most.
 */
static void random_program(struct program *p, uint64_t seed, uint32_t ops)
{
	static const uint32_t gfps[] = { 0xcc0, 0xdc0, 0xa20,  0x100cca, 0x1401ca,
					 0xcd0, 0x800, 0x2cc0, 0x40cc0,	 0 };
	static const uint8_t levels[] = { LEVEL_TASK, LEVEL_TASK, LEVEL_SOFTIRQ, LEVEL_IRQ };
	uint32_t held[64], nr_held = 0;

	random_state = seed;
	for (uint32_t i = 0; i < ops; i++) {
		struct op op = { .cpu = (uint8_t)draw(p->machine.nr_cpus),
				 .level = levels[draw(4)] };

		if (nr_held == 64 || (nr_held > 0 && draw(2))) {
			uint32_t slot = draw(nr_held);

			op.code = OP_FREE_PAGES_STRUCT;
			op.handle = held[slot];
			held[slot] = held[--nr_held];
		} else {
			op.code = OP_ALLOC_PAGES;
			op.order = (uint8_t)draw(4);
			op.gfp = gfps[draw(sizeof(gfps) / sizeof(gfps[0]))];
			op.node = NODE_NONE;
			held[nr_held++] = p->nr_handles;
		}
		EXPECT(program_append(p, &op));
	}
}

TEST(a_program_of_allocations_and_frees_comes_back_as_it_was)
{
	static const char *const machines[] = {
		"pages=2048",
		"profile=linux-5.10 pages=2048 cpus=3",
		"nodes=2 cpus=4 pages=2048 dma_end=256 dma32_end=1024",
	};

	for (unsigned int run = 0; run < 30; run++) {
		const struct machine m = small_machine(machines[run % 3]);
		struct program p, again;
		struct trace_imported report;

		program_init(&p);
		p.machine = m;
		random_program(&p, run + 1, 600);
		char *text = exported(&p);

		import_again(text, &m, &again, &report);
		EXPECT(program_equal(&p, &again));
		EXPECT_EQ(report.failed, 0);
		for (unsigned int why = 0; why < TRACE_UNMAPPED; why++)
			EXPECT_EQ(report.unmapped[why], 0);

		/* the same frames, to the letter */
		char *same = exported(&again);

		EXPECT_STR(same, text);
		free(same);
		free(text);
		program_free(&again);
		program_free(&p);
	}
}

static void parse_program(struct program *p, const char *text)
{
	struct text_error error;

	program_init(p);
	if (!EXPECT(program_parse(p, text, strlen(text), &error))) {
		fprintf(stderr, "  %u:%u: %s\n", error.line, error.column, error.what);
		abort();
	}
}

/* Where the words of a program are found in its allocations and frees, in this order. */
static void expect_events(const char *program, const char *const *lines)
{
	struct program p;

	parse_program(&p, program);
	char *all = exported(&p), *text = without(all, "zone_locked"), *at = text;

	for (; at && *lines; lines++) {
		char *found = strstr(at, *lines);

		if (!EXPECT(found != NULL))
			fprintf(stderr, "  %s\n  is not in\n%s", *lines, at);
		at = found ? found + strlen(*lines) : at;
	}
	EXPECT(at && strstr(at, "mm_page_") == NULL);
	free(text);
	free(all);
	program_free(&p);
}

/* On an empty machine of 64 pages: pfn 1 is the first; which frames come is the core's affair. */
TEST(events_look_as_the_kernel_prints_them)
{
	static const char *const lines[] = {
		"# entries-in-buffer/entries-written: ",
		"   #P:2\n",
		"       lostbuddy-1       [000] .....     0.000000: mm_page_alloc: "
		"page=ffffea00000",
		" order=0 migratetype=0 gfp_flags=GFP_KERNEL|__GFP_ZERO\n",
		"       lostbuddy-1       [001] ..s..     0.000001: mm_page_alloc: "
		"page=ffffea00000",
		" order=1 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE|__GFP_COMP\n",
		"       lostbuddy-1       [001] d.h..     0.000002: mm_page_alloc: "
		"page=ffffea00000",
		" order=0 migratetype=2 "
		"gfp_flags=__GFP_RECLAIMABLE|__GFP_HIGH|__GFP_ATOMIC|0x40000000\n",
		/* five ticks of 4 ms, and the four calls before */
		"       lostbuddy-1       [000] .....     0.020004: mm_page_free: page=ffffea00000",
		" order=0\n",
		NULL,
	};

	expect_events("lostbuddy 1\nmachine pages=1024 cpus=2 top_order=6 pageblock_order=4\n"
		      "p0 = alloc_pages(order=0, gfp=KERNEL|ZERO)\n"
		      "p1 = alloc_pages(order=1, gfp=HIGHUSER_MOVABLE|COMP) @cpu1/softirq\n"
		      "p2 = alloc_pages(order=0, gfp=0x40000230) @cpu1/irq\n"
		      "advance(value=5)\n"
		      "__free_pages(p0)\n",
		      lines);
}

TEST(what_failed_says_frame_0_and_what_was_never_tried_says_nothing)
{
	static const char *const lines[] = {
		"mm_page_alloc: page=0000000000000000 pfn=0x0 order=6 migratetype=0 "
		"gfp_flags=GFP_NOWAIT\n",
		NULL,
	};

	/* more than there is; above the top order; from NMI */
	expect_events("lostbuddy 1\nmachine pages=64\n"
		      "p0 = alloc_pages(order=6, gfp=NOWAIT)\n"
		      "p1 = alloc_pages(order=9, gfp=NOWAIT)\n"
		      "p2 = alloc_pages(order=0, gfp=NOWAIT) @cpu0/nmi\n",
		      lines);
}

/*
 * A block of eight pages, of which five stay: the line of the block first, then those of what goes
 * back.
 */
TEST(what_an_exact_allocation_gives_back_stands_behind_it)
{
	static const char *const lines[] = {
		" order=3 migratetype=0 gfp_flags=GFP_KERNEL\n",
		"mm_page_free: ",
		" order=0\n",
		"mm_page_free: ",
		" order=0\n",
		"mm_page_free: ",
		" order=0\n",
		NULL,
	};

	expect_events(
		"lostbuddy 1\nmachine pages=512\np0..p4 = alloc_pages_exact(n=5, gfp=KERNEL)\n",
		lines);
}

TEST(bulk_allocations_have_a_line_a_page)
{
	static const char *const lines[] = {
		"mm_page_alloc: ", " order=0 ", "mm_page_alloc: ", " order=0 ", "mm_page_alloc: ",
		" order=0 ",	   NULL,
	};

	expect_events("lostbuddy 1\nmachine pages=512\np0..p2 = alloc_pages_bulk(n=3, gfp=KERNEL, "
		      "value=0)\n",
		      lines);
}

/*
 * Page lists of one block: a request for a page is a refill by one (facts 8: batch 1), and one of
 * order 4, which no page list holds, is none. Both leave the buddy before they are handed out.
 */
TEST(what_leaves_the_buddy_has_a_line_before_it_is_handed_out)
{
	struct program p;

	parse_program(&p, "lostbuddy 1\nmachine pages=512 high=0 batch=1\n"
			  "p0 = alloc_pages(order=0, gfp=KERNEL)\n"
			  "p1 = alloc_pages(order=4, gfp=HIGHUSER_MOVABLE)\n");
	char *text = exported(&p);
	struct trace trace = given(text);
	const struct trace_event *e = trace.events;

	if (EXPECT_EQ(trace.nr_events, 4)) {
		EXPECT_EQ(e[0].kind, TRACE_LOCKED);
		EXPECT_EQ(e[1].kind, TRACE_ALLOC);
		EXPECT_EQ(e[0].pfn, e[1].pfn);
		EXPECT_EQ(e[0].order, 0);
		EXPECT_EQ(e[0].value, 1);
		EXPECT_EQ(e[2].kind, TRACE_LOCKED);
		EXPECT_EQ(e[3].kind, TRACE_ALLOC);
		EXPECT_EQ(e[2].pfn, e[3].pfn);
		EXPECT_EQ(e[2].order, 4);
		EXPECT_EQ(e[2].value, 0);
		EXPECT_EQ(e[3].type, 1);
	}
	trace_free(&trace);
	free(text);
	program_free(&p);
}

/*
 * What the core hands out under pressure keeps the contract: every page has its event, and failures
 * come back too.
 */
TEST(a_machine_that_runs_full_comes_back_too)
{
	const struct machine m = small_machine("pages=512 cpus=2");
	struct program p, again;
	struct trace_imported report;
	struct trace_checked checked;
	const struct trace_check_options complete = { .complete = true };

	program_init(&p);
	p.machine = m;
	for (uint32_t i = 0; i < 300; i++) {
		struct op op = { .code = OP_ALLOC_PAGES,
				 .order = (uint8_t)(i % 4),
				 .gfp = 0x800,
				 .node = NODE_NONE };
		struct op back = { .code = OP_FREE_PAGES_STRUCT, .handle = i / 2 };

		EXPECT(program_append(&p, &op));
		if (i % 8 == 7)
			EXPECT(program_append(&p, &back));
	}
	char *text = exported(&p);
	struct trace trace = given(text);

	EXPECT(trace_check(&trace, &complete, &checked));
	EXPECT_EQ(checked.nr_findings, 0);
	EXPECT_EQ(checked.silent + checked.unknown_frees, 0);
	EXPECT(checked.asked[TRACE_RULE_TAKEN] > 0);
	import_again(text, &m, &again, &report);
	/*
	 * asked for: 75 * (1 + 2 + 4 + 8) = 1125; 37 blocks of 8 come back; a failure is 8 pages at
	 * most
	 */
	EXPECT(report.failed >= (1125 - 37 * 8 - 512) / 8);
	EXPECT_EQ(report.allocations, 300);
	char *same = exported(&again);

	EXPECT_STR(same, text);
	free(same);
	free(text);
	trace_free(&trace);
	program_free(&again);
	program_free(&p);
}

/* ---- replay ---- */

/*
 * A hundred blocks of 16 pages are handed out, and half of them come back: a sample every 25
 * operations.
 */
TEST(samples_are_taken_along_the_way)
{
	const struct machine m = small_machine("pages=2048 cpus=1 min_free_kbytes=0");
	const struct trace_import_options how = { .machine = &m };
	struct sample *s = calloc(1, sizeof(*s));
	struct program p;
	struct trace_imported report;
	struct trace_replayed replayed;
	char error[TRACE_ERROR_SIZE] = "";

	if (!EXPECT(s))
		return;
	for (unsigned int i = 0; i < 100; i++)
		add_alloc(s, 0, 0x10000 + 16 * i, 4);
	for (unsigned int i = 0; i < 50; i++)
		add_free(s, 0, 0x10000 + 16 * i, 4);
	struct trace trace = given(s->text);

	if (!EXPECT(trace_import(&trace, &how, &p, &report, error)) ||
	    !EXPECT(trace_replay(&trace, &p, 25, &replayed, error)))
		fprintf(stderr, "  %s\n", error);
	if (EXPECT_EQ(replayed.nr_samples, 7)) {
		for (size_t i = 0; i < 7; i++) {
			const struct trace_sample *sample = &replayed.samples[i];

			EXPECT_EQ(sample->operations, 25 * i);
			EXPECT_EQ(sample->failures, 0);
			EXPECT_EQ(sample->held, 16 * (i < 5 ? 25 * i : 200 - 25 * i));
			/* order 4 goes past page lists */
			EXPECT_EQ(sample->free + sample->held, replayed.samples[0].free);
		}
		EXPECT_EQ(replayed.samples[1].time, trace.events[24].time);
	}
	trace_replayed_free(&replayed);
	program_free(&p);
	trace_free(&trace);
	free(s);
}

struct indices {
	uint64_t blocks[TRACE_ORDERS];
	unsigned int order;
	int32_t fragmentation, unusable;
};

/* Facts 20, example 20; and by hand from the formulas of facts 11. */
static const struct indices indices[] = {
	{ { 1000, 500, 100 }, 9, 997, 1000 },
	{ { [8] = 3 }, 9, 167, 1000 },
	{ { 100 }, 4, 928, 1000 },
	{ { 0 }, 0, 0, 1000 }, /* nothing is free */
	{ { 1 }, 0, -1000, 0 },
	{ { 1, 1, 1, 1 }, 3, -1000, 466 }, /* 15 pages, 8 of them in a block: 7 * 1000 / 15 */
	{ { 1, 1, 1, 1 }, 4, 516, 1000 },  /* 1000 - (1000 + 15000 / 16) / 4, in whole numbers */
	{ { [10] = 2 }, 10, -1000, 0 },
};

TEST(indices_are_those_of_the_facts)
{
	for (size_t i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
		struct trace_zone_sample zone = { 0 };
		unsigned int order = indices[i].order;

		trace_indices(indices[i].blocks, TRACE_MAX_ORDER, &zone);
		EXPECT_EQ(zone.fragmentation[order], indices[i].fragmentation);
		EXPECT_EQ(zone.unusable[order], indices[i].unusable);
	}
}

TEST_MAIN
