/*
 * The core's events while it carries a program out, as a trace file: target/core_ftrace.h writes
 * the lines.
 */
#include <stdlib.h>
#include <string.h>

#include "target/core_ftrace.h"
#include "trace/internal.h"

struct exporter {
	struct core_ftrace *ftrace;
	FILE *lines;
	uint64_t nr_lines;
	bool no_memory;
};

static void begin(void *data, void *instance)
{
	struct exporter *e = data;

	e->ftrace = core_ftrace_begin(instance, e->lines);
	e->no_memory = e->ftrace == NULL;
}

static void before(void *data, const struct lb_call *call)
{
	const struct exporter *e = data;

	if (e->ftrace)
		core_ftrace_before(e->ftrace, call);
}

static void after(void *data, const struct lb_call *call, const struct lb_result *result)
{
	const struct exporter *e = data;

	if (e->ftrace)
		core_ftrace_after(e->ftrace, call, result);
}

static void end(void *data)
{
	struct exporter *e = data;

	if (!e->ftrace)
		return;
	e->nr_lines = core_ftrace_end(e->ftrace);
	e->ftrace = NULL;
	e->no_memory |= e->nr_lines == UINT64_MAX;
}

bool trace_export(const struct program *program, FILE *out, char error[TRACE_ERROR_SIZE])
{
	char *text = NULL;
	size_t size = 0;
	struct exporter e = { .lines = open_memstream(&text, &size) };
	const struct trace_watcher watcher = {
		.begin = begin, .before = before, .after = after, .end = end, .data = &e
	};

	if (!e.lines)
		return trace_error(error, "no memory for events");
	bool good = trace_watch(program, &watcher, error);

	if (fclose(e.lines) != 0 || e.no_memory)
		good = trace_error(error, "no memory for events");
	if (good) {
		core_ftrace_heading(out, e.nr_lines, program->machine.nr_cpus);
		fwrite(text, 1, size, out);
	}
	free(text);
	return good;
}
