/*
 * /proc/meminfo (facts 17). MemTotal, MemFree and MemAvailable are the page allocator's; the others
 * belong to subsystems that the virtual machine has not, and are 0, but for two constants.
 */
#include "proc/proc_internal.h"

/* 32 TiB less a page's worth of kbytes, rounded down: 4-level page tables (facts 1, 17). */
#define VMALLOC_TOTAL_KBYTES 34359738367ull

enum { HUGE_PAGE_KBYTES = 2048 };

static uint64_t mem_total(const struct mm_machine *m)
{
	return proc_total_pages(m) * KBYTES_A_PAGE;
}

static uint64_t mem_free(const struct mm_machine *m)
{
	return proc_free_pages(m) * KBYTES_A_PAGE;
}

/* Without file pages and reclaimable slabs: what is free above the reserves. */
static uint64_t mem_available(const struct mm_machine *m)
{
	uint64_t free = proc_free_pages(m), reserve = proc_total_reserve(m);

	return free > reserve ? (free - reserve) * KBYTES_A_PAGE : 0;
}

static uint64_t vmalloc_total(const struct mm_machine *m)
{
	(void)m;
	return VMALLOC_TOTAL_KBYTES;
}

static uint64_t huge_page_size(const struct mm_machine *m)
{
	(void)m;
	return HUGE_PAGE_KBYTES;
}

/* In the kernel's order. kbytes, but for numbers of huge pages. */
static const struct event_item lines[] = {
	{ "MemTotal:", mem_total },
	{ "MemFree:", mem_free },
	{ "MemAvailable:", mem_available },
	{ "Buffers:", NULL },
	{ "Cached:", NULL },
	{ "SwapCached:", NULL },
	{ "Active:", NULL },
	{ "Inactive:", NULL },
	{ "Active(anon):", NULL },
	{ "Inactive(anon):", NULL },
	{ "Active(file):", NULL },
	{ "Inactive(file):", NULL },
	{ "Unevictable:", NULL },
	{ "Mlocked:", NULL },
	{ "SwapTotal:", NULL },
	{ "SwapFree:", NULL },
	{ "Zswap:", NULL },
	{ "Zswapped:", NULL },
	{ "Dirty:", NULL },
	{ "Writeback:", NULL },
	{ "AnonPages:", NULL },
	{ "Mapped:", NULL },
	{ "Shmem:", NULL },
	{ "KReclaimable:", NULL },
	{ "Slab:", NULL },
	{ "SReclaimable:", NULL },
	{ "SUnreclaim:", NULL },
	{ "KernelStack:", NULL },
	{ "PageTables:", NULL },
	{ "SecPageTables:", NULL },
	{ "NFS_Unstable:", NULL },
	{ "Bounce:", NULL },
	{ "WritebackTmp:", NULL },
	{ "CommitLimit:", NULL },
	{ "Committed_AS:", NULL },
	{ "VmallocTotal:", vmalloc_total },
	{ "VmallocUsed:", NULL },
	{ "VmallocChunk:", NULL },
	{ "Percpu:", NULL },
	{ "HardwareCorrupted:", NULL },
	{ "AnonHugePages:", NULL },
	{ "ShmemHugePages:", NULL },
	{ "ShmemPmdMapped:", NULL },
	{ "FileHugePages:", NULL },
	{ "FilePmdMapped:", NULL },
};

static const struct event_item huge_page_counts[] = {
	{ "HugePages_Total:", NULL },
	{ "HugePages_Free:", NULL },
	{ "HugePages_Rsvd:", NULL },
	{ "HugePages_Surp:", NULL },
};

static const struct event_item last_lines[] = {
	{ "Hugepagesize:", huge_page_size },
	{ "Hugetlb:", NULL },
	{ "DirectMap4k:", NULL },
	{ "DirectMap2M:", NULL },
	{ "DirectMap1G:", NULL },
};

static void print(const struct mm_machine *m, const struct event_item *items, size_t count,
		  const char *unit, struct proc_text *text)
{
	for (size_t i = 0; i < count; i++)
		proc_add(text, "%-16s%8llu%s\n", items[i].name,
			 (unsigned long long)(items[i].value ? items[i].value(m) : 0), unit);
}

void proc_meminfo(const struct mm_machine *m, struct proc_text *text)
{
	print(m, lines, sizeof(lines) / sizeof(lines[0]), " kB", text);
	print(m, huge_page_counts, sizeof(huge_page_counts) / sizeof(huge_page_counts[0]), "",
	      text);
	print(m, last_lines, sizeof(last_lines) / sizeof(last_lines[0]), " kB", text);
}
