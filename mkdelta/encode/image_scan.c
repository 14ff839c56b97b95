#include <stdlib.h>
#include <string.h>

#include "apply/patch/image_elf.h"
#include "manifest/base/bytes.h"

#include "mkdelta/encode/ext4.h"
#include "mkdelta/encode/jobs.h"
#include "mkdelta/encode/mapped.h"

#include "mkdelta/encode/image_scan.h"

enum {
	SMALLEST = 2048,	/* less is not worth its layout */
	RAW_SMALLEST = 64 << 10,
	RAW_MAGIC_AT = 56
};

struct bytes {
	const uint8_t *data;
	size_t n;
};

static int
read_bytes(void *arg, void *out, size_t n, uint64_t at, struct err *e)
{
	const struct bytes *b = arg;

	(void)e;
	memcpy(out, b->data + at, n);
	return 0;
}

/* Takes a copy of the pieces. */
static int
add(struct image_places *p, struct image_place place, const struct stretch *pieces,
    size_t n_pieces, struct err *e)
{

	if (p->n == p->cap) {
		size_t cap = p->cap == 0 ? 64 : p->cap * 2;
		struct image_place *grown = realloc(p->list, cap * sizeof *grown);

		if (grown == NULL)
			return err_set(e, ERR_NOMEM, "out of memory for images");
		p->list = grown;
		p->cap = cap;
	}
	if ((place.pieces = calloc(n_pieces, sizeof *pieces)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for images");
	memcpy(place.pieces, pieces, n_pieces * sizeof *pieces);
	place.n_pieces = n_pieces;
	p->list[p->n++] = place;
	return 0;
}

/* What an image is, besides where. */
static struct image_place
kind_of(const struct image *im)
{
	return (struct image_place){ .machine = im->machine, .bits = im->bits,
		.relocatable = im->relocatable, .raw = im->raw };
}

static uint64_t
max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The end of an ELF file that has so many bytes at most. */
static uint64_t
end_of(const struct image *im, const uint8_t *head)
{
	const uint8_t *tail = head + (im->bits == 64 ? 54 : 42);
	uint64_t sections = im->bits == 64 ? le64_load(head + 40) : le32_load(head + 32);
	uint64_t end = 0, table = (uint64_t)le16_load(tail + 4) *
	    le16_load(tail + 6);

	if (sections <= im->bytes && table <= im->bytes - sections)
		end = sections + table;
	for (size_t i = 0; i < im->layout.n && !im->relocatable; i++)
		end = max(end, im->layout.segments[i].at + im->layout.segments[i].bytes);
	for (size_t i = 0; i < im->n_sections; i++)
		end = max(end, im->sections[i].at + im->sections[i].bytes);
	return end;
}

/* Versions of ELF that are none; headers of raw kernels with something in fields that
 * are reserved. */
static bool
makes_sense(const uint8_t *p, size_t n)
{
	if (n < SMALLEST)
		return false;
	if (p[0] == '\177')
		return p[6] == 1 && le32_load(p + 20) == 1;
	return le64_load(p + 16) >= RAW_SMALLEST && le64_load(p + 32) == 0 &&
	    le64_load(p + 40) == 0 && le64_load(p + 48) == 0;
}

/* 1: there is an image at `at`. */
static int
look(const uint8_t *data, size_t n, uint64_t at, struct image_place *out, struct err *e)
{
	struct bytes rest = { data + at, n - (size_t)at };
	struct old old = { .arg = &rest, .read = read_bytes, .bytes = rest.n };
	struct arena arena = { .limit = UINT64_MAX };
	struct image im;
	int rc;

	if (!makes_sense(rest.data, rest.n))
		return 0;
	if ((rc = image_open(&im, &old, &arena, e)) != 1)
		return rc;
	*out = kind_of(&im);
	out->at = at;
	out->bytes = im.raw ? le64_load(data + at + 16) : end_of(&im, data + at);
	if (out->bytes > im.bytes)
		out->bytes = im.bytes;
	image_close(&im);
	return out->bytes >= SMALLEST;
}

/* The next place where one may begin; n: none. */
static size_t
next_magic(const uint8_t *data, size_t from, size_t n, const char *magic, size_t before)
{
	if (n < 4 || from > n - 4 || before > n - 4 - from)
		return n;
	for (size_t at = from + before; n - at >= 4;) {
		size_t part = n - at < MAPPED_STEP ? n - at : MAPPED_STEP;
		const uint8_t *p = memmem(data + at, part, magic, 4);

		if (p != NULL)
			return (size_t)(p - data) - before;
		mapped_forget(data);
		at += part - 3;
	}
	return n;
}

/* In data[from..to). */
static int
find_between(const uint8_t *data, size_t from, size_t to, struct image_places *out,
    struct err *e)
{
	size_t elf = next_magic(data, from, to, "\177ELF", 0);
	size_t raw = next_magic(data, from, to, "ARM\x64", RAW_MAGIC_AT);

	while (elf < to || raw < to) {
		size_t at = elf < raw ? elf : raw;
		struct image_place place;
		int rc = look(data, to, at, &place, e);

		if (rc == -1 || (rc == 1 && add(out, place, &(struct stretch){ place.at,
		    place.bytes, 0 }, 1, e) == -1))
			return -1;
		at += rc == 1 ? (size_t)place.bytes : 1;
		if (elf < at)
			elf = next_magic(data, at, to, "\177ELF", 0);
		if (raw < at)
			raw = next_magic(data, at, to, "ARM\x64", RAW_MAGIC_AT);
	}
	return 0;
}

int
image_places_find(const uint8_t *data, size_t n, struct image_places *out, struct err *e)
{
	size_t done = 0;
	int rc = 0;

	memset(out, 0, sizeof *out);
	while (rc == 0 && done < n) {
		uint64_t bytes = 0;
		size_t at = ext4_next(data, done, n, &bytes);

		rc = find_between(data, done, at, out, e);
		if (rc == 0 && at < n)
			rc = ext4_images(data + at, (size_t)bytes, at, out, e);
		done = at + (size_t)bytes;
	}
	if (rc == -1)
		image_places_free(out);
	return rc;
}

static uint8_t *
gather(const uint8_t *data, const struct stretch *pieces, size_t n, uint64_t bytes,
    struct err *e)
{
	uint8_t *all = calloc((size_t)bytes + 1, 1);

	if (all == NULL)
		(void)err_set(e, ERR_NOMEM, "out of memory for images");
	for (size_t i = 0; all != NULL && i < n; i++)
		memcpy(all + pieces[i].joined_at, data + pieces[i].at,
		    (size_t)pieces[i].bytes);
	return all;
}

uint8_t *
image_place_gather(const uint8_t *data, const struct image_place *p, struct err *e)
{
	return gather(data, p->pieces, p->n_pieces, p->bytes, e);
}

int
image_places_offer(const uint8_t *data, uint64_t bytes, const struct stretch *pieces,
    size_t n_pieces, struct image_places *out, struct err *e)
{
	struct image_place place;
	struct arena arena = { .limit = UINT64_MAX };
	struct bytes gathered;
	struct old old = { .arg = &gathered, .read = read_bytes, .bytes = bytes };
	struct image im;
	uint8_t *all;
	int rc;

	if (pieces[0].joined_at != 0 || pieces[0].bytes < SMALLEST ||
	    (memcmp(data + pieces[0].at, "\177ELF", 4) != 0 &&
	    memcmp(data + pieces[0].at + RAW_MAGIC_AT, "ARM\x64", 4) != 0) ||
	    !makes_sense(data + pieces[0].at, (size_t)pieces[0].bytes))
		return 0;
	if ((all = gather(data, pieces, n_pieces, bytes, e)) == NULL)
		return -1;
	gathered = (struct bytes){ all, (size_t)bytes };
	if ((rc = image_open(&im, &old, &arena, e)) == 1) {
		place = kind_of(&im);
		place.at = pieces[0].at;
		place.bytes = bytes;
		image_close(&im);
		rc = add(out, place, pieces, n_pieces, e);
	}
	free(all);
	return rc;
}

void
image_places_free(struct image_places *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->list[i].pieces);
	free(p->list);
	memset(p, 0, sizeof *p);
}

struct sketching {
	const uint8_t *data;
	struct image_places *places;
};

static int
sketch_one(void *arg, size_t i, struct err *e)
{
	struct sketching *s = arg;
	struct image_place *p = &s->places->list[i];

	uint8_t *all = image_place_gather(s->data, p, e);

	if (all == NULL)
		return -1;
	sketch_of_bytes(all, (size_t)p->bytes, &p->sketch);
	free(all);
	return 0;
}

int
image_places_sketch(const uint8_t *data, struct image_places *p, unsigned jobs,
    struct err *e)
{
	struct sketching s = { data, p };

	return jobs_run(jobs, p->n, sketch_one, &s, e);
}
