/*
 * The importer: small recordings as programs, their properties, and a whole recording of a real
 * kernel.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "trace/test/samples.h"

struct imported {
	struct trace trace;
	struct program program;
	struct trace_imported report;
	char *text, error[TRACE_ERROR_SIZE];
	bool good;
};

static void done(struct imported *im)
{
	free(im->text);
	program_free(&im->program);
	trace_free(&im->trace);
	free(im);
}

static struct imported *import_trace(struct trace trace, const struct machine *machine)
{
	struct imported *im = calloc(1, sizeof(*im));
	const struct trace_import_options how = { .machine = machine };
	char why[256];

	if (!im)
		abort();
	im->trace = trace;
	im->good = trace_import(&im->trace, &how, &im->program, &im->report, im->error);
	if (!im->good)
		return im;
	EXPECT(program_check(&im->program, why));

	size_t size = program_print(&im->program, NULL, 0);

	im->text = malloc(size + 1);
	if (!im->text)
		abort();
	program_print(&im->program, im->text, size + 1);
	return im;
}

/* The operations alone: what follows the line of the machine. */
static const char *operations(const struct imported *im)
{
	const char *machine = im->text ? strstr(im->text, "\nmachine") : NULL, *end;

	end = machine ? strchr(machine + 1, '\n') : NULL;
	return end ? end + 1 : "";
}

static void expect_operations(const struct sample *s, const char *expect)
{
	struct imported *im = import_trace(given(s->text), NULL);

	if (EXPECT(im->good))
		EXPECT_STR(operations(im), expect);
	else
		fprintf(stderr, "  %s\n", im->error);
	done(im);
}

TEST(who_is_handed_a_block_asks_for_one_and_who_gave_it_back_frees_it)
{
	struct sample s = { .size = 0 };

	add_alloc(&s, 0, 0x10, 3);
	add_alloc(&s, 1, 0x20, 0);
	add_free(&s, 1, 0x10, 3);
	add_alloc(&s, 0, 0x10, 3);
	add_free(&s, 0, 0x20, 0);
	expect_operations(&s, "p0 = alloc_pages(order=3, gfp=KERNEL)\n"
			      "p1 = alloc_pages(order=0, gfp=KERNEL) @cpu1\n"
			      "__free_pages(p0) @cpu1\n"
			      "p2 = alloc_pages(order=3, gfp=KERNEL)\n"
			      "__free_pages(p1)\n");
}

TEST(the_context_is_that_of_the_flags)
{
	struct sample s = { .size = 0 };

	add_words(&s, "i-1 [001] d.h1. 1.000001: mm_page_alloc: page=00 pfn=0x10 order=0 "
		      "migratetype=0 gfp_flags=GFP_ATOMIC\n"
		      "i-1 [000] ..s1. 1.000002: mm_page_free: page=00 pfn=0x10 order=0\n");
	expect_operations(&s, "p0 = alloc_pages(order=0, gfp=ATOMIC) @cpu1/irq\n"
			      "__free_pages(p0) @cpu0/softirq\n");
}

TEST(evidence_is_no_operation)
{
	struct sample s = { .size = 0 };

	add_locked(&s, 0, 0x10, 0);
	add_alloc(&s, 0, 0x10, 0);
	add_free(&s, 0, 0x10, 0);
	add_batched(&s, 0, 0x10);
	add_drain(&s, 0, 0x10, 0);
	expect_operations(&s, "p0 = alloc_pages(order=0, gfp=KERNEL)\n"
			      "__free_pages(p0)\n");
}

TEST(nobody_keeps_what_the_recording_was_refused)
{
	struct sample s = { .size = 0 };

	add_alloc(&s, 0, 0, 4);
	add_alloc(&s, 0, 0x10, 0);
	expect_operations(&s, "p0 = alloc_pages(order=4, gfp=KERNEL)\n"
			      "__free_pages(p0)\n"
			      "p1 = alloc_pages(order=0, gfp=KERNEL)\n");
}

TEST(a_block_that_comes_back_in_parts_is_split)
{
	struct sample s = { .size = 0 };

	add_alloc(&s, 0, 0x10, 2);
	add_free(&s, 0, 0x12, 1);
	add_free(&s, 1, 0x10, 0);
	add_free(&s, 0, 0x11, 0);
	expect_operations(&s, "p0 = alloc_pages(order=2, gfp=KERNEL)\n"
			      "p1..p4 = split_page(p0)\n"
			      "__free_pages(p3)\n"
			      "__free_pages(p4)\n"
			      "__free_pages(p1) @cpu1\n"
			      "__free_pages(p2)\n");
}

TEST(a_compound_block_is_freed_with_its_last_part)
{
	struct sample s = { .size = 0 };

	add(&s, 0,
	    "mm_page_alloc: page=00 pfn=0x10 order=1 migratetype=0 "
	    "gfp_flags=GFP_KERNEL|__GFP_COMP");
	add_free(&s, 0, 0x11, 0);
	add_alloc(&s, 0, 0x20, 0);
	add_free(&s, 0, 0x10, 0);
	expect_operations(&s, "p0 = alloc_pages(order=1, gfp=KERNEL|COMP)\n"
			      "p1 = alloc_pages(order=0, gfp=KERNEL)\n"
			      "__free_pages(p0)\n");
}

static void expect_unmapped(const struct imported *im, enum trace_unmapped why, uint64_t count,
			    uint64_t line)
{
	EXPECT_EQ(im->report.unmapped[why], count);
	if (EXPECT(im->report.first_unmapped[why] != TRACE_NOBODY))
		EXPECT_EQ(im->trace.events[im->report.first_unmapped[why]].place, line);
}

TEST(what_has_no_operation_is_counted_with_its_first_line)
{
	struct sample s = { .size = 0 };

	add_alloc(&s, 0, 0x10, 0);
	add_free(&s, 0, 0x40, 3); /* from before */
	add_free(&s, 0, 0x10, 0);
	add_free(&s, 0, 0x10, 0); /* came to be held without an event */
	add_free(&s, 0, 0x50, 0);
	add(&s, 0,
	    "mm_page_alloc: page=00 pfn=0x20 order=1 migratetype=0 "
	    "gfp_flags=GFP_KERNEL|__GFP_COMP");
	add_free(&s, 0, 0x20, 0);
	add_words(&s, "i-1 [000] d.z.. 1.000100: mm_page_free: page=00 pfn=0x21 order=0\n");
	struct imported *im = import_trace(given(s.text), NULL);

	if (EXPECT(im->good)) {
		EXPECT_STR(operations(im), "p0 = alloc_pages(order=0, gfp=KERNEL)\n"
					   "__free_pages(p0)\n"
					   "p1 = alloc_pages(order=1, gfp=KERNEL|COMP)\n"
					   "__free_pages(p1) @cpu0/irq\n");
		expect_unmapped(im, TRACE_FREE_UNKNOWN, 2, 2);
		expect_unmapped(im, TRACE_FREE_SILENT, 1, 4);
		expect_unmapped(im, TRACE_FREE_PART, 2, 7);
		expect_unmapped(im, TRACE_IN_NMI, 1, 8);
	}
	done(im);
}

TEST(where_events_were_lost_a_free_is_assumed)
{
	struct sample s = { .size = 0 };

	add_alloc(&s, 0, 0x10, 1);
	add_alloc(&s, 0, 0x20, 0);
	add_alloc(&s, 0, 0x30, 0);
	add_words(&s, "CPU:0 [LOST 9 EVENTS]\n");
	add_alloc(&s, 0, 0x10, 0); /* p0 must be gone */
	add_free(&s, 0, 0x20, 1);  /* and p1, or it would be smaller */
	add_free(&s, 0, 0x30, 0);  /* p2 is there still, as far as anyone knows */
	struct imported *im = import_trace(given(s.text), NULL);

	if (EXPECT(im->good)) {
		EXPECT_STR(operations(im), "p0 = alloc_pages(order=1, gfp=KERNEL)\n"
					   "p1 = alloc_pages(order=0, gfp=KERNEL)\n"
					   "p2 = alloc_pages(order=0, gfp=KERNEL)\n"
					   "__free_pages(p0)\n"
					   "p3 = alloc_pages(order=0, gfp=KERNEL)\n"
					   "__free_pages(p1)\n"
					   "__free_pages(p2)\n");
		EXPECT_EQ(im->report.assumed, 2);
		EXPECT_EQ(im->report.freed, 3);
		EXPECT_EQ(im->report.live, 1);
	}
	done(im);
}

static void expect_refused(const struct sample *s, const struct machine *machine,
			   const char *sentence)
{
	struct imported *im = import_trace(given(s->text), machine);

	EXPECT(!im->good);
	EXPECT_STR(im->error, sentence);
	done(im);
}

TEST(a_recording_that_contradicts_itself_is_refused_with_both_lines)
{
	struct sample s = { .size = 0 };

	add_alloc(&s, 0, 0x10, 1);
	add_alloc(&s, 0, 0x11, 0);
	expect_refused(&s, NULL,
		       "t:2: contract.overlap: the block of order 0 at pfn 0x11 is handed out "
		       "while it is held: pfn 0x11 was "
		       "handed out at t:1, in a block of order 1");
}

TEST(a_machine_has_the_cpus_of_the_recording)
{
	struct sample s = { .size = 0 };
	struct machine m;

	machine_default(&m);
	add_alloc(&s, 3, 0x10, 1);
	expect_refused(&s, &m, "t: events of CPU 3, and the machine has 1 CPUs");
	add_alloc(&s, 64, 0x20, 1);
	expect_refused(&s, NULL, "t: 65 CPUs: a machine has at most 64");
}

TEST(the_plainest_machine_has_its_cpus_and_frames)
{
	struct sample s = { .size = 0 };

	add_alloc(&s, 5, 0x123450, 4);
	struct imported *im = import_trace(given(s.text), NULL);

	if (EXPECT(im->good)) {
		EXPECT_EQ(im->program.machine.nr_cpus, 6);
		EXPECT(im->program.machine.max_pfn > 0x12345f);
		EXPECT_EQ(im->program.machine.pageblock_order, 9);
		EXPECT_EQ(im->program.machine.top_order, 10);
	}
	done(im);
}

/* ---- properties of any recording that a kernel could make ---- */

struct world {
	uint64_t random;
	struct {
		unsigned int pfn, order;
	} held[64];
	unsigned int nr_held;
	unsigned int allocations, freed, failed;
	uint64_t pages;
};

static unsigned int draw(struct world *w, unsigned int limit)
{
	w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned int)(w->random >> 33) % limit;
}

/* Slot n owns 16 frames: no two blocks ever overlap. */
static void one_event(struct world *w, struct sample *s, bool taken[64])
{
	unsigned int slot = draw(w, 64), order = draw(w, 5), cpu = draw(w, 4);

	if (draw(w, 16) == 0) {
		add_alloc(s, cpu, 0, order);
		w->failed++;
	} else if (!taken[slot]) {
		add_alloc(s, cpu, 0x1000 + slot * 16, order);
		taken[slot] = true;
		w->held[slot].order = order;
		w->nr_held++;
	} else {
		add_free(s, cpu, 0x1000 + slot * 16, w->held[slot].order);
		taken[slot] = false;
		w->nr_held--;
		w->freed++;
		return;
	}
	w->allocations++;
	w->pages += 1u << order;
}

static void expect_each_alloc_in_order(const struct imported *im)
{
	size_t event = 0;
	unsigned int wrong = 0;

	for (uint32_t i = 0; i < im->program.nr_ops; i++) {
		const struct op *op = &im->program.ops[i];

		if (op->code != OP_ALLOC_PAGES)
			continue;
		while (event < im->trace.nr_events && im->trace.events[event].kind != TRACE_ALLOC)
			event++;
		if (!EXPECT(event < im->trace.nr_events))
			return;
		wrong += im->trace.events[event].order != op->order ||
			 im->trace.events[event].gfp != op->gfp ||
			 im->trace.events[event].cpu != op->cpu;
		event++;
	}
	EXPECT_EQ(wrong, 0);
	while (event < im->trace.nr_events && im->trace.events[event].kind != TRACE_ALLOC)
		event++;
	EXPECT_EQ(event, im->trace.nr_events);
}

TEST(every_allocation_is_one_operation_and_is_live_or_freed_or_failed)
{
	for (unsigned int seed = 1; seed <= 20; seed++) {
		struct world w = { .random = seed };
		struct sample *s = calloc(1, sizeof(*s));
		bool taken[64] = { false };

		if (!EXPECT(s))
			return;
		for (unsigned int i = 0; i < 400; i++)
			one_event(&w, s, taken);
		struct imported *im = import_trace(given(s->text), NULL);

		if (EXPECT(im->good)) {
			EXPECT_EQ(im->report.allocations, w.allocations);
			EXPECT_EQ(im->report.freed, w.freed);
			EXPECT_EQ(im->report.failed, w.failed);
			EXPECT_EQ(im->report.live, w.nr_held);
			EXPECT_EQ(im->report.pages, w.pages);
			EXPECT_EQ(im->program.nr_ops, w.allocations + w.freed + w.failed);
			EXPECT_EQ(im->program.nr_handles, w.allocations);
			expect_each_alloc_in_order(im);
		}
		done(im);
		free(s);
	}
}

/* ---- a real kernel ---- */

#ifdef LOSTBUDDY_HAS_LZMA
/*
 * Counted by other means, with t=corpus/traces/boot-pages/trace.txt.xz:
 *	xzcat $t | grep -c ' mm_page_alloc: '		3463
 *	xzcat $t | grep -c ' mm_page_free: '		4412
 *	xzcat $t | grep -c ' mm_page_free_batched: '	508
 *	xzcat $t | grep -c ' mm_page_pcpu_drain: '	1643
 *	xzcat $t | grep -c ' mm_page_alloc_zone_locked: '	4695
 *	xzcat $t | grep -c ' mm_page_alloc_extfrag: '	5
 *	xzcat $t | wc -l				14738
 *	xzcat $t | grep -c '^#'				12
 *	xzcat $t | grep ' mm_page_alloc: ' | grep -c ' order=1 '	1002
 *	... | sed 's/.* order=\([0-9]*\).*' | awk '{s+=2^$1} END {print s}'	6752
 */
TEST(a_recorded_boot_is_imported_whole)
{
	static const uint64_t counts[TRACE_KINDS] = {
		[TRACE_ALLOC] = 3463, [TRACE_FREE] = 4412,   [TRACE_BATCHED] = 508,
		[TRACE_DRAIN] = 1643, [TRACE_LOCKED] = 4695, [TRACE_EXTFRAG] = 5
	};
	struct trace trace;
	char error[TRACE_ERROR_SIZE] = "";

	if (!EXPECT(trace_read(&trace, "corpus/traces/boot-pages/trace.txt.xz", error)))
		return;
	struct imported *im = import_trace(trace, NULL);

	for (unsigned int kind = 0; kind < TRACE_KINDS; kind++)
		EXPECT_EQ(im->trace.counts[kind], counts[kind]);
	EXPECT_EQ(im->trace.nr_lines, 14738);
	EXPECT_EQ(im->trace.nr_no_events, 12);
	EXPECT(im->trace.xz);
	if (EXPECT(im->good)) {
		EXPECT_EQ(im->report.allocations, 3463);
		EXPECT_EQ(im->report.by_order[1], 1002);
		EXPECT_EQ(im->report.pages, 6752);
		EXPECT_EQ(im->report.freed + im->report.live, 3463);
		/*
		 * every free has an operation, or is counted; one block came back in four pages
		 * (one free more)
		 */
		EXPECT_EQ(im->report.unmapped[TRACE_FREE_UNKNOWN] +
				  im->report.unmapped[TRACE_FREE_SILENT] + im->program.nr_ops -
				  im->report.allocations - im->report.splits,
			  4412);
		expect_each_alloc_in_order(im);
	}
	done(im);
}
#endif

/* ---- machines beside recordings ---- */

static void copy_file(const char *from, const char *to, const char *name, const char *new_name)
{
	char path[512], chunk[4096];
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", from, name);
	FILE *in = fopen(path, "rb");

	snprintf(path, sizeof(path), "%s/%s", to, new_name);
	FILE *out = fopen(path, "wb");

	if (EXPECT(in && out))
		while ((n = fread(chunk, 1, sizeof(chunk), in)) > 0)
			fwrite(chunk, 1, n, out);
	if (in)
		fclose(in);
	if (out)
		fclose(out);
}

static void remove_folder(const char *folder)
{
	static const char *const names[] = { "dmesg", "zoneinfo", "zoneinfo.before" };
	char path[512];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

/* From the log and zoneinfo alone comes what comes from a whole boot's folder. */
TEST(the_machine_beside_a_recording_is_that_of_its_boot)
{
	static const char *const boots[] = { "corpus/machines/a-1n1c-128m",
					     "corpus/machines/e8-slub_debug_nomerge",
					     "corpus/machines/b-2n4c-2x512m" };

	for (size_t i = 0; i < 3; i++) {
		char folder[] = "/tmp/trace-test-XXXXXX", path[512], error[TRACE_ERROR_SIZE] = "";
		struct machine m, expect;
		struct text_error why;
		bool found = false;

		if (!EXPECT(mkdtemp(folder)))
			return;
		copy_file(boots[i], folder, "dmesg", "dmesg");
		copy_file(boots[i], folder, "zoneinfo", i ? "zoneinfo.before" : "zoneinfo");
		snprintf(path, sizeof(path), "%s/trace.txt", folder);
		EXPECT(trace_machine_beside(&m, path, &found, error));
		EXPECT_STR(error, "");
		EXPECT(found);
		EXPECT(machine_from_boot_whole(&expect, boots[i], &why));
		if (!EXPECT(machine_equal(&m, &expect))) {
			char line[2][2048];

			machine_print_line(&m, line[0], sizeof(line[0]));
			machine_print_line(&expect, line[1], sizeof(line[1]));
			fprintf(stderr, "  is       %s\n  expected %s\n", line[0], line[1]);
		}
		remove_folder(folder);
	}
}

/* zoneinfo alone; the log, which is not looked at, says 0x1000-0x9efff and 0x100000-0x7fdcfff. */
TEST(zoneinfo_alone_makes_a_machine)
{
	char folder[] = "/tmp/trace-test-XXXXXX", path[512], error[TRACE_ERROR_SIZE] = "";
	struct machine m;
	bool found = false;

	if (!EXPECT(mkdtemp(folder)))
		return;
	copy_file("corpus/machines/a-1n1c-128m", folder, "zoneinfo", "zoneinfo");
	snprintf(path, sizeof(path), "%s/trace.txt", folder);
	if (EXPECT(trace_machine_beside(&m, path, &found, error)) && EXPECT_EQ(m.nr_memory, 3)) {
		EXPECT_EQ(m.memory[0].start, 1);
		EXPECT_EQ(m.memory[0].end, 159);
		EXPECT_EQ(m.memory[1].start, 256);
		EXPECT_EQ(m.memory[1].end, 4096);
		EXPECT_EQ(m.memory[2].start, 4096);
		EXPECT_EQ(m.memory[2].end, 0x7fdd);
		EXPECT_EQ(m.nr_cpus, 1);
	}
	remove_folder(folder);
}

TEST(nothing_beside_a_recording_is_no_machine)
{
	struct machine m;
	char error[TRACE_ERROR_SIZE] = "";
	bool found = true;

	EXPECT(trace_machine_beside(&m, "corpus/seeds/trace.txt", &found, error));
	EXPECT(!found);
}

TEST_MAIN
