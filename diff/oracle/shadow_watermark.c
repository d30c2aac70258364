/*
 * Marks: how much of a zone a request has to leave free (facts 4), and who wakes kswapd (facts 11).
 *
 *   free pages   |----------|--------|--------|------------------>
 *                0         min      low      high        (each + boost)
 *   a zone serves iff free - (2^order - 1) - highatomic > mark + lowmem_reserve[highest]
 */
#include "oracle/shadow.h"

enum {
	KBYTES_PER_PAGE = 4,
	MIN_FREE_LEAST = 128,
	MIN_FREE_MOST = 262144,
	PER_TEN_THOUSAND = 10000,
};

/* ---- The check ---- */

/* What the request must leave for others: the mark after all that its flags may ignore. */
static int64_t lowered_mark(const struct shadow *s, int64_t mark, unsigned int alloc_flags)
{
	int64_t min = mark;

	if (is_5_10(s)) {
		if (alloc_flags & ALLOC_HIGH)
			min -= min / 2;
		if (alloc_flags & ALLOC_OOM)
			min -= min / 2;
		else if (alloc_flags & ALLOC_HARDER)
			min -= min / 4;
		return min;
	}
	if (alloc_flags & ALLOC_MIN_RESERVE) {
		min -= min / 2;
		if (alloc_flags & ALLOC_NON_BLOCK)
			min -= min / 4;
	}
	if (alloc_flags & ALLOC_OOM)
		min -= min / 2;
	return min;
}

static int64_t unusable_pages(const struct shadow *s, const struct zone *z, unsigned int order,
			      unsigned int alloc_flags)
{
	const unsigned int reserves =
		is_5_10(s) ? ALLOC_HARDER | ALLOC_OOM
			   : ALLOC_NON_BLOCK | ALLOC_MIN_RESERVE | ALLOC_HIGHATOMIC | ALLOC_OOM;
	int64_t unusable = (INT64_C(1) << order) - 1;

	return alloc_flags & reserves ? unusable : unusable + z->highatomic;
}

static bool has_block(const struct shadow *s, const struct zone *z, unsigned int order,
		      unsigned int alloc_flags)
{
	const unsigned int takers = ALLOC_OOM | (is_5_10(s) ? ALLOC_HARDER : ALLOC_HIGHATOMIC);

	for (unsigned int o = order; o <= s->top_order; o++) {
		for (unsigned int type = 0; type < NR_PCP_TYPES; type++)
			if (z->lists[o][type].n)
				return true;
		if ((alloc_flags & takers) && z->lists[o][MT_HIGHATOMIC].n)
			return true;
	}
	return false;
}

bool shadow_watermark_ok(const struct shadow *s, const struct zone *z, unsigned int order,
			 int64_t mark, unsigned int highest, unsigned int alloc_flags, int64_t free)
{
	free -= unusable_pages(s, z, order, alloc_flags);
	if (free <= lowered_mark(s, mark, alloc_flags) + z->reserve[highest])
		return false;
	return order == 0 || has_block(s, z, order, alloc_flags);
}

bool shadow_watermark_fast_above(const struct shadow *s, const struct zone *z, int64_t mark,
				 unsigned int highest, unsigned int alloc_flags)
{
	int64_t free = shadow_free_shared(z), unusable = unusable_pages(s, z, 0, alloc_flags);
	int64_t usable = free - (free < unusable ? free : unusable);

	return usable > mark + z->reserve[highest] ||
	       shadow_watermark_ok(s, z, 0, mark, highest, alloc_flags, free);
}

bool shadow_watermark_fast(const struct shadow *s, const struct zone *z, unsigned int order,
			   unsigned int highest, unsigned int alloc_flags, uint32_t gfp)
{
	int64_t mark = z->mark[alloc_flags & WMARK_MASK] + z->boost, free = shadow_free_shared(z);

	if (order == 0 && shadow_watermark_fast_above(s, z, mark, highest, alloc_flags))
		return true;
	if (order > 0 && shadow_watermark_ok(s, z, order, mark, highest, alloc_flags, free))
		return true;
	if (order > 0 || !(gfp & GFP_ATOMIC) || z->boost == 0 ||
	    (alloc_flags & WMARK_MASK) != WMARK_MIN)
		return false;
	return shadow_watermark_ok(s, z, 0, z->mark[WMARK_MIN], highest, alloc_flags, free);
}

/* ---- The marks ---- */

/* (x / d) * n + (x % d) * n / d */
static int64_t mult_frac(int64_t x, int64_t n, int64_t d)
{
	return x / d * n + x % d * n / d;
}

void shadow_watermark_boost(struct shadow *s, struct zone *z, unsigned int alloc_flags)
{
	int64_t size = INT64_C(1) << s->pageblock_order,
		factor = s->state->tunables[SYSCTL_WATERMARK_BOOST_FACTOR];
	int64_t most;

	if (factor == 0 || 4 * size > (int64_t)z->managed)
		return;
	most = mult_frac(z->mark[WMARK_HIGH], factor, PER_TEN_THOUSAND);
	if (most == 0)
		return;
	most = most > size ? most : size;
	z->boost = z->boost + size < most ? z->boost + size : most;
	if (alloc_flags & ALLOC_KSWAPD)
		z->boosted = 1;
}

static uint64_t integer_root(uint64_t v)
{
	uint64_t root = 0;

	for (uint64_t bit = UINT64_C(1) << 31; bit; bit >>= 1)
		if ((root + bit) * (root + bit) <= v)
			root += bit;
	return root;
}

int64_t shadow_lowmem_pages(const struct shadow *s)
{
	const struct zonelist *zl = &s->fallback[s->machine.cpu_node[0]];
	int64_t sum = 0;

	for (uint32_t i = 0; i < zl->n; i++) {
		const struct zone *z = &s->zones[zl->zones[i]];
		int64_t managed = (int64_t)z->managed, high = z->mark[WMARK_HIGH] + z->boost;

		if (z->index <= ZONE_NORMAL && managed > high)
			sum += managed - high;
	}
	return sum;
}

int64_t shadow_min_free_by_formula(const struct shadow *s)
{
	int64_t v = (int64_t)integer_root((uint64_t)shadow_lowmem_pages(s) * KBYTES_PER_PAGE * 16);

	v = v < MIN_FREE_LEAST ? MIN_FREE_LEAST : v;
	return v > MIN_FREE_MOST ? MIN_FREE_MOST : v;
}

/*
 * What huge pages want free: two pageblocks a zone, and one for each pair of types that may foul
 * each other.
 */
int64_t shadow_min_free_with_thp(const struct shadow *s)
{
	int64_t zones = 0, pages, most = shadow_lowmem_pages(s) / 20,
		now = s->state->tunables[SYSCTL_MIN_FREE_KBYTES];

	for (uint32_t i = 0; i < s->nr_zones; i++)
		if (s->zones[i].present && s->zones[i].index <= ZONE_NORMAL)
			zones++;
	pages = (zones << s->pageblock_order) * (2 + NR_PCP_TYPES * NR_PCP_TYPES);
	pages = pages < most ? pages : most;
	return pages * KBYTES_PER_PAGE > now ? pages * KBYTES_PER_PAGE : now;
}

void shadow_watermark_setup(struct shadow *s)
{
	uint64_t pages = (uint64_t)s->state->tunables[SYSCTL_MIN_FREE_KBYTES] / KBYTES_PER_PAGE,
		 sum = 0;

	for (uint32_t i = 0; i < s->nr_zones; i++)
		sum += s->zones[i].managed;
	for (uint32_t i = 0; i < s->nr_zones; i++) {
		struct zone *z = &s->zones[i];
		int64_t managed = (int64_t)z->managed;
		int64_t min = sum ? (int64_t)(pages * z->managed / sum) : 0;
		int64_t scaled =
			mult_frac(managed, s->state->tunables[SYSCTL_WATERMARK_SCALE_FACTOR],
				  PER_TEN_THOUSAND);
		int64_t gap = min / 4 > scaled ? min / 4 : scaled;

		z->mark[WMARK_MIN] = min;
		z->mark[WMARK_LOW] = min + gap;
		z->mark[WMARK_HIGH] = min + 2 * gap;
		z->boost = 0;
	}
}

static int64_t reserve_ratio(const struct shadow *s, unsigned int index)
{
	static const enum sysctl_name names[] = { SYSCTL_LOWMEM_RESERVE_RATIO_DMA,
						  SYSCTL_LOWMEM_RESERVE_RATIO_DMA32,
						  SYSCTL_LOWMEM_RESERVE_RATIO_NORMAL };

	return index < ZONE_MOVABLE ? s->state->tunables[names[index]] : 0;
}

void shadow_reserves_setup(struct shadow *s)
{
	for (uint32_t i = 0; i < s->nr_zones; i++) {
		struct zone *z = &s->zones[i];
		int64_t ratio = reserve_ratio(s, z->index), above = 0;

		for (unsigned int j = z->index + 1u; j < MACHINE_NR_ZONES; j++) {
			uint8_t upper = s->zone_number[z->node][j];

			if (upper != NO_ZONE)
				above += (int64_t)s->zones[upper].managed;
			z->reserve[j] = ratio && z->managed ? above / ratio : 0;
		}
	}
}

/* ---- kswapd ---- */

static bool is_balanced(const struct shadow *s, unsigned int node, unsigned int order,
			unsigned int highest, bool *boosted)
{
	bool any = false, passed = false;

	*boosted = false;
	for (unsigned int i = 0; i <= highest; i++) {
		uint8_t number = s->zone_number[node][i];
		const struct zone *z = &s->zones[number];

		if (number == NO_ZONE || z->managed == 0)
			continue;
		any = true;
		*boosted |= z->boost > 0;
		passed |= shadow_watermark_ok(s, z, order, z->mark[WMARK_HIGH] + z->boost, highest,
					      0, shadow_free_safe(s, z));
	}
	return passed || !any;
}

void shadow_kswapd_wake(struct shadow *s, const struct zone *z, unsigned int order,
			unsigned int highest, uint32_t gfp)
{
	struct kswapd *k = &s->state->kswapd[z->node];
	bool boosted;

	if (z->managed == 0 || !shadow_cpuset_allows(s, z, gfp))
		return;
	if (k->index == LB_NO_ZONE_INDEX || k->index < highest)
		k->index = highest;
	if (k->order < order)
		k->order = order;
	if (k->awake)
		return;
	if (!is_balanced(s, z->node, order, highest, &boosted) || boosted)
		k->awake = 1;
}
