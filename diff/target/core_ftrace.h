/*
 * The core's own events as text of Linux's trace file: what mm_page_alloc and mm_page_free of 6.1
 * would say.
 *
 *	f = core_ftrace_begin(instance, out)     from here on the core is listened to
 *	core_ftrace_before(f, call); exec(...); core_ftrace_after(f, call, result);
 *	core_ftrace_end(f)                       as before
 *
 * mm_page_alloc             a block was handed out, or asked for in vain (frame 0), unless that was
 *                           refused, too large, or its failure injected: then there is no event in
 *                           Linux either. Unlike there, pages of bulk allocations have a line too
 * mm_page_free              a block enters the way back, with the order it is given back with
 * mm_page_alloc_zone_locked a block left the buddy's lists, to be handed out or for a page list
 *
 * Time is virtual: a tick is 4 ms, and each call takes one microsecond.
 *
 * Not here: what caches of fragments take has no line when it is handed out, and what is taken by
 * its number (take_page_off_buddy) has none at all. Drains of page lists (pcpu_drain) and steals
 * (extfrag) have none: the core's events do not say which pages, or from which type.
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
