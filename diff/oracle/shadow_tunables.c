/*
 * Tunables and kswapd (facts 4, 8, 11; readings).
 */
#include "oracle/shadow.h"

enum { GREATEST = 0x7fffffff, SCALE_MOST = 3000, FRACTION_LEAST = 8 };

static bool is_in_range(const struct lb_call *call)
{
	if (call->name >= SYSCTL_COUNT || call->value > GREATEST)
		return false;
	switch (call->name) {
	case SYSCTL_WATERMARK_SCALE_FACTOR:
		return call->value >= 1 && call->value <= SCALE_MOST;
	case SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION:
		return call->value == 0 || call->value >= FRACTION_LEAST;
	default:
		return true;
	}
}

void shadow_sysctl(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	int64_t before;

	if (!is_in_range(call)) {
		r->outcome = LB_REFUSED;
		r->reason = LB_BAD_RANGE;
		return;
	}
	r->outcome = LB_DONE;
	before = s->state->tunables[call->name];
	s->state->tunables[call->name] = call->value;
	switch (call->name) {
	case SYSCTL_MIN_FREE_KBYTES:
		s->state->user_min_free_kbytes = call->value;
		shadow_watermark_setup(s);
		shadow_pcp_set_sizes(s);
		return;
	case SYSCTL_WATERMARK_SCALE_FACTOR:
		shadow_watermark_setup(s);
		shadow_pcp_set_sizes(s);
		return;
	case SYSCTL_PERCPU_PAGELIST_HIGH_FRACTION:
		if (before != call->value) /* nothing is computed anew */
			shadow_pcp_set_sizes(s);
		return;
	case SYSCTL_WATERMARK_BOOST_FACTOR:
		return;
	default:
		shadow_reserves_setup(s);
	}
}

void shadow_run_kswapd(struct shadow *s, const struct lb_call *call, struct lb_result *r)
{
	if (call->node < 0 || (uint32_t)call->node >= s->nr_nodes) {
		r->outcome = LB_REFUSED;
		r->reason = LB_BAD_RANGE;
		return;
	}
	r->outcome = LB_DONE;
	for (uint32_t i = 0; i < s->nr_zones; i++)
		if (s->zones[i].node == call->node)
			s->zones[i].boost = 0;
	s->state->kswapd[call->node] =
		(struct kswapd){ .awake = 0, .order = 0, .index = LB_NO_ZONE_INDEX };
}
