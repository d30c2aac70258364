/*
 * Benchmarks: how much work an operation is. The verb `lostbuddy bench` is bench_main().
 *
 *	lostbuddy bench [--json] [--list] [NAME...]
 *	lostbuddy bench NAME --repeat N [--empty]
 *
 * A row is one thing done over and over: page-pair-order-0 is alloc_pages and __free_pages of one
 * page. Instructions (user space only) are the unit: they hardly differ between runs. Cycles and
 * nanoseconds depend on the computer and on its other guests. Rows are measured by CPU time, so
 * operations per second are those of one CPU core. Where a row has a bar, a figure above it is
 * marked, and no failure. --repeat does a row's work and nothing else, for tools that look at a
 * process from outside; comparing revisions (bench/compare.py, `lostbuddy bench compare`) is one of
 * them.
 */
#ifndef LOSTBUDDY_BENCH_H
#define LOSTBUDDY_BENCH_H

/*
 * argv[0] is the verb. Prints a table, or with --json one object a line. Returns 0; 1 for an
 * unknown option or name.
 */
int bench_main(int argc, char **argv);

#endif
