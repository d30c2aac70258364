/*
 * Seeds: any word or commit hash names one. The word is what is printed, kept and given again.
 */
#ifndef LOSTBUDDY_CAMPAIGN_SEED_H
#define LOSTBUDDY_CAMPAIGN_SEED_H

#include <stdint.h>

/* The number that a word stands for: equal words, equal numbers, on any machine. */
uint64_t seed_of_word(const char *word);

/* The n-th of a family of seeds: unlike its neighbours in every bit. */
uint64_t seed_derive(uint64_t seed, uint64_t n);

#endif
