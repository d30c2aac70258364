#ifndef LB_MACHINE_INTERNAL_H
#define LB_MACHINE_INTERNAL_H

#include "lostbuddy/machine.h"

extern const struct mm_hooks mm_null_hooks;

/* Says anew whether the machine is plain; to be called when something it depends on has changed. */
void mm_update_plain(struct mm_machine *m);

/* Tasks as they start: no policy, all nodes with memory. */
void mm_tasks_init(struct mm_machine *m);

/*
 * Tells AddressSanitizer that a block's bytes are nobody's, or somebody's again. Nothing in other
 * builds.
 */
void mm_poison_block(const struct mm_machine *m, pfn_t pfn, unsigned int order);
void mm_unpoison_block(const struct mm_machine *m, pfn_t pfn, unsigned int order);
bool mm_can_poison(void);

/* Back to the marks after boot: what was handed out since and did not come back is nobody's again. */
void mm_poison_handed_out(const struct mm_machine *m);

/* Boot's free pages hold what frees leave; that is written when it is first needed (contents.c). */
void mm_forget_contents(const struct mm_machine *m);

/* Before the memory goes back to the host, which may give it to others. */
void mm_unpoison_all(const struct mm_machine *m);

#endif
