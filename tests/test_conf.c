#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/log.h"

#include "apply/commands.h"
#include "apply/conf.h"

static const char good[] =
    "[app]\nname = demo\nroot = /opt//demo/\nurl = https://u.example.org/demo//\n"
    "[trust]\nroot = /etc/demo.root.json\n";

/* The good text and more lines; conf_parse() and conf_finish(). */
static int
read_with(const char *more, struct conf *c, struct err *e)
{
	char text[8192];

	(void)snprintf(text, sizeof text, "%s%s", good, more);
	err_clear(e);
	if (conf_parse("demo.conf", text, c, e) == -1)
		return -1;
	if (conf_finish(c, e) == 0)
		return 0;
	conf_clear(c);
	return -1;
}

static void
assert_refused(const char *more, const char *says)
{
	struct err e = ERR_INIT;
	struct conf c;

	if (read_with(more, &c, &e) != -1)
		fail_msg("taken: %s", more);
	assert_int_equal(e.code, ERR_USAGE);
	if (strstr(e.text, says) == NULL)
		fail_msg("'%s' does not say '%s'", e.text, says);
}

static void
conf_reads_every_kind_of_value(void **state)
{
	struct err e = ERR_INIT;
	struct conf c;

	(void)state;
	assert_int_equal(
	    read_with(
		"[device]\nnever-full = yes\n"
		"[persist]\npaths = data \"my files\"\n  logs\ncopy = venv\n"
		"[net]\nlow-speed = 2K\nretries = 7\n[backup]\nwhen = running\n"
		"[hooks]\nstop = /bin/true\n  -x ; a comment\ntimeout = 9\nstart-timeout = 11\n",
		&c, &e),
	    0);
	assert_string_equal(c.root, "/opt/demo");
	assert_string_equal(c.url, "https://u.example.org/demo");
	assert_string_equal(c.state, "/var/lib/delta-apply/demo");
	assert_string_equal(c.run, "/run/delta-apply/demo");
	assert_string_equal(c.channel, "stable");
	assert_true(c.never_full);
	assert_int_equal(c.persist.n, 3);
	assert_string_equal(c.persist.items[1], "my files");
	assert_string_equal(c.persist.items[2], "logs");
	assert_string_equal(c.persist_copy.items[0], "venv");
	assert_int_equal(c.low_speed_bytes, 2048);
	assert_int_equal(c.retries, 7);
	assert_true(c.backup_running);
	assert_string_equal(c.hooks[HOOK_STOP], "/bin/true -x");
	assert_int_equal(c.hook_timeout_s[HOOK_STOP], 9);
	assert_int_equal(c.hook_timeout_s[HOOK_START], 11);
	conf_clear(&c);
}

static void
conf_has_defaults_that_check(void **state)
{
	struct err e = ERR_INIT;
	struct conf c;

	(void)state;
	if (read_with("", &c, &e) == -1)
		fail_msg("%s", e.text);
	assert_int_equal(c.keep, 2);
	assert_true(c.health_update_probe);
	assert_true(c.total_timeout_s > 0 && c.low_speed_time_s > 0);
	conf_clear(&c);
}

static void
conf_names_the_nearest_key(void **state)
{
	(void)state;
	assert_refused("[app]\nchanel = beta\n", "did you mean channel");
	assert_refused("[app]\nchanel = beta\n", "line 8");
	assert_refused("[app]\nchanel = beta\n", "demo.conf");
	assert_refused("[helth]\nurl = http://x/\n", "did you mean [health]");
	assert_refused("[net]\nunit = x\n", "belongs to [service]");
	assert_refused("[app]\nzzzzzz = 1\n", "no key zzzzzz in [app]");
	assert_refused("[zzzzzzz]\na = 1\n", "no section [zzzzzzz]");
}

static void
conf_refuses_what_is_no_configuration(void **state)
{
	struct err e = ERR_INIT;
	struct conf c;

	(void)state;
	assert_refused("just words\n", "line 7: expects");
	assert_refused("[app]\nname = again\n", "stands on line 2 already");
	assert_refused("[net]\nretries = many\n", "net.retries");
	assert_refused("[net]\nretries = 3\n  4\n", "one word");
	assert_refused("[persist]\npaths = \"open\n", "not closed");
	assert_refused("[device]\nnever-full = perhaps\n", "yes or no");
	assert_refused("[app]\nhardware = a\001b\n", "control character");
	assert_int_equal(conf_parse("x", "name = demo\n", &c, &e), -1);
	assert_non_null(strstr(e.text, "before any [section]"));
}

static void
conf_refuses_a_line_that_would_be_cut(void **state)
{
	char more[600];
	size_t n = (size_t)snprintf(more, sizeof more, "[hooks]\nstop = /bin/");

	(void)state;
	memset(more + n, 'x', 400);
	(void)snprintf(more + n + 400, sizeof more - n - 400, "\n");
	assert_refused(more, "line 8: longer than");
}

static void
conf_checks_values_together(void **state)
{
	(void)state;
	assert_refused("[app]\nkeep = 1\n", "at least 2");
	assert_refused("[app]\nchannel = ../x\n", "app.channel");
	assert_refused("[app]\nchannel = root\n", "app.channel");
	assert_refused("[app]\nplatform = Linux\n", "app.platform");
	assert_refused("[app]\nstate = /opt/demo/state\n", "below app.root");
	assert_refused("[app]\nallow = everything\n", "no such word 'everything'");
	assert_refused("[app]\nowner = no-such-user-here\n", "no user");
	assert_refused("[persist]\npaths = ../etc\n", "'../etc'");
	assert_refused("[persist]\npaths = .delta/x\n", "belongs to delta-apply");
	assert_refused("[persist]\npaths = a a/b\n", "is in 'a' already");
	assert_refused("[persist]\npaths = a\ncopy = a\n", "is in 'a' already");
	assert_refused("[health]\nunit = yes\n", "[service] unit");
	assert_refused("[health]\nurl = file:///x\n", "health.url");
	assert_refused("[service]\nunit = a.service\nstart = x\nstop = y\n", "either");
	assert_refused("[net]\ntotal-timeout = 0\n", "hang");
}

static void
conf_refuses_roots_and_urls(void **state)
{
	static const struct {
		const char *root, *url, *says;
	} cases[] = {
		{ "/", "http://h/x", "root of the file system" },
		{ "opt/demo", "http://h/x", "absolute path" },
		{ "/opt/../etc", "http://h/x", "'..'" },
		{ "/opt/demo", "ftp://h/x", "app.url" },
		{ "/opt/demo", "file://host/x", "app.url" },
		{ "/opt/demo", "http://", "app.url" },
		{ "/opt/demo", "http://h/a b", "%20" },
		{ "/opt/demo", "http://h/x?y", "%3F" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[512];
		struct err e = ERR_INIT;
		struct conf c;

		(void)snprintf(text, sizeof text, "[app]\nname=demo\nroot=%s\nurl=%s\n"
		    "[trust]\nroot=/r\n", cases[i].root, cases[i].url);
		if (conf_parse("c", text, &c, &e) == 0) {
			assert_int_equal(conf_finish(&c, &e), -1);
			conf_clear(&c);
		}
		assert_int_equal(e.code, ERR_USAGE);
		if (strstr(e.text, cases[i].says) == NULL)
			fail_msg("'%s' does not say '%s'", e.text, cases[i].says);
	}
}

static void
conf_says_which_required_key_is_missing(void **state)
{
	struct err e = ERR_INIT;
	struct conf c;

	(void)state;
	assert_int_equal(conf_parse("c",
			     "[app]\nname=demo\nroot=/opt/x\nurl=http://h/x\n", &c, &e),
	    0);
	assert_int_equal(conf_finish(&c, &e), -1);
	assert_non_null(strstr(e.text, "trust.root"));
	conf_clear(&c);
}

static void
conf_takes_the_environment_but_not_under_sudo(void **state)
{
	struct err e = ERR_INIT;
	struct conf c;

	(void)state;
	log_set_level(LOG_QUIET);
	(void)setenv("DELTA_APPLY_APP_CHANNEL", "beta", 1);
	(void)setenv("DELTA_APPLY_APP_URL", "http://evil/", 1);
	(void)setenv("DELTA_APPLY_HOOKS_FROM_RELEASE", "yes", 1);
	assert_int_equal(conf_parse("c", good, &c, &e), 0);
	assert_int_equal(conf_env(&c, &e), 0);
	assert_string_equal(c.channel, "beta");
	assert_string_equal(c.url, "http://evil");
	assert_true(c.hooks_from_release);
	conf_clear(&c);
	(void)setenv("SUDO_UID", "1000", 1);
	assert_int_equal(conf_parse("c", good, &c, &e), 0);
	assert_int_equal(conf_env(&c, &e), 0);
	assert_string_equal(c.channel, "beta");
	assert_string_equal(c.url, "https://u.example.org/demo");
	assert_false(c.hooks_from_release);
	conf_clear(&c);
	(void)setenv("DELTA_APPLY_NET_RETRIES", "x", 1);
	assert_int_equal(conf_parse("c", good, &c, &e), 0);
	assert_int_equal(conf_env(&c, &e), -1);
	assert_non_null(strstr(e.text, "DELTA_APPLY_NET_RETRIES"));
	conf_clear(&c);
	(void)unsetenv("SUDO_UID");
	(void)unsetenv("DELTA_APPLY_APP_CHANNEL");
	(void)unsetenv("DELTA_APPLY_APP_URL");
	(void)unsetenv("DELTA_APPLY_HOOKS_FROM_RELEASE");
	(void)unsetenv("DELTA_APPLY_NET_RETRIES");
}

static void
conf_accepts_reserved_sections(void **state)
{
	struct err e = ERR_INIT;
	struct conf c;

	(void)state;
	log_set_level(LOG_QUIET);
	assert_int_equal(read_with("[policy]\nwindow = 02:00-04:00\n[report]\nurl = x\n",
			     &c, &e),
	    0);
	conf_clear(&c);
}

static void
conf_keeps_applications_apart(void **state)
{
	struct conf two[2];
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(read_with("", &two[0], &e), 0);
	assert_int_equal(read_with("", &two[1], &e), 0);
	assert_int_equal(conf_check_apart(two, 2, &e), -1);
	assert_non_null(strstr(e.text, "app.name"));
	assert_int_equal(conf_set(&two[1], "app", "name", "other", &e), 0);
	assert_int_equal(conf_check_apart(two, 2, &e), -1);
	assert_non_null(strstr(e.text, "app.root"));
	assert_int_equal(conf_set(&two[1], "app", "root", "/opt/demo/inner", &e), 0);
	assert_int_equal(conf_check_apart(two, 2, &e), -1);
	assert_int_equal(conf_set(&two[1], "app", "root", "/opt/demo2", &e), 0);
	assert_int_equal(conf_check_apart(two, 2, &e), -1);
	assert_non_null(strstr(e.text, "app.state"));
	assert_int_equal(conf_set(&two[1], "app", "state", "/var/other", &e), 0);
	assert_int_equal(conf_set(&two[1], "app", "run", "/run/other", &e), 0);
	assert_int_equal(conf_check_apart(two, 2, &e), 0);
	conf_clear(&two[0]);
	conf_clear(&two[1]);
}

static void
commands_take_the_worst_status(void **state)
{
	static const int from_best[] = { 0, 8, 6, 3, 9, 7, 1, 2, 5, 4 };

	(void)state;
	for (size_t i = 0; i < 10; i++)
		for (size_t k = 0; k < 10; k++)
			assert_int_equal(commands_worse(from_best[i], from_best[k]),
			    from_best[i > k ? i : k]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conf_reads_every_kind_of_value),
		cmocka_unit_test(conf_has_defaults_that_check),
		cmocka_unit_test(conf_names_the_nearest_key),
		cmocka_unit_test(conf_refuses_what_is_no_configuration),
		cmocka_unit_test(conf_refuses_a_line_that_would_be_cut),
		cmocka_unit_test(conf_checks_values_together),
		cmocka_unit_test(conf_refuses_roots_and_urls),
		cmocka_unit_test(conf_says_which_required_key_is_missing),
		cmocka_unit_test(conf_takes_the_environment_but_not_under_sudo),
		cmocka_unit_test(conf_accepts_reserved_sections),
		cmocka_unit_test(conf_keeps_applications_apart),
		cmocka_unit_test(commands_take_the_worst_status),
	};

	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
