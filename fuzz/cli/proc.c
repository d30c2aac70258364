/* lostbuddy proc: what /proc shows of a machine right after boot. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "target/builtin.h"

enum { OPT_BOOT = 256 };

static const struct argp_option options[] = {
	{ "machine", 'm', "LINE|FILE", 0, "the machine: KEY=VALUE..., or a .machine file", 0 },
	{ "from-boot", OPT_BOOT, "DIR", 0,
	  "the machine of a real kernel's boot: DIR/dmesg, DIR/cmdline, DIR/node", 0 },
	{ 0 },
};

struct proc_arguments {
	const char *file, *machine, *boot;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct proc_arguments *a = state->input;

	switch (key) {
	case 'm':
		a->machine = arg;
		return 0;
	case OPT_BOOT:
		a->boot = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->file)
			argp_error(state, "name one file of /proc: buddyinfo");
		a->file = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->file || (a->machine && a->boot))
			argp_error(state,
				   "name one file of /proc (buddyinfo) and at most one machine");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options,
	parse,
	"FILE",
	"Boots a machine and prints a file of /proc, to the letter.\v"
	"FILE is buddyinfo. Without a machine, the default one.\n\n"
	"Exit codes: 0 printed, 1 no such file or no such machine (and why).\n\n"
	"Examples:\n"
	"  lostbuddy proc buddyinfo --machine 'nodes=2 cpus=4 pages=2048'\n"
	"  lostbuddy proc buddyinfo --from-boot corpus/machines/a-1n1c-128m",
	help_children,
	NULL,
	NULL,
};

static bool choose_machine(struct machine *m, const struct proc_arguments *a)
{
	if (a->boot)
		return read_boot(m, a->boot);
	if (a->machine)
		return read_machine(m, a->machine);
	machine_default(m);
	return true;
}

int verb_proc(int argc, char **argv)
{
	struct proc_arguments a = { 0 };
	char error[TARGET_ERROR_SIZE] = "";
	struct machine m;

	if (argp_parse(&argp, argc, argv, 0, NULL, &a) != 0 || !choose_machine(&m, &a))
		return EXIT_USAGE;
	size_t length = core_proc(&m, a.file, NULL, 0, error);

	if (length == 0)
		return fail("%s", error);
	char *text = malloc(length + 1);

	if (!text)
		return EXIT_MEMORY;
	core_proc(&m, a.file, text, length + 1, error);
	bool written = write_output("-", text, length);

	free(text);
	return written ? EXIT_CLEAN : EXIT_USAGE;
}
