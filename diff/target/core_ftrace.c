/* The core's events as text of the trace file: see core_ftrace.h. Part of the core's adapter. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lostbuddy/gfp.h"
#include "target/builtin.h"
#include "target/core_ftrace.h"
#include "target/core_state.h"

enum { TICK_US = 4000, FAILED = 0 };

#define VMEMMAP UINT64_C(0xffffea0000000000) /* facts 1 */

struct block {
	uint64_t pfn;
	unsigned int order;
	int type;
};

struct blocks {
	struct block *list;
	size_t nr, capacity;
};

struct core_ftrace {
	struct core_instance *core;
	FILE *out;
	mm_listener *next; /* who listened before, and listens still */
	void *next_data;
	uint64_t calls, lines;
	bool listening; /* a call is being carried out */
	bool missing;
	/*
	 * Of this call: what left the buddy's lists, and what was given back. The line of what was
	 * handed out stands between them (alloc_pages_exact gives back what is too much of its block),
	 * and is known only when the call is done.
	 */
	struct blocks taken, freed;
};

static void note(struct core_ftrace *f, struct blocks *blocks, const struct mm_event *event)
{
	if (blocks->nr == blocks->capacity) {
		size_t capacity = blocks->capacity ? blocks->capacity * 2 : 64;
		struct block *list = realloc(blocks->list, capacity * sizeof(*list));

		if (!list) {
			f->missing = true;
			return;
		}
		blocks->list = list;
		blocks->capacity = capacity;
	}
	blocks->list[blocks->nr++] = (struct block){ event->pfn, event->order, event->migratetype };
}

/* A block that is taken is cut afterwards: it is as large as the last half that went back. */
static void listen(void *data, const struct mm_event *event)
{
	struct core_ftrace *f = data;

	if (f->listening && event->kind == MM_EVENT_FREE)
		note(f, &f->freed, event);
	else if (f->listening && event->kind == MM_EVENT_TAKE)
		note(f, &f->taken, event);
	else if (f->listening && event->kind == MM_EVENT_SPLIT && f->taken.nr > 0)
		f->taken.list[f->taken.nr - 1].order = event->order;
	f->next(f->next_data, event);
}

struct core_ftrace *core_ftrace_begin(void *instance, FILE *out)
{
	struct core_ftrace *f = calloc(1, sizeof(*f));
	struct core_instance *core = instance;

	if (!f)
		return NULL;
	f->core = core;
	f->out = out;
	f->next = core->machine->listener;
	f->next_data = core->machine->listener_data;
	assert(f->next); /* the adapter's own, which counts paths */
	mm_listen(core->machine, listen, f);
	return f;
}

void core_ftrace_before(struct core_ftrace *f, const struct lb_call *call)
{
	f->taken.nr = f->freed.nr = 0;
	f->listening = call->op != OP_TAKE_FRAME && call->op != OP_PUT_FRAME;
}

/* ---- lines ---- */

static const char *flags_of(unsigned int level)
{
	switch (level) {
	case LEVEL_SOFTIRQ:
		return "..s..";
	case LEVEL_IRQ:
		return "d.h..";
	case LEVEL_NMI:
		return "d.z..";
	default:
		return ".....";
	}
}

static void print_begin(struct core_ftrace *f, const struct lb_call *call, const char *event)
{
	uint64_t us = f->core->machine->jiffies * TICK_US + f->calls;

	fprintf(f->out, "%16s-%-7d [%03u] %s %5" PRIu64 ".%06" PRIu64 ": %s: ", "lostbuddy", 1,
		call->cpu, flags_of(call->level), us / 1000000, us % 1000000, event);
	f->lines++;
}

static void print_block(struct core_ftrace *f, uint64_t pfn, unsigned int order)
{
	uint64_t page = pfn ? VMEMMAP + pfn * 64 : 0;

	fprintf(f->out, "page=%016" PRIx64 " pfn=0x%" PRIx64 " order=%u", page, pfn, order);
}

/* Composites and the zones' bits are GFP_X, all others __GFP_X. */
static const char *prefix_of(const struct gfp_name *name)
{
	bool single = (name->bits & (name->bits - 1)) == 0;
	bool plain = strcmp(name->name, "NOWAIT") == 0 || strcmp(name->name, "DMA") == 0 ||
		     strcmp(name->name, "DMA32") == 0;

	return single && !plain ? "__GFP_" : "GFP_";
}

static void print_gfp(FILE *out, uint32_t gfp)
{
	const char *bar = "";

	if (gfp == 0)
		fputs("none", out);
	for (const struct gfp_name *name = gfp_names; name->name; name++) {
		if ((gfp & name->bits) != name->bits)
			continue;
		fprintf(out, "%s%s%s", bar, prefix_of(name),
			strcmp(name->name, "ATOMIC_BIT") == 0 ? "ATOMIC" : name->name);
		gfp &= ~name->bits;
		bar = "|";
	}
	if (gfp)
		fprintf(out, "%s0x%" PRIx32, bar, gfp);
}

static void print_alloc(struct core_ftrace *f, const struct lb_call *call, uint64_t pfn,
			unsigned int order, uint32_t gfp)
{
	unsigned int type = (gfp & 0x18) >> 3; /* facts 5 */

	print_begin(f, call, "mm_page_alloc");
	print_block(f, pfn, order);
	fprintf(f->out,
		" migratetype=%u gfp_flags=", f->core->machine->grouping_disabled ? 0 : type);
	print_gfp(f->out, gfp);
	fputc('\n', f->out);
}

/* Whether page lists hold such blocks (facts 8). */
static bool is_listed(const struct mm_machine *m, const struct block *block)
{
	return block->type < MIGRATE_PCPTYPES &&
	       (block->order <= m->pcp_max_order ||
		(m->pcp_thp && block->order == m->pageblock_order));
}

static void print_taken(struct core_ftrace *f, const struct lb_call *call,
			const struct block *block)
{
	print_begin(f, call, "mm_page_alloc_zone_locked");
	print_block(f, block->pfn, block->order);
	fprintf(f->out, " migratetype=%d percpu_refill=%d\n", block->type,
		is_listed(f->core->machine, block));
}

static void print_free(struct core_ftrace *f, const struct lb_call *call, const struct block *freed)
{
	print_begin(f, call, "mm_page_free");
	print_block(f, freed->pfn, freed->order);
	fputc('\n', f->out);
}

/* ---- calls ---- */

/* What the functions by address, and the one for zeroes, make of their caller's gfp (facts 5). */
static uint32_t gfp_of(const struct lb_call *call)
{
	switch (call->op) {
	case OP_GET_ZEROED_PAGE:
		return (call->gfp | __GFP_ZERO) & ~(uint32_t)__GFP_HIGHMEM;
	case OP_GET_FREE_PAGES:
	case OP_GET_FREE_PAGE:
		return call->gfp & ~(uint32_t)__GFP_HIGHMEM;
	case OP_ALLOC_PAGES_EXACT:
		return call->gfp & ~(uint32_t)(__GFP_HIGHMEM | __GFP_COMP);
	default:
		return call->gfp;
	}
}

static unsigned int order_of(const struct lb_call *call)
{
	unsigned int order = 0;

	if (call->op != OP_ALLOC_PAGES_EXACT)
		return call->order;
	while (UINT32_C(1) << order < call->count)
		order++;
	return order;
}

static bool failed_with_event(const struct lb_result *r)
{
	return r->outcome == LB_NULL && r->reason != LB_NO_ORDER && r->reason != LB_NO_INJECTED;
}

static void print_bulk(struct core_ftrace *f, const struct lb_call *call)
{
	const uint64_t *frames = core_target.results(f->core);

	for (unsigned int i = 0; i < PROGRAM_MAX_COUNT; i++)
		if (frames[i] != UINT64_MAX)
			print_alloc(f, call, frames[i], 0, call->gfp);
}

static void print_call(struct core_ftrace *f, const struct lb_call *call, const struct lb_result *r)
{
	switch (call->op) {
	case OP_ALLOC_PAGES:
	case OP_ALLOC_PAGE:
	case OP_GET_FREE_PAGES:
	case OP_GET_FREE_PAGE:
	case OP_GET_ZEROED_PAGE:
	case OP_ALLOC_PAGES_POLICY:
	case OP_ALLOC_PAGES_EXACT:
		if (r->outcome == LB_BLOCK)
			print_alloc(f, call, r->pfn, order_of(call), gfp_of(call));
		else if (failed_with_event(r))
			print_alloc(f, call, FAILED, order_of(call), gfp_of(call));
		break;
	case OP_ALLOC_PAGES_BULK:
	case OP_ALLOC_PAGES_BULK_LIST:
		if (r->outcome == LB_DONE)
			print_bulk(f, call);
		break;
	default:
		break;
	}
}

void core_ftrace_after(struct core_ftrace *f, const struct lb_call *call,
		       const struct lb_result *result)
{
	f->listening = false;
	for (size_t i = 0; i < f->taken.nr; i++)
		print_taken(f, call, &f->taken.list[i]);
	print_call(f, call, result);
	for (size_t i = 0; i < f->freed.nr; i++)
		print_free(f, call, &f->freed.list[i]);
	f->calls++;
}

uint64_t core_ftrace_end(struct core_ftrace *f)
{
	uint64_t lines = f->missing ? UINT64_MAX : f->lines;

	mm_listen(f->core->machine, f->next, f->next_data);
	free(f->taken.list);
	free(f->freed.list);
	free(f);
	return lines;
}

void core_ftrace_heading(FILE *out, uint64_t lines, unsigned int cpus)
{
	fprintf(out,
		"# tracer: nop\n"
		"#\n"
		"# entries-in-buffer/entries-written: %" PRIu64 "/%" PRIu64 "   #P:%u\n"
		"#\n"
		"#           TASK-PID     CPU#  FLAGS  TIMESTAMP  FUNCTION\n",
		lines, lines, cpus);
}
