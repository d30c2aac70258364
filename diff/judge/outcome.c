/*
 * Words for what happened, and the signature that is equal for one bug.
 *
 *	contract.overlap alloc pfn contract block
 *	exact.free-list free list[][] exact state
 *	target.crash SIGSEGV alloc                (boot: in the target's create() or reset())
 *	|            |     |    |     state class
 *	rule         kind  |    layer
 *	             of operation; first differing field, without its indices
 */
#include "judge/judge_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const char *kind_of_operation(unsigned int op)
{
	switch (op) {
	case OP_NOP:
		return "end";
	case OP_ALLOC_PAGES:
	case OP_ALLOC_PAGE:
	case OP_GET_FREE_PAGES:
	case OP_GET_FREE_PAGE:
	case OP_GET_ZEROED_PAGE:
		return "alloc";
	case OP_FREE_PAGES_STRUCT:
	case OP_FREE_PAGES:
	case OP_PUT_PAGE:
		return "free";
	case OP_DRAIN_LOCAL_PAGES:
	case OP_DRAIN_ALL_PAGES:
		return "drain";
	default:
		return op < OP_COUNT ? op_info[op].name : "unknown";
	}
}

static const char *layer_name(enum rule rule)
{
	switch (rule_info[rule].level) {
	case LEVEL_CONTRACT:
		return "contract";
	case LEVEL_BUDDY:
		return "buddy";
	case LEVEL_POLICY:
		return "policy";
	case LEVEL_EXACT:
		return "exact";
	}
	return "unknown";
}

const char *finding_id(const struct outcome *outcome)
{
	switch (outcome->kind) {
	case FINDING_NONE:
		return "";
	case FINDING_RULE:
		return rule_info[outcome->verdict.rule].id;
	case FINDING_OBSERVED:
		return "replay.observed";
	case FINDING_CRASH:
		return "target.crash";
	case FINDING_HANG:
		return "target.hang";
	case FINDING_CREATE:
		return "target.create";
	case FINDING_MISSED:
		return "replay.expected";
	}
	return "";
}

/*
 * A field without what stands in its brackets: indices differ from witness to witness. Blanks would
 * look like parts.
 */
static void plain_field(const char *field, char plain[48])
{
	size_t used = 0;
	bool inside = false;

	for (; *field && used < 47; field++) {
		if (*field == ']')
			inside = false;
		if (!inside)
			plain[used++] = *field == ' ' ? '-' : *field;
		if (*field == '[')
			inside = true;
	}
	plain[used] = '\0';
}

static const char *outcome_operation(const struct outcome *outcome, const char *state_class)
{
	if (outcome->at_boot)
		return "boot";
	if (strcmp(state_class, ANY_OPERATION) == 0)
		return "any";
	return kind_of_operation(outcome->call.op);
}

void outcome_sign(struct outcome *outcome, const char *state_class)
{
	const struct verdict *v = &outcome->verdict;
	char *signature = outcome->signature;
	const char *operation = outcome_operation(outcome, state_class);
	char field[48];

	assert(outcome->kind != FINDING_NONE);
	switch (outcome->kind) {
	case FINDING_RULE:
		plain_field(v->field, field);
		snprintf(signature, sizeof(outcome->signature), "%s %s %s %s %s",
			 finding_id(outcome), operation, field[0] ? field : "-",
			 layer_name(v->rule), state_class);
		break;
	case FINDING_CRASH: /* the class is what ended it */
		snprintf(signature, sizeof(outcome->signature), "%s %s %s", finding_id(outcome),
			 state_class, operation);
		break;
	case FINDING_CREATE:
		snprintf(signature, sizeof(outcome->signature), "%s", finding_id(outcome));
		break;
	default:
		snprintf(signature, sizeof(outcome->signature), "%s %s", finding_id(outcome),
			 operation);
	}
}

/*
 * What stands after `->` for a result that gives no block. A reason that does not exist has no word
 * that could be read back.
 */
void result_words(const struct lb_result *result, char words[64])
{
	const char *outcome = lb_outcome_name((enum lb_outcome)result->outcome);
	const char *reason = lb_reason_name((enum lb_reason)result->reason);
	bool has_reason = (result->outcome == LB_NULL || result->outcome == LB_REFUSED) &&
			  result->reason < LB_REASON_COUNT;

	snprintf(words, 64, "%s%s%s", outcome, has_reason && reason[0] ? " " : "",
		 has_reason ? reason : "");
}
