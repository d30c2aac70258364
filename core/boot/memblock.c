#include "boot/memblock.h"

#include <string.h>

static void remove_region(struct memblock_type *type, unsigned int index)
{
	type->cnt--;
	memmove(&type->regions[index], &type->regions[index + 1],
		(type->cnt - index) * sizeof(type->regions[0]));
}

static bool insert_region(struct memblock_type *type, unsigned int index, struct mm_range region)
{
	if (type->cnt == MEMBLOCK_MAX_REGIONS)
		return false;
	memmove(&type->regions[index + 1], &type->regions[index],
		(type->cnt - index) * sizeof(type->regions[0]));
	type->regions[index] = region;
	type->cnt++;
	return true;
}

static void merge_neighbours(struct memblock_type *type)
{
	for (unsigned int i = 0; i + 1 < type->cnt;) {
		struct mm_range *this = &type->regions[i], *next = this + 1;

		assert(this->end <= next->start);
		if (this->end == next->start && this->node == next->node &&
		    this->hotplug == next->hotplug) {
			this->end = next->end;
			remove_region(type, i + 1);
		} else {
			i++;
		}
	}
}

bool memblock_add(struct memblock_type *type, const struct mm_range *range)
{
	pfn_t start = range->start, end = range->end;
	unsigned int i = 0;

	assert(start <= end);
	while (start < end) {
		while (i < type->cnt && type->regions[i].end <= start)
			i++;
		/* the part before the next region is new, the part inside it is held already */
		pfn_t gap_end = i < type->cnt ? min_u64(end, type->regions[i].start) : end;

		struct mm_range gap = { start, gap_end, range->node, range->hotplug,
					range->mirror };

		if (start < gap_end && !insert_region(type, i, gap))
			return false;
		start = gap_end < end ? type->regions[i + (start < gap_end)].end : end;
	}
	merge_neighbours(type);
	return true;
}

bool memblock_add_range(struct memblock_type *type, pfn_t start, pfn_t end, int node)
{
	return memblock_add(type, &(struct mm_range){ start, end, node, false, false });
}

bool memblock_next_free(const struct memblock *mb, pfn_t from, struct mm_range *free)
{
	for (unsigned int i = 0; i < mb->memory.cnt; i++) {
		const struct mm_range *memory = &mb->memory.regions[i];
		pfn_t start = max_u64(memory->start, from), end = memory->end;

		for (unsigned int r = 0; r < mb->reserved.cnt && start < end; r++) {
			const struct mm_range *reserved = &mb->reserved.regions[r];

			if (reserved->end <= start)
				continue;
			if (reserved->start > start) {
				end = min_u64(end, reserved->start);
				break;
			}
			start = reserved->end;
		}
		if (start < end) {
			*free = (struct mm_range){ start, end, memory->node, memory->hotplug,
						   memory->mirror };
			return true;
		}
	}
	return false;
}

static pfn_t find_top_down(const struct memblock *mb, uint64_t pages, int node)
{
	struct mm_range free = { 0 };
	pfn_t found = 0;

	while (memblock_next_free(mb, free.end, &free)) {
		if (mb->movable_node && free.hotplug)
			continue;
		if ((node == NUMA_NO_NODE || free.node == node) && free.end - free.start >= pages)
			found = free.end - pages;
	}
	return found;
}

pfn_t memblock_alloc_top_down(struct memblock *mb, uint64_t pages, int node)
{
	return memblock_alloc_head_top_down(mb, pages, pages, node);
}

pfn_t memblock_alloc_head_top_down(struct memblock *mb, uint64_t pages, uint64_t kept, int node)
{
	pfn_t start = find_top_down(mb, pages, node);

	assert(kept <= pages);

	if (!start)
		start = find_top_down(mb, pages, NUMA_NO_NODE);
	if (start && !memblock_add_range(&mb->reserved, start, start + kept, NUMA_NO_NODE))
		return 0;
	return start;
}

uint64_t memblock_memory_pages(const struct memblock *mb, int node, pfn_t start, pfn_t end)
{
	uint64_t pages = 0;

	for (unsigned int i = 0; i < mb->memory.cnt; i++) {
		const struct mm_range *memory = &mb->memory.regions[i];
		pfn_t from = max_u64(start, memory->start), to = min_u64(end, memory->end);

		if ((node == NUMA_NO_NODE || node == memory->node) && from < to)
			pages += to - from;
	}
	return pages;
}
