/*
 * The table of rules, as data. The audit's and the shadow's rules stand in their own .def files.
 */
#include "oracle/oracle.h"

const struct rule_info rule_info[RULE_COUNT] = {
#define RULE(NAME, id, level, sentence, source) [RULE_##NAME] = { id, level, sentence, source },
#include "oracle/rules.def"
#undef RULE
};
