/*
 * Every call to the disk of stage, verify and switch fails once, and all that
 * follow it too: what runs is the old tree or the new one, whole, and the next
 * attempt gets there.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apply/prune.h"
#include "apply/ready.h"

#include "tests/lab/disk.h"
#include "tests/lab/release.h"

/* As the table of steps goes, as far as trees are concerned. */
static int
update(struct run *run, struct err *e)
{
	if (live_try(run->dev, e) == -1 || live_prepare(run->dev, 42, e) == -1 ||
	    live_prepare(run->dev, 41, e) == -1)
		return -1;
	if (step_stage(run, e) != STEP_DONE || step_verify(run, e) != STEP_DONE)
		return -1;
	return live_switch(run->dev, 41, 42, e);
}

static uint64_t
lives(struct lab_device *l)
{
	struct err why = ERR_INIT;
	struct live live;

	if (live_read(&l->dev, &live, &why) != LIVE_RELEASE)
		fail_msg("%s", why.text);
	return live.release;
}

/* releases/N is whole; the record was made once, looking is cheap. */
static void
whole(struct lab_device *l, const struct record *rec)
{
	struct err e = ERR_INIT;

	if (ready_release(&l->dev, rec, &e) != 1)
		fail_msg("release %u: %s", (unsigned)rec->release, e.text);
}

static void
fail_from(struct lab_device *l, struct run *run, unsigned n, int sys, int ever)
{
	struct err e = ERR_INIT;
	uint64_t now;

	disk_fail(n, sys, ever);
	(void)update(run, &e);
	disk_reset();
	now = lives(l);
	assert_true(now == 41 || now == 42);
	whole(l, now == 41 ? &run->plan.from_record : &run->plan.to);
	run->n_bad = 0;
	run->tree_modified = false;
	if (update(run, &e) == -1)
		fail_msg("after call %u failed: %s", n, e.text);
	assert_int_equal(lives(l), 42);
	whole(l, &run->plan.to);
	whole(l, &run->plan.from_record);
	/* And back, for the next. */
	if (live_switch(&l->dev, 42, 41, &e) == -1 ||
	    release_remove(&l->dev, 42, &e) == -1)
		fail_msg("%s", e.text);
	whole(l, &run->plan.from_record);
}

static void
every_call(enum swap_mode swap, int sys, int ever)
{
	static char data[] = "lib";
	struct lab_device *l = lab_sources(swap);
	struct err e = ERR_INIT;
	struct run run;
	unsigned calls;

	l->conf.persist.items[l->conf.persist.n++] = data;
	lab_install(l, 41);
	lab_run_open(l, 41, 42, &run);
	lab_run_delta(l, &run, 41, 43);
	lab_run_delta(l, &run, 43, 42);
	disk_reset();
	if (update(&run, &e) == -1)
		fail_msg("%s", e.text);
	calls = disk_count();
	assert_true(calls > 100);
	if (live_switch(&l->dev, 42, 41, &e) == -1 ||
	    release_remove(&l->dev, 42, &e) == -1)
		fail_msg("%s", e.text);
	for (unsigned n = 1; n <= calls; n += ever ? 1 : 3)
		fail_from(l, &run, n, sys, ever);
	print_message("%u calls\n", calls);
	lab_run_close(&run);
	lab_device_close(l);
}

static void
link_mode_survives_each_call_and_all_after_it(void **state)
{
	(void)state;
	every_call(SWAP_SYMLINK, EIO, 1);
}

static void
link_mode_survives_each_call_alone(void **state)
{
	(void)state;
	every_call(SWAP_SYMLINK, ENOSPC, 0);
}

static void
exchange_mode_survives_each_call_and_all_after_it(void **state)
{
	(void)state;
	every_call(SWAP_EXCHANGE, EIO, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_mode_survives_each_call_and_all_after_it),
		cmocka_unit_test(link_mode_survives_each_call_alone),
		cmocka_unit_test(exchange_mode_survives_each_call_and_all_after_it),
	};

	return cmocka_run_group_tests_name("stage_faults", tests, NULL, NULL);
}
