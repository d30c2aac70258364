/*
 * Programs: a machine and a list of operations, as data.
 *
 *   bytes (.bin)  --decode-->  struct program  --print-->  text (.lb)
 *                 <--encode--                  <--parse--
 *
 * Every byte string decodes; parse is strict. A program never depends on what a target answered:
 * the order, the references and the number of every handle follow from the program alone
 * (handle_after).
 *
 * Invariants (program_check() reports them by number):
 *   P1  results are numbered in binding order: first_result of an operation is the sum of all
 *       results before it;
 *   P2  ARG_HANDLE names a live block, ARG_FRAGMENT a live fragment, ARG_DEAD_HANDLE a dead block, all below
 *       first_result;
 *   P3  every argument is in the range program.h gives for its kind, arguments an operation lacks
 *       are 0;
 *   P4  at most PROGRAM_MAX_OPS operations and PROGRAM_MAX_HANDLES handles.
 */
#ifndef LOSTBUDDY_PROGRAM_H
#define LOSTBUDDY_PROGRAM_H

#include "program/machine.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
	PROGRAM_MAX_OPS = 1 << 20,
	PROGRAM_MAX_HANDLES = 1 << 20,
	PROGRAM_MAX_REFERENCES = 8,
	PROGRAM_LANGUAGE = 1,
	PROGRAM_MAX_COUNT = 32,	/* pages of an operation that yields MANY */
	PROGRAM_MAX_FRAGMENT = 32768,	/* bytes */
	PROGRAM_PAGE_FLAGS = 27,	/* facts 1, from bit 0 (locked) to bit 26 (arch_2) */
	PROGRAM_FLAG_HEAD = 16,
};

/* Arguments, in the order in which they are printed. */
enum op_argument {
	ARG_HANDLE = 1 << 0,		/* p0: a live handle */
	ARG_DEAD_HANDLE = 1 << 1,	/* p0: a handle whose last reference was dropped */
	/* page=0..65535: page of a block, taken modulo its number of pages */
	ARG_PAGE = 1 << 2,
	/* order=0..15: more than the machine's top order is allowed, and fails */
	ARG_ORDER = 1 << 3,
	ARG_GFP = 1 << 4,		/* gfp=KERNEL|ZERO, or gfp=0x..: any 32 bits */
	ARG_NODE = 1 << 5,		/* node=0..nr_nodes-1; absent: NODE_NONE */
	ARG_NODEMASK = 1 << 6,		/* nodemask=0x3: bits below nr_nodes; absent: 0, no mask */
	ARG_NAME = 1 << 7,		/* a tunable's name (enum sysctl_name) */
	ARG_VALUE = 1 << 8,		/* value=0..2^32-1 */
	ARG_COUNT = 1 << 9,		/* n=1..32: single pages; printed first */
	ARG_MODE = 1 << 10,		/* mode=bind: a policy's mode (enum policy_mode) */
	ARG_FRAGMENT = 1 << 11,		/* p0: a live fragment; printed first */
	/* an operation has at most one of these three */
	ARGS_LIVE = ARG_HANDLE | ARG_FRAGMENT,
	ARGS_HANDLE = ARGS_LIVE | ARG_DEAD_HANDLE,
};

#define NODE_NONE (-1)

enum op_yield { YIELDS_NOTHING, YIELDS_BLOCK, YIELDS_PAGES, YIELDS_MANY, YIELDS_FRAGMENT };

/* What a handle stands for. An operation takes handles of one kind only. */
enum handle_kind { HANDLE_BLOCK, HANDLE_FRAGMENT };

enum opcode {
#define OP(code, NAME, text, yields, arguments, since, doc) OP_##NAME = code,
#include "program/ops.def"
#undef OP
	OP_COUNT
};

/*
 * Tunables of /proc/sys/vm. Writing one outside of its range is refused (facts 4, 8; ranges as in
 * the kernel).
 */
enum sysctl_name {
	/* 0 .. 2^31-1: user value; all marks and pcp sizes anew */
	SYSCTL_MIN_FREE_KBYTES,
	SYSCTL_WATERMARK_SCALE_FACTOR,		/* 1 .. 3000: all marks and pcp sizes anew */
	SYSCTL_WATERMARK_BOOST_FACTOR,		/* 0 .. 2^31-1: from the next boost on */
	/* 0 or 8 .. 2^31-1: pcp sizes anew; 0: back to low watermarks */
	SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION,
	SYSCTL_LOWMEM_RESERVE_RATIO_DMA,	/* 0 .. 2^31-1; 0: no reserve */
	SYSCTL_LOWMEM_RESERVE_RATIO_DMA32,
	SYSCTL_LOWMEM_RESERVE_RATIO_NORMAL,
	SYSCTL_COUNT
};

/* Modes of a memory policy (facts 10). */
enum policy_mode {
	POLICY_DEFAULT,		/* the CPU's own node first */
	POLICY_PREFERRED,	/* the first node of the mask; mask empty: local */
	POLICY_BIND,
	POLICY_INTERLEAVE,
	POLICY_LOCAL,
	POLICY_PREFERRED_MANY,	/* not in 5.10: refused (profile) */
	POLICY_COUNT
};

/* The context an operation runs in. */
enum context_level { LEVEL_TASK, LEVEL_SOFTIRQ, LEVEL_IRQ, LEVEL_NMI };

enum context_scope {	/* of the running task; facts 5 */
	SCOPE_NOIO = 1 << 0,
	SCOPE_NOFS = 1 << 1,
	SCOPE_MEMALLOC = 1 << 2,	/* PF_MEMALLOC */
	SCOPE_PIN = 1 << 3,		/* PF_MEMALLOC_PIN */
	SCOPE_RT = 1 << 4,		/* a real-time task */
	SCOPE_VICTIM = 1 << 5,		/* chosen by the OOM killer */
	SCOPE_ALL = (1 << 6) - 1,
};

struct op {
	uint8_t code;		/* enum opcode */
	uint8_t cpu;
	uint8_t level;		/* enum context_level */
	uint8_t scope;		/* enum context_scope */
	uint8_t order;
	uint8_t name;		/* enum sysctl_name, or enum policy_mode */
	int16_t node;		/* NODE_NONE: none */
	/* 0: no injection; n: the n-th page allocation inside of it fails (facts 18) */
	uint32_t fail_nth;
	uint32_t gfp;
	uint32_t nodemask;
	uint32_t handle;
	uint32_t page;
	uint32_t value;
	uint32_t count;		/* single pages asked for */
	uint32_t first_result, nr_results;
};

/* What a text says was observed (after `->`), to be checked on replay. */
enum observed_kind {
	OBSERVED_NOTHING,	/* the line has no `->` */
	OBSERVED_PFN,		/* -> pfn 1032 */
	/* -> ENOMEM watermark | LOOP | OOM | refused double-free | ok : words of target.h */
	OBSERVED_OUTCOME,
	/* -> ! buddy.unmerged pfn 1032 order 3: rule id; the rest of the line is a remark */
	OBSERVED_DIVERGENCE,
};

struct observed {
	uint8_t kind;
	uint64_t pfn;
	char words[64];
};

/* What is known of a handle from the program alone. refs = 0: dead. */
struct handle_state {
	uint8_t order;
	uint8_t compound;
	uint8_t refs;
	uint8_t kind;	/* enum handle_kind */
};

struct program {
	struct machine machine;
	uint32_t nr_ops, nr_handles;
	struct op *ops;
	struct observed *observed;	/* nr_ops of them (malloc), or NULL */
	/* Kept by append, decode, parse and rebuild; others only read. */
	struct handle_state *handles;	/* nr_handles states, after the last operation */
	uint32_t ops_capacity, handles_capacity;
};

/* One row of ops.def. */
struct op_info {
	const char *name;
	enum op_yield yields;
	unsigned int arguments;
	unsigned int since;
	const char *doc;
};
extern const struct op_info op_info[OP_COUNT];
extern const char *const sysctl_names[SYSCTL_COUNT];
extern const char *const policy_names[POLICY_COUNT];
extern const char *const page_flag_names[PROGRAM_PAGE_FLAGS];	/* by their bits, from 0 on */

/* gfp bits of the language: the numbers of facts 5. */
struct gfp_name {
	const char *name;
	uint32_t bits;
};
/* composites first, then single bits; ends with a NULL name */
extern const struct gfp_name gfp_names[];

/*
 * handle_after - what an operation does to the handle it is about, by the program's rules alone.
 * @state: the handle before; changed to what it is after (see ops.def for each operation).
 * Returns the number of handles the operation binds, from its own arguments and *state before: 1
 * for a YIELDS_BLOCK or YIELDS_FRAGMENT, 2^order for a split_page that is not refused, the entries to fill for a
 * YIELDS_MANY, else 0. @born is filled with
 * the state of each new handle.
 * @state is NULL for operations without ARG_HANDLE and ARG_FRAGMENT.
 *
 * An allocation from NMI, which everybody refuses, binds a handle that is dead from the start.
 */
uint32_t handle_after(const struct op *op, struct handle_state *state, struct handle_state *born);

/*
 * True iff the operation may be about a handle in this state (P2): live or dead, and of its kind. An
 * operation without a handle is about none: false.
 */
bool handle_serves(const struct op *op, const struct handle_state *state);

/* What a correct caller does not do: operations 21 to 28, writes to freed pages, page flags. */
bool op_is_misuse(uint8_t code);

/*
 * bulk_entry - which entry of a bulk allocation's array the n-th handle that it binds stands for: those
 * that are filled before have none. Of a list: the n-th.
 * @n: below the number of handles that the operation binds
 */
uint32_t bulk_entry(const struct op *op, uint32_t n);

/*
 * True iff the operation, on a handle in this state, is to be refused by every target (ops.def says
 * when).
 */
bool op_is_refused(const struct op *op, const struct handle_state *state);

void program_init(struct program *p);	/* empty, default machine */
void program_free(struct program *p);
void program_clear(struct program *p);	/* no operations; the machine and the memory stay */
bool program_copy(struct program *to, const struct program *from);	/* false: no memory */
/* machine and ops; not what was observed */
bool program_equal(const struct program *a, const struct program *b);

/*
 * Append one operation; its results are numbered here. False (and unchanged) if P2, P3 or P4 would
 * break.
 */
bool program_append(struct program *p, const struct op *op);
bool program_check(const struct program *p, char why[256]);

/*
 * program_rebuild - number handles anew after operations were removed, moved or changed.
 * @keep: nr_ops flags, or NULL for all. Handles are followed through; operations whose handle is
 *        gone (or is in a
 * state they cannot use) are dropped, arguments the machine does not have are folded into range.
 * Returns the number of operations that were dropped beyond those not kept.
 */
uint32_t program_rebuild(struct program *p, const bool *keep);

/*
 * Wire form. decode never fails (out of memory aside); unused bytes are ignored. encode: size
 * needed, 0 = no form.
 */
bool program_decode(struct program *p, const uint8_t *bytes, size_t size);
size_t program_encode(const struct program *p, uint8_t *bytes, size_t size);

/* Text form. */
bool program_parse(struct program *p, const char *text, size_t size, struct text_error *error);
/* lines dropped */
uint32_t program_parse_repairing(struct program *p, const char *text, size_t size);
size_t program_print(const struct program *p, char *buffer, size_t size);	/* as snprintf */
/* one line, no newline */
size_t op_print(const struct program *p, uint32_t index, char *buffer, size_t size);

/*
 * A program in a file of either form. A name that ends in .lb means text, in .bin the wire form; any
 * other file is text if it begins with "lostbuddy " or is wholly printable (and an empty one is),
 * else the wire form.
 * Returns false with the reason; error->line = 0 for errors of the file as a whole.
 */
bool program_read_file(struct program *p, const char *path, struct text_error *error);
/* The same of bytes that are read already; @path: where from, or NULL (then `file=` has no folder). */
bool program_read_bytes(struct program *p, const char *path, const char *bytes, size_t size,
			struct text_error *error);

/*
 * A generator: the same seed gives the same sequence of programs, on any machine. Each program
 * draws its own swarm (a random subset of operations, with random weights, orders, gfp masks,
 * CPUs), so that programs differ in kind.
 */
struct generator;
struct generator_options {
	uint64_t seed;
	const struct machine *machine;	/* NULL: random fuzz-size machines, one for 64 programs */
	uint32_t nr_ops;		/* 0: 1 .. 256, mostly near 128 */
	uint64_t capabilities;		/* operations that may be used (bit code), 0: all */
	bool misuse;			/* also what op_is_misuse(), rarely */
};
struct generator *generator_create(const struct generator_options *options);
void generator_destroy(struct generator *g);
bool generator_next(struct generator *g, struct program *p);

/* Structural mutation and cross-over, in place; seeded; results keep all invariants. */
void program_mutate(struct program *p, uint64_t seed);
void program_cross(struct program *p, const struct program *other, uint64_t seed);

/* The reference page of the language, from the table (`lostbuddy show --language`). As snprintf. */
size_t language_print(char *buffer, size_t size);

#ifdef __cplusplus
}
#endif
#endif
