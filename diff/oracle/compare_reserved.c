/*
 * What a target took for itself at boot: the only thing that the shadow is told, so it is looked at
 * first.
 *
 * Reserved are the ranges that the machine lists, a memmap for each zone, percpu memory for each CPU,
 * and what a zone has more than managed= lets it have; nothing else, or frames could be lost by calling
 * them reserved. Where the frames of memmap and percpu lie is the target's business, but for memory
 * that may be unplugged or is mirrored; what managed= keeps are a zone's lowest frames.
 *
 *   zone   |kkkkkk...............................mmmmmmp|    k: kept; m, p: memmap, percpu, anywhere
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

/* ---- What was taken beside the listed ranges ---- */

struct taken {
	uint64_t below, above; /* the first frame that the buddy got, in pages */
	uint64_t managed;      /* pages that the buddy got, or will get */
};

static struct taken taken_of(const struct shadow *s, uint32_t number)
{
	const struct zone *z = &s->zones[number];
	struct taken t = { 0 };

	for (uint64_t pfn = z->start; pfn < z->start + z->spanned; pfn++) {
		const struct frame *f = &s->frames[pfn];

		if (f->kind == FRAME_ABSENT || f->zone != number)
			continue;
		if (f->kind != FRAME_RESERVED)
			t.managed++;
		else if (!is_listed(&s->machine, pfn))
			*(t.managed ? &t.above : &t.below) += 1;
	}
	return t;
}

static uint64_t managed_of(const struct shadow *s, uint32_t number)
{
	return s->machine.managed[s->zones[number].node][s->zones[number].index];
}

/* A zone that is told how much to manage has no more; one that has less kept nothing. */
static bool compare_managed(struct comparison *c, uint32_t number, const struct taken *t)
{
	const struct zone *z = &c->s->zones[number];
	uint64_t managed = managed_of(c->s, number);

	if (managed == 0)
		return true;
	if (t->managed > managed)
		return comparison_differs(c, RULE_BOOT_MANAGED, managed, t->managed,
					  "zone[%u:%s].managed", z->node,
					  shadow_zone_index_name(z->index));
	c->s->exercised[RULE_BOOT_MANAGED]++;
	return true;
}

/* Memmap and percpu, in pages: from least to most. */
static void own_pages(const struct shadow *s, uint64_t *least, uint64_t *most)
{
	bool real = s->machine.percpu_unit_pages == MACHINE_PERCPU_REAL;
	uint64_t unit = real ? REAL_UNIT_MOST : s->machine.percpu_unit_pages;

	*least = 0;
	for (uint32_t i = 0; i < s->nr_zones; i++)
		*least += shadow_zone_memmap_pages(&s->zones[i]);
	*most = *least + unit * s->nr_cpus;
	/* A real unit depends on what the kernel links in: anything up to the atom is allowed. */
	if (!real)
		*least = *most;
}

bool shadow_compare_reserved_size(struct shadow *s, struct verdict *v)
{
	struct comparison c = { .s = s, .verdict = v };
	uint64_t least, most, actual = 0, not_kept = 0, not_lowest = 0;
	bool kept = false;

	own_pages(s, &least, &most);
	for (uint32_t i = 0; i < s->nr_zones; i++) {
		struct taken t = taken_of(s, i);
		bool full = managed_of(s, i) && t.managed == managed_of(s, i);

		if (!compare_managed(&c, i, &t))
			return false;
		kept |= full;
		actual += t.below + t.above;
		not_kept += full ? 0 : t.below + t.above;
		not_lowest += full ? t.above : t.below + t.above;
	}
	if (actual < least || not_kept > most)
		return comparison_differs(&c, RULE_BOOT_RESERVED_SIZE,
					  actual < least ? least : most,
					  actual < least ? actual : not_kept, "reserved");
	s->exercised[RULE_BOOT_RESERVED_SIZE]++;
	if (!kept)
		return true;
	s->exercised[RULE_BOOT_KEPT_LOWEST]++;
	return not_lowest <= most ||
	       comparison_differs(&c, RULE_BOOT_KEPT_LOWEST, most, not_lowest, "kept");
}

/* ---- Memory that may be unplugged ---- */

bool shadow_compare_hotplug(struct shadow *s, struct verdict *v)
{
	const struct machine *m = &s->machine;
	struct comparison c = { .s = s, .verdict = v };

	for (uint32_t i = 0; m->movable_node && i < m->nr_memory; i++) {
		const struct machine_range *range = &m->memory[i];

		for (uint64_t pfn = range->start; range->hotplug && pfn < range->end; pfn++) {
			if (s->frames[pfn].kind != FRAME_RESERVED || is_listed(m, pfn) ||
			    managed_of(s, s->frames[pfn].zone))
				continue;
			comparison_differs(&c, RULE_BOOT_HOTPLUG, 0, 1, "reserved[%llu]",
					   (unsigned long long)pfn);
			v->pfn = pfn;
			return false;
		}
		s->exercised[RULE_BOOT_HOTPLUG] += range->hotplug;
	}
	return true;
}

/* ---- Mirrored memory ---- */

/* The longest run that the buddy got of memory where boot looks first. */
static uint64_t longest_run(const struct shadow *s, const struct machine_range *range)
{
	uint64_t longest = 0, run = 0;

	if (!range->mirror || (s->machine.movable_node && range->hotplug))
		return 0;
	for (uint64_t pfn = range->start; pfn < range->end; pfn++) {
		run = s->frames[pfn].kind == FRAME_RESERVED ? 0 : run + 1;
		longest = run > longest ? run : longest;
	}
	return longest;
}

/* The largest piece that boot takes at once. */
static uint64_t largest_piece(const struct shadow *s)
{
	bool real = s->machine.percpu_unit_pages == MACHINE_PERCPU_REAL;
	uint64_t largest = real ? REAL_UNIT_MOST : s->machine.percpu_unit_pages;

	for (uint32_t i = 0; i < s->nr_zones; i++) {
		uint64_t memmap = shadow_zone_memmap_pages(&s->zones[i]);

		largest = memmap > largest ? memmap : largest;
	}
	return largest;
}

/*
 * Is there room in each node's mirrored memory even in the end? Twice the largest piece is enough,
 * however it is to be aligned.
 */
static bool has_mirrored_room(const struct shadow *s)
{
	const struct machine *m = &s->machine;
	uint64_t enough = 2 * largest_piece(s);
	bool memory[MACHINE_MAX_NODES] = { false }, room[MACHINE_MAX_NODES] = { false };

	for (uint32_t i = 0; i < m->nr_memory; i++) {
		memory[m->memory[i].node] = true;
		room[m->memory[i].node] |= longest_run(s, &m->memory[i]) >= enough;
	}
	return enough > 0 && memcmp(memory, room, sizeof(memory)) == 0;
}

bool shadow_compare_mirror(struct shadow *s, struct verdict *v)
{
	struct comparison c = { .s = s, .verdict = v };

	if (!has_mirrored_room(s))
		return true;
	s->exercised[RULE_BOOT_MIRROR]++;
	for (uint64_t pfn = 0; pfn < s->max_pfn; pfn++) {
		const struct frame *f = &s->frames[pfn];

		if (f->kind != FRAME_RESERVED || f->mirrored || is_listed(&s->machine, pfn) ||
		    managed_of(s, f->zone))
			continue;
		comparison_differs(&c, RULE_BOOT_MIRROR, 0, 1, "reserved[%llu]",
				   (unsigned long long)pfn);
		v->pfn = pfn;
		return false;
	}
	return true;
}
