#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apply/plan.h"
#include "apply/spool.h"

#include "tests/lab/device.h"

static struct lab_device *l;

static int
open_device(void **state)
{
	(void)state;
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

static struct object
object_of(const char *text)
{
	struct object o = { .path = "1/any.tar.zst", .bytes = strlen(text) };
	struct err e = ERR_INIT;

	assert_int_equal(sha256_of(text, strlen(text), &o.sha256, &e), 0);
	return o;
}

/* Some of an object, then what spool_part_finish() says. */
static int
receive(const struct object *o, const char *text, struct err *e)
{
	struct spool_part p;
	int rc;

	assert_int_equal(spool_part_open(&l->dev, o, &p, e), 0);
	assert_int_equal(spool_part_add(&p, text, strlen(text), e), 0);
	rc = spool_part_finish(&p, o, e);
	spool_part_close(&p);
	return rc;
}

static void
spool_gives_a_name_to_right_bytes_only(void **state)
{
	struct object o = object_of("all of it");
	struct err e = ERR_INIT;
	int fd;

	(void)state;
	assert_false(spool_has(&l->dev, &o));
	assert_int_equal(spool_have_bytes(&l->dev, &o), 0);
	assert_int_equal(receive(&o, "all of IT", &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_int_equal(spool_have_bytes(&l->dev, &o), 0);
	assert_int_equal(receive(&o, "all of", &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_int_equal(receive(&o, "all of it", &e), 0);
	assert_true(spool_has(&l->dev, &o));
	assert_int_equal(spool_have_bytes(&l->dev, &o), o.bytes);
	assert_true((fd = spool_open(&l->dev, &o, &e)) != -1);
	(void)close(fd);
	lab_device_sh(l, "test `ls state/spool | wc -l` = 1");
}

static void
spool_hashes_again_before_it_hands_out(void **state)
{
	struct object o = object_of("all of it");
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(receive(&o, "all of it", &e), 0);
	lab_device_sh(l, "for f in state/spool/*; do printf 'all of IT' > $f; done");
	assert_true(spool_has(&l->dev, &o));	/* name and size alone */
	assert_int_equal(spool_open(&l->dev, &o, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_false(spool_has(&l->dev, &o));
}

static void
spool_part_survives_with_its_validator(void **state)
{
	struct object o = object_of("all of it");
	struct err e = ERR_INIT;
	struct spool_part p;

	(void)state;
	assert_int_equal(spool_part_open(&l->dev, &o, &p, &e), 0);
	assert_int_equal(spool_part_restart(&p, "\"v1\"", &e), 0);
	assert_int_equal(spool_part_add(&p, "all", 3, &e), 0);
	spool_part_close(&p);
	assert_int_equal(spool_have_bytes(&l->dev, &o), 3);
	assert_int_equal(spool_part_open(&l->dev, &o, &p, &e), 0);
	assert_int_equal(p.have, 3);
	assert_string_equal(p.etag, "\"v1\"");
	assert_int_equal(spool_part_restart(&p, "\"v2\"", &e), 0);
	assert_int_equal(p.have, 0);
	spool_part_close(&p);
	assert_int_equal(spool_part_open(&l->dev, &o, &p, &e), 0);
	assert_int_equal(p.have, 0);
	assert_string_equal(p.etag, "\"v2\"");
	spool_part_close(&p);
	assert_int_equal(receive(&o, "all of it", &e), 0);
	lab_device_sh(l, "test `ls state/spool | wc -l` = 1");
}

static void
spool_part_longer_than_its_object_starts_anew(void **state)
{
	struct object o = object_of("short"), longer = o;
	struct err e = ERR_INIT;
	struct spool_part p;

	(void)state;
	longer.bytes = 100;
	assert_int_equal(spool_part_open(&l->dev, &longer, &p, &e), 0);
	assert_int_equal(spool_part_add(&p, "much longer", 11, &e), 0);
	spool_part_close(&p);
	assert_int_equal(spool_have_bytes(&l->dev, &o), 0);
	assert_int_equal(spool_part_open(&l->dev, &o, &p, &e), 0);
	assert_int_equal(p.have, 0);
	spool_part_close(&p);
}

static void
spool_clean_keeps_what_the_plan_names(void **state)
{
	struct object wanted = object_of("wanted"), part = object_of("a part"),
		other = object_of("other");
	struct edge hop = { .object = wanted };
	struct record tree = { .release = 2 };
	struct plan plan = { .hops = &hop, .trees = &tree, .n_hops = 1 };
	struct err e = ERR_INIT;
	struct spool_part p;

	(void)state;
	assert_int_equal(spool_clean(&l->dev, &plan, &e), 0);	/* no folder yet */
	tree.object = part;
	assert_int_equal(receive(&wanted, "wanted", &e), 0);
	assert_int_equal(receive(&other, "other", &e), 0);
	assert_int_equal(spool_part_open(&l->dev, &part, &p, &e), 0);
	assert_int_equal(spool_part_add(&p, "a", 1, &e), 0);
	spool_part_close(&p);
	lab_device_sh(l, "touch state/spool/stray; mkdir -p state/spool/a/b");
	assert_int_equal(spool_clean(&l->dev, &plan, &e), 0);
	assert_true(spool_has(&l->dev, &wanted));
	assert_int_equal(spool_have_bytes(&l->dev, &part), 1);
	assert_false(spool_has(&l->dev, &other));
	lab_device_sh(l, "test `ls state/spool | wc -l` = 2");
	assert_int_equal(spool_clean(&l->dev, NULL, &e), 0);
	lab_device_sh(l, "test `ls state/spool | wc -l` = 0");
}

#define SPOOL_TEST(f) cmocka_unit_test_setup_teardown(f, open_device, close_device)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(spool_gives_a_name_to_right_bytes_only),
		SPOOL_TEST(spool_hashes_again_before_it_hands_out),
		SPOOL_TEST(spool_part_survives_with_its_validator),
		SPOOL_TEST(spool_part_longer_than_its_object_starts_anew),
		SPOOL_TEST(spool_clean_keeps_what_the_plan_names),
	};

	return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
