/*
 * predict.h - copied bytes as they should look at their new place.
 *
 * A copy takes old bytes to a new place; references inside still name old addresses.
 * For the images that an output has, all copies are known before the first byte is
 * written: they are the map (map.h) from old addresses to new ones.  So every
 * reference that a rule finds in old bytes is written anew: its target's new address,
 * seen from its new place.  What is still wrong then is in the difference streams; a
 * wrong guess costs bytes, never correctness.
 *
 * After codec theory of Courgette (2009) and Zucchini (2018), which label the targets;
 * here nothing of the new file has to be read or sent but its layout.
 */
#ifndef APPLY_PATCH_PREDICT_H
#define APPLY_PATCH_PREDICT_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/arena.h"
#include "apply/patch/layout.h"
#include "apply/patch/map.h"
#include "apply/patch/pieces.h"
#include "apply/patch/rule.h"

/* The copies of an output, ascending by new_at: `bytes` bytes of new from new_at on are
 * those of old from old_at on. */
struct copies {
	size_t n;
	void *arg;
	struct copy (*get)(void *arg, size_t i);
};

/* Memory of the old image that no file bytes stand for: the new address of the first
 * byte from there on. */
struct anchor {
	uint32_t from, bytes, to;	/* relative to layout.low, as in the map */
};

/* One image of the old side and what became of it. */
struct pair {
	struct layout to;
	const struct anchor *anchors;	/* borrowed */
	size_t n_anchors;
	const struct map_point *points;	/* overrides, ascending; borrowed */
	size_t n_points;
};

enum { PAIR_COUNTS = 720 };
ARENA_COUNTS(struct pair, PAIR_COUNTS);

struct predict {
	const struct old *old;		/* borrowed */
	uint32_t rules;			/* mask of enum rule_id */
	const struct pair *pairs;	/* borrowed */
	const struct pieces *pieces;	/* where they are; borrowed */
	struct copies copies;
	struct arena *arena;

	/* The pair in use: opened when a copy enters it. */
	const struct pair *pair;
	struct gather gather;
	struct image image;
	uint64_t first;		/* where its first byte would be, by the piece at hand */
	struct spans spans;
	struct map map;
	uint64_t bases[IMAGE_BASES_MAX];	/* new addresses of image.bases */
	struct refs refs;
};

/* Nothing is read yet.  The fields down to the arena are set. */
int predict_open(struct predict *, struct err *);
void predict_close(struct predict *);

enum { PREDICT_MARGIN = REF_BYTES_MAX };

/* Write anew what references there are in part of a copy: bytes[0..n) are the old ones
 * from old_at on, all within the copy.  Before and behind them stand PREDICT_MARGIN
 * bytes more, old ones as well as far as the copy goes: they may be changed too, and
 * mean nothing.  n is RULES_PART - PREDICT_MARGIN at most. */
int predict_part(struct predict *, const struct copy *, uint64_t old_at, uint8_t *bytes,
    size_t n, struct err *);

/* Enter a pair: its image, spans, map and bases are p's from now on. */
int predict_enter(struct predict *, const struct pair *, struct err *);

/* The map of a pair by its copies and anchors, without overrides; what predict_part()
 * builds, for the encoder that finds the overrides. */
int predict_map(const struct predict *, const struct pair *, const struct image *,
    struct map *, struct err *);

/* Is the target inside the very copy that holds the reference?  Then it moves with it:
 * true, and its new address relative to to->low in *to. */
bool predict_local(const struct image *, const struct pair *, const struct copy *,
    uint32_t target, uint32_t *to);

#endif
