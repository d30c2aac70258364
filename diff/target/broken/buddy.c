/*
 * A small binary buddy over the frames of a machine, and its faults.
 *
 *	frame            0       4       8
 *	listed           2 . . . 0 - - - 3 . . . . . . .    order where a free block begins
 *	held             - - - - - 0 1 . - - - - - - - -    ... of a block that was handed out
 *
 * Serves every frame of memory that is not reserved. One list of free blocks an order, the last
 * freed first.
 *
 * Invariants (of the correct one):
 *   B1  each frame it serves lies in exactly one block, listed or held;
 *   B2  no two listed buddies of one order below the top order.
 *
 * Does not know zones, nodes, types or caches: gfp counts only for ZERO. A fault is looked for
 * where it acts and nowhere else; `every third` counts from create or reset, so a run is the same
 * each time.
 */
#define _GNU_SOURCE
#include "target/broken/broken.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { NOT_A_HEAD = -1, PAGE_BYTES = 4096, GFP_ZERO = 0x100, MAX_TOP_ORDER = 10 };

struct frame {
	struct frame *next, *prev;
	int8_t listed, held; /* order of the block that begins here, or NOT_A_HEAD */
};

struct buddy {
	struct frame lists[MAX_TOP_ORDER + 1]; /* heads; next and prev only */
	const struct machine *machine;
	struct frame *frames;
	char *memory;
	uint64_t last_pfn; /* handed out last; UINT64_MAX: none, or given back */
	unsigned int allocations, frees;
	enum fault fault;
};

static bool faulty(const struct buddy *b, enum fault fault, bool now)
{
	return b->fault == fault && now;
}

static bool every_third(unsigned int count)
{
	return count % 3 == 0;
}

static void list_block(struct buddy *b, uint64_t pfn, unsigned int order)
{
	struct frame *frame = &b->frames[pfn], *head = &b->lists[order];

	assert(frame->listed == NOT_A_HEAD && frame->held == NOT_A_HEAD);
	frame->listed = (int8_t)order;
	frame->prev = head;
	frame->next = head->next;
	head->next->prev = frame;
	head->next = frame;
}

static void unlist_block(struct frame *frame)
{
	assert(frame->listed != NOT_A_HEAD);
	frame->listed = NOT_A_HEAD;
	frame->prev->next = frame->next;
	frame->next->prev = frame->prev;
}

static void join(struct buddy *b, uint64_t pfn, unsigned int order)
{
	for (; order < b->machine->top_order; order++) {
		uint64_t buddy = pfn ^ (UINT64_C(1) << order);

		if (faulty(b, FAULT_LOSES_BUDDIES, b->frees > 0))
			break;
		if (buddy >= b->machine->max_pfn || b->frames[buddy].listed != (int8_t)order)
			break;
		unlist_block(&b->frames[buddy]);
		pfn &= ~(UINT64_C(1) << order);
	}
	list_block(b, pfn, order);
}

static bool is_reserved(const struct machine *m, uint64_t pfn)
{
	for (uint32_t i = 0; i < m->nr_reserved; i++)
		if (pfn >= m->reserved[i].start && pfn < m->reserved[i].end)
			return true;
	return false;
}

bool buddy_reset(void *instance)
{
	struct buddy *b = instance;
	const struct machine *m = b->machine;

	b->allocations = 0;
	b->frees = 0;
	b->last_pfn = UINT64_MAX;
	for (unsigned int order = 0; order <= MAX_TOP_ORDER; order++)
		b->lists[order].next = b->lists[order].prev = &b->lists[order];
	for (uint64_t pfn = 0; pfn < m->max_pfn; pfn++)
		b->frames[pfn].listed = b->frames[pfn].held = NOT_A_HEAD;
	for (uint32_t i = 0; i < m->nr_memory; i++)
		for (uint64_t pfn = m->memory[i].start; pfn < m->memory[i].end; pfn++)
			if (!is_reserved(m, pfn))
				join(b, pfn, 0);
	return true;
}

void *buddy_create(const struct machine *machine, enum fault fault, char *error)
{
	assert(machine->top_order <= MAX_TOP_ORDER && fault < FAULT_COUNT);

	struct buddy *b = calloc(1, sizeof(*b));
	struct frame *frames = calloc(machine->max_pfn, sizeof(*frames));
	/* Address space only; pages come when they are touched. */
	void *memory = mmap(NULL, machine->max_pfn * PAGE_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (!b || !frames || memory == MAP_FAILED) {
		snprintf(error, 256, "no memory for %llu frames",
			 (unsigned long long)machine->max_pfn);
		free(b);
		free(frames);
		if (memory != MAP_FAILED)
			munmap(memory, machine->max_pfn * PAGE_BYTES);
		return NULL;
	}
	b->machine = machine;
	b->frames = frames;
	b->memory = memory;
	b->fault = fault;
	buddy_reset(b);
	return b;
}

void buddy_destroy(void *instance)
{
	struct buddy *b = instance;

	munmap(b->memory, b->machine->max_pfn * PAGE_BYTES);
	free(b->frames);
	free(b);
}

void *buddy_memory(void *instance, uint64_t pfn)
{
	const struct buddy *b = instance;

	return pfn < b->machine->max_pfn ? b->memory + pfn * PAGE_BYTES : NULL;
}

static void give(struct buddy *b, uint64_t pfn, struct lb_result *result)
{
	b->last_pfn = pfn;
	result->outcome = LB_BLOCK;
	result->pfn = pfn;
}

static void fail(struct lb_result *result, enum lb_reason reason)
{
	result->outcome = LB_NULL;
	result->reason = (uint8_t)reason;
}

static void refuse(struct lb_result *result, enum lb_reason reason)
{
	result->outcome = LB_REFUSED;
	result->reason = (uint8_t)reason;
}

/* Faults that act on an allocation before it is made. True: result is set. */
static bool faulty_allocation(struct buddy *b, const struct lb_call *call, struct lb_result *result)
{
	bool third = every_third(b->allocations);

	if (faulty(b, FAULT_HANGS, third))
		for (volatile unsigned int spin = 0;; spin = spin + 1)
			;
	if (faulty(b, FAULT_FAILS_WITHOUT_NEED, third)) {
		fail(result, LB_NO_MEMORY);
		return true;
	}
	if (faulty(b, FAULT_INVENTS_FRAMES, third)) {
		give(b, (b->machine->max_pfn + 1023) & ~UINT64_C(1023), result);
		return true;
	}
	if (faulty(b, FAULT_OVERLAPS, third && b->last_pfn != UINT64_MAX && call->order == 0)) {
		give(b, b->last_pfn, result);
		return true;
	}
	return false;
}

static void allocate(struct buddy *b, const struct lb_call *call, struct lb_result *result)
{
	unsigned int order = call->order, from = order;
	bool zero = call->op == OP_GET_ZEROED_PAGE || (call->gfp & GFP_ZERO);

	if (order > b->machine->top_order && faulty(b, FAULT_IGNORES_TOP_ORDER, true))
		order = from = b->machine->top_order;
	if (order > b->machine->top_order) {
		fail(result, LB_NO_ORDER);
		return;
	}
	b->allocations++;
	if (faulty_allocation(b, call, result))
		return;
	while (from <= b->machine->top_order && b->lists[from].next == &b->lists[from])
		from++;
	if (from > b->machine->top_order) {
		fail(result, LB_NO_MEMORY);
		return;
	}

	struct frame *frame = b->lists[from].next;
	uint64_t pfn = (uint64_t)(frame - b->frames);

	unlist_block(frame);
	while (from-- > order)
		list_block(b, pfn + (UINT64_C(1) << from), from);
	frame->held = (int8_t)order;
	if (zero && !faulty(b, FAULT_FORGETS_TO_ZERO, true))
		memset(buddy_memory(b, pfn), 0, (size_t)PAGE_BYTES << order);
	give(b, pfn + (faulty(b, FAULT_MISALIGNS, order > 0) ? 1 : 0), result);
}

/* Faults that act on a free. True: it is not to be carried out. */
static bool faulty_free(struct buddy *b, uint64_t pfn)
{
	if (faulty(b, FAULT_CRASHES, every_third(b->frees)))
		abort();
	if (faulty(b, FAULT_SCRIBBLES, b->last_pfn != UINT64_MAX && b->last_pfn != pfn))
		memset(buddy_memory(b, b->last_pfn), 0xa5, PAGE_BYTES);
	return faulty(b, FAULT_LEAKS, every_third(b->frees));
}

static void release(struct buddy *b, uint64_t pfn, struct lb_result *result)
{
	/* What a faulty allocation made up was never held. */
	if (pfn >= b->machine->max_pfn || b->frames[pfn].held == NOT_A_HEAD) {
		refuse(result, LB_NOT_HELD);
		return;
	}

	unsigned int order = (unsigned int)b->frames[pfn].held;

	b->frees++;
	if (faulty(b, FAULT_REFUSES_FREES, every_third(b->frees))) {
		refuse(result, LB_NOT_HELD);
		return;
	}
	b->frames[pfn].held = NOT_A_HEAD;
	if (!faulty_free(b, pfn))
		join(b, pfn, order);
	if (b->last_pfn == pfn)
		b->last_pfn = UINT64_MAX;
	if (faulty(b, FAULT_CORRUPTS_ITSELF, b->frees == 2))
		/* Not canonical on x86-64: whoever follows it gets SIGSEGV, on any machine. */
		for (unsigned int o = 0; o <= MAX_TOP_ORDER; o++)
			b->lists[o].next = (struct frame *)UINT64_C(0xdead4ead00000000);
	result->outcome = LB_DONE;
}

void buddy_exec(void *instance, const struct lb_call *call, struct lb_result *result)
{
	struct buddy *b = instance;

	if (call->level == LEVEL_NMI && !faulty(b, FAULT_SERVES_NMI, true)) {
		refuse(result, LB_BAD_CONTEXT);
		return;
	}
	switch (call->op) {
	case OP_FREE_PAGES_STRUCT:
	case OP_FREE_PAGES:
		release(b, call->pfn, result);
		break;
	case OP_DOUBLE_FREE:
		if (faulty(b, FAULT_ACCEPTS_DOUBLE_FREE, true))
			result->outcome = LB_DONE;
		else
			release(b, call->pfn, result);
		break;
	case OP_FREE_TAIL:
	case OP_FREE_PFN:
		if (faulty(b, FAULT_ACCEPTS_BAD_FREES, true))
			result->outcome = LB_DONE;
		else
			refuse(result, call->op == OP_FREE_TAIL ? LB_NOT_HEAD : LB_NOT_FRAME);
		break;
	default:
		allocate(b, call, result);
	}
}
