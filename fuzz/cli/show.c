/*
 * lostbuddy show: a program of either form as text, or as bytes; the reference page of the
 * language; a map of the memory that a program leaves.
 */
#include "cli/cli.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPT_LANGUAGE = 256, OPT_BYTES, OPT_REPAIR, OPT_MAP, OPT_SVG, OPT_BOOT, OPT_WIDTH };

static const struct argp_option options[] = {
	{ "language", OPT_LANGUAGE, NULL, 0, "the reference page of the program language", 0 },
	{ "bytes", OPT_BYTES, NULL, 0, "write the wire form instead of text", 0 },
	{ "repair", OPT_REPAIR, NULL, 0, "drop lines that cannot be read, and say how many", 0 },
	{ "output", 'o', "FILE", 0, "write to FILE instead of the standard output", 0 },
	{ "map", OPT_MAP, NULL, 0, "a map of memory after the program, or right after boot", 1 },
	{ "svg", OPT_SVG, "FILE", 0, "the map as a picture in FILE (- is the standard output)", 1 },
	{ "machine", 'm', "LINE|FILE", 0,
	  "the map's machine, if not the program's: KEY=VALUE..., or a .machine file", 1 },
	{ "from-boot", OPT_BOOT, "DIR", 0, "... or that of a real kernel's boot", 1 },
	{ "width", OPT_WIDTH, "COLUMNS", 0, "of the map; the terminal's if not said, else 80", 1 },
	{ 0 },
};

struct show {
	const char *path, *output;
	bool language, bytes, repair, map;
	struct map_request request;
};

static error_t parse_map(int key, char *arg, struct show *s, struct argp_state *state)
{
	char *end;

	switch (key) {
	case OPT_SVG:
		s->request.svg = arg;
		break;
	case OPT_BOOT:
		s->request.machine.boot = arg;
		break;
	case 'm':
		s->request.machine.line_or_file = arg;
		break;
	case OPT_WIDTH:
		s->request.width = (unsigned int)strtoul(arg, &end, 10);
		if (*end || s->request.width < 40 || s->request.width > 1000)
			argp_error(state, "--width %s: expected 40 to 1000 columns", arg);
		break;
	default:
		break;
	}
	s->map = true;
	return 0;
}

/* Which of the things that show shows; what does not go together is said here. */
static void check(const struct show *s, struct argp_state *state)
{
	if (!s->path && !s->language && !s->map)
		argp_error(state, "name a program, or ask for --language or --map");
	if (s->map && (s->bytes || s->repair || s->language))
		argp_error(state, "a map, --bytes, --repair and --language do not go together");
	if (s->request.machine.boot && s->request.machine.line_or_file)
		argp_error(state, "--machine and --from-boot: give one of them");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct show *s = state->input;

	switch (key) {
	case OPT_LANGUAGE:
		s->language = true;
		return 0;
	case OPT_BYTES:
		s->bytes = true;
		return 0;
	case OPT_REPAIR:
		s->repair = true;
		return 0;
	case 'o':
		s->output = arg;
		return 0;
	case OPT_MAP:
	case OPT_SVG:
	case OPT_WIDTH:
	case OPT_BOOT:
	case 'm':
		return parse_map(key, arg, s, state);
	case ARGP_KEY_ARG:
		if (s->path)
			argp_error(state, "%s: show takes one program", arg);
		s->path = arg;
		return 0;
	case ARGP_KEY_END:
		check(s, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options,
	parse,
	"[FILE]",
	"Prints a program (.lb text or .bin bytes; - is the standard input) in its canonical text "
	"form; or a map of the memory that it leaves.\v"
	"A map shows nodes, zones and pageblocks by type, what is in use and the free blocks, as "
	"the reference allocator leaves them when the program has run. Machines of up to 4096 "
	"pages are drawn frame by frame, larger ones by pageblocks. --svg, --machine, --from-boot "
	"and --width ask for a map by themselves.\n\n"
	"Exit codes: 0 printed, 1 it cannot be read (file:line:column and what was expected).\n\n"
	"Examples:\n"
	"  lostbuddy show corpus/seeds/tiny.lb\n"
	"  lostbuddy show --map corpus/seeds/two-nodes.lb\n"
	"  lostbuddy show --svg map.svg --from-boot corpus/machines/c-4n4c-6g-asym",
	help_children,
	NULL,
	NULL,
};

static int show_language(const char *output)
{
	size_t size = language_print(NULL, 0);
	char *page = malloc(size + 1);

	if (!page)
		return EXIT_MEMORY;
	language_print(page, size + 1);
	bool written = write_output(output, page, size);

	free(page);
	return written ? EXIT_CLEAN : EXIT_USAGE;
}

static int show_text(const struct program *p, const char *output)
{
	size_t size = 0;
	char *text = text_of_program(p, &size);
	bool written = text && write_output(output, text, size);

	free(text);
	return !text ? EXIT_MEMORY : written ? EXIT_CLEAN : EXIT_USAGE;
}

static int show_bytes(const struct program *p, const struct show *s)
{
	size_t size = 0;

	if (strcmp(s->output, "-") == 0 && isatty(STDOUT_FILENO))
		return fail("--bytes: the wire form is not for terminals; redirect it, or name a "
			    "file with -o");
	uint8_t *bytes = bytes_of_program(p, &size);
	int code = EXIT_CLEAN;

	if (!bytes)
		return EXIT_MEMORY;
	if (size == 0)
		code = fail(
			"%s: its machine is too large for the wire form (fuzz-size machines only)",
			s->path);
	else if (!write_output(s->output, bytes, size))
		code = EXIT_USAGE;
	free(bytes);
	return code;
}

static bool repair_program(struct program *p, const char *path)
{
	size_t size = 0;
	char *text = read_whole_file(path, &size);

	program_init(p);
	if (!text)
		return fail("%s: cannot be read", path), false;
	uint32_t dropped = program_parse_repairing(p, text, size);

	if (dropped)
		fprintf(stderr, "lostbuddy: %s: %u lines dropped\n", path, dropped);
	free(text);
	return true;
}

int verb_show(int argc, char **argv)
{
	struct show s = { .output = "-" };
	struct program p;
	int code = EXIT_USAGE;

	if (argp_parse(&argp, argc, argv, 0, NULL, &s) != 0)
		return EXIT_USAGE;
	if (s.language)
		return show_language(s.output);
	if (s.map) {
		s.request.program = s.path;
		s.request.output = s.output;
		return show_map(&s.request);
	}
	if (s.repair ? repair_program(&p, s.path) : read_program(&p, s.path))
		code = s.bytes ? show_bytes(&p, &s) : show_text(&p, s.output);
	program_free(&p);
	return code;
}
