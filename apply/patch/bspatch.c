#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"

#include "apply/patch/bspatch.h"

static size_t
step(uint64_t bytes)
{
	return bytes < BSPATCH_BLOCK ? (size_t)bytes : BSPATCH_BLOCK;
}

static int
put(const struct bspatch_sink *to, const uint8_t *data, size_t n, struct err *e)
{
	if (to->buf != NULL)
		return buf_add(to->buf, data, n, e);
	return to->io->write(to->io->arg, data, n, e);
}

int
bspatch_extra(struct bspatch *p, const struct bspatch_sink *to, uint64_t bytes,
    struct err *e)
{
	while (bytes > 0) {
		size_t n = step(bytes);

		if (stream_read(p->streams[DELTA_EXTRA], p->block, n, e) == -1 ||
		    put(to, p->block, n, e) == -1)
			return -1;
		bytes -= n;
	}
	return 0;
}

static int
read_old(struct bspatch *p, const struct bspatch_source *from, uint64_t at, size_t n,
    struct err *e)
{
	if (from->text == NULL)
		return fs_pread(from->fd, p->block, n, at, e);
	memcpy(p->block, from->text + at, n);
	return 0;
}

static int
add_differences(struct bspatch *p, size_t n, struct err *e)
{
	uint8_t part[4096];

	for (size_t at = 0; at < n;) {
		size_t now = n - at < sizeof part ? n - at : sizeof part;

		if (stream_read(p->streams[DELTA_DIFF], part, now, e) == -1)
			return -1;
		for (size_t i = 0; i < now; i++)
			p->block[at + i] = (uint8_t)(p->block[at + i] + part[i]);
		at += now;
	}
	return 0;
}

/* How many bytes from here on stay as they are. */
static int
begin_run(struct bspatch *p, struct err *e)
{
	p->in_run = true;
	if (stream_left(p->streams[DELTA_RUNS]) > 0)
		return stream_varint(p->streams[DELTA_RUNS], &p->run, e);
	p->run = UINT64_MAX;
	return 0;
}

static int
add_changes(struct bspatch *p, size_t n, struct err *e)
{
	uint8_t change;

	for (size_t at = 0; at < n;) {
		size_t stay;

		if (!p->in_run && begin_run(p, e) == -1)
			return -1;
		stay = p->run < n - at ? (size_t)p->run : n - at;
		p->run -= stay;
		at += stay;
		if (at == n)
			return 0;
		if (stream_byte(p->streams[DELTA_CHANGES], &change, e) == -1)
			return -1;
		p->block[at] = (uint8_t)(p->block[at] + change);
		p->in_run = false;
		at++;
	}
	return 0;
}

static int
copy(struct bspatch *p, bool sparse, const struct bspatch_source *from,
    const struct bspatch_sink *to, uint64_t at, uint64_t bytes, struct err *e)
{
	while (bytes > 0) {
		size_t n = step(bytes);

		if (read_old(p, from, at, n, e) == -1 ||
		    (sparse ? add_changes : add_differences)(p, n, e) == -1 ||
		    put(to, p->block, n, e) == -1)
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

int
bspatch_blocks(struct bspatch *p, bool sparse, const struct bspatch_source *from,
    const struct bspatch_sink *to, uint64_t bytes, struct err *e)
{
	uint64_t at = 0, seek, copied, fresh;

	while (bytes > 0) {
		if (stream_varint(p->streams[DELTA_SEEK], &seek, e) == -1 ||
		    stream_varint(p->streams[DELTA_COPY], &copied, e) == -1 ||
		    stream_varint(p->streams[DELTA_FRESH], &fresh, e) == -1 ||
		    jump(&at, unzigzag(seek), from->bytes, e) == -1)
			return -1;
		if (copied == 0 && fresh == 0)
			return err_set(e, ERR_FORMAT, "a block of nothing");
		if (copied > from->bytes - at)
			return err_set(e, ERR_FORMAT, "a copy reaches past the old file");
		if (copied > bytes || fresh > bytes - copied)
			return err_set(e, ERR_FORMAT,
			    "a block reaches past the new file");
		if (copy(p, sparse, from, to, at, copied, e) == -1 ||
		    bspatch_extra(p, to, fresh, e) == -1)
			return -1;
		at += copied;
		bytes -= copied + fresh;
	}
	return 0;
}
