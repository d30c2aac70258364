/* Printing results; see report.h. */
#include "bench/report.h"

#include <jansson.h>
#include <stdio.h>

static bool is_counted(const struct result *r)
{
	return r->row->loop && r->m.counted_by != COUNTED_BY_NOTHING;
}

static bool is_above_bar(const struct result *r)
{
	return is_counted(r) && r->bar > 0 && r->m.instructions > r->bar;
}

static const char *counted_by(const struct result *r)
{
	static const char *const names[] = { [COUNTED_BY_PERF] = "perf",
					     [COUNTED_BY_STEPS] = "steps",
					     [COUNTED_BY_CALLGRIND] = "callgrind" };

	return names[r->m.counted_by];
}

static json_t *figure(double value, bool known)
{
	return known ? json_real(value) : json_null();
}

void bench_report_json(const struct result *r)
{
	bool timed = r->row->loop != NULL;
	bool by_perf = timed && r->m.counted_by == COUNTED_BY_PERF;
	json_t *o = json_object();

	json_object_set_new(o, "name", json_string(r->row->name));
	json_object_set_new(o, "operation", json_string(r->row->operation));
	json_object_set_new(o, "instructions_per_op", figure(r->m.instructions, is_counted(r)));
	json_object_set_new(o, "counted_by",
			    is_counted(r) ? json_string(counted_by(r)) : json_null());
	json_object_set_new(o, "bar", figure(r->bar, r->bar > 0));
	json_object_set_new(o, "above_bar", json_boolean(is_above_bar(r)));
	json_object_set_new(o, "cycles_per_op", figure(r->m.cycles, by_perf));
	json_object_set_new(o, "ns_per_op", figure(r->m.ns, timed));
	json_object_set_new(o, "ops_per_second", figure(timed ? 1e9 / r->m.ns : 0, timed));
	if (!timed)
		json_object_set_new(o, "bytes", json_integer((json_int_t)r->bytes));
	json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(o);
}

void bench_report_heading(void)
{
	printf("%-34s %12s %9s %10s %10s %13s  %s\n", "", "instructions", "bar", "cycles", "ns",
	       "per second", "of");
}

static void print_figure(int width, double value, bool known)
{
	if (known)
		printf("%*.1f ", width, value);
	else
		printf("%*s ", width, "-");
}

static void print_bar(const struct result *r)
{
	if (r->bar > 0)
		printf("%8.0f%c ", r->bar, is_above_bar(r) ? '!' : ' ');
	else
		printf("%8s  ", "");
}

void bench_report_line(const struct result *r)
{
	if (!r->row->loop) {
		printf("%-34s %12.1f KiB %*s %s\n", r->row->name, (double)r->bytes / 1024, 41, "",
		       r->row->operation);
		return;
	}
	printf("%-34s ", r->row->name);
	print_figure(12, r->m.instructions, is_counted(r));
	print_bar(r);
	print_figure(10, r->m.cycles, r->m.counted_by == COUNTED_BY_PERF);
	printf("%10.2f %13.0f  %s\n", r->m.ns, 1e9 / r->m.ns, r->row->operation);
}
