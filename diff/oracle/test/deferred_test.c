/*
 * Deferred memory: where it begins, what a zone gets when it grows, and what is seen of it meanwhile. One
 * node of 1023 pages with sections of 128 and blocks of 64:
 *
 *   1               256                   512          1024
 *   [ initialised   | grown first         | then 128 each   )
 *                         r: 300..304, 384..400
 */
#include "common.h"

static const struct machine_range reserved[] = { { .start = 300, .end = 304 },
						 { .start = 384, .end = 400 } };

static struct machine deferred_machine(void)
{
	struct machine m = bare_machine(1024);

	m.deferred = 1;
	m.section_pages = 128;
	m.watermark_scale_factor = 1; /* marks are 0 */
	return m;
}

static struct shadow *fresh(void)
{
	struct machine m = deferred_machine();

	return booted(&m, reserved, 2);
}

static uint64_t first_deferred(const struct shadow *s, uint32_t node)
{
	return s->state->first_deferred[node];
}

static struct lb_result deferred_init(struct shadow *s, int node)
{
	return run(s, (struct lb_call){ .op = OP_DEFERRED_INIT, .node = node });
}

enum { MOVABLE_NOWAIT = GFP_NOWAIT | GFP_MOVABLE };

/* The three blocks of order 6 that boot has: what asks for another one makes the zone grow. */
static void take_what_boot_has(struct shadow *s)
{
	EXPECT_EQ(take(s, MOVABLE_NOWAIT, 6), 64);
	EXPECT_EQ(take(s, MOVABLE_NOWAIT, 6), 128);
	EXPECT_EQ(take(s, MOVABLE_NOWAIT, 6), 192);
	EXPECT_EQ(first_deferred(s, 0), 256);
}

/* ---- Where it begins ---- */

/*
 * The first multiple of 128 with more than 128 pages up to and with itself: from 1 on, 128 is the 128th page.
 */
TEST(it_begins_at_a_section_behind_more_than_a_section)
{
	static const struct {
		uint64_t start, end, start_2, end_2, dma32_end, first;
	} rows[] = {
		{ 1, 1024, 0, 0, 0, 256 },
		{ 1, 256, 0, 0, 0, NO_PFN },
		{ 1, 257, 0, 0, 0, 256 },
		{ 1, 1024, 0, 0, 512, 640 }, /* of the last zone, Normal, alone: 512 .. 640 are 128 */
		{ 1, 700, 0, 0, 640, NO_PFN },	 /* which is too small */
		{ 100, 150, 512, 1024, 0, 640 }, /* 50 pages, then from 512 on 78 more: 590 */
		{ 1, 200, 256, 1024, 0, 256 },	 /* 199 pages, and 256 is the 200th */
		{ 128, 256, 384, 1024, 0, 384 }, /* the 129th page */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct machine m = deferred_machine();
		struct shadow *s;

		m.memory[0].start = rows[i].start;
		m.memory[0].end = m.max_pfn = rows[i].end;
		m.dma32_end = rows[i].dma32_end;
		if (rows[i].end_2) {
			m.nr_memory = 2;
			m.memory[1] = (struct machine_range){ .start = rows[i].start_2,
							      .end = rows[i].end_2 };
			m.max_pfn = rows[i].end_2;
		}
		s = booted(&m, NULL, 0);
		if (!EXPECT(first_deferred(s, 0) == rows[i].first))
			fprintf(stderr, "  row %zu: %" PRIu64 "\n", i, first_deferred(s, 0));
		shadow_destroy(s);
	}
}

TEST(each_node_has_its_own)
{
	struct machine m = deferred_machine();
	struct shadow *s;

	m.nr_nodes = 3;
	m.distance[0][1] = m.distance[0][2] = m.distance[1][0] = m.distance[1][2] = 20;
	m.distance[2][0] = m.distance[2][1] = 20;
	m.distance[1][1] = m.distance[2][2] = 10;
	m.nr_memory = 2;
	m.memory[0].end = 512;
	m.memory[1] = (struct machine_range){ .start = 512, .end = 1024, .node = 2 };
	s = booted(&m, NULL, 0);
	EXPECT_EQ(first_deferred(s, 0), 256);
	EXPECT(first_deferred(s, 1) == NO_PFN);
	EXPECT_EQ(first_deferred(s, 2), 640); /* the 129th page */
	EXPECT_EQ(deferred_init(s, 1).outcome, LB_DONE);
	EXPECT_EQ(deferred_init(s, 2).outcome, LB_DONE);
	EXPECT_EQ(first_deferred(s, 0), 256);
	EXPECT(first_deferred(s, 2) == NO_PFN);
	EXPECT_EQ(zone_at(s, 2, ZONE_NORMAL)->managed, 512);
	shadow_destroy(s);
}

/* ---- What boot leaves ---- */

TEST(after_boot_only_what_was_initialised_is_there)
{
	struct shadow *s = fresh();
	const struct zone *z = &s->zones[0];

	EXPECT_EQ(z->present, 1023);
	EXPECT_EQ(z->managed, 255);
	EXPECT_EQ(z->free, 255);
	EXPECT_EQ(listed_pages(s, z), 255);
	EXPECT_STR(free_text(s, 0, 6, MT_MOVABLE), "64 128 192");
	EXPECT_EQ(s->frames[255].kind, FRAME_PLAIN);
	EXPECT_EQ(s->frames[256].kind, FRAME_DEFERRED);
	EXPECT_EQ(s->frames[301].kind, FRAME_RESERVED);
	EXPECT_EQ(s->types[15], MT_MOVABLE);
	for (unsigned int b = 16; b < 64; b++)
		EXPECT_EQ(s->types[b], MT_UNMOVABLE);
	shadow_destroy(s);
}

TEST(marks_are_made_as_if_all_of_it_were_there)
{
	struct machine m = deferred_machine();
	struct shadow *now, *at_once;

	m.watermark_scale_factor = 3000;
	now = booted(&m, reserved, 2);
	EXPECT_EQ(now->zones[0].mark[WMARK_LOW], 300); /* 1003 pages: 1003 * 3000 / 10000 */
	m.deferred = 0;
	at_once = booted(&m, reserved, 2);
	EXPECT_EQ(at_once->zones[0].managed, 1003);
	EXPECT(memcmp(now->zones[0].mark, at_once->zones[0].mark, sizeof(now->zones[0].mark)) == 0);
	EXPECT_EQ(now->zones[0].threshold, at_once->zones[0].threshold);
	EXPECT_EQ(now->zones[0].drift_mark, at_once->zones[0].drift_mark);
	EXPECT_EQ(now->pcp[0].high, at_once->pcp[0].high);
	EXPECT_EQ(now->state->grouping_off, at_once->state->grouping_off);
	/* what is written later sees what is there: 255 * 3000 / 10000 */
	run(now, (struct lb_call){
			 .op = OP_SYSCTL, .name = SYSCTL_WATERMARK_SCALE_FACTOR, .value = 3000 });
	EXPECT_EQ(now->zones[0].mark[WMARK_LOW], 76);
	shadow_destroy(now);
	shadow_destroy(at_once);
}

TEST(what_is_deferred_is_not_there_for_isolation_and_not_free)
{
	struct shadow *s = fresh();
	struct lb_call isolate = { .op = OP_ISOLATE, .value = 12 }; /* 768 .. 832 */
	struct lb_result r = run(s, isolate);

	EXPECT_EQ(r.outcome, LB_REFUSED);
	EXPECT_EQ(r.reason, LB_BAD_RANGE);
	isolate.op = OP_UNISOLATE;
	EXPECT_EQ(run(s, isolate).reason, LB_BAD_RANGE);
	r = run(s, (struct lb_call){ .op = OP_TAKE_FRAME, .pfn = 800 });
	EXPECT_EQ(r.outcome, LB_REFUSED);
	EXPECT_EQ(r.reason, LB_BUSY);
	deferred_init(s, 0);
	isolate.op = OP_ISOLATE;
	EXPECT_EQ(run(s, isolate).outcome, LB_DONE);
	shadow_destroy(s);
}

/* ---- Growing ---- */

/*
 * Steps: 256..320 gives 60, 320..384 gives 64 (124, and less than a section), 400..448 gives 48 (in the next
 * section, which is not left), 448..512 gives 64: 236 pages, and 512 is in another section.
 */
TEST(a_zone_grows_by_steps_until_a_section_is_there)
{
	struct shadow *s = fresh();
	const struct zone *z = &s->zones[0];

	take_what_boot_has(s);
	EXPECT_EQ(take(s, MOVABLE_NOWAIT, 6), 320);
	EXPECT_EQ(first_deferred(s, 0), 512);
	EXPECT_EQ(z->managed, 255 + 236);
	EXPECT_EQ(shadow_free_exact(s, z), 255 + 236 - 4 * 64);
	EXPECT_EQ(listed_pages(s, z), 255 + 236 - 4 * 64);
	EXPECT_STR(free_text(s, 0, 6, MT_MOVABLE), "448");
	EXPECT_STR(free_text(s, 0, 5, MT_MOVABLE), "32 256 416");
	EXPECT_STR(free_text(s, 0, 4, MT_MOVABLE), "16 304 400");
	EXPECT_STR(free_text(s, 0, 3, MT_MOVABLE), "288"); /* 288..300: 8 and 4 */
	EXPECT_STR(free_text(s, 0, 2, MT_MOVABLE), "296");
	EXPECT_EQ(s->state->counters[LB_COUNT_PGFREE], 0);
	/* then what is there, and then exactly one section */
	EXPECT_EQ(take(s, MOVABLE_NOWAIT, 6), 448);
	EXPECT_EQ(first_deferred(s, 0), 512);
	EXPECT_EQ(take(s, MOVABLE_NOWAIT, 6), 512);
	EXPECT_EQ(first_deferred(s, 0), 640);
	shadow_destroy(s);
}

TEST(pageblocks_become_movable_where_their_first_frame_is_freed)
{
	struct shadow *s = fresh();

	take_what_boot_has(s);
	take(s, MOVABLE_NOWAIT, 6);
	for (unsigned int b = 16; b < 64; b++)
		EXPECT_EQ(s->types[b], b < 32 && b != 24 ? MT_MOVABLE : MT_UNMOVABLE);
	shadow_destroy(s);
}

TEST(a_pageblock_whose_first_frame_is_reserved_stays_unmovable)
{
	static const struct machine_range first = { .start = 640, .end = 641 };
	struct machine m = deferred_machine();
	struct shadow *s = booted(&m, &first, 1);

	EXPECT_EQ(deferred_init(s, 0).outcome, LB_DONE);
	EXPECT_EQ(s->types[40], MT_UNMOVABLE);
	EXPECT_EQ(s->types[41], MT_MOVABLE);
	EXPECT_STR(free_text(s, 0, 3, MT_UNMOVABLE), "8 648"); /* block 0 begins with pfn 0 */
	EXPECT_STR(free_text(s, 0, 0, MT_UNMOVABLE), "1 641");
	shadow_destroy(s);
}

TEST(deferred_init_frees_the_rest)
{
	struct shadow *s = fresh();
	struct lb_result r;

	take_what_boot_has(s);
	EXPECT_EQ(deferred_init(s, 0).outcome, LB_DONE);
	EXPECT(first_deferred(s, 0) == NO_PFN);
	EXPECT_EQ(s->zones[0].managed, 1003);
	EXPECT_EQ(shadow_free_exact(s, s->zones), 1003 - 3 * 64);
	EXPECT_EQ(listed_pages(s, s->zones), 1003 - 3 * 64);
	EXPECT_EQ(deferred_init(s, 0).outcome, LB_DONE);
	EXPECT_EQ(s->zones[0].managed, 1003);
	r = deferred_init(s, NODE_NONE);
	EXPECT_EQ(r.outcome, LB_REFUSED);
	EXPECT_EQ(r.reason, LB_BAD_RANGE);
	shadow_destroy(s);
}

/* What is there in the end is what is there at once on a machine that defers nothing. */
TEST(in_the_end_all_is_free_that_would_have_been)
{
	struct machine m = deferred_machine();
	struct shadow *later = booted(&m, reserved, 2), *at_once;

	m.deferred = 0;
	at_once = booted(&m, reserved, 2);
	deferred_init(later, 0);
	EXPECT_EQ(later->zones[0].managed, at_once->zones[0].managed);
	EXPECT_EQ(shadow_free_exact(later, later->zones), at_once->zones[0].free);
	for (unsigned int o = 0; o <= later->top_order; o++)
		for (unsigned int type = 0; type < NR_PCP_TYPES; type++) {
			char text[4096];

			snprintf(text, sizeof(text), "%s", free_text(later, 0, o, type));
			EXPECT_STR(free_text(at_once, 0, o, type), text);
		}
	shadow_destroy(later);
	shadow_destroy(at_once);
}

TEST(from_nmi_nothing_is_initialised)
{
	struct shadow *s = fresh();
	struct lb_result r = run(s, (struct lb_call){ .op = OP_DEFERRED_INIT, .level = LEVEL_NMI });

	EXPECT_EQ(r.outcome, LB_REFUSED);
	EXPECT_EQ(r.reason, LB_BAD_CONTEXT);
	EXPECT_EQ(first_deferred(s, 0), 256);
	shadow_destroy(s);
}

/* Free pages are counted by the CPU that runs: threshold 2 here, so that single frames show. */
TEST(single_frames_that_are_freed_stay_with_the_cpu_for_a_while)
{
	static const struct machine_range rest = { .start = 257, .end = 1024 };
	struct machine m = deferred_machine();
	struct shadow *s = booted(&m, &rest, 1);

	EXPECT_EQ(s->zones[0].threshold, 2);
	EXPECT_EQ(deferred_init(s, 0).outcome, LB_DONE);
	EXPECT_EQ(s->zones[0].free, 255);
	EXPECT_EQ(s->stats[0].delta, 1);
	EXPECT_EQ(s->zones[0].managed, 256);
	shadow_destroy(s);
}

/* 256 and on: 16 frames at once are beyond the threshold; 8 and 8 singles leave 16 mod 3 with the CPU. */
TEST(a_pageblock_that_is_half_mirrored_is_freed_frame_by_frame)
{
	static const struct machine_range rest = { .start = 272, .end = 1024 };
	struct machine m = deferred_machine();
	struct shadow *s = booted(&m, &rest, 1);

	deferred_init(s, 0);
	EXPECT_EQ(s->zones[0].free, 271);
	EXPECT_EQ(s->stats[0].delta, 0);
	shadow_destroy(s);
	m.nr_memory = 2;
	m.memory[0] = (struct machine_range){ .start = 1, .end = 264, .mirror = 1 };
	m.memory[1] = (struct machine_range){ .start = 264, .end = 1024 };
	s = booted(&m, &rest, 1);
	deferred_init(s, 0);
	EXPECT_EQ(s->zones[0].free, 270);
	EXPECT_EQ(s->stats[0].delta, 1);
	shadow_destroy(s);
}

/* ---- In the walk over the zonelist ---- */

TEST(a_zone_without_free_memory_behind_it_says_once_that_it_grew)
{
	static const struct machine_range all = { .start = 256, .end = 1024 };
	struct machine m = deferred_machine();
	struct shadow *s = booted(&m, &all, 1);
	struct lb_result r;

	take_what_boot_has(s);
	r = run(s, alloc_call(MOVABLE_NOWAIT, 6));
	EXPECT_EQ(r.outcome, LB_NULL);
	EXPECT_EQ(r.reason, LB_NO_WATERMARK); /* of the last walk, when it does not grow any more */
	EXPECT(first_deferred(s, 0) == NO_PFN);
	EXPECT_EQ(s->zones[0].managed, 255);
	shadow_destroy(s);
}

/* Which is enough to be tried without its mark, once. */
TEST(a_zone_that_says_it_grew_is_tried_once)
{
	static const struct machine_range all = { .start = 256, .end = 1024 };
	struct machine m = deferred_machine();
	struct shadow *s = booted(&m, &all, 1);

	for (unsigned int i = 0; i < 3; i++)
		s->zones[0].mark[i] = 100000;
	EXPECT_EQ(take(s, MOVABLE_NOWAIT, 5), 32);
	EXPECT_EQ(take(s, MOVABLE_NOWAIT, 5), -1);
	shadow_destroy(s);
}

TEST(a_zone_whose_mark_passes_does_not_grow)
{
	struct shadow *s = fresh();

	take(s, MOVABLE_NOWAIT, 0);
	take(s, MOVABLE_NOWAIT, 5);
	take(s, GFP_KERNEL, 3);
	EXPECT_EQ(first_deferred(s, 0), 256);
	shadow_destroy(s);
}

/* Not asked about its mark again: 236 pages more are not enough, and it gives a page all the same. */
TEST(a_zone_that_grew_is_taken_from_whatever_its_mark)
{
	struct shadow *s = fresh();
	int64_t pfn;

	for (unsigned int i = 0; i < 3; i++)
		s->zones[0].mark[i] = 100000;
	pfn = take(s, MOVABLE_NOWAIT, 5);
	EXPECT_EQ(pfn, 32); /* the first of its list: what came stands behind it */
	EXPECT_EQ(first_deferred(s, 0), 512);
	shadow_destroy(s);
}

/* Mark passed, no block on a list it may take from: it grows, and is tried again. */
TEST(a_zone_that_has_no_block_is_tried_again_as_long_as_it_grows)
{
	struct shadow *s = fresh();

	take_what_boot_has(s);
	/* counted as free, and on no list: as if other CPUs' page lists held it */
	s->zones[0].free = 10000;
	while (shadow_buddy_take_smallest(s, s->zones, 0, MT_MOVABLE) != NIL)
		;
	while (shadow_buddy_take_smallest(s, s->zones, 0, MT_UNMOVABLE) != NIL)
		;
	EXPECT_EQ(take(s, MOVABLE_NOWAIT, 0), 296); /* of the smallest block, 4 pages */
	EXPECT_EQ(first_deferred(s, 0), 512);
	shadow_destroy(s);
}

/* Node 1 is full. Its request may use reserves, and then looks at node 0 too, whose mark is out of reach. */
TEST(who_may_ignore_marks_makes_a_zone_grow_too)
{
	struct machine m = deferred_machine();
	struct lb_call call = alloc_call(MOVABLE_NOWAIT | GFP_MEMALLOC, 5);
	struct shadow *s;

	m.nr_nodes = 2;
	m.distance[0][1] = m.distance[1][0] = 20;
	m.distance[1][1] = 10;
	m.nr_memory = 2;
	m.memory[1] = (struct machine_range){ .start = 1024, .end = 1024 + 64, .node = 1 };
	m.max_pfn = 1024 + 64;
	s = booted(&m, reserved, 2);
	for (unsigned int zone = 0; zone < 2; zone++)
		for (unsigned int i = 0; i < 3; i++)
			s->zones[zone].mark[i] = 100000;
	call.nodemask = 0x2;
	EXPECT_EQ(run(s, call).pfn, 32);
	EXPECT_EQ(first_deferred(s, 0), 512);
	shadow_destroy(s);
}

/* A zone below the node's last one has nothing to grow by. */
TEST(only_the_last_zone_grows)
{
	struct machine m = deferred_machine();
	struct lb_call call;
	struct shadow *s;

	m.dma32_end = 128;
	s = booted(&m, reserved, 2);
	EXPECT_EQ(first_deferred(s, 0), 256); /* 128..256 are 128 pages, 256 is the 129th */
	call = alloc_call(MOVABLE_NOWAIT | GFP_DMA32, 6);
	EXPECT_EQ(run(s, call).outcome, LB_BLOCK);
	EXPECT_EQ(run(s, call).outcome, LB_NULL);
	EXPECT_EQ(first_deferred(s, 0), 256);
	shadow_destroy(s);
}

/* ---- Exported, adopted, rewound ---- */

static struct section deferred_section(const uint64_t *words)
{
	struct section section;

	section_find(&words, LB_STATE_DEFERRED, &section);
	return section;
}

TEST(the_export_names_each_nodes_first_deferred_pfn)
{
	struct machine m = bare_machine(256);
	struct shadow *s = fresh(), *plain = booted(&m, NULL, 0);
	struct section section = deferred_section(shadow_words(s));

	EXPECT_EQ(section.n, 2);
	EXPECT_EQ(section.words[0], 0);
	EXPECT_EQ(section.words[1], 256);
	deferred_init(s, 0);
	EXPECT(deferred_section(shadow_words(s)).words[1] == UINT64_MAX);
	EXPECT_EQ(deferred_section(shadow_words(plain)).type, LB_STATE_END);
	shadow_destroy(s);
	shadow_destroy(plain);
}

TEST(a_rewind_defers_again_what_was_freed)
{
	struct shadow *s = fresh();

	take_what_boot_has(s);
	take(s, MOVABLE_NOWAIT, 6);
	shadow_rewind(s);
	EXPECT_EQ(s->zones[0].managed, 255);
	take_what_boot_has(s);
	EXPECT_EQ(take(s, MOVABLE_NOWAIT, 6), 320);
	shadow_destroy(s);
}

/* Random programs on two nodes with deferred memory and one absent; b adopts what a became, and goes on. */
static struct machine machine_for_programs(uint32_t profile)
{
	struct machine m = deferred_machine();

	m.profile = profile;
	m.nr_nodes = 3;
	m.nr_cpus = 2;
	m.cpu_node[1] = 2;
	m.absent_nodes = 0x2;
	m.dma_end = 64;
	m.dma32_end = 128;
	m.min_free_kbytes = 100;
	for (uint32_t a = 0; a < 3; a++)
		for (uint32_t b = 0; b < 3; b++)
			m.distance[a][b] = a == b ? 10 : 20;
	m.nr_memory = 2;
	m.memory[0].end = 512;
	m.memory[1] = (struct machine_range){ .start = 512, .end = 1024, .node = 2 };
	return m;
}

struct pair {
	struct shadow *a, *b;
	struct verdict v;
};

static bool step_both(struct pair *p, const struct lb_call *call, struct lb_result *r, bool adopted)
{
	shadow_exec(p->a, call, r);
	return !adopted || shadow_step(p->b, call, r, p->a->bulk, &p->v);
}

static bool run_program(const struct program *program, uint32_t from, bool *grew)
{
	struct pair p = { booted(&program->machine, reserved, 2),
			  booted(&program->machine, reserved, 2),
			  { 0 } };
	struct held *held = nothing_held(program);
	struct lb_call call, init = { .op = OP_DEFERRED_INIT };
	struct lb_result r;
	bool same = true;

	for (uint32_t i = 0; i < program->nr_ops && same; i++) {
		if (i == from) {
			same = shadow_adopt(p.b, shadow_words(p.a), &p.v);
			shadow_copy_references(p.b, p.a);
		}
		init.node = (int32_t)(i / 90 % 3);
		if (i % 90 == 89)
			same = step_both(&p, &init, &r, i >= from);
		if (!resolve(program, &program->ops[i], held, &call))
			continue;
		same = same && step_both(&p, &call, &r, i >= from);
		*grew |= i < 89 && first_deferred(p.a, 0) != 256;
		follow(&program->ops[i], &r, p.a->bulk, held);
	}
	same = same &&
	       (program->nr_ops <= from || shadow_compare(p.b, shadow_words(p.a), false, &p.v));
	if (!EXPECT(same))
		fprintf(stderr, "  %s: %s\n", rule_info[p.v.rule].id, p.v.what);
	free(held);
	shadow_destroy(p.a);
	shadow_destroy(p.b);
	return same;
}

TEST(an_adopted_state_predicts_the_rest_while_memory_is_deferred)
{
	bool grew = false;

	for (uint32_t profile = 0; profile < PROFILE_COUNT; profile++) {
		const struct machine m = machine_for_programs(profile);
		const struct generator_options options = { .seed = 47,
							   .nr_ops = 200,
							   .machine = &m,
							   .misuse = true,
							   .capabilities = predicted_operations };
		struct generator *g = generator_create(&options);
		struct program program;

		program_init(&program);
		for (uint32_t i = 0; i < 100; i++)
			if (!EXPECT(generator_next(g, &program)) ||
			    !run_program(&program, i * 2, &grew))
				break;
		program_free(&program);
		generator_destroy(g);
	}
	EXPECT(grew);
}

TEST(a_state_with_another_beginning_is_not_adopted)
{
	static uint64_t words[1 << 14];
	struct shadow *s = fresh(), *b = fresh();
	uint64_t *section;
	struct verdict v;

	EXPECT(shadow_export(s, words, 1 << 14) < 1 << 14);
	section = words + (deferred_section(words).words - words);
	section[1] = 128; /* below what boot left */
	EXPECT(!shadow_adopt(b, words, &v));
	section[1] = 256;
	EXPECT(shadow_adopt(b, words, &v));
	section[0] = 1; /* no such node */
	EXPECT(!shadow_adopt(b, words, &v));
	shadow_destroy(s);
	shadow_destroy(b);
}

TEST_MAIN
