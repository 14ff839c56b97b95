/*
 * lab.h - a scratch folder, the real programs, a real nginx: for flow tests.
 *
 *	struct lab *l = lab_open();
 *	lab_ok(l, "mkdelta init repo");
 *	lab_expect(l, 2, "mkdelta release repo tree --number 0");
 *	assert_true(lab_said(l, "number 0"));
 *	lab_close(l);
 *
 * Commands run by /bin/sh -c in the lab's folder with the programs of $BIN
 * (default build/bin) first in PATH and a fixed environment (no CI variable).
 * A failing expectation prints the command and both outputs and fails the test.
 */
#ifndef TESTS_LAB_LAB_H
#define TESTS_LAB_LAB_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* For an application of the lab, configured by its app.conf. */
#define DELTA_APPLY "delta-apply --config app.conf "

struct lab {
	char dir[256];		/* absolute, made by mkdtemp */
	char *out, *err;	/* of the last command, NUL-terminated */
	size_t out_len, err_len;
	int status;		/* exit status, 128 + signal */
	int port;		/* of nginx, 0 none */
	pid_t nginx;
};

struct lab *lab_open(void);
void lab_close(struct lab *);		/* nginx ended, the folder removed */
/* One with a repository, and a tree t with two files, a folder and a link. */
struct lab *lab_with_tree(void);
/* For cmocka: a lab for each test, as its *state. */
int lab_setup(void **state);
int lab_teardown(void **state);
#define LAB_TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

/* Run; the status is returned (128 + signal when killed, 124 after 120 s). */
int lab_run(struct lab *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void lab_ok(struct lab *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void lab_expect(struct lab *, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Does the last command's standard output or error contain it? */
bool lab_said(const struct lab *, const char *text);
void lab_must_say(const struct lab *, const char *text);

/* Files below the lab's folder; missing folders are made. */
void lab_write(struct lab *, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void lab_write_bytes(struct lab *, const char *path, const void *, size_t);
/* n bytes that only depend on seed and compress by about a half. */
void lab_fill(struct lab *, const char *path, size_t n, unsigned seed);
char *lab_read(struct lab *, const char *path);	/* owned; NULL: not there */
bool lab_exists(struct lab *, const char *path);
/* Flip one bit of the byte at offset (from the end when negative). */
void lab_flip(struct lab *, const char *path, long offset);

/* The same entries: type, mode, size, content, link targets; .delta left out. */
bool lab_same_tree(struct lab *, const char *a, const char *b);

/* nginx on a free loopback port over the folder `www` of the lab, configured by
 * `delta-host config nginx`; `extra` (may be NULL) is put into the server block. */
void lab_serve(struct lab *, const char *www, const char *extra);
void lab_serve_stop(struct lab *);
/* Lines of nginx's access log that contain text since the last call to
 * lab_log_clear(). */
unsigned lab_requests(struct lab *, const char *text);
uint64_t lab_sent_bytes(struct lab *);	/* body bytes in the log */
void lab_log_clear(struct lab *);

int lab_free_port(void);

#endif
