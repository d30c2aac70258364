/*
 * Real traces: what a kernel's page allocator did, recorded as events of its group kmem; read,
 * checked, turned into programs, and replayed.
 *
 *   text of the trace file, trace-cmd report, perf script
 *   (plain or xz); trace.dat (libtracecmd)  --trace_read-->  struct trace, events as data
 *
 *   struct trace  --trace_check-->   findings: the contract, broken by the recorded kernel itself
 *                 --trace_import-->  struct program, and a report of what is in it and what is not
 *                 --trace_replay-->  the core carries it out; samples along the way
 *   program  --trace_export-->  the core's own events, as text of the trace file
 *
 * What an event is to us (facts 6, 8; Linux 5.10 and 6.1):
 *
 *   mm_page_alloc              a block was handed out: one alloc_pages. Frame 0: it failed
 *   mm_page_free               a block comes back: __free_pages, if its allocation was seen
 *   mm_page_free_batched       evidence: it is given back with others, after its mm_page_free
 *   mm_page_pcpu_drain         evidence: a page leaves a page list for the buddy
 *   mm_page_alloc_zone_locked  evidence: a block leaves the buddy for a page list or a holder
 *   mm_page_alloc_extfrag      evidence: a free block is stolen from another migratetype
 *   lost events                of a CPU: from here on nothing is known of any page
 *   anything else              counted by its name: slab events have no operations yet
 *
 * mm_page_free is written before the block can be taken again, mm_page_alloc after it was taken. So
 * a recording that is in the order of one clock never shows a block as held twice when it was not.
 * But not every block that is handed out has an event: pages of bulk allocations (vmalloc), of
 * compaction and of contiguous ranges come without one, all of them single pages. A free of a
 * single page that was seen free already is therefore no finding, unless the recording is said to
 * be complete (struct trace_check_options).
 *
 * The context of an operation is what the flags column shows (hardirq, softirq, else task); perf
 * script shows none: task.
 *
 * Invariants:
 *   T1  events stand in the order of the recording, and for each CPU in the order of time;
 *   T2  events[i].place is the line (text) or the offset in the file (trace.dat) that it came from;
 *   T3  what was read is all there: events by kind, others by name, and lines that are no events
 *       add up to the lines of the file; a line that is understood by halves is an error;
 *   T4  an imported program has one allocation for each mm_page_alloc, in their order;
 *   T5  of those, allocated = live at the end + freed + failed in the recording.
 *
 * Errors are a sentence in char error[TRACE_ERROR_SIZE], with the file and the line or offset.
 * No state outlives a call. Nothing here is for several threads.
 *
 * Not here: contents of pages; slab; what the kernel did before the recording began. Blocks from
 * then are unknown: their frees are counted, and have no operation.
 */
#ifndef LOSTBUDDY_TRACE_H
#define LOSTBUDDY_TRACE_H

#include <stdio.h>

#include "program/program.h"

enum { TRACE_ERROR_SIZE = 768, TRACE_MAX_ORDER = 10, TRACE_ORDERS = TRACE_MAX_ORDER + 1 };

#define TRACE_NO_PFN UINT64_MAX	/* an allocation that failed */
#define TRACE_NOBODY UINT32_MAX	/* no such event */

enum trace_kind {
	TRACE_ALLOC,
	TRACE_FREE,
	TRACE_BATCHED,
	TRACE_DRAIN,
	TRACE_LOCKED,
	TRACE_EXTFRAG,
	TRACE_LOST,
	TRACE_KINDS
};

struct trace_event {
	uint64_t time;	/* of the recording's clock: nanoseconds, or ticks of a clock that counts */
	uint64_t pfn;	/* or TRACE_NO_PFN; TRACE_LOST: 0 */
	uint64_t place;	/* T2 */
	uint64_t value;	/* TRACE_LOST: how many, 0: not known; TRACE_LOCKED: 1: for a page list */
	uint32_t gfp;	/* TRACE_ALLOC */
	uint16_t cpu;
	uint8_t kind;	/* enum trace_kind */
	uint8_t order;	/* TRACE_EXTFRAG: of the block that is stolen */
	uint8_t level;	/* enum context_level */
	uint8_t type;	/* migratetype; TRACE_EXTFRAG: that it is taken from */
};

enum trace_form { TRACE_FORM_TEXT, TRACE_FORM_PERF, TRACE_FORM_DAT };

enum { TRACE_MAX_OTHERS = 128, TRACE_NAME_SIZE = 48 };

/* Events of other kinds, by name. */
struct trace_other {
	char name[TRACE_NAME_SIZE];
	uint64_t count;
};

struct trace {
	char *path;
	enum trace_form form;
	bool xz;
	struct trace_event *events;
	size_t nr_events, capacity;
	uint64_t counts[TRACE_KINDS];
	struct trace_other others[TRACE_MAX_OTHERS];
	unsigned int nr_others;	/* names beyond are counted together as "(more)" */
	uint64_t nr_lines;	/* of the file; 0: trace.dat */
	uint64_t nr_no_events;	/* lines that are no events: headings, call chains, empty ones */
	uint64_t announced;	/* events that the heading says there are; 0: it says nothing */
	uint64_t lost_events;	/* sum of what is known */
	uint32_t nr_cpus;	/* one more than the highest that is named */
	uint64_t max_pfn;	/* one more than the highest frame of an event */
};

extern const char *const trace_kind_names[TRACE_KINDS];	/* "mm_page_alloc"; "lost events" */
extern const char *const trace_form_names[];	/* "trace file", "perf script", "trace.dat" */

/*
 * trace_read - a recording of any form; which one is told from its bytes. "-" is the standard
 * input. Returns false, with error filled, iff it cannot be read, is empty or foreign, ends in the
 * middle of a line, of the packed stream or of a section, has fewer events than its heading
 * announces, has an event whose fields are not those we know, goes back in time, or has none of the
 * events above; or this program was built without the library that the form needs. In all cases
 * *trace is to be given to trace_free().
 */
bool trace_read(struct trace *trace, const char *path, char error[TRACE_ERROR_SIZE]);
/* The same of text that is there already; @path is only named in errors. */
bool trace_read_text(struct trace *trace, const char *path, const char *text, size_t size,
		     char error[TRACE_ERROR_SIZE]);
void trace_free(struct trace *trace);

/* "FILE:12" or "FILE: offset 0x1200": where an event came from. As snprintf. */
int trace_place(const struct trace *trace, uint32_t event, char *buffer, size_t size);

/*
 * trace_gfp - "GFP_KERNEL|__GFP_ZERO", "none", "0x400dc0" to bits; names and numbers of 5.10 and
 * 6.1 (facts 5). Returns false iff a part of it is no such name or number; *bad (length *length) is
 * that part.
 */
bool trace_gfp(const char *text, size_t size, uint32_t *gfp, const char **bad, size_t *length);

/* ---- check ---- */

enum trace_rule {
	TRACE_RULE_OVERLAP,	/* handed out while part of it is held */
	TRACE_RULE_ALIGN,	/* a block that does not lie at a multiple of its size */
	TRACE_RULE_DOUBLE_FREE,	/* given back while it is free */
	TRACE_RULE_FREE_ORDER,	/* given back as more than was handed out */
	TRACE_RULE_BATCHED,	/* in a batch of frees without having been freed */
	TRACE_RULE_DRAIN,	/* drained from a page list while held, or while in the buddy */
	TRACE_RULE_TAKEN,	/* taken from the buddy's lists, or stolen there, while held */
	TRACE_RULES
};

extern const char *const trace_rule_names[TRACE_RULES];		/* "contract.overlap" ... */
extern const char *const trace_rule_sentences[TRACE_RULES];	/* what holds */

enum { TRACE_MAX_FINDINGS = 100 };

struct trace_finding {
	enum trace_rule rule;
	uint32_t event;		/* at which it shows */
	uint32_t other;		/* the one it contradicts, or TRACE_NOBODY */
	uint64_t pfn;		/* the first frame about which they disagree */
};

struct trace_check_options {
	bool complete;	/* every block that was handed out has an event */
};

struct trace_checked {
	uint64_t by_rule[TRACE_RULES];	/* findings */
	uint64_t asked[TRACE_RULES];	/* how often its premise held: something was known */
	struct trace_finding findings[TRACE_MAX_FINDINGS];	/* the first ones */
	uint32_t nr_findings;	/* all of them; more than TRACE_MAX_FINDINGS are only counted */
	uint64_t silent;	/* single pages given back, handed out without an event */
	uint64_t remote_drains;	/* pages drained by another CPU than the one that freed them */
	uint64_t unknown_frees;	/* of blocks of which nothing is known */
	uint64_t held;		/* pages held at the end, of those whose allocation was recorded */
};

/*
 * trace_check - the contract, asked of the recording. False iff there is no memory; findings are in
 * *checked.
 * @options: NULL: none
 */
bool trace_check(const struct trace *trace, const struct trace_check_options *options,
		 struct trace_checked *checked);

/* A sentence with both places. As snprintf. */
int trace_finding_print(const struct trace *trace, const struct trace_finding *finding,
			char *buffer, size_t size);

/* ---- import ---- */

/*
 * Why an event of an allocation or a free has no operation of its own, or another one than it says.
 */
enum trace_unmapped {
	TRACE_FREE_UNKNOWN,	/* block from before the recording, or from among lost events */
	TRACE_FREE_SILENT,	/* page seen free before: it was handed out without an event */
	TRACE_FREE_PART,	/* part of a compound block: it is freed with its last part */
	TRACE_IN_NMI,		/* from an NMI, where nobody may ask: as if from an interrupt */
	TRACE_UNMAPPED
};

extern const char *const trace_unmapped_sentences[TRACE_UNMAPPED];

struct trace_imported {
	uint64_t unmapped[TRACE_UNMAPPED];
	uint32_t first_unmapped[TRACE_UNMAPPED];	/* event, or TRACE_NOBODY */
	uint64_t allocations, failed;	/* operations; those of them that failed in the recording */
	uint64_t freed;			/* allocations that were given back, whole or in parts */
	uint64_t assumed;		/* ... as events were lost: it was handed out anew */
	uint64_t live;			/* allocations that nobody gave back */
	uint64_t splits;		/* blocks that came back in parts, and are split */
	uint64_t peak_pages;		/* most that were held at once */
	uint64_t by_order[TRACE_ORDERS], pages;	/* allocations; pages of all of them */
};

struct trace_import_options {
	/* NULL: the plainest machine that has the recording's CPUs and frames */
	const struct machine *machine;
};

/*
 * trace_import - a program of what was recorded. *program is initialised, and to be freed in all
 * cases. An allocation that failed in the recording is followed by a free of what it gives: nobody
 * kept a block. Returns false, with error filled, iff the recording contradicts itself (the first
 * finding of trace_check()), has more CPUs than a machine has, or more operations than a program
 * holds; or there is no memory.
 */
bool trace_import(const struct trace *trace, const struct trace_import_options *options,
		  struct program *program, struct trace_imported *imported,
		  char error[TRACE_ERROR_SIZE]);

/*
 * trace_machine_beside - the machine of the files beside a recording: DIR/dmesg ("Early memory node
 * ranges"), and DIR/zoneinfo or zoneinfo.before (spans, managed pages, CPUs); DIR/node as well, if
 * it is there.
 * @path: of the recording; nothing is beside the standard input
 * @found: false iff there is neither; then *m is untouched
 * Returns false, with error filled, iff what is there makes no machine.
 */
bool trace_machine_beside(struct machine *m, const char *path, bool *found,
			  char error[TRACE_ERROR_SIZE]);

/* ---- replay ---- */

enum { TRACE_ZONES = 8 };

struct trace_zone_sample {
	uint32_t node, zone;
	uint64_t free;		/* in the buddy */
	/* facts 11, in thousandths; fragmentation -1000: a block of the order is there */
	int32_t fragmentation[TRACE_ORDERS], unusable[TRACE_ORDERS];
};

struct trace_steals {
	uint64_t page, move, claim, whole;
};

struct trace_sample {
	uint32_t operations;	/* carried out so far */
	uint64_t time;		/* of the recording */
	uint64_t free;		/* pages in the buddy */
	uint64_t held;		/* pages of the program */
	uint64_t failures;	/* allocations without a block so far */
	uint64_t unexpected;	/* ... of those that the recording was given */
	struct trace_steals steals;	/* so far */
	uint64_t slowpath, kswapd;	/* so far */
	unsigned int nr_zones;
	struct trace_zone_sample zones[TRACE_ZONES];	/* populated ones, the first of them */
};

struct trace_replayed {
	struct trace_sample *samples;	/* the first: right after boot; the last: the end */
	size_t nr_samples;
	uint64_t same_frames;		/* allocations that got the very frame of the recording */
	uint64_t recorded_steals;	/* mm_page_alloc_extfrag of the recording */
};

/*
 * trace_replay - the core carries out an imported program.
 * @every: operations between samples; 0: a twentieth of the program
 * Returns false, with error filled, iff the core cannot boot the machine, or there is no memory.
 */
bool trace_replay(const struct trace *trace, const struct program *program, uint32_t every,
		  struct trace_replayed *replayed, char error[TRACE_ERROR_SIZE]);
void trace_replayed_free(struct trace_replayed *replayed);

/* ---- export ---- */

/*
 * trace_export - the core's events while it carries out the program, as text of the trace file, in
 * virtual time. What is given back when the program is over is no event of it.
 */
bool trace_export(const struct program *program, FILE *out, char error[TRACE_ERROR_SIZE]);

/* ---- reports ---- */

void trace_print_imported(const struct trace *trace, const struct trace_imported *imported,
			  FILE *out);
void trace_print_checked(const struct trace *trace, const struct trace_checked *checked, FILE *out);
void trace_print_replayed(const struct trace *trace, const struct program *program,
			  const struct trace_replayed *replayed, FILE *out);
/* The same as JSON, one object. False: no memory. */
bool trace_json_imported(const struct trace *trace, const struct trace_imported *imported,
			 FILE *out);
bool trace_json_checked(const struct trace *trace, const struct trace_checked *checked, FILE *out);
bool trace_json_replayed(const struct trace *trace, const struct program *program,
			 const struct trace_replayed *replayed, FILE *out);

#endif
