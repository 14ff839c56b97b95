#include <stdbool.h>
#include <stdlib.h>

#include <lzma.h>

#include "manifest/base/fs.h"

#include "apply/patch/lzread.h"

enum { INPUT_BYTES = 32 * 1024 };

struct lzread {
	int fd;
	uint64_t at, left;		/* of the range, not yet in the input */
	lzma_stream stream;
	bool ended;			/* its end marker was read */
	uint8_t input[INPUT_BYTES];
};

/* The first byte of the range. */
static int
read_properties(struct lzread *z, lzma_options_lzma *options, struct err *e)
{
	uint8_t byte;

	if (z->left == 0)
		return err_set(e, ERR_FORMAT, "compressed bytes end too early");
	if (fs_pread(z->fd, &byte, 1, z->at, e) == -1)
		return -1;
	z->at++;
	z->left--;
	options->lc = byte % 9;
	options->lp = byte / 9 % 5;
	options->pb = byte / 45;
	if (options->pb > LZMA_PB_MAX || options->lc + options->lp > LZMA_LCLP_MAX)
		return err_set(e, ERR_FORMAT, "lzma: properties %u are not possible",
		    byte);
	return 0;
}

static int
start(struct lzread *z, unsigned window_log, struct err *e)
{
	lzma_options_lzma options = { .dict_size = (uint32_t)1 << window_log };
	lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &options },
		{ LZMA_VLI_UNKNOWN, NULL } };

	if (read_properties(z, &options, e) == -1)
		return -1;
	switch (lzma_raw_decoder(&z->stream, filters)) {
	case LZMA_OK:
		return 0;
	case LZMA_MEM_ERROR:
		return err_set(e, ERR_NOMEM, "out of memory for a decoder");
	default:
		return err_set(e, ERR_FAIL,
		    "lzma: the library does not take the options");
	}
}

struct lzread *
lzread_open(int fd, uint64_t offset, uint64_t bytes, unsigned window_log, struct err *e)
{
	struct lzread *z = calloc(1, sizeof *z);

	if (z == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for a decoder");
		return NULL;
	}
	z->fd = fd;
	z->at = offset;
	z->left = bytes;
	z->stream = (lzma_stream)LZMA_STREAM_INIT;
	if (start(z, window_log, e) == -1) {
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
	size_t n = z->left < INPUT_BYTES ? (size_t)z->left : INPUT_BYTES;

	if (n == 0)
		return err_set(e, ERR_FORMAT, "compressed bytes end too early");
	if (fs_pread(z->fd, z->input, n, z->at, e) == -1)
		return -1;
	z->at += n;
	z->left -= n;
	z->stream.next_in = z->input;
	z->stream.avail_in = n;
	return 0;
}

/* Fill data, or come to the end marker: *ended. */
static int
decode(struct lzread *z, uint8_t *data, size_t n, bool *ended, struct err *e)
{
	*ended = false;
	z->stream.next_out = data;
	z->stream.avail_out = n;
	while (z->stream.avail_out > 0 && !*ended) {
		if (z->stream.avail_in == 0 && fill(z, e) == -1)
			return -1;
		switch (lzma_code(&z->stream, LZMA_RUN)) {
		case LZMA_OK:
			break;
		case LZMA_STREAM_END:
			*ended = true;
			break;
		case LZMA_MEM_ERROR:
			return err_set(e, ERR_NOMEM, "out of memory for a decoder");
		default:
			return err_set(e, ERR_FORMAT, "lzma: the data are damaged");
		}
	}
	return 0;
}

int
lzread_exact(struct lzread *z, void *data, size_t n, struct err *e)
{
	bool ended;

	if (decode(z, data, n, &ended, e) == -1)
		return -1;
	if (z->stream.avail_out > 0)
		return err_set(e, ERR_FORMAT, "compressed bytes end too early");
	z->ended |= ended;
	return 0;
}

int
lzread_end(struct lzread *z, struct err *e)
{
	uint8_t more;

	if (!z->ended) {
		if (decode(z, &more, 1, &z->ended, e) == -1)
			return -1;
		if (z->stream.avail_out == 0)
			return err_set(e, ERR_FORMAT,
			    "compressed bytes hold more than is said");
	}
	if (z->stream.avail_in > 0 || z->left > 0)
		return err_set(e, ERR_FORMAT, "bytes follow the end of compressed ones");
	return 0;
}
