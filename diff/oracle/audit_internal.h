/*
 * The audit's rooms among themselves.
 *
 *	audit.c			life, boot, the end
 *	audit_step.c		results: blocks that come and go
 *	audit_compare.c		an export: every frame in one place
 *
 * One allocation holds everything, bitmaps of frames as words, arrays a frame:
 *
 *	[ struct audit | absent, reserved | state | image | seen, listed ]
 *	                                    ^       ^        scratch of a comparison
 *	              what a run changes ---+       +--- the same after boot: a rewind is one copy
 *
 * Invariants:
 *   U1  a frame is in live iff a live block covers it; refs[pfn] > 0 iff one begins at pfn, and then
 *       orders[pfn] is its order;
 *   U2  live, reserved and absent have no frame in common; bits from max_pfn on are set in absent;
 *   U3  managed frames are such that the target has shown to be its own (it handed them out, or its
 *       boot listed them as free), and has not lost since.
 */
#ifndef LOSTBUDDY_ORACLE_AUDIT_INTERNAL_H
#define LOSTBUDDY_ORACLE_AUDIT_INTERNAL_H

#include <assert.h>

#include "oracle/audit.h"

enum { WORD_BITS = 64, WORD_ORDER = 6 };

#define AUDIT_NOWHERE UINT64_MAX

/* What a run changes, but for the arrays that follow it in memory. */
struct audit_state {
	uint64_t ledger;	/* frames that operations declared lost */
	uint64_t nr_live;	/* frames */
	bool vague;		/* frames were lost, and nobody said which */
};

struct audit {
	const struct machine *machine;
	uint32_t flags;
	uint64_t *exercised;
	uint64_t max_pfn;
	size_t nr_words;
	uint64_t boot_free;	/* frames in lists after boot; with an export only */
	uint64_t *absent, *reserved;

	struct audit_state *state;
	uint64_t *live, *managed;
	uint8_t *refs, *orders;
	size_t state_size;	/* bytes of the state with its arrays */
	void *image;

	uint64_t *seen;
	uint16_t *listed;	/* a frame: what block is listed there (audit_compare.c); 0: none */
};

/* ---- Frames as bits ---- */

/* The bits of [start, end) that lie in word w. */
static inline uint64_t word_mask(uint64_t w, uint64_t start, uint64_t end)
{
	uint64_t from = w * WORD_BITS, mask = UINT64_MAX;

	if (start > from)
		mask <<= start - from;
	if (end < from + WORD_BITS)
		mask &= UINT64_MAX >> (from + WORD_BITS - end);
	return mask;
}

#define FOR_WORDS(w, start, end)                                                                   \
	for (uint64_t w = (start) / WORD_BITS; w <= ((end) - 1) / WORD_BITS; w++)

static inline void bits_set(uint64_t *bits, uint64_t start, uint64_t end)
{
	assert(start < end);
	FOR_WORDS(w, start, end)
		bits[w] |= word_mask(w, start, end);
}

static inline void bits_clear(uint64_t *bits, uint64_t start, uint64_t end)
{
	assert(start < end);
	FOR_WORDS(w, start, end)
		bits[w] &= ~word_mask(w, start, end);
}

/* The first frame of [start, end) that is set; end: none. */
static inline uint64_t bits_first(const uint64_t *bits, uint64_t start, uint64_t end)
{
	assert(start < end);
	FOR_WORDS(w, start, end) {
		uint64_t hit = bits[w] & word_mask(w, start, end);

		if (hit)
			return w * WORD_BITS + (uint64_t)__builtin_ctzll(hit);
	}
	return end;
}

static inline bool bit_is_set(const uint64_t *bits, uint64_t pfn)
{
	return bits[pfn / WORD_BITS] >> pfn % WORD_BITS & 1;
}

/* All of the block's frames lie below max_pfn. */
static inline bool block_in_range(const struct audit *a, uint64_t pfn, unsigned int order)
{
	return pfn < a->max_pfn && (UINT64_C(1) << order) <= a->max_pfn - pfn;
}

/* ---- What is said ---- */

/* A rule was looked at with its premise true. */
static inline bool audit_rule(struct audit *a, enum rule rule, bool holds)
{
	a->exercised[rule]++;
	return holds;
}

/* Notes a finding at a frame. Always false, for callers to return. */
__attribute__((format(printf, 5, 6))) bool audit_broken(struct verdict *v, enum rule rule,
							const char *field, uint64_t pfn,
							const char *format, ...);
/* The same with two numbers that ought to be equal. */
__attribute__((format(printf, 6, 7))) bool audit_differs(struct verdict *v, enum rule rule,
							 const char *field, uint64_t expect,
							 uint64_t actual, const char *format, ...);

/* ---- Exports ---- */

struct audit_section {
	uint64_t type, n;
	const uint64_t *words;
};

/* The section at *at, which goes on to the next. False: it is the last one. */
static inline bool audit_next_section(const uint64_t **at, struct audit_section *s)
{
	s->type = (*at)[0];
	s->n = (*at)[1];
	s->words = *at + 2;
	*at = s->words + s->n;
	return s->type != LB_STATE_END;
}

/* Frames of an export that are in lists, after it was compared. */
uint64_t audit_listed_frames(const struct audit *a, const uint64_t *words);

#endif
