/*
 * Files of a campaign: there whole or not at all; signatures; seeds.
 */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "campaign/noise.h"
#include "campaign/save.h"
#include "campaign/seed.h"
#include "campaign/signatures.h"

static char folder[] = "/tmp/lostbuddy-files-XXXXXX";

__attribute__((constructor)) static void make_folder(void)
{
	if (!mkdtemp(folder))
		abort();
}

static unsigned int entries_of(const char *dir)
{
	struct dirent **entries;
	int n = scandir(dir, &entries, NULL, NULL);

	for (int i = 0; i < n; i++)
		free(entries[i]);
	if (n >= 0)
		free(entries);
	return n < 0 ? 0 : (unsigned int)n - 2; /* . and .. */
}

static void expect_content(const char *name, const char *expect)
{
	char path[256], content[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	if (EXPECT(file)) {
		content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
		fclose(file);
	}
	EXPECT_STR(content, expect);
}

TEST(a_saved_file_replaces_the_old_one_and_leaves_no_other)
{
	char why[512];

	EXPECT(save_file(folder, "a", "old", 3, why));
	EXPECT(save_file(folder, "a", "new one", 7, why));
	expect_content("a", "new one");
	EXPECT_EQ(entries_of(folder), 1);
}

TEST(a_full_disk_is_said_and_the_old_file_stays)
{
	const struct rlimit small = { 4, RLIM_INFINITY };
	struct rlimit before;
	char why[512] = "";

	signal(SIGXFSZ, SIG_IGN);
	EXPECT(save_file(folder, "a", "kept", 4, why));
	getrlimit(RLIMIT_FSIZE, &before);
	EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
	EXPECT(!save_file(folder, "a", "does not fit", 12, why));
	setrlimit(RLIMIT_FSIZE, &before);
	EXPECT(strstr(why, "cannot write") && strstr(why, "File too large"));
	expect_content("a", "kept");
	EXPECT_EQ(entries_of(folder), 1);
}

TEST(folders_are_made_with_those_above)
{
	char path[256], why[512];
	struct stat file;

	snprintf(path, sizeof(path), "%s/x/y/z", folder);
	EXPECT(save_folder(path, why));
	EXPECT(stat(path, &file) == 0 && S_ISDIR(file.st_mode));
	EXPECT_EQ(entries_of(path), 0);
	EXPECT(save_folder(path, why));
}

TEST(a_folder_below_a_file_is_refused_with_the_reason)
{
	char path[256], why[512] = "";

	EXPECT(save_file(folder, "file", "", 0, why));
	snprintf(path, sizeof(path), "%s/file/camp", folder);
	EXPECT(!save_folder(path, why));
	EXPECT(strstr(why, "file/camp") && strstr(why, "Not a directory"));
	EXPECT(!save_folder("/proc/lostbuddy", why));
	EXPECT(!save_folder("", why));
}

TEST(signatures_are_a_set_and_a_file_of_lines)
{
	struct signatures s = { 0 };
	char path[256], why[512];
	const char text[] = "# known since March\n\na b c\nd\r\na b c\n";

	EXPECT(save_file(folder, "known", text, sizeof(text) - 1, why));
	snprintf(path, sizeof(path), "%s/known", folder);
	EXPECT(signatures_read(&s, path));
	EXPECT_EQ(s.count, 2);
	EXPECT(signatures_has(&s, "a b c") && signatures_has(&s, "d") && !signatures_has(&s, ""));
	EXPECT(signatures_add(&s, "e") && !signatures_add(&s, "e"));
	for (int i = 0; i < 100; i++) {
		char word[16];

		snprintf(word, sizeof(word), "n%d", i);
		EXPECT(signatures_add(&s, word));
	}
	EXPECT_EQ(s.count, 103);
	EXPECT(!signatures_read(&s, "/nowhere/known"));
	signatures_free(&s);
	EXPECT_EQ(s.count, 0);
}

TEST(what_is_printed_on_stderr_is_caught_and_its_end_kept)
{
	struct noise noise;
	char tail[8];

	noise_begin(&noise);
	EXPECT(noise.notes);
	fprintf(stderr, "0123456789");
	EXPECT_EQ(noise_tail(&noise, tail, sizeof(tail)), 7);
	EXPECT_STR(tail, "3456789");
	noise_clear(&noise);
	EXPECT_EQ(noise_tail(&noise, tail, sizeof(tail)), 0);
	EXPECT_EQ(write(STDERR_FILENO, "ab", 2), 2);
	EXPECT_EQ(noise_tail(&noise, tail, sizeof(tail)), 2);
	EXPECT_STR(tail, "ab");
	noise_end(&noise);
}

TEST(seeds_of_like_words_differ_in_many_bits)
{
	EXPECT(seed_of_word("a") == seed_of_word("a"));
	EXPECT(__builtin_popcountll(seed_of_word("a") ^ seed_of_word("b")) > 12);
	EXPECT(__builtin_popcountll(seed_of_word("") ^ seed_of_word("0")) > 12);
	for (uint64_t n = 0; n < 100; n++)
		EXPECT(__builtin_popcountll(seed_derive(1, n) ^ seed_derive(1, n + 1)) > 8);
}

/* Registered last: takes the folder away again. */
TEST(everything_is_cleaned_up)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	EXPECT_EQ(system(command), 0);
}

TEST_MAIN
