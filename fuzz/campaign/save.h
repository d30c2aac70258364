/*
 * Files that are there whole or not at all: written under a temporary name, synced, renamed.
 */
#ifndef LOSTBUDDY_CAMPAIGN_SAVE_H
#define LOSTBUDDY_CAMPAIGN_SAVE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * save_file - write size bytes to dir/name.
 * Returns false with a sentence in why (what could not be done, to which file, and the reason
 * of the system); then dir/name is as it was before, and no temporary file is left.
 */
bool save_file(const char *dir, const char *name, const void *bytes, size_t size, char why[512]);

/*
 * Makes a folder and those above it that are missing, and finds out whether files can be
 * written there.
 */
bool save_folder(const char *dir, char why[512]);

#endif
