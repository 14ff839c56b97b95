/*
 * cover.h - which few old files have most of what a new file holds.
 *
 * All by numbers: a new file is the list of the samples (samples.h) that it wants, an
 * old one those of them that it has.  Sources are chosen greedily: next the one with the
 * most samples that no source before has.
 */
#ifndef MKDELTA_ENCODE_COVER_H
#define MKDELTA_ENCODE_COVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "mkdelta/encode/samples.h"

/* The hashes that any new file wants, each once. */
struct wanted {
	struct samples hashes;	/* sorted; the number of a hash is its index */
	uint32_t *table;	/* number + 1 by hash */
	unsigned log;
};

/* Takes the hashes over: they may stand there in any order, several times. */
int wanted_open(struct wanted *, struct samples *, struct err *);
void wanted_close(struct wanted *);
#define WANTED_NONE UINT32_MAX
uint32_t wanted_find(const struct wanted *, uint32_t hash);

/* Who has what: of each hash the first HOLDERS_MAX candidates that have it. */
enum { HOLDERS_MAX = 48 };
struct holders {
	size_t *begin;		/* of each hash's list, and one more */
	uint32_t *list;		/* candidates, ascending */
};

/* has[c]: the numbers of the hashes that candidate c has, each once. */
int holders_open(struct holders *, const struct wanted *, const struct samples *has,
    size_t n, struct err *);
void holders_close(struct holders *);

/* One new file and the candidates that have any of what it wants. */
struct cover {
	const uint32_t *wants;	/* numbers of hashes, in order of place, each once */
	size_t n_wants;
	struct cover_has *list;
	size_t n;
	uint8_t *covered;
	/* Shall this candidate be the next source?  samples: that it has and no source
	 * before. */
	int (*accept)(void *arg, uint32_t candidate, size_t samples);
	void *arg;
};

struct cover_pick {
	uint32_t candidate;
	uint32_t place;		/* where the new file first comes by what it has */
	size_t samples;
};

/* wants[], n_wants, accept and arg are set.  The holders of each hash, and all that
 * this candidate has (`has` may be NULL). */
int cover_open(struct cover *, const struct holders *, uint32_t candidate,
    const struct samples *has, struct err *);
void cover_close(struct cover *);
/* The next source, if any is accepted: the candidate with the most samples that no
 * source before has.  One candidate counts for so many more. */
bool cover_next(struct cover *, uint32_t favoured, size_t favour, struct cover_pick *);

#endif
