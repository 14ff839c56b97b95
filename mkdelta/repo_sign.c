/*
 * Who must sign a role, who can, and the signatures themselves.
 */
#include <stdio.h>
#include <string.h>

#include "manifest/tuf_meta.h"
#include "manifest/tuf_write.h"
#include "mkdelta/repo_state.h"

#include "mkdelta/repo.h"

size_t
repo_state_holders(const struct repo *r, const struct repo_role *role,
    const struct jv *out[static REPO_HOLDERS_MAX])
{
	size_t n = 0;

	out[n++] = repo_state_delegator(r, role);
	if (strcmp(role->name, "root") == 0 && r->trusted_root != NULL)
		out[n++] = r->trusted_root;
	return n;
}

/* Keys of this role by this delegator that are here, and how many it takes. */
static size_t
count_keys(const struct jv *holder, const char *name, const struct keys *keys,
    struct signer **out, int64_t *threshold)
{
	const struct jv *entry = tuf_role_entry(holder, name);

	*threshold = KEYS_MAX + 1;
	(void)jv_int(jv_get(entry, "threshold"), threshold);
	return keys_for(keys, jv_get(entry, "keyids"), out, KEYS_MAX);
}

int
repo_can_sign(const struct repo *r, const struct keys *keys, const char *name,
    struct err *e)
{
	const struct repo_role *role = repo_role(r, name);
	struct signer *signers[KEYS_MAX];
	int64_t threshold;
	size_t n = count_keys(repo_state_delegator(r, role), name, keys, signers,
	    &threshold);

	if (n > 0)
		return 0;
	return err_set(e, ERR_POLICY, "role %s: %zu of its private keys found, %d "
	    "needed; say where they are with --keys DIR", name, n, (int)threshold);
}

bool
repo_can_end(const struct repo *r, const struct keys *keys, const char *name)
{
	const struct repo_role *role = repo_role(r, name);
	const struct jv *holders[REPO_HOLDERS_MAX];
	struct signer *signers[KEYS_MAX];
	int64_t threshold;

	for (size_t n = repo_state_holders(r, role, holders); n > 0; n--)
		if (count_keys(holders[n - 1], name, keys, signers, &threshold) <
		    (size_t)threshold)
			return false;
	return true;
}

bool
repo_can_publish(const struct repo *r, const struct keys *keys)
{
	for (const struct repo_role *role = r->roles; role != NULL; role = role->next)
		if (role->changed && !repo_can_end(r, keys, role->name))
			return false;
	return repo_can_end(r, keys, "snapshot") && repo_can_end(r, keys, "timestamp");
}

bool
repo_has_root_key(const struct repo *r, const struct keys *keys)
{
	struct signer *signers[KEYS_MAX];
	int64_t threshold;

	return count_keys(repo_role(r, "root")->part, "root", keys, signers,
	    &threshold) > 0;
}

int
repo_state_sign(const struct repo *r, struct repo_role *role, const struct keys *keys,
    struct err *e)
{
	const struct jv *holders[REPO_HOLDERS_MAX];
	struct signer *signers[KEYS_MAX];
	int64_t threshold;
	size_t n;

	if (role->file == NULL && (role->file = tuf_new_file(role->part, e)) == NULL)
		return -1;
	for (size_t i = repo_state_holders(r, role, holders); i > 0; i--) {
		n = count_keys(holders[i - 1], role->name, keys, signers, &threshold);
		if (tuf_add_signatures(role->file, signers, n, e) == -1)
			return err_wrap(e, "role %s", role->name);
	}
	return 0;
}

int
repo_state_is_signed(const struct repo *r, const struct repo_role *role, struct err *e)
{
	const struct jv *holders[REPO_HOLDERS_MAX];

	for (size_t i = repo_state_holders(r, role, holders); i > 0; i--) {
		struct jv *ids = jv_new_list();
		int64_t threshold = 0;
		int rc = tuf_good_signatures(holders[i - 1], role->name, role->file, ids,
		    &threshold, e);
		size_t n = jv_count(ids);

		jv_free(ids);
		if (rc == -1)
			return err_wrap(e, "role %s", role->name);
		if ((int64_t)n < threshold)
			return 0;
	}
	return 1;
}
