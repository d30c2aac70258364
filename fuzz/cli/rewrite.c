/* Observations go back into a text. See rewrite.h. */
#include "cli/rewrite.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/findings.h"

/* The first word of a line decides what it is. */
enum line_kind { LINE_OTHER, LINE_HEADER, LINE_MACHINE, LINE_OP };

static bool begins_with(const char *line, const char *word)
{
	size_t length = strlen(word);

	return strncmp(line, word, length) == 0 && !isalnum((unsigned char)line[length]) &&
	       line[length] != '_';
}

static enum line_kind kind_of(const char *line)
{
	line += strspn(line, " \t\r\n");
	if (*line == '\0' || *line == '#')
		return LINE_OTHER;
	if (begins_with(line, "lostbuddy"))
		return LINE_HEADER;
	return begins_with(line, "machine") ? LINE_MACHINE : LINE_OP;
}

static bool write_op(FILE *out, const struct program *p, uint32_t index, const char *old)
{
	size_t need = op_print(p, index, NULL, 0);
	char *line = malloc(need + 1);
	const char *remark = strchr(old, '#');

	if (!line)
		return false;
	op_print(p, index, line, need + 1);
	if (remark)
		fprintf(out, "%s  %s", line, remark);
	else
		fprintf(out, "%s\n", line);
	free(line);
	return true;
}

/* False: it is no text of one operation a line. */
static bool rewrite_lines(FILE *in, FILE *out, const struct program *p, bool *text)
{
	char *line = NULL;
	size_t room = 0;
	uint32_t index = 0;
	bool good = true;

	*text = false;
	while (good && getline(&line, &room, in) > 0) {
		enum line_kind kind = kind_of(line);

		*text |= kind == LINE_HEADER;
		if (kind == LINE_OP)
			good = *text && index < p->nr_ops && write_op(out, p, index++, line);
		else
			fputs(line, out);
	}
	free(line);
	return good && index == p->nr_ops;
}

char *rewrite_program(const char *path, const struct program *p, size_t *size)
{
	FILE *in = fopen(path, "r");
	char *text = NULL;
	FILE *out = in ? open_memstream(&text, size) : NULL;
	bool is_text = false, rewritten = out && rewrite_lines(in, out, p, &is_text);

	if (in)
		fclose(in);
	if (out && fclose(out) != 0)
		rewritten = is_text = false;
	if (rewritten)
		return text;
	free(text);
	return is_text ? text_of_program(p, size) : NULL;
}
