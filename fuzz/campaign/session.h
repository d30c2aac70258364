/*
 * Engines that are children: what libFuzzer and AFL++ share. The engine's program runs until it
 * finds something or its time is over, what it found is reported, and it is started again.
 *
 *	DIR/corpus/          what engines keep, of all engines; begun with programs of the
 *	                     generator and those of corpus/
 *	DIR/ENGINE.log       what the child said, last session
 *	DIR/ENGINE.known     signatures the child no longer stops at
 *	DIR/ENGINE.stats     what it counts (pages_stats.h)
 *	DIR/ENGINE.last      libFuzzer's artifact of the session, until it is judged here
 *
 * Invariants:
 *   L1  the child never outlives this process's interest: it is asked to end, then ended;
 *   L2  an artifact is reported before the next session starts, by the judge's signature when
 *       the judge sees the fault, else by what the sanitizer called it.
 *
 * Not here: how an engine is started and where it leaves what it found (libfuzzer.c, afl.c).
 */
#ifndef LOSTBUDDY_CAMPAIGN_SESSION_H
#define LOSTBUDDY_CAMPAIGN_SESSION_H

#include <limits.h>

#include "campaign/campaign.h"
#include "targets/pages_stats.h"

enum {
	MAX_INPUT_BYTES = 4096, /* bytes: some 400 operations */
	INPUT_SECONDS = 10,	/* a program that takes longer hangs */
	SESSION_NO_CHILD = -1,	/* no status of wait() is negative */
};

struct session {
	const struct engine *engine;
	const struct campaign_options *options;
	struct findings *findings;
	struct campaign_summary *summary;
	struct progress progress;
	struct pages_stats *stats;
	char corpus[PATH_MAX], log[PATH_MAX], known[PATH_MAX], artifact[PATH_MAX],
		stats_path[PATH_MAX];
	char known_name[32];
	double start;
	uint64_t number; /* of the session, from 1 */
	uint64_t begun;	 /* inputs of the last child */
	unsigned int barren;
	/* AFL++'s own: see afl.c. */
	uint64_t next_entry; /* of its queue: those before are in the corpus */
	uint64_t last_begun; /* inputs begun, when last looked at */
	double last_seen;    /* when that was, or the queue was copied */
};

struct engine_child {
	/* In the child, whose output goes to the log: becomes the program; returns if it cannot. */
	void (*become)(struct session *s, const void *argument);
	const void *argument;
	/* While it runs, many times a second; true: it shall end. May be NULL. */
	bool (*tend)(struct session *s);
	/* The target runs in processes that it does not wait for: they tell their CPU time. */
	bool unawaited;
};

enum collected { COLLECTED_NOTHING, COLLECTED_SOME, COLLECTED_NO_MORE /* given up */ };

/* Functions that return false have called session_give_up(). */
struct engine {
	const char *name;
	/* What it cannot do without, as a sentence that says how to get it; NULL: all is there. */
	const char *(*missing)(const struct campaign_options *options);
	bool (*before)(struct session *s); /* each session */
	struct engine_child child;
	enum collected (*collect)(struct session *s, int status);
};

/* The campaign of an engine, from the canaries to the summary. */
void session_campaign(const struct engine *engine, const struct campaign_options *options,
		      struct findings *f, struct campaign_summary *summary);

/* Ends the campaign, with the reason for the summary. Returns false. */
bool session_give_up(struct session *s, enum campaign_end end, const char *why);

/* Time, runs and signals allow another child. False: given up. */
bool session_may_go_on(struct session *s);
bool session_interrupted(const struct session *s);
double session_seconds_left(const struct session *s);

/* Another number for each session of a campaign; never 0, which engines take for "any". */
uint32_t session_seed(const struct session *s);

/* Whatever has been found already, by every name it was found under: to DIR/ENGINE.known. */
bool session_write_known(struct session *s, char why[512]);

/*
 * Runs a child to its end and adds its counts to the summary. Returns its wait status, or
 * SESSION_NO_CHILD (given up).
 */
int session_run_child(struct session *s, const struct engine_child *child);

/*
 * session_report - the input in a file made a child end with this status, and its log is in place.
 * Returns false iff the campaign ends (given up); an input that cannot be decoded for lack of
 * memory does that too. A file that is not there is none: true.
 */
bool session_report(struct session *s, const char *path, int status);

/* The whole of a file in memory of its own; NULL if it cannot be read. */
char *session_read(const char *path, size_t *size);

#endif
