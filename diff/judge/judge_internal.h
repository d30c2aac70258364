/*
 * The judge's rooms among themselves.
 *
 *	judge.c		the public face: options, the cache of booted pairs
 *	run.c		one program on one pair: resolve, exec, step, compare, the end
 *	contents.c	stamps in memory
 *	reach.c		a program up to its last operation, and a digest of where that leads
 *	probe.c		what a target without exported state still has, at the end
 *	outcome.c	words and signatures
 *	observe.c	what a text says was observed
 *	supervise.c	all of that in a worker process
 *	explain.c	reports for people; draw.c draws states
 *	canary.c	planted faults
 */
#ifndef LOSTBUDDY_JUDGE_INTERNAL_H
#define LOSTBUDDY_JUDGE_INTERNAL_H

#include "judge/judge.h"

enum {
	JUDGE_MAX_ORDER = 10, /* of any machine's top order */
	JUDGE_PAGE_BYTES = 4096,
	JUDGE_GFP_ZERO = 0x100, /* facts 5 */
	JUDGE_DEFAULT_TIMEOUT_MS = 2000,
	JUDGE_DEFAULT_MACHINES = 64,
};

#define JUDGE_BIT(op) (UINT64_C(1) << (op))
#define NOWHERE UINT64_MAX

/* ---- contents ---- */

/*
 * A block's stamps: page n of the block that was allocated carries one word made of id and n, or,
 * after a fill, one byte everywhere. A part that was split off or left over knows which page of
 * that block it begins at.
 */
struct stamps {
	uint32_t id; /* 0: none (not stamped) */
	uint16_t first_page;
	uint8_t order; /* of the block that was allocated */
	bool filled;
	uint8_t fill;
};

struct contents {
	const struct lb_target *target;
	void *instance;
	uint64_t max_pfn;
	uintptr_t
		linear; /* address of frame 0, if all frames lie in one stretch; 0: ask for each */
	bool available;
	uint8_t *exists; /* a bit a frame: it is memory */
	/*
	 * a bit a frame: written to, or put back as it was, since it was free; what a target leaves
	 * in free pages is not there
	 */
	uint8_t *tainted;
	bool any_tainted;
	bool every_page; /* of a block is stamped, however large it is */
	uint16_t *dirty; /* a frame's slots written since the last wipe; DIRTY_WHOLE: all of it */
	uint32_t *dirty_frames;
	uint32_t nr_dirty;
};

bool contents_init(struct contents *c, const struct lb_target *target,
		   const struct machine *machine);
void contents_free(struct contents *c);
void contents_attach(struct contents *c,
		     void *instance); /* a new instance: its memory is zeroed and its own */
bool contents_exists(const struct contents *c, uint64_t pfn, unsigned int order);
void contents_stamp(struct contents *c, uint64_t pfn, unsigned int order,
		    const struct stamps *stamps);
void contents_fill(struct contents *c, uint64_t pfn, unsigned int order, uint8_t value);

/* Where a look at memory went wrong. */
struct contents_fault {
	uint64_t pfn, expect, actual;
	unsigned int offset; /* bytes from the start of the page */
	bool is_byte;	     /* not a word */
};
/* @skip_tainted: those frames may hold anything */
bool contents_zeroed(const struct contents *c, uint64_t pfn, unsigned int order, bool skip_tainted,
		     struct contents_fault *fault);
/* Every byte of the block has this value. */
bool contents_are(const struct contents *c, uint64_t pfn, unsigned int order, uint8_t value,
		  bool skip_tainted, struct contents_fault *fault);
/* The frame is free, and somebody has written there; a new holder takes that away again. */
void contents_taint(struct contents *c, uint64_t pfn);
void contents_hand_over(struct contents *c, uint64_t pfn, unsigned int order);
/* Bytes of a fragment: its first ones and its last ones. */
void contents_stamp_fragment(struct contents *c, uint64_t pfn, unsigned int offset,
			     unsigned int bytes, uint32_t id);
bool contents_fragment_intact(const struct contents *c, uint64_t pfn, unsigned int offset,
			      unsigned int bytes, uint32_t id, struct contents_fault *fault);
bool contents_intact(const struct contents *c, uint64_t pfn, unsigned int order,
		     const struct stamps *stamps, struct contents_fault *fault);
bool contents_intact_whole(const struct contents *c, uint64_t pfn, unsigned int order,
			   const struct stamps *stamps, struct contents_fault *fault);
void contents_wipe(struct contents *c); /* everything that was written is zero again */

/* ---- pairs ---- */

/*
 * What a fresh instance yields when it is exhausted from the top order down: blocks of each order.
 */
struct yields {
	uint64_t blocks[JUDGE_MAX_ORDER + 1];
	uint64_t pages;
};

struct pair {
	struct machine machine;
	uint64_t hash; /* of its bytes */
	uint64_t last_used;
	void *instance;
	struct oracle *oracle; /* NULL with no_oracle */
	struct contents contents;
	uint32_t *heads;     /* a frame: handle + 1 that holds the block which begins there */
	struct yields fresh; /* has_fresh: once it was asked for */
	bool has_fresh;
	uint8_t *probed; /* a frame: what it was handed out for (probe.c); NULL: never probed */
	bool used; /* since it was made or reset */
	uint64_t exercised_seen[RULE_COUNT];
};

/* A handle of the program, as it is in this run. */
struct held {
	uint64_t pfn;
	struct stamps stamps;
	struct handle_state state;
	bool born; /* an allocation gave it a block; state.refs = 0: gone again */
	uint32_t offset, bytes; /* of a fragment: where in frame pfn it begins, and its size */
};

struct words { /* a state, exported */
	uint64_t *words;
	size_t size, capacity;
};

struct judge {
	const struct lb_target *target;
	struct judge_options options;
	struct pair **pairs;
	unsigned int nr_pairs, max_pairs;
	uint64_t clock; /* runs; for last_used */
	struct held *held;
	size_t held_capacity;
	struct words state, memory; /* scratch: exports of a target, and of an oracle's memory */
	uint64_t exercised[RULE_COUNT];
	uint64_t paths[LB_PATH_COUNT];
	/* while a run is on */
	struct lb_result *trace; /* what each operation gave; NULL: not wanted */
	judge_looker *look;	 /* at the end, before anything is given back; NULL: nobody looks */
	void *look_data;
	uint32_t *progress;	 /* index of the operation that is being carried out, or AT_BOOT */
	uint32_t own_progress;
	struct supervisor *supervisor; /* NULL: runs in this process */
};

#define AT_BOOT UINT32_MAX /* the target is being created or reset */

/* When the states are compared, and where a run stops. */
struct plan {
	/* beside the usual times after every operation from this one on; COMPARE_AS_USUAL: never */
	uint32_t compare_from;
	/*
	 * Not NULL: compared after the last operation only, which is then looked at; the end of the
	 * program is run if reach->finish says so.
	 */
	const struct reach *reach;
	struct reached *reached;
};
#define COMPARE_AS_USUAL UINT32_MAX

/* How a finding was come by. */
struct seen {
	bool by_state;	       /* a comparison of states found it */
	uint32_t equal_before; /* operations carried out when they were last found equal */
};

/*
 * The program in this process, without a look at what the text observed. Fills *outcome; keeps the
 * pair for more.
 */
bool judge_run_here(struct judge *j, const struct program *p, struct outcome *outcome);
/* The same by plan, on a pair that the caller took and gives back; once, as it is. */
bool run_on_pair(struct judge *j, struct pair *pair, const struct program *p,
		 const struct plan *plan, struct outcome *outcome, struct seen *seen);
/* A pair for a machine, ready to run; NULL: outcome says why. */
struct pair *judge_take_pair(struct judge *j, const struct machine *machine,
			     struct outcome *outcome);
/*
 * After a run: counts what was exercised. ok = false: something was wrong, the pair is not to be
 * used again.
 */
void judge_give_pair(struct judge *j, struct pair *pair, bool ok);

/*
 * A new instance in place of the old one, if any. False: there is none, error says why. Memory must
 * have been wiped.
 */
bool judge_renew_instance(struct judge *j, struct pair *pair, char error[TARGET_ERROR_SIZE]);

/*
 * Exports into *to, growing it. False: the target exports nothing, or more than there is room for;
 * to->size is then what it said.
 */
bool judge_export(const struct lb_target *target, void *instance, struct words *to);
/*
 * The state of a target that has one to export, in j->state, with lengths that can be followed.
 * False: *v says what is wrong with it.
 */
bool judge_read_state(struct judge *j, const struct pair *pair, struct verdict *v);
bool oracle_export_words(const struct oracle *o, struct words *to);

/* ---- reach ---- */

/* Where a run stands, the states compared and the target's in j->state: fills *plan->reached. */
bool reach_look(struct judge *j, const struct pair *pair, const struct program *p,
		const struct plan *plan);

/* ---- probe ---- */

/*
 * True iff the pair's instance yields what a fresh one does, or the question does not make sense
 * for this target. A fresh instance may take its place.
 */
bool probe_compare(struct judge *j, struct pair *pair, struct verdict *v);

/* ---- outcome ---- */

/* A state class: the operation at which the finding was made is an accident. */
#define ANY_OPERATION "anywhere"

/*
 * Writes the signature; state_class is a word for the state the finding was made in ("block",
 * "state", "end").
 */
void outcome_sign(struct outcome *outcome, const char *state_class);
const char *finding_id(
	const struct outcome *outcome); /* "buddy.unmerged", "target.crash"; "" for none */
void result_words(const struct lb_result *result, char words[64]);
const char *kind_of_operation(unsigned int op);

/* ---- observe ---- */

/* What the text says against what was traced; changes *outcome. */
void observed_check(const struct program *p, const struct lb_result *trace,
		    struct outcome *outcome);
void observed_fill(struct program *p, const struct lb_result *trace, const struct outcome *outcome);

/* ---- supervise ---- */

struct supervisor *supervisor_create(struct judge *j);
void supervisor_destroy(struct supervisor *s);
void supervisor_run(struct supervisor *s, const struct program *p, struct lb_result *trace,
		    struct outcome *outcome);
size_t supervisor_explain(struct supervisor *s, const struct program *p, char *buffer, size_t size);

/* ---- explain ---- */

/* Text that grows in a buffer of the caller's, as snprintf counts. */
struct text {
	char *buffer;
	size_t size, used;
};
__attribute__((format(printf, 2, 3))) void text_add(struct text *t, const char *format, ...);

size_t explain_here(struct judge *j, const struct program *p, char *buffer, size_t size);
/* What can be said without a target to ask: it died. */
size_t explain_outcome(const struct program *p, const struct outcome *outcome, char *buffer,
		       size_t size);
void explain_program(struct text *t, const struct program *p, const struct outcome *outcome);
void draw_states(struct text *t, const struct words *actual, const struct words *expect);

#endif
