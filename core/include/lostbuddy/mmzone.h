/*
 * Nodes, zones and what they hold. The state of the page allocator, as data; the code that changes
 * it is in core/page.
 *
 *   mm_machine --+-- pglist_data[node] --+-- zone[4] --+-- free_area[order].free_list[type]
 *                |                       |             +-- per_cpu_pages[cpu].lists[...]
 *                |                       +-- zonelists: fallback, thisnode
 *                +-- pageblock types, memmap
 *
 * Locking: zone->lock for free areas, types of its pageblocks and watermark_boost; each
 * per_cpu_pages has its own.
 */
#ifndef LB_MMZONE_H
#define LB_MMZONE_H

#include "lostbuddy/page_struct.h"

enum {
	NR_PCP_ORDER_LISTS = (PAGE_ALLOC_COSTLY_ORDER + 1) * MIGRATE_PCPTYPES,
	NR_PCP_LISTS =
		NR_PCP_ORDER_LISTS + 2, /* the last two: pageblock order, with THP (facts 8) */
};

enum zone_watermark { WMARK_MIN, WMARK_LOW, WMARK_HIGH, NR_WMARK };

struct mm_machine;

struct mm_lock {
	int held;
};

/* Free blocks of one order. */
struct free_area {
	struct list_head free_list[MIGRATE_TYPES];
	uint64_t nr_free; /* blocks on all lists */
};

struct per_cpu_pages {
	struct mm_lock lock;
	int count; /* pages on all lists */
	int high, batch;
	int free_factor; /* trims grow by 2^free_factor (facts 8) */
	struct list_head lists[NR_PCP_LISTS];
} __attribute__((aligned(256))); /* so that [cpu] is a shift, and no two CPUs share a line */

struct zone {
	/* read on every allocation */
	uint64_t _watermark[NR_WMARK]; /* pages, without boost */
	uint64_t watermark_boost;      /* pages, added to every mark */
	long lowmem_reserve
		[MAX_NR_ZONES];		 /* pages kept from requests that could use a higher zone */
	long nr_free_pages;		 /* in the free areas */
	uint64_t nr_reserved_highatomic; /* pages in reserved pageblocks */
	struct per_cpu_pages *pageset;	 /* [cpu] */
	struct mm_machine *machine;
	struct pglist_data *pgdat;
	enum zone_type type;
	unsigned int id;       /* as in page->flags */
	bool boosted;	       /* ZONE_BOOSTED_WATERMARK */
	bool avoids_fragments; /* requests that prefer this zone start with ALLOC_NOFRAGMENT */
	struct mm_lock lock;
	pfn_t zone_start_pfn;
	uint64_t spanned_pages, present_pages, managed_pages;
	int stat_threshold; /* what a CPU may hold back of a counter (facts 4, "Drift") */
	struct free_area free_area[MAX_TOP_ORDER + 1];
};

struct zoneref {
	struct zone *zone; /* NULL ends the list */
	unsigned int zone_idx;
};

enum { MAX_ZONEREFS = MM_MAX_NODES * MAX_NR_ZONES + 1 };

enum zonelist_kind { ZONELIST_FALLBACK, ZONELIST_NOFALLBACK, MAX_ZONELISTS };

struct zonelist {
	struct zoneref *zonerefs;
};

struct pglist_data {
	int node_id;
	struct zone *zones; /* [MAX_NR_ZONES] */
	struct zonelist zonelists[MAX_ZONELISTS];
	pfn_t start_pfn, end_pfn; /* of its memory, holes included */
	pfn_t movable_start;	  /* where its Movable zone begins; 0: it has none */
	/* kswapd: woken here, runs when it is told to */
	bool kswapd_awake;
	unsigned int kswapd_order;
	unsigned int kswapd_highest_zoneidx; /* MAX_NR_ZONES: none */
};

static inline uint64_t wmark_pages(const struct zone *zone, enum zone_watermark mark)
{
	return zone->_watermark[mark] + zone->watermark_boost;
}

static inline bool populated_zone(const struct zone *zone)
{
	return zone->present_pages != 0;
}

static inline bool managed_zone(const struct zone *zone)
{
	return zone->managed_pages != 0;
}

static inline pfn_t zone_end_pfn(const struct zone *zone)
{
	return zone->zone_start_pfn + zone->spanned_pages;
}

static inline bool zone_spans_pfn(const struct zone *zone, pfn_t pfn)
{
	return pfn >= zone->zone_start_pfn && pfn < zone_end_pfn(zone);
}

#endif
