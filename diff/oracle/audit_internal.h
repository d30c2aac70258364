/* What the files of the audit share. */
#ifndef LOSTBUDDY_ORACLE_AUDIT_INTERNAL_H
#define LOSTBUDDY_ORACLE_AUDIT_INTERNAL_H

#include "oracle/audit.h"

enum {
	/* facts 5 */
	AUDIT_GFP_DMA = 0x1,
	AUDIT_GFP_DMA32 = 0x4,
	AUDIT_GFP_BOTH_TYPES = 0x18, /* MOVABLE and RECLAIMABLE */
	AUDIT_GFP_DIRECT_RECLAIM = 0x400,
	AUDIT_GFP_MEMALLOC = 0x20000,
	AUDIT_GFP_COMP = 0x40000,
	AUDIT_GFP_THISNODE = 0x200000,
	AUDIT_TYPE_ISOLATE = 4, /* facts 7; Debian's 6.1 has no CMA */
	AUDIT_NOT_LISTED = 0xff,
	AUDIT_ZONES = MACHINE_MAX_NODES * MACHINE_NR_ZONES,
};

/* A fragment that is live: bytes of the machine. */
struct piece {
	uint64_t start, bytes;
};

/* What changes while a program runs; the arrays stand behind it in the same piece of memory. */
struct audit_state {
	uint64_t free_at_boot;	 /* pages in free areas and page lists; 0: unknown */
	uint64_t deferred_at_boot; /* frames that boot left for later */
	uint64_t declared_leaks; /* frames that operations said they lost */
	bool marked; /* a page was marked as bad: any later operation may lose its block */
	bool keeps_blocks; /* a fragment was handed out: caches keep blocks that nobody names */
	uint64_t nr_pieces;
	bool any_isolated;
	bool unbound; /* cpusets or the allowed mask changed: policies bind nobody for sure */
	uint32_t bound[MACHINE_MAX_CPUS]; /* nodes that the CPU's task is bound to; 0: any */
};

struct audit {
	const struct machine *machine;
	uint32_t flags;
	uint64_t *exercised;
	uint64_t max_pfn, nr_words;
	struct audit_state *state, *image; /* as it is; as it was after boot */
	size_t state_size;
	uint64_t *live, *known;		  /* bits */
	uint64_t *isolated, *stuck;	  /* bits; stuck: in an isolated range, and on no page list */
	uint8_t *order, *refs, *compound; /* [first pfn of a live block] */
	struct piece *pieces; /* nr_pieces, ascending; outside of the image, which has none */
	uint64_t room_for_pieces;
	/* from boot on */
	uint64_t *present, *reserved, *usable; /* bits; usable: present and not reserved */
	/* scratch of a comparison */
	uint64_t *taken;       /* bits: has its place, or is no memory; full at the end */
	uint8_t *listed_order; /* [pfn] order of the listed free block that begins here */
	uint8_t *listed_zone;  /* and the number of its zone, node * MACHINE_NR_ZONES + index */
	uint64_t free_now;     /* pages in free areas and on page lists */
	uint64_t lost_now;     /* frames exported as lost */
	uint64_t deferred_now; /* frames that are nobody's yet */
	const uint64_t *cache_words, *block_words; /* sections of fragments */
	uint64_t nr_cache_words, nr_block_words;
	uint64_t listed[AUDIT_ZONES];	   /* pages in the free areas of a zone */
	const uint64_t *zone[AUDIT_ZONES]; /* its section, or NULL */
};

/* Both end a block or begin one; frames that end in an isolated range are stuck there. */
void audit_block_born(struct audit *a, uint64_t pfn, unsigned int order, bool compound);
void audit_frames_die(struct audit *a, uint64_t pfn, uint64_t end);
/* May [pfn, pfn + pages) be handed out as, or cut from, a block of an order? */
bool audit_judge_frames(struct audit *a, uint64_t pfn, uint64_t pages, unsigned int order,
			struct verdict *v);
/* Refused exactly where it should be? @too_kind, @too_strict: the rules of the two ways to err. */
bool audit_judge_refusal(struct audit *a, const struct lb_call *call, const struct lb_result *r,
			 bool should, enum rule too_kind, enum rule too_strict, struct verdict *v);

/* ---- audit_bulk.c ---- */
bool audit_step_bulk(struct audit *a, const struct lb_call *call, const struct lb_result *r,
		     const uint64_t *frames, struct verdict *v);
bool audit_step_exact(struct audit *a, const struct lb_call *call, const struct lb_result *r,
		      struct verdict *v);

/* ---- audit_frag.c ---- */
bool audit_step_frag(struct audit *a, const struct lb_call *call, const struct lb_result *r,
		     struct verdict *v);
/* Frames [pfn, end) are to be a block's: has no live fragment a byte there? */
bool audit_judge_pieces(struct audit *a, uint64_t pfn, uint64_t end, struct verdict *v);
/*
 * The walk is done: is each live fragment in a block that the export says is held, as often as it
 * says?
 */
bool audit_judge_fragments(struct audit *a, struct verdict *v);

/* ---- audit_isolate.c ---- */
void audit_isolate(struct audit *a, const struct lb_call *call, bool isolated);
void audit_drained(struct audit *a); /* no page list holds anything */
bool audit_step_take(struct audit *a, const struct lb_call *call, const struct lb_result *r,
		     struct verdict *v);
bool audit_step_put_back(struct audit *a, const struct lb_call *call, const struct lb_result *r,
			 struct verdict *v);

/* ---- audit_policy.c ---- */
void audit_policy_set(struct audit *a, const struct lb_call *call);
bool audit_judge_bound(struct audit *a, const struct lb_call *call, uint64_t pfn,
		       struct verdict *v);

void bits_set(uint64_t *bits, uint64_t pfn, uint64_t end);
uint64_t bits_first(const uint64_t *bits, uint64_t pfn, uint64_t end); /* end: none is set */
void bits_clear(uint64_t *bits, uint64_t pfn, uint64_t end);
bool bits_any(const uint64_t *bits, uint64_t pfn, uint64_t end);
bool bits_all(const uint64_t *bits, uint64_t pfn, uint64_t end);

/*
 * Both fill *v and return false. The format says in words what is wrong; of audit_differs what was
 * counted, and the two numbers follow. @pfn: where; UINT64_MAX: nowhere in particular.
 */
bool audit_broken(struct verdict *v, enum rule rule, uint64_t pfn, const char *field,
		  const char *format, ...) __attribute__((format(printf, 5, 6)));
bool audit_differs(struct verdict *v, enum rule rule, const char *field, uint64_t expect,
		   uint64_t actual, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* The same of state.sections: the target wrote the state, and nothing in it is taken on trust. */
bool audit_malformed(struct verdict *v, const char *field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- audit_deferred.c ---- */
/* Words of section LB_STATE_DEFERRED: what is at or behind a node's first deferred pfn has its place. */
bool audit_place_deferred(struct audit *a, const uint64_t *words, uint64_t n, struct verdict *v);

bool audit_learn_reserved(struct audit *a, const uint64_t *state, struct verdict *v);

#endif
