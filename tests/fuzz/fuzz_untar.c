/*
 * Any bytes as a tar inside zstd, and as zstd itself: every path that comes out is
 * a listing's, and no read gives more than was asked for.
 */
#include <sys/mman.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#include "apply/patch/untar.h"
#include "manifest/base/fs.h"

enum { READ_MAX = 1 << 20 };	/* of one content: a hostile size costs time only */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
read_some(struct untar *u)
{
	uint8_t block[4096];
	struct err e = ERR_INIT;
	size_t total = 0, got = 0;

	do {
		if (untar_read(u, block, sizeof block, &got, &e) == -1)
			return;
		if (got > sizeof block)
			abort();
		total += got;
	} while (got > 0 && total < READ_MAX);
}

static void
walk(const void *data, size_t n)
{
	struct err e = ERR_INIT;
	struct untar_entry x;
	struct untar *u;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd == -1 || write(fd, data, n) != (ssize_t)n)
		abort();
	if ((u = untar_open(fd, n, UINT64_MAX, &e)) != NULL) {
		while (untar_next(u, &x, &e) == 1) {
			if (strcmp(x.path, ".") != 0 && !fs_rel_is_safe(x.path))
				abort();
			if (x.is_file)
				read_some(u);
		}
	}
	untar_close(u);
	(void)close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t bound = ZSTD_compressBound(n), packed;
	uint8_t *frame = malloc(bound);

	if (frame == NULL)
		abort();
	packed = ZSTD_compress(frame, bound, data, n, 1);
	if (ZSTD_isError(packed))
		abort();
	walk(frame, packed);
	walk(data, n);
	free(frame);
	return 0;
}
