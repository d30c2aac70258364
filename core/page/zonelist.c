/*
 * Which zones a request may use, in which order (facts 3).
 *
 *   node 1:   fallback  [1:Normal 1:DMA32 0:Normal 0:DMA32 0:DMA -]
 *             thisnode  [1:Normal 1:DMA32 -]
 *
 * The nodes by distance, a little load so that not all fall on one; each node's zones from the
 * highest down. A node that is absent has a list too (6.1), though nobody asks for it: the load of
 * those it would fall back to counts for the nodes after it.
 */
#include <string.h>

#include "page/page_internal.h"

static bool node_has_memory(const struct mm_machine *m, unsigned int node)
{
	for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
		if (populated_zone(mm_zone(m, node, type)))
			return true;
	return false;
}

unsigned int mm_nr_online_nodes(const struct mm_machine *m)
{
	unsigned int online = 0;

	for (unsigned int node = 0; node < m->nr_nodes; node++)
		online += mm_node_online(m, node);
	return online;
}

/* Loads are below it, and so break ties only. */
static uint64_t load_unit(const struct mm_machine *m)
{
	return m->config.profile->node_load_is_rank
		       ? mm_nr_online_nodes(m) * UINT64_C(1) * MAX_NUMNODES
		       : MAX_NUMNODES;
}

/*
 * The unused node with memory that costs least; nr_nodes: none is left. CPUs count nothing at boot
 * (facts 3).
 */
static unsigned int find_next_best_node(const struct mm_machine *m, unsigned int local,
					uint64_t used, const uint64_t load[MM_MAX_NODES])
{
	unsigned int best = m->nr_nodes;
	uint64_t best_val = UINT64_MAX;

	if (!(used >> local & 1))
		return local;
	for (unsigned int node = 0; node < m->nr_nodes; node++) {
		if ((used >> node & 1) || !node_has_memory(m, node))
			continue;
		uint64_t val = m->config.distance[local][node] + (node < local);

		val = val * load_unit(m) + load[node];
		if (val < best_val) {
			best_val = val;
			best = node;
		}
	}
	return best;
}

static struct zoneref *append_node_zones(struct zoneref *at, struct mm_machine *m,
					 unsigned int node)
{
	for (unsigned int type = MAX_NR_ZONES; type-- > 0;) {
		struct zone *zone = mm_zone(m, node, type);

		if (populated_zone(zone))
			*at++ = (struct zoneref){ zone, type };
	}
	return at;
}

static void build_zonelists(struct mm_machine *m, unsigned int local, uint64_t load[MM_MAX_NODES])
{
	struct pglist_data *pgdat = &m->nodes[local];
	struct zoneref *fallback = pgdat->zonelists[ZONELIST_FALLBACK].zonerefs;
	unsigned int previous = local, node, left = mm_nr_online_nodes(m);
	uint64_t used = 0;

	for (; (node = find_next_best_node(m, local, used, load)) < m->nr_nodes; left--) {
		if (m->config.distance[local][node] != m->config.distance[local][previous])
			load[node] = m->config.profile->node_load_is_rank ? left : load[node] + 1;
		used |= UINT64_C(1) << node;
		previous = node;
		fallback = append_node_zones(fallback, m, node);
	}
	*fallback = (struct zoneref){ NULL, 0 };
	*append_node_zones(pgdat->zonelists[ZONELIST_NOFALLBACK].zonerefs, m, local) =
		(struct zoneref){ NULL, 0 };
}

/*
 * The zone each combination of the four zone bits asks for; combinations that mean nothing read as
 * DMA (facts 3).
 */
static void build_gfp_zone_table(struct mm_machine *m)
{
	uint8_t dma = m->config.dma_end ? ZONE_DMA : ZONE_NORMAL;
	uint8_t dma32 = m->config.dma32_end ? ZONE_DMA32 : ZONE_NORMAL;

	memset(m->gfp_zone_table, ZONE_DMA, sizeof(m->gfp_zone_table));
	m->gfp_zone_table[0] = ZONE_NORMAL;
	m->gfp_zone_table[__GFP_DMA] = dma;
	m->gfp_zone_table[__GFP_HIGHMEM] = ZONE_NORMAL;
	m->gfp_zone_table[__GFP_DMA32] = dma32;
	m->gfp_zone_table[__GFP_MOVABLE] = ZONE_NORMAL;
	m->gfp_zone_table[__GFP_MOVABLE | __GFP_DMA] = dma;
	m->gfp_zone_table[__GFP_MOVABLE | __GFP_HIGHMEM] = ZONE_MOVABLE;
	m->gfp_zone_table[__GFP_MOVABLE | __GFP_DMA32] = dma32;
}

/*
 * A lower zone to use first, rather than mix types in Normal: DMA32, or, with one node online,
 * anything (facts 5).
 */
static bool avoids_fragments(const struct mm_machine *m, const struct zone *zone)
{
	if (zone->type != ZONE_NORMAL || !m->config.dma32_end)
		return false;
	return mm_nr_online_nodes(m) == 1 || populated_zone(zone - 1);
}

/*
 * With little memory, types would only scatter it: they are not used at all (facts 3, end). No high
 * mark exists yet.
 */
static void decide_grouping(struct mm_machine *m)
{
	const struct zoneref *ref = m->nodes[m->cpu_node[0]].zonelists[ZONELIST_FALLBACK].zonerefs;

	m->nr_kernel_pages = 0;
	for (; ref->zone; ref++)
		m->nr_kernel_pages += ref->zone->managed_pages;
	m->grouping_disabled = m->nr_kernel_pages < pageblock_pages(m) * MIGRATE_TYPES;
}

void build_all_zonelists(struct mm_machine *m)
{
	uint64_t load[MM_MAX_NODES] = { 0 };

	build_gfp_zone_table(m);
	for (unsigned int node = 0; node < m->nr_nodes; node++)
		if (mm_node_online(m, node) || m->config.profile->lists_of_absent_nodes)
			build_zonelists(m, node, load);
	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
			mm_zone(m, node, type)->avoids_fragments =
				avoids_fragments(m, mm_zone(m, node, type));
	decide_grouping(m);
}
