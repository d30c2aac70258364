/* What /proc shows of a machine that has just booted. Part of the core's adapter. */
#include <stdio.h>
#include <string.h>

#include "lostbuddy/proc.h"
#include "target/builtin.h"
#include "target/core_state.h"

size_t core_proc(const struct machine *machine, const char *file, char *buffer, size_t size,
		 char error[TARGET_ERROR_SIZE])
{
	if (strcmp(file, "buddyinfo") != 0) {
		snprintf(error, TARGET_ERROR_SIZE, "no /proc file \"%s\" here; there is buddyinfo",
			 file);
		return 0;
	}
	struct core_instance *t = core_target.create(machine, error);
	size_t length = 0;

	if (t) {
		length = mm_proc_buddyinfo(t->machine, buffer, size);
		core_target.destroy(t);
	}
	return length;
}
