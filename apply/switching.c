#include <sys/stat.h>

#include <signal.h>
#include <stdio.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "apply/switching.h"

void
switching_hold(bool hold)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

int
switching_on(struct run *r, struct err *e)
{
	char text[64];
	int n;

	n = snprintf(text, sizeof text, "%llu %llu\n",
	    (unsigned long long)r->mark.from, (unsigned long long)r->mark.to);
	return fs_write_file(r->dev->state, SWITCHING_FILE, text, (size_t)n, 0600, e);
}

int
switching_is_on(struct run *r, struct err *e)
{
	struct stat st;

	return fs_stat_at(r->dev->state, SWITCHING_FILE, &st, e);
}

int
switching_off(struct run *r, struct err *e)
{
	int there = switching_is_on(r, e);

	if (there <= 0)
		return there;
	if (fs_unlink(r->dev->state, SWITCHING_FILE, e) == -1)
		return -1;
	return fs_sync_dir(r->dev->state, ".", e);
}
