#include "test.h"

#include "target/target.h"

/* What the header gives as examples is what stands in texts and signatures. */
TEST(words_are_those_of_the_language)
{
	EXPECT_STR(lb_outcome_name(LB_DONE), "ok");
	EXPECT_STR(lb_outcome_name(LB_NULL), "ENOMEM");
	EXPECT_STR(lb_outcome_name(LB_LOOP), "LOOP");
	EXPECT_STR(lb_outcome_name(LB_OOM), "OOM");
	EXPECT_STR(lb_outcome_name(LB_REFUSED), "refused");
	EXPECT_STR(lb_reason_name(LB_NO_WATERMARK), "watermark");
	EXPECT_STR(lb_reason_name(LB_NOT_HELD), "double-free");
	EXPECT_STR(lb_path_name(LB_PATH_STEAL_CLAIM), "steal-claim");
}

TEST(every_number_has_a_word_and_paths_have_different_ones)
{
	for (int i = 0; i < LB_OUTCOME_COUNT; i++)
		EXPECT(strcmp(lb_outcome_name((enum lb_outcome)i), "unknown") != 0);
	for (int i = 0; i < LB_REASON_COUNT; i++)
		EXPECT(strcmp(lb_reason_name((enum lb_reason)i), "unknown") != 0);
	for (int i = 0; i < LB_PATH_COUNT; i++) {
		EXPECT(strcmp(lb_path_name((enum lb_path)i), "unknown") != 0);
		for (int j = 0; j < i; j++)
			EXPECT(strcmp(lb_path_name((enum lb_path)i),
				      lb_path_name((enum lb_path)j)) != 0);
	}
}

/* Is `-> OUTCOME REASON` a line that the parser reads? */
static bool is_read(const char *outcome, const char *reason)
{
	char text[128];
	struct program p;
	struct text_error error;
	int length =
		snprintf(text, sizeof(text), "lostbuddy 1\ncheck() -> %s %s\n", outcome, reason);

	program_init(&p);
	bool read = program_parse(&p, text, (size_t)length, &error);

	program_free(&p);
	return read;
}

/* The language has its own table of these words, since it must not know of targets. */
TEST(every_answer_can_be_read_back)
{
	const char *null = lb_outcome_name(LB_NULL), *refused = lb_outcome_name(LB_REFUSED);

	for (int i = 0; i < LB_OUTCOME_COUNT; i++)
		if (i != LB_BLOCK) /* that is `pfn N` */
			EXPECT(is_read(lb_outcome_name((enum lb_outcome)i), ""));
	for (int i = 0; i < LB_REASON_COUNT; i++) {
		EXPECT(is_read(null, lb_reason_name((enum lb_reason)i)));
		EXPECT(is_read(refused, lb_reason_name((enum lb_reason)i)));
	}
	EXPECT(!is_read("block", ""));
	EXPECT(!is_read(null, "unknown"));
}

TEST(a_number_that_a_target_made_up_has_a_word_too)
{
	EXPECT_STR(lb_outcome_name((enum lb_outcome)LB_OUTCOME_COUNT), "unknown");
	EXPECT_STR(lb_reason_name((enum lb_reason)200), "unknown");
	EXPECT_STR(lb_path_name((enum lb_path)LB_PATH_COUNT), "unknown");
}

TEST_MAIN
