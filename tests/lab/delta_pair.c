#include <sys/mman.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "apply/patch/delta.h"
#include "manifest/base/fs.h"
#include "mkdelta/encode/delta_check.h"
#include "mkdelta/scan.h"

#include "tests/lab/delta_pair.h"

void
pair_put(const struct scratch *s, const char *rel, const void *data, size_t n)
{
	int fd = openat(s->dir, rel, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd != -1);
	assert_int_equal(write(fd, data, n), n);
	(void)close(fd);
}

uint8_t *
pair_bytes(size_t n, unsigned seed)
{
	uint8_t *data = malloc(n + 1);
	uint64_t x = seed * 2654435761u + 1;

	assert_non_null(data);
	for (size_t i = 0; i < n; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		data[i] = (uint8_t)(x >> 57);
	}
	return data;
}

void
pair_fill(const struct scratch *s, const char *rel, size_t n, unsigned seed)
{
	uint8_t *data = pair_bytes(n, seed);

	pair_put(s, rel, data, n);
	free(data);
}

void
pair_folders(const struct scratch *s)
{
	scratch_dir(s, "old");
	scratch_dir(s, "new");
}

static struct listing *
scan(int dir)
{
	struct err e = ERR_INIT;
	struct listing *l = scan_tree(dir, NULL, &e);

	if (l == NULL)
		print_error("%s\n", e.text);
	assert_non_null(l);
	assert_int_equal(listing_index(l, &e), 0);
	return l;
}

int
pair_encode(struct delta_pair *p, unsigned jobs, uint64_t memory_bytes)
{
	struct delta_job job = { .from = p->old, .to = p->new, .from_dir = p->old_dir,
		.to_dir = p->new_dir, .jobs = jobs, .memory_bytes = memory_bytes,
		    .effort = 3 };
	struct err e = ERR_INIT;
	int fd = memfd_create("delta", MFD_CLOEXEC);

	assert_true(fd != -1);
	if (delta_write(&job, fd, &p->stats, &e) == -1)
		fail_msg("%s", e.text);
	return fd;
}

void
pair_open(const struct scratch *s, struct delta_pair *p)
{
	struct err e = ERR_INIT;

	p->old_dir = fs_open_dir_at(s->dir, "old", &e);
	p->new_dir = fs_open_dir_at(s->dir, "new", &e);
	assert_true(p->old_dir != -1 && p->new_dir != -1);
	p->old = scan(p->old_dir);
	p->new = scan(p->new_dir);
	p->delta = pair_encode(p, 2, 0);
}

void
pair_close(struct delta_pair *p)
{
	listing_free(p->old);
	listing_free(p->new);
	(void)close(p->old_dir);
	(void)close(p->new_dir);
	(void)close(p->delta);
}

void
pair_must_hold(const struct delta_pair *p)
{
	struct err e = ERR_INIT;

	if (delta_check(p->old, p->old_dir, p->new, p->delta, &e) == -1)
		fail_msg("%s", e.text);
}

uint64_t
pair_round_trip(const struct scratch *s)
{
	struct delta_pair p;

	pair_open(s, &p);
	pair_must_hold(&p);
	pair_close(&p);
	return p.stats.bytes;
}

uint64_t
pair_stream(const struct delta_pair *p, const char *name)
{
	struct delta_stream_info streams[DELTA_STREAMS_MAX];
	struct err e = ERR_INIT;
	struct delta *d = delta_open(p->delta, UINT64_MAX, &e);
	uint64_t bytes = 0;
	size_t n;

	assert_non_null(d);
	n = delta_streams(d, streams, DELTA_STREAMS_MAX);
	for (size_t i = 0; i < n; i++)
		if (strcmp(streams[i].name, name) == 0)
			bytes = streams[i].plain_bytes;
	delta_close(d);
	return bytes;
}

int
pair_memory_file(const uint8_t *data, size_t n)
{
	int fd = memfd_create("delta", MFD_CLOEXEC);

	assert_true(fd != -1);
	assert_int_equal(write(fd, data, n), n);
	return fd;
}
