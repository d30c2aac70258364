/*
 * Poison: in AddressSanitizer builds the bytes of free pages may not be touched.
 *
 * Marking costs about 14 ns up to a page and grows with the block, so machines above
 * POISON_MAX_PAGES go without.
 */
#include "machine/machine_internal.h"

#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONS 1
#endif
#endif

#ifdef POISONS

#include <sanitizer/asan_interface.h>

bool mm_can_poison(void)
{
	return true;
}

void mm_poison_block(const struct mm_machine *m, pfn_t pfn, unsigned int order)
{
	memset(&m->handed_out[pfn], 0, 1UL << order);
	__asan_poison_memory_region(m->memory + (pfn << PAGE_SHIFT), (size_t)PAGE_SIZE << order);
}

void mm_unpoison_block(const struct mm_machine *m, pfn_t pfn, unsigned int order)
{
	memset(&m->handed_out[pfn], 1, 1UL << order);
	__asan_unpoison_memory_region(m->memory + (pfn << PAGE_SHIFT), (size_t)PAGE_SIZE << order);
}

void mm_poison_handed_out(const struct mm_machine *m)
{
	for (pfn_t pfn = 0; m->poison_memory && pfn < m->max_pfn; pfn++)
		if (m->handed_out[pfn])
			mm_poison_block(m, pfn, 0);
}

void mm_unpoison_all(const struct mm_machine *m)
{
	if (m->poison_memory)
		__asan_unpoison_memory_region(m->memory, m->memory_size);
}

#else

bool mm_can_poison(void)
{
	return false;
}

void mm_poison_block(const struct mm_machine *m, pfn_t pfn, unsigned int order)
{
	(void)m, (void)pfn, (void)order;
}

void mm_unpoison_block(const struct mm_machine *m, pfn_t pfn, unsigned int order)
{
	(void)m, (void)pfn, (void)order;
}

void mm_poison_handed_out(const struct mm_machine *m)
{
	(void)m;
}

void mm_unpoison_all(const struct mm_machine *m)
{
	(void)m;
}

#endif
