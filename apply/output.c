#include <string.h>
#include <unistd.h>

#include "manifest/base/fs_change.h"

#include "apply/output.h"

enum { HOLE = 4096 };

int
output_start(struct output *o, int dir, const char *rel, uint64_t size, struct err *e)
{
	*o = (struct output)OUTPUT_INIT;
	o->dir = dir;
	o->rel = rel;
	o->size = size;
	if ((o->hash = hash_new(HASH_SHA256, e)) == NULL)
		return -1;
	if ((o->fd = fs_create(dir, rel, 0600, e)) == -1) {
		hash_free(o->hash);
		o->hash = NULL;
		return -1;
	}
	return 0;
}

static bool
is_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* Bytes up to the next place that is a multiple of HOLE. */
static size_t
piece(uint64_t at, size_t n)
{
	size_t most = HOLE - (size_t)(at % HOLE);

	return n < most ? n : most;
}

int
output_write(struct output *o, const uint8_t *data, size_t n, struct err *e)
{
	size_t done = 0;

	if (n > o->size - o->at)
		return err_set(e, ERR_FORMAT,
		    "%s: longer than the %llu bytes it should have", o->rel,
		    (unsigned long long)o->size);
	if (hash_add(o->hash, data, n, e) == -1)
		return -1;
	while (done < n) {
		size_t len = 0, part;

		/* As much as has something in it, then skip what has not.  Parts of
		 * a block count too: writes begin and end anywhere, and a hole
		 * that two of them share would be filled by both. */
		while (done + len < n) {
			part = piece(o->at + done + len, n - done - len);
			if (is_zero(data + done + len, part))
				break;
			len += part;
		}
		if (len > 0 && fs_pwrite(o->fd, data + done, len, o->at + done, e) == -1)
			return -1;
		done += len;
		if (done < n && len == 0)
			done += piece(o->at + done, n - done);
	}
	o->at += n;
	return 0;
}

int
output_end(struct output *o, struct sha256 *id, struct err *e)
{
	if (o->at != o->size)
		return err_set(e, ERR_FORMAT, "%s: %llu bytes instead of %llu", o->rel,
		    (unsigned long long)o->at, (unsigned long long)o->size);
	if (hash_end(o->hash, id->bytes, e) == -1)
		return -1;
	return fs_truncate(o->fd, o->size, e);	/* it may end in a hole */
}

void
output_close(struct output *o)
{
	if (o->fd != -1)
		(void)close(o->fd);
	hash_free(o->hash);
	*o = (struct output)OUTPUT_INIT;
}

void
output_drop(struct output *o)
{
	struct err ignored = ERR_INIT;

	if (o->fd != -1)
		(void)fs_unlink(o->dir, o->rel, &ignored);
	output_close(o);
}
