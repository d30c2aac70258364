/*
 * The least possible target: four functions, one macro, one file. For plug-ins; nothing of
 * lostbuddy is linked.
 *
 *	void *my_create(size_t pages);			frames 0 .. pages - 1, all free; NULL: cannot
 *	long  my_alloc(void *a, unsigned int order);	first frame of 2^order free ones; -1: none
 *	void  my_free(void *a, long frame, unsigned int order);	exactly what my_alloc gave
 *	void  my_destroy(void *a);
 *
 *	LB_SIMPLE_TARGET("mine", my_create, my_alloc, my_free, my_destroy,
 *			 LB_TARGET_BUDDY | LB_TARGET_EAGER_MERGE)
 *
 * (In C the pointer may have your own type.) An allocator that wants memory uses
 * LB_SIMPLE_TARGET_ADDRESS instead:
 *
 *	void *my_create(void *memory, size_t pages);	pages of 4096 bytes, aligned to the largest block
 *	void *my_alloc(void *a, unsigned int order);	address, or NULL
 *	void  my_free(void *a, void *address, unsigned int order);
 *	void  my_destroy(void *a);
 *
 * Which frames: the longest run of memory of the machine that is not reserved, from its start
 * rounded up to the largest block (2^top_order). The allocator's frame 0 is there. Its last block
 * may be cut short by the end of the run. Where no run reaches such a boundary, the largest smaller
 * one counts: blocks above it have no place in a run that does not cross the next. `lostbuddy explain`
 * says which pfn it is.
 *
 * Operations: those that allocate and those that free whole blocks. Extra references, split_page,
 * drains, tunables and misuse are not asked of it. Flags say what the allocator claims (target.h):
 * LB_TARGET_BUDDY when blocks are naturally aligned, LB_TARGET_EAGER_MERGE when free buddies are
 * joined at once, 0 when neither. Memory that a request wants zeroed is zeroed here, since the
 * allocator is not told.
 */
#ifndef LOSTBUDDY_TARGET_SIMPLE_H
#define LOSTBUDDY_TARGET_SIMPLE_H

#include "target/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __GNUC__
#define LB_SIMPLE_EXPORT __attribute__((visibility("default")))
#else
#define LB_SIMPLE_EXPORT
#endif

extern LB_SIMPLE_EXPORT const struct lb_target lostbuddy_target;

#define LB_SIMPLE_PAGE 4096u
#define LB_SIMPLE_ZERO 0x100u /* the gfp bit ZERO */
#define LB_SIMPLE_CAPABILITIES                                                                     \
	((UINT64_C(1) << OP_ALLOC_PAGES) | (UINT64_C(1) << OP_ALLOC_PAGE) |                        \
	 (UINT64_C(1) << OP_GET_FREE_PAGES) | (UINT64_C(1) << OP_GET_FREE_PAGE) |                  \
	 (UINT64_C(1) << OP_GET_ZEROED_PAGE) | (UINT64_C(1) << OP_FREE_PAGES_STRUCT) |             \
	 (UINT64_C(1) << OP_FREE_PAGES))

struct lb_simple {
	void *allocator;
	char *memory;	  /* of the allocator's frame 0; NULL: frames only */
	void *allocation; /* what memory was cut from */
	uint64_t first;	  /* the machine's frame that is the allocator's frame 0 */
	uint64_t pages;
	unsigned int top_order;
};

/* Keeps [start, end) in *s if, from the next boundary on, it is longer than what is there. */
static inline void lb_simple_consider(struct lb_simple *s, unsigned int order, uint64_t start,
				      uint64_t end)
{
	uint64_t mask = (UINT64_C(1) << order) - 1;
	uint64_t first = (start + mask) & ~mask;

	if (first < end && end - first > s->pages) {
		s->first = first;
		s->pages = end - first;
	}
}

/* The longest run of a memory range that no reserved range (ascending, disjoint) cuts. */
static inline void lb_simple_place_at(struct lb_simple *s, unsigned int order,
				      const struct machine *machine)
{
	for (uint32_t i = 0; i < machine->nr_memory; i++) {
		uint64_t start = machine->memory[i].start, end = machine->memory[i].end;

		for (uint32_t j = 0; j < machine->nr_reserved; j++) {
			const struct machine_range *hole = &machine->reserved[j];

			if (hole->end <= start || hole->start >= end)
				continue;
			lb_simple_consider(s, order, start, hole->start);
			start = hole->end;
		}
		lb_simple_consider(s, order, start, end);
	}
}

static inline void lb_simple_place(struct lb_simple *s, const struct machine *machine)
{
	for (unsigned int order = s->top_order + 1; order-- > 0 && s->pages == 0;)
		lb_simple_place_at(s, order, machine);
}

static inline struct lb_simple *lb_simple_new(const struct machine *machine, char *error)
{
	struct lb_simple *s = (struct lb_simple *)calloc(1, sizeof(*s));

	if (!s) {
		snprintf(error, 256, "no memory for the adapter");
		return NULL;
	}
	s->top_order = machine->top_order;
	lb_simple_place(s, machine);
	if (s->pages == 0) {
		snprintf(error, 256, "every page of this machine is reserved");
		free(s);
		return NULL;
	}
	return s;
}

/* Zeroed memory for the address form, aligned to the largest block. */
static inline bool lb_simple_give_memory(struct lb_simple *s)
{
	size_t align = (size_t)LB_SIMPLE_PAGE << s->top_order;
	size_t size = (size_t)s->pages * LB_SIMPLE_PAGE;

	s->allocation = calloc(1, size + align);
	if (!s->allocation)
		return false;
	s->memory = (char *)(((uintptr_t)s->allocation + align - 1) & ~(uintptr_t)(align - 1));
	return true;
}

static inline void *lb_simple_started(struct lb_simple *s, char *error)
{
	if (s->allocator)
		return s;
	snprintf(error, 256, "the allocator would not start with %llu pages",
		 (unsigned long long)s->pages);
	free(s->allocation);
	free(s);
	return NULL;
}

/*
 * What needs no allocator to answer: from NMI everything is refused, and there is no block above
 * the largest.
 */
static inline bool lb_simple_answers(const struct lb_simple *s, const struct lb_call *call,
				     struct lb_result *result)
{
	bool allocates = call->op <= OP_GET_ZEROED_PAGE;

	if (call->level == LEVEL_NMI) {
		result->outcome = LB_REFUSED;
		result->reason = LB_BAD_CONTEXT;
		return true;
	}
	if (allocates && call->order > s->top_order) {
		result->outcome = LB_NULL;
		result->reason = LB_NO_ORDER;
		return true;
	}
	return false;
}

static inline void lb_simple_gave(const struct lb_simple *s, long frame, struct lb_result *result)
{
	result->outcome = frame < 0 ? LB_NULL : LB_BLOCK;
	result->reason = frame < 0 ? LB_NO_MEMORY : LB_REASON_NONE;
	result->pfn = frame < 0 ? 0 : s->first + (uint64_t)frame;
}

static inline void lb_simple_gave_address(const struct lb_simple *s, char *address,
					  const struct lb_call *call, struct lb_result *result)
{
	uintptr_t offset = (uintptr_t)address - (uintptr_t)s->memory;
	uint64_t size = (uint64_t)LB_SIMPLE_PAGE << call->order;
	bool inside =
		offset < s->pages * LB_SIMPLE_PAGE && size <= s->pages * LB_SIMPLE_PAGE - offset;
	bool zero = call->op == OP_GET_ZEROED_PAGE || (call->gfp & LB_SIMPLE_ZERO);

	if (address && zero && inside)
		memset(address, 0, (size_t)size);
	/*
	 * An address that is not ours comes out as a frame that does not exist, and the judge says
	 * so.
	 */
	lb_simple_gave(s, address ? (long)(offset / LB_SIMPLE_PAGE) & (long)(UINT64_MAX >> 16) : -1,
		       result);
}

static inline void *lb_simple_memory(void *instance, uint64_t pfn)
{
	const struct lb_simple *s = (const struct lb_simple *)instance;

	if (!s->memory || pfn < s->first || pfn - s->first >= s->pages)
		return NULL;
	return s->memory + (pfn - s->first) * LB_SIMPLE_PAGE;
}

/*
 * The table and the two functions that both forms share; lb_simple_make and lb_simple_exec come
 * before it.
 */
#define LB_SIMPLE_TABLE(name_, destroy_, flags_, memory_)                                          \
	static void lb_simple_end(void *instance)                                                  \
	{                                                                                          \
		struct lb_simple *s = (struct lb_simple *)instance;                                \
                                                                                                   \
		destroy_(s->allocator);                                                            \
		free(s->allocation);                                                               \
		free(s);                                                                           \
	}                                                                                          \
	const struct lb_target lostbuddy_target = {                                                \
		LB_TARGET_ABI,	(flags_) | LB_TARGET_SIMPLE, (name_), LB_SIMPLE_CAPABILITIES,      \
		lb_simple_make, lb_simple_end,		     lb_simple_exec, NULL,                 \
		NULL,		NULL,			     NULL, (memory_),                      \
		NULL,                                                                              \
	};

#define LB_SIMPLE_TARGET(name_, create_, alloc_, free_, destroy_, flags_)                          \
	static void *lb_simple_make(const struct machine *machine, char *error)                    \
	{                                                                                          \
		struct lb_simple *s = lb_simple_new(machine, error);                               \
                                                                                                   \
		if (!s)                                                                            \
			return NULL;                                                               \
		s->allocator = create_((size_t)s->pages);                                          \
		return lb_simple_started(s, error);                                                \
	}                                                                                          \
	static void lb_simple_exec(void *instance, const struct lb_call *call,                     \
				   struct lb_result *result)                                       \
	{                                                                                          \
		struct lb_simple *s = (struct lb_simple *)instance;                                \
                                                                                                   \
		if (lb_simple_answers(s, call, result))                                            \
			return;                                                                    \
		if (call->op <= OP_GET_ZEROED_PAGE)                                                \
			lb_simple_gave(s, alloc_(s->allocator, call->order), result);              \
		else                                                                               \
			free_(s->allocator, (long)(call->pfn - s->first), call->order);            \
	}                                                                                          \
	LB_SIMPLE_TABLE(name_, destroy_, flags_, NULL)

#define LB_SIMPLE_TARGET_ADDRESS(name_, create_, alloc_, free_, destroy_, flags_)                  \
	static void *lb_simple_make(const struct machine *machine, char *error)                    \
	{                                                                                          \
		struct lb_simple *s = lb_simple_new(machine, error);                               \
                                                                                                   \
		if (!s)                                                                            \
			return NULL;                                                               \
		s->allocator =                                                                     \
			lb_simple_give_memory(s) ? create_(s->memory, (size_t)s->pages) : NULL;    \
		return lb_simple_started(s, error);                                                \
	}                                                                                          \
	static void lb_simple_exec(void *instance, const struct lb_call *call,                     \
				   struct lb_result *result)                                       \
	{                                                                                          \
		struct lb_simple *s = (struct lb_simple *)instance;                                \
                                                                                                   \
		if (lb_simple_answers(s, call, result))                                            \
			return;                                                                    \
		if (call->op <= OP_GET_ZEROED_PAGE)                                                \
			lb_simple_gave_address(s, (char *)alloc_(s->allocator, call->order), call, \
					       result);                                            \
		else                                                                               \
			free_(s->allocator, s->memory + (call->pfn - s->first) * LB_SIMPLE_PAGE,   \
			      call->order);                                                        \
	}                                                                                          \
	LB_SIMPLE_TABLE(name_, destroy_, flags_, lb_simple_memory)

#ifdef __cplusplus
}
#endif
#endif
