/* Moves: see moves.h. */
#include "enumerate/moves.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GFP_ZERO = 0x100 }; /* facts 5 */

/*
 * A line becomes a whole program, which the parser of the language reads: before it stands what
 * binds the handle that it is about.
 *
 *	lostbuddy 1
 *	machine ...
 *	p0 = alloc_pages(order=1, gfp=0)	the handle
 *	__free_pages(p0)			if it has to be dead
 *	p1..p2 = split_page(p0)			the move, with the binding it needs
 */
#define BEFORE_LIVE "p0 = alloc_pages(order=1, gfp=0)\n"
#define BEFORE_DEAD BEFORE_LIVE "__free_pages(p0)\n"
#define BEFORE_FRAGMENT "p0 = page_frag_alloc(gfp=0, value=1)\n"

static const struct {
	const char *word;
	enum move_handle handle;
	const char *before;
} words[] = {
	{ "first", MOVE_FIRST, BEFORE_LIVE },
	{ "last", MOVE_LAST, BEFORE_LIVE },
	{ "dead", MOVE_DEAD, BEFORE_DEAD },
};

enum { NR_WORDS = sizeof(words) / sizeof(words[0]) };

struct line {
	const char *whole; /* the text it stands in */
	const char *text;
	size_t size;
};

static bool is_at(const struct line *line, size_t at, const char *word)
{
	size_t size = strlen(word);

	return at + size <= line->size && strncmp(line->text + at, word, size) == 0;
}

/* The word in the place of the handle: right behind the parenthesis. NR_WORDS: none. */
static unsigned int find_word(const struct line *line, size_t *at)
{
	const char *open = memchr(line->text, '(', line->size);

	*at = open ? (size_t)(open - line->text) + 1 : line->size;
	for (unsigned int i = 0; i < NR_WORDS; i++) {
		size_t end = *at + strlen(words[i].word);

		if (is_at(line, *at, words[i].word) &&
		    (end == line->size || !isalnum((unsigned char)line->text[end])))
			return i;
	}
	return NR_WORDS;
}

/* The code of the operation that the line names; OP_COUNT: it names none. */
static unsigned int code_of(const struct line *line)
{
	for (unsigned int code = 0; code < OP_COUNT; code++) {
		size_t size = strlen(op_info[code].name);

		if (is_at(line, 0, op_info[code].name) && line->size > size &&
		    line->text[size] == '(')
			return code;
	}
	return OP_COUNT;
}

static const char *before(const struct line *line, unsigned int word)
{
	unsigned int code = code_of(line);

	if (word < NR_WORDS && words[word].handle != MOVE_DEAD && code < OP_COUNT &&
	    op_info[code].arguments & ARG_FRAGMENT)
		return BEFORE_FRAGMENT;
	return word < NR_WORDS ? words[word].before : "";
}

/*
 * What stands before the operation for the handles it binds: p0 is taken. For one that yields MANY,
 * so many; the parser alone knows how many are right.
 */
static void bind_to(const struct line *line, bool has_handle, unsigned int many, char binding[16])
{
	unsigned int code = code_of(line);

	binding[0] = '\0';
	if (code == OP_COUNT)
		return;
	switch (op_info[code].yields) {
	case YIELDS_BLOCK:
	case YIELDS_FRAGMENT:
		strcpy(binding, "p9 = ");
		break;
	case YIELDS_PAGES:
		strcpy(binding, has_handle ? "p1..p2 = " : "");
		break;
	case YIELDS_MANY:
		if (many > 0)
			snprintf(binding, 16, "p9..p%u = ", 8 + many);
		break;
	case YIELDS_NOTHING:
		break;
	}
}

/* Character at of a line, as line and column of the whole text. */
static void place(struct text_error *error, const struct line *line, size_t at)
{
	error->line = error->column = 1;
	for (const char *c = line->whole; c < line->text + at; c++) {
		error->column = *c == '\n' ? 1 : error->column + 1;
		error->line += *c == '\n';
	}
}

static bool wrong(struct text_error *error, const struct line *line, size_t at, const char *what)
{
	place(error, line, at);
	snprintf(error->what, sizeof(error->what), "%s", what);
	return false;
}

/* What the parser said of a place in the program, said of the line that it was made of. */
static bool wrong_there(struct text_error *error, const struct line *line, size_t bound,
			size_t word_at, size_t word_size)
{
	size_t at = error->column > bound ? error->column - 1 - bound : 0;

	if (word_size && at > word_at)
		at += word_size - strlen("p0");
	place(error, line, at < line->size ? at : line->size);
	return false;
}

static bool parse_text(struct move *move, const char *text, struct text_error *error)
{
	struct program p;
	bool parsed;

	program_init(&p);
	parsed = program_parse(&p, text, strlen(text), error);
	if (parsed && p.nr_ops > 0) {
		move->op = p.ops[p.nr_ops - 1];
		move->op.handle = move->op.first_result = move->op.nr_results = 0;
	}
	program_free(&p);
	return parsed;
}

/* The line as a program, with so many handles bound where that is the question. */
static bool parse_binding(struct move *move, const char *machine_line, const struct line *line,
			  unsigned int many, struct text_error *error)
{
	char text[12288], binding[16];
	size_t at;
	unsigned int word = find_word(line, &at);
	bool has_word = word < NR_WORDS;
	size_t word_size = has_word ? strlen(words[word].word) : 0;

	bind_to(line, has_word, many, binding);
	snprintf(text, sizeof(text), "lostbuddy 1\nmachine %s\n%s%s%.*s%s%.*s\n", machine_line,
		 before(line, word), binding, (int)at, line->text, has_word ? "p0" : "",
		 (int)(line->size - at - word_size), line->text + at + word_size);
	*move = (struct move){ .handle = has_word ? words[word].handle : MOVE_NO_HANDLE };
	if (!parse_text(move, text, error))
		return wrong_there(error, line, strlen(binding), at, word_size);
	if (!has_word && op_info[move->op.code].arguments & ARGS_HANDLE)
		return wrong(error, line, at, "expected first, last or dead for the handle");
	return true;
}

static bool parse_line(struct move *move, const struct machine *machine, const struct line *line,
		       struct text_error *error)
{
	char machine_line[8192];
	unsigned int code = code_of(line), many = 0;

	if (machine_print_line(machine, machine_line, sizeof(machine_line)) >= sizeof(machine_line))
		return wrong(error, line, 0, "this machine is too long for an enumeration");
	if (line->size > 1024)
		return wrong(error, line, 0, "this line is too long: expected one operation");
	if (code < OP_COUNT && op_info[code].yields == YIELDS_MANY)
		while (many < PROGRAM_MAX_COUNT &&
		       !parse_binding(move, machine_line, line, many, error))
			many++;
	return parse_binding(move, machine_line, line, many, error);
}

/* The next line that holds a move; without blanks at its ends, and without its comment. */
static bool next_line(const char **rest, struct line *line)
{
	while (**rest) {
		size_t size = strcspn(*rest, "#\n;"), blanks = strspn(*rest, " \t\r");

		line->text = *rest + (blanks < size ? blanks : size);
		line->size = (size_t)(*rest + size - line->text);
		while (line->size > 0 && isspace((unsigned char)line->text[line->size - 1]))
			line->size--;
		*rest += size;
		if (**rest == '#')
			*rest += strcspn(*rest, "\n");
		*rest += **rest != '\0';
		if (line->size > 0)
			return true;
	}
	return false;
}

bool moves_parse(struct moves *moves, const struct machine *machine, const char *text,
		 struct text_error *error)
{
	struct line line = { .whole = text, .text = text };

	moves->nr = 0;
	while (next_line(&text, &line)) {
		if (moves->nr == MOVES_MAX)
			return wrong(error, &line, 0, "too many operations: expected at most 64");
		if (!parse_line(&moves->moves[moves->nr++], machine, &line, error))
			return false;
	}
	return moves->nr > 0 || wrong(error, &line, 0, "expected at least one operation");
}

/* ---- a move in a state ---- */

uint32_t move_handle(const struct move *move, const struct reached *at)
{
	bool fragment = op_info[move->op.code].arguments & ARG_FRAGMENT;

	switch (move->handle) {
	case MOVE_FIRST:
		return fragment ? at->first_fragment : at->first;
	case MOVE_LAST:
		return fragment ? at->last_fragment : at->last;
	case MOVE_DEAD:
		return at->dead;
	default:
		return NO_HANDLE;
	}
}

bool move_is_idle(const struct move *move, const struct reached *at)
{
	return move->handle != MOVE_NO_HANDLE && move_handle(move, at) == NO_HANDLE;
}

bool move_append(struct program *p, const struct move *move, uint32_t handle)
{
	struct op op = move->op;

	assert((handle == NO_HANDLE) == (move->handle == MOVE_NO_HANDLE));
	if (handle != NO_HANDLE)
		op.handle = handle;
	return program_append(p, &op);
}

/* ---- symmetry ---- */

static bool has_move(const struct moves *moves, const struct move *wanted)
{
	for (unsigned int i = 0; i < moves->nr; i++)
		if (moves->moves[i].handle == wanted->handle &&
		    memcmp(&moves->moves[i].op, &wanted->op, sizeof(wanted->op)) == 0)
			return true;
	return false;
}

/* Every move on one CPU of a node is there on each other one. */
static bool is_everywhere(const struct moves *moves, const struct machine *machine,
			  const struct move *move)
{
	struct move there = *move;

	for (uint32_t cpu = 0; cpu < machine->nr_cpus; cpu++) {
		there.op.cpu = (uint8_t)cpu;
		if (machine->cpu_node[cpu] == machine->cpu_node[move->op.cpu] &&
		    !has_move(moves, &there))
			return false;
	}
	return true;
}

bool moves_are_symmetric(const struct moves *moves, const struct machine *machine)
{
	for (unsigned int i = 0; i < moves->nr; i++)
		if (moves->moves[i].op.code == OP_DRAIN_ALL_PAGES ||
		    !is_everywhere(moves, machine, &moves->moves[i]))
			return false;
	return machine->nr_cpus > 1;
}

void moves_drop_misuse(struct moves *moves)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < moves->nr; i++)
		if (!op_is_misuse(moves->moves[i].op.code))
			moves->moves[nr++] = moves->moves[i];
	moves->nr = nr;
}

static bool looks_at_contents(const struct op *op)
{
	return op->code == OP_GET_ZEROED_PAGE || op->code == OP_FILL || op->code == OP_VERIFY ||
	       op->code == OP_WRITE_FREED || (op->gfp & GFP_ZERO);
}

struct reach moves_tell_apart(const struct moves *moves, const struct machine *machine,
			      bool mirrors)
{
	struct reach how = { .cpus_alike = mirrors && moves_are_symmetric(moves, machine),
			     .contents = machine->init_on_alloc || machine->init_on_free ||
					 machine->page_poison };

	for (unsigned int i = 0; i < moves->nr; i++) {
		how.contents |= looks_at_contents(&moves->moves[i].op);
		how.dead |= moves->moves[i].handle == MOVE_DEAD;
	}
	return how;
}
