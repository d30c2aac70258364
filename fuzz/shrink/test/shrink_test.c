/*
 * The shrinker by made-up predicates: what is left must be what a person would have written.
 */
#include "test.h"

#include <stdlib.h>

#include "shrink/shrink.h"
#include "shrink/shrink_internal.h"

enum { PLENTY = 100000 };

static struct program given(const char *text)
{
	struct text_error error = { 0 };
	struct program p;

	program_init(&p);
	if (!program_parse(&p, text, strlen(text), &error)) {
		fprintf(stderr, "line %u column %u: %s\n", error.line, error.column, error.what);
		abort();
	}
	return p;
}

/* Counts by opcode, and how often the predicate was asked. */
struct wanted {
	uint32_t (*count)(const struct program *p);
	uint32_t at_least;
	uint32_t calls;
};

static bool has_enough(const struct program *p, void *arg)
{
	struct wanted *wanted = arg;
	char why[256];

	wanted->calls++;
	EXPECT(program_check(p, why));
	return wanted->count(p) >= wanted->at_least;
}

static uint32_t count_code(const struct program *p, uint8_t code)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->nr_ops; i++)
		n += p->ops[i].code == code;
	return n;
}

static uint32_t splits_of_order_two(const struct program *p)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->nr_ops; i++)
		n += p->ops[i].code == OP_SPLIT_PAGE && p->ops[i].nr_results >= 4;
	return n;
}

static uint32_t allocations(const struct program *p)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->nr_ops; i++)
		n += op_info[p->ops[i].code].yields == YIELDS_BLOCK;
	return n;
}

static uint32_t shrink_to(struct program *p, struct wanted *wanted, uint32_t failing,
			  uint32_t max_runs)
{
	const struct shrink_task task = { has_enough, wanted, failing, max_runs, false, NULL };

	return shrink_program(p, &task);
}

static void expect_text(const struct program *p, const char *expect)
{
	char text[4096];

	EXPECT(program_print(p, text, sizeof(text)) < sizeof(text));
	EXPECT_STR(text, expect);
}

static const char mixed[] = "lostbuddy 1\n"
			    "machine nodes=2 cpus=4 pages=1024\n"
			    "p0 = alloc_pages(order=3, gfp=KERNEL|ZERO, node=1) @cpu3\n"
			    "nop()\n"
			    "p1 = alloc_page(gfp=ATOMIC) @cpu2/irq\n"
			    "fill(p0, value=7)\n"
			    "p2..p9 = split_page(p0) @cpu1\n"
			    "advance(value=5)\n"
			    "__free_pages(p1)\n"
			    "__free_pages(p4) @cpu2\n"
			    "check()\n";

TEST(what_a_split_depends_on_stays_and_becomes_plain)
{
	struct wanted wanted = { splits_of_order_two, 1, 0 };
	struct program p = given(mixed);

	shrink_to(&p, &wanted, p.nr_ops, PLENTY);
	/*
	 * The order comes down to the least that still splits into four; the machine is the
	 * default one.
	 */
	EXPECT_EQ(p.nr_ops, 2);
	EXPECT_EQ(p.ops[0].code, OP_ALLOC_PAGES);
	EXPECT_EQ(p.ops[0].order, 2);
	EXPECT_EQ(p.ops[0].cpu, 0);
	EXPECT_EQ(p.ops[0].node, NODE_NONE);
	EXPECT_EQ(p.ops[1].code, OP_SPLIT_PAGE);
	EXPECT_EQ(p.machine.nr_nodes, 1);
	EXPECT_EQ(p.machine.nr_cpus, 1);
	program_free(&p);
}

TEST(the_shrunk_text_is_what_a_person_would_write)
{
	struct wanted wanted = { splits_of_order_two, 1, 0 };
	struct program p = given(mixed), plain;
	char text[4096];

	shrink_to(&p, &wanted, p.nr_ops, PLENTY);
	plain = given("lostbuddy 1\nmachine pages=512\np0 = alloc_pages(order=2, "
		      "gfp=KERNEL)\np1..p4 = split_page(p0)\n");
	plain.machine = p.machine;
	program_print(&plain, text, sizeof(text));
	expect_text(&p, text);
	program_free(&plain);
	program_free(&p);
}

TEST(allocations_of_all_kinds_end_as_alloc_pages)
{
	struct wanted wanted = { allocations, 3, 0 };
	struct program p = given("lostbuddy 1\nmachine pages=512\n"
				 "p0 = get_free_page(gfp=ATOMIC)\n"
				 "p1 = __get_free_pages(order=4, gfp=KERNEL)\n"
				 "free_pages(p0)\n"
				 "p2 = get_zeroed_page(gfp=KERNEL) @cpu0/softirq\n"
				 "p3 = alloc_page(gfp=0xdc0)\n");

	shrink_to(&p, &wanted, p.nr_ops, PLENTY);
	EXPECT_EQ(p.nr_ops, 3);
	for (uint32_t i = 0; i < p.nr_ops; i++) {
		EXPECT_EQ(p.ops[i].code, OP_ALLOC_PAGES);
		EXPECT_EQ(p.ops[i].order, 0);
		EXPECT_EQ(p.ops[i].gfp, 0xcc0); /* facts 5: GFP_KERNEL */
		EXPECT_EQ(p.ops[i].level, LEVEL_TASK);
	}
	program_free(&p);
}

TEST(what_comes_after_the_failing_operation_goes_in_one_run)
{
	struct wanted wanted = { splits_of_order_two, 1, 0 };
	struct program p = given(mixed);
	uint32_t runs = shrink_to(&p, &wanted, 4, 1);

	EXPECT_EQ(runs, 1);
	EXPECT_EQ(p.nr_ops, 5);
	EXPECT_EQ(p.ops[4].code, OP_SPLIT_PAGE);
	program_free(&p);
}

static uint32_t even_ticks(const struct program *p)
{
	uint32_t n = count_code(p, OP_ADVANCE);

	return n % 2 == 0 ? n : 0;
}

TEST(pairs_go_where_single_operations_cannot)
{
	struct wanted wanted = { even_ticks, 2, 0 };
	struct program p = given("lostbuddy 1\nmachine pages=512\n"
				 "advance(value=1)\nadvance(value=2)\nadvance(value=3)\n"
				 "advance(value=4)\nadvance(value=5)\nadvance(value=6)\n");

	shrink_to(&p, &wanted, p.nr_ops, PLENTY);
	EXPECT_EQ(p.nr_ops, 2);
	EXPECT_EQ(p.ops[0].value, 0);
	program_free(&p);
}

static uint32_t nodes(const struct program *p)
{
	return p->machine.nr_nodes;
}

TEST(a_machine_keeps_only_what_is_needed)
{
	struct wanted wanted = { nodes, 2, 0 };
	struct program p = given("lostbuddy 1\nmachine nodes=4 cpus=8 pages=2048 pageblock_order=5 "
				 "top_order=7\nnop()\n");
	uint64_t pages = p.machine.max_pfn;

	shrink_to(&p, &wanted, p.nr_ops, PLENTY);
	EXPECT_EQ(p.nr_ops, 0);
	EXPECT_EQ(p.machine.nr_nodes, 2);
	EXPECT_EQ(p.machine.nr_cpus, 1);
	EXPECT_EQ(p.machine.top_order, 6); /* machine_default's */
	EXPECT_EQ(p.machine.pageblock_order, 4);
	EXPECT(p.machine.max_pfn < pages);
	program_free(&p);
}

static uint32_t large_fragments_freed(const struct program *p)
{
	bool large[16] = { false };
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->nr_ops && p->nr_handles <= 16; i++) {
		const struct op *op = &p->ops[i];

		if (op->code == OP_PAGE_FRAG_ALLOC)
			large[op->first_result] = op->value > 4096;
		n += op->code == OP_PAGE_FRAG_FREE && large[op->handle];
	}
	return n;
}

TEST(what_a_fragment_depends_on_stays_and_becomes_plain)
{
	struct wanted wanted = { large_fragments_freed, 1, 0 };
	struct program p = given("lostbuddy 1\n"
				 "machine cpus=4 shuffle=77 debug_pagealloc=1 guard_order=2 "
				 "nodes=3 absent_nodes=0x2\n"
				 "p0 = alloc_page(gfp=ATOMIC)\n"
				 "p1 = page_frag_alloc(gfp=ATOMIC, value=100) @cpu2\n"
				 "p2 = page_frag_alloc(gfp=ATOMIC|ZERO, value=20000) @cpu3/irq\n"
				 "page_frag_free(p1)\n"
				 "page_frag_drain()\n"
				 "free_pages(p0)\n"
				 "write_freed(p0, page=3, value=9)\n"
				 "page_frag_free(p2) @cpu1\n"
				 "deferred_init(node=2)\n"),
		       plain;
	char text[4096];

	shrink_to(&p, &wanted, p.nr_ops, PLENTY);
	/* 20000, 10000, 5000: half of that is not large any more */
	plain = given("lostbuddy 1\nmachine\np0 = page_frag_alloc(gfp=KERNEL, value=5000)\n"
		      "page_frag_free(p0)\n");
	plain.machine = p.machine;
	program_print(&plain, text, sizeof(text));
	expect_text(&p, text);
	EXPECT_EQ(p.machine.nr_nodes, 1);
	EXPECT_EQ(p.machine.absent_nodes, 0);
	EXPECT_EQ(p.machine.shuffle, 0);
	EXPECT_EQ(p.machine.debug_pagealloc, 0);
	EXPECT_EQ(p.machine.guard_order, 0);
	program_free(&plain);
	program_free(&p);
}

static uint32_t guards_and_shuffle(const struct program *p)
{
	return p->machine.shuffle && p->machine.guard_order ? 1 : 0;
}

/* A seed that counts becomes the plainest one; guards keep what they need. */
TEST(a_machine_keeps_the_switches_that_are_needed)
{
	struct wanted wanted = { guards_and_shuffle, 1, 0 };
	struct program p = given("lostbuddy 1\nmachine shuffle=123456 debug_pagealloc=1 "
				 "guard_order=3 init_on_free=1 page_poison=1 deferred=1\nnop()\n");

	shrink_to(&p, &wanted, p.nr_ops, PLENTY);
	EXPECT_EQ(p.machine.shuffle, 1);
	EXPECT_EQ(p.machine.debug_pagealloc, 1);
	EXPECT_EQ(p.machine.guard_order, 3);
	EXPECT_EQ(p.machine.init_on_free, 0);
	EXPECT_EQ(p.machine.page_poison, 0);
	EXPECT_EQ(p.machine.deferred, 0);
	program_free(&p);
}

static uint32_t somebody_is_absent(const struct program *p)
{
	return p->machine.absent_nodes ? 1 : 0;
}

TEST(an_absent_node_leaves_one_that_is_there)
{
	struct wanted wanted = { somebody_is_absent, 1, 0 };
	struct program p = given("lostbuddy 1\nmachine nodes=4 cpus=8 absent_nodes=0x5 "
				 "memory=1-512@1/mirror,512-1024@3/hotplug/mirror\nnop()\n");

	shrink_to(&p, &wanted, p.nr_ops, PLENTY);
	EXPECT_EQ(p.machine.nr_nodes, 2);
	EXPECT_EQ(p.machine.absent_nodes, 1);
	EXPECT_EQ(p.machine.nr_cpus, 1);
	EXPECT_EQ(p.machine.nr_memory, 1);
	EXPECT_EQ(p.machine.memory[0].mirror, 0);
	program_free(&p);
}

static volatile sig_atomic_t stop_now;

/* Somebody loses patience over the third candidate. */
static bool has_enough_and_stops(const struct program *p, void *wanted)
{
	static unsigned int calls;

	EXPECT(!stop_now);
	stop_now = ++calls == 3;
	return has_enough(p, wanted);
}

TEST(once_stopped_no_more_runs_are_made_and_the_best_so_far_is_left)
{
	struct wanted wanted = { allocations, 1, 0 };
	struct program p = given(mixed);
	const struct shrink_task task = {
		has_enough_and_stops, &wanted, p.nr_ops, PLENTY, false, &stop_now
	};
	uint32_t before = p.nr_ops;

	EXPECT_EQ(shrink_program(&p, &task), 3);
	EXPECT(p.nr_ops <= before);
	EXPECT(has_enough(&p, &wanted));
	program_free(&p);
}

TEST(a_machine_that_is_to_be_kept_is_kept)
{
	struct wanted wanted = { allocations, 1, 0 };
	struct program p = given(mixed);
	struct machine before = p.machine;
	const struct shrink_task task = { has_enough, &wanted, p.nr_ops, PLENTY, true, NULL };

	shrink_program(&p, &task);
	EXPECT_EQ(p.nr_ops, 1);
	EXPECT(machine_equal(&p.machine, &before));
	program_free(&p);
}

TEST(no_more_runs_than_allowed_and_no_run_uncounted)
{
	for (uint32_t max_runs = 0; max_runs < 40; max_runs++) {
		struct wanted wanted = { splits_of_order_two, 1, 0 };
		struct program p = given(mixed);
		uint32_t runs = shrink_to(&p, &wanted, p.nr_ops, max_runs);

		EXPECT(runs <= max_runs);
		EXPECT_EQ(wanted.calls, runs);
		EXPECT(splits_of_order_two(&p) >= 1);
		program_free(&p);
	}
}

/*
 * The predicate of the properties: enough operations of one code, for which the program gave an
 * example.
 */
static uint8_t property_code;

static uint32_t of_property_code(const struct program *p)
{
	return count_code(p, property_code);
}

static void expect_one_minimal(const struct program *p, struct wanted *wanted)
{
	bool *keep = calloc(p->nr_ops + 1, sizeof(*keep));

	for (uint32_t i = 0; keep && i < p->nr_ops; i++) {
		struct program without;

		program_init(&without);
		EXPECT(program_copy(&without, p));
		memset(keep, true, p->nr_ops);
		keep[i] = false;
		program_rebuild(&without, keep);
		EXPECT(!has_enough(&without, wanted));
		program_free(&without);
	}
	free(keep);
}

static void expect_properties(struct program *p, uint32_t at_least)
{
	struct wanted wanted = { of_property_code, at_least, 0 };
	struct program twin;
	uint32_t before = p->nr_ops;

	program_init(&twin);
	EXPECT(program_copy(&twin, p));
	uint32_t runs = shrink_to(p, &wanted, p->nr_ops, PLENTY);

	EXPECT(runs < PLENTY);		/* it came to rest by itself */
	EXPECT(has_enough(p, &wanted)); /* S1 */
	EXPECT(p->nr_ops <= before);	/* S2 */
	shrink_to(&twin, &wanted, twin.nr_ops, PLENTY);
	EXPECT(program_equal(p, &twin)); /* S4 */
	expect_one_minimal(p, &wanted);
	program_free(&twin);
}

TEST(random_programs_keep_the_invariants_and_end_minimal)
{
	const struct generator_options options = { .seed = 2, .misuse = true };
	struct generator *g = generator_create(&options);

	for (int i = 0; i < 120; i++) {
		struct program p;

		program_init(&p);
		EXPECT(generator_next(g, &p));
		if (p.nr_ops > 0) {
			property_code = p.ops[p.nr_ops / 2].code;
			uint32_t there = count_code(&p, property_code);

			/* Lowering turns kinds of allocation into one: those are not counted on. */
			expect_properties(&p, there > 2 ? 2 : 1);
		}
		program_free(&p);
	}
	generator_destroy(g);
}

TEST(every_simpler_machine_can_exist_and_reads_back)
{
	const struct generator_options options = { .seed = 3, .nr_ops = 1 };
	struct generator *g = generator_create(&options);
	struct program p;
	unsigned int simpler = 0;

	program_init(&p);
	for (int i = 0; i < 50 && EXPECT(generator_next(g, &p)); i++)
		for (unsigned int which = 0; which < machine_simplifications(); which++) {
			struct machine m, back;
			struct text_error error;
			char line[8192];

			if (!machine_simplify(&m, &p.machine, which))
				continue;
			simpler++;
			EXPECT(machine_check(&m, &error));
			EXPECT(!machine_equal(&m, &p.machine));
			EXPECT(machine_print_line(&m, line, sizeof(line)) < sizeof(line));
			EXPECT(machine_parse_line(&back, line, &error));
			EXPECT(machine_equal(&m, &back)); /* S5 */
		}
	EXPECT(simpler > 500);
	program_free(&p);
	generator_destroy(g);
}

TEST_MAIN
