/* Booting the machines of the benchmark; see machines.h. */
#include "bench/machines.h"

#include "lostbuddy/vmstat.h"

enum {
	DMA_END = 16 * PAGES_PER_MIB,
	DMA32_END = 256 * PAGES_PER_MIB,
	SECTION_PAGES = 128 * PAGES_PER_MIB,
};

static void config_common(struct mm_config *c, unsigned int nr_cpus)
{
	c->profile = &mm_profile_linux_6_1;
	c->checks = MM_CHECKS_LINUX;
	c->locks = MM_LOCKS_NOTHING;
	c->nr_nodes = 1;
	c->nr_cpus = nr_cpus;
	c->min_free_kbytes = MM_BY_FORMULA;
	c->pcp_high = MM_BY_FORMULA;
	c->pcp_batch = MM_BY_FORMULA;
	c->watermark_scale_factor = 10;
	c->watermark_boost_factor = 15000;
	c->lowmem_reserve_ratio[ZONE_DMA] = 256;
	c->lowmem_reserve_ratio[ZONE_DMA32] = 256;
	c->lowmem_reserve_ratio[ZONE_NORMAL] = 32;
	c->distance[0][0] = 10;
	c->nr_memory = 1;
}

struct mm_machine *boot_real(const struct bench_machine *size, char *why)
{
	struct mm_config c = { 0 };

	config_common(&c, 4);
	c.checks = size->checks;
	c.thp = size->thp;
	c.deferred = size->deferred;
	c.top_order = 10;
	c.pageblock_order = 9;
	c.max_pfn = size->mib * PAGES_PER_MIB;
	/* the zones of small machines are smaller, so that all have a Normal zone */
	c.dma_end = DMA_END;
	c.dma32_end = c.max_pfn > 2 * (pfn_t)DMA32_END ? DMA32_END : c.max_pfn / 2;
	c.section_pages = SECTION_PAGES;
	c.percpu_unit_pages = 64;
	c.memory[0] = (struct mm_range){ .start = 1, .end = c.max_pfn };
	return mm_machine_create(&c, why);
}

struct mm_machine *boot_fuzz_size(char *why)
{
	struct mm_config c = { 0 };

	config_common(&c, 4);
	c.top_order = 6;
	c.pageblock_order = 4;
	c.max_pfn = 2048;
	c.dma_end = 256;
	c.dma32_end = 1024;
	c.section_pages = 64;
	c.percpu_unit_pages = 1;
	c.memory[0] = (struct mm_range){ .start = 1, .end = c.max_pfn };
	return mm_machine_create(&c, why);
}
