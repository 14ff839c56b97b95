/*
 * Trials.  Most streams of a file were made by one program with one set of
 * parameters, so what was good before goes first; the header before a stream hints
 * at its level.  A trial ends at the first byte that differs, which is after about
 * one block.  Streams are proved in batches, and what a batch has shown counts from
 * the next one on: so neither the threads nor their order matter.
 */
#include <stdlib.h>
#include <string.h>

#include "apply/patch/opening.h"

#include "mkdelta/encode/jobs.h"

#include "mkdelta/encode/deflate_find.h"

enum {
	BATCH_FIRST = 8,
	BATCH = 512,
	WORKERS = 16,		/* streams i, i + WORKERS, ... by one of them */
	LIKED = 6,		/* sets of parameters that are tried first */
	SEARCHES = 48,		/* streams searched in vain until only few are tried */
	PIECE = 32 * 1024
};

struct liked {
	unsigned code;
	size_t wins;
};

struct prover {
	const uint8_t *data;
	struct found *found;
	size_t from, to;	/* the batch */
	size_t searches;	/* left */
	struct liked liked[LIKED];
};

struct worker {
	struct arena arena, packs;
	struct unpacker unpacker;
	struct packer packer;
	const uint8_t *want;	/* packed bytes not made yet */
	size_t left;
	bool differs;
	uint8_t piece[PIECE];
};

static int
compare(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct worker *w = arg;

	if (n > w->left || memcmp(data, w->want, n) != 0) {
		w->differs = true;
		return err_set(e, ERR_FAIL, "bytes differ");
	}
	w->want += n;
	w->left -= n;
	return 0;
}

/* Is it made again with these?  1 yes, 0 no, -1 error. */
static int
trial(struct worker *w, const uint8_t *data, const struct found_stream *s,
    unsigned code, struct err *e)
{
	struct sink to = { w, compare };
	struct packing how = found_packing(s, data);
	const uint8_t *from = data + s->at;
	size_t left = (size_t)s->packed;
	int rc = 0;

	w->want = from;
	w->left = left;
	w->differs = false;
	frame_stop(&w->packer.frame);	/* to see what it takes */
	w->packs.peak = w->packs.used;
	if (unpacker_start(&w->unpacker, &how, e) == -1)
		return -1;
	rc = packer_start(&w->packer, code, &how, s->plain, &to, e);
	while (rc == 0) {
		uint8_t *out = w->piece;
		size_t room = sizeof w->piece;

		rc = unpacker_run(&w->unpacker, &from, &left, &out, &room, e);
		if (rc != -1 && packer_add(&w->packer, w->piece,
		    sizeof w->piece - room, e) == -1)
			rc = -1;
	}
	if (rc == 1 && packer_end(&w->packer, e) == -1)
		rc = -1;
	if (rc == -1)
		return w->differs || e->code == ERR_FORMAT ? 0 : -1;
	return w->left == 0;
}

/* What the header before the stream says about level and window; is it zlib's? */
static bool
read_hint(const uint8_t *data, const struct found_stream *s, struct deflate_params *hint)
{
	static const uint8_t levels[] = { 1, 5, 6, 9 };

	*hint = (struct deflate_params){ 6, 8, DEFLATE_PLAIN, 15 };
	if (s->at < 2 || (data[s->at - 2] & 0x8f) != 8 ||
	    (data[s->at - 2] << 8 | data[s->at - 1]) % 31 != 0)
		return false;
	hint->level = levels[data[s->at - 1] >> 6];
	if (data[s->at - 2] >= 0x18)
		hint->window_bits = (uint8_t)((data[s->at - 2] >> 4) + 8);
	return true;
}

static int
attempt_code(struct worker *w, const uint8_t *data, struct found_stream *s,
    unsigned code, struct err *e)
{
	int rc = trial(w, data, s, code, e);

	s->too_large |= w->packer.frame.refused;
	if (rc == 1) {
		s->code = code;
		s->memory = w->packs.peak;
		s->proved = true;
	}
	return rc;
}

static int
attempt(struct worker *w, const uint8_t *data, struct found_stream *s,
    struct deflate_params p, struct err *e)
{
	return attempt_code(w, data, s, deflate_code(&p), e);
}

/* Level by level, the likelier ones first. */
static int
search(struct worker *w, const uint8_t *data, struct found_stream *s,
    const struct deflate_params *hint, struct err *e)
{
	static const uint8_t levels[] = { 6, 9, 1, 8, 7, 5, 4, 3, 2 };
	struct deflate_params p = *hint;
	int rc = 0;

	for (p.mem_level = 8; p.mem_level <= 9; p.mem_level++)
		for (unsigned k = DEFLATE_PLAIN; k <= DEFLATE_FILTERED; k++)
			for (size_t l = 0; rc == 0 && l < sizeof levels; l++) {
				p.strategy = (uint8_t)k;
				p.level = levels[l];
				rc = attempt(w, data, s, p, e);
			}
	return rc;
}

/* Strategies that take no notice of the level, the one that does, and small memory. */
static int
search_rare(struct worker *w, const uint8_t *data, struct found_stream *s,
    const struct deflate_params *hint, struct err *e)
{
	struct deflate_params p = *hint;
	int rc = 0;

	p.level = 6;
	for (p.mem_level = 8; rc == 0 && p.mem_level <= 9; p.mem_level++)
		for (unsigned k = DEFLATE_HUFFMAN; rc == 0 && k <= DEFLATE_RLE; k++) {
			p.strategy = (uint8_t)k;
			rc = attempt(w, data, s, p, e);
		}
	p.mem_level = 8;
	p.strategy = DEFLATE_FIXED;
	for (p.level = 1; rc == 0 && p.level <= 9; p.level++)
		rc = attempt(w, data, s, p, e);
	p.level = hint->level;
	p.strategy = DEFLATE_PLAIN;
	for (p.mem_level = 1; rc == 0 && p.mem_level < 8; p.mem_level++)
		rc = attempt(w, data, s, p, e);
	return rc;
}

/* What GNU gzip and Info-ZIP write; a device needs no library for it. */
static int
search_gnu(struct worker *w, const uint8_t *data, struct found_stream *s,
    const uint8_t *levels, size_t n, struct err *e)
{
	struct deflate_params p = { 0, 8, DEFLATE_GNU, 15 };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		p.level = levels[i];
		rc = attempt(w, data, s, p, e);
	}
	return rc;
}

/* ---- frames ---- */

/* All but the level stands in the frame's header, for zstd; xz says nothing. */
static bool
is_possible(const uint8_t *data, const struct found_stream *s,
    const struct frame_params *p)
{
	uint8_t says = data[s->at];

	if (p->kind + 1 != s->kind)
		return false;
	return p->kind == FRAME_XZ || (p->other == ((says & 4) != 0) &&
	    p->flag == ((says & 0xe0) != 0));
}

static int
attempt_frame(struct worker *w, const uint8_t *data, struct found_stream *s,
    unsigned code, struct err *e)
{
	struct frame_params p;

	if (frame_decode(code, &p) == -1 || !is_possible(data, s, &p))
		return 0;
	return attempt_code(w, data, s, DEFLATE_CODES + code, e);
}

/* The usual levels first. */
static int
search_frame(struct worker *w, const uint8_t *data, struct found_stream *s, struct err *e)
{
	static const uint8_t zstd[] = { 3, 19, 15, 22, 9, 1, 10, 6, 12, 18, 5, 7, 8, 11,
		13, 14, 16, 17, 2, 4, 20, 21 }, xz[] = { 6, 9, 3, 0, 1, 2, 4, 5 };
	const uint8_t *levels = s->kind == OPENING_ZSTD ? zstd : xz;
	size_t n = s->kind == OPENING_ZSTD ? sizeof zstd : sizeof xz;
	int rc = 0;

	for (unsigned bits = 0; rc == 0 && bits < 4; bits++)
		for (size_t i = 0; rc == 0 && i < n; i++) {
			struct frame_params p = { (uint8_t)(s->kind - 1), levels[i],
				(bits & 1) != 0, (bits & 2) != 0 };

			rc = attempt_frame(w, data, s, frame_code(&p), e);
		}
	return rc;
}

static int
prove_frame(const struct prover *v, struct worker *w, struct found_stream *s,
    struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < LIKED && v->liked[i].wins > 0; i++)
		rc = attempt_frame(w, v->data, s, v->liked[i].code - DEFLATE_CODES, e);
	return rc != 0 || v->searches == 0 ? rc : search_frame(w, v->data, s, e);
}

static int
prove_one(const struct prover *v, struct worker *w, struct found_stream *s, struct err *e)
{
	static const uint8_t usual[] = { 9, 6 }, rare[] = { 8, 7, 5, 4 };
	struct deflate_params p, hint;
	bool zlib;
	int rc = 0;

	if (s->kind != OPENING_DEFLATE)
		return prove_frame(v, w, s, e);
	for (size_t i = 0; rc == 0 && i < LIKED && v->liked[i].wins > 0; i++)
		if (deflate_decode(v->liked[i].code, &p) == 0)
			rc = attempt(w, v->data, s, p, e);
	if (rc != 0)
		return rc;
	zlib = read_hint(v->data, s, &hint);
	if (!zlib && (rc = search_gnu(w, v->data, s, usual, sizeof usual, e)) != 0)
		return rc;
	if ((rc = attempt(w, v->data, s, hint, e)) != 0 || v->searches == 0)
		return rc;
	if ((rc = search(w, v->data, s, &hint, e)) != 0 ||
	    (rc = search_rare(w, v->data, s, &hint, e)) != 0)
		return rc;
	return zlib ? 0 : search_gnu(w, v->data, s, rare, sizeof rare, e);
}

/* Streams i, i + WORKERS, ... of the batch. */
static int
prove_some(void *arg, size_t i, struct err *e)
{
	const struct prover *v = arg;
	struct worker *w = calloc(1, sizeof *w);
	int rc = 0;

	if (w == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for deflate streams");
	w->arena.limit = UINT64_MAX;
	w->packs.limit = FOUND_MEMORY_MAX;
	w->unpacker.arena = &w->arena;
	w->packer.arena = &w->packs;
	for (i += v->from; rc != -1 && i < v->to; i += WORKERS)
		if (v->found->v[i].use)
			rc = prove_one(v, w, &v->found->v[i], e);
	unpacker_close(&w->unpacker);
	packer_close(&w->packer);
	free(w);
	return rc == -1 ? -1 : 0;
}

static int
by_wins(const void *a, const void *b)
{
	const struct liked *x = a, *y = b;

	if (x->wins != y->wins)
		return x->wins > y->wins ? -1 : 1;
	return x->code < y->code ? -1 : x->code > y->code;
}

/* The codes that won so far, most wins first; the last one makes way. */
static void
like(struct liked v[LIKED], unsigned code)
{
	size_t i = 0;

	while (i < LIKED - 1 && v[i].wins > 0 && v[i].code != code)
		i++;
	if (v[i].code != code)
		v[i] = (struct liked){ code, 0 };
	v[i].wins++;
}

static void
learn(struct prover *v)
{
	for (size_t i = v->from; i < v->to; i++) {
		const struct found_stream *s = &v->found->v[i];

		if (!s->use)
			continue;
		if (s->proved) {
			like(v->liked, s->code);
			v->searches = SEARCHES;
		} else if (v->searches > 0) {
			v->searches--;
		}
	}
	qsort(v->liked, LIKED, sizeof v->liked[0], by_wins);
}

unsigned
found_behaviour(unsigned code)
{
	struct frame_params p;

	if (code < DEFLATE_CODES || frame_decode(code - DEFLATE_CODES, &p) == -1)
		return code;
	p.other = false;
	return DEFLATE_CODES + frame_code(&p);
}

/* Streams of rare parameters stay as they are. */
static int
keep_frequent(struct found *f, size_t max_kinds, struct err *e)
{
	struct liked *v = calloc(PACKING_CODES, sizeof *v);
	bool *good = calloc(PACKING_CODES, sizeof *good);

	if (v == NULL || good == NULL) {
		free(v);
		free(good);
		return err_set(e, ERR_NOMEM, "out of memory for deflate streams");
	}
	for (unsigned code = 0; code < PACKING_CODES; code++)
		v[code].code = code;
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].use && f->v[i].proved)
			v[found_behaviour(f->v[i].code)].wins += (size_t)f->v[i].packed;
	qsort(v, PACKING_CODES, sizeof *v, by_wins);
	for (size_t i = 0, kinds = 0; i < PACKING_CODES; i++) {
		bool zlib = packing_by_library(v[i].code);

		good[v[i].code] = !zlib || kinds < max_kinds;
		kinds += zlib;
	}
	for (size_t i = 0; i < f->n; i++)
		f->v[i].use = f->v[i].use && f->v[i].proved &&
		    good[found_behaviour(f->v[i].code)];
	free(v);
	free(good);
	return 0;
}

int
deflate_prove(const uint8_t *data, struct found *f, size_t max_kinds, unsigned jobs,
    struct err *e)
{
	struct prover v = { .data = data, .found = f, .searches = SEARCHES };

	for (size_t i = 0; i < f->n; i++)
		f->v[i].proved = false;
	while (v.to < f->n) {
		size_t n = v.to == 0 ? BATCH_FIRST : BATCH;

		v.from = v.to;
		v.to = f->n - v.from < n ? f->n : v.from + n;
		if (jobs_run(jobs, WORKERS, prove_some, &v, e) == -1)
			return -1;
		learn(&v);
	}
	return keep_frequent(f, max_kinds, e);
}
