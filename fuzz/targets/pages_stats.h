/*
 * What fuzz_pages counts, in a file that it shares with `lostbuddy fuzz`: it outlives whatever
 * ends the process. The file is named by the environment variable LOSTBUDDY_STATS, and has the
 * size of this struct, zeroed.
 */
#ifndef LOSTBUDDY_PAGES_STATS_H
#define LOSTBUDDY_PAGES_STATS_H

#include "oracle/oracle.h"

#define PAGES_STATS_MAGIC UINT64_C(0x6c6f737462756403)

struct pages_stats {
	uint64_t magic; /* PAGES_STATS_MAGIC, once the child uses it */
	/* Of the child: a different build has others, and its counts mean nothing. */
	uint64_t nr_rules, nr_paths;
	uint64_t begun; /* inputs; the last of them is what the child died of, if it died of one */
	uint64_t programs, executed, no_ops, comparisons;
	double cpu_seconds; /* of the processes that ran them */
	uint64_t exercised[RULE_COUNT];
	uint64_t paths[LB_PATH_COUNT];
};

#endif
