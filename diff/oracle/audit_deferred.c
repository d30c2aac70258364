/*
 * Frames that boot left for later: free some day, nobody's until then (readings "Deferred").
 *
 *   node's memory   |== in some place ==|d d r d d d d d|    d: deferred; r: reserved, as ever
 *                                       ^ first deferred pfn, as exported
 *
 * Not here: where that may lie (the shadow's business).
 */
#include "oracle/audit_internal.h"

#include <inttypes.h>

/* A frame that is there already, though it should not be. */
static bool deferred_and_live(struct audit *a, uint64_t pfn, uint64_t end, uint64_t node,
			      struct verdict *v)
{
	uint64_t first = bits_first(a->live, pfn, end);

	return audit_broken(v, RULE_BUDDY_FRAME_TWICE, first, "deferred",
			    "pfn %" PRIu64 " is in a live block, and deferred on node %" PRIu64,
			    first, node);
}

static bool place_node(struct audit *a, uint64_t node, uint64_t first, struct verdict *v)
{
	const struct machine *m = a->machine;

	for (uint32_t i = 0; i < m->nr_memory; i++) {
		uint64_t start = m->memory[i].start, end = m->memory[i].end;

		start = first > start ? first : start;
		if (m->memory[i].node != node || start >= end)
			continue;
		if (bits_any(a->live, start, end))
			return deferred_and_live(a, start, end, node, v);
		for (uint64_t pfn = start; pfn < end; pfn++)
			a->deferred_now += !bits_any(a->taken, pfn, pfn + 1);
		bits_set(a->taken, start, end);
	}
	return true;
}

/* Each node once: a second entry would place nothing more. */
bool audit_place_deferred(struct audit *a, const uint64_t *words, uint64_t n, struct verdict *v)
{
	for (uint64_t i = 0; i + 1 < n; i += 2) {
		if (words[i] >= a->machine->nr_nodes)
			return audit_malformed(v, "deferred",
					       "memory of node %" PRIu64 " is said to be deferred, "
					       "and there is no such node",
					       words[i]);
		if (!place_node(a, words[i], words[i + 1], v))
			return false;
	}
	return n % 2 == 0 ||
	       audit_malformed(v, "deferred", "a list of pairs has %" PRIu64 " words", n);
}
