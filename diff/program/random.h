/*
 * Random numbers of the generator and the mutator: splitmix64, one word of state.
 *
 * The same seed gives the same numbers with any compiler: only 64-bit unsigned arithmetic, and
 * every draw is a statement of its own in the callers, since C does not order the arguments of a
 * call.
 *
 *   next   = state += 0x9e3779b97f4a7c15, then two xor-shift-multiply rounds and a last xor-shift
 *   below  = (high half of next * n) >> 32: uniform to within n / 2^32, no division, no loop
 *
 * Not for secrets, and not for sequences longer than 2^64.
 */
#ifndef LOSTBUDDY_PROGRAM_RANDOM_H
#define LOSTBUDDY_PROGRAM_RANDOM_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static inline uint64_t random_next(struct random *r)
{
	r->state += 0x9e3779b97f4a7c15u;
	return random_mix(r->state);
}

/* Stream number @index of a seed: programs of one generator do not share numbers. */
static inline struct random random_stream(uint64_t seed, uint64_t index)
{
	return (struct random){ random_mix(seed + 0x632be59bd9b4e019u) ^
				random_mix(index + 0x9e3779b97f4a7c15u) };
}

/* 0 .. n - 1 */
static inline uint32_t random_below(struct random *r, uint32_t n)
{
	assert(n > 0);
	return (uint32_t)(((random_next(r) >> 32) * n) >> 32);
}

/* low .. high, both included */
static inline uint32_t random_between(struct random *r, uint32_t low, uint32_t high)
{
	assert(low <= high && high - low < UINT32_MAX);
	return low + random_below(r, high - low + 1);
}

/* True in @percent of 100 draws. */
static inline bool random_percent(struct random *r, uint32_t percent)
{
	return random_below(r, 100) < percent;
}

#endif
