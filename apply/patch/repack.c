#include <inttypes.h>

#include "manifest/base/bytes.h"

#include "apply/patch/opening.h"

#include "apply/patch/repack.h"

struct repack {
	const struct repack_list *list;
	const struct sink *next;
	struct packer packer;
	struct opening opening;
	uint64_t bytes;		/* of the expanded form, still to come */
	size_t i;		/* the stream that is made, or comes next */
	uint64_t skip;		/* places to pass over before it */
	uint64_t left;		/* of the stream under way; 0: between streams */
};

enum { REPACK_COUNTS = 192 };
ARENA_COUNTS(struct repack, REPACK_COUNTS);

/* One column after the other: the columns are alike in themselves. */
static int
read_skips(struct repack_list *l, const struct numbers *from, struct err *e)
{
	for (size_t i = 0; i < l->n; i++)
		if (from->next(from->arg, &l->streams[i].skip, e) == -1)
			return -1;
	return 0;
}

/* The size that the old list gives for the stream, left in `plain`. */
static int
read_likes(struct repack_list *l, const struct expand_list *old,
    const struct numbers *from, struct err *e)
{
	uint64_t like = 0, jump;

	for (size_t i = 0; i < l->n; i++, like++) {
		if (from->next(from->arg, &jump, e) == -1)
			return -1;
		like += (uint64_t)unzigzag(jump);
		if (old != NULL && like < old->n)
			l->streams[i].plain = old->streams[like].plain;
	}
	return 0;
}

static int
read_sizes(struct repack_list *l, const struct numbers *from, struct err *e)
{
	uint64_t diff, left = l->bytes;

	for (size_t i = 0; i < l->n; i++) {
		struct repack_stream *s = &l->streams[i];

		if (from->next(from->arg, &diff, e) == -1)
			return -1;
		s->plain += (uint64_t)unzigzag(diff);
		if (s->plain == 0 || s->plain > left)
			return err_set(e, ERR_FORMAT,
			    "a packed stream of %" PRIu64 " bytes", s->plain);
		left -= s->plain;
	}
	return 0;
}

static int
read_params(struct repack_list *l, const struct numbers *from, struct err *e)
{
	uint64_t code = 0, v;

	for (size_t i = 0; i < l->n; i++) {
		if (from->next(from->arg, &v, e) == -1)
			return -1;
		if (v == code + 1 || !packing_known(v == 0 ? code : v - 1))
			return err_set(e, ERR_FORMAT,
			    "packing parameters %" PRIu64 " are unknown", v);
		if (v != 0)
			code = v - 1;
		l->streams[i].code = (unsigned)code;
	}
	return 0;
}

int
repack_list_read(struct repack_list *l, const struct expand_list *old, struct arena *a,
    const struct numbers *from, struct err *e)
{
	uint64_t n;

	*l = (struct repack_list){ 0 };
	if (from->next(from->arg, &l->bytes, e) == -1 ||
	    from->next(from->arg, &n, e) == -1)
		return -1;
	if (n > SIZE_MAX / REPACK_STREAM_COUNTS)
		return err_set(e, ERR_FORMAT, "a list of %" PRIu64 " streams", n);
	if ((l->streams = arena_new(a, (size_t)n, REPACK_STREAM_COUNTS, e)) == NULL)
		return -1;
	l->n = (size_t)n;
	if (read_skips(l, from, e) == -1 || read_likes(l, old, from, e) == -1 ||
	    read_sizes(l, from, e) == -1)
		return -1;
	return read_params(l, from, e);
}

void
repack_list_free(struct repack_list *l, struct arena *a)
{
	arena_free(a, l->streams, l->n, REPACK_STREAM_COUNTS);
	*l = (struct repack_list){ 0 };
}

/* Between two streams, at the start of the bytes before stream i. */
static void
enter_gap(struct repack *r)
{
	opening_start(&r->opening);
	if (r->i < r->list->n)
		r->skip = r->list->streams[r->i].skip;
}

struct repack *
repack_open(const struct repack_list *l, const struct sink *next, struct arena *a,
    struct err *e)
{
	struct repack *r = arena_new(a, 1, REPACK_COUNTS, e);

	if (r == NULL)
		return NULL;
	r->list = l;
	r->next = next;
	r->bytes = l->bytes;
	r->packer.arena = a;
	enter_gap(r);
	return r;
}

void
repack_close(struct repack *r, struct arena *a)
{
	if (r != NULL)
		packer_close(&r->packer);
	arena_free(a, r, 1, REPACK_COUNTS);
}

/* How many of these bytes belong to the stream under way; they are taken. */
static int
write_stream(struct repack *r, const uint8_t *data, size_t n, size_t *used, struct err *e)
{
	*used = n < r->left ? n : (size_t)r->left;
	if (packer_add(&r->packer, data, *used, e) == -1)
		return -1;
	r->left -= *used;
	if (r->left > 0)
		return 0;
	r->i++;
	enter_gap(r);
	return packer_end(&r->packer, e);
}

static int
write_gap(struct repack *r, const uint8_t *data, size_t n, size_t *used, struct err *e)
{
	struct packing how = { 0, r->opening.head };
	const struct repack_stream *s;
	bool here = false;

	*used = r->i == r->list->n ? n : opening_feed(&r->opening, data, n, &here);
	if (r->next->write(r->next->arg, data, *used, e) == -1)
		return -1;
	if (!here || r->skip-- > 0)
		return 0;
	s = &r->list->streams[r->i];
	r->left = s->plain;
	how.kind = r->opening.kind;
	return packer_start(&r->packer, s->code, &how, s->plain, r->next, e);
}

int
repack_write(struct repack *r, const uint8_t *data, size_t n, struct err *e)
{
	if (n > r->bytes)
		return err_set(e, ERR_FORMAT, "an expanded file is longer than is said");
	r->bytes -= n;
	while (n > 0) {
		size_t used;

		if ((r->left > 0 ? write_stream : write_gap)(r, data, n, &used, e) == -1)
			return -1;
		data += used;
		n -= used;
	}
	return 0;
}

int
repack_end(struct repack *r, struct err *e)
{
	if (r->bytes > 0 || r->left > 0 || r->i < r->list->n)
		return err_set(e, ERR_FORMAT, "%" PRIu64 " bytes and %zu packed streams "
		    "of an expanded file are missing", r->bytes, r->list->n - r->i);
	return 0;
}

uint64_t
repack_memory(uint64_t packer)
{
	return REPACK_COUNTS + packer;
}

static int
sink_write(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	return repack_write(arg, data, n, e);
}

struct sink
repack_sink(struct repack *r)
{
	return (struct sink){ r, sink_write };
}
