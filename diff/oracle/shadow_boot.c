/*
 * Boot: from memory ranges and reserved ranges to zones, marks, page lists and free lists (facts 2,
 * 3, 4, 8, 20).
 *
 *   ranges of a node   |==========|      |=====================|    holes are spanned, not present
 *   zones              [ DMA | DMA32          | Normal          )    cut by the machine's borders
 *   free memory        0x12345..0x13001 = orders 0 1 3 4 5 7 10 10 10 0, each to the tail
 *
 * Only the reserved ranges are told; everything else follows from the machine. Order of things:
 * sizes, zonelists and grouping from what is expected to be free, the freeing itself, then marks,
 * reserves and page list sizes, and at last the pages that come too late for those.
 */
#include <stdlib.h>

#include "oracle/shadow.h"

enum {
	STRUCT_PAGE_BYTES = 64,
	PAGE_BYTES = 4096,
	PC_FIRST_MIB = 256,	     /* pages */
	THP_LEAST_PAGES = 512 * 256, /* 512 MiB */
};

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t overlap(uint64_t start, uint64_t end, const struct machine_range *range)
{
	uint64_t from = most(start, range->start), to = least(end, range->end);

	return from < to ? to - from : 0;
}

/* ---- Zones ---- */

static bool node_span(const struct machine *m, uint32_t node, uint64_t *start, uint64_t *end)
{
	*start = NO_PFN;
	*end = 0;
	for (uint32_t i = 0; i < m->nr_memory; i++)
		if (m->memory[i].node == node) {
			*start = least(*start, m->memory[i].start);
			*end = most(*end, m->memory[i].end);
		}
	return *end > 0;
}

/*
 * A zone's share of addresses, all nodes together; the border 0 means that the zone below it does
 * not exist.
 */
static void zone_limits(const struct machine *m, unsigned int index, uint64_t *low, uint64_t *high)
{
	uint64_t below_normal = most(m->dma_end, m->dma32_end);

	*low = index == ZONE_DMA ? 0 : index == ZONE_DMA32 ? m->dma_end : below_normal;
	*high = index == ZONE_DMA ? m->dma_end : index == ZONE_DMA32 ? m->dma32_end : m->max_pfn;
}

/* @movable: where Movable begins on the node; 0: nowhere */
static void zone_range(const struct machine *m, uint32_t node, unsigned int index, uint64_t movable,
		       uint64_t *start, uint64_t *end)
{
	uint64_t node_start, node_end, low, high;

	*start = *end = 0;
	if (!node_span(m, node, &node_start, &node_end) || (index == ZONE_MOVABLE && !movable))
		return;
	zone_limits(m, index, &low, &high);
	if (index == ZONE_MOVABLE)
		low = movable;
	else if (movable)
		high = least(high, movable);
	*start = most(node_start, low);
	*end = least(node_end, high);
	if (*start >= *end)
		*start = *end = 0;
}

static uint64_t present_between(const struct machine *m, uint32_t node, uint64_t start,
				uint64_t end)
{
	uint64_t present = 0;

	for (uint32_t i = 0; i < m->nr_memory; i++)
		if (m->memory[i].node == node)
			present += overlap(start, end, &m->memory[i]);
	return present;
}

static void add_zone(struct shadow *s, struct zone *zones, uint32_t node, unsigned int index)
{
	uint64_t start, end;
	struct zone *z = &zones[s->nr_zones];

	s->zone_number[node][index] = NO_ZONE;
	zone_range(&s->machine, node, index, s->movable_start[node], &start, &end);
	if (start >= end)
		return;
	*z = (struct zone){ .node = (uint8_t)node,
			    .index = (uint8_t)index,
			    .start = start,
			    .spanned = end - start };
	z->present = present_between(&s->machine, node, start, end);
	for (unsigned int o = 0; o <= MAX_TOP_ORDER; o++)
		for (unsigned int type = 0; type < NR_LIST_TYPES; type++)
			shadow_list_init(&z->lists[o][type]);
	s->zone_number[node][index] = (uint8_t)s->nr_zones++;
}

/* ---- Memory for the model ---- */

static size_t rounded(size_t size)
{
	return (size + 63) & ~(size_t)63;
}

static bool reserve_block(struct shadow *s)
{
	size_t zones = rounded(sizeof(*s->state));
	size_t pcp = zones + rounded(s->nr_zones * sizeof(*s->zones));
	size_t stats = pcp + rounded((size_t)s->nr_zones * s->nr_cpus * sizeof(*s->pcp));
	size_t frames = stats + rounded((size_t)s->nr_zones * s->nr_cpus * sizeof(*s->stats));
	size_t types = frames + rounded(s->max_pfn * sizeof(*s->frames));
	char *block;

	if (s->max_pfn >= NIL)
		return false;
	s->block_size = types + rounded(s->nr_pageblocks);
	block = calloc(1, s->block_size);
	s->block = block;
	if (!block)
		return false;
	s->state = (struct state *)(void *)block;
	s->zones = (struct zone *)(void *)(block + zones);
	s->pcp = (struct page_lists *)(void *)(block + pcp);
	s->stats = (struct cpu_stat *)(void *)(block + stats);
	s->frames = (struct frame *)(void *)(block + frames);
	s->types = (uint8_t *)(block + types);
	return true;
}

bool shadow_lay_out(struct shadow *s)
{
	struct zone *zones = calloc(MAX_ZONES, sizeof(*zones));
	bool done;

	if (!zones)
		return false;
	s->nr_zones = 0;
	shadow_movable_starts(&s->machine, s->movable_start);
	for (uint32_t node = 0; node < s->nr_nodes; node++)
		for (unsigned int index = 0; index < MACHINE_NR_ZONES; index++)
			add_zone(s, zones, node, index);
	done = reserve_block(s);
	if (done)
		memcpy(s->zones, zones, s->nr_zones * sizeof(*zones));
	free(zones);
	return done;
}

/* ---- What is expected to be free, before anything is ---- */

static uint64_t listed_as_reserved(const struct machine *m, uint64_t start, uint64_t end)
{
	struct machine_range low = { .start = 0, .end = m->pc ? PC_FIRST_MIB : 0 };
	uint64_t pages = overlap(start, end, &low);

	for (uint32_t i = 0; i < m->nr_reserved; i++) {
		uint64_t from = most(m->reserved[i].start, low.end);

		if (from < m->reserved[i].end)
			pages += overlap(most(start, from), end, &m->reserved[i]);
	}
	return pages;
}

/* Memory below dma_end that is not free when zones are sized. */
static uint64_t dma_reserve(const struct machine *m)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < m->nr_memory; i++)
		pages += listed_as_reserved(m, m->memory[i].start,
					    least(m->memory[i].end, m->dma_end));
	return pages;
}

uint64_t shadow_zone_memmap_pages(const struct zone *z)
{
	uint64_t pages = z->spanned > z->present + z->present / 16 ? z->present : z->spanned;

	return (pages * STRUCT_PAGE_BYTES + PAGE_BYTES - 1) / PAGE_BYTES;
}

static void expect_managed(struct shadow *s)
{
	for (uint32_t i = 0; i < s->nr_zones; i++) {
		const struct zone *z = &s->zones[i];
		uint64_t memmap = shadow_zone_memmap_pages(z), managed = z->present;

		if (managed >= memmap)
			managed -= memmap;
		if (z->index == ZONE_DMA && managed > dma_reserve(&s->machine))
			managed -= dma_reserve(&s->machine);
		s->initial_managed[i] = managed;
	}
}

/* Fewer pages than a pageblock for each type: grouping would only waste them. */
static bool is_too_small_for_grouping(const struct shadow *s)
{
	const struct zonelist *zl = &s->fallback[s->machine.cpu_node[0]];
	uint64_t pages = 0;

	for (uint32_t i = 0; i < zl->n; i++)
		pages += s->initial_managed[zl->zones[i]];
	return pages < (UINT64_C(1) << s->pageblock_order) * NR_MIGRATE_TYPES;
}

/* ---- Frames ---- */

static void init_frames(struct shadow *s)
{
	const struct machine *m = &s->machine;

	for (uint32_t i = 0; i < s->nr_zones; i++)
		for (uint32_t r = 0; r < m->nr_memory; r++) {
			const struct zone *z = &s->zones[i];

			if (m->memory[r].node != z->node)
				continue;
			uint64_t end = least(z->start + z->spanned, m->memory[r].end);

			for (uint64_t pfn = most(z->start, m->memory[r].start); pfn < end; pfn++)
				s->frames[pfn] =
					(struct frame){ .next = NIL,
							.prev = NIL,
							.kind = FRAME_PLAIN,
							.zone = (uint8_t)i,
							.mirrored = m->memory[r].mirror == 1 };
		}
	for (uint64_t b = 0; b < s->nr_pageblocks; b++) {
		uint64_t first = b << s->pageblock_order;
		bool memory = s->frames[first].kind != FRAME_ABSENT;
		bool later = memory && shadow_is_behind_deferred(s, first);

		s->types[b] = memory && !later ? MT_MOVABLE : MT_UNMOVABLE;
	}
}

/* False: a range that is not ascending, not apart from the one before, or not memory. */
static bool take_reserved(struct shadow *s, const struct machine_range *reserved, uint32_t nr)
{
	uint64_t last = 0;

	s->reserved = calloc(nr ? nr : 1, sizeof(*reserved));
	if (!s->reserved)
		return false;
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t start = reserved[i].start, end = reserved[i].end;

		if (start >= end || end > s->max_pfn || (i > 0 && start <= last))
			return false;
		for (uint64_t pfn = start; pfn < end; pfn++) {
			if (s->frames[pfn].kind != FRAME_PLAIN)
				return false;
			s->frames[pfn].kind = FRAME_RESERVED;
		}
		last = end;
		s->reserved[i] = reserved[i];
	}
	s->nr_reserved = nr;
	return true;
}

/* ---- Tunables and all that hangs on them ---- */

static void init_tunables(struct shadow *s)
{
	const struct machine *m = &s->machine;
	int64_t *t = s->state->tunables;

	t[SYSCTL_WATERMARK_SCALE_FACTOR] = m->watermark_scale_factor;
	t[SYSCTL_WATERMARK_BOOST_FACTOR] = m->watermark_boost_factor;
	t[SYSCTL_LOWMEM_RESERVE_RATIO_DMA] = m->lowmem_reserve_ratio[ZONE_DMA];
	t[SYSCTL_LOWMEM_RESERVE_RATIO_DMA32] = m->lowmem_reserve_ratio[ZONE_DMA32];
	t[SYSCTL_LOWMEM_RESERVE_RATIO_NORMAL] = m->lowmem_reserve_ratio[ZONE_NORMAL];
	s->state->user_min_free_kbytes = -1;
	shadow_tasks_init(s);
	shadow_switches_init(s);
	for (uint32_t node = 0; node < MACHINE_MAX_NODES; node++)
		s->state->kswapd[node].index = LB_NO_ZONE_INDEX;
}

static void init_page_lists(struct shadow *s)
{
	for (uint32_t i = 0; i < s->nr_zones * s->nr_cpus; i++)
		for (unsigned int k = 0; k < MAX_PCP_LISTS; k++)
			shadow_list_init(&s->pcp[i].lists[k]);
}

static void size_everything(struct shadow *s)
{
	shadow_watermark_setup(s);
	shadow_reserves_setup(s);
	shadow_pcp_set_sizes(s);
}

static void init_marks(struct shadow *s)
{
	int64_t *min_free = &s->state->tunables[SYSCTL_MIN_FREE_KBYTES];
	uint64_t managed = 0;

	*min_free = s->machine.min_free_kbytes;
	if (*min_free == MACHINE_BY_FORMULA)
		*min_free = shadow_min_free_by_formula(s);
	size_everything(s);
	shadow_stat_setup(s); /* once, from these marks, whatever becomes of them */
	for (uint32_t i = 0; i < s->nr_zones; i++)
		managed += s->zones[i].managed;
	if (!s->machine.thp || managed < THP_LEAST_PAGES ||
	    s->machine.min_free_kbytes != MACHINE_BY_FORMULA)
		return;
	*min_free = shadow_min_free_with_thp(s);
	size_everything(s);
}

/* Pages that a zone has when all that is deferred is there, and nothing that comes late. */
static uint64_t managed_for_marks(const struct shadow *s, uint32_t number)
{
	uint64_t pages = 0, late = 0;

	for (uint64_t pfn = 0; pfn < s->max_pfn; pfn++) {
		const struct frame *f = &s->frames[pfn];

		if (f->zone != number)
			continue;
		pages += f->kind != FRAME_ABSENT && f->kind != FRAME_RESERVED;
		late += f->kind == FRAME_LATE;
	}
	return pages - late;
}

static void init_marks_for_all(struct shadow *s)
{
	uint64_t now[MAX_ZONES] = { 0 };

	for (uint32_t i = 0; i < s->nr_zones; i++) {
		now[i] = s->zones[i].managed;
		s->zones[i].managed = managed_for_marks(s, i);
	}
	init_marks(s);
	for (uint32_t i = 0; i < s->nr_zones; i++)
		s->zones[i].managed = now[i];
}

bool shadow_boot(struct shadow *s, const struct machine_range *reserved, uint32_t nr)
{
	shadow_deferred_init(s);
	init_frames(s);
	init_page_lists(s);
	init_tunables(s);
	if (!take_reserved(s, reserved, nr) || !shadow_build_zonelists(s))
		return false;
	expect_managed(s);
	s->state->grouping_off = is_too_small_for_grouping(s);
	shadow_put_off(s);
	shadow_hold_back_late(s);
	shadow_free_all(s);
	shadow_shuffle_zones(s);
	init_marks_for_all(s);
	shadow_free_late(s);
	return true;
}
