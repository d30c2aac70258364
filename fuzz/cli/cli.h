/*
 * The program's face: what the verbs share.
 *
 * A verb is a file with one function `int verb_NAME(int argc, char **argv)`; argv[0] is
 * "lostbuddy NAME", the answer is the exit code. Errors are one sentence on stderr: what,
 * where, what to do. Verbs own no state that outlives a call.
 */
#ifndef LOSTBUDDY_CLI_H
#define LOSTBUDDY_CLI_H

#include <argp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>

#include "campaign/campaign.h"

struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what; /* one line of --help */
};

int verb_fuzz(int argc, char **argv);
int verb_enumerate(int argc, char **argv);
int verb_replay(int argc, char **argv);
int verb_show(int argc, char **argv);
int verb_shrink(int argc, char **argv);
int verb_explain(int argc, char **argv);
int verb_rules(int argc, char **argv);
int verb_machine(int argc, char **argv);
int verb_trace(int argc, char **argv);
int verb_proc(int argc, char **argv);
int verb_bench(int argc, char **argv);
int verb_test(int argc, char **argv);
int verb_doctor(int argc, char **argv);

/* Prints "lostbuddy: ..." and returns EXIT_USAGE. */
int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Prints "lostbuddy: where:line:column: what" (line and column where there are any) and returns
 * EXIT_USAGE.
 */
int fail_at(const char *where, const struct text_error *error);

/*
 * A program from a file of either form ("-": stdin). False: the error was printed. *p is to be
 * freed either way.
 */
bool read_program(struct program *p, const char *path);

/* A machine from a line (it has an '=') or from a file. False: the error was printed. */
bool read_machine(struct machine *m, const char *line_or_file);
bool read_boot(struct machine *m, const char *dir);
bool read_whole_boot(struct machine *m, const char *dir); /* machine_from_boot_whole() */

/*
 * A program to be carried out on the core, whose state is shown then: from @path, or an empty one
 * (NULL); on a machine of its own, or the one that is given. False: the error was printed.
 */
struct chosen_machine {
	const char *line_or_file, *boot; /* at most one is not NULL */
};
bool read_shown(struct program *p, const char *path, const struct chosen_machine *machine);

/*
 * Carries it out, without the oracle, and calls @look with the core's instance before anything is
 * given back. Returns an exit code; what went wrong was printed.
 */
int carry_out_and_look(const struct program *p, judge_looker *look, void *data);

/* A target by its name. NULL: the error was printed. */
const struct lb_target *find_target(const char *name);

/*
 * A judge that looks closely: a comparison after every operation, unless the program is very
 * long; in a worker, since the target may die of it.
 */
struct judge *closely_judge(const struct lb_target *target, const struct program *p,
			    bool check_observed);

/* show --map: a map of what a program leaves; see read_shown(). Returns an exit code. */
struct map_request {
	const char *program; /* NULL: none */
	struct chosen_machine machine;
	const char *output, *svg; /* svg = NULL: text, to output */
	unsigned int width;	  /* columns; 0: the terminal's */
};
int show_map(const struct map_request *request);

/* The core's events while it carries out a program, as text of the trace file. Returns an exit code. */
int export_trace(const struct program *p, const char *output);

/* All of a stream or file; free it. NULL: it cannot be read, or there is no memory (errno). */
char *read_stream(FILE *in, size_t *size);
char *read_whole_file(const char *path, size_t *size);

/* From here on SIGINT and SIGTERM end nothing by themselves: they set what is pointed to. */
const volatile sig_atomic_t *stop_on_signals(void);

/* --dir: the folder without slashes at its end; names of files are put behind it. */
const char *without_slashes(char *folder);

/* --known: reads the signatures of a file, or ends the program with the reason. */
void read_known(struct signatures *known, const char *path, struct argp_state *state);

/* Writes bytes to a file (whole or not at all; "-": stdout). False: the error was printed. */
bool write_output(const char *path, const void *bytes, size_t size);

/* False, and said, where a report (a map, an explanation) would overwrite a program or machine. */
bool may_report_into(const char *path);

/* Colours on a terminal, unless NO_COLOR is set; else "". */
enum colour { COLOUR_NONE, COLOUR_GOOD, COLOUR_BAD, COLOUR_DIM };
const char *colour(FILE *out, enum colour colour);

/* Where this program stands, without the file name. */
bool program_folder(char *path, size_t size);

/* fuzz_pages as built for an engine (libfuzzer, afl). False: it is not built. */
bool find_fuzz_pages(char path[PATH_MAX], const char *engine);

/* The checkout's corpus/. */
bool find_corpus(char path[PATH_MAX]);

/* An executable of this name in a folder of PATH. */
bool find_command(char path[PATH_MAX], const char *command);

/* -h, for every verb: `struct argp` has it as its children. */
extern const struct argp_child help_children[];

/* --target T, shared by several verbs. */
#define OPTION_TARGET                                                                              \
	{ "target",                                                                                \
	  't',                                                                                     \
	  "TARGET",                                                                                \
	  0,                                                                                       \
	  "core (the default), broken:NAME, or a shared object such as ./mine.so",                 \
	  0 }

#endif
