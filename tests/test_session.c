/*
 * What a device reads out of trusted metadata before it looks at releases: product,
 * floor, halt.  The repository is simulated, behind a real socket.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/base/log.h"
#include "manifest/base/utc.h"

#include "apply/session.h"

#include "tests/lab/device.h"
#include "tests/lab/tuf_host.h"

struct world {
	struct lab_device *device;
	struct tuf_sim *sim;
	struct tuf_host *host;
	struct fetch *fetch;
	struct session *session;
	char url[64], root[300], stable[8], any[4], name[4];
};

static void
open_world(struct world *w, const char *product)
{
	const struct sim_file *root;
	struct err e = ERR_INIT;
	FILE *f;

	memset(w, 0, sizeof *w);
	log_set_level(LOG_QUIET);
	w->device = lab_device_open(SWAP_SYMLINK, NULL);
	w->sim = sim_new_at(product, utc_now());
	sim_delegate(w->sim, "targets", "stable", "*/*", SIM_KEY(K_CHANNEL));
	w->host = tuf_host_open(w->sim, NULL);
	(void)snprintf(w->url, sizeof w->url, "http://127.0.0.1:%d",
	    tuf_host_port(w->host));
	(void)snprintf(w->root, sizeof w->root, "%s/1.root.json", w->device->dir);
	root = sim_file(w->sim, "1.root.json");
	assert_non_null(f = fopen(w->root, "we"));
	assert_int_equal(fwrite(root->bytes.data, root->bytes.len, 1, f), 1);
	assert_int_equal(fclose(f), 0);
	(void)strcpy(w->stable, "stable");
	(void)strcpy(w->any, "any");
	(void)strcpy(w->name, "app");
	w->device->conf.url = w->url;
	w->device->conf.trust_root = w->root;
	w->device->conf.name = w->name;
	w->device->conf.channel = w->stable;
	w->device->conf.platform = w->any;
	w->fetch = fetch_new(NULL, &e);
	assert_non_null(w->fetch);
}

static void
close_world(struct world *w)
{
	session_close(w->session);
	fetch_free(w->fetch);
	tuf_host_close(w->host);
	sim_free(w->sim);
	lab_device_close(w->device);
}

static int
refresh(struct world *w, struct err *e)
{
	session_close(w->session);
	if ((w->session = session_open(&w->device->dev, w->fetch, e)) == NULL)
		return -1;
	return session_refresh(w->session, e);
}

static void
must_refresh(struct world *w)
{
	struct err e = ERR_INIT;

	if (refresh(w, &e) == -1)
		fail_msg("%s", e.text);
}

static void
a_repository_without_a_product_is_none_of_ours(void **state)
{
	struct err e = ERR_INIT;
	struct world w;

	(void)state;
	open_world(&w, NULL);
	sim_release(w.sim);
	assert_int_equal(refresh(&w, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_non_null(strstr(e.text, "no x-product"));
	assert_int_equal(tuf_host_count(w.host, ""), 0);
	close_world(&w);
}

static void
set_int(struct jv *object, const char *key, int64_t n)
{
	assert_int_equal(jv_set(object, key, jv_new_int(n)), 0);
}

/* That of targets holds for all channels; a channel can only raise it. */
static void
the_floor_is_the_higher_of_two(void **state)
{
	static const int64_t floors[][3] = { { 5, 3, 5 }, { 5, 7, 7 }, { 5, 0, 5 },
		{ 0, 4, 4 } };
	struct world w;

	(void)state;
	open_world(&w, "0123456789abcdef");
	for (size_t i = 0; i < sizeof floors / sizeof floors[0]; i++) {
		struct jv *channel = jv_new_object();

		set_int(channel, "floor", floors[i][1]);
		assert_int_equal(
		    jv_set(sim_part(w.sim, "stable"), "x-channel", channel), 0);
		set_int(sim_part(w.sim, "targets"), "x-floor", floors[i][0]);
		sim_release(w.sim);
		must_refresh(&w);
		assert_int_equal(session_floor(w.session), floors[i][2]);
	}
	close_world(&w);
}

/* Who could make the halt disappear could ship what was halted. */
static void
a_halt_that_got_lost_is_no_leave_to_go_on(void **state)
{
	struct err e = ERR_INIT;
	struct world w;

	(void)state;
	open_world(&w, "0123456789abcdef");
	sim_release(w.sim);
	must_refresh(&w);
	assert_null(session_halt(w.session));
	sim_delegate(w.sim, "targets", "halt", "-", SIM_KEY(K_SPARE));
	sim_release(w.sim);
	must_refresh(&w);
	assert_non_null(session_halt(w.session));
	close_world(&w);

	open_world(&w, "0123456789abcdef");
	sim_delegate(w.sim, "targets", "halt", "-", SIM_KEY(K_SPARE));
	w.sim->n_roles--; /* delegated, and not in snapshot */
	jv_free(w.sim->roles[w.sim->n_roles].part);
	sim_release(w.sim);
	assert_int_equal(refresh(&w, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_non_null(strstr(e.text, "halt"));
	close_world(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_repository_without_a_product_is_none_of_ours),
		cmocka_unit_test(the_floor_is_the_higher_of_two),
		cmocka_unit_test(a_halt_that_got_lost_is_no_leave_to_go_on),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
