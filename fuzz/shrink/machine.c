/*
 * Simpler machines: what the shrinker tries on the machine of a program.
 *
 * An edit changes plain data without care for what fits together. Whether the outcome can exist
 * is left to machine_check(): the edited machine is printed and read back, which also clears
 * what the edit left in unused fields. Constants and borders get their defaults by dropping
 * their word from the line.
 *
 * Invariant: every simplification goes down in one order (nodes, CPUs, pages, ranges, length of
 * the line, the earlier before the later), so that no sequence of them comes back to where it
 * was.
 */
#include "shrink/shrink_internal.h"

#include <assert.h>
#include <string.h>

enum {
	LINE_SIZE = 16384,
	LINE_WORDS = 48, /* more than a line has keys */
};

static uint64_t block_pages(const struct machine *m)
{
	assert(m->top_order < 32);
	return UINT64_C(1) << m->top_order;
}

static void remove_range(struct machine_range *ranges, uint32_t *nr, uint32_t index)
{
	assert(index < *nr && *nr <= MACHINE_MAX_RANGES);
	memmove(&ranges[index], &ranges[index + 1], (*nr - index - 1) * sizeof(*ranges));
	memset(&ranges[*nr - 1], 0, sizeof(*ranges));
	(*nr)--;
}

/*
 * Reserved ranges outside of all memory make no difference; max_pfn follows the last range of
 * memory.
 */
static void follow_memory(struct machine *m)
{
	m->max_pfn = m->nr_memory ? m->memory[m->nr_memory - 1].end : 0;
	while (m->nr_reserved && m->reserved[m->nr_reserved - 1].start >= m->max_pfn)
		remove_range(m->reserved, &m->nr_reserved, m->nr_reserved - 1);
	if (m->nr_reserved && m->reserved[m->nr_reserved - 1].end > m->max_pfn)
		m->reserved[m->nr_reserved - 1].end = m->max_pfn;
	if (m->dma_end > m->max_pfn)
		m->dma_end = 0;
	if (m->dma32_end > m->max_pfn)
		m->dma32_end = 0;
	for (uint32_t node = 0; node < MACHINE_MAX_NODES; node++)
		if (m->movable_start[node] >= m->max_pfn)
			m->movable_start[node] = 0;
}

static void everything_default(struct machine *m, unsigned int index)
{
	(void)index;
	machine_default(m);
}

static void one_cpu(struct machine *m, unsigned int index)
{
	(void)index;
	memset(m->cpu_node + 1, 0, sizeof(m->cpu_node) - 1);
	m->nr_cpus = 1;
}

static void one_cpu_less(struct machine *m, unsigned int index)
{
	(void)index;
	if (m->nr_cpus > 1)
		m->cpu_node[--m->nr_cpus] = 0;
}

/* The first node that is there; 0 if none is, for machine_check() to say so. */
static uint8_t first_node(const struct machine *m)
{
	for (uint32_t node = 0; node < m->nr_nodes; node++)
		if (!(m->absent_nodes >> node & 1))
			return (uint8_t)node;
	return 0;
}

static void forget_last_node(struct machine *m)
{
	m->nr_nodes--;
	m->movable_start[m->nr_nodes] = 0;
	m->absent_nodes &= ~(1u << m->nr_nodes);
	for (uint32_t cpu = 0; cpu < m->nr_cpus; cpu++)
		if (m->cpu_node[cpu] >= m->nr_nodes)
			m->cpu_node[cpu] = first_node(m);
	for (uint32_t node = 0; node < MACHINE_MAX_NODES; node++) {
		m->distance[m->nr_nodes][node] = 0;
		m->distance[node][m->nr_nodes] = 0;
	}
}

static void drop_last_node(struct machine *m, unsigned int index)
{
	(void)index;
	if (m->nr_nodes < 2)
		return;
	forget_last_node(m);
	for (uint32_t i = m->nr_memory; i-- > 0;)
		if (m->memory[i].node >= m->nr_nodes)
			remove_range(m->memory, &m->nr_memory, i);
	follow_memory(m);
}

/* The last node's memory goes to the node before it. */
static void join_last_node(struct machine *m, unsigned int index)
{
	(void)index;
	if (m->nr_nodes < 2)
		return;
	forget_last_node(m);
	for (uint32_t i = 0; i < m->nr_memory; i++)
		if (m->memory[i].node >= m->nr_nodes)
			m->memory[i].node = m->nr_nodes - 1;
}

static void drop_memory(struct machine *m, unsigned int index)
{
	if (index >= m->nr_memory || m->nr_memory == 1)
		return;
	remove_range(m->memory, &m->nr_memory, index);
	follow_memory(m);
}

static void halve_memory(struct machine *m, unsigned int index)
{
	if (index >= m->nr_memory)
		return;
	uint64_t block = block_pages(m), start = m->memory[index].start, end = m->memory[index].end;
	uint64_t middle = (start + (end - start) / 2 + block - 1) / block * block;

	if (middle <= start || middle >= end)
		return;
	m->memory[index].end = middle;
	follow_memory(m);
}

/* A hole before a range goes; the range comes down to where the one before it ends. */
static void close_hole(struct machine *m, unsigned int index)
{
	if (index == 0 || index >= m->nr_memory ||
	    m->memory[index].start == m->memory[index - 1].end)
		return;
	uint64_t hole = m->memory[index].start - m->memory[index - 1].end;

	for (uint32_t i = index; i < m->nr_memory; i++) {
		m->memory[i].start -= hole;
		m->memory[i].end -= hole;
	}
	follow_memory(m);
}

static void drop_reserved(struct machine *m, unsigned int index)
{
	if (index < m->nr_reserved)
		remove_range(m->reserved, &m->nr_reserved, index);
}

static void everybody_there(struct machine *m, unsigned int index)
{
	(void)index;
	m->absent_nodes = 0;
}

/* Neither hot-pluggable nor mirrored. */
static void plain_memory(struct machine *m, unsigned int index)
{
	if (index < m->nr_memory)
		m->memory[index].hotplug = m->memory[index].mirror = 0;
}

static void plain_seed(struct machine *m, unsigned int index)
{
	(void)index;
	m->shuffle = m->shuffle > 0;
}

/* Greatest simplifications first; each with as many indices as it has places to act on. */
static const struct {
	void (*edit)(struct machine *m, unsigned int index);
	unsigned int places;
} edits[] = {
	{ everything_default, 1 },
	{ one_cpu, 1 },
	{ drop_last_node, 1 },
	{ join_last_node, 1 },
	{ one_cpu_less, 1 },
	{ drop_memory, MACHINE_MAX_RANGES },
	{ halve_memory, MACHINE_MAX_RANGES },
	{ close_hole, MACHINE_MAX_RANGES },
	{ drop_reserved, MACHINE_MAX_RANGES },
	{ everybody_there, 1 },
	{ plain_memory, MACHINE_MAX_RANGES },
	{ plain_seed, 1 },
};

enum { NR_EDITS = sizeof(edits) / sizeof(edits[0]) };

/* What a text would keep of the machine, if it can exist at all. */
static bool through_text(struct machine *m)
{
	char line[LINE_SIZE];
	struct text_error error;
	struct machine back;

	if (!machine_check(m, &error) ||
	    machine_print_line(m, line, sizeof(line)) >= sizeof(line) ||
	    !machine_parse_line(&back, line, &error))
		return false;
	*m = back;
	return true;
}

/* The machine whose line lacks one word: what that word said has its default. */
static bool without_word(struct machine *m, unsigned int index)
{
	char line[LINE_SIZE];
	struct text_error error;
	struct machine back;

	if (machine_print_line(m, line, sizeof(line)) >= sizeof(line))
		return false;
	char *word = line + strspn(line, " ");

	while (*word && index-- > 0) {
		word += strcspn(word, " ");
		word += strspn(word, " ");
	}
	if (!*word)
		return false;
	memset(word, ' ', strcspn(word, " "));
	if (!machine_parse_line(&back, line, &error))
		return false;
	*m = back;
	return true;
}

static uint64_t pages_of(const struct machine *m)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < m->nr_memory; i++)
		pages += m->memory[i].end - m->memory[i].start;
	return pages;
}

/* Is a lower than b in the order of simplicity? */
static bool is_simpler(const struct machine *a, const struct machine *b)
{
	const uint64_t of_a[] = { a->nr_nodes,	a->nr_cpus,	pages_of(a),
				  a->nr_memory, a->nr_reserved, machine_print_line(a, NULL, 0) };
	const uint64_t of_b[] = { b->nr_nodes,	b->nr_cpus,	pages_of(b),
				  b->nr_memory, b->nr_reserved, machine_print_line(b, NULL, 0) };

	for (size_t i = 0; i < sizeof(of_a) / sizeof(of_a[0]); i++)
		if (of_a[i] != of_b[i])
			return of_a[i] < of_b[i];
	return false;
}

static unsigned int count_edits(void)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < NR_EDITS; i++)
		sum += edits[i].places;
	return sum;
}

unsigned int machine_simplifications(void)
{
	return count_edits() + LINE_WORDS;
}

static bool edited(struct machine *m, unsigned int which)
{
	unsigned int kind = 0;

	while (which >= edits[kind].places)
		which -= edits[kind++].places;
	edits[kind].edit(m, which);
	return through_text(m);
}

bool machine_simplify(struct machine *to, const struct machine *from, unsigned int which)
{
	unsigned int nr_edits = count_edits();
	struct machine m = *from;

	assert(which < machine_simplifications());
	if (!(which < nr_edits ? edited(&m, which) : without_word(&m, which - nr_edits)) ||
	    !is_simpler(&m, from))
		return false;
	*to = m;
	return true;
}
