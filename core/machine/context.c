/* The current context, events, virtual time, and the answers of what is not built yet. */
#include "lostbuddy/gfp.h"
#include "machine/emit.h"
#include "machine/machine_internal.h"

_Thread_local struct mm_context *mm_current;

/* What a CPU prefers is its own node's: an allocation that is served there is a local hit. */
static bool every_cpu_has_local_memory(const struct mm_machine *m)
{
	for (unsigned int cpu = 0; cpu < m->nr_cpus; cpu++) {
		const struct pglist_data *pgdat = &m->nodes[m->cpu_node[cpu]];
		const struct zone *first = pgdat->zonelists[ZONELIST_FALLBACK].zonerefs[0].zone;

		if (!first || first->pgdat != pgdat)
			return false;
	}
	return true;
}

static bool has_a_switch(const struct mm_machine *m)
{
	return m->fills_pages || m->config.shuffle || m->config.debug_pagealloc;
}

void mm_update_plain(struct mm_machine *m)
{
	m->plain = !m->listener && m->locks == MM_LOCKS_NOTHING && !m->checks_at_user &&
		   !m->poison_memory && !m->grouping_disabled && m->plain_tasks &&
		   !has_a_switch(m) && every_cpu_has_local_memory(m);
}

void mm_listen(struct mm_machine *m, mm_listener *listener, void *data)
{
	m->listener = listener;
	m->listener_data = data;
	mm_update_plain(m);
}

void mm_emit_slow(struct mm_machine *m, enum mm_event_kind kind, const struct zone *zone, pfn_t pfn,
		  unsigned int order, int migratetype, uint64_t value)
{
	const struct mm_event event = {
		.kind = kind,
		.order = order,
		.migratetype = migratetype,
		.zone = zone,
		.pfn = pfn,
		.value = value,
	};

	m->listener(m->listener_data, &event);
}

void mm_advance(struct mm_machine *m, uint64_t jiffies)
{
	m->jiffies += jiffies;
}

void might_sleep(void)
{
	if (mm_current->level != MM_TASK)
		mm_current->warnings |= MM_WARN_SLEEP;
}

static uint64_t reclaims_nothing(struct mm_machine *m, gfp_t gfp, unsigned int order)
{
	(void)m, (void)gfp, (void)order;
	return 0;
}

static enum mm_compact_result compacts_nothing(struct mm_machine *m, gfp_t gfp, unsigned int order)
{
	(void)m, (void)gfp, (void)order;
	return MM_COMPACT_SKIPPED;
}

/*
 * Kills nobody: true before a victim is looked for (a dying caller, no __GFP_FS: facts 11), nobody
 * found after.
 */
static enum mm_oom_result kills_nobody(struct mm_machine *m, gfp_t gfp, unsigned int order)
{
	(void)m, (void)order;
	if (mm_current->scope & MM_SCOPE_VICTIM)
		return MM_OOM_KILLED;
	return gfp & __GFP_FS ? MM_OOM_NO_VICTIM : MM_OOM_KILLED;
}

const struct mm_hooks mm_null_hooks = {
	.try_to_free_pages = reclaims_nothing,
	.try_to_compact_pages = compacts_nothing,
	.out_of_memory = kills_nobody,
};
