/* Machines: what can exist, what is said of what cannot, and the text there and back. */
#include "program/internal.h"
#include "test.h"

static struct machine parsed(const char *line)
{
	struct machine m;
	struct text_error error;

	if (!EXPECT(machine_parse_line(&m, line, &error)))
		fprintf(stderr, "  %s\n  %u:%u: %s\n", line, error.line, error.column, error.what);
	return m;
}

/* The machine is refused, and the reason has these words in it. */
static void refused(const char *line, unsigned int column, const char *words)
{
	struct machine m;
	struct text_error error;

	if (!EXPECT(!machine_parse_line(&m, line, &error)))
		return;
	EXPECT_EQ(error.line, 1);
	EXPECT_EQ(error.column, column);
	if (!EXPECT(strstr(error.what, words) != NULL))
		fprintf(stderr, "  said \"%s\"\n", error.what);
}

TEST(a_line_that_names_nothing_is_the_default_machine)
{
	struct machine m = parsed(""), expect;

	machine_default(&expect);
	EXPECT(machine_equal(&m, &expect));
	EXPECT_EQ(m.nr_nodes, 1);
	EXPECT_EQ(m.nr_cpus, 1);
	EXPECT_EQ(m.max_pfn, 512);
	EXPECT_EQ(m.pageblock_order, 4);
	EXPECT_EQ(m.top_order, 6);
	EXPECT_EQ(m.memory[0].start, 1); /* pfn 0 is never memory */
}

TEST(pages_and_nodes_divide_memory_evenly)
{
	/*   0      1024     2048
	 *   .[ node 0 )[ node 1 )     dma_end 256, dma32_end 1024: an eighth and a half */
	struct machine m = parsed("nodes=2 cpus=4 pages=2048");

	EXPECT_EQ(m.nr_memory, 2);
	EXPECT_EQ(m.memory[0].start, 1);
	EXPECT_EQ(m.memory[0].end, 1024);
	EXPECT_EQ(m.memory[1].start, 1024);
	EXPECT_EQ(m.memory[1].end, 2048);
	EXPECT_EQ(m.memory[1].node, 1);
	EXPECT_EQ(m.dma_end, 256);
	EXPECT_EQ(m.dma32_end, 1024);
	EXPECT_EQ(m.cpu_node[1], 0);
	EXPECT_EQ(m.cpu_node[2], 1);
	EXPECT_EQ(m.distance[0][1], 20);
	EXPECT_EQ(m.distance[1][1], 10);
}

TEST(every_key_is_read)
{
	struct machine m = parsed(
		"profile=linux-6.1 thp=on checks=debug nodes=2 cpus=2 memory=16-512@1,512-1024@0 "
		"reserved=20-30,600-610 dma_end=64 dma32_end=256 pageblock_order=5 top_order=6 "
		"section=128 distances=10/15,30/10 cpu_nodes=1,0 movable=768@0 min_free_kbytes=64 "
		"high=12 batch=3 scale=20 boost_factor=0 ratios=100/50/16/0 percpu=2");

	EXPECT_EQ(m.thp, 1);
	EXPECT_EQ(m.checks, CHECKS_DEBUG);
	EXPECT_EQ(m.memory[0].node, 1);
	EXPECT_EQ(m.reserved[1].end, 610);
	EXPECT_EQ(m.max_pfn, 1024);
	EXPECT_EQ(m.section_pages, 128);
	EXPECT_EQ(m.distance[0][1], 15);
	EXPECT_EQ(m.distance[1][0], 30);
	EXPECT_EQ(m.cpu_node[0], 1);
	EXPECT_EQ(m.movable_start[0], 768);
	EXPECT_EQ(m.min_free_kbytes, 64);
	EXPECT_EQ(m.pcp_high, 12);
	EXPECT_EQ(m.pcp_batch, 3);
	EXPECT_EQ(m.watermark_scale_factor, 20);
	EXPECT_EQ(m.watermark_boost_factor, 0);
	EXPECT_EQ(m.lowmem_reserve_ratio[2], 16);
	EXPECT_EQ(m.percpu_unit_pages, 2);
}

TEST(switches_are_read)
{
	struct machine m =
		parsed("shuffle=7 debug_pagealloc=1 guard_order=2 init_on_alloc=1 "
		       "init_on_free=1 page_poison=1 deferred=1 memmap=flat "
		       "kernelcore=mirror memory=1-256@0/mirror/hotplug,256-512@0/mirror");

	EXPECT_EQ(m.shuffle, 7);
	EXPECT_EQ(m.debug_pagealloc, 1);
	EXPECT_EQ(m.guard_order, 2);
	EXPECT_EQ(m.init_on_alloc, 1);
	EXPECT_EQ(m.init_on_free, 1);
	EXPECT_EQ(m.page_poison, 1);
	EXPECT_EQ(m.deferred, 1);
	EXPECT_EQ(m.flat, 1);
	EXPECT_EQ(m.kernelcore_mirror, 1);
	EXPECT_EQ(m.kernelcore_pages, 0);
	EXPECT(m.memory[0].mirror && m.memory[0].hotplug && m.memory[1].mirror);
	EXPECT(!m.memory[1].hotplug);
}

/* Three of five nodes are there: 0, 2 and 4 share memory and CPUs. */
TEST(absent_nodes_get_no_memory_and_no_CPU)
{
	struct machine m = parsed("nodes=5 absent_nodes=0xa cpus=6 pages=960");
	static const uint32_t nodes[] = { 0, 2, 4 };

	EXPECT_EQ(m.absent_nodes, 10);
	EXPECT_EQ(m.nr_memory, 3);
	for (uint32_t i = 0; i < 3; i++) {
		EXPECT_EQ(m.memory[i].node, nodes[i]);
		EXPECT_EQ(m.memory[i].start, i ? 320 * i : 1);
		EXPECT_EQ(m.memory[i].end, 320 * (i + 1));
		EXPECT_EQ(m.cpu_node[2 * i], nodes[i]);
		EXPECT_EQ(m.cpu_node[2 * i + 1], nodes[i]);
	}
	m = parsed("absent_nodes=1 nodes=2");
	EXPECT_EQ(m.nr_memory, 1);
	EXPECT_EQ(m.memory[0].node, 1);
	EXPECT_EQ(m.cpu_node[0], 1);
}

TEST(folding_moves_what_lies_on_absent_nodes)
{
	struct machine m = parsed("nodes=3 cpus=3 pages=768");

	m.absent_nodes = 0xfffffff2; /* of three nodes only node 1 is meant */
	machine_fold(&m);
	EXPECT_EQ(m.absent_nodes, 2);
	EXPECT_EQ(m.memory[1].node, 2);
	EXPECT_EQ(m.cpu_node[1], 2);
	EXPECT_EQ(m.cpu_node[0], 0);
	m.absent_nodes = 7;
	machine_fold(&m);
	EXPECT_EQ(m.absent_nodes, 0);
	m.guard_order = 9;
	machine_fold(&m);
	EXPECT_EQ(m.guard_order, 0);
	m.debug_pagealloc = 1;
	m.guard_order = 9;
	machine_fold(&m);
	EXPECT_EQ(m.guard_order, 3);
}

TEST(the_keys_of_a_kernel_are_read)
{
	struct machine m = parsed("nodes=2 pages=1024 kernelcore=25% movablecore=300 "
				  "managed=60/100/0/0,0/0/400/0 late=0/7/0/0,0/0/50/0");

	EXPECT_EQ(m.kernelcore_percent, 25);
	EXPECT_EQ(m.kernelcore_pages, 0);
	EXPECT_EQ(m.movablecore_pages, 300);
	EXPECT_EQ(m.movablecore_percent, 0);
	EXPECT_EQ(m.managed[0][1], 100);
	EXPECT_EQ(m.managed[1][2], 400);
	EXPECT_EQ(m.late[1][2], 50);
	m = parsed("nodes=2 movable_node=on memory=1-512@0,512-1024@1/hotplug");
	EXPECT_EQ(m.movable_node, 1);
	EXPECT_EQ(m.memory[0].hotplug, 0);
	EXPECT_EQ(m.memory[1].hotplug, 1);
}

/* No byte of the wire form stands for them. */
TEST(what_only_a_kernels_machine_has_has_no_wire_form)
{
	static const char *const lines[] = {
		"kernelcore=100",
		"kernelcore=10%",
		"movablecore=100",
		"movablecore=10%",
		"movable_node=on",
		"managed=0/0/200/0",
		"managed=0/0/200/0 late=0/0/1/0",
		"memory=1-512@0/hotplug",
		"memory=1-512@0/mirror",
		"kernelcore=mirror",
		"memmap=flat",
	};
	struct machine m;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		m = parsed(lines[i]);
		EXPECT(!machine_has_wire_form(&m));
	}
	m = parsed("movable=448@0");
	m.memory[0].mirror = 1;
	EXPECT(!machine_has_wire_form(&m));
	m.memory[0].mirror = 0;
	EXPECT(machine_has_wire_form(&m));
}

/* A line that says all of it comes back as it was. */
TEST(the_keys_of_a_kernel_survive_printing)
{
	static const char *const lines[] = {
		"nodes=2 memory=1-512@0,512-1024@1/hotplug movable_node=on",
		"kernelcore=25% movablecore=300",
		"kernelcore=200 movablecore=10%",
		"nodes=2 memory=1-512@0/mirror,512-1024@1/hotplug/mirror memmap=flat "
		"kernelcore=mirror movablecore=64 movable_node=on",
		"nodes=3 absent_nodes=0x2 cpus=2 shuffle=4294967295 debug_pagealloc=1 "
		"guard_order=3 "
		"init_on_alloc=1 init_on_free=1 page_poison=1 deferred=1",
		"nodes=2 pages=1024 managed=60/100/0/0,0/0/400/0 late=0/7/0/0,0/0/50/0",
	};
	char text[4096];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct machine m = parsed(lines[i]);

		machine_print_line(&m, text, sizeof(text));
		EXPECT_STR(text, lines[i]);
	}
}

TEST(an_impossible_machine_is_refused_with_its_reason)
{
	refused("memory=1-300@0,200-512@0", 1, "overlaps");
	refused("nodes=2 memory=256-512@0,1-256@1", 1, "comes before");
	refused("memory=0-512@0", 1, "pfn 0");
	refused("memory=512-512@0", 1, "empty");
	refused("memory=1-512@1", 1, "on node 1, but there are only 1 nodes");
	refused("pages=20", 7, "pages=20 is too small: expected the number of pages, at least 33");
	refused("pages=0", 7, "at least 33");
	refused("memory=1-20@0", 1, "needs 32");
	refused("nodes=17", 7, "too large");
	refused("nodes=0", 7, "at least 1");
	refused("cpus=65", 6, "at most 64");
	refused("cpus=0", 6, "at least 1");
	refused("top_order=11", 11, "at most 10");
	refused("pageblock_order=7 top_order=6", 1, "4 <= pageblock_order");
	refused("pageblock_order=3", 17, "at least 4");
	refused("dma_end=65", 1, "multiples of 2^top_order = 64");
	refused("dma_end=256 dma32_end=128", 1, "lies below");
	refused("section=72 top_order=4 pageblock_order=4", 1, "multiple of the pageblock");
	refused("section=32", 1, "section is 32");
	refused("nodes=2 distances=10/9,20/10", 22, "expected a distance, at least 10");
	refused("nodes=2 distances=11/20,20/10", 1, "to itself is 11");
	refused("nodes=2 distances=10/20", 1, "2 rows of 2 numbers");
	refused("nodes=2 distances=10/255,20/10", 22, "a distance, at most 254");
	refused("cpus=2 cpu_nodes=0", 1, "1 entries for 2 CPUs");
	refused("cpu_nodes=1", 1, "CPU 0 is on node 1");
	refused("movable=100@0", 1, "multiple of 2^top_order");
	refused("movable=128@0", 1, "highest zone (from 256)");
	refused("movable=512@0", 1, "inside the node's memory");
	refused("movable=256@1", 1, "on node 1");
	refused("movable=64@0 dma_end=0 dma32_end=0 memory=64-512@0", 1, "leave less than 16");
	refused("scale=0", 7, "scale=0 is too small");
	refused("batch=0", 7, "batch=0 is too small");
	refused("percpu=400", 1, "leave less than a quarter");
	refused("percpu=real", 1, "512 pages for percpu");
	refused("reserved=1-500", 1, "leave less than a quarter");
	refused("pages=512 memory=1-512@0", 1, "both given");
	refused("movable=448@0 kernelcore=100", 1, "expected one of them");
	refused("movable=448@0 movable_node=on", 1, "expected one of them");
	refused("managed=0/0/513/0", 1, "more pages than the machine has");
	refused("managed=0/0/100/0 late=0/0/100/0", 1, "expected fewer than managed");
	refused("late=0/0/1/0", 1, "expected fewer than managed");
	refused("managed=0/0/100/0 late=0/0/1/0 deferred=1", 1, "cannot be had with deferred=1");
	refused("nodes=2 managed=0/0/1/0", 1, "2 rows, one for each node");
	refused("late=0/0/1/0,0/0/0/0", 1, "1 rows, one for each node");
	refused("nodes=2 absent_nodes=0x4", 1, "expected bits of 0x3");
	refused("absent_nodes=0x10000", 14, "too large");
	refused("nodes=2 absent_nodes=0x3", 1, "all 2 nodes are absent");
	refused("absent_nodes=1", 1, "all 1 nodes are absent");
	refused("nodes=2 absent_nodes=2 memory=1-256@0,256-512@1", 1,
		"memory range 256-512 is on node 1, which is absent");
	refused("nodes=2 absent_nodes=2 cpus=2 cpu_nodes=0,1", 1,
		"CPU 1 is on node 1, which is absent");
	refused("guard_order=2", 1, "without debug_pagealloc=1");
	refused("debug_pagealloc=1 guard_order=4", 1, "must be 0 to 3"); /* (6 + 1) / 2 */
	refused("top_order=5 debug_pagealloc=1 guard_order=4", 1, "must be 0 to 3");
	refused("top_order=4 debug_pagealloc=1 guard_order=3", 1, "must be 0 to 2");
	refused("guard_order=6", 13, "at most 5");
	refused("movable=448@0 kernelcore=mirror", 1, "expected one of them");
}

/* Is what the reference says of a key what the parser does? */
static bool refused_at_value(const struct machine_key *key, uint64_t value)
{
	char line[128];
	struct machine m;
	struct text_error error;

	snprintf(line, sizeof(line), "%s=%llu", key->name, (unsigned long long)value);
	return !machine_parse_line(&m, line, &error) && error.column == strlen(key->name) + 2;
}

TEST(the_range_of_a_key_is_the_one_that_the_reference_says)
{
	const struct machine_key *key;
	unsigned int numbers = 0;

	for (unsigned int i = 0; (key = machine_key_at(i)); i++) {
		if (strcmp(key->form, "N") != 0 && strcmp(key->form, "PFN") != 0)
			continue;
		EXPECT(!refused_at_value(key, key->low));
		EXPECT(!refused_at_value(key, key->high));
		EXPECT(refused_at_value(key, key->high + 1));
		if (key->low > 0)
			EXPECT(refused_at_value(key, key->low - 1));
		numbers++;
	}
	EXPECT(numbers >= 10);
}

TEST(the_default_of_a_key_may_be_left_out)
{
	const struct machine_key *key;
	unsigned int defaults = 0;
	struct machine nothing;

	machine_default(&nothing);
	for (unsigned int i = 0; (key = machine_key_at(i)); i++) {
		char line[128], printed[128];

		if (!key->normal)
			continue;
		snprintf(line, sizeof(line), "%s=%s", key->name, key->normal);
		struct machine m = parsed(line);

		machine_print_line(&m, printed, sizeof(printed));
		EXPECT(machine_equal(&m, &nothing));
		EXPECT_STR(printed, "");
		defaults++;
	}
	EXPECT(defaults >= 10);
}

TEST(the_reference_of_keys_has_forms_ranges_and_defaults)
{
	static char text[16384];
	const struct machine_key *key;

	EXPECT(machine_print_keys(text, sizeof(text)) < sizeof(text));
	for (unsigned int i = 0; (key = machine_key_at(i)); i++)
		EXPECT(strstr(text, key->name) != NULL);
	EXPECT(strstr(text, "    nodes=N        1 .. 16, default 1\n") != NULL);
	EXPECT(strstr(text, "    pages=N        33 .. 1099511627776, default 512\n") != NULL);
	EXPECT(strstr(text, "    checks=linux|debug|off        default linux\n") != NULL);
	EXPECT(strstr(text, "`lostbuddy-machine 1`") != NULL);
}

TEST(a_malformed_machine_is_refused_at_its_place)
{
	refused("nodes=2 cpu=4", 9, "unknown machine key `cpu`: is it `cpus`?");
	refused("nodes 2", 6, "expected `=` after a machine key, found ` `");
	refused("nodes=two", 7, "expected the number of nodes");
	refused("thp=yes", 5, "on or off, found `yes`");
	refused("checks=none", 8, "linux, debug or off");
	refused("profile=linux-7.0", 9, "linux-6.1");
	refused("memory=1-512", 13, "expected `@`");
	refused("memory=1:512@0", 9, "expected `-`");
	refused("nodes=1 nodes=1", 9, "twice");
	refused("nodes=1,2", 8, "expected a blank");
	refused("ratios=1/2/3", 13, "there are four");
	refused("file=x.machine", 6, "beside the program's file");
	refused("=3", 1, "expected a machine key");
	refused("kernelcore=101%", 12, "at most 100%");
	refused("kernelcore=0", 12, "at least 1");
	refused("movablecore=x", 13, "a number of pages, or N%");
	refused("movable_node=1", 14, "on or off");
	refused("memory=1-512@0/hot", 16, "expected hotplug or mirror, found `hot`");
	refused("managed=1/2/3", 14, "there are four");
	refused("memory=1-512@0/hotplug/hotplug", 24, "the mark `hotplug` is there twice");
	refused("memory=1-512@0/mirror/", 23, "expected hotplug or mirror, found");
	refused("reserved=1-5/mirror", 13, "expected a blank");
	refused("debug_pagealloc=on", 17, "expected 0 or 1");
	refused("debug_pagealloc=2", 17, "at most 1");
	refused("init_on_alloc=2", 15, "at most 1");
	refused("init_on_free=2", 14, "at most 1");
	refused("page_poison=2", 13, "at most 1");
	refused("deferred=2", 10, "at most 1");
	refused("shuffle=4294967296", 9, "at most 4294967295");
	refused("memmap=dense", 8, "sparse or flat");
	refused("shufle=1", 1, "is it `shuffle`?");
}

TEST(a_machine_file_holds_a_key_a_line)
{
	struct machine m = parsed(
		"lostbuddy-machine 1\n# two nodes\nnodes=2\ncpus=2   # one each\n\npages=1024\n");
	struct machine line = parsed("nodes=2 cpus=2 pages=1024"), bad;
	struct text_error error;

	EXPECT(machine_equal(&m, &line));
	EXPECT(!machine_parse_line(&bad, "lostbuddy-machine 2\nnodes=2\n", &error));
	EXPECT_EQ(error.line, 1);
	EXPECT(!machine_parse_line(&bad, "lostbuddy-machine 1\nnodes=2\nzpus=2\n", &error));
	EXPECT_EQ(error.line, 3);
	EXPECT_EQ(error.column, 1);
	EXPECT(!machine_parse_line(&bad, "nodes=2\ncpus=2\n", &error));
	EXPECT_EQ(error.line, 2);
}

TEST(a_missing_machine_file_is_named)
{
	struct machine m;
	struct text_error error;

	EXPECT(!machine_read_file(&m, "corpus/machines/no-such.machine", &error));
	EXPECT_EQ(error.line, 0);
	EXPECT(strstr(error.what, "no-such.machine cannot be read: No such file") != NULL);
}

TEST(random_machines_exist_and_survive_printing)
{
	struct random r = random_stream(7, 0);
	struct machine m, back;
	struct text_error error;
	char text[4096];

	for (int i = 0; i < 20000; i++) {
		machine_random(&m, &r);
		if (!EXPECT(machine_check(&m, &error)) || !EXPECT(machine_has_wire_form(&m)))
			return;
		size_t length = machine_print_line(&m, text, sizeof(text));

		EXPECT_EQ(length, strlen(text));
		if (!EXPECT(machine_parse_line(&back, text, &error)) ||
		    !EXPECT(machine_equal(&m, &back))) {
			fprintf(stderr, "  %s\n  %s\n", text, error.what);
			return;
		}
	}
}

TEST(random_machines_have_every_shape)
{
	struct random r = random_stream(11, 0);
	struct machine m;
	unsigned int nodes[5] = { 0 }, cpus[9] = { 0 }, top[11] = { 0 }, pageblock[11] = { 0 };
	unsigned int holes = 0, reserved = 0, movable = 0, memoryless = 0, asymmetric = 0,
		     no_dma = 0, dma_only = 0;
	unsigned int shuffled = 0, debugged = 0, guarded = 0, on_alloc = 0, on_free = 0,
		     poisoned = 0, several = 0, deferred = 0, absent = 0;

	for (int i = 0; i < 5000; i++) {
		uint64_t with_memory = 0;

		machine_random(&m, &r);
		nodes[m.nr_nodes]++;
		cpus[m.nr_cpus]++;
		top[m.top_order]++;
		pageblock[m.pageblock_order]++;
		for (uint32_t k = 0; k < m.nr_memory; k++) {
			with_memory |= 1u << m.memory[k].node;
			holes += k > 0 && m.memory[k].start > m.memory[k - 1].end;
		}
		memoryless += with_memory + 1 != 1u << m.nr_nodes;
		reserved += m.nr_reserved > 0;
		for (uint32_t n = 0; n < m.nr_nodes; n++)
			movable += m.movable_start[n] > 0;
		asymmetric += m.nr_nodes > 1 && m.distance[0][1] != m.distance[1][0];
		shuffled += m.shuffle > 0;
		debugged += m.debug_pagealloc;
		guarded += m.guard_order > 0;
		on_alloc += m.init_on_alloc;
		on_free += m.init_on_free;
		poisoned += m.page_poison;
		several += (m.shuffle > 0) + m.debug_pagealloc + m.init_on_alloc + m.init_on_free +
				   m.page_poison >
			   1;
		deferred += m.deferred && m.section_pages < m.max_pfn / 2;
		absent += m.absent_nodes > 0;
		no_dma += m.dma_end == 0 && m.dma32_end == 0;
		dma_only += m.dma_end >= m.max_pfn;
	}
	/* of 5,000: each switch alone one time in sixteen, absent nodes in a tenth of a third */
	EXPECT(shuffled > 200 && debugged > 200 && guarded > 100 && guarded < debugged);
	EXPECT(on_alloc > 200 && on_free > 200 && poisoned > 200 && several > 50);
	EXPECT(shuffled < 700 && debugged < 700 && on_alloc < 700 && several < 400);
	EXPECT(deferred > 350 && deferred < 700 && absent > 100 && absent < 300);
	for (int n = 1; n <= 4; n++)
		EXPECT(nodes[n] > 100);
	for (int n = 1; n <= 8; n++)
		EXPECT(cpus[n] > 100);
	for (int order = 4; order <= 10; order++)
		EXPECT(top[order] > 10 && pageblock[order] > 5);
	EXPECT(holes > 100 && reserved > 500 && movable > 100 && memoryless > 50 &&
	       asymmetric > 100);
	EXPECT(no_dma > 100 && dma_only > 100);
}

/* Any bytes at all, as the fields of a machine. */
TEST(folding_makes_any_machine_possible_and_leaves_possible_ones_alone)
{
	struct random r = random_stream(3, 0);
	struct machine m, again;
	struct text_error error;

	for (int i = 0; i < 20000; i++) {
		uint8_t *bytes = (uint8_t *)&m;

		machine_random(&m, &r);
		for (uint32_t n = random_between(&r, 1, 60); n > 0; n--)
			bytes[random_below(&r, sizeof(m))] = (uint8_t)random_next(&r);
		m.nr_memory %= MACHINE_MAX_RANGES;
		m.nr_reserved %= MACHINE_MAX_RANGES;
		machine_fold(&m);
		if (!EXPECT(machine_check(&m, &error)) || !EXPECT(machine_has_wire_form(&m))) {
			fprintf(stderr, "  %s\n", error.what);
			return;
		}
		again = m;
		machine_fold(&again);
		EXPECT(machine_equal(&m, &again));
	}
}

TEST_MAIN
