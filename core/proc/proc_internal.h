/* What the files of core/proc share: a text that grows, zones by name, counters by function. */
#ifndef LB_PROC_INTERNAL_H
#define LB_PROC_INTERNAL_H

#include "lostbuddy/proc.h"

enum {
	KBYTES_A_PAGE = PAGE_SIZE / 1024,
	PROC_ZONES = MAX_NR_ZONES + 1, /* the kernel shows a zone Device, which is always empty */
};

struct proc_text {
	char *buffer;
	size_t size, length; /* length: what the whole text needs */
};

void proc_add(struct proc_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

extern const char *const proc_zone_names[PROC_ZONES];

/* Types as pagetypeinfo names them, and their letters in show_mem. */
extern const char *const proc_type_names[MIGRATE_TYPES];
extern const char proc_type_letters[MIGRATE_TYPES + 1];

/* ---- counters.c: one small function each ---- */

uint64_t proc_node_present(const struct mm_machine *m, unsigned int node);
uint64_t proc_node_managed(const struct mm_machine *m, unsigned int node);
uint64_t proc_node_free(const struct mm_machine *m, unsigned int node);
uint64_t proc_free_pages(const struct mm_machine *m);
uint64_t proc_total_pages(const struct mm_machine *m); /* managed */

/* Pages that marks and reserves keep from user memory (facts 4, totalreserve). */
uint64_t proc_total_reserve(const struct mm_machine *m);

/* A statistic of the kernel by its name. value = NULL: the virtual machine does not count it. */
struct zone_item {
	const char *name;
	uint64_t (*value)(const struct zone *zone);
};
struct node_item {
	const char *name;
	uint64_t (*value)(const struct pglist_data *pgdat);
};
struct event_item {
	const char *name;
	uint64_t (*value)(const struct mm_machine *m);
};

/* In the kernel's order; each ends with a NULL name. */
extern const struct zone_item proc_zone_items[], proc_numa_items[];
extern const struct node_item proc_node_items[];
extern const struct event_item proc_event_items[];

uint64_t proc_zone_value(const struct zone_item *item, const struct zone *zone);
uint64_t proc_node_value(const struct node_item *item, const struct pglist_data *pgdat);

/* ---- one file each ---- */

void proc_buddyinfo(const struct mm_machine *m, struct proc_text *text);
void proc_pagetypeinfo(const struct mm_machine *m, struct proc_text *text);
void proc_zoneinfo(const struct mm_machine *m, struct proc_text *text);
void proc_vmstat(const struct mm_machine *m, struct proc_text *text);
void proc_meminfo(const struct mm_machine *m, struct proc_text *text);
void proc_show_mem(const struct mm_machine *m, struct proc_text *text);
void proc_hardware(const struct mm_machine *m, struct proc_text *text);
void proc_zonelists(const struct mm_machine *m, struct proc_text *text);

#endif
