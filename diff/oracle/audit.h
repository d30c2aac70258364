/*
 * The audit: what must hold of any allocator, and of any buddy system, derived from the live
 * blocks, the frames of the machine and the exported state alone. It predicts
 * nothing, and remembers no more than which blocks are live, which frames were ever handed out, and
 * what was declared lost.
 *
 * Levels contract and buddy. Its rules stand in rules_audit.def. Not here: whether Linux would have
 * given this very block (the shadow's business).
 */
#ifndef LOSTBUDDY_ORACLE_AUDIT_H
#define LOSTBUDDY_ORACLE_AUDIT_H

#include "oracle/oracle.h"

struct audit;

/* @exercised: the oracle's counters, one a rule, counted up where a premise held. NULL: no room */
struct audit *audit_create(const struct machine *machine, uint32_t flags, uint64_t *exercised);
void audit_destroy(struct audit *a);

/*
 * Do the sections of a state of so many words follow each other up to an END that is last? All
 * that read a state below, and the shadow, follow the lengths in it: ask this first.
 */
bool audit_well_formed(struct audit *a, const uint64_t *state, size_t size, struct verdict *v);

/* The target was just created; state NULL: it exports nothing. Learns which frames are reserved. */
bool audit_boot(struct audit *a, const uint64_t *state, struct verdict *v);
void audit_rewind(struct audit *a);

/*
 * One result: overlap, alignment, frames that exist, misuse, failures without need, losses without
 * cause. Updates the live blocks. @frames: of a bulk allocation that was carried out, else NULL
 */
bool audit_step(struct audit *a, const struct lb_call *call, const struct lb_result *actual,
		const uint64_t *frames, struct verdict *v);

/* Every frame in exactly one place; blocks, lists and counts of the export in themselves. */
bool audit_compare(struct audit *a, const uint64_t *state, struct verdict *v);

/* Nothing is live any more: nothing may be missing but the ledger. */
bool audit_finish(struct audit *a, const uint64_t *state, struct verdict *v);

/* The audit's part of oracle_memory(). */
size_t audit_memory(const struct audit *a, uint64_t *words, size_t capacity);

/* How many references a live block has; 0: no live block begins there. */
unsigned int audit_references(const struct audit *a, uint64_t pfn);

#endif
