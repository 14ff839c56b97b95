#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/hash.h"

#include "apply/patch/bspatch.h"
#include "apply/patch/delta_header.h"

#include "apply/patch/delta.h"

_Static_assert((int)DELTA_ID_SHOWN == (int)DELTA_ID_BYTES, "what is shown is all");

struct delta {
	struct delta_header header;
	bool has_listing;
	uint64_t built;			/* outputs so far */
	uint8_t last_method;
	uint64_t last_source;
	struct bspatch patch;
};

static const char *const method_names[METHODS] = {
	[METHOD_RAW] = "raw",
	[METHOD_COPY] = "copy",
	[METHOD_REPEAT] = "repeat",
	[METHOD_SPARSE] = "sparse",
};

static int
start(struct delta *d, int fd, uint64_t memory_limit, struct err *e)
{
	if (delta_header_read(fd, &d->header, e) == -1)
		return -1;
	if (d->header.memory > memory_limit)
		return err_set(e, ERR_ROOM,
		    "the delta needs %" PRIu64 " bytes of memory, "
		    "%" PRIu64 " are allowed", d->header.memory, memory_limit);
	for (int kind = 0; kind < DELTA_KINDS; kind++) {
		d->patch.streams[kind] = stream_open(fd, &d->header.streams[kind], e);
		if (d->patch.streams[kind] == NULL)
			return -1;
	}
	return 0;
}

struct delta *
delta_open(int fd, uint64_t memory_limit, struct err *e)
{
	struct delta *d = calloc(1, sizeof *d);

	if (d == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for a delta");
		return NULL;
	}
	if (start(d, fd, memory_limit, e) == 0)
		return d;
	delta_close(d);
	return NULL;
}

void
delta_close(struct delta *d)
{
	if (d == NULL)
		return;
	for (int kind = 0; kind < DELTA_KINDS; kind++)
		stream_close(d->patch.streams[kind]);
	free(d);
}

int
delta_listing(struct delta *d, const void *old_text, size_t old_bytes, struct buf *out,
    struct err *e)
{
	const uint8_t *text = old_text;
	struct bspatch_source from = { .fd = -1, .bytes = old_bytes };
	struct bspatch_sink to = { .buf = out };
	struct sha256 id;
	uint8_t method;

	from.text = old_bytes == 0 ? (const uint8_t *)"" : text;
	if (d->has_listing)
		return err_set(e, ERR_FAIL, "the listing was read already");
	if (sha256_of(old_text, old_bytes, &id, e) == -1)
		return -1;
	if (memcmp(id.bytes, d->header.old_id, DELTA_ID_BYTES) != 0)
		return err_set(e, ERR_TRUST, "the delta was made for another old tree");
	if (d->header.listing_bytes > out->max - out->len)
		return err_set(e, ERR_FORMAT, "a listing of %" PRIu64 " bytes",
		    d->header.listing_bytes);
	d->has_listing = true;
	if (stream_byte(d->patch.streams[DELTA_CONTROL], &method, e) == -1)
		return err_wrap(e, "listing");
	if (method == METHOD_RAW)
		return bspatch_extra(&d->patch, &to, d->header.listing_bytes, e);
	if (method != METHOD_COPY && method != METHOD_SPARSE)
		return err_set(e, ERR_FORMAT, "listing: method %u is unknown", method);
	return bspatch_blocks(&d->patch, method == METHOD_SPARSE, &from, &to,
	    d->header.listing_bytes, e);
}

static int
build_repeat(struct delta *d, const struct delta_io *io, struct err *e)
{
	if (stream_varint(d->patch.streams[DELTA_CONTROL], &d->last_source, e) == -1)
		return -1;
	if (d->last_source >= d->built)
		return err_set(e, ERR_FORMAT,
		    "a repeat of an output that is not there yet");
	return io->repeat(io->arg, d->last_source, e);
}

static int
build_from(struct delta *d, uint64_t bytes, const struct delta_io *io, struct err *e)
{
	struct bspatch_source from = { .fd = -1 };
	struct bspatch_sink to = { .io = io };

	if (stream_varint(d->patch.streams[DELTA_CONTROL], &d->last_source, e) == -1 ||
	    io->open_old(io->arg, d->last_source, &from.fd, &from.bytes, e) == -1)
		return -1;
	return bspatch_blocks(&d->patch, d->last_method == METHOD_SPARSE, &from, &to,
	    bytes, e);
}

int
delta_build(struct delta *d, uint64_t bytes, const struct delta_io *io, struct err *e)
{
	struct bspatch_sink to = { .io = io };
	int rc;

	if (!d->has_listing)
		return err_set(e, ERR_FAIL, "the listing comes first");
	if (stream_byte(d->patch.streams[DELTA_CONTROL], &d->last_method, e) == -1)
		return -1;
	switch (d->last_method) {
	case METHOD_RAW:
		rc = bspatch_extra(&d->patch, &to, bytes, e);
		break;
	case METHOD_COPY:
	case METHOD_SPARSE:
		rc = build_from(d, bytes, io, e);
		break;
	case METHOD_REPEAT:
		rc = build_repeat(d, io, e);
		break;
	default:
		rc = err_set(e, ERR_FORMAT, "method %u is unknown", d->last_method);
	}
	d->built++;
	return rc;
}

int
delta_end(struct delta *d, struct err *e)
{
	for (int kind = 0; kind < DELTA_KINDS; kind++)
		if (stream_end(d->patch.streams[kind], e) == -1)
			return -1;
	return 0;
}

uint64_t
delta_memory(const struct delta *d)
{
	return d->header.memory;
}

uint64_t
delta_scratch(const struct delta *d)
{
	return d->header.scratch;
}

uint64_t
delta_listing_bytes(const struct delta *d)
{
	return d->header.listing_bytes;
}

const uint8_t *
delta_old_id(const struct delta *d)
{
	return d->header.old_id;
}

const uint8_t *
delta_new_id(const struct delta *d)
{
	return d->header.new_id;
}

size_t
delta_streams(const struct delta *d, struct delta_stream_info *out, size_t max)
{
	static const char *const names[DELTA_KINDS] = {
		[DELTA_CONTROL] = "control", [DELTA_SEEK] = "seek", [DELTA_COPY] = "copy",
		[DELTA_FRESH] = "fresh", [DELTA_RUNS] = "runs",
		    [DELTA_CHANGES] = "changes",
		[DELTA_DIFF] = "diff", [DELTA_EXTRA] = "extra",
	};
	static const char *const codecs[DELTA_CODECS] = {
		[DELTA_STORED] = "stored", [DELTA_ZSTD] = "zstd", [DELTA_LZMA] = "lzma",
	};
	size_t n = 0;

	for (int kind = 0; kind < DELTA_KINDS && n < max; kind++) {
		const struct delta_stream *s = &d->header.streams[kind];

		if (s->there)
			out[n++] = (struct delta_stream_info){ .name = names[kind],
				.codec = codecs[s->codec], .packed_bytes = s->packed,
				.plain_bytes = s->plain,
				.used_bytes =
				    s->plain - stream_left(d->patch.streams[kind]) };
	}
	return n;
}

const char *
delta_last_method(const struct delta *d, uint64_t *source)
{
	*source = d->last_source;
	return d->last_method < METHODS ? method_names[d->last_method] : "unknown";
}
