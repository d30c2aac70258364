/*
 * How a finding is seen again: command lines that can be pasted into a shell in the folder where
 * the campaign ran, and what to do about a finding that its program alone does not show.
 */
#ifndef LOSTBUDDY_CAMPAIGN_AGAIN_H
#define LOSTBUDDY_CAMPAIGN_AGAIN_H

#include <stdio.h>

#include "campaign/findings.h"

/*
 * A word as a shell reads it: in quotes where it needs them. It stays on one line, so a control
 * character (in a name of a file, say) becomes `?', and such a word has to be typed by hand.
 */
void print_shell_word(FILE *out, const char *word);

/* The comments behind a written program: what it shows, how it was found, how to see it again. */
void print_origin(FILE *out, const struct findings_options *options, const struct finding *entry);

/* Why a finding that did not show again was not shrunk, and what helps. */
void print_unsteady(FILE *out, const struct findings_options *options);

#endif
