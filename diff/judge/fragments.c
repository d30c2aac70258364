/*
 * Fragments that live: where each lies, and who lies in whose way.
 *
 *	frame     8                 9                10
 *	          |....[  p3  ][p2] |[    p1 ..      |  ..  ]
 *	chain     p2 -> p3          p1               -
 *
 * Each frame has the chain of the fragments that begin in it, in no order. A fragment is at most
 * eight pages long: one that has a byte in a frame begins in it or in one of the eight before.
 *
 * Invariants:
 *   G1  a handle is in the chain of frame held[handle].pfn iff it was added and not removed;
 *   G2  live is the number of handles in all chains.
 *
 * Not here: what is in their bytes (contents.c).
 */
#include "judge/judge_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES_BEFORE = PROGRAM_MAX_FRAGMENT / JUDGE_PAGE_BYTES };

bool fragments_init(struct fragments *f, uint64_t max_pfn)
{
	*f = (struct fragments){ .max_pfn = max_pfn };
	f->first = calloc(max_pfn, sizeof(*f->first));
	return f->first;
}

void fragments_free(struct fragments *f)
{
	free(f->first);
	memset(f, 0, sizeof(*f));
}

static uint64_t first_byte(const struct held *h)
{
	return h->pfn * JUDGE_PAGE_BYTES + h->offset;
}

void fragments_add(struct fragments *f, struct held *held, uint32_t handle)
{
	struct held *h = &held[handle];

	assert(h->pfn < f->max_pfn && h->bytes > 0 && h->bytes <= PROGRAM_MAX_FRAGMENT);
	h->next = f->first[h->pfn];
	f->first[h->pfn] = handle + 1;
	f->live++;
}

void fragments_remove(struct fragments *f, struct held *held, uint32_t handle)
{
	uint32_t *link = &f->first[held[handle].pfn];

	while (*link && *link != handle + 1)
		link = &held[*link - 1].next;
	if (!*link)
		return;
	*link = held[handle].next;
	f->live--;
}

uint32_t fragments_at(const struct fragments *f, const struct held *held, uint64_t start,
		      uint64_t end)
{
	uint64_t pfn = start / JUDGE_PAGE_BYTES, last = (end - 1) / JUDGE_PAGE_BYTES;

	assert(start < end);
	if (f->live == 0)
		return NO_HANDLE;
	for (pfn -= pfn < PAGES_BEFORE ? pfn : PAGES_BEFORE; pfn <= last && pfn < f->max_pfn; pfn++)
		for (uint32_t i = f->first[pfn]; i; i = held[i - 1].next)
			if (first_byte(&held[i - 1]) < end &&
			    first_byte(&held[i - 1]) + held[i - 1].bytes > start)
				return i - 1;
	return NO_HANDLE;
}
