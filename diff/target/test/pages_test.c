/*
 * The core behind the target's table: fragments, page states, writes to free pages, and the sections of the
 * export that go with them.
 */
#include "target/builtin.h"
#include "test.h"

#include <stdlib.h>

enum { MAX_WORDS = 1 << 16 };

struct bed {
	void *core;
	uint64_t words[MAX_WORDS];
	size_t n;
};

/* Fields of a machine that are not in its line. */
struct switches {
	uint32_t shuffle, debug_pagealloc, guard_order, init_on_alloc, init_on_free, page_poison;
};

static void open_switched(struct bed *b, const char *line, struct switches on)
{
	static struct machine m; /* stays valid until destroy */
	struct text_error error = { 0 };
	char why[TARGET_ERROR_SIZE] = "";
	bool parsed = machine_parse_line(&m, line, &error);

	m.shuffle = on.shuffle;
	m.debug_pagealloc = on.debug_pagealloc;
	m.guard_order = on.guard_order;
	m.init_on_alloc = on.init_on_alloc;
	m.init_on_free = on.init_on_free;
	m.page_poison = on.page_poison;
	b->core = parsed && machine_check(&m, &error) ? core_target.create(&m, why) : NULL;
	if (!b->core) {
		fprintf(stderr, "%s: %s%s\n", line, error.what, why);
		exit(1);
	}
}

static void open_bed(struct bed *b, const char *line)
{
	open_switched(b, line, (struct switches){ 0 });
}

static void close_bed(struct bed *b)
{
	core_target.destroy(b->core);
}

static struct lb_result run(struct bed *b, struct lb_call call)
{
	struct lb_result r;

	call.node = NODE_NONE;
	core_target.exec(b->core, &call, &r);
	return r;
}

enum { KERNEL = 0xcc0, ATOMIC = 0xa20, COMP = 0x40000, ZERO = 0x100, BOTH = 0x18 };

static uint64_t block(struct bed *b, unsigned int order, uint32_t gfp)
{
	struct lb_result r = run(
		b, (struct lb_call){ .op = OP_ALLOC_PAGES, .order = (uint8_t)order, .gfp = gfp });

	EXPECT_EQ(r.outcome, LB_BLOCK);
	return r.pfn;
}

static struct lb_result give_back(struct bed *b, uint64_t pfn, unsigned int order)
{
	return run(b, (struct lb_call){ .op = OP_FREE_PAGES_STRUCT,
					.pfn = pfn,
					.block_order = (uint8_t)order });
}

/* The words of a section, *n of them; NULL: the export has none. */
static const uint64_t *section(struct bed *b, enum lb_state_section type, size_t *n)
{
	b->n = core_target.export_state(b->core, b->words, MAX_WORDS);
	EXPECT(b->n <= MAX_WORDS);
	*n = 0;
	for (size_t at = 0; b->words[at] != LB_STATE_END; at += 2 + b->words[at + 1])
		if (b->words[at] == type) {
			*n = b->words[at + 1];
			return &b->words[at + 2];
		}
	return NULL;
}

static bool has_section(struct bed *b, enum lb_state_section type)
{
	size_t n;

	return section(b, type, &n) != NULL;
}

/* There, with nothing in it. */
static bool is_empty(struct bed *b, enum lb_state_section type)
{
	size_t n;

	return section(b, type, &n) && n == 0;
}

static bool same(const struct lb_result *r, enum lb_outcome outcome, enum lb_reason reason)
{
	return r->outcome == outcome && r->reason == reason;
}

TEST(a_switchs_section_is_there_iff_the_switch_is)
{
	static const struct {
		struct switches on;
		bool random, guards, contents;
	} rows[] = {
		{ { 0 }, false, false, false },
		{ { .shuffle = 9 }, true, false, false },
		{ { .debug_pagealloc = 1 }, false, false, false },
		{ { .debug_pagealloc = 1, .guard_order = 2 }, false, true, false },
		{ { .init_on_alloc = 1 }, false, false, false },
		{ { .init_on_free = 1 }, false, false, true },
		{ { .page_poison = 1 }, false, false, true },
	};
	static struct bed b;

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_switched(&b, "pages=256", rows[i].on);
		EXPECT_EQ(has_section(&b, LB_STATE_RANDOM), rows[i].random);
		EXPECT_EQ(has_section(&b, LB_STATE_GUARDS), rows[i].guards);
		EXPECT_EQ(has_section(&b, LB_STATE_CONTENTS), rows[i].contents);
		EXPECT(has_section(&b, LB_STATE_FRAG_CACHES));
		EXPECT(has_section(&b, LB_STATE_FRAG_BLOCKS));
		EXPECT(has_section(&b, LB_STATE_DESTRUCTORS));
		close_bed(&b);
	}
}

TEST(fragments_show_where_they_lie_and_what_holds_their_block)
{
	static struct bed b;
	size_t n;

	open_bed(&b, "pages=512 cpus=2");
	const uint64_t *caches = section(&b, LB_STATE_FRAG_CACHES, &n);

	EXPECT_EQ(n, 2 * 5);
	EXPECT(caches[0] == UINT64_MAX && caches[5] == UINT64_MAX);
	struct lb_call take = { .op = OP_PAGE_FRAG_ALLOC, .value = 5000, .gfp = KERNEL, .cpu = 1 };
	struct lb_result first = run(&b, take), second = run(&b, take);

	/* 32768 - 5000 = 27768 = 6 * 4096 + 3192, less 5000 = 22768 = 5 * 4096 + 2288 */
	EXPECT(same(&first, LB_BLOCK, LB_REASON_NONE));
	EXPECT_EQ(first.offset, 3192);
	EXPECT_EQ(second.offset, 2288);
	EXPECT_EQ(second.pfn, first.pfn - 1);
	uint64_t head = first.pfn - 6;

	caches = section(&b, LB_STATE_FRAG_CACHES, &n);
	EXPECT_EQ(caches[5], head);
	EXPECT_EQ(caches[6], 32768);
	EXPECT_EQ(caches[7], 22768);
	EXPECT_EQ(caches[8], 32767);
	EXPECT_EQ(caches[9], 0);
	const uint64_t *blocks = section(&b, LB_STATE_FRAG_BLOCKS, &n);

	EXPECT_EQ(n, 3);
	EXPECT(blocks && blocks[0] == head && blocks[1] == 3 && blocks[2] == 32769);
	/* the cache goes, the fragments' references are left; then they go, one by one */
	run(&b, (struct lb_call){ .op = OP_PAGE_FRAG_DRAIN, .cpu = 1 });
	blocks = section(&b, LB_STATE_FRAG_BLOCKS, &n);
	EXPECT(blocks && blocks[0] == head && blocks[2] == 2);
	struct lb_call drop = { .op = OP_PAGE_FRAG_FREE, .pfn = first.pfn, .offset = first.offset };
	struct lb_result r = run(&b, drop);

	EXPECT(same(&r, LB_DONE, LB_REASON_NONE));
	EXPECT(has_section(&b, LB_STATE_FRAG_BLOCKS));
	drop.pfn = second.pfn;
	drop.offset = second.offset;
	run(&b, drop);
	EXPECT(is_empty(&b, LB_STATE_FRAG_BLOCKS));
	r = run(&b, drop);
	EXPECT(same(&r, LB_REFUSED, LB_NOT_HELD));
	/* somebody else's block is no fragment's, and a reset forgets them all */
	block(&b, 3, KERNEL | COMP);
	EXPECT(is_empty(&b, LB_STATE_FRAG_BLOCKS));
	run(&b, take);
	EXPECT(has_section(&b, LB_STATE_FRAG_BLOCKS));
	core_target.reset(b.core);
	EXPECT(is_empty(&b, LB_STATE_FRAG_BLOCKS));
	EXPECT_EQ(core_target.paths(b.core)[LB_PATH_FRAG_REFILL], 0);
	close_bed(&b);
}

TEST(fragments_that_cannot_be_are_refused_or_null)
{
	static const struct {
		struct lb_call call;
		enum lb_outcome outcome;
		enum lb_reason reason;
	} rows[] = {
		{ { .value = 0, .gfp = KERNEL }, LB_REFUSED, LB_BAD_RANGE },
		{ { .value = 32769, .gfp = KERNEL }, LB_REFUSED, LB_BAD_RANGE },
		{ { .value = 1, .gfp = KERNEL | BOTH }, LB_REFUSED, LB_BAD_TYPE },
		{ { .value = 1, .gfp = ATOMIC, .level = LEVEL_NMI }, LB_REFUSED, LB_BAD_CONTEXT },
		{ { .value = 4097, .gfp = ATOMIC, .fail_nth = 1 }, LB_NULL, LB_NO_MEMORY },
		/* the block of order 0 is nobody else's: begun anew, and too small again */
		{ { .value = 32768, .gfp = KERNEL }, LB_NULL, LB_NO_MEMORY },
		{ { .value = 4096, .gfp = KERNEL }, LB_BLOCK, LB_REASON_NONE },
		/* now somebody has a piece of it */
		{ { .value = 32768, .gfp = KERNEL }, LB_BLOCK, LB_REASON_NONE },
	};
	static struct bed b;

	open_bed(&b, "pages=256");
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lb_call call = rows[i].call;

		call.op = OP_PAGE_FRAG_ALLOC;
		struct lb_result r = run(&b, call);

		EXPECT(same(&r, rows[i].outcome, rows[i].reason));
	}
	EXPECT_EQ(core_target.paths(b.core)[LB_PATH_FRAG_REFILL], 2);
	EXPECT_EQ(core_target.paths(b.core)[LB_PATH_FRAG_REUSE], 1);
	close_bed(&b);
}

TEST(page_flags_show_in_the_export_until_they_are_cleared)
{
	static struct bed b;
	size_t n;

	open_bed(&b, "pages=256");
	uint64_t pfn = block(&b, 1, KERNEL);

	for (unsigned int flag = 0; flag < PROGRAM_PAGE_FLAGS; flag++)
		for (unsigned int page = 0; page < 2; page++) {
			struct lb_call call = { .op = OP_SET_PAGE_FLAG,
						.pfn = pfn,
						.page = page,
						.value = 2 * (flag + PROGRAM_PAGE_FLAGS) + 1 };
			struct lb_result r = run(&b, call);
			bool allowed = flag != PROGRAM_FLAG_HEAD;

			EXPECT(same(&r, allowed ? LB_DONE : LB_REFUSED,
				    allowed ? LB_REASON_NONE : LB_NOT_ALLOWED));
			const uint64_t *bad = section(&b, LB_STATE_BAD_PAGES, &n);

			EXPECT_EQ(n, allowed ? 2 : 0);
			EXPECT(!allowed || (bad[0] == pfn + page && bad[1] == UINT64_C(4) << flag));
			call.value--;
			run(&b, call);
			section(&b, LB_STATE_BAD_PAGES, &n);
			EXPECT_EQ(n, 0);
		}
	close_bed(&b);
	open_bed(&b, "pages=256 checks=off");
	pfn = block(&b, 0, KERNEL);
	struct lb_result r =
		run(&b, (struct lb_call){ .op = OP_SET_PAGE_FLAG, .pfn = pfn, .value = 1 });

	EXPECT(same(&r, LB_REFUSED, LB_NOT_ALLOWED));
	close_bed(&b);
}

TEST(broken_memory_is_lost_and_a_marked_page_is_not_put_back)
{
	static struct bed b;
	size_t n;

	open_bed(&b, "pages=256");
	for (unsigned int flag = 0; flag < PROGRAM_PAGE_FLAGS; flag++) {
		uint64_t pfn = block(&b, 0, KERNEL);
		struct lb_call mark = { .op = OP_SET_PAGE_FLAG, .pfn = pfn, .value = 2 * flag + 1 };

		if (flag == PROGRAM_FLAG_HEAD)
			continue;
		run(&b, mark);
		struct lb_result r = run(&b, (struct lb_call){ .op = OP_PUT_FRAME, .pfn = pfn });

		EXPECT(same(&r, LB_REFUSED, LB_NOT_ALLOWED));
		r = give_back(&b, pfn, 0);
		EXPECT_EQ(r.leaked, flag == 23);
		EXPECT_EQ(r.warnings, 0);
		/* what is lost is no bad page, what is free has no flag */
		section(&b, LB_STATE_BAD_PAGES, &n);
		EXPECT_EQ(n, 0);
	}
	EXPECT_EQ(core_target.paths(b.core)[LB_PATH_HWPOISON], 1);
	EXPECT_EQ(core_target.paths(b.core)[LB_PATH_BAD_PAGE], 0);
	EXPECT(has_section(&b, LB_STATE_LEAKED));
	close_bed(&b);
}

TEST(destructors_are_exported_while_their_block_is_held)
{
	static struct bed b;
	size_t n;

	open_bed(&b, "pages=512");
	for (unsigned int order = 0; order < 4; order++)
		for (unsigned int comp = 0; comp < 2; comp++) {
			uint64_t pfn = block(&b, order, comp ? KERNEL | COMP : KERNEL);
			bool allowed = comp && order >= 2;
			struct lb_result r =
				run(&b, (struct lb_call){ .op = OP_PREP_TRANSHUGE,
							  .pfn = pfn,
							  .block_order = (uint8_t)order });

			EXPECT(same(&r, allowed ? LB_DONE : LB_REFUSED,
				    allowed ? LB_REASON_NONE : LB_NOT_ALLOWED));
			const uint64_t *destructors = section(&b, LB_STATE_DESTRUCTORS, &n);

			EXPECT_EQ(n, allowed);
			EXPECT(!allowed || destructors[0] == pfn);
			run(&b, (struct lb_call){ .op = OP_PUT_PAGE,
						  .pfn = pfn,
						  .block_order = (uint8_t)order });
			EXPECT(is_empty(&b, LB_STATE_DESTRUCTORS));
		}
	EXPECT_EQ(core_target.paths(b.core)[LB_PATH_DESTRUCTOR_THP], 2);
	EXPECT_EQ(core_target.paths(b.core)[LB_PATH_DESTRUCTOR_COMPOUND], 1);
	close_bed(&b);
}

TEST(a_write_to_a_free_page_is_exported_and_noticed)
{
	static struct bed b;
	size_t n;

	open_switched(&b, "pages=256", (struct switches){ .page_poison = 1 });
	uint64_t pfn = block(&b, 2, KERNEL);
	struct lb_call write = {
		.op = OP_WRITE_FREED, .pfn = pfn, .block_order = 2, .page = 1, .value = 0xab
	};
	struct lb_result r = run(&b, write);

	EXPECT(same(&r, LB_REFUSED, LB_BUSY));
	give_back(&b, pfn, 2);
	r = run(&b, write);
	EXPECT(same(&r, LB_DONE, LB_REASON_NONE));
	const uint64_t *contents = section(&b, LB_STATE_CONTENTS, &n);

	EXPECT_EQ(n, 2);
	EXPECT(n && contents[0] == pfn + 1 && contents[1] == 0xab);
	write.page = 2;
	write.value = 0x7777; /* modulo 256 */
	run(&b, write);
	contents = section(&b, LB_STATE_CONTENTS, &n);
	EXPECT_EQ(n, 4);
	EXPECT(n == 4 && contents[2] == pfn + 2 && contents[3] == 0x77);
	r = run(&b, (struct lb_call){ .op = OP_ALLOC_PAGES, .order = 2, .gfp = KERNEL });
	EXPECT_EQ(r.pfn, pfn);
	EXPECT_EQ(r.warnings, LB_WARN_POISON | LB_WARN_BIT_FLIP);
	EXPECT_EQ(core_target.paths(b.core)[LB_PATH_POISON], 2);
	section(&b, LB_STATE_CONTENTS, &n);
	EXPECT_EQ(n, 0);
	/* back to boot: nothing is known of the old write */
	give_back(&b, pfn, 2);
	run(&b, write);
	core_target.reset(b.core);
	section(&b, LB_STATE_CONTENTS, &n);
	EXPECT_EQ(n, 0);
	r = run(&b, (struct lb_call){ .op = OP_ALLOC_PAGES, .order = 2, .gfp = KERNEL });
	EXPECT_EQ(r.pfn, pfn);
	EXPECT_EQ(r.warnings, 0);
	close_bed(&b);
}

TEST(unmapped_pages_are_not_written_to)
{
	static struct bed b;

	open_switched(&b, "pages=256", (struct switches){ .debug_pagealloc = 1, .page_poison = 1 });
	uint64_t pfn = block(&b, 0, KERNEL);
	struct lb_call write = { .op = OP_WRITE_FREED, .pfn = pfn, .value = 1 };
	struct lb_result r = run(&b, write);

	EXPECT(same(&r, LB_REFUSED, LB_NOT_FRAME)); /* before anybody asks who holds it */
	give_back(&b, pfn, 0);
	r = run(&b, write);
	EXPECT(same(&r, LB_REFUSED, LB_NOT_FRAME));
	r = run(&b, (struct lb_call){ .op = OP_ALLOC_PAGES, .gfp = KERNEL });
	EXPECT_EQ(r.warnings, 0);
	close_bed(&b);
}

TEST(guards_and_the_random_pool_are_exported)
{
	static struct bed b;
	size_t n;

	open_switched(&b, "pages=512", (struct switches){ .debug_pagealloc = 1, .guard_order = 2 });
	struct lb_result r = run(&b, (struct lb_call){ .op = OP_TAKE_FRAME, .pfn = 200 });

	EXPECT(same(&r, LB_BLOCK, LB_REASON_NONE));
	const uint64_t *guards = section(&b, LB_STATE_GUARDS, &n);
	static const uint64_t expect[] = { 201, 0, 202, 1 };

	EXPECT_EQ(n, 4);
	EXPECT(n == 4 && memcmp(guards, expect, sizeof(expect)) == 0);
	r = run(&b, (struct lb_call){ .op = OP_TAKE_FRAME, .pfn = 203 });
	EXPECT(same(&r, LB_REFUSED, LB_BUSY));
	run(&b, (struct lb_call){ .op = OP_PUT_FRAME, .pfn = 200 });
	section(&b, LB_STATE_GUARDS, &n);
	EXPECT_EQ(n, 0);
	EXPECT_EQ(core_target.paths(b.core)[LB_PATH_GUARD], 2);
	EXPECT_EQ(core_target.paths(b.core)[LB_PATH_GUARD_MERGE], 2);
	close_bed(&b);
	open_switched(&b, "pages=512 nodes=2", (struct switches){ .shuffle = 7 });
	const uint64_t *random = section(&b, LB_STATE_RANDOM, &n);

	EXPECT_EQ(n, 3);
	/* the pool is empty, and the generator so many whole steps from its seed */
	EXPECT(random[1] == 0 && random[2] == 0);
	uint64_t steps = 0;

	while (steps < 1000 && 7 + steps * UINT64_C(0x9e3779b97f4a7c15) != random[0])
		steps++;
	EXPECT(steps > 0 && steps < 1000);
	close_bed(&b);
}

TEST_MAIN
