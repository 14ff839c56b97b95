#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <lzma.h>

#include "apply/patch/lzread.h"

enum { INPUT_BYTES = 32 * 1024 };

struct lzread {
	int fd;
	uint64_t at, left;	/* of the range, not yet in the input */
	lzma_stream stream;
	uint8_t input[INPUT_BYTES];
};

struct lzread *
lzread_open(int fd, uint64_t offset, uint64_t bytes, unsigned dict_log, struct err *e)
{
	static const lzma_stream none = LZMA_STREAM_INIT;
	lzma_options_lzma options = { .dict_size = (uint32_t)1 << dict_log };
	lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &options },
		{ LZMA_VLI_UNKNOWN, NULL } };
	struct lzread *z = calloc(1, sizeof *z);

	if (z == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for a decoder");
		return NULL;
	}
	z->fd = fd;
	z->at = offset;
	z->left = bytes;
	z->stream = none;
	if (lzma_raw_decoder(&z->stream, filters) != LZMA_OK) {
		(void)err_set(e, ERR_NOMEM, "lzma: cannot start a decoder");
		lzread_close(z);
		return NULL;
	}
	return z;
}

void
lzread_close(struct lzread *z)
{
	if (z == NULL)
		return;
	lzma_end(&z->stream);
	free(z);
}

static int
fill(struct lzread *z, struct err *e)
{
	size_t want = z->left < INPUT_BYTES ? (size_t)z->left : INPUT_BYTES;
	ssize_t n;

	do
		n = pread(z->fd, z->input, want, (off_t)z->at);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return err_sys(e, "read");
	if (n == 0)
		return err_set(e, ERR_FORMAT, "lzma: the stream is cut short");
	z->at += (uint64_t)n;
	z->left -= (uint64_t)n;
	z->stream.next_in = z->input;
	z->stream.avail_in = (size_t)n;
	return 0;
}

int
lzread_exact(struct lzread *z, void *out, size_t n, struct err *e)
{
	z->stream.next_out = out;
	z->stream.avail_out = n;
	while (z->stream.avail_out > 0) {
		lzma_ret rc;

		if (z->stream.avail_in == 0 && z->left > 0 && fill(z, e) == -1)
			return -1;
		rc = lzma_code(&z->stream, LZMA_RUN);
		if (rc == LZMA_STREAM_END && z->stream.avail_out > 0)
			return err_set(e, ERR_FORMAT, "lzma: the stream ends early");
		if (rc == LZMA_MEM_ERROR)
			return err_set(e, ERR_NOMEM, "lzma: out of memory");
		if (rc != LZMA_OK && rc != LZMA_STREAM_END)
			return err_set(e, ERR_FORMAT, "lzma: the stream is damaged");
	}
	return 0;
}
