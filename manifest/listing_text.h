/*
 * listing_text.h - words of a listing: escapes, base64, one entry as text.
 *
 * Private to listing*.c.  docs/format.md has the grammar.
 */
#ifndef MANIFEST_LISTING_TEXT_H
#define MANIFEST_LISTING_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"
#include "manifest/listing.h"

#define LISTING_MAGIC "#mtree\n"
#define LISTING_XATTR "# xattr "

enum {
	LISTING_PATH_MAX = 4095,
	LISTING_NAME_MAX = 255,		/* a component, a user, an xattr's name */
	LISTING_XATTR_MAX = 65536	/* bytes of a value, as in Linux */
};

/* Append text with \ooo for every byte that may not stand in a word. */
int listing_escape(struct buf *out, const char *text, struct err *);
/* The text of a word, owned by the caller.  NULL: ERR_NOMEM, or ERR_FORMAT for a
 * wrong escape, a NUL, nothing at all or more than max bytes. */
char *listing_unescape(const char *word, size_t n, size_t max, struct err *);

int listing_base64(struct buf *out, const uint8_t *data, size_t n, struct err *);
/* At most LISTING_XATTR_MAX bytes; NULL as above.  Room for one byte at least. */
uint8_t *listing_unbase64(const char *word, size_t n, size_t *bytes, struct err *);

/* Append the lines of one entry, with its hash or without. */
int listing_emit_entry(const struct entry *, bool with_hash, struct buf *out,
    struct err *);

/* The order of entries: bytes of the path, "." before everything. */
int listing_compare_paths(const char *a, const char *b);

/* Append an entry whose strings the listing takes over.  On failure they still
 * belong to the caller. */
int listing_take(struct listing *, const struct entry *, struct err *);
void listing_entry_clear(struct entry *);

#endif
