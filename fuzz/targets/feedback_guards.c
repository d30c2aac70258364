/*
 * Features for AFL++: guards like those that clang makes for edges, among them in their section, so
 * that the runtime numbers them with the others at the start and counts them in its map.
 */
#include "targets/feedback.h"

#include <assert.h>

void __sanitizer_cov_trace_pc_guard(uint32_t *guard);

__attribute__((section("__sancov_guards"), used)) static uint32_t guards[FEEDBACK_FEATURES];

void feedback(unsigned int feature)
{
	assert(feature < FEEDBACK_FEATURES);
	__sanitizer_cov_trace_pc_guard(&guards[feature]);
}
