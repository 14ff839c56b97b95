#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/hash.h"

#include "apply/patch/bspatch.h"
#include "apply/patch/delta_header.h"
#include "apply/patch/patch_output.h"

#include "apply/patch/delta.h"

_Static_assert((int)DELTA_ID_SHOWN == (int)DELTA_ID_BYTES, "what is shown is all");

struct delta {
	struct delta_header header;
	bool has_listing;
	uint64_t built;			/* outputs so far */
	uint8_t last_method;
	uint64_t last_source, last_flags;
	struct arena arena;		/* what is declared beside the streams */
	struct kept kept;		/* in scratch space */
	struct bspatch patch;
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
	d->kept.max = d->header.scratch;
	d->arena.limit = d->header.memory - delta_header_memory(&d->header);
	for (int kind = 0; kind < DELTA_KINDS; kind++) {
		d->patch.streams[kind] = stream_open(fd, &d->header.streams[kind], e);
		if (d->patch.streams[kind] == NULL)
			return -1;
	}
	d->patch.changed = d->patch.streams[d->header.streams[DELTA_CHANGES].there ?
	    DELTA_CHANGES : DELTA_RUNS];
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
	d->kept.fd = -1;
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
	if (d->kept.fd != -1)
		(void)close(d->kept.fd);
	free(d);
}

/* ---- the listing ---- */

static int
read_text(void *arg, void *out, size_t n, uint64_t at, struct err *e)
{
	const uint8_t *text = arg;

	(void)e;
	memcpy(out, text + at, n);
	return 0;
}

static int
build_listing(struct delta *d, const void *old_text, size_t old_bytes, struct buf *out,
    struct err *e)
{
	const struct old old = { .arg = (void *)(uintptr_t)old_text, .read = read_text,
		.bytes = old_bytes };
	const struct bspatch_sink to = { .buf = out };
	struct bspatch_job job = { .old = &old, .to = &to };
	uint64_t flags;
	uint8_t method;

	if (stream_byte(d->patch.streams[DELTA_CONTROL], &method, e) == -1)
		return -1;
	if (method == METHOD_RAW)
		return bspatch_fresh(&d->patch, &to, DELTA_EXTRA, d->header.listing_bytes,
		    e);
	if (method != METHOD_PATCH)
		return err_set(e, ERR_FORMAT, "method %u is unknown", method);
	if (stream_varint(d->patch.streams[DELTA_CONTROL], &flags, e) == -1)
		return -1;
	if ((flags & ~(uint64_t)(FLAG_SPARSE | FLAG_SUBSTITUTE)) != 0 ||
	    flags == FLAG_SUBSTITUTE)
		return err_set(e, ERR_FORMAT, "flags that do not go together");
	job.sparse = (flags & FLAG_SPARSE) != 0;
	job.substitute = (flags & FLAG_SUBSTITUTE) != 0;
	return bspatch_blocks(&d->patch, &job, d->header.listing_bytes, e);
}

int
delta_listing(struct delta *d, const void *old_text, size_t old_bytes, struct buf *out,
    struct err *e)
{
	struct sha256 id;

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
	if (build_listing(d, old_text, old_bytes, out, e) == -1)
		return err_wrap(e, "listing");
	return 0;
}

/* ---- outputs ---- */

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

static struct copy
get_copy(void *arg, size_t i)
{
	const struct patch_output *o = arg;
	const struct placed *b = &o->blocks[i];

	return (struct copy){ b->old_at, o->part_at + b->new_at, b->copy };
}

/* A part whose blocks were read: predicted copies, fresh bytes of code. */
static int
build_blocks(struct delta *d, struct patch_output *o, struct bspatch_job *job,
    const struct delta_io *io, struct err *e)
{
	struct predict predict = { .old = o->old, .rules = (uint32_t)o->rules,
		.pairs = o->pairs, .pieces = &o->pieces,
		.copies = { o->n_blocks, o, get_copy }, .arena = &d->arena };
	int rc = predict_open(&predict, e);

	job->predict = &predict;
	job->watch = io;
	for (size_t i = 0; rc == 0 && i < o->n_blocks; i++) {
		const struct placed *b = &o->blocks[i];
		struct copy c = get_copy(o, i);

		if ((rc = bspatch_copy(&d->patch, job, &c, e)) == 0)
			rc = bspatch_fresh(&d->patch, job->to, DELTA_CODE,
			    b[1].new_at - b->new_at - b->copy, e);
	}
	predict_close(&predict);
	job->predict = NULL;
	job->watch = NULL;
	return rc;
}

static int
build_parts(struct delta *d, struct patch_output *o, struct bspatch_job *job,
    const struct delta_io *io, struct err *e)
{
	uint64_t seek = 0, part;

	for (o->part_at = 0; o->part_at < o->bytes; o->part_at += part)
		if (patch_output_part(o, d->patch.streams, o->bytes - o->part_at, &seek,
		    &part, e) == -1 || build_blocks(d, o, job, io, e) == -1)
			return -1;
	return 0;
}

static int
build_patch(struct delta *d, uint64_t bytes, const struct delta_io *io, struct err *e)
{
	struct bspatch_sink to = { 0 };
	struct patch_output o;
	struct bspatch_job job;
	int rc = patch_output_open(&o, bytes, d->patch.streams, io, &d->kept, &d->arena,
	    e);

	d->last_source = o.sources.entries[0];
	d->last_flags = o.flags;
	to.io = o.io;
	job = (struct bspatch_job){ .old = o.old, .to = &to,
		.sparse = (o.flags & FLAG_SPARSE) != 0,
		.substitute = (o.flags & FLAG_SUBSTITUTE) != 0 };
	if (rc == 0)
		rc = (o.flags & FLAG_IMAGES) != 0 ? build_parts(d, &o, &job, io, e) :
		    bspatch_blocks(&d->patch, &job, o.bytes, e);
	if (rc == 0)
		rc = patch_output_end(&o, e);
	patch_output_close(&o);
	return rc;
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
		rc = bspatch_fresh(&d->patch, &to, DELTA_EXTRA, bytes, e);
		break;
	case METHOD_PATCH:
		rc = build_patch(d, bytes, io, e);
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
		[DELTA_CHANGES] = "changes", [DELTA_DIFF] = "diff",
		[DELTA_EXTRA] = "extra", [DELTA_CODE] = "code",
		[DELTA_TARGETS] = "targets", [DELTA_LISTS] = "lists",
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
	if (d->last_method == METHOD_REPEAT)
		return "repeat";
	if (d->last_method == METHOD_RAW)
		return "raw";
	if ((d->last_flags & FLAG_EXPANDED) != 0)
		return "inflate";
	return (d->last_flags & FLAG_IMAGES) != 0 ? "predict" :
	    (d->last_flags & FLAG_SPARSE) != 0 ? "sparse" : "copy";
}
