/*
 * Landlock: every access that this kernel knows of is handled, and none allowed.
 * https://docs.kernel.org/userspace-api/landlock.html
 */
#include <sys/syscall.h>

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "apply/decode/jail.h"

/* The same on all machines; headers may be older than the kernel. */
enum { CREATE_RULESET = 444, RESTRICT_SELF = 446, ASK_VERSION = 1 };

struct ruleset {
	uint64_t files, network, scopes;
};

/* How much of it a version knows: how many kinds of access to files, how many bytes. */
static void
handle_all(long version, struct ruleset *r, size_t *bytes)
{
	unsigned files = version >= 5 ? 16 : version >= 3 ? 15 : version >= 2 ? 14 : 13;

	r->files = ((uint64_t)1 << files) - 1;
	*bytes = sizeof r->files;
	if (version >= 4) {
		r->network = 3;		/* TCP: bind and connect */
		*bytes += sizeof r->network;
	}
	if (version >= 6) {
		r->scopes = 3;		/* abstract sockets, signals */
		*bytes += sizeof r->scopes;
	}
}

int
jail_files(struct err *e)
{
	long version = syscall(CREATE_RULESET, NULL, 0, ASK_VERSION);
	struct ruleset r = { 0, 0, 0 };
	size_t bytes;
	long fd, rc;

	if (version < 1)
		return 0;	/* too old, or switched off at boot */
	handle_all(version, &r, &bytes);
	if ((fd = syscall(CREATE_RULESET, &r, bytes, 0)) == -1)
		return err_sys(e, "Landlock");
	rc = syscall(RESTRICT_SELF, fd, 0);
	if (rc == -1)
		(void)err_sys(e, "Landlock");
	(void)close((int)fd);
	return rc == -1 ? -1 : 1;
}
