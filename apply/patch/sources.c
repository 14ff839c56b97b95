#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"

#include "apply/patch/sources.h"

static int
select_source(struct sources *s, size_t i, struct err *e)
{
	uint64_t bytes;

	if (s->open == i)
		return 0;
	if (s->io->open_old(s->io->arg, s->entries[i], &s->fd, &bytes, e) == -1)
		return -1;
	s->open = i;
	return 0;
}

static int
read_sources(void *arg, void *out, size_t n, uint64_t at, struct err *e)
{
	struct sources *s = arg;
	uint8_t *p = out;

	for (size_t i = 0; i < s->n && n > 0; i++) {
		uint64_t begin = i == 0 ? 0 : s->ends[i - 1];
		size_t here;

		if (at >= s->ends[i])
			continue;
		here = s->ends[i] - at < n ? (size_t)(s->ends[i] - at) : n;
		if (select_source(s, i, e) == -1 ||
		    fs_pread(s->fd, p, here, at - begin, e) == -1)
			return -1;
		p += here;
		at += here;
		n -= here;
	}
	return 0;
}

int
sources_open(struct sources *s, const struct delta_io *io, struct err *e)
{
	uint64_t sum = 0, bytes;

	s->io = io;
	for (size_t i = 0; i < s->n; i++) {
		if (io->open_old(io->arg, s->entries[i], &s->fd, &bytes, e) == -1)
			return -1;
		s->open = i;
		if (u64_add(sum, bytes, &sum) == -1)
			return err_set(e, ERR_FORMAT, "old files of 2^64 bytes");
		s->ends[i] = sum;
	}
	s->old = (struct old){ .arg = s, .read = read_sources, .bytes = sum };
	return 0;
}
