/* Bulk and exact allocations of the core, as calls. */
#include <string.h>

#include "target/core_exec.h"

/* A page that fills an entry of the array from before: only that it is there matters. */
static struct page somebodys_page;

static void note_array(struct core_instance *t, struct page *const *array, unsigned int entries)
{
	for (unsigned int i = 0; i < entries; i++)
		if (array[i] && array[i] != &somebodys_page)
			t->results[i] = page_to_pfn(array[i]);
}

static unsigned long bulk_into_array(struct core_instance *t, const struct lb_call *call, int nid,
				     const nodemask_t *mask)
{
	struct page *array[PROGRAM_MAX_COUNT] = { NULL };
	unsigned long reached;

	for (unsigned int i = 0; i < call->count; i++)
		if (call->value >> i & 1)
			array[i] = &somebodys_page;
	reached = __alloc_pages_bulk(call->gfp, nid, mask, call->count, NULL, array);
	note_array(t, array, call->count);
	return reached;
}

/* The list has the newest page first. */
static unsigned long bulk_onto_list(struct core_instance *t, const struct lb_call *call, int nid,
				    const nodemask_t *mask)
{
	struct list_head list;
	unsigned long pages, i = 0;

	list_init(&list);
	pages = __alloc_pages_bulk(call->gfp, nid, mask, call->count, &list, NULL);
	while (!list_empty(&list)) {
		struct page *page = lru_to_page(list.prev);

		list_del(&page->lru);
		t->results[i++] = page_to_pfn(page);
	}
	assert(i == pages);
	return pages;
}

/* The single try may end in ways that are not just "no page". */
static bool ended_badly(enum mm_failure failure)
{
	return failure == MM_FAIL_TYPE || failure == MM_FAIL_LOOP || failure == MM_FAIL_OOM;
}

void exec_bulk(struct core_instance *t, const struct lb_call *call, struct lb_result *r)
{
	const nodemask_t mask = { call->nodemask };
	const nodemask_t *nodes = call->nodemask ? &mask : NULL;
	int nid = call->node == NODE_NONE ? (int)t->machine->cpu_node[call->cpu] : call->node;

	if (!t->machine->config.profile->has_bulk) {
		refuse(r, LB_NO_PROFILE);
		return;
	}
	memset(t->results, 0xff, sizeof(t->results));
	unsigned long count = call->op == OP_ALLOC_PAGES_BULK ? bulk_into_array(t, call, nid, nodes)
							      : bulk_onto_list(t, call, nid, nodes);

	if (ended_badly(mm_current->failure)) {
		give(r, NULL);
		return;
	}
	r->outcome = LB_DONE;
	r->count = (uint32_t)count;
}

void exec_exact(struct core_instance *t, const struct lb_call *call, struct lb_result *r)
{
	const void *address = alloc_pages_exact(call->count, call->gfp);

	(void)t;
	give(r, address ? virt_to_page(address) : NULL);
}
