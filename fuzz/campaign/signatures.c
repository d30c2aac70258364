/* A set of signatures. See signatures.h. */
#include "campaign/signatures.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void signatures_free(struct signatures *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->list[i]);
	free(s->list);
	*s = (struct signatures){ 0 };
}

bool signatures_has(const struct signatures *s, const char *signature)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->list[i], signature) == 0)
			return true;
	return false;
}

static bool make_room(struct signatures *s)
{
	if (s->count < s->capacity)
		return true;
	size_t capacity = s->capacity ? 2 * s->capacity : 16;
	char **list = realloc(s->list, capacity * sizeof(*list));

	if (!list)
		return false;
	s->list = list;
	s->capacity = capacity;
	return true;
}

bool signatures_add(struct signatures *s, const char *signature)
{
	assert(s->count <= s->capacity);
	if (signatures_has(s, signature) || !make_room(s))
		return false;
	s->list[s->count] = strdup(signature);
	if (!s->list[s->count])
		return false;
	s->count++;
	return true;
}

bool signatures_read(struct signatures *s, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[512];

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] && line[0] != '#')
			signatures_add(s, line);
	}
	bool read = !ferror(file);

	fclose(file);
	return read;
}
