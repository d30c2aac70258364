/*
 * Text to program. Strict: the first thing that is wrong is an error with its place and what was
 * expected there. Repairing: a line that is wrong is left out and counted.
 *
 *	lostbuddy 1
 *	machine KEY=VALUE ...
 *	[p0 =] NAME(ARGUMENTS) [@cpuN[/LEVEL][+SCOPE]...] [(fail_nth: N)] [-> OBSERVED] [# comment]
 *	repeat N {
 *	}
 *
 * Names p0, p1 ... may be any numbers; they are numbered anew in binding order. A `repeat` is
 * expanded: at each turn the names that its body binds are forgotten first, so that they mean the
 * handles of that turn.
 */
#include <stdio.h>
#include <stdlib.h>

#include "program/internal.h"

enum {
	REPEAT_DEPTH = 8,
	MAX_LINES =
		4 *
		PROGRAM_MAX_OPS, /* lines read, repeated ones each time: an end for empty loops */
};

/* ---- Names of handles ---- */

struct name {
	uint64_t number;
	uint32_t handle;
	uint32_t line; /* that bound it; 0: this place is empty */
	bool bound;    /* false: forgotten at a turn of a repeat */
};

struct names {
	struct name *table; /* open addressing, a power of two of places */
	uint32_t size, used;
	uint64_t *
		/* numbers in the order in which they were bound, kept while a repeat is open */
		log;
	uint32_t log_length, log_capacity;
};

struct repeat {
	struct cursor body; /* where it begins */
	uint64_t turns_left;
	uint32_t log_start;
	unsigned int line; /* of the word repeat */
};

struct parser {
	struct cursor c;
	struct program *p;
	const char *folder;
	bool repairing, has_machine;
	uint32_t dropped, lines;
	struct names names;
	struct repeat repeats[REPEAT_DEPTH];
	uint32_t nr_repeats;
	struct observed *observed;
	uint32_t observed_length;
};

static struct name *name_place(const struct names *names, uint64_t number)
{
	uint64_t place = random_mix(number);

	while (names->table[place & (names->size - 1)].line &&
	       names->table[place & (names->size - 1)].number != number)
		place++;
	return &names->table[place & (names->size - 1)];
}

static bool names_grow(struct names *names)
{
	struct names larger = *names;

	larger.size = names->size ? 2 * names->size : 256;
	larger.table = calloc(larger.size, sizeof(*larger.table));
	if (!larger.table)
		return false;
	for (uint32_t i = 0; i < names->size; i++)
		if (names->table[i].line)
			*name_place(&larger, names->table[i].number) = names->table[i];
	free(names->table);
	*names = larger;
	return true;
}

static bool name_bind(struct names *names, uint64_t number, uint32_t handle, uint32_t line,
		      bool logged)
{
	if (2 * names->used >= names->size && !names_grow(names))
		return false;
	struct name *name = name_place(names, number);

	names->used += name->line == 0;
	*name = (struct name){ .number = number, .handle = handle, .line = line, .bound = true };
	if (!logged)
		return true;
	if (names->log_length == names->log_capacity) {
		uint32_t capacity = names->log_capacity ? 2 * names->log_capacity : 256;
		uint64_t *grown = realloc(names->log, capacity * sizeof(*grown));

		if (!grown)
			return false;
		names->log = grown;
		names->log_capacity = capacity;
	}
	names->log[names->log_length++] = number;
	return true;
}

static const struct name *name_find(const struct names *names, uint64_t number)
{
	const struct name *name = names->size ? name_place(names, number) : NULL;

	return name && name->line && name->bound ? name : NULL;
}

static void names_forget(struct names *names, uint32_t log_start)
{
	while (names->log_length > log_start)
		name_place(names, names->log[--names->log_length])->bound = false;
}

/* ---- Small pieces ---- */

static bool out_of_memory(struct parser *q)
{
	return cursor_fail(&q->c, q->c.line_start, "there is no memory for a program this long");
}

static bool number32(struct cursor *c, uint32_t max, const char *what, uint32_t *out)
{
	uint64_t value;

	if (!cursor_number(c, max, what, &value))
		return false;
	*out = (uint32_t)value;
	return true;
}

static bool at_name(const struct cursor *c)
{
	return c->end - c->at >= 2 && c->at[0] == 'p' && c->at[1] >= '0' && c->at[1] <= '9';
}

static bool parse_name(struct cursor *c, uint64_t *number)
{
	char found[40];

	if (!at_name(c))
		return cursor_fail(c, c->at, "expected a handle such as p0, found %s",
				   cursor_found(c, found));
	c->at++;
	return cursor_number(c, UINT64_MAX, "the number of a handle", number);
}

static bool expect_line_end(struct cursor *c, const char *after)
{
	char found[40];

	cursor_skip_blanks(c);
	return cursor_at_line_end(c) ||
	       cursor_fail(c, c->at, "expected the end of the line after %s, found %s", after,
			   cursor_found(c, found));
}

/* ---- Arguments ---- */

static const char *gfp_name_at(unsigned int index)
{
	return gfp_names[index].name;
}

static const char *sysctl_name_at(unsigned int index)
{
	return index < SYSCTL_COUNT ? sysctl_names[index] : NULL;
}

static const char *policy_name_at(unsigned int index)
{
	return index < POLICY_COUNT ? policy_names[index] : NULL;
}

static const char *op_name_at(unsigned int index)
{
	return index < OP_COUNT ? op_info[index].name : NULL;
}

static bool unknown_word(struct cursor *c, const char *kind, const char *example,
			 const char *(*name)(unsigned int index))
{
	const char *near = nearest_name(c->at, cursor_word(c), name);
	char found[40];

	cursor_found(c, found);
	if (cursor_word(c) == 0)
		return cursor_fail(c, c->at, "expected %s such as %s, found %s", kind, example,
				   cursor_found(c, found));
	if (near)
		return cursor_fail(c, c->at, "unknown %s %s: is it `%s`?", kind, found, near);
	return cursor_fail(c, c->at, "unknown %s %s: expected one such as %s", kind, found,
			   example);
}

/* The index of the word at the cursor in a list, or -1; steps over it. */
static int take_word(struct cursor *c, const char *(*name)(unsigned int index))
{
	size_t length = cursor_word(c);

	for (unsigned int i = 0; name(i); i++)
		if (cursor_word_is(c, length, name(i))) {
			c->at += length;
			return (int)i;
		}
	return -1;
}

static bool parse_gfp(struct cursor *c, uint32_t *gfp)
{
	*gfp = 0;
	do {
		uint32_t bits;
		int index = take_word(c, gfp_name_at);

		if (index >= 0) {
			*gfp |= gfp_names[index].bits;
		} else if (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
			if (!number32(c, UINT32_MAX, "a gfp mask", &bits))
				return false;
			*gfp |= bits;
		} else {
			return unknown_word(c, "gfp name", "KERNEL or 0xcc0", gfp_name_at);
		}
	} while (cursor_take(c, '|'));
	return true;
}

static bool parse_node(struct parser *q, struct op *op)
{
	const char *at = q->c.at;
	uint32_t node;

	if (!number32(&q->c, INT16_MAX, "a node", &node))
		return false;
	if (node >= q->p->machine.nr_nodes)
		return cursor_fail(&q->c, at, "node %u is not there: expected one below %u", node,
				   q->p->machine.nr_nodes);
	op->node = (int16_t)node;
	return true;
}

static bool parse_nodemask(struct parser *q, struct op *op)
{
	uint32_t all = (1u << q->p->machine.nr_nodes) - 1;
	const char *at = q->c.at;

	if (!number32(&q->c, UINT32_MAX, "a mask of nodes", &op->nodemask))
		return false;
	if (op->nodemask & ~all || op->nodemask == 0)
		return cursor_fail(
			&q->c, at,
			"nodemask 0x%x names no node, or one that is not there: expected bits of "
			"0x%x",
			op->nodemask, all);
	return true;
}

static bool parse_sysctl_name(struct cursor *c, struct op *op)
{
	int index = take_word(c, sysctl_name_at);

	if (index < 0)
		return unknown_word(c, "tunable", "min_free_kbytes", sysctl_name_at);
	op->name = (uint8_t)index;
	return true;
}

static bool parse_policy_mode(struct cursor *c, struct op *op)
{
	int index = take_word(c, policy_name_at);

	if (index < 0)
		return unknown_word(c, "mode of a policy", "interleave", policy_name_at);
	op->name = (uint8_t)index;
	return true;
}

static bool parse_count(struct parser *q, struct op *op)
{
	const char *at = q->c.at;

	if (!number32(&q->c, PROGRAM_MAX_COUNT, "a number of pages", &op->count))
		return false;
	return op->count > 0 ||
	       cursor_fail(&q->c, at, "n=0 asks for nothing: expected 1 to %d", PROGRAM_MAX_COUNT);
}

static const struct {
	const char *name;
	unsigned int bit;
	bool optional;
} argument_names[] = {
	{ "n", ARG_COUNT, false },	    { "mode", ARG_MODE, false },
	{ "page", ARG_PAGE, false },	    { "order", ARG_ORDER, false },
	{ "gfp", ARG_GFP, false },	    { "node", ARG_NODE, true },
	{ "nodemask", ARG_NODEMASK, true }, { "name", ARG_NAME, false },
	{ "value", ARG_VALUE, false },
};

enum { NR_ARGUMENTS = sizeof(argument_names) / sizeof(argument_names[0]) };

static bool parse_value(struct parser *q, struct op *op, unsigned int bit)
{
	uint32_t order;

	switch (bit) {
	case ARG_PAGE:
		return number32(&q->c, 0xffff, "a page of the block", &op->page);
	case ARG_ORDER:
		if (!number32(&q->c, ORDER_COUNT - 1, "an order", &order))
			return false;
		op->order = (uint8_t)order;
		return true;
	case ARG_GFP:
		return parse_gfp(&q->c, &op->gfp);
	case ARG_NODE:
		return parse_node(q, op);
	case ARG_NODEMASK:
		return parse_nodemask(q, op);
	case ARG_NAME:
		return parse_sysctl_name(&q->c, op);
	case ARG_MODE:
		return parse_policy_mode(&q->c, op);
	case ARG_COUNT:
		return parse_count(q, op);
	default:
		return number32(&q->c, UINT32_MAX, "a value", &op->value);
	}
}

/* `order=3`: sets its bit in @seen. */
static bool parse_argument(struct parser *q, struct op *op, unsigned int *seen)
{
	const struct op_info *info = &op_info[op->code];
	size_t length = cursor_word(&q->c);
	unsigned int i = 0;
	char found[40];

	while (i < NR_ARGUMENTS && !(info->arguments & argument_names[i].bit &&
				     cursor_word_is(&q->c, length, argument_names[i].name)))
		i++;
	if (i == NR_ARGUMENTS)
		return cursor_fail(&q->c, q->c.at,
				   "%s has no argument %s: `show --language` lists what it has",
				   info->name, cursor_found(&q->c, found));
	if (*seen & argument_names[i].bit)
		return cursor_fail(&q->c, q->c.at, "the argument `%s` is there twice",
				   argument_names[i].name);
	*seen |= argument_names[i].bit;
	q->c.at += length;
	cursor_skip_blanks(&q->c);
	if (!cursor_expect(&q->c, '=', "the name of an argument"))
		return false;
	cursor_skip_blanks(&q->c);
	return parse_value(q, op, argument_names[i].bit);
}

/* The handle is there; is it one that the operation can be about? */
static bool check_handle(struct parser *q, const struct op *op, const char *at, uint64_t number)
{
	const struct op_info *info = &op_info[op->code];
	const struct handle_state *state = &q->p->handles[op->handle];
	unsigned long long name = number;

	if (handle_serves(op, state))
		return true;
	if (state->kind == HANDLE_FRAGMENT && !(info->arguments & ARG_FRAGMENT))
		return cursor_fail(&q->c, at, "p%llu is a fragment: %s needs a handle of a block",
				   name, info->name);
	if (state->kind == HANDLE_BLOCK && info->arguments & ARG_FRAGMENT)
		return cursor_fail(
			&q->c, at,
			"p%llu is a block: %s needs a fragment, as page_frag_alloc gives it", name,
			info->name);
	if (state->refs == 0)
		return cursor_fail(
			&q->c, at,
			"p%llu is dead, its last reference was dropped: expected a live handle",
			name);
	return cursor_fail(&q->c, at,
			   "p%llu is live: %s needs a handle whose last reference was dropped",
			   name, info->name);
}

static bool parse_handle(struct parser *q, struct op *op)
{
	const char *at = q->c.at;
	uint64_t number;

	if (!parse_name(&q->c, &number))
		return false;
	const struct name *name = name_find(&q->names, number);

	if (!name)
		return cursor_fail(&q->c, at,
				   "p%llu is not bound: expected a handle that a line above binds",
				   (unsigned long long)number);
	op->handle = name->handle;
	return check_handle(q, op, at, number);
}

static bool parse_arguments(struct parser *q, struct op *op)
{
	unsigned int arguments = op_info[op->code].arguments, seen = 0;
	bool has_handle = arguments & ARGS_HANDLE;
	struct cursor *c = &q->c;

	op->node = arguments & ARG_NODE ? NODE_NONE : 0;
	if (!cursor_expect(c, '(', "the name of an operation"))
		return false;
	cursor_skip_blanks(c);
	if (has_handle && !parse_handle(q, op))
		return false;
	for (bool first = !has_handle;; first = false) {
		cursor_skip_blanks(c);
		if (c->at < c->end && *c->at == ')')
			break;
		if (!first && !cursor_expect(c, ',', "an argument, or `)`"))
			return false;
		cursor_skip_blanks(c);
		if (!parse_argument(q, op, &seen))
			return false;
	}
	for (unsigned int i = 0; i < NR_ARGUMENTS; i++)
		if (arguments & ~seen & argument_names[i].bit && !argument_names[i].optional)
			return cursor_fail(c, c->at, "%s needs the argument %s=...",
					   op_info[op->code].name, argument_names[i].name);
	return cursor_take(c, ')');
}

/* ---- Context, injection, observation ---- */

static const char *level_name_at(unsigned int index)
{
	return index < LEVEL_COUNT ? level_names[index] : NULL;
}

static const char *scope_name_at(unsigned int index)
{
	return index < 6 ? scope_names[index] : NULL;
}

static bool parse_cpu(struct parser *q, struct op *op)
{
	struct cursor *c = &q->c;
	const char *at = c->at;
	char found[40];
	uint32_t cpu;

	if (c->end - c->at < 3 || memcmp(c->at, "cpu", 3) != 0)
		return cursor_fail(c, at, "expected a CPU such as @cpu0, found %s",
				   cursor_found(c, found));
	c->at += 3;
	if (!number32(c, UINT8_MAX, "the number of a CPU", &cpu))
		return false;
	if (cpu >= q->p->machine.nr_cpus)
		return cursor_fail(c, at, "cpu%u is not there: expected one below %u", cpu,
				   q->p->machine.nr_cpus);
	op->cpu = (uint8_t)cpu;
	return true;
}

static bool parse_context(struct parser *q, struct op *op)
{
	struct cursor *c = &q->c;

	if (!cursor_take(c, '@'))
		return true;
	if (!parse_cpu(q, op))
		return false;
	if (cursor_take(c, '/')) {
		int level = take_word(c, level_name_at);

		if (level < 0)
			return unknown_word(c, "level", "task, softirq, irq or nmi", level_name_at);
		op->level = (uint8_t)level;
	}
	while (cursor_take(c, '+')) {
		int scope = take_word(c, scope_name_at);

		if (scope < 0)
			return unknown_word(c, "scope", "noio, nofs, memalloc, pin, rt or victim",
					    scope_name_at);
		op->scope |= (uint8_t)(1u << scope);
	}
	cursor_skip_blanks(c);
	return true;
}

static bool parse_injection(struct cursor *c, struct op *op)
{
	size_t length;
	char found[40];

	if (!cursor_take(c, '('))
		return true;
	cursor_skip_blanks(c);
	length = cursor_word(c);
	if (!cursor_word_is(c, length, "fail_nth"))
		return cursor_fail(c, c->at, "expected fail_nth: N, found %s",
				   cursor_found(c, found));
	c->at += length;
	if (!cursor_expect(c, ':', "fail_nth"))
		return false;
	cursor_skip_blanks(c);
	if (!number32(c, UINT32_MAX, "which allocation fails", &op->fail_nth))
		return false;
	cursor_skip_blanks(c);
	if (!cursor_expect(c, ')', "fail_nth"))
		return false;
	cursor_skip_blanks(c);
	return true;
}

/* The words up to the end of the line or a comment, without the blanks around them. */
static bool parse_words(struct cursor *c, struct observed *o)
{
	const char *start, *end;

	cursor_skip_blanks(c);
	start = end = c->at;
	while (!cursor_at_line_end(c)) {
		if ((unsigned char)*c->at < ' ' && *c->at != '\t' && *c->at != '\r')
			return cursor_fail(c, c->at,
					   "byte 0x%02x in an observation: expected printable text",
					   (unsigned int)(unsigned char)*c->at);
		end = *c->at == ' ' || *c->at == '\t' || *c->at == '\r' ? end : c->at + 1;
		c->at++;
	}
	if ((size_t)(end - start) >= sizeof(o->words))
		return cursor_fail(c, start, "an observation has at most %zu characters",
				   sizeof(o->words) - 1);
	memcpy(o->words, start, (size_t)(end - start));
	return true;
}

/*
 * Words for outcomes and reasons, as targets answer them (target/names.c has the same). A reason may
 * stand behind either outcome that has one: a target may be wrong, and its answer is kept.
 */
static const char *const outcome_words[] = { "ok", "LOOP", "OOM", "ENOMEM", "refused", NULL };
static const char *const reason_words[] = { "order", "injected", "zone",   "watermark",	  "block",
					    "busy",  "profile",	 "memory", "double-free", "tail",
					    "frame", "range",	 "type",   "context",	  NULL };

static const char *outcome_word_at(unsigned int index)
{
	return outcome_words[index];
}

static const char *reason_word_at(unsigned int index)
{
	return reason_words[index];
}

/* Looks ahead only: parse_words() takes the words. */
static bool check_outcome(struct cursor c)
{
	enum { FIRST_WITH_REASON = 3 };
	int outcome = take_word(&c, outcome_word_at);
	char found[40];

	if (outcome < 0)
		return unknown_word(&c, "observation",
				    "pfn N, ok, ENOMEM, refused, or ! and a rule", outcome_word_at);
	cursor_skip_blanks(&c);
	if (cursor_at_line_end(&c))
		return true;
	if (outcome >= FIRST_WITH_REASON) {
		if (take_word(&c, reason_word_at) < 0)
			return unknown_word(&c, "reason", "watermark or double-free",
					    reason_word_at);
		cursor_skip_blanks(&c);
	}
	return cursor_at_line_end(&c) ||
	       cursor_fail(&c, c.at, "expected the end of the line after an observation, found %s",
			   cursor_found(&c, found));
}

/* `!` and the id of a rule, which has a dot; which rules there are, only the oracle knows. */
static bool check_rule_id(struct cursor c)
{
	char found[40];

	cursor_skip_blanks(&c);
	if (memchr(c.at, '.', cursor_word(&c)))
		return true;
	return cursor_fail(&c, c.at,
			   "expected the id of a rule such as buddy.unmerged after `!`, found %s",
			   cursor_found(&c, found));
}

static bool parse_observed(struct cursor *c, struct observed *o)
{
	*o = (struct observed){ .kind = OBSERVED_NOTHING };
	if (!cursor_take(c, '-'))
		return true;
	if (!cursor_expect(c, '>', "`-`"))
		return false;
	cursor_skip_blanks(c);
	if (cursor_word_is(c, cursor_word(c), "pfn")) {
		o->kind = OBSERVED_PFN;
		c->at += 3;
		cursor_skip_blanks(c);
		return cursor_number(c, UINT64_MAX, "a page frame number", &o->pfn);
	}
	o->kind = cursor_take(c, '!') ? OBSERVED_DIVERGENCE : OBSERVED_OUTCOME;
	if (cursor_at_line_end(c))
		return cursor_fail(c, c->at,
				   "expected what was observed after `->`: pfn N, an outcome, or ! "
				   "and a rule");
	if (!(o->kind == OBSERVED_DIVERGENCE ? check_rule_id(*c) : check_outcome(*c)))
		return false;
	return parse_words(c, o);
}

/* Observations are few: the array begins with the first one. */
static bool keep_observed(struct parser *q, uint32_t index, const struct observed *o)
{
	if (o->kind == OBSERVED_NOTHING)
		return true;
	if (index >= q->observed_length) {
		uint32_t length = index + 1 + q->observed_length;
		struct observed *grown = realloc(q->observed, length * sizeof(*grown));

		if (!grown)
			return out_of_memory(q);
		memset(grown + q->observed_length, 0,
		       (length - q->observed_length) * sizeof(*grown));
		q->observed = grown;
		q->observed_length = length;
	}
	q->observed[index] = *o;
	return true;
}

/* ---- Lines ---- */

struct binding {
	uint64_t first, count; /* count = 0: the line binds nothing */
	const char *at;
};

/* `p0 =` or `p2..p9 =`, if the line begins with a handle. */
static bool parse_binding(struct parser *q, struct binding *b)
{
	struct cursor *c = &q->c;
	uint64_t last;

	*b = (struct binding){ .at = c->at };
	if (!at_name(c))
		return true;
	if (!parse_name(c, &b->first))
		return false;
	last = b->first;
	if (c->end - c->at >= 2 && c->at[0] == '.' && c->at[1] == '.') {
		c->at += 2;
		if (!parse_name(c, &last))
			return false;
	}
	if (last < b->first || last - b->first >= PROGRAM_MAX_HANDLES)
		return cursor_fail(c, b->at, "this range of handles runs backwards or is too long");
	b->count = last - b->first + 1;
	for (uint64_t i = 0; i < b->count; i++)
		if (name_find(&q->names, b->first + i))
			return cursor_fail(c, b->at, "p%llu is bound already, by line %u",
					   (unsigned long long)(b->first + i),
					   name_find(&q->names, b->first + i)->line);
	cursor_skip_blanks(c);
	if (!cursor_expect(c, '=', "the handles that the operation binds"))
		return false;
	cursor_skip_blanks(c);
	return true;
}

static bool results_agree(struct parser *q, const struct binding *b, const struct op *op)
{
	struct handle_state state = { 0 }, born;
	const char *name = op_info[op->code].name;

	if (op_info[op->code].arguments & ARGS_HANDLE)
		state = q->p->handles[op->handle];
	uint32_t results = handle_after(op, &state, &born);

	if (results == b->count)
		return true;
	if (results == 0 && op_info[op->code].yields == YIELDS_PAGES)
		return cursor_fail(
			&q->c, b->at,
			"this %s is refused and binds nothing: expected no handles before it",
			name);
	if (results == 0)
		return cursor_fail(&q->c, b->at, "%s gives no handle: expected none before it",
				   name);
	if (results == 1)
		return cursor_fail(&q->c, b->at, "%s binds one handle: expected `pN =` before it",
				   name);
	return cursor_fail(&q->c, b->at,
			   "%s binds %u handles here: expected `pA..pB =` with so many before it",
			   name, results);
}

static bool append(struct parser *q, const struct binding *b, const struct op *op,
		   const struct observed *o)
{
	uint32_t first = q->p->nr_handles;

	if (!program_append(q->p, op))
		return cursor_fail(&q->c, b->at,
				   "the program is too long: at most %d operations and %d handles",
				   PROGRAM_MAX_OPS, PROGRAM_MAX_HANDLES);
	for (uint32_t i = 0; i < b->count; i++)
		if (!name_bind(&q->names, b->first + i, first + i, q->c.line, q->nr_repeats > 0))
			return out_of_memory(q);
	return keep_observed(q, q->p->nr_ops - 1, o);
}

static bool parse_op(struct parser *q)
{
	struct op op = { 0 };
	struct binding binding;
	struct observed observed;
	struct cursor *c = &q->c;

	if (!parse_binding(q, &binding))
		return false;
	int code = take_word(c, op_name_at);

	if (code < 0)
		return unknown_word(c, "operation", "alloc_pages", op_name_at);
	op.code = (uint8_t)code;
	if (!parse_arguments(q, &op))
		return false;
	cursor_skip_blanks(c);
	if (!parse_context(q, &op) || !parse_injection(c, &op) || !parse_observed(c, &observed) ||
	    !expect_line_end(c, "an operation"))
		return false;
	return results_agree(q, &binding, &op) && append(q, &binding, &op, &observed);
}

static bool open_repeat(struct parser *q)
{
	struct cursor *c = &q->c;
	struct repeat *r = &q->repeats[q->nr_repeats];

	if (q->nr_repeats == REPEAT_DEPTH)
		return cursor_fail(c, c->at, "repeats are nested too deeply: at most %d",
				   REPEAT_DEPTH);
	c->at += strlen("repeat");
	cursor_skip_blanks(c);
	if (!cursor_number(c, PROGRAM_MAX_OPS, "how often", &r->turns_left))
		return false;
	if (r->turns_left == 0)
		return cursor_fail(c, c->at, "repeat 0 does nothing: expected at least 1");
	cursor_skip_blanks(c);
	if (!cursor_expect(c, '{', "the number of turns") || !expect_line_end(c, "`{`"))
		return false;
	r->turns_left--;
	r->body = *c;
	r->log_start = q->names.log_length;
	r->line = c->line;
	q->nr_repeats++;
	return true;
}

static bool close_repeat(struct parser *q)
{
	if (q->nr_repeats == 0)
		return cursor_fail(&q->c, q->c.at, "`}` without a `repeat N {` above it");
	struct repeat *r = &q->repeats[q->nr_repeats - 1];

	q->c.at++;
	if (!expect_line_end(&q->c, "`}`"))
		return false;
	if (r->turns_left == 0) {
		q->nr_repeats--;
		return true;
	}
	r->turns_left--;
	names_forget(&q->names, r->log_start);
	q->c = r->body;
	return true;
}

static bool parse_machine(struct parser *q)
{
	struct cursor *c = &q->c;

	if (q->has_machine || q->p->nr_ops || q->nr_repeats)
		return cursor_fail(c, c->at,
				   "the machine is given once, before the first operation");
	c->at += strlen("machine");
	cursor_skip_blanks(c);
	struct machine m;

	if (!machine_parse(&m, c, q->folder) || !expect_line_end(c, "the machine"))
		return false;
	q->p->machine = m;
	q->has_machine = true;
	return true;
}

static bool parse_line(struct parser *q)
{
	struct cursor *c = &q->c;
	size_t length = cursor_word(c);

	if (++q->lines > MAX_LINES)
		return cursor_fail(c, c->at,
				   "the program is too long: more than %d lines with its repeats",
				   MAX_LINES);
	if (*c->at == '}')
		return close_repeat(q);
	if (cursor_word_is(c, length, "repeat"))
		return open_repeat(q);
	if (cursor_word_is(c, length, "machine"))
		return parse_machine(q);
	return parse_op(q);
}

static bool parse_head(struct parser *q)
{
	struct cursor *c = &q->c;
	uint64_t language;
	char found[40];

	if (c->at == c->end)
		return cursor_fail(c, c->at, "this is empty: a program begins with `lostbuddy %d`",
				   PROGRAM_LANGUAGE);
	cursor_skip_lines(c);
	if (!cursor_word_is(c, cursor_word(c), "lostbuddy"))
		return cursor_fail(c, c->at,
				   "a program begins with `lostbuddy %d`, found %s; bytes of the "
				   "wire form are read from files named .bin",
				   PROGRAM_LANGUAGE, cursor_found(c, found));
	c->at += strlen("lostbuddy");
	cursor_skip_blanks(c);
	const char *at = c->at;

	if (!cursor_number(c, UINT32_MAX, "the version of the language", &language))
		return false;
	if (language != PROGRAM_LANGUAGE)
		return cursor_fail(c, at, "this is version %llu of the language: expected %d",
				   (unsigned long long)language, PROGRAM_LANGUAGE);
	return expect_line_end(c, "the version of the language");
}

/* The line was wrong: strict parsing ends, repairing goes on behind it. */
static bool drop_line(struct parser *q)
{
	if (!q->repairing || q->lines > MAX_LINES)
		return false;
	q->dropped++;
	while (q->c.at < q->c.end && *q->c.at != '\n')
		q->c.at++;
	return true;
}

static bool parse_lines(struct parser *q)
{
	if (!parse_head(q) && !drop_line(q))
		return false;
	for (;;) {
		cursor_skip_lines(&q->c);
		if (q->c.at >= q->c.end)
			break;
		if (!parse_line(q) && !drop_line(q))
			return false;
	}
	if (q->nr_repeats == 0)
		return true;
	q->dropped++;
	return q->repairing ||
	       cursor_fail(&q->c, q->c.at,
			   "the text ends inside the `repeat` of line %u: expected `}`",
			   q->repeats[q->nr_repeats - 1].line);
}

/* As many observations as operations, or none. */
static bool hand_over_observed(struct parser *q)
{
	struct program *p = q->p;

	if (!q->observed)
		return true;
	struct observed *exact = realloc(q->observed, (p->nr_ops + 1) * sizeof(*exact));

	if (!exact)
		return out_of_memory(q);
	q->observed = NULL;
	if (p->nr_ops > q->observed_length)
		memset(exact + q->observed_length, 0,
		       (p->nr_ops - q->observed_length) * sizeof(*exact));
	p->observed = exact;
	return true;
}

static bool run_parser(struct parser *q, const char *text, size_t size, struct text_error *error)
{
	struct program *p = q->p;

	p->nr_ops = p->nr_handles = 0;
	free(p->observed);
	p->observed = NULL;
	machine_default(&p->machine);
	cursor_init(&q->c, text, size, error);
	bool good = parse_lines(q) && hand_over_observed(q);

	free(q->names.table);
	free(q->names.log);
	free(q->observed);
	return good;
}

bool program_parse(struct program *p, const char *text, size_t size, struct text_error *error)
{
	struct parser q = { .p = p };

	return run_parser(&q, text, size, error);
}

uint32_t program_parse_repairing(struct program *p, const char *text, size_t size)
{
	struct parser q = { .p = p, .repairing = true };
	struct text_error error;

	run_parser(&q, text, size, &error);
	return q.dropped;
}

/* ---- Files ---- */

/* Up to and with the last slash. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) + 1 : 0;
	char *folder = malloc(length + 1);

	if (folder) {
		memcpy(folder, path, length);
		folder[length] = '\0';
	}
	return folder;
}

static bool parse_file(struct program *p, const char *path, const char *text, size_t size,
		       struct text_error *error)
{
	char *folder = path ? folder_of(path) : NULL;
	struct parser q = { .p = p, .folder = folder };
	bool good = folder || !path ? run_parser(&q, text, size, error)
				    : error_set(error, "there is no memory to read %s", path);

	free(folder);
	return good;
}

static bool ends_with(const char *path, const char *ending)
{
	size_t length = strlen(path), ending_length = strlen(ending);

	return length > ending_length && strcmp(path + length - ending_length, ending) == 0;
}

static bool is_printable(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != '\t' && bytes[i] != '\n' && bytes[i] != '\r' &&
		    (bytes[i] < ' ' || bytes[i] > '~'))
			return false;
	return true;
}

/*
 * Any bytes are a program of the wire form, a letter to a friend too. So a name decides first; where
 * it does not, what looks like text is held to be text, and the parser says what is missing.
 */
static bool is_text(const char *path, const char *bytes, size_t size)
{
	static const char word[] = "lostbuddy ";
	size_t length = sizeof(word) - 1;

	if (path && ends_with(path, ".lb"))
		return true;
	if (path && ends_with(path, ".bin"))
		return false;
	return (size >= length && memcmp(bytes, word, length) == 0) || is_printable(bytes, size);
}

/* What people give in place of a program when they forget the word --target. */
static bool is_executable(const char *bytes, size_t size)
{
	return size >= 4 && memcmp(bytes, "\177ELF", 4) == 0;
}

bool program_read_bytes(struct program *p, const char *path, const char *bytes, size_t size,
			struct text_error *error)
{
	if (is_text(path, bytes, size))
		return parse_file(p, path, bytes, size, error);
	if (is_executable(bytes, size) && !(path && ends_with(path, ".bin")))
		return error_set(error,
				 "this is a shared object or an executable, and no program of "
				 "lostbuddy's; an allocator is given with --target");
	return program_decode(p, (const uint8_t *)bytes, size) ||
	       error_set(error, "there is no memory to decode the program");
}

bool program_read_file(struct program *p, const char *path, struct text_error *error)
{
	size_t size;
	char *bytes = text_read_file(path, &size, error);
	bool good = bytes && program_read_bytes(p, path, bytes, size, error);

	free(bytes);
	return good;
}
