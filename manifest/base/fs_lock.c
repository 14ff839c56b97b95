#include <sys/file.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/log.h"

#include "manifest/base/fs_change.h"

enum { HOLDER_MAX = 256 };

static int
busy(int fd, const char *rel, struct err *e)
{
	char text[HOLDER_MAX];
	ssize_t n = pread(fd, text, sizeof text - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	(void)text_printable(text, sizeof text, text, strlen(text), false);
	if (text[0] == '\0')
		return err_set(e, ERR_BUSY, "%s: another process holds the lock", rel);
	return err_set(e, ERR_BUSY, "%s: busy: %s", rel, text);
}

int
fs_lock_say(int lock_fd, const char *holder, struct err *e)
{
	size_t n = strnlen(holder, HOLDER_MAX - 1);

	if (fs_pwrite(lock_fd, holder, n, 0, e) == -1)
		return -1;
	return fs_truncate(lock_fd, n, e);
}

int
fs_lock(int at, const char *rel, const char *holder, struct err *e)
{
	int fd, rc;

	if ((fd = fs_open_rw(at, rel, 0600, e)) == -1)
		return -1;
	while ((rc = flock(fd, LOCK_EX | LOCK_NB)) == -1 && errno == EINTR)
		;
	if (rc == -1 && errno == EWOULDBLOCK)
		(void)busy(fd, rel, e);
	else if (rc == -1)
		(void)err_sys(e, "lock %s", rel);
	else if (fs_lock_say(fd, holder, e) == -1)
		rc = err_wrap(e, "lock %s", rel);
	if (rc == -1) {
		(void)close(fd);
		return -1;
	}
	return fd;
}
