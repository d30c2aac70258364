/* What /proc shows of a core's machine. Part of the core's adapter. */

#include "lostbuddy/proc.h"
#include "target/builtin.h"
#include "target/core_state.h"

size_t core_proc(void *instance, const char *file, char *buffer, size_t size)
{
	const struct core_instance *t = instance;

	return mm_proc_print(t->machine, file, buffer, size);
}

const char *core_proc_name(unsigned int index)
{
	return mm_proc_name(index);
}
