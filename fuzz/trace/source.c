/*
 * Where a recording comes from: a file or the standard input, plain or packed by xz.
 *
 * An xz file may hold several streams (pixz, cat a.xz b.xz): all of them are read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef LOSTBUDDY_HAS_LZMA
#include <lzma.h>
#endif
#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define WRITTEN_ELSEWHERE(bytes, size)                                                             \
	__msan_unpoison(bytes, size) /* liblzma is not instrumented */
#endif
#endif
#ifndef WRITTEN_ELSEWHERE
#define WRITTEN_ELSEWHERE(bytes, size) ((void)(bytes), (void)(size))
#endif

#include "trace/internal.h"

enum { CHUNK = 1 << 16 };
#define MAX_TEXT (UINT64_C(4) << 30) /* unpacked */

struct bytes {
	char *data;
	size_t size, capacity;
};

static bool append(struct bytes *b, const char *from, size_t n)
{
	if (b->size + n + 1 > b->capacity) {
		size_t capacity = b->capacity ? b->capacity * 2 : 4 * CHUNK;
		char *data = realloc(b->data, capacity);

		if (!data)
			return false;
		b->data = data;
		b->capacity = capacity;
	}
	memcpy(b->data + b->size, from, n);
	b->size += n;
	b->data[b->size] = '\0';
	return true;
}

static bool read_all(struct trace *trace, FILE *in, struct bytes *b, char error[TRACE_ERROR_SIZE])
{
	char chunk[CHUNK];
	size_t n;

	while ((n = fread(chunk, 1, sizeof(chunk), in)) > 0)
		if (!append(b, chunk, n))
			return trace_error(error, "%s: no memory for its %zu bytes", trace->path,
					   b->size);
	return !ferror(in) ||
	       trace_error(error, "%s: cannot be read: %s", trace->path, strerror(errno));
}

static bool is_xz(const struct bytes *b)
{
	static const char magic[6] = { '\xfd', '7', 'z', 'X', 'Z', '\0' };

	return b->size >= sizeof(magic) && memcmp(b->data, magic, sizeof(magic)) == 0;
}

#ifdef LOSTBUDDY_HAS_LZMA
static const char *lzma_sentence(lzma_ret code)
{
	switch (code) {
	case LZMA_BUF_ERROR:
	case LZMA_OK:
		return "the packed data ends too early: the file is cut off";
	case LZMA_MEM_ERROR:
	case LZMA_MEMLIMIT_ERROR:
		return "no memory to unpack it";
	case LZMA_FORMAT_ERROR:
		return "what follows is not xz";
	case LZMA_OPTIONS_ERROR:
		return "packed by an xz of another version";
	default:
		return "the packed data is damaged";
	}
}

static lzma_ret unpack_stream(lzma_stream *stream, struct bytes *to)
{
	char chunk[CHUNK];
	lzma_ret code = LZMA_OK;

	while (code == LZMA_OK && to->size < MAX_TEXT) {
		stream->next_out = (uint8_t *)chunk;
		stream->avail_out = sizeof(chunk);
		code = lzma_code(stream, LZMA_FINISH);

		size_t n = sizeof(chunk) - stream->avail_out;

		WRITTEN_ELSEWHERE(chunk, n);
		if (n && !append(to, chunk, n))
			return LZMA_MEM_ERROR;
		if (n == 0 && stream->avail_in == 0 && code == LZMA_OK)
			return LZMA_BUF_ERROR;
	}
	return code;
}

static bool unpack(struct trace *trace, const struct bytes *packed, struct bytes *to,
		   char error[TRACE_ERROR_SIZE])
{
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_ret code = lzma_stream_decoder(&stream, UINT64_MAX, LZMA_CONCATENATED);

	stream.next_in = (const uint8_t *)packed->data;
	stream.avail_in = packed->size;
	if (code == LZMA_OK)
		code = unpack_stream(&stream, to);

	size_t offset = packed->size - stream.avail_in;

	lzma_end(&stream);
	if (code == LZMA_OK && to->size >= MAX_TEXT)
		return trace_error(error, "%s: more than 4 GiB when unpacked", trace->path);
	return code == LZMA_STREAM_END ||
	       trace_error(error, "%s: offset 0x%zx: %s", trace->path, offset, lzma_sentence(code));
}
#else
static bool unpack(struct trace *trace, const struct bytes *packed, struct bytes *to,
		   char error[TRACE_ERROR_SIZE])
{
	(void)packed, (void)to;
	return trace_error(
		error,
		"%s: packed by xz, and this program was built without liblzma: install the "
		"package liblzma-dev and build anew (rm -r build/release), or unpack it (xz -d)",
		trace->path);
}
#endif

static bool open_and_read(struct trace *trace, struct bytes *b, char error[TRACE_ERROR_SIZE])
{
	if (strcmp(trace->path, "-") == 0)
		return read_all(trace, stdin, b, error);

	FILE *in = fopen(trace->path, "rb");

	if (!in)
		return trace_error(error, "%s: cannot be read: %s", trace->path, strerror(errno));
	bool good = read_all(trace, in, b, error);

	fclose(in);
	return good;
}

char *trace_load(struct trace *trace, size_t *size, char error[TRACE_ERROR_SIZE])
{
	struct bytes plain = { 0 }, unpacked = { 0 };

	if (!open_and_read(trace, &plain, error)) {
		free(plain.data);
		return NULL;
	}
	trace->xz = is_xz(&plain);
	if (trace->xz) {
		bool good = unpack(trace, &plain, &unpacked, error);

		free(plain.data);
		if (!good) {
			free(unpacked.data);
			return NULL;
		}
		plain = unpacked;
	}
	if (!plain.data)
		trace_error(error, "%s: empty: a recording has at least one event", trace->path);
	*size = plain.size;
	return plain.data;
}
