/*
 * The probe: what a target that exports no state still has, once everything was given back.
 *
 * It is exhausted from the top order down, and what each order yields is compared with a fresh
 * instance:
 *
 *	fresh       order 6: 32   order 5: 0   ...   order 0: 1
 *	at the end  order 6: 31   order 5: 1   ...   order 0: 1
 *
 * Fewer pages: contract.leak; more: contract.overlap; as many in smaller blocks: buddy.unmerged.
 *
 * The calls are not told to the oracle: that asks of each failure whether it had to be, and the
 * probe lives on failures.
 *
 * Does not make sense for targets whose caches nobody can drain (LB_TARGET_CACHES), and says
 * nothing there. Sizes are compared only where free buddies are always joined at once
 * (LB_TARGET_EAGER_MERGE).
 */
#include "judge/judge_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GFP_NOWARN = 0x2000 }; /* no reclaim bits either: a failure is an answer, at once */

/* Who handed a frame out when it was exhausted: bits of pair->probed. */
enum { BY_FRESH = 1, BY_THIS = 2 };

enum { RUNS_NAMED = 4 }; /* of missing frames, in a sentence */

struct taken {
	uint64_t *pfns;
	size_t count, capacity;
};

static struct lb_call a_call(uint64_t capabilities, unsigned int order)
{
	bool pages = capabilities & JUDGE_BIT(OP_ALLOC_PAGES);
	bool free_pages = capabilities & JUDGE_BIT(OP_GET_FREE_PAGES);
	unsigned int op = pages ? OP_ALLOC_PAGES : free_pages ? OP_GET_FREE_PAGES : OP_ALLOC_PAGE;

	return (struct lb_call){
		.op = (uint8_t)op, .order = (uint8_t)order, .node = NODE_NONE, .gfp = GFP_NOWARN
	};
}

static bool can_be_asked(const struct lb_target *t)
{
	uint64_t any_order = JUDGE_BIT(OP_ALLOC_PAGES) | JUDGE_BIT(OP_GET_FREE_PAGES);
	bool has_caches = t->flags & LB_TARGET_CACHES;

	return t->capabilities & any_order && !has_caches;
}

/*
 * Blocks of one order until there is no more, or more than there are frames. Adds them to *taken.
 */
static bool exhaust(const struct lb_target *t, void *instance, unsigned int order,
		    struct taken *taken)
{
	for (;;) {
		struct lb_call call = a_call(t->capabilities, order);
		struct lb_result result = { 0 };

		t->exec(instance, &call, &result);
		if (result.outcome != LB_BLOCK)
			return true;
		if (taken->count == taken->capacity)
			return false;
		taken->pfns[taken->count++] = result.pfn;
	}
}

static void give_back(const struct lb_target *t, void *instance, const uint64_t *pfns,
		      uint64_t count, unsigned int order)
{
	bool by_struct = t->capabilities & JUDGE_BIT(OP_FREE_PAGES_STRUCT);

	for (uint64_t i = 0; i < count; i++) {
		struct lb_result result = { 0 };
		const struct lb_call call = {
			.op = by_struct ? OP_FREE_PAGES_STRUCT : OP_FREE_PAGES,
			.node = NODE_NONE,
			.pfn = pfns[i],
			.order = (uint8_t)order,
			.block_order = (uint8_t)order,
		};

		t->exec(instance, &call, &result);
	}
}

static void mark(uint8_t *probed, const struct machine *m, uint64_t pfn, unsigned int order,
		 uint8_t who)
{
	for (uint64_t p = pfn; p < m->max_pfn && p - pfn < UINT64_C(1) << order; p++)
		probed[p] |= who;
}

/* False: it cannot be asked, or no memory to ask. */
static bool probe(const struct lb_target *t, void *instance, const struct machine *m,
		  struct yields *yields, uint8_t *probed, uint8_t who)
{
	struct taken taken = { .capacity = m->max_pfn + 1 };
	uint64_t begin[JUDGE_MAX_ORDER + 1] = { 0 }; /* of an order's blocks in pfns */
	bool complete = true;

	memset(yields, 0, sizeof(*yields));
	if (!can_be_asked(t))
		return false;
	taken.pfns = malloc(taken.capacity * sizeof(*taken.pfns));
	if (!taken.pfns)
		return false;
	for (unsigned int order = m->top_order + 1; order-- > 0 && complete;) {
		begin[order] = taken.count;
		complete = exhaust(t, instance, order, &taken);
		yields->blocks[order] = taken.count - begin[order];
		yields->pages += yields->blocks[order] << order;
		for (size_t i = begin[order]; i < taken.count; i++)
			mark(probed, m, taken.pfns[i], order, who);
	}
	for (unsigned int order = 0; order <= m->top_order; order++)
		give_back(t, instance, taken.pfns + begin[order], yields->blocks[order], order);
	free(taken.pfns);
	return true;
}

static bool wrong(struct verdict *v, enum rule rule, const char *field, uint64_t expect,
		  uint64_t actual)
{
	*v = (struct verdict){ .broken = true,
			       .rule = rule,
			       .expect = expect,
			       .actual = actual,
			       .has_values = true,
			       .pfn = NOWHERE };
	snprintf(v->field, sizeof(v->field), "%s", field);
	return false;
}

/* Adds the first few runs of missing frames to the sentence, and the first of them to the verdict. */
static void name_missing(const struct pair *pair, struct verdict *v)
{
	struct text t = { .buffer = v->what, .size = sizeof(v->what), .used = strlen(v->what) };
	unsigned int runs = 0;
	uint64_t end, more = 0;

	for (uint64_t pfn = 0; pfn < pair->machine.max_pfn; pfn = end) {
		for (end = pfn; end < pair->machine.max_pfn && pair->probed[end] == BY_FRESH;)
			end++;
		if (end == pfn) {
			end++;
			continue;
		}
		if (runs++ == 0)
			v->pfn = pfn;
		if (runs > RUNS_NAMED) {
			more += end - pfn;
			continue;
		}
		text_add(&t, "%s %llu", runs == 1 ? ": pfn" : ",", (unsigned long long)pfn);
		if (end - pfn > 1)
			text_add(&t, "..%llu", (unsigned long long)end - 1);
	}
	if (more)
		text_add(&t, " and %llu more", (unsigned long long)more);
}

static bool same_pages(const struct pair *pair, const struct yields *now, struct verdict *v)
{
	const struct yields *fresh = &pair->fresh;
	struct oracle *o = pair->oracle;
	bool none_missing = now->pages >= fresh->pages;
	bool none_more = now->pages <= fresh->pages;

	oracle_rule(o, RULE_CONTRACT_LEAK, none_missing);
	if (!none_missing) {
		wrong(v, RULE_CONTRACT_LEAK, "probe.pages", fresh->pages, now->pages);
		snprintf(v->what, sizeof(v->what),
			 "everything was freed, and %llu of %llu pages cannot be had any more",
			 (unsigned long long)(fresh->pages - now->pages),
			 (unsigned long long)fresh->pages);
		name_missing(pair, v);
		return false;
	}
	oracle_rule(o, RULE_CONTRACT_OVERLAP, none_more);
	if (!none_more) {
		wrong(v, RULE_CONTRACT_OVERLAP, "probe.pages", fresh->pages, now->pages);
		snprintf(v->what, sizeof(v->what),
			 "there are %llu pages, and the target hands out %llu at a time",
			 (unsigned long long)fresh->pages, (unsigned long long)now->pages);
	}
	return none_more;
}

/* The largest order that differs: it has fewer, since there are as many pages. */
static bool same_blocks(struct oracle *o, unsigned int order, const struct yields *fresh,
			const struct yields *now, struct verdict *v)
{
	while (order > 0 && now->blocks[order] == fresh->blocks[order])
		order--;

	bool joined = now->blocks[order] == fresh->blocks[order];

	oracle_rule(o, RULE_BUDDY_UNMERGED, joined);
	if (!joined) {
		wrong(v, RULE_BUDDY_UNMERGED, "probe.blocks", fresh->blocks[order],
		      now->blocks[order]);
		snprintf(v->what, sizeof(v->what),
			 "everything was freed, and there are %llu blocks of order %u, not %llu: "
			 "buddies were not joined",
			 (unsigned long long)now->blocks[order], order,
			 (unsigned long long)fresh->blocks[order]);
	}
	return joined;
}

/* Not at boot but now: should it die of the question, it has come through its program first. */
static bool ask_fresh(struct judge *j, struct pair *pair)
{
	char error[TARGET_ERROR_SIZE];

	if (!pair->has_fresh)
		pair->has_fresh = judge_renew_instance(j, pair, error) &&
				  probe(j->target, pair->instance, &pair->machine, &pair->fresh,
					pair->probed, BY_FRESH);
	return pair->has_fresh;
}

/* What the last program's end has left there is forgotten, what a fresh instance gave is not. */
static bool begin_probe(struct pair *pair)
{
	if (!pair->probed)
		pair->probed = calloc(pair->machine.max_pfn, 1);
	for (uint64_t pfn = 0; pair->probed && pfn < pair->machine.max_pfn; pfn++)
		pair->probed[pfn] &= BY_FRESH;
	return pair->probed;
}

bool probe_compare(struct judge *j, struct pair *pair, struct verdict *v)
{
	bool eager = j->target->flags & LB_TARGET_EAGER_MERGE;
	struct yields now;

	assert(pair->oracle && pair->instance);
	if (!begin_probe(pair) ||
	    !probe(j->target, pair->instance, &pair->machine, &now, pair->probed, BY_THIS) ||
	    !ask_fresh(j, pair))
		return true;
	return same_pages(pair, &now, v) &&
	       (!eager ||
		same_blocks(pair->oracle, pair->machine.top_order, &pair->fresh, &now, v));
}
