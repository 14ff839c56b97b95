/*
 * Records of functions (runtime._func) and what they point to: tables of inlined
 * calls hold offsets of names, stack objects those of their pointer masks.
 */
#include "manifest/base/bytes.h"

#include "apply/patch/glance.h"

#include "apply/patch/go.h"

enum {
	PCDATA_MAX = 64,
	PCDATA_INLINED = 2,	/* which inlined call a pc belongs to */
	FUNCDATA_OBJECTS = 2,
	FUNCDATA_INLINED = 3,
	FUNCDATA_WRAPPED = 7,
	OBJECT_BYTES = 16,
	BUCKET_BYTES = 20,
	STEP_MAX = 5		/* bytes of a varint */
};

struct walk {
	const struct go *go;
	struct span *span;
	uint64_t budget;	/* steps in what records point to */
	uint64_t end;		/* of the record before */
	uint32_t inlined;	/* the function's table of inlined calls in pctab, or 0 */
	struct glance pairs, records, pcs, data;
};

static int
load(struct glance *g, uint64_t at, uint32_t *v, struct err *e)
{
	int rc;
	const uint8_t *p = glance(g, at, 4, &rc, e);

	if (p == NULL)
		return rc;
	*v = le32_load(p);
	return 1;
}

/* How many inlined calls has the function?  Its table in pctab is pairs of a zigzag
 * step of the value, from -1, and a step of the pc; a value step of 0 that is not
 * the first ends it. */
static int
count_inlined(struct walk *w, uint64_t *n, struct err *e)
{
	uint64_t at = go_part(w->go, GO_PC) + w->inlined;
	int64_t value = -1;

	for (bool first = true; w->budget > 0; first = false, w->budget--) {
		int rc;
		const uint8_t *p = glance(&w->pcs, at, 2 * STEP_MAX, &rc, e);
		uint64_t step, pc;
		size_t used;

		if (p == NULL)
			return rc;
		if ((used = varint_load(p, STEP_MAX, &step)) == 0 ||
		    (step == 0 && !first))
			break;
		at += used + varint_load(p + used, STEP_MAX, &pc);
		value += unzigzag(step & UINT32_MAX);
		if (value >= 0 && (uint64_t)value >= *n)
			*n = (uint64_t)value + 1;
	}
	return 0;
}

/* Mark one word each `bytes` from `at` on. */
static void
mark_column(struct walk *w, uint64_t at, uint64_t n, unsigned bytes, unsigned mark)
{
	for (; n > 0 && w->budget > 0; n--, at += bytes, w->budget--)
		span_mark(w->span, at, mark);
}

/* What funcdata of this index, at this offset from the base, holds. */
static int
funcdata(struct walk *w, unsigned index, uint32_t offset, struct err *e)
{
	const struct go *go = w->go;
	uint64_t at, inlined = 0;
	uint32_t n = 0;
	int rc;

	if (!image_offset(go->image, go->base[GO_FUNCDATA] + offset, &at))
		return 0;
	switch (index) {
	case FUNCDATA_OBJECTS:
		if ((rc = load(&w->data, at, &n, e)) != 1)
			return rc;
		mark_column(w, at + go->word + 12, n, OBJECT_BYTES, GO_RODATA);
		break;
	case FUNCDATA_INLINED:
		if (w->inlined != 0 && count_inlined(w, &inlined, e) == -1)
			return -1;
		mark_column(w, at + (go->old ? 12 : 4), inlined, go->old ? 20 : 16,
		    GO_NAME);
		break;
	case FUNCDATA_WRAPPED:
		span_mark(w->span, at, GO_TEXT);
		break;
	default:
		break;
	}
	return 0;
}

/* The words behind a record: pcdata, then funcdata. */
static int
tail(struct walk *w, uint64_t at, uint32_t pcdata, unsigned n, struct err *e)
{
	const struct go *go = w->go;
	uint32_t v = 0;
	int rc;

	w->inlined = 0;
	w->end += 4 * ((uint64_t)pcdata + n);
	for (uint32_t i = 0; i < pcdata; i++, at += 4) {
		span_mark(w->span, at, GO_PC);
		if (i == PCDATA_INLINED && (rc = load(&w->records, at, &w->inlined,
		    e)) != 1)
			return rc;
	}
	for (unsigned i = 0; i < n; i++, at += 4) {
		span_mark(w->span, at, GO_FUNCDATA);
		if (go->base[GO_FUNCDATA] == 0)
			continue;
		if ((rc = load(&w->records, at, &v, e)) != 1 ||
		    (v <= INT32_MAX && funcdata(w, i, v, e) == -1))
			return rc == 1 ? -1 : rc;
	}
	return 0;
}

/* entry, name, args, deferreturn, pcsp, pcfile, pcln, npcdata, cuOffset, [startLine,]
 * and four bytes, of which the last is the number of funcdata. */
static int
record(struct walk *w, uint64_t at, struct err *e)
{
	static const uint8_t marks[] = { GO_TEXT, GO_NAME, 0, 0, GO_PC, GO_PC, GO_PC, 0,
		GO_UNIT };
	unsigned bytes = w->go->old ? 40 : 44;
	int rc;
	const uint8_t *p = glance(&w->records, at, bytes, &rc, e);

	if (p == NULL)
		return rc;
	w->end = at + bytes;
	for (size_t i = 0; i < sizeof marks; i++)
		span_mark(w->span, at + 4 * i, marks[i]);
	return le32_load(p + 28) > PCDATA_MAX ? 0 :
	    tail(w, at + bytes, le32_load(p + 28), p[bytes - 1], e);
}

/* The index of functions by pc: each bucket begins with the number of its first. */
static void
mark_buckets(const struct go *go, struct span *s)
{
	uint64_t at;

	if (go->buckets == 0 || !image_offset(go->image, go->buckets, &at))
		return;
	for (uint64_t i = 0; i < go->n_buckets; i++)
		span_mark(s, at + i * BUCKET_BYTES, GO_INDEX);
}

int
go_mark_functions(const struct go *go, struct span *s, struct err *e)
{
	struct walk w = { .go = go, .span = s, .budget = go->end - go->table,
		.pairs.image = go->image, .records.image = go->image,
		.pcs.image = go->image, .data.image = go->image };
	uint64_t first = go_part(go, GO_FUNCTION), at = first;
	uint32_t offset = 0;
	int rc;

	mark_buckets(go, s);
	/* Records follow each other: no byte is looked at twice. */
	for (uint64_t i = 0; i < go->n; i++, at += 8) {
		span_mark(s, at, GO_TEXT);
		span_mark(s, at + 4, GO_FUNCTION);
		if ((rc = load(&w.pairs, at + 4, &offset, e)) != 1)
			return rc;
		if (first + offset >= w.end && record(&w, first + offset, e) == -1)
			return -1;
	}
	span_mark(s, at, GO_TEXT);
	return 0;
}
