/*
 * Zonelists: in which order a request of a node looks at zones (facts 3).
 *
 *   nodes of L   L itself, then always the unused node with memory that is cheapest: distance,
 *                +1 if its id is below L's, then load. A node that begins a new distance gets a
 *                load, which the lists of later nodes see: one more in 6.1, the number of places
 *                that are left in its list in 5.10.
 *   zones        of each node from the highest that has memory down to DMA
 *
 * Nodes that are possible and not there (readings "Nodes that are absent"): 6.1 makes lists for them too,
 * and what those load carries over; 5.10 does not, and does not count them.
 */
#include "oracle/shadow.h"

enum { MAX_NUMNODES = 1024 };

/* One build of all lists. */
struct build {
	const struct shadow *s;
	bool absent_too;
	uint32_t nr_online;
	uint64_t load[MACHINE_MAX_NODES];
};

static bool has_memory(const struct shadow *s, uint32_t node)
{
	for (unsigned int index = 0; index < MACHINE_NR_ZONES; index++) {
		uint8_t number = s->zone_number[node][index];

		if (number != NO_ZONE && s->zones[number].present)
			return true;
	}
	return false;
}

static uint64_t cost(const struct build *b, uint32_t local, uint32_t node)
{
	uint64_t distance = b->s->machine.distance[local][node], factor = MAX_NUMNODES;

	if (is_5_10(b->s))
		factor *= b->nr_online;
	return (distance + (node < local)) * factor + b->load[node];
}

/* The cheapest node that is not used yet; nr_nodes: none is left. */
static uint32_t next_best_node(const struct build *b, uint32_t local, const bool *used)
{
	const struct shadow *s = b->s;
	uint32_t best = s->nr_nodes;

	if (!used[local])
		return local;
	for (uint32_t node = 0; node < s->nr_nodes; node++) {
		if (used[node] || !has_memory(s, node))
			continue;
		if (best == s->nr_nodes || cost(b, local, node) < cost(b, local, best))
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

static void build_for(struct build *b, uint32_t local, struct zonelist *fallback)
{
	const struct shadow *s = b->s;
	bool used[MACHINE_MAX_NODES] = { false };
	uint32_t previous = local, left = b->nr_online;

	for (;;) {
		uint32_t node = next_best_node(b, local, used);

		if (node == s->nr_nodes)
			return;
		used[node] = true;
		if (s->machine.distance[local][node] != s->machine.distance[local][previous])
			b->load[node] = is_5_10(s) ? left : b->load[node] + 1;
		previous = node;
		left--;
		add_zones(s, fallback, node);
	}
}

uint32_t shadow_nr_online_nodes(const struct shadow *s)
{
	uint32_t n = 0;

	for (uint32_t node = 0; node < s->nr_nodes; node++)
		n += !is_absent_node(&s->machine, node);
	return n;
}

static void build_all(const struct shadow *s, bool absent_too, struct zonelist *fallback)
{
	struct build b = {
		.s = s,
		.absent_too = absent_too,
		.nr_online = shadow_nr_online_nodes(s),
	};

	for (uint32_t node = 0; node < s->nr_nodes; node++) {
		fallback[node].n = 0;
		if (b.absent_too || !is_absent_node(&s->machine, node))
			build_for(&b, node, &fallback[node]);
	}
}

bool shadow_build_zonelists(struct shadow *s)
{
	build_all(s, !is_5_10(s), s->fallback);
	build_all(s, is_5_10(s), s->fallback_otherwise);
	for (uint32_t node = 0; node < s->nr_nodes; node++) {
		s->own[node].n = 0;
		add_zones(s, &s->own[node], node);
	}
	return s->nr_zones > 0;
}

/* Before it in this list? */
static bool is_before(const struct zonelist *zl, uint32_t number, uint32_t other)
{
	for (uint32_t i = 0; i < zl->n; i++) {
		if (zl->zones[i] == number)
			return number != other;
		if (zl->zones[i] == other)
			return false;
	}
	return false;
}

bool shadow_absent_nodes_decide(const struct shadow *s, const struct zonelist *zl, uint32_t number,
				uint32_t other)
{
	for (uint32_t node = 0; node < s->nr_nodes; node++)
		if (zl == &s->fallback[node])
			return is_before(zl, number, other) &&
			       is_before(&s->fallback_otherwise[node], other, number);
	return false; /* a list of one node's own zones */
}
