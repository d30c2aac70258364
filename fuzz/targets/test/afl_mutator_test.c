/*
 * AFL++'s mutator without AFL++: mutants keep to their room, stay programs that differ, and follow
 * from the seed alone.
 */
#include "test.h"

#include <stdlib.h>

#include "program/program.h"

void *afl_custom_init(void *afl, unsigned int seed);
size_t afl_custom_fuzz(void *data, uint8_t *buf, size_t buf_size, uint8_t **out_buf,
		       uint8_t *add_buf, size_t add_buf_size, size_t max_size);
void afl_custom_deinit(void *data);

enum { ROOM = 4096, ROUNDS = 800 };

static uint8_t one[ROOM], two[ROOM];
static size_t size1, size2;

static size_t encoded(const char *text, uint8_t *bytes)
{
	struct text_error error;
	struct program p;

	program_init(&p);
	EXPECT(program_parse(&p, text, strlen(text), &error));
	size_t size = program_encode(&p, bytes, ROOM);

	EXPECT(size > 0 && size <= ROOM);
	program_free(&p);
	return size;
}

static void given_two_programs(void)
{
	size1 = encoded("lostbuddy 1\nmachine pages=512\np0 = alloc_pages(order=3, gfp=KERNEL)\n"
			"__free_pages(p0)\n",
			one);
	size2 = encoded("lostbuddy 1\nmachine pages=512\ndrain_all_pages()\ncheck()\n", two);
}

TEST(mutants_keep_to_their_room)
{
	void *m = afl_custom_init(NULL, 1);

	given_two_programs();
	for (size_t i = 0; i < ROUNDS; i++) {
		uint8_t *out = NULL;
		size_t room = 1 + i % 200,
		       size = afl_custom_fuzz(m, one, size1, &out, two, size2, room);

		EXPECT(size <= room);
		EXPECT(out != NULL);
	}
	afl_custom_deinit(m);
}

/* The input is afl-fuzz's, and stays as it was; a mutant that is the input itself is a wasted run. */
TEST(nearly_all_mutants_differ_and_the_input_stays)
{
	void *m = afl_custom_init(NULL, 2);
	uint8_t before[ROOM];
	unsigned int differ = 0;

	given_two_programs();
	memcpy(before, one, size1);
	for (size_t i = 0; i < ROUNDS; i++) {
		uint8_t *out = NULL;
		size_t size = afl_custom_fuzz(m, one, size1, &out, two, size2, ROOM);

		differ += size != size1 || memcmp(out, one, size) != 0;
	}
	EXPECT(memcmp(before, one, size1) == 0);
	EXPECT(differ >= ROUNDS * 9 / 10);
	afl_custom_deinit(m);
}

/* Operations of the second program come from a cross only: the first has neither of them. */
TEST(crossing_brings_in_operations_of_the_other_program)
{
	void *m = afl_custom_init(NULL, 3);
	struct program p;
	unsigned int crossed = 0;

	given_two_programs();
	program_init(&p);
	for (size_t i = 0; i < ROUNDS; i++) {
		uint8_t *out = NULL;
		size_t size = afl_custom_fuzz(m, one, size1, &out, two, size2, ROOM);

		EXPECT(program_decode(&p, out, size));
		for (uint32_t k = 0; k + 1 < p.nr_ops; k++)
			crossed += p.ops[k].code == OP_DRAIN_ALL_PAGES &&
				   p.ops[k + 1].code == OP_CHECK;
	}
	EXPECT(crossed >= ROUNDS / 16);
	program_free(&p);
	afl_custom_deinit(m);
}

TEST(without_another_input_nothing_is_crossed)
{
	void *m = afl_custom_init(NULL, 4);
	uint8_t *out = NULL;

	given_two_programs();
	for (size_t i = 0; i < ROUNDS; i++)
		EXPECT(afl_custom_fuzz(m, one, size1, &out, NULL, 0, ROOM) > 0);
	afl_custom_deinit(m);
}

TEST(the_same_seed_gives_the_same_mutants_and_another_does_not)
{
	void *a = afl_custom_init(NULL, 5), *b = afl_custom_init(NULL, 5),
	     *c = afl_custom_init(NULL, 6);
	unsigned int differ = 0;

	given_two_programs();
	for (size_t i = 0; i < ROUNDS; i++) {
		uint8_t *x = NULL, *y = NULL, *z = NULL;
		size_t sx = afl_custom_fuzz(a, one, size1, &x, two, size2, ROOM);
		size_t sy = afl_custom_fuzz(b, one, size1, &y, two, size2, ROOM);
		size_t sz = afl_custom_fuzz(c, one, size1, &z, two, size2, ROOM);

		EXPECT(sx == sy && memcmp(x, y, sx) == 0);
		differ += sx != sz || memcmp(x, z, sx) != 0;
	}
	EXPECT(differ > ROUNDS / 2);
	afl_custom_deinit(a);
	afl_custom_deinit(b);
	afl_custom_deinit(c);
}

TEST_MAIN
