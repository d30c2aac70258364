/*
 * Fuzz target: the parser of programs. A text that is read must print to a text that is read as the
 * same program, and print the same again; one that is refused must say where. Repairing makes a
 * program of anything.
 */
#include <stdint.h>
#include <stdlib.h>

#include "program/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* The canonical text; the caller frees it. */
static char *print(const struct program *p, size_t *length)
{
	char *text;

	*length = program_print(p, NULL, 0);
	text = malloc(*length + 1);
	must(text != NULL);
	must(program_print(p, text, *length + 1) == *length);
	return text;
}

static void check_round_trip(const struct program *p)
{
	struct program back;
	struct text_error error;
	size_t length, again;
	char *text = print(p, &length), *second;

	program_init(&back);
	must(program_parse(&back, text, length, &error));
	must(program_equal(p, &back));
	second = print(&back, &again);
	must(again == length);
	for (size_t i = 0; i < length; i++)
		must(text[i] == second[i]);
	free(text);
	free(second);
	program_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct program p;
	struct text_error error;
	char why[256];

	program_init(&p);
	if (program_parse(&p, (const char *)data, size, &error))
		check_round_trip(&p);
	else
		must(error.line > 0 && error.column > 0 && error.what[0]);
	must(program_check(&p, why));
	program_parse_repairing(&p, (const char *)data, size);
	must(program_check(&p, why));
	program_free(&p);
	return 0;
}
