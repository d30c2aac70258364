/*
 * A set of signatures: which findings are known already. Insertion order is kept.
 *
 * As a file: one signature a line; empty lines and lines that begin with # are skipped.
 * Kept small on purpose (a campaign has few distinct findings): a list, searched from the front.
 */
#ifndef LOSTBUDDY_CAMPAIGN_SIGNATURES_H
#define LOSTBUDDY_CAMPAIGN_SIGNATURES_H

#include <stdbool.h>
#include <stddef.h>

struct signatures {
	char **list;
	size_t count, capacity;
};

void signatures_free(struct signatures *s);
bool signatures_has(const struct signatures *s, const char *signature);

/* Adds one that is not there yet. False: it was there, or there is no memory. */
bool signatures_add(struct signatures *s, const char *signature);

/* Adds what a file lists. False: the file cannot be read (errno says why). */
bool signatures_read(struct signatures *s, const char *path);

#endif
