/*
 * What a campaign says of itself: progress while it runs, a summary at its end, for people and
 * for programs.
 */
#include "campaign/campaign.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

double campaign_no_ops(const struct campaign_summary *summary)
{
	uint64_t all = summary->executed + summary->no_ops;

	return all ? 100.0 * (double)summary->no_ops / (double)all : 0;
}

double campaign_speed(const struct campaign_summary *summary)
{
	return summary->cpu_seconds > 0 ? (double)summary->executed / summary->cpu_seconds : 0;
}

const char *campaign_unhealthy(const struct campaign_summary *summary)
{
	if (summary->end == END_CANARY)
		return "a planted fault was not found, so a silent campaign would prove nothing";
	if (summary->end == END_SIGNAL && summary->programs == 0)
		return NULL;
	if (summary->executed == 0)
		return "no operation was executed";
	if (summary->comparisons == 0)
		return "nothing was compared";
	if (summary->executed + summary->no_ops >= CAMPAIGN_MIN_JUDGED &&
	    campaign_no_ops(summary) > (double)CAMPAIGN_MAX_NO_OPS)
		return "too many operations did nothing";
	return NULL;
}

enum exit_code campaign_exit_code(const struct campaign_summary *summary)
{
	switch (summary->end) {
	case END_CANARY:
		return EXIT_UNHEALTHY;
	case END_SAVE:
	case END_ENGINE:
		return EXIT_USAGE;
	case END_MEMORY:
		return EXIT_MEMORY;
	default:
		break;
	}
	if (summary->new_findings)
		return EXIT_FINDING;
	if (summary->end == END_SIGNAL)
		return EXIT_INTERRUPT;
	if (campaign_unhealthy(summary))
		return EXIT_UNHEALTHY;
	return summary->known_findings ? EXIT_KNOWN : EXIT_CLEAN;
}

static const char *end_sentence(enum campaign_end end)
{
	switch (end) {
	case END_RUNS:
		return "all programs were run";
	case END_TIME:
		return "the time was over";
	case END_SIGNAL:
		return "stopped by a signal";
	case END_CANARY:
		return "refused to start";
	case END_SAVE:
		return "a finding could not be written";
	case END_FULL:
		return "too many distinct findings";
	case END_ENGINE:
		return "the engine could not be started";
	case END_MEMORY:
		return "no memory";
	}
	return "";
}

#define BIT(op) (UINT64_C(1) << (op))

/* Frees that are wrong wherever they are made, and those that are wrong for some blocks only. */
static bool makes_bad_frees(const struct campaign_options *options)
{
	const uint64_t always = BIT(OP_FREE_WRONG_ORDER) | BIT(OP_FREE_TAIL) | BIT(OP_FREE_PFN);
	const uint64_t at_times = BIT(OP_PUT_PAGE) | BIT(OP_PUT_FRAME);
	const uint64_t can = options->target->capabilities;

	return can & at_times || (campaign_misuses(options) && can & always);
}

/*
 * Can this rule be asked of this target at all? What a target does not offer (its state, its
 * memory, Linux's policy, an operation) and what a campaign does not try (misuse) leaves rules
 * without a premise for ever; they are no gap of a campaign.
 */
static bool rule_applies(const struct campaign_options *options, size_t rule)
{
	const struct lb_target *target = options->target;
	const uint32_t owes_nothing = LB_TARGET_LINUX | LB_TARGET_CACHES;

	switch (rule) {
	case RULE_CONTRACT_DOUBLE_FREE:
		return campaign_misuses(options) && target->capabilities & BIT(OP_DOUBLE_FREE);
	case RULE_CONTRACT_BAD_FREE:
		return makes_bad_frees(options);
	case RULE_CONTRACT_BULK:
		return target->capabilities &
		       (BIT(OP_ALLOC_PAGES_BULK) | BIT(OP_ALLOC_PAGES_BULK_LIST));
	case RULE_CONTRACT_BOUND:
		return target->capabilities & (BIT(OP_SET_MEMPOLICY) | BIT(OP_SET_MEMS_ALLOWED));
	case RULE_CONTRACT_CONTENTS:
	case RULE_CONTRACT_ZEROED:
		return target->memory;
	case RULE_CONTENTS_INIT_ON_ALLOC:
	case RULE_CONTENTS_INIT_ON_FREE:
	case RULE_CONTENTS_PAGE_POISON:
		return target->memory && (target->flags & LB_TARGET_LINUX);
	case RULE_CONTRACT_SHARING:
		return target->capabilities & (BIT(OP_GET_PAGE) | BIT(OP_SPLIT_PAGE));
	case RULE_CONTRACT_UNJUSTIFIED_FAILURE:
		return !(target->flags & owes_nothing) && (target->flags & LB_TARGET_EAGER_MERGE);
	case RULE_BUDDY_UNMERGED:
		return target->export_state || (target->flags & LB_TARGET_EAGER_MERGE);
	default:
		break;
	}
	if (rule_info[rule].level == LEVEL_CONTRACT)
		return true;
	return target->export_state &&
	       (rule_info[rule].level == LEVEL_BUDDY || (target->flags & LB_TARGET_LINUX));
}

static size_t rules_with(const struct campaign_options *options,
			 const struct campaign_summary *summary, uint64_t at_least)
{
	size_t sum = 0;

	for (size_t rule = 0; rule < RULE_COUNT; rule++)
		sum += rule_applies(options, rule) && summary->exercised[rule] >= at_least;
	return sum;
}

static size_t paths_taken(const struct campaign_summary *summary)
{
	size_t sum = 0;

	for (size_t path = 0; path < LB_PATH_COUNT; path++)
		sum += summary->paths[path] > 0;
	return sum;
}

/* What is counted as a comparison: of a target without exported state, the end of a program. */
static const char *what_is_compared(const struct lb_target *target)
{
	if (target->export_state)
		return "of the whole state";
	if (target->flags & LB_TARGET_CACHES)
		return "ends of programs; no state is exported, and its caches hide what is left: "
		       "blocks and contents were looked at only";
	return "of what can be had when all was given back; no state is exported";
}

static void print_never(FILE *out, const struct campaign_options *options,
			const struct campaign_summary *summary)
{
	const struct lb_target *target = options->target;

	if (rules_with(options, summary, 1) < rules_with(options, summary, 0)) {
		fprintf(out, "  never exercised   ");
		for (size_t rule = 0; rule < RULE_COUNT; rule++)
			if (rule_applies(options, rule) && summary->exercised[rule] == 0)
				fprintf(out, " %s", rule_info[rule].id);
		fprintf(out, "\n");
	}
	if (target->paths && paths_taken(summary) < LB_PATH_COUNT) {
		fprintf(out, "  never taken       ");
		for (unsigned int path = 0; path < LB_PATH_COUNT; path++)
			if (summary->paths[path] == 0)
				fprintf(out, " %s", lb_path_name((enum lb_path)path));
		fprintf(out, "\n");
	}
}

static void print_findings(FILE *out, const struct findings *f)
{
	for (size_t i = 0; i < f->nr_entries; i++) {
		const struct finding *entry = &f->entries[i];

		fprintf(out, "  %-8s %s (%" PRIu64 " programs)", entry->known ? "known" : "finding",
			entry->signature, entry->seen);
		if (entry->written)
			fprintf(out, "\n           %s/%s.lb", f->options.dir, entry->name);
		fprintf(out, "\n");
	}
}

/* The reason may have several lines, as the canaries' report has. */
static void print_why(FILE *out, const char *why)
{
	while (*why) {
		size_t length = strcspn(why, "\n");

		fprintf(out, "  %.*s\n", (int)length, why);
		why += length + (why[length] == '\n');
	}
}

void report_text(FILE *out, const struct campaign_options *options, const struct findings *f,
		 const struct campaign_summary *summary)
{
	const struct lb_target *target = options->target;
	const char *unhealthy = campaign_unhealthy(summary);

	fprintf(out, "seed %s, target %s: %s after %.1f s\n", options->seed,
		options->findings.target_name, end_sentence(summary->end), summary->wall_seconds);
	print_why(out, summary->why);
	fprintf(out, "  programs           %" PRIu64 "\n", summary->programs);
	fprintf(out, "  operations         %" PRIu64 ", %.0f a second of CPU time\n",
		summary->executed, campaign_speed(summary));
	fprintf(out, "  no-ops             %.1f %%\n", campaign_no_ops(summary));
	fprintf(out, "  comparisons        %" PRIu64 " %s\n", summary->comparisons,
		what_is_compared(target));
	fprintf(out, "  rules exercised    %zu of %zu that apply, %zu at least %d times\n",
		rules_with(options, summary, 1), rules_with(options, summary, 0),
		rules_with(options, summary, CAMPAIGN_OFTEN), (int)CAMPAIGN_OFTEN);
	if (target->paths)
		fprintf(out, "  paths taken        %zu of %d\n", paths_taken(summary),
			(int)LB_PATH_COUNT);
	if (summary->executed)
		print_never(out, options, summary);
	fprintf(out, "  findings           %zu new, %zu known\n", summary->new_findings,
		summary->known_findings);
	print_findings(out, f);
	/* Who has found something need not be told that silence would prove nothing. */
	if (unhealthy && !summary->new_findings)
		fprintf(out, "unhealthy: %s\n", unhealthy);
}

static json_t *json_findings(const struct findings *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->nr_entries; i++) {
		const struct finding *entry = &f->entries[i];

		json_array_append_new(list, json_pack("{s:s, s:b, s:I, s:i, s:s*}", "signature",
						      entry->signature, "known", entry->known,
						      "seen", (json_int_t)entry->seen, "operations",
						      (int)entry->ops_after, "name",
						      entry->written ? entry->name : NULL));
	}
	return list;
}

static json_t *json_rules(const struct campaign_summary *summary)
{
	json_t *object = json_object();

	for (size_t rule = 0; rule < RULE_COUNT; rule++)
		json_object_set_new(object, rule_info[rule].id,
				    json_integer((json_int_t)summary->exercised[rule]));
	return object;
}

static json_t *json_paths(const struct campaign_summary *summary)
{
	json_t *object = json_object();

	for (unsigned int path = 0; path < LB_PATH_COUNT; path++)
		json_object_set_new(object, lb_path_name((enum lb_path)path),
				    json_integer((json_int_t)summary->paths[path]));
	return object;
}

bool report_json(FILE *out, const struct campaign_options *options, const struct findings *f,
		 const struct campaign_summary *summary)
{
	json_t *object = json_pack(
		"{s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:s*, s:o, s:o, s:o}",
		"seed", options->seed, "target", options->findings.target_name, "end",
		end_sentence(summary->end), "why", summary->why, "exit_code",
		(int)campaign_exit_code(summary), "programs", (json_int_t)summary->programs,
		"operations", (json_int_t)summary->executed, "no_ops", (json_int_t)summary->no_ops,
		"comparisons", (json_int_t)summary->comparisons, "cpu_seconds",
		summary->cpu_seconds, "wall_seconds", summary->wall_seconds, "ops_per_second",
		campaign_speed(summary), "unhealthy", campaign_unhealthy(summary), "rules",
		json_rules(summary), "paths", json_paths(summary), "findings", json_findings(f));

	if (!object)
		return false;
	bool written = json_dumpf(object, out, JSON_INDENT(2)) == 0 && fputc('\n', out) != EOF;

	json_decref(object);
	return written;
}

void progress_begin(struct progress *progress, FILE *notes, bool terminal)
{
	*progress = (struct progress){ .notes = notes,
				       .terminal = terminal,
				       .step = terminal ? 0.2 : 1 };
	progress->next = progress->step;
}

/*
 * On a terminal five times a second on one line; else lines at 1, 2, 4 .. 64 seconds, then each
 * minute.
 */
void progress_tick(struct progress *progress, double now, const struct campaign_summary *summary)
{
	if (now < progress->next)
		return;
	if (progress->terminal)
		fprintf(progress->notes, "\r\033[K");
	fprintf(progress->notes,
		"%.0f s: %" PRIu64 " programs, %" PRIu64 " operations, %.1f %% no-ops, %" PRIu64
		" comparisons",
		now, summary->programs, summary->executed, campaign_no_ops(summary),
		summary->comparisons);
	if (!progress->terminal)
		fprintf(progress->notes, "\n");
	fflush(progress->notes);
	progress->line_open = progress->terminal;
	if (!progress->terminal && progress->step < 60)
		progress->step = progress->next;
	progress->next = now + progress->step;
}

void progress_clear(struct progress *progress)
{
	if (progress->line_open)
		fprintf(progress->notes, "\r\033[K");
	progress->line_open = false;
}
