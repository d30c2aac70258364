/*
 * Machines with switches under random operations of all kinds, beside a model of what pages hold: who takes a
 * page is told exactly what was written to it since it was given back, and no frame is lost.
 */
#include "lostbuddy/page_frag.h"
#include "lostbuddy/vmstat.h"
#include "test.h"
#include "test/world.h"

enum { MAX_HELD = 64, MAX_PAGES = 1024, AS_LEFT = -1, FOREIGN = 256 };

struct run {
	struct world w;
	struct page *blocks[MAX_HELD];
	unsigned int orders[MAX_HELD], nr_blocks;
	char *fragments[MAX_HELD];
	unsigned int nr_fragments;
	int contents[MAX_PAGES]; /* of free pages: AS_LEFT, a byte at the start, FOREIGN */
	uint64_t random;
	unsigned int told; /* blocks that were not as they had been left */
};

static unsigned int draw(struct run *r, unsigned int n)
{
	r->random = r->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned int)(r->random >> 33) % n;
}

static uint8_t left_byte(const struct run *r)
{
	return r->w.config.page_poison ? 0xaa : 0;
}

static unsigned int bits_set(unsigned int byte)
{
	unsigned int n = 0;

	for (; byte; byte /= 2)
		n += byte % 2;
	return n;
}

/* What is to be said of a page when it is handed out. */
static unsigned int warnings_for(const struct run *r, pfn_t pfn)
{
	int held = r->contents[pfn];

	if (!r->w.config.page_poison || held == AS_LEFT)
		return 0;
	if (held != FOREIGN && bits_set((unsigned int)held ^ 0xaa) == 1)
		return MM_WARN_POISON | MM_WARN_BIT_FLIP;
	return MM_WARN_POISON;
}

/* A block has come: was all said, does each page begin as it should? Then its holder writes to it. */
static void look_at_new(struct run *r, struct page *page, unsigned int order, bool zero)
{
	unsigned int expect = 0;

	for (pfn_t pfn = page_to_pfn(page); pfn < page_to_pfn(page) + (1u << order); pfn++) {
		uint8_t *memory = page_address(pfn_to_page(pfn));
		int held = r->contents[pfn];
		uint8_t byte = held == AS_LEFT ? left_byte(r) : (uint8_t)held;

		if (r->w.config.page_poison && zero)
			EXPECT_EQ(memory[0], 0);
		else if (held != FOREIGN)
			EXPECT_EQ(memory[0], byte);
		expect |= warnings_for(r, pfn);
		r->contents[pfn] = AS_LEFT;
		memset(memory, 0x5c, PAGE_SIZE);
	}
	EXPECT_EQ(r->w.context.warnings & (MM_WARN_POISON | MM_WARN_BIT_FLIP), expect);
	r->told += expect != 0;
}

static void hold(struct run *r, struct page *page, unsigned int order)
{
	r->blocks[r->nr_blocks] = page;
	r->orders[r->nr_blocks++] = order;
}

static void take_block(struct run *r)
{
	unsigned int order = draw(r, 2) ? 0 : draw(r, 6);
	bool zero = draw(r, 4) == 0;
	gfp_t gfp = (draw(r, 2) ? GFP_NOWAIT : GFP_HIGHUSER_MOVABLE) | __GFP_NORETRY |
		    (zero ? __GFP_ZERO : 0);
	struct page *page = alloc_pages(gfp, order);

	if (!page)
		return;
	look_at_new(r, page, order, zero);
	hold(r, page, order);
}

/* Cut out as it is, or back as it is. */
static void take_or_put_frame(struct run *r)
{
	struct page *page = pfn_to_page(1 + draw(r, (unsigned int)r->w.machine->max_pfn - 1));

	if (r->nr_blocks && draw(r, 2)) {
		unsigned int pick = draw(r, r->nr_blocks);

		if (r->orders[pick] || page_count(r->blocks[pick]) != 1)
			return;
		put_page_back_buddy(r->blocks[pick]);
		r->contents[page_to_pfn(r->blocks[pick])] = FOREIGN;
		r->blocks[pick] = r->blocks[--r->nr_blocks];
		r->orders[pick] = r->orders[r->nr_blocks];
	} else if (r->nr_blocks < MAX_HELD && !PageReserved(page) && take_page_off_buddy(page)) {
		r->contents[page_to_pfn(page)] = AS_LEFT;
		memset(page_address(page), 0x5c, PAGE_SIZE);
		hold(r, page, 0);
	}
}

static void write_somewhere(struct run *r)
{
	pfn_t pfn = 1 + draw(r, (unsigned int)r->w.machine->max_pfn - 1);
	uint8_t byte = (uint8_t)(left_byte(r) ^ (draw(r, 2) ? 1u << draw(r, 8) : draw(r, 256)));

	if (PageReserved(pfn_to_page(pfn)) || !write_free_page(pfn_to_page(pfn), byte))
		return;
	if (r->contents[pfn] != FOREIGN)
		r->contents[pfn] = byte == left_byte(r) ? AS_LEFT : byte;
}

static void take_or_drop_fragment(struct run *r)
{
	if (r->nr_fragments && draw(r, 2)) {
		unsigned int pick = draw(r, r->nr_fragments);

		page_frag_free(r->fragments[pick]);
		r->fragments[pick] = r->fragments[--r->nr_fragments];
	} else if (r->nr_fragments < MAX_HELD) {
		const struct page *before = this_cpu_frag_cache()->page;
		uint64_t taken = r->w.machine->vmstat.pgalloc;
		char *fragment =
			page_frag_alloc(this_cpu_frag_cache(), 1 + draw(r, 9000), GFP_NOWAIT);
		struct page *block = this_cpu_frag_cache()->page;

		/* a block is seen when it is taken, which may be the one that was given back just before */
		if (block && (block != before || taken != r->w.machine->vmstat.pgalloc))
			look_at_new(r, block, compound_order(block), false);
		if (fragment)
			r->fragments[r->nr_fragments++] = fragment;
	}
}

static void isolate_or_not(struct run *r)
{
	pfn_t size = UINT64_C(1) << r->w.machine->top_order;
	pfn_t start = size * (1 + draw(r, (unsigned int)(r->w.machine->max_pfn / size) - 2));

	if (draw(r, 2))
		isolate_range(start, start + size);
	else
		unisolate_range(start, start + size);
}

static void step(struct run *r)
{
	unsigned int what = draw(r, 100);

	world_on(&r->w, draw(r, r->w.machine->nr_cpus), MM_TASK, 0);
	if (what < 35 && r->nr_blocks < MAX_HELD) {
		take_block(r);
	} else if (what < 60 && r->nr_blocks) {
		unsigned int pick = draw(r, r->nr_blocks);

		__free_pages(r->blocks[pick], r->orders[pick]);
		r->blocks[pick] = r->blocks[--r->nr_blocks];
		r->orders[pick] = r->orders[r->nr_blocks];
	} else if (what < 75) {
		write_somewhere(r);
	} else if (what < 83) {
		take_or_put_frame(r);
	} else if (what < 93) {
		take_or_drop_fragment(r);
	} else if (what < 94) {
		page_frag_cache_drain(this_cpu_frag_cache());
	} else if (what < 96) {
		drain_all_pages();
	} else if (what < 97) {
		vmstat_update();
	} else {
		isolate_or_not(r);
	}
}

/* All that is anywhere, by struct page alone: frames with a free block, a guard, a page list or a holder. */
static bool model_holds(struct run *r)
{
	char why[256] = "";

	for (pfn_t pfn = 0; pfn < r->w.machine->max_pfn; pfn++)
		if (!EXPECT_EQ(free_page_contents(r->w.machine, pfn) == FREE_PAGE_AS_LEFT
				       ? AS_LEFT
				       : (int)free_page_contents(r->w.machine, pfn),
			       r->contents[pfn]))
			return false;
	return EXPECT(mm_machine_check(r->w.machine, why));
}

static void give_everything_back(struct run *r)
{
	while (r->nr_fragments)
		page_frag_free(r->fragments[--r->nr_fragments]);
	for (unsigned int cpu = 0; cpu < r->w.machine->nr_cpus; cpu++)
		page_frag_cache_drain(&r->w.machine->frag_caches[cpu]);
	while (r->nr_blocks) {
		r->nr_blocks--;
		__free_pages(r->blocks[r->nr_blocks], r->orders[r->nr_blocks]);
	}
	pfn_t size = UINT64_C(1) << r->w.machine->top_order;

	for (pfn_t pfn = size; pfn + size < r->w.machine->max_pfn; pfn += size)
		unisolate_range(pfn, pfn + size);
	drain_all_pages();
}

static void random_run(const struct shape *shape, uint64_t seed)
{
	static struct run r;

	memset(&r, 0, sizeof(r));
	world_open(&r.w, *shape);
	r.random = seed;
	for (pfn_t pfn = 0; pfn < MAX_PAGES; pfn++)
		r.contents[pfn] = AS_LEFT;
	uint64_t before = 0, after = 0;

	for (enum zone_type type = 0; type < MAX_NR_ZONES; type++)
		before += zone_free_pages_snapshot(mm_zone(r.w.machine, 0, type));
	for (unsigned int i = 0; i < 3000; i++) {
		step(&r);
		if (i % 32 == 0 && !model_holds(&r))
			break;
	}
	EXPECT(!shape->page_poison || r.told > 10);
	give_everything_back(&r);
	for (enum zone_type type = 0; type < MAX_NR_ZONES; type++)
		after += zone_free_pages_snapshot(mm_zone(r.w.machine, 0, type));
	EXPECT_EQ(after, before);
	EXPECT_EQ(r.w.machine->vmstat.leaked, 0);
	world_close(&r.w);
}

TEST(pages_hold_what_was_left_there_and_none_is_lost)
{
	static const struct shape shapes[] = {
		{ .pages = 512, .page_poison = true, .cpus = 2 },
		{ .pages = 512, .init_on_free = true, .init_on_alloc = true },
		{ .pages = 512, .page_poison = true, .guard_order = 2, .shuffle = 4 },
		{ .pages = 512, .init_on_free = true, .guard_order = 3, .checks = MM_CHECKS_DEBUG },
		{ .pages = 768,
		  .page_poison = true,
		  .movable_start = 256,
		  .shuffle = 5,
		  .guard_order = 1 },
		{ .pages = 512,
		  .page_poison = true,
		  .checks = MM_CHECKS_OFF,
		  .high = 8,
		  .batch = 2 },
	};

	for (unsigned int i = 0; i < sizeof(shapes) / sizeof(shapes[0]) && !test_failures; i++)
		for (uint64_t seed = 1; seed <= 4 && !test_failures; seed++) {
			struct shape shape = shapes[i];

			shape.profile = seed % 2 ? &mm_profile_linux_6_1 : &mm_profile_linux_5_10;
			random_run(&shape, seed);
		}
}

TEST_MAIN
