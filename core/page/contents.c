/*
 * What free and new pages hold, on machines that ask for it (facts 18; READINGS, "Switches").
 *
 *                    a free leaves   a new page is               __GFP_ZERO
 *   page_poison      0xaa            looked at: is it 0xaa still? clears, after the look
 *   init_on_free     0               handed out as it is         does nothing more
 *   init_on_alloc    (nothing)       cleared                     clears
 *
 * The first of these that is on decides. What boot leaves in its free pages is not written until somebody
 * can see it, so that a reset need not touch memory:
 *
 *   UNTOUCHED  --handed out, written to-->  KNOWN or FOREIGN
 *   KNOWN      what a free left there, or whatever the page's holder wrote
 *   FOREIGN    free, and somebody wrote to it since, or it was put back as it was
 *
 * Invariants:
 *   C1  a free page that is KNOWN holds what a free leaves, as far as the allocator knows;
 *   C2  a page that is FOREIGN is free.
 *
 * Not here: AddressSanitizer's marks (machine/poison.c). This file takes them off for what it does to a
 * free page, and puts them back.
 */
#include <string.h>

#include "page/page_internal.h"

enum { UNTOUCHED, KNOWN, FOREIGN };

enum { POISON_BYTE = 0xaa };

static bool frees_leave_something(const struct mm_machine *m)
{
	return m->config.page_poison || m->config.init_on_free;
}

static uint8_t left_byte(const struct mm_machine *m)
{
	return m->config.page_poison ? POISON_BYTE : 0;
}

static uint8_t *memory_of(const struct mm_machine *m, pfn_t pfn)
{
	return (uint8_t *)m->memory + (pfn << PAGE_SHIFT);
}

void mm_forget_contents(const struct mm_machine *m)
{
	if (m->fills_pages)
		memset(m->contents, UNTOUCHED, m->max_pfn);
}

void fill_freed_block(struct mm_machine *m, pfn_t pfn, unsigned int order)
{
	if (!frees_leave_something(m))
		return;
	memset(memory_of(m, pfn), left_byte(m), (size_t)PAGE_SIZE << order);
	memset(&m->contents[pfn], KNOWN, 1UL << order);
}

/* Boot's share, at last. The bytes may be written. */
static void write_untouched(struct mm_machine *m, pfn_t pfn)
{
	memset(memory_of(m, pfn), left_byte(m), PAGE_SIZE);
	m->contents[pfn] = KNOWN;
}

/* How a page differs from one that is all the same byte. */
struct difference {
	unsigned int first, last; /* bytes that differ; first > last: none does */
};

static struct difference difference_of(const uint8_t *memory, uint8_t byte)
{
	struct difference d = { 0, PAGE_SIZE - 1 };

	if (memory[0] == byte && memcmp(memory, memory + 1, PAGE_SIZE - 1) == 0)
		return (struct difference){ 1, 0 };
	while (memory[d.first] == byte)
		d.first++;
	while (memory[d.last] == byte)
		d.last--;
	return d;
}

static bool is_single_bit(uint8_t bits)
{
	return bits && !(bits & (bits - 1));
}

/* A page that is about to be handed out should hold what its free left there. */
static void check_poison(struct mm_machine *m, pfn_t pfn)
{
	const uint8_t *memory = memory_of(m, pfn);
	struct difference d = difference_of(memory, POISON_BYTE);

	if (d.first > d.last)
		return;
	bool bit = d.first == d.last && is_single_bit(memory[d.first] ^ POISON_BYTE);

	mm_current->warnings |= bit ? MM_WARN_POISON | MM_WARN_BIT_FLIP : MM_WARN_POISON;
	mm_emit(m, MM_EVENT_POISON, NULL, pfn, 0, 0, bit);
}

void prepare_new_block(struct mm_machine *m, pfn_t pfn, unsigned int order, gfp_t gfp)
{
	if (!frees_leave_something(m)) {
		zero_block(m, pfn, order);
		return;
	}
	for (pfn_t at = pfn; at < pfn + (UINT64_C(1) << order); at++) {
		if (m->contents[at] == UNTOUCHED)
			write_untouched(m, at);
		else if (m->config.page_poison)
			check_poison(m, at);
		m->contents[at] = KNOWN;
	}
	if (m->config.page_poison && (gfp & __GFP_ZERO))
		zero_block(m, pfn, order);
}

void take_contents(struct mm_machine *m, pfn_t pfn)
{
	if (frees_leave_something(m) && m->contents[pfn] == UNTOUCHED)
		write_untouched(m, pfn);
	m->contents[pfn] = KNOWN;
}

void put_back_contents(const struct mm_machine *m, pfn_t pfn)
{
	if (frees_leave_something(m))
		m->contents[pfn] = FOREIGN;
}

void lose_contents(const struct mm_machine *m, pfn_t pfn, unsigned int order)
{
	memset(&m->contents[pfn], KNOWN, 1UL << order);
}

/* A free page's bytes are nobody's; for what follows they are ours. */
static void open_free_page(const struct mm_machine *m, pfn_t pfn)
{
	if (m->poison_memory)
		mm_unpoison_block(m, pfn, 0);
}

static void close_free_page(const struct mm_machine *m, pfn_t pfn)
{
	if (m->poison_memory)
		mm_poison_block(m, pfn, 0);
}

bool write_free_page(struct page *page, uint8_t value)
{
	struct mm_machine *m = mm_current->machine;
	pfn_t pfn = page_to_pfn(page);

	if (!free_block_of(m, pfn) && !frame_is_listed(page_zone(m, page), pfn))
		return false;
	open_free_page(m, pfn);
	if (frees_leave_something(m)) {
		if (m->contents[pfn] == UNTOUCHED)
			write_untouched(m, pfn);
		m->contents[pfn] = FOREIGN;
	}
	*memory_of(m, pfn) = value;
	close_free_page(m, pfn);
	return true;
}

unsigned int free_page_contents(struct mm_machine *m, pfn_t pfn)
{
	if (!frees_leave_something(m) || m->contents[pfn] != FOREIGN)
		return FREE_PAGE_AS_LEFT;
	open_free_page(m, pfn);
	struct difference d = difference_of(memory_of(m, pfn), left_byte(m));
	uint8_t first_byte = *memory_of(m, pfn);

	close_free_page(m, pfn);
	if (d.first > d.last)
		return FREE_PAGE_AS_LEFT;
	return d.last == 0 ? first_byte : FREE_PAGE_FOREIGN;
}
