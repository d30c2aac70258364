/*
 * The libFuzzer engine: fuzz_pages is the engine and the target in one process, which ends at the
 * first artifact and leaves it in DIR/libfuzzer.last. See session.h.
 */
#include "campaign/session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

static void become_libfuzzer(struct session *s, const void *argument)
{
	char seed[32], runs[48], time[48], length[32], timeout[32], artifact[PATH_MAX + 32];
	char *const argv[] = { (char *)s->options->fuzz_pages,
			       s->corpus,
			       seed,
			       runs,
			       time,
			       length,
			       timeout,
			       artifact,
			       "-len_control=0",
			       "-detect_leaks=0",
			       "-print_final_stats=1",
			       NULL };

	(void)argument;
	snprintf(seed, sizeof(seed), "-seed=%" PRIu32, session_seed(s));
	snprintf(runs, sizeof(runs), "-runs=%" PRId64,
		 s->options->runs ? (int64_t)(s->options->runs - s->summary->programs) : -1);
	snprintf(time, sizeof(time), "-max_total_time=%.0f",
		 s->options->seconds > 0 ? session_seconds_left(s) + 1 : 0);
	snprintf(length, sizeof(length), "-max_len=%d", MAX_INPUT_BYTES);
	snprintf(timeout, sizeof(timeout), "-timeout=%d", INPUT_SECONDS);
	snprintf(artifact, sizeof(artifact), "-exact_artifact_path=%s", s->artifact);
	setenv("ASAN_OPTIONS", "dedup_token_length=3:detect_leaks=0", 0);
	execv(s->options->fuzz_pages, argv);
}

static const char *missing(const struct campaign_options *options)
{
	if (!options->fuzz_pages)
		return "there is no fuzz_pages: install clang-19 and libclang-rt-19-dev, then run "
		       "cmake --preset libfuzzer && cmake --build --preset libfuzzer";
	return NULL;
}

static bool before(struct session *s)
{
	unlink(s->artifact);
	return true;
}

static enum collected collect(struct session *s, int status)
{
	if (access(s->artifact, R_OK) != 0)
		return COLLECTED_NOTHING;
	if (!session_report(s, s->artifact, status))
		return COLLECTED_NO_MORE; /* the artifact stays */
	unlink(s->artifact);
	return COLLECTED_SOME;
}

void campaign_run_libfuzzer(const struct campaign_options *options, struct findings *f,
			    struct campaign_summary *summary)
{
	const struct engine engine = {
		.name = "libfuzzer",
		.missing = missing,
		.before = before,
		.child = { .become = become_libfuzzer },
		.collect = collect,
	};

	session_campaign(&engine, options, f, summary);
}
