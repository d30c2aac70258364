/*
 * Planted lies: the shadow is driven with its own predictions, and one word of an export, or one field of a result, is
 * told otherwise. Whoever includes this notes which rules reported one (reported), and asks at its end whether any rule
 * of its table was left out.
 */
#ifndef LOSTBUDDY_ORACLE_TEST_NEGATIVE_H
#define LOSTBUDDY_ORACLE_TEST_NEGATIVE_H

#include "common.h"

static bool reported[RULE_COUNT];

enum { LIE_WORDS = 1 << 16 };

struct lie {
	struct shadow *s;
	uint64_t words[LIE_WORDS];
};

static inline void expect_rule(const struct verdict *v, bool right, enum rule rule)
{
	bool named = !right && v->broken && v->rule == rule;

	if (!EXPECT(named))
		fprintf(stderr, "  planted for %s, reported %s (%s)\n", rule_info[rule].id,
			right ? "nothing" : rule_info[v->rule].id, right ? "" : v->what);
	reported[rule] |= named;
}

/* ---- In an export ---- */

static inline void state_of(struct lie *lie, struct shadow *s)
{
	lie->s = s;
	if (!EXPECT(shadow_export(s, lie->words, LIE_WORDS) < LIE_WORDS))
		exit(1);
}

/* Word @at of the @nth section of a type. */
static inline uint64_t *word_of(struct lie *lie, enum lb_state_section type, unsigned int nth, unsigned int at)
{
	const uint64_t *from = lie->words;
	struct section section;

	for (unsigned int i = 0; i <= nth; i++)
		if (!EXPECT(section_find(&from, type, &section)))
			exit(1);
	if (!EXPECT(at < section.n))
		exit(1);
	return &lie->words[section.words - lie->words + at];
}

/* The truth passes, and looks at the rule; the lie is reported by it. */
static inline void expect_state(struct lie *lie, bool at_boot, enum rule rule)
{
	struct verdict v = { .broken = false };
	uint64_t before = lie->s->exercised[rule];

	EXPECT(shadow_compare(lie->s, shadow_words(lie->s), at_boot, &v));
	EXPECT(lie->s->exercised[rule] > before);
	expect_rule(&v, shadow_compare(lie->s, lie->words, at_boot, &v), rule);
}

/* ---- In a result ---- */

static inline void expect_result(struct shadow *s, struct lb_call call, struct lb_result lie, enum rule rule)
{
	struct lb_result expect;
	struct verdict v = { .broken = false };
	uint64_t before = s->exercised[rule];

	shadow_exec(s, &call, &expect);
	EXPECT(shadow_judge(s, &call, &expect, &expect, s->bulk, &v));
	expect_rule(&v, shadow_judge(s, &call, &expect, &lie, s->bulk, &v), rule);
	EXPECT(s->exercised[rule] > before);
}

/* ---- Is any rule left out? ---- */

static inline void expect_all_reported(const enum rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!EXPECT(reported[rules[i]]))
			fprintf(stderr, "  never reported: %s\n", rule_info[rules[i]].id);
}

#endif
