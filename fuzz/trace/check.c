/*
 * The contract, asked of a recording.
 *
 * Of each frame the last event is remembered that decided what it is:
 *
 *   unknown --alloc--> held --free--> freed --drain--> in the buddy --zone_locked--> taken --> held
 *
 * Unknown is what no event named, or none since events were lost. A finding is a step that cannot
 * be, from a state that is known; whatever was found, the newest event is believed.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "trace/internal.h"

enum state { UNKNOWN, HELD, FREED, IN_BUDDY, TAKEN };

const char *const trace_rule_names[TRACE_RULES] = {
	[TRACE_RULE_OVERLAP] = "contract.overlap",
	[TRACE_RULE_ALIGN] = "contract.align",
	[TRACE_RULE_DOUBLE_FREE] = "contract.double-free",
	[TRACE_RULE_FREE_ORDER] = "contract.free-order",
	[TRACE_RULE_BATCHED] = "contract.batched",
	[TRACE_RULE_DRAIN] = "contract.drain",
	[TRACE_RULE_TAKEN] = "contract.taken",
};

const char *const trace_rule_sentences[TRACE_RULES] = {
	[TRACE_RULE_OVERLAP] = "no page is handed out while it is held",
	[TRACE_RULE_ALIGN] = "a block lies at a multiple of its size",
	[TRACE_RULE_DOUBLE_FREE] = "only what is held is given back",
	[TRACE_RULE_FREE_ORDER] = "no more is given back than was handed out",
	[TRACE_RULE_BATCHED] = "a page in a batch of frees was given back just before",
	[TRACE_RULE_DRAIN] = "a page that is drained lies on a page list",
	[TRACE_RULE_TAKEN] = "the buddy lists no page that is held",
};

struct checker {
	const struct trace *trace;
	struct trace_frames *frames;
	struct trace_checked *checked;
	bool complete;
	uint32_t forgotten; /* what events up to this one (index + 1) said is not known any more */
	bool found;	    /* this event has its finding already */
};

static enum state state_of(const struct checker *c, const struct trace_frame *frame)
{
	return frame->event > c->forgotten ? (enum state)frame->info : UNKNOWN;
}

/* One finding an event: the first. */
static void report(struct checker *c, enum trace_rule rule, uint32_t event,
		   const struct trace_frame *frame, uint64_t pfn)
{
	struct trace_checked *out = c->checked;

	if (c->found)
		return;
	c->found = true;
	out->by_rule[rule]++;
	if (out->nr_findings < TRACE_MAX_FINDINGS)
		out->findings[out->nr_findings] = (struct trace_finding){
			.rule = rule,
			.event = event,
			.other = frame ? frame->event - 1 : TRACE_NOBODY,
			.pfn = pfn,
		};
	out->nr_findings++;
}

static void ask(struct checker *c, enum trace_rule rule, uint32_t event,
		const struct trace_frame *frame, uint64_t pfn, bool holds)
{
	c->checked->asked[rule]++;
	if (!holds)
		report(c, rule, event, frame, pfn);
}

static void check_alloc(struct checker *c, uint32_t i, const struct trace_frame *frame,
			uint64_t pfn)
{
	enum state state = state_of(c, frame);

	if (state != UNKNOWN)
		ask(c, TRACE_RULE_OVERLAP, i, frame, pfn, state != HELD);
}

static unsigned int held_order(const struct checker *c, const struct trace_frame *frame)
{
	return c->trace->events[frame->event - 1].order;
}

/*
 * A page that was seen free and comes back: single pages are handed out without an event too
 * (trace.h). Seen so with a page list in between, or not: page lists are where bulk allocations
 * take from.
 */
static void check_free(struct checker *c, uint32_t i, const struct trace_frame *frame, uint64_t pfn)
{
	const struct trace_event *event = &c->trace->events[i];
	enum state state = state_of(c, frame);

	if (state == UNKNOWN)
		return;
	if (state == HELD) {
		ask(c, TRACE_RULE_DOUBLE_FREE, i, frame, pfn, true);
		ask(c, TRACE_RULE_FREE_ORDER, i, frame, pfn, held_order(c, frame) >= event->order);
	} else if (event->order > 0 || c->complete) {
		ask(c, TRACE_RULE_DOUBLE_FREE, i, frame, pfn, false);
	} else {
		c->checked->silent++;
	}
}

/* Where frees are not recorded, nothing of this is known. */
static void check_batched(struct checker *c, uint32_t i, const struct trace_frame *frame,
			  uint64_t pfn)
{
	enum state state = state_of(c, frame);

	if (state != UNKNOWN && c->trace->counts[TRACE_FREE] > 0)
		ask(c, TRACE_RULE_BATCHED, i, frame, pfn, state == FREED);
}

/*
 * A page gets onto a page list by a free or a refill. Without events of refills a page in the buddy
 * may have come there again unseen.
 */
static void check_drain(struct checker *c, uint32_t i, const struct trace_frame *frame,
			uint64_t pfn)
{
	enum state state = state_of(c, frame);
	bool refills = c->trace->counts[TRACE_LOCKED] > 0;

	if (state == UNKNOWN || c->trace->counts[TRACE_FREE] == 0)
		return;
	ask(c, TRACE_RULE_DRAIN, i, frame, pfn, state != HELD && !(state == IN_BUDDY && refills));
	if (state == FREED && c->trace->events[frame->event - 1].cpu != c->trace->events[i].cpu)
		c->checked->remote_drains++;
}

static void check_taken(struct checker *c, uint32_t i, const struct trace_frame *frame,
			uint64_t pfn)
{
	enum state state = state_of(c, frame);

	if (state != UNKNOWN)
		ask(c, TRACE_RULE_TAKEN, i, frame, pfn, state != HELD);
}

static void check_frame(struct checker *c, uint32_t i, const struct trace_frame *frame,
			uint64_t pfn)
{
	switch (c->trace->events[i].kind) {
	case TRACE_ALLOC:
		check_alloc(c, i, frame, pfn);
		break;
	case TRACE_FREE:
		check_free(c, i, frame, pfn);
		break;
	case TRACE_BATCHED:
		check_batched(c, i, frame, pfn);
		break;
	case TRACE_DRAIN:
		check_drain(c, i, frame, pfn);
		break;
	default:
		check_taken(c, i, frame, pfn);
	}
}

/* What a frame is after an event; UNKNOWN: what it was before. */
static enum state state_after(enum trace_kind kind)
{
	switch (kind) {
	case TRACE_ALLOC:
		return HELD;
	case TRACE_FREE:
		return FREED;
	case TRACE_DRAIN:
		return IN_BUDDY;
	case TRACE_LOCKED:
		return TAKEN;
	default:
		return UNKNOWN;
	}
}

static void follow(struct checker *c, uint32_t i, struct trace_frame *frame)
{
	enum state before = state_of(c, frame), after = state_after(c->trace->events[i].kind);

	if (after == UNKNOWN)
		return;
	c->checked->held += (uint64_t)(after == HELD) - (uint64_t)(before == HELD);
	frame->event = i + 1;
	frame->info = after;
}

static bool check_event(struct checker *c, uint32_t i)
{
	const struct trace_event *event = &c->trace->events[i];
	uint64_t pages = UINT64_C(1) << event->order;
	bool known = false;

	c->found = false;
	if (event->kind == TRACE_LOST) {
		c->forgotten = i + 1;
		c->checked->held = 0;
		return true;
	}
	if (event->pfn == TRACE_NO_PFN)
		return true;
	ask(c, TRACE_RULE_ALIGN, i, NULL, event->pfn, event->pfn % pages == 0);
	for (uint64_t pfn = event->pfn; pfn < event->pfn + pages; pfn++) {
		struct trace_frame *frame = trace_frame(c->frames, pfn);

		if (!frame)
			return false;
		known |= state_of(c, frame) != UNKNOWN;
		check_frame(c, i, frame, pfn);
		follow(c, i, frame);
	}
	c->checked->unknown_frees += event->kind == TRACE_FREE && !known;
	return true;
}

bool trace_check(const struct trace *trace, const struct trace_check_options *options,
		 struct trace_checked *checked)
{
	struct checker c = { .trace = trace,
			     .frames = trace_frames_create(),
			     .checked = checked,
			     .complete = options && options->complete };
	bool good = c.frames != NULL;

	memset(checked, 0, sizeof(*checked));
	for (uint32_t i = 0; good && i < trace->nr_events; i++)
		good = check_event(&c, i);
	trace_frames_destroy(c.frames);
	return good;
}

/* ---- findings as sentences ---- */

static const char *happened(const struct trace_event *event)
{
	switch (event->kind) {
	case TRACE_ALLOC:
		return "was handed out";
	case TRACE_FREE:
		return "was given back";
	case TRACE_DRAIN:
		return "was drained to the buddy";
	default:
		return "was taken from the buddy";
	}
}

static const char *happens(enum trace_rule rule, const struct trace_event *event)
{
	switch (rule) {
	case TRACE_RULE_OVERLAP:
		return "is handed out while it is held";
	case TRACE_RULE_ALIGN:
		return "does not lie at a multiple of its size";
	case TRACE_RULE_DOUBLE_FREE:
		return "is given back and is free";
	case TRACE_RULE_FREE_ORDER:
		return "is given back and is more than was handed out";
	case TRACE_RULE_BATCHED:
		return "is in a batch of frees and was not given back";
	case TRACE_RULE_DRAIN:
		return "is drained and lies on no page list";
	default:
		return event->kind == TRACE_EXTFRAG ? "is stolen from the buddy while it is held"
						    : "is taken from the buddy while it is held";
	}
}

int trace_finding_print(const struct trace *trace, const struct trace_finding *finding,
			char *buffer, size_t size)
{
	const struct trace_event *event = &trace->events[finding->event];
	char here[256], there[256];

	trace_place(trace, finding->event, here, sizeof(here));
	if (finding->other == TRACE_NOBODY)
		return snprintf(buffer, size,
				"%s: %s: the block of order %u at pfn 0x%" PRIx64 " %s", here,
				trace_rule_names[finding->rule], event->order, event->pfn,
				happens(finding->rule, event));

	const struct trace_event *other = &trace->events[finding->other];

	trace_place(trace, finding->other, there, sizeof(there));
	return snprintf(buffer, size,
			"%s: %s: the block of order %u at pfn 0x%" PRIx64 " %s: pfn 0x%" PRIx64
			" %s at %s, in a block of order %u",
			here, trace_rule_names[finding->rule], event->order, event->pfn,
			happens(finding->rule, event), finding->pfn, happened(other), there,
			other->order);
}
