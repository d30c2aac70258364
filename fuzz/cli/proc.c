/* lostbuddy proc: what /proc shows of a machine, right after boot or after a program. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "target/builtin.h"

enum { OPT_BOOT = 256 };

static const struct argp_option options[] = {
	{ "machine", 'm', "LINE|FILE", 0, "the machine: KEY=VALUE..., or a .machine file", 0 },
	{ "from-boot", OPT_BOOT, "DIR", 0,
	  "the machine of a real kernel's boot: DIR/dmesg, DIR/cmdline, DIR/node, DIR/zoneinfo",
	  0 },
	{ "output", 'o', "FILE", 0, "write to FILE instead of the standard output", 0 },
	{ 0 },
};

struct proc_arguments {
	const char *file, *program, *output;
	struct chosen_machine machine;
};

static bool is_file(const char *name)
{
	for (unsigned int i = 0; core_proc_name(i); i++)
		if (strcmp(core_proc_name(i), name) == 0)
			return true;
	return false;
}

static void take_argument(struct proc_arguments *a, const char *arg, struct argp_state *state)
{
	if (a->program)
		argp_error(state, "%s: proc takes one file of /proc and one program", arg);
	else if (a->file)
		a->program = arg;
	else if (is_file(arg))
		a->file = arg;
	else
		argp_error(state, "%s: no such file of /proc; `lostbuddy proc --help' lists them",
			   arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct proc_arguments *a = state->input;

	switch (key) {
	case 'm':
		a->machine.line_or_file = arg;
		return 0;
	case OPT_BOOT:
		a->machine.boot = arg;
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case ARGP_KEY_ARG:
		take_argument(a, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (!a->file || (a->machine.line_or_file && a->machine.boot))
			argp_error(state, "name one file of /proc, such as zoneinfo, and at most "
					  "one machine");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options,
	parse,
	"FILE [PROGRAM]",
	"Boots a machine of the reference allocator, runs a program on it if one is given, and "
	"prints a file of /proc, to the letter.\v"
	"FILE is one of\n"
	"  buddyinfo     free blocks by zone and order\n"
	"  pagetypeinfo  the same by type, and pageblocks by type\n"
	"  zoneinfo      sizes, marks, reserves, page sets of every zone\n"
	"  vmstat        counters of the whole machine\n"
	"  meminfo       memory in kbytes\n"
	"  show_mem      free blocks as in the report of a kernel out of memory\n"
	"  hardware      as numactl --hardware\n"
	"  zonelists     fallback orders and zonelists as in the boot log\n\n"
	"What the virtual machine does not count is 0. Without a machine: the program's, or the "
	"default one. What a program holds at its end is shown as held.\n\n"
	"--from-boot boots as that kernel did: Movable zones follow from its command line; how "
	"much it kept for itself, and freed late, comes from its zoneinfo and log; all else is "
	"derived, and can be compared with DIR/zoneinfo.\n\n"
	"Exit codes: 0 printed, 1 no such file, program or machine (and why).\n\n"
	"Examples:\n"
	"  lostbuddy proc buddyinfo --machine 'nodes=2 cpus=4 pages=2048'\n"
	"  lostbuddy proc pagetypeinfo corpus/seeds/migratetypes-fall-back.lb\n"
	"  lostbuddy proc zoneinfo --from-boot corpus/machines/e1-2n-kernelcore256M",
	help_children,
	NULL,
	NULL,
};

struct printed {
	const char *file;
	char *text;
	size_t length;
};

static void print_file(void *instance, void *data)
{
	struct printed *p = data;

	p->length = core_proc(instance, p->file, NULL, 0);
	p->text = malloc(p->length + 1);
	if (p->text)
		core_proc(instance, p->file, p->text, p->length + 1);
}

int verb_proc(int argc, char **argv)
{
	struct proc_arguments a = { .output = "-" };
	struct program p;
	int code = EXIT_USAGE;

	if (argp_parse(&argp, argc, argv, 0, NULL, &a) != 0)
		return EXIT_USAGE;
	struct printed printed = { .file = a.file };

	if (read_shown(&p, a.program, &a.machine))
		code = carry_out_and_look(&p, print_file, &printed);
	if (code == EXIT_CLEAN && !printed.text)
		code = EXIT_MEMORY;
	if (code == EXIT_CLEAN && !write_output(a.output, printed.text, printed.length))
		code = EXIT_USAGE;
	free(printed.text);
	program_free(&p);
	return code;
}
