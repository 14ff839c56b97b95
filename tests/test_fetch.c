/*
 * test_fetch.c - objects from a real nginx, from files, and from a host that lies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "apply/fetch.h"
#include "apply/spool.h"

#include "tests/lab/device.h"
#include "tests/lab/lab.h"
#include "tests/lab/raw_server.h"

enum { BODY = 300000 };
/* Names as the host's configuration lets them through. */
#define NAME64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OBJECT "targets/1/" NAME64 ".object"
#define SMALL "targets/2/" NAME64 ".small"

static struct lab *lab;			/* nginx, over www/ */
static struct lab_device *device;
static struct fetch *fetch;
static uint8_t body[BODY];
static struct object object;
static char url[512];
static int tls_port;			/* of the same nginx */

static int
open_all(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	device = lab_device_open(SWAP_SYMLINK, NULL);
	device->conf.connect_timeout_s = 5;
	device->conf.low_speed_time_s = 1;
	device->conf.low_speed_bytes = 100;
	device->conf.total_timeout_s = 20;
	device->conf.retries = 1;
	fetch = fetch_new(&device->conf, &e);
	assert_non_null(fetch);
	return 0;
}

static int
close_all(void **state)
{
	(void)state;
	fetch_free(fetch);
	lab_device_close(device);
	return 0;
}

static const char locations[] =
    "location = /busy { return 503; }\n"
    "location = /forbidden { return 403; }\n"
    "location = /moved { return 302 /" OBJECT "; }\n"
    "location = /round { return 302 /round; }\n"
    "location = /elsewhere { return 302 file:///etc/passwd; }\n"
    "location = /down { return 302 http://127.0.0.1:%d/" OBJECT "; }\n";

static int
serve(void **state)
{
	struct err e = ERR_INIT;
	char extra[2048];
	int n;

	(void)state;
	lab = lab_open();
	for (size_t i = 0; i < BODY; i++)
		body[i] = (uint8_t)(i * i / 7 + i);
	lab_write_bytes(lab, "www/" OBJECT, body, BODY);
	lab_write(lab, "www/" SMALL, "%s", "twelve bytes");
	tls_port = lab_free_port();
	n = snprintf(extra, sizeof extra, locations, lab->port = lab_free_port());
	(void)snprintf(extra + n, sizeof extra - (size_t)n, "listen 127.0.0.1:%d ssl;\n"
	    "ssl_certificate %s/tls.crt;\nssl_certificate_key %s/tls.key;\n", tls_port,
	    lab->dir, lab->dir);
	lab_ok(lab, "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
	    "-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -days 2 "
	    "-keyout tls.key -out tls.crt 2>/dev/null");
	lab_serve(lab, "www", extra);
	(void)snprintf(object.path, sizeof object.path, "1/any.tar.zst");
	object.bytes = BODY;
	assert_int_equal(sha256_of(body, BODY, &object.sha256, &e), 0);
	return 0;
}

static int
serve_end(void **state)
{
	(void)state;
	lab_close(lab);
	return 0;
}

static const char *
nginx_url(const char *path)
{
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%d/%s", lab->port, path);
	return url;
}

static const char *
raw_url(const struct raw_server *s)
{
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%d/o", raw_server_port(s));
	return url;
}

static void
must_fetch(const char *from)
{
	struct err e = ERR_INIT;
	struct sha256 got;
	int fd;

	if (fetch_object(fetch, &device->dev, from, &object, &e) == -1)
		fail_msg("%s", e.text);
	assert_true(spool_has(&device->dev, &object));
	if ((fd = spool_open(&device->dev, &object, &e)) == -1)
		fail_msg("%s", e.text);
	assert_int_equal(sha256_of_fd(fd, &got, NULL, &e), 0);
	assert_true(sha256_equal(&got, &object.sha256));
	(void)close(fd);
}

static enum err_code
must_fail(const char *from)
{
	struct err e = ERR_INIT;

	assert_int_equal(fetch_object(fetch, &device->dev, from, &object, &e), -1);
	assert_false(spool_has(&device->dev, &object));
	assert_true(e.text[0] != '\0');
	return e.code;
}

/* The first n bytes of `data` are there already, with this validator. */
static void
have_part(const uint8_t *data, size_t n, const char *etag)
{
	struct spool_part p;
	struct err e = ERR_INIT;

	assert_int_equal(spool_part_open(&device->dev, &object, &p, &e), 0);
	assert_int_equal(spool_part_restart(&p, etag, &e), 0);
	assert_int_equal(spool_part_add(&p, data, n, &e), 0);
	assert_int_equal(spool_part_sync(&p, &e), 0);
	spool_part_close(&p);
	assert_int_equal(spool_have_bytes(&device->dev, &object), n);
}

static void
fetch_brings_an_object_once(void **state)
{
	uint64_t requests, bytes;

	(void)state;
	must_fetch(nginx_url(OBJECT));
	must_fetch(nginx_url(OBJECT));
	fetch_counts(fetch, &requests, &bytes);
	assert_int_equal(requests, 1);
	assert_int_equal(bytes, BODY);
}

static void
fetch_resumes_where_it_was(void **state)
{
	uint64_t requests, bytes;

	(void)state;
	have_part(body, 100000, "");
	must_fetch(nginx_url(OBJECT));
	fetch_counts(fetch, &requests, &bytes);
	assert_int_equal(requests, 1);
	assert_int_equal(bytes, BODY - 100000);
}

static void
fetch_starts_over_when_the_validator_changed(void **state)
{
	uint64_t requests, bytes;

	(void)state;
	have_part(body, 100000, "\"another\"");
	must_fetch(nginx_url(OBJECT));
	fetch_counts(fetch, &requests, &bytes);
	assert_int_equal(bytes, BODY);	/* If-Range: a 200 */
	assert_int_equal(requests, 1);
}

static void
fetch_starts_over_where_there_are_no_ranges(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n";
	const struct raw_answer answers[] = { { head, body, BODY, 0 } };
	struct raw_server *s = raw_server_open(answers, 1);

	(void)state;
	have_part(body, 100000, "");
	must_fetch(raw_url(s));
	assert_non_null(strstr(raw_server_request(s, 0), "Range: bytes=100000-"));
	assert_int_equal(raw_server_count(s), 1);
	raw_server_close(s);
}

static void
fetch_repairs_a_part_that_was_wrong(void **state)
{
	static const uint8_t zeros[5000];

	(void)state;
	have_part(zeros, sizeof zeros, "");
	must_fetch(nginx_url(OBJECT));
}

static void
fetch_goes_on_after_a_cut_connection(void **state)
{
	static const char head[] =
	    "HTTP/1.1 200 OK\r\nETag: \"abc\"\r\nContent-Length: 300000\r\n\r\n";
	static const char rest[] =
	    "HTTP/1.1 206 Partial\r\nContent-Range: bytes 1000-299999/300000\r\n"
	    "ETag: \"abc\"\r\nContent-Length: 299000\r\n\r\n";
	const struct raw_answer answers[] = { { head, body, 1000, 0 },
		{ rest, body + 1000, BODY - 1000, 0 } };
	struct raw_server *s = raw_server_open(answers, 2);

	(void)state;
	must_fetch(raw_url(s));
	assert_null(strstr(raw_server_request(s, 0), "Range:"));
	assert_non_null(strstr(raw_server_request(s, 1), "Range: bytes=1000-"));
	assert_non_null(strstr(raw_server_request(s, 1), "If-Range: \"abc\""));
	raw_server_close(s);
}

static void
fetch_does_not_take_another_range(void **state)
{
	static const char wrong[] =
	    "HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-199999/300000\r\n"
	    "Content-Length: 200000\r\n\r\n";
	static const char whole[] = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n";
	const struct raw_answer answers[] = { { wrong, body, 200000, 0 },
		{ whole, body, BODY, 0 } };
	struct raw_server *s = raw_server_open(answers, 2);

	(void)state;
	have_part(body, 100000, "");
	must_fetch(raw_url(s));
	assert_null(strstr(raw_server_request(s, 1), "Range:"));
	raw_server_close(s);
}

static void
fetch_handles_416(void **state)
{
	static const char no[] = "HTTP/1.1 416 No\r\nContent-Range: bytes */5\r\n"
	    "Content-Length: 0\r\n\r\n";
	static const char whole[] = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n";
	const struct raw_answer answers[] = { { no, "", 0, 0 }, { whole, body, BODY, 0 } };
	struct raw_server *s = raw_server_open(answers, 2);

	(void)state;
	have_part(body, 100000, "");
	must_fetch(raw_url(s));
	assert_int_equal(raw_server_count(s), 2);
	raw_server_close(s);
}

static void
fetch_removes_wrong_bytes(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n";
	static uint8_t other[BODY];
	const struct raw_answer answers[] = { { head, other, BODY, 0 } };
	struct raw_server *s = raw_server_open(answers, 1);

	(void)state;
	assert_int_equal(must_fail(raw_url(s)), ERR_TRUST);
	assert_int_equal(spool_have_bytes(&device->dev, &object), 0);
	assert_int_equal(raw_server_count(s), 1);
	raw_server_close(s);
}

static void
fetch_stops_a_host_that_never_ends(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\n\r\n";	/* until it closes */
	static uint8_t more[BODY + 1];
	const struct raw_answer answers[] = { { head, more, sizeof more, 0 } };
	struct raw_server *s = raw_server_open(answers, 1);

	(void)state;
	memcpy(more, body, BODY);
	assert_int_equal(must_fail(raw_url(s)), ERR_TRUST);
	assert_int_equal(spool_have_bytes(&device->dev, &object), 0);
	raw_server_close(s);
}

static void
fetch_refuses_a_body_that_is_too_short(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n";
	const struct raw_answer answers[] = { { head, "captive por", 11, 0 } };
	struct raw_server *s = raw_server_open(answers, 1);

	(void)state;
	assert_int_equal(must_fail(raw_url(s)), ERR_TRUST);
	assert_int_equal(spool_have_bytes(&device->dev, &object), 0);
	raw_server_close(s);
}

static void
fetch_gives_up_on_a_silent_host(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n";
	const struct raw_answer answers[] = { { head, body, 10, 60 } };
	struct raw_server *s = raw_server_open(answers, 1);

	(void)state;
	device->conf.retries = 0;
	assert_int_equal(must_fail(raw_url(s)), ERR_NET);
	assert_int_equal(fetch_last_fault(fetch), FETCH_HOST);
	assert_int_equal(spool_have_bytes(&device->dev, &object), 10);
	raw_server_close(s);
}

static void
fetch_tells_statuses_apart(void **state)
{
	(void)state;
	device->conf.retries = 0;
	assert_int_equal(must_fail(nginx_url("nothing")), ERR_ABSENT);
	assert_int_equal(must_fail(nginx_url("forbidden")), ERR_ABSENT);
	assert_int_equal(must_fail(nginx_url("busy")), ERR_NET);
	assert_int_equal(must_fail(nginx_url("round")), ERR_NET);
	assert_int_equal(must_fail(nginx_url("elsewhere")), ERR_NET);
	assert_int_equal(must_fail("http://127.0.0.1:1/"), ERR_NET);
	assert_int_equal(fetch_last_fault(fetch), FETCH_HOST);
	assert_int_equal(must_fail("http://no-such-host.invalid/"), ERR_NET);
	assert_int_equal(fetch_last_fault(fetch), FETCH_LOCAL);
	must_fetch(nginx_url("moved"));
}

static void
fetch_tries_again_after_503(void **state)
{
	static const char busy[] = "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\n"
	    "Content-Length: 0\r\n\r\n";
	static const char whole[] = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n";
	const struct raw_answer answers[] = { { busy, "", 0, 0 }, { whole, body, BODY, 0 } };
	struct raw_server *s = raw_server_open(answers, 2);

	(void)state;
	must_fetch(raw_url(s));
	assert_int_equal(raw_server_count(s), 2);
	raw_server_close(s);
}

static const char *
tls_url(const char *path)
{
	(void)snprintf(url, sizeof url, "https://127.0.0.1:%d/%s", tls_port, path);
	return url;
}

static void
fetch_over_tls_believes_the_configured_authority(void **state)
{
	char ca[300];

	(void)state;
	device->conf.retries = 0;
	assert_int_equal(must_fail(tls_url(OBJECT)), ERR_NET);
	(void)snprintf(ca, sizeof ca, "%s/tls.crt", lab->dir);
	device->conf.ca_file = ca;
	assert_int_equal(must_fail(tls_url("down")), ERR_NET);	/* never to http */
	must_fetch(tls_url(OBJECT));
	(void)snprintf(ca, sizeof ca, "/nowhere");
	assert_int_equal(fetch_status(fetch, tls_url(SMALL), 5, &(long){ 0 },
	    &(struct err)ERR_INIT), -1);
	assert_int_equal(fetch_last_fault(fetch), FETCH_LOCAL);
	device->conf.ca_file = NULL;
}

static void
fetch_reads_files(void **state)
{
	struct buf out = BUF_INIT(100);
	struct err e = ERR_INIT;

	(void)state;
	(void)snprintf(url, sizeof url, "file://%s/www/" OBJECT, lab->dir);
	have_part(body, 100000, "");
	must_fetch(url);
	(void)snprintf(url, sizeof url, "file://%s/www/%%74argets/2/" NAME64 ".small", lab->dir);
	assert_int_equal(fetch_small(fetch, url, &out, &e), 0);
	assert_string_equal(buf_text(&out), "twelve bytes");
	buf_free(&out);
}

static void
fetch_reads_no_fifo_device_or_folder(void **state)
{
	char path[300];

	(void)state;
	device->conf.retries = 0;
	(void)snprintf(path, sizeof path, "%s/fifo", device->dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	(void)snprintf(url, sizeof url, "file://%s", path);
	assert_int_equal(must_fail(url), ERR_NET);
	assert_int_equal(must_fail("file:///dev/zero"), ERR_NET);
	assert_int_equal(must_fail("file:///etc"), ERR_NET);
	assert_int_equal(must_fail("file:///no/such/file"), ERR_ABSENT);
}

static void
fetch_small_is_bounded_while_it_comes(void **state)
{
	static const char endless[] = "HTTP/1.1 200 OK\r\n\r\n";
	static char much[5000];
	const struct raw_answer answers[] = { { endless, much, sizeof much, 0 } };
	struct raw_server *s = raw_server_open(answers, 1);
	struct buf out = BUF_INIT(1000), fits = BUF_INIT(12);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(fetch_small(fetch, raw_url(s), &out, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_int_equal(raw_server_count(s), 1);
	assert_int_equal(fetch_small(fetch, nginx_url(SMALL), &fits, &e), 0);
	assert_string_equal(buf_text(&fits), "twelve bytes");
	fits.max = 11;
	fits.len = 0;
	assert_int_equal(fetch_small(fetch, nginx_url(SMALL), &fits, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_int_equal(fits.len, 0);
	raw_server_close(s);
	buf_free(&out);
	buf_free(&fits);
}

static void
fetch_status_reports_any_answer(void **state)
{
	struct err e = ERR_INIT;
	long status = 0;

	(void)state;
	assert_int_equal(fetch_status(fetch, nginx_url(SMALL), 5, &status, &e), 0);
	assert_int_equal(status, 200);
	assert_int_equal(fetch_status(fetch, nginx_url("busy"), 5, &status, &e), 0);
	assert_int_equal(status, 503);
	assert_int_equal(fetch_status(fetch, nginx_url("moved"), 5, &status, &e), 0);
	assert_int_equal(status, 302);
	assert_int_equal(fetch_status(fetch, "http://127.0.0.1:1/", 5, &status, &e), -1);
}

#define FETCH_TEST(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FETCH_TEST(fetch_brings_an_object_once),
		FETCH_TEST(fetch_resumes_where_it_was),
		FETCH_TEST(fetch_starts_over_when_the_validator_changed),
		FETCH_TEST(fetch_starts_over_where_there_are_no_ranges),
		FETCH_TEST(fetch_repairs_a_part_that_was_wrong),
		FETCH_TEST(fetch_goes_on_after_a_cut_connection),
		FETCH_TEST(fetch_does_not_take_another_range),
		FETCH_TEST(fetch_handles_416),
		FETCH_TEST(fetch_removes_wrong_bytes),
		FETCH_TEST(fetch_stops_a_host_that_never_ends),
		FETCH_TEST(fetch_refuses_a_body_that_is_too_short),
		FETCH_TEST(fetch_gives_up_on_a_silent_host),
		FETCH_TEST(fetch_tells_statuses_apart),
		FETCH_TEST(fetch_tries_again_after_503),
		FETCH_TEST(fetch_over_tls_believes_the_configured_authority),
		FETCH_TEST(fetch_reads_files),
		FETCH_TEST(fetch_reads_no_fifo_device_or_folder),
		FETCH_TEST(fetch_small_is_bounded_while_it_comes),
		FETCH_TEST(fetch_status_reports_any_answer),
	};

	return cmocka_run_group_tests_name("fetch", tests, serve, serve_end);
}
