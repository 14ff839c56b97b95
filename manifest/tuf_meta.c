#include <stdlib.h>
#include <string.h>

#include "manifest/base/utc.h"

#include "manifest/key.h"

#include "manifest/tuf_meta.h"

/* Each signature names a key and each key is named once; sorted out here so that
 * nobody counts twice later. */
static int
check_signatures(const struct jv *list, struct err *e)
{
	size_t n = jv_count(list);

	if (n > TUF_SIGNATURES_MAX)
		return err_set(
		    e, ERR_FORMAT, "more than %d signatures", TUF_SIGNATURES_MAX);
	for (size_t i = 0; i < n; i++) {
		const struct jv *one = jv_at(list, i);
		const char *id = jv_get_text(one, "keyid", e);

		if (id == NULL || jv_get_text(one, "sig", e) == NULL)
			return err_wrap(e, "signature %zu", i + 1);
		for (size_t k = 0; k < i; k++)
			if (strcmp(id, jv_text(jv_get(jv_at(list, k), "keyid"))) == 0)
				return err_set(
				    e, ERR_TRUST, "two signatures of the key %.64s", id);
	}
	return 0;
}

static int
open_envelope(struct jv *file, struct tuf_meta *m, struct err *e)
{
	if (jv_get_kind(file, "signed", JV_OBJECT, e) == NULL ||
	    jv_get_kind(file, "signatures", JV_LIST, e) == NULL ||
	    check_signatures(jv_get(file, "signatures"), e) == -1)
		return -1;
	m->signed_part = jv_take(file, "signed");
	m->signatures = jv_take(file, "signatures");
	return jv_canonical(m->signed_part, &m->canonical, e);
}

struct tuf_meta *
tuf_meta_parse(const void *data, size_t n, struct err *e)
{
	struct tuf_meta *m = NULL;
	struct jv *file;
	int rc = -1;

	if ((file = jv_parse(data, n, e)) == NULL)
		return NULL;
	if ((m = calloc(1, sizeof *m)) == NULL)
		(void)err_set(e, ERR_NOMEM, "out of memory for metadata");
	else {
		/* Canonical form is never longer than the text it came from. */
		buf_init(&m->canonical, n);
		rc = open_envelope(file, m, e);
	}
	jv_free(file);
	if (rc == 0)
		return m;
	tuf_meta_free(m);
	return NULL;
}

void
tuf_meta_free(struct tuf_meta *m)
{
	if (m == NULL)
		return;
	jv_free(m->signed_part);
	jv_free(m->signatures);
	buf_free(&m->canonical);
	free(m);
}

static bool
is_root(const struct jv *signed_part)
{
	const char *type = jv_text(jv_get(signed_part, "_type"));

	return type != NULL && strcmp(type, "root") == 0;
}

const struct jv *
tuf_role_entry(const struct jv *delegator, const char *role)
{
	const struct jv *list;

	if (is_root(delegator))
		return jv_get(jv_get(delegator, "roles"), role);
	list = jv_get(jv_get(delegator, "delegations"), "roles");
	for (size_t i = 0; i < jv_count(list); i++) {
		const char *name = jv_text(jv_get(jv_at(list, i), "name"));

		if (name != NULL && strcmp(name, role) == 0)
			return jv_at(list, i);
	}
	return NULL;
}

static const struct jv *
keys_of(const struct jv *delegator)
{
	if (is_root(delegator))
		return jv_get(delegator, "keys");
	return jv_get(jv_get(delegator, "delegations"), "keys");
}

static bool
lists_text(const struct jv *list, const char *text)
{
	for (size_t i = 0; i < jv_count(list); i++) {
		const char *one = jv_text(jv_at(list, i));

		if (one != NULL && strcmp(one, text) == 0)
			return true;
	}
	return false;
}

/* The keys whose signatures were found good so far. */
struct tally {
	struct key keys[TUF_KEYS_MAX];
	size_t n;
};

/* Count a signature if it is good, and by somebody who has none counted yet: one
 * key under two ids is one key. */
static int
count_one(struct tally *t, const struct tuf_meta *m, const struct jv *keys,
    const char *id, const char *sig, struct err *e)
{
	const struct jv *object = jv_get(keys, id);
	struct key key;
	bool counts;

	if (object == NULL)
		return 0;
	if (key_parse(object, id, &key, e) == -1)
		return -1;
	counts = key_verifies(&key, buf_text(&m->canonical), m->canonical.len, sig);
	for (size_t i = 0; counts && i < t->n; i++)
		counts = !key_same(&key, &t->keys[i]);
	if (counts && t->n < TUF_KEYS_MAX)
		t->keys[t->n++] = key;
	else
		key_clear(&key);
	return 0;
}

static int
count_valid(struct tally *t, const struct tuf_meta *m, const struct jv *keys,
    const struct jv *keyids, uint64_t threshold, struct err *e)
{
	for (size_t i = 0; i < jv_count(m->signatures) && t->n < threshold; i++) {
		const struct jv *one = jv_at(m->signatures, i);
		const char *id = jv_text(jv_get(one, "keyid"));

		if (lists_text(keyids, id) &&
		    count_one(t, m, keys, id, jv_text(jv_get(one, "sig")), e) == -1)
			return -1;
	}
	return 0;
}

int
tuf_meta_verify(
    const struct tuf_meta *m, const struct jv *delegator, const char *role, struct err *e)
{
	const struct jv *entry = tuf_role_entry(delegator, role);
	const struct jv *keyids;
	struct tally *t;
	int64_t threshold;
	int rc;

	if (entry == NULL)
		return err_set(e, ERR_ABSENT, "nobody delegates to this role");
	if ((keyids = jv_get_kind(entry, "keyids", JV_LIST, e)) == NULL ||
	    jv_get_int(entry, "threshold", 1, INT32_MAX, &threshold, e) == -1)
		return -1;
	if ((t = calloc(1, sizeof *t)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for keys");
	rc = count_valid(t, m, keys_of(delegator), keyids, (uint64_t)threshold, e);
	if (rc == 0 && t->n < (uint64_t)threshold)
		rc = err_set(e, ERR_TRUST, "%zu valid signatures, %lld needed", t->n,
		    (long long)threshold);
	for (size_t i = 0; i < t->n; i++)
		key_clear(&t->keys[i]);
	free(t);
	return rc;
}

/* "1.<number>" or "1.<number>.<number>". */
static bool
spec_is_ours(const char *text)
{
	size_t digits;

	if (strncmp(text, "1.", 2) != 0)
		return false;
	text += 2;
	if ((digits = strspn(text, "0123456789")) == 0)
		return false;
	text += digits;
	if (*text == '\0')
		return true;
	return *text == '.' && text[1] != '\0' &&
	       text[1 + strspn(text + 1, "0123456789")] == '\0';
}

/* By the role's name: the type, and who knows its shape. */
static const struct {
	const char *type;
	int (*check)(const struct jv *, struct err *);
} shapes[] = {
	{ "root", tuf_shape_root },
	{ "timestamp", tuf_shape_timestamp },
	{ "snapshot", tuf_shape_snapshot },
	{ "targets", tuf_shape_targets },
};

static size_t
shape_of(const char *role)
{
	size_t i = 0;

	while (i < 3 && strcmp(role, shapes[i].type) != 0)
		i++;
	return i;
}

static int
check_head(struct tuf_meta *m, const char *want_type, struct err *e)
{
	const struct jv *s = m->signed_part;
	const char *type = jv_get_text(s, "_type", e);
	const char *spec, *expires, *x_signed;

	if (type == NULL || (spec = jv_get_text(s, "spec_version", e)) == NULL ||
	    (expires = jv_get_text(s, "expires", e)) == NULL ||
	    jv_get_u64(s, "version", &m->version, e) == -1)
		return -1;
	if (strcmp(type, want_type) != 0)
		return err_set(
		    e, ERR_TRUST, "is of type \"%.32s\", not \"%s\"", type, want_type);
	if (!spec_is_ours(spec))
		return err_set(
		    e, ERR_FORMAT, "follows TUF %.16s, and this program knows 1.x", spec);
	if (m->version == 0)
		return err_set(e, ERR_FORMAT, "version is 0");
	if (utc_parse(expires, &m->expires) == -1)
		return err_set(e, ERR_FORMAT,
		    "expires is \"%.32s\", not like 2030-01-31T12:00:00Z", expires);
	x_signed = jv_text(jv_get(s, "x-signed"));
	if (x_signed == NULL || utc_parse(x_signed, &m->x_signed) == -1)
		m->x_signed = 0;
	return 0;
}

int
tuf_meta_check(struct tuf_meta *m, const char *role, struct err *e)
{
	size_t i = shape_of(role);

	if (check_head(m, shapes[i].type, e) == -1)
		return -1;
	return shapes[i].check(m->signed_part, e);
}

int
tuf_meta_check_product(const struct tuf_meta *m, const char *product, struct err *e)
{
	const char *said = jv_text(jv_get(m->signed_part, "x-product"));

	if (product == NULL)
		return 0;
	if (said == NULL || strcmp(said, product) != 0)
		return err_set(e, ERR_TRUST, "belongs to the product %.64s, not to %.64s",
		    said == NULL ? "(none)" : said, product);
	if (jv_get(m->signed_part, "x-signed") == NULL)
		return 0;
	if (m->x_signed == 0 || m->x_signed >= m->expires)
		return err_set(e, ERR_FORMAT, "x-signed is no time before expires");
	return 0;
}
