/*
 * Targets out of four functions: where they stand on a machine, and the worked example with its
 * first bug.
 */
#include "judge/test/judging.h"

#include "target/simple.h"

/* ---- where frame 0 is ---- */

static struct lb_simple placed(const char *line)
{
	struct lb_simple s = { 0 };
	struct text_error error;
	struct machine m;

	if (!EXPECT(machine_parse_line(&m, line, &error)))
		fprintf(stderr, "  %s\n", error.what);
	s.top_order = m.top_order;
	lb_simple_place(&s, &m);
	return s;
}

/*
 *  0 1        64       128      192      256
 *  - ======================================   memory begins at pfn 1; blocks of 64 pages begin at
 *    64
 */
TEST(the_longest_run_counts_from_its_first_boundary)
{
	struct lb_simple s = placed("pages=256 top_order=6");

	EXPECT_EQ(s.first % 64, 0);
	EXPECT_EQ(s.first, 64);
	EXPECT_EQ(s.first + s.pages, 256);
}

TEST(what_is_reserved_cuts_a_run)
{
	struct machine m;
	struct lb_simple s = { .top_order = 4 };

	machine_default(&m);
	m.nr_memory = 2;
	m.memory[0] = (struct machine_range){ .start = 1, .end = 100 };
	m.memory[1] = (struct machine_range){ .start = 200, .end = 300 };
	m.nr_reserved = 1;
	m.reserved[0] = (struct machine_range){ .start = 90, .end = 250 };
	lb_simple_place(&s, &m);
	EXPECT_EQ(s.first, 16); /* 1 .. 89: 16 .. 89 is longer than 256 .. 299 */
	EXPECT_EQ(s.pages, 74);
}

/*
 *  0     16    32    48    64
 *  ------==========--------        17 .. 43 has no multiple of 64, but 32 is one of 32
 */
TEST(a_run_without_a_large_boundary_counts_from_a_smaller_one)
{
	struct machine m;
	struct lb_simple s = { .top_order = 6 };

	machine_default(&m);
	m.nr_memory = 1;
	m.memory[0] = (struct machine_range){ .start = 17, .end = 44 };
	lb_simple_place(&s, &m);
	EXPECT_EQ(s.first, 32);
	EXPECT_EQ(s.pages, 12);
}

TEST(a_machine_that_is_all_reserved_has_no_place)
{
	struct machine m;
	struct lb_simple s = { .top_order = 6 };

	machine_default(&m);
	m.nr_reserved = 1;
	m.reserved[0] = (struct machine_range){ .start = 1, .end = m.max_pfn };
	lb_simple_place(&s, &m);
	EXPECT_EQ(s.pages, 0);
}

/* ---- plug-ins ---- */

static struct outcome judged_plugin(const char *file, const char *text)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", PLUGINS, file);
	return judged(path, text);
}

/* The program of example/README.md. */
#define FIRST                                                                                      \
	"lostbuddy 1\n"                                                                            \
	"machine pages=512\n"                                                                      \
	"p0 = alloc_page(gfp=KERNEL)\n"                                                            \
	"p1 = alloc_pages(order=2, gfp=KERNEL)\n"                                                  \
	"__free_pages(p0)\n"                                                                       \
	"__free_pages(p1)\n"

TEST(the_example_is_clean)
{
	struct outcome o = judged_plugin("mine.so", FIRST);

	expect_finding(&o, "");
	EXPECT_EQ(o.executed, 4);
}

TEST(the_first_bug_of_the_example_is_a_lost_buddy)
{
	struct outcome o = judged_plugin("mine_unmerging.so", FIRST);

	expect_finding(&o, "buddy.unmerged");
	EXPECT_STR(o.verdict.field, "probe.blocks");
}

/* 512 pages, and the largest block has 64: from the first boundary above pfn 0 on, 448 are left. */
TEST(a_report_says_which_pfn_is_frame_0)
{
	static char report[1 << 16];
	struct judge *j = judge_create(given_target(PLUGINS "/mine_unmerging.so"), NULL);
	struct program p;

	if (given_program(&p, FIRST))
		judge_explain(j, &p, report, sizeof(report));
	EXPECT(strstr(report, "The allocator's frame 0 is pfn 64; it has 448 frames.\n") != NULL);
	program_free(&p);
	judge_destroy(j);
}

static void expect_clean_when_generated(const char *file)
{
	char path[512];
	struct outcome o;
	struct program p;

	snprintf(path, sizeof(path), "%s/%s", PLUGINS, file);

	const struct lb_target *target = given_target(path);
	struct generator *g = generator_create(
		&(struct generator_options){ .seed = 5, .capabilities = target->capabilities });
	struct judge *j = judge_create(target, NULL);

	program_init(&p);
	for (unsigned int i = 0; i < 300; i++) {
		bool clean = EXPECT(generator_next(g, &p)) && judge_run(j, &p, &o);

		if (!EXPECT(clean)) {
			fprintf(stderr, "  program %u, operation %u: %s %s\n", i, o.op, o.signature,
				o.verdict.what);
			break;
		}
	}
	program_free(&p);
	judge_destroy(j);
	generator_destroy(g);
}

TEST(generated_programs_find_nothing_in_the_example)
{
	expect_clean_when_generated("mine.so");
}

TEST(an_allocator_of_addresses_is_clean_and_its_memory_is_looked_at)
{
	const char *text =
		"lostbuddy 1\nmachine pages=512\n"
		"p0 = alloc_page(gfp=KERNEL)\n"
		"p1 = alloc_pages(order=1, gfp=KERNEL)\n" /* it knows single pages only */
		"fill(p0, value=3)\n"
		"verify(p0)\n"
		"__free_pages(p0)\n"
		"p2 = get_zeroed_page(gfp=KERNEL)\n"
		"p3 = alloc_pages(order=15, gfp=KERNEL)\n";
	struct outcome o = judged_plugin("by_address.so", text);

	expect_finding(&o, "");
	EXPECT_EQ(o.executed, 7);
}

TEST_MAIN
