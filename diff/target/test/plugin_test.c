/* Finding targets: what is there, and what is said of what is missing. */
#include "test.h"

#include "target/broken/broken.h"
#include "target/builtin.h"

static void expect_missing(const char *name, const char *word)
{
	char error[TARGET_ERROR_SIZE] = "";

	EXPECT(!target_find(name, error));
	if (!EXPECT(strstr(error, word)))
		fprintf(stderr, "  %s: \"%s\" does not name \"%s\"\n", name, error, word);
}

TEST(built_in_targets_are_found_by_name)
{
	char error[TARGET_ERROR_SIZE];

	EXPECT(target_find("core", error) == &core_target);
	EXPECT_STR(target_find("broken:leaks", error)->name, "broken:leaks");
	EXPECT_STR(target_find("broken:core-leaks", error)->name, "broken:core-leaks");
}

TEST(a_plug_in_is_found_by_its_path)
{
	char error[TARGET_ERROR_SIZE] = "";
	const struct lb_target *mine = target_find(PLUGINS "/mine.so", error);

	EXPECT_STR(error, "");
	if (!EXPECT(mine))
		return;
	EXPECT_STR(mine->name, "mine");
	EXPECT(!(mine->flags & LB_TARGET_TRUSTED));
}

TEST(what_is_missing_is_named)
{
	char version[32];

	expect_missing("nonsense", "nonsense");
	expect_missing("broken:nonsense", "broken:nonsense");
	expect_missing("./there-is-no-such.so", "there-is-no-such.so");
	expect_missing("there-is-no-such.so", "./there-is-no-such.so");
	expect_missing("/etc/passwd", "not a shared object");
	expect_missing(PLUGINS "/no_symbol.so", "no symbol lostbuddy_target");
	snprintf(version, sizeof(version), "ABI version %d", LB_TARGET_ABI + 1);
	expect_missing(PLUGINS "/old_abi.so", version);
	expect_missing(PLUGINS "/no_alloc.so", "capability to allocate");
	expect_missing(PLUGINS "/no_free.so", "capability to free");
	expect_missing(PLUGINS "/no_exec.so", "function exec");
	expect_missing(PLUGINS "/no_results.so", "function results");
}

TEST(the_family_is_complete_and_has_no_name_twice)
{
	unsigned int count = 0;
	const char *sentence;

	for (const struct lb_target *t; (t = broken_target(count, &sentence)); count++) {
		EXPECT(sentence[0] != '\0');
		EXPECT(broken_find(t->name + strlen("broken:")) == t);
	}
	EXPECT(count == (unsigned int)FAULT_COUNT + (unsigned int)LIE_COUNT);
}

/* A liar must not be told from the reference allocator by what it claims. */
TEST(liars_claim_what_the_reference_allocator_claims)
{
	const struct lb_target *liar = broken_find("crosses-zones");

	EXPECT_EQ(liar->flags, core_target.flags);
	EXPECT_EQ(liar->capabilities, core_target.capabilities);
}

TEST_MAIN
