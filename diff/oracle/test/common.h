/*
 * What the tests of the shadow share: machines made in code, a shadow on one, calls, and programs
 * carried out.
 *
 * A program is resolved to calls as the judge does it: an operation whose handle has no block is
 * left out.
 */
#ifndef LOSTBUDDY_ORACLE_TEST_COMMON_H
#define LOSTBUDDY_ORACLE_TEST_COMMON_H

#include <stdlib.h>

#include "oracle/shadow.h"
#include "test.h"

enum {
	GFP_KERNEL = GFP_DIRECT_RECLAIM | GFP_KSWAPD_RECLAIM | GFP_IO | GFP_FS,
	GFP_ATOMIC_REQUEST =
		GFP_HIGH | GFP_ATOMIC | GFP_KSWAPD_RECLAIM, /* Linux's GFP_ATOMIC, 0xa20 */
	GFP_NOWAIT = GFP_KSWAPD_RECLAIM,
	GFP_HIGHUSER_MOVABLE = 0x100cca,
};

/* A machine of one node and one CPU with P = 4, T = 6, one zone (Normal), no marks: bare buddy. */
static inline struct machine bare_machine(uint64_t pages)
{
	struct machine m;

	machine_default(&m);
	m.memory[0] = (struct machine_range){ .start = 1, .end = pages };
	m.nr_memory = 1;
	m.max_pfn = pages;
	m.dma_end = m.dma32_end = 0;
	m.min_free_kbytes = 0;
	m.section_pages = 1u << 20; /* nothing is deferred */
	return m;
}

/*
 * Four nodes of which one is possible and not there:
 *
 *   node   0 absent   1 (CPU 0)   2          3
 *   from 0: 1 20, 2 15, 3 20; all else 20
 */
static inline struct machine absent_machine(uint32_t profile)
{
	struct machine m = bare_machine(256);

	m.profile = profile;
	m.nr_nodes = 4;
	m.absent_nodes = 0x1;
	m.nr_memory = 3;
	m.cpu_node[0] = 1;
	for (uint32_t n = 0; n < 4; n++)
		for (uint32_t k = 0; k < 4; k++)
			m.distance[n][k] = n == k ? 10 : 20;
	for (uint32_t i = 0; i < 3; i++)
		m.memory[i] = (struct machine_range){ .start = 64 * (i + 1),
						      .end = 64 * (i + 2),
						      .node = i + 1 };
	m.distance[0][2] = 15;
	return m;
}

/* The nodes of a node's zonelist in order, where each has one zone. */
static inline const char *order_of(const struct shadow *s, unsigned int node)
{
	static char text[64];
	size_t at = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < s->fallback[node].n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, i ? " %u" : "%u",
				       s->zones[s->fallback[node].zones[i]].node);
	return text;
}

static inline struct shadow *booted(const struct machine *m, const struct machine_range *reserved,
				    uint32_t nr)
{
	static uint64_t exercised[RULE_COUNT];
	struct shadow *s = shadow_create(m, exercised);

	if (!EXPECT(s && shadow_boot(s, reserved, nr) && shadow_save(s)))
		exit(1);
	return s;
}

static inline struct lb_call alloc_call(uint32_t gfp, unsigned int order)
{
	return (struct lb_call){
		.op = OP_ALLOC_PAGES, .gfp = gfp, .order = (uint8_t)order, .node = NODE_NONE
	};
}

static inline struct lb_call free_call(uint64_t pfn, unsigned int order)
{
	return (struct lb_call){ .op = OP_FREE_PAGES_STRUCT,
				 .pfn = pfn,
				 .order = (uint8_t)order,
				 .block_order = (uint8_t)order,
				 .node = NODE_NONE };
}

static inline struct lb_result run(struct shadow *s, struct lb_call call)
{
	struct lb_result r;

	shadow_exec(s, &call, &r);
	return r;
}

/* The frame of an allocation that has to give one; -1: it gave none. */
static inline int64_t take(struct shadow *s, uint32_t gfp, unsigned int order)
{
	struct lb_result r = run(s, alloc_call(gfp, order));

	return r.outcome == LB_BLOCK ? (int64_t)r.pfn : -1;
}

static inline void give(struct shadow *s, int64_t pfn, unsigned int order)
{
	EXPECT_EQ(run(s, free_call((uint64_t)pfn, order)).outcome, LB_DONE);
}

static inline struct zone *zone_at(struct shadow *s, unsigned int node, unsigned int index)
{
	if (!EXPECT(s->zone_number[node][index] != NO_ZONE))
		exit(1);
	return &s->zones[s->zone_number[node][index]];
}

/* Pages on a zone's free lists. */
static inline int64_t listed_pages(const struct shadow *s, const struct zone *z)
{
	int64_t pages = 0;

	for (unsigned int o = 0; o <= s->top_order; o++)
		for (unsigned int type = 0; type < NR_LIST_TYPES; type++)
			pages += (int64_t)z->lists[o][type].n << o;
	return pages;
}

/* Takes everything of the first zone: what a test then frees is all there is. */
static inline void empty(struct shadow *s)
{
	for (unsigned int type = 0; type < NR_LIST_TYPES; type++)
		while (shadow_buddy_take_smallest(s, s->zones, 0, type) != NIL)
			;
	EXPECT_EQ(listed_pages(s, s->zones), 0);
	shadow_count_free(s, s->zones, -shadow_free_exact(s, s->zones));
}

/* Operations that the shadow predicts. */
static const uint64_t predicted_operations =
	((UINT64_C(1) << OP_ALLOC_PAGES_BULK) - 1) | UINT64_C(1) << OP_VMSTAT_UPDATE;

/* "72 88": the free list as text. */
static inline const char *list_text(const struct shadow *s, const struct list *list)
{
	static char text[4096];
	size_t at = 0;

	text[0] = '\0';
	for (uint32_t pfn = list->head; pfn != NIL && at + 16 < sizeof(text);
	     pfn = s->frames[pfn].next)
		at += (size_t)snprintf(text + at, sizeof(text) - at, at ? " %u" : "%u", pfn);
	return text;
}

static inline const char *free_text(const struct shadow *s, unsigned int zone, unsigned int order,
				    unsigned int type)
{
	return list_text(s, &s->zones[zone].lists[order][type]);
}

static inline const char *pcp_text(const struct shadow *s, unsigned int zone, unsigned int cpu,
				   unsigned int index)
{
	return list_text(s, &s->pcp[zone * s->nr_cpus + cpu].lists[index]);
}

/* ---- Programs ---- */

struct held {
	uint64_t pfn;
	struct handle_state state;
};

/* False: the operation is left out. */
static inline bool resolve(const struct program *p, const struct op *op, const struct held *held,
			   struct lb_call *call)
{
	const struct held *h = NULL;

	switch (op->code) {
	case OP_NOP:
	case OP_FILL:
	case OP_VERIFY:
	case OP_CHECK:
	case OP_DUMP:
		return false;
	default:
		break;
	}
	*call = (struct lb_call){ .op = op->code,
				  .cpu = op->cpu,
				  .level = op->level,
				  .scope = op->scope,
				  .order = op->order,
				  .name = op->name,
				  .node = op->node,
				  .gfp = op->gfp,
				  .nodemask = op->nodemask,
				  .fail_nth = op->fail_nth,
				  .page = op->page,
				  .value = op->value,
				  .count = op->count };
	if (op->code == OP_TAKE_FRAME)
		call->pfn = op->value % p->machine.max_pfn;
	if (op->code == OP_FREE_PFN)
		call->pfn = p->machine.max_pfn + op->value;
	if (!(op_info[op->code].arguments & (ARG_HANDLE | ARG_DEAD_HANDLE)))
		return true;
	h = &held[op->handle];
	if ((h->state.refs > 0) != ((op_info[op->code].arguments & ARG_HANDLE) != 0) ||
	    h->pfn == NO_PFN)
		return false;
	call->pfn = h->pfn;
	call->block_order = h->state.order;
	call->compound = h->state.compound;
	call->page = op->page % (1u << h->state.order);
	if (!(op_info[op->code].arguments & ARG_ORDER))
		call->order = h->state.order;
	return true;
}

/* The frame of the n-th handle that an operation binds; NO_PFN: none. @frames: of a bulk allocation */
static inline uint64_t frame_bound(const struct op *op, const struct lb_result *r,
				   const uint64_t *frames, uint32_t n)
{
	bool bulk = op->code == OP_ALLOC_PAGES_BULK || op->code == OP_ALLOC_PAGES_BULK_LIST;

	return bulk ? frames[bulk_entry(op, n)] : r->pfn + n;
}

static inline void follow(const struct op *op, const struct lb_result *r, const uint64_t *frames,
			  struct held *held)
{
	bool about = op_info[op->code].arguments & ARG_HANDLE;
	bool bulk = op->code == OP_ALLOC_PAGES_BULK || op->code == OP_ALLOC_PAGES_BULK_LIST;
	struct held before = about ? held[op->handle] : (struct held){ .pfn = NO_PFN };
	struct handle_state born;
	uint32_t nr;

	if (r->outcome == LB_REFUSED ||
	    (!about && r->outcome != LB_BLOCK && !(bulk && r->outcome == LB_DONE)))
		return;
	nr = handle_after(op, about ? &held[op->handle].state : NULL, &born);
	for (uint32_t n = 0; n < nr; n++) {
		uint64_t pfn = about ? before.pfn + n : frame_bound(op, r, frames, n);

		if (pfn != NO_PFN)
			held[op->first_result + n] = (struct held){ .pfn = pfn, .state = born };
	}
}

/* Nobody holds anything: free with malloc's. */
static inline struct held *nothing_held(const struct program *p)
{
	struct held *held = calloc(p->nr_handles + 1, sizeof(*held));

	for (uint32_t i = 0; held && i < p->nr_handles; i++)
		held[i].pfn = NO_PFN;
	return held;
}

#endif
