/*
 * Counting instructions without hardware counters: a copy of this process runs the loop, one step
 * at a time.
 *
 * Exact, and slow (tens of microseconds a step in a virtual machine), so a few operations must do:
 * of use for loops whose operations are all alike. The copy has the caches and page lists that the
 * loop has warmed up before.
 */
#define _GNU_SOURCE
#include "bench/measure.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__

enum {
	STEPS_WANTED = 20 * 1000,
	TRAPS_MAX = 300 * 1000, /* a loop that takes more is not for this method */
};

static uint64_t do_nothing(void *subject, uint64_t count)
{
	(void)subject;
	return count;
}

/* The copy: stops, does the loop, stops again, and is ended by its parent. */
static _Noreturn void be_stepped(bench_loop *loop, void *subject, uint64_t count,
				 uint64_t *operations)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(1);
	raise(SIGSTOP);
	*operations = loop(subject, count);
	raise(SIGSTOP);
	_exit(0);
}

static bool stopped_by(pid_t pid, int signal)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == signal;
}

/*
 * Steps until the copy stops by itself; 0: too many traps. A repeated string instruction traps
 * after each round, without going on: it counts once, as in hardware.
 */
static uint64_t steps_until_stop(pid_t pid)
{
	uint64_t steps = 0;
	long before = 0;

	for (uint64_t traps = 0; traps < TRAPS_MAX; traps++) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0 || !stopped_by(pid, SIGTRAP))
			return steps;
		long at = ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.rip), NULL);

		steps += at != before;
		before = at;
	}
	return 0;
}

/*
 * Steps of loop(subject, count) in a copy of this process; 0: not possible. *operations: what the
 * loop returned.
 */
static uint64_t count_steps(bench_loop *loop, void *subject, uint64_t count, uint64_t *operations)
{
	uint64_t *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t steps = 0;
	pid_t pid;

	if (shared == MAP_FAILED)
		return 0;
	pid = fork();
	if (pid == 0)
		be_stepped(loop, subject, count, shared);
	if (pid > 0) {
		if (stopped_by(pid, SIGSTOP))
			steps = steps_until_stop(pid);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	if (*shared == 0)
		steps = 0;
	*operations = *shared;
	munmap(shared, sizeof(*shared));
	return steps;
}

bool instructions_by_steps(bench_loop *loop, void *subject, double *each)
{
	uint64_t operations;
	uint64_t around = count_steps(do_nothing, NULL, 1, &operations);
	uint64_t steps = count_steps(loop, subject, 1, &operations);

	if (around == 0 || steps <= around)
		return false;
	/*
	 * Some more turns where one is cheap, so that what happens every few dozen operations has
	 * its share.
	 */
	if (steps < STEPS_WANTED)
		steps = count_steps(loop, subject, STEPS_WANTED * operations / (steps - around),
				    &operations);
	if (steps <= around)
		return false;
	*each = (double)(steps - around) / (double)operations;
	return true;
}

#else

bool instructions_by_steps(bench_loop *loop, void *subject, double *each)
{
	(void)loop;
	(void)subject;
	(void)each;
	return false;
}

#endif
