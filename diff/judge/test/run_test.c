/* Runs: what is carried out, what is counted, what a digest and a signature depend on. */
#include "judging.h"

/* ---- no-ops and counts ---- */

TEST(an_operation_is_carried_out_or_a_no_op)
{
	struct outcome o =
		judged("broken:correct", MACHINE
		       "p0 = alloc_pages(order=1, gfp=KERNEL)\n"
		       "nop()\n"				  /* no-op */
		       "get_page(p0)\n"				  /* no-op: this target cannot */
		       "p1 = alloc_pages(order=15, gfp=KERNEL)\n" /* fails: p1 is dead */
		       "__free_pages(p1)\n"			  /* no-op */
		       "__free_pages(p0)\n" /* its last reference, since get_page was not done */
		       "__free_pages(p0)\n" /* no-op */
		       "check()\n");

	expect_finding(&o, "");
	EXPECT_EQ(o.executed, 4);
	EXPECT_EQ(o.no_ops, 4);
}

TEST(an_empty_program_is_clean)
{
	struct outcome o = judged("broken:correct", MACHINE);

	expect_finding(&o, "");
	EXPECT_EQ(o.executed, 0);
}

/*
 * A dead handle whose page begins another block is not freed a second time: that would be the first
 * free of the other.
 */
TEST(a_second_free_of_a_page_that_lives_again_is_a_no_op)
{
	struct outcome o =
		judged("broken:correct", MACHINE
		       "p0 = alloc_page(gfp=KERNEL)\n"
		       "__free_pages(p0)\n"
		       "p1 = alloc_page(gfp=KERNEL)\n" /* the same page: last freed, first given */
		       "double_free(p0)\n"
		       "__free_pages(p1)\n"
		       "double_free(p0)\n");

	expect_finding(&o, "");
	EXPECT_EQ(o.no_ops, 1);
}

/*
 * The target below splits but takes no extra references, so it would split what the program
 * believes shared.
 */
static void exec_and_split(void *instance, const struct lb_call *call, struct lb_result *result)
{
	if (EXPECT(call->op != OP_SPLIT_PAGE))
		given_target("broken:correct")->exec(instance, call, result);
}

TEST(a_split_whose_parts_have_no_names_is_a_no_op)
{
	struct lb_target target = *given_target("broken:correct");
	struct outcome o;

	target.capabilities |= JUDGE_BIT(OP_SPLIT_PAGE);
	target.exec = exec_and_split;
	o = judged_with(&target, NULL,
			MACHINE "p0 = alloc_pages(order=2, gfp=KERNEL)\n"
				"get_page(p0)\n"
				"split_page(p0)\n");
	expect_finding(&o, "");
	EXPECT_EQ(o.no_ops, 2);
}

/* ---- digest ---- */

#define SOME                                                                                       \
	MACHINE                                                                                    \
	"p0 = alloc_pages(order=3, gfp=KERNEL|ZERO)\n"                                             \
	"p1 = alloc_page(gfp=KERNEL)\n"                                                            \
	"__free_pages(p0)\n"                                                                       \
	"p2 = alloc_page(gfp=KERNEL)\n"

TEST(two_runs_in_fresh_judges_have_one_digest)
{
	struct outcome a = judged("broken:correct", SOME), b = judged("broken:correct", SOME);

	EXPECT(a.digest != 0);
	EXPECT_EQ(a.digest, b.digest);
}

TEST(a_judge_that_ran_something_else_before_gives_the_same_digest)
{
	struct judge *j = judge_create(given_target("broken:correct"), NULL);
	struct outcome alone = judged("broken:correct", SOME), before, after;
	struct program some, other;

	if (given_program(&some, SOME) &&
	    given_program(&other, MACHINE "p0 = alloc_pages(order=5, gfp=KERNEL)\n")) {
		judge_run(j, &other, &before);
		judge_run(j, &some, &after);
		EXPECT(before.digest != after.digest);
		EXPECT_EQ(after.digest, alone.digest);
	}
	program_free(&some);
	program_free(&other);
	judge_destroy(j);
}

TEST(a_supervised_run_has_the_same_digest)
{
	const struct judge_options supervised = { .supervised = true };
	struct outcome here = judged("broken:correct", SOME);
	struct outcome there = judged_with(given_target("broken:correct"), &supervised, SOME);

	expect_finding(&there, "");
	EXPECT_EQ(there.digest, here.digest);
	EXPECT_EQ(there.executed, here.executed);
}

TEST(one_changed_result_changes_the_digest)
{
	struct outcome a = judged("broken:correct", MACHINE "p0 = alloc_page(gfp=KERNEL)\n");
	struct outcome b = judged("broken:misaligns", MACHINE "p0 = alloc_page(gfp=KERNEL)\n");
	struct outcome c = judged("broken:correct", MACHINE "p0 = alloc_page(gfp=ATOMIC)\n");

	EXPECT_EQ(a.digest, b.digest); /* the fault acts on larger blocks only */
	EXPECT(a.digest != c.digest);
}

/* ---- signature ---- */

TEST(two_programs_that_show_one_bug_have_one_signature)
{
	struct outcome a = judged("broken:overlaps", MACHINE "p0 = alloc_page(gfp=KERNEL)\n"
							     "p1 = alloc_page(gfp=KERNEL)\n"
							     "p2 = alloc_page(gfp=KERNEL)\n");
	struct outcome b =
		judged("broken:overlaps", MACHINE "p0 = alloc_pages(order=4, gfp=KERNEL)\n"
						  "check()\n"
						  "p1 = __get_free_pages(order=0, gfp=ATOMIC)\n"
						  "__free_pages(p0)\n"
						  "p2 = get_zeroed_page(gfp=KERNEL)\n"
						  "p3 = alloc_page(gfp=KERNEL)\n");

	expect_finding(&a, "contract.overlap");
	EXPECT_EQ(a.op, 2);
	EXPECT_EQ(b.op, 4);
	EXPECT_STR(a.signature, b.signature);
}

TEST(different_bugs_have_different_signatures)
{
	const char *text = MACHINE "p0 = alloc_page(gfp=KERNEL)\n"
				   "p1 = alloc_page(gfp=KERNEL)\n"
				   "p2 = alloc_page(gfp=KERNEL)\n"
				   "__free_pages(p0)\n"
				   "__free_pages(p1)\n"
				   "__free_pages(p2)\n";
	struct outcome a = judged("broken:overlaps", text), b = judged("broken:leaks", text);
	struct outcome c = judged("broken:loses-buddies", text), d = judged("broken:crashes", text);

	EXPECT(strcmp(a.signature, b.signature) != 0);
	EXPECT(strcmp(b.signature, c.signature) != 0);
	EXPECT(strcmp(c.signature, d.signature) != 0);
	EXPECT_STR(d.signature, "target.crash SIGABRT free");
}

/*
 * States are compared after 1, 2, 4 and 8 operations; the lie begins with operation 4, so 8 sees
 * it.
 */
TEST(a_difference_of_states_is_named_where_it_began)
{
	struct outcome a =
		judged("broken:core-miscounts", MACHINE "p0 = alloc_page(gfp=KERNEL)\n"
							"p1 = alloc_pages(order=4, gfp=KERNEL)\n"
							"p2 = alloc_page(gfp=KERNEL)\n"
							"p3 = alloc_page(gfp=KERNEL)\n"
							"__free_pages(p0)\n"
							"p4 = alloc_page(gfp=KERNEL)\n"
							"p5 = alloc_page(gfp=KERNEL)\n"
							"advance(value=1)\n");
	struct outcome b =
		judged("broken:core-miscounts", MACHINE "p0 = alloc_pages(order=5, gfp=KERNEL)\n"
							"advance(value=1)\n"
							"free_pages(p0)\n"
							"p1 = alloc_page(gfp=KERNEL)\n");

	EXPECT_EQ(a.kind, FINDING_RULE);
	EXPECT_EQ(a.op, 4);
	EXPECT_EQ(b.op, 2);
	EXPECT_STR(a.signature, b.signature);
	EXPECT_EQ(a.executed, 8); /* of the run as it was, not of the search */
}

/* A lie that begins with the last frees, of the judge's own at the end. */
TEST(a_difference_at_the_end_has_the_same_signature)
{
	struct outcome a = judged("broken:core-miscounts",
				  MACHINE "p0 = alloc_page(gfp=KERNEL)\n__free_pages(p0)\n");
	struct outcome b = judged("broken:core-miscounts", MACHINE "p0 = alloc_page(gfp=KERNEL)\n");

	EXPECT_EQ(a.op, 1);
	EXPECT_EQ(b.op, 1); /* the end */
	EXPECT_STR(a.signature, b.signature);
}

TEST(after_a_dump_the_reference_allocator_is_clean_still)
{
	struct outcome o = judged("core", MACHINE "p0 = alloc_pages(order=2, gfp=KERNEL)\n"
						  "p1 = alloc_page(gfp=KERNEL)\n"
						  "__free_pages(p1)\n"
						  "dump()\n"
						  "p2 = alloc_page(gfp=KERNEL)\n"
						  "get_page(p0)\n"
						  "__free_pages(p0)\n" /* the upper halves go */
						  "check()\n"
						  "p3 = alloc_pages(order=3, gfp=KERNEL|ZERO)\n"
						  "p4..p11 = split_page(p3)\n"
						  "dump()\n");

	expect_finding(&o, "");
	EXPECT_EQ(o.no_ops, 0);
	EXPECT(o.comparisons >= 7); /* 1, 2, 4, dump, 8, check, dump, and twice at the end */
}

/* ---- the cache of pairs ---- */

struct counted {
	unsigned int created, destroyed, reset;
};
static struct counted counted; /* of the target below, which wraps broken:correct */

static const struct lb_target *correct(void)
{
	return given_target("broken:correct");
}

static void *count_create(const struct machine *m, char *error)
{
	counted.created++;
	return correct()->create(m, error);
}

static void count_destroy(void *instance)
{
	counted.destroyed++;
	correct()->destroy(instance);
}

static bool count_reset(void *instance)
{
	counted.reset++;
	return correct()->reset(instance);
}

static void run_on_machine(struct judge *j, unsigned int pages)
{
	char text[128];
	struct outcome o;
	struct program p;

	snprintf(text, sizeof(text), "lostbuddy 1\nmachine pages=%u\np0 = alloc_page(gfp=KERNEL)\n",
		 pages);
	if (given_program(&p, text))
		EXPECT(judge_run(j, &p, &o));
	program_free(&p);
}

TEST(the_least_recently_used_machine_goes_first)
{
	const struct judge_options two = { .cached_machines = 2, .no_oracle = true };
	struct lb_target target = *correct();

	target.create = count_create;
	target.destroy = count_destroy;
	target.reset = count_reset;
	counted = (struct counted){ 0 };

	struct judge *j = judge_create(&target, &two);

	run_on_machine(j, 256);
	run_on_machine(j, 512);
	run_on_machine(j, 256); /* known */
	EXPECT_EQ(counted.created, 2);
	EXPECT_EQ(counted.reset, 1);
	run_on_machine(j, 1024); /* 512 goes */
	EXPECT_EQ(counted.destroyed, 1);
	run_on_machine(j, 256); /* still known */
	EXPECT_EQ(counted.created, 3);
	run_on_machine(j, 512);
	EXPECT_EQ(counted.created, 4);
	judge_destroy(j);
	EXPECT_EQ(counted.created, counted.destroyed);
}

TEST(a_target_of_one_instance_has_never_two)
{
	struct lb_target target = *correct();
	struct judge *j;

	target.create = count_create;
	target.destroy = count_destroy;
	target.reset = NULL;
	target.flags |= LB_TARGET_ONE_INSTANCE;
	counted = (struct counted){ 0 };
	j = judge_create(&target, NULL);
	run_on_machine(j, 256);
	EXPECT(counted.created - counted.destroyed == 1);
	run_on_machine(j, 512);
	EXPECT(counted.created - counted.destroyed == 1);
	run_on_machine(j, 256);
	EXPECT(counted.created - counted.destroyed == 1);
	judge_destroy(j);
	EXPECT_EQ(counted.created, counted.destroyed);
}

static void *no_create(const struct machine *m, char *error)
{
	(void)m;
	snprintf(error, TARGET_ERROR_SIZE, "this machine has no moon");
	return NULL;
}

TEST(a_target_that_does_not_start_is_a_finding_with_its_reason)
{
	struct lb_target target = *correct();
	struct outcome o;

	target.create = no_create;
	o = judged_with(&target, NULL, MACHINE "nop()\n");
	expect_finding(&o, "target.create");
	EXPECT(strstr(o.verdict.what, "no moon"));
}

/* ---- states that a target gives ---- */

/* The reference allocator, whose state has the size that size_of makes of the true one. */
static size_t (*size_of)(size_t size);
static unsigned int exports;

static size_t export_some(void *instance, uint64_t *words, size_t capacity)
{
	exports++;
	return size_of(given_target("core")->export_state(instance, words, capacity));
}

static size_t more_than_there_is_room_for(size_t size)
{
	return size | (size_t)1 << 60;
}

static size_t nothing(size_t size)
{
	return size - size;
}

/* The judge asks twice at boot: for room, and with it. */
static size_t nothing_after_boot(size_t size)
{
	return exports > 2 ? 0 : size;
}

static size_t one_word_less(size_t size)
{
	return size - 1;
}

TEST(a_state_that_cannot_be_read_is_a_finding)
{
	size_t (*const sizes[])(size_t) = { more_than_there_is_room_for, nothing,
					    nothing_after_boot, one_word_less };
	struct lb_target target = *given_target("core");

	target.export_state = export_some;
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct outcome o;

		exports = 0;
		size_of = sizes[i];
		o = judged_with(&target, NULL, MACHINE "p0 = alloc_page(gfp=KERNEL)\ndump()\n");
		expect_finding(&o, "state.sections");
		EXPECT(o.verdict.what[0]);
	}
}

TEST(an_overlap_names_the_handle_that_holds_the_frame)
{
	struct outcome o = judged("broken:overlaps", MACHINE "p0 = alloc_page(gfp=KERNEL)\n"
							     "p1 = alloc_page(gfp=KERNEL)\n"
							     "p2 = alloc_page(gfp=KERNEL)\n");

	expect_finding(&o, "contract.overlap");
	EXPECT(strstr(o.verdict.what, "holds, as p1"));
}

/* Memory of one run must not be seen by the next. */
TEST(a_run_begins_with_zeroed_memory)
{
	struct judge *j = judge_create(correct(), NULL);
	struct outcome o;
	struct program p;

	if (given_program(&p,
			  MACHINE "p0 = alloc_pages(order=4, gfp=KERNEL)\nfill(p0, value=7)\n")) {
		EXPECT(judge_run(j, &p, &o));

		const uint8_t *memory = correct()->memory(j->pairs[0]->instance, 0);
		size_t dirty = 0;

		for (size_t i = 0; i < p.machine.max_pfn * JUDGE_PAGE_BYTES; i++)
			dirty += memory[i] != 0;
		EXPECT_EQ(dirty, 0);
	}
	program_free(&p);
	judge_destroy(j);
}

/* broken:leaks forgets the third block that is freed. */
TEST(a_leak_names_the_frames_and_who_had_them_last)
{
	struct outcome o =
		judged("broken:leaks", MACHINE "p0 = alloc_pages(order=2, gfp=KERNEL)\n"
					       "p1 = alloc_pages(order=2, gfp=KERNEL)\n"
					       "p2 = alloc_pages(order=2, gfp=KERNEL)\n"
					       "p3 = alloc_pages(order=2, gfp=KERNEL)\n");
	char expect[128];
	unsigned long long pfn = o.verdict.pfn;

	expect_finding(&o, "contract.leak");
	EXPECT(pfn % 4 == 0 && pfn < 512);
	snprintf(expect, sizeof(expect),
		 "4 of 511 pages cannot be had any more: pfn %llu..%llu; the last that had pfn "
		 "%llu is p2",
		 pfn, pfn + 3, pfn);
	if (!EXPECT(strstr(o.verdict.what, expect)))
		fprintf(stderr, "  %s\n  and not %s\n", o.verdict.what, expect);
}

TEST_MAIN
