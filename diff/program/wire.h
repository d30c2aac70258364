/*
 * The wire form's letters: bytes, digits, records. Shared by wire.c (operations) and wire_machine.c
 * (header).
 *
 *   file    = records, each ended by 0x0A (the last one may lack it)
 *   record  = one byte that says what it is, then digits
 *   digit   = 0 .. 254, a byte that skips 0x0A: so no value ever is the separator
 *   number  = 1, 2 or 6 digits (wire_get_value), or two digits for page frame numbers, lowest digit
 *             first
 *
 * A record that is too short reads as zeros, what is left over in it is ignored: every byte string
 * means something, and a damaged byte damages the record it is in, or joins or cuts two.
 */
#ifndef LOSTBUDDY_PROGRAM_WIRE_H
#define LOSTBUDDY_PROGRAM_WIRE_H

#include "program/internal.h"

enum {
	WIRE_SEPARATOR = 0x0a,
	WIRE_BASE = 255,
	WIRE_OP = 0x80, /* 0x80 + code: an operation */
	WIRE_MACHINE =
		0xf0, /* 0xf0 .. 0xf8: a part of the machine, looked for in the first records */
	WIRE_MACHINE_PARTS = 9,
	WIRE_MACHINE_RECORDS =
		10, /* the nine parts, and one more where damage has cut a record in two */
	WIRE_VALUE_POWER = 128, /* digits 128 .. 159: near a power of two */
	WIRE_VALUE_WIDE = 254,	/* five digits follow */
	WIRE_MAX_SLOT_CLASS = 12,
	WIRE_SLOT_CHECK =
		0x5a, /* follows the class, xored: no other damaged record passes for this one */
};

enum wire_part {
	PART_CONSTANTS,
	PART_TUNABLES,
	PART_MEMORY,
	PART_RESERVED,
	PART_DISTANCES,
	PART_CPU_NODES,
	PART_SLOTS,
	PART_MOVABLE,
	PART_SWITCHES,
};

/* The digits of a record that are still to be read; at = NULL: the record is missing. */
struct wire_in {
	const uint8_t *at, *end;
};

static inline uint32_t wire_get(struct wire_in *in)
{
	if (in->at >= in->end)
		return 0;
	uint32_t byte = *in->at++;

	return byte - (byte > WIRE_SEPARATOR);
}

static inline uint32_t wire_get_pfn(struct wire_in *in)
{
	uint32_t low = wire_get(in);

	return low + WIRE_BASE * wire_get(in);
}

/* Any 32-bit number: itself, a power of two and a digit minus 127, or five digits modulo 2^32. */
static inline uint32_t wire_get_value(struct wire_in *in)
{
	uint32_t digit = wire_get(in), scale = 1, value = 0;

	if (digit >= WIRE_VALUE_POWER && digit < WIRE_VALUE_POWER + 32)
		return (1u << (digit - WIRE_VALUE_POWER)) + wire_get(in) - 127;
	if (digit != WIRE_VALUE_WIDE)
		return digit;
	for (int i = 0; i < 5; i++, scale *= WIRE_BASE)
		value += scale * wire_get(in);
	return value;
}

struct wire_out {
	uint8_t *bytes;
	size_t size, length; /* length may pass size: then bytes were not written */
	size_t record;	     /* where the digits of this record begin */
	size_t significant;  /* end of the last digit that is not 0: zeros behind it are left out */
};

void wire_begin(struct wire_out *out, uint8_t kind);
void wire_put(struct wire_out *out, uint32_t digit);
void wire_put_pfn(struct wire_out *out, uint64_t pfn);
void wire_put_value(struct wire_out *out, uint32_t value);
void wire_end(struct wire_out *out);

/*
 * The header: machine_fold() of what the records say; of the default machine where they say
 * nothing.
 */
void wire_get_machine(struct machine *m, const struct wire_in parts[WIRE_MACHINE_PARTS]);
void wire_put_machine(struct wire_out *out, const struct machine *m);

#endif
