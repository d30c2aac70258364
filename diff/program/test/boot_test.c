/*
 * The seven captured boots: the machine that is made of the log must have the zones that the kernel
 * itself shows in zoneinfo: where each begins, what it spans, what is present (facts 2 and 21).
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "program/internal.h"
#include "test.h"

struct zone_size {
	unsigned long long start, spanned, present;
};

static const char *const zone_names[MACHINE_NR_ZONES] = { "DMA", "DMA32", "Normal", "Movable" };

static void zone_borders(const struct machine *m, uint32_t node, uint32_t zone, uint64_t *low,
			 uint64_t *high)
{
	const uint64_t lows[] = { 0, m->dma_end, m->dma32_end, m->movable_start[node] };
	const uint64_t highs[] = { m->dma_end, m->dma32_end, UINT64_MAX, UINT64_MAX };
	uint64_t movable = m->movable_start[node];

	*low = lows[zone];
	*high = highs[zone];
	if (zone == 3 && movable == 0)
		*high = 0;
	if (zone < 3 && movable && movable < *high)
		*high = movable;
}

/*
 * Facts 2, "Zone sizing": a zone spans the node's range cut to the zone's; present is what of that
 * is memory.
 */
static struct zone_size size_of_zone(const struct machine *m, uint32_t node, uint32_t zone)
{
	struct zone_size size = { 0, 0, 0 };
	uint64_t low, high, node_start = UINT64_MAX, node_end = 0;

	zone_borders(m, node, zone, &low, &high);
	for (uint32_t i = 0; i < m->nr_memory; i++) {
		const struct machine_range *range = &m->memory[i];

		if (range->node != node)
			continue;
		node_start = range->start < node_start ? range->start : node_start;
		node_end = range->end > node_end ? range->end : node_end;
		for (uint64_t pfn = range->start; pfn < range->end; pfn++)
			size.present += pfn >= low && pfn < high;
	}
	uint64_t start = node_start > low ? node_start : low,
		 end = node_end < high ? node_end : high;

	if (start < end) {
		size.start = start;
		size.spanned = end - start;
	}
	return size;
}

static uint32_t zone_index(const char *name)
{
	for (uint32_t zone = 0; zone < MACHINE_NR_ZONES; zone++)
		if (strcmp(name, zone_names[zone]) == 0)
			return zone;
	return MACHINE_NR_ZONES;
}

/*
 * Reads zoneinfo beside the log and compares each zone in it. Returns how many zones were compared.
 */
static unsigned int compare_zones(const struct machine *m, const char *dir)
{
	char path[512], line[256], name[32];
	unsigned int node = 0, zones = 0;
	unsigned long long value;
	struct zone_size expect = { 0, 0, 0 };

	snprintf(path, sizeof(path), "%s/zoneinfo", dir);
	FILE *file = fopen(path, "r");

	if (!EXPECT(file != NULL))
		return 0;
	uint32_t zone = MACHINE_NR_ZONES;

	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Node %u, zone %31s", &node, name) == 2) {
			zone = zone_index(name);
			expect = size_of_zone(m, node, zone < MACHINE_NR_ZONES ? zone : 0);
		}
		if (zone == MACHINE_NR_ZONES)
			continue;
		if (sscanf(line, " spanned %llu", &value) == 1) {
			EXPECT_EQ(value, expect.spanned);
			zones++;
		}
		if (sscanf(line, " present %llu", &value) == 1)
			EXPECT_EQ(value, expect.present);
		if (sscanf(line, " start_pfn: %llu", &value) == 1)
			EXPECT_EQ(value, expect.start);
	}
	fclose(file);
	return zones;
}

static struct machine booted(const char *name, uint32_t nodes, uint32_t cpus)
{
	char dir[256], text[4096];
	struct machine m, back;
	struct text_error error;

	snprintf(dir, sizeof(dir), "corpus/machines/%s", name);
	if (!EXPECT(machine_from_boot(&m, dir, &error))) {
		fprintf(stderr, "  %s: %s\n", name, error.what);
		machine_default(&m);
		return m;
	}
	EXPECT_EQ(m.nr_nodes, nodes);
	EXPECT_EQ(m.nr_cpus, cpus);
	EXPECT_EQ(m.thp, 1);
	EXPECT_EQ(m.pc, 1);
	EXPECT(!machine_has_wire_form(&m));
	EXPECT_EQ(compare_zones(&m, dir), nodes * MACHINE_NR_ZONES);
	EXPECT(machine_print_line(&m, text, sizeof(text)) < sizeof(text));
	EXPECT(machine_parse_line(&back, text, &error) && machine_equal(&m, &back));
	return m;
}

TEST(one_node_of_128_megabytes)
{
	struct machine m = booted("a-1n1c-128m", 1, 1);

	/*
	 * facts 20.2: DMA is 4095 pages from 1, of which 3998 are present; DMA32 has 28640, less a
	 * page each time the firmware takes more: here its table begins at 0x7fdd000
	 */
	EXPECT_EQ(m.memory[0].start, 1);
	EXPECT_EQ(m.memory[0].end, 159);
	EXPECT_EQ(m.memory[1].start, 256);
	EXPECT_EQ(m.max_pfn, 0x7fdd);
}

TEST(two_nodes_with_two_CPUs_each)
{
	struct machine m = booted("b-2n4c-2x512m", 2, 4);

	EXPECT_EQ(m.cpu_node[1], 0);
	EXPECT_EQ(m.cpu_node[2], 1);
	EXPECT_EQ(m.distance[0][1], 20);
}

TEST(four_nodes_with_asymmetric_distances)
{
	static const uint8_t distances[4][4] = {
		{ 10, 12, 20, 40 },
		{ 15, 10, 17, 21 },
		{ 22, 19, 10, 11 },
		{ 36, 31, 14, 10 },
	};
	struct machine m = booted("c-4n4c-6g-asym", 4, 4);

	for (int a = 0; a < 4; a++)
		for (int b = 0; b < 4; b++)
			EXPECT_EQ(m.distance[a][b], distances[a][b]);
}

TEST(a_node_with_memory_and_no_CPU)
{
	struct machine m = booted("d2-cpuless-mem-node", 2, 2);

	EXPECT_EQ(m.cpu_node[0], 0);
	EXPECT_EQ(m.cpu_node[1], 0);
}

TEST(kernelcore_makes_a_Movable_zone)
{
	struct machine m = booted("e1-2n-kernelcore256M", 2, 4);

	EXPECT_EQ(m.movable_start[0], 33792); /* facts 20.23 */
	EXPECT_EQ(m.movable_start[1], 163840);
}

TEST(slab_debugging_changes_nothing_here)
{
	booted("e8-slub_debug_nomerge", 1, 1);
}

TEST(eight_nodes_with_sixteen_CPUs)
{
	struct machine m = booted("f-8n16c-8g", 8, 16);

	EXPECT_EQ(m.cpu_node[15], 7);
}

/* ---- the whole of a boot ---- */

static struct machine whole(const char *name)
{
	char dir[256];
	struct machine m;
	struct text_error error;

	snprintf(dir, sizeof(dir), "corpus/machines/%s", name);
	if (!EXPECT(machine_from_boot_whole(&m, dir, &error))) {
		fprintf(stderr, "  %s: %s\n", name, error.what);
		machine_default(&m);
	}
	return m;
}

TEST(the_command_line_says_what_Movable_follows_from)
{
	struct machine m = whole("e1-2n-kernelcore256M");

	EXPECT_EQ(m.kernelcore_pages, 65536);
	EXPECT_EQ(m.movable_start[0], 0);
	EXPECT_EQ(m.movable_start[1], 0);
	EXPECT_EQ(m.movable_node, 0);
}

/* Facts 21: 509 decrypted + 706 initmem + 510 and 277 of gaps = 2002 pages; the initrd has 288. */
TEST(late_are_the_parts_of_the_image_and_the_initrd_where_it_lay)
{
	struct machine m = whole("e1-2n-kernelcore256M");

	EXPECT_EQ(m.managed[0][1], 18378);
	EXPECT_EQ(m.late[0][1], 2002);
	EXPECT_EQ(m.late[1][3], 288); /* 0x3feb0000 is pfn 261808: Movable begins at 163840 */
	EXPECT_EQ(m.late[0][3], 0);
	m = whole("a-1n1c-128m");
	EXPECT_EQ(m.late[0][1], 2290);
	EXPECT_EQ(m.late[0][0], 0);
}

static void write_part(const char *dir, const char *name, const char *text)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *file = fopen(path, "w");

	if (!EXPECT(file != NULL))
		return;
	fputs(text, file);
	fclose(file);
}

static void make_folder(const char *dir, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	EXPECT(mkdir(path, 0700) == 0);
}

static void remove_boot(const char *dir)
{
	static const char *const parts[] = { "node/node0/distance",
					     "node/node0/cpulist",
					     "node/node0",
					     "node",
					     "dmesg",
					     "cmdline",
					     "zoneinfo",
					     "" };
	char path[512];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, parts[i]);
		EXPECT(remove(path) == 0);
	}
}

/* 64 MiB, of which the upper half may be unplugged. */
static void make_boot(char dir[64], const char *command_line)
{
	snprintf(dir, 64, "/tmp/lostbuddy-boot-XXXXXX");
	if (!EXPECT(mkdtemp(dir) != NULL))
		exit(1);
	make_folder(dir, "node");
	make_folder(dir, "node/node0");
	write_part(dir, "node/node0/distance", "10\n");
	write_part(dir, "node/node0/cpulist", "0\n");
	write_part(dir, "cmdline", command_line);
	write_part(dir, "zoneinfo",
		   "Node 0, zone    DMA32\n        spanned  12288\n        managed  9000\n"
		   "  start_pfn:           4096\n");
	write_part(dir, "dmesg",
		   "[    0.01] ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x01ffffff]\n"
		   "[    0.01] ACPI: SRAT: Node 0 PXM 0 [mem 0x02000000-0x03ffffff] hotplug\n"
		   "[    0.02] Early memory node ranges\n"
		   "[    0.02]   node   0: [mem 0x0000000000100000-0x0000000001ffffff]\n"
		   "[    0.02]   node   0: [mem 0x0000000002000000-0x0000000003ffffff]\n"
		   "[    0.90] Freeing SMP alternatives memory: 36K\n"
		   "[    1.00] Freeing unused kernel image (initmem) memory: 40K\n");
}

TEST(hot_pluggable_memory_is_what_the_firmware_says)
{
	struct machine m;
	struct text_error error;
	char dir[64];

	make_boot(dir, "nokaslr movable_node kernelcore=30% movablecore=8M\n");
	EXPECT(machine_from_boot_whole(&m, dir, &error));
	EXPECT_EQ(m.nr_memory, 2);
	EXPECT_EQ(m.memory[0].hotplug, 0);
	EXPECT_EQ(m.memory[1].hotplug, 1);
	EXPECT_EQ(m.movable_node, 1);
	EXPECT_EQ(m.kernelcore_percent, 30);
	EXPECT_EQ(m.movablecore_pages, 2048);
	EXPECT_EQ(m.managed[0][1], 9000);
	EXPECT_EQ(m.late[0][1], 10); /* alternatives are freed before marks are made */
	remove_boot(dir);
}

static void expect_refused(const char *command_line, const char *why)
{
	struct machine m;
	struct text_error error = { 0 };
	char dir[64];

	make_boot(dir, command_line);
	EXPECT(!machine_from_boot_whole(&m, dir, &error));
	if (!EXPECT(strstr(error.what, why) != NULL))
		fprintf(stderr, "  %s\n", error.what);
	remove_boot(dir);
}

TEST(a_boot_that_cannot_be_told_apart_is_refused)
{
	expect_refused("quiet\n", "no nokaslr");
	expect_refused("nokaslr kernelcore=mirror\n", "expected bytes or a percentage");
	expect_refused("nokaslr movablecore=3Q\n", "movablecore=3Q");
}

TEST(a_folder_without_a_boot_is_refused)
{
	struct machine m;
	struct text_error error;

	EXPECT(!machine_from_boot(&m, "corpus/machines/no-such-boot", &error));
	EXPECT(strstr(error.what, "corpus/machines/no-such-boot/dmesg cannot be read") != NULL);
	EXPECT(!machine_from_boot(&m, "corpus/seeds", &error));
}

TEST_MAIN
