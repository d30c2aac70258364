#include "test.h"
#include "test/world.h"
TEST(nothing_yet) { EXPECT(true); }
TEST_MAIN
