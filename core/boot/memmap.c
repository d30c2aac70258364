/*
 * struct page of every frame, and the type of every pageblock.
 *
 * A pageblock is MOVABLE iff its first frame is memory; one that begins in a hole stays UNMOVABLE
 * (facts 2). Frames that are not memory are Reserved and belong to nobody; every present frame
 * starts with refcount 1, until it is freed. Whether types are used at all (grouping by mobility)
 * is decided only after this, by the zonelists.
 */
#include "boot/boot.h"

static void init_page(struct page *page, uint64_t flags)
{
	page->flags = flags;
	page->page_type = PAGE_TYPE_NONE;
	page->_refcount = 1;
}

static void init_range(struct mm_machine *m, const struct mm_range *memory)
{
	const struct pglist_data *pgdat = &m->nodes[memory->node];

	for (unsigned int type = 0; type < MAX_NR_ZONES; type++) {
		const struct zone *zone = &pgdat->zones[type];
		pfn_t start = max_u64(memory->start, zone->zone_start_pfn);
		pfn_t end = min_u64(memory->end, zone_end_pfn(zone));
		uint64_t flags = (uint64_t)zone->id << ZONE_ID_SHIFT | PAGE_FLAG(PG_RESERVED);

		for (pfn_t pfn = start; pfn < end; pfn++)
			init_page(&m->memmap[pfn], flags);
	}
}

static void init_hole(struct mm_machine *m, pfn_t start, pfn_t end)
{
	for (pfn_t pfn = start; pfn < end; pfn++)
		init_page(&m->memmap[pfn], PAGE_FLAG(PG_RESERVED));
}

/* Whole sections of nothing have no struct page in Linux, and nobody asks for them here. */
static bool section_is_absent(const struct memblock *mb, const struct mm_machine *m, pfn_t start)
{
	return memblock_memory_pages(mb, NUMA_NO_NODE, start, start + m->config.section_pages) == 0;
}

static void init_holes(struct mm_machine *m, const struct memblock *mb)
{
	pfn_t hole = 0;

	for (unsigned int i = 0; i < mb->memory.cnt; i++) {
		pfn_t end = mb->memory.regions[i].start;

		while (hole < end) {
			pfn_t next = min_u64(end, hole - hole % m->config.section_pages +
							  m->config.section_pages);

			if (!section_is_absent(mb, m, hole - hole % m->config.section_pages))
				init_hole(m, hole, next);
			hole = next;
		}
		hole = mb->memory.regions[i].end;
	}
}

static void init_pageblock_types(struct mm_machine *m, const struct memblock *mb)
{
	uint64_t block_pages = UINT64_C(1) << m->pageblock_order;

	for (unsigned int i = 0; i < mb->memory.cnt; i++) {
		const struct mm_range *memory = &mb->memory.regions[i];
		pfn_t pfn = (memory->start + block_pages - 1) & ~(block_pages - 1);

		for (; pfn < memory->end; pfn += block_pages)
			m->pageblock_type[pfn >> m->pageblock_order] = MIGRATE_MOVABLE;
	}
}

void memmap_init(struct mm_machine *m, const struct memblock *mb)
{
	for (unsigned int i = 0; i < mb->memory.cnt; i++)
		init_range(m, &mb->memory.regions[i]);
	init_holes(m, mb);
	init_pageblock_types(m, mb);
}
