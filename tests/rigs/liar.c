/*
 * liar - a delta-apply-decode that somebody else took over.
 *
 * It stands in the place of the decoder and passes all on to the true one, `true` in
 * its own folder, until the first answer about content.  Then it tells the lie that
 * the file `lie` beside it names.  Its process id goes to `pid` there.
 */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/err.h"

#include "apply/decode/wire.h"

enum { UP, BROKEN = 98, HUGE_BYTES = 100 * 1024 };

static char folder[PATH_MAX - 32];
static char lie[64];
static struct wire packet;

static const char *
beside(const char *name)
{
	static char path[PATH_MAX];

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void
find_lie(void)
{
	ssize_t n = readlink("/proc/self/exe", folder, sizeof folder - 1);
	FILE *f;

	folder[n > 0 ? n : 0] = '\0';
	if (n <= 0 || strrchr(folder, '/') == NULL)
		exit(BROKEN);
	*strrchr(folder, '/') = '\0';
	if ((f = fopen(beside("pid"), "a")) == NULL)
		exit(BROKEN);
	(void)fprintf(f, "%d\n", (int)getpid());
	(void)fclose(f);
	if ((f = fopen(beside("lie"), "r")) == NULL || fscanf(f, "%63s", lie) != 1)
		exit(BROKEN);
	(void)fclose(f);
}

static bool
is(const char *name)
{
	return strcmp(lie, name) == 0;
}

static void
say(uint32_t kind, uint32_t code, uint64_t number, const void *data, size_t n, int fd)
{
	const struct wire_head head = { kind, code, number };

	if (wire_send(UP, &head, data, n, fd) == -1)
		exit(1);
}

/* Heads that no decoder says. */
static const struct {
	const char *lie;
	uint32_t kind, code;
	uint64_t number;
} words[] = {
	{ "nothing-behind", WIRE_OLD, 0, UINT64_C(1) << 63 },
	{ "a-folder", WIRE_OLD, 0, 0 },
	{ "repeat-what-is-not", WIRE_REPEAT, 0, UINT64_C(1) << 40 },
	{ "done-at-once", WIRE_DONE, 0, 0 },
	{ "an-entry", WIRE_ENTRY, 1, 5 },
	{ "no-bytes", WIRE_BYTES, 0, 0 },
	{ "ready-again", WIRE_READY, 0, 15 },
	{ "a-word-that-is-none", 0xffffffff, 1, 1 },
	{ "interrupted", WIRE_ERROR, ERR_CANCEL, 0 },
	{ "scratch", WIRE_SCRATCH, 0, 0 },
};

static void
tell(void)
{
	static uint8_t bytes[HUGE_BYTES];
	const char red[] = "\033[2J\007gone";

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (is(words[i].lie))
			say(words[i].kind, words[i].code, words[i].number, NULL, 0, -1);
	if (is("killed"))
		(void)raise(SIGKILL);
	if (is("crash")) {
		(void)signal(SIGSEGV, SIG_DFL);		/* sanitizers catch it */
		(void)raise(SIGSEGV);
	}
	if (is("exit"))
		exit(3);
	if (is("ends-the-talk"))
		(void)close(UP);
	while (is("without-end"))
		say(WIRE_BYTES, 0, 0, bytes, WIRE_DATA_MAX, -1);
	while (is("scratch"))
		say(WIRE_SCRATCH, 0, 0, NULL, 0, -1);
	if (is("a-descriptor"))
		say(WIRE_BYTES, 0, 0, bytes, 1, 2);
	if (is("a-crumb"))
		(void)send(UP, bytes, 3, 0);
	if (is("a-mountain"))
		(void)send(UP, bytes, sizeof bytes, 0);
	if (is("poison"))
		say(WIRE_ERROR, 77, 1, red, sizeof red, -1);
	for (;;)
		(void)pause();
}

/* Any other byte, and all goes on. */
static bool
is_small_lie(void)
{
	if (is("another-byte") && packet.head.kind == WIRE_BYTES) {
		packet.data[0] ^= 1;
		(void)strcpy(lie, "none");
	}
	return is("another-byte") || is("none");
}

static int
start_true(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		exit(BROKEN);
	switch (fork()) {
	case -1:
		exit(BROKEN);
	case 0:
		if (dup2(pair[1], 0) == -1)
			_exit(BROKEN);
		(void)execl(beside("true"), "true", (char *)NULL);
		_exit(BROKEN);
	default:
		(void)close(pair[1]);
		return pair[0];
	}
}

static void
pass(int from, int to)
{
	int fd, rc = wire_recv(from, &packet, &fd);

	if (rc != 1)
		exit(rc == 0 ? 0 : BROKEN);
	if (wire_send(to, &packet.head, packet.data, packet.n, fd) == -1)
		exit(1);
	if (fd != -1)
		(void)close(fd);
}

int
main(void)
{
	bool armed = false;
	int down;

	find_lie();
	down = start_true();
	for (;;) {
		struct pollfd p[2] = { { UP, POLLIN, 0 }, { down, POLLIN, 0 } };

		if (poll(p, 2, -1) == -1)
			continue;
		if (p[0].revents != 0) {
			pass(UP, down);
			armed |= packet.head.kind == WIRE_BUILD ||
			    packet.head.kind == WIRE_TAKE;
		}
		if (p[1].revents == 0)
			continue;
		if (!armed) {
			pass(down, UP);
		} else if (wire_recv(down, &packet, NULL) != 1) {
			exit(0);
		} else {
			if (!is_small_lie())
				tell();
			say(packet.head.kind, packet.head.code, packet.head.number,
			    packet.data, packet.n, -1);
		}
	}
}
