/*
 * A comparison of two exports, the shadow's own and a target's: shared by compare.c,
 * compare_lists.c and compare_switches.c.
 */
#ifndef LOSTBUDDY_ORACLE_COMPARE_H
#define LOSTBUDDY_ORACLE_COMPARE_H

#include "oracle/shadow.h"

struct comparison {
	struct shadow *s;
	const uint64_t *expect, *actual; /* exports */
	bool at_boot;			 /* boot has rules of its own */
	struct verdict *verdict;
};

/* Both fill the verdict, and return false. */
bool comparison_differs(struct comparison *c, enum rule rule, uint64_t expect, uint64_t actual,
			const char *format, ...) __attribute__((format(printf, 5, 6)));
bool comparison_misses(struct comparison *c, const char *what);

bool comparison_of_free_lists(struct comparison *c);
bool comparison_of_page_lists(struct comparison *c);

/* ---- compare_switches.c ---- */
bool comparison_of_marks(struct comparison *c);
bool comparison_of_guards(struct comparison *c);
bool comparison_of_switches(struct comparison *c);
void comparison_count_switches(struct shadow *s, bool at_boot);

/* ---- compare_boot.c ---- */
bool comparison_of_movable(struct comparison *c);
bool comparison_of_deferred(struct comparison *c);
/* Has a block of so many pages a frame that boot freed late? */
bool comparison_is_late(const struct comparison *c, uint64_t pfn, uint64_t pages);
bool comparison_was_deferred(const struct comparison *c, uint64_t pfn); /* after boot */
void comparison_count_boot(struct shadow *s, bool at_boot);

/* ---- compare_lists.c ---- */
void comparison_count_lists(struct shadow *s, bool at_boot, bool any_free, bool any_cached);

#endif
