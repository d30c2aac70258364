/*
 * Giving back, sharing, splitting, and what a wrong caller does (facts 6; ops.def).
 *
 *   last reference gone      [........]   the whole block is freed
 *   an earlier one, order 3  [h0112222]   the upper halves of a plain block are freed, h stays
 *
 * When a bad page is noticed, by what the machine checks:
 *
 *   linux   tails when the block is freed; the head then too if it goes straight to the buddy,
 *           else when a page list gives it to the buddy, or may not have it (isolated)
 *   debug   all pages when the block is freed
 *   off     never (and none is made bad)
 *
 * What came to the buddy unseen is noticed by an allocation: straight from there at once, else when
 * a page list is filled (linux) or hands the block out (debug). debug_pagealloc looks at all those
 * places.
 *
 * Page flags go when their block is freed, on all of its pages and whether anybody looked or not:
 * so a bad flag of a first page is noticed at once or never. hwpoison alone stays, and drops
 * whoever comes across it without a word.
 */
#include "oracle/shadow.h"

bool shadow_looks_at_buddy_end(const struct shadow *s)
{
	return s->machine.checks == CHECKS_LINUX ||
	       (s->machine.checks == CHECKS_DEBUG && s->machine.debug_pagealloc);
}

bool shadow_looks_at_user_end(const struct shadow *s)
{
	return s->machine.checks == CHECKS_DEBUG ||
	       (s->machine.checks == CHECKS_LINUX && s->machine.debug_pagealloc);
}

bool shadow_head_is_bad(const struct shadow *s, uint32_t pfn)
{
	return s->frames[pfn].mark & MARKS_BAD_WHEN_FREED;
}

static void set_thp(struct shadow *s, uint32_t pfn, bool thp)
{
	s->state->nr_thp += thp - s->frames[pfn].thp;
	s->frames[pfn].thp = thp;
}

static void set_mark(struct shadow *s, uint32_t pfn, uint32_t mark)
{
	s->state->nr_marked += (mark != 0) - (s->frames[pfn].mark != 0);
	s->frames[pfn].mark = mark;
}

void shadow_lose(struct shadow *s, uint32_t pfn, uint64_t frames, bool bad)
{
	for (uint64_t n = 0; n < frames; n++) {
		struct frame *f = &s->frames[pfn + n];

		assert(f->kind == FRAME_PLAIN);
		set_mark(s, (uint32_t)(pfn + n), 0);
		set_thp(s, (uint32_t)(pfn + n), false);
		shadow_contents_forget(s, (uint32_t)(pfn + n));
		f->kind = FRAME_LEAKED;
		f->refs = 0;
	}
	s->state->nr_leaked += frames;
	s->result->leaked += (uint32_t)frames;
	if (bad)
		s->result->warnings |= LB_WARN_BAD_PAGE;
}

static void lose_silently(struct shadow *s, uint32_t pfn, unsigned int order)
{
	s->dropped += UINT64_C(1) << order;
	shadow_lose(s, pfn, UINT64_C(1) << order, false);
}

/* check_new_pages: all pages are looked at, head and tails; the first that is marked decides. */
bool shadow_new_block_is_lost(struct shadow *s, uint32_t pfn, unsigned int order)
{
	for (uint32_t n = 0; s->state->nr_marked > 0 && n < 1u << order; n++) {
		uint32_t mark = s->frames[pfn + n].mark;

		if (mark & MARK_HWPOISON)
			lose_silently(s, pfn, order);
		else if (mark)
			shadow_lose(s, pfn, UINT64_C(1) << order, true);
		if (mark)
			return true;
	}
	return false;
}

/* What is bad in the pages of a block that a free looks at. */
static uint32_t marks_noticed(const struct shadow *s, uint32_t pfn, unsigned int order,
			      bool looks_at_head)
{
	uint32_t marks = looks_at_head ? s->frames[pfn].mark : 0;

	if (s->machine.checks == CHECKS_OFF)
		return 0;
	for (uint32_t n = 1; n < 1u << order; n++)
		marks |= s->frames[pfn + n].mark;
	return marks & MARKS_BAD_WHEN_FREED;
}

static void clear_flags(struct shadow *s, uint32_t pfn, unsigned int order)
{
	for (uint32_t n = 0; n < 1u << order; n++)
		set_mark(s, pfn + n,
			 s->frames[pfn + n].mark & (MARK_MAPCOUNT | MARK_MAPPING | MARK_HWPOISON));
}

/* free_pages_prepare. False: the block is kept out of the lists, and lost. */
static bool prepare(struct shadow *s, uint32_t pfn, unsigned int order, bool looks_at_head)
{
	uint32_t noticed;

	s->frames[pfn].refs = 0;
	set_thp(s, pfn, false);
	if (s->state->nr_marked == 0)
		return true;
	set_mark(s, pfn, s->frames[pfn].mark & ~(uint32_t)MARK_MLOCKED);
	if (order == 0 && (s->frames[pfn].mark & MARK_HWPOISON)) {
		lose_silently(s, pfn, 0);
		return false;
	}
	noticed = marks_noticed(s, pfn, order, looks_at_head);
	if (noticed) {
		s->flag_is_bad = !(noticed & (MARK_MAPCOUNT | MARK_MAPPING));
		shadow_lose(s, pfn, UINT64_C(1) << order, true);
		return false;
	}
	clear_flags(s, pfn, order);
	return true;
}

/* Past the page lists, which take none of an isolated pageblock; whoever looks away there pays later. */
static void free_isolated(struct shadow *s, uint32_t pfn, unsigned int order)
{
	if (s->machine.checks != CHECKS_OFF && shadow_head_is_bad(s, pfn))
		shadow_lose(s, pfn, UINT64_C(1) << order, true);
	else
		shadow_buddy_free(s, pfn, order, MT_ISOLATE, false);
}

/* No reference is left to the 2^order pages from pfn on. */
void shadow_free_whole(struct shadow *s, uint32_t pfn, unsigned int order)
{
	unsigned int type = shadow_pageblock_type(s, pfn);
	bool listed = shadow_pcp_has_order(s, order);

	if (!prepare(s, pfn, order, !listed || shadow_looks_at_user_end(s)))
		return;
	s->state->counters[LB_COUNT_PGFREE] += UINT64_C(1) << order;
	if (!listed)
		shadow_buddy_free(s, pfn, order, type, false);
	else if (type == MT_ISOLATE)
		free_isolated(s, pfn, order);
	else
		shadow_pcp_free(s, pfn, s->call->cpu, order);
}

void shadow_free_past_lists(struct shadow *s, uint32_t pfn, bool to_tail)
{
	if (!prepare(s, pfn, 0, true))
		return;
	s->state->counters[LB_COUNT_PGFREE]++;
	shadow_buddy_free(s, pfn, 0, shadow_pageblock_type(s, pfn), to_tail);
}

static void done(struct lb_result *r)
{
	r->outcome = LB_DONE;
	r->reason = LB_REASON_NONE;
}

static void refuse(struct lb_result *r, enum lb_reason reason)
{
	r->outcome = LB_REFUSED;
	r->reason = (uint8_t)reason;
}

/* References of the block; a block that was live before anything was known has one. */
unsigned int shadow_references_of(const struct shadow *s, uint32_t pfn)
{
	return s->frames[pfn].refs ? s->frames[pfn].refs : 1;
}

void shadow_free(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	uint32_t pfn = (uint32_t)call->pfn;
	unsigned int left = shadow_references_of(s, pfn) - 1;

	done(r);
	s->frames[pfn].refs = (uint8_t)left;
	if (left == 0) {
		shadow_free_whole(s, pfn, call->block_order);
		return;
	}
	if (call->compound)
		return;
	for (unsigned int o = call->block_order; o-- > 0;)
		shadow_free_whole(s, pfn + (1u << o), o);
}

static void put_page(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	uint32_t pfn = (uint32_t)call->pfn;
	unsigned int refs = shadow_references_of(s, pfn);

	if (refs == 1 && call->block_order > 0 && !call->compound) {
		refuse(r, LB_NOT_ALLOWED);
		return;
	}
	done(r);
	s->frames[pfn].refs = (uint8_t)(refs - 1);
	if (refs == 1)
		shadow_free_whole(s, pfn, call->block_order);
}

static void split_page(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	uint32_t pfn = (uint32_t)call->pfn;

	if (call->block_order == 0 || call->compound || shadow_references_of(s, pfn) > 1) {
		refuse(r, LB_NOT_ALLOWED);
		return;
	}
	done(r);
	for (uint32_t n = 0; n < 1u << call->block_order; n++)
		s->frames[pfn + n].refs = 1;
}

void shadow_references(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	uint32_t pfn = (uint32_t)call->pfn;
	unsigned int refs = shadow_references_of(s, pfn);

	switch (call->op) {
	case OP_PUT_PAGE:
		put_page(s, call, r);
		return;
	case OP_SPLIT_PAGE:
		split_page(s, call, r);
		return;
	default:
		assert(call->op == OP_GET_PAGE);
		if (refs >= PROGRAM_MAX_REFERENCES) {
			refuse(r, LB_NOT_ALLOWED);
			return;
		}
		s->frames[pfn].refs = (uint8_t)(refs + 1);
		done(r);
	}
}

/* A lower order frees so much from the front; nobody knows of the rest any more. */
static void free_wrong_order(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	uint32_t pfn = (uint32_t)call->pfn, freed = 1u << call->order,
		 whole = 1u << call->block_order;

	if (call->order >= call->block_order) {
		refuse(r, LB_BAD_ORDER);
		return;
	}
	if (call->compound || shadow_references_of(s, pfn) > 1) {
		refuse(r, LB_NOT_ALLOWED);
		return;
	}
	done(r);
	shadow_lose(s, pfn + freed, whole - freed, false);
	shadow_free_whole(s, pfn, call->order);
}

static void mark_page(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	uint32_t pfn = (uint32_t)call->pfn + call->page, mark = s->frames[pfn].mark;
	uint32_t bit = call->op == OP_SET_MAPCOUNT ? MARK_MAPCOUNT : MARK_MAPPING;

	if (s->machine.checks == CHECKS_OFF ||
	    (call->op == OP_SET_MAPPING && call->compound && call->page > 0)) {
		refuse(r, LB_NOT_ALLOWED);
		return;
	}
	done(r);
	set_mark(s, pfn, call->value & 1 ? mark | bit : mark & ~bit);
}

static void set_page_flag(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	uint32_t pfn = (uint32_t)call->pfn + call->page, mark = s->frames[pfn].mark;
	uint32_t flag = call->value / 2 % PROGRAM_PAGE_FLAGS,
		 bit = (uint32_t)MARK_FIRST_FLAG << flag;

	if (s->machine.checks == CHECKS_OFF || flag == PROGRAM_FLAG_HEAD) {
		refuse(r, LB_NOT_ALLOWED);
		return;
	}
	done(r);
	set_mark(s, pfn, call->value & 1 ? mark | bit : mark & ~bit);
}

static void prep_transhuge(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	if (!call->compound || call->block_order < 2) {
		refuse(r, LB_NOT_ALLOWED);
		return;
	}
	done(r);
	set_thp(s, (uint32_t)call->pfn, true);
}

void shadow_misuse(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	switch (call->op) {
	case OP_FREE_WRONG_ORDER:
		free_wrong_order(s, call, r);
		return;
	case OP_FREE_TAIL:
		refuse(r, call->page > 0 ? LB_NOT_HEAD : LB_NOT_ALLOWED);
		return;
	case OP_DOUBLE_FREE:
		refuse(r, LB_NOT_HELD);
		return;
	case OP_FREE_PFN:
		refuse(r, LB_NOT_FRAME);
		return;
	case OP_SCHED_SWITCH:
	case OP_SCHED_INTERRUPT:
		refuse(r, LB_BAD_CONTEXT);
		return;
	case OP_SET_PAGE_FLAG:
		set_page_flag(s, call, r);
		return;
	case OP_PREP_TRANSHUGE:
		prep_transhuge(s, call, r);
		return;
	default:
		assert(call->op == OP_SET_MAPCOUNT || call->op == OP_SET_MAPPING);
		mark_page(s, call, r);
	}
}
