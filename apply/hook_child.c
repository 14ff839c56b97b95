#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "apply/hook_exec.h"

/*
 * After fork: no errors by struct err, no logging, only a report through a
 * descriptor.
 */

enum { GRACE_S = 5, ROUNDS_MAX = 200 };

static void
say(int fd, enum hook_report_kind kind, int value, const char *doing)
{
	struct hook_report report;

	memset(&report, 0, sizeof report);
	report.kind = kind;
	report.value = value;
	report.doing = doing;
	/* Smaller than PIPE_BUF: all of it or nothing. */
	(void)!write(fd, &report, sizeof report);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
default_signals(void)
{
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static const char *
become_user(const struct hook_exec *x)
{
	if (x->user == NULL || (x->uid == geteuid() && x->gid == getegid()))
		return NULL;
	if (initgroups(x->user, x->gid) == -1)
		return "set the groups";
	if (setresgid(x->gid, x->gid, x->gid) == -1)
		return "set the group";
	if (setresuid(x->uid, x->uid, x->uid) == -1)
		return "set the user";
	return NULL;
}

static const char *
descriptors(const struct hook_child *c)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int out = c->output == -1 ? null : c->output;

	if (null == -1)
		return "open /dev/null";
	if (dup2(null, 0) == -1 || dup2(out, 1) == -1 || dup2(out, 2) == -1)
		return "set up its descriptors";
	/* exec closes them; the report is needed until then. */
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == -1)
		return "close descriptors";
	return NULL;
}

static void __attribute__((noreturn))
run_program(const struct hook_child *c)
{
	const struct hook_exec *x = c->exec;
	char sh[] = "sh", flag[] = "-c";
	char *direct[] = { NULL, NULL };
	char *shell[] = { sh, flag, NULL, NULL };
	const char *doing;

	(void)setsid();
	(void)umask(022);
	default_signals();
	if ((doing = descriptors(c)) == NULL && (doing = become_user(x)) == NULL &&
	    chdir("/") == -1)
		doing = "go to /";
	if (doing == NULL) {
		doing = "run it";
		if (x->path != NULL) {
			direct[0] = strdup(x->path);
			(void)execve(x->path, direct, x->env);
		} else {
			shell[2] = strdup(x->line);
			(void)execve("/bin/sh", shell, x->env);
		}
	}
	say(c->report, HOOK_NOT_STARTED, errno, doing);
	_exit(127);
}

/* The parent of a process, -1 when it is gone. */
static long
parent_of(long pid)
{
	char path[64], text[512], *after;
	ssize_t got;
	int fd;

	(void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return -1;
	got = read(fd, text, sizeof text - 1);
	(void)close(fd);
	text[got > 0 ? got : 0] = '\0';
	/* "pid (name) state ppid": the name may hold anything. */
	if ((after = strrchr(text, ')')) == NULL || strlen(after) < 4)
		return -1;
	return strtol(after + 4, NULL, 10);
}

/* Pids of our children: every left-behind one is ours by now.  Not every kernel
 * has /proc/self/task/PID/children, so all of /proc is looked through. */
static size_t
children(pid_t *out, size_t max)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;
	size_t n = 0;

	while (proc != NULL && n < max && (d = readdir(proc)) != NULL) {
		char *end;
		long pid = strtol(d->d_name, &end, 10);

		if (pid > 0 && *end == '\0' && parent_of(pid) == (long)getpid())
			out[n++] = (pid_t)pid;
	}
	if (proc != NULL)
		(void)closedir(proc);
	return n;
}

/* Until no child is left.  New ones may be forked meanwhile: in rounds. */
static void
kill_all(int sig)
{
	pid_t pids[1024];
	int round;

	for (round = 0; round < ROUNDS_MAX; round++) {
		struct timespec pause = { 0, 5 * 1000 * 1000 };
		size_t i, n = children(pids, sizeof pids / sizeof pids[0]);

		for (i = 0; i < n; i++)
			(void)kill(pids[i], sig);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
		if (waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD)
			return;
		(void)nanosleep(&pause, NULL);
	}
}

enum happened { CHILD_ENDED, OUT_OF_TIME, WANTED_STOP, ORPHANED };

/* Wait for the program; others that became our children are reaped by the way. */
static enum happened
wait_for(pid_t pid, int *status, int64_t until_ms, const sigset_t *set, pid_t applier)
{
	for (;;) {
		struct timespec wait = { 1, 0 };
		int64_t left = until_ms - now_ms();
		pid_t got;
		int sig;

		while ((got = waitpid(-1, status, WNOHANG)) > 0)
			if (got == pid)
				return CHILD_ENDED;
		if (until_ms != 0 && left <= 0)
			return OUT_OF_TIME;
		if (getppid() != applier)
			return ORPHANED;
		if (until_ms != 0 && left < 1000) {
			wait.tv_sec = 0;
			wait.tv_nsec = (long)left * 1000000;
		}
		sig = sigtimedwait(set, NULL, &wait);
		if (sig == SIGUSR1)
			return WANTED_STOP;
	}
}

/* Ask first, then insist. */
static void
end_program(pid_t pid, const sigset_t *set, pid_t applier)
{
	int status;

	(void)kill(-pid, SIGTERM);
	(void)kill(pid, SIGTERM);
	(void)wait_for(pid, &status, now_ms() + GRACE_S * 1000, set, applier);
	(void)kill(-pid, SIGKILL);
	(void)kill(pid, SIGKILL);
}

void
hook_supervise(const struct hook_child *c, pid_t applier)
{
	const struct hook_exec *x = c->exec;
	enum hook_report_kind kind = HOOK_ENDED;
	int64_t until = 0;
	sigset_t set;
	int status = 0;
	pid_t pid;

	(void)sigfillset(&set);
	(void)sigprocmask(SIG_SETMASK, &set, NULL);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	if (!x->keep)
		(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGUSR1);
	if (x->timeout_s != 0)
		until = now_ms() + (int64_t)x->timeout_s * 1000;
	if ((pid = fork()) == -1) {
		say(c->report, HOOK_NOT_STARTED, errno, "fork");
		_exit(1);
	}
	if (pid == 0)
		run_program(c);
	/* Ours would keep the applier from seeing the end of the output. */
	if (c->output != -1)
		(void)close(c->output);
	switch (wait_for(pid, &status, until, &set, applier)) {
	case CHILD_ENDED:
		break;
	case OUT_OF_TIME:
		kind = HOOK_TIMED_OUT;
		end_program(pid, &set, applier);
		break;
	case WANTED_STOP:
	case ORPHANED:
		kind = HOOK_STOPPED;
		end_program(pid, &set, applier);
		break;
	}
	if (!x->keep || kind != HOOK_ENDED)
		kill_all(SIGKILL);
	say(c->report, kind, status, "");
	_exit(0);
}
