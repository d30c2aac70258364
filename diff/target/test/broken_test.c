/*
 * Each broken allocator is reported for what it is, and the correct one is clean: short programs by
 * hand, then programs of the generator, in which any finding will do but none may be of the correct
 * one.
 */
#include "judge/test/judging.h"

#include "target/broken/broken.h"

#define A_PAGE(p) "p" p " = alloc_page(gfp=KERNEL)\n"
#define THREE_PAGES A_PAGE("0") A_PAGE("1") A_PAGE("2")
#define A_FRAGMENT(p) "p" p " = page_frag_alloc(gfp=KERNEL, value=16)\n"
#define FREE(p) "__free_pages(p" p ")\n"

static const struct {
	const char *target, *id, *program;
	uint32_t op;
} expected[] = {
	{ "broken:correct", "", THREE_PAGES FREE("1") FREE("0") FREE("2"), 0 },
	{ "broken:leaks", "contract.leak", THREE_PAGES FREE("0") FREE("1") FREE("2"), 6 },
	{ "broken:overlaps", "contract.overlap", THREE_PAGES, 2 },
	{ "broken:loses-buddies", "buddy.unmerged", A_PAGE("0") A_PAGE("1") FREE("1"), 3 },
	{ "broken:misaligns", "contract.align", "p0 = alloc_pages(order=3, gfp=KERNEL)\n", 0 },
	{ "broken:invents-frames", "contract.frames", THREE_PAGES, 2 },
	{ "broken:accepts-double-free", "contract.double-free-accepted",
	  A_PAGE("0") FREE("0") "double_free(p0)\n", 2 },
	{ "broken:fails-without-need", "contract.unjustified-failure",
	  A_PAGE("0") A_PAGE("1") FREE("0") A_PAGE("2"), 3 },
	{ "broken:forgets-to-zero", "contract.zeroed",
	  A_PAGE("0") FREE("0") "p1 = get_zeroed_page(gfp=KERNEL)\n", 2 },
	{ "broken:scribbles", "contract.contents", A_PAGE("0") A_PAGE("1") FREE("0") FREE("1"), 3 },
	{ "broken:ignores-top-order", "contract.order", "p0 = alloc_pages(order=9, gfp=KERNEL)\n",
	  0 },
	{ "broken:accepts-bad-frees", "contract.bad-free-accepted",
	  "p0 = alloc_pages(order=1, gfp=KERNEL)\nfree_tail(p0, page=1)\n", 1 },
	{ "broken:refuses-frees", "contract.free-refused",
	  THREE_PAGES FREE("0") FREE("1") FREE("2"), 5 },
	{ "broken:serves-nmi", "contract.context", "p0 = alloc_page(gfp=KERNEL) @cpu0/nmi\n", 0 },
	{ "broken:hangs", "target.hang", THREE_PAGES, 2 },
	{ "broken:crashes", "target.crash", THREE_PAGES FREE("0") FREE("1") FREE("2"), 5 },
	{ "broken:corrupts-itself", "target.crash", THREE_PAGES FREE("0") FREE("1") FREE("2"), 5 },
	{ "broken:crosses-zones", "zone.limit", "p0 = alloc_page(gfp=KERNEL|DMA)\n", 0 },
	{ "broken:core-fails-without-need", "zone.unjustified-failure", THREE_PAGES, 2 },
	{ "broken:core-leaks", "buddy.lost", THREE_PAGES FREE("0") FREE("1") FREE("2") "check()\n",
	  5 },
	{ "broken:core-miscounts", "buddy.accounting", A_PAGE("0") FREE("0") "check()\n", 1 },
	{ "broken:core-overmanages", "zone.managed", A_PAGE("0") FREE("0") "check()\n", 1 },
	{ "broken:core-loses-buddies", "buddy.unmerged", A_PAGE("0") FREE("0") "check()\n", 1 },
	{ "broken:core-refuses-sharing", "contract.sharing", A_PAGE("0") "get_page(p0)\n", 1 },
	{ "broken:core-misaligns", "buddy.natural-alignment", A_PAGE("0") FREE("0") "check()\n",
	  1 },
	{ "broken:core-lists-twice", "buddy.frame-twice", A_PAGE("0") FREE("0") "check()\n", 1 },
	{ "broken:core-loses-nothings", "buddy.absent-listed", A_PAGE("0") FREE("0") "check()\n",
	  1 },
	{ "broken:core-hides-losses", "buddy.ledger",
	  "p0 = alloc_pages(order=1, gfp=KERNEL)\nfree_wrong_order(p0, order=0)\n" A_PAGE("1")
		  FREE("1") "check()\n",
	  3 },
	{ "broken:core-miscounts-page-sets", "buddy.pcp-count", A_PAGE("0") FREE("0") "check()\n",
	  1 },
	{ "broken:core-cuts-its-state", "state.sections", A_PAGE("0") FREE("0") "check()\n", 1 },
	{ "broken:core-overcounts", "contract.bulk",
	  "p0..p2 = alloc_pages_bulk_list(n=3, gfp=KERNEL)\n", 0 },
	{ "broken:core-forgets-policies", "contract.bound",
	  "lostbuddy 1\nmachine nodes=2\n" A_PAGE("0")
		  FREE("0") "set_mempolicy(nodemask=0x2, mode=bind)\n" A_PAGE("1"),
	  3 },
	{ "broken:core-forgets-isolation", "buddy.isolated-listed", "isolate_range(value=4)\n", 0 },
	{ "broken:core-dirties-pages", "contents.init-on-alloc",
	  "lostbuddy 1\nmachine init_on_alloc=1\n" A_PAGE("0"), 0 },
	{ "broken:core-gives-isolated", "buddy.isolated-given",
	  "isolate_range(value=4)\ndrain_all_pages()\n" A_PAGE("0"), 2 },
	{ "broken:core-overlaps-fragments", "contract.frag-overlap",
	  A_FRAGMENT("0") A_FRAGMENT("1"), 1 },
	{ "broken:core-hides-fragments", "buddy.frag-held",
	  A_PAGE("0") FREE("0") A_FRAGMENT("1") "check()\n", 2 },
	{ "broken:core-miscounts-fragments", "buddy.frag-references",
	  A_PAGE("0") FREE("0") A_FRAGMENT("1") "check()\n", 2 },
};

enum { EXPECTED = sizeof(expected) / sizeof(expected[0]) };

static struct outcome judged_case(const char *target, const char *program)
{
	const struct judge_options quick = { .timeout_ms = 300 };
	char text[1024];

	/* most programs run on one machine */
	bool whole = strncmp(program, "lostbuddy", strlen("lostbuddy")) == 0;

	snprintf(text, sizeof(text), "%s%s", whole ? "" : MACHINE, program);
	return judged_with(given_target(target), &quick, text);
}

TEST(each_fault_is_reported_for_what_it_is)
{
	for (unsigned int i = 0; i < EXPECTED; i++) {
		struct outcome o = judged_case(expected[i].target, expected[i].program);

		if (!EXPECT_STR(finding_id(&o), expected[i].id) || !EXPECT_EQ(o.op, expected[i].op))
			fprintf(stderr, "  %s: operation %u: %s %s\n", expected[i].target, o.op,
				o.signature, o.verdict.what);
	}
}

TEST(every_member_of_the_family_has_its_case)
{
	const struct lb_target *t;

	for (unsigned int n = 0; (t = broken_target(n, NULL)); n++) {
		unsigned int cases = 0;

		for (unsigned int i = 0; i < EXPECTED; i++)
			cases += strcmp(expected[i].target, t->name) == 0;
		if (!EXPECT_EQ(cases, 1))
			fprintf(stderr, "  %s\n", t->name);
	}
}

TEST(every_rule_of_the_audit_is_broken_by_a_member_of_the_family)
{
	static const enum rule rules[] = {
#define RULE(NAME, id, level, sentence, source) RULE_##NAME,
#include "oracle/rules_audit.def"
#undef RULE
	};

	for (size_t r = 0; r < sizeof(rules) / sizeof(rules[0]); r++) {
		unsigned int cases = 0;

		for (unsigned int i = 0; i < EXPECTED; i++)
			cases += strcmp(expected[i].id, rule_info[rules[r]].id) == 0;
		if (!EXPECT(cases > 0))
			fprintf(stderr, "  %s\n", rule_info[rules[r]].id);
	}
}

/* Runs generated programs until one has a finding. Returns how many were run, 0: none had. */
static unsigned int runs_until_found(const struct lb_target *target, unsigned int programs,
				     struct outcome *outcome)
{
	const struct judge_options quick = { .timeout_ms = 300 };
	const struct generator_options options = { .seed = 1,
						   .capabilities = target->capabilities,
						   .misuse = true };
	struct generator *g = generator_create(&options);
	struct judge *j = judge_create(target, &quick);
	struct program p;
	unsigned int found = 0;

	program_init(&p);
	for (unsigned int i = 1; i <= programs && !found; i++)
		if (EXPECT(generator_next(g, &p)) && !judge_run(j, &p, outcome))
			found = i;
	program_free(&p);
	judge_destroy(j);
	generator_destroy(g);
	return found;
}

TEST(generated_programs_find_every_fault_and_nothing_in_the_correct_one)
{
	const struct lb_target *t;

	for (unsigned int n = 0; (t = broken_target(n, NULL)); n++) {
		bool correct = n == FAULT_NONE;
		struct outcome o = { 0 };
		unsigned int found = runs_until_found(t, correct ? 2000 : 500, &o);

		if (!EXPECT((found == 0) == correct))
			fprintf(stderr, "  %s after %u programs: operation %u: %s %s\n", t->name,
				found, o.op, o.signature, o.verdict.what);
	}
}

TEST_MAIN
