/*
 * Deltas that carry a valid signature and harm, made by hand number by number,
 * through a whole update.  docs/delta-format.md has the bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/base/bytes.h"

#include "tests/lab/forge.h"
#include "tests/lab/hostile.h"
#include "tests/lab/made_delta.h"

#define FAR (UINT64_C(1) << 60)

/* The first output, bin/app, is patched from this entry of the old listing. */
static void
patch(struct made *m, uint64_t source)
{
	made_number(m, DELTA_CONTROL, METHOD_PATCH);
	made_number(m, DELTA_CONTROL, 0);
	made_number(m, DELTA_CONTROL, source);
}

static void
block(struct made *m, uint64_t seek, uint64_t copy, uint64_t fresh)
{
	struct err e = ERR_INIT;

	made_number(m, DELTA_SEEK, seek);
	made_number(m, DELTA_COPY, copy);
	made_number(m, DELTA_FRESH, fresh);
	for (uint64_t i = 0; i < copy && i < 1 << 16; i++)
		assert_int_equal(buf_add_byte(&m->stream[DELTA_DIFF], 0, &e), 0);
	for (uint64_t i = 0; i < fresh && i < 1 << 16; i++)
		assert_int_equal(buf_add_byte(&m->stream[DELTA_EXTRA], 'x', &e), 0);
}

static void
copy_past_the_end(struct made *m)
{
	patch(m, m->app);
	block(m, 0, m->old_app_bytes + 1, m->app_bytes - m->old_app_bytes - 1);
}

static void
copy_before_the_start(struct made *m)
{
	patch(m, m->app);
	block(m, zigzag(-1), m->old_app_bytes, m->app_bytes - m->old_app_bytes);
}

static void
copy_from_far_away(struct made *m)
{
	patch(m, m->app);
	block(m, zigzag(INT64_MAX), 1, m->app_bytes - 1);
}

/* Back to before the start, by a sum that would wrap. */
static void
copy_from_behind_and_far_back(struct made *m)
{
	patch(m, m->app);
	block(m, zigzag(10), 1, 1);
	block(m, zigzag(INT64_MIN), 1, m->app_bytes - 3);
}

static void
copy_more_than_there_can_be(struct made *m)
{
	patch(m, m->app);
	block(m, 0, UINT64_MAX, 0);
}

static void
block_past_the_end_of_the_output(struct made *m)
{
	patch(m, m->app);
	block(m, 0, m->old_app_bytes, m->app_bytes);
}

static void
fresh_bytes_past_the_end_of_the_output(struct made *m)
{
	patch(m, m->app);
	block(m, 0, 1, UINT64_MAX - 1);
}

static void
blocks_that_do_nothing(struct made *m)
{
	patch(m, m->app);
	for (int i = 0; i < 1000; i++)
		block(m, 0, 0, 0);
}

static void
source_is_a_link_that_leads_out(struct made *m)
{
	patch(m, m->leak);
	block(m, 0, 8, m->app_bytes - 8);
}

static void
source_is_a_folder(struct made *m)
{
	patch(m, m->folder);
	block(m, 0, 1, m->app_bytes - 1);
}

static void
source_is_no_entry(struct made *m)
{
	patch(m, FAR);
	block(m, 0, 1, m->app_bytes - 1);
}

static void
source_is_an_output_to_come(struct made *m)
{
	patch(m, m->from->n + 1);
	block(m, 0, 1, m->app_bytes - 1);
}

static void
repeats_an_output_to_come(struct made *m)
{
	made_number(m, DELTA_CONTROL, METHOD_REPEAT);
	made_number(m, DELTA_CONTROL, 1);
}

static void
repeats_itself(struct made *m)
{
	made_number(m, DELTA_CONTROL, METHOD_REPEAT);
	made_number(m, DELTA_CONTROL, 0);
}

static void
more_sources_than_may_be(struct made *m)
{
	made_number(m, DELTA_CONTROL, METHOD_PATCH);
	made_number(m, DELTA_CONTROL, FLAG_SOURCES);
	made_number(m, DELTA_CONTROL, FAR);
}

static void
number_of_images(struct made *m, uint64_t n)
{
	made_number(m, DELTA_CONTROL, METHOD_PATCH);
	made_number(m, DELTA_CONTROL, FLAG_IMAGES | FLAG_PIECES);
	made_number(m, DELTA_CONTROL, m->app);
	made_number(m, DELTA_CONTROL, 0);
	made_number(m, DELTA_CONTROL, n);
}

static void
more_images_than_may_be(struct made *m)
{
	number_of_images(m, FAR);
}

/* What memory is asked for by a count is asked of what was declared. */
static void
blocks_for_4_gib(struct made *m)
{
	number_of_images(m, 0);
	made_number(m, DELTA_CONTROL, 0);
	made_number(m, DELTA_CONTROL, UINT64_C(1) << 32);
}

static void
an_unknown_method(struct made *m)
{
	made_number(m, DELTA_CONTROL, METHODS);
}

static void
an_unknown_flag(struct made *m)
{
	made_number(m, DELTA_CONTROL, METHOD_PATCH);
	made_number(m, DELTA_CONTROL, FLAGS_ALL + 1);
	made_number(m, DELTA_CONTROL, m->app);
}

/* All is copied or new, and sparse; changes are to stand in the stream of runs. */
static void
joined(struct made *m)
{
	made_number(m, DELTA_CONTROL, METHOD_PATCH);
	made_number(m, DELTA_CONTROL, FLAG_SPARSE);
	made_number(m, DELTA_CONTROL, m->app);
	block(m, 0, m->old_app_bytes, m->app_bytes - m->old_app_bytes);
	buf_reset(&m->stream[DELTA_DIFF]);
	m->absent = 1 << DELTA_CHANGES;
}

static void
change(struct made *m, uint64_t run, char byte)
{
	struct err e = ERR_INIT;

	made_number(m, DELTA_RUNS, run);
	assert_int_equal(buf_add_byte(&m->stream[DELTA_RUNS], (uint8_t)byte, &e), 0);
}

static void
joined_ends_behind_a_number(struct made *m)
{
	joined(m);
	change(m, 2, 'x');
	made_number(m, DELTA_RUNS, 1);
}

static void
joined_ends_within_a_number(struct made *m)
{
	joined(m);
	change(m, 2, 'x');
	change(m, 1, 'x');
	m->stream[DELTA_RUNS].data[2] = 0x80;
	m->stream[DELTA_RUNS].len = 3;
}

/* It says that it has more than are in the file. */
static void
joined_is_shorter_than_it_says(struct made *m)
{
	joined(m);
	change(m, 2, 'x');
	m->packed[DELTA_RUNS] = 1 << 20;
}

/* What is behind the last copied byte has no place. */
static void
joined_has_too_much(struct made *m)
{
	joined(m);
	for (uint64_t i = 0; i < m->old_app_bytes + 1; i++)
		change(m, 0, 'x');
	made_number(m, DELTA_CONTROL, METHOD_RAW);
	for (uint64_t i = 0; i < m->two_bytes; i++)
		made_number(m, DELTA_EXTRA, 'x');
}

static void
memory_of_4_gib(struct made *m)
{
	m->memory = UINT64_C(1) << 32;
}

static void
less_memory_than_its_windows(struct made *m)
{
	m->memory = DELTA_MEMORY_FIXED + DELTA_KINDS * DELTA_MEMORY_STORED;
	m->how[DELTA_EXTRA] = 23 << 3 | DELTA_LZMA;
	m->plain[DELTA_EXTRA] = m->stream[DELTA_EXTRA].len;
}

static void
window_of_2_gib(struct made *m)
{
	m->memory = DELTA_MEMORY_MAX;
	m->how[DELTA_EXTRA] = 31 << 3 | DELTA_LZMA;
	m->plain[DELTA_EXTRA] = m->stream[DELTA_EXTRA].len;
}

static void
scratch_of_petabytes(struct made *m)
{
	m->scratch = FAR;
}

static void
listing_of_petabytes(struct made *m)
{
	m->listing_bytes = FAR;
}

static void
stream_past_the_end(struct made *m)
{
	m->packed[DELTA_EXTRA] = FAR;
}

static void
streams_whose_sum_wraps(struct made *m)
{
	m->packed[DELTA_CONTROL] = UINT64_MAX - 1;
}

static void
a_kind_that_there_is_not(struct made *m)
{
	m->kinds |= FAR;
}

static void
another_old_tree(struct made *m)
{
	m->old_id[0] ^= 1;
}

static void
bytes_behind_all_outputs(struct made *m)
{
	made_number(m, DELTA_CONTROL, METHOD_RAW);
	for (uint64_t i = 0; i < m->app_bytes; i++)
		made_number(m, DELTA_EXTRA, 'x');
	made_number(m, DELTA_CONTROL, METHOD_RAW);
	for (uint64_t i = 0; i < m->two_bytes + 1; i++)
		made_number(m, DELTA_EXTRA, 'x');
}

static void
other_bytes_than_were_signed(struct made *m)
{
	bytes_behind_all_outputs(m);
	m->stream[DELTA_EXTRA].len--;
}

static const struct poison {
	const char *name;
	void (*spoil)(struct made *);
	const char *say;
} poisons[] = {
#define POISON(f, say) { #f, f, say }
	POISON(copy_past_the_end, "a copy reaches past the old file"),
	POISON(copy_before_the_start, "a copy begins outside the old file"),
	POISON(copy_from_far_away, "a copy begins outside the old file"),
	POISON(copy_from_behind_and_far_back, "a copy begins outside the old file"),
	POISON(copy_more_than_there_can_be, "a copy reaches past the old file"),
	POISON(block_past_the_end_of_the_output, "a block reaches past the new file"),
	POISON(fresh_bytes_past_the_end_of_the_output, "a block reaches past the new file"),
	POISON(blocks_that_do_nothing, "a block of nothing"),
	POISON(source_is_a_link_that_leads_out, "of the old tree is no file"),
	POISON(source_is_a_folder, "of the old tree is no file"),
	POISON(source_is_no_entry, "an output to come"),
	POISON(source_is_an_output_to_come, "an output to come"),
	POISON(repeats_an_output_to_come, "not there yet"),
	POISON(repeats_itself, "not there yet"),
	POISON(more_sources_than_may_be, "of at most 15"),
	POISON(more_images_than_may_be, "of at most 4096"),
	POISON(blocks_for_4_gib, "4294967296 of at most"),
	POISON(an_unknown_method, "method 3 is unknown"),
	POISON(an_unknown_flag, "64 of at most"),
	POISON(joined_ends_behind_a_number, "a stream ends early"),
	POISON(joined_ends_within_a_number, "a stream ends early"),
	POISON(joined_is_shorter_than_it_says, "past the delta's end"),
	POISON(joined_has_too_much, "2 bytes of a stream were not used"),
	POISON(memory_of_4_gib, "more than any may"),
	POISON(less_memory_than_its_windows, "more memory than it declares"),
	POISON(window_of_2_gib, "a window of 2^31"),
	POISON(scratch_of_petabytes, "more bytes than were signed"),
	POISON(listing_of_petabytes, "a listing of 1152921504606846976 bytes"),
	POISON(stream_past_the_end, "past the delta's end"),
	POISON(streams_whose_sum_wraps, "past the delta's end"),
	POISON(a_kind_that_there_is_not, "unknown kind"),
	POISON(another_old_tree, "made for another old tree"),
	POISON(bytes_behind_all_outputs, "were not used"),
	POISON(other_bytes_than_were_signed, "not the tree that is signed"),
};
enum { POISONS = sizeof poisons / sizeof poisons[0] };

/* No other way is good either: the device says what was wrong and stays. */
static void
is_refused(void **state)
{
	const struct poison *p = *state;
	struct lab *l = hostile_begin(DEVICE_WITH_1, "");
	struct forge *f = forge_open(l);
	struct buf delta;
	struct made m;

	made_open(l, &m);
	p->spoil(&m);
	delta = made_close(&m);
	forge_delta(f, 1, 2, delta.data, delta.len);
	forge_full(f, 2, "no full", 7);
	forge_close(f);
	hostile_refuses(l, 4, p->say);
	buf_free(&delta);
	hostile_end(l);
}

/* With a good full it is only gone around. */
static void
a_poisoned_delta_is_gone_around(void **state)
{
	struct lab *l = hostile_begin(DEVICE_WITH_1, "");
	struct forge *f = forge_open(l);
	struct buf delta;
	struct made m;

	(void)state;
	made_open(l, &m);
	source_is_a_link_that_leads_out(&m);
	delta = made_close(&m);
	forge_delta(f, 1, 2, delta.data, delta.len);
	forge_close(f);
	hostile_takes(l, "2");
	buf_free(&delta);
	hostile_end(l);
}

/* A delta made by hand that is right: the poisons are what is wrong with others. */
static void
one_without_poison_is_taken(void **state)
{
	struct lab *l = hostile_begin(DEVICE_WITH_1, "");
	struct forge *f = forge_open(l);
	struct err e = ERR_INIT;
	char *app = lab_read(l, "2/bin/app");
	struct buf delta;
	struct made m;

	(void)state;
	made_open(l, &m);
	patch(&m, m.app);
	block(&m, 0, m.old_app_bytes, 0);
	made_number(&m, DELTA_SEEK, 0);
	made_number(&m, DELTA_COPY, 0);
	made_number(&m, DELTA_FRESH, m.app_bytes - m.old_app_bytes);
	assert_int_equal(buf_add(&m.stream[DELTA_EXTRA], app + m.old_app_bytes,
	    (size_t)(m.app_bytes - m.old_app_bytes), &e), 0);
	made_number(&m, DELTA_CONTROL, METHOD_RAW);
	assert_int_equal(buf_add(&m.stream[DELTA_EXTRA], "two\n", 4, &e), 0);
	delta = made_close(&m);
	forge_delta(f, 1, 2, delta.data, delta.len);
	forge_full(f, 2, "no full", 7);
	forge_close(f);
	hostile_takes(l, "2");
	free(app);
	buf_free(&delta);
	hostile_end(l);
}

/* It is signed that release 2 has a file of 2^60 bytes, all out of one short stream:
 * with a right sum there is no room for it, with a wrong one the sum is what counts. */
static void
petabytes_from_a_few_bytes(void **state)
{
	static const char text[] = "#mtree\n. type=dir mode=0755\n"
	    "./zeros type=file mode=0644 size=1152921504606846976%s\n";
	static const char digest[] = " sha256digest=00000000000000000000000000000000"
	    "00000000000000000000000000000001";
	struct lab *l = hostile_begin(DEVICE_WITH_1, "");
	char whole[300], reduced[300];
	struct err e = ERR_INIT;
	struct forge *f = forge_open(l);
	struct buf delta;
	struct made m;

	(void)state;
	(void)snprintf(whole, sizeof whole, text, digest);
	(void)snprintf(reduced, sizeof reduced, text, "");
	made_open(l, &m);
	buf_reset(&m.stream[DELTA_EXTRA]);
	assert_int_equal(buf_add_text(&m.stream[DELTA_EXTRA], reduced, &e), 0);
	m.listing_bytes = strlen(reduced);
	made_number(&m, DELTA_CONTROL, METHOD_RAW);
	delta = made_close(&m);
	forge_listing(f, 2, whole, strlen(whole));
	forge_delta(f, 1, 2, delta.data, delta.len);
	forge_full(f, 2, "no full", 7);
	forge_close(f);
	hostile_refuses(l, 4, "zeros: more bytes than were signed");
	f = forge_open(l);
	forge_edge(f, 1, 2)->output_bytes = FAR;
	forge_edge(f, 0, 2)->output_bytes = FAR;
	forge_close(f);
	hostile_refuses(l, 7, "of room");
	buf_free(&delta);
	hostile_end(l);
}

int
main(void)
{
	struct CMUnitTest tests[POISONS + 3] = {
		cmocka_unit_test(one_without_poison_is_taken),
		cmocka_unit_test(a_poisoned_delta_is_gone_around),
		cmocka_unit_test(petabytes_from_a_few_bytes),
	};

	for (size_t i = 0; i < POISONS; i++)
		tests[3 + i] = (struct CMUnitTest){ poisons[i].name, is_refused, NULL,
			NULL, (void *)(uintptr_t)&poisons[i] };
	return cmocka_run_group_tests_name("hostile_delta", tests, hostile_open_master,
	    hostile_close_master);
}
