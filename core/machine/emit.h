/*
 * Telling the listener. The test is inline, the telling is not: nobody listening costs a compare
 * and a branch.
 */
#ifndef LB_MACHINE_EMIT_H
#define LB_MACHINE_EMIT_H

#include "lostbuddy/machine.h"

__cold void mm_emit_slow(struct mm_machine *m, enum mm_event_kind kind, const struct zone *zone,
			 pfn_t pfn, unsigned int order, int migratetype, uint64_t value);

static inline void mm_emit(struct mm_machine *m, enum mm_event_kind kind, const struct zone *zone,
			   pfn_t pfn, unsigned int order, int migratetype, uint64_t value)
{
	if (unlikely(m->listener))
		mm_emit_slow(m, kind, zone, pfn, order, migratetype, value);
}

#endif
