/*
 * The shadow's life, and one operation from the outside.
 */
#include <stdlib.h>

#include "oracle/shadow.h"

struct shadow *shadow_create(const struct machine *machine, uint64_t *exercised)
{
	struct shadow *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->machine = *machine;
	s->exercised = exercised;
	s->top_order = machine->top_order;
	s->pageblock_order = machine->pageblock_order;
	s->nr_lists = is_5_10(s) ? NR_PCP_TYPES : machine->thp ? MAX_PCP_LISTS : PCP_LOW_LISTS;
	s->nr_cpus = machine->nr_cpus;
	s->nr_nodes = machine->nr_nodes;
	s->max_pfn = machine->max_pfn;
	s->nr_pageblocks =
		(machine->max_pfn + (UINT64_C(1) << s->pageblock_order) - 1) >> s->pageblock_order;
	for (uint32_t cpu = 0; cpu < machine->nr_cpus; cpu++)
		s->cpus_of_node[machine->cpu_node[cpu]]++;
	if (shadow_lay_out(s))
		return s;
	shadow_destroy(s);
	return NULL;
}

void shadow_destroy(struct shadow *s)
{
	free(s->reserved);
	free(s->block);
	free(s->image);
	free(s->words);
	free(s);
}

bool shadow_save(struct shadow *s)
{
	if (!s->image)
		s->image = malloc(s->block_size);
	if (!s->image)
		return false;
	memcpy(s->image, s->block, s->block_size);
	return true;
}

void shadow_rewind(struct shadow *s)
{
	assert(s->image);
	memcpy(s->block, s->image, s->block_size);
}

/* From NMI only what touches neither pages nor tunables is carried out. */
static bool is_refused_from_nmi(const struct lb_call *call)
{
	switch (call->op) {
	case OP_NOP:
	case OP_FILL:
	case OP_VERIFY:
	case OP_TRANSLATE:
	case OP_ADVANCE:
	case OP_CHECK:
	case OP_DUMP:
		return false;
	default:
		return call->level == LEVEL_NMI;
	}
}

static void drain(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	r->outcome = LB_DONE;
	if (call->op == OP_DRAIN_LOCAL_PAGES) {
		shadow_pcp_drain(s, call->cpu);
		return;
	}
	for (uint32_t cpu = 0; cpu < s->nr_cpus; cpu++)
		shadow_pcp_drain(s, cpu);
}

/* What moves no block: time, counters, tunables, tasks. */
static void run_machine(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	switch (call->op) {
	case OP_DRAIN_LOCAL_PAGES:
	case OP_DRAIN_ALL_PAGES:
		drain(s, call, r);
		return;
	case OP_VMSTAT_UPDATE:
		shadow_vmstat_update(s, call->cpu);
		return;
	case OP_SYSCTL:
		shadow_sysctl(s, call, r);
		return;
	case OP_RUN_KSWAPD:
		shadow_run_kswapd(s, call, r);
		return;
	case OP_DEFERRED_INIT:
		shadow_deferred_init_node(s, call, r);
		return;
	case OP_ADVANCE:
		s->state->ticks += call->value;
		return;
	case OP_SET_MEMPOLICY:
		shadow_set_mempolicy(s, call, r);
		return;
	case OP_SET_MEMS_ALLOWED:
		shadow_set_mems_allowed(s, call, r);
		return;
	case OP_SET_GFP_ALLOWED_MASK:
		s->state->gfp_allowed_mask = call->gfp | GFP_ZERO | GFP_COMP;
		return;
	default:
		shadow_misuse(s, call, r);
	}
}

static void dispatch(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	switch (call->op) {
	case OP_ALLOC_PAGES:
	case OP_ALLOC_PAGE:
	case OP_GET_FREE_PAGES:
	case OP_GET_FREE_PAGE:
	case OP_GET_ZEROED_PAGE:
	case OP_ALLOC_PAGES_POLICY:
		shadow_alloc(s, call, r);
		return;
	case OP_FREE_PAGES_STRUCT:
	case OP_FREE_PAGES:
		shadow_free(s, call, r);
		return;
	case OP_GET_PAGE:
	case OP_PUT_PAGE:
	case OP_SPLIT_PAGE:
		shadow_references(s, call, r);
		return;
	case OP_NOP:
	case OP_FILL:
	case OP_VERIFY:
	case OP_TRANSLATE:
	case OP_CHECK:
	case OP_DUMP:
		r->outcome = LB_DONE;
		return;
	case OP_ALLOC_PAGES_BULK:
	case OP_ALLOC_PAGES_BULK_LIST:
		shadow_alloc_bulk(s, call, r);
		return;
	case OP_ALLOC_PAGES_EXACT:
		shadow_alloc_exact(s, call, r);
		return;
	case OP_ISOLATE:
		shadow_isolate(s, call, r);
		return;
	case OP_UNISOLATE:
		shadow_unisolate(s, call, r);
		return;
	case OP_PAGE_FRAG_ALLOC:
	case OP_PAGE_FRAG_FREE:
	case OP_PAGE_FRAG_DRAIN:
		shadow_frag(s, call, r);
		return;
	case OP_WRITE_FREED:
		shadow_write_freed(s, call, r);
		return;
	case OP_TAKE_FRAME:
		shadow_take_frame(s, call, r);
		return;
	case OP_PUT_FRAME:
		shadow_put_frame(s, call, r);
		return;
	default:
		run_machine(s, call, r);
	}
}

static void refuse(struct lb_result *r, enum lb_reason reason)
{
	r->outcome = LB_REFUSED;
	r->reason = (uint8_t)reason;
}

void shadow_exec(struct shadow *s, const struct lb_call *call, struct lb_result *expect)
{
	assert(call->cpu < s->nr_cpus && call->op < OP_COUNT);
	*expect = (struct lb_result){ .outcome = LB_DONE };
	s->call = call;
	s->cpu = call->cpu;
	s->result = expect;
	s->trail.walks = 0;
	s->dropped = 0;
	s->flag_is_bad = s->checked = s->from_reserves = false;
	if (is_refused_from_nmi(call)) {
		refuse(expect, LB_BAD_CONTEXT);
		return;
	}
	if (names_absent_node(&s->machine, call)) {
		refuse(expect, LB_BAD_RANGE);
		return;
	}
	dispatch(s, call, expect);
}
