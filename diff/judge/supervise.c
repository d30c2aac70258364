/*
 * The judge in a worker process: for targets that may crash, hang or corrupt the process they run
 * in.
 *
 *	judge             shared memory                  worker
 *	program  ------>  machine, ops             --->  a judge of its own, with its pairs
 *	outcome  <------  progress, outcome, trace <---  runs; notes each operation beforehand
 *
 * The worker's judge is the caller's as it was at the fork, without its supervisor; it stays from
 * program to program. Whatever ends the worker, progress names the operation that was being carried
 * out.
 */
#include "judge/judge_internal.h"

#include "target/worker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum request { REQUEST_RUN, REQUEST_EXPLAIN };

enum { EXPLAIN_BYTES = 1 << 22 };

struct shared {
	uint32_t request;
	uint32_t progress;
	uint32_t nr_ops, nr_handles;
	bool wants_trace;
	struct machine machine;
	struct outcome outcome;
	uint64_t exercised[RULE_COUNT];
	uint64_t paths[LB_PATH_COUNT];
	size_t explained;
	char explain[EXPLAIN_BYTES];
	struct lb_result trace[PROGRAM_MAX_OPS];
	struct op ops[PROGRAM_MAX_OPS];
};

struct supervisor {
	struct judge *j;
	struct worker *worker;
	struct shared *shared;
};

/* In the worker. */
static void serve(void *context, void *memory)
{
	struct judge *j = context;
	struct shared *s = memory;
	const struct program p = { .machine = s->machine,
				   .nr_ops = s->nr_ops,
				   .nr_handles = s->nr_handles,
				   .ops = s->ops };

	j->supervisor = NULL;
	j->progress = &s->progress;
	j->trace = s->wants_trace ? s->trace : NULL;
	memset(j->exercised, 0, sizeof(j->exercised));
	memset(j->paths, 0, sizeof(j->paths));
	if (s->request == REQUEST_EXPLAIN)
		s->explained = explain_here(j, &p, s->explain, sizeof(s->explain));
	else
		judge_run_here(j, &p, &s->outcome);
	memcpy(s->exercised, j->exercised, sizeof(j->exercised));
	memcpy(s->paths, j->paths, sizeof(j->paths));
}

struct supervisor *supervisor_create(struct judge *j)
{
	struct supervisor *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->j = j;
	s->worker = worker_create(sizeof(struct shared), serve, j);
	if (!s->worker) {
		free(s);
		return NULL;
	}
	s->shared = worker_shared(s->worker);
	return s;
}

void supervisor_destroy(struct supervisor *s)
{
	if (!s)
		return;
	worker_destroy(s->worker);
	free(s);
}

static struct worker_report ask(struct supervisor *s, enum request request, const struct program *p,
				struct lb_result *trace)
{
	struct shared *shared = s->shared;

	assert(p->nr_ops <= PROGRAM_MAX_OPS);
	shared->request = request;
	shared->progress = AT_BOOT;
	shared->wants_trace = trace;
	shared->nr_ops = p->nr_ops;
	shared->nr_handles = p->nr_handles;
	shared->machine = p->machine;
	if (p->nr_ops > 0)
		memcpy(shared->ops, p->ops, p->nr_ops * sizeof(*p->ops));
	if (trace && p->nr_ops > 0)
		memcpy(shared->trace, trace, p->nr_ops * sizeof(*trace));
	return worker_call(s->worker, s->j->options.timeout_ms);
}

static void died(const struct program *p, const struct worker_report *report, uint32_t progress,
		 struct outcome *outcome)
{
	char how[64];

	memset(outcome, 0, sizeof(*outcome));
	worker_report_print(report, how, sizeof(how));
	outcome->kind = report->end == WORKER_HUNG   ? FINDING_HANG
			: report->end == WORKER_NONE ? FINDING_CREATE
						     : FINDING_CRASH;
	outcome->at_boot = progress == AT_BOOT;
	if (!outcome->at_boot)
		outcome->op = progress < p->nr_ops ? progress : p->nr_ops;
	outcome->verdict.pfn = NOWHERE;
	if (!outcome->at_boot && outcome->op < p->nr_ops)
		outcome->call.op = p->ops[outcome->op].code;
	snprintf(outcome->verdict.what, sizeof(outcome->verdict.what),
		 report->end == WORKER_HUNG ? "the target did not come back%s (%s)"
					    : "the target's process ended%s: %s",
		 outcome->at_boot ? " while it was created or reset" : "", how);
	outcome_sign(outcome, how);
}

void supervisor_run(struct supervisor *s, const struct program *p, struct lb_result *trace,
		    struct outcome *outcome)
{
	struct shared *shared = s->shared;
	struct worker_report report = ask(s, REQUEST_RUN, p, trace);

	if (trace && p->nr_ops > 0)
		memcpy(trace, shared->trace, p->nr_ops * sizeof(*trace));
	if (report.end != WORKER_ANSWERED) {
		died(p, &report, shared->progress, outcome);
		return;
	}
	*outcome = shared->outcome;
	for (unsigned int rule = 0; rule < RULE_COUNT; rule++)
		s->j->exercised[rule] += shared->exercised[rule];
	for (unsigned int path = 0; path < LB_PATH_COUNT; path++)
		s->j->paths[path] += shared->paths[path];
}

size_t supervisor_explain(struct supervisor *s, const struct program *p, char *buffer, size_t size)
{
	struct worker_report report = ask(s, REQUEST_EXPLAIN, p, NULL);
	size_t bytes = s->shared->explained;
	struct outcome outcome;

	if (report.end != WORKER_ANSWERED) {
		died(p, &report, s->shared->progress, &outcome);
		return explain_outcome(p, &outcome, buffer, size);
	}
	if (bytes >= sizeof(s->shared->explain)) /* cut there already */
		bytes = sizeof(s->shared->explain) - 1;
	if (size > 0) {
		size_t copied = bytes < size ? bytes : size - 1;

		memcpy(buffer, s->shared->explain, copied);
		buffer[copied] = '\0';
	}
	return bytes;
}
