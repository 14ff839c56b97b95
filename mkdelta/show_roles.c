#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/utc.h"
#include "manifest/tuf_meta.h"
#include "mkdelta/commands.h"
#include "mkdelta/expiry.h"

#include "mkdelta/show.h"

/* The entry with keyids and threshold that says who signs this role. */
static const struct jv *
holders(const struct repo *r, const struct repo_role *role)
{
	return tuf_role_entry(repo_role(r, role->by)->part, role->name);
}

/* The public key objects beside that entry. */
static const struct jv *
known_keys(const struct repo *r, const struct repo_role *role)
{
	const struct jv *by = repo_role(r, role->by)->part;

	return jv_get(strcmp(role->by, "root") == 0 ? by : jv_get(by, "delegations"),
	    "keys");
}

static int64_t
threshold_of(const struct repo *r, const struct repo_role *role)
{
	int64_t threshold = 0;

	(void)jv_int(jv_get(holders(r, role), "threshold"), &threshold);
	return threshold;
}

/* How many of the private keys that sign this role are here. */
static int64_t
keys_here(const struct show *s, const struct repo_role *role)
{
	struct signer *found[KEYS_MAX];

	return s->keys == NULL ? 0 : (int64_t)keys_for(s->keys,
	    jv_get(holders(s->repo, role), "keyids"), found, KEYS_MAX);
}

static void
print_missing(const struct show *s, const struct repo_role *role)
{
	int64_t lack = threshold_of(s->repo, role) - keys_here(s, role);

	if (s->keys != NULL && lack > 0)
		(void)printf("  (%" PRId64 " more private key%s needed to sign)", lack,
		    lack == 1 ? "" : "s");
}

static void
print_role(const struct show *s, const struct repo_role *role, int width)
{
	const struct jv *ids = jv_get(holders(s->repo, role), "keyids");
	enum expiry_state state = expiry_state(role->signed_at, role->expires, s->now);
	char date[UTC_TEXT_MAX], when[EXPIRY_TEXT_MAX], size[BYTES_TEXT_MAX];
	char expires[64];

	(void)utc_text(date, role->expires);
	(void)snprintf(expires, sizeof expires, "%.10s %s%s", date,
	    expiry_text(when, role->expires, s->now), state == EXPIRY_FINE ? "" :
	    state == EXPIRY_SOON ? ", soon" : ", EXPIRED");
	(void)printf("  %-*s %7" PRIu64 "  %9s  %-28s %" PRId64 " of", width, role->name,
	    role->version, bytes_text(size, role->bytes), expires,
	    threshold_of(s->repo, role));
	for (size_t i = 0; i < jv_count(ids); i++)
		(void)printf(" %.8s", jv_text(jv_at(ids, i)));
	print_missing(s, role);
	(void)printf("\n");
}

static struct jv *
json_role(const struct show *s, const struct repo_role *role)
{
	struct jv *o = jv_new_object();
	char date[UTC_TEXT_MAX];

	(void)jv_set(o, "role", jv_new_text(role->name));
	(void)jv_set(o, "by", jv_new_text(role->by));
	(void)jv_set(o, "version", jv_new_int((int64_t)role->version));
	(void)jv_set(o, "bytes", jv_new_int((int64_t)role->bytes));
	(void)jv_set(o, "signed", jv_new_text(utc_text(date, role->signed_at)));
	(void)jv_set(o, "expires", jv_new_text(utc_text(date, role->expires)));
	(void)jv_set(o, "state", jv_new_text(expiry_word(expiry_state(role->signed_at,
	    role->expires, s->now))));
	(void)jv_set(o, "threshold", jv_new_int(threshold_of(s->repo, role)));
	(void)jv_set(o, "keys", jv_copy(jv_get(holders(s->repo, role), "keyids")));
	(void)jv_set(o, "keys_here", jv_new_int(keys_here(s, role)));
	return o;
}

static struct jv *
new_answer(const struct show *s, const char *what, struct jv *value)
{
	struct jv *o = jv_new_object();

	(void)jv_set(o, "schema", jv_new_int(1));
	(void)jv_set(o, "product", jv_new_text(s->repo->product));
	(void)jv_set(o, what, value);
	return o;
}

int
show_roles(const struct show *s, struct err *e)
{
	struct jv *list = s->json ? jv_new_list() : NULL;
	int width = 16;

	for (const struct repo_role *role = s->repo->roles; role != NULL;
	    role = role->next)
		if (s->json)
			(void)jv_push(list, json_role(s, role));
		else if ((int)strlen(role->name) > width)
			width = (int)strlen(role->name);
	if (s->json)
		return command_print(new_answer(s, "roles", list), e);
	(void)printf("%s: product %s\n", s->repo->path, s->repo->product);
	(void)printf("  %-*s %7s  %9s  %-28s %s\n", width, "ROLE", "VERSION", "SIZE",
	    "EXPIRES", "KEYS THAT SIGN IT");
	for (const struct repo_role *role = s->repo->roles; role != NULL;
	    role = role->next)
		print_role(s, role, width);
	return 0;
}

/* Every key once: what it is, the roles it signs, whether its private half is here. */
static struct jv *
gather_keys(const struct show *s, const char *only)
{
	struct jv *all = jv_new_object();

	for (const struct repo_role *role = s->repo->roles; role != NULL;
	    role = role->next) {
		const struct jv *ids = jv_get(holders(s->repo, role), "keyids");

		if (only != NULL && strcmp(only, role->name) != 0)
			continue;
		for (size_t i = 0; i < jv_count(ids); i++) {
			const char *id = jv_text(jv_at(ids, i));
			struct jv *o = jv_get_mutable(all, id), *alone = jv_new_list();
			struct signer *one[1];

			(void)jv_push(alone, jv_new_text(id));
			if (o == NULL) {
				(void)jv_set(all, id, jv_new_object());
				o = jv_get_mutable(all, id);
				(void)jv_set(o, "scheme", jv_copy(jv_get(jv_get(
				    known_keys(s->repo, role), id), "scheme")));
				(void)jv_set(o, "here", jv_new_bool(s->keys != NULL &&
				    keys_for(s->keys, alone, one, 1) > 0));
				(void)jv_set(o, "roles", jv_new_list());
			}
			(void)jv_push(jv_get_mutable(o, "roles"),
			    jv_new_text(role->name));
			jv_free(alone);
		}
	}
	return all;
}

static void
print_keys(const struct jv *all)
{
	const struct jv *key;
	const char *id;
	void *it = NULL;

	(void)printf("  %-64s  %-10s %-7s  %s\n", "KEY", "SCHEME", "PRIVATE", "SIGNS");
	while (jv_each(all, &it, &id, &key)) {
		const char *scheme = jv_text(jv_get(key, "scheme"));
		const struct jv *roles = jv_get(key, "roles");

		(void)printf("  %-64s  %-10s %-7s ", id, scheme == NULL ? "?" : scheme,
		    jv_bool(jv_get(key, "here"), false) ? "here" : "-");
		for (size_t i = 0; i < jv_count(roles); i++)
			(void)printf(" %s", jv_text(jv_at(roles, i)));
		(void)printf("\n");
	}
}

int
show_keys(const struct show *s, struct err *e)
{
	struct jv *all = gather_keys(s, NULL);

	if (s->json)
		return command_print(new_answer(s, "keys", all), e);
	print_keys(all);
	jv_free(all);
	return 0;
}

int
show_role(const struct show *s, const char *name, struct err *e)
{
	const struct repo_role *role = repo_role(s->repo, name);
	char date[UTC_TEXT_MAX], when[EXPIRY_TEXT_MAX], size[BYTES_TEXT_MAX];
	struct jv *all;

	if (role == NULL)
		return err_set(e, ERR_USAGE, "%s: neither a release nor a role; mkdelta "
		    "show %s lists all roles, mkdelta list %s all releases", name,
		    s->repo->path, s->repo->path);
	if (s->json)
		return command_print(new_answer(s, "role", json_role(s, role)), e);
	(void)printf("%s: version %" PRIu64 ", %s\n", role->name, role->version,
	    bytes_text(size, role->bytes));
	(void)printf("  signed     %s\n", utc_text(date, role->signed_at));
	(void)printf("  expires    %s (%s)\n", utc_text(date, role->expires),
	    expiry_text(when, role->expires, s->now));
	(void)printf("  signed by  %" PRId64 " of %zu keys, as %s says",
	    threshold_of(s->repo, role),
	    jv_count(jv_get(holders(s->repo, role), "keyids")), role->by);
	print_missing(s, role);
	(void)printf("\n");
	print_keys(all = gather_keys(s, name));
	jv_free(all);
	return 0;
}
