#include <stdlib.h>

#include "apply/patch/delta_format.h"
#include "manifest/base/buf.h"
#include "manifest/base/bytes.h"

#include "mkdelta/encode/squeeze.h"

#include "mkdelta/encode/changes.h"

enum {
	SAMPLE_BYTES = 512 << 10,	/* of copied bytes, to choose how to write them */
	SAMPLE_STRETCH = 64 << 10,
	CHANGES_TOLD = 1024,	/* so many tell how they are best written */
	FEW = 2048		/* one change in so many: sparse without a trial */
};

/* The difference of some copied bytes in both forms. */
struct sample {
	struct buf diff, runs, changes, bytes;
	uint64_t run;
	uint64_t copied, taken, changed;
};

static int
sample_byte(struct sample *s, uint8_t was, uint8_t byte, struct err *e)
{
	uint8_t change = (uint8_t)(byte - was);

	if (buf_add_byte(&s->diff, change, e) == -1)
		return -1;
	if (change == 0) {
		s->run++;
		return 0;
	}
	s->changed++;
	if (buf_add_byte(&s->bytes, byte, e) == -1)
		return -1;
	if (buf_add_varint(&s->runs, s->run, e) == -1 ||
	    buf_add_byte(&s->changes, change, e) == -1)
		return -1;
	s->run = 0;
	return 0;
}

/* Stretches of SAMPLE_STRETCH, evenly over all copies.  `was` is what the new bytes
 * would be without differences; NULL: the old bytes. */
static int
take_sample(const struct blocks *b, const uint8_t *old, const uint8_t *was,
    const uint8_t *new, struct sample *s, struct err *e)
{
	uint64_t every = s->copied / (SAMPLE_BYTES / SAMPLE_STRETCH);

	for (size_t i = 0; i < b->n; i++) {
		const struct block *k = &b->list[i];
		const uint8_t *from = was != NULL ? was : old + k->old_at;

		for (uint64_t at = 0; at < k->copy; at++, s->taken++) {
			if (s->copied > SAMPLE_BYTES &&
			    s->taken % every >= SAMPLE_STRETCH)
				continue;
			if (sample_byte(s, from[at], new[at], e) == -1)
				return -1;
		}
		new += k->copy + k->extra;
		if (was != NULL)
			was += k->copy + k->extra;
	}
	return 0;
}

/* Whether a changed byte is better told by itself than by what is added to the old
 * one.  A few do not tell: where a number was counted up, 1 is added everywhere. */
static int
choose_substitute(const struct sample *s, const struct effort *effort, unsigned *changes,
    struct err *e)
{
	size_t added, substituted;

	if (s->changed < CHANGES_TOLD)
		return 0;
	if (squeeze_guess(DELTA_CHANGES, effort, &s->changes, &added, e) == -1 ||
	    squeeze_guess(DELTA_CHANGES, effort, &s->bytes, &substituted, e) == -1)
		return -1;
	*changes = FLAG_SPARSE | (substituted < added ? FLAG_SUBSTITUTE : 0);
	return 0;
}

static int
choose_by_sample(const struct sample *s, const struct effort *effort, unsigned *changes,
    struct err *e)
{
	size_t plain, runs, bytes;

	*changes = FLAG_SPARSE;
	if (choose_substitute(s, effort, changes, e) == -1)
		return -1;
	if (s->changed <= s->diff.len / FEW)
		return 0;
	if (squeeze_guess(DELTA_DIFF, effort, &s->diff, &plain, e) == -1 ||
	    squeeze_guess(DELTA_RUNS, effort, &s->runs, &runs, e) == -1 ||
	    squeeze_guess(DELTA_CHANGES, effort, (*changes & FLAG_SUBSTITUTE) != 0 ?
	    &s->bytes : &s->changes, &bytes, e) == -1)
		return -1;
	if (plain < runs + bytes)
		*changes = 0;
	return 0;
}

int
changes_choose(const struct blocks *b, const uint8_t *old, const uint8_t *was,
    const uint8_t *new, const struct effort *effort, unsigned *changes, struct err *e)
{
	struct sample s = { .run = 0 };
	int rc = -1;

	buf_init(&s.diff, SAMPLE_BYTES + SAMPLE_STRETCH);
	buf_init(&s.runs, SAMPLE_BYTES * 2);
	buf_init(&s.changes, SAMPLE_BYTES + SAMPLE_STRETCH);
	buf_init(&s.bytes, SAMPLE_BYTES + SAMPLE_STRETCH);
	for (size_t i = 0; i < b->n; i++)
		s.copied += b->list[i].copy;
	if (take_sample(b, old, was, new, &s, e) == 0)
		rc = choose_by_sample(&s, effort, changes, e);
	buf_free(&s.diff);
	buf_free(&s.runs);
	buf_free(&s.changes);
	buf_free(&s.bytes);
	return rc;
}
