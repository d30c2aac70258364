/*
 * Ground truth: the captured boots of real kernels, booted again. What the kernel shows is the
 * expected side; what the core shows must be the same text, line by line, but for what only
 * counts what ran afterwards (facts 21).
 *
 *	Node 0, zone  Movable			equal
 *	  pages free     94440			only the words: it counts
 *	        min      1031			equal
 *	        protection: (0, 0, 0, 372, 372)	equal
 *	              count: 294		only the words
 *	              high:  645		equal
 */
#include <stdlib.h>

#include "judge/judge.h"
#include "program/internal.h"
#include "test.h"

static const char *const boots[] = {
	"a-1n1c-128m",		"b-2n4c-2x512m",	 "c-4n4c-6g-asym", "d2-cpuless-mem-node",
	"e1-2n-kernelcore256M", "e8-slub_debug_nomerge", "f-8n16c-8g",
};

enum { NR_BOOTS = sizeof(boots) / sizeof(boots[0]) };

static const char *folder_of(unsigned int boot)
{
	static char name[128];

	snprintf(name, sizeof(name), "corpus/machines/%s", boots[boot]);
	return name;
}

/* The kernel's own text; free it. */
static char *real_file(unsigned int boot, const char *file)
{
	struct text_error error = { 0 };
	size_t size;
	char *text = boot_read_part(folder_of(boot), file, &size, &error);

	if (!text) {
		fprintf(stderr, "%s\n", error.what);
		exit(1);
	}
	return text;
}

typedef bool read_boot(struct machine *m, const char *dir, struct text_error *error);

/* The core's instance of a boot, read so. */
static void *booted(unsigned int boot, read_boot *read)
{
	static struct machine m;
	struct text_error error = { 0 };
	char why[TARGET_ERROR_SIZE] = "";
	void *core = read(&m, folder_of(boot), &error) ? core_target.create(&m, why) : NULL;

	if (!core) {
		fprintf(stderr, "%s: %s%s\n", boots[boot], error.what, why);
		exit(1);
	}
	return core;
}

/* The core's text of a boot; free it. */
static char *our_file(unsigned int boot, const char *file, read_boot *read)
{
	void *core = booted(boot, read);
	size_t size = core_proc(core, file, NULL, 0);
	char *text = malloc(size + 1);

	if (!text)
		exit(1);
	core_proc(core, file, text, size + 1);
	core_target.destroy(core);
	return text;
}

/* Cuts the next line off a text; NULL: there is none. */
static char *next_line(char **text)
{
	char *line = *text, *end = line ? strchr(line, '\n') : NULL;

	*text = end ? end + 1 : NULL;
	if (end)
		*end = '\0';
	return end || (line && *line) ? line : NULL;
}

/* What a system that ran has counted: not what boot derives. */
static bool counts(const char *line)
{
	static const char *const counters[] = {
		"      nr_",	    "      numa_",  "      workingset_",
		"      pgpromote_", "  pages free", "              count:",
	};

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		if (strncmp(line, counters[i], strlen(counters[i])) == 0)
			return true;
	return false;
}

/* Equal but for digits, and for blanks that make room for them. */
static bool same_form(const char *a, const char *b)
{
	while (*a || *b) {
		size_t skip_a = strspn(a, "0123456789> "), skip_b = strspn(b, "0123456789> ");

		if ((skip_a == 0) != (skip_b == 0))
			return false;
		a += skip_a;
		b += skip_b;
		if (*a != *b)
			return false;
		a += *a != '\0';
		b += *b != '\0';
	}
	return true;
}

struct compared {
	unsigned int derived, counted, different;
};

/* Line by line. Differences of derived lines are counted, and reported if they are wrong. */
static struct compared compare_zoneinfo(unsigned int boot, read_boot *read, bool report)
{
	char *ours = our_file(boot, "zoneinfo", read), *real = real_file(boot, "zoneinfo");
	char *our_rest = ours, *real_rest = real, *our_line, *real_line, zone[64] = "";
	struct compared c = { 0 };

	while ((real_line = next_line(&real_rest))) {
		our_line = next_line(&our_rest);
		if (strncmp(real_line, "Node ", 5) == 0)
			snprintf(zone, sizeof(zone), "%.60s", real_line);
		if (!our_line || !EXPECT(same_form(our_line, real_line))) {
			c.different++;
			break;
		}
		if (counts(real_line)) {
			c.counted++;
			continue;
		}
		c.derived++;
		if (strcmp(our_line, real_line) == 0)
			continue;
		c.different++;
		if (report)
			fprintf(stderr, "%s: %s: is \"%s\", expected \"%s\"\n", boots[boot], zone,
				our_line, real_line);
	}
	EXPECT(next_line(&our_rest) == NULL);
	free(ours);
	free(real);
	return c;
}

/*
 * Spans, present and managed pages, marks, protection, high and batch and threshold of every CPU,
 * first frames, of every zone.
 */
TEST(everything_that_zoneinfo_derives_is_what_the_real_kernel_shows)
{
	for (unsigned int boot = 0; boot < NR_BOOTS; boot++) {
		struct compared c = compare_zoneinfo(boot, machine_from_boot_whole, true);
		struct machine m;
		struct text_error error;

		EXPECT(machine_from_boot(&m, folder_of(boot), &error));
		/* five zones of each node, ten lines each; no few lines more where there are pages */
		EXPECT(c.derived > m.nr_nodes * 5 * 10 + m.nr_cpus * 4);
		EXPECT_EQ(c.different, 0);
		EXPECT(c.counted > 50);
	}
}

/*
 * The comparison sees what it should see: a machine that knows nothing of what the kernel kept and
 * freed late has other managed pages, and so other marks, in every boot.
 */
TEST(a_boot_without_the_kernels_share_has_other_marks)
{
	for (unsigned int boot = 0; boot < NR_BOOTS; boot++)
		EXPECT(compare_zoneinfo(boot, machine_from_boot, false).different > 3);
}

static bool is_zonelist_line(const char *line)
{
	return strncmp(line, "Fallback order for Node", 23) == 0 ||
	       strncmp(line, "mminit::zonelist ", 17) == 0 || strncmp(line, "Built ", 6) == 0;
}

/* The complete zonelists are in the log when it was asked for them (mminit_loglevel=4). */
TEST(fallback_orders_zonelists_and_total_pages_are_those_of_the_boot_log)
{
	for (unsigned int boot = 0; boot < NR_BOOTS; boot++) {
		char *log = real_file(boot, "dmesg"), *rest = log;
		char *ours = our_file(boot, "zonelists", machine_from_boot_whole), *our_rest = ours;
		bool lists = strstr(log, "mminit::zonelist") != NULL;
		unsigned int lines = 0;

		for (char *line; (line = next_line(&rest));) {
			const char *text = boot_skip_stamp(line);

			if (!is_zonelist_line(text))
				continue;
			char *our_line = next_line(&our_rest);

			while (!lists && our_line && strncmp(our_line, "mminit::", 8) == 0)
				our_line = next_line(&our_rest);
			EXPECT_STR(our_line ? our_line : "nothing", text);
			lines++;
		}
		EXPECT(next_line(&our_rest) == NULL);
		EXPECT(lines >= 2);
		free(log);
		free(ours);
	}
}

enum { TWO_NODES_AND_MOVABLE = 4 }; /* of boots: one will do for what no machine changes */

static void expect_same_lines(const char *file)
{
	char *real = real_file(TWO_NODES_AND_MOVABLE, file), *rest = real;
	char *ours = our_file(TWO_NODES_AND_MOVABLE, file, machine_from_boot_whole);
	char *our_rest = ours;

	for (char *line; (line = next_line(&rest));) {
		const char *our_line = next_line(&our_rest);

		EXPECT(our_line && same_form(our_line, line));
		/* the one number that is not about what ran: a sum over all zones */
		if (our_line && strncmp(line, "MemTotal:", 9) == 0)
			EXPECT_STR(our_line, line);
	}
	EXPECT(next_line(&our_rest) == NULL);
	free(real);
	free(ours);
}

TEST(meminfo_and_vmstat_have_the_real_kernels_lines)
{
	expect_same_lines("meminfo");
	expect_same_lines("vmstat");
}

/* `Node 0, zone    DMA32            6           50            2            0            0` */
static bool is_block_line(const char *line)
{
	return strncmp(line, "Node ", 5) == 0 && line[5] != ' ';
}

static unsigned long pageblocks_in(const char *line)
{
	const char *at = line + strlen("Node 0, zone ") + 8;
	unsigned long sum = 0, value;
	int used;

	for (; sscanf(at, "%lu%n", &value, &used) == 1; at += used)
		sum += value;
	return sum;
}

/* Which types pageblocks have depends on what ran; how many there are in a zone does not. */
TEST(pagetypeinfo_has_the_real_kernels_lines_and_as_many_pageblocks)
{
	for (unsigned int boot = 0; boot < NR_BOOTS; boot++) {
		char *real = real_file(boot, "pagetypeinfo"), *rest = real;
		char *ours = our_file(boot, "pagetypeinfo", machine_from_boot_whole);
		char *our_rest = ours;
		unsigned int zones = 0;

		for (char *line; (line = next_line(&rest));) {
			const char *our_line = next_line(&our_rest);

			if (!EXPECT(our_line && same_form(our_line, line)))
				break;
			if (!is_block_line(line))
				continue;
			EXPECT_EQ(pageblocks_in(our_line), pageblocks_in(line));
			zones++;
		}
		EXPECT(next_line(&our_rest) == NULL);
		EXPECT(zones >= 2);
		free(real);
		free(ours);
	}
}

TEST_MAIN
