/*
 * Fuzz target: the reader of recordings as text. What is read is accounted for line by line, can be
 * checked, and becomes a program that holds its invariants, or is refused in a sentence.
 */
#include <stdint.h>
#include <stdlib.h>

#include "trace/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static uint64_t lines(const struct trace *trace)
{
	uint64_t sum = trace->nr_no_events + trace->nr_events;

	for (unsigned int i = 0; i < trace->nr_others; i++)
		sum += trace->others[i].count;
	return sum;
}

static void import(const struct trace *trace, bool contradicts)
{
	struct program p;
	struct trace_imported report;
	char error[TRACE_ERROR_SIZE] = "", why[256];

	if (trace_import(trace, NULL, &p, &report, error)) {
		must(!contradicts && program_check(&p, why));
		must(report.allocations == trace->counts[TRACE_ALLOC]);
		must(report.allocations == report.live + report.freed + report.failed);
	} else {
		must(error[0] != '\0');
	}
	program_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct trace_checked checked;
	struct trace trace;
	char error[TRACE_ERROR_SIZE] = "", sentence[TRACE_ERROR_SIZE];

	if (trace_read_text(&trace, "t", (const char *)data, size, error)) {
		must(lines(&trace) == trace.nr_lines);
		must(trace_check(&trace, NULL, &checked));
		for (uint32_t i = 0; i < checked.nr_findings && i < TRACE_MAX_FINDINGS; i++)
			must(trace_finding_print(&trace, &checked.findings[i], sentence,
						 sizeof(sentence)) > 0);
		import(&trace, checked.nr_findings > 0);
	} else {
		must(error[0] == 't');
	}
	trace_free(&trace);
	return 0;
}
