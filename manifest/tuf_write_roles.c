/*
 * Who may sign what: root's roles, and delegations.
 */
#include <stdbool.h>
#include <string.h>

#include "manifest/base/hash.h"

#include "manifest/tuf_write.h"

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "out of memory for metadata");
}

static int
add_key(struct jv *known, struct jv *ids, const struct jv *key, struct err *e)
{
	char hex[SHA256_HEX_MAX];
	struct sha256 id;

	if (key_id_of(key, &id, e) == -1)
		return -1;
	(void)sha256_hex(&id, hex);
	if (jv_set(known, hex, jv_copy(key)) == -1 ||
	    jv_push(ids, jv_new_text(hex)) == -1)
		return no_memory(e);
	return 0;
}

/* Put keyids and threshold into `role`, and the keys among the known ones. */
static int
set_holders(struct jv *known, struct jv *role, struct jv *const *keys, size_t n_keys,
    unsigned threshold, struct err *e)
{
	struct jv *ids;

	if (threshold == 0 || threshold > n_keys)
		return err_set(
		    e, ERR_USAGE, "threshold %u of %zu keys", threshold, n_keys);
	if (jv_set(role, "keyids", jv_new_list()) == -1 ||
	    jv_set(role, "threshold", jv_new_int(threshold)) == -1)
		return no_memory(e);
	ids = jv_get_mutable(role, "keyids");
	for (size_t i = 0; i < n_keys; i++)
		if (add_key(known, ids, keys[i], e) == -1)
			return -1;
	return 0;
}

static bool
lists_id(const struct jv *role, const char *id)
{
	const struct jv *ids = jv_get(role, "keyids");

	for (size_t i = 0; i < jv_count(ids); i++)
		if (strcmp(jv_text(jv_at(ids, i)), id) == 0)
			return true;
	return false;
}

/* Is the key in the hands of any role of this object or list? */
static bool
is_used(const struct jv *roles, const char *id)
{
	const struct jv *role;
	const char *name;
	void *it = NULL;

	for (size_t i = 0; jv_kind(roles) == JV_LIST && i < jv_count(roles); i++)
		if (lists_id(jv_at(roles, i), id))
			return true;
	while (jv_kind(roles) == JV_OBJECT && jv_each(roles, &it, &name, &role))
		if (lists_id(role, id))
			return true;
	return false;
}

/* `holder` (root, or targets' delegations) keeps the keys that roles use. */
static int
drop_unused_keys(struct jv *holder, struct err *e)
{
	const struct jv *roles = jv_get(holder, "roles"), *key;
	struct jv *kept = jv_new_object();
	const char *id;
	void *it = NULL;

	while (jv_each(jv_get(holder, "keys"), &it, &id, &key))
		if (is_used(roles, id) && jv_set(kept, id, jv_copy(key)) == -1) {
			jv_free(kept);
			return no_memory(e);
		}
	return jv_set(holder, "keys", kept) == -1 ? no_memory(e) : 0;
}

int
tuf_root_role(struct jv *root, const char *role, struct jv *const *keys, size_t n_keys,
    unsigned threshold, struct err *e)
{
	struct jv *roles = jv_get_mutable(root, "roles");

	if (jv_set(roles, role, jv_new_object()) == -1)
		return no_memory(e);
	if (set_holders(jv_get_mutable(root, "keys"), jv_get_mutable(roles, role), keys,
		n_keys, threshold, e) == -1)
		return err_wrap(e, "role %s", role);
	return drop_unused_keys(root, e);
}

/* The delegations object, made when it is not there. */
static struct jv *
delegations_of(struct jv *targets)
{
	struct jv *d = jv_get_mutable(targets, "delegations");

	if (d != NULL)
		return d;
	if (jv_set(targets, "delegations", jv_new_object()) == -1)
		return NULL;
	d = jv_get_mutable(targets, "delegations");
	if (jv_set(d, "keys", jv_new_object()) == -1 ||
	    jv_set(d, "roles", jv_new_list()) == -1)
		return NULL;
	return d;
}

static int
copy_list(struct jv *to, const char *key, const char *const *texts)
{
	struct jv *list = jv_new_list();

	for (; *texts != NULL; texts++)
		if (jv_push(list, jv_new_text(*texts)) == -1) {
			jv_free(list);
			return -1;
		}
	return jv_set(to, key, list);
}

/* The list of roles with `role` in the place of its namesake, else at the end. */
static int
put_role(struct jv *delegations, struct jv *role)
{
	const char *name = jv_text(jv_get(role, "name"));
	const struct jv *old = jv_get(delegations, "roles");
	struct jv *list = jv_new_list();
	bool placed = false;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < jv_count(old); i++) {
		const struct jv *one = jv_at(old, i);
		bool same = strcmp(jv_text(jv_get(one, "name")), name) == 0;

		rc = jv_push(list, jv_copy(same ? role : one));
		placed = placed || same;
	}
	if (rc == 0 && !placed)
		rc = jv_push(list, jv_copy(role));
	if (rc == 0)
		return jv_set(delegations, "roles", list);
	jv_free(list);
	return -1;
}

int
tuf_delegate(struct jv *targets, const char *role, const char *const *paths,
    struct jv *const *keys, size_t n_keys, unsigned threshold, struct err *e)
{
	struct jv *d = delegations_of(targets), *one = jv_new_object();
	int rc = -1;

	if (d == NULL || jv_set(one, "name", jv_new_text(role)) == -1 ||
	    jv_set(one, "terminating", jv_new_bool(false)) == -1 ||
	    copy_list(one, "paths", paths) == -1) {
		(void)no_memory(e);
		goto out;
	}
	if (set_holders(jv_get_mutable(d, "keys"), one, keys, n_keys, threshold, e) ==
	    -1) {
		(void)err_wrap(e, "role %s", role);
		goto out;
	}
	if (put_role(d, one) == -1) {
		(void)no_memory(e);
		goto out;
	}
	rc = drop_unused_keys(d, e);
out:
	jv_free(one);
	return rc;
}
