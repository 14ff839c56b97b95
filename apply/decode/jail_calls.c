/*
 * seccomp: system calls by list.  What a library may ask by the way is refused (EPERM),
 * all else ends the process.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>

#include "apply/decode/jail.h"

#if defined(__x86_64__) && !defined(__ILP32__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define MACHINE AUDIT_ARCH_I386
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define MACHINE AUDIT_ARCH_AARCH64
#elif defined(__arm__) && defined(__ARM_EABI__) && defined(__ARMEL__)
#define MACHINE AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define MACHINE AUDIT_ARCH_RISCV64
#elif defined(__s390x__)
#define MACHINE AUDIT_ARCH_S390X
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define MACHINE AUDIT_ARCH_PPC64LE
#endif

#ifdef MACHINE

#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS 0x80000000U
#endif

enum { X32 = 0x40000000, BLOCK_MAX = 256 };

/* Files that are open, memory, the end. */
static const int allowed[] = {
	SYS_read, SYS_write, SYS_pread64, SYS_pwrite64, SYS_lseek, SYS_close,
	SYS_recvmsg, SYS_sendmsg, SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise,
	SYS_futex, SYS_clock_gettime, SYS_getrandom, SYS_sched_yield, SYS_exit,
	SYS_exit_group, SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_restart_syscall,
	SYS_getpid, SYS_gettid,
#ifdef SYS__llseek
	SYS__llseek,
#endif
#ifdef SYS_futex_time64
	SYS_futex_time64,
#endif
#ifdef SYS_clock_gettime64
	SYS_clock_gettime64,
#endif
#ifdef SYS_sigreturn
	SYS_sigreturn,
#endif
};

/* Allowed when the memory is not to be executed. */
static const int mapping[] = {
	SYS_mprotect,
#ifdef SYS_mmap2
	SYS_mmap2,
#else
	SYS_mmap,
#endif
};

/* Harmless to ask in vain. */
static const int refused[] = {
	SYS_openat, SYS_faccessat, SYS_readlinkat, SYS_statx, SYS_fstat, SYS_ioctl,
	SYS_fcntl, SYS_uname, SYS_sysinfo, SYS_prlimit64, SYS_sched_getaffinity,
	SYS_getcwd, SYS_geteuid, SYS_getuid,
#ifdef SYS_newfstatat
	SYS_newfstatat,
#endif
#ifdef SYS_fstat64
	SYS_fstat64, SYS_fcntl64,
#endif
#ifdef SYS_fstatat64
	SYS_fstatat64,
#endif
#ifdef SYS_open
	SYS_open, SYS_access, SYS_stat, SYS_readlink,
#endif
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

struct program {
	struct sock_filter block[BLOCK_MAX];
	unsigned short n;
};

static void
add(struct program *p, unsigned code, unsigned k, unsigned char yes, unsigned char no)
{
	p->block[p->n++] = (struct sock_filter){ (unsigned short)code, yes, no, k };
}

static void
load(struct program *p, size_t offset)
{
	add(p, BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0);
}

static void
end(struct program *p, unsigned result)
{
	add(p, BPF_RET | BPF_K, result, 0, 0);
}

static void
add_list(struct program *p, const int *list, size_t n, unsigned result)
{
	for (size_t i = 0; i < n; i++) {
		add(p, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)list[i], 0, 1);
		end(p, result);
	}
}

/* The lower half of the third argument, which are flags of protection. */
static void
add_mapping(struct program *p)
{
	size_t at = offsetof(struct seccomp_data, args[2]) +
	    (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? sizeof(uint32_t) : 0);

	for (size_t i = 0; i < COUNT(mapping); i++) {
		add(p, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)mapping[i], 0, 4);
		load(p, at);
		add(p, BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1);
		end(p, SECCOMP_RET_KILL_PROCESS);
		end(p, SECCOMP_RET_ALLOW);
	}
}

static void
make(struct program *p)
{
	load(p, offsetof(struct seccomp_data, arch));
	add(p, BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0);
	end(p, SECCOMP_RET_KILL_PROCESS);
	load(p, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
	add(p, BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1);
	end(p, SECCOMP_RET_KILL_PROCESS);
#endif
	add_list(p, allowed, COUNT(allowed), SECCOMP_RET_ALLOW);
	add_mapping(p);
	add_list(p, refused, COUNT(refused), SECCOMP_RET_ERRNO | EPERM);
	end(p, SECCOMP_RET_KILL_PROCESS);
}

_Static_assert(7 + 2 * (COUNT(allowed) + COUNT(refused)) + 5 * COUNT(mapping) < BLOCK_MAX,
    "the filter has room");

int
jail_calls(struct err *e)
{
	struct program p = { .n = 0 };
	struct sock_fprog filter = { 0, p.block };

	/* Who has it looks at the program first: EFAULT.  Emulators have not. */
	if (JAIL_SANITIZED || (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) == -1 &&
	    errno == EINVAL))
		return 0;
	make(&p);
	filter.len = p.n;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == -1)
		return err_sys(e, "seccomp");
	return 1;
}

#else

int
jail_calls(struct err *e)
{
	(void)e;
	return 0;
}

#endif
