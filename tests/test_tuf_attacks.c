/*
 * Every attack of the tables in tests/lab: how the client says no, what it may
 * have stored, and that an honest repository afterwards is taken up again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/tuf_attack.h"
#include "tests/lab/tuf_device.h"

#define PRODUCT "0123456789abcdef"

static const struct attack *const tables[] = { root_attacks, timestamp_attacks,
	snapshot_attacks, targets_attacks };

enum { N_TABLES = sizeof tables / sizeof tables[0] };

static const char *const stored[] = { "root", "timestamp", "snapshot", "targets" };

static void
read_all(const struct tuf_device *d, struct buf out[4])
{
	for (int i = 0; i < 4; i++) {
		char name[32];

		(void)snprintf(name, sizeof name, "%s.json", stored[i]);
		buf_init(&out[i], 1 << 20);
		device_read(d, name, &out[i]);
	}
}

static void
check_stored(
    const struct attack *a, const struct buf before[4], const struct buf after[4])
{
	for (int i = 0; i < 4; i++) {
		bool same = before[i].len == after[i].len &&
			    memcmp(before[i].data, after[i].data, after[i].len) == 0;

		if (!same && strstr(a->stores, stored[i]) == NULL)
			fail_msg("%s: %s was stored", a->name, stored[i]);
	}
}

/* A repository at version 10 with one delegated role. */
static struct tuf_sim *
honest(void)
{
	struct tuf_sim *s = sim_new(PRODUCT);

	sim_delegate(s, "targets", "stable", "*/*", SIM_KEY(K_CHANNEL));
	for (size_t i = 1; i < s->n_roles; i++)
		sim_set_version(s, s->roles[i].name, 10);
	sim_publish(s);
	return s;
}

struct memory {
	struct jv *parts[SIM_ROLES];
	unsigned signers[SIM_ROLES];
	size_t n;
};

static void
remember(struct memory *m, struct tuf_sim *s)
{
	m->n = s->n_roles;
	for (size_t i = 0; i < m->n; i++) {
		m->parts[i] = jv_copy(s->roles[i].part);
		m->signers[i] = s->roles[i].signers;
	}
}

/* The honest parts again, of versions above everything an attack used. */
static void
heal(struct memory *m, struct tuf_sim *s, bool root_too)
{
	s->fail_name[0] = s->endless[0] = '\0';
	for (size_t i = root_too ? 1 : 0; i < m->n; i++) {
		jv_free(s->roles[i].part);
		s->roles[i].part = m->parts[i];
		m->parts[i] = NULL;
		s->roles[i].signers = m->signers[i];
	}
	if (!root_too)
		sim_remove(s, "2.root.json");
	else {
		/* that root was valid: go on from it with honest keys */
		sim_root_keys(s, "timestamp", SIM_KEY(K_ONLINE), 1);
		sim_bump(s, "root");
	}
	for (size_t i = 1; i < s->n_roles; i++)
		sim_set_version(s, s->roles[i].name, 50);
	sim_publish(s);
	for (size_t i = 0; i < m->n; i++)
		jv_free(m->parts[i]);
}

static void
check_attack(const struct attack *a)
{
	struct tuf_sim *s = honest();
	struct tuf_device *d = device_new(s);
	struct buf before[4], after[4];
	struct err e = ERR_INIT;
	struct memory m;

	device_must_refresh(d, s);
	read_all(d, before);
	remember(&m, s);
	a->act(s);
	if (device_refresh(d, s, &e) == 0)
		fail_msg("%s: was believed", a->name);
	if (e.code != a->code || strstr(e.text, a->text) == NULL)
		fail_msg("%s: %s: %s", a->name, err_word(e.code), e.text);
	read_all(d, after);
	check_stored(a, before, after);
	heal(&m, s, strcmp(a->stores, "root") == 0);
	if (device_refresh(d, s, &e) == -1)
		fail_msg("%s: stuck afterwards: %s", a->name, e.text);
	assert_int_equal(device_version(d, "targets.json"), 50);
	for (int i = 0; i < 4; i++) {
		buf_free(&before[i]);
		buf_free(&after[i]);
	}
	device_free(d);
	sim_free(s);
}

static void
every_attack_is_refused_and_nothing_stays_stuck(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_TABLES; i++)
		for (const struct attack *a = tables[i]; a->name != NULL; a++)
			check_attack(a);
}

static void
check_first_contact(const struct attack *a)
{
	bool by_memory = strstr(a->text, "rollback") != NULL ||
			 strstr(a->text, "not listed any more") != NULL;
	struct tuf_sim *s = honest();
	struct tuf_device *d = device_new(s);
	struct err e = ERR_INIT;

	a->act(s);
	if (!by_memory && device_refresh(d, s, &e) == 0)
		fail_msg("%s: was believed", a->name);
	device_free(d);
	sim_free(s);
}

/* A device that never saw the repository must refuse them as well, but for those
 * that need a memory. */
static void
attacks_without_memory_are_refused_at_first_contact(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_TABLES; i++)
		for (const struct attack *a = tables[i]; a->name != NULL; a++)
			check_first_contact(a);
}

static void
freeze_ends_with_the_expiry_of_the_timestamp(void **state)
{
	struct tuf_sim *s = honest();
	struct tuf_device *d = device_new(s);
	struct err e = ERR_INIT;

	(void)state;
	sim_set_expires(s, "timestamp", SIM_NOW + SIM_DAY);
	sim_bump(s, "timestamp");
	sim_publish(s);
	device_must_refresh(d, s);
	d->clock.system_now += 2 * SIM_DAY;
	assert_int_equal(device_refresh(d, s, &e), -1);
	assert_int_equal(e.code, ERR_STALE);
	assert_int_equal(device_version(d, "timestamp.json"), 11);
	device_free(d);
	sim_free(s);
}

/* An expired local file is still what rollback is measured against. */
static void
memory_survives_expiry(void **state)
{
	struct tuf_sim *s = honest();
	struct tuf_device *d = device_new(s);
	struct err e = ERR_INIT;

	(void)state;
	sim_set_expires(s, "timestamp", SIM_NOW + SIM_DAY);
	sim_set_expires(s, "snapshot", SIM_NOW + SIM_DAY);
	sim_bump(s, "timestamp");
	sim_publish(s);
	device_must_refresh(d, s);
	d->clock.system_now += 2 * SIM_DAY;
	sim_set_expires(s, "timestamp", SIM_NOW + 9 * SIM_DAY);
	sim_set_expires(s, "snapshot", SIM_NOW + 9 * SIM_DAY);
	sim_set_version(s, "timestamp", 10);
	sim_publish(s);
	assert_int_equal(device_refresh(d, s, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	sim_set_version(s, "timestamp", 12);
	sim_set_version(s, "snapshot", 11);
	sim_set_version(s, "targets", 9);
	sim_publish(s);
	assert_int_equal(device_refresh(d, s, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_non_null(strstr(e.text, "rollback of targets.json"));
	device_free(d);
	sim_free(s);
}

/* The snapshot's own bytes are what an earlier timestamp listed: measuring it by
 * the new timestamp would forget it just when it is needed. */
static void
memory_of_snapshot_survives_a_timestamp_that_came_alone(void **state)
{
	struct tuf_sim *s = honest();
	struct tuf_device *d = device_new(s);
	struct err e = ERR_INIT;

	(void)state;
	device_must_refresh(d, s);
	sim_release(s);
	(void)snprintf(s->fail_name, SIM_NAME_MAX, "11.snapshot.json");
	s->fail_code = ERR_NET;
	assert_int_equal(device_refresh(d, s, &e), -1);
	s->fail_name[0] = '\0';
	sim_set_version(s, "timestamp", 12);
	sim_set_version(s, "snapshot", 12);
	sim_set_version(s, "targets", 9);
	sim_publish(s);
	assert_int_equal(device_refresh(d, s, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_non_null(strstr(e.text, "rollback of targets.json"));
	device_free(d);
	sim_free(s);
}

/* Same version, other content: the one that was first stays. */
static void
equal_timestamp_replaces_nothing(void **state)
{
	struct tuf_sim *s = honest();
	struct tuf_device *d = device_new(s);
	struct buf before = BUF_INIT(100000), after = BUF_INIT(100000);

	(void)state;
	device_must_refresh(d, s);
	device_read(d, "timestamp.json", &before);
	sim_set_version(s, "snapshot", 99);
	sim_set_version(s, "targets", 99);
	sim_publish(s);
	device_must_refresh(d, s);
	device_read(d, "timestamp.json", &after);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, after.len);
	assert_int_equal(device_version(d, "targets.json"), 10);
	buf_free(&before);
	buf_free(&after);
	device_free(d);
	sim_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_attack_is_refused_and_nothing_stays_stuck),
		cmocka_unit_test(attacks_without_memory_are_refused_at_first_contact),
		cmocka_unit_test(freeze_ends_with_the_expiry_of_the_timestamp),
		cmocka_unit_test(memory_survives_expiry),
		cmocka_unit_test(memory_of_snapshot_survives_a_timestamp_that_came_alone),
		cmocka_unit_test(equal_timestamp_replaces_nothing),
	};

	return cmocka_run_group_tests_name("tuf_attacks", tests, NULL, NULL);
}
