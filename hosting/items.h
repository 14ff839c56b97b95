/*
 * items.h - the files of a repository, in the order in which a host may get them.
 */
#ifndef HOSTING_ITEMS_H
#define HOSTING_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/base/hash.h"

/* The order in which classes may appear; timestamp.json, the last, is no item. */
enum item_class { CLASS_OBJECT, CLASS_ROOT, CLASS_ROLE, CLASS_SNAPSHOT, CLASS_NONE };

struct item {
	char *path;			/* "targets/...", "metadata/..." */
	enum item_class class;
	uint64_t bytes;
	bool there;			/* the host has it */
	int64_t changed;		/* when, seconds since 1970; 0 not known */
};

struct items {
	struct item *list;
	size_t n, cap;
};

enum item_class item_class_of(const char *path);
/* "application/json" and so on: what a host is to say of it. */
const char *item_type(const char *path);

/* All below an open folder, sorted by class, number and name. */
int items_gather(struct items *, int dir, struct err *);
int items_add(struct items *, const char *path, uint64_t bytes, struct err *);
/* With its time of change as strptime(3) reads it, in local time. */
int items_add_at(struct items *, const char *path, uint64_t bytes, const char *time,
    const char *format, struct err *);
void items_sort(struct items *);
/* By path, in a list that was sorted. */
struct item *items_find(const struct items *, const char *path);
void items_clear(struct items *);

/* Is what an object's fd holds what its name says?  ERR_TRUST. */
int item_check_object(int fd, const char *path, struct err *);

#endif
