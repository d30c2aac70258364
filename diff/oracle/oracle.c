/*
 * The face of the oracle: both models behind one door, the audit before the shadow.
 *
 * The audit runs for every target. The shadow runs for targets that claim Linux's policy
 * (LB_TARGET_LINUX) and export their state, since without the reserved ranges of their boot no
 * frame can be predicted.
 */
#include <stdio.h>
#include <stdlib.h>

#include "oracle/audit.h"
#include "oracle/shadow.h"

struct oracle {
	struct audit *audit;
	struct shadow *shadow; /* NULL: levels policy and exact do not apply */
	uint64_t exercised[RULE_COUNT];
};

static void verdict_clear(struct verdict *v)
{
	v->broken = false;
}

struct oracle *oracle_create(const struct machine *machine, uint32_t flags, uint64_t capabilities,
			     bool exports)
{
	struct oracle *o = calloc(1, sizeof(*o));
	bool shadowed = (flags & LB_TARGET_LINUX) && exports;

	(void)capabilities; /* an operation that the target lacks is never stepped */
	if (!o)
		return NULL;
	o->audit = audit_create(machine, flags, o->exercised);
	o->shadow = shadowed ? shadow_create(machine, o->exercised) : NULL;
	if (!o->audit || (shadowed && !o->shadow)) {
		oracle_destroy(o);
		return NULL;
	}
	return o;
}

void oracle_destroy(struct oracle *o)
{
	if (!o)
		return;
	if (o->audit)
		audit_destroy(o->audit);
	if (o->shadow)
		shadow_destroy(o->shadow);
	free(o);
}

static bool malformed(struct verdict *v, const char *what)
{
	*v = (struct verdict){ .broken = true, .rule = RULE_STATE_SECTIONS, .pfn = NO_PFN };
	snprintf(v->what, sizeof(v->what), "%s", what);
	snprintf(v->field, sizeof(v->field), "state");
	return false;
}

/* Pairs of an export as ranges; NULL without memory. */
static struct machine_range *as_ranges(const uint64_t *pairs, uint64_t nr)
{
	struct machine_range *ranges = calloc(nr ? nr : 1, sizeof(*ranges));

	for (uint64_t i = 0; ranges && i < nr; i++)
		ranges[i] =
			(struct machine_range){ .start = pairs[2 * i], .end = pairs[2 * i + 1] };
	return ranges;
}

static bool boot_shadow(struct shadow *s, const uint64_t *words, struct verdict *v)
{
	const uint64_t *state = words;
	struct section reserved;
	struct machine_range *ranges;
	bool booted;

	section_find(&state, LB_STATE_RESERVED, &reserved);
	ranges = as_ranges(reserved.words, reserved.n / 2);
	booted = ranges && shadow_boot(s, ranges, (uint32_t)(reserved.n / 2));

	free(ranges);
	if (!booted)
		return malformed(v, "the reserved ranges are not ascending, disjoint ranges of the "
				    "machine's memory");
	if (!shadow_compare_listed(s, v) || !shadow_compare_reserved_size(s, v) ||
	    !shadow_compare_hotplug(s, v) || !shadow_compare_mirror(s, v) ||
	    !shadow_compare(s, words, true, v))
		return false;
	return shadow_save(s) || malformed(v, "no memory for the oracle's image of the boot state");
}

bool oracle_well_formed(struct oracle *o, const uint64_t *state, size_t size, struct verdict *v)
{
	verdict_clear(v);
	return audit_well_formed(o->audit, state, size, v);
}

bool oracle_boot(struct oracle *o, const uint64_t *state, struct verdict *v)
{
	verdict_clear(v);
	if (!audit_boot(o->audit, state, v))
		return false;
	return !o->shadow || boot_shadow(o->shadow, state, v);
}

void oracle_rewind(struct oracle *o)
{
	audit_rewind(o->audit);
	if (o->shadow)
		shadow_rewind(o->shadow);
}

bool oracle_step(struct oracle *o, const struct lb_call *call, const struct lb_result *actual,
		 const uint64_t *frames, struct verdict *v)
{
	verdict_clear(v);
	if (!audit_step(o->audit, call, actual, frames, v))
		return false;
	return !o->shadow || shadow_step(o->shadow, call, actual, frames, v);
}

bool oracle_compare(struct oracle *o, const uint64_t *state, struct verdict *v)
{
	verdict_clear(v);
	if (!audit_compare(o->audit, state, v))
		return false;
	return !o->shadow || shadow_compare(o->shadow, state, false, v);
}

bool oracle_adopt(struct oracle *o, const uint64_t *state, struct verdict *v)
{
	verdict_clear(v);
	return !o->shadow || shadow_adopt(o->shadow, state, v);
}

bool oracle_finish(struct oracle *o, const uint64_t *state, struct verdict *v)
{
	verdict_clear(v);
	if (!audit_finish(o->audit, state, v))
		return false;
	return !o->shadow || !state || shadow_compare(o->shadow, state, false, v);
}

bool oracle_rule(struct oracle *o, enum rule rule, bool holds)
{
	assert(rule < RULE_COUNT);
	o->exercised[rule]++;
	return holds;
}

const uint64_t *oracle_exercised(const struct oracle *o)
{
	return o->exercised;
}

size_t oracle_memory(const struct oracle *o, uint64_t *words, size_t capacity)
{
	size_t n = audit_memory(o->audit, words, capacity);

	if (!o->shadow)
		return n;
	return n +
	       shadow_memory(o->shadow, words ? words + n : NULL, capacity > n ? capacity - n : 0);
}

size_t oracle_print(const struct oracle *o, char *buffer, size_t size)
{
	if (o->shadow)
		return shadow_print(o->shadow, buffer, size);
	if (size)
		buffer[0] = '\0';
	return 0;
}

size_t oracle_export(const struct oracle *o, uint64_t *words, size_t capacity)
{
	return o->shadow ? shadow_export(o->shadow, words, capacity) : 0;
}
