/*
 * Moves: the concrete operations of an enumeration, as lines of the program language.
 *
 *	alloc_pages(order=0, gfp=KERNEL) @cpu1
 *	__free_pages(last)                        the handle: `first' or `last' of those that live,
 *	double_free(dead)                         or the one bound last of those freed already
 *
 *	page_frag_free(first)                     of the fragments that live, where it takes a fragment
 *
 * Handles are counted from the ends of the list of what lives, never by number, so that a move
 * means the same in every state. A move whose handle does not exist does nothing.
 */
#ifndef LOSTBUDDY_ENUMERATE_MOVES_H
#define LOSTBUDDY_ENUMERATE_MOVES_H

#include "judge/judge.h"

enum { MOVES_MAX = 64 };

enum move_handle { MOVE_NO_HANDLE, MOVE_FIRST, MOVE_LAST, MOVE_DEAD };

struct move {
	struct op op; /* without handle */
	enum move_handle handle;
};

struct moves {
	struct move moves[MOVES_MAX];
	unsigned int nr;
};

/*
 * moves_parse - reads moves: one a line or, in one line, divided by `;'. Blank lines and `#'
 * comments are nothing. They must fit the machine (CPUs, nodes).
 * Returns false with line, column and what was expected; also where there is no move, or more than
 * MOVES_MAX.
 */
bool moves_parse(struct moves *moves, const struct machine *machine, const char *text,
		 struct text_error *error);

/* The handle a move is about in a state; NO_HANDLE: there is none, or it needs none. */
uint32_t move_handle(const struct move *move, const struct reached *at);

/* Does nothing there: it needs a handle, and there is none. */
bool move_is_idle(const struct move *move, const struct reached *at);

/* Appends the move to a program that has led to this handle. False: no memory, or it cannot. */
bool move_append(struct program *p, const struct move *move, uint32_t handle);

/*
 * True iff CPUs of one node may change places without changing the set of moves, and no move goes
 * through the CPUs in their order.
 */
bool moves_are_symmetric(const struct moves *moves, const struct machine *machine);

/* Takes out what a correct caller does not do (op_is_misuse). */
void moves_drop_misuse(struct moves *moves);

/*
 * By what states have to be told apart, so that every move has the same effect in equal ones:
 * contents if a move asks for zeroes, fills, verifies or writes to what is free, or the machine looks
 * into pages itself; dead handles if a move is about one; CPUs,
 * unless mirrors are allowed and the moves are symmetric.
 */
struct reach moves_tell_apart(const struct moves *moves, const struct machine *machine,
			      bool mirrors);

#endif
