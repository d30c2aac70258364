/* What a recording holds, and what was found in it: for people. */
#include <inttypes.h>

#include "trace/internal.h"

static const char *const zone_words[MACHINE_NR_ZONES] = { "DMA", "DMA32", "Normal", "Movable" };

static double seconds(const struct trace *trace)
{
	uint64_t first = trace->events[0].time, last = trace->events[trace->nr_events - 1].time;

	return (double)(last - first) / 1e9;
}

static void print_events(const struct trace *trace, FILE *out)
{
	fprintf(out, "%s: %s%s, %" PRIu32 " CPUs, %.6f s\n", trace->path,
		trace_form_names[trace->form], trace->xz ? " (xz)" : "", trace->nr_cpus,
		seconds(trace));
	for (unsigned int kind = 0; kind < TRACE_LOST; kind++)
		if (trace->counts[kind])
			fprintf(out, "  %9" PRIu64 "  %s\n", trace->counts[kind],
				trace_kind_names[kind]);
	for (unsigned int i = 0; i < trace->nr_others; i++)
		fprintf(out, "  %9" PRIu64 "  %s: not read\n", trace->others[i].count,
			trace->others[i].name);
	if (trace->counts[TRACE_LOST])
		fprintf(out,
			"  %9" PRIu64 "  places where events were lost (at least %" PRIu64
			" events)\n",
			trace->counts[TRACE_LOST], trace->lost_events);
	if (trace->nr_no_events)
		fprintf(out, "  %9" PRIu64 "  lines that are no events\n", trace->nr_no_events);
}

static void print_first(const struct trace *trace, uint32_t event, FILE *out)
{
	char place[256];

	trace_place(trace, event, place, sizeof(place));
	fprintf(out, " (first: %s)\n", place);
}

void trace_print_imported(const struct trace *trace, const struct trace_imported *imported,
			  FILE *out)
{
	print_events(trace, out);
	fprintf(out,
		"allocations  %" PRIu64 " of %" PRIu64 " pages, %" PRIu64 " of them failed\n"
		"  given back %" PRIu64 "\n"
		"  live       %" PRIu64 "\n"
		"  most pages held at once %" PRIu64 "\n",
		imported->allocations, imported->pages, imported->failed, imported->freed,
		imported->live, imported->peak_pages);
	fprintf(out, "  by order  ");
	for (unsigned int order = 0; order < TRACE_ORDERS; order++)
		fprintf(out, " %" PRIu64, imported->by_order[order]);
	fprintf(out, "\n");
	if (imported->splits)
		fprintf(out, "split        %" PRIu64 " blocks that came back in parts\n",
			imported->splits);
	if (imported->assumed)
		fprintf(out, "assumed      %" PRIu64 " frees among the lost events\n",
			imported->assumed);
	for (unsigned int why = 0; why < TRACE_UNMAPPED; why++) {
		if (!imported->unmapped[why])
			continue;
		fprintf(out, "unmapped     %" PRIu64 " %s", imported->unmapped[why],
			trace_unmapped_sentences[why]);
		print_first(trace, imported->first_unmapped[why], out);
	}
}

void trace_print_checked(const struct trace *trace, const struct trace_checked *checked, FILE *out)
{
	char sentence[TRACE_ERROR_SIZE];
	uint32_t shown = checked->nr_findings < TRACE_MAX_FINDINGS ? checked->nr_findings
								   : TRACE_MAX_FINDINGS;

	print_events(trace, out);
	fprintf(out, "\n%-22s %9s %9s  what holds\n", "rule", "asked", "findings");
	for (unsigned int rule = 0; rule < TRACE_RULES; rule++)
		fprintf(out, "%-22s %9" PRIu64 " %9" PRIu64 "  %s\n", trace_rule_names[rule],
			checked->asked[rule], checked->by_rule[rule], trace_rule_sentences[rule]);
	fprintf(out,
		"\n%" PRIu64 " frees of blocks of which nothing is known\n"
		"%" PRIu64 " frees of single pages that had been handed out without an event\n"
		"%" PRIu64 " pages drained by another CPU than the one that freed them\n"
		"%" PRIu64 " pages held at the end\n",
		checked->unknown_frees, checked->silent, checked->remote_drains, checked->held);
	for (uint32_t i = 0; i < shown; i++) {
		trace_finding_print(trace, &checked->findings[i], sentence, sizeof(sentence));
		fprintf(out, "%sfinding: %s\n", i ? "" : "\n", sentence);
	}
	if (checked->nr_findings > shown)
		fprintf(out, "and %" PRIu32 " findings more\n", checked->nr_findings - shown);
}

/* ---- replay ---- */

static void print_sample(const struct trace *trace, const struct trace_sample *s, FILE *out)
{
	double at = s->time ? (double)(s->time - trace->events[0].time) / 1e9 : 0;

	fprintf(out,
		"%10" PRIu32 " %10.6f %10" PRIu64 " %10" PRIu64 " %8" PRIu64 " %6" PRIu64
		" %6" PRIu64 " %6" PRIu64 " %6" PRIu64 " %8" PRIu64 " %7" PRIu64 "\n",
		s->operations, at, s->free, s->held, s->failures, s->steals.page, s->steals.move,
		s->steals.claim, s->steals.whole, s->slowpath, s->kswapd);
}

static void print_row(const char *what, const int32_t values[TRACE_ORDERS], FILE *out)
{
	fprintf(out, "    %-13s", what);
	for (unsigned int order = 0; order < TRACE_ORDERS; order++)
		fprintf(out, " %6.3f", values[order] / 1000.0);
	fprintf(out, "\n");
}

static void print_zones(const struct trace_sample *s, const char *when, FILE *out)
{
	fprintf(out, "\n%s, by order 0 .. %d:\n", when, TRACE_MAX_ORDER);
	for (unsigned int i = 0; i < s->nr_zones; i++) {
		const struct trace_zone_sample *zone = &s->zones[i];

		fprintf(out, "  node %" PRIu32 " %s, %" PRIu64 " pages free\n", zone->node,
			zone_words[zone->zone], zone->free);
		print_row("fragmentation", zone->fragmentation, out);
		print_row("unusable", zone->unusable, out);
	}
}

void trace_print_replayed(const struct trace *trace, const struct program *program,
			  const struct trace_replayed *replayed, FILE *out)
{
	const struct trace_sample *last = &replayed->samples[replayed->nr_samples - 1];

	fprintf(out, "%10s %10s %10s %10s %8s %6s %6s %6s %6s %8s %7s\n", "operations", "seconds",
		"free", "held", "failures", "page", "move", "claim", "whole", "slowpath", "kswapd");
	for (size_t i = 0; i < replayed->nr_samples; i++)
		print_sample(trace, &replayed->samples[i], out);
	print_zones(&replayed->samples[0], "at the start", out);
	print_zones(last, "at the end", out);
	fprintf(out,
		"\nfree, held: pages; page .. whole: steals from another migratetype, by kind "
		"(the recording has %" PRIu64 ");\n"
		"fragmentation -1: a block of the order is there; 0: memory is short, 1: it is in "
		"pieces\n"
		"%" PRIu64 " of %" PRIu64 " allocations got the frame of the recording\n",
		replayed->recorded_steals, replayed->same_frames, trace->counts[TRACE_ALLOC]);
	fprintf(out,
		"%" PRIu32 " operations, %" PRIu64 " allocations failed, %" PRIu64
		" of them unlike the recording\n",
		program->nr_ops, last->failures, last->unexpected);
}
