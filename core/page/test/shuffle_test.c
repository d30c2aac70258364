/* Free lists in random order (READINGS, "Switches"), against a generator and a shuffle written in another way. */
#include "page/page_internal.h"
#include "test.h"
#include "test/world.h"

/* ---- the generator, with its products added up bit by bit and its constants in decimal ---- */

static uint64_t product(uint64_t a, uint64_t b)
{
	uint64_t sum = 0;

	for (unsigned int bit = 0; bit < 64; bit++)
		if (b >> bit & 1)
			sum += a << bit;
	return sum;
}

static uint64_t folded(uint64_t x, unsigned int shift)
{
	return x ^ x / (UINT64_C(1) << shift);
}

/* Number n, from 1 on, of the generator that started with seed. */
static uint64_t number(uint64_t seed, uint64_t n)
{
	uint64_t x = seed + product(n, UINT64_C(11400714819323198485));

	x = product(folded(x, 30), UINT64_C(13787848793156543929));
	x = product(folded(x, 27), UINT64_C(10723151780598845931));
	return folded(x, 31);
}

/* What the machine's pool gives next: 64 bits, the lowest first. */
static uint64_t next_number(struct mm_machine *m)
{
	uint64_t bits = 0;

	for (unsigned int i = 0; i < 64; i++)
		bits |= (uint64_t)shuffle_pick_tail(m) << i;
	return bits;
}

TEST(the_generator_is_the_published_one)
{
	/* splitmix64 from 0, as its authors print it */
	static const uint64_t published[] = { UINT64_C(0xe220a8397b1dcdaf),
					      UINT64_C(0x6e789e6aa1b965f4),
					      UINT64_C(0x06c45d188009454f),
					      UINT64_C(0xf88bb8a8724c81ec) };
	struct world w;

	world_open(&w, (struct shape){ .pages = 256 });
	w.machine->random.state = 0;
	for (unsigned int n = 0; n < 4; n++) {
		EXPECT(number(0, n + 1) == published[n]);
		EXPECT(next_number(w.machine) == published[n]);
	}
	for (uint64_t seed = 1; seed < 1000; seed = seed * 3 + 1) {
		w.machine->random.state = seed;
		for (uint64_t n = 1; n <= 4; n++)
			EXPECT(next_number(w.machine) == number(seed, n));
	}
	world_close(&w);
}

/* ---- the shuffle, on an array of the list's blocks ---- */

enum { MAX_BLOCKS = 64 };

struct model {
	pfn_t list[MAX_BLOCKS]; /* blocks of the top order in list order; all of one type */
	unsigned int n;
	uint64_t seed, drawn;
};

static unsigned int read_list(const struct zone *zone, unsigned int order, int type, pfn_t *list)
{
	const struct list_head *head = &zone->free_area[order].free_list[type];
	unsigned int n = 0;

	for (const struct list_head *at = head->next; at != head; at = at->next)
		list[n++] = (pfn_t)(lru_to_page(at) - zone->machine->memmap);
	return n;
}

static int place_of(const struct model *model, pfn_t pfn)
{
	for (unsigned int i = 0; i < model->n; i++)
		if (model->list[i] == pfn)
			return (int)i;
	return -1;
}

static void shuffle_model(struct model *model, const struct zone *zone, pfn_t size)
{
	pfn_t first = (zone->zone_start_pfn + size - 1) / size * size;

	for (pfn_t i = first; i < zone_end_pfn(zone); i += size) {
		int from = place_of(model, i), to = -1;

		for (int tries = 0; from >= 0 && tries < 10 && to < 0; tries++) {
			uint64_t drawn = number(model->seed, ++model->drawn);
			pfn_t j = zone->zone_start_pfn + drawn % zone->spanned_pages / size * size;

			to = j == i ? -1 : place_of(model, j);
		}
		if (from >= 0 && to >= 0) {
			pfn_t swapped = model->list[from];

			model->list[from] = model->list[to];
			model->list[to] = swapped;
		}
	}
}

static const struct shape shapes[] = {
	{ .pages = 512, .nodes = 2, .cpus = 2 },
	{ .pages = 1024, .nodes = 4, .top_order = 4, .profile = &mm_profile_linux_5_10 },
	{ .pages = 512, .dma_end = 64, .dma32_end = 256 },
	{ .pages = 512, .movable_start = 256, .top_order = 6 },
	{ .pages = 64 },
};

/* Zone by zone, one generator: the lists are what the model makes of the lists of a machine that does not shuffle. */
static bool expect_as_modelled(struct shape shape, uint32_t seed)
{
	struct world plain, shuffled;
	struct model model = { .seed = seed };
	bool moved = false;

	world_open(&plain, shape);
	shape.shuffle = seed;
	world_open(&shuffled, shape);
	const struct mm_machine *m = plain.machine;

	for (unsigned int i = 0; i < m->nr_nodes * MAX_NR_ZONES; i++) {
		const struct zone *from = mm_zone(m, i / MAX_NR_ZONES, i % MAX_NR_ZONES);
		const struct zone *to =
			mm_zone(shuffled.machine, i / MAX_NR_ZONES, i % MAX_NR_ZONES);
		pfn_t before[MAX_BLOCKS], after[MAX_BLOCKS];

		for (unsigned int order = 0; order <= m->top_order; order++)
			for (int type = 0; type < MIGRATE_TYPES; type++) {
				unsigned int n = read_list(from, order, type, before);

				EXPECT_EQ(read_list(to, order, type, after), n);
				if (order == m->top_order && n) {
					memcpy(model.list, before, sizeof(before));
					model.n = n;
					shuffle_model(&model, from, UINT64_C(1) << order);
					moved |= memcmp(before, model.list, n * sizeof(pfn_t)) != 0;
					memcpy(before, model.list, sizeof(before));
				}
				EXPECT(memcmp(before, after, n * sizeof(pfn_t)) == 0);
			}
	}
	EXPECT_EQ(shuffled.machine->random.bits, 0);
	EXPECT(number(seed, model.drawn + 1) == next_number(shuffled.machine));
	shuffled.machine->random.bits = 0;
	mm_machine_reset(shuffled.machine);
	EXPECT(number(seed, model.drawn + 1) == next_number(shuffled.machine));
	mm_current = &plain.context;
	world_close(&plain);
	mm_current = &shuffled.context;
	world_close(&shuffled);
	return moved;
}

TEST(boot_shuffles_whole_blocks_of_a_zone_among_themselves)
{
	for (unsigned int i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		unsigned int moved = 0;

		for (uint32_t seed = 1; seed <= 32; seed++)
			moved += expect_as_modelled(shapes[i], seed);
		/* zones that begin at 1 have no borders to meet: only the last shape has no other zone */
		EXPECT_EQ(moved > 16, i < 4);
	}
}

/* The set of free frames, by zone and order, is that of a machine that does not shuffle. */
TEST(nothing_but_the_order_changes)
{
	for (unsigned int i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		for (uint32_t seed = 1; seed <= 8; seed++) {
			struct world plain, shuffled;
			struct shape shape = shapes[i];

			world_open(&plain, shape);
			shape.shuffle = seed * 77777;
			world_open(&shuffled, shape);
			for (enum zone_type type = 0; type < MAX_NR_ZONES; type++)
				EXPECT_STR(world_free(&shuffled, type), world_free(&plain, type));
			world_close(&shuffled);
			mm_current = &plain.context;
			world_close(&plain);
		}
}

/* ---- tails ---- */

/* Bit n, from 0 on, of the pool after so many numbers were drawn. */
static bool bit_after(uint64_t seed, uint64_t drawn, unsigned int n)
{
	return number(seed, drawn + 1 + n / 64) >> n % 64 & 1;
}

/* Numbers that boot drew: the state says how far it went. */
static uint64_t drawn_by_boot(const struct mm_machine *m, uint64_t seed)
{
	uint64_t n = 0;

	while (seed + product(n, UINT64_C(0x9e3779b97f4a7c15)) != m->random.state)
		n++;
	return n;
}

static void expect_ends_by_chance(const struct mm_profile *profile, uint32_t seed)
{
	struct world w;
	pfn_t list[MAX_BLOCKS];

	world_open(&w,
		   (struct shape){ .pages = 512, .nodes = 2, .shuffle = seed, .profile = profile });
	const struct zone *zone = mm_zone(w.machine, 1, ZONE_NORMAL);
	uint64_t drawn = drawn_by_boot(w.machine, seed);

	for (unsigned int n = 0; n < 130; n++) {
		struct page *page = alloc_pages_node(1, GFP_KERNEL | __GFP_MOVABLE, 5);
		pfn_t pfn = page_to_pfn(page);

		__free_pages(page, 5);
		unsigned int blocks = read_list(zone, 5, MIGRATE_MOVABLE, list);

		EXPECT_EQ(list[bit_after(seed, drawn, n) ? blocks - 1 : 0], pfn);
	}
	EXPECT_EQ(w.machine->random.bits, 3 * 64 - 130);
	world_close(&w);
}

TEST(a_freed_block_of_the_top_order_goes_where_its_bit_says)
{
	for (uint32_t seed = 1; seed <= 9; seed += 4) {
		expect_ends_by_chance(&mm_profile_linux_6_1, seed);
		expect_ends_by_chance(&mm_profile_linux_5_10, seed);
	}
}

TEST(smaller_blocks_and_blocks_for_the_tail_draw_nothing)
{
	struct world w;

	world_open(&w, (struct shape){ .pages = 512, .nodes = 2, .shuffle = 5 });
	const struct mm_random before = w.machine->random;
	struct page *held = alloc_pages_node(1, GFP_KERNEL, 4);
	struct page *other = alloc_pages_node(1, GFP_KERNEL, 4);

	/* the halves of one block: while one is held, the other cannot grow */
	EXPECT_EQ(page_to_pfn(held) / 32, page_to_pfn(other) / 32);
	__free_pages(other, 4);
	EXPECT(memcmp(&before, &w.machine->random, sizeof(before)) == 0);
	/* an isolated block that is freed again goes to the tail */
	pfn_t start = page_to_pfn(held) / 32 == 8 ? 288 : 256;

	EXPECT(isolate_range(start, start + 32));
	EXPECT(unisolate_range(start, start + 32));
	EXPECT(memcmp(&before, &w.machine->random, sizeof(before)) == 0);
	__free_pages(held, 4);
	EXPECT_EQ(w.machine->random.bits, 63);
	world_close(&w);
}

TEST_MAIN
