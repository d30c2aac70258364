/*
 * What a target took for itself at boot: the only thing that the shadow is told, so it is looked at
 * first.
 *
 * Reserved are the ranges that the machine lists, a memmap for each zone, and percpu memory for
 * each CPU; nothing else, or frames could be lost by calling them reserved. Where the frames of
 * memmap and percpu lie is the target's business.
 */
#include "oracle/compare.h"

enum {
	PC_FIRST_MIB = 256,
	REAL_UNIT_MOST =
		512, /* pages: no unit is larger than the 2 MiB atom it is cut from (facts 16) */
};

static bool is_present(const struct shadow *s, uint64_t pfn)
{
	return pfn < s->max_pfn && s->frames[pfn].kind != FRAME_ABSENT;
}

/* Is the frame one that the machine wants reserved? */
static bool is_listed(const struct machine *m, uint64_t pfn)
{
	if (m->pc && pfn < PC_FIRST_MIB)
		return true;
	for (uint32_t i = 0; i < m->nr_reserved; i++)
		if (pfn >= m->reserved[i].start && pfn < m->reserved[i].end)
			return true;
	return false;
}

bool shadow_compare_listed(struct shadow *s, struct verdict *v)
{
	const struct machine *m = &s->machine;
	struct comparison c = { .s = s, .verdict = v };
	uint64_t end = m->nr_reserved ? m->reserved[m->nr_reserved - 1].end : 0;

	if (m->pc && end < PC_FIRST_MIB)
		end = PC_FIRST_MIB;
	for (uint64_t pfn = 0; pfn < end && pfn < s->max_pfn; pfn++) {
		if (!is_listed(m, pfn) || !is_present(s, pfn) ||
		    s->frames[pfn].kind == FRAME_RESERVED)
			continue;
		comparison_differs(&c, RULE_BOOT_RESERVED_LISTED, 1, 0, "reserved[%llu]",
				   (unsigned long long)pfn);
		v->pfn = pfn;
		return false;
	}
	s->exercised[RULE_BOOT_RESERVED_LISTED] += end > 0;
	return true;
}

/* Present frames that are listed, each once. */
static uint64_t listed_pages(const struct shadow *s)
{
	const struct machine *m = &s->machine;
	uint64_t pages = 0, low = m->pc ? PC_FIRST_MIB : 0;

	for (uint64_t pfn = 0; pfn < low; pfn++)
		pages += is_present(s, pfn);
	for (uint32_t i = 0; i < m->nr_reserved; i++)
		for (uint64_t pfn = m->reserved[i].start;
		     pfn < m->reserved[i].end && pfn < s->max_pfn; pfn++)
			pages += pfn >= low && is_present(s, pfn);
	return pages;
}

bool shadow_compare_reserved_size(struct shadow *s, struct verdict *v)
{
	struct comparison c = { .s = s, .verdict = v };
	bool real = s->machine.percpu_unit_pages == MACHINE_PERCPU_REAL;
	uint64_t least = listed_pages(s), most, actual = 0;

	for (uint32_t i = 0; i < s->nr_zones; i++)
		least += shadow_zone_memmap_pages(&s->zones[i]);
	most = least +
	       (real ? REAL_UNIT_MOST : s->machine.percpu_unit_pages) * (uint64_t)s->nr_cpus;
	/* A real unit depends on what the kernel links in: anything up to the atom is allowed. */
	if (!real)
		least = most;
	for (uint32_t i = 0; i < s->nr_reserved; i++)
		actual += s->reserved[i].end - s->reserved[i].start;
	if (actual < least || actual > most)
		return comparison_differs(&c, RULE_BOOT_RESERVED_SIZE,
					  actual < least ? least : most, actual, "reserved");
	s->exercised[RULE_BOOT_RESERVED_SIZE]++;
	return true;
}
