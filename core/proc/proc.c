/* The table of files, and the text they grow in. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proc/proc_internal.h"

const char *const proc_zone_names[PROC_ZONES] = { "DMA", "DMA32", "Normal", "Movable", "Device" };

const char *const proc_type_names[MIGRATE_TYPES] = { "Unmovable", "Movable", "Reclaimable",
						     "HighAtomic", "Isolate" };
const char proc_type_letters[MIGRATE_TYPES + 1] = "UMEHI";

static const struct {
	const char *name;
	void (*print)(const struct mm_machine *m, struct proc_text *text);
} files[] = {
	{ "buddyinfo", proc_buddyinfo }, { "pagetypeinfo", proc_pagetypeinfo },
	{ "zoneinfo", proc_zoneinfo },	 { "vmstat", proc_vmstat },
	{ "meminfo", proc_meminfo },	 { "show_mem", proc_show_mem },
	{ "hardware", proc_hardware },	 { "zonelists", proc_zonelists },
};

enum { NR_FILES = sizeof(files) / sizeof(files[0]) };

void proc_add(struct proc_text *text, const char *format, ...)
{
	bool fits = text->length < text->size;
	va_list args;

	va_start(args, format);
	int n = vsnprintf(fits ? text->buffer + text->length : NULL,
			  fits ? text->size - text->length : 0, format, args);
	va_end(args);
	text->length += n > 0 ? (size_t)n : 0;
}

const char *mm_proc_name(unsigned int index)
{
	return index < NR_FILES ? files[index].name : NULL;
}

size_t mm_proc_print(const struct mm_machine *m, const char *file, char *buffer, size_t size)
{
	struct proc_text text = { buffer, size, 0 };

	for (unsigned int i = 0; i < NR_FILES; i++)
		if (strcmp(file, files[i].name) == 0)
			files[i].print(m, &text);
	return text.length;
}
