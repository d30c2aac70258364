/*
 * Names of gfp bits as the kernel's events print them: composites GFP_X, single bits __GFP_X, but
 * for GFP_DMA and GFP_DMA32; "none" for no bits; what has no name stands at the end as a number.
 * Numbers: facts 5.
 */
#include <string.h>

#include "trace/internal.h"

struct name {
	const char *word;
	uint32_t bits;
};

/* GFP_X */
static const struct name composites[] = {
	{ "TRANSHUGE", 0x1c24ca },
	{ "TRANSHUGE_LIGHT", 0x1c20ca },
	{ "HIGHUSER_MOVABLE", 0x100cca },
	{ "HIGHUSER", 0x100cc2 },
	{ "USER", 0x100cc0 },
	{ "KERNEL_ACCOUNT", 0x400cc0 },
	{ "KERNEL", 0xcc0 },
	{ "ATOMIC", 0xa20 },
	{ "NOFS", 0xc40 },
	{ "NOIO", 0xc00 },
	{ "NOWAIT", 0x800 },
	{ "DMA", 0x1 },
	{ "DMA32", 0x4 },
	{ NULL, 0 },
};

/* __GFP_X */
static const struct name singles[] = {
	{ "DMA", 0x1 },
	{ "HIGHMEM", 0x2 },
	{ "DMA32", 0x4 },
	{ "MOVABLE", 0x8 },
	{ "RECLAIMABLE", 0x10 },
	{ "HIGH", 0x20 },
	{ "IO", 0x40 },
	{ "FS", 0x80 },
	{ "ZERO", 0x100 },
	{ "ATOMIC", 0x200 },
	{ "DIRECT_RECLAIM", 0x400 },
	{ "KSWAPD_RECLAIM", 0x800 },
	{ "RECLAIM", 0xc00 },
	{ "WRITE", 0x1000 },
	{ "NOWARN", 0x2000 },
	{ "RETRY_MAYFAIL", 0x4000 },
	{ "NOFAIL", 0x8000 },
	{ "NORETRY", 0x10000 },
	{ "MEMALLOC", 0x20000 },
	{ "COMP", 0x40000 },
	{ "NOMEMALLOC", 0x80000 },
	{ "HARDWALL", 0x100000 },
	{ "THISNODE", 0x200000 },
	{ "ACCOUNT", 0x400000 },
	{ "ZEROTAGS", 0x800000 },
	{ "SKIP_ZERO", 0x1000000 },
	{ "SKIP_KASAN_UNPOISON", 0x2000000 },
	{ "SKIP_KASAN_POISON", 0x4000000 },
	{ "NOLOCKDEP", 0x8000000 },
	{ NULL, 0 },
};

static bool look_up(const struct name *names, const char *word, size_t length, uint32_t *gfp)
{
	for (; names->word; names++)
		if (strlen(names->word) == length && memcmp(names->word, word, length) == 0) {
			*gfp |= names->bits;
			return true;
		}
	return false;
}

static bool hexadecimal(const char *word, size_t length, uint32_t *gfp)
{
	uint64_t bits = 0;

	if (length < 3 || length > 18 || word[0] != '0' || word[1] != 'x')
		return false;
	for (size_t i = 2; i < length; i++) {
		const char *digits = "0123456789abcdef", *at = strchr(digits, word[i]);

		if (!word[i] || !at)
			return false;
		bits = bits << 4 | (uint64_t)(at - digits);
	}
	*gfp |= (uint32_t)bits;
	return bits <= UINT32_MAX;
}

static bool one_name(const char *word, size_t length, uint32_t *gfp)
{
	if (length > 6 && memcmp(word, "__GFP_", 6) == 0)
		return look_up(singles, word + 6, length - 6, gfp);
	if (length > 4 && memcmp(word, "GFP_", 4) == 0)
		return look_up(composites, word + 4, length - 4, gfp);
	if (length == 4 && memcmp(word, "none", 4) == 0)
		return true;
	return hexadecimal(word, length, gfp);
}

bool trace_gfp(const char *text, size_t size, uint32_t *gfp, const char **bad, size_t *length)
{
	const char *end = text + size;

	*gfp = 0;
	for (const char *word = text;; word++) {
		const char *bar = memchr(word, '|', (size_t)(end - word));
		const char *stop = bar ? bar : end;

		if (!one_name(word, (size_t)(stop - word), gfp)) {
			*bad = word;
			*length = (size_t)(stop - word);
			return false;
		}
		if (!bar)
			return true;
		word = bar;
	}
}
