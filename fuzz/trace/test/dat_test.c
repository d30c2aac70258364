/*
 * trace.dat: files written here by hand in its sixth format, small enough to see through.
 *
 *   magic, version | layout of pages and records | formats of events | CPUs | options | pages
 *
 * A page: time, bytes used (bit 31: events before it were lost), then records of a 32-bit head
 * (type and length: 5 bits, time since the last: 27 bits) and words of data.
 */
#include <unistd.h>

#include "trace/test/samples.h"

enum {
	PAGE = 4096,
	ID_ALLOC = 500,
	ID_FREE = 501,
	ID_OTHER = 502,
	IN_HARDIRQ = 8,
	IN_SOFTIRQ = 16
};

struct dat {
	char bytes[16 * PAGE];
	size_t size;
};

static void put(struct dat *d, const void *bytes, size_t size)
{
	memcpy(d->bytes + d->size, bytes, size);
	d->size += size;
}

static void put_number(struct dat *d, uint64_t value, size_t size)
{
	put(d, &value, size); /* little-endian, as this computer */
}

static void put_text(struct dat *d, const char *text)
{
	put_number(d, strlen(text), 8);
	put(d, text, strlen(text));
}

#define COMMON                                                                                     \
	"format:\n"                                                                                \
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"                     \
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"                     \
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"             \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
#define PFN "\tfield:unsigned long pfn;\toffset:8;\tsize:8;\tsigned:0;\n"
#define ORDER "\tfield:unsigned int order;\toffset:16;\tsize:4;\tsigned:0;\n"
#define GFP "\tfield:unsigned long gfp_flags;\toffset:24;\tsize:8;\tsigned:0;\n"
#define TYPE "\tfield:int migratetype;\toffset:32;\tsize:4;\tsigned:1;\n"

#define PLAIN "pfn=%lu\", REC->pfn"
/* a kernel with numbers of its own: facts 5 has 0xcc0, 0x100 and 0x400000 for these names */
#define NAMED                                                                                      \
	"pfn=%lu gfp_flags=%s\", REC->pfn, (REC->gfp_flags) ? __print_flags(REC->gfp_flags, "      \
	"\"|\", "                                                                                  \
	"{ 1, \"GFP_KERNEL\" }, { 2, \"__GFP_ZERO\" }, { 4, \"__GFP_ACCOUNT\" }, "                 \
	"{ 8, \"__GFP_NO_OBJ_EXT\" }) : \"none\""

/* @old: mm_page_free as kernels before 4.0 had it, with a pointer for the frame */
static void put_head(struct dat *d, bool old, bool named)
{
	put(d, "\27\10Dtracing6", 12);
	put_number(d, 0, 1);
	put_number(d, 8, 1);
	put_number(d, PAGE, 4);
	put(d, "header_page", 12);
	put_text(d, "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
		    "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
		    "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
		    "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n");
	put(d, "header_event", 13);
	put_text(d,
		 "# compressed entry header\n\ttype_len    :    5 bits\n\ttime_delta  :   27 bits\n"
		 "\tarray       :   32 bits\n\n\tpadding     : type == 29\n\ttime_extend : type == "
		 "30\n"
		 "\ttime_stamp : type == 31\n\tdata max type_len  == 28\n");
	put_number(d, 0, 4); /* ftrace's own events */
	put_number(d, 1, 4); /* systems */
	put(d, "kmem", 5);
	put_number(d, 3, 4);
	put_text(d, named ? "name: mm_page_alloc\nID: 500\n" COMMON PFN ORDER GFP TYPE
			    "\nprint fmt: \"" NAMED "\n"
			  : "name: mm_page_alloc\nID: 500\n" COMMON PFN ORDER GFP TYPE
			    "\nprint fmt: \"" PLAIN "\n");
	put_text(d, old ? "name: mm_page_free\nID: 501\n" COMMON
			  "\tfield:struct page * page;\toffset:8;\tsize:8;\tsigned:0;\n" ORDER
			  "\nprint fmt: \"page=%p\", REC->page\n"
			: "name: mm_page_free\nID: 501\n" COMMON PFN ORDER
			  "\nprint fmt: \"pfn=%lu\", REC->pfn\n");
	put_text(d, "name: kfree\nID: 502\n" COMMON
		    "\tfield:unsigned long ptr;\toffset:8;\tsize:8;\tsigned:0;\n\nprint fmt: "
		    "\"%lu\", REC->ptr\n");
	put_number(d, 0, 4); /* kallsyms */
	put_number(d, 0, 4); /* printk */
	put_number(d, 0, 8); /* command lines */
}

/* Where the pages of two CPUs lie: in the pages behind. */
static void put_buffer(struct dat *d, size_t first)
{
	put(d, "flyrecord", 10);
	put_number(d, first, 8);
	put_number(d, PAGE, 8);
	put_number(d, first + PAGE, 8);
	put_number(d, PAGE, 8);
	if (first > d->size)
		d->size = first;
}

enum { FIRST = 2 * PAGE, SECOND = FIRST + 2 * PAGE, OPTION_BUFFER = 3 };

/* @instance: there is a second buffer, behind the pages of the first */
static void put_cpus(struct dat *d, bool instance)
{
	put_number(d, 2, 4);
	put(d, "options  ", 10);
	if (instance) {
		put_number(d, OPTION_BUFFER, 2);
		put_number(d, 8 + 6, 4);
		put_number(d, SECOND, 8);
		put(d, "other", 6);
	}
	put_number(d, 0, 2);
	put_buffer(d, FIRST);
}

struct record {
	unsigned int id, delta, flags;
	uint64_t pfn, order, gfp;
};

static void put_record(struct dat *d, const struct record *r)
{
	size_t words = r->id == ID_ALLOC ? 10 : r->id == ID_FREE ? 6 : 4;

	put_number(d, words | r->delta << 5, 4);
	put_number(d, r->id, 2);
	put_number(d, r->flags, 1);
	put_number(d, 0, 1);
	put_number(d, 1, 4);
	put_number(d, r->pfn, 8);
	if (r->id == ID_OTHER)
		return;
	put_number(d, r->order, 8);
	if (r->id != ID_ALLOC)
		return;
	put_number(d, r->gfp, 8);
	put_number(d, 0, 8);
}

static void put_page(struct dat *d, uint64_t time, bool lost, const struct record *records,
		     size_t n)
{
	size_t begin = d->size, used;

	put_number(d, time, 8);
	put_number(d, 0, 8);
	for (size_t i = 0; i < n; i++)
		put_record(d, &records[i]);
	used = d->size - begin - 16;

	uint64_t commit = used | (lost ? UINT64_C(1) << 31 : 0);

	memcpy(d->bytes + begin + 8, &commit, sizeof(commit));
	d->size = begin + PAGE;
}

/*
 *   CPU 0  1000: alloc 0x10 order 3    1020: free 0x10
 *   CPU 1  1010: alloc 0x20 in a hard interrupt    1030: kfree    1040: failed, in a soft one
 */
static struct dat *small(bool old, bool lost)
{
	static const struct record cpu0[] = { { ID_ALLOC, 0, 0, 0x10, 3, 0xdc0 },
					      { ID_FREE, 20, 0, 0x10, 3, 0 } };
	static const struct record cpu1[] = { { ID_ALLOC, 0, IN_HARDIRQ | IN_SOFTIRQ, 0x20, 0,
						0xa20 },
					      { ID_OTHER, 20, 0, 7, 0, 0 },
					      { ID_ALLOC, 10, IN_SOFTIRQ, UINT64_MAX, 0, 0xa20 } };
	struct dat *d = calloc(1, sizeof(*d));

	if (!d)
		abort();
	put_head(d, old, false);
	put_cpus(d, false);
	put_page(d, 1000, false, cpu0, 2);
	put_page(d, 1010, lost, cpu1, 3);
	return d;
}

static bool read_dat(const struct dat *d, size_t size, struct trace *trace,
		     char error[TRACE_ERROR_SIZE])
{
	char path[] = "/tmp/trace-test-XXXXXX";
	int file = mkstemp(path);
	bool good;

	if (!EXPECT(file >= 0) || !EXPECT_EQ(write(file, d->bytes, size), (intmax_t)size))
		abort();
	close(file);
	error[0] = '\0';
	good = trace_read(trace, path, error);
	unlink(path);
	return good;
}

#ifdef LOSTBUDDY_HAS_TRACECMD
TEST(events_of_two_cpus_come_in_the_order_of_time)
{
	struct dat *d = small(false, false);
	struct trace trace;
	char error[TRACE_ERROR_SIZE];

	if (!EXPECT(read_dat(d, d->size, &trace, error)))
		fprintf(stderr, "  %s\n", error);
	if (EXPECT_EQ(trace.nr_events, 4)) {
		const struct trace_event *e = trace.events;

		EXPECT_EQ(e[0].kind, TRACE_ALLOC);
		EXPECT_EQ(e[0].pfn, 0x10);
		EXPECT_EQ(e[0].order, 3);
		EXPECT_EQ(e[0].gfp, 0xdc0);
		EXPECT_EQ(e[0].level, LEVEL_TASK);
		EXPECT_EQ(e[0].time, 1000);
		EXPECT_EQ(e[1].cpu, 1);
		EXPECT_EQ(e[1].level, LEVEL_IRQ);
		EXPECT_EQ(e[1].time, 1010);
		EXPECT_EQ(e[2].kind, TRACE_FREE);
		EXPECT_EQ(e[2].time, 1020);
		EXPECT_EQ(e[3].level, LEVEL_SOFTIRQ);
		EXPECT(e[3].pfn == TRACE_NO_PFN);
		EXPECT(e[1].place > e[0].place && e[3].place > e[1].place);
	}
	EXPECT_EQ(trace.form, TRACE_FORM_DAT);
	EXPECT_EQ(trace.nr_others, 1);
	EXPECT_STR(trace.others[0].name, "kfree");
	trace_free(&trace);
	free(d);
}

/* trace-cmd record -B other: the file has a buffer for each instance of tracing. */
TEST(events_of_all_buffers_come_in_the_order_of_time)
{
	static const struct record first[] = { { ID_ALLOC, 0, 0, 0x10, 0, 0xcc0 },
					       { ID_FREE, 20, 0, 0x10, 0, 0 } };
	static const struct record second[] = { { ID_ALLOC, 0, 0, 0x20, 0, 0xcc0 } };
	struct dat *d = calloc(1, sizeof(*d));
	struct trace trace;
	char error[TRACE_ERROR_SIZE];

	if (!d)
		abort();
	put_head(d, false, false);
	put_cpus(d, true);
	put_page(d, 1000, false, first, 2);
	put_page(d, 1000, false, first, 0);
	put_buffer(d, SECOND + PAGE);
	put_page(d, 1010, false, second, 1);
	put_page(d, 1010, false, second, 0);
	if (!EXPECT(read_dat(d, d->size, &trace, error)))
		fprintf(stderr, "  %s\n", error);
	if (EXPECT_EQ(trace.nr_events, 3)) {
		EXPECT_EQ(trace.events[0].time, 1000);
		EXPECT_EQ(trace.events[1].time, 1010);
		EXPECT_EQ(trace.events[1].pfn, 0x20);
		EXPECT_EQ(trace.events[2].time, 1020);
		EXPECT_EQ(trace.nr_cpus, 1);
	}
	trace_free(&trace);
	free(d);
}

static struct dat *with_gfps(const uint64_t gfps[4])
{
	struct dat *d = calloc(1, sizeof(*d));
	struct record records[4] = { 0 };

	if (!d)
		abort();
	put_head(d, false, true);
	put_cpus(d, false);
	for (unsigned int i = 0; i < 4; i++)
		records[i] = (struct record){ ID_ALLOC, 1, 0, 0x10 + i, 0, gfps[i] };
	put_page(d, 1000, false, records, 4);
	put_page(d, 1000, false, records, 0);
	return d;
}

TEST(gfp_is_read_by_its_names_not_by_its_numbers)
{
	static const uint64_t gfps[4] = { 3, 0, 5, 3 };
	struct dat *d = with_gfps(gfps);
	struct trace trace;
	char error[TRACE_ERROR_SIZE];

	if (!EXPECT(read_dat(d, d->size, &trace, error)))
		fprintf(stderr, "  %s\n", error);
	if (EXPECT_EQ(trace.nr_events, 4)) {
		EXPECT_EQ(trace.events[0].gfp, 0xdc0);
		EXPECT_EQ(trace.events[1].gfp, 0);
		EXPECT_EQ(trace.events[2].gfp, 0x400cc0);
		EXPECT_EQ(trace.events[3].gfp, 0xdc0);
	}
	trace_free(&trace);
	free(d);
}

TEST(gfp_names_of_another_version_are_told_with_their_offset)
{
	static const uint64_t gfps[4] = { 3, 9, 5, 3 };
	struct dat *d = with_gfps(gfps);
	struct trace trace;
	char error[TRACE_ERROR_SIZE], *colon;

	EXPECT(!read_dat(d, d->size, &trace, error));
	colon = strstr(error, ": offset 0x");
	if (EXPECT(colon))
		EXPECT_STR(strchr(colon + 2, ':'), ": mm_page_alloc: gfp_flags: `__GFP_NO_OBJ_EXT' "
						   "is no name that 5.10 or 6.1 has");
	trace_free(&trace);
	free(d);
}

TEST(lost_events_of_a_page_are_told)
{
	struct dat *d = small(false, true);
	struct trace trace;
	char error[TRACE_ERROR_SIZE];

	EXPECT(read_dat(d, d->size, &trace, error));
	EXPECT_EQ(trace.counts[TRACE_LOST], 1);
	if (EXPECT_EQ(trace.nr_events, 5)) {
		EXPECT_EQ(trace.events[1].kind, TRACE_LOST);
		EXPECT_EQ(trace.events[1].cpu, 1);
	}
	trace_free(&trace);
	free(d);
}

TEST(a_format_of_another_version_is_told_with_its_offset)
{
	struct dat *d = small(true, false);
	struct trace trace;
	char error[TRACE_ERROR_SIZE], *colon;

	EXPECT(!read_dat(d, d->size, &trace, error));
	colon = strstr(error, ": offset 0x");
	if (EXPECT(colon))
		EXPECT_STR(strchr(colon + 2, ':'),
			   ": mm_page_free without pfn: an event of another version of the kernel; "
			   "5.10 and 6.1 are known");
	trace_free(&trace);
	free(d);
}

/* Wherever it is cut: a sentence, or (only its empty end is gone) the same events. */
TEST(a_file_that_is_cut_off_is_told)
{
	struct dat *d = small(false, false);
	unsigned int refused = 0;

	for (size_t size = 11; size < d->size; size += 97) {
		struct trace trace;
		char error[TRACE_ERROR_SIZE];

		if (read_dat(d, size, &trace, error))
			EXPECT_EQ(trace.nr_events, 4);
		else
			refused += EXPECT(strstr(error, "cut off, or damaged") != NULL);
		trace_free(&trace);
	}
	EXPECT(refused > 20);
	free(d);
}

TEST(a_damaged_file_is_read_or_refused)
{
	struct dat *d = small(false, false);
	uint64_t random = 88172645463325252u;

	for (unsigned int run = 0; run < 60; run++) {
		struct dat *damaged = malloc(sizeof(*damaged));
		struct trace trace;
		char error[TRACE_ERROR_SIZE];

		if (!damaged)
			abort();
		*damaged = *d;
		for (unsigned int i = 0; i < 8; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			damaged->bytes[12 + (random >> 33) % (d->size - 12)] = (char)(random >> 20);
		}
		if (!read_dat(damaged, d->size, &trace, error))
			EXPECT(strlen(error) > 20);
		trace_free(&trace);
		free(damaged);
	}
	free(d);
}
#else
TEST(without_the_library_the_packages_are_named)
{
	struct dat *d = small(false, false);
	struct trace trace;
	char error[TRACE_ERROR_SIZE];

	EXPECT(!read_dat(d, d->size, &trace, error));
	EXPECT(strstr(error, "install the packages libtracecmd-dev, libtraceevent-dev and "
			     "libtracefs-dev") != NULL);
	trace_free(&trace);
	free(d);
}
#endif

TEST_MAIN
