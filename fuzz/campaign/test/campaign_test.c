/*
 * Campaigns on allocators whose faults are known: what is found, kept, called known, and said
 * of health.
 */
#include "test.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "campaign/campaign.h"
#include "campaign/runner.h"
#include "shrink/shrink.h"
#include "target/builtin.h"

static char folder[] = "/tmp/lostbuddy-camp-XXXXXX";
static FILE *notes;

__attribute__((constructor)) static void make_folder(void)
{
	notes = tmpfile();
	if (!mkdtemp(folder) || !notes)
		abort();
}

struct run {
	struct campaign_options options;
	struct findings findings;
	struct campaign_summary summary;
	char dir[128];
};

static void run_begin(struct run *r, const char *target, const char *seed, uint64_t runs)
{
	char error[TARGET_ERROR_SIZE];

	*r = (struct run){ .options = { .seed = seed, .runs = runs, .notes = notes } };
	snprintf(r->dir, sizeof(r->dir), "%s/%s-%s", folder, target, seed);
	r->options.target = target_find(target, error);
	r->options.findings = (struct findings_options){ .dir = r->dir,
							 .seed = seed,
							 .target_name = target,
							 .notes = notes,
							 .shrink_runs = 500 };
	EXPECT(r->options.target);
}

static void run_end(struct run *r)
{
	findings_end(&r->findings);
}

static void run_campaign(struct run *r)
{
	EXPECT(findings_begin(&r->findings, &r->options.findings, r->options.target));
	campaign_run(&r->options, &r->findings, &r->summary);
}

static bool has_file(const struct run *r, const struct finding *entry, const char *ending)
{
	char path[256];
	struct stat file;

	snprintf(path, sizeof(path), "%s/%s%s", r->dir, entry->name, ending);
	return stat(path, &file) == 0 && file.st_size > 0;
}

static bool has_rule(const struct run *r, const char *id)
{
	for (size_t i = 0; i < r->findings.nr_entries; i++)
		if (strncmp(r->findings.entries[i].signature, id, strlen(id)) == 0)
			return true;
	return false;
}

TEST(a_correct_allocator_is_clean_and_its_campaign_healthy)
{
	struct run r;

	run_begin(&r, "broken:correct", "one", 300);
	run_campaign(&r);
	EXPECT_EQ(r.summary.end, END_RUNS);
	EXPECT_EQ(r.summary.programs, 300);
	EXPECT_EQ(r.summary.new_findings, 0);
	EXPECT(r.summary.executed > 1000);
	EXPECT(!campaign_unhealthy(&r.summary));
	EXPECT_EQ(campaign_exit_code(&r.summary), EXIT_CLEAN);
	EXPECT(!opendir(r.dir)); /* nothing to write, nothing made */
	run_end(&r);
}

TEST(a_lost_buddy_is_found_shrunk_and_written_once)
{
	struct run r;

	run_begin(&r, "broken:loses-buddies", "two", 300);
	run_campaign(&r);
	EXPECT(r.summary.new_findings > 0);
	EXPECT(has_rule(&r, "buddy.unmerged"));
	EXPECT_EQ(campaign_exit_code(&r.summary), EXIT_FINDING);
	for (size_t i = 0; i < r.findings.nr_entries; i++) {
		const struct finding *entry = &r.findings.entries[i];

		EXPECT(entry->written && entry->seen > 0);
		EXPECT(entry->ops_after <= entry->ops_before);
		EXPECT(has_file(&r, entry, ".lb") && has_file(&r, entry, ".bin") &&
		       has_file(&r, entry, ".txt"));
		for (size_t k = 0; k < i; k++)
			EXPECT(strcmp(entry->signature, r.findings.entries[k].signature) != 0);
	}
	run_end(&r);
}

TEST(what_was_written_shows_the_same_finding_when_replayed)
{
	const struct judge_options closely = { .compare_always = true };
	struct run r;

	run_begin(&r, "broken:forgets-to-zero", "three", 300);
	run_campaign(&r);
	EXPECT(r.summary.new_findings > 0);
	struct judge *judge = judge_create(r.options.target, &closely);

	for (size_t i = 0; i < r.findings.nr_entries; i++) {
		struct text_error error = { 0 };
		struct outcome outcome;
		struct program p;
		char path[256];

		snprintf(path, sizeof(path), "%s/%s.lb", r.dir, r.findings.entries[i].name);
		program_init(&p);
		EXPECT(program_read_file(&p, path, &error));
		EXPECT(!judge_run(judge, &p, &outcome));
		EXPECT_STR(outcome.signature, r.findings.entries[i].signature);
		program_free(&p);
	}
	judge_destroy(judge);
	run_end(&r);
}

static void expect_same_campaign(const struct run *a, const struct run *b)
{
	EXPECT_EQ(a->summary.executed, b->summary.executed);
	EXPECT_EQ(a->summary.no_ops, b->summary.no_ops);
	EXPECT_EQ(a->findings.nr_entries, b->findings.nr_entries);
	for (size_t i = 0; i < a->findings.nr_entries && i < b->findings.nr_entries; i++) {
		EXPECT_STR(a->findings.entries[i].signature, b->findings.entries[i].signature);
		EXPECT_STR(a->findings.entries[i].text, b->findings.entries[i].text);
	}
}

TEST(the_same_seed_gives_the_same_campaign_and_another_does_not)
{
	struct run a, b, c;

	run_begin(&a, "broken:leaks", "four", 60);
	run_campaign(&a);
	run_begin(&b, "broken:leaks", "four", 60);
	run_campaign(&b);
	expect_same_campaign(&a, &b);
	run_begin(&c, "broken:leaks", "five", 60);
	run_campaign(&c);
	EXPECT(a.summary.executed != c.summary.executed);
	run_end(&a);
	run_end(&b);
	run_end(&c);
}

TEST(known_findings_are_counted_and_not_written)
{
	struct run first, second;
	struct signatures known = { 0 };

	run_begin(&first, "broken:misaligns", "six", 60);
	run_campaign(&first);
	EXPECT(first.findings.nr_entries > 0);
	for (size_t i = 0; i < first.findings.nr_entries; i++)
		signatures_add(&known, first.findings.entries[i].signature);

	run_begin(&second, "broken:misaligns", "six", 60);
	snprintf(second.dir, sizeof(second.dir), "%s/known", folder);
	second.options.findings.known = &known;
	run_campaign(&second);
	EXPECT_EQ(second.summary.new_findings, 0);
	EXPECT(second.summary.known_findings > 0);
	EXPECT_EQ(campaign_exit_code(&second.summary), EXIT_KNOWN);
	EXPECT(!opendir(second.dir));
	signatures_free(&known);
	run_end(&first);
	run_end(&second);
}

TEST(a_finding_that_cannot_be_written_is_printed_and_ends_the_campaign)
{
	struct run r;
	char printed[1 << 16];

	run_begin(&r, "broken:loses-buddies", "seven", 300);
	snprintf(r.dir, sizeof(r.dir), "/proc/lostbuddy");
	rewind(notes);
	run_campaign(&r);
	EXPECT_EQ(r.summary.end, END_SAVE);
	EXPECT_EQ(campaign_exit_code(&r.summary), EXIT_USAGE);
	EXPECT(strstr(r.summary.why, "/proc/lostbuddy"));
	rewind(notes);
	printed[fread(printed, 1, sizeof(printed) - 1, notes)] = '\0';
	EXPECT(strstr(printed, "lostbuddy 1\n") && strstr(printed, "alloc_page"));
	run_end(&r);
}

TEST(a_crash_is_a_finding_and_not_the_end)
{
	struct run r;

	run_begin(&r, "broken:crashes", "eight", 40);
	run_campaign(&r);
	EXPECT_EQ(r.summary.end, END_RUNS);
	EXPECT(has_rule(&r, "target.crash"));
	run_end(&r);
}

static char *content_of(const struct run *r, const struct finding *entry, const char *ending)
{
	static char content[1 << 16];
	char path[256];

	snprintf(path, sizeof(path), "%s/%s%s", r->dir, entry->name, ending);
	FILE *file = fopen(path, "r");

	content[file ? fread(content, 1, sizeof(content) - 1, file) : 0] = '\0';
	if (file)
		fclose(file);
	return content;
}

static size_t programs_in(const char *dir)
{
	DIR *list = opendir(dir);
	size_t sum = 0;

	for (struct dirent *entry; list && (entry = readdir(list));)
		sum += strlen(entry->d_name) > 3 &&
		       strcmp(entry->d_name + strlen(entry->d_name) - 3, ".lb") == 0;
	if (list)
		closedir(list);
	return sum;
}

/* The same allocator by two names has the same signatures, as two allocators with one bug have. */
TEST(two_targets_with_the_same_bug_in_one_folder_leave_two_findings)
{
	struct run first, second;

	run_begin(&first, "broken:loses-buddies", "ten", 60);
	run_campaign(&first);
	run_begin(&second, "broken:loses-buddies", "ten", 60);
	second.options.findings.target_name = "./mine.so";
	run_campaign(&second);
	EXPECT(first.findings.nr_entries > 0);
	EXPECT_EQ(first.findings.nr_entries, second.findings.nr_entries);
	EXPECT_EQ(programs_in(first.dir), 2 * first.findings.nr_entries);
	for (size_t i = 0; i < first.findings.nr_entries; i++) {
		const struct finding *a = &first.findings.entries[i];
		const struct finding *b = &second.findings.entries[i];

		EXPECT_STR(a->signature, b->signature);
		EXPECT(strstr(content_of(&first, a, ".lb"), "--target broken:loses-buddies "));
		EXPECT(strstr(content_of(&second, b, ".lb"), "--target ./mine.so "));
	}
	run_end(&first);
	run_end(&second);
}

TEST(a_finding_says_how_to_see_it_again_from_here)
{
	struct run r;
	char again[512];

	run_begin(&r, "broken:loses-buddies", "eleven", 60);
	snprintf(r.dir, sizeof(r.dir), "%s/it's here", folder);
	r.options.findings.command = "./lostbuddy";
	r.options.findings.target_name = "./mine.so";
	run_campaign(&r);
	EXPECT(r.findings.nr_entries > 0);
	for (size_t i = 0; i < r.findings.nr_entries; i++) {
		const struct finding *entry = &r.findings.entries[i];

		snprintf(again, sizeof(again),
			 "# again:    ./lostbuddy replay --target ./mine.so '%s/it'\\''s "
			 "here/%s.lb'\n",
			 folder, entry->name);
		EXPECT(strstr(content_of(&r, entry, ".lb"), again));
	}
	run_end(&r);
}

/*
 * Targets with a memory of what other programs did: in one process they carry out so many
 * operations, then a signal ends them. No program alone has as many.
 */
enum { LAST_OPERATION = 4000 };

static const struct lb_target *sound;
static unsigned int carried_out;
static int deadly;

static void count_and_die(void *instance, const struct lb_call *call, struct lb_result *result)
{
	if (++carried_out == LAST_OPERATION) {
		fprintf(stderr, "I cannot go on\n");
		raise(deadly);
	}
	sound->exec(instance, call, result);
}

/* Runs a campaign on such a target, with what it prints caught; *printed: the campaign's notes. */
static void run_mortal(struct run *r, struct lb_target *mortal, const char *seed, int signal_number,
		       char *printed, size_t size)
{
	struct noise noise;

	run_begin(r, "broken:correct", seed, 100);
	sound = r->options.target;
	deadly = signal_number;
	*mortal = *sound;
	mortal->exec = count_and_die;
	r->options.target = mortal;
	r->options.findings.target_name = "./mine.so";
	r->options.findings.noise = &noise;
	r->options.notes = r->options.findings.notes = tmpfile();
	noise_begin(&noise);
	run_campaign(r);
	r->findings.options.noise = NULL;
	noise_end(&noise);
	rewind(r->options.notes);
	printed[fread(printed, 1, size - 1, r->options.notes)] = '\0';
	fclose(r->options.notes);
}

TEST(a_crash_that_no_program_shows_alone_is_kept_with_what_is_known_of_it)
{
	static char printed[1 << 16];
	const char help[] =
		"LD_PRELOAD=$(cc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 "
		"lostbuddy fuzz --target ./mine.so --seed twelve\n";
	struct lb_target mortal;
	struct run r;

	run_mortal(&r, &mortal, "twelve", SIGSEGV, printed, sizeof(printed));
	EXPECT_EQ(r.summary.end, END_RUNS);
	EXPECT_EQ(campaign_exit_code(&r.summary), EXIT_FINDING);
	if (EXPECT_EQ(r.findings.nr_entries, 1)) {
		const struct finding *entry = &r.findings.entries[0];
		const char *text = content_of(&r, entry, ".txt");

		EXPECT(entry->unsteady && entry->written);
		EXPECT_EQ(entry->ops_after, entry->ops_before);
		EXPECT(!strstr(text, "Nothing was found"));
		EXPECT(strstr(text, "target.crash SIGSEGV"));
		EXPECT(strstr(text, "did not show again"));
		EXPECT(strstr(text, help));
		EXPECT(strstr(text, "The target's last words:\nI cannot go on\n"));
		EXPECT(strstr(content_of(&r, entry, ".lb"), "# it did not show"));
	}
	EXPECT(strstr(printed, "operations, not shrunk: "));
	EXPECT(strstr(printed, "did not show again"));
	EXPECT(strstr(printed, help));
	run_end(&r);
}

TEST(a_worker_that_is_killed_from_outside_is_said_and_no_finding)
{
	static char printed[1 << 16];
	struct lb_target mortal;
	struct run r;

	run_mortal(&r, &mortal, "thirteen", SIGKILL, printed, sizeof(printed));
	EXPECT_EQ(r.summary.end, END_RUNS);
	EXPECT_EQ(r.summary.programs, 100);
	EXPECT_EQ(r.findings.nr_entries, 0);
	EXPECT_EQ(campaign_exit_code(&r.summary), EXIT_CLEAN);
	EXPECT(strstr(printed, "killed from outside"));
	run_end(&r);
}

static volatile sig_atomic_t stop_now = 1;

TEST(a_signal_before_the_first_program_ends_it_with_its_own_code)
{
	struct run r;

	run_begin(&r, "broken:correct", "nine", 0);
	r.options.stop = &stop_now;
	run_campaign(&r);
	EXPECT_EQ(r.summary.end, END_SIGNAL);
	EXPECT_EQ(r.summary.programs, 0);
	EXPECT_EQ(campaign_exit_code(&r.summary), EXIT_INTERRUPT);
	run_end(&r);
}

TEST(a_campaign_that_proves_nothing_is_unhealthy)
{
	struct campaign_summary s = {
		.end = END_RUNS, .programs = 10, .executed = 20000, .comparisons = 100
	};

	EXPECT(!campaign_unhealthy(&s));
	s.no_ops = 4000; /* 16.7 % */
	EXPECT(!campaign_unhealthy(&s));
	s.no_ops = 6000; /* 23.1 % */
	EXPECT(campaign_unhealthy(&s));
	EXPECT_EQ(campaign_exit_code(&s), EXIT_UNHEALTHY);
	s.no_ops = 0;
	s.comparisons = 0;
	EXPECT_EQ(campaign_exit_code(&s), EXIT_UNHEALTHY);
	s = (struct campaign_summary){
		.end = END_TIME, .programs = 10, .no_ops = 10, .comparisons = 1
	};
	EXPECT_EQ(campaign_exit_code(&s), EXIT_UNHEALTHY);
	s = (struct campaign_summary){ .end = END_CANARY };
	EXPECT_EQ(campaign_exit_code(&s), EXIT_UNHEALTHY);
	s.end = END_MEMORY;
	EXPECT_EQ(campaign_exit_code(&s), EXIT_MEMORY);
}

TEST(a_new_finding_outranks_ill_health_and_signals)
{
	struct campaign_summary s = { .end = END_SIGNAL, .programs = 1, .new_findings = 1 };

	EXPECT_EQ(campaign_exit_code(&s), EXIT_FINDING);
	s.end = END_FULL;
	EXPECT_EQ(campaign_exit_code(&s), EXIT_FINDING);
}

/* ---- shrinking by the judge ---- */

struct others {
	unsigned int told;
	char signature[192];
};

static void take_note(const struct program *p, const struct outcome *outcome, void *arg)
{
	struct others *others = arg;

	EXPECT(p->nr_ops > 0);
	others->told++;
	snprintf(others->signature, sizeof(others->signature), "%s", outcome->signature);
}

TEST(the_judges_shrinker_keeps_the_signature_and_tells_of_others)
{
	const struct judge_options closely = { .compare_always = true };
	char error[TARGET_ERROR_SIZE];
	struct judge *judge = judge_create(target_find("broken:leaks", error), &closely);
	const struct generator_options options = {
		.seed = 7, .nr_ops = 100, .capabilities = usable_operations(judge_target(judge))
	};
	struct generator *g = generator_create(&options);
	unsigned int shrunk = 0;

	for (int i = 0; i < 20; i++) {
		struct program p;
		struct outcome before, after;
		struct others others = { 0 };

		program_init(&p);
		EXPECT(generator_next(g, &p));
		if (!judge_run(judge, &p, &before)) {
			uint32_t ops = p.nr_ops, runs = judge_shrink(judge, &p, before.signature,
								     400, NULL, take_note, &others);

			EXPECT(runs > 0 && runs <= 400);
			EXPECT(!judge_run(judge, &p, &after));
			EXPECT_STR(after.signature, before.signature);
			EXPECT(p.nr_ops <= ops);
			EXPECT(!others.told || strcmp(others.signature, before.signature) != 0);
			shrunk++;
		}
		program_free(&p);
	}
	EXPECT(shrunk > 0);
	generator_destroy(g);
	judge_destroy(judge);
}

TEST(a_program_without_the_signature_is_left_alone)
{
	char error[TARGET_ERROR_SIZE];
	const struct judge_options plain = { 0 };
	struct judge *judge = judge_create(target_find("broken:correct", error), &plain);
	struct text_error where;
	struct program p;
	const char text[] = "lostbuddy 1\nmachine pages=512\np0 = alloc_page(gfp=KERNEL)\n";

	program_init(&p);
	EXPECT(program_parse(&p, text, sizeof(text) - 1, &where));
	EXPECT_EQ(judge_shrink(judge, &p, "no such finding", 100, NULL, NULL, NULL), 0);
	EXPECT_EQ(p.nr_ops, 1);
	program_free(&p);
	judge_destroy(judge);
}

/* Registered last: takes the folder away again. */
TEST(everything_is_cleaned_up)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	EXPECT_EQ(system(command), 0);
}

/* The summary for people, of a campaign that was not run: everything that applies is never exercised. */
static const char *summary_of(struct run *r)
{
	static char text[8192];
	FILE *out = fmemopen(text, sizeof(text), "w");

	r->summary.executed = 1;
	if (EXPECT(out)) {
		report_text(out, &r->options, &r->findings, &r->summary);
		fclose(out);
	}
	return text;
}

TEST(a_summary_names_no_rule_that_cannot_apply)
{
	static const char *const of_operations[] = { "contract.double-free-accepted",
						     "contract.bad-free-accepted", "contract.bulk",
						     "contract.bound", "contract.sharing" };
	struct lb_target few;
	struct run r;

	run_begin(&r, "core", "x", 1);
	for (size_t i = 0; i < sizeof(of_operations) / sizeof(of_operations[0]); i++)
		EXPECT(strstr(summary_of(&r), of_operations[i]));
	r.options.misuse = MISUSE_OFF;
	EXPECT(!strstr(summary_of(&r), "contract.double-free-accepted"));
	EXPECT(strstr(summary_of(&r), "contract.bad-free-accepted")); /* put_page can be one */
	few = *r.options.target;
	few.capabilities = UINT64_C(1) << OP_ALLOC_PAGES | UINT64_C(1) << OP_FREE_PAGES;
	r.options.target = &few;
	r.options.misuse = MISUSE_ON;
	for (size_t i = 0; i < sizeof(of_operations) / sizeof(of_operations[0]); i++)
		EXPECT(!strstr(summary_of(&r), of_operations[i]));
	EXPECT(strstr(summary_of(&r), "contract.overlap"));
}

TEST(a_summary_says_what_was_compared)
{
	struct lb_target t;
	struct run r;

	run_begin(&r, "core", "x", 1);
	EXPECT(strstr(summary_of(&r), " of the whole state\n"));
	t = *r.options.target;
	t.export_state = NULL;
	t.flags &= ~(uint32_t)LB_TARGET_CACHES;
	r.options.target = &t;
	EXPECT(strstr(summary_of(&r),
		      "can be had when all was given back; no state is exported\n"));
	t.flags |= LB_TARGET_CACHES;
	EXPECT(strstr(summary_of(&r), "ends of programs; no state is exported"));
	EXPECT(!strstr(summary_of(&r), "can be had"));
}

TEST_MAIN
