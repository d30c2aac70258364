/*
 * Reports for people: what was found, by which rule, in which program, and both states where they
 * first differ.
 *
 * The program is run twice: as usual, for the finding; then with the states compared after every
 * operation, which tells where the fault was planted, and stops with both sides in the state that
 * is drawn.
 */
#include "judge/judge_internal.h"
#include "target/simple.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_BEFORE = 400 }; /* of a program; what lies further back is left out, and said so */

bool oracle_export_words(const struct oracle *o, struct words *to)
{
	to->size = oracle_export(o, to->words, to->capacity);
	if (to->size > to->capacity) {
		uint64_t *words = realloc(to->words, to->size * sizeof(*words));

		if (!words)
			return false;
		to->words = words;
		to->capacity = to->size;
		to->size = oracle_export(o, to->words, to->capacity);
	}
	return to->size > 0 && to->size <= to->capacity;
}

static void explain_finding(struct text *t, const struct program *p, const struct outcome *o)
{
	const struct verdict *v = &o->verdict;

	text_add(t, "%s", finding_id(o));
	if (o->at_boot)
		text_add(t, " when the target was created, before the first operation\n");
	else if (o->op < p->nr_ops)
		text_add(t, " at operation %u (%s)\n", o->op, op_info[p->ops[o->op].code].name);
	else
		text_add(t, " at the end of the program\n");
	if (o->kind == FINDING_RULE)
		text_add(t, "  rule       %s (%s)\n", rule_info[v->rule].sentence,
			 rule_info[v->rule].source);
	if (v->what[0])
		text_add(t, "  what       %s\n", v->what);
	if (v->field[0])
		text_add(t, "  field      %s\n", v->field);
	if (v->has_values)
		text_add(t, "  expected   %lld\n  actual     %lld\n", (long long)v->expect,
			 (long long)v->actual);
	if (o->kind == FINDING_RULE && v->pfn != NOWHERE)
		text_add(t, "  page       pfn %llu\n", (unsigned long long)v->pfn);
	text_add(t, "  signature  %s\n\n", o->signature);
}

static void explain_line(struct text *t, const struct program *p, uint32_t index, const char *mark)
{
	char line[512];

	op_print(p, index, line, sizeof(line));
	text_add(t, "%s %5u  %s\n", mark, index, line);
}

/*
 * Lines of the text form, so that they can be pasted; `!` where it was seen, `>` where the states
 * differed first.
 */
static void explain_lines(struct text *t, const struct program *p, uint32_t seen, uint32_t planted)
{
	uint32_t end = seen < p->nr_ops ? seen + 1 : p->nr_ops;
	uint32_t from = end > LINES_BEFORE ? end - LINES_BEFORE : 0;
	char line[4096];

	machine_print_line(&p->machine, line, sizeof(line));
	text_add(t, "         machine%s%s\n", line[0] ? " " : "", line);
	if (from > 0)
		text_add(t, "         (%u operations before are left out)\n", from);
	for (uint32_t i = from; i < end; i++)
		explain_line(t, p, i, i == seen ? "!" : i == planted ? ">" : " ");
	if (seen >= p->nr_ops)
		text_add(t, "!    end  everything is freed and drained\n");
	text_add(t, "\n");
}

/* Nothing of the program was carried out, so nothing but its machine counts. */
static void explain_machine(struct text *t, const struct machine *m)
{
	char line[4096];

	machine_print_line(m, line, sizeof(line));
	text_add(t, "!        machine%s%s\n\n", line[0] ? " " : "", line);
}

void explain_program(struct text *t, const struct program *p, const struct outcome *outcome)
{
	explain_finding(t, p, outcome);
	if (outcome->at_boot)
		explain_machine(t, &p->machine);
	else
		explain_lines(t, p, outcome->op, outcome->op);
}

/* A simple target counts from 0 (target/simple.h); the program's pfns are the machine's. */
static void explain_frames(struct text *t, const struct lb_target *target, const struct machine *m)
{
	struct lb_simple place = { .top_order = m->top_order };

	if (!(target->flags & LB_TARGET_SIMPLE))
		return;
	lb_simple_place(&place, m);
	text_add(t, "The allocator's frame 0 is pfn %llu; it has %llu frames.\n",
		 (unsigned long long)place.first, (unsigned long long)place.pages);
}

size_t explain_outcome(const struct program *p, const struct outcome *outcome, char *buffer,
		       size_t size)
{
	struct text t = { .buffer = buffer, .size = size };

	explain_program(&t, p, outcome);
	return t.used;
}

/* What the oracle knows of a target that it cannot look into. */
static void explain_picture(struct text *t, const struct oracle *oracle)
{
	size_t size = oracle_print(oracle, NULL, 0) + 1;
	char *picture = size > 1 ? malloc(size) : NULL;

	if (!picture)
		return;
	oracle_print(oracle, picture, size);
	text_add(t, "The oracle's picture:\n%s", picture);
	free(picture);
}

static void explain_states(struct text *t, struct judge *j, const struct pair *pair)
{
	struct words expect = { 0 };
	bool exports = judge_export(j->target, pair->instance, &j->state);

	if (exports && oracle_export_words(pair->oracle, &expect)) {
		draw_states(t, &j->state, &expect);
	} else {
		text_add(t, "The target exports no state that could be drawn.\n");
		explain_picture(t, pair->oracle);
	}
	free(expect.words);
}

/* The second run, and what it shows. */
static void explain_difference(struct text *t, struct judge *j, const struct program *p,
			       const struct outcome *found)
{
	const struct plan always = { .compare_from = 0 };
	struct outcome first;
	struct seen seen;

	memset(&first, 0, sizeof(first));

	struct pair *pair = judge_take_pair(j, &p->machine, &first);

	if (!pair) {
		if (found->at_boot)
			explain_machine(t, &p->machine);
		else
			explain_lines(t, p, found->op, found->op);
		explain_frames(t, j->target, &p->machine);
		return;
	}

	bool clean = run_on_pair(j, pair, p, &always, &first, &seen);
	bool earlier = !clean && seen.by_state && first.op < found->op;

	explain_lines(t, p, found->op, clean ? found->op : first.op);
	explain_frames(t, j->target, &p->machine);
	if (earlier)
		text_add(t, "The states differed already after operation %u (marked >): %s, %s\n",
			 first.op, finding_id(&first),
			 first.verdict.what[0] ? first.verdict.what : first.verdict.field);
	if (j->target->export_state)
		text_add(t, "Both sides %s:\n", earlier ? "there" : "when it was seen");
	explain_states(t, j, pair);
	judge_give_pair(j, pair, clean);
}

size_t explain_here(struct judge *j, const struct program *p, char *buffer, size_t size)
{
	struct text t = { .buffer = buffer, .size = size };
	struct outcome outcome;

	assert(buffer || size == 0);
	if (size > 0)
		buffer[0] = '\0';
	if (judge_run_here(j, p, &outcome)) {
		text_add(&t,
			 "Nothing was found: %u operations carried out, %u no-ops, %u comparisons "
			 "%s.\n",
			 outcome.executed, outcome.no_ops, outcome.comparisons,
			 j->target->export_state ? "of states"
						 : "of what is left when all was given back");
		return t.used;
	}
	explain_finding(&t, p, &outcome);
	if (outcome.kind == FINDING_RULE && !j->options.no_oracle)
		explain_difference(&t, j, p, &outcome);
	return t.used;
}
