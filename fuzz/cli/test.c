/* lostbuddy test: hands over to the tests of the checkout this program was built from. */
#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* build/PRESET/bin/lostbuddy -> testing/run */
int verb_test(int argc, char **argv)
{
	char folder[PATH_MAX], script[PATH_MAX];

	(void)argc;
	if (!program_folder(folder, sizeof(folder)) ||
	    (size_t)snprintf(script, sizeof(script), "%s/../../../testing/run", folder) >=
		    sizeof(script) ||
	    access(script, X_OK) != 0)
		return fail("test: this program does not stand in a checkout's build folder; run "
			    "./lostbuddy test there");
	argv[0] = script;
	execv(script, argv);
	return fail("test: cannot start %s: %s", script, strerror(errno));
}
