#include <sys/stat.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lab/lab.h"

enum { COMMAND_MAX = 16384, SHOW_MAX = 6000, RUN_SECONDS = 120 };

static void
die(const char *what)
{
	perror(what);
	abort();
}

static void
set_environment(const struct lab *l)
{
	static const char *const gone[] = { "CI", "SUDO_UID", "LD_PRELOAD", "http_proxy",
		"https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY" };
	const char *bin = getenv("BIN");
	char path[4200], real[4096];

	if (realpath(bin == NULL ? "build/bin" : bin, real) == NULL)
		die("the programs ($BIN)");
	(void)snprintf(path, sizeof path,
	    "%s:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", real);
	for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
		(void)unsetenv(gone[i]);
	if (setenv("PATH", path, 1) == -1 || setenv("HOME", l->dir, 1) == -1 ||
	    setenv("LC_ALL", "C.UTF-8", 1) == -1 || setenv("BIN", real, 1) == -1)
		die("setenv");
}

struct lab *
lab_open(void)
{
	struct lab *l = calloc(1, sizeof *l);
	const char *tmp = getenv("TMPDIR");

	if (l == NULL)
		die("calloc");
	(void)snprintf(l->dir, sizeof l->dir, "%s/lab.XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(l->dir) == NULL)
		die(l->dir);
	if (chmod(l->dir, 0755) == -1)
		die("chmod");
	set_environment(l);
	return l;
}

void
lab_close(struct lab *l)
{
	char command[700];

	if (l == NULL)
		return;
	lab_serve_stop(l);
	(void)snprintf(command, sizeof command,
	    "chmod -R u+rwx '%s' 2>/dev/null; rm -rf '%s'", l->dir, l->dir);
	if (getenv("LAB_KEEP") == NULL && system(command) != 0)
		(void)fprintf(stderr, "lab: %s is left\n", l->dir);
	free(l->out);
	free(l->err);
	free(l);
}

int
lab_setup(void **state)
{
	*state = lab_open();
	return 0;
}

int
lab_teardown(void **state)
{
	lab_close(*state);
	return 0;
}

static char *
slurp(const char *path, size_t *len)
{
	struct stat st;
	char *data = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return NULL;
	if (fstat(fd, &st) == -1 || (data = malloc((size_t)st.st_size + 1)) == NULL)
		die(path);
	if (read(fd, data, (size_t)st.st_size) != st.st_size)
		die(path);
	data[st.st_size] = '\0';
	*len = (size_t)st.st_size;
	(void)close(fd);
	return data;
}

static int
redirect(const char *path, int to, int flags)
{
	int fd = open(path, flags, 0600);

	return fd == -1 || dup2(fd, to) == -1 ? -1 : 0;
}

static void
child(const struct lab *l, const char *command)
{
	char out[320], errors[320];

	(void)snprintf(out, sizeof out, "%s/.lab-out", l->dir);
	(void)snprintf(errors, sizeof errors, "%s/.lab-err", l->dir);
	(void)setpgid(0, 0);
	if (chdir(l->dir) == -1 || redirect("/dev/null", 0, O_RDONLY) == -1 ||
	    redirect(out, 1, O_WRONLY | O_CREAT | O_TRUNC) == -1 ||
	    redirect(errors, 2, O_WRONLY | O_CREAT | O_TRUNC) == -1)
		_exit(125);
	(void)umask(022);
	(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(126);
}

static int
wait_bounded(pid_t pid)
{
	int status;

	for (int tenths = 0; tenths < RUN_SECONDS * 100; tenths++) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) :
			    128 + WTERMSIG(status);
		(void)usleep(tenths < 100 ? 1000 : 10000);
	}
	(void)kill(-pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	return 124;
}

static int
run_command(struct lab *l, const char *command)
{
	char path[320];
	pid_t pid = fork();

	if (pid == -1)
		die("fork");
	if (pid == 0)
		child(l, command);
	l->status = wait_bounded(pid);
	free(l->out);
	free(l->err);
	(void)snprintf(path, sizeof path, "%s/.lab-out", l->dir);
	l->out = slurp(path, &l->out_len);
	(void)snprintf(path, sizeof path, "%s/.lab-err", l->dir);
	l->err = slurp(path, &l->err_len);
	if (l->out == NULL || l->err == NULL)
		die("lab output");
	return l->status;
}

int
lab_run(struct lab *l, const char *fmt, ...)
{
	char command[COMMAND_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(command, sizeof command, fmt, ap);
	va_end(ap);
	return run_command(l, command);
}

static void expect(struct lab *, int, const char *, va_list)
    __attribute__((format(printf, 3, 0)));

static void
expect(struct lab *l, int status, const char *fmt, va_list ap)
{
	char command[COMMAND_MAX];

	(void)vsnprintf(command, sizeof command, fmt, ap);
	if (run_command(l, command) == status)
		return;
	print_error(
	    "in %s: %s\nstatus %d, expected %d\n-- stdout\n%.*s\n-- stderr\n%.*s\n",
	    l->dir, command, l->status, status, SHOW_MAX, l->out, SHOW_MAX, l->err);
	fail();
}

void
lab_ok(struct lab *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	expect(l, 0, fmt, ap);
	va_end(ap);
}

void
lab_expect(struct lab *l, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	expect(l, status, fmt, ap);
	va_end(ap);
}

bool
lab_said(const struct lab *l, const char *text)
{
	return strstr(l->out, text) != NULL || strstr(l->err, text) != NULL;
}

void
lab_must_say(const struct lab *l, const char *text)
{
	if (lab_said(l, text))
		return;
	print_error("expected to read: %s\n-- stdout\n%.*s\n-- stderr\n%.*s\n", text,
	    SHOW_MAX, l->out, SHOW_MAX, l->err);
	fail();
}

static void
full_path(const struct lab *l, const char *path, char out[static 4096])
{
	if (path[0] == '/')
		(void)snprintf(out, 4096, "%s", path);
	else
		(void)snprintf(out, 4096, "%s/%s", l->dir, path);
}

static void
make_parents(char *path)
{
	for (char *p = path + 1; *p != '\0'; p++)
		if (*p == '/') {
			*p = '\0';
			if (mkdir(path, 0755) == -1 && errno != EEXIST)
				die(path);
			*p = '/';
		}
}

void
lab_write_bytes(struct lab *l, const char *path, const void *data, size_t n)
{
	char full[4096];
	int fd;

	full_path(l, path, full);
	make_parents(full);
	if ((fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) == -1 ||
	    write(fd, data, n) != (ssize_t)n)
		die(full);
	(void)close(fd);
}

void
lab_write(struct lab *l, const char *path, const char *fmt, ...)
{
	char text[COMMAND_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	lab_write_bytes(l, path, text, strlen(text));
}

void
lab_fill(struct lab *l, const char *path, size_t n, unsigned seed)
{
	uint8_t *data = malloc(n + 1);
	uint64_t x = seed * 2654435761u + 1;

	if (data == NULL)
		die("malloc");
	for (size_t i = 0; i < n; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		data[i] = (uint8_t)(x >> 60);
	}
	lab_write_bytes(l, path, data, n);
	free(data);
}

char *
lab_read(struct lab *l, const char *path)
{
	char full[4096];
	size_t len;

	full_path(l, path, full);
	return slurp(full, &len);
}

struct lab *
lab_with_tree(void)
{
	struct lab *l = lab_open();

	lab_ok(l, "mkdelta init -q repo");
	lab_fill(l, "t/bin/app", 200000, 1);
	lab_write(l, "t/etc/app.conf", "colour = blue\n");
	lab_ok(l, "mkdir t/empty && ln -s bin/app t/app");
	return l;
}

bool
lab_exists(struct lab *l, const char *path)
{
	struct stat st;
	char full[4096];

	full_path(l, path, full);
	return lstat(full, &st) == 0;
}

void
lab_flip(struct lab *l, const char *path, long offset)
{
	char full[4096];
	size_t len = 0;
	char *data;

	full_path(l, path, full);
	if ((data = slurp(full, &len)) == NULL)
		die(full);
	offset = offset < 0 ? (long)len + offset : offset;
	data[offset] = (char)(data[offset] ^ 1);
	lab_write_bytes(l, path, data, len);
	free(data);
}

bool
lab_same_tree(struct lab *l, const char *a, const char *b)
{
	static const char list[] = "(cd '%s' && find . -path ./.delta/listing -prune -o "
	    "-path ./.delta/record.json -prune -o -path ./.delta/linked -prune -o "
	    "-path ./.delta/persist -prune -o -path ./.delta -empty -prune -o "
	    "-type f -printf '%%p f %%m %%s ' -exec sha256sum {} ';' -o -type l "
	    "-printf '%%p l %%l\\n' -o -printf '%%p %%y %%m\\n') | grep -v '^./.delta d' "
	    "| LC_ALL=C sort";
	char first[COMMAND_MAX / 2], second[COMMAND_MAX / 2];

	(void)snprintf(first, sizeof first, list, a);
	(void)snprintf(second, sizeof second, list, b);
	if (lab_run(l,
		"cd . && { %s; } > .tree-a && { %s; } > .tree-b && diff .tree-a .tree-b",
		first, second) == 0)
		return true;
	print_message("%s and %s differ:\n%.*s%.*s\n", a, b, SHOW_MAX, l->out, SHOW_MAX,
	    l->err);
	return false;
}

int
lab_free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (struct sockaddr *)&at, sizeof at) == -1 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) == -1)
		die("free port");
	(void)close(fd);
	return ntohs(at.sin_port);
}
