/*
 * Structural mutation: programs change operation by operation, never byte by byte, and stay
 * programs.
 *
 * An edit works on a list of operations whose results have any disjoint numbers (those of the
 * program, and fresh ones above them for what is added); program_renumber() then settles who is
 * bound to what. A use whose handle is gone is pointed at another live handle near by, so that what
 * was built up before is not lost with it.
 */
#include <stdlib.h>

#include "program/internal.h"

enum {
	GROWTH_LIMIT = 4096, /* operations: beyond, edits only shrink or change */
	LONGEST_INSERT = 8,
	LONGEST_MOVE = 32,
};

/* The list that is being edited. */
struct edit {
	struct program *p;
	struct random *r;
	uint32_t bound; /* all numbers of results are below */
};

/* ---- Pieces ---- */

static uint32_t draw_position(struct edit *e)
{
	return e->p->nr_ops ? random_below(e->r, e->p->nr_ops) : 0;
}

static uint32_t draw_length(struct edit *e, uint32_t start, uint32_t longest)
{
	uint32_t room = e->p->nr_ops - start;

	return random_between(e->r, 1, room < longest ? room : longest);
}

/* Makes room for @count operations at @position. */
static struct op *open_gap(struct edit *e, uint32_t position, uint32_t count)
{
	struct program *p = e->p;

	if (p->nr_ops + count > GROWTH_LIMIT || !program_reserve(p, count, 0))
		return NULL;
	memmove(&p->ops[position + count], &p->ops[position],
		(p->nr_ops - position) * sizeof(*p->ops));
	p->nr_ops += count;
	return &p->ops[position];
}

/* Gives an added operation numbers of its own; it may bind as many as it can at most. */
static void give_numbers(struct edit *e, struct op *op)
{
	op->first_result = e->bound;
	op->nr_results = op_info[op->code].yields == YIELDS_NOTHING ? 0 : 1;
	e->bound += op->nr_results;
}

static void delete_ops(struct edit *e)
{
	struct program *p = e->p;

	if (p->nr_ops == 0)
		return;
	uint32_t start = draw_position(e);
	uint32_t count = draw_length(e, start, random_percent(e->r, 70) ? 2 : LONGEST_MOVE);

	memmove(&p->ops[start], &p->ops[start + count],
		(p->nr_ops - start - count) * sizeof(*p->ops));
	p->nr_ops -= count;
}

static void insert_ops(struct edit *e)
{
	uint32_t position = draw_position(e);
	uint32_t count = random_between(e->r, 1, LONGEST_INSERT);
	struct op *gap = open_gap(e, position, count);

	for (uint32_t i = 0; gap && i < count; i++) {
		gap[i] = generate_one(e->p, e->r);
		give_numbers(e, &gap[i]);
	}
}

/* A copy of a run behind itself: its own handles are new, others stay the same. */
static void repeat_ops(struct edit *e)
{
	struct program *p = e->p;

	if (p->nr_ops == 0)
		return;
	uint32_t start = draw_position(e), count = draw_length(e, start, LONGEST_MOVE);
	struct op *copy = open_gap(e, start + count, count);

	if (!copy)
		return;
	memcpy(copy, &p->ops[start], count * sizeof(*copy));
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t k = 0; k < i; k++) {
			const struct op *origin = &p->ops[start + k];

			if (copy[i].handle - origin->first_result < origin->nr_results) {
				copy[i].handle += copy[k].first_result - origin->first_result;
				break;
			}
		}
		copy[i].first_result = e->bound;
		e->bound += copy[i].nr_results;
	}
}

static void swap_ops(struct edit *e)
{
	struct program *p = e->p;

	if (p->nr_ops < 2)
		return;
	uint32_t a = draw_position(e),
		 b = random_percent(e->r, 60) ? (a + 1) % p->nr_ops : draw_position(e);
	struct op keep = p->ops[a];

	p->ops[a] = p->ops[b];
	p->ops[b] = keep;
}

/* ---- Arguments ---- */

static uint32_t draw_near(struct random *r, uint32_t value)
{
	uint32_t pick = random_below(r, 6);

	if (pick < 2)
		return value + 1;
	if (pick < 4)
		return value - 1;
	return pick == 4 ? 1u << random_below(r, 32) : (uint32_t)random_next(r);
}

static void change_context(struct op *op, struct random *r, const struct machine *m)
{
	uint32_t pick = random_below(r, 10);

	if (pick < 5)
		op->cpu = (uint8_t)random_below(r, m->nr_cpus);
	else if (pick < 7)
		op->level = (uint8_t)random_below(r, LEVEL_COUNT);
	else if (pick < 9)
		op->scope ^= (uint8_t)(1u << random_below(r, 6));
	else
		op->fail_nth = op->fail_nth ? 0 : 1;
}

static void change_argument(struct edit *e, struct op *op)
{
	struct random *r = e->r;
	unsigned int bit = 1u << random_below(r, 12);

	switch (op_info[op->code].arguments & bit) {
	case ARG_HANDLE:
	case ARG_DEAD_HANDLE:
	case ARG_FRAGMENT:
		op->handle = e->bound ? random_below(r, e->bound) : 0;
		break;
	case ARG_PAGE:
		op->page = draw_near(r, op->page);
		break;
	case ARG_ORDER:
		op->order = (uint8_t)(random_percent(r, 60)
					      ? random_below(r, e->p->machine.top_order + 1)
					      : draw_near(r, op->order));
		break;
	case ARG_GFP:
		op->gfp = random_percent(r, 60) ? generate_one(e->p, r).gfp
						: op->gfp ^ 1u << random_below(r, 24);
		break;
	case ARG_NODE:
		op->node = (int16_t)(random_below(r, e->p->machine.nr_nodes + 1) - 1);
		break;
	case ARG_NODEMASK:
		op->nodemask = random_below(r, 1u << e->p->machine.nr_nodes);
		break;
	case ARG_NAME:
		op->name = (uint8_t)random_below(r, SYSCTL_COUNT);
		break;
	case ARG_VALUE:
		op->value = draw_near(r, op->value);
		break;
	case ARG_COUNT:
		op->count = random_between(r, 1, PROGRAM_MAX_COUNT);
		break;
	case ARG_MODE:
		op->name = (uint8_t)random_below(r, POLICY_COUNT);
		break;
	default:
		change_context(op, r, &e->p->machine);
	}
}

static void change_ops(struct edit *e)
{
	for (uint32_t n = e->p->nr_ops ? random_between(e->r, 1, 4) : 0; n > 0; n--)
		change_argument(e, &e->p->ops[draw_position(e)]);
}

/* Another operation with the same handle: free_pages for __free_pages, verify for fill. */
static void change_code(struct edit *e)
{
	if (e->p->nr_ops == 0)
		return;
	struct op *op = &e->p->ops[draw_position(e)];
	uint8_t code = (uint8_t)random_below(e->r, OP_COUNT);

	if (op_info[code].yields == op_info[op->code].yields)
		op->code = code;
}

/* ---- The machine ---- */

static void change_order(struct machine *m, struct random *r)
{
	if (random_percent(r, 50))
		m->top_order = random_between(r, MACHINE_LOWEST_ORDER, 8);
	else
		m->pageblock_order = random_between(r, MACHINE_LOWEST_ORDER, m->top_order);
}

static uint64_t move_border(uint64_t border, struct random *r)
{
	uint64_t moved = border + random_below(r, 33);

	return moved > 16 ? moved - 16 : 0;
}

static void change_range(struct machine *m, struct random *r)
{
	struct machine_range *range = &m->memory[random_below(r, m->nr_memory)];
	uint32_t pick = random_below(r, 3);

	if (pick == 0)
		range->start = move_border(range->start, r);
	else if (pick == 1)
		range->end = move_border(range->end, r);
	else
		range->node = random_below(r, WIRE_NODES);
}

/* One switch over; or the nodes that are absent. */
static void change_switch(struct machine *m, struct random *r)
{
	uint32_t *const flags[] = { &m->debug_pagealloc, &m->init_on_alloc, &m->init_on_free,
				    &m->page_poison, &m->deferred };
	uint32_t pick = random_below(r, 8);

	if (pick < 5)
		*flags[pick] ^= 1;
	else if (pick == 5)
		m->shuffle = m->shuffle ? 0 : random_between(r, 1, 1000);
	else if (pick == 6)
		m->absent_nodes = random_below(r, 1u << m->nr_nodes);
	else
		m->debug_pagealloc = 1;
	if (m->debug_pagealloc && random_percent(r, 50))
		m->guard_order = random_below(r, machine_highest_guard(m) + 1);
	if (m->deferred)
		m->section_pages = UINT64_C(1) << m->top_order;
}

static void change_machine(struct edit *e)
{
	struct machine *m = &e->p->machine, other;
	struct random *r = e->r;

	if (!machine_has_wire_form(m))
		return;
	switch (random_below(r, 9)) {
	case 0:
		machine_random(m, r);
		break;
	case 1:
		change_order(m, r);
		break;
	case 2:
		change_range(m, r);
		break;
	case 3:
		m->min_free_kbytes = (int64_t)random_below(r, 512) - 1;
		break;
	case 4:
		m->pcp_high = (int64_t)random_below(r, 32) - 1;
		m->pcp_batch = (int64_t)random_below(r, 9) - 1;
		break;
	case 5:
		m->dma_end = random_below(r, (uint32_t)m->max_pfn + 1);
		m->dma32_end = random_below(r, (uint32_t)m->max_pfn + 1);
		break;
	case 7:
		change_switch(m, r);
		break;
	case 6:
		machine_random(&other, r);
		memcpy(m->movable_start, other.movable_start, sizeof(m->movable_start));
		break;
	default:
		m->nr_cpus = random_between(r, 1, WIRE_CPUS);
		m->thp ^= 1;
		m->checks = random_below(r, 3);
	}
	machine_fold(m);
}

/* ---- The face ---- */

static void edit_once(struct edit *e)
{
	uint32_t pick = random_below(e->r, 100);

	if (pick < 25)
		insert_ops(e);
	else if (pick < 45)
		delete_ops(e);
	else if (pick < 70)
		change_ops(e);
	else if (pick < 80)
		swap_ops(e);
	else if (pick < 88)
		repeat_ops(e);
	else if (pick < 99)
		change_code(e);
	else /* seldom: a machine that nobody has seen has to boot */
		change_machine(e);
}

static void forget_observed(struct program *p)
{
	free(p->observed);
	p->observed = NULL;
}

void program_mutate(struct program *p, uint64_t seed)
{
	struct random r = random_stream(seed, p->nr_ops);
	struct edit e = { .p = p, .r = &r, .bound = p->nr_handles };

	forget_observed(p);
	for (uint32_t edits = random_between(&r, 1, 4); edits > 0; edits--)
		edit_once(&e);
	program_renumber(p, NULL, e.bound, &r);
}

/* The head of p, then the tail of other, or a piece of it in the middle; p's machine stays. */
void program_cross(struct program *p, const struct program *other, uint64_t seed)
{
	struct random r = random_stream(seed, ~(uint64_t)p->nr_ops);
	struct edit e = { .p = p, .r = &r, .bound = p->nr_handles };

	assert(p != other);
	forget_observed(p);
	if (other->nr_ops == 0)
		return;
	uint32_t start = random_below(&r, other->nr_ops), count = other->nr_ops - start;
	uint32_t position = p->nr_ops ? random_below(&r, p->nr_ops + 1) : 0;

	if (random_percent(&r, 50))
		count = random_between(&r, 1, count);
	else
		p->nr_ops = position;
	if (p->nr_ops + count > GROWTH_LIMIT)
		count = p->nr_ops < GROWTH_LIMIT ? GROWTH_LIMIT - p->nr_ops : 0;
	struct op *gap = count ? open_gap(&e, position, count) : NULL;

	for (uint32_t i = 0; gap && i < count; i++) {
		gap[i] = other->ops[start + i];
		gap[i].first_result += e.bound;
		gap[i].handle += e.bound;
	}
	program_renumber(p, NULL, e.bound + other->nr_handles, &r);
}
