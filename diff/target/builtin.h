/*
 * Targets that come with lostbuddy, and the way to find any target by its name.
 *
 *	core			the reference allocator
 *	broken:NAME		a deliberately broken one (broken/broken.h lists them)
 *	./mine.so, /x/y.so	a shared object that exports `lostbuddy_target`
 *
 * Not here: running a target (judge), or watching it (worker.h).
 */
#ifndef LOSTBUDDY_TARGET_BUILTIN_H
#define LOSTBUDDY_TARGET_BUILTIN_H

#include "target/target.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const struct lb_target core_target;

/* What the core carries out: everything; liars claim the same. */
#define CORE_CAPABILITIES ((UINT64_C(1) << OP_COUNT) - 1)

enum { TARGET_ERROR_SIZE = 256 };

/*
 * target_find - the target of a name as above.
 * Returns NULL with a sentence in error iff there is no such built-in, or the shared object cannot
 * be read, lacks the symbol, has another ABI version, lacks a function that every target has, or
 * cannot allocate or cannot free. The sentence names what is missing. A target that was found stays
 * until the process ends: its shared object is not closed.
 */
const struct lb_target *target_find(const char *name, char error[TARGET_ERROR_SIZE]);

/*
 * core_proc - the text of a file of /proc (core/include/lostbuddy/proc.h lists them), as the machine
 * of this instance of core_target is now. As snprintf. Returns 0 iff there is no such file.
 * core_proc_name - the name of file number @index; NULL behind the last.
 */
size_t core_proc(void *instance, const char *file, char *buffer, size_t size);
const char *core_proc_name(unsigned int index);

#ifdef __cplusplus
}
#endif
#endif
