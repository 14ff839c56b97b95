/*
 * jail.h - a process gives up all but computing, for good.
 *
 * Afterwards it can read and write what it has open, take memory up to a limit, and
 * end.  It opens, sends, starts, kills nothing; calls that are not needed for that
 * end it.  What a kernel lacks is left out and missing in the result: an
 * unprivileged process without network stays.
 */
#ifndef APPLY_DECODE_JAIL_H
#define APPLY_DECODE_JAIL_H

#include <stdint.h>

#include "manifest/base/err.h"

enum jail_layer {
	JAIL_USER = 1,		/* neither root nor who started it, no capabilities */
	JAIL_NETWORK = 2,	/* a network, IPC and mounts of its own: none */
	JAIL_FILES = 4,		/* Landlock: no file, no socket */
	JAIL_CALLS = 8,		/* seccomp: system calls by list */
};

struct jail {
	uint64_t memory;	/* bytes: address space it may add */
	uint64_t scratch;	/* bytes: no file grows beyond */
};

/* Call it with all libraries warm and descriptors above 2 closed.  *layers: those
 * that hold.  ERR_FAIL: the kernel has one that it refuses. */
int jail_enter(const struct jail *, unsigned *layers, struct err *);

/* jail_files.c: 1 done, 0 the kernel has none, -1. */
int jail_files(struct err *);
/* jail_calls.c: the same; 0 also for machines that we have no list for. */
int jail_calls(struct err *);

/* Sanitizers need more memory, files and calls than a decoder. */
#if defined(__SANITIZE_ADDRESS__)
#define JAIL_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define JAIL_SANITIZED 1
#endif
#endif
#ifndef JAIL_SANITIZED
#define JAIL_SANITIZED 0
#endif

#endif
