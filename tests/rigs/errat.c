/*
 * errat - one system call of a program fails.
 *
 *	errat -c FROM COMMAND...	run it whole; to descriptor 9: a line "NAME N WRITES"
 *					for each call, WRITES 1 where it may write
 *	errat NAME N ERROR FROM COMMAND...	the N-th call (from 1) of this name does
 *					not take place and returns ERROR, a number;
 *					0: a read or write of several bytes is cut to one
 *
 * Counted are the calls of the program itself, not of its children, from the first
 * open of a file whose path ends with FROM on (before is the loader's); those for
 * memory are left out (oom.c).  Status: the command's, 128 + signal.  By ptrace: Linux
 * on x86-64 alone.
 */
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __x86_64__

enum { WRITE_FLAGS = O_WRONLY | O_RDWR | O_CREAT, BROKEN = 98 };

#define NAMED(c) { SYS_##c, #c }
static const struct {
	long number;
	const char *name;
} names[] = {
	NAMED(read), NAMED(pread64), NAMED(readv), NAMED(write), NAMED(pwrite64),
	NAMED(writev), NAMED(open), NAMED(openat), NAMED(openat2), NAMED(close),
	NAMED(newfstatat), NAMED(fstat), NAMED(stat), NAMED(lstat), NAMED(statx),
	NAMED(statfs), NAMED(fstatfs), NAMED(readlink), NAMED(readlinkat),
	NAMED(getdents64), NAMED(lseek), NAMED(access), NAMED(faccessat),
	NAMED(faccessat2), NAMED(ftruncate), NAMED(fallocate), NAMED(copy_file_range),
	NAMED(mkdirat), NAMED(symlinkat), NAMED(linkat), NAMED(renameat),
	NAMED(renameat2), NAMED(unlinkat), NAMED(fchmod), NAMED(fchmodat), NAMED(fchown),
	NAMED(fchownat), NAMED(utimensat), NAMED(fsetxattr), NAMED(fgetxattr),
	NAMED(flistxattr), NAMED(fsync), NAMED(fdatasync), NAMED(syncfs), NAMED(clone),
	NAMED(clone3), NAMED(vfork), NAMED(pipe2), NAMED(socket), NAMED(flock),
	NAMED(fcntl), NAMED(ioctl), NAMED(getrandom), NAMED(dup), NAMED(dup2),
	NAMED(dup3), NAMED(socketpair), NAMED(sendmsg), NAMED(recvmsg),
	NAMED(poll), NAMED(ppoll), NAMED(wait4), NAMED(waitid), NAMED(eventfd2),
};

/* -1: one that is left out. */
static int
kind_of(long number)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].number == number)
			return (int)i;
	return -1;
}

static bool
path_ends_with(pid_t pid, unsigned long long at, const char *end)
{
	char path[4096] = "";
	struct iovec to = { path, sizeof path - 1 };
	struct iovec from = { (void *)(uintptr_t)at, sizeof path - 1 };
	size_t n, e = strlen(end);

	/* A path may stand at the end of what is mapped: up to the end of its page. */
	from.iov_len = 4096 - at % 4096;
	to.iov_len = from.iov_len > sizeof path - 1 ? sizeof path - 1 : from.iov_len;
	if (process_vm_readv(pid, &to, 1, &from, 1, 0) <= 0)
		return false;
	n = strlen(path);
	return n >= e && strcmp(path + n - e, end) == 0;
}

static bool
is_open_of(pid_t pid, const struct user_regs_struct *r, const char *end)
{
	if (r->orig_rax == SYS_open)
		return path_ends_with(pid, r->rdi, end);
	return (r->orig_rax == SYS_openat || r->orig_rax == SYS_openat2) &&
	    path_ends_with(pid, r->rsi, end);
}

static bool
may_write(pid_t pid, const struct user_regs_struct *r)
{
	if (r->orig_rax == SYS_open)
		return (r->rsi & WRITE_FLAGS) != 0;
	if (r->orig_rax == SYS_openat)
		return (r->rdx & WRITE_FLAGS) != 0;
	if (r->orig_rax == SYS_openat2)
		return ((unsigned long)ptrace(PTRACE_PEEKDATA, pid, r->rdx, NULL) &
		    WRITE_FLAGS) != 0;
	return false;
}

/* At the entry of the call: it is left out, or does less.  A descriptor is closed
 * whatever close() returns. */
static void
spoil(pid_t pid, struct user_regs_struct *r, int error)
{
	if (r->orig_rax == SYS_close)
		return;
	if (error != 0)
		r->orig_rax = (unsigned long long)-1;
	else if (r->rdx > 1)
		r->rdx = 1;
	if (ptrace(PTRACE_SETREGS, pid, NULL, r) == -1)
		_exit(BROKEN);
}

static void
give(pid_t pid, int error)
{
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &r) == -1)
		_exit(BROKEN);
	r.rax = (unsigned long long)-error;
	if (ptrace(PTRACE_SETREGS, pid, NULL, &r) == -1)
		_exit(BROKEN);
}

struct watch {
	unsigned long want;		/* 0: only count */
	unsigned long seen[sizeof names / sizeof *names];
	const char *name;
	int error;
	const char *from;
	bool counting, inside, spoilt;
};

static void
entry_or_exit(struct watch *w, pid_t pid)
{
	struct user_regs_struct r;
	int kind;

	w->inside = !w->inside;
	if (!w->inside) {
		if (w->spoilt && w->error != 0)
			give(pid, w->error);
		w->spoilt = false;
		return;
	}
	if (ptrace(PTRACE_GETREGS, pid, NULL, &r) == -1)
		_exit(BROKEN);
	w->counting = w->counting || is_open_of(pid, &r, w->from);
	if (!w->counting || (kind = kind_of((long)r.orig_rax)) == -1)
		return;
	w->seen[kind]++;
	if (w->want == 0)
		(void)dprintf(9, "%s %lu %d\n", names[kind].name, w->seen[kind],
		    may_write(pid, &r));
	else if (w->seen[kind] == w->want && strcmp(names[kind].name, w->name) == 0) {
		w->spoilt = true;
		spoil(pid, &r, w->error);
	}
}

static int
watch(pid_t pid, struct watch *w)
{
	int status;

	for (;;) {
		int signal = 0;

		if (waitpid(pid, &status, 0) != pid)
			return BROKEN;
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		if (WIFSIGNALED(status))
			return 128 + WTERMSIG(status);
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			entry_or_exit(w, pid);
		else if (WSTOPSIG(status) != SIGTRAP)
			signal = WSTOPSIG(status);
		(void)ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signal);
	}
}

static pid_t
start(char **command)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)close(9);
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		(void)raise(SIGSTOP);
		(void)execvp(command[0], command);
		_exit(127);
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(long)(PTRACE_O_TRACESYSGOOD |
	    PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC)) == -1)
		exit(BROKEN);
	(void)ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	return pid;
}

int
main(int argc, char **argv)
{
	bool count = argc > 3 && strcmp(argv[1], "-c") == 0;
	struct watch w = { 0 };

	if (argc < (count ? 4 : 6))
		return BROKEN;
	w.name = argv[1];
	w.want = count ? 0 : strtoul(argv[2], NULL, 10);
	w.error = count ? 0 : (int)strtol(argv[3], NULL, 10);
	w.from = argv[count ? 2 : 4];
	return watch(start(argv + (count ? 3 : 5)), &w);
}

#else

int
main(void)
{
	return 98;
}

#endif
