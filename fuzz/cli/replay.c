/* lostbuddy replay: run programs from files, and say whether anything is wrong. */
#include "cli/cli.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/rewrite.h"

enum { OPT_DIGEST = 256, OPT_OBSERVE, OPT_NO_OBSERVED, OPT_FTRACE };

static const struct argp_option options[] = {
	OPTION_TARGET,
	{ "digest", OPT_DIGEST, NULL, 0, "print the digest of all calls and results", 0 },
	{ "observe", OPT_OBSERVE, NULL, 0,
	  "write what was observed back into the files (text form)", 0 },
	{ "no-observed", OPT_NO_OBSERVED, NULL, 0,
	  "do not compare with what the files say was observed", 0 },
	{ "ftrace", OPT_FTRACE, "FILE", 0,
	  "write the core's own events to FILE, as Linux's trace file would show them (one "
	  "program)",
	  0 },
	{ 0 },
};

struct replay {
	const char *target_name;
	const struct lb_target *target;
	bool digest, observe, no_observed;
	const char *ftrace;
	char **paths;
	int nr_paths;
	struct judge *closely, *plain;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct replay *r = state->input;

	switch (key) {
	case 't':
		r->target_name = arg;
		return 0;
	case OPT_DIGEST:
		r->digest = true;
		return 0;
	case OPT_OBSERVE:
		r->observe = true;
		return 0;
	case OPT_NO_OBSERVED:
		r->no_observed = true;
		return 0;
	case OPT_FTRACE:
		r->ftrace = arg;
		return 0;
	case ARGP_KEY_ARGS:
		r->paths = state->argv + state->next;
		r->nr_paths = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "name a program, or a folder of programs");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options,
	parse,
	"FILE|FOLDER...",
	"Runs programs (.lb text or .bin bytes) and compares with the oracle after every "
	"operation.\v"
	"What a text says was observed (behind `->') is compared too; a line with `-> !' is an "
	"expected divergence, and "
	"missing it is a finding. One line a program. A folder means all .lb and .bin files in it "
	"and below it.\n\n"
	"Exit codes, the worst of all files: 0 clean, 1 cannot be read, 3 expected divergences "
	"only, "
	"5 two runs differed, 77 a finding.",
	help_children,
	NULL,
	NULL,
};

/* From harmless to serious: the exit code of many files is that of the worst. */
static int worse(int a, int b)
{
	static const int order[] = { EXIT_CLEAN, EXIT_KNOWN, EXIT_INCONCLUSIVE, EXIT_FINDING,
				     EXIT_USAGE };
	int rank_a = 0, rank_b = 0;

	for (int i = 0; i < 5; i++) {
		rank_a = order[i] == a ? i : rank_a;
		rank_b = order[i] == b ? i : rank_b;
	}
	return rank_a > rank_b ? a : b;
}

/* What the first `!` line of a program announces; NULL: it has none, or nobody asks. */
static const char *expected_divergence(const struct replay *r, const struct program *p)
{
	for (uint32_t i = 0; !r->no_observed && p->observed && i < p->nr_ops; i++)
		if (p->observed[i].kind == OBSERVED_DIVERGENCE)
			return p->observed[i].words;
	return NULL;
}

static struct judge *judge_of(struct replay *r, const struct program *p)
{
	struct judge **judge = p->nr_ops <= CAREFUL_MAX_OPS ? &r->closely : &r->plain;

	if (!*judge)
		*judge = closely_judge(r->target, p, !r->no_observed);
	return *judge;
}

static void print_outcome(const char *path, const struct replay *r, const struct program *p,
			  const struct outcome *outcome, int code)
{
	const char *bad = colour(stdout, COLOUR_BAD), *good = colour(stdout, COLOUR_GOOD);
	const char *none = colour(stdout, COLOUR_NONE);

	switch (code) {
	case EXIT_CLEAN:
		printf("%s: %sclean%s, %u operations", path, good, none, outcome->executed);
		break;
	case EXIT_KNOWN:
		printf("%s: expected divergence: %s", path, expected_divergence(r, p));
		break;
	case EXIT_INCONCLUSIVE:
		printf("%s: %sinconclusive%s, two runs differ", path, bad, none);
		break;
	default:
		printf("%s: %sfinding%s ", path, bad, none);
		if (outcome->at_boot)
			printf("when the target was created");
		else
			printf("at operation %u", outcome->op);
		break;
	}
	if (outcome->kind != FINDING_NONE)
		printf(": %s", outcome->signature);
	if (r->digest)
		printf(" digest %016" PRIx64, outcome->digest);
	printf("\n");
	if (code == EXIT_FINDING && outcome->verdict.what[0])
		printf("  %s\n", outcome->verdict.what);
	if (outcome->kind == FINDING_MISSED)
		printf("  It ran on target %s; is that the one it was found on (--target)?\n",
		       r->target_name);
}

/* A program that hung is not asked twice. */
static int run_twice(const struct replay *r, struct judge *judge, const struct program *p,
		     struct outcome *outcome)
{
	struct outcome again;
	bool clean = judge_run(judge, p, outcome);

	if (outcome->kind == FINDING_HANG)
		return EXIT_FINDING;
	judge_run(judge, p, &again);
	if (again.digest != outcome->digest || again.kind != outcome->kind)
		return EXIT_INCONCLUSIVE;
	if (!clean)
		return EXIT_FINDING;
	/* Clean with a `!` line: the judge has met what the line announces. */
	return expected_divergence(r, p) ? EXIT_KNOWN : EXIT_CLEAN;
}

static int observe(struct judge *judge, struct program *p, const char *path)
{
	struct outcome outcome;
	size_t size = 0;

	judge_observe(judge, p, &outcome);
	char *text = rewrite_program(path, p, &size);

	if (!text)
		return fail("%s: observations are written into text only; make one with `lostbuddy "
			    "show'",
			    path);
	bool written = write_output(path, text, size);

	free(text);
	return written ? EXIT_CLEAN : EXIT_USAGE;
}

static int replay_file(struct replay *r, const char *path)
{
	struct program p;
	struct outcome outcome;
	int code = EXIT_USAGE;

	if (read_program(&p, path)) {
		struct judge *judge = judge_of(r, &p);

		if (judge) {
			code = run_twice(r, judge, &p, &outcome);
			print_outcome(path, r, &p, &outcome, code);
		}
		/* what was announced and does not happen is not wiped out: the target may be another */
		if (judge && r->observe && outcome.kind != FINDING_MISSED)
			code = worse(code == EXIT_FINDING && outcome.kind != FINDING_CRASH
					     ? EXIT_CLEAN
					     : code,
				     observe(judge, &p, path));
		if (judge && r->ftrace)
			code = worse(code, export_trace(&p, r->ftrace));
	}
	program_free(&p);
	return code;
}

static bool is_program_name(const char *name)
{
	size_t length = strlen(name);

	return (length > 3 && strcmp(name + length - 3, ".lb") == 0) ||
	       (length > 4 && strcmp(name + length - 4, ".bin") == 0);
}

static int replay_path(struct replay *r, const char *path, unsigned int depth);

static int replay_folder(struct replay *r, const char *folder, unsigned int depth)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort), code = EXIT_CLEAN;

	if (count < 0)
		return fail("%s: %s", folder, strerror(errno));
	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];
		struct stat file;
		bool fits = (size_t)snprintf(path, sizeof(path), "%s/%s", folder,
					     entries[i]->d_name) < sizeof(path);
		bool wanted = fits && entries[i]->d_name[0] != '.' && stat(path, &file) == 0;

		if (wanted && (S_ISDIR(file.st_mode) || is_program_name(path)))
			code = worse(code, replay_path(r, path, depth + 1));
		free(entries[i]);
	}
	free(entries);
	return code;
}

static int replay_path(struct replay *r, const char *path, unsigned int depth)
{
	struct stat file;

	if (depth > 16)
		return fail("%s: folders within folders, too deep", path);
	if (stat(path, &file) == 0 && S_ISDIR(file.st_mode))
		return replay_folder(r, path, depth);
	return replay_file(r, path);
}

/* One file of events has the events of one program, and they are the core's. */
static bool may_ftrace(const struct replay *r)
{
	struct stat file;
	bool folder = stat(r->paths[0], &file) == 0 && S_ISDIR(file.st_mode);

	if (r->nr_paths == 1 && !folder && strcmp(r->target_name, "core") == 0)
		return may_report_into(r->ftrace);
	fail("--ftrace: name one program, and no other target than core");
	return false;
}

int verb_replay(int argc, char **argv)
{
	struct replay r = { .target_name = "core" };
	int worst = EXIT_CLEAN;

	if (argp_parse(&argp, argc, argv, 0, NULL, &r) != 0)
		return EXIT_USAGE;
	r.target = find_target(r.target_name);
	if (!r.target)
		return EXIT_USAGE;
	if (r.ftrace && !may_ftrace(&r))
		return EXIT_USAGE;
	for (int i = 0; i < r.nr_paths; i++)
		worst = worse(worst, replay_path(&r, r.paths[i], 0));
	if (r.closely)
		judge_destroy(r.closely);
	if (r.plain)
		judge_destroy(r.plain);
	return worst;
}
