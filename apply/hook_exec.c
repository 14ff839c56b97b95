#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"
#include "manifest/base/log.h"

#include "apply/hook_exec.h"

enum { HALF = HOOK_OUTPUT_MAX / 2 };

int
hook_output_init(struct hook_output *o, struct err *e)
{
	memset(o, 0, sizeof *o);
	o->head = malloc(HALF);
	o->tail = malloc(HALF);
	if (o->head != NULL && o->tail != NULL)
		return 0;
	hook_output_free(o);
	return err_set(e, ERR_NOMEM, "out of memory");
}

void
hook_output_free(struct hook_output *o)
{
	free(o->head);
	free(o->tail);
	memset(o, 0, sizeof *o);
}

void
hook_output_add(struct hook_output *o, const void *data, size_t n)
{
	const uint8_t *p = data;
	size_t first = HALF - o->head_len;

	if (first > n)
		first = n;
	memcpy(o->head + o->head_len, p, first);
	o->head_len += first;
	for (p += first, n -= first; n > 0; p++, n--)
		o->tail[o->tail_total++ % HALF] = *p;
}

/* The interpreter that "#!" names, in place; NULL when there is no such line. */
static char *
interpreter(char *text, size_t n, bool *carriage_return)
{
	char *end = memchr(text, '\n', n), *name = text + 2;

	*carriage_return = false;
	if (n < 3 || memcmp(text, "#!", 2) != 0 || end == NULL)
		return NULL;
	*end = '\0';
	if (end > name && end[-1] == '\r') {
		*carriage_return = true;
		end[-1] = '\0';
	}
	name += strspn(name, " \t");
	name[strcspn(name, " \t")] = '\0';
	return name;
}

int
hook_exec_check(const struct hook_exec *x, struct err *e)
{
	char text[512], shown[256];
	bool carriage_return;
	struct stat st;
	const char *name;
	ssize_t got;
	int fd;

	if (x->path == NULL)
		return 0;
	if ((fd = open(x->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1)
		return err_sys(e, "%s: %s", x->what, x->path);
	got = fstat(fd, &st) == -1 ? -1 : 0;
	if (got == 0 && S_ISREG(st.st_mode))
		do {
			got = pread(fd, text, sizeof text - 1, 0);
		} while (got == -1 && errno == EINTR);
	if (got == -1)
		(void)err_sys(e, "%s: %s", x->what, x->path);
	(void)close(fd);
	if (got == -1)
		return -1;
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_POLICY, "%s: %s is no file", x->what, x->path);
	if ((st.st_mode & 0111) == 0)
		return err_set(e, ERR_POLICY, "%s: %s is not executable; chmod +x it",
		    x->what, x->path);
	text[got] = '\0';
	name = interpreter(text, (size_t)got, &carriage_return);
	if (name == NULL)
		return 0;
	(void)text_printable(shown, sizeof shown, name, strlen(name), false);
	if (carriage_return)
		return err_set(e, ERR_POLICY,
		    "%s: %s: the interpreter line (%s) ends in a"
		    " carriage return; save it with Unix line ends",
		    x->what, x->path, shown);
	if (access(name, X_OK) == 0)
		return 0;
	(void)err_sys(e, "%s: %s: its interpreter %s", x->what, x->path, shown);
	if (e->sys == ENOENT || e->sys == ENOTDIR || e->sys == EACCES || e->sys == ELOOP)
		e->code = ERR_POLICY;
	return -1;
}

/* Take in what it prints until it ends; a signal for us is passed on. */
static int
read_output(int fd, struct hook_output *o, pid_t supervisor)
{
	uint8_t block[8192];
	bool told = false;

	for (;;) {
		struct pollfd p = { fd, POLLIN, 0 };
		ssize_t got;

		if (cancel_wanted() && !told) {
			(void)kill(supervisor, SIGUSR1);
			told = true;
		}
		if (poll(&p, 1, 500) == -1 && errno != EINTR)
			return told;
		if ((p.revents & (POLLIN | POLLHUP | POLLERR)) == 0)
			continue;
		got = read(fd, block, sizeof block);
		if (got == 0 || (got == -1 && errno != EINTR))
			return told;
		if (got > 0 && o != NULL)
			hook_output_add(o, block, (size_t)got);
	}
}

static int
judge(const struct hook_exec *x, const struct hook_report *report, struct err *e)
{
	int status = report->value;

	switch (report->kind) {
	case HOOK_NOT_STARTED:
		errno = status;
		if (status == ENOEXEC)
			return err_set(e, ERR_POLICY, "%s: neither a program nor a script"
			    " with an interpreter line", x->what);
		(void)err_sys(e, "%s: cannot %s", x->what, report->doing);
		e->code = e->code == ERR_NOMEM ? ERR_NOMEM : ERR_POLICY;
		return -1;
	case HOOK_TIMED_OUT:
		return err_set(e, ERR_POLICY, "%s: not done after %u s", x->what,
		    x->timeout_s);
	case HOOK_STOPPED:
		return err_set(e, ERR_CANCEL, "%s: interrupted", x->what);
	case HOOK_ENDED:
		break;
	}
	if (WIFSIGNALED(status))
		return err_set(e, ERR_POLICY, "%s: killed by signal %d (%s)", x->what,
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) != 0)
		return err_set(e, ERR_POLICY, "%s: exit status %d", x->what,
		    WEXITSTATUS(status));
	return 0;
}

/* The first report counts: a program that could not be started also ends. */
static int
collect(const struct hook_exec *x, int fd, pid_t supervisor, struct err *e)
{
	struct hook_report report;
	size_t have = 0;
	ssize_t got = 1;

	while (waitpid(supervisor, NULL, 0) == -1 && errno == EINTR)
		continue;
	while (have < sizeof report && got != 0 && (got != -1 || errno == EINTR)) {
		got = read(fd, (uint8_t *)&report + have, sizeof report - have);
		have += got > 0 ? (size_t)got : 0;
	}
	if (have < sizeof report && got == -1)
		return err_set(e, ERR_FAIL, "%s: nothing is known of its end: %s",
		    x->what, strerror(errno));
	if (have < sizeof report)
		return err_set(e, ERR_FAIL, "%s: nothing is known of its end", x->what);
	return judge(x, &report, e);
}

static void
close_two(int fds[2])
{
	int i;

	for (i = 0; i < 2; i++)
		if (fds[i] != -1)
			(void)close(fds[i]);
}

int
hook_exec(const struct hook_exec *x, struct hook_output *o, struct err *e)
{
	int output[2] = { -1, -1 }, report[2] = { -1, -1 }, alive[2] = { -1, -1 },
	    rc = -1;
	struct hook_child child;
	pid_t applier = getpid(), pid;

	if (hook_exec_check(x, e) == -1)
		return -1;
	/* Non-blocking: a report that was never written must not hang us. */
	if (pipe2(report, O_CLOEXEC | O_NONBLOCK) == -1 ||
	    pipe2(alive, O_CLOEXEC) == -1 ||
	    (!x->keep && pipe2(output, O_CLOEXEC) == -1)) {
		(void)err_sys(e, "%s: pipe", x->what);
		goto out;
	}
	if ((pid = fork()) == -1) {
		(void)err_sys(e, "%s: fork", x->what);
		goto out;
	}
	if (pid == 0) {
		child.exec = x;
		child.output = output[1];
		child.report = report[1];
		hook_supervise(&child, applier);
	}
	if (output[1] != -1)
		(void)close(output[1]);
	(void)close(alive[1]);
	output[1] = alive[1] = -1;
	/* Without output the supervisor's own end of `alive` tells of its end. */
	(void)read_output(x->keep ? alive[0] : output[0], o, pid);
	rc = collect(x, report[0], pid, e);
out:
	close_two(output);
	close_two(alive);
	close_two(report);
	return rc;
}
