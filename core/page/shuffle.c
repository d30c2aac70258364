/*
 * Free lists in random order, for machines that ask for it (READINGS, "Switches").
 *
 *   boot   each free block of the top order changes places with another one of its zone
 *   later  a freed block that reaches the top order goes to either end of its list by a random bit
 *
 *   generator  --64 bits-->  pool  --lowest bit first-->  head or tail
 *              --number--->  where to look for a block to change places with
 *
 * One generator a machine, whose first state is the machine's seed: the same program is shuffled in the
 * same way every time. Below the top order nothing is left to chance.
 *
 * Locking: the pool under zone->lock, which is enough as long as one thread runs a machine; boot has the
 * machine to itself.
 */
#include "page/page_internal.h"

enum { SHUFFLE_TRIES = 10, POOL_BITS = 64 };

/* splitmix64: an odd step, and a mixer that is one-to-one, so that no number comes twice in 2^64. */
static uint64_t draw(struct mm_random *random)
{
	uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

bool shuffle_pick_tail(struct mm_machine *m)
{
	struct mm_random *random = &m->random;

	if (random->bits == 0) {
		random->pool = draw(random);
		random->bits = POOL_BITS;
	}
	bool tail = random->pool & 1;

	random->pool >>= 1;
	random->bits--;
	return tail;
}

static bool heads_top_block(const struct zone *zone, pfn_t pfn)
{
	const struct page *page = &zone->machine->memmap[pfn];

	return PageBuddy(page) && buddy_order(page) == zone->machine->top_order &&
	       page_zone_id(page) == zone->id;
}

/*
 * Another free block of the top order, by chance; pfn itself if none was met in so many tries. A zone
 * that does not begin at such a block's border has none to be met: places are counted from its start.
 */
static pfn_t partner_of(struct zone *zone, pfn_t pfn)
{
	struct mm_machine *m = zone->machine;

	for (int i = 0; i < SHUFFLE_TRIES; i++) {
		pfn_t offset = draw(&m->random) % zone->spanned_pages;
		pfn_t other = zone->zone_start_pfn + (offset >> m->top_order << m->top_order);

		if (other != pfn && heads_top_block(zone, other))
			return other;
	}
	return pfn;
}

static void swap_places(struct list_head *a, struct list_head *b)
{
	struct list_head *before = a->prev;

	list_del(a);
	if (before == b) {
		list_add_tail(a, b);
		return;
	}
	list_add(a, b);
	list_del(b);
	list_add(b, before);
}

static void shuffle_zone(struct zone *zone)
{
	struct mm_machine *m = zone->machine;
	pfn_t step = UINT64_C(1) << m->top_order;

	for (pfn_t pfn = (zone->zone_start_pfn + step - 1) & ~(step - 1); pfn < zone_end_pfn(zone);
	     pfn += step) {
		if (!heads_top_block(zone, pfn))
			continue;
		pfn_t other = partner_of(zone, pfn);

		if (other != pfn && pageblock_type(m, other) == pageblock_type(m, pfn))
			swap_places(&m->memmap[pfn].lru, &m->memmap[other].lru);
	}
}

void shuffle_free_memory(struct mm_machine *m)
{
	if (!m->config.shuffle)
		return;
	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
			if (populated_zone(mm_zone(m, node, type)))
				shuffle_zone(mm_zone(m, node, type));
}
