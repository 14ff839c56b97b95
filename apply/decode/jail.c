#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/decode/jail.h"

enum {
	NOBODY = 65534,
	FILES_MAX = 16,			/* the socket, /dev/null, object, old, scratch */
	BESIDE_BYTES = 64 << 20,	/* what libraries and malloc take on top */
	UNKNOWN_BYTES = 256 << 20,	/* of a program, where /proc is not */
};

/* Address space as it is now. */
static uint64_t
mapped(void)
{
	char text[32];
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd == -1 ? -1 : read(fd, text, sizeof text - 1);
	unsigned long pages;

	if (fd != -1)
		(void)close(fd);
	text[got > 0 ? got : 0] = '\0';
	pages = strtoul(text, NULL, 10);
	return pages == 0 ? UNKNOWN_BYTES :
	    (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int
limit(int what, uint64_t most, struct err *e)
{
	struct rlimit r;

	if (getrlimit(what, &r) == -1)
		return err_sys(e, "limits");
	if (r.rlim_max > most)
		r.rlim_max = (rlim_t)most;
	if (r.rlim_cur > r.rlim_max)
		r.rlim_cur = r.rlim_max;
	return setrlimit(what, &r) == -1 ? err_sys(e, "limits") : 0;
}

static int
set_limits(const struct jail *j, struct err *e)
{
	uint64_t most = mapped() + BESIDE_BYTES;

	most = j->memory > UINT64_MAX - most ? UINT64_MAX : most + j->memory;
	(void)signal(SIGXFSZ, SIG_IGN);		/* EFBIG says it */
	if (!JAIL_SANITIZED && (limit(RLIMIT_AS, most, e) == -1 ||
	    limit(RLIMIT_NPROC, 0, e) == -1))
		return -1;
	if (limit(RLIMIT_CORE, 0, e) == -1 || limit(RLIMIT_FSIZE, j->scratch, e) == -1 ||
	    limit(RLIMIT_MEMLOCK, 0, e) == -1 || limit(RLIMIT_MSGQUEUE, 0, e) == -1)
		return -1;
	return limit(RLIMIT_NOFILE, FILES_MAX, e);
}

/* Who may not, may be root of a namespace of his own. */
static bool
leave_network(void)
{
	static const int others[] = { CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWNS };
	bool done = unshare(CLONE_NEWNET) == 0;

	if (!done && geteuid() != 0)
		done = unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		(void)unshare(others[i]);
	return done;
}

static void
drop_capabilities(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	memset(none, 0, sizeof none);
	(void)syscall(SYS_capset, &head, none);
}

/* Not in every namespace is there a nobody. */
static bool
leave_user(void)
{
	bool left = geteuid() == 0 && setgroups(0, NULL) == 0 &&
	    setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
	    setresuid(NOBODY, NOBODY, NOBODY) == 0;

	drop_capabilities();
	/* It was lost with the user. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, JAIL_SANITIZED, 0, 0, 0);
	return left && setresuid(0, 0, 0) == -1;
}

int
jail_enter(const struct jail *j, unsigned *layers, struct err *e)
{
	int files, calls;

	*layers = leave_network() ? JAIL_NETWORK : 0;
	if (set_limits(j, e) == -1)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return err_sys(e, "no_new_privs");
	if ((files = jail_files(e)) == -1)
		return -1;
	*layers |= files == 1 ? JAIL_FILES : 0;
	*layers |= leave_user() ? JAIL_USER : 0;
	if ((calls = jail_calls(e)) == -1)
		return -1;
	*layers |= calls == 1 ? JAIL_CALLS : 0;
	return 0;
}
