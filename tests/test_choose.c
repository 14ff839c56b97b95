#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "manifest/base/log.h"

#include "apply/data.h"
#include "apply/memory.h"
#include "apply/plan.h"

#include "tests/lab/device.h"

static struct lab_device *l;
static struct record records[4];	/* releases 41 to 44 */
static struct catalog catalog;
static char words[3][16];

static int
open_device(void **state)
{
	(void)state;
	log_set_level(LOG_QUIET);
	l = lab_device_open(SWAP_SYMLINK, NULL);
	(void)strcpy(words[0], "demo");
	(void)strcpy(words[1], "stable");
	(void)strcpy(words[2], "any");
	l->conf.name = words[0];
	l->conf.channel = words[1];
	l->conf.platform = words[2];
	memset(records, 0, sizeof records);
	for (unsigned i = 0; i < 4; i++) {
		records[i].release = 41 + i;
		records[i].listing.bytes[0] = (uint8_t)(i + 1);
		records[i].usable = true;
	}
	catalog = (struct catalog){ .records = records, .n_records = 4 };
	return 0;
}

static int
close_device(void **state)
{
	(void)state;
	lab_device_close(l);
	return 0;
}

/* What is chosen when `running` runs; 0: nothing. */
static uint64_t
choose(uint64_t running, struct choose_options o, enum choice expect, const char *reason)
{
	struct live live = { .release = running, .has_record = true };
	const struct record *to = NULL;
	struct choose_why why;
	enum choice c = choose_release(&l->dev, &catalog, &live, &o, &to, &why);

	if (c != expect || strcmp(why.reason, reason) != 0)
		fail_msg("%d %s: %s", (int)c, why.reason, why.text);
	assert_true(why.text[0] != '\0');
	assert_int_equal(c == CHOICE_UPDATE, to != NULL);
	return to == NULL ? 0 : to->release;
}

static const struct choose_options plain;

static void
choose_takes_the_highest(void **state)
{
	(void)state;
	assert_int_equal(choose(0, plain, CHOICE_UPDATE, "newest"), 44);
	assert_int_equal(choose(41, plain, CHOICE_UPDATE, "newest"), 44);
	assert_int_equal(choose(44, plain, CHOICE_CURRENT, "current"), 0);
	assert_int_equal(choose(99, plain, CHOICE_CURRENT, "current"), 0);
	catalog.n_records = 0;
	assert_int_equal(choose(41, plain, CHOICE_CURRENT, "nothing-offered"), 0);
}

static void
choose_walks_requirements_release_by_release(void **state)
{
	(void)state;
	records[3].requires_release = 43;	/* 44 only from 43 */
	records[2].requires_release = 42;	/* 43 only from 42 */
	assert_int_equal(choose(41, plain, CHOICE_UPDATE, "requires"), 42);
	assert_int_equal(choose(42, plain, CHOICE_UPDATE, "requires"), 43);
	assert_int_equal(choose(43, plain, CHOICE_UPDATE, "newest"), 44);
	assert_int_equal(choose(0, plain, CHOICE_UPDATE, "newest"), 44);
}

static void
choose_goes_around_quarantine(void **state)
{
	struct choose_options retry = { .retry = true };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(quarantine_add(&l->dev, 44, &records[3].listing, 0, "health", "",
	    &e), 0);
	assert_int_equal(choose(42, plain, CHOICE_UPDATE, "quarantined"), 43);
	assert_int_equal(choose(43, plain, CHOICE_NONE, "quarantined"), 0);
	assert_int_equal(choose(43, retry, CHOICE_UPDATE, "newest"), 44);
	records[3].attempt = 1;
	assert_int_equal(choose(43, plain, CHOICE_UPDATE, "newest"), 44);
}

static void
choose_leaves_what_is_halted(void **state)
{
	const char text[] = "{\"x-signed\":\"2026-01-01T00:00:00Z\",\"x-halt\":"
	    "{\"releases\":[{\"release\":44,\"listing\":\"%s\"}],"
	    "\"all-until\":\"2026-03-01T00:00:00Z\"}}";
	char json[512], hex[SHA256_HEX_MAX];
	struct choose_options o = { .time = 1767225600 + 20 * 86400 };
	struct err e = ERR_INIT;
	struct jv *part;

	(void)state;
	(void)snprintf(json, sizeof json, text, sha256_hex(&records[3].listing, hex));
	assert_non_null(part = jv_parse(json, strlen(json), &e));
	o.halt = part;
	assert_int_equal(choose(42, o, CHOICE_UPDATE, "halted"), 43);
	assert_int_equal(choose(43, o, CHOICE_NONE, "halted"), 0);
	o.to = 44;
	assert_int_equal(choose(43, o, CHOICE_NONE, "halted"), 0);
	o.to = 0;
	/* The same number with another tree is another release. */
	records[3].listing.bytes[0] ^= 1;
	assert_int_equal(choose(43, o, CHOICE_UPDATE, "newest"), 44);
	records[3].listing.bytes[0] ^= 1;
	/* And so is the same tree under another. */
	records[2].listing = records[3].listing;
	assert_int_equal(choose(42, o, CHOICE_UPDATE, "halted"), 43);
	records[3].listing.bytes[0] ^= 1;
	/* All, but for 14 days at most, whatever was signed. */
	o.time = 1767225600 + 13 * 86400;
	assert_int_equal(choose(43, o, CHOICE_NONE, "halted"), 0);
	o.time = 1767225600 + 14 * 86400;
	assert_int_equal(choose(43, o, CHOICE_UPDATE, "newest"), 44);
	jv_free(part);
	/* And not beyond its end. */
	(void)snprintf(json, sizeof json, "{\"x-signed\":\"2026-01-01T00:00:00Z\","
	    "\"x-halt\":{\"all-until\":\"2026-01-03T00:00:00Z\"}}");
	assert_non_null(part = jv_parse(json, strlen(json), &e));
	o.halt = part;
	o.time = 1767225600 + 2 * 86400 - 1;
	assert_int_equal(choose(43, o, CHOICE_NONE, "halted"), 0);
	o.time++;
	assert_int_equal(choose(43, o, CHOICE_UPDATE, "newest"), 44);
	jv_free(part);
}

/* The archive is for the way there, not for going there. */
static void
choose_leaves_what_is_archived(void **state)
{
	(void)state;
	records[3].archived = true;
	assert_int_equal(choose(42, plain, CHOICE_UPDATE, "newest"), 43);
	assert_int_equal(choose(43, plain, CHOICE_CURRENT, "current"), 0);
}

static void
choose_respects_a_hold(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(hold_set(&l->dev, 43, &e), 0);
	assert_int_equal(choose(42, plain, CHOICE_UPDATE, "newest"), 44);
	assert_int_equal(hold_set(&l->dev, 44, &e), 0);
	assert_int_equal(choose(42, plain, CHOICE_HELD, "held"), 0);
	assert_int_equal(choose(44, plain, CHOICE_CURRENT, "current"), 0);
}

static void
choose_leaves_what_this_device_cannot_run(void **state)
{
	static char board[] = "pi4";

	(void)state;
	l->conf.hardware = board;
	records[3].usable = false;
	assert_int_equal(choose(43, plain, CHOICE_NONE, "unusable"), 0);
	records[3].usable = true;
	(void)strcpy(records[3].requires_applier, "99.0");
	assert_int_equal(choose(43, plain, CHOICE_NONE, "applier-too-old"), 0);
	records[3].requires_applier[0] = '\0';
	records[3].needs = jv_new_list();
	assert_int_equal(jv_push(records[3].needs, jv_new_text("teleport-7")), 0);
	assert_int_equal(choose(43, plain, CHOICE_NONE, "applier-too-old"), 0);
	record_clear(&records[3]);
	records[3].requires_hardware = jv_new_list();
	assert_int_equal(jv_push(records[3].requires_hardware, jv_new_text("pi5")), 0);
	assert_int_equal(choose(43, plain, CHOICE_NONE, "hardware"), 0);
	assert_int_equal(jv_push(records[3].requires_hardware, jv_new_text("pi4")), 0);
	assert_int_equal(choose(43, plain, CHOICE_UPDATE, "newest"), 44);
	record_clear(&records[3]);
}

static void
choose_looks_at_the_schema_of_the_data(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(data_schema_set(&l->dev, 5, &e), 0);
	records[3].data_schema = 4;
	assert_int_equal(choose(43, plain, CHOICE_NONE, "data-schema"), 0);
	records[3].data_schema = 6;
	records[3].data_reads = 5;
	assert_int_equal(choose(43, plain, CHOICE_UPDATE, "newest"), 44);
	records[3].data_reads = 6;
	assert_int_equal(choose(43, plain, CHOICE_NONE, "data-schema"), 0);
	records[3].data_reads = 1;
	records[3].requires_schema = 6;
	assert_int_equal(choose(43, plain, CHOICE_NONE, "data-schema"), 0);
}

static void
choose_takes_exactly_what_is_asked_for(void **state)
{
	struct choose_options to = { .to = 43 };

	(void)state;
	assert_int_equal(choose(41, to, CHOICE_UPDATE, "asked"), 43);
	assert_int_equal(choose(43, to, CHOICE_CURRENT, "current"), 0);
	assert_int_equal(choose(44, to, CHOICE_NONE, "older"), 0);
	to.to = 50;
	assert_int_equal(choose(41, to, CHOICE_NONE, "not-offered"), 0);
}

static void
choose_goes_down_only_by_the_channel_and_not_below_the_floor(void **state)
{
	struct choose_options o = { .downgrade = 42, .floor = 42 };

	(void)state;
	assert_int_equal(choose(44, o, CHOICE_UPDATE, "downgrade"), 42);
	assert_int_equal(choose(42, o, CHOICE_UPDATE, "newest"), 44);
	o.floor = 43;
	assert_int_equal(choose(44, o, CHOICE_CURRENT, "current"), 0);
}

/* Who is offered an old channel by somebody with the online key alone. */
static void
choose_begins_with_nothing_below_the_floor(void **state)
{
	struct choose_options o = { .floor = 45 };

	(void)state;
	assert_int_equal(choose(0, o, CHOICE_NONE, "below-floor"), 0);
	o.to = 43;
	assert_int_equal(choose(0, o, CHOICE_NONE, "below-floor"), 0);
	o.to = 0;
	assert_int_equal(choose(41, o, CHOICE_UPDATE, "newest"), 44);
	o.floor = 44;
	assert_int_equal(choose(0, o, CHOICE_UPDATE, "newest"), 44);
}

#define CHOOSE_TEST(f) cmocka_unit_test_setup_teardown(f, open_device, close_device)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CHOOSE_TEST(choose_takes_the_highest),
		CHOOSE_TEST(choose_walks_requirements_release_by_release),
		CHOOSE_TEST(choose_goes_around_quarantine),
		CHOOSE_TEST(choose_leaves_what_is_halted),
		CHOOSE_TEST(choose_leaves_what_is_archived),
		CHOOSE_TEST(choose_respects_a_hold),
		CHOOSE_TEST(choose_leaves_what_this_device_cannot_run),
		CHOOSE_TEST(choose_looks_at_the_schema_of_the_data),
		CHOOSE_TEST(choose_takes_exactly_what_is_asked_for),
		CHOOSE_TEST(choose_goes_down_only_by_the_channel_and_not_below_the_floor),
		CHOOSE_TEST(choose_begins_with_nothing_below_the_floor),
	};

	return cmocka_run_group_tests_name("choose", tests, NULL, NULL);
}
