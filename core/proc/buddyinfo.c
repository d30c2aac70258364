/* /proc/buddyinfo: a line a populated zone, a column an order (facts 17). */
#include <stdarg.h>
#include <stdio.h>

#include "lostbuddy/proc.h"

static const char *const zone_names[MAX_NR_ZONES] = { "DMA", "DMA32", "Normal", "Movable" };

static __attribute__((format(printf, 4, 5))) void append(char *buffer, size_t size, size_t *length,
							 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(*length < size ? buffer + *length : NULL,
			  *length < size ? size - *length : 0, format, args);
	va_end(args);
	*length += n > 0 ? (size_t)n : 0;
}

size_t mm_proc_buddyinfo(const struct mm_machine *m, char *buffer, size_t size)
{
	size_t length = 0;

	for (unsigned int node = 0; node < m->nr_nodes; node++)
		for (unsigned int type = 0; type < MAX_NR_ZONES; type++) {
			const struct zone *zone = mm_zone(m, node, type);

			if (!populated_zone(zone))
				continue;
			append(buffer, size, &length, "Node %u, zone %8s ", node, zone_names[type]);
			for (unsigned int order = 0; order <= m->top_order; order++)
				append(buffer, size, &length, "%6llu ",
				       (unsigned long long)zone->free_area[order].nr_free);
			append(buffer, size, &length, "\n");
		}
	return length;
}
