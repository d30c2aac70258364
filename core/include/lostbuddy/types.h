/* Words that every room of the core uses. */
#ifndef LB_TYPES_H
#define LB_TYPES_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#ifndef __always_inline
#define __always_inline inline __attribute__((__always_inline__))
#endif
#define __noinline __attribute__((__noinline__))
#define __cold __attribute__((__cold__, __noinline__))

typedef uint64_t pfn_t; /* page frame number */
typedef uint32_t gfp_t; /* GFP_ flags */

enum {
	PAGE_SHIFT = 12,
	PAGE_SIZE = 1 << PAGE_SHIFT,
	PAGE_ALLOC_COSTLY_ORDER = 3, /* orders above it are "costly" (facts 1) */
	MAX_TOP_ORDER = 10,	     /* the largest top_order a machine may have */
	MAX_NUMNODES = 1024,	     /* as Debian configures it; only the node order needs it */
	MM_MAX_NODES = 16,
	MM_MAX_CPUS = 64,
	MM_MAX_RANGES = 64,
};

enum zone_type { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, ZONE_MOVABLE, MAX_NR_ZONES };

enum migratetype {
	MIGRATE_UNMOVABLE,
	MIGRATE_MOVABLE,
	MIGRATE_RECLAIMABLE,
	MIGRATE_PCPTYPES, /* types that have per-CPU lists */
	MIGRATE_HIGHATOMIC = MIGRATE_PCPTYPES,
	MIGRATE_ISOLATE, /* Debian amd64 has no CMA, so this is 4 (facts 7) */
	MIGRATE_TYPES
};

#define NUMA_NO_NODE (-1)
#define PFN_NONE UINT64_MAX

/* Nodes a request is limited to: bit n is node n. */
typedef struct {
	uint64_t bits;
} nodemask_t;

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline long min_long(long a, long b)
{
	return a < b ? a : b;
}

static inline long max_long(long a, long b)
{
	return a > b ? a : b;
}

/* x * n / d without overflow of the product (facts, notation: mf). */
static inline uint64_t mult_frac(uint64_t x, uint64_t n, uint64_t d)
{
	return x / d * n + x % d * n / d;
}

static inline bool is_aligned(uint64_t pfn, unsigned int order)
{
	return (pfn & ((UINT64_C(1) << order) - 1)) == 0;
}

#endif
