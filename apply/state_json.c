#include <string.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"
#include "manifest/base/utc.h"

#include "apply/state_json.h"

struct jv *
state_json_read(int state, const char *name, struct err *e)
{
	struct buf text = BUF_INIT(STATE_JSON_MAX);
	struct jv *v = NULL;

	if (fs_read_file(state, name, &text, e) == 0)
		v = jv_parse(text.data, text.len, e);
	if (v == NULL)
		(void)err_wrap(e, "state: %s", name);
	buf_free(&text);
	return v;
}

struct jv *
state_json_try(int state, const char *name)
{
	struct err e = ERR_INIT;
	struct jv *v = state_json_read(state, name, &e);

	if (v == NULL && e.code != ERR_ABSENT)
		log_warn("%s; taken as empty", e.text);
	return v;
}

int
state_json_write(int state, const char *name, const struct jv *v, struct err *e)
{
	struct buf text = BUF_INIT(STATE_JSON_MAX);
	int rc = -1;

	if (jv_print(v, &text, e) == 0 && buf_add_byte(&text, '\n', e) == 0)
		rc = fs_write_file(state, name, text.data, text.len, 0600, e);
	buf_free(&text);
	return rc == -1 ? err_wrap(e, "state: %s", name) : 0;
}

void
json_put(struct jv **object, const char *key, struct jv *value)
{
	if (*object == NULL) {
		jv_free(value);
	} else if (value == NULL || jv_set(*object, key, value) == -1) {
		jv_free(*object);
		*object = NULL;
	}
}

void
json_push(struct jv **list, struct jv *value)
{
	if (*list == NULL) {
		jv_free(value);
	} else if (value == NULL || jv_push(*list, value) == -1) {
		jv_free(*list);
		*list = NULL;
	}
}

void
json_put_text(struct jv **object, const char *key, const char *text)
{
	json_put(object, key, jv_new_text(text));
}

void
json_put_u64(struct jv **object, const char *key, uint64_t v)
{
	json_put(object, key, jv_new_int(v > INT64_MAX ? INT64_MAX : (int64_t)v));
}

void
json_put_i64(struct jv **object, const char *key, int64_t v)
{
	json_put(object, key, jv_new_int(v));
}

void
json_put_bool(struct jv **object, const char *key, bool v)
{
	json_put(object, key, jv_new_bool(v));
}

void
json_put_time(struct jv **object, const char *key, int64_t seconds)
{
	char text[UTC_TEXT_MAX];

	json_put(object, key, jv_new_text(utc_text(text, seconds)));
}

struct jv *
json_done(struct jv *object, struct err *e)
{
	if (object == NULL)
		(void)err_set(e, ERR_NOMEM, "out of memory");
	return object;
}

uint64_t
json_u64(const struct jv *object, const char *key)
{
	int64_t v;

	return jv_int(jv_get(object, key), &v) == 0 && v > 0 ? (uint64_t)v : 0;
}

const char *
json_text(const struct jv *object, const char *key)
{
	const char *text = jv_text(jv_get(object, key));

	return text == NULL ? "" : text;
}
