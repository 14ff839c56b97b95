#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/tuf_meta.h"
#include "manifest/tuf_write.h"
#include "mkdelta/repo_state.h"

#include "mkdelta/holders.h"

enum { ID_DIGITS_MIN = 6, PATHS_MAX = 64 };

static int
check_role(const struct repo *r, const char *name, struct err *e)
{
	const struct repo_role *role = repo_role(r, name);

	if (role == NULL)
		return err_set(e, ERR_USAGE, "role %s: %s has none; mkdelta show %s lists "
		    "all", name, r->path, r->path);
	if (strcmp(role->by, "root") != 0 && strcmp(role->by, "targets") != 0)
		return err_set(e, ERR_USAGE, "role %s: has the keys of %s, and they are "
		    "changed there", name, role->by);
	return 0;
}

int
holders_read(const struct repo *r, const char *name, struct holders *h, struct err *e)
{
	const struct jv *by, *entry, *ids, *known;

	memset(h, 0, sizeof *h);
	if (check_role(r, name, e) == -1)
		return -1;
	by = repo_state_delegator(r, repo_role(r, name));
	entry = tuf_role_entry(by, name);
	ids = jv_get(entry, "keyids");
	if ((known = jv_get(by, "keys")) == NULL)
		known = jv_get(jv_get(by, "delegations"), "keys");
	if (jv_get_int(entry, "threshold", 1, KEYS_MAX, &h->threshold, e) == -1)
		return err_wrap(e, "role %s", name);
	for (size_t i = 0; i < jv_count(ids); i++)
		if (holders_add(h, jv_copy(jv_get(known, jv_text(jv_at(ids, i)))), e) ==
		    -1)
			return -1;
	return 0;
}

void
holders_clear(struct holders *h)
{
	while (h->n > 0)
		jv_free(h->keys[--h->n]);
}

int
holders_add(struct holders *h, struct jv *key, struct err *e)
{
	struct sha256 id;

	if (key == NULL || h->n == KEYS_MAX || key_id_of(key, &id, e) == -1) {
		jv_free(key);
		return err_set(e, ERR_USAGE, "more than %d keys", KEYS_MAX);
	}
	(void)sha256_hex(&id, h->ids[h->n]);
	for (size_t i = 0; i < h->n; i++)
		if (strcmp(h->ids[i], h->ids[h->n]) == 0) {
			jv_free(key);
			return err_set(e, ERR_USAGE, "key %.16s: signs it already",
			    h->ids[i]);
		}
	h->keys[h->n++] = key;
	return 0;
}

int
holders_remove(struct holders *h, const char *id, struct err *e)
{
	size_t found = h->n, digits = strlen(id);

	if (digits < ID_DIGITS_MIN)
		return err_set(e, ERR_USAGE, "key %s: give at least %d digits of its id",
		    id, ID_DIGITS_MIN);
	for (size_t i = 0; i < h->n; i++) {
		if (strncmp(h->ids[i], id, digits) != 0)
			continue;
		if (found != h->n)
			return err_set(e, ERR_USAGE, "key %s: two ids begin so", id);
		found = i;
	}
	if (found == h->n)
		return err_set(e, ERR_USAGE, "key %.64s: does not sign this role", id);
	jv_free(h->keys[found]);
	for (h->n--; found < h->n; found++) {
		h->keys[found] = h->keys[found + 1];
		memcpy(h->ids[found], h->ids[found + 1], sizeof h->ids[found]);
	}
	return 0;
}

/* Give a delegation other keys; its paths stay. */
static int
delegate_again(struct repo_role *by, const char *name, const struct holders *h,
    struct err *e)
{
	const struct jv *entry = tuf_role_entry(by->part, name);
	struct jv *list = jv_copy(jv_get(entry, "paths"));
	const char *paths[PATHS_MAX + 1] = { NULL };
	size_t n = jv_count(list);
	int rc = -1;

	if (n > PATHS_MAX) {
		(void)err_set(e, ERR_FORMAT, "role %s: too many paths", name);
		goto out;
	}
	for (size_t i = 0; i < n; i++)
		paths[i] = jv_text(jv_at(list, i));
	by->changed = true;
	rc = tuf_delegate(by->part, name, paths, h->keys, h->n, (unsigned)h->threshold,
	    e);
out:
	jv_free(list);
	return rc;
}

/* The role and all that is delegated below it. */
static int
write_below(struct repo *r, struct repo_role *role, const struct holders *h,
    struct err *e)
{
	struct repo_role *below;

	if (delegate_again(repo_role(r, role->by), role->name, h, e) == -1)
		return -1;
	role->changed = true;
	for (below = r->roles; below != NULL; below = below->next)
		if (strcmp(below->by, role->name) == 0 &&
		    write_below(r, below, h, e) == -1)
			return -1;
	return 0;
}

int
holders_write(struct repo *r, const char *name, const struct holders *h, struct err *e)
{
	struct repo_role *role = repo_role(r, name), *root = repo_role(r, "root");

	if (h->threshold < 1 || (size_t)h->threshold > h->n)
		return err_set(e, ERR_POLICY, "role %s: %zu key%s cannot make the %" PRId64
		    " signatures that it takes; lower the threshold first, or rotate the "
		    "key instead", name, h->n, h->n == 1 ? "" : "s", h->threshold);
	if (strcmp(role->by, "root") != 0)
		return write_below(r, role, h, e);
	root->changed = role->changed = true;
	return tuf_root_role(root->part, name, h->keys, h->n, (unsigned)h->threshold, e);
}
