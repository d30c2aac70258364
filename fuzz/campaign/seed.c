/*
 * Seeds from words. The word is hashed (FNV-1a), then mixed, so that similar words give unlike
 * seeds.
 */
#include "campaign/seed.h"

#include <assert.h>

/* A bijection of 64-bit numbers in which each input bit moves about half of the output bits. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

uint64_t seed_of_word(const char *word)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	assert(word);
	for (const char *c = word; *c; c++)
		hash = (hash ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
	return mix(hash);
}

uint64_t seed_derive(uint64_t seed, uint64_t n)
{
	return mix(seed + (n + 1) * UINT64_C(0x9e3779b97f4a7c15));
}
