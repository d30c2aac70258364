/*
 * Page lists of each CPU in each zone (facts 8).
 *
 *   list = order * 3 + type for orders 0 .. 3
 *   list = 12 not movable, 13 movable, for pageblock order with THP
 *   5.10: list = type, order 0 alone
 *
 *          refill: batch pages, each to the tail      free: to the head
 *   take  <- head [ a | b | c | d ] tail -> trim and drain, oldest first
 *
 * Invariant: count is the sum of 2^order over the blocks on all lists.
 */
#include "oracle/shadow.h"

enum { FRACTION_BATCH_MOST = 96 };

bool shadow_pcp_has_order(const struct shadow *s, unsigned int order)
{
	if (is_5_10(s))
		return order == 0;
	return order <= COSTLY_ORDER || (s->machine.thp && order == s->pageblock_order);
}

static unsigned int list_index(unsigned int order, unsigned int type)
{
	if (order > COSTLY_ORDER)
		return PCP_LOW_LISTS + (type == MT_MOVABLE);
	return order * NR_PCP_TYPES + type;
}

static unsigned int list_order(const struct shadow *s, unsigned int index)
{
	return index < PCP_LOW_LISTS ? index / NR_PCP_TYPES : s->pageblock_order;
}

/* ---- Taking ---- */

static int64_t blocks_to_refill(const struct shadow *s, const struct page_lists *p,
				unsigned int order)
{
	if (is_5_10(s) || p->batch == 1)
		return p->batch;
	return p->batch >> order > 2 ? p->batch >> order : 2;
}

/* Bad blocks count as tried, and leave the zone's free pages with the others, but are lost. */
static void refill(struct shadow *s, struct zone *z, struct page_lists *p, struct list *list,
		   unsigned int order, unsigned int type, unsigned int alloc_flags)
{
	int64_t n = blocks_to_refill(s, p, order), i;
	bool stolen = false;
	uint8_t taken_type = (uint8_t)type;

	for (i = 0; i < n; i++) {
		uint32_t pfn = shadow_buddy_take(s, z, order, type, alloc_flags);

		if (pfn == NIL)
			break;
		if (shadow_looks_at_buddy_end(s) && shadow_new_block_is_lost(s, pfn, order))
			continue;
		if (list->n == 0) { /* the one that is handed out */
			stolen = s->trail.stolen;
			taken_type = s->trail.taken_type;
		}
		s->frames[pfn].kind = FRAME_PCP;
		shadow_list_add_tail(s, list, pfn);
		p->count += 1 << order;
	}
	shadow_count_free(s, z, -(i << order));
	s->trail.stolen = stolen;
	s->trail.taken_type = taken_type;
}

uint32_t shadow_pcp_take(struct shadow *s, struct zone *z, unsigned int cpu, unsigned int order,
			 unsigned int type, unsigned int alloc_flags)
{
	page_lists_of(s, z, cpu)->free_factor >>= 1;
	return shadow_pcp_take_next(s, z, cpu, order, type, alloc_flags);
}

uint32_t shadow_pcp_take_next(struct shadow *s, struct zone *z, unsigned int cpu,
			      unsigned int order, unsigned int type, unsigned int alloc_flags)
{
	struct page_lists *p = page_lists_of(s, z, cpu);
	struct list *list = &p->lists[list_index(order, type)];

	assert(shadow_pcp_has_order(s, order) && type < NR_PCP_TYPES);
	s->trail.stolen = false;
	s->trail.taken_type = (uint8_t)type;
	for (;;) {
		if (list->n == 0)
			refill(s, z, p, list, order, type, alloc_flags);
		if (list->n == 0)
			return NIL;

		uint32_t pfn = list->head;

		shadow_list_del(s, list, pfn);
		p->count -= 1 << order;
		s->frames[pfn].kind = FRAME_PLAIN;
		if (!shadow_looks_at_user_end(s) || !shadow_new_block_is_lost(s, pfn, order))
			return pfn;
	}
}

/* ---- Giving back ---- */

/* The type that a page remembers; where a zone has isolated pageblocks, that of its pageblock. */
static unsigned int type_of_cached(const struct shadow *s, uint32_t pfn)
{
	return zone_of(s, pfn)->isolated ? shadow_pageblock_type(s, pfn) : s->frames[pfn].type;
}

/* The oldest block of a list goes to the buddy, or is lost if it is bad and somebody looks. */
static void free_oldest(struct shadow *s, struct page_lists *p, struct list *list,
			unsigned int order)
{
	uint32_t pfn = list->tail;
	struct frame *f = &s->frames[pfn];

	assert(f->kind == FRAME_PCP && f->order == order);
	shadow_list_del(s, list, pfn);
	p->count -= 1 << order;
	f->kind = FRAME_PLAIN;
	if (shadow_looks_at_buddy_end(s) && shadow_head_is_bad(s, pfn))
		shadow_lose(s, pfn, UINT64_C(1) << order, true);
	else
		shadow_buddy_free(s, pfn, order, type_of_cached(s, pfn), false);
}

/*
 * 6.1: at least n pages, from one list after the other, beginning with list first, within ends that
 * close in.
 */
static void free_list_by_list(struct shadow *s, struct page_lists *p, int64_t n, unsigned int first)
{
	int least = 0, most = (int)s->nr_lists - 1, index = (int)first - 1;

	while (n > 0) {
		for (;;) {
			if (++index > most)
				index = least;
			if (p->lists[index].n)
				break;
			if (index == most)
				most--;
			if (index == least)
				least++;
		}
		unsigned int order = list_order(s, (unsigned int)index);

		do {
			free_oldest(s, p, &p->lists[index], order);
			n -= 1 << order;
		} while (n > 0 && p->lists[index].n);
	}
}

/*
 * 5.10: n pages, from list 1 on, round and round. A list gives as many pages as lists were passed to
 * come to it, and what it could not give is left for the next one; who passed all of them gives the
 * rest.
 */
static void free_round_robin(struct shadow *s, struct page_lists *p, int64_t n)
{
	unsigned int index = 0;
	int64_t turn = 0;

	while (n > 0) {
		do {
			index = (index + 1) % NR_PCP_TYPES;
			turn++;
		} while (p->lists[index].n == 0);
		if (turn == NR_PCP_TYPES)
			turn = n;
		do {
			free_oldest(s, p, &p->lists[index], 0);
			n--;
			turn--;
		} while (n > 0 && turn > 0 && p->lists[index].n);
	}
}

static void free_bulk(struct shadow *s, struct page_lists *p, int64_t n, unsigned int first)
{
	if (n > p->count)
		n = p->count;
	if (is_5_10(s))
		free_round_robin(s, p, n);
	else
		free_list_by_list(s, p, n, first);
}

/* How many pages a free that filled the lists gives back. @high: 0 when all of them have to go. */
static int64_t pages_to_trim(const struct shadow *s, struct page_lists *p, int64_t high, bool all)
{
	int64_t n = p->batch << p->free_factor, most = high - p->batch;

	if (is_5_10(s))
		return p->batch;
	if (all)
		return p->count;
	if (high < p->batch)
		return 1;
	if (n < most && p->free_factor < FREE_FACTOR_CAP)
		p->free_factor++;
	n = n < p->batch ? p->batch : n;
	return n > most ? most : n;
}

void shadow_pcp_free(struct shadow *s, uint32_t pfn, unsigned int cpu, unsigned int order)
{
	struct page_lists *p = page_lists_of(s, zone_of(s, pfn), cpu);
	unsigned int type = shadow_pageblock_type(s, pfn);
	unsigned int index = list_index(order, type < NR_PCP_TYPES ? type : MT_MOVABLE);
	bool all = p->free_factor > 0 && order > 0 && order <= COSTLY_ORDER;
	int64_t high = all ? 0 : p->high;
	struct frame *f = &s->frames[pfn];

	assert(f->kind == FRAME_PLAIN);
	f->kind = FRAME_PCP;
	f->order = (uint8_t)order;
	f->type = (uint8_t)type;
	f->refs = 0;
	shadow_list_add_head(s, &p->lists[index], pfn);
	p->count += 1 << order;
	if (p->count >= high)
		free_bulk(s, p, pages_to_trim(s, p, high, all), index);
}

void shadow_pcp_drain(struct shadow *s, unsigned int cpu)
{
	for (uint32_t i = 0; i < s->nr_zones; i++) {
		struct page_lists *p = page_lists_of(s, &s->zones[i], cpu);

		while (p->count > 0) {
			int64_t chunk = p->batch << FREE_FACTOR_CAP;

			free_bulk(s, p, is_5_10(s) ? p->count : chunk, 0);
		}
	}
}

void shadow_pcp_shrink(struct shadow *s, struct zone *z, unsigned int cpu)
{
	struct page_lists *p = page_lists_of(s, z, cpu);

	free_bulk(s, p, p->batch, 0);
}

/* ---- Sizes ---- */

/* A little less than a power of two: 0, 1, 3, 7, ... */
static int64_t batchsize(const struct zone *z)
{
	int64_t b = (int64_t)(z->managed / 1024);
	int64_t power = 1;

	b = (b < 256 ? b : 256) / 4;
	b = b < 1 ? 1 : b;
	b += b / 2;
	while (power * 2 <= b)
		power *= 2;
	return power - 1;
}

static int64_t batch_of(const struct shadow *s, const struct zone *z)
{
	int64_t size = batchsize(z);

	if (s->machine.pcp_batch != MACHINE_BY_FORMULA)
		return s->machine.pcp_batch;
	return size > 1 ? size : 1;
}

static int64_t high_of(const struct shadow *s, const struct zone *z, int64_t batch)
{
	int64_t fraction = s->state->tunables[SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION];
	int64_t pages = fraction ? (int64_t)z->managed / fraction : z->mark[WMARK_LOW] + z->boost;
	uint32_t cpus = s->cpus_of_node[z->node];

	if (s->machine.pcp_high != MACHINE_BY_FORMULA)
		return (int64_t)s->machine.pcp_high;
	pages /= cpus ? cpus : s->nr_cpus;
	return (int64_t)(pages > 4 * (int64_t)batch ? pages : 4 * (int64_t)batch);
}

/* 5.10: six batches, or a fraction of the zone of which batch is a quarter; the marks do not count. */
static void sizes_of_5_10(const struct shadow *s, const struct zone *z, int64_t *high,
			  int64_t *batch)
{
	int64_t fraction = s->state->tunables[SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION];

	*high = fraction ? (int64_t)z->managed / fraction : 6 * batchsize(z);
	if (s->machine.pcp_high != MACHINE_BY_FORMULA)
		*high = s->machine.pcp_high;
	*batch = batch_of(s, z);
	if (!fraction || s->machine.pcp_batch != MACHINE_BY_FORMULA)
		return;
	*batch = *high / 4 < FRACTION_BATCH_MOST ? *high / 4 : FRACTION_BATCH_MOST;
	*batch = *batch > 1 ? *batch : 1;
}

static void sizes_of_6_1(const struct shadow *s, const struct zone *z, int64_t *high,
			 int64_t *batch)
{
	*batch = batch_of(s, z);
	*high = high_of(s, z, *batch);
}

void shadow_pcp_set_sizes(struct shadow *s)
{
	for (uint32_t i = 0; i < s->nr_zones; i++) {
		int64_t high, batch;

		if (is_5_10(s))
			sizes_of_5_10(s, &s->zones[i], &high, &batch);
		else
			sizes_of_6_1(s, &s->zones[i], &high, &batch);
		for (uint32_t cpu = 0; cpu < s->nr_cpus; cpu++) {
			struct page_lists *p = page_lists_of(s, &s->zones[i], cpu);

			p->high = high;
			p->batch = batch;
		}
	}
}
