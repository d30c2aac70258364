/*
 * What the files of the core's adapter that carry out calls share.
 *
 *   core.c          the table; blocks, machine, misuse
 *   core_bulk.c     many single pages at once
 *   core_isolate.c  pageblocks and frames taken from under the allocator
 *   core_policy.c   tasks: policies, cpusets
 *   core_pages.c    fragments, states of single pages, writes to free ones
 *   core_state.c    export
 */
#ifndef LOSTBUDDY_TARGET_CORE_EXEC_H
#define LOSTBUDDY_TARGET_CORE_EXEC_H

#include "lostbuddy/gfp.h"
#include "target/core_state.h"

/* The call is refused, for a reason of target.h. */
void refuse(struct lb_result *r, enum lb_reason reason);

/* A block, or how the current context failed. */
void give(struct lb_result *r, const struct page *page);

void exec_bulk(struct core_instance *t, const struct lb_call *call, struct lb_result *r);
void exec_exact(struct core_instance *t, const struct lb_call *call, struct lb_result *r);
void exec_isolate(struct core_instance *t, const struct lb_call *call, struct lb_result *r);
void exec_take_frame(struct core_instance *t, const struct lb_call *call, struct lb_result *r);
void exec_put_frame(struct core_instance *t, const struct lb_call *call, struct page *page,
		    struct lb_result *r);
void exec_page_flag(struct core_instance *t, const struct lb_call *call, struct lb_result *r);
void exec_prep_transhuge(struct core_instance *t, struct page *page, struct lb_result *r);
void exec_write_freed(struct core_instance *t, const struct lb_call *call, struct lb_result *r);
void exec_fragment(const struct lb_call *call, struct lb_result *r);
void exec_policy(struct core_instance *t, const struct lb_call *call, struct lb_result *r);

#endif
