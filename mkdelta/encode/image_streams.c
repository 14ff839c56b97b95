#include "apply/patch/layout.h"
#include "manifest/base/bytes.h"

#include "mkdelta/encode/image_streams.h"

static int
put_number(struct spill *plain, enum delta_kind kind, uint64_t v, struct err *e)
{
	uint8_t bytes[VARINT_MAX];

	return spill_add(&plain[kind], bytes, varint_store(bytes, v), e);
}

static int
put_layout(struct spill *plain, const struct layout *from, const struct layout *to,
    struct err *e)
{
	uint64_t numbers[LAYOUT_SEGMENTS_MAX * LAYOUT_NUMBERS];

	layout_numbers(from, to, numbers);
	if (put_number(plain, DELTA_CONTROL, to->n, e) == -1)
		return -1;
	for (size_t i = 0; i < to->n * LAYOUT_NUMBERS; i++)
		if (put_number(plain, DELTA_CONTROL, numbers[i], e) == -1)
			return -1;
	return 0;
}

static int
put_anchors(struct spill *plain, const struct pair *p, struct err *e)
{
	uint32_t end = 0, shift = 0;

	if (put_number(plain, DELTA_CONTROL, p->n_anchors, e) == -1)
		return -1;
	for (size_t i = 0; i < p->n_anchors; i++) {
		const struct anchor *a = &p->anchors[i];
		uint32_t by = a->to - a->from;

		if (put_number(plain, DELTA_CONTROL, a->from - end, e) == -1 ||
		    put_number(plain, DELTA_CONTROL, a->bytes, e) == -1 ||
		    put_number(plain, DELTA_CONTROL, zigzag((int32_t)(by - shift)),
		    e) == -1)
			return -1;
		end = a->from + a->bytes;
		shift = by;
	}
	return 0;
}

/* The pieces of an image, from list[*k] on; *end is that of the piece before. */
static int
put_pieces(struct spill *plain, size_t image, const struct piece *list, size_t n,
    size_t *k, uint64_t *end, struct err *e)
{
	size_t last = *k;
	uint64_t in = 0;

	while (last < n && list[last].image == image)
		last++;
	if (put_number(plain, DELTA_CONTROL, last - *k, e) == -1)
		return -1;
	for (; *k < last; ++*k) {
		const struct piece *p = &list[*k];

		if (put_number(plain, DELTA_CONTROL, zigzag((int64_t)(p->at - *end)),
		    e) == -1 ||
		    put_number(plain, DELTA_CONTROL, p->in - in, e) == -1 ||
		    put_number(plain, DELTA_CONTROL, p->bytes, e) == -1)
			return -1;
		*end = p->at + p->bytes;
		in = (uint64_t)p->in + p->bytes;
	}
	return 0;
}

/* Where images are, from one to the next. */
struct places {
	uint64_t old_end, new_end;
	size_t olds, news;
};

static int
put_place(struct spill *plain, const struct prediction *x, size_t i, struct places *at,
    struct err *e)
{
	if (x->pieces.images == NULL)
		return 0;
	return put_pieces(plain, i, x->pieces.images, x->pieces.n_olds, &at->olds,
	    &at->old_end, e) == -1 ? -1 :
	    put_pieces(plain, i, x->new_images, x->pieces.n_news, &at->news,
	    &at->new_end, e);
}

int
image_streams_images(struct spill plain[DELTA_KINDS], const struct prediction *x,
    struct err *e)
{
	struct places at = { 0 };

	if (put_number(plain, DELTA_CONTROL, x->rules, e) == -1 ||
	    (x->pieces.images != NULL &&
	    put_number(plain, DELTA_CONTROL, x->n, e) == -1))
		return -1;
	for (size_t i = 0; i < x->n; i++)
		if (put_place(plain, x, i, &at, e) == -1 ||
		    put_layout(plain, &x->from[i], &x->pairs[i].to, e) == -1 ||
		    put_anchors(plain, &x->pairs[i], e) == -1)
			return -1;
	return 0;
}

static int
put_points(struct spill *plain, const struct pair *p, struct err *e)
{
	uint32_t from = 0, by = 0;

	for (size_t k = 0; k < p->n_points; k++) {
		const struct map_point *t = &p->points[k];

		if (put_number(plain, DELTA_TARGETS, t->from - from, e) == -1 ||
		    put_number(plain, DELTA_TARGETS, zigzag((int32_t)(t->by - by)),
		    e) == -1)
			return -1;
		from = t->from;
		by = t->by;
	}
	return 0;
}

/* Where the first byte of an image is in the output. */
static uint64_t
first_byte(const struct prediction *x, size_t image)
{
	size_t low = 0, high = x->pieces.n_news;

	if (x->pieces.images == NULL)
		return 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (x->new_images[middle].image < image)
			low = middle + 1;
		else
			high = middle;
	}
	return x->new_images[low].at;
}

int
image_streams_part(struct spill plain[DELTA_KINDS], const struct prediction *x,
    const struct prediction_part *part, uint64_t new_at, struct pair *pairs,
    struct err *e)
{
	if (put_number(plain, DELTA_CONTROL, part->bytes, e) == -1 ||
	    put_number(plain, DELTA_CONTROL, part->blocks, e) == -1)
		return -1;
	for (size_t i = 0; i < x->n; i++) {
		bool here = part->bytes == 0 ||
		    first_byte(x, i) - new_at < part->bytes;

		pairs[i].n_points = here ? x->pairs[i].n_points : 0;
		if (put_number(plain, DELTA_CONTROL, pairs[i].n_points, e) == -1 ||
		    put_points(plain, &pairs[i], e) == -1)
			return -1;
	}
	return 0;
}
