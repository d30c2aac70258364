/*
 * The test frame: a test is a sentence and a block, a test program is a list of them.
 *
 *	TEST(freeing_the_last_page_joins_everything) { ... EXPECT_EQ(a, b); }
 *	TEST_MAIN
 *
 * A failed expectation says where and what, and the test goes on; the program exits 1 if anything failed. Arguments
 * name the tests to run (none: all). One process a program: ctest and the sanitizers do the isolating.
 */
#ifndef LOSTBUDDY_TEST_H
#define LOSTBUDDY_TEST_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct test_case {
	const char *name;
	void (*run)(void);
	struct test_case *next;
};

static struct test_case *test_first, **test_last = &test_first;
static unsigned int test_failures;

static inline void test_register(struct test_case *test)
{
	*test_last = test;
	test_last = &test->next;
}

#define TEST(sentence)                                                                             \
	static void sentence(void);                                                                \
	static struct test_case test_##sentence = { #sentence, sentence, NULL };                   \
	__attribute__((constructor)) static void register_##sentence(void)                         \
	{                                                                                          \
		test_register(&test_##sentence);                                                   \
	}                                                                                          \
	static void sentence(void)

static inline bool test_expect(bool holds, const char *file, int line, const char *text)
{
	if (!holds) {
		fprintf(stderr, "%s:%d: expected: %s\n", file, line, text);
		test_failures++;
	}
	return holds;
}

static inline bool test_expect_eq(intmax_t actual, intmax_t expect, const char *file, int line,
				  const char *text)
{
	if (actual != expect) {
		fprintf(stderr, "%s:%d: %s: is %" PRIdMAX ", expected %" PRIdMAX "\n", file, line, text,
			actual, expect);
		test_failures++;
	}
	return actual == expect;
}

static inline bool test_expect_str(const char *actual, const char *expect, const char *file, int line,
				   const char *text)
{
	bool equal = strcmp(actual, expect) == 0;

	if (!equal) {
		fprintf(stderr, "%s:%d: %s:\n  is       \"%s\"\n  expected \"%s\"\n", file, line, text, actual,
			expect);
		test_failures++;
	}
	return equal;
}

#define EXPECT(condition) test_expect((condition), __FILE__, __LINE__, #condition)
#define EXPECT_EQ(actual, expect)                                                                  \
	test_expect_eq((intmax_t)(actual), (intmax_t)(expect), __FILE__, __LINE__, #actual)
#define EXPECT_STR(actual, expect) test_expect_str((actual), (expect), __FILE__, __LINE__, #actual)

static inline bool test_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc < 2;
}

static inline int test_main(int argc, char **argv)
{
	unsigned int ran = 0;

	for (struct test_case *test = test_first; test; test = test->next) {
		if (!test_wanted(test->name, argc, argv))
			continue;
		unsigned int before = test_failures;

		test->run();
		ran++;
		printf("%s %s\n", test_failures == before ? "ok    " : "FAILED", test->name);
	}
	printf("%u tests, %u failed expectations\n", ran, test_failures);
	return ran == 0 || test_failures ? 1 : 0;
}

#define TEST_MAIN                                                                                  \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		return test_main(argc, argv);                                                      \
	}

#endif
