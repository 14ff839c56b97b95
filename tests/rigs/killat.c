/*
 * killat - end a command and all its children at the n-th system call.
 *
 *	killat -c COMMAND...	run it whole, print how many points there are
 *	killat N COMMAND...	kill everything when point N (from 1) is about to
 *				happen: status 137; fewer points: the command's
 *
 * A point is the entry of any call, in any process or thread of the command, but for
 * those known to change nothing that outlives the process: to die there is to die at
 * the next point.  The call at which it is killed does not take place.  A seccomp
 * filter stops at points alone; by ptrace: Linux on x86-64 and arm64, not below an
 * emulator.
 */
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KILLED = 137, TRACED_MAX = 4096, FILTER_MAX = 300 };
enum { OPTIONS = PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK |
    PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC };

/* Opened for more than reading. */
enum { WRITES = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND };

/* Reading, memory, time, signals, waiting, descriptors, the network. */
static const unsigned harmless[] = {
	SYS_read, SYS_pread64, SYS_readv, SYS_preadv, SYS_close, SYS_close_range,
	SYS_lseek, SYS_newfstatat, SYS_fstat, SYS_statx, SYS_statfs, SYS_fstatfs,
	SYS_readlinkat, SYS_getdents64, SYS_faccessat, SYS_faccessat2, SYS_getxattr,
	SYS_fgetxattr, SYS_lgetxattr, SYS_listxattr, SYS_flistxattr, SYS_mmap,
	SYS_mprotect, SYS_munmap, SYS_mremap, SYS_brk, SYS_madvise, SYS_membarrier,
	SYS_getpid, SYS_getppid, SYS_gettid, SYS_getuid, SYS_geteuid, SYS_getgid,
	SYS_getegid, SYS_getpgid, SYS_getsid, SYS_getgroups, SYS_getrandom, SYS_uname,
	SYS_sysinfo, SYS_futex, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn,
	SYS_rt_sigtimedwait, SYS_sigaltstack, SYS_prlimit64, SYS_rseq,
	SYS_set_tid_address, SYS_set_robust_list, SYS_sched_getaffinity,
	SYS_sched_yield, SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday,
	SYS_clock_nanosleep, SYS_nanosleep, SYS_wait4, SYS_waitid, SYS_fcntl, SYS_flock,
	SYS_ppoll, SYS_pselect6, SYS_epoll_pwait, SYS_epoll_create1, SYS_epoll_ctl,
	SYS_eventfd2, SYS_fadvise64, SYS_pipe2, SYS_dup, SYS_dup3, SYS_chdir,
	SYS_fchdir, SYS_getcwd, SYS_umask, SYS_prctl, SYS_socket, SYS_socketpair,
	SYS_connect, SYS_bind, SYS_sendto, SYS_sendmsg, SYS_sendmmsg, SYS_recvfrom,
	SYS_recvmsg, SYS_getsockname, SYS_getpeername, SYS_getsockopt, SYS_setsockopt,
	SYS_shutdown,
#ifdef SYS_open
	SYS_access, SYS_stat, SYS_lstat, SYS_readlink, SYS_poll, SYS_select,
	SYS_epoll_wait, SYS_arch_prctl, SYS_getpgrp, SYS_pipe, SYS_dup2, SYS_time,
#endif
};

static pid_t traced[TRACED_MAX];	/* every one there ever was */
static size_t n_traced;

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

static size_t
add(struct sock_filter *at, size_t n, struct sock_filter one)
{
	if (n == FILTER_MAX)
		abort();
	at[n] = one;
	return n + 1;
}

/* Allowed when it is called, or, with the flags in argument `flags`, when it reads. */
static size_t
allow(struct sock_filter *f, size_t n, unsigned call, int flags)
{
	const unsigned at = (unsigned)(offsetof(struct seccomp_data, args) +
	    8 * (size_t)(flags < 0 ? 0 : flags));

	n = add(f, n, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0,
	    (unsigned char)(flags < 0 ? 1 : 4)));
	if (flags >= 0) {
		n = add(f, n, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at));
		n = add(f, n, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K,
		    WRITES, 0, 1));
		n = add(f, n, (struct sock_filter)BPF_STMT(BPF_RET, SECCOMP_RET_TRACE));
	}
	return add(f, n, (struct sock_filter)BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW));
}

/* From here on every point of this process and its children stops it. */
static int
stop_at_points(void)
{
	static struct sock_filter f[FILTER_MAX];
	struct sock_fprog program = { 0, f };
	size_t n = add(f, 0, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, nr)));

	for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
		n = allow(f, n, harmless[i], -1);
	n = allow(f, n, SYS_openat, 2);
#ifdef SYS_open
	n = allow(f, n, SYS_open, 1);
#endif
	n = add(f, n, (struct sock_filter)BPF_STMT(BPF_RET, SECCOMP_RET_TRACE));
	program.len = (unsigned short)n;
	if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

static pid_t
start(char **command)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		(void)raise(SIGSTOP);
		if (stop_at_points() == 0)
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
	(void)ptrace(PTRACE_CONT, pid, NULL, NULL);
	return pid;
}

/* Until the command and its children have ended, or point `want` is reached. */
static int
watch(pid_t command, unsigned long want, unsigned long *seen)
{
	int status, result = 0;
	bool runs = false;	/* the program itself, after exec */
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		int signal = 0, stop, event;

		remember(pid);
		if (!WIFSTOPPED(status)) {
			if (pid == command)
				result = WIFEXITED(status) ? WEXITSTATUS(status) :
				    128 + WTERMSIG(status);
			continue;
		}
		stop = WSTOPSIG(status);
		event = status >> 16;
		if (event == PTRACE_EVENT_SECCOMP) {
			if (runs && ++*seen == want) {
				kill_all();
				return KILLED;
			}
		} else if (stop == SIGTRAP) {
			runs = runs || event == PTRACE_EVENT_EXEC;
		} else if (stop != SIGSTOP) {
			signal = stop;
		}
		(void)ptrace(PTRACE_CONT, pid, NULL, (void *)(long)signal);
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
