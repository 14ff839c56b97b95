#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/fs.h"
#include "manifest/base/utc.h"
#include "manifest/tuf_meta.h"
#include "manifest/tuf_names.h"

#include "hosting/view.h"

enum { ROLES_MAX = 4096 };

static int
get_metadata(void *arg, const char *name, struct buf *out, struct err *e)
{
	const struct view *v = arg;
	char file[VIEW_FILE_MAX];

	(void)snprintf(file, sizeof file, "metadata/%s", name);
	return site_read(v->site, file, out, e);
}

static int
bootstrap(const struct view *v, const struct view_trust *t, struct err *e)
{
	struct buf root = BUF_INIT(TUF_ROOT_MAX);
	int rc;

	if (t->root_file == NULL)
		return 0;
	if (fs_read_path(t->root_file, &root, e) == -1) {
		e->code = ERR_USAGE;
		rc = err_wrap(e, "--root");
	} else if ((rc = tuf_trust(v->dir, root.data, root.len, e)) == -1) {
		(void)err_wrap(e, "--root %s", t->root_file);
	}
	buf_free(&root);
	return rc;
}

const char *
view_role_name(const struct view_role *r)
{
	return r->chain[r->depth - 1];
}

const struct view_role *
view_find(const struct view *v, const char *name)
{
	for (size_t i = 0; i < v->n_roles; i++)
		if (strcmp(view_role_name(&v->roles[i]), name) == 0)
			return &v->roles[i];
	return NULL;
}

static int
load_role(struct view *v, const struct view_role *by, const char *name, struct err *e)
{
	struct view_role *r = &v->roles[v->n_roles];

	if (v->n_roles == ROLES_MAX)
		return err_set(e, ERR_FORMAT, "more than %d roles", ROLES_MAX);
	memset(r, 0, sizeof *r);
	if (by != NULL) {
		if (by->depth == VIEW_DEPTH_MAX)
			return err_set(e, ERR_FORMAT, "role %s: delegated too deep", name);
		*r = *by;
	}
	r->chain[r->depth++] = name;
	if ((r->part = tuf_role(v->tuf, r->chain, r->depth, e)) == NULL ||
	    jv_get_u64(r->part, "version", &r->version, e) == -1)
		return -1;
	v->n_roles++;
	return 0;
}

static int
load_delegated(struct view *v, size_t i, struct err *e)
{
	const struct jv *list =
	    jv_get(jv_get(v->roles[i].part, "delegations"), "roles");

	for (size_t k = 0; k < jv_count(list); k++) {
		const char *name = jv_get_text(jv_at(list, k), "name", e);

		if (name == NULL)
			return -1;
		if (view_find(v, name) == NULL &&
		    load_role(v, &v->roles[i], name, e) == -1)
			return -1;
	}
	return 0;
}

static int
load(struct view *v, struct err *e)
{
	if (tuf_refresh(v->tuf, e) == -1 ||
	    jv_get_u64(tuf_signed(v->tuf, "root"), "version", &v->root, e) == -1 ||
	    jv_get_u64(tuf_signed(v->tuf, "timestamp"), "version", &v->timestamp,
		e) == -1 ||
	    jv_get_u64(tuf_signed(v->tuf, "snapshot"), "version", &v->snapshot, e) == -1)
		return -1;
	if (tuf_product(v->tuf) == NULL || !tuf_consistent(v->tuf))
		return err_set(e, ERR_TRUST, "no repository of mkdelta: root has no "
		    "x-product");
	if ((v->roles = calloc(ROLES_MAX, sizeof *v->roles)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (load_role(v, NULL, "targets", e) == -1)
		return -1;
	/* The list grows at its end while it is walked. */
	for (size_t i = 0; i < v->n_roles; i++)
		if (load_delegated(v, i, e) == -1)
			return -1;
	return 0;
}

int
view_open(struct view *v, const struct site *site, int dir, const struct view_trust *t,
    struct err *e)
{
	struct tuf_source source = { .arg = v, .get = get_metadata };
	/* Time that stands still at the last signature: nothing is over then. */
	struct tuf_clock clock = { .system_now = utc_now(), .untrusted = t->expired };

	memset(v, 0, sizeof *v);
	v->site = site;
	v->dir = dir;
	if (bootstrap(v, t, e) == -1)
		return -1;
	if ((v->tuf = tuf_open(dir, &source, &clock, e)) != NULL && load(v, e) == 0)
		return 0;
	if (e->code == ERR_ABSENT && v->tuf == NULL)
		(void)err_set(e, ERR_USAGE, "nothing says which root to trust; give the "
		    "first one with --root FILE (a copy of metadata/1.root.json that "
		    "you keep)");
	else
		(void)err_wrap(e, "%s", site->where);
	view_close(v);
	return -1;
}

void
view_close(struct view *v)
{
	free(v->roles);
	tuf_close(v->tuf);
	v->roles = NULL;
	v->tuf = NULL;
	v->n_roles = 0;
}

const struct view_role *
view_next_channel(const struct view *v, size_t *it)
{
	struct err ignored;

	for (; *it < v->n_roles; (*it)++) {
		const struct view_role *r = &v->roles[*it];

		if (r->depth != 2 || name_check_channel(r->chain[1], &ignored) == -1)
			continue;
		(*it)++;
		return r;
	}
	return NULL;
}

const struct view_role *
view_next_platform(const struct view *v, const struct view_role *channel, size_t *it,
    const char **platform)
{
	size_t n = strlen(channel->chain[1]);
	struct err ignored;

	for (; *it < v->n_roles; (*it)++) {
		const struct view_role *r = &v->roles[*it];

		if (r->depth != 3 || strcmp(r->chain[1], channel->chain[1]) != 0 ||
		    strncmp(r->chain[2], channel->chain[1], n) != 0 ||
		    r->chain[2][n] != '.' ||
		    name_check_platform(r->chain[2] + n + 1, &ignored) == -1)
			continue;
		(*it)++;
		*platform = r->chain[2] + n + 1;
		return r;
	}
	return NULL;
}

int
view_catalog(const struct view *v, const struct view_role *role, struct catalog *c,
    struct err *e)
{
	enum { PARTS_MAX = ROLES_MAX / 16 };
	const struct jv *parts[PARTS_MAX];
	const char *name = view_role_name(role);
	size_t n = 1, len = strlen(name), channel = strlen(role->chain[1]);

	parts[0] = role->part;
	for (size_t i = 0; i < v->n_roles; i++) {
		const char *other = view_role_name(&v->roles[i]);

		if (strncmp(other, name, len) == 0 &&
		    strncmp(other + len, ".archive-", 9) == 0 &&
		    n < PARTS_MAX)
			parts[n++] = v->roles[i].part;
	}
	return catalog_read_parts(parts, n, name + channel + 1, c, e);
}

int
view_each_object(const struct view *v, int (*visit)(void *arg, const struct view_role *,
    const struct object *, struct err *), void *arg, struct err *e)
{
	for (size_t i = 0; i < v->n_roles; i++) {
		struct tuf_target t;
		void *it = NULL;
		int got;

		while ((got = tuf_role_each(v->roles[i].part, &it, &t, e)) != 0) {
			struct object o = { .bytes = t.length, .sha256 = t.sha256 };

			if (got == -1)
				return err_wrap(e, "%s", view_role_name(&v->roles[i]));
			if (!t.has_sha256 || strlen(t.path) >= sizeof o.path ||
			    tuf_target_name_check(t.path, e) == -1)
				return err_set(e, ERR_FORMAT, "%s: a target without "
				    "sha256, or with a name that is none",
				    view_role_name(&v->roles[i]));
			(void)snprintf(o.path, sizeof o.path, "%s", t.path);
			if (visit(arg, &v->roles[i], &o, e) == -1)
				return -1;
		}
	}
	return 0;
}

const char *
view_object_file(const struct object *o, char out[static VIEW_FILE_MAX])
{
	const char *slash = strrchr(o->path, '/');
	const char *name = slash == NULL ? o->path : slash + 1;
	char hex[SHA256_HEX_MAX];

	(void)snprintf(out, VIEW_FILE_MAX, "targets/%.*s%s.%s", (int)(name - o->path),
	    o->path, sha256_hex(&o->sha256, hex), name);
	return out;
}

int
view_role_file(const char *role, uint64_t version, char out[static VIEW_FILE_MAX],
    struct err *e)
{
	struct buf name = BUF_INIT(VIEW_FILE_MAX - 10);
	int rc = tuf_role_file(role, version, &name, e);

	if (rc == 0)
		(void)snprintf(out, VIEW_FILE_MAX, "metadata/%s", buf_text(&name));
	buf_free(&name);
	return rc;
}
