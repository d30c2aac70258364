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
	/* this CPU's part of the zone's counters (vmstat.h) */
	int16_t free_delta; /* pages that nr_free_pages does not show yet */
	uint8_t turns;	   /* vmstat_update()s until idle lists go back; 0: they stay */
	bool numa_event;   /* one that is no local hit, since the last vmstat_update() */
	struct list_head lists[NR_PCP_LISTS];
	uint64_t local_hits; /* NUMA_HIT and NUMA_LOCAL at once, since the last vmstat_update() */
} __attribute__((aligned(256))); /* so that [cpu] is a shift, and no two CPUs share a line */
_Static_assert(sizeof(struct per_cpu_pages) == 256, "many machines' arenas consist of page sets");

/* Where an allocation was served, as seen from where it was wanted (facts 3). */
enum numa_event {
	NUMA_HIT,	     /* in the zone's account: by the preferred zone's node */
	NUMA_MISS,	     /* by the zone, though another node was preferred */
	NUMA_FOREIGN,	     /* by another node, though the zone was preferred */
	NUMA_INTERLEAVE_HIT, /* on the node that a policy had chosen in turn */
	NUMA_LOCAL,	     /* to a CPU of the zone's node */
	NUMA_OTHER,	     /* to a CPU of another node */
	NR_NUMA_EVENTS
};

struct zone {
	/* read on every allocation */
	uint64_t _watermark[NR_WMARK]; /* pages, without boost */
	uint64_t watermark_boost;      /* pages, added to every mark */
	long lowmem_reserve
		[MAX_NR_ZONES];		 /* pages kept from requests that could use a higher zone */
	long nr_free_pages;		 /* in the free areas, less what CPUs keep to themselves */
	uint64_t nr_reserved_highatomic; /* pages in reserved pageblocks */
	struct per_cpu_pages *pageset;	 /* [cpu] */
	struct mm_machine *machine;
	struct pglist_data *pgdat;
	enum zone_type type;
	unsigned int id;       /* as in page->flags */
	unsigned int nr_isolate_pageblock; /* pageblocks of type ISOLATE */
	bool boosted;	       /* ZONE_BOOSTED_WATERMARK */
	bool avoids_fragments; /* requests that prefer this zone start with ALLOC_NOFRAGMENT */
	int stat_threshold;    /* pages: a CPU's delta beyond it is added up */
	struct mm_lock lock;
	pfn_t zone_start_pfn;
	uint64_t spanned_pages, present_pages, managed_pages;
	uint64_t percpu_drift_mark;		/* below it deltas matter; 0: nowhere */
	uint64_t nr_bad_counted;		/* pages of bad blocks that still count as free (5.10) */
	uint64_t numa_events[NR_NUMA_EVENTS];	/* without the CPUs' local_hits */
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
	/* kswapd: woken here, runs when it is told to */
	unsigned int kswapd_order;
	unsigned int kswapd_highest_zoneidx; /* MAX_NR_ZONES: none */
	bool kswapd_awake;
	struct zone *zones; /* [MAX_NR_ZONES] */
	struct zonelist zonelists[MAX_ZONELISTS];
	pfn_t start_pfn, end_pfn; /* of its memory, holes included */
	pfn_t movable_start;	  /* where its Movable zone begins; 0: it has none */
	pfn_t first_deferred_pfn; /* memory from here on is initialised later; PFN_NONE: none */
	uint64_t deferred_pages;  /* of that, what will be given to the buddy then */
};
_Static_assert(sizeof(struct pglist_data) == 80, "each allocation finds nodes[node]: shifts and a sum");

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
