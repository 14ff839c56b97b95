/*
 * What rclone reaches.  Names are created with If-None-Match where the store knows that
 * (S3, R2), which is found out by a name that is there.  Where it does not, names that
 * are there are left alone, and all is read again before the timestamp is replaced.
 */
#include <stdio.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"

#include "hosting/child.h"

#include "hosting/dest.h"

enum { ARGS_MAX = 40, GROUP_MAX = 1000, LIST_MAX = 256 << 20, DIRECTORY_NOT_FOUND = 3 };

struct line {			/* a command line under construction */
	const char *argv[ARGS_MAX];
	int n;
};

/* What rclone calls it: "remote:bucket/path". */
static const char *
remote(const struct dest *d)
{
	return d->where + strlen("rclone:");
}

static void
add(struct line *l, const char *word)
{
	if (l->n < ARGS_MAX - 1)
		l->argv[l->n++] = word;
	l->argv[l->n] = NULL;
}

/* Patience, and nothing that waits for a person. */
static void
begin(struct line *l, const char *verb)
{
	l->n = 0;
	add(l, "rclone");
	add(l, verb);
	add(l, "--contimeout=30s");
	add(l, "--timeout=300s");
	add(l, "--retries=3");
	add(l, "--low-level-retries=4");
	add(l, "--ask-password=false");
	add(l, "--stats=0");
	/* The bucket is there: who may not list all of them is not asked to. */
	add(l, "--s3-no-check-bucket");
}

static int
join(const struct dest *d, const char *path, char out[static 4200], struct err *e)
{
	const char *base = remote(d);
	size_t n = strlen(base);
	const char *between = n > 0 && (base[n - 1] == '/' || base[n - 1] == ':') ? "" : "/";

	if (snprintf(out, 4200, "%s%s%s", base, between, path) >= 4200)
		return err_set(e, ERR_USAGE, "%s: too long", d->where);
	return 0;
}

static int
failed(const struct dest *d, const char *what, struct child *c, struct err *e)
{
	return err_set(e, ERR_NET, "%s: %s: rclone ended with status %d: %s", d->where,
	    what, c->status, child_last_line(c));
}

static bool
said(const struct child *c, const char *word)
{
	return strstr(buf_text(&c->talk), word) != NULL;
}

static int
rclone_lock(struct dest *d, struct err *e)
{
	const char *colon = strchr(remote(d), ':'), *comma = strchr(remote(d), ',');

	/* rclone reads "name,key=value:path": secrets would stand in the list of
	 * processes for all to see. */
	if (comma != NULL && (colon == NULL || comma < strrchr(remote(d), ':')))
		return err_set(e, ERR_USAGE, "%s: settings belong into rclone's "
		    "configuration or RCLONE_... in the environment", d->where);
	return colon != NULL ? 0 : err_set(e, ERR_USAGE, "%s: expects "
	    "rclone:REMOTE:PATH, as rclone writes it", d->where);
}

/* "SIZE;2026-11-21 17:00:00;PATH" in each line. */
static int
read_listing(struct items *l, char *text, struct err *e)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line != NULL;
	    line = strtok_r(NULL, "\n", &rest)) {
		char *time = strchr(line, ';');
		char *path = time == NULL ? NULL : strchr(time + 1, ';');
		uint64_t bytes;

		if (path == NULL)
			continue;
		*path++ = *time++ = '\0';
		if (u64_parse(line, INT64_MAX, &bytes) == -1 ||
		    item_class_of(path) == CLASS_NONE)
			continue;
		if (items_add_at(l, path, bytes, time, "%Y-%m-%d %H:%M:%S", e) == -1)
			return -1;
	}
	items_sort(l);
	return 0;
}

static int
rclone_list(struct dest *d, struct items *l, struct err *e)
{
	struct buf out = BUF_INIT(LIST_MAX);
	struct child c;
	struct line line;
	int rc;

	begin(&line, "lsf");
	add(&line, "--recursive");
	add(&line, "--files-only");
	add(&line, "--fast-list");
	add(&line, "--use-server-modtime");
	add(&line, "--format=stp");
	add(&line, "--separator=;");
	add(&line, "--include=/metadata/**");
	add(&line, "--include=/targets/**");
	add(&line, remote(d));
	rc = child_run(line.argv, &out, &c, e);
	/* An empty bucket has no folders. */
	if (rc == 0 && c.status == 0)
		rc = out.len == 0 ? 0 : read_listing(l, (char *)out.data, e);
	else if (rc == 0 && c.status != DIRECTORY_NOT_FOUND)
		rc = failed(d, "list", &c, e);
	child_clear(&c);
	buf_free(&out);
	return rc;
}

static int
rclone_read(struct dest *d, const char *path, struct buf *out, struct err *e)
{
	size_t before = out->len;
	char from[4200];
	struct child c;
	struct line line;
	int rc;

	if (join(d, path, from, e) == -1)
		return -1;
	begin(&line, "cat");
	add(&line, from);
	rc = child_run(line.argv, out, &c, e);
	if (rc == 0 && (c.status == DIRECTORY_NOT_FOUND ||
	    (c.status == 0 && out->len == before)))
		rc = err_set(e, ERR_ABSENT, "%s: not there", from);
	else if (rc == 0 && c.status != 0)
		rc = failed(d, path, &c, e);
	child_clear(&c);
	return rc;
}

/* Does the store say that the name was there? */
static bool
is_taken(const struct child *c)
{
	return said(c, "PreconditionFailed") || said(c, "412") ||
	    said(c, "ConditionalRequestConflict");
}

/* Items of one Content-Type. */
static int
copy_some(struct dest *d, struct item *const *items, size_t n, bool exclusive,
    struct child *c, struct err *e)
{
	char list[4200], cache[128], type[64];
	struct buf out = BUF_INIT(1 << 20);
	struct line line;
	int rc;

	memset(c, 0, sizeof *c);
	if (dest_write_list(d, items, n, list, e) == -1)
		return -1;
	(void)snprintf(cache, sizeof cache, "--header-upload=Cache-Control: %s",
	    dest_cache_control(items[0]->path));
	(void)snprintf(type, sizeof type, "--header-upload=Content-Type: %s",
	    item_type(items[0]->path));
	begin(&line, "copy");
	add(&line, "--files-from-raw");
	add(&line, list);
	add(&line, "--no-traverse");
	/* Objects are overwritten, which finishes what a killed upload left; other names
	 * that have appeared meanwhile are left alone. */
	add(&line, exclusive || items[0]->class == CLASS_OBJECT ? "--no-check-dest" :
	    "--ignore-existing");
	add(&line, "--transfers=8");
	add(&line, cache);
	add(&line, type);
	if (exclusive) {
		add(&line, "--header=If-None-Match: *");
		add(&line, "--s3-no-head");
	}
	add(&line, "--");
	add(&line, d->repo_path);
	add(&line, remote(d));
	rc = child_run(line.argv, &out, c, e);
	buf_free(&out);
	return rc;
}

/* Does the store refuse to create what is there?  1.root.json is, with these bytes:
 * where it does not, they are written once more. */
static int
ask_exclusive(struct dest *d, struct err *e)
{
	char path[] = "metadata/1.root.json";
	struct item item = { path, CLASS_ROOT, 0, true, 0 }, *one = &item;
	struct child c;
	int rc;

	if (d->asked_exclusive)
		return 0;
	rc = copy_some(d, &one, 1, true, &c, e);
	if (rc == 0) {
		d->asked_exclusive = true;
		d->exclusive = c.status != 0 && is_taken(&c);
		log_detail("%s: names are %s", d->where, d->exclusive ?
		    "created exclusively" : "not created exclusively");
	}
	child_clear(&c);
	return rc;
}

/* Objects are what their names say: whoever writes them writes the same. */
static int
put_group(struct dest *d, struct item *const *items, size_t n, struct err *e)
{
	bool exclusive = false;
	struct child c;
	int rc;

	if (items[0]->class != CLASS_OBJECT &&
	    strcmp(items[0]->path, "metadata/1.root.json") != 0) {
		if (ask_exclusive(d, e) == -1)
			return -1;
		exclusive = d->exclusive;
	}
	rc = copy_some(d, items, n, exclusive, &c, e);
	/* Taken by whom?  Reading back tells: an earlier try may have been ours. */
	if (rc == 0 && c.status != 0 && !(exclusive && is_taken(&c)))
		rc = failed(d, "copy", &c, e);
	child_clear(&c);
	for (size_t i = 0; rc == 0 && i < n; i++)
		progress_add(items[i]->bytes);
	return rc;
}

static int
rclone_put(struct dest *d, struct item *const *items, size_t n, struct err *e)
{
	static const char *const types[] = { "application/json", "application/zstd",
		"application/octet-stream", "text/markdown" };

	for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
		struct item *group[GROUP_MAX];
		size_t k = 0;

		for (size_t i = 0; i < n; i++) {
			if (strcmp(item_type(items[i]->path), types[t]) == 0)
				group[k++] = items[i];
			if (k == 0 || (k < GROUP_MAX && i + 1 < n))
				continue;
			if (put_group(d, group, k, e) == -1)
				return -1;
			k = 0;
		}
	}
	return 0;
}

static int
rclone_check(struct dest *d, struct item *const *items, size_t n, struct err *e)
{
	struct buf out = BUF_INIT(LIST_MAX);
	char list[4200];
	struct child c;
	struct line line;
	int rc;

	if (n == 0)
		return 0;
	if (dest_write_list(d, items, n, list, e) == -1)
		return -1;
	begin(&line, "check");
	add(&line, "--download");
	add(&line, "--one-way");
	add(&line, "--files-from-raw");
	add(&line, list);
	add(&line, "--no-traverse");
	add(&line, "--differ=-");
	add(&line, "--missing-on-dst=-");
	add(&line, "--");
	add(&line, d->repo_path);
	add(&line, remote(d));
	rc = child_run(line.argv, &out, &c, e);
	if (rc == 0 && out.len > 0) {
		*strchr((char *)out.data, '\n') = '\0';
		rc = err_set(e, ERR_POLICY, "%s: the destination holds other bytes under "
		    "this name; another publisher was faster, or it belongs to another "
		    "repository", buf_text(&out));
	} else if (rc == 0 && c.status != 0) {
		rc = failed(d, "read back", &c, e);
	}
	child_clear(&c);
	buf_free(&out);
	return rc;
}

static int
rclone_replace(struct dest *d, const struct buf *timestamp, struct err *e)
{
	struct buf out = BUF_INIT(1 << 20);
	char from[4200], to[4200];
	struct child c;
	struct line line;
	int rc;

	if (fs_put_file(d->scratch.dir, "timestamp.json", timestamp->data, timestamp->len,
	    0600, e) == -1 || join(d, DEST_TIMESTAMP, to, e) == -1)
		return -1;
	(void)snprintf(from, sizeof from, "%s/timestamp.json", d->scratch.path);
	begin(&line, "copyto");
	add(&line, "--no-check-dest");
	add(&line, "--header-upload=Cache-Control: public, max-age=60");
	add(&line, "--header-upload=Content-Type: application/json");
	add(&line, from);
	add(&line, to);
	rc = child_run(line.argv, &out, &c, e);
	if (rc == 0 && c.status != 0)
		rc = failed(d, DEST_TIMESTAMP, &c, e);
	child_clear(&c);
	buf_free(&out);
	return rc;
}

static int
rclone_remove(struct dest *d, char *const *paths, size_t n, struct err *e)
{
	struct buf text = BUF_INIT(LIST_MAX), out = BUF_INIT(1 << 20);
	char list[4200];
	struct child c;
	struct line line;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = buf_addf(&text, e, "%s\n", paths[i]);
	if (rc == 0)
		rc = fs_put_file(d->scratch.dir, "gone", text.data, text.len, 0600, e);
	if (rc == 0 && n > 0) {
		(void)snprintf(list, sizeof list, "%s/gone", d->scratch.path);
		begin(&line, "delete");
		add(&line, "--files-from-raw");
		add(&line, list);
		add(&line, "--no-traverse");
		add(&line, remote(d));
		rc = child_run(line.argv, &out, &c, e);
		if (rc == 0 && c.status != 0)
			rc = failed(d, "delete", &c, e);
		child_clear(&c);
	}
	buf_free(&text);
	buf_free(&out);
	return rc;
}

const struct dest_kind dest_rclone = { rclone_lock, rclone_list, rclone_read, rclone_put,
	rclone_check, rclone_replace, rclone_remove, NULL };
