/*
 * Counting instructions without hardware counters where operations differ: this program once more,
 * as `bench ROW --repeat N`, under callgrind, which collects inside of bench_work() only. A
 * repeated string instruction counts once a round, unlike in hardware: not for loops that copy
 * much.
 */
#define _GNU_SOURCE
#include "bench/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static bool no(char *why, const char *sentence)
{
	snprintf(why, 256, "%s", sentence);
	return false;
}

/* "==pid== Collected : 1234" */
static bool parse_collected(const char *line, uint64_t *collected)
{
	const char *at = strstr(line, "Collected : ");

	return at && sscanf(at, "Collected : %" SCNu64, collected) == 1;
}

static bool read_collected(int fd, uint64_t *collected)
{
	FILE *in = fdopen(fd, "r");
	char line[512];
	bool found = false;

	while (in && fgets(line, sizeof(line), in))
		found = parse_collected(line, collected) || found;
	if (in)
		fclose(in);
	else
		close(fd);
	return found;
}

/* Starts it with its messages going to a pipe; the read end, or -1. */
static int spawn_with_pipe(char **argv, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
	error = posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (error == 0)
		return ends[0];
	close(ends[0]);
	errno = error;
	return -1;
}

/* Runs it and finds the sum among its messages. */
static bool run_callgrind(char **argv, uint64_t *collected, char *why)
{
	pid_t pid;
	int fd = spawn_with_pipe(argv, &pid), status;

	if (fd < 0 && errno == ENOENT)
		return no(why, "valgrind is not installed (Debian package valgrind)");
	if (fd < 0)
		return no(why, "valgrind cannot be started");
	bool found = read_collected(fd, collected);

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return no(why, "the program did not end well under valgrind");
	return found || no(why, "valgrind's callgrind says no sum");
}

bool instructions_by_callgrind(const char *row, uint64_t operations, bool empty, double *each,
			       char *why)
{
	static char tool[] = "valgrind", callgrind[] = "--tool=callgrind",
		    file[] = "--callgrind-out-file=/dev/null", start[] = "--collect-atstart=no",
		    toggle[] = "--toggle-collect=bench_work", bench[] = "bench",
		    repeat[] = "--repeat", empty_loop[] = "--empty";
	char self[4096], name[64], count[24];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *argv[] = { tool,
			 callgrind,
			 file,
			 start,
			 toggle,
			 self,
			 bench,
			 name,
			 repeat,
			 count,
			 empty ? empty_loop : NULL,
			 NULL };
	uint64_t collected;

	if (length <= 0)
		return no(why, "this program does not find itself (/proc/self/exe)");
	self[length] = '\0';
	snprintf(name, sizeof(name), "%s", row);
	snprintf(count, sizeof(count), "%" PRIu64, operations);
	if (!run_callgrind(argv, &collected, why))
		return false;
	*each = (double)collected / (double)operations;
	return true;
}
