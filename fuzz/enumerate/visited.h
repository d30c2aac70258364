/*
 * The states an enumeration has seen: a hash table in memory that several processes share.
 *
 *	key    digest of a state; 0: an empty slot
 *	rank   the first way that led there, in the order of the enumeration
 *
 * Invariants:
 *   V1  no key stands in two slots;
 *   V2  a key's rank is the smallest that was given with it, whoever came first in time: what is
 *       found does not depend on how processes interleave.
 *
 * Locking: none; slots are taken and ranks lowered by compare-and-swap. A table grows while nobody
 * else uses it only, and processes that shall see the grown one are to be started afterwards.
 */
#ifndef LOSTBUDDY_ENUMERATE_VISITED_H
#define LOSTBUDDY_ENUMERATE_VISITED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct visited;

/* Room for at least so many states. NULL: no memory. */
struct visited *visited_create(uint64_t states);
void visited_destroy(struct visited *v);

/* Makes room for at least so many. False: no memory, and the table is as it was. */
bool visited_grow(struct visited *v, uint64_t states);

/* A way of this rank leads to the state. False: it is not in the table, and there is no room. */
bool visited_add(struct visited *v, uint64_t state, uint64_t rank);

uint64_t visited_states(const struct visited *v);
uint64_t visited_room(const struct visited *v); /* for how many states in all */

/* One state after the other, in no order; *at begins with 0. False: there are no more. */
bool visited_next(const struct visited *v, size_t *at, uint64_t *state, uint64_t *rank);

#endif
