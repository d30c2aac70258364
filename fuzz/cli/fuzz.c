/* lostbuddy fuzz: a campaign. */
#define _GNU_SOURCE
#include "cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "campaign/save.h"

enum {
	DEFAULT_SECONDS = 60,
	OPT_ENGINE = 256,
	OPT_TIME,
	OPT_RUNS,
	OPT_SEED,
	OPT_MACHINE,
	OPT_BOOT,
	OPT_DIR,
	OPT_MISUSE,
	OPT_NO_MISUSE,
	OPT_KNOWN,
	OPT_JSON,
};

static const struct argp_option options[] = {
	{ "engine", OPT_ENGINE, "ENGINE", 0,
	  "builtin (random programs, the default), libfuzzer or afl (coverage, sanitizers)", 0 },
	{ "time", OPT_TIME, "TIME", 0,
	  "stop after 60s, 5m, 2h; 0 alone: never. Default: 60s, unless --runs is given", 0 },
	{ "runs", OPT_RUNS, "N", 0, "stop after N programs (libfuzzer and afl: some more)", 0 },
	{ "seed", OPT_SEED, "WORD", 0,
	  "any word or commit hash; equal seeds give equal campaigns. Default: a random one", 0 },
	{ "machine", OPT_MACHINE, "LINE|FILE", 0,
	  "one machine for all programs. Default: random ones", 0 },
	{ "from-boot", OPT_BOOT, "DIR", 0,
	  "the machine of a real kernel's boot (dmesg, cmdline, node)", 0 },
	OPTION_TARGET,
	{ "dir", OPT_DIR, "DIR", 0,
	  "where findings are written. Default: ./camp, made when there is one", 0 },
	{ "misuse", OPT_MISUSE, NULL, 0,
	  "wrong frees too. Default: if the target says it detects them", 0 },
	{ "no-misuse", OPT_NO_MISUSE, NULL, 0, "correct callers only", 0 },
	{ "known", OPT_KNOWN, "FILE", 0, "signatures, one a line, that are no news", 0 },
	{ "json", OPT_JSON, NULL, 0, "the summary as one JSON object on stdout; all else on stderr",
	  0 },
	{ 0 },
};

typedef void campaign_fn(const struct campaign_options *options, struct findings *f,
			 struct campaign_summary *summary);

static const struct engine_name {
	const char *name;
	campaign_fn *run;
} engines[] = {
	{ "builtin", campaign_run },
	{ "libfuzzer", campaign_run_libfuzzer },
	{ "afl", campaign_run_afl },
};

struct arguments {
	struct campaign_options campaign;
	struct machine machine;
	struct signatures known;
	const char *target, *machine_text, *boot;
	const struct engine_name *engine;
	bool json, dir_given, time_given;
	char seed[17];
	char fuzz_pages[PATH_MAX], afl_fuzz[PATH_MAX], corpus[PATH_MAX];
};

static const struct engine_name *find_engine(const char *name)
{
	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
		if (strcmp(engines[i].name, name) == 0)
			return &engines[i];
	return NULL;
}

static bool parse_time(const char *text, double *seconds)
{
	char *end;
	double value = strtod(text, &end);
	double unit = *end == 'm' ? 60 : *end == 'h' ? 3600 : 1;

	if (end == text || !(value >= 0) || !isfinite(value) ||
	    (*end && (!strchr("smh", *end) || end[1])))
		return false;
	*seconds = value * unit;
	return true;
}

static bool parse_count(const char *text, uint64_t *count)
{
	char *end;

	errno = 0;
	*count = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && !*end && errno == 0 && *count > 0;
}

static error_t parse_value(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPT_ENGINE:
		a->engine = find_engine(arg);
		if (!a->engine)
			argp_error(state,
				   "--engine %s: no such engine; there are builtin, libfuzzer and "
				   "afl",
				   arg);
		return 0;
	case OPT_TIME:
		a->time_given = true;
		if (!parse_time(arg, &a->campaign.seconds))
			argp_error(state, "--time %s: not a time; write 60s, 5m or 2h", arg);
		if (a->campaign.seconds == 0 && strcmp(arg, "0") != 0)
			argp_error(state,
				   "--time %s: no time at all; write 60s, 5m or 2h, or 0 alone for "
				   "no end",
				   arg);
		return 0;
	case OPT_RUNS:
		if (!parse_count(arg, &a->campaign.runs))
			argp_error(state,
				   "--runs %s: not a number of programs; write 1 or more, or "
				   "leave it out for --time alone",
				   arg);
		return 0;
	case OPT_SEED:
		a->campaign.seed = arg;
		if (!arg[0])
			argp_error(state, "--seed: an empty word; write any other");
		return 0;
	case OPT_DIR:
		a->dir_given = true;
		a->campaign.findings.dir = without_slashes(arg);
		return 0;
	case OPT_KNOWN:
		read_known(&a->known, arg, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPT_MACHINE:
		a->machine_text = arg;
		return 0;
	case OPT_BOOT:
		a->boot = arg;
		return 0;
	case 't':
		a->target = arg;
		return 0;
	case OPT_MISUSE:
		a->campaign.misuse = MISUSE_ON;
		return 0;
	case OPT_NO_MISUSE:
		a->campaign.misuse = MISUSE_OFF;
		return 0;
	case OPT_JSON:
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "%s: fuzz takes options only", arg);
		return 0;
	default:
		return parse_value(key, arg, state);
	}
}

static const struct argp argp = {
	options,
	parse,
	NULL,
	"Runs random programs on a target and on the oracle, and says where they differ.\v"
	"The seed is printed first. Before anything else, planted faults must be found (else: exit "
	"4). A finding is made "
	"as short as possible and written to DIR as NAME.lb (a program, read it, replay it), "
	"NAME.bin (the same as "
	"bytes) and NAME.txt (what is wrong, both states side by side); findings of one signature "
	"are "
	"written once.\n\n"
	"Exit codes: 0 nothing found, 1 wrong usage or a finding that could not be written, 3 "
	"known findings only, "
	"4 unhealthy (canary missed, too many no-ops, nothing compared), 72 interrupted, 77 "
	"something new found.\n\n"
	"Examples:\n"
	"  lostbuddy fuzz --time 10m --seed $(git rev-parse HEAD)\n"
	"  lostbuddy fuzz --target ./mine.so --machine 'nodes=2 pages=512'\n"
	"  lostbuddy fuzz --target broken:loses-buddies --runs 1000 --dir /tmp/camp",
	help_children,
	NULL,
	NULL,
};

/* Without --seed: 64 random bits as a word, so that the printed seed repeats the campaign. */
static void choose_seed(struct arguments *a)
{
	uint64_t bits = 0;

	if (a->campaign.seed)
		return;
	if (getrandom(&bits, sizeof(bits), 0) != sizeof(bits))
		bits = (uint64_t)getpid();
	snprintf(a->seed, sizeof(a->seed), "%016" PRIx64, bits);
	a->campaign.seed = a->seed;
}

static bool choose_machine(struct arguments *a)
{
	if (a->machine_text && a->boot)
		return fail("--machine and --from-boot: give one of them"), false;
	if (a->machine_text && !read_machine(&a->machine, a->machine_text))
		return false;
	if (a->boot && !read_boot(&a->machine, a->boot))
		return false;
	if (a->machine_text || a->boot)
		a->campaign.machine = &a->machine;
	return true;
}

static bool prepare(struct arguments *a)
{
	struct campaign_options *c = &a->campaign;
	char why[512];

	choose_seed(a);
	c->target = find_target(a->target);
	if (!c->target || !choose_machine(a))
		return false;
	if (a->dir_given && !save_folder(c->findings.dir, why))
		return fail("--dir: %s", why), false;
	if (!a->time_given && !c->runs)
		c->seconds = DEFAULT_SECONDS;
	c->notes = a->json ? stderr : stdout;
	c->terminal = isatty(fileno(c->notes));
	c->stop = stop_on_signals();
	c->findings.stop = c->stop;
	c->findings.seed = c->seed;
	c->findings.target_name = a->target;
	c->findings.command = program_invocation_name;
	c->findings.engine = a->engine == &engines[0] ? NULL : a->engine->name;
	c->findings.notes = c->notes;
	c->findings.known = &a->known;
	c->findings.machine = c->machine;
	return true;
}

/* The campaign proper, with what targets print kept apart from our own words. */
static bool run_caught(struct arguments *a, struct findings *findings,
		       struct campaign_summary *summary)
{
	struct campaign_options *c = &a->campaign;
	struct noise noise;

	noise_begin(&noise);
	if (a->json && noise.notes)
		c->notes = noise.notes;
	c->findings.notes = c->notes;
	c->findings.noise = &noise;
	bool begun = findings_begin(findings, &c->findings, c->target);

	if (begun)
		a->engine->run(c, findings, summary);
	findings->options.noise = NULL;
	noise_end(&noise);
	return begun;
}

static void find_engine_files(struct arguments *a)
{
	struct campaign_options *c = &a->campaign;

	if (find_fuzz_pages(a->fuzz_pages, a->engine->name))
		c->fuzz_pages = a->fuzz_pages;
	if (find_command(a->afl_fuzz, "afl-fuzz"))
		c->afl_fuzz = a->afl_fuzz;
	if (find_corpus(a->corpus))
		c->corpus = a->corpus;
}

static int run(struct arguments *a)
{
	struct campaign_summary *summary = calloc(1, sizeof(*summary));
	struct findings findings;

	find_engine_files(a);
	fprintf(a->campaign.notes, "seed %s\n", a->campaign.seed);
	fflush(a->campaign.notes);
	if (!summary || !run_caught(a, &findings, summary)) {
		free(summary);
		fail("no memory to begin a campaign");
		return EXIT_MEMORY;
	}
	if (a->json)
		report_json(stdout, &a->campaign, &findings, summary);
	else
		report_text(stdout, &a->campaign, &findings, summary);
	int code = (int)campaign_exit_code(summary);

	if (code == EXIT_USAGE)
		fail("%s", summary->why);
	if (code == EXIT_UNHEALTHY)
		fail("%s", campaign_unhealthy(summary));
	findings_end(&findings);
	free(summary);
	return code;
}

int verb_fuzz(int argc, char **argv)
{
	struct arguments a = {
		.target = "core",
		.engine = &engines[0],
		.campaign = { .findings = { .dir = "camp" } },
	};
	int code = EXIT_USAGE;

	if (argp_parse(&argp, argc, argv, 0, NULL, &a) == 0 && prepare(&a))
		code = run(&a);
	signatures_free(&a.known);
	return code;
}
