/*
 * Events: every change of state, told at the moment it takes effect. One listener a machine; nobody
 * listening costs two instructions and a predicted branch.
 */
#ifndef LB_EVENT_H
#define LB_EVENT_H

#include "lostbuddy/types.h"

struct zone;

enum mm_event_kind {
	MM_EVENT_ALLOC,	 /* a block was handed out */
	MM_EVENT_FREE,	 /* a block came back */
	MM_EVENT_SPLIT,	 /* pfn, order: the half that went to a free list */
	MM_EVENT_MERGE,	 /* pfn, order: the joined block */
	MM_EVENT_TAKE,	 /* a block left a free list */
	MM_EVENT_PUT,	 /* a block entered a free list */
	MM_EVENT_RETYPE, /* a pageblock changed to migratetype */
	MM_EVENT_STEAL_PAGE,
	MM_EVENT_STEAL_MOVE,
	MM_EVENT_STEAL_CLAIM,
	MM_EVENT_STEAL_WHOLE,
	MM_EVENT_BOOST,	     /* value: the zone's boost now */
	MM_EVENT_PCP_REFILL, /* value: blocks that came */
	MM_EVENT_PCP_TRIM,
	MM_EVENT_PCP_DRAIN, /* value: pages that are to go */
	MM_EVENT_SLOWPATH,
	MM_EVENT_KSWAPD_WAKE,
	MM_EVENT_OTHER_ZONE,
	MM_EVENT_OTHER_NODE, /* served by another zone than the preferred one */
	MM_EVENT_RESERVES,   /* served below the min mark */
	MM_EVENT_HIGHATOMIC_RESERVE,
	MM_EVENT_HIGHATOMIC_TAKE,
	MM_EVENT_HIGHATOMIC_UNRESERVE,
	MM_EVENT_NOFRAGMENT_RETRY,
	MM_EVENT_FAIL, /* value: enum mm_failure */
	MM_EVENT_PARTIAL_FREE,
	MM_EVENT_STAT_FOLD,    /* value: pages, signed, by which the zone's count changed at last */
	MM_EVENT_DRIFT,	       /* value: the exact count, which kswapd went by */
	MM_EVENT_REMOTE_DRAIN, /* value: pages that are to go: idle lists of another node's zone */
	MM_EVENT_BAD_PAGE,
	MM_EVENT_BULK,		/* value: pages that came from the page list */
	MM_EVENT_BULK_SINGLE,
	MM_EVENT_ISOLATE,	/* a pageblock; value: free pages in it */
	MM_EVENT_UNISOLATE,
	MM_EVENT_UNISOLATE_MERGE, /* a block was taken off and freed again, to merge */
	MM_EVENT_INTERLEAVE,	/* value: the node a policy chose */
	MM_EVENT_BIND,
	MM_EVENT_PREFERRED_MANY,
	MM_EVENT_CPUSET,	/* the zone was passed over for the task's cpuset */
	MM_EVENT_SHUFFLE_TAIL,	/* a freed block of the top order goes to the tail by chance */
	MM_EVENT_GUARD,		/* a half became a guard; migratetype: of the list it is kept from */
	MM_EVENT_GUARD_MERGE,	/* a guard joined the block that was freed; pfn, order: the guard's */
	MM_EVENT_POISON,	/* a new page does not hold what was left there; value: 1 if by a single bit */
	MM_EVENT_FRAG_REFILL,	/* a fragment cache took a block */
	MM_EVENT_FRAG_REUSE,	/* ... or began its block anew */
	MM_EVENT_HWPOISON,	/* a block with broken memory was lost for good, without complaint */
	MM_EVENT_DESTRUCTOR_COMPOUND, /* the last put_page ran it */
	MM_EVENT_DESTRUCTOR_THP,
	MM_EVENT_DEFERRED_GROW, /* value: pages that the zone got because a request failed there */
	MM_EVENT_DEFERRED_INIT, /* value: pages that were left */
	MM_EVENT_SCHED_POINT, /* value: enum mm_sched_point */
	MM_EVENT_COUNT
};

struct mm_event {
	enum mm_event_kind kind;
	unsigned int order;
	int migratetype;
	const struct zone *zone; /* NULL: none */
	pfn_t pfn;
	uint64_t value;
};

typedef void mm_listener(void *data, const struct mm_event *event);

#endif
