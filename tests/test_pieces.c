/*
 * test_pieces.c - images in pieces, as a delta made by hand names them: right ones are
 * predicted, wrong ones refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "apply/patch/delta.h"
#include "apply/patch/delta_format.h"
#include "apply/patch/rule.h"
#include "manifest/base/bytes.h"
#include "manifest/base/hash.h"

enum {
	/* A raw kernel of arm64: its front, a hole, the rest; the rest moves. */
	FRONT = 0x100, HOLE = 0x100, REST = 0x200, MOVED = 0x40,
	NEAR = 0x80, FAR = 0x84, PAST = 0x88, CODE_FROM_REST = 0x280,
	TO_NEAR = 0xc0, TO_FAR = 0x240, TO_PAST = 0x3f0,
	/* Where that is in the old file and in the new one. */
	OLD_BYTES = 0x700, OLD_FRONT = 0x500, OLD_REST = 0x100,
	NEW_BYTES = 0x300, NEW_FRONT = 0x200, NEW_REST = 0,
	MEMORY = 1 << 20
};

static uint8_t old[OLD_BYTES];

/* BL: 26 bits of the distance in words. */
static uint32_t
branch(uint64_t from, uint64_t to)
{
	return 0x94000000 | ((uint32_t)((to - from) >> 2) & 0x3ffffff);
}

static void
make_old(void)
{
	uint8_t *front = old + OLD_FRONT, *rest = old + OLD_REST;
	size_t rest_at = FRONT + HOLE;

	memset(old, 0x55, sizeof old);
	for (size_t at = 0; at < FRONT; at += 4)
		le32_store(front + at, 0xd503201f);
	for (size_t at = 0; at < REST; at += 4)
		le32_store(rest + at, 0xd503201f);
	memcpy(front + 56, "ARM\x64", 4);
	le32_store(front + NEAR, branch(NEAR, TO_NEAR));
	le32_store(front + FAR, branch(FAR, TO_FAR));
	le32_store(front + PAST, branch(PAST, TO_PAST));
	le32_store(rest + CODE_FROM_REST - rest_at, branch(CODE_FROM_REST, TO_NEAR));
}

/* ---- the delta ---- */

enum { NUMBERS_MAX = 64 };

struct numbers {
	uint64_t list[NUMBERS_MAX];
	size_t n;
};

/* A piece as control has it. */
struct said {
	int64_t step;
	uint64_t zeros, bytes;
};

struct side {
	struct said list[6];
	size_t n;
	uint64_t count;		/* 0: n */
};

struct image_said {
	struct side old, new;
};

struct said_all {
	uint64_t flags, images;
	const struct image_said *list;
	size_t n;
	bool cut;		/* control ends where blocks are said */
	uint64_t memory;
};

static void
say(struct numbers *l, uint64_t v)
{
	assert_true(l->n < NUMBERS_MAX);
	l->list[l->n++] = v;
}

static void
say_side(struct numbers *l, const struct side *s)
{
	say(l, s->count != 0 ? s->count : s->n);
	for (size_t i = 0; i < s->n; i++) {
		say(l, zigzag(s->list[i].step));
		say(l, s->list[i].zeros);
		say(l, s->list[i].bytes);
	}
}

static void
say_image(struct numbers *l, const struct image_said *im)
{
	say_side(l, &im->old);
	say_side(l, &im->new);
	say(l, 1);			/* segment: MOVED bytes longer */
	say(l, 0);
	say(l, 0);
	say(l, zigzag(MOVED));
	say(l, 0);
	say(l, 0);			/* anchors */
}

static void
put(struct buf *b, const struct numbers *l)
{
	struct err e = ERR_INIT;

	for (size_t i = 0; i < l->n; i++)
		assert_int_equal(buf_add_varint(b, l->list[i], &e), 0);
}

static void
put_header(struct buf *b, const struct buf *streams, uint64_t memory)
{
	struct sha256 id;
	struct err e = ERR_INIT;

	assert_int_equal(sha256_of("", 0, &id, &e), 0);
	(void)buf_add(b, DELTA_MAGIC, DELTA_MAGIC_BYTES, &e);
	(void)buf_add(b, &id, DELTA_ID_BYTES, &e);
	(void)buf_add(b, &id, DELTA_ID_BYTES, &e);
	(void)buf_add_varint(b, memory, &e);
	(void)buf_add_varint(b, 0, &e);
	(void)buf_add_varint(b, 0, &e);
	(void)buf_add_varint(b, 0xf, &e);
	for (int k = 0; k < 4; k++) {
		(void)buf_add_byte(b, DELTA_STORED, &e);
		(void)buf_add_varint(b, streams[k].len, &e);
	}
	for (int k = 0; k < 4; k++)
		(void)buf_add(b, streams[k].data, streams[k].len, &e);
}

/* Control, seek, copy and fresh: first the rest, then the front. */
static int
make_delta(const struct said_all *s)
{
	const struct numbers seek = { { zigzag(OLD_REST),
		zigzag(OLD_FRONT - OLD_REST - REST) }, 2 };
	const struct numbers copy = { { REST, FRONT }, 2 }, fresh = { { 0, 0 }, 2 };
	struct numbers control = { { METHOD_RAW, METHOD_PATCH, s->flags, 0,
		1 << RULE_AARCH64, s->images }, 6 };
	struct buf streams[4], all = BUF_INIT(1 << 16);
	int fd = memfd_create("delta", MFD_CLOEXEC);

	for (size_t i = 0; i < s->n; i++)
		say_image(&control, &s->list[i]);
	if (!s->cut) {
		say(&control, 0);
		say(&control, 2);
		for (size_t i = 0; i < s->n; i++)
			say(&control, 0);
	}
	for (int k = 0; k < 4; k++)
		buf_init(&streams[k], 1 << 12);
	put(&streams[DELTA_CONTROL], &control);
	put(&streams[DELTA_SEEK], &seek);
	put(&streams[DELTA_COPY], &copy);
	put(&streams[DELTA_FRESH], &fresh);
	put_header(&all, streams, s->memory != 0 ? s->memory : MEMORY);
	assert_int_equal(write(fd, all.data, all.len), all.len);
	for (int k = 0; k < 4; k++)
		buf_free(&streams[k]);
	buf_free(&all);
	return fd;
}

/* ---- what the decoder makes of it ---- */

struct made {
	int old_fd;
	uint8_t bytes[NEW_BYTES];
	size_t n;
};

static int
open_old(void *arg, uint64_t index, int *fd, uint64_t *bytes, struct err *e)
{
	(void)index;
	(void)e;
	*fd = ((struct made *)arg)->old_fd;
	*bytes = OLD_BYTES;
	return 0;
}

static int
take(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct made *m = arg;

	(void)e;
	assert_true(n <= NEW_BYTES - m->n);
	memcpy(m->bytes + m->n, data, n);
	m->n += n;
	return 0;
}

static int
build(const struct said_all *s, struct made *m, struct err *e)
{
	int fd = make_delta(s), rc;
	const struct delta_io io = { .arg = m, .open_old = open_old, .write = take };
	struct buf listing = BUF_INIT(16);
	struct delta *d;

	make_old();
	m->n = 0;
	m->old_fd = memfd_create("old", MFD_CLOEXEC);
	assert_int_equal(write(m->old_fd, old, sizeof old), sizeof old);
	assert_non_null(d = delta_open(fd, DELTA_MEMORY_MAX, e));
	assert_int_equal(delta_listing(d, "", 0, &listing, e), 0);
	if ((rc = delta_build(d, NEW_BYTES, &io, e)) == 0)
		rc = delta_end(d, e);
	delta_close(d);
	buf_free(&listing);
	(void)close(m->old_fd);
	(void)close(fd);
	return rc;
}

enum { FLAGS = FLAG_SPARSE | FLAG_IMAGES | FLAG_PIECES };

/* The image as it is: the front and the rest stand the wrong way round. */
static const struct image_said right = {
	{ { { OLD_FRONT, 0, FRONT }, { OLD_REST - OLD_FRONT - FRONT, HOLE, REST } },
	    2, 0 },
	{ { { NEW_FRONT, 0, FRONT }, { NEW_REST - NEW_FRONT - FRONT, HOLE + MOVED,
	    REST } }, 2, 0 },
};

static void
must_be_predicted(const struct made *m)
{
	const uint8_t *front = m->bytes + NEW_FRONT, *rest = m->bytes + NEW_REST;
	uint64_t from = CODE_FROM_REST + MOVED;

	assert_int_equal(m->n, NEW_BYTES);
	assert_int_equal(le32_load(front + NEAR), branch(NEAR, TO_NEAR));
	assert_int_equal(le32_load(front + FAR), branch(FAR, TO_FAR + MOVED));
	assert_int_equal(le32_load(front + PAST), branch(PAST, TO_PAST + MOVED));
	assert_int_equal(le32_load(rest + from - FRONT - HOLE - MOVED),
	    branch(from, TO_NEAR));
}

static void
an_image_in_pieces_is_predicted_as_a_whole(void **state)
{
	const struct said_all s = { FLAGS, 1, &right, 1, false, 0 };
	struct err e = ERR_INIT;
	struct made m;

	(void)state;
	assert_int_equal(build(&s, &m, &e), 0);
	must_be_predicted(&m);
}

static void
pieces_of_nothing_and_cuts_anywhere_change_nothing(void **state)
{
	struct image_said im = right;
	const struct said_all s = { FLAGS, 1, &im, 1, false, 0 };
	struct err e = ERR_INIT;
	struct made m;

	(void)state;
	/* The front in three, between two branches; nothing behind it. */
	im.old = (struct side){ { { OLD_FRONT, 0, FAR }, { 0, 0, 4 },
		{ 0, 0, FRONT - PAST }, { 0, 0, 0 },
		{ OLD_REST - OLD_FRONT - FRONT, HOLE, REST } }, 5, 0 };
	assert_int_equal(build(&s, &m, &e), 0);
	must_be_predicted(&m);
}

static void
without_images_copies_stay_as_they_are(void **state)
{
	const struct said_all s = { FLAGS, 0, NULL, 0, false, 0 };
	struct err e = ERR_INIT;
	struct made m;

	(void)state;
	assert_int_equal(build(&s, &m, &e), 0);
	assert_memory_equal(m.bytes, old + OLD_REST, REST);
	assert_memory_equal(m.bytes + REST, old + OLD_FRONT, FRONT);
}

/* ---- what is refused ---- */

static void
must_refuse(const struct said_all *s, const char *words)
{
	struct err e = ERR_INIT;
	struct made m;

	assert_int_equal(build(s, &m, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	if (strstr(e.text, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", e.text, words);
	assert_int_equal(m.n, 0);
}

static void
must_refuse_side(struct side side, bool is_new, const char *words)
{
	struct image_said im = right;
	const struct said_all s = { FLAGS, 1, &im, 1, false, 0 };

	*(is_new ? &im.new : &im.old) = side;
	must_refuse(&s, words);
}

static void
pieces_outside_of_their_file_are_refused(void **state)
{
	(void)state;
	for (int is_new = 0; is_new < 2; is_new++) {
		int64_t end = is_new ? NEW_BYTES : OLD_BYTES;

		must_refuse_side((struct side){ { { end, 0, 1 } }, 1, 0 }, is_new,
		    "outside of its file");
		must_refuse_side((struct side){ { { 1, 0, (uint64_t)end } }, 1, 0 },
		    is_new, "outside of its file");
		must_refuse_side((struct side){ { { -1, 0, 1 } }, 1, 0 }, is_new,
		    "outside of its file");
		must_refuse_side((struct side){ { { INT64_MIN, 0, 1 } }, 1, 0 }, is_new,
		    "outside of its file");
		must_refuse_side((struct side){ { { 0, 0, 64 }, { -65, 0, 1 } }, 2, 0 },
		    is_new, "outside of its file");
	}
}

static void
pieces_that_overlap_are_refused(void **state)
{
	const struct side in_old = { { { OLD_FRONT, 0, FRONT }, { -1, 0, 1 } }, 2, 0 };
	const struct side in_new = { { { NEW_FRONT, 0, FRONT }, { -1, 0, 1 } }, 2, 0 };
	const struct side around = { { { OLD_FRONT, 0, FRONT }, { -2 * FRONT, 0,
	    3 * FRONT } }, 2, 0 };

	(void)state;
	must_refuse_side(in_old, false, "two images in one place");
	must_refuse_side(in_new, true, "two images in one place");
	must_refuse_side(around, false, "two images in one place");
}

static void
images_that_overlap_are_refused(void **state)
{
	const struct image_said again = {
		{ { { OLD_FRONT - OLD_REST - REST, 0, FRONT } }, 1, 0 },
		{ { { 0, 0, 0 } }, 1, 0 } };
	const struct image_said two[2] = { right, again };
	const struct said_all s = { FLAGS, 2, two, 2, false, 0 };

	(void)state;
	must_refuse(&s, "two images in one place");
}

static void
numbers_of_pieces_and_images_have_a_limit(void **state)
{
	struct said_all s = { FLAGS, 1 + DELTA_IMAGES_MAX, NULL, 0, false, 0 };

	(void)state;
	must_refuse(&s, "of at most");
	s.images = UINT64_MAX;
	must_refuse(&s, "of at most");
	for (int is_new = 0; is_new < 2; is_new++) {
		struct side many = is_new ? right.new : right.old;

		many.count = (uint64_t)1 << 32;
		must_refuse_side(many, is_new, "of at most");
		many.count = ((uint64_t)1 << 18) + 1;
		must_refuse_side(many, is_new, "of at most");
		/* As many as may be, and not there. */
		many.count = (uint64_t)1 << 18;
		must_refuse_side(many, is_new, "");
	}
}

static void
no_image_is_larger_than_4_gib(void **state)
{
	const uint64_t most = UINT32_MAX;

	(void)state;
	for (int is_new = 0; is_new < 2; is_new++) {
		must_refuse_side((struct side){ { { 0, most + 1, 1 } }, 1, 0 }, is_new,
		    "of at most");
		must_refuse_side((struct side){ { { 0, most, 1 } }, 1, 0 }, is_new,
		    "of at most");
		must_refuse_side((struct side){ { { 0, 0, most + 1 } }, 1, 0 }, is_new,
		    "of at most");
		must_refuse_side((struct side){ { { 0, 0, 64 }, { 0, most - 64, 1 } }, 2,
		    0 }, is_new, "of at most");
		must_refuse_side((struct side){ { { 0, UINT64_MAX, UINT64_MAX } }, 1, 0 },
		    is_new, "of at most");
	}
}

static void
an_image_that_is_none_is_refused(void **state)
{
	struct side turned = right.old;

	(void)state;
	must_refuse_side((struct side){ .n = 0 }, false, "an image that is none");
	must_refuse_side((struct side){ { { OLD_FRONT, 0, 0 } }, 1, 0 }, false,
	    "an image that is none");
	must_refuse_side((struct side){ { { OLD_FRONT, 4, FRONT } }, 1, 0 }, false,
	    "an image that is none");
	turned.list[0] = (struct said){ OLD_REST, 0, REST };
	turned.list[1] = (struct said){ OLD_FRONT - OLD_REST - REST, 0, FRONT };
	must_refuse_side(turned, false, "an image that is none");
}

static void
pieces_need_images_and_the_memory_that_is_declared(void **state)
{
	struct said_all s = { FLAG_SPARSE | FLAG_PIECES, 1, &right, 1, false, 0 };

	(void)state;
	must_refuse(&s, "flags that do not go together");
	s.flags = FLAGS << 1;
	must_refuse(&s, "");
	s.flags = FLAGS;
	s.memory = DELTA_MEMORY_FIXED + 4 * DELTA_MEMORY_STORED;
	must_refuse(&s, "memory that it declares");
	s.memory = 0;
	s.cut = true;
	must_refuse(&s, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_in_pieces_is_predicted_as_a_whole),
		cmocka_unit_test(pieces_of_nothing_and_cuts_anywhere_change_nothing),
		cmocka_unit_test(without_images_copies_stay_as_they_are),
		cmocka_unit_test(pieces_outside_of_their_file_are_refused),
		cmocka_unit_test(pieces_that_overlap_are_refused),
		cmocka_unit_test(images_that_overlap_are_refused),
		cmocka_unit_test(numbers_of_pieces_and_images_have_a_limit),
		cmocka_unit_test(no_image_is_larger_than_4_gib),
		cmocka_unit_test(an_image_that_is_none_is_refused),
		cmocka_unit_test(pieces_need_images_and_the_memory_that_is_declared),
	};

	return cmocka_run_group_tests_name("pieces", tests, NULL, NULL);
}
