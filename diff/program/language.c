/*
 * The reference page of the language, printed from the tables: it cannot say anything the parser
 * does not do.
 */
#include <stdio.h>

#include "program/internal.h"

enum { WIDTH = 100 };

static void print_form(struct printer *out, const struct op_info *info)
{
	static const struct {
		unsigned int bit;
		const char *form;
	} forms[] = {
		{ ARGS_HANDLE, "p0" },
		{ ARG_COUNT, "n=N" },
		{ ARG_PAGE, "page=N" },
		{ ARG_ORDER, "order=N" },
		{ ARG_GFP, "gfp=MASK" },
		{ ARG_NODE, "[node=N]" },
		{ ARG_NODEMASK, "[nodemask=0xN]" },
		{ ARG_NAME, "name=TUNABLE" },
		{ ARG_MODE, "mode=MODE" },
		{ ARG_VALUE, "value=N" },
	};
	const char *comma = "", *remark = "";

	if (info->yields == YIELDS_BLOCK || info->yields == YIELDS_FRAGMENT)
		print_add(out, "pN = ");
	if (info->yields == YIELDS_PAGES || info->yields == YIELDS_MANY)
		print_add(out, "pA..pB = ");
	print_add(out, "%s(", info->name);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (!(info->arguments & forms[i].bit))
			continue;
		print_add(out, "%s%s", comma, forms[i].form);
		comma = ", ";
	}
	if (info->arguments & ARG_DEAD_HANDLE)
		remark = "        (a handle that is dead)";
	if (info->arguments & ARG_FRAGMENT)
		remark = "        (a handle of a fragment)";
	print_add(out, ")%s\n", remark);
}

static void print_head(struct printer *out)
{
	print_add(out,
		  "The language of lostbuddy, version %d\n\n"
		  "    lostbuddy %d\n"
		  "    machine KEY=VALUE ...\n"
		  "    [pN =] OPERATION(ARGUMENTS) [@cpuN[/LEVEL][+SCOPE]...] [(fail_nth: N)] [-> "
		  "OBSERVED] [# comment]\n"
		  "    repeat N {\n"
		  "    }\n\n",
		  PROGRAM_LANGUAGE, PROGRAM_LANGUAGE);
	print_folded(
		out, WIDTH,
		"Handles are numbered in binding order. A handle is live until its last "
		"reference is dropped; "
		"using one whose allocation failed does nothing. It stands for a block, or for a "
		"fragment where page_frag_alloc bound it; an operation takes one kind only. "
		"OBSERVED is pfn N, an "
		"outcome in words, or ! and the "
		"id of a rule that is expected to be broken.");
	print_add(out, "\n");
}

static void print_words(struct printer *out)
{
	print_add(out, "Levels: ");
	for (unsigned int i = 0; i < LEVEL_COUNT; i++)
		print_add(out, "%s%s", i ? ", " : "", level_names[i]);
	print_add(out, ". Scopes: ");
	for (unsigned int i = 0; i < 6; i++)
		print_add(out, "%s%s", i ? ", " : "", scope_names[i]);
	print_add(out, ".\n\nTunables:\n");
	for (unsigned int i = 0; i < SYSCTL_COUNT; i++)
		print_add(out, "        %s\n", sysctl_names[i]);
	print_add(out, "\nPage flags (set_page_flag: twice the number, and 1 more to set it):\n");
	for (unsigned int i = 0; i < PROGRAM_PAGE_FLAGS; i++)
		print_add(out, "        %-2u %s\n", i, page_flag_names[i]);
	print_add(out, "\nMasks (joined by |, or any number):\n");
	for (const struct gfp_name *n = gfp_names; n->name; n++)
		print_add(out, "        %-18s 0x%x\n", n->name, n->bits);
}

static void print_machine_keys(struct printer *out)
{
	print_add(out, "\nKeys of a machine:\n\n");
	size_t room = out->size > out->length ? out->size - out->length : 0;
	out->length += machine_print_keys(room ? out->buffer + out->length : NULL, room);
}

size_t language_print(char *buffer, size_t size)
{
	struct printer out = { .buffer = buffer, .size = size };

	print_head(&out);
	print_add(&out, "Operations:\n\n");
	for (unsigned int i = 0; i < OP_COUNT; i++) {
		print_add(&out, "    ");
		print_form(&out, &op_info[i]);
		print_folded(&out, WIDTH, op_info[i].doc);
		print_add(&out, "\n");
	}
	print_words(&out);
	print_machine_keys(&out);
	return out.length;
}
