/*
 * Contents of memory: who has a block finds in it what he wrote.
 *
 *	page of 4096 bytes   |s0      |s1      |s2      |s3      |s4      |s5      |s6      |s7|
 *	offset                0        584      1168     1752     2336     2920     3504     4088
 *
 * A block that was handed out gets one word in each page, in the slot that handle and page number
 * choose: so stamps of former owners stay behind in the others, and a target that was to zero a
 * page and did not is seen by what it left. The first word and the last of a page are slots, so
 * that clearing all but an end is seen too.
 *
 * Blocks of more than 16 pages are stamped in their first, last and every 16th page. What that
 * cannot see: damage to the pages between (unless they were filled), and damage to one of the 511
 * words of a page that carry no stamp. fill() and verify() write and read every byte. On machines
 * that poison pages, or clear them when they are freed, every page of every block is stamped: there
 * it counts who wrote where (READINGS "Switches").
 *
 * A fragment carries bytes of its own: its first 256 and its last 64, or all.
 *
 * Invariants:
 *   C1  after contents_wipe, everything the judge wrote since the last wipe is zero, and no frame
 *       is tainted;
 *   C2  a frame is in dirty_frames once iff its dirty word is not 0.
 */
#include "judge/judge_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	SLOTS = 8,
	SLOT_STRIDE = 584, /* (4096 - 8) / 7: a multiple of 8 */
	DIRTY_WHOLE = 1 << SLOTS,
	STAMPED_PAGES = 16, /* blocks up to this are stamped in every page */
	FRAGMENT_HEAD = 256,
	FRAGMENT_TAIL = 64,
};

static_assert((SLOTS - 1) * SLOT_STRIDE + 8 == JUDGE_PAGE_BYTES, "the last slot is the last word");

static void note_ranges(struct contents *c, const struct machine *m)
{
	for (uint32_t i = 0; i < m->nr_memory; i++)
		for (uint64_t pfn = m->memory[i].start; pfn < m->memory[i].end; pfn++)
			c->exists[pfn / 8] |= (uint8_t)(1u << (pfn % 8));
}

bool contents_init(struct contents *c, const struct lb_target *target,
		   const struct machine *machine)
{
	memset(c, 0, sizeof(*c));
	assert(machine->max_pfn > 0 && machine->max_pfn <= UINT32_MAX);
	c->target = target;
	c->max_pfn = machine->max_pfn;
	c->every_page = machine->init_on_free || machine->page_poison;
	c->exists = calloc(machine->max_pfn / 8 + 1, 1);
	c->tainted = calloc(machine->max_pfn / 8 + 1, 1);
	c->dirty = calloc(machine->max_pfn, sizeof(*c->dirty));
	c->dirty_frames = malloc(machine->max_pfn * sizeof(*c->dirty_frames));
	if (!c->exists || !c->tainted || !c->dirty || !c->dirty_frames)
		return false;
	note_ranges(c, machine);
	return true;
}

void contents_free(struct contents *c)
{
	free(c->exists);
	free(c->tainted);
	free(c->dirty);
	free(c->dirty_frames);
	memset(c, 0, sizeof(*c));
}

static bool frame_exists(const struct contents *c, uint64_t pfn)
{
	return pfn < c->max_pfn && (c->exists[pfn / 8] >> (pfn % 8) & 1);
}

bool contents_exists(const struct contents *c, uint64_t pfn, unsigned int order)
{
	uint64_t end = pfn + (UINT64_C(1) << order);

	if (pfn >= c->max_pfn || end > c->max_pfn)
		return false;
	for (; pfn < end; pfn++)
		if (!frame_exists(c, pfn))
			return false;
	return true;
}

/*
 * Memory in one stretch costs no call a page, and most targets have it so; memory that is nowhere
 * has no contents.
 */
void contents_attach(struct contents *c, void *instance)
{
	uintptr_t linear = 0;
	bool all = true, one_stretch = true;

	assert(c->nr_dirty == 0);
	c->instance = instance;
	for (uint64_t pfn = 0; c->target->memory && pfn < c->max_pfn; pfn++) {
		if (!frame_exists(c, pfn))
			continue;

		uintptr_t at = (uintptr_t)c->target->memory(instance, pfn);
		uintptr_t zero = at - pfn * JUDGE_PAGE_BYTES;

		all = all && at;
		one_stretch = one_stretch && (linear == 0 || linear == zero);
		linear = zero;
	}
	c->available = c->target->memory;
	c->linear = all && one_stretch ? linear : 0;
}

/* NULL: this frame has no memory that can be looked at. */
static inline uint8_t *page_of(const struct contents *c, uint64_t pfn)
{
	if (c->linear)
		return (uint8_t *)(c->linear + pfn * JUDGE_PAGE_BYTES);
	return c->target->memory(c->instance, pfn);
}

static inline void note_dirty(struct contents *c, uint64_t pfn, uint16_t what)
{
	if (c->dirty[pfn] == 0)
		c->dirty_frames[c->nr_dirty++] = (uint32_t)pfn;
	c->dirty[pfn] |= what;
}

static inline unsigned int slot_of(uint32_t id, unsigned int page)
{
	return (id + page) % SLOTS;
}

/* Never 0, so that memory which was cleared does not pass for stamped. */
static inline uint64_t stamp_word(uint32_t id, unsigned int page)
{
	return (id * UINT64_C(0x9e3779b97f4a7c15) ^ page * UINT64_C(0xc2b2ae3d27d4eb4f)) | 1;
}

/* Of a block of 2^order pages. */
static inline bool is_stamped(const struct contents *c, unsigned int page, unsigned int order)
{
	return c->every_page || page % STAMPED_PAGES == 0 || (1u << order) <= STAMPED_PAGES ||
	       page == (1u << order) - 1;
}

static inline uint64_t load(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

void contents_stamp(struct contents *c, uint64_t pfn, unsigned int order,
		    const struct stamps *stamps)
{
	assert(stamps->id && stamps->order == order && stamps->first_page == 0);
	for (unsigned int page = 0; page < 1u << order; page++) {
		if (!is_stamped(c, page, order))
			continue;

		unsigned int slot = slot_of(stamps->id, page);
		uint64_t word = stamp_word(stamps->id, page);
		uint8_t *memory = page_of(c, pfn + page);

		if (!memory)
			continue;
		memcpy(memory + slot * SLOT_STRIDE, &word, sizeof(word));
		note_dirty(c, pfn + page, (uint16_t)(1u << slot));
	}
}

void contents_fill(struct contents *c, uint64_t pfn, unsigned int order, uint8_t value)
{
	for (uint64_t end = pfn + (UINT64_C(1) << order); pfn < end; pfn++) {
		uint8_t *memory = page_of(c, pfn);

		if (!memory)
			continue;
		memset(memory, value, JUDGE_PAGE_BYTES);
		note_dirty(c, pfn, DIRTY_WHOLE);
	}
}

static bool word_is(const uint8_t *memory, uint64_t pfn, unsigned int offset, uint64_t expect,
		    struct contents_fault *fault)
{
	uint64_t actual = load(memory + offset);

	if (actual == expect)
		return true;
	*fault = (struct contents_fault){
		.pfn = pfn, .expect = expect, .actual = actual, .offset = offset
	};
	return false;
}

static bool is_tainted(const struct contents *c, uint64_t pfn)
{
	return c->any_tainted && c->tainted[pfn / 8] >> (pfn % 8) & 1;
}

/*
 * Every word that the judge left in these pages must be gone, and all slots of the first page must
 * be zero whoever wrote there.
 */
bool contents_zeroed(const struct contents *c, uint64_t pfn, unsigned int order, bool skip_tainted,
		     struct contents_fault *fault)
{
	unsigned int look = (1u << SLOTS) - 1;

	for (uint64_t end = pfn + (UINT64_C(1) << order); pfn < end; pfn++) {
		look |= c->dirty[pfn] & DIRTY_WHOLE ? (1u << SLOTS) - 1 : c->dirty[pfn];
		if (skip_tainted && is_tainted(c, pfn))
			look = 0;

		const uint8_t *memory = look ? page_of(c, pfn) : NULL;

		for (unsigned int slot = 0; memory && slot < SLOTS; slot++)
			if (look >> slot & 1 && !word_is(memory, pfn, slot * SLOT_STRIDE, 0, fault))
				return false;
		look = 0;
	}
	return true;
}

static inline uint64_t fill_word(const struct stamps *stamps)
{
	return stamps->fill * UINT64_C(0x0101010101010101);
}

bool contents_intact(const struct contents *c, uint64_t pfn, unsigned int order,
		     const struct stamps *stamps, struct contents_fault *fault)
{
	for (unsigned int n = 0; stamps->id && n < 1u << order; n++) {
		unsigned int page = stamps->first_page + n;
		const uint8_t *memory =
			is_stamped(c, page, stamps->order) ? page_of(c, pfn + n) : NULL;
		uint64_t word = stamps->filled ? fill_word(stamps) : stamp_word(stamps->id, page);

		if (memory &&
		    !word_is(memory, pfn + n, slot_of(stamps->id, page) * SLOT_STRIDE, word, fault))
			return false;
	}
	return true;
}

/* Every word of the page is the same as the next one, and the first is right. */
static bool page_is(const uint8_t *memory, uint64_t word)
{
	return load(memory) == word && memcmp(memory, memory + 8, JUDGE_PAGE_BYTES - 8) == 0;
}

bool contents_intact_whole(const struct contents *c, uint64_t pfn, unsigned int order,
			   const struct stamps *stamps, struct contents_fault *fault)
{
	uint64_t word = fill_word(stamps);

	if (!stamps->filled)
		return contents_intact(c, pfn, order, stamps, fault);
	for (uint64_t end = pfn + (UINT64_C(1) << order); pfn < end; pfn++) {
		const uint8_t *memory = page_of(c, pfn);

		if (!memory || page_is(memory, word))
			continue;
		for (unsigned int offset = 0; offset < JUDGE_PAGE_BYTES; offset += 8)
			if (!word_is(memory, pfn, offset, word, fault))
				return false;
	}
	return true;
}

bool contents_are(const struct contents *c, uint64_t pfn, unsigned int order, uint8_t value,
		  bool skip_tainted, struct contents_fault *fault)
{
	uint64_t word = value * UINT64_C(0x0101010101010101);

	for (uint64_t end = pfn + (UINT64_C(1) << order); pfn < end; pfn++) {
		const uint8_t *memory = skip_tainted && is_tainted(c, pfn) ? NULL : page_of(c, pfn);

		if (!memory || page_is(memory, word))
			continue;
		for (unsigned int offset = 0; offset < JUDGE_PAGE_BYTES; offset += 8)
			if (!word_is(memory, pfn, offset, word, fault))
				return false;
	}
	return true;
}

void contents_taint(struct contents *c, uint64_t pfn)
{
	if (!frame_exists(c, pfn))
		return;
	c->tainted[pfn / 8] |= (uint8_t)(1u << (pfn % 8));
	c->any_tainted = true;
	if (c->available && page_of(c, pfn))
		note_dirty(c, pfn, 1); /* the byte that is written lies in slot 0 */
}

void contents_hand_over(struct contents *c, uint64_t pfn, unsigned int order)
{
	for (uint64_t end = pfn + (UINT64_C(1) << order); c->any_tainted && pfn < end; pfn++)
		c->tainted[pfn / 8] &= (uint8_t)~(1u << (pfn % 8));
}

/* ---- fragments ---- */

/* NULL: nowhere. */
static uint8_t *byte_of(const struct contents *c, uint64_t pfn, unsigned int at)
{
	uint8_t *memory = page_of(c, pfn + at / JUDGE_PAGE_BYTES);

	return memory ? memory + at % JUDGE_PAGE_BYTES : NULL;
}

static uint8_t fragment_byte(uint32_t id, unsigned int index)
{
	return (uint8_t)(stamp_word(id, index / 8) >> (index % 8 * 8));
}

/* The next byte that carries something. */
static unsigned int next_byte(unsigned int index, unsigned int bytes)
{
	index++;
	return index == FRAGMENT_HEAD && bytes > FRAGMENT_HEAD + FRAGMENT_TAIL
		       ? bytes - FRAGMENT_TAIL
		       : index;
}

void contents_stamp_fragment(struct contents *c, uint64_t pfn, unsigned int offset,
			     unsigned int bytes, uint32_t id)
{
	for (unsigned int i = 0; i < bytes; i = next_byte(i, bytes)) {
		uint8_t *byte = byte_of(c, pfn, offset + i);

		if (!byte)
			continue;
		*byte = fragment_byte(id, i);
		note_dirty(c, pfn + (offset + i) / JUDGE_PAGE_BYTES, DIRTY_WHOLE);
	}
}

bool contents_fragment_intact(const struct contents *c, uint64_t pfn, unsigned int offset,
			      unsigned int bytes, uint32_t id, struct contents_fault *fault)
{
	for (unsigned int i = 0; i < bytes; i = next_byte(i, bytes)) {
		const uint8_t *byte = byte_of(c, pfn, offset + i);

		if (!byte || *byte == fragment_byte(id, i))
			continue;
		*fault = (struct contents_fault){
			.pfn = pfn + (offset + i) / JUDGE_PAGE_BYTES,
			.expect = fragment_byte(id, i),
			.actual = *byte,
			.offset = (offset + i) % JUDGE_PAGE_BYTES,
			.is_byte = true,
		};
		return false;
	}
	return true;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define UNDER_ADDRESS_SANITIZER
#endif

#ifdef UNDER_ADDRESS_SANITIZER
/*
 * Pages that are nobody's may be poisoned, and wiping is no use of them: so it is hidden from
 * AddressSanitizer. volatile keeps the loop from becoming a memset, which would be looked at again.
 */
__attribute__((no_sanitize("address"))) static void clear(uint8_t *memory, size_t bytes)
{
	volatile uint64_t *word = (volatile uint64_t *)(uintptr_t)memory;

	assert(bytes % sizeof(*word) == 0);
	for (size_t i = 0; i < bytes / sizeof(*word); i++)
		word[i] = 0;
}
#else
static inline void clear(uint8_t *memory, size_t bytes)
{
	memset(memory, 0, bytes);
}
#endif

static void wipe_frame(const struct contents *c, uint64_t pfn)
{
	uint8_t *memory = page_of(c, pfn);
	unsigned int dirty = c->dirty[pfn];

	assert(memory && dirty);
	if (dirty & DIRTY_WHOLE) {
		clear(memory, JUDGE_PAGE_BYTES);
		return;
	}
	for (unsigned int slots = dirty; slots; slots &= slots - 1)
		clear(memory + (unsigned int)__builtin_ctz(slots) * SLOT_STRIDE, sizeof(uint64_t));
}

void contents_wipe(struct contents *c)
{
	for (uint32_t i = 0; i < c->nr_dirty; i++) {
		wipe_frame(c, c->dirty_frames[i]);
		c->dirty[c->dirty_frames[i]] = 0;
	}
	c->nr_dirty = 0;
	if (c->any_tainted)
		memset(c->tainted, 0, c->max_pfn / 8 + 1);
	c->any_tainted = false;
}
