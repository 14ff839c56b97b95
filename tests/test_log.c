#include <sys/ioctl.h>

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/log.h"

static char said[65536];
static int saved = -1, reader = -1;

/* Standard error goes into `fd` until heard(). */
static void
listen_at(int fd)
{
	(void)fflush(stderr);
	saved = dup(STDERR_FILENO);
	assert_int_not_equal(saved, -1);
	assert_int_not_equal(dup2(fd, STDERR_FILENO), -1);
}

static void
listen_to_pipe(void)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	listen_at(fds[1]);
	(void)close(fds[1]);
	reader = fds[0];
}

static void
listen_to_terminal(unsigned short columns)
{
	struct winsize size = { .ws_row = 24, .ws_col = columns };
	int terminal;

	reader = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_not_equal(reader, -1);
	assert_int_equal(grantpt(reader), 0);
	assert_int_equal(unlockpt(reader), 0);
	terminal = open(ptsname(reader), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_not_equal(terminal, -1);
	assert_int_equal(ioctl(terminal, TIOCSWINSZ, &size), 0);
	listen_at(terminal);
	(void)close(terminal);
	assert_int_equal(fcntl(reader, F_SETFL, O_NONBLOCK), 0);
}

static const char *
heard(void)
{
	size_t len = 0;
	ssize_t n;

	(void)fflush(stderr);
	while ((n = read(reader, said + len, sizeof said - 1 - len)) > 0)
		len += (size_t)n;
	said[len] = '\0';
	assert_int_not_equal(dup2(saved, STDERR_FILENO), -1);
	(void)close(saved);
	(void)close(reader);
	return said;
}

static void
levels_choose_what_is_said(void **state)
{
	static const struct {
		enum log_level level;
		const char *wanted;
	} cases[] = {
		{ LOG_QUIET, "prog: warning: w 3\nprog: the thing: broke\n" },
		{ LOG_NORMAL, "s 1\nprog: warning: w 3\nprog: the thing: broke\n" },
		{ LOG_VERBOSE,
		    "s 1\nd 2\nprog: warning: w 3\nprog: the thing: broke\n" },
	};
	struct err e = ERR_INIT;

	(void)state;
	(void)err_set(&e, ERR_FAIL, "the thing: broke");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		log_setup("prog", cases[i].level);
		assert_int_equal(log_level_now(), cases[i].level);
		listen_to_pipe();
		log_say("s %d", 1);
		log_detail("d %d", 2);
		log_warn("w %d", 3);
		log_error(&e);
		assert_string_equal(heard(), cases[i].wanted);
	}
}

static void
names_from_outside_do_not_drive_the_terminal(void **state)
{
	(void)state;
	log_setup("prog", LOG_NORMAL);
	listen_to_pipe();
	log_say("file %s", "a\033]0;x\007b\rc\xc2\x9b" "31m\xe2\x80\xae");
	assert_string_equal(heard(), "file a?]0;x?b?c?31m?\n");
}

static void
text_is_kept_where_it_is_harmless(void **state)
{
	static const struct {
		const char *in, *out, *multiline;
		bool plain;
	} cases[] = {
		{ "plain", "plain", "plain", true },
		{ "z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x98\x80",
		    "z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x98\x80",
		    "z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x98\x80", true },
		{ "a\nb\tc", "a?b?c", "a\nb\tc", true },
		{ "a\rb", "a?b", "a?b", false },
		{ "\x1b[0m", "?[0m", "?[0m", false },
		{ "\x7f", "?", "?", false },
		{ "\xc2\x80\xc2\x9f", "??", "??", false },
		{ "\xc3", "?", "?", false },
		{ "\xc0\xaf", "??", "??", false },		/* too long a form */
		{ "\xe0\x80\xaf", "???", "???", false },
		{ "\xed\xa0\x80", "???", "???", false },	/* surrogate */
		{ "\xf4\x90\x80\x80", "????", "????", false },
		{ "\xff\xfe", "??", "??", false },
		{ "\xe2\x80\xa8", "?", "?", false },		/* line separator */
		{ "\xe2\x81\xa6", "?", "?", false },		/* isolate */
		{ "\xe2\x82" "a", "??a", "??a", false },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t n = strlen(cases[i].in);

		assert_string_equal(text_printable(out, sizeof out, cases[i].in, n,
		    false), cases[i].out);
		assert_string_equal(text_printable(out, sizeof out, cases[i].in, n,
		    true), cases[i].multiline);
		assert_int_equal(text_is_plain(cases[i].in, n), cases[i].plain);
		memcpy(out, cases[i].in, n + 1);
		assert_string_equal(text_printable(out, sizeof out, out, n, false),
		    cases[i].out);
	}
	assert_string_equal(text_printable(out, sizeof out, "a\0b", 3, false), "a?b");
	assert_false(text_is_plain("a\0b", 3));
}

static void
text_is_cut_between_characters(void **state)
{
	char out[8];

	(void)state;
	assert_string_equal(text_printable(out, 1, "abc", 3, false), "");
	assert_string_equal(text_printable(out, 3, "abc", 3, false), "ab");
	assert_string_equal(text_printable(out, 3, "a\xe2\x82\xac", 4, false), "a");
	assert_string_equal(text_printable(out, 5, "a\xe2\x82\xac", 4, false),
	    "a\xe2\x82\xac");
}

static void
no_bar_without_a_terminal_or_when_quiet(void **state)
{
	(void)state;
	log_setup("prog", LOG_NORMAL);
	listen_to_pipe();
	progress_start("fetch", 1000, true);
	progress_at(500);
	progress_end();
	assert_string_equal(heard(), "");
	log_setup("prog", LOG_QUIET);
	listen_to_terminal(80);
	progress_start("fetch", 1000, true);
	progress_at(500);
	progress_end();
	assert_string_equal(heard(), "");
}

static void
a_bar_fits_its_terminal_and_leaves_no_trace(void **state)
{
	static const unsigned short widths[] = { 20, 40, 80, 200 };

	(void)state;
	log_setup("prog", LOG_NORMAL);
	for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
		const struct timespec pause = { .tv_nsec = 120000000 };
		const char *text;
		size_t len;

		listen_to_terminal(widths[i]);
		progress_start("fetch", 2000000, true);
		(void)nanosleep(&pause, NULL);
		progress_at(1000000);
		log_say("news");
		progress_end();
		text = heard();
		if (widths[i] >= 80) {
			assert_non_null(strstr(text, "50 %"));
			assert_non_null(strstr(text, "1.0 MB of 2.0 MB"));
		}
		for (const char *p = strtok(said, "\r\n"); p != NULL;
		    p = strtok(NULL, "\r\n")) {
			len = strcspn(p, "\033");
			assert_true(len < widths[i]);
		}
	}
}

static void
what_is_said_takes_the_bar_off_its_line_first(void **state)
{
	const char *text;

	(void)state;
	log_setup("prog", LOG_NORMAL);
	listen_to_terminal(80);
	progress_start("fetch", 0, true);
	log_say("news");
	progress_end();
	text = heard();
	assert_non_null(strstr(text, "\r\033[Knews"));
	listen_to_terminal(80);
	progress_start("fetch", 100, false);
	progress_end();
	text = heard();
	assert_true(strlen(text) > 4);
	assert_string_equal(text + strlen(text) - 4, "\r\033[K");
}

static void
a_bar_is_drawn_ten_times_a_second_at_most(void **state)
{
	const char *text;
	unsigned drawn = 0;

	(void)state;
	log_setup("prog", LOG_NORMAL);
	listen_to_terminal(80);
	progress_start("fetch", 100000, true);
	for (int i = 0; i < 100000; i++)
		progress_add(1);
	progress_end();
	text = heard();
	for (; (text = strstr(text, "fetch")) != NULL; text++)
		drawn++;
	assert_in_range(drawn, 1, 20);
}

static void *
add_many(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000; i++)
		progress_add(1);
	return NULL;
}

static void
threads_may_all_add(void **state)
{
	const struct timespec pause = { .tv_nsec = 120000000 };
	pthread_t threads[4];
	const char *text;

	(void)state;
	log_setup("prog", LOG_NORMAL);
	listen_to_terminal(80);
	progress_start("pack", 4001, false);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_many, NULL), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	(void)nanosleep(&pause, NULL);
	progress_add(1);
	progress_end();
	text = heard();
	assert_non_null(strstr(text, "4001 of 4001"));
	assert_non_null(strstr(text, "100 %"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_choose_what_is_said),
		cmocka_unit_test(names_from_outside_do_not_drive_the_terminal),
		cmocka_unit_test(text_is_kept_where_it_is_harmless),
		cmocka_unit_test(text_is_cut_between_characters),
		cmocka_unit_test(no_bar_without_a_terminal_or_when_quiet),
		cmocka_unit_test(a_bar_fits_its_terminal_and_leaves_no_trace),
		cmocka_unit_test(what_is_said_takes_the_bar_off_its_line_first),
		cmocka_unit_test(a_bar_is_drawn_ten_times_a_second_at_most),
		cmocka_unit_test(threads_may_all_add),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
