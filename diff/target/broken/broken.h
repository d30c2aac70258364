/*
 * A family of deliberately broken allocators: what lostbuddy has to find, and the proof that it
 * does.
 *
 * Each is a target of its own, `broken:NAME`; NAME stands in broken.def. A fault is planted in one
 * place, acts the same way in every run, and is the only thing that is wrong: the same code without
 * a fault (`broken:correct`) is clean.
 */
#ifndef LOSTBUDDY_TARGET_BROKEN_H
#define LOSTBUDDY_TARGET_BROKEN_H

#include "target/target.h"

enum fault {
#define BROKEN(FAULT, name, trusted, sentence) FAULT_##FAULT,
#define LIAR(LIE, name, sentence)
#include "target/broken/broken.def"
#undef BROKEN
#undef LIAR
	FAULT_COUNT
};

enum lie {
#define BROKEN(FAULT, name, trusted, sentence)
#define LIAR(LIE, name, sentence) LIE_##LIE,
#include "target/broken/broken.def"
#undef BROKEN
#undef LIAR
	LIE_COUNT
};

/* The target of a name without its "broken:"; NULL: there is none. */
const struct lb_target *broken_find(const char *name);

/* All of them, by number, with their sentences; NULL past the last. */
const struct lb_target *broken_target(unsigned int number, const char **sentence);

/* The two kinds, for the table in broken.c. */
void *buddy_create(const struct machine *machine, enum fault fault, char *error);
void buddy_destroy(void *instance);
void buddy_exec(void *instance, const struct lb_call *call, struct lb_result *result);
bool buddy_reset(void *instance);
void *buddy_memory(void *instance, uint64_t pfn);

void *liar_create(const struct machine *machine, enum lie lie, char *error);
void liar_destroy(void *instance);
void liar_exec(void *instance, const struct lb_call *call, struct lb_result *result);
bool liar_reset(void *instance);
void *liar_memory(void *instance, uint64_t pfn);
const uint64_t *liar_results(void *instance);
size_t liar_export_state(void *instance, uint64_t *words, size_t capacity);

#endif
