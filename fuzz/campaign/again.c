/* How a finding is seen again. See again.h. */
#include "campaign/again.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

static bool is_plain(const char *word)
{
	for (const char *c = word; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("%+,-./:=@_", *c))
			return false;
	return word[0];
}

void print_shell_word(FILE *out, const char *word)
{
	assert(word);
	if (is_plain(word)) {
		fprintf(out, "%s", word);
		return;
	}
	fputc('\'', out);
	for (const char *c = word; *c; c++) {
		if (*c == '\'')
			fprintf(out, "'\\''");
		else
			fputc(iscntrl((unsigned char)*c) ? '?' : *c, out);
	}
	fputc('\'', out);
}

static const char *command_of(const struct findings_options *options)
{
	return options->command ? options->command : "lostbuddy";
}

static void print_fuzz(FILE *out, const char *command, const struct findings_options *options)
{
	if (options->how) {
		fprintf(out, "%s", options->how);
		return;
	}
	print_shell_word(out, command);
	fprintf(out, " fuzz --target ");
	print_shell_word(out, options->target_name);
	fprintf(out, " --seed ");
	print_shell_word(out, options->seed);
	if (options->engine)
		fprintf(out, " --engine %s", options->engine);
}

/* A name that begins with `-' would be read as an option. */
static void print_file(FILE *out, const struct findings_options *options,
		       const struct finding *entry)
{
	char path[4096 + sizeof(entry->name) + 8];

	snprintf(path, sizeof(path), "%s%.4096s/%s.lb", options->dir[0] == '-' ? "./" : "",
		 options->dir, entry->name);
	print_shell_word(out, path);
}

void print_origin(FILE *out, const struct findings_options *options, const struct finding *entry)
{
	fprintf(out, "# signature: %s\n# found by: ", entry->signature);
	print_fuzz(out, command_of(options), options);
	if (!options->how)
		fprintf(out, ", program %" PRIu64, entry->program);
	fprintf(out, "\n# again:    ");
	print_shell_word(out, command_of(options));
	fprintf(out, " replay --target ");
	print_shell_word(out, options->target_name);
	fputc(' ', out);
	print_file(out, options, entry);
	fputc('\n', out);
	if (entry->at_end)
		fprintf(out,
			"# it showed at the end of the program, when everything had been freed; "
			"`-> !` stands on the last line\n");
	if (entry->unsteady)
		fprintf(out, "# it did not show when this program was run again alone\n");
}

void print_unsteady(FILE *out, const struct findings_options *options)
{
	bool plug_in = strchr(options->target_name, '/');

	fprintf(out,
		"  It did not show again when its program was run alone, in a fresh process, so "
		"the "
		"program is not shrunk.\n"
		"  Something that ran before has a part in it: memory that was overrun or used "
		"after "
		"free, or a variable\n"
		"  that outlives the allocator. AddressSanitizer names a wrong access where it "
		"happens. %s:\n    ",
		plug_in ? "Build the allocator with\n  -fsanitize=address, then"
			: "Build lostbuddy with it\n  (cmake --preset asan && cmake --build "
			  "--preset "
			  "asan), then");
	if (plug_in)
		fprintf(out, "LD_PRELOAD=$(cc -print-file-name=libasan.so) "
			     "ASAN_OPTIONS=detect_leaks=0 ");
	print_fuzz(out, plug_in ? command_of(options) : "build/asan/bin/lostbuddy", options);
	fputc('\n', out);
}
