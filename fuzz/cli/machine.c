/* lostbuddy machine: check a machine and print its canonical line. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

enum { OPT_BOOT = 256, OPT_QUIET };

static const struct argp_option options[] = {
	{ "from-boot", OPT_BOOT, "DIR", 0,
	  "the machine of a real kernel's boot: DIR/dmesg, DIR/cmdline, DIR/node", 0 },
	{ "quiet", 'q', NULL, 0, "check only, print nothing", 0 },
	{ "output", 'o', "FILE", 0, "write to FILE instead of the standard output", 0 },
	{ 0 },
};

struct machine_arguments {
	const char *boot, *output;
	bool quiet;
	FILE *words; /* KEY=VALUE arguments, joined */
	char *text;
	size_t size, count;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct machine_arguments *a = state->input;

	switch (key) {
	case OPT_BOOT:
		a->boot = arg;
		return 0;
	case 'q':
		a->quiet = true;
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case ARGP_KEY_ARG:
		fprintf(a->words, "%s%s", a->count++ ? " " : "", arg);
		return 0;
	case ARGP_KEY_END:
		if (a->boot ? a->count != 0 : a->count == 0)
			argp_error(state, "name a machine: KEY=VALUE..., a file, or --from-boot "
					  "DIR (one of them)");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The keys come from the parser's table. */
static char *add_keys(int key, const char *text, void *input)
{
	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	static const char head[] = "\n\nKeys, separated by blanks:\n";
	size_t before = strlen(text) + sizeof(head), size = machine_print_keys(NULL, 0);
	char *page = malloc(before + size);

	if (!page)
		return (char *)text;
	snprintf(page, before, "%s%s", text, head);
	machine_print_keys(page + before - 1, size + 1);
	return page;
}

static const struct argp argp = {
	options,
	parse,
	"[KEY=VALUE...|FILE]",
	"Checks whether a machine can exist, and prints its canonical line.\v"
	"The line goes into a program behind `machine', into a .machine file, or to `lostbuddy "
	"fuzz --machine'.\n\n"
	"Exit codes: 0 it can exist, 1 it cannot (and why).\n\n"
	"Examples:\n"
	"  lostbuddy machine nodes=2 cpus=4 pages=2048\n"
	"  lostbuddy machine --from-boot corpus/machines/b-2n4c-2x512m",
	help_children,
	add_keys,
	NULL,
};

static int print_machine(const struct machine *m, const char *output)
{
	size_t size = machine_print_line(m, NULL, 0);
	char *line = malloc(size + 2);

	if (!line)
		return EXIT_MEMORY;
	machine_print_line(m, line, size + 1);
	line[size] = '\n';
	bool written = write_output(output, line, size + 1);

	free(line);
	return written ? EXIT_CLEAN : EXIT_USAGE;
}

int verb_machine(int argc, char **argv)
{
	struct machine_arguments a = { .output = "-" };
	struct machine m;
	int code = EXIT_USAGE;

	a.words = open_memstream(&a.text, &a.size);
	if (!a.words)
		return EXIT_MEMORY;
	bool parsed = argp_parse(&argp, argc, argv, 0, NULL, &a) == 0;

	if (fclose(a.words) == 0 && parsed &&
	    (a.boot ? read_boot(&m, a.boot) : read_machine(&m, a.text)))
		code = a.quiet ? EXIT_CLEAN : print_machine(&m, a.output);
	free(a.text);
	return code;
}
