/*
 * The images of an output, as control holds them:
 *
 *	varint rules; with FLAG_PIECES: varint images; each image (without: the one that
 *	is all of both sides):
 *	  with FLAG_PIECES, for the old side, then for the output:
 *	  varint    pieces, each: zigzag offset less the end of the piece before (of any
 *	            image); varint bytes of zeros before it; varint bytes
 *	  always:
 *	  varint    segments, each LAYOUT_NUMBERS zigzags (layout.h)
 *	  varint    anchors, each: varint from, less the end of the one before; varint
 *	            bytes; zigzag to less from, less the same of the one before
 * and of a part, from TARGETS for each image, overrides:
 *	  varint    address, less the one before
 *	  zigzag    new address less what the map says, less the same of the one before
 */
#include <inttypes.h>
#include <string.h>

#include "manifest/base/bytes.h"

#include "apply/patch/patch_output.h"

static int
number(struct stream *const streams[DELTA_KINDS], uint64_t max, uint64_t *out,
    struct err *e)
{
	if (stream_varint(streams[DELTA_CONTROL], out, e) == -1)
		return -1;
	if (*out > max)
		return err_set(e, ERR_FORMAT, "%" PRIu64 " of at most %" PRIu64, *out,
		    max);
	return 0;
}

static int
read_sources(struct patch_output *o, struct stream *const streams[DELTA_KINDS],
    const struct delta_io *io, struct err *e)
{
	uint64_t more = 0;

	if ((o->flags & FLAG_SOURCES) != 0 &&
	    number(streams, DELTA_SOURCES_MAX - 1, &more, e) == -1)
		return -1;
	o->sources.n = (size_t)more + 1;
	for (size_t i = 0; i < o->sources.n; i++)
		if (number(streams, UINT64_MAX, &o->sources.entries[i], e) == -1)
			return -1;
	return sources_open(&o->sources, io, e);
}

/* ---- images ---- */

static int
read_layout(struct patch_output *o, struct pair *p,
    struct stream *const streams[DELTA_KINDS], struct err *e)
{
	uint64_t n, numbers[LAYOUT_SEGMENTS_MAX * LAYOUT_NUMBERS];
	struct gather gather;
	struct image im;
	int rc;

	if (number(streams, LAYOUT_SEGMENTS_MAX, &n, e) == -1)
		return -1;
	for (size_t i = 0; i < n * LAYOUT_NUMBERS; i++)
		if (stream_varint(streams[DELTA_CONTROL], &numbers[i], e) == -1)
			return -1;
	gather_image(&gather, &o->pieces, (size_t)(p - o->pairs), o->old);
	rc = image_open(&im, &gather.old, o->arena, e);
	if (rc == -1)
		return -1;
	if (rc == 0)
		return err_set(e, ERR_FORMAT, "an image that is none");
	layout_apply(&im.layout, (size_t)n, numbers, &p->to);
	image_close(&im);
	return 0;
}

/* Room for one more item; what there is grows by doubling. */
static void *
grown(struct arena *a, void *list, size_t n, size_t size, struct err *e)
{
	size_t cap = n == 0 ? 1 : n * 2;
	void *p;

	if (n > 0 && (n & (n - 1)) != 0)
		return list;
	if ((p = arena_new(a, cap, size, e)) == NULL)
		return NULL;
	if (n > 0)
		memcpy(p, list, n * size);
	arena_free(a, list, n, size);
	return p;
}

/* The capacity that grown() has for n items. */
static size_t
capacity(size_t n)
{
	size_t cap = 1;

	while (cap < n)
		cap *= 2;
	return n == 0 ? 0 : cap;
}

static int
read_anchors(struct patch_output *o, struct pair *p,
    struct stream *const streams[DELTA_KINDS], struct err *e)
{
	uint64_t n, from, bytes, to;
	uint32_t end = 0, shift = 0;

	if (number(streams, DELTA_ANCHORS_MAX, &n, e) == -1)
		return -1;
	for (p->n_anchors = 0; p->n_anchors < n; p->n_anchors++) {
		struct anchor *list;

		if (number(streams, UINT32_MAX, &from, e) == -1 ||
		    number(streams, UINT32_MAX, &bytes, e) == -1 ||
		    stream_varint(streams[DELTA_CONTROL], &to, e) == -1)
			return -1;
		list = grown(o->arena, o->anchors, o->n_anchors, sizeof *list, e);
		if (list == NULL)
			return -1;
		o->anchors = list;
		end += (uint32_t)from;
		shift += (uint32_t)unzigzag(to);
		list[o->n_anchors++] = (struct anchor){ end, (uint32_t)bytes,
			end + shift };
		end += (uint32_t)bytes;
	}
	return 0;
}

/* The pieces of an image on one side, behind those of the images before. */
static int
read_pieces(struct patch_output *o, size_t image, struct piece **list, size_t *n,
    uint64_t side_bytes, struct stream *const streams[DELTA_KINDS], struct err *e)
{
	uint64_t count, in = 0, at, zeros, bytes;

	if (number(streams, PIECES_MAX - *n, &count, e) == -1)
		return -1;
	for (; count > 0; count--, ++*n) {
		struct piece *p = grown(o->arena, *list, *n, PIECE_COUNTS, e);

		if (p == NULL)
			return -1;
		*list = p;
		p += *n;
		if (stream_varint(streams[DELTA_CONTROL], &at, e) == -1 ||
		    number(streams, UINT32_MAX - in, &zeros, e) == -1 ||
		    number(streams, UINT32_MAX - in - zeros, &bytes, e) == -1)
			return -1;
		at = (uint64_t)unzigzag(at) + (*n == 0 ? 0 : p[-1].at + p[-1].bytes);
		if (at > side_bytes || bytes > side_bytes - at)
			return err_set(e, ERR_FORMAT, "a piece outside of its file");
		in += zeros;
		*p = (struct piece){ at, bytes, (uint32_t)in, (uint32_t)image };
		in += bytes;
	}
	return 0;
}

/* Where an image is on both sides. */
static int
read_place(struct patch_output *o, size_t i, struct stream *const streams[DELTA_KINDS],
    struct err *e)
{
	struct pieces *s = &o->pieces;

	if ((o->flags & FLAG_PIECES) == 0) {
		pieces_whole(s, o->whole, o->old->bytes, o->bytes);
		return 0;
	}
	return read_pieces(o, i, &s->images, &s->n_olds, o->old->bytes, streams,
	    e) == -1 ? -1 :
	    read_pieces(o, i, &s->news, &s->n_news, o->bytes, streams, e);
}

/* Both sides by place. */
static int
settle_pieces(struct patch_output *o, struct err *e)
{
	struct pieces *s = &o->pieces;

	if ((s->olds = arena_new(o->arena, s->n_olds, PIECE_COUNTS, e)) == NULL)
		return -1;
	if (s->n_olds > 0)
		memcpy(s->olds, s->images, s->n_olds * sizeof *s->olds);
	return pieces_settle(s->olds, s->n_olds, e) == -1 ? -1 :
	    pieces_settle(s->news, s->n_news, e);
}

static int
read_images(struct patch_output *o, struct stream *const streams[DELTA_KINDS],
    struct err *e)
{
	bool pieces = (o->flags & FLAG_PIECES) != 0;
	uint64_t n = 1, anchors = 0;

	if (number(streams, ((uint64_t)1 << RULE_IDS) - 1, &o->rules, e) == -1 ||
	    (pieces && number(streams, DELTA_IMAGES_MAX, &n, e) == -1))
		return -1;
	if ((o->pairs = arena_new(o->arena, (size_t)n, PAIR_COUNTS, e)) == NULL)
		return -1;
	o->n_pairs = (size_t)n;
	for (size_t i = 0; i < n; i++)
		if (read_place(o, i, streams, e) == -1 ||
		    read_layout(o, &o->pairs[i], streams, e) == -1 ||
		    read_anchors(o, &o->pairs[i], streams, e) == -1)
			return -1;
	for (size_t i = 0; i < n; i++) {
		if (o->anchors != NULL)
			o->pairs[i].anchors = o->anchors + anchors;
		anchors += o->pairs[i].n_anchors;
	}
	return pieces ? settle_pieces(o, e) : 0;
}

int
patch_output_open(struct patch_output *o, uint64_t bytes,
    struct stream *const streams[DELTA_KINDS], const struct delta_io *io,
    struct kept *kept, struct arena *arena, struct err *e)
{
	memset(o, 0, sizeof *o);
	o->arena = arena;
	o->old = &o->sources.old;
	o->bytes = bytes;
	o->io = io;
	if (number(streams, FLAGS_ALL, &o->flags, e) == -1)
		return -1;
	if ((o->flags & (FLAG_SPARSE | FLAG_SUBSTITUTE)) == FLAG_SUBSTITUTE ||
	    (o->flags & (FLAG_IMAGES | FLAG_PIECES)) == FLAG_PIECES)
		return err_set(e, ERR_FORMAT, "flags that do not go together");
	if (read_sources(o, streams, io, e) == -1)
		return -1;
	if ((o->flags & FLAG_EXPANDED) != 0) {
		if (expanded_open(&o->expanded, o->old, bytes, streams[DELTA_LISTS], kept,
		    io, arena, e) == -1)
			return -1;
		o->old = expanded_old(&o->expanded);
		o->bytes = expanded_bytes(&o->expanded);
		o->io = &o->expanded.through;
	}
	return (o->flags & FLAG_IMAGES) != 0 ? read_images(o, streams, e) : 0;
}

int
patch_output_end(struct patch_output *o, struct err *e)
{
	return (o->flags & FLAG_EXPANDED) != 0 ? expanded_end(&o->expanded, e) : 0;
}

static void
drop_part(struct patch_output *o)
{
	arena_free(o->arena, o->blocks, o->n_blocks + 1, sizeof *o->blocks);
	arena_free(o->arena, o->points, o->n_points, sizeof *o->points);
	o->blocks = NULL;
	o->points = NULL;
	o->n_blocks = o->n_points = 0;
}

void
patch_output_close(struct patch_output *o)
{
	struct pieces *s = &o->pieces;

	drop_part(o);
	expanded_close(&o->expanded);
	if (s->images != o->whole) {
		arena_free(o->arena, s->images, capacity(s->n_olds), PIECE_COUNTS);
		arena_free(o->arena, s->news, capacity(s->n_news), PIECE_COUNTS);
		arena_free(o->arena, s->olds, s->n_olds, PIECE_COUNTS);
	}
	memset(s, 0, sizeof *s);
	arena_free(o->arena, o->anchors, capacity(o->n_anchors), sizeof *o->anchors);
	arena_free(o->arena, o->pairs, o->n_pairs, PAIR_COUNTS);
	o->anchors = NULL;
	o->pairs = NULL;
	o->n_anchors = o->n_pairs = 0;
}

/* ---- a part ---- */

static int
read_blocks(struct patch_output *o, struct stream *const streams[DELTA_KINDS],
    uint64_t bytes, uint64_t *seek, struct err *e)
{
	uint64_t done = 0;

	for (size_t i = 0; i < o->n_blocks; i++) {
		struct bspatch_block b;

		if (bspatch_read(streams, o->old->bytes, bytes - done, seek, &b,
		    e) == -1)
			return -1;
		o->blocks[i] = (struct placed){ *seek, (uint32_t)done,
			(uint32_t)b.copy };
		bspatch_move(seek, &b, o->old->bytes);
		done += b.copy + b.fresh;
	}
	o->blocks[o->n_blocks].new_at = (uint32_t)done;
	return done == bytes ? 0 :
	    err_set(e, ERR_FORMAT, "blocks that do not fill their part");
}

/* What the map says of these addresses is wrong by so much. */
static int
read_points(struct patch_output *o, struct stream *const streams[DELTA_KINDS],
    struct err *e)
{
	size_t at = 0;

	for (size_t i = 0; i < o->n_pairs; i++) {
		struct pair *p = &o->pairs[i];
		uint32_t from = 0, wrong = 0;

		p->points = o->points + at;
		for (size_t k = 0; k < p->n_points; k++, at++) {
			uint64_t step, change;

			if (stream_varint(streams[DELTA_TARGETS], &step, e) == -1 ||
			    stream_varint(streams[DELTA_TARGETS], &change, e) == -1)
				return -1;
			if (step > UINT32_MAX - from || (k > 0 && step == 0))
				return err_set(e, ERR_FORMAT, "targets out of order");
			from += (uint32_t)step;
			wrong += (uint32_t)unzigzag(change);
			o->points[at] = (struct map_point){ from, wrong };
		}
	}
	return 0;
}

static int
read_counts(struct patch_output *o, struct stream *const streams[DELTA_KINDS],
    uint64_t bytes, struct err *e)
{
	uint64_t n, points = 0;

	/* Each block makes at least one byte. */
	if (number(streams, bytes, &n, e) == -1)
		return -1;
	o->blocks = arena_new(o->arena, (size_t)n + 1, sizeof *o->blocks, e);
	if (o->blocks == NULL)
		return -1;
	o->n_blocks = (size_t)n;
	for (size_t i = 0; i < o->n_pairs; i++) {
		if (number(streams, UINT32_MAX - points, &n, e) == -1)
			return -1;
		o->pairs[i].n_points = (size_t)n;
		points += n;
	}
	o->points = arena_new(o->arena, (size_t)points, sizeof *o->points, e);
	if (o->points == NULL)
		return -1;
	o->n_points = (size_t)points;
	return 0;
}

int
patch_output_part(struct patch_output *o, struct stream *const streams[DELTA_KINDS],
    uint64_t left, uint64_t *seek, uint64_t *bytes, struct err *e)
{
	drop_part(o);
	if (number(streams, left, bytes, e) == -1)
		return -1;
	if (*bytes == 0)
		*bytes = left;
	if (*bytes > DELTA_PART_MAX)
		return err_set(e, ERR_FORMAT, "a part of %" PRIu64 " bytes", *bytes);
	if (read_counts(o, streams, *bytes, e) == -1 ||
	    read_blocks(o, streams, *bytes, seek, e) == -1)
		return -1;
	return read_points(o, streams, e);
}
