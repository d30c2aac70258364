/*
 * One call for a lock, three modes: nothing, scheduler, real. In the first, the one thread cannot
 * meet itself, except by mistake; so debug builds count. Taking and leaving a lock are scheduling
 * points with stable names.
 */
#ifndef LB_MACHINE_LOCK_H
#define LB_MACHINE_LOCK_H

#include "lostbuddy/machine.h"

void mm_lock_slow(struct mm_machine *m, struct mm_lock *lock, enum mm_sched_point point);
void mm_unlock_slow(struct mm_machine *m, struct mm_lock *lock, enum mm_sched_point point);

static inline void mm_lock(struct mm_machine *m, struct mm_lock *lock, enum mm_sched_point point)
{
	assert(m->locks != MM_LOCKS_NOTHING || lock->held++ == 0);
	if (unlikely(m->locks != MM_LOCKS_NOTHING))
		mm_lock_slow(m, lock, point);
}

static inline void mm_unlock(struct mm_machine *m, struct mm_lock *lock, enum mm_sched_point point)
{
	assert(m->locks != MM_LOCKS_NOTHING || lock->held-- == 1);
	if (unlikely(m->locks != MM_LOCKS_NOTHING))
		mm_unlock_slow(m, lock, point);
}

static inline void zone_lock(struct zone *zone)
{
	mm_lock(zone->machine, &zone->lock, MM_POINT_ZONE_LOCK);
}

static inline void zone_unlock(struct zone *zone)
{
	mm_unlock(zone->machine, &zone->lock, MM_POINT_ZONE_UNLOCK);
}

static inline void pcp_lock(struct mm_machine *m, struct per_cpu_pages *pcp)
{
	mm_lock(m, &pcp->lock, MM_POINT_PCP_LOCK);
}

static inline void pcp_unlock(struct mm_machine *m, struct per_cpu_pages *pcp)
{
	mm_unlock(m, &pcp->lock, MM_POINT_PCP_UNLOCK);
}

#endif
