#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/bytes.h"

#include "apply/journal_slot.h"

#include "tests/lab/scratch.h"

static struct mark
mark_at(enum step step, uint64_t to)
{
	struct mark m;

	memset(&m, 0, sizeof m);
	m.step = step;
	m.from = to - 1;
	m.to = to;
	m.tries = 2;
	m.migrated = true;
	m.began = 1700000000;
	m.bytes = 12345;
	m.to_listing.bytes[3] = 7;
	(void)snprintf(m.boot_id, sizeof m.boot_id, "boot-%u", (unsigned)step);
	(void)snprintf(m.text, sizeof m.text, "\"quoted\" \\ and \xc3\xa9");
	return m;
}

static void
put(const struct scratch *s, const struct mark *m)
{
	struct err e = ERR_INIT;
	struct journal *j = journal_open(s->dir, NULL, &e);

	if (j == NULL || journal_write(j, m, &e) == -1)
		fail_msg("%s", e.text);
	journal_close(j);
}

static bool
get(const struct scratch *s, struct mark *m, bool *lost)
{
	struct err e = ERR_INIT;
	struct journal *j = journal_open(s->dir, lost, &e);
	bool has;

	if (j == NULL)
		fail_msg("%s", e.text);
	has = journal_read(j, m);
	journal_close(j);
	return has;
}

static void
load_file(const struct scratch *s, uint8_t bytes[2 * JOURNAL_SLOT])
{
	int fd = openat(s->dir, "journal", O_RDONLY | O_CLOEXEC);

	assert_true(fd != -1);
	assert_int_equal(pread(fd, bytes, 2 * JOURNAL_SLOT, 0), 2 * JOURNAL_SLOT);
	(void)close(fd);
}

static void
store_file(const struct scratch *s, const uint8_t *bytes, size_t n)
{
	int fd =
	    openat(s->dir, "journal", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd != -1);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	(void)close(fd);
}

static void
journal_gives_back_the_newest_mark(void **state)
{
	const struct scratch *s = *state;
	struct mark m;
	bool lost = true;

	assert_false(get(s, &m, &lost));
	assert_false(lost);
	assert_false(scratch_exists(s, "journal"));	/* looking writes nothing */
	for (unsigned i = 0; i < STEP_COUNT; i++) {
		struct mark want = mark_at((enum step)i, 40 + i);

		put(s, &want);
		assert_true(get(s, &m, &lost));
		assert_int_equal(m.format, JOURNAL_FORMAT);
		m.format = 0;
		assert_memory_equal(&m, &want, sizeof m);
	}
}

/* The second write, cut at every byte: the file holds the new slot up to there
 * and the old content behind. */
static void
journal_torn_write_leaves_old_or_new(void **state)
{
	const struct scratch *s = *state;
	struct mark first = mark_at(STEP_STAGE, 41), second = mark_at(STEP_SWAP, 42), m;
	struct mark zero = mark_at(STEP_IDLE, 1);
	static uint8_t before[2 * JOURNAL_SLOT], after[2 * JOURNAL_SLOT];
	unsigned olds = 0, news = 0;

	put(s, &zero);
	put(s, &first);
	load_file(s, before);
	put(s, &second);
	load_file(s, after);
	for (size_t cut = 0; cut <= sizeof before; cut++) {
		uint8_t torn[2 * JOURNAL_SLOT];
		bool lost;

		if (cut > 0 && cut < sizeof before && cut % 7 != 0 &&
		    before[cut] == after[cut])
			continue;	/* the same file as the next cut */
		memcpy(torn, after, cut);
		memcpy(torn + cut, before + cut, sizeof torn - cut);
		store_file(s, torn, sizeof torn);
		assert_true(get(s, &m, &lost));
		assert_false(lost);
		assert_true(m.to == first.to || m.to == second.to);
		olds += m.to == first.to;
		news += m.to == second.to;
	}
	assert_true(olds > 0 && news > 0);
}

static void
journal_any_flipped_bit_loses_one_mark_at_most(void **state)
{
	const struct scratch *s = *state;
	struct mark first = mark_at(STEP_STAGE, 41), second = mark_at(STEP_SWAP, 42), m;
	static uint8_t bytes[2 * JOURNAL_SLOT];

	put(s, &first);
	put(s, &second);
	load_file(s, bytes);
	for (size_t i = 0; i < sizeof bytes; i += i % JOURNAL_SLOT < 700 ? 1 : 101) {
		bytes[i] ^= 0x10;
		store_file(s, bytes, sizeof bytes);
		assert_true(get(s, &m, NULL));
		assert_true(m.to == first.to || m.to == second.to);
		bytes[i] ^= 0x10;
	}
}

static void
journal_says_when_it_is_lost(void **state)
{
	const struct scratch *s = *state;
	static uint8_t bytes[2 * JOURNAL_SLOT];
	struct mark m, again = mark_at(STEP_STOP, 7);
	bool lost = false;

	memset(bytes, 'x', sizeof bytes);
	store_file(s, bytes, sizeof bytes);
	assert_false(get(s, &m, &lost));
	assert_true(lost);
	store_file(s, bytes, 10);
	assert_false(get(s, &m, &lost));
	assert_true(lost);
	put(s, &again);
	assert_true(get(s, &m, &lost));
	assert_false(lost);
	assert_int_equal(m.to, 7);
	memset(bytes, 0, sizeof bytes);		/* made, never written */
	store_file(s, bytes, sizeof bytes);
	assert_false(get(s, &m, &lost));
	assert_false(lost);
}

/* A slot with this body and a right checksum. */
static void
make_slot(uint8_t slot[JOURNAL_SLOT], const char *body, uint32_t n)
{
	struct err e = ERR_INIT;
	struct sha256 sum;

	memset(slot, 0, JOURNAL_SLOT);
	memcpy(slot, JOURNAL_MAGIC, 8);
	le64_store(slot + 8, 9);
	le32_store(slot + 16, n);
	memcpy(slot + SLOT_HEAD, body, strlen(body));
	assert_int_equal(sha256_of(slot, SLOT_SUM, &sum, &e), 0);
	memcpy(slot + SLOT_SUM, sum.bytes, SHA256_BYTES);
}

static void
journal_of_a_newer_applier_is_refused(void **state)
{
	static const char body[] = "{\"format\":2,\"step\":\"teleport\"}";
	const struct scratch *s = *state;
	uint8_t slots[2 * JOURNAL_SLOT];
	struct err e = ERR_INIT;

	memset(slots, 0, sizeof slots);
	make_slot(slots, body, sizeof body - 1);
	store_file(s, slots, sizeof slots);
	assert_null(journal_open(s->dir, NULL, &e));
	assert_int_equal(e.code, ERR_POLICY);
	assert_non_null(strstr(e.text, "newer delta-apply"));
}

static void
journal_slots_with_bad_bodies_are_no_marks(void **state)
{
	static const struct {
		const char *body;
		uint32_t n;
	} bad[] = {
		{ "", 0 }, { "{}", 2 }, { "{}", UINT32_MAX }, { "{}", SLOT_BODY_MAX + 1 },
		{ "[1]", 3 }, { "{\"format\":1}", 12 },
		{ "{\"format\":1,\"step\":\"fly\"}", 25 },
		{ "{\"format\":0,\"step\":\"idle\"}", 26 },
		{ "{\"format\":1,\"step\":\"idle\",\"tries\":-1}", 37 },
		{ "{\"format\":1,\"step\":\"idle\",\"to-listing\":\"00\"}", 44 },
	};
	uint8_t slot[JOURNAL_SLOT];
	struct err e = ERR_INIT;
	struct mark m;
	uint64_t sequence;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		make_slot(slot, bad[i].body, bad[i].n);
		assert_int_equal(journal_slot_parse(slot, &sequence, &m, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
	}
}

static void
journal_holds_the_longest_texts(void **state)
{
	const struct scratch *s = *state;
	struct mark m = mark_at(STEP_STUCK, 3), got;

	for (size_t i = 0; i + 2 < sizeof m.text; i += 2)
		memcpy(m.text + i, "\xc3\xa9", 3);	/* six bytes each as JSON */
	memset(m.reason, '"', sizeof m.reason - 1);
	memset(m.boot_id, '\\', sizeof m.boot_id - 1);
	put(s, &m);
	assert_true(get(s, &got, NULL));
	assert_string_equal(got.text, m.text);
	assert_string_equal(got.reason, m.reason);
}

static void
step_names_are_all_different(void **state)
{
	enum step step;

	(void)state;
	for (int i = 0; i < STEP_COUNT; i++) {
		assert_int_equal(step_parse(step_name((enum step)i), &step), 0);
		assert_int_equal(step, i);
	}
	assert_int_equal(step_parse("", &step), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(journal_gives_back_the_newest_mark),
		SCRATCH_TEST(journal_torn_write_leaves_old_or_new),
		SCRATCH_TEST(journal_any_flipped_bit_loses_one_mark_at_most),
		SCRATCH_TEST(journal_says_when_it_is_lost),
		SCRATCH_TEST(journal_of_a_newer_applier_is_refused),
		SCRATCH_TEST(journal_slots_with_bad_bodies_are_no_marks),
		SCRATCH_TEST(journal_holds_the_longest_texts),
		cmocka_unit_test(step_names_are_all_different),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
