/*
 * The text of a machine: `key=value ...` on one line of a program, or one a line in a `.machine`
 * file.
 *
 * One table, keys[], is what the parser reads by, what the printer names keys by, and what the reference
 * page says (machine_print_keys()). Keys may come in any order, each at most once. What no key names is derived when all are read:
 * memory from `pages`, borders from memory, distances and CPUs from the number of nodes (machine.c,
 * "Defaults"). Printing leaves out what would be derived just so, which makes the text canonical.
 */
#include <stdio.h>
#include <stdlib.h>

#include "program/internal.h"

/* What has been read so far. */
struct machine_reading {
	struct machine *m;
	const char *folder;
	uint64_t pages;
	uint64_t given; /* bit of each key that was there */
	uint32_t rows, row_length[MACHINE_MAX_NODES], nr_cpu_nodes;
	uint32_t managed_rows, late_rows;
	bool node_movable[MACHINE_MAX_NODES];
};

enum key_index {
	KEY_PROFILE,
	KEY_THP,
	KEY_CHECKS,
	KEY_PC,
	KEY_NODES,
	KEY_ABSENT_NODES,
	KEY_CPUS,
	KEY_PAGES,
	KEY_MEMORY,
	KEY_RESERVED,
	KEY_DMA_END,
	KEY_DMA32_END,
	KEY_PAGEBLOCK_ORDER,
	KEY_TOP_ORDER,
	KEY_SECTION,
	KEY_MEMMAP,
	KEY_DISTANCES,
	KEY_CPU_NODES,
	KEY_MOVABLE,
	KEY_KERNELCORE,
	KEY_MOVABLECORE,
	KEY_MOVABLE_NODE,
	KEY_MANAGED,
	KEY_LATE,
	KEY_MIN_FREE_KBYTES,
	KEY_HIGH,
	KEY_BATCH,
	KEY_SCALE,
	KEY_BOOST_FACTOR,
	KEY_RATIOS,
	KEY_PERCPU,
	KEY_SHUFFLE,
	KEY_DEBUG_PAGEALLOC,
	KEY_GUARD_ORDER,
	KEY_INIT_ON_ALLOC,
	KEY_INIT_ON_FREE,
	KEY_PAGE_POISON,
	KEY_DEFERRED,
	KEY_FILE,
	KEY_COUNT
};
_Static_assert((int)KEY_COUNT <= 64, "machine_reading.given has a bit for each key");

static bool was_given(const struct machine_reading *r, enum key_index key)
{
	return r->given >> key & 1;
}

/* ---- Values ---- */

/* A number in the range of the key; @what names it in the error. */
static bool number(struct cursor *c, const struct machine_key *key, const char *what,
		   uint64_t *value)
{
	const char *at = c->at;

	if (!cursor_number(c, key->high, what, value))
		return false;
	return *value >= key->low ||
	       cursor_fail(c, at, "%s=%llu is too small: expected %s, at least %llu", key->name,
			   (unsigned long long)*value, what, (unsigned long long)key->low);
}

static bool number32(struct cursor *c, const struct machine_key *key, const char *what,
		     uint32_t *out)
{
	uint64_t value;

	assert(key->high <= UINT32_MAX);
	if (!number(c, key, what, &value))
		return false;
	*out = (uint32_t)value;
	return true;
}

/* Nodes stand in the values of several keys. */
static bool node_number(struct cursor *c, const char *what, uint32_t *node)
{
	uint64_t value;

	if (!cursor_number(c, MACHINE_MAX_NODES - 1, what, &value))
		return false;
	*node = (uint32_t)value;
	return true;
}

static bool pfn_value(struct cursor *c, const struct machine_key *key, uint64_t *out)
{
	return number(c, key, "a page frame number", out);
}

/* One of the words, which are separated by `|` for the error; its index is the value. */
static bool one_of(struct cursor *c, const char *const *words, uint32_t nr, const char *list,
		   uint32_t *out)
{
	size_t length = cursor_word(c);
	char found[40];

	for (uint32_t i = 0; i < nr; i++)
		if (cursor_word_is(c, length, words[i])) {
			c->at += length;
			*out = i;
			return true;
		}
	return cursor_fail(c, c->at, "expected %s, found %s", list, cursor_found(c, found));
}

static const char *const profile_words[PROFILE_COUNT] = { "linux-6.1", "linux-5.10" };
static const char *const switch_words[] = { "off", "on" };
static const char *const checks_words[] = { "linux", "debug", "off" };
static const char *const memmap_words[] = { "sparse", "flat" };

static bool parse_profile(const struct machine_key *key, struct machine_reading *r,
			  struct cursor *c)
{
	(void)key;
	return one_of(c, profile_words, PROFILE_COUNT, "the profile linux-6.1 or linux-5.10",
		      &r->m->profile);
}

static bool parse_thp(const struct machine_key *key, struct machine_reading *r, struct cursor *c)
{
	(void)key;
	return one_of(c, switch_words, 2, "on or off", &r->m->thp);
}

static bool parse_checks(const struct machine_key *key, struct machine_reading *r, struct cursor *c)
{
	(void)key;
	return one_of(c, checks_words, 3, "linux, debug or off", &r->m->checks);
}

static bool parse_pc(const struct machine_key *key, struct machine_reading *r, struct cursor *c)
{
	(void)key;
	return one_of(c, switch_words, 2, "on or off", &r->m->pc);
}

static bool parse_nodes(const struct machine_key *key, struct machine_reading *r, struct cursor *c)
{
	return number32(c, key, "the number of nodes", &r->m->nr_nodes);
}

static bool parse_cpus(const struct machine_key *key, struct machine_reading *r, struct cursor *c)
{
	return number32(c, key, "the number of CPUs", &r->m->nr_cpus);
}

static bool parse_pages(const struct machine_key *key, struct machine_reading *r, struct cursor *c)
{
	return number(c, key, "the number of pages", &r->pages);
}

static bool parse_dma_end(const struct machine_key *key, struct machine_reading *r,
			  struct cursor *c)
{
	return pfn_value(c, key, &r->m->dma_end);
}

static bool parse_dma32_end(const struct machine_key *key, struct machine_reading *r,
			    struct cursor *c)
{
	return pfn_value(c, key, &r->m->dma32_end);
}

static bool parse_pageblock_order(const struct machine_key *key, struct machine_reading *r,
				  struct cursor *c)
{
	return number32(c, key, "an order", &r->m->pageblock_order);
}

static bool parse_top_order(const struct machine_key *key, struct machine_reading *r,
			    struct cursor *c)
{
	return number32(c, key, "an order", &r->m->top_order);
}

static bool parse_section(const struct machine_key *key, struct machine_reading *r,
			  struct cursor *c)
{
	return number(c, key, "a number of pages", &r->m->section_pages);
}

static bool parse_memmap(const struct machine_key *key, struct machine_reading *r, struct cursor *c)
{
	(void)key;
	return one_of(c, memmap_words, 2, "sparse or flat", &r->m->flat);
}

static bool parse_absent_nodes(const struct machine_key *key, struct machine_reading *r,
			       struct cursor *c)
{
	return number32(c, key, "a mask of nodes", &r->m->absent_nodes);
}

/* `512-1024@1/hotplug/mirror`: either mark, or both in either order. */
static bool parse_mark(struct cursor *c, struct machine_range *range)
{
	bool hotplug = cursor_word_is(c, cursor_word(c), "hotplug");
	uint16_t *mark = hotplug ? &range->hotplug : &range->mirror;
	char found[40];

	if (!hotplug && !cursor_word_is(c, cursor_word(c), "mirror"))
		return cursor_fail(c, c->at, "expected hotplug or mirror, found %s",
				   cursor_found(c, found));
	if (*mark)
		return cursor_fail(c, c->at, "the mark %s is there twice", cursor_found(c, found));
	c->at += cursor_word(c);
	*mark = 1;
	return true;
}

static bool parse_marks(struct cursor *c, struct machine_range *range)
{
	while (cursor_take(c, '/'))
		if (!parse_mark(c, range))
			return false;
	return true;
}

static bool parse_range(struct cursor *c, const struct machine_key *key, bool with_node,
			struct machine_range *range)
{
	*range = (struct machine_range){ 0 };
	if (!pfn_value(c, key, &range->start) || !cursor_expect(c, '-', "the start of a range") ||
	    !pfn_value(c, key, &range->end))
		return false;
	if (!with_node)
		return true;
	if (!cursor_expect(c, '@', "a memory range, and its node") ||
	    !node_number(c, "a node", &range->node))
		return false;
	return parse_marks(c, range);
}

static bool parse_ranges(struct cursor *c, const struct machine_key *key, bool with_node,
			 struct machine_range *ranges, uint32_t *nr)
{
	*nr = 0;
	memset(ranges, 0, MACHINE_MAX_RANGES * sizeof(*ranges));
	do {
		if (*nr == MACHINE_MAX_RANGES)
			return cursor_fail(c, c->at, "too many ranges: a machine has at most %d",
					   MACHINE_MAX_RANGES);
		if (!parse_range(c, key, with_node, &ranges[*nr]))
			return false;
		++*nr;
	} while (cursor_take(c, ','));
	return true;
}

static bool parse_memory(const struct machine_key *key, struct machine_reading *r, struct cursor *c)
{
	return parse_ranges(c, key, true, r->m->memory, &r->m->nr_memory);
}

static bool parse_reserved(const struct machine_key *key, struct machine_reading *r,
			   struct cursor *c)
{
	return parse_ranges(c, key, false, r->m->reserved, &r->m->nr_reserved);
}

static bool parse_distances(const struct machine_key *key, struct machine_reading *r,
			    struct cursor *c)
{
	memset(r->m->distance, 0, sizeof(r->m->distance));
	do {
		uint32_t row = r->rows++, value;

		if (row == MACHINE_MAX_NODES)
			return cursor_fail(c, c->at,
					   "too many rows: a machine has at most %d nodes",
					   MACHINE_MAX_NODES);
		do {
			uint32_t column = r->row_length[row]++;

			if (column == MACHINE_MAX_NODES)
				return cursor_fail(
					c, c->at,
					"too many distances in a row: a machine has at most %d "
					"nodes",
					MACHINE_MAX_NODES);
			if (!number32(c, key, "a distance", &value))
				return false;
			r->m->distance[row][column] = (uint8_t)value;
		} while (cursor_take(c, '/'));
	} while (cursor_take(c, ','));
	return true;
}

static bool parse_cpu_nodes(const struct machine_key *key, struct machine_reading *r,
			    struct cursor *c)
{
	(void)key;
	memset(r->m->cpu_node, 0, sizeof(r->m->cpu_node));
	do {
		uint32_t node;

		if (r->nr_cpu_nodes == MACHINE_MAX_CPUS)
			return cursor_fail(c, c->at, "too many CPUs: a machine has at most %d",
					   MACHINE_MAX_CPUS);
		if (!node_number(c, "the node of a CPU", &node))
			return false;
		r->m->cpu_node[r->nr_cpu_nodes++] = (uint8_t)node;
	} while (cursor_take(c, ','));
	return true;
}

static bool parse_movable(const struct machine_key *key, struct machine_reading *r,
			  struct cursor *c)
{
	do {
		const char *at = c->at;
		uint64_t border;
		uint32_t node;

		if (!pfn_value(c, key, &border) ||
		    !cursor_expect(c, '@', "a Movable border, and its node") ||
		    !node_number(c, "a node", &node))
			return false;
		if (r->node_movable[node])
			return cursor_fail(c, at, "node %u has two Movable borders: expected one",
					   node);
		r->node_movable[node] = true;
		r->m->movable_start[node] = border;
	} while (cursor_take(c, ','));
	return true;
}

/* Pages, or `25%` of all memory. */
static bool parse_core(struct cursor *c, const struct machine_key *key, uint64_t *pages,
		       uint32_t *percent)
{
	const char *at = c->at;
	uint64_t value;

	if (!number(c, key, "a number of pages, or N%", &value))
		return false;
	if (!cursor_take(c, '%')) {
		*pages = value;
		return true;
	}
	*percent = (uint32_t)value;
	return value <= 100 || cursor_fail(c, at, "expected at most 100%%");
}

static bool parse_kernelcore(const struct machine_key *key, struct machine_reading *r,
			     struct cursor *c)
{
	size_t length = cursor_word(c);

	if (!cursor_word_is(c, length, "mirror"))
		return parse_core(c, key, &r->m->kernelcore_pages, &r->m->kernelcore_percent);
	c->at += length;
	r->m->kernelcore_mirror = 1;
	return true;
}

static bool parse_movablecore(const struct machine_key *key, struct machine_reading *r,
			      struct cursor *c)
{
	return parse_core(c, key, &r->m->movablecore_pages, &r->m->movablecore_percent);
}

static bool parse_movable_node(const struct machine_key *key, struct machine_reading *r,
			       struct cursor *c)
{
	(void)key;
	return one_of(c, switch_words, 2, "on or off", &r->m->movable_node);
}

/* A row a node, in it the pages of DMA/DMA32/Normal/Movable. */
static bool parse_zone_rows(struct cursor *c, const struct machine_key *key,
			    uint64_t rows[][MACHINE_NR_ZONES], uint32_t *nr)
{
	for (*nr = 0; *nr == 0 || cursor_take(c, ','); ++*nr) {
		if (*nr == MACHINE_MAX_NODES)
			return cursor_fail(c, c->at,
					   "too many rows: a machine has at most %d nodes",
					   MACHINE_MAX_NODES);
		for (uint32_t zone = 0; zone < MACHINE_NR_ZONES; zone++) {
			if (zone > 0 && !cursor_expect(c, '/',
						       "the pages of a zone: there are four, of "
						       "DMA/DMA32/Normal/Movable"))
				return false;
			if (!number(c, key, "a number of pages", &rows[*nr][zone]))
				return false;
		}
	}
	return true;
}

static bool parse_managed(const struct machine_key *key, struct machine_reading *r,
			  struct cursor *c)
{
	return parse_zone_rows(c, key, r->m->managed, &r->managed_rows);
}

static bool parse_late(const struct machine_key *key, struct machine_reading *r, struct cursor *c)
{
	return parse_zone_rows(c, key, r->m->late, &r->late_rows);
}

static bool parse_tunable(struct cursor *c, const struct machine_key *key, const char *what,
			  int64_t *out)
{
	uint64_t value;

	if (!number(c, key, what, &value))
		return false;
	*out = (int64_t)value;
	return true;
}

static bool parse_min_free_kbytes(const struct machine_key *key, struct machine_reading *r,
				  struct cursor *c)
{
	return parse_tunable(c, key, "kbytes", &r->m->min_free_kbytes);
}

static bool parse_high(const struct machine_key *key, struct machine_reading *r, struct cursor *c)
{
	return parse_tunable(c, key, "a number of pages", &r->m->pcp_high);
}

static bool parse_batch(const struct machine_key *key, struct machine_reading *r, struct cursor *c)
{
	return parse_tunable(c, key, "a number of pages", &r->m->pcp_batch);
}

static bool parse_scale(const struct machine_key *key, struct machine_reading *r, struct cursor *c)
{
	return number32(c, key, "a watermark scale factor", &r->m->watermark_scale_factor);
}

static bool parse_boost_factor(const struct machine_key *key, struct machine_reading *r,
			       struct cursor *c)
{
	return number32(c, key, "a watermark boost factor", &r->m->watermark_boost_factor);
}

static bool parse_ratios(const struct machine_key *key, struct machine_reading *r, struct cursor *c)
{
	for (uint32_t i = 0; i < MACHINE_NR_ZONES; i++) {
		if (i > 0 &&
		    !cursor_expect(c, '/',
				   "a reserve ratio: there are four, of DMA/DMA32/Normal/Movable"))
			return false;
		if (!number32(c, key, "a reserve ratio", &r->m->lowmem_reserve_ratio[i]))
			return false;
	}
	return true;
}

static bool parse_percpu(const struct machine_key *key, struct machine_reading *r, struct cursor *c)
{
	size_t length = cursor_word(c);

	if (!cursor_word_is(c, length, "real"))
		return number32(c, key, "the pages of a percpu unit (or real)",
				&r->m->percpu_unit_pages);
	c->at += length;
	r->m->percpu_unit_pages = MACHINE_PERCPU_REAL;
	return true;
}

static bool parse_shuffle(const struct machine_key *key, struct machine_reading *r,
			  struct cursor *c)
{
	return number32(c, key, "a seed", &r->m->shuffle);
}

static bool parse_debug_pagealloc(const struct machine_key *key, struct machine_reading *r,
				  struct cursor *c)
{
	return number32(c, key, "0 or 1", &r->m->debug_pagealloc);
}

static bool parse_guard_order(const struct machine_key *key, struct machine_reading *r,
			      struct cursor *c)
{
	return number32(c, key, "an order", &r->m->guard_order);
}

static bool parse_init_on_alloc(const struct machine_key *key, struct machine_reading *r,
				struct cursor *c)
{
	return number32(c, key, "0 or 1", &r->m->init_on_alloc);
}

static bool parse_init_on_free(const struct machine_key *key, struct machine_reading *r,
			       struct cursor *c)
{
	return number32(c, key, "0 or 1", &r->m->init_on_free);
}

static bool parse_page_poison(const struct machine_key *key, struct machine_reading *r,
			      struct cursor *c)
{
	return number32(c, key, "0 or 1", &r->m->page_poison);
}

static bool parse_deferred(const struct machine_key *key, struct machine_reading *r,
			   struct cursor *c)
{
	return number32(c, key, "0 or 1", &r->m->deferred);
}

/* The whole machine comes from another file; a name may hold anything but blanks. */
static bool parse_file(const struct machine_key *key, struct machine_reading *r, struct cursor *c)
{
	(void)key;
	const char *start = c->at;
	char path[4096], name[4096];
	struct text_error inner;

	while (c->at < c->end && *c->at != ' ' && *c->at != '\t' && *c->at != '\n' &&
	       *c->at != '\r')
		c->at++;
	int length = (int)(c->at - start);

	if (!r->folder)
		return cursor_fail(
			c, start,
			"`file=` is looked up beside the program's file, and this text has none: "
			"expected the machine's own keys");
	if (length == 0 || length >= (int)sizeof(name) || memchr(start, '\0', (size_t)length))
		return cursor_fail(c, start, "expected the name of a `.machine` file");
	snprintf(name, sizeof(name), "%.*s", length, start);
	int needed = snprintf(path, sizeof(path), "%s%s", *start == '/' ? "" : r->folder, name);

	if (needed >= (int)sizeof(path))
		return cursor_fail(c, start, "the name of the `.machine` file is too long");
	if (machine_read_file(r->m, path, &inner))
		return true;
	if (inner.line)
		return cursor_fail(c, start, "%.80s:%u:%u: %.140s", name, inner.line, inner.column,
				   inner.what);
	return cursor_fail(c, start, "%.240s", inner.what);
}

static const struct machine_key keys[KEY_COUNT] = {
	[KEY_PROFILE] = { "profile", "linux-6.1|linux-5.10", 0, 0, "linux-6.1", parse_profile,
			  "whose rules hold" },
	[KEY_THP] = { "thp", "on|off", 0, 0, "off", parse_thp, "transparent huge pages" },
	[KEY_CHECKS] = { "checks", "linux|debug|off", 0, 0, "linux", parse_checks,
			 "when pages are looked at for bad state: as a kernel without DEBUG_VM, "
			 "with it, or never" },
	[KEY_PC] = { "pc", "on|off", 0, 0, "off", parse_pc,
		     "the first MiB is reserved and has the hole at 640 KiB, as after a boot" },
	[KEY_NODES] = { "nodes", "N", 1, MACHINE_MAX_NODES, "1", parse_nodes,
			"NUMA nodes, numbered from 0" },
	[KEY_ABSENT_NODES] = { "absent_nodes", "0xN", 0, (1u << MACHINE_MAX_NODES) - 1, "0x0",
			       parse_absent_nodes,
			       "nodes that are possible, but not there, by their bits: no memory, "
			       "no "
			       "CPU; one at least is there" },
	[KEY_CPUS] = { "cpus", "N", 1, MACHINE_MAX_CPUS, "1", parse_cpus, "CPUs, numbered from 0" },
	[KEY_PAGES] = { "pages", "N", MACHINE_LEAST_PAGES + 1, MACHINE_GREATEST_PFN, "512",
			parse_pages,
			"memory from pfn 1 up to pfn N, divided evenly over the nodes (pfn 0 is "
			"never memory)" },
	[KEY_MEMORY] = { "memory", "START-END@NODE,...", 0, MACHINE_GREATEST_PFN, NULL,
			 parse_memory,
			 "memory as ranges of pfns, END excluded, ascending; behind a node "
			 "/hotplug "
			 "marks what may be unplugged, /mirror what is kept twice and boot takes "
			 "its memory from first. Default: what pages says" },
	[KEY_RESERVED] = { "reserved", "START-END,...", 0, MACHINE_GREATEST_PFN, NULL,
			   parse_reserved,
			   "pfns that boot keeps from the allocator, ascending. Default: none" },
	[KEY_DMA_END] = { "dma_end", "PFN", 0, MACHINE_GREATEST_PFN, NULL, parse_dma_end,
			  "end of zone DMA, a multiple of 2^top_order; 0: no such zone. Default: "
			  "an "
			  "eighth of the memory, rounded down" },
	[KEY_DMA32_END] = { "dma32_end", "PFN", 0, MACHINE_GREATEST_PFN, NULL, parse_dma32_end,
			    "end of zone DMA32, a multiple of 2^top_order, not below dma_end; 0: "
			    "no "
			    "such zone. Default: half of the memory, rounded down" },
	[KEY_PAGEBLOCK_ORDER] = { "pageblock_order", "N", MACHINE_LOWEST_ORDER,
				  MACHINE_HIGHEST_ORDER, "4", parse_pageblock_order,
				  "a pageblock, which has one migratetype, is 2^N pages; at most "
				  "top_order" },
	[KEY_TOP_ORDER] = { "top_order", "N", MACHINE_LOWEST_ORDER, MACHINE_HIGHEST_ORDER, "6",
			    parse_top_order, "the largest block is 2^N pages" },
	[KEY_SECTION] = { "section", "N", 1u << MACHINE_LOWEST_ORDER, 1u << 30, NULL, parse_section,
			  "pages of a section of the memory map: whole pageblocks, and at least "
			  "2^top_order. Default: 256, or 2^top_order if that is more" },
	[KEY_MEMMAP] = { "memmap", "sparse|flat", 0, 0, "sparse", parse_memmap,
			 "whether frames of holes have a page too (flat), or none" },
	[KEY_DISTANCES] = { "distances", "D/D/...,D/D/...", 10, MACHINE_FARTHEST, NULL,
			    parse_distances,
			    "from each node (a row) to each node; 10 to itself. Default: 20 to "
			    "others" },
	[KEY_CPU_NODES] = { "cpu_nodes", "NODE,NODE,...", 0, MACHINE_MAX_NODES - 1, NULL,
			    parse_cpu_nodes,
			    "the node of each CPU. Default: in blocks, evenly over the nodes" },
	[KEY_MOVABLE] = { "movable", "PFN@NODE,...", 1, MACHINE_GREATEST_PFN, NULL, parse_movable,
			  "where zone Movable of a node begins, a multiple of 2^top_order in the "
			  "node's highest zone. Default: no zone Movable" },
	[KEY_KERNELCORE] = { "kernelcore", "N|N%|mirror", 1, MACHINE_GREATEST_PFN, NULL,
			     parse_kernelcore,
			     "pages, or percent of all, that stay out of zone Movable, shared by "
			     "the nodes: its borders follow; mirror: what is not mirrored is "
			     "Movable. "
			     "Default: no zone Movable" },
	[KEY_MOVABLECORE] = { "movablecore", "N|N%", 1, MACHINE_GREATEST_PFN, NULL,
			      parse_movablecore,
			      "pages, or percent of all, for zone Movable: the rest is kernelcore. "
			      "Default: no zone Movable" },
	[KEY_MOVABLE_NODE] = { "movable_node", "on|off", 0, 0, "off", parse_movable_node,
			       "memory of ranges that end in /hotplug is Movable, and boot takes "
			       "none of it" },
	[KEY_MANAGED] = { "managed", "N/N/N/N,...", 0, MACHINE_GREATEST_PFN, NULL, parse_managed,
			  "a row a node: pages that DMA, DMA32, Normal, Movable manage in the end, "
			  "what is above is reserved; 0: all. Default: all" },
	[KEY_LATE] = { "late", "N/N/N/N,...", 0, MACHINE_GREATEST_PFN, NULL, parse_late,
		       "how many of the managed pages come after marks and reserves were "
		       "computed. Default: none" },
	[KEY_MIN_FREE_KBYTES] = { "min_free_kbytes", "N", 0, MACHINE_GREATEST_TUNABLE, NULL,
				  parse_min_free_kbytes,
				  "what the min watermarks of all zones share. Default: by Linux's "
				  "formula" },
	[KEY_HIGH] = { "high", "N", 0, MACHINE_GREATEST_PAGE_LIST, NULL, parse_high,
		       "pages at which a per-CPU list is trimmed. Default: by Linux's formula" },
	[KEY_BATCH] = { "batch", "N", 1, MACHINE_GREATEST_PAGE_LIST, NULL, parse_batch,
			"pages by which a per-CPU list is filled and trimmed. Default: by Linux's "
			"formula" },
	[KEY_SCALE] = { "scale", "N", 1, 3000, "10", parse_scale,
			"watermark_scale_factor: distance of the watermarks in 1/10000 of a zone" },
	[KEY_BOOST_FACTOR] = { "boost_factor", "N", 0, 100000, "15000", parse_boost_factor,
			       "watermark_boost_factor, in 1/10000 of the high watermark; 0: no "
			       "boost" },
	[KEY_RATIOS] = { "ratios", "N/N/N/N", 0, MACHINE_GREATEST_TUNABLE, "256/256/32/0",
			 parse_ratios,
			 "lowmem_reserve_ratio of DMA, DMA32, Normal, Movable; 0: no reserve" },
	[KEY_PERCPU] = { "percpu", "N|real", 0, 1u << 20, "0", parse_percpu,
			 "pages that boot takes for each CPU on its node; real: by Linux's "
			 "formula" },
	[KEY_SHUFFLE] = { "shuffle", "N", 0, UINT32_MAX, "0", parse_shuffle,
			  "free lists are shuffled, and N is the seed; 0: they are not" },
	[KEY_DEBUG_PAGEALLOC] = { "debug_pagealloc", "0|1", 0, 1, "0", parse_debug_pagealloc,
				  "free pages are unmapped, and bad states are looked for at both "
				  "ends" },
	[KEY_GUARD_ORDER] = { "guard_order", "N", 0, (MACHINE_HIGHEST_ORDER + 1) / 2, "0",
			      parse_guard_order,
			      "with debug_pagealloc: what is left of a block that is cut becomes a "
			      "guard below order N; at most (top_order + 1) / 2" },
	[KEY_INIT_ON_ALLOC] = { "init_on_alloc", "0|1", 0, 1, "0", parse_init_on_alloc,
				"every page is cleared when it is allocated" },
	[KEY_INIT_ON_FREE] = { "init_on_free", "0|1", 0, 1, "0", parse_init_on_free,
			       "every page is cleared when it is freed" },
	[KEY_PAGE_POISON] = { "page_poison", "0|1", 0, 1, "0", parse_page_poison,
			      "free pages hold 0xaa, which is checked when they are allocated; "
			      "init_on_alloc and init_on_free then do nothing" },
	[KEY_DEFERRED] = { "deferred", "0|1", 0, 1, "0", parse_deferred,
			   "a node's highest zone is initialised as it is needed, beyond its first "
			   "section" },
	[KEY_FILE] = { "file", "NAME", 0, 0, NULL, parse_file,
		       "a .machine file beside the program; it stands alone, and only in a "
		       "program's file" },
};

/* ---- Reading ---- */

static const char *key_name(unsigned int index)
{
	return index < KEY_COUNT ? keys[index].name : NULL;
}

static bool unknown_key(struct cursor *c, size_t length)
{
	const char *near = nearest_name(c->at, length, key_name);
	char found[40];

	if (length == 0)
		return cursor_fail(c, c->at, "expected a machine key such as nodes=2, found %s",
				   cursor_found(c, found));
	if (near)
		return cursor_fail(c, c->at, "unknown machine key %s: is it `%s`?",
				   cursor_found(c, found), near);
	return cursor_fail(
		c, c->at,
		"unknown machine key %s: expected profile, nodes, cpus, pages, memory, ...",
		cursor_found(c, found));
}

static bool parse_key(struct machine_reading *r, struct cursor *c)
{
	size_t length = cursor_word(c);
	uint32_t index = 0;
	char found[40];

	while (index < KEY_COUNT && !cursor_word_is(c, length, keys[index].name))
		index++;
	if (index == KEY_COUNT)
		return unknown_key(c, length);
	if (was_given(r, index))
		return cursor_fail(c, c->at, "the machine key `%s` is there twice",
				   keys[index].name);
	if (r->given && (index == KEY_FILE || was_given(r, KEY_FILE)))
		return cursor_fail(c, c->at, "`file=` stands alone: the file holds all keys");
	c->at += length;
	if (!cursor_expect(c, '=', "a machine key") || !keys[index].parse(&keys[index], r, c))
		return false;
	if (!cursor_at_line_end(c) && *c->at != ' ' && *c->at != '\t' && *c->at != '\r')
		return cursor_fail(c, c->at, "expected a blank after the value of `%s`, found %s",
				   keys[index].name, cursor_found(c, found));
	r->given |= UINT64_C(1) << index;
	return true;
}

static bool check_shapes(const struct machine_reading *r, struct text_error *error)
{
	const struct machine *m = r->m;

	if (was_given(r, KEY_PAGES) && was_given(r, KEY_MEMORY))
		return error_set(error, "pages and memory are both given: expected one of them");
	if (was_given(r, KEY_CPU_NODES) && r->nr_cpu_nodes != m->nr_cpus)
		return error_set(error, "cpu_nodes has %u entries for %u CPUs", r->nr_cpu_nodes,
				 m->nr_cpus);
	for (uint32_t n = m->nr_nodes; n < MACHINE_MAX_NODES; n++)
		if (r->node_movable[n])
			return error_set(
				error,
				"a Movable border is on node %u, but there are only %u nodes", n,
				m->nr_nodes);
	if ((was_given(r, KEY_MANAGED) && r->managed_rows != m->nr_nodes) ||
	    (was_given(r, KEY_LATE) && r->late_rows != m->nr_nodes))
		return error_set(error, "managed and late must have %u rows, one for each node",
				 m->nr_nodes);
	if (!was_given(r, KEY_DISTANCES))
		return true;
	for (uint32_t row = 0; row < r->rows || row < m->nr_nodes; row++)
		if (r->rows != m->nr_nodes || r->row_length[row] != m->nr_nodes)
			return error_set(
				error,
				"distances must have %u rows of %u numbers, one for each node",
				m->nr_nodes, m->nr_nodes);
	return true;
}

/* What was not named follows from what was. */
static void derive(struct machine_reading *r)
{
	struct machine *m = r->m, defaults = *m;

	if (!was_given(r, KEY_MEMORY))
		machine_divide(m, was_given(r, KEY_PAGES) ? r->pages : MACHINE_DEFAULT_PAGES);
	else
		m->max_pfn = m->memory[m->nr_memory - 1].end;
	defaults.max_pfn = m->max_pfn;
	machine_default_borders(&defaults);
	machine_default_nodes(&defaults);
	if (!was_given(r, KEY_DMA_END))
		m->dma_end = defaults.dma_end;
	if (!was_given(r, KEY_DMA32_END))
		m->dma32_end = defaults.dma32_end;
	if (!was_given(r, KEY_SECTION))
		m->section_pages = machine_default_section(m);
	if (!was_given(r, KEY_DISTANCES))
		memcpy(m->distance, defaults.distance, sizeof(m->distance));
	if (!was_given(r, KEY_CPU_NODES))
		memcpy(m->cpu_node, defaults.cpu_node, sizeof(m->cpu_node));
}

static bool finish(struct machine_reading *r, struct text_error *error)
{
	struct machine *m = r->m;

	if (was_given(r, KEY_FILE))
		return true;
	if (m->top_order < m->pageblock_order)
		return error_set(error,
				 "pageblock_order is %u and top_order is %u: expected 4 <= "
				 "pageblock_order <= "
				 "top_order <= 10",
				 m->pageblock_order, m->top_order);
	if (!check_shapes(r, error) || !machine_check_absent(m, error))
		return false;
	derive(r);
	return machine_check(m, error);
}

/* Reads keys up to the end of the line, or of the file if @lines. */
static bool parse_keys(struct machine *m, struct cursor *c, const char *folder, bool lines)
{
	struct machine_reading r = { .m = m, .folder = folder };
	unsigned int line = c->line, column = (unsigned int)(c->at - c->line_start) + 1;

	machine_default(m);
	for (;;) {
		if (lines)
			cursor_skip_lines(c);
		else
			cursor_skip_blanks(c);
		if (cursor_at_line_end(c))
			break;
		if (!parse_key(&r, c))
			return false;
	}
	if (finish(&r, c->error))
		return true;
	c->error->line = line;
	c->error->column = column;
	return false;
}

bool machine_parse(struct machine *m, struct cursor *c, const char *folder)
{
	return parse_keys(m, c, folder, false);
}

static bool parse_file_head(struct cursor *c)
{
	const char *start = c->at;
	uint64_t language;

	c->at += strlen("lostbuddy-machine");
	cursor_skip_blanks(c);
	if (!cursor_number(c, UINT32_MAX, "the version of the language", &language))
		return false;
	if (language != PROGRAM_LANGUAGE)
		return cursor_fail(c, start, "this is version %llu of the language: expected %d",
				   (unsigned long long)language, PROGRAM_LANGUAGE);
	cursor_skip_blanks(c);
	return cursor_at_line_end(c) || cursor_fail(c, c->at, "expected the end of the line");
}

static bool parse_text(struct machine *m, const char *text, size_t size, struct text_error *error)
{
	struct cursor c;
	char found[40];

	cursor_init(&c, text, size, error);
	if (cursor_word_is(&c, cursor_word(&c), "lostbuddy-machine"))
		return parse_file_head(&c) && parse_keys(m, &c, NULL, true);
	if (!parse_keys(m, &c, NULL, false))
		return false;
	cursor_skip_lines(&c);
	return c.at == c.end ||
	       cursor_fail(&c, c.at, "expected one line of machine keys, found %s behind it",
			   cursor_found(&c, found));
}

bool machine_parse_line(struct machine *m, const char *text, struct text_error *error)
{
	return parse_text(m, text, strlen(text), error);
}

bool machine_read_file(struct machine *m, const char *path, struct text_error *error)
{
	size_t size;
	char *text = text_read_file(path, &size, error);
	bool good;

	if (!text)
		return false;
	if (size < 17 || memcmp(text, "lostbuddy-machine", 17) != 0) {
		good = error_set(error,
				 "this is no `.machine` file: expected `lostbuddy-machine %d`",
				 PROGRAM_LANGUAGE);
		error->line = error->column = 1;
	} else {
		good = parse_text(m, text, size, error);
	}
	free(text);
	return good;
}

/* ---- Printing ---- */

static void print_key(struct printer *out, enum key_index key)
{
	print_add(out, "%s%s=", out->length ? " " : "", keys[key].name);
}

static void print_number(struct printer *out, enum key_index key, uint64_t value, uint64_t unless)
{
	if (value == unless)
		return;
	print_key(out, key);
	print_add(out, "%llu", (unsigned long long)value);
}

static void print_word(struct printer *out, enum key_index key, const char *const *words,
		       uint32_t value)
{
	if (value == 0)
		return;
	print_key(out, key);
	print_add(out, "%s", words[value]);
}

static void print_ranges(struct printer *out, enum key_index key,
			 const struct machine_range *ranges, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		if (i == 0)
			print_key(out, key);
		print_add(out, "%s%llu-%llu", i ? "," : "", (unsigned long long)ranges[i].start,
			  (unsigned long long)ranges[i].end);
		if (key == KEY_MEMORY)
			print_add(out, "@%u%s%s", ranges[i].node,
				  ranges[i].hotplug ? "/hotplug" : "",
				  ranges[i].mirror ? "/mirror" : "");
	}
}

static void print_memory(struct printer *out, const struct machine *m)
{
	struct machine even = *m;

	if (m->max_pfn >= m->nr_nodes) {
		machine_divide(&even, m->max_pfn);
		if (even.nr_memory == m->nr_memory &&
		    memcmp(even.memory, m->memory, sizeof(m->memory)) == 0) {
			print_number(out, KEY_PAGES, m->max_pfn, MACHINE_DEFAULT_PAGES);
			return;
		}
	}
	print_ranges(out, KEY_MEMORY, m->memory, m->nr_memory);
}

static void print_distances(struct printer *out, const struct machine *m)
{
	print_key(out, KEY_DISTANCES);
	for (uint32_t a = 0; a < m->nr_nodes; a++)
		for (uint32_t b = 0; b < m->nr_nodes; b++)
			print_add(out, "%s%u", b ? "/" : a ? "," : "", m->distance[a][b]);
}

static void print_topology(struct printer *out, const struct machine *m,
			   const struct machine *defaults)
{
	bool first = true;

	if (memcmp(m->distance, defaults->distance, sizeof(m->distance)) != 0)
		print_distances(out, m);
	if (memcmp(m->cpu_node, defaults->cpu_node, sizeof(m->cpu_node)) != 0) {
		print_key(out, KEY_CPU_NODES);
		for (uint32_t cpu = 0; cpu < m->nr_cpus; cpu++)
			print_add(out, "%s%u", cpu ? "," : "", m->cpu_node[cpu]);
	}
	for (uint32_t n = 0; n < m->nr_nodes; n++) {
		if (m->movable_start[n] == 0)
			continue;
		if (first)
			print_key(out, KEY_MOVABLE);
		print_add(out, "%s%llu@%u", first ? "" : ",",
			  (unsigned long long)m->movable_start[n], n);
		first = false;
	}
}

static void print_core(struct printer *out, enum key_index key, uint64_t pages, uint32_t percent)
{
	if (pages == 0 && percent == 0)
		return;
	print_key(out, key);
	if (pages)
		print_add(out, "%llu", (unsigned long long)pages);
	else
		print_add(out, "%u%%", percent);
}

static void print_zone_rows(struct printer *out, enum key_index key,
			    const uint64_t rows[][MACHINE_NR_ZONES], uint32_t nr)
{
	bool any = false;

	for (uint32_t n = 0; n < nr; n++)
		for (uint32_t zone = 0; zone < MACHINE_NR_ZONES; zone++)
			any = any || rows[n][zone];
	if (!any)
		return;
	print_key(out, key);
	for (uint32_t n = 0; n < nr; n++)
		for (uint32_t zone = 0; zone < MACHINE_NR_ZONES; zone++)
			print_add(out, "%s%llu",
				  zone ? "/"
				  : n  ? ","
				       : "",
				  (unsigned long long)rows[n][zone]);
}

static void print_kernel(struct printer *out, const struct machine *m)
{
	print_core(out, KEY_KERNELCORE, m->kernelcore_pages, m->kernelcore_percent);
	if (m->kernelcore_mirror) {
		print_key(out, KEY_KERNELCORE);
		print_add(out, "mirror");
	}
	print_core(out, KEY_MOVABLECORE, m->movablecore_pages, m->movablecore_percent);
	print_word(out, KEY_MOVABLE_NODE, switch_words, m->movable_node);
	print_zone_rows(out, KEY_MANAGED, m->managed, m->nr_nodes);
	print_zone_rows(out, KEY_LATE, m->late, m->nr_nodes);
}

static void print_tunables(struct printer *out, const struct machine *m,
			   const struct machine *normal)
{
	uint64_t formula = (uint64_t)MACHINE_BY_FORMULA;

	print_number(out, KEY_MIN_FREE_KBYTES, (uint64_t)m->min_free_kbytes, formula);
	print_number(out, KEY_HIGH, (uint64_t)m->pcp_high, formula);
	print_number(out, KEY_BATCH, (uint64_t)m->pcp_batch, formula);
	print_number(out, KEY_SCALE, m->watermark_scale_factor, normal->watermark_scale_factor);
	print_number(out, KEY_BOOST_FACTOR, m->watermark_boost_factor,
		     normal->watermark_boost_factor);
	if (memcmp(m->lowmem_reserve_ratio, normal->lowmem_reserve_ratio,
		   sizeof(m->lowmem_reserve_ratio)) != 0) {
		print_key(out, KEY_RATIOS);
		for (uint32_t i = 0; i < MACHINE_NR_ZONES; i++)
			print_add(out, "%s%u", i ? "/" : "", m->lowmem_reserve_ratio[i]);
	}
	if (m->percpu_unit_pages == MACHINE_PERCPU_REAL) {
		print_key(out, KEY_PERCPU);
		print_add(out, "real");
	} else {
		print_number(out, KEY_PERCPU, m->percpu_unit_pages, 0);
	}
}

static void print_switches(struct printer *out, const struct machine *m)
{
	print_number(out, KEY_SHUFFLE, m->shuffle, 0);
	print_number(out, KEY_DEBUG_PAGEALLOC, m->debug_pagealloc, 0);
	print_number(out, KEY_GUARD_ORDER, m->guard_order, 0);
	print_number(out, KEY_INIT_ON_ALLOC, m->init_on_alloc, 0);
	print_number(out, KEY_INIT_ON_FREE, m->init_on_free, 0);
	print_number(out, KEY_PAGE_POISON, m->page_poison, 0);
	print_number(out, KEY_DEFERRED, m->deferred, 0);
}

static void print_absent_nodes(struct printer *out, const struct machine *m)
{
	if (m->absent_nodes == 0)
		return;
	print_key(out, KEY_ABSENT_NODES);
	print_add(out, "0x%x", m->absent_nodes);
}

size_t machine_print_line(const struct machine *m, char *buffer, size_t size)
{
	struct printer out = { .buffer = buffer, .size = size };
	struct machine defaults = *m, normal;

	machine_default(&normal);
	machine_default_borders(&defaults);
	machine_default_nodes(&defaults);
	if (size)
		buffer[0] = '\0';
	print_word(&out, KEY_PROFILE, profile_words, m->profile);
	print_word(&out, KEY_THP, switch_words, m->thp);
	print_word(&out, KEY_CHECKS, checks_words, m->checks);
	print_word(&out, KEY_PC, switch_words, m->pc);
	print_number(&out, KEY_NODES, m->nr_nodes, normal.nr_nodes);
	print_absent_nodes(&out, m);
	print_number(&out, KEY_CPUS, m->nr_cpus, normal.nr_cpus);
	print_memory(&out, m);
	print_ranges(&out, KEY_RESERVED, m->reserved, m->nr_reserved);
	print_number(&out, KEY_DMA_END, m->dma_end, defaults.dma_end);
	print_number(&out, KEY_DMA32_END, m->dma32_end, defaults.dma32_end);
	print_number(&out, KEY_PAGEBLOCK_ORDER, m->pageblock_order, normal.pageblock_order);
	print_number(&out, KEY_TOP_ORDER, m->top_order, normal.top_order);
	print_number(&out, KEY_SECTION, m->section_pages, machine_default_section(m));
	print_word(&out, KEY_MEMMAP, memmap_words, m->flat);
	print_topology(&out, m, &defaults);
	print_kernel(&out, m);
	print_tunables(&out, m, &normal);
	print_switches(&out, m);
	return out.length;
}

/* ---- The reference ---- */

const struct machine_key *machine_key_at(unsigned int index)
{
	return index < KEY_COUNT ? &keys[index] : NULL;
}

static void print_key_facts(struct printer *out, const struct machine_key *key)
{
	const char *before = "        ";

	print_add(out, "    %s=%s", key->name, key->form);
	if (key->high) {
		print_add(out, "%s%llu .. %llu", before, (unsigned long long)key->low,
			  (unsigned long long)key->high);
		before = ", ";
	}
	if (key->normal)
		print_add(out, "%sdefault %s", before, key->normal);
	print_add(out, "\n");
}

size_t machine_print_keys(char *buffer, size_t size)
{
	enum { WIDTH = 78 }; /* of a terminal: a help text shows it too */
	struct printer out = { .buffer = buffer, .size = size };

	for (unsigned int i = 0; i < KEY_COUNT; i++) {
		print_key_facts(&out, &keys[i]);
		print_folded(&out, WIDTH, keys[i].doc);
	}
	print_add(&out, "\n");
	print_folded(&out, WIDTH,
		     "A .machine file has the same keys, any number of them a line, below a first "
		     "line `lostbuddy-machine 1`, and no file=; # begins a comment.");
	return out.length;
}
