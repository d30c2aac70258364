/* What targets print when they die. See noise.h. */
#define _GNU_SOURCE
#include "campaign/noise.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WORDS_LEFT_OUT = 64 }; /* bytes: room for the sentence that says what is left out */

void noise_begin(struct noise *n)
{
	*n = (struct noise){ .file = tmpfile(), .real = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3) };

	fflush(stderr);
	if (n->real >= 0)
		n->notes = fdopen(n->real, "w");
	if (n->file && n->notes) {
		/* Appending, so that a file that was cut short is written on from its new end. */
		fcntl(fileno(n->file), F_SETFL, O_APPEND);
		dup2(fileno(n->file), STDERR_FILENO);
		return;
	}
	if (n->file)
		fclose(n->file);
	n->file = NULL;
}

void noise_end(struct noise *n)
{
	fflush(stderr);
	if (n->file) {
		dup2(n->real, STDERR_FILENO);
		fclose(n->file);
	}
	if (n->notes)
		fclose(n->notes);
	else if (n->real >= 0)
		close(n->real);
	*n = (struct noise){ .real = -1 };
}

void noise_clear(struct noise *n)
{
	fflush(stderr);
	if (n->file && ftruncate(fileno(n->file), 0) != 0)
		return; /* then the words are those of more than was asked for */
}

/* Where the first report of a sanitizer begins (`==PID==ERROR: ...'); 0: there is none. */
static size_t start_of_report(const char *text, size_t size)
{
	static const char word[] = "==ERROR: ";
	const char *found = memmem(text, size, word, sizeof(word) - 1);

	while (found && found > text && found[-1] != '\n')
		found--;
	return found ? (size_t)(found - text) : 0;
}

/* The first and the last of a text that is longer than the buffer, in halves of it. */
static size_t leave_out_middle(const char *text, size_t length, char *buffer, size_t size)
{
	size_t half = (size - WORDS_LEFT_OUT) / 2;

	memcpy(buffer, text, half);
	size_t used = half + (size_t)snprintf(buffer + half, WORDS_LEFT_OUT,
					      "\n[%zu bytes are left out]\n", length - 2 * half);

	memcpy(buffer + used, text + length - half, half);
	return used + half;
}

static size_t excerpt(const char *text, size_t length, char *buffer, size_t size)
{
	size_t start = start_of_report(text, length);

	text += start;
	length -= start;
	if (length >= size)
		return leave_out_middle(text, length, buffer, size);
	memcpy(buffer, text, length);
	return length;
}

/* Workers only append, so what is mapped here stays. */
size_t noise_words(struct noise *n, char *buffer, size_t size)
{
	size_t got = 0;

	assert(size >= 2 * WORDS_LEFT_OUT);
	fflush(stderr);
	off_t end = n->file ? lseek(fileno(n->file), 0, SEEK_END) : 0;

	if (end > 0) {
		char *text = mmap(NULL, (size_t)end, PROT_READ, MAP_PRIVATE, fileno(n->file), 0);

		if (text != MAP_FAILED) {
			got = excerpt(text, (size_t)end, buffer, size);
			munmap(text, (size_t)end);
		}
	}
	buffer[got] = '\0';
	return got;
}
