/*
 * logdisk - a disk that remembers each write and each flush, by FUSE.
 *
 *	logdisk IMAGE LOG FOLDER
 *
 * In FOLDER are two files.  disk is IMAGE, for a loop device: no cache lies between, so
 * the log has the writes in the order in which they were issued.  mark takes text into
 * the log: what somebody relies on from here on.  Ends when FOLDER is unmounted.
 */
#define FUSE_USE_VERSION 31

#include <sys/stat.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <fuse.h>

#include "tests/rigs/rec.h"

enum { NONE, DISK, MARK };

static int image = -1, out = -1;
static off_t image_bytes;

static int
put(uint32_t type, off_t off, const void *data, size_t n)
{
	struct rec r = { type, (uint32_t)n, (uint64_t)off };
	struct iovec v[2] = { { &r, sizeof r }, { (void *)(uintptr_t)data, n } };

	return writev(out, v, n > 0 ? 2 : 1) == (ssize_t)(sizeof r + n) ? 0 : -EIO;
}

static int
which(const char *path)
{
	return strcmp(path, "/disk") == 0 ? DISK : strcmp(path, "/mark") == 0 ? MARK : NONE;
}

static int
get_attributes(const char *path, struct stat *st, struct fuse_file_info *info)
{
	int file = which(path);

	(void)info;
	memset(st, 0, sizeof *st);
	st->st_nlink = 1;
	st->st_mode = file == NONE ? S_IFDIR | 0755 : S_IFREG | 0666;
	st->st_size = file == DISK ? image_bytes : 0;
	return file == NONE && strcmp(path, "/") != 0 ? -ENOENT : 0;
}

static int
open_file(const char *path, struct fuse_file_info *info)
{
	info->direct_io = 1;
	info->fh = (uint64_t)which(path);
	return info->fh == NONE ? -ENOENT : 0;
}

static int
cut_file(const char *path, off_t bytes, struct fuse_file_info *info)
{
	(void)bytes;
	(void)info;
	return which(path) == MARK ? 0 : -EPERM;
}

static int
read_file(const char *path, char *data, size_t n, off_t off, struct fuse_file_info *info)
{
	ssize_t got = info->fh == DISK ? pread(image, data, n, off) : 0;

	(void)path;
	return got == -1 ? -errno : (int)got;
}

static int
write_file(const char *path, const char *data, size_t n, off_t off,
    struct fuse_file_info *info)
{
	ssize_t put_bytes;

	(void)path;
	if (info->fh == MARK)
		return put(REC_MARK, 0, data, n) == 0 ? (int)n : -EIO;
	if ((put_bytes = pwrite(image, data, n, off)) == -1)
		return -errno;
	return put(REC_WRITE, off, data, (size_t)put_bytes) == 0 ? (int)put_bytes : -EIO;
}

static int
sync_file(const char *path, int only_data, struct fuse_file_info *info)
{
	(void)path;
	(void)only_data;
	return info != NULL && info->fh == DISK ? put(REC_FLUSH, 0, NULL, 0) : 0;
}

static const struct fuse_operations operations = {
	.getattr = get_attributes,
	.open = open_file,
	.truncate = cut_file,
	.read = read_file,
	.write = write_file,
	.fsync = sync_file,
};

int
main(int argc, char **argv)
{
	static char name[] = "logdisk", front[] = "-f", single[] = "-s",
	    options[] = "-oallow_other,attr_timeout=60";
	char *at = argc == 4 ? argv[3] : NULL;
	char *words[] = { name, front, single, options, at, NULL };
	struct stat st;

	if (argc != 4) {
		(void)fprintf(stderr, "usage: logdisk IMAGE LOG FOLDER\n");
		return 2;
	}
	image = open(argv[1], O_RDWR | O_CLOEXEC);
	out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	if (image == -1 || out == -1 || fstat(image, &st) == -1) {
		perror("logdisk");
		return 1;
	}
	image_bytes = st.st_size;
	return fuse_main(5, words, &operations, NULL);
}
