#include "test/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mm_config shape_config(struct shape shape)
{
	struct mm_config c = {
		.profile = shape.profile ? shape.profile : &mm_profile_linux_6_1,
		.checks = shape.checks,
		.thp = shape.thp,
		.nr_nodes = shape.nodes ? shape.nodes : 1,
		.nr_cpus = shape.cpus ? shape.cpus : 1,
		.top_order = shape.top_order ? shape.top_order : 5,
		.pageblock_order = shape.pageblock_order ? shape.pageblock_order : 4,
		.max_pfn = shape.pages ? shape.pages : 64,
		.dma_end = shape.dma_end,
		.dma32_end = shape.dma32_end,
		.section_pages = 1024,
		.min_free_kbytes = shape.min_free_kbytes,
		.pcp_high = shape.high ? shape.high : MM_BY_FORMULA,
		.pcp_batch = shape.batch ? shape.batch : MM_BY_FORMULA,
		.watermark_scale_factor = 10,
		.watermark_boost_factor = 15000,
		.lowmem_reserve_ratio = { 256, 256, 32, 0 },
	};

	c.shuffle = shape.shuffle;
	c.guard_order = shape.guard_order;
	c.debug_pagealloc = shape.debug_pagealloc || shape.guard_order;
	c.init_on_alloc = shape.init_on_alloc;
	c.init_on_free = shape.init_on_free;
	c.page_poison = shape.page_poison;
	c.nr_memory = c.nr_nodes;
	for (unsigned int node = 0; node < c.nr_nodes; node++) {
		pfn_t share = c.max_pfn / c.nr_nodes;

		c.memory[node] = (struct mm_range){ node ? node * share : 1, (node + 1) * share,
						    (int)node, false, false };
		for (unsigned int to = 0; to < c.nr_nodes; to++)
			c.distance[node][to] = node == to ? 10 : 20;
	}
	for (unsigned int cpu = 0; cpu < c.nr_cpus; cpu++)
		c.cpu_node[cpu] = cpu * c.nr_nodes / c.nr_cpus;
	c.movable_start[c.nr_nodes - 1] = shape.movable_start;
	return c;
}

void world_open_config(struct world *w, const struct mm_config *config)
{
	char error[256] = "";

	memset(w, 0, sizeof(*w));
	w->config = *config;
	w->machine = mm_machine_create(config, error);
	if (!w->machine) {
		fprintf(stderr, "the world does not boot: %s\n", error);
		exit(1);
	}
	w->context.machine = w->machine;
	mm_current = &w->context;
}

void world_open(struct world *w, struct shape shape)
{
	struct mm_config config = shape_config(shape);

	world_open_config(w, &config);
}

void world_close(struct world *w)
{
	char why[256];

	if (!mm_machine_check(w->machine, why)) {
		fprintf(stderr, "the world is broken: %s\n", why);
		exit(1);
	}
	mm_machine_destroy(w->machine);
	mm_current = NULL;
}

void world_on(struct world *w, unsigned int cpu, enum mm_level level, unsigned int scope)
{
	w->context.cpu = cpu;
	w->context.level = level;
	w->context.scope = scope;
	w->context.warnings = 0;
	w->context.failure = MM_FAIL_NONE;
}

/* One of a few buffers, so that two texts may be looked at together. */
static char *text_buffer(void)
{
	static char buffers[4][4096];
	static unsigned int next;
	char *buffer = buffers[next++ % 4];

	buffer[0] = 0;
	return buffer;
}

static void append_block(char *text, const struct world *w, const struct page *page, int order)
{
	size_t length = strlen(text);

	snprintf(text + length, 4096 - length, order < 0 ? "%s%llu" : "%s%llu:%d",
		 length ? " " : "", (unsigned long long)(page - w->machine->memmap), order);
}

const char *world_free(const struct world *w, enum zone_type type)
{
	const struct zone *zone = mm_zone(w->machine, 0, type);
	char *text = text_buffer();

	for (pfn_t pfn = 0; pfn < w->machine->max_pfn; pfn++) {
		const struct page *page = &w->machine->memmap[pfn];

		if (PageBuddy(page) && page_zone_id(page) == zone->id)
			append_block(text, w, page, (int)buddy_order(page));
	}
	return text;
}

static const char *list_text(const struct world *w, const struct list_head *head)
{
	char *text = text_buffer();

	for (const struct list_head *at = head->next; at != head; at = at->next)
		append_block(text, w, lru_to_page(at), -1);
	return text;
}

const char *world_list(const struct world *w, enum zone_type type, unsigned int order,
		       enum migratetype migratetype)
{
	return list_text(w, &mm_zone(w->machine, 0, type)->free_area[order].free_list[migratetype]);
}

const char *world_pcp(const struct world *w, enum zone_type type, unsigned int cpu,
		      unsigned int list)
{
	return list_text(w, &mm_zone(w->machine, 0, type)->pageset[cpu].lists[list]);
}
