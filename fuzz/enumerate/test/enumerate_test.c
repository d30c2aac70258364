/*
 * Enumerations: nothing is skipped that would have been different, and what is wrong is found.
 *
 * The expected numbers come from a second enumeration that remembers nothing, written here as one
 * plain recursion over programs.
 */
#include "test.h"

#include "enumerate/enumerate.h"
#include "enumerate/worlds.h"
#include "target/broken/broken.h"
#include "target/builtin.h"

#include <stdlib.h>

static const struct lb_target *target_of(const char *name)
{
	char error[TARGET_ERROR_SIZE] = "";
	const struct lb_target *target = target_find(name, error);

	if (!EXPECT(target))
		fprintf(stderr, "  %s\n", error);
	return target;
}

struct place {
	struct machine machine;
	struct moves moves;
};

static struct place place_of(const char *machine, const char *moves)
{
	struct place p = { .moves = { .nr = 0 } };
	struct text_error error;

	EXPECT(machine_parse_line(&p.machine, machine, &error));
	if (!EXPECT(moves_parse(&p.moves, &p.machine, moves, &error)))
		fprintf(stderr, "  %u:%u: %s\n", error.line, error.column, error.what);
	return p;
}

static struct place world_of(const char *name)
{
	const struct world *world = world_named(name);

	EXPECT(world);
	return place_of(world->machine, world->moves);
}

/* ---- sets of states and of findings ---- */

struct states {
	uint64_t *states;
	size_t nr, room;
};

static void states_add(struct states *s, uint64_t state)
{
	if (s->nr == s->room) {
		s->room = s->room ? 2 * s->room : 1024;
		s->states = realloc(s->states, s->room * sizeof(*s->states));
	}
	s->states[s->nr++] = state;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Sorted, each once. */
static void states_make_set(struct states *s)
{
	size_t nr = 0;

	qsort(s->states, s->nr, sizeof(*s->states), by_value);
	for (size_t i = 0; i < s->nr; i++)
		if (i == 0 || s->states[i] != s->states[nr - 1])
			s->states[nr++] = s->states[i];
	s->nr = nr;
}

static void states_drop(struct states *s, uint64_t state)
{
	size_t nr = 0;

	for (size_t i = 0; i < s->nr; i++)
		if (s->states[i] != state)
			s->states[nr++] = s->states[i];
	s->nr = nr;
}

static bool states_equal(const struct states *a, const struct states *b)
{
	return a->nr == b->nr && memcmp(a->states, b->states, a->nr * sizeof(*a->states)) == 0;
}

/* Signatures with the length of the shortest sequence that showed each. */
enum { SIGNATURES_MAX = 64 };
struct signature_set {
	char signature[SIGNATURES_MAX][192];
	unsigned int depth[SIGNATURES_MAX];
	size_t nr;
};

static void note(struct signature_set *set, const char *signature, unsigned int depth)
{
	for (size_t i = 0; i < set->nr; i++)
		if (strcmp(set->signature[i], signature) == 0) {
			if (depth < set->depth[i])
				set->depth[i] = depth;
			return;
		}
	if (!EXPECT(set->nr < SIGNATURES_MAX))
		return;
	snprintf(set->signature[set->nr], sizeof(set->signature[0]), "%s", signature);
	set->depth[set->nr++] = depth;
}

static bool contains(const struct signature_set *set, const char *signature, unsigned int depth)
{
	for (size_t i = 0; i < set->nr; i++)
		if (strcmp(set->signature[i], signature) == 0)
			return set->depth[i] == depth;
	return false;
}

static void expect_same_findings(const struct signature_set *a, const struct signature_set *b)
{
	EXPECT_EQ(a->nr, b->nr);
	for (size_t i = 0; i < a->nr; i++)
		if (!EXPECT(contains(b, a->signature[i], a->depth[i])))
			fprintf(stderr, "  after %u moves: %s\n", a->depth[i], a->signature[i]);
}

struct seen {
	struct states states;
	struct signature_set findings;
};

static void see_state(void *context, uint64_t state, unsigned int depth)
{
	struct seen *seen = context;

	(void)depth;
	states_add(&seen->states, state);
}

static void see_finding(void *context, const struct outcome *outcome, unsigned int depth)
{
	struct seen *seen = context;

	note(&seen->findings, outcome->signature, depth);
}

static struct enumerate_summary enumerated(const struct lb_target *target,
					   const struct place *place, unsigned int depth,
					   enum enumerate_memory memory, bool mirrors,
					   unsigned int jobs, struct seen *seen)
{
	const struct enumerate_options options = {
		.target = target,
		.machine = &place->machine,
		.moves = &place->moves,
		.depth = depth,
		.jobs = jobs,
		.memory = memory,
		.mirrors = mirrors,
		.visit = seen ? see_state : NULL,
		.finding = seen ? see_finding : NULL,
		.context = seen,
	};
	struct enumerate_summary summary;

	enumerate(&options, &summary);
	return summary;
}

/* ---- the plain enumeration ---- */

struct walk {
	const struct place *place;
	struct judge *judge;
	struct reach how;
	unsigned int depth;
	bool mirrors;
	struct seen seen;
	uint64_t outcomes[MOVES_MAX];
	uint64_t idle, made;
};

/* Every sequence that begins with the program, which is right and has led to *at. */
static void walk_on(struct walk *w, const struct program *before, const struct reached *at,
		    unsigned int depth)
{
	for (unsigned int i = 0; i < w->place->moves.nr && depth < w->depth; i++) {
		const struct move *move = &w->place->moves.moves[i];
		struct reached reached;
		struct outcome outcome;
		struct program p;

		if (move_is_idle(move, at)) {
			w->idle++;
			continue;
		}
		program_init(&p);
		EXPECT(program_copy(&p, before) && move_append(&p, move, move_handle(move, at)));
		w->how.finish = false;
		if (!judge_reach(w->judge, &p, &w->how, &reached, &outcome)) {
			note(&w->seen.findings, outcome.signature, depth + 1);
		} else if (reached.result.outcome == JUDGE_OP_SKIPPED) {
			w->idle++;
		} else {
			w->made++;
			w->outcomes[i] |= UINT64_C(1) << reached.result.outcome;
			states_add(&w->seen.states,
				   w->mirrors ? reached.digest : reached.unmirrored);
			w->how.finish = true;
			if (!judge_reach(w->judge, &p, &w->how, &reached, &outcome))
				note(&w->seen.findings, outcome.signature, depth + 1);
			walk_on(w, &p, &reached, depth + 1);
		}
		program_free(&p);
	}
}

static struct walk walked(const struct lb_target *target, const struct place *place,
			  unsigned int depth, bool mirrors)
{
	struct walk w = { .place = place,
			  .judge = judge_create(target, NULL),
			  .how = moves_tell_apart(&place->moves, &place->machine, mirrors),
			  .depth = depth,
			  .mirrors = mirrors };
	struct program p;
	struct reached boot;
	struct outcome outcome;

	w.how.finish = true;
	program_init(&p);
	p.machine = place->machine;
	if (!judge_reach(w.judge, &p, &w.how, &boot, &outcome))
		note(&w.seen.findings, outcome.signature, 0);
	walk_on(&w, &p, &boot, 0);
	states_make_set(&w.seen.states);
	/* boot is visited from the start: a sequence that comes back to it has led to nothing new */
	states_drop(&w.seen.states, mirrors ? boot.digest : boot.unmirrored);
	program_free(&p);
	judge_destroy(w.judge);
	return w;
}

/* ---- nothing is skipped that would have been different ---- */

static void expect_nothing_skipped(const char *world, unsigned int depth)
{
	struct place place = world_of(world);
	bool mirrors = moves_are_symmetric(&place.moves, &place.machine);
	struct walk w = walked(&core_target, &place, depth, mirrors);
	struct seen seen = { 0 };
	struct enumerate_summary s =
		enumerated(&core_target, &place, depth, REMEMBER_STATES, true, 2, &seen);

	EXPECT_EQ(s.end, ENUMERATE_DONE);
	EXPECT_EQ(s.failed, 0);
	EXPECT_EQ(s.states, seen.states.nr + 1);
	states_make_set(&seen.states);
	EXPECT_EQ(s.states, seen.states.nr + 1); /* none was visited twice */
	if (!EXPECT(states_equal(&seen.states, &w.seen.states)))
		fprintf(stderr, "  %s: %zu states, %zu without memory\n", world, seen.states.nr,
			w.seen.states.nr);
	/* a mirror image has its outcomes on the other CPU */
	for (unsigned int i = 0; i < place.moves.nr && !mirrors; i++)
		EXPECT_EQ(s.outcomes[i], w.outcomes[i]);
	EXPECT(s.transitions < w.made); /* or nothing was spared, and the test says nothing */
	free(seen.states.states);
	free(w.seen.states.states);
}

TEST(remembering_states_leaves_out_none)
{
	const struct world *world;

	for (unsigned int i = 0; (world = world_number(i)); i++)
		expect_nothing_skipped(world->name, 3);
	expect_nothing_skipped("plain", 4);
	expect_nothing_skipped("two-cpus", 4);
}

TEST(without_memory_every_sequence_is_made)
{
	struct place place = world_of("two-nodes");
	struct walk w = walked(&core_target, &place, 3, false);
	struct enumerate_summary s =
		enumerated(&core_target, &place, 3, REMEMBER_NOTHING, true, 2, NULL);

	EXPECT_EQ(s.transitions, w.made);
	EXPECT_EQ(s.states, w.made + 1);
	EXPECT_EQ(s.idle, w.idle);
	EXPECT_EQ(s.again, 0);
	free(w.seen.states.states);
}

TEST(the_number_of_jobs_changes_nothing)
{
	struct place place = world_of("two-cpus");
	struct enumerate_summary one =
		enumerated(&core_target, &place, 5, REMEMBER_STATES, true, 1, NULL);
	struct enumerate_summary three =
		enumerated(&core_target, &place, 5, REMEMBER_STATES, true, 3, NULL);

	EXPECT_EQ(one.states, three.states);
	EXPECT_EQ(one.transitions, three.transitions);
	EXPECT_EQ(one.again, three.again);
	EXPECT_EQ(one.mirrored, three.mirrored);
	EXPECT(one.mirrored > 0);
}

TEST(mirror_images_spare_states_and_lose_none)
{
	struct place place = world_of("two-cpus");
	struct enumerate_summary with =
		enumerated(&core_target, &place, 4, REMEMBER_STATES, true, 2, NULL);
	struct enumerate_summary without =
		enumerated(&core_target, &place, 4, REMEMBER_STATES, false, 2, NULL);

	EXPECT(with.states < without.states);
	EXPECT(2 * with.states >= without.states); /* two CPUs: a state has one image at most */
	EXPECT_EQ(without.mirrored, 0);
}

TEST(sequences_are_counted_without_overflow)
{
	EXPECT_EQ(enumerate_sequences(12, 1), 12);
	EXPECT_EQ(enumerate_sequences(12, 3), 12 + 144 + 1728);
	EXPECT_EQ(enumerate_sequences(1, 24), 24);
	EXPECT(enumerate_sequences(12, 8) == UINT64_C(469070940)); /* (12^9 - 12) / 11 */
	EXPECT(enumerate_sequences(64, 24) == UINT64_MAX);
}

/* ---- equal digests go on alike ---- */

/* A program that led to a state, and where it stood there. */
struct way {
	struct program program;
	struct reached at;
};

enum { WAYS = 2048, CONTINUATIONS = 4, CONTINUATION_MOVES = 8 };

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33);
}

/* A move as it is where the CPUs have changed places. */
static struct move in_the_mirror(const struct move *move, bool mirrored)
{
	struct move image = *move;

	if (mirrored)
		image.op.cpu = (uint8_t)(1 - image.op.cpu);
	return image;
}

/* False: the move is idle there, or something was wrong; *same says whether that was noticed. */
static bool go_on(struct judge *j, const struct reach *how, struct way *way,
		  const struct move *move, struct outcome *outcome)
{
	outcome->signature[0] = '\0';
	if (move_is_idle(move, &way->at))
		return false;
	EXPECT(move_append(&way->program, move, move_handle(move, &way->at)));
	return judge_reach(j, &way->program, how, &way->at, outcome);
}

/* Do two ways answer alike, move by move? */
static bool go_on_alike(struct judge *j, const struct reach *how, const struct moves *moves,
			const struct way *a, const struct way *b, uint64_t *seed)
{
	bool mirrored = a->at.unmirrored != b->at.unmirrored, alike = true, on = true;
	struct way x = { .at = a->at }, y = { .at = b->at };

	program_init(&x.program);
	program_init(&y.program);
	program_copy(&x.program, &a->program);
	program_copy(&y.program, &b->program);
	for (unsigned int i = 0; on && alike && i < CONTINUATION_MOVES; i++) {
		const struct move *move = &moves->moves[next_random(seed) % moves->nr];
		struct move image = in_the_mirror(move, mirrored);
		struct outcome said_x, said_y;
		bool idle = move_is_idle(move, &x.at);

		if (idle && move_is_idle(&image, &y.at))
			continue;
		on = go_on(j, how, &x, move, &said_x);
		alike = on == go_on(j, how, &y, &image, &said_y) &&
			strcmp(said_x.signature, said_y.signature) == 0 &&
			(!on || (x.at.digest == y.at.digest &&
				 memcmp(&x.at.result, &y.at.result, sizeof(x.at.result)) == 0));
	}
	program_free(&x.program);
	program_free(&y.program);
	return alike;
}

/* A random way of some moves in which nothing is wrong. */
static void random_way(struct judge *j, const struct reach *how, const struct place *place,
		       struct way *way, uint64_t *seed)
{
	unsigned int moves = 1 + next_random(seed) % 7;
	struct outcome outcome;

	program_init(&way->program);
	way->program.machine = place->machine;
	judge_reach(j, &way->program, how, &way->at, &outcome);
	for (unsigned int i = 0; i < moves; i++) {
		const struct move *move = &place->moves.moves[next_random(seed) % place->moves.nr];
		struct way longer = { .at = way->at };

		program_init(&longer.program);
		program_copy(&longer.program, &way->program);
		if (go_on(j, how, &longer, move, &outcome)) {
			program_free(&way->program);
			*way = longer;
		} else {
			program_free(&longer.program);
		}
	}
}

static int by_digest(const void *a, const void *b)
{
	const struct way *x = a, *y = b;

	return x->at.digest < y->at.digest ? -1 : x->at.digest > y->at.digest;
}

/* Pairs of ways with equal digests that go on alike, and that do not. */
static void compare_ways(const struct lb_target *target, const char *world, unsigned int nr,
			 unsigned int *alike, unsigned int *unlike)
{
	struct place place = world_of(world);
	const struct reach how = moves_tell_apart(&place.moves, &place.machine, true);
	struct judge *j = judge_create(target, NULL);
	struct way *ways = calloc(nr, sizeof(*ways));
	uint64_t seed = 1;

	*alike = *unlike = 0;
	for (unsigned int i = 0; i < nr; i++)
		random_way(j, &how, &place, &ways[i], &seed);
	qsort(ways, nr, sizeof(*ways), by_digest);
	for (unsigned int i = 1; i < nr; i++) {
		if (ways[i].at.digest != ways[i - 1].at.digest ||
		    program_equal(&ways[i].program, &ways[i - 1].program))
			continue;
		for (unsigned int k = 0; k < CONTINUATIONS; k++)
			if (go_on_alike(j, &how, &place.moves, &ways[i - 1], &ways[i], &seed))
				(*alike)++;
			else
				(*unlike)++;
	}
	for (unsigned int i = 0; i < nr; i++)
		program_free(&ways[i].program);
	free(ways);
	judge_destroy(j);
}

TEST(two_ways_to_one_digest_go_on_alike)
{
	const struct world *world;
	unsigned int alike, unlike;

	for (unsigned int i = 0; (world = world_number(i)); i++) {
		compare_ways(&core_target, world->name, WAYS, &alike, &unlike);
		if (!EXPECT(unlike == 0 && alike >= 500))
			fprintf(stderr, "  %s: %u pairs alike, %u not\n", world->name, alike,
				unlike);
	}
}

/* It counts allocations where no export shows it: the comparison has to notice that. */
TEST(a_target_that_hides_something_does_not_go_on_alike)
{
	unsigned int alike, unlike;

	compare_ways(target_of("broken:core-fails-without-need"), "plain", 64, &alike, &unlike);
	EXPECT(unlike > 0);
}

/* ---- what is wrong is found ---- */

static bool has_finding(const struct signature_set *set, const char *id)
{
	size_t length = strlen(id);

	for (size_t i = 0; i < set->nr; i++)
		if (strncmp(set->signature[i], id, length) == 0 && set->signature[i][length] == ' ')
			return true;
	return false;
}

/* A target with its world and moves, what it is remembered by, and what has to be found. */
struct planted {
	const char *target, *world;
	enum enumerate_memory memory;
	unsigned int depth;
	const char *expect; /* ""; nothing is wrong */
	const char *moves;  /* NULL: the world's */
};

static const struct planted planted[] = {
	{ "broken:correct", "plain", REMEMBER_NOTHING, 3, "", NULL },
	{ "broken:correct", "two-zones", REMEMBER_NOTHING, 3, "", NULL },
	{ "broken:leaks", "plain", REMEMBER_NOTHING, 3, "contract.leak", NULL },
	{ "broken:overlaps", "plain", REMEMBER_NOTHING, 3, "contract.overlap", NULL },
	{ "broken:loses-buddies", "plain", REMEMBER_NOTHING, 3, "buddy.unmerged", NULL },
	{ "broken:misaligns", "plain", REMEMBER_NOTHING, 1, "contract.align", NULL },
	{ "broken:invents-frames", "two-zones", REMEMBER_NOTHING, 3, "contract.frames", NULL },
	{ "broken:accepts-double-free", "two-zones", REMEMBER_NOTHING, 3,
	  "contract.double-free-accepted", NULL },
	/* only pages that were handed out before are known to be there: it takes a free too */
	{ "broken:fails-without-need", "plain", REMEMBER_NOTHING, 4, "contract.unjustified-failure",
	  "alloc_page(gfp=KERNEL); __free_pages(first)" },
	{ "broken:forgets-to-zero", "two-zones", REMEMBER_NOTHING, 3, "contract.zeroed", NULL },
	{ "broken:scribbles", "plain", REMEMBER_NOTHING, 3, "contract.contents", NULL },
	{ "broken:hangs", "plain", REMEMBER_NOTHING, 3, "target.hang", NULL },
	{ "broken:crashes", "plain", REMEMBER_NOTHING, 3, "target.crash", NULL },
	{ "broken:corrupts-itself", "plain", REMEMBER_NOTHING, 3, "target.crash", NULL },
	{ "broken:crosses-zones", "two-zones", REMEMBER_COUNTS, 2, "zone.limit", NULL },
	{ "broken:core-fails-without-need", "plain", REMEMBER_COUNTS, 3, "zone.unjustified-failure",
	  NULL },
	{ "broken:core-leaks", "plain", REMEMBER_COUNTS, 3, "buddy.lost", NULL },
	{ "broken:core-overmanages", "plain", REMEMBER_COUNTS, 2, "zone.managed", NULL },
	{ "broken:core-miscounts", "plain", REMEMBER_COUNTS, 2, "buddy.accounting", NULL },
	{ "broken:core-loses-buddies", "plain", REMEMBER_COUNTS, 2, "buddy.unmerged", NULL },
	{ "broken:ignores-top-order", "plain", REMEMBER_NOTHING, 1, "contract.order",
	  "alloc_pages(order=9, gfp=KERNEL)" },
	{ "broken:accepts-bad-frees", "plain", REMEMBER_NOTHING, 2, "contract.bad-free-accepted",
	  "alloc_pages(order=1, gfp=KERNEL); free_tail(first, page=1)" },
	{ "broken:refuses-frees", "plain", REMEMBER_NOTHING, 6, "contract.free-refused",
	  "alloc_page(gfp=KERNEL); __free_pages(first)" },
	{ "broken:serves-nmi", "plain", REMEMBER_NOTHING, 1, "contract.context",
	  "alloc_page(gfp=KERNEL) @cpu0/nmi" },
	{ "broken:core-refuses-sharing", "plain", REMEMBER_COUNTS, 2, "contract.sharing", NULL },
	{ "broken:core-misaligns", "plain", REMEMBER_COUNTS, 2, "buddy.natural-alignment", NULL },
	{ "broken:core-lists-twice", "plain", REMEMBER_COUNTS, 2, "buddy.frame-twice", NULL },
	{ "broken:core-loses-nothings", "plain", REMEMBER_COUNTS, 2, "buddy.absent-listed", NULL },
	{ "broken:core-hides-losses", "plain", REMEMBER_COUNTS, 4, "buddy.ledger",
	  "alloc_pages(order=1, gfp=KERNEL); free_wrong_order(first, order=0);"
	  "alloc_page(gfp=KERNEL); __free_pages(last)" },
	{ "broken:core-miscounts-page-sets", "plain", REMEMBER_COUNTS, 2, "buddy.pcp-count", NULL },
	{ "broken:core-cuts-its-state", "plain", REMEMBER_COUNTS, 2, "state.sections", NULL },
	{ "broken:core-overcounts", "plain", REMEMBER_COUNTS, 1, "contract.bulk",
	  "alloc_pages_bulk(n=3, gfp=KERNEL, value=7)" },
	{ "broken:core-forgets-policies", "two-nodes", REMEMBER_COUNTS, 1, "task.policy-mode",
	  "set_mempolicy(nodemask=0x2, mode=bind)" },
	{ "broken:core-forgets-isolation", "plain", REMEMBER_COUNTS, 1, "buddy.isolated-listed",
	  "isolate_range(value=1)" },
	{ "broken:core-overlaps-fragments", "plain", REMEMBER_COUNTS, 2, "contract.frag-overlap",
	  "page_frag_alloc(gfp=KERNEL, value=16)" },
	{ "broken:core-hides-fragments", "plain", REMEMBER_COUNTS, 3, "buddy.frag-held",
	  "alloc_page(gfp=KERNEL); __free_pages(last); page_frag_alloc(gfp=KERNEL, value=16)" },
	{ "broken:core-miscounts-fragments", "plain", REMEMBER_COUNTS, 3, "buddy.frag-references",
	  "alloc_page(gfp=KERNEL); __free_pages(last); page_frag_alloc(gfp=KERNEL, value=16)" },
	{ "broken:core-dirties-pages", "plain", REMEMBER_COUNTS, 1, "contract.zeroed",
	  "alloc_page(gfp=KERNEL|ZERO)" },
	{ "broken:core-gives-isolated", "plain", REMEMBER_COUNTS, 3, "buddy.isolated-given",
	  "isolate_range(value=1); drain_all_pages(); alloc_page(gfp=KERNEL)" },
};

enum { NR_PLANTED = sizeof(planted) / sizeof(planted[0]) };

TEST(every_planted_fault_is_found)
{
	for (unsigned int i = 0; i < NR_PLANTED; i++) {
		const struct planted *p = &planted[i];
		struct place place = place_of(world_named(p->world)->machine,
					      p->moves ? p->moves : world_named(p->world)->moves);
		struct seen seen = { 0 };
		struct enumerate_summary s = enumerated(target_of(p->target), &place, p->depth,
							p->memory, true, 2, &seen);

		if (p->expect[0] ? !EXPECT(has_finding(&seen.findings, p->expect))
				 : !EXPECT(s.failed == 0 && s.end == ENUMERATE_DONE))
			fprintf(stderr, "  %s: %zu findings, the first: %s\n", p->target,
				seen.findings.nr, seen.findings.signature[0]);
		free(seen.states.states);
	}
}

TEST(no_broken_target_is_forgotten)
{
	const struct lb_target *target;

	for (unsigned int n = 0; (target = broken_target(n, NULL)); n++) {
		bool there = false;

		for (unsigned int i = 0; i < NR_PLANTED; i++)
			there |= strcmp(planted[i].target, target->name) == 0;
		if (!EXPECT(there))
			fprintf(stderr, "  %s\n", target->name);
	}
}

/* The same signatures, each after the same number of moves, as without any memory. */
TEST(remembering_counts_loses_no_finding_of_a_target_that_counts)
{
	static const char *const liars[] = { "broken:core-fails-without-need", "broken:core-leaks",
					     "broken:core-miscounts", "broken:core-loses-buddies" };

	for (unsigned int i = 0; i < 4; i++) {
		struct place place = world_of("plain");
		const struct lb_target *target = target_of(liars[i]);
		struct walk w = walked(target, &place, 3, false);
		struct seen seen = { 0 };

		enumerated(target, &place, 3, REMEMBER_COUNTS, true, 2, &seen);
		EXPECT(w.seen.findings.nr > 0);
		expect_same_findings(&w.seen.findings, &seen.findings);
		free(seen.states.states);
		free(w.seen.states.states);
	}
}

TEST(a_target_that_dies_is_not_the_end)
{
	struct place place = place_of("pages=64 min_free_kbytes=0",
				      "alloc_page(gfp=KERNEL); __free_pages(first)");
	struct lb_target mortal = *target_of("broken:crashes");
	struct seen seen = { 0 };
	struct enumerate_summary s;

	/* not the probe at each end, which frees more than three blocks: only what is asked */
	mortal.flags &= ~(uint32_t)LB_TARGET_BUDDY;
	s = enumerated(&mortal, &place, 6, REMEMBER_NOTHING, true, 2, &seen);
	EXPECT(has_finding(&seen.findings, "target.crash"));
	EXPECT(s.deaths > 0);
	free(seen.states.states);
}

TEST_MAIN
