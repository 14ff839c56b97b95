#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "manifest/base/log.h"

#include "apply/memory.h"
#include "apply/state_json.h"

#include "tests/lab/device.h"

static struct lab_device *l;

static int
open_device(void **state)
{
	(void)state;
	log_set_level(LOG_QUIET);
	l = lab_device_open(SWAP_SYMLINK, NULL);
	return 0;
}

static int
close_device(void **state)
{
	(void)state;
	lab_device_close(l);
	return 0;
}

static struct record
record_at(uint64_t release, uint8_t tree, uint64_t attempt)
{
	struct record r = { .release = release, .attempt = attempt };

	r.listing.bytes[0] = tree;
	return r;
}

static void
quarantine(const struct record *r, const char *reason)
{
	struct err e = ERR_INIT;

	if (quarantine_add(&l->dev, r->release, &r->listing, r->attempt, reason, "text",
	    &e) == -1)
		fail_msg("%s", e.text);
}

static void
quarantine_is_number_listing_and_attempt(void **state)
{
	struct record r = record_at(42, 1, 0), other_tree = record_at(42, 2, 0),
		again = record_at(42, 1, 1);
	char reason[64];

	(void)state;
	assert_false(quarantine_has(&l->dev, &r, reason));
	quarantine(&r, "health");
	assert_true(quarantine_has(&l->dev, &r, reason));
	assert_string_equal(reason, "health");
	assert_false(quarantine_has(&l->dev, &other_tree, reason));
	assert_false(quarantine_has(&l->dev, &again, reason));	/* a higher attempt */
	quarantine(&again, "start");
	assert_true(quarantine_has(&l->dev, &again, reason));
	assert_true(quarantine_has(&l->dev, &r, reason));
}

static void
quarantine_ends_up_to_a_release(void **state)
{
	struct record a = record_at(41, 1, 0), b = record_at(42, 2, 0),
		      c = record_at(43, 3, 0);
	struct err e = ERR_INIT;
	char reason[64];
	struct jv *list;

	(void)state;
	quarantine(&a, "health");
	quarantine(&b, "health");
	quarantine(&c, "health");
	assert_int_equal(quarantine_clear(&l->dev, 42, &e), 0);
	assert_false(quarantine_has(&l->dev, &a, reason));
	assert_false(quarantine_has(&l->dev, &b, reason));
	assert_true(quarantine_has(&l->dev, &c, reason));
	list = quarantine_list(&l->dev, &e);
	assert_int_equal(jv_count(list), 1);
	jv_free(list);
	assert_int_equal(quarantine_clear(&l->dev, UINT64_MAX, &e), 0);
	assert_false(quarantine_has(&l->dev, &c, reason));
	lab_device_sh(l, "test ! -e state/quarantine.json");
	assert_int_equal(quarantine_clear(&l->dev, UINT64_MAX, &e), 0);
}

static void
quarantine_is_bounded(void **state)
{
	struct err e = ERR_INIT;
	struct jv *list;
	char reason[64];

	(void)state;
	for (uint64_t i = 1; i <= 120; i++) {
		struct record r = record_at(i, (uint8_t)i, 0);

		quarantine(&r, "health");
	}
	list = quarantine_list(&l->dev, &e);
	assert_int_equal(jv_count(list), 100);
	jv_free(list);
	assert_true(quarantine_has(&l->dev, &(struct record){ .release = 120,
	    .listing.bytes = { 120 } }, reason));
}

static void
memory_that_cannot_be_read_counts_as_empty(void **state)
{
	struct record r = record_at(42, 1, 0);
	struct err e = ERR_INIT;
	char reason[64];
	struct jv *list;

	(void)state;
	lab_device_sh(l, "echo '{\"entries\":' > state/quarantine.json; "
	    "echo garbage > state/hold.json; printf 'x\\n{\"a\":1}\\n[]\\n{\"b' > "
	    "state/history.ndjson");
	assert_false(quarantine_has(&l->dev, &r, reason));
	assert_int_equal(hold_get(&l->dev), 0);
	list = history_list(&l->dev, &e);
	assert_int_equal(jv_count(list), 1);
	jv_free(list);
	quarantine(&r, "health");
	assert_true(quarantine_has(&l->dev, &r, reason));
	lab_device_sh(l, "echo '[1]' > state/quarantine.json");
	assert_false(quarantine_has(&l->dev, &r, reason));
	lab_device_sh(l, "rm state/quarantine.json; mkdir state/quarantine.json");
	assert_false(quarantine_has(&l->dev, &r, reason));
}

static void
hold_lasts_until_it_is_cleared(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(hold_get(&l->dev), 0);
	assert_int_equal(hold_set(&l->dev, 42, &e), 0);
	assert_int_equal(hold_get(&l->dev), 42);
	assert_int_equal(hold_clear(&l->dev, &e), 0);
	assert_int_equal(hold_get(&l->dev), 0);
	assert_int_equal(hold_clear(&l->dev, &e), 0);
}

static void
add_history(uint64_t to)
{
	struct history_entry h = { .from = to - 1, .to = to, .version = "v1.0",
		.result = "updated", .reason = "", .bytes = 10, .seconds = 3 };
	struct err e = ERR_INIT;

	if (history_add(&l->dev, &h, &e) == -1)
		fail_msg("%s", e.text);
}

static void
history_appends_and_forgets_the_oldest(void **state)
{
	struct err e = ERR_INIT;
	struct jv *list;
	size_t n;

	(void)state;
	list = history_list(&l->dev, &e);
	assert_int_equal(jv_count(list), 0);
	jv_free(list);
	for (uint64_t i = 1; i <= 1005; i++)
		add_history(i);
	list = history_list(&l->dev, &e);
	n = jv_count(list);
	assert_true(n >= 900 && n <= 1000);
	assert_int_equal(json_u64(jv_at(list, n - 1), "to"), 1005);
	assert_int_equal(json_u64(jv_at(list, 0), "to"), 1005 - n + 1);
	assert_string_equal(json_text(jv_at(list, 0), "version"), "v1.0");
	jv_free(list);
}

static void
history_cuts_off_a_torn_line(void **state)
{
	struct err e = ERR_INIT;
	struct jv *list;

	(void)state;
	add_history(1);
	lab_device_sh(l, "printf '{\"time\":\"20' >> state/history.ndjson");
	add_history(2);
	list = history_list(&l->dev, &e);
	assert_int_equal(jv_count(list), 2);
	assert_int_equal(json_u64(jv_at(list, 1), "to"), 2);
	jv_free(list);
}

#define MEMORY_TEST(f) cmocka_unit_test_setup_teardown(f, open_device, close_device)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MEMORY_TEST(quarantine_is_number_listing_and_attempt),
		MEMORY_TEST(quarantine_ends_up_to_a_release),
		MEMORY_TEST(quarantine_is_bounded),
		MEMORY_TEST(memory_that_cannot_be_read_counts_as_empty),
		MEMORY_TEST(hold_lasts_until_it_is_cleared),
		MEMORY_TEST(history_appends_and_forgets_the_oldest),
		MEMORY_TEST(history_cuts_off_a_torn_line),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
