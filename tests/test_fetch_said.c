/*
 * What a host says of its answer before it comes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "apply/fetch.h"

#include "tests/lab/raw_server.h"

/* Not a byte is taken of what is too long by the host's own word. */
static void
a_small_body_that_is_said_to_be_long_is_not_received(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n";
	static char much[5000];
	const struct raw_answer answers[] = { { head, much, sizeof much, 0 } };
	struct raw_server *s = raw_server_open(answers, 1);
	struct buf out = BUF_INIT(4999);
	struct err e = ERR_INIT;
	struct fetch *fetch = fetch_new(NULL, &e);
	uint64_t requests, bytes;
	char url[64];

	(void)state;
	assert_non_null(fetch);
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%d/x", raw_server_port(s));
	assert_int_equal(fetch_small(fetch, url, &out, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	fetch_counts(fetch, &requests, &bytes);
	assert_int_equal(requests, 1);
	assert_int_equal(bytes, 0);
	assert_int_equal(out.len, 0);
	raw_server_close(s);
	fetch_free(fetch);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_body_that_is_said_to_be_long_is_not_received),
	};

	return cmocka_run_group_tests_name("fetch_said", tests, NULL, NULL);
}
