/*
 * fuzz_delta.c - any bytes as a delta, over a fixed old tree.  The first byte
 * chooses whether the header's id of the old listing is made right, so that the
 * fuzzer gets past it.
 */
#include <sys/mman.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/patch/delta.h"
#include "apply/patch/delta_format.h"
#include "manifest/base/buf.h"
#include "manifest/base/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { OLD_BYTES = 4096, OUTPUTS = 4, INPUT_MAX = 1 << 16 };

static const char old_text[] = "#mtree\n. type=dir mode=0755\n./f type=file mode=0644 "
    "size=4096 sha256digest="
    "0000000000000000000000000000000000000000000000000000000000000000\n";

static int old_fd = -1;

static int
open_old(void *arg, uint64_t index, int *fd, uint64_t *bytes, struct err *e)
{
	(void)arg;
	if (index > 1)
		return err_set(e, ERR_FORMAT, "no such source");
	*fd = old_fd;
	*bytes = OLD_BYTES;
	return 0;
}

static int
take(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	uint64_t *sum = arg;

	(void)e;
	for (size_t i = 0; i < n; i++)
		*sum += data[i];
	return 0;
}

static int
repeat(void *arg, uint64_t output, struct err *e)
{
	(void)arg;
	return output < OUTPUTS ? 0 : err_set(e, ERR_FORMAT, "no such output");
}

static int
scratch(void *arg, int *fd, struct err *e)
{
	(void)arg;
	*fd = memfd_create("scratch", 0);
	return *fd == -1 ? err_sys(e, "scratch") : 0;
}

static void
make_old(void)
{
	uint8_t block[OLD_BYTES];

	for (size_t i = 0; i < sizeof block; i++)
		block[i] = (uint8_t)(i * 7 + i / 256);
	old_fd = memfd_create("old", 0);
	if (old_fd == -1 || write(old_fd, block, sizeof block) != sizeof block)
		abort();
}

static void
decode(int fd)
{
	struct buf text = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	struct delta *d = delta_open(fd, 64 << 20, &e);
	uint64_t sum = 0;
	struct delta_io io = { &sum, open_old, take, repeat, scratch, NULL };

	if (d != NULL && delta_listing(d, old_text, sizeof old_text - 1, &text,
	    &e) == 0) {
		for (uint64_t i = 0; i < OUTPUTS; i++)
			if (delta_build(d, 1000 * i, &io, &e) == -1)
				break;
		(void)delta_end(d, &e);
	}
	delta_close(d);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t bytes[INPUT_MAX];
	struct err e = ERR_INIT;
	struct sha256 id;
	int fd;

	if (old_fd == -1)
		make_old();
	if (n < 1 || n > INPUT_MAX)
		return 0;
	memcpy(bytes, data + 1, n - 1);
	if (data[0] % 2 == 0 && n - 1 >= DELTA_MAGIC_BYTES + DELTA_ID_BYTES &&
	    sha256_of(old_text, sizeof old_text - 1, &id, &e) == 0)
		memcpy(bytes + DELTA_MAGIC_BYTES, id.bytes, DELTA_ID_BYTES);
	if ((fd = memfd_create("delta", 0)) == -1 ||
	    write(fd, bytes, n - 1) != (ssize_t)(n - 1))
		abort();
	decode(fd);
	(void)close(fd);
	return 0;
}
