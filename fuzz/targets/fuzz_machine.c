/*
 * Fuzz target: the parser of machines, the line and the `.machine` file. A machine that is read can
 * exist, and its canonical line is read as the same machine; one that is refused has a reason.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "program/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_round_trip(const struct machine *m)
{
	struct machine back;
	struct text_error error;
	size_t length = machine_print_line(m, NULL, 0);
	char *text = malloc(length + 1);

	must(text != NULL);
	must(machine_print_line(m, text, length + 1) == length);
	must(machine_parse_line(&back, text, &error));
	must(machine_equal(m, &back));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct machine m;
	struct text_error error;

	must(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	if (machine_parse_line(&m, text, &error)) {
		must(machine_check(&m, &error));
		check_round_trip(&m);
	} else {
		must(error.line > 0 && error.column > 0 && error.what[0]);
	}
	free(text);
	return 0;
}
