/* The wire form: any bytes are a program, programs survive it, and damage stays where it is. */
#include <stdlib.h>

#include "program/internal.h"
#include "test.h"

static uint8_t bytes[1 << 22];

static struct program decoded(const uint8_t *from, size_t size)
{
	struct program p;
	char why[256];

	program_init(&p);
	EXPECT(program_decode(&p, from, size));
	if (!EXPECT(program_check(&p, why)))
		fprintf(stderr, "  %s\n", why);
	return p;
}

TEST(no_bytes_are_the_empty_program_on_the_default_machine)
{
	struct program p = decoded(NULL, 0);
	struct machine expect;

	machine_default(&expect);
	EXPECT_EQ(p.nr_ops, 0);
	EXPECT(machine_equal(&p.machine, &expect));
	program_free(&p);
}

/*
 * 0x81 alloc_pages, 0x86 __free_pages, 0x97 double_free; a short record reads as zeros, what is too
 * long is ignored.
 */
TEST(records_mean_what_the_table_says)
{
	static const uint8_t text[] =
		"\x81\n\x81\0\x02\x03\x02\0\0\0surplus\n\x86\0\x02\n\x97\0\x02\n\x86\0\x02\n\x86\n";
	struct program p = decoded(text, sizeof(text) - 1);

	/* p0 in slot 0: order 0, KERNEL; p1 in slot 2: order 3, third mask (NOWAIT) */
	EXPECT_EQ(p.nr_ops, 5);
	EXPECT_EQ(p.ops[0].code, OP_ALLOC_PAGES);
	EXPECT_EQ(p.ops[0].gfp, 0xcc0);
	EXPECT_EQ(p.ops[0].node, NODE_NONE);
	EXPECT_EQ(p.ops[1].order, 3);
	EXPECT_EQ(p.ops[1].gfp, 0x800);
	EXPECT_EQ(p.ops[2].handle, 1);
	EXPECT_EQ(p.ops[3].handle, 1);
	EXPECT_EQ(p.ops[4].handle,
		  0); /* nothing lives in slot 2 any more: round to slot 0; then nothing is left */
	program_free(&p);
}

TEST(slots_are_resolved_to_the_next_one_that_fits)
{
	/*
	 * alloc into 7, alloc into 7 (goes to 8), free from 3 (finds 7), free from 9 (goes round,
	 * finds 8)
	 */
	static const uint8_t text[] =
		"\x82\0\x07\n\x82\0\x07\n\x86\0\x03\n\x86\0\x09\n\x86\0\x07\n";
	struct program p = decoded(text, sizeof(text) - 1);

	EXPECT_EQ(p.nr_ops, 4); /* the last free finds nothing live and is left out */
	EXPECT_EQ(p.ops[2].handle, 0);
	EXPECT_EQ(p.ops[3].handle, 1);
	program_free(&p);
}

/* 0xaa page_frag_alloc, 0xab page_frag_free, 0xa9 write_freed */
TEST(slots_of_the_other_kind_are_passed_over)
{
	/*
	 *	slot 0   p0 alloc_page, freed, so dead
	 *	slot 1   p1 page_frag_alloc, of 64 bytes
	 *	slot 2   p2 alloc_page
	 *	slot 3   p3 page_frag_alloc, of 1 byte
	 */
	static const uint8_t text[] = "\x82\0\0\n\xaa\0\x01\0\0\x41\n\x82\0\x02\n"
				      "\xaa\0\x03\0\0\x01\n"
				      "\x86\0\0\n"	      /* p0 */
				      "\x86\0\x01\n"	      /* not the fragment p1: p2 */
				      "\xab\0\x02\n"	      /* not the block p2: p3 */
				      "\xab\0\x02\n"	      /* p3 is dead: round to p1 */
				      "\xab\0\0\n"	      /* no fragment lives: left out */
				      "\x97\0\x03\n"	      /* dead fragments do not count: p0 */
				      "\xa9\0\x01\x05\x07\n"; /* nor here: p2 */
	struct program p = decoded(text, sizeof(text) - 1);
	static const uint32_t handles[] = { 0, 2, 3, 1, 0, 2 };

	EXPECT_EQ(p.nr_ops, 10);
	EXPECT_EQ(p.nr_handles, 4);
	EXPECT_EQ(p.ops[1].code, OP_PAGE_FRAG_ALLOC);
	EXPECT_EQ(p.ops[1].value, 64);
	EXPECT_EQ(p.ops[3].value, 1);
	for (uint32_t i = 0; i < 6 && p.nr_ops == 10; i++)
		EXPECT_EQ(p.ops[4 + i].handle, handles[i]);
	EXPECT_EQ(p.ops[9].code, OP_WRITE_FREED);
	EXPECT_EQ(p.ops[9].page, 5);
	EXPECT_EQ(p.ops[9].value, 7);
	program_free(&p);
}

static bool has_record(size_t size, uint8_t kind)
{
	for (size_t i = 0; i + 1 < size; i++)
		if (bytes[i] == 0x0a && bytes[i + 1] == kind)
			return true;
	return false;
}

/* A part that came later: who writes none of it writes as before. */
TEST(switches_have_a_record_of_their_own)
{
	struct program p, back;
	struct text_error error;
	static const char *const lines[] = {
		"shuffle=1",
		"shuffle=4294967295",
		"page_poison=1",
		"debug_pagealloc=1 guard_order=3",
		"init_on_alloc=1",
		"init_on_free=1",
		"deferred=1",
		"nodes=4 absent_nodes=0x9 cpus=2 reserved=70-80",
		"nodes=3 absent_nodes=2 shuffle=250 debug_pagealloc=1 guard_order=1 "
		"init_on_alloc=1 "
		"init_on_free=1 page_poison=1 deferred=1",
	};

	program_init(&p);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		EXPECT(machine_parse_line(&p.machine, lines[i], &error));
		size_t size = program_encode(&p, bytes, sizeof(bytes));

		EXPECT(size > 0);
		EXPECT(has_record(size, 0xf8));
		back = decoded(bytes, size);
		EXPECT(machine_equal(&p.machine, &back.machine));
		program_free(&back);
	}
	EXPECT(machine_parse_line(&p.machine, "nodes=2 cpus=2 thp=on", &error));
	size_t size = program_encode(&p, bytes, sizeof(bytes));

	EXPECT(size > 0 && !has_record(size, 0xf8));
	program_free(&p);
}

/* The first nine records may be parts; the tenth may be the switches, and nothing else. */
TEST(machine_records_are_looked_for_where_they_always_were)
{
	static const uint8_t late[] = "\x80\n\x80\n\x80\n\x80\n\x80\n\x80\n\x80\n\x80\n\x80\n"
				      "\xf0\0\x01\x01\n";
	static const uint8_t in_time[] = "\x80\n\x80\n\x80\n\x80\n\x80\n\x80\n\x80\n\x80\n"
					 "\xf0\0\x01\x01\n\xf8\x01\x02\n";
	struct program p = decoded(late, sizeof(late) - 1);

	EXPECT_EQ(p.machine.nr_nodes, 1);
	program_free(&p);
	p = decoded(in_time, sizeof(in_time) - 1);
	EXPECT_EQ(p.machine.nr_nodes, 2);
	EXPECT_EQ(p.machine.debug_pagealloc, 1);
	EXPECT_EQ(p.machine.guard_order, 2);
	program_free(&p);
}

TEST(every_byte_string_is_a_program)
{
	struct random r = random_stream(1, 2);

	for (int i = 0; i < 20000; i++) {
		size_t size = random_below(&r, 600);

		for (size_t k = 0; k < size; k++) {
			bytes[k] = (uint8_t)random_next(&r);
			/* often the letters of the wire, so that it gets further */
			if (random_percent(&r, 12))
				bytes[k] = 0x0a;
			else if (k && bytes[k - 1] == 0x0a && random_percent(&r, 80))
				bytes[k] = (uint8_t)random_between(&r, 0x40, 0xaf);
			else if (k < 40 && random_percent(&r, 20))
				bytes[k] = (uint8_t)random_between(&r, 0xf0, 0xf8);
		}
		struct program p = decoded(bytes, size), back;
		size_t again = program_encode(&p, bytes, sizeof(bytes));

		EXPECT(again > 0);
		back = decoded(bytes, again);
		if (!EXPECT(program_equal(&p, &back)))
			i = 20000;
		program_free(&p);
		program_free(&back);
	}
}

TEST(generated_programs_survive_the_wire)
{
	struct generator_options options = { .seed = 5, .misuse = true };
	struct generator *g = generator_create(&options);
	struct program p, back;

	program_init(&p);
	program_init(&back);
	for (int i = 0; i < 10000; i++) {
		EXPECT(generator_next(g, &p));
		size_t size = program_encode(&p, NULL, 0);

		EXPECT_EQ(program_encode(&p, bytes, sizeof(bytes)), size);
		if (!EXPECT(program_decode(&back, bytes, size)) ||
		    !EXPECT(program_equal(&p, &back)))
			break;
	}
	program_free(&p);
	program_free(&back);
	generator_destroy(g);
}

/*
 * More handles than one digit has slots: shared one after the other where that is possible, wide
 * slots otherwise.
 */
TEST(long_programs_survive_the_wire)
{
	for (uint64_t seed = 0; seed < 30; seed++) {
		struct generator_options options = { .seed = seed,
						     .misuse = true,
						     .nr_ops = seed < 29 ? 5000 : 200000 };
		struct generator *g = generator_create(&options);
		struct program p, back;

		program_init(&p);
		EXPECT(generator_next(g, &p));
		size_t size = program_encode(&p, bytes, sizeof(bytes));

		EXPECT(size > 0 && size <= sizeof(bytes));
		back = decoded(bytes, size);
		EXPECT(program_equal(&p, &back));
		program_free(&p);
		program_free(&back);
		generator_destroy(g);
	}
}

TEST(all_live_at_once_needs_wide_slots)
{
	struct program p, back;
	struct op op = { .code = OP_ALLOC_PAGE, .gfp = 0x12345 }, release = { .code = OP_PUT_PAGE };

	program_init(&p);
	for (uint32_t i = 0; i < 70000; i++)
		EXPECT(program_append(&p, &op));
	for (uint32_t i = 0; i < 70000; i += 7) {
		release.handle = i;
		EXPECT(program_append(&p, &release));
	}
	size_t size = program_encode(&p, bytes, sizeof(bytes));

	EXPECT(size > 0 && size <= sizeof(bytes));
	back = decoded(bytes, size);
	EXPECT(program_equal(&p, &back));
	program_free(&p);
	program_free(&back);
}

TEST(a_machine_that_is_not_small_has_no_wire_form)
{
	struct program p;
	struct text_error error;

	program_init(&p);
	EXPECT(machine_parse_line(&p.machine, "pages=4096", &error));
	EXPECT_EQ(program_encode(&p, bytes, sizeof(bytes)), 0);
	EXPECT(machine_parse_line(&p.machine, "nodes=5 pages=1000", &error));
	EXPECT_EQ(program_encode(&p, bytes, sizeof(bytes)), 0);
	program_free(&p);
}

/* ---- Damage ---- */

/* An operation without its handles: what it does, apart from to whom. */
static bool same_deed(const struct op *a, const struct op *b)
{
	return a->code == b->code && a->cpu == b->cpu && a->level == b->level &&
	       a->scope == b->scope && a->order == b->order && a->name == b->name &&
	       a->node == b->node && a->fail_nth == b->fail_nth && a->gfp == b->gfp &&
	       a->nodemask == b->nodemask && a->page == b->page && a->value == b->value;
}

enum { LONGEST = 400 };

/*
 * For each operation of b the operation of a that it is, or -1: the longest common subsequence of
 * deeds.
 */
static void align(const struct program *a, const struct program *b, int *match)
{
	static uint16_t length[LONGEST + 1][LONGEST + 1];
	uint32_t i, k;

	for (i = a->nr_ops + 1; i-- > 0;)
		for (k = b->nr_ops + 1; k-- > 0;) {
			if (i == a->nr_ops || k == b->nr_ops)
				length[i][k] = 0;
			else if (same_deed(&a->ops[i], &b->ops[k]))
				length[i][k] = (uint16_t)(length[i + 1][k + 1] + 1);
			else
				length[i][k] = length[i + 1][k] > length[i][k + 1]
						       ? length[i + 1][k]
						       : length[i][k + 1];
		}
	for (k = 0; k < b->nr_ops; k++)
		match[k] = -1;
	for (i = k = 0; i < a->nr_ops && k < b->nr_ops;)
		if (same_deed(&a->ops[i], &b->ops[k]))
			match[k++] = (int)i++;
		else if (length[i + 1][k] >= length[i][k + 1])
			i++;
		else
			k++;
}

/*
 * How many of the last @later operations of a are in b with the same handle, followed to the
 * operation that bound it.
 */
static uint32_t kept(const struct program *a, const struct program *b, uint32_t later)
{
	int match[LONGEST];
	static uint32_t handle_of[1 << 16];
	uint32_t same = 0;

	align(a, b, match);
	memset(handle_of, 0xff, b->nr_handles * sizeof(*handle_of));
	for (uint32_t k = 0; k < b->nr_ops; k++) {
		if (match[k] < 0)
			continue;
		const struct op *was = &a->ops[match[k]], *is = &b->ops[k];

		for (uint32_t n = 0; n < is->nr_results && n < was->nr_results; n++)
			handle_of[is->first_result + n] = was->first_result + n;
		bool has_handle = op_info[is->code].arguments & ARGS_HANDLE;

		if (has_handle && handle_of[is->handle] != was->handle)
			continue;
		same += (uint32_t)match[k] >= a->nr_ops - later;
	}
	return same;
}

/*
 * The operations that begin behind the damaged byte: counted by the separators there, one record
 * each.
 */
static uint32_t records_behind(const uint8_t *text, size_t size, size_t position)
{
	uint32_t records = 0;

	for (size_t i = position; i < size; i++)
		records += text[i] == 0x0a;
	return records ? records - 1 : 0;
}

/*
 * One byte inserted somewhere: at least 90 % of the later operations are the same, with the same
 * handles.
 */
TEST(an_inserted_byte_leaves_later_operations_their_meaning)
{
	struct generator_options options = { .seed = 9, .nr_ops = 128 };
	struct generator *g = generator_create(&options);
	struct random r = random_stream(8, 8);
	struct program p, back;
	uint64_t later = 0, same = 0;
	static uint8_t damaged[1 << 16];

	program_init(&p);
	program_init(&back);
	for (int i = 0; i < 2000; i++) {
		EXPECT(generator_next(g, &p));
		size_t size = program_encode(&p, bytes, sizeof(bytes));
		size_t position = random_below(&r, (uint32_t)size);
		uint32_t behind = records_behind(bytes, size, position);

		if (size + 1 > sizeof(damaged) || p.nr_ops > LONGEST || p.nr_handles > 1 << 15)
			continue;
		memcpy(damaged, bytes, position);
		damaged[position] = (uint8_t)random_next(&r);
		memcpy(damaged + position + 1, bytes + position, size - position);
		EXPECT(program_decode(&back, damaged, size + 1));
		behind = behind > p.nr_ops ? p.nr_ops : behind;
		later += behind;
		if (back.nr_ops < LONGEST && back.nr_handles < 1 << 16)
			same += kept(&p, &back, behind);
	}
	printf("       %.1f %% of later operations keep their meaning\n",
	       100.0 * (double)same / (double)later);
	EXPECT(later > 50000 && same * 100 >= later * 90);
	program_free(&p);
	program_free(&back);
	generator_destroy(g);
}

TEST(a_changed_byte_damages_at_most_two_records)
{
	/*
	 * three allocations, one record each; whatever byte is changed to whatever value, one of
	 * them at least stays
	 */
	static const uint8_t whole[] = "\x82\0\x05\x01\n\x82\x01\x06\x02\n\x82\x02\x07\x03\n";
	uint8_t damaged[sizeof(whole)];

	for (size_t i = 0; i + 1 < sizeof(whole); i++)
		for (unsigned int value = 0; value < 256; value++) {
			memcpy(damaged, whole, sizeof(whole));
			damaged[i] = (uint8_t)value;
			struct program p = decoded(damaged, sizeof(whole) - 1);
			static const uint32_t masks[3] = { 0xa20, 0x800, 0x100cca };
			unsigned int found = 0;

			for (uint32_t k = 0; k < p.nr_ops; k++)
				for (int m = 0; m < 3; m++)
					found += p.ops[k].code == OP_ALLOC_PAGE &&
						 p.ops[k].gfp == masks[m];
			EXPECT(found >= 1);
			program_free(&p);
		}
}

TEST_MAIN
