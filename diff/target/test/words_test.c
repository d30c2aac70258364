/*
 * The core's export is the oracle's, word for word: equal states are equal words, so that a comparison is one pass over
 * memory. Sections in another order, or one that only one side writes, would be no divergence, but make every comparison
 * go the long way (three times as slow).
 */
#include "oracle/oracle.h"
#include "target/builtin.h"
#include "test.h"

#include <stdlib.h>

enum { MAX_WORDS = 1 << 16 };

static uint64_t actual[MAX_WORDS], expect[MAX_WORDS];

static void expect_equal_words(void *core, const struct oracle *o, const char *line,
			       const char *when)
{
	size_t n_actual = core_target.export_state(core, actual, MAX_WORDS);
	size_t n_expect = oracle_export(o, expect, MAX_WORDS);
	size_t at = 0;

	EXPECT(n_actual <= MAX_WORDS && n_expect <= MAX_WORDS);
	while (at < n_actual && at < n_expect && actual[at] == expect[at])
		at++;
	if (!EXPECT(at == n_actual && at == n_expect))
		fprintf(stderr, "  %s: %s, word %zu of %zu and %zu\n", line, when, at, n_actual,
			n_expect);
}

static struct lb_result step(void *core, struct oracle *o, struct lb_call call)
{
	struct lb_result r;
	struct verdict v;

	call.node = NODE_NONE;
	core_target.exec(core, &call, &r);
	if (!EXPECT(oracle_step(o, &call, &r, NULL, &v)))
		fprintf(stderr, "  %s\n", v.what);
	return r;
}

enum { KERNEL = 0xcc0, COMP = 0x40000 };

/* Something of every kind of section: page lists, a compound block with a destructor, fragments, a guard, marks. */
static void expect_equal_on(const char *line)
{
	struct machine m;
	struct text_error error = { 0 };
	struct verdict v;
	char why[TARGET_ERROR_SIZE] = "";

	if (!EXPECT(machine_parse_line(&m, line, &error)))
		fprintf(stderr, "  %s\n", error.what);
	void *core = core_target.create(&m, why);
	struct oracle *o = oracle_create(&m, core_target.flags, core_target.capabilities, true);

	EXPECT(core && o);
	EXPECT(core_target.export_state(core, actual, MAX_WORDS) <= MAX_WORDS);
	EXPECT(oracle_boot(o, actual, &v));
	expect_equal_words(core, o, line, "after boot");

	struct lb_result page =
		step(core, o, (struct lb_call){ .op = OP_ALLOC_PAGE, .gfp = KERNEL });
	struct lb_result huge =
		step(core, o,
		     (struct lb_call){ .op = OP_ALLOC_PAGES, .order = 3, .gfp = KERNEL | COMP });

	step(core, o,
	     (struct lb_call){
		     .op = OP_PREP_TRANSHUGE, .pfn = huge.pfn, .block_order = 3, .compound = 1 });
	step(core, o, (struct lb_call){ .op = OP_PAGE_FRAG_ALLOC, .gfp = KERNEL, .value = 100 });
	step(core, o, (struct lb_call){ .op = OP_SET_MAPCOUNT, .pfn = page.pfn, .value = 1 });
	expect_equal_words(core, o, line, "with blocks and fragments");
	step(core, o, (struct lb_call){ .op = OP_SET_MAPCOUNT, .pfn = page.pfn, .value = 0 });
	step(core, o, (struct lb_call){ .op = OP_FREE_PAGES_STRUCT, .pfn = page.pfn });
	expect_equal_words(core, o, line, "after a free");
	oracle_destroy(o);
	core_target.destroy(core);
}

TEST(equal_states_are_equal_words)
{
	static const char *const lines[] = {
		"pages=512",
		"pages=512 profile=linux-5.10 nodes=2 cpus=4",
		"pages=2048 nodes=3 absent_nodes=0x2 cpus=2",
		"pages=512 shuffle=7",
		"pages=512 debug_pagealloc=1 guard_order=3",
		"pages=512 init_on_free=1",
		"pages=512 page_poison=1 init_on_alloc=1",
		"pages=2048 section=128 deferred=1",
	};

	for (unsigned int i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		expect_equal_on(lines[i]);
}

TEST_MAIN
