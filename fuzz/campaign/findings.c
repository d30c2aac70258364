/* What a campaign has found. See findings.h. */
#include "campaign/findings.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/again.h"
#include "campaign/runner.h"
#include "campaign/save.h"
#include "campaign/seed.h"
#include "shrink/shrink.h"

#define UNSTEADY "target.nondeterministic"

static const char last_words[] = "\nThe target's last words:\n";

enum { WAITING_MAX = 64, ALIASES_MAX = 4096 };

bool findings_begin(struct findings *f, const struct findings_options *options,
		    const struct lb_target *target)
{
	struct judge_options judging = { .supervised = true,
					 .timeout_ms = patience_ms(options->machine) };

	*f = (struct findings){ .options = *options };
	f->entries = calloc(FINDINGS_MAX, sizeof(*f->entries));
	f->aliases = calloc(ALIASES_MAX, sizeof(*f->aliases));
	f->waiting = calloc(WAITING_MAX, sizeof(*f->waiting));
	f->judge = judge_create(target, &judging);
	judging.compare_always = true;
	f->careful = judge_create(target, &judging);
	if (f->entries && f->aliases && f->waiting && f->judge && f->careful)
		return true;
	findings_end(f);
	return false;
}

void findings_end(struct findings *f)
{
	for (size_t i = 0; i < f->nr_entries; i++)
		free(f->entries[i].text);
	for (size_t i = 0; i < f->nr_waiting; i++)
		program_free(&f->waiting[i].program);
	free(f->entries);
	free(f->aliases);
	free(f->waiting);
	if (f->judge)
		judge_destroy(f->judge);
	if (f->careful)
		judge_destroy(f->careful);
	*f = (struct findings){ 0 };
}

bool findings_full(const struct findings *f)
{
	return f->nr_entries == FINDINGS_MAX;
}

static size_t count(const struct findings *f, bool known)
{
	size_t sum = 0;

	for (size_t i = 0; i < f->nr_entries; i++)
		sum += f->entries[i].known == known;
	return sum;
}

size_t findings_new(const struct findings *f)
{
	return count(f, false);
}

size_t findings_known(const struct findings *f)
{
	return count(f, true);
}

static struct finding *entry_of(struct findings *f, const char *signature)
{
	for (size_t i = 0; i < f->nr_entries; i++)
		if (strcmp(f->entries[i].signature, signature) == 0)
			return &f->entries[i];
	return NULL;
}

static struct finding *entry_of_raw(struct findings *f, const char *raw)
{
	for (size_t i = 0; i < f->nr_aliases; i++)
		if (strcmp(f->aliases[i].signature, raw) == 0)
			return &f->entries[f->aliases[i].entry];
	return NULL;
}

static void add_alias(struct findings *f, const char *raw, const struct finding *entry)
{
	if (f->nr_aliases == ALIASES_MAX || entry_of_raw(f, raw))
		return;
	struct finding_alias *alias = &f->aliases[f->nr_aliases++];

	snprintf(alias->signature, sizeof(alias->signature), "%s", raw);
	alias->entry = (size_t)(entry - f->entries);
}

/*
 * The rule's id, as far as it makes a file name, and a hash that keeps apart signatures of one
 * rule, and the findings of several targets in one folder.
 */
static void name_files(char *name, size_t size, const char *signature, const char *target)
{
	uint64_t hash = seed_derive(seed_of_word(target), seed_of_word(signature));
	char id[40];
	size_t n = 0;

	while (n < sizeof(id) - 1 &&
	       (isalnum((unsigned char)signature[n]) || strchr(".-_", signature[n])) &&
	       signature[n]) {
		id[n] = signature[n];
		n++;
	}
	id[n] = '\0';
	snprintf(name, size, "%s-%08" PRIx32, id[0] && id[0] != '.' ? id : "finding",
		 (uint32_t)hash);
}

static struct finding *new_entry(struct findings *f, const char *signature, uint64_t number)
{
	assert(!findings_full(f) && !entry_of(f, signature));
	struct finding *entry = &f->entries[f->nr_entries++];

	snprintf(entry->signature, sizeof(entry->signature), "%s", signature);
	name_files(entry->name, sizeof(entry->name), signature, f->options.target_name);
	entry->program = number;
	entry->seen = 1;
	entry->known = f->options.known && signatures_has(f->options.known, signature);
	return entry;
}

/* The text as it is kept: what was found and how stands behind the program, in comments. */
static char *annotated_text(const struct findings *f, const struct finding *entry,
			    const struct program *p, size_t *size)
{
	char *program = text_of_program(p, size), *text = NULL;
	FILE *out = program ? open_memstream(&text, size) : NULL;

	if (out) {
		fprintf(out, "%s", program);
		print_origin(out, &f->options, entry);
		if (fclose(out) != 0) {
			free(text);
			text = NULL;
		}
	}
	free(program);
	return text;
}

static bool save_as(struct findings *f, const struct finding *entry, const char *ending,
		    const void *bytes, size_t size)
{
	char name[96], why[512];

	snprintf(name, sizeof(name), "%s%s", entry->name, ending);
	if (bytes && save_file(f->options.dir, name, bytes, size, why))
		return true;
	snprintf(f->why, sizeof(f->why), "%s",
		 bytes ? why : "there is no memory left to write the finding");
	return false;
}

static bool save_bytes(struct findings *f, const struct finding *entry, const struct program *p)
{
	size_t size = 0;
	uint8_t *bytes = bytes_of_program(p, &size);
	bool saved = true;

	if (!bytes || size > 0)
		saved = save_as(f, entry, ".bin", bytes, size);
	free(bytes);
	return saved;
}

/* All of a finding's files; the text last, so that whoever sees it sees the others. */
static bool save_entry(struct findings *f, struct finding *entry, const struct program *p,
		       const char *explanation, size_t explanation_size)
{
	char why[512];
	size_t size = 0;

	entry->text = annotated_text(f, entry, p, &size);
	if (!save_folder(f->options.dir, why)) {
		snprintf(f->why, sizeof(f->why), "%s", why);
		return false;
	}
	entry->written = save_as(f, entry, ".txt", explanation, explanation_size) &&
			 save_bytes(f, entry, p) && save_as(f, entry, ".lb", entry->text, size);
	return entry->written;
}

/* Nothing is lost: what could not be written is printed. */
static void print_unsaved(const struct findings *f, const struct finding *entry)
{
	fprintf(f->options.notes, "%s could not be written (%s); here it is:\n%s", entry->name,
		f->why, entry->text ? entry->text : "(no memory for its text)\n");
}

static void announce(const struct findings *f, const struct finding *entry)
{
	FILE *out = f->options.notes;

	fprintf(out, "finding: %s\n  %" PRIu32 " operations, ", entry->signature,
		entry->ops_before);
	if (entry->unsteady)
		fprintf(out, "not shrunk");
	else
		fprintf(out, "shrunk to %" PRIu32, entry->ops_after);
	fprintf(out, ": %s/%s.lb\n", f->options.dir, entry->name);
	if (entry->unsteady)
		print_unsteady(out, &f->options);
	fflush(out);
}

static bool keep(struct findings *f, struct finding *entry, const struct program *p,
		 const char *explanation, size_t size)
{
	entry->ops_after = p->nr_ops;
	if (!save_entry(f, entry, p, explanation, size)) {
		print_unsaved(f, entry);
		return false;
	}
	announce(f, entry);
	return !findings_full(f);
}

/* Met while shrinking: looked at when the finding in hand is done. */
static void wait_for_later(const struct program *p, const struct outcome *outcome, void *arg)
{
	struct findings *f = arg;

	if (f->nr_waiting == WAITING_MAX || entry_of_raw(f, outcome->signature) ||
	    entry_of(f, outcome->signature))
		return;
	for (size_t i = 0; i < f->nr_waiting; i++)
		if (strcmp(f->waiting[i].outcome.signature, outcome->signature) == 0)
			return;
	struct finding_waiting *waiting = &f->waiting[f->nr_waiting];

	program_init(&waiting->program);
	if (!program_copy(&waiting->program, p))
		return;
	waiting->outcome = *outcome;
	f->nr_waiting++;
}

static uint32_t shrink_bound(const struct findings *f)
{
	return f->options.shrink_runs ? f->options.shrink_runs : FINDINGS_SHRINK_RUNS;
}

/*
 * Each hang costs the watchdog's patience, so a shrinking one has little of it: programs that are
 * well take a hundredth of that. What is left must hang for the patient judge too; else the
 * program stays as it was.
 */
static bool shrink_hang(struct findings *f, struct finding *entry, struct program *p)
{
	const struct judge_options options = { .supervised = true,
					       .timeout_ms = patience_ms(f->options.machine) / 8 };
	struct judge *impatient = judge_create(judge_target(f->judge), &options);
	struct program small;
	struct outcome outcome;
	bool shrunk = false;

	program_init(&small);
	if (impatient && program_copy(&small, p) &&
	    judge_shrink(impatient, &small, entry->signature, FINDINGS_SHRINK_HANGS,
			 f->options.stop, NULL, NULL))
		shrunk = !judge_run(f->judge, &small, &outcome) &&
			 strcmp(outcome.signature, entry->signature) == 0 &&
			 program_copy(p, &small);
	program_free(&small);
	judge_destroy(impatient);
	return shrunk;
}

/* The judge's explanation, and the last words of a target that died of the program. */
static char *explanation_with_words(struct findings *f, struct judge *judge,
				    const struct program *p, size_t *size)
{
	struct noise *noise = f->options.noise;
	char words[NOISE_WORDS];

	if (noise)
		noise_clear(noise);
	char *text = text_of_explanation(judge, p, size);

	if (!text || !noise || noise_words(noise, words, sizeof(words)) == 0)
		return text;
	char *longer = realloc(text, *size + sizeof(last_words) + NOISE_WORDS);

	if (!longer)
		return text;
	*size += (size_t)snprintf(longer + *size, sizeof(last_words) + NOISE_WORDS, "%s%s",
				  last_words, words);
	return longer;
}

/*
 * What did not show again cannot be explained by running it: what the campaign saw and heard then
 * is all there is.
 */
static char *explanation_of_unsteady(const struct findings *f, const struct outcome *outcome,
				     size_t *size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	if (!out)
		return NULL;
	fprintf(out, "%s\n", outcome->signature);
	if (outcome->verdict.what[0])
		fprintf(out, "  what       %s\n", outcome->verdict.what);
	fputc('\n', out);
	print_unsteady(out, &f->options);
	if (f->words[0])
		fprintf(out, "%s%s", last_words, f->words);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* Shrink, observe, explain and write a finding that is new. The program is ours to change. */
static bool work_out(struct findings *f, struct finding *entry, struct judge *judge,
		     struct program *p, const struct outcome *outcome)
{
	struct outcome last;
	size_t size = 0;

	entry->ops_before = p->nr_ops;
	if (outcome->kind == FINDING_HANG)
		shrink_hang(f, entry, p);
	else
		entry->unsteady = !judge_shrink(judge, p, entry->signature, shrink_bound(f),
						f->options.stop, wait_for_later, f);
	judge_observe(judge, p, &last);
	entry->at_end = last.kind != FINDING_NONE && !last.at_boot && last.op >= p->nr_ops;
	char *explanation = entry->unsteady ? explanation_of_unsteady(f, outcome, &size)
					    : explanation_with_words(f, judge, p, &size);
	bool kept = keep(f, entry, p, explanation, size);

	free(explanation);
	return kept;
}

/*
 * Where it began: the first operation after which something is wrong; and the judge that shows
 * it. Falls back to what was reported.
 */
static struct judge *look_closely(struct findings *f, const struct program *p,
				  const struct outcome *reported, struct outcome *closely)
{
	if (p->nr_ops <= CAREFUL_MAX_OPS && !judge_run(f->careful, p, closely))
		return f->careful;
	if (judge_run(f->judge, p, closely))
		*closely = *reported;
	return f->judge;
}

static bool begins_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/*
 * A computer that is busy with other things can make a hang of any program, and SIGKILL comes from
 * outside: a person, or the kernel for want of memory. What does not happen again was not the
 * program's doing.
 */
static bool was_disturbed(struct findings *f, const struct program *p,
			  const struct outcome *closely)
{
	bool killed = begins_with(closely->signature, "target.crash SIGKILL ");
	struct outcome again;

	if ((closely->kind != FINDING_HANG && !killed) || !judge_run(f->judge, p, &again))
		return false;
	fprintf(f->options.notes,
		killed ? "program %" PRIu64 ": its process was killed from outside (SIGKILL: by "
			 "hand, or for want of memory), and not when it was run again\n"
		       : "program %" PRIu64 " took too long once, and not when it was run again\n",
		f->current);
	fflush(f->options.notes);
	return true;
}

bool findings_seen_again(struct findings *f, const char *signature)
{
	struct finding *entry = entry_of_raw(f, signature);

	if (entry)
		entry->seen++;
	return entry;
}

static bool report_one(struct findings *f, const struct program *p, const struct outcome *outcome)
{
	struct outcome closely;
	struct program copy;

	if (findings_seen_again(f, outcome->signature))
		return true;
	struct judge *judge = look_closely(f, p, outcome, &closely);

	if (was_disturbed(f, p, &closely))
		return true;
	struct finding *entry = entry_of(f, closely.signature);
	if (entry) {
		entry->seen++;
		add_alias(f, outcome->signature, entry);
		return true;
	}
	entry = new_entry(f, closely.signature, f->current);
	add_alias(f, outcome->signature, entry);
	if (f->options.known && signatures_has(f->options.known, outcome->signature))
		entry->known = true;
	if (entry->known)
		return !findings_full(f);
	program_init(&copy);
	if (!program_copy(&copy, p)) {
		snprintf(f->why, sizeof(f->why), "there is no memory left to shrink %s",
			 entry->signature);
		return false;
	}
	bool kept = work_out(f, entry, judge, &copy, &closely);

	program_free(&copy);
	return kept;
}

/* What the target printed up to now is kept: running the program again may not bring it back. */
static void hear(struct findings *f)
{
	f->words[0] = '\0';
	if (f->options.noise)
		noise_words(f->options.noise, f->words, sizeof(f->words));
}

bool findings_report(struct findings *f, const struct program *p, const struct outcome *outcome,
		     uint64_t number)
{
	assert(outcome->kind != FINDING_NONE && outcome->signature[0]);
	f->current = number;
	hear(f);
	bool kept = report_one(f, p, outcome);

	f->words[0] = '\0'; /* those were of the program that was reported, not of these */
	while (f->nr_waiting > 0) {
		struct finding_waiting waiting = f->waiting[--f->nr_waiting];

		kept = kept && report_one(f, &waiting.program, &waiting.outcome);
		program_free(&waiting.program);
	}
	return kept;
}

bool findings_unsteady(struct judge *j, const struct program *p)
{
	struct outcome first, second;

	judge_run(j, p, &first);
	judge_run(j, p, &second);
	return first.digest != second.digest;
}

static bool still_unsteady(const struct program *p, void *judge)
{
	return findings_unsteady(judge, p);
}

bool findings_report_unsteady(struct findings *f, const struct program *p, uint64_t number)
{
	static const char text[] = "Two runs of this program on fresh instances of one target gave "
				   "different results.\n"
				   "The target depends on something beside the program: a clock, "
				   "an address, what ran before.\n";
	struct shrink_task task = { still_unsteady,  f->judge, p->nr_ops,
				    shrink_bound(f), false,    f->options.stop };
	struct finding *entry = entry_of(f, UNSTEADY);
	struct program copy;

	f->current = number;
	if (entry) {
		entry->seen++;
		return true;
	}
	entry = new_entry(f, UNSTEADY, number);
	program_init(&copy);
	if (entry->known)
		return !findings_full(f);
	if (!program_copy(&copy, p)) {
		snprintf(f->why, sizeof(f->why), "there is no memory left to shrink %s",
			 entry->signature);
		return false;
	}
	entry->ops_before = p->nr_ops;
	shrink_program(&copy, &task);
	bool kept = keep(f, entry, &copy, text, sizeof(text) - 1);

	program_free(&copy);
	return kept;
}

bool findings_report_bytes(struct findings *f, const struct program *p, const char *signature,
			   const char *log, uint64_t number)
{
	struct finding *entry = entry_of(f, signature);

	f->current = number;
	if (entry) {
		entry->seen++;
		return true;
	}
	entry = new_entry(f, signature, number);
	if (entry->known)
		return !findings_full(f);
	entry->ops_before = p->nr_ops;
	return keep(f, entry, p, log, strlen(log));
}
