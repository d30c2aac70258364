/* The benchmark's face: options, and which rows run; see bench.h. */
#include "bench/bench.h"

#include "bench/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
	bool json, list, empty;
	uint64_t repeat; /* 0: measure */
	char **names;	 /* rows whose name begins so; none: all */
	int nr_names;
};

/* One call: what rows need and what they have come to so far. */
struct session {
	struct options options;
	struct counters *counters; /* NULL: the computer has none */
	double *instructions;	   /* by row, 0: not known */
	size_t found;		   /* rows that were wanted */
	bool failed;
	bool said_why; /* there are no instructions of mixed rows */
};

static void usage(FILE *to)
{
	fputs("usage: lostbuddy bench [--json] [--list] [NAME...]\n"
	      "       lostbuddy bench NAME --repeat N [--empty]\n"
	      "       lostbuddy bench compare --base REV [...]\n"
	      "  NAME     only rows whose names begin so; a figure above its row's bar is marked: "
	      "!\n"
	      "  --json   one JSON object a line; null where something is not known\n"
	      "  --list   the names\n"
	      "  --repeat nothing but N operations of one row, for tools that look from outside\n"
	      "  --empty  of rows that are measured beside their loop: the loop\n"
	      "  compare  this checkout against another revision (`bench compare --help')\n",
	      to);
}

static size_t nr_rows(void)
{
	return nr_core_rows + nr_diff_rows;
}

static const struct bench_row *row_at(size_t i)
{
	return i < nr_core_rows ? &core_rows[i] : &diff_rows[i - nr_core_rows];
}

/* nr_rows() if there is none. */
static size_t row_named(const char *name)
{
	size_t i = 0;

	while (i < nr_rows() && strcmp(row_at(i)->name, name) != 0)
		i++;
	return i;
}

static bool wanted(const struct options *o, const struct bench_row *row)
{
	for (int i = 0; i < o->nr_names; i++)
		if (strncmp(row->name, o->names[i], strlen(o->names[i])) == 0)
			return true;
	return o->nr_names == 0;
}

/* A process for others to measure: one row's work and nothing else. Returns the exit code. */
static int repeat_row(const struct options *o)
{
	size_t i = o->nr_names == 1 ? row_named(o->names[0]) : nr_rows();
	char why[256] = "";

	if (i == nr_rows() || !row_at(i)->loop) {
		fprintf(stderr,
			"bench: --repeat needs the whole name of one row that is a loop; --list "
			"shows the names\n");
		return 1;
	}
	const struct bench_row *row = row_at(i);

	if (o->empty && !row->empty) {
		fprintf(stderr, "bench: %s has no empty loop\n", row->name);
		return 1;
	}
	void *subject = row->create(row->value, why);

	if (!subject) {
		fprintf(stderr, "bench: %s: %s\n", row->name, why);
		return 1;
	}
	bench_work(o->empty ? row->empty : row->loop, subject, o->repeat);
	row->destroy(subject);
	return 0;
}

/* Figures of one loop on a subject of its own. */
static bool measure_loop(const struct session *s, const struct bench_row *row, bench_loop *loop,
			 struct measurement *m, char *why)
{
	void *subject = row->create(row->value, why);

	if (!subject)
		return false;
	*m = measure(s->counters, loop, subject, row->sample == 0 && !row->copies);
	row->destroy(subject);
	return true;
}

/* Where neither counters nor steps could tell. */
static void count_by_callgrind(struct session *s, const struct bench_row *row,
			       struct measurement *m)
{
	double all, around = 0;
	char why[256];

	if (instructions_by_callgrind(row->name, row->sample, false, &all, why) &&
	    (!row->empty ||
	     instructions_by_callgrind(row->name, row->sample, true, &around, why))) {
		m->instructions = all - around;
		m->counted_by = COUNTED_BY_CALLGRIND;
		return;
	}
	if (!s->said_why)
		fprintf(stderr,
			"bench: no instructions of rows whose operations differ, %s among them: "
			"%s\n",
			row->name, why);
	s->said_why = true;
}

static bool time_row(struct session *s, const struct bench_row *row, struct measurement *m,
		     char *why)
{
	struct measurement around;

	if (!measure_loop(s, row, row->loop, m, why))
		return false;
	if (row->empty) {
		if (!measure_loop(s, row, row->empty, &around, why))
			return false;
		m->instructions -= around.instructions;
		m->cycles -= around.cycles;
		m->ns -= around.ns;
	}
	if (m->counted_by == COUNTED_BY_NOTHING && row->sample)
		count_by_callgrind(s, row, m);
	return true;
}

static bool size_row(const struct bench_row *row, uint64_t *bytes, char *why)
{
	void *subject = row->create(row->value, why);

	if (!subject)
		return false;
	*bytes = row->bytes(subject);
	row->destroy(subject);
	return true;
}

static bool run_row(struct session *s, size_t i, struct result *r)
{
	const struct bench_row *row = row_at(i);
	char why[256] = "";

	*r = (struct result){ .row = row, .bar = row->bar };
	if (!(row->loop ? time_row(s, row, &r->m, why) : size_row(row, &r->bytes, why))) {
		fprintf(stderr, "bench: %s: %s%s\n", row->name, row->may_lack ? "SKIPPED: " : "",
			why);
		s->failed |= !row->may_lack;
		return false;
	}
	if (row->bar_of)
		r->bar = row->bar * s->instructions[row_named(row->bar_of)];
	if (r->m.counted_by != COUNTED_BY_NOTHING)
		s->instructions[i] = r->m.instructions;
	return true;
}

static void run_rows(struct session *s)
{
	for (size_t i = 0; i < nr_rows(); i++) {
		struct result r;

		if (!wanted(&s->options, row_at(i)))
			continue;
		s->found++;
		if (s->options.list)
			puts(row_at(i)->name);
		else if (run_row(s, i, &r))
			(s->options.json ? bench_report_json : bench_report_line)(&r);
		fflush(stdout);
	}
}

static bool parse_count(const char *text, uint64_t *count)
{
	char *end;

	if (!text || text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*count = strtoull(text, &end, 10);
	return *count > 0 && *end == '\0' && errno == 0;
}

/* Names may stand anywhere; they are moved to the front of argv. */
static bool parse(struct options *o, int argc, char **argv)
{
	o->names = argv;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			o->json = true;
		} else if (strcmp(argv[i], "--list") == 0) {
			o->list = true;
		} else if (strcmp(argv[i], "--empty") == 0) {
			o->empty = true;
		} else if (strcmp(argv[i], "--repeat") == 0) {
			if (!parse_count(argv[++i], &o->repeat)) {
				fprintf(stderr, "bench: --repeat needs a number from 1 on\n");
				return false;
			}
		} else if (argv[i][0] == '-') {
			fprintf(stderr, "bench: unknown option %s\n", argv[i]);
			usage(stderr);
			return false;
		} else {
			o->names[o->nr_names++] = argv[i];
		}
	}
	return true;
}

static void open_counters(struct session *s)
{
	char why[256];

	s->counters = counters_open(why);
	if (!s->counters)
		fprintf(stderr,
			"bench: %s: no cycles; instructions by single steps where operations are "
			"alike, by callgrind where they differ\n",
			why);
}

/* Returns the exit code. */
static int run_session(struct session *s)
{
	s->instructions = calloc(nr_rows(), sizeof(*s->instructions));
	if (!s->instructions) {
		fprintf(stderr, "bench: no memory\n");
		return 1;
	}
	if (!s->options.list)
		open_counters(s);
	if (!s->options.list && !s->options.json)
		bench_report_heading();
	run_rows(s);
	counters_close(s->counters);
	free(s->instructions);
	if (!s->found)
		fprintf(stderr, "bench: no row has such a name; --list shows them\n");
	return s->failed || !s->found ? 1 : 0;
}

int bench_main(int argc, char **argv)
{
	struct session s = { 0 };

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		usage(stdout);
		return 0;
	}
	if (!parse(&s.options, argc, argv))
		return 1;
	if (s.options.empty && !s.options.repeat) {
		fprintf(stderr, "bench: --empty goes with --repeat\n");
		return 1;
	}
	return s.options.repeat ? repeat_row(&s.options) : run_session(&s);
}
