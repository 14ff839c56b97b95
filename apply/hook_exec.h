/*
 * hook_exec.h - run one program and be sure that it has ended, all of it.
 *
 *	applier --fork--> supervisor --fork--> program
 *
 * The supervisor is a child subreaper in a session of its own: whatever the
 * program leaves behind becomes its child and is killed, and when the applier
 * dies it kills the program first.  The program leads its own session, has
 * /dev/null as standard input, no descriptor above 2, default signals, umask
 * 022, "/" as its folder, and exactly the environment given.
 */
#ifndef APPLY_HOOK_EXEC_H
#define APPLY_HOOK_EXEC_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

enum { HOOK_OUTPUT_MAX = 64 * 1024 };	/* kept: the first and the last half */

struct hook_output {
	uint8_t *head, *tail;		/* HOOK_OUTPUT_MAX / 2 each, tail a ring */
	size_t head_len;
	uint64_t tail_total;		/* bytes that went to the ring */
};

struct hook_exec {
	const char *what;		/* "hook migrate", for messages */
	const char *path;		/* the program, absolute; or NULL and */
	const char *line;		/* a command line for /bin/sh -c */
	char **env;			/* NULL-terminated */
	const char *user;		/* switch to it; NULL: stay */
	uid_t uid;
	gid_t gid;
	uint32_t timeout_s;		/* 0: no limit */
	bool keep;			/* it starts a service: what it leaves behind
					 * stays, and its output goes nowhere */
};

/* 0 when it ended with exit status 0.  ERR_POLICY: exit status, signal, time-out,
 * not executable, interpreter missing.  ERR_CANCEL: a signal came for us.
 * Others: it could not be started. */
int hook_exec(const struct hook_exec *, struct hook_output *, struct err *);

int hook_output_init(struct hook_output *, struct err *);
void hook_output_free(struct hook_output *);
void hook_output_add(struct hook_output *, const void *, size_t);

/* Can this file be run at all?  ERR_POLICY says why not: no execute permission,
 * an interpreter line that ends in a carriage return, no such interpreter. */
int hook_exec_check(const struct hook_exec *, struct err *);

/* hook_child.c: the supervisor; never returns.  `output` -1: none. */
struct hook_child {
	const struct hook_exec *exec;
	int output;			/* the program's standard output and error */
	int report;			/* struct hook_report is written here */
};
enum hook_report_kind { HOOK_ENDED, HOOK_TIMED_OUT, HOOK_NOT_STARTED, HOOK_STOPPED };
struct hook_report {
	enum hook_report_kind kind;
	int value;			/* wait status, or errno */
	const char *doing;		/* of HOOK_NOT_STARTED; literal, same image */
};
void hook_supervise(const struct hook_child *, pid_t applier) __attribute__((noreturn));

#endif
