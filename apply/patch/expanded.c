#include <inttypes.h>
#include <string.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "apply/patch/expanded.h"

static int
next_number(void *arg, uint64_t *out, struct err *e)
{
	return stream_varint(arg, out, e);
}

/* ---- what old streams unpack to ---- */

static int
read_kept(void *arg, void *out, size_t n, uint64_t at, struct err *e)
{
	const struct kept *k = arg;

	return fs_pread(k->fd, out, n, at, e);
}

static int
write_kept(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct kept *k = arg;

	if (n > k->max - k->bytes)
		return err_set(e, ERR_FORMAT, "needs more than the %" PRIu64
		    " bytes of scratch space that it declares", k->max);
	if (fs_pwrite(k->fd, data, n, k->bytes, e) == -1)
		return err_wrap(e, "scratch file");
	k->bytes += n;
	return 0;
}

static int
start_kept(struct kept *k, const struct delta_io *io, struct err *e)
{
	if (k->fd == -1 && io->scratch(io->arg, &k->fd, e) == -1)
		return -1;
	k->old = (struct old){ k, read_kept, k->max };
	return 0;
}

/* ---- both ways ---- */

static int
write_file(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct expanded *x = arg;

	if (n > x->left)
		return err_set(e, ERR_FORMAT, "a file longer than is said");
	x->left -= n;
	return x->io->write(x->io->arg, data, n, e);
}

static int
write_form(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	const struct expanded *x = arg;

	return repack_write(x->levels[x->n - 1].repack, data, n, e);
}

static int
open_level(struct expanded *x, struct expanded_level *l, const struct old *old,
    const struct sink *next, const struct numbers *lists, struct err *e)
{
	struct sink keep = { x->kept, write_kept };

	l->next = *next;
	if (expand_list_read(&l->was, x->arena, lists, e) == -1)
		return -1;
	if (l->was.n > 0 && start_kept(x->kept, x->io, e) == -1)
		return -1;
	l->view = (struct expand_view){ old, &x->kept->old, x->kept->bytes, &l->was };
	if (expand(old, &l->was, x->arena, &keep, e) == -1 ||
	    repack_list_read(&l->is, &l->was, x->arena, lists, e) == -1)
		return -1;
	l->old = expand_view(&l->view);
	l->repack = repack_open(&l->is, &l->next, x->arena, e);
	return l->repack == NULL ? -1 : 0;
}

int
expanded_open(struct expanded *x, const struct old *old, uint64_t bytes,
    struct stream *lists, struct kept *kept, const struct delta_io *io,
    struct arena *arena, struct err *e)
{
	const struct numbers from = { lists, next_number };
	struct sink next = { x, write_file };
	uint64_t n;

	memset(x, 0, sizeof *x);
	x->kept = kept;
	x->arena = arena;
	x->io = io;
	x->left = bytes;
	x->through = (struct delta_io){ .arg = x, .write = write_form };
	kept->bytes = 0;
	if (stream_varint(lists, &n, e) == -1)
		return -1;
	if (n == 0 || n > EXPANDED_LEVELS_MAX)
		return err_set(e, ERR_FORMAT, "%" PRIu64 " levels of packed streams", n);
	for (x->n = 0; x->n < n; x->n++) {
		struct expanded_level *l = &x->levels[x->n];

		if (open_level(x, l, old, &next, &from, e) == -1)
			return -1;
		old = &l->old;
		next = repack_sink(l->repack);
	}
	return 0;
}

void
expanded_close(struct expanded *x)
{
	for (size_t i = 0; i < EXPANDED_LEVELS_MAX && x->arena != NULL; i++) {
		struct expanded_level *l = &x->levels[i];

		repack_close(l->repack, x->arena);
		repack_list_free(&l->is, x->arena);
		expand_list_free(&l->was, x->arena);
	}
	x->arena = NULL;
}

const struct old *
expanded_old(const struct expanded *x)
{
	return &x->levels[x->n - 1].old;
}

uint64_t
expanded_bytes(const struct expanded *x)
{
	return x->levels[x->n - 1].is.bytes;
}

int
expanded_end(struct expanded *x, struct err *e)
{
	for (size_t i = x->n; i-- > 0;)
		if (repack_end(x->levels[i].repack, e) == -1)
			return -1;
	return x->left == 0 ? 0 : err_set(e, ERR_FORMAT,
	    "a file is %" PRIu64 " bytes shorter than is said", x->left);
}

uint64_t
expanded_memory(size_t levels, uint64_t was, uint64_t is, uint64_t unpacker,
    uint64_t packers)
{
	uint64_t expanding = expand_memory(unpacker);

	return (expanding > packers ? expanding : packers) +
	    levels * repack_memory(0) + was * sizeof(struct expand_stream) +
	    is * REPACK_STREAM_COUNTS;
}
