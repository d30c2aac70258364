/* Where a program leads: what a digest depends on, what it does not, and the handles that moves are about. */
#include "judging.h"

#define TINY                                                                                       \
	"lostbuddy 1\n"                                                                            \
	"machine pages=96 cpus=2 top_order=5 section=32 dma_end=0 dma32_end=0 percpu=0 "           \
	"min_free_kbytes=0 high=4 batch=2\n"

/* Taken from the head of a list, and put back before its head in the opposite order: as after boot. */
#define THERE_AND_BACK                                                                             \
	TINY "p0 = alloc_pages(order=4, gfp=HIGHUSER_MOVABLE)\n"                                   \
	     "p1 = alloc_pages(order=4, gfp=HIGHUSER_MOVABLE)\n"                                   \
	     "__free_pages(p1)\n"                                                                  \
	     "__free_pages(p0)\n"

static struct reached reached_by(const char *target, const struct reach *how, const char *text)
{
	struct reached reached = { 0 };
	struct outcome outcome;
	struct judge *j = judge_create(given_target(target), NULL);
	struct program p;

	if (given_program(&p, text) && !EXPECT(judge_reach(j, &p, how, &reached, &outcome)))
		fprintf(stderr, "  %s: %s\n", outcome.signature, outcome.verdict.what);
	program_free(&p);
	judge_destroy(j);
	return reached;
}

static uint64_t digest_of(const char *text)
{
	const struct reach how = { 0 };

	return reached_by("core", &how, text).digest;
}

static uint64_t digest_with_contents(const char *text)
{
	const struct reach how = { .contents = true };

	return reached_by("core", &how, text).digest;
}

/* ---- what counts ---- */

TEST(two_ways_to_one_state_have_one_digest)
{
	/* there and back leaves the page on the list it came from, where the next one takes it */
	EXPECT_EQ(digest_of(TINY "p0 = alloc_page(gfp=KERNEL)\n"),
		  digest_of(TINY "p0 = alloc_page(gfp=KERNEL)\n"
				 "__free_pages(p0)\n"
				 "p1 = alloc_page(gfp=KERNEL)\n"));
	/* a reference taken and put back */
	EXPECT_EQ(digest_of(TINY "p0 = alloc_page(gfp=KERNEL)\n"),
		  digest_of(TINY "p0 = alloc_page(gfp=KERNEL)\nget_page(p0)\nput_page(p0)\n"));
	EXPECT_EQ(digest_of(TINY), digest_of(THERE_AND_BACK));
}

/* Each pair differs in one thing only, which some later operation can tell. */
TEST(whatever_decides_the_future_makes_a_digest)
{
	static const char *const pairs[][2] = {
		/* references */
		{ "p0 = alloc_page(gfp=KERNEL)\n", "p0 = alloc_page(gfp=KERNEL)\nget_page(p0)\n" },
		/* compound or not */
		{ "p0 = alloc_pages(order=1, gfp=KERNEL)\n",
		  "p0 = alloc_pages(order=1, gfp=KERNEL|COMP)\n" },
		/* one block or two pages */
		{ "p0 = alloc_pages(order=1, gfp=KERNEL)\n",
		  "p0 = alloc_pages(order=1, gfp=KERNEL)\np1..p2 = split_page(p0)\n" },
		/* the order on a page list */
		{ "p0 = alloc_page(gfp=KERNEL)\np1 = alloc_page(gfp=KERNEL)\n"
		  "__free_pages(p0)\n__free_pages(p1)\n",
		  "p0 = alloc_page(gfp=KERNEL)\np1 = alloc_page(gfp=KERNEL)\n"
		  "__free_pages(p1)\n__free_pages(p0)\n" },
		/* whose page list */
		{ "p0 = alloc_page(gfp=KERNEL)\n__free_pages(p0) @cpu0\n",
		  "p0 = alloc_page(gfp=KERNEL)\n__free_pages(p0) @cpu1\n" },
		/* which of two handles is the older one: frames are the same */
		{ "p0 = alloc_page(gfp=KERNEL)\np1 = alloc_page(gfp=KERNEL)\n",
		  "p0 = alloc_page(gfp=KERNEL)\np1 = alloc_page(gfp=KERNEL)\n__free_pages(p0)\n"
		  "p2 = alloc_page(gfp=KERNEL)\n" },
		/* a mark */
		{ "p0 = alloc_page(gfp=KERNEL)\n",
		  "p0 = alloc_page(gfp=KERNEL)\nset_mapcount(p0, page=0, value=1)\n" },
		/* a tunable */
		{ "", "sysctl(name=watermark_boost_factor, value=1)\n" },
		/* time */
		{ "", "advance(value=1)\n" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char a[1024], b[1024];

		snprintf(a, sizeof(a), "%s%s", TINY, pairs[i][0]);
		snprintf(b, sizeof(b), "%s%s", TINY, pairs[i][1]);
		if (!EXPECT(digest_of(a) != digest_of(b)))
			fprintf(stderr, "  pair %zu: %s", i, b);
	}
}

TEST(contents_count_where_they_are_asked_for)
{
	static const char clean[] = TINY "p0 = alloc_pages(order=4, gfp=KERNEL)\n";
	static const char filled[] = TINY "p0 = alloc_pages(order=4, gfp=KERNEL)\n"
					  "fill(p0, value=7)\n";

	EXPECT_EQ(digest_of(clean), digest_of(filled));
	EXPECT(digest_with_contents(clean) != digest_with_contents(filled));
}

TEST(the_handle_for_a_second_free_counts_where_it_is_asked_for)
{
	const struct reach how = { .dead = true };

	EXPECT(reached_by("core", &how, TINY).digest !=
	       reached_by("core", &how, THERE_AND_BACK).digest);
}

TEST(a_target_that_exports_nothing_is_known_by_its_blocks)
{
	const struct reach how = { 0 };
	const char *one = TINY "p0 = alloc_page(gfp=KERNEL)\n";
	const char *two = TINY "p0 = alloc_page(gfp=KERNEL)\np1 = alloc_page(gfp=KERNEL)\n";

	EXPECT(reached_by("broken:correct", &how, one).digest !=
	       reached_by("broken:correct", &how, two).digest);
}

/* ---- mirror images ---- */

#define ON_CPU_0 TINY "p0 = alloc_page(gfp=KERNEL) @cpu0\n__free_pages(p0) @cpu0\n"
#define ON_CPU_1 TINY "p0 = alloc_page(gfp=KERNEL) @cpu1\n__free_pages(p0) @cpu1\n"

TEST(cpus_that_may_change_places_give_one_digest)
{
	const struct reach alike = { .cpus_alike = true };
	struct reached a = reached_by("core", &alike, ON_CPU_0);
	struct reached b = reached_by("core", &alike, ON_CPU_1);

	EXPECT_EQ(a.digest, b.digest);
	EXPECT(a.unmirrored != b.unmirrored);
	EXPECT(a.digest == a.unmirrored || b.digest == b.unmirrored);
	EXPECT(digest_of(ON_CPU_0) != digest_of(ON_CPU_1));
}

TEST(cpus_of_different_nodes_do_not_change_places)
{
	const struct reach alike = { .cpus_alike = true };
	static const char a[] = "lostbuddy 1\nmachine nodes=2 cpus=2 pages=256\n"
				"p0 = alloc_page(gfp=KERNEL) @cpu0\n";
	static const char b[] = "lostbuddy 1\nmachine nodes=2 cpus=2 pages=256\n"
				"p0 = alloc_page(gfp=KERNEL) @cpu1\n";

	EXPECT(reached_by("core", &alike, a).digest != reached_by("core", &alike, b).digest);
}

/* ---- handles ---- */

TEST(handles_at_the_ends_are_named)
{
	const struct reach how = { 0 };
	struct reached r = reached_by("core", &how, TINY);

	EXPECT(r.first == NO_HANDLE && r.last == NO_HANDLE && r.dead == NO_HANDLE);
	EXPECT_EQ(r.result.outcome, JUDGE_OP_SKIPPED);
	r = reached_by("core", &how,
		       TINY "p0 = alloc_page(gfp=KERNEL)\n"
			    "p1 = alloc_pages(order=1, gfp=KERNEL)\n"
			    "p2 = alloc_page(gfp=KERNEL)\n"
			    "p3 = alloc_pages(order=9, gfp=KERNEL)\n" /* fails: nobody holds it */
			    "__free_pages(p0)\n");
	EXPECT_EQ(r.first, 1);
	EXPECT_EQ(r.last, 2);
	EXPECT_EQ(r.dead, 0);
	EXPECT_EQ(r.result.outcome, LB_DONE);
}

TEST(a_dead_handle_whose_frame_lives_again_is_none)
{
	const struct reach how = { 0 };
	struct reached r = reached_by("core", &how,
				      TINY "p0 = alloc_page(gfp=KERNEL)\n"
					   "__free_pages(p0)\n"
					   "p1 = alloc_page(gfp=KERNEL)\n");

	EXPECT_EQ(r.dead, NO_HANDLE);
	EXPECT_EQ(r.first, 1);
}

/* ---- what is judged ---- */

static struct outcome reaching(const char *target, bool finish, const char *text)
{
	const struct reach how = { .finish = finish };
	struct reached reached;
	struct outcome outcome = { .kind = FINDING_CREATE };
	struct judge *j = judge_create(given_target(target), NULL);
	struct program p;

	if (given_program(&p, text))
		judge_reach(j, &p, &how, &reached, &outcome);
	program_free(&p);
	judge_destroy(j);
	return outcome;
}

#define THREE_FREES                                                                                \
	TINY "p0 = alloc_page(gfp=KERNEL)\np1 = alloc_page(gfp=KERNEL)\np2 = "                     \
	     "alloc_page(gfp=KERNEL)\n"                                                            \
	     "__free_pages(p0)\n__free_pages(p1)\n__free_pages(p2)\n"

TEST(states_are_compared_after_the_last_operation)
{
	struct outcome o = reaching("broken:core-leaks", false, THREE_FREES);

	expect_finding(&o, "buddy.lost");
	EXPECT_EQ(o.op, 5);
	o = reaching("core", false, THREE_FREES);
	expect_finding(&o, "");
	EXPECT_EQ(o.comparisons, 1);
}

TEST(the_end_is_judged_where_it_is_asked_for)
{
	static const char two[] = TINY "p0 = alloc_page(gfp=KERNEL)\np1 = alloc_page(gfp=KERNEL)\n";
	struct outcome o = reaching("broken:loses-buddies", false, two);

	expect_finding(&o, "");
	o = reaching("broken:loses-buddies", true, two);
	expect_finding(&o, "buddy.unmerged");
}

TEST(a_run_that_stops_half_way_leaves_nothing_behind)
{
	const struct reach how = { 0 };
	struct reached first, again;
	struct outcome outcome;
	struct judge *j = judge_create(given_target("core"), NULL);
	struct program p;

	if (!given_program(&p, TINY "p0 = alloc_pages(order=2, gfp=KERNEL|ZERO)\n"
				    "fill(p0, value=9)\n"))
		return;
	for (int i = 0; i < 3; i++) {
		EXPECT(judge_reach(j, &p, &how, i ? &again : &first, &outcome));
		EXPECT(judge_run(j, &p, &outcome)); /* finds zeroes, and nobody's blocks */
		EXPECT(i == 0 || first.digest == again.digest);
	}
	program_free(&p);
	judge_destroy(j);
}

TEST_MAIN
