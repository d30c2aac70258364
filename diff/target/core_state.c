#include "target/core_state.h"

#include <stdlib.h>
#include <string.h>

#include "lostbuddy/page_frag.h"
#include "lostbuddy/vmstat.h"

/* A sink of words that goes on counting when it is full. */
struct sink {
	uint64_t *words;
	size_t capacity, used, section; /* section: where the open one's count stands */
};

static inline void put(struct sink *sink, uint64_t word)
{
	if (sink->used < sink->capacity)
		sink->words[sink->used] = word;
	sink->used++;
}

static void begin(struct sink *sink, enum lb_state_section type)
{
	put(sink, type);
	sink->section = sink->used;
	put(sink, 0);
}

static void end(struct sink *sink)
{
	if (sink->section < sink->capacity)
		sink->words[sink->section] = sink->used - sink->section - 1;
}

/*
 * The next reserved frame from pfn on; UINT64_MAX: none. What is deferred and not reserved is
 * passed over.
 */
static uint64_t next_reserved(const struct mm_machine *m, uint64_t pfn)
{
	for (unsigned int i = 0; i < m->config.nr_memory; i++) {
		const struct mm_range *memory = &m->config.memory[i];
		uint64_t at = pfn > memory->start ? pfn : memory->start;

		while ((at = mm_skip_deferred(m, at)) < memory->end) {
			if (PageReserved(&m->memmap[at]))
				return at;
			at++;
		}
	}
	return UINT64_MAX;
}

/* Ranges of reserved memory, joined across memory ranges that touch. */
static size_t reserved_ranges(const struct core_instance *t, uint64_t *words)
{
	uint64_t pfn = 0, end = 0;
	size_t n = 0;

	while ((pfn = next_reserved(t->machine, pfn)) != UINT64_MAX) {
		if (n == 0 || pfn != end) {
			if (words)
				words[n] = pfn;
			n += 2;
		}
		end = ++pfn;
		if (words)
			words[n - 1] = end;
	}
	return n;
}

bool core_state_init(struct core_instance *t)
{
	t->reserved = malloc((reserved_ranges(t, NULL) + 1) * sizeof(uint64_t));
	if (!t->reserved)
		return false;
	t->nr_reserved_words = reserved_ranges(t, t->reserved);
	return true;
}

bool core_state_mark(struct core_instance *t, uint64_t pfn)
{
	unsigned int i = t->nr_marked;

	while (i > 0 && t->marked[i - 1] > pfn)
		i--;
	if (i > 0 && t->marked[i - 1] == pfn)
		return true;
	if (t->nr_marked == CORE_MAX_MARKED)
		return false;
	memmove(&t->marked[i + 1], &t->marked[i], (t->nr_marked - i) * sizeof(t->marked[0]));
	t->marked[i] = pfn;
	t->nr_marked++;
	return true;
}

static void export_header(const struct core_instance *t, struct sink *sink)
{
	const struct mm_machine *m = t->machine;

	begin(sink, LB_STATE_HEADER);
	put(sink, LB_STATE_VERSION);
	put(sink, m->jiffies);
	put(sink, m->grouping_disabled);
	end(sink);
	begin(sink, LB_STATE_RESERVED);
	for (size_t i = 0; i < t->nr_reserved_words; i++)
		put(sink, t->reserved[i]);
	end(sink);
	begin(sink, LB_STATE_TUNABLES);
	for (unsigned int i = 0; i < MM_SYSCTL_COUNT; i++)
		put(sink, m->sysctl[i]);
	put(sink, (uint64_t)m->user_min_free_kbytes);
	end(sink);
}

static void export_node(const struct pglist_data *pgdat, struct sink *sink)
{
	begin(sink, LB_STATE_NODE);
	put(sink, (uint64_t)pgdat->node_id);
	put(sink, pgdat->kswapd_awake);
	put(sink, pgdat->kswapd_order);
	put(sink, pgdat->kswapd_highest_zoneidx == MAX_NR_ZONES ? LB_NO_ZONE_INDEX
								: pgdat->kswapd_highest_zoneidx);
	end(sink);
}

static void export_zone(const struct zone *zone, struct sink *sink)
{
	begin(sink, LB_STATE_ZONE);
	put(sink, (uint64_t)zone->pgdat->node_id);
	put(sink, zone->type);
	put(sink, zone->zone_start_pfn);
	put(sink, zone->spanned_pages);
	put(sink, zone->present_pages);
	put(sink, zone->managed_pages);
	put(sink, zone_free_pages_snapshot(zone));
	put(sink, zone->_watermark[WMARK_MIN]);
	put(sink, zone->_watermark[WMARK_LOW]);
	put(sink, zone->_watermark[WMARK_HIGH]);
	put(sink, zone->watermark_boost);
	put(sink, zone->boosted);
	put(sink, zone->nr_reserved_highatomic);
	for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
		put(sink, (uint64_t)zone->lowmem_reserve[type]);
	end(sink);
}

static void export_free_list(const struct core_instance *t, const struct zone *zone,
			     unsigned int order, unsigned int type, struct sink *sink)
{
	const struct list_head *head = &zone->free_area[order].free_list[type];

	if (list_empty(head))
		return;
	begin(sink, LB_STATE_FREE_LIST);
	put(sink, (uint64_t)zone->pgdat->node_id);
	put(sink, zone->type);
	put(sink, order);
	put(sink, type);
	for (const struct list_head *at = head->next; at != head; at = at->next)
		put(sink, (uint64_t)(lru_to_page(at) - t->machine->memmap));
	end(sink);
}

static void export_pcp_list(const struct core_instance *t, const struct list_head *head,
			    unsigned int index, struct sink *sink)
{
	if (list_empty(head))
		return;
	put(sink, index);
	size_t count_at = sink->used;

	put(sink, 0);
	for (const struct list_head *at = head->next; at != head; at = at->next) {
		const struct page *page = lru_to_page(at);

		put(sink, (uint64_t)(page - t->machine->memmap) | page->index << 56);
	}
	if (count_at < sink->capacity)
		sink->words[count_at] = sink->used - count_at - 1;
}

static void export_pcp(const struct core_instance *t, const struct zone *zone, unsigned int cpu,
		       struct sink *sink)
{
	const struct per_cpu_pages *pcp = &zone->pageset[cpu];
	unsigned int nr_lists = mm_nr_pcp_lists(t->machine);

	begin(sink, LB_STATE_PCP);
	put(sink, (uint64_t)zone->pgdat->node_id);
	put(sink, zone->type);
	put(sink, cpu);
	put(sink, (uint64_t)pcp->count);
	put(sink, (uint64_t)pcp->high);
	put(sink, (uint64_t)pcp->batch);
	put(sink, (uint64_t)pcp->free_factor);
	put(sink, nr_lists);
	if (pcp->count)
		for (unsigned int list = 0; list < nr_lists; list++)
			export_pcp_list(t, &pcp->lists[list], list, sink);
	end(sink);
}

static void export_pageblocks(const struct mm_machine *m, struct sink *sink)
{
	uint64_t n = (m->max_pfn + (UINT64_C(1) << m->pageblock_order) - 1) >> m->pageblock_order;

	begin(sink, LB_STATE_PAGEBLOCKS);
	put(sink, 0);
	put(sink, n);
	for (uint64_t block = 0; block < n; block += 16) {
		uint64_t word = 0;

		for (uint64_t i = 0; i < 16 && block + i < n; i++)
			word |= (uint64_t)m->pageblock_type[block + i] << 4 * i;
		put(sink, word);
	}
	end(sink);
}

/*
 * What is wrong with a marked page now: 1 mapcount, 2 mapping, from 4 up its flags. A tail has a mapping of its
 * own that is none.
 */
static uint64_t bad_state(const struct core_instance *t, uint64_t pfn)
{
	const struct page *page = &t->machine->memmap[pfn];

	if (t->leaked[pfn])
		return 0;
	return (uint64_t)(page->_mapcount == 0) |
	       (uint64_t)(page->mapping != NULL && !PageTail(page)) << 1 |
	       (page->flags & PAGE_FLAGS_ALL & ~PAGE_FLAG(PG_HEAD)) << 2;
}

static void export_bad_pages(const struct core_instance *t, struct sink *sink)
{
	begin(sink, LB_STATE_BAD_PAGES);
	for (unsigned int i = 0; i < t->nr_marked; i++) {
		uint64_t bad = bad_state(t, t->marked[i]);

		if (bad) {
			put(sink, t->marked[i]);
			put(sink, bad);
		}
	}
	end(sink);
}

static void export_leaked(const struct core_instance *t, struct sink *sink)
{
	begin(sink, LB_STATE_LEAKED);
	for (uint64_t pfn = 0; t->nr_leaked && pfn < t->machine->max_pfn; pfn++) {
		if (!t->leaked[pfn])
			continue;
		put(sink, pfn);
		while (pfn < t->machine->max_pfn && t->leaked[pfn])
			pfn++;
		put(sink, pfn);
	}
	end(sink);
}

static void export_counters(const struct mm_machine *m, struct sink *sink)
{
	begin(sink, LB_STATE_COUNTERS);
	put(sink, m->vmstat.pgalloc);
	put(sink, m->vmstat.pgfree);
	end(sink);
}

static void export_zone_stat(const struct mm_machine *m, const struct zone *zone, struct sink *sink)
{
	_Static_assert((int)LB_NUMA_COUNT == (int)NR_NUMA_EVENTS, "events are numbered alike");
	bool shows_event = m->config.profile->numa_events_start_turns;

	begin(sink, LB_STATE_ZONE_STAT);
	put(sink, (uint64_t)zone->pgdat->node_id);
	put(sink, zone->type);
	put(sink, (uint64_t)zone->stat_threshold);
	put(sink, zone->percpu_drift_mark);
	put(sink, (uint64_t)zone->nr_free_pages);
	put(sink, zone->nr_isolate_pageblock);
	for (unsigned int event = 0; event < NR_NUMA_EVENTS; event++)
		put(sink, zone_numa_events(zone, (enum numa_event)event));
	for (unsigned int cpu = 0; cpu < m->nr_cpus; cpu++) {
		const struct per_cpu_pages *pcp = &zone->pageset[cpu];

		put(sink, (uint64_t)(int64_t)pcp->free_delta);
		put(sink, pcp->turns);
		put(sink, shows_event && (pcp->numa_event || pcp->local_hits));
	}
	end(sink);
}

static void export_deferred(const struct mm_machine *m, struct sink *sink)
{
	_Static_assert(PFN_NONE == UINT64_MAX, "exported as it is");
	if (!m->config.deferred)
		return;
	begin(sink, LB_STATE_DEFERRED);
	for (unsigned int node = 0; node < m->nr_nodes; node++) {
		put(sink, node);
		put(sink, m->nodes[node].first_deferred_pfn);
	}
	end(sink);
}

static void export_tasks(const struct mm_machine *m, struct sink *sink)
{
	begin(sink, LB_STATE_TASKS);
	put(sink, m->cpusets);
	put(sink, m->gfp_allowed_mask);
	for (unsigned int cpu = 0; cpu < m->nr_cpus; cpu++) {
		const struct mm_task *task = &m->tasks[cpu];

		put(sink, (uint64_t)task->mode);
		put(sink, task->nodes);
		put(sink, task->il_prev == NUMA_NO_NODE ? UINT64_MAX : (uint64_t)task->il_prev);
		put(sink, task->mems_allowed);
	}
	end(sink);
}

static void export_random(const struct mm_machine *m, struct sink *sink)
{
	if (!m->config.shuffle)
		return;
	begin(sink, LB_STATE_RANDOM);
	put(sink, m->random.state);
	put(sink, m->random.pool);
	put(sink, m->random.bits);
	end(sink);
}

static void export_guards(const struct mm_machine *m, struct sink *sink)
{
	if (!m->guard_order)
		return;
	begin(sink, LB_STATE_GUARDS);
	for (pfn_t pfn = 0; pfn < m->max_pfn; pfn++)
		if (PageGuard(&m->memmap[pfn])) {
			put(sink, pfn);
			put(sink, buddy_order(&m->memmap[pfn]));
		}
	end(sink);
}

static void export_contents(struct mm_machine *m, struct sink *sink)
{
	if (!m->config.init_on_free && !m->config.page_poison)
		return;
	begin(sink, LB_STATE_CONTENTS);
	for (pfn_t pfn = 0; pfn < m->max_pfn; pfn++) {
		unsigned int contents = free_page_contents(m, pfn);

		if (contents == FREE_PAGE_AS_LEFT)
			continue;
		put(sink, pfn);
		put(sink, contents);
	}
	end(sink);
}

static void export_frag_caches(const struct mm_machine *m, struct sink *sink)
{
	begin(sink, LB_STATE_FRAG_CACHES);
	for (unsigned int cpu = 0; cpu < m->nr_cpus; cpu++) {
		const struct page_frag_cache *nc = &m->frag_caches[cpu];

		put(sink, nc->page ? (uint64_t)(nc->page - m->memmap) : UINT64_MAX);
		put(sink, nc->size);
		put(sink, nc->offset);
		put(sink, nc->pagecnt_bias);
		put(sink, nc->pfmemalloc);
	}
	end(sink);
}

static void export_frag_blocks(const struct core_instance *t, struct sink *sink)
{
	begin(sink, LB_STATE_FRAG_BLOCKS);
	for (pfn_t pfn = 0; t->nr_frag_blocks && pfn < t->machine->max_pfn; pfn++) {
		const struct page *page = &t->machine->memmap[pfn];

		if (!t->holds_fragments[pfn])
			continue;
		put(sink, pfn);
		put(sink, compound_order(page));
		put(sink, (uint64_t)page_count(page));
	}
	end(sink);
}

static bool is_transhuge(const struct page *page)
{
	return PageHead(page) && page_count(page) > 0 &&
	       page[1].compound_dtor == TRANSHUGE_PAGE_DTOR;
}

static void export_destructors(const struct core_instance *t, struct sink *sink)
{
	begin(sink, LB_STATE_DESTRUCTORS);
	for (pfn_t pfn = 0; t->any_transhuge && pfn < t->machine->max_pfn; pfn++)
		if (is_transhuge(&t->machine->memmap[pfn]))
			put(sink, pfn);
	end(sink);
}

/* Calls one function for each zone that has a span, by node, then index. */
static void for_each_spanned_zone(const struct core_instance *t, struct sink *sink,
				  void (*what)(const struct core_instance *, const struct zone *,
					       struct sink *))
{
	for (unsigned int node = 0; node < t->machine->nr_nodes; node++)
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
			if (mm_zone(t->machine, node, type)->spanned_pages)
				what(t, mm_zone(t->machine, node, type), sink);
}

static void zone_words(const struct core_instance *t, const struct zone *zone, struct sink *sink)
{
	(void)t;
	export_zone(zone, sink);
}

static void zone_lists(const struct core_instance *t, const struct zone *zone, struct sink *sink)
{
	for (unsigned int order = 0; order <= t->machine->top_order; order++)
		if (zone->free_area[order].nr_free)
			for (unsigned int type = 0; type < MIGRATE_TYPES; type++)
				export_free_list(t, zone, order, type, sink);
}

static void zone_page_sets(const struct core_instance *t, const struct zone *zone,
			   struct sink *sink)
{
	for (unsigned int cpu = 0; populated_zone(zone) && cpu < t->machine->nr_cpus; cpu++)
		export_pcp(t, zone, cpu, sink);
}

static void zone_stat(const struct core_instance *t, const struct zone *zone, struct sink *sink)
{
	if (populated_zone(zone))
		export_zone_stat(t->machine, zone, sink);
}

size_t core_state_export(struct core_instance *t, uint64_t *words, size_t capacity)
{
	struct sink sink = { .words = words, .capacity = capacity };

	export_header(t, &sink);
	for (unsigned int node = 0; node < t->machine->nr_nodes; node++)
		export_node(&t->machine->nodes[node], &sink);
	for_each_spanned_zone(t, &sink, zone_words);
	for_each_spanned_zone(t, &sink, zone_lists);
	for_each_spanned_zone(t, &sink, zone_page_sets);
	export_pageblocks(t->machine, &sink);
	export_bad_pages(t, &sink);
	export_leaked(t, &sink);
	export_counters(t->machine, &sink);
	for_each_spanned_zone(t, &sink, zone_stat);
	export_tasks(t->machine, &sink);
	export_random(t->machine, &sink);
	export_guards(t->machine, &sink);
	export_deferred(t->machine, &sink);
	export_contents(t->machine, &sink);
	export_frag_caches(t->machine, &sink);
	export_frag_blocks(t, &sink);
	export_destructors(t, &sink);
	begin(&sink, LB_STATE_END);
	end(&sink);
	return sink.used;
}
