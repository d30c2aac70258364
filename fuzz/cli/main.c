/* lostbuddy: the table of verbs, and the way to them. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

const char *argp_program_version = "lostbuddy 0.1";

static int verb_help(int argc, char **argv);

static const struct verb verbs[] = {
	{ "fuzz", verb_fuzz, "random programs for a target, judged by the oracle" },
	{ "enumerate", verb_enumerate, "every sequence of a few operations in tiny worlds" },
	{ "replay", verb_replay, "run programs from files; say whether anything is wrong" },
	{ "show", verb_show, "print a program, the memory it leaves (--map), the language" },
	{ "shrink", verb_shrink, "make a program that fails as short and plain as possible" },
	{ "explain", verb_explain,
	  "show where a program goes wrong, with both states side by side" },
	{ "rules", verb_rules, "what the oracle demands: every rule with its level and source" },
	{ "machine", verb_machine, "check a machine, or make one from a real kernel's boot" },
	{ "trace", verb_trace, "recordings of real kernels: import, check, replay, export" },
#ifdef LOSTBUDDY_HAS_PROC
	{ "proc", verb_proc, "/proc texts of a machine, after boot or a program" },
#endif
#ifdef LOSTBUDDY_HAS_BENCH
	{ "bench", verb_bench,
	  "instructions, cycles and nanoseconds of the operations that matter" },
#endif
	{ "test", verb_test, "all tests of the checkout this program was built from" },
	{ "doctor", verb_doctor, "what is installed, what can be built, are canaries found" },
	{ "help", verb_help, "this page; help VERB: the page of a verb" },
};

enum { NR_VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static const char before[] = "Finds lost buddies: runs random programs on a page allocator and on "
			     "an independent model of Linux's, and "
			     "reports divergence, leaks and free blocks that were not merged.";

static char *print_verbs(int key, const char *text, void *input)
{
	char *page = NULL;
	size_t size = 0;
	FILE *out;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC || !(out = open_memstream(&page, &size)))
		return (char *)text;
	fprintf(out, "Verbs:\n");
	for (size_t i = 0; i < NR_VERBS; i++)
		fprintf(out, "  %-9s  %s\n", verbs[i].name, verbs[i].what);
	fprintf(out, "\n`lostbuddy VERB --help' is a page for each.\n\n"
		     "Exit codes: 0 clean, 1 wrong usage or input, 3 known findings only, "
		     "4 unhealthy, 5 inconclusive, 71 no memory, 72 interrupted, 77 finding.");
	fclose(out);
	return page;
}

static const struct verb *verb_named(const char *name)
{
	for (size_t i = 0; i < NR_VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

struct request {
	const struct verb *verb;
	int first; /* index of the verb in argv */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *request = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		request->verb = verb_named(arg);
		if (!request->verb)
			argp_failure(state, EXIT_USAGE, 0,
				     "%s: no such verb; `lostbuddy --help' lists them", arg);
		request->first = state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_state_help(state, stderr,
				ARGP_HELP_SHORT_USAGE | ARGP_HELP_POST_DOC | ARGP_HELP_EXIT_ERR);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* What the options of the program itself say. The request stays empty without a verb. */
static bool parse_request(int argc, char **argv, struct request *request)
{
	char with_post[sizeof(before) + 4];

	/* A vertical tab begins the text behind the options, which print_verbs() fills in. */
	snprintf(with_post, sizeof(with_post), "%s\v ", before);
	const struct argp argp = { .parser = parse,
				   .args_doc = "VERB [ARGUMENT...]",
				   .doc = with_post,
				   .children = help_children,
				   .help_filter = print_verbs };

	return argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, request) == 0 && request->verb;
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
	char name[32];

	snprintf(name, sizeof(name), "lostbuddy %s", verb->name);
	argv[0] = name;
	return verb->run(argc, argv);
}

/* `help fuzz` is `fuzz --help`; `help` alone and `help help` are `--help`. */
static int verb_help(int argc, char **argv)
{
	static char program[] = "lostbuddy", option[] = "--help";
	char *asked[] = { program, option, NULL };
	struct request request = { 0 };
	const struct verb *verb = argc > 1 ? verb_named(argv[1]) : NULL;

	if (argc > 2)
		return fail("help: name one verb");
	if (argc > 1 && !verb && argv[1][0] != '-')
		return fail("%s: no such verb; `lostbuddy --help' lists them", argv[1]);
	if (verb && verb->run != verb_help)
		return run_verb(verb, 2, asked);
	return parse_request(2, asked, &request) ? EXIT_CLEAN : EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct request request = { 0 };

	argp_err_exit_status = EXIT_USAGE;
	if (!parse_request(argc, argv, &request))
		return EXIT_USAGE;
	int code = run_verb(request.verb, argc - request.first, argv + request.first);

	if (fflush(stdout) != 0 || ferror(stdout))
		return fail("cannot write to the standard output; is the disk full?");
	return code;
}
