/*
 * A steady mix of allocations and frees on a machine of 1 GiB, the same in every run.
 *
 *	occupancy   80 %  ____/\      /\      /\ 		nine blocks in ten are single pages, the others of
 *	            50 %      / \____/  \____/  \____	order 1 .. 10, as many of each; a free takes any block
 *
 * While occupancy rises three operations in four are allocations, while it falls three in four are
 * frees. A failure ends the program: the figure would be of something else.
 */
#ifndef LOSTBUDDY_BENCH_MIX_H
#define LOSTBUDDY_BENCH_MIX_H

#include "bench/measure.h"

/* @checks: of enum mm_checks. The first waves are over. */
void *mix_create(int checks, char *why);
void mix_destroy(void *subject);
bench_loop mix_loop;

/* The same decisions, and nothing taken or given back. */
bench_loop mix_empty_loop;

/* Of 1: how much of the machine's memory is held. */
double mix_occupancy(const void *subject);

#endif
