/* The benchmark's face: rows, table, JSON; see bench.h. */
#include "bench/bench.h"

#include "bench/rows.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
	bool json, list;
	uint64_t repeat; /* 0: measure */
	char **names;	 /* rows whose name begins so; none: all */
	int nr_names;
};

/* What a row came to. */
struct result {
	const struct bench_row *row;
	struct measurement m;
	uint64_t bytes;
};

static void usage(FILE *to)
{
	fputs("usage: lostbuddy bench [--json] [--list] [NAME...]\n"
	      "  NAME   only rows whose names begin so\n"
	      "  --json one JSON object a line; null where the computer has no counters\n"
	      "  --list the names\n",
	      to);
}

static bool wanted(const struct options *o, const struct bench_row *row)
{
	for (int i = 0; i < o->nr_names; i++)
		if (strncmp(row->name, o->names[i], strlen(o->names[i])) == 0)
			return true;
	return o->nr_names == 0;
}

static const struct bench_row *row_named(const char *name)
{
	for (size_t i = 0; i < nr_core_rows; i++)
		if (strcmp(core_rows[i].name, name) == 0)
			return &core_rows[i];
	for (size_t i = 0; i < nr_diff_rows; i++)
		if (strcmp(diff_rows[i].name, name) == 0)
			return &diff_rows[i];
	return NULL;
}

/* A process for others to measure: one row's work and nothing else. Returns the exit code. */
static int repeat_row(const struct options *o)
{
	const struct bench_row *row = o->nr_names == 1 ? row_named(o->names[0]) : NULL;
	char why[256] = "";

	if (!row || !row->loop) {
		fprintf(stderr,
			"bench: --repeat needs the whole name of one row that is a loop; --list "
			"shows the names\n");
		return 1;
	}
	void *subject = row->create(row->value, why);

	if (!subject) {
		fprintf(stderr, "bench: %s: %s\n", row->name, why);
		return 1;
	}
	bench_work(row->loop, subject, o->repeat);
	row->destroy(subject);
	return 0;
}

static bool run_row(const struct bench_row *row, struct counters *c, struct result *r)
{
	char why[256] = "";
	void *subject = row->create(row->value, why);

	if (!subject) {
		fprintf(stderr, "bench: %s: %s\n", row->name, why);
		return false;
	}
	*r = (struct result){ .row = row };
	if (row->loop)
		r->m = measure(c, row->loop, subject, row->alike);
	else
		r->bytes = row->bytes(subject);
	row->destroy(subject);
	return true;
}

static json_t *figure(double value, bool known)
{
	return known ? json_real(value) : json_null();
}

static void print_json(const struct result *r)
{
	bool timed = r->row->loop != NULL;
	bool by_perf = timed && r->m.counted_by == COUNTED_BY_PERF;
	bool counted = timed && r->m.counted_by != COUNTED_BY_NOTHING;
	json_t *o = json_object();

	json_object_set_new(o, "name", json_string(r->row->name));
	json_object_set_new(o, "operation", json_string(r->row->operation));
	json_object_set_new(o, "instructions_per_op", figure(r->m.instructions, counted));
	json_object_set_new(o, "cycles_per_op", figure(r->m.cycles, by_perf));
	json_object_set_new(o, "ns_per_op", figure(r->m.ns, timed));
	json_object_set_new(o, "ops_per_second", figure(timed ? 1e9 / r->m.ns : 0, timed));
	if (!timed)
		json_object_set_new(o, "bytes", json_integer((json_int_t)r->bytes));
	json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(o);
}

static void print_heading(void)
{
	printf("%-34s %12s %10s %10s %13s  %s\n", "", "instructions", "cycles", "ns", "per second",
	       "of");
}

static void print_figure(int width, double value, bool known)
{
	if (known)
		printf("%*.1f ", width, value);
	else
		printf("%*s ", width, "-");
}

static void print_line(const struct result *r)
{
	if (!r->row->loop) {
		printf("%-34s %12.1f KiB %*s %s\n", r->row->name, (double)r->bytes / 1024, 31, "",
		       r->row->operation);
		return;
	}
	printf("%-34s ", r->row->name);
	print_figure(12, r->m.instructions, r->m.counted_by != COUNTED_BY_NOTHING);
	print_figure(10, r->m.cycles, r->m.counted_by == COUNTED_BY_PERF);
	printf("%10.2f %13.0f  %s\n", r->m.ns, 1e9 / r->m.ns, r->row->operation);
}

/* Returns how many rows were wanted; *failed is set when one of them could not be measured. */
static size_t run_rows(const struct bench_row *rows, size_t nr, const struct options *o,
		       struct counters *c, bool *failed)
{
	size_t found = 0;

	for (size_t i = 0; i < nr; i++) {
		struct result r;

		if (!wanted(o, &rows[i]))
			continue;
		found++;
		if (o->list) {
			puts(rows[i].name);
		} else if (!run_row(&rows[i], c, &r)) {
			*failed = true;
		} else if (o->json) {
			print_json(&r);
		} else {
			print_line(&r);
		}
		fflush(stdout);
	}
	return found;
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

static bool parse(struct options *o, int argc, char **argv)
{
	int i = 1;

	o->names = argv;
	for (; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			o->json = true;
		} else if (strcmp(argv[i], "--list") == 0) {
			o->list = true;
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

int bench_main(int argc, char **argv)
{
	struct options o = { 0 };
	struct counters *c = NULL;
	bool failed = false;
	char why[256];
	size_t found;

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		usage(stdout);
		return 0;
	}
	if (!parse(&o, argc, argv))
		return 1;
	if (o.repeat)
		return repeat_row(&o);
	if (!o.list) {
		c = counters_open(why);
		if (!c)
			fprintf(stderr,
				"bench: %s: no cycles; instructions by single steps where "
				"operations are alike\n",
				why);
		if (!o.json)
			print_heading();
	}
	found = run_rows(core_rows, nr_core_rows, &o, c, &failed);
	found += run_rows(diff_rows, nr_diff_rows, &o, c, &failed);
	counters_close(c);
	if (!found)
		fprintf(stderr, "bench: no row has such a name; --list shows them\n");
	return failed || !found ? 1 : 0;
}
