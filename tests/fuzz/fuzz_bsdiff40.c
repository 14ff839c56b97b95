/*
 * fuzz_bsdiff40.c - patches of bsdiff.
 *
 *	0   even: the rest, but for the old file, is the patch; odd: its three streams
 *	1   bytes of the old file, then, with streams, two bytes of the new size, one of
 *	    steps (8 times 3 bytes each), two of the diff stream
 *
 * No more is built than the header says, and no less when all is well.
 */
#include <sys/mman.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/buf.h"
#include "manifest/base/bytes.h"
#include "mkdelta/encode/bsdiff40.h"
#include "mkdelta/encode/bzip2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { INPUT_MAX = 1 << 14, PATCH_MAX = 1 << 17, HEAD = 7, STEP = 24 };

static int
take(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	uint64_t *left = arg;

	(void)data;
	(void)e;
	if (n > *left)
		abort();
	*left -= n;
	return 0;
}

static uint64_t
pack(struct buf *out, const uint8_t *data, size_t n)
{
	struct err e = ERR_INIT;
	struct bzwrite *z = bzwrite_open(out, &e);
	size_t before = out->len;

	if (z == NULL || (n > 0 && bzwrite_add(z, data, n, &e) == -1) ||
	    bzwrite_end(z, &e) == -1)
		abort();
	bzwrite_close(z);
	return out->len - before;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Streams packed and a header before them. */
static void
make(struct buf *out, const uint8_t *head, const uint8_t *p, size_t n)
{
	uint8_t start[BSDIFF40_HEADER_BYTES] = BSDIFF40_MAGIC;
	size_t steps = least(n, head[4] * (size_t)STEP);
	size_t diff = least(n - steps, head[5] | (size_t)head[6] << 8);
	struct err e = ERR_INIT;
	uint64_t packed;

	if (buf_add(out, start, sizeof start, &e) == -1)
		abort();
	packed = pack(out, p, steps);
	le64_store(out->data + 8, packed);
	packed = pack(out, p + steps, diff);
	le64_store(out->data + 16, packed);
	le64_store(out->data + 24, head[2] | (uint64_t)head[3] << 8);
	(void)pack(out, p + steps + diff, n - steps - diff);
}

static void
set_file(int *fd, const void *data, size_t n)
{
	if (*fd == -1)
		*fd = memfd_create("fuzz", 0);
	if (*fd == -1 || ftruncate(*fd, (off_t)n) == -1 ||
	    (n > 0 && pwrite(*fd, data, n, 0) != (ssize_t)n))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static int old_fd = -1, patch_fd = -1;
	struct buf patch = BUF_INIT(PATCH_MAX);
	struct err e = ERR_INIT;
	struct bsdiff40 h;
	uint64_t left = 0;
	const uint8_t *p;
	size_t old;
	int rc;

	if (n < HEAD || n > INPUT_MAX)
		return 0;
	old = least(data[1], n - HEAD);
	set_file(&old_fd, data + HEAD, old);
	p = data + HEAD + old;
	n -= HEAD + old;
	if (data[0] % 2 == 1)
		make(&patch, data, p, n);
	else if (buf_add(&patch, p, n, &e) == -1)
		abort();
	set_file(&patch_fd, patch.data, patch.len);
	if (bsdiff40_header(patch_fd, patch.len, &h, &e) == 0) {
		left = h.new_bytes;
		rc = bsdiff40_apply(patch_fd, patch.len, old_fd, old, take, &left, &e);
		if (rc == 0 ? left != 0 : e.code != ERR_FORMAT)
			abort();
	}
	buf_free(&patch);
	return 0;
}
