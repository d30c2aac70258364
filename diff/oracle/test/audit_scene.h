/*
 * What the tests of the audit share: an audit of a machine in the course of a program, and the calls
 * and results it is told.
 */
#ifndef LOSTBUDDY_ORACLE_TEST_AUDIT_SCENE_H
#define LOSTBUDDY_ORACLE_TEST_AUDIT_SCENE_H

#include <stdlib.h>

#include "oracle/audit.h"
#include "test.h"

enum {
	NORMAL = 2, /* zone index */
	EAGER = LB_TARGET_BUDDY | LB_TARGET_EAGER_MERGE,
	LINUX = LB_TARGET_BUDDY | LB_TARGET_LINUX,
};

struct scene {
	struct machine m;
	struct audit *audit;
	uint64_t exercised[RULE_COUNT];
	struct verdict v;
};

static const struct lb_result done = { .outcome = LB_DONE };
static const struct lb_result no_memory = { .outcome = LB_NULL, .reason = LB_NO_MEMORY };

/* state = NULL: the target exports nothing. */
static inline bool boots(struct scene *s, uint32_t flags, const uint64_t *state)
{
	s->audit = audit_create(&s->m, flags, s->exercised);
	if (!EXPECT(s->audit))
		exit(1);
	return audit_boot(s->audit, state, &s->v);
}

static inline void end(struct scene *s)
{
	audit_destroy(s->audit);
}

static inline bool step(struct scene *s, struct lb_call call, struct lb_result r)
{
	return audit_step(s->audit, &call, &r, NULL, &s->v);
}

static inline struct lb_call asks(unsigned int order, uint32_t gfp)
{
	return (struct lb_call){
		.op = OP_ALLOC_PAGES, .order = (uint8_t)order, .gfp = gfp, .node = NODE_NONE
	};
}

static inline struct lb_result gives(uint64_t pfn)
{
	return (struct lb_result){ .outcome = LB_BLOCK, .pfn = pfn };
}

static bool reported[RULE_COUNT]; /* rules that were seen to object */

/* Something was found, it is this rule that says so, in words, and it counts as exercised. */
static inline void expect_rule(const struct scene *s, bool right, enum rule rule)
{
	bool named = !right && s->v.broken && s->v.rule == rule;

	if (!EXPECT(named))
		fprintf(stderr, "  planted for %s, reported %s\n", rule_info[rule].id,
			right ? "nothing" : rule_info[s->v.rule].id);
	EXPECT(!named || s->v.what[0]);
	EXPECT(!named || s->exercised[rule] > 0);
	reported[rule] |= named;
}

#endif
