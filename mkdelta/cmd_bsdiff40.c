#include <sys/stat.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"

#include "mkdelta/encode/bsdiff40.h"
#include "mkdelta/commands.h"
#include "mkdelta/subject.h"

#include "mkdelta/cmd_bsdiff40.h"

static int
open_file(const char *path, struct stat *st, struct err *e)
{
	char *name = NULL;
	int dir, fd = -1;

	if (stat(path, st) == -1)
		return err_sys(e, "%s", path);
	if (S_ISDIR(st->st_mode))
		return err_set(e, ERR_USAGE,
		    "%s: a folder, and bsdiff's patches are for single files", path);
	if ((dir = subject_parent(path, &name, e)) != -1) {
		fd = fs_open_file(dir, name, st, e);
		(void)close(dir);
	}
	free(name);
	return fd == -1 ? err_wrap(e, "%s", path) : fd;
}

/* From its temporary name to the one it is for, durable. */
static int
give_name(int dir, int fd, const char *temporary, const char *name, bool force,
    struct err *e)
{
	if (fs_sync(fd, e) == -1 || (force ? fs_rename : fs_rename_new)(dir, temporary,
	    dir, name, e) == -1)
		return -1;
	return fs_sync_dir(dir, ".", e);
}

int
bsdiff40_diff(const char *old_path, const char *new_path, int dir, const char *name,
    uint64_t memory_bytes, bool force, struct err *e)
{
	int old = -1, new = -1, fd = -1, rc = -1;
	char temporary[64], bytes[BYTES_TEXT_MAX], whole[BYTES_TEXT_MAX];
	struct stat st;
	struct err ignored;
	uint64_t patch_bytes;

	(void)snprintf(temporary, sizeof temporary, ".mkdelta-diff.%ld", (long)getpid());
	if ((old = open_file(old_path, &st, e)) == -1 ||
	    (new = open_file(new_path, &st, e)) == -1 ||
	    (fd = fs_create(dir, temporary, 0644, e)) == -1)
		goto out;
	if (bsdiff40_make(old, new, memory_bytes, fd, &patch_bytes, e) == 0)
		rc = give_name(dir, fd, temporary, name, force, e);
	if (rc == 0)
		log_say("%s: %s for %s of new content", name,
		    bytes_text(bytes, patch_bytes),
		    bytes_text(whole, (uint64_t)st.st_size));
	else
		(void)fs_unlink(dir, temporary, &ignored);
out:
	if (old != -1)
		(void)close(old);
	if (new != -1)
		(void)close(new);
	if (fd != -1)
		(void)close(fd);
	return rc;
}

static int
take_bytes(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	return fs_write(*(int *)arg, data, n, e);
}

/* A small patch may say that it builds terabytes. */
static int
check_room(int dir, uint64_t bytes, struct err *e)
{
	char want[BYTES_TEXT_MAX], have[BYTES_TEXT_MAX];
	uint64_t room, inodes;

	if (fs_room(dir, &room, &inodes, e) == -1)
		return -1;
	if (bytes > room)
		return err_set(e, ERR_ROOM, "the new file takes %s, and %s are free",
		    bytes_text(want, bytes), bytes_text(have, room));
	return 0;
}

int
bsdiff40_patch(const char *old_path, int patch_fd, uint64_t patch_bytes, int dir,
    const char *name, bool force, struct err *e)
{
	int old, fd = -1, rc = -1;
	char temporary[64];
	struct bsdiff40 h;
	struct stat st;
	struct err ignored;

	(void)snprintf(temporary, sizeof temporary, ".mkdelta-patch.%ld", (long)getpid());
	if ((old = open_file(old_path, &st, e)) == -1)
		return -1;
	if (bsdiff40_header(patch_fd, patch_bytes, &h, e) == -1 ||
	    check_room(dir, h.new_bytes, e) == -1 ||
	    (fd = fs_create(dir, temporary, 0600, e)) == -1)
		goto out;
	if (bsdiff40_apply(patch_fd, patch_bytes, old, (uint64_t)st.st_size, take_bytes,
	    &fd, e) == 0 && fs_chmod_fd(fd, st.st_mode & 0777, e) == 0)
		rc = give_name(dir, fd, temporary, name, force, e);
	if (rc == -1)
		(void)fs_unlink(dir, temporary, &ignored);
	(void)close(fd);
out:
	(void)close(old);
	return rc;
}

static int
print_json(const struct bsdiff40 *h, uint64_t bytes, struct err *e)
{
	struct jv *top = jv_new_object();

	if (top == NULL || jv_set(top, "kind", jv_new_text("bsdiff40")) == -1 ||
	    jv_set(top, "bytes", jv_new_int((int64_t)bytes)) == -1 ||
	    jv_set(top, "new-bytes", jv_new_int((int64_t)h->new_bytes)) == -1 ||
	    jv_set(top, "control", jv_new_int((int64_t)h->control_bytes)) == -1 ||
	    jv_set(top, "diff", jv_new_int((int64_t)h->diff_bytes)) == -1 ||
	    jv_set(top, "extra", jv_new_int((int64_t)h->extra_bytes)) == -1) {
		jv_free(top);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	return command_print(top, e);
}

int
bsdiff40_inspect(int fd, uint64_t bytes, bool json, struct err *e)
{
	struct bsdiff40 h;
	char text[BYTES_TEXT_MAX];

	if (bsdiff40_header(fd, bytes, &h, e) == -1)
		return -1;
	if (json)
		return print_json(&h, bytes, e);
	(void)printf("patch of bsdiff (BSDIFF40), %" PRIu64 " bytes, for a new file of %s "
	    "(%" PRIu64 " bytes)\n", bytes, bytes_text(text, h.new_bytes), h.new_bytes);
	(void)printf("  header   %12d\n", BSDIFF40_HEADER_BYTES);
	(void)printf("  control  %12" PRIu64 "  bzip2\n", h.control_bytes);
	(void)printf("  diff     %12" PRIu64 "  bzip2\n", h.diff_bytes);
	(void)printf("  extra    %12" PRIu64 "  bzip2\n", h.extra_bytes);
	(void)printf("It does not say which old file it is for.\n");
	return 0;
}
