/*
 * The rows of the benchmark: what is measured, on what.
 *
 * A row makes its subject (a booted machine, programs), is looped over by measure(), and throws it away.
 */
#ifndef LOSTBUDDY_BENCH_ROWS_H
#define LOSTBUDDY_BENCH_ROWS_H

#include "bench/measure.h"

#include <stddef.h>

struct bench_row {
	const char *name;
	const char *operation;	/* what one operation is */
	uint64_t sample;	/* operations that are counted where they differ; 0: none do */
	bool copies;		/* much, by instructions that repeat: only hardware counts them once */
	double bar;		/* instructions that an operation should take at most; 0: no bar */
	const char *bar_of;	/* or times as many as this row's, which stands before */
	bool may_lack;		/* not a failure where it cannot be measured */
	int value;		/* the order, the number of pages ... of this row */

	/* Returns the subject, or NULL with a sentence in why (256 bytes). */
	void *(*create)(int value, char *why);
	bench_loop *loop;	/* NULL: a size, not a loop */
	bench_loop *empty;	/* what of the loop is not to be measured; NULL: nothing */
	void (*destroy)(void *subject);
	uint64_t (*bytes)(void *subject);	/* of a size */
};

extern const struct bench_row core_rows[], diff_rows[];
extern const size_t nr_core_rows, nr_diff_rows;

#endif
