/*
 * fuzz_expand.c - any bytes as lists and as the old file: two bytes say how long the
 * lists are (the old file's, then the new file's), the old file follows.  What was
 * expanded is repacked again, in pieces, through a chain of two.
 */
#include <stdlib.h>
#include <string.h>

#include "apply/patch/repack.h"
#include "manifest/base/buf.h"
#include "manifest/base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { FORM_MAX = 1 << 18, FILE_MAX = 1 << 20, ARENA_MAX = 2 << 20, PIECE = 97 };

struct bytes {
	const uint8_t *p;
	size_t n;
};

static int
next(void *arg, uint64_t *v, struct err *e)
{
	struct bytes *b = arg;
	size_t n = varint_load(b->p, b->n, v);

	if (n == 0)
		return err_set(e, ERR_FORMAT, "no number left");
	b->p += n;
	b->n -= n;
	return 0;
}

static int
read_old(void *arg, void *out, size_t n, uint64_t at, struct err *e)
{
	const struct bytes *b = arg;

	(void)e;
	if (at > b->n || n > b->n - at)
		abort();
	memcpy(out, b->p + at, n);
	return 0;
}

static int
keep(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	return buf_add(arg, data, n, e);
}

static void
repack(const struct expand_list *old, struct bytes *list, const struct buf *form,
    struct arena *arena)
{
	struct numbers from = { list, next };
	struct buf file = BUF_INIT(FILE_MAX);
	struct sink to = { &file, keep }, middle;
	struct repack_list outer = { 0 }, inner = { 0 };
	struct repack *a = NULL, *b = NULL;
	struct err e = ERR_INIT;

	if (repack_list_read(&inner, old, arena, &from, &e) == -1)
		goto out;
	/* The outer one is optional: then nothing is left to be made. */
	if (repack_list_read(&outer, old, arena, &from, &e) == -1) {
		repack_list_free(&outer, arena);
		outer.bytes = FILE_MAX;
	}
	if ((b = repack_open(&outer, &to, arena, &e)) == NULL)
		goto out;
	middle = repack_sink(b);
	if ((a = repack_open(&inner, &middle, arena, &e)) == NULL)
		goto out;
	for (size_t at = 0; at < form->len; at += PIECE)
		if (repack_write(a, form->data + at,
		    form->len - at < PIECE ? form->len - at : PIECE, &e) == -1)
			goto out;
	if (repack_end(a, &e) == 0)
		(void)repack_end(b, &e);
out:
	repack_close(a, arena);
	repack_close(b, arena);
	repack_list_free(&inner, arena);
	repack_list_free(&outer, arena);
	buf_free(&file);
}

/* Any read of the form stays inside of the file and of what was kept. */
static void
read_form(const struct old *file, const struct buf *plain, const struct expand_list *l,
    struct buf *form)
{
	struct bytes bytes = { plain->data, plain->len };
	struct old kept = { &bytes, read_old, plain->len };
	struct expand_view v = { file, &kept, 0, l };
	struct old o = expand_view(&v);
	struct err e = ERR_INIT;

	if (buf_reserve(form, (size_t)o.bytes, &e) == -1)
		abort();
	for (uint64_t at = 0, n = 1; at < o.bytes; at += n, n += 77) {
		n = o.bytes - at < n ? o.bytes - at : n;
		if (old_read(&o, form->data + at, (size_t)n, at, &e) == -1)
			abort();
	}
	form->len = (size_t)o.bytes;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena arena = { .limit = ARENA_MAX };
	struct buf form = BUF_INIT(FORM_MAX), plain = BUF_INIT(FORM_MAX);
	struct bytes list, file;
	struct numbers from = { &list, next };
	struct sink to = { &plain, keep };
	struct old old = { &file, read_old, 0 };
	struct expand_list l;
	struct err e = ERR_INIT;
	size_t list_bytes;

	if (n < 2)
		return 0;
	list_bytes = (size_t)data[0] | (size_t)data[1] << 8;
	if (list_bytes > n - 2)
		list_bytes = n - 2;
	list = (struct bytes){ data + 2, list_bytes };
	file = (struct bytes){ data + 2 + list_bytes, n - 2 - list_bytes };
	old.bytes = file.n;
	if (expand_list_read(&l, &arena, &from, &e) == 0 &&
	    expand(&old, &l, &arena, &to, &e) == 0) {
		read_form(&old, &plain, &l, &form);
		repack(&l, &list, &form, &arena);
	}
	if (plain.len > l.bytes)
		abort();
	buf_free(&plain);
	expand_list_free(&l, &arena);
	if (arena.used != 0)
		abort();
	buf_free(&form);
	return 0;
}
