/*
 * The boot allocator: ranges, what is free between them, and where an allocation is placed:
 * examples, then random steps beside a map with an entry a frame, which knows of no ranges.
 */
#include <stdlib.h>

#include "boot/boot.h"
#include "test.h"

/* "start-end@node ..." of a list, h and m behind what is hot-pluggable and mirrored. */
static const char *ranges(const struct memblock_type *type)
{
	static char text[1024];
	size_t length = 0;

	text[0] = 0;
	for (unsigned int i = 0; i < type->cnt; i++) {
		const struct mm_range *range = &type->regions[i];

		length +=
			(size_t)snprintf(text + length, sizeof(text) - length, "%s%llu-%llu@%d%s%s",
					 i ? " " : "", (unsigned long long)range->start,
					 (unsigned long long)range->end, range->node,
					 range->hotplug ? "h" : "", range->mirror ? "m" : "");
	}
	return text;
}

static const char *free_ranges(const struct memblock *mb)
{
	static struct mm_range list[64];
	struct memblock_type type = { .regions = list };
	struct mm_range free = { 0 };

	while (type.cnt < 64 && memblock_next_free(mb, free.end, &free))
		list[type.cnt++] = free;
	return ranges(&type);
}

static void add(struct memblock *mb, pfn_t start, pfn_t end, int node, const char *flags)
{
	EXPECT(memblock_add_memory(mb,
				   &(struct mm_range){ start, end, node, strchr(flags, 'h') != NULL,
						       strchr(flags, 'm') != NULL }));
}

static void reserve(struct memblock *mb, pfn_t start, pfn_t end)
{
	EXPECT(memblock_add_range(&mb->reserved, start, end, NUMA_NO_NODE));
}

static pfn_t alloc(struct memblock *mb, uint64_t pages, int node)
{
	return memblock_alloc(mb, &(struct memblock_request){ .pages = pages, .node = node });
}

static pfn_t alloc_aligned(struct memblock *mb, uint64_t pages, uint64_t align)
{
	return memblock_alloc(mb, &(struct memblock_request){
					  .pages = pages, .align = align, .node = NUMA_NO_NODE });
}

/* ---- lists ---- */

TEST(neighbours_that_are_alike_are_joined_others_not)
{
	/*           10   20   30   40   50   60   70
	 *            [ 0  | 0  | 0  | 1  | 1h | 1m ]  node and flags
	 *            `-------------´                  one range
	 */
	struct memblock mb;

	memblock_init(&mb);
	add(&mb, 10, 20, 0, "");
	add(&mb, 30, 40, 0, "");
	EXPECT_STR(ranges(&mb.memory), "10-20@0 30-40@0");
	add(&mb, 20, 30, 0, "");
	EXPECT_STR(ranges(&mb.memory), "10-40@0");
	add(&mb, 40, 50, 1, "");
	add(&mb, 50, 60, 1, "h");
	add(&mb, 60, 70, 1, "m");
	EXPECT_STR(ranges(&mb.memory), "10-40@0 40-50@1 50-60@1h 60-70@1m");
	memblock_discard(&mb);
}

TEST(only_what_is_not_held_is_added)
{
	/* held      [10.20)  [30.40)
	 * added  [5 ........... 35)
	 * new    [5.10)  [20.30)
	 */
	struct memblock mb;

	memblock_init(&mb);
	reserve(&mb, 10, 20);
	reserve(&mb, 30, 40);
	reserve(&mb, 5, 35);
	EXPECT_STR(ranges(&mb.reserved), "5-40@-1");
	reserve(&mb, 6, 7);
	EXPECT_STR(ranges(&mb.reserved), "5-40@-1");
	reserve(&mb, 50, 50);
	EXPECT_STR(ranges(&mb.reserved), "5-40@-1");
	add(&mb, 10, 20, 1, "m"); /* what was there keeps its node and flags */
	add(&mb, 5, 30, 0, "");
	EXPECT_STR(ranges(&mb.memory), "5-10@0 10-20@1m 20-30@0");
	memblock_discard(&mb);
}

/* Counted before they are inserted, and before neighbours are joined: facts 2. */
TEST(a_list_that_could_be_too_short_is_doubled)
{
	struct memblock mb;

	memblock_init(&mb);
	for (pfn_t i = 1; i <= 128; i++)
		reserve(&mb, 10 * i, 10 * i + 1);
	EXPECT_EQ(mb.reserved.cnt, 128);
	EXPECT_EQ(mb.reserved.max, 128);
	reserve(&mb, 10, 11); /* nothing new */
	EXPECT_EQ(mb.reserved.max, 128);
	reserve(&mb, 11, 12); /* new, though it is joined at once */
	EXPECT_EQ(mb.reserved.cnt, 128);
	EXPECT_EQ(mb.reserved.max, 256);
	reserve(&mb, 5, 1400); /* before the first, 127 gaps, behind the last: 128 + 129 > 256 */
	EXPECT_EQ(mb.reserved.cnt, 1);
	EXPECT_EQ(mb.reserved.max, 512);
	EXPECT_STR(ranges(&mb.reserved), "5-1400@-1");
	memblock_discard(&mb);
	EXPECT_EQ(mb.reserved.max, 0);
}

/* ---- allocation ---- */

TEST(allocation_takes_the_highest_room_on_the_node_then_anywhere)
{
	/* memory    1 ......... 100@0    200 ...... 300@1
	 * reserved          90.100            250.260
	 */
	struct memblock mb;

	memblock_init(&mb);
	add(&mb, 1, 100, 0, "");
	add(&mb, 200, 300, 1, "");
	reserve(&mb, 90, 100);
	reserve(&mb, 250, 260);
	EXPECT_STR(free_ranges(&mb), "1-90@0 200-250@1 260-300@1");
	EXPECT_EQ(alloc(&mb, 40, 1), 260);
	EXPECT_EQ(alloc(&mb, 10, 0), 80);
	/* node 1 has no 60 in one piece any more */
	EXPECT_EQ(memblock_alloc(&mb, &(struct memblock_request){ .pages = 60,
								  .node = 1,
								  .exact_node = true }),
		  0);
	EXPECT_EQ(alloc(&mb, 60, 1), 20);
	EXPECT_EQ(alloc(&mb, 60, 1), 0);
	EXPECT_STR(free_ranges(&mb), "1-20@0 200-250@1");
	EXPECT_EQ(memblock_memory_pages(&mb, 1, 0, 280), 80);
	EXPECT_EQ(memblock_memory_pages(&mb, NUMA_NO_NODE, 50, 250), 100);
	memblock_discard(&mb);
}

TEST(bottom_up_takes_the_lowest_room)
{
	struct memblock mb;

	memblock_init(&mb);
	mb.bottom_up = true;
	add(&mb, 0, 100, 0, "");
	add(&mb, 200, 300, 1, "");
	EXPECT_EQ(alloc(&mb, 10, 0), 1); /* never pfn 0 */
	EXPECT_EQ(alloc(&mb, 10, 1), 200);
	EXPECT_EQ(alloc_aligned(&mb, 10, 16), 16);
	EXPECT_EQ(alloc(&mb, 5, NUMA_NO_NODE), 11);
	EXPECT_EQ(alloc(&mb, 80, 0), 210); /* node 0 has 74 from 26 on */
	memblock_discard(&mb);
}

TEST(places_are_aligned_and_below_the_limit)
{
	/*                 limit 90
	 * memory  3 ......................... 100
	 * aligned  8  16 ... 64  72  80
	 */
	struct memblock mb;

	memblock_init(&mb);
	mb.current_limit = 90;
	add(&mb, 3, 100, 0, "");
	EXPECT_EQ(alloc_aligned(&mb, 10, 16), 80);
	EXPECT_EQ(alloc_aligned(&mb, 16, 8), 64);
	EXPECT_EQ(alloc_aligned(&mb, 61, 64), 0);
	EXPECT_EQ(alloc_aligned(&mb, 61, 1), 3);
	mb.current_limit = UINT64_MAX;
	EXPECT_EQ(alloc_aligned(&mb, 10, 1), 90);
	memblock_discard(&mb);
}

TEST(mirrored_memory_comes_first_wherever_it_lies)
{
	/* memory  1 .. 20@0m   20 .. 40@0   40 .. 50@1m   50 .. 90@1 */
	struct memblock mb;

	memblock_init(&mb);
	add(&mb, 1, 20, 0, "m");
	add(&mb, 20, 40, 0, "");
	add(&mb, 40, 50, 1, "m");
	add(&mb, 50, 90, 1, "");
	EXPECT_EQ(alloc(&mb, 8, 1), 42);  /* its node, mirrored */
	EXPECT_EQ(alloc(&mb, 15, 1), 5);  /* any node, mirrored */
	EXPECT_EQ(alloc(&mb, 15, 0), 25); /* none: its node, not mirrored */
	EXPECT_EQ(alloc(&mb, 30, 0), 60); /* any, not mirrored */
	memblock_discard(&mb);
}

TEST(with_movable_node_hot_pluggable_memory_is_left_alone)
{
	struct memblock mb;

	memblock_init(&mb);
	add(&mb, 1, 20, 0, "");
	add(&mb, 20, 40, 0, "h");
	mb.movable_node = true;
	EXPECT_EQ(alloc(&mb, 19, 0), 1);
	EXPECT_EQ(alloc(&mb, 1, 0), 0);
	mb.movable_node = false;
	EXPECT_EQ(alloc(&mb, 1, 0), 39);
	memblock_discard(&mb);
}

TEST(who_gives_the_rest_back_keeps_the_head)
{
	struct memblock mb;

	memblock_init(&mb);
	add(&mb, 1, 101, 0, "");
	EXPECT_EQ(memblock_alloc_head(&mb, &(struct memblock_request){ .pages = 40, .node = 0 },
				      10),
		  61);
	EXPECT_STR(free_ranges(&mb), "1-61@0 71-101@0");
	memblock_discard(&mb);
}

/* ---- beside a map of frames ---- */

enum { FRAMES = 192, NODES = 3 };

struct frame {
	bool memory, hotplug, mirror, reserved;
	int node;
};

struct model {
	struct frame frames[FRAMES];
	bool bottom_up, movable_node, has_mirror;
	pfn_t limit;
};

static unsigned int below(unsigned int limit)
{
	return (unsigned int)rand() % limit;
}

/* Whether a border between ranges of memory lies before the frame. */
static bool begins_range(const struct model *m, pfn_t pfn)
{
	const struct frame *a = &m->frames[pfn - 1], *b = &m->frames[pfn];

	return a->memory != b->memory || a->node != b->node || a->hotplug != b->hotplug ||
	       a->mirror != b->mirror;
}

static bool model_fits(const struct model *m, const struct memblock_request *want, pfn_t at,
		       int node, bool mirror)
{
	if (at == 0 || (want->align && at % want->align) || at + want->pages > FRAMES ||
	    at + want->pages > m->limit)
		return false;
	for (pfn_t pfn = at; pfn < at + want->pages; pfn++) {
		const struct frame *f = &m->frames[pfn];

		if (!f->memory || f->reserved || (mirror && !f->mirror) ||
		    (m->movable_node && f->hotplug) || (node != NUMA_NO_NODE && f->node != node) ||
		    (pfn > at && begins_range(m, pfn)))
			return false;
	}
	return true;
}

static pfn_t model_find(const struct model *m, const struct memblock_request *want, int node,
			bool mirror)
{
	for (pfn_t i = 0; i < FRAMES; i++) {
		pfn_t at = m->bottom_up ? i : FRAMES - 1 - i;

		if (model_fits(m, want, at, node, mirror))
			return at;
	}
	return 0;
}

static pfn_t model_alloc(struct model *m, const struct memblock_request *want)
{
	pfn_t at = 0;

	for (int mirror = m->has_mirror; mirror >= 0 && !at; mirror--) {
		at = model_find(m, want, want->node, mirror);
		if (!at && !want->exact_node)
			at = model_find(m, want, NUMA_NO_NODE, mirror);
	}
	for (pfn_t pfn = at; at && pfn < at + want->pages; pfn++)
		m->frames[pfn].reserved = true;
	return at;
}

/* Every frame, in the list and in the model; and no two ranges that should be one. */
static bool lists_agree(const struct memblock *mb, const struct model *m)
{
	struct frame seen[FRAMES] = { 0 };

	for (unsigned int i = 0; i < mb->memory.cnt; i++) {
		const struct mm_range *r = &mb->memory.regions[i];

		if (r->start >= r->end ||
		    (i && !(r[-1].end < r->start) && !begins_range(m, r->start)))
			return false;
		for (pfn_t pfn = r->start; pfn < r->end; pfn++)
			seen[pfn] = (struct frame){ true, r->hotplug, r->mirror, false, r->node };
	}
	for (unsigned int i = 0; i < mb->reserved.cnt; i++) {
		const struct mm_range *r = &mb->reserved.regions[i];

		if (r->start >= r->end || (i && r[-1].end >= r->start))
			return false;
		for (pfn_t pfn = r->start; pfn < r->end; pfn++)
			seen[pfn].reserved = true;
	}
	for (pfn_t pfn = 0; pfn < FRAMES; pfn++) {
		const struct frame *a = &seen[pfn], *b = &m->frames[pfn];

		if (a->memory != b->memory || a->reserved != b->reserved || a->node != b->node ||
		    a->hotplug != b->hotplug || a->mirror != b->mirror)
			return false;
	}
	return true;
}

/* The same frames are free, each range as long as it can be. */
static bool free_agrees(const struct memblock *mb, const struct model *m)
{
	struct mm_range free = { 0 };
	pfn_t pfn = 0;

	while (memblock_next_free(mb, free.end, &free)) {
		for (; pfn < free.start; pfn++)
			if (m->frames[pfn].memory && !m->frames[pfn].reserved)
				return false;
		for (; pfn < free.end; pfn++)
			if (!m->frames[pfn].memory || m->frames[pfn].reserved ||
			    (pfn > free.start && begins_range(m, pfn)))
				return false;
	}
	for (; pfn < FRAMES; pfn++)
		if (m->frames[pfn].memory && !m->frames[pfn].reserved)
			return false;
	return true;
}

static void step_add(struct memblock *mb, struct model *m)
{
	pfn_t start = below(FRAMES), end = start + below(FRAMES - (unsigned int)start + 1);
	struct mm_range range = { start, end, (int)below(NODES), below(4) == 0, below(4) == 0 };

	EXPECT(memblock_add_memory(mb, &range));
	m->has_mirror |= range.mirror;
	for (pfn_t pfn = start; pfn < end; pfn++)
		if (!m->frames[pfn].memory)
			m->frames[pfn] = (struct frame){ true, range.hotplug, range.mirror,
							 m->frames[pfn].reserved, range.node };
}

static void step_reserve(struct memblock *mb, struct model *m)
{
	pfn_t start = below(FRAMES), end = start + below(8);

	end = end > FRAMES ? FRAMES : end;
	reserve(mb, start, end);
	for (pfn_t pfn = start; pfn < end; pfn++)
		m->frames[pfn].reserved = true;
}

static unsigned int step_alloc(struct memblock *mb, struct model *m)
{
	struct memblock_request want = { 1 + below(12), below(2) ? 0 : 1u << below(5),
					 (int)below(NODES + 1) - 1, below(4) == 0 };

	want.exact_node &= want.node != NUMA_NO_NODE;
	pfn_t expect = model_alloc(m, &want);

	EXPECT_EQ(memblock_alloc(mb, &want), expect);
	return expect != 0;
}

/* Returns how many allocations found a place. */
static unsigned int random_world(unsigned int seed)
{
	struct model m = { .limit = UINT64_MAX };
	struct memblock mb;
	unsigned int placed = 0;

	srand(seed);
	memblock_init(&mb);
	mb.bottom_up = m.bottom_up = below(2);
	mb.movable_node = m.movable_node = below(4) == 0;
	if (below(4) == 0)
		mb.current_limit = m.limit = below(FRAMES);
	for (unsigned int step = 0; step < 24; step++) {
		if (step < 4 || below(8) == 0)
			step_add(&mb, &m);
		else if (below(4) == 0)
			step_reserve(&mb, &m);
		else
			placed += step_alloc(&mb, &m);
		if (!EXPECT(lists_agree(&mb, &m)) || !EXPECT(free_agrees(&mb, &m)))
			break;
	}
	memblock_discard(&mb);
	return placed;
}

TEST(random_steps_agree_with_a_map_of_frames)
{
	unsigned int placed = 0;

	for (unsigned int seed = 1; seed <= 400; seed++)
		placed += random_world(seed);
	EXPECT(placed > 1000); /* it is the places that are looked at, not only failures */
}

/* ---- percpu ---- */

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
