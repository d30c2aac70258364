/* lostbuddy doctor: what is installed, what can be built, and whether planted faults are found. */
#include "cli/cli.h"

#include <string.h>

#include "judge/canary.h"

static const struct {
	const char *command, *package, *use;
} tools[] = {
	{ "gcc", "gcc", "the build" },
	{ "cmake", "cmake", "the build" },
	{ "ninja", "ninja-build", "the build" },
	{ "clang-19", "clang-19", "libFuzzer, AFL++ and sanitizers" },
	{ "afl-fuzz", "afl++", "AFL++" },
	{ "llvm-symbolizer-19", "llvm-19", "names in sanitizer reports" },
	{ "clang-14", "clang-14", "tests with a second compiler" },
	{ "llvm-cov-19", "llvm-19", "coverage of the core" },
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

static bool is_installed(const char *command)
{
	char path[PATH_MAX];

	return find_command(path, command);
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

/* An engine that needs a build of its own. */
static void print_engine(const char *engine, bool installed, const char *packages)
{
	char fuzz_pages[PATH_MAX];

	printf("engine    %-20s ", engine);
	if (!installed)
		printf("needs %s\n", packages);
	else if (find_fuzz_pages(fuzz_pages, engine))
		printf("ready: %s\n", fuzz_pages);
	else
		printf("not built: cmake --preset %s && cmake --build --preset %s\n", engine,
		       engine);
}

static void print_engines(void)
{
	bool clang = is_installed("clang-19");

	printf("engine    builtin              ready\n");
	print_engine("libfuzzer", clang, "clang-19 and libclang-rt-19-dev");
	print_engine("afl", clang && is_installed("afl-fuzz"),
		     "afl++, clang-19 and libclang-rt-19-dev");
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
