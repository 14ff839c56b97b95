/*
 * names.h - names of channels, platforms, versions and targets.
 *
 * Target paths (TUF, before the hash prefix of consistent snapshots):
 *	42/linux-arm64.tree.zst         the listing
 *	42/linux-arm64.tar.zst          the full
 *	42/linux-arm64.from-41.delta    a delta
 *	42/linux-arm64.notes.md         release notes
 */
#ifndef MANIFEST_NAMES_H
#define MANIFEST_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

enum { NAME_MAX_CHANNEL = 32, NAME_MAX_PLATFORM = 32, NAME_MAX_VERSION = 64,
	NAME_MAX_PATH = 160 };
#define RELEASE_MAX ((uint64_t)INT64_MAX)	/* 1 .. 2^63 - 1 */

enum target_kind { TARGET_TREE, TARGET_FULL, TARGET_DELTA, TARGET_NOTES };

struct target_name {
	enum target_kind kind;
	uint64_t release;		/* >= 1 */
	uint64_t from;			/* deltas: >= 1 */
	char platform[NAME_MAX_PLATFORM + 1];
};

/* "[a-z][a-z0-9]{0,31}", not reserved (halt policy fleet root targets snapshot
 * timestamp): 0, else ERR_USAGE that says which rule. */
int name_check_channel(const char *, struct err *);
/* "any", or "[a-z0-9]+(-[a-z0-9_]+)*" up to 32 bytes. */
int name_check_platform(const char *, struct err *);
/* 1 to 64 of [A-Za-z0-9._+~-], beginning with a letter or digit. */
int name_check_version(const char *, struct err *);
/* A release number from a command line: 1 .. 2^63 - 1. */
int name_parse_release(const char *, uint64_t *, struct err *);

/* <0, 0, >0: digits by value, the rest by bytes, '~' before everything, a
 * leading "v" before a digit ignored (Debian policy 5.6.12, upstream part); '-'
 * before alpha, beta, dev, pre or rc counts as '~' (Semantic Versioning, 11). */
int version_compare(const char *, const char *);

/* Into out[NAME_MAX_PATH]. */
const char *target_path(const struct target_name *, char out[static NAME_MAX_PATH]);
int target_parse(const char *path, struct target_name *);	/* 0, else -1 */

/* "stable.linux-arm64" into out (NAME_MAX_PATH). */
const char *role_of_platform(const char *channel, const char *platform,
    char out[static NAME_MAX_PATH]);

/* This machine's platform ("linux-arm64", "linux-armhf", "linux-amd64",
 * else "linux-" and uname's word).  Static text. */
const char *platform_native(void);

#endif
