/*
 * The tiny worlds that are enumerated when nobody names a machine, and the moves that are made when
 * nobody names any: 12 for each shape of machine.
 */
#ifndef LOSTBUDDY_ENUMERATE_WORLDS_H
#define LOSTBUDDY_ENUMERATE_WORLDS_H

#include "program/program.h"

struct world {
	const char *name;
	const char *machine; /* its line */
	const char *moves;   /* lines, divided by `;' */
	const char *what;    /* what is special about it, in a few words */
};

/* NULL: there are no more. */
const struct world *world_number(unsigned int number);
const struct world *world_named(const char *name);

/* The moves for a machine that somebody named. */
const char *moves_for(const struct machine *machine);

#endif
