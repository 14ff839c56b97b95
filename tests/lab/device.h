/*
 * device.h - a device in a scratch folder, without its programs: for tests of
 * the tree side.  Every failure fails the test.
 */
#ifndef TESTS_LAB_DEVICE_H
#define TESTS_LAB_DEVICE_H

#include <stdint.h>

#include "manifest/listing.h"
#include "manifest/record.h"

#include "apply/conf.h"
#include "apply/device.h"

struct lab_device {
	char dir[256];		/* absolute, made by mkdtemp */
	char root[300];
	int fd;			/* of dir */
	struct conf conf;	/* text in it is not owned: never conf_clear() it */
	struct device dev;
};

/* `below`: where the scratch folder goes, NULL for TMPDIR or /tmp. */
struct lab_device *lab_device_open(enum swap_mode, const char *below);
void lab_device_close(struct lab_device *);

/* Run in the scratch folder by /bin/sh -c; must exit 0. */
void lab_device_sh(struct lab_device *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The record of the tree at `path` (below the scratch folder) as release N, and
 * its listing, owned. */
struct listing *lab_device_record(struct lab_device *, const char *path,
    uint64_t release, struct record *);
/* The tree gets its .delta/ as if it had been installed. */
void lab_device_sign(struct lab_device *, const char *path, uint64_t release);

#endif
