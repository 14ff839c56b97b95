/*
 * tuf_device.h - a device's metadata folder, and the client on it, for tests.
 */
#ifndef TESTS_LAB_TUF_DEVICE_H
#define TESTS_LAB_TUF_DEVICE_H

#include "tests/lab/tuf_sim.h"

struct tuf_device {
	char path[64];
	int dir;
	struct tuf_clock clock;
	struct tuf *tuf; /* open after tuf_device_open() */
};

/* A fresh folder that trusts the simulator's 1.root.json. */
struct tuf_device *device_new(struct tuf_sim *);
void device_free(struct tuf_device *);

/* The client is opened (again) over the simulator; NULL: without a source. */
int tuf_device_open(struct tuf_device *, struct tuf_sim *, struct err *);
/* Open, refresh; the client stays open. */
int device_refresh(struct tuf_device *, struct tuf_sim *, struct err *);
/* The same, and it must succeed. */
void device_must_refresh(struct tuf_device *, struct tuf_sim *);

/* Raw files of the folder. */
bool device_has(const struct tuf_device *, const char *name);
void device_read(const struct tuf_device *, const char *name, struct buf *out);
void device_write(const struct tuf_device *, const char *name, const void *, size_t n);
/* version of a stored role, 0 when there is none. */
int64_t device_version(const struct tuf_device *, const char *name);
/* Is the stored file byte for byte that of the simulator? */
bool device_same(
    const struct tuf_device *, const char *name, struct tuf_sim *, const char *sim_name);

#endif
