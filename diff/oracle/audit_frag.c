/*
 * Pieces of pages: who has which bytes, and that their blocks are held.
 *
 *   bytes   ....[piece][pc]......[piece]....     ascending, and none has a byte of another
 *   export  blocks of fragments, each with its references
 *         = pieces that are live in it + what caches say they hold of it
 *
 * A block of pieces is no live block: caches keep what nobody names. It is known from an export
 * alone.
 */
#include "oracle/audit_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_BYTES = 4096, CACHE_WORDS = 5, CACHE_BIAS = 3, BLOCK_WORDS = 3 };

/* ---- pieces ---- */

/* The number of pieces that begin before a byte: where one that begins there stands, or belongs. */
static uint64_t place_of(const struct audit *a, uint64_t start)
{
	uint64_t i = 0;

	while (i < a->state->nr_pieces && a->pieces[i].start < start)
		i++;
	return i;
}

static bool make_room(struct audit *a)
{
	uint64_t room = a->room_for_pieces ? 2 * a->room_for_pieces : 64;
	struct piece *pieces;

	if (a->state->nr_pieces < a->room_for_pieces)
		return true;
	pieces = realloc(a->pieces, room * sizeof(*pieces));
	if (!pieces)
		return false;
	a->pieces = pieces;
	a->room_for_pieces = room;
	return true;
}

static void piece_born(struct audit *a, uint64_t start, uint64_t bytes)
{
	uint64_t i = place_of(a, start);

	if (!make_room(a))
		return; /* then it is not watched */
	memmove(a->pieces + i + 1, a->pieces + i, (a->state->nr_pieces - i) * sizeof(*a->pieces));
	a->pieces[i] = (struct piece){ .start = start, .bytes = bytes };
	a->state->nr_pieces++;
}

static void piece_dies(struct audit *a, uint64_t start)
{
	uint64_t i = place_of(a, start);

	if (i == a->state->nr_pieces || a->pieces[i].start != start)
		return;
	a->state->nr_pieces--;
	memmove(a->pieces + i, a->pieces + i + 1, (a->state->nr_pieces - i) * sizeof(*a->pieces));
}

/* The first live piece with a byte in [start, end); NULL: none. */
static const struct piece *piece_in(const struct audit *a, uint64_t start, uint64_t end)
{
	for (uint64_t i = 0; i < a->state->nr_pieces; i++)
		if (a->pieces[i].start < end && a->pieces[i].start + a->pieces[i].bytes > start)
			return &a->pieces[i];
	return NULL;
}

bool audit_judge_pieces(struct audit *a, uint64_t pfn, uint64_t end, struct verdict *v)
{
	const struct piece *piece;

	if (!a->state->nr_pieces)
		return true;
	a->exercised[RULE_CONTRACT_FRAG_OVERLAP]++;
	piece = piece_in(a, pfn * PAGE_BYTES, end * PAGE_BYTES);
	return !piece || audit_broken(v, RULE_CONTRACT_FRAG_OVERLAP, pfn, "pfn",
				      "the new block of %" PRIu64 " frames at pfn %" PRIu64
				      " has in it the live fragment of %" PRIu64
				      " bytes at pfn %" PRIu64 ", offset %" PRIu64,
				      end - pfn, pfn, piece->bytes, piece->start / PAGE_BYTES,
				      piece->start % PAGE_BYTES);
}

static bool judge_piece(struct audit *a, uint64_t pfn, uint64_t start, uint64_t bytes,
			struct verdict *v)
{
	uint64_t end = (start + bytes + PAGE_BYTES - 1) / PAGE_BYTES;
	const struct piece *other;

	if (end > a->max_pfn || !bits_all(a->usable, pfn, end))
		return audit_broken(v, RULE_CONTRACT_FRAMES, pfn, "pfn",
				    "a fragment of %" PRIu64 " bytes at pfn %" PRIu64
				    " is not all in frames that could be handed out",
				    bytes, pfn);
	a->exercised[RULE_CONTRACT_FRAG_OVERLAP]++;
	other = piece_in(a, start, start + bytes);
	if (other)
		return audit_broken(v, RULE_CONTRACT_FRAG_OVERLAP, pfn, "offset",
				    "the new fragment of %" PRIu64 " bytes at pfn %" PRIu64
				    ", offset %" PRIu64 " has a byte of the live one of %" PRIu64
				    " bytes at pfn %" PRIu64 ", offset %" PRIu64,
				    bytes, pfn, start % PAGE_BYTES, other->bytes,
				    other->start / PAGE_BYTES, other->start % PAGE_BYTES);
	return !bits_any(a->live, pfn, end) ||
	       audit_broken(v, RULE_CONTRACT_FRAG_OVERLAP, pfn, "pfn",
			    "the new fragment of %" PRIu64 " bytes at pfn %" PRIu64
			    " lies in pfn %" PRIu64 ", which a live block holds",
			    bytes, pfn, bits_first(a->live, pfn, end));
}

static bool step_alloc(struct audit *a, const struct lb_call *call, const struct lb_result *r,
		       struct verdict *v)
{
	uint64_t start = r->pfn * PAGE_BYTES + r->offset;

	if (r->outcome != LB_BLOCK)
		return true;
	a->state->keeps_blocks = true;
	a->exercised[RULE_CONTRACT_FRAMES]++;
	if (r->pfn >= a->max_pfn || r->offset >= PAGE_BYTES)
		return audit_broken(v, RULE_CONTRACT_FRAMES, r->pfn, "offset",
				    "a fragment begins at pfn %" PRIu64
				    ", offset %u: no byte of the "
				    "machine",
				    r->pfn, r->offset);
	if (!judge_piece(a, r->pfn, start, call->value, v))
		return false;
	piece_born(a, start, call->value);
	return true;
}

bool audit_step_frag(struct audit *a, const struct lb_call *call, const struct lb_result *r,
		     struct verdict *v)
{
	if (call->op == OP_PAGE_FRAG_ALLOC)
		return step_alloc(a, call, r, v);
	if (!audit_judge_refusal(a, call, r, false, RULE_CONTRACT_BAD_FREE,
				 RULE_CONTRACT_FREE_REFUSED, v))
		return false;
	if (call->op == OP_PAGE_FRAG_FREE)
		piece_dies(a, call->pfn * PAGE_BYTES + call->offset);
	return true;
}

/* ---- blocks of an export ---- */

static uint64_t held_by_caches(const struct audit *a, uint64_t pfn)
{
	uint64_t held = 0;

	for (uint64_t i = 0; i + CACHE_WORDS <= a->nr_cache_words; i += CACHE_WORDS)
		if (a->cache_words[i] == pfn)
			held += a->cache_words[i + CACHE_BIAS];
	return held;
}

static uint64_t pieces_in(const struct audit *a, uint64_t start, uint64_t end)
{
	uint64_t nr = 0;

	for (uint64_t i = 0; i < a->state->nr_pieces; i++)
		nr += a->pieces[i].start >= start && a->pieces[i].start < end;
	return nr;
}

static bool references_are_right(struct audit *a, const uint64_t *block, struct verdict *v)
{
	uint64_t pfn = block[0], end = pfn + (UINT64_C(1) << block[1]);
	uint64_t expect = held_by_caches(a, pfn) + pieces_in(a, pfn * PAGE_BYTES, end * PAGE_BYTES);

	a->exercised[RULE_BUDDY_FRAG_REFERENCES]++;
	if (block[2] == expect)
		return true;
	audit_differs(v, RULE_BUDDY_FRAG_REFERENCES, "references", expect, block[2],
		      "references of the block of fragments at pfn %" PRIu64
		      ", live fragments and what caches hold against it",
		      pfn);
	v->pfn = pfn;
	return false;
}

/* The block that a byte lies in; NULL: none. */
static const uint64_t *block_of(const struct audit *a, uint64_t byte)
{
	for (uint64_t i = 0; i + BLOCK_WORDS <= a->nr_block_words; i += BLOCK_WORDS) {
		uint64_t pfn = a->block_words[i], pages = UINT64_C(1) << a->block_words[i + 1];

		if (byte / PAGE_BYTES >= pfn && byte / PAGE_BYTES < pfn + pages)
			return a->block_words + i;
	}
	return NULL;
}

bool audit_judge_fragments(struct audit *a, struct verdict *v)
{
	for (uint64_t i = 0; i < a->state->nr_pieces; i++) {
		uint64_t start = a->pieces[i].start, last = start + a->pieces[i].bytes - 1;
		const uint64_t *block = block_of(a, start);

		a->exercised[RULE_BUDDY_FRAG_HELD]++;
		if (!block || block != block_of(a, last))
			return audit_broken(v, RULE_BUDDY_FRAG_HELD, start / PAGE_BYTES, "frag",
					    "the live fragment of %" PRIu64 " bytes at pfn %" PRIu64
					    ", offset %" PRIu64 " is not in one exported block of "
					    "fragments",
					    a->pieces[i].bytes, start / PAGE_BYTES,
					    start % PAGE_BYTES);
	}
	for (uint64_t i = 0; i + BLOCK_WORDS <= a->nr_block_words; i += BLOCK_WORDS)
		if (!references_are_right(a, a->block_words + i, v))
			return false;
	return true;
}
