#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/base/utc.h"
#include "manifest/sign.h"
#include "manifest/tuf_write.h"

#include "tests/lab/thief.h"

enum { YEAR = 365 * 86400 };

static void
must(bool good, const char *what, const struct err *e)
{
	if (!good)
		fail_msg("thief: %s: %s", what, e->text);
}

void
thief_steal(struct thief *t, const char *pem)
{
	struct err e = ERR_INIT;
	char *text = lab_read(t->l, pem);

	must(text != NULL && t->n_keys < THIEF_KEYS_MAX, pem, &e);
	t->keys[t->n_keys] = signer_from_pem(text, strlen(text), NULL, &e);
	must(t->keys[t->n_keys++] != NULL, pem, &e);
	free(text);
}

struct jv *
thief_makes_key(struct thief *t)
{
	struct err e = ERR_INIT;
	struct jv *object;

	must(t->n_keys < THIEF_KEYS_MAX, "keys", &e);
	t->keys[t->n_keys] = signer_new(KEY_ED25519, &e);
	must(t->keys[t->n_keys] != NULL, "new key", &e);
	object = signer_public(t->keys[t->n_keys++], &e);
	must(object != NULL, "new key", &e);
	return object;
}

static struct jv *
read_part(const struct thief *t, const char *file)
{
	struct err e = ERR_INIT;
	char path[256], *text;
	struct jv *all, *part;

	(void)snprintf(path, sizeof path, "%s/metadata/%s", t->host, file);
	must((text = lab_read(t->l, path)) != NULL, path, &e);
	must((all = jv_parse(text, strlen(text), &e)) != NULL, path, &e);
	must((part = jv_take(all, "signed")) != NULL, path, &e);
	jv_free(all);
	free(text);
	return part;
}

/* The version of a role that the host offers. */
static uint64_t
offered(struct thief *t, const char *role)
{
	char name[80], path[256];
	const char *by = strcmp(role, "snapshot") == 0 ? "timestamp" : "snapshot";
	const struct jv *entry;
	int64_t version = 0;

	if (strcmp(role, "root") == 0) {
		do
			(void)snprintf(path, sizeof path, "%s/metadata/%" PRId64
			    ".root.json", t->host, ++version);
		while (lab_exists(t->l, path));
		return (uint64_t)version - 1;
	}
	(void)snprintf(name, sizeof name, "%s.json", role);
	entry = jv_get(jv_get(thief_part(t, by), "meta"), name);
	assert_int_equal(jv_int(jv_get(entry, "version"), &version), 0);
	return (uint64_t)version;
}

struct jv *
thief_part(struct thief *t, const char *role)
{
	bool is_timestamp = strcmp(role, "timestamp") == 0;
	struct jv *part;
	char file[96];
	int64_t version;

	for (size_t i = 0; i < t->n_parts; i++)
		if (strcmp(t->parts[i].role, role) == 0)
			return t->parts[i].part;
	(void)snprintf(file, sizeof file, "timestamp.json");
	if (!is_timestamp)
		(void)snprintf(file, sizeof file, "%" PRIu64 ".%s.json",
		    offered(t, role), role);
	part = read_part(t, file);
	assert_true(t->n_parts < THIEF_PARTS_MAX);
	assert_int_equal(jv_int(jv_get(part, "version"), &version), 0);
	(void)snprintf(t->parts[t->n_parts].role, sizeof t->parts[0].role, "%s", role);
	t->parts[t->n_parts].version = (uint64_t)version;
	t->parts[t->n_parts++].part = part;
	return part;
}

static void
list_in(struct thief *t, const char *by, const char *role, uint64_t version,
    const struct buf *file)
{
	struct err e = ERR_INIT;

	must(tuf_set_meta(thief_part(t, by), role, version, file->data, file->len,
	    &e) == 0, role, &e);
}

static uint64_t *
version_of(struct thief *t, const char *role)
{
	size_t i = 0;

	while (strcmp(t->parts[i].role, role) != 0)
		i++;
	return &t->parts[i].version;
}

void
thief_put(struct thief *t, const char *role, uint64_t version)
{
	struct jv *part = thief_part(t, role);
	int64_t now = utc_now();
	struct tuf_head head = { jv_text(jv_get(part, "_type")), version, now + YEAR, now,
		jv_text(jv_get(part, "x-product")) };
	struct buf file = BUF_INIT((size_t)1 << 20);
	struct err e = ERR_INIT;
	char path[256], type[32], product[64];

	*version_of(t, role) = version == 0 ? *version_of(t, role) + 1 : version;
	head.version = *version_of(t, role);
	/* What the head points at is about to be replaced. */
	(void)snprintf(type, sizeof type, "%s", head.type);
	(void)snprintf(product, sizeof product, "%s", head.product);
	head.type = type;
	head.product = product;
	must(tuf_set_head(part, &head, &e) == 0 &&
	    tuf_sign(part, t->keys, t->n_keys, &file, &e) == 0, role, &e);
	if (strcmp(role, "timestamp") == 0)
		(void)snprintf(path, sizeof path, "%s/metadata/timestamp.json", t->host);
	else
		(void)snprintf(path, sizeof path, "%s/metadata/%" PRIu64 ".%s.json",
		    t->host, head.version, role);
	lab_write_bytes(t->l, path, file.data, file.len);
	if (strcmp(role, "snapshot") == 0)
		list_in(t, "timestamp", role, head.version, &file);
	else if (strcmp(role, "timestamp") != 0 && strcmp(role, "root") != 0)
		list_in(t, "snapshot", role, head.version, &file);
	buf_free(&file);
}

void
thief_end(struct thief *t)
{
	for (size_t i = 0; i < t->n_keys; i++)
		signer_free(t->keys[i]);
	for (size_t i = 0; i < t->n_parts; i++)
		jv_free(t->parts[i].part);
	t->n_keys = t->n_parts = 0;
}
