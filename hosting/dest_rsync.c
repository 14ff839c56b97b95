/*
 * A folder that rsync reaches: over ssh, at a daemon, or here.  rsync leaves what is
 * there alone (--ignore-existing) and renames what has come, but it cannot create a name
 * exclusively: that nobody else publishes at the same moment is found out by reading.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"

#include "hosting/child.h"

#include "hosting/dest.h"

enum { ARGS_MAX = 32, LIST_MAX = 256 << 20, PARTIAL = 23 };

struct line {
	const char *argv[ARGS_MAX];
	int n;
};

/* What rsync calls it: "host:path", "rsync://host/module", "/path". */
static const char *
remote(const struct dest *d)
{
	return strncmp(d->where, "rsync://", 8) == 0 ? d->where : d->where + 6;
}

static void
add(struct line *l, const char *word)
{
	if (l->n < ARGS_MAX - 1)
		l->argv[l->n++] = word;
	l->argv[l->n] = NULL;
}

static void
begin(struct line *l)
{
	l->n = 0;
	add(l, "rsync");
	add(l, "--timeout=300");
	/* ssh asks nobody; what else it needs, RSYNC_RSH says. */
	if (getenv("RSYNC_RSH") == NULL)
		add(l, "--rsh=ssh -o BatchMode=yes");
}

static int
join(const struct dest *d, const char *path, char out[static 4200], struct err *e)
{
	const char *base = remote(d);
	size_t n = strlen(base);

	if (snprintf(out, 4200, "%s%s%s", base, n > 0 && base[n - 1] == '/' ? "" : "/",
	    path) >= 4200)
		return err_set(e, ERR_USAGE, "%s: too long", d->where);
	return 0;
}

static int
failed(const struct dest *d, const char *what, struct child *c, struct err *e)
{
	return err_set(e, ERR_NET, "%s: %s: rsync ended with status %d: %s", d->where, what,
	    c->status, child_last_line(c));
}

static int
rsync_lock(struct dest *d, struct err *e)
{
	(void)d, (void)e;
	return 0;
}

/* "-rw-r--r--  1234 2026/11/21 17:00:00 metadata/1.root.json" in each line. */
static int
read_listing(struct items *l, char *text, struct err *e)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line != NULL;
	    line = strtok_r(NULL, "\n", &rest)) {
		char mode[16], size[32], day[24], hour[16];
		uint64_t bytes;
		int at = 0;

		if (line[0] != '-' || sscanf(line, "%15s %31s %10s %8s %n", mode, size, day,
		    hour, &at) != 4 || u64_parse(size, INT64_MAX, &bytes) == -1 ||
		    item_class_of(line + at) == CLASS_NONE)
			continue;
		day[10] = ' ';	/* "2026/11/21", and the hour behind it */
		(void)snprintf(day + 11, sizeof day - 11, "%.8s", hour);
		if (items_add_at(l, line + at, bytes, day, "%Y/%m/%d %H:%M:%S", e) == -1)
			return -1;
	}
	items_sort(l);
	return 0;
}

static int
rsync_list(struct dest *d, struct items *l, struct err *e)
{
	struct buf out = BUF_INIT(LIST_MAX);
	char from[4200];
	struct child c;
	struct line line;
	int rc;

	if (join(d, "", from, e) == -1)
		return -1;
	begin(&line);
	add(&line, "--recursive");
	add(&line, "--list-only");
	add(&line, "--no-human-readable");
	add(&line, from);
	rc = child_run(line.argv, &out, &c, e);
	if (rc == 0 && c.status == 0)
		rc = out.len == 0 ? 0 : read_listing(l, (char *)out.data, e);
	else if (rc == 0 && !(c.status == PARTIAL &&
	    strstr(buf_text(&c.talk), "No such file") != NULL))
		rc = failed(d, "list", &c, e);
	child_clear(&c);
	buf_free(&out);
	return rc;
}

static int
rsync_read(struct dest *d, const char *path, struct buf *out, struct err *e)
{
	struct buf talk = BUF_INIT(1 << 20);
	char from[4200], to[4200];
	struct child c;
	struct line line;
	int rc;

	if (join(d, path, from, e) == -1 || fs_unlink(d->scratch.dir, "read", e) == -1)
		return -1;
	(void)snprintf(to, sizeof to, "%s/read", d->scratch.path);
	begin(&line);
	add(&line, from);
	add(&line, to);
	rc = child_run(line.argv, &talk, &c, e);
	if (rc == 0 && c.status == 0)
		rc = fs_read_file(d->scratch.dir, "read", out, e);
	else if (rc == 0 && c.status == PARTIAL)
		rc = err_set(e, ERR_ABSENT, "%s: not there", from);
	else if (rc == 0)
		rc = failed(d, path, &c, e);
	child_clear(&c);
	buf_free(&talk);
	return rc;
}

/* Modes as a web server needs them, whatever ours are. */
static int
transfer(struct dest *d, struct item *const *items, size_t n, bool check,
    struct buf *out, struct child *c, struct err *e)
{
	char list[4200], files[4220], to[4200];
	struct line line;

	memset(c, 0, sizeof *c);
	if (dest_write_list(d, items, n, list, e) == -1 || join(d, "", to, e) == -1)
		return -1;
	(void)snprintf(files, sizeof files, "--files-from=%s", list);
	begin(&line);
	add(&line, files);
	if (check) {
		add(&line, "--checksum");
		add(&line, "--dry-run");
		add(&line, "--out-format=%n");
	} else {
		add(&line, "--ignore-existing");
		add(&line, "--partial-dir=.publish.part");
		add(&line, "--mkpath");
	}
	add(&line, "--dirs");
	add(&line, "--relative");
	add(&line, "--chmod=D755,F644");
	add(&line, "--perms");
	add(&line, d->repo_path);
	add(&line, to);
	return child_run(line.argv, out, c, e);
}

static int
rsync_put(struct dest *d, struct item *const *items, size_t n, struct err *e)
{
	struct buf out = BUF_INIT(1 << 20);
	struct child c;
	int rc = transfer(d, items, n, false, &out, &c, e);

	if (rc == 0 && c.status != 0)
		rc = failed(d, "copy", &c, e);
	child_clear(&c);
	buf_free(&out);
	for (size_t i = 0; rc == 0 && i < n; i++)
		progress_add(items[i]->bytes);
	return rc;
}

/* A dry run by checksum names the files whose bytes differ. */
static int
rsync_check(struct dest *d, struct item *const *items, size_t n, struct err *e)
{
	struct buf out = BUF_INIT(LIST_MAX);
	char *rest = NULL;
	struct child c;
	int rc;

	if (n == 0)
		return 0;
	rc = transfer(d, items, n, true, &out, &c, e);
	if (rc == 0 && c.status != 0)
		rc = failed(d, "read back", &c, e);
	for (char *line = rc == 0 && out.len > 0 ? strtok_r((char *)out.data, "\n", &rest) :
	    NULL; rc == 0 && line != NULL; line = strtok_r(NULL, "\n", &rest))
		if (item_class_of(line) != CLASS_NONE && line[strlen(line) - 1] != '/')
			rc = err_set(e, ERR_POLICY, "%s: the destination holds other bytes "
			    "under this name; another publisher was faster, or it belongs to "
			    "another repository", line);
	child_clear(&c);
	buf_free(&out);
	return rc;
}

static int
rsync_replace(struct dest *d, const struct buf *timestamp, struct err *e)
{
	struct buf out = BUF_INIT(1 << 20);
	char from[4200], to[4200];
	struct child c;
	struct line line;
	int rc;

	if (fs_put_file(d->scratch.dir, "timestamp.json", timestamp->data, timestamp->len,
	    0644, e) == -1 || join(d, DEST_TIMESTAMP, to, e) == -1)
		return -1;
	(void)snprintf(from, sizeof from, "%s/timestamp.json", d->scratch.path);
	begin(&line);
	add(&line, "--ignore-times");
	add(&line, "--chmod=F644");
	add(&line, "--perms");
	add(&line, from);
	add(&line, to);
	rc = child_run(line.argv, &out, &c, e);
	if (rc == 0 && c.status != 0)
		rc = failed(d, DEST_TIMESTAMP, &c, e);
	child_clear(&c);
	buf_free(&out);
	return rc;
}

/* The names that are listed and not in the empty folder here are deleted there. */
static int
rsync_remove(struct dest *d, char *const *paths, size_t n, struct err *e)
{
	struct buf text = BUF_INIT(LIST_MAX), out = BUF_INIT(1 << 20);
	char files[4220], empty[4200], to[4200];
	struct child c;
	struct line line;
	int rc = join(d, "", to, e);

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = buf_addf(&text, e, "%s\n", paths[i]);
	if (rc == 0 && n > 0 &&
	    (rc = fs_put_file(d->scratch.dir, "gone", text.data, text.len, 0600, e)) == 0 &&
	    (rc = fs_mkdirs(d->scratch.dir, "empty", 0700, e)) == 0) {
		(void)snprintf(files, sizeof files, "--files-from=%s/gone", d->scratch.path);
		(void)snprintf(empty, sizeof empty, "%s/empty/", d->scratch.path);
		begin(&line);
		add(&line, files);
		add(&line, "--delete-missing-args");
		add(&line, empty);
		add(&line, to);
		rc = child_run(line.argv, &out, &c, e);
		if (rc == 0 && c.status != 0)
			rc = failed(d, "delete", &c, e);
		child_clear(&c);
	}
	buf_free(&text);
	buf_free(&out);
	return rc;
}

const struct dest_kind dest_rsync = { rsync_lock, rsync_list, rsync_read, rsync_put,
	rsync_check, rsync_replace, rsync_remove, NULL };
