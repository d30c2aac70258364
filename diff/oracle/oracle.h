/*
 * The oracle: says of every operation what may happen, and why. Slow and plain on purpose.
 *
 * Two models behind one face, both arrays and loops, written from LINUX-FACTS alone:
 *
 *   audit    stateless beside the set of live blocks: what must hold of any allocator, any buddy system
 *   shadow   stateful: ordered lists, counters, types; predicts every result of a Linux-like target
 *
 *   oracle_boot ---> oracle_before/after each operation ---> oracle_compare at checks ---> oracle_finish
 *        ^                                                        |
 *        +------------------- oracle_rewind ----------------------+
 *
 * Rules stand in rules.def: each has an id, a level, a sentence and a source. A verdict names the first rule that was
 * broken. A rule counts as exercised only when its premise held.
 *
 * Never includes a header of core/. What it is told: the machine, calls and results, exported state.
 */
#ifndef LOSTBUDDY_ORACLE_H
#define LOSTBUDDY_ORACLE_H

#include "target/target.h"

enum rule_level { LEVEL_CONTRACT, LEVEL_BUDDY, LEVEL_POLICY, LEVEL_EXACT };

enum rule {
#define RULE(NAME, id, level, sentence, source) RULE_##NAME,
#include "oracle/rules.def"
#undef RULE
	RULE_COUNT
};

struct rule_info {
	const char *id;		/* "buddy.unmerged" */
	enum rule_level level;
	const char *sentence;	/* what must hold */
	const char *source;	/* "facts 6" */
};
extern const struct rule_info rule_info[RULE_COUNT];

/* What was wrong, as data. */
struct verdict {
	bool broken;
	enum rule rule;
	char field[48];		/* first differing field: "pfn", "zone[0:DMA32].free", "list[0:DMA:3:M][2]" */
	uint64_t expect, actual;
	bool has_values;	/* expect and actual mean something */
	uint64_t pfn;		/* where, UINT64_MAX: nowhere in particular */
	uint64_t other_pfn;	/* contract.overlap: where the live block begins that is in the way */
	char what[256];		/* a sentence for people */
};

struct oracle;

/*
 * oracle_create - models for a machine, at the levels that a target's flags and its export allow: contract always;
 * buddy as LB_TARGET_BUDDY, _EAGER_MERGE and _CACHES say, and on exported states; policy and exact with LB_TARGET_LINUX
 * and an export.
 * @flags: enum lb_target_flags of the target; @capabilities: its operations, which set no level: one that it lacks is
 * never stepped; @exports: it has export_state.
 * Returns NULL without memory only.
 */
struct oracle *oracle_create(const struct machine *machine, uint32_t flags, uint64_t capabilities, bool exports);
void oracle_destroy(struct oracle *o);

/*
 * oracle_well_formed - is an exported state a sequence of sections that ends, with section END, where its size says?
 * Asked of every state before it is given to any function below: they follow the lengths in it.
 * @size: words that the target wrote.
 */
bool oracle_well_formed(struct oracle *o, const uint64_t *state, size_t size, struct verdict *v);

/*
 * oracle_boot - the target has just been created: check its exported boot state and start from it.
 * Only the reserved ranges are taken over; zones, marks, reserves, page list sizes, types, free lists in order are derived
 * from the machine and compared. state = NULL: the target exports nothing.
 */
bool oracle_boot(struct oracle *o, const uint64_t *state, struct verdict *v);

/* Back to the state after oracle_boot, for a target that was reset. Costs no more than copying the model. */
void oracle_rewind(struct oracle *o);

/*
 * oracle_step - an operation was carried out: is its result right?
 * @frames: what lb_target.results gave for a bulk allocation (PROGRAM_MAX_COUNT entries); NULL for everything else.
 * Updates both models. All functions return true when nothing is wrong; else *v says what.
 */
bool oracle_step(struct oracle *o, const struct lb_call *call, const struct lb_result *actual, const uint64_t *frames,
		 struct verdict *v);

/* The whole exported state against both models: every list in order, every counter, every type, every frame accounted for. */
bool oracle_compare(struct oracle *o, const uint64_t *state, struct verdict *v);

/* Start anew from an exported state (compare first: adopting must never hide a difference). Live blocks are kept. */
bool oracle_adopt(struct oracle *o, const uint64_t *state, struct verdict *v);

/*
 * oracle_finish - everything was freed and drained: nothing may be missing but the ledger (declared leaks).
 * state may be NULL.
 */
bool oracle_finish(struct oracle *o, const uint64_t *state, struct verdict *v);

/* Rules that the judge decides itself (contents) use the same table and counters. */
bool oracle_rule(struct oracle *o, enum rule rule, bool holds);

/* exercised[rule]: how often a rule was compared with its premise true, since create. */
const uint64_t *oracle_exercised(const struct oracle *o);

/*
 * What both models know beside what the target exports, and what their next answers depend on, as words: losses declared,
 * live blocks (first frame, order, references, compound), live fragments, frames handed out before where those count.
 * Two oracles on one machine whose words and whose targets' exports are equal answer alike from then on. As
 * export_state of a target.
 */
size_t oracle_memory(const struct oracle *o, uint64_t *words, size_t capacity);

/* The oracle's own picture, for explain: free lists and page lists as text. As snprintf. */
size_t oracle_print(const struct oracle *o, char *buffer, size_t size);

/* The shadow's state in the export format (for explain side by side and for tests). As export_state of a target. */
size_t oracle_export(const struct oracle *o, uint64_t *words, size_t capacity);

#endif
