/*
 * killat - end a command and all its children at the n-th system call.
 *
 *	killat -c COMMAND...	run it whole, print how many points there are
 *	killat N COMMAND...	kill everything when point N (from 1) is about to
 *				happen: status 137; fewer points: the command's
 *
 * A point is the entry of any call, in any process or thread of the command,
 * that is not known to change nothing.  The call at which it is killed does not
 * take place.  By ptrace: Linux on x86-64 and arm64, not below an emulator.
 */
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KILLED = 137, TRACED_MAX = 4096 };
enum { OPTIONS = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK |
    PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC };

/* Reading, memory, time, signals, waiting: nothing that would stay. */
static const long harmless[] = {
	SYS_read, SYS_pread64, SYS_readv, SYS_preadv, SYS_close, SYS_lseek,
	SYS_newfstatat, SYS_fstat, SYS_statx, SYS_statfs, SYS_fstatfs, SYS_readlinkat,
	SYS_getdents64, SYS_faccessat, SYS_faccessat2, SYS_getxattr, SYS_fgetxattr,
	SYS_flistxattr, SYS_mmap, SYS_mprotect, SYS_munmap, SYS_mremap, SYS_brk,
	SYS_madvise, SYS_getpid, SYS_getppid, SYS_gettid, SYS_getuid, SYS_geteuid,
	SYS_getgid, SYS_getegid, SYS_getrandom, SYS_uname, SYS_sysinfo, SYS_futex,
	SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_prlimit64, SYS_rseq,
	SYS_set_tid_address, SYS_set_robust_list, SYS_sched_getaffinity,
	SYS_clock_gettime, SYS_clock_nanosleep, SYS_nanosleep, SYS_wait4, SYS_waitid,
	SYS_fcntl, SYS_ppoll, SYS_epoll_pwait, SYS_fadvise64,
#ifdef SYS_open
	SYS_access, SYS_stat, SYS_lstat, SYS_readlink, SYS_poll, SYS_epoll_wait,
	SYS_arch_prctl, SYS_getpgrp,
#endif
};

static pid_t traced[TRACED_MAX];	/* every one there ever was */
static size_t n_traced;

static bool
counts(long call)
{
	for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
		if (harmless[i] == call)
			return false;
	return true;
}

static void
remember(pid_t pid)
{
	for (size_t i = 0; i < n_traced; i++)
		if (traced[i] == pid)
			return;
	if (n_traced < TRACED_MAX)
		traced[n_traced++] = pid;
}

/* A child may be born in this very moment: those that still stop go too. */
static void
kill_all(void)
{
	int status;
	pid_t pid;

	for (size_t i = 0; i < n_traced; i++)
		(void)kill(traced[i], SIGKILL);
	while ((pid = waitpid(-1, &status, __WALL)) > 0)
		if (WIFSTOPPED(status))
			(void)kill(pid, SIGKILL);
}

static pid_t
start(char **command)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		(void)raise(SIGSTOP);
		(void)execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(long)OPTIONS) == -1) {
		perror("killat: trace");
		exit(2);
	}
	remember(pid);
	(void)ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	return pid;
}

/* Does pid stand at the entry of a call that counts? */
static bool
at_point(pid_t pid)
{
	struct ptrace_syscall_info info;

	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) > 0 &&
	    info.op == PTRACE_SYSCALL_INFO_ENTRY && counts((long)info.entry.nr);
}

/* Until the command and its children have ended, or point `want` is reached. */
static int
watch(pid_t command, unsigned long want, unsigned long *seen)
{
	int status, result = 0;
	bool runs = false;	/* the program itself, after exec */
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		int signal = 0, stop;

		remember(pid);
		if (!WIFSTOPPED(status)) {
			if (pid == command)
				result = WIFEXITED(status) ? WEXITSTATUS(status) :
				    128 + WTERMSIG(status);
			continue;
		}
		stop = WSTOPSIG(status);
		if (stop == (SIGTRAP | 0x80)) {
			if (runs && at_point(pid) && ++*seen == want) {
				kill_all();
				return KILLED;
			}
		} else if (stop == SIGTRAP) {
			runs = runs || status >> 16 == PTRACE_EVENT_EXEC;
		} else if (stop != SIGSTOP) {
			signal = stop;
		}
		(void)ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signal);
	}
	return result;
}

int
main(int argc, char **argv)
{
	unsigned long want, seen = 0;
	bool count;
	int status;

	if (argc < 3) {
		(void)fprintf(stderr, "usage: killat -c|N COMMAND...\n");
		return 2;
	}
	count = strcmp(argv[1], "-c") == 0;
	want = count ? 0 : strtoul(argv[1], NULL, 10);
	status = watch(start(argv + 2), want, &seen);
	if (count)
		(void)printf("%lu\n", seen);
	return status;
}
