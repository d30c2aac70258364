/* Pageblocks and frames taken from under the core's allocator, as calls. */
#include "target/core_exec.h"

static bool frame_is_present(const struct mm_machine *m, uint64_t pfn)
{
	for (unsigned int i = 0; i < m->config.nr_memory; i++)
		if (pfn >= m->config.memory[i].start && pfn < m->config.memory[i].end)
			return true;
	return false;
}

/*
 * At or behind its node's first deferred frame it is not there yet, whether it is reserved or to
 * come.
 */
static bool frame_is_deferred(const struct mm_machine *m, uint64_t pfn)
{
	for (unsigned int i = 0; i < m->config.nr_memory; i++) {
		const struct mm_range *memory = &m->config.memory[i];

		if (pfn >= memory->start && pfn < memory->end)
			return pfn >= m->nodes[memory->node].first_deferred_pfn;
	}
	return false;
}

static bool range_is_whole(const struct mm_machine *m, uint64_t start, uint64_t end)
{
	for (uint64_t pfn = start; pfn < end; pfn++)
		if (!frame_is_present(m, pfn) || frame_is_deferred(m, pfn) ||
		    page_zone_id(&m->memmap[pfn]) != page_zone_id(&m->memmap[start]))
			return false;
	return true;
}

void exec_isolate(struct core_instance *t, const struct lb_call *call, struct lb_result *r)
{
	const struct mm_machine *m = t->machine;
	uint64_t size = UINT64_C(1) << m->top_order, ranges = (m->max_pfn + size - 1) / size;
	uint64_t start = call->value % ranges * size;

	if (!range_is_whole(m, start, start + size))
		refuse(r, LB_BAD_RANGE);
	else if (call->op == OP_ISOLATE && !isolate_range(start, start + size))
		refuse(r, LB_BUSY);
	else if (call->op == OP_UNISOLATE && !unisolate_range(start, start + size))
		refuse(r, LB_BUSY);
}

void exec_take_frame(struct core_instance *t, const struct lb_call *call, struct lb_result *r)
{
	if (!frame_is_present(t->machine, call->pfn))
		refuse(r, LB_NOT_FRAME);
	else if (!take_page_off_buddy(pfn_to_page(call->pfn)))
		refuse(r, LB_BUSY);
	else
		give(r, pfn_to_page(call->pfn));
}

void exec_put_frame(struct core_instance *t, const struct lb_call *call, struct page *page,
		    struct lb_result *r)
{
	if (!t->machine->config.profile->has_put_back)
		refuse(r, LB_NO_PROFILE);
	else if (call->block_order > 0 || page_count(page) > 1 || page->_mapcount != -1 ||
		 page->mapping || (page->flags & PAGE_FLAGS_ALL))
		refuse(r, LB_NOT_ALLOWED);
	else
		put_page_back_buddy(page);
}
