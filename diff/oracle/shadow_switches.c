/*
 * What a machine may have switched on (facts 6, 18; readings "Switches"): shuffled free lists,
 * guards, and contents of free pages.
 *
 *   shuffle   seed -> generator -> boot: places of blocks of the top order
 *                               -> pool of 64 bits -> head or tail of a block that is freed
 *   guards    order 2 [....] cut for order 0 -> [0] 1 2.  with guard_order=2: 1, 2 are on no list
 *   contents  a free frame holds what its last free left there, unless somebody wrote to it since
 *
 * Invariants:
 *   W1  contents of a frame that is not free are CONTENTS_RIGHT: a free that prepares its pages has
 *       nothing more to do;
 *   W2  with neither page_poison nor init_on_free all contents are CONTENTS_RIGHT.
 *
 * Not here: who looks for bad pages (shadow_free.c); what a caller reads (the judge's business).
 */
#include "oracle/shadow.h"

enum { SHUFFLE_TRIES = 10, POOL_BITS = 64, POISON = 0xaa };

void shadow_switches_init(struct shadow *s)
{
	s->state->shuffle = (struct shuffle){ .generator = s->machine.shuffle };
	for (uint32_t cpu = 0; cpu < MACHINE_MAX_CPUS; cpu++)
		s->state->frag_caches[cpu] = (struct frag_cache){ .pfn = NO_PFN };
}

/* ---- Shuffling ---- */

static uint64_t draw(struct shadow *s)
{
	uint64_t z = s->state->shuffle.generator += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

bool shadow_shuffle_to_tail(struct shadow *s)
{
	struct shuffle *shuffle = &s->state->shuffle;
	bool tail;

	if (shuffle->bits == 0) {
		shuffle->pool = draw(s);
		shuffle->bits = POOL_BITS;
	}
	tail = shuffle->pool & 1;
	shuffle->pool >>= 1;
	shuffle->bits--;
	return tail;
}

static void insert_after(struct shadow *s, struct list *list, uint32_t pfn, uint32_t before)
{
	uint32_t next = before == NIL ? list->head : s->frames[before].next;

	if (before == NIL) {
		shadow_list_add_head(s, list, pfn);
	} else if (next == NIL) {
		shadow_list_add_tail(s, list, pfn);
	} else {
		s->frames[pfn].prev = before;
		s->frames[pfn].next = next;
		s->frames[before].next = s->frames[next].prev = pfn;
		list->n++;
	}
}

/* Two blocks of one list change places, neighbours too. */
static void swap_places(struct shadow *s, struct list *list, uint32_t a, uint32_t b)
{
	uint32_t before = s->frames[a].prev;

	shadow_list_del(s, list, a);
	insert_after(s, list, a, b);
	shadow_list_del(s, list, b);
	insert_after(s, list, b, before == b ? a : before);
}

/* A block of the top order to change places with, by chance; NIL: none in so many tries. */
static uint32_t find_partner(struct shadow *s, const struct zone *z, uint64_t block)
{
	uint64_t size = UINT64_C(1) << s->top_order;

	for (unsigned int i = 0; i < SHUFFLE_TRIES; i++) {
		uint64_t pfn = z->start + draw(s) % z->spanned / size * size;

		if (pfn != block &&
		    shadow_is_free_block(s, pfn, s->top_order, (uint8_t)number_of(s, z)))
			return (uint32_t)pfn;
	}
	return NIL;
}

static void shuffle_zone(struct shadow *s, struct zone *z)
{
	uint64_t size = UINT64_C(1) << s->top_order;

	for (uint64_t pfn = (z->start + size - 1) / size * size; pfn < z->start + z->spanned;
	     pfn += size) {
		uint32_t other;

		if (!shadow_is_free_block(s, pfn, s->top_order, (uint8_t)number_of(s, z)))
			continue;
		other = find_partner(s, z, pfn);
		if (other != NIL &&
		    shadow_pageblock_type(s, pfn) == shadow_pageblock_type(s, other))
			swap_places(s, &z->lists[s->top_order][s->frames[pfn].type], (uint32_t)pfn,
				    other);
	}
}

void shadow_shuffle_zones(struct shadow *s)
{
	for (uint32_t i = 0; s->machine.shuffle && i < s->nr_zones; i++)
		if (s->zones[i].present)
			shuffle_zone(s, &s->zones[i]);
}

/* ---- Guards ---- */

bool shadow_guard_make(struct shadow *s, uint32_t pfn, unsigned int order, unsigned int type)
{
	struct frame *f = &s->frames[pfn];

	if (!s->machine.debug_pagealloc || order >= s->machine.guard_order)
		return false;
	assert(f->kind == FRAME_PLAIN && pfn % (1u << order) == 0);
	f->kind = FRAME_GUARD;
	f->order = (uint8_t)order;
	f->refs = 0;
	s->state->nr_guards++;
	if (type != MT_ISOLATE)
		shadow_count_free(s, zone_of(s, pfn), -(INT64_C(1) << order));
	return true;
}

void shadow_guard_join(struct shadow *s, uint32_t pfn, unsigned int type)
{
	struct frame *f = &s->frames[pfn];

	assert(f->kind == FRAME_GUARD);
	f->kind = FRAME_PLAIN;
	s->state->nr_guards--;
	if (type != MT_ISOLATE)
		shadow_count_free(s, zone_of(s, pfn), INT64_C(1) << f->order);
}

/* ---- Contents ---- */

static bool contents_count(const struct shadow *s)
{
	return s->machine.page_poison || s->machine.init_on_free;
}

static void set_contents(struct shadow *s, uint32_t pfn, uint16_t contents)
{
	s->state->nr_dirty +=
		(contents != CONTENTS_RIGHT) - (s->frames[pfn].contents != CONTENTS_RIGHT);
	s->frames[pfn].contents = contents;
}

void shadow_contents_forget(struct shadow *s, uint32_t pfn)
{
	set_contents(s, pfn, CONTENTS_RIGHT);
}

/* Whoever held it wrote to it. */
void shadow_contents_keep(struct shadow *s, uint32_t pfn)
{
	if (contents_count(s))
		set_contents(s, pfn, CONTENTS_OF_HOLDER);
}

static bool is_one_bit(unsigned int byte)
{
	return byte && !(byte & (byte - 1));
}

void shadow_contents_check(struct shadow *s, uint32_t pfn, unsigned int order)
{
	s->checked |= s->machine.page_poison != 0;
	for (uint32_t n = 0; s->state->nr_dirty > 0 && n < 1u << order; n++) {
		uint16_t contents = s->frames[pfn + n].contents;

		if (contents == CONTENTS_RIGHT)
			continue;
		shadow_contents_forget(s, pfn + n);
		if (!s->machine.page_poison)
			continue;
		s->result->warnings |= LB_WARN_POISON;
		if (contents != CONTENTS_OF_HOLDER && is_one_bit((contents - 1u) ^ POISON))
			s->result->warnings |= LB_WARN_BIT_FLIP;
	}
}

void shadow_write_freed(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	uint32_t pfn = (uint32_t)call->pfn + call->page;
	uint8_t byte = (uint8_t)call->value, right = s->machine.page_poison ? POISON : 0;

	r->outcome = LB_REFUSED;
	r->reason = LB_NOT_FRAME;
	if (s->machine.debug_pagealloc)
		return;
	r->reason = LB_BUSY;
	if (!shadow_is_free_frame(s, pfn))
		return;
	r->outcome = LB_DONE;
	r->reason = LB_REASON_NONE;
	if (!contents_count(s) || s->frames[pfn].contents == CONTENTS_OF_HOLDER)
		return;
	set_contents(s, pfn, byte == right ? CONTENTS_RIGHT : (uint16_t)(byte + 1));
}
