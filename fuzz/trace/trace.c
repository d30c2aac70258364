/* A recording as data: events are added, counted and named here. See trace.h. */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "trace/internal.h"

enum { FIRST_CAPACITY = 4096, MAX_EVENTS = 1 << 30, MAX_CPUS = 65535 };

const char *const trace_kind_names[TRACE_KINDS] = {
	[TRACE_ALLOC] = "mm_page_alloc",
	[TRACE_FREE] = "mm_page_free",
	[TRACE_BATCHED] = "mm_page_free_batched",
	[TRACE_DRAIN] = "mm_page_pcpu_drain",
	[TRACE_LOCKED] = "mm_page_alloc_zone_locked",
	[TRACE_EXTFRAG] = "mm_page_alloc_extfrag",
	[TRACE_LOST] = "lost events",
};

const char *const trace_form_names[] = {
	[TRACE_FORM_TEXT] = "trace file",
	[TRACE_FORM_PERF] = "perf script",
	[TRACE_FORM_DAT] = "trace.dat",
};

bool trace_error(char error[TRACE_ERROR_SIZE], const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(error, TRACE_ERROR_SIZE, format, list);
	va_end(list);
	return false;
}

static int print_place(const struct trace *trace, uint64_t place, char *buffer, size_t size)
{
	if (trace->form == TRACE_FORM_DAT)
		return snprintf(buffer, size, "%s: offset 0x%" PRIx64, trace->path, place);
	return snprintf(buffer, size, "%s:%" PRIu64, trace->path, place);
}

bool trace_error_at(const struct trace *trace, uint64_t place, char error[TRACE_ERROR_SIZE],
		    const char *format, ...)
{
	int used = print_place(trace, place, error, TRACE_ERROR_SIZE);
	va_list list;

	if (used < 0 || used > TRACE_ERROR_SIZE - 8)
		used = TRACE_ERROR_SIZE - 8;
	used += snprintf(error + used, (size_t)(TRACE_ERROR_SIZE - used), ": ");
	va_start(list, format);
	vsnprintf(error + used, (size_t)(TRACE_ERROR_SIZE - used), format, list);
	va_end(list);
	return false;
}

int trace_place(const struct trace *trace, uint32_t event, char *buffer, size_t size)
{
	assert(event < trace->nr_events);
	return print_place(trace, trace->events[event].place, buffer, size);
}

enum trace_kind trace_kind_of(const char *name, size_t length)
{
	for (unsigned int kind = 0; kind < TRACE_LOST; kind++)
		if (strlen(trace_kind_names[kind]) == length &&
		    memcmp(trace_kind_names[kind], name, length) == 0)
			return (enum trace_kind)kind;
	return TRACE_KINDS;
}

static bool make_room(struct trace *trace)
{
	size_t capacity = trace->capacity ? trace->capacity * 2 : FIRST_CAPACITY;
	struct trace_event *events;

	if (trace->nr_events < trace->capacity)
		return true;
	events = capacity > MAX_EVENTS ? NULL : realloc(trace->events, capacity * sizeof(*events));
	if (!events)
		return false;
	trace->events = events;
	trace->capacity = capacity;
	return true;
}

/*
 * What no recording of a kernel says, whatever its version. Events of a CPU stand in the order of
 * its clock.
 */
static bool is_possible(const struct trace *trace, const struct trace_event *event,
			char error[TRACE_ERROR_SIZE])
{
	if (event->order > TRACE_MAX_ORDER)
		return trace_error_at(trace, event->place, error, "order %u: expected 0 .. %d",
				      event->order, TRACE_MAX_ORDER);
	if (event->pfn != TRACE_NO_PFN && event->pfn >= UINT64_C(1) << 40)
		return trace_error_at(trace, event->place, error,
				      "pfn 0x%" PRIx64 ": no machine has so many frames",
				      event->pfn);
	return true;
}

bool trace_add(struct trace *trace, const struct trace_event *event, char error[TRACE_ERROR_SIZE])
{
	uint64_t end = event->pfn + (UINT64_C(1) << event->order);

	if (!is_possible(trace, event, error))
		return false;
	if (!make_room(trace))
		return trace_error(error, "%s: no memory for more than %zu events", trace->path,
				   trace->nr_events);
	trace->events[trace->nr_events++] = *event;
	trace->counts[event->kind]++;
	if (event->kind == TRACE_LOST)
		trace->lost_events += event->value;
	else if (event->pfn != TRACE_NO_PFN && end > trace->max_pfn)
		trace->max_pfn = end;
	if (event->cpu >= trace->nr_cpus)
		trace->nr_cpus = event->cpu + 1u;
	return true;
}

const char *trace_word(const char *word, size_t length, char text[TRACE_WORD_SIZE])
{
	if (length >= TRACE_WORD_SIZE)
		length = TRACE_WORD_SIZE - 1;
	for (size_t i = 0; i < length; i++)
		text[i] = (char)(word[i] < ' ' || word[i] > '~' ? '?' : word[i]);
	text[length] = '\0';
	return text;
}

void trace_add_other(struct trace *trace, const char *name, size_t length)
{
	struct trace_other *other = trace->others;
	char word[TRACE_WORD_SIZE];

	trace_word(name, length, word);
	word[TRACE_NAME_SIZE - 1] = '\0';
	for (unsigned int i = 0; i < trace->nr_others; i++, other++)
		if (strcmp(other->name, word) == 0) {
			other->count++;
			return;
		}
	if (trace->nr_others == TRACE_MAX_OTHERS) {
		other--;
		snprintf(other->name, TRACE_NAME_SIZE, "(more)");
	} else {
		trace->nr_others++;
		memcpy(other->name, word, TRACE_NAME_SIZE);
	}
	other->count++;
}

void trace_free(struct trace *trace)
{
	free(trace->path);
	free(trace->events);
	memset(trace, 0, sizeof(*trace));
}
