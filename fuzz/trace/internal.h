/* What the files of this room share. */
#ifndef LOSTBUDDY_TRACE_INTERNAL_H
#define LOSTBUDDY_TRACE_INTERNAL_H

#include "trace/trace.h"

/* Formats a sentence into error. Always false, for callers to return. */
bool trace_error(char error[TRACE_ERROR_SIZE], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same, begun with the place of a line or offset. */
bool trace_error_at(const struct trace *trace, uint64_t place, char error[TRACE_ERROR_SIZE],
		    const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * Appends an event, and does all the counting. Returns false iff there is no memory, or T1 would
 * break (error is filled).
 */
bool trace_add(struct trace *trace, const struct trace_event *event, char error[TRACE_ERROR_SIZE]);
void trace_add_other(struct trace *trace, const char *name, size_t length);

/* A word of a file, for a terminal: cut off behind so much, and ? for what cannot be printed. */
enum { TRACE_WORD_SIZE = 65 };
const char *trace_word(const char *word, size_t length, char text[TRACE_WORD_SIZE]);

/* The kind of an event by its name; TRACE_KINDS: it is none of ours. */
enum trace_kind trace_kind_of(const char *name, size_t length);

/* ---- sources ---- */

/* All bytes of a file, unpacked if they are xz. NULL, and error: they cannot be read. */
char *trace_load(struct trace *trace, size_t *size, char error[TRACE_ERROR_SIZE]);

/* trace.dat by libtracecmd. */
bool trace_is_dat(const char *bytes, size_t size);
bool trace_read_dat(struct trace *trace, char error[TRACE_ERROR_SIZE]);

/* ---- frames ---- */

/* What is remembered of a frame: two words, 0 at first. */
struct trace_frame {
	uint32_t event, info;
};

struct trace_frames;

struct trace_frames *trace_frames_create(void);
void trace_frames_destroy(struct trace_frames *f);
/* Of one frame; stays where it is. NULL: no memory. */
struct trace_frame *trace_frame(struct trace_frames *f, uint64_t pfn);

/* ---- samples ---- */

/*
 * Free pages and both indices of a zone with these free blocks, by order. The indices of *out begin
 * as 0.
 */
void trace_indices(const uint64_t blocks[TRACE_ORDERS], unsigned int top_order,
		   struct trace_zone_sample *out);

/* ---- running ---- */

struct lb_call;
struct lb_result;

/*
 * Carries a program out on the core, and tells of every call. @before may be NULL. Nothing is told
 * of what the judge gives back afterwards; @end is called before that, and @instance is the core's.
 */
struct trace_watcher {
	void (*begin)(void *data, void *instance);
	void (*before)(void *data, const struct lb_call *call);
	void (*after)(void *data, const struct lb_call *call, const struct lb_result *result);
	void (*end)(void *data);
	void *data;
};
bool trace_watch(const struct program *program, const struct trace_watcher *watcher,
		 char error[TRACE_ERROR_SIZE]);

#endif
