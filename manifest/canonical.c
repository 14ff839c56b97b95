/*
 * Canonical JSON (OLPC): what TUF signs.  Not always valid JSON: inside strings
 * only '"' and '\' are escaped and all else stands as raw UTF-8.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/jv.h"

/* Parsed values are bounded by jv_scan.h; built ones end here. */
enum { DEPTH_MAX = 64 };

static int emit(const struct jv *, unsigned depth, struct buf *, struct err *);

static int
emit_text(const char *s, struct buf *out, struct err *e)
{
	if (buf_add_byte(out, '"', e) == -1)
		return -1;
	for (;;) {
		size_t plain = strcspn(s, "\"\\");

		if (buf_add(out, s, plain, e) == -1)
			return -1;
		s += plain;
		if (*s == '\0')
			break;
		if (buf_add_byte(out, '\\', e) == -1 ||
		    buf_add_byte(out, (uint8_t)*s++, e) == -1)
			return -1;
	}
	return buf_add_byte(out, '"', e);
}

static int
emit_list(const struct jv *v, unsigned depth, struct buf *out, struct err *e)
{
	size_t n = jv_count(v);

	if (buf_add_byte(out, '[', e) == -1)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && buf_add_byte(out, ',', e) == -1)
			return -1;
		if (emit(jv_at(v, i), depth, out, e) == -1)
			return -1;
	}
	return buf_add_byte(out, ']', e);
}

static int
by_bytes(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* The keys of an object, sorted; the array is owned by the caller. */
static const char **
sorted_keys(const struct jv *v, struct err *e)
{
	const char **keys = malloc((jv_count(v) + 1) * sizeof *keys);
	const struct jv *value;
	const char *key;
	void *it = NULL;
	size_t n = 0;

	if (keys == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for JSON");
		return NULL;
	}
	while (jv_each(v, &it, &key, &value))
		keys[n++] = key;
	qsort(keys, n, sizeof *keys, by_bytes);
	return keys;
}

static int
emit_object(const struct jv *v, unsigned depth, struct buf *out, struct err *e)
{
	size_t n = jv_count(v);
	const char **keys;
	int rc = -1;

	if ((keys = sorted_keys(v, e)) == NULL)
		return -1;
	if (buf_add_byte(out, '{', e) == -1)
		goto out;
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && buf_add_byte(out, ',', e) == -1)
			goto out;
		if (emit_text(keys[i], out, e) == -1 || buf_add_byte(out, ':', e) == -1 ||
		    emit(jv_get(v, keys[i]), depth, out, e) == -1)
			goto out;
	}
	rc = buf_add_byte(out, '}', e);
out:
	free(keys);
	return rc;
}

static int
emit(const struct jv *v, unsigned depth, struct buf *out, struct err *e)
{
	int64_t number;

	if (depth == 0)
		return err_set(e, ERR_FORMAT, "JSON: nested deeper than %d", DEPTH_MAX);
	switch (jv_kind(v)) {
	case JV_NULL:
		return buf_add_text(out, "null", e);
	case JV_BOOL:
		return buf_add_text(out, jv_bool(v, false) ? "true" : "false", e);
	case JV_INT:
		(void)jv_int(v, &number);
		return buf_addf(out, e, "%" PRId64, number);
	case JV_TEXT:
		return emit_text(jv_text(v), out, e);
	case JV_LIST:
		return emit_list(v, depth - 1, out, e);
	case JV_OBJECT:
		return emit_object(v, depth - 1, out, e);
	case JV_REAL:
		break;
	}
	return err_set(e, ERR_FORMAT,
	    "JSON: canonical form has no place for a number with a fraction");
}

int
jv_canonical(const struct jv *v, struct buf *out, struct err *e)
{
	size_t before = out->len;

	if (emit(v, DEPTH_MAX, out, e) == 0)
		return 0;
	out->len = before;
	return -1;
}
