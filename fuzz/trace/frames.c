/*
 * What is remembered of frames: a hash table of chunks of 512 frames each, so that a recording of a
 * large machine costs memory only for the frames that it names.
 *
 *   pfn  --/ 512-->  chunk, by open addressing  --% 512-->  two words
 *
 * Invariant: at most half of the table is in use, so that a search ends.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "trace/internal.h"

enum { CHUNK_ORDER = 9, CHUNK_FRAMES = 1 << CHUNK_ORDER, FIRST_SIZE = 1024 };

struct chunk {
	uint64_t number;
	struct trace_frame frames[CHUNK_FRAMES];
};

struct trace_frames {
	struct chunk **table; /* [size], a power of two */
	size_t size, used;
	struct chunk *last; /* asked for last */
};

struct trace_frames *trace_frames_create(void)
{
	struct trace_frames *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->size = FIRST_SIZE;
	f->table = calloc(f->size, sizeof(struct chunk *));
	if (f->table)
		return f;
	free(f);
	return NULL;
}

void trace_frames_destroy(struct trace_frames *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->size; i++)
		free(f->table[i]);
	free(f->table);
	free(f);
}

/* The place of a chunk, or the empty one where it belongs. */
static struct chunk **find(struct chunk **table, size_t size, uint64_t number)
{
	size_t at = (size_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (size - 1);

	while (table[at] && table[at]->number != number)
		at = (at + 1) & (size - 1);
	return &table[at];
}

static bool grow(struct trace_frames *f)
{
	size_t size = f->size * 2;
	struct chunk **table = calloc(size, sizeof(struct chunk *));

	if (!table)
		return false;
	for (size_t i = 0; i < f->size; i++)
		if (f->table[i])
			*find(table, size, f->table[i]->number) = f->table[i];
	free(f->table);
	f->table = table;
	f->size = size;
	return true;
}

static struct chunk *new_chunk(struct trace_frames *f, uint64_t number)
{
	struct chunk *chunk;

	if (f->used >= f->size / 2 && !grow(f))
		return NULL;
	chunk = calloc(1, sizeof(*chunk));
	if (!chunk)
		return NULL;
	chunk->number = number;
	*find(f->table, f->size, number) = chunk;
	f->used++;
	return chunk;
}

static struct chunk *chunk_of(struct trace_frames *f, uint64_t number)
{
	struct chunk *chunk = *find(f->table, f->size, number);

	return chunk ? chunk : new_chunk(f, number);
}

struct trace_frame *trace_frame(struct trace_frames *f, uint64_t pfn)
{
	uint64_t number = pfn >> CHUNK_ORDER;

	assert(pfn != TRACE_NO_PFN);
	if (!f->last || f->last->number != number)
		f->last = chunk_of(f, number);
	return f->last ? &f->last->frames[pfn % CHUNK_FRAMES] : NULL;
}
