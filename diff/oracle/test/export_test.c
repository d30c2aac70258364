/*
 * States that no honest target would export: cut off, with words changed, with bits flipped. Each
 * is a finding or means the same as the true one; none is read beyond its end, for which each lies
 * in a piece of memory of its own size (AddressSanitizer looks there).
 *
 *   true state   [type n words...][type n words...]...[END 0]
 *   cut          [type n words...][type n wo
 *   changed      [type n words...][type N words...]...[END 0]
 */
#include "common.h"

#include "program/random.h"

/* 16 pageblocks fill a word with their types: there are no bits without a meaning. */
static bool deferring; /* with sections of 64, 128 is the first deferred pfn */

static struct machine machine(void)
{
	struct machine m = bare_machine(256);

	m.dma_end = 32;
	m.nr_cpus = 2;
	m.nr_reserved = 1;
	m.reserved[0] = (struct machine_range){ .start = 40, .end = 44 };
	m.percpu_unit_pages = 1;
	m.deferred = deferring;
	m.section_pages = deferring ? 64 : m.section_pages;
	return m;
}

/* ---- A true state, and an oracle that agrees with it ---- */

struct truth {
	struct machine m;
	uint64_t *words;
	size_t size;
};

/* Reserved: what the machine lists, memmap of DMA (1 page) and Normal (4), percpu of two CPUs (1 each). */
static struct truth truth(void)
{
	static const struct machine_range reserved[] = { { .start = 31, .end = 32 },
							 { .start = 40, .end = 44 },
							 { .start = 250, .end = 256 } };
	struct truth t = { .m = machine() };
	struct shadow *s;

	s = booted(&t.m, reserved, 3);
	t.size = shadow_export(s, NULL, 0);
	t.words = malloc(t.size * sizeof(*t.words));
	if (!EXPECT(t.words))
		exit(1);
	shadow_export(s, t.words, t.size);
	shadow_destroy(s);
	return t;
}

static struct oracle *oracle(const struct truth *t, uint32_t flags)
{
	struct oracle *o = oracle_create(&t->m, flags, 0, true);

	if (!EXPECT(o))
		exit(1);
	return o;
}

enum { LINUX = LB_TARGET_BUDDY | LB_TARGET_LINUX, EAGER = LB_TARGET_BUDDY | LB_TARGET_EAGER_MERGE };

/* As the judge asks: first whether it can be followed, then everything that reads a state. */
static bool accepts(struct oracle *o, const uint64_t *words, size_t size, struct verdict *v)
{
	return oracle_well_formed(o, words, size, v) && oracle_compare(o, words, v) &&
	       oracle_finish(o, words, v) && oracle_adopt(o, words, v);
}

static bool boots(const struct truth *t, uint32_t flags, const uint64_t *words, size_t size,
		  struct verdict *v)
{
	struct oracle *o = oracle(t, flags);
	bool ok = oracle_well_formed(o, words, size, v) && oracle_boot(o, words, v);

	oracle_destroy(o);
	return ok;
}

static struct oracle *booted_oracle(const struct truth *t, uint32_t flags)
{
	struct oracle *o = oracle(t, flags);
	struct verdict v = { 0 };

	if (!EXPECT(oracle_well_formed(o, t->words, t->size, &v) && oracle_boot(o, t->words, &v))) {
		fprintf(stderr, "  %s: %s\n", rule_info[v.rule].id, v.what);
		exit(1);
	}
	return o;
}

/* Exactly so much memory; size 0 has a byte that nobody may look at. */
static uint64_t *copied(const struct truth *t, size_t size)
{
	uint64_t *words = malloc(size ? size * sizeof(*words) : 1);

	if (!EXPECT(words))
		exit(1);
	memcpy(words, t->words, size * sizeof(*words));
	return words;
}

/* A verdict is a sentence with a rule. */
static void expect_verdict(bool ok, const struct verdict *v)
{
	EXPECT(ok || (v->broken && v->rule < RULE_COUNT && v->what[0] && v->field[0]));
}

TEST(the_true_state_is_accepted)
{
	struct truth t = truth();
	struct oracle *o = booted_oracle(&t, LINUX);
	struct verdict v;

	EXPECT(accepts(o, t.words, t.size, &v));
	oracle_destroy(o);
	free(t.words);
}

TEST(a_state_that_is_cut_off_anywhere_is_reported)
{
	struct truth t = truth();
	struct oracle *o = booted_oracle(&t, LINUX);

	for (size_t size = 0; size < t.size; size++) {
		uint64_t *words = copied(&t, size);
		struct verdict v = { 0 };

		EXPECT(!accepts(o, words, size, &v) && v.rule == RULE_STATE_SECTIONS);
		expect_verdict(false, &v);
		EXPECT(!boots(&t, LINUX, words, size, &v) && v.rule == RULE_STATE_SECTIONS);
		free(words);
	}
	oracle_destroy(o);
	free(t.words);
}

TEST(a_state_that_goes_on_after_its_end_is_reported)
{
	struct truth t = truth();
	struct oracle *o = booted_oracle(&t, LINUX);
	uint64_t *words = malloc((t.size + 2) * sizeof(*words));
	struct verdict v = { 0 };

	memcpy(words, t.words, t.size * sizeof(*words));
	words[t.size] = LB_STATE_END;
	words[t.size + 1] = 0;
	EXPECT(!oracle_well_formed(o, words, t.size + 2, &v) && v.rule == RULE_STATE_SECTIONS);
	words[t.size - 1] = 2;
	EXPECT(!oracle_well_formed(o, words, t.size + 2, &v) && v.rule == RULE_STATE_SECTIONS);
	free(words);
	oracle_destroy(o);
	free(t.words);
}

/* The type of an empty section: as absent it means the same. */
static bool names_empty_section(const struct truth *t, size_t word)
{
	for (size_t at = 0; at < t->size; at += 2 + (size_t)t->words[at + 1])
		if (at == word)
			return t->words[at + 1] == 0 && t->words[at] != LB_STATE_END;
	return false;
}

/* Every word, changed in every way that is near a border. @flags: which models look. */
static void change_each_word(uint32_t flags, bool each_is_found)
{
	struct truth t = truth();
	struct oracle *o = booted_oracle(&t, flags);

	for (size_t at = 0; at < t.size; at++) {
		const uint64_t true_word = t.words[at];
		const uint64_t changed[] = { 0,
					     1,
					     true_word - 1,
					     true_word + 1,
					     true_word ^ UINT64_C(1) << 56,
					     t.size,
					     t.m.max_pfn,
					     UINT64_C(1) << 32,
					     UINT64_C(1) << 63,
					     UINT64_MAX - 1,
					     UINT64_MAX };
		uint64_t *words = copied(&t, t.size);

		for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
			struct verdict v = { 0 };
			bool ok, may_pass = !each_is_found || names_empty_section(&t, at);

			if (changed[i] == true_word)
				continue;
			words[at] = changed[i];
			ok = accepts(o, words, t.size, &v);
			expect_verdict(ok, &v);
			if (!EXPECT(!ok || may_pass))
				fprintf(stderr, "  word %zu as %" PRIu64 "\n", at, changed[i]);
			v = (struct verdict){ 0 };
			expect_verdict(boots(&t, flags, words, t.size, &v), &v);
		}
		free(words);
	}
	oracle_destroy(o);
	free(t.words);
}

TEST(a_changed_word_is_reported_of_a_target_that_claims_linux)
{
	change_each_word(LINUX, true);
}

TEST(a_changed_word_is_reported_where_memory_is_deferred)
{
	deferring = true;
	change_each_word(LINUX, true);
	change_each_word(EAGER, false);
	deferring = false;
}

TEST(a_changed_word_hurts_nobody_where_only_the_audit_looks)
{
	change_each_word(EAGER, false);
}

/* Up to eight bits, anywhere. What passes is left to the test above; nothing may be hurt. */
TEST(flipped_bits_hurt_nobody)
{
	const uint32_t flags[] = { LINUX, EAGER, LB_TARGET_BUDDY };
	struct truth t = truth();
	struct random r = random_stream(1, 4);

	for (unsigned int i = 0; i < 3; i++) {
		struct oracle *o = booted_oracle(&t, flags[i]);

		for (unsigned int n = 0; n < 3000; n++) {
			uint64_t *words = copied(&t, t.size);
			struct verdict v = { 0 };

			for (uint32_t bits = random_between(&r, 1, 8); bits > 0; bits--)
				words[random_below(&r, (uint32_t)t.size)] ^=
					UINT64_C(1) << random_below(&r, 64);
			expect_verdict(accepts(o, words, t.size, &v), &v);
			v = (struct verdict){ 0 };
			expect_verdict(boots(&t, flags[i], words, t.size, &v), &v);
			free(words);
		}
		oracle_destroy(o);
	}
	free(t.words);
}

TEST_MAIN
