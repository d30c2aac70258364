/* lostbuddy shrink: a program that fails, as short and plain as possible. */
#include "cli/cli.h"

#include <stdlib.h>

#include "shrink/shrink.h"

enum { OPT_RUNS = 256, DEFAULT_RUNS = 20000 };

static const struct argp_option options[] = {
	OPTION_TARGET,
	{ "runs", OPT_RUNS, "N", 0, "at most N runs of the program (20000)", 0 },
	{ "output", 'o', "FILE", 0, "write to FILE instead of the standard output", 0 },
	{ 0 },
};

struct shrink_arguments {
	const char *path, *target, *output;
	uint32_t runs;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct shrink_arguments *a = state->input;
	char *end;

	switch (key) {
	case 't':
		a->target = arg;
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case OPT_RUNS: {
		unsigned long runs = strtoul(arg, &end, 10);

		if (end == arg || *end || arg[0] == '-' || runs == 0 || runs > UINT32_MAX)
			argp_error(state, "--runs %s: not a number of runs; write 1 or more", arg);
		a->runs = (uint32_t)runs;
		return 0;
	}
	case ARGP_KEY_ARG:
		if (a->path)
			argp_error(state, "%s: shrink takes one program", arg);
		a->path = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "name a program");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options,
	parse,
	"FILE",
	"Makes a program that fails as short and plain as possible; the signature of its finding "
	"stays the same.\v"
	"Operations go by halves, lifetimes, one by one and in pairs; then orders, flags, CPUs, "
	"nodes and the machine "
	"become plainer. Findings with other signatures that are met on the way are named on "
	"stderr.\n\n"
	"Exit codes: 0 shrunk and written, 1 cannot be read or written, 5 the program shows no "
	"finding.",
	help_children,
	NULL,
	NULL,
};

static void note_other(const struct program *p, const struct outcome *outcome, void *others)
{
	(void)p;
	signatures_add(others, outcome->signature);
}

static int write_shrunk(const struct program *p, const struct shrink_arguments *a)
{
	size_t size = 0;
	char *text = text_of_program(p, &size);
	bool written = text && write_output(a->output, text, size);

	free(text);
	return !text ? EXIT_MEMORY : written ? EXIT_CLEAN : EXIT_USAGE;
}

static void tell(const struct shrink_arguments *a, const struct signatures *others, uint32_t before,
		 uint32_t after, uint32_t runs, const struct outcome *outcome)
{
	for (size_t i = 0; i < others->count; i++)
		fprintf(stderr, "lostbuddy: met on the way: %s\n", others->list[i]);
	fprintf(stderr, "lostbuddy: %s: %u operations to %u in %u runs, %s\n", a->path, before,
		after, runs, outcome->signature);
}

/* What the target prints when it dies, thousands of times, is kept from the terminal. */
static int shrink_with(struct judge *judge, struct program *p, const struct shrink_arguments *a)
{
	struct signatures others = { 0 };
	struct outcome outcome, last;
	struct noise noise;
	uint32_t before = p->nr_ops, runs = 0;

	noise_begin(&noise);
	bool clean = judge_run(judge, p, &outcome);

	if (!clean)
		runs = judge_shrink(judge, p, outcome.signature, a->runs, NULL, note_other,
				    &others);
	if (runs)
		judge_observe(judge, p, &last);
	noise_end(&noise);
	if (clean)
		fail("%s: nothing is wrong with it on target %s, so there is nothing to shrink",
		     a->path, a->target);
	else if (!runs)
		fail("%s: its finding (%s) does not show each time", a->path, outcome.signature);
	else
		tell(a, &others, before, p->nr_ops, runs, &outcome);
	signatures_free(&others);
	return runs ? write_shrunk(p, a) : EXIT_INCONCLUSIVE;
}

int verb_shrink(int argc, char **argv)
{
	struct shrink_arguments a = { .target = "core", .output = "-", .runs = DEFAULT_RUNS };
	struct program p;
	int code = EXIT_USAGE;

	if (argp_parse(&argp, argc, argv, 0, NULL, &a) != 0)
		return EXIT_USAGE;
	const struct lb_target *target = find_target(a.target);

	if (!target)
		return EXIT_USAGE;
	if (read_program(&p, a.path)) {
		struct judge *judge = closely_judge(target, &p, false);

		if (judge) {
			code = shrink_with(judge, &p, &a);
			judge_destroy(judge);
		}
	}
	program_free(&p);
	return code;
}
