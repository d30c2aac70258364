/*
 * The wire form of programs: what engines mutate.
 *
 *   [constants][tunables][memory]...  machine records (wire_machine.c), among the first nine
 *   [op][context][...]                one record an operation
 *
 *   operation = kind, context, [scope], [fail_nth], slot of results, slot of the handle, page,
 *               order, gfp, node, nodemask, name, value: those that its row in the table has
 *   context   = cpu + 8 * level + 32 * (has scope) + 64 * (has fail_nth)
 *   slot      = one digit, or three when the slots record gives a class above 0
 *
 * Handles are slots, and what a slot means is settled here, from the program alone:
 *   a result goes into the next free slot from the one given (free: holds no live handle);
 *   ARG_HANDLE takes the next slot from the one given that holds a live block, ARG_FRAGMENT the
 *   next one that holds a live fragment;
 *   ARG_DEAD_HANDLE the next one whose last handle was a block and is dead.
 * The encoder gives the very slot each time, so that "next" comes into play only where something
 * was damaged or mutated. A record for which there is no such slot is left out.
 *
 * The tables below are append-only: an entry never changes its meaning, unassigned ones are ignored
 * (kinds) or read as the first entry.
 */
#include <stdlib.h>

#include "program/wire.h"

/* ---- Tables ---- */

enum {
	NO_OP = 0xff,
	GFP_WIDE = 254,
	GFP_BASES = 64,
	SLOTS_NARROW = 255,
	SLOT_NONE = UINT32_MAX,
	SLOT_MAPS = 4,
};

/*
 * Kinds 0x40 .. 0x7f (printable bytes) mean the operations that a program is mostly made of, by
 * their weights.
 */
static const uint8_t common_ops[64] = {
	1, 1, 1, 1, 1, 1, 1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  2,  2,  2, 3,
	3, 4, 4, 5, 5, 6, 6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  7,  7,  7, 7,
	8, 8, 8, 9, 9, 9, 10, 10, 11, 12, 13, 14, 15, 16, 17, 19, 21, 23, 25, 26,
};

static uint8_t op_of_kind(uint8_t kind)
{
	if (kind >= WIRE_OP && kind < WIRE_OP + OP_COUNT)
		return kind - WIRE_OP;
	return kind >= 0x40 && kind < 0x80 ? common_ops[kind - 0x40] : NO_OP;
}

/* A mask is one of these and a set of modifiers, or raw. */
static const uint32_t gfp_bases[GFP_BASES] = {
	0xcc0,	  /* KERNEL */
	0xa20,	  /* ATOMIC */
	0x800,	  /* NOWAIT */
	0x100cca, /* HIGHUSER_MOVABLE */
	0xcd0,	  /* KERNEL | RECLAIMABLE */
	0x100cc0, /* USER */
	0x100cc2, /* HIGHUSER */
	0xc00,	  /* NOIO */
	0xc40,	  /* NOFS */
	0x400cc0, /* KERNEL_ACCOUNT */
	0xcc1,	  /* KERNEL | DMA */
	0xcc4,	  /* KERNEL | DMA32 */
	0xa21,	  /* ATOMIC | DMA */
	0xa24,	  /* ATOMIC | DMA32 */
	0x801,	  /* NOWAIT | DMA */
	0x804,	  /* NOWAIT | DMA32 */
	0xa30,	  /* ATOMIC | RECLAIMABLE */
	0x810,	  /* NOWAIT | RECLAIMABLE */
	0xcc8,	  /* KERNEL | MOVABLE */
	0x80a,	  /* NOWAIT | HIGHMEM | MOVABLE */
	0xcd4,	  /* KERNEL | RECLAIMABLE | DMA32 */
	0x100cc4, /* USER | DMA32 */
	0x808,	  /* NOWAIT | MOVABLE */
	0,
};

static const uint32_t gfp_modifiers[7] = {
	0x100,	  /* ZERO */
	0x40000,  /* COMP */
	0x10000,  /* NORETRY */
	0x2000,	  /* NOWARN */
	0x200000, /* THISNODE */
	0x8000,	  /* NOFAIL */
	0x20000,  /* MEMALLOC */
};

/*
 * Orders 0 .. 15 are themselves; greater digits fall upon small orders, as those of a program do.
 */
static const uint8_t common_orders[16] = { 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 5 };

static uint32_t get_gfp(struct wire_in *in)
{
	uint32_t base = wire_get(in), modifiers, gfp = 0, scale = 1;

	if (base == GFP_WIDE) {
		for (int i = 0; i < 5; i++, scale *= WIRE_BASE)
			gfp += scale * wire_get(in);
		return gfp;
	}
	gfp = base < GFP_BASES && gfp_bases[base] ? gfp_bases[base] : gfp_bases[0];
	modifiers = wire_get(in);
	for (int i = 0; modifiers && i < 7; i++, modifiers >>= 1)
		gfp |= modifiers & 1 ? gfp_modifiers[i] : 0;
	return gfp;
}

static void put_gfp(struct wire_out *out, uint32_t gfp)
{
	uint32_t modifiers = 0, rest = gfp;

	for (uint32_t i = 0; i < 7; i++) {
		if (gfp & gfp_modifiers[i])
			modifiers |= 1u << i;
		rest &= ~gfp_modifiers[i];
	}
	for (uint32_t base = 0; rest && base < GFP_BASES; base++)
		if (gfp_bases[base] == rest) {
			wire_put(out, base);
			wire_put(out, modifiers);
			return;
		}
	wire_put(out, GFP_WIDE);
	for (int i = 0; i < 5; i++, gfp /= WIRE_BASE)
		wire_put(out, gfp % WIRE_BASE);
}

/* ---- Slots ---- */

struct slots {
	uint32_t nr;
	bool wide;
	/*
	 * a bit for each slot: its handle is live; a live block; a live fragment; a dead block
	 * (dead fragments are nothing to anybody)
	 */
	uint64_t *live, *block, *fragment, *dead;
	uint32_t *handle; /* of slots that are live or dead */
	uint64_t narrow[SLOT_MAPS][4];
	uint32_t narrow_handle[SLOTS_NARROW];
	void *memory;
};

static uint32_t slots_of_class(uint32_t class)
{
	return class > 0 && class <= WIRE_MAX_SLOT_CLASS ? 256u << class : SLOTS_NARROW;
}

static void slots_place(struct slots *s, uint64_t *maps, size_t words)
{
	s->live = maps;
	s->block = maps + words;
	s->fragment = maps + 2 * words;
	s->dead = maps + 3 * words;
}

static bool slots_init(struct slots *s, uint32_t class)
{
	s->nr = slots_of_class(class);
	s->wide = s->nr != SLOTS_NARROW;
	s->memory = NULL;
	if (!s->wide) {
		memset(s->narrow, 0, sizeof(s->narrow));
		slots_place(s, s->narrow[0], 4);
		s->handle = s->narrow_handle;
		return true;
	}
	size_t bytes = s->nr / 8;

	s->memory = calloc(1, SLOT_MAPS * bytes + s->nr * sizeof(uint32_t));
	if (!s->memory)
		return false;
	slots_place(s, s->memory, bytes / 8);
	s->handle = (uint32_t *)((uint64_t *)s->memory + SLOT_MAPS * bytes / 8);
	return true;
}

static bool bit_is_set(const uint64_t *bits, uint32_t i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

/* The first slot from @start below @end whose bit is @wanted, or SLOT_NONE. */
static uint32_t scan(const uint64_t *bits, uint32_t start, uint32_t end, bool wanted)
{
	uint64_t flip = wanted ? 0 : UINT64_MAX;

	for (uint32_t word = start / 64; word * 64 < end; word++) {
		uint64_t found = bits[word] ^ flip;

		if (word == start / 64)
			found &= UINT64_MAX << (start % 64);
		if (found) {
			uint32_t slot = word * 64 + (uint32_t)__builtin_ctzll(found);

			return slot < end ? slot : SLOT_NONE;
		}
	}
	return SLOT_NONE;
}

static uint32_t next_slot(const struct slots *s, const uint64_t *bits, uint32_t start, bool wanted)
{
	if (start < s->nr && bit_is_set(bits, start) == wanted)
		return start;
	start = start < s->nr ? start : start % s->nr;
	uint32_t slot = scan(bits, start, s->nr, wanted);

	return slot != SLOT_NONE ? slot : scan(bits, 0, start, wanted);
}

static void set_bit(uint64_t *bits, uint32_t i, bool value)
{
	uint64_t bit = UINT64_C(1) << (i % 64);

	bits[i / 64] = value ? bits[i / 64] | bit : bits[i / 64] & ~bit;
}

static void slot_bind(struct slots *s, uint32_t slot, uint32_t handle,
		      const struct handle_state *state)
{
	bool live = state->refs > 0, block = state->kind == HANDLE_BLOCK;

	s->handle[slot] = handle;
	set_bit(s->live, slot, live);
	set_bit(s->block, slot, live && block);
	set_bit(s->fragment, slot, live && !block);
	set_bit(s->dead, slot, !live && block);
}

/* ---- Decoding ---- */

static uint32_t get_slot(const struct slots *s, struct wire_in *in)
{
	uint32_t slot = wire_get(in);

	if (s->wide) {
		slot += WIRE_BASE * wire_get(in);
		slot += WIRE_BASE * WIRE_BASE * wire_get(in);
	}
	return slot;
}

static void get_context(struct op *op, const struct machine *m, struct wire_in *in)
{
	uint32_t context = wire_get(in), cpu = context & 7;

	op->cpu = (uint8_t)(cpu < m->nr_cpus ? cpu : cpu % m->nr_cpus);
	op->level = context >> 3 & 3;
	op->scope = context & 32 ? wire_get(in) & SCOPE_ALL : 0;
	op->fail_nth = context & 64 ? wire_get_value(in) : 0;
}

static void get_arguments(struct op *op, const struct machine *m, struct wire_in *in)
{
	unsigned int arguments = op_info[op->code].arguments;
	uint32_t digit;

	if (arguments & ARG_COUNT)
		op->count = 1 + wire_get(in) % PROGRAM_MAX_COUNT;
	if (arguments & ARG_PAGE)
		op->page = wire_get_value(in) & 0xffff;
	if (arguments & ARG_ORDER) {
		digit = wire_get(in);
		op->order = (uint8_t)(digit < ORDER_COUNT ? digit : common_orders[digit % 16]);
	}
	if (arguments & ARG_GFP)
		op->gfp = get_gfp(in);
	if (arguments & ARG_NODE) {
		digit = wire_get(in);
		op->node = digit == 0 ? NODE_NONE : (int16_t)((digit - 1) % m->nr_nodes);
	}
	if (arguments & ARG_NODEMASK)
		op->nodemask = wire_get(in) & ((1u << m->nr_nodes) - 1);
	if (arguments & ARG_NAME) {
		digit = wire_get(in);
		op->name = (uint8_t)(digit < SYSCTL_COUNT ? digit : 0);
	}
	if (arguments & ARG_MODE)
		op->name = (uint8_t)(wire_get(in) % POLICY_COUNT);
	if (arguments & ARG_VALUE)
		op->value = wire_get_value(in);
}

/* The handle of the next fitting slot. False: there is none. */
static bool get_handle(const struct slots *s, struct op *op, struct wire_in *in, uint32_t *slot)
{
	unsigned int arguments = op_info[op->code].arguments;
	const uint64_t *fitting = arguments & ARG_HANDLE     ? s->block
				  : arguments & ARG_FRAGMENT ? s->fragment
							     : s->dead;

	*slot = next_slot(s, fitting, get_slot(s, in), true);
	if (*slot == SLOT_NONE)
		return false;
	op->handle = s->handle[*slot];
	return true;
}

/* Results go into free slots from @slot on; one for which there is none can never be named. */
static void bind_results(struct slots *s, const struct program *p, uint32_t slot)
{
	const struct op *op = &p->ops[p->nr_ops - 1];

	for (uint32_t i = 0; i < op->nr_results; i++) {
		uint32_t handle = op->first_result + i;

		slot = next_slot(s, s->live, slot, false);
		if (slot == SLOT_NONE)
			return;
		slot_bind(s, slot, handle, &p->handles[handle]);
		slot++;
	}
}

/* False: no memory, or the program is as long as it may get. */
static bool decode_op(struct program *p, struct slots *s, uint8_t code, struct wire_in in)
{
	struct op op = { .code = code };
	unsigned int arguments = op_info[code].arguments;
	uint32_t slot = SLOT_NONE, results = 0;

	get_context(&op, &p->machine, &in);
	if (op_info[code].yields != YIELDS_NOTHING) {
		results = get_slot(s, &in);
		if ((op_info[code].yields == YIELDS_BLOCK ||
		     op_info[code].yields == YIELDS_FRAGMENT) &&
		    next_slot(s, s->live, results, false) == SLOT_NONE)
			return true;
	}
	if (arguments & ARGS_HANDLE && !get_handle(s, &op, &in, &slot))
		return true;
	get_arguments(&op, &p->machine, &in);
	if (!program_add(p, &op))
		return false;
	if (arguments & ARGS_LIVE && p->handles[op.handle].refs == 0)
		slot_bind(s, slot, op.handle, &p->handles[op.handle]);
	bind_results(s, p, results);
	return true;
}

/* Cuts the next record off; its first byte is @kind. False at the end. */
static bool next_record(struct wire_in *rest, uint8_t *kind, struct wire_in *record)
{
	while (rest->at < rest->end && *rest->at == WIRE_SEPARATOR)
		rest->at++;
	if (rest->at >= rest->end)
		return false;
	const uint8_t *end = memchr(rest->at, WIRE_SEPARATOR, (size_t)(rest->end - rest->at));

	*kind = *rest->at;
	*record = (struct wire_in){ rest->at + 1, end ? end : rest->end };
	rest->at = record->end;
	return true;
}

/* The switches came later than the other parts, and are looked for in one record more. */
static bool is_part(uint8_t kind, int index)
{
	if (kind == WIRE_MACHINE + PART_SWITCHES)
		return true;
	return kind >= WIRE_MACHINE && kind < WIRE_MACHINE + PART_SWITCHES &&
	       index < WIRE_MACHINE_RECORDS - 1;
}

/*
 * Machine records may be damaged, doubled or missing: the last one of each kind counts. Returns the
 * class of slots.
 */
static uint32_t decode_header(struct machine *m, struct wire_in rest)
{
	struct wire_in parts[WIRE_MACHINE_PARTS] = { { NULL, NULL } }, record;
	uint8_t kind;

	for (int i = 0; i < WIRE_MACHINE_RECORDS && next_record(&rest, &kind, &record); i++)
		if (is_part(kind, i))
			parts[kind - WIRE_MACHINE] = record;
	wire_get_machine(m, parts);

	uint32_t class = wire_get(&parts[PART_SLOTS]);

	return wire_get(&parts[PART_SLOTS]) == (class ^ WIRE_SLOT_CHECK) ? class : 0;
}

/* P4: what does not fit any more is not part of the program. */
static bool at_limit(const struct program *p)
{
	return p->nr_ops == PROGRAM_MAX_OPS ||
	       p->nr_handles > PROGRAM_MAX_HANDLES - (1 << MACHINE_HIGHEST_ORDER);
}

bool program_decode(struct program *p, const uint8_t *bytes, size_t size)
{
	static const uint8_t nothing[1] = { WIRE_SEPARATOR };
	struct wire_in rest = { size ? bytes : nothing, size ? bytes + size : nothing + 1 }, record;
	struct slots slots;
	uint8_t kind, code;
	bool good = true;

	p->nr_ops = p->nr_handles = 0;
	free(p->observed);
	p->observed = NULL;
	if (!slots_init(&slots, decode_header(&p->machine, rest)))
		return false;
	while (good && next_record(&rest, &kind, &record)) {
		code = op_of_kind(kind);
		if (code != NO_OP)
			good = decode_op(p, &slots, code, record);
	}
	free(slots.memory);
	return good || at_limit(p);
}

/* ---- Encoding ---- */

/*
 * Which slot each handle gets. Where there are as many slots as handles, a handle's slot is its
 * number.
 */
struct plan {
	uint32_t class;
	uint32_t *slot; /* of each handle; NULL: its number */
};

static uint32_t planned(const struct plan *plan, uint32_t handle)
{
	return plan->slot ? plan->slot[handle] : handle;
}

static void put_slot(struct wire_out *out, const struct plan *plan, uint32_t slot)
{
	wire_put(out, slot % WIRE_BASE);
	if (plan->class == 0)
		return;
	wire_put(out, slot / WIRE_BASE % WIRE_BASE);
	wire_put(out, slot / WIRE_BASE / WIRE_BASE);
}

static void put_arguments(struct wire_out *out, const struct op *op)
{
	unsigned int arguments = op_info[op->code].arguments;

	if (arguments & ARG_COUNT)
		wire_put(out, op->count - 1);
	if (arguments & ARG_PAGE)
		wire_put_value(out, op->page);
	if (arguments & ARG_ORDER)
		wire_put(out, op->order);
	if (arguments & ARG_GFP)
		put_gfp(out, op->gfp);
	if (arguments & ARG_NODE)
		wire_put(out, (uint32_t)(op->node + 1));
	if (arguments & ARG_NODEMASK)
		wire_put(out, op->nodemask);
	if (arguments & ARG_NAME)
		wire_put(out, op->name);
	if (arguments & ARG_MODE)
		wire_put(out, op->name);
	if (arguments & ARG_VALUE)
		wire_put_value(out, op->value);
}

static void put_op(struct wire_out *out, const struct plan *plan, const struct op *op)
{
	uint32_t context =
		op->cpu + 8u * op->level + (op->scope ? 32u : 0) + (op->fail_nth ? 64u : 0);

	wire_begin(out, (uint8_t)(WIRE_OP + op->code));
	wire_put(out, context);
	if (op->scope)
		wire_put(out, op->scope);
	if (op->fail_nth)
		wire_put_value(out, op->fail_nth);
	if (op_info[op->code].yields != YIELDS_NOTHING)
		put_slot(out, plan, op->nr_results ? planned(plan, op->first_result) : 0);
	if (op_info[op->code].arguments & ARGS_HANDLE)
		put_slot(out, plan, planned(plan, op->handle));
	put_arguments(out, op);
	wire_end(out);
}

/*
 * For each handle, one past the last operation that names it when it is dead: until then its slot
 * must stay.
 */
static void find_last_uses(const struct program *p, uint32_t *last)
{
	memset(last, 0, p->nr_handles * sizeof(*last));
	for (uint32_t i = 0; i < p->nr_ops; i++)
		if (op_info[p->ops[i].code].arguments & ARG_DEAD_HANDLE)
			last[p->ops[i].handle] = i + 1;
}

static uint32_t nr_free_slots(const struct slots *s)
{
	uint32_t live = 0;

	for (uint32_t word = 0; word * 64 < s->nr; word++)
		live += (uint32_t)__builtin_popcountll(s->live[word]);
	return s->nr - live;
}

/*
 * True if results bound from @start on by operation @at would not overwrite a dead handle that is
 * named later.
 */
static bool run_is_clear(const struct slots *s, const uint32_t *last, uint32_t start,
			 uint32_t results, uint32_t at)
{
	for (uint32_t i = 0, slot = start; i < results; i++, slot++) {
		slot = next_slot(s, s->live, slot, false);
		if (slot == SLOT_NONE || (bit_is_set(s->dead, slot) && last[s->handle[slot]] > at))
			return false;
	}
	return true;
}

static bool plan_results(struct slots *s, const uint32_t *last, const struct op *op, uint32_t at,
			 uint32_t *slot, uint32_t *cursor, const struct handle_state *states)
{
	for (uint32_t tries = 0; op->nr_results <= nr_free_slots(s) && tries < s->nr; tries++) {
		uint32_t start = next_slot(s, s->live, (*cursor + tries) % s->nr, false);

		if (start == SLOT_NONE)
			return false;
		if (!run_is_clear(s, last, start, op->nr_results, at))
			continue;
		for (uint32_t i = 0, free_slot = start; i < op->nr_results; i++, free_slot++) {
			free_slot = next_slot(s, s->live, free_slot, false);
			slot[op->first_result + i] = free_slot;
			slot_bind(s, free_slot, op->first_result + i,
				  &states[op->first_result + i]);
			*cursor = free_slot + 1;
		}
		return true;
	}
	return false;
}

/* Several handles share a slot, one after the other. False: one digit of slots is not enough. */
static bool plan_sharing(const struct program *p, struct slots *s, uint32_t *slot,
			 const uint32_t *last, struct handle_state *states)
{
	uint32_t cursor = 0;
	struct handle_state none = { 0 }, born;

	for (uint32_t i = 0; i < p->nr_ops; i++) {
		const struct op *op = &p->ops[i];
		bool has_handle = op_info[op->code].arguments & ARGS_LIVE;
		uint32_t results =
			handle_after(op, has_handle ? &states[op->handle] : &none, &born);

		if (has_handle && states[op->handle].refs == 0)
			slot_bind(s, slot[op->handle], op->handle, &states[op->handle]);
		for (uint32_t k = 0; k < results; k++)
			states[op->first_result + k] = born;
		if (results && !plan_results(s, last, op, i, slot, &cursor, states))
			return false;
	}
	return true;
}

/* Fills in @plan. False: no memory. */
static bool make_plan(const struct program *p, struct plan *plan, void **memory)
{
	struct slots s;
	size_t words = p->nr_handles;

	*plan = (struct plan){ 0, NULL };
	*memory = NULL;
	if (p->nr_handles <= SLOTS_NARROW)
		return true;
	*memory = malloc(words * (2 * sizeof(uint32_t) + sizeof(struct handle_state)));
	if (!*memory || !slots_init(&s, 0))
		return false;
	uint32_t *last = (uint32_t *)*memory + words;

	find_last_uses(p, last);
	plan->slot = *memory;
	if (plan_sharing(p, &s, plan->slot, last, (struct handle_state *)(last + words)))
		return true;
	plan->slot = NULL;
	while (slots_of_class(plan->class) < p->nr_handles)
		plan->class ++;
	return true;
}

size_t program_encode(const struct program *p, uint8_t *bytes, size_t size)
{
	struct wire_out out = { .bytes = bytes, .size = size };
	struct plan plan;
	void *memory;

	if (!machine_has_wire_form(&p->machine) || !make_plan(p, &plan, &memory))
		return 0;
	if (plan.class) {
		wire_begin(&out, WIRE_MACHINE + PART_SLOTS);
		wire_put(&out, plan.class);
		wire_put(&out, plan.class ^ WIRE_SLOT_CHECK);
		wire_end(&out);
	}
	wire_put_machine(&out, &p->machine);
	for (uint32_t i = 0; i < p->nr_ops; i++)
		put_op(&out, &plan, &p->ops[i]);
	free(memory);
	return out.length;
}
