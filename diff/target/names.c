/*
 * The words of the language for what a target answers and which paths it took.
 *
 * A word is part of the text form of programs (what stands after `->`) and of signatures: it never
 * changes.
 */
#include "target/target.h"

#include <assert.h>

static const char *const outcome_names[LB_OUTCOME_COUNT] = {
	[LB_DONE] = "ok",   [LB_BLOCK] = "block", [LB_NULL] = "ENOMEM",
	[LB_LOOP] = "LOOP", [LB_OOM] = "OOM",	  [LB_REFUSED] = "refused",
};

static const char *const reason_names[LB_REASON_COUNT] = {
	[LB_REASON_NONE] = "",	   [LB_NO_ORDER] = "order",	    [LB_NO_INJECTED] = "injected",
	[LB_NO_ZONE] = "zone",	   [LB_NO_WATERMARK] = "watermark", [LB_NO_BLOCK] = "block",
	[LB_NO_MEMORY] = "memory", [LB_NOT_HELD] = "double-free",   [LB_NOT_HEAD] = "tail",
	[LB_NOT_FRAME] = "frame",  [LB_BAD_ORDER] = "order",	    [LB_BAD_RANGE] = "range",
	[LB_BAD_TYPE] = "type",	   [LB_BAD_CONTEXT] = "context",    [LB_NOT_ALLOWED] = "block",
	[LB_BUSY] = "busy",	   [LB_NO_PROFILE] = "profile",
};

static const char *const path_names[LB_PATH_COUNT] = {
	[LB_PATH_SPLIT] = "split",
	[LB_PATH_MERGE] = "merge",
	[LB_PATH_STEAL_PAGE] = "steal-page",
	[LB_PATH_STEAL_MOVE] = "steal-move",
	[LB_PATH_STEAL_CLAIM] = "steal-claim",
	[LB_PATH_STEAL_WHOLE] = "steal-whole",
	[LB_PATH_BOOST] = "boost",
	[LB_PATH_PCP_REFILL] = "pcp-refill",
	[LB_PATH_PCP_TRIM] = "pcp-trim",
	[LB_PATH_PCP_DRAIN] = "pcp-drain",
	[LB_PATH_SLOWPATH] = "slowpath",
	[LB_PATH_KSWAPD_WAKE] = "kswapd-wake",
	[LB_PATH_OTHER_ZONE] = "other-zone",
	[LB_PATH_OTHER_NODE] = "other-node",
	[LB_PATH_RESERVES] = "reserves",
	[LB_PATH_HIGHATOMIC_RESERVE] = "highatomic-reserve",
	[LB_PATH_HIGHATOMIC_TAKE] = "highatomic-take",
	[LB_PATH_HIGHATOMIC_UNRESERVE] = "highatomic-unreserve",
	[LB_PATH_NOFRAGMENT_RETRY] = "nofragment-retry",
	[LB_PATH_FAIL_WATERMARK] = "fail-watermark",
	[LB_PATH_FAIL_BLOCK] = "fail-block",
	[LB_PATH_FAIL_ZONE] = "fail-zone",
	[LB_PATH_FAIL_ORDER] = "fail-order",
	[LB_PATH_FAIL_INJECTED] = "fail-injected",
	[LB_PATH_LOOP] = "loop",
	[LB_PATH_OOM] = "oom",
	[LB_PATH_PARTIAL_FREE] = "partial-free",
	[LB_PATH_BAD_PAGE] = "bad-page",
	[LB_PATH_BULK] = "bulk",
	[LB_PATH_BULK_SINGLE] = "bulk-single",
	[LB_PATH_ISOLATE] = "isolate",
	[LB_PATH_UNISOLATE] = "unisolate",
	[LB_PATH_UNISOLATE_MERGE] = "unisolate-merge",
	[LB_PATH_STAT_FOLD] = "stat-fold",
	[LB_PATH_DRIFT] = "drift",
	[LB_PATH_REMOTE_DRAIN] = "remote-drain",
	[LB_PATH_INTERLEAVE] = "interleave",
	[LB_PATH_BIND] = "bind",
	[LB_PATH_PREFERRED_MANY] = "preferred-many",
	[LB_PATH_CPUSET] = "cpuset",
	[LB_PATH_SHUFFLE_TAIL] = "shuffle-tail",
	[LB_PATH_GUARD] = "guard",
	[LB_PATH_GUARD_MERGE] = "guard-merge",
	[LB_PATH_POISON] = "poison",
	[LB_PATH_FRAG_REFILL] = "frag-refill",
	[LB_PATH_FRAG_REUSE] = "frag-reuse",
	[LB_PATH_HWPOISON] = "hwpoison",
	[LB_PATH_DESTRUCTOR_COMPOUND] = "destructor-compound",
	[LB_PATH_DESTRUCTOR_THP] = "destructor-thp",
	[LB_PATH_DEFERRED_GROW] = "deferred-grow",
	[LB_PATH_DEFERRED_INIT] = "deferred-init",
};

/* Targets are foreign: a number out of range is their mistake, and must not be ours. */
static const char *word(const char *const *words, unsigned int count, unsigned int which)
{
	assert(words && count > 0);
	return which < count && words[which] ? words[which] : "unknown";
}

const char *lb_outcome_name(enum lb_outcome outcome)
{
	return word(outcome_names, LB_OUTCOME_COUNT, outcome);
}

const char *lb_reason_name(enum lb_reason reason)
{
	return word(reason_names, LB_REASON_COUNT, reason);
}

const char *lb_path_name(enum lb_path path)
{
	return word(path_names, LB_PATH_COUNT, path);
}
