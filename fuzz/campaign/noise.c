/* What targets print when they die. See noise.h. */
#include "campaign/noise.h"

#include <assert.h>
#include <fcntl.h>
#include <unistd.h>

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
		return; /* then the tail is that of more than was asked for */
}

size_t noise_tail(struct noise *n, char *buffer, size_t size)
{
	ssize_t got = 0;

	assert(size > 0);
	fflush(stderr);
	if (n->file) {
		off_t end = lseek(fileno(n->file), 0, SEEK_END);
		off_t start = end > (off_t)size - 1 ? end - (off_t)size + 1 : 0;

		got = pread(fileno(n->file), buffer, size - 1, start);
	}
	if (got < 0)
		got = 0;
	buffer[got] = '\0';
	return (size_t)got;
}
