/*
 * The AFL++ engine: afl-fuzz drives fuzz_pages through its fork server. See session.h.
 *
 *	DIR/corpus             the first inputs; afl-fuzz looks for new ones of other engines there (-F)
 *	DIR/afl/main/queue     what afl-fuzz keeps: copied to DIR/corpus while it runs
 *	DIR/afl/main/crashes   what ends a session, and hangs/: judged, then removed with all of DIR/afl
 *
 * Invariants:
 *   A1  what afl-fuzz is given has been run before, one input after another: at the start it passes
 *       over inputs that crash, and they would be lost;
 *   A2  DIR/afl is removed only when all in it has been reported or copied; what a campaign that was
 *       interrupted left there is taken up by the next one in DIR.
 */
#include "campaign/session.h"

#include <dirent.h>
#include <fts.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "campaign/save.h"

enum {
	SCREENED_AT_ONCE = 256, /* inputs of one process */
	SYNC_MINUTES = 1,	/* the shortest that afl-fuzz has; it looks after half of that */
};

#define MAIN "afl/main" /* under DIR; the name of our one instance is main */

static void afl_path(const struct session *s, char path[PATH_MAX], const char *below)
{
	snprintf(path, PATH_MAX, "%.3000s/%.512s", s->options->findings.dir, below);
}

/* Beside the target, since the same build makes it. */
static void mutator_path(const struct campaign_options *options, char path[PATH_MAX])
{
	const char *slash = strrchr(options->fuzz_pages, '/');
	int folder = slash ? (int)(slash - options->fuzz_pages) : 1;

	snprintf(path, PATH_MAX, "%.*s/afl_mutator.so", folder, slash ? options->fuzz_pages : ".");
}

static const char *missing(const struct campaign_options *options)
{
	char mutator[PATH_MAX];

	if (!options->afl_fuzz)
		return "there is no afl-fuzz: install the package afl++";
	if (options->fuzz_pages)
		mutator_path(options, mutator);
	if (!options->fuzz_pages || access(mutator, R_OK) != 0)
		return "there is no fuzz_pages for AFL++: install clang-19 and libclang-rt-19-dev, "
		       "then run cmake --preset afl && cmake --build --preset afl";
	return NULL;
}

/* ---- files ---- */

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The inputs of a folder, by name. Returns their number, 0 if there is no such folder. */
static size_t list_inputs(const char *folder, struct dirent ***list)
{
	int n = scandir(folder, list, is_input, alphasort);

	if (n < 0)
		*list = NULL;
	return n < 0 ? 0 : (size_t)n;
}

static void free_inputs(struct dirent **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static bool has_inputs(const struct session *s, const char *below)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	bool has = false;

	afl_path(s, path, below);
	DIR *dir = opendir(path);

	while (dir && !has && (entry = readdir(dir)))
		has = is_input(entry);
	if (dir)
		closedir(dir);
	return has;
}

static bool remove_tree(char *path)
{
	char *const paths[] = { path, NULL };
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	const FTSENT *entry;

	while (tree && (entry = fts_read(tree)))
		if (entry->fts_info != FTS_D) /* a folder comes again, after what is in it */
			remove(entry->fts_accpath);
	if (tree)
		fts_close(tree);
	return access(path, F_OK) != 0;
}

static bool remove_leavings(struct session *s)
{
	char path[PATH_MAX], why[PATH_MAX + 64];

	afl_path(s, path, "afl");
	s->next_entry = 0;
	if (access(path, F_OK) != 0 || remove_tree(path))
		return true;
	snprintf(why, sizeof(why), "cannot remove the folder %s", path);
	return session_give_up(s, END_SAVE, why);
}

/* ---- inputs one after another, without afl-fuzz ---- */

struct inputs {
	const char *folder;
	struct dirent **list;
	size_t count;
};

/* The paths are never freed: the process becomes another program. */
static void become_screen(struct session *s, const void *argument)
{
	const struct inputs *inputs = argument;
	char **argv = calloc(inputs->count + 2, sizeof(*argv));

	if (!argv)
		return;
	argv[0] = (char *)s->options->fuzz_pages;
	for (size_t i = 0; i < inputs->count; i++) {
		size_t size = strlen(inputs->folder) + strlen(inputs->list[i]->d_name) + 2;
		char *path = malloc(size);

		if (!path)
			return;
		snprintf(path, size, "%s/%s", inputs->folder, inputs->list[i]->d_name);
		argv[i + 1] = path;
	}
	setenv("ASAN_OPTIONS", "dedup_token_length=3:detect_leaks=0", 0);
	execv(s->options->fuzz_pages, argv);
}

/* No input hangs for longer than afl-fuzz would let it. */
static bool is_stuck(struct session *s)
{
	double now = clock_wall();

	if (s->stats->begun != s->last_begun) {
		s->last_begun = s->stats->begun;
		s->last_seen = now;
	}
	return now - s->last_seen > (double)INPUT_SECONDS;
}

/* Returns the wait status, or SESSION_NO_CHILD; s->begun says how far it came. */
static int screen(struct session *s, const struct inputs *inputs)
{
	const struct engine_child child = { .become = become_screen,
					    .argument = inputs,
					    .tend = is_stuck };

	s->last_begun = 0;
	s->last_seen = clock_wall();
	return session_run_child(s, &child);
}

static bool ended_well(int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool report_input(struct session *s, const char *folder, const char *name, int status)
{
	char path[PATH_MAX], why[512] = "there is no memory left to list the known findings";

	snprintf(path, sizeof(path), "%.3000s/%.512s", folder, name);
	if (!session_report(s, path, status))
		return false;
	return session_write_known(s, why) || session_give_up(s, END_SAVE, why);
}

/* From input number *next on, up to the end of some or the first that ends the process. */
static bool screen_some(struct session *s, struct dirent **list, size_t n, size_t *next)
{
	size_t left = n - *next;
	const struct inputs some = { s->corpus, list + *next,
				     left < SCREENED_AT_ONCE ? left : SCREENED_AT_ONCE };
	int status = screen(s, &some);

	if (status == SESSION_NO_CHILD || session_interrupted(s))
		return status != SESSION_NO_CHILD && session_may_go_on(s);
	if (ended_well(status)) {
		*next += some.count;
		return session_may_go_on(s);
	}
	if (s->begun == 0)
		return session_give_up(s, END_ENGINE, "fuzz_pages ended without running a program");
	*next += (size_t)s->begun;
	return report_input(s, s->corpus, list[*next - 1]->d_name, status) && session_may_go_on(s);
}

static bool screen_corpus(struct session *s)
{
	struct dirent **list;
	size_t n = list_inputs(s->corpus, &list), next = 0;
	bool going = true;

	while (going && next < n)
		going = screen_some(s, list, n, &next);
	free_inputs(list, n);
	return going;
}

/* ---- what afl-fuzz leaves ---- */

/*
 * An artifact is run once more by itself: afl-fuzz keeps no log. Who was only slow, on a busy
 * computer, is no finding; who died then and does not now is one.
 */
static bool report_artifact(struct session *s, const struct inputs *artifact, bool hung)
{
	int status = screen(s, artifact);

	if (status == SESSION_NO_CHILD)
		return false;
	if (!hung || !ended_well(status))
		return report_input(s, artifact->folder, artifact->list[0]->d_name, status);
	fprintf(s->options->notes, "a program took too long once, and not when it was run again\n");
	return true;
}

static bool report_artifacts(struct session *s, const char *below, bool hung, size_t *reported)
{
	char folder[PATH_MAX];
	struct dirent **list;
	bool kept = true;

	afl_path(s, folder, below);
	size_t n = list_inputs(folder, &list);

	for (size_t i = 0; kept && i < n; i++) {
		const struct inputs artifact = { folder, list + i, 1 };

		kept = report_artifact(s, &artifact, hung);
	}
	*reported += n;
	free_inputs(list, n);
	return kept;
}

/* One entry of the queue, under a name that equal inputs share. */
static bool copy_entry(struct session *s, const char *queue, const char *name, char why[512])
{
	char path[PATH_MAX], copy[32];
	size_t size = 0;

	snprintf(path, sizeof(path), "%.3000s/%.512s", queue, name);
	char *bytes = session_read(path, &size);

	if (!bytes)
		return true;
	snprintf(copy, sizeof(copy), "afl-%016" PRIx64, (uint64_t)XXH3_64bits(bytes, size));
	snprintf(path, sizeof(path), "%.3000s/%s", s->corpus, copy);
	bool copied = size == 0 || access(path, F_OK) == 0 ||
		      save_file(s->corpus, copy, bytes, size, why);

	free(bytes);
	return copied;
}

/* What the corpus had already is left out: its first inputs, and what came from there later. */
static bool is_new(const char *name)
{
	return !strstr(name, ",orig:") && !strstr(name, ",sync:");
}

/*
 * Copies what is new in the queue. While afl-fuzz runs the last entry may be half written: it waits
 * for its successor. A copy that fails is no loss yet: the next one tells.
 */
static void copy_queue(struct session *s, bool all)
{
	char queue[PATH_MAX], why[512];
	struct dirent **list;

	afl_path(s, queue, MAIN "/queue");
	size_t n = list_inputs(queue, &list);

	for (size_t i = s->next_entry; i + !all < n; i++) {
		const char *name = list[i]->d_name;

		if (is_new(name) && !copy_entry(s, queue, name, why))
			break;
		s->next_entry = i + 1;
	}
	free_inputs(list, n);
}

/* Not left to afl-fuzz, whose clock and counter begin late: when it has run all first inputs. */
static bool is_over(const struct session *s)
{
	uint64_t runs = s->options->runs;

	return (s->options->seconds > 0 && session_seconds_left(s) <= 0) ||
	       (runs && s->summary->programs + s->stats->programs >= runs);
}

static bool tend(struct session *s)
{
	double now = clock_wall();

	if (now - s->last_seen >= 1) {
		copy_queue(s, false);
		s->last_seen = now;
	}
	return is_over(s) || has_inputs(s, MAIN "/crashes") || has_inputs(s, MAIN "/hangs");
}

static enum collected collect(struct session *s, int status)
{
	size_t reported = 0;

	(void)status;
	copy_queue(s, true);
	if (!report_artifacts(s, MAIN "/crashes", false, &reported) ||
	    !report_artifacts(s, MAIN "/hangs", true, &reported) || !remove_leavings(s))
		return COLLECTED_NO_MORE;
	return reported ? COLLECTED_SOME : COLLECTED_NOTHING;
}

static bool before(struct session *s)
{
	return collect(s, 0) != COLLECTED_NO_MORE && session_may_go_on(s) && screen_corpus(s);
}

/* ---- afl-fuzz ---- */

/* No terminal, no questions about the computer, our mutator alone, a sanitizer that aborts. */
static void set_environment(const struct session *s)
{
	static const char *const on[] = { "AFL_NO_UI", "AFL_NO_COLOR", "AFL_QUIET",
					  "AFL_SKIP_CPUFREQ",
					  "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES",
					  "AFL_NO_CRASH_README", "AFL_CUSTOM_MUTATOR_ONLY",
					  /* a machine that is booted the first time looks unsteady,
					   * and would be calibrated forty times for it */
					  "AFL_FAST_CAL" };
	char mutator[PATH_MAX], minutes[16];

	for (size_t i = 0; i < sizeof(on) / sizeof(on[0]); i++)
		setenv(on[i], "1", 1);
	/* else it gives up where each CPU has a process that is bound to it */
	if (!getenv("AFL_NO_AFFINITY"))
		setenv("AFL_TRY_AFFINITY", "1", 1);
	mutator_path(s->options, mutator);
	setenv("AFL_CUSTOM_MUTATOR_LIBRARY", mutator, 1);
	snprintf(minutes, sizeof(minutes), "%d", SYNC_MINUTES);
	setenv("AFL_SYNC_TIME", minutes, 1);
	setenv("ASAN_OPTIONS", "abort_on_error=1:symbolize=0:detect_leaks=0", 1);
	setenv("UBSAN_OPTIONS", "halt_on_error=1:abort_on_error=1:symbolize=0", 1);
}

/* Appends an option and its number. */
static size_t add_number(char **argv, size_t n, char text[32], const char *option, uint64_t number)
{
	snprintf(text, 32, "%" PRIu64, number);
	argv[n] = (char *)option;
	argv[n + 1] = text;
	return n + 2;
}

static void become_afl_fuzz(struct session *s, const void *argument)
{
	const struct campaign_options *o = s->options;
	char out[PATH_MAX], seed[32], length[32], timeout[32];
	char *argv[32] = {
		(char *)o->afl_fuzz, "-i", s->corpus, "-o", out, "-M", "main", "-F", s->corpus
	};
	size_t n = 9;

	(void)argument;
	afl_path(s, out, "afl");
	n = add_number(argv, n, seed, "-s", session_seed(s));
	n = add_number(argv, n, length, "-G", MAX_INPUT_BYTES);
	n = add_number(argv, n, timeout, "-t", INPUT_SECONDS * 1000);
	argv[n++] = "--";
	argv[n] = (char *)o->fuzz_pages;
	set_environment(s);
	execv(o->afl_fuzz, argv);
}

void campaign_run_afl(const struct campaign_options *options, struct findings *f,
		      struct campaign_summary *summary)
{
	const struct engine engine = {
		.name = "afl",
		.missing = missing,
		.before = before,
		.child = { .become = become_afl_fuzz, .tend = tend, .unawaited = true },
		.collect = collect,
	};

	session_campaign(&engine, options, f, summary);
}
