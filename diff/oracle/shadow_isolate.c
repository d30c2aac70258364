/*
 * Pageblocks and single frames, taken from under the allocator (facts 12; readings "Isolation").
 *
 *   range        2^T frames, all of one zone
 *   isolate      its free blocks go to ISOLATE lists, where nobody takes them, and count as free no more
 *   unisolate    they come back as MOVABLE; a large one that may join its buddy now is freed anew
 *
 *   take frame 5   [........]  ->  halves 0..3, 6..7, 4 to the heads of their lists; 5 is held
 */
#include "oracle/shadow.h"

static void refuse(struct lb_result *r, enum lb_reason reason)
{
	r->outcome = LB_REFUSED;
	r->reason = (uint8_t)reason;
}

/* ---- Ranges ---- */

struct range {
	uint32_t start, end;
};

static struct range range_of(const struct shadow *s, uint32_t value)
{
	uint64_t size = UINT64_C(1) << s->top_order, nr = (s->max_pfn + size - 1) / size;
	uint64_t start = value % nr * size;

	return (struct range){ .start = (uint32_t)start, .end = (uint32_t)(start + size) };
}

static bool is_one_piece(const struct shadow *s, struct range range)
{
	if (range.end > s->max_pfn)
		return false;
	for (uint32_t pfn = range.start; pfn < range.end; pfn++)
		if (s->frames[pfn].kind == FRAME_ABSENT || shadow_is_behind_deferred(s, pfn) ||
		    s->frames[pfn].zone != s->frames[range.start].zone)
			return false;
	return true;
}

static bool any_isolated(const struct shadow *s, struct range range)
{
	for (uint32_t pfn = range.start; pfn < range.end; pfn += 1u << s->pageblock_order)
		if (shadow_pageblock_type(s, pfn) == MT_ISOLATE)
			return true;
	return false;
}

static bool heads_free_pages(const struct frame *f)
{
	return f->kind == FRAME_FREE || f->kind == FRAME_PCP || f->kind == FRAME_GUARD;
}

/* A frame that cannot be moved out of the way. What is held in Movable can, or will be later. */
static bool any_in_use(const struct shadow *s, struct range range)
{
	bool movable = zone_of(s, range.start)->index == ZONE_MOVABLE;

	for (uint32_t pfn = range.start; pfn < range.end;) {
		const struct frame *f = &s->frames[pfn];
		bool held = f->kind == FRAME_PLAIN && !movable;

		if (f->kind == FRAME_RESERVED || (f->mark & MARK_RESERVED) || held)
			return true;
		pfn += heads_free_pages(f) ? 1u << f->order : 1;
	}
	return false;
}

void shadow_isolate(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	struct range range = range_of(s, call->value);
	struct zone *z;

	if (!is_one_piece(s, range)) {
		refuse(r, LB_BAD_RANGE);
		return;
	}
	if (any_isolated(s, range) || any_in_use(s, range)) {
		refuse(r, LB_BUSY);
		return;
	}
	r->outcome = LB_DONE;
	z = zone_of(s, range.start);
	for (uint32_t pfn = range.start; pfn < range.end; pfn += 1u << s->pageblock_order) {
		shadow_pageblock_set_type(s, pfn, MT_ISOLATE);
		z->isolated++;
		shadow_count_free(s, z, -shadow_move_free_pages(s, z, pfn, MT_ISOLATE));
	}
}

/* A free block that begins here, of a pageblock or more, and could be larger by now. */
static bool is_to_be_joined(const struct shadow *s, uint32_t pfn)
{
	const struct frame *f = &s->frames[pfn];
	uint64_t buddy = pfn ^ UINT64_C(1) << f->order;

	if (f->kind != FRAME_FREE || f->order < s->pageblock_order || f->order >= s->top_order)
		return false;
	if (buddy >= s->max_pfn || s->frames[buddy].kind == FRAME_ABSENT ||
	    shadow_pageblock_type(s, buddy) == MT_ISOLATE)
		return false;
	return is_5_10(s) || shadow_is_buddy(s, buddy, f->order, f->zone);
}

static void unisolate_pageblock(struct shadow *s, struct zone *z, uint32_t pfn)
{
	unsigned int order = s->frames[pfn].order;

	if (is_to_be_joined(s, pfn)) {
		shadow_free_list_take(s, pfn);
		shadow_pageblock_set_type(s, pfn, MT_MOVABLE);
		shadow_buddy_free(s, pfn, order, MT_MOVABLE, true);
	} else {
		shadow_count_free(s, z, shadow_move_free_pages(s, z, pfn, MT_MOVABLE));
		shadow_pageblock_set_type(s, pfn, MT_MOVABLE);
	}
	z->isolated--;
}

void shadow_unisolate(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	struct range range = range_of(s, call->value);

	if (!is_one_piece(s, range)) {
		refuse(r, LB_BAD_RANGE);
		return;
	}
	if (!any_isolated(s, range)) {
		refuse(r, LB_BUSY);
		return;
	}
	r->outcome = LB_DONE;
	for (uint32_t pfn = range.start; pfn < range.end; pfn += 1u << s->pageblock_order)
		if (shadow_pageblock_type(s, pfn) == MT_ISOLATE)
			unisolate_pageblock(s, zone_of(s, range.start), pfn);
}

/* ---- Single frames ---- */

/* The head of the free block that a frame lies in; NIL: it lies in none. */
static uint32_t head_of_free_block(const struct shadow *s, uint64_t pfn)
{
	for (unsigned int o = 0; o <= s->top_order; o++) {
		uint64_t head = pfn & ~((UINT64_C(1) << o) - 1);

		if (s->frames[head].kind == FRAME_FREE && s->frames[head].order >= o)
			return (uint32_t)head;
	}
	return NIL;
}

/* The halves without the frame, from the largest down; the frame is nobody's in the end. */
static void cut_out(struct shadow *s, uint32_t head, uint32_t pfn)
{
	unsigned int type = shadow_pageblock_type(s, head), order = s->frames[head].order;
	struct zone *z = zone_of(s, pfn);

	shadow_free_list_take(s, head);
	while (order > 0) {
		uint32_t upper = head + (1u << --order);

		shadow_free_list_add_piece(s, pfn >= upper ? head : upper, order, type);
		head = pfn >= upper ? upper : head;
	}
	assert(head == pfn);
	if (type != MT_ISOLATE)
		shadow_count_free(s, z, -1);
}

void shadow_take_frame(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	uint32_t pfn = (uint32_t)call->pfn, head;

	if (call->pfn >= s->max_pfn || s->frames[pfn].kind == FRAME_ABSENT) {
		refuse(r, LB_NOT_FRAME);
		return;
	}
	head = head_of_free_block(s, pfn);
	if (head == NIL) {
		refuse(r, LB_BUSY);
		return;
	}
	cut_out(s, head, pfn);
	shadow_contents_forget(s, pfn);
	s->frames[pfn].refs = 1;
	r->outcome = LB_BLOCK;
	r->pfn = pfn;
}

void shadow_put_frame(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	uint32_t pfn = (uint32_t)call->pfn;

	if (is_5_10(s)) {
		refuse(r, LB_NO_PROFILE);
		return;
	}
	if (call->block_order > 0 || shadow_references_of(s, pfn) > 1 || s->frames[pfn].mark) {
		refuse(r, LB_NOT_ALLOWED);
		return;
	}
	r->outcome = LB_DONE;
	s->frames[pfn].refs = 0;
	shadow_contents_keep(s, pfn);
	shadow_buddy_free(s, pfn, 0, shadow_pageblock_type(s, pfn), false);
}
