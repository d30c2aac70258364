/*
 * Long random walks over everything that a machine may have switched on: a shadow plays the
 * target, and an oracle that adopts the target's state now and then follows it. Both models agree
 * with it at every step, what is counted is what is there, and in the end nothing is missing.
 *
 *   target: shadow  --result, state-->  oracle: audit + shadow of its own
 *
 * What this cannot see: where the shadow misreads the facts (the other tests).
 */
#include "common.h"

#include "program/random.h"

enum { MAX_HELD = 64, MAX_DEAD = 16, STEPS = 400, WORDS = 1 << 15, PAGES = 512 };

struct block {
	uint64_t pfn;
	uint32_t offset; /* of a fragment */
	uint8_t order, refs;
	bool compound, piece;
};

struct walk {
	struct random r;
	struct machine m;
	struct shadow *target;
	struct oracle *oracle;
	struct block held[MAX_HELD], dead[MAX_DEAD];
	unsigned int nr_held, nr_dead;
	uint64_t words[WORDS];
	struct verdict v;
	uint64_t counts[OP_COUNT]; /* carried out */
};

/*
 * One or two nodes, one zone of 255 or 256 pages each, memmaps of 4 pages; perhaps Movable above
 * 384.
 */
static void choose_machine(struct walk *w)
{
	struct machine *m = &w->m;
	bool two = random_percent(&w->r, 50);

	*m = bare_machine(PAGES);
	m->nr_cpus = 2;
	m->profile = random_percent(&w->r, 30) ? PROFILE_LINUX_5_10 : PROFILE_LINUX_6_1;
	m->checks = random_below(&w->r, 3);
	m->thp = random_below(&w->r, 2);
	m->pcp_batch = random_between(&w->r, 1, 4);
	m->pcp_high = random_between(&w->r, 4, 30);
	m->shuffle = random_percent(&w->r, 50) ? random_below(&w->r, 1000) : 0;
	m->debug_pagealloc = random_percent(&w->r, 40);
	m->guard_order = m->debug_pagealloc ? random_below(&w->r, 4) : 0;
	m->page_poison = random_percent(&w->r, 50);
	m->init_on_free = random_percent(&w->r, 50);
	m->watermark_boost_factor = random_below(&w->r, 2) * 15000;
	if (two) {
		m->nr_nodes = m->nr_memory = 2;
		m->memory[0].end = m->memory[1].start = 256;
		m->memory[1].end = PAGES;
		m->memory[1].node = 1;
		m->distance[0][1] = m->distance[1][0] = 20;
		m->distance[1][1] = 10;
		m->cpu_node[1] = 1;
	} else if (random_percent(&w->r, 50)) {
		m->movable_start[0] = 384;
	}
}

static void fail(struct walk *w, const char *where)
{
	fprintf(stderr, "  %s: %s %s: %s\n", where, rule_info[w->v.rule].id, w->v.field, w->v.what);
	EXPECT(false);
	exit(1);
}

static const uint64_t *state_of(struct walk *w)
{
	size_t n = shadow_export(w->target, w->words, WORDS);

	if (!EXPECT(n <= WORDS) || !oracle_well_formed(w->oracle, w->words, n, &w->v))
		fail(w, "well-formed");
	return w->words;
}

static void begin(struct walk *w, uint64_t seed)
{
	static const struct machine_range reserved[] = { { .start = PAGES - 8, .end = PAGES } };

	memset(w, 0, sizeof(*w));
	w->r = random_stream(seed, 1);
	choose_machine(w);
	w->target = booted(&w->m, reserved, 1);
	w->oracle = oracle_create(&w->m, LB_TARGET_BUDDY | LB_TARGET_LINUX, 0, true);
	if (!EXPECT(w->oracle) || !oracle_boot(w->oracle, state_of(w), &w->v))
		fail(w, "boot");
}

static struct lb_result carry_out(struct walk *w, struct lb_call call)
{
	struct lb_result r;
	bool bulk = call.op == OP_ALLOC_PAGES_BULK_LIST;

	if (call.op == OP_PAGE_FRAG_ALLOC)
		call.level = (uint8_t)random_below(&w->r, 3);
	shadow_exec(w->target, &call, &r);
	w->counts[call.op] += r.outcome != LB_REFUSED;
	if (!oracle_step(w->oracle, &call, &r, bulk ? w->target->bulk : NULL, &w->v))
		fail(w, op_info[call.op].name);
	return r;
}

/* ---- Who holds what ---- */

static void hold(struct walk *w, struct block b)
{
	b.refs = 1;
	w->held[w->nr_held++] = b;
}

static void bury(struct walk *w, unsigned int i)
{
	if (!w->held[i].piece)
		w->dead[w->nr_dead++ % MAX_DEAD] = w->held[i];
	w->held[i] = w->held[--w->nr_held];
}

static bool is_full(const struct walk *w, unsigned int more)
{
	return w->nr_held + more > MAX_HELD;
}

static struct lb_call about(enum opcode op, const struct block *b)
{
	struct lb_call call = free_call(b->pfn, b->order);

	call.op = (uint8_t)op;
	call.compound = b->compound;
	call.offset = b->offset;
	return call;
}

static uint32_t some_gfp(struct walk *w)
{
	static const uint32_t masks[] = { GFP_KERNEL,
					  GFP_NOWAIT,
					  GFP_ATOMIC_REQUEST,
					  GFP_KERNEL | GFP_MOVABLE,
					  GFP_NOWAIT | GFP_RECLAIMABLE,
					  GFP_HIGHUSER_MOVABLE,
					  GFP_NOWAIT | GFP_MEMALLOC };
	uint32_t gfp = masks[random_below(&w->r, sizeof(masks) / sizeof(masks[0]))];

	return random_percent(&w->r, 40) ? gfp | GFP_COMP : gfp;
}

/* ---- Steps ---- */

static void allocate(struct walk *w)
{
	uint32_t gfp = some_gfp(w), order = random_below(&w->r, 100) < 60 ? random_below(&w->r, 2)
									  : random_below(&w->r, 7);
	struct lb_call call = alloc_call(gfp, order);
	struct lb_result r;

	if (is_full(w, 1))
		return;
	call.cpu = (uint8_t)random_below(&w->r, 2);
	call.fail_nth = random_percent(&w->r, 5);
	r = carry_out(w, call);
	if (r.outcome == LB_BLOCK)
		hold(w, (struct block){ .pfn = r.pfn,
					.order = (uint8_t)order,
					.compound = order && (gfp & GFP_COMP) });
}

static void allocate_many(struct walk *w)
{
	bool exact = random_percent(&w->r, 50);
	struct lb_call call = { .op = exact ? OP_ALLOC_PAGES_EXACT : OP_ALLOC_PAGES_BULK_LIST,
				.gfp = some_gfp(w),
				.node = NODE_NONE,
				.count = random_between(&w->r, 1, 5) };
	struct lb_result r;

	if (is_full(w, 5))
		return;
	r = carry_out(w, call);
	for (uint32_t i = 0; i < call.count; i++)
		if (exact && r.outcome == LB_BLOCK)
			hold(w, (struct block){ .pfn = r.pfn + i });
		else if (!exact && r.outcome == LB_DONE && w->target->bulk[i] != NO_PFN)
			hold(w, (struct block){ .pfn = w->target->bulk[i] });
}

static void allocate_piece(struct walk *w)
{
	static const uint32_t sizes[] = { 1, 100, 4095, 4096, 4097, 20000, 32768, 32769, 0 };
	struct lb_call call = { .op = OP_PAGE_FRAG_ALLOC,
				.gfp = some_gfp(w),
				.node = NODE_NONE,
				.cpu = (uint8_t)random_below(&w->r, 2),
				.value = sizes[random_below(&w->r, 9)],
				.fail_nth = random_percent(&w->r, 30) };
	struct lb_result r;

	if (is_full(w, 1))
		return;
	r = carry_out(w, call);
	if (r.outcome == LB_BLOCK)
		hold(w, (struct block){ .pfn = r.pfn, .offset = r.offset, .piece = true });
}

static void give_back(struct walk *w, unsigned int i)
{
	struct block *b = &w->held[i];

	if (b->piece) {
		carry_out(w, about(OP_PAGE_FRAG_FREE, b));
		bury(w, i);
		return;
	}
	carry_out(w, about(OP_FREE_PAGES_STRUCT, b));
	if (--b->refs == 0)
		bury(w, i);
	else if (!b->compound)
		b->order = 0;
}

static void share(struct walk *w, struct block *b)
{
	if (b->refs < 3 && carry_out(w, about(OP_GET_PAGE, b)).outcome == LB_DONE)
		b->refs++;
}

static void put(struct walk *w, unsigned int i)
{
	struct block *b = &w->held[i];

	if (carry_out(w, about(OP_PUT_PAGE, b)).outcome == LB_DONE && --b->refs == 0)
		bury(w, i);
}

static void split(struct walk *w, unsigned int i)
{
	struct block b = w->held[i];

	if (is_full(w, 1u << b.order) || carry_out(w, about(OP_SPLIT_PAGE, &b)).outcome != LB_DONE)
		return;
	w->held[i] = w->held[--w->nr_held];
	for (uint32_t n = 0; n < 1u << b.order; n++)
		hold(w, (struct block){ .pfn = b.pfn + n });
}

static void put_back(struct walk *w, unsigned int i)
{
	if (carry_out(w, about(OP_PUT_FRAME, &w->held[i])).outcome == LB_DONE)
		bury(w, i);
}

static void change_page(struct walk *w, struct block *b)
{
	static const enum opcode ops[] = { OP_SET_PAGE_FLAG, OP_SET_PAGE_FLAG, OP_SET_PAGE_FLAG,
					   OP_SET_MAPCOUNT, OP_PREP_TRANSHUGE };
	struct lb_call call = about(ops[random_below(&w->r, 5)], b);

	call.page = random_below(&w->r, 1u << b->order);
	call.value = random_percent(&w->r, 30) ? 23 * 2 + 1 : random_below(&w->r, 60);
	carry_out(w, call);
}

static void disturb_block(struct walk *w)
{
	unsigned int i;

	if (w->nr_held == 0)
		return;
	i = random_below(&w->r, w->nr_held);
	if (w->held[i].piece) {
		give_back(w, i);
		return;
	}
	switch (random_below(&w->r, 6)) {
	case 0:
		share(w, &w->held[i]);
		return;
	case 1:
		put(w, i);
		return;
	case 2:
		split(w, i);
		return;
	case 3:
		put_back(w, i);
		return;
	default:
		change_page(w, &w->held[i]);
	}
}

static void take_off(struct walk *w)
{
	struct lb_call call = { .op = OP_TAKE_FRAME,
				.node = NODE_NONE,
				.pfn = random_below(&w->r, PAGES) };

	if (!is_full(w, 1) && carry_out(w, call).outcome == LB_BLOCK)
		hold(w, (struct block){ .pfn = call.pfn });
}

static void write_to_dead(struct walk *w)
{
	const struct block *b = &w->dead[random_below(&w->r, MAX_DEAD)];
	struct lb_call call = about(OP_WRITE_FREED, b);

	if (!b->pfn)
		return;
	call.page = random_below(&w->r, 1u << b->order);
	call.value = random_percent(&w->r, 50) ? 0xab : random_below(&w->r, 512);
	carry_out(w, call);
}

static void disturb_machine(struct walk *w)
{
	static const enum opcode ops[] = {
		OP_DRAIN_LOCAL_PAGES, OP_DRAIN_ALL_PAGES, OP_VMSTAT_UPDATE,
		OP_RUN_KSWAPD,	      OP_ISOLATE,	  OP_UNISOLATE,
		OP_UNISOLATE,	      OP_PAGE_FRAG_DRAIN, OP_SYSCTL
	};
	struct lb_call call = { .op = (uint8_t)ops[random_below(&w->r, 9)],
				.cpu = (uint8_t)random_below(&w->r, 2),
				.value = random_below(&w->r, 8) };

	if (call.op == OP_SYSCTL)
		call.name = SYSCTL_MIN_FREE_KBYTES;
	carry_out(w, call);
}

static void step(struct walk *w)
{
	uint32_t x = random_below(&w->r, 100);

	if (x < 25)
		allocate(w);
	else if (x < 32)
		allocate_many(w);
	else if (x < 42)
		allocate_piece(w);
	else if (x < 62 && w->nr_held)
		give_back(w, random_below(&w->r, w->nr_held));
	else if (x < 78)
		disturb_block(w);
	else if (x < 84)
		take_off(w);
	else if (x < 90)
		write_to_dead(w);
	else
		disturb_machine(w);
}

/* ---- What holds at any time ---- */

static void expect_counts(const struct shadow *s)
{
	int64_t marked = 0, guards = 0, thp = 0, dirty = 0, blocks = 0;

	for (uint64_t pfn = 0; pfn < s->max_pfn; pfn++) {
		const struct frame *f = &s->frames[pfn];

		marked += f->mark != 0;
		guards += f->kind == FRAME_GUARD;
		thp += f->thp;
		dirty += f->contents != CONTENTS_RIGHT;
		blocks += f->pieces != 0;
		EXPECT(f->contents == CONTENTS_RIGHT || shadow_is_free_frame(s, pfn));
		EXPECT(!f->thp || f->kind == FRAME_PLAIN);
		EXPECT(!f->pieces || (f->kind == FRAME_PLAIN && !f->refs));
		EXPECT(!(f->mark & ~(uint32_t)(MARK_HWPOISON | MARK_MAPCOUNT)) ||
		       !shadow_is_free_frame(s, pfn));
	}
	EXPECT_EQ(s->state->nr_marked, marked);
	EXPECT_EQ(s->state->nr_guards, guards);
	EXPECT_EQ(s->state->nr_thp, thp);
	EXPECT_EQ(s->state->nr_dirty, dirty);
	EXPECT_EQ(s->state->nr_frag_blocks, blocks);
}

static void end(struct walk *w)
{
	while (w->nr_held)
		give_back(w, w->nr_held - 1);
	for (uint8_t cpu = 0; cpu < 2; cpu++)
		carry_out(w, (struct lb_call){ .op = OP_PAGE_FRAG_DRAIN, .cpu = cpu });
	carry_out(w, (struct lb_call){ .op = OP_DRAIN_ALL_PAGES });
	EXPECT_EQ(w->target->state->nr_frag_blocks, 0);
	EXPECT_EQ(w->target->state->nr_thp, 0);
	if (!oracle_finish(w->oracle, state_of(w), &w->v))
		fail(w, "finish");
	oracle_destroy(w->oracle);
	shadow_destroy(w->target);
}

TEST(both_models_follow_a_target_that_is_right_and_nothing_is_missing_in_the_end)
{
	static struct walk w;
	uint64_t counts[OP_COUNT] = { 0 }, guards = 0, dirty = 0, pieces = 0, leaked = 0;

	for (uint64_t seed = 0; seed < 150; seed++) {
		begin(&w, seed);
		for (unsigned int i = 0; i < STEPS; i++) {
			step(&w);
			if (!oracle_compare(w.oracle, state_of(&w), &w.v))
				fail(&w, "compare");
			if (i % 100 == 99 && !oracle_adopt(w.oracle, w.words, &w.v))
				fail(&w, "adopt");
			guards += w.target->state->nr_guards > 0;
			dirty += w.target->state->nr_dirty > 0;
			pieces += w.target->state->nr_frag_blocks > 1;
			if (i % 20 == 0)
				expect_counts(w.target);
		}
		leaked += w.target->state->nr_leaked > 0;
		end(&w);
		for (unsigned int op = 0; op < OP_COUNT; op++)
			counts[op] += w.counts[op];
	}
	/* the walks went where they were to go */
	EXPECT(guards > 100 && dirty > 100 && pieces > 100 && leaked > 10);
	for (unsigned int op = OP_WRITE_FREED; op <= OP_PREP_TRANSHUGE; op++)
		if (!EXPECT(counts[op] > 20))
			fprintf(stderr, "  %s: %" PRIu64 "\n", op_info[op].name, counts[op]);
}

TEST_MAIN
