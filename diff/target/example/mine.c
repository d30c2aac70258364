/* A binary buddy allocator over frames 0 .. pages - 1: what a newcomer brings (README.md). */
#include "target/simple.h"

#define MAX_ORDER 10
#define FREE_NOTHING (-1)

struct mine {
	size_t pages;
	signed char free_order[]; /* of the free block that begins at a frame, or FREE_NOTHING */
};

static void mine_free(struct mine *m, long first, unsigned int order)
{
	size_t frame = (size_t)first;

	for (; order < MAX_ORDER; order++) {
		size_t buddy = frame ^ ((size_t)1 << order);

		if (buddy >= m->pages || m->free_order[buddy] != (signed char)order)
			break;
		m->free_order[buddy] = FREE_NOTHING;
		frame &= ~((size_t)1 << order);
	}
	m->free_order[frame] = (signed char)order;
}

static long mine_alloc(struct mine *m, unsigned int order)
{
	for (unsigned int o = order; o <= MAX_ORDER; o++) {
		for (size_t frame = 0; frame < m->pages; frame += (size_t)1 << o) {
			if (m->free_order[frame] != (signed char)o)
				continue;
			m->free_order[frame] = FREE_NOTHING;
			while (o-- > order) /* give the upper halves back */
				m->free_order[frame + ((size_t)1 << o)] = (signed char)o;
			return (long)frame;
		}
	}
	return -1;
}

static struct mine *mine_create(size_t pages)
{
	struct mine *m = malloc(sizeof(*m) + pages);

	if (!m)
		return NULL;
	m->pages = pages;
	memset(m->free_order, FREE_NOTHING, pages);
	for (size_t frame = 0, order; frame < pages; frame += (size_t)1 << order) {
		order = MAX_ORDER; /* the largest block that fits here */
		while (frame % ((size_t)1 << order) || frame + ((size_t)1 << order) > pages)
			order--;
		m->free_order[frame] = (signed char)order;
	}
	return m;
}

LB_SIMPLE_TARGET("mine", mine_create, mine_alloc, mine_free, free,
		 LB_TARGET_BUDDY | LB_TARGET_EAGER_MERGE)
