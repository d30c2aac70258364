/* The table of states: every key once, the smallest rank of each, however many write. */
#include "test.h"

#include "enumerate/visited.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Spread over all words, 0 among them, and the neighbours of 0, which share its slot. */
static uint64_t state_number(uint64_t i)
{
	return i * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t rank_in(const struct visited *v, uint64_t wanted)
{
	uint64_t state, rank;

	for (size_t at = 0; visited_next(v, &at, &state, &rank);)
		if (state == wanted)
			return rank;
	return UINT64_MAX;
}

TEST(a_state_keeps_its_smallest_rank)
{
	struct visited *v = visited_create(100);

	EXPECT(visited_add(v, 7, 5));
	EXPECT(visited_add(v, 7, 9));
	EXPECT_EQ(rank_in(v, 7), 5);
	EXPECT(visited_add(v, 7, 0));
	EXPECT_EQ(rank_in(v, 7), 0);
	EXPECT_EQ(visited_states(v), 1);
	visited_destroy(v);
}

TEST(a_full_table_takes_no_more_states_but_knows_those_it_has)
{
	struct visited *v = visited_create(100);
	uint64_t room = visited_room(v), i;

	EXPECT(room >= 100);
	for (i = 1; i <= room; i++)
		EXPECT(visited_add(v, state_number(i), i));
	EXPECT(!visited_add(v, state_number(i), i));
	EXPECT(visited_add(v, state_number(room), 0));
	EXPECT_EQ(visited_states(v), room);
	visited_destroy(v);
}

TEST(growing_keeps_states_and_ranks)
{
	struct visited *v = visited_create(100);
	uint64_t room = visited_room(v);

	for (uint64_t i = 1; i <= room; i++)
		visited_add(v, state_number(i), i);
	EXPECT(visited_grow(v, 2 * room));
	EXPECT(visited_room(v) >= 2 * room);
	EXPECT_EQ(visited_states(v), room);
	for (uint64_t i = 1; i <= room; i++)
		EXPECT_EQ(rank_in(v, state_number(i)), i);
	EXPECT(visited_add(v, state_number(room + 1), 1));
	visited_destroy(v);
}

/* Two processes write the same keys, each the ranks of one parity, from opposite ends. */
TEST(two_processes_agree)
{
	enum { STATES = 50000 };
	struct visited *v = visited_create(STATES);
	pid_t child = fork();
	int status;

	for (uint64_t i = 1; i <= STATES; i++) {
		uint64_t n = child ? i : STATES + 1 - i;

		visited_add(v, state_number(n), 2 * n + (child ? 1 : n % 2 * 2));
	}
	if (!child)
		_exit(0);
	EXPECT(waitpid(child, &status, 0) == child && status == 0);
	EXPECT_EQ(visited_states(v), STATES);

	uint64_t state, rank, seen = 0, wrong = 0, *ranks = calloc(STATES + 1, sizeof(*ranks));

	for (size_t at = 0; visited_next(v, &at, &state, &rank);) {
		uint64_t n = rank / 2;

		seen++;
		/* the smaller of 2n + 1 and 2n (n even) or 2n + 2 (n odd) */
		wrong += n < 1 || n > STATES || rank != 2 * n + n % 2 || state != state_number(n) ||
			 ranks[n]++;
	}
	EXPECT_EQ(seen, STATES);
	EXPECT_EQ(wrong, 0);
	free(ranks);
	visited_destroy(v);
}

TEST_MAIN
