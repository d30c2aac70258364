/*
 * The generator: random programs that keep an allocator busy at a level.
 *
 * Each program draws a swarm first: which kinds of operations, masks, CPUs and contexts occur in it
 * and how often, how large blocks get, and how many pages it wants to hold (20 to 95 % of what the
 * machine can give). Then it allocates while it holds less, and frees while it holds more. So
 * programs differ in kind. Two of five press: they fill the machine in their first part, and then
 * go on at the edge of what the marks allow.
 *
 * An allocation that may well fail (restricted, large, or made when nearly all is held) is marked
 * doubtful, and its handle is used less often than others; one that is bound to fail is hardly used
 * at all: operations on handles whose allocation failed are no-ops.
 *
 * Program number n of a seed depends on the seed, n, and the options alone.
 */
#include <stdlib.h>

#include "program/internal.h"

enum gfp_bit {
	GFP_DMA = 0x1,
	GFP_DMA32 = 0x4,
	GFP_MOVABLE = 0x8,
	GFP_RECLAIMABLE = 0x10,
	GFP_ZERO = 0x100,
	GFP_DIRECT_RECLAIM = 0x400,
	GFP_NOWARN = 0x2000,
	GFP_NOFAIL = 0x8000,
	GFP_NORETRY = 0x10000,
	GFP_MEMALLOC = 0x20000,
	GFP_COMP = 0x40000,
	GFP_THISNODE = 0x200000,
	GFP_KERNEL = 0xcc0,
	GFP_ATOMIC = 0xa20,
	GFP_NOWAIT = 0x800,
	GFP_USER = 0x100cc0,
	GFP_HIGHUSER_MOVABLE = 0x100cca,
	GFP_NOIO = 0xc00,
	GFP_NOFS = 0xc40,
};

static const struct {
	uint32_t gfp, weight;
} masks[] = {
	{ GFP_KERNEL, 30 },
	{ GFP_HIGHUSER_MOVABLE, 25 },
	{ GFP_KERNEL | GFP_RECLAIMABLE, 12 },
	{ GFP_ATOMIC, 12 },
	{ GFP_NOWAIT, 10 },
	{ GFP_USER, 8 },
	{ GFP_NOFS, 2 },
	{ GFP_NOIO, 2 },
	{ GFP_NOWAIT | GFP_MOVABLE, 3 },
	{ GFP_ATOMIC | GFP_RECLAIMABLE, 2 },
};

/*
 * Operations that are neither the common allocation nor the common free, and how often they occur
 * when they do.
 */
static const struct {
	uint8_t code, weight;
} others[] = {
	{ OP_GET_PAGE, 30 },
	{ OP_SPLIT_PAGE, 25 },
	{ OP_FILL, 12 },
	{ OP_VERIFY, 12 },
	{ OP_TRANSLATE, 8 },
	{ OP_DRAIN_LOCAL_PAGES, 20 },
	{ OP_DRAIN_ALL_PAGES, 10 },
	{ OP_SYSCTL, 12 },
	{ OP_RUN_KSWAPD, 12 },
	{ OP_ADVANCE, 6 },
	{ OP_CHECK, 3 },
	{ OP_DUMP, 2 },
	{ OP_FREE_WRONG_ORDER, 6 },
	{ OP_FREE_TAIL, 6 },
	{ OP_DOUBLE_FREE, 6 },
	{ OP_FREE_PFN, 4 },
	{ OP_SET_MAPCOUNT, 4 },
	{ OP_SET_MAPPING, 4 },
	{ OP_SCHED_SWITCH, 1 },
	{ OP_SCHED_INTERRUPT, 1 },
	{ OP_ALLOC_PAGES_BULK, 14 },
	{ OP_ALLOC_PAGES_BULK_LIST, 8 },
	{ OP_ALLOC_PAGES_EXACT, 10 },
	{ OP_ISOLATE, 4 },
	{ OP_UNISOLATE, 5 },
	{ OP_TAKE_FRAME, 4 },
	{ OP_VMSTAT_UPDATE, 12 },
	{ OP_SET_MEMPOLICY, 8 },
	{ OP_SET_MEMS_ALLOWED, 3 },
	{ OP_SET_GFP_ALLOWED_MASK, 2 },
	{ OP_WRITE_FREED, 4 },
	{ OP_PAGE_FRAG_ALLOC, 30 },
	{ OP_PAGE_FRAG_FREE, 24 },
	{ OP_PAGE_FRAG_DRAIN, 2 },
	{ OP_SET_PAGE_FLAG, 8 },
	{ OP_PREP_TRANSHUGE, 6 },
	{ OP_DEFERRED_INIT, 2 },
};

/* Sizes of fragments at which something changes: lines, packets, pages, what the block holds. */
static const uint16_t fragment_sizes[] = { 1, 32, 64, 1500, 2048, 4096, 4097, 32768 };

enum {
	NR_MASKS = sizeof(masks) / sizeof(masks[0]),
	NR_OTHERS = sizeof(others) / sizeof(others[0]),
	NR_FRAGMENT_SIZES = sizeof(fragment_sizes) / sizeof(fragment_sizes[0]),
	MAX_FRAGMENTS = 64,	   /* held at once: each may keep a block of eight pages */
	FRAGMENT_BLOCK = 8,	   /* pages */
	PROGRAMS_PER_MACHINE = 64, /* random machines */
};

struct swarm {
	uint32_t mask_weight[NR_MASKS], mask_total;
	uint32_t other_weight[NR_OTHERS], other_total;
	uint32_t other_percent; /* of all operations */
	uint32_t interrupt_percent, scope_percent, node_percent, modifier_percent, policy_percent;
	uint32_t cpus; /* CPUs 0 .. cpus - 1 are used */
	uint32_t greatest_order;
	uint32_t large_percent;	 /* of allocations that try to make up for what is missing */
	uint32_t newest_percent; /* of uses that take the newest handle */
	bool pressing;
	uint64_t allowed; /* operations that may occur at all */
};

/* A handle that is worth using. */
struct held {
	uint32_t handle;
	bool doubtful;
};

struct generator {
	struct generator_options options;
	struct machine machine; /* the one of the options, or the random one in use */
	bool has_machine;
	uint64_t index; /* of the next program */
	struct random random;
	struct swarm swarm;
	struct held *held;
	uint32_t nr_held, held_capacity, newest_dead;
	struct held fragments[MAX_FRAGMENTS];
	uint32_t nr_fragments;
	struct op flagged; /* the last set_page_flag that has set one; code 0: none */
	bool has_dead;
	uint32_t pages, level;	/* held now; wanted */
	uint32_t usable;	/* what the machine can give before its marks, about */
	uint32_t movable_pages; /* of these only for movable requests */
	uint32_t unmovable;	/* held now by others */
	uint32_t ops_left;
};

/* ---- The swarm ---- */

static bool allowed(const struct swarm *s, uint32_t code)
{
	return s->allowed >> code & 1;
}

static uint64_t allowed_ops(const struct generator_options *o)
{
	uint64_t all = o->capabilities ? o->capabilities : UINT64_MAX;
	/* The judge's own operations need no capability. */
	uint64_t own = 1u << OP_FILL | 1u << OP_VERIFY | 1u << OP_CHECK | 1u << OP_DUMP;

	all |= own;
	for (uint8_t code = 0; !o->misuse && code < OP_COUNT; code++)
		if (op_is_misuse(code))
			all &= ~(UINT64_C(1) << code);
	return all;
}

/* Refused by machines that do not look for bad pages. */
static bool spoils_a_page(uint32_t code)
{
	return code == OP_SET_MAPCOUNT || code == OP_SET_MAPPING || code == OP_SET_PAGE_FLAG;
}

/* Every kind may be missing; the first mask never is. */
static void draw_weights(struct swarm *s, struct random *r, const struct machine *m)
{
	s->mask_total = s->other_total = 0;
	for (uint32_t i = 0; i < NR_MASKS; i++) {
		s->mask_weight[i] =
			i && random_percent(r, 33) ? 0 : masks[i].weight * random_between(r, 1, 3);
		s->mask_total += s->mask_weight[i];
	}
	for (uint32_t i = 0; i < NR_OTHERS; i++) {
		uint32_t code = others[i].code;
		bool never = !allowed(s, code) || (m->checks == CHECKS_OFF && spoils_a_page(code));

		s->other_weight[i] = never || random_percent(r, 33)
					     ? 0
					     : others[i].weight * random_between(r, 1, 3);
		s->other_total += s->other_weight[i];
	}
}

/*
 * High-atomic reserves come and go only where many atomic requests of several pages meet a full
 * machine.
 */
static void prefer_atomic(struct swarm *s)
{
	for (uint32_t i = 0; i < NR_MASKS; i++)
		if (masks[i].gfp == GFP_ATOMIC) {
			s->mask_weight[i] += 60;
			s->mask_total += 60;
		}
}

static void draw_swarm(struct swarm *s, struct random *r, const struct machine *m)
{
	draw_weights(s, r, m);
	s->other_percent = s->other_total ? random_between(r, 5, 20) : 0;
	s->interrupt_percent = random_percent(r, 50) ? random_below(r, 25) : 0;
	s->scope_percent = random_percent(r, 40) ? random_below(r, 12) : 0;
	s->node_percent = m->nr_nodes == 1	  ? random_below(r, 5)
			  : random_percent(r, 70) ? random_below(r, 40)
						  : 0;
	s->policy_percent = random_percent(r, 40) ? random_below(r, 60) : 0;
	s->modifier_percent = random_below(r, 35);
	s->cpus = random_percent(r, 25) ? 1 : random_between(r, 1, m->nr_cpus);
	s->greatest_order =
		random_percent(r, 50) ? m->top_order : random_below(r, m->top_order + 1);
	s->pressing = random_percent(r, 40);
	if (s->pressing && random_percent(r, 30))
		prefer_atomic(s);
	s->large_percent = s->pressing ? random_between(r, 30, 80) : random_below(r, 60);
	s->newest_percent = random_percent(r, 50) ? random_below(r, 90) : 0;
}

/* ---- What the machine can give ---- */

static uint32_t root(uint32_t value)
{
	uint32_t low = 0;

	while ((low + 1) * (low + 1) <= value)
		low++;
	return low;
}

/* The min mark in pages, about: given outright or by the rule of facts 4. */
static uint32_t min_pages(const struct machine *m, uint32_t pages)
{
	uint32_t kbytes = root(pages * 64);

	if (m->min_free_kbytes >= 0)
		return m->min_free_kbytes > UINT32_MAX ? UINT32_MAX
						       : (uint32_t)m->min_free_kbytes / 4;
	return (kbytes < 128 ? 128 : kbytes) / 4;
}

static uint32_t clamp_pages(uint64_t pages)
{
	return pages > 1u << 20 ? 1u << 20 : (uint32_t)pages;
}

static void measure_machine(struct generator *g, const struct machine *m)
{
	uint64_t taken = m->max_pfn / 64 + 2 * m->nr_memory, movable = 0,
		 present = machine_present(m);

	if (m->percpu_unit_pages != MACHINE_PERCPU_REAL)
		taken += (uint64_t)m->percpu_unit_pages * m->nr_cpus;
	for (uint32_t i = 0; i < m->nr_reserved; i++)
		taken += m->reserved[i].end - m->reserved[i].start;
	for (uint32_t i = 0; i < m->nr_memory; i++) {
		const struct machine_range *range = &m->memory[i];
		uint64_t border = m->movable_start[range->node];

		if (border && border < range->end)
			movable += range->end - (border > range->start ? border : range->start);
	}
	uint32_t usable = clamp_pages(present > taken ? present - taken : 0);
	uint32_t marked = min_pages(m, usable);

	g->usable = usable > marked + 8 ? usable - marked : 8;
	g->movable_pages = clamp_pages(movable);
	g->level = g->usable * random_between(&g->random, 20, 95) / 100;
	if (g->swarm.pressing)
		g->level = (g->usable + marked) * random_between(&g->random, 90, 130) / 100;
}

static bool is_movable(uint32_t gfp)
{
	return (gfp & 0xa) == 0xa;
}

/* ---- Allocations ---- */

static uint32_t draw_mask(const struct swarm *s, struct random *r)
{
	uint32_t pick = random_below(r, s->mask_total), i = 0;

	while (pick >= s->mask_weight[i])
		pick -= s->mask_weight[i++];
	return masks[i].gfp;
}

static uint32_t draw_modifier(struct random *r)
{
	uint32_t pick = random_below(r, 100);

	if (pick < 30)
		return GFP_ZERO;
	if (pick < 55)
		return GFP_COMP;
	if (pick < 67)
		return GFP_NORETRY;
	if (pick < 77)
		return GFP_NOWARN;
	if (pick < 84)
		return GFP_THISNODE;
	if (pick < 89)
		return GFP_DMA32;
	if (pick < 93)
		return GFP_DMA;
	return pick < 97 ? GFP_NOFAIL : GFP_MEMALLOC;
}

/* Two zones at once mean nothing (facts 3): a zone bit replaces those of the mask. */
static uint32_t add_modifier(uint32_t gfp, uint32_t modifier)
{
	if (modifier & (GFP_DMA | GFP_DMA32))
		gfp &= ~0xfu;
	return gfp | modifier;
}

static uint32_t draw_gfp(const struct swarm *s, struct random *r, uint32_t level)
{
	uint32_t gfp = draw_mask(s, r);

	if (level != LEVEL_TASK && gfp & GFP_DIRECT_RECLAIM && random_percent(r, 85))
		gfp = random_percent(r, 60) ? GFP_ATOMIC : GFP_NOWAIT;
	while (random_percent(r, s->modifier_percent))
		gfp = add_modifier(gfp, draw_modifier(r));
	if (random_below(r, 400) == 0)
		gfp ^= 1u << random_below(r, 24);
	if (gfp & GFP_MOVABLE && gfp & GFP_RECLAIMABLE && !random_percent(r, 40))
		gfp &= ~(uint32_t)GFP_RECLAIMABLE;
	return gfp;
}

/* Order 0 two times of three (about six of ten with the large ones), each further half as often. */
static uint32_t draw_small_order(struct random *r, uint32_t greatest)
{
	uint32_t order = 0;

	if (random_percent(r, 68))
		return 0;
	do
		order++;
	while (order < greatest && random_percent(r, 50));
	return order <= greatest ? order : greatest;
}

/*
 * An order that would make up for a good part of what is missing, spread over the allocations that
 * are left.
 */
static uint32_t draw_large_order(struct generator *g)
{
	uint32_t missing = g->level > g->pages ? g->level - g->pages : 0;
	uint32_t each = 3 * missing / (g->ops_left / (g->swarm.pressing ? 6 : 2) + 1), order = 0;

	while (order < g->swarm.greatest_order && 2u << order <= each)
		order++;
	return random_below(&g->random, order + 1);
}

static uint32_t draw_order(struct generator *g, const struct machine *m)
{
	struct random *r = &g->random;

	if (random_below(r, 300) == 0)
		return random_percent(r, 50) ? m->top_order + 1 : random_below(r, ORDER_COUNT);
	if (random_percent(r, g->swarm.large_percent))
		return draw_large_order(g);
	return draw_small_order(r, g->swarm.greatest_order);
}

static void draw_context(struct op *op, const struct swarm *s, struct random *r)
{
	op->cpu = (uint8_t)(s->cpus > 1 ? random_below(r, s->cpus) : 0);
	if (random_percent(r, s->interrupt_percent)) {
		uint32_t pick = random_below(r, 40);

		op->level = pick == 0 ? LEVEL_NMI : pick < 20 ? LEVEL_IRQ : LEVEL_SOFTIRQ;
	}
	if (random_percent(r, s->scope_percent))
		op->scope = (uint8_t)(1u << random_below(r, 6));
}

static uint8_t draw_allocator(const struct swarm *s, struct random *r, uint32_t order)
{
	static const uint8_t singles[] = { OP_ALLOC_PAGE, OP_GET_FREE_PAGE, OP_GET_ZEROED_PAGE,
					   OP_GET_FREE_PAGES };
	uint8_t code = OP_ALLOC_PAGES;

	if (random_percent(r, s->policy_percent) && allowed(s, OP_ALLOC_PAGES_POLICY))
		return OP_ALLOC_PAGES_POLICY;
	if (random_percent(r, 25))
		code = order ? OP_GET_FREE_PAGES : singles[random_below(r, 4)];
	return allowed(s, code) || !allowed(s, OP_ALLOC_PAGES) ? code : OP_ALLOC_PAGES;
}

static void draw_placement(struct op *op, const struct swarm *s, struct random *r,
			   const struct machine *m)
{
	op->node = NODE_NONE;
	if (random_percent(r, s->node_percent))
		op->node = (int16_t)random_below(r, m->nr_nodes);
	if (random_percent(r, s->node_percent / 4))
		op->nodemask = random_between(r, 1, (1u << m->nr_nodes) - 1);
}

static struct op draw_allocation(const struct swarm *s, struct random *r, const struct machine *m,
				 uint32_t order)
{
	struct op op = { 0 };

	draw_context(&op, s, r);
	op.code = draw_allocator(s, r, order);
	op.order = (uint8_t)order;
	op.gfp = draw_gfp(s, r, op.level);
	draw_placement(&op, s, r, m);
	if (random_below(r, 200) == 0)
		op.fail_nth = random_between(r, 1, 2);
	op_fold(&op, m);
	return op;
}

/* Too large, injected (facts 18), or of a type that does not exist. */
static bool will_fail(const struct op *op, const struct machine *m)
{
	bool injected = op->fail_nth == 1 && op->order > 0 &&
			!(op->gfp & (GFP_DIRECT_RECLAIM | GFP_NOFAIL));

	return op->order > m->top_order || injected ||
	       (op->gfp & GFP_MOVABLE && op->gfp & GFP_RECLAIMABLE);
}

static bool may_fail(const struct generator *g, const struct op *op)
{
	uint32_t size = 1u << op->order, limit = g->usable - g->usable / 10;

	if (op->nodemask || op->gfp & (GFP_THISNODE | GFP_DMA | GFP_DMA32))
		return true;
	if (!is_movable(op->gfp)) {
		if (g->unmovable + size + g->movable_pages > limit)
			return true;
	}
	/* The larger the block, the sooner nothing of its size is whole. */
	return g->pages + size + (size - 1) * 4 > limit;
}

/* ---- What is held ---- */

static bool hold(struct generator *g, uint32_t handle, bool doubtful)
{
	if (g->nr_held == g->held_capacity) {
		uint32_t capacity = g->held_capacity ? 2 * g->held_capacity : 256;
		struct held *grown = realloc(g->held, capacity * sizeof(*grown));

		if (!grown)
			return false;
		g->held = grown;
		g->held_capacity = capacity;
	}
	g->held[g->nr_held++] = (struct held){ .handle = handle, .doubtful = doubtful };
	return true;
}

static void let_go(struct generator *g, uint32_t index)
{
	g->newest_dead = g->held[index].handle;
	g->has_dead = true;
	g->held[index] = g->held[--g->nr_held];
}

/*
 * Where in held[] the handle to use next stands; doubtful ones are passed over twice of three
 * times.
 */
static uint32_t draw_held(struct generator *g)
{
	struct random *r = &g->random;
	uint32_t index = 0;

	assert(g->nr_held > 0);
	for (int attempt = 0; attempt < 4; attempt++) {
		index = random_percent(r, g->swarm.newest_percent) ? g->nr_held - 1
								   : random_below(r, g->nr_held);
		if (!g->held[index].doubtful || random_percent(r, 25))
			break;
	}
	return index;
}

static uint32_t pages_of(const struct handle_state *state)
{
	return state->order <= MACHINE_HIGHEST_ORDER ? 1u << state->order : 0;
}

static void count_down(struct generator *g, uint32_t pages)
{
	g->pages -= pages < g->pages ? pages : g->pages;
	/* Which kind the pages were of is not kept: they leave both counts in proportion. */
	if (g->unmovable > g->pages)
		g->unmovable = g->pages;
}

/* ---- Operations ---- */

static bool add_allocation(struct generator *g, struct program *p)
{
	uint32_t order = draw_order(g, &p->machine);
	struct op op = draw_allocation(&g->swarm, &g->random, &p->machine, order);
	bool doubtful = may_fail(g, &op), hopeless = will_fail(&op, &p->machine);

	if (!program_add(p, &op))
		return false;
	if (p->handles[p->nr_handles - 1].refs == 0 ||
	    (hopeless && !random_percent(&g->random, 10)))
		return true;
	/*
	 * Doubtful ones count too: at the level the generator must stop asking for more, not ask
	 * for ever.
	 */
	g->pages += pages_of(&p->handles[p->nr_handles - 1]);
	if (!is_movable(op.gfp))
		g->unmovable += pages_of(&p->handles[p->nr_handles - 1]);
	return hold(g, p->nr_handles - 1, doubtful || hopeless);
}

/* Any of the ways to drop a reference that is not refused. */
static uint8_t draw_free(const struct swarm *s, struct random *r, const struct handle_state *state)
{
	bool put = allowed(s, OP_PUT_PAGE) &&
		   (state->refs > 1 || state->order == 0 || state->compound);
	uint32_t pick = random_below(r, 100);

	if (put && pick < 20)
		return OP_PUT_PAGE;
	if (pick < 22 && state->refs == 1 && state->order == 0 && allowed(s, OP_PUT_FRAME))
		return OP_PUT_FRAME;
	if (pick < 45 && allowed(s, OP_FREE_PAGES))
		return OP_FREE_PAGES;
	return allowed(s, OP_FREE_PAGES_STRUCT) ? OP_FREE_PAGES_STRUCT : OP_FREE_PAGES;
}

/* After an operation on held[index]: its handle may be dead, or its block smaller. */
static bool add_use(struct generator *g, struct program *p, const struct op *op, uint32_t index)
{
	bool doubtful = g->held[index].doubtful;
	uint32_t before = pages_of(&p->handles[op->handle]);

	if (!program_add(p, op))
		return false;
	const struct op *added = &p->ops[p->nr_ops - 1];
	const struct handle_state *state = &p->handles[op->handle];

	if (state->refs == 0)
		let_go(g, index);
	if (state->refs == 0 && added->nr_results == 0)
		count_down(g, before);
	else if (state->refs > 0)
		count_down(g, before - pages_of(state));
	for (uint32_t i = 0; i < added->nr_results; i++)
		if (!hold(g, added->first_result + i, doubtful))
			return false;
	return true;
}

/* A flag that was set on a block is taken away again, two times of three, before the block goes. */
static bool add_clearing(struct generator *g, struct program *p, uint32_t handle)
{
	struct op clear = g->flagged;

	if (clear.code != OP_SET_PAGE_FLAG || clear.handle != handle || g->ops_left < 2)
		return true;
	g->flagged.code = OP_NOP;
	clear.value &= ~1u;
	return !random_percent(&g->random, 66) || program_add(p, &clear);
}

static bool add_free(struct generator *g, struct program *p)
{
	struct op op = { 0 };
	uint32_t index = draw_held(g);

	if (!add_clearing(g, p, g->held[index].handle))
		return false;
	draw_context(&op, &g->swarm, &g->random);
	if (op.level == LEVEL_NMI)
		op.level = LEVEL_TASK;
	op.handle = g->held[index].handle;
	op.code = draw_free(&g->swarm, &g->random, &p->handles[op.handle]);
	return add_use(g, p, &op, index);
}

static uint32_t draw_sysctl_value(struct random *r, uint32_t name, uint32_t usable)
{
	switch (name) {
	case SYSCTL_MIN_FREE_KBYTES:
		return random_percent(r, 30) ? 0 : random_below(r, usable / 4 + 1);
	case SYSCTL_WATERMARK_SCALE_FACTOR:
		return random_between(r, 1, random_percent(r, 80) ? 100 : 3000);
	case SYSCTL_WATERMARK_BOOST_FACTOR:
		return random_percent(r, 40) ? 0 : random_below(r, 40001);
	case SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION:
		return random_percent(r, 40) ? 0 : random_between(r, 8, 256);
	default:
		return random_percent(r, 40)
			       ? 0
			       : random_between(r, random_percent(r, 90) ? 32 : 1, 512);
	}
}

/* Few pages mostly; as many as there may be, one time in eight. */
static uint32_t draw_count(struct random *r)
{
	return random_percent(r, 12) ? random_between(r, 1, PROGRAM_MAX_COUNT)
				     : random_between(r, 1, 6);
}

/* All that there is, without waiting, or without I/O; one time in three anything. */
static uint32_t draw_allowed_mask(struct random *r)
{
	uint32_t pick = random_below(r, 6);

	if (pick < 2)
		return UINT32_MAX;
	if (pick == 2)
		return ~(uint32_t)GFP_KERNEL;
	return pick == 3 ? ~0xc0u : UINT32_MAX ^ 1u << random_below(r, 24);
}

/* Entries of an array that hold a page already: a quarter of them. */
static uint32_t draw_filled(struct random *r)
{
	uint64_t bits = random_next(r);

	return (uint32_t)bits & (uint32_t)(bits >> 32);
}

static uint32_t draw_fragment_size(struct random *r)
{
	uint32_t pick = random_below(r, 100);

	if (pick == 0)
		return random_percent(r, 50) ? 0 : PROGRAM_MAX_FRAGMENT + 1;
	if (pick < 60)
		return fragment_sizes[random_below(r, NR_FRAGMENT_SIZES)];
	return random_between(r, 1, pick < 85 ? 4096 : PROGRAM_MAX_FRAGMENT);
}

static uint32_t draw_value(const struct op *op, struct random *r, const struct machine *m)
{
	switch (op->code) {
	case OP_ADVANCE:
		return random_below(r, 1000);
	case OP_TAKE_FRAME:
		return random_below(r, (uint32_t)m->max_pfn);
	case OP_ISOLATE:
	case OP_UNISOLATE:
		return random_below(r, (uint32_t)(m->max_pfn >> m->top_order) + 1);
	case OP_ALLOC_PAGES_BULK:
		return random_percent(r, 60) ? 0 : draw_filled(r);
	case OP_PAGE_FRAG_ALLOC:
		return draw_fragment_size(r);
	case OP_SET_PAGE_FLAG:
		return 2 * random_below(r, PROGRAM_PAGE_FLAGS) + random_percent(r, 85);
	default:
		return random_below(r, 256);
	}
}

/* Arguments of an operation that is not an allocation, as its row asks for them. */
static void draw_arguments(struct op *op, struct random *r, const struct machine *m,
			   uint32_t usable)
{
	unsigned int arguments = op_info[op->code].arguments;

	if (arguments & ARG_PAGE)
		op->page = random_percent(r, 50) ? 0 : random_below(r, 32);
	if (arguments & ARG_ORDER)
		op->order = (uint8_t)random_below(r, m->top_order + 1);
	if (arguments & ARG_NODE)
		op->node = (int16_t)random_below(r, m->nr_nodes);
	if (arguments & ARG_COUNT)
		op->count = draw_count(r);
	if (arguments & ARG_MODE)
		op->name = (uint8_t)random_below(r, POLICY_COUNT);
	if (arguments & ARG_NODEMASK)
		op->nodemask = random_below(r, 1u << m->nr_nodes);
	if (op->code == OP_SET_GFP_ALLOWED_MASK)
		op->gfp = draw_allowed_mask(r);
	if (arguments & ARG_NAME)
		op->name = (uint8_t)random_below(r, SYSCTL_COUNT);
	if (arguments & ARG_NAME)
		op->value = random_below(r, 50) ? draw_sysctl_value(r, op->name, usable)
						: (uint32_t)random_next(r);
	else if (arguments & ARG_VALUE)
		op->value = draw_value(op, r, m);
}

/* A block that can be split, or has more than one page, is looked for among a few. */
static uint32_t draw_block(struct generator *g, const struct program *p)
{
	uint32_t index = draw_held(g);

	for (int attempt = 0; attempt < 6; attempt++) {
		const struct handle_state *state = &p->handles[g->held[index].handle];

		if (state->order > 0 && state->order <= 5 && !state->compound && state->refs == 1)
			break;
		index = draw_held(g);
	}
	return index;
}

/* A compound block that a huge page may be made of. */
static uint32_t draw_compound(struct generator *g, const struct program *p)
{
	uint32_t index = draw_held(g);

	for (int attempt = 0; attempt < 12; attempt++) {
		const struct handle_state *state = &p->handles[g->held[index].handle];

		if (state->order >= 2 && state->compound)
			break;
		index = draw_held(g);
	}
	return index;
}

static bool wants_block(uint8_t code)
{
	return code == OP_SPLIT_PAGE || code == OP_FREE_WRONG_ORDER || code == OP_FREE_TAIL;
}

static uint8_t draw_other(const struct swarm *s, struct random *r)
{
	uint32_t pick = random_below(r, s->other_total), i = 0;

	while (pick >= s->other_weight[i])
		pick -= s->other_weight[i++];
	return others[i].code;
}

/* Several single pages at once, as many as asked for mostly. */
static bool add_many(struct generator *g, struct program *p, struct op *op)
{
	struct random *r = &g->random;

	op->gfp = draw_gfp(&g->swarm, r, op->level);
	op->node = NODE_NONE;
	op->nodemask = 0;
	if (op->code != OP_ALLOC_PAGES_EXACT)
		draw_placement(op, &g->swarm, r, &p->machine);
	op_fold(op, &p->machine);
	bool doubtful = may_fail(g, op) || g->pages + op->count > g->level;

	if (!program_add(p, op))
		return false;
	const struct op *added = &p->ops[p->nr_ops - 1];

	for (uint32_t i = 0; i < added->nr_results; i++) {
		if (p->handles[added->first_result + i].refs == 0)
			continue;
		g->pages++;
		g->unmovable += !is_movable(op->gfp);
		if (!hold(g, added->first_result + i, doubtful))
			return false;
	}
	return true;
}

/*
 * A fragment may bring a block of eight pages with it. What it is a piece of is not counted: caches
 * keep few blocks, and so do MAX_FRAGMENTS.
 */
static bool add_fragment(struct generator *g, struct program *p, struct op *op)
{
	struct random *r = &g->random;
	uint32_t limit = g->usable - g->usable / 10;
	bool large = op->value > PROGRAM_MAX_FRAGMENT / FRAGMENT_BLOCK;
	uint32_t room = large ? 6 * FRAGMENT_BLOCK : FRAGMENT_BLOCK;

	op->gfp = draw_gfp(&g->swarm, r, op->level);
	if (random_percent(r, 5))
		op->fail_nth = random_between(r, 1, 2);
	bool doubtful = g->pages + room > limit || may_fail(g, op) || (large && op->fail_nth);

	if (!program_add(p, op))
		return false;
	if (p->handles[p->nr_handles - 1].refs > 0 && g->nr_fragments < MAX_FRAGMENTS &&
	    !will_fail(op, &p->machine))
		g->fragments[g->nr_fragments++] =
			(struct held){ .handle = p->nr_handles - 1, .doubtful = doubtful };
	return true;
}

/* A fragment that is surely there, if one is found; doubtful ones are let go of without a use. */
static bool add_fragment_free(struct generator *g, struct program *p, struct op *op)
{
	struct held pick = { .doubtful = true };

	if (op->level == LEVEL_NMI)
		op->level = LEVEL_TASK;
	while (g->nr_fragments > 0 && pick.doubtful) {
		uint32_t index = random_below(&g->random, g->nr_fragments);

		pick = g->fragments[index];
		g->fragments[index] = g->fragments[--g->nr_fragments];
		if (pick.doubtful && random_percent(&g->random, 25))
			break;
	}
	op->handle = pick.handle;
	return g->nr_fragments == 0 && pick.doubtful ? true : program_add(p, op);
}

/* A frame that was taken off may have been in use: its handle is doubtful. */
static bool add_taken(struct generator *g, struct program *p, const struct op *op)
{
	if (!program_add(p, op))
		return false;
	return p->handles[p->nr_handles - 1].refs == 0 || hold(g, p->nr_handles - 1, true);
}

/* Where in held[] a handle that the operation is made for stands. */
static uint32_t draw_fitting(struct generator *g, const struct program *p, uint8_t code)
{
	if (code == OP_PREP_TRANSHUGE)
		return draw_compound(g, p);
	return wants_block(code) ? draw_block(g, p) : draw_held(g);
}

static bool add_other_use(struct generator *g, struct program *p, struct op *op)
{
	uint32_t index = draw_fitting(g, p, op->code);

	op->handle = g->held[index].handle;
	if (op->code == OP_FREE_WRONG_ORDER && p->handles[op->handle].order)
		op->order = (uint8_t)(op->order % p->handles[op->handle].order);
	if (op->code == OP_SET_PAGE_FLAG && op->value & 1)
		g->flagged = *op;
	return add_use(g, p, op, index);
}

static bool has_handle_for(const struct generator *g, unsigned int arguments)
{
	if (arguments & ARG_HANDLE)
		return g->nr_held > 0;
	if (arguments & ARG_FRAGMENT)
		return g->nr_fragments > 0;
	return !(arguments & ARG_DEAD_HANDLE) || g->has_dead;
}

/* Nothing is added where the operation drawn has no handle to be about. */
static bool add_other(struct generator *g, struct program *p)
{
	struct op op = { .code = draw_other(&g->swarm, &g->random) };
	unsigned int arguments = op_info[op.code].arguments;

	if (!has_handle_for(g, arguments))
		return true;
	draw_context(&op, &g->swarm, &g->random);
	draw_arguments(&op, &g->random, &p->machine, g->usable);
	op.handle = arguments & ARG_DEAD_HANDLE ? g->newest_dead : 0;
	switch (op_info[op.code].yields) {
	case YIELDS_MANY:
		return add_many(g, p, &op);
	case YIELDS_BLOCK:
		return add_taken(g, p, &op);
	case YIELDS_FRAGMENT:
		return add_fragment(g, p, &op);
	default:
		break;
	}
	if (arguments & ARG_FRAGMENT)
		return add_fragment_free(g, p, &op);
	return arguments & ARG_HANDLE ? add_other_use(g, p, &op) : program_add(p, &op);
}

static bool add_op(struct generator *g, struct program *p)
{
	bool pressing = g->swarm.pressing;
	uint32_t allocate = g->pages >= g->level ? (pressing ? 42 : 22) : (pressing ? 88 : 70);

	if (random_percent(&g->random, g->swarm.other_percent))
		return add_other(g, p);
	if (g->nr_held == 0 || random_percent(&g->random, allocate))
		return add_allocation(g, p);
	return add_free(g, p);
}

/* ---- The face ---- */

struct generator *generator_create(const struct generator_options *options)
{
	struct generator *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->options = *options;
	g->options.machine = NULL;
	g->has_machine = options->machine != NULL;
	if (g->has_machine)
		g->machine = *options->machine;
	g->swarm.allowed = allowed_ops(options);
	return g;
}

void generator_destroy(struct generator *g)
{
	if (!g)
		return;
	free(g->held);
	free(g);
}

/*
 * A machine is kept for a while: booting one costs as much as many programs on it, and what is
 * found depends on the programs more than on the shape.
 */
static void draw_machine(struct generator *g)
{
	if (g->has_machine || g->index % PROGRAMS_PER_MACHINE != 0)
		return;
	struct random r = random_stream(g->options.seed, UINT64_MAX - g->index);

	machine_random(&g->machine, &r);
}

static void begin(struct generator *g, struct program *p)
{
	g->random = random_stream(g->options.seed, g->index);
	p->nr_ops = p->nr_handles = 0;
	free(p->observed);
	p->observed = NULL;
	draw_machine(g);
	p->machine = g->machine;
	g->nr_held = g->pages = g->unmovable = 0;
	g->has_dead = false;
	g->nr_fragments = 0;
	g->flagged = (struct op){ 0 };
	draw_swarm(&g->swarm, &g->random, &p->machine);
	measure_machine(g, &p->machine);
	g->ops_left = g->options.nr_ops;
	if (g->ops_left == 0)
		g->ops_left = 1 + random_below(&g->random, 128) + random_below(&g->random, 129);
	g->index++;
}

bool generator_next(struct generator *g, struct program *p)
{
	begin(g, p);
	while (g->ops_left > 0) {
		uint32_t before = p->nr_ops;

		if (!add_op(g, p))
			return false;
		g->ops_left -= p->nr_ops - before;
	}
	return true;
}

/* ---- For the mutator: one operation of the default mix ---- */

static void default_swarm(struct swarm *s, const struct machine *m)
{
	*s = (struct swarm){
		.other_percent = 25,
		.interrupt_percent = 10,
		.scope_percent = 5,
		.node_percent = 15,
		.policy_percent = 10,
	};
	s->modifier_percent = 20;
	s->cpus = m->nr_cpus;
	s->greatest_order = m->top_order;
	s->allowed = UINT64_MAX;
	for (uint32_t i = 0; i < NR_MASKS; i++)
		s->mask_total += s->mask_weight[i] = masks[i].weight;
	for (uint32_t i = 0; i < NR_OTHERS; i++)
		s->other_total += s->other_weight[i] = others[i].weight;
}

struct op generate_one(const struct program *p, struct random *r)
{
	const struct machine *m = &p->machine;
	struct swarm swarm;
	struct op op = { 0 };
	uint32_t pick = random_below(r, 100);

	default_swarm(&swarm, m);
	if (pick < 45) {
		uint32_t order = draw_small_order(r, m->top_order);

		return draw_allocation(&swarm, r, m, order);
	}
	draw_context(&op, &swarm, r);
	if (pick < 75) {
		struct handle_state single = { .refs = 1 };

		op.code = draw_free(&swarm, r, &single);
	} else {
		op.code = draw_other(&swarm, r);
		draw_arguments(&op, r, m, (uint32_t)m->max_pfn);
		if (op_info[op.code].yields == YIELDS_MANY ||
		    op_info[op.code].yields == YIELDS_FRAGMENT)
			op.gfp = draw_gfp(&swarm, r, op.level);
	}
	op.handle = p->nr_handles ? random_below(r, p->nr_handles) : 0;
	return op;
}
