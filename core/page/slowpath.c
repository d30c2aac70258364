/*
 * The slow path: what an allocation does when no zone was above its low mark (facts 9, steps 1 to
 * 14).
 *
 *   restart: flags for the min mark, wake kswapd, try         <-----------------------------.
 *            compaction first, for costly orders                                            |
 *   retry:   reserves if the caller may, try   <--- reclaim worth it, or OOM progress ---.  |
 *            reclaim, compaction                                                         |  |
 *            give up (nopage) | retry while there is hope | OOM killer ------------------'  |
 *   nopage:  NOFAIL begins again, everybody else gets NULL
 *
 * Reclaim, compaction and the OOM killer are hooks; with null answers nothing comes back, and the
 * path ends in one of: a page, NULL, MM_FAIL_OOM, or MM_FAIL_LOOP: it came back to a place with
 * nothing changed since it was there before.
 */
#include "page/vmstat.h"

enum { MAX_RECLAIM_RETRIES = 16 };

/* What a request and its machine were like, as far as it decides what comes next. */
struct visit {
	uint64_t changes; /* of the machine and of the request itself */
	unsigned int vain_rounds;
};

/* One slow allocation. */
struct slowpath {
	struct alloc_context *ac;
	struct mm_machine *m;
	const struct mm_profile *profile;
	gfp_t gfp;
	unsigned int order;
	unsigned int alloc_flags;
	bool costly, can_direct_reclaim, can_compact;
	unsigned int no_progress_loops;
	uint64_t progress;
	uint64_t own_changes; /* of the request itself: its flags, its nodemask */
	/* the last visits of the two places that may go round for ever */
	struct visit seen_at_oom, seen_at_nofail;
};

enum step { STEP_PAGE, STEP_RETRY, STEP_NOPAGE, STEP_ON, STEP_END };

/* 5.10: what urgency allows; with an order above 0 that is the highatomic reserve too. */
static unsigned int alloc_harder(unsigned int order)
{
	return order > 0 ? ALLOC_HARDER | ALLOC_HIGHATOMIC : ALLOC_HARDER;
}

static bool is_rt_task(void)
{
	return (mm_current->scope & MM_SCOPE_RT) && mm_current->level == MM_TASK;
}

/* Facts 5, gfp_to_alloc_flags, column 5.10; the mark is min, index 0. */
static unsigned int alloc_flags_5_10(gfp_t gfp, unsigned int order)
{
	unsigned int flags = ALLOC_CPUSET | (gfp & (__GFP_HIGH | __GFP_KSWAPD_RECLAIM));

	if (gfp & __GFP_ATOMIC) {
		flags &= ~(unsigned int)ALLOC_CPUSET;
		if (!(gfp & __GFP_NOMEMALLOC))
			flags |= alloc_harder(order);
	} else if (is_rt_task()) {
		flags |= alloc_harder(order);
	}
	return flags;
}

/* The same, column 6.1.y. */
static unsigned int alloc_flags_6_1(gfp_t gfp, unsigned int order)
{
	unsigned int flags = ALLOC_CPUSET | (gfp & (__GFP_HIGH | __GFP_KSWAPD_RECLAIM));

	if (!(gfp & __GFP_DIRECT_RECLAIM)) {
		if (!(gfp & __GFP_NOMEMALLOC)) {
			flags |= ALLOC_NON_BLOCK;
			if (order > 0 && (gfp & __GFP_HIGH))
				flags |= ALLOC_HIGHATOMIC;
		}
		if (gfp & __GFP_HIGH)
			flags &= ~(unsigned int)ALLOC_CPUSET;
	} else if (is_rt_task()) {
		flags |= ALLOC_MIN_RESERVE;
	}
	return flags;
}

/* May the caller use reserves, and how deep? (facts 5, "Reserve flags") */
static unsigned int gfp_pfmemalloc_flags(gfp_t gfp)
{
	unsigned int scope = mm_current->scope;

	if (gfp & __GFP_NOMEMALLOC)
		return 0;
	if (gfp & __GFP_MEMALLOC)
		return ALLOC_NO_WATERMARKS;
	if (mm_current->level == MM_SOFTIRQ && (scope & MM_SCOPE_MEMALLOC))
		return ALLOC_NO_WATERMARKS;
	if (mm_current->level != MM_TASK)
		return 0;
	if (scope & MM_SCOPE_MEMALLOC)
		return ALLOC_NO_WATERMARKS;
	return scope & MM_SCOPE_VICTIM ? ALLOC_OOM : 0;
}

static struct page *try_freelist(struct slowpath *s, unsigned int alloc_flags)
{
	return get_page_from_freelist(s->gfp, s->order, alloc_flags, s->ac);
}

/* For those that may not fail: what the cpuset keeps out is better than nothing. */
static struct page *try_within_cpuset_first(struct slowpath *s, unsigned int alloc_flags)
{
	struct page *page = try_freelist(s, alloc_flags | ALLOC_CPUSET);

	return page ? page : try_freelist(s, alloc_flags);
}

static void recompute_preferred(struct alloc_context *ac)
{
	ac->preferred = next_zoneref(ac->zonelist, ac->highest_zoneidx, ac->nodemask);
}

/*
 * Compaction before reclaim: for orders it is made for. SKIPPED ends costly requests that asked not
 * to be tried hard.
 */
static enum step compact_first(struct slowpath *s, struct page **page)
{
	bool worth_it = s->costly || (s->order > 0 && s->ac->migratetype != MIGRATE_MOVABLE);

	if (!s->can_direct_reclaim || !s->can_compact || !worth_it || gfp_pfmemalloc_flags(s->gfp))
		return STEP_ON;
	if (s->m->hooks.try_to_compact_pages(s->m, s->gfp, s->order) != MM_COMPACT_SKIPPED) {
		*page = try_freelist(s, s->alloc_flags);
		if (*page)
			return STEP_PAGE;
	} else if (s->costly && (s->gfp & __GFP_NORETRY)) {
		return STEP_NOPAGE;
	}
	return STEP_ON;
}

/* Reserves, and the nodes they may come from. */
static void use_reserves(struct slowpath *s)
{
	unsigned int reserves = gfp_pfmemalloc_flags(s->gfp), flags = s->alloc_flags;
	uint64_t nodemask = s->ac->nodemask;

	if (reserves)
		s->alloc_flags =
			reserves | (s->profile->reserves_keep_kswapd ? flags & ALLOC_KSWAPD : 0);
	if (!(s->alloc_flags & ALLOC_CPUSET) || reserves) {
		s->ac->nodemask = 0;
		recompute_preferred(s->ac);
	}
	s->own_changes += s->alloc_flags != flags || s->ac->nodemask != nodemask;
}

static struct page *direct_reclaim(struct slowpath *s)
{
	struct page *page;

	s->progress = s->m->hooks.try_to_free_pages(s->m, s->gfp, s->order);
	if (!s->progress)
		return NULL;
	page = try_freelist(s, s->alloc_flags);
	if (page)
		return page;
	unreserve_highatomic_pageblock(s->ac, false);
	drain_all_pages();
	return try_freelist(s, s->alloc_flags);
}

static struct page *direct_compact(struct slowpath *s)
{
	if (s->order == 0 || !s->can_compact)
		return NULL;
	if (s->m->hooks.try_to_compact_pages(s->m, s->gfp, s->order) == MM_COMPACT_SKIPPED)
		return NULL;
	return try_freelist(s, s->alloc_flags);
}

/*
 * Would a zone do if everything that can be reclaimed were? With no LRU, the free pages stand for
 * that (facts 9); 5.10 sees nothing to reclaim.
 */
static bool some_zone_could_do(const struct slowpath *s)
{
	const struct alloc_context *ac = s->ac;
	const struct zoneref *ref = next_zoneref(ac->zonelist, ac->highest_zoneidx, ac->nodemask);

	for (; ref->zone; ref = next_zoneref(ref + 1, ac->highest_zoneidx, ac->nodemask)) {
		long available = (long)zone_free_pages_snapshot(ref->zone);

		if (s->profile->free_counts_as_reclaimable)
			available *= 2;
		if (zone_watermark_ok(ref->zone, s->order, wmark_pages(ref->zone, WMARK_MIN),
				      ac->highest_zoneidx, s->alloc_flags, available))
			return true;
	}
	return false;
}

static bool should_reclaim_retry(struct slowpath *s)
{
	if (s->progress && !s->costly)
		s->no_progress_loops = 0;
	else
		s->no_progress_loops++;
	bool too_often = s->no_progress_loops > MAX_RECLAIM_RETRIES;

	if (!too_often && some_zone_could_do(s))
		return true;
	if (!too_often && !s->profile->unreserves_when_hopeless)
		return false;
	return unreserve_highatomic_pageblock(s->ac, true);
}

/* Orders and flags for which nobody is killed (facts 9, may_oom). */
static bool oom_is_no_answer(const struct slowpath *s)
{
	return s->costly || (s->gfp & (__GFP_RETRY_MAYFAIL | __GFP_THISNODE)) ||
	       s->ac->highest_zoneidx < ZONE_NORMAL;
}

/* STEP_ON: nothing came of it. STEP_END: the kernel would have panicked. */
static enum step may_oom(struct slowpath *s, struct page **page)
{
	gfp_t gfp = (s->gfp | __GFP_HARDWALL) & ~__GFP_DIRECT_RECLAIM;

	s->progress = 0;
	*page = get_page_from_freelist(gfp, s->order, ALLOC_WMARK_HIGH | ALLOC_CPUSET, s->ac);
	if (*page)
		return STEP_PAGE;
	if (oom_is_no_answer(s))
		return STEP_ON;
	if (s->m->hooks.out_of_memory(s->m, s->gfp, s->order) == MM_OOM_NO_VICTIM) {
		s->ac->failure = MM_FAIL_OOM;
		return STEP_END;
	}
	s->progress = 1;
	if (s->gfp & __GFP_NOFAIL)
		*page = try_within_cpuset_first(s, ALLOC_NO_WATERMARKS);
	return *page ? STEP_PAGE : STEP_ON;
}

/*
 * True iff nothing has changed since the last time here: the same round would follow for ever. Vain
 * rounds are counted, and the count opens the highatomic reserve in the end: then it says nothing more.
 */
static bool goes_round(struct slowpath *s, struct visit *seen)
{
	const struct visit now = {
		.changes = s->m->changes + s->own_changes,
		.vain_rounds = s->no_progress_loops <= MAX_RECLAIM_RETRIES
				       ? s->no_progress_loops
				       : MAX_RECLAIM_RETRIES + 1,
	};

	if (seen->changes == now.changes && seen->vain_rounds == now.vain_rounds) {
		s->ac->failure = MM_FAIL_LOOP;
		return true;
	}
	*seen = now;
	return false;
}

static enum step oom(struct slowpath *s, struct page **page)
{
	enum step step = may_oom(s, page);

	if (step != STEP_ON)
		return step;
	if ((mm_current->scope & MM_SCOPE_VICTIM) &&
	    ((s->alloc_flags & ALLOC_OOM) || (s->gfp & __GFP_NOMEMALLOC)))
		return STEP_NOPAGE;
	if (!s->progress)
		return STEP_NOPAGE;
	s->no_progress_loops = 0;
	return goes_round(s, &s->seen_at_oom) ? STEP_END : STEP_RETRY;
}

/* From `retry:` to where it is decided how to go on. */
static enum step one_round(struct slowpath *s, struct page **page)
{
	if (s->alloc_flags & ALLOC_KSWAPD)
		wake_all_kswapds(s->ac, s->gfp, s->order);
	use_reserves(s);
	*page = try_freelist(s, s->alloc_flags);
	if (*page)
		return STEP_PAGE;
	if (!s->can_direct_reclaim || (mm_current->scope & MM_SCOPE_MEMALLOC))
		return STEP_NOPAGE;
	*page = direct_reclaim(s);
	if (!*page)
		*page = direct_compact(s);
	if (*page)
		return STEP_PAGE;
	if (s->gfp & __GFP_NORETRY)
		return STEP_NOPAGE;
	if (s->costly && !(s->gfp & __GFP_RETRY_MAYFAIL))
		return STEP_NOPAGE;
	if (s->costly && !s->can_compact && s->profile->costly_retry_needs_compact)
		return STEP_NOPAGE;
	if (should_reclaim_retry(s))
		return STEP_RETRY;
	return oom(s, page);
}

/* NULL for everybody but those that may not fail and may wait: a last look, then all over again. */
static enum step nopage(struct slowpath *s, struct page **page)
{
	unsigned int deep =
		s->profile->has_alloc_harder ? alloc_harder(s->order) : ALLOC_MIN_RESERVE;

	if (!(s->gfp & __GFP_NOFAIL) || !s->can_direct_reclaim)
		return STEP_END;
	*page = try_within_cpuset_first(s, deep);
	if (*page)
		return STEP_PAGE;
	return goes_round(s, &s->seen_at_nofail) ? STEP_END : STEP_RETRY;
}

static enum step first_round(struct slowpath *s, struct page **page)
{
	s->alloc_flags = s->profile->has_alloc_harder ? alloc_flags_5_10(s->gfp, s->order)
						      : alloc_flags_6_1(s->gfp, s->order);
	recompute_preferred(s->ac);
	if (!s->ac->preferred->zone) {
		s->ac->failure = MM_FAIL_ZONE;
		return STEP_NOPAGE;
	}
	if (s->alloc_flags & ALLOC_KSWAPD)
		wake_all_kswapds(s->ac, s->gfp, s->order);
	*page = try_freelist(s, s->alloc_flags);
	if (*page)
		return STEP_PAGE;
	return compact_first(s, page);
}

__noinline struct page *alloc_pages_slowpath(gfp_t gfp, unsigned int order,
					     struct alloc_context *ac)
{
	struct slowpath s = {
		.ac = ac,
		.m = ac->m,
		.profile = ac->m->config.profile,
		.order = order,
		.costly = order > PAGE_ALLOC_COSTLY_ORDER,
		.can_direct_reclaim = gfp & __GFP_DIRECT_RECLAIM,
		.can_compact = gfp & __GFP_IO,
		.seen_at_oom.changes = UINT64_MAX,
		.seen_at_nofail.changes = UINT64_MAX,
	};
	struct page *page = NULL;

	/* an atomic request that may wait is a contradiction: it waits */
	if ((gfp & __GFP_ATOMIC) && s.can_direct_reclaim)
		gfp &= ~__GFP_ATOMIC;
	s.gfp = gfp;
	mm_emit(s.m, MM_EVENT_SLOWPATH, NULL, 0, order, ac->migratetype, gfp);
	enum step step = first_round(&s, &page);

	while (step == STEP_ON || step == STEP_RETRY || step == STEP_NOPAGE)
		step = step == STEP_NOPAGE ? nopage(&s, &page) : one_round(&s, &page);
	return step == STEP_PAGE ? page : NULL;
}
