/*
 * test_jail.c - what a decoder that somebody else took over can still do: a process
 * enters the jail and does it.
 */
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "apply/decode/jail.h"

#include "tests/lab/scratch.h"

enum { DONE = 10, IN_VAIN = 11, NO_JAIL = 12, SCRATCH = 4096, MEMORY = 8 << 20 };

static struct {
	int readable, scratch;		/* what it was given */
	int server;			/* a port that answers */
	char file[300];
	struct sockaddr_in address;
} given;

typedef bool deed(void);

/* The wait status of a process that did it in the jail. */
static int
status_of(deed *what)
{
	const struct jail jail = { MEMORY, SCRATCH };
	pid_t pid = fork();
	int status;

	assert_true(pid != -1);
	if (pid == 0) {
		struct err e = ERR_INIT;
		unsigned layers;

		if (jail_enter(&jail, &layers, &e) == -1)
			_exit(NO_JAIL);
		_exit(what() ? DONE : IN_VAIN);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static bool
open_for_reading(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) != -1;
}

static bool
open_for_writing(void)
{
	return open(given.file, O_WRONLY | O_CLOEXEC) != -1;
}

static bool
make_a_file(void)
{
	char path[320];

	(void)snprintf(path, sizeof path, "%s.new", given.file);
	return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) != -1;
}

static bool
remove_a_file(void)
{
	return unlink(given.file) == 0;
}

static bool
rename_a_file(void)
{
	char path[320];

	(void)snprintf(path, sizeof path, "%s.new", given.file);
	return rename(given.file, path) == 0;
}

static bool
change_a_mode(void)
{
	return chmod(given.file, 0777) == 0 || fchmod(given.readable, 0777) == 0;
}

static bool
shorten_a_file(void)
{
	return truncate(given.file, 0) == 0 || ftruncate(given.readable, 0) == 0;
}

static bool
open_again_for_writing(void)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", given.readable);
	return open(path, O_WRONLY | O_CLOEXEC) != -1;
}

static bool
write_what_is_for_reading(void)
{
	return pwrite(given.readable, "x", 1, 0) == 1;
}

static bool
write_more_than_the_scratch_space(void)
{
	return pwrite(given.scratch, "x", 1, SCRATCH) == 1;
}

static bool
connect_to_a_port(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd != -1 && connect(fd, (struct sockaddr *)&given.address,
	    sizeof given.address) == 0;
}

static bool
run_a_program(void)
{
	char name[] = "true", *argv[] = { name, NULL }, *env[] = { NULL };

	(void)execve("/bin/true", argv, env);
	return false;
}

static bool
signal_its_parent(void)
{
	return kill(getppid(), SIGCONT) == 0;
}

static bool
trace_its_parent(void)
{
	return ptrace(PTRACE_SEIZE, getppid(), NULL, NULL) != -1;
}

static bool
read_memory_of_its_parent(void)
{
	char byte;
	struct iovec to = { &byte, 1 }, from = { &given, 1 };

	return process_vm_readv(getppid(), &to, 1, &from, 1, 0) == 1;
}

static bool
become_root(void)
{
	return setresuid(0, 0, 0) == 0;
}

static bool
change_root(void)
{
	return chroot("/proc") == 0;
}

#if !JAIL_SANITIZED	/* which have no limit of memory and no list of calls */
static bool
leave_by_a_namespace(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
}

static bool
make_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED;
}

static bool
turn_memory_into_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	    -1, 0);

	return p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool
fork_another(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static bool
make_a_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) != -1;
}

static bool
take_much_memory(void)
{
	for (int i = 0; i < 16; i++)
		if (mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			return false;
	return true;
}
#endif

static const struct {
	const char *name;
	deed *what;
} deeds[] = {
	{ "open_for_reading", open_for_reading },
	{ "open_for_writing", open_for_writing },
	{ "make_a_file", make_a_file },
	{ "remove_a_file", remove_a_file },
	{ "rename_a_file", rename_a_file },
	{ "change_a_mode", change_a_mode },
	{ "shorten_a_file", shorten_a_file },
	{ "open_again_for_writing", open_again_for_writing },
	{ "write_what_is_for_reading", write_what_is_for_reading },
	{ "write_more_than_the_scratch_space", write_more_than_the_scratch_space },
	{ "connect_to_a_port", connect_to_a_port },
	{ "run_a_program", run_a_program },
	{ "signal_its_parent", signal_its_parent },
	{ "trace_its_parent", trace_its_parent },
	{ "read_memory_of_its_parent", read_memory_of_its_parent },
	{ "become_root", become_root },
	{ "change_root", change_root },
#if !JAIL_SANITIZED
	{ "leave_by_a_namespace", leave_by_a_namespace },
	{ "make_code", make_code },
	{ "turn_memory_into_code", turn_memory_into_code },
	{ "fork_another", fork_another },
	{ "make_a_socket", make_a_socket },
	{ "take_much_memory", take_much_memory },
#endif
};
enum { DEEDS = sizeof deeds / sizeof *deeds };

/* 0 and an end other than by us is a program that ran. */
static void
none_of_it_can_be_done(void **state)
{
	unsigned killed = 0, refused = 0;
	struct stat before, after;

	(void)state;
	assert_int_equal(stat(given.file, &before), 0);
	for (size_t i = 0; i < DEEDS; i++) {
		int status = status_of(deeds[i].what);

		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
			killed++;
		else if (WIFEXITED(status) && WEXITSTATUS(status) == IN_VAIN)
			refused++;
		else
			fail_msg("%s: wait status %#x", deeds[i].name, (unsigned)status);
	}
	assert_int_equal(stat(given.file, &after), 0);
	assert_memory_equal(&before.st_ctim, &after.st_ctim, sizeof before.st_ctim);
	print_message("# figure: deeds tried in the jail: %d, refused %u, killed for %u\n",
	    DEEDS, refused, killed);
}

/* The same by a process that is free, so that the test can fail. */
static void
a_free_process_can_do_it(void **state)
{
	static deed *const some[] = { open_for_reading, open_for_writing, make_a_file,
		open_again_for_writing, write_more_than_the_scratch_space,
		connect_to_a_port, change_a_mode };

	(void)state;
	for (size_t i = 0; i < sizeof some / sizeof *some; i++)
		assert_true(some[i]());
	assert_int_equal(ftruncate(given.scratch, 0), 0);
}

static bool
compute(void)
{
	char text[8] = "";
	uint8_t *p = malloc(MEMORY / 2);

	if (p == NULL)
		return false;
	memset(p, 1, MEMORY / 2);
	return pread(given.readable, text, 4, 0) == 4 && memcmp(text, "text", 4) == 0 &&
	    pwrite(given.scratch, "mine", 4, SCRATCH - 4) == 4 &&
	    lseek(given.readable, 0, SEEK_END) == 4;
}

static void
what_a_decoder_needs_is_left(void **state)
{
	int status = status_of(compute);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), DONE);
}

static unsigned
layers_here(void)
{
	const struct jail jail = { MEMORY, SCRATCH };
	pid_t pid = fork();
	int status;

	assert_true(pid != -1);
	if (pid == 0) {
		struct err e = ERR_INIT;
		unsigned layers;

		_exit(jail_enter(&jail, &layers, &e) == -1 ? 255 : (int)layers);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return (unsigned)WEXITSTATUS(status);
}

/* A kernel that has Landlock and seccomp uses them, and root is nobody afterwards. */
static void
every_layer_of_this_kernel_holds(void **state)
{
	unsigned layers = layers_here();

	(void)state;
	assert_int_not_equal(layers, 255);
	if (geteuid() == 0)
		assert_true((layers & JAIL_USER) != 0);
	if (syscall(444, NULL, 0, 1) > 0)
		assert_true((layers & JAIL_FILES) != 0);
	if (!JAIL_SANITIZED && access("/proc/sys/kernel/seccomp", F_OK) == 0)
		assert_true((layers & JAIL_CALLS) != 0);
}

/* ---- what it is given ---- */

static void
listen_somewhere(void)
{
	socklen_t n = sizeof given.address;

	given.address.sin_family = AF_INET;
	given.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	given.server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(given.server, (struct sockaddr *)&given.address, n), 0);
	assert_int_equal(listen(given.server, 1), 0);
	assert_int_equal(getsockname(given.server, (struct sockaddr *)&given.address,
	    &n), 0);
}

static int
set_up(void **state)
{
	struct scratch *s;
	int dir;

	if (scratch_open(state) != 0)
		return -1;
	s = *state;
	dir = s->dir;
	(void)snprintf(given.file, sizeof given.file, "%s/file", s->path);
	assert_true((given.scratch = openat(dir, "file", O_RDWR | O_CREAT | O_CLOEXEC,
	    0666)) != -1);
	assert_int_equal(write(given.scratch, "text", 4), 4);
	(void)close(given.scratch);
	given.readable = openat(dir, "file", O_RDONLY | O_CLOEXEC);
	given.scratch = openat(dir, "scratch", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(given.readable != -1 && given.scratch != -1);
	listen_somewhere();
	return 0;
}

static int
tear_down(void **state)
{
	(void)close(given.readable);
	(void)close(given.scratch);
	(void)close(given.server);
	return scratch_close(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_decoder_needs_is_left),
		cmocka_unit_test(every_layer_of_this_kernel_holds),
		cmocka_unit_test(none_of_it_can_be_done),
		cmocka_unit_test(a_free_process_can_do_it),
	};

	return cmocka_run_group_tests_name("jail", tests, set_up, tear_down);
}
