#include "boot/memblock.h"

#include <stdlib.h>
#include <string.h>

void memblock_init(struct memblock *mb)
{
	memset(mb, 0, sizeof(*mb));
	mb->current_limit = UINT64_MAX;
}

void memblock_discard(struct memblock *mb)
{
	free(mb->memory.regions);
	free(mb->reserved.regions);
	free(mb->late.regions);
	memblock_init(mb);
}

static void remove_region(struct memblock_type *type, unsigned int index)
{
	type->cnt--;
	memmove(&type->regions[index], &type->regions[index + 1],
		(type->cnt - index) * sizeof(type->regions[0]));
}

static void insert_region(struct memblock_type *type, unsigned int index,
			  const struct mm_range *region)
{
	assert(type->cnt < type->max);
	memmove(&type->regions[index + 1], &type->regions[index],
		(type->cnt - index) * sizeof(type->regions[0]));
	type->regions[index] = *region;
	type->cnt++;
}

/* Room for so many more: arrays begin with MEMBLOCK_FIRST_REGIONS, and are doubled. */
static bool make_room(struct memblock_type *type, unsigned int more)
{
	unsigned int max = type->max ? type->max : MEMBLOCK_FIRST_REGIONS;

	while (type->cnt + more > max)
		max *= 2;
	if (max == type->max)
		return true;
	struct mm_range *regions = realloc(type->regions, max * sizeof(regions[0]));

	if (!regions)
		return false;
	type->regions = regions;
	type->max = max;
	return true;
}

static bool are_alike(const struct mm_range *a, const struct mm_range *b)
{
	return a->node == b->node && a->hotplug == b->hotplug && a->mirror == b->mirror;
}

static void merge_neighbours(struct memblock_type *type)
{
	for (unsigned int i = 0; i + 1 < type->cnt;) {
		struct mm_range *this = &type->regions[i], *next = this + 1;

		assert(this->start < this->end && this->end <= next->start);
		if (this->end == next->start && are_alike(this, next)) {
			this->end = next->end;
			remove_region(type, i + 1);
		} else {
			i++;
		}
	}
}

/* The parts of a range that the list does not hold: inserted, or only counted. Returns how many. */
static unsigned int for_each_gap(struct memblock_type *type, const struct mm_range *range,
				 bool insert)
{
	struct mm_range gap = *range;
	unsigned int gaps = 0, i = 0;

	while (gap.start < range->end) {
		while (i < type->cnt && type->regions[i].end <= gap.start)
			i++;
		bool last = i == type->cnt || type->regions[i].start >= range->end;

		gap.end = last ? range->end : type->regions[i].start;
		if (gap.start < gap.end) {
			gaps++;
			if (insert)
				insert_region(type, i++, &gap);
		}
		gap.start = last ? range->end : type->regions[i].end;
	}
	return gaps;
}

bool memblock_add(struct memblock_type *type, const struct mm_range *range)
{
	assert(range->start <= range->end);
	if (!make_room(type, for_each_gap(type, range, false)))
		return false;
	for_each_gap(type, range, true);
	merge_neighbours(type);
	return true;
}

bool memblock_add_range(struct memblock_type *type, pfn_t start, pfn_t end, int node)
{
	return memblock_add(type, &(struct mm_range){ start, end, node, false, false });
}

bool memblock_add_memory(struct memblock *mb, const struct mm_range *range)
{
	mb->has_mirror |= range->mirror;
	return memblock_add(&mb->memory, range);
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

/* Where in a free range the pages would lie; 0: it is too small. */
static pfn_t place_in(const struct memblock *mb, const struct mm_range *free,
		      const struct memblock_request *want)
{
	uint64_t mask = want->align ? want->align - 1 : 0;
	pfn_t start = max_u64(free->start, 1), end = min_u64(free->end, mb->current_limit), at;

	if (start >= end || end - start < want->pages)
		return 0;
	if (mb->bottom_up) {
		at = (start + mask) & ~mask;
		return at < end && end - at >= want->pages ? at : 0;
	}
	at = (end - want->pages) & ~mask;
	return at >= start ? at : 0;
}

static pfn_t find(const struct memblock *mb, const struct memblock_request *want, int node,
		  bool mirror)
{
	struct mm_range free = { 0 };
	pfn_t found = 0;

	while (memblock_next_free(mb, free.end, &free)) {
		if ((mb->movable_node && free.hotplug) || (mirror && !free.mirror) ||
		    (node != NUMA_NO_NODE && free.node != node))
			continue;
		pfn_t at = place_in(mb, &free, want);

		if (at && mb->bottom_up)
			return at;
		if (at)
			found = at;
	}
	return found;
}

/* On the wanted node, then on any. */
static pfn_t find_near(const struct memblock *mb, const struct memblock_request *want, bool mirror)
{
	pfn_t found = find(mb, want, want->node, mirror);

	if (!found && want->node != NUMA_NO_NODE && !want->exact_node)
		found = find(mb, want, NUMA_NO_NODE, mirror);
	return found;
}

pfn_t memblock_alloc(struct memblock *mb, const struct memblock_request *want)
{
	return memblock_alloc_head(mb, want, want->pages);
}

pfn_t memblock_alloc_head(struct memblock *mb, const struct memblock_request *want, uint64_t kept)
{
	assert(want->pages > 0 && kept <= want->pages);
	assert((want->align & (want->align - 1)) == 0);
	pfn_t start = find_near(mb, want, mb->has_mirror);

	if (!start && mb->has_mirror)
		start = find_near(mb, want, false);
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
