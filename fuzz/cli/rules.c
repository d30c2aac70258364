/* lostbuddy rules: what the oracle demands. */
#include "cli/cli.h"

#include <jansson.h>
#include <string.h>

enum { OPT_JSON = 256, OPT_LEVEL };

static const char *const level_names[] = { "contract", "buddy", "policy", "exact" };

static const struct argp_option options[] = {
	{ "json", OPT_JSON, NULL, 0, "an array of objects: id, level, sentence, source", 0 },
	{ "level", OPT_LEVEL, "LEVEL", 0, "only contract, buddy, policy or exact", 0 },
	{ 0 },
};

struct rules {
	bool json;
	int level; /* -1: all */
};

static int level_of(const char *name)
{
	for (int level = 0; level < 4; level++)
		if (strcmp(level_names[level], name) == 0)
			return level;
	return -1;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct rules *r = state->input;

	switch (key) {
	case OPT_JSON:
		r->json = true;
		return 0;
	case OPT_LEVEL:
		r->level = level_of(arg);
		if (r->level < 0)
			argp_error(state,
				   "--level %s: no such level; there are contract, buddy, policy "
				   "and exact",
				   arg);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "%s: rules takes options only", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options,
	parse,
	NULL,
	"Every rule of the oracle: its id, what must hold, and where that stands.\v"
	"Where it stands: facts N is section N of doc/LINUX-FACTS.md, readings is "
	"diff/READINGS.md, "
	"ops.def and machine.h are in diff/program/, target.h in diff/target/.\n"
	"Levels: contract holds for any allocator, buddy for any buddy system, policy for Linux's "
	"semantics, exact for "
	"lockstep with Linux. Which levels apply to a target follows from what it declares.\n\n"
	"Exit codes: 0 printed, 1 wrong usage.",
	help_children,
	NULL,
	NULL,
};

static void print_table(int wanted)
{
	const char *dim = colour(stdout, COLOUR_DIM), *none = colour(stdout, COLOUR_NONE);

	for (int level = 0; level < 4; level++) {
		if (wanted >= 0 && wanted != level)
			continue;
		printf("%s\n", level_names[level]);
		for (size_t rule = 0; rule < RULE_COUNT; rule++)
			if ((int)rule_info[rule].level == level)
				printf("  %-34s %s %s(%s)%s\n", rule_info[rule].id,
				       rule_info[rule].sentence, dim, rule_info[rule].source, none);
	}
}

static int print_json(int wanted)
{
	json_t *list = json_array();

	for (size_t rule = 0; rule < RULE_COUNT; rule++)
		if (wanted < 0 || wanted == (int)rule_info[rule].level)
			json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "id",
							      rule_info[rule].id, "level",
							      level_names[rule_info[rule].level],
							      "sentence", rule_info[rule].sentence,
							      "source", rule_info[rule].source));
	bool written = json_dumpf(list, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF;

	json_decref(list);
	return written ? EXIT_CLEAN : EXIT_USAGE;
}

int verb_rules(int argc, char **argv)
{
	struct rules r = { .level = -1 };

	if (argp_parse(&argp, argc, argv, 0, NULL, &r) != 0)
		return EXIT_USAGE;
	if (r.json)
		return print_json(r.level);
	print_table(r.level);
	return EXIT_CLEAN;
}
