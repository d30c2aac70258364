/* The supervised worker: answers, deaths, hangs, and that life goes on after each. */
#include "test.h"

#include "target/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ADD, CRASH, ABORT, EXIT, HANG };

struct request {
	int what, value, answer, begun;
};

struct context {
	int served; /* in this process */
};

static void serve(void *memory, void *shared)
{
	struct context *c = memory;
	struct request *r = shared;

	r->begun = r->value;
	c->served++;
	switch (r->what) {
	case CRASH:
		raise(SIGSEGV);
		break;
	case ABORT:
		abort();
	case EXIT:
		_exit(3);
	case HANG:
		for (;;)
			pause();
	default:
		r->answer = r->value + c->served;
	}
}

/* Returns when the process is dead; it is not buried. */
static void wait_for_death_by(int signal_number, pid_t pid)
{
	siginfo_t info;

	EXPECT_EQ(kill(pid, signal_number), 0);
	EXPECT_EQ(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static struct worker_report ask(struct worker *w, int what, int value)
{
	struct request *r = worker_shared(w);

	r->what = what;
	r->value = value;
	return worker_call(w, what == HANG ? 500 : 10000); /* ms; busy computers start slowly */
}

TEST(one_process_serves_many_requests_and_keeps_what_it_knows)
{
	struct context c = { 0 };
	struct worker *w = worker_create(sizeof(struct request), serve, &c);
	struct request *r = worker_shared(w);

	for (int i = 1; i <= 100; i++) {
		EXPECT_EQ(ask(w, ADD, 1000).end, WORKER_ANSWERED);
		EXPECT_EQ(r->answer, 1000 + i); /* served before: it is the same process */
	}
	EXPECT_EQ(worker_starts(w), 1);
	EXPECT_EQ(c.served, 0); /* and not this one */
	worker_destroy(w);
}

static void expect_end(int what, enum worker_end end, int which, const char *words)
{
	struct context c = { 0 };
	struct worker *w = worker_create(sizeof(struct request), serve, &c);
	struct request *r = worker_shared(w);
	struct worker_report report = ask(w, what, 7);
	char text[64];

	EXPECT_EQ(report.end, end);
	EXPECT_EQ(report.which, which);
	worker_report_print(&report, text, sizeof(text));
	EXPECT_STR(text, words);
	EXPECT_EQ(r->begun, 7);				/* W1: what it wrote before is there */
	EXPECT_EQ(ask(w, ADD, 1).end, WORKER_ANSWERED); /* life goes on */
	EXPECT_EQ(r->answer, 2);
	EXPECT_EQ(worker_starts(w), 2);
	worker_destroy(w);
}

TEST(a_death_names_its_signal)
{
	expect_end(CRASH, WORKER_KILLED, SIGSEGV, "SIGSEGV");
	expect_end(ABORT, WORKER_KILLED, SIGABRT, "SIGABRT");
}

TEST(an_exit_is_told_from_a_signal)
{
	expect_end(EXIT, WORKER_EXITED, 3, "exit 3");
}

TEST(a_hang_is_told_from_a_death)
{
	expect_end(HANG, WORKER_HUNG, 0, "hang");
}

/* The caller's handlers must not take the worker's death for their own. */
static void never(int signal)
{
	(void)signal;
	_exit(99);
}

/* The shared memory is the worker's to write its own pid into. */
static void serve_pid(void *memory, void *shared)
{
	(void)memory;
	*(pid_t *)shared = getpid();
}

TEST(a_kill_between_two_requests_is_not_the_next_ones_fault)
{
	struct worker *w = worker_create(sizeof(pid_t), serve_pid, NULL);
	const pid_t *served = worker_shared(w);

	EXPECT_EQ(worker_call(w, 10000).end, WORKER_ANSWERED);
	pid_t first = *served;

	wait_for_death_by(SIGKILL, first);
	EXPECT_EQ(worker_call(w, 10000).end, WORKER_ANSWERED);
	EXPECT(*served != first);
	EXPECT_EQ(worker_starts(w), 2);
	worker_destroy(w);
}

TEST(another_death_between_two_requests_is_reported)
{
	struct worker *w = worker_create(sizeof(pid_t), serve_pid, NULL);
	const pid_t *served = worker_shared(w);

	EXPECT_EQ(worker_call(w, 10000).end, WORKER_ANSWERED);
	wait_for_death_by(SIGSEGV, *served);
	struct worker_report report = worker_call(w, 10000);

	EXPECT_EQ(report.end, WORKER_KILLED);
	EXPECT_EQ(report.which, SIGSEGV);
	worker_destroy(w);
}

TEST(a_request_to_end_that_is_sent_to_the_whole_group_is_the_callers)
{
	struct worker *w = worker_create(sizeof(pid_t), serve_pid, NULL);
	const pid_t *served = worker_shared(w);

	EXPECT_EQ(worker_call(w, 10000).end, WORKER_ANSWERED);
	EXPECT_EQ(kill(*served, SIGTERM), 0);
	EXPECT_EQ(kill(*served, SIGINT), 0);
	EXPECT_EQ(worker_call(w, 10000).end, WORKER_ANSWERED);
	EXPECT_EQ(worker_starts(w), 1);
	worker_destroy(w);
}

TEST(a_handler_of_the_caller_does_not_see_the_crash)
{
	void (*before)(int) = signal(SIGSEGV, never);

	expect_end(CRASH, WORKER_KILLED, SIGSEGV, "SIGSEGV");
	signal(SIGSEGV, before);
}

TEST(a_worker_that_never_served_is_destroyed_too)
{
	worker_destroy(worker_create(4096, serve, NULL));
	worker_destroy(NULL);
}

/* Each says that it is there, and waits until the other is: one after the other never would. */
static void meet(void *memory, void *shared)
{
	_Atomic int *there = *(_Atomic int **)memory;
	struct request *r = shared;

	there[r->value] = 1;
	while (!there[1 - r->value])
		;
	r->answer = 1;
}

TEST(workers_that_were_begun_work_side_by_side)
{
	_Atomic int *there = mmap(NULL, 2 * sizeof(*there), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct worker *w[2];

	for (int i = 0; i < 2; i++) {
		w[i] = worker_create(sizeof(struct request), meet, &there);
		((struct request *)worker_shared(w[i]))->value = i;
		worker_begin(w[i]);
	}
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(worker_wait(w[i], 10000).end, WORKER_ANSWERED);
		EXPECT_EQ(((struct request *)worker_shared(w[i]))->answer, 1);
		worker_destroy(w[i]);
	}
	munmap(there, 2 * sizeof(*there));
}

TEST_MAIN
