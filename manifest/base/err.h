/*
 * err.h - one error value, filled where the fault is seen.
 *
 * A function that can fail takes `struct err *e` as its last parameter and
 * returns -1 (or NULL).  The code tells programs what to do, the text tells
 * people what happened: the thing, then the fact, lower case, no final period.
 * err_wrap() adds context in front on the way up; main prints exactly one line.
 */
#ifndef MANIFEST_BASE_ERR_H
#define MANIFEST_BASE_ERR_H

enum err_code {
	ERR_NONE,
	ERR_IO,		/* the system refused: exit 1 */
	ERR_NOMEM,	/* out of memory: exit 1 */
	ERR_FAIL,	/* anything else that failed: exit 1 */
	ERR_USAGE,	/* command line or configuration: exit 2 */
	ERR_NET,	/* network, try later: exit 3 */
	ERR_ABSENT,	/* a name that does not exist (file, 404): exit 3 */
	ERR_TRUST,	/* a hash or signature is wrong: exit 4 */
	ERR_FORMAT,	/* malformed bytes: exit 4 */
	ERR_POLICY,	/* refused by policy, hook or health; stuck: exit 5 */
	ERR_BUSY,	/* somebody else holds the lock: exit 6 */
	ERR_ROOM,	/* not enough room on the disk: exit 7 */
	ERR_STALE,	/* expired metadata or a wrong clock: exit 9 */
	ERR_CANCEL	/* interrupted by a signal: exit 1 */
};

enum { ERR_TEXT_MAX = 2048 };

struct err {
	enum err_code code;
	int sys;			/* errno where the system said no, else 0 */
	char text[ERR_TEXT_MAX];	/* always NUL-terminated, printable */
};

#define ERR_INIT { ERR_NONE, 0, "" }

/* Fill *e, replacing what stood there.  Always returns -1. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Fill *e from errno: "fmt: strerror".  ENOSPC and EDQUOT become ERR_ROOM,
 * ENOENT becomes ERR_ABSENT, ENOMEM ERR_NOMEM, the rest ERR_IO.  Returns -1. */
int err_sys(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Put "fmt: " in front of the text, keep the code.  Returns -1. */
int err_wrap(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Append "; fmt" to the text: what to do about it.  Returns -1. */
int err_hint(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

void err_clear(struct err *e);

/* The exit status of all programs for this error (design: 0..9). */
int err_exit_status(const struct err *e);

/* A stable word for programs: "io", "network", "trust"... */
const char *err_word(enum err_code code);

/* The analyzer looks at one file at a time: tell it what these return. */
#if defined(__clang_analyzer__) && !defined(ERR_BODIES)
#define err_set(...) ((err_set)(__VA_ARGS__), -1)
#define err_sys(...) ((err_sys)(__VA_ARGS__), -1)
#define err_wrap(...) ((err_wrap)(__VA_ARGS__), -1)
#define err_hint(...) ((err_hint)(__VA_ARGS__), -1)
#endif

#endif
