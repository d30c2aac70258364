/*
 * What /proc, and two tools beside it, show of a machine: to the letter (facts 17).
 *
 *   buddyinfo pagetypeinfo zoneinfo vmstat meminfo     files of /proc
 *   show_mem       the lines of free blocks that a kernel prints when it is out of memory
 *   hardware       numactl --hardware
 *   zonelists      the lines of the boot log: fallback orders, zonelists, "Built N zonelists"
 *
 * What the virtual machine has no counter for is 0, as in a kernel that has nothing to count there.
 * Locking: none; the machine stands still meanwhile.
 */
#ifndef LB_PROC_H
#define LB_PROC_H

#include "lostbuddy/machine.h"

/*
 * mm_proc_print - the text of one file, as snprintf: the length it needs, the text as far as it
 * fits.
 * @file: one of the names above
 * Returns 0 iff there is no such file.
 */
size_t mm_proc_print(const struct mm_machine *m, const char *file, char *buffer, size_t size);

/* The name of file number @index, in the order above; NULL behind the last. */
const char *mm_proc_name(unsigned int index);

#endif
