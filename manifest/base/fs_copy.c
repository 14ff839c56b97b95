/*
 * From one file into another: shared blocks where the filesystem can, else the
 * kernel's copy, else ours.  Holes stay holes in all three.
 */
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <unistd.h>

#include "manifest/base/cancel.h"

#include "manifest/base/fs_change.h"

enum { BLOCK_BYTES = 128 * 1024, KERNEL_BYTES = 64 * 1024 * 1024 };

struct copy {
	int from, to;
	uint8_t *block;		/* NULL as long as the kernel copies */
};

int
fs_clone_fd(int from, int to, struct err *e)
{
	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	switch (errno) {
	case EOPNOTSUPP:
	case ENOTTY:
	case ENOSYS:
	case EXDEV:
	case EINVAL:
	case EPERM:
	case EBADF:		/* some stacked filesystems */
	case ETXTBSY:
		return 1;
	default:
		return err_sys(e, "clone");
	}
}

static int
shorter(struct err *e)
{
	return err_set(e, ERR_FAIL, "the file changed its size while it was copied");
}

static int
copy_by_hand(struct copy *c, off_t at, off_t end, struct err *e)
{
	if (c->block == NULL && (c->block = malloc(BLOCK_BYTES)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	while (at < end) {
		size_t want = end - at < BLOCK_BYTES ? (size_t)(end - at) : BLOCK_BYTES;
		ssize_t n = pread(c->from, c->block, want, at);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(e, "read");
		if (n == 0)
			return shorter(e);
		if (cancel_check(e) == -1 ||
		    fs_pwrite(c->to, c->block, (size_t)n, (uint64_t)at, e) == -1)
			return -1;
		at += n;
	}
	return 0;
}

/* Errors by which copy_file_range says "not me": everything else is real. */
static int
kernel_declines(int sys)
{
	return sys == ENOSYS || sys == EXDEV || sys == EINVAL ||
	    sys == EOPNOTSUPP || sys == EPERM || sys == EBADF || sys == ETXTBSY;
}

static int
copy_range(struct copy *c, off_t at, off_t end, struct err *e)
{
	while (at < end && c->block == NULL) {
		off_t in = at, out = at;
		size_t want = end - at < KERNEL_BYTES ? (size_t)(end - at) :
		    KERNEL_BYTES;
		ssize_t n = copy_file_range(c->from, &in, c->to, &out, want, 0);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && !kernel_declines(errno))
			return err_sys(e, "copy");
		if (n <= 0)
			break;	/* 0: some filesystems know no size beforehand */
		if (cancel_check(e) == -1)
			return -1;
		at += n;
	}
	return at == end ? 0 : copy_by_hand(c, at, end, e);
}

/* The next run of data at or behind `at`; *end == at when there is none. */
static int
next_data(int fd, off_t size, off_t *at, off_t *end, struct err *e)
{
	off_t data = lseek(fd, *at, SEEK_DATA);

	if (data == -1 && errno == ENXIO) {
		*end = *at = size;
		return 0;
	}
	if (data == -1) {	/* no such question here: all is data */
		*end = size;
		return 0;
	}
	if ((*end = lseek(fd, data, SEEK_HOLE)) == -1)
		return err_sys(e, "look for holes");
	if (*end > size)
		*end = size;
	*at = data < size ? data : size;
	return 0;
}

static int
copy_data(struct copy *c, off_t size, struct err *e)
{
	off_t at = 0, end;

	while (at < size) {
		if (next_data(c->from, size, &at, &end, e) == -1 ||
		    copy_range(c, at, end, e) == -1)
			return -1;
		at = end;
	}
	return fs_truncate(c->to, (uint64_t)size, e);
}

int
fs_copy_fd(int from, int to, struct err *e)
{
	struct copy c = { from, to, NULL };
	struct stat st, now, made;
	int rc;

	if (fstat(from, &st) == -1)
		return err_sys(e, "copy");
	rc = fs_clone_fd(from, to, e);
	if (rc == 1)
		rc = copy_data(&c, st.st_size, e);
	free(c.block);
	if (rc == -1)
		return -1;
	if (fstat(from, &now) == -1 || fstat(to, &made) == -1)
		return err_sys(e, "copy");
	if (now.st_size != st.st_size || made.st_size != st.st_size)
		return shorter(e);
	return 0;
}
