/*
 * Random fuzz-size machines: worlds with many borders.
 *
 * Every aspect is drawn on its own, plain more often than odd, and machine_fold() makes the whole
 * possible. Sizes are such that boot leaves room: odd machines are small and full of borders, not
 * starved.
 */
#include "program/internal.h"

static uint64_t round_to(uint64_t value, uint64_t unit)
{
	return value / unit * unit;
}

static void draw_sizes(struct machine *m, struct random *r)
{
	uint32_t kind = random_below(r, 10);

	m->nr_nodes = random_percent(r, 45) ? 1 : random_between(r, 2, WIRE_NODES);
	m->nr_cpus = random_between(r, 1, WIRE_CPUS);
	if (kind < 7)
		m->max_pfn = random_between(r, 256, 1024);
	else if (kind < 9)
		m->max_pfn = random_between(r, 1024, MACHINE_FUZZ_PAGES);
	else
		m->max_pfn = random_between(r, 64, 256);
	m->pageblock_order = random_percent(r, 60) ? 4 : random_between(r, 4, 7);
	m->top_order = random_between(r, m->pageblock_order, m->pageblock_order + 3);
	if (random_percent(r, 5)) {
		m->top_order = random_between(r, 4, 10);
		m->pageblock_order = random_between(r, 4, m->top_order);
	}
	m->section_pages = machine_default_section(m);
	if (random_percent(r, 20))
		m->section_pages = UINT64_C(1) << (m->top_order + random_below(r, 2));
}

/* One or two of several nodes are not there. */
static void draw_absent(struct machine *m, struct random *r)
{
	if (m->nr_nodes < 3 || !random_percent(r, 10))
		return;
	m->absent_nodes = 1u << random_below(r, m->nr_nodes);
	if (random_percent(r, 20))
		m->absent_nodes |= 1u << random_below(r, m->nr_nodes);
}

/* Each switch alone now and then, several seldom. */
static void draw_switches(struct machine *m, struct random *r)
{
	uint32_t kind = random_below(r, 100) / 6, seed = (uint32_t)random_next(r) | 1;
	uint32_t several = kind == 5 ? random_below(r, 32) : 0;

	m->shuffle = kind == 0 || several & 1 ? seed : 0;
	m->debug_pagealloc = kind == 1 || several & 2;
	m->init_on_alloc = kind == 2 || several & 4;
	m->init_on_free = kind == 3 || several & 8;
	m->page_poison = kind == 4 || several & 16;
	if (m->debug_pagealloc && random_percent(r, 60))
		m->guard_order = random_between(r, 1, machine_highest_guard(m));
	if (random_percent(r, 10)) {
		m->deferred = 1;
		m->section_pages = UINT64_C(1) << m->top_order;
	}
}

static void add_memory(struct machine *m, uint64_t start, uint64_t end, uint32_t node)
{
	if (m->nr_memory < WIRE_RANGES && start < end)
		m->memory[m->nr_memory++] =
			(struct machine_range){ .start = start, .end = end, .node = node };
}

/* A node's share, whole or in two pieces with a hole between them. */
static void add_share(struct machine *m, struct random *r, uint64_t start, uint64_t end,
		      uint32_t node)
{
	uint64_t unit = random_percent(r, 90) ? UINT64_C(1) << m->pageblock_order : 1;
	uint64_t third = (end - start) / 3;

	if (third == 0 || !random_percent(r, 25)) {
		add_memory(m, start, end, node);
		return;
	}
	uint64_t hole = round_to(start + third + random_below(r, (uint32_t)third + 1), unit);
	uint64_t size = random_between(r, 1, (uint32_t)(third / 2 + 1));
	uint64_t after = round_to(hole + size + unit - 1, unit);

	if (hole <= start || after >= end) {
		add_memory(m, start, end, node);
		return;
	}
	add_memory(m, start, hole, node);
	add_memory(m, after, end, node);
}

static void draw_memory(struct machine *m, struct random *r)
{
	uint64_t unit = random_percent(r, 90) ? UINT64_C(1) << m->pageblock_order : 1;
	uint64_t pages = m->max_pfn, start = 1;
	uint32_t shares = m->nr_nodes, without = m->nr_nodes;

	if (m->nr_nodes > 1 && random_percent(r, 8))
		without = random_below(r, m->nr_nodes);
	if (m->nr_nodes > 1 && random_percent(r, 10))
		shares++; /* a node comes twice, with another one between its parts */
	memset(m->memory, 0, sizeof(m->memory));
	m->nr_memory = 0;
	for (uint32_t i = 0; i < shares; i++) {
		uint64_t even = pages * (i + 1) / shares;
		uint64_t jitter = random_below(r, (uint32_t)(pages / shares / 2) + 1);
		uint64_t end = i + 1 == shares ? pages : round_to(even - jitter, unit);

		uint32_t node = i % m->nr_nodes;

		if (end > start && node != without && machine_node_is_there(m, node))
			add_share(m, r, start, end, node);
		start = end > start ? end : start;
	}
}

static void draw_reserved(struct machine *m, struct random *r)
{
	uint32_t nr = random_percent(r, 30) ? random_between(r, 1, 3) : 0;

	for (uint32_t i = 0; i < nr; i++) {
		uint32_t size = random_between(r, 1, (uint32_t)(m->max_pfn / 32));
		uint32_t start = random_below(r, (uint32_t)m->max_pfn);

		m->reserved[m->nr_reserved++] =
			(struct machine_range){ .start = start, .end = start + size };
	}
}

static void draw_borders(struct machine *m, struct random *r)
{
	uint64_t block = UINT64_C(1) << m->top_order;
	uint32_t kind = random_below(r, 10), pages = (uint32_t)m->max_pfn;

	machine_default_borders(m);
	if (kind < 2)
		m->dma_end = m->dma32_end = 0;
	else if (kind < 3)
		m->dma_end = m->dma32_end = round_to(pages + block - 1, block);
	else if (kind < 4)
		m->dma32_end = round_to(pages + block - 1, block);
	else if (kind < 7) {
		m->dma_end = round_to(random_below(r, pages / 2 + 1), block);
		m->dma32_end = m->dma_end + round_to(random_below(r, pages / 2 + 1), block);
	} else if (kind < 8) {
		m->dma_end = 0;
	}
}

static void draw_nodes(struct machine *m, struct random *r)
{
	uint32_t kind = random_below(r, 10);

	machine_default_nodes(m);
	for (uint32_t a = 0; kind < 4 && a < m->nr_nodes; a++)
		for (uint32_t b = 0; b < a; b++) {
			m->distance[a][b] = (uint8_t)random_between(r, 11, 40);
			m->distance[b][a] = m->distance[a][b];
			if (kind < 2)
				m->distance[b][a] = (uint8_t)random_between(r, 11, 40);
		}
	if (!random_percent(r, 25))
		return;
	for (uint32_t cpu = 0; cpu < m->nr_cpus; cpu++)
		m->cpu_node[cpu] = (uint8_t)random_below(r, m->nr_nodes);
}

static void draw_movable(struct machine *m, struct random *r)
{
	uint64_t block = UINT64_C(1) << m->top_order, base = machine_movable_base(m);

	if (!random_percent(r, 25))
		return;
	for (uint32_t n = 0; n < m->nr_nodes; n++) {
		if (!random_percent(r, 70))
			continue;
		uint32_t room = (uint32_t)(m->max_pfn > base ? m->max_pfn - base : 0);

		m->movable_start[n] = round_to(base + random_below(r, room + 1), block);
	}
}

static void draw_tunables(struct machine *m, struct random *r)
{
	uint32_t pages = (uint32_t)m->max_pfn, kind = random_below(r, 10);

	if (kind < 4)
		m->min_free_kbytes = 0;
	else if (kind < 7 || pages < 256)
		m->min_free_kbytes =
			random_below(r, pages / 4 + 1); /* up to a sixteenth of the pages */
	if (random_percent(r, 50)) {
		m->pcp_batch = random_between(r, 1, 8);
		m->pcp_high = random_below(r, 25);
	}
	if (random_percent(r, 15))
		m->watermark_scale_factor = random_between(r, 1, 500);
	if (random_percent(r, 25))
		m->watermark_boost_factor = random_percent(r, 50) ? 0 : random_below(r, 40001);
	if (random_percent(r, 15))
		for (uint32_t i = 0; i < 3; i++)
			m->lowmem_reserve_ratio[i] =
				random_percent(r, 30) ? 0 : random_between(r, 4, 512);
	if (random_percent(r, 40))
		m->percpu_unit_pages = random_between(r, 1, 3);
	m->thp = random_percent(r, 35);
	if (random_percent(r, 20))
		m->checks = random_percent(r, 75) ? CHECKS_DEBUG : CHECKS_OFF;
}

void machine_random(struct machine *m, struct random *r)
{
	struct text_error error;

	machine_default(m);
	m->profile = random_percent(r, 30) ? PROFILE_LINUX_5_10 : PROFILE_LINUX_6_1;
	draw_sizes(m, r);
	draw_absent(m, r);
	draw_memory(m, r);
	draw_reserved(m, r);
	draw_borders(m, r);
	draw_nodes(m, r);
	draw_movable(m, r);
	draw_tunables(m, r);
	draw_switches(m, r);
	machine_fold(m);
	assert(machine_check(m, &error));
	(void)error;
}
