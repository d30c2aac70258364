/* Programs and explanations as texts in memory of their own. */
#include "campaign/findings.h"

#include <assert.h>
#include <stdlib.h>

char *text_of_program(const struct program *p, size_t *size)
{
	size_t need = program_print(p, NULL, 0);
	char *text = malloc(need + 1);

	if (!text)
		return NULL;
	*size = program_print(p, text, need + 1);
	assert(*size == need);
	return text;
}

uint8_t *bytes_of_program(const struct program *p, size_t *size)
{
	size_t need = program_encode(p, NULL, 0);
	uint8_t *bytes = malloc(need + 1);

	if (!bytes)
		return NULL;
	*size = need ? program_encode(p, bytes, need) : 0;
	assert(*size == need);
	return bytes;
}

/* An explanation costs a run, so the first guess of its size is generous. */
char *text_of_explanation(struct judge *j, const struct program *p, size_t *size)
{
	size_t room = 1 << 16;
	char *text = NULL;

	for (;;) {
		char *more = realloc(text, room);

		if (!more) {
			free(text);
			return NULL;
		}
		text = more;
		*size = judge_explain(j, p, text, room);
		if (*size < room)
			return text;
		room = *size + 1;
	}
}
