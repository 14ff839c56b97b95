#include <sys/stat.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/buf.h"
#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_tree.h"
#include "manifest/tuf_client.h"
#include "manifest/tuf_names.h"

#include "mkdelta/leftovers.h"

struct search {
	const struct repo *repo;
	const char *folder;
	char **known;		/* files that are signed, sorted */
	size_t n, cap;
	struct leftovers *found;
};

static int
push(char ***list, size_t *n, size_t *cap, const char *text, struct err *e)
{
	char **more;

	if (*n == *cap) {
		size_t want = *cap == 0 ? 256 : 2 * *cap;

		if ((more = realloc(*list, want * sizeof *more)) == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		*list = more;
		*cap = want;
	}
	if (((*list)[*n] = strdup(text)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	(*n)++;
	return 0;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Targets that cannot be read name no file; who looks at them says so. */
static int
know_role(struct search *s, const struct repo_role *role, struct err *e)
{
	char file[REPO_FILE_MAX];
	struct err ignored = ERR_INIT;
	struct tuf_target t;
	void *it = NULL;
	int got;

	while ((got = tuf_role_each(role->part, &it, &t, &ignored)) != 0) {
		struct object o;

		if (got == -1 || !t.has_sha256 || strlen(t.path) >= sizeof o.path)
			continue;
		(void)snprintf(o.path, sizeof o.path, "%s", t.path);
		o.sha256 = t.sha256;
		if (push(&s->known, &s->n, &s->cap, repo_object_file(&o, file), e) == -1)
			return -1;
	}
	return 0;
}

/* "N.ROLE.json" with a version that has been signed, or the timestamp? */
static bool
is_metadata(const struct repo *r, const char *name)
{
	const char *dot = strchr(name, '.');
	struct buf file = BUF_INIT(1024);
	struct err ignored = ERR_INIT;
	char digits[24];
	bool is = false;
	uint64_t version;

	if (strcmp(name, "timestamp.json") == 0)
		return true;
	if (dot == NULL || (size_t)(dot - name) >= sizeof digits)
		return false;
	memcpy(digits, name, (size_t)(dot - name));
	digits[dot - name] = '\0';
	if (u64_parse(digits, INT64_MAX, &version) == -1 || version == 0)
		return false;
	for (const struct repo_role *role = r->roles; !is && role != NULL;
	    role = role->next) {
		buf_reset(&file);
		is = version <= role->version && strcmp(role->name, "timestamp") != 0 &&
		    tuf_role_file(role->name, version, &file, &ignored) == 0 &&
		    strcmp(buf_text(&file), name) == 0;
	}
	buf_free(&file);
	return is;
}

static int
look_at(void *arg, const struct fs_visit *v, struct err *e)
{
	struct search *s = arg;
	struct buf path = BUF_INIT(8192);
	const char *key;
	int rc = FS_WALK_ON;
	bool known;

	if (S_ISDIR(v->st->st_mode))
		return FS_WALK_ON;
	if (buf_addf(&path, e, "%s/%s", s->folder, v->path) == -1)
		return FS_WALK_STOP;
	key = buf_text(&path);
	known = strcmp(s->folder, "metadata") == 0 ? is_metadata(s->repo, v->path) :
	    bsearch(&key, s->known, s->n, sizeof *s->known, by_text) != NULL;
	if (!known) {
		s->found->bytes += (uint64_t)v->st->st_size;
		if (push(&s->found->files, &s->found->n, &s->found->cap, key, e) == -1)
			rc = FS_WALK_STOP;
	}
	buf_free(&path);
	return rc;
}

/* Before the first release there is no targets/. */
static int
look_in(struct search *s, const char *folder, struct err *e)
{
	int dir = fs_open_dir_at(s->repo->dir, folder, e), rc;

	if (dir == -1) {
		if (e->code != ERR_ABSENT)
			return -1;
		err_clear(e);
		return 0;
	}
	s->folder = folder;
	rc = fs_walk(dir, look_at, s, e);
	(void)close(dir);
	return rc == -1 ? err_wrap(e, "%s", folder) : 0;
}

int
leftovers_find(const struct repo *r, struct leftovers *found, struct err *e)
{
	struct search s = { .repo = r, .found = found };
	int rc = 0;

	memset(found, 0, sizeof *found);
	for (const struct repo_role *role = r->roles; rc == 0 && role != NULL;
	    role = role->next)
		rc = know_role(&s, role, e);
	if (s.n > 0)
		qsort(s.known, s.n, sizeof *s.known, by_text);
	if (rc == 0 && (rc = look_in(&s, "metadata", e)) == 0)
		rc = look_in(&s, "targets", e);
	while (s.n > 0)
		free(s.known[--s.n]);
	free(s.known);
	if (rc == -1)
		leftovers_clear(found);
	return rc;
}

void
leftovers_clear(struct leftovers *l)
{
	while (l->n > 0)
		free(l->files[--l->n]);
	free(l->files);
	memset(l, 0, sizeof *l);
}
