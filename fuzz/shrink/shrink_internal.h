/* Between the shrinker's files: the simpler machines next to a machine. */
#ifndef LOSTBUDDY_SHRINK_INTERNAL_H
#define LOSTBUDDY_SHRINK_INTERNAL_H

#include "program/machine.h"

/* Number of simplifications there are to try, each by its number. */
unsigned int machine_simplifications(void);

/*
 * machine_simplify - apply one simplification.
 * Returns true iff that gives a simpler machine that can exist; *to is written only then.
 * Simplifications do not go round in circles.
 */
bool machine_simplify(struct machine *to, const struct machine *from, unsigned int which);

#endif
