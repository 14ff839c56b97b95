#include <sys/stat.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "mkdelta/scan.h"

#include "tests/lab/device.h"

static int
folder(int at, const char *rel)
{
	struct err e = ERR_INIT;
	int fd = -1;

	if (fs_mkdirs(at, rel, 0755, &e) == -1 ||
	    (fd = fs_open_dir_at(at, rel, &e)) == -1)
		fail_msg("%s", e.text);
	return fd;
}

struct lab_device *
lab_device_open(enum swap_mode swap, const char *below)
{
	struct lab_device *l = calloc(1, sizeof *l);
	const char *tmp = below != NULL ? below : getenv("TMPDIR");
	struct err e = ERR_INIT;

	assert_non_null(l);
	(void)snprintf(l->dir, sizeof l->dir, "%s/device.XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	assert_non_null(mkdtemp(l->dir));
	if ((l->fd = fs_open_dir(l->dir, &e)) == -1)
		fail_msg("%s", e.text);
	(void)snprintf(l->root, sizeof l->root, "%s/app", l->dir);
	l->conf.root = l->root;
	l->conf.swap = swap;
	l->conf.memory_bytes = 64 << 20;
	l->dev = (struct device){ .conf = &l->conf,
		.shared = -1,
		.parent = -1,
		.lock = -1,
		.root_path = l->root };
	if (swap == SWAP_SYMLINK) {
		l->dev.base = folder(l->fd, "app");
	} else {
		static char live_name[] = "app";

		l->dev.base = folder(l->fd, ".app.delta");
		l->dev.parent = folder(l->fd, ".");
		l->dev.live_name = live_name;
	}
	l->dev.releases = folder(l->dev.base, "releases");
	l->dev.state = folder(l->fd, "state");
	l->dev.run = folder(l->fd, "run");
	return l;
}

void
lab_device_close(struct lab_device *l)
{
	lab_device_sh(l, "chmod -R u+rwX . && rm -rf ./* ./.app.delta");
	(void)close(l->dev.base);
	(void)close(l->dev.releases);
	(void)close(l->dev.state);
	(void)close(l->dev.run);
	if (l->dev.parent != -1)
		(void)close(l->dev.parent);
	(void)close(l->fd);
	(void)rmdir(l->dir);
	free(l);
}

void
lab_device_sh(struct lab_device *l, const char *fmt, ...)
{
	char line[2048], command[2400];
	va_list ap;
	int status;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	(void)snprintf(command, sizeof command, "cd '%s' && umask 022 && { %s\n}", l->dir,
	    line);
	status = system(command);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("status %d: %s", status, line);
}

struct listing *
lab_device_record(struct lab_device *l, const char *path, uint64_t release,
    struct record *rec)
{
	static const struct scan_options options = { .xattrs = true, .jobs = 1 };
	struct target_name name = { TARGET_TREE, release, 0, "any" };
	struct buf text = BUF_INIT(LISTING_TEXT_MAX);
	struct err e = ERR_INIT;
	struct listing *listing = NULL;
	int fd = fs_open_dir_at(l->fd, path, &e);

	if (fd == -1 || (listing = scan_tree(fd, &options, &e)) == NULL ||
	    listing_emit(listing, &text, &e) == -1)
		fail_msg("%s: %s", path, e.text);
	(void)close(fd);
	memset(rec, 0, sizeof *rec);
	rec->release = release;
	(void)snprintf(rec->platform, sizeof rec->platform, "any");
	(void)snprintf(rec->version, sizeof rec->version, "v%u", (unsigned)release);
	assert_int_equal(listing_id(listing, &rec->listing, &e), 0);
	rec->listing_bytes = text.len;
	rec->files = listing->files;
	rec->content_bytes = listing->content_bytes;
	rec->created = 1700000000 + (int64_t)release;
	rec->usable = true;
	(void)target_path(&name, rec->object.path);
	rec->object.bytes = text.len;
	rec->object.sha256 = rec->listing;
	buf_free(&text);
	return listing;
}

void
lab_device_sign(struct lab_device *l, const char *path, uint64_t release)
{
	struct err e = ERR_INIT;
	struct record rec;
	struct listing *listing = lab_device_record(l, path, release, &rec);
	int fd = fs_open_dir_at(l->fd, path, &e);

	if (fd == -1 || tree_record_write(fd, &rec, listing, &e) == -1)
		fail_msg("%s: %s", path, e.text);
	(void)close(fd);
	listing_free(listing);
	record_clear(&rec);
}
