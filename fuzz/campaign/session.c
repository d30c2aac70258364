/* Engines that are children. See session.h. */
#include "campaign/session.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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

enum {
	SEED_ROUNDS = 16,     /* machines of the first corpus */
	SEED_PROGRAMS = 8,    /* on each */
	BARREN_SESSIONS = 20, /* sessions in a row without a program executed: give up */
	GRACE_SECONDS = 10,   /* from "please end" to SIGKILL */
};

bool session_give_up(struct session *s, enum campaign_end end, const char *why)
{
	s->summary->end = end;
	snprintf(s->summary->why, sizeof(s->summary->why), "%s", why);
	return false;
}

static void name_paths(struct session *s)
{
	const char *dir = s->options->findings.dir, *engine = s->engine->name;

	snprintf(s->corpus, sizeof(s->corpus), "%.3000s/corpus", dir);
	snprintf(s->log, sizeof(s->log), "%.3000s/%s.log", dir, engine);
	snprintf(s->known_name, sizeof(s->known_name), "%s.known", engine);
	snprintf(s->known, sizeof(s->known), "%.3000s/%s", dir, s->known_name);
	snprintf(s->artifact, sizeof(s->artifact), "%.3000s/%s.last", dir, engine);
	snprintf(s->stats_path, sizeof(s->stats_path), "%.3000s/%s.stats", dir, engine);
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

static bool plant_seed(struct session *s, const struct program *p, const char *name, char why[512])
{
	size_t size = 0;
	uint8_t *bytes = bytes_of_program(p, &size);
	bool planted = bytes && (size == 0 || save_file(s->corpus, name, bytes, size, why));

	free(bytes);
	return planted;
}

/*
 * Programs of the generator, so that the engine need not invent the language. Few machines, several
 * programs on each: booting one costs more than running a program.
 */
static bool plant_generated(struct session *s, char why[512])
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
		char name[48];

		snprintf(name, sizeof(name), "seed-%02u-%02u", number, index);
		planted = round_program(&round, &source, number, index, &p) &&
			  plant_seed(s, &p, name, why);
	}
	program_free(&p);
	round_close(&round);
	return planted;
}

/* A text of ours that cannot be read is the corpus test's business; here it is left out. */
static bool plant_text(struct session *s, const char *folder, const char *name, char why[512])
{
	char path[PATH_MAX], bin[288];
	struct text_error error;
	struct program p;

	snprintf(path, sizeof(path), "%.3000s/%.255s", folder, name);
	snprintf(bin, sizeof(bin), "%.*s.bin", (int)strcspn(name, "."), name);
	program_init(&p);
	bool planted = !program_read_file(&p, path, &error) || plant_seed(s, &p, bin, why);

	program_free(&p);
	return planted;
}

/* The programs that people wrote, by their own names; not where all are to run on one machine. */
static bool plant_texts(struct session *s, const char *below, char why[512])
{
	char folder[PATH_MAX];
	const struct dirent *entry;
	bool planted = true;

	if (!s->options->corpus || s->options->machine)
		return true;
	snprintf(folder, sizeof(folder), "%.3000s/%s", s->options->corpus, below);
	DIR *dir = opendir(folder);

	while (planted && dir && (entry = readdir(dir)))
		if (strstr(entry->d_name, ".lb"))
			planted = plant_text(s, folder, entry->d_name, why);
	if (dir)
		closedir(dir);
	return planted;
}

static bool plant_seeds(struct session *s, char why[512])
{
	return plant_generated(s, why) && plant_texts(s, "seeds", why) &&
	       plant_texts(s, "regressions", why);
}

bool session_write_known(struct session *s, char why[512])
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
		       save_file(s->options->findings.dir, s->known_name, text, size, why);

	free(text);
	return written;
}

double session_seconds_left(const struct session *s)
{
	return s->options->seconds - (clock_wall() - s->start);
}

uint32_t session_seed(const struct session *s)
{
	return (uint32_t)seed_derive(seed_of_word(s->options->seed), s->number) | 1;
}

bool session_interrupted(const struct session *s)
{
	return s->options->stop && *s->options->stop;
}

/* In the child: returns only if it cannot become what it should. */
static void become(struct session *s, const struct engine_child *child)
{
	int log = open(s->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (log < 0 || dup2(log, STDERR_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0)
		return;
	setenv("LOSTBUDDY_KNOWN", s->known, 1);
	setenv("LOSTBUDDY_STATS", s->stats_path, 1);
	setenv("LOSTBUDDY_TARGET", s->options->findings.target_name, 1);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	child->become(s, child->argument);
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

static void ask_to_end(pid_t pid, double now, double *asked)
{
	if (*asked == 0) {
		kill(pid, SIGTERM);
		*asked = now;
	} else if (now - *asked > (double)GRACE_SECONDS) {
		kill(pid, SIGKILL);
	}
}

/*
 * Waits for the child's end; asks it to end when time is over, a signal came or its engine says so,
 * and ends it if it does not.
 */
static int wait_for_child(struct session *s, const struct engine_child *child, pid_t pid)
{
	const struct timespec nap = { .tv_nsec = 50 * 1000 * 1000 };
	double asked = 0;
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		double now = clock_wall();
		bool over = s->options->seconds > 0 && session_seconds_left(s) < -2;
		bool done = child->tend && child->tend(s);
		struct campaign_summary counts = counts_now(s);

		if (over || done || session_interrupted(s) || asked > 0)
			ask_to_end(pid, now, &asked);
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

int session_run_child(struct session *s, const struct engine_child *child)
{
	pid_t pid = fork();

	if (pid == 0) {
		become(s, child);
		_exit(127);
	}
	if (pid < 0)
		return session_give_up(s, END_ENGINE, strerror(errno)), SESSION_NO_CHILD;
	int status = wait_for_child(s, child, pid);

	s->begun = s->stats->begun;
	if (child->unawaited)
		s->summary->cpu_seconds += s->stats->cpu_seconds;
	add_stats(s);
	return status;
}

char *session_read(const char *path, size_t *size)
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
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		snprintf(signature, size, "engine ended once and not again");
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
	char *log = session_read(s->log, &size);

	name_fault(signature, sizeof(signature), log, status);
	bool kept = findings_report_bytes(f, p, signature, log ? log : "", s->summary->programs);

	free(log);
	return kept;
}

bool session_report(struct session *s, const char *path, int status)
{
	size_t size = 0;
	char *bytes = session_read(path, &size);
	struct program p;

	if (!bytes)
		return true;
	double cpu_before = clock_cpu();

	progress_clear(&s->progress);
	program_init(&p);
	bool kept =
		program_decode(&p, (const uint8_t *)bytes, size) && report_artifact(s, &p, status);

	if (!kept)
		session_give_up(
			s, findings_full(s->findings) && !s->findings->why[0] ? END_FULL : END_SAVE,
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

/* The child ended, and not over a finding: is that the end of the campaign? */
static bool go_on_after(struct session *s, int status)
{
	uint64_t runs = s->options->runs;
	char why[512];

	if (s->options->seconds > 0 && session_seconds_left(s) <= 0)
		return session_give_up(s, END_TIME, "");
	if (child_could_not_start(s, status)) {
		snprintf(why, sizeof(why), "%s ended without running a program; see %.400s",
			 s->engine->name, s->log);
		return session_give_up(s, END_ENGINE, why);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return session_give_up(
			s, runs && s->summary->programs >= runs ? END_RUNS : END_TIME, "");
	return true;
}

bool session_may_go_on(struct session *s)
{
	if (session_interrupted(s))
		return session_give_up(s, END_SIGNAL, "");
	if (s->options->seconds > 0 && session_seconds_left(s) < 1)
		return session_give_up(s, END_TIME, "");
	if (s->options->runs && s->summary->programs >= s->options->runs)
		return session_give_up(s, END_RUNS, "");
	return true;
}

static bool run_session(struct session *s)
{
	char why[512] = "there is no memory left to list the known findings";

	if (!session_may_go_on(s))
		return false;
	if (!session_write_known(s, why))
		return session_give_up(s, END_SAVE, why);
	s->number++;
	if (!s->engine->before(s))
		return false;
	int status = session_run_child(s, &s->engine->child);

	if (status == SESSION_NO_CHILD)
		return false;
	if (session_interrupted(s))
		return session_give_up(s, END_SIGNAL, "");
	switch (s->engine->collect(s, status)) {
	case COLLECTED_NOTHING:
		return go_on_after(s, status);
	case COLLECTED_SOME:
		return true;
	default:
		return false;
	}
}

static bool comes_with_lostbuddy(const char *target)
{
	return strcmp(target, "core") == 0 || strncmp(target, "broken:", 7) == 0;
}

static bool prepare(struct session *s)
{
	const char *missing = s->engine->missing(s->options);
	char why[512] = "there is no memory left for the first corpus";

	if (!comes_with_lostbuddy(s->options->findings.target_name)) {
		snprintf(why, sizeof(why),
			 "%s drives the targets that are built into its program (core, "
			 "broken:NAME); "
			 "others have --engine builtin",
			 s->engine->name);
		return session_give_up(s, END_ENGINE, why);
	}
	if (missing)
		return session_give_up(s, END_ENGINE, missing);
	name_paths(s);
	if (!save_folder(s->options->findings.dir, why) || !save_folder(s->corpus, why) ||
	    !plant_seeds(s, why))
		return session_give_up(s, END_SAVE, why);
	if (!share_stats(s))
		return session_give_up(
			s, END_SAVE,
			"the file of counts cannot be made under the campaign's folder");
	return true;
}

void session_campaign(const struct engine *engine, const struct campaign_options *options,
		      struct findings *f, struct campaign_summary *summary)
{
	struct session s = {
		.engine = engine,
		.options = options,
		.findings = f,
		.summary = summary,
		.start = clock_wall(),
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
