/*
 * What the files of this room share, and nobody else sees.
 *
 * Text is read through a cursor (text.c), written through a printer. Machines are made valid by
 * machine_fold(), and drawn by machine_random(). Programs are built by program_add(), which leaves
 * out the checks that its callers have done, and put in order again by program_renumber().
 */
#ifndef LOSTBUDDY_PROGRAM_INTERNAL_H
#define LOSTBUDDY_PROGRAM_INTERNAL_H

#include <stdarg.h>
#include <string.h>

#include "program/program.h"
#include "program/random.h"

struct cursor;

enum {
	MACHINE_DEFAULT_PAGES = 512,
	MACHINE_LEAST_PAGES = 32,   /* present pages of any machine */
	MACHINE_HIGHEST_ORDER = 10, /* no machine has a higher top order */
	MACHINE_LOWEST_ORDER = 4,
	MACHINE_GREATEST_TUNABLE = 0x7fffffff,
	MACHINE_GREATEST_PAGE_LIST = 1 << 20, /* pages: high and batch */
	MACHINE_FARTHEST = 254, /* greatest distance; 255 would mean unreachable */
	WIRE_NODES = 4,
	WIRE_CPUS = 8,
	WIRE_RANGES = 8,
	WIRE_GREATEST_BORDER = 4096, /* of dma_end and dma32_end */
	WIRE_GREATEST_SECTION = 32768,
	WIRE_GREATEST_PERCPU = 64, /* pages of a unit */
	ORDER_COUNT = 16,	   /* values of ARG_ORDER */
	LEVEL_COUNT = LEVEL_NMI + 1,
};

/* ---- machines ---- */

#define MACHINE_GREATEST_PFN (UINT64_C(1) << 40)

/* One row of the table of keys (machine_text.c): all that is known of `name=value`. */
struct machine_reading;
struct machine_key {
	const char *name;
	const char *form;	/* of its value, for people */
	uint64_t low, high;	/* of the numbers in it; high = 0: there are none */
	const char *normal;	/* the value that may be left out; NULL: derived, and doc says how */
	bool (*parse)(const struct machine_key *key, struct machine_reading *r, struct cursor *c);
	const char *doc;
};
/* NULL behind the last. */
const struct machine_key *machine_key_at(unsigned int index);

/*
 * Memory of @pages pages, from pfn 1, divided evenly over the nodes; borders on pageblocks where
 * that is possible.
 */
void machine_divide(struct machine *m, uint64_t pages);
void machine_default_borders(struct machine *m);
/* Nodes that are there. */
uint32_t machine_nodes_there(const struct machine *m);
bool machine_node_is_there(const struct machine *m, uint32_t node);
/* Absent nodes are nodes of the machine, and leave one. */
void machine_fold_absent(struct machine *m);
/* Its absent nodes alone; the number of nodes is in its range. */
bool machine_check_absent(const struct machine *m, struct text_error *error);
/* The greatest guard order (facts 18). */
uint32_t machine_highest_guard(const struct machine *m);
uint64_t machine_default_section(const struct machine *m);
uint64_t machine_present(const struct machine *m);
uint64_t machine_movable_base(const struct machine *m); /* lowest pfn of the highest zone */

/*
 * machine_fold - make a machine of any field values valid and fit for the wire.
 * A machine that is so already is not changed. The outcome depends on nothing but *m.
 */
void machine_fold(struct machine *m);
void machine_random(struct machine *m, struct random *r);

/* A file of a boot's folder, as text_read_file; a line of its log behind the time stamp. */
char *boot_read_part(const char *dir, const char *name, size_t *size, struct text_error *error);
const char *boot_skip_stamp(const char *line);

/* ---- programs ---- */

/* Room for one operation more with @results results. False: no memory, or P4. */
bool program_reserve(struct program *p, uint32_t ops, uint32_t results);

/*
 * program_add - append an operation whose arguments and handle are known to be right (P2, P3).
 * Returns false without memory or at the limits of P4; p is unchanged then.
 */
bool program_add(struct program *p, const struct op *op);

/* Makes the arguments of an operation fit the table and the machine (P3). */
void op_fold(struct op *op, const struct machine *m);

/*
 * program_renumber - program_rebuild for operations whose results have any disjoint numbers below
 * @bound.
 * @repoint: operations whose handle is gone take another live one where there is one near; NULL:
 *           they are dropped.
 */
uint32_t program_renumber(struct program *p, const bool *keep, uint32_t bound,
			  struct random *repoint);

/* A random operation of the default mix for the state that p is in, for the mutator. */
struct op generate_one(const struct program *p, struct random *r);

/* ---- text ---- */

struct cursor {
	const char *at, *end;
	const char *line_start;
	unsigned int line;
	struct text_error *error;
};

/*
 * Where a machine's `file=` may be looked up: the folder of the program's file, or NULL if it has
 * none.
 */
bool machine_parse(struct machine *m, struct cursor *c, const char *folder);
/* The whole of a file with a 0 behind it (free it), or NULL with the reason. */
char *text_read_file(const char *path, size_t *size, struct text_error *error);

void cursor_init(struct cursor *c, const char *text, size_t size, struct text_error *error);
/* Says what is wrong at @at, which lies in the cursor's line. Always returns false. */
bool cursor_fail(struct cursor *c, const char *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool error_set(struct text_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
bool error_at(struct text_error *error, unsigned int line, unsigned int column, const char *format,
	      va_list list);
void cursor_skip_blanks(struct cursor *c);	 /* blanks and tabs */
void cursor_skip_lines(struct cursor *c);	 /* blanks, comments and line ends */
bool cursor_at_line_end(const struct cursor *c); /* end of text, newline or comment */
bool cursor_take(struct cursor *c, char wanted); /* that character, if it is there */
bool cursor_expect(struct cursor *c, char wanted, const char *after);
/*
 * The length of the word (letters, digits, `_`, `-`, `.`) at the cursor, which stays where it is.
 */
size_t cursor_word(const struct cursor *c);
bool cursor_word_is(const struct cursor *c, size_t length, const char *word);
/* A decimal or 0x number of at most @max; @what names it in the error. */
bool cursor_number(struct cursor *c, uint64_t max, const char *what, uint64_t *value);
/*
 * Piece of the text at the cursor for an error message: the word there, or the character, or "end
 * of line".
 */
const char *cursor_found(const struct cursor *c, char buffer[40]);

/*
 * The known name that is nearest to a word, or NULL if none is near. name(i) is NULL behind the
 * last.
 */
const char *nearest_name(const char *word, size_t length, const char *(*name)(unsigned int index));

/* Words of the text, by their numbers (print.c). */
extern const char *const level_names[LEVEL_COUNT];
extern const char *const scope_names[6];

struct printer {
	char *buffer;
	size_t size, length;
};
void print_add(struct printer *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void print_gfp(struct printer *out, uint32_t gfp);
/* A sentence, broken at blanks into lines of at most @width columns, each indented by 8. */
void print_folded(struct printer *out, size_t width, const char *text);

#endif
