/*
 * The page allocator under libFuzzer or AFL++: bytes are decoded, judged in this process, and a
 * divergence ends it.
 *
 *	bytes --decode--> program --judge_run--> signature --known?--> on
 *	                                                   --else----> DEDUP_TOKEN, abort in
 *	                                                             a function of the rule's name
 *
 * What engines see beside edges: which paths of the allocator a program took, and about how often
 * (feedback.h). Mutation and cross-over are structural (mutation.h); one mutation in eight is plain
 * havoc on the bytes, which every byte string survives. AFL++ mutates in its own process
 * (afl_mutator.c) and calls none of libFuzzer's hooks here.
 *
 * Environment:
 *   LOSTBUDDY_TARGET  core (the default) or broken:NAME; it runs in this process, trusted or not
 *   LOSTBUDDY_KNOWN   a file of signatures, one a line, at which the process does not stop
 *   LOSTBUDDY_STATS   a file for counts (pages_stats.h), shared with `lostbuddy fuzz`
 *
 * Needs libc only. Not here: shrinking, files for findings; `lostbuddy fuzz --engine` does those.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "campaign/signatures.h"
#include "judge/judge.h"
#include "target/builtin.h"
#include "targets/feedback.h"
#include "targets/mutation.h"
#include "targets/pages_stats.h"

enum {
	CACHED_MACHINES = 256, /* mutants of a corpus have many, and booting is dear */
};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_out, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/*
 * State of the process, not of an input: judge and decoder keep what is keyed by the machine,
 * or overwrite what they find.
 */
static struct {
	struct lb_target target;
	struct judge *judge;
	struct program program;
	struct mutation mutation;
	struct signatures known;
	struct pages_stats *stats;
	uint64_t paths_before[LB_PATH_COUNT], exercised_before[RULE_COUNT];
	double cpu_before;
} fuzz;

/*
 * The leak checker does not look for pointers in mappings, where machines keep theirs: it would
 * call every booted machine a leak. Lost pages are the oracle's business anyway.
 */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

/* ---- a distinct name on the stack for each class of finding ---- */

#define FINDING_CLASS(name)                                                                        \
	__attribute__((noinline, noreturn)) static void finding_##name(void)                       \
	{                                                                                          \
		__asm__ volatile("" : : : "memory");                                               \
		abort();                                                                           \
	}

#define RULE(NAME, id, level, sentence, source) FINDING_CLASS(rule_##NAME)
#include "oracle/rules.def"
#undef RULE
FINDING_CLASS(create)
FINDING_CLASS(other)

typedef void finding_class_fn(void);

static finding_class_fn *const rule_class[] = {
#define RULE(NAME, id, level, sentence, source) finding_rule_##NAME,
#include "oracle/rules.def"
#undef RULE
};

static void stop_at(const struct outcome *outcome)
{
	fprintf(stderr, "lostbuddy: %s\n  operation %u: %s\nDEDUP_TOKEN: %s\n", outcome->signature,
		outcome->op, outcome->verdict.what, outcome->signature);
	fflush(stderr);
	if (outcome->kind == FINDING_RULE && outcome->verdict.rule < RULE_COUNT)
		rule_class[outcome->verdict.rule]();
	if (outcome->kind == FINDING_CREATE)
		finding_create();
	finding_other();
}

/* ---- what the engine and the campaign are told ---- */

static unsigned int count_class(uint64_t count)
{
	assert(count > 0);
	if (count < 4)
		return (unsigned int)count - 1;
	return count < 8 ? 3 : count < 16 ? 4 : count < 32 ? 5 : count < 128 ? 6 : 7;
}

/*
 * The judge's sums only grow: what this program did is the difference. Differences are what is added
 * to the counts, too, for they are those of many processes, each with a judge of its own.
 */
static void feed_back_paths(void)
{
	const uint64_t *paths = judge_paths(fuzz.judge);

	for (unsigned int path = 0; path < LB_PATH_COUNT; path++) {
		uint64_t taken = paths[path] - fuzz.paths_before[path];

		if (!taken)
			continue;
		feedback(path * FEEDBACK_CLASSES + count_class(taken));
		if (fuzz.stats)
			fuzz.stats->paths[path] += taken;
		fuzz.paths_before[path] = paths[path];
	}
}

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/*
 * From one run to the next, with what the engine does in this process in between. A process that an
 * engine has forked begins its clock anew.
 */
static void count_cpu(void)
{
	double now = cpu_seconds();

	fuzz.stats->cpu_seconds += now < fuzz.cpu_before ? now : now - fuzz.cpu_before;
	fuzz.cpu_before = now;
}

static void count_run(const struct outcome *outcome)
{
	const uint64_t *exercised = judge_exercised(fuzz.judge);
	struct pages_stats *stats = fuzz.stats;

	if (!stats)
		return;
	stats->programs++;
	stats->executed += outcome->executed;
	stats->no_ops += outcome->no_ops;
	stats->comparisons += outcome->comparisons;
	count_cpu();
	for (unsigned int rule = 0; rule < RULE_COUNT; rule++) {
		stats->exercised[rule] += exercised[rule] - fuzz.exercised_before[rule];
		fuzz.exercised_before[rule] = exercised[rule];
	}
}

/* ---- the engine's entries ---- */

static void open_stats(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat file;

	if (fd < 0)
		return;
	if (fstat(fd, &file) == 0 && file.st_size == (off_t)sizeof(*fuzz.stats)) {
		void *map =
			mmap(NULL, sizeof(*fuzz.stats), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		fuzz.stats = map == MAP_FAILED ? NULL : map;
	}
	close(fd);
	if (fuzz.stats) {
		fuzz.stats->nr_rules = RULE_COUNT;
		fuzz.stats->nr_paths = LB_PATH_COUNT;
		fuzz.stats->magic = PAGES_STATS_MAGIC;
	}
}

static void must(bool holds, const char *else_sentence)
{
	if (holds)
		return;
	fprintf(stderr, "lostbuddy: %s\n", else_sentence);
	exit(1);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct judge_options options = { .cached_machines = CACHED_MACHINES };
	const char *known = getenv("LOSTBUDDY_KNOWN"), *stats = getenv("LOSTBUDDY_STATS");
	const char *name = getenv("LOSTBUDDY_TARGET");
	char error[TARGET_ERROR_SIZE];
	const struct lb_target *target = target_find(name ? name : "core", error);

	(void)argc;
	(void)argv;
	must(target, error);
	fuzz.target = *target;
	fuzz.target.flags |= LB_TARGET_TRUSTED; /* it may end this process: the engine's child */
	fuzz.judge = judge_create(&fuzz.target, &options);
	must(fuzz.judge, "no memory");
	must(!known || signatures_read(&fuzz.known, known),
	     "the file LOSTBUDDY_KNOWN cannot be read");
	program_init(&fuzz.program);
	mutation_begin(&fuzz.mutation);
	if (stats)
		open_stats(stats);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome outcome;

	if (fuzz.stats)
		fuzz.stats->begun++;
	if (!program_decode(&fuzz.program, data, size))
		return -1;
	bool clean = judge_run(fuzz.judge, &fuzz.program, &outcome);

	feed_back_paths();
	count_run(&outcome);
	if (!clean && !signatures_has(&fuzz.known, outcome.signature))
		stop_at(&outcome);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	size_t mutated = 0;

	if (seed % 8 != 0)
		mutated = mutation_mutate(&fuzz.mutation, data, size, data, max_size, seed);
	return mutated ? mutated : LLVMFuzzerMutate(data, size, max_size);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_out, unsigned int seed)
{
	return mutation_cross(&fuzz.mutation, data1, size1, data2, size2, out, max_out, seed);
}
