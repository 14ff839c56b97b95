#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/base/err.h"

static void
err_set_fills_code_and_text_and_returns_minus_one(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&e, ERR_TRUST, "%s: bytes differ", "lib/a"), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_int_equal(e.sys, 0);
	assert_string_equal(e.text, "lib/a: bytes differ");
}

static void
err_sys_maps_errno_to_what_a_program_does(void **state)
{
	static const struct {
		int sys;
		enum err_code code;
	} cases[] = {
		{ ENOSPC, ERR_ROOM }, { EDQUOT, ERR_ROOM }, { ENOENT, ERR_ABSENT },
		{ ENOMEM, ERR_NOMEM }, { EIO, ERR_IO }, { EACCES, ERR_IO },
	};
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		errno = cases[i].sys;
		assert_int_equal(err_sys(&e, "spool"), -1);
		assert_int_equal(e.code, cases[i].code);
		assert_int_equal(e.sys, cases[i].sys);
		assert_memory_equal(e.text, "spool: ", 7);
		assert_string_equal(e.text + 7, strerror(cases[i].sys));
	}
}

static void
err_wrap_puts_context_in_front_and_hint_behind(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	(void)err_set(&e, ERR_FORMAT, "block 3 is cut short");
	assert_int_equal(err_wrap(&e, "%s", "a.delta"), -1);
	assert_int_equal(err_hint(&e, "fetch it again"), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_string_equal(e.text, "a.delta: block 3 is cut short; fetch it again");
}

static void
err_text_never_carries_terminal_controls(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	(void)err_set(&e, ERR_FAIL, "%s", "a\033[2Jb\nc\x7f" "d\xc2\x9b" "e\xff");
	assert_string_equal(e.text, "a?[2Jb?c?d?e?");
}

static void
err_text_longer_than_its_room_is_cut(void **state)
{
	char name[ERR_TEXT_MAX + 100];
	struct err e = ERR_INIT;

	(void)state;
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	(void)err_set(&e, ERR_FAIL, "%s", name);
	(void)err_wrap(&e, "%s", name);
	(void)err_hint(&e, "%s", name);
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
}

static void
err_exit_status_follows_the_design(void **state)
{
	static const int wanted[] = {
		[ERR_NONE] = 0, [ERR_IO] = 1, [ERR_NOMEM] = 1, [ERR_FAIL] = 1,
		[ERR_USAGE] = 2, [ERR_NET] = 3, [ERR_ABSENT] = 3, [ERR_TRUST] = 4,
		[ERR_FORMAT] = 4, [ERR_POLICY] = 5, [ERR_BUSY] = 6, [ERR_ROOM] = 7,
		[ERR_STALE] = 9, [ERR_CANCEL] = 1,
	};
	struct err e = ERR_INIT;

	(void)state;
	for (int code = ERR_NONE; code <= ERR_CANCEL; code++) {
		e.code = (enum err_code)code;
		assert_int_equal(err_exit_status(&e), wanted[code]);
		assert_true(strlen(err_word(e.code)) > 0);
	}
}

static void
err_exit_status_tells_a_missing_file_from_a_hosts_404(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	(void)err_set(&e, ERR_ABSENT, "2.root.json: 404");
	assert_int_equal(err_exit_status(&e), 3);
	errno = ENOENT;
	(void)err_sys(&e, "app.conf");
	assert_int_equal(err_exit_status(&e), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err_set_fills_code_and_text_and_returns_minus_one),
		cmocka_unit_test(err_sys_maps_errno_to_what_a_program_does),
		cmocka_unit_test(err_wrap_puts_context_in_front_and_hint_behind),
		cmocka_unit_test(err_text_never_carries_terminal_controls),
		cmocka_unit_test(err_text_longer_than_its_room_is_cut),
		cmocka_unit_test(err_exit_status_follows_the_design),
		cmocka_unit_test(err_exit_status_tells_a_missing_file_from_a_hosts_404),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
