/*
 * Draws two exported states side by side: zones, free lists by zone, order and type, page lists,
 * pageblocks, counters, guards, deferred pages, caches of fragments.
 *
 *	                             target                        oracle
 *	  node 0 DMA   order 3 U     8 24                          8 24
 *	* node 0 DMA   order 4 M     32                            -
 *
 * A row that differs has a star. Rows are compared in full, drawn as far as there is room.
 */
#include "judge/judge_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stdio.h>

enum { COLUMN = 46, LABEL = 27 };

static const char *const zone_names[MACHINE_NR_ZONES] = { "DMA", "DMA32", "Normal", "Movable" };
static const char type_letters[] =
	"UMRHCI"; /* facts 7: unmovable, movable, reclaimable, highatomic, CMA, isolate */

void text_add(struct text *t, const char *format, ...)
{
	va_list arguments;
	bool room = t->used < t->size;

	va_start(arguments, format);

	int bytes = vsnprintf(room ? t->buffer + t->used : NULL, room ? t->size - t->used : 0,
			      format, arguments);

	va_end(arguments);
	if (bytes > 0)
		t->used += (size_t)bytes;
}

/* One section, or one list of a section of page lists. */
struct row {
	uint64_t type;
	const uint64_t *key; /* what the row is about ... */
	size_t nr_keys;
	const uint64_t *words; /* ... and what it says */
	size_t nr_words;
};

struct rows {
	struct row *rows;
	size_t count, capacity;
};

static bool add_row(struct rows *rows, struct row row)
{
	if (rows->count == rows->capacity) {
		size_t capacity = rows->capacity ? 2 * rows->capacity : 64;
		struct row *more = realloc(rows->rows, capacity * sizeof(*more));

		if (!more)
			return false;
		rows->rows = more;
		rows->capacity = capacity;
	}
	rows->rows[rows->count++] = row;
	return true;
}

static size_t keys_of(uint64_t type)
{
	switch (type) {
	case LB_STATE_NODE:
		return 1;
	case LB_STATE_ZONE:
	case LB_STATE_ZONE_STAT:
		return 2;
	case LB_STATE_PCP:
		return 3;
	case LB_STATE_FREE_LIST:
		return 4;
	default:
		return 0;
	}
}

static bool read_rows(struct rows *rows, const struct words *state)
{
	size_t at = 0;

	while (at + 2 <= state->size && state->words[at] != LB_STATE_END) {
		uint64_t type = state->words[at], length = state->words[at + 1];
		size_t keys = keys_of(type);

		if (length > state->size - at - 2 || length < keys)
			return true; /* what follows cannot be read; a target may export anything */
		if (!add_row(rows, (struct row){ .type = type,
						 .key = state->words + at + 2,
						 .nr_keys = keys,
						 .words = state->words + at + 2 + keys,
						 .nr_words = (size_t)length - keys }))
			return false;
		at += 2 + (size_t)length;
	}
	return true;
}

static int compare_rows(const struct row *a, const struct row *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	for (size_t i = 0; i < a->nr_keys; i++)
		if (a->key[i] != b->key[i])
			return a->key[i] < b->key[i] ? -1 : 1;
	return 0;
}

static bool same_words(const struct row *a, const struct row *b)
{
	return a && b && a->nr_words == b->nr_words &&
	       (a->nr_words == 0 ||
		memcmp(a->words, b->words, a->nr_words * sizeof(*a->words)) == 0);
}

static const char *zone_name(uint64_t index)
{
	return index < MACHINE_NR_ZONES ? zone_names[index] : "?";
}

static void label_row(const struct row *row, char label[LABEL + 1])
{
	const unsigned long long node = row->nr_keys > 0 ? row->key[0] : 0;
	static const char *const names[] = {
		[LB_STATE_HEADER] = "header",
		[LB_STATE_RESERVED] = "reserved",
		[LB_STATE_TUNABLES] = "tunables",
		[LB_STATE_PAGEBLOCKS] = "pageblocks",
		[LB_STATE_BAD_PAGES] = "bad pages",
		[LB_STATE_LEAKED] = "leaked",
		[LB_STATE_COUNTERS] = "counters",
		[LB_STATE_TASKS] = "tasks",
		[LB_STATE_RANDOM] = "random",
		[LB_STATE_GUARDS] = "guards",
		[LB_STATE_DEFERRED] = "deferred",
		[LB_STATE_CONTENTS] = "dirty free pages",
		[LB_STATE_FRAG_CACHES] = "fragment caches",
		[LB_STATE_FRAG_BLOCKS] = "fragment blocks",
		[LB_STATE_DESTRUCTORS] = "huge pages",
	};

	switch (row->type) {
	case LB_STATE_NODE:
		snprintf(label, LABEL + 1, "node %llu", node);
		break;
	case LB_STATE_ZONE:
		snprintf(label, LABEL + 1, "node %llu %s", node, zone_name(row->key[1]));
		break;
	case LB_STATE_ZONE_STAT:
		snprintf(label, LABEL + 1, "node %llu %-7s counters", node, zone_name(row->key[1]));
		break;
	case LB_STATE_PCP:
		snprintf(label, LABEL + 1, "node %llu %-7s cpu %llu", node, zone_name(row->key[1]),
			 (unsigned long long)row->key[2]);
		break;
	case LB_STATE_FREE_LIST:
		snprintf(label, LABEL + 1, "node %llu %-7s order %-2llu %c", node,
			 zone_name(row->key[1]), (unsigned long long)row->key[2],
			 row->key[3] < 6 ? type_letters[row->key[3]] : '?');
		break;
	default:
		snprintf(label, LABEL + 1, "%s",
			 row->type < sizeof(names) / sizeof(names[0]) && names[row->type]
				 ? names[row->type]
				 : "section");
	}
}

/* Types as letters, sixteen a word, lowest four bits first; two words lead. */
static void draw_pageblocks(struct text *t, const struct row *row)
{
	for (size_t i = 2; i < row->nr_words && t->used < COLUMN - 4; i++)
		for (unsigned int n = 0; n < 16 && (i - 2) * 16 + n < row->words[1]; n++) {
			unsigned int type = row->words[i] >> (4 * n) & 15;

			text_add(t, "%c", type < 6 ? type_letters[type] : '?');
		}
}

static void draw_zone(struct text *t, const struct row *row)
{
	if (row->nr_words + row->nr_keys < LB_ZONE_WORDS)
		return;
	/* The keys are the first words of enum lb_zone_word. */
	text_add(t, "free %lld boost %lld highatomic %lld marks %lld/%lld/%lld",
		 (long long)row->key[LB_ZONE_FREE], (long long)row->key[LB_ZONE_BOOST],
		 (long long)row->key[LB_ZONE_HIGHATOMIC], (long long)row->key[LB_ZONE_MIN],
		 (long long)row->key[LB_ZONE_LOW], (long long)row->key[LB_ZONE_HIGH]);
}

/*
 * Sections that are lists of things of several words each: "64:2 96:0" of guards, "0:512 1:-" of
 * deferred pages by node, "1032:32768:31268:32760:0" of a cache of fragments.
 */
static size_t words_of_a_thing(uint64_t type)
{
	enum { CACHE_WORDS = 5, BLOCK_WORDS = 3, PAIR = 2 };

	switch (type) {
	case LB_STATE_GUARDS:
	case LB_STATE_DEFERRED:
	case LB_STATE_CONTENTS:
	case LB_STATE_BAD_PAGES:
	case LB_STATE_LEAKED:
		return PAIR;
	case LB_STATE_FRAG_BLOCKS:
		return BLOCK_WORDS;
	case LB_STATE_FRAG_CACHES:
		return CACHE_WORDS;
	default:
		return 1;
	}
}

static void draw_number(struct text *t, uint64_t word, bool is_thing)
{
	if (is_thing && word == UINT64_MAX)
		text_add(t, "-");
	else
		text_add(t, "%lld", (long long)word);
}

static void draw_things(struct text *t, const struct row *row)
{
	size_t size = words_of_a_thing(row->type);

	for (size_t i = 0; i < row->nr_words && t->used < COLUMN + 1; i++) {
		text_add(t, "%s", i == 0 ? "" : i % size ? ":" : " ");
		draw_number(t, row->words[i], size > 1);
		/* nothing more is to be said of a cache that is empty */
		if (row->type == LB_STATE_FRAG_CACHES && i % size == 0 &&
		    row->words[i] == UINT64_MAX)
			i += size - 1;
	}
}

/* Words of a section of page lists before the first list; each list then has two words before its pages. */
enum { PCP_COUNT, PCP_HIGH, PCP_BATCH, PCP_FREE_FACTOR, PCP_NR_LISTS, PCP_LISTS };

enum { SAVED_TYPE_SHIFT = 56 }; /* of a page on a page list: pfn + (type << 56) */

static void draw_page(struct text *t, uint64_t word)
{
	const uint64_t type = word >> SAVED_TYPE_SHIFT;

	text_add(t, "%llu%c", (unsigned long long)(word & ((UINT64_C(1) << SAVED_TYPE_SHIFT) - 1)),
		 type < 6 ? type_letters[type] : '?');
}

/* count 3 high 16 batch 4 | 0: 2U 3U | 1: 8M, the lists by index; a free factor only where there is one */
static void draw_page_lists(struct text *t, const struct row *row)
{
	if (row->nr_words < PCP_LISTS)
		return;
	text_add(t, "count %lld high %lld batch %lld", (long long)row->words[PCP_COUNT],
		 (long long)row->words[PCP_HIGH], (long long)row->words[PCP_BATCH]);
	if (row->words[PCP_FREE_FACTOR])
		text_add(t, " factor %lld", (long long)row->words[PCP_FREE_FACTOR]);
	for (size_t i = PCP_LISTS; i + 2 <= row->nr_words && t->used < COLUMN + 1;) {
		uint64_t pages = row->words[i + 1];

		text_add(t, " | %llu:", (unsigned long long)row->words[i]);
		for (i += 2; pages > 0 && i < row->nr_words && t->used < COLUMN + 1; i++, pages--) {
			text_add(t, " ");
			draw_page(t, row->words[i]);
		}
	}
}

/* Is this word of the row a page on a page list? */
static bool is_listed_page(const struct row *row, size_t word)
{
	size_t list = PCP_LISTS;

	if (row->type != LB_STATE_PCP)
		return false;
	while (list + 2 <= word && row->words[list + 1] < word - list - 1)
		list += 2 + (size_t)row->words[list + 1];
	return word >= list + 2;
}

static void draw_word(struct text *t, const struct row *row, size_t word)
{
	if (word >= row->nr_words)
		text_add(t, "nothing");
	else if (is_listed_page(row, word))
		draw_page(t, row->words[word]);
	else
		text_add(t, "%lld", (long long)row->words[word]);
}

static void draw_row(const struct row *row, char column[COLUMN + 1])
{
	char whole[256] = "";
	struct text t = { .buffer = whole, .size = sizeof(whole) };

	if (row && row->type == LB_STATE_ZONE)
		draw_zone(&t, row);
	else if (row && row->type == LB_STATE_PCP)
		draw_page_lists(&t, row);
	else if (row && row->type == LB_STATE_PAGEBLOCKS)
		draw_pageblocks(&t, row);
	else if (row)
		draw_things(&t, row);
	if (t.used == 0)
		text_add(&t, "-");
	if (t.used > COLUMN)
		memcpy(whole + COLUMN - 3, "...", 4);
	memcpy(column, whole, COLUMN);
	column[COLUMN] = '\0';
}

static void draw_both(struct text *t, const struct row *actual, const struct row *expect)
{
	char label[LABEL + 1], left[COLUMN + 1], right[COLUMN + 1];

	assert(actual || expect);
	label_row(actual ? actual : expect, label);
	draw_row(actual, left);
	draw_row(expect, right);
	text_add(t, "%c %-*s %-*s %s\n", same_words(actual, expect) ? ' ' : '*', LABEL, label,
		 COLUMN, left, right);
}

static void draw_words(struct text *t, const struct row *actual, const struct row *expect)
{
	size_t i = 0;

	/* Where a long row differs beyond what was drawn. */
	while (i < actual->nr_words && i < expect->nr_words && actual->words[i] == expect->words[i])
		i++;
	text_add(t, "  %-*s first difference at word %zu: ", LABEL, "", i);
	draw_word(t, actual, i);
	text_add(t, ", expected ");
	draw_word(t, expect, i);
	text_add(t, "\n");
}

static void draw_merged(struct text *t, const struct rows *actual, const struct rows *expect)
{
	size_t a = 0, e = 0;

	while (a < actual->count || e < expect->count) {
		const struct row *left = a < actual->count ? &actual->rows[a] : NULL;
		const struct row *right = e < expect->count ? &expect->rows[e] : NULL;
		int order = !left ? 1 : !right ? -1 : compare_rows(left, right);

		draw_both(t, order <= 0 ? left : NULL, order >= 0 ? right : NULL);
		if (order == 0 && !same_words(left, right))
			draw_words(t, left, right);
		a += order <= 0;
		e += order >= 0;
	}
}

void draw_states(struct text *t, const struct words *actual, const struct words *expect)
{
	struct rows left = { 0 }, right = { 0 };

	text_add(t, "  %-*s %-*s %s\n", LABEL, "", COLUMN, "target", "oracle");
	if (read_rows(&left, actual) && read_rows(&right, expect))
		draw_merged(t, &left, &right);
	else
		text_add(t, "(no memory to draw the states)\n");
	free(left.rows);
	free(right.rows);
}
