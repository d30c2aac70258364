/*
 * The core's own events as text of Linux's trace file: what mm_page_alloc and mm_page_free of 6.1
 * would say.
 *
 *	f = core_ftrace_begin(instance, out)     from here on the core is listened to
 *	core_ftrace_before(f, call); exec(...); core_ftrace_after(f, call, result);
 *	core_ftrace_end(f)                       as before
 *
 * A line of mm_page_alloc for each block that was handed out, or that an allocation asked for in
 * vain (frame 0), unless it was refused, too large, or its failure injected: those come to no event
 * in Linux either. Other than there, pages of bulk allocations have a line too. A line of
 * mm_page_free for each block that enters the way back, with the order it is given back with. Time
 * is virtual: a tick is 4 ms, and each call takes one microsecond.
 *
 * Not here: blocks that caches of fragments take and frames that are taken by their number have no
 * line when they are handed out. Page lists and the buddy's own steps (pcpu_drain, zone_locked)
 * have none.
 */
#ifndef LOSTBUDDY_TARGET_CORE_FTRACE_H
#define LOSTBUDDY_TARGET_CORE_FTRACE_H

#include <stdio.h>

#include "target/target.h"

struct core_ftrace;

/* @instance: of core_target. NULL: no memory. */
struct core_ftrace *core_ftrace_begin(void *instance, FILE *out);
void core_ftrace_before(struct core_ftrace *f, const struct lb_call *call);
void core_ftrace_after(struct core_ftrace *f, const struct lb_call *call,
		       const struct lb_result *result);
/* Returns the number of lines; UINT64_MAX: some are missing, for want of memory. */
uint64_t core_ftrace_end(struct core_ftrace *f);

/* What stands above the events. @cpus: of the machine */
void core_ftrace_heading(FILE *out, uint64_t lines, unsigned int cpus);

#endif
