/*
 * What a text says was observed, against what was.
 *
 * A line's observation is compared with the result of its operation; a no-op has none. A `!` line
 * names the rule of an expected divergence. It is met by a finding of that rule at that line or
 * before it: how early a difference of states is seen depends on when states are compared, which is
 * no property of the bug. A finding at the end of the program belongs to its last line.
 */
#include "judge/judge_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static bool names_rule(const struct observed *o, const char *id)
{
	size_t length = strcspn(o->words, " ");

	return o->kind == OBSERVED_DIVERGENCE && strlen(id) == length &&
	       strncmp(o->words, id, length) == 0;
}

/* The first `!` line at or after the finding that names its rule. */
static bool is_expected(const struct program *p, const struct outcome *outcome)
{
	uint32_t from = outcome->op;

	if (from == p->nr_ops && from > 0)
		from--;
	for (uint32_t i = from; i < p->nr_ops; i++)
		if (names_rule(&p->observed[i], finding_id(outcome)))
			return true;
	return false;
}

static bool matches(const struct observed *o, const struct lb_result *result)
{
	char words[64];

	if (o->kind == OBSERVED_PFN)
		return result->outcome == LB_BLOCK && result->pfn == o->pfn;
	if (o->kind != OBSERVED_OUTCOME)
		return true;
	result_words(result, words);
	return strcmp(o->words, words) == 0;
}

static void note(struct outcome *outcome, enum finding_kind kind, const struct program *p,
		 uint32_t op)
{
	outcome->kind = kind;
	outcome->op = op;
	outcome->verdict = (struct verdict){ .pfn = NOWHERE };
	outcome->call = (struct lb_call){ .op = p->ops[op].code };
}

static void note_mismatch(struct outcome *outcome, const struct program *p, uint32_t op,
			  const struct lb_result *result)
{
	const struct observed *o = &p->observed[op];
	struct verdict *v = &outcome->verdict;
	char actual[64], expect[64];

	note(outcome, FINDING_OBSERVED, p, op);
	outcome->actual = *result;
	if (o->kind == OBSERVED_PFN)
		snprintf(expect, sizeof(expect), "pfn %llu", (unsigned long long)o->pfn);
	else
		snprintf(expect, sizeof(expect), "%s", o->words);
	if (result->outcome == LB_BLOCK)
		snprintf(actual, sizeof(actual), "pfn %llu", (unsigned long long)result->pfn);
	else
		result_words(result, actual);
	snprintf(v->what, sizeof(v->what), "the text says \"%s\", and it was \"%s\"", expect,
		 actual);
	outcome_sign(outcome, "text");
}

/* Findings that are no rules of the oracle have ids too. */
static bool is_finding_id(const struct observed *o)
{
	static const enum finding_kind others[] = { FINDING_OBSERVED, FINDING_CRASH, FINDING_HANG,
						    FINDING_CREATE, FINDING_MISSED };

	for (unsigned int rule = 0; rule < RULE_COUNT; rule++)
		if (names_rule(o, rule_info[rule].id))
			return true;
	for (unsigned int i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (names_rule(o, finding_id(&(struct outcome){ .kind = others[i] })))
			return true;
	return false;
}

static void note_missed(struct outcome *outcome, const struct program *p, uint32_t op)
{
	const struct observed *o = &p->observed[op];
	struct verdict *v = &outcome->verdict;

	note(outcome, FINDING_MISSED, p, op);
	if (is_finding_id(o))
		snprintf(v->what, sizeof(v->what),
			 "the text expects \"%s\", and all was well: fixed? Take the `-> !` off "
			 "this line, or replay with --no-observed",
			 o->words);
	else
		snprintf(v->what, sizeof(v->what),
			 "the text expects \"%s\", and no finding has that name: `lostbuddy rules` "
			 "lists the rules",
			 o->words);
	outcome_sign(outcome, "text");
}

void observed_check(const struct program *p, const struct lb_result *trace, struct outcome *outcome)
{
	bool found = outcome->kind != FINDING_NONE;
	uint32_t end = found && outcome->op < p->nr_ops ? outcome->op : p->nr_ops;

	assert(p->observed && trace);
	for (uint32_t i = 0; i < end; i++)
		if (trace[i].outcome != JUDGE_OP_SKIPPED && !matches(&p->observed[i], &trace[i])) {
			note_mismatch(outcome, p, i, &trace[i]);
			return;
		}
	if (found) {
		if (is_expected(p, outcome)) {
			outcome->kind = FINDING_NONE;
			outcome->signature[0] = '\0';
		}
		return;
	}
	for (uint32_t i = 0; i < p->nr_ops; i++)
		if (p->observed[i].kind == OBSERVED_DIVERGENCE) {
			note_missed(outcome, p, i);
			return;
		}
}

static void fill_one(struct observed *o, const struct lb_result *result)
{
	*o = (struct observed){ .kind = OBSERVED_NOTHING };
	if (result->outcome == JUDGE_OP_SKIPPED)
		return;
	if (result->outcome == LB_BLOCK) {
		o->kind = OBSERVED_PFN;
		o->pfn = result->pfn;
		return;
	}
	o->kind = OBSERVED_OUTCOME;
	result_words(result, o->words);
}

void observed_fill(struct program *p, const struct lb_result *trace, const struct outcome *outcome)
{
	for (uint32_t i = 0; i < p->nr_ops; i++)
		fill_one(&p->observed[i], &trace[i]);
	if (outcome->kind == FINDING_NONE || p->nr_ops == 0)
		return;

	uint32_t line = outcome->op < p->nr_ops ? outcome->op : p->nr_ops - 1;
	struct observed *o = &p->observed[line];

	/* What came after was not a run of this program any more. */
	for (uint32_t i = line; i < p->nr_ops; i++)
		p->observed[i] = (struct observed){ .kind = OBSERVED_NOTHING };
	o->kind = OBSERVED_DIVERGENCE;
	snprintf(o->words, sizeof(o->words), "%s", finding_id(outcome));
}
