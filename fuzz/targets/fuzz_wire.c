/*
 * Fuzz target: the wire form. Any bytes are a program with all its invariants; encoding that and
 * decoding it again gives the same program, and so does the way through the text.
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

static void check_wire(const struct program *p)
{
	struct program back;
	size_t size = program_encode(p, NULL, 0);
	uint8_t *bytes = malloc(size);

	must(size > 0 && bytes != NULL);
	must(program_encode(p, bytes, size) == size);
	program_init(&back);
	must(program_decode(&back, bytes, size));
	must(program_equal(p, &back));
	program_free(&back);
	free(bytes);
}

static void check_text(const struct program *p)
{
	struct program back;
	struct text_error error;
	size_t length = program_print(p, NULL, 0);
	char *text = malloc(length + 1);

	must(text != NULL);
	program_print(p, text, length + 1);
	program_init(&back);
	must(program_parse(&back, text, length, &error));
	must(program_equal(p, &back));
	program_free(&back);
	free(text);
}

/* Mutants of what was decoded are programs too. */
static void check_mutants(struct program *p, uint64_t seed)
{
	struct program other;
	char why[256];

	program_init(&other);
	must(program_copy(&other, p));
	program_mutate(p, seed);
	must(program_check(p, why));
	program_cross(&other, p, seed);
	must(program_check(&other, why));
	program_free(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct program p;
	char why[256];

	program_init(&p);
	must(program_decode(&p, data, size));
	must(program_check(&p, why));
	check_wire(&p);
	check_text(&p);
	check_mutants(&p, size);
	program_free(&p);
	return 0;
}
