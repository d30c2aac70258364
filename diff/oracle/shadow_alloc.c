/*
 * An allocation: from the operation to the walk over the zonelist (facts 3, 5, 9; readings, order
 * of checks).
 *
 *   operation -> refused? injected? -> request -> walk with low marks -> slow path
 */
#include "oracle/shadow.h"

/* ---- gfp ---- */

/*
 * The highest zone that the four low bits allow. A zone that the machine does not have stands for
 * Normal.
 */
unsigned int shadow_gfp_zone(const struct shadow *s, uint32_t gfp)
{
	switch (gfp & (GFP_DMA | GFP_HIGHMEM | GFP_DMA32 | GFP_MOVABLE)) {
	case 0:
	case GFP_HIGHMEM:
	case GFP_MOVABLE:
		return ZONE_NORMAL;
	case GFP_MOVABLE | GFP_HIGHMEM:
		return ZONE_MOVABLE;
	case GFP_DMA32:
	case GFP_DMA32 | GFP_MOVABLE:
		return s->machine.dma32_end ? ZONE_DMA32 : ZONE_NORMAL;
	case GFP_DMA:
	case GFP_DMA | GFP_MOVABLE:
		return s->machine.dma_end ? ZONE_DMA : ZONE_NORMAL;
	default: /* no meaning: the table says 0, and no zone matches where there is no DMA */
		return ZONE_DMA;
	}
}

static unsigned int wanted_type(const struct shadow *s, uint32_t gfp)
{
	return s->state->grouping_off ? MT_UNMOVABLE : (gfp & (GFP_MOVABLE | GFP_RECLAIMABLE)) >> 3;
}

/* PIN is younger than 5.10. */
uint32_t shadow_gfp_after_scopes(const struct shadow *s, uint32_t gfp, unsigned int scope)
{
	if (scope & SCOPE_NOIO)
		gfp &= ~(uint32_t)(GFP_IO | GFP_FS);
	if (scope & SCOPE_NOFS)
		gfp &= ~(uint32_t)GFP_FS;
	if ((scope & SCOPE_PIN) && !is_5_10(s))
		gfp &= ~(uint32_t)GFP_MOVABLE;
	return gfp;
}

/* What an operation strips from its mask before it asks anybody. */
static uint32_t asked_gfp(const struct lb_call *call)
{
	switch (call->op) {
	case OP_GET_FREE_PAGES:
	case OP_GET_FREE_PAGE:
	case OP_GET_ZEROED_PAGE:
		return call->gfp & ~(uint32_t)GFP_HIGHMEM;
	default:
		return call->gfp;
	}
}

/* ---- The walk ---- */

static bool may_use(const struct request *rq, const struct zone *z)
{
	return z->index <= rq->highest && (rq->nodemask == 0 || rq->nodemask >> z->node & 1);
}

unsigned int shadow_first_zone(const struct shadow *s, const struct request *rq, unsigned int from)
{
	while (from < rq->zonelist->n && !may_use(rq, &s->zones[rq->zonelist->zones[from]]))
		from++;
	return from;
}

/* A request that takes from the reserve for high atomics first, and makes it grow. */
static bool is_high_atomic(const struct shadow *s, const struct request *rq,
			   unsigned int alloc_flags)
{
	if (is_5_10(s))
		return rq->order > 0 && (alloc_flags & ALLOC_HARDER);
	return alloc_flags & ALLOC_HIGHATOMIC;
}

static uint32_t take_unchecked(struct shadow *s, struct zone *z, const struct request *rq,
			       unsigned int alloc_flags)
{
	const unsigned int last_resort = is_5_10(s) ? 0 : ALLOC_OOM | ALLOC_NON_BLOCK;
	uint32_t pfn = NIL;

	if (is_high_atomic(s, rq, alloc_flags)) {
		pfn = shadow_buddy_take_smallest(s, z, rq->order, MT_HIGHATOMIC);
		s->trail.stolen = false;
		s->trail.taken_type = MT_HIGHATOMIC;
	}
	if (pfn == NIL)
		pfn = shadow_buddy_take(s, z, rq->order, rq->type, alloc_flags);
	if (pfn == NIL && (alloc_flags & last_resort)) {
		pfn = shadow_buddy_take_smallest(s, z, rq->order, MT_HIGHATOMIC);
		s->trail.taken_type = MT_HIGHATOMIC;
	}
	return pfn;
}

/*
 * Straight from the buddy: bad blocks on the way are lost. 5.10 counts only the block that is handed
 * out, so that lost ones stay counted as free.
 */
static uint32_t take_from_buddy(struct shadow *s, struct zone *z, const struct request *rq,
				unsigned int alloc_flags)
{
	for (;;) {
		uint32_t pfn = take_unchecked(s, z, rq, alloc_flags);
		bool lost = pfn != NIL && shadow_new_block_is_lost(s, pfn, rq->order);

		if (pfn != NIL && !(lost && is_5_10(s)))
			shadow_count_free(s, z, -(INT64_C(1) << rq->order));
		if (!lost)
			return pfn;
	}
}

/* rmqueue: page lists, then the buddy; whoever comes by wakes kswapd for a boost. */
static uint32_t take_from_zone(struct shadow *s, struct zone *z, const struct request *rq,
			       unsigned int alloc_flags)
{
	uint32_t pfn = NIL;

	if (shadow_pcp_has_order(s, rq->order))
		pfn = shadow_pcp_take(s, z, rq->cpu, rq->order, rq->type, alloc_flags);
	if (pfn == NIL)
		pfn = take_from_buddy(s, z, rq, alloc_flags);
	if (pfn != NIL) {
		s->state->counters[LB_COUNT_PGALLOC] += UINT64_C(1) << rq->order;
		shadow_count_numa(s, z, &s->zones[rq->zonelist->zones[rq->preferred]], rq->cpu);
	}
	if (z->boosted) {
		z->boosted = 0;
		shadow_kswapd_wake(s, z, 0, z->index, 0);
	}
	return pfn;
}

/* Two nodes or more, and the walk has left the preferred one: better to mix types at home first. */
static bool leaves_home(const struct shadow *s, const struct request *rq, const struct zone *z,
			unsigned int alloc_flags)
{
	const struct zone *preferred = &s->zones[rq->zonelist->zones[rq->preferred]];

	return (alloc_flags & ALLOC_NOFRAGMENT) && s->nr_nodes > 1 && z->node != preferred->node;
}

static void trail_begins(struct shadow *s, const struct request *rq)
{
	s->trail.walks++;
	s->trail.highest = rq->highest;
	s->trail.nodemask = rq->nodemask;
	s->trail.zonelist = rq->zonelist;
	s->trail.failed = s->trail.passed = s->trail.kept_out = 0;
}

/* Without a look at its mark; that counts as one that failed it. */
static bool is_kept_out(struct shadow *s, const struct zone *z, const struct request *rq,
			unsigned int alloc_flags)
{
	uint64_t bit = UINT64_C(1) << number_of(s, z);

	if (!(alloc_flags & ALLOC_CPUSET) || shadow_cpuset_allows(s, z, rq->gfp))
		return false;
	s->trail.kept_out |= bit;
	s->trail.failed |= bit;
	return true;
}

/* A zone that fails its mark may grow, and is not asked again then (facts 9, step 4). */
static bool is_to_be_tried(struct shadow *s, struct zone *z, const struct request *rq,
			   unsigned int alloc_flags)
{
	return shadow_watermark_fast(s, z, rq->order, rq->highest, alloc_flags, rq->gfp) ||
	       shadow_deferred_grow(s, z, rq->order) || (alloc_flags & ALLOC_NO_WATERMARKS);
}

/* One zone: its mark, then a block. As long as it grows, it is tried anew. */
static uint32_t try_zone(struct shadow *s, struct zone *z, const struct request *rq,
			 unsigned int alloc_flags)
{
	uint64_t bit = UINT64_C(1) << number_of(s, z);
	uint32_t pfn;

	if (!is_to_be_tried(s, z, rq, alloc_flags)) {
		s->trail.failed |= bit;
		return NIL;
	}
	s->trail.passed |= bit;
	do {
		pfn = take_from_zone(s, z, rq, alloc_flags);
	} while (pfn == NIL && shadow_deferred_grow(s, z, rq->order));
	if (pfn == NIL)
		return NIL;
	shadow_contents_check(s, pfn, rq->order);
	s->from_reserves = alloc_flags & ALLOC_NO_WATERMARKS;
	if (is_high_atomic(s, rq, alloc_flags))
		shadow_highatomic_reserve(s, z, pfn);
	return pfn;
}

uint32_t shadow_walk_zonelist(struct shadow *s, struct request *rq, unsigned int alloc_flags)
{
	for (;;) {
		bool again = false;

		trail_begins(s, rq);
		for (unsigned int i = rq->preferred; i < rq->zonelist->n;
		     i = shadow_first_zone(s, rq, i + 1)) {
			struct zone *z = &s->zones[rq->zonelist->zones[i]];

			if (is_kept_out(s, z, rq, alloc_flags))
				continue;
			if (leaves_home(s, rq, z, alloc_flags)) {
				again = true;
				break;
			}
			uint32_t pfn = try_zone(s, z, rq, alloc_flags);

			if (pfn != NIL)
				return pfn;
		}
		if (!again && !(alloc_flags & ALLOC_NOFRAGMENT))
			return NIL;
		alloc_flags &= ~(unsigned int)ALLOC_NOFRAGMENT;
	}
}

/* ---- The operation ---- */

/* Avoid mixing types where there is DMA32 to fall back to. */
static unsigned int nofragment(const struct shadow *s, const struct request *rq)
{
	const struct zone *preferred;
	uint8_t dma32;

	if (rq->preferred == rq->zonelist->n || s->machine.dma32_end == 0)
		return 0;
	preferred = &s->zones[rq->zonelist->zones[rq->preferred]];
	if (preferred->index != ZONE_NORMAL)
		return 0;
	dma32 = s->zone_number[preferred->node][ZONE_DMA32];
	if (shadow_nr_online_nodes(s) > 1 && (dma32 == NO_ZONE || s->zones[dma32].present == 0))
		return 0;
	return ALLOC_NOFRAGMENT;
}

static struct request make_request(const struct shadow *s, const struct wish *w, uint32_t gfp)
{
	struct request rq = {
		.gfp = gfp,
		.order = w->order,
		.type = wanted_type(s, gfp),
		.highest = shadow_gfp_zone(s, gfp),
		.cpu = s->call->cpu,
		.nodemask = w->nodemask,
		.zonelist = gfp & GFP_THISNODE ? &s->own[w->node] : &s->fallback[w->node],
	};

	rq.preferred = shadow_first_zone(s, &rq, 0);
	return rq;
}

/*
 * With cpusets a request is hard-walled, and keeps to the task's nodes: by a mask if it has none, else
 * zone by zone.
 */
struct request shadow_fast_request(const struct shadow *s, const struct wish *w, uint32_t gfp,
				   unsigned int *alloc_flags)
{
	struct request rq = make_request(s, w, gfp);

	*alloc_flags = WMARK_LOW;
	if (!s->state->cpusets_on)
		return rq;
	rq.gfp |= GFP_HARDWALL;
	if (rq.nodemask == 0 && s->call->level == LEVEL_TASK) {
		rq.nodemask = (uint32_t)shadow_task(s)->mems_allowed;
		rq.preferred = shadow_first_zone(s, &rq, 0);
	} else {
		*alloc_flags |= ALLOC_CPUSET;
	}
	return rq;
}

static bool is_injected(const struct lb_call *call, const struct wish *w, uint32_t gfp)
{
	return call->fail_nth == w->attempt && w->order >= 1 &&
	       !(gfp & (GFP_DIRECT_RECLAIM | GFP_HIGHMEM | GFP_NOFAIL));
}

static void no_block(struct lb_result *r, enum lb_outcome outcome, enum lb_reason reason)
{
	r->outcome = (uint8_t)outcome;
	r->reason = (uint8_t)reason;
}

/* The slow path begins with the mask and the nodes as they were given. */
static void serve(struct shadow *s, const struct wish *w, uint32_t gfp, struct lb_result *r)
{
	unsigned int alloc_flags;
	struct request rq = shadow_fast_request(s, w, gfp, &alloc_flags);
	uint32_t pfn;

	s->trail.asked_type = (uint8_t)rq.type;
	alloc_flags |= (gfp & GFP_KSWAPD_RECLAIM) | nofragment(s, &rq);
	pfn = shadow_walk_zonelist(s, &rq, alloc_flags);
	if (pfn == NIL) {
		rq.gfp = gfp;
		rq.nodemask = w->nodemask;
		pfn = shadow_slow_path(s, &rq, r);
	}
	if (pfn == NIL)
		return;
	s->frames[pfn].refs = 1;
	r->outcome = LB_BLOCK;
	r->reason = LB_REASON_NONE;
	r->pfn = pfn;
}

bool shadow_accept_gfp(const struct shadow *s, uint32_t gfp, struct lb_result *r)
{
	if ((gfp & GFP_MOVABLE) && (gfp & GFP_RECLAIMABLE)) {
		no_block(r, LB_REFUSED, LB_BAD_TYPE);
		return false;
	}
	if ((gfp & GFP_DIRECT_RECLAIM) && s->call->level != LEVEL_TASK)
		r->warnings |= LB_WARN_SLEEP;
	return true;
}

void shadow_alloc_pages(struct shadow *s, const struct wish *w, struct lb_result *r)
{
	uint32_t gfp = w->gfp;

	if (w->order > s->top_order) {
		no_block(r, LB_NULL, LB_NO_ORDER);
		if (!(gfp & GFP_NOWARN))
			r->warnings |= LB_WARN_ORDER;
		return;
	}
	gfp &= (uint32_t)s->state->gfp_allowed_mask;
	if (!is_5_10(s))
		gfp = shadow_gfp_after_scopes(s, gfp, s->call->scope);
	if (!shadow_accept_gfp(s, gfp, r))
		return;
	if (is_injected(s->call, w, gfp)) {
		no_block(r, LB_NULL, LB_NO_INJECTED);
		return;
	}
	serve(s, w, gfp, r);
}

void shadow_alloc(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	struct wish w = {
		.gfp = call->gfp, .order = call->order, .nodemask = call->nodemask, .attempt = 1
	};

	if (call->op != OP_ALLOC_PAGES) {
		shadow_policy_alloc(s, asked_gfp(call), call->order, r);
		return;
	}
	w.node = call->node == NODE_NONE ? s->machine.cpu_node[call->cpu] : (uint32_t)call->node;
	shadow_alloc_pages(s, &w, r);
}
