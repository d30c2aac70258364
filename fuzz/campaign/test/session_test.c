/*
 * Engines that are children, with shell scripts in their place: what a session plants, watches,
 * copies, reports and removes.
 */
#include "test.h"

#include <dirent.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "campaign/campaign.h"
#include "campaign/save.h"
#include "campaign/session.h"
#include "target/builtin.h"

static char folder[] = "/tmp/lostbuddy-session-XXXXXX";
static FILE *notes;

__attribute__((constructor)) static void make_folder(void)
{
	notes = tmpfile();
	if (!mkdtemp(folder) || !notes)
		abort();
}

__attribute__((destructor)) static void remove_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command) != 0)
		perror(folder);
}

struct run {
	char dir[64], bin[64], fuzz_pages[160], afl_fuzz[160];
	struct campaign_options options;
	struct findings findings;
	struct campaign_summary summary;
};

static void write_script(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	EXPECT(out != NULL);
	fprintf(out, "#!/bin/sh\n%s\n", text);
	fclose(out);
	EXPECT_EQ(chmod(path, 0755), 0);
}

/* A campaign whose target and whose afl-fuzz are scripts. */
static void run_begin(struct run *r, const char *target, const char *fuzz_pages, const char *afl)
{
	static unsigned int number;
	char error[TARGET_ERROR_SIZE], mutator[160], why[512];

	*r = (struct run){ 0 };
	snprintf(r->dir, sizeof(r->dir), "%s/%u", folder, ++number);
	snprintf(r->bin, sizeof(r->bin), "%s/bin%u", folder, number);
	snprintf(r->fuzz_pages, sizeof(r->fuzz_pages), "%s/fuzz_pages", r->bin);
	snprintf(r->afl_fuzz, sizeof(r->afl_fuzz), "%s/afl-fuzz", r->bin);
	snprintf(mutator, sizeof(mutator), "%s/afl_mutator.so", r->bin);
	EXPECT(save_folder(r->bin, why));
	write_script(r->fuzz_pages, fuzz_pages);
	write_script(r->afl_fuzz, afl);
	write_script(mutator, "");
	r->options = (struct campaign_options){
		.seed = "seed",
		.runs = 1000,
		.target = target_find(target, error),
		.notes = notes,
		.fuzz_pages = r->fuzz_pages,
		.afl_fuzz = r->afl_fuzz,
		.corpus = "corpus",
		.findings = { .dir = r->dir,
			      .seed = "seed",
			      .target_name = target,
			      .notes = notes },
	};
	EXPECT(r->options.target != NULL);
	EXPECT(findings_begin(&r->findings, &r->options.findings, r->options.target));
}

static void run_end(struct run *r)
{
	findings_end(&r->findings);
}

static bool exists(const struct run *r, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	return access(path, F_OK) == 0;
}

/* Files of a folder under the campaign's whose names begin so. */
static unsigned int count_files(const struct run *r, const char *below, const char *begin)
{
	char path[256];
	const struct dirent *entry;
	unsigned int count = 0;

	snprintf(path, sizeof(path), "%s/%s", r->dir, below);
	DIR *dir = opendir(path);

	while (dir && (entry = readdir(dir)))
		count += entry->d_name[0] != '.' &&
			 strncmp(entry->d_name, begin, strlen(begin)) == 0;
	if (dir)
		closedir(dir);
	return count;
}

static void save_program(const struct run *r, const char *name, const char *text)
{
	struct text_error error;
	struct program p;
	char why[512];
	size_t size;

	program_init(&p);
	EXPECT(program_parse(&p, text, strlen(text), &error));
	uint8_t *bytes = bytes_of_program(&p, &size);

	EXPECT(save_file(r->bin, name, bytes, size, why));
	free(bytes);
	program_free(&p);
}

TEST(what_is_missing_is_named)
{
	struct run r;

	run_begin(&r, "core", "exit 0", "exit 0");
	r.options.afl_fuzz = NULL;
	campaign_run_afl(&r.options, &r.findings, &r.summary);
	EXPECT_EQ(r.summary.end, END_ENGINE);
	EXPECT(strstr(r.summary.why, "package afl++"));
	r.options.afl_fuzz = r.afl_fuzz;
	r.options.fuzz_pages = NULL;
	campaign_run_afl(&r.options, &r.findings, &r.summary);
	EXPECT(strstr(r.summary.why, "cmake --preset afl"));
	campaign_run_libfuzzer(&r.options, &r.findings, &r.summary);
	EXPECT(strstr(r.summary.why, "cmake --preset libfuzzer"));
	EXPECT_EQ(campaign_exit_code(&r.summary), EXIT_USAGE);
	EXPECT(!exists(&r, "corpus"));
	run_end(&r);
}

TEST(plug_ins_are_refused)
{
	struct run r;

	run_begin(&r, "core", "exit 0", "exit 0");
	r.options.findings.target_name = "./mine.so";
	campaign_run_afl(&r.options, &r.findings, &r.summary);
	EXPECT_EQ(r.summary.end, END_ENGINE);
	EXPECT(strstr(r.summary.why, "--engine builtin"));
	run_end(&r);
}

TEST(an_engine_that_runs_no_program_ends_the_campaign_and_the_log_is_named)
{
	struct run r;

	run_begin(&r, "core", "exit 0", "echo no such option; exit 1");
	campaign_run_afl(&r.options, &r.findings, &r.summary);
	EXPECT_EQ(r.summary.end, END_ENGINE);
	EXPECT(strstr(r.summary.why, "afl.log"));
	EXPECT_EQ(campaign_exit_code(&r.summary), EXIT_USAGE);
	run_end(&r);
}

/* Sixteen machines with eight programs, and the texts of corpus/ that have a wire form. */
TEST(the_first_corpus_has_programs_of_the_generator_and_those_of_people)
{
	struct run r;

	run_begin(&r, "core", "exit 0", "exit 1");
	campaign_run_afl(&r.options, &r.findings, &r.summary);
	EXPECT_EQ(count_files(&r, "corpus", "seed-"), 128);
	EXPECT_EQ(count_files(&r, "corpus", "misuse.bin"), 1);
	EXPECT_EQ(count_files(&r, "corpus", "no-tail-is-no-head.bin"), 1);
	EXPECT(exists(&r, "corpus/tiny.bin"));
	run_end(&r);
}

/*
 * The scripts count no programs, so each of these campaigns ends with "ran no program": what is
 * looked at is what they leave.
 */
TEST(a_crash_of_afl_is_reported_shrunk_and_its_leavings_are_removed)
{
	struct run r;
	char script[2048];

	run_begin(&r, "broken:leaks", "exit 0", "");
	save_program(
		&r, "crash",
		"lostbuddy 1\nmachine pages=64\np0 = alloc_pages(order=0, gfp=KERNEL)\n"
		"p1 = alloc_pages(order=0, gfp=KERNEL)\np2 = alloc_pages(order=0, gfp=KERNEL)\n");
	snprintf(script, sizeof(script),
		 "[ -e %s/once ] && exit 0\ntouch %s/once\n"
		 "mkdir -p %s/afl/main/queue %s/afl/main/crashes %s/afl/main/hangs\n"
		 "cp %s/crash %s/afl/main/crashes/id:000000,sig:06\n"
		 "trap 'exit 0' TERM\nwhile :; do sleep 0.1; done",
		 r.bin, r.bin, r.dir, r.dir, r.dir, r.bin, r.dir);
	write_script(r.afl_fuzz, script);
	campaign_run_afl(&r.options, &r.findings, &r.summary);
	EXPECT_EQ(r.findings.nr_entries, 1);
	EXPECT(strncmp(r.findings.entries[0].signature, "contract.leak", 13) == 0);
	EXPECT(r.findings.entries[0].written);
	EXPECT_EQ(count_files(&r, ".", "contract.leak"), 3); /* .lb .bin .txt */
	EXPECT(!exists(&r, "afl"));
	run_end(&r);
}

/* Both inputs have the same bytes, and so one name; what came from the corpus stays out. */
TEST(the_queue_is_copied_without_what_came_from_the_corpus)
{
	struct run r;
	char script[2048];

	run_begin(&r, "core", "exit 0", "");
	snprintf(script, sizeof(script),
		 "mkdir -p %s/afl/main/queue\ncd %s/afl/main/queue\n"
		 "echo a >id:000000,time:0,orig:seed-00-00\necho b >id:000001,src:000000,op:x\n"
		 "echo c >id:000002,sync:main,src:000001\necho d >id:000003,src:000001,op:x\n"
		 "echo d >id:000004,src:000001,op:x\nexit 1",
		 r.dir, r.dir);
	write_script(r.afl_fuzz, script);
	campaign_run_afl(&r.options, &r.findings, &r.summary);
	EXPECT_EQ(count_files(&r, "corpus", "afl-"), 2);
	EXPECT(!exists(&r, "afl"));
	run_end(&r);
}

/*
 * fuzz_pages dies of one input of the corpus, and has counted how many it had begun; a sanitizer
 * says why. The count stands behind three numbers of eight bytes (pages_stats.h).
 */
TEST(what_dies_before_afl_starts_is_a_finding_named_by_the_sanitizer)
{
	struct run r;
	char path[192];
	size_t size = 0, expected = 0;

	EXPECT_EQ(offsetof(struct pages_stats, begun), 24);
	run_begin(&r, "core",
		  "n=0\nfor input; do\nn=$((n + 1))\ncase $input in *seed-03-02)\n"
		  "cp $input ${0%/*}/dead\necho SUMMARY: a planted fault >&2\n"
		  "printf \"\\\\$(printf %o $n)\" |\n"
		  "dd of=$LOSTBUDDY_STATS bs=1 seek=24 conv=notrunc 2>/dev/null\n"
		  "kill -ABRT $$ ;;\nesac\ndone",
		  "exit 0");
	campaign_run_afl(&r.options, &r.findings, &r.summary);
	EXPECT_EQ(r.findings.nr_entries, 1);
	EXPECT_STR(r.findings.entries[0].signature, "sanitizer a planted fault");
	snprintf(path, sizeof(path), "%s/dead", r.bin);
	char *dead = session_read(path, &expected);

	snprintf(path, sizeof(path), "%s/%s.bin", r.dir, r.findings.entries[0].name);
	char *kept = session_read(path, &size);

	EXPECT(dead && kept && size == expected && memcmp(dead, kept, size) == 0);
	free(dead);
	free(kept);
	run_end(&r);
}

TEST(a_hang_that_does_not_come_again_is_no_finding)
{
	struct run r;
	char script[2048];

	run_begin(&r, "core", "exit 0", "");
	save_program(&r, "slow",
		     "lostbuddy 1\nmachine pages=64\np0 = alloc_pages(order=0, gfp=KERNEL)\n");
	snprintf(script, sizeof(script),
		 "[ -e %s/once ] && exit 0\ntouch %s/once\nmkdir -p %s/afl/main/hangs\n"
		 "cp %s/slow %s/afl/main/hangs/id:000000\nexit 0",
		 r.bin, r.bin, r.dir, r.bin, r.dir);
	write_script(r.afl_fuzz, script);
	campaign_run_afl(&r.options, &r.findings, &r.summary);
	EXPECT_EQ(r.findings.nr_entries, 0);
	EXPECT(!exists(&r, "afl"));
	run_end(&r);
}

TEST_MAIN
