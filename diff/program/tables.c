/*
 * The tables of the language: operations (from ops.def), tunables, gfp bits (facts 5).
 *
 * Not here: the wire numbers of all these, which are append-only and stand in wire.c.
 */
#include "program/program.h"

const struct op_info op_info[OP_COUNT] = {
#define NOTHING YIELDS_NOTHING
#define BLOCK YIELDS_BLOCK
#define PAGES YIELDS_PAGES
#define MANY YIELDS_MANY
#define FRAGMENT YIELDS_FRAGMENT
#define OP(code, NAME, text, yields, arguments, since, doc)                                        \
	[code] = { text, yields, arguments, since, doc },
#include "program/ops.def"
#undef OP
#undef NOTHING
#undef BLOCK
#undef PAGES
#undef MANY
#undef FRAGMENT
};

/* A row that is missing would leave a hole: the last code and the number of rows have to agree. */
enum {
#define OP(code, NAME, text, yields, arguments, since, doc) ROW_##NAME,
#include "program/ops.def"
#undef OP
	ROW_COUNT
};
_Static_assert((int)ROW_COUNT == (int)OP_COUNT, "codes of ops.def have no holes");
_Static_assert((int)OP_COUNT <= 64, "a code is a capability bit");

const char *const sysctl_names[SYSCTL_COUNT] = {
	[SYSCTL_MIN_FREE_KBYTES] = "min_free_kbytes",
	[SYSCTL_WATERMARK_SCALE_FACTOR] = "watermark_scale_factor",
	[SYSCTL_WATERMARK_BOOST_FACTOR] = "watermark_boost_factor",
	[SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION] = "percpu_pagelist_high_fraction",
	[SYSCTL_LOWMEM_RESERVE_RATIO_DMA] = "lowmem_reserve_ratio.dma",
	[SYSCTL_LOWMEM_RESERVE_RATIO_DMA32] = "lowmem_reserve_ratio.dma32",
	[SYSCTL_LOWMEM_RESERVE_RATIO_NORMAL] = "lowmem_reserve_ratio.normal",
};

const char *const policy_names[POLICY_COUNT] = {
	[POLICY_DEFAULT] = "default", [POLICY_PREFERRED] = "preferred",
	[POLICY_BIND] = "bind",	      [POLICY_INTERLEAVE] = "interleave",
	[POLICY_LOCAL] = "local",     [POLICY_PREFERRED_MANY] = "preferred_many",
};

/* Facts 1. */
const char *const page_flag_names[PROGRAM_PAGE_FLAGS] = {
	"locked",     "referenced", "uptodate",	   "dirty",	"lru",		"active",
	"workingset", "waiters",    "error",	   "slab",	"owner_priv_1", "arch_1",
	"reserved",   "private",    "private_2",   "writeback", "head",		"mappedtodisk",
	"reclaim",    "swapbacked", "unevictable", "mlocked",	"uncached",	"hwpoison",
	"young",      "idle",	    "arch_2",
};

/* ATOMIC is the composite, as callers know it; its own bit alone is ATOMIC_BIT. */
const struct gfp_name gfp_names[] = {
	{ "TRANSHUGE", 0x1c24ca },
	{ "TRANSHUGE_LIGHT", 0x1c20ca },
	{ "HIGHUSER_MOVABLE", 0x100cca },
	{ "HIGHUSER", 0x100cc2 },
	{ "USER", 0x100cc0 },
	{ "KERNEL_ACCOUNT", 0x400cc0 },
	{ "KERNEL", 0xcc0 },
	{ "ATOMIC", 0xa20 },
	{ "NOFS", 0xc40 },
	{ "NOIO", 0xc00 },
	{ "NOWAIT", 0x800 },
	{ "DMA", 0x1 },
	{ "HIGHMEM", 0x2 },
	{ "DMA32", 0x4 },
	{ "MOVABLE", 0x8 },
	{ "RECLAIMABLE", 0x10 },
	{ "HIGH", 0x20 },
	{ "IO", 0x40 },
	{ "FS", 0x80 },
	{ "ZERO", 0x100 },
	{ "ATOMIC_BIT", 0x200 },
	{ "DIRECT_RECLAIM", 0x400 },
	{ "KSWAPD_RECLAIM", 0x800 },
	{ "WRITE", 0x1000 },
	{ "NOWARN", 0x2000 },
	{ "RETRY_MAYFAIL", 0x4000 },
	{ "NOFAIL", 0x8000 },
	{ "NORETRY", 0x10000 },
	{ "MEMALLOC", 0x20000 },
	{ "COMP", 0x40000 },
	{ "NOMEMALLOC", 0x80000 },
	{ "HARDWALL", 0x100000 },
	{ "THISNODE", 0x200000 },
	{ "ACCOUNT", 0x400000 },
	{ "ZEROTAGS", 0x800000 },
	{ "SKIP_ZERO", 0x1000000 },
	{ "NOLOCKDEP", 0x8000000 },
	{ NULL, 0 },
};
