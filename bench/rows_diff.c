/*
 * Rows about testing: the differential loop and what feeds it.
 *
 * Programs have 128 operations of the generator's default mix with misuse, as a campaign runs them.
 * The loop is what a campaign does with each: core, both models of the oracle, contents, full
 * comparisons at 1, 2, 4 .. operations and at the end. Operations are executed ones; what was a
 * no-op counts as nothing.
 */
#include "bench/rows.h"

#include "judge/judge.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	NR_PROGRAMS = 1000,
	NR_OPS = 128,
	WIRE_MAX = 1 << 14,
};

struct wire {
	size_t size;
	uint8_t *bytes;
};

struct programs {
	struct machine machine;
	struct generator *generator;
	struct judge *judge;
	struct program program[NR_PROGRAMS];
	struct wire wire[NR_PROGRAMS];
	struct program scratch;
};

/* @random: every program has a machine of its own, as in a campaign without --machine. */
static struct generator *make_generator(struct programs *s, bool random)
{
	struct generator_options options = { .seed = 1, .nr_ops = NR_OPS, .misuse = true };
	struct text_error error;

	if (!machine_parse_line(&s->machine, "nodes=2 cpus=4 pages=2048 dma_end=256 dma32_end=1024",
				&error)) {
		fprintf(stderr, "bench: %s\n", error.what);
		abort();
	}
	options.machine = random ? NULL : &s->machine;
	return generator_create(&options);
}

static void programs_destroy(void *subject)
{
	struct programs *s = subject;

	for (size_t i = 0; i < NR_PROGRAMS; i++) {
		program_free(&s->program[i]);
		free(s->wire[i].bytes);
	}
	program_free(&s->scratch);
	if (s->generator)
		generator_destroy(s->generator);
	if (s->judge)
		judge_destroy(s->judge);
	free(s);
}

static bool encode(struct wire *wire, const struct program *p)
{
	wire->bytes = malloc(WIRE_MAX);
	wire->size = wire->bytes ? program_encode(p, wire->bytes, WIRE_MAX) : 0;
	return wire->size > 0 && wire->size <= WIRE_MAX;
}

static void *programs_create(int random, char *why)
{
	struct programs *s = calloc(1, sizeof(*s));

	snprintf(why, 256, "no memory");
	if (!s)
		return NULL;
	program_init(&s->scratch);
	for (size_t i = 0; i < NR_PROGRAMS; i++)
		program_init(&s->program[i]);
	s->generator = make_generator(s, random);
	for (size_t i = 0; i < NR_PROGRAMS; i++) {
		if (!s->generator || !generator_next(s->generator, &s->program[i]) ||
		    !encode(&s->wire[i], &s->program[i])) {
			programs_destroy(s);
			return NULL;
		}
	}
	return s;
}

static void *judged_create(int random, char *why)
{
	struct programs *s = programs_create(random, why);
	struct judge_options options = { 0 };
	const struct lb_target *core;

	if (!s)
		return NULL;
	core = target_find("core", why);
	s->judge = core ? judge_create(core, &options) : NULL;
	if (!s->judge) {
		programs_destroy(s);
		return NULL;
	}
	return s;
}

/* A divergence would make the figure worthless: it would time the end of a program. */
static uint64_t judge_loop(void *subject, uint64_t count)
{
	struct programs *s = subject;
	uint64_t done = 0;

	for (size_t i = 0; done < count; i = (i + 1) % NR_PROGRAMS) {
		struct outcome outcome;

		if (!judge_run(s->judge, &s->program[i], &outcome)) {
			fprintf(stderr, "bench: program %zu diverges: %s\n", i, outcome.signature);
			exit(77);
		}
		done += outcome.executed;
	}
	return done;
}

static uint64_t decode_loop(void *subject, uint64_t count)
{
	struct programs *s = subject;
	uint64_t done = 0;

	for (size_t i = 0; done < count; i = (i + 1) % NR_PROGRAMS) {
		if (!program_decode(&s->scratch, s->wire[i].bytes, s->wire[i].size))
			abort();
		done += s->scratch.nr_ops;
	}
	return done;
}

static uint64_t generate_loop(void *subject, uint64_t count)
{
	struct programs *s = subject;
	uint64_t done = 0;

	while (done < count) {
		if (!generator_next(s->generator, &s->scratch))
			abort();
		done += s->scratch.nr_ops;
	}
	return done;
}

const struct bench_row diff_rows[] = {
	{ .name = "differential-loop",
	  .operation = "one operation of a program, judged",
	  .copies = true, /* machines are reset */
	  .value = 0,
	  .create = judged_create,
	  .loop = judge_loop,
	  .destroy = programs_destroy },
	{ .name = "differential-loop-random-machines",
	  .operation = "the same, 1000 different machines",
	  .copies = true, /* machines are reset */
	  .value = 1,
	  .create = judged_create,
	  .loop = judge_loop,
	  .destroy = programs_destroy },
	{ .name = "decode",
	  .operation = "one operation of a wire form, decoded",
	  .sample = 100 * 1000,
	  .value = 0,
	  .create = programs_create,
	  .loop = decode_loop,
	  .destroy = programs_destroy },
	{ .name = "generate",
	  .operation = "one operation of a program, generated",
	  .sample = 50 * 1000,
	  .value = 0,
	  .create = programs_create,
	  .loop = generate_loop,
	  .destroy = programs_destroy },
};
const size_t nr_diff_rows = sizeof(diff_rows) / sizeof(diff_rows[0]);
