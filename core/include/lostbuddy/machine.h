/*
 * The virtual machine: made from a configuration, booted, used through a context, reset, thrown
 * away.
 *
 * All state hangs off struct mm_machine; many machines live in one process. "Current" is one
 * thread-local pointer to an execution context, which says on which machine and CPU, at which level
 * and under which scope flags the code runs.
 *
 * Invariants (mm_machine_check() reports them by number):
 *   M1  no frame is in two places: free blocks and page list entries are disjoint, and nobody holds
 *       them;
 *   M2  a listed block lies in its list's zone, is aligned to its size, has refcount 0 and its
 *       order in private;
 *   M3  nr_free of an order is the length of all its lists; the exact count of a zone's free pages
 *       (vmstat.h) is the pages of all its blocks that are not ISOLATE, and of the bad blocks that
 *       5.10 goes on counting (nr_bad_counted);
 *   M4  count of a page set is the number of pages on its lists, and every entry there has refcount
 *       0;
 *   M5  no free block has a buddy that it could have merged with when it was freed (below pageblock
 *       order);
 *   M6  a zone's pages lie in its span, and present >= managed;
 *   M7  no CPU keeps more of a zone's count to itself than stat_threshold;
 *   M8  a guard is aligned to its order, which is below guard_order, lies in one zone, and is in no list: its
 *       frames are counted nowhere, and nobody holds them (so no guard is a lost buddy: M5 knows listed
 *       blocks only);
 *   M9  the block of a fragment cache has at least the references that the cache holds itself;
 *   M10 nothing at or behind a node's first deferred pfn is free, and deferred_pages are what is to
 *       come from there: 0 where there is none.
 *
 * Locking: locks are one call with a mode: nothing (one thread, the default), scheduler (a program
 * says who runs; not before several CPUs interleave), real spinlocks. Time is virtual:
 * mm_advance(). Not here: page tables and TLB (vmalloc brings them), reclaim, compaction and the
 * OOM killer (hooks, with null answers).
 */
#ifndef LB_MACHINE_H
#define LB_MACHINE_H

#include "lostbuddy/event.h"
#include "lostbuddy/mempolicy.h"
#include "lostbuddy/mmzone.h"

#define MM_BY_FORMULA (-1L)
#define MM_PERCPU_REAL 0xffffffffu

enum mm_checks { MM_CHECKS_LINUX, MM_CHECKS_DEBUG, MM_CHECKS_OFF };
enum mm_lock_mode { MM_LOCKS_NOTHING, MM_LOCKS_SCHEDULER, MM_LOCKS_REAL };

/*
 * What a kernel version does differently, as data (facts, section by section). Masks are of enum
 * alloc_flags (core/page/page_internal.h).
 */
struct mm_profile {
	const char *name;

	/* Zonelists (facts 3). */
	bool lists_of_absent_nodes; /* built too, so that loads are carried over */
	bool node_load_is_rank; /* a node's load: how many were left to place; else: one more */

	/* Marks (facts 4, 5). */
	bool has_alloc_harder;		/* who may not wait is known by __GFP_ATOMIC, and HARDER lowers
					 * marks by itself; else: NON_BLOCK, inside of MIN_RESERVE */
	unsigned int reserve_flags;	/* any: pages kept for highatomic requests count as free */
	unsigned int last_resort_flags; /* any: they may be taken when nothing else is left */

	/* Buddy and migratetypes (facts 6, 7). */
	bool merges_unlike_types;     /* from pageblock order up only ISOLATE keeps blocks apart */
	bool bad_blocks_stay_counted; /* straight from the buddy: bad ones still count as free */
	bool nofragment_limits_all;   /* fallback order: orders above a pageblock's too */

	/* Page lists (facts 8). */
	unsigned int pcp_max_order; /* orders 0 .. this have page lists */
	bool pcp_has_thp_lists;	    /* with thp: pageblock order too */
	bool pcp_high_of_low_mark;  /* high follows the low mark; else: the zone's size */
	bool pcp_trims_grow;	    /* with free_factor; else: a batch each */
	int pcp_free_factor_cap;
	bool pcp_lists_take_turns; /* in bulk frees; else: one list is emptied after the other */
	bool pcp_drains_at_once;   /* else: in chunks */

	/* What a version has (facts 6, 10, 12). */
	bool exact_splits; /* alloc_pages_exact frees its surplus like any single pages */
	bool has_bulk, has_preferred_many, has_put_back;
	bool unisolate_needs_free_buddy; /* to free a block anew, so that it merges */

	/* Slow path (facts 5, 9). */
	bool scope_at_entry;		   /* scopes, PIN among them, change the mask at entry; else
					    * NOIO and NOFS do, when the slow path is entered */
	bool reserves_keep_kswapd;	   /* ALLOC_KSWAPD outlives the change to reserve flags */
	bool costly_retry_needs_compact;   /* RETRY_MAYFAIL alone does not make a costly order retry */
	bool free_counts_as_reclaimable;   /* without an LRU: should_reclaim_retry sees it twice */
	bool unreserves_when_hopeless;	   /* every time no zone could do; else: after 16 rounds */

	/* Counters (facts 8; diff/READINGS.md). */
	bool numa_events_start_turns; /* not only deltas do, until idle page lists go back */
};
extern const struct mm_profile mm_profile_linux_6_1;
extern const struct mm_profile mm_profile_linux_5_10;

struct mm_range {
	pfn_t start, end; /* [start, end) */
	int node;
	bool hotplug; /* of memory: may be unplugged while the machine runs */
	bool mirror;  /* of memory: kept twice; boot takes its memory from there first */
};

struct mm_config {
	const struct mm_profile *profile;
	enum mm_checks checks;
	enum mm_lock_mode locks;
	bool thp;
	bool pc; /* 0..1 MiB is reserved */
	unsigned int nr_nodes, nr_cpus;
	unsigned int absent_nodes; /* bit n: node n is possible, but not online */
	/* switches (facts 6, 18) */
	unsigned int shuffle; /* 0: off; else the seed of the random pool */
	bool debug_pagealloc;
	unsigned int guard_order; /* with debug_pagealloc: smaller halves become guards */
	bool init_on_alloc, init_on_free, page_poison;
	bool deferred; /* a node's highest zone is initialised as it is needed (facts 2) */
	bool flat;     /* frames of holes have a struct page too */
	unsigned int top_order, pageblock_order;
	pfn_t max_pfn, dma_end, dma32_end; /* dma_end, dma32_end: 0 = no such zone */
	uint64_t section_pages;
	uint32_t percpu_unit_pages;		   /* or MM_PERCPU_REAL */
	long min_free_kbytes, pcp_high, pcp_batch; /* or MM_BY_FORMULA */
	unsigned int watermark_scale_factor, watermark_boost_factor;
	unsigned int lowmem_reserve_ratio[MAX_NR_ZONES];
	pfn_t movable_start[MM_MAX_NODES]; /* 0: none */
	/*
	 * Or what a kernel derives them from (facts 2): pages, or hundredths of all memory. All 0:
	 * movable_start holds.
	 */
	uint64_t kernelcore_pages, movablecore_pages;
	unsigned int kernelcore_percent, movablecore_percent;
	bool movable_node; /* hot-pluggable memory is Movable, and boot allocates none of it */
	bool kernelcore_mirror; /* what is not mirrored is Movable */
	/*
	 * Pages the zone manages in the end (0: whatever boot leaves), and how many of them come
	 * after marks and reserves were computed (facts 21).
	 */
	uint64_t managed_pages[MM_MAX_NODES][MAX_NR_ZONES];
	uint64_t late_pages[MM_MAX_NODES][MAX_NR_ZONES];
	unsigned int cpu_node[MM_MAX_CPUS];
	unsigned int distance[MM_MAX_NODES][MM_MAX_NODES];
	unsigned int nr_memory, nr_reserved;
	struct mm_range memory[MM_MAX_RANGES];	 /* ascending, disjoint, without pfn 0 */
	struct mm_range reserved[MM_MAX_RANGES]; /* ascending, disjoint */
};

/* Tunables of /proc/sys/vm. */
enum mm_sysctl {
	MM_SYSCTL_MIN_FREE_KBYTES,
	MM_SYSCTL_WATERMARK_SCALE_FACTOR,
	MM_SYSCTL_WATERMARK_BOOST_FACTOR,
	MM_SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION,
	MM_SYSCTL_LOWMEM_RESERVE_RATIO_DMA,
	MM_SYSCTL_LOWMEM_RESERVE_RATIO_DMA32,
	MM_SYSCTL_LOWMEM_RESERVE_RATIO_NORMAL,
	MM_SYSCTL_COUNT
};

/*
 * What reclaim, compaction and the OOM killer answer. The defaults reclaim, compact and kill
 * nothing.
 */
enum mm_compact_result { MM_COMPACT_SKIPPED, MM_COMPACT_COMPLETE };
enum mm_oom_result { MM_OOM_NO_VICTIM, MM_OOM_KILLED };

struct mm_hooks {
	uint64_t (*try_to_free_pages)(struct mm_machine *m, gfp_t gfp, unsigned int order);
	enum mm_compact_result (*try_to_compact_pages)(struct mm_machine *m, gfp_t gfp,
						       unsigned int order);
	enum mm_oom_result (*out_of_memory)(struct mm_machine *m, gfp_t gfp, unsigned int order);
};

struct mm_vmstat {
	uint64_t pgalloc, pgfree; /* pages */
	uint64_t leaked;	  /* frames lost for good: bad pages */
	uint64_t bad_pages;	  /* reports */
};

/* What shuffles (core/page/shuffle.c): one generator a machine, and bits that were drawn in advance. */
struct mm_random {
	uint64_t state; /* of the generator */
	uint64_t pool;	/* the next bit is the lowest */
	unsigned int bits; /* left in the pool */
};

struct page_frag_cache;

struct mm_machine {
	/* read on every allocation */
	bool plain; /* nobody listens, locks, poisons or groups otherwise, no switch: shortcuts allowed */
	bool plain_tasks; /* no policy, no cpuset, no bit that is not allowed */
	mm_listener *listener;
	void *listener_data;
	struct page *memmap;
	uint8_t *pageblock_type; /* [pfn >> pageblock_order] */
	char *memory;		 /* host address of frame 0 */
	unsigned int top_order, pageblock_order;
	unsigned int nr_nodes, nr_cpus;
	enum mm_checks checks;
	bool checks_at_user;  /* bad states are looked for where holders take and give back */
	bool checks_at_buddy; /* ... and where blocks come from the buddy and go back to it */
	enum mm_lock_mode locks;
	unsigned int guard_order; /* halves below it become guards; 0: none do */
	unsigned int pcp_max_order;
	unsigned int reserve_flags; /* the profile's */
	bool pcp_thp;		/* pageblock order has page lists */
	bool grouping_disabled; /* page_group_by_mobility_disabled */
	bool fills_pages;	/* init_on_alloc, init_on_free or page_poison: contents.c */
	bool poison_memory;	/* AddressSanitizer build: bytes of free pages are poisoned */
	unsigned int cpu_node[MM_MAX_CPUS];
	uint8_t gfp_zone_table[16];
	struct zone *zone_of[MM_MAX_NODES << ZONE_ID_ZONE_BITS]; /* by page_zone_id */
	struct pglist_data *nodes;
	struct mm_vmstat vmstat;
	uint64_t changes; /* of free areas and types: tells whether a round changed anything */
	uint64_t jiffies;
	uint64_t sysctl[MM_SYSCTL_COUNT];
	struct mm_task *tasks; /* [cpu]: the task that runs there */
	struct page_frag_cache *frag_caches; /* [cpu]: page_frag.h */
	struct mm_random random;
	bool cpusets;	       /* a task was given a cpuset: from then on all requests look */
	gfp_t gfp_allowed_mask; /* bits that requests may have */
	long user_min_free_kbytes; /* -1: never written */
	struct mm_hooks hooks;
	pfn_t max_pfn;
	uint64_t nr_pageblocks;
	uint64_t nr_kernel_pages; /* "Total pages" of the zonelist line */
	unsigned int nr_deferred_nodes; /* nodes with deferred memory */
	struct mm_config config;
	/* the host's side */
	char *arena;
	size_t arena_size;
	uint8_t *handed_out;	/* [pfn], poison.c: unpoisoned since boot; not part of the arena */
	uint8_t *contents;	/* [pfn], contents.c: what is known of them; not part of the arena */
	char *boot_image; /* what of the arena may change, as it was right after boot */
	/*
	 * what the deferred memory of all nodes gives, ascending: as found at boot, never changed
	 */
	struct mm_range *deferred_ranges;
	unsigned int nr_deferred_ranges;
	size_t memory_size;
};

/* Levels, lowest first; a higher one interrupts a lower one. */
enum mm_level { MM_TASK, MM_SOFTIRQ, MM_IRQ, MM_NMI };

enum mm_scope {
	MM_SCOPE_NOIO = 1 << 0,
	MM_SCOPE_NOFS = 1 << 1,
	MM_SCOPE_MEMALLOC = 1 << 2,
	MM_SCOPE_PIN = 1 << 3,
	MM_SCOPE_RT = 1 << 4,
	MM_SCOPE_VICTIM = 1 << 5,
};

/* Why the last allocation of a context gave nothing. */
enum mm_failure {
	MM_FAIL_NONE,
	MM_FAIL_ORDER, /* above the top order */
	MM_FAIL_INJECTED,
	MM_FAIL_ZONE,	   /* no zone of the zonelist matches */
	MM_FAIL_WATERMARK, /* every zone failed its mark */
	MM_FAIL_BLOCK,	   /* a zone passed its mark, but has no block to take */
	MM_FAIL_TYPE,	   /* MOVABLE and RECLAIMABLE together */
	MM_FAIL_CONTEXT,   /* from NMI */
	MM_FAIL_LOOP,	   /* would loop for ever */
	MM_FAIL_OOM,	   /* no victim: the kernel would panic */
	MM_FAIL_FRAGMENT,  /* more bytes than the fragment cache's block has */
};

enum mm_warning {
	MM_WARN_SLEEP = 1 << 0,
	MM_WARN_BAD_PAGE = 1 << 1,
	MM_WARN_ORDER = 1 << 2,
	MM_WARN_POISON = 1 << 3,   /* a new page had been written to while it was free */
	MM_WARN_BIT_FLIP = 1 << 4, /* ... and in one such page a single bit was all that differed */
};

/* Where code runs. */
struct mm_context {
	struct mm_machine *machine;
	unsigned int cpu;
	enum mm_level level;
	unsigned int scope;	 /* enum mm_scope */
	unsigned int fail_nth;	 /* the n-th attempt from now on fails; 0: none */
	enum mm_failure failure; /* of the last allocation that gave nothing */
	unsigned int warnings;	 /* enum mm_warning, collected until the owner clears them */
};

extern _Thread_local struct mm_context *mm_current;

/* Stable names of the places where another CPU or an interrupt may come in between. */
enum mm_sched_point {
	MM_POINT_ZONE_LOCK,
	MM_POINT_ZONE_UNLOCK,
	MM_POINT_PCP_LOCK,
	MM_POINT_PCP_UNLOCK
};

/*
 * mm_machine_create - lay out and boot a machine.
 * @config: ranges, borders, constants; see machine_check() of the language for what is possible.
 * Copied.
 * @error:  256 bytes for a sentence, when NULL is returned
 * Returns the machine, or NULL iff the configuration cannot be laid out (locks = scheduler, no room
 * for the boot reservations) or the host has no memory. Facts: 2, 3, 4.
 */
struct mm_machine *mm_machine_create(const struct mm_config *config, char *error);
void mm_machine_destroy(struct mm_machine *m);

/* Back to the state right after boot, by copying. Page contents stay as they are. */
void mm_machine_reset(struct mm_machine *m);

/* The first invariant that does not hold, as "M3: ..." in why (256 bytes); true iff all hold. */
bool mm_machine_check(struct mm_machine *m, char *why);

void mm_listen(struct mm_machine *m, mm_listener *listener, void *data);

/* Virtual time goes on. */
void mm_advance(struct mm_machine *m, uint64_t jiffies);

/*
 * Writes a tunable and what depends on it. False and unchanged iff the value is out of range.
 * Facts: 4, 8.
 */
bool mm_sysctl_write(struct mm_machine *m, enum mm_sysctl name, uint64_t value);

/* kswapd of the node runs once: reclaims nothing, drops the boosts, sleeps. */
void mm_run_kswapd(struct mm_machine *m, unsigned int node);

/*
 * mm_deferred_init - what is left of a node's deferred memory is initialised and freed, as the
 * kernel's own threads do late in boot. Context: any. Facts: 2.
 */
void mm_deferred_init(struct mm_machine *m, unsigned int node);

/*
 * A frame that a struct page exists for: of a section that holds memory; in a flat map any below
 * max_pfn.
 */
bool mm_frame_exists(const struct mm_machine *m, pfn_t pfn);

/*
 * mm_skip_deferred - the first frame from pfn on that is not to be given to the buddy later. Where
 * it is pfn itself, the frame is initialised, or no memory.
 */
pfn_t mm_skip_deferred(const struct mm_machine *m, pfn_t pfn);

/* Complains (MM_WARN_SLEEP) where the current context may not sleep. */
void might_sleep(void);

/* Absent nodes are possible, but have nothing and run nothing. */
static inline bool mm_node_online(const struct mm_machine *m, unsigned int node)
{
	return !(m->config.absent_nodes >> node & 1);
}

unsigned int mm_nr_online_nodes(const struct mm_machine *m);

static inline struct zone *mm_zone(const struct mm_machine *m, unsigned int node, unsigned int type)
{
	return &m->nodes[node].zones[type];
}

/* Page lists of a page set: they are lists[0] up. Facts: 8. */
static inline unsigned int mm_nr_pcp_lists(const struct mm_machine *m)
{
	return (m->pcp_max_order + 1) * MIGRATE_PCPTYPES + (m->pcp_thp ? 2 : 0);
}

static inline struct zone *page_zone(const struct mm_machine *m, const struct page *page)
{
	return m->zone_of[page_zone_id(page)];
}

#endif
