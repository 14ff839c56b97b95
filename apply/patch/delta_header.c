#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"

#include "apply/patch/delta_header.h"

struct cursor {
	const uint8_t *p;
	size_t left;
};

static int
cut_short(struct err *e)
{
	return err_set(e, ERR_FORMAT, "the delta's header is cut short");
}

static int
take_bytes(struct cursor *c, void *out, size_t n, struct err *e)
{
	if (n > c->left)
		return cut_short(e);
	memcpy(out, c->p, n);
	c->p += n;
	c->left -= n;
	return 0;
}

static int
take_number(struct cursor *c, uint64_t *v, struct err *e)
{
	size_t n = varint_load(c->p, c->left, v);

	if (n == 0)
		return cut_short(e);
	c->p += n;
	c->left -= n;
	return 0;
}

static int
take_magic(struct cursor *c, struct err *e)
{
	char magic[DELTA_MAGIC_BYTES];

	if (take_bytes(c, magic, sizeof magic, e) == -1 ||
	    memcmp(magic, DELTA_MAGIC, DELTA_MAGIC_BYTES - 1) != 0)
		return err_set(e, ERR_FORMAT, "not a delta");
	if (memcmp(magic, DELTA_MAGIC, DELTA_MAGIC_BYTES) != 0)
		return err_set(e, ERR_FORMAT,
		    "a delta of a format that this version does "
		    "not know; update this program");
	return 0;
}

static int
take_stream(struct cursor *c, int kind, struct delta_stream *s, struct err *e)
{
	uint8_t how = 0;

	if (take_bytes(c, &how, 1, e) == -1 || take_number(c, &s->packed, e) == -1)
		return -1;
	if ((how & 7) >= DELTA_CODECS)
		return err_set(e, ERR_FORMAT, "stream %d: codec %u is unknown", kind,
		    how & 7u);
	s->there = true;
	s->codec = (enum delta_codec)(how & 7);
	s->window_log = how >> 3;
	if (s->codec == DELTA_STORED) {
		s->plain = s->packed;
		if (s->window_log != 0)
			return err_set(e, ERR_FORMAT, "stream %d: stored with a window",
			    kind);
		return 0;
	}
	if (s->window_log < DELTA_WINDOW_LOG_MIN ||
	    s->window_log > DELTA_WINDOW_LOG_MAX)
		return err_set(e, ERR_FORMAT, "stream %d: a window of 2^%u bytes", kind,
		    s->window_log);
	return take_number(c, &s->plain, e);
}

static int
take_streams(struct cursor *c, struct delta_header *h, struct err *e)
{
	uint64_t kinds;

	if (take_number(c, &kinds, e) == -1)
		return -1;
	if (kinds >> DELTA_KINDS != 0)
		return err_set(e, ERR_FORMAT, "a stream of an unknown kind");
	for (int kind = 0; kind < DELTA_KINDS; kind++)
		if ((kinds >> kind & 1) != 0 &&
		    take_stream(c, kind, &h->streams[kind], e) == -1)
			return -1;
	return 0;
}

/* Streams lie one behind the other and end where the file ends. */
static int
place_streams(struct delta_header *h, uint64_t at, uint64_t file_bytes, struct err *e)
{
	for (int kind = 0; kind < DELTA_KINDS; kind++) {
		struct delta_stream *s = &h->streams[kind];

		s->offset = at;
		if (s->packed > file_bytes - at)
			return err_set(e, ERR_FORMAT,
			    "a stream reaches past the delta's end");
		at += s->packed;
	}
	if (at != file_bytes)
		return err_set(e, ERR_FORMAT,
		    "%" PRIu64 " bytes follow the delta's last stream", file_bytes - at);
	return 0;
}

int
delta_header_read(int fd, struct delta_header *h, struct err *e)
{
	uint8_t bytes[DELTA_HEADER_MAX];
	struct cursor c = { bytes, 0 };
	off_t size = lseek(fd, 0, SEEK_END);

	memset(h, 0, sizeof *h);
	if (size == -1)
		return err_sys(e, "delta");
	c.left = (uint64_t)size < sizeof bytes ? (size_t)size : sizeof bytes;
	if (fs_pread(fd, bytes, c.left, 0, e) == -1 || take_magic(&c, e) == -1 ||
	    take_bytes(&c, h->old_id, sizeof h->old_id, e) == -1 ||
	    take_bytes(&c, h->new_id, sizeof h->new_id, e) == -1 ||
	    take_number(&c, &h->memory, e) == -1 ||
	    take_number(&c, &h->scratch, e) == -1 ||
	    take_number(&c, &h->listing_bytes, e) == -1 || take_streams(&c, h, e) == -1 ||
	    place_streams(h, (uint64_t)(c.p - bytes), (uint64_t)size, e) == -1)
		return -1;
	if (h->memory > DELTA_MEMORY_MAX)
		return err_set(e, ERR_FORMAT,
		    "the delta declares %" PRIu64 " bytes of memory, more than any may",
		    h->memory);
	if (delta_header_memory(h) > h->memory)
		return err_set(e, ERR_FORMAT,
		    "the delta needs more memory than it declares");
	return 0;
}

uint64_t
delta_header_memory(const struct delta_header *h)
{
	static const uint32_t beside[DELTA_CODECS] = {
		[DELTA_STORED] = DELTA_MEMORY_STORED,
		[DELTA_ZSTD] = DELTA_MEMORY_ZSTD,
		[DELTA_LZMA] = DELTA_MEMORY_LZMA,
	};
	uint64_t sum = DELTA_MEMORY_FIXED;

	for (int kind = 0; kind < DELTA_KINDS; kind++) {
		const struct delta_stream *s = &h->streams[kind];

		if (s->there)
			sum += beside[s->codec];
		if (s->there && s->codec != DELTA_STORED)
			sum += (uint64_t)1 << s->window_log;
	}
	return sum;
}
