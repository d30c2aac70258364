/*
 * What targets print when they die (failed assertions, sanitizer reports) goes into a file without
 * a name while a campaign runs: it would drown the campaign's own words, and its beginning and end
 * belong into the explanation of a finding.
 *
 * Works on file descriptor 2 of the whole process, because workers inherit that. Without room for a
 * temporary file everything is as if there were no noise: it stays on stderr.
 */
#ifndef LOSTBUDDY_CAMPAIGN_NOISE_H
#define LOSTBUDDY_CAMPAIGN_NOISE_H

#include <stddef.h>
#include <stdio.h>

enum { NOISE_WORDS = 16384 }; /* bytes: a sanitizer's report, whole in most cases */

struct noise {
	FILE *file;  /* NULL: not caught */
	int real;    /* the true stderr */
	FILE *notes; /* the true stderr, for the campaign's own words */
};

void noise_begin(struct noise *n);
void noise_end(struct noise *n);

/* Forgets what was printed so far. */
void noise_clear(struct noise *n);

/*
 * What was printed, from the head of a sanitizer's report on where there is one: its first lines
 * name the error and the place. Of more than fits, the middle is left out, and that is said. At
 * most size - 1 bytes and a 0; size is at least 128. Returns their number.
 */
size_t noise_words(struct noise *n, char *buffer, size_t size);

#endif
