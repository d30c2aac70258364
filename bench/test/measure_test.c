/* Is a measurement of the right size? What a loop costs is known here: it is made of a known number of instructions. */
#include "test.h"

#include "bench/bench.h"
#include "bench/measure.h"

#include <stdlib.h>

/* Eight instructions an operation, and the loop around them. */
static uint64_t eight_instructions(void *subject, uint64_t count)
{
	(void)subject;
	for (uint64_t i = 0; i < count; i++)
		__asm__ volatile("nop; nop; nop; nop; nop; nop; nop; nop");
	return count;
}

/* Says that each turn was a hundred operations. */
static uint64_t a_hundred_each(void *subject, uint64_t count)
{
	return eight_instructions(subject, count) * 100;
}

/* 8, and from 2 to some 30 for the loop: optimised and instrumented or not. */
static bool is_about_eight(double instructions)
{
	return instructions >= 10 && instructions < 40;
}

TEST(instructions_of_one_operation_are_counted)
{
	char why[256];
	struct counters *c = counters_open(why);
	struct measurement m = measure(c, eight_instructions, NULL, true);

	if (!c)
		printf("no counters here: %s\n", why);
	else
		EXPECT(m.cycles > 1);
	EXPECT_EQ(m.counted_by, c ? COUNTED_BY_PERF : COUNTED_BY_STEPS);
	EXPECT(is_about_eight(m.instructions));
	EXPECT(m.ns > 0.2 && m.ns < 1000);
	counters_close(c);
}

TEST(stepping_through_a_loop_counts_its_instructions)
{
	double each = 0;

	EXPECT(instructions_by_steps(eight_instructions, NULL, &each));
	EXPECT(is_about_eight(each));
}

TEST(figures_are_of_the_operations_that_a_loop_says_it_did)
{
	struct measurement one = measure(NULL, eight_instructions, NULL, false);
	struct measurement hundred = measure(NULL, a_hundred_each, NULL, false);

	EXPECT_EQ(one.counted_by, COUNTED_BY_NOTHING);
	EXPECT(hundred.ns * 20 < one.ns);
}

TEST(unknown_options_and_names_are_refused)
{
	char verb[] = "bench", option[] = "--nonsense", name[] = "no-such-row", list[] = "--list";
	char *with_option[] = { verb, option, NULL };
	char *with_name[] = { verb, list, name, NULL };
	char *with_list[] = { verb, list, NULL };

	EXPECT_EQ(bench_main(2, with_option), 1);
	EXPECT_EQ(bench_main(3, with_name), 1);
	EXPECT_EQ(bench_main(2, with_list), 0);
}

/* bench with up to four arguments. */
static int bench(char *a, char *b, char *c, char *d)
{
	char verb[] = "bench", *argv[] = { verb, a, b, c, d, NULL };
	int argc = 1;

	while (argv[argc])
		argc++;
	return bench_main(argc, argv);
}

TEST(one_row_alone_is_repeated_and_nothing_else)
{
	char row[] = "reset-fuzz-size", repeat[] = "--repeat", three[] = "3", none[] = "0",
	     word[] = "3x", size[] = "arena-fuzz-size", part[] = "reset-fuzz", empty[] = "--empty";

	EXPECT_EQ(bench(row, repeat, three, NULL), 0);
	EXPECT_EQ(bench(repeat, three, row, NULL), 0);
	EXPECT_EQ(bench(row, repeat, none, NULL), 1);
	EXPECT_EQ(bench(row, repeat, word, NULL), 1);
	EXPECT_EQ(bench(row, repeat, NULL, NULL), 1);
	EXPECT_EQ(bench(part, repeat, three, NULL), 1);
	EXPECT_EQ(bench(repeat, three, NULL, NULL), 1);
	EXPECT_EQ(bench(row, row, repeat, three), 1);
	EXPECT_EQ(bench(size, repeat, three, NULL), 1);
	/* a loop of which nothing is left out has no empty one */
	EXPECT_EQ(bench(row, repeat, three, empty), 1);
	EXPECT_EQ(bench(row, empty, NULL, NULL), 1);
}

TEST_MAIN
