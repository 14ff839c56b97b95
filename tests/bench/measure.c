/*
 * measure SECONDS PROGRAM WORD... - run it, and say what it took on descriptor 3:
 * "status cpu-microseconds peak-KiB", the CPU time of it and all it waited for, and
 * the largest memory that one of these processes had.
 *
 * A process of its own, because the peak that the kernel reports begins with what the
 * parent had when it forked.
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile pid_t child;

static void
too_long(int number)
{
	(void)number;
	(void)kill(-child, SIGKILL);
}

static long long
micros(struct timeval t)
{
	return (long long)t.tv_sec * 1000000 + t.tv_usec;
}

int
main(int argc, char **argv)
{
	struct rusage used;
	int status;

	if (argc < 3)
		return 2;
	if ((child = fork()) == 0) {
		(void)setpgid(0, 0);
		(void)close(3);
		(void)execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (child == -1)
		return 1;
	(void)setpgid(child, child);
	(void)signal(SIGALRM, too_long);
	(void)alarm((unsigned)atoi(argv[1]));
	while (wait4(child, &status, 0, &used) == -1)
		if (errno != EINTR)
			return 1;
	(void)dprintf(3, "%d %lld %ld\n", status, micros(used.ru_utime) +
	    micros(used.ru_stime), used.ru_maxrss);
	return 0;
}
