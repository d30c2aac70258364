/*
 * trace.dat, by libtracecmd (package libtracecmd-dev). It unpacks, sorts the CPUs' records by time,
 * and knows the formats of the events that the file brings along; so fields are read by name, as in
 * text.
 *
 * libtracecmd is no judge of damaged files: it may say nothing, or fall over. It works in a child
 * process, which sends what it reads through a pipe: a child that dies is a sentence.
 */
#include <string.h>

#include "trace/internal.h"

bool trace_is_dat(const char *bytes, size_t size)
{
	static const char magic[] = { 0x17, 0x08, 0x44, 't', 'r', 'a', 'c', 'i', 'n', 'g' };

	return size >= sizeof(magic) && memcmp(bytes, magic, sizeof(magic)) == 0;
}

#ifndef LOSTBUDDY_HAS_TRACECMD
bool trace_read_dat(struct trace *trace, char error[TRACE_ERROR_SIZE])
{
	return trace_error(error,
			   "%s: a trace.dat, and this program was built without libtracecmd: "
			   "install the packages libtracecmd-dev, libtraceevent-dev and "
			   "libtracefs-dev and build anew (rm -r build/release), or make text of "
			   "it (trace-cmd report -l)",
			   trace->path);
}
#else
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <trace-cmd/trace-cmd.h>

enum {
	MAX_IDS = 65536,
	MAX_GFPS = 512,
	PATIENCE_SECONDS = 60,
	FLAG_NMI = 0x40 /* no name in the library */
};

enum message_kind { MESSAGE_EVENT, MESSAGE_OTHER, MESSAGE_ERROR, MESSAGE_END };

/* What the child tells. */
struct message {
	uint32_t kind; /* enum message_kind */
	struct trace_event event;
	char words[TRACE_NAME_SIZE * 4]; /* name of an event; an error */
};

/* ---- the child ---- */

enum { MAX_FIELDS = 4 };

static const char *const field_names[TRACE_LOST][MAX_FIELDS] = {
	[TRACE_ALLOC] = { "pfn", "order", "migratetype", "gfp_flags" },
	[TRACE_FREE] = { "pfn", "order" },
	[TRACE_BATCHED] = { "pfn" },
	[TRACE_DRAIN] = { "pfn", "order", "migratetype" },
	[TRACE_LOCKED] = { "pfn", "order", "migratetype", "percpu_refill" },
	[TRACE_EXTFRAG] = { "pfn", "fallback_order", "fallback_migratetype" },
};

/* An event of the file, by its number. */
struct format {
	bool known;
	enum trace_kind kind;
	struct tep_event *event;
	struct tep_format_field *fields[MAX_FIELDS];
};

/* The bits as the file's kernel numbers them, and as we do. */
struct gfp {
	unsigned long long raw;
	uint32_t gfp;
};

struct child {
	FILE *out;
	struct tep_handle *tep;
	struct format *formats;	   /* [MAX_IDS] */
	struct gfp gfps[MAX_GFPS]; /* that were met */
	unsigned int nr_gfps;
	bool failed;
};

static void send(struct child *c, const struct message *message)
{
	if (fwrite(message, sizeof(*message), 1, c->out) != 1)
		_exit(1);
}

static int send_error(struct child *c, uint64_t place, const char *event, const char *words)
{
	struct message message = { .kind = MESSAGE_ERROR, .event.place = place };

	snprintf(message.words, sizeof(message.words), "%s%s", event, words);
	send(c, &message);
	c->failed = true;
	return 1;
}

static bool find_fields(struct child *c, struct format *f, uint64_t place)
{
	for (unsigned int i = 0; i < MAX_FIELDS && field_names[f->kind][i]; i++) {
		char words[128];

		f->fields[i] = tep_find_field(f->event, field_names[f->kind][i]);
		if (f->fields[i])
			continue;
		snprintf(words, sizeof(words),
			 " without %s: an event of another version of the kernel; 5.10 and 6.1 are "
			 "known",
			 field_names[f->kind][i]);
		send_error(c, place, f->event->name, words);
		return false;
	}
	return true;
}

/* NULL: it was said. */
static struct format *format_of(struct child *c, struct tep_record *record)
{
	int id = tep_data_type(c->tep, record);

	if (id < 0 || id >= MAX_IDS) {
		send_error(c, record->offset, "", "a record of no event: the file is damaged");
		return NULL;
	}
	struct format *f = &c->formats[id];

	if (f->known)
		return f;
	f->event = tep_find_event_by_record(c->tep, record);
	if (!f->event) {
		send_error(c, record->offset, "",
			   "a record of an event that the file does not describe: it is damaged");
		return NULL;
	}
	f->kind = trace_kind_of(f->event->name, strlen(f->event->name));
	if (f->kind != TRACE_KINDS && !find_fields(c, f, record->offset))
		return NULL;
	f->known = true;
	return f;
}

static uint8_t level_of(struct child *c, struct tep_record *record)
{
	int flags = tep_data_flags(c->tep, record);

	if (flags & FLAG_NMI)
		return LEVEL_NMI;
	if (flags & TRACE_FLAG_HARDIRQ)
		return LEVEL_IRQ;
	return flags & TRACE_FLAG_SOFTIRQ ? LEVEL_SOFTIRQ : LEVEL_TASK;
}

static void send_lost(struct child *c, const struct tep_record *record)
{
	const struct message message = {
		.kind = MESSAGE_EVENT,
		.event = { .kind = TRACE_LOST,
			   .cpu = (uint16_t)record->cpu,
			   .time = record->ts,
			   .place = record->offset,
			   .value = record->missed_events > 0 ? (uint64_t)record->missed_events
							      : 0 },
	};

	if (record->missed_events)
		send(c, &message);
}

static bool read_fields(const struct format *f, const struct tep_record *record,
			unsigned long long values[MAX_FIELDS])
{
	for (unsigned int i = 0; i < MAX_FIELDS && f->fields[i]; i++) {
		unsigned long end =
			(unsigned long)f->fields[i]->offset + (unsigned long)f->fields[i]->size;

		if (end > (unsigned long)record->size ||
		    tep_read_number_field(f->fields[i], record->data, &values[i]) != 0)
			return false;
	}
	return true;
}

/*
 * The numbers of gfp bits differ between versions, their names do not: the file knows how its kernel
 * prints them. False: it was said. A format without names leaves the number as it is.
 */
static bool read_gfp(struct child *c, struct tep_record *record, unsigned long long raw,
		     uint32_t *gfp)
{
	struct trace_seq words;
	const char *name, *bad;
	size_t length;
	bool good = true;

	trace_seq_init(&words);
	tep_print_event(c->tep, &words, record, "%s", TEP_PRINT_INFO);
	trace_seq_terminate(&words);
	*gfp = (uint32_t)raw;
	name = words.buffer ? strstr(words.buffer, "gfp_flags=") : NULL;
	if (name) {
		name += strlen("gfp_flags=");
		good = trace_gfp(name, strcspn(name, " \n"), gfp, &bad, &length);
	}
	if (!good) {
		char sentence[128], text[TRACE_WORD_SIZE];

		snprintf(sentence, sizeof(sentence),
			 ": gfp_flags: `%s' is no name that 5.10 or 6.1 has",
			 trace_word(bad, length, text));
		send_error(c, record->offset, trace_kind_names[TRACE_ALLOC], sentence);
	}
	trace_seq_destroy(&words);
	return good;
}

/* There are few: most have been met before. */
static bool find_gfp(struct child *c, struct tep_record *record, unsigned long long raw,
		     uint32_t *gfp)
{
	for (unsigned int i = 0; i < c->nr_gfps; i++)
		if (c->gfps[i].raw == raw) {
			*gfp = c->gfps[i].gfp;
			return true;
		}
	if (!read_gfp(c, record, raw, gfp))
		return false;
	if (c->nr_gfps < MAX_GFPS)
		c->gfps[c->nr_gfps++] = (struct gfp){ raw, *gfp };
	return true;
}

static int send_event(struct child *c, const struct format *f, struct tep_record *record)
{
	unsigned long long values[MAX_FIELDS] = { 0 };
	struct message message = {
		.kind = MESSAGE_EVENT,
		.event = { .kind = (uint8_t)f->kind,
			   .cpu = (uint16_t)record->cpu,
			   .time = record->ts,
			   .place = record->offset,
			   .level = level_of(c, record) },
	};

	if (!read_fields(f, record, values))
		return send_error(c, record->offset, f->event->name,
				  " is shorter than the file says it is: it is damaged");
	if (values[1] >= TRACE_ORDERS || values[2] > 7 || values[3] > UINT32_MAX)
		return send_error(
			c, record->offset, f->event->name,
			" with an order, type or gfp out of all ranges: the file is damaged");
	message.event.pfn = values[0] && values[0] != UINT64_MAX ? values[0] : TRACE_NO_PFN;
	if (message.event.pfn == TRACE_NO_PFN && f->kind != TRACE_ALLOC)
		return send_error(c, record->offset, f->event->name,
				  " of frame 0, which is never handed out");
	message.event.order = (uint8_t)values[1];
	message.event.type = (uint8_t)values[2];
	if (f->kind != TRACE_ALLOC)
		message.event.value = values[3];
	else if (!find_gfp(c, record, values[3], &message.event.gfp))
		return 1;
	send(c, &message);
	return 0;
}

static int take_record(struct tracecmd_input *handle, struct tep_record *record, int cpu,
		       void *data)
{
	struct child *c = data;
	struct message other = { .kind = MESSAGE_OTHER };
	struct format *f;

	(void)handle, (void)cpu;
	send_lost(c, record);
	f = format_of(c, record);
	if (!f)
		return 1;
	if (f->kind != TRACE_KINDS)
		return send_event(c, f, record);
	snprintf(other.words, TRACE_NAME_SIZE, "%s", f->event->name);
	send(c, &other);
	return 0;
}

/* All buffers of the file, the main one and those of instances, in the order of time. */
static void read_buffers(struct child *c, struct tracecmd_input *input)
{
	int nr = tracecmd_buffer_instances(input);
	struct tracecmd_input **all = calloc((size_t)nr + 1, sizeof(struct tracecmd_input *));
	int readable = 1;

	if (!all)
		_exit(1);
	all[0] = input;
	for (int i = 0; i < nr; i++) {
		all[readable] = tracecmd_buffer_instance_handle(input, i);
		readable += all[readable] != NULL;
	}
	if (readable != nr + 1)
		send_error(c, 0, "",
			   "one of its buffers cannot be read: it is cut off, or damaged");
	else if (tracecmd_iterate_events_multi(all, readable, take_record, c) != 0 && !c->failed)
		send_error(c, 0, "",
			   "libtracecmd cannot read all of it: it is cut off, or damaged");
}

/* Never comes back. */
static void read_in_child(const char *path, int pipe_end)
{
	const struct rlimit time = { PATIENCE_SECONDS, PATIENCE_SECONDS }, no_core = { 0, 0 };
	const struct message end = { .kind = MESSAGE_END };
	struct child c = { .out = fdopen(pipe_end, "wb"),
			   .formats = calloc(MAX_IDS, sizeof(struct format)) };

	setrlimit(RLIMIT_CPU, &time);
	setrlimit(RLIMIT_CORE, &no_core);
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	if (!c.out || !c.formats || !freopen("/dev/null", "w", stderr))
		_exit(1);
	tracecmd_set_loglevel(TEP_LOG_NONE);
	tep_set_loglevel(TEP_LOG_NONE);

	struct tracecmd_input *input = tracecmd_open(path, TRACECMD_FL_LOAD_NO_PLUGINS);

	if (!input) {
		send_error(&c, 0, "", "libtracecmd cannot read it: it is cut off, or damaged");
	} else {
		c.tep = tracecmd_get_tep(input);
		read_buffers(&c, input);
	}
	if (!c.failed)
		send(&c, &end);
	fflush(c.out);
	_exit(0);
}

/* ---- the parent ---- */

static bool take_messages(struct trace *trace, FILE *in, char error[TRACE_ERROR_SIZE])
{
	struct message message;
	uint64_t place = 0;

	while (fread(&message, sizeof(message), 1, in) == 1) {
		message.words[sizeof(message.words) - 1] = '\0';
		switch (message.kind) {
		case MESSAGE_EVENT:
			place = message.event.place;
			if (!trace_add(trace, &message.event, error))
				return false;
			break;
		case MESSAGE_OTHER:
			trace_add_other(trace, message.words, strlen(message.words));
			break;
		case MESSAGE_ERROR:
			return trace_error_at(trace, message.event.place, error, "%s",
					      message.words);
		default:
			return true;
		}
	}
	return trace_error_at(
		trace, place, error,
		"libtracecmd came to grief behind this record: the file is cut off, or damaged");
}

bool trace_read_dat(struct trace *trace, char error[TRACE_ERROR_SIZE])
{
	int ends[2], status;
	FILE *in;

	if (strcmp(trace->path, "-") == 0 || trace->xz)
		return trace_error(error,
				   "%s: a trace.dat has to be a file of its own, unpacked: it is "
				   "not read in order",
				   trace->path);
	if (pipe(ends) != 0)
		return trace_error(error, "%s: no pipe: %s", trace->path, strerror(errno));
	fflush(NULL);

	pid_t child = fork();

	if (child == 0) {
		close(ends[0]);
		read_in_child(trace->path, ends[1]);
	}
	close(ends[1]);
	in = child > 0 ? fdopen(ends[0], "rb") : NULL;

	bool good = in ? take_messages(trace, in, error)
		       : trace_error(error, "%s: no process to read it in", trace->path);

	if (in)
		fclose(in);
	else
		close(ends[0]);
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
	}
	return good;
}
#endif
