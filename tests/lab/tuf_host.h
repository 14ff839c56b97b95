/*
 * tuf_host.h - a simulated repository behind a real socket, which lies to order.
 *
 *	GET /metadata/NAME	the simulator's file NAME
 *	GET /targets/PATH	its file "targets/PATH"
 *
 * Or a folder with metadata/ and targets/, which is asked for ranges too.
 *
 * Asked as a proxy it answers for all hosts.  Any path can be given a lie.  One
 * connection carries one request; connections are served side by side.  The simulator
 * belongs to the test, which may change it while no client runs.
 */
#ifndef TESTS_LAB_TUF_HOST_H
#define TESTS_LAB_TUF_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "tests/lab/tuf_sim.h"

enum host_lie {
	LIE_STATUS,	/* this status and a page that says so */
	LIE_INSTEAD,	/* 200, and `text` instead of the file */
	LIE_MORE,	/* all of the file, and then `text`; the length says so */
	LIE_REDIRECT,	/* status 302 to `text`, or that status if it is given */
	LIE_CUT,	/* half of the body that the length promises */
	LIE_SHORT,	/* a length that is half of the body's */
	LIE_HUGE,	/* a length of 2^40, and bytes without end */
	LIE_ENDLESS,	/* no length, and bytes without end */
	LIE_CHUNKS,	/* the same in chunks */
	LIE_HEADERS,	/* header lines without end */
	LIE_GZIP,	/* says that the body is packed */
	LIE_DRIP,	/* a byte a second */
	LIE_STALL,	/* the head, then silence */
	LIE_HANG_UP,	/* closed before the first byte of an answer */
	LIE_CUT_AT,	/* so many bytes, `text` says, of the body that was promised */
	LIE_RANGE	/* 206 with the first bytes, whatever range was asked for */
};

struct tuf_host;

/* Of a simulator, or of a folder; the other is NULL.  Both borrowed. */
struct tuf_host *tuf_host_open(struct tuf_sim *, const char *folder);
void tuf_host_close(struct tuf_host *);
int tuf_host_port(const struct tuf_host *);

/* From now on answers for `path` ("/metadata/timestamp.json"; "*.delta": all that
 * end so; "*": all) are this lie; texts are copied.  The first that fits counts. */
void tuf_host_lie(struct tuf_host *, const char *path, enum host_lie, int status,
    const char *text);
/* The same for so many requests; then the next one counts. */
void tuf_host_lie_times(struct tuf_host *, const char *path, enum host_lie, int status,
    const char *text, unsigned times);
void tuf_host_honest(struct tuf_host *);	/* no lies any more */

/* Since the last tuf_host_forget(): a line "GET /metadata/2.root.json 404" for each
 * request; valid until the next call.  The status is what a lie begins with. */
const char *tuf_host_asked(struct tuf_host *);
/* Lines that contain text; "" counts all. */
unsigned tuf_host_count(struct tuf_host *, const char *text);
uint64_t tuf_host_sent(struct tuf_host *);	/* bytes of bodies that the socket took */
void tuf_host_forget(struct tuf_host *);

#endif
