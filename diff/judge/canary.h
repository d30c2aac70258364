/*
 * Canaries: planted faults that must be found before a campaign is worth its time.
 *
 * Each runs a short program on a broken target and asks for one finding by its id; one runs on a
 * correct target and asks for none. They prove that target, oracle and judge are wired up in this
 * very build.
 */
#ifndef LOSTBUDDY_JUDGE_CANARY_H
#define LOSTBUDDY_JUDGE_CANARY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * canary_run - true iff every planted fault was reported by its id and the clean program as clean.
 * The report has a line for each canary that was missed (what was expected, what came), or one line
 * that says how many were found; it is cut to size. Takes well under a second.
 */
bool canary_run(char *report, size_t size);

#endif
