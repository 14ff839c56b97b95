#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/buf.h"
#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "mkdelta/frames.h"
#include "mkdelta/tar_header.h"

#include "mkdelta/pack.h"

#define INDEX_MAGIC 0x184d2a5bu		/* one of zstd's sixteen skippable ones */
#define INDEX_NAME "dfi1"

/* What a decoder takes besides the window, which is a frame's content. */
#define DECODER_BYTES ((uint64_t)1 << 20)

enum { READ_BYTES = 128 * 1024, INDEX_HEAD = 8, INDEX_TAIL = 8 };

struct packer {
	int dir;
	const struct listing *list;
	struct pack_options want;
	struct frames *frames;
	struct hash *hash;		/* of the file under way */
	uint8_t *block;
	uint64_t at;			/* bytes of the tar so far */
	struct buf places;		/* where contents are, as the index says it */
	uint64_t n_places, last_entry, last_end;
};

static int
put(struct packer *p, const void *data, size_t n, uint64_t left, struct err *e)
{
	p->at += n;
	return frames_add(p->frames, data, n, left, e);
}

static size_t
padding(uint64_t bytes)
{
	return (size_t)((TAR_BLOCK - bytes % TAR_BLOCK) % TAR_BLOCK);
}

static int
file_changed(const struct entry *x, struct err *e)
{
	(void)err_set(e, ERR_FAIL, "%s: changed since the tree was read", x->path);
	return err_hint(e, "let whatever writes to it finish, then try again");
}

/* Exactly the file's bytes as the listing knows them. */
static int
put_bytes(struct packer *p, const struct entry *x, int fd, struct err *e)
{
	uint64_t left = x->size;
	struct sha256 got;
	ssize_t n;

	while (left > 0) {
		n = read(fd, p->block, left < READ_BYTES ? (size_t)left : READ_BYTES);
		if (n == -1)
			return err_sys(e, "read %s", x->path);
		if (n == 0)
			return file_changed(x, e);
		left -= (uint64_t)n;
		if (hash_add(p->hash, p->block, (size_t)n, e) == -1 ||
		    put(p, p->block, (size_t)n, left + padding(x->size), e) == -1)
			return -1;
	}
	if (hash_end(p->hash, got.bytes, e) == -1)
		return -1;
	if (read(fd, p->block, 1) != 0 || !sha256_equal(&got, &x->sha256))
		return file_changed(x, e);
	return 0;
}

/* The index learns where the content of entry i begins. */
static int
note_place(struct packer *p, size_t i, struct err *e)
{
	uint64_t gap = (p->at - p->last_end) / TAR_BLOCK;

	if (buf_add_varint(&p->places, i - p->last_entry, e) == -1 ||
	    buf_add_varint(&p->places, gap, e) == -1)
		return -1;
	p->last_entry = i;
	p->last_end =
	    p->at + p->list->entries[i].size + padding(p->list->entries[i].size);
	p->n_places++;
	return 0;
}

static int
put_content(struct packer *p, size_t i, struct err *e)
{
	static const uint8_t zeros[TAR_BLOCK];
	const struct entry *x = &p->list->entries[i];
	int fd, rc;

	if (x->size > 0 && note_place(p, i, e) == -1)
		return -1;
	if ((fd = fs_open_file(p->dir, x->path, NULL, e)) == -1)
		return -1;
	rc = put_bytes(p, x, fd, e);
	(void)close(fd);
	return rc == -1 ? -1 : put(p, zeros, padding(x->size), 0, e);
}

static int
put_entry(struct packer *p, size_t i, struct err *e)
{
	const struct entry *x = &p->list->entries[i];
	struct buf header = BUF_INIT(65536);
	int rc = -1;

	if (frames_boundary(p->frames, e) == 0 &&
	    tar_header(&header, p->list, i, p->want.owners, e) == 0)
		rc = put(p, header.data, header.len, 0, e);
	buf_free(&header);
	if (rc == -1)
		return -1;
	if (x->type == ENTRY_FILE && listing_group_first(p->list, i) == i)
		return put_content(p, i, e);
	return 0;
}

static int
add_le32(struct buf *out, uint32_t v, struct err *e)
{
	uint8_t bytes[4];

	le32_store(bytes, v);
	return buf_add(out, bytes, sizeof bytes, e);
}

static int
add_frames(struct buf *out, const struct pack_result *r, struct err *e)
{
	if (buf_add_varint(out, r->n, e) == -1)
		return -1;
	for (size_t i = 0; i < r->n; i++)
		if (buf_add_varint(out, r->frames[i].bytes, e) == -1 ||
		    buf_add_varint(out, r->frames[i].plain_bytes, e) == -1 ||
		    buf_add(out, r->frames[i].sha256.bytes, SHA256_BYTES, e) == -1)
			return -1;
	return 0;
}

/* The skippable frame at the end: which bytes hold what (docs/format.md). */
static int
put_index(struct packer *p, struct pack_result *r, struct err *e)
{
	struct buf body = BUF_INIT(UINT32_MAX - 64), frame = BUF_INIT(UINT32_MAX);
	int rc = -1;

	if (buf_add_text(&body, INDEX_NAME, e) == -1 || add_frames(&body, r, e) == -1 ||
	    buf_add_varint(&body, p->n_places, e) == -1 ||
	    buf_add(&body, p->places.data, p->places.len, e) == -1 ||
	    add_le32(&body, (uint32_t)(body.len + INDEX_HEAD + INDEX_TAIL), e) == -1 ||
	    buf_add_text(&body, INDEX_NAME, e) == -1)
		goto out;
	if (add_le32(&frame, INDEX_MAGIC, e) == -1 ||
	    add_le32(&frame, (uint32_t)body.len, e) == -1 ||
	    buf_add(&frame, body.data, body.len, e) == -1)
		goto out;
	rc = frames_append(p->frames, frame.data, frame.len, &r->index, e);
out:
	buf_free(&body);
	buf_free(&frame);
	return rc;
}

static int
pack_all(struct packer *p, struct pack_result *r, struct err *e)
{
	static const uint8_t end[2 * TAR_BLOCK];
	uint64_t window = 0;

	for (size_t i = 0; i < p->list->n; i++)
		if (put_entry(p, i, e) == -1)
			return -1;
	if (put(p, end, sizeof end, 0, e) == -1 ||
	    frames_end(p->frames, &r->frames, &r->n, e) == -1 || put_index(p, r, e) == -1)
		return -1;
	for (size_t i = 0; i < r->n; i++)
		if (r->frames[i].plain_bytes > window)
			window = r->frames[i].plain_bytes;
	r->memory_bytes = window + DECODER_BYTES;
	r->unpacked_bytes = p->at;
	return frames_total(p->frames, &r->bytes, &r->sha256, e);
}

int
pack_tree(int dirfd, const struct listing *l, const struct pack_options *want,
    int out_fd, struct pack_result *r, struct err *e)
{
	struct packer p = { .dir = dirfd, .list = l, .places = BUF_INIT(UINT32_MAX / 2) };
	int rc = -1;

	memset(r, 0, sizeof *r);
	if (want != NULL)
		p.want = *want;
	if (p.want.level == 0)
		p.want.level = PACK_LEVEL;
	if (p.want.frame_bytes == 0)
		p.want.frame_bytes = PACK_FRAME_BYTES;
	if ((p.block = malloc(READ_BYTES)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	if ((p.hash = hash_new(HASH_SHA256, e)) == NULL ||
	    (p.frames = frames_open(out_fd, p.want.level, p.want.jobs,
		 p.want.frame_bytes, e)) == NULL)
		goto out;
	rc = pack_all(&p, r, e);
out:
	if (rc == -1)
		pack_result_clear(r);
	frames_close(p.frames);
	hash_free(p.hash);
	buf_free(&p.places);
	free(p.block);
	return rc;
}

void
pack_result_clear(struct pack_result *r)
{
	free(r->frames);
	memset(r, 0, sizeof *r);
}
