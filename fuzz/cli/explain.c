/* lostbuddy explain: where a program goes wrong, and what should have been. */
#include "cli/cli.h"

#include <stdlib.h>

static const struct argp_option options[] = {
	OPTION_TARGET,
	{ "output", 'o', "FILE", 0, "write to FILE instead of the standard output", 0 },
	{ 0 },
};

struct explain {
	const char *path, *target, *output;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct explain *e = state->input;

	switch (key) {
	case 't':
		e->target = arg;
		return 0;
	case 'o':
		e->output = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (e->path)
			argp_error(state, "%s: explain takes one program", arg);
		e->path = arg;
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
	"Shows the program up to where it goes wrong, both states side by side there, and the rule "
	"that is broken.\v"
	"Exit codes: 0 nothing is wrong, 1 it cannot be read, 77 something is wrong (and was "
	"explained).",
	help_children,
	NULL,
	NULL,
};

static int explain_with(struct judge *judge, const struct program *p, const struct explain *e)
{
	struct outcome outcome;
	size_t size = 0;
	bool clean = judge_run(judge, p, &outcome);
	char *text = text_of_explanation(judge, p, &size);
	bool written = text && write_output(e->output, text, size);

	free(text);
	if (!text)
		return EXIT_MEMORY;
	return !written ? EXIT_USAGE : clean ? EXIT_CLEAN : EXIT_FINDING;
}

int verb_explain(int argc, char **argv)
{
	struct explain e = { .target = "core", .output = "-" };
	struct program p;
	int code = EXIT_USAGE;

	if (argp_parse(&argp, argc, argv, 0, NULL, &e) != 0)
		return EXIT_USAGE;
	const struct lb_target *target = find_target(e.target);

	if (!target)
		return EXIT_USAGE;
	program_init(&p);
	if (may_report_into(e.output) && read_program(&p, e.path)) {
		struct judge *judge = closely_judge(target, &p, false);

		if (judge) {
			code = explain_with(judge, &p, &e);
			judge_destroy(judge);
		}
	}
	program_free(&p);
	return code;
}
