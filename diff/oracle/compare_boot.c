/*
 * Where Movable begins, what came late, and what is still to come: parts of an export that only some
 * machines have (facts 2; readings "Boot", "Deferred").
 */
#include "oracle/compare.h"

/* ---- Movable ---- */

/* Where a node's Movable zone begins in an export; 0: it has none. */
static uint64_t movable_start(const uint64_t *words, uint32_t node)
{
	struct section zone;

	while (section_find(&words, LB_STATE_ZONE, &zone))
		if (zone.n > LB_ZONE_START && zone.words[LB_ZONE_NODE] == node &&
		    zone.words[LB_ZONE_INDEX] == ZONE_MOVABLE)
			return zone.words[LB_ZONE_START];
	return 0;
}

bool comparison_of_movable(struct comparison *c)
{
	if (!c->at_boot || !shadow_movable_is_derived(&c->s->machine))
		return true;
	for (uint32_t node = 0; node < c->s->nr_nodes; node++) {
		uint64_t expect = movable_start(c->expect, node),
			 actual = movable_start(c->actual, node);

		if (expect == actual)
			continue;
		comparison_differs(c, RULE_BOOT_MOVABLE_START, expect, actual, "movable[%u]", node);
		c->verdict->pfn = expect ? expect : actual;
		return false;
	}
	return true;
}

/* ---- Late ---- */

bool comparison_is_late(const struct comparison *c, uint64_t pfn, uint64_t pages)
{
	const struct shadow *s = c->s;
	uint32_t number = pfn < s->max_pfn ? s->frames[pfn].zone : s->nr_zones;

	if (number >= s->nr_zones || s->late_end[number] == 0)
		return false;
	for (uint64_t i = 0; i < pages && pfn + i < s->late_end[number]; i++)
		if (s->frames[pfn + i].kind != FRAME_RESERVED)
			return true;
	return false;
}

/* ---- Deferred ---- */

/* A node that is not in the section has nothing deferred. */
static uint64_t first_deferred(const struct section *section, uint32_t node)
{
	for (uint64_t i = 0; i + 1 < section->n; i += 2)
		if (section->words[i] == node)
			return section->words[i + 1];
	return NO_PFN;
}

bool comparison_of_deferred(struct comparison *c)
{
	const uint64_t *theirs = c->actual;
	struct section actual;

	if (!section_find(&theirs, LB_STATE_DEFERRED, &actual) && c->s->machine.deferred)
		return comparison_misses(c, "deferred");
	for (uint32_t node = 0; node < c->s->nr_nodes; node++) {
		uint64_t expect = c->s->state->first_deferred[node],
			 came = first_deferred(&actual, node);

		if (expect == came)
			continue;
		comparison_differs(c, c->at_boot ? RULE_DEFERRED_FIRST_PFN : RULE_DEFERRED_GROW,
				   expect, came, "deferred[%u]", node);
		c->verdict->pfn = came == NO_PFN ? expect : came;
		return false;
	}
	return true;
}

bool comparison_was_deferred(const struct comparison *c, uint64_t pfn)
{
	const struct frame *f = &c->s->frames[pfn];

	return f->kind != FRAME_ABSENT && pfn >= c->s->deferred_at_boot[c->s->zones[f->zone].node];
}

/* ---- What was compared ---- */

void comparison_count_boot(struct shadow *s, bool at_boot)
{
	bool deferred = false, late = false;

	for (uint32_t node = 0; node < s->nr_nodes; node++)
		deferred |= s->deferred_at_boot[node] != NO_PFN;
	for (uint32_t i = 0; i < s->nr_zones; i++)
		late |= s->late_end[i] > 0;
	s->exercised[RULE_BOOT_MOVABLE_START] += at_boot && shadow_movable_is_derived(&s->machine);
	s->exercised[RULE_BOOT_LATE] += at_boot && late;
	s->exercised[at_boot ? RULE_DEFERRED_FIRST_PFN : RULE_DEFERRED_GROW] += deferred;
	s->exercised[RULE_DEFERRED_TYPES] += deferred;
}
