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

#include "campaign/again.h"
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

TEST(what_is_printed_on_stderr_is_caught_until_it_is_forgotten)
{
	struct noise noise;
	char words[128];

	noise_begin(&noise);
	EXPECT(noise.notes);
	fprintf(stderr, "0123456789");
	EXPECT_EQ(noise_words(&noise, words, sizeof(words)), 10);
	EXPECT_STR(words, "0123456789");
	noise_clear(&noise);
	EXPECT_EQ(noise_words(&noise, words, sizeof(words)), 0);
	EXPECT_STR(words, "");
	EXPECT_EQ(write(STDERR_FILENO, "ab", 2), 2);
	EXPECT_EQ(noise_words(&noise, words, sizeof(words)), 2);
	EXPECT_STR(words, "ab");
	noise_end(&noise);
}

TEST(of_much_that_is_printed_both_ends_are_kept)
{
	struct noise noise;
	char words[256];

	noise_begin(&noise);
	fprintf(stderr, "the first words ");
	for (int i = 0; i < 1000; i++)
		fprintf(stderr, "0123456789");
	fprintf(stderr, " the last words");
	size_t length = noise_words(&noise, words, sizeof(words));

	noise_end(&noise);
	EXPECT(length < sizeof(words));
	EXPECT_EQ(strlen(words), length);
	EXPECT_EQ(strncmp(words, "the first words 012", 19), 0);
	EXPECT_STR(words + length - 19, "6789 the last words"); /* 4 + 15 bytes */
	/* 16 + 10000 + 15 bytes were printed, two halves of (256 - 64) / 2 = 96 are kept */
	EXPECT(strstr(words, "\n[9839 bytes are left out]\n"));
}

TEST(whatever_the_length_all_is_kept_or_what_is_missing_is_said)
{
	struct noise noise;
	char words[128], text[400];
	unsigned int wrong = 0;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	noise_begin(&noise);
	for (size_t length = 0; length <= sizeof(text); length++) {
		noise_clear(&noise);
		if (write(STDERR_FILENO, text, length) != (ssize_t)length)
			break;
		size_t got = noise_words(&noise, words, sizeof(words));
		bool whole = got == length && memcmp(words, text, length) == 0;
		bool said = strstr(words, " bytes are left out]\n");

		wrong += whole != (length < sizeof(words)) || said == whole;
	}
	noise_end(&noise);
	EXPECT_EQ(wrong, 0);
}

TEST(of_a_sanitizers_report_the_head_is_kept)
{
	struct noise noise;
	char words[256];

	noise_begin(&noise);
	for (int i = 0; i < 1000; i++)
		fprintf(stderr, "chatter of the target\n");
	fprintf(stderr,
		"==42==ERROR: AddressSanitizer: heap-buffer-overflow\n    #0 in mine_free\n");
	for (int i = 0; i < 1000; i++)
		fprintf(stderr, "  0x0c067fff7ff0: 00 00 00 00\n");
	fprintf(stderr, "==42==ABORTING\n");
	size_t length = noise_words(&noise, words, sizeof(words));

	noise_end(&noise);
	const char head[] =
		"==42==ERROR: AddressSanitizer: heap-buffer-overflow\n    #0 in mine_free\n";

	EXPECT_EQ(strncmp(words, head, sizeof(head) - 1), 0);
	EXPECT_STR(words + length - 15, "==42==ABORTING\n");
}

/* What `printf %s WORD` prints in a shell. */
static void through_a_shell(const char *word, char *back, size_t size)
{
	char *command = NULL;
	size_t length;
	FILE *out = open_memstream(&command, &length);

	fprintf(out, "printf %%s ");
	print_shell_word(out, word);
	fclose(out);
	FILE *shell = popen(command, "r");

	back[fread(back, 1, size - 1, shell)] = '\0';
	pclose(shell);
	free(command);
}

TEST(a_shell_reads_words_as_they_were)
{
	static const char *const words[] = {
		"./mine.so", "it's here", "",	"''", "$HOME `id` \\", "a;b",	      "*",
		"~",	     "!x",	  "#x", "\"", "caf\xc3\xa9",   "a&b|c>d<e(f)"
	};
	char every[256], back[512];
	size_t n = 0;

	for (int c = ' '; c < 127; c++)
		every[n++] = (char)c;
	every[n] = '\0';
	through_a_shell(every, back, sizeof(back));
	EXPECT_STR(back, every);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		through_a_shell(words[i], back, sizeof(back));
		EXPECT_STR(back, words[i]);
	}
}

TEST(a_word_stays_on_its_line)
{
	char back[64];

	through_a_shell("two\nlines\t", back, sizeof(back));
	EXPECT_STR(back, "two?lines?");
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
