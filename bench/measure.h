/*
 * Measuring a loop: instructions and cycles from the processor's counters, and CPU time.
 *
 * The loop runs until it took long enough for the clock, then several times more; the lowest figure of each kind
 * counts, since everything that disturbs a run (interrupts, cold caches, neighbours) only adds.
 */
#ifndef LOSTBUDDY_BENCH_MEASURE_H
#define LOSTBUDDY_BENCH_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

enum counted_by { COUNTED_BY_NOTHING, COUNTED_BY_PERF, COUNTED_BY_STEPS, COUNTED_BY_CALLGRIND };

struct measurement {
	enum counted_by counted_by;	/* nothing: instructions mean nothing; cycles do by perf only */
	double instructions;	/* all figures: of one operation */
	double cycles;
	double ns;
};

/* Does its thing at least @count times; returns how many operations that were. */
typedef uint64_t bench_loop(void *subject, uint64_t count);

/* loop(subject, count), as a function that a tool outside of the process can find by its name. */
uint64_t bench_work(bench_loop *loop, void *subject, uint64_t count);

struct counters;

/* counters_open - returns NULL iff the system has none for us; why (256 bytes) then is a sentence. */
struct counters *counters_open(char *why);
void counters_close(struct counters *c);

/*
 * measure - one operation of a loop.
 * @c:     NULL where the computer has no counters
 * @alike: all operations of the loop are alike, so that without counters a few of them may be stepped through
 */
struct measurement measure(struct counters *c, bench_loop *loop, void *subject, bool alike);

/*
 * Counts a row's operations in a process of its own, with valgrind's callgrind: exact, and a long mix of operations takes
 * seconds. Counts this many operations of the row, or of its empty loop. False: not possible here, with a sentence in
 * why (256 bytes).
 */
bool instructions_by_callgrind(const char *row, uint64_t operations, bool empty, double *each, char *why);

/* Steps through some operations in a copy of this process (x86-64); false: not possible here. */
bool instructions_by_steps(bench_loop *loop, void *subject, double *each);

#endif
