/* Measuring a loop; see measure.h. */
#define _GNU_SOURCE
#include "bench/measure.h"

#include <assert.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	LONG_ENOUGH_NS = 40 * 1000 * 1000,
	RUNS = 5,
};

/* A group: both count over exactly the same stretch of code. */
struct counters {
	int instructions; /* leads the group */
	int cycles;
};

__attribute__((noinline)) uint64_t bench_work(bench_loop *loop, void *subject, uint64_t count)
{
	uint64_t done = loop(subject, count);

	__asm__ volatile("" ::: "memory"); /* so that the loop is called from here, not jumped to */
	return done;
}

static int counter_open(uint64_t event, int leader)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = event,
		.read_format = PERF_FORMAT_GROUP,
		.disabled = leader < 0,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, leader, PERF_FLAG_FD_CLOEXEC);
}

struct counters *counters_open(char *why)
{
	struct counters *c = malloc(sizeof(*c));

	if (!c) {
		snprintf(why, 256, "no memory");
		return NULL;
	}
	c->instructions = counter_open(PERF_COUNT_HW_INSTRUCTIONS, -1);
	if (c->instructions >= 0) {
		c->cycles = counter_open(PERF_COUNT_HW_CPU_CYCLES, c->instructions);
		if (c->cycles >= 0)
			return c;
	}
	snprintf(why, 256, "the system gives no hardware counters (perf_event_open: %s)",
		 strerror(errno));
	if (c->instructions >= 0)
		close(c->instructions);
	free(c);
	return NULL;
}

void counters_close(struct counters *c)
{
	if (!c)
		return;
	close(c->cycles);
	close(c->instructions);
	free(c);
}

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct stretch {
	uint64_t instructions, cycles, ns, operations;
	bool counted;
};

static struct stretch run_once(struct counters *c, bench_loop *loop, void *subject, uint64_t count)
{
	struct {
		uint64_t members, instructions, cycles;
	} read_back = { 0 };
	struct stretch s = { 0 };
	uint64_t start = cpu_ns();

	if (c) {
		ioctl(c->instructions, PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP);
		ioctl(c->instructions, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP);
	}
	s.operations = loop(subject, count);
	if (c)
		ioctl(c->instructions, PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP);
	s.ns = cpu_ns() - start;
	if (c && read(c->instructions, &read_back, sizeof(read_back)) == sizeof(read_back)) {
		assert(read_back.members == 2);
		/* A group that did not fit the processor's counters reads 0. */
		s.counted = read_back.instructions > 0;
		s.instructions = read_back.instructions;
		s.cycles = read_back.cycles;
	}
	return s;
}

static void keep_lowest(double *lowest, uint64_t sum, uint64_t operations)
{
	double each = (double)sum / (double)operations;

	if (each < *lowest)
		*lowest = each;
}

/* Twice, as the first stretch may be long for what the machine's boot left to be charged. */
static bool takes_long(struct counters *c, bench_loop *loop, void *subject, uint64_t count)
{
	for (int i = 0; i < 2; i++)
		if (run_once(c, loop, subject, count).ns < LONG_ENOUGH_NS)
			return false;
	return true;
}

struct measurement measure(struct counters *c, bench_loop *loop, void *subject, bool alike)
{
	struct measurement m = { .instructions = 1e300, .cycles = 1e300, .ns = 1e300 };
	bool counted = c != NULL;
	uint64_t count = 1;

	while (!takes_long(c, loop, subject, count))
		count *= 2;
	for (int i = 0; i < RUNS; i++) {
		struct stretch s = run_once(c, loop, subject, count);

		assert(s.operations >= count);
		counted = counted && s.counted;
		keep_lowest(&m.instructions, s.instructions, s.operations);
		keep_lowest(&m.cycles, s.cycles, s.operations);
		keep_lowest(&m.ns, s.ns, s.operations);
	}
	if (counted)
		m.counted_by = COUNTED_BY_PERF;
	else if (alike && instructions_by_steps(loop, subject, &m.instructions))
		m.counted_by = COUNTED_BY_STEPS;
	return m;
}
