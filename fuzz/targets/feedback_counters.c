/* Features for libFuzzer, which looks for this section and clears it before each input. */
#include "targets/feedback.h"

#include <assert.h>

extern uint8_t fuzz_pages_paths[FEEDBACK_FEATURES];

#ifdef __linux__
__attribute__((section("__libfuzzer_extra_counters")))
#endif
uint8_t fuzz_pages_paths[FEEDBACK_FEATURES];

void feedback(unsigned int feature)
{
	assert(feature < FEEDBACK_FEATURES);
	fuzz_pages_paths[feature] = 1;
}
