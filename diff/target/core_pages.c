/* Fragments, states of single pages and writes to free ones of the core, as calls. */
#include "lostbuddy/page_frag.h"
#include "target/core_exec.h"

/* Flags are planted by hand, and remembered for the export. */
void exec_page_flag(struct core_instance *t, const struct lb_call *call, struct lb_result *r)
{
	_Static_assert((int)PROGRAM_PAGE_FLAGS == (int)NR_PAGEFLAGS &&
			       (int)PROGRAM_FLAG_HEAD == (int)PG_HEAD,
		       "flags are numbered alike");
	struct page *page = pfn_to_page(call->pfn + call->page);
	unsigned int flag = call->value / 2 % NR_PAGEFLAGS;

	if (t->machine->checks == MM_CHECKS_OFF || flag == PG_HEAD)
		refuse(r, LB_NOT_ALLOWED);
	else if (!core_state_mark(t, call->pfn + call->page))
		refuse(r, LB_BAD_RANGE);
	else if (call->value & 1)
		page->flags |= PAGE_FLAG(flag);
	else
		page->flags &= ~PAGE_FLAG(flag);
}

void exec_prep_transhuge(struct core_instance *t, struct page *page, struct lb_result *r)
{
	if (!PageHead(page) || compound_order(page) < 2) {
		refuse(r, LB_NOT_ALLOWED);
		return;
	}
	prep_transhuge_page(page);
	t->any_transhuge = true;
}

/* What is unmapped cannot be written to; what is not free is somebody's. */
void exec_write_freed(struct core_instance *t, const struct lb_call *call, struct lb_result *r)
{
	if (t->machine->config.debug_pagealloc)
		refuse(r, LB_NOT_FRAME);
	else if (!write_free_page(pfn_to_page(call->pfn + call->page), (uint8_t)call->value))
		refuse(r, LB_BUSY);
}

static void give_fragment(struct lb_result *r, void *address)
{
	if (!address) {
		give(r, NULL);
		return;
	}
	give(r, virt_to_page(address));
	r->offset = (uint32_t)((const char *)address -
			       (const char *)page_address(virt_to_page(address)));
}

static void free_fragment(const struct lb_call *call, struct lb_result *r)
{
	struct page *page = pfn_valid(call->pfn) ? pfn_to_page(call->pfn) : NULL;

	if (!page)
		refuse(r, LB_NOT_FRAME);
	else if (page_count(compound_head(page)) <= 0)
		refuse(r, LB_NOT_HELD);
	else
		page_frag_free((char *)page_address(page) + call->offset);
}

void exec_fragment(const struct lb_call *call, struct lb_result *r)
{
	switch (call->op) {
	case OP_PAGE_FRAG_ALLOC:
		if (call->value < 1 || call->value > PROGRAM_MAX_FRAGMENT)
			refuse(r, LB_BAD_RANGE);
		else
			give_fragment(r, page_frag_alloc(this_cpu_frag_cache(), call->value,
							 call->gfp));
		break;
	case OP_PAGE_FRAG_FREE:
		free_fragment(call, r);
		break;
	default:
		assert(call->op == OP_PAGE_FRAG_DRAIN);
		page_frag_cache_drain(this_cpu_frag_cache());
	}
}
