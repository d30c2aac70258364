/*
 * What targets print when they die (failed assertions, sanitizer reports) goes into a file without
 * a name while a campaign runs: it would drown the campaign's own words, and its end belongs into
 * the explanation of a finding.
 *
 * Works on file descriptor 2 of the whole process, because workers inherit that. Without room for a
 * temporary file everything is as if there were no noise: it stays on stderr.
 */
#ifndef LOSTBUDDY_CAMPAIGN_NOISE_H
#define LOSTBUDDY_CAMPAIGN_NOISE_H

#include <stddef.h>
#include <stdio.h>

struct noise {
	FILE *file;  /* NULL: not caught */
	int real;    /* the true stderr */
	FILE *notes; /* the true stderr, for the campaign's own words */
};

void noise_begin(struct noise *n);
void noise_end(struct noise *n);

/* Forgets what was printed so far. */
void noise_clear(struct noise *n);

/* The last of what was printed: at most size - 1 bytes and a 0. Returns their number. */
size_t noise_tail(struct noise *n, char *buffer, size_t size);

#endif
