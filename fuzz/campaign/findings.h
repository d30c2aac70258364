/*
 * What a campaign has found: one entry a signature, shrunk and written once.
 *
 *	reported --> raw signature seen? --> judged again, compared after every operation
 *	         --> that signature seen? known? --> shrunk --> observed, explained
 *	         --> DIR/NAME.lb .bin .txt
 *
 * Invariants:
 *   F1  no two entries have the same signature;
 *   F2  an entry that is new has been written whole, or findings_report() has returned false;
 *   F3  what was met while shrinking another finding is reported too;
 *   F4  findings of targets with different names have files with different names.
 */
#ifndef LOSTBUDDY_CAMPAIGN_FINDINGS_H
#define LOSTBUDDY_CAMPAIGN_FINDINGS_H

#include <signal.h>
#include <stdio.h>

#include "campaign/noise.h"
#include "campaign/signatures.h"
#include "judge/judge.h"

enum {
	/* Distinct ones that are kept: a target with more has one problem, not many. */
	FINDINGS_MAX = 100,
	FINDINGS_SHRINK_RUNS = 3000,
	FINDINGS_SHRINK_HANGS = 300, /* each costs the watchdog's patience */
};

/*
 * What replay, shrink and explain compare after every operation; longer programs as judge_run
 * does by itself.
 */
enum { CAREFUL_MAX_OPS = 1 << 13 };

struct findings_options {
	const char *dir;		/* made when there is something to write */
	const char *seed, *target_name; /* for the note in the text: how it was found */
	const char *command;		/* likewise: how lostbuddy was called; NULL: lostbuddy */
	const char *how;		/* the same for finders without a seed; NULL: by the seed */
	const char *engine;		/* likewise; NULL: the one that needs not be named */
	const struct signatures *known; /* not written, not new; may be NULL */
	FILE *notes;			/* one line a finding */
	struct noise *noise;		/* what dying targets print; may be NULL */
	uint32_t shrink_runs;		/* 0: FINDINGS_SHRINK_RUNS */
	const volatile sig_atomic_t *stop; /* once set, shrinking ends with what it has; may be NULL */
	const struct machine *machine; /* the campaign's, if it has one: large ones need patience */
};

struct finding {
	char signature[192];
	char name[64];	  /* of its files, without ending */
	char *text;	  /* the program, or NULL */
	uint64_t seen;	  /* programs that showed it */
	uint64_t program; /* the first of them: its number in the campaign */
	uint32_t ops_before, ops_after;
	bool known, written;
	bool at_end;   /* it showed when everything had been given back, not at an operation */
	bool unsteady; /* it did not show when the program was run again alone */
};

/* Raw signatures that lead to an entry. */
struct finding_alias {
	char signature[192];
	size_t entry;
};

struct finding_waiting {
	struct program program;
	struct outcome outcome;
};

struct findings {
	struct findings_options options;
	/* Both in workers: the target may die of a finding. */
	struct judge *judge;   /* as the campaign judges */
	struct judge *careful; /* compares after every operation */
	struct finding *entries;
	size_t nr_entries;
	struct finding_alias *aliases;
	size_t nr_aliases;
	struct finding_waiting *waiting; /* met while shrinking */
	size_t nr_waiting;
	uint64_t current; /* number of the program that is being reported */
	char words[NOISE_WORDS]; /* what the target printed up to the program that is reported */
	char why[1024];		 /* of the last failure */
};

/* False: no memory. */
bool findings_begin(struct findings *f, const struct findings_options *options,
		    const struct lb_target *target);
void findings_end(struct findings *f);

/*
 * findings_report - a program was judged and had a finding.
 * Returns false iff it could not be written (f->why: the reason; its text has been printed to
 * notes), or no more are kept (findings_full()).
 */
bool findings_report(struct findings *f, const struct program *p, const struct outcome *outcome,
		     uint64_t number);

/* Another program with a signature that was reported before: counts it. False: it was not. */
bool findings_seen_again(struct findings *f, const char *signature);

/*
 * Two runs of one program had different digests: the finding `target.nondeterministic`. Returns
 * as above.
 */
bool findings_report_unsteady(struct findings *f, const struct program *p, uint64_t number);

/*
 * A fault that only an engine's sanitizer sees: kept as bytes with its log, under the signature
 * it was given.
 */
bool findings_report_bytes(struct findings *f, const struct program *p, const char *signature,
			   const char *log, uint64_t number);

bool findings_full(const struct findings *f);
size_t findings_new(const struct findings *f);
size_t findings_known(const struct findings *f);

/* Did two runs of the program differ in what the target did? */
bool findings_unsteady(struct judge *j, const struct program *p);

/* Texts in memory of their own; NULL without memory. */
char *text_of_program(const struct program *p, size_t *size);
uint8_t *bytes_of_program(const struct program *p, size_t *size); /* size 0: no wire form */
char *text_of_explanation(struct judge *j, const struct program *p, size_t *size);

#endif
