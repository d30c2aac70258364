/*
 * Is anything wrong with free pages? One answer for many of them: what must not be set in any is
 * collected from all, without a branch. Inline, because a call costs as much as a look at a few
 * pages.
 */
#ifndef LB_PAGE_BADNESS_H
#define LB_PAGE_BADNESS_H

#include <string.h>

#include "page/page_internal.h"

/* mapcount and refcount of a page that nobody maps or holds, as one word. */
#define UNMAPPED_UNHELD UINT64_C(0x00000000ffffffff)

/* Two neighbouring words of a struct page, handled as one. */
typedef uint64_t two_words __attribute__((vector_size(16)));

/* The last words of a page that nobody maps, holds or charges: its counts, memcg_data. */
static const two_words SOUND_LAST = { UNMAPPED_UNHELD, 0 };

/* What the pages looked at so far have between them. */
struct traits {
	uint64_t set, flags;
	two_words any_last, all_last;
};

static __always_inline void collect(struct traits *t, const struct page *page)
{
	two_words last;

	memcpy(&last, __builtin_assume_aligned(&page->_mapcount, sizeof(last)), sizeof(last));
	t->any_last |= last;
	t->all_last &= last;
	t->set |= (uintptr_t)page->mapping;
	t->flags |= page->flags;
}

/*
 * All that the free pages [page, end) must not have, together, as one word: 0 iff there is nothing.
 * Pages are scanned by the thousand: a branch for each field of each would cost more than the
 * fields. Odd and even pages are collected apart, so that each word costs one instruction.
 */
static __always_inline uint64_t badness(const struct page *page, const struct page *end,
					uint64_t bad_flags)
{
	struct traits even = { .all_last = { UINT64_MAX, UINT64_MAX } }, odd = even;

	assert(page < end);
	if ((end - page) & 1)
		collect(&even, page++);
	for (; page < end; page += 2) {
		collect(&even, page);
		collect(&odd, page + 1);
	}
	two_words wrong = ((even.any_last | odd.any_last) ^ SOUND_LAST) |
			  ((even.all_last & odd.all_last) ^ SOUND_LAST);

	return even.set | odd.set | ((even.flags | odd.flags) & bad_flags) | wrong[0] | wrong[1];
}

#endif
