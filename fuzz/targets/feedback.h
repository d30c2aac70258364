/*
 * What an engine sees of a run beside edges: features, each a small number, which a program had or
 * had not. Engines take them in different ways; the build links one of
 *
 *	feedback_counters.c	libFuzzer's extra counters (and tests)
 *	feedback_guards.c	edges of AFL++'s map that no code has
 */
#ifndef LOSTBUDDY_FEEDBACK_H
#define LOSTBUDDY_FEEDBACK_H

#include "target/target.h"

enum {
	/* 1, 2, 3, 4-7, 8-15, 16-31, 32-127, more: as engines class hits of edges. */
	FEEDBACK_CLASSES = 8,
	FEEDBACK_FEATURES = LB_PATH_COUNT * FEEDBACK_CLASSES,
};

/* The program in hand had feature number (below FEEDBACK_FEATURES). Engines forget before each input. */
void feedback(unsigned int feature);

#endif
