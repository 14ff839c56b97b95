/*
 * Unwind tables of the x86-64 and AArch64 psABIs (LSB 5.0, section 10.6): .eh_frame
 * is a list of records that has to be followed from its beginning; .eh_frame_hdr is a
 * sorted table.  Only pointers of four bytes relative to their place are looked at,
 * as all compilers write them.
 */
#include <string.h>

#include "manifest/base/bytes.h"

#include "apply/patch/glance.h"
#include "apply/patch/image_elf.h"

#include "apply/patch/rule.h"

enum {
	MARK_CIE = 1,		/* an FDE's pointer back to its CIE */
	MARK_PLACE,		/* where the code begins */
	MARK_LSDA,		/* the language's table, behind a length of one byte */
	WHAT_HEADER = 1,	/* span->what of .eh_frame_hdr */
	HEADER_BYTES = 12,
	HEAD = 20,
	LSDA_AT = 16,		/* length of augmentation data, then the LSDA */
	LSDA_LENGTH = 4
};

/* Follow the records of the section.  One of over 2^32 - 2 bytes ends it. */
static int
follow(struct image *im, struct span *s, struct err *e)
{
	struct glance g = { .image = im };
	uint64_t at = s->from;
	int rc = 0;

	while (at + HEAD <= s->to) {
		const uint8_t *p = glance(&g, at, HEAD, &rc, e);
		uint32_t length;

		if (p == NULL)
			return rc;
		length = le32_load(p);
		if (length == UINT32_MAX)
			return 0;
		if (length != 0 && le32_load(p + 4) != 0) {
			span_mark(s, at + 4, MARK_CIE);
			span_mark(s, at + 8, MARK_PLACE);
			if (length > LSDA_AT + LSDA_LENGTH && p[LSDA_AT] == LSDA_LENGTH)
				span_mark(s, at + LSDA_AT, MARK_LSDA);
		}
		at += 4 + (uint64_t)length;
	}
	return 0;
}

static int
add_records(struct image *im, const struct image_section *x, struct spans *out,
    struct err *e)
{
	struct span *s = spans_add(out, im, x->at, x->at + x->bytes, e);

	if (s == NULL || span_mark_all(out, s, e) == -1)
		return -1;
	s->kinds[MARK_CIE] = (struct mark){ .kind = REF_BACK32 };
	s->kinds[MARK_PLACE] = (struct mark){ .kind = REF_REL32 };
	s->kinds[MARK_LSDA] = (struct mark){ .kind = REF_REL32, .at = 1 };
	return follow(im, s, e);
}

static int
add_header(struct image *im, const struct image_section *x, struct spans *out,
    struct err *e)
{
	struct span *s = spans_add(out, im, x->at, x->at + x->bytes, e);

	if (s == NULL)
		return -1;
	s->what = WHAT_HEADER;
	s->base = image_base(im, x->address);
	return 0;
}

static int
spans(struct image *im, struct spans *out, struct err *e)
{
	const struct image_section *records = image_section(im, ".eh_frame");
	const struct image_section *header = image_section(im, ".eh_frame_hdr");

	if (records != NULL && records->bytes >= HEAD &&
	    add_records(im, records, out, e) == -1)
		return -1;
	if (header != NULL && header->bytes >= HEADER_BYTES &&
	    add_header(im, header, out, e) == -1)
		return -1;
	return 0;
}

/* The word at 4 points to .eh_frame, at 8 is a count; then pairs relative to the
 * header's own address. */
static void
find_header(const struct span *s, const struct window *w, uint64_t from, uint64_t to,
    struct refs *refs)
{
	uint64_t at = from + (4 - (from - s->origin) % 4) % 4;

	for (; at < to && at + 4 <= w->at + w->n; at += 4) {
		uint64_t offset = at - s->origin;
		uint64_t v = (uint64_t)(int64_t)(int32_t)le32_load(w->bytes +
		    (at - w->at));

		if (offset == 4)
			refs_add(refs, REF_REL32, 0, 0, at,
			    image_address(w->image, at) + v);
		else if (offset >= HEADER_BYTES)
			refs_add(refs, REF_BASE32, 0, s->base, at,
			    w->image->bases[s->base] + v);
	}
}

static void
find(const struct span *s, const struct window *w, uint64_t from, uint64_t to,
    struct refs *refs)
{
	if (s->what == WHAT_HEADER)
		find_header(s, w, from, to, refs);
	else
		span_find_marks(s, w, from, to, refs);
}

const struct rule rule_unwind = {
	.name = "unwind",
	.after = 12,
	.spans = spans,
	.find = find,
};
