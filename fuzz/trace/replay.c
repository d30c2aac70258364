/*
 * A recording's program on the core, with samples along the way: what is free, what failed, what
 * was stolen, and how fragmented the zones are (facts 11).
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "map/map.h"
#include "target/builtin.h"
#include "trace/internal.h"

enum { DEFAULT_SAMPLES = 20, A_BLOCK_IS_THERE = -1000, ALL_UNUSABLE = 1000 };

struct replayer {
	const struct trace *trace;
	const struct program *program;
	struct trace_replayed *out;
	void *instance;
	uint32_t every, operations;
	size_t event;	/* of the last allocation, in the recording */
	bool any_event; /* there was one */
	uint64_t held, failures, unexpected;
	size_t capacity;
	bool no_memory;
};

/* ---- a sample ---- */

void trace_indices(const uint64_t blocks[TRACE_ORDERS], unsigned int top_order,
		   struct trace_zone_sample *out)
{
	uint64_t all = 0, pages = 0;

	for (unsigned int order = 0; order <= top_order; order++) {
		all += blocks[order];
		pages += blocks[order] << order;
	}
	out->free = pages;
	for (unsigned int order = 0; order <= top_order; order++) {
		uint64_t suitable = 0, scaled = pages * 1000 >> order;

		for (unsigned int at = order; at <= top_order; at++)
			suitable += blocks[at] << at;
		out->unusable[order] =
			pages ? (int32_t)((pages - suitable) * 1000 / pages) : ALL_UNUSABLE;
		if (suitable)
			out->fragmentation[order] = A_BLOCK_IS_THERE;
		else if (all)
			out->fragmentation[order] = (int32_t)(1000 - (1000 + scaled) / all);
	}
}

static void sample_zone(struct trace_zone_sample *out, const struct map_zone *zone,
			unsigned int top_order)
{
	uint64_t blocks[TRACE_ORDERS] = { 0 };

	for (unsigned int order = 0; order <= top_order; order++)
		for (unsigned int type = 0; type < MAP_TYPES; type++)
			blocks[order] += zone->blocks[order][type];
	*out = (struct trace_zone_sample){ .node = zone->node, .zone = zone->index };
	trace_indices(blocks, top_order, out);
}

static void sample_zones(struct trace_sample *sample, const struct map *map)
{
	for (unsigned int i = 0; i < map->nr_zones; i++) {
		const struct map_zone *zone = &map->zones[i];

		for (unsigned int order = 0; order < MAP_ORDERS; order++)
			for (unsigned int type = 0; type < MAP_TYPES; type++)
				sample->free += zone->blocks[order][type] << order;
		if (zone->managed && sample->nr_zones < TRACE_ZONES)
			sample_zone(&sample->zones[sample->nr_zones++], zone,
				    map->machine.top_order);
	}
}

static bool sample_memory(struct replayer *r, struct trace_sample *sample)
{
	size_t size = core_target.export_state(r->instance, NULL, 0);
	uint64_t *state = malloc(size * sizeof(*state));
	struct map *map = calloc(1, sizeof(*map));
	bool good = state && map && core_target.export_state(r->instance, state, size) == size &&
		    map_build(map, &r->program->machine, state, size);

	if (good)
		sample_zones(sample, map);
	if (map)
		map_free(map);
	free(map);
	free(state);
	return good;
}

static struct trace_sample *next_sample(struct replayer *r)
{
	struct trace_replayed *out = r->out;

	if (out->nr_samples == r->capacity) {
		size_t capacity = r->capacity ? r->capacity * 2 : 2 * DEFAULT_SAMPLES;
		struct trace_sample *samples = realloc(out->samples, capacity * sizeof(*samples));

		if (!samples)
			return NULL;
		out->samples = samples;
		r->capacity = capacity;
	}
	memset(&out->samples[out->nr_samples], 0, sizeof(*out->samples));
	return &out->samples[out->nr_samples++];
}

static void take_sample(struct replayer *r)
{
	struct trace_sample *sample = r->no_memory ? NULL : next_sample(r);
	const uint64_t *paths = core_target.paths(r->instance);

	if (!sample || !sample_memory(r, sample)) {
		r->no_memory = true;
		return;
	}
	sample->operations = r->operations;
	sample->time = r->any_event ? r->trace->events[r->event].time : 0;
	sample->held = r->held;
	sample->failures = r->failures;
	sample->unexpected = r->unexpected;
	sample->slowpath = paths[LB_PATH_SLOWPATH];
	sample->kswapd = paths[LB_PATH_KSWAPD_WAKE];
	sample->steals = (struct trace_steals){ .page = paths[LB_PATH_STEAL_PAGE],
						.move = paths[LB_PATH_STEAL_MOVE],
						.claim = paths[LB_PATH_STEAL_CLAIM],
						.whole = paths[LB_PATH_STEAL_WHOLE] };
}

/* ---- watching ---- */

static void begin(void *data, void *instance)
{
	struct replayer *r = data;

	r->instance = instance;
	take_sample(r);
}

/*
 * The event that this allocation was made of: programs of ours have one for each, in their order
 * (T4).
 */
static const struct trace_event *next_event(struct replayer *r)
{
	size_t at = r->any_event ? r->event + 1 : 0;

	while (at < r->trace->nr_events && r->trace->events[at].kind != TRACE_ALLOC)
		at++;
	if (at == r->trace->nr_events)
		return NULL;
	r->event = at;
	r->any_event = true;
	return &r->trace->events[at];
}

static void note_alloc(struct replayer *r, const struct lb_call *call,
		       const struct lb_result *result)
{
	const struct trace_event *event = next_event(r);

	if (result->outcome == LB_BLOCK) {
		r->held += UINT64_C(1) << call->order;
		r->out->same_frames += event && event->pfn == result->pfn;
		return;
	}
	r->failures++;
	r->unexpected += event && event->pfn != TRACE_NO_PFN;
}

static void after(void *data, const struct lb_call *call, const struct lb_result *result)
{
	struct replayer *r = data;

	if (call->op == OP_ALLOC_PAGES)
		note_alloc(r, call, result);
	else if (call->op == OP_FREE_PAGES_STRUCT && result->outcome == LB_DONE)
		r->held -= UINT64_C(1) << call->block_order;
	if (++r->operations % r->every == 0)
		take_sample(r);
}

static void end(void *data)
{
	struct replayer *r = data;
	const struct trace_sample *last = &r->out->samples[r->out->nr_samples - 1];

	if (r->no_memory || last->operations != r->operations)
		take_sample(r);
}

bool trace_replay(const struct trace *trace, const struct program *program, uint32_t every,
		  struct trace_replayed *replayed, char error[TRACE_ERROR_SIZE])
{
	struct replayer r = { .trace = trace, .program = program, .out = replayed, .every = every };
	const struct trace_watcher watcher = {
		.begin = begin, .after = after, .end = end, .data = &r
	};

	memset(replayed, 0, sizeof(*replayed));
	if (every == 0)
		r.every = (program->nr_ops + DEFAULT_SAMPLES - 1) / DEFAULT_SAMPLES;
	if (r.every == 0)
		r.every = 1;
	replayed->recorded_steals = trace->counts[TRACE_EXTFRAG];
	if (!trace_watch(program, &watcher, error))
		return false;
	return !r.no_memory || trace_error(error, "%s: no memory for samples", trace->path);
}

void trace_replayed_free(struct trace_replayed *replayed)
{
	free(replayed->samples);
	memset(replayed, 0, sizeof(*replayed));
}
