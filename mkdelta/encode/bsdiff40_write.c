#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>

#include "manifest/base/buf.h"
#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "mkdelta/encode/bsdiff.h"
#include "mkdelta/encode/bzip2.h"
#include "mkdelta/encode/suffix.h"

#include "mkdelta/encode/bsdiff40.h"

enum { PIECE = 64 * 1024, STEP_BYTES = 24, THRESHOLD = 8 };

#define MEMORY_DEFAULT ((uint64_t)2 << 30)
#define SIGN ((uint64_t)1 << 63)

struct sides {
	const uint8_t *old, *new;
	const struct blocks *blocks;
	size_t n_new;
};

static void
signed_store(uint8_t p[static 8], uint64_t from, uint64_t to)
{
	le64_store(p, to >= from ? to - from : (from - to) | SIGN);
}

static int
control_stream(const struct sides *s, struct bzwrite *z, struct err *e)
{
	for (size_t i = 0; i < s->blocks->n; i++) {
		const struct block *b = &s->blocks->list[i];
		uint64_t end = b->old_at + b->copy;
		uint8_t raw[STEP_BYTES];

		le64_store(raw, b->copy);
		le64_store(raw + 8, b->extra);
		signed_store(raw + 16, end,
		    i + 1 < s->blocks->n ? b[1].old_at : end);
		if (bzwrite_add(z, raw, sizeof raw, e) == -1)
			return -1;
	}
	return 0;
}

static int
diff_stream(const struct sides *s, struct bzwrite *z, struct err *e)
{
	const uint8_t *new = s->new;
	uint8_t piece[PIECE];

	for (size_t i = 0; i < s->blocks->n; i++) {
		const struct block *b = &s->blocks->list[i];
		const uint8_t *old = s->old + b->old_at;

		for (uint64_t at = 0; at < b->copy; at += PIECE) {
			size_t n = b->copy - at < PIECE ? (size_t)(b->copy - at) : PIECE;

			for (size_t k = 0; k < n; k++)
				piece[k] = (uint8_t)(new[at + k] - old[at + k]);
			if (bzwrite_add(z, piece, n, e) == -1)
				return -1;
		}
		new += b->copy + b->extra;
	}
	return 0;
}

static int
extra_stream(const struct sides *s, struct bzwrite *z, struct err *e)
{
	const uint8_t *new = s->new;

	for (size_t i = 0; i < s->blocks->n; i++) {
		const struct block *b = &s->blocks->list[i];

		if (bzwrite_add(z, new + b->copy, (size_t)b->extra, e) == -1)
			return -1;
		new += b->copy + b->extra;
	}
	return 0;
}

typedef int stream(const struct sides *, struct bzwrite *, struct err *);

/* The size of the packed stream is returned in *bytes. */
static int
pack(const struct sides *s, stream *what, struct buf *out, uint64_t *bytes, struct err *e)
{
	struct bzwrite *z = bzwrite_open(out, e);
	size_t before = out->len;
	int rc = -1;

	if (z != NULL && what(s, z, e) == 0)
		rc = bzwrite_end(z, e);
	*bytes = out->len - before;
	bzwrite_close(z);
	return rc;
}

static int
write_patch(const struct sides *s, int fd, struct err *e)
{
	struct buf out = BUF_INIT(SIZE_MAX / 2);
	uint8_t head[BSDIFF40_HEADER_BYTES] = BSDIFF40_MAGIC;
	uint64_t control, diff, extra;
	int rc = -1;

	if (buf_add(&out, head, sizeof head, e) == 0 &&
	    pack(s, control_stream, &out, &control, e) == 0 &&
	    pack(s, diff_stream, &out, &diff, e) == 0 &&
	    pack(s, extra_stream, &out, &extra, e) == 0) {
		le64_store(out.data + 8, control);
		le64_store(out.data + 16, diff);
		le64_store(out.data + 24, s->n_new);
		rc = fs_write(fd, out.data, out.len, e);
	}
	buf_free(&out);
	return rc;
}

/* A patch begins at the first byte of old: a first copy from elsewhere is preceded by
 * a block that only seeks, which blocks of their own cannot say. */
static int
begin_at_zero(struct blocks *b, struct err *e)
{
	struct block *grown;

	if (b->n == 0 || b->list[0].old_at == 0)
		return 0;
	if ((grown = realloc(b->list, (b->n + 1) * sizeof *grown)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for matches");
	memmove(grown + 1, grown, b->n * sizeof *grown);
	grown[0] = (struct block){ 0, 0, 0 };
	b->list = grown;
	b->cap = ++b->n;
	return 0;
}

int
bsdiff40_write(const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new,
    uint64_t memory_bytes, int fd, struct err *e)
{
	uint64_t memory = memory_bytes == 0 ? MEMORY_DEFAULT : memory_bytes;
	struct blocks blocks = { NULL, 0, 0 };
	struct sides s = { old, new, &blocks, n_new };
	struct suffix *suffix = NULL;
	int rc = -1;

	if (suffix_memory(n_old) <= memory &&
	    (suffix = suffix_new(old, n_old, e)) == NULL)
		return -1;
	if (bsdiff_blocks(old, n_old, suffix, new, n_new, THRESHOLD, memory, NULL,
	    &blocks, e) == 0 && begin_at_zero(&blocks, e) == 0)
		rc = write_patch(&s, fd, e);
	suffix_free(suffix);
	blocks_free(&blocks);
	return rc;
}

/* All of a file; *data is owned by the caller, and NULL on failure. */
static int
load(int fd, uint8_t **data, size_t *n, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return err_sys(e, "size of a file");
	*n = (size_t)st.st_size;
	if ((*data = malloc(*n + 1)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for a file of %zu bytes", *n);
	if (fs_pread(fd, *data, *n, 0, e) == 0)
		return 0;
	free(*data);
	*data = NULL;
	return -1;
}

/* What is left of the bytes that a patch must build. */
struct wanted {
	const uint8_t *data;
	size_t n;
};

static int
compare(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct wanted *w = arg;

	if (n > w->n || memcmp(data, w->data, n) != 0)
		return err_set(e, ERR_FAIL, "the patch does not build the new file");
	w->data += n;
	w->n -= n;
	return 0;
}

int
bsdiff40_make(int old_fd, int new_fd, uint64_t memory_bytes, int fd,
    uint64_t *patch_bytes, struct err *e)
{
	uint8_t *old = NULL, *new = NULL;
	struct wanted w = { NULL, 0 };
	size_t n_old, n_new;
	struct stat st;
	int rc = -1;

	if (load(old_fd, &old, &n_old, e) == -1 || load(new_fd, &new, &n_new, e) == -1 ||
	    bsdiff40_write(old, n_old, new, n_new, memory_bytes, fd, e) == -1)
		goto out;
	if (fstat(fd, &st) == -1) {
		(void)err_sys(e, "size of the patch");
		goto out;
	}
	*patch_bytes = (uint64_t)st.st_size;
	w = (struct wanted){ new, n_new };
	if (bsdiff40_apply(fd, *patch_bytes, old_fd, n_old, compare, &w, e) == 0)
		rc = w.n == 0 ? 0 : err_set(e, ERR_FAIL,
		    "the patch builds a part of the new file");
out:
	free(old);
	free(new);
	return rc;
}
