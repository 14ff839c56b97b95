/*
 * fetch.h - asking a web server, and what it answered; the doorway to libcurl.
 *
 * https and http.  Bodies come as they were sent: nothing is decompressed.  Proxies
 * come from the environment, credentials from ~/.netrc, never from a command line.
 */
#ifndef HOSTING_FETCH_H
#define HOSTING_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

struct fetch;	/* opaque: one connection after the other is kept */

enum { FETCH_HEADER_MAX = 256 };

struct fetch_head {
	int status;			/* of HTTP */
	bool has_length;
	uint64_t length;		/* Content-Length */
	bool has_range;			/* Content-Range, understood */
	uint64_t from, to, total;
	char etag[FETCH_HEADER_MAX];	/* as sent; "" none, in all of these */
	char cache[FETCH_HEADER_MAX];	/* Cache-Control */
	char type[FETCH_HEADER_MAX];	/* Content-Type */
	char encoding[FETCH_HEADER_MAX];	/* Content-Encoding */
	char age[FETCH_HEADER_MAX];
};

struct fetch_question {
	const char *url;
	bool has_range;
	uint64_t from, to;		/* inclusive; to UINT64_MAX: up to the end */
	const char *if_range;		/* with a range; NULL: none */
	void *arg;
	/* Before the first byte of any answer; -1 ends it with this error. */
	int (*head)(void *arg, const struct fetch_head *, struct err *);
	/* The body, whatever the status is; NULL: dropped, up to 1 MiB. */
	int (*body)(void *arg, const uint8_t *, size_t, struct err *);
};

/* ca_file NULL: those of the system. */
struct fetch *fetch_open(const char *ca_file, struct err *);
void fetch_close(struct fetch *);	/* NULL is fine */

/* One try.  0: an answer of any status came whole; -1: ERR_NET, ERR_CANCEL, or what
 * head or body said. */
int fetch_ask(struct fetch *, const struct fetch_question *, struct fetch_head *,
    struct err *);

/* The error of a status that is not 2xx: ERR_ABSENT for 404, 403 and 410, ERR_NET;
 * 0 for 2xx. */
int fetch_judge(const char *url, const struct fetch_head *, struct err *);
/* Another try may help: waited for that, 1; 0: it may not, or it was the last. */
int fetch_again(unsigned tried, const struct fetch_head *, const struct err *);

/* All of a small body appended to out (its max is the limit), tried again where that
 * may help.  ERR_ABSENT, ERR_NET, ERR_FORMAT when too long. */
int fetch_bytes(struct fetch *, const char *url, struct buf *out, struct err *);

void fetch_sums(const struct fetch *, uint64_t *requests, uint64_t *bytes);

#endif
