/*
 * serve.h - the side of delta-apply-decode in the talk of wire.h.
 *
 * It confines itself before it reads a byte of the object, answers one after the
 * other, and ends when delta-apply is gone.
 */
#ifndef APPLY_DECODE_SERVE_H
#define APPLY_DECODE_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/decode/wire.h"

int serve(int sock);	/* the exit status */

/* Between serve.c and the files serve_*.c. */
struct serve {
	int sock, object;
	struct wire_start start;
	struct wire in;			/* what came last */
	size_t n;			/* bytes not sent yet */
	uint8_t out[WIRE_DATA_MAX];
};

/* The next thing asked, in s->in; *fd, -1 where none may come, belongs to the caller.
 * When delta-apply is gone this ends the process. */
void serve_hear(struct serve *, int *fd);
void serve_say(struct serve *, enum wire_kind, uint32_t code, uint64_t number,
    const void *data, size_t n);
void serve_done(struct serve *, uint64_t number);	/* what was collected, and DONE */
void serve_error(struct serve *, const struct err *);
/* More of the answer; collected. */
void serve_bytes(struct serve *, const uint8_t *data, size_t n);
void serve_flush(struct serve *);

/* One kind of work each.  0 when all was asked; -1: say the error. */
int serve_delta(struct serve *, struct err *);
int serve_full(struct serve *, struct err *);
int serve_packed(struct serve *, struct err *);
int serve_ability(struct serve *, struct err *);
int serve_unasked(struct err *);	/* ERR_FAIL: it does not belong here */

#endif
