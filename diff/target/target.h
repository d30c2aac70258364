/*
 * What an implementation must offer to be tested: the target's side of lostbuddy. C, usable from C++.
 *
 * A target is a table of functions, found in a shared object under the name `lostbuddy_target`:
 *
 *	const struct lb_target lostbuddy_target = { .abi = LB_TARGET_ABI, .name = "mine", ... };
 *
 * The judge calls create once for a machine, exec for each operation, and destroy at the end. Whatever else a target
 * offers (export_state, reset, peek, memory, paths) makes the verdict sharper or the run faster. What it does not offer
 * is 0 or NULL, and the judge applies the levels of the oracle that remain. simple.h makes a target out of
 * create, alloc, free and destroy.
 *
 * A target may be called by one thread at a time. It may crash or hang: foreign targets run in a supervised worker.
 */
#ifndef LOSTBUDDY_TARGET_H
#define LOSTBUDDY_TARGET_H

#include "program/program.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LB_TARGET_ABI 3

/* How an operation ended. */
enum lb_outcome {
	LB_DONE,	/* the operation gives no block, and was carried out */
	LB_BLOCK,	/* a block: pfn is its first frame */
	LB_NULL,	/* no block; reason says why */
	LB_LOOP,	/* would loop for ever: one whole round changed nothing */
	LB_OOM,		/* out of memory: no victim to kill */
	LB_REFUSED,	/* misuse with no defined outcome, or a value out of range; reason says which; state unchanged */
	LB_OUTCOME_COUNT
};

/* Why there is no block (LB_NULL) or why it was refused (LB_REFUSED). */
enum lb_reason {
	LB_REASON_NONE,
	/* LB_NULL */
	LB_NO_ORDER,		/* "order": higher than the top order */
	LB_NO_INJECTED,		/* "injected": fail_nth */
	LB_NO_ZONE,		/* "zone": no zone of the zonelist matches (nodemask, highest zone, THISNODE) */
	LB_NO_WATERMARK,	/* "watermark": in the last walk every zone that was looked at failed its mark */
	LB_NO_BLOCK,		/* "block": in the last walk a zone passed its mark, but had no block that may be taken */
	LB_NO_MEMORY,		/* "memory": a target that knows no watermarks has no block left */
	/* LB_REFUSED */
	LB_NOT_HELD,		/* "double-free": its last reference is gone */
	LB_NOT_HEAD,		/* "tail": not the first page of a block */
	LB_NOT_FRAME,		/* "frame": no such frame */
	LB_BAD_ORDER,		/* "order": not the block's */
	LB_BAD_RANGE,		/* "range": a value or argument out of its range */
	LB_BAD_TYPE,		/* "type": MOVABLE and RECLAIMABLE together (type 3; its page list does not exist) */
	LB_BAD_CONTEXT,		/* "context": page allocation from NMI */
	LB_NOT_ALLOWED,		/* "block": compound, shared or single where the operation needs the contrary */
	LB_BUSY,		/* "busy": a frame that is in use, or not in the state the operation starts from */
	LB_NO_PROFILE,		/* "profile": the kernel version has no such thing */
	LB_REASON_COUNT
};

/* What the implementation complained of while it ran: bits of lb_result.warnings. */
enum lb_warning {
	LB_WARN_SLEEP = 1 << 0,		/* DIRECT_RECLAIM at a level that may not sleep (not task) */
	LB_WARN_BAD_PAGE = 1 << 1,	/* a bad page was found (facts 6), and its block leaked */
	LB_WARN_ORDER = 1 << 2,		/* order above the top order without NOWARN */
	LB_WARN_POISON = 1 << 3,	/* a page that was handed out had been written to while it was free */
	LB_WARN_BIT_FLIP = 1 << 4,	/* with LB_WARN_POISON: in one of them, a single bit of a single byte */
};

/* One operation, resolved: self-contained, no handles. Fields an operation lacks are 0. */
struct lb_call {
	uint8_t op;		/* enum opcode */
	uint8_t cpu;
	uint8_t level;		/* enum context_level */
	uint8_t scope;		/* enum context_scope */
	uint8_t order;		/* of the allocation; of the block; for free_wrong_order: the wrong one */
	uint8_t block_order;	/* of the block the call is about, when it has one */
	uint8_t compound;	/* the block is compound */
	uint8_t name;		/* enum sysctl_name, or enum policy_mode */
	int32_t node;		/* NODE_NONE: the CPU's own */
	uint32_t gfp;
	uint32_t nodemask;
	uint32_t fail_nth;
	uint32_t page;		/* already taken modulo the block's pages */
	uint32_t value;		/* for isolate_range and unisolate_range as written in the program */
	uint32_t count;		/* single pages asked for; for alloc_pages_bulk entries of the array */
	uint32_t offset;	/* page_frag_free: where in frame pfn the fragment begins, in bytes */
	/* first frame of the block the call is about; for free_pfn and take_page_off_buddy the frame itself */
	uint64_t pfn;
};

struct lb_result {
	uint8_t outcome;	/* enum lb_outcome */
	uint8_t reason;		/* enum lb_reason */
	uint8_t warnings;	/* enum lb_warning */
	uint8_t unused;
	uint32_t leaked;	/* frames that this operation lost for good, as the facts say it does */
	uint64_t pfn;		/* LB_BLOCK: its first frame. split_page: page n of the block is result n */
	/*
	 * alloc_pages_bulk, alloc_pages_bulk_list: what the function returned: entries that were filled or passed over, or
	 * pages on the list. LB_DONE, however many came; the frames are in results(). alloc_pages_exact: LB_BLOCK, and
	 * handle n is frame pfn + n. Everything else: 0.
	 */
	uint32_t count;
	uint32_t offset;	/* page_frag_alloc: LB_BLOCK, and where in frame pfn the fragment begins, in bytes */
};

/* Paths through an allocator that a run can be asked for: which were taken, how often. */
enum lb_path {
	LB_PATH_SPLIT,			/* a larger block was cut */
	LB_PATH_MERGE,			/* a freed block joined its buddy */
	LB_PATH_STEAL_PAGE,		/* fallback moved only the block it took */
	LB_PATH_STEAL_MOVE,		/* fallback moved the free pages of a pageblock, type unchanged */
	LB_PATH_STEAL_CLAIM,		/* ... and the pageblock changed its type */
	LB_PATH_STEAL_WHOLE,		/* fallback took a block of a pageblock or more */
	LB_PATH_BOOST,			/* a watermark was boosted */
	LB_PATH_PCP_REFILL, LB_PATH_PCP_TRIM, LB_PATH_PCP_DRAIN,
	LB_PATH_SLOWPATH,		/* the slow path was entered */
	LB_PATH_KSWAPD_WAKE,
	LB_PATH_OTHER_ZONE,		/* served by a zone that is not the preferred one */
	LB_PATH_OTHER_NODE,
	LB_PATH_RESERVES,		/* served below the min mark */
	LB_PATH_HIGHATOMIC_RESERVE, LB_PATH_HIGHATOMIC_TAKE, LB_PATH_HIGHATOMIC_UNRESERVE,
	LB_PATH_NOFRAGMENT_RETRY,	/* the second walk, after NOFRAGMENT was dropped */
	LB_PATH_FAIL_WATERMARK, LB_PATH_FAIL_BLOCK, LB_PATH_FAIL_ZONE, LB_PATH_FAIL_ORDER, LB_PATH_FAIL_INJECTED,
	LB_PATH_LOOP, LB_PATH_OOM,
	LB_PATH_PARTIAL_FREE,		/* __free_pages of a shared block freed its upper halves */
	LB_PATH_BAD_PAGE,
	LB_PATH_BULK,			/* a bulk allocation took from a page list */
	LB_PATH_BULK_SINGLE,		/* a bulk allocation took one page the usual way */
	LB_PATH_ISOLATE, LB_PATH_UNISOLATE,
	LB_PATH_UNISOLATE_MERGE,	/* a block of a pageblock or more was taken off and freed again */
	LB_PATH_STAT_FOLD,		/* a CPU's delta of free pages grew beyond its threshold */
	LB_PATH_DRIFT,			/* kswapd's question was answered by the exact count */
	LB_PATH_REMOTE_DRAIN,		/* idle lists of another node's zone went back */
	LB_PATH_INTERLEAVE, LB_PATH_BIND, LB_PATH_PREFERRED_MANY,	/* a policy chose node or mask */
	LB_PATH_CPUSET,			/* a zone was passed over for the task's cpuset */
	LB_PATH_SHUFFLE_TAIL,		/* the random pool put a freed block of the top order at the tail */
	LB_PATH_GUARD,			/* a half became a guard */
	LB_PATH_GUARD_MERGE,		/* ... and joined the block that was freed */
	LB_PATH_POISON,			/* a write to a free page was noticed */
	LB_PATH_FRAG_REFILL,		/* a fragment cache took a new block */
	LB_PATH_FRAG_REUSE,		/* ... or began its old one anew, nobody else holding a piece of it */
	LB_PATH_HWPOISON,		/* a page that is marked so was dropped, or skipped */
	LB_PATH_DESTRUCTOR_COMPOUND, LB_PATH_DESTRUCTOR_THP,	/* the last put_page of a compound block ran it */
	LB_PATH_DEFERRED_GROW,		/* a zone grew by deferred pages because a request failed there */
	LB_PATH_DEFERRED_INIT,		/* the rest of a node's deferred pages was freed */
	LB_PATH_COUNT
};

/*
 * Exported state: sections of 64-bit words, in this order, each `type, number of words that follow, words...`. A reader
 * skips types that it does not know. Section LB_STATE_END (0 words) is last. Every variable that decides the future is
 * in it: a model that adopts it predicts all that follows. Signed values are two's complement.
 */
#define LB_STATE_VERSION 3
enum lb_state_section {
	LB_STATE_END,
	LB_STATE_HEADER,	/* version, ticks, grouping by mobility disabled (0/1) */
	LB_STATE_RESERVED,	/* decided at boot: start, end of each reserved range (present frames that were never
				 * given to the buddy), ascending, neighbours joined */
	LB_STATE_TUNABLES,	/* the value of each enum sysctl_name in order (min_free_kbytes: the one in force), then
				 * the user's min_free_kbytes (-1: never written) */
	LB_STATE_NODE,		/* one section a node, ascending: node, kswapd awake (0/1), kswapd order,
				 * kswapd highest zone index (LB_NO_ZONE_INDEX: none) */
	LB_STATE_ZONE,		/* one a zone with spanned > 0, by node, then index: see enum lb_zone_word */
	LB_STATE_FREE_LIST,	/* one a nonempty list, by zone as above, order, type: node, zone index, order,
				 * migratetype, pfn... from head to tail */
	LB_STATE_PCP,		/* one a (populated zone, CPU), by zone, then CPU: node, zone index, cpu, count, high,
				 * batch, free_factor, number of lists; then for each nonempty list: index, n, and n
				 * words from head to tail: pfn + (type saved in page->index << 56) */
	LB_STATE_PAGEBLOCKS,	/* first pfn (0), number of pageblocks, then types, 16 a word, lowest 4 bits first */
	/*
	 * pfn, bits: 1: mapcount not -1, 2: mapping set, 4 << n: page flag n (facts 1; never head) is set; ascending;
	 * neither frames that are reserved since boot nor those that are leaked
	 */
	LB_STATE_BAD_PAGES,
	LB_STATE_LEAKED,	/* start, end of each range of frames lost for good, ascending, joined */
	LB_STATE_COUNTERS,	/* enum lb_counter in order, summed over CPUs and zones */
	LB_STATE_ZONE_STAT,	/* one a populated zone, by zone as above: see enum lb_zone_stat_word */
	LB_STATE_TASKS,		/* cpusets on (0/1), gfp_allowed_mask, then for each CPU's task: enum policy_mode,
				 * its nodes, il_prev (UINT64_MAX: none), mems_allowed */
	LB_STATE_RANDOM,	/* with shuffle: state of the generator, the pool, bits left in it */
	LB_STATE_GUARDS,	/* with guard_order: pfn, order of each guard, ascending */
	LB_STATE_DEFERRED,	/* with deferred: node, first deferred pfn (UINT64_MAX: none), ascending by node */
	LB_STATE_CONTENTS,	/* with init_on_free or page_poison: free frames (buddy, guard, page list) that do not hold
				 * what those leave there: pfn, the byte that write_freed put there over it (256:
				 * the last holder's contents), ascending */
	LB_STATE_FRAG_CACHES,	/* one entry a CPU: pfn of its block (UINT64_MAX: empty), size, offset, bias, 1: pfmemalloc */
	LB_STATE_FRAG_BLOCKS,	/* head pfn, order, refcount of each block that a cache or a fragment holds, ascending */
	LB_STATE_DESTRUCTORS,	/* pfn of each held compound block whose destructor is a THP's, ascending */
};

#define LB_NO_ZONE_INDEX UINT64_MAX

enum lb_zone_word {
	LB_ZONE_NODE, LB_ZONE_INDEX, LB_ZONE_START, LB_ZONE_SPANNED, LB_ZONE_PRESENT, LB_ZONE_MANAGED,
	LB_ZONE_FREE,			/* NR_FREE_PAGES, exact: the shared value and all deltas */
	LB_ZONE_MIN, LB_ZONE_LOW, LB_ZONE_HIGH,	/* without boost */
	LB_ZONE_BOOST,
	LB_ZONE_BOOSTED_FLAG,		/* ZONE_BOOSTED_WATERMARK: set by a steal, cleared by rmqueue when it wakes kswapd */
	LB_ZONE_HIGHATOMIC,		/* nr_reserved_highatomic */
	LB_ZONE_RESERVE,		/* lowmem_reserve[0 .. 3] */
	LB_ZONE_WORDS = LB_ZONE_RESERVE + MACHINE_NR_ZONES
};

/* Where a fact below speaks of a zone's free pages, it is the shared value; a CPU's delta is added to it in lumps. */
enum lb_zone_stat_word {
	LB_STAT_NODE, LB_STAT_INDEX,
	LB_STAT_THRESHOLD,		/* a delta beyond it is added up */
	LB_STAT_DRIFT_MARK,		/* percpu_drift_mark; 0: deltas cannot matter */
	LB_STAT_FREE,			/* NR_FREE_PAGES, the shared value (signed) */
	LB_STAT_ISOLATED,		/* nr_isolate_pageblock */
	LB_STAT_NUMA,			/* enum lb_numa_event in order */
	LB_STAT_CPU = LB_STAT_NUMA + 6,	/* three words a CPU: its delta (signed), turns until its idle lists go
					 * back, 1 where 5.10 counted a NUMA event since the last vmstat_update */
};

enum lb_numa_event {
	LB_NUMA_HIT, LB_NUMA_MISS, LB_NUMA_FOREIGN, LB_NUMA_INTERLEAVE_HIT, LB_NUMA_LOCAL, LB_NUMA_OTHER, LB_NUMA_COUNT
};

enum lb_counter {
	LB_COUNT_PGALLOC,	/* pages handed out, 2^order each (facts 8 "Stats") */
	LB_COUNT_PGFREE,	/* pages given back, counted at free entry */
	LB_COUNT_COUNT
};

/* A block that a run holds or touched, for peek. */
struct lb_block_state {
	int32_t refcount;	/* of its first page */
	uint32_t order;		/* as the target knows it; UINT32_MAX: it does not */
};

enum lb_target_flags {
	LB_TARGET_EAGER_MERGE = 1 << 0,		/* two free buddies are always joined at once */
	LB_TARGET_BUDDY = 1 << 1,		/* blocks are 2^order frames, naturally aligned */
	LB_TARGET_LINUX = 1 << 2,		/* it claims Linux's policy: levels policy and exact apply */
	LB_TARGET_CACHES = 1 << 3,		/* freed blocks may stay in caches that another CPU cannot reach */
	LB_TARGET_ONE_INSTANCE = 1 << 4,	/* at most one instance lives at a time */
	LB_TARGET_TRUSTED = 1 << 5,		/* may run in the judge's process */
	LB_TARGET_MISUSE = 1 << 6,		/* it detects misuse: it refuses a free of what is not held */
	LB_TARGET_SIMPLE = 1 << 7,		/* simple.h made it: its frame 0 is where lb_simple_place() says */
};

struct lb_target {
	uint32_t abi;			/* LB_TARGET_ABI */
	uint32_t flags;			/* enum lb_target_flags */
	const char *name;
	uint64_t capabilities;		/* 1 << opcode for each operation exec carries out */

	/* Returns an instance, or NULL with a sentence in error (256 bytes). The machine stays valid until destroy. */
	void *(*create)(const struct machine *machine, char *error);
	void (*destroy)(void *instance);

	/* Carries out one call. Never called for operations outside of capabilities. */
	void (*exec)(void *instance, const struct lb_call *call, struct lb_result *result);

	/* Optional. Back to the state right after create; false: not possible, the judge makes a new one. */
	bool (*reset)(void *instance);

	/*
	 * Optional. Writes the state as described above into words. Returns the number of words it needs; when that is
	 * more than capacity, what was written is worthless and the caller comes again with more room.
	 */
	size_t (*export_state)(void *instance, uint64_t *words, size_t capacity);

	/* Optional. Free pages of all zones together (buddy only), unserialised; and one block. */
	uint64_t (*peek_free)(void *instance);
	void (*peek_block)(void *instance, uint64_t pfn, struct lb_block_state *state);

	/*
	 * Optional. Where the contents of a frame can be read and written; NULL: nowhere. It stays there until destroy,
	 * begins as zeros, and is the judge's to write while a block is live, and to clear when a run ended.
	 */
	void *(*memory)(void *instance, uint64_t pfn);

	/* Optional. LB_PATH_COUNT counters since create or reset. */
	const uint64_t *(*paths)(void *instance);

	/*
	 * Needed by targets with the bulk operations: the frames of the last one, PROGRAM_MAX_COUNT entries. Array: entry
	 * n's frame, UINT64_MAX where nothing was put. List: frames in the order in which they came, then UINT64_MAX.
	 */
	const uint64_t *(*results)(void *instance);
};

/* The words of the language for outcomes, reasons, paths ("ENOMEM watermark", "refused double-free", "steal-claim"). */
const char *lb_outcome_name(enum lb_outcome outcome);
const char *lb_reason_name(enum lb_reason reason);
const char *lb_path_name(enum lb_path path);

#ifdef __cplusplus
}
#endif
#endif
