/* Moves: lines of the language whose handles are counted from the ends of what lives. */
#include "test.h"

#include "enumerate/moves.h"

static struct machine machine_of(const char *line)
{
	struct machine m;
	struct text_error error;

	EXPECT(machine_parse_line(&m, line, &error));
	return m;
}

static struct moves moves_of(const char *machine, const char *text)
{
	struct machine m = machine_of(machine);
	struct moves moves = { .nr = 0 };
	struct text_error error;

	if (!EXPECT(moves_parse(&moves, &m, text, &error)))
		fprintf(stderr, "  %u:%u: %s\n", error.line, error.column, error.what);
	return moves;
}

static void expect_error(const char *text, unsigned int line, unsigned int column)
{
	struct machine m = machine_of("pages=64 cpus=2");
	struct moves moves;
	struct text_error error = { 0 };

	if (!EXPECT(!moves_parse(&moves, &m, text, &error)))
		fprintf(stderr, "  of: %s\n", text);
	if (!EXPECT(error.line == line && error.column == column))
		fprintf(stderr, "  of: %s\n  at %u:%u: %s\n", text, error.line, error.column,
			error.what);
}

TEST(a_move_is_a_line_of_the_language)
{
	struct moves m = moves_of("pages=64 cpus=2", "alloc_pages(order=2, gfp=KERNEL) @cpu1\n"
						     "__free_pages(last) @cpu1/irq\n"
						     "split_page(first); double_free(dead)\n"
						     "drain_all_pages()");

	EXPECT_EQ(m.nr, 5);
	EXPECT_EQ(m.moves[0].op.code, OP_ALLOC_PAGES);
	EXPECT_EQ(m.moves[0].op.order, 2);
	EXPECT_EQ(m.moves[0].op.cpu, 1);
	EXPECT_EQ(m.moves[0].handle, MOVE_NO_HANDLE);
	EXPECT_EQ(m.moves[1].op.level, LEVEL_IRQ);
	EXPECT_EQ(m.moves[1].handle, MOVE_LAST);
	EXPECT_EQ(m.moves[2].op.code, OP_SPLIT_PAGE);
	EXPECT_EQ(m.moves[2].handle, MOVE_FIRST);
	EXPECT_EQ(m.moves[3].op.code, OP_DOUBLE_FREE);
	EXPECT_EQ(m.moves[3].handle, MOVE_DEAD);
	EXPECT_EQ(m.moves[4].op.code, OP_DRAIN_ALL_PAGES);
}

TEST(blank_lines_and_comments_are_no_moves)
{
	struct moves m =
		moves_of("pages=64", "# what follows; is two\n\n"
				     "  drain_local_pages()  # the page lists; all of them\n"
				     ";;drain_all_pages();\n");

	EXPECT_EQ(m.nr, 2);
}

TEST(what_is_wrong_is_named_by_line_and_column)
{
	expect_error("", 1, 1);
	expect_error("# nothing\n", 1, 1);
	expect_error("frees(first)", 1, 1);
	expect_error("drain_all_pages()\n  frees(first)", 2, 3);
	expect_error("drain_all_pages(); alloc_pages(order=x, gfp=KERNEL)", 1, 38);
	expect_error("alloc_page(gfp=KERNEL) @cpu2", 1, 25);
	expect_error("__free_pages(dead)", 1, 14);
	expect_error("double_free(last)", 1, 13);
	expect_error("__free_pages(first) @cpu2", 1, 22);
	expect_error("__free_pages(p0)", 1, 14);
}

TEST(more_than_64_moves_are_too_many)
{
	char text[65 * 8 + 1] = "";

	for (int i = 0; i < 64; i++)
		strcat(text, "check();");
	EXPECT_EQ(moves_of("pages=64", text).nr, 64);
	strcat(text, "check();");
	expect_error(text, 1, 64 * 8 + 1);
}

/* How many a bulk allocation binds depends on its holes; a line does not say it. */
TEST(a_move_may_bind_none_one_or_many)
{
	struct moves m = moves_of("pages=64", "alloc_pages_bulk(n=8, gfp=KERNEL, value=5)\n"
					      "alloc_pages_bulk(n=3, gfp=KERNEL, value=7)\n"
					      "alloc_pages_bulk_list(n=32, gfp=KERNEL)\n"
					      "alloc_pages_exact(n = 1, gfp=KERNEL)\n"
					      "page_frag_alloc(gfp=ATOMIC, value=4097)");

	EXPECT_EQ(m.nr, 5);
	EXPECT_EQ(m.moves[0].op.count, 8);
	EXPECT_EQ(m.moves[0].op.value, 5);
	EXPECT_EQ(m.moves[1].op.count, 3);
	EXPECT_EQ(m.moves[2].op.count, 32);
	EXPECT_EQ(m.moves[3].op.code, OP_ALLOC_PAGES_EXACT);
	EXPECT_EQ(m.moves[4].op.value, 4097);
	expect_error("alloc_pages_bulk(n=33, gfp=KERNEL, value=0)", 1, 20);
	expect_error("alloc_pages_bulk_list(n=2, gfp=NOTHING)", 1, 32);
	expect_error("page_frag_alloc(gfp=KERNEL)", 1, 27);
}

TEST(a_fragment_is_counted_among_fragments)
{
	struct moves m =
		moves_of("pages=64", "page_frag_free(first); page_frag_free(last) @cpu0;"
				     "__free_pages(first); write_freed(dead, page=0, value=1)");
	const struct reached at = {
		.first = 1, .last = 6, .first_fragment = 2, .last_fragment = 4, .dead = 0
	};
	const struct reached blocks = { .first = 1,
					.last = 6,
					.first_fragment = NO_HANDLE,
					.last_fragment = NO_HANDLE,
					.dead = NO_HANDLE };

	EXPECT_EQ(move_handle(&m.moves[0], &at), 2);
	EXPECT_EQ(move_handle(&m.moves[1], &at), 4);
	EXPECT_EQ(move_handle(&m.moves[2], &at), 1);
	EXPECT_EQ(move_handle(&m.moves[3], &at), 0);
	EXPECT(move_is_idle(&m.moves[0], &blocks) && move_is_idle(&m.moves[1], &blocks));
	EXPECT(!move_is_idle(&m.moves[2], &blocks) && move_is_idle(&m.moves[3], &blocks));
	expect_error("page_frag_free(dead)", 1, 16);
	expect_error("write_freed(first, page=0, value=1)", 1, 13);
}

/* Bulk and fragments are no misuse; what writes where it may not is. */
TEST(only_misuse_is_dropped)
{
	struct moves m =
		moves_of("pages=64", "alloc_pages_bulk_list(n=2, gfp=KERNEL); double_free(dead);"
				     "page_frag_alloc(gfp=KERNEL, value=1);"
				     "write_freed(dead, page=0, value=1); check();"
				     "set_page_flag(first, page=0, value=1);"
				     "prep_transhuge_page(last)");

	moves_drop_misuse(&m);
	EXPECT_EQ(m.nr, 4);
	EXPECT_EQ(m.moves[0].op.code, OP_ALLOC_PAGES_BULK_LIST);
	EXPECT_EQ(m.moves[1].op.code, OP_PAGE_FRAG_ALLOC);
	EXPECT_EQ(m.moves[2].op.code, OP_CHECK);
	EXPECT_EQ(m.moves[3].op.code, OP_PREP_TRANSHUGE);
}

/* What decides how a page is handed out has to be told apart. */
TEST(contents_count_where_somebody_looks_at_them)
{
	static const struct {
		const char *machine, *moves;
		bool contents;
	} cases[] = {
		{ "pages=64", "alloc_page(gfp=KERNEL)", false },
		{ "pages=64", "alloc_page(gfp=KERNEL|ZERO)", true },
		{ "pages=64", "write_freed(dead, page=0, value=1)", true },
		{ "pages=64 init_on_alloc=1", "alloc_page(gfp=KERNEL)", true },
		{ "pages=64 init_on_free=1", "alloc_page(gfp=KERNEL)", true },
		{ "pages=64 page_poison=1", "alloc_page(gfp=KERNEL)", true },
		{ "pages=64 shuffle=1 debug_pagealloc=1", "alloc_page(gfp=KERNEL)", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct moves m = moves_of(cases[i].machine, cases[i].moves);
		struct machine machine = machine_of(cases[i].machine);

		EXPECT_EQ(moves_tell_apart(&m, &machine, false).contents, cases[i].contents);
	}
}

TEST(handles_are_counted_from_the_ends)
{
	struct moves m = moves_of("pages=64", "__free_pages(first); __free_pages(last); "
					      "double_free(dead); drain_all_pages()");
	const struct reached at = { .first = 3, .last = 7, .dead = 5 };
	const struct reached empty = { .first = NO_HANDLE, .last = NO_HANDLE, .dead = NO_HANDLE };

	EXPECT_EQ(move_handle(&m.moves[0], &at), 3);
	EXPECT_EQ(move_handle(&m.moves[1], &at), 7);
	EXPECT_EQ(move_handle(&m.moves[2], &at), 5);
	EXPECT_EQ(move_handle(&m.moves[3], &at), NO_HANDLE);
	for (unsigned int i = 0; i < 3; i++)
		EXPECT(move_is_idle(&m.moves[i], &empty) && !move_is_idle(&m.moves[i], &at));
	EXPECT(!move_is_idle(&m.moves[3], &empty));
}

static bool symmetric(const char *machine, const char *text)
{
	struct machine m = machine_of(machine);
	struct moves moves = moves_of(machine, text);

	return moves_are_symmetric(&moves, &m);
}

TEST(cpus_may_change_places_only_if_every_move_is_there_for_each)
{
	EXPECT(symmetric("pages=64 cpus=2",
			 "alloc_page(gfp=KERNEL) @cpu0; alloc_page(gfp=KERNEL) @cpu1"));
	EXPECT(!symmetric("pages=64 cpus=2",
			  "alloc_page(gfp=KERNEL) @cpu0; alloc_page(gfp=ATOMIC) @cpu1"));
	EXPECT(!symmetric("pages=64 cpus=2",
			  "__free_pages(first) @cpu0; __free_pages(last) @cpu1"));
	EXPECT(!symmetric("pages=64 cpus=3",
			  "alloc_page(gfp=KERNEL) @cpu0; alloc_page(gfp=KERNEL) @cpu1"));
	/* each CPU is alone on its node: there is nobody to change places with */
	EXPECT(symmetric("pages=64 cpus=2 nodes=2", "alloc_page(gfp=KERNEL) @cpu0"));
	EXPECT(!symmetric("pages=64", "alloc_page(gfp=KERNEL)"));
}

TEST(who_drains_all_cpus_goes_through_them_in_their_order)
{
	EXPECT(!symmetric("pages=64 cpus=2", "drain_all_pages() @cpu0; drain_all_pages() @cpu1"));
}

static struct reach told_apart(const char *machine, const char *text)
{
	struct machine m = machine_of(machine);
	struct moves moves = moves_of(machine, text);

	return moves_tell_apart(&moves, &m, true);
}

TEST(states_are_told_apart_by_what_moves_are_about)
{
	static const char *const contents[] = { "get_zeroed_page(gfp=KERNEL)",
						"alloc_page(gfp=KERNEL|ZERO)", "verify(first)",
						"fill(last, value=3)" };
	struct reach how = told_apart("pages=64", "alloc_page(gfp=KERNEL); __free_pages(first)");

	EXPECT(!how.contents && !how.dead && !how.cpus_alike && !how.finish);
	for (unsigned int i = 0; i < 4; i++)
		EXPECT(told_apart("pages=64", contents[i]).contents);
	EXPECT(told_apart("pages=64", "double_free(dead)").dead);
	EXPECT(told_apart("pages=64 cpus=2", "drain_local_pages(); drain_local_pages() @cpu1")
		       .cpus_alike);
}

TEST(a_correct_caller_makes_no_misuse)
{
	struct moves m = moves_of("pages=64", "double_free(dead); alloc_page(gfp=KERNEL); "
					      "free_tail(last, page=1); __free_pages(last)");

	moves_drop_misuse(&m);
	EXPECT_EQ(m.nr, 2);
	EXPECT_EQ(m.moves[0].op.code, OP_ALLOC_PAGE);
	EXPECT_EQ(m.moves[1].op.code, OP_FREE_PAGES_STRUCT);
}

TEST_MAIN
