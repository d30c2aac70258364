/* The text of programs: what is read, what is printed, and what is said of what is wrong. */
#include <stdlib.h>
#include <unistd.h>

#include "program/internal.h"
#include "test.h"

static bool parse(struct program *p, const char *text, struct text_error *error)
{
	return program_parse(p, text, strlen(text), error);
}

/* The text is read and printed as @expect. */
static void prints(const char *text, const char *expect)
{
	struct program p;
	struct text_error error;
	static char printed[65536];
	char why[256];

	program_init(&p);
	if (EXPECT(parse(&p, text, &error)) && EXPECT(program_check(&p, why))) {
		EXPECT_EQ(program_print(&p, printed, sizeof(printed)), strlen(expect));
		EXPECT_STR(printed, expect);
	} else {
		fprintf(stderr, "  %u:%u: %s\n", error.line, error.column, error.what);
	}
	program_free(&p);
}

static void refused(const char *lines, unsigned int line, unsigned int column, const char *what)
{
	struct program p;
	struct text_error error;
	char text[1024], why[256];

	snprintf(text, sizeof(text), "lostbuddy 1\nmachine nodes=2 cpus=2\n%s", lines);
	program_init(&p);
	if (EXPECT(!parse(&p, text, &error))) {
		EXPECT_EQ(error.line, line);
		EXPECT_EQ(error.column, column);
		EXPECT_STR(error.what, what);
		EXPECT(program_check(&p, why));
	}
	program_free(&p);
}

TEST(a_canonical_program_prints_as_it_was)
{
	const char *text =
		"lostbuddy 1\n"
		"machine nodes=2 cpus=4 pages=2048 dma_end=512\n"
		"p0 = alloc_pages(order=3, gfp=KERNEL|ZERO, node=1, nodemask=0x2)  -> pfn 1032\n"
		"p1 = alloc_pages(order=1, gfp=ATOMIC) @cpu2/irq+memalloc (fail_nth: 1)  -> ENOMEM "
		"injected\n"
		"p2 = alloc_page(gfp=HIGHUSER_MOVABLE) @cpu0+noio+nofs\n"
		"p3..p10 = split_page(p0) @cpu3\n"
		"free_pages(p1)\n"
		"double_free(p1)  -> refused double-free\n"
		"translate(p2, page=3)\n"
		"fill(p2, value=170)\n"
		"sysctl(name=min_free_kbytes, value=64)\n"
		"run_kswapd(node=1)\n"
		"run_kswapd()\n"
		"drain_local_pages() @cpu1/softirq\n"
		"free_wrong_order(p2, order=0)\n"
		"advance(value=4294967295) @cpu0/nmi\n"
		"check()  -> ! buddy.unmerged pfn 1032 order 3\n";

	prints(text, text);
}

TEST(fragments_flags_and_writes_print_as_they_were)
{
	const char *text = "lostbuddy 1\n"
			   "machine nodes=2 cpus=2 pages=2048\n"
			   "p0 = page_frag_alloc(gfp=ATOMIC, value=1500) @cpu1/softirq  -> pfn 17\n"
			   "p1 = alloc_pages(order=4, gfp=KERNEL|COMP)\n"
			   "p2 = page_frag_alloc(gfp=KERNEL, value=32769)  -> refused range\n"
			   "prep_transhuge_page(p1)  -> ok\n"
			   "set_page_flag(p1, page=3, value=47)\n"
			   "page_frag_free(p0) @cpu1/irq\n"
			   "page_frag_drain() @cpu1\n"
			   "__free_pages(p1)\n"
			   "write_freed(p1, page=2, value=171)\n"
			   "deferred_init(node=1)\n"
			   "deferred_init()  -> refused range\n";

	prints(text, text);
}

TEST(handles_are_numbered_anew_and_blanks_and_comments_go)
{
	prints("# first\n\nlostbuddy 1 # the language\n\tmachine\n"
	       "p18446744073709551615=alloc_page( gfp = KERNEL )   # largest name\n",
	       "lostbuddy 1\nmachine\np0 = alloc_page(gfp=KERNEL)\n");
	prints("lostbuddy 1\nmachine\np7 = alloc_page(gfp=0xcc0) @cpu0/task # seven\n  "
	       "p3=alloc_pages(gfp=KERNEL|"
	       "0x100,order=0x1)->pfn 5\n\nput_page( p7 )\n",
	       "lostbuddy 1\nmachine\np0 = alloc_page(gfp=KERNEL)\np1 = alloc_pages(order=1, "
	       "gfp=KERNEL|ZERO)  -> pfn 5\n"
	       "put_page(p0)\n");
}

TEST(a_program_without_a_machine_has_the_default_one)
{
	prints("lostbuddy 1\ncheck()\n", "lostbuddy 1\nmachine\ncheck()\n");
	prints("lostbuddy 1", "lostbuddy 1\nmachine\n");
}

TEST(repeats_are_expanded_and_their_handles_are_new_each_turn)
{
	prints("lostbuddy 1\nmachine\np5 = alloc_page(gfp=NOWAIT)\nrepeat 2 {\n  p1 = "
	       "alloc_page(gfp=KERNEL)\n"
	       "  repeat 2 {\n    p2 = alloc_page(gfp=ATOMIC)\n    put_page(p2)\n  }\n  "
	       "free_pages(p1)\n}\nfree_pages(p5)\n"
	       "double_free(p2)\n",
	       "lostbuddy 1\nmachine\n"
	       "p0 = alloc_page(gfp=NOWAIT)\n"
	       "p1 = alloc_page(gfp=KERNEL)\np2 = alloc_page(gfp=ATOMIC)\nput_page(p2)\np3 = "
	       "alloc_page(gfp=ATOMIC)\n"
	       "put_page(p3)\nfree_pages(p1)\n"
	       "p4 = alloc_page(gfp=KERNEL)\np5 = alloc_page(gfp=ATOMIC)\nput_page(p5)\np6 = "
	       "alloc_page(gfp=ATOMIC)\n"
	       "put_page(p6)\nfree_pages(p4)\n"
	       "free_pages(p0)\ndouble_free(p6)\n");
}

TEST(a_handle_of_the_wrong_kind_is_refused_at_its_place)
{
	refused("p0 = alloc_page(gfp=KERNEL)\npage_frag_free(p0)\n", 4, 16,
		"p0 is a block: page_frag_free needs a fragment, as page_frag_alloc gives it");
	refused("p0 = page_frag_alloc(gfp=KERNEL, value=1)\nfree_pages(p0)\n", 4, 12,
		"p0 is a fragment: free_pages needs a handle of a block");
	refused("p0 = page_frag_alloc(gfp=KERNEL, value=1)\npage_frag_free(p0)\ndouble_free(p0)\n",
		5, 13, "p0 is a fragment: double_free needs a handle of a block");
	refused("p0 = page_frag_alloc(gfp=KERNEL, value=1)\npage_frag_free(p0)\n"
		"page_frag_free(p0)\n",
		5, 16, "p0 is dead, its last reference was dropped: expected a live handle");
	refused("p0 = page_frag_alloc(gfp=KERNEL, value=32769)\npage_frag_free(p0)\n", 4, 16,
		"p0 is dead, its last reference was dropped: expected a live handle");
	refused("p0 = alloc_page(gfp=KERNEL)\nwrite_freed(p0, page=0, value=1)\n", 4, 13,
		"p0 is live: write_freed needs a handle whose last reference was dropped");
	refused("page_frag_alloc(gfp=KERNEL, value=1)\n", 3, 1,
		"page_frag_alloc binds one handle: expected `pN =` before it");
	refused("p0 = page_frag_drain()\n", 3, 1,
		"page_frag_drain gives no handle: expected none before it");
	refused("deferred_init(node=2)\n", 3, 20, "node 2 is not there: expected one below 2");
}

TEST(errors_in_operations_and_arguments_say_where_and_what_was_expected)
{
	refused("p0 = aloc_pages(order=0, gfp=KERNEL)\n", 3, 6,
		"unknown operation `aloc_pages`: is it `alloc_pages`?");
	refused("frobnicate()\n", 3, 1,
		"unknown operation `frobnicate`: expected one such as alloc_pages");
	refused("p0 = alloc_page(gfp=KERNAL)\n", 3, 21,
		"unknown gfp name `KERNAL`: is it `KERNEL`?");
	refused("p0 = alloc_pages(gfp=KERNEL)\n", 3, 28,
		"alloc_pages needs the argument order=...");
	refused("p0 = alloc_pages(order=16, gfp=KERNEL)\n", 3, 24,
		"this number is too large: expected an order, at most 15");
	refused("p0 = alloc_pages(order=0, order=1, gfp=KERNEL)\n", 3, 27,
		"the argument `order` is there twice");
}

TEST(errors_in_handles_say_which_and_what_was_expected)
{
	refused("alloc_page(gfp=KERNEL)\n", 3, 1,
		"alloc_page binds one handle: expected `pN =` before it");
	refused("p0 = check()\n", 3, 1, "check gives no handle: expected none before it");
	refused("free_pages(p0)\n", 3, 12,
		"p0 is not bound: expected a handle that a line above binds");
	refused("p0 = alloc_page(gfp=KERNEL)\nfree_pages(p0)\nfree_pages(p0)\n", 5, 12,
		"p0 is dead, its last reference was dropped: expected a live handle");
	refused("p0 = alloc_page(gfp=KERNEL)\ndouble_free(p0)\n", 4, 13,
		"p0 is live: double_free needs a handle whose last reference was dropped");
	refused("p0 = alloc_page(gfp=KERNEL)\np0 = alloc_page(gfp=KERNEL)\n", 4, 1,
		"p0 is bound already, by line 3");
	refused("p0 = alloc_pages(order=2, gfp=KERNEL)\np1..p3 = split_page(p0)\n", 4, 1,
		"split_page binds 4 handles here: expected `pA..pB =` with so many before it");
	refused("p0 = alloc_page(gfp=KERNEL)\np1 = split_page(p0)\n", 4, 1,
		"this split_page is refused and binds nothing: expected no handles before it");
}

TEST(errors_in_values_and_contexts_say_what_is_allowed)
{
	refused("p0..p3 = alloc_pages_bulk(n=0, gfp=KERNEL, value=0)\n", 3, 29,
		"n=0 asks for nothing: expected 1 to 32");
	refused("p0 = alloc_pages_bulk(n=4, gfp=KERNEL, value=1)\n", 3, 1,
		"alloc_pages_bulk binds 3 handles here: expected `pA..pB =` with so many before "
		"it");
	refused("set_mempolicy(mode=bnd)\n", 3, 20,
		"unknown mode of a policy `bnd`: is it `bind`?");
	refused("p0 = alloc_pages(order=1x, gfp=KERNEL)\n", 3, 24,
		"expected an order, a number up to 15, found `1x`");
	refused("p0 = alloc_page(gfp=KERNEL) @cpu2\n", 3, 30,
		"cpu2 is not there: expected one below 2");
	refused("check() @node1\n", 3, 10, "expected a CPU such as @cpu0, found `node1`");
	refused("check() @cpu0/softirqs\n", 3, 15, "unknown level `softirqs`: is it `softirq`?");
	refused("check() @cpu0+nio\n", 3, 15, "unknown scope `nio`: is it `noio`?");
	refused("run_kswapd(node=2)\n", 3, 17, "node 2 is not there: expected one below 2");
	refused("p0 = alloc_pages(order=0, gfp=KERNEL, nodemask=4)\n", 3, 48,
		"nodemask 0x4 names no node, or one that is not there: expected bits of 0x3");
	refused("sysctl(name=min_free_kb, value=1)\n", 3, 13,
		"unknown tunable `min_free_kb`: is it `min_free_kbytes`?");
	refused("check(order=1)\n", 3, 7,
		"check has no argument `order`: `show --language` lists what it has");
}

TEST(errors_in_observations_say_what_can_be_observed)
{
	refused("check() -> \n", 3, 12,
		"expected what was observed after `->`: pfn N, an outcome, or ! and a rule");
	refused("check() -> okay\n", 3, 12, "unknown observation `okay`: is it `ok`?");
	refused("check() -> pfm 7\n", 3, 12,
		"unknown observation `pfm`: expected one such as pfn N, ok, ENOMEM, refused, or ! "
		"and a rule");
	refused("check() -> !\n", 3, 13,
		"expected what was observed after `->`: pfn N, an outcome, or ! and a rule");
	refused("check() -> ! unmerged\n", 3, 14,
		"expected the id of a rule such as buddy.unmerged after `!`, found `unmerged`");
	refused("check() -> refused double-fre\n", 3, 20,
		"unknown reason `double-fre`: is it `double-free`?");
	refused("check() -> ok watermark\n", 3, 15,
		"expected the end of the line after an observation, found `watermark`");
	refused("check() -> ENOMEM zone 3\n", 3, 24,
		"expected the end of the line after an observation, found `3`");
	refused("check() -> pfn x\n", 3, 16,
		"expected a page frame number, a number up to 18446744073709551615, found "
		"`x`");
}

TEST(errors_in_the_shape_of_a_text_say_what_is_open)
{
	refused("check() check()\n", 3, 9,
		"expected the end of the line after an operation, found `check`");
	refused("repeat 2 {\ncheck()\n", 5, 1,
		"the text ends inside the `repeat` of line 3: expected `}`");
	refused("}\n", 3, 1, "`}` without a `repeat N {` above it");
	refused("check()\nmachine nodes=1\n", 4, 1,
		"the machine is given once, before the first operation");
	refused("repeat 1048576 {\nrepeat 1048576 {\n}\n}\n", 5, 1,
		"the program is too long: more than 4194304 lines with its repeats");
}

TEST(the_head_is_needed_and_has_a_version)
{
	struct program p;
	struct text_error error;

	program_init(&p);
	EXPECT(!parse(&p, "lostbuddy 2\n", &error));
	EXPECT_STR(error.what, "this is version 2 of the language: expected 1");
	EXPECT_EQ(error.column, 11);
	EXPECT(!parse(&p, "\ncheck()\n", &error));
	EXPECT_EQ(error.line, 2);
	EXPECT(!parse(&p, "lostbuddy 1\nmachine nodes=2 memory=1-600@3\n", &error));
	EXPECT_EQ(error.line, 2);
	EXPECT_EQ(error.column, 9);
	EXPECT(!parse(&p, "lostbuddy 1\nmachine file=x.machine\n", &error));
	EXPECT_EQ(error.column, 14);
	program_free(&p);
}

TEST(repairing_drops_lines_and_counts_them)
{
	const char *text = "lostbuddy 1\nmachine cpus=2\np0 = alloc_page(gfp=KERNEL)\np1 = "
			   "alloc_page(gfp=KERNLE)\n"
			   "free_pages(p1)\nfree_pages(p0) @cpu7\nfree_pages(p0) @cpu1\nnonsense\n";
	struct program p;
	char why[256], printed[512];

	program_init(&p);
	EXPECT_EQ(program_parse_repairing(&p, text, strlen(text)), 4);
	EXPECT(program_check(&p, why));
	program_print(&p, printed, sizeof(printed));
	EXPECT_STR(
		printed,
		"lostbuddy 1\nmachine cpus=2\np0 = alloc_page(gfp=KERNEL)\nfree_pages(p0) @cpu1\n");
	program_free(&p);
}

/* A program's file names a machine's file beside it. */
TEST(a_machine_may_come_from_a_file_beside_the_program)
{
	char folder[] = "/tmp/lostbuddy-text-XXXXXX", path[64];
	struct program p;
	struct text_error error;

	program_init(&p);
	if (!EXPECT(mkdtemp(folder) != NULL))
		return;
	snprintf(path, sizeof(path), "%s/two.machine", folder);
	FILE *file = fopen(path, "w");

	fputs("lostbuddy-machine 1\nnodes=2\ncpus=3\n", file);
	fclose(file);
	snprintf(path, sizeof(path), "%s/p.lb", folder);
	file = fopen(path, "w");
	fputs("lostbuddy 1\nmachine file=two.machine\ncheck() @cpu2\n", file);
	fclose(file);
	EXPECT(program_read_file(&p, path, &error));
	EXPECT_EQ(p.machine.nr_cpus, 3);
	EXPECT_EQ(p.nr_ops, 1);
	unlink(path);
	EXPECT(!program_read_file(&p, path, &error));
	EXPECT_EQ(error.line, 0);
	snprintf(path, sizeof(path), "%s/two.machine", folder);
	unlink(path);
	rmdir(folder);
	program_free(&p);
}

/* What a file of this name with these bytes is read as. */
static bool read_as(const char *path, const char *bytes, size_t size, struct program *p,
		    struct text_error *error)
{
	*error = (struct text_error){ 0 };
	return program_read_bytes(p, path, bytes, size, error);
}

TEST(a_name_says_which_form_a_file_has)
{
	static const char text[] = "# a remark first\nlostbuddy 1\ncheck()\n";
	static const char wire[] = "\1\2\3\4\5";
	struct program p;
	struct text_error error;

	program_init(&p);
	EXPECT(read_as("a.lb", text, sizeof(text) - 1, &p, &error));
	EXPECT_EQ(p.nr_ops, 1);
	EXPECT(read_as("a", text, sizeof(text) - 1, &p, &error));
	EXPECT(read_as("crash-1234", wire, sizeof(wire) - 1, &p, &error));
	EXPECT(!read_as("a.lb", wire, sizeof(wire) - 1, &p, &error));
	EXPECT(error.line == 1 && error.column == 1);
	/* In the wire form any bytes mean something. */
	EXPECT(read_as("a.bin", text, sizeof(text) - 1, &p, &error));
	EXPECT(read_as("a.bin", "", 0, &p, &error));
	EXPECT_EQ(p.nr_ops, 0);
	program_free(&p);
}

TEST(a_file_that_is_no_program_is_refused)
{
	static const char *const files[] = { "int main(void)\n{\n}\n", "buy milk\n",
					     "lostbuddies\n", "{}" };
	struct program p;
	struct text_error error;

	program_init(&p);
	for (unsigned int i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		EXPECT(!read_as("notes.txt", files[i], strlen(files[i]), &p, &error));
		EXPECT_EQ(error.line, 1);
		EXPECT_EQ(error.column, 1);
		EXPECT(strstr(error.what, "a program begins with `lostbuddy 1`, found ") != NULL);
		EXPECT(strstr(error.what, "are read from files named .bin") != NULL);
		EXPECT(!read_as(NULL, files[i], strlen(files[i]), &p, &error));
		EXPECT(!read_as("a.lb", files[i], strlen(files[i]), &p, &error));
	}
	EXPECT(!read_as("a.lb", "", 0, &p, &error));
	EXPECT_STR(error.what, "this is empty: a program begins with `lostbuddy 1`");
	EXPECT_EQ(error.column, 1);
	EXPECT(!read_as("a", "", 0, &p, &error));
	program_free(&p);
}

TEST(generated_programs_survive_the_text)
{
	struct generator_options options = { .seed = 21, .misuse = true };
	struct generator *g = generator_create(&options);
	struct program p, back;
	struct text_error error;
	static char text[1 << 20];

	program_init(&p);
	program_init(&back);
	for (int i = 0; i < 4000; i++) {
		EXPECT(generator_next(g, &p));
		size_t length = program_print(&p, text, sizeof(text));

		if (!EXPECT(length < sizeof(text)) ||
		    !EXPECT(program_parse(&back, text, length, &error)) ||
		    !EXPECT(program_equal(&p, &back))) {
			fprintf(stderr, "  program %d: %u:%u: %s\n", i, error.line, error.column,
				error.what);
			break;
		}
	}
	program_free(&p);
	program_free(&back);
	generator_destroy(g);
}

/*
 * Texts with holes, swaps and foreign bytes: refused or read, never worse; repairing gives a
 * program every time.
 */
TEST(damaged_texts_are_refused_or_repaired)
{
	struct generator_options options = { .seed = 22, .misuse = true, .nr_ops = 30 };
	struct generator *g = generator_create(&options);
	struct random r = random_stream(5, 5);
	struct program p, back;
	struct text_error error;
	static char text[1 << 16];
	char why[256];

	program_init(&p);
	program_init(&back);
	for (int i = 0; i < 3000; i++) {
		EXPECT(generator_next(g, &p));
		size_t length = program_print(&p, text, sizeof(text));

		for (uint32_t n = random_between(&r, 1, 4); n > 0; n--)
			text[random_below(&r, (uint32_t)length)] = (char)random_below(&r, 128);
		if (program_parse(&back, text, length, &error))
			EXPECT(program_check(&back, why));
		else
			EXPECT(error.line > 0 && error.column > 0 && error.what[0]);
		program_parse_repairing(&back, text, length);
		EXPECT(program_check(&back, why));
	}
	program_free(&p);
	program_free(&back);
	generator_destroy(g);
}

TEST(every_seed_is_read_and_is_wire_able)
{
	FILE *list = popen("ls corpus/seeds/*.lb", "r");
	char path[256], why[256];
	static uint8_t bytes[1 << 20];
	struct program p, back;
	struct text_error error;
	uint64_t seen = 0;
	unsigned int seeds = 0;

	program_init(&p);
	program_init(&back);
	for (; list && fgets(path, sizeof(path), list); seeds++) {
		path[strcspn(path, "\n")] = '\0';
		if (!EXPECT(program_read_file(&p, path, &error))) {
			fprintf(stderr, "  %s:%u:%u: %s\n", path, error.line, error.column,
				error.what);
			continue;
		}
		EXPECT(program_check(&p, why));
		for (uint32_t i = 0; i < p.nr_ops; i++)
			seen |= UINT64_C(1) << p.ops[i].code;
		size_t size = program_encode(&p, bytes, sizeof(bytes));

		EXPECT(size > 0 && size <= sizeof(bytes));
		EXPECT(program_decode(&back, bytes, size) && program_equal(&p, &back));
	}
	if (list)
		pclose(list);
	EXPECT(seeds >= 20);
	EXPECT_EQ(seen, (UINT64_C(1) << OP_COUNT) - 1); /* every operation is in some seed */
	program_free(&p);
	program_free(&back);
}

TEST_MAIN
