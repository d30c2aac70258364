/*
 * Fragments: they are followed to the end, and what is in them is looked at. Where they may lie is the
 * audit's to say, and its tests'.
 */
#include "judging.h"

/* ---- targets that give out fragments ---- */

/* How the one below goes wrong. */
enum fault {
	RIGHT,
	LIES_OUTSIDE, /* of all memory */
	RUNS_OVER,    /* the end of all memory */
	SCRIBBLES,    /* in the last byte of a fragment, when another one is given back */
	FORGETS,      /* a fragment's block is never free again */
};

/*
 * Fragments on top of the small correct buddy, from one page at a time, from its end downwards; a
 * page of which all fragments came back is freed when it is drained.
 */
static struct {
	enum fault fault;
	uint64_t pfn; /* the page that is in use, 0: none */
	uint32_t offset, last_offset, last_bytes, live;
	uint64_t last_pfn;
} pieces;

/* Of all instances: the probe at the end makes a fresh one. */
static struct {
	unsigned int frees, drained; /* a bit a CPU */
} seen;

static const struct lb_target *correct(void)
{
	return given_target("broken:correct");
}

static void *pieces_create(const struct machine *m, char *error)
{
	enum fault fault = pieces.fault;

	memset(&pieces, 0, sizeof(pieces));
	pieces.fault = fault;
	return correct()->create(m, error);
}

static uint64_t take_page(void *instance)
{
	struct lb_call call = { .op = OP_ALLOC_PAGE, .gfp = 0xcc0, .node = NODE_NONE };
	struct lb_result result = { 0 };

	correct()->exec(instance, &call, &result);
	EXPECT_EQ(result.outcome, LB_BLOCK);
	return result.pfn;
}

static void give_page(void *instance, uint64_t pfn)
{
	struct lb_call call = { .op = OP_FREE_PAGES_STRUCT, .node = NODE_NONE, .pfn = pfn };
	struct lb_result result = { 0 };

	correct()->exec(instance, &call, &result);
	EXPECT_EQ(result.outcome, LB_DONE);
}

static void misplace(struct lb_result *result)
{
	switch (pieces.fault) {
	case LIES_OUTSIDE:
		result->pfn = 1u << 30;
		break;
	case RUNS_OVER:
		result->pfn = 511; /* of 512 */
		result->offset = JUDGE_PAGE_BYTES - 1;
		break;
	default:
		break;
	}
}

static void give_piece(void *instance, const struct lb_call *call, struct lb_result *result)
{
	if (call->value < 1 || call->value > PROGRAM_MAX_FRAGMENT) {
		result->outcome = LB_REFUSED;
		result->reason = LB_BAD_RANGE;
		return;
	}
	if (call->value > JUDGE_PAGE_BYTES) {
		result->outcome = LB_NULL;
		result->reason = LB_NO_MEMORY;
		return;
	}
	if (!pieces.pfn) {
		pieces.pfn = take_page(instance);
		pieces.offset = JUDGE_PAGE_BYTES;
	}
	EXPECT(pieces.offset >= call->value);
	pieces.offset -= call->value;
	pieces.live++;
	*result = (struct lb_result){ .outcome = LB_BLOCK,
				      .pfn = pieces.pfn,
				      .offset = pieces.offset };
	misplace(result);
	pieces.last_pfn = result->pfn;
	pieces.last_offset = result->offset;
	pieces.last_bytes = call->value;
}

static void take_piece(void *instance, const struct lb_call *call, struct lb_result *result)
{
	result->outcome = LB_DONE;
	pieces.live--;
	seen.frees++;
	EXPECT_EQ(call->pfn, pieces.last_pfn);
	if (pieces.fault == SCRIBBLES) {
		uint8_t *page = correct()->memory(instance, pieces.last_pfn);

		page[pieces.last_offset + pieces.last_bytes - 1] ^= 0x10;
	}
}

static void pieces_exec(void *instance, const struct lb_call *call, struct lb_result *result)
{
	switch (call->op) {
	case OP_PAGE_FRAG_ALLOC:
		give_piece(instance, call, result);
		return;
	case OP_PAGE_FRAG_FREE:
		take_piece(instance, call, result);
		return;
	case OP_PAGE_FRAG_DRAIN:
		seen.drained |= 1u << call->cpu;
		if (pieces.pfn && pieces.live == 0 && pieces.fault != FORGETS)
			give_page(instance, pieces.pfn);
		pieces.pfn = 0;
		result->outcome = LB_DONE;
		return;
	default:
		correct()->exec(instance, call, result);
	}
}

static bool pieces_reset(void *instance)
{
	(void)instance;
	return false;
}

static struct outcome pieces_judged(enum fault fault, const char *text)
{
	struct lb_target target = *correct();

	pieces.fault = fault;
	memset(&seen, 0, sizeof(seen));
	target.create = pieces_create;
	target.reset = pieces_reset;
	target.exec = pieces_exec;
	target.capabilities |= JUDGE_BIT(OP_PAGE_FRAG_ALLOC) | JUDGE_BIT(OP_PAGE_FRAG_FREE) |
			       JUDGE_BIT(OP_PAGE_FRAG_DRAIN);
	return judged_with(&target, NULL, text);
}

#define CPUS "lostbuddy 1\nmachine pages=512 dma_end=128 cpus=3\n"
#define PIECE(p, bytes) "p" p " = page_frag_alloc(gfp=KERNEL, value=" bytes ")\n"

TEST(fragments_are_followed_to_the_end)
{
	struct outcome o =
		pieces_judged(RIGHT,
			      CPUS PIECE("0", "1")
				      PIECE("1", "1000") "p2 = alloc_page(gfp=KERNEL)\n" PIECE(
					      "3", "32768") /* there is none so large */
			      PIECE("4", "0")		    /* refused */
			      "page_frag_free(p1)\n"
			      "page_frag_free(p3)\n" /* no-op */
			      "check()\n" PIECE("5", "64"));

	expect_finding(&o, "");
	EXPECT_EQ(o.executed, 8);
	EXPECT_EQ(o.no_ops, 1);
	EXPECT_EQ(seen.frees, 3); /* p1, and two at the end */
}

static unsigned int drained_by(const char *text)
{
	struct outcome o = pieces_judged(RIGHT, text);

	expect_finding(&o, "");
	return seen.drained;
}

/* Each CPU's; none where no fragment was asked for. */
TEST(at_the_end_every_cache_is_drained)
{
	EXPECT_EQ(drained_by(CPUS PIECE("0", "1")), 7);
	EXPECT_EQ(drained_by(CPUS "p0 = alloc_page(gfp=KERNEL)\n"), 0);
	EXPECT_EQ(drained_by(CPUS PIECE("0", "0")), 0); /* refused */
}

#define TWO PIECE("0", "100") PIECE("1", "100")

TEST(what_a_target_does_to_a_fragment_is_reported)
{
	static const struct {
		enum fault fault;
		const char *program, *id;
		uint32_t op;
	} cases[] = {
		{ SCRIBBLES, CPUS TWO "page_frag_free(p0)\npage_frag_free(p1)\n",
		  "contract.contents", 3 },
		{ SCRIBBLES,
		  CPUS PIECE("0", "8") PIECE("1", "4000") "page_frag_free(p0)\ncheck()\n",
		  "contract.contents", 3 },
		{ SCRIBBLES, CPUS TWO "page_frag_free(p0)\n", "contract.contents", 3 },
		{ FORGETS, CPUS TWO, "contract.leak", 2 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome o = pieces_judged(cases[i].fault, cases[i].program);

		if (!EXPECT_STR(finding_id(&o), cases[i].id) || !EXPECT_EQ(o.op, cases[i].op))
			fprintf(stderr, "  case %zu: %s\n", i, o.verdict.what);
	}
}

/* The audit reports it; the judge, who comes after, must not write there. */
TEST(a_fragment_outside_of_memory_is_not_written_to)
{
	static const enum fault faults[] = { LIES_OUTSIDE, RUNS_OVER };

	for (unsigned int i = 0; i < 2; i++) {
		struct outcome o = pieces_judged(faults[i], CPUS PIECE("0", "2") "check()\n");

		EXPECT(o.kind == FINDING_NONE || o.verdict.rule == RULE_CONTRACT_FRAMES);
	}
}

/* A target that cannot take fragments back, on a pair that is used again. */
TEST(fragments_that_stay_are_forgotten)
{
	struct lb_target target = *correct();
	struct program p;
	struct outcome o;

	pieces.fault = RIGHT;
	target.create = pieces_create;
	target.reset = pieces_reset;
	target.exec = pieces_exec;
	target.flags |= LB_TARGET_CACHES; /* so that nobody counts at the end */
	target.flags &= ~(uint32_t)LB_TARGET_EAGER_MERGE;
	target.capabilities |= JUDGE_BIT(OP_PAGE_FRAG_ALLOC);

	struct judge *j = judge_create(&target, NULL);

	if (given_program(&p, CPUS TWO))
		for (int run = 0; run < 3; run++) {
			EXPECT(judge_run(j, &p, &o));
			expect_finding(&o, "");
		}
	program_free(&p);
	judge_destroy(j);
}

/* ---- bytes ---- */

static uint8_t memory[16][JUDGE_PAGE_BYTES];

static void *page_of_memory(void *instance, uint64_t pfn)
{
	(void)instance;
	return memory[pfn];
}

/* Of small ones every byte counts, of large ones the first 256 and the last 64. */
TEST(a_fragment_carries_bytes_at_both_ends)
{
	static const struct lb_target target = { .memory = page_of_memory };
	static const unsigned int sizes[] = { 1, 2, 319, 320, 321, 4096, 4097, 32768 };
	struct machine m = { .max_pfn = 16,
			     .nr_memory = 1,
			     .memory = { { .start = 1, .end = 16 } } };
	struct contents_fault fault;
	struct contents c;

	EXPECT(contents_init(&c, &target, &m));
	contents_attach(&c, NULL);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned int bytes = sizes[i], offset = 4000;

		contents_stamp_fragment(&c, 2, offset, bytes, 9);
		EXPECT(contents_fragment_intact(&c, 2, offset, bytes, 9, &fault));
		EXPECT(bytes < 2 || !contents_fragment_intact(&c, 2, offset, bytes, 10, &fault));
		for (unsigned int at = 0; at < bytes; at++) {
			uint8_t *byte = &memory[2][offset] + at;
			bool noticed;

			*byte ^= 4;
			noticed = !contents_fragment_intact(&c, 2, offset, bytes, 9, &fault);
			*byte ^= 4;
			if (!EXPECT_EQ(noticed, bytes <= 320 || at < 256 || at >= bytes - 64))
				break;
			EXPECT(!noticed || (fault.pfn == 2 + (offset + at) / 4096 &&
					    fault.offset == (offset + at) % 4096 && fault.is_byte));
		}
		contents_wipe(&c);
		for (unsigned int pfn = 0; pfn < 16; pfn++)
			for (unsigned int at = 0; at < JUDGE_PAGE_BYTES; at++)
				EXPECT_EQ(memory[pfn][at], 0);
	}
	contents_free(&c);
}

TEST_MAIN
