/*
 * decoder_talk.h - one decoder and the talk with it, between the files decoder*.c.
 */
#ifndef APPLY_DECODER_TALK_H
#define APPLY_DECODER_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/decode/wire.h"
#include "apply/decoder.h"
#include "apply/decoder_child.h"

struct decoder {
	struct decoder_child child;
	bool ready, has_scratch;
	unsigned patience;		/* ticks */
	unsigned ticks, requests;	/* since the last that it got on */
	struct wire in;			/* what it said last */
};

/* A child that is ready; fd -1: no object. */
struct decoder *decoder_start(enum wire_work, int fd, const struct decoder_limits *,
    struct err *);
/* fd -1: none; it stays the caller's. */
int decoder_ask(struct decoder *, enum wire_kind, uint64_t number, const void *data,
    size_t n, int fd, struct err *);
/* What it says, in in. */
int decoder_hear(struct decoder *, struct err *);
/* What it said is no answer to what was asked: its error, or that. */
int decoder_refused(struct decoder *, struct err *);
/* The next BYTES are of at most `left`: 1, 0 for DONE, -1. */
int decoder_more(struct decoder *, uint64_t left, struct err *);
int decoder_done(struct decoder *, struct err *);	/* DONE comes */

#endif
