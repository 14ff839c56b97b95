/*
 * state_json.h - small JSON documents in STATE.
 */
#ifndef APPLY_STATE_JSON_H
#define APPLY_STATE_JSON_H

#include "manifest/base/err.h"
#include "manifest/jv.h"

enum { STATE_JSON_MAX = 4 << 20 };

/* Owned.  NULL with ERR_ABSENT, ERR_IO, ERR_FORMAT. */
struct jv *state_json_read(int state, const char *name, struct err *);
/* The same for what must never keep a device from updating: NULL when it is not
 * there, and with a warning when it cannot be read. */
struct jv *state_json_try(int state, const char *name);
/* Durable; does not take v. */
int state_json_write(int state, const char *name, const struct jv *v, struct err *);

/* Building an object member by member without looking each time: the first
 * failure frees the object and leaves NULL.  Values are taken. */
void json_put(struct jv **object, const char *key, struct jv *value);
void json_put_text(struct jv **object, const char *key, const char *text);
void json_put_u64(struct jv **object, const char *key, uint64_t);
void json_put_i64(struct jv **object, const char *key, int64_t);
void json_put_bool(struct jv **object, const char *key, bool);
void json_put_time(struct jv **object, const char *key, int64_t seconds);
void json_push(struct jv **list, struct jv *value);
/* ERR_NOMEM when it is NULL; returns it. */
struct jv *json_done(struct jv *object, struct err *);

/* Members that may be missing: 0, "". */
uint64_t json_u64(const struct jv *object, const char *key);
const char *json_text(const struct jv *object, const char *key);

#endif
