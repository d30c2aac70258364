/* The boot allocator: ranges, and what is free between them. */
#include "boot/boot.h"
#include "test.h"

/* "start-end@node ..." of a list. */
static const char *ranges(const struct memblock_type *type)
{
	static char text[1024];
	size_t length = 0;

	text[0] = 0;
	for (unsigned int i = 0; i < type->cnt; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%llu-%llu@%d",
					   i ? " " : "", (unsigned long long)type->regions[i].start,
					   (unsigned long long)type->regions[i].end,
					   type->regions[i].node);
	return text;
}

static const char *free_ranges(const struct memblock *mb)
{
	static struct memblock_type list;
	struct mm_range free = { 0 };

	list.cnt = 0;
	while (memblock_next_free(mb, free.end, &free))
		list.regions[list.cnt++] = free;
	return ranges(&list);
}

TEST(neighbours_of_one_node_are_joined_others_not)
{
	static struct memblock mb;

	EXPECT(memblock_add_range(&mb.memory, 10, 20, 0));
	EXPECT(memblock_add_range(&mb.memory, 30, 40, 0));
	EXPECT_STR(ranges(&mb.memory), "10-20@0 30-40@0");
	EXPECT(memblock_add_range(&mb.memory, 20, 30, 0));
	EXPECT_STR(ranges(&mb.memory), "10-40@0");
	EXPECT(memblock_add_range(&mb.memory, 40, 50, 1));
	EXPECT_STR(ranges(&mb.memory), "10-40@0 40-50@1");
}

TEST(only_what_is_not_held_is_added)
{
	static struct memblock mb;

	EXPECT(memblock_add_range(&mb.reserved, 10, 20, -1));
	EXPECT(memblock_add_range(&mb.reserved, 30, 40, -1));
	EXPECT(memblock_add_range(&mb.reserved, 5, 35, -1));
	EXPECT_STR(ranges(&mb.reserved), "5-40@-1");
	EXPECT(memblock_add_range(&mb.reserved, 6, 7, -1));
	EXPECT_STR(ranges(&mb.reserved), "5-40@-1");
	EXPECT(memblock_add_range(&mb.reserved, 50, 50, -1));
	EXPECT_STR(ranges(&mb.reserved), "5-40@-1");
}

TEST(allocation_takes_the_highest_room_on_the_node_then_anywhere)
{
	static struct memblock mb;

	/* memory    1 ......... 100@0    200 ...... 300@1
	 * reserved          90.100            250.260     */
	memblock_add_range(&mb.memory, 1, 100, 0);
	memblock_add_range(&mb.memory, 200, 300, 1);
	memblock_add_range(&mb.reserved, 90, 100, -1);
	memblock_add_range(&mb.reserved, 250, 260, -1);
	EXPECT_STR(free_ranges(&mb), "1-90@0 200-250@1 260-300@1");
	EXPECT_EQ(memblock_alloc_top_down(&mb, 40, 1), 260);
	EXPECT_EQ(memblock_alloc_top_down(&mb, 10, 0), 80);
	EXPECT_EQ(memblock_alloc_top_down(&mb, 60, 1),
		  20); /* node 1 has no 60 in one piece any more */
	EXPECT_EQ(memblock_alloc_top_down(&mb, 60, 1), 0);
	EXPECT_STR(free_ranges(&mb), "1-20@0 200-250@1");
	EXPECT_EQ(memblock_memory_pages(&mb, 1, 0, 280), 80);
	EXPECT_EQ(memblock_memory_pages(&mb, NUMA_NO_NODE, 50, 250), 100);
}

TEST(a_list_that_is_full_says_so)
{
	static struct memblock mb;

	for (pfn_t i = 0; i < MEMBLOCK_MAX_REGIONS; i++)
		EXPECT(memblock_add_range(&mb.reserved, 10 * i, 10 * i + 1, -1));
	EXPECT(!memblock_add_range(&mb.reserved, 5, 6, -1));
	EXPECT_EQ(memblock_alloc_top_down(&mb, 1, 0), 0);
}

static uint64_t unit_of(unsigned int cpus, unsigned int nodes, const unsigned int cpu_node[])
{
	static struct mm_config config;

	config.nr_cpus = cpus;
	config.nr_nodes = nodes;
	for (unsigned int cpu = 0; cpu < cpus; cpu++)
		config.cpu_node[cpu] = cpu_node ? cpu_node[cpu] : cpu * nodes / cpus;
	return percpu_unit_bytes(&config) / 1024;
}

TEST(percpu_units_share_an_allocation_while_little_is_wasted) /* facts, example 21 */
{
	const unsigned int two_one_one[] = { 0, 0, 1, 2 };

	EXPECT_EQ(unit_of(1, 1, NULL), 2048);
	EXPECT_EQ(unit_of(2, 1, NULL), 1024);
	EXPECT_EQ(unit_of(4, 1, NULL), 512);
	EXPECT_EQ(unit_of(16, 1, NULL), 256);
	EXPECT_EQ(unit_of(4, 2, NULL), 1024);
	EXPECT_EQ(unit_of(4, 3, two_one_one), 2048);
	EXPECT_EQ(unit_of(16, 8, NULL), 1024);
}

TEST_MAIN
