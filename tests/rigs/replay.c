/*
 * replay - every disk that a power cut may have left, out of what logdisk wrote down.
 *
 *	replay [-t FS] [-o OPTIONS] [-r RANDOM] [-p PREFIXES] [-s SEED] [-j I/N]
 *	    IMAGE LOG FOLDER CHECK...
 *
 * A state is IMAGE with all writes before the last flush, and of those after it (an
 * epoch) the first few (at most PREFIXES of each epoch, default 64) or a random subset
 * (RANDOM of each, default 8), some of these with blocks of 4096 bytes missing in the
 * middle of a write.  Each state is mounted at FOLDER, in a mount namespace of our own,
 * and CHECK is run, with the last mark before the cut in $RIG_MARK and the state's name
 * in $RIG_STATE.  Status 0: the state is as it should be.  One that does not mount is a
 * violation.  -j: every N-th state only, so that N of us share the work.
 *
 * Exit status 0: no violations, 1: some, 2: it could not run.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/rigs/rec.h"

enum { BLOCK = 4096, MARK_MAX = 64, NAME_LEN = 64 };

struct event {
	uint32_t type, len;
	uint64_t off;
	const uint8_t *data;
};

static const char *filesystem = "ext4", *options = "", *folder;
static char **check;
static unsigned randoms = 8, prefixes = 64, share, shares = 1, turn;
static unsigned long states, violations, unmountable;
static uint64_t dice = 1;

static struct event *events;
static size_t n_events;

static uint8_t *durable;	/* what the last flush left */
static bool *used;		/* blocks of it that are not all zero */
static uint8_t *state;		/* the one being tried, in a file of memory */
static size_t bytes;
static int state_fd;

static void
die(const char *what)
{
	perror(what);
	exit(2);
}

static uint32_t
roll(void)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (uint32_t)(dice >> 16);
}

/* A loop device over the state; it goes with its last user. */
static int
attach(char name[static NAME_LEN])
{
	struct loop_config config = { .fd = (unsigned)state_fd,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR };
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

	for (int i = 0; control != -1 && i < 200; i++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE), device;

		(void)snprintf(name, NAME_LEN, "/dev/loop%d", number);
		device = number == -1 ? -1 : open(name, O_RDWR | O_CLOEXEC);
		if (device != -1 && ioctl(device, LOOP_CONFIGURE, &config) == 0) {
			(void)close(control);
			return device;
		}
		if (device != -1)
			(void)close(device);
		(void)usleep(2000);	/* somebody else was quicker */
	}
	die("loop device");
	return -1;
}

static bool
check_passes(const char *name, const char *mark)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void)setenv("RIG_MARK", mark, 1);
		(void)setenv("RIG_STATE", name, 1);
		(void)execvp(check[0], check);
		_exit(127);
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid)
		die("check");
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void
try_state(const char *name, const char *mark)
{
	char device[NAME_LEN];
	int fd;

	states++;
	fd = attach(device);
	if (mount(device, folder, filesystem, MS_NOATIME, options) == -1) {
		(void)fprintf(stderr, "not ok - %s: does not mount: %s\n", name,
		    strerror(errno));
		unmountable++;
		violations++;
	} else {
		violations += !check_passes(name, mark);
		for (int i = 0; umount2(folder, 0) == -1 && i < 500; i++)
			(void)usleep(2000);
	}
	(void)close(fd);
}

static bool
is_ours(void)
{
	return turn++ % shares == share;
}

static void
back_to_durable(void)
{
	if (ftruncate(state_fd, 0) == -1 || ftruncate(state_fd, (off_t)bytes) == -1)
		die("ftruncate");
	for (size_t i = 0; i < bytes / BLOCK; i++)
		if (used[i])
			memcpy(state + i * BLOCK, durable + i * BLOCK, BLOCK);
}

static void
apply(uint8_t *disk, const struct event *e, bool torn)
{
	for (uint32_t at = 0; at < e->len; at += BLOCK) {
		uint32_t n = e->len - at < BLOCK ? e->len - at : BLOCK;

		if (!(torn && roll() % 2 == 0) && e->off + at + n <= bytes)
			memcpy(disk + e->off + at, e->data + at, n);
	}
}

static void
keep(const struct event *e)
{
	apply(durable, e, false);
	for (uint64_t i = e->off / BLOCK; i * BLOCK < e->off + e->len; i++)
		if (i < bytes / BLOCK)
			used[i] = true;
}

static void
read_mark(const struct event *e, char mark[static MARK_MAX])
{
	size_t n = e->len < MARK_MAX - 1 ? e->len : MARK_MAX - 1;

	memcpy(mark, e->data, n);
	mark[n] = '\0';
	mark[strcspn(mark, "\n")] = '\0';
}

/* The first i events of the epoch at e. */
static void
try_prefix(const struct event *e, size_t i, size_t epoch, const char *mark)
{
	char name[NAME_LEN];

	if (!is_ours())
		return;
	back_to_durable();
	for (size_t j = 0; j < i; j++)
		if (e[j].type == REC_WRITE)
			apply(state, &e[j], false);
	(void)snprintf(name, sizeof name, "epoch %zu, first %zu", epoch, i);
	try_state(name, mark);
}

/* Some of its n events; the dice are those of this state alone. */
static void
try_random(const struct event *e, size_t n, size_t epoch, unsigned k, const char *mark,
    uint64_t seed)
{
	char name[NAME_LEN];
	uint32_t eighths;
	bool tears;

	if (!is_ours())
		return;
	dice = (seed + epoch) * 0x9E3779B97F4A7C15ull + k + 1;
	(void)roll();
	eighths = 1 + roll() % 7;
	tears = roll() % 3 == 0;
	back_to_durable();
	for (size_t j = 0; j < n; j++)
		if (e[j].type == REC_WRITE && roll() % 8 < eighths)
			apply(state, &e[j], tears && roll() % 4 == 0);
	(void)snprintf(name, sizeof name, "epoch %zu, random %u", epoch, k);
	try_state(name, mark);
}

static size_t
epoch_end(size_t begin, size_t *writes)
{
	size_t end = begin;

	for (*writes = 0; end < n_events && events[end].type != REC_FLUSH; end++)
		*writes += events[end].type == REC_WRITE;
	return end;
}

static void
replay(uint64_t seed)
{
	char mark[MARK_MAX] = "-";
	size_t epoch = 0, end, writes;

	for (size_t begin = 0; begin < n_events; begin = end + 1, epoch++) {
		const struct event *e = &events[begin];
		size_t n, step;

		end = epoch_end(begin, &writes);
		n = end - begin;
		step = n > prefixes ? (n + prefixes - 1) / prefixes : 1;
		for (size_t i = 0; i <= n; i++) {
			bool marks = i > 0 && e[i - 1].type == REC_MARK;

			if (marks)
				read_mark(&e[i - 1], mark);
			if (i == n || marks || (i > 0 && i % step == 0))
				try_prefix(e, i, epoch, mark);
		}
		for (unsigned k = 0; writes > 1 && k < randoms; k++)
			try_random(e, n, epoch, k, mark, seed);
		for (size_t i = 0; i < n; i++)
			if (e[i].type == REC_WRITE)
				keep(&e[i]);
	}
	(void)printf("%zu epochs, %lu states, %lu violations, %lu of them no mount\n",
	    epoch, states, violations, unmountable);
}

static uint8_t *
map(const char *path, size_t *n, int protection)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *at;

	if (fd == -1 || fstat(fd, &st) == -1)
		die(path);
	at = mmap(NULL, (size_t)st.st_size, protection, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		die(path);
	(void)close(fd);
	*n = (size_t)st.st_size;
	return at;
}

static void
read_log(const char *path)
{
	static const uint8_t zero[BLOCK];
	size_t n, room = 0;
	const uint8_t *log = map(path, &n, PROT_READ);
	struct rec r;

	for (size_t at = 0; at + sizeof r <= n; at += sizeof r + r.len) {
		memcpy(&r, log + at, sizeof r);
		if (n_events == room) {
			room = room == 0 ? 4096 : room * 2;
			if ((events = realloc(events, room * sizeof *events)) == NULL)
				die("realloc");
		}
		events[n_events++] = (struct event){ r.type, r.len, r.off,
			log + at + sizeof r };
	}
	if ((used = calloc(bytes / BLOCK, 1)) == NULL)
		die("calloc");
	for (size_t i = 0; i < bytes / BLOCK; i++)
		used[i] = memcmp(durable + i * BLOCK, zero, BLOCK) != 0;
}

static void
open_state(void)
{
	state_fd = memfd_create("state", MFD_CLOEXEC);
	if (state_fd == -1 || ftruncate(state_fd, (off_t)bytes) == -1)
		die("memory");
	state = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, state_fd, 0);
	if (state == MAP_FAILED)
		die("memory");
}

int
main(int argc, char **argv)
{
	uint64_t seed = 1;
	int o;

	while ((o = getopt(argc, argv, "+t:o:r:p:s:j:")) != -1) {
		if (o == 't')
			filesystem = optarg;
		else if (o == 'o')
			options = optarg;
		else if (o == 'r')
			randoms = (unsigned)strtoul(optarg, NULL, 10);
		else if (o == 'p')
			prefixes = (unsigned)strtoul(optarg, NULL, 10);
		else if (o == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (o != 'j' || sscanf(optarg, "%u/%u", &share, &shares) != 2)
			return 2;
	}
	if (argc - optind < 4 || prefixes == 0 || share >= shares) {
		(void)fprintf(stderr, "usage: replay [OPTION]... IMAGE LOG FOLDER CHECK...\n");
		return 2;
	}
	/* A copy of our mounts in somebody's namespace would keep them busy. */
	if (unshare(CLONE_NEWNS) == -1 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		die("unshare");
	durable = map(argv[optind], &bytes, PROT_READ | PROT_WRITE);
	read_log(argv[optind + 1]);
	folder = argv[optind + 2];
	check = argv + optind + 3;
	open_state();
	replay(seed);
	return violations == 0 ? 0 : 1;
}
