/*
 * Reading and writing text: a cursor that knows its line, errors that are sentences, a printer that
 * counts.
 *
 * An error is set once, where it is found; every function that can fail returns false then, up to
 * the caller. The column counts bytes from 1, as editors do for ASCII.
 */
#include <errno.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "program/internal.h"

void cursor_init(struct cursor *c, const char *text, size_t size, struct text_error *error)
{
	*c = (struct cursor){
		.at = text, .end = text + size, .line_start = text, .line = 1, .error = error
	};
	error->line = error->column = 0;
	error->what[0] = '\0';
}

bool error_at(struct text_error *error, unsigned int line, unsigned int column, const char *format,
	      va_list list)
{
	error->line = line;
	error->column = column;
	vsnprintf(error->what, sizeof(error->what), format, list);
	return false;
}

bool cursor_fail(struct cursor *c, const char *at, const char *format, ...)
{
	assert(at >= c->line_start && at <= c->end);

	va_list list;

	va_start(list, format);
	error_at(c->error, c->line, (unsigned int)(at - c->line_start) + 1, format, list);
	va_end(list);
	return false;
}

bool error_set(struct text_error *error, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	error_at(error, 0, 0, format, list);
	va_end(list);
	return false;
}

void cursor_skip_blanks(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\r'))
		c->at++;
}

bool cursor_at_line_end(const struct cursor *c)
{
	return c->at >= c->end || *c->at == '\n' || *c->at == '#';
}

void cursor_skip_lines(struct cursor *c)
{
	for (;;) {
		cursor_skip_blanks(c);
		if (c->at < c->end && *c->at == '#')
			while (c->at < c->end && *c->at != '\n')
				c->at++;
		if (c->at >= c->end || *c->at != '\n')
			return;
		c->at++;
		c->line++;
		c->line_start = c->at;
	}
}

bool cursor_take(struct cursor *c, char wanted)
{
	if (c->at >= c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

bool cursor_expect(struct cursor *c, char wanted, const char *after)
{
	char found[40];

	if (cursor_take(c, wanted))
		return true;
	return cursor_fail(c, c->at, "expected `%c` after %s, found %s", wanted, after,
			   cursor_found(c, found));
}

static bool is_word(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
	       ch == '_' || ch == '-' || ch == '.';
}

size_t cursor_word(const struct cursor *c)
{
	const char *at = c->at;

	while (at < c->end && is_word(*at))
		at++;
	return (size_t)(at - c->at);
}

bool cursor_word_is(const struct cursor *c, size_t length, const char *word)
{
	return strlen(word) == length && memcmp(c->at, word, length) == 0;
}

static int digit_of(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	if (ch >= 'a' && ch <= 'f')
		return ch - 'a' + 10;
	if (ch >= 'A' && ch <= 'F')
		return ch - 'A' + 10;
	return 99;
}

bool cursor_number(struct cursor *c, uint64_t max, const char *what, uint64_t *value)
{
	const char *start = c->at;
	char found[40];
	unsigned int base = 10;

	*value = 0;
	if (c->end - c->at > 2 && c->at[0] == '0' && c->at[1] == 'x') {
		base = 16;
		c->at += 2;
	}
	if (c->at >= c->end || digit_of(*c->at) >= (int)base) {
		c->at = start;
		return cursor_fail(c, start, "expected %s, a number up to %llu, found %s", what,
				   (unsigned long long)max, cursor_found(c, found));
	}
	for (; c->at < c->end && digit_of(*c->at) < (int)base; c->at++) {
		uint64_t digit = (uint64_t)digit_of(*c->at);

		if (*value > (UINT64_MAX - digit) / base || (*value = *value * base + digit) > max)
			return cursor_fail(c, start,
					   "this number is too large: expected %s, at most %llu",
					   what, (unsigned long long)max);
	}
	if (c->at < c->end && (isalpha((unsigned char)*c->at) || *c->at == '_')) {
		c->at = start;
		return cursor_fail(c, start, "expected %s, a number up to %llu, found %s", what,
				   (unsigned long long)max, cursor_found(c, found));
	}
	return true;
}

const char *cursor_found(const struct cursor *c, char buffer[40])
{
	size_t length = cursor_word(c);

	if (c->at >= c->end || *c->at == '\n')
		return "the end of the line";
	if (*c->at == '#')
		return "a comment";
	if (length == 0 && (*c->at < ' ' || *c->at > '~'))
		snprintf(buffer, 40, "byte 0x%02x", (unsigned int)(unsigned char)*c->at);
	else if (length == 0)
		snprintf(buffer, 40, "`%c`", *c->at);
	else
		snprintf(buffer, 40, "`%.*s%s`", length > 30 ? 30 : (int)length, c->at,
			 length > 30 ? "..." : "");
	return buffer;
}

/* ---- Names that are nearly right ---- */

enum { NEAR_LENGTH = 32 };

/* Letters to insert, drop or change to come from one word to the other. */
static unsigned int edit_distance(const char *a, size_t a_length, const char *b)
{
	size_t b_length = strlen(b);
	unsigned int row[NEAR_LENGTH + 1];

	if (a_length > NEAR_LENGTH || b_length > NEAR_LENGTH)
		return UINT32_MAX;
	for (unsigned int k = 0; k <= b_length; k++)
		row[k] = k;
	for (size_t i = 0; i < a_length; i++) {
		unsigned int corner = row[0];

		row[0] = (unsigned int)i + 1;
		for (size_t k = 0; k < b_length; k++) {
			unsigned int change = corner + (a[i] != b[k]);

			corner = row[k + 1];
			row[k + 1] = corner + 1 < change ? corner + 1 : change;
			if (row[k] + 1 < row[k + 1])
				row[k + 1] = row[k] + 1;
		}
	}
	return row[b_length];
}

const char *nearest_name(const char *word, size_t length, const char *(*name)(unsigned int index))
{
	const char *best = NULL;
	unsigned int best_distance = (unsigned int)length / 3 + 2;

	for (unsigned int i = 0; name(i); i++) {
		unsigned int distance = edit_distance(word, length, name(i));

		if (distance < best_distance) {
			best_distance = distance;
			best = name(i);
		}
	}
	return best;
}

/* ---- Files ---- */

static bool read_all(FILE *file, char **text, size_t *size)
{
	size_t capacity = 0;

	for (*size = 0;;) {
		if (*size + 1 >= capacity) {
			char *grown = realloc(*text, capacity = capacity ? 2 * capacity : 65536);

			if (!grown)
				return false;
			*text = grown;
		}
		size_t got = fread(*text + *size, 1, capacity - *size - 1, file);

		*size += got;
		if (got == 0)
			break;
	}
	(*text)[*size] = '\0';
	return !ferror(file);
}

char *text_read_file(const char *path, size_t *size, struct text_error *error)
{
	char *text = NULL;
	FILE *file = fopen(path, "rb");

	if (!file) {
		error_set(error, "%s cannot be read: %s", path, strerror(errno));
		return NULL;
	}
	errno = 0;
	if (!read_all(file, &text, size)) {
		error_set(error, "%s cannot be read: %s", path,
			  errno ? strerror(errno) : "no memory");
		free(text);
		text = NULL;
	}
	fclose(file);
	return text;
}

/* ---- Printing ---- */

void print_add(struct printer *out, const char *format, ...)
{
	size_t room = out->size > out->length ? out->size - out->length : 0;
	va_list list;

	va_start(list, format);
	int length = vsnprintf(room ? out->buffer + out->length : NULL, room, format, list);
	va_end(list);
	assert(length >= 0);
	out->length += (size_t)length;
}

void print_folded(struct printer *out, size_t width, const char *text)
{
	enum { INDENT = 8 };

	assert(width > INDENT);
	while (*text) {
		size_t length = strlen(text), room = width - INDENT;

		if (length > room) {
			for (length = room; length > 0 && text[length] != ' '; length--)
				;
			length = length ? length : room;
		}
		print_add(out, "        %.*s\n", (int)length, text);
		text += length;
		while (*text == ' ')
			text++;
	}
}
