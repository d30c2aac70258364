/* Canaries: see canary.h. */
#include "judge/canary.h"

#include "judge/judge_internal.h"

#include <stdio.h>
#include <string.h>

struct canary {
	const char *target;
	const char *expect; /* id of the finding; "" for none */
	const char *program;
};

#define MACHINE "lostbuddy 1\nmachine pages=512 dma_end=128\n"

/* Blocks of three sizes, zeroed and not, given back in another order: nothing is wrong with it. */
#define MIXED                                                                                      \
	MACHINE                                                                                    \
	"p0 = alloc_pages(order=0, gfp=KERNEL)\n"                                                  \
	"p1 = alloc_pages(order=2, gfp=KERNEL|ZERO)\n"                                             \
	"p2 = get_zeroed_page(gfp=KERNEL)\n"                                                       \
	"fill(p1, value=0x5a)\n"                                                                   \
	"p3 = alloc_pages(order=0, gfp=KERNEL)\n"                                                  \
	"__free_pages(p2)\n"                                                                       \
	"verify(p1)\n"                                                                             \
	"free_pages(p0)\n"                                                                         \
	"__free_pages(p1)\n"                                                                       \
	"p4 = get_zeroed_page(gfp=KERNEL)\n"                                                       \
	"__free_pages(p3)\n"                                                                       \
	"check()\n"                                                                                \
	"__free_pages(p4)\n"

/* A page is written, given back, and asked for again with zeroes. */
#define ZEROED                                                                                     \
	MACHINE                                                                                    \
	"p0 = get_free_page(gfp=KERNEL)\n"                                                         \
	"__free_pages(p0)\n"                                                                       \
	"p1 = get_zeroed_page(gfp=KERNEL)\n"

#define SECOND_FREE                                                                                \
	MACHINE                                                                                    \
	"p0 = get_free_page(gfp=KERNEL)\n"                                                         \
	"__free_pages(p0)\n"                                                                       \
	"double_free(p0)\n"

static const struct canary canaries[] = {
	{ "core", "", MIXED },
	{ "broken:correct", "", MIXED },
	{ "broken:leaks", "contract.leak", MIXED },
	{ "broken:overlaps", "contract.overlap", MIXED },
	{ "broken:loses-buddies", "buddy.unmerged", MIXED },
	{ "broken:scribbles", "contract.contents", MIXED },
	{ "broken:forgets-to-zero", "contract.zeroed", ZEROED },
	{ "broken:accepts-double-free", "contract.double-free-accepted", SECOND_FREE },
	{ "broken:crosses-zones", "zone.limit", MACHINE "p0 = get_free_page(gfp=KERNEL|DMA)\n" },
	{ "broken:crashes", "target.crash", MIXED },
};

enum { CANARIES = sizeof(canaries) / sizeof(canaries[0]) };

static bool judge_text(struct judge *j, const char *text, struct outcome *outcome, char why[256])
{
	struct text_error error;
	struct program p;
	bool parsed;

	program_init(&p);
	parsed = program_parse(&p, text, strlen(text), &error);
	if (parsed)
		judge_run(j, &p, outcome);
	else
		snprintf(why, 256, "its program, line %u: %.200s", error.line, error.what);
	program_free(&p);
	return parsed;
}

/* What the judge says of it; false: it could not be asked, and why. */
static bool run_one(const struct canary *canary, struct outcome *outcome, char why[256])
{
	const struct lb_target *target = target_find(canary->target, why);
	struct judge *j = target ? judge_create(target, NULL) : NULL;
	bool asked;

	memset(outcome, 0, sizeof(*outcome));
	if (!target)
		return false;
	if (!j) {
		snprintf(why, 256, "no memory for a judge");
		return false;
	}
	asked = judge_text(j, canary->program, outcome, why);
	judge_destroy(j);
	return asked;
}

bool canary_run(char *report, size_t size)
{
	struct text t = { .buffer = report, .size = size };
	unsigned int found = 0;

	if (size > 0)
		report[0] = '\0';
	for (unsigned int i = 0; i < CANARIES; i++) {
		const struct canary *canary = &canaries[i];
		struct outcome outcome;
		char why[256] = "";

		bool asked = run_one(canary, &outcome, why);

		if (asked && strcmp(finding_id(&outcome), canary->expect) == 0) {
			found++;
			continue;
		}
		text_add(&t, "canary %s: expected %s, and it was %s%s%s\n", canary->target,
			 canary->expect[0] ? canary->expect : "clean",
			 !asked				? why
			 : outcome.kind == FINDING_NONE ? "clean"
							: finding_id(&outcome),
			 outcome.verdict.what[0] ? ": " : "", outcome.verdict.what);
	}
	if (found == CANARIES)
		text_add(&t, "%u of %u canaries as expected\n", found, (unsigned int)CANARIES);
	return found == CANARIES;
}
