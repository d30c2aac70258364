/* The supervised worker: see worker.h. */
#define _GNU_SOURCE
#include "target/worker.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENT_TURNS = 10 };

struct worker {
	worker_serve serve;
	void *context;
	void *shared;
	size_t shared_size;
	pid_t pid;  /* 0: none runs */
	int socket; /* our end; -1: none */
	unsigned int starts;
	int begun; /* of the request: 0, the errno of a start that failed, or BEGUN_DEAD */
};

enum { BEGUN_DEAD = -1 }; /* it had died before it could be asked */

struct worker *worker_create(size_t shared_size, worker_serve serve, void *context)
{
	assert(shared_size > 0 && serve);

	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->shared = mmap(NULL, shared_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (w->shared == MAP_FAILED) {
		free(w);
		return NULL;
	}
	w->serve = serve;
	w->context = context;
	w->shared_size = shared_size;
	w->socket = -1;
	return w;
}

void *worker_shared(const struct worker *w)
{
	return w->shared;
}

unsigned int worker_starts(const struct worker *w)
{
	return w->starts;
}

/*
 * Signals go back to their defaults: a caller's handlers (a fuzzer's, say) would take the target's
 * crash for their own.
 */
static void forget_handlers(void)
{
	static const int ours[] = { SIGSEGV, SIGBUS,  SIGABRT, SIGFPE,
				    SIGILL,  SIGTRAP, SIGALRM, SIGXCPU };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		signal(ours[i], SIG_DFL);
	/*
	 * What is sent to the whole process group (keys on a terminal, timeout(1)) is for the caller,
	 * whose end is ours.
	 */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

static _Noreturn void serve_for_ever(const struct worker *w, int socket, pid_t caller)
{
	const struct rlimit no_core = { 0, 0 };
	char token;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != caller) /* it died before we asked to be told */
		_exit(0);
	setrlimit(RLIMIT_CORE, &no_core);
	forget_handlers();
	for (;;) {
		ssize_t got = recv(socket, &token, 1, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got != 1)
			_exit(0);
		w->serve(w->context, w->shared);
		if (send(socket, &token, 1, MSG_NOSIGNAL) != 1)
			_exit(0);
	}
}

static int start(struct worker *w)
{
	int ends[2];
	pid_t caller = getpid();

	assert(w->pid == 0 && w->socket < 0);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return errno;
	/* What is in stdio buffers is the caller's to print, once. */
	fflush(NULL);

	pid_t pid = fork();

	if (pid < 0) {
		int error = errno;

		close(ends[0]);
		close(ends[1]);
		return error;
	}
	if (pid == 0) {
		close(ends[0]);
		serve_for_ever(w, ends[1], caller);
	}
	close(ends[1]);
	w->pid = pid;
	w->socket = ends[0];
	w->starts++;
	return 0;
}

/* Takes leave of the process, which is dead or will be; returns its status. */
static int bury(struct worker *w)
{
	int status = 0;

	assert(w->pid > 0);
	close(w->socket);
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		;
	w->pid = 0;
	w->socket = -1;
	return status;
}

static struct worker_report report_of(int status)
{
	if (WIFSIGNALED(status))
		return (struct worker_report){ WORKER_KILLED, WTERMSIG(status) };
	return (struct worker_report){ WORKER_EXITED, WEXITSTATUS(status) };
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* CPU time that a process has had, or INT64_MAX if nobody can tell. */
static int64_t cpu_ms(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		return INT64_MAX;
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* It does not wait for anything but a CPU or a disk. */
static bool could_go_on(pid_t pid)
{
	char path[64], state = 0;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	stat = fopen(path, "re");
	if (!stat)
		return false;
	if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(stat);
	return state == 'R' || state == 'D';
}

/* True when there is something to read (an answer, or the end), false when time is up. */
static bool wait_readable(int socket, unsigned int timeout_ms)
{
	struct pollfd fd = { .fd = socket, .events = POLLIN };
	int64_t end = now_ms() + timeout_ms;

	for (;;) {
		int64_t left = end - now_ms();
		int ready = poll(&fd, 1, left > 0 ? (int)left : 0);

		if (ready > 0)
			return true;
		if (ready == 0)
			return false;
		if (errno != EINTR)
			return true; /* the read that follows says what is wrong */
	}
}

/* The same for a worker that may take so long: a computer under load is not its fault. */
static bool wait_for_answer(const struct worker *w, unsigned int timeout_ms)
{
	int64_t before = cpu_ms(w->pid);

	for (int turn = 0; turn < PATIENT_TURNS; turn++) {
		if (wait_readable(w->socket, timeout_ms))
			return true;
		if (cpu_ms(w->pid) - before >= timeout_ms / 2 || !could_go_on(w->pid))
			return false;
	}
	return false;
}

static bool read_answer(int socket)
{
	char token;
	ssize_t got;

	do {
		got = recv(socket, &token, 1, 0);
	} while (got < 0 && errno == EINTR);
	return got == 1;
}

/*
 * SIGKILL between two requests came from outside, and is not the next one's fault: another process
 * will serve it. Any other death stays to be reported.
 */
static void bury_killed(struct worker *w)
{
	siginfo_t info = { 0 };

	if (w->pid > 0 && waitid(P_PID, (id_t)w->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid == w->pid && info.si_code == CLD_KILLED && info.si_status == SIGKILL)
		bury(w);
}

void worker_begin(struct worker *w)
{
	const char token = 'r';

	bury_killed(w);
	w->begun = w->pid == 0 ? start(w) : 0;
	if (w->begun == 0 && send(w->socket, &token, 1, MSG_NOSIGNAL) != 1)
		w->begun = BEGUN_DEAD;
}

struct worker_report worker_wait(struct worker *w, unsigned int timeout_ms)
{
	assert(timeout_ms > 0 && timeout_ms <= INT32_MAX);
	if (w->begun == BEGUN_DEAD)
		return report_of(bury(w));
	if (w->begun)
		return (struct worker_report){ WORKER_NONE, w->begun };
	if (!wait_for_answer(w, timeout_ms)) {
		kill(w->pid, SIGKILL);
		bury(w);
		return (struct worker_report){ WORKER_HUNG, 0 };
	}
	if (read_answer(w->socket))
		return (struct worker_report){ WORKER_ANSWERED, 0 };
	return report_of(bury(w));
}

struct worker_report worker_call(struct worker *w, unsigned int timeout_ms)
{
	worker_begin(w);
	return worker_wait(w, timeout_ms);
}

void worker_destroy(struct worker *w)
{
	if (!w)
		return;
	if (w->pid > 0) {
		kill(w->pid, SIGKILL);
		bury(w);
	}
	munmap(w->shared, w->shared_size);
	free(w);
}

int worker_report_print(const struct worker_report *report, char *buffer, size_t size)
{
	const char *name;

	switch (report->end) {
	case WORKER_ANSWERED:
		return snprintf(buffer, size, "answered");
	case WORKER_KILLED:
		name = sigabbrev_np(report->which);
		return name ? snprintf(buffer, size, "SIG%s", name)
			    : snprintf(buffer, size, "signal %d", report->which);
	case WORKER_EXITED:
		return snprintf(buffer, size, "exit %d", report->which);
	case WORKER_HUNG:
		return snprintf(buffer, size, "hang");
	case WORKER_NONE:
		break;
	}
	return snprintf(buffer, size, "no process could be started: %s", strerror(report->which));
}
