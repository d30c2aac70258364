/*
 * A program up to its last operation, and a digest of where that leads.
 *
 *	digest = target's export, section by section   (without the event counters)
 *	       + the page lists of each CPU, those of CPUs that may change places in ascending order
 *	       + oracle_memory(): live blocks and references, losses, marks
 *	       + handles: first frame, order, references, kind of each live one, and where in its frame
 *	         a fragment lies, in binding order
 *	         (and dead ones that may be freed again, if asked for)
 *	       + contents, if asked for: which frames were written, and since they were free; what
 *	         blocks are filled with
 *
 * Equal digests mean that the same operations on the same handles, counted from the first or from
 * the last one, go on alike, as long as the target keeps its promise that an export holds every
 * variable that decides the future (target.h).
 *
 * What is left out, and why: the counters PGALLOC, PGFREE and of NUMA events, which nothing reads and which have
 * just been compared; reserved ranges, which never change; numbers of handles; the words that the
 * judge wrote into blocks (a target that behaves by their value would have to read them); what the
 * oracle remembers in order to tell one round of an allocation from the next.
 *
 * Locking: none. Not here: which states are worth going on from (fuzz/enumerate).
 */
#include "judge/judge_internal.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- the target's state ---- */

enum {
	PCP_CPU = 2,	    /* position of the CPU in a section of page lists */
	STAT_CPU_WORDS = 3, /* of each CPU, in a zone's counters */
	TASKS_FIRST = 2,    /* where the first task stands in its section */
	TASK_WORDS = 4,
	FRAG_CACHE_WORDS = 5,
};

/* Hashes of what a state consists of: all that belongs to no CPU, and what belongs to each. */
struct state_hash {
	uint64_t machine;
	uint64_t cpus[MACHINE_MAX_CPUS];
};

static uint64_t mix(uint64_t hash, const uint64_t *words, size_t n)
{
	return XXH3_64bits_withSeed(words, n * sizeof(*words), hash);
}

/* The number of the CPU itself is left out: what remains is equal for CPUs in equal states. */
static void hash_page_lists(struct state_hash *h, const uint64_t *words, size_t n)
{
	uint64_t *cpu = &h->cpus[words[PCP_CPU]];

	*cpu = mix(*cpu, words, PCP_CPU);
	*cpu = mix(*cpu, words + PCP_CPU + 1, n - PCP_CPU - 1);
}

/* What each CPU has to itself: so many words, CPU by CPU. */
static void hash_by_cpu(struct state_hash *h, const uint64_t *words, size_t n, size_t size)
{
	for (size_t cpu = 0; (cpu + 1) * size <= n && cpu < MACHINE_MAX_CPUS; cpu++)
		h->cpus[cpu] = mix(h->cpus[cpu], words + cpu * size, size);
}

static void hash_zone_stat(struct state_hash *h, const uint64_t *words, size_t n)
{
	h->machine = mix(h->machine, words, LB_STAT_NUMA);
	hash_by_cpu(h, words + LB_STAT_CPU, n - LB_STAT_CPU, STAT_CPU_WORDS);
}

static void hash_tasks(struct state_hash *h, const uint64_t *words, size_t n)
{
	h->machine = mix(h->machine, words, TASKS_FIRST);
	hash_by_cpu(h, words + TASKS_FIRST, n - TASKS_FIRST, TASK_WORDS);
}

static void hash_export(struct state_hash *h, const uint64_t *words)
{
	for (; words[0] != LB_STATE_END; words += 2 + words[1]) {
		if (words[0] == LB_STATE_PCP)
			hash_page_lists(h, words + 2, words[1]);
		else if (words[0] == LB_STATE_ZONE_STAT)
			hash_zone_stat(h, words + 2, words[1]);
		else if (words[0] == LB_STATE_FRAG_CACHES)
			hash_by_cpu(h, words + 2, words[1], FRAG_CACHE_WORDS);
		else if (words[0] == LB_STATE_TASKS)
			hash_tasks(h, words + 2, words[1]);
		else if (words[0] != LB_STATE_COUNTERS && words[0] != LB_STATE_RESERVED)
			h->machine = mix(h->machine, words, 2 + words[1]);
	}
}

/* CPUs of one node that may change places stand in the order of their hashes. */
static void sort_cpus(struct state_hash *h, const struct machine *m)
{
	for (uint32_t i = 1; i < m->nr_cpus; i++)
		for (uint32_t k = i; k > 0; k--) {
			uint64_t hash = h->cpus[k];

			if (m->cpu_node[k - 1] != m->cpu_node[k] || h->cpus[k - 1] <= hash)
				break;
			h->cpus[k] = h->cpus[k - 1];
			h->cpus[k - 1] = hash;
		}
}

/* ---- the program's handles ---- */

static bool is_live(const struct judge *j, const struct program *p, uint32_t handle)
{
	return j->held[handle].state.refs > 0 && p->handles[handle].refs > 0;
}

/* A second free of it would be one: nothing else begins at its frame. */
static bool is_freed(const struct judge *j, const struct pair *pair, const struct program *p,
		     uint32_t handle)
{
	const struct held *h = &j->held[handle];

	return h->born && h->state.kind == HANDLE_BLOCK && h->state.refs == 0 &&
	       p->handles[handle].refs == 0 && h->pfn < pair->machine.max_pfn &&
	       !pair->heads[h->pfn];
}

static uint64_t state_word(const struct handle_state *s)
{
	return (uint64_t)s->kind << 24 | (uint64_t)s->order << 16 | (uint64_t)s->refs << 8 |
	       s->compound;
}

static bool has_later_handle(const struct judge *j, const struct program *p, uint32_t handle)
{
	for (uint32_t i = handle + 1; i < p->nr_handles; i++)
		if (j->held[i].born && j->held[i].state.kind == HANDLE_BLOCK &&
		    j->held[i].pfn == j->held[handle].pfn)
			return true;
	return false;
}

/*
 * May it ever be the one that is freed a second time? Of two handles with one frame it is always the
 * later. Where it stands among those that live counts too: they will be dead one day.
 */
static bool may_be_freed_again(const struct judge *j, const struct program *p, uint32_t handle)
{
	const struct held *h = &j->held[handle];

	return h->born && h->state.kind == HANDLE_BLOCK && h->state.refs == 0 &&
	       !has_later_handle(j, p, handle);
}

static uint64_t hash_handles(const struct judge *j, const struct program *p,
			     const struct reach *how, uint64_t hash)
{
	for (uint32_t i = 0; i < p->nr_handles; i++) {
		const struct held *h = &j->held[i];
		const uint64_t words[] = { h->pfn, state_word(&h->state),
					   is_live(j, p, i) ? state_word(&p->handles[i]) : 0,
					   how->contents && h->stamps.filled ? h->stamps.fill + 1u
									     : 0,
					   (uint64_t)h->bytes << 32 | h->offset };

		if (h->state.refs > 0 || (how->dead && may_be_freed_again(j, p, i)))
			hash = mix(hash, words, sizeof(words) / sizeof(words[0]));
	}
	return hash;
}

static void note_live(uint32_t *first, uint32_t *last, uint32_t handle)
{
	*last = handle;
	if (*first == NO_HANDLE)
		*first = handle;
}

static void find_handles(const struct judge *j, const struct pair *pair, const struct program *p,
			 struct reached *reached)
{
	reached->first = reached->last = reached->dead = NO_HANDLE;
	reached->first_fragment = reached->last_fragment = NO_HANDLE;
	for (uint32_t i = 0; i < p->nr_handles; i++) {
		bool fragment = p->handles[i].kind == HANDLE_FRAGMENT;

		if (is_live(j, p, i)) {
			note_live(fragment ? &reached->first_fragment : &reached->first,
				  fragment ? &reached->last_fragment : &reached->last, i);
		} else if (is_freed(j, pair, p, i)) {
			reached->dead = i;
		}
	}
}

/* ---- all of it ---- */

static bool remember(const struct oracle *o, struct words *to)
{
	to->size = oracle_memory(o, to->words, to->capacity);
	if (to->size <= to->capacity)
		return true;

	uint64_t *words = realloc(to->words, 2 * to->size * sizeof(*words));

	if (!words)
		return false;
	to->words = words;
	to->capacity = 2 * to->size;
	to->size = oracle_memory(o, to->words, to->capacity);
	return true;
}

static uint64_t hash_contents(const struct contents *c, uint64_t hash)
{
	for (uint64_t pfn = 0; pfn < c->max_pfn; pfn++)
		if (c->dirty[pfn])
			hash = mix(hash, &pfn, 1);
	return XXH3_64bits_withSeed(c->tainted, c->max_pfn / 8 + 1, hash);
}

bool reach_look(struct judge *j, const struct pair *pair, const struct program *p,
		const struct plan *plan)
{
	struct reached *reached = plan->reached;
	struct state_hash h = { 0 };
	const uint32_t nr_cpus = pair->machine.nr_cpus;

	if (pair->oracle && !remember(pair->oracle, &j->memory))
		return false;
	if (pair->oracle)
		h.machine = mix(0, j->memory.words, j->memory.size);
	find_handles(j, pair, p, reached);
	h.machine = hash_handles(j, p, plan->reach, h.machine);
	if (plan->reach->contents)
		h.machine = hash_contents(&pair->contents, h.machine);
	if (j->target->export_state)
		hash_export(&h, j->state.words);
	reached->unmirrored = mix(h.machine, h.cpus, nr_cpus);
	if (plan->reach->cpus_alike)
		sort_cpus(&h, &pair->machine);
	reached->digest = mix(h.machine, h.cpus, nr_cpus);
	return true;
}

bool judge_reach(struct judge *j, const struct program *p, const struct reach *how,
		 struct reached *reached, struct outcome *outcome)
{
	const struct plan plan = { .compare_from = COMPARE_AS_USUAL,
				   .reach = how,
				   .reached = reached };
	struct seen seen;

	memset(outcome, 0, sizeof(*outcome));

	struct pair *pair = judge_take_pair(j, &p->machine, outcome);

	if (!pair)
		return false;

	bool clean = run_on_pair(j, pair, p, &plan, outcome, &seen);

	judge_give_pair(j, pair, clean);
	assert(clean == (outcome->kind == FINDING_NONE));
	return clean;
}
