/*
 * Several single pages at once (facts 10; readings "Bulk and exact").
 *
 *   entries  0 1 2 3 4 5 6 7
 *   filled   x x . x . . . .      2 leading ones
 *   bulk     x x a x b c - -      list: a, b, c, then nothing more; 6 is the index that was reached
 *
 * What a page list cannot give at once comes by the usual way, and then only one page.
 */
#include "oracle/shadow.h"

struct bulk {
	struct shadow *s;
	const struct lb_call *call;
	struct lb_result *result;
	struct wish wish; /* for the single path */
	uint32_t leading; /* entries filled before the first empty one */
	bool array;
};

static bool is_filled(const struct bulk *b, uint32_t entry)
{
	return b->array && (b->call->value >> entry & 1);
}

static void give(struct bulk *b, uint32_t entry, uint64_t pfn)
{
	b->s->bulk[entry] = pfn;
	b->s->frames[pfn].refs = 1;
}

static void returns(struct bulk *b, uint32_t count)
{
	b->result->outcome = LB_DONE;
	b->result->reason = LB_REASON_NONE;
	b->result->pfn = 0;
	b->result->count = count;
}

/* The usual way. To be refused, to go round for ever, to be out of memory is the whole call's fate. */
static void one_page(struct bulk *b)
{
	struct lb_result *r = b->result;
	uint32_t count = b->leading;

	shadow_alloc_pages(b->s, &b->wish, r);
	if (r->outcome != LB_BLOCK && r->outcome != LB_NULL)
		return;
	if (r->outcome == LB_BLOCK)
		give(b, count++, r->pfn);
	returns(b, count);
}

/* The zone to take all pages from; NULL: none at home passes its mark with so many pages less. */
static struct zone *find_zone(const struct bulk *b, const struct request *rq,
			      unsigned int alloc_flags)
{
	struct shadow *s = b->s;
	const struct zone *preferred = &s->zones[rq->zonelist->zones[rq->preferred]];

	for (unsigned int i = rq->preferred; i < rq->zonelist->n;
	     i = shadow_first_zone(s, rq, i + 1)) {
		struct zone *z = &s->zones[rq->zonelist->zones[i]];
		int64_t mark = z->mark[WMARK_LOW] + z->boost + b->call->count;

		if ((alloc_flags & ALLOC_CPUSET) && !shadow_cpuset_allows(s, z, rq->gfp))
			continue;
		if (s->nr_nodes > 1 && z->node != preferred->node)
			return NULL;
		if (shadow_watermark_fast_above(s, z, mark, preferred->index, alloc_flags))
			return z;
	}
	return NULL;
}

/* Entry by entry, as long as pages come. */
static void many_pages(struct bulk *b, struct zone *z, const struct request *rq,
		       unsigned int alloc_flags)
{
	struct shadow *s = b->s;
	struct zone *preferred = &s->zones[rq->zonelist->zones[rq->preferred]];
	uint32_t entry, came = 0;

	for (entry = b->leading; entry < b->call->count; entry++) {
		uint32_t pfn;

		if (is_filled(b, entry))
			continue;
		pfn = shadow_pcp_take_next(s, z, b->call->cpu, 0, rq->type, alloc_flags);
		if (pfn == NIL)
			break;
		shadow_contents_check(s, pfn, 0);
		give(b, entry, pfn);
		shadow_count_numa(s, z, preferred, b->call->cpu);
		came++;
	}
	if (came == 0) {
		one_page(b);
		return;
	}
	s->state->counters[LB_COUNT_PGALLOC] += came;
	returns(b, entry);
}

static void fill_array(struct bulk *b)
{
	struct shadow *s = b->s;
	uint32_t gfp = b->wish.gfp & (uint32_t)s->state->gfp_allowed_mask;
	unsigned int alloc_flags;
	struct request rq;
	struct zone *z;

	if (b->call->count - b->leading == 1 || (b->wish.gfp & GFP_ACCOUNT)) {
		one_page(b);
		return;
	}
	if (!shadow_accept_gfp(s, gfp, b->result))
		return;
	rq = shadow_fast_request(s, &b->wish, gfp, &alloc_flags);
	z = rq.preferred < rq.zonelist->n ? find_zone(b, &rq, alloc_flags) : NULL;
	if (z)
		many_pages(b, z, &rq, alloc_flags);
	else
		one_page(b);
}

void shadow_alloc_bulk(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	struct bulk b = { .s = s,
			  .call = call,
			  .result = r,
			  .wish = { .gfp = call->gfp,
				    .node = call->node == NODE_NONE ? s->machine.cpu_node[call->cpu]
								    : (uint32_t)call->node,
				    .nodemask = call->nodemask,
				    .attempt = 1 },
			  .array = call->op == OP_ALLOC_PAGES_BULK };

	assert(call->count <= PROGRAM_MAX_COUNT);
	for (uint32_t i = 0; i < PROGRAM_MAX_COUNT; i++)
		s->bulk[i] = NO_PFN;
	if (is_5_10(s)) {
		r->outcome = LB_REFUSED;
		r->reason = LB_NO_PROFILE;
		return;
	}
	while (b.leading < call->count && is_filled(&b, b.leading))
		b.leading++;
	if (b.leading == call->count)
		returns(&b, b.leading);
	else
		fill_array(&b);
}

/* ---- alloc_pages_exact ---- */

static unsigned int order_for(uint32_t pages)
{
	unsigned int order = 0;

	while (1u << order < pages)
		order++;
	return order;
}

/* What is more than was asked for goes back page by page; 6.1 keeps it off the page lists. */
static void give_back(struct shadow *s, uint32_t pfn, uint32_t end)
{
	for (; pfn < end; pfn++) {
		if (is_5_10(s))
			shadow_free_whole(s, pfn, 0);
		else
			shadow_free_past_lists(s, pfn, true);
	}
}

void shadow_alloc_exact(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	unsigned int order = order_for(call->count);
	uint32_t pfn;

	shadow_policy_alloc(s, call->gfp & ~(uint32_t)(GFP_COMP | GFP_HIGHMEM), order, r);
	if (r->outcome != LB_BLOCK)
		return;
	pfn = (uint32_t)r->pfn;
	for (uint32_t n = 0; n < call->count; n++)
		s->frames[pfn + n].refs = 1;
	give_back(s, pfn + call->count, pfn + (1u << order));
}
