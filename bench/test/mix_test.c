/* Is the steady mix what it says: waves between half and 80 % of memory, the same with and without work? */
#include "test.h"

#include "bench/mix.h"

enum { STEPS = 200, OPERATIONS = 500 };

TEST(occupancy_goes_up_and_down_between_its_bounds)
{
	char why[256] = "";
	void *mix = mix_create(0, why);
	double least = 1, most = 0;

	EXPECT_STR(why, "");
	for (int i = 0; mix && i < STEPS; i++) {
		mix_loop(mix, OPERATIONS);
		double now = mix_occupancy(mix);

		EXPECT(now >= 0.5 && now <= 0.8);
		least = now < least ? now : least;
		most = now > most ? now : most;
	}
	EXPECT(least < 0.54);
	EXPECT(most > 0.76);
	if (mix)
		mix_destroy(mix);
}

TEST(the_empty_loop_takes_the_same_decisions)
{
	char why[256] = "";
	double with_work[STEPS];
	void *mix = mix_create(0, why);

	for (int i = 0; mix && i < STEPS; i++) {
		mix_loop(mix, OPERATIONS);
		with_work[i] = mix_occupancy(mix);
	}
	if (mix)
		mix_destroy(mix);
	mix = mix_create(0, why);
	EXPECT_STR(why, "");
	for (int i = 0; mix && i < STEPS; i++) {
		mix_empty_loop(mix, OPERATIONS);
		EXPECT(mix_occupancy(mix) == with_work[i]);
	}
	if (mix)
		mix_destroy(mix);
}

TEST_MAIN
