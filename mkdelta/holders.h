/*
 * holders.h - who signs a role: its keys and threshold, read and changed.
 *
 * Changing them changes the metadata of whoever delegates the role, and the role is
 * signed anew by those who hold it then; a channel's keys hold its platforms too.
 */
#ifndef MKDELTA_HOLDERS_H
#define MKDELTA_HOLDERS_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "mkdelta/repo.h"

struct holders {
	struct jv *keys[KEYS_MAX];	/* public key objects, owned */
	char ids[KEYS_MAX][SHA256_HEX_MAX];
	size_t n;
	int64_t threshold;
};

/* Of a role that exists.  ERR_USAGE: root, targets, snapshot, timestamp, a channel or
 * halt are meant. */
int holders_read(const struct repo *, const char *role, struct holders *, struct err *);
void holders_clear(struct holders *);
/* Takes key.  ERR_USAGE when it is there already, or when there are too many. */
int holders_add(struct holders *, struct jv *key, struct err *);
/* By the first digits of its id, at least 6, which must name one.  ERR_USAGE. */
int holders_remove(struct holders *, const char *id, struct err *);
/* ERR_POLICY: a threshold that cannot be met. */
int holders_write(struct repo *, const char *role, const struct holders *, struct err *);

#endif
