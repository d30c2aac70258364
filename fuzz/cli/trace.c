/*
 * lostbuddy trace: recordings of real kernels, checked, imported, replayed; and the core's own
 * events.
 */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "trace/trace.h"

enum { OPT_BOOT = 256, OPT_JSON, OPT_PROFILE, OPT_EVERY, OPT_COMPLETE };

enum { MAX_EVERY = 1 << 30 };

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0,
	  "import: write the program to FILE; export: the events (- : standard output)", 0 },
	{ "json", OPT_JSON, NULL, 0, "the report as one JSON object", 0 },
	{ "machine", 'm', "LINE|FILE", 0,
	  "import, replay: the machine: KEY=VALUE..., or a .machine file", 0 },
	{ "from-boot", OPT_BOOT, "DIR", 0, "import, replay: the machine of a real kernel's boot",
	  0 },
	{ "profile", OPT_PROFILE, "NAME", 0, "import, replay: linux-6.1 or linux-5.10", 0 },
	{ "every", OPT_EVERY, "N", 0,
	  "replay: a line after every N operations (default: a twentieth of them)", 0 },
	{ "complete", OPT_COMPLETE, NULL, 0,
	  "check: every page that was handed out has an event, so that a free of a free page is "
	  "wrong",
	  0 },
	{ 0 },
};

struct action;

struct arguments {
	const struct action *action;
	const char *file, *output, *profile;
	struct chosen_machine machine;
	uint32_t every;
	bool json, complete;
	unsigned int given; /* bits of options that not every action has */
};

enum { GIVEN_OUTPUT = 1, GIVEN_JSON = 2, GIVEN_MACHINE = 4, GIVEN_EVERY = 8, GIVEN_COMPLETE = 16 };

struct action {
	const char *name;
	int (*run)(const struct arguments *a);
	unsigned int takes; /* GIVEN_ bits */
};

static int run_import(const struct arguments *a);
static int run_check(const struct arguments *a);
static int run_replay(const struct arguments *a);
static int run_export(const struct arguments *a);

static const struct action actions[] = {
	{ "import", run_import, GIVEN_OUTPUT | GIVEN_JSON | GIVEN_MACHINE },
	{ "check", run_check, GIVEN_JSON | GIVEN_COMPLETE },
	{ "replay", run_replay, GIVEN_JSON | GIVEN_MACHINE | GIVEN_EVERY },
	{ "export", run_export, GIVEN_OUTPUT },
};

enum { NR_ACTIONS = sizeof(actions) / sizeof(actions[0]) };

/* ---- arguments ---- */

static void take_argument(struct arguments *a, const char *arg, struct argp_state *state)
{
	if (a->action && a->file)
		argp_error(state, "%s: trace takes one file", arg);
	if (a->action) {
		a->file = arg;
		return;
	}
	for (size_t i = 0; i < NR_ACTIONS; i++)
		if (strcmp(actions[i].name, arg) == 0)
			a->action = &actions[i];
	if (!a->action)
		argp_error(state, "%s: expected import, check, replay or export", arg);
}

static void take_every(struct arguments *a, const char *arg, struct argp_state *state)
{
	char *end;
	unsigned long every = strtoul(arg, &end, 10);

	if (*arg < '0' || *arg > '9' || *end || every == 0 || every > MAX_EVERY)
		argp_error(state, "--every %s: expected 1 .. %d", arg, MAX_EVERY);
	a->every = (uint32_t)every;
}

static void check_arguments(const struct arguments *a, struct argp_state *state)
{
	static const char *const names[] = { "--output", "--json",
					     "--machine, --from-boot and --profile", "--every",
					     "--complete" };

	if (!a->action || !a->file)
		argp_error(state, "name what to do (import, check, replay, export) and a file");
	if (a->machine.line_or_file && a->machine.boot)
		argp_error(state, "--machine and --from-boot: give one of them");
	for (unsigned int i = 0; a->action && i < sizeof(names) / sizeof(names[0]); i++)
		if (a->given & ~a->action->takes & 1u << i)
			argp_error(state, "trace %s does not take %s", a->action->name, names[i]);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'o':
		a->output = arg;
		a->given |= GIVEN_OUTPUT;
		return 0;
	case OPT_JSON:
		a->json = true;
		a->given |= GIVEN_JSON;
		return 0;
	case 'm':
		a->machine.line_or_file = arg;
		a->given |= GIVEN_MACHINE;
		return 0;
	case OPT_BOOT:
		a->machine.boot = arg;
		a->given |= GIVEN_MACHINE;
		return 0;
	case OPT_PROFILE:
		a->profile = arg;
		a->given |= GIVEN_MACHINE;
		return 0;
	case OPT_EVERY:
		take_every(a, arg, state);
		a->given |= GIVEN_EVERY;
		return 0;
	case OPT_COMPLETE:
		a->complete = true;
		a->given |= GIVEN_COMPLETE;
		return 0;
	case ARGP_KEY_ARG:
		take_argument(a, arg, state);
		return 0;
	case ARGP_KEY_END:
		check_arguments(a, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options,
	parse,
	"import|check|replay RECORDING\nexport PROGRAM",
	"Recordings of the page allocator of a real kernel (events kmem:mm_page_*).\v"
	"RECORDING is the text of the trace file (trace, trace_pipe, trace-cmd report), the output "
	"of "
	"perf script, either of them packed by xz, or a trace.dat; - is the standard input.\n\n"
	"  import  makes a program of it, for all other verbs, and reports what is in it, and what "
	"has no operation: frees of blocks from before the recording, lost events, other events\n"
	"  check   asks the recording itself whether the kernel kept the contract: no page handed "
	"out "
	"twice, natural alignment, no free of what is not held, drains and batches that match\n"
	"  replay  carries it out on the core, and shows failures, steals from other migratetypes "
	"and "
	"fragmentation along it\n"
	"  export  carries out a program, and prints the core's own events as the trace file "
	"would\n\n"
	"The machine is what --machine or --from-boot say; else it is made from dmesg and zoneinfo "
	"(zoneinfo.before) beside the recording; else it is the plainest PC with the recording's "
	"CPUs "
	"and frames. It begins with all memory free: what the kernel held before is not known.\n\n"
	"How to record, as root in /sys/kernel/tracing:\n"
	"  for e in mm_page_alloc mm_page_free mm_page_free_batched mm_page_pcpu_drain; do\n"
	"    echo 1 >events/kmem/$e/enable; done; sleep 10; cat trace | xz >trace.txt.xz\n\n"
	"Exit codes: 0 done, and nothing wrong was found (failures of a replay are shown, and are "
	"nothing wrong), 1 cannot be read, is cut off or contradicts itself (and where), 77 check "
	"has findings.\n\n"
	"Examples:\n"
	"  lostbuddy trace check corpus/traces/boot-pages.txt.xz\n"
	"  lostbuddy trace import -o boot.lb corpus/traces/boot-pages.txt.xz\n"
	"  lostbuddy trace replay --profile linux-5.10 corpus/traces/boot-pages.txt.xz",
	help_children,
	NULL,
	NULL,
};

/* ---- what they share ---- */

static bool read_recording(struct trace *trace, const struct arguments *a)
{
	char error[TRACE_ERROR_SIZE];

	if (trace_read(trace, a->file, error))
		return true;
	fail("%s", error);
	return false;
}

static bool set_profile(struct machine *m, const char *profile)
{
	char line[64];
	struct machine other;
	struct text_error why;

	if (!profile)
		return true;
	snprintf(line, sizeof(line), "profile=%.40s", profile);
	if (!machine_parse_line(&other, line, &why))
		return fail("--profile %s: expected linux-6.1 or linux-5.10", profile), false;
	m->profile = other.profile;
	return true;
}

/* *from: in words, where the machine comes from; NULL: nobody says what it is. */
static bool choose_machine(struct machine *m, const struct arguments *a, const char **from)
{
	char error[TRACE_ERROR_SIZE];
	bool found = false;

	*from = "as --machine or --from-boot say";
	if (a->machine.boot)
		return read_whole_boot(m, a->machine.boot);
	if (a->machine.line_or_file)
		return read_machine(m, a->machine.line_or_file);
	if (!trace_machine_beside(m, a->file, &found, error))
		return fail("%s; give one with --machine", error), false;
	*from = found ? "from dmesg and zoneinfo beside the recording" : NULL;
	return true;
}

/* The recording as a program, on its machine. False: the error was printed. */
static bool import_recording(const struct trace *trace, const struct arguments *a,
			     struct program *p, struct trace_imported *imported, const char **from)
{
	char error[TRACE_ERROR_SIZE];
	struct machine m;
	struct trace_import_options how = { 0 };

	program_init(p);
	if (!choose_machine(&m, a, from))
		return false;
	if (*from)
		how.machine = &m;
	if (!trace_import(trace, &how, p, imported, error))
		return fail("%s", error), false;
	return set_profile(&p->machine, a->profile);
}

static int written(bool good)
{
	return good ? EXIT_CLEAN : EXIT_MEMORY;
}

/* ---- import ---- */

static bool write_program(const struct program *p, const char *path)
{
	size_t size = program_print(p, NULL, 0);
	char *text = malloc(size + 1);

	if (!text)
		return fail("no memory for the program's text"), false;
	program_print(p, text, size + 1);
	bool good = write_output(path, text, size);

	free(text);
	return good;
}

static int report_import(const struct trace *trace, const struct arguments *a,
			 const struct trace_imported *imported, const char *from)
{
	/* A program on the standard output is for another program to read. */
	FILE *out = a->output && strcmp(a->output, "-") == 0 ? stderr : stdout;

	if (a->json)
		return written(trace_json_imported(trace, imported, out));
	trace_print_imported(trace, imported, out);
	fprintf(out, "machine      %s\n",
		from ? from : "the plainest PC that has these CPUs and frames");
	return EXIT_CLEAN;
}

static int run_import(const struct arguments *a)
{
	struct trace trace = { 0 };
	struct trace_imported imported;
	struct program p;
	const char *from;
	int code = EXIT_USAGE;

	program_init(&p);
	if (read_recording(&trace, a) && import_recording(&trace, a, &p, &imported, &from) &&
	    (!a->output || write_program(&p, a->output)))
		code = report_import(&trace, a, &imported, from);
	program_free(&p);
	trace_free(&trace);
	return code;
}

/* ---- check ---- */

static int report_check(const struct trace *trace, const struct arguments *a,
			const struct trace_checked *checked)
{
	if (a->json) {
		if (!trace_json_checked(trace, checked, stdout))
			return EXIT_MEMORY;
	} else {
		trace_print_checked(trace, checked, stdout);
	}
	return checked->nr_findings ? EXIT_FINDING : EXIT_CLEAN;
}

static int run_check(const struct arguments *a)
{
	const struct trace_check_options how = { .complete = a->complete };
	struct trace trace = { 0 };
	struct trace_checked checked;
	int code = EXIT_USAGE;

	if (read_recording(&trace, a))
		code = trace_check(&trace, &how, &checked) ? report_check(&trace, a, &checked)
							   : EXIT_MEMORY;
	trace_free(&trace);
	return code;
}

/* ---- replay ---- */

static int replay(const struct trace *trace, const struct arguments *a, const struct program *p,
		  const char *from)
{
	struct trace_replayed replayed = { 0 };
	char error[TRACE_ERROR_SIZE];
	int code = EXIT_CLEAN;

	if (!trace_replay(trace, p, a->every, &replayed, error)) {
		code = fail("%s", error);
	} else if (a->json) {
		code = written(trace_json_replayed(trace, p, &replayed, stdout));
	} else {
		printf("%s on the core, machine %s\n", trace->path,
		       from ? from : "the plainest PC that has these CPUs and frames");
		trace_print_replayed(trace, p, &replayed, stdout);
	}
	trace_replayed_free(&replayed);
	return code;
}

static int run_replay(const struct arguments *a)
{
	struct trace trace = { 0 };
	struct trace_imported imported;
	struct program p;
	const char *from;
	int code = EXIT_USAGE;

	program_init(&p);
	if (read_recording(&trace, a) && import_recording(&trace, a, &p, &imported, &from))
		code = replay(&trace, a, &p, from);
	program_free(&p);
	trace_free(&trace);
	return code;
}

/* ---- export ---- */

int export_trace(const struct program *p, const char *output)
{
	char error[TRACE_ERROR_SIZE], *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int code = EXIT_CLEAN;

	if (!out)
		return EXIT_MEMORY;
	bool good = trace_export(p, out, error);

	if (fclose(out) != 0)
		code = EXIT_MEMORY;
	else if (!good)
		code = fail("%s", error);
	else if (!write_output(output, text, size))
		code = EXIT_USAGE;
	free(text);
	return code;
}

static int run_export(const struct arguments *a)
{
	struct program p;
	int code = EXIT_USAGE;

	program_init(&p);
	if ((!a->output || may_report_into(a->output)) && read_program(&p, a->file))
		code = export_trace(&p, a->output ? a->output : "-");
	program_free(&p);
	return code;
}

int verb_trace(int argc, char **argv)
{
	struct arguments a = { 0 };

	if (argp_parse(&argp, argc, argv, 0, NULL, &a) != 0)
		return EXIT_USAGE;
	return a.action->run(&a);
}
