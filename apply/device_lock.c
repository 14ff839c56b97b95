/*
 * device_lock.c - one run at a time.
 *
 * RUN/lock carries the text for the others.  STATE/lock and BASE/.lock stand for what
 * must not be shared, and stay empty.  All three are 0600: a lock on what others may
 * open they could take themselves.
 */
#include <sys/file.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"

#include "apply/device.h"

enum { HOLDER_MAX = 96 };

static void
holder_text(char out[static HOLDER_MAX], const char *step)
{
	(void)snprintf(out, HOLDER_MAX, "pid %ld step %s\n", (long)getpid(), step);
}

/* fd is taken, and closed when somebody else has the lock. */
static int
lock_fd(int fd, const char *path, struct err *e)
{
	int rc;

	if (fd == -1)
		return -1;
	while ((rc = flock(fd, LOCK_EX | LOCK_NB)) == -1 && errno == EINTR)
		;
	if (rc == 0)
		return fd;
	if (errno == EWOULDBLOCK)
		(void)err_set(e, ERR_BUSY, "%s is in use by a run with another "
		    "configuration or another app.run", path);
	else
		(void)err_sys(e, "lock %s", path);
	(void)close(fd);
	return -1;
}

static void
unlock(struct device *d)
{
	int *const fds[] = { &d->base_lock, &d->state_lock, &d->lock };

	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
		if (*fds[i] != -1)
			(void)close(*fds[i]);
		*fds[i] = -1;
	}
}

/* What was being replaced when the power failed.  Nothing depends on it. */
static void
clear_temps(const struct device *d)
{
	const int folders[] = { d->run, d->state, d->base, d->releases };
	struct err why = ERR_INIT;

	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		if (fs_remove_temps(folders[i], ".", &why) == -1)
			log_detail("%s: %s", d->conf->name, why.text);
}

int
device_lock(struct device *d, struct err *e)
{
	char holder[HOLDER_MAX];

	holder_text(holder, "idle");
	if ((d->lock = fs_lock(d->run, "lock", holder, e)) == -1)
		return err_wrap(e, "%s", d->conf->name);
	d->state_lock = lock_fd(fs_open_rw(d->state, "lock", 0600, e), d->conf->state, e);
	/* Not the folder: whoever may read that could hold its lock for ever. */
	if (d->state_lock != -1)
		d->base_lock = lock_fd(fs_open_rw(d->base, ".lock", 0600, e),
		    d->root_path, e);
	/* A full disk must not keep anybody from going back. */
	if (d->base_lock != -1 || (d->state_lock != -1 && e->code == ERR_ROOM)) {
		err_clear(e);
		clear_temps(d);
		return 0;
	}
	unlock(d);
	return err_wrap(e, "%s", d->conf->name);
}

void
device_say(const struct device *d, const char *step)
{
	char holder[HOLDER_MAX];
	struct err e = ERR_INIT;

	holder_text(holder, step);
	if (d->lock != -1 && fs_lock_say(d->lock, holder, &e) == -1)
		log_detail("lock: %s", e.text);
}
