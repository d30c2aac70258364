/*
 * Recordings as text, line by line.
 *
 *   ftrace      |  init-1  [000] .....  1.784332: mm_page_alloc: page=.. pfn=0x60bc order=1 ..
 *               |  init-1  [000]  1.784332: mm_page_alloc: ..           without irq-info
 *               |  init-1  (      1) [000] d..1 1.784332: ..   with record-tgid; 4 flags until 5.15
 *               |  init-1  0d..1.  12us+: mm_page_alloc: ..             latency-format
 *   trace-cmd   |  init-1  [000]  1.784332: mm_page_alloc:     page=..
 *   perf        |  init  1 [000]  1.784332: kmem:mm_page_alloc: ..   or 1/1, a period before kmem
 *
 * A task's name may hold anything, spaces and brackets too; so a line is an event if behind some
 * `[CPU]` there is the rest of one. Besides: headings (#), `CPU:1 [LOST 5 EVENTS]`, call chains,
 * empty lines.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "program/program.h"
#include "trace/internal.h"

enum { NS_DIGITS = 9 };

struct span {
	const char *at, *end;
};

struct reader {
	struct trace *trace;
	char *error;
	uint64_t line, entries; /* number of the line; events so far, ours or not */
	uint64_t time;		/* of the last event */
};

/* What all events have. */
struct head {
	uint64_t cpu, time;
	uint8_t level;
	bool system; /* kmem:mm_page_alloc, as perf writes it */
	struct span name, fields;
};

/* ---- words ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void skip_blanks(struct span *s)
{
	while (s->at < s->end && is_blank(*s->at))
		s->at++;
}

static struct span next_word(struct span *s)
{
	struct span word;

	skip_blanks(s);
	word.at = s->at;
	while (s->at < s->end && !is_blank(*s->at))
		s->at++;
	word.end = s->at;
	return word;
}

static size_t length(struct span s)
{
	return (size_t)(s.end - s.at);
}

static bool equals(struct span s, const char *word)
{
	return length(s) == strlen(word) && memcmp(s.at, word, length(s)) == 0;
}

static bool starts(struct span s, const char *word)
{
	return length(s) >= strlen(word) && memcmp(s.at, word, strlen(word)) == 0;
}

/* What stands behind the word; NULL: it is not there. */
static const char *behind_word(struct span s, const char *word)
{
	for (; s.at < s.end; s.at++)
		if (*s.at == *word && starts(s, word))
			return s.at + strlen(word);
	return NULL;
}

static bool contains(struct span s, const char *word)
{
	return behind_word(s, word) != NULL;
}

/* Decimal digits at the front; at most 19 of them. */
static bool take_number(struct span *s, uint64_t *value)
{
	const char *first = s->at;

	*value = 0;
	while (s->at < s->end && *s->at >= '0' && *s->at <= '9' && s->at - first < 19)
		*value = *value * 10 + (uint64_t)(*s->at++ - '0');
	return s->at > first && (s->at == s->end || *s->at < '0' || *s->at > '9');
}

static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	return 16;
}

/* A whole word: 12, 0x1f, -1 (all bits). */
static bool whole_number(struct span s, uint64_t *value)
{
	if (equals(s, "-1")) {
		*value = UINT64_MAX;
		return true;
	}
	if (!starts(s, "0x"))
		return take_number(&s, value) && s.at == s.end;
	*value = 0;
	s.at += 2;
	if (s.at == s.end || length(s) > 16)
		return false;
	for (; s.at < s.end && digit_value(*s.at) < 16; s.at++)
		*value = *value << 4 | digit_value(*s.at);
	return s.at == s.end;
}

/* ---- the head of an event ---- */

/*
 * `1.784332:` in nanoseconds; `1234:` of a clock that counts as it stands; `12us+:` of the latency
 * format. The colon may be a word of its own.
 */
static bool take_time(struct span *s, uint64_t *time)
{
	struct span word = next_word(s);
	uint64_t fraction = 0;

	if (!take_number(&word, time))
		return false;
	if (word.at < word.end && *word.at == '.') {
		const char *first = ++word.at;

		if (!take_number(&word, &fraction) || word.at - first > NS_DIGITS)
			return false;
		for (ptrdiff_t digits = word.at - first; digits < NS_DIGITS; digits++)
			fraction *= 10;
		*time = *time * 1000000000 + fraction;
	} else if (starts(word, "us")) {
		word.at += 2;
		*time *= 1000;
		if (word.at < word.end && *word.at != ':')
			word.at++; /* how long it took, in a character */
	}
	if (word.at == word.end)
		word = next_word(s);
	return equals(word, ":");
}

static bool is_flags(struct span s)
{
	static const char flags[] = "dDbBXx.NnpPLlTtZzHhsS0123456789abcdef#~";

	if (length(s) < 4 || length(s) > 8)
		return false;
	for (const char *at = s.at; at < s.end; at++)
		if (!strchr(flags, *at))
			return false;
	return true;
}

/* The third flag: Z, z in an NMI; H, h in a hard interrupt; s in a soft one. */
static uint8_t level_of(struct span flags)
{
	switch (flags.at[2]) {
	case 'Z':
	case 'z':
		return LEVEL_NMI;
	case 'H':
	case 'h':
		return LEVEL_IRQ;
	case 's':
		return LEVEL_SOFTIRQ;
	default:
		return LEVEL_TASK;
	}
}

/*
 * `kmem:mm_page_alloc:`, `mm_page_alloc:`; a tracer of functions writes `schedule <-worker_thread`.
 */
static bool take_name(struct span *s, struct head *head)
{
	struct span word = next_word(s), ahead = *s, period = word;
	uint64_t ignored;

	/* perf's period: a number, and an event behind it */
	if (take_number(&period, &ignored) && period.at == period.end && length(ahead) > 0)
		word = next_word(s);
	head->system = false;
	head->name = word;
	if (length(word) == 0 || *word.at == ':')
		return false;
	for (const char *at = word.at; at < word.end; at++) {
		if (*at == '(') { /* sys_open(filename: ... */
			head->name.end = at;
			break;
		}
		if (*at != ':')
			continue;
		head->name.end = at;
		if (at + 1 < word.end) {
			head->system = true;
			head->name.at = at + 1;
			head->name.end = word.end;
		}
	}
	skip_blanks(s);
	head->fields = *s;
	return length(head->name) > 0;
}

/* What stands behind the CPU. */
static bool take_tail(struct span s, struct head *head)
{
	struct span ahead = s, flags = next_word(&ahead);

	head->level = LEVEL_TASK;
	if (is_flags(flags)) {
		struct span behind = ahead;

		if (take_time(&behind, &head->time)) {
			head->level = level_of(flags);
			return take_name(&behind, head);
		}
	}
	return take_time(&s, &head->time) && take_name(&s, head);
}

/* `[000] ` behind a blank */
static bool take_cpu(const char *line, struct span s, struct head *head, struct span *behind)
{
	if (s.at > line && !is_blank(s.at[-1]))
		return false;
	s.at++;
	if (!take_number(&s, &head->cpu) || length(s) < 2 || s.at[0] != ']' || !is_blank(s.at[1]))
		return false;
	*behind = (struct span){ s.at + 1, s.end };
	return true;
}

/* `0d..1. 12us+: event: ..` or `0d..1. 1.784332: event: ..` */
static bool take_latency(struct span s, struct head *head)
{
	for (struct span word = next_word(&s); length(word) > 0; word = next_word(&s)) {
		struct span flags = word, behind = s;

		while (flags.at < flags.end && *flags.at >= '0' && *flags.at <= '9')
			flags.at++;

		struct span cpu = { word.at, flags.at };

		if (length(cpu) == 0 || length(cpu) > 5 || !is_flags(flags) ||
		    !take_number(&cpu, &head->cpu) || !take_time(&behind, &head->time))
			continue;
		head->level = level_of(flags);
		if (take_name(&behind, head))
			return true;
	}
	return false;
}

static bool take_head(struct span line, struct head *head)
{
	struct span s = line, behind;

	while ((s.at = memchr(s.at, '[', length(s)))) {
		if (take_cpu(line.at, s, head, &behind) && take_tail(behind, head))
			return true;
		s.at++;
	}
	return take_latency(line, head);
}

/* ---- the fields of our events ---- */

enum field {
	FIELD_PFN,
	FIELD_ORDER,
	FIELD_TYPE,
	FIELD_GFP,
	FIELD_REFILL,
	FIELD_COLD,
	FIELD_FALLBACK_ORDER,
	FIELD_FALLBACK_TYPE,
	FIELDS
};

static const char *const field_names[FIELDS] = {
	"pfn",		 "order", "migratetype",    "gfp_flags",
	"percpu_refill", "cold",  "fallback_order", "fallback_migratetype",
};

static const unsigned int needed[TRACE_LOST] = {
	[TRACE_ALLOC] = 1u << FIELD_PFN | 1u << FIELD_ORDER | 1u << FIELD_TYPE | 1u << FIELD_GFP,
	[TRACE_FREE] = 1u << FIELD_PFN | 1u << FIELD_ORDER,
	[TRACE_BATCHED] = 1u << FIELD_PFN,
	[TRACE_DRAIN] = 1u << FIELD_PFN | 1u << FIELD_ORDER | 1u << FIELD_TYPE,
	[TRACE_LOCKED] =
		1u << FIELD_PFN | 1u << FIELD_ORDER | 1u << FIELD_TYPE | 1u << FIELD_REFILL,
	[TRACE_EXTFRAG] = 1u << FIELD_PFN | 1u << FIELD_FALLBACK_ORDER | 1u << FIELD_FALLBACK_TYPE,
};

struct fields {
	unsigned int seen;
	uint64_t values[FIELDS];
};

static bool wrong_word(struct reader *r, struct span word, const char *what, const char *name)
{
	char text[TRACE_WORD_SIZE];

	return trace_error_at(r->trace, r->line, r->error, "`%s': expected %s%s",
			      trace_word(word.at, length(word), text), what, name);
}

static bool take_gfp(struct reader *r, struct span value, uint64_t *bits)
{
	const char *bad;
	size_t size;
	uint32_t gfp;
	char text[TRACE_WORD_SIZE];

	if (!trace_gfp(value.at, length(value), &gfp, &bad, &size))
		return trace_error_at(r->trace, r->line, r->error,
				      "gfp_flags: `%s' is no name that 5.10 or 6.1 has",
				      trace_word(bad, size, text));
	*bits = gfp;
	return true;
}

static bool take_field(struct reader *r, struct span word, struct fields *fields)
{
	const char *equal = memchr(word.at, '=', length(word));

	if (!equal)
		return wrong_word(r, word, "NAME=VALUE, as 5.10 and 6.1 write it", "");
	struct span name = { word.at, equal }, value = { equal + 1, word.end };

	for (unsigned int i = 0; i < FIELDS; i++) {
		if (!equals(name, field_names[i]))
			continue;
		fields->seen |= 1u << i;
		if (i == FIELD_GFP)
			return take_gfp(r, value, &fields->values[i]);
		return whole_number(value, &fields->values[i]) ||
		       wrong_word(r, word, "a number in the field ", field_names[i]);
	}
	return true;
}

static bool take_fields(struct reader *r, const struct head *head, enum trace_kind kind,
			struct fields *fields)
{
	struct span s = head->fields;

	*fields = (struct fields){ 0 };
	for (struct span word = next_word(&s); length(word) > 0; word = next_word(&s))
		if (!take_field(r, word, fields))
			return false;
	for (unsigned int i = 0; i < FIELDS; i++)
		if (needed[kind] & ~fields->seen & 1u << i)
			return trace_error_at(r->trace, r->line, r->error,
					      "%s without %s=: an event of another version of the "
					      "kernel; 5.10 and 6.1 are known",
					      trace_kind_names[kind], field_names[i]);
	return true;
}

static bool is_small(struct reader *r, enum field field, uint64_t value, uint64_t limit)
{
	return value < limit || trace_error_at(r->trace, r->line, r->error,
					       "%s=%" PRIu64 ": expected less than %" PRIu64,
					       field_names[field], value, limit);
}

/* An allocation that failed says frame 0, or in raw form -1. */
static bool take_pfn(struct reader *r, struct trace_event *event, uint64_t pfn)
{
	event->pfn = pfn;
	if (pfn != 0 && pfn != UINT64_MAX)
		return true;
	event->pfn = TRACE_NO_PFN;
	return event->kind == TRACE_ALLOC ||
	       trace_error_at(r->trace, r->line, r->error,
			      "%s of frame 0, which is never handed out",
			      trace_kind_names[event->kind]);
}

static bool add_event(struct reader *r, const struct head *head, enum trace_kind kind)
{
	struct fields fields;
	struct trace_event event = { .kind = (uint8_t)kind,
				     .cpu = (uint16_t)head->cpu,
				     .level = head->level,
				     .time = head->time,
				     .place = r->line };
	enum field order = kind == TRACE_EXTFRAG ? FIELD_FALLBACK_ORDER : FIELD_ORDER;
	enum field type = kind == TRACE_EXTFRAG ? FIELD_FALLBACK_TYPE : FIELD_TYPE;

	if (!take_fields(r, head, kind, &fields) ||
	    !take_pfn(r, &event, fields.values[FIELD_PFN]) ||
	    !is_small(r, order, fields.values[order], TRACE_ORDERS) ||
	    !is_small(r, type, fields.values[type], 8))
		return false;
	/* Until 4.14 this came before the free, and said whether the page was cold. */
	if (kind == TRACE_BATCHED && fields.seen & 1u << FIELD_COLD) {
		trace_add_other(r->trace, "mm_page_free_batched (before 4.15)", 34);
		return true;
	}
	event.order = (uint8_t)fields.values[order];
	event.type = (uint8_t)fields.values[type];
	event.gfp = (uint32_t)fields.values[FIELD_GFP];
	event.value = fields.values[FIELD_REFILL];
	return trace_add(r->trace, &event, r->error);
}

/* ---- other lines ---- */

static bool add_lost(struct reader *r, uint64_t cpu, uint64_t count)
{
	const struct trace_event event = { .kind = TRACE_LOST,
					   .cpu = (uint16_t)cpu,
					   .time = r->time,
					   .place = r->line,
					   .value = count };

	return trace_add(r->trace, &event, r->error);
}

/*
 * `CPU:1 [LOST 5 EVENTS]`, `CPU:1 [LOST EVENTS]`, `CPU:1 [5 EVENTS DROPPED]`, `CPU:1 [EVENTS
 * DROPPED]`
 */
static bool is_lost(struct span s, uint64_t *cpu, uint64_t *count)
{
	uint64_t number;

	if (!starts(s, "CPU:"))
		return false;
	s.at += 4;
	*count = 0;
	if (!take_number(&s, cpu) || *cpu > UINT16_MAX)
		return false;
	if (!contains(s, "LOST") && !contains(s, "DROPPED"))
		return false;
	while (s.at < s.end && (*s.at < '0' || *s.at > '9'))
		s.at++;
	if (s.at < s.end && take_number(&s, &number))
		*count = number;
	return true;
}

/*
 * `# entries-in-buffer/entries-written: 10/12   #P:2` tells what to expect. `##### CPU 1 buffer
 * started ####` says that older events of that CPU were overwritten.
 */
static bool take_heading(struct reader *r, struct span line)
{
	const char *at = behind_word(line, "entries-in-buffer/entries-written:");
	uint64_t cpu;

	if (at) {
		struct span s = { at, line.end };

		skip_blanks(&s);
		take_number(&s, &r->trace->announced);
		return true;
	}
	at = behind_word(line, " CPU ");
	if (!at || !contains(line, "buffer started"))
		return true;
	struct span s = { at, line.end };

	return !take_number(&s, &cpu) || cpu > UINT16_MAX || add_lost(r, cpu, 0);
}

/* Lines of a call chain: ` => function`, or an address. */
static bool is_call_chain(struct span s)
{
	struct span word = next_word(&s);

	if (equals(word, "=>"))
		return true;
	if (length(word) < 4)
		return false;
	for (const char *at = word.at; at < word.end; at++)
		if (digit_value(*at) == 16)
			return false;
	return true;
}

/* What trace-cmd report says beside the events. */
static bool is_remark(struct span s)
{
	return starts(s, "cpus=") || starts(s, "version = ") ||
	       (starts(s, "CPU ") && contains(s, "is empty"));
}

static bool take_foreign(struct reader *r)
{
	if (r->entries == 0)
		return trace_error_at(
			r->trace, r->line, r->error,
			"this is no recording: expected lines as in the trace file "
			"(TASK-PID [CPU] FLAGS TIME: EVENT: ...), perf script, or a trace.dat");
	return trace_error_at(r->trace, r->line, r->error,
			      "expected an event: TASK-PID [CPU] FLAGS TIME: EVENT: ...");
}

static bool take_event(struct reader *r, const struct head *head)
{
	enum trace_kind kind = trace_kind_of(head->name.at, length(head->name));

	if (r->entries++ == 0)
		r->trace->form = head->system ? TRACE_FORM_PERF : TRACE_FORM_TEXT;
	if (head->cpu > UINT16_MAX)
		return trace_error_at(r->trace, r->line, r->error, "CPU %" PRIu64 " is none",
				      head->cpu);
	r->time = head->time;
	if (kind != TRACE_KINDS)
		return add_event(r, head, kind);
	trace_add_other(r->trace, head->name.at, length(head->name));
	return true;
}

static bool take_line(struct reader *r, struct span line)
{
	struct span words = line;
	struct head head;
	uint64_t cpu, count;

	skip_blanks(&words);
	if (length(words) > 0 && *words.at == '#') {
		uint64_t before = r->trace->counts[TRACE_LOST];

		if (!take_heading(r, words))
			return false;
		r->trace->nr_no_events += r->trace->counts[TRACE_LOST] == before;
		return true;
	}
	if (is_lost(words, &cpu, &count))
		return add_lost(r, cpu, count);
	if (take_head(line, &head))
		return take_event(r, &head);
	if (length(words) > 0 && !is_call_chain(words) && !is_remark(words))
		return take_foreign(r);
	r->trace->nr_no_events++;
	return true;
}

/* ---- the whole ---- */

static bool take_lines(struct reader *r, const char *text, size_t size)
{
	const char *end = text + size;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		struct span line = { text, stop ? stop : end };

		r->line++;
		if (!stop)
			return trace_error_at(
				r->trace, r->line, r->error,
				"the last line does not end: the recording is cut off");
		if (length(line) > 0 && line.end[-1] == '\r')
			line.end--;
		if (!take_line(r, line))
			return false;
		text = stop + 1;
	}
	r->trace->nr_lines = r->line;
	return true;
}

/* T1: the clock of a CPU does not go back. */
static bool check_times(const struct trace *trace, char error[TRACE_ERROR_SIZE])
{
	uint64_t *last = calloc(trace->nr_cpus + 1u, sizeof(*last));
	bool good = last != NULL;

	if (!last)
		return trace_error(error, "%s: no memory", trace->path);
	for (size_t i = 0; good && i < trace->nr_events; i++) {
		const struct trace_event *event = &trace->events[i];

		if (event->kind == TRACE_LOST)
			continue;
		if (event->time < last[event->cpu])
			good = trace_error_at(
				trace, event->place, error,
				"time goes back on CPU %u, from %" PRIu64 " to %" PRIu64
				" ns: lines are missing, moved, or of several recordings",
				event->cpu, last[event->cpu], event->time);
		last[event->cpu] = event->time;
	}
	free(last);
	return good;
}

static bool finish(const struct trace *trace, uint64_t entries, char error[TRACE_ERROR_SIZE])
{
	if (trace->announced > entries)
		return trace_error(
			error,
			"%s: the heading announces %" PRIu64 " events, and there are %" PRIu64
			": the recording is cut off (or, where lines were left out on purpose, "
			"leave out the heading too)",
			trace->path, trace->announced, entries);
	if (trace->nr_events == trace->counts[TRACE_LOST])
		return trace_error(
			error,
			"%s: no events of page allocation; record kmem:mm_page_alloc and "
			"kmem:mm_page_free",
			trace->path);
	return check_times(trace, error);
}

/* Lines of lost events have no time: those at the beginning are told as late as the first event. */
static void date_first_losses(struct trace *trace)
{
	size_t first = 0;

	while (first < trace->nr_events && trace->events[first].kind == TRACE_LOST)
		first++;
	for (size_t i = 0; first < trace->nr_events && i < first; i++)
		trace->events[i].time = trace->events[first].time;
}

static bool read_text(struct trace *trace, const char *text, size_t size,
		      char error[TRACE_ERROR_SIZE])
{
	struct reader r = { .trace = trace, .error = error };

	if (!take_lines(&r, text, size) || !finish(trace, r.entries, error))
		return false;
	date_first_losses(trace);
	return true;
}

static bool begin(struct trace *trace, const char *path, char error[TRACE_ERROR_SIZE])
{
	memset(trace, 0, sizeof(*trace));
	trace->path = strdup(path);
	return trace->path || trace_error(error, "%s: no memory", path);
}

bool trace_read_text(struct trace *trace, const char *path, const char *text, size_t size,
		     char error[TRACE_ERROR_SIZE])
{
	return begin(trace, path, error) && read_text(trace, text, size, error);
}

bool trace_read(struct trace *trace, const char *path, char error[TRACE_ERROR_SIZE])
{
	size_t size = 0;

	if (!begin(trace, path, error))
		return false;
	char *text = trace_load(trace, &size, error);

	if (!text)
		return false;
	if (trace_is_dat(text, size)) {
		free(text);
		trace->form = TRACE_FORM_DAT;
		return trace_read_dat(trace, error) && finish(trace, 0, error);
	}
	bool good = read_text(trace, text, size, error);

	free(text);
	return good;
}
