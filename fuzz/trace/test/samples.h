/* Samples that the tests of this room share: recordings written by hand. */
#ifndef LOSTBUDDY_TRACE_SAMPLES_H
#define LOSTBUDDY_TRACE_SAMPLES_H

#include <stdarg.h>
#include <stdlib.h>

#include "test.h"
#include "trace/trace.h"

enum { SAMPLE_SIZE = 1 << 16 };

/* A recording in the making: one line an event, at times that go on. */
struct sample {
	char text[SAMPLE_SIZE];
	size_t size;
	unsigned int time;
};

/* Events of a CPU, as 6.1 writes them: add(&s, 0, "mm_page_free: page=0 pfn=0x10 order=0"). */
static inline void __attribute__((format(printf, 3, 4)))
add(struct sample *s, unsigned int cpu, const char *format, ...)
{
	va_list list;

	s->size += (size_t)snprintf(s->text + s->size, sizeof(s->text) - s->size,
				    "            init-1       [%03u] .....     1.%06u: ", cpu,
				    s->time++);
	va_start(list, format);
	s->size += (size_t)vsnprintf(s->text + s->size, sizeof(s->text) - s->size, format, list);
	va_end(list);
	s->size += (size_t)snprintf(s->text + s->size, sizeof(s->text) - s->size, "\n");
}

static inline void add_alloc(struct sample *s, unsigned int cpu, unsigned int pfn,
			     unsigned int order)
{
	add(s, cpu, "mm_page_alloc: page=00 pfn=0x%x order=%u migratetype=0 "
	    "gfp_flags=GFP_KERNEL", pfn,
	    order);
}

static inline void add_free(struct sample *s, unsigned int cpu, unsigned int pfn,
			    unsigned int order)
{
	add(s, cpu, "mm_page_free: page=00 pfn=0x%x order=%u", pfn, order);
}

static inline void add_batched(struct sample *s, unsigned int cpu, unsigned int pfn)
{
	add(s, cpu, "mm_page_free_batched: page=00 pfn=0x%x order=0", pfn);
}

static inline void add_drain(struct sample *s, unsigned int cpu, unsigned int pfn,
			     unsigned int order)
{
	add(s, cpu, "mm_page_pcpu_drain: page=00 pfn=0x%x order=%u migratetype=0", pfn, order);
}

static inline void add_locked(struct sample *s, unsigned int cpu, unsigned int pfn,
			      unsigned int order)
{
	add(s, cpu, "mm_page_alloc_zone_locked: page=00 pfn=0x%x order=%u migratetype=0 "
	    "percpu_refill=1", pfn, order);
}

static inline void add_words(struct sample *s, const char *words)
{
	s->size += (size_t)snprintf(s->text + s->size, sizeof(s->text) - s->size, "%s", words);
}

/* Reads text; what is wrong is in error. The trace is to be freed. */
static inline bool reads(struct trace *trace, const char *text, char error[TRACE_ERROR_SIZE])
{
	error[0] = '\0';
	return trace_read_text(trace, "t", text, strlen(text), error);
}

/* A text that must be read. */
static inline struct trace given(const char *text)
{
	struct trace trace;
	char error[TRACE_ERROR_SIZE];
	bool good = reads(&trace, text, error);

	if (!EXPECT(good))
		fprintf(stderr, "  %s\n", error);
	return trace;
}

static inline void expect_error(const char *text, const char *sentence)
{
	struct trace trace;
	char error[TRACE_ERROR_SIZE];

	EXPECT(!reads(&trace, text, error));
	EXPECT_STR(error, sentence);
	trace_free(&trace);
}

#endif
