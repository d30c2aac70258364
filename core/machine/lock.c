#include "machine/lock.h"

#include "machine/emit.h"

void mm_lock_slow(struct mm_machine *m, struct mm_lock *lock, enum mm_sched_point point)
{
	assert(m->locks == MM_LOCKS_REAL);
	mm_emit(m, MM_EVENT_SCHED_POINT, NULL, 0, 0, 0, point);
	while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&lock->held, __ATOMIC_RELAXED))
			;
}

void mm_unlock_slow(struct mm_machine *m, struct mm_lock *lock, enum mm_sched_point point)
{
	assert(m->locks == MM_LOCKS_REAL);
	__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
	mm_emit(m, MM_EVENT_SCHED_POINT, NULL, 0, 0, 0, point);
}
