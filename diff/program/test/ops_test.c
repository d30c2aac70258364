/* What operations do to handles, by the program's rules alone (ops.def, facts 6). */
#include "program/internal.h"
#include "test.h"

enum { PLAIN, COMPOUND };

static struct handle_state state_of(uint8_t order, uint8_t compound, uint8_t refs)
{
	return (struct handle_state){ .order = order, .compound = compound, .refs = refs };
}

/* The handle after the operation is as expected, and so many handles are bound. */
static void after(struct op op, struct handle_state before, struct handle_state expect,
		  uint32_t results)
{
	struct handle_state state = before, born;

	EXPECT_EQ(handle_after(&op, &state, &born), results);
	EXPECT_EQ(state.order, expect.order);
	EXPECT_EQ(state.compound, expect.compound);
	EXPECT_EQ(state.refs, expect.refs);
}

static void refused(struct op op, struct handle_state before)
{
	EXPECT(op_is_refused(&op, &before));
	after(op, before, before, 0);
}

TEST(an_allocation_is_born_with_one_reference)
{
	struct op op = { .code = OP_ALLOC_PAGES, .order = 3, .gfp = 0xcc0, .node = NODE_NONE };
	struct handle_state born;

	EXPECT_EQ(handle_after(&op, NULL, &born), 1);
	EXPECT_EQ(born.order, 3);
	EXPECT_EQ(born.compound, 0);
	EXPECT_EQ(born.refs, 1);
	op.gfp |= 0x40000; /* COMP */
	handle_after(&op, NULL, &born);
	EXPECT_EQ(born.compound, 1);
	op.order = 0; /* a single page is not compound */
	handle_after(&op, NULL, &born);
	EXPECT_EQ(born.compound, 0);
}

TEST(from_NMI_everything_that_allocates_or_frees_is_refused)
{
	struct op op = { .code = OP_ALLOC_PAGES, .level = LEVEL_NMI, .node = NODE_NONE };
	struct op release = { .code = OP_FREE_PAGES_STRUCT, .level = LEVEL_NMI };
	struct op look = { .code = OP_VERIFY, .level = LEVEL_NMI };
	struct handle_state born, live = state_of(2, PLAIN, 1);

	EXPECT(op_is_refused(&op, NULL));
	EXPECT_EQ(handle_after(&op, NULL, &born), 1);
	EXPECT_EQ(born.refs, 0); /* its handle is born dead */
	refused(release, live);
	EXPECT(!op_is_refused(&look, &live));
}

TEST(the_last_free_kills_and_an_earlier_one_leaves_the_first_page)
{
	for (uint8_t code = OP_FREE_PAGES_STRUCT; code <= OP_FREE_PAGES; code++) {
		struct op op = { .code = code };

		after(op, state_of(3, PLAIN, 1), state_of(3, PLAIN, 0), 0);
		after(op, state_of(3, PLAIN, 2), state_of(0, PLAIN, 1), 0);
		after(op, state_of(3, COMPOUND, 2), state_of(3, COMPOUND, 1), 0);
		after(op, state_of(0, PLAIN, 3), state_of(0, PLAIN, 2), 0);
	}
}

TEST(references_go_up_to_eight_and_down_where_nothing_is_lost)
{
	struct op get = { .code = OP_GET_PAGE }, put = { .code = OP_PUT_PAGE };

	after(get, state_of(2, PLAIN, 7), state_of(2, PLAIN, 8), 0);
	refused(get, state_of(2, PLAIN, 8));
	after(put, state_of(2, PLAIN, 2), state_of(2, PLAIN, 1), 0);
	refused(put, state_of(2, PLAIN, 1)); /* it would free the first page and lose three */
	after(put, state_of(2, COMPOUND, 1), state_of(2, COMPOUND, 0), 0);
	after(put, state_of(0, PLAIN, 1), state_of(0, PLAIN, 0), 0);
}

TEST(splitting_binds_a_handle_a_page)
{
	struct op op = { .code = OP_SPLIT_PAGE };
	struct handle_state state = state_of(3, PLAIN, 1), born;

	EXPECT_EQ(handle_after(&op, &state, &born), 8);
	EXPECT_EQ(state.refs, 0);
	EXPECT_EQ(born.order, 0);
	EXPECT_EQ(born.refs, 1);
	refused(op, state_of(3, COMPOUND, 1));
	refused(op, state_of(0, PLAIN, 1));
	refused(op, state_of(3, PLAIN, 2));
	refused(op, state_of(11, PLAIN, 1)); /* no machine hands out so large a block */
}

TEST(a_wrong_order_is_carried_out_only_where_it_is_lower)
{
	struct op lower = { .code = OP_FREE_WRONG_ORDER, .order = 1 };
	struct op equal = { .code = OP_FREE_WRONG_ORDER, .order = 3 };

	after(lower, state_of(3, PLAIN, 1), state_of(3, PLAIN, 0), 0);
	refused(equal, state_of(3, PLAIN, 1));
	refused(lower, state_of(3, COMPOUND, 1));
	refused(lower, state_of(3, PLAIN, 2));
}

static const struct handle_state FRAGMENT = { 0, 0, 1, HANDLE_FRAGMENT };

TEST(a_fragment_is_born_alive_unless_it_was_refused)
{
	static const struct {
		uint32_t bytes;
		uint8_t level;
		bool alive;
	} cases[] = {
		{ 0, LEVEL_TASK, false },	   { 1, LEVEL_TASK, true },
		{ 32768, LEVEL_IRQ, true },	   { 32769, LEVEL_TASK, false },
		{ UINT32_MAX, LEVEL_TASK, false }, { 64, LEVEL_NMI, false },
		{ 64, LEVEL_SOFTIRQ, true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct op op = { .code = OP_PAGE_FRAG_ALLOC,
				 .level = cases[i].level,
				 .value = cases[i].bytes };
		struct handle_state born;

		EXPECT_EQ(op_is_refused(&op, NULL), !cases[i].alive);
		EXPECT_EQ(handle_after(&op, NULL, &born), 1);
		EXPECT_EQ(born.kind, HANDLE_FRAGMENT);
		EXPECT_EQ(born.refs, cases[i].alive);
		EXPECT_EQ(born.order, 0);
		EXPECT_EQ(born.compound, 0);
	}
}

TEST(a_fragment_has_one_reference_and_no_other_operation)
{
	struct op release = { .code = OP_PAGE_FRAG_FREE };
	struct handle_state state = FRAGMENT, born, block = { .refs = 1 }, dead = { .refs = 0 };

	for (uint8_t code = 0; code < OP_COUNT; code++) {
		struct op op = { .code = code };
		unsigned int arguments = op_info[code].arguments & ARGS_HANDLE;

		EXPECT_EQ(handle_serves(&op, &FRAGMENT), code == OP_PAGE_FRAG_FREE);
		EXPECT_EQ(handle_serves(&op, &block), arguments == ARG_HANDLE);
		EXPECT_EQ(handle_serves(&op, &dead), arguments == ARG_DEAD_HANDLE);
	}
	EXPECT(!op_is_refused(&release, &state));
	EXPECT_EQ(handle_after(&release, &state, &born), 0);
	EXPECT_EQ(state.refs, 0);
	EXPECT(!handle_serves(&release, &state));
	release.level = LEVEL_NMI;
	state = FRAGMENT;
	EXPECT(op_is_refused(&release, &state));
	handle_after(&release, &state, &born);
	EXPECT_EQ(state.refs, 1);
}

/* Facts 1: the 16th flag is head, which is no state but what a compound block is made of. */
TEST(what_is_refused_of_flags_and_huge_pages)
{
	struct op flag = { .code = OP_SET_PAGE_FLAG }, huge = { .code = OP_PREP_TRANSHUGE };
	struct op later = { .code = OP_DEFERRED_INIT, .node = NODE_NONE };

	for (flag.value = 0; flag.value < 200; flag.value++)
		EXPECT_EQ(op_is_refused(&flag, &(struct handle_state){ 2, 1, 1, HANDLE_BLOCK }),
			  flag.value / 2 == 16 || flag.value / 2 == 43 || flag.value / 2 == 70 ||
				  flag.value / 2 == 97);
	for (uint8_t order = 0; order <= 10; order++)
		for (uint8_t compound = 0; compound < 2; compound++) {
			struct handle_state state = { order, compound, 3, HANDLE_BLOCK }, born;

			EXPECT_EQ(op_is_refused(&huge, &state), !compound || order < 2);
			EXPECT_EQ(handle_after(&huge, &state, &born), 0);
			EXPECT_EQ(state.refs, 3);
		}
	EXPECT(op_is_refused(&later, NULL));
	later.node = 1;
	EXPECT(!op_is_refused(&later, NULL));
}

TEST(other_misuse_changes_no_handle)
{
	struct op tail = { .code = OP_FREE_TAIL, .page = 1 }, twice = { .code = OP_DOUBLE_FREE };
	struct op mapping = { .code = OP_SET_MAPPING, .page = 5, .value = 1 };

	refused(tail, state_of(3, PLAIN, 1));
	refused(twice, state_of(3, PLAIN, 0));
	refused(mapping, state_of(2, COMPOUND, 1)); /* page 5 modulo 4 is a tail */
	mapping.page = 4;
	EXPECT(!op_is_refused(&mapping, &(struct handle_state){ 2, 1, 1, HANDLE_BLOCK }));
	after(mapping, state_of(2, COMPOUND, 1), state_of(2, COMPOUND, 1), 0);
}

TEST(tunables_have_ranges)
{
	static const struct {
		uint8_t name;
		uint32_t value;
		bool refused;
	} cases[] = {
		{ SYSCTL_MIN_FREE_KBYTES, 0, false },
		{ SYSCTL_MIN_FREE_KBYTES, 0x7fffffff, false },
		{ SYSCTL_MIN_FREE_KBYTES, 0x80000000, true },
		{ SYSCTL_WATERMARK_SCALE_FACTOR, 0, true },
		{ SYSCTL_WATERMARK_SCALE_FACTOR, 1, false },
		{ SYSCTL_WATERMARK_SCALE_FACTOR, 3000, false },
		{ SYSCTL_WATERMARK_SCALE_FACTOR, 3001, true },
		{ SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION, 0, false },
		{ SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION, 7, true },
		{ SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION, 8, false },
		{ SYSCTL_LOWMEM_RESERVE_RATIO_DMA, 0, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct op op = { .code = OP_SYSCTL,
				 .name = cases[i].name,
				 .value = cases[i].value };

		EXPECT_EQ(op_is_refused(&op, NULL), cases[i].refused);
	}
}

TEST(appending_keeps_the_invariants)
{
	struct program p;
	char why[256];
	struct op alloc = { .code = OP_ALLOC_PAGES, .order = 2, .gfp = 0xcc0, .node = NODE_NONE };
	struct op release = { .code = OP_FREE_PAGES, .handle = 0 },
		  again = { .code = OP_DOUBLE_FREE, .handle = 0 };
	struct op wrong = { .code = OP_FREE_PAGES, .cpu = 1 };

	program_init(&p);
	EXPECT(!program_append(&p, &release)); /* P2: nothing is bound yet */
	EXPECT(program_append(&p, &alloc));
	EXPECT(!program_append(&p, &again)); /* P2: it is live */
	EXPECT(!program_append(&p, &wrong)); /* P3: there is one CPU */
	EXPECT(program_append(&p, &release));
	EXPECT(!program_append(&p, &release));
	EXPECT(program_append(&p, &again));
	EXPECT_EQ(p.nr_ops, 3);
	EXPECT_EQ(p.nr_handles, 1);
	EXPECT(program_check(&p, why));
	p.ops[1].first_result = 5;
	EXPECT(!program_check(&p, why));
	EXPECT_STR(why, "P1: operation 1 does not number its results in binding order");
	p.ops[1].first_result = 1;
	p.ops[1].handle = 1;
	EXPECT(!program_check(&p, why));
	EXPECT_STR(why, "P2: operation 1 uses a handle that is not in the state it needs");
	p.ops[1].handle = 0;
	p.ops[1].gfp = 1;
	EXPECT(!program_check(&p, why));
	EXPECT_STR(why, "P3: operation 1 has an argument out of its range");
	program_free(&p);
}

/*
 *   p0 = alloc 2      kept        p0
 *   p1 = alloc 1      removed
 *   p2..p5 = split p0 kept        p1..p4
 *   free p1           goes with p1
 *   free p3           kept        free p2
 */
TEST(rebuilding_follows_handles_through)
{
	struct program p;
	char why[256];
	struct op alloc = { .code = OP_ALLOC_PAGES, .order = 2, .gfp = 0xcc0, .node = NODE_NONE };
	struct op split = { .code = OP_SPLIT_PAGE, .handle = 0 },
		  release = { .code = OP_FREE_PAGES, .handle = 1 };
	bool keep[5] = { true, false, true, true, true };

	program_init(&p);
	EXPECT(program_append(&p, &alloc));
	alloc.order = 1;
	EXPECT(program_append(&p, &alloc) && program_append(&p, &split) &&
	       program_append(&p, &release));
	release.handle = 3;
	EXPECT(program_append(&p, &release));
	EXPECT_EQ(program_rebuild(&p, keep), 1);
	EXPECT(program_check(&p, why));
	EXPECT_EQ(p.nr_ops, 3);
	EXPECT_EQ(p.ops[1].first_result, 1);
	EXPECT_EQ(p.ops[2].handle, 2);
	p.ops[0].order = 1; /* now the split binds two pages: p1 and p2 */
	EXPECT_EQ(program_rebuild(&p, NULL), 0);
	EXPECT(program_check(&p, why));
	EXPECT_EQ(p.nr_handles, 3);
	p.machine.nr_cpus = 1;
	p.ops[0].cpu = 9; /* folded */
	EXPECT_EQ(program_rebuild(&p, NULL), 0);
	EXPECT_EQ(p.ops[0].cpu, 0);
	program_free(&p);
}

TEST(the_reference_page_names_every_operation)
{
	static char text[65536];

	EXPECT(language_print(text, sizeof(text)) < sizeof(text));
	for (int i = 0; i < OP_COUNT; i++)
		EXPECT(strstr(text, op_info[i].name) != NULL);
	for (int i = 0; i < SYSCTL_COUNT; i++)
		EXPECT(strstr(text, sysctl_names[i]) != NULL);
	EXPECT(strstr(text, "pN = alloc_pages(order=N, gfp=MASK, [node=N], [nodemask=0xN])") !=
	       NULL);
	EXPECT(strstr(text, "pA..pB = split_page(p0)") != NULL);
	EXPECT(strstr(text, "Keys of a machine:") != NULL);
	EXPECT(strstr(text, "    dma_end=PFN") != NULL);
}

/* Facts 1: some of the flags, by the bit they have there; and the page of the language says them. */
TEST(page_flags_have_the_bits_of_the_facts)
{
	static const struct {
		unsigned int bit;
		const char *name;
	} cases[] = {
		{ 0, "locked" },    { 4, "lru" },	   { 5, "active" },	{ 9, "slab" },
		{ 12, "reserved" }, { 13, "private" },	   { 14, "private_2" }, { 15, "writeback" },
		{ 16, "head" },	    { 20, "unevictable" }, { 21, "mlocked" },	{ 23, "hwpoison" },
		{ 24, "young" },    { 26, "arch_2" },
	};
	static char page[65536];
	char line[64];

	EXPECT(language_print(page, sizeof(page)) < sizeof(page));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		EXPECT_STR(page_flag_names[cases[i].bit], cases[i].name);
		snprintf(line, sizeof(line), "        %-2u %s\n", cases[i].bit, cases[i].name);
		EXPECT(strstr(page, line) != NULL);
	}
	for (unsigned int i = 0; i < PROGRAM_PAGE_FLAGS; i++)
		EXPECT(page_flag_names[i] != NULL);
	EXPECT_STR(page_flag_names[PROGRAM_FLAG_HEAD], "head");
}

TEST(gfp_names_are_the_numbers_of_the_facts)
{
	/* facts 5: each composite, and what its name must come out as */
	static const struct {
		uint32_t gfp;
		const char *text;
	} cases[] = {
		{ 0xcc0, "KERNEL" },
		{ 0xa20, "ATOMIC" },
		{ 0x800, "NOWAIT" },
		{ 0xc00, "NOIO" },
		{ 0xc40, "NOFS" },
		{ 0x100cc0, "USER" },
		{ 0x100cc2, "HIGHUSER" },
		{ 0x100cca, "HIGHUSER_MOVABLE" },
		{ 0x400cc0, "KERNEL_ACCOUNT" },
		{ 0x1c20ca, "TRANSHUGE_LIGHT" },
		{ 0x1c24ca, "TRANSHUGE" },
		{ 0xdc0, "KERNEL|ZERO" },
		{ 0xcd1, "KERNEL|DMA|RECLAIMABLE" },
		{ 0x200, "ATOMIC_BIT" },
		{ 0, "0x0" },
		{ 0x40000000, "0x40000000" },
		{ 0x240cc0, "KERNEL|COMP|THISNODE" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[128];
		struct printer out = { .buffer = text, .size = sizeof(text) };

		print_gfp(&out, cases[i].gfp);
		EXPECT_STR(text, cases[i].text);
	}
}

/* n pages asked for, of an array whose entries of the mask are filled: handles for the others only. */
TEST(a_bulk_allocation_binds_a_handle_for_each_hole)
{
	struct op bulk = {
		.code = OP_ALLOC_PAGES_BULK, .count = 6, .value = 0x25, .node = NODE_NONE
	};
	struct handle_state born;

	EXPECT_EQ(handle_after(&bulk, NULL, &born), 3); /* entries 0, 2 and 5 are filled */
	EXPECT_EQ(born.refs, 1);
	EXPECT_EQ(born.order, 0);
	EXPECT_EQ(bulk_entry(&bulk, 0), 1);
	EXPECT_EQ(bulk_entry(&bulk, 1), 3);
	EXPECT_EQ(bulk_entry(&bulk, 2), 4);
	bulk.value = 0x3f;
	EXPECT_EQ(handle_after(&bulk, NULL, &born), 0);
	bulk.value = 0xffffffc0; /* beyond the array */
	EXPECT_EQ(handle_after(&bulk, NULL, &born), 6);
	bulk.count = PROGRAM_MAX_COUNT;
	EXPECT_EQ(handle_after(&bulk, NULL, &born), 6);
	bulk.level = LEVEL_NMI;
	EXPECT_EQ(handle_after(&bulk, NULL, &born), 6);
	EXPECT_EQ(born.refs, 0); /* everybody refuses it */
}

TEST(a_list_and_an_exact_allocation_bind_as_many_as_are_asked_for)
{
	struct op op = { .code = OP_ALLOC_PAGES_BULK_LIST, .count = 5, .value = 0 };
	struct handle_state born;

	EXPECT_EQ(handle_after(&op, NULL, &born), 5);
	EXPECT_EQ(bulk_entry(&op, 4), 4);
	op.code = OP_ALLOC_PAGES_EXACT;
	EXPECT_EQ(handle_after(&op, NULL, &born), 5);
}

TEST(only_a_single_page_with_one_reference_is_put_back)
{
	struct op put = { .code = OP_PUT_FRAME };

	after(put, state_of(0, PLAIN, 1), state_of(0, PLAIN, 0), 0);
	refused(put, state_of(0, PLAIN, 2));
	refused(put, state_of(1, PLAIN, 1));
}

TEST_MAIN
