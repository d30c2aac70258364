/*
 * The slow path, with null hooks: reclaim reclaims nothing, compaction is skipped, nobody can be
 * killed (facts 9).
 *
 *   min marks -> [retry: reserves, walk -> give up? -> should_reclaim_retry -> OOM] -> nopage
 *                  ^                                         |               |         |
 *                  +-----------------------------------------+---------------+- NOFAIL-+
 *
 * It goes round for ever when it comes back to retry from the OOM killer or from nopage, and all
 * that decides how a round goes is as it was the last time, the count of vain rounds too as long as it
 * still grows: in 5.10 the last of them opens the reserve for high atomics, and no earlier one.
 */
#include "oracle/shadow.h"

enum { MAX_RECLAIM_RETRIES = 16 };

enum step { STEP_RETRY, STEP_NOPAGE, STEP_DONE };

/* All that decides how a round goes. */
struct place {
	uint64_t changes; /* of the machine */
	uint32_t nodemask;
	unsigned int alloc_flags;
	unsigned int vain_rounds; /* no more than it takes to give up */
};

struct slow {
	struct shadow *s;
	struct request *rq;
	struct lb_result *result;
	unsigned int alloc_flags;
	unsigned int vain_rounds; /* no_progress_loops */
	uint32_t pfn;		  /* NIL: no block yet */
	bool came_back;		  /* to retry, from where nothing counts the rounds */
	struct place then;	  /* the last time it did */
};

static bool in_interrupt(const struct lb_call *call)
{
	return call->level != LEVEL_TASK;
}

static bool is_real_time(const struct lb_call *call)
{
	return (call->scope & SCOPE_RT) && !in_interrupt(call);
}

static unsigned int slow_flags_of_5_10(const struct slow *w)
{
	uint32_t gfp = w->rq->gfp;
	unsigned int flags = WMARK_MIN | ALLOC_CPUSET | (gfp & (GFP_HIGH | GFP_KSWAPD_RECLAIM));

	if (gfp & GFP_ATOMIC) {
		if (!(gfp & GFP_NOMEMALLOC))
			flags |= ALLOC_HARDER;
		flags &= ~(unsigned int)ALLOC_CPUSET;
	} else if (is_real_time(w->s->call)) {
		flags |= ALLOC_HARDER;
	}
	return flags;
}

static unsigned int slow_flags(const struct slow *w)
{
	uint32_t gfp = w->rq->gfp;
	unsigned int flags = WMARK_MIN | ALLOC_CPUSET | (gfp & (GFP_HIGH | GFP_KSWAPD_RECLAIM));

	if (!(gfp & GFP_DIRECT_RECLAIM)) {
		if (!(gfp & GFP_NOMEMALLOC)) {
			flags |= ALLOC_NON_BLOCK;
			if (w->rq->order > 0 && (gfp & GFP_HIGH))
				flags |= ALLOC_HIGHATOMIC;
		}
		if (gfp & GFP_HIGH)
			flags &= ~(unsigned int)ALLOC_CPUSET;
	} else if (is_real_time(w->s->call)) {
		flags |= ALLOC_MIN_RESERVE;
	}
	return flags;
}

/* Who works for reclaim, or is about to die, may use the reserves. */
static unsigned int reserve_flags(const struct slow *w)
{
	const struct lb_call *call = w->s->call;

	if (w->rq->gfp & GFP_NOMEMALLOC)
		return 0;
	if (w->rq->gfp & GFP_MEMALLOC)
		return ALLOC_NO_WATERMARKS;
	if (call->level == LEVEL_SOFTIRQ && (call->scope & SCOPE_MEMALLOC))
		return ALLOC_NO_WATERMARKS;
	if (in_interrupt(call))
		return 0;
	if (call->scope & SCOPE_MEMALLOC)
		return ALLOC_NO_WATERMARKS;
	return call->scope & SCOPE_VICTIM ? ALLOC_OOM : 0;
}

static bool walk(struct slow *w, unsigned int alloc_flags)
{
	w->pfn = shadow_walk_zonelist(w->s, w->rq, alloc_flags);
	return w->pfn != NIL;
}

/* Inside of the task's cpuset first, then anywhere. */
static bool walk_cpuset_fallback(struct slow *w, unsigned int alloc_flags)
{
	return walk(w, alloc_flags | ALLOC_CPUSET) || walk(w, alloc_flags);
}

static void wake_all_kswapds(const struct slow *w)
{
	const struct request *rq = w->rq;
	unsigned int last = MACHINE_MAX_NODES;

	for (unsigned int i = shadow_first_zone(w->s, rq, 0); i < rq->zonelist->n;
	     i = shadow_first_zone(w->s, rq, i + 1)) {
		const struct zone *z = &w->s->zones[rq->zonelist->zones[i]];

		if (z->managed == 0)
			continue;
		if (z->node != last)
			shadow_kswapd_wake(w->s, z, rq->order, rq->highest, rq->gfp);
		last = z->node;
	}
}

/*
 * Would any zone pass its min mark if all that can be reclaimed were? Nothing can, and then 6.1
 * counts free pages twice.
 */
static bool could_pass(const struct slow *w)
{
	const struct shadow *s = w->s;
	const struct request *rq = w->rq;
	int64_t times = is_5_10(s) ? 1 : 2;

	for (unsigned int i = shadow_first_zone(s, rq, 0); i < rq->zonelist->n;
	     i = shadow_first_zone(s, rq, i + 1)) {
		const struct zone *z = &s->zones[rq->zonelist->zones[i]];

		if (shadow_watermark_ok(s, z, rq->order, z->mark[WMARK_MIN] + z->boost, rq->highest,
					w->alloc_flags, times * shadow_free_exact(s, z)))
			return true;
	}
	return false;
}

/* The reserve for high atomics is opened last: 5.10 does so only when all rounds were in vain. */
static bool should_reclaim_retry(struct slow *w)
{
	const struct request *rq = w->rq;
	bool last = ++w->vain_rounds > MAX_RECLAIM_RETRIES;

	if (!last && could_pass(w))
		return true;
	if (!last && is_5_10(w->s))
		return false;
	return shadow_highatomic_unreserve(w->s, rq->zonelist, rq->highest, rq->nodemask, rq->type,
					   true);
}

/* May the OOM killer be asked at all? */
static bool may_ask_for_a_victim(const struct slow *w)
{
	const struct request *rq = w->rq;

	return rq->order <= COSTLY_ORDER && !(rq->gfp & (GFP_RETRY_MAYFAIL | GFP_THISNODE)) &&
	       rq->highest >= ZONE_NORMAL;
}

static enum step finish(struct slow *w, enum lb_outcome outcome)
{
	w->result->outcome = (uint8_t)outcome;
	w->result->reason = LB_REASON_NONE;
	return STEP_DONE;
}

/*
 * Coming back to retry from a point where nothing counts the rounds: for ever, if all is as it was.
 */
static enum step go_round(struct slow *w)
{
	struct place now = {
		.changes = w->s->state->changes,
		.nodemask = w->rq->nodemask,
		.alloc_flags = w->alloc_flags,
		.vain_rounds = w->vain_rounds,
	};

	if (now.vain_rounds > MAX_RECLAIM_RETRIES)
		now.vain_rounds = MAX_RECLAIM_RETRIES + 1;
	if (w->came_back && w->then.changes == now.changes && w->then.nodemask == now.nodemask &&
	    w->then.alloc_flags == now.alloc_flags && w->then.vain_rounds == now.vain_rounds)
		return finish(w, LB_LOOP);
	w->came_back = true;
	w->then = now;
	return STEP_RETRY;
}

/* Perhaps somebody else has just freed a lot: a last look before anybody is killed for it. */
static bool walk_hard_walled(struct slow *w)
{
	uint32_t gfp = w->rq->gfp;
	bool found;

	w->rq->gfp = (gfp | GFP_HARDWALL) & ~(uint32_t)GFP_DIRECT_RECLAIM;
	found = walk(w, WMARK_HIGH | ALLOC_CPUSET);
	w->rq->gfp = gfp;
	return found;
}

static enum step out_of_memory(struct slow *w)
{
	const struct lb_call *call = w->s->call;
	bool victim = call->scope & SCOPE_VICTIM, progress = false;

	if (walk_hard_walled(w))
		return STEP_DONE;
	if (may_ask_for_a_victim(w)) {
		if (!victim && (w->rq->gfp & GFP_FS))
			return finish(w, LB_OOM);
		progress = true;
		if ((w->rq->gfp & GFP_NOFAIL) && walk_cpuset_fallback(w, ALLOC_NO_WATERMARKS))
			return STEP_DONE;
	}
	if (victim && ((w->alloc_flags & ALLOC_OOM) || (w->rq->gfp & GFP_NOMEMALLOC)))
		return STEP_NOPAGE;
	if (!progress)
		return STEP_NOPAGE;
	w->vain_rounds = 0;
	return go_round(w);
}

/*
 * One round from the label retry on. Reclaim and compaction stand where they would be asked, and do
 * nothing.
 */
static enum step retry(struct slow *w)
{
	const struct lb_call *call = w->s->call;
	uint32_t gfp = w->rq->gfp;
	unsigned int reserves = reserve_flags(w);
	bool costly = w->rq->order > COSTLY_ORDER, can_compact = gfp & GFP_IO;
	unsigned int kept = is_5_10(w->s) ? 0 : ALLOC_KSWAPD; /* beside reserves */

	if (w->alloc_flags & ALLOC_KSWAPD)
		wake_all_kswapds(w);
	if (reserves)
		w->alloc_flags = reserves | (w->alloc_flags & kept);
	if (!(w->alloc_flags & ALLOC_CPUSET) || reserves) {
		w->rq->nodemask = 0;
		w->rq->preferred = shadow_first_zone(w->s, w->rq, 0);
	}
	if (walk(w, w->alloc_flags))
		return STEP_DONE;
	if (!(gfp & GFP_DIRECT_RECLAIM) || (call->scope & SCOPE_MEMALLOC) || (gfp & GFP_NORETRY))
		return STEP_NOPAGE;
	if (costly && (!(gfp & GFP_RETRY_MAYFAIL) || (!can_compact && !is_5_10(w->s))))
		return STEP_NOPAGE;
	if (should_reclaim_retry(w))
		return STEP_RETRY;
	return out_of_memory(w);
}

/* Why the last walk ended without a block. */
static enum lb_reason last_reason(const struct shadow *s)
{
	if (s->trail.passed)
		return LB_NO_BLOCK;
	return s->trail.failed ? LB_NO_WATERMARK : LB_NO_ZONE;
}

static enum step nopage(struct slow *w)
{
	if ((w->rq->gfp & GFP_NOFAIL) && (w->rq->gfp & GFP_DIRECT_RECLAIM)) {
		if (walk_cpuset_fallback(w, is_5_10(w->s) ? ALLOC_HARDER : ALLOC_MIN_RESERVE))
			return STEP_DONE;
		return go_round(w);
	}
	w->result->outcome = LB_NULL;
	w->result->reason = (uint8_t)last_reason(w->s);
	return STEP_DONE;
}

/*
 * What comes before the label retry: min marks, and the compaction that costly requests begin with.
 */
static enum step first_try(struct slow *w)
{
	struct request *rq = w->rq;

	rq->preferred = shadow_first_zone(w->s, rq, 0);
	if (rq->preferred == rq->zonelist->n)
		return STEP_NOPAGE;
	if (w->alloc_flags & ALLOC_KSWAPD)
		wake_all_kswapds(w);
	if (walk(w, w->alloc_flags))
		return STEP_DONE;
	/* Compaction is skipped: a costly request that does not retry gives up here. */
	if ((rq->gfp & GFP_DIRECT_RECLAIM) && (rq->gfp & GFP_IO) && rq->order > COSTLY_ORDER &&
	    !reserve_flags(w) && (rq->gfp & GFP_NORETRY))
		return STEP_NOPAGE;
	return STEP_RETRY;
}

uint32_t shadow_slow_path(struct shadow *s, struct request *rq, struct lb_result *r)
{
	struct slow w = { .s = s, .rq = rq, .result = r, .pfn = NIL };
	enum step step;

	if (is_5_10(s))
		rq->gfp = shadow_gfp_after_scopes(s, rq->gfp, s->call->scope);
	if ((rq->gfp & GFP_ATOMIC) && (rq->gfp & GFP_DIRECT_RECLAIM))
		rq->gfp &= ~(uint32_t)GFP_ATOMIC;
	w.alloc_flags = is_5_10(s) ? slow_flags_of_5_10(&w) : slow_flags(&w);
	step = first_try(&w);
	while (step != STEP_DONE)
		step = step == STEP_RETRY ? retry(&w) : nopage(&w);
	return w.pfn;
}
