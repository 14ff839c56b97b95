/*
 * site.h - where a repository can be read: a web server, or a folder.
 *
 * Names are relative to it: "metadata/timestamp.json", "targets/42/...".
 */
#ifndef HOSTING_SITE_H
#define HOSTING_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"
#include "manifest/record.h"

#include "hosting/fetch.h"

struct site {
	const char *where;		/* as the user wrote it */
	struct fetch *fetch;		/* a web server; NULL: a folder */
	int dir;			/* the folder, -1 */
};

/* http://, https://, file:/// or a path. */
int site_open(struct site *, const char *where, const char *ca_file, struct err *);
void site_close(struct site *);

/* "WHERE/NAME" into url, replacing what it held. */
int site_url(const struct site *, const char *name, struct buf *url, struct err *);
/* A small file appended to out, whose max is the limit.  ERR_ABSENT, ERR_NET. */
int site_read(const struct site *, const char *name, struct buf *out, struct err *);
/* The object below targets/ into at/rel, durable, its length and hash checked; what a
 * killed run has of it in `partial` is gone on with.  ERR_TRUST: other bytes. */
int site_fetch(const struct site *, const char *name, const struct object *, int at,
    const char *rel, const char *partial, struct err *);

#endif
