/* lostbuddy doctor: what is installed, what can be built, and whether planted faults are found. */
#include "cli/cli.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "judge/canary.h"

static const struct {
	const char *command, *package, *use;
} tools[] = {
	{ "gcc", "gcc", "the build" },
	{ "cmake", "cmake", "the build" },
	{ "ninja", "ninja-build", "the build" },
	{ "clang-19", "clang-19", "libFuzzer and sanitizers" },
	{ "llvm-symbolizer-19", "llvm-19", "names in sanitizer reports" },
	{ "clang-14", "clang-14", "tests with a second compiler" },
	{ "gcovr", "gcovr", "line coverage" },
};

static const struct argp argp = {
	NULL,
	NULL,
	NULL,
	"Says what is installed, what can be built with it, and whether the planted faults "
	"(canaries) are found.\v"
	"Exit codes: 0 campaigns can be trusted, 4 a canary was missed.",
	help_children,
	NULL,
	NULL,
};

/* Is there an executable of this name in a folder of PATH? */
static bool is_installed(const char *command)
{
	const char *folder = getenv("PATH");

	while (folder && *folder) {
		char path[PATH_MAX];
		size_t length = strcspn(folder, ":");

		if ((size_t)snprintf(path, sizeof(path), "%.*s/%s", (int)length, folder, command) <
			    sizeof(path) &&
		    access(path, X_OK) == 0)
			return true;
		folder += length + (folder[length] == ':');
	}
	return false;
}

static void print_tools(void)
{
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		bool installed = is_installed(tools[i].command);

		printf("%s%-9s%s %-20s %s", colour(stdout, installed ? COLOUR_GOOD : COLOUR_BAD),
		       installed ? "installed" : "missing", colour(stdout, COLOUR_NONE),
		       tools[i].command, tools[i].use);
		if (!installed)
			printf(" (apt-get install %s)", tools[i].package);
		printf("\n");
	}
}

static void print_engines(void)
{
	char fuzz_pages[PATH_MAX];

	printf("engine    builtin              ready\n");
	if (find_fuzz_pages(fuzz_pages, sizeof(fuzz_pages)))
		printf("engine    libfuzzer            ready: %s\n", fuzz_pages);
	else if (is_installed("clang-19"))
		printf("engine    libfuzzer            not built: cmake --preset libfuzzer && "
		       "cmake --build --preset libfuzzer\n");
	else
		printf("engine    libfuzzer            needs clang-19 and libclang-rt-19-dev\n");
}

int verb_doctor(int argc, char **argv)
{
	char report[1 << 14];

	if (argp_parse(&argp, argc, argv, 0, NULL, NULL) != 0)
		return EXIT_USAGE;
	print_tools();
	print_engines();
	fflush(stdout);
	bool found = canary_run(report, sizeof(report));
	size_t length = strlen(report);

	printf("canaries  %s%s%s\n%s%s", colour(stdout, found ? COLOUR_GOOD : COLOUR_BAD),
	       found ? "found" : "MISSED", colour(stdout, COLOUR_NONE), report,
	       length && report[length - 1] != '\n' ? "\n" : "");
	return found ? EXIT_CLEAN : EXIT_UNHEALTHY;
}
