/*
 * Zonelists: in which order a request of a node looks at zones (facts 3).
 *
 *   nodes of L   L itself, then always the unused node with memory that is cheapest: distance,
 *                +1 if its id is below L's, then load. A node that begins a new distance gets a
 *                load, which the lists of later nodes see: one more in 6.1, the number of places
 *                that are left in its list in 5.10.
 *   zones        of each node from the highest that has memory down to DMA
 */
#include "oracle/shadow.h"

enum { MAX_NUMNODES = 1024 };

static bool has_memory(const struct shadow *s, uint32_t node)
{
	for (unsigned int index = 0; index < MACHINE_NR_ZONES; index++) {
		uint8_t number = s->zone_number[node][index];

		if (number != NO_ZONE && s->zones[number].present)
			return true;
	}
	return false;
}

static uint64_t cost(const struct shadow *s, uint32_t local, uint32_t node, const uint64_t *load)
{
	uint64_t distance = s->machine.distance[local][node], factor = MAX_NUMNODES;

	if (is_5_10(s))
		factor *= s->nr_nodes;
	return (distance + (node < local)) * factor + load[node];
}

/* The cheapest node that is not used yet; nr_nodes: none is left. */
static uint32_t next_best_node(const struct shadow *s, uint32_t local, const bool *used,
			       const uint64_t *load)
{
	uint32_t best = s->nr_nodes;

	if (!used[local])
		return local;
	for (uint32_t node = 0; node < s->nr_nodes; node++) {
		if (used[node] || !has_memory(s, node))
			continue;
		if (best == s->nr_nodes || cost(s, local, node, load) < cost(s, local, best, load))
			best = node;
	}
	return best;
}

static void add_zones(const struct shadow *s, struct zonelist *zl, uint32_t node)
{
	for (unsigned int index = MACHINE_NR_ZONES; index-- > 0;) {
		uint8_t number = s->zone_number[node][index];

		if (number != NO_ZONE && s->zones[number].present)
			zl->zones[zl->n++] = number;
	}
}

static void build_for(struct shadow *s, uint32_t local, uint64_t *load)
{
	bool used[MACHINE_MAX_NODES] = { false };
	uint32_t previous = local, left = s->nr_nodes;

	s->fallback[local].n = s->own[local].n = 0;
	add_zones(s, &s->own[local], local);
	for (;;) {
		uint32_t node = next_best_node(s, local, used, load);

		if (node == s->nr_nodes)
			return;
		used[node] = true;
		if (s->machine.distance[local][node] != s->machine.distance[local][previous])
			load[node] = is_5_10(s) ? left : load[node] + 1;
		previous = node;
		left--;
		add_zones(s, &s->fallback[local], node);
	}
}

bool shadow_build_zonelists(struct shadow *s)
{
	uint64_t load[MACHINE_MAX_NODES] = { 0 };

	for (uint32_t node = 0; node < s->nr_nodes; node++)
		build_for(s, node, load);
	return s->nr_zones > 0;
}
