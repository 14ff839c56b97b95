#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "apply/fetch_transfer.h"

#include "apply/fetch_file_to.h"

struct saving {
	const struct tuf_target *target;
	int fd;
	uint64_t have;
};

static int
too_long(const struct saving *s, struct err *e)
{
	return err_set(e, ERR_TRUST, "the host sends more than the %llu bytes that were "
	    "signed", (unsigned long long)s->target->length);
}

static int
save_head(void *arg, const struct fetch_answer *a, struct err *e)
{
	struct saving *s = arg;

	if (a->has_length && a->length > s->target->length)
		return too_long(s, e);
	s->have = 0;
	return fs_truncate(s->fd, 0, e);
}

static int
save_body(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct saving *s = arg;

	if (n > s->target->length - s->have)
		return too_long(s, e);
	if (fs_pwrite(s->fd, data, n, s->have, e) == -1)
		return -1;
	s->have += n;
	return 0;
}

static int
receive(struct fetch *f, const char *url, struct saving *s, struct err *e)
{
	struct fetch_request q = { .url = url, .arg = s, .head = save_head,
		.body = save_body };
	struct fetch_answer a;

	for (uint32_t try = 1;; try++) {
		if (fetch_transfer(f, &q, &a, e) == 0)
			return 0;
		if (fetch_pause(f, try, &a, e) == -1)
			return -1;
		err_clear(e);
	}
}

/* Is it there already? */
static bool
is_there(int out, const struct tuf_target *t)
{
	struct err ignored = ERR_INIT;
	int fd = fs_open_file(out, t->path, NULL, &ignored);
	bool same = fd != -1 && tuf_target_check(t, fd, &ignored) == 0;

	if (fd != -1)
		(void)close(fd);
	return same;
}

/* Into a temporary name in the target's own folder. */
static int
save(struct fetch *f, const char *url, const struct tuf_target *t, int dir,
    const char *name, struct err *e)
{
	static const char temp[] = ".tmp.6765742074617267";
	struct err ignored = ERR_INIT;
	struct saving s = { .target = t, .fd = -1 };
	int rc = -1;

	if (fs_unlink(dir, temp, e) == -1 || (s.fd = fs_create(dir, temp, 0644, e)) == -1)
		return -1;
	if (receive(f, url, &s, e) == 0 && tuf_target_check(t, s.fd, e) == 0 &&
	    fs_sync(s.fd, e) == 0 && fs_rename(dir, temp, dir, name, e) == 0)
		rc = fs_sync_dir(dir, ".", e);
	if (rc == -1)
		(void)fs_unlink(dir, temp, &ignored);
	(void)close(s.fd);
	return rc;
}

int
fetch_target(struct fetch *f, const char *url, const struct tuf_target *t, int out,
    struct err *e)
{
	const char *slash = strrchr(t->path, '/');
	char *folder;
	int dir = -1, rc = -1;

	if (tuf_target_name_check(t->path, e) == -1)
		return -1;
	if (is_there(out, t))
		return 0;
	folder =
	    slash == NULL ? strdup(".") : strndup(t->path, (size_t)(slash - t->path));
	if (folder == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (fs_mkdirs(out, folder, 0755, e) == 0 &&
	    (dir = fs_open_dir_at(out, folder, e)) != -1)
		rc = save(f, url, t, dir, slash == NULL ? t->path : slash + 1, e);
	if (dir != -1)
		(void)close(dir);
	free(folder);
	return rc;
}
