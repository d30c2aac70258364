/*
 * A machine, as plain data: what a program runs on.
 *
 * This is what the text line, a `.machine` file and a boot log are read into, and all that the
 * target and the oracle are told. Nobody but this room makes one; nobody changes one that
 * machine_check() has accepted.
 *
 *   pfn   0        dma_end      dma32_end         max_pfn
 *         |  DMA   |   DMA32    |     Normal      |            by address, and cut off per node:
 *         [ node 0      ) hole  [ node 1          )
 *                                      [ Movable  )            from movable_start[node] upwards
 *
 * Units: pages (4 KiB) and page frame numbers (pfn), unless a name says kbytes. Ranges are [start,
 * end).
 * Facts: 1 (geometry), 2 (boot), 22 (which literal is which constant).
 */
#ifndef LOSTBUDDY_PROGRAM_MACHINE_H
#define LOSTBUDDY_PROGRAM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	MACHINE_MAX_NODES = 16,
	MACHINE_MAX_CPUS = 64,
	MACHINE_MAX_RANGES = 64,
	MACHINE_NR_ZONES = 4,		/* DMA, DMA32, Normal, Movable */
	MACHINE_FUZZ_PAGES = 2048,	/* a fuzz-size machine has at most so many */
};

/* A value that the machine leaves to the formula of the facts. */
#define MACHINE_BY_FORMULA (-1)

enum machine_profile {
	PROFILE_LINUX_6_1,
	PROFILE_LINUX_5_10,
	PROFILE_COUNT
};

/* When pages are looked at for bad state (facts 6 "When checked"). */
enum machine_checks {
	CHECKS_LINUX,	/* as a kernel without DEBUG_VM */
	CHECKS_DEBUG,	/* as a kernel with DEBUG_VM */
	CHECKS_OFF,
};

struct machine_range {
	uint64_t start, end;	/* pfn */
	uint32_t node;		/* memory ranges only; 0 in reserved ones */
	uint16_t hotplug;	/* memory ranges only; 1: may be unplugged while the machine runs */
	uint16_t mirror;	/* memory ranges only; 1: kept twice; boot takes its memory from there first */
};

struct machine {
	uint32_t profile;		/* enum machine_profile */
	uint32_t checks;		/* enum machine_checks */
	uint32_t thp;			/* 0 or 1: transparent huge pages are on */
	/* 0 or 1: made from a boot log: 0..1 MiB reserved, 640K hole (facts 2) */
	uint32_t pc;
	uint32_t nr_nodes;		/* ids are 0 .. nr_nodes - 1; a node may have no memory */
	uint32_t nr_cpus;
	uint32_t top_order;		/* T: highest order, inclusive; 4 .. 10 */
	uint32_t pageblock_order;	/* P: 4 .. T */
	uint64_t max_pfn;		/* one past the last frame of the last memory range */
	/* multiples of 2^T; dma_end <= dma32_end; 0 = that zone does not exist */
	uint64_t dma_end, dma32_end;
	uint64_t section_pages;		/* >= 2^T, multiple of 2^P */
	/* reserved at boot for each CPU on its node; MACHINE_PERCPU_REAL: facts 16 */
	uint32_t percpu_unit_pages;
	uint32_t nr_memory, nr_reserved;
	/* bit n: node n is possible, but not there: no memory, no CPU, not online; at least one node is */
	uint32_t absent_nodes;
	int64_t min_free_kbytes;	/* or MACHINE_BY_FORMULA, likewise the next two */
	int64_t pcp_high, pcp_batch;	/* pages, 0 (1) .. 2^20 */
	uint32_t watermark_scale_factor;	/* 1 .. 3000, in 1/10000 of a zone; 10 */
	uint32_t watermark_boost_factor;	/* 0 .. 100000, in 1/10000; 15000 */
	uint32_t lowmem_reserve_ratio[MACHINE_NR_ZONES];	/* 256 256 32 0; 0 = no reserve */
	/* multiple of 2^T, inside the highest zone; 0 = none */
	uint64_t movable_start[MACHINE_MAX_NODES];
	/*
	 * What a kernel derives Movable borders from instead (facts 2): pages, or 1 .. 100 % of all
	 * memory; 0 = not said. Only where movable_start is all 0.
	 */
	uint64_t kernelcore_pages, movablecore_pages;
	uint32_t kernelcore_percent, movablecore_percent;
	uint32_t movable_node;		/* 0 or 1: hot-pluggable memory is Movable */
	uint32_t kernelcore_mirror;	/* 0 or 1: what is not mirrored is Movable */
	/* Switches (facts 6, 18; READINGS "Switches"). All off by default. */
	uint32_t shuffle;		/* 0: off; else free lists are shuffled, and this is the seed */
	uint32_t debug_pagealloc;	/* 0 or 1: free pages are unmapped; bad states are looked for at both ends */
	uint32_t guard_order;		/* with debug_pagealloc: halves below this order become guards; 0 .. (T+1)/2 */
	uint32_t init_on_alloc, init_on_free, page_poison;	/* 0 or 1 */
	/* 0 or 1: a node's highest zone is initialised as it is needed (facts 2; READINGS "Deferred") */
	uint32_t deferred;
	uint32_t flat;			/* 0 or 1: frames of holes have a struct page too (FLATMEM) */
	/*
	 * What a zone manages in the end, beyond which a kernel keeps pages for itself; 0 = all that
	 * memmap and percpu leave. And how many of those pages it gets only after marks and reserves
	 * were computed (facts 21).
	 */
	uint64_t managed[MACHINE_MAX_NODES][MACHINE_NR_ZONES];
	uint64_t late[MACHINE_MAX_NODES][MACHINE_NR_ZONES];
	uint8_t cpu_node[MACHINE_MAX_CPUS];
	/* [from][to], 10 = local, may be asymmetric */
	uint8_t distance[MACHINE_MAX_NODES][MACHINE_MAX_NODES];
	/* ascending, disjoint; pfn 0 is never in one */
	struct machine_range memory[MACHINE_MAX_RANGES];
	struct machine_range reserved[MACHINE_MAX_RANGES];	/* ascending, disjoint */
};

#define MACHINE_PERCPU_REAL 0xffffffffu	/* unit size by the formula of facts 16 with a 2 MiB atom */

/*
 * Where in a text something is wrong, and what. line and column count from 1; 0 = not about a place
 * in a text.
 */
struct text_error {
	unsigned int line, column;
	char what[256];		/* a sentence: what is wrong, what was expected */
};

/* The defaults of a machine line that names nothing: 1 node, 1 CPU, 512 pages, P = 4, T = 6. */
void machine_default(struct machine *m);

/* Distances 10 and 20, and CPUs spread over the nodes in blocks, from nr_nodes, absent_nodes and nr_cpus. */
void machine_default_nodes(struct machine *m);

/* A PC of real size, whose memory is not known yet: zone borders, orders, sections as x86-64 has them (facts 1). */
void machine_pc(struct machine *m);

/*
 * machine_check - can this machine exist?
 * Returns true, or false with the reason in error->what (overlapping ranges, no memory, too many
 * CPUs or nodes, a constant out of its range, a border off its alignment, a distance below 10 or
 * not 10 to itself, a CPU on a node that is not there, a Movable border outside the highest zone).
 */
bool machine_check(const struct machine *m, struct text_error *error);

/*
 * machine_parse_line - read `machine key=value ...` (what follows the word `machine`), or a whole
 * `.machine` file.
 * Unnamed keys have their defaults; `pages` and `nodes` alone divide memory evenly. The result has
 * been checked.
 * Returns false with line, column and what was expected.
 */
bool machine_parse_line(struct machine *m, const char *text, struct text_error *error);
bool machine_read_file(struct machine *m, const char *path, struct text_error *error);

/*
 * machine_from_boot - the machine of a real kernel's boot log: DIR/dmesg, DIR/cmdline and DIR/node
 * (facts 2, 21).
 */
bool machine_from_boot(struct machine *m, const char *dir, struct text_error *error);

/*
 * machine_from_boot_whole - the same, but what the log says was derived is to be derived again.
 * Movable borders become kernelcore=, movablecore= and movable_node of the command line. What the
 * kernel kept for itself comes from DIR/zoneinfo (managed pages) and, for what it freed late, from
 * the log; it must be a log that shows addresses as they were (nokaslr), since the image is looked
 * for where it is linked.
 */
bool machine_from_boot_whole(struct machine *m, const char *dir, struct text_error *error);

/*
 * The canonical text: only keys that differ from their defaults, always in one order; it parses to
 * the same machine.
 * Returns the number of bytes it needs without the final 0, as snprintf does.
 */
size_t machine_print_line(const struct machine *m, char *buffer, size_t size);

/*
 * The reference of keys: a line each with form, range and default, and a sentence below it; then how a
 * `.machine` file is written. Returns as machine_print_line().
 */
size_t machine_print_keys(char *buffer, size_t size);

/*
 * Two machines are the same iff their bytes are: every unused field and padding is 0
 * (machine_default sees to it).
 */
bool machine_equal(const struct machine *a, const struct machine *b);

/*
 * True iff the wire form can hold it: max_pfn at most 2048, not a PC, at most 4 nodes, 8 CPUs, 8 ranges
 * of each kind (reserved ones below 2048 too), zone borders at most 4096, sections 32768, percpu 64;
 * nothing of kernelcore, movablecore, movable_node, hot-pluggable or mirrored memory, managed and late.
 * It has room for the switches, absent nodes and deferred.
 */
bool machine_has_wire_form(const struct machine *m);

#ifdef __cplusplus
}
#endif
#endif
