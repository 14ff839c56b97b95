/*
 * log.h - talk for people, on standard error; data goes to standard output.
 *
 * Control characters in what is said are replaced, so a name from outside
 * cannot drive the terminal.  Not for secrets, ever.
 */
#ifndef MANIFEST_BASE_LOG_H
#define MANIFEST_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

enum log_level { LOG_QUIET, LOG_NORMAL, LOG_VERBOSE };

/* `program` is put in front of warnings and errors; borrowed for good. */
void log_setup(const char *program, enum log_level);
void log_set_level(enum log_level);
enum log_level log_level_now(void);

void log_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_detail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Warnings and the final error are printed when quiet too. */
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_error(const struct err *);

/* A bar of done against total, drawn only when standard error is a terminal
 * and not quiet; thread-safe.  total 0: unknown.  End with progress_end. */
void progress_start(const char *what, uint64_t total, bool in_bytes);
void progress_at(uint64_t done);
void progress_add(uint64_t more);
void progress_end(void);

/* n bytes as text that a terminal may see: control characters, DEL, C1, line
 * and direction controls of Unicode and broken UTF-8 become '?', newline and
 * tab too unless keep_newlines.  out gets at most max (> 0) bytes with the NUL
 * and is returned; it may be `text` itself. */
char *text_printable(char *out, size_t max, const char *text, size_t n,
    bool keep_newlines);
/* Is all of it free of what text_printable would replace (newline and tab allowed)? */
bool text_is_plain(const char *text, size_t n);

#endif
