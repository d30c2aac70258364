/*
 * Adopting the sections of switches, fragments and page states: what adopt.c does for lists and
 * counters. A frame that is said to be a guard, or to be a block of fragments, has to be nobody's
 * by then: lists and lost frames come first in an export.
 */
#include "oracle/shadow.h"

enum { GUARD_WORDS = 2, CONTENTS_WORDS = 2, BLOCK_WORDS = 3, CACHE_WORDS = 5 };

void shadow_forget_switches(struct shadow *s)
{
	for (uint64_t pfn = 0; pfn < s->max_pfn; pfn++) {
		s->frames[pfn].contents = CONTENTS_RIGHT;
		s->frames[pfn].pieces = 0;
		s->frames[pfn].thp = 0;
	}
	s->state->nr_guards = s->state->nr_dirty = 0;
	s->state->nr_frag_blocks = s->state->nr_thp = 0;
	shadow_switches_init(s);
}

static bool is_plain(const struct shadow *s, uint64_t pfn, uint64_t order)
{
	return pfn < s->max_pfn && order <= s->top_order && pfn % (UINT64_C(1) << order) == 0 &&
	       s->frames[pfn].kind == FRAME_PLAIN;
}

static bool adopt_random(struct shadow *s, const uint64_t *w, uint64_t n)
{
	if (n != 3 || w[2] > 64)
		return false;
	s->state->shuffle = (struct shuffle){ .generator = w[0], .pool = w[1], .bits = w[2] };
	return true;
}

static bool adopt_guards(struct shadow *s, const uint64_t *w, uint64_t n)
{
	for (uint64_t i = 0; i + GUARD_WORDS <= n; i += GUARD_WORDS) {
		if (!is_plain(s, w[i], w[i + 1]))
			return false;
		s->frames[w[i]].kind = FRAME_GUARD;
		s->frames[w[i]].order = (uint8_t)w[i + 1];
		s->frames[w[i]].refs = 0;
		s->state->nr_guards++;
	}
	return n % GUARD_WORDS == 0;
}

static bool adopt_contents(struct shadow *s, const uint64_t *w, uint64_t n)
{
	for (uint64_t i = 0; i + CONTENTS_WORDS <= n; i += CONTENTS_WORDS) {
		if (w[i] >= s->max_pfn || w[i + 1] >= CONTENTS_OF_HOLDER ||
		    s->frames[w[i]].contents != CONTENTS_RIGHT)
			return false;
		s->frames[w[i]].contents = (uint16_t)(w[i + 1] + 1);
		s->state->nr_dirty++;
	}
	return n % CONTENTS_WORDS == 0;
}

static bool adopt_caches(struct shadow *s, const uint64_t *w, uint64_t n)
{
	if (n != CACHE_WORDS * (uint64_t)s->nr_cpus)
		return false;
	for (uint32_t cpu = 0; cpu < s->nr_cpus; cpu++, w += CACHE_WORDS) {
		if (w[0] >= s->max_pfn && w[0] != NO_PFN)
			return false;
		s->state->frag_caches[cpu] = (struct frag_cache){
			.pfn = w[0], .size = w[1], .offset = w[2], .bias = w[3], .pfmemalloc = w[4]
		};
	}
	return true;
}

static bool adopt_blocks(struct shadow *s, const uint64_t *w, uint64_t n)
{
	for (uint64_t i = 0; i + BLOCK_WORDS <= n; i += BLOCK_WORDS) {
		uint64_t pfn = w[i], order = w[i + 1], references = w[i + 2];

		if (!is_plain(s, pfn, order) || s->frames[pfn].pieces || references == 0 ||
		    references > UINT32_MAX)
			return false;
		s->frames[pfn].pieces = (uint32_t)references;
		s->frames[pfn].order = (uint8_t)order;
		s->frames[pfn].refs = 0;
		s->state->nr_frag_blocks++;
	}
	return n % BLOCK_WORDS == 0;
}

static bool adopt_destructors(struct shadow *s, const uint64_t *w, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		if (w[i] >= s->max_pfn || s->frames[w[i]].thp)
			return false;
		s->frames[w[i]].thp = 1;
		s->state->nr_thp++;
	}
	return true;
}

/* What caches hold of a block, all together; no cache has more left than its block has bytes. */
static bool caches_fit(const struct shadow *s, uint64_t pfn)
{
	uint64_t held = 0, size = UINT64_C(4096) << s->frames[pfn].order;

	for (uint32_t cpu = 0; cpu < s->nr_cpus; cpu++) {
		const struct frag_cache *cache = &s->state->frag_caches[cpu];

		if (cache->pfn != pfn)
			continue;
		if (cache->size != size || cache->offset > size || cache->bias == 0 ||
		    cache->bias > s->frames[pfn].pieces)
			return false;
		held += cache->bias;
	}
	return held <= s->frames[pfn].pieces;
}

bool shadow_adopted_caches_fit(const struct shadow *s)
{
	for (uint32_t cpu = 0; cpu < s->nr_cpus; cpu++) {
		uint64_t pfn = s->state->frag_caches[cpu].pfn;

		if (pfn != NO_PFN && !caches_fit(s, pfn))
			return false;
	}
	return true;
}

bool shadow_adopt_switch(struct shadow *s, const uint64_t *words, uint64_t n,
			 enum lb_state_section type)
{
	switch (type) {
	case LB_STATE_RANDOM:
		return adopt_random(s, words, n);
	case LB_STATE_GUARDS:
		return adopt_guards(s, words, n);
	case LB_STATE_CONTENTS:
		return adopt_contents(s, words, n);
	case LB_STATE_FRAG_CACHES:
		return adopt_caches(s, words, n);
	case LB_STATE_FRAG_BLOCKS:
		return adopt_blocks(s, words, n);
	default:
		assert(type == LB_STATE_DESTRUCTORS);
		return adopt_destructors(s, words, n);
	}
}
