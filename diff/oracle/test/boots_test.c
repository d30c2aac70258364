/*
 * Ground truth: what boot derives of the captured boots' machines is what zoneinfo of the real kernels
 * shows. Nobody's allocator takes part: how much a zone manages is in the machine, and which frames that
 * are does not matter for a number here, so each zone keeps its lowest.
 */
#include "common.h"

static const char *const boots[] = {
	"a-1n1c-128m",		"b-2n4c-2x512m",	 "c-4n4c-6g-asym", "d2-cpuless-mem-node",
	"e1-2n-kernelcore256M", "e8-slub_debug_nomerge", "f-8n16c-8g",
};

enum { NR_BOOTS = sizeof(boots) / sizeof(boots[0]), MOST_RANGES = 512 };

/* ---- The machine, booted ---- */

static bool is_listed(const struct machine *m, uint64_t pfn)
{
	if (m->pc && pfn < 256)
		return true;
	for (uint32_t i = 0; i < m->nr_reserved; i++)
		if (pfn >= m->reserved[i].start && pfn < m->reserved[i].end)
			return true;
	return false;
}

/* Marks one frame of memory as kept, or as the buddy's, in ascending ranges. */
static void keep(struct machine_range *ranges, uint32_t *nr, uint64_t pfn)
{
	if (*nr > 0 && ranges[*nr - 1].end == pfn) {
		ranges[*nr - 1].end++;
		return;
	}
	if (!EXPECT(*nr < MOST_RANGES))
		exit(1);
	ranges[(*nr)++] = (struct machine_range){ .start = pfn, .end = pfn + 1 };
}

/* Of each zone all but the listed frames and managed= others. */
static uint32_t reserve(const struct machine *m, struct machine_range *ranges)
{
	static uint64_t exercised[RULE_COUNT];
	struct machine_range nothing = { 0 };
	struct shadow *s = shadow_create(m, exercised);
	uint64_t room[MAX_ZONES] = { 0 };
	uint32_t nr = 0;

	if (!EXPECT(s && shadow_boot(s, &nothing, 0))) /* for the zone of each frame */
		exit(1);
	for (uint64_t pfn = 0; pfn < m->max_pfn; pfn++)
		if (s->frames[pfn].kind != FRAME_ABSENT && !is_listed(m, pfn))
			room[s->frames[pfn].zone]++;
	for (uint64_t pfn = 0; pfn < m->max_pfn; pfn++) {
		const struct frame *f = &s->frames[pfn];
		const struct zone *z = &s->zones[f->zone];

		if (f->kind == FRAME_ABSENT)
			continue;
		if (is_listed(m, pfn)) {
			keep(ranges, &nr, pfn);
		} else if (room[f->zone] > m->managed[z->node][z->index]) {
			room[f->zone]--;
			keep(ranges, &nr, pfn);
		}
	}
	shadow_destroy(s);
	return nr;
}

/* @late: whether what the machine says of late pages counts */
static struct shadow *boot(const char *name, bool late)
{
	static struct machine_range ranges[MOST_RANGES];
	static struct machine m;
	struct text_error error = { 0 };
	char dir[128];

	snprintf(dir, sizeof(dir), "corpus/machines/%s", name);
	if (!EXPECT(machine_from_boot_whole(&m, dir, &error))) {
		fprintf(stderr, "  %s\n", error.what);
		exit(1);
	}
	if (!late)
		memset(m.late, 0, sizeof(m.late));
	return booted(&m, ranges, reserve(&m, ranges));
}

/* ---- zoneinfo ---- */

struct reading {
	struct shadow *s;
	const struct zone *z; /* that the line is about; NULL: one that has no pages */
	const char *boot;
	unsigned int cpu, compared;
};

static void expect_number(struct reading *r, const char *what, int64_t ours, int64_t real)
{
	r->compared++;
	if (!EXPECT_EQ(ours, real))
		fprintf(stderr, "  %s: node %u %s: %s\n", r->boot, r->z->node,
			shadow_zone_index_name(r->z->index), what);
}

static bool begin_zone(struct reading *r, const char *line)
{
	unsigned int node;
	char name[16];

	if (sscanf(line, "Node %u, zone %15s", &node, name) != 2)
		return false;
	r->z = NULL;
	for (uint32_t i = 0; i < r->s->nr_zones; i++) {
		const struct zone *z = &r->s->zones[i];

		if (z->node == node && strcmp(shadow_zone_index_name(z->index), name) == 0)
			r->z = z;
	}
	return true;
}

static void read_protection(struct reading *r, const char *line)
{
	long long p[MACHINE_NR_ZONES];

	if (sscanf(line, " protection: (%lld, %lld, %lld, %lld", &p[0], &p[1], &p[2], &p[3]) != 4)
		return;
	for (unsigned int i = 0; i < MACHINE_NR_ZONES; i++)
		expect_number(r, "protection", r->z->reserve[i], p[i]);
}

static void read_number(struct reading *r, const char *name, int64_t value)
{
	const struct zone *z = r->z;
	const struct page_lists *p = page_lists_of(r->s, z, r->cpu);
	const struct {
		const char *name;
		int64_t ours;
	} numbers[] = {
		{ "min", z->mark[WMARK_MIN] },
		{ "low", z->mark[WMARK_LOW] },
		{ "high", z->mark[WMARK_HIGH] },
		{ "spanned", (int64_t)z->spanned },
		{ "present", (int64_t)z->present },
		{ "managed", (int64_t)z->managed },
		{ "start_pfn:", (int64_t)z->start },
		{ "high:", p->high },
		{ "batch:", p->batch },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(name, numbers[i].name) == 0)
			expect_number(r, name, numbers[i].ours, value);
}

static void read_line(struct reading *r, const char *line)
{
	long long value;
	char name[32];

	if (begin_zone(r, line))
		return;
	if (!r->z) {
		/* a zone of which we know nothing has nothing */
		EXPECT(sscanf(line, " present %lld", &value) != 1 || value == 0);
		return;
	}
	if (sscanf(line, " cpu: %u", &r->cpu) == 1)
		return;
	if (sscanf(line, " vm stats threshold: %lld", &value) == 1)
		expect_number(r, "threshold", r->z->threshold, value);
	else if (sscanf(line, "%31s %lld", name, &value) == 2)
		read_number(r, name, value);
	read_protection(r, line);
}

static unsigned int compare_with_zoneinfo(const char *name)
{
	struct reading r = { .s = boot(name, true), .boot = name };
	char path[128], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "corpus/machines/%s/zoneinfo", name);
	file = fopen(path, "r");
	if (!EXPECT(file != NULL))
		exit(1);
	while (fgets(line, sizeof(line), file))
		read_line(&r, line);
	fclose(file);
	/* ten numbers each, and three of each CPU */
	EXPECT(r.compared >= r.s->nr_zones * (10 + 3 * r.s->nr_cpus));
	shadow_destroy(r.s);
	return r.compared;
}

TEST(what_boot_derives_is_what_the_real_kernels_show)
{
	for (unsigned int i = 0; i < NR_BOOTS; i++)
		compare_with_zoneinfo(boots[i]);
}

/* The comparison sees what it should: facts 21, mismatch 1. */
TEST(pages_that_come_late_count_in_no_mark)
{
	for (unsigned int i = 0; i < NR_BOOTS; i++) {
		struct shadow *with = boot(boots[i], true), *without = boot(boots[i], false);
		const struct zone *a = zone_at(with, 0, ZONE_DMA),
				  *b = zone_at(without, 0, ZONE_DMA);

		EXPECT(a->reserve[ZONE_NORMAL] < b->reserve[ZONE_NORMAL]);
		shadow_destroy(with);
		shadow_destroy(without);
	}
}

TEST_MAIN
