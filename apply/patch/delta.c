#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/hash.h"

#include "apply/patch/delta_format.h"
#include "apply/patch/stream.h"

#include "apply/patch/delta.h"

enum { BLOCK_BYTES = 64 * 1024, FIXED_BYTES = DELTA_MAGIC_BYTES + 2 * DELTA_ID_BYTES };

struct stream_entry {
	uint64_t offset, packed, plain;
	enum delta_codec codec;
	bool there;
};

struct delta {
	uint8_t old_id[DELTA_ID_BYTES], new_id[DELTA_ID_BYTES];
	uint64_t memory, scratch, listing_bytes;
	struct stream_entry table[DELTA_KINDS];
	struct stream *streams[DELTA_KINDS];
	bool has_listing;
	bool sparse;			/* the difference comes as runs and bytes */
	bool in_run;			/* `zeros` of a run are left, then its byte */
	uint64_t zeros;
	uint64_t built;			/* outputs so far */
	uint8_t last_method;
	uint64_t last_source;
	uint8_t block[BLOCK_BYTES], difference[BLOCK_BYTES];
};

/* Where copied bytes come from: the listing's text, or a file by pread. */
struct source {
	const uint8_t *text;
	int fd;
	uint64_t bytes;
};

/* Where they go: a buffer for the listing, the caller for the rest. */
struct sink {
	struct buf *buf;
	const struct delta_io *io;
};

static const unsigned window_logs[DELTA_KINDS] = { DELTA_WINDOW_LOG_CONTROL,
	DELTA_WINDOW_LOG_DIFF, DELTA_WINDOW_LOG_EXTRA, DELTA_WINDOW_LOG_RUNS,
	DELTA_WINDOW_LOG_BYTES };

struct cursor {
	const uint8_t *p;
	size_t left;
};

static int
take(struct cursor *c, uint64_t *v)
{
	size_t n = varint_load(c->p, c->left, v);

	c->p += n;
	c->left -= n;
	return n == 0 ? -1 : 0;
}

static int
parse_stream(struct delta *d, struct cursor *c, struct err *e)
{
	struct stream_entry entry = { .there = true };
	uint8_t kind, codec;

	if (c->left < 2)
		return err_set(e, ERR_FORMAT, "the delta's header is cut short");
	kind = c->p[0];
	codec = c->p[1];
	c->p += 2;
	c->left -= 2;
	if (kind >= DELTA_KINDS || d->table[kind].there)
		return err_set(e, ERR_FORMAT, "stream kind %u is unknown or there twice", kind);
	if (codec >= DELTA_CODECS)
		return err_set(e, ERR_FORMAT, "stream codec %u is unknown", codec);
	entry.codec = (enum delta_codec)codec;
	if (take(c, &entry.packed) == -1 || take(c, &entry.plain) == -1)
		return err_set(e, ERR_FORMAT, "the delta's header is cut short");
	d->table[kind] = entry;
	return kind;
}

/* Streams lie one behind the other and end where the file ends. */
static int
parse_streams(struct delta *d, struct cursor *c, const uint8_t *start, uint64_t n,
    uint64_t file_bytes, struct err *e)
{
	int order[DELTA_STREAMS_MAX];
	uint64_t at;

	for (uint64_t i = 0; i < n; i++)
		if ((order[i] = parse_stream(d, c, e)) == -1)
			return -1;
	at = (uint64_t)(c->p - start);
	for (uint64_t i = 0; i < n; i++) {
		struct stream_entry *entry = &d->table[order[i]];

		entry->offset = at;
		if (entry->packed > file_bytes - at)
			return err_set(e, ERR_FORMAT, "a stream reaches past the delta's end");
		at += entry->packed;
	}
	if (at != file_bytes)
		return err_set(e, ERR_FORMAT, "%" PRIu64 " bytes follow the delta's last stream",
		    file_bytes - at);
	d->sparse = d->table[DELTA_RUNS].there;
	if (d->sparse && d->table[DELTA_DIFF].there)
		return err_set(e, ERR_FORMAT, "a difference in two forms");
	return 0;
}

static int
parse_header(struct delta *d, const uint8_t *header, size_t n, uint64_t file_bytes,
    struct err *e)
{
	struct cursor c = { header + FIXED_BYTES, 0 };
	uint64_t streams;

	if (n < FIXED_BYTES ||
	    memcmp(header, DELTA_MAGIC, DELTA_MAGIC_BYTES - 1) != 0)
		return err_set(e, ERR_FORMAT, "not a delta");
	if (memcmp(header, DELTA_MAGIC, DELTA_MAGIC_BYTES) != 0)
		return err_set(e, ERR_FORMAT, "a delta of a format that this version does "
		    "not know");
	c.left = n - FIXED_BYTES;
	memcpy(d->old_id, header + DELTA_MAGIC_BYTES, DELTA_ID_BYTES);
	memcpy(d->new_id, header + DELTA_MAGIC_BYTES + DELTA_ID_BYTES, DELTA_ID_BYTES);
	if (take(&c, &d->memory) == -1 || take(&c, &d->scratch) == -1 ||
	    take(&c, &d->listing_bytes) == -1 || take(&c, &streams) == -1)
		return err_set(e, ERR_FORMAT, "the delta's header is cut short");
	if (streams > DELTA_STREAMS_MAX)
		return err_set(e, ERR_FORMAT, "%" PRIu64 " streams", streams);
	return parse_streams(d, &c, header, streams, file_bytes, e);
}

static int
read_header(struct delta *d, int fd, struct err *e)
{
	uint8_t header[DELTA_HEADER_MAX];
	struct stat st;
	size_t n;

	if (fstat(fd, &st) == -1)
		return err_sys(e, "delta");
	n = (uint64_t)st.st_size < sizeof header ? (size_t)st.st_size : sizeof header;
	if (fs_pread(fd, header, n, 0, e) == -1)
		return -1;
	return parse_header(d, header, n, (uint64_t)st.st_size, e);
}

static int
open_streams(struct delta *d, int fd, struct err *e)
{
	for (int kind = 0; kind < DELTA_KINDS; kind++) {
		const struct stream_entry *entry = &d->table[kind];

		d->streams[kind] = stream_open(fd, entry->offset, entry->packed, entry->plain,
		    entry->there ? entry->codec : DELTA_STORED, window_logs[kind], e);
		if (d->streams[kind] == NULL)
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
	if (read_header(d, fd, e) == -1)
		goto fail;
	if (d->memory > memory_limit) {
		(void)err_set(e, ERR_ROOM, "the delta needs %" PRIu64 " bytes of memory, "
		    "%" PRIu64 " are allowed", d->memory, memory_limit);
		goto fail;
	}
	if (open_streams(d, fd, e) == -1)
		goto fail;
	return d;
fail:
	delta_close(d);
	return NULL;
}

void
delta_close(struct delta *d)
{
	if (d == NULL)
		return;
	for (int kind = 0; kind < DELTA_KINDS; kind++)
		stream_close(d->streams[kind]);
	free(d);
}

static int
put(const struct sink *to, const uint8_t *data, size_t n, struct err *e)
{
	if (to->buf != NULL)
		return buf_add(to->buf, data, n, e);
	return to->io->write(to->io->arg, data, n, e);
}

static int
put_extra(struct delta *d, const struct sink *to, uint64_t bytes, struct err *e)
{
	while (bytes > 0) {
		size_t n = bytes < BLOCK_BYTES ? (size_t)bytes : BLOCK_BYTES;

		if (stream_read(d->streams[DELTA_EXTRA], d->block, n, e) == -1 ||
		    put(to, d->block, n, e) == -1)
			return -1;
		bytes -= n;
	}
	return 0;
}

/* Add the next n bytes of the difference, given as runs of zeros and bytes. */
static int
add_sparse(struct delta *d, uint8_t *to, size_t n, struct err *e)
{
	uint8_t byte;

	while (n > 0) {
		if (!d->in_run) {
			if (stream_left(d->streams[DELTA_RUNS]) == 0)
				return 0;
			if (stream_varint(d->streams[DELTA_RUNS], &d->zeros, e) == -1)
				return -1;
			d->in_run = true;
		}
		if (d->zeros >= n) {
			d->zeros -= n;
			return 0;
		}
		to += d->zeros;
		n -= (size_t)d->zeros;
		if (stream_byte(d->streams[DELTA_BYTES], &byte, e) == -1)
			return -1;
		*to = (uint8_t)(*to + byte);
		to++;
		n--;
		d->in_run = false;
	}
	return 0;
}

static int
add_plain(struct delta *d, uint8_t *to, size_t n, struct err *e)
{
	if (stream_read(d->streams[DELTA_DIFF], d->difference, n, e) == -1)
		return -1;
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)(to[i] + d->difference[i]);
	return 0;
}

static int
put_copy(struct delta *d, const struct sink *to, const struct source *from, uint64_t at,
    uint64_t bytes, struct err *e)
{
	while (bytes > 0) {
		size_t n = bytes < BLOCK_BYTES ? (size_t)bytes : BLOCK_BYTES;

		if (from->text != NULL)
			memcpy(d->block, from->text + at, n);
		else if (fs_pread(from->fd, d->block, n, at, e) == -1)
			return -1;
		if ((d->sparse ? add_sparse : add_plain)(d, d->block, n, e) == -1)
			return -1;
		if (put(to, d->block, n, e) == -1)
			return -1;
		at += n;
		bytes -= n;
	}
	return 0;
}

/* The next place in the old file; a jump out of it is refused. */
static int
jump(uint64_t *at, int64_t seek, uint64_t limit, struct err *e)
{
	uint64_t distance = seek < 0 ? 0 - (uint64_t)seek : (uint64_t)seek;

	if (seek < 0 ? distance > *at : distance > limit - *at)
		return err_set(e, ERR_FORMAT, "a copy begins outside the old file");
	*at = seek < 0 ? *at - distance : *at + distance;
	return 0;
}

static int
build_copy(struct delta *d, uint64_t bytes, const struct source *from,
    const struct sink *to, struct err *e)
{
	struct stream *control = d->streams[DELTA_CONTROL];
	uint64_t at = 0, seek, copy, extra;

	while (bytes > 0) {
		if (stream_varint(control, &seek, e) == -1 ||
		    stream_varint(control, &copy, e) == -1 ||
		    stream_varint(control, &extra, e) == -1 ||
		    jump(&at, unzigzag(seek), from->bytes, e) == -1)
			return -1;
		if (copy == 0 && extra == 0)
			return err_set(e, ERR_FORMAT, "a block of nothing");
		if (copy > from->bytes - at)
			return err_set(e, ERR_FORMAT, "a copy reaches past the old file");
		if (copy > bytes || extra > bytes - copy)
			return err_set(e, ERR_FORMAT, "a block reaches past the new file");
		if (put_copy(d, to, from, at, copy, e) == -1 || put_extra(d, to, extra, e) == -1)
			return -1;
		at += copy;
		bytes -= copy + extra;
	}
	return 0;
}

int
delta_listing(struct delta *d, const void *old_text, size_t old_bytes, struct buf *out,
    struct err *e)
{
	struct source from = { .text = old_text, .fd = -1, .bytes = old_bytes };
	struct sink to = { .buf = out };
	struct sha256 id;
	uint8_t method;

	if (d->has_listing)
		return err_set(e, ERR_FAIL, "the listing was read already");
	if (sha256_of(old_text, old_bytes, &id, e) == -1)
		return -1;
	if (memcmp(id.bytes, d->old_id, sizeof d->old_id) != 0)
		return err_set(e, ERR_TRUST, "the delta was made for another old tree");
	if (d->listing_bytes > out->max - out->len)
		return err_set(e, ERR_FORMAT, "a listing of %" PRIu64 " bytes", d->listing_bytes);
	d->has_listing = true;
	if (stream_byte(d->streams[DELTA_CONTROL], &method, e) == -1)
		return err_wrap(e, "listing");
	if (method == METHOD_RAW)
		return put_extra(d, &to, d->listing_bytes, e);
	if (method != METHOD_COPY)
		return err_set(e, ERR_FORMAT, "listing: method %u is unknown", method);
	return build_copy(d, d->listing_bytes, &from, &to, e);
}

static int
build_repeat(struct delta *d, const struct delta_io *io, struct err *e)
{
	if (stream_varint(d->streams[DELTA_CONTROL], &d->last_source, e) == -1)
		return -1;
	if (d->last_source >= d->built)
		return err_set(e, ERR_FORMAT, "a repeat of an output that is not there yet");
	return io->repeat(io->arg, d->last_source, e);
}

static int
build_from(struct delta *d, uint64_t bytes, const struct delta_io *io, struct err *e)
{
	struct source from = { .fd = -1 };
	struct sink to = { .io = io };

	if (stream_varint(d->streams[DELTA_CONTROL], &d->last_source, e) == -1 ||
	    io->open_old(io->arg, d->last_source, &from.fd, &from.bytes, e) == -1)
		return -1;
	return build_copy(d, bytes, &from, &to, e);
}

int
delta_build(struct delta *d, uint64_t bytes, const struct delta_io *io, struct err *e)
{
	struct sink to = { .io = io };
	int rc;

	if (!d->has_listing)
		return err_set(e, ERR_FAIL, "the listing comes first");
	if (stream_byte(d->streams[DELTA_CONTROL], &d->last_method, e) == -1)
		return -1;
	switch (d->last_method) {
	case METHOD_RAW:
		rc = put_extra(d, &to, bytes, e);
		break;
	case METHOD_COPY:
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
	if (d->in_run)
		return err_set(e, ERR_FORMAT, "a run reaches past the last copy");
	for (int kind = 0; kind < DELTA_KINDS; kind++)
		if (stream_left(d->streams[kind]) != 0)
			return err_set(e, ERR_FORMAT, "%" PRIu64 " bytes of a stream were not used",
			    stream_left(d->streams[kind]));
	return 0;
}

uint64_t
delta_memory(const struct delta *d)
{
	return d->memory;
}

uint64_t
delta_scratch(const struct delta *d)
{
	return d->scratch;
}

uint64_t
delta_listing_bytes(const struct delta *d)
{
	return d->listing_bytes;
}

const uint8_t *
delta_old_id(const struct delta *d)
{
	return d->old_id;
}

const uint8_t *
delta_new_id(const struct delta *d)
{
	return d->new_id;
}

size_t
delta_streams(const struct delta *d, struct delta_stream_info *out, size_t max)
{
	static const char *const names[] = { "control", "diff", "extra", "runs", "bytes" };
	static const char *const codecs[] = { "stored", "zstd", "lzma2" };
	size_t n = 0;

	for (int kind = 0; kind < DELTA_KINDS && n < max; kind++) {
		const struct stream_entry *entry = &d->table[kind];

		if (!entry->there)
			continue;
		out[n].name = names[kind];
		out[n].codec = codecs[entry->codec];
		out[n].packed_bytes = entry->packed;
		out[n++].plain_bytes = entry->plain;
	}
	return n;
}

const char *
delta_last_method(const struct delta *d, uint64_t *source)
{
	static const char *const names[] = { "raw", "copy", "repeat" };

	*source = d->last_source;
	return d->last_method < 3 ? names[d->last_method] : "unknown";
}
