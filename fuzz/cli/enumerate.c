/* lostbuddy enumerate: every sequence of a few operations in tiny worlds. */
#define _GNU_SOURCE
#include "cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "campaign/save.h"
#include "enumerate/enumerate.h"
#include "enumerate/worlds.h"
#include "judge/canary.h"
#include "target/builtin.h"

enum {
	DEFAULT_DEPTH = 6,
	DEFAULT_DEPTH_BLIND = 4, /* of a target of which nothing can be remembered */
	OPT_DEPTH = 256,
	OPT_MACHINE,
	OPT_WORLD,
	OPT_OPS,
	OPT_JOBS,
	OPT_DIR,
	OPT_KNOWN,
	OPT_REMEMBER,
	OPT_NO_MIRRORS,
	OPT_JSON,
};

static const struct argp_option options[] = {
	{ "depth", OPT_DEPTH, "N", 0,
	  "operations in a sequence, 1 .. 24. Default: 6; 4 if the target exports no state", 0 },
	{ "world", OPT_WORLD, "NAME", 0, "one of the worlds below. Default: all of them", 0 },
	{ "machine", OPT_MACHINE, "LINE|FILE", 0, "a machine of your own instead", 0 },
	{ "ops", OPT_OPS, "LIST|FILE", 0,
	  "the operations: lines of the language, divided by `;' in a LIST; `first' and `last' "
	  "name "
	  "a handle that lives, `dead' the last one freed. Default: 12 that suit the world",
	  0 },
	{ "remember", OPT_REMEMBER, "WHAT", 0,
	  "states (the default for core: a state is gone on from once), counts (a state and how "
	  "often each operation was made; for other targets that export their state), nothing "
	  "(every sequence for itself; for targets that export none)",
	  0 },
	{ "no-mirrors", OPT_NO_MIRRORS, NULL, 0,
	  "CPUs of one node may not change places. Default: they may, if the operations allow it",
	  0 },
	{ "jobs", OPT_JOBS, "N", 0, "processes, 1 .. 64. Default: one a CPU", 0 },
	OPTION_TARGET,
	{ "dir", OPT_DIR, "DIR", 0,
	  "where findings are written. Default: ./camp, made when there is one", 0 },
	{ "known", OPT_KNOWN, "FILE", 0, "signatures, one a line, that are no news", 0 },
	{ "json", OPT_JSON, NULL, 0, "the summary as one JSON object on stdout; all else on stderr",
	  0 },
	{ 0 },
};

struct arguments {
	struct enumerate_options enumerate;
	struct findings_options findings;
	struct signatures known;
	const char *world, *machine, *ops;
	bool remember_given, dir_given, json;
};

/* One machine with its moves, and what came of it. */
struct excursion {
	const char *name;
	struct machine machine;
	struct moves moves;
	struct enumerate_summary summary;
	size_t findings; /* new or known, that were met here first */
};

enum { MAX_EXCURSIONS = 16 };

static bool parse_number(const char *text, unsigned int most, unsigned int *number)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*number = (unsigned int)value;
	return text[0] >= '0' && text[0] <= '9' && !*end && value >= 1 && value <= most;
}

static bool parse_memory(const char *text, enum enumerate_memory *memory)
{
	static const char *const words[] = { [REMEMBER_STATES] = "states",
					     [REMEMBER_COUNTS] = "counts",
					     [REMEMBER_NOTHING] = "nothing" };

	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], text) == 0) {
			*memory = (enum enumerate_memory)i;
			return true;
		}
	return false;
}

static error_t parse_value(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPT_DEPTH:
		if (!parse_number(arg, ENUMERATE_MAX_DEPTH, &a->enumerate.depth))
			argp_error(state, "--depth %s: expected 1 .. %d", arg, ENUMERATE_MAX_DEPTH);
		return 0;
	case OPT_JOBS:
		if (!parse_number(arg, ENUMERATE_MAX_JOBS, &a->enumerate.jobs))
			argp_error(state, "--jobs %s: expected 1 .. %d", arg, ENUMERATE_MAX_JOBS);
		return 0;
	case OPT_REMEMBER:
		a->remember_given = true;
		if (!parse_memory(arg, &a->enumerate.memory))
			argp_error(state, "--remember %s: expected states, counts or nothing", arg);
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
		a->machine = arg;
		return 0;
	case OPT_WORLD:
		a->world = arg;
		return 0;
	case OPT_OPS:
		a->ops = arg;
		return 0;
	case 't':
		a->findings.target_name = arg;
		return 0;
	case OPT_DIR:
		a->dir_given = true;
		a->findings.dir = without_slashes(arg);
		return 0;
	case OPT_NO_MIRRORS:
		a->enumerate.mirrors = false;
		return 0;
	case OPT_JSON:
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "%s: enumerate takes options only", arg);
		return 0;
	default:
		return parse_value(key, arg, state);
	}
}

static char *print_worlds(int key, const char *text, void *input)
{
	char *page = NULL;
	size_t size = 0;
	FILE *out;
	const struct world *world;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC || !(out = open_memstream(&page, &size)))
		return (char *)text;
	fprintf(out, "%s\n\nWorlds:\n", text);
	for (unsigned int i = 0; (world = world_number(i)); i++)
		fprintf(out, "  %-10s %s\n", world->name, world->what);
	fclose(out);
	return page;
}

static const struct argp argp = {
	options,
	parse,
	NULL,
	"Tries every sequence of a few operations, up to a length, in worlds of 64 to 96 pages.\v"
	"Before anything else, planted faults must be found (else: exit 4). After each operation "
	"target and oracle are "
	"compared; in each state the program ends once, and everything is given back. States are "
	"remembered, so that what "
	"two sequences have in common is tried once. What is wrong is made as short as possible "
	"and written as by "
	"`lostbuddy fuzz'; a sequence is not continued behind an operation that showed something "
	"wrong.\n\n"
	"Exit codes: 0 nothing found, 1 wrong usage or a finding that could not be written, 3 "
	"known findings only, "
	"4 unhealthy (canary missed, no operation carried out), 71 no memory, 72 interrupted, 77 "
	"something new found.\n\n"
	"Examples:\n"
	"  lostbuddy enumerate\n"
	"  lostbuddy enumerate --world two-cpus --depth 8\n"
	"  lostbuddy enumerate --target ./mine.so --machine 'pages=32 min_free_kbytes=0' "
	"--ops 'alloc_page(gfp=KERNEL); __free_pages(first); __free_pages(last)'",
	help_children,
	print_worlds,
	NULL,
};

/* ---- what is to be enumerated ---- */

static bool read_moves(struct excursion *x, const char *list_or_file)
{
	struct text_error error = { 0 };
	bool is_file = !strchr(list_or_file, '(');
	size_t size;
	char *text = is_file ? read_whole_file(list_or_file, &size) : strdup(list_or_file);

	if (!text)
		return fail("--ops %s: %s", list_or_file, strerror(errno)), false;
	bool read = moves_parse(&x->moves, &x->machine, text, &error);

	if (!read)
		fail_at(is_file ? list_or_file : "--ops", &error);
	free(text);
	return read;
}

/* Wrong frees are for targets that say they notice them, or for who asks for them by name. */
static bool choose_moves(const struct arguments *a, struct excursion *x, const char *moves)
{
	if (!read_moves(x, a->ops ? a->ops : moves))
		return false;
	if (!a->ops && !(a->enumerate.target->flags & LB_TARGET_MISUSE))
		moves_drop_misuse(&x->moves);
	return true;
}

static bool prepare_world(const struct arguments *a, const struct world *world, struct excursion *x)
{
	x->name = world->name;
	return read_machine(&x->machine, world->machine) && choose_moves(a, x, world->moves);
}

/* Returns how many there are; 0: the error was printed. */
static unsigned int prepare_worlds(const struct arguments *a, struct excursion *all)
{
	const struct world *world = a->world ? world_named(a->world) : NULL;
	unsigned int nr = 0;

	if (a->world && !world)
		return (unsigned int)!fail(
			"--world %s: no such world; `lostbuddy enumerate --help' "
			"lists them",
			a->world);
	if (world)
		return prepare_world(a, world, &all[0]);
	for (; nr < MAX_EXCURSIONS && (world = world_number(nr)); nr++)
		if (!prepare_world(a, world, &all[nr]))
			return 0;
	return nr;
}

static unsigned int prepare_excursions(const struct arguments *a, struct excursion *all)
{
	if (a->machine && a->world)
		return (unsigned int)!fail("--machine and --world: give one of them");
	if (!a->machine)
		return prepare_worlds(a, all);
	all[0].name = "machine";
	return read_machine(&all[0].machine, a->machine) &&
	       choose_moves(a, &all[0], moves_for(&all[0].machine));
}

/* What a target can be believed: our own core, whoever exports its state, and the others. */
static enum enumerate_memory memory_for(const struct lb_target *target)
{
	if (target == &core_target)
		return REMEMBER_STATES;
	return target->export_state ? REMEMBER_COUNTS : REMEMBER_NOTHING;
}

static bool prepare(struct arguments *a)
{
	struct enumerate_options *e = &a->enumerate;
	char why[512];

	e->target = find_target(a->findings.target_name);
	if (!e->target)
		return false;
	if (a->dir_given && !save_folder(a->findings.dir, why))
		return fail("--dir: %s", why), false;
	if (!a->remember_given)
		e->memory = memory_for(e->target);
	if (!e->depth)
		e->depth = e->memory == REMEMBER_NOTHING ? DEFAULT_DEPTH_BLIND : DEFAULT_DEPTH;
	e->stop = stop_on_signals();
	a->findings.stop = e->stop;
	a->findings.command = program_invocation_name;
	a->findings.known = &a->known;
	a->findings.notes = a->json ? stderr : stdout;
	return true;
}

/* ---- what came of it ---- */

static const char *const end_words[] = {
	[ENUMERATE_DONE] = "done",	  [ENUMERATE_STOPPED] = "interrupted",
	[ENUMERATE_DEATHS] = "deaths",	  [ENUMERATE_SAVE] = "not written",
	[ENUMERATE_MEMORY] = "no memory", [ENUMERATE_WORKER] = "no process",
};

static double rate(const struct enumerate_summary *s)
{
	return s->seconds > 0 ? (double)s->transitions / s->seconds : 0;
}

static void report_excursion(FILE *out, const struct excursion *x)
{
	const struct enumerate_summary *s = &x->summary;

	fprintf(out,
		"%s: %" PRIu64 " sequences of up to %u of %u operations; %" PRIu64
		" states, %" PRIu64 " transitions carried out\n",
		x->name, s->sequences, s->depth, x->moves.nr, s->states, s->transitions);
	fprintf(out,
		"  %" PRIu64 " led to a state seen before, %" PRIu64
		" to its mirror image, %" PRIu64 " did nothing; %" PRIu64
		" went wrong (%zu findings)\n",
		s->again, s->mirrored, s->idle, s->failed, x->findings);
	fprintf(out, "  %.1f s, %.0f transitions/s, %" PRIu64 " operations\n", s->seconds, rate(s),
		s->operations);
	if (s->end != ENUMERATE_DONE)
		fprintf(out, "  ended early: %s\n", s->why);
	fflush(out);
}

static json_t *json_excursion(const struct excursion *x)
{
	const struct enumerate_summary *s = &x->summary;

	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
			 "s:f, s:f, s:f, s:i}",
			 "world", x->name, "end", end_words[s->end], "why", s->why, "depth",
			 (int)s->depth, "ops", (int)x->moves.nr, "sequences",
			 (json_int_t)s->sequences, "states", (json_int_t)s->states, "transitions",
			 (json_int_t)s->transitions, "again", (json_int_t)s->again, "mirrored",
			 (json_int_t)s->mirrored, "idle", (json_int_t)s->idle, "failed",
			 (json_int_t)s->failed, "operations", (json_int_t)s->operations, "deaths",
			 (json_int_t)s->deaths, "seconds", s->seconds, "cpu_seconds",
			 s->cpu_seconds, "transitions_per_second", rate(s), "findings",
			 (int)x->findings);
}

static json_t *json_findings(const struct findings *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->nr_entries; i++) {
		const struct finding *entry = &f->entries[i];

		json_array_append_new(list, json_pack("{s:s, s:b, s:i, s:s*}", "signature",
						      entry->signature, "known", entry->known,
						      "operations", (int)entry->ops_after, "name",
						      entry->written ? entry->name : NULL));
	}
	return list;
}

static void report_json_summary(const struct arguments *a, const struct excursion *all,
				unsigned int nr, const struct findings *f, int code)
{
	json_t *worlds = json_array();

	for (unsigned int i = 0; i < nr; i++)
		json_array_append_new(worlds, json_excursion(&all[i]));

	json_t *object =
		json_pack("{s:s, s:i, s:i, s:i, s:o, s:o}", "target", a->findings.target_name,
			  "depth", (int)a->enumerate.depth, "jobs", (int)a->enumerate.jobs,
			  "exit_code", code, "worlds", worlds, "findings", json_findings(f));

	if (object)
		json_dumpf(object, stdout, JSON_INDENT(2));
	printf("\n");
	json_decref(object);
}

static int exit_code_of(const struct excursion *all, unsigned int nr, const struct findings *f)
{
	uint64_t transitions = 0, failed = 0;

	for (unsigned int i = 0; i < nr; i++) {
		const struct enumerate_summary *s = &all[i].summary;

		transitions += s->transitions;
		failed += s->failed;
		if (s->end == ENUMERATE_SAVE || s->end == ENUMERATE_WORKER)
			return fail("%s", s->why);
		if (s->end == ENUMERATE_MEMORY)
			return fail("%s", s->why), EXIT_MEMORY;
	}
	if (findings_new(f))
		return EXIT_FINDING;
	if (*f->options.stop)
		return EXIT_INTERRUPT;
	if (findings_known(f))
		return EXIT_KNOWN;
	if (transitions == 0 || failed > 0)
		return fail("nothing was carried out: the target can do none of these operations"),
		       EXIT_UNHEALTHY;
	return EXIT_CLEAN;
}

/* ---- the way there ---- */

static void enumerate_one(struct arguments *a, struct excursion *x, struct findings *f)
{
	struct enumerate_options e = a->enumerate;
	size_t before = f->nr_entries;
	char how[256];

	snprintf(how, sizeof(how), "%s enumerate --target %s --depth %u, world %s",
		 program_invocation_name, a->findings.target_name, e.depth, x->name);
	f->options.how = how;
	e.machine = &x->machine;
	e.moves = &x->moves;
	e.findings = f;
	enumerate(&e, &x->summary);
	f->options.how = NULL;
	x->findings = f->nr_entries - before;
}

/* With what targets print kept apart from our own words. */
static void enumerate_all(struct arguments *a, struct excursion *all, unsigned int nr,
			  struct findings *f)
{
	struct noise noise;
	FILE *notes = f->options.notes;

	noise_begin(&noise);
	f->options.noise = &noise;
	if (a->json && noise.notes)
		f->options.notes = noise.notes;
	for (unsigned int i = 0; i < nr && !*a->enumerate.stop; i++) {
		enumerate_one(a, &all[i], f);
		report_excursion(f->options.notes, &all[i]);
	}
	f->options.notes = notes;
	f->options.noise = NULL;
	noise_end(&noise);
}

static int run(struct arguments *a, struct excursion *all, unsigned int nr)
{
	char report[4096];
	struct findings f;

	if (!canary_run(report, sizeof(report)))
		return fail("a planted fault was not found, so nothing else would be: %s", report),
		       EXIT_UNHEALTHY;
	if (!findings_begin(&f, &a->findings, a->enumerate.target))
		return fail("no memory to begin with"), EXIT_MEMORY;
	enumerate_all(a, all, nr, &f);

	int code = exit_code_of(all, nr, &f);

	if (a->json)
		report_json_summary(a, all, nr, &f, code);
	findings_end(&f);
	return code;
}

/* CPUs that this process may run on, or as many as there may be jobs. */
static unsigned int cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0 || CPU_COUNT(&set) < 1)
		return 1;
	return CPU_COUNT(&set) < ENUMERATE_MAX_JOBS ? (unsigned int)CPU_COUNT(&set)
						    : ENUMERATE_MAX_JOBS;
}

int verb_enumerate(int argc, char **argv)
{
	struct arguments a = { .enumerate = { .jobs = cpus(), .mirrors = true },
			       .findings = { .dir = "camp", .target_name = "core" } };
	struct excursion *all = calloc(MAX_EXCURSIONS, sizeof(*all));
	unsigned int nr;
	int code = EXIT_USAGE;

	if (!all)
		return EXIT_MEMORY;
	if (argp_parse(&argp, argc, argv, 0, NULL, &a) == 0 && prepare(&a) &&
	    (nr = prepare_excursions(&a, all)) > 0)
		code = run(&a, all, nr);
	signatures_free(&a.known);
	free(all);
	return code;
}
