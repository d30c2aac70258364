/*
 * The shadow's state in the export format of target.h: words for words what a target in the same
 * state exports. Sections that can be empty (reserved, bad pages, leaked, guards ...) are written
 * with no words then; those of a switch that is off are left out.
 */
#include <stdlib.h>

#include "oracle/shadow.h"

struct writer {
	uint64_t *words;
	size_t n, capacity;
	size_t section; /* where the length of the open section stands */
};

static inline void put(struct writer *w, uint64_t word)
{
	if (w->n < w->capacity)
		w->words[w->n] = word;
	w->n++;
}

static void open_section(struct writer *w, enum lb_state_section type)
{
	put(w, type);
	w->section = w->n;
	put(w, 0);
}

static void close_section(struct writer *w)
{
	if (w->section < w->capacity)
		w->words[w->section] = w->n - w->section - 1;
}

static void put_header(const struct shadow *s, struct writer *w)
{
	open_section(w, LB_STATE_HEADER);
	put(w, LB_STATE_VERSION);
	put(w, s->state->ticks);
	put(w, s->state->grouping_off);
	close_section(w);

	open_section(w, LB_STATE_RESERVED);
	for (uint32_t i = 0; i < s->nr_reserved; i++) {
		put(w, s->reserved[i].start);
		put(w, s->reserved[i].end);
	}
	close_section(w);

	open_section(w, LB_STATE_TUNABLES);
	for (unsigned int i = 0; i < SYSCTL_COUNT; i++)
		put(w, (uint64_t)s->state->tunables[i]);
	put(w, (uint64_t)s->state->user_min_free_kbytes);
	close_section(w);
}

static void put_nodes(const struct shadow *s, struct writer *w)
{
	for (uint32_t node = 0; node < s->nr_nodes; node++) {
		const struct kswapd *k = &s->state->kswapd[node];

		open_section(w, LB_STATE_NODE);
		put(w, node);
		put(w, k->awake);
		put(w, k->order);
		put(w, k->index);
		close_section(w);
	}
}

static void put_zone(const struct shadow *s, const struct zone *z, struct writer *w)
{
	open_section(w, LB_STATE_ZONE);
	put(w, z->node);
	put(w, z->index);
	put(w, z->start);
	put(w, z->spanned);
	put(w, z->present);
	put(w, z->managed);
	put(w, (uint64_t)shadow_free_exact(s, z));
	for (unsigned int i = 0; i < 3; i++)
		put(w, (uint64_t)z->mark[i]);
	put(w, (uint64_t)z->boost);
	put(w, z->boosted);
	put(w, (uint64_t)z->highatomic);
	for (unsigned int i = 0; i < MACHINE_NR_ZONES; i++)
		put(w, (uint64_t)z->reserve[i]);
	close_section(w);
}

static void put_free_lists(const struct shadow *s, const struct zone *z, struct writer *w)
{
	for (unsigned int o = 0; o <= s->top_order; o++)
		for (unsigned int type = 0; type < NR_LIST_TYPES; type++) {
			const struct list *list = &z->lists[o][type];

			if (list->n == 0)
				continue;
			open_section(w, LB_STATE_FREE_LIST);
			put(w, z->node);
			put(w, z->index);
			put(w, o);
			put(w, type);
			for (uint32_t pfn = list->head; pfn != NIL; pfn = s->frames[pfn].next)
				put(w, pfn);
			close_section(w);
		}
}

static void put_page_list(const struct shadow *s, const struct list *list, unsigned int index,
			  struct writer *w)
{
	if (list->n == 0)
		return;
	put(w, index);
	put(w, list->n);
	for (uint32_t pfn = list->head; pfn != NIL; pfn = s->frames[pfn].next)
		put(w, pfn + ((uint64_t)s->frames[pfn].type << 56));
}

static void put_page_lists(const struct shadow *s, const struct zone *z, unsigned int cpu,
			   struct writer *w)
{
	const struct page_lists *p = page_lists_of(s, z, cpu);

	open_section(w, LB_STATE_PCP);
	put(w, z->node);
	put(w, z->index);
	put(w, cpu);
	put(w, (uint64_t)p->count);
	put(w, (uint64_t)p->high);
	put(w, (uint64_t)p->batch);
	put(w, (uint64_t)p->free_factor);
	put(w, s->nr_lists);
	if (p->count)
		for (unsigned int i = 0; i < s->nr_lists; i++)
			put_page_list(s, &p->lists[i], i, w);
	close_section(w);
}

static void put_pageblocks(const struct shadow *s, struct writer *w)
{
	uint64_t word = 0;

	open_section(w, LB_STATE_PAGEBLOCKS);
	put(w, 0);
	put(w, s->nr_pageblocks);
	for (uint64_t b = 0; b < s->nr_pageblocks; b++) {
		word |= (uint64_t)s->types[b] << b % 16 * 4;
		if (b % 16 == 15 || b + 1 == s->nr_pageblocks) {
			put(w, word);
			word = 0;
		}
	}
	close_section(w);
}

static void put_ledger(const struct shadow *s, struct writer *w)
{
	bool inside = false;

	open_section(w, LB_STATE_BAD_PAGES);
	for (uint64_t pfn = 0; s->state->nr_marked && pfn < s->max_pfn; pfn++)
		if (s->frames[pfn].mark) {
			put(w, pfn);
			put(w, s->frames[pfn].mark);
		}
	close_section(w);

	open_section(w, LB_STATE_LEAKED);
	for (uint64_t pfn = 0; s->state->nr_leaked && pfn <= s->max_pfn; pfn++) {
		bool leaked = pfn < s->max_pfn && s->frames[pfn].kind == FRAME_LEAKED;

		if (leaked != inside)
			put(w, pfn);
		inside = leaked;
	}
	close_section(w);
}

static void put_zone_stat(const struct shadow *s, const struct zone *z, struct writer *w)
{
	open_section(w, LB_STATE_ZONE_STAT);
	put(w, z->node);
	put(w, z->index);
	put(w, (uint64_t)z->threshold);
	put(w, (uint64_t)z->drift_mark);
	put(w, (uint64_t)z->free);
	put(w, (uint64_t)z->isolated);
	for (unsigned int event = 0; event < LB_NUMA_COUNT; event++)
		put(w, z->numa[event]);
	for (uint32_t cpu = 0; cpu < s->nr_cpus; cpu++) {
		const struct cpu_stat *stat = stat_of(s, z, cpu);

		put(w, (uint64_t)stat->delta);
		put(w, stat->turns);
		put(w, stat->numa_event);
	}
	close_section(w);
}

static void put_tasks(const struct shadow *s, struct writer *w)
{
	open_section(w, LB_STATE_TASKS);
	put(w, s->state->cpusets_on);
	put(w, s->state->gfp_allowed_mask);
	for (uint32_t cpu = 0; cpu < s->nr_cpus; cpu++) {
		const struct task *task = &s->state->tasks[cpu];

		put(w, task->mode);
		put(w, task->nodes);
		put(w, task->il_prev);
		put(w, task->mems_allowed);
	}
	close_section(w);
}

/* Of all nodes; those without memory, and those whose memory is all there, have none. */
static void put_deferred(const struct shadow *s, struct writer *w)
{
	if (!s->machine.deferred)
		return;
	open_section(w, LB_STATE_DEFERRED);
	for (uint32_t node = 0; node < s->nr_nodes; node++) {
		put(w, node);
		put(w, s->state->first_deferred[node]);
	}
	close_section(w);
}

/* Frames with something, each as its number and a word; ascending. */
static void put_frames(const struct shadow *s, struct writer *w, enum lb_state_section type,
		       int64_t any, bool (*has)(const struct frame *f, uint64_t *word))
{
	open_section(w, type);
	for (uint64_t pfn = 0; any && pfn < s->max_pfn; pfn++) {
		uint64_t word;

		if (!has(&s->frames[pfn], &word))
			continue;
		put(w, pfn);
		put(w, word);
	}
	close_section(w);
}

static bool is_guard(const struct frame *f, uint64_t *word)
{
	*word = f->order;
	return f->kind == FRAME_GUARD;
}

static bool is_dirty(const struct frame *f, uint64_t *word)
{
	*word = f->contents - UINT64_C(1);
	return f->contents != CONTENTS_RIGHT;
}

static void put_switches(const struct shadow *s, struct writer *w)
{
	if (s->machine.shuffle) {
		open_section(w, LB_STATE_RANDOM);
		put(w, s->state->shuffle.generator);
		put(w, s->state->shuffle.pool);
		put(w, s->state->shuffle.bits);
		close_section(w);
	}
	if (s->machine.debug_pagealloc && s->machine.guard_order)
		put_frames(s, w, LB_STATE_GUARDS, s->state->nr_guards, is_guard);
}

static void put_contents(const struct shadow *s, struct writer *w)
{
	if (s->machine.page_poison || s->machine.init_on_free)
		put_frames(s, w, LB_STATE_CONTENTS, s->state->nr_dirty, is_dirty);
}

static void put_fragments(const struct shadow *s, struct writer *w)
{
	open_section(w, LB_STATE_FRAG_CACHES);
	for (uint32_t cpu = 0; cpu < s->nr_cpus; cpu++) {
		const struct frag_cache *cache = &s->state->frag_caches[cpu];

		put(w, cache->pfn);
		put(w, cache->size);
		put(w, cache->offset);
		put(w, cache->bias);
		put(w, cache->pfmemalloc);
	}
	close_section(w);

	open_section(w, LB_STATE_FRAG_BLOCKS);
	for (uint64_t pfn = 0; s->state->nr_frag_blocks && pfn < s->max_pfn; pfn++)
		if (s->frames[pfn].pieces) {
			put(w, pfn);
			put(w, s->frames[pfn].order);
			put(w, s->frames[pfn].pieces);
		}
	close_section(w);
}

static void put_destructors(const struct shadow *s, struct writer *w)
{
	open_section(w, LB_STATE_DESTRUCTORS);
	for (uint64_t pfn = 0; s->state->nr_thp && pfn < s->max_pfn; pfn++)
		if (s->frames[pfn].thp)
			put(w, pfn);
	close_section(w);
}

size_t shadow_export(const struct shadow *s, uint64_t *words, size_t capacity)
{
	struct writer w = { .words = words, .capacity = capacity };

	put_header(s, &w);
	put_nodes(s, &w);
	for (uint32_t i = 0; i < s->nr_zones; i++)
		put_zone(s, &s->zones[i], &w);
	for (uint32_t i = 0; i < s->nr_zones; i++)
		put_free_lists(s, &s->zones[i], &w);
	for (uint32_t i = 0; i < s->nr_zones; i++)
		for (uint32_t cpu = 0; s->zones[i].present && cpu < s->nr_cpus; cpu++)
			put_page_lists(s, &s->zones[i], cpu, &w);
	put_pageblocks(s, &w);
	put_ledger(s, &w);
	open_section(&w, LB_STATE_COUNTERS);
	for (unsigned int i = 0; i < LB_COUNT_COUNT; i++)
		put(&w, s->state->counters[i]);
	close_section(&w);
	for (uint32_t i = 0; i < s->nr_zones; i++)
		if (s->zones[i].present)
			put_zone_stat(s, &s->zones[i], &w);
	put_tasks(s, &w);
	put_switches(s, &w);
	put_deferred(s, &w);
	put_contents(s, &w);
	put_fragments(s, &w);
	put_destructors(s, &w);
	open_section(&w, LB_STATE_END);
	close_section(&w);
	return w.n;
}

size_t shadow_memory(const struct shadow *s, uint64_t *words, size_t capacity)
{
	size_t n = 0;

	for (uint64_t pfn = 0; pfn < s->max_pfn; pfn++) {
		if (!s->frames[pfn].refs)
			continue;
		if (n < capacity)
			words[n] = pfn << 8 | s->frames[pfn].refs;
		n++;
	}
	return n;
}

const uint64_t *shadow_words(struct shadow *s)
{
	for (;;) {
		size_t need = shadow_export(s, s->words, s->words_capacity);

		if (need <= s->words_capacity)
			return s->words;
		free(s->words);
		s->words_capacity = 2 * need;
		s->words = malloc(s->words_capacity * sizeof(*s->words));
		if (!s->words) {
			s->words_capacity = 0;
			return NULL;
		}
	}
}
