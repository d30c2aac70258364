/*
 * The shadow's state as text, for people: what stands on which list.
 *
 *	zone 0:DMA32  pfn 64..256  free 120 (shared 118)  min 4 low 5 high 6 boost 0  highatomic 0  kswapd asleep
 *	  order 3 M  72 88
 *	  cpu 0  count 3 of 12, batch 1, factor 0  [0:U] 17 18 19
 */
#include <stdarg.h>
#include <stdio.h>

#include "oracle/shadow.h"

struct out {
	char *buffer;
	size_t size, length;
};

static void say(struct out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct out *out, const char *format, ...)
{
	size_t room = out->length < out->size ? out->size - out->length : 0;
	va_list list;
	int n;

	va_start(list, format);
	n = vsnprintf(room ? out->buffer + out->length : NULL, room, format, list);
	va_end(list);
	out->length += n > 0 ? (size_t)n : 0;
}

static void say_list(const struct shadow *s, const struct list *list, struct out *out)
{
	for (uint32_t pfn = list->head; pfn != NIL; pfn = s->frames[pfn].next)
		say(out, " %u", pfn);
}

static void say_page_lists(const struct shadow *s, const struct zone *z, unsigned int cpu,
			   struct out *out)
{
	const struct page_lists *p = page_lists_of(s, z, cpu);

	if (p->count == 0)
		return;
	say(out, "  cpu %u  count %lld of %lld, batch %lld, factor %lld ", cpu, (long long)p->count,
	    (long long)p->high, (long long)p->batch, (long long)p->free_factor);
	for (unsigned int i = 0; i < s->nr_lists; i++) {
		if (p->lists[i].n == 0)
			continue;
		if (i < PCP_LOW_LISTS)
			say(out, " [%u:%c]", i / NR_PCP_TYPES, "UMR"[i % NR_PCP_TYPES]);
		else
			say(out, " [%u:%s]", s->pageblock_order, i == PCP_LOW_LISTS ? "UR" : "M");
		say_list(s, &p->lists[i], out);
	}
	say(out, "\n");
}

static void say_zone(const struct shadow *s, const struct zone *z, struct out *out)
{
	say(out,
	    "zone %u:%s  pfn %llu..%llu  free %lld (shared %lld)  min %lld low %lld high %lld "
	    "boost %lld  "
	    "highatomic %lld  kswapd %s\n",
	    z->node, shadow_zone_index_name(z->index), (unsigned long long)z->start,
	    (unsigned long long)(z->start + z->spanned), (long long)shadow_free_exact(s, z),
	    (long long)z->free, (long long)z->mark[WMARK_MIN], (long long)z->mark[WMARK_LOW],
	    (long long)z->mark[WMARK_HIGH], (long long)z->boost, (long long)z->highatomic,
	    s->state->kswapd[z->node].awake ? "awake" : "asleep");
	for (unsigned int o = 0; o <= s->top_order; o++)
		for (unsigned int type = 0; type < NR_LIST_TYPES; type++)
			if (z->lists[o][type].n) {
				say(out, "  order %u %c ", o, "UMRHI"[type]);
				say_list(s, &z->lists[o][type], out);
				say(out, "\n");
			}
	for (unsigned int cpu = 0; cpu < s->nr_cpus; cpu++)
		say_page_lists(s, z, cpu, out);
}

/* Which of its memory a node has still to come. */
static void say_deferred(const struct shadow *s, uint32_t node, struct out *out)
{
	uint64_t first = s->state->first_deferred[node];

	if (first != NO_PFN)
		say(out, "node %u  deferred from pfn %llu\n", node, (unsigned long long)first);
}

static void say_task(const struct shadow *s, unsigned int cpu, struct out *out)
{
	const struct task *task = &s->state->tasks[cpu];

	if (task->mode == POLICY_DEFAULT && !s->state->cpusets_on)
		return;
	say(out, "task of cpu %u  policy %s nodes 0x%llx", cpu, policy_names[task->mode],
	    (unsigned long long)task->nodes);
	if (task->il_prev != LB_NO_NODE)
		say(out, " last %llu", (unsigned long long)task->il_prev);
	if (s->state->cpusets_on)
		say(out, "  mems_allowed 0x%llx", (unsigned long long)task->mems_allowed);
	say(out, "\n");
}

static void say_fragments(const struct shadow *s, struct out *out)
{
	for (uint32_t cpu = 0; cpu < s->nr_cpus; cpu++) {
		const struct frag_cache *cache = &s->state->frag_caches[cpu];

		if (cache->pfn != NO_PFN)
			say(out,
			    "fragments of cpu %u  pfn %llu  %llu of %llu bytes left, bias %llu%s\n",
			    cpu, (unsigned long long)cache->pfn, (unsigned long long)cache->offset,
			    (unsigned long long)cache->size, (unsigned long long)cache->bias,
			    cache->pfmemalloc ? ", from reserves" : "");
	}
	for (uint64_t pfn = 0; s->state->nr_frag_blocks && pfn < s->max_pfn; pfn++)
		if (s->frames[pfn].pieces)
			say(out, "fragment block %llu  order %u  references %u\n",
			    (unsigned long long)pfn, s->frames[pfn].order, s->frames[pfn].pieces);
}

static void say_frames(const struct shadow *s, struct out *out)
{
	bool any = s->state->nr_guards || s->state->nr_dirty || s->state->nr_marked;

	for (uint64_t pfn = 0; any && pfn < s->max_pfn; pfn++) {
		const struct frame *f = &s->frames[pfn];

		if (f->kind == FRAME_GUARD)
			say(out, "guard %llu  order %u\n", (unsigned long long)pfn, f->order);
		if (f->contents == CONTENTS_OF_HOLDER)
			say(out, "dirty %llu  as its last holder left it\n",
			    (unsigned long long)pfn);
		else if (f->contents != CONTENTS_RIGHT)
			say(out, "dirty %llu  byte 0x%x\n", (unsigned long long)pfn,
			    f->contents - 1u);
		if (f->mark)
			say(out, "marked %llu  0x%x\n", (unsigned long long)pfn, f->mark);
	}
}

size_t shadow_print(const struct shadow *s, char *buffer, size_t size)
{
	struct out out = { .buffer = buffer, .size = size };

	if (size)
		buffer[0] = '\0';
	for (uint32_t i = 0; i < s->nr_zones; i++)
		say_zone(s, &s->zones[i], &out);
	for (uint32_t node = 0; node < s->nr_nodes; node++)
		say_deferred(s, node, &out);
	for (uint32_t cpu = 0; cpu < s->nr_cpus; cpu++)
		say_task(s, cpu, &out);
	if (s->machine.shuffle)
		say(&out, "random  generator 0x%llx  pool 0x%llx, %llu bits\n",
		    (unsigned long long)s->state->shuffle.generator,
		    (unsigned long long)s->state->shuffle.pool,
		    (unsigned long long)s->state->shuffle.bits);
	say_fragments(s, &out);
	say_frames(s, &out);
	return out.length;
}
