/*
 * fetch_transfer.h - one request, between fetch.c (libcurl), fetch_file.c
 * (file://), fetch_small.c and fetch_object.c; no type of any library in it.
 */
#ifndef APPLY_FETCH_TRANSFER_H
#define APPLY_FETCH_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/fetch.h"

enum { FETCH_ETAG_MAX = 256 };

struct fetch_answer {
	int64_t status;			/* of HTTP; file: 200 and 206 */
	bool has_length;
	uint64_t length;		/* of the body that follows */
	bool has_range;			/* Content-Range, understood */
	uint64_t range_from, range_total;
	char etag[FETCH_ETAG_MAX];	/* a strong one; "" none */
	uint32_t retry_after_s;		/* 0: not said */
};

struct fetch_request {
	const char *url;
	uint64_t offset;		/* > 0: Range from here on */
	uint64_t length;		/* > 0: Range of so many bytes; 0: to the end */
	const char *if_range;		/* with offset; NULL or "": none */
	uint32_t timeout_s;		/* of all of it; 0: as configured */
	bool local_network;		/* a health probe: no proxy, no redirect */
	void *arg;
	/* The answer's head, before the first byte of a 2xx body; -1 ends the
	 * transfer with this error. */
	int (*head)(void *arg, const struct fetch_answer *, struct err *);
	/* Body of a 2xx answer (others are dropped). */
	int (*body)(void *arg, const uint8_t *data, size_t n, struct err *);
};

static inline bool
fetch_is_partial(const struct fetch_request *q)
{
	return q->offset > 0 || q->length > 0;
}

/* One try.  0: an answer of status 2xx came whole.  -1: ERR_ABSENT for 404, 403,
 * 410; ERR_NET; ERR_CANCEL; whatever head or body said.  The answer is filled as
 * far as it came. */
int fetch_transfer(struct fetch *, const struct fetch_request *, struct fetch_answer *,
    struct err *);

/* 0 for 2xx, else the error of this status. */
int fetch_status_err(const char *url, int64_t status, struct err *);

/* file:// URLs, regular files only. */
bool fetch_is_file(const char *url);
int fetch_file_transfer(const struct fetch_request *, struct fetch_answer *,
    uint64_t *bytes, struct err *);

/* May another try help?  Then the pause before try number `try` (1 the second)
 * is over when this returns 0; -1: give up, e is as it was or ERR_CANCEL. */
int fetch_pause(struct fetch *, uint32_t try, const struct fetch_answer *, struct err *);

#endif
