/*
 * The machine's part of the wire form: eight records, each complete in itself, so that damage to
 * one costs one aspect.
 *
 * What a record holds is read into the machine as it comes, and machine_fold() makes a possible
 * machine of it. A valid machine that machine_has_wire_form() is not changed by folding, so it
 * survives the way there and back.
 */
#include "program/wire.h"

void wire_begin(struct wire_out *out, uint8_t kind)
{
	assert(kind != WIRE_SEPARATOR);

	if (out->length < out->size)
		out->bytes[out->length] = kind;
	out->length++;
	out->record = out->significant = out->length;
}

void wire_put(struct wire_out *out, uint32_t digit)
{
	assert(digit < WIRE_BASE);

	if (out->length < out->size)
		out->bytes[out->length] = (uint8_t)(digit + (digit >= WIRE_SEPARATOR));
	out->length++;
	if (digit)
		out->significant = out->length;
}

void wire_end(struct wire_out *out)
{
	out->length = out->significant;
	if (out->length < out->size)
		out->bytes[out->length] = WIRE_SEPARATOR;
	out->length++;
}

void wire_put_pfn(struct wire_out *out, uint64_t pfn)
{
	assert(pfn < WIRE_BASE * WIRE_BASE);

	wire_put(out, (uint32_t)(pfn % WIRE_BASE));
	wire_put(out, (uint32_t)(pfn / WIRE_BASE));
}

/* True if 2^power + delta - 127 is the value, for a delta that a digit can hold. */
static bool near_power(uint32_t value, uint32_t power, uint32_t *delta)
{
	*delta = value - (1u << power) + 127;
	return *delta < WIRE_BASE;
}

void wire_put_value(struct wire_out *out, uint32_t value)
{
	uint32_t delta;

	if (value < WIRE_VALUE_POWER ||
	    (value >= WIRE_VALUE_POWER + 32 && value < WIRE_VALUE_WIDE)) {
		wire_put(out, value);
		return;
	}
	for (uint32_t power = 0; power < 32; power++)
		if (near_power(value, power, &delta)) {
			wire_put(out, WIRE_VALUE_POWER + power);
			wire_put(out, delta);
			return;
		}
	wire_put(out, WIRE_VALUE_WIDE);
	for (int i = 0; i < 5; i++, value /= WIRE_BASE)
		wire_put(out, value % WIRE_BASE);
}

/* ---- Reading ---- */

static void get_constants(struct machine *m, struct wire_in in)
{
	uint32_t flags = wire_get(&in);

	m->checks = flags % 3;
	m->thp = flags / 3 & 1;
	m->profile = flags / 6;
	m->nr_nodes = wire_get(&in) % WIRE_NODES + 1;
	m->nr_cpus = wire_get(&in) % WIRE_CPUS + 1;
	m->top_order = MACHINE_LOWEST_ORDER + wire_get(&in) % 7;
	m->pageblock_order = MACHINE_LOWEST_ORDER + wire_get(&in) % 7;
	m->percpu_unit_pages = wire_get(&in);
	m->dma_end = wire_get_pfn(&in);
	m->dma32_end = wire_get_pfn(&in);
	m->section_pages = wire_get_pfn(&in);
}

static int64_t get_formula(struct wire_in *in)
{
	return (int64_t)wire_get_value(in) - 1;
}

static void get_tunables(struct machine *m, struct wire_in in)
{
	m->min_free_kbytes = get_formula(&in);
	m->pcp_high = get_formula(&in);
	m->pcp_batch = get_formula(&in);
	m->watermark_scale_factor = wire_get_value(&in);
	m->watermark_boost_factor = wire_get_value(&in);
	for (uint32_t i = 0; i < MACHINE_NR_ZONES; i++)
		m->lowmem_reserve_ratio[i] = wire_get_value(&in);
}

static void get_memory(struct machine *m, struct wire_in in)
{
	memset(m->memory, 0, sizeof(m->memory));
	for (m->nr_memory = 0; in.at < in.end && m->nr_memory < WIRE_RANGES; m->nr_memory++) {
		struct machine_range *range = &m->memory[m->nr_memory];

		range->start = wire_get_pfn(&in);
		range->end = wire_get_pfn(&in);
		range->node = wire_get(&in);
	}
}

static void get_reserved(struct machine *m, struct wire_in in)
{
	for (m->nr_reserved = 0; in.at < in.end && m->nr_reserved < WIRE_RANGES; m->nr_reserved++) {
		struct machine_range *range = &m->reserved[m->nr_reserved];

		range->start = wire_get_pfn(&in);
		range->end = wire_get_pfn(&in);
	}
}

static void get_distances(struct machine *m, struct wire_in in)
{
	for (uint32_t a = 0; a < m->nr_nodes; a++)
		for (uint32_t b = 0; b < m->nr_nodes; b++) {
			uint32_t farther = a == b ? 0 : wire_get(&in);

			m->distance[a][b] =
				(uint8_t)(10 + farther > MACHINE_FARTHEST ? MACHINE_FARTHEST
									  : 10 + farther);
		}
}

/* Flags, guard order, absent nodes, seed of the shuffle. */
static void get_switches(struct machine *m, struct wire_in in)
{
	uint32_t flags = wire_get(&in);

	m->debug_pagealloc = flags & 1;
	m->init_on_alloc = flags >> 1 & 1;
	m->init_on_free = flags >> 2 & 1;
	m->page_poison = flags >> 3 & 1;
	m->deferred = flags >> 4 & 1;
	m->guard_order = wire_get(&in);
	m->absent_nodes = wire_get(&in);
	m->shuffle = wire_get_value(&in);
}

void wire_get_machine(struct machine *m, const struct wire_in parts[WIRE_MACHINE_PARTS])
{
	machine_default(m);
	if (parts[PART_CONSTANTS].at)
		get_constants(m, parts[PART_CONSTANTS]);
	if (parts[PART_TUNABLES].at)
		get_tunables(m, parts[PART_TUNABLES]);
	if (parts[PART_SWITCHES].at)
		get_switches(m, parts[PART_SWITCHES]);
	machine_fold_absent(m);
	if (parts[PART_MEMORY].at)
		get_memory(m, parts[PART_MEMORY]);
	else
		machine_divide(m, MACHINE_DEFAULT_PAGES);
	if (parts[PART_RESERVED].at)
		get_reserved(m, parts[PART_RESERVED]);
	machine_default_nodes(m);
	if (parts[PART_DISTANCES].at)
		get_distances(m, parts[PART_DISTANCES]);

	struct wire_in cpus = parts[PART_CPU_NODES], movable = parts[PART_MOVABLE];

	for (uint32_t cpu = 0; cpus.at && cpu < m->nr_cpus; cpu++)
		m->cpu_node[cpu] = (uint8_t)wire_get(&cpus);
	for (uint32_t n = 0; movable.at && n < m->nr_nodes; n++)
		m->movable_start[n] = wire_get_pfn(&movable);
	machine_fold(m);
}

/* ---- Writing ---- */

static void put_constants(struct wire_out *out, const struct machine *m)
{
	wire_begin(out, WIRE_MACHINE + PART_CONSTANTS);
	wire_put(out, m->checks + 3 * m->thp + 6 * m->profile);
	wire_put(out, m->nr_nodes - 1);
	wire_put(out, m->nr_cpus - 1);
	wire_put(out, m->top_order - MACHINE_LOWEST_ORDER);
	wire_put(out, m->pageblock_order - MACHINE_LOWEST_ORDER);
	wire_put(out, m->percpu_unit_pages);
	wire_put_pfn(out, m->dma_end);
	wire_put_pfn(out, m->dma32_end);
	wire_put_pfn(out, m->section_pages);
	wire_end(out);
}

static void put_formula(struct wire_out *out, int64_t value)
{
	wire_put_value(out, (uint32_t)(value + 1));
}

static void put_tunables(struct wire_out *out, const struct machine *m)
{
	wire_begin(out, WIRE_MACHINE + PART_TUNABLES);
	put_formula(out, m->min_free_kbytes);
	put_formula(out, m->pcp_high);
	put_formula(out, m->pcp_batch);
	wire_put_value(out, m->watermark_scale_factor);
	wire_put_value(out, m->watermark_boost_factor);
	for (uint32_t i = 0; i < MACHINE_NR_ZONES; i++)
		wire_put_value(out, m->lowmem_reserve_ratio[i]);
	wire_end(out);
}

static void put_switches(struct wire_out *out, const struct machine *m)
{
	wire_begin(out, WIRE_MACHINE + PART_SWITCHES);
	wire_put(out, m->debug_pagealloc + 2 * m->init_on_alloc + 4 * m->init_on_free +
			      8 * m->page_poison + 16 * m->deferred);
	wire_put(out, m->guard_order);
	wire_put(out, m->absent_nodes);
	wire_put_value(out, m->shuffle);
	wire_end(out);
}

static bool has_switches(const struct machine *m)
{
	return m->debug_pagealloc || m->init_on_alloc || m->init_on_free || m->page_poison ||
	       m->deferred || m->absent_nodes || m->shuffle;
}

static void put_ranges(struct wire_out *out, enum wire_part part,
		       const struct machine_range *ranges, uint32_t nr)
{
	wire_begin(out, (uint8_t)(WIRE_MACHINE + part));
	for (uint32_t i = 0; i < nr; i++) {
		wire_put_pfn(out, ranges[i].start);
		wire_put_pfn(out, ranges[i].end);
		if (part == PART_MEMORY)
			wire_put(out, ranges[i].node);
	}
	wire_end(out);
}

static void put_topology(struct wire_out *out, const struct machine *m)
{
	if (m->nr_nodes > 1) {
		wire_begin(out, WIRE_MACHINE + PART_DISTANCES);
		for (uint32_t a = 0; a < m->nr_nodes; a++)
			for (uint32_t b = 0; b < m->nr_nodes; b++)
				if (a != b)
					wire_put(out, m->distance[a][b] - 10u);
		wire_end(out);
		wire_begin(out, WIRE_MACHINE + PART_CPU_NODES);
		for (uint32_t cpu = 0; cpu < m->nr_cpus; cpu++)
			wire_put(out, m->cpu_node[cpu]);
		wire_end(out);
	}
	wire_begin(out, WIRE_MACHINE + PART_MOVABLE);
	for (uint32_t n = 0; n < m->nr_nodes; n++)
		wire_put_pfn(out, m->movable_start[n]);
	wire_end(out);
}

void wire_put_machine(struct wire_out *out, const struct machine *m)
{
	assert(machine_has_wire_form(m));

	put_constants(out, m);
	put_tunables(out, m);
	put_ranges(out, PART_MEMORY, m->memory, m->nr_memory);
	if (m->nr_reserved)
		put_ranges(out, PART_RESERVED, m->reserved, m->nr_reserved);
	put_topology(out, m);
	if (has_switches(m))
		put_switches(out, m);
}
