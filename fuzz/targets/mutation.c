/* Structural mutation on bytes. See mutation.h. */
#include "targets/mutation.h"

#include <string.h>

void mutation_begin(struct mutation *m)
{
	program_init(&m->program);
	program_init(&m->other);
}

void mutation_end(struct mutation *m)
{
	program_free(&m->program);
	program_free(&m->other);
}

static size_t encode_into(struct mutation *m, uint8_t *out, size_t max_out)
{
	size_t size = program_encode(&m->program, m->encoded, sizeof(m->encoded));

	if (size == 0 || size > sizeof(m->encoded))
		return 0;
	if (size > max_out)
		size = max_out;
	memcpy(out, m->encoded, size);
	return size;
}

size_t mutation_mutate(struct mutation *m, const uint8_t *data, size_t size, uint8_t *out,
		       size_t max_out, uint64_t seed)
{
	if (!program_decode(&m->program, data, size))
		return 0;
	program_mutate(&m->program, seed);
	return encode_into(m, out, max_out);
}

size_t mutation_cross(struct mutation *m, const uint8_t *data1, size_t size1, const uint8_t *data2,
		      size_t size2, uint8_t *out, size_t max_out, uint64_t seed)
{
	if (!program_decode(&m->program, data1, size1) || !program_decode(&m->other, data2, size2))
		return 0;
	program_cross(&m->program, &m->other, seed);
	return encode_into(m, out, max_out);
}
