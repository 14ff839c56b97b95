#include <inttypes.h>
#include <string.h>

#include "manifest/base/utc.h"
#include "manifest/tuf_write.h"

#include "mkdelta/halt_role.h"

#define PERIOD ((int64_t)365 * 86400)

int
halt_role_add(struct repo *r, const struct jv *key, struct err *e)
{
	static const char *const no_paths[] = { NULL };
	struct tuf_head head = { "targets", 1, 1, 0, r->product };
	struct repo_role *targets = repo_role(r, "targets"), *role;
	struct jv *keys[1] = { jv_copy(key) };
	int rc = tuf_delegate(targets->part, HALT_ROLE, no_paths, keys, 1, 1, e);

	jv_free(keys[0]);
	targets->changed = true;
	if (rc == -1 || (role = repo_add_role(r, HALT_ROLE, "targets",
	    tuf_new_signed(&head, e), PERIOD, e)) == NULL)
		return -1;
	if (jv_set(role->part, "x-halt", jv_new_object()) == -1)
		return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

struct repo_role *
halt_role(const struct repo *r, struct err *e)
{
	struct repo_role *role = repo_role(r, HALT_ROLE);

	if (role == NULL)
		(void)err_set(e, ERR_USAGE, "%s: has no role halt; who has the targets key "
		    "makes it with: mkdelta key new %s halt", r->path, r->path);
	return role;
}

/* The entries but those of this release. */
static struct jv *
others(const struct jv *list, uint64_t number)
{
	struct jv *kept = jv_new_list();

	for (size_t i = 0; i < jv_count(list); i++) {
		int64_t release = 0;

		(void)jv_int(jv_get(jv_at(list, i), "release"), &release);
		if ((uint64_t)release != number)
			(void)jv_push(kept, jv_copy(jv_at(list, i)));
	}
	return kept;
}

static int
push_entry(struct jv *list, const struct record *x, struct err *e)
{
	struct jv *one = jv_new_object();
	char hex[SHA256_HEX_MAX];

	for (size_t i = 0; i < jv_count(list); i++) {
		const char *known = jv_text(jv_get(jv_at(list, i), "listing"));

		if (known != NULL && strcmp(known, sha256_hex(&x->listing, hex)) == 0) {
			jv_free(one);
			return 0;
		}
	}
	if (jv_set(one, "release", jv_new_int((int64_t)x->release)) == -1 ||
	    jv_set(one, "listing", jv_new_text(sha256_hex(&x->listing, hex))) == -1 ||
	    jv_push(list, one) == -1)
		return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

/* Every tree of the release; how many were found, -1. */
static int
push_trees(const struct repo *r, uint64_t number, struct jv *list, struct err *e)
{
	struct repo_role *channel = NULL, *role;
	int found = 0;

	while ((channel = repo_next_channel(r, channel)) != NULL) {
		const char *name = channel->name;

		role = NULL;
		while ((role = repo_next_platform(r, name, role)) != NULL) {
			const struct record *x;
			struct catalog c;

			if (repo_catalog(r, role, &c, e) == -1)
				return -1;
			x = catalog_record(&c, number);
			found += x != NULL;
			if (x != NULL && push_entry(list, x, e) == -1)
				found = -1;
			catalog_clear(&c);
			if (found == -1)
				return -1;
		}
	}
	return found;
}

static struct jv *
halt_of(struct repo_role *role, struct err *e)
{
	if (jv_get(role->part, "x-halt") == NULL &&
	    jv_set(role->part, "x-halt", jv_new_object()) == -1)
		(void)err_set(e, ERR_NOMEM, "out of memory");
	role->changed = true;
	return jv_get_mutable(role->part, "x-halt");
}

int
halt_role_release(struct repo *r, uint64_t number, bool lift, struct err *e)
{
	struct repo_role *role = halt_role(r, e);
	struct jv *halt = role == NULL ? NULL : halt_of(role, e), *list;
	int found;

	if (halt == NULL)
		return -1;
	list = others(jv_get(halt, "releases"), number);
	found = lift ? jv_count(list) < jv_count(jv_get(halt, "releases")) :
	    push_trees(r, number, list, e);
	if (found == 0)
		(void)err_set(e, ERR_USAGE, "release %" PRIu64 ": %s", number, lift ?
		    "is not halted" : "no channel has it");
	if (found <= 0) {
		jv_free(list);
		return -1;
	}
	return jv_set(halt, "releases", list) == -1 ?
	    err_set(e, ERR_NOMEM, "out of memory") : 0;
}

int
halt_role_all(struct repo *r, int64_t until, struct err *e)
{
	struct repo_role *role = halt_role(r, e);
	struct jv *halt = role == NULL ? NULL : halt_of(role, e);
	char text[UTC_TEXT_MAX];

	if (halt == NULL)
		return -1;
	if (until == 0)
		return jv_remove(halt, "all-until");
	return jv_set(halt, "all-until", jv_new_text(utc_text(text, until))) == -1 ?
	    err_set(e, ERR_NOMEM, "out of memory") : 0;
}
