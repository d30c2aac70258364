/* Counters that CPUs keep in part to themselves: deltas, drift, NUMA events, idle page lists. */
#include "page/vmstat.h"
#include "test.h"
#include "test/world.h"

static struct zone *normal(const struct world *w, unsigned int node)
{
	return mm_zone(w->machine, node, ZONE_NORMAL);
}

static void take(unsigned int pages)
{
	while (pages--)
		EXPECT(alloc_page(GFP_KERNEL) != NULL);
}

/* What everybody sees, and what CPU 0 and CPU 1 have not told yet. */
static void expect_parts(const struct world *w, long all, int cpu0, int cpu1)
{
	const struct zone *zone = normal(w, 0);

	EXPECT_EQ(zone->nr_free_pages, all);
	EXPECT_EQ(zone->pageset[0].free_delta, cpu0);
	EXPECT_EQ(zone->pageset[1].free_delta, cpu1);
	EXPECT_EQ(zone_free_pages(zone), all);
	EXPECT_EQ(zone_free_pages_snapshot(zone), all + cpu0 + cpu1);
}

/* Two CPUs, below 128 MiB: a threshold of 2 * 2 * 1 = 4 pages; page lists are filled by 3. */
TEST(a_cpu_tells_the_zone_when_it_has_kept_more_than_the_threshold)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .cpus = 2, .high = 16, .batch = 3 });
	EXPECT_EQ(normal(&w, 0)->stat_threshold, 4);
	expect_parts(&w, 251, 0, 0);
	take(3);
	expect_parts(&w, 251, -3, 0);
	take(1);
	expect_parts(&w, 245, 0, 0);
	world_on(&w, 1, MM_TASK, 0);
	take(1);
	expect_parts(&w, 245, 0, -3);
	world_close(&w);
}

TEST(a_drain_counts_on_the_cpu_that_makes_it)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .cpus = 2, .high = 16, .batch = 3 });
	take(4);
	world_on(&w, 1, MM_TASK, 0);
	take(1);
	expect_parts(&w, 245, 0, -3);
	drain_all_pages(); /* two pages of CPU 0, two of CPU 1, by CPU 1 */
	expect_parts(&w, 245, 0, 1);
	vmstat_update();
	expect_parts(&w, 246, 0, 0);
	world_close(&w);
}

TEST(a_block_that_is_freed_counts_before_it_merges)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .cpus = 2, .high = 16, .batch = 3 });
	struct page *block = alloc_pages(GFP_KERNEL, 4);

	expect_parts(&w, 251 - 16, 0, 0);
	__free_pages(block, 4);
	expect_parts(&w, 251, 0, 0);
	world_close(&w);
}

static unsigned int drifts;

static void count_drifts(void *data, const struct mm_event *event)
{
	(void)data;
	drifts += event->kind == MM_EVENT_DRIFT;
}

/* Everybody sees 90 pages, CPU 1 knows of 20 more; the mark is 100. */
TEST(near_the_marks_kswapd_goes_by_the_exact_count)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .cpus = 2 });
	struct zone *zone = normal(&w, 0);

	mm_listen(w.machine, count_drifts, NULL);
	drifts = 0;
	zone->nr_free_pages = 90;
	zone->pageset[1].free_delta = 20;
	zone->percpu_drift_mark = 0;
	EXPECT(!zone_watermark_ok_safe(zone, 0, 100, ZONE_NORMAL));
	zone->percpu_drift_mark = 90;
	EXPECT(!zone_watermark_ok_safe(zone, 0, 100, ZONE_NORMAL));
	EXPECT_EQ(drifts, 0);
	zone->percpu_drift_mark = 91;
	EXPECT(zone_watermark_ok_safe(zone, 0, 100, ZONE_NORMAL));
	EXPECT_EQ(drifts, 1);
	/* and the other way round: what is missing already is not there */
	zone->nr_free_pages = 110;
	zone->pageset[1].free_delta = -20;
	zone->percpu_drift_mark = 111;
	EXPECT(!zone_watermark_ok_safe(zone, 0, 100, ZONE_NORMAL));
	/* a walk over the zonelist does not ask */
	EXPECT(zone_watermark_fast(zone, 0, 100, ZONE_NORMAL, 0, GFP_KERNEL));
	mm_machine_destroy(w.machine);
}

TEST(a_count_below_nothing_reads_as_nothing)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .cpus = 2 });
	struct zone *zone = normal(&w, 0);

	zone->nr_free_pages = -4;
	zone->pageset[0].free_delta = 3;
	EXPECT_EQ(zone_free_pages(zone), 0);
	EXPECT_EQ(zone_free_pages_snapshot(zone), 0);
	zone->pageset[1].free_delta = 3;
	EXPECT_EQ(zone_free_pages_snapshot(zone), 2);
	mm_machine_destroy(w.machine);
}

/* A zone's events in the order of the enum: hit miss foreign interleave_hit local other. */
static void expect_events(const struct world *w, unsigned int node, const char *expect)
{
	char text[128];
	size_t length = 0;

	for (unsigned int event = 0; event < NR_NUMA_EVENTS; event++)
		length += (size_t)snprintf(
			text + length, sizeof(text) - length, "%s%llu", event ? " " : "",
			(unsigned long long)zone_numa_events(normal(w, node), event));
	EXPECT_STR(text, expect);
}

static void open_two_nodes(struct world *w, const struct mm_profile *profile)
{
	world_open(w, (struct shape){ .profile = profile,
				      .pages = 512,
				      .nodes = 2,
				      .cpus = 2,
				      .high = 16,
				      .batch = 2 });
}

TEST(every_allocation_is_counted_where_it_was_wanted_and_where_it_was_served)
{
	struct world w;

	open_two_nodes(&w, NULL);
	take(5);
	expect_events(&w, 0, "5 0 0 0 5 0");
	/* wanted on node 1, and served there, but not to a CPU of it; a block is one event */
	EXPECT(alloc_pages_node(1, GFP_KERNEL, 2) != NULL);
	expect_events(&w, 1, "1 0 0 0 0 1");
	/* node 0 has nothing left: node 1 helps out */
	uint64_t left = normal(&w, 0)->managed_pages - 5;

	while (alloc_page(GFP_KERNEL | __GFP_THISNODE | __GFP_NORETRY))
		left--;
	EXPECT_EQ(left, 0);
	EXPECT(alloc_page(GFP_KERNEL) != NULL);
	EXPECT_EQ(zone_numa_events(normal(&w, 0), NUMA_FOREIGN), 1);
	expect_events(&w, 1, "1 1 0 0 0 2");
	world_close(&w);
}

TEST(a_bulk_counts_every_page_and_interleaving_counts_its_hits)
{
	struct world w;
	struct page *array[4] = { NULL };

	open_two_nodes(&w, NULL);
	EXPECT_EQ(__alloc_pages_bulk(GFP_KERNEL, 0, NULL, 4, NULL, array), 4);
	expect_events(&w, 0, "4 0 0 0 4 0");
	EXPECT_EQ(set_mempolicy(MPOL_INTERLEAVE, 3), MM_POLICY_OK);
	take(2); /* node 0, then node 1 */
	expect_events(&w, 0, "5 0 0 1 5 0");
	expect_events(&w, 1, "1 0 0 1 0 1");
	world_close(&w);
}

TEST(a_cpu_without_local_memory_is_served_by_others)
{
	struct world w;

	open_two_nodes(&w, NULL);
	struct mm_config config = w.config;

	world_close(&w);
	config.memory[0].end = config.max_pfn;
	config.nr_memory = 1;
	world_open_config(&w, &config);
	world_on(&w, 1, MM_TASK, 0);
	take(5);
	expect_events(&w, 0, "5 0 0 0 0 5");
	world_on(&w, 0, MM_TASK, 0);
	take(5);
	expect_events(&w, 0, "10 0 0 0 5 5");
	world_close(&w);
}

/* Pages on the lists of CPU 0 after each of so many vmstat_update()s. */
static const char *counts_over_time(struct world *w, unsigned int node, unsigned int updates)
{
	static char text[64];
	size_t length = 0;

	for (unsigned int i = 0; i < updates; i++) {
		vmstat_update();
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%d",
					   i ? " " : "", normal(w, node)->pageset[0].count);
	}
	return text;
}

/* Six pages of the node on CPU 0's list; three refills of 2 were told: -2, -4, -6 is beyond 4. */
static void keep_six_pages(struct world *w, unsigned int node)
{
	struct page *pages[6];

	for (unsigned int i = 0; i < 6; i++)
		pages[i] = alloc_pages_node((int)node, GFP_KERNEL, 0);
	for (unsigned int i = 0; i < 6; i++)
		__free_page(pages[i]);
	EXPECT_EQ(normal(w, node)->pageset[0].count, 6);
	EXPECT_EQ(normal(w, node)->pageset[0].free_delta, 0);
}

TEST(idle_lists_of_another_node_go_back_by_batches)
{
	struct world w;

	open_two_nodes(&w, NULL);
	keep_six_pages(&w, 1);
	/* no delta ever was left to be told: no turn begins */
	EXPECT_STR(counts_over_time(&w, 1, 5), "6 6 6 6 6");
	/* a pair: two pairs came, one is kept; the delta of 4 starts three turns */
	EXPECT(alloc_pages_node(1, GFP_KERNEL, 1) != NULL);
	EXPECT_EQ(normal(&w, 1)->pageset[0].free_delta, -4);
	/* what goes back is a delta of 2, which starts the next three */
	EXPECT_STR(counts_over_time(&w, 1, 8), "8 8 6 6 6 4 4 4");
	drain_all_pages();
	EXPECT_STR(counts_over_time(&w, 1, 3), "0 0 0");
	world_close(&w);
}

TEST(in_5_10_a_numa_event_starts_turns_too)
{
	struct world w;

	open_two_nodes(&w, &mm_profile_linux_5_10);
	keep_six_pages(&w, 1);
	EXPECT_STR(counts_over_time(&w, 1, 6), "6 6 4 4 4 2");
	world_close(&w);
}

TEST(lists_of_the_own_node_stay)
{
	struct world w;

	open_two_nodes(&w, &mm_profile_linux_5_10);
	keep_six_pages(&w, 0);
	EXPECT_STR(counts_over_time(&w, 0, 5), "6 6 6 6 6");
	EXPECT_EQ(normal(&w, 0)->pageset[0].turns, 0);
	world_close(&w);
}

TEST_MAIN
