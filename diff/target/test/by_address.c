/*
 * A plug-in of the address form: pages are handed out in turn, freed ones first. Orders above 0 it
 * does not know.
 */
#include "target/simple.h"

struct pool {
	char *memory;
	size_t next, pages, nr_free;
	void *free[];
};

static struct pool *pool_create(void *memory, size_t pages)
{
	struct pool *p = malloc(sizeof(*p) + pages * sizeof(p->free[0]));

	if (!p)
		return NULL;
	p->memory = memory;
	p->next = p->nr_free = 0;
	p->pages = pages;
	return p;
}

static void *pool_alloc(struct pool *p, unsigned int order)
{
	if (order > 0)
		return NULL;
	if (p->nr_free > 0)
		return p->free[--p->nr_free];
	return p->next < p->pages ? p->memory + 4096 * p->next++ : NULL;
}

static void pool_free(struct pool *p, void *page, unsigned int order)
{
	if (order == 0)
		p->free[p->nr_free++] = page;
}

LB_SIMPLE_TARGET_ADDRESS("pool", pool_create, pool_alloc, pool_free, free, 0)
