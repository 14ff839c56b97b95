/*
 * jv.h - JSON values: parse within limits, build, print; canonical JSON (OLPC).
 *
 * The doorway to jansson.  A `struct jv` is owned by whoever got it from
 * jv_parse() or jv_new_*(); values read out of another are borrowed and live
 * as long as it does.  jv_set() and jv_push() take ownership of the value
 * given, also when they fail.
 *
 * Before the library sees a byte, a scanner that allocates nothing bounds
 * depth (32) and number of values (100,000).  Refused: duplicate keys, invalid
 * UTF-8, lone surrogates, NUL, numbers outside int64, trailing data.
 */
#ifndef MANIFEST_JV_H
#define MANIFEST_JV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

struct jv; /* opaque: only jv.c knows it */

enum jv_kind { JV_NULL, JV_BOOL, JV_INT, JV_REAL, JV_TEXT, JV_LIST, JV_OBJECT };

/* NULL: ERR_FORMAT (with line and column), ERR_NOMEM. */
struct jv *jv_parse(const void *data, size_t n, struct err *);
void jv_free(struct jv *);             /* NULL is fine */
struct jv *jv_copy(const struct jv *); /* deep; NULL: out of memory */

enum jv_kind jv_kind(const struct jv *); /* NULL counts as JV_NULL */
const char *jv_text(const struct jv *);  /* NULL when it is no text */
bool jv_bool(const struct jv *, bool otherwise);
int jv_int(const struct jv *, int64_t *out); /* 0, -1 when it is no integer */

size_t jv_count(const struct jv *); /* members of a list or object, else 0 */
const struct jv *jv_at(const struct jv *list, size_t i);           /* NULL beyond */
const struct jv *jv_get(const struct jv *object, const char *key); /* NULL: none */
/* The key as the object holds it (lives as long as the member).  NULL: none. */
const char *jv_key(const struct jv *object, const char *key);
/* Members of an object in order of appearance: *it starts NULL, false at the end. */
bool jv_each(
    const struct jv *object, void **it, const char **key, const struct jv **value);

/* Required members of an object; ERR_FORMAT names the key. */
const char *jv_get_text(const struct jv *, const char *key, struct err *);
int jv_get_int(const struct jv *, const char *key, int64_t min, int64_t max, int64_t *out,
    struct err *);
int jv_get_u64(const struct jv *, const char *key, uint64_t *out, struct err *);
const struct jv *jv_get_kind(
    const struct jv *, const char *key, enum jv_kind, struct err *);

/* Building.  NULL (or -1 from the others) means out of memory or bad UTF-8. */
struct jv *jv_new_object(void);
struct jv *jv_new_list(void);
struct jv *jv_new_text(const char *);
struct jv *jv_new_int(int64_t);
struct jv *jv_new_bool(bool);
struct jv *jv_new_null(void);
int jv_set(struct jv *object, const char *key, struct jv *value);
int jv_push(struct jv *list, struct jv *value);
int jv_remove(struct jv *object, const char *key); /* absent is fine */
struct jv *jv_get_mutable(struct jv *object, const char *key);
/* The member leaves the object and is the caller's.  NULL: none. */
struct jv *jv_take(struct jv *object, const char *key);

/* Canonical JSON appended to out: keys sorted by bytes, no white space, only
 * '"' and '\' escaped.  ERR_FORMAT for real numbers. */
int jv_canonical(const struct jv *, struct buf *out, struct err *);
/* JSON for programs and people, ASCII, indented, in the order of building; no
 * newline at the end. */
int jv_print(const struct jv *, struct buf *out, struct err *);
/* The same on one line (for *.ndjson). */
int jv_print_line(const struct jv *, struct buf *out, struct err *);
/* Metadata files: real JSON, compact, keys sorted.  The bytes of the canonical
 * form unless a string holds control characters (PEM), which JSON must escape. */
int jv_print_sorted(const struct jv *, struct buf *out, struct err *);

#endif
