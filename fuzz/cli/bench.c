/* lostbuddy bench: the benchmarks' own room does all of it. */
#include "cli/cli.h"

#include "bench/bench.h"

int verb_bench(int argc, char **argv)
{
	return bench_main(argc, argv);
}
