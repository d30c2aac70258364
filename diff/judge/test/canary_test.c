#include "test.h"

#include "judge/canary.h"

TEST(every_canary_is_found)
{
	char report[4096];

	if (!EXPECT(canary_run(report, sizeof(report))))
		fprintf(stderr, "%s", report);
	EXPECT(strstr(report, "canaries as expected"));
}

TEST(a_report_is_cut_to_its_size)
{
	char report[8];

	memset(report, 'x', sizeof(report));
	EXPECT(canary_run(report, sizeof(report)));
	EXPECT_EQ(strlen(report), sizeof(report) - 1);
	EXPECT(canary_run(NULL, 0));
}

TEST_MAIN
