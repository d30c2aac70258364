/*
 * lostbuddy-bench: the verb `lostbuddy bench` as a program of its own, which the verb's name may
 * follow.
 */
#include "bench/bench.h"

#include <stdbool.h>
#include <string.h>

int main(int argc, char **argv)
{
	bool named = argc > 1 && strcmp(argv[1], "bench") == 0;

	return named ? bench_main(argc - 1, argv + 1) : bench_main(argc, argv);
}
