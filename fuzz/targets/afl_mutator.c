/*
 * AFL++'s custom mutator: a shared object that afl-fuzz loads (AFL_CUSTOM_MUTATOR_LIBRARY), for
 * afl-fuzz does not call a target's LLVMFuzzerCustomMutator.
 *
 *	five in eight	structural mutation
 *	two in eight	a cross with another input of the queue
 *	one in eight	a few bytes overwritten, which every byte string survives
 *
 * It runs in afl-fuzz, so it is built without sanitizers and counters, and holds no state but its
 * own. The same seed and the same inputs give the same mutants.
 */
#include <stdlib.h>
#include <string.h>

#include "program/random.h"
#include "targets/mutation.h"

enum {
	MOST_BYTES = 8, /* overwritten at a time */
	/*
	 * Mutants of an input before the next one's turn; afl-fuzz doubles them, five times at most,
	 * while they show something new. Its own number, made for faster targets, kept it for more
	 * than a minute on the first input of a corpus.
	 */
	MUTANTS_OF_ONE = 32,
};

struct mutator {
	struct mutation mutation;
	struct random random;
	uint8_t *out;
	size_t room;
};

/* The names and arguments are AFL++'s; afl is its own state, which we do not look at. */
void *afl_custom_init(void *afl, unsigned int seed);
size_t afl_custom_fuzz(void *data, uint8_t *buf, size_t buf_size, uint8_t **out_buf,
		       uint8_t *add_buf, size_t add_buf_size, size_t max_size);
unsigned int afl_custom_fuzz_count(void *data, const uint8_t *buf, size_t buf_size);
void afl_custom_deinit(void *data);

void *afl_custom_init(void *afl, unsigned int seed)
{
	struct mutator *m = calloc(1, sizeof(*m));

	(void)afl;
	if (!m)
		return NULL;
	mutation_begin(&m->mutation);
	m->random = random_stream(seed, 0);
	return m;
}

void afl_custom_deinit(void *data)
{
	struct mutator *m = data;

	mutation_end(&m->mutation);
	free(m->out);
	free(m);
}

unsigned int afl_custom_fuzz_count(void *data, const uint8_t *buf, size_t buf_size)
{
	(void)data;
	(void)buf;
	(void)buf_size;
	return MUTANTS_OF_ONE;
}

static bool make_room(struct mutator *m, size_t size)
{
	if (size <= m->room)
		return true;
	uint8_t *out = realloc(m->out, size);

	if (!out)
		return false;
	m->out = out;
	m->room = size;
	return true;
}

static size_t overwrite_bytes(struct mutator *m, const uint8_t *buf, size_t size, size_t max_size)
{
	if (size > max_size)
		size = max_size;
	memcpy(m->out, buf, size);
	for (uint32_t n = random_between(&m->random, 1, MOST_BYTES); size > 0 && n > 0; n--)
		m->out[random_below(&m->random, (uint32_t)size)] = (uint8_t)random_next(&m->random);
	return size;
}

static size_t mutate(struct mutator *m, const uint8_t *buf, size_t size, const uint8_t *add,
		     size_t add_size, size_t max_size)
{
	uint32_t pick = random_below(&m->random, 8);
	uint64_t seed = random_next(&m->random);

	if (pick == 0)
		return overwrite_bytes(m, buf, size, max_size);
	if (pick < 3 && add)
		return mutation_cross(&m->mutation, buf, size, add, add_size, m->out, max_size,
				      seed);
	return mutation_mutate(&m->mutation, buf, size, m->out, max_size, seed);
}

/* 0 bytes say that there is no mutant, and afl-fuzz goes on with the next. */
size_t afl_custom_fuzz(void *data, uint8_t *buf, size_t buf_size, uint8_t **out_buf,
		       uint8_t *add_buf, size_t add_buf_size, size_t max_size)
{
	struct mutator *m = data;

	*out_buf = buf;
	if (!make_room(m, max_size))
		return 0;
	*out_buf = m->out;
	return mutate(m, buf, buf_size, add_buf, add_buf_size, max_size);
}
