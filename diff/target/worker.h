/*
 * A supervised worker: a forked process that serves requests laid out in shared memory, and may die
 * or hang.
 *
 *	caller                               worker
 *	writes the request into shared  -->  serve(context, shared)
 *	waits, with a watchdog          <--  says it is done
 *
 * One fork serves many requests; after a death the next request forks again, and a SIGKILL between
 * two requests goes unnoticed but for worker_starts(). The context is the
 * caller's memory as it was at the fork: what serve keeps there lives as long as the process that
 * serves.
 *
 * Invariants:
 *   W1  shared holds what the worker wrote up to its last instruction, whatever ended it;
 *   W2  a worker does not outlive its caller, nor a call its time limit;
 *   W3  every process that was started was waited for.
 *
 * Not here: what is asked and answered (judge/supervise.c). The watchdog looks at wall time, but
 * on a loaded computer a process that is ready to run, and was given less than half of its limit, has
 * ten times as long.
 */
#ifndef LOSTBUDDY_TARGET_WORKER_H
#define LOSTBUDDY_TARGET_WORKER_H

#include <stdbool.h>
#include <stddef.h>

enum worker_end {
	WORKER_ANSWERED,
	WORKER_KILLED, /* by a signal: which says which */
	WORKER_EXITED, /* it called exit: which says with what (sanitizers do) */
	WORKER_HUNG,   /* it did not answer in time, and was ended */
	WORKER_NONE,   /* no process could be started: which is errno */
};

struct worker_report {
	enum worker_end end;
	int which;
};

typedef void (*worker_serve)(void *context, void *shared);

struct worker;

/*
 * Returns NULL without memory only. shared starts as zeros; pages of it that nobody touches cost
 * nothing.
 */
struct worker *worker_create(size_t shared_size, worker_serve serve, void *context);
void worker_destroy(struct worker *w);
void *worker_shared(const struct worker *w);

/* One request. timeout_ms > 0: how long it may take, on a computer that is not loaded. */
struct worker_report worker_call(struct worker *w, unsigned int timeout_ms);

/*
 * The same in two halves, for a caller that has several workers: it begins a request with each, then
 * waits for each. A worker that could not be started is reported by the wait.
 */
void worker_begin(struct worker *w);
struct worker_report worker_wait(struct worker *w, unsigned int timeout_ms);

/* How often a process was started. */
unsigned int worker_starts(const struct worker *w);

/* "SIGSEGV", "exit 1", "hang": what ended it, in a word or two. As snprintf. */
int worker_report_print(const struct worker_report *report, char *buffer, size_t size);

#endif
