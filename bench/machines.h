/*
 * The machines of the benchmark: as a small real one (DMA, DMA32 and Normal, 4 CPUs, top order 10,
 * profile linux-6.1, nobody listening), in several sizes, and one as large as fuzzing has them.
 */
#ifndef LOSTBUDDY_BENCH_MACHINES_H
#define LOSTBUDDY_BENCH_MACHINES_H

#include "lostbuddy/machine.h"

enum { PAGES_PER_MIB = 256 };

struct bench_machine {
	uint64_t mib;
	enum mm_checks checks;
	bool thp;
	bool deferred;	/* most of memory is initialised as it is needed */
};

/* All return NULL with a sentence in why (256 bytes) where such a machine cannot be. */
struct mm_machine *boot_real(const struct bench_machine *size, char *why);
struct mm_machine *boot_fuzz_size(char *why);

#endif
