/*
 * Zonelists of machines with nodes that are absent: whose loads count, and for whom (facts 3;
 * diff/READINGS.md "Nodes that are absent").
 *
 *   node   0       1       2         3         4        all 20 from each other
 *          absent  absent  [memory]  [memory]  [memory]
 */
#include "page/page_internal.h"
#include "test.h"
#include "test/world.h"

enum { PAGES_A_NODE = 256 };

static struct mm_config five_nodes(const struct mm_profile *profile, unsigned int absent)
{
	struct mm_config c = {
		.profile = profile,
		.nr_nodes = 5,
		.nr_cpus = 1,
		.cpu_node = { 2 },
		.absent_nodes = absent,
		.top_order = 5,
		.pageblock_order = 4,
		.max_pfn = 3 * PAGES_A_NODE,
		.section_pages = 64,
		.pcp_high = 1,
		.pcp_batch = 1,
		.watermark_scale_factor = 10,
		.watermark_boost_factor = 15000,
		.nr_memory = 3,
	};

	for (unsigned int i = 0; i < 3; i++)
		c.memory[i] = (struct mm_range){ i ? i * PAGES_A_NODE : 1, (i + 1) * PAGES_A_NODE,
						 (int)i + 2, false, false };
	for (unsigned int from = 0; from < 5; from++)
		for (unsigned int to = 0; to < 5; to++)
			c.distance[from][to] = from == to ? 10 : 20;
	return c;
}

/* "2 3 4": the nodes of a list, by their zones. */
static const char *nodes_of(const struct world *w, unsigned int node, enum zonelist_kind kind)
{
	static char text[64];
	const struct zoneref *ref = w->machine->nodes[node].zonelists[kind].zonerefs;
	size_t length = 0;

	text[0] = 0;
	for (; ref->zone; ref++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%d",
					   length ? " " : "", ref->zone->pgdat->node_id);
	return text;
}

static void expect_orders(const struct mm_profile *profile, unsigned int absent,
			  const char *const orders[5])
{
	const struct mm_config config = five_nodes(profile, absent);
	struct world w;

	world_open_config(&w, &config);
	for (unsigned int node = 0; node < 5; node++)
		EXPECT_STR(nodes_of(&w, node, ZONELIST_FALLBACK), orders[node]);
	EXPECT_STR(nodes_of(&w, 0, ZONELIST_NOFALLBACK), "");
	EXPECT_STR(nodes_of(&w, 3, ZONELIST_NOFALLBACK), "3");
	world_close(&w);
}

/*
 * By hand, val = (20 + (n < L)) * 1024 + load:
 *   L 0: 2 3 4 are alike, 2 is first: load[2] = 1          L 3: 4 is higher: 4, load[4] = 2, then 2
 *   L 1: 2 costs 1 more: 3, load[3] = 1, then 4, then 2    L 4: 2 and 3 have load 1: 2, then 3
 *   L 2: 3 costs 1 more: 4, load[4] = 1, then 3
 */
TEST(in_6_1_absent_nodes_lay_their_load_on_others)
{
	static const char *const orders[5] = { "2 3 4", "3 4 2", "2 4 3", "3 4 2", "4 2 3" };

	expect_orders(&mm_profile_linux_6_1, 0x3, orders);
	expect_orders(&mm_profile_linux_6_1, 0, orders); /* as if they were there without memory */
}

/*
 * val = (20 + (n < L)) * 3 * 1024 + load, three nodes online:
 *   L 2: 3 is first: load[3] = 2, then 4       L 4: 3 costs 2 more: 2, then 3
 *   L 3: 4, load[4] = 2, then 2
 */
TEST(in_5_10_absent_nodes_have_no_list_and_lay_no_load)
{
	static const char *const orders[5] = { "", "", "2 3 4", "3 4 2", "4 2 3" };

	expect_orders(&mm_profile_linux_5_10, 0x3, orders);
}

/* L 0: load[2] = 4; L 1: 3, load[3] = 4, then 4, then 2; L 2: 3 costs 4 more: 4, then 3. */
TEST(in_5_10_nodes_without_memory_do_if_they_are_online)
{
	static const char *const orders[5] = { "2 3 4", "3 4 2", "2 4 3", "3 4 2", "4 2 3" };

	expect_orders(&mm_profile_linux_5_10, 0, orders);
}

/*
 * One node online, whose DMA32 is empty: NOFRAGMENT all the same. With two it needs a populated
 * DMA32 (facts 5).
 */
TEST(nofragment_counts_nodes_that_are_online)
{
	for (unsigned int absent = 0; absent < 4; absent += 2) {
		struct mm_config config = five_nodes(&mm_profile_linux_6_1, absent);
		struct world w;

		config.nr_nodes = 2;
		config.cpu_node[0] = 0;
		config.dma32_end = 64;
		config.nr_memory = 1;
		config.memory[0] = (struct mm_range){ 64, 768, 0, false, false };
		world_open_config(&w, &config);
		EXPECT(!populated_zone(mm_zone(w.machine, 0, ZONE_DMA32)));
		EXPECT_EQ(mm_zone(w.machine, 0, ZONE_NORMAL)->avoids_fragments, absent == 2);
		world_close(&w);
	}
}

TEST_MAIN
