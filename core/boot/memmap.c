/*
 * struct page of every frame, and the type of every pageblock.
 *
 *   section  | memory . hole | hole         | memory        | memory ..... |
 *   sparse     R R R R r r r   -              R R R R R R R   0 0 0 R R 0 0
 *   flat       R R R R r r r   r r r r r r    R R R R R R R   0 0 0 R R 0 0
 *                                                           ^ first deferred frame of the node
 *   R: of a zone, r: of a hole, both Reserved with refcount 1; -: none; 0: deferred (deferred.c)
 *
 * A pageblock is MOVABLE iff its first frame is memory and not deferred; one that begins in a hole
 * stays UNMOVABLE (facts 2). Frames that are not memory are Reserved and belong to nobody; every
 * present frame starts with refcount 1, until it is freed. Whether types are used at all (grouping
 * by mobility) is decided only after this, by the zonelists.
 */
#include "boot/boot.h"

static void init_page(struct page *page, uint64_t flags)
{
	page->flags = flags;
	page->page_type = PAGE_TYPE_NONE;
	page->_refcount = 1;
}

void memmap_init_frames(struct mm_machine *m, const struct zone *zone, pfn_t start, pfn_t end)
{
	uint64_t flags = (uint64_t)zone->id << ZONE_ID_SHIFT | PAGE_FLAG(PG_RESERVED);

	for (pfn_t pfn = start; pfn < end; pfn++)
		init_page(&m->memmap[pfn], flags);
}

/* [start, end) of a node, zone by zone. */
static void init_range(struct mm_machine *m, const struct pglist_data *pgdat, pfn_t start,
		       pfn_t end)
{
	for (unsigned int type = 0; type < MAX_NR_ZONES; type++) {
		const struct zone *zone = &pgdat->zones[type];

		memmap_init_frames(m, zone, max_u64(start, zone->zone_start_pfn),
				   min_u64(end, zone_end_pfn(zone)));
	}
}

/* What comes later in general; but what boot keeps is nobody's to initialise then. */
static void init_deferred_reserved(struct mm_machine *m, const struct memblock *mb,
				   const struct pglist_data *pgdat, pfn_t start, pfn_t end)
{
	for (unsigned int i = 0; i < mb->reserved.cnt; i++) {
		const struct mm_range *reserved = &mb->reserved.regions[i];

		init_range(m, pgdat, max_u64(start, reserved->start), min_u64(end, reserved->end));
	}
}

static void init_memory(struct mm_machine *m, const struct memblock *mb,
			const struct mm_range *memory)
{
	const struct pglist_data *pgdat = &m->nodes[memory->node];
	pfn_t deferred = min_u64(memory->end, pgdat->first_deferred_pfn);

	init_range(m, pgdat, memory->start, deferred);
	init_deferred_reserved(m, mb, pgdat, max_u64(memory->start, deferred), memory->end);
}

static void init_hole(struct mm_machine *m, pfn_t start, pfn_t end)
{
	for (pfn_t pfn = start; pfn < end; pfn++)
		init_page(&m->memmap[pfn], PAGE_FLAG(PG_RESERVED));
}

/* Whole sections of nothing have no struct page, unless the memory map is flat. */
bool mm_frame_exists(const struct mm_machine *m, pfn_t pfn)
{
	pfn_t section = pfn - pfn % m->config.section_pages;

	if (pfn >= m->max_pfn || m->config.flat)
		return pfn < m->max_pfn;
	for (unsigned int i = 0; i < m->config.nr_memory; i++)
		if (m->config.memory[i].start < section + m->config.section_pages &&
		    m->config.memory[i].end > section)
			return true;
	return false;
}

static void init_holes(struct mm_machine *m, const struct memblock *mb)
{
	pfn_t hole = 0;

	for (unsigned int i = 0; i <= mb->memory.cnt; i++) {
		bool last = i == mb->memory.cnt;
		pfn_t end = last ? m->max_pfn : mb->memory.regions[i].start;

		while (hole < end) {
			pfn_t next = min_u64(end, hole - hole % m->config.section_pages +
							  m->config.section_pages);

			if (mm_frame_exists(m, hole))
				init_hole(m, hole, next);
			hole = next;
		}
		hole = last ? end : mb->memory.regions[i].end;
	}
}

static void init_pageblock_types(struct mm_machine *m, const struct memblock *mb)
{
	uint64_t block_pages = UINT64_C(1) << m->pageblock_order;

	for (unsigned int i = 0; i < mb->memory.cnt; i++) {
		const struct mm_range *memory = &mb->memory.regions[i];
		pfn_t pfn = (memory->start + block_pages - 1) & ~(block_pages - 1);
		pfn_t end = min_u64(memory->end, m->nodes[memory->node].first_deferred_pfn);

		for (; pfn < end; pfn += block_pages)
			m->pageblock_type[pfn >> m->pageblock_order] = MIGRATE_MOVABLE;
	}
}

void memmap_init(struct mm_machine *m, const struct memblock *mb)
{
	for (unsigned int i = 0; i < mb->memory.cnt; i++)
		init_memory(m, mb, &mb->memory.regions[i]);
	init_holes(m, mb);
	init_pageblock_types(m, mb);
}
