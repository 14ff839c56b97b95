/*
 * test_short_memory.c - each request for memory is refused in turn, while a delta is
 * made, read and shown: a clean error, and the next try succeeds.  Sanitizers look for
 * what is lost on the way.  MEMORY_ALL=1: all requests of the encoder, not samples.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "mkdelta/encode/delta_check.h"
#include "mkdelta/scan.h"

#include "tests/lab/delta_pair.h"
#include "tests/lab/golden.h"
#include "tests/lab/seed.h"
#include "tests/lab/short_memory.h"

enum { SAMPLES = 120 };

/* Images, deflate streams of several levels, a repeat, a rename, raw bytes. */
static void
open_pair(const struct scratch *s, struct delta_pair *p)
{
	pair_folders(s);
	golden_put(s, "x86-64", "program", "program");
	golden_put(s, "aarch64", "program", "arm");
	golden_put(s, "zipped", "nested.zip", "zip");
	golden_put(s, "gzipped", "a.gz", "gz");
	golden_put(s, "substitute", "text", "text");
	pair_fill(s, "new/a", 2000, 1);
	pair_fill(s, "new/b", 2000, 1);
	pair_fill(s, "old/kept", 2000, 2);
	pair_fill(s, "new/moved", 2000, 2);
	pair_open(s, p);
	pair_must_hold(p);
}

static void
must_say_memory(const struct err *e, unsigned n)
{
	if (e->code != ERR_NOMEM)
		fail_msg("request %u refused: %s", n, e->text);
}

static void
the_decoder_ends_cleanly_wherever_memory_ends(void **state)
{
	struct delta_pair p;
	struct err e = ERR_INIT;
	unsigned n = 0, refused = 0, count;

	open_pair(*state, &p);
	do {
		int rc;

		n++;
		seed_note("request %u of the decoder", n);
		short_memory_at(n, n % 2 == 1);
		rc = delta_check(p.old, p.old_dir, p.new, p.delta, &e);
		count = short_memory_count();
		short_memory_at(0, false);
		if (rc == -1) {
			must_say_memory(&e, n);
			refused++;
		}
	} while (count >= n);
	assert_true(n > 60);
	assert_int_equal(refused, n - 1);
	pair_must_hold(&p);
	pair_close(&p);
}

/* -1 and an error about memory, or a delta that holds. */
static bool
encode_short_of(struct delta_pair *p, unsigned n, unsigned *count)
{
	struct delta_job job = { .from = p->old, .to = p->new, .from_dir = p->old_dir,
		.to_dir = p->new_dir, .jobs = 1 + n % 2, .effort = 3 };
	struct err e = ERR_INIT;
	int rc, fd = memfd_create("delta", MFD_CLOEXEC);

	seed_note("request %u of the encoder", n);
	assert_true(fd != -1);
	short_memory_at(n, n % 3 == 1);
	rc = delta_write(&job, fd, &p->stats, &e);
	*count = short_memory_count();
	short_memory_at(0, false);
	if (rc == -1) {
		must_say_memory(&e, n);
	} else {
		(void)close(p->delta);
		p->delta = fd;
		pair_must_hold(p);
		return false;
	}
	(void)close(fd);
	return true;
}

static void
the_encoder_ends_cleanly_wherever_memory_ends(void **state)
{
	struct delta_pair p;
	unsigned count, step, refused = 0;

	open_pair(*state, &p);
	(void)encode_short_of(&p, 0, &count);
	assert_true(count > 100);
	step = getenv("MEMORY_ALL") != NULL ? 1 : count / SAMPLES + 1;
	for (unsigned n = 1, ignored; n <= count;
	    n += n < 100 && step > 1 ? 3 : 1 + (unsigned)seed_below(2 * step - 1))
		refused += encode_short_of(&p, n, &ignored);
	assert_true(refused > 20);
	(void)encode_short_of(&p, 0, &count);
	pair_close(&p);
}

static void
listing_a_tree_ends_cleanly_wherever_memory_ends(void **state)
{
	struct delta_pair p;
	struct err e = ERR_INIT;
	unsigned n = 0, count;

	open_pair(*state, &p);
	do {
		struct listing *l;

		short_memory_at(++n, true);
		l = scan_tree(p.new_dir, NULL, &e);
		count = short_memory_count();
		short_memory_at(0, false);
		if (l == NULL)
			must_say_memory(&e, n);
		listing_free(l);
	} while (count >= n);
	assert_true(n > 10);
	pair_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(the_decoder_ends_cleanly_wherever_memory_ends),
		SCRATCH_TEST(the_encoder_ends_cleanly_wherever_memory_ends),
		SCRATCH_TEST(listing_a_tree_ends_cleanly_wherever_memory_ends),
	};

	seed_start();
	return cmocka_run_group_tests_name("short_memory", tests, NULL, NULL);
}
