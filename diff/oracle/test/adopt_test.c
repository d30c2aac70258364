/*
 * An export holds everything that decides the future: a shadow that adopts another's in mid-program
 * predicts the rest.
 */
#include "common.h"

static uint64_t exercised[RULE_COUNT];

struct pair {
	struct shadow *a, *b; /* b follows what a did */
};

static struct pair booted_pair(const struct machine *m)
{
	static const struct machine_range reserved[] = { { .start = 3, .end = 5 } };
	bool fits = m->memory[0].start <= 3 && m->memory[0].end >= 5;
	struct pair p = { shadow_create(m, exercised), shadow_create(m, exercised) };

	if (!EXPECT(p.a && p.b && shadow_boot(p.a, reserved, fits) &&
		    shadow_boot(p.b, reserved, fits)))
		exit(1);
	return p;
}

static void adopt(struct pair *p)
{
	struct verdict v;

	EXPECT(shadow_adopt(p->b, shadow_words(p->a), &v));
	shadow_copy_references(p->b, p->a);
	EXPECT(shadow_compare(p->b, shadow_words(p->a), false, &v));
}

/* Runs a program on a; from operation @from on, b has to say the same. Returns whether it did. */
static bool run_program(const struct program *program, uint32_t from)
{
	struct pair p = booted_pair(&program->machine);
	struct held *held = nothing_held(program);
	struct lb_call call;
	struct lb_result r;
	struct verdict v = { .broken = false };
	bool same = true;

	for (uint32_t i = 0; i < program->nr_ops && same; i++) {
		if (i == from)
			adopt(&p);
		if (!resolve(program, &program->ops[i], held, &call))
			continue;
		shadow_exec(p.a, &call, &r);
		same = i < from || shadow_step(p.b, &call, &r, p.a->bulk, &v);
		follow(&program->ops[i], &r, p.a->bulk, held);
	}
	same = same &&
	       (program->nr_ops <= from || shadow_compare(p.b, shadow_words(p.a), false, &v));
	if (!EXPECT(same))
		fprintf(stderr, "%s: %s\n", rule_info[v.rule].id, v.what);
	free(held);
	shadow_destroy(p.a);
	shadow_destroy(p.b);
	return same;
}

TEST(an_adopted_state_predicts_the_rest_of_random_programs)
{
	const struct generator_options options = { .seed = 20, .nr_ops = 200, .misuse = true };
	struct generator *g = generator_create(&options);
	struct program program;

	program_init(&program);
	for (uint32_t i = 0; i < 400; i++) {
		if (!EXPECT(generator_next(g, &program)))
			break;
		for (uint32_t profile = 0; profile < PROFILE_COUNT; profile++) {
			program.machine.profile = profile;
			if (!run_program(&program, i % 200))
				i = 400;
		}
	}
	program_free(&program);
	generator_destroy(g);
}

TEST(a_rewound_shadow_is_as_after_boot)
{
	struct machine m = bare_machine(256);
	struct shadow *a = booted(&m, NULL, 0), *b = booted(&m, NULL, 0);
	struct verdict v;

	take(a, GFP_KERNEL, 3);
	take(a, GFP_KERNEL | GFP_MOVABLE, 0);
	EXPECT(!shadow_compare(a, shadow_words(b), false, &v));
	shadow_rewind(a);
	EXPECT(shadow_compare(a, shadow_words(b), false, &v));
	EXPECT_EQ(take(a, GFP_KERNEL, 3), take(b, GFP_KERNEL, 3));
	shadow_destroy(a);
	shadow_destroy(b);
}

TEST(unknown_sections_are_skipped)
{
	struct machine m = bare_machine(256);
	struct shadow *a = booted(&m, NULL, 0), *b = booted(&m, NULL, 0);
	struct verdict v;
	uint64_t words[4096] = { 99, 2, 7, 7 };
	size_t n = shadow_export(a, words + 4, 4000);

	EXPECT(n < 4000);
	EXPECT(shadow_compare(b, words, false, &v));
	EXPECT(shadow_adopt(b, words, &v));
	EXPECT(shadow_compare(b, shadow_words(a), false, &v));
	shadow_destroy(a);
	shadow_destroy(b);
}

/* Threshold and drift mark of another kernel's boot need not be ours. */
TEST(counters_are_adopted_whatever_boot_made_of_them)
{
	struct machine m = bare_machine(256);
	struct shadow *a = booted(&m, NULL, 0), *b = booted(&m, NULL, 0);
	size_t n = shadow_export(a, NULL, 0);
	struct verdict v;

	a->zones[0].threshold = 9;
	a->zones[0].drift_mark = 77;
	a->zones[0].isolated = 1;
	a->stats[0].delta = -5;
	EXPECT(shadow_adopt(b, shadow_words(a), &v));
	EXPECT(memcmp(shadow_words(b), shadow_words(a), n * sizeof(uint64_t)) == 0);
	EXPECT_EQ(shadow_free_exact(b, b->zones), 250);
	shadow_destroy(a);
	shadow_destroy(b);
}

TEST(counters_of_another_number_of_cpus_are_not_adopted)
{
	struct machine m = bare_machine(256);
	struct shadow *a = booted(&m, NULL, 0), *b;
	struct verdict v;

	m.nr_cpus = 2;
	b = booted(&m, NULL, 0);
	EXPECT(!shadow_adopt(b, shadow_words(a), &v));
	EXPECT_EQ(v.rule, RULE_STATE_SECTIONS);
	shadow_destroy(a);
	shadow_destroy(b);
}

TEST(impossible_states_are_not_adopted)
{
	struct machine m = bare_machine(256);
	struct shadow *a = booted(&m, NULL, 0), *b = booted(&m, NULL, 0);
	uint64_t words[4096];
	const uint64_t *at = words;
	struct section section;
	struct verdict v;

	EXPECT(shadow_export(a, words, 4096) < 4096);
	EXPECT(section_find(&at, LB_STATE_FREE_LIST, &section));
	words[section.words - words + 4] = 300; /* no such frame */
	EXPECT(!shadow_adopt(b, words, &v));
	EXPECT_EQ(v.rule, RULE_STATE_SECTIONS);
	shadow_destroy(a);
	shadow_destroy(b);
}

TEST_MAIN
