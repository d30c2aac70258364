/*
 * /proc to the letter (facts 17), on worlds small enough to write the text by hand. Against files of
 * real kernels: diff/target/test/boots_test.c.
 */
#include <stdlib.h>

#include "lostbuddy/proc.h"
#include "test.h"
#include "test/world.h"

/* The text of a file; the next call overwrites it. */
static const char *proc(const struct world *w, const char *file)
{
	static char text[1 << 16];
	size_t length = mm_proc_print(w->machine, file, text, sizeof(text));

	EXPECT(length > 0 && length < sizeof(text));
	EXPECT_EQ(length, strlen(text));
	return text;
}

static bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, line, length) == 0 && (at[length] == '\n' || !at[length]))
			return true;
	}
	return false;
}

#define EXPECT_LINE(text, line) EXPECT(has_line(text, line))

TEST(there_is_no_other_file)
{
	struct world w;
	char text[8] = "as is";

	world_open(&w, (struct shape){ .pages = 64 });
	EXPECT_EQ(mm_proc_print(w.machine, "slabinfo", text, sizeof(text)), 0);
	EXPECT_STR(text, "as is");
	world_close(&w);
}

/* As snprintf, whatever the size: the length is the same, the text a beginning of the whole. */
TEST(every_file_is_cut_where_the_buffer_ends)
{
	struct world w;
	unsigned int files = 0;

	world_open(&w, (struct shape){ .pages = 256, .nodes = 2, .dma_end = 64, .dma32_end = 192 });
	for (const char *name; (name = mm_proc_name(files)); files++) {
		const char *whole = proc(&w, name);
		size_t length = strlen(whole);
		char *part = malloc(length + 2);

		EXPECT_EQ(mm_proc_print(w.machine, name, NULL, 0), length);
		for (size_t size = 1; size <= length + 1; size += 1 + size / 8) {
			memset(part, 'x', length + 2);
			EXPECT_EQ(mm_proc_print(w.machine, name, part, size), length);
			EXPECT_EQ(strlen(part), size - 1);
			EXPECT(strncmp(part, whole, size - 1) == 0);
			EXPECT_EQ(part[size], 'x');
		}
		free(part);
	}
	EXPECT_EQ(files, 8);
	world_close(&w);
}

/*            0               16              32              48            63
 * 64 pages   -|.|..|....|....|................|................|........|....|..|.|memmap
 * pageblock   U                M               M               M
 *
 * The first pageblock begins in a hole, so it stays Unmovable.
 */
TEST(show_mem_names_the_types_that_have_blocks)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 64 });
	EXPECT_STR(proc(&w, "show_mem"),
		   "Node 0 Normal: 2*4kB (UM) 2*8kB (UM) 2*16kB (UM) 2*32kB (UM) 2*64kB (M) "
		   "0*128kB = 248kB\n");
	world_close(&w);
}

TEST(hardware_lists_nodes_with_their_cpus_and_distances)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 2048, .nodes = 2, .cpus = 3 });
	/* 1023 and 1024 pages, 16 of each for memmap: 3.9 MiB */
	EXPECT_STR(proc(&w, "hardware"), "available: 2 nodes (0-1)\n"
					 "node 0 cpus: 0 1\n"
					 "node 0 size: 3 MB\n"
					 "node 0 free: 3 MB\n"
					 "node 1 cpus: 2\n"
					 "node 1 size: 3 MB\n"
					 "node 1 free: 3 MB\n"
					 "node distances:\n"
					 "node   0   1 \n"
					 "  0:  10  20 \n"
					 "  1:  20  10 \n");
	world_close(&w);
	world_open(&w, (struct shape){ .pages = 64 });
	EXPECT(strncmp(proc(&w, "hardware"), "available: 1 nodes (0)\n", 23) == 0);
	world_close(&w);
}

/* Node 1 has a CPU and no memory: its own order begins with itself, its lists are node 0's. */
static void open_memoryless(struct world *w)
{
	struct mm_config config;

	world_open(w, (struct shape){ .pages = 256, .nodes = 2, .cpus = 2, .dma32_end = 128 });
	config = w->config;
	world_close(w);
	config.nr_memory = 1;
	config.memory[0].end = 256;
	world_open_config(w, &config);
}

TEST(zonelists_read_as_in_the_boot_log)
{
	struct world w;

	open_memoryless(&w);
	EXPECT_STR(proc(&w, "zonelists"),
		   "Fallback order for Node 0: 0 \n"
		   "Fallback order for Node 1: 1 0 \n"
		   "mminit::zonelist general 0:DMA32 = 0:DMA32 \n"
		   "mminit::zonelist general 0:Normal = 0:Normal 0:DMA32 \n"
		   "mminit::zonelist thisnode 0:DMA32 = 0:DMA32 \n"
		   "mminit::zonelist thisnode 0:Normal = 0:Normal 0:DMA32 \n"
		   "Built 2 zonelists, mobility grouping on.  Total pages: 251\n");
	world_close(&w);
}

TEST(a_node_without_memory_is_shown_in_short)
{
	struct world w;

	open_memoryless(&w);
	EXPECT(strstr(proc(&w, "pagetypeinfo"), "Node    1") == NULL);
	const char *node1 = strstr(proc(&w, "zoneinfo"), "Node 1, zone      DMA\n");

	EXPECT(node1 && !strstr(node1, "per-node stats") && !strstr(node1, "pagesets"));
	EXPECT(node1 && strncmp(node1,
				"Node 1, zone      DMA\n"
				"  pages free     0\n"
				"        boost    0\n"
				"        min      0\n"
				"        low      0\n"
				"        high     0\n"
				"        spanned  0\n"
				"        present  0\n"
				"        managed  0\n"
				"        cma      0\n"
				"        protection: (0, 0, 0, 0, 0)\n"
				"Node 1, zone    DMA32\n",
				240) == 0);
	world_close(&w);
}

/* Node 2 of four is possible, but not there; node 3 has no memory, and is. */
static void open_absent(struct world *w)
{
	struct mm_config config;

	world_open(w, (struct shape){ .pages = 1024, .nodes = 4, .cpus = 2 });
	config = w->config;
	world_close(w);
	config.absent_nodes = 1u << 2;
	config.nr_memory = 2;
	config.memory[1].end = 1024;
	config.cpu_node[1] = 3;
	world_open_config(w, &config);
}

TEST(absent_nodes_are_not_shown)
{
	struct world w;

	open_absent(&w);
	/* 255 and 768 pages, less 4 and 12 of memmap */
	EXPECT_STR(proc(&w, "hardware"), "available: 3 nodes (0-1,3)\n"
					 "node 0 cpus: 0\n"
					 "node 0 size: 0 MB\n"
					 "node 0 free: 0 MB\n"
					 "node 1 cpus:\n"
					 "node 1 size: 2 MB\n"
					 "node 1 free: 2 MB\n"
					 "node 3 cpus: 1\n"
					 "node 3 size: 0 MB\n"
					 "node 3 free: 0 MB\n"
					 "node distances:\n"
					 "node   0   1   3 \n"
					 "  0:  10  20  20 \n"
					 "  1:  20  10  20 \n"
					 "  3:  20  20  10 \n");
	EXPECT(strstr(proc(&w, "zoneinfo"), "Node 2,") == NULL);
	EXPECT(strstr(proc(&w, "zoneinfo"), "Node 3,") != NULL);
	EXPECT(strstr(proc(&w, "buddyinfo"), "Node 2,") == NULL);
	EXPECT(strstr(proc(&w, "pagetypeinfo"), "Node    2,") == NULL);
	world_close(&w);
}

/*
 * 6.1 builds lists for it, and says so; it counts those of nodes that are there. Nodes 0 and 1 cost
 * the same.
 */
TEST(the_boot_log_knows_of_absent_nodes)
{
	struct world w;

	open_absent(&w);
	EXPECT_LINE(proc(&w, "zonelists"), "Fallback order for Node 2: 2 0 1 ");
	EXPECT(strstr(proc(&w, "zonelists"), "\nBuilt 3 zonelists, ") != NULL);
	struct mm_config config = w.config;

	world_close(&w);
	config.profile = &mm_profile_linux_5_10;
	world_open_config(&w, &config);
	EXPECT(strstr(proc(&w, "zonelists"), "Fallback order for Node 2") == NULL);
	world_close(&w);
}

TEST(zoneinfo_shows_marks_with_their_boost)
{
	struct world w;

	world_open(&w,
		   (struct shape){ .pages = 512, .min_free_kbytes = 160, .high = 20, .batch = 3 });
	struct zone *zone = mm_zone(w.machine, 0, ZONE_NORMAL);

	/* 511 pages, 8 of them memmap: min 40, a quarter of it between the marks */
	zone->watermark_boost = 7;
	const char *text = proc(&w, "zoneinfo");

	EXPECT_LINE(text, "  pages free     503");
	EXPECT_LINE(text, "        boost    7");
	EXPECT_LINE(text, "        min      47");
	EXPECT_LINE(text, "        low      57");
	EXPECT_LINE(text, "        high     67");
	EXPECT_LINE(text, "        spanned  511");
	EXPECT_LINE(text, "        managed  503");
	EXPECT_LINE(text, "      nr_free_pages 503");
	EXPECT_LINE(text, "              count: 0");
	EXPECT_LINE(text, "              high:  20");
	EXPECT_LINE(text, "              batch: 3");
	EXPECT_LINE(text, "  vm stats threshold: 2");
	EXPECT_LINE(text, "  start_pfn:           1");
	alloc_page(GFP_KERNEL); /* three come, two stay */
	text = proc(&w, "zoneinfo");
	EXPECT_LINE(text, "  pages free     500");
	EXPECT_LINE(text, "              count: 2");
	zone->watermark_boost = 0;
	world_close(&w);
}

TEST(what_is_kept_from_Movable_is_kept_from_Device)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 1024, .dma32_end = 512, .movable_start = 768 });
	/* 512 present below 768, less 4 of memmap at the top of ... Movable: 240 there, 256 below */
	const struct zone *normal = mm_zone(w.machine, 0, ZONE_NORMAL);
	char line[64];

	EXPECT(normal->lowmem_reserve[ZONE_MOVABLE] > 0);
	snprintf(line, sizeof(line), "        protection: (0, 0, 0, %ld, %ld)",
		 normal->lowmem_reserve[ZONE_MOVABLE], normal->lowmem_reserve[ZONE_MOVABLE]);
	EXPECT_LINE(proc(&w, "zoneinfo"), line);
	world_close(&w);
}

TEST(pagetypeinfo_counts_lists_and_blocks_by_type)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 128 });
	EXPECT_STR(
		proc(&w, "pagetypeinfo"),
		"Page block order: 4\n"
		"Pages per block:  16\n"
		"\n"
		"Free pages count per migrate type at order       0      1      2      3      4 "
		"     5 \n"
		"Node    0, zone   Normal, type    Unmovable      1      1      1      1      0 "
		"     0 \n"
		"Node    0, zone   Normal, type      Movable      0      1      1      1      2 "
		"     2 \n"
		"Node    0, zone   Normal, type  Reclaimable      0      0      0      0      0 "
		"     0 \n"
		"Node    0, zone   Normal, type   HighAtomic      0      0      0      0      0 "
		"     0 \n"
		"Node    0, zone   Normal, type      Isolate      0      0      0      0      0 "
		"     0 \n"
		"\n"
		"Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic      "
		"Isolate \n"
		"Node 0, zone   Normal            1            7            0            0       "
		"     0 \n");
	world_close(&w);
}

/* Every second page of half a million: 131072 blocks of order 0, more than the kernel counts. */
TEST(pagetypeinfo_stops_counting_at_100000)
{
	struct mm_config config;
	struct world w;

	world_open(&w, (struct shape){ .pages = 1 << 18, .pageblock_order = 9, .top_order = 10 });
	config = w.config;
	EXPECT(strstr(proc(&w, "pagetypeinfo"), ">") == NULL);
	for (pfn_t pfn = 0; pfn + 8192 < config.max_pfn; pfn++)
		alloc_page(GFP_HIGHUSER_MOVABLE);
	for (pfn_t pfn = 2; pfn + 16384 < config.max_pfn; pfn += 2)
		if (page_count(pfn_to_page(pfn)) == 1)
			__free_page(pfn_to_page(pfn));
	drain_all_pages();
	EXPECT(strstr(proc(&w, "pagetypeinfo"), "type      Movable >100000 ") != NULL);
	world_close(&w);
}

TEST(meminfo_counts_what_is_above_the_reserves_as_available)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 512, .min_free_kbytes = 160 });
	const char *text = proc(&w, "meminfo");

	/* 503 pages; high mark 40 + 2 * 10 */
	EXPECT_LINE(text, "MemTotal:           2012 kB");
	EXPECT_LINE(text, "MemFree:            2012 kB");
	EXPECT_LINE(text, "MemAvailable:       1772 kB");
	EXPECT_LINE(text, "HugePages_Total:       0");
	EXPECT_LINE(text, "VmallocTotal:   34359738367 kB");
	world_close(&w);
}

TEST(vmstat_sums_over_nodes)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 256, .nodes = 2, .high = 8, .batch = 2 });
	/* 255 pages, two of each node for memmap */
	EXPECT_LINE(proc(&w, "vmstat"), "nr_free_pages 251");
	/* two pages that the CPU has not told anybody of yet, and a block of eight that it has */
	__free_page(alloc_page(GFP_KERNEL));
	EXPECT_LINE(proc(&w, "vmstat"), "nr_free_pages 251");
	EXPECT_LINE(proc(&w, "vmstat"), "numa_hit 1");
	EXPECT_LINE(proc(&w, "vmstat"), "pgfree 1");
	alloc_pages(GFP_KERNEL, 4);
	EXPECT_LINE(proc(&w, "vmstat"), "nr_free_pages 233");
	world_close(&w);
}

/* Looked at are 1, 17 .. 97 of the first range, 113 .. 145 of the hole, 161 .. 241 of the second. */
TEST(pagetypeinfo_leaves_holes_out)
{
	struct mm_config config;
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	config = w.config;
	world_close(&w);
	config.nr_memory = 2;
	config.memory[0].end = 100;
	config.memory[1] = (struct mm_range){ 160, 256, 0, false, false };
	world_open_config(&w, &config);
	EXPECT(strstr(proc(&w, "pagetypeinfo"),
		      "Node 0, zone   Normal            1           12            0            0 "
		      "           0 \n"));
	world_close(&w);
}

TEST_MAIN
