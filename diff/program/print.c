/*
 * Programs as text, in the one way that parse reads back to the same program: one operation a line,
 * handles numbered in binding order, arguments in the order of their bits, nothing that says the
 * default.
 */
#include <stdio.h>

#include "program/internal.h"

const char *const level_names[LEVEL_COUNT] = { "task", "softirq", "irq", "nmi" };
const char *const scope_names[6] = { "noio", "nofs", "memalloc", "pin", "rt", "victim" };

/* ---- gfp ---- */

static const struct gfp_name *largest_name(uint32_t gfp)
{
	const struct gfp_name *best = NULL;

	for (const struct gfp_name *n = gfp_names; n->name; n++)
		if ((gfp & n->bits) == n->bits &&
		    (!best || __builtin_popcount(n->bits) > __builtin_popcount(best->bits)))
			best = n;
	return best;
}

static uint32_t named_bits(void)
{
	uint32_t bits = 0;

	for (const struct gfp_name *n = gfp_names; n->name; n++)
		bits |= n->bits;
	return bits;
}

/*
 * The name that covers most, then the names of what is left; a mask with nameless bits is a number.
 */
void print_gfp(struct printer *out, uint32_t gfp)
{
	const struct gfp_name *name;
	bool first = true;

	if (gfp == 0 || gfp & ~named_bits()) {
		print_add(out, "0x%x", gfp);
		return;
	}
	while (gfp && (name = largest_name(gfp))) {
		print_add(out, "%s%s", first ? "" : "|", name->name);
		gfp &= ~name->bits;
		first = false;
	}
	assert(gfp == 0);
}

/* ---- Operations ---- */

static void print_results(struct printer *out, const struct op *op)
{
	if (op->nr_results == 1)
		print_add(out, "p%u = ", op->first_result);
	else if (op->nr_results > 1)
		print_add(out, "p%u..p%u = ", op->first_result,
			  op->first_result + op->nr_results - 1);
}

static void print_arguments(struct printer *out, const struct op *op)
{
	unsigned int arguments = op_info[op->code].arguments;
	const char *comma = "";

	if (arguments & ARGS_HANDLE) {
		print_add(out, "p%u", op->handle);
		comma = ", ";
	}
	if (arguments & ARG_COUNT) {
		print_add(out, "%sn=%u", comma, op->count);
		comma = ", ";
	}
	if (arguments & ARG_PAGE) {
		print_add(out, "%spage=%u", comma, op->page);
		comma = ", ";
	}
	if (arguments & ARG_ORDER) {
		print_add(out, "%sorder=%u", comma, op->order);
		comma = ", ";
	}
	if (arguments & ARG_GFP) {
		print_add(out, "%sgfp=", comma);
		print_gfp(out, op->gfp);
		comma = ", ";
	}
	if (arguments & ARG_NODE && op->node != NODE_NONE) {
		print_add(out, "%snode=%d", comma, op->node);
		comma = ", ";
	}
	if (arguments & ARG_NODEMASK && op->nodemask) {
		print_add(out, "%snodemask=0x%x", comma, op->nodemask);
		comma = ", ";
	}
	if (arguments & ARG_MODE)
		print_add(out, "%smode=%s", comma, policy_names[op->name]);
	if (arguments & ARG_NAME) {
		print_add(out, "%sname=%s", comma, sysctl_names[op->name]);
		comma = ", ";
	}
	if (arguments & ARG_VALUE)
		print_add(out, "%svalue=%u", comma, op->value);
}

static void print_context(struct printer *out, const struct op *op)
{
	if (op->cpu || op->level || op->scope) {
		print_add(out, " @cpu%u", op->cpu);
		if (op->level)
			print_add(out, "/%s", level_names[op->level]);
		for (uint32_t i = 0; i < 6; i++)
			if (op->scope >> i & 1)
				print_add(out, "+%s", scope_names[i]);
	}
	if (op->fail_nth)
		print_add(out, " (fail_nth: %u)", op->fail_nth);
}

static void print_observed(struct printer *out, const struct observed *o)
{
	switch (o->kind) {
	case OBSERVED_PFN:
		print_add(out, "  -> pfn %llu", (unsigned long long)o->pfn);
		break;
	case OBSERVED_OUTCOME:
		print_add(out, "  -> %s", o->words);
		break;
	case OBSERVED_DIVERGENCE:
		print_add(out, "  -> ! %s", o->words);
		break;
	default:
		break;
	}
}

static void print_op(struct printer *out, const struct program *p, uint32_t index)
{
	const struct op *op = &p->ops[index];

	print_results(out, op);
	print_add(out, "%s(", op_info[op->code].name);
	print_arguments(out, op);
	print_add(out, ")");
	print_context(out, op);
	if (p->observed)
		print_observed(out, &p->observed[index]);
}

size_t op_print(const struct program *p, uint32_t index, char *buffer, size_t size)
{
	struct printer out = { .buffer = buffer, .size = size };

	assert(index < p->nr_ops);
	print_op(&out, p, index);
	return out.length;
}

size_t program_print(const struct program *p, char *buffer, size_t size)
{
	struct printer out = { .buffer = buffer, .size = size };
	size_t machine = machine_print_line(&p->machine, NULL, 0);

	print_add(&out, "lostbuddy %d\nmachine%s", PROGRAM_LANGUAGE, machine ? " " : "");
	if (out.length < size)
		machine_print_line(&p->machine, buffer + out.length, size - out.length);
	out.length += machine;
	print_add(&out, "\n");
	for (uint32_t i = 0; i < p->nr_ops; i++) {
		print_op(&out, p, i);
		print_add(&out, "\n");
	}
	return out.length;
}
