/*
 * Pieces of pages (readings "Fragments"): each CPU cuts them from a block of its own, from the end
 * down.
 *
 *   block   [..............|frag 2|f 1|frag 0]   order 3, or order 0 where that fails
 *           head           ^offset
 *
 *   references of the block  =  bias, which the cache holds  +  fragments that are live
 *
 * Invariants:
 *   P1  a block of fragments is PLAIN memory with pieces > 0 at its head and no other reference;
 *   P2  the bias of a cache is at least 1, and no more than the pieces of its block.
 *
 * Where the readings are silent: both mobility bits are refused before the cache is looked at, as
 * the mask is that an allocation would look at; an attempt that goes round for ever or runs out of
 * memory leaves the cache empty, as one that fails.
 */
#include "oracle/shadow.h"

enum { LARGE_ORDER = 3, BIAS = PROGRAM_MAX_FRAGMENT + 1, PAGE_BYTES = 4096 };

static void refuse(struct lb_result *r, enum lb_reason reason)
{
	r->outcome = LB_REFUSED;
	r->reason = (uint8_t)reason;
}

uint32_t shadow_frag_head(const struct shadow *s, uint64_t pfn)
{
	uint32_t head = (uint32_t)(pfn & ~((UINT64_C(1) << LARGE_ORDER) - 1));

	if (pfn >= s->max_pfn)
		return NIL;
	if (s->frames[head].pieces && s->frames[head].order == LARGE_ORDER)
		return head;
	return s->frames[pfn].pieces ? (uint32_t)pfn : NIL;
}

/* The last reference is gone. */
static void free_block(struct shadow *s, uint32_t head)
{
	assert(s->frames[head].pieces == 0);
	s->state->nr_frag_blocks--;
	shadow_free_whole(s, head, s->frames[head].order);
}

static void drop_references(struct shadow *s, uint32_t head, uint64_t nr)
{
	assert(nr <= s->frames[head].pieces);
	s->frames[head].pieces -= (uint32_t)nr;
	if (s->frames[head].pieces == 0)
		free_block(s, head);
}

/* ---- Allocation ---- */

static void begin_block(struct shadow *s, struct frag_cache *cache)
{
	s->frames[cache->pfn].pieces = BIAS;
	cache->bias = BIAS;
}

/*
 * A large block without any effort, or else a page as hard as the caller wants. False: r says why
 * not.
 */
static bool refill(struct shadow *s, const struct lb_call *call, struct frag_cache *cache,
		   struct lb_result *r)
{
	struct wish w = { .gfp = call->gfp | GFP_COMP | GFP_NOWARN | GFP_NORETRY | GFP_NOMEMALLOC,
			  .order = LARGE_ORDER,
			  .node = s->machine.cpu_node[call->cpu],
			  .attempt = 1 };

	*cache = (struct frag_cache){ .pfn = NO_PFN };
	shadow_alloc_pages(s, &w, r);
	if (r->outcome == LB_NULL) {
		w.gfp = call->gfp;
		w.order = 0;
		w.attempt = 2;
		shadow_alloc_pages(s, &w, r);
	}
	if (r->outcome != LB_BLOCK)
		return false;
	s->frames[r->pfn].refs = 0;
	s->frames[r->pfn].order = (uint8_t)w.order;
	s->state->nr_frag_blocks++;
	*cache = (struct frag_cache){ .pfn = r->pfn,
				      .size = (uint64_t)PAGE_BYTES << w.order,
				      .offset = (uint64_t)PAGE_BYTES << w.order,
				      .pfmemalloc = s->from_reserves };
	begin_block(s, cache);
	return true;
}

/*
 * What is left of the block is too little. Is nobody else in it, it is begun anew; but where even the whole of it is
 * too little, its offset is not touched.
 */
static bool renew(struct shadow *s, const struct lb_call *call, struct frag_cache *cache,
		  struct lb_result *r)
{
	struct frame *f = &s->frames[cache->pfn];

	f->pieces -= (uint32_t)cache->bias;
	if (f->pieces > 0)
		return refill(s, call, cache, r);
	if (cache->pfmemalloc) {
		free_block(s, (uint32_t)cache->pfn);
		return refill(s, call, cache, r);
	}
	begin_block(s, cache);
	if (call->value <= cache->size)
		cache->offset = cache->size;
	return true;
}

/* The mobility bits as an allocation would see them. */
static bool has_both_types(const struct shadow *s, const struct lb_call *call)
{
	uint32_t gfp = call->gfp & (uint32_t)s->state->gfp_allowed_mask;

	if (!is_5_10(s))
		gfp = shadow_gfp_after_scopes(s, gfp, call->scope);
	return (gfp & GFP_MOVABLE) && (gfp & GFP_RECLAIMABLE);
}

static void frag_alloc(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	struct frag_cache *cache = &s->state->frag_caches[call->cpu];
	uint64_t at;

	if (call->value < 1 || call->value > PROGRAM_MAX_FRAGMENT) {
		refuse(r, LB_BAD_RANGE);
		return;
	}
	if (has_both_types(s, call)) {
		refuse(r, LB_BAD_TYPE);
		return;
	}
	if (cache->pfn == NO_PFN) {
		if (!refill(s, call, cache, r))
			return;
	} else if (cache->offset < call->value && !renew(s, call, cache, r)) {
		return;
	}
	r->pfn = 0;
	if (cache->size < call->value) { /* a page, and more than that was asked for */
		r->outcome = LB_NULL;
		r->reason = LB_NO_MEMORY;
		return;
	}
	cache->bias--;
	cache->offset -= call->value;
	at = cache->pfn * PAGE_BYTES + cache->offset;
	r->outcome = LB_BLOCK;
	r->reason = LB_REASON_NONE;
	r->pfn = at / PAGE_BYTES;
	r->offset = (uint32_t)(at % PAGE_BYTES);
}

/* ---- Giving back ---- */

static void frag_free(struct shadow *s, const struct lb_call *call)
{
	uint32_t head = shadow_frag_head(s, call->pfn);

	if (head != NIL)
		drop_references(s, head, 1);
}

static void frag_drain(struct shadow *s, const struct lb_call *call)
{
	struct frag_cache *cache = &s->state->frag_caches[call->cpu], was = *cache;

	*cache = (struct frag_cache){ .pfn = NO_PFN };
	if (was.pfn != NO_PFN)
		drop_references(s, (uint32_t)was.pfn, was.bias);
}

void shadow_frag(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	switch (call->op) {
	case OP_PAGE_FRAG_ALLOC:
		frag_alloc(s, call, r);
		return;
	case OP_PAGE_FRAG_FREE:
		frag_free(s, call);
		return;
	default:
		assert(call->op == OP_PAGE_FRAG_DRAIN);
		frag_drain(s, call);
	}
}
