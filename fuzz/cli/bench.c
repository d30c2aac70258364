/*
 * lostbuddy bench: the benchmarks' own room does all of it; comparing revisions is a script there.
 */
#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"

/*
 * build/PRESET/bin/lostbuddy -> bench/compare.py. The script takes the place of the word "compare".
 */
static int compare(char **argv)
{
	char folder[PATH_MAX], script[PATH_MAX], python[] = "python3";

	if (!program_folder(folder, sizeof(folder)) ||
	    (size_t)snprintf(script, sizeof(script), "%s/../../../bench/compare.py", folder) >=
		    sizeof(script) ||
	    access(script, R_OK) != 0)
		return fail("bench compare: this program does not stand in a checkout's build "
			    "folder; run ./lostbuddy bench compare there");
	argv[0] = python;
	argv[1] = script;
	execvp(python, argv);
	return fail("bench compare: cannot start python3 (Debian package python3): %s",
		    strerror(errno));
}

int verb_bench(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "compare") == 0)
		return compare(argv);
	return bench_main(argc, argv);
}
