/*
 * Carrying a program out on the core with somebody watching: the core's target with an exec of ours
 * before its own, under the judge, which resolves handles as always.
 */
#include <string.h>

#include "judge/judge.h"
#include "trace/internal.h"

/* A target has no place for data of ours; so this is the one that runs, on this thread. */
static _Thread_local const struct trace_watcher *watching;

static void *watched_create(const struct machine *machine, char *error)
{
	void *instance = core_target.create(machine, error);

	if (instance && watching && watching->begin)
		watching->begin(watching->data, instance);
	return instance;
}

static void watched_exec(void *instance, const struct lb_call *call, struct lb_result *result)
{
	if (watching && watching->before)
		watching->before(watching->data, call);
	core_target.exec(instance, call, result);
	if (watching && watching->after)
		watching->after(watching->data, call, result);
}

/* Before the judge gives back what lives. */
static void over(void *instance, void *data)
{
	(void)instance, (void)data;
	if (watching->end)
		watching->end(watching->data);
	watching = NULL;
}

bool trace_watch(const struct program *program, const struct trace_watcher *watcher,
		 char error[TRACE_ERROR_SIZE])
{
	const struct judge_options options = { .no_oracle = true };
	struct lb_target target = core_target;
	struct outcome outcome;

	target.create = watched_create;
	target.exec = watched_exec;
	struct judge *judge = judge_create(&target, &options);

	if (!judge)
		return trace_error(error, "no memory for a judge");
	watching = watcher;
	bool good = judge_look(judge, program, over, NULL, &outcome);

	watching = NULL;
	judge_destroy(judge);
	return good || trace_error(error, "%s", outcome.verdict.what);
}
