#include <jansson.h>

#include <string.h>

#include "manifest/jv_scan.h"

#include "manifest/jv.h"

/*
 * A `struct jv` is jansson's json_t under another name: no wrapper, no second
 * tree.  The library counts references in values it only reads, so const goes
 * away here and nowhere else.
 */
static json_t *
js(const struct jv *v)
{
	union {
		const struct jv *ours;
		json_t *theirs;
	} same = { v };

	return same.theirs;
}

static struct jv *
jv(json_t *j)
{
	return (struct jv *)j;
}

struct jv *
jv_parse(const void *data, size_t n, struct err *e)
{
	json_error_t why;
	json_t *j;

	if (jv_scan(data, n, e) == -1)
		return NULL;
	if ((j = json_loadb(data, n, JSON_REJECT_DUPLICATES, &why)) != NULL)
		return jv(j);
	if (json_error_code(&why) == json_error_out_of_memory)
		(void)err_set(e, ERR_NOMEM, "out of memory for JSON");
	else
		(void)err_set(e, ERR_FORMAT, "JSON: line %d, column %d: %s", why.line,
		    why.column, why.text);
	return NULL;
}

void
jv_free(struct jv *v)
{
	json_decref(js(v));
}

struct jv *
jv_copy(const struct jv *v)
{
	return jv(json_deep_copy(js(v)));
}

enum jv_kind
jv_kind(const struct jv *v)
{
	if (v == NULL)
		return JV_NULL;
	switch (json_typeof(js(v))) {
	case JSON_OBJECT:
		return JV_OBJECT;
	case JSON_ARRAY:
		return JV_LIST;
	case JSON_STRING:
		return JV_TEXT;
	case JSON_INTEGER:
		return JV_INT;
	case JSON_REAL:
		return JV_REAL;
	case JSON_TRUE:
	case JSON_FALSE:
		return JV_BOOL;
	case JSON_NULL:
		break;
	}
	return JV_NULL;
}

const char *
jv_text(const struct jv *v)
{
	return json_string_value(js(v));
}

bool
jv_bool(const struct jv *v, bool otherwise)
{
	return json_is_boolean(js(v)) ? json_is_true(js(v)) : otherwise;
}

int
jv_int(const struct jv *v, int64_t *out)
{
	if (!json_is_integer(js(v)))
		return -1;
	*out = json_integer_value(js(v));
	return 0;
}

size_t
jv_count(const struct jv *v)
{
	if (json_is_array(js(v)))
		return json_array_size(js(v));
	return json_object_size(js(v));
}

const struct jv *
jv_at(const struct jv *list, size_t i)
{
	return jv(json_array_get(js(list), i));
}

const struct jv *
jv_get(const struct jv *object, const char *key)
{
	return jv(json_object_get(js(object), key));
}

struct jv *
jv_get_mutable(struct jv *object, const char *key)
{
	return jv(json_object_get(js(object), key));
}

const char *
jv_key(const struct jv *object, const char *key)
{
	return json_object_iter_key(json_object_iter_at(js(object), key));
}

bool
jv_each(const struct jv *object, void **it, const char **key, const struct jv **value)
{
	if (*it == NULL)
		*it = json_object_iter(js(object));
	else
		*it = json_object_iter_next(js(object), *it);
	if (*it == NULL)
		return false;
	*key = json_object_iter_key(*it);
	*value = jv(json_object_iter_value(*it));
	return true;
}

static const char *
kind_word(enum jv_kind kind)
{
	static const char *const words[] = {
		[JV_NULL] = "null",
		[JV_BOOL] = "true or false",
		[JV_INT] = "an integer",
		[JV_REAL] = "a number",
		[JV_TEXT] = "a string",
		[JV_LIST] = "an array",
		[JV_OBJECT] = "an object",
	};

	return words[kind];
}

const struct jv *
jv_get_kind(const struct jv *object, const char *key, enum jv_kind kind, struct err *e)
{
	const struct jv *v = jv_get(object, key);

	if (v == NULL) {
		(void)err_set(e, ERR_FORMAT, "\"%s\" is missing", key);
		return NULL;
	}
	if (jv_kind(v) != kind) {
		(void)err_set(e, ERR_FORMAT, "\"%s\" is not %s", key, kind_word(kind));
		return NULL;
	}
	return v;
}

const char *
jv_get_text(const struct jv *object, const char *key, struct err *e)
{
	return jv_text(jv_get_kind(object, key, JV_TEXT, e));
}

int
jv_get_int(const struct jv *object, const char *key, int64_t min, int64_t max,
    int64_t *out, struct err *e)
{
	const struct jv *v = jv_get_kind(object, key, JV_INT, e);
	int64_t got = 0;

	if (v == NULL || jv_int(v, &got) == -1)
		return -1;
	if (got < min || got > max)
		return err_set(e, ERR_FORMAT, "\"%s\" is %lld, outside %lld to %lld", key,
		    (long long)got, (long long)min, (long long)max);
	*out = got;
	return 0;
}

int
jv_get_u64(const struct jv *object, const char *key, uint64_t *out, struct err *e)
{
	int64_t got;

	if (jv_get_int(object, key, 0, INT64_MAX, &got, e) == -1)
		return -1;
	*out = (uint64_t)got;
	return 0;
}

struct jv *
jv_new_object(void)
{
	return jv(json_object());
}

struct jv *
jv_new_list(void)
{
	return jv(json_array());
}

struct jv *
jv_new_text(const char *text)
{
	return jv(json_string(text));
}

struct jv *
jv_new_int(int64_t n)
{
	return jv(json_integer(n));
}

struct jv *
jv_new_bool(bool b)
{
	return jv(json_boolean(b));
}

struct jv *
jv_new_null(void)
{
	return jv(json_null());
}

int
jv_set(struct jv *object, const char *key, struct jv *value)
{
	return json_object_set_new(js(object), key, js(value));
}

int
jv_push(struct jv *list, struct jv *value)
{
	return json_array_append_new(js(list), js(value));
}

int
jv_remove(struct jv *object, const char *key)
{
	(void)json_object_del(js(object), key);
	return 0;
}

struct jv *
jv_take(struct jv *object, const char *key)
{
	json_t *v = json_incref(json_object_get(js(object), key));

	(void)json_object_del(js(object), key);
	return jv(v);
}

struct dump {
	struct buf *out;
	struct err *e;
};

static int
add_dumped(const char *text, size_t n, void *arg)
{
	struct dump *d = arg;

	return buf_add(d->out, text, n, d->e);
}

static int
dump(const struct jv *v, size_t flags, struct buf *out, struct err *e)
{
	struct dump d = { out, e };
	size_t before = out->len;

	err_clear(e);
	if (json_dump_callback(js(v), add_dumped, &d, flags | JSON_ENCODE_ANY) == 0)
		return 0;
	out->len = before;
	if (e->code == ERR_NONE)
		(void)err_set(e, ERR_NOMEM, "out of memory for JSON");
	return -1;
}

/* ASCII only: what a terminal might obey is escaped. */
int
jv_print(const struct jv *v, struct buf *out, struct err *e)
{
	return dump(v, JSON_INDENT(2) | JSON_ENSURE_ASCII, out, e);
}

int
jv_print_line(const struct jv *v, struct buf *out, struct err *e)
{
	return dump(v, JSON_COMPACT | JSON_ENSURE_ASCII, out, e);
}

int
jv_print_sorted(const struct jv *v, struct buf *out, struct err *e)
{
	return dump(v, JSON_COMPACT | JSON_SORT_KEYS, out, e);
}
