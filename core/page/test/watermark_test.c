/*
 * Watermarks, reserves, page list sizes and zonelists: the worked examples of the facts, section
 * 20.
 */
#include "page/page_internal.h"
#include "test.h"
#include "test/world.h"

/*
 * A machine with the geometry of a PC and these managed pages, as they were when the marks were
 * computed.
 */
static void open_pc(struct world *w, unsigned int cpus, bool thp, uint64_t dma, uint64_t dma32,
		    uint64_t normal)
{
	pfn_t end = normal ? 1048576 + normal : 4096 + dma32;
	struct mm_config c = {
		.profile = &mm_profile_linux_6_1,
		.thp = thp,
		.nr_nodes = 1,
		.nr_cpus = cpus,
		.top_order = 10,
		.pageblock_order = 9,
		.max_pfn = (end + 1023) & ~UINT64_C(1023),
		.dma_end = 4096,
		.dma32_end = 1048576,
		.section_pages = 32768,
		.min_free_kbytes = MM_BY_FORMULA,
		.pcp_high = MM_BY_FORMULA,
		.pcp_batch = MM_BY_FORMULA,
		.watermark_scale_factor = 10,
		.watermark_boost_factor = 15000,
		.lowmem_reserve_ratio = { 256, 256, 32, 0 },
		.distance = { { 10 } },
		.nr_memory = 1,
	};

	c.memory[0] = (struct mm_range){ 1, c.max_pfn, 0, false, false };
	world_open_config(w, &c);
	struct zone *zones = w->machine->nodes[0].zones;

	for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
		for (unsigned int mark = 0; mark < NR_WMARK; mark++)
			zones[type]._watermark[mark] = 0;
	zones[ZONE_DMA].managed_pages = dma;
	zones[ZONE_DMA32].managed_pages = dma32;
	zones[ZONE_NORMAL].managed_pages = normal;
	init_per_zone_wmark_min(w->machine);
	khugepaged_raises_min_free(w->machine);
}

static void expect_marks(const struct world *w, enum zone_type type, uint64_t min, uint64_t low,
			 uint64_t high)
{
	const struct zone *zone = mm_zone(w->machine, 0, type);

	EXPECT_EQ(zone->_watermark[WMARK_MIN], min);
	EXPECT_EQ(zone->_watermark[WMARK_LOW], low);
	EXPECT_EQ(zone->_watermark[WMARK_HIGH], high);
}

static void expect_reserve(const struct world *w, enum zone_type type, long dma32, long normal,
			   long movable)
{
	const struct zone *zone = mm_zone(w->machine, 0, type);

	EXPECT_EQ(zone->lowmem_reserve[ZONE_DMA32], dma32);
	EXPECT_EQ(zone->lowmem_reserve[ZONE_NORMAL], normal);
	EXPECT_EQ(zone->lowmem_reserve[ZONE_MOVABLE], movable);
}

static void expect_pcp(const struct world *w, enum zone_type type, int high, int batch)
{
	EXPECT_EQ(mm_zone(w->machine, 0, type)->pageset[0].high, high);
	EXPECT_EQ(mm_zone(w->machine, 0, type)->pageset[0].batch, batch);
}

static void expect_drift(const struct world *w, enum zone_type type, int threshold, uint64_t mark)
{
	EXPECT_EQ(mm_zone(w->machine, 0, type)->stat_threshold, threshold);
	EXPECT_EQ(mm_zone(w->machine, 0, type)->percpu_drift_mark, mark);
}

TEST(marks_of_128_mib_with_one_cpu) /* examples 3 and 4 */
{
	struct world w;

	open_pc(&w, 1, false, 3840, 14370, 0);
	EXPECT_EQ(w.machine->sysctl[MM_SYSCTL_MIN_FREE_KBYTES], 1079);
	expect_marks(&w, ZONE_DMA, 56, 70, 84);
	expect_marks(&w, ZONE_DMA32, 212, 265, 318);
	expect_reserve(&w, ZONE_DMA, 56, 56, 56);
	expect_pcp(&w, ZONE_DMA, 70, 1);
	expect_pcp(&w, ZONE_DMA32, 265, 3);
	expect_drift(&w, ZONE_DMA, 2, 0); /* 2 pages are less than lie between the marks */
	expect_drift(&w, ZONE_DMA32, 2, 0);
	mm_machine_destroy(w.machine);
}

TEST(marks_of_512_mib_with_two_cpus) /* example 5 */
{
	struct world w;

	open_pc(&w, 2, false, 3840, 110950, 0);
	EXPECT_EQ(w.machine->sysctl[MM_SYSCTL_MIN_FREE_KBYTES], 2710);
	expect_marks(&w, ZONE_DMA, 22, 27, 32);
	expect_marks(&w, ZONE_DMA32, 654, 817, 980);
	expect_reserve(&w, ZONE_DMA, 433, 433, 433);
	expect_pcp(&w, ZONE_DMA, 13, 1);
	expect_pcp(&w, ZONE_DMA32, 408, 31);
	expect_drift(&w, ZONE_DMA, 4, 32 + 2 * 4); /* 8 are more than 27 - 22 */
	expect_drift(&w, ZONE_DMA32, 12, 0);
	mm_machine_destroy(w.machine);
}

TEST(marks_of_6_gib_with_thp) /* example 6 */
{
	struct world w;

	open_pc(&w, 4, true, 3840, 752332, 758281);
	EXPECT_EQ(w.machine->sysctl[MM_SYSCTL_MIN_FREE_KBYTES], 67584);
	expect_marks(&w, ZONE_DMA, 42, 52, 62);
	expect_marks(&w, ZONE_DMA32, 8393, 10491, 12589);
	expect_marks(&w, ZONE_NORMAL, 8459, 10573, 12687);
	expect_reserve(&w, ZONE_DMA, 2938, 5900, 5900);
	expect_reserve(&w, ZONE_DMA32, 0, 2962, 2962);
	expect_pcp(&w, ZONE_DMA32, 2622, 63);
	expect_pcp(&w, ZONE_NORMAL, 2643, 63);
	/*
	 * drift is looked at before khugepaged raises the marks: min_free 9845 kB gives DMA
	 * 6/9/12, and 4 * 6 are more than 9 - 6
	 */
	expect_drift(&w, ZONE_DMA, 6, 12 + 24);
	expect_drift(&w, ZONE_DMA32, 36, 0);
	expect_drift(&w, ZONE_NORMAL, 36, 0);
	mm_machine_destroy(w.machine);
}

TEST(marks_of_16_gib) /* example 7, its reserves, and a min_free_kbytes that somebody wrote */
{
	struct world w;

	open_pc(&w, 1, true, 3840, 757760, 3317760);
	expect_marks(&w, ZONE_DMA, 15, 18, 21);
	expect_marks(&w, ZONE_DMA32, 3138, 3922, 4706);
	expect_marks(&w, ZONE_NORMAL, 13741, 17176, 20611);
	expect_reserve(&w, ZONE_DMA, 2960, 15920, 15920);
	expect_reserve(&w, ZONE_DMA32, 0, 12960, 12960);
	EXPECT(mm_sysctl_write(w.machine, MM_SYSCTL_MIN_FREE_KBYTES, 16157));
	expect_marks(&w, ZONE_NORMAL, 3284, 6601, 9918);
	mm_machine_destroy(w.machine);
}

TEST(a_boost_stops_at_half_as_much_again_as_the_high_mark) /* example 9 */
{
	struct world w;

	open_pc(&w, 1, false, 3840, 14370, 0);
	struct zone *zone = mm_zone(w.machine, 0, ZONE_DMA32);

	zone->_watermark[WMARK_HIGH] = 980;
	EXPECT(boost_watermark(zone));
	EXPECT_EQ(zone->watermark_boost, 512);
	EXPECT(boost_watermark(zone));
	EXPECT(boost_watermark(zone));
	EXPECT_EQ(zone->watermark_boost, 1470);
	zone->managed_pages = 2000;
	EXPECT(!boost_watermark(zone));
	mm_machine_destroy(w.machine);
}

TEST(urgent_requests_may_go_deeper) /* facts 4, step 2, column 6.1.y: min 400, reserve 0 */
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	const struct zone *zone = mm_zone(w.machine, 0, ZONE_NORMAL);

	EXPECT(!zone_watermark_ok(zone, 0, 400, ZONE_NORMAL, 0, 400));
	EXPECT(zone_watermark_ok(zone, 0, 400, ZONE_NORMAL, 0, 401));
	EXPECT(!zone_watermark_ok(zone, 0, 400, ZONE_NORMAL, ALLOC_MIN_RESERVE, 200));
	EXPECT(zone_watermark_ok(zone, 0, 400, ZONE_NORMAL, ALLOC_MIN_RESERVE, 201));
	EXPECT(!zone_watermark_ok(zone, 0, 400, ZONE_NORMAL, ALLOC_MIN_RESERVE | ALLOC_NON_BLOCK,
				  150));
	EXPECT(zone_watermark_ok(zone, 0, 400, ZONE_NORMAL, ALLOC_MIN_RESERVE | ALLOC_NON_BLOCK,
				 151));
	EXPECT(!zone_watermark_ok(zone, 0, 400, ZONE_NORMAL, ALLOC_NON_BLOCK, 400));
	EXPECT(zone_watermark_ok(zone, 0, 400, ZONE_NORMAL, ALLOC_OOM, 201));
	world_close(&w);
}

static const char *node_order(const struct mm_machine *m, unsigned int node)
{
	static char text[64];
	const struct zoneref *ref = m->nodes[node].zonelists[ZONELIST_FALLBACK].zonerefs;
	size_t length = 0;

	for (; ref->zone; ref++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%d",
					   ref->zone->pgdat->node_id);
	return text;
}

static void open_four_nodes(struct world *w, const struct mm_profile *profile,
			    const unsigned int distance[4][4])
{
	struct mm_config c = {
		.profile = profile,
		.nr_nodes = 4,
		.nr_cpus = 4,
		.top_order = 5,
		.pageblock_order = 4,
		.max_pfn = 1024,
		.section_pages = 1024,
		.pcp_high = MM_BY_FORMULA,
		.pcp_batch = MM_BY_FORMULA,
		.watermark_scale_factor = 10,
		.nr_memory = 4,
	};

	for (unsigned int node = 0; node < 4; node++) {
		c.memory[node] = (struct mm_range){ node ? node * 256 : 1, (node + 1) * 256,
						    (int)node, false, false };
		c.cpu_node[node] = node;
		for (unsigned int to = 0; to < 4; to++)
			c.distance[node][to] = distance[node][to];
	}
	world_open_config(w, &c);
}

TEST(nodes_are_taken_by_distance_and_load) /* example 22 */
{
	static const unsigned int uneven[4][4] = {
		{ 10, 20, 30, 20 },
		{ 20, 10, 20, 20 },
		{ 30, 20, 10, 20 },
		{ 20, 20, 20, 10 },
	};
	static const unsigned int uniform[4][4] = {
		{ 10, 20, 20, 20 },
		{ 20, 10, 20, 20 },
		{ 20, 20, 10, 20 },
		{ 20, 20, 20, 10 },
	};
	struct world w;

	open_four_nodes(&w, &mm_profile_linux_6_1, uneven);
	EXPECT_STR(node_order(w.machine, 0), "0132");
	EXPECT_STR(node_order(w.machine, 1), "1320");
	EXPECT_STR(node_order(w.machine, 2), "2310");
	EXPECT_STR(node_order(w.machine, 3), "3012");
	world_close(&w);
	/*
	 * 5.10: what a list's node is loaded with is how many nodes were left. Node 0: 1 gets 3, 2
	 * gets 1; node 1: 3 gets 3; node 2: 3 gets 3, 0 gets 1; so node 3 finds 0 and 2 lighter than 1
	 */
	open_four_nodes(&w, &mm_profile_linux_5_10, uneven);
	EXPECT_STR(node_order(w.machine, 0), "0132");
	EXPECT_STR(node_order(w.machine, 1), "1320");
	EXPECT_STR(node_order(w.machine, 2), "2310");
	EXPECT_STR(node_order(w.machine, 3), "3021");
	world_close(&w);
	open_four_nodes(&w, &mm_profile_linux_6_1, uniform);
	EXPECT_STR(node_order(w.machine, 0), "0123");
	EXPECT_STR(node_order(w.machine, 1), "1230");
	EXPECT_STR(node_order(w.machine, 2), "2301");
	EXPECT_STR(node_order(w.machine, 3), "3012");
	world_close(&w);
}

TEST_MAIN
