/*
 * The built-in target: lostbuddy's own core behind the target's table.
 *
 *   lb_call --guard (misuse the facts leave open is refused)--> core API --failure, warnings,
 *   events--> lb_result
 *
 * The core does what it is told, as Linux does; whatever would corrupt it is refused here, before
 * it is called. Frames that are lost for good are remembered here too: nothing in struct page tells
 * them from frames in use.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lostbuddy/gfp.h"
#include "lostbuddy/vmstat.h"
#include "target/builtin.h"
#include "target/core_exec.h"

enum { CORE_FEW_PAGES = 1 << 20 };

/* A pointer that no address_space has; bits 0 and 1 clear: neither anonymous nor movable. */
#define SOME_MAPPING ((void *)(uintptr_t)0x1000)

/* Which path an event shows, plus 1; 0: none. */
static const unsigned int path_of_event[MM_EVENT_COUNT] = {
	[MM_EVENT_SPLIT] = LB_PATH_SPLIT + 1,
	[MM_EVENT_MERGE] = LB_PATH_MERGE + 1,
	[MM_EVENT_STEAL_PAGE] = LB_PATH_STEAL_PAGE + 1,
	[MM_EVENT_STEAL_MOVE] = LB_PATH_STEAL_MOVE + 1,
	[MM_EVENT_STEAL_CLAIM] = LB_PATH_STEAL_CLAIM + 1,
	[MM_EVENT_STEAL_WHOLE] = LB_PATH_STEAL_WHOLE + 1,
	[MM_EVENT_BOOST] = LB_PATH_BOOST + 1,
	[MM_EVENT_PCP_REFILL] = LB_PATH_PCP_REFILL + 1,
	[MM_EVENT_PCP_TRIM] = LB_PATH_PCP_TRIM + 1,
	[MM_EVENT_PCP_DRAIN] = LB_PATH_PCP_DRAIN + 1,
	[MM_EVENT_SLOWPATH] = LB_PATH_SLOWPATH + 1,
	[MM_EVENT_KSWAPD_WAKE] = LB_PATH_KSWAPD_WAKE + 1,
	[MM_EVENT_OTHER_ZONE] = LB_PATH_OTHER_ZONE + 1,
	[MM_EVENT_OTHER_NODE] = LB_PATH_OTHER_NODE + 1,
	[MM_EVENT_RESERVES] = LB_PATH_RESERVES + 1,
	[MM_EVENT_HIGHATOMIC_RESERVE] = LB_PATH_HIGHATOMIC_RESERVE + 1,
	[MM_EVENT_HIGHATOMIC_TAKE] = LB_PATH_HIGHATOMIC_TAKE + 1,
	[MM_EVENT_HIGHATOMIC_UNRESERVE] = LB_PATH_HIGHATOMIC_UNRESERVE + 1,
	[MM_EVENT_NOFRAGMENT_RETRY] = LB_PATH_NOFRAGMENT_RETRY + 1,
	[MM_EVENT_PARTIAL_FREE] = LB_PATH_PARTIAL_FREE + 1,
	[MM_EVENT_BAD_PAGE] = LB_PATH_BAD_PAGE + 1,
	[MM_EVENT_BULK] = LB_PATH_BULK + 1,
	[MM_EVENT_BULK_SINGLE] = LB_PATH_BULK_SINGLE + 1,
	[MM_EVENT_ISOLATE] = LB_PATH_ISOLATE + 1,
	[MM_EVENT_UNISOLATE] = LB_PATH_UNISOLATE + 1,
	[MM_EVENT_UNISOLATE_MERGE] = LB_PATH_UNISOLATE_MERGE + 1,
	[MM_EVENT_INTERLEAVE] = LB_PATH_INTERLEAVE + 1,
	[MM_EVENT_BIND] = LB_PATH_BIND + 1,
	[MM_EVENT_PREFERRED_MANY] = LB_PATH_PREFERRED_MANY + 1,
	[MM_EVENT_CPUSET] = LB_PATH_CPUSET + 1,
	[MM_EVENT_STAT_FOLD] = LB_PATH_STAT_FOLD + 1,
	[MM_EVENT_DRIFT] = LB_PATH_DRIFT + 1,
	[MM_EVENT_REMOTE_DRAIN] = LB_PATH_REMOTE_DRAIN + 1,
	[MM_EVENT_SHUFFLE_TAIL] = LB_PATH_SHUFFLE_TAIL + 1,
	[MM_EVENT_GUARD] = LB_PATH_GUARD + 1,
	[MM_EVENT_GUARD_MERGE] = LB_PATH_GUARD_MERGE + 1,
	[MM_EVENT_POISON] = LB_PATH_POISON + 1,
	[MM_EVENT_FRAG_REFILL] = LB_PATH_FRAG_REFILL + 1,
	[MM_EVENT_FRAG_REUSE] = LB_PATH_FRAG_REUSE + 1,
	[MM_EVENT_HWPOISON] = LB_PATH_HWPOISON + 1,
	[MM_EVENT_DESTRUCTOR_COMPOUND] = LB_PATH_DESTRUCTOR_COMPOUND + 1,
	[MM_EVENT_DESTRUCTOR_THP] = LB_PATH_DESTRUCTOR_THP + 1,
	[MM_EVENT_DEFERRED_GROW] = LB_PATH_DEFERRED_GROW + 1,
	[MM_EVENT_DEFERRED_INIT] = LB_PATH_DEFERRED_INIT + 1,
};

/* What a failure of the core is called in a result. */
struct failure {
	enum lb_outcome outcome;
	enum lb_reason reason;
	enum lb_path path; /* LB_PATH_COUNT: none */
};

static const struct failure failures[] = {
	[MM_FAIL_NONE] = { LB_NULL, LB_REASON_NONE, LB_PATH_COUNT },
	[MM_FAIL_ORDER] = { LB_NULL, LB_NO_ORDER, LB_PATH_FAIL_ORDER },
	[MM_FAIL_INJECTED] = { LB_NULL, LB_NO_INJECTED, LB_PATH_FAIL_INJECTED },
	[MM_FAIL_ZONE] = { LB_NULL, LB_NO_ZONE, LB_PATH_FAIL_ZONE },
	[MM_FAIL_WATERMARK] = { LB_NULL, LB_NO_WATERMARK, LB_PATH_FAIL_WATERMARK },
	[MM_FAIL_BLOCK] = { LB_NULL, LB_NO_BLOCK, LB_PATH_FAIL_BLOCK },
	[MM_FAIL_TYPE] = { LB_REFUSED, LB_BAD_TYPE, LB_PATH_COUNT },
	[MM_FAIL_CONTEXT] = { LB_REFUSED, LB_BAD_CONTEXT, LB_PATH_COUNT },
	[MM_FAIL_LOOP] = { LB_LOOP, LB_REASON_NONE, LB_PATH_LOOP },
	[MM_FAIL_OOM] = { LB_OOM, LB_REASON_NONE, LB_PATH_OOM },
	[MM_FAIL_FRAGMENT] = { LB_NULL, LB_NO_MEMORY, LB_PATH_COUNT },
};

static void lose(struct core_instance *t, uint64_t pfn, uint64_t pages)
{
	memset(&t->leaked[pfn], 1, pages);
	t->nr_leaked += pages;
}

static void count_path(void *data, const struct mm_event *event)
{
	struct core_instance *t = data;

	if (path_of_event[event->kind])
		t->paths[path_of_event[event->kind] - 1]++;
	else if (event->kind == MM_EVENT_FAIL && failures[event->value].path != LB_PATH_COUNT)
		t->paths[failures[event->value].path]++;
	switch (event->kind) {
	case MM_EVENT_BAD_PAGE:
	case MM_EVENT_HWPOISON:
		lose(t, event->pfn, UINT64_C(1) << event->order);
		break;
	case MM_EVENT_FRAG_REFILL:
		t->holds_fragments[event->pfn] = 1;
		t->nr_frag_blocks++;
		break;
	case MM_EVENT_FREE:
		if (t->nr_frag_blocks && t->holds_fragments[event->pfn]) {
			t->holds_fragments[event->pfn] = 0;
			t->nr_frag_blocks--;
		}
		break;
	default:
		break;
	}
}

static void copy_ranges(struct mm_range *to, const struct machine_range *from, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		to[i] = (struct mm_range){ from[i].start, from[i].end, (int)from[i].node,
					   from[i].hotplug != 0, from[i].mirror != 0 };
}

static void copy_shares(struct mm_config *c, const struct machine *m)
{
	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int zone = 0; zone < MAX_NR_ZONES; zone++) {
			c->managed_pages[node][zone] = m->managed[node][zone];
			c->late_pages[node][zone] = m->late[node][zone];
		}
}

static const struct mm_profile *const profiles[PROFILE_COUNT] = {
	[PROFILE_LINUX_6_1] = &mm_profile_linux_6_1,
	[PROFILE_LINUX_5_10] = &mm_profile_linux_5_10,
};

static void translate_machine(struct mm_config *c, const struct machine *m)
{
	_Static_assert((int)CHECKS_OFF == (int)MM_CHECKS_OFF &&
			       (int)CHECKS_DEBUG == (int)MM_CHECKS_DEBUG,
		       "checks are numbered alike");
	memset(c, 0, sizeof(*c));
	c->profile = profiles[m->profile];
	c->checks = (enum mm_checks)m->checks;
	c->thp = m->thp;
	c->pc = m->pc;
	c->nr_nodes = m->nr_nodes;
	c->nr_cpus = m->nr_cpus;
	c->top_order = m->top_order;
	c->pageblock_order = m->pageblock_order;
	c->max_pfn = m->max_pfn;
	c->dma_end = m->dma_end;
	c->dma32_end = m->dma32_end;
	c->section_pages = m->section_pages;
	c->percpu_unit_pages = m->percpu_unit_pages;
	c->min_free_kbytes = m->min_free_kbytes;
	c->pcp_high = m->pcp_high;
	c->pcp_batch = m->pcp_batch;
	c->watermark_scale_factor = m->watermark_scale_factor;
	c->watermark_boost_factor = m->watermark_boost_factor;
	for (unsigned int zone = 0; zone < MAX_NR_ZONES; zone++)
		c->lowmem_reserve_ratio[zone] = m->lowmem_reserve_ratio[zone];
	for (unsigned int cpu = 0; cpu < m->nr_cpus; cpu++)
		c->cpu_node[cpu] = m->cpu_node[cpu];
	for (unsigned int node = 0; node < m->nr_nodes; node++) {
		c->movable_start[node] = m->movable_start[node];
		for (unsigned int to = 0; to < m->nr_nodes; to++)
			c->distance[node][to] = m->distance[node][to];
	}
	c->kernelcore_pages = m->kernelcore_pages;
	c->kernelcore_percent = m->kernelcore_percent;
	c->movablecore_pages = m->movablecore_pages;
	c->movablecore_percent = m->movablecore_percent;
	c->movable_node = m->movable_node;
	c->kernelcore_mirror = m->kernelcore_mirror;
	c->absent_nodes = m->absent_nodes;
	c->shuffle = m->shuffle;
	c->debug_pagealloc = m->debug_pagealloc;
	c->guard_order = m->guard_order;
	c->init_on_alloc = m->init_on_alloc;
	c->init_on_free = m->init_on_free;
	c->page_poison = m->page_poison;
	c->deferred = m->deferred;
	c->flat = m->flat;
	copy_shares(c, m);
	c->nr_memory = m->nr_memory;
	c->nr_reserved = m->nr_reserved;
	copy_ranges(c->memory, m->memory, m->nr_memory);
	copy_ranges(c->reserved, m->reserved, m->nr_reserved);
}

static void core_destroy(void *instance)
{
	struct core_instance *t = instance;

	if (t->machine)
		mm_machine_destroy(t->machine);
	free(t->reserved);
	free(t->leaked);
	free(t->holds_fragments);
	free(t);
}

static void *core_create(const struct machine *machine, char *error)
{
	struct core_instance *t = calloc(1, sizeof(*t));
	struct mm_config config;

	if (!t) {
		snprintf(error, 256, "no memory on the host for a target");
		return NULL;
	}
	translate_machine(&config, machine);
	t->leaked = calloc(machine->max_pfn, 1);
	t->holds_fragments = calloc(machine->max_pfn, 1);
	t->machine = t->leaked && t->holds_fragments ? mm_machine_create(&config, error) : NULL;
	if (!t->machine || !core_state_init(t)) {
		core_destroy(t);
		return NULL;
	}
	t->context.machine = t->machine;
	mm_listen(t->machine, count_path, t);
	return t;
}

/* Of a large machine the host's pages that were not written to stay untouched. */
static bool forget_leaked(struct core_instance *t)
{
	if (t->machine->max_pfn <= CORE_FEW_PAGES) {
		memset(t->leaked, 0, t->machine->max_pfn);
	} else {
		free(t->leaked);
		t->leaked = calloc(t->machine->max_pfn, 1);
	}
	t->nr_leaked = 0;
	return t->leaked != NULL;
}

static bool core_reset(void *instance)
{
	struct core_instance *t = instance;

	mm_machine_reset(t->machine);
	memset(t->paths, 0, sizeof(t->paths));
	if (t->nr_frag_blocks)
		memset(t->holds_fragments, 0, t->machine->max_pfn);
	t->nr_marked = 0;
	t->nr_frag_blocks = 0;
	t->any_transhuge = false;
	return !t->nr_leaked || forget_leaked(t);
}

void refuse(struct lb_result *r, enum lb_reason reason)
{
	r->outcome = LB_REFUSED;
	r->reason = (uint8_t)reason;
}

void give(struct lb_result *r, const struct page *page)
{
	if (!page) {
		r->outcome = (uint8_t)failures[mm_current->failure].outcome;
		r->reason = (uint8_t)failures[mm_current->failure].reason;
		return;
	}
	r->outcome = LB_BLOCK;
	r->pfn = page_to_pfn(page);
}

static const struct page *address_page(unsigned long address)
{
	return address ? virt_to_page((const void *)address) : NULL;
}

static void exec_alloc(struct core_instance *t, const struct lb_call *call, struct lb_result *r)
{
	const nodemask_t mask = { call->nodemask };

	switch (call->op) {
	case OP_ALLOC_PAGES:
		if (call->nodemask)
			give(r, __alloc_pages(call->gfp, call->order,
					      call->node == NODE_NONE
						      ? (int)t->machine->cpu_node[call->cpu]
						      : call->node,
					      &mask));
		else
			give(r, alloc_pages_node(call->node, call->gfp, call->order));
		break;
	case OP_ALLOC_PAGE:
		give(r, alloc_page(call->gfp));
		break;
	case OP_ALLOC_PAGES_POLICY:
		give(r, alloc_pages(call->gfp, call->order));
		break;
	case OP_GET_FREE_PAGES:
		give(r, address_page(__get_free_pages(call->gfp, call->order)));
		break;
	case OP_GET_FREE_PAGE:
		give(r, address_page(__get_free_page(call->gfp)));
		break;
	default:
		assert(call->op == OP_GET_ZEROED_PAGE);
		give(r, address_page(get_zeroed_page(call->gfp)));
	}
}

/* The first page of a block that is held; NULL, and refused, for anything else. */
static struct page *held_block(const struct lb_call *call, struct lb_result *r)
{
	if (!pfn_valid(call->pfn)) {
		refuse(r, LB_NOT_FRAME);
		return NULL;
	}
	struct page *page = pfn_to_page(call->pfn);

	if (PageTail(page)) {
		refuse(r, LB_NOT_HEAD);
		return NULL;
	}
	if (page_count(page) <= 0) {
		refuse(r, LB_NOT_HELD);
		return NULL;
	}
	return page;
}

static void exec_wrong_order(struct core_instance *t, const struct lb_call *call, struct page *page,
			     struct lb_result *r)
{
	uint64_t freed = UINT64_C(1) << call->order, held = UINT64_C(1) << call->block_order;

	if (call->order >= call->block_order) {
		refuse(r, LB_BAD_ORDER);
	} else if (PageHead(page) || page_count(page) != 1) {
		refuse(r, LB_NOT_ALLOWED);
	} else {
		__free_pages(page, call->order);
		lose(t, call->pfn + freed, held - freed);
	}
}

static bool only_single_or_compound(const struct lb_call *call, const struct page *page)
{
	return page_count(page) > 1 || call->block_order == 0 || PageHead(page);
}

/* Operations on a block that the program holds. */
static void exec_on_block(struct core_instance *t, const struct lb_call *call, struct lb_result *r)
{
	struct page *page = held_block(call, r);

	if (!page)
		return;
	switch (call->op) {
	case OP_FREE_PAGES_STRUCT:
		__free_pages(page, call->block_order);
		break;
	case OP_FREE_PAGES:
		free_pages((unsigned long)page_address(page), call->block_order);
		break;
	case OP_GET_PAGE:
		if (page_count(page) >= PROGRAM_MAX_REFERENCES)
			refuse(r, LB_NOT_ALLOWED);
		else
			get_page(page);
		break;
	case OP_PUT_PAGE:
		if (only_single_or_compound(call, page))
			put_page(page);
		else
			refuse(r, LB_NOT_ALLOWED);
		break;
	case OP_SPLIT_PAGE:
		if (call->block_order == 0 || PageHead(page) || page_count(page) != 1) {
			refuse(r, LB_NOT_ALLOWED);
			break;
		}
		split_page(page, call->block_order);
		r->pfn = call->pfn;
		break;
	case OP_PUT_FRAME:
		exec_put_frame(t, call, page, r);
		break;
	case OP_PREP_TRANSHUGE:
		exec_prep_transhuge(t, page, r);
		break;
	default:
		assert(call->op == OP_FREE_WRONG_ORDER);
		exec_wrong_order(t, call, page, r);
	}
}

static void exec_translate(const struct lb_call *call, struct lb_result *r)
{
	const struct page *page = pfn_to_page(call->pfn + call->page);

	if (page_to_pfn(page) != call->pfn + call->page || virt_to_page(page_address(page)) != page)
		refuse(r, LB_NOT_FRAME);
}

/* Bad states are planted by hand, and remembered for the export. */
static void exec_mark(struct core_instance *t, const struct lb_call *call, struct lb_result *r)
{
	struct page *page = pfn_to_page(call->pfn + call->page);

	if (t->machine->checks == MM_CHECKS_OFF || (call->op == OP_SET_MAPPING && PageTail(page)))
		refuse(r, LB_NOT_ALLOWED);
	else if (!core_state_mark(t, call->pfn + call->page))
		refuse(r, LB_BAD_RANGE);
	else if (call->op == OP_SET_MAPCOUNT)
		page->_mapcount = call->value & 1 ? 0 : -1;
	else
		page->mapping = call->value & 1 ? SOME_MAPPING : NULL;
}

static void exec_machine(struct core_instance *t, const struct lb_call *call, struct lb_result *r)
{
	_Static_assert((int)SYSCTL_COUNT == (int)MM_SYSCTL_COUNT, "tunables are numbered alike");
	switch (call->op) {
	case OP_DRAIN_LOCAL_PAGES:
		drain_local_pages();
		break;
	case OP_DRAIN_ALL_PAGES:
		drain_all_pages();
		break;
	case OP_VMSTAT_UPDATE:
		vmstat_update();
		break;
	case OP_SYSCTL:
		if (!mm_sysctl_write(t->machine, (enum mm_sysctl)call->name, call->value))
			refuse(r, LB_BAD_RANGE);
		break;
	case OP_RUN_KSWAPD:
		if (call->node == NODE_NONE)
			refuse(r, LB_BAD_RANGE);
		else
			mm_run_kswapd(t->machine, (unsigned int)call->node);
		break;
	case OP_DEFERRED_INIT:
		if (call->node == NODE_NONE)
			refuse(r, LB_BAD_RANGE);
		else
			mm_deferred_init(t->machine, (unsigned int)call->node);
		break;
	default:
		assert(call->op == OP_ADVANCE);
		mm_advance(t->machine, call->value);
	}
}

/*
 * What is refused whatever the state: schedule decisions, since the core's locks have no scheduler
 * mode yet; frees of what nobody holds, or of what is no block's first page. Linux would corrupt
 * itself, or take a page from its new owner: by then nothing in struct page says whose it was.
 */
static void exec_misuse(const struct lb_call *call, struct lb_result *r)
{
	if (call->op == OP_SCHED_SWITCH || call->op == OP_SCHED_INTERRUPT)
		refuse(r, LB_BAD_CONTEXT);
	else if (call->op == OP_FREE_PFN)
		refuse(r, LB_NOT_FRAME);
	else if (call->op == OP_DOUBLE_FREE)
		refuse(r, LB_NOT_HELD);
	else
		refuse(r, call->page ? LB_NOT_HEAD : LB_NOT_ALLOWED);
}

/* States of pages, pieces of them, misuse, and the machine itself. */
static void dispatch_rare(struct core_instance *t, const struct lb_call *call, struct lb_result *r)
{
	switch (call->op) {
	case OP_SET_MAPCOUNT:
	case OP_SET_MAPPING:
		exec_mark(t, call, r);
		break;
	case OP_SET_PAGE_FLAG:
		exec_page_flag(t, call, r);
		break;
	case OP_WRITE_FREED:
		exec_write_freed(t, call, r);
		break;
	case OP_PAGE_FRAG_ALLOC:
	case OP_PAGE_FRAG_FREE:
	case OP_PAGE_FRAG_DRAIN:
		exec_fragment(call, r);
		break;
	case OP_FREE_TAIL:
	case OP_DOUBLE_FREE:
	case OP_FREE_PFN:
	case OP_SCHED_SWITCH:
	case OP_SCHED_INTERRUPT:
		exec_misuse(call, r);
		break;
	default:
		exec_machine(t, call, r);
	}
}

static void dispatch(struct core_instance *t, const struct lb_call *call, struct lb_result *r)
{
	switch (call->op) {
	case OP_ALLOC_PAGES:
	case OP_ALLOC_PAGE:
	case OP_GET_FREE_PAGES:
	case OP_GET_FREE_PAGE:
	case OP_GET_ZEROED_PAGE:
	case OP_ALLOC_PAGES_POLICY:
		exec_alloc(t, call, r);
		break;
	case OP_FREE_PAGES_STRUCT:
	case OP_FREE_PAGES:
	case OP_GET_PAGE:
	case OP_PUT_PAGE:
	case OP_SPLIT_PAGE:
	case OP_FREE_WRONG_ORDER:
	case OP_PUT_FRAME:
	case OP_PREP_TRANSHUGE:
		exec_on_block(t, call, r);
		break;
	case OP_TRANSLATE:
		exec_translate(call, r);
		break;
	case OP_ALLOC_PAGES_BULK:
	case OP_ALLOC_PAGES_BULK_LIST:
		exec_bulk(t, call, r);
		break;
	case OP_ALLOC_PAGES_EXACT:
		exec_exact(t, call, r);
		break;
	case OP_ISOLATE:
	case OP_UNISOLATE:
		exec_isolate(t, call, r);
		break;
	case OP_TAKE_FRAME:
		exec_take_frame(t, call, r);
		break;
	case OP_SET_MEMPOLICY:
	case OP_SET_MEMS_ALLOWED:
	case OP_SET_GFP_ALLOWED_MASK:
		exec_policy(t, call, r);
		break;
	default:
		dispatch_rare(t, call, r);
	}
}

static bool allowed_in_nmi(unsigned int op)
{
	return op == OP_TRANSLATE || op == OP_ADVANCE;
}

/* A request that names a node which is possible, but not there. */
static bool names_absent_node(const struct core_instance *t, const struct lb_call *call)
{
	switch (call->op) {
	case OP_ALLOC_PAGES:
	case OP_ALLOC_PAGES_BULK:
	case OP_ALLOC_PAGES_BULK_LIST:
	case OP_RUN_KSWAPD:
	case OP_DEFERRED_INIT:
		return call->node != NODE_NONE &&
		       !mm_node_online(t->machine, (unsigned int)call->node);
	default:
		return false;
	}
}

static void core_exec(void *instance, const struct lb_call *call, struct lb_result *r)
{
	struct core_instance *t = instance;
	uint64_t leaked = t->nr_leaked;

	memset(r, 0, sizeof(*r));
	mm_current = &t->context;
	t->context.cpu = call->cpu;
	t->context.level = (enum mm_level)call->level;
	t->context.scope = call->scope;
	t->context.fail_nth = call->fail_nth;
	t->context.failure = MM_FAIL_NONE;
	t->context.warnings = 0;
	if (call->level == LEVEL_NMI && !allowed_in_nmi(call->op))
		refuse(r, LB_BAD_CONTEXT);
	else if (names_absent_node(t, call))
		refuse(r, LB_BAD_RANGE);
	else
		dispatch(t, call, r);
	r->warnings = (uint8_t)t->context.warnings;
	r->leaked = (uint32_t)(t->nr_leaked - leaked);
}

static size_t core_export(void *instance, uint64_t *words, size_t capacity)
{
	return core_state_export(instance, words, capacity);
}

static uint64_t core_peek_free(void *instance)
{
	const struct core_instance *t = instance;
	uint64_t pages = 0;

	for (unsigned int node = 0; node < t->machine->nr_nodes; node++)
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
			pages += zone_free_pages_snapshot(mm_zone(t->machine, node, type));
	return pages;
}

static void core_peek_block(void *instance, uint64_t pfn, struct lb_block_state *state)
{
	const struct core_instance *t = instance;
	const struct page *page = &t->machine->memmap[pfn];

	state->refcount = page_count(page);
	state->order = PageHead(page) ? compound_order(page) : UINT32_MAX;
}

static void *core_memory(void *instance, uint64_t pfn)
{
	const struct core_instance *t = instance;

	return pfn < t->machine->max_pfn ? t->machine->memory + (pfn << PAGE_SHIFT) : NULL;
}

static const uint64_t *core_results(void *instance)
{
	const struct core_instance *t = instance;

	return t->results;
}

static const uint64_t *core_paths(void *instance)
{
	const struct core_instance *t = instance;

	return t->paths;
}

const struct lb_target core_target = {
	.abi = LB_TARGET_ABI,
	.flags = LB_TARGET_BUDDY | LB_TARGET_LINUX | LB_TARGET_CACHES | LB_TARGET_TRUSTED |
		 LB_TARGET_MISUSE,
	.name = "core",
	.capabilities = CORE_CAPABILITIES,
	.create = core_create,
	.destroy = core_destroy,
	.exec = core_exec,
	.reset = core_reset,
	.export_state = core_export,
	.peek_free = core_peek_free,
	.peek_block = core_peek_block,
	.memory = core_memory,
	.paths = core_paths,
	.results = core_results,
};
