#include <stdbool.h>
#include <string.h>

#include "apply/patch/rule.h"
#include "manifest/base/bytes.h"

#include "tests/fuzz/kit/delta_case.h"

/* libFuzzer's; not there when seeds are replayed. */
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t max);

enum { ROOM = 1 << 16, NUMBERS_MAX = 4096, NUMBERS_NEW = 64 };

struct random {
	uint64_t x;
};

static uint32_t
draw(struct random *r, uint32_t below)
{
	r->x = r->x * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(r->x >> 33) % below;
}

/* ---- numbers ---- */

struct numbers {
	uint64_t v[NUMBERS_MAX];
	size_t n;
};

/* What is no number behind the last one is lost. */
static void
load(struct numbers *l, const struct case_part *p)
{
	size_t at = 0, used;

	l->n = 0;
	while (l->n < NUMBERS_MAX && at < p->n &&
	    (used = varint_load(p->p + at, p->n - at, &l->v[l->n])) != 0) {
		at += used;
		l->n++;
	}
}

static size_t
store(const struct numbers *l, uint8_t *out)
{
	size_t at = 0;

	for (size_t i = 0; i < l->n; i++)
		at += varint_store(out + at, l->v[i]);
	return at;
}

static uint64_t
number(struct random *r, const struct numbers *like)
{
	uint64_t v = like->n == 0 ? 0 : like->v[draw(r, (uint32_t)like->n)];

	switch (draw(r, 8)) {
	case 0:
		return draw(r, 4);
	case 1:
		return draw(r, 300);
	case 2:
		return ((uint64_t)1 << draw(r, 64)) - draw(r, 2);
	case 3:
		return 0 - (uint64_t)draw(r, 3);
	case 4:
		return v + draw(r, 9) - 4;
	case 5:
		return v * 2;
	case 6:
		return v / 2;
	default:
		return v;
	}
}

/* Small ones mostly: they are what makes sense. */
static void
change_numbers(struct random *r, struct numbers *l)
{
	size_t at = l->n == 0 ? 0 : draw(r, (uint32_t)l->n);
	uint64_t other;

	switch (l->n == 0 ? 0 : draw(r, 6)) {
	case 0:			/* one more */
		if (l->n == NUMBERS_MAX)
			return;
		memmove(l->v + at + 1, l->v + at, (l->n - at) * sizeof *l->v);
		l->n++;
		l->v[at] = number(r, l);
		break;
	case 1:			/* one less */
		memmove(l->v + at, l->v + at + 1, (l->n - at - 1) * sizeof *l->v);
		l->n--;
		break;
	case 2:			/* two change places */
		other = draw(r, (uint32_t)l->n);
		l->v[at] ^= l->v[other];
		if (other != at) {
			l->v[other] ^= l->v[at];
			l->v[at] ^= l->v[other];
		} else
			l->v[at] = draw(r, 16);
		break;
	case 3:
		l->v[at] += draw(r, 2) == 0 ? 1 : UINT64_MAX;
		break;
	default:
		l->v[at] = number(r, l);
	}
}

/* ---- a new output ---- */

struct making {
	struct random *r;
	struct numbers n[CASE_PARTS];
	uint64_t old_bytes;
	uint64_t ends[2];	/* of pieces, in the old side and in the output */
};

static void
add(struct making *m, unsigned part, uint64_t v)
{
	if (m->n[part].n < NUMBERS_NEW * 8)
		m->n[part].v[m->n[part].n++] = v;
}

static void
control(struct making *m, uint64_t v)
{
	add(m, CASE_STREAM + DELTA_CONTROL, v);
}

static uint64_t
some_signed(struct random *r, uint32_t below)
{
	return zigzag((int64_t)draw(r, below) - draw(r, below));
}

/* Those of one image on one side of n bytes. */
static void
add_pieces(struct making *m, unsigned side, uint64_t n)
{
	unsigned pieces = draw(m->r, 4);

	control(m, pieces);
	for (unsigned i = 0; i < pieces; i++) {
		uint32_t left = (uint32_t)(n - m->ends[side]);
		uint32_t gap = draw(m->r, 3) == 0 ? draw(m->r, left + 1) : 0;
		uint32_t bytes = draw(m->r, left - gap + 1);

		control(m, draw(m->r, 20) == 0 ? some_signed(m->r, 1 << 12) :
		    zigzag(gap));
		control(m, draw(m->r, 3) == 0 ? draw(m->r, 300) : 0);
		control(m, bytes);
		m->ends[side] += gap + bytes;
	}
}

static void
add_image(struct making *m)
{
	struct random *r = m->r;
	unsigned segments = draw(r, 4), anchors = draw(r, 3);

	control(m, segments);
	for (unsigned i = 0; i < segments * 4; i++)
		control(m, draw(r, 3) == 0 ? some_signed(r, 400) : 0);
	control(m, anchors);
	for (unsigned i = 0; i < anchors * 3; i++)
		control(m, draw(r, 500));
}

/* Blocks that make n bytes together. */
static unsigned
add_blocks(struct making *m, uint64_t n)
{
	uint64_t at = 0, done = 0;
	unsigned blocks = 0;

	while (done < n && blocks < NUMBERS_NEW) {
		uint64_t to = m->old_bytes == 0 ? 0 : draw(m->r,
		    (uint32_t)m->old_bytes), copy, fresh;

		if (draw(m->r, 3) == 0)
			to = at;
		copy = m->old_bytes - to < n - done ? m->old_bytes - to : n - done;
		if (copy > 0 && draw(m->r, 3) != 0)
			copy = draw(m->r, (uint32_t)copy + 1);
		fresh = copy == n - done ? 0 : draw(m->r, 20);
		fresh = fresh < n - done - copy ? fresh : n - done - copy;
		if (copy + fresh == 0 || blocks == NUMBERS_NEW - 1)
			fresh = n - done - copy;
		add(m, CASE_STREAM + DELTA_SEEK, zigzag((int64_t)(to - at)));
		add(m, CASE_STREAM + DELTA_COPY, copy);
		add(m, CASE_STREAM + DELTA_FRESH, fresh);
		at = to + copy;
		at += fresh < m->old_bytes - at ? fresh : m->old_bytes - at;
		done += copy + fresh;
		blocks++;
	}
	return blocks;
}

static void
add_patch(struct making *m, const struct delta_case *c, uint64_t n)
{
	struct random *r = m->r;
	unsigned flags = draw(r, 4) | (draw(r, 3) != 0 ? FLAG_IMAGES : 0);
	unsigned file = draw(r, CASE_FILES), blocks, points = draw(r, 5), images = 1;
	bool pieces;
	size_t at;

	flags = flags == FLAG_SUBSTITUTE || flags == (FLAG_SUBSTITUTE | FLAG_IMAGES) ?
	    flags | FLAG_SPARSE : flags;
	if ((flags & FLAG_IMAGES) != 0 && draw(r, 2) == 0)
		flags |= FLAG_PIECES;
	pieces = (flags & FLAG_PIECES) != 0;
	m->old_bytes = c->parts[CASE_FILE + file].n;
	m->ends[0] = m->ends[1] = 0;
	control(m, METHOD_PATCH);
	control(m, flags);
	control(m, file + 1);
	if ((flags & FLAG_IMAGES) == 0) {
		(void)add_blocks(m, n);
		return;
	}
	control(m, draw(r, 2) == 0 ? (1 << RULE_IDS) - 1 : draw(r, 1 << RULE_IDS));
	if (pieces)
		control(m, images = draw(r, 4));
	for (unsigned i = 0; i < images; i++) {
		if (pieces) {
			add_pieces(m, 0, m->old_bytes);
			add_pieces(m, 1, n);
		}
		add_image(m);
	}
	control(m, 0);
	at = m->n[CASE_STREAM + DELTA_CONTROL].n;
	control(m, 0);
	for (unsigned i = 0; i < images; i++)
		control(m, i == 0 ? points : 0);
	blocks = add_blocks(m, n);
	if (at < m->n[CASE_STREAM + DELTA_CONTROL].n)
		m->n[CASE_STREAM + DELTA_CONTROL].v[at] = blocks;
	for (unsigned i = 0; i < points && images > 0; i++) {
		add(m, CASE_STREAM + DELTA_TARGETS, 1 + draw(r, 400));
		add(m, CASE_STREAM + DELTA_TARGETS, some_signed(r, 100));
	}
}

/* The same old files, other outputs; enough bytes in all streams of bytes. */
static size_t
make_anew(struct random *r, uint8_t *out, size_t n, size_t max)
{
	static uint8_t bytes[CASE_PARTS][8 * 10 * NUMBERS_NEW];
	static uint8_t from[CASE_PART_MAX * 8];
	static struct making m;
	struct delta_case c;
	uint8_t options[CASE_OPTION_BYTES] = { 0, 0, 2, 0, 1 };
	unsigned outputs = 1 + draw(r, 2);
	size_t all = 0;

	if (n > sizeof from)
		return 0;
	memcpy(from, out, n);
	case_parse(&c, from, n);
	m.r = r;
	for (size_t i = 0; i < CASE_PARTS; i++)
		m.n[i].n = 0;
	control(&m, METHOD_RAW);	/* an empty listing */
	for (unsigned i = 0; i < outputs; i++) {
		uint32_t size = draw(r, draw(r, 4) == 0 ? 4000 : 400);

		all += size;
		add(&m, CASE_SIZES, size);
		if (draw(r, 8) == 0)
			control(&m, METHOD_RAW);
		else
			add_patch(&m, &c, size);
	}
	for (size_t i = 0; i < CASE_PARTS; i++)
		if (i == CASE_SIZES || i >= CASE_STREAM)
			c.parts[i] = (struct case_part){ bytes[i],
				store(&m.n[i], bytes[i]) };
	c.parts[CASE_OPTIONS] = (struct case_part){ options, sizeof options };
	for (unsigned i = DELTA_CHANGES; i <= DELTA_CODE; i++) {
		memset(bytes[CASE_STREAM + i], (int)draw(r, 2), all);
		c.parts[CASE_STREAM + i] = (struct case_part){ bytes[CASE_STREAM + i],
			all };
	}
	return case_store(&c, out, max);
}

/* ---- any change ---- */

static const uint8_t numeric[] = { CASE_SIZES, CASE_STREAM + DELTA_CONTROL,
	CASE_STREAM + DELTA_CONTROL, CASE_STREAM + DELTA_CONTROL,
	CASE_STREAM + DELTA_SEEK, CASE_STREAM + DELTA_COPY, CASE_STREAM + DELTA_FRESH,
	CASE_STREAM + DELTA_RUNS, CASE_STREAM + DELTA_TARGETS,
	CASE_STREAM + DELTA_LISTS, CASE_STREAM + DELTA_LISTS };

static size_t
change_part(struct random *r, struct delta_case *c, uint8_t *room)
{
	static struct numbers l;
	unsigned part = numeric[draw(r, sizeof numeric)];
	struct case_part *p;

	if (draw(r, 3) != 0) {
		p = &c->parts[part];
		load(&l, p);
		for (unsigned times = 1 + draw(r, 3); times > 0; times--)
			change_numbers(r, &l);
		*p = (struct case_part){ room, store(&l, room) };
		return p->n;
	}
	part = draw(r, CASE_PARTS);
	p = &c->parts[part];
	if (p->n > ROOM / 2 || LLVMFuzzerMutate == NULL)
		return 0;
	if (p->n > 0)
		memcpy(room, p->p, p->n);
	p->n = LLVMFuzzerMutate(room, p->n, p->n + 64);
	p->p = room;
	return p->n;
}

/* Runs and changes in one stream, as far as there are both. */
static void
join_changes(struct delta_case *c, uint8_t *room)
{
	static uint8_t options[CASE_OPTION_BYTES];
	static struct numbers runs;
	struct case_part *to = &c->parts[CASE_STREAM + DELTA_RUNS];
	struct case_part *from = &c->parts[CASE_STREAM + DELTA_CHANGES];
	unsigned how = case_option(c, CASE_HOW + DELTA_RUNS);
	size_t at = 0;

	load(&runs, to);
	for (size_t i = 0; i < runs.n && i < from->n; i++) {
		at += varint_store(room + at, runs.v[i]);
		room[at++] = from->p[i];
	}
	for (size_t i = 0; i < sizeof options; i++)
		options[i] = (uint8_t)case_option(c, i);
	options[CASE_HOW + DELTA_CHANGES] = CASE_ABSENT;
	if ((how & 7) >= CASE_ZSTD)	/* its bytes are packed, and no longer right */
		options[CASE_HOW + DELTA_RUNS] = CASE_STORED;
	c->parts[CASE_OPTIONS] = (struct case_part){ options, sizeof options };
	*to = (struct case_part){ room, at };
	*from = (struct case_part){ NULL, 0 };
}

size_t
case_mutate(uint8_t *out, size_t n, size_t max, unsigned seed)
{
	static uint8_t from[CASE_PARTS * (CASE_PART_MAX + 2)], room[4][ROOM];
	struct random r = { seed };
	struct delta_case c;
	size_t made = 0;

	if (n > sizeof from)
		return n;
	memcpy(from, out, n);
	case_parse(&c, from, n);
	(void)draw(&r, 2);
	if (draw(&r, 50) == 0)
		made = make_anew(&r, out, n, max);
	else {
		for (unsigned i = 0, times = 1 + draw(&r, 3); i < times; i++)
			(void)change_part(&r, &c, room[i]);
		if (draw(&r, 50) == 0)
			join_changes(&c, room[3]);
		made = case_store(&c, out, max);
	}
	if (made == 0) {
		memcpy(out, from, n);
		made = n;
	}
	return made;
}

size_t
case_cross(const struct delta_case *a, const struct delta_case *b, uint8_t *out,
    size_t max, unsigned seed)
{
	struct random r = { seed };
	struct delta_case c = *a;

	(void)draw(&r, 2);
	for (unsigned times = 1 + draw(&r, 4); times > 0; times--) {
		unsigned part = draw(&r, CASE_PARTS);

		c.parts[part] = b->parts[part];
	}
	return case_store(&c, out, max);
}
