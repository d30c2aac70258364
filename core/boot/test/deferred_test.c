/*
 * Deferred memory: where it begins, how a zone grows into it, and that all else is as if it had
 * been there from the beginning (facts 2, 9; diff/READINGS.md "Deferred").
 */
#include <stdlib.h>

#include "boot/boot.h"
#include "lostbuddy/vmstat.h"
#include "page/page_internal.h"
#include "test.h"
#include "test/world.h"

/*
 * Blocks of 32 pages, pageblocks of 16, sections of 64. Boot keeps the last 16 frames for the
 * memmap.
 *
 *   0   1            64           128                                     1008  1024
 *       [ initialised, 127 pages  | deferred                              | memmap ]
 */
static struct mm_config tiny(void)
{
	struct mm_config c = {
		.profile = &mm_profile_linux_6_1,
		.deferred = true,
		.nr_nodes = 1,
		.nr_cpus = 1,
		.top_order = 5,
		.pageblock_order = 4,
		.max_pfn = 1024,
		.section_pages = 64,
		.pcp_high = 1,
		.pcp_batch = 1,
		.watermark_scale_factor = 10,
		.watermark_boost_factor = 15000,
		.lowmem_reserve_ratio = { 256, 256, 32, 0 },
		.distance = { { 10, 20, 20 }, { 20, 10, 20 }, { 20, 20, 10 } },
		.nr_memory = 1,
		.memory = { { 1, 1024, 0, false, false } },
	};

	return c;
}

static void set_memory(struct mm_config *c, unsigned int i, pfn_t start, pfn_t end, int node)
{
	c->memory[i] = (struct mm_range){ start, end, node, false, false };
	c->nr_memory = i + 1;
	c->max_pfn = end;
}

static void set_reserved(struct mm_config *c, unsigned int i, pfn_t start, pfn_t end)
{
	c->reserved[i] = (struct mm_range){ start, end, 0, false, false };
	c->nr_reserved = i + 1;
}

static void expect_holds(const struct world *w)
{
	char why[256] = "";

	if (!EXPECT(mm_machine_check(w->machine, why)))
		fprintf(stderr, "%s\n", why);
}

/* ---- where it begins ---- */

enum { NR_SHAPES = 12 };

struct shape_of_memory {
	struct mm_config config;
	pfn_t first[3]; /* of each node */
};

/*
 * More than 64 pages are counted, the frame itself with them, and it begins a section. By hand: the
 * 65th page of the node's last zone, rounded up.
 */
static struct shape_of_memory shape_of_memory(unsigned int i)
{
	struct shape_of_memory s = { tiny(), { PFN_NONE, PFN_NONE, PFN_NONE } };
	struct mm_config *c = &s.config;

	switch (i) {
	case 0: /* 65th: 65 */
		s.first[0] = 128;
		break;
	case 1: /* 65th: 128 itself */
		set_memory(c, 0, 64, 1024, 0);
		s.first[0] = 128;
		break;
	case 2: /* 65th: 129 */
		set_memory(c, 0, 65, 1024, 0);
		s.first[0] = 192;
		break;
	case 3: /* 32 before the hole, 65th: 132 */
		set_memory(c, 0, 1, 33, 0);
		set_memory(c, 1, 100, 1024, 0);
		s.first[0] = 192;
		break;
	case 4: /* 96 before the hole: the first section that begins behind it */
		set_memory(c, 0, 1, 97, 0);
		set_memory(c, 1, 150, 1024, 0);
		s.first[0] = 192;
		break;
	case 5: /* Normal alone, from 512 on */
		c->dma32_end = 512;
		s.first[0] = 576;
		break;
	case 6: /* 65th: 65, and no section begins behind it */
		set_memory(c, 0, 1, 128, 0);
		break;
	case 7: /* 128 is all of it, and reserved */
		set_memory(c, 0, 1, 129, 0);
		s.first[0] = 128;
		break;
	case 8: /* each node for itself; node 2 has nothing */
		c->nr_nodes = 3;
		set_memory(c, 0, 1, 512, 0);
		set_memory(c, 1, 512, 1024, 1);
		s.first[0] = 128;
		s.first[1] = 576;
		break;
	case 9: /* Movable is the last zone */
		c->movable_start[0] = 512;
		s.first[0] = 576;
		break;
	case 10: /* node 0 around node 1: 63 pages, and the 65th is 513 */
		c->nr_nodes = 2;
		set_memory(c, 0, 1, 64, 0);
		set_memory(c, 1, 64, 512, 1);
		set_memory(c, 2, 512, 1024, 0);
		s.first[0] = 576;
		s.first[1] = 128;
		break;
	default: /* sections of 48: the 49th page is 49, and 96 begins a section */
		c->section_pages = 48;
		s.first[0] = 96;
	}
	return s;
}

TEST(it_begins_with_a_section_when_more_than_a_section_was_counted)
{
	for (unsigned int i = 0; i < NR_SHAPES; i++) {
		struct shape_of_memory s = shape_of_memory(i);
		struct world w;

		world_open_config(&w, &s.config);
		for (unsigned int node = 0; node < s.config.nr_nodes; node++)
			EXPECT_EQ(w.machine->nodes[node].first_deferred_pfn, s.first[node]);
		world_close(&w);
		s.config.deferred = false;
		world_open_config(&w, &s.config);
		EXPECT_EQ(w.machine->nodes[0].first_deferred_pfn, PFN_NONE);
		EXPECT_EQ(w.machine->nodes[0].deferred_pages, 0);
		world_close(&w);
	}
}

/* ---- what boot leaves ---- */

TEST(boot_frees_nothing_there_and_initialises_what_is_reserved)
{
	/*        128                300   310              1008
	 * before [0 ............... | r r |0 ............. | r r r]
	 */
	struct mm_config config = tiny();
	struct world w;

	set_reserved(&config, 0, 300, 310);
	world_open_config(&w, &config);
	const struct zone *zone = mm_zone(w.machine, 0, ZONE_NORMAL);

	world_expect_free(&w, ZONE_NORMAL, "1:0 2:1 4:2 8:3 16:4 32:5 64:5 96:5");
	EXPECT_EQ(zone->managed_pages, 127);
	EXPECT_EQ(zone_free_pages_snapshot(zone), 127);
	EXPECT_EQ(zone->present_pages, 1023);
	EXPECT_EQ(w.machine->nodes[0].deferred_pages, 1008 - 128 - 10);
	EXPECT(PageReserved(pfn_to_page(300)) && PageReserved(pfn_to_page(309)));
	EXPECT_EQ(page_count(pfn_to_page(309)), 1);
	EXPECT(PageReserved(pfn_to_page(1008)) && PageReserved(pfn_to_page(1023)));
	for (pfn_t pfn = 128; pfn < 1008; pfn++)
		if (pfn < 300 || pfn >= 310)
			EXPECT(pfn_to_page(pfn)->flags == 0 && pfn_to_page(pfn)->page_type == 0);
	/* the pageblock of pfn 0 begins in a hole; those at and behind 128 wait */
	for (pfn_t pfn = 0; pfn < 1024; pfn += 16)
		EXPECT_EQ(pageblock_type(w.machine, pfn),
			  pfn > 0 && pfn < 128 ? MIGRATE_MOVABLE : MIGRATE_UNMOVABLE);
	world_close(&w);
}

static void expect_same_sizes(const struct mm_machine *a, const struct mm_machine *b)
{
	EXPECT_EQ(a->nr_kernel_pages, b->nr_kernel_pages);
	EXPECT_EQ(a->grouping_disabled, b->grouping_disabled);
	EXPECT_EQ(a->sysctl[MM_SYSCTL_MIN_FREE_KBYTES], b->sysctl[MM_SYSCTL_MIN_FREE_KBYTES]);
	for (unsigned int i = 0; i < a->nr_nodes * MAX_NR_ZONES; i++) {
		const struct zone *x = mm_zone(a, i / MAX_NR_ZONES, i % MAX_NR_ZONES);
		const struct zone *y = mm_zone(b, i / MAX_NR_ZONES, i % MAX_NR_ZONES);

		EXPECT(memcmp(x->_watermark, y->_watermark, sizeof(x->_watermark)) == 0);
		EXPECT(memcmp(x->lowmem_reserve, y->lowmem_reserve, sizeof(x->lowmem_reserve)) ==
		       0);
		EXPECT_EQ(x->stat_threshold, y->stat_threshold);
		EXPECT_EQ(x->percpu_drift_mark, y->percpu_drift_mark);
		EXPECT_EQ(x->pageset[0].high, y->pageset[0].high);
		EXPECT_EQ(x->pageset[0].batch, y->pageset[0].batch);
	}
}

static void expect_same_memory(const struct mm_machine *a, const struct mm_machine *b)
{
	for (unsigned int i = 0; i < a->nr_nodes * MAX_NR_ZONES; i++) {
		const struct zone *x = mm_zone(a, i / MAX_NR_ZONES, i % MAX_NR_ZONES);
		const struct zone *y = mm_zone(b, i / MAX_NR_ZONES, i % MAX_NR_ZONES);

		EXPECT_EQ(x->managed_pages, y->managed_pages);
		EXPECT_EQ(zone_free_pages_snapshot(x), zone_free_pages_snapshot(y));
	}
}

TEST(marks_and_sizes_are_those_of_all_that_will_come)
{
	for (unsigned int i = 0; i < NR_SHAPES; i++) {
		struct mm_config config = shape_of_memory(i).config;
		struct world deferred, at_once;

		config.min_free_kbytes = config.pcp_high = config.pcp_batch = MM_BY_FORMULA;
		world_open_config(&deferred, &config);
		config.deferred = false;
		world_open_config(&at_once, &config);
		expect_same_sizes(deferred.machine, at_once.machine);
		mm_current = &deferred.context;
		for (unsigned int node = 0; node < config.nr_nodes; node++) {
			mm_deferred_init(deferred.machine, node);
			EXPECT_EQ(deferred.machine->nodes[node].first_deferred_pfn, PFN_NONE);
		}
		expect_same_memory(deferred.machine, at_once.machine);
		EXPECT_EQ(deferred.machine->vmstat.pgfree, 0);
		world_close(&deferred);
		mm_current = &at_once.context;
		world_close(&at_once);
	}
}

TEST(what_is_computed_later_sees_what_is_there)
{
	struct mm_config config = tiny();
	struct world w;

	world_open_config(&w, &config);
	struct zone *zone = mm_zone(w.machine, 0, ZONE_NORMAL);

	/* all pages of the mark are this zone's; the gap is a quarter of it */
	EXPECT(mm_sysctl_write(w.machine, MM_SYSCTL_WATERMARK_SCALE_FACTOR, 1000));
	EXPECT_EQ(zone->_watermark[WMARK_LOW], 12); /* a tenth of 127 */
	mm_deferred_init(w.machine, 0);
	EXPECT(mm_sysctl_write(w.machine, MM_SYSCTL_WATERMARK_SCALE_FACTOR, 1000));
	EXPECT_EQ(zone->_watermark[WMARK_LOW], 100); /* of 1007 */
	world_close(&w);
}

/* ---- growing ---- */

TEST(a_zone_grows_by_steps_until_a_section_ends_and_gave_enough)
{
	/*         128 130     140 144       160           192    224    256
	 * before  [0 0| r r r |0 0|0 0 0 0 0|0 0 0 0 0 0 0|0 ....|0 ....|0
	 * blocks  128:1        140:2  144:4  160:5         192:5  224:5
	 * pages   22 ..................... | 54 ......... | 86   | 118   section 128 gave only 54
	 */
	struct mm_config config = tiny();
	struct world w;

	set_reserved(&config, 0, 130, 140);
	world_open_config(&w, &config);
	struct zone *zone = mm_zone(w.machine, 0, ZONE_NORMAL);

	EXPECT(deferred_grow_zone(zone, 0));
	EXPECT_EQ(w.machine->nodes[0].first_deferred_pfn, 256);
	world_expect_free(&w, ZONE_NORMAL,
			  "1:0 2:1 4:2 8:3 16:4 32:5 64:5 96:5 "
			  "128:1 140:2 144:4 160:5 192:5 224:5");
	EXPECT_STR(world_list(&w, ZONE_NORMAL, 5, MIGRATE_MOVABLE), "32 64 96 160 192 224");
	EXPECT_EQ(zone->managed_pages, 127 + 118);
	EXPECT_EQ(zone_free_pages_snapshot(zone), 127 + 118);
	EXPECT_EQ(w.machine->vmstat.pgfree, 0);
	for (pfn_t pfn = 128; pfn < 256; pfn += 16)
		EXPECT_EQ(pageblock_type(w.machine, pfn), MIGRATE_MOVABLE);
	EXPECT_EQ(pageblock_type(w.machine, 256), MIGRATE_UNMOVABLE);
	EXPECT(deferred_grow_zone(zone, 5));
	EXPECT_EQ(w.machine->nodes[0].first_deferred_pfn, 320);
	world_close(&w);
}

TEST(a_pageblock_whose_first_frame_is_reserved_keeps_its_type)
{
	/*         128   136   144
	 * before  [r r r|0 0 0|0 ...     single frames, onto lists of the pageblock's own type
	 */
	struct mm_config config = tiny();
	struct world w;

	set_reserved(&config, 0, 128, 136);
	world_open_config(&w, &config);
	EXPECT(deferred_grow_zone(mm_zone(w.machine, 0, ZONE_NORMAL), 0));
	EXPECT_EQ(pageblock_type(w.machine, 128), MIGRATE_UNMOVABLE);
	EXPECT_EQ(pageblock_type(w.machine, 144), MIGRATE_MOVABLE);
	EXPECT_STR(world_list(&w, ZONE_NORMAL, 3, MIGRATE_UNMOVABLE),
		   "8 136"); /* pageblock 0 begins in a hole */
	world_close(&w);
}

TEST(where_only_reserved_frames_are_left_it_says_once_that_it_grew)
{
	struct mm_config config = shape_of_memory(7).config;
	struct world w;

	world_open_config(&w, &config);
	struct zone *zone = mm_zone(w.machine, 0, ZONE_NORMAL);

	EXPECT_EQ(w.machine->nodes[0].deferred_pages, 0);
	EXPECT(deferred_grow_zone(zone, 0));
	EXPECT_EQ(w.machine->nodes[0].first_deferred_pfn, PFN_NONE);
	EXPECT(!deferred_grow_zone(zone, 0));
	world_close(&w);
}

TEST(lower_zones_do_not_grow)
{
	struct mm_config config = shape_of_memory(5).config;
	struct world w;

	world_open_config(&w, &config);
	EXPECT(!deferred_grow_zone(mm_zone(w.machine, 0, ZONE_DMA32), 0));
	EXPECT(deferred_grow_zone(mm_zone(w.machine, 0, ZONE_NORMAL), 0));
	mm_deferred_init(w.machine, 0);
	EXPECT(!deferred_grow_zone(mm_zone(w.machine, 0, ZONE_NORMAL), 0));
	mm_deferred_init(w.machine, 0); /* nothing left to do */
	world_close(&w);
}

/* ---- requests ---- */

static unsigned int grown;

static void count_growth(void *data, const struct mm_event *event)
{
	(void)data;
	grown += event->kind == MM_EVENT_DEFERRED_GROW;
}

TEST(a_request_that_finds_no_block_makes_its_zone_grow)
{
	/*         32    64    96    128   160   192
	 * before  [A    |A    |A    |0    |0    |0        A: taken, three blocks of 32
	 * after   [A    |A    |A    |A    |.    |0
	 */
	struct mm_config config = tiny();
	struct world w;

	world_open_config(&w, &config);
	for (pfn_t pfn = 32; pfn < 128; pfn += 32)
		EXPECT_EQ(page_to_pfn(alloc_pages(GFP_KERNEL, 5)), pfn);
	EXPECT_EQ(w.machine->nodes[0].first_deferred_pfn, 128);
	struct page *page = alloc_pages(GFP_KERNEL, 5);

	EXPECT_EQ(page_to_pfn(page), 128);
	EXPECT_EQ(w.machine->nodes[0].first_deferred_pfn, 192);
	EXPECT_EQ(w.machine->vmstat.pgalloc, 128);
	world_close(&w);
}

TEST(a_zone_that_grew_is_taken_from_without_another_look_at_the_mark)
{
	struct mm_config config = tiny();
	struct world w;

	/* a mark of 500 pages, which 127 are not above, nor 127 + 64 n for long */
	config.min_free_kbytes = 2000;
	world_open_config(&w, &config);
	EXPECT_EQ(mm_zone(w.machine, 0, ZONE_NORMAL)->_watermark[WMARK_MIN], 500);
	for (pfn_t n = 1; n <= 5; n++) {
		EXPECT(alloc_page(GFP_KERNEL) != NULL);
		EXPECT_EQ(w.machine->nodes[0].first_deferred_pfn, 128 + 64 * n);
	}
	world_close(&w);
}

TEST(a_zone_that_gives_nothing_though_its_mark_is_passed_grows_too)
{
	struct mm_config config = tiny();
	struct world w;

	/*
	 * all marks are 0; the shared count goes down by 3 with every third page, and so shows 1 in
	 * the end
	 */
	config.watermark_scale_factor = 1;
	world_open_config(&w, &config);
	const struct zone *zone = mm_zone(w.machine, 0, ZONE_NORMAL);

	for (unsigned int i = 0; i < 127; i++)
		EXPECT(alloc_page(GFP_KERNEL) != NULL);
	EXPECT_EQ(w.machine->nodes[0].first_deferred_pfn, 128);
	EXPECT_EQ(zone_free_pages(zone), 1);
	EXPECT_EQ(zone_free_pages_snapshot(zone), 0);
	struct page *page = alloc_page(GFP_KERNEL);

	EXPECT(page && page_to_pfn(page) >= 128);
	EXPECT_EQ(w.machine->nodes[0].first_deferred_pfn, 192);
	world_close(&w);
}

/* Every frame that boot did not keep is handed out, once; then nothing is left to grow. */
TEST(all_memory_comes_in_the_end)
{
	for (unsigned int i = 0; i < NR_SHAPES; i++) {
		struct shape_of_memory s = shape_of_memory(i);
		uint64_t there = 0, taken = 0, deferred = 0;
		struct world w;

		s.config.watermark_scale_factor = 1; /* no mark above 0, and so no boost */
		memset(s.config.lowmem_reserve_ratio, 0, sizeof(s.config.lowmem_reserve_ratio));
		world_open_config(&w, &s.config);
		mm_listen(w.machine, count_growth, NULL);
		grown = 0;
		for (unsigned int node = 0; node < s.config.nr_nodes; node++) {
			deferred += w.machine->nodes[node].deferred_pages;
			for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
				there += mm_zone(w.machine, node, type)->managed_pages;
		}
		/* marks are 0, and go by counts that are up to date */
		for (; alloc_pages(GFP_HIGHUSER_MOVABLE | __GFP_NORETRY, 0); vmstat_update())
			taken++;
		EXPECT_EQ(taken, there + deferred);
		EXPECT((grown > 0) == (deferred > 0));
		for (unsigned int node = 0; node < s.config.nr_nodes; node++)
			EXPECT_EQ(w.machine->nodes[node].first_deferred_pfn, PFN_NONE);
		EXPECT_EQ(w.machine->nr_deferred_nodes, 0);
		world_close(&w);
	}
}

TEST(isolation_refuses_what_is_deferred)
{
	struct mm_config config = tiny();
	struct world w;

	set_reserved(&config, 0, 256, 512);
	world_open_config(&w, &config);
	EXPECT(!isolate_range(128, 160)); /* to come */
	EXPECT(!isolate_range(256, 288)); /* reserved, behind the first deferred frame */
	EXPECT(isolate_range(64, 96));
	mm_deferred_init(w.machine, 0);
	EXPECT(isolate_range(128, 160));
	EXPECT(!isolate_range(256, 288));
	world_close(&w);
}

/* ---- back to boot ---- */

/*
 * Every byte of the arena, after growth and use, on a small machine and on one whose image is
 * sparse.
 */
static void expect_reset_restores(const struct mm_config *config)
{
	struct world w;

	world_open_config(&w, config);
	size_t size = w.machine->arena_size;
	char *booted = malloc(size);

	memcpy(booted, w.machine->arena, size);
	for (int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < 200; i++) {
			struct page *page = alloc_pages(GFP_KERNEL, i % 6);

			if (page && i % 3)
				__free_pages(page, i % 6);
		}
		EXPECT(w.machine->nodes[0].first_deferred_pfn != 128);
		if (round)
			mm_deferred_init(w.machine, 0);
		expect_holds(&w);
		mm_machine_reset(w.machine);
		EXPECT(memcmp(booted, w.machine->arena, size) == 0);
	}
	free(booted);
	world_close(&w);
}

TEST(reset_makes_deferred_again_what_came)
{
	struct mm_config config = tiny();

	set_reserved(&config, 0, 130, 140);
	set_reserved(&config, 1, 200, 333);
	expect_reset_restores(&config);
	set_memory(&config, 0, 1, 60000, 0); /* 3.7 MiB of struct pages */
	set_memory(&config, 1, 60010, 90001, 0);
	set_reserved(&config, 2, 70000, 80000);
	expect_reset_restores(&config);
	config.flat = true;
	expect_reset_restores(&config);
}

TEST(the_check_says_what_of_deferred_memory_is_wrong)
{
	struct mm_config config = tiny();
	struct world w;
	char why[256] = "";

	world_open_config(&w, &config);
	w.machine->nodes[0].deferred_pages++;
	EXPECT(!mm_machine_check(w.machine, why));
	EXPECT_STR(why, "M10: node 0: 881 deferred pages counted, 880 there");
	mm_machine_reset(w.machine);
	w.machine->nodes[0].first_deferred_pfn = 100;
	EXPECT(!mm_machine_check(w.machine, why));
	why[3] = 0;
	EXPECT_STR(why, "M10");
	mm_machine_reset(w.machine);
	world_close(&w);
}

/* ---- beside a model that knows frames only ---- */

enum { FRAMES = 1024 };

struct model {
	bool to_come[FRAMES];
	pfn_t first; /* PFN_NONE: none */
	uint64_t section, top;
};

static pfn_t next_to_come(const struct model *m, pfn_t pfn)
{
	while (pfn < FRAMES && !m->to_come[pfn])
		pfn++;
	return pfn < FRAMES ? pfn : PFN_NONE;
}

/* As diff/READINGS.md says it, frame by frame. */
static void model_grow(struct model *m, uint64_t wanted)
{
	uint64_t pages = 0;
	pfn_t s = next_to_come(m, m->first);

	while (s != PFN_NONE) {
		pfn_t start = s, pfn = s;

		do
			pages += m->to_come[pfn];
		while (++pfn % m->top);
		s = next_to_come(m, pfn);
		if (s != PFN_NONE && s / m->section != start / m->section && pages >= wanted)
			break;
	}
	for (pfn_t pfn = 0; pfn < FRAMES && pfn < s; pfn++)
		m->to_come[pfn] = false;
	m->first = s;
}

static unsigned int below(unsigned int limit)
{
	return (unsigned int)rand() % limit;
}

/* Up to four ranges of memory, and six that are reserved; small sections or large. */
static struct mm_config random_config(void)
{
	struct mm_config c = tiny();
	pfn_t at = 1;

	c.section_pages = 32 + 16 * below(8);
	c.nr_memory = 0;
	for (unsigned int i = 0; i < 4 && at < 900; i++) {
		pfn_t end = at + 40 + below(400);

		set_memory(&c, i, at, end < FRAMES ? end : FRAMES, 0);
		at = end + below(90);
	}
	at = 100;
	for (unsigned int i = 0; i < 6; i++) {
		pfn_t end = at + 1 + below(40);

		if (end >= c.max_pfn)
			break;
		set_reserved(&c, i, at, end);
		at = end + 1 + below(200);
	}
	return c;
}

static bool agrees(const struct mm_machine *m, const struct model *model)
{
	if (m->nodes[0].first_deferred_pfn != model->first)
		return false;
	for (pfn_t pfn = 0; pfn < m->max_pfn; pfn++)
		if ((mm_skip_deferred(m, pfn) != pfn) != model->to_come[pfn] ||
		    (model->to_come[pfn] && m->memmap[pfn].flags != 0))
			return false;
	return true;
}

static void model_boot(struct model *model, const struct mm_machine *m)
{
	const struct mm_config *c = &m->config;

	*model = (struct model){ .first = m->nodes[0].first_deferred_pfn,
				 .section = c->section_pages,
				 .top = UINT64_C(1) << c->top_order };
	for (unsigned int i = 0; i < c->nr_memory; i++)
		for (pfn_t pfn = c->memory[i].start; pfn < c->memory[i].end; pfn++)
			model->to_come[pfn] = pfn >= model->first && !PageReserved(&m->memmap[pfn]);
}

static unsigned int random_world(unsigned int seed)
{
	struct model model;
	struct world w;
	unsigned int steps = 0;

	srand(seed);
	struct mm_config config = random_config();

	world_open_config(&w, &config);
	model_boot(&model, w.machine);
	while (model.first != PFN_NONE && EXPECT(agrees(w.machine, &model)) && steps++ < 40) {
		if (below(10) == 0) {
			mm_deferred_init(w.machine, 0);
			model_grow(&model, UINT64_MAX);
		} else {
			EXPECT(deferred_grow_zone(mm_zone(w.machine, 0, ZONE_NORMAL), below(6)));
			model_grow(&model,
				   config.section_pages); /* a block is no more than a section */
		}
		expect_holds(&w);
	}
	EXPECT(agrees(w.machine, &model));
	world_close(&w);
	return steps;
}

TEST(growth_agrees_with_the_reading_frame_by_frame)
{
	unsigned int steps = 0;

	for (unsigned int seed = 1; seed <= 200; seed++)
		steps += random_world(seed);
	EXPECT(steps > 400);
}

/* ---- whatever is done ---- */

enum { HELD = 48 };

struct holder {
	struct page *blocks[HELD];
	unsigned int orders[HELD], count;
};

static void take_block(struct holder *h, unsigned int nodes)
{
	static const gfp_t masks[] = { GFP_KERNEL, GFP_ATOMIC, GFP_HIGHUSER_MOVABLE, GFP_NOWAIT,
				       GFP_KERNEL | __GFP_MEMALLOC };
	unsigned int order = below(3) ? 0 : below(6);
	struct page *page =
		alloc_pages_node((int)below(nodes), masks[below(5)] | __GFP_NORETRY, order);

	if (!page)
		return;
	/* a page of memory that is initialised, handed out once */
	EXPECT(page_count(page) == 1 && !PageReserved(page) && page->page_type == PAGE_TYPE_NONE);
	EXPECT_EQ(mm_skip_deferred(mm_current->machine, page_to_pfn(page)), page_to_pfn(page));
	if (h->count == HELD)
		return; /* kept for good */
	h->blocks[h->count] = page;
	h->orders[h->count++] = order;
}

static void give_block(struct holder *h)
{
	if (!h->count)
		return;
	unsigned int i = below(h->count--);

	__free_pages(h->blocks[i], h->orders[i]);
	h->blocks[i] = h->blocks[h->count];
	h->orders[i] = h->orders[h->count];
}

/* In one zone, from end to end. */
static bool is_whole(const struct mm_machine *m, pfn_t start, pfn_t end)
{
	for (pfn_t pfn = start; pfn < end; pfn++)
		if (pfn >= m->max_pfn || m->memmap[pfn].flags == 0 ||
		    !page_zone(m, &m->memmap[pfn])->spanned_pages ||
		    page_zone_id(&m->memmap[pfn]) != page_zone_id(&m->memmap[start]))
			return false;
	return true;
}

static void random_step(struct mm_machine *m, struct holder *h)
{
	pfn_t top = UINT64_C(1) << m->top_order, range = below(20) * top;

	switch (below(13)) {
	case 0:
		if (is_whole(m, range, range + top))
			isolate_range(range, range + top);
		break;
	case 12:
		if (is_whole(m, range, range + top))
			unisolate_range(range, range + top);
		break;
	case 1:
		drain_all_pages();
		break;
	case 2:
		vmstat_update();
		break;
	case 3:
		if (below(8) == 0)
			mm_deferred_init(m, below(m->nr_nodes));
		break;
	case 4:
	case 5:
	case 6:
		give_block(h);
		break;
	default:
		take_block(h, m->nr_nodes);
	}
}

TEST(whatever_is_done_the_invariants_hold)
{
	for (unsigned int i = 0; i < 10 * NR_SHAPES; i++) {
		struct mm_config config = shape_of_memory(i % NR_SHAPES).config;
		struct holder h = { .count = 0 };
		struct world w;

		srand(i);
		config.profile = i & 1 ? &mm_profile_linux_5_10 : &mm_profile_linux_6_1;
		config.nr_cpus = 2;
		config.pcp_high = config.pcp_batch = MM_BY_FORMULA;
		config.min_free_kbytes = 16 * below(20);
		world_open_config(&w, &config);
		for (unsigned int step = 0; step < 150; step++) {
			world_on(&w, below(2), MM_TASK, 0);
			random_step(w.machine, &h);
			if (step % 10 == 0)
				expect_holds(&w);
		}
		world_close(&w);
	}
}

TEST_MAIN
