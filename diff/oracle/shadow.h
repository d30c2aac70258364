/*
 * The shadow: what a Linux-like target must do, predicted from the machine, the calls and the facts
 * alone.
 *
 *   struct shadow    what never changes after boot: constants, zonelists, reserved ranges
 *     block -->      [ state | zones | page lists | frames | pageblock types ]   no pointers inside
 *     image -->      the same as it was after boot: a rewind is one copy
 *
 * Lists are doubly linked through frames by number: frames[pfn].next and .prev. A list is head,
 * tail and length.
 *
 *   PLAIN     memory that heads nothing on a list: held by somebody, or inside of a block
 *   FREE      first frame of a block on a free list: order, type = the list's type
 *   PCP       first frame of a block on a page list: order, type = what page->index remembers
 *   GUARD     first frame of a half that debug_pagealloc keeps off all lists: order
 *   RESERVED  never given to the buddy
 *   LEAKED    lost for good
 *   DEFERRED  free once its node's zone grows; nobody's until then
 *   LATE      during boot: will be freed at its end
 *   ABSENT    no memory
 *
 * Everything here is dumb on purpose: loops over arrays, no shortcut that the facts do not have.
 */
#ifndef LOSTBUDDY_ORACLE_SHADOW_H
#define LOSTBUDDY_ORACLE_SHADOW_H

#include <assert.h>
#include <string.h>

#include "oracle/oracle.h"

enum {
	ZONE_DMA,
	ZONE_DMA32,
	ZONE_NORMAL,
	ZONE_MOVABLE,
	MT_UNMOVABLE = 0,
	MT_MOVABLE,
	MT_RECLAIMABLE,
	MT_HIGHATOMIC,
	MT_ISOLATE, /* Debian's 6.1 has no CMA (facts 3) */
	NR_MIGRATE_TYPES,
	NR_LIST_TYPES = NR_MIGRATE_TYPES,
	NR_PCP_TYPES = 3,
	MAX_TOP_ORDER = 10,
	COSTLY_ORDER = 3,
	PCP_LOW_LISTS = (COSTLY_ORDER + 1) * NR_PCP_TYPES,
	MAX_PCP_LISTS = PCP_LOW_LISTS + 2,
	FREE_FACTOR_CAP = 5,
	MAX_ZONES = MACHINE_MAX_NODES * MACHINE_NR_ZONES,
	NO_ZONE = 0xff,
};

enum gfp_bit { /* facts 5 */
	       GFP_DMA = 0x1,
	       GFP_HIGHMEM = 0x2,
	       GFP_DMA32 = 0x4,
	       GFP_MOVABLE = 0x8,
	       GFP_RECLAIMABLE = 0x10,
	       GFP_HIGH = 0x20,
	       GFP_IO = 0x40,
	       GFP_FS = 0x80,
	       GFP_ZERO = 0x100,
	       GFP_ATOMIC = 0x200,
	       GFP_DIRECT_RECLAIM = 0x400,
	       GFP_KSWAPD_RECLAIM = 0x800,
	       GFP_NOWARN = 0x2000,
	       GFP_RETRY_MAYFAIL = 0x4000,
	       GFP_NOFAIL = 0x8000,
	       GFP_NORETRY = 0x10000,
	       GFP_MEMALLOC = 0x20000,
	       GFP_COMP = 0x40000,
	       GFP_NOMEMALLOC = 0x80000,
	       GFP_HARDWALL = 0x100000,
	       GFP_THISNODE = 0x200000,
	       GFP_ACCOUNT = 0x400000,
};

enum alloc_flag { /* facts 4 */
		  WMARK_MIN = 0,
		  WMARK_LOW = 1,
		  WMARK_HIGH = 2,
		  WMARK_MASK = 3,
		  ALLOC_NO_WATERMARKS = 0x04,
		  ALLOC_OOM = 0x08,
		  ALLOC_NON_BLOCK = 0x10,
		  ALLOC_MIN_RESERVE = 0x20,
		  ALLOC_CPUSET = 0x40,
		  ALLOC_NOFRAGMENT = 0x100,
		  ALLOC_HIGHATOMIC = 0x200,
		  ALLOC_KSWAPD = 0x800,
		  /* linux-5.10 calls two of them by other names, and means other things */
		  ALLOC_HARDER = ALLOC_NON_BLOCK,
		  ALLOC_HIGH = ALLOC_MIN_RESERVE,
};

#define NIL UINT32_MAX
#define NO_PFN UINT64_MAX

struct list {
	uint32_t head, tail, n;
};

enum frame_kind {
	FRAME_ABSENT,
	FRAME_PLAIN,
	FRAME_FREE,
	FRAME_PCP,
	FRAME_RESERVED,
	FRAME_LEAKED,
	FRAME_GUARD,
	FRAME_DEFERRED,
	FRAME_LATE,
};

/* What somebody did to a page; numbers as in LB_STATE_BAD_PAGES. Flags: facts 1. */
enum page_mark {
	MARK_MAPCOUNT = 1,
	MARK_MAPPING = 2,
	MARK_FIRST_FLAG = 4,
	MARK_LOCKED = MARK_FIRST_FLAG << 0,
	MARK_LRU = MARK_FIRST_FLAG << 4,
	MARK_ACTIVE = MARK_FIRST_FLAG << 5,
	MARK_SLAB = MARK_FIRST_FLAG << 9,
	MARK_RESERVED = MARK_FIRST_FLAG << 12,
	MARK_PRIVATE = MARK_FIRST_FLAG << 13,
	MARK_PRIVATE_2 = MARK_FIRST_FLAG << 14,
	MARK_WRITEBACK = MARK_FIRST_FLAG << 15,
	MARK_UNEVICTABLE = MARK_FIRST_FLAG << 20,
	MARK_MLOCKED = MARK_FIRST_FLAG << 21,
	MARK_HWPOISON = MARK_FIRST_FLAG << 23,
	/* what a free that looks finds bad; an allocation that looks finds any mark bad */
	MARKS_BAD_WHEN_FREED = MARK_MAPCOUNT | MARK_MAPPING | MARK_LOCKED | MARK_LRU | MARK_ACTIVE |
			       MARK_SLAB | MARK_RESERVED | MARK_PRIVATE | MARK_PRIVATE_2 |
			       MARK_WRITEBACK | MARK_UNEVICTABLE | MARK_MLOCKED,
};

/*
 * What a free frame holds where something is to be there; else 1 + the byte that was written over
 * it.
 */
enum { CONTENTS_RIGHT = 0, CONTENTS_OF_HOLDER = 257 };

struct frame {
	uint32_t next, prev;
	uint8_t kind;	     /* enum frame_kind */
	uint8_t order, type; /* of FREE and PCP; order of GUARD too, and of a block with pieces */
	uint8_t refs;	     /* references of a block that begins here; 0: none is known */
	uint8_t zone;	     /* number of its zone; NO_ZONE */
	uint8_t thp;	     /* the compound block that begins here has a THP's destructor */
	uint8_t mirrored;    /* memory that is kept twice */
	uint16_t contents;   /* of a frame that is free; else CONTENTS_RIGHT */
	uint32_t mark;	     /* enum page_mark */
	uint32_t pieces;     /* references of a block of fragments that begins here; 0: none does */
};

struct zone {
	uint8_t node, index, unused[6];
	uint64_t start, spanned, present, managed;
	int64_t free;	 /* NR_FREE_PAGES, the shared value: struct cpu_stat has the rest */
	int64_t mark[3]; /* min, low, high, without boost */
	int64_t boost;
	uint64_t boosted;   /* ZONE_BOOSTED_WATERMARK */
	int64_t highatomic; /* nr_reserved_highatomic */
	int64_t reserve[MACHINE_NR_ZONES];
	int64_t threshold;  /* a CPU's delta beyond it is added to free; 0 until boot is done */
	int64_t drift_mark; /* percpu_drift_mark; 0: deltas cannot matter */
	int64_t isolated;   /* nr_isolate_pageblock */
	uint64_t numa[LB_NUMA_COUNT];
	struct list lists[MAX_TOP_ORDER + 1][NR_LIST_TYPES];
};

struct cpu_stat { /* of one CPU in one zone */
	int64_t delta;	     /* of NR_FREE_PAGES, not yet in zone->free */
	uint64_t turns;	     /* of vmstat_update, until idle page lists go back; 0: they stay */
	uint64_t numa_event; /* 1: 5.10 counted one since the last vmstat_update */
};

struct page_lists { /* of one CPU in one zone */
	int64_t count, high, batch, free_factor;
	struct list lists[MAX_PCP_LISTS];
};

struct kswapd {
	uint64_t awake, order, index;
};

struct task { /* of a CPU */
	uint64_t mode;		/* enum policy_mode */
	uint64_t nodes;		/* of the policy */
	uint64_t il_prev;	/* the node that interleaving chose last; LB_NO_NODE */
	uint64_t mems_allowed;	/* nodes of its cpuset */
};
#define LB_NO_NODE UINT64_MAX

/* Where a CPU cuts fragments from, from the end down. */
struct frag_cache {
	uint64_t pfn;	 /* first frame of its block; NO_PFN: empty, and all else 0 */
	uint64_t size;	 /* bytes */
	uint64_t offset; /* what is left of it */
	uint64_t bias;	 /* of the block's references, those that the cache holds */
	uint64_t pfmemalloc;
};

/* Numbers of shuffling. */
struct shuffle {
	uint64_t generator;
	uint64_t pool, bits; /* bits are left in the pool */
};

struct state {
	uint64_t ticks;
	uint64_t grouping_off;
	int64_t tunables[SYSCTL_COUNT];
	int64_t user_min_free_kbytes;
	uint64_t counters[LB_COUNT_COUNT];
	int64_t nr_marked;  /* frames that are marked, and not lost */
	int64_t nr_guards, nr_thp;
	int64_t nr_dirty;	/* free frames whose contents are not right */
	int64_t nr_frag_blocks; /* that a cache or a fragment holds */
	uint64_t nr_leaked; /* frames */
	uint64_t changes;   /* of lists, types and reserves, ever */
	struct kswapd kswapd[MACHINE_MAX_NODES];
	uint64_t cpusets_on;
	uint64_t gfp_allowed_mask;
	struct task tasks[MACHINE_MAX_CPUS];
	uint64_t first_deferred[MACHINE_MAX_NODES]; /* pfn; NO_PFN: none */
	struct shuffle shuffle;
	struct frag_cache frag_caches[MACHINE_MAX_CPUS];
};

/* Order of zones for requests of one node: facts 3. */
struct zonelist {
	uint32_t n;
	uint8_t zones[MAX_ZONES];
};

/* What the walks of one allocation saw, for the judgement of a result that differs. */
struct trail {
	uint32_t walks;
	uint32_t highest;
	uint32_t nodemask; /* in force in the last walk; 0: none */
	const struct zonelist *zonelist;
	uint64_t failed;   /* bit a zone number: failed its mark in the last walk */
	uint64_t kept_out; /* ... was not looked at: another node than the task's cpuset allows */
	uint64_t passed; /* ... was tried for a block there */
	uint8_t asked_type;
	uint8_t taken_type; /* of the list the block stood on before it was taken or stolen */
	bool stolen;
};

struct shadow {
	struct machine machine;
	uint64_t *exercised;

	/* constants */
	uint32_t top_order, pageblock_order, nr_lists;
	uint32_t nr_zones, nr_cpus, nr_nodes;
	uint64_t max_pfn, nr_pageblocks;
	uint64_t initial_managed[MAX_ZONES]; /* before boot frees anything: facts 2 */
	uint64_t movable_start[MACHINE_MAX_NODES]; /* as said or derived; 0: none */
	uint64_t deferred_at_boot[MACHINE_MAX_NODES]; /* first deferred pfn then; NO_PFN: none */
	uint64_t late_end[MAX_ZONES]; /* behind the last frame that came late; 0: none did */
	uint8_t zone_number[MACHINE_MAX_NODES][MACHINE_NR_ZONES];
	uint32_t cpus_of_node[MACHINE_MAX_NODES];
	struct zonelist fallback[MACHINE_MAX_NODES], own[MACHINE_MAX_NODES];
	/* as if absent nodes counted the other way: what a mistake with them looks like */
	struct zonelist fallback_otherwise[MACHINE_MAX_NODES];
	struct machine_range *reserved; /* present frames that the buddy never got */
	uint32_t nr_reserved;

	/* one block */
	void *block, *image;
	size_t block_size;
	struct state *state;
	struct zone *zones;
	struct page_lists *pcp; /* [zone * nr_cpus + cpu] */
	struct cpu_stat *stats; /* likewise */
	struct frame *frames;
	uint8_t *types; /* a pageblock */

	uint64_t *words; /* scratch: an export of our own, to compare with */
	size_t words_capacity;

	/* scratch of the call that is carried out */
	const struct lb_call *call;
	struct lb_result *result;
	uint32_t cpu; /* the one that carries it out */
	uint64_t bulk[PROGRAM_MAX_COUNT]; /* frames of a bulk allocation; NO_PFN: none */
	struct trail trail;
	bool from_reserves; /* the last block came without a look at the marks */
	uint64_t dropped;   /* frames lost because one of them is marked hwpoison */
	bool flag_is_bad;   /* a block was noticed as bad for a flag, not for mapcount or mapping */
	bool checked;	    /* contents of a page that was handed out were looked at */
};

/* ---- shadow.c: life, and one operation ---- */
struct shadow *shadow_create(const struct machine *machine, uint64_t *exercised);
void shadow_destroy(struct shadow *s);
bool shadow_save(struct shadow *s); /* the state to which a rewind comes back; false: no memory */
void shadow_rewind(struct shadow *s);
void shadow_exec(struct shadow *s, const struct lb_call *call, struct lb_result *expect);

/* ---- boot.c ---- */
/*
 * @reserved: ascending, disjoint, present frames. Everything else follows from the machine. False:
 * no memory.
 */
bool shadow_boot(struct shadow *s, const struct machine_range *reserved, uint32_t nr);
uint64_t shadow_zone_memmap_pages(const struct zone *z);
bool shadow_lay_out(struct shadow *s); /* zones and memory for all that has a size; before boot */
bool shadow_build_zonelists(struct shadow *s);
/* Is it for the sake of absent nodes that a zone comes before another one in a zonelist? */
/* Nodes that are there, with memory or without. */
uint32_t shadow_nr_online_nodes(const struct shadow *s);
bool shadow_absent_nodes_decide(const struct shadow *s, const struct zonelist *zl, uint32_t number,
				uint32_t other);
void shadow_free_all(struct shadow *s); /* memblock_free_all and what was deferred */
void shadow_hold_back_late(struct shadow *s); /* from it */
void shadow_free_late(struct shadow *s);

/* ---- movable.c ---- */
bool shadow_movable_is_derived(const struct machine *m); /* and not said outright */
void shadow_movable_starts(const struct machine *m, uint64_t starts[MACHINE_MAX_NODES]);

/* ---- deferred.c ---- */
/* Where the facts let a node's deferred memory begin, whether the machine defers it or not. */
uint64_t shadow_first_deferred(const struct shadow *s, uint32_t node);
void shadow_deferred_init(struct shadow *s); /* before frames are */
void shadow_put_off(struct shadow *s);	     /* what is deferred is not free yet */
bool shadow_is_behind_deferred(const struct shadow *s, uint64_t pfn); /* at or behind the first one */
/* The zone lacks a block of an order. Is it worth another try now? */
bool shadow_deferred_grow(struct shadow *s, struct zone *z, unsigned int order);
void shadow_deferred_init_node(struct shadow *s, const struct lb_call *call, struct lb_result *r);

/* ---- buddy.c ---- */
void shadow_list_init(struct list *list);
void shadow_list_add_head(struct shadow *s, struct list *list, uint32_t pfn);
void shadow_list_add_tail(struct shadow *s, struct list *list, uint32_t pfn);
void shadow_list_del(struct shadow *s, struct list *list, uint32_t pfn);
void shadow_free_list_move(struct shadow *s, uint32_t pfn,
			   unsigned int type); /* to the tail of another type's list */
void shadow_free_list_take(struct shadow *s, uint32_t pfn); /* off its list, and nothing else */
/* A piece that was cut off goes to the head of its list. */
void shadow_free_list_add_piece(struct shadow *s, uint32_t pfn, unsigned int order,
				unsigned int type);
/* page_is_buddy: free or a guard, whole, of that order, of the same zone. */
bool shadow_is_buddy(const struct shadow *s, uint64_t pfn, unsigned int order, uint8_t zone);
bool shadow_is_free_block(const struct shadow *s, uint64_t pfn, unsigned int order, uint8_t zone);
bool shadow_is_free_frame(const struct shadow *s,
			  uint64_t pfn); /* in a free block, a guard or a page list */
void shadow_buddy_free(struct shadow *s, uint32_t pfn, unsigned int order, unsigned int type,
		       bool to_tail);
uint32_t shadow_buddy_take_smallest(struct shadow *s, struct zone *z, unsigned int order,
				    unsigned int type);

/* ---- fallback.c ---- */
unsigned int shadow_pageblock_type(const struct shadow *s, uint64_t pfn);
void shadow_pageblock_set_type(struct shadow *s, uint64_t pfn, unsigned int type);
/* Own list, then steals: a block, or NIL. */
uint32_t shadow_buddy_take(struct shadow *s, struct zone *z, unsigned int order, unsigned int type,
			   unsigned int alloc_flags);
/*
 * The free blocks of the zone whose heads lie in the page's pageblock go to the tails of a type's
 * lists, ascending. Returns their pages; 0 when the pageblock reaches beyond the zone's end.
 */
int64_t shadow_move_free_pages(struct shadow *s, struct zone *z, uint32_t page, unsigned int type);
void shadow_highatomic_reserve(struct shadow *s, struct zone *z, uint32_t pfn);
bool shadow_highatomic_unreserve(struct shadow *s, const struct zonelist *zl, uint32_t highest,
				 uint32_t nodemask, unsigned int type, bool force);

/* ---- pcp.c ---- */
bool shadow_pcp_has_order(const struct shadow *s, unsigned int order);
uint32_t shadow_pcp_take(struct shadow *s, struct zone *z, unsigned int cpu, unsigned int order,
			 unsigned int type, unsigned int alloc_flags);
/* The same for a bulk allocation: free_factor stays. */
uint32_t shadow_pcp_take_next(struct shadow *s, struct zone *z, unsigned int cpu,
			      unsigned int order, unsigned int type, unsigned int alloc_flags);
void shadow_pcp_free(struct shadow *s, uint32_t pfn, unsigned int cpu, unsigned int order);
void shadow_pcp_drain(struct shadow *s, unsigned int cpu);
void shadow_pcp_set_sizes(struct shadow *s);

/* Up to batch pages of the CPU's lists in one zone go back: what vmstat_update does to idle ones. */
void shadow_pcp_shrink(struct shadow *s, struct zone *z, unsigned int cpu);

/* ---- vmstat.c ---- */
void shadow_stat_setup(struct shadow *s); /* thresholds and drift marks, from the marks of boot */
void shadow_count_free(struct shadow *s, struct zone *z, int64_t pages); /* by the CPU that runs */
int64_t shadow_free_shared(const struct zone *z); /* what marks are compared with; never negative */
int64_t shadow_free_exact(const struct shadow *s, const struct zone *z);
int64_t shadow_free_safe(const struct shadow *s, const struct zone *z); /* exact below drift_mark */
void shadow_count_numa(struct shadow *s, struct zone *z, struct zone *preferred, unsigned int cpu);
void shadow_count_interleave_hit(struct shadow *s, struct zone *z, unsigned int cpu);
void shadow_vmstat_update(struct shadow *s, unsigned int cpu);

/* ---- watermark.c ---- */
bool shadow_watermark_ok(const struct shadow *s, const struct zone *z, unsigned int order,
			 int64_t mark, unsigned int highest, unsigned int alloc_flags,
			 int64_t free);
bool shadow_watermark_fast(const struct shadow *s, const struct zone *z, unsigned int order,
			   unsigned int highest, unsigned int alloc_flags, uint32_t gfp);
/* The same for one page above a mark that is not the request's own. */
bool shadow_watermark_fast_above(const struct shadow *s, const struct zone *z, int64_t mark,
				 unsigned int highest, unsigned int alloc_flags);
void shadow_watermark_boost(struct shadow *s, struct zone *z, unsigned int alloc_flags);
void shadow_watermark_setup(struct shadow *s); /* marks of all zones, boosts to 0 */
void shadow_reserves_setup(struct shadow *s);
int64_t shadow_min_free_by_formula(const struct shadow *s);
int64_t shadow_min_free_with_thp(const struct shadow *s);
int64_t shadow_lowmem_pages(
	const struct shadow *s); /* nr_free_buffer_pages on the boot CPU's node */
/* @gfp: of the request, which a cpuset may forbid to wake it for the zone. */
void shadow_kswapd_wake(struct shadow *s, const struct zone *z, unsigned int order,
			unsigned int highest, uint32_t gfp);

/* ---- alloc.c, slowpath.c ---- */
struct request {
	uint32_t gfp;
	unsigned int order, type, highest, cpu;
	uint32_t nodemask; /* 0: none */
	const struct zonelist *zonelist;
	unsigned int preferred; /* position in the zonelist; n: none matches */
};
/* One __alloc_pages: what is asked of it. */
struct wish {
	uint32_t gfp;
	unsigned int order;
	uint32_t node, nodemask; /* nodemask 0: none */
	uint32_t attempt;	 /* of its operation, for fault injection; from 1 */
};
void shadow_alloc(struct shadow *s, const struct lb_call *call, struct lb_result *r);
void shadow_alloc_pages(struct shadow *s, const struct wish *w, struct lb_result *r);
unsigned int shadow_gfp_zone(const struct shadow *s, uint32_t gfp);
/* Refused for its type, or complained of? False: refused, and r says so. */
bool shadow_accept_gfp(const struct shadow *s, uint32_t gfp, struct lb_result *r);
/* What a walk with low marks begins with; cpusets have had their say. */
struct request shadow_fast_request(const struct shadow *s, const struct wish *w, uint32_t gfp,
				   unsigned int *alloc_flags);
/* What the task's scope flags leave of a mask. 6.1 asks at the door, 5.10 on entering the slow path. */
uint32_t shadow_gfp_after_scopes(const struct shadow *s, uint32_t gfp, unsigned int scope);
unsigned int shadow_first_zone(const struct shadow *s, const struct request *rq, unsigned int from);
/* One walk over the zonelist (and a second one without NOFRAGMENT): a block, or NIL. */
uint32_t shadow_walk_zonelist(struct shadow *s, struct request *rq, unsigned int alloc_flags);
/* A block, or NIL with the outcome in r. */
uint32_t shadow_slow_path(struct shadow *s, struct request *rq, struct lb_result *r);

/* ---- policy.c ---- */
void shadow_tasks_init(struct shadow *s);
/* alloc_pages(gfp, order): where the task's policy says. */
void shadow_policy_alloc(struct shadow *s, uint32_t gfp, unsigned int order, struct lb_result *r);
void shadow_set_mempolicy(struct shadow *s, const struct lb_call *call, struct lb_result *r);
void shadow_set_mems_allowed(struct shadow *s, const struct lb_call *call, struct lb_result *r);
/* Who may use the zone, as far as cpusets go; true without them. */
bool shadow_cpuset_allows(const struct shadow *s, const struct zone *z, uint32_t gfp);
const struct task *shadow_task(const struct shadow *s); /* of the CPU that carries out the call */

/* ---- bulk.c ---- */
void shadow_alloc_bulk(struct shadow *s, const struct lb_call *call, struct lb_result *r);
void shadow_alloc_exact(struct shadow *s, const struct lb_call *call, struct lb_result *r);

/* ---- isolate.c ---- */
void shadow_isolate(struct shadow *s, const struct lb_call *call, struct lb_result *r);
void shadow_unisolate(struct shadow *s, const struct lb_call *call, struct lb_result *r);
void shadow_take_frame(struct shadow *s, const struct lb_call *call, struct lb_result *r);
void shadow_put_frame(struct shadow *s, const struct lb_call *call, struct lb_result *r);

/* ---- free.c ---- */
void shadow_free(struct shadow *s, const struct lb_call *call, struct lb_result *r);
void shadow_references(struct shadow *s, const struct lb_call *call, struct lb_result *r);
void shadow_misuse(struct shadow *s, const struct lb_call *call, struct lb_result *r);
/* The last reference to a single page is gone, and it goes past the page lists. */
void shadow_free_past_lists(struct shadow *s, uint32_t pfn, bool to_tail);
void shadow_free_whole(struct shadow *s, uint32_t pfn, unsigned int order);
unsigned int shadow_references_of(const struct shadow *s, uint32_t pfn);
bool shadow_head_is_bad(const struct shadow *s, uint32_t pfn); /* for a free that looks at it */
/* Who looks: whoever moves pages between page lists and buddy; whoever hands out or takes back. */
bool shadow_looks_at_buddy_end(const struct shadow *s);
bool shadow_looks_at_user_end(const struct shadow *s);
void shadow_lose(struct shadow *s, uint32_t pfn, uint64_t frames, bool bad);
/* A block that is to be handed out, or put on a page list for that: if any page is bad, it is lost. */
bool shadow_new_block_is_lost(struct shadow *s, uint32_t pfn, unsigned int order);

/* ---- switches.c ---- */
void shadow_switches_init(struct shadow *s);
void shadow_shuffle_zones(struct shadow *s); /* once, when boot has freed its memory */
bool shadow_shuffle_to_tail(struct shadow *s); /* a freed block of the top order */
/* A half that was cut off: does it become a guard? Its pages leave the count then. */
bool shadow_guard_make(struct shadow *s, uint32_t pfn, unsigned int order, unsigned int type);
void shadow_guard_join(struct shadow *s, uint32_t pfn, unsigned int type); /* a freed block's */
/* A block is handed out: were its free pages written to? */
void shadow_contents_check(struct shadow *s, uint32_t pfn, unsigned int order);
void shadow_contents_forget(struct shadow *s, uint32_t pfn); /* it is free no longer */
void shadow_contents_keep(struct shadow *s, uint32_t pfn);   /* it is free, as its holder left it */
void shadow_write_freed(struct shadow *s, const struct lb_call *call, struct lb_result *r);

/* ---- frag.c ---- */
void shadow_frag(struct shadow *s, const struct lb_call *call, struct lb_result *r);
/* The block that a fragment in this frame was cut from; NIL: none. */
uint32_t shadow_frag_head(const struct shadow *s, uint64_t pfn);

/* ---- tunables.c ---- */
void shadow_sysctl(struct shadow *s, const struct lb_call *call, struct lb_result *r);
void shadow_run_kswapd(struct shadow *s, const struct lb_call *call, struct lb_result *r);

/* ---- results.c, compare.c, adopt.c, export.c, print.c ---- */
bool shadow_step(struct shadow *s, const struct lb_call *call, const struct lb_result *actual,
		 const uint64_t *frames, struct verdict *v);
/* @frames: of a bulk allocation, beside s->bulk; NULL for everything else. */
bool shadow_judge(struct shadow *s, const struct lb_call *call, const struct lb_result *expect,
		  const struct lb_result *actual, const uint64_t *frames, struct verdict *v);
bool shadow_compare(struct shadow *s, const uint64_t *words, bool at_boot, struct verdict *v);
/*
 * At boot: is what the machine lists reserved, and is nothing else but memmap, percpu and what managed=
 * keeps? Does nothing of it lie in memory that may be unplugged?
 */
bool shadow_compare_listed(struct shadow *s, struct verdict *v);
bool shadow_compare_reserved_size(struct shadow *s, struct verdict *v);
bool shadow_compare_hotplug(struct shadow *s, struct verdict *v);
bool shadow_compare_mirror(struct shadow *s, struct verdict *v); /* or beside mirrored memory? */
/* References of live blocks are kept from s itself. False: *v says what is malformed. */
bool shadow_adopt(struct shadow *s, const uint64_t *words, struct verdict *v);
void shadow_copy_references(struct shadow *to, const struct shadow *from);
size_t shadow_export(const struct shadow *s, uint64_t *words, size_t capacity);
/* The shadow's part of oracle_memory(): references, which no export holds. */
size_t shadow_memory(const struct shadow *s, uint64_t *words, size_t capacity);
size_t shadow_print(const struct shadow *s, char *buffer, size_t size);
/* Our own export, in scratch memory. NULL: no memory. */
const uint64_t *shadow_words(struct shadow *s);
const char *shadow_zone_index_name(unsigned int index);

/* One section of what facts 6 and 18 call switches, fragments and page states. */
bool shadow_adopt_switch(struct shadow *s, const uint64_t *words, uint64_t n,
			 enum lb_state_section type);
void shadow_forget_switches(struct shadow *s);
/* Caches of fragments and their blocks, when all is read: do they fit? */
bool shadow_adopted_caches_fit(const struct shadow *s);

/* One section of an export. */
struct section {
	uint64_t type, n;
	const uint64_t *words;
};

/* The section that starts at *at, which goes on to the next one. False: it was the last. */
static inline bool section_next(const uint64_t **at, struct section *section)
{
	*section = (struct section){ .type = (*at)[0], .n = (*at)[1], .words = *at + 2 };
	*at += 2 + section->n;
	return section->type != LB_STATE_END;
}

/* The next section of a type; none: type END and no words. */
static inline bool section_find(const uint64_t **at, uint64_t type, struct section *section)
{
	const uint64_t *from = *at;

	while (section_next(&from, section))
		if (section->type == type) {
			*at = from;
			return true;
		}
	*section = (struct section){ .type = LB_STATE_END, .words = from };
	return false;
}

/* A rule was looked at with its premise true. Returns holds. */
static inline bool rule_holds(struct shadow *s, enum rule rule, bool holds)
{
	s->exercised[rule]++;
	return holds;
}

static inline bool is_5_10(const struct shadow *s)
{
	return s->machine.profile == PROFILE_LINUX_5_10;
}

static inline bool is_absent_node(const struct machine *m, uint32_t node)
{
	return m->absent_nodes >> node & 1;
}

/* Does a call ask for a node that is possible, and not there? */
static inline bool names_absent_node(const struct machine *m, const struct lb_call *call)
{
	return (op_info[call->op].arguments & ARG_NODE) && call->node >= 0 &&
	       is_absent_node(m, (uint32_t)call->node);
}

static inline struct zone *zone_of(const struct shadow *s, uint64_t pfn)
{
	assert(pfn < s->max_pfn && s->frames[pfn].zone != NO_ZONE);
	return &s->zones[s->frames[pfn].zone];
}

static inline uint32_t number_of(const struct shadow *s, const struct zone *z)
{
	return (uint32_t)(z - s->zones);
}

static inline struct page_lists *page_lists_of(const struct shadow *s, const struct zone *z,
					       unsigned int cpu)
{
	return &s->pcp[number_of(s, z) * s->nr_cpus + cpu];
}

static inline struct cpu_stat *stat_of(const struct shadow *s, const struct zone *z,
				       unsigned int cpu)
{
	return &s->stats[number_of(s, z) * s->nr_cpus + cpu];
}

#endif
