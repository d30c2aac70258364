/* The states an enumeration has seen: see visited.h. */
#include "enumerate/visited.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

struct slot {
	_Atomic uint64_t key;  /* 0: empty */
	_Atomic uint64_t rank; /* plus 1; 0: its owner has not written it yet */
};

struct shared {
	_Atomic uint64_t used;
	struct slot slots[];
};

struct visited {
	struct shared *shared;
	size_t nr_slots; /* a power of two */
};

static size_t bytes_of(size_t nr_slots)
{
	return sizeof(struct shared) + nr_slots * sizeof(struct slot);
}

/* A quarter of the slots stays empty, so that searches stay short. */
static size_t slots_for(uint64_t states)
{
	size_t slots = 1024;

	while (slots / 4 * 3 < states)
		slots *= 2;
	return slots;
}

static struct shared *map(size_t nr_slots)
{
	void *memory = mmap(NULL, bytes_of(nr_slots), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

struct visited *visited_create(uint64_t states)
{
	struct visited *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->nr_slots = slots_for(states);
	v->shared = map(v->nr_slots);
	if (v->shared)
		return v;
	free(v);
	return NULL;
}

void visited_destroy(struct visited *v)
{
	if (!v)
		return;
	munmap(v->shared, bytes_of(v->nr_slots));
	free(v);
}

static uint64_t key_of(uint64_t state)
{
	return state ? state : 1;
}

/* The slot of a key, which is taken if need be; NULL: neither there nor room. */
static struct slot *find(struct visited *v, uint64_t key)
{
	size_t mask = v->nr_slots - 1;

	for (size_t at = key & mask;; at = (at + 1) & mask) {
		struct slot *slot = &v->shared->slots[at];
		uint64_t there = atomic_load(&slot->key);

		if (there == 0 && visited_states(v) >= visited_room(v))
			return NULL;
		if (there == 0 && atomic_compare_exchange_strong(&slot->key, &there, key)) {
			atomic_fetch_add(&v->shared->used, 1);
			return slot;
		}
		if (there == key)
			return slot;
	}
}

bool visited_add(struct visited *v, uint64_t state, uint64_t rank)
{
	struct slot *slot = find(v, key_of(state));

	if (!slot)
		return false;

	uint64_t there = atomic_load(&slot->rank);

	while (there == 0 || there > rank + 1)
		if (atomic_compare_exchange_weak(&slot->rank, &there, rank + 1))
			break;
	return true;
}

bool visited_grow(struct visited *v, uint64_t states)
{
	struct visited bigger = { .nr_slots = slots_for(states) };
	uint64_t state, rank;

	if (bigger.nr_slots <= v->nr_slots)
		return true;
	bigger.shared = map(bigger.nr_slots);
	if (!bigger.shared)
		return false;
	for (size_t at = 0; visited_next(v, &at, &state, &rank);)
		visited_add(&bigger, state, rank);
	munmap(v->shared, bytes_of(v->nr_slots));
	*v = bigger;
	return true;
}

uint64_t visited_states(const struct visited *v)
{
	return atomic_load(&v->shared->used);
}

uint64_t visited_room(const struct visited *v)
{
	return v->nr_slots / 4 * 3;
}

bool visited_next(const struct visited *v, size_t *at, uint64_t *state, uint64_t *rank)
{
	while (*at < v->nr_slots) {
		const struct slot *slot = &v->shared->slots[(*at)++];

		*state = atomic_load(&slot->key);
		*rank = atomic_load(&slot->rank) - 1;
		if (*state)
			return true;
	}
	return false;
}
