/*
 * What each type of metadata must look like before anyone reads meaning from it.
 * Unknown members are fine everywhere.
 */
#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/hash.h"

#include "manifest/key.h"
#include "manifest/tuf_names.h"

#include "manifest/tuf_meta.h"

/* Every key stands under the hash of itself. */
static int
check_keys(const struct jv *keys, struct err *e)
{
	const struct jv *object;
	const char *id;
	void *it = NULL;

	while (jv_each(keys, &it, &id, &object)) {
		struct key key;
		int rc = key_parse(object, id, &key, e);

		key_clear(&key);
		if (rc == -1)
			return -1;
	}
	return 0;
}

static int
check_texts(const struct jv *list, const char *what, struct err *e)
{
	for (size_t i = 0; i < jv_count(list); i++)
		if (jv_text(jv_at(list, i)) == NULL)
			return err_set(e, ERR_FORMAT, "%s: not only strings", what);
	return 0;
}

/* keyids, each once, and a threshold of at least one: zero would ask for nothing. */
static int
check_holders(const struct jv *role, struct err *e)
{
	const struct jv *ids = jv_get_kind(role, "keyids", JV_LIST, e);
	int64_t threshold;

	if (ids == NULL || check_texts(ids, "keyids", e) == -1 ||
	    jv_get_int(role, "threshold", 1, INT32_MAX, &threshold, e) == -1)
		return -1;
	if (jv_count(ids) > TUF_KEYS_MAX)
		return err_set(e, ERR_FORMAT, "more than %d keys", TUF_KEYS_MAX);
	for (size_t i = 0; i < jv_count(ids); i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(jv_text(jv_at(ids, i)), jv_text(jv_at(ids, k))) == 0)
				return err_set(e, ERR_FORMAT, "the key %.64s twice",
				    jv_text(jv_at(ids, i)));
	return 0;
}

int
tuf_shape_root(const struct jv *s, struct err *e)
{
	static const char *const names[] = { "root", "timestamp", "snapshot", "targets" };
	const struct jv *keys = jv_get_kind(s, "keys", JV_OBJECT, e);
	const struct jv *roles, *consistent = jv_get(s, "consistent_snapshot");

	if (keys == NULL || (roles = jv_get_kind(s, "roles", JV_OBJECT, e)) == NULL ||
	    check_keys(keys, e) == -1)
		return -1;
	if (consistent != NULL && jv_kind(consistent) != JV_BOOL)
		return err_set(e, ERR_FORMAT, "consistent_snapshot: not true or false");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const struct jv *role = jv_get_kind(roles, names[i], JV_OBJECT, e);

		if (role == NULL || check_holders(role, e) == -1)
			return err_wrap(e, "role %s", names[i]);
	}
	return 0;
}

/* Hex of the length its algorithm has; algorithms that we do not know may stand
 * there and are refused only when the hashes are needed. */
static int
check_hashes(const struct jv *hashes, struct err *e)
{
	uint8_t bytes[SHA512_BYTES];
	const struct jv *value;
	const char *name;
	void *it = NULL;

	while (jv_each(hashes, &it, &name, &value)) {
		const char *hex = jv_text(value);

		if (hex == NULL)
			return err_set(e, ERR_FORMAT, "a hash that is no string");
		if ((strcmp(name, "sha256") == 0 &&
			hex_decode(bytes, SHA256_BYTES, hex) == -1) ||
		    (strcmp(name, "sha512") == 0 &&
			hex_decode(bytes, SHA512_BYTES, hex) == -1))
			return err_set(e, ERR_FORMAT, "a %s that is none", name);
	}
	return 0;
}

/* { version, length?, hashes? } as timestamp and snapshot list files. */
static int
check_listed(const struct jv *listed, struct err *e)
{
	const struct jv *hashes = jv_get(listed, "hashes");
	int64_t version;
	uint64_t length;

	if (jv_get_int(listed, "version", 1, INT64_MAX, &version, e) == -1)
		return -1;
	if (jv_get(listed, "length") != NULL &&
	    jv_get_u64(listed, "length", &length, e) == -1)
		return -1;
	if (hashes == NULL)
		return 0;
	if (jv_kind(hashes) != JV_OBJECT || jv_count(hashes) == 0)
		return err_set(e, ERR_FORMAT, "hashes: not an object with a hash in it");
	return check_hashes(hashes, e);
}

static int
check_meta(const struct jv *s, const char *needed, struct err *e)
{
	const struct jv *meta = jv_get_kind(s, "meta", JV_OBJECT, e);
	const struct jv *listed;
	const char *name;
	void *it = NULL;

	if (meta == NULL || jv_get_kind(meta, needed, JV_OBJECT, e) == NULL)
		return -1;
	while (jv_each(meta, &it, &name, &listed))
		if (check_listed(listed, e) == -1)
			return err_wrap(e, "%.64s", name);
	return 0;
}

int
tuf_shape_timestamp(const struct jv *s, struct err *e)
{
	return check_meta(s, "snapshot.json", e);
}

int
tuf_shape_snapshot(const struct jv *s, struct err *e)
{
	return check_meta(s, "targets.json", e);
}

static int
check_paths(const struct jv *role, struct err *e)
{
	const struct jv *paths = jv_get(role, "paths");
	const struct jv *prefixes = jv_get(role, "path_hash_prefixes");
	const struct jv *one = paths != NULL ? paths : prefixes;

	if ((paths == NULL) == (prefixes == NULL))
		return err_set(
		    e, ERR_FORMAT, "not exactly one of paths and path_hash_prefixes");
	if (jv_kind(one) != JV_LIST)
		return err_set(e, ERR_FORMAT, "paths are no array");
	return check_texts(one, "paths", e);
}

static int
check_delegated(const struct jv *role, struct err *e)
{
	struct buf file = BUF_INIT(1024);
	const char *name = jv_get_text(role, "name", e);
	int rc;

	if (name == NULL)
		return -1;
	rc = tuf_role_file(name, 0, &file, e);
	buf_free(&file);
	if (rc == -1)
		return -1;
	if (tuf_role_is_reserved(name))
		return err_set(e, ERR_TRUST,
		    "delegates to a role called %s, which is root's to give", name);
	if (jv_get_kind(role, "terminating", JV_BOOL, e) == NULL ||
	    check_holders(role, e) == -1 || check_paths(role, e) == -1)
		return err_wrap(e, "delegation to %.64s", name);
	return 0;
}

static int
by_text(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static int
check_distinct(const struct jv *roles, struct err *e)
{
	size_t n = jv_count(roles);
	const char **names = malloc((n + 1) * sizeof *names);
	int rc = 0;

	if (names == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for roles");
	for (size_t i = 0; i < n; i++)
		names[i] = jv_text(jv_get(jv_at(roles, i), "name"));
	qsort(names, n, sizeof *names, by_text);
	for (size_t i = 1; i < n && rc == 0; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			rc = err_set(e, ERR_FORMAT, "delegates to %.64s twice", names[i]);
	free(names);
	return rc;
}

static int
check_delegations(const struct jv *delegations, struct err *e)
{
	const struct jv *keys = jv_get_kind(delegations, "keys", JV_OBJECT, e);
	const struct jv *roles;

	if (keys == NULL ||
	    (roles = jv_get_kind(delegations, "roles", JV_LIST, e)) == NULL ||
	    check_keys(keys, e) == -1)
		return err_wrap(e, "delegations");
	for (size_t i = 0; i < jv_count(roles); i++)
		if (check_delegated(jv_at(roles, i), e) == -1)
			return -1;
	return check_distinct(roles, e);
}

static int
check_target(const struct jv *target, struct err *e)
{
	const struct jv *hashes = jv_get_kind(target, "hashes", JV_OBJECT, e);
	uint64_t length;

	if (hashes == NULL || jv_get_u64(target, "length", &length, e) == -1)
		return -1;
	if (jv_count(hashes) == 0)
		return err_set(e, ERR_FORMAT, "without a hash");
	return check_hashes(hashes, e);
}

int
tuf_shape_targets(const struct jv *s, struct err *e)
{
	const struct jv *targets = jv_get_kind(s, "targets", JV_OBJECT, e);
	const struct jv *delegations = jv_get(s, "delegations");
	const struct jv *target;
	const char *path;
	void *it = NULL;

	if (targets == NULL)
		return -1;
	while (jv_each(targets, &it, &path, &target))
		if (check_target(target, e) == -1)
			return err_wrap(e, "target %.64s", path);
	if (delegations == NULL)
		return 0;
	return check_delegations(delegations, e);
}
