/*
 * app.h - one application on a device of the lab, configured the plain way.
 *
 * Everything of the device lies below dev/: demo (the root), state, run.  The
 * repository is repo, asked for over nginx when the lab serves one, else as
 * files.  Commands begin with DELTA_APPLY.
 */
#ifndef TESTS_LAB_APP_H
#define TESTS_LAB_APP_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/lab/lab.h"

/* Write app.conf; `more` goes to its end and may open sections again. */
void app_configure(struct lab *, const char *more);

/* A repository with v1.0, v1.1 and v1.2, that differ in a little, and t as the last. */
void app_releases(struct lab *, size_t bytes);

/* The release that `version` says is running, 0 none; status and tree agree. */
void app_runs(struct lab *, unsigned release);

/* A line for each entry of dev/ outside run: name, times, size.  What a run that
 * may not write anything leaves as it was. */
void app_remember(struct lab *, const char *file);
void app_unchanged_since(struct lab *, const char *file);

/* Body bytes that nginx sent of objects, since lab_log_clear(). */
uint64_t app_object_bytes(struct lab *);

/* The number after "key": in the last command's output. */
uint64_t app_number(const struct lab *, const char *key);

#endif
