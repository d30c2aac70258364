/*
 * The state of the built-in core, written out in the export format of target.h. Part of the core's
 * adapter.
 *
 * What the core itself does not keep is kept here: which frames boot reserved, which are lost for
 * good, on which a bad state was planted, and which blocks fragments lie in.
 */
#ifndef LOSTBUDDY_TARGET_CORE_STATE_H
#define LOSTBUDDY_TARGET_CORE_STATE_H

#include "lostbuddy/machine.h"
#include "target/target.h"

enum { CORE_MAX_MARKED = MACHINE_FUZZ_PAGES };

struct core_instance {
	struct mm_machine *machine;
	struct mm_context context;
	uint64_t paths[LB_PATH_COUNT];
	uint64_t *reserved; /* start, end of each range */
	size_t nr_reserved_words;
	uint8_t *leaked; /* [pfn] */
	uint64_t nr_leaked;
	uint64_t results[PROGRAM_MAX_COUNT]; /* frames of the last bulk allocation */
	uint64_t marked
		[CORE_MAX_MARKED]; /* frames whose mapcount, mapping or flags were set by hand, ascending */
	unsigned int nr_marked;
	uint8_t *holds_fragments; /* [pfn]: first of a block that a fragment cache took, not freed since */
	uint64_t nr_frag_blocks;
	bool any_transhuge; /* a block was given that destructor */
};

/* Remembers the reserved frames of a machine that has just booted. False: no memory. */
bool core_state_init(struct core_instance *t);

/* A bad state is about to be planted on a frame. False: too many frames are marked already. */
bool core_state_mark(struct core_instance *t, uint64_t pfn);

size_t core_state_export(struct core_instance *t, uint64_t *words, size_t capacity);

#endif
