#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "mkdelta/encode/spill.h"

enum { TAIL_BYTES = 4 << 20 };

void
spill_init(struct spill *s)
{
	buf_init(&s->tail, SIZE_MAX / 2);
	s->fd = -1;
	s->filed = 0;
}

void
spill_free(struct spill *s)
{
	buf_free(&s->tail);
	if (s->fd != -1)
		(void)close(s->fd);
	spill_init(s);
}

int
spill_file(struct err *e)
{
	const char *where = getenv("TMPDIR");
	int dir, fd;

	if (where == NULL || *where == '\0')
		where = "/var/tmp";
	if ((dir = fs_open_dir(where, e)) == -1)
		return err_wrap(e, "temporary file");
	fd = fs_create_unnamed(dir, e);
	(void)close(dir);
	return fd == -1 ? err_wrap(e, "temporary file in %s", where) : fd;
}

int
spill_scratch(void *unused, int *fd, struct err *e)
{
	(void)unused;
	*fd = spill_file(e);
	return *fd == -1 ? -1 : 0;
}

int
spill_add(struct spill *s, const void *data, size_t n, struct err *e)
{
	if (s->tail.len + n > TAIL_BYTES) {
		if (s->fd == -1 && (s->fd = spill_file(e)) == -1)
			return -1;
		if (fs_write(s->fd, s->tail.data, s->tail.len, e) == -1 ||
		    fs_write(s->fd, data, n, e) == -1)
			return err_wrap(e, "temporary file");
		s->filed += s->tail.len + n;
		buf_reset(&s->tail);
		return 0;
	}
	return buf_add(&s->tail, data, n, e);
}

uint64_t
spill_bytes(const struct spill *s)
{
	return s->filed + s->tail.len;
}

int
spill_read(const struct spill *s, void *data, size_t n, uint64_t offset, struct err *e)
{
	uint8_t *to = data;

	if (offset > spill_bytes(s) || n > spill_bytes(s) - offset)
		return err_set(e, ERR_FAIL, "a read past what was written");
	if (offset < s->filed) {
		size_t filed = s->filed - offset < n ? (size_t)(s->filed - offset) : n;

		if (fs_pread(s->fd, to, filed, offset, e) == -1)
			return -1;
		to += filed;
		n -= filed;
		offset += filed;
	}
	if (n > 0)
		memcpy(to, s->tail.data + (offset - s->filed), n);
	return 0;
}
