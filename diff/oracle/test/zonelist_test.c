/*
 * Zonelists: example 22 of the facts, memoryless nodes, and asymmetric distances.
 */
#include "common.h"

/* Nodes of 64 pages each, one zone each: zone numbers are node numbers, if all have memory. */
static struct machine nodes_machine(uint32_t nodes)
{
	struct machine m = bare_machine(64u * nodes);

	m.nr_nodes = nodes;
	m.nr_memory = nodes;
	for (uint32_t n = 0; n < nodes; n++) {
		m.memory[n] = (struct machine_range){ .start = n ? 64u * n : 1,
						      .end = 64u * (n + 1),
						      .node = n };
		for (uint32_t k = 0; k < nodes; k++)
			m.distance[n][k] = n == k ? 10 : 20;
	}
	return m;
}

TEST(example_22_one_far_pair)
{
	struct machine m = nodes_machine(4);

	m.distance[0][2] = m.distance[2][0] = 30;

	struct shadow *s = booted(&m, NULL, 0);

	EXPECT_STR(order_of(s, 0), "0 1 3 2");
	EXPECT_STR(order_of(s, 1), "1 3 2 0");
	EXPECT_STR(order_of(s, 2), "2 3 1 0");
	EXPECT_STR(order_of(s, 3), "3 0 1 2");
	shadow_destroy(s);
}

TEST(example_22_uniform_distances)
{
	struct machine m = nodes_machine(4);
	struct shadow *s = booted(&m, NULL, 0);

	EXPECT_STR(order_of(s, 0), "0 1 2 3");
	EXPECT_STR(order_of(s, 1), "1 2 3 0");
	EXPECT_STR(order_of(s, 2), "2 3 0 1");
	EXPECT_STR(order_of(s, 3), "3 0 1 2");
	shadow_destroy(s);
}

TEST(a_node_without_memory_lists_only_others)
{
	struct machine m = nodes_machine(3);

	/* node 1 has nothing */
	m.nr_memory = 2;
	m.memory[1] = m.memory[2];
	m.memory[1].start = 64;

	struct shadow *s = booted(&m, NULL, 0);

	/* from 1: 0 costs 20 + 1 (id below), 2 costs 20 */
	EXPECT_STR(order_of(s, 1), "2 0");
	EXPECT_EQ(s->own[1].n, 0);
	EXPECT_STR(order_of(s, 0), "0 2");
	shadow_destroy(s);
}

TEST(zones_of_a_node_go_from_the_highest_down)
{
	struct machine m = bare_machine(256);

	m.dma_end = 64;
	m.dma32_end = 128;
	m.movable_start[0] = 192;

	struct shadow *s = booted(&m, NULL, 0);

	EXPECT_EQ(s->fallback[0].n, 4);
	for (unsigned int i = 0; i < 4; i++)
		EXPECT_EQ(s->zones[s->fallback[0].zones[i]].index, ZONE_MOVABLE - (int)i);
	EXPECT_EQ(zone_at(s, 0, ZONE_NORMAL)->start, 128);
	EXPECT_EQ(zone_at(s, 0, ZONE_NORMAL)->spanned, 64);
	EXPECT_EQ(zone_at(s, 0, ZONE_MOVABLE)->spanned, 64);
	shadow_destroy(s);
}

TEST(a_request_goes_to_its_highest_zone_first)
{
	struct machine m = bare_machine(256);

	m.dma_end = 64;
	m.dma32_end = 128;
	m.movable_start[0] = 192;

	struct shadow *s = booted(&m, NULL, 0);

	EXPECT_EQ(zone_of(s, (uint64_t)take(s, GFP_HIGHUSER_MOVABLE, 0))->index, ZONE_MOVABLE);
	EXPECT_EQ(zone_of(s, (uint64_t)take(s, GFP_KERNEL, 0))->index, ZONE_NORMAL);
	EXPECT_EQ(zone_of(s, (uint64_t)take(s, GFP_KERNEL | GFP_MOVABLE, 0))->index, ZONE_NORMAL);
	EXPECT_EQ(zone_of(s, (uint64_t)take(s, GFP_KERNEL | GFP_DMA32, 0))->index, ZONE_DMA32);
	EXPECT_EQ(zone_of(s, (uint64_t)take(s, GFP_KERNEL | GFP_DMA, 0))->index, ZONE_DMA);
	EXPECT_EQ(zone_of(s, (uint64_t)take(s, GFP_KERNEL | GFP_DMA | GFP_DMA32, 0))->index,
		  ZONE_DMA);
	shadow_destroy(s);
}

TEST_MAIN
