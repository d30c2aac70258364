/* Observations go back into a text without losing its comments. */
#ifndef LOSTBUDDY_CLI_REWRITE_H
#define LOSTBUDDY_CLI_REWRITE_H

#include <stddef.h>

#include "program/program.h"

/*
 * rewrite_program - the text in the file at path, with each operation's line printed anew from *p.
 * Comments, blank lines and the machine stay as they are. A text whose lines are not one an
 * operation (repeat) comes out in its canonical form. Returns memory of its own; NULL if the
 * file is not text, or without memory.
 */
char *rewrite_program(const char *path, const struct program *p, size_t *size);

#endif
