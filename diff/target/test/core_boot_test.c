/*
 * The built-in target on machines that are not all there: deferred memory, absent nodes
 * (diff/READINGS.md "Deferred", "Nodes that are absent"). What the core itself does:
 * core/boot/test.
 */
#include <stdlib.h>

#include "target/builtin.h"
#include "test.h"

enum { MAX_WORDS = 1 << 14 };

/*
 * Blocks of 32 pages, sections of 64, the last 8 of 512 frames memmap; node 1 has nothing.
 *
 *   node 0  [1 .. 128 | deferred    300 r 310          504 | r ]
 */
static struct machine deferred_machine(void)
{
	struct machine m;

	machine_default(&m);
	m.deferred = 1;
	m.dma_end = m.dma32_end = 0;
	m.top_order = 5;
	m.section_pages = 64;
	m.min_free_kbytes = 0;
	m.nr_nodes = 2;
	m.distance[0][1] = m.distance[1][0] = 20;
	m.distance[1][1] = 10;
	m.nr_reserved = 1;
	m.reserved[0].start = 300;
	m.reserved[0].end = 310;
	return m;
}

static void *create(const struct machine *m)
{
	char error[256] = "";
	struct text_error why;
	void *instance = NULL;

	if (EXPECT(machine_check(m, &why)))
		instance = core_target.create(m, error);
	else
		fprintf(stderr, "%s\n", why.what);
	if (!instance) {
		fprintf(stderr, "no machine: %s\n", error);
		exit(1);
	}
	return instance;
}

static struct lb_result exec(void *instance, struct lb_call call)
{
	struct lb_result r;

	core_target.exec(instance, &call, &r);
	return r;
}

static void expect_refused(void *instance, struct lb_call call, enum lb_reason reason)
{
	struct lb_result r = exec(instance, call);

	EXPECT_EQ(r.outcome, LB_REFUSED);
	EXPECT_EQ(r.reason, reason);
}

/* "w w w ..." of the first section of this type; "-" if there is none. */
static const char *section(void *instance, enum lb_state_section type)
{
	static uint64_t words[MAX_WORDS];
	static char text[1024];
	size_t n = core_target.export_state(instance, words, MAX_WORDS), length = 0, at = 0;

	EXPECT(n < MAX_WORDS);
	while (at < n && words[at] != type && words[at] != LB_STATE_END)
		at += 2 + words[at + 1];
	if (words[at] != type)
		return "-";
	text[0] = 0;
	for (size_t i = 0; i < words[at + 1]; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%lld",
					   i ? " " : "", (long long)words[at + 2 + i]);
	return text;
}

static const struct lb_call init_node_0 = { .op = OP_DEFERRED_INIT, .node = 0 };

TEST(the_export_says_where_deferred_memory_begins)
{
	struct machine m = deferred_machine();
	void *instance = create(&m);

	EXPECT_STR(section(instance, LB_STATE_DEFERRED), "0 128 1 -1"); /* UINT64_MAX */
	EXPECT_STR(section(instance, LB_STATE_RESERVED), "300 310 504 512");
	EXPECT_EQ(core_target.peek_free(instance), 127);
	EXPECT_EQ(exec(instance, init_node_0).outcome, LB_DONE);
	EXPECT_STR(section(instance, LB_STATE_DEFERRED), "0 -1 1 -1");
	EXPECT_STR(section(instance, LB_STATE_RESERVED), "300 310 504 512");
	EXPECT_EQ(core_target.peek_free(instance), 503 - 10);
	EXPECT_EQ(core_target.paths(instance)[LB_PATH_DEFERRED_INIT], 1);
	EXPECT(core_target.reset(instance));
	EXPECT_STR(section(instance, LB_STATE_DEFERRED), "0 128 1 -1");
	core_target.destroy(instance);
	m.deferred = 0;
	instance = create(&m);
	EXPECT_STR(section(instance, LB_STATE_DEFERRED), "-");
	core_target.destroy(instance);
}

TEST(a_request_that_fails_is_served_from_deferred_memory)
{
	struct machine m = deferred_machine();
	void *instance = create(&m);
	const struct lb_call block = { .op = OP_ALLOC_PAGES, .node = NODE_NONE, .order = 5 };

	for (uint64_t pfn = 32; pfn < 128; pfn += 32)
		EXPECT_EQ(exec(instance, block).pfn, pfn);
	EXPECT_EQ(core_target.paths(instance)[LB_PATH_DEFERRED_GROW], 0);
	EXPECT_EQ(exec(instance, block).pfn, 128);
	EXPECT_EQ(core_target.paths(instance)[LB_PATH_DEFERRED_GROW], 1);
	EXPECT_STR(section(instance, LB_STATE_DEFERRED), "0 192 1 -1");
	core_target.destroy(instance);
}

TEST(deferred_init_needs_a_node_and_need_not_find_anything)
{
	struct machine m = deferred_machine();
	void *instance = create(&m);

	expect_refused(instance, (struct lb_call){ .op = OP_DEFERRED_INIT, .node = NODE_NONE },
		       LB_BAD_RANGE);
	EXPECT_EQ(exec(instance, (struct lb_call){ .op = OP_DEFERRED_INIT, .node = 1 }).outcome,
		  LB_DONE);
	EXPECT_EQ(exec(instance, init_node_0).outcome, LB_DONE);
	EXPECT_EQ(exec(instance, init_node_0).outcome, LB_DONE);
	EXPECT_EQ(core_target.paths(instance)[LB_PATH_DEFERRED_INIT], 1);
	core_target.destroy(instance);
}

TEST(frames_that_are_deferred_are_not_there_to_be_isolated_or_taken)
{
	struct machine m = deferred_machine();
	void *instance = create(&m);

	/*
	 * ranges of 32 frames: 2 is 64 .. 96, 4 is 128 .. 160, 9 is 288 .. 320 with the reserved
	 * ones
	 */
	EXPECT_EQ(exec(instance, (struct lb_call){ .op = OP_ISOLATE, .value = 2 }).outcome,
		  LB_DONE);
	for (unsigned int op = OP_ISOLATE; op <= OP_UNISOLATE; op++) {
		expect_refused(instance, (struct lb_call){ .op = (uint8_t)op, .value = 4 },
			       LB_BAD_RANGE);
		expect_refused(instance, (struct lb_call){ .op = (uint8_t)op, .value = 9 },
			       LB_BAD_RANGE);
	}
	expect_refused(instance, (struct lb_call){ .op = OP_TAKE_FRAME, .pfn = 130 }, LB_BUSY);
	exec(instance, init_node_0);
	EXPECT_EQ(exec(instance, (struct lb_call){ .op = OP_ISOLATE, .value = 4 }).outcome,
		  LB_DONE);
	expect_refused(instance, (struct lb_call){ .op = OP_ISOLATE, .value = 9 }, LB_BUSY);
	EXPECT_EQ(exec(instance, (struct lb_call){ .op = OP_TAKE_FRAME, .pfn = 200 }).pfn, 200);
	core_target.destroy(instance);
}

/* ---- absent nodes ---- */

TEST(requests_that_name_an_absent_node_are_refused)
{
	static const uint8_t ops[] = { OP_ALLOC_PAGES, OP_ALLOC_PAGES_BULK,
				       OP_ALLOC_PAGES_BULK_LIST, OP_RUN_KSWAPD, OP_DEFERRED_INIT };

	for (unsigned int profile = 0; profile < PROFILE_COUNT; profile++) {
		struct machine m = deferred_machine();

		m.profile = profile;
		m.absent_nodes = 1 << 1;
		void *instance = create(&m);

		for (unsigned int i = 0; i < sizeof(ops); i++) {
			struct lb_call call = { .op = ops[i], .node = 1, .count = 4, .order = 15 };

			expect_refused(instance, call, LB_BAD_RANGE);
			call.nodemask = 3;
			expect_refused(instance, call, LB_BAD_RANGE);
			call.level = LEVEL_NMI;
			expect_refused(instance, call, LB_BAD_CONTEXT);
		}
		/* only its being named: a mask may hold it */
		EXPECT_EQ(exec(instance,
			       (struct lb_call){ .op = OP_ALLOC_PAGES, .node = 0, .nodemask = 2 })
				  .reason,
			  LB_NO_ZONE);
		EXPECT_EQ(
			exec(instance, (struct lb_call){ .op = OP_RUN_KSWAPD, .node = 0 }).outcome,
			LB_DONE);
		core_target.destroy(instance);
	}
}

TEST_MAIN
