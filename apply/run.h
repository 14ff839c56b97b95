/*
 * run.h - one run of the applier over one application, and its steps.
 *
 * drive.c holds the table and the loop: the mark naming a step is on stable
 * storage before the step acts; a step looks, acts, and may be entered any
 * number of times.  From stop on, crashes count as tries.
 */
#ifndef APPLY_RUN_H
#define APPLY_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "manifest/base/err.h"

#include "apply/device.h"
#include "apply/journal.h"
#include "apply/plan.h"

struct fetch;
struct session;

enum step_result {
	STEP_DONE,	/* the promise holds on disk */
	STEP_FAIL,	/* take the fail edge; err says why */
	STEP_LATER,	/* keep the mark, end the process; next run resumes here */
	STEP_AGAIN,	/* plan anew (an edge failed, something newer appeared) */
	STEP_NOTHING	/* idle only: nothing to do */
};

struct run {
	struct device *dev;
	struct journal *journal;
	struct mark mark;		/* as last written */
	struct plan plan;		/* valid from preflight on */
	bool has_plan;
	struct choose_options options;
	bool dry_run, download_only, json;
	bool recovering; /* the boot-time command: no network, no service */
	bool installed;			/* something was installed by this run */
	struct mark last;		/* of the update or rollback that ended in it */
	struct sha256 bad[CHAIN_HOPS_MAX];	/* objects that failed in this run */
	size_t n_bad;
	struct err bad_why;		/* of the last of them */
	bool tree_modified; /* the live tree is not its listing: plan from nothing */
	uint64_t requests, bytes;	/* of this run */
	int exit_status;		/* what the run comes to */
	char reason[64];		/* stable code of the end, for status */
	struct fetch *fetch;		/* made at first use: run_fetch() */
	struct session *session;	/* the same: run_refresh() */
	bool refreshed;			/* by this run, over the network */
	time_t refreshed_at;		/* when, by the clock that never steps */
};

/* A run over an open and locked device; opens its journal.  The device stays
 * the caller's.  ERR_POLICY: the journal is of a newer applier. */
int run_open(struct run *, struct device *, struct err *);
void run_close(struct run *);		/* after run_open() only, also a failed one */
/* NULL on error; owned by the run. */
struct fetch *run_fetch(struct run *, struct err *);
/* Signed metadata, fresh once a run; see session_refresh(). */
time_t run_seconds(void);	/* monotonic */
int run_refresh(struct run *, struct err *);

/* The steps; what each promises is in docs/steps.md and design. */
enum step_result step_idle(struct run *, struct err *);
enum step_result step_preflight(struct run *, struct err *);
enum step_result step_download(struct run *, struct err *);
enum step_result step_stage(struct run *, struct err *);
enum step_result step_verify(struct run *, struct err *);
enum step_result step_wait(struct run *, struct err *);
enum step_result step_stop(struct run *, struct err *);
enum step_result step_backup(struct run *, struct err *);
enum step_result step_migrate(struct run *, struct err *);
enum step_result step_swap(struct run *, struct err *);
enum step_result step_start(struct run *, struct err *);
enum step_result step_health(struct run *, struct err *);
enum step_result step_commit(struct run *, struct err *);
enum step_result step_rollback(struct run *, struct err *);
enum step_result step_stuck(struct run *, struct err *);

/* Run steps until done, later or stuck.  Returns the exit status. */
int drive(struct run *, struct err *);

#endif
