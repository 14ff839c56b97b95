/*
 * decoder_child.h - finding, starting and ending delta-apply-decode; for decoder*.c.
 *
 * It stands beside delta-apply, or in the folder that was given to `make install`.  It
 * leads a session of its own, has the socket as standard input, /dev/null as its
 * outputs, no environment, and is killed when delta-apply dies.
 */
#ifndef APPLY_DECODER_CHILD_H
#define APPLY_DECODER_CHILD_H

#include <sys/types.h>

#include <stdbool.h>

#include "manifest/base/err.h"

struct decoder_child {
	pid_t pid;		/* -1: none */
	int sock;		/* -1: none; packets, decode/wire.h */
};

/* Find the program now: all that start later in this process are of that file, even if
 * another was put into its place. */
int decoder_child_hold(struct err *);
int decoder_child_start(struct decoder_child *, struct err *);
/* It ends and is reaped.  `gone`: it ended the talk, so it gets a second to end by
 * itself; how[] says how it ended. */
enum { DECODER_END_MAX = 128 };
void decoder_child_end(struct decoder_child *, bool gone,
    char how[static DECODER_END_MAX]);

#endif
