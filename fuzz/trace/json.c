/* The reports for programs: one JSON object each, keys as in trace.h. */
#include <jansson.h>

#include "trace/internal.h"

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static void set(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, number(value));
}

static json_t *place(const struct trace *trace, uint32_t event)
{
	return event == TRACE_NOBODY ? json_null() : number(trace->events[event].place);
}

static json_t *events(const struct trace *trace)
{
	json_t *counts = json_object();

	for (unsigned int kind = 0; kind < TRACE_LOST; kind++)
		set(counts, trace_kind_names[kind], trace->counts[kind]);
	return counts;
}

static json_t *others(const struct trace *trace)
{
	json_t *counts = json_object();

	for (unsigned int i = 0; i < trace->nr_others; i++)
		set(counts, trace->others[i].name, trace->others[i].count);
	return counts;
}

/* What all three begin with. Paths and names may be no UTF-8: then they are null. */
static json_t *begin(const struct trace *trace)
{
	json_t *report = json_object(), *path = json_string(trace->path);

	json_object_set_new(report, "recording", path ? path : json_null());
	json_object_set_new(report, "form", json_string(trace_form_names[trace->form]));
	json_object_set_new(report, "xz", json_boolean(trace->xz));
	set(report, "cpus", trace->nr_cpus);
	set(report, "begin_ns", trace->events[0].time);
	set(report, "end_ns", trace->events[trace->nr_events - 1].time);
	json_object_set_new(report, "events", events(trace));
	json_object_set_new(report, "not_read", others(trace));
	set(report, "lost_places", trace->counts[TRACE_LOST]);
	set(report, "lost_events", trace->lost_events);
	set(report, "lines", trace->nr_lines);
	set(report, "lines_no_events", trace->nr_no_events);
	return report;
}

static bool finish(json_t *report, FILE *out)
{
	bool good =
		report && json_dumpf(report, out, JSON_INDENT(2)) == 0 && fputc('\n', out) != EOF;

	json_decref(report);
	return good;
}

static json_t *orders(const uint64_t values[TRACE_ORDERS])
{
	json_t *list = json_array();

	for (unsigned int order = 0; order < TRACE_ORDERS; order++)
		json_array_append_new(list, number(values[order]));
	return list;
}

static json_t *unmapped(const struct trace *trace, const struct trace_imported *imported)
{
	static const char *const keys[TRACE_UNMAPPED] = { "free_unknown", "free_silent",
							  "free_part", "in_nmi" };
	json_t *list = json_object();

	for (unsigned int why = 0; why < TRACE_UNMAPPED; why++) {
		json_t *entry = json_object();

		set(entry, "count", imported->unmapped[why]);
		json_object_set_new(entry, "first", place(trace, imported->first_unmapped[why]));
		json_object_set_new(entry, "why", json_string(trace_unmapped_sentences[why]));
		json_object_set_new(list, keys[why], entry);
	}
	return list;
}

bool trace_json_imported(const struct trace *trace, const struct trace_imported *imported,
			 FILE *out)
{
	json_t *report = begin(trace);

	set(report, "allocations", imported->allocations);
	set(report, "pages", imported->pages);
	set(report, "failed", imported->failed);
	set(report, "freed", imported->freed);
	set(report, "live", imported->live);
	set(report, "splits", imported->splits);
	set(report, "assumed_frees", imported->assumed);
	set(report, "peak_pages", imported->peak_pages);
	json_object_set_new(report, "by_order", orders(imported->by_order));
	json_object_set_new(report, "unmapped", unmapped(trace, imported));
	return finish(report, out);
}

static json_t *finding(const struct trace *trace, const struct trace_finding *f)
{
	char sentence[TRACE_ERROR_SIZE];
	json_t *entry = json_object();

	trace_finding_print(trace, f, sentence, sizeof(sentence));
	json_object_set_new(entry, "rule", json_string(trace_rule_names[f->rule]));
	set(entry, "pfn", f->pfn);
	json_object_set_new(entry, "at", place(trace, f->event));
	json_object_set_new(entry, "other", place(trace, f->other));
	json_object_set_new(entry, "what", json_string(sentence));
	return entry;
}

bool trace_json_checked(const struct trace *trace, const struct trace_checked *checked, FILE *out)
{
	json_t *report = begin(trace), *rules = json_object(), *findings = json_array();

	for (unsigned int rule = 0; rule < TRACE_RULES; rule++) {
		json_t *entry = json_object();

		set(entry, "asked", checked->asked[rule]);
		set(entry, "findings", checked->by_rule[rule]);
		json_object_set_new(rules, trace_rule_names[rule], entry);
	}
	for (uint32_t i = 0; i < checked->nr_findings && i < TRACE_MAX_FINDINGS; i++)
		json_array_append_new(findings, finding(trace, &checked->findings[i]));
	json_object_set_new(report, "rules", rules);
	set(report, "nr_findings", checked->nr_findings);
	json_object_set_new(report, "findings", findings);
	set(report, "unknown_frees", checked->unknown_frees);
	set(report, "silent_frees", checked->silent);
	set(report, "remote_drains", checked->remote_drains);
	set(report, "held", checked->held);
	return finish(report, out);
}

static json_t *indices(const int32_t values[TRACE_ORDERS])
{
	json_t *list = json_array();

	for (unsigned int order = 0; order < TRACE_ORDERS; order++)
		json_array_append_new(list, json_integer(values[order]));
	return list;
}

static json_t *zones(const struct trace_sample *s)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < s->nr_zones; i++) {
		const struct trace_zone_sample *zone = &s->zones[i];
		json_t *entry = json_object();

		set(entry, "node", zone->node);
		set(entry, "zone", zone->zone);
		set(entry, "free", zone->free);
		json_object_set_new(entry, "fragmentation", indices(zone->fragmentation));
		json_object_set_new(entry, "unusable", indices(zone->unusable));
		json_array_append_new(list, entry);
	}
	return list;
}

static json_t *sample(const struct trace_sample *s)
{
	json_t *entry = json_object(), *steals = json_object();

	set(entry, "operations", s->operations);
	set(entry, "time_ns", s->time);
	set(entry, "free", s->free);
	set(entry, "held", s->held);
	set(entry, "failures", s->failures);
	set(entry, "unexpected_failures", s->unexpected);
	set(steals, "page", s->steals.page);
	set(steals, "move", s->steals.move);
	set(steals, "claim", s->steals.claim);
	set(steals, "whole", s->steals.whole);
	json_object_set_new(entry, "steals", steals);
	set(entry, "slowpath", s->slowpath);
	set(entry, "kswapd_wakes", s->kswapd);
	json_object_set_new(entry, "zones", zones(s));
	return entry;
}

bool trace_json_replayed(const struct trace *trace, const struct program *program,
			 const struct trace_replayed *replayed, FILE *out)
{
	json_t *report = begin(trace), *samples = json_array();

	for (size_t i = 0; i < replayed->nr_samples; i++)
		json_array_append_new(samples, sample(&replayed->samples[i]));
	set(report, "operations", program->nr_ops);
	set(report, "same_frames", replayed->same_frames);
	set(report, "recorded_steals", replayed->recorded_steals);
	json_object_set_new(report, "samples", samples);
	return finish(report, out);
}
