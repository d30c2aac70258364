/*
 * What /proc shows, to the letter (facts 17). Like snprintf: the length it needs, the text as far
 * as it fits.
 */
#ifndef LB_PROC_H
#define LB_PROC_H

#include "lostbuddy/machine.h"

size_t mm_proc_buddyinfo(const struct mm_machine *m, char *buffer, size_t size);

#endif
