/*
 * lostbuddy show: a program of either form as text, or as bytes; the reference page of the
 * language.
 */
#include "cli/cli.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPT_LANGUAGE = 256, OPT_BYTES, OPT_REPAIR };

static const struct argp_option options[] = {
	{ "language", OPT_LANGUAGE, NULL, 0, "the reference page of the program language", 0 },
	{ "bytes", OPT_BYTES, NULL, 0, "write the wire form instead of text", 0 },
	{ "repair", OPT_REPAIR, NULL, 0, "drop lines that cannot be read, and say how many", 0 },
	{ "output", 'o', "FILE", 0, "write to FILE instead of the standard output", 0 },
	{ 0 },
};

struct show {
	const char *path, *output;
	bool language, bytes, repair;
};

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
	case ARGP_KEY_ARG:
		if (s->path)
			argp_error(state, "%s: show takes one program", arg);
		s->path = arg;
		return 0;
	case ARGP_KEY_END:
		if (!s->path && !s->language)
			argp_error(state, "name a program, or ask for --language");
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
	"form.\v"
	"Exit codes: 0 printed, 1 it cannot be read (file:line:column and what was expected).",
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
	FILE *file = fopen(path, "rb");
	char *text = NULL, chunk[4096];
	size_t size = 0, n;
	FILE *out = file ? open_memstream(&text, &size) : NULL;

	program_init(p);
	while (out && (n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		fwrite(chunk, 1, n, out);
	if (file)
		fclose(file);
	if (!out || fclose(out) != 0)
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
	if (s.repair ? repair_program(&p, s.path) : read_program(&p, s.path))
		code = s.bytes ? show_bytes(&p, &s) : show_text(&p, s.output);
	program_free(&p);
	return code;
}
