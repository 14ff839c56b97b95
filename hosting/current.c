#include <stdio.h>
#include <string.h>

#include "manifest/base/fs.h"
#include "manifest/jv.h"
#include "manifest/tuf_meta.h"

#include "hosting/view.h"

#include "hosting/current.h"

int
stamp_read(const struct buf *file, struct stamp *s, struct err *e)
{
	struct jv *top = jv_parse(file->data, file->len, e);
	const struct jv *part, *listed;
	const char *hex;
	int rc = -1;

	if (top == NULL)
		return err_wrap(e, "metadata/timestamp.json");
	if ((part = jv_get_kind(top, "signed", JV_OBJECT, e)) != NULL &&
	    jv_get_u64(part, "version", &s->version, e) == 0) {
		listed = jv_get(jv_get(part, "meta"), "snapshot.json");
		hex = jv_text(jv_get(jv_get(listed, "hashes"), "sha256"));
		if (jv_get_u64(listed, "version", &s->snapshot, e) == 0)
			rc = hex != NULL && sha256_parse(&s->hash, hex) == 0 ? 0 :
			    err_set(e, ERR_FORMAT, "it names its snapshot without sha256");
	}
	jv_free(top);
	return rc == -1 ? err_wrap(e, "metadata/timestamp.json") : 0;
}

static struct jv *
read_json(int repo, const char *path, uint64_t *bytes, struct err *e)
{
	struct buf file = BUF_INIT(TUF_TARGETS_MAX);
	struct jv *top = NULL;

	if (fs_read_file(repo, path, &file, e) == 0)
		top = jv_parse(file.data, file.len, e);
	*bytes = file.len;
	buf_free(&file);
	if (top == NULL)
		(void)err_wrap(e, "%s", path);
	return top;
}

static int
add_object(struct items *objects, const char *path, const struct jv *target,
    struct err *e)
{
	const char *hex = jv_text(jv_get(jv_get(target, "hashes"), "sha256"));
	char file[VIEW_FILE_MAX];
	struct object o = { .bytes = 0 };

	if (hex == NULL || sha256_parse(&o.sha256, hex) == -1 ||
	    jv_get_u64(target, "length", &o.bytes, e) == -1 ||
	    strlen(path) >= sizeof o.path)
		return err_set(e, ERR_FORMAT, "target %.80s: no length or sha256", path);
	(void)snprintf(o.path, sizeof o.path, "%s", path);
	return items_add(objects, view_object_file(&o, file), o.bytes, e);
}

int
current_list_objects(struct items *objects, const struct jv *top, struct err *e)
{
	const struct jv *target;
	const char *name;
	void *it = NULL;
	int rc = 0;

	while (rc == 0 &&
	    jv_each(jv_get(jv_get(top, "signed"), "targets"), &it, &name, &target))
		rc = add_object(objects, name, target, e);
	return rc;
}

int
current_role_of(const char *name, char role[static NAME_MAX_PATH], struct err *e)
{
	size_t n = strlen(name);

	if (n < 6 || n - 5 >= NAME_MAX_PATH || strcmp(name + n - 5, ".json") != 0)
		return err_set(e, ERR_FORMAT, "snapshot: %.80s is no role", name);
	(void)snprintf(role, NAME_MAX_PATH, "%.*s", (int)n - 5, name);
	return 0;
}

static int
read_role(struct current *c, int repo, const char *role, uint64_t version, struct err *e)
{
	char path[VIEW_FILE_MAX];
	uint64_t bytes;
	struct jv *top;
	int rc;

	if (view_role_file(role, version, path, e) == -1 ||
	    (top = read_json(repo, path, &bytes, e)) == NULL)
		return -1;
	rc = items_add(&c->metadata, path, bytes, e);
	if (rc == 0)
		rc = current_list_objects(&c->objects, top, e);
	jv_free(top);
	return rc;
}

static int
read_snapshot(struct current *c, int repo, const struct jv *meta, struct err *e)
{
	const struct jv *listed;
	const char *name;
	void *it = NULL;

	while (jv_each(meta, &it, &name, &listed)) {
		char role[NAME_MAX_PATH];
		uint64_t version;

		if (current_role_of(name, role, e) == -1 ||
		    jv_get_u64(listed, "version", &version, e) == -1)
			return -1;
		if (strcmp(role, "root") != 0 && read_role(c, repo, role, version, e) == -1)
			return -1;
	}
	return 0;
}

int
current_read(struct current *c, int repo, const struct stamp *s, struct err *e)
{
	char path[VIEW_FILE_MAX];
	struct jv *top = NULL;
	uint64_t bytes;
	int rc = -1;

	memset(c, 0, sizeof *c);
	if (view_role_file("snapshot", s->snapshot, path, e) == 0 &&
	    (top = read_json(repo, path, &bytes, e)) != NULL &&
	    items_add(&c->metadata, path, bytes, e) == 0)
		rc = read_snapshot(c, repo, jv_get(jv_get(top, "signed"), "meta"), e);
	jv_free(top);
	items_sort(&c->metadata);
	items_sort(&c->objects);
	if (rc == 0)
		return 0;
	current_clear(c);
	return err_hint(e, "run mkdelta verify");
}

void
current_clear(struct current *c)
{
	items_clear(&c->metadata);
	items_clear(&c->objects);
}
