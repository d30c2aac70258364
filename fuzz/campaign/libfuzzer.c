/*
 * The libFuzzer engine: fuzz_pages as a child, started again after each artifact.
 *
 *	DIR/corpus/        what libFuzzer keeps; begun with programs of the generator
 *	DIR/libfuzzer.log  what the child said, last session
 *	DIR/known.txt      signatures the child no longer stops at
 *	DIR/last           the artifact of the session, judged here in a worker, then removed
 *
 * Invariants:
 *   L1  the child never outlives this process's interest: it is asked to end, then ended;
 *   L2  an artifact is reported before the next session starts, by the judge's signature when
 *       the judge sees the fault, else by what the sanitizer called it.
 */
#include "campaign/campaign.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "campaign/runner.h"
#include "campaign/save.h"
#include "campaign/seed.h"
#include "targets/pages_stats.h"

enum {
	SEED_ROUNDS = 16,	/* machines of the first corpus */
	SEED_PROGRAMS = 8,	/* on each */
	MAX_INPUT_BYTES = 4096, /* bytes: some 400 operations */
	BARREN_SESSIONS = 20,	/* sessions in a row without a program executed: give up */
	GRACE_SECONDS = 10,	/* from "please end" to SIGKILL */
};

struct session {
	const struct campaign_options *options;
	struct findings *findings;
	struct campaign_summary *summary;
	struct progress progress;
	struct pages_stats *stats;
	char corpus[PATH_MAX], log[PATH_MAX], known[PATH_MAX], artifact[PATH_MAX],
		stats_path[PATH_MAX];
	double start;
	uint64_t number, programs_before;
	unsigned int barren;
};

static bool give_up(struct session *s, enum campaign_end end, const char *why)
{
	s->summary->end = end;
	snprintf(s->summary->why, sizeof(s->summary->why), "%s", why);
	return false;
}

static void name_paths(struct session *s)
{
	const char *dir = s->options->findings.dir;

	snprintf(s->corpus, sizeof(s->corpus), "%.3000s/corpus", dir);
	snprintf(s->log, sizeof(s->log), "%.3000s/libfuzzer.log", dir);
	snprintf(s->known, sizeof(s->known), "%.3000s/known.txt", dir);
	snprintf(s->artifact, sizeof(s->artifact), "%.3000s/last", dir);
	snprintf(s->stats_path, sizeof(s->stats_path), "%.3000s/stats", dir);
}

static bool share_stats(struct session *s)
{
	int fd = open(s->stats_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	void *map = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof(*s->stats)) == 0)
		map = mmap(NULL, sizeof(*s->stats), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	s->stats = map == MAP_FAILED ? NULL : map;
	return s->stats;
}

static bool plant_seed(struct session *s, const struct program *p, uint32_t round, uint32_t index,
		       char why[512])
{
	char name[48];
	size_t size = 0;
	uint8_t *bytes = bytes_of_program(p, &size);

	snprintf(name, sizeof(name), "seed-%02u-%02u", round, index);
	bool planted = bytes && (size == 0 || save_file(s->corpus, name, bytes, size, why));

	free(bytes);
	return planted;
}

/*
 * A first corpus, so that the engine need not invent the language. Few machines, several programs
 * on each: booting one costs more than running a program.
 */
static bool plant_seeds(struct session *s, char why[512])
{
	const struct program_source source = {
		.target = s->options->target,
		.machine = s->options->machine,
		.seed = seed_of_word(s->options->seed),
		.misuse = campaign_misuses(s->options),
	};
	struct round round = { 0 };
	struct program p;
	bool planted = true;

	program_init(&p);
	for (uint32_t i = 0; planted && i < SEED_ROUNDS * SEED_PROGRAMS; i++) {
		uint32_t number = i / SEED_PROGRAMS, index = i % SEED_PROGRAMS;

		planted = round_program(&round, &source, number, index, &p) &&
			  plant_seed(s, &p, number, index, why);
	}
	program_free(&p);
	round_close(&round);
	return planted;
}

/* Whatever has been found already, by every name it was found under. */
static bool write_known(struct session *s, char why[512])
{
	const struct findings *f = s->findings;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return false;
	for (size_t i = 0; s->options->findings.known && i < s->options->findings.known->count; i++)
		fprintf(out, "%s\n", s->options->findings.known->list[i]);
	for (size_t i = 0; i < f->nr_entries; i++)
		fprintf(out, "%s\n", f->entries[i].signature);
	for (size_t i = 0; i < f->nr_aliases; i++)
		fprintf(out, "%s\n", f->aliases[i].signature);
	bool written = fclose(out) == 0 &&
		       save_file(s->options->findings.dir, "known.txt", text, size, why);

	free(text);
	return written;
}

static double seconds_left(const struct session *s)
{
	return s->options->seconds - (clock_wall() - s->start);
}

/* In the child: becomes fuzz_pages. Returns only if that is not possible. */
static void become_child(struct session *s)
{
	char seed[32], runs[48], time[48], length[32], artifact[PATH_MAX + 32];
	int log = open(s->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	uint32_t number = (uint32_t)seed_derive(seed_of_word(s->options->seed), s->number) | 1;
	char *const argv[] = { (char *)s->options->fuzz_pages,
			       s->corpus,
			       seed,
			       runs,
			       time,
			       length,
			       artifact,
			       "-len_control=0",
			       "-timeout=10",
			       "-detect_leaks=0",
			       "-print_final_stats=1",
			       NULL };

	snprintf(seed, sizeof(seed), "-seed=%" PRIu32, number);
	snprintf(runs, sizeof(runs), "-runs=%" PRId64,
		 s->options->runs ? (int64_t)(s->options->runs - s->summary->programs) : -1);
	snprintf(time, sizeof(time), "-max_total_time=%.0f",
		 s->options->seconds > 0 ? seconds_left(s) + 1 : 0);
	snprintf(length, sizeof(length), "-max_len=%d", MAX_INPUT_BYTES);
	snprintf(artifact, sizeof(artifact), "-exact_artifact_path=%s", s->artifact);
	if (log < 0 || dup2(log, STDERR_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0)
		return;
	setenv("LOSTBUDDY_KNOWN", s->known, 1);
	setenv("LOSTBUDDY_STATS", s->stats_path, 1);
	setenv("ASAN_OPTIONS", "dedup_token_length=3:detect_leaks=0", 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv(s->options->fuzz_pages, argv);
}

static pid_t start_child(struct session *s)
{
	pid_t pid = fork();

	if (pid == 0) {
		become_child(s);
		_exit(127);
	}
	return pid;
}

static bool interrupted(const struct session *s)
{
	return s->options->stop && *s->options->stop;
}

/* The counts of the session in hand, for the progress line, stand on top of those before. */
static struct campaign_summary counts_now(const struct session *s)
{
	struct campaign_summary now = *s->summary;

	now.programs += s->stats->programs;
	now.executed += s->stats->executed;
	now.no_ops += s->stats->no_ops;
	now.comparisons += s->stats->comparisons;
	return now;
}

/*
 * Waits for the child's end; asks it to end when time is over or a signal came, and ends it if
 * it does not.
 */
static int wait_for_child(struct session *s, pid_t pid)
{
	const struct timespec nap = { .tv_nsec = 50 * 1000 * 1000 };
	double asked = 0;
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		double now = clock_wall();
		bool over = s->options->seconds > 0 && seconds_left(s) < -2;
		struct campaign_summary counts = counts_now(s);

		if ((over || interrupted(s)) && asked == 0) {
			kill(pid, SIGTERM);
			asked = now;
		}
		if (asked > 0 && now - asked > (double)GRACE_SECONDS)
			kill(pid, SIGKILL);
		progress_tick(&s->progress, now - s->start, &counts);
		nanosleep(&nap, NULL);
	}
	return status;
}

static void add_stats(struct session *s)
{
	const struct pages_stats *stats = s->stats;

	s->barren = stats->programs ? 0 : s->barren + 1;
	s->summary->programs += stats->programs;
	s->summary->executed += stats->executed;
	s->summary->no_ops += stats->no_ops;
	s->summary->comparisons += stats->comparisons;
	if (stats->magic == PAGES_STATS_MAGIC && stats->nr_rules == RULE_COUNT &&
	    stats->nr_paths == LB_PATH_COUNT) {
		for (size_t i = 0; i < RULE_COUNT; i++)
			s->summary->exercised[i] += stats->exercised[i];
		for (size_t i = 0; i < LB_PATH_COUNT; i++)
			s->summary->paths[i] += stats->paths[i];
	}
	memset(s->stats, 0, sizeof(*s->stats));
}

static char *read_whole(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	char *bytes = NULL, chunk[4096];
	FILE *out = file ? open_memstream(&bytes, size) : NULL;
	size_t n;

	while (out && (n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		fwrite(chunk, 1, n, out);
	if (out && fclose(out) != 0) {
		free(bytes);
		bytes = NULL;
	}
	if (file)
		fclose(file);
	return bytes;
}

/* What the sanitizer calls the fault: its token, else its summary, else how the child ended. */
static void name_fault(char *signature, size_t size, const char *log, int status)
{
	static const char *const words[] = { "DEDUP_TOKEN:", "SUMMARY:" };

	for (size_t i = 0; log && i < 2; i++) {
		const char *found = strstr(log, words[i]);

		if (!found)
			continue;
		found += strlen(words[i]) + strspn(found + strlen(words[i]), " ");
		snprintf(signature, size, "sanitizer %.*s", (int)strcspn(found, "\r\n"), found);
		return;
	}
	snprintf(signature, size, "engine ended %s %d",
		 WIFSIGNALED(status) ? "by signal" : "with code",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static bool report_artifact(struct session *s, const struct program *p, int status)
{
	struct findings *f = s->findings;
	struct outcome outcome;
	char signature[192];
	size_t size = 0;

	if (!judge_run(f->judge, p, &outcome) || !judge_run(f->careful, p, &outcome))
		return findings_report(f, p, &outcome, s->summary->programs);
	char *log = read_whole(s->log, &size);

	name_fault(signature, sizeof(signature), log, status);
	bool kept = findings_report_bytes(f, p, signature, log ? log : "", s->summary->programs);

	free(log);
	return kept;
}

/*
 * False: the campaign ends. An artifact that cannot be decoded for lack of memory stays where
 * it is.
 */
static bool collect_artifact(struct session *s, int status)
{
	size_t size = 0;
	char *bytes = read_whole(s->artifact, &size);
	struct program p;

	if (!bytes)
		return true;
	double cpu_before = clock_cpu();

	progress_clear(&s->progress);
	program_init(&p);
	bool kept =
		program_decode(&p, (const uint8_t *)bytes, size) && report_artifact(s, &p, status);

	if (kept)
		unlink(s->artifact);
	else
		give_up(s, findings_full(s->findings) && !s->findings->why[0] ? END_FULL : END_SAVE,
			s->findings->why);
	program_free(&p);
	free(bytes);
	s->summary->cpu_seconds -= clock_cpu() - cpu_before; /* shrinking is not its speed */
	return kept;
}

static bool child_could_not_start(const struct session *s, int status)
{
	return s->barren >= BARREN_SESSIONS ||
	       (s->barren && WIFEXITED(status) && WEXITSTATUS(status) != EXIT_INTERRUPT);
}

static bool run_session(struct session *s)
{
	char why[512] = "there is no memory left to list the known findings";

	if (interrupted(s))
		return give_up(s, END_SIGNAL, "");
	if (s->options->seconds > 0 && seconds_left(s) < 1)
		return give_up(s, END_TIME, "");
	if (s->options->runs && s->summary->programs >= s->options->runs)
		return give_up(s, END_RUNS, "");
	if (!write_known(s, why))
		return give_up(s, END_SAVE, why);
	s->number++;
	pid_t pid = start_child(s);

	if (pid < 0)
		return give_up(s, END_ENGINE, strerror(errno));
	int status = wait_for_child(s, pid);
	bool artifact = access(s->artifact, R_OK) == 0;

	add_stats(s);
	if (interrupted(s))
		return give_up(s, END_SIGNAL, "");
	if (!artifact && child_could_not_start(s, status)) {
		snprintf(why, sizeof(why), "fuzz_pages ended without running a program; see %.400s",
			 s->log);
		return give_up(s, END_ENGINE, why);
	}
	if (!artifact && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return give_up(s,
			       s->options->runs && s->summary->programs >= s->options->runs
				       ? END_RUNS
				       : END_TIME,
			       "");
	return collect_artifact(s, status);
}

static bool prepare(struct session *s)
{
	char why[512] = "there is no memory left for the first corpus";

	if (!s->options->fuzz_pages)
		return give_up(
			s, END_ENGINE,
			"there is no fuzz_pages: install clang-19 and libclang-rt-19-dev, then run "
			"cmake --preset libfuzzer && cmake --build --preset libfuzzer");
	if (strcmp(s->options->target->name, "core") != 0)
		return give_up(s, END_ENGINE,
			       "libFuzzer drives the target core only; other targets have --engine "
			       "builtin");
	name_paths(s);
	if (!save_folder(s->options->findings.dir, why) || !save_folder(s->corpus, why) ||
	    !plant_seeds(s, why))
		return give_up(s, END_SAVE, why);
	if (!share_stats(s))
		return give_up(s, END_SAVE,
			       "the file of counts cannot be made under the campaign's folder");
	unlink(s->artifact);
	return true;
}

void campaign_run_libfuzzer(const struct campaign_options *options, struct findings *f,
			    struct campaign_summary *summary)
{
	struct session s = {
		.options = options, .findings = f, .summary = summary, .start = clock_wall()
	};

	*summary = (struct campaign_summary){ .end = END_MEMORY };
	if (!campaign_canaries(summary))
		return;
	double cpu_before = clock_cpu();

	progress_begin(&s.progress, options->notes, options->terminal);
	if (prepare(&s))
		while (run_session(&s))
			;
	progress_clear(&s.progress);
	if (s.stats)
		munmap(s.stats, sizeof(*s.stats));
	summary->wall_seconds = clock_wall() - s.start;
	summary->cpu_seconds += clock_cpu() - cpu_before;
	summary->new_findings = findings_new(f);
	summary->known_findings = findings_known(f);
}
