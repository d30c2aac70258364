/* What the verbs share: reading, finding, failing. See cli.h. */
#include "cli/cli.h"

#include <assert.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "campaign/runner.h"
#include "campaign/save.h"
#include "target/broken/broken.h"
#include "target/builtin.h"

static error_t parse_help(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != 'h')
		return ARGP_ERR_UNKNOWN;
	argp_state_help(state, state->out_stream, ARGP_HELP_STD_HELP);
	return 0;
}

/* argp has --help and -?; people try -h. */
static const struct argp_option help_options[] = {
	{ NULL, 'h', NULL, 0, "like --help", -1 },
	{ 0 },
};

static const struct argp help_argp = { .options = help_options, .parser = parse_help };

const struct argp_child help_children[] = { { &help_argp, 0, NULL, 0 }, { 0 } };

int fail(const char *format, ...)
{
	va_list list;

	fflush(stdout);
	fprintf(stderr, "lostbuddy: ");
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fprintf(stderr, "\n");
	return EXIT_USAGE;
}

int fail_at(const char *where, const struct text_error *error)
{
	/* Errors of a file as a whole name it themselves. */
	if (error->line == 0 && strncmp(error->what, where, strlen(where)) == 0)
		return fail("%s", error->what);
	if (error->line == 0)
		return fail("%s: %s", where, error->what);
	return fail("%s:%u:%u: %s", where, error->line, error->column, error->what);
}

char *read_stream(FILE *in, size_t *size)
{
	char *bytes = NULL, chunk[4096];
	FILE *out = open_memstream(&bytes, size);
	size_t n;

	while (out && (n = fread(chunk, 1, sizeof(chunk), in)) > 0)
		fwrite(chunk, 1, n, out);
	if (out && fclose(out) == 0 && !ferror(in))
		return bytes;
	free(bytes);
	return NULL;
}

char *read_whole_file(const char *path, size_t *size)
{
	FILE *in = fopen(path, "rb");
	char *bytes = in ? read_stream(in, size) : NULL;

	if (in)
		fclose(in);
	return bytes;
}

static volatile sig_atomic_t stop_requested;

static void request_stop(int number)
{
	(void)number;
	stop_requested = 1;
}

const volatile sig_atomic_t *stop_on_signals(void)
{
	struct sigaction action = { .sa_handler = request_stop };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return &stop_requested;
}

const char *without_slashes(char *folder)
{
	size_t length = strlen(folder);

	while (length > 1 && folder[length - 1] == '/')
		folder[--length] = '\0';
	return folder;
}

void read_known(struct signatures *known, const char *path, struct argp_state *state)
{
	if (!signatures_read(known, path))
		argp_failure(state, EXIT_USAGE, errno, "--known %s", path);
}

static bool read_stdin_program(struct program *p)
{
	struct text_error error = { 0 };
	size_t size = 0;
	char *bytes = read_stream(stdin, &size);

	if (!bytes)
		return fail("-: cannot read the standard input"), false;
	bool read = program_read_bytes(p, NULL, bytes, size, &error);

	free(bytes);
	if (!read)
		fail_at("-", &error);
	return read;
}

bool read_program(struct program *p, const char *path)
{
	struct text_error error = { 0 };

	program_init(p);
	if (strcmp(path, "-") == 0)
		return read_stdin_program(p);
	if (program_read_file(p, path, &error))
		return true;
	fail_at(path, &error);
	return false;
}

bool read_machine(struct machine *m, const char *line_or_file)
{
	struct text_error error = { 0 };
	bool line = strchr(line_or_file, '=') && access(line_or_file, F_OK) != 0;

	if (line ? machine_parse_line(m, line_or_file, &error)
		 : machine_read_file(m, line_or_file, &error))
		return true;
	fail_at(line ? "machine" : line_or_file, &error);
	return false;
}

bool read_boot(struct machine *m, const char *dir)
{
	struct text_error error = { 0 };

	if (machine_from_boot(m, dir, &error))
		return true;
	fail("--from-boot %s: %s; a boot's folder holds dmesg, cmdline, and node/nodeN/distance "
	     "and "
	     "cpulist of each node, as corpus/machines/a-1n1c-128m does",
	     dir, error.what);
	return false;
}

bool read_whole_boot(struct machine *m, const char *dir)
{
	struct text_error error = { 0 };

	if (machine_from_boot_whole(m, dir, &error))
		return true;
	fail_at(dir, &error);
	return false;
}

static bool read_chosen_machine(struct machine *m, const struct chosen_machine *machine)
{
	if (machine->boot)
		return read_whole_boot(m, machine->boot);
	return !machine->line_or_file || read_machine(m, machine->line_or_file);
}

/* Operations may name CPUs and nodes that another machine has not. */
static bool fits_machine(const struct program *p, const char *path)
{
	char why[256];

	if (program_check(p, why))
		return true;
	fail("%s: the program does not fit this machine (%s): give it another, or none", path, why);
	return false;
}

bool read_shown(struct program *p, const char *path, const struct chosen_machine *machine)
{
	program_init(p);
	if (path && !read_program(p, path))
		return false;
	return read_chosen_machine(&p->machine, machine) && (!path || fits_machine(p, path));
}

int carry_out_and_look(const struct program *p, judge_looker *look, void *data)
{
	const struct judge_options options = { .no_oracle = true };
	struct judge *judge = judge_create(&core_target, &options);
	struct outcome outcome;
	int code = EXIT_CLEAN;

	if (!judge)
		return EXIT_MEMORY;
	if (!judge_look(judge, p, look, data, &outcome))
		code = fail("%s", outcome.verdict.what);
	judge_destroy(judge);
	return code;
}

/* Who misspells one of the broken allocators is told which there are. */
static void fail_naming_broken(const char *error)
{
	char names[2048] = "";
	size_t used = 0;
	const char *sentence;
	const struct lb_target *target;

	for (unsigned int i = 0; used < sizeof(names) && (target = broken_target(i, &sentence));
	     i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
					 strchr(target->name, ':') ? strchr(target->name, ':') + 1
								   : target->name);
	fail("--target %s; there are %s", error, names);
}

const struct lb_target *find_target(const char *name)
{
	char error[TARGET_ERROR_SIZE] = "";
	const struct lb_target *target = target_find(name, error);

	if (!target && strncmp(name, "broken:", 7) == 0)
		fail_naming_broken(error);
	else if (!target)
		fail("--target %s", error);
	return target;
}

struct judge *closely_judge(const struct lb_target *target, const struct program *p,
			    bool check_observed)
{
	const struct judge_options options = {
		.compare_always = p->nr_ops <= CAREFUL_MAX_OPS,
		.check_observed = check_observed,
		.supervised = true,
		.timeout_ms = patience_ms(&p->machine),
	};
	struct judge *judge = judge_create(target, &options);

	if (!judge)
		fail("no memory for a judge");
	return judge;
}

bool write_output(const char *path, const void *bytes, size_t size)
{
	char folder_copy[PATH_MAX], name_copy[PATH_MAX], why[512];

	if (strcmp(path, "-") == 0)
		return fwrite(bytes, 1, size, stdout) == size;
	if (strlen(path) >= PATH_MAX || !path[0])
		return fail("%s: not a name for a file", path), false;
	memcpy(folder_copy, path, strlen(path) + 1);
	memcpy(name_copy, path, strlen(path) + 1);
	if (save_file(dirname(folder_copy), basename(name_copy), bytes, size, why))
		return true;
	fail("%s", why);
	return false;
}

static bool has_end(const char *path, const char *end)
{
	size_t length = strlen(path), wanted = strlen(end);

	return length > wanted && strcmp(path + length - wanted, end) == 0;
}

bool may_report_into(const char *path)
{
	bool program = has_end(path, ".lb") || has_end(path, ".bin") || has_end(path, ".machine");

	if (!program || access(path, F_OK) != 0)
		return true;
	fail("%s: a report would take the place of what is there; name another file", path);
	return false;
}

const char *colour(FILE *out, enum colour colour)
{
	static const char *const codes[] = { "\033[0m", "\033[32m", "\033[31m", "\033[2m" };
	const char *no = getenv("NO_COLOR");

	if ((no && no[0]) || !isatty(fileno(out)))
		return "";
	return codes[colour];
}

bool program_folder(char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);

	if (length <= 0)
		return false;
	path[length] = '\0';
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
	return slash;
}

bool find_fuzz_pages(char path[PATH_MAX], const char *engine)
{
	char folder[PATH_MAX];

	/* Of the checkout that this program was built in, else of the one we stand in. */
	if (program_folder(folder, sizeof(folder))) {
		snprintf(path, PATH_MAX, "%.3000s/../../%.32s/bin/fuzz_pages", folder, engine);
		if (access(path, X_OK) == 0)
			return true;
	}
	snprintf(path, PATH_MAX, "build/%.32s/bin/fuzz_pages", engine);
	return access(path, X_OK) == 0;
}

bool find_corpus(char path[PATH_MAX])
{
	char folder[PATH_MAX];

	if (!program_folder(folder, sizeof(folder)))
		return false;
	snprintf(path, PATH_MAX, "%.3000s/../../../corpus", folder);
	return access(path, R_OK) == 0;
}

bool find_command(char path[PATH_MAX], const char *command)
{
	const char *folder = getenv("PATH");

	while (folder && *folder) {
		size_t length = strcspn(folder, ":");

		if ((size_t)snprintf(path, PATH_MAX, "%.*s/%s", (int)length, folder, command) <
			    PATH_MAX &&
		    access(path, X_OK) == 0)
			return true;
		folder += length + (folder[length] == ':');
	}
	return false;
}
