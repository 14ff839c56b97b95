#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "apply/decode/wire.h"

#include "apply/decoder_child.h"

#define NAME "delta-apply-decode"

/* The program as it was when it was held; -1: not yet.  An upgrade of the package in
 * the midst of a run would bring one of another version. */
static int held = -1;

/* ---- where it is ---- */

/* Whoever may change it decides what is decoded, if not what is accepted. */
static int
check_program(const char *path, int fd, uid_t also, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return err_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0)
		return err_set(e, ERR_FAIL, "%s: is no program; install it anew", path);
	if (geteuid() == 0 && ((st.st_uid != 0 && st.st_uid != also) ||
	    (st.st_mode & S_IWOTH) != 0))
		return err_set(e, ERR_FAIL, "%s: others than root may change it; chown"
		    " root and chmod 755 it", path);
	return 0;
}

/* Its descriptor, or -1. */
static int
open_program(const char *path, uid_t also, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd == -1) {
		(void)err_sys(e, "%s", path);
		return -1;
	}
	if (check_program(path, fd, also, e) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

/* Beside delta-apply; in libexec of the same prefix; where it was built for. */
static int
find_program(struct err *e)
{
	static const char *const places[] = { "", "../libexec/delta-apply/" };
	char own[PATH_MAX - 64], path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
	struct stat st = { .st_uid = 0 };
	int fd;

	own[n > 0 ? n : 0] = '\0';
	(void)stat("/proc/self/exe", &st);
	for (size_t i = 0; n > 0 && i < sizeof places / sizeof *places; i++) {
		(void)snprintf(path, sizeof path, "%.*s%s" NAME,
		    (int)(strrchr(own, '/') - own + 1), own, places[i]);
		if ((fd = open_program(path, st.st_uid, e)) != -1)
			return fd;
		if (e->code != ERR_ABSENT)
			return -1;
	}
	if ((fd = open_program(LIBEXECDIR "/delta-apply/" NAME, st.st_uid, e)) != -1)
		return fd;
	return e->code != ERR_ABSENT ? -1 : err_set(e, ERR_FAIL, NAME " is not there; "
	    "install it beside delta-apply, or in " LIBEXECDIR "/delta-apply");
}

int
decoder_child_hold(struct err *e)
{
	if (held == -1)
		held = find_program(e);
	return held == -1 ? -1 : 0;
}

/* ---- start ---- */

static void
fail(int sock, const char *doing)
{
	const struct wire_head head = { WIRE_ERROR, ERR_FAIL, (uint64_t)errno };
	char text[256];
	int n = snprintf(text, sizeof text, "cannot %s: %s", doing, strerror(errno));

	(void)wire_send(sock, &head, text, (size_t)n, -1);
	_exit(127);
}

static void __attribute__((noreturn))
run_program(int program, int sock, pid_t applier)
{
	char name[] = NAME, path[64];
	char *argv[] = { name, NULL }, *env[] = { NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setsid();		/* Ctrl-C is for delta-apply */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != applier)
		_exit(127);
	if (chdir("/") == -1)
		fail(sock, "go to /");
	if (null == -1 || dup2(null, 1) == -1)
		fail(sock, "open /dev/null");
#ifndef __SANITIZE_ADDRESS__		/* whose reports are wanted */
	if (dup2(null, 2) == -1)
		fail(sock, "open /dev/null");
#endif
	if (dup2(sock, 0) == -1)
		fail(sock, "pass the socket");
	(void)execveat(program, "", argv, env, AT_EMPTY_PATH);
	/* Emulators of user space lack it; scripts want a name that lasts. */
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", program);
	(void)fcntl(program, F_SETFD, 0);
	(void)execve(path, argv, env);
	fail(0, "run it");
	_exit(127);
}

/* A wait for it ends now and then, so that Ctrl-C is seen. */
static int
make_socket(int pair[static 2], struct err *e)
{
	const struct timeval tick = { 0, 500 * 1000 };

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return err_sys(e, NAME ": socket");
	if (setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick) == 0 &&
	    setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &tick, sizeof tick) == 0)
		return 0;
	(void)err_sys(e, NAME ": socket");
	(void)close(pair[0]);
	(void)close(pair[1]);
	return -1;
}

int
decoder_child_start(struct decoder_child *c, struct err *e)
{
	pid_t applier = getpid();
	int pair[2];

	c->pid = -1;
	c->sock = -1;
	if (decoder_child_hold(e) == -1 || make_socket(pair, e) == -1)
		return -1;
	c->pid = fork();
	if (c->pid == 0)
		run_program(held, pair[1], applier);
	(void)close(pair[1]);
	c->sock = pair[0];
	if (c->pid != -1)
		return 0;
	(void)err_sys(e, NAME ": fork");
	(void)close(c->sock);
	c->sock = -1;
	return -1;
}

/* ---- end ---- */

static void
say_end(int status, char how[static DECODER_END_MAX])
{
	if (WIFSIGNALED(status))
		(void)snprintf(how, DECODER_END_MAX, "killed by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		(void)snprintf(how, DECODER_END_MAX, "exit status %d",
		    WEXITSTATUS(status));
}

void
decoder_child_end(struct decoder_child *c, bool gone, char how[static DECODER_END_MAX])
{
	const struct timespec pause = { 0, 2 * 1000 * 1000 };
	int status = 0, tries = gone ? 500 : 1;
	pid_t got = 0;

	how[0] = '\0';
	if (c->sock != -1)
		(void)close(c->sock);
	c->sock = -1;
	if (c->pid == -1)
		return;
	while (tries-- > 0 && (got = waitpid(c->pid, &status, WNOHANG)) <= 0 &&
	    (got == 0 || errno == EINTR))
		if (tries > 0)
			(void)nanosleep(&pause, NULL);
	if (got <= 0) {
		(void)kill(c->pid, SIGKILL);
		while (waitpid(c->pid, &status, 0) == -1 && errno == EINTR)
			continue;
		(void)snprintf(how, DECODER_END_MAX, "it ended the talk");
	} else {
		say_end(status, how);
	}
	c->pid = -1;
}
