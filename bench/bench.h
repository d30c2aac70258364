/*
 * Benchmarks: how much work an operation is. The verb `lostbuddy bench` is bench_main().
 *
 *	lostbuddy bench [--json] [--list] [NAME...]
 *
 * A row is one thing done over and over: page-pair-order-0 is alloc_pages and __free_pages of one page. Instructions
 * (user space only) are the unit: they hardly differ between runs. Cycles and nanoseconds depend on the computer and
 * on its other guests. Rows are measured by CPU time, so operations per second are those of one CPU core.
 */
#ifndef LOSTBUDDY_BENCH_H
#define LOSTBUDDY_BENCH_H

/* argv[0] is the verb. Prints a table, or with --json one object a line. Returns 0; 1 for an unknown option or name. */
int bench_main(int argc, char **argv);

#endif
