/*
 * Structural mutation on bytes, for engines: decoded, changed operation by operation, encoded.
 * Both engines mutate through this. Not here: mutation byte by byte, which engines have themselves.
 */
#ifndef LOSTBUDDY_MUTATION_H
#define LOSTBUDDY_MUTATION_H

#include "program/program.h"

enum { MUTATION_MAX_ENCODED = 1 << 16 };

/* Room that is kept from one mutation to the next. Begin with zeros and mutation_begin(). */
struct mutation {
	struct program program, other;
	uint8_t encoded[MUTATION_MAX_ENCODED];
};

void mutation_begin(struct mutation *m);
void mutation_end(struct mutation *m);

/*
 * mutation_mutate - a mutant of the program that data is, written to out.
 * @out, @max_out: may be data; what does not fit is cut off (any prefix is a program)
 *
 * Returns its size; 0: there is no memory, or the program has no wire form any more.
 */
size_t mutation_mutate(struct mutation *m, const uint8_t *data, size_t size, uint8_t *out,
		       size_t max_out, uint64_t seed);

/* The same for a cross of two programs, on the machine of the first. */
size_t mutation_cross(struct mutation *m, const uint8_t *data1, size_t size1, const uint8_t *data2,
		      size_t size2, uint8_t *out, size_t max_out, uint64_t seed);

#endif
