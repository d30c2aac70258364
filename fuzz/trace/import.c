/*
 * A recording as a program: who was handed out a block asks for one, who gave it back frees it.
 *
 *   mm_page_alloc pfn order gfp     p7 = alloc_pages(order, gfp) @cpu/context  frames are p7's
 *   mm_page_free pfn order          __free_pages(p7)                           and nobody's again
 *   ... of a part, p7 not compound  p8..p15 = split_page(p7), once; then __free_pages of each page
 *   ... of a part, p7 compound      nothing, until the last part came: __free_pages(p7)
 *
 * A recording that is whole does not contradict itself (trace_check() is asked first). One in which
 * events were lost may hand out a block whose free was lost: then it is freed here, before.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "trace/internal.h"

enum { GFP_COMP = 0x40000, SECTION = 32768 };

const char *const trace_unmapped_sentences[TRACE_UNMAPPED] = {
	[TRACE_FREE_UNKNOWN] = "frees of blocks whose allocation was not recorded: no operation",
	[TRACE_FREE_SILENT] = "frees of pages that came to be held without an event: no operation",
	[TRACE_FREE_PART] =
		"frees of a part of a compound block: the whole is freed when its last part is",
	[TRACE_IN_NMI] = "events from an NMI: operations as if from an interrupt",
};

/* A block that was handed out. */
struct block {
	uint64_t pfn;
	uint32_t handle, first_piece; /* of split_page; 0: it was not split */
	uint32_t left;		      /* pages that were not given back */
	uint8_t order;
	bool compound;
};

struct importer {
	const struct trace *trace;
	struct program *program;
	struct trace_imported *out;
	/* event: block + 1 that the frame is of, 0: none; info: event + 1 that gave it back last */
	struct trace_frames *frames;
	struct block *blocks; /* one for each allocation, in their order */
	uint32_t nr_blocks, index, forgotten;
	uint64_t held; /* pages */
	char *error;
};

static const struct trace_event *event_of(const struct importer *im)
{
	return &im->trace->events[im->index];
}

static void unmapped(struct importer *im, enum trace_unmapped why)
{
	if (im->out->unmapped[why]++ == 0)
		im->out->first_unmapped[why] = im->index;
}

/* ---- operations ---- */

static bool append(struct importer *im, struct op *op)
{
	const struct trace_event *event = event_of(im);

	op->cpu = (uint8_t)event->cpu;
	op->level = event->level == LEVEL_NMI ? LEVEL_IRQ : event->level;
	if (program_append(im->program, op))
		return true;
	if (im->program->nr_ops >= PROGRAM_MAX_OPS ||
	    im->program->nr_handles + 1024 >= PROGRAM_MAX_HANDLES)
		return trace_error_at(
			im->trace, event->place, im->error,
			"a program holds at most %d operations and handles, and there are "
			"more; import a part of the recording",
			PROGRAM_MAX_OPS);
	return trace_error_at(im->trace, event->place, im->error,
			      "no memory for operation %" PRIu32, im->program->nr_ops);
}

static bool append_free(struct importer *im, uint32_t handle)
{
	struct op op = { .code = OP_FREE_PAGES_STRUCT, .handle = handle };

	return append(im, &op);
}

static bool append_split(struct importer *im, struct block *block)
{
	struct op op = { .code = OP_SPLIT_PAGE, .handle = block->handle };

	block->first_piece = im->program->nr_handles;
	im->out->splits++;
	return append(im, &op);
}

/* ---- whose frames ---- */

static struct trace_frame *frame_at(struct importer *im, uint64_t pfn)
{
	struct trace_frame *frame = trace_frame(im->frames, pfn);

	if (!frame)
		trace_error(im->error, "%s: no memory for its frames", im->trace->path);
	return frame;
}

static struct block *block_of(struct importer *im, const struct trace_frame *frame)
{
	return frame->event ? &im->blocks[frame->event - 1] : NULL;
}

static void leave(struct importer *im, struct block *block, struct trace_frame *frame)
{
	frame->event = 0;
	block->left--;
	im->held--;
}

/* Pages [pfn, pfn + pages) of a block come back. */
static bool give_back(struct importer *im, struct block *block, uint64_t pfn, uint64_t pages)
{
	for (uint64_t at = pfn; at < pfn + pages; at++) {
		struct trace_frame *frame = frame_at(im, at);

		if (!frame)
			return false;
		if (block_of(im, frame) != block)
			continue;
		leave(im, block, frame);
		if (block->first_piece &&
		    !append_free(im, block->first_piece + (uint32_t)(at - block->pfn)))
			return false;
	}
	if (block->left > 0)
		return true;
	im->out->freed++;
	return block->first_piece || append_free(im, block->handle);
}

/* Events were lost: whoever held these pages must have given them back. */
static bool assume_given_back(struct importer *im, uint64_t pfn, uint64_t pages)
{
	for (uint64_t at = pfn; at < pfn + pages; at++) {
		struct trace_frame *frame = frame_at(im, at);
		struct block *block = frame ? block_of(im, frame) : NULL;

		if (!frame)
			return false;
		if (!block)
			continue;
		im->out->assumed++;
		if (!give_back(im, block, block->pfn, UINT64_C(1) << block->order))
			return false;
	}
	return true;
}

/* ---- events ---- */

static bool import_failed(struct importer *im, uint32_t handle)
{
	im->out->failed++;
	return append_free(im, handle);
}

static bool take_frames(struct importer *im, const struct block *block)
{
	for (uint64_t pfn = block->pfn; pfn < block->pfn + block->left; pfn++) {
		struct trace_frame *frame = frame_at(im, pfn);

		if (!frame)
			return false;
		frame->event = (uint32_t)(block - im->blocks) + 1;
		frame->info = 0;
	}
	im->held += block->left;
	if (im->held > im->out->peak_pages)
		im->out->peak_pages = im->held;
	return true;
}

static bool import_alloc(struct importer *im)
{
	const struct trace_event *event = event_of(im);
	uint64_t pages = UINT64_C(1) << event->order;
	struct block *block = &im->blocks[im->nr_blocks];
	struct op op = {
		.code = OP_ALLOC_PAGES, .order = event->order, .gfp = event->gfp, .node = NODE_NONE
	};

	if (event->pfn != TRACE_NO_PFN && !assume_given_back(im, event->pfn, pages))
		return false;
	*block = (struct block){ .pfn = event->pfn,
				 .handle = im->program->nr_handles,
				 .left = (uint32_t)pages,
				 .order = event->order,
				 .compound = event->order > 0 && event->gfp & GFP_COMP };
	im->nr_blocks++;
	im->out->allocations++;
	im->out->by_order[event->order]++;
	im->out->pages += pages;
	if (!append(im, &op))
		return false;
	return event->pfn == TRACE_NO_PFN ? import_failed(im, block->handle)
					  : take_frames(im, block);
}

/* No block of ours holds what is given back. */
static bool import_unknown(struct importer *im, const struct trace_frame *frame)
{
	unmapped(im, frame->info > im->forgotten ? TRACE_FREE_SILENT : TRACE_FREE_UNKNOWN);
	return true;
}

static bool import_part(struct importer *im, struct block *block)
{
	const struct trace_event *event = event_of(im);

	if (block->compound)
		unmapped(im, TRACE_FREE_PART);
	else if (!block->first_piece && !append_split(im, block))
		return false;
	return give_back(im, block, event->pfn, UINT64_C(1) << event->order);
}

static bool note_free(struct importer *im)
{
	const struct trace_event *event = event_of(im);

	for (uint64_t pfn = event->pfn; pfn < event->pfn + (UINT64_C(1) << event->order); pfn++) {
		struct trace_frame *frame = frame_at(im, pfn);

		if (!frame)
			return false;
		frame->info = im->index + 1;
	}
	return true;
}

static bool import_free(struct importer *im)
{
	const struct trace_event *event = event_of(im);
	uint64_t pages = UINT64_C(1) << event->order;
	const struct trace_frame *frame = frame_at(im, event->pfn);
	struct block *block = frame ? block_of(im, frame) : NULL;
	bool good;

	if (!frame)
		return false;
	if (block && event->order > block->order)
		good = assume_given_back(im, event->pfn, pages); /* events were lost */
	else if (!block)
		good = import_unknown(im, frame);
	else if (event->order == block->order)
		good = give_back(im, block, block->pfn, pages);
	else
		good = import_part(im, block);
	return good && note_free(im);
}

static bool import_event(struct importer *im)
{
	const struct trace_event *event = event_of(im);

	if (event->kind == TRACE_LOST)
		im->forgotten = im->index + 1;
	if (event->kind != TRACE_ALLOC && event->kind != TRACE_FREE)
		return true;
	if (event->level == LEVEL_NMI)
		unmapped(im, TRACE_IN_NMI);
	return event->kind == TRACE_ALLOC ? import_alloc(im) : import_free(im);
}

/* ---- the whole ---- */

/* The plainest machine with these CPUs and frames, laid out as a PC. */
static bool plain_machine(struct machine *m, const struct trace *trace,
			  char error[TRACE_ERROR_SIZE])
{
	uint64_t pages = (trace->max_pfn + SECTION) / SECTION * SECTION;
	struct text_error why;
	char line[256];

	snprintf(line, sizeof(line),
		 "cpus=%" PRIu32 " pages=%" PRIu64 " dma_end=4096 dma32_end=1048576 "
		 "pageblock_order=9 top_order=10 section=%d thp=on",
		 trace->nr_cpus, pages, SECTION);
	return machine_parse_line(m, line, &why) ||
	       trace_error(error, "%s: no machine for this recording: %s", trace->path, why.what);
}

static bool contradicts(const struct trace *trace, char error[TRACE_ERROR_SIZE])
{
	struct trace_checked *checked = malloc(sizeof(*checked));
	bool bad = true;

	if (!checked || !trace_check(trace, NULL, checked)) {
		trace_error(error, "%s: no memory to check it", trace->path);
	} else {
		bad = checked->nr_findings > 0;
		if (bad)
			trace_finding_print(trace, &checked->findings[0], error, TRACE_ERROR_SIZE);
	}
	free(checked);
	return bad;
}

static bool choose_machine(const struct importer *im, const struct machine *machine)
{
	struct machine *m = &im->program->machine;

	if (im->trace->nr_cpus > MACHINE_MAX_CPUS)
		return trace_error(im->error, "%s: %" PRIu32 " CPUs: a machine has at most %d",
				   im->trace->path, im->trace->nr_cpus, MACHINE_MAX_CPUS);
	if (!machine)
		return plain_machine(m, im->trace, im->error);
	*m = *machine;
	return im->trace->nr_cpus <= m->nr_cpus ||
	       trace_error(im->error,
			   "%s: events of CPU %" PRIu32 ", and the machine has %" PRIu32 " CPUs",
			   im->trace->path, im->trace->nr_cpus - 1, m->nr_cpus);
}

static bool import_all(struct importer *im)
{
	for (im->index = 0; im->index < im->trace->nr_events; im->index++)
		if (!import_event(im))
			return false;
	im->out->live = im->out->allocations - im->out->freed - im->out->failed;
	assert(im->out->allocations == im->trace->counts[TRACE_ALLOC]); /* T4 */
	return true;
}

bool trace_import(const struct trace *trace, const struct trace_import_options *options,
		  struct program *program, struct trace_imported *imported,
		  char error[TRACE_ERROR_SIZE])
{
	struct importer im = {
		.trace = trace, .program = program, .out = imported, .error = error
	};
	bool good;

	program_init(program);
	memset(imported, 0, sizeof(*imported));
	for (unsigned int why = 0; why < TRACE_UNMAPPED; why++)
		imported->first_unmapped[why] = TRACE_NOBODY;
	if (contradicts(trace, error) || !choose_machine(&im, options ? options->machine : NULL))
		return false;
	im.frames = trace_frames_create();
	im.blocks = calloc(trace->counts[TRACE_ALLOC] + 1, sizeof(*im.blocks));
	good = im.frames && im.blocks ? import_all(&im)
				      : trace_error(error, "%s: no memory", trace->path);
	trace_frames_destroy(im.frames);
	free(im.blocks);
	return good;
}
