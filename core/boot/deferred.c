/*
 * Deferred initialisation: of a node's highest zone, boot initialises a section or two; the rest
 * follows when a request fails there, or is told to come (facts 2; diff/READINGS.md "Deferred").
 *
 *   section   |         |         |         |         |
 *   node      DMA32 ....|RRRRRRRRR|0000rrr00|000000000|00rrr]   R initialised, r reserved at boot
 *                                 ^ first_deferred_pfn          0 deferred: struct pages are zeros
 *   steps                         |----|----|-- ...             whole blocks of the top order, until
 *                                                               a section ends and enough has come
 *
 * Invariants (mm_machine_check() reports them as M10):
 *   D1  no free block reaches beyond its node's first_deferred_pfn;
 *   D2  deferred_pages is what the deferred ranges of the node hold from there on, 0 where there is
 *       none; the zone manages them when they are freed, and not before.
 *
 * Locking: zone->lock for the buddy; the rest belongs to whoever grows, one at a time.
 * Not here: threads that initialise in the background: mm_deferred_init() stands for them.
 */
#include "boot/boot.h"

#include <stdlib.h>

#include "page/page_internal.h"

/* The zone that ends where the node ends; NULL: the node has no memory. */
static struct zone *last_zone(const struct pglist_data *pgdat)
{
	for (unsigned int type = MAX_NR_ZONES; type-- > 0;) {
		struct zone *zone = &pgdat->zones[type];

		if (zone->spanned_pages && zone_end_pfn(zone) == pgdat->end_pfn)
			return zone;
	}
	return NULL;
}

static pfn_t round_up(pfn_t pfn, uint64_t step)
{
	return (pfn + step - 1) / step * step;
}

/* ---- boot ---- */

/*
 * The first section that begins when more pages than a section has were counted, itself with them.
 */
static pfn_t first_deferred(const struct mm_machine *m, const struct memblock *mb,
			    const struct zone *zone)
{
	uint64_t section = m->config.section_pages, counted = 0;

	for (unsigned int i = 0; i < mb->memory.cnt; i++) {
		const struct mm_range *memory = &mb->memory.regions[i];
		pfn_t start = max_u64(memory->start, zone->zone_start_pfn);

		if (memory->node != zone->pgdat->node_id || start >= memory->end)
			continue;
		pfn_t first =
			round_up(start + (section > counted ? section - counted : 0), section);

		if (first < memory->end)
			return first;
		counted += memory->end - start;
	}
	return PFN_NONE;
}

void deferred_find(struct mm_machine *m, const struct memblock *mb)
{
	m->nr_deferred_nodes = 0;
	for (unsigned int node = 0; node < m->nr_nodes; node++) {
		struct pglist_data *pgdat = &m->nodes[node];
		const struct zone *zone = m->config.deferred ? last_zone(pgdat) : NULL;

		pgdat->first_deferred_pfn = zone ? first_deferred(m, mb, zone) : PFN_NONE;
		m->nr_deferred_nodes += pgdat->first_deferred_pfn != PFN_NONE;
	}
}

/* The next free range of memory that is deferred, or what of it is. */
static bool next_deferred_free(const struct mm_machine *m, const struct memblock *mb, pfn_t from,
			       struct mm_range *free)
{
	while (memblock_next_free(mb, from, free)) {
		from = free->end;
		free->start = max_u64(free->start, m->nodes[free->node].first_deferred_pfn);
		if (free->start < free->end)
			return true;
	}
	return false;
}

bool deferred_keep_ranges(struct mm_machine *m, const struct memblock *mb)
{
	struct mm_range free = { 0 };
	unsigned int ranges = 0;

	while (next_deferred_free(m, mb, free.end, &free))
		ranges++;
	if (!ranges)
		return true;
	m->deferred_ranges = malloc(ranges * sizeof(free));
	if (!m->deferred_ranges)
		return false;
	free.end = 0;
	while (next_deferred_free(m, mb, free.end, &free)) {
		m->deferred_ranges[m->nr_deferred_ranges++] = free;
		m->nodes[free.node].deferred_pages += free.end - free.start;
		if (m->poison_memory)
			for (pfn_t pfn = free.start; pfn < free.end; pfn++)
				mm_poison_block(m, pfn, 0);
	}
	return true;
}

void deferred_count(struct mm_machine *m, bool in)
{
	for (unsigned int node = 0; node < m->nr_nodes; node++) {
		const struct pglist_data *pgdat = &m->nodes[node];

		if (pgdat->first_deferred_pfn == PFN_NONE)
			continue;
		if (in)
			last_zone(pgdat)->managed_pages += pgdat->deferred_pages;
		else
			last_zone(pgdat)->managed_pages -= pgdat->deferred_pages;
	}
}

/* ---- later ---- */

/* What is deferred of a node from pfn on: the rest of a range. False: nothing. */
static bool next_part(const struct mm_machine *m, const struct pglist_data *pgdat, pfn_t pfn,
		      struct mm_range *part)
{
	for (unsigned int i = 0; i < m->nr_deferred_ranges; i++) {
		*part = m->deferred_ranges[i];
		if (part->node != pgdat->node_id || part->end <= pfn)
			continue;
		part->start = max_u64(part->start, pfn);
		return true;
	}
	return false;
}

pfn_t mm_skip_deferred(const struct mm_machine *m, pfn_t pfn)
{
	for (unsigned int i = 0; i < m->nr_deferred_ranges; i++) {
		const struct mm_range *range = &m->deferred_ranges[i];

		if (pfn >= range->start && pfn < range->end &&
		    pfn >= m->nodes[range->node].first_deferred_pfn)
			pfn = range->end;
	}
	return pfn;
}

/* Whole pageblocks as such, all else frame by frame. */
static void free_part(struct mm_machine *m, const struct zone *zone, const struct mm_range *part)
{
	memmap_init_frames(m, zone, part->start, part->end);
	for (pfn_t pfn = part->start; pfn < part->end;) {
		bool starts = is_aligned(pfn, m->pageblock_order);
		unsigned int order =
			starts && part->end - pfn >= pageblock_pages(m) ? m->pageblock_order : 0;

		if (starts)
			set_pageblock_type(m, pfn, MIGRATE_MOVABLE);
		free_boot_block(m, pfn, order);
		pfn += UINT64_C(1) << order;
	}
}

/* Frees what is deferred in [start, end). Returns the pages. */
static uint64_t free_step(struct mm_machine *m, struct pglist_data *pgdat, pfn_t start, pfn_t end)
{
	const struct zone *zone = last_zone(pgdat);
	uint64_t pages = 0;
	struct mm_range part;

	while (next_part(m, pgdat, start, &part) && part.start < end) {
		part.end = min_u64(part.end, end);
		free_part(m, zone, &part);
		pages += part.end - part.start;
		start = part.end;
	}
	pgdat->deferred_pages -= pages;
	return pages;
}

static bool same_section(const struct mm_machine *m, pfn_t a, pfn_t b)
{
	return a / m->config.section_pages == b / m->config.section_pages;
}

/*
 * Step by step from the first deferred frame on, to the end, or until a section ends and so many
 * pages have come. Returns the pages.
 */
static uint64_t grow(struct mm_machine *m, struct pglist_data *pgdat, uint64_t wanted)
{
	uint64_t top = UINT64_C(1) << m->top_order, pages = 0;
	pfn_t at = pgdat->first_deferred_pfn, start = PFN_NONE;
	struct mm_range part;
	bool more;

	while ((more = next_part(m, pgdat, at, &part))) {
		if (start != PFN_NONE && pages >= wanted && !same_section(m, start, part.start))
			break;
		start = part.start;
		at = round_up(start + 1, top);
		pages += free_step(m, pgdat, start, at);
	}
	pgdat->first_deferred_pfn = more ? part.start : PFN_NONE;
	if (!more)
		m->nr_deferred_nodes--;
	return pages;
}

bool deferred_grow_zone(struct zone *zone, unsigned int order)
{
	struct mm_machine *m = zone->machine;
	struct pglist_data *pgdat = zone->pgdat;

	if (pgdat->first_deferred_pfn == PFN_NONE || zone != last_zone(pgdat))
		return false;
	uint64_t pages = grow(m, pgdat, round_up(UINT64_C(1) << order, m->config.section_pages));

	if (pages)
		mm_emit(m, MM_EVENT_DEFERRED_GROW, zone, pgdat->first_deferred_pfn, order, 0,
			pages);
	/* where only reserved frames were left, it says once that it grew */
	return true;
}

void mm_deferred_init(struct mm_machine *m, unsigned int node)
{
	struct pglist_data *pgdat = &m->nodes[node];

	assert(node < m->nr_nodes);
	if (pgdat->first_deferred_pfn == PFN_NONE)
		return;
	uint64_t pages = grow(m, pgdat, UINT64_MAX);

	mm_emit(m, MM_EVENT_DEFERRED_INIT, last_zone(pgdat), pgdat->end_pfn, 0, 0, pages);
}
