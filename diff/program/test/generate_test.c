/*
 * The generator, the mutator and cross-over: valid, repeatable, different from each other, at the
 * level they aim at.
 */
#include <stdlib.h>

#include "program/internal.h"
#include "test.h"

/* A number that depends on every byte of a program. */
static uint64_t digest_of(const struct program *p)
{
	const uint8_t *parts[2] = { (const uint8_t *)&p->machine, (const uint8_t *)p->ops };
	size_t sizes[2] = { sizeof(p->machine), p->nr_ops * sizeof(*p->ops) };
	uint64_t digest = p->nr_ops;

	for (int part = 0; part < 2; part++)
		for (size_t i = 0; i < sizes[part]; i++)
			digest = random_mix(digest + parts[part][i]);
	return digest;
}

static void valid(const struct program *p)
{
	char why[256];

	if (!EXPECT(program_check(p, why)))
		fprintf(stderr, "  %s\n", why);
}

TEST(a_seed_gives_the_same_programs_again)
{
	struct generator_options options = { .seed = 77, .misuse = true };
	struct generator *a = generator_create(&options), *b = generator_create(&options);
	struct program p, q;
	uint64_t previous = 0;

	program_init(&p);
	program_init(&q);
	for (int i = 0; i < 200; i++) {
		EXPECT(generator_next(a, &p) && generator_next(b, &q));
		EXPECT(program_equal(&p, &q));
		EXPECT(digest_of(&p) != previous);
		previous = digest_of(&p);
	}
	program_free(&p);
	program_free(&q);
	generator_destroy(a);
	generator_destroy(b);
}

TEST(generated_programs_are_valid_and_near_128_operations)
{
	struct generator_options options = { .seed = 3, .misuse = true };
	struct generator *g = generator_create(&options);
	struct program p;
	uint64_t ops = 0, middle = 0;

	program_init(&p);
	for (int i = 0; i < 5000; i++) {
		EXPECT(generator_next(g, &p));
		valid(&p);
		EXPECT(p.nr_ops >= 1 && p.nr_ops <= 256);
		ops += p.nr_ops;
		middle += p.nr_ops >= 64 && p.nr_ops <= 192;
	}
	EXPECT(ops / 5000 > 115 && ops / 5000 < 142);
	EXPECT(middle > 3500);
	program_free(&p);
	generator_destroy(g);
}

TEST(every_operation_occurs_and_misuse_only_where_it_is_wanted)
{
	for (int misuse = 0; misuse < 2; misuse++) {
		struct generator_options options = { .seed = 4, .misuse = misuse };
		struct generator *g = generator_create(&options);
		struct program p;
		uint64_t seen = 0;

		program_init(&p);
		for (int i = 0; i < 3000; i++) {
			EXPECT(generator_next(g, &p));
			for (uint32_t k = 0; k < p.nr_ops; k++)
				seen |= UINT64_C(1) << p.ops[k].code;
		}
		/* nop is never generated */
		uint64_t all = (UINT64_C(1) << OP_COUNT) - 1;
		uint64_t wrong = (UINT64_C(1) << (OP_SCHED_INTERRUPT + 1)) -
				 (UINT64_C(1) << OP_FREE_WRONG_ORDER);

		wrong |= UINT64_C(1) << OP_WRITE_FREED | UINT64_C(1) << OP_SET_PAGE_FLAG;

		EXPECT_EQ(seen, all - (UINT64_C(1) << OP_NOP) - (misuse ? 0 : wrong));
		program_free(&p);
		generator_destroy(g);
	}
}

TEST(capabilities_and_a_given_machine_are_respected)
{
	struct generator_options options = { .seed = 6, .misuse = true, .nr_ops = 100 };
	struct machine m;
	struct text_error error;
	struct program p;
	uint64_t judges = 1u << OP_FILL | 1u << OP_VERIFY | 1u << OP_CHECK | 1u << OP_DUMP,
		 seen = 0;

	EXPECT(machine_parse_line(&m, "nodes=2 cpus=2 pages=256", &error));
	options.machine = &m;
	options.capabilities = 1u << OP_ALLOC_PAGES | 1u << OP_FREE_PAGES_STRUCT;
	struct generator *g = generator_create(&options);

	program_init(&p);
	for (int i = 0; i < 500; i++) {
		EXPECT(generator_next(g, &p));
		valid(&p);
		EXPECT(machine_equal(&p.machine, &m));
		EXPECT_EQ(p.nr_ops, 100);
		for (uint32_t k = 0; k < p.nr_ops; k++)
			seen |= UINT64_C(1) << p.ops[k].code;
	}
	EXPECT_EQ(seen, options.capabilities | judges);
	program_free(&p);
	generator_destroy(g);
}

TEST(most_allocations_are_small_and_all_orders_occur)
{
	struct generator_options options = { .seed = 12 };
	struct generator *g = generator_create(&options);
	struct program p;
	uint64_t orders[ORDER_COUNT] = { 0 }, all = 0, above = 0;

	program_init(&p);
	for (int i = 0; i < 5000; i++) {
		EXPECT(generator_next(g, &p));
		for (uint32_t k = 0; k < p.nr_ops; k++) {
			if (op_info[p.ops[k].code].yields != YIELDS_BLOCK)
				continue;
			orders[p.ops[k].order]++;
			above += p.ops[k].order > p.machine.top_order;
			all++;
		}
	}
	printf("       order 0: %.1f %%, above the top order: %.2f %%\n",
	       100.0 * (double)orders[0] / (double)all, 100.0 * (double)above / (double)all);
	EXPECT(orders[0] * 100 > all * 50 && orders[0] * 100 < all * 75);
	for (int order = 0; order <= MACHINE_HIGHEST_ORDER; order++)
		EXPECT(orders[order] > 0);
	EXPECT(above > 0 && above * 100 < all);
	program_free(&p);
	generator_destroy(g);
}

TEST(mutants_and_crosses_are_valid_and_differ)
{
	struct generator_options options = { .seed = 13, .misuse = true };
	struct generator *g = generator_create(&options);
	struct program p, q, copy;
	uint64_t changed = 0;

	program_init(&p);
	program_init(&q);
	program_init(&copy);
	EXPECT(generator_next(g, &p));
	for (uint64_t i = 0; i < 8000; i++) {
		if (i % 50 == 0)
			EXPECT(generator_next(g, &p));
		EXPECT(program_copy(&copy, &p));
		program_mutate(&p, i);
		valid(&p);
		changed += !program_equal(&p, &copy);
		program_mutate(&copy, i);
		EXPECT(program_equal(&p, &copy)); /* the same seed, the same mutant */
		EXPECT(generator_next(g, &q));
		program_cross(&copy, &q, i);
		valid(&copy);
		EXPECT(machine_equal(&copy.machine, &p.machine));
	}
	EXPECT(changed > 7000);
	program_free(&p);
	program_free(&q);
	program_free(&copy);
	generator_destroy(g);
}

TEST(mutation_of_nothing_and_of_much_goes_well)
{
	struct program p, q;

	program_init(&p);
	program_init(&q);
	for (uint64_t i = 0; i < 3000; i++) {
		program_mutate(&p, i);
		valid(&p);
		program_cross(&p, &q, i);
		valid(&p);
		EXPECT(p.nr_ops <= 4096);
		if (i % 10 == 0)
			EXPECT(program_copy(&q, &p));
	}
	program_free(&p);
	program_free(&q);
}

/*
 * A machine of one number: an allocation succeeds while enough pages are free. Fragmentation and
 * marks come on top in a real target, so the bar of 10 % no-ops is set lower here.
 */
TEST(few_operations_meet_a_dead_block)
{
	struct generator_options options = { .seed = 14 };
	struct generator *g = generator_create(&options);
	struct program p;
	uint64_t uses = 0, all = 0;

	program_init(&p);
	for (int i = 0; i < 3000; i++) {
		bool *failed;
		uint64_t free_pages;

		EXPECT(generator_next(g, &p));
		failed = calloc(p.nr_handles + 1, sizeof(*failed));
		free_pages = machine_present(&p.machine);
		struct program replay;

		program_init(&replay);
		replay.machine = p.machine;
		for (uint32_t k = 0; failed && k < p.nr_ops; k++) {
			const struct op *op = &p.ops[k];
			bool has_handle = op_info[op->code].arguments & ARG_HANDLE;
			uint64_t before = has_handle ? 1u << replay.handles[op->handle].order : 0;

			EXPECT(program_append(&replay, op));
			all++;
			if (has_handle && failed[op->handle])
				uses++;
			else if (has_handle && replay.handles[op->handle].refs == 0 &&
				 op->code != OP_SPLIT_PAGE)
				free_pages += before;
			for (uint32_t n = 0; n < op->nr_results; n++)
				failed[op->first_result + n] = has_handle && failed[op->handle];
			if (op_info[op->code].yields != YIELDS_BLOCK)
				continue;
			uint64_t size = 1u << op->order;

			failed[op->first_result] =
				op->order > p.machine.top_order || size > free_pages;
			free_pages -= failed[op->first_result] ? 0 : size;
		}
		program_free(&replay);
		free(failed);
	}
	printf("       %.2f %% no-ops on this model\n", 100.0 * (double)uses / (double)all);
	EXPECT(uses * 100 < all * 5);
	program_free(&p);
	generator_destroy(g);
}

TEST_MAIN
